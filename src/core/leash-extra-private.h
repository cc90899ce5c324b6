/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What few resources have, beside their slots. See leash-extra.c. */
#pragma once

#include "leash-history-private.h"
#include "leash-shard-private.h"

/* Guarded as the slot that owns it. */
struct _LeashExtra
{
  LeashTag *parent; /* what it was opened from; of a slot that has moved: where to */
  LeashHistory *history; /* owned; NULL unless it was touched or adopted while the tracker kept histories */
  LeashStackId adopter_stack;
  guint16 adopter_thread; /* an interned name */
};

LeashExtra *leash_extra_new  (gboolean    with_history);
/* A copy that takes the history along. */
LeashExtra *leash_extra_move (LeashExtra *extra);
void        leash_extra_free (LeashExtra *extra);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (LeashExtra, leash_extra_free)

/* Gives the slot a history, unless it has one: takes *spare, or what it has. */
void        leash_slot_add_history (LeashSlot   *slot,
                                    LeashExtra **spare);

static inline LeashTag *
leash_slot_get_parent (const LeashSlot *slot)
{
  return LEASH_UNLIKELY (slot->extra != NULL) ? slot->extra->parent : NULL;
}

static inline LeashHistory *
leash_slot_get_history (const LeashSlot *slot)
{
  return slot->extra != NULL ? slot->extra->history : NULL;
}
