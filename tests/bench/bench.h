/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the benchmarks share. Rounds of several candidates in turn, so that a machine whose speed drifts
 * treats all alike; medians of the rounds, and of ratios round by round. Figures, which are printed as rows
 * of a Markdown table, or for ./run as a JSON object a line: a benchmark that stops half way, or that
 * measures in children, has told what it knows. Header only.
 *
 * A benchmark begins with bench_init(), which takes the options that all have: --json, and --quick, which
 * only shows that it works.
 */
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define BENCH_ROUNDS 21 /* at most */
#define BENCH_ROUNDS_QUICK 3
#define BENCH_QUICK 50 /* a quick run does this part of the work */

/* Does its work n times. */
typedef void (*BenchFunc) (gpointer user_data, guint n);

typedef struct
{
  const char *name;
  BenchFunc func;
  gpointer user_data;
  void (*prepare) (gpointer user_data); /* NULL: runs here; else in a child of its own, after this */
  guint n_threads;                      /* that each do n at once; 0 for the caller's */
  gboolean is_wall;                     /* measured by the clock on the wall, not by the processor's time */
  guint part;                           /* what is slow does n / part; 0 is 1 */
  guint warm_up;                        /* times that it is done before the first round; 0 is n / 4 */
  double ns[BENCH_ROUNDS];              /* for one of n */
  FILE *ask, *answers;                  /* of the child */
} BenchCandidate;

/* Set by bench_init() only. */
static gboolean bench_is_json, bench_is_quick;

static inline void
bench_init (int argc, char **argv)
{
  for (int i = 1; i < argc; i++)
    if (strcmp (argv[i], "--json") == 0)
      bench_is_json = TRUE;
    else if (strcmp (argv[i], "--quick") == 0)
      bench_is_quick = TRUE;
    else
      g_error ("%s is no option: --json, --quick", argv[i]);
  if (!bench_is_json)
    printf ("| figure | | unit | at most |\n|---|--:|---|--:|\n");
  fflush (stdout);
}

/* n, or less of it in a quick run. */
static inline guint
bench_scale (guint n)
{
  return bench_is_quick ? n / BENCH_QUICK + 1 : n;
}

static inline void
bench_print_figure (const char *name, const char *unit, double value, double at_most)
{
  int digits = value < 10 ? 2 : value < 100 ? 1 : 0;

  if (bench_is_json)
    printf ("{\"name\": \"%s\", \"unit\": \"%s\", \"value\": %.6g", name, unit, value);
  else
    printf ("| %s | %.*f | %s |", name, digits, value, unit);
  if (at_most > 0)
    printf (bench_is_json ? ", \"at_most\": %g" : " %g |", at_most);
  puts (bench_is_json ? "}" : at_most > 0 ? "" : " |");
  fflush (stdout);
}

/* The name needs no quoting in JSON, and is the figure's own among those of all benchmarks. The unit is "x"
 * for a ratio. */
static inline void
bench_figure (const char *name, const char *unit, double value)
{
  bench_print_figure (name, unit, value, 0);
}

/* One that is meant to be at_most so much. It is told, never a failure: machines differ. */
static inline void
bench_target (const char *name, const char *unit, double value, double at_most)
{
  bench_print_figure (name, unit, value, at_most);
}

/* What stands in a figure's place, or beside the others, in words that need no quoting. */
static inline void
bench_note (const char *name, const char *note)
{
  if (bench_is_json)
    printf ("{\"name\": \"%s\", \"unit\": \"\", \"value\": null, \"note\": \"%s\"}\n", name, note);
  else
    printf ("| %s | %s | | |\n", name, note);
  fflush (stdout);
}

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
 * The processor's time does not count others who use the machine: what a cache line that moves costs is in
 * it, and of a lock that sleeps the two switches. A part of the work is done before, to have it in the
 * caches.
 */
G_ALWAYS_INLINE static inline double
bench_measure (BenchCandidate *candidate, guint n)
{
  clockid_t clock = candidate->is_wall ? CLOCK_MONOTONIC : CLOCK_PROCESS_CPUTIME_ID;
  gint64 start;

  candidate->func (candidate->user_data, n / 16 + 1);
  start = bench_read_clock (clock);
  candidate->func (candidate->user_data, n);
  return (double) (bench_read_clock (clock) - start) / n / MAX (candidate->n_threads, 1);
}

static inline int
bench_compare (const void *a, const void *b)
{
  double x = *(const double *) a, y = *(const double *) b;

  return x < y ? -1 : x > y;
}

static inline guint
bench_n_rounds (void)
{
  return bench_is_quick ? BENCH_ROUNDS_QUICK : BENCH_ROUNDS;
}

/* Of as many values as there are rounds. */
static inline double
bench_median (const double *values)
{
  double sorted[BENCH_ROUNDS];

  for (guint i = 0; i < bench_n_rounds (); i++)
    sorted[i] = values[i];
  qsort (sorted, bench_n_rounds (), sizeof (double), bench_compare);
  return sorted[bench_n_rounds () / 2];
}

/* The median of a's time over b's, round by round: they ran one shortly after the other. */
static inline double
bench_ratio (const BenchCandidate *a, const BenchCandidate *b)
{
  double ratio[BENCH_ROUNDS];

  for (guint round = 0; round < bench_n_rounds (); round++)
    ratio[round] = a->ns[round] / b->ns[round];
  return bench_median (ratio);
}

/* What the child does: a round each time it is asked for one. */
G_ALWAYS_INLINE static inline void
bench_serve (BenchCandidate *candidate, FILE *asked, FILE *answer)
{
  guint n;

  candidate->prepare (candidate->user_data);
  while (fread (&n, sizeof n, 1, asked) == 1)
    {
      double ns = bench_measure (candidate, n);

      fwrite (&ns, sizeof ns, 1, answer);
      fflush (answer);
    }
  _exit (0);
}

/* Inlined, and what it calls, so that the candidates' stacks may be as short as is asked for. */
G_ALWAYS_INLINE static inline void
bench_start_child (BenchCandidate *candidate)
{
  int ask[2], answers[2];
  pid_t child;

  if (pipe2 (ask, O_CLOEXEC) != 0 || pipe2 (answers, O_CLOEXEC) != 0 || (child = fork ()) < 0)
    g_error ("no child can be made for %s: %s", candidate->name, g_strerror (errno));
  if (child == 0)
    {
      close (ask[1]);
      bench_serve (candidate, fdopen (ask[0], "r"), fdopen (answers[1], "w"));
    }
  close (ask[0]);
  close (answers[1]);
  candidate->ask = fdopen (ask[1], "w");
  candidate->answers = fdopen (answers[0], "r");
}

G_ALWAYS_INLINE static inline double
bench_measure_anywhere (BenchCandidate *candidate, guint n)
{
  double ns;

  n = n / MAX (candidate->part, 1) + 1;
  if (candidate->prepare == NULL)
    return bench_measure (candidate, n);
  if (fwrite (&n, sizeof n, 1, candidate->ask) != 1 || fflush (candidate->ask) != 0
      || fread (&ns, sizeof ns, 1, candidate->answers) != 1)
    g_error ("the child for %s is gone", candidate->name);
  return ns;
}

/*
 * Runs all candidates, n times each in each round, and fills in what they took. Those with a function that
 * prepares them run in a child each, one at a time: what they set up for themselves, the library's settings
 * and threads with it, is not there for the others, and still they take turns.
 */
G_ALWAYS_INLINE static inline void
bench_run (BenchCandidate *candidates, guint n_candidates, guint n)
{
  n = bench_scale (n);
  for (guint c = 0; c < n_candidates; c++)
    if (candidates[c].prepare != NULL)
      bench_start_child (&candidates[c]);
  for (guint c = 0; c < n_candidates; c++)
    bench_measure_anywhere (&candidates[c],
                            candidates[c].warm_up > 0 ? bench_scale (candidates[c].warm_up) : n / 4);
  for (guint round = 0; round < bench_n_rounds (); round++)
    for (guint c = 0; c < n_candidates; c++)
      candidates[c].ns[round] = bench_measure_anywhere (&candidates[c], n);
  /* A child has the pipes of those that were made before it, so the last to be made ends first. */
  for (guint c = n_candidates; c-- > 0;)
    if (candidates[c].prepare != NULL)
      {
        fclose (candidates[c].ask);
        fclose (candidates[c].answers);
        wait (NULL);
      }
}
