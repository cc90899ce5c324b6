/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A tracker's tags, spread over shards by thread, so that threads do not meet on a lock or a cache line. */
#pragma once

#include "leash-arena-private.h"
#include "leash-short-lock-private.h"

/* Released slots that a shard keeps recognisable before it uses the oldest of them again. */
#define LEASH_QUARANTINE 64

/*
 * Shards are never freed, only used again by another tracker, so that whoever holds a stale tag may take its
 * shard's lock to find out.
 */
struct _LeashShard
{
  LeashShortLock lock;   /* guards all but the last two, and all slots; taken before those of keys and arena, never two */
  guint n_free;
  LeashTracker *tracker; /* NULL while unused */
  LeashSlab *slabs;      /* newest first; only the newest has slots that were never taken */
  LeashSlot *oldest_free, *newest_free;
  gsize n_open;          /* atomic for readers without the lock; without those meant to stay open */
  gsize n_kept;          /* likewise */
  guint release_depth;   /* atomic; frames of the stack that is taken at a release, 0 for none */
  guint history;         /* atomic; the tracker's */
} __attribute__ ((aligned (64)));

LeashShard *leash_shard_take        (LeashTracker *tracker,
                                     guint         release_depth);
void        leash_shard_return      (LeashShard   *shard);
/* For leash-fork.c: takes the locks of all shards, and that of their list, which is noted in held. */
void        leash_shard_fork_lock   (GPtrArray    *held);
/* Before those that were noted are let go. */
void        leash_shard_fork_unlock (void);

/* With the shard's lock held: a slot that was never taken. */
LeashSlot  *leash_shard_take_new_slot (LeashShard *shard);
/* Counts an open slot as meant to stay so. */
void        leash_shard_count_kept  (LeashShard   *shard);

/* Events that a resource keeps; changes at any time. */
static inline guint
leash_shard_get_history (LeashShard *shard)
{
  return __atomic_load_n (&shard->history, __ATOMIC_RELAXED);
}

/* With the shard's lock held. The slot comes as it was left, with its generation counted up: to be filled. */
static inline LeashSlot *
leash_shard_take_slot (LeashShard *shard)
{
  LeashSlot *slot;

  if (G_LIKELY (shard->n_free > LEASH_QUARANTINE))
    {
      slot = shard->oldest_free;
      shard->oldest_free = slot->next;
      shard->n_free--;
    }
  else
    slot = leash_shard_take_new_slot (shard);
  slot->generation++;
  __atomic_store_n (&shard->n_open, shard->n_open + 1, __ATOMIC_RELAXED);
  return slot;
}

/* Counts a slot that is not open any more out. */
static inline void
leash_shard_count_out (LeashShard *shard, const LeashSlot *slot)
{
  gsize *counter = (slot->flags & LEASH_SLOT_KEPT) != 0 ? &shard->n_kept : &shard->n_open;

  __atomic_store_n (counter, *counter - 1, __ATOMIC_RELAXED);
}

static inline void
leash_shard_free_slot (LeashShard *shard, LeashSlot *slot)
{
  g_assert (slot->state != LEASH_SLOT_OPEN && slot->children == 0);

  slot->next = NULL;
  if (shard->n_free++ > 0)
    shard->newest_free->next = slot;
  else
    shard->oldest_free = slot;
  shard->newest_free = slot;
}

/*
 * Finds a tag's slot and takes its shard's lock. Returns NULL, without a lock, when the tag's tracker is gone.
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

      leash_short_lock (&shard->lock);
      owner = __atomic_load_n (&slab->shard, __ATOMIC_ACQUIRE);
      if (G_LIKELY (owner == shard))
        {
          *ret_shard = shard;
          return leash_tag_get_slot (tag);
        }
      leash_short_unlock (&shard->lock);
      shard = owner;
    }
  return NULL;
}

static inline gboolean
leash_slot_is_tags (const LeashSlot *slot, const LeashTag *tag)
{
  return slot->state != LEASH_SLOT_FREE && leash_slot_get_tag (slot) == tag;
}

/* As leash_shard_lock_tag(). NULL, without a lock, for what is not the tag's or is not open. */
static inline LeashSlot *
leash_shard_lock_open (LeashTag *tag, LeashShard **ret_shard)
{
  LeashSlot *slot = leash_shard_lock_tag (tag, ret_shard);

  if (slot == NULL || (leash_slot_is_tags (slot, tag) && slot->state == LEASH_SLOT_OPEN))
    return slot;
  leash_short_unlock (&(*ret_shard)->lock);
  return NULL;
}

/* Counts a child of the tag's slot in, or out; see leash-shard.c. No shard's lock may be held. */
LeashTag   *leash_parent_attach     (LeashTag     *parent);
void        leash_parent_detach     (LeashTag     *parent);
