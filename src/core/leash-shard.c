/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A slot's life:
 *
 *     never taken -> open -> released -> (children gone) free list -> open again, generation + 1
 *
 * A released slot keeps what it was, until it is taken again: at least LEASH_QUARANTINE other slots of the
 * shard are released first. A tag's pointer carries its slot's generation, so that a tag whose slot was taken
 * again is known as stale: always within 65535 uses of the slot, of which each takes 65 releases or more in
 * the shard, and but for one time in 65536 after that. Where addresses leave no room for more than 3 bits
 * (see leash-arena-private.h) it is 7 uses, and one time in 8.
 *
 * One with open children does not go to the free list, so that a child that is closed after it can name it.
 * Whoever detaches the last child puts it there.
 */
#include "leash-extra-private.h"

#include <string.h>

static LeashLock pool_lock = LEASH_LOCK_INIT; /* guards the two below */
static GPtrArray *pool;                       /* shards without a tracker */
static GPtrArray *all_shards;                 /* every one there is */

/* With the pool's lock held. */
static LeashShard *
shard_new (void)
{
  LeashShard *shard = g_aligned_alloc0 (1, sizeof (LeashShard), G_ALIGNOF (LeashShard));

  if (all_shards == NULL)
    {
      all_shards = g_ptr_array_new ();
      pool = g_ptr_array_new ();
    }
  g_ptr_array_add (all_shards, shard);
  return shard;
}

LeashShard *
leash_shard_take (LeashTracker *tracker, guint release_depth)
{
  LeashShard *shard;

  leash_lock (&pool_lock);
  shard = pool != NULL && pool->len > 0 ? g_ptr_array_steal_index_fast (pool, pool->len - 1) : shard_new ();
  leash_unlock (&pool_lock);

  leash_short_lock (&shard->lock);
  shard->tracker = tracker;
  __atomic_store_n (&shard->release_depth, release_depth, __ATOMIC_RELAXED);
  leash_short_unlock (&shard->lock);
  return shard;
}

/* What a slot owned and whom it was counted by, to be undone without the shard's lock. */
static void
forget_slot (LeashSlot *slot, GPtrArray *parents)
{
  LeashTag *parent = leash_slot_get_parent (slot);

  if (parent != NULL && slot->state != LEASH_SLOT_RELEASED && slot->state != LEASH_SLOT_FREE)
    g_ptr_array_add (parents, parent);
  g_clear_pointer (&slot->name, g_free);
  g_clear_pointer (&slot->extra, leash_extra_free);
}

static LeashSlab *
disown_slabs (LeashShard *shard, GPtrArray *parents)
{
  LeashSlab *slabs;

  leash_short_lock (&shard->lock);
  slabs = shard->slabs;
  for (LeashSlab *slab = slabs; slab != NULL; slab = slab->next)
    {
      __atomic_store_n (&slab->shard, NULL, __ATOMIC_RELEASE);
      for (guint i = 1; i < slab->n_used; i++)
        forget_slot (leash_slab_get_slot (slab, i), parents);
    }
  shard->tracker = NULL;
  shard->slabs = NULL;
  shard->oldest_free = shard->newest_free = NULL;
  shard->n_free = 0;
  __atomic_store_n (&shard->n_open, 0, __ATOMIC_RELAXED);
  __atomic_store_n (&shard->n_kept, 0, __ATOMIC_RELAXED);
  leash_short_unlock (&shard->lock);
  return slabs;
}

void
leash_shard_return (LeashShard *shard)
{
  g_autoptr (GPtrArray) parents = g_ptr_array_new ();
  LeashSlab *slab = disown_slabs (shard, parents);

  while (slab != NULL)
    {
      LeashSlab *next = slab->next;

      leash_arena_return_slab (slab);
      slab = next;
    }
  for (guint i = 0; i < parents->len; i++)
    leash_parent_detach (g_ptr_array_index (parents, i));

  leash_lock (&pool_lock);
  g_ptr_array_add (pool, shard);
  leash_unlock (&pool_lock);
}

LeashSlot *
leash_shard_take_new_slot (LeashShard *shard)
{
  LeashSlab *slab = shard->slabs;
  LeashSlot *slot;

  if (slab == NULL || slab->n_used == LEASH_SLAB_SLOTS)
    {
      slab = leash_arena_take_slab (shard);
      slab->next = shard->slabs;
      shard->slabs = slab;
    }
  slot = leash_slab_get_slot (slab, slab->n_used++);
  slot->generation = slab->first_generation;
  return slot;
}

void
leash_shard_count_kept (LeashShard *shard)
{
  /* In this order, so that leash_tracker_count_own() misses none. */
  __atomic_store_n (&shard->n_kept, shard->n_kept + 1, __ATOMIC_RELAXED);
  __atomic_store_n (&shard->n_open, shard->n_open - 1, __ATOMIC_RELEASE);
}

/* Returns the tag that was attached to, which differs for a parent that was adopted; NULL when it is not
 * open. */
LeashTag *
leash_parent_attach (LeashTag *parent)
{
  while (parent != NULL)
    {
      LeashShard *shard;
      LeashSlot *slot = leash_shard_lock_tag (parent, &shard);
      LeashTag *next = NULL;
      gboolean attached = FALSE;

      if (slot == NULL)
        return NULL;
      if (leash_slot_is_tags (slot, parent))
        {
          attached = slot->state == LEASH_SLOT_OPEN || slot->state == LEASH_SLOT_MOVING;
          if (attached)
            slot->children++;
          else if (slot->state == LEASH_SLOT_MOVED)
            next = slot->extra->parent;
        }
      leash_short_unlock (&shard->lock);
      if (attached)
        return parent;
      parent = next;
    }
  return NULL;
}

/* Loops, not recurses: an adopted slot that its last child leaves is itself counted by what it moved to. */
void
leash_parent_detach (LeashTag *parent)
{
  while (parent != NULL)
    {
      LeashShard *shard;
      LeashSlot *slot = leash_shard_lock_tag (parent, &shard);
      LeashTag *next = NULL;

      if (slot == NULL)
        return;
      /* A stale parent's place may by chance be another's by now, who has no children to lose. */
      if (leash_slot_is_tags (slot, parent) && slot->children > 0 && --slot->children == 0
          && slot->state != LEASH_SLOT_OPEN)
        {
          if (slot->state == LEASH_SLOT_MOVED)
            next = g_steal_pointer (&slot->extra->parent);
          slot->state = LEASH_SLOT_RELEASED;
          leash_shard_free_slot (shard, slot);
        }
      leash_short_unlock (&shard->lock);
      parent = next;
    }
}

void
leash_shard_fork_lock (GPtrArray *held)
{
  leash_lock (&pool_lock);
  g_ptr_array_add (held, &pool_lock);
  for (guint i = 0; all_shards != NULL && i < all_shards->len; i++)
    {
      LeashShard *shard = g_ptr_array_index (all_shards, i);

      leash_short_lock (&shard->lock);
    }
}

void
leash_shard_fork_unlock (void)
{
  for (guint i = 0; all_shards != NULL && i < all_shards->len; i++)
    {
      LeashShard *shard = g_ptr_array_index (all_shards, i);

      leash_short_unlock (&shard->lock);
    }
}
