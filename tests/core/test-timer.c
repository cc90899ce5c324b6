/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Timers, the thread that fires the system clock's, and forks. */
#include "leash-context-inner-private.h"
#include "leash-worker-private.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../under-sanitizer.h"

#define LONG (30 * G_TIME_SPAN_SECOND)

typedef struct
{
  LeashTimer timer;
  GArray *log; /* of int */
  int id;
  gboolean is_going; /* its owner has no reference left */
  LeashTimer *stops; /* one to stop when this one fires */
} TestTimer;

static gboolean
hold (LeashTimer *timer)
{
  return !((TestTimer *) (gpointer) timer)->is_going;
}

static void
fire (LeashTimer *timer)
{
  TestTimer *self = (TestTimer *) (gpointer) timer;

  g_array_append_val (self->log, self->id);
  if (self->stops != NULL)
    leash_timer_stop (self->stops);
}

static TestTimer
make_timer (LeashClock *clock, GArray *log, int id, gint64 due)
{
  TestTimer timer = { { clock, due, hold, fire, 0, NULL }, log, id, FALSE, NULL };

  return timer;
}

static void
test_order_and_stop (void)
{
  static const int expected[] = { 1, 3 };
  g_autoptr (LeashClock) clock = leash_clock_new_fake (0);
  g_autoptr (GArray) log = g_array_new (FALSE, FALSE, sizeof (int));
  TestTimer late = make_timer (clock, log, 3, 20);
  TestTimer first = make_timer (clock, log, 1, 10);
  TestTimer second = make_timer (clock, log, 2, 10);
  TestTimer going = make_timer (clock, log, 4, 15);
  TestTimer past = make_timer (clock, log, 5, 0);

  going.is_going = TRUE;
  first.stops = &second.timer;
  g_assert_true (leash_timer_start (&late.timer));
  g_assert_true (leash_timer_start (&first.timer));
  g_assert_true (leash_timer_start (&second.timer));
  g_assert_true (leash_timer_start (&going.timer));
  g_assert_false (leash_timer_start (&past.timer));
  g_assert_cmpuint (leash_timer_count (clock), ==, 4);
  leash_clock_advance (clock, 100);
  g_assert_cmpmem (log->data, log->len * sizeof (int), expected, sizeof expected);
  g_assert_cmpuint (leash_timer_count (clock), ==, 0);
  leash_timer_stop (&late.timer);
}

/* The thread sleeps until the first; a sooner one must wake it. */
static void
test_sooner_deadline_wakes (void)
{
  g_autoptr (LeashContext) far = leash_context_with_timeout (leash_context_background (), G_TIME_SPAN_HOUR);
  g_autoptr (LeashContext) near = NULL;
  gint64 give_up = g_get_monotonic_time () + LONG;

  g_usleep (5000); /* most likely asleep by now; right in any case */
  near = leash_context_with_timeout (leash_context_background (), 5000);
  while (!leash_context_is_done (near) && g_get_monotonic_time () < give_up)
    g_usleep (1000);
  g_assert_true (leash_context_is_done (near));
  g_assert_false (leash_context_is_done (far));
}

/* The names of the process's threads, one after the other. */
static char *
thread_names (void)
{
  GString *names = g_string_new (NULL);
  GDir *dir = g_dir_open ("/proc/self/task", 0, NULL);
  const char *tid;

  while ((tid = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *path = g_build_filename ("/proc/self/task", tid, "comm", NULL);
      g_autofree char *name = NULL;

      if (g_file_get_contents (path, &name, NULL, NULL))
        g_string_append (names, name);
    }
  g_dir_close (dir);
  return g_string_free (names, FALSE);
}

static void
test_one_named_thread (void)
{
  LeashContext *contexts[10];
  g_autofree char *names = NULL;
  char *found;

  for (int i = 0; i < 10; i++)
    contexts[i] = leash_context_with_timeout (leash_context_background (), 1000);
  for (int i = 0; i < 10; i++)
    {
      g_assert_true (leash_context_wait (contexts[i], LONG));
      leash_context_unref (contexts[i]);
    }
  names = thread_names ();
  found = strstr (names, "leash-deadline\n");
  g_assert_nonnull (found);
  g_assert_null (strstr (found + 1, "leash-deadline\n"));
}

static void *
note_mask (void *user_data)
{
  sigset_t *mask = user_data;

  pthread_sigmask (SIG_SETMASK, NULL, mask + 1);
  __atomic_store_n ((int *) mask, 1, __ATOMIC_RELEASE);
  return NULL;
}

static void
test_worker_leaves_signals (void)
{
  sigset_t masks[2] = { 0 }; /* a flag, and the worker's mask */
  sigset_t before, after;

  pthread_sigmask (SIG_SETMASK, NULL, &before);
  g_assert_true (leash_worker_start (note_mask, masks));
  pthread_sigmask (SIG_SETMASK, NULL, &after);
  while (__atomic_load_n ((int *) masks, __ATOMIC_ACQUIRE) == 0)
    g_usleep (100);
  g_assert_true (sigismember (&masks[1], SIGTERM));
  g_assert_true (sigismember (&masks[1], SIGCHLD));
  g_assert_false (sigismember (&masks[1], SIGSEGV));
  g_assert_cmpint (sigismember (&after, SIGTERM), ==, sigismember (&before, SIGTERM));
}

/* Runs func in a forked child, which must say by its exit that it went well. */
static void
run_in_child (void (*func) (LeashContext *), LeashContext *ctx)
{
  pid_t child = fork ();
  int status;

  if (child == 0)
    {
      alarm (30);
      func (ctx);
      /* Not _exit(): a leak checker would blame the child for what only the parent's other threads had. */
      execl ("/bin/true", "true", NULL);
      _exit (127);
    }
  g_assert_cmpint (child, >, 0);
  g_assert_cmpint (waitpid (child, &status, 0), ==, child);
  g_assert_true (WIFEXITED (status));
  g_assert_cmpint (WEXITSTATUS (status), ==, 0);
}

static void
wait_until_done (LeashContext *ctx)
{
  gint64 give_up = g_get_monotonic_time () + LONG;

  while (!leash_context_is_done (ctx))
    {
      if (g_get_monotonic_time () > give_up)
        _exit (1);
      g_usleep (1000);
    }
}

/* The parent's deadline goes on once the child has set one, though it be one that is due already. */
static void
use_deadlines (LeashContext *inherited)
{
  g_autoptr (LeashContext) due = leash_context_with_timeout (leash_context_background (), 0);
  g_autoptr (LeashContext) own = NULL;

  wait_until_done (due);
  wait_until_done (inherited);
  own = leash_context_with_timeout (leash_context_background (), 1000);

  wait_until_done (own);
  if (!g_error_matches (leash_context_get_error (inherited), G_IO_ERROR, G_IO_ERROR_TIMED_OUT))
    _exit (2);
}

static void
wait_for_inherited (LeashContext *inherited)
{
  if (!leash_context_wait (inherited, -1))
    _exit (1);
}

static void
test_fork (void)
{
  g_autoptr (LeashContext) started = leash_context_with_timeout (leash_context_background (), 1000);
  g_autoptr (LeashContext) inherited = NULL;
  g_autoptr (LeashContext) waited = NULL;

  if (UNDER_THREAD_SANITIZER)
    {
      g_test_skip ("ThreadSanitizer allows no threads after a fork of a process with threads");
      return;
    }
  g_assert_true (leash_context_wait (started, LONG));
  inherited = leash_context_with_timeout (leash_context_background (), 50000);
  run_in_child (use_deadlines, inherited);
  waited = leash_context_with_timeout (leash_context_background (), 50000);
  run_in_child (wait_for_inherited, waited);
  g_assert_true (leash_context_wait (inherited, LONG));
}

/* Something that keeps a lock of the library for a while, in a thread of its own. */
typedef struct
{
  LeashWatch watch; /* its function runs with the lock of ctx held */
  LeashContext *ctx;
  TestTimer timer; /* its hold runs with the lock of all timers held */
  gint is_locked;  /* atomic */
} Locker;

static void
keep_lock (gint *is_locked)
{
  __atomic_store_n (is_locked, 1, __ATOMIC_RELEASE);
  g_usleep (50000);
}

static void
keep_lock_of_context (LeashWatch *watch)
{
  keep_lock (&((Locker *) (gpointer) watch)->is_locked);
}

static gboolean
keep_lock_of_timers (LeashTimer *timer)
{
  keep_lock (&((Locker *) (gpointer) ((char *) timer - G_STRUCT_OFFSET (Locker, timer)))->is_locked);
  return FALSE;
}

static gpointer
run_locker_of_context (gpointer user_data)
{
  leash_context_cancel (((Locker *) user_data)->ctx, NULL);
  return NULL;
}

static gpointer
run_locker_of_timers (gpointer user_data)
{
  leash_clock_advance (((Locker *) user_data)->timer.timer.clock, 1);
  return NULL;
}

static void
use_locks (LeashContext *ctx)
{
  g_autoptr (LeashContext) child = leash_context_with_timeout (ctx, G_TIME_SPAN_HOUR);

  leash_context_cancel (child, NULL);
  if (leash_context_get_cancellable (ctx) == NULL || !leash_context_is_done (child))
    _exit (1);
}

static void
fork_while_locked (Locker *locker, GThreadFunc func)
{
  GThread *thread = g_thread_new ("locker", func, locker);

  while (__atomic_load_n (&locker->is_locked, __ATOMIC_ACQUIRE) == 0)
    g_usleep (100);
  run_in_child (use_locks, locker->ctx);
  g_thread_join (thread);
  locker->is_locked = 0;
}

/* A child that found one of them held would wait for ever: nobody is there to let go. */
static void
test_fork_while_locks_are_held (void)
{
  g_autoptr (LeashClock) clock = leash_clock_new_fake (0);
  Locker locker = { .watch.func = keep_lock_of_context };

  if (UNDER_THREAD_SANITIZER)
    {
      g_test_skip ("ThreadSanitizer allows no threads after a fork of a process with threads");
      return;
    }
  locker.ctx = leash_context_with_cancel (leash_context_background ());
  locker.timer = make_timer (clock, NULL, 0, 1);
  locker.timer.timer.hold = keep_lock_of_timers;
  g_assert_true (leash_timer_start (&locker.timer.timer));
  g_assert_true (leash_context_watch (locker.ctx, &locker.watch));
  fork_while_locked (&locker, run_locker_of_timers);
  fork_while_locked (&locker, run_locker_of_context);
  leash_context_unref (locker.ctx);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/timer/fires-in-order-unless-stopped-or-going", test_order_and_stop);
  g_test_add_func ("/timer/thread/woken-for-a-sooner-deadline", test_sooner_deadline_wakes);
  g_test_add_func ("/timer/thread/is-one-with-a-name", test_one_named_thread);
  g_test_add_func ("/timer/thread/leaves-signals-to-the-program", test_worker_leaves_signals);
  g_test_add_func ("/timer/fork/deadlines-go-on-in-the-child", test_fork);
  g_test_add_func ("/timer/fork/child-finds-every-lock-free", test_fork_while_locks_are_held);
  return g_test_run ();
}
