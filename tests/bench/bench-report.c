/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The time of a report of a thousand places, each a stack of 16 frames and more: the first one, and those
 * after. */
#include <leash/leash.h>

#include "bench-paths.h"
#include "bench.h"

#define N_STACKS 1000
#define N_REPORTS 5

static void
open_one (gpointer ctx)
{
  leash_track ((LeashContext *) ctx, "file", "a name");
}

/* In milliseconds. */
static double
time_report (LeashTracker *tracker, LeashFormat format)
{
  gint64 start = bench_now ();
  g_autofree char *report = leash_tracker_report_full (tracker, format, 0, 0);

  return (double) (bench_now () - start) / 1000000;
}

static double
time_best_report (LeashTracker *tracker, LeashFormat format)
{
  double best = time_report (tracker, format);

  for (guint i = 1; i < N_REPORTS; i++)
    best = MIN (best, time_report (tracker, format));
  return best;
}

int
main (int argc, char **argv)
{
  g_autoptr (LeashTracker) tracker = leash_tracker_new ();
  g_autoptr (LeashContext) ctx = leash_context_with_tracker (leash_context_background (), tracker);

  bench_init (argc, argv);
  leash_tracker_set_depth (tracker, 16);
  for (guint i = 0; i < N_STACKS; i++)
    bench_go_path (i, BENCH_PATH_BITS, open_one, ctx);
  bench_figure ("report of 1,000 stacks of 16 frames: text, the first", "ms",
                time_report (tracker, LEASH_FORMAT_TEXT));
  bench_figure ("report of 1,000 stacks of 16 frames: text, then", "ms",
                time_best_report (tracker, LEASH_FORMAT_TEXT));
  bench_figure ("report of 1,000 stacks of 16 frames: JSON, then", "ms",
                time_best_report (tracker, LEASH_FORMAT_JSON));
  return 0;
}
