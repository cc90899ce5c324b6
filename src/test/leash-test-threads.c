/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A thread is joined once it says that its function has returned, so that waiting for one that never does can
 * stop at a time. What the threads and the test share is counted: a thread that outlives its test keeps it.
 */
#include "leash-test-threads-private.h"

#include <pthread.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "leash-lock-private.h"
#include "leash-report-parts-private.h"

typedef struct
{
  LeashTestThreads *threads; /* a reference */
  GThread *thread;           /* joined, or let go, by the test */
  LeashContext *ctx;
  LeashTestFunc func;
  gpointer user_data;
  guint number;
  LeashStackId started_at;

  /* Guarded by the lock */
  int tid; /* 0 until it runs */
  gboolean returned;
} Runner;

struct _LeashTestThreads
{
  gint ref_count; /* atomic: the test, and each thread that runs */
  LeashLock lock; /* guards the below */
  pthread_cond_t returned;
  GPtrArray *runners; /* of Runner, not joined yet */
  guint n_started;
};

LeashTestThreads *
leash_test_threads_new (void)
{
  LeashTestThreads *threads = g_new0 (LeashTestThreads, 1);
  pthread_condattr_t attributes;

  threads->ref_count = 1;
  pthread_mutex_init (&threads->lock, NULL);
  pthread_condattr_init (&attributes);
  pthread_condattr_setclock (&attributes, CLOCK_MONOTONIC);
  pthread_cond_init (&threads->returned, &attributes);
  pthread_condattr_destroy (&attributes);
  threads->runners = g_ptr_array_new ();
  return threads;
}

static void
threads_unref (LeashTestThreads *threads)
{
  if (__atomic_sub_fetch (&threads->ref_count, 1, __ATOMIC_ACQ_REL) > 0)
    return;
  pthread_cond_destroy (&threads->returned);
  pthread_mutex_destroy (&threads->lock);
  g_ptr_array_unref (threads->runners);
  g_free (threads);
}

/* Of a thread that has returned, or that the test gives up on: then the thread frees it. */
static void
runner_free (Runner *runner)
{
  leash_context_unref (runner->ctx);
  g_free (runner);
}

static gpointer
leash_test_thread_main (gpointer data)
{
  Runner *runner = data;
  LeashTestThreads *threads = runner->threads;
  gboolean abandoned;

  leash_lock (&threads->lock);
  runner->tid = (int) syscall (SYS_gettid);
  leash_unlock (&threads->lock);
  runner->func (runner->ctx, runner->user_data);
  leash_lock (&threads->lock);
  runner->returned = TRUE;
  abandoned = runner->thread == NULL;
  pthread_cond_broadcast (&threads->returned);
  leash_unlock (&threads->lock);
  if (abandoned)
    runner_free (runner);
  threads_unref (threads);
  return NULL;
}

void
leash_test_threads_start (LeashTestThreads *threads, LeashContext *ctx, LeashTestFunc func,
                          gpointer user_data, LeashStackId started_at)
{
  Runner *runner = g_new0 (Runner, 1);
  g_autofree char *name = NULL;

  *runner = (Runner){ .threads = threads,
                      .ctx = leash_context_ref (ctx),
                      .func = func,
                      .user_data = user_data,
                      .started_at = started_at };
  __atomic_fetch_add (&threads->ref_count, 1, __ATOMIC_RELAXED);
  leash_lock (&threads->lock);
  runner->number = ++threads->n_started;
  name = g_strdup_printf ("test-go-%u", runner->number);
  runner->thread = g_thread_new (name, leash_test_thread_main, runner);
  g_ptr_array_add (threads->runners, runner);
  leash_unlock (&threads->lock);
}

/* With the lock held. */
static Runner *
steal_returned (LeashTestThreads *threads)
{
  for (guint i = 0; i < threads->runners->len; i++)
    {
      Runner *runner = g_ptr_array_index (threads->runners, i);

      if (runner->returned)
        return g_ptr_array_steal_index_fast (threads->runners, i);
    }
  return NULL;
}

/* With the lock held. Returns FALSE when the time has passed. */
static gboolean
wait_for_one (LeashTestThreads *threads, gint64 end_time)
{
  struct timespec end = { .tv_sec = end_time / G_USEC_PER_SEC, .tv_nsec = end_time % G_USEC_PER_SEC * 1000 };

  if (end_time < 0)
    return pthread_cond_wait (&threads->returned, &threads->lock) == 0;
  return pthread_cond_timedwait (&threads->returned, &threads->lock, &end) == 0;
}

guint
leash_test_threads_wait (LeashTestThreads *threads, gint64 end_time)
{
  gboolean in_time = TRUE;
  guint n_left;

  leash_lock (&threads->lock);
  while (in_time && threads->runners->len > 0)
    {
      Runner *runner = steal_returned (threads);

      if (runner == NULL)
        {
          in_time = wait_for_one (threads, end_time);
          continue;
        }
      leash_unlock (&threads->lock);
      g_thread_join (runner->thread);
      runner_free (runner);
      leash_lock (&threads->lock);
    }
  n_left = threads->runners->len;
  leash_unlock (&threads->lock);
  return n_left;
}

static void
append_indented (GString *text, const char *lines, const char *indent)
{
  g_auto (GStrv) each = g_strsplit (lines, "\n", -1);

  for (guint i = 0; each[i] != NULL; i++)
    if (each[i][0] != '\0')
      g_string_append_printf (text, "%s%s\n", indent, each[i]);
}

void
leash_test_threads_describe (LeashTestThreads *threads, GString *text)
{
  leash_lock (&threads->lock);
  for (guint i = 0; i < threads->runners->len; i++)
    {
      Runner *runner = g_ptr_array_index (threads->runners, i);
      g_autofree char *func = leash_stack_to_string (leash_stack_of_function (G_CALLBACK (runner->func)));
      g_autofree char *stack = leash_stack_to_string (runner->started_at);

      g_string_append_printf (text, "    thread %d: \"test-go-%u\", which runs\n", runner->tid,
                              runner->number);
      append_indented (text, func, "        ");
      g_string_append (text, "      was started at\n");
      append_indented (text, stack, "        ");
    }
  leash_unlock (&threads->lock);
}

void
leash_test_threads_forget (LeashTestThreads *threads, LeashCensus *census)
{
  leash_lock (&threads->lock);
  for (guint i = 0; i < threads->runners->len; i++)
    leash_census_forget_thread (census, ((Runner *) g_ptr_array_index (threads->runners, i))->tid);
  leash_unlock (&threads->lock);
}

void
leash_test_threads_free (LeashTestThreads *threads)
{
  leash_test_threads_wait (threads, 0);
  leash_lock (&threads->lock);
  for (guint i = 0; i < threads->runners->len; i++)
    {
      Runner *runner = g_ptr_array_index (threads->runners, i);

      g_clear_pointer (&runner->thread, g_thread_unref);
      if (runner->returned)
        runner_free (runner);
    }
  g_ptr_array_set_size (threads->runners, 0);
  leash_unlock (&threads->lock);
  threads_unref (threads);
}
