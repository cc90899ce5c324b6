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
put_place (gconstpointer caller, const LeashSite *site, guint flags)
{
  guintptr pc = leash_strip_authentication ((guintptr) caller);

  return leash_depot_put (&pc, 1, flags, site);
}

LeashStackId
leash_capture_place (gconstpointer caller, const LeashSite *site)
{
  return put_place (caller, site, LEASH_STACK_PLACE_ONLY);
}

LeashStackId
leash_capture_stopped (gconstpointer caller, const LeashSite *site)
{
  __atomic_fetch_add (&n_after_fork, 1, __ATOMIC_RELAXED);
  return put_place (caller, site, LEASH_STACK_AFTER_FORK);
}

guint64
leash_capture_count_after_fork (void)
{
  return __atomic_load_n (&n_after_fork, __ATOMIC_RELAXED);
}

void
leash_capture_stop_after_fork (gboolean had_threads)
{
  if (had_threads)
    __atomic_store_n (&leash_capture_is_stopped, TRUE, __ATOMIC_RELAXED);
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
