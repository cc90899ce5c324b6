/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a pair costs each of two threads that open and close at once, beside one thread alone:
 * by the processor's time, which others on the machine do not change, and by the clock on the wall, which
 * counts waiting too.
 */
#include "bench-calls.h"

static guint n_each;

static gpointer
run_thread (gpointer call)
{
  BenchCall own = *(BenchCall *) call;

  bench_at_depth (&own, n_each);
  return NULL;
}

static void
run_threads (gpointer call, guint n, guint n_threads)
{
  GThread *threads[2];

  n_each = n;
  for (guint i = 0; i < n_threads; i++)
    threads[i] = g_thread_new ("bench", run_thread, call);
  for (guint i = 0; i < n_threads; i++)
    g_thread_join (threads[i]);
}

static void
run_one (gpointer call, guint n)
{
  run_threads (call, n, 1);
}

static void
run_two (gpointer call, guint n)
{
  run_threads (call, n, 2);
}

static void
tell (guint frames, const char *what, const char *unit, double value, double at_most)
{
  g_autofree char *name = g_strdup_printf ("%u frames: pair in %s", frames, what);

  bench_target (name, unit, value, frames == 16 ? at_most : 0);
}

static void
compare_at (guint frames)
{
  BenchCall call = { .frames = frames, .func = bench_pair, .path = BENCH_PATH };
  BenchCandidate candidates[] = {
    { .func = run_one, .user_data = &call, .n_threads = 1 },
    { .func = run_two, .user_data = &call, .n_threads = 2 },
    { .func = run_one, .user_data = &call, .n_threads = 1, .is_wall = TRUE },
    /* Both take the time that one does, so that time is not shared out. */
    { .func = run_two, .user_data = &call, .n_threads = 1, .is_wall = TRUE },
  };

  bench_prepare_pair (&call);
  bench_run (candidates, G_N_ELEMENTS (candidates), 200000);
  tell (frames, "one thread", "ns", bench_median (candidates[0].ns), 0);
  tell (frames, "each of two threads", "ns", bench_median (candidates[1].ns), 0);
  tell (frames, "each of two threads / in one", "x", bench_ratio (&candidates[1], &candidates[0]), 1.1);
  tell (frames, "each of two threads / in one, wall", "x", bench_ratio (&candidates[3], &candidates[2]), 0);
  leash_context_unref (call.ctx);
}

int
main (int argc, char **argv)
{
  static const guint depths[] = { 8, 16, 32, 64 };

  bench_init (argc, argv);
  for (guint i = 0; i < G_N_ELEMENTS (depths); i++)
    compare_at (depths[i]);
  return 0;
}
