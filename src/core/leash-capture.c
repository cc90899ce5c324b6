/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Capture through libunwind's unw_backtrace(), whose per-thread cache of frame layouts makes it some twenty
 * times faster than stepping a cursor. Frames of Leash's own are dropped by looking for the address that the
 * public function returns to, not by counting them: counting breaks with inlining and tail calls.
 *
 * libunwind's traps, and what is done here (docs/libunwind.md has the whole list):
 * - only unw_* is called: libunwind also exports a weak backtrace();
 * - no lock of ours is held: it takes its own, and the loader's;
 * - a signal that interrupts a capture and opens something does not capture: LeashThread.busy sees to it;
 * - its first use has costs, opens a pipe, and chooses a cache with a lock: see leash-warm-up.c;
 * - after a fork of a process with several threads, one of those may have held libunwind's lock: the child
 *   captures nothing until it says so.
 */
#include "leash-capture-private.h"

#include "leash-thread-private.h"

gboolean leash_capture_is_stopped;
static guint64 n_after_fork; /* atomic */

static LeashStackId
unwind (guintptr caller, const LeashSite *site, guint depth)
{
  guintptr frames[LEASH_DEPTH_MAX + LEASH_OWN_FRAMES_MAX];
  int n_unwound = unw_backtrace ((void **) frames, (int) (depth + LEASH_OWN_FRAMES_MAX));
  guint n_frames = n_unwound > 0 ? (guint) n_unwound : 0;
  guint first = leash_find_caller (frames, n_frames, caller);

  if (LEASH_UNLIKELY (first == n_frames))
    return leash_capture_place ((gconstpointer) caller, site);
  for (guint i = first; i < n_frames; i++)
    frames[i] = leash_strip_authentication (frames[i]);
  n_frames -= first;
  return leash_depot_put_again (frames + first, MIN (n_frames, depth),
                                n_frames > depth ? LEASH_STACK_LIMITED : 0, site,
                                leash_capture_get_guess (frames[first]));
}

LeashStackId
leash_capture_unwind (LeashRegisters start, gconstpointer caller, const LeashSite *site, guint depth)
{
  guintptr begin = leash_strip_authentication ((guintptr) caller);
  LeashStackId id;

  if (LEASH_UNLIKELY (__atomic_load_n (&leash_capture_is_stopped, __ATOMIC_RELAXED)))
    {
      __atomic_fetch_add (&n_after_fork, 1, __ATOMIC_RELAXED);
      return leash_depot_put (&begin, 1, LEASH_STACK_AFTER_FORK, site);
    }
  id = unwind (begin, site, depth);
  if (__atomic_load_n (&leash_replay_is_on, __ATOMIC_RELAXED))
    leash_replay_note (&leash_thread_self, &start, begin, depth, id);
  return id;
}

guint64
leash_capture_count_after_fork (void)
{
  return __atomic_load_n (&n_after_fork, __ATOMIC_RELAXED);
}

void
leash_capture_stop_after_fork (gboolean had_threads)
{
  if (!had_threads)
    return;
  __atomic_store_n (&leash_capture_is_stopped, TRUE, __ATOMIC_RELAXED);
  leash_thread_self.replay = NULL; /* the one thread that there is */
}

/**
 * leash_stack_resume_after_fork:
 *
 * Lets a forked child take stacks again.
 *
 * Where a process with several threads forks, the child takes no stacks: one of the threads that it does not
 * have may hold libunwind's lock for ever. Resources are still tracked there, by the place that opened them,
 * and reports say so. A child that knows that no other thread was in the parent's unwinder may call this.
 *
 * Since: 0.1
 */
void
leash_stack_resume_after_fork (void)
{
  __atomic_store_n (&leash_capture_is_stopped, FALSE, __ATOMIC_RELAXED);
}
