/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * bench-open [N] [options]: the memory of N open resources, a million by default, opened from few stacks and
 * from many, and by handle: what the process's resident memory grew by, the depot's share told apart, and
 * beside it what the slabs of tags and the tables of handles add up to. Each case runs in a child of its own,
 * which starts small. None has a name: those come on top.
 */
#include <leash/leash.h>

#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench-paths.h"
#include "bench.h"
#include "leash-depot-private.h"
#include "leash-tracker-private.h"

typedef struct
{
  const char *how;
  guint n_paths;
  void (*open) (gpointer ctx);
} Case;

static gsize n_open = 1000000;
static guintptr last_handle;

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
open_by_handle (gpointer ctx)
{
  leash_track_pointer ((LeashContext *) ctx, "file", (gconstpointer) ++last_handle, NULL);
}

static gsize
count_bytes (LeashTracker *tracker)
{
  gsize bytes = 0;

  for (guint i = 0; i < LEASH_N_SHARDS; i++)
    if (tracker->shards[i] != NULL)
      for (LeashSlab *slab = tracker->shards[i]->slabs; slab != NULL; slab = slab->next)
        bytes += LEASH_SLAB_SIZE;
  for (guint i = 0; i < LEASH_N_KEY_TABLES; i++)
    bytes += tracker->keys[i].n_chains * sizeof (gpointer);
  return bytes;
}

static void
tell (const Case *row, const char *what, const char *unit, double value, double at_most)
{
  g_autofree char *name = g_strdup_printf ("%s, by %s, from %u stacks", what, row->how, row->n_paths);

  if (at_most > 0)
    bench_target (name, unit, value, at_most);
  else
    bench_figure (name, unit, value);
}

static void
measure (const Case *row)
{
  g_autoptr (LeashTracker) tracker = leash_tracker_new ();
  g_autoptr (LeashContext) ctx = leash_context_with_tracker (leash_context_background (), tracker);
  gsize resident = get_resident_bytes (), depot = leash_depot_get_bytes (), all;
  guint n_stacks = leash_depot_count ();

  for (guint i = 0; i < n_open; i++)
    bench_go_path (i % row->n_paths, BENCH_PATH_BITS, row->open, ctx);
  all = get_resident_bytes () - resident;
  depot = leash_depot_get_bytes () - depot;
  if (leash_depot_count () - n_stacks < row->n_paths)
    g_error ("only %u stacks differ", leash_depot_count () - n_stacks);
  tell (row, "an open resource", "bytes", (double) all / n_open, 0);
  tell (row, "an open resource, beside the depot", "bytes", (double) (all > depot ? all - depot : 0) / n_open,
        64);
  tell (row, "an open resource, in slabs and tables", "bytes", (double) count_bytes (tracker) / n_open, 64);
  tell (row, "the depot", "KiB", depot / 1024.0, 0);
}

int
main (int argc, char **argv)
{
  static const Case cases[] = {
    { "tag", 1, open_one },
    { "tag", 100, open_one },
    { "tag", 10000, open_one },
    { "handle", 100, open_by_handle },
  };

  if (argc > 1 && g_ascii_isdigit (*argv[1]))
    {
      n_open = g_ascii_strtoull (argv[1], NULL, 10);
      argc--;
      argv++;
    }
  bench_init (argc, argv);
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      pid_t child = fork ();

      if (child == 0)
        {
          measure (&cases[i]);
          _exit (0);
        }
      waitpid (child, NULL, 0);
    }
  return 0;
}
