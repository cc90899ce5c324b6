/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A tracker's resources by kind and handle. */
#pragma once

#include "leash-arena-private.h"

#define LEASH_N_KEY_TABLES 8

/* One of a tracker's tables; which one is chosen by hash. Zeroed memory is an empty table. */
typedef struct
{
  LeashLock lock;     /* guards the below and the next of all slots in it; taken after a shard's */
  LeashSlot **chains;
  guint n_chains;     /* a power of two, or 0 */
  guint n_slots;
} LeashKeyTable;

/* Returns the tag of the slot that had the kind and key before, which is not in the table any more, or NULL. */
LeashTag *leash_keys_insert (LeashKeyTable *tables,
                             LeashSlot     *slot,
                             guint16        kind,
                             guintptr       key);
void      leash_keys_remove (LeashKeyTable *tables,
                             LeashSlot     *slot);
LeashTag *leash_keys_find   (LeashKeyTable *tables,
                             guint16        kind,
                             guintptr       key);
void      leash_keys_clear  (LeashKeyTable *tables);
