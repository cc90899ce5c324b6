/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Capture through libunwind's unw_backtrace(), whose per-thread cache of frame layouts makes it some twenty
 * times faster than stepping a cursor. Frames of Leash's own are dropped by looking for the address that the
 * public function returns to, not by counting them: counting breaks with inlining and tail calls.
 *
 * libunwind's traps, and what is done here (docs/design.md has the whole list):
 * - only unw_* is called: libunwind also exports a weak backtrace();
 * - no lock of ours is held: it takes its own, and the loader's;
 * - a signal that interrupts a capture and opens something does not capture: LeashThread.busy sees to it;
 * - after a fork of a process with several threads, one of those may have held libunwind's lock: the child
 *   captures nothing until it says so.
 */
#define UNW_LOCAL_ONLY
#include "leash-capture-private.h"

#include <libunwind.h>
#include <string.h>

#include "leash-settings-private.h"
#include "leash-thread-private.h"

/* More of Leash's own frames than there are between a public function and here. */
#define OWN_FRAMES_MAX 12

static gboolean forked;      /* atomic */
static guint64 n_after_fork; /* atomic */

static guintptr
strip_authentication (guintptr pc)
{
#ifdef __aarch64__
  /* XPACLRI, as a hint, so that it is nothing on processors without pointer authentication. */
  register guintptr x30 __asm__("x30") = pc;

  __asm__("hint #7" : "+r"(x30));
  return x30;
#else
  return pc;
#endif
}

static LeashStackId
put_place (gconstpointer caller, const LeashSite *site, guint flags)
{
  guintptr pc = strip_authentication ((guintptr) caller);

  return leash_depot_put (&pc, 1, flags, site);
}

LeashStackId
leash_capture_place (gconstpointer caller, const LeashSite *site)
{
  return put_place (caller, site, LEASH_STACK_PLACE_ONLY);
}

/* Where the caller's frame is; n_frames if nowhere. */
static guint
find_caller (guintptr *frames, guint n_frames, guintptr caller)
{
  guint last = MIN (n_frames, OWN_FRAMES_MAX);

  for (guint i = 1; i < last; i++)
    if (strip_authentication (frames[i]) == caller)
      return i;
  return n_frames;
}

LeashStackId
leash_capture (gconstpointer caller, const LeashSite *site, guint depth)
{
  guintptr frames[LEASH_DEPTH_MAX + OWN_FRAMES_MAX];
  guintptr pc = strip_authentication ((guintptr) caller);
  guint n_frames, first;
  int n_unwound;

  g_assert (depth >= 1 && depth <= LEASH_DEPTH_MAX);

  if (G_UNLIKELY (__atomic_load_n (&forked, __ATOMIC_RELAXED)))
    {
      __atomic_fetch_add (&n_after_fork, 1, __ATOMIC_RELAXED);
      return put_place (caller, site, LEASH_STACK_AFTER_FORK);
    }
  n_unwound = unw_backtrace ((void **) frames, (int) (depth + OWN_FRAMES_MAX));
  n_frames = n_unwound > 0 ? (guint) n_unwound : 0;
  first = find_caller (frames, n_frames, pc);
  if (G_UNLIKELY (first == n_frames))
    return leash_capture_place (caller, site);
  for (guint i = first; i < n_frames; i++)
    frames[i] = strip_authentication (frames[i]);
  n_frames -= first;
  return leash_depot_put (frames + first, MIN (n_frames, depth), n_frames > depth ? LEASH_STACK_LIMITED : 0,
                          site);
}

void
leash_capture_warm_up (void)
{
  static __thread gboolean warm;
  void *frames[4];

  if (warm || __atomic_load_n (&forked, __ATOMIC_RELAXED))
    return;
  warm = TRUE;
  unw_backtrace (frames, G_N_ELEMENTS (frames));
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
    __atomic_store_n (&forked, TRUE, __ATOMIC_RELAXED);
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
  __atomic_store_n (&forked, FALSE, __ATOMIC_RELAXED);
}
