/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The memory of a million open resources, opened from few stacks and from many: what the process's resident
 * memory grew by, the depot's share told apart. Each case runs in a child of its own, which starts small.
 */
#include <leash/leash.h>

#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench-paths.h"
#include "bench.h"
#include "leash-depot-private.h"

#define N_OPEN 1000000

static gsize
get_resident_bytes (void)
{
  g_autofree char *text = NULL;
  unsigned long total, resident;

  if (!g_file_get_contents ("/proc/self/statm", &text, NULL, NULL)
      || sscanf (text, "%lu %lu", &total, &resident) != 2)
    g_error ("/proc/self/statm cannot be read");
  return resident * (gsize) sysconf (_SC_PAGESIZE);
}

static void
open_one (gpointer ctx)
{
  leash_track ((LeashContext *) ctx, "file", NULL);
}

static void
tell (guint n_paths, const char *what, const char *unit, double value)
{
  g_autofree char *name = g_strdup_printf ("%s, from %u stacks", what, n_paths);

  bench_figure (name, unit, value);
}

static void
measure (guint n_paths)
{
  g_autoptr (LeashTracker) tracker = leash_tracker_new ();
  g_autoptr (LeashContext) ctx = leash_context_with_tracker (leash_context_background (), tracker);
  gsize resident = get_resident_bytes (), depot = leash_depot_get_bytes (), all;
  guint n_stacks = leash_depot_count ();

  for (guint i = 0; i < N_OPEN; i++)
    bench_go_path (i % n_paths, BENCH_PATH_BITS, open_one, ctx);
  all = get_resident_bytes () - resident;
  depot = leash_depot_get_bytes () - depot;
  if (leash_depot_count () - n_stacks < n_paths)
    g_error ("only %u stacks differ", leash_depot_count () - n_stacks);
  tell (n_paths, "an open resource, of 1,000,000", "bytes", (double) all / N_OPEN);
  tell (n_paths, "an open resource, beside the depot", "bytes",
        (double) (all > depot ? all - depot : 0) / N_OPEN);
  tell (n_paths, "the depot", "KiB", depot / 1024.0);
}

int
main (int argc, char **argv)
{
  static const guint cases[] = { 1, 100, 10000 };

  bench_init (argc, argv);
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      pid_t child = fork ();

      if (child == 0)
        {
          measure (cases[i]);
          _exit (0);
        }
      waitpid (child, NULL, 0);
    }
  return 0;
}
