/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The one lock of the library. POSIX's mutex and not GMutex, because GLib's is a futex of its own that
 * ThreadSanitizer cannot see through, and because memory of zeros is an unlocked one.
 */
#pragma once

#include <glib.h>
#include <pthread.h>

typedef pthread_mutex_t LeashLock;

#define LEASH_LOCK_INIT PTHREAD_MUTEX_INITIALIZER

static inline void
leash_lock (LeashLock *lock)
{
  int failed = pthread_mutex_lock (lock);

  g_assert (failed == 0);
}

static inline void
leash_unlock (LeashLock *lock)
{
  int failed = pthread_mutex_unlock (lock);

  g_assert (failed == 0);
}
