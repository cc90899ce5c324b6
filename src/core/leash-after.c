/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Functions that run after a context is done, each in a thread of its own, so that one may wait for another
 * or for whoever cancelled. The thread is named "leash-after" and is gone when the function returns: a pool
 * would leave idle threads, and there is one such function for many contexts that end without. Where the
 * system refuses a thread, the function runs in the one that cancelled: late, or while that one holds a
 * lock, is better than never.
 *
 * A function is kept in a table of its node by an id that is never used again, so that stopping an old one
 * finds nothing. Who takes it out of the table (the one that stops it, or the one that cancels) has it to
 * itself. Its user_data is destroyed once, in the thread that is through with it, with no lock held.
 *
 * May be called from any thread.
 */
#include "leash-cancel-private.h"

#include "leash-worker-private.h"

typedef struct
{
  guint64 id; /* also its key */
  LeashContextFunc func;
  gpointer user_data;
  GDestroyNotify destroy; /* may be NULL */
} LeashAfter;

static guint64 last_id; /* atomic */

static void
after_free (gpointer after)
{
  LeashAfter *self = after;

  if (self->destroy != NULL)
    self->destroy (self->user_data);
  g_free (self);
}

static void *
run (void *after)
{
  LeashAfter *self = after;

  self->func (self->user_data);
  after_free (self);
  return NULL;
}

static void *
run_in_thread (void *after)
{
  leash_worker_set_name ("leash-after");
  return run (after);
}

/* Takes over the function. */
static void
start (LeashAfter *after)
{
  if (!leash_worker_start (run_in_thread, after))
    run (after);
}

guint64
leash_after_add (LeashCancel *cancel, LeashContextFunc func, gpointer user_data, GDestroyNotify destroy)
{
  LeashLock *lock = leash_cancel_lock_of (cancel);
  LeashAfter *after = g_new0 (LeashAfter, 1);
  guint64 id = __atomic_add_fetch (&last_id, 1, __ATOMIC_RELAXED);
  gboolean is_done;

  *after = (LeashAfter){ .id = id, .func = func, .user_data = user_data, .destroy = destroy };
  leash_lock (lock);
  is_done = cancel->reason != NULL;
  if (!is_done)
    {
      if (cancel->after_funcs == NULL)
        cancel->after_funcs = g_hash_table_new_full (g_int64_hash, g_int64_equal, NULL, after_free);
      g_hash_table_insert (cancel->after_funcs, &after->id, after);
    }
  leash_unlock (lock);

  if (is_done)
    start (after);
  return id;
}

gboolean
leash_after_stop (LeashCancel *cancel, guint64 id)
{
  LeashLock *lock = leash_cancel_lock_of (cancel);
  gpointer after = NULL;

  leash_lock (lock);
  if (cancel->after_funcs != NULL)
    g_hash_table_steal_extended (cancel->after_funcs, &id, NULL, &after);
  leash_unlock (lock);

  if (after == NULL)
    return FALSE;
  after_free (after);
  return TRUE;
}

/* Uses up the table. */
void
leash_after_run_all (GHashTable *after_funcs)
{
  GHashTableIter iter;
  gpointer after;

  if (after_funcs == NULL)
    return;
  g_hash_table_iter_init (&iter, after_funcs);
  while (g_hash_table_iter_next (&iter, NULL, &after))
    {
      g_hash_table_iter_steal (&iter);
      start (after);
    }
  g_hash_table_unref (after_funcs);
}
