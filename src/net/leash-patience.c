/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "leash-patience-private.h"

#include <gio/gio.h>

void
leash_patience_init (LeashPatience *patience)
{
  *patience = (LeashPatience){
    .deadlines = { [LEASH_WAY_IN] = -1, [LEASH_WAY_OUT] = -1 },
    .lock = LEASH_LOCK_INIT,
  };
}

/* With the lock held. */
static void
wake (LeashWaiting *waiting)
{
  waiting->is_woken = TRUE;
  leash_context_cancel (waiting->ctx, NULL);
}

void
leash_patience_set_deadline (LeashPatience *patience, LeashWay way, gint64 deadline)
{
  leash_lock (&patience->lock);
  __atomic_store_n (&patience->deadlines[way], deadline, __ATOMIC_RELEASE);
  for (LeashWaiting *each = patience->waiting; each != NULL; each = each->next)
    if (each->way == way)
      wake (each);
  leash_unlock (&patience->lock);
}

void
leash_patience_wake_all (LeashPatience *patience)
{
  leash_lock (&patience->lock);
  for (LeashWaiting *each = patience->waiting; each != NULL; each = each->next)
    wake (each);
  leash_unlock (&patience->lock);
}

void
leash_patience_enter (LeashPatience *patience, LeashWay way, LeashContext *ctx, LeashWaiting *waiting)
{
  *waiting = (LeashWaiting){ .way = way };
  leash_lock (&patience->lock);
  waiting->ctx = leash_context_for_wait (ctx, patience->deadlines[way]);
  waiting->next = patience->waiting;
  if (waiting->next != NULL)
    waiting->next->prev = waiting;
  patience->waiting = waiting;
  leash_unlock (&patience->lock);
}

gboolean
leash_patience_leave (LeashPatience *patience, LeashWaiting *waiting)
{
  leash_lock (&patience->lock);
  if (waiting->next != NULL)
    waiting->next->prev = waiting->prev;
  if (waiting->prev != NULL)
    waiting->prev->next = waiting->next;
  else
    patience->waiting = waiting->next;
  leash_unlock (&patience->lock);
  leash_context_unref (waiting->ctx);
  return waiting->is_woken;
}

gboolean
leash_patience_refuse (LeashWay way, GError **error)
{
  static const char *const texts[] = {
    [LEASH_WAY_IN] = "the connection's deadline for reading has passed",
    [LEASH_WAY_OUT] = "the connection's deadline for writing has passed",
  };

  g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT, texts[way]);
  return FALSE;
}
