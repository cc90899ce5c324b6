/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The rare case of leash-short-lock-private.h: another thread holds the lock. */
#include "leash-short-lock-private.h"

#include <sched.h>
#include <time.h>

/* Looks in a row, before others are let run; then turns of others; then naps, each twice as long up to a
 * limit. */
#define N_LOOKS 64
#define N_TURNS 64
#define NAP_FIRST_NS 20000
#define NAP_LAST_NS 640000

static inline gboolean
try_lock (LeashShortLock *lock)
{
  return __atomic_load_n (&lock->held, __ATOMIC_RELAXED) == 0
         && __atomic_exchange_n (&lock->held, 1, __ATOMIC_ACQUIRE) == 0;
}

static inline void
pause_shortly (void)
{
#ifdef __x86_64__
  __builtin_ia32_pause ();
#endif
}

void
leash_short_lock_wait (LeashShortLock *lock)
{
  struct timespec nap = { .tv_nsec = NAP_FIRST_NS };

  for (guint i = 0; i < N_LOOKS; i++, pause_shortly ())
    if (try_lock (lock))
      return;
  for (guint i = 0; i < N_TURNS; i++, sched_yield ())
    if (try_lock (lock))
      return;
  while (!try_lock (lock))
    {
      nanosleep (&nap, NULL);
      nap.tv_nsec = MIN (2 * nap.tv_nsec, NAP_LAST_NS);
    }
}
