/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A tracker's tags, spread over shards by thread, so that threads do not meet on a lock or a cache line. */
#pragma once

#include "leash-arena-private.h"

/* Released slots that a shard keeps recognisable before it uses the oldest of them again. */
#define LEASH_QUARANTINE 64

/*
 * Shards are never freed, only used again by another tracker, so that whoever holds a stale tag may take its
 * shard's lock to find out.
 */
struct _LeashShard
{
  LeashLock lock;        /* guards the below and all slots; taken before those of keys and arena, never two */
  LeashTracker *tracker; /* NULL while unused */
  LeashSlab *slabs;      /* newest first; only the newest has slots that were never taken */
  LeashSlot *oldest_free, *newest_free;
  guint n_free;
  gsize n_open;          /* atomic for readers without the lock; without those meant to stay open */
  gsize n_kept;          /* likewise */
  guint release_depth;   /* atomic; frames of the stack that is taken at a release, 0 for none */
} __attribute__ ((aligned (64)));

LeashShard *leash_shard_take        (LeashTracker *tracker,
                                     guint         release_depth);
void        leash_shard_return      (LeashShard   *shard);
/* For leash-fork.c: takes the locks of all shards and notes them in held. */
void        leash_shard_fork_lock   (GPtrArray    *held);

/* With the shard's lock held. The slot comes as it was left, with its generation counted up: to be filled. */
LeashSlot  *leash_shard_take_slot   (LeashShard   *shard);
void        leash_shard_free_slot   (LeashShard   *shard,
                                     LeashSlot    *slot);

/* Counts an open slot as meant to stay so; and one that is not open any more out. */
void        leash_shard_count_kept  (LeashShard   *shard);
void        leash_shard_count_out   (LeashShard   *shard,
                                     const LeashSlot *slot);

/*
 * Finds a tag's slot and takes its shard's lock. Returns NULL, without a lock, when the tag's tracker is gone.
 * The slot is the tag's only if leash_slot_is_tags().
 */
LeashSlot  *leash_shard_lock_tag    (LeashTag     *tag,
                                     LeashShard  **ret_shard);

static inline gboolean
leash_slot_is_tags (const LeashSlot *slot, const LeashTag *tag)
{
  return slot->state != LEASH_SLOT_FREE && leash_slot_get_tag (slot) == tag;
}

/* Counts a child of the tag's slot in, or out; see leash-shard.c. No shard's lock may be held. */
LeashTag   *leash_parent_attach     (LeashTag     *parent);
void        leash_parent_detach     (LeashTag     *parent);
