/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reports on a signal. The handler notes which signal it was and posts a semaphore; a thread of the library's
 * own waits for that and writes the reports. sem_post() is one of the few functions that a handler may call,
 * and needs no descriptor, which a program that closes all of them would give to another file, and which a
 * forked child would share with its parent. Signals that come while a report is written make one more.
 *
 * Only signals without a meaning of their own are taken, and only where the program has no handler. The
 * disposition that was there comes back when the last tracker gives the signal up, unless the program has set
 * another since.
 *
 * The thread, named "leash-signal", starts with the first use and stays, as the handler may run at any time.
 * A forked child has the handler, so that a signal to the whole group does not end it, but not the thread:
 * the signal does nothing there, until the child asks for reports itself.
 */
#include "leash-live-private.h"

#include <errno.h>
#include <gio/gio.h>
#include <semaphore.h>
#include <signal.h>
#include <string.h>

#include "leash-lock-private.h"
#include "leash-report-parts-private.h"
#include "leash-server-private.h"
#include "leash-settings-private.h"
#include "leash-worker-private.h"

typedef struct
{
  LeashTracker *tracker; /* owned; NULL for all of the process */
  int signum;
} Watch;

static LeashLock signals_lock = LEASH_LOCK_INIT; /* guards the below */
static GArray *watches;                          /* of Watch, a tracker once */
static gboolean has_thread;
static gboolean is_writing; /* the thread, for the watches that there were when it began */
static guint64 n_written;   /* rounds of reports */
static pthread_cond_t written = PTHREAD_COND_INITIALIZER;
static struct sigaction before[_NSIG]; /* of the signals that are taken */

/* Shared with the handler. */
static sem_t wanted;
static guint64 pending; /* atomic; a bit for each signal */

static void
on_signal (int signum)
{
  int saved_errno = errno;

  __atomic_fetch_or (&pending, G_GUINT64_CONSTANT (1) << (signum - 1), __ATOMIC_RELEASE);
  sem_post (&wanted);
  errno = saved_errno;
}

static void
write_report (LeashTracker *tracker)
{
  g_autoptr (LeashSnapshot) snapshot = leash_snapshot_new_for_report (tracker);

  leash_snapshot_write_unasked (snapshot);
}

/* Trackers are not referenced: who takes one off the list waits for the report. */
static void
write_reports (guint64 signals)
{
  g_autoptr (GArray) due = g_array_new (FALSE, FALSE, sizeof (Watch));

  leash_lock (&signals_lock);
  for (guint i = 0; i < watches->len; i++)
    {
      Watch watch = g_array_index (watches, Watch, i);

      if ((signals >> (watch.signum - 1) & 1) != 0)
        g_array_append_val (due, watch);
    }
  is_writing = TRUE;
  leash_unlock (&signals_lock);

  for (guint i = 0; i < due->len; i++)
    write_report (g_array_index (due, Watch, i).tracker);

  leash_lock (&signals_lock);
  is_writing = FALSE;
  n_written++;
  pthread_cond_broadcast (&written);
  leash_unlock (&signals_lock);
}

static void *
run_reports (void *unused)
{
  leash_worker_set_name ("leash-signal");
  for (;;)
    {
      guint64 signals;

      sem_wait (&wanted);
      signals = __atomic_exchange_n (&pending, 0, __ATOMIC_ACQUIRE);
      if (signals != 0)
        write_reports (signals);
    }
  return NULL;
}

static void
lock_signals (void)
{
  leash_lock (&signals_lock);
}

static void
unlock_signals (void)
{
  leash_unlock (&signals_lock);
}

static void
forget_thread (void)
{
  has_thread = FALSE;
  is_writing = FALSE;
  /* It remembers sleepers that the child does not have. */
  pthread_cond_init (&written, NULL);
  leash_unlock (&signals_lock);
}

static void
set_up (void)
{
  watches = g_array_new (FALSE, FALSE, sizeof (Watch));
  pthread_atfork (lock_signals, unlock_signals, forget_thread);
}

/* With the lock held. In a forked child, signals have come since that nobody waited for. */
static gboolean
start_thread (GError **error)
{
  if (has_thread)
    return TRUE;
  __atomic_store_n (&pending, 0, __ATOMIC_RELAXED);
  sem_init (&wanted, 0, 0);
  has_thread = leash_worker_start (run_reports, NULL);
  if (!has_thread)
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_FAILED,
                         "Reporting on a signal: the system has no thread to give");
  return has_thread;
}

/* With the lock held. */
static gboolean
take_signal (int signum, GError **error)
{
  struct sigaction now, ours = { .sa_handler = on_signal, .sa_flags = SA_RESTART | SA_ONSTACK };

  sigemptyset (&ours.sa_mask);
  sigaction (signum, NULL, &now);
  if (now.sa_handler == on_signal)
    return TRUE;
  if (now.sa_handler != SIG_DFL && now.sa_handler != SIG_IGN)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_BUSY,
                   "Reporting on signal %d (%s): the program has a handler for it", signum,
                   strsignal (signum));
      return FALSE;
    }
  before[signum] = now;
  sigaction (signum, &ours, NULL);
  return TRUE;
}

/* With the lock held: unless it is watched for still. */
static void
release_signal (int signum)
{
  struct sigaction now;

  for (guint i = 0; i < watches->len; i++)
    if (g_array_index (watches, Watch, i).signum == signum)
      return;
  sigaction (signum, NULL, &now);
  if (now.sa_handler == on_signal)
    sigaction (signum, &before[signum], NULL);
}

/* With the lock held: puts signum in the place of the one that is returned. 0 is none. */
static int
exchange (LeashTracker *tracker, int signum)
{
  Watch added = { tracker, signum };

  for (guint i = 0; i < watches->len; i++)
    {
      Watch *watch = &g_array_index (watches, Watch, i);
      int old = watch->signum;

      if (watch->tracker != tracker)
        continue;
      watch->signum = signum;
      if (signum == 0)
        g_array_remove_index (watches, i);
      return old;
    }
  if (signum != 0)
    g_array_append_val (watches, added);
  return 0;
}

/* With the lock held, but not while it waits. */
static void
wait_for_report (void)
{
  guint64 round = n_written;

  while (is_writing && n_written == round)
    pthread_cond_wait (&written, &signals_lock);
}

gboolean
leash_signal_set (LeashTracker *tracker, int signum, GError **error)
{
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  int old = 0;
  gboolean set;

  pthread_once (&once, set_up);
  leash_lock (&signals_lock);
  set = signum == 0 || (start_thread (error) && take_signal (signum, error));
  if (set)
    old = exchange (tracker, signum);
  if (old != 0 && old != signum)
    release_signal (old);
  if (old != 0 && signum == 0)
    wait_for_report ();
  /* With the lock still held: another thread may give the signal up at once, and drop the reference. */
  if (set && tracker != NULL && old == 0 && signum != 0)
    leash_tracker_ref (tracker);
  leash_unlock (&signals_lock);

  if (tracker != NULL && old != 0 && signum == 0)
    leash_tracker_unref (tracker);
  return set;
}

/**
 * leash_tracker_report_on_signal:
 * @tracker: a tracker
 * @signum: SIGUSR1, SIGUSR2, a real-time signal, or 0 for none any more
 * @error: why the signal cannot be had
 *
 * Writes the report of @tracker, as leash_tracker_write_report() does, whenever the process gets the signal.
 * A tracker has one such signal, and may share it with others. It is kept alive until this is called with 0.
 *
 * The report is written by a thread of the library's own, so that the signal does not stop what it
 * interrupts; what comes while a report is written makes one more. A report that cannot be written is lost,
 * and leash_check_settings() tells why.
 *
 * A signal that the program has a handler for is not taken (%G_IO_ERROR_BUSY), nor one that means something
 * else
 * (%G_IO_ERROR_INVALID_ARGUMENT); where the library is built without tracking, none is
 * (%G_IO_ERROR_NOT_SUPPORTED). What was there before comes back when no tracker wants the signal any more,
 * unless the program has installed a handler since. With 0, a report that is being written is waited for.
 *
 * In a forked child the signal does nothing, until the child calls this itself.
 *
 * Returns: %TRUE if so
 *
 * Since: 0.1
 */
gboolean
leash_tracker_report_on_signal (LeashTracker *tracker, int signum, GError **error)
{
  g_return_val_if_fail (tracker != NULL, FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  if (signum != 0 && !leash_signal_is_free (signum))
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                   "Reporting on signal %d: it is none of USR1, USR2 and the real-time signals", signum);
      return FALSE;
    }
  return leash_signal_set (tracker, signum, error);
}
