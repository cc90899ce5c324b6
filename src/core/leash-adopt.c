/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Handing a resource on. Within a tracker the slot stays and notes the adopter. To another tracker the
 * resource gets a slot there, with all that was known; the old one is marked as moved and leads to the new
 * one for as long as it has children, of which the new one counts it as one. Between the two it is on its
 * way: children may come and go meanwhile.
 */
#include "leash-tag-private.h"

#include "leash-capture-private.h"
#include "leash-extra-private.h"
#include "leash-intern-private.h"

typedef struct
{
  LeashStackId stack;
  guint32 tid;
  guint16 thread;
} Adopter;

/* May allocate with the shard's lock held: room for a few events more. */
static void
add_to_history (LeashHistory *history, const Adopter *adopter, guint max)
{
  leash_history_add (history,
                     &(LeashHistoryEvent){
                         .type = LEASH_HISTORY_ADOPTED,
                         .at = leash_tracker_now () * 1000,
                         .thread = leash_intern_get (adopter->thread),
                         .tid = adopter->tid,
                         .stack = adopter->stack,
                     },
                     max);
  history->last_tid = adopter->tid;
}

/* Takes over spare where the slot has no extra yet; history is how many events it is to keep. */
static void
adopt_in_place (LeashSlot *slot, const Adopter *adopter, guint history, LeashExtra **spare)
{
  if (history > 0)
    {
      leash_slot_add_history (slot, spare);
      if (slot->extra->history != NULL)
        add_to_history (slot->extra->history, adopter, history);
    }
  if (slot->extra == NULL)
    slot->extra = g_steal_pointer (spare);
  if ((slot->flags & LEASH_SLOT_OVERDUE) != 0)
    slot->flags ^= LEASH_SLOT_OVERDUE | LEASH_SLOT_WAS_OVERDUE;
  slot->flags |= LEASH_SLOT_ADOPTED;
  slot->extra->adopter_stack = adopter->stack;
  slot->extra->adopter_thread = adopter->thread;
}

/* With the shard's locks held: takes what is to move out of the slot, and marks it as on its way. */
static LeashSlot
take_out (LeashShard *shard, LeashSlot *slot)
{
  LeashSlot moving;

  /* Only once it is off the table of keys nobody else writes to the slot. */
  if ((slot->flags & LEASH_SLOT_KEYED) != 0)
    leash_keys_remove (shard->tracker->keys, slot);
  moving = *slot;
  moving.name = g_strdup (slot->name);
  moving.extra = leash_extra_move (slot->extra);
  moving.children = 0;
  moving.next = NULL;
  slot->state = LEASH_SLOT_MOVING;
  slot->extra->parent = NULL;
  slot->at.stack = slot->extra->adopter_stack;
  slot->flags |= LEASH_SLOT_CLOSE_STACK;
  /* Held as if by one more child, so that the slot stays until it knows where it moved to. */
  slot->children++;
  return moving;
}

/*
 * The old slot leads to the new one while it has children; then nothing holds it but the list of free ones.
 * The new one may be closed by its key meanwhile: then the old one is closed too.
 */
static void
leave_forward (LeashShard *shard, LeashSlot *slot, LeashTag *old, LeashTag *moved)
{
  LeashTag *forward = leash_parent_attach (moved);

  leash_shard_lock (shard);
  if (slot->children > 1 && forward != NULL)
    {
      slot->state = LEASH_SLOT_MOVED;
      slot->extra->parent = g_steal_pointer (&forward);
    }
  else
    slot->state = LEASH_SLOT_RELEASED;
  /* Not before the new one was counted in, so that it is never missed. */
  leash_shard_close_slot (shard, slot);
  leash_shard_unlock (shard);
  if (forward != NULL)
    leash_parent_detach (forward);
  leash_parent_detach (old);
}

static void
emit (LeashTracker *tracker, LeashEventType event, LeashTag *tag)
{
  g_auto (LeashTold) told = { 0 };

  if (leash_tracker_has_listeners (tracker) && leash_told_fill (&told, tag))
    leash_tracker_emit (tracker, event, &told.resource, NULL);
}

/* What was not overdue has a count of 0. */
static void
tell_returned (LeashTracker *tracker, const LeashReturned *returned, LeashTag *tag)
{
  if (returned->count == 0)
    return;
  leash_age_add_returned (tracker, returned);
  emit (tracker, LEASH_EVENT_RETURNED, tag);
}

/* With the shard's locks held, which it lets go: to another tracker. */
static LeashTag *
move (LeashShard *shard, LeashSlot *slot, LeashTag *tag, LeashTracker *to, const LeashReturned *returned,
      LeashThread *self)
{
  LeashTracker *from = shard->tracker;
  LeashWatched *watched;
  LeashSlot moving;
  LeashTag *moved;

  if (!leash_tracker_try_ref (from))
    {
      leash_shard_unlock (shard);
      leash_tag_add_stray ();
      return NULL;
    }
  watched = leash_watched_ref_of (slot);
  moving = take_out (shard, slot);
  leash_shard_unlock (shard);

  moving.opened_by = leash_slot_pack (leash_slot_get_opened (&moving) + from->made_at - to->made_at,
                                      leash_slot_get_tid (&moving));
  moved = leash_tag_store (to, self, &moving);
  leave_forward (shard, slot, tag, moved);
  tell_returned (from, returned, moved);
  emit (from, LEASH_EVENT_ADOPTED, moved);
  leash_tracker_unref (from);
  if (watched != NULL)
    leash_watched_move (watched, tag, moved);
  return moved;
}

static LeashTag *
adopt (LeashTag *tag, LeashTracker *to, const Adopter *adopter, LeashThread *self)
{
  guint history = __atomic_load_n (&to->history, __ATOMIC_RELAXED);
  g_autoptr (LeashExtra) spare = leash_extra_new (leash_history_is_on ());
  LeashShard *shard;
  LeashSlot *slot = leash_shard_lock_tag (tag, &shard);
  LeashReturned returned = { 0 };

  if (slot == NULL)
    {
      leash_tag_add_stray ();
      return NULL;
    }
  if (!leash_slot_is_tags (slot, tag) || slot->state != LEASH_SLOT_OPEN)
    {
      leash_shard_unlock (shard);
      leash_tag_record_use (tag, "adopted after close", adopter->stack);
      return NULL;
    }
  if ((slot->flags & LEASH_SLOT_OVERDUE) != 0)
    returned = leash_slot_get_returned (shard->tracker, slot);
  adopt_in_place (slot, adopter, MAX (history, leash_shard_get_history (shard)), &spare);
  if (shard->tracker == to)
    {
      leash_shard_unlock (shard);
      tell_returned (to, &returned, tag);
      return tag;
    }
  return move (shard, slot, tag, to, &returned, self);
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
 * A snapshot takes what was handed on to another tracker for a new resource.
 *
 * Returns: (transfer none) (nullable): the tag to use from now on; %NULL when @tag was released already, or
 * its tracker is gone
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
  adopter.tid = self->tid;
  adopter.thread = self->name;
  adopted = adopt (tag, ctx->tracker, &adopter, self);
  leash_tag_leave (self);
  if (adopted != NULL)
    emit (ctx->tracker, LEASH_EVENT_ADOPTED, adopted);
  return adopted;
}
