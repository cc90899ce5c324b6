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
 *
 * The list of free slots is a queue with one end for each lock. Closing links a slot in at its end, and
 * counts it after that. Opening takes slots from its beginning, as many as it has seen to be counted, and
 * never the last LEASH_QUARANTINE: so neither comes to what the other is changing. It looks at the count, and
 * gets the cache line that closing writes to, once for LEASH_FREE_SLOTS_AT_ONCE slots or more; where there
 * are fewer it takes a new one, so that there will be.
 *
 * Rejected: a list without a lock for what other threads release, beside the one lock. Whether a slot is open
 * would then be decided by an exchange in the slot, for every release and for all else that is done to an
 * open slot.
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

  shard->newest_free = &shard->oldest_free;
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

  leash_shard_lock (shard);
  shard->tracker = tracker;
  __atomic_store_n (&shard->release_depth, release_depth, __ATOMIC_RELAXED);
  leash_shard_unlock (shard);
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

  leash_shard_lock (shard);
  slabs = shard->slabs;
  for (LeashSlab *slab = slabs; slab != NULL; slab = slab->next)
    {
      __atomic_store_n (&slab->shard, NULL, __ATOMIC_RELEASE);
      for (guint i = 1; i < slab->n_used; i++)
        forget_slot (leash_slab_get_slot (slab, i), parents);
    }
  shard->tracker = NULL;
  shard->slabs = NULL;
  shard->oldest_free = NULL;
  shard->newest_free = &shard->oldest_free;
  shard->n_opened_until = shard->n_new = 0;
  __atomic_store_n (&shard->n_freed, 0, __ATOMIC_RELAXED);
  __atomic_store_n (&shard->n_held, 0, __ATOMIC_RELAXED);
  __atomic_store_n (&shard->n_kept, 0, __ATOMIC_RELAXED);
  __atomic_store_n (&shard->n_opened, 0, __ATOMIC_RELAXED);
  leash_shard_unlock (shard);
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

static LeashSlot *
take_new_slot (LeashShard *shard)
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
  /* A stale tag of the slab's former tracker may be looking at it. */
  __atomic_store_n (&slot->life, leash_slot_pack_life (slab->first_generation, LEASH_SLOT_FREE, 0),
                    __ATOMIC_RELAXED);
  return slot;
}

LeashSlot *
leash_shard_take_slot_slowly (LeashShard *shard)
{
  gsize n_taken_again = shard->n_opened - shard->n_new;
  gsize n_free = __atomic_load_n (&shard->n_freed, __ATOMIC_ACQUIRE) - n_taken_again;
  LeashSlot *slot;

  if (n_free < LEASH_QUARANTINE + LEASH_FREE_SLOTS_AT_ONCE)
    {
      shard->n_new++;
      shard->n_opened_until = shard->n_opened + 1;
      return take_new_slot (shard);
    }
  shard->n_opened_until = shard->n_opened + n_free - LEASH_QUARANTINE;
  slot = shard->oldest_free;
  shard->oldest_free = slot->next;
  return slot;
}

void
leash_shard_count_kept (LeashShard *shard)
{
  __atomic_store_n (&shard->n_kept, shard->n_kept + 1, __ATOMIC_RELEASE);
}

static void
count_one_less (gsize *counter)
{
  __atomic_store_n (counter, *counter - 1, __ATOMIC_RELEASE);
}

void
leash_shard_close_slot (LeashShard *shard, LeashSlot *slot)
{
  g_assert (slot->state != LEASH_SLOT_OPEN);

  /* In this order, so that who counts misses none. */
  if ((slot->flags & LEASH_SLOT_KEPT) != 0)
    count_one_less (&shard->n_kept);
  if (slot->children == 0)
    leash_shard_free_slot (shard, slot);
  else
    __atomic_store_n (&shard->n_held, shard->n_held + 1, __ATOMIC_RELEASE);
}

/*
 * Whatever moves from one number to another is first counted out, and is looked for in the order in which it
 * moves backwards: what is open is never missed.
 */
gsize
leash_shard_count_closed (LeashShard *shard, gboolean kept_too)
{
  gsize n_closed = __atomic_load_n (&shard->n_freed, __ATOMIC_ACQUIRE), n_kept;

  n_closed += __atomic_load_n (&shard->n_held, __ATOMIC_ACQUIRE);
  n_kept = __atomic_load_n (&shard->n_kept, __ATOMIC_ACQUIRE);
  return n_closed + (kept_too ? 0 : n_kept);
}

/* In this order, as above: what moves from one number to another plays no part in it. */
gboolean
leash_shard_is_empty (LeashShard *shard)
{
  gsize n_freed = __atomic_load_n (&shard->n_freed, __ATOMIC_ACQUIRE);

  return leash_shard_count_opened (shard) == n_freed;
}

gsize
leash_shard_count_opened (LeashShard *shard)
{
  return __atomic_load_n (&shard->n_opened, __ATOMIC_ACQUIRE);
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
      leash_shard_unlock (shard);
      if (attached)
        return parent;
      parent = next;
    }
  return NULL;
}

/* Loops, not recurses: an adopted slot that its last child leaves is itself counted by what it moved to. */
LeashTag *
leash_parent_follow (LeashTag *parent)
{
  LeashTag *next = parent;

  while (next != NULL)
    {
      LeashShard *shard;
      LeashSlot *slot = leash_shard_lock_tag (next, &shard);

      parent = g_steal_pointer (&next);
      if (slot == NULL)
        break;
      if (leash_slot_is_tags (slot, parent) && slot->state == LEASH_SLOT_MOVED)
        next = slot->extra->parent;
      leash_shard_unlock (shard);
    }
  return parent;
}

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
          count_one_less (&shard->n_held);
          leash_shard_free_slot (shard, slot);
        }
      leash_shard_unlock (shard);
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

      leash_shard_lock (shard);
    }
}

void
leash_shard_fork_unlock (void)
{
  for (guint i = 0; all_shards != NULL && i < all_shards->len; i++)
    {
      LeashShard *shard = g_ptr_array_index (all_shards, i);

      leash_shard_unlock (shard);
    }
}
