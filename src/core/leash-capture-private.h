/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Takes the stack of the calling thread. The capture itself is inlined into the public function that was called:
 * each frame of Leash's own costs the unwinder as much as one of the program's.
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

/* The caller alone, flagged so. */
LeashStackId leash_capture_place    (gconstpointer    caller,
                                     const LeashSite *site);
/* As that, for a child of a fork; counts. */
LeashStackId leash_capture_stopped  (gconstpointer    caller,
                                     const LeashSite *site);

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

/* Unwinds. As leash_capture(). */
G_ALWAYS_INLINE static inline LeashStackId
leash_capture_unwind (guintptr caller, const LeashSite *site, guint depth)
{
  guintptr frames[LEASH_DEPTH_MAX + LEASH_OWN_FRAMES_MAX];
  int n_unwound = unw_backtrace ((void **) frames, (int) (depth + LEASH_OWN_FRAMES_MAX));
  guint n_frames = n_unwound > 0 ? (guint) n_unwound : 0;
  guint first = leash_find_caller (frames, n_frames, caller);

  if (G_UNLIKELY (first == n_frames))
    return leash_capture_place ((gconstpointer) caller, site);
  for (guint i = first; i < n_frames; i++)
    frames[i] = leash_strip_authentication (frames[i]);
  n_frames -= first;
  return leash_depot_put_again (frames + first, MIN (n_frames, depth),
                                n_frames > depth ? LEASH_STACK_LIMITED : 0, site,
                                &leash_thread_self.recent[(frames[first] >> 4) % LEASH_RECENT_STACKS]);
}

/*
 * The stack from caller (LEASH_CALLER of the public function that was called) outwards, at most depth frames.
 * Where no stack can be taken, the caller alone. Hold no lock, and be marked as busy: see leash_tag_enter().
 */
G_ALWAYS_INLINE static inline LeashStackId
leash_capture (gconstpointer caller, const LeashSite *site, guint depth)
{
  LeashThread *self = &leash_thread_self;
  guintptr begin = leash_strip_authentication ((guintptr) caller);
  LeashRegisters start = leash_registers_of_caller ();
  LeashStackId id;

  if (G_UNLIKELY (__atomic_load_n (&leash_capture_is_stopped, __ATOMIC_RELAXED)))
    return leash_capture_stopped (caller, site);
  if (G_LIKELY (self->replay != NULL))
    {
      LeashReplayEntry *entry = leash_replay_find (self->replay, &start, begin, depth);

      if (G_LIKELY (entry != NULL))
        {
          if (G_UNLIKELY (self->replay->verify))
            leash_replay_verify (self->replay, entry);
          return entry->id;
        }
    }
  id = leash_capture_unwind (begin, site, depth);
  if (__atomic_load_n (&leash_replay_is_on, __ATOMIC_RELAXED))
    leash_replay_note (self, &start, begin, depth, id);
  return id;
}
