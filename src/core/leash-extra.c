/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A slot has room for what every resource has. A parent, an adopter or a history, which few have, lie in a
 * record of their own, so that the others need not pay for them: 56 bytes each, not 72. It is made before the
 * shard's lock is taken, and lives as long as the name does: until the slot is taken again, or its tracker
 * goes. The history, which may be large, goes when the resource is released.
 */
#include "leash-extra-private.h"

LeashExtra *
leash_extra_new (gboolean with_history)
{
  /* glibc's calloc() has no thread's cache. */
  LeashExtra *extra = g_new (LeashExtra, 1);

  *extra = (LeashExtra){ .history = with_history ? leash_history_new () : NULL };
  return extra;
}

LeashExtra *
leash_extra_move (LeashExtra *extra)
{
  LeashExtra *moved = g_memdup2 (extra, sizeof *extra);

  extra->history = NULL;
  return moved;
}

void
leash_extra_free (LeashExtra *extra)
{
  if (extra != NULL)
    leash_history_free (extra->history);
  g_free (extra);
}

void
leash_slot_add_history (LeashSlot *slot, LeashExtra **spare)
{
  if (slot->extra == NULL)
    slot->extra = g_steal_pointer (spare);
  else if (slot->extra->history == NULL)
    slot->extra->history = g_steal_pointer (&(*spare)->history);
  else
    return;
  if (slot->extra->history != NULL)
    slot->extra->history->last_tid = leash_slot_get_tid (slot);
}
