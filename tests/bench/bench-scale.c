/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How many pairs a second all threads together do, for more and more threads: where each opens and closes its
 * own, and where each opens what the next one in a ring closes. By the clock on the wall, which others on the
 * machine change; so there are also the processor's time of a pair, which they do not, and the throughput
 * beside that of fewer threads in the same round: of one, and of two where resources are handed on, as one
 * thread hands nothing to another processor. What that alone costs is shown by the same ring without a
 * tracker.
 */
#include "bench-calls.h"

#include <pthread.h>
#include <sched.h>

#define N_PAIRS 1000000
#define N_PAIRS_EACH 100000 /* at least, or it is measured how threads begin */
#define MAILBOX 1024        /* tags; a power of two */

static const guint thread_counts[] = { 1, 2, 4, 16, 64 };

/* From one thread to the next in the ring; each side has a cache line. */
typedef struct
{
  guint n_put __attribute__ ((aligned (64)));   /* atomic */
  guint n_taken __attribute__ ((aligned (64))); /* atomic */
  LeashTag *tags[MAILBOX];
} Mailbox;

typedef struct
{
  BenchCall call; /* first: what is called at the end of the path gets it */
  pthread_barrier_t *barrier;
  Mailbox *own, *next;
  guint n;
} Runner;

static gboolean
put_one (Runner *runner)
{
  Mailbox *mailbox = runner->next;

  if (mailbox->n_put - __atomic_load_n (&mailbox->n_taken, __ATOMIC_ACQUIRE) == MAILBOX)
    return FALSE;
  mailbox->tags[mailbox->n_put % MAILBOX] = leash_track (runner->call.ctx, "file", NULL);
  __atomic_store_n (&mailbox->n_put, mailbox->n_put + 1, __ATOMIC_RELEASE);
  return TRUE;
}

static gboolean
take_one (Runner *runner)
{
  Mailbox *mailbox = runner->own;

  if (mailbox->n_taken == __atomic_load_n (&mailbox->n_put, __ATOMIC_ACQUIRE))
    return FALSE;
  leash_untrack (mailbox->tags[mailbox->n_taken % MAILBOX]);
  __atomic_store_n (&mailbox->n_taken, mailbox->n_taken + 1, __ATOMIC_RELEASE);
  return TRUE;
}

/* When all threads are there. What a thread's first stack costs, and its end, is not what is compared. */
static void
begin (Runner *runner)
{
  bench_pair (&runner->call, 64);
  pthread_barrier_wait (runner->barrier); /* all are there */
  pthread_barrier_wait (runner->barrier); /* the clocks have been read */
}

/* The measured functions. */

static void
do_own (gpointer data, guint n)
{
  Runner *runner = data;

  begin (runner);
  bench_pair (&runner->call, n);
}

static void
do_ring (gpointer data, guint n)
{
  Runner *runner = data;
  guint n_put = 0, n_taken = 0;

  begin (runner);
  while (n_put < n || n_taken < n)
    {
      gboolean has_put = n_put < n && put_one (runner), has_taken = n_taken < n && take_one (runner);

      n_put += has_put ? 1 : 0;
      n_taken += has_taken ? 1 : 0;
      if (!has_put && !has_taken)
        sched_yield ();
    }
}

static gpointer
run_thread (gpointer data)
{
  Runner *runner = data;

  bench_at_depth (&runner->call, runner->n);
  pthread_barrier_wait (runner->barrier);
  return NULL;
}

typedef struct
{
  double wall, processor; /* ns for one pair, of all threads together */
} Took;

static Took
run_threads (LeashContext *ctx, BenchFunc func, guint n_threads)
{
  g_autofree Runner *runners = g_new0 (Runner, n_threads);
  g_autofree GThread **threads = g_new0 (GThread *, n_threads);
  Mailbox *mailboxes = g_aligned_alloc0 (n_threads, sizeof (Mailbox), G_ALIGNOF (Mailbox));
  guint n_each = bench_scale (MAX (N_PAIRS / n_threads, N_PAIRS_EACH));
  gint64 wall, processor;
  pthread_barrier_t barrier;
  Took took;

  pthread_barrier_init (&barrier, NULL, n_threads + 1);
  for (guint i = 0; i < n_threads; i++)
    {
      runners[i] = (Runner){
        .call = { .frames = 16, .func = func, .path = BENCH_PATH, .ctx = ctx },
        .barrier = &barrier,
        .own = &mailboxes[i],
        .next = &mailboxes[(i + 1) % n_threads],
        .n = n_each,
      };
      threads[i] = g_thread_new ("bench", run_thread, &runners[i]);
    }
  pthread_barrier_wait (&barrier);
  wall = bench_read_clock (CLOCK_MONOTONIC);
  processor = bench_read_clock (CLOCK_PROCESS_CPUTIME_ID);
  pthread_barrier_wait (&barrier);
  pthread_barrier_wait (&barrier); /* the last pair is closed */
  took.wall = (double) (bench_read_clock (CLOCK_MONOTONIC) - wall) / n_each / n_threads;
  took.processor = (double) (bench_read_clock (CLOCK_PROCESS_CPUTIME_ID) - processor) / n_each / n_threads;
  for (guint i = 0; i < n_threads; i++)
    g_thread_join (threads[i]);
  pthread_barrier_destroy (&barrier);
  g_aligned_free (mailboxes);
  return took;
}

static void
tell (const char *what, guint n_threads, const char *figure, const char *unit, const double *values)
{
  g_autofree char *name = g_strdup_printf ("%s, threads: %u%s", what, n_threads, figure);

  bench_figure (name, unit, bench_median (values));
}

static void
compare (LeashContext *ctx, const char *what, BenchFunc func, guint first)
{
  g_autofree char *beside_what = g_strdup_printf (", beside %u", thread_counts[first]);
  double rates[G_N_ELEMENTS (thread_counts)][BENCH_ROUNDS];
  double beside[G_N_ELEMENTS (thread_counts)][BENCH_ROUNDS];
  double processor[G_N_ELEMENTS (thread_counts)][BENCH_ROUNDS];

  for (guint round = 0; round < bench_n_rounds (); round++)
    for (guint i = 0; i < G_N_ELEMENTS (thread_counts); i++)
      {
        Took took = run_threads (ctx, func, thread_counts[i]);

        rates[i][round] = 1000 / took.wall;
        processor[i][round] = took.processor;
      }
  for (guint i = 0; i < G_N_ELEMENTS (thread_counts); i++)
    {
      for (guint round = 0; round < bench_n_rounds (); round++)
        beside[i][round] = rates[i][round] / rates[first][round];
      tell (what, thread_counts[i], "", "million pairs/s", rates[i]);
      tell (what, thread_counts[i], beside_what, "x", beside[i]);
      tell (what, thread_counts[i], ", processor", "ns", processor[i]);
    }
}

int
main (int argc, char **argv)
{
  g_autoptr (LeashTracker) tracker = leash_tracker_new ();
  g_autoptr (LeashContext) ctx = leash_context_with_tracker (leash_context_background (), tracker);

  bench_init (argc, argv);
  compare (leash_context_background (), "handed on, no tracker", do_ring, 1);
  compare (ctx, "own, level full", do_own, 0);
  compare (ctx, "handed on, level full", do_ring, 1);
  leash_tracker_set_level (tracker, LEASH_LEVEL_COUNT, 0);
  compare (ctx, "own, level count", do_own, 0);
  compare (ctx, "handed on, level count", do_ring, 1);
  return 0;
}
