/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A tracker is 64 shards of tags, made as threads come along, tables of keys, and what is to be remembered of
 * misuses. Opening and closing (leash-tag.c) touch the shard only; all else is for reports.
 *
 * Trackers form a tree: what is open in a nested tracker counts for those above it. A nested tracker that
 * nobody holds any more but that has resources open is kept by its parent, so that no leak is lost: an
 * orphan. So is one with resources that were closed before their children, as long as those are open. Misuses
 * go to the parent with it.
 */
#include "leash-tracker-private.h"

#include "leash-boxed-private.h"
#include "leash-capture-private.h"
#include "leash-fork-private.h"
#include "leash-history-private.h"
#include "leash-live-private.h"
#include "leash-settings-private.h"

LeashLock leash_trackers_lock = LEASH_LOCK_INIT;
static GPtrArray *trackers;  /* all of them, not owned */
static gboolean has_handles; /* atomic, written with the lock held; any was ever tracked */

/**
 * LeashTracker:
 *
 * Keeps what is open, and says so.
 *
 * Put one into a context with leash_context_with_tracker(); what is opened through that context, or through
 * one made from it, is then on the tracker's list until it is closed. All functions may be called from any
 * thread at any time, but not from a signal handler.
 */
LEASH_DEFINE_BOXED (LeashTracker, leash_tracker)

gboolean
leash_tracker_try_ref (LeashTracker *tracker)
{
  gint count = __atomic_load_n (&tracker->ref_count, __ATOMIC_RELAXED);

  while (count > 0)
    if (__atomic_compare_exchange_n (&tracker->ref_count, &count, count + 1, TRUE, __ATOMIC_ACQ_REL,
                                     __ATOMIC_RELAXED))
      return TRUE;
  return FALSE;
}

static LeashTracker *
tracker_new (LeashTracker *parent)
{
  const LeashSettings *settings = leash_settings_get ();
  LeashTracker *tracker = g_new0 (LeashTracker, 1);
  gboolean was_busy = leash_thread_set_busy (TRUE);

  leash_fork_set_up ();
  leash_capture_warm_up ();
  tracker->ref_count = 1;
  tracker->level = settings->level;
  tracker->sample_every = settings->sample_every;
  tracker->depth = settings->depth;
  leash_tracker_apply_history (tracker, settings->history);
  tracker->was_off = settings->level == LEASH_LEVEL_OFF;
  tracker->made_at = leash_tracker_now ();
  tracker->parent = parent != NULL ? leash_tracker_ref (parent) : NULL;
  tracker->nested = g_ptr_array_new ();
  tracker->orphans = g_ptr_array_new_with_free_func ((GDestroyNotify) leash_tracker_unref);
  tracker->misuses = leash_misuse_array_new ();
  pthread_mutex_init (&tracker->misuse_lock, NULL);
  pthread_mutex_init (&tracker->listener_lock, NULL);
  pthread_mutex_init (&tracker->age.lock, NULL);
  for (guint i = 0; i < LEASH_N_KEY_TABLES; i++)
    pthread_mutex_init (&tracker->keys[i].lock, NULL);

  leash_lock (&leash_trackers_lock);
  if (trackers == NULL)
    trackers = g_ptr_array_new ();
  g_ptr_array_add (trackers, tracker);
  tracker->hears_handles = has_handles || settings->level != LEASH_LEVEL_OFF;
  if (parent != NULL)
    {
      tracker->fault_hook = parent->fault_hook;
      g_ptr_array_add (parent->nested, tracker);
    }
  leash_unlock (&leash_trackers_lock);
  leash_live_start ();
  leash_age_set_limit (tracker, settings->age_limit_us, TRUE);
  leash_thread_set_busy (was_busy);
  return tracker;
}

/**
 * leash_has_tracking:
 *
 * Whether the library was built with tracking. One built with `-Dtracking=disabled` has all functions, and
 * tracks nothing.
 *
 * Returns: %TRUE if so
 *
 * Since: 0.1
 */
gboolean
leash_has_tracking (void)
{
  return TRUE;
}

/**
 * leash_tracker_new:
 *
 * Makes a tracker, at the level and depth of the LEASH_LEVEL and LEASH_DEPTH environment variables.
 *
 * The first one of a process, and the first one of a thread, takes some 100 microseconds to prepare the
 * unwinder. The first one of a process starts what the LEASH_SERVE and LEASH_SIGNAL environment variables ask
 * for, if anything.
 *
 * Returns: (transfer full): a tracker
 *
 * Since: 0.1
 */
LeashTracker *
leash_tracker_new (void)
{
  return tracker_new (NULL);
}

/**
 * leash_tracker_new_nested:
 * @parent: the tracker to nest in, which is kept alive
 *
 * Makes a tracker whose open resources count for @parent too: one for a request in one for a server.
 *
 * End it before @parent. What is still open when it goes stays on @parent's list.
 *
 * Returns: (transfer full): a tracker
 *
 * Since: 0.1
 */
LeashTracker *
leash_tracker_new_nested (LeashTracker *parent)
{
  g_return_val_if_fail (parent != NULL, NULL);

  return tracker_new (parent);
}

/**
 * leash_tracker_ref:
 * @tracker: a tracker
 *
 * Adds a reference.
 *
 * Returns: (transfer full): @tracker
 *
 * Since: 0.1
 */
LeashTracker *
leash_tracker_ref (LeashTracker *tracker)
{
  g_return_val_if_fail (tracker != NULL, NULL);

  __atomic_fetch_add (&tracker->ref_count, 1, __ATOMIC_RELAXED);
  return tracker;
}

/* With the lock of all trackers held. What was closed before its children counts, too: those of other
 * trackers are to find out. */
static gboolean
has_left_open (LeashTracker *tracker)
{
  for (guint i = 0; i < LEASH_N_SHARDS; i++)
    {
      LeashShard *shard = __atomic_load_n (&tracker->shards[i], __ATOMIC_ACQUIRE);

      if (shard != NULL && !leash_shard_is_empty (shard))
        return TRUE;
    }
  for (guint i = 0; i < tracker->orphans->len; i++)
    if (has_left_open (g_ptr_array_index (tracker->orphans, i)))
      return TRUE;
  return FALSE;
}

/* So that nobody can get another reference. Returns FALSE where there are more. */
static gboolean
drop_last (LeashTracker *tracker)
{
  gint last = 1;

  return __atomic_compare_exchange_n (&tracker->ref_count, &last, 0, FALSE, __ATOMIC_ACQ_REL,
                                      __ATOMIC_RELAXED);
}

static void take_off (LeashTracker *tracker, GPtrArray *ret_gone);

/*
 * With the lock of all trackers held: the orphans whose resources were closed since go. One that somebody
 * holds stays, as a misuse may be on its way to it, that of the last release.
 */
static void
collect_finished_orphans (LeashTracker *tracker, GPtrArray *ret_gone)
{
  for (guint i = tracker->orphans->len; i-- > 0;)
    {
      LeashTracker *orphan = g_ptr_array_index (tracker->orphans, i);

      if (has_left_open (orphan) || !drop_last (orphan))
        continue;
      g_ptr_array_steal_index_fast (tracker->orphans, i);
      take_off (orphan, ret_gone);
    }
}

/*
 * With the lock of all trackers held: takes one whose last reference was dropped off all lists. What it did
 * not see closed, and all misuses, are its parent's from now on.
 */
static void
take_off (LeashTracker *tracker, GPtrArray *ret_gone)
{
  LeashTracker *parent = tracker->parent;

  g_ptr_array_remove_fast (trackers, tracker);
  g_ptr_array_add (ret_gone, tracker);
  /* First, so that misuses come up from any depth. */
  collect_finished_orphans (tracker, ret_gone);
  for (guint i = 0; i < tracker->orphans->len; i++)
    ((LeashTracker *) g_ptr_array_index (tracker->orphans, i))->parent = parent;
  if (parent == NULL)
    return;
  g_ptr_array_remove_fast (parent->nested, tracker);
  g_ptr_array_extend (parent->nested, tracker->orphans, NULL, NULL);
  g_ptr_array_extend_and_steal (parent->orphans, g_ptr_array_ref (tracker->orphans));
  leash_tracker_inherit_misuses (parent, tracker);
}

/* Drops what is left open in its orphans, too, which a root alone has by now. */
static void
tracker_free (LeashTracker *tracker)
{
  leash_age_clear (tracker);
  leash_tracker_apply_history (tracker, 0);
  for (guint i = 0; i < LEASH_N_SHARDS; i++)
    if (tracker->shards[i] != NULL)
      leash_shard_return (tracker->shards[i]);
  leash_keys_clear (tracker->keys);
  g_ptr_array_unref (tracker->nested);
  g_ptr_array_unref (tracker->orphans);
  g_array_unref (tracker->misuses);
  g_clear_pointer (&tracker->listeners, g_ptr_array_unref);
  g_free (tracker);
}

/* Drops a reference that is not the only one; else returns FALSE. */
static gboolean
drop_shared (LeashTracker *tracker)
{
  gint count = __atomic_load_n (&tracker->ref_count, __ATOMIC_RELAXED);

  while (count > 1)
    if (__atomic_compare_exchange_n (&tracker->ref_count, &count, count - 1, TRUE, __ATOMIC_ACQ_REL,
                                     __ATOMIC_RELAXED))
      return TRUE;
  return FALSE;
}

/* With the lock of all trackers held: hands the only reference to the parent, for what is still open. */
static gboolean
make_orphan (LeashTracker *tracker)
{
  if (tracker->parent == NULL || !has_left_open (tracker))
    return FALSE;
  g_ptr_array_add (tracker->parent->orphans, tracker);
  return TRUE;
}

typedef enum
{
  DROP_SHARED,
  DROP_ORPHANED,
  DROP_LAST
} Drop;

/*
 * With the lock of all trackers held. The count of one that becomes an orphan does not pass 0, so that
 * whoever looks for what is open finds the tracker; others may take and drop references meanwhile.
 */
static Drop
drop_ref (LeashTracker *tracker)
{
  for (;;)
    {
      if (drop_shared (tracker))
        return DROP_SHARED;
      if (make_orphan (tracker))
        return DROP_ORPHANED;
      if (drop_last (tracker))
        return DROP_LAST;
    }
}

/* Drops what seems to be the last reference. */
static void
tracker_last_unref (LeashTracker *tracker)
{
  g_autoptr (GPtrArray) gone = g_ptr_array_new_with_free_func ((GDestroyNotify) tracker_free);
  gboolean was_busy = leash_thread_set_busy (TRUE);
  LeashTracker *parent;
  Drop drop;

  leash_lock (&leash_trackers_lock);
  parent = tracker->parent;
  drop = drop_ref (tracker);
  if (drop == DROP_LAST)
    take_off (tracker, gone);
  if (drop == DROP_LAST && parent != NULL)
    collect_finished_orphans (parent, gone);
  leash_unlock (&leash_trackers_lock);
  g_ptr_array_set_size (gone, 0);
  leash_thread_set_busy (was_busy);
  /* An orphan is held by what it is nested in, and not the other way round. */
  if (parent != NULL && drop != DROP_SHARED)
    leash_tracker_unref (parent);
}

/**
 * leash_tracker_unref:
 * @tracker: (transfer full): a tracker
 *
 * Drops a reference. With the last one everything that the tracker holds is freed; the resources themselves
 * are not closed, and closing them later does no harm.
 *
 * Since: 0.1
 */
void
leash_tracker_unref (LeashTracker *tracker)
{
  g_return_if_fail (tracker != NULL);

  if (!drop_shared (tracker))
    tracker_last_unref (tracker);
}

/**
 * leash_tracker_end:
 * @tracker: a tracker
 *
 * Says that nothing is to be opened through @tracker any more. What is opened all the same is not tracked but
 * recorded as a misuse; closing goes on as before. Ending a tracker before one that is nested in it is a
 * misuse too. Ending twice does nothing.
 *
 * Since: 0.1
 */
void
leash_tracker_end (LeashTracker *tracker)
{
  gboolean too_early = FALSE, was_busy;

  g_return_if_fail (tracker != NULL);

  if (__atomic_exchange_n (&tracker->ended, TRUE, __ATOMIC_ACQ_REL))
    return;
  was_busy = leash_trackers_enter ();
  for (guint i = 0; i < tracker->nested->len; i++)
    {
      LeashTracker *nested = g_ptr_array_index (tracker->nested, i);

      too_early |= !leash_tracker_is_ended (nested) && !g_ptr_array_find (tracker->orphans, nested, NULL);
    }
  leash_trackers_leave (was_busy);
  if (!too_early)
    return;
  was_busy = leash_thread_set_busy (TRUE);
  leash_tracker_add_misuse (
      tracker,
      &(LeashMisuse){
          .type = LEASH_MISUSE_END_ORDER,
          .kind = "tracker",
          .stack = leash_capture (LEASH_CALLER, NULL, __atomic_load_n (&tracker->depth, __ATOMIC_RELAXED)),
      });
  leash_thread_set_busy (was_busy);
}

/**
 * leash_tracker_is_ended:
 * @tracker: a tracker
 *
 * Whether leash_tracker_end() was called.
 *
 * Returns: %TRUE if so
 *
 * Since: 0.1
 */
gboolean
leash_tracker_is_ended (LeashTracker *tracker)
{
  g_return_val_if_fail (tracker != NULL, TRUE);

  return __atomic_load_n (&tracker->ended, __ATOMIC_ACQUIRE);
}

void
leash_tracker_use_handles (void)
{
  if (LEASH_LIKELY (__atomic_load_n (&has_handles, __ATOMIC_RELAXED)))
    return;
  leash_lock (&leash_trackers_lock);
  for (guint i = 0; i < trackers->len; i++)
    __atomic_store_n (&((LeashTracker *) g_ptr_array_index (trackers, i))->hears_handles, TRUE,
                      __ATOMIC_RELAXED);
  __atomic_store_n (&has_handles, TRUE, __ATOMIC_RELAXED);
  leash_unlock (&leash_trackers_lock);
}

LeashShard *
leash_tracker_add_shard (LeashTracker *tracker, guint number)
{
  LeashShard *shard;

  leash_lock (&leash_trackers_lock);
  shard = tracker->shards[number];
  if (shard == NULL)
    {
      shard = leash_shard_take (tracker, tracker->release_depth);
      __atomic_store_n (&shard->history, tracker->history, __ATOMIC_RELAXED);
      __atomic_store_n (&tracker->shards[number], shard, __ATOMIC_RELEASE);
    }
  leash_unlock (&leash_trackers_lock);
  return shard;
}

/* With the lock of all trackers held. Those that are on their way out are left out. */
static void
list_nested (LeashTracker *tracker, GPtrArray *list)
{
  for (guint i = 0; i < tracker->nested->len; i++)
    {
      LeashTracker *nested = g_ptr_array_index (tracker->nested, i);

      if (leash_tracker_try_ref (nested))
        {
          g_ptr_array_add (list, nested);
          list_nested (nested, list);
        }
    }
}

GPtrArray *
leash_tracker_list (LeashTracker *tracker)
{
  GPtrArray *list = g_ptr_array_new_with_free_func ((GDestroyNotify) leash_tracker_unref);
  gboolean was_busy = leash_thread_set_busy (TRUE);

  g_ptr_array_add (list, leash_tracker_ref (tracker));
  leash_lock (&leash_trackers_lock);
  list_nested (tracker, list);
  leash_unlock (&leash_trackers_lock);
  leash_thread_set_busy (was_busy);
  return list;
}

LeashTag *
leash_tracker_find_above (LeashTracker *tracker, guint16 kind, guintptr key)
{
  LeashTag *tag = NULL;

  leash_lock (&leash_trackers_lock);
  for (LeashTracker *above = tracker->parent; above != NULL && tag == NULL; above = above->parent)
    tag = leash_keys_find (above->keys, kind, key);
  leash_unlock (&leash_trackers_lock);
  return tag;
}

GPtrArray *
leash_tracker_list_all (void)
{
  GPtrArray *list = g_ptr_array_new_with_free_func ((GDestroyNotify) leash_tracker_unref);

  leash_lock (&leash_trackers_lock);
  for (guint i = 0; trackers != NULL && i < trackers->len; i++)
    if (leash_tracker_try_ref (g_ptr_array_index (trackers, i)))
      g_ptr_array_add (list, g_ptr_array_index (trackers, i));
  leash_unlock (&leash_trackers_lock);
  return list;
}

static void
hold (LeashLock *lock, GPtrArray *held)
{
  leash_lock (lock);
  g_ptr_array_add (held, lock);
}

/* Every lock of every tracker, in the order in which they are taken elsewhere: shards before keys. */
void
leash_tracker_fork_lock (GPtrArray *held)
{
  hold (&leash_trackers_lock, held);
  for (guint i = 0; trackers != NULL && i < trackers->len; i++)
    {
      LeashTracker *tracker = g_ptr_array_index (trackers, i);

      hold (&tracker->misuse_lock, held);
      hold (&tracker->listener_lock, held);
      hold (&tracker->age.lock, held);
    }
  leash_shard_fork_lock (held);
  for (guint i = 0; trackers != NULL && i < trackers->len; i++)
    for (guint k = 0; k < LEASH_N_KEY_TABLES; k++)
      hold (&((LeashTracker *) g_ptr_array_index (trackers, i))->keys[k].lock, held);
}
