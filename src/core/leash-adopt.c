/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Handing a resource on. Within a tracker the slot stays and notes the adopter. To another tracker the
 * resource gets a slot there, with all that was known; the old one is marked as moved and leads to the new
 * one for as long as it has children, of which the new one counts it as one.
 */
#include "leash-tag-private.h"

#include "leash-capture-private.h"

typedef struct
{
  LeashStackId stack;
  guint16 thread;
} Adopter;

static void
adopt_in_place (LeashSlot *slot, const Adopter *adopter)
{
  slot->flags |= LEASH_SLOT_ADOPTED;
  slot->adopter_stack = adopter->stack;
  slot->adopter_thread = adopter->thread;
}

/* With the shard's lock held: takes what is to move out of the slot, and marks it as on its way. */
static LeashSlot
take_out (LeashShard *shard, LeashSlot *slot)
{
  LeashSlot moving = *slot;

  if ((slot->flags & LEASH_SLOT_KEYED) != 0)
    leash_keys_remove (shard->tracker->keys, slot);
  leash_shard_count_out (shard, slot);
  moving.name = g_strdup (slot->name);
  moving.children = 0;
  slot->state = LEASH_SLOT_RELEASED;
  slot->parent = NULL;
  slot->at.pc = 0;
  /* Held as if by one more child, so that the slot stays until it knows where it moved to. */
  slot->children++;
  return moving;
}

/* Ages are relative to a tracker's beginning; what was opened before that counts from it. */
static void
convert_age (LeashSlot *moving, LeashTracker *from, LeashTracker *to)
{
  gint64 opened = from->made_at + ((gint64) moving->opened_high << 32 | moving->opened_low);
  gint64 age = MAX (opened - to->made_at, 0);

  moving->opened_low = (guint32) age;
  moving->opened_high = (guint16) (age >> 32);
}

/* The old slot leads to the new one while it has children; then nothing holds it but the list of free ones.
 */
static void
leave_forward (LeashTag *old, LeashTag *moved)
{
  LeashShard *shard;
  LeashSlot *slot = leash_shard_lock_tag (old, &shard);
  gboolean has_children = FALSE;

  if (slot == NULL)
    return;
  has_children = slot->children > 1;
  leash_unlock (&shard->lock);
  if (has_children && leash_parent_attach (moved) == moved)
    {
      leash_lock (&shard->lock);
      slot->state = LEASH_SLOT_MOVED;
      slot->parent = moved;
      leash_unlock (&shard->lock);
    }
  leash_parent_detach (old);
}

static LeashTag *
adopt_elsewhere (LeashTag *tag, LeashSlot *moving, LeashTracker *from, LeashTracker *to, LeashThread *self)
{
  LeashTag *moved;

  convert_age (moving, from, to);
  moved = leash_tag_store (to, self, moving);
  leave_forward (tag, moved);
  return moved;
}

static LeashTag *
adopt (LeashTag *tag, LeashTracker *to, const Adopter *adopter, LeashThread *self)
{
  LeashShard *shard;
  LeashSlot *slot = leash_shard_lock_tag (tag, &shard);
  LeashTracker *from;
  LeashSlot moving;

  if (slot == NULL)
    {
      leash_tag_add_stray ();
      return NULL;
    }
  if (!leash_slot_is_tags (slot, tag) || slot->state != LEASH_SLOT_OPEN)
    {
      leash_unlock (&shard->lock);
      leash_tag_record_use (tag, "adopted after close", adopter->stack);
      return NULL;
    }
  adopt_in_place (slot, adopter);
  if (shard->tracker == to)
    {
      leash_unlock (&shard->lock);
      return tag;
    }
  from = leash_tracker_ref (shard->tracker);
  moving = take_out (shard, slot);
  leash_unlock (&shard->lock);

  tag = adopt_elsewhere (tag, &moving, from, to, self);
  leash_tracker_unref (from);
  return tag;
}

/**
 * leash_tag_adopt_at:
 * @tag: what leash_track() returned
 * @ctx: the context of the new owner
 * @site: (nullable): where the call stands
 *
 * What the macro leash_tag_adopt() calls. Where @ctx has no tracker, or its tracker is off or ended, the
 * resource stays where it was.
 *
 * Returns: (transfer none) (nullable): the tag to use from now on; %NULL when @tag was released already
 *
 * Since: 0.1
 */
LeashTag *
leash_tag_adopt_at (LeashTag *tag, LeashContext *ctx, const LeashSite *site)
{
  LeashThread *self;
  LeashTag *adopted;
  Adopter adopter;

  g_return_val_if_fail (tag != NULL, NULL);
  g_return_val_if_fail (ctx != NULL, NULL);

  if (ctx->tracker == NULL || leash_tracker_get_level (ctx->tracker) == LEASH_LEVEL_OFF
      || leash_tracker_is_ended (ctx->tracker))
    return tag;
  self = leash_tag_enter ();
  if (self == NULL)
    return tag;
  adopter.stack
      = leash_capture (LEASH_CALLER, site, __atomic_load_n (&ctx->tracker->depth, __ATOMIC_RELAXED));
  adopter.thread = self->name;
  adopted = adopt (tag, ctx->tracker, &adopter, self);
  leash_tag_leave (self);
  if (adopted != NULL && leash_tracker_has_listeners (ctx->tracker))
    {
      g_auto (LeashTold) told = { 0 };

      if (leash_told_fill (&told, adopted))
        leash_tracker_emit (ctx->tracker, LEASH_EVENT_ADOPTED, &told.resource, NULL);
    }
  return adopted;
}
