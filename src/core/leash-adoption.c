/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Adoption: a node of the tree of cancellations is cancelled when a GCancellable of the caller's is.
 *
 * Three may meet: the GCancellable being cancelled, the node becoming done by other means, and the node's
 * last reference going, each in a thread of its own. So neither side points at the other: both point at an
 * adoption, with a reference each. The handler finds the node in it, under a lock, or finds it gone. The node
 * ends the adoption by g_signal_handler_disconnect() and not by g_cancellable_disconnect(), which waits for
 * running handlers, and so for itself when the node ends in consequence of the very signal.
 *
 * May be called from any thread; the handler runs in that which cancels the GCancellable.
 */
#include "leash-cancel-private.h"

struct _LeashAdoption
{
  gint ref_count;            /* atomic: the node's, the handler's, and one while the handler runs */
  GCancellable *cancellable; /* a reference; never changes */

  /* Guarded by the lock of the adoption's address */
  LeashCancel *cancel; /* without a reference; NULL when the adoption is over */
  gulong handler;
};

static void
adoption_unref (LeashAdoption *adoption)
{
  if (__atomic_sub_fetch (&adoption->ref_count, 1, __ATOMIC_ACQ_REL) > 0)
    return;
  g_object_unref (adoption->cancellable);
  g_free (adoption);
}

static void
adoption_unref_by_closure (gpointer adoption, GClosure *closure)
{
  adoption_unref (adoption);
}

static void
on_cancelled (GCancellable *cancellable, gpointer user_data)
{
  LeashAdoption *adoption = user_data;
  LeashLock *lock = leash_cancel_lock_of (adoption);
  LeashCancel *cancel;

  leash_lock (lock);
  /* The signal holds a reference already, by locks that ThreadSanitizer does not see. */
  __atomic_fetch_add (&adoption->ref_count, 1, __ATOMIC_RELAXED);
  cancel = adoption->cancel;
  if (cancel != NULL && !leash_cancel_try_ref (cancel))
    cancel = NULL;
  leash_unlock (lock);
  adoption_unref (adoption);

  if (cancel == NULL)
    return;
  leash_cancel_cancel (cancel, NULL, LEASH_CALLER);
  leash_cancel_unref (cancel);
}

/* Gives the adoption to the node. Returns FALSE, keeping it, when the node is done. */
static gboolean
attach (LeashCancel *cancel, LeashAdoption *adoption)
{
  LeashLock *lock = leash_cancel_lock_of (cancel);
  gboolean is_done;

  leash_lock (lock);
  is_done = cancel->reason != NULL;
  if (!is_done)
    cancel->adoption = adoption;
  leash_unlock (lock);
  return !is_done;
}

/* After start only, once. A GCancellable that is cancelled already makes the node done at once. */
void
leash_cancel_adopt (LeashCancel *cancel, GCancellable *cancellable)
{
  LeashAdoption *adoption;
  LeashLock *lock;
  gulong handler;

  if (leash_cancel_get_reason (cancel) != NULL)
    return;
  adoption = g_new0 (LeashAdoption, 1);
  adoption->ref_count = 2;
  adoption->cancellable = g_object_ref (cancellable);
  lock = leash_cancel_lock_of (adoption);
  leash_lock (lock);
  adoption->cancel = cancel;
  leash_unlock (lock);

  handler = g_signal_connect_data (cancellable, "cancelled", G_CALLBACK (on_cancelled), adoption,
                                   adoption_unref_by_closure, 0);
  leash_lock (lock);
  adoption->handler = handler;
  leash_unlock (lock);

  if (!attach (cancel, adoption))
    leash_adoption_end (adoption);
  /* Looked at after connecting: whichever of the two comes first, one of them sees the other. */
  if (g_cancellable_is_cancelled (cancellable))
    leash_cancel_cancel (cancel, NULL, LEASH_CALLER);
}

/* The node's side; uses up its reference. */
void
leash_adoption_end (LeashAdoption *adoption)
{
  LeashLock *lock;
  gulong handler;

  if (adoption == NULL)
    return;
  lock = leash_cancel_lock_of (adoption);
  leash_lock (lock);
  adoption->cancel = NULL;
  handler = adoption->handler;
  leash_unlock (lock);

  g_signal_handler_disconnect (adoption->cancellable, handler);
  adoption_unref (adoption);
}
