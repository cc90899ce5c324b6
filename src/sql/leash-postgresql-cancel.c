/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Cancelling what a server runs. libpq (before 17) has one function for it, which makes a connection of its
 * own and blocks until the server has closed that, and which has no limit of time: a server that is stopped,
 * or a network that loses packets, holds it for minutes. So it is called in a thread of its own, which owns
 * all that it uses; whoever waits for it longer than the limit goes, and the thread ends when it can.
 *
 * It has to be waited for: a request that arrives late would cancel the next statement. When the function
 * returns, the server has signalled the session.
 *
 * To send the request's sixteen bytes ourselves, without a thread, would need the session's key, which libpq
 * keeps to itself.
 */
#include "leash-postgresql-private.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <time.h>

/* Two references: the thread's and that of who waits. */
typedef struct
{
  PGcancel *cancel;
  sem_t ended;
  gboolean is_told; /* atomic, since sem_clockwait() is unknown to ThreadSanitizer */
  guint n_refs;     /* atomic */
} CancelCall;

static void
cancel_call_unref (CancelCall *call)
{
  if (__atomic_sub_fetch (&call->n_refs, 1, __ATOMIC_ACQ_REL) > 0)
    return;
  PQfreeCancel (call->cancel);
  sem_destroy (&call->ended);
  g_free (call);
}

static void *
run (void *user_data)
{
  CancelCall *call = user_data;
  char message[256]; /* of no interest: the session is given up whatever it is */

  pthread_setname_np (pthread_self (), "leash-pg-cancel");
  __atomic_store_n (&call->is_told, PQcancel (call->cancel, message, sizeof message) != 0, __ATOMIC_RELEASE);
  sem_post (&call->ended);
  cancel_call_unref (call);
  return NULL;
}

static gboolean
start (CancelCall *call)
{
  pthread_attr_t attributes;
  pthread_t thread;
  sigset_t all;
  int code;

  sigfillset (&all);
  pthread_attr_init (&attributes);
  pthread_attr_setsigmask_np (&attributes, &all); /* the program's signals are no business of this thread's */
  pthread_attr_setdetachstate (&attributes, PTHREAD_CREATE_DETACHED);
  code = pthread_create (&thread, &attributes, run, call);
  pthread_attr_destroy (&attributes);
  return code == 0;
}

static gboolean
wait_for (CancelCall *call, gint64 microseconds)
{
  gint64 until = g_get_monotonic_time () + microseconds;
  struct timespec at = { .tv_sec = until / G_USEC_PER_SEC, .tv_nsec = (until % G_USEC_PER_SEC) * 1000 };
  int failed;

  do
    failed = sem_clockwait (&call->ended, CLOCK_MONOTONIC, &at);
  while (failed != 0 && errno == EINTR);
  return failed == 0 && __atomic_load_n (&call->is_told, __ATOMIC_ACQUIRE);
}

gboolean
leash_pg_cancel (PGconn *pg, gint64 microseconds)
{
  PGcancel *cancel = PQgetCancel (pg);
  CancelCall *call;
  gboolean is_told = FALSE;

  if (cancel == NULL)
    return FALSE;
  call = g_new0 (CancelCall, 1);
  call->cancel = cancel;
  call->n_refs = 2;
  sem_init (&call->ended, 0, 0);
  if (start (call))
    is_told = wait_for (call, microseconds);
  else
    cancel_call_unref (call);
  cancel_call_unref (call);
  return is_told;
}
