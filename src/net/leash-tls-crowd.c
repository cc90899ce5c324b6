/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How many dial with TLS at once in a process that also listens with TLS, as a test does.
 *
 * GIO gives each handshake one of ten threads, which a process has for all such work, until it is over. It
 * makes more of them slowly, one in 100 ms, and sometimes none: a thread that ends meanwhile takes back what
 * was added (GLib 2.74). Ten clients that wait for servers of the same process keep these from answering. So
 * MOST begin at once, and one more whenever none has begun for PATIENCE, which is slower than GIO, so that
 * the servers' turn comes.
 *
 * Atomic, without a lock that a fork could find taken.
 */
#include "leash-tls-private.h"

#include <pthread.h>

#define MOST 6u
#define PATIENCE (200 * G_TIME_SPAN_MILLISECOND)
#define NAP (2 * G_TIME_SPAN_MILLISECOND)

static guint n_listeners;
static guint n_in;
static gint64 last_time; /* when the last one came in */

static void
forget_all (void)
{
  n_in = 0;
}

static void
forget_all_over_forks (void)
{
  pthread_atfork (NULL, NULL, forget_all);
}

static gboolean
is_one_of_few (gint64 now)
{
  if (__atomic_fetch_add (&n_in, 1, __ATOMIC_RELAXED) < MOST
      || __atomic_load_n (&n_listeners, __ATOMIC_RELAXED) == 0)
    {
      __atomic_store_n (&last_time, now, __ATOMIC_RELAXED);
      return TRUE;
    }
  __atomic_fetch_sub (&n_in, 1, __ATOMIC_RELAXED);
  return FALSE;
}

static gboolean
is_one_more (gint64 now)
{
  gint64 last = __atomic_load_n (&last_time, __ATOMIC_RELAXED);

  if (now - last < PATIENCE
      || !__atomic_compare_exchange_n (&last_time, &last, now, FALSE, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
    return FALSE;
  __atomic_fetch_add (&n_in, 1, __ATOMIC_RELAXED);
  return TRUE;
}

/* Waits by real time, as what it waits for does, whatever the context's clock says. */
gboolean
leash_tls_join_crowd (LeashContext *ctx, GError **error)
{
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  gint64 now;

  pthread_once (&once, forget_all_over_forks);
  for (now = g_get_monotonic_time (); !is_one_of_few (now) && !is_one_more (now);
       now = g_get_monotonic_time ())
    {
      if (!leash_context_check (ctx, error))
        return FALSE;
      g_usleep (NAP);
    }
  return TRUE;
}

void
leash_tls_count_listeners (gint change)
{
  __atomic_fetch_add (&n_listeners, (guint) change, __ATOMIC_RELAXED);
}

void
leash_tls_leave_crowd (void)
{
  __atomic_fetch_sub (&n_in, 1, __ATOMIC_RELAXED);
}
