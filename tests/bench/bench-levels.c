/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a pair of leash_track() and leash_untrack() costs below 16 frames at each level, and without a
 * tracker. */
#include "bench-calls.h"

static void
prepare_untracked (gpointer user_data)
{
  BenchCall *call = user_data;

  call->ctx = leash_context_background ();
}

static void
prepare_level (BenchCall *call, LeashLevel level, guint every)
{
  bench_prepare_pair (call);
  leash_tracker_set_level (leash_context_get_tracker (call->ctx), level, every);
}

static void
prepare_off (gpointer call)
{
  prepare_level (call, LEASH_LEVEL_OFF, 0);
}

static void
prepare_count (gpointer call)
{
  prepare_level (call, LEASH_LEVEL_COUNT, 0);
}

static void
prepare_sample (gpointer call)
{
  prepare_level (call, LEASH_LEVEL_SAMPLE, 100);
}

int
main (int argc, char **argv)
{
  BenchCall calls[6];
  BenchCandidate candidates[] = {
    { .name = "an empty loop", .prepare = bench_prepare_nothing },
    { .name = "pair without a tracker", .prepare = prepare_untracked },
    { .name = "pair, level off", .prepare = prepare_off },
    { .name = "pair, level count", .prepare = prepare_count },
    { .name = "pair, level sample:100", .prepare = prepare_sample },
    { .name = "pair, level full", .prepare = bench_prepare_pair },
  };

  bench_init (argc, argv);
  for (guint i = 0; i < G_N_ELEMENTS (candidates); i++)
    {
      calls[i] = (BenchCall){ .frames = 16, .func = i > 0 ? bench_pair : bench_nothing, .path = BENCH_PATH };
      candidates[i].func = bench_at_depth;
      candidates[i].user_data = &calls[i];
    }
  bench_run (candidates, G_N_ELEMENTS (candidates), 100000);
  for (guint i = 0; i < G_N_ELEMENTS (candidates); i++)
    bench_figure (candidates[i].name, "ns", bench_median (candidates[i].ns));
  return 0;
}
