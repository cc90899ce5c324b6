/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a pair of leash_track() and leash_untrack() costs, at several depths, in one thread and in two at
 * once, beside bare unw_backtrace() and beside what one would write first: unw_backtrace() into a struct of
 * 32 frames in a GHashTable under a GMutex.
 */
#define UNW_LOCAL_ONLY
#include <libunwind.h>
#include <leash/leash.h>

#include "bench.h"

typedef struct
{
  LeashContext *ctx;
  GMutex mutex;
  GHashTable *table; /* of the naive tracker */
  guint depth;       /* frames below the measured function */
  BenchFunc func;
  guint n;
} Work;

/* Enough calls deep, and none of them a tail call. */
__attribute__ ((noinline)) static void
descend (Work *work, guint depth)
{
  if (depth > 0)
    descend (work, depth - 1);
  else
    work->func (work, work->n);
  __asm__ volatile("" ::: "memory");
}

static void
run_at_depth (Work *work, BenchFunc func, guint n)
{
  work->func = func;
  work->n = n;
  /* Main, the benchmark's own functions and the C library's are the other frames. */
  descend (work, work->depth);
}

static guint
count_frames (void)
{
  void *frames[256];

  return (guint) unw_backtrace (frames, G_N_ELEMENTS (frames));
}

static void
measure_frames (gpointer user_data, guint n)
{
  ((Work *) user_data)->n = count_frames ();
}

static void
bare (gpointer user_data, guint n)
{
  void *frames[64];

  for (guint i = 0; i < n; i++)
    unw_backtrace (frames, 64);
}

static void
pair (gpointer user_data, guint n)
{
  Work *work = user_data;

  for (guint i = 0; i < n; i++)
    {
      LeashTag *tag = leash_track (work->ctx, "file", NULL);

      leash_untrack (tag);
    }
}

typedef struct
{
  void *frames[32];
  int n_frames;
  const char *kind;
} NaiveTag;

static void
naive (gpointer user_data, guint n)
{
  Work *work = user_data;

  for (guint i = 0; i < n; i++)
    {
      NaiveTag *tag = g_new (NaiveTag, 1);

      tag->n_frames = unw_backtrace (tag->frames, 32);
      tag->kind = "file";
      g_mutex_lock (&work->mutex);
      g_hash_table_add (work->table, tag);
      g_mutex_unlock (&work->mutex);
      g_mutex_lock (&work->mutex);
      g_hash_table_remove (work->table, tag);
      g_mutex_unlock (&work->mutex);
    }
}

typedef struct
{
  Work work;
  BenchFunc func;
  guint n;
} Runner;

static gpointer
run_thread (gpointer data)
{
  Runner *runner = data;

  run_at_depth (&runner->work, runner->func, runner->n);
  return NULL;
}

static void
at_depth_bare (gpointer work, guint n)
{
  run_at_depth (work, bare, n);
}

static void
at_depth_pair (gpointer work, guint n)
{
  run_at_depth (work, pair, n);
}

static void
at_depth_naive (gpointer work, guint n)
{
  run_at_depth (work, naive, n);
}

/* Each of two threads does n. */
static void
in_two_threads (Work *work, BenchFunc func, guint n)
{
  Runner runners[2];
  GThread *threads[2];

  for (guint i = 0; i < 2; i++)
    {
      runners[i] = (Runner){ .work = *work, .func = func, .n = n };
      threads[i] = g_thread_new ("bench", run_thread, &runners[i]);
    }
  for (guint i = 0; i < 2; i++)
    g_thread_join (threads[i]);
}

static void
in_one_thread (Work *work, BenchFunc func, guint n)
{
  Runner runner = { .work = *work, .func = func, .n = n };

  g_thread_join (g_thread_new ("bench", run_thread, &runner));
}

static void
pair_in_one (gpointer work, guint n)
{
  in_one_thread (work, pair, n);
}

static void
pair_in_two (gpointer work, guint n)
{
  in_two_threads (work, pair, n);
}

static void
set_depth (Work *work, guint frames)
{
  work->depth = 0;
  run_at_depth (work, measure_frames, 0);
  work->depth = frames > work->n ? frames - work->n : 0;
}

static void
tell (guint frames, const char *what, const char *unit, double value)
{
  g_autofree char *name = g_strdup_printf ("%u frames: %s", frames, what);

  bench_figure (name, unit, value);
}

static void
compare_at (Work *work, guint frames)
{
  BenchCandidate candidates[] = {
    { .name = "bare", .func = at_depth_bare, .user_data = work },
    { .name = "pair", .func = at_depth_pair, .user_data = work },
    { .name = "naive", .func = at_depth_naive, .user_data = work },
  };
  BenchCandidate threads[] = {
    { .name = "one", .func = pair_in_one, .user_data = work, .n_threads = 1 },
    { .name = "two", .func = pair_in_two, .user_data = work, .n_threads = 2 },
  };

  set_depth (work, frames);
  bench_run (candidates, G_N_ELEMENTS (candidates), 5000);
  bench_run (threads, G_N_ELEMENTS (threads), 50000);
  tell (frames, "unw_backtrace()", "ns", bench_median (candidates[0].ns));
  tell (frames, "pair", "ns", bench_median (candidates[1].ns));
  tell (frames, "naive pair", "ns", bench_median (candidates[2].ns));
  tell (frames, "pair / unw_backtrace()", "x", bench_ratio (&candidates[1], &candidates[0]));
  tell (frames, "pair / naive pair", "x", bench_ratio (&candidates[1], &candidates[2]));
  tell (frames, "pair in each of two threads / in one", "x", bench_ratio (&threads[1], &threads[0]));
}

static void
nothing (gpointer user_data, guint n)
{
  for (guint i = 0; i < n; i++)
    __asm__ volatile("" ::: "memory");
}

/* A pair without a tracker, or at level off, beside an empty loop. */
static void
compare_untracked (Work *work)
{
  Work background = { .ctx = leash_context_background () };
  BenchCandidate candidates[] = {
    { .name = "empty loop", .func = nothing },
    { .name = "no tracker", .func = pair, .user_data = &background },
    { .name = "level off", .func = pair, .user_data = work },
  };

  leash_tracker_set_level (leash_context_get_tracker (work->ctx), LEASH_LEVEL_OFF, 0);
  bench_run (candidates, G_N_ELEMENTS (candidates), 2000000);
  for (guint i = 0; i < G_N_ELEMENTS (candidates); i++)
    {
      g_autofree char *name = g_strdup_printf ("a pair: %s", candidates[i].name);

      bench_figure (name, "ns", bench_median (candidates[i].ns));
    }
}

int
main (int argc, char **argv)
{
  g_autoptr (LeashTracker) tracker = leash_tracker_new ();
  g_autoptr (LeashContext) ctx = leash_context_with_tracker (leash_context_background (), tracker);
  Work work = { .ctx = ctx, .table = g_hash_table_new_full (NULL, NULL, g_free, NULL) };
  static const guint depths[] = { 8, 16, 32, 64 };

  bench_init (argc, argv);
  g_mutex_init (&work.mutex);
  leash_tracker_set_depth (tracker, 64);
  for (guint i = 0; i < G_N_ELEMENTS (depths); i++)
    compare_at (&work, depths[i]);
  compare_untracked (&work);
  g_hash_table_unref (work.table);
  g_mutex_clear (&work.mutex);
  return 0;
}
