/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a tracker is told to remember, while the program runs. Opening and closing read it without a lock;
 * what a release must know lies in each shard, where it looks anyway.
 */
#include "leash-tracker-private.h"

#include "leash-history-private.h"
#include "leash-settings-private.h"

/**
 * leash_tracker_get_level:
 * @tracker: a tracker
 *
 * How much it remembers.
 *
 * Returns: the level
 *
 * Since: 0.1
 */
LeashLevel
leash_tracker_get_level (LeashTracker *tracker)
{
  g_return_val_if_fail (tracker != NULL, LEASH_LEVEL_OFF);

  return (LeashLevel) __atomic_load_n (&tracker->level, __ATOMIC_RELAXED);
}

/**
 * leash_tracker_set_level:
 * @tracker: a tracker
 * @level: how much it remembers from now on
 * @sample_every: for %LEASH_LEVEL_SAMPLE: one resource in so many has its stack taken, 1 or more; else 0
 *
 * Changes the level while the program runs. What is open already stays as it is, with its stack or without.
 *
 * Since: 0.1
 */
void
leash_tracker_set_level (LeashTracker *tracker, LeashLevel level, guint sample_every)
{
  g_return_if_fail (tracker != NULL);
  g_return_if_fail (level <= LEASH_LEVEL_FULL);
  g_return_if_fail (level != LEASH_LEVEL_SAMPLE || sample_every > 0);

  if (level == LEASH_LEVEL_OFF)
    __atomic_store_n (&tracker->was_off, TRUE, __ATOMIC_RELAXED);
  else
    __atomic_store_n (&tracker->hears_handles, TRUE, __ATOMIC_RELAXED);
  __atomic_store_n (&tracker->sample_every, sample_every, __ATOMIC_RELAXED);
  __atomic_store_n (&tracker->level, level, __ATOMIC_RELEASE);
}

/* With the lock of all trackers held, as shards are added with it. */
static void
set_release_depth (LeashTracker *tracker, guint frames)
{
  tracker->release_depth = frames;
  for (guint i = 0; i < LEASH_N_SHARDS; i++)
    if (tracker->shards[i] != NULL)
      __atomic_store_n (&tracker->shards[i]->release_depth, frames, __ATOMIC_RELAXED);
}

/**
 * leash_tracker_set_depth:
 * @tracker: a tracker
 * @frames: 1 to 128
 *
 * Sets how many frames of a stack are kept, innermost first.
 *
 * Since: 0.1
 */
void
leash_tracker_set_depth (LeashTracker *tracker, guint frames)
{
  gboolean was_busy;

  g_return_if_fail (tracker != NULL);
  g_return_if_fail (frames >= 1 && frames <= LEASH_DEPTH_MAX);

  was_busy = leash_trackers_enter ();
  __atomic_store_n (&tracker->depth, frames, __ATOMIC_RELAXED);
  if (tracker->release_depth > 0)
    set_release_depth (tracker, frames);
  leash_trackers_leave (was_busy);
}

/**
 * leash_tracker_set_release_stacks:
 * @tracker: a tracker
 * @keep: whether to take a stack at each release too
 *
 * Makes reports of misuse show the whole stack of the first release, not its place only, for twice the cost.
 * Off by default; on in the trackers that leash_test_begin() makes.
 *
 * Since: 0.1
 */
void
leash_tracker_set_release_stacks (LeashTracker *tracker, gboolean keep)
{
  gboolean was_busy;

  g_return_if_fail (tracker != NULL);

  was_busy = leash_trackers_enter ();
  set_release_depth (tracker, keep ? __atomic_load_n (&tracker->depth, __ATOMIC_RELAXED) : 0);
  leash_trackers_leave (was_busy);
}

/* With the lock of all trackers held, or the only reference. */
void
leash_tracker_apply_history (LeashTracker *tracker, guint max_events)
{
  int change = (max_events > 0) - (tracker->history > 0);

  __atomic_store_n (&tracker->history, max_events, __ATOMIC_RELAXED);
  for (guint i = 0; i < LEASH_N_SHARDS; i++)
    if (tracker->shards[i] != NULL)
      __atomic_store_n (&tracker->shards[i]->history, max_events, __ATOMIC_RELAXED);
  __atomic_fetch_add (&leash_history_n_trackers, (guint) change, __ATOMIC_RELAXED);
}

/**
 * leash_tracker_set_history:
 * @tracker: a tracker
 * @max_events: how many events a resource keeps, 0 to 1000; 0 for none
 *
 * Has resources keep what happens to them after they were opened: that they were touched (see
 * leash_tag_touch(); files, directories, connections and listeners of Leash touch themselves in each
 * operation), touched by another thread than before, or adopted, each with the stack. Off by default; the
 * LEASH_HISTORY environment variable has it on from the start. It does not depend on the level.
 *
 * Of touches only the 1st, 2nd, 4th, 8th and so on are kept. Of more than @max_events events the first and
 * the newest are; how many were not kept is told. A lower limit drops events when the next one is kept, 0
 * none of those that there are.
 *
 * Since: 0.1
 */
void
leash_tracker_set_history (LeashTracker *tracker, guint max_events)
{
  gboolean was_busy;

  g_return_if_fail (tracker != NULL);
  g_return_if_fail (max_events <= LEASH_HISTORY_MAX);

  was_busy = leash_trackers_enter ();
  leash_tracker_apply_history (tracker, max_events);
  leash_trackers_leave (was_busy);
}
