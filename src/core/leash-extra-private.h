/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What few resources have, beside their slots. See leash-extra.c. */
#pragma once

#include "leash-shard-private.h"

/* Guarded as the slot that owns it. */
struct _LeashExtra
{
  LeashTag *parent; /* what it was opened from; of a slot that has moved: where to */
  LeashStackId adopter_stack;
  guint16 adopter_thread; /* an interned name */
};

LeashExtra *leash_extra_new (void);
LeashExtra *leash_extra_copy (const LeashExtra *extra);
void leash_extra_free (LeashExtra *extra);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (LeashExtra, leash_extra_free)

static inline LeashTag *
leash_slot_get_parent (const LeashSlot *slot)
{
  return G_UNLIKELY (slot->extra != NULL) ? slot->extra->parent : NULL;
}
