/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A tracker's tags, spread over shards by thread, so that threads do not meet on a lock or a cache line. */
#pragma once

#include "leash-arena-private.h"
#include "leash-short-lock-private.h"

/* Released slots that a shard keeps recognisable before it uses the oldest of them again. */
#define LEASH_QUARANTINE 64

/* So many more there are at least when it begins to take them: see leash-shard.c. */
#define LEASH_FREE_SLOTS_AT_ONCE 32

/*
 * Opening and closing have a lock each, and cache lines that the other does not write to, so that threads that
 * close what others opened do not wait for them. Whoever wants more than to open or to close takes both.
 *
 * Shards are never freed, only used again by another tracker, so that whoever holds a stale tag may take its
 * shard's locks to find out.
 */
struct _LeashShard /* NOLINT(clang-analyzer-optin.performance.Padding): the lines of its three parts are kept apart */
{
  /* Read by all, seldom written. */
  LeashTracker *tracker;    /* NULL while unused; written with both locks held */
  guint release_depth;      /* atomic; frames of the stack that is taken at a release, 0 for none */
  guint history;            /* atomic; the tracker's */

  /* Guards the below, and slots that are free or were never taken. Taken before the other, which is taken before those
   * of keys and arena; never two shards' */
  LeashShortLock open_lock __attribute__ ((aligned (64)));
  gsize n_opened;           /* atomic for readers without the lock; ever */
  gsize n_opened_until;     /* there are free slots to take before n_opened is this */
  LeashSlot *oldest_free;   /* written by who closes the first one ever */
  gsize n_new;              /* of n_opened, slots that were never taken before */
  LeashSlab *slabs;         /* newest first; only the newest has slots that were never taken */

  /* Guards the below, and slots that are open. Those that are closed, and not free, are guarded by both */
  LeashShortLock close_lock __attribute__ ((aligned (64)));
  gsize n_freed;            /* atomic for readers without the lock; ever */
  gsize n_held;             /* likewise; closed, not freed before their children are closed */
  gsize n_kept;             /* likewise; open, and meant to stay so */
  LeashSlot **newest_free;  /* where the next free one is linked in */
} __attribute__ ((aligned (64)));

LeashShard *leash_shard_take        (LeashTracker *tracker,
                                     guint         release_depth);
void        leash_shard_return      (LeashShard   *shard);
/* For leash-fork.c: takes the locks of all shards, and that of their list, which is noted in held. */
void        leash_shard_fork_lock   (GPtrArray    *held);
/* Before those that were noted are let go. */
void        leash_shard_fork_unlock (void);

/* With the lock for opening held: a slot where no free one was known to be there. */
LeashSlot  *leash_shard_take_slot_slowly (LeashShard *shard) __attribute__ ((cold));
/* With both locks held: counts out a slot that was open, and frees it unless its children hold it. */
void        leash_shard_close_slot  (LeashShard   *shard,
                                     LeashSlot    *slot);
/* How many slots are open, as a difference, of which the first is to be read first; without a lock. */
gsize       leash_shard_count_closed (LeashShard  *shard,
                                     gboolean      kept_too);
gsize       leash_shard_count_opened (LeashShard  *shard);
/* Whether no slot is open, nor held by children; without a lock. */
gboolean    leash_shard_is_empty    (LeashShard   *shard);
/* With the lock for closing held: counts an open slot as meant to stay so. */
void        leash_shard_count_kept  (LeashShard   *shard);

/* Events that a resource keeps; changes at any time. */
static inline guint
leash_shard_get_history (LeashShard *shard)
{
  return __atomic_load_n (&shard->history, __ATOMIC_RELAXED);
}

static inline void
leash_shard_lock (LeashShard *shard)
{
  leash_short_lock (&shard->open_lock);
  leash_short_lock (&shard->close_lock);
}

static inline void
leash_shard_unlock (LeashShard *shard)
{
  leash_short_unlock (&shard->close_lock);
  leash_short_unlock (&shard->open_lock);
}

/* With the lock for opening held. The slot comes as it was left: to be filled. */
static inline LeashSlot *
leash_shard_take_slot (LeashShard *shard)
{
  LeashSlot *slot;

  if (LEASH_UNLIKELY (shard->n_opened == shard->n_opened_until))
    slot = leash_shard_take_slot_slowly (shard);
  else
    {
      slot = shard->oldest_free;
      shard->oldest_free = slot->next;
    }
  __atomic_store_n (&shard->n_opened, shard->n_opened + 1, __ATOMIC_RELEASE);
  return slot;
}

/* With the lock for closing held, of a slot that was never held by children. */
static inline void
leash_shard_free_slot (LeashShard *shard, LeashSlot *slot)
{
  slot->next = NULL;
  *shard->newest_free = slot;
  shard->newest_free = &slot->next;
  /* What is before it is seen by leash_shard_take_slot_slowly(). */
  __atomic_store_n (&shard->n_freed, shard->n_freed + 1, __ATOMIC_RELEASE);
}

/*
 * Finds a tag's slot and takes its shard's locks. Returns NULL, without them, when the tag's tracker is gone.
 * The slot is the tag's only if leash_slot_is_tags().
 */
static inline LeashSlot *
leash_shard_lock_tag (LeashTag *tag, LeashShard **ret_shard)
{
  LeashSlab *slab = leash_tag_get_slab (tag);
  LeashShard *shard = __atomic_load_n (&slab->shard, __ATOMIC_ACQUIRE);

  while (shard != NULL)
    {
      LeashShard *owner;

      leash_shard_lock (shard);
      owner = __atomic_load_n (&slab->shard, __ATOMIC_ACQUIRE);
      if (LEASH_LIKELY (owner == shard))
        {
          *ret_shard = shard;
          return leash_tag_get_slot (tag);
        }
      leash_shard_unlock (shard);
      shard = owner;
    }
  return NULL;
}

static inline gboolean
leash_slot_is_tags (const LeashSlot *slot, const LeashTag *tag)
{
  return slot->state != LEASH_SLOT_FREE && leash_slot_get_tag (slot) == tag;
}

/* As leash_shard_lock_tag(). NULL, without locks, for what is not the tag's or is not open. */
static inline LeashSlot *
leash_shard_lock_open (LeashTag *tag, LeashShard **ret_shard)
{
  LeashSlot *slot = leash_shard_lock_tag (tag, ret_shard);

  if (slot == NULL || (leash_slot_is_tags (slot, tag) && slot->state == LEASH_SLOT_OPEN))
    return slot;
  leash_shard_unlock (*ret_shard);
  return NULL;
}

/* Counts a child of the tag's slot in, or out; see leash-shard.c. No shard's locks may be held. */
LeashTag   *leash_parent_attach     (LeashTag     *parent);
void        leash_parent_detach     (LeashTag     *parent);
/* The tag that the parent has by now, where it was handed on. Likewise. */
LeashTag   *leash_parent_follow     (LeashTag     *parent);
