/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a pair of leash_track() and leash_untrack() costs at several depths, opened again and again at one
 * place: as it is, with LEASH_CAPTURE=unwind, and in a process that has threads, where the C library's locks
 * cost more. Beside it the ways to take a stack (unw_backtrace(), unw_step(), glibc's backtrace()), and what
 * one would write first: unw_backtrace() into a structure of 32 frames in a GHashTable under a GMutex.
 *
 * Each runs in a process of its own: Leash turns off a cache that unw_step() gains by.
 */
#include <dlfcn.h>

#include "bench-calls.h"

#define NAIVE_FRAMES 32

static int (*libc_backtrace) (void **frames, int size);
static GMutex naive_mutex;
static GHashTable *naive_table; /* of NaiveTag, a set */

typedef struct
{
  void *frames[NAIVE_FRAMES];
  int n_frames;
  const char *kind;
} NaiveTag;

static void
naive (gpointer call, guint n)
{
  for (guint i = 0; i < n; i++)
    {
      NaiveTag *tag = g_new (NaiveTag, 1);

      tag->n_frames = unw_backtrace (tag->frames, NAIVE_FRAMES);
      tag->kind = "file";
      g_mutex_lock (&naive_mutex);
      g_hash_table_add (naive_table, tag);
      g_mutex_unlock (&naive_mutex);
      g_mutex_lock (&naive_mutex);
      g_hash_table_remove (naive_table, tag);
      g_mutex_unlock (&naive_mutex);
    }
}

static void
step (gpointer call, guint n)
{
  volatile unw_word_t ip;

  for (guint i = 0; i < n; i++)
    {
      unw_context_t context;
      unw_cursor_t cursor;
      unw_word_t word;

      unw_getcontext (&context);
      unw_init_local (&cursor, &context);
      do
        {
          unw_get_reg (&cursor, UNW_REG_IP, &word);
          ip = word;
        }
      while (unw_step (&cursor) > 0);
    }
  (void) ip;
}

static void
glibc (gpointer call, guint n)
{
  void *frames[BENCH_FRAMES_MAX];

  for (guint i = 0; i < n; i++)
    libc_backtrace (frames, BENCH_FRAMES_MAX);
}

/* libunwind has a function of the same name, which a program that is linked with both gets. */
static void
prepare_glibc (gpointer call)
{
  void *libc = dlopen ("libc.so.6", RTLD_NOW);

  *(void **) &libc_backtrace = libc != NULL ? dlsym (libc, "backtrace") : NULL;
  if (libc_backtrace == NULL)
    g_error ("there is no backtrace() in libc.so.6");
}

static void
prepare_naive (gpointer call)
{
  naive_table = g_hash_table_new_full (NULL, NULL, g_free, NULL);
}

static gpointer
sleep_on (gpointer data)
{
  for (;;)
    pause ();
  return NULL;
}

static void
prepare_with_threads (gpointer call)
{
  g_thread_unref (g_thread_new ("another", sleep_on, NULL));
  bench_prepare_pair (call);
}

static void
prepare_naive_with_threads (gpointer call)
{
  g_thread_unref (g_thread_new ("another", sleep_on, NULL));
  prepare_naive (call);
}

enum
{
  BARE,
  PAIR,
  PAIR_IN_THREADS,
  PAIR_UNWOUND,
  NAIVE,
  NAIVE_IN_THREADS,
  STEP,
  GLIBC,
  N_CANDIDATES
};

static void
tell (guint frames, const char *what, const char *unit, double value, double at_most)
{
  g_autofree char *name = g_strdup_printf ("%u frames: %s", frames, what);

  if (frames == 16)
    bench_target (name, unit, value, at_most);
  else
    bench_figure (name, unit, value);
}

static void
tell_all (guint frames, const BenchCandidate *candidates)
{
  for (guint i = 0; i < N_CANDIDATES; i++)
    tell (frames, candidates[i].name, "ns", bench_median (candidates[i].ns), 0);
  tell (frames, "pair / unw_backtrace()", "x", bench_ratio (&candidates[PAIR], &candidates[BARE]), 0.35);
  tell (frames, "pair, with threads / unw_backtrace()", "x",
        bench_ratio (&candidates[PAIR_IN_THREADS], &candidates[BARE]), 0.35);
  tell (frames, "pair, unwinding / unw_backtrace()", "x",
        bench_ratio (&candidates[PAIR_UNWOUND], &candidates[BARE]), 0);
  tell (frames, "pair / naive pair", "x", bench_ratio (&candidates[PAIR], &candidates[NAIVE]), 0.2);
  tell (frames, "pair / naive pair, both with threads", "x",
        bench_ratio (&candidates[PAIR_IN_THREADS], &candidates[NAIVE_IN_THREADS]), 0.2);
}

/* Each candidate has a call of its own. */
G_ALWAYS_INLINE static inline void
compare_at (guint frames)
{
  BenchCall calls[N_CANDIDATES];
  BenchCandidate candidates[N_CANDIDATES] = {
    [BARE] = { .name = "unw_backtrace()", .prepare = bench_prepare_nothing },
    [PAIR] = { .name = "pair", .prepare = bench_prepare_pair },
    [PAIR_IN_THREADS] = { .name = "pair, with threads", .prepare = prepare_with_threads },
    [PAIR_UNWOUND] = { .name = "pair, unwinding", .prepare = bench_prepare_unwind },
    [NAIVE] = { .name = "naive pair", .prepare = prepare_naive },
    [NAIVE_IN_THREADS] = { .name = "naive pair, with threads", .prepare = prepare_naive_with_threads },
    [STEP] = { .name = "unw_step()", .prepare = bench_prepare_nothing, .part = 40 },
    [GLIBC] = { .name = "backtrace() of glibc", .prepare = prepare_glibc, .part = 10 },
  };
  static const BenchFunc funcs[N_CANDIDATES]
      = { bench_unwind, bench_pair, bench_pair, bench_pair, naive, naive, step, glibc };

  for (guint i = 0; i < N_CANDIDATES; i++)
    {
      calls[i] = (BenchCall){ .frames = frames, .func = funcs[i], .path = BENCH_PATH };
      candidates[i].func = bench_at_depth;
      candidates[i].user_data = &calls[i];
    }
  bench_run (candidates, N_CANDIDATES, 20000);
  tell_all (frames, candidates);
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
