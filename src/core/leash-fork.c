/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fork() copies the forking thread only. Another may be inside the tracker at that moment, with a lock held
 * and a list half changed, so that the child would wait for ever or follow a bad pointer. Therefore all locks
 * of the tracker are taken before a fork and released on both sides of it: nobody is inside then.
 *
 * libunwind's own lock cannot be treated so. A child of a process with several threads takes no stacks, until
 * it says that it may: see leash_stack_resume_after_fork().
 */
#include "leash-tracker-private.h"

#include <pthread.h>
#include <sys/single_threaded.h>

#include "leash-capture-private.h"
#include "leash-fork-private.h"
#include "leash-intern-private.h"
#include "leash-modules-private.h"
#include "leash-replay-private.h"

static GPtrArray *held;      /* the locks that leash_fork_prepare() took; used by the forking thread only */
static gboolean had_threads; /* whether the parent had other threads; likewise */
static gboolean was_busy;    /* the forking thread; likewise */
static gboolean is_used;     /* atomic; else none of the parent's threads took a stack */
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void
hold (LeashLock *lock)
{
  leash_lock (lock);
  g_ptr_array_add (held, lock);
}

static void
prepare (void)
{
  static LeashLock one_fork = LEASH_LOCK_INIT;  /* two threads may fork at once */
  gboolean busy = leash_thread_set_busy (TRUE); /* a signal handler would wait for these locks */

  leash_lock (&one_fork);
  was_busy = busy;
  g_ptr_array_set_size (held, 0);
  g_ptr_array_add (held, &one_fork);
  leash_tracker_fork_lock (held);
  hold (leash_arena_get_fork_lock ());
  hold (leash_depot_get_fork_lock ());
  hold (leash_intern_get_fork_lock ());
  hold (leash_modules_get_fork_lock ());
  hold (leash_replay_get_fork_lock ());
  had_threads = __atomic_load_n (&is_used, __ATOMIC_RELAXED) && !__libc_single_threaded;
}

static void
release (void)
{
  gboolean busy = was_busy;

  leash_shard_fork_unlock ();
  /* The first one guards the array itself, so it goes last. */
  for (guint i = held->len; i-- > 0;)
    leash_unlock (g_ptr_array_index (held, i));
  leash_thread_set_busy (busy);
}

static void
release_in_child (void)
{
  gboolean threads = had_threads;

  release ();
  leash_thread_self.tid = 0;
  leash_capture_stop_after_fork (threads);
}

static void
set_up (void)
{
  held = g_ptr_array_new ();
  pthread_atfork (prepare, release, release_in_child);
}

/*
 * Before the program's own handlers, which may use what there is: so they run while none of these locks is
 * held. And before those of contexts, whose locks may be held where these are taken.
 */
__attribute__ ((constructor (101))) static void
set_up_early (void)
{
  pthread_once (&once, set_up);
}

void
leash_fork_set_up (void)
{
  pthread_once (&once, set_up);
  __atomic_store_n (&is_used, TRUE, __ATOMIC_RELAXED);
}
