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
  printf ("| %u | %.1f | %.1f | %.1f |\n", n_paths, (double) all / N_OPEN,
          (double) (all > depot ? all - depot : 0) / N_OPEN, depot / 1024.0);
  fflush (stdout);
}

int
main (void)
{
  static const guint cases[] = { 1, 100, 10000 };

  printf ("| stacks | bytes per open resource | beside the depot | the depot, KiB |\n|---|---|---|---|\n");
  fflush (stdout);
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
