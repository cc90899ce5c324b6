/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Timers, and the thread that fires those of the system's clock.
 *
 * Each clock keeps its timers in a balanced tree (GSequence), soonest first. One lock for the whole process
 * guards the trees of all clocks: it is held for a few comparisons only, never while a timer fires, and being
 * one it can be held over a fork, so that the child finds every tree whole.
 *
 * Timers of the system's clock are fired by one thread, named "leash-deadline". It starts with the first
 * timer, sleeps until the soonest, and stays for the life of the process; it is no leak. Because it is there,
 * a deadline needs no main loop. It is woken only for a timer sooner than all others, so that a program that
 * makes and ends a context with a timeout for each call does not wake it for each. A GTimeoutSource on a
 * GMainContext of our own was rejected: it allocates for each timer, and takes GLib's locks over a fork.
 *
 * Timers of a fake clock are fired by whoever moves the clock, in that thread.
 *
 * Fork: the child has no such thread. Timers that waited are still in the tree, and go on once the next one
 * of the child's own is started. One that the thread was just firing when another thread forked never fires
 * in the child. Where the system refuses a thread, the next timer tries again; those who ask
 * leash_context_get_remaining() do not need the thread.
 *
 * All functions may be called from any thread, with no lock of the library held.
 */
#include "leash-timer-private.h"

#include "leash-lock-private.h"
#include "leash-worker-private.h"

#include <time.h>

/* The condition's longest sleep: far deadlines are looked at again, so that no time_t overflows. */
#define LONGEST_SLEEP (G_TIME_SPAN_HOUR)

static LeashLock timers_lock = LEASH_LOCK_INIT;
static pthread_once_t timers_once = PTHREAD_ONCE_INIT;

/* All guarded by timers_lock. */
static guint64 last_serial;
static gboolean has_thread;
static gint64 wakes_at;          /* when the thread looks again; only meaningful while it sleeps */
static LeashClock *thread_clock; /* the system's, known once the thread is needed */
static pthread_cond_t sooner;    /* a timer sooner than wakes_at was started; on the monotonic clock */

static void
init_condition (void)
{
  pthread_condattr_t attributes;

  pthread_condattr_init (&attributes);
  pthread_condattr_setclock (&attributes, CLOCK_MONOTONIC);
  pthread_cond_init (&sooner, &attributes);
  pthread_condattr_destroy (&attributes);
}

static void
before_fork (void)
{
  leash_lock (&timers_lock);
}

static void
after_fork_in_parent (void)
{
  leash_unlock (&timers_lock);
}

/* The condition remembers a sleeper that the child does not have, so it is made anew. */
static void
after_fork_in_child (void)
{
  has_thread = FALSE;
  init_condition ();
  leash_unlock (&timers_lock);
}

static void
init_timers (void)
{
  init_condition ();
  pthread_atfork (before_fork, after_fork_in_parent, after_fork_in_child);
}

/* Before the program's own handlers of forks, which may use contexts, and after those of leash-fork.c. */
__attribute__ ((constructor (102))) static void
init_timers_early (void)
{
  pthread_once (&timers_once, init_timers);
}

static int
compare_timers (gconstpointer a, gconstpointer b, gpointer user_data)
{
  const LeashTimer *left = a;
  const LeashTimer *right = b;

  if (left->due != right->due)
    return left->due < right->due ? -1 : 1;
  return left->serial < right->serial ? -1 : left->serial > right->serial;
}

/* Returns the clock's soonest timer, NULL when it has none. Lock held. */
static LeashTimer *
peek (LeashClock *clock)
{
  GSequenceIter *first;

  if (clock->waiting == NULL)
    return NULL;
  first = g_sequence_get_begin_iter (clock->waiting);
  return g_sequence_iter_is_end (first) ? NULL : g_sequence_get (first);
}

/* Lock held. */
static void
take_out (LeashTimer *timer)
{
  g_sequence_remove (timer->place);
  timer->place = NULL;
}

/* Takes the timer out and fires it. Lock held, but not while it fires. */
static void
fire (LeashTimer *timer)
{
  gboolean held;

  take_out (timer);
  held = timer->hold (timer);
  if (!held)
    return;
  leash_unlock (&timers_lock);
  timer->fire (timer);
  leash_lock (&timers_lock);
}

/* Lock held, but not while it sleeps. */
static void
sleep_until (gint64 due)
{
  gint64 longest = g_get_monotonic_time () + LONGEST_SLEEP;
  struct timespec until;

  wakes_at = MIN (due, longest);
  until.tv_sec = wakes_at / G_USEC_PER_SEC;
  until.tv_nsec = (wakes_at % G_USEC_PER_SEC) * 1000;
  pthread_cond_timedwait (&sooner, &timers_lock, &until);
  wakes_at = G_MININT64;
}

static void *
run_deadlines (void *unused)
{
  leash_worker_set_name ("leash-deadline");
  leash_lock (&timers_lock);
  for (;;)
    {
      LeashTimer *first = peek (thread_clock);

      if (first != NULL && first->due <= g_get_monotonic_time ())
        fire (first);
      else
        sleep_until (first != NULL ? first->due : G_MAXINT64);
    }
  return NULL;
}

/* Sees to it that the thread looks at a new timer in time. Lock held. */
static void
tell_thread (LeashTimer *timer)
{
  thread_clock = timer->clock;
  if (!has_thread)
    has_thread = leash_worker_start (run_deadlines, NULL);
  else if (timer->due < wakes_at)
    pthread_cond_signal (&sooner);
}

/* In a child of fork, the timers from before it go on with whatever timer comes next, also one that is due.
 * Lock held. */
static void
wake_inherited (LeashClock *clock)
{
  LeashTimer *first = has_thread || clock->is_fake ? NULL : peek (clock);

  if (first != NULL)
    tell_thread (first);
}

gboolean
leash_timer_start (LeashTimer *timer)
{
  LeashClock *clock = timer->clock;

  pthread_once (&timers_once, init_timers);
  leash_lock (&timers_lock);
  if (timer->due <= leash_clock_get_time (clock))
    {
      wake_inherited (clock);
      leash_unlock (&timers_lock);
      return FALSE;
    }
  if (clock->waiting == NULL)
    clock->waiting = g_sequence_new (NULL);
  timer->serial = ++last_serial;
  timer->place = g_sequence_insert_sorted (clock->waiting, timer, compare_timers, NULL);
  if (!clock->is_fake)
    tell_thread (timer);
  leash_unlock (&timers_lock);
  return TRUE;
}

gboolean
leash_timer_stop (LeashTimer *timer)
{
  gboolean waited;

  leash_lock (&timers_lock);
  waited = timer->place != NULL;
  if (waited)
    take_out (timer);
  leash_unlock (&timers_lock);
  return waited;
}

/* Sums that would overflow stay at the end of time. */
static gint64
add_saturated (gint64 a, gint64 b)
{
  gint64 sum;

  return __builtin_add_overflow (a, b, &sum) ? G_MAXINT64 : sum;
}

/* Time never goes back: two threads may move one clock, and what fires may move it too. Lock held. */
static void
set_now (LeashClock *clock, gint64 now)
{
  if (now > clock->now)
    __atomic_store_n (&clock->now, now, __ATOMIC_RELEASE);
}

void
leash_timer_advance (LeashClock *clock, gint64 microseconds)
{
  LeashTimer *first;
  gint64 goal;

  leash_lock (&timers_lock);
  goal = clock->goal = add_saturated (clock->goal, microseconds);
  while ((first = peek (clock)) != NULL && first->due <= goal)
    {
      set_now (clock, first->due);
      fire (first);
    }
  set_now (clock, goal);
  leash_unlock (&timers_lock);
}

guint
leash_timer_count (LeashClock *clock)
{
  guint count = 0;

  leash_lock (&timers_lock);
  if (clock->waiting != NULL)
    count = g_sequence_get_length (clock->waiting);
  leash_unlock (&timers_lock);
  return count;
}
