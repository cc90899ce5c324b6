/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How much is open. Shards count for themselves, as they open and close; a sum over them, read without a
 * lock, is exact when nobody opens or closes meanwhile. Else it may be more than there ever was, and never
 * less: all that was closed is read before anything that was opened, so that what one thread opens before
 * another closes, or what is handed from one tracker to another, does not fall between them. Kinds are not
 * counted: whoever asks for one looks at each resource.
 */
#include "leash-tracker-private.h"

#include "leash-intern-private.h"

static gsize
count_closed (LeashTracker *tracker, gboolean kept_too)
{
  gsize n = 0;

  for (guint i = 0; i < LEASH_N_SHARDS; i++)
    {
      LeashShard *shard = __atomic_load_n (&tracker->shards[i], __ATOMIC_ACQUIRE);

      if (shard != NULL)
        n += leash_shard_count_closed (shard, kept_too);
    }
  return n;
}

static gsize
count_opened (LeashTracker *tracker)
{
  gsize n = 0;

  for (guint i = 0; i < LEASH_N_SHARDS; i++)
    {
      LeashShard *shard = __atomic_load_n (&tracker->shards[i], __ATOMIC_ACQUIRE);

      if (shard != NULL)
        n += leash_shard_count_opened (shard);
    }
  return n;
}

gsize
leash_tracker_count_own (LeashTracker *tracker, gboolean kept_too)
{
  gsize n_closed = count_closed (tracker, kept_too);

  return count_opened (tracker) - n_closed;
}

/**
 * leash_tracker_count_open:
 * @tracker: a tracker
 *
 * How many resources are open, in trackers nested in this one too, without those that are meant to stay open.
 *
 * While other threads open and close, or hand on to another tracker, it may be too many, but not too few.
 *
 * Returns: the number
 *
 * Since: 0.1
 */
gsize
leash_tracker_count_open (LeashTracker *tracker)
{
  g_autoptr (GPtrArray) list = NULL;
  gsize n_opened = 0, n_closed = 0;

  g_return_val_if_fail (tracker != NULL, 0);

  list = leash_tracker_list (tracker);
  for (guint i = 0; i < list->len; i++)
    n_closed += count_closed (g_ptr_array_index (list, i), FALSE);
  for (guint i = 0; i < list->len; i++)
    n_opened += count_opened (g_ptr_array_index (list, i));
  return n_opened - n_closed;
}

static gsize
count_kind_in_shard (LeashShard *shard, guint16 kind)
{
  gboolean was_busy = leash_thread_set_busy (TRUE);
  gsize n = 0;

  leash_shard_lock (shard);
  for (LeashSlab *slab = shard->slabs; slab != NULL; slab = slab->next)
    for (guint i = 1; i < slab->n_used; i++)
      {
        LeashSlot *slot = leash_slab_get_slot (slab, i);

        n += slot->state == LEASH_SLOT_OPEN && slot->kind == kind && (slot->flags & LEASH_SLOT_KEPT) == 0;
      }
  leash_shard_unlock (shard);
  leash_thread_set_busy (was_busy);
  return n;
}

/**
 * leash_tracker_count_kind:
 * @tracker: a tracker
 * @kind: what the resources are: "file"
 *
 * How many resources of a kind are open. Looks at each open resource: it is for tests and reports.
 *
 * Returns: the number
 *
 * Since: 0.1
 */
gsize
leash_tracker_count_kind (LeashTracker *tracker, const char *kind)
{
  g_autoptr (GPtrArray) list = NULL;
  guint16 id;
  gsize n = 0;

  g_return_val_if_fail (tracker != NULL, 0);
  g_return_val_if_fail (kind != NULL, 0);

  id = leash_intern_lookup (kind);
  list = leash_tracker_list (tracker);
  for (guint i = 0; i < list->len; i++)
    {
      LeashTracker *each = g_ptr_array_index (list, i);

      for (guint s = 0; s < LEASH_N_SHARDS; s++)
        {
          LeashShard *shard = __atomic_load_n (&each->shards[s], __ATOMIC_ACQUIRE);

          n += shard != NULL ? count_kind_in_shard (shard, id) : 0;
        }
    }
  return n;
}
