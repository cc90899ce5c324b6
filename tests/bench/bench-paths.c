/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a pair costs where the calls above it change each time, below 16 frames: over fifty paths in random
 * order, as programs have, also when they have been learned; and at the worst for a memory of stacks, over
 * paths that lie elsewhere in the stack each time, some thousand of them and such as never come again. The
 * calls alone are measured too, and taken off.
 */
#include "bench-calls.h"

enum
{
  CALLS,
  BARE,
  PAIR,
  PAIR_LATER,
  PAIR_UNWOUND,
  N_CANDIDATES
};

/* The median of what a took over what b took, both without the calls. */
static double
compare (const BenchCandidate *candidates, guint a, guint b)
{
  double ratio[BENCH_ROUNDS];

  for (guint round = 0; round < bench_n_rounds (); round++)
    {
      double calls = candidates[CALLS].ns[round];

      ratio[round] = (candidates[a].ns[round] - calls) / (candidates[b].ns[round] - calls);
    }
  return bench_median (ratio);
}

static void
tell (const char *workload, const char *what, const char *unit, double value, double at_most)
{
  g_autofree char *name = g_strdup_printf ("%s: %s", workload, what);

  bench_target (name, unit, value, at_most);
}

static void
measure (const char *workload, guint n_paths, gboolean moves, double at_most)
{
  BenchCall calls[N_CANDIDATES];
  BenchCandidate candidates[N_CANDIDATES] = {
    [CALLS] = { .name = "the calls alone", .prepare = bench_prepare_nothing },
    [BARE] = { .name = "unw_backtrace()", .prepare = bench_prepare_nothing },
    [PAIR] = { .name = "pair", .prepare = bench_prepare_pair },
    [PAIR_LATER]
    = { .name = "pair, after the first million", .prepare = bench_prepare_pair, .warm_up = 1000000 },
    [PAIR_UNWOUND] = { .name = "pair, unwinding", .prepare = bench_prepare_unwind },
  };
  static const BenchFunc funcs[] = { bench_nothing, bench_unwind, bench_pair, bench_pair, bench_pair };

  for (guint i = 0; i < N_CANDIDATES; i++)
    {
      calls[i] = (BenchCall){ .frames = 16, .func = funcs[i], .n_paths = n_paths, .moves = moves };
      candidates[i].func = bench_over_paths;
      candidates[i].user_data = &calls[i];
    }
  bench_run (candidates, N_CANDIDATES, 10000);
  tell (workload, candidates[CALLS].name, "ns", bench_median (candidates[CALLS].ns), 0);
  for (guint i = BARE; i < N_CANDIDATES; i++)
    tell (workload, candidates[i].name, "ns",
          bench_median (candidates[i].ns) - bench_median (candidates[CALLS].ns), 0);
  tell (workload, "pair / unw_backtrace()", "x", compare (candidates, PAIR, BARE), 0);
  tell (workload, "pair, after the first million / unw_backtrace()", "x",
        compare (candidates, PAIR_LATER, BARE), 0);
  tell (workload, "pair / pair, unwinding", "x", compare (candidates, PAIR, PAIR_UNWOUND), at_most);
  tell (workload, "pair, after the first million / pair, unwinding", "x",
        compare (candidates, PAIR_LATER, PAIR_UNWOUND), at_most);
}

int
main (int argc, char **argv)
{
  bench_init (argc, argv);
  measure ("50 paths", 50, FALSE, 0);
  measure ("1,000 paths that move", 1000, TRUE, 1.3);
  measure ("paths that never repeat", 0, TRUE, 1.3);
  return 0;
}
