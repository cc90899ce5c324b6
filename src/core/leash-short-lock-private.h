/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A lock for work of some ten nanoseconds, where two calls of pthread_mutex_lock() and _unlock() would cost more
 * than the work. Taking it is one exchange, letting it go a store.
 * There is nobody to wake: who finds it held looks again, lets others run, and sleeps at last, so that a
 * thread of high priority does not keep the holder from running for ever.
 *
 * Memory of zeros is an unlocked one. Not for anything that calls back or waits for another thread's work. What
 * takes long with it held, the mapping of a slab and the copy of a shard for a snapshot, keeps others napping.
 */
#pragma once

#include <glib.h>

#include "leash-likely-private.h"

typedef struct
{
  guint32 held; /* atomic */
} LeashShortLock;

/* Takes a lock that another thread was seen to hold. */
void leash_short_lock_wait (LeashShortLock *lock) __attribute__ ((cold));

/* Returns FALSE, without the lock, where another thread holds it. */
static inline gboolean
leash_short_trylock (LeashShortLock *lock)
{
  return __atomic_exchange_n (&lock->held, 1, __ATOMIC_ACQUIRE) == 0;
}

static inline void
leash_short_lock (LeashShortLock *lock)
{
  if (LEASH_UNLIKELY (!leash_short_trylock (lock)))
    leash_short_lock_wait (lock);
}

static inline void
leash_short_unlock (LeashShortLock *lock)
{
  __atomic_store_n (&lock->held, 0, __ATOMIC_RELEASE);
}
