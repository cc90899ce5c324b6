/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the benchmarks share: rounds of several candidates in turn, so that a machine whose speed drifts
 * treats all alike; medians of the rounds, and ratios to the first candidate round by round. Header only.
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
  guint n_threads;         /* that each do n at once; 0 for the caller's, measured by the clock on the wall */
  double ns[BENCH_ROUNDS]; /* for one of n */
  double ratio[BENCH_ROUNDS]; /* to the first candidate, in the same round */
} BenchCandidate;

static inline gint64
bench_read_clock (clockid_t clock)
{
  struct timespec now;

  clock_gettime (clock, &now);
  return (gint64) now.tv_sec * 1000000000 + now.tv_nsec;
}

static inline gint64
bench_now (void)
{
  return bench_read_clock (CLOCK_MONOTONIC);
}

/*
 * Threads are measured by the processor's time, so that others who use the machine do not count: what a cache
 * line that moves costs is in it, and what a lock that sleeps costs the two switches of.
 */
static inline double
bench_measure (BenchCandidate *candidate, guint n)
{
  clockid_t clock = candidate->n_threads > 0 ? CLOCK_PROCESS_CPUTIME_ID : CLOCK_MONOTONIC;
  gint64 start = bench_read_clock (clock);

  candidate->func (candidate->user_data, n);
  return (double) (bench_read_clock (clock) - start) / n / MAX (candidate->n_threads, 1);
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
        candidates[c].ns[round] = bench_measure (&candidates[c], n);
      for (guint c = 0; c < n_candidates; c++)
        candidates[c].ratio[round] = candidates[c].ns[round] / candidates[0].ns[round];
    }
}
