/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Histories: for the leaks that the stack which opened the resource does not explain. A resource that is
 * touched gets a record of what happened to it, beside its slot, and keeps events in it, each with its stack.
 *
 * A resource may be touched a million times. So of touches only the 1st, 2nd, 4th, 8th ... are kept, and of
 * those that come from another thread than the one before likewise: a million cost some 20 stacks, and no
 * more than a lock and a count otherwise. Adoptions are kept each. Of what is more than the tracker's limit,
 * the second oldest goes: the first event says where things began, the newest where they went. What is not
 * kept is counted.
 *
 * Rejected: the last N touches, which in a loop are all the same; and a random sample of all, which costs a
 * draw for each and says something else each time.
 *
 * The stack is taken with no lock held, in between counting and adding. A resource that is closed meanwhile
 * keeps nothing.
 */
#include "leash-tag-private.h"

#include "leash-capture-private.h"
#include "leash-extra-private.h"
#include "leash-intern-private.h"

guint leash_history_n_trackers;

LeashHistory *
leash_history_new (void)
{
  return g_new0 (LeashHistory, 1);
}

void
leash_history_free (LeashHistory *history)
{
  if (history == NULL)
    return;
  for (guint i = 0; i < history->n_events; i++)
    g_free ((char *) history->events[i].what);
  g_free (history->events);
  g_free (history);
}

static void
drop (LeashHistory *history, guint index)
{
  LeashHistoryEvent *event = &history->events[index];

  g_free ((char *) event->what);
  history->n_events--;
  history->n_not_kept++;
  memmove (event, event + 1, (history->n_events - index) * sizeof *event);
}

void
leash_history_add (LeashHistory *history, LeashHistoryEvent *event, guint max)
{
  if (max == 0)
    {
      history->n_not_kept++;
      return;
    }
  while (history->n_events > 0 && history->n_events >= max)
    drop (history, MIN (history->n_events - 1, 1));
  if (history->n_events == history->n_room)
    {
      history->n_room = MAX (4, 2 * history->n_room);
      history->events = g_renew (LeashHistoryEvent, history->events, history->n_room);
    }
  history->events[history->n_events++] = *event;
  event->what = NULL;
}

static gboolean
is_power_of_two (guint64 n)
{
  return (n & (n - 1)) == 0;
}

/* With the shard's locks held. Returns whether the touch is to be kept. */
static gboolean
count_touch (LeashHistory *history, guint32 tid, LeashHistoryEventType *ret_type)
{
  gboolean handed_over = tid != history->last_tid, due;

  history->last_tid = tid;
  history->n_touches++;
  history->n_hand_overs += handed_over;
  due = is_power_of_two (history->n_touches) || (handed_over && is_power_of_two (history->n_hand_overs));
  if (!due)
    history->n_not_kept++;
  *ret_type = handed_over ? LEASH_HISTORY_HANDED_OVER : LEASH_HISTORY_TOUCHED;
  return due;
}

/* As leash_shard_lock_open(), for one that has a history then. It is made with no lock held. */
static LeashSlot *
lock_with_history (LeashTag *tag, LeashShard **ret_shard)
{
  g_autoptr (LeashExtra) spare = NULL;
  LeashSlot *slot = leash_shard_lock_open (tag, ret_shard);

  if (slot == NULL || leash_slot_get_history (slot) != NULL)
    return slot;
  leash_shard_unlock (*ret_shard);
  spare = leash_extra_new (TRUE);
  slot = leash_shard_lock_open (tag, ret_shard);
  if (slot != NULL)
    leash_slot_add_history (slot, &spare);
  return slot;
}

static void
keep_touch (LeashTag *tag, LeashHistoryEvent *event)
{
  LeashShard *shard;
  LeashSlot *slot = leash_shard_lock_open (tag, &shard);
  LeashHistory *history;

  if (slot == NULL)
    return;
  history = leash_slot_get_history (slot);
  event->at = leash_tracker_now () * 1000;
  /* NULL where the slot was used again meanwhile, so often that the tag seems to be its present one. */
  if (LEASH_LIKELY (history != NULL))
    leash_history_add (history, event, leash_shard_get_history (shard));
  leash_shard_unlock (shard);
}

/* Only an open slot's history is looked at, which stays with it. */
G_ALWAYS_INLINE static inline void
touch (LeashTag *tag, const char *what, gconstpointer caller, const LeashSite *site, LeashThread *self)
{
  LeashHistoryEvent event = { .thread = leash_intern_get (self->name), .tid = self->tid };
  LeashShard *shard = __atomic_load_n (&leash_tag_get_slab (tag)->shard, __ATOMIC_ACQUIRE);
  LeashSlot *slot;
  gboolean due;
  guint depth;

  if (shard == NULL || leash_shard_get_history (shard) == 0)
    return;
  slot = lock_with_history (tag, &shard);
  if (slot == NULL)
    return;
  due = count_touch (leash_slot_get_history (slot), self->tid, &event.type);
  depth = __atomic_load_n (&shard->tracker->depth, __ATOMIC_RELAXED);
  leash_shard_unlock (shard);
  if (!due)
    return;
  event.stack = leash_capture (caller, site, depth);
  event.what = g_strdup (what);
  keep_touch (tag, &event);
  g_free ((char *) event.what);
}

/**
 * leash_tag_touch_at:
 * @tag: what leash_track() returned
 * @what: (nullable): what was done with it: "read"; copied
 * @site: (nullable): where the call stands
 *
 * What the macro leash_tag_touch() calls. Does nothing to what is released already, nor where the tracker
 * keeps no history (see leash_tracker_set_history()).
 *
 * Since: 0.1
 */
void
leash_tag_touch_at (LeashTag *tag, const char *what, const LeashSite *site)
{
  LeashThread *self;

  g_return_if_fail (tag != NULL);

  if (!leash_history_is_on ())
    return;
  self = leash_tag_enter ();
  if (self == NULL)
    return;
  touch (tag, what, LEASH_CALLER, site, self);
  leash_tag_leave (self);
}

/**
 * leash_tag_touch_caller_at:
 * @tag: what leash_track() returned
 * @what: (nullable): what was done with it: "read"; copied
 * @caller: where the stack begins: %LEASH_CALLER of a function that is still running
 *
 * What the macro leash_tag_touch_caller() calls.
 *
 * Since: 0.1
 */
void
leash_tag_touch_caller_at (LeashTag *tag, const char *what, gconstpointer caller)
{
  LeashThread *self;

  g_return_if_fail (tag != NULL);
  g_return_if_fail (caller != NULL);

  if (!leash_history_is_on ())
    return;
  self = leash_tag_enter ();
  if (self == NULL)
    return;
  touch (tag, what, caller, NULL, self);
  leash_tag_leave (self);
}
