/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Takes the stack of the calling thread. What knows a stack again is inlined into the public function that was
 * called, and begins at that function's caller.
 */
#pragma once

#ifndef UNW_LOCAL_ONLY
#define UNW_LOCAL_ONLY
#endif
#include <libunwind.h>

#include "leash-depot-private.h"
#include "leash-replay-private.h"
#include "leash-settings-private.h"
#include "leash-thread-private.h"

/* More of Leash's own frames than there are between a public function and the capture. */
#define LEASH_OWN_FRAMES_MAX 12

/* Whether this is the child of a fork that must not unwind; atomic. */
extern gboolean leash_capture_is_stopped __attribute__ ((visibility ("hidden")));

/* What leash_capture() does with a stack that it does not know. */
LeashStackId leash_capture_unwind   (LeashRegisters   start,
                                     gconstpointer    caller,
                                     const LeashSite *site,
                                     guint            depth) G_NO_INLINE;

/* leash-warm-up.c: makes the first capture of the thread, which costs some 100 us, before time matters. */
void         leash_capture_warm_up  (void);
guint64      leash_capture_count_after_fork (void);
/* In the child of a fork. */
void         leash_capture_stop_after_fork  (gboolean had_threads);

static inline guintptr
leash_strip_authentication (guintptr pc)
{
#ifdef __aarch64__
  /* XPACLRI, as a hint, so that it is nothing on processors without pointer authentication. */
  register guintptr x30 __asm__ ("x30") = pc;

  __asm__ ("hint #7" : "+r"(x30));
  return x30;
#else
  return pc;
#endif
}

/* Where the thread notes the stack that it took last at an address. */
static inline guint32 *
leash_capture_get_guess (guintptr pc)
{
  return &leash_thread_self.recent[(pc >> 4) % LEASH_RECENT_STACKS];
}

/* The caller alone, flagged so. */
static inline LeashStackId
leash_capture_place (gconstpointer caller, const LeashSite *site)
{
  guintptr pc = leash_strip_authentication ((guintptr) caller);

  return leash_depot_put_again (&pc, 1, LEASH_STACK_PLACE_ONLY, site, leash_capture_get_guess (pc));
}

/* Where the caller's frame is; n_frames if nowhere. */
static inline guint
leash_find_caller (const guintptr *frames, guint n_frames, guintptr caller)
{
  guint last = MIN (n_frames, LEASH_OWN_FRAMES_MAX);

  for (guint i = 0; i < last; i++)
    if (leash_strip_authentication (frames[i]) == caller)
      return i;
  return n_frames;
}

/*
 * The stack from caller (LEASH_CALLER of the public function that was called) outwards, at most depth frames.
 * Where no stack can be taken, the caller alone. Hold no lock, and be marked as busy: see leash_tag_enter().
 */
G_ALWAYS_INLINE static inline LeashStackId
leash_capture (gconstpointer caller, const LeashSite *site, guint depth)
{
  LeashReplay *replay = leash_thread_self.replay;
  LeashRegisters start = leash_registers_of_caller ();
  LeashReplayEntry *entry = NULL;

  if (LEASH_LIKELY (replay != NULL))
    entry = leash_replay_find (replay, start.pc, start.sp, start.fp,
                               leash_strip_authentication ((guintptr) caller), depth);
  return LEASH_LIKELY (entry != NULL) ? entry->id : leash_capture_unwind (start, caller, site, depth);
}
