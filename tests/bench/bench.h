/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the benchmarks share: rounds of several candidates in turn, so that a machine whose speed drifts treats
 * all alike; medians of the rounds, and ratios to the first candidate round by round. Header only.
 */
#pragma once

#include <glib.h>
#include <stdlib.h>
#include <time.h>

#define BENCH_ROUNDS 21
#define BENCH_CANDIDATES 8

/* Does its work n times. */
typedef void (*BenchFunc) (gpointer user_data, guint n);

typedef struct
{
  const char *name;
  BenchFunc func;
  gpointer user_data;
  double ns[BENCH_ROUNDS];    /* for one of n */
  double ratio[BENCH_ROUNDS]; /* to the first candidate, in the same round */
} BenchCandidate;

static inline gint64
bench_now (void)
{
  struct timespec now;

  clock_gettime (CLOCK_MONOTONIC, &now);
  return (gint64) now.tv_sec * 1000000000 + now.tv_nsec;
}

static inline int
bench_compare (const void *a, const void *b)
{
  double x = *(const double *) a, y = *(const double *) b;

  return x < y ? -1 : x > y;
}

static inline double
bench_median (const double *values)
{
  double sorted[BENCH_ROUNDS];

  for (guint i = 0; i < BENCH_ROUNDS; i++)
    sorted[i] = values[i];
  qsort (sorted, BENCH_ROUNDS, sizeof (double), bench_compare);
  return sorted[BENCH_ROUNDS / 2];
}

/* Runs all candidates, n times each in each round, and fills in what they took. */
static inline void
bench_run (BenchCandidate *candidates, guint n_candidates, guint n)
{
  for (guint c = 0; c < n_candidates; c++)
    candidates[c].func (candidates[c].user_data, n / 4 + 1);
  for (guint round = 0; round < BENCH_ROUNDS; round++)
    {
      for (guint c = 0; c < n_candidates; c++)
        {
          gint64 start = bench_now ();

          candidates[c].func (candidates[c].user_data, n);
          candidates[c].ns[round] = (double) (bench_now () - start) / n;
        }
      for (guint c = 0; c < n_candidates; c++)
        candidates[c].ratio[round] = candidates[c].ns[round] / candidates[0].ns[round];
    }
}
