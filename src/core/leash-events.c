/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Listeners. The array of them is replaced, never changed; it is used with the lock held only. Whoever tells
 * them what happened copies it, so that a listener that is removed meanwhile may be called once more. (A
 * reference to the array would do, but that count is GLib's, which ThreadSanitizer cannot see.)
 */
#include "leash-tracker-private.h"

typedef struct
{
  gint ref_count; /* atomic; an array that it is in, or several */
  guint id;
  LeashTrackerFunc func;
  gpointer user_data;
  GDestroyNotify destroy;
} Listener;

static void
listener_unref (gpointer data)
{
  Listener *listener = data;

  if (__atomic_sub_fetch (&listener->ref_count, 1, __ATOMIC_ACQ_REL) > 0)
    return;
  if (listener->destroy != NULL)
    {
      gboolean was_busy = leash_thread_set_busy (FALSE);

      listener->destroy (listener->user_data);
      leash_thread_set_busy (was_busy);
    }
  g_free (listener);
}

/* A copy of the tracker's array without the listener of that id. */
static GPtrArray *
copy_without (GPtrArray *listeners, guint id)
{
  GPtrArray *copy = g_ptr_array_new_with_free_func (listener_unref);

  for (guint i = 0; listeners != NULL && i < listeners->len; i++)
    {
      Listener *each = g_ptr_array_index (listeners, i);

      if (each->id == id)
        continue;
      __atomic_fetch_add (&each->ref_count, 1, __ATOMIC_RELAXED);
      g_ptr_array_add (copy, each);
    }
  return copy;
}

/* With the lock held. Returns the old array, to be dropped without it. */
static GPtrArray *
replace (LeashTracker *tracker, GPtrArray *listeners)
{
  GPtrArray *old = tracker->listeners;

  if (listeners->len == 0)
    g_clear_pointer (&listeners, g_ptr_array_unref);
  __atomic_store_n (&tracker->listeners, listeners, __ATOMIC_RELAXED);
  return old;
}

/**
 * leash_tracker_add_listener:
 * @tracker: a tracker
 * @func: (scope notified) (closure user_data) (destroy destroy): what to call
 * @user_data: what to call it with
 * @destroy: (nullable): frees @user_data
 *
 * Has @func called for each resource that is opened, closed, handed on or misused in @tracker, not in those
 * nested in it. It is called in the thread that did it, with no lock held.
 *
 * Returns: a number for leash_tracker_remove_listener()
 *
 * Since: 0.1
 */
guint
leash_tracker_add_listener (LeashTracker *tracker, LeashTrackerFunc func, gpointer user_data,
                            GDestroyNotify destroy)
{
  Listener *listener;
  GPtrArray *listeners, *old;
  gboolean was_busy;
  guint id;

  g_return_val_if_fail (tracker != NULL, 0);
  g_return_val_if_fail (func != NULL, 0);

  was_busy = leash_thread_set_busy (TRUE);
  listener = g_new0 (Listener, 1);
  *listener = (Listener){ .ref_count = 1, .func = func, .user_data = user_data, .destroy = destroy };
  leash_lock (&tracker->listener_lock);
  id = listener->id = ++tracker->last_listener;
  listeners = copy_without (tracker->listeners, 0);
  g_ptr_array_add (listeners, listener);
  old = replace (tracker, listeners);
  leash_unlock (&tracker->listener_lock);
  leash_thread_set_busy (was_busy);
  g_clear_pointer (&old, g_ptr_array_unref);
  return id;
}

/**
 * leash_tracker_remove_listener:
 * @tracker: a tracker
 * @id: what leash_tracker_add_listener() returned
 *
 * Has a function not called any more. A call that is under way in another thread may end after this returns;
 * the function's data is freed after that. Data on the stack of a thread that then ends is gone too early.
 *
 * Since: 0.1
 */
void
leash_tracker_remove_listener (LeashTracker *tracker, guint id)
{
  GPtrArray *listeners, *old;
  gboolean found, was_busy;

  g_return_if_fail (tracker != NULL);
  g_return_if_fail (id > 0);

  was_busy = leash_thread_set_busy (TRUE);
  leash_lock (&tracker->listener_lock);
  listeners = copy_without (tracker->listeners, id);
  found = tracker->listeners != NULL && listeners->len < tracker->listeners->len;
  old = replace (tracker, listeners);
  leash_unlock (&tracker->listener_lock);
  leash_thread_set_busy (was_busy);
  g_clear_pointer (&old, g_ptr_array_unref);
  if (!found)
    g_critical ("%s: no listener has the number %u", G_STRFUNC, id);
}

void
leash_tracker_emit (LeashTracker *tracker, LeashEventType event, const LeashResource *resource,
                    const LeashMisuse *misuse)
{
  LeashThread *self = leash_thread_get ();
  gboolean busy = self->busy;
  GPtrArray *listeners;

  if (self->in_listener)
    return;
  self->busy = TRUE;
  leash_lock (&tracker->listener_lock);
  listeners = copy_without (tracker->listeners, 0);
  leash_unlock (&tracker->listener_lock);

  /* No lock is held, so what listeners open may be tracked although the thread is inside the tracker. */
  self->in_listener = TRUE;
  self->busy = FALSE;
  for (guint i = 0; i < listeners->len; i++)
    {
      Listener *listener = g_ptr_array_index (listeners, i);

      listener->func (tracker, event, resource, misuse, listener->user_data);
    }
  self->busy = busy;
  self->in_listener = FALSE;
  g_ptr_array_unref (listeners);
}
