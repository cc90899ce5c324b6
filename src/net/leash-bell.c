/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Waiting for what another thread does, for as long as a context lets one.
 *
 * A context that ends wakes by its watch, by whatever clock. The watch is called with the cancellation's lock
 * held, and takes the waiter's; so the waiter's is not held while the watch is put in and taken out.
 */
#include "leash-memory-link-private.h"

typedef struct
{
  LeashWatch watch;
  LeashBell *bell;
  LeashLock *lock;
  gboolean is_fired; /* the lock's */
} BellWait;

void
leash_bell_init (LeashBell *bell)
{
  int failed = pthread_cond_init (&bell->cond, NULL);

  g_assert (failed == 0);
  bell->n_waiting = 0;
}

void
leash_bell_clear (LeashBell *bell)
{
  pthread_cond_destroy (&bell->cond);
}

static void
fire (LeashWatch *watch)
{
  BellWait *wait = (BellWait *) (gpointer) watch;

  leash_lock (wait->lock);
  wait->is_fired = TRUE;
  leash_bell_ring (wait->bell);
  leash_unlock (wait->lock);
}

/* The lock is let go meanwhile, also at the end, when another one may be faster. */
static void
wait_once (LeashBell *bell, LeashLock *lock, LeashContext *ctx, gboolean (*is_so) (gpointer user_data),
           gpointer user_data)
{
  BellWait wait = { .watch.func = fire, .bell = bell, .lock = lock };
  gboolean is_watched;

  leash_unlock (lock);
  is_watched = leash_context_watch (ctx, &wait.watch);
  leash_lock (lock);
  bell->n_waiting++;
  while (is_watched && !wait.is_fired && !is_so (user_data))
    pthread_cond_wait (&bell->cond, lock);
  bell->n_waiting--;
  leash_unlock (lock);
  if (is_watched)
    leash_context_unwatch (ctx, &wait.watch);
  leash_lock (lock);
}

gboolean
leash_bell_wait (LeashBell *bell, LeashLock *lock, LeashContext *ctx, gboolean (*is_so) (gpointer user_data),
                 gpointer user_data, GError **error)
{
  while (!is_so (user_data))
    {
      wait_once (bell, lock, ctx, is_so, user_data);
      if (!is_so (user_data) && !leash_context_check (ctx, error))
        return FALSE;
    }
  return TRUE;
}
