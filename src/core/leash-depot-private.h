/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The store of stacks: each once, for the life of the process. See leash-depot.c for its layout. */
#pragma once

#include <string.h>

#include <leash/leash-stack.h>
#include <leash/leash-track.h>

#include "leash-likely-private.h"
#include "leash-lock-private.h"

typedef enum
{
  LEASH_STACK_COMPLETE = 0,
  LEASH_STACK_CUT_SHORT = 1 << 0,   /* the last frame is no thread's start: unwinding stopped there */
  LEASH_STACK_LIMITED = 1 << 1,     /* as many frames as were asked for; there may be more */
  LEASH_STACK_NOT_KEPT = 1 << 2,    /* past the depot's limit: this stands for all of those */
  LEASH_STACK_AFTER_FORK = 1 << 3,  /* not taken: in a forked child */
  LEASH_STACK_PLACE_ONLY = 1 << 4   /* not taken: by level, or because unwinding failed */
} LeashStackFlags;

/* A stored stack. Never goes, and never changes but for `next`. */
typedef struct
{
  guint8 n_frames;
  guint8 flags;           /* LeashStackFlags */
  guint16 generation;     /* of the module table when it was first taken, see leash-modules-private.h */
  guint32 site;           /* leash_depot_get_site(), 0 for none */
  guint32 hash;
  LeashStackId next;      /* atomic; in the index: an older one, 0 for none */
  guintptr frames[];      /* return addresses, innermost first */
} LeashStack;

/* frames may be of any number up to LEASH_DEPTH_MAX; site may be NULL. Takes no lock where the stack is known. */
LeashStackId      leash_depot_put        (const guintptr  *frames,
                                          guint            n_frames,
                                          guint            flags,
                                          const LeashSite *site);

/* NULL for 0 and for what was never returned by leash_depot_put(). */
const LeashStack *leash_depot_get        (LeashStackId     id);
const LeashSite  *leash_depot_get_site   (guint32          site);
guint64           leash_depot_count_dropped (void);
/* All that is in use, the index and sites too: at most 24 + 8 for each frame of each stack, once there are some 200. */
gsize             leash_depot_get_bytes  (void);
guint             leash_depot_count      (void);

/* For leash-fork.c */
LeashLock *leash_depot_get_fork_lock (void);

/*
 * Looking at a stack again, inlined into the capture: what is opened in a loop has the stack that the same caller
 * had before.
 */
#define LEASH_DEPOT_CHUNK_BITS 17
#define LEASH_DEPOT_N_CHUNKS 32768

extern guint64 *leash_depot_chunks[LEASH_DEPOT_N_CHUNKS] __attribute__ ((visibility ("hidden")));

/* What is known of a stack before it is stored. */
static inline guint
leash_depot_identity_flags (guint flags)
{
  return flags & (LEASH_STACK_LIMITED | LEASH_STACK_AFTER_FORK | LEASH_STACK_PLACE_ONLY);
}

/* In chunks; the index is beside it. */
static inline gsize
leash_depot_stack_size (guint n_frames)
{
  return sizeof (LeashStack) + n_frames * sizeof (guintptr);
}

/* Of an id that leash_depot_put() returned. */
static inline LeashStack *
leash_depot_get_stack (LeashStackId id)
{
  guint64 *chunk = __atomic_load_n (&leash_depot_chunks[id >> LEASH_DEPOT_CHUNK_BITS], __ATOMIC_ACQUIRE);

  return (LeashStack *) (chunk + (id & ((1u << LEASH_DEPOT_CHUNK_BITS) - 1)));
}

static inline gboolean
leash_depot_is_equal (const LeashStack *stack, const guintptr *frames, guint n_frames, guint flags)
{
  return stack->n_frames == n_frames
         && leash_depot_identity_flags (stack->flags) == leash_depot_identity_flags (flags)
         && memcmp (stack->frames, frames, n_frames * sizeof (guintptr)) == 0;
}

/* As leash_depot_put(), trying *guess first, which costs a comparison only; it is set to what is returned. */
static inline LeashStackId
leash_depot_put_again (const guintptr *frames, guint n_frames, guint flags, const LeashSite *site, guint32 *guess)
{
  LeashStackId id = *guess;

  if (LEASH_LIKELY (id != 0)
      && LEASH_LIKELY (leash_depot_is_equal (leash_depot_get_stack (id), frames, n_frames, flags)))
    return id;
  id = leash_depot_put (frames, n_frames, flags, site);
  *guess = id;
  return id;
}
