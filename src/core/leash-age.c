/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Age limits: one for all kinds of resources, and for some kinds one of their own. A timer of the library's
 * own has a short-lived thread, "leash-age", look over all of a tracker's slots: one that is open for longer
 * than its limit is marked as overdue, and told of once. The mark makes its release one that is not plain,
 * which remembers that it returned after all; to those that are not overdue the limit costs nothing.
 *
 * A look costs some 10 ns a slot. The next one is when the oldest that is not overdue will be, but not before
 * a quarter of the shortest limit, or LEAST_PAUSE, has passed: so all are told of after the limit and a
 * quarter at the latest. A shard's lock is held for 128 of its slots at a time. Listeners and reports run in
 * that thread, with no lock held, and hold up no deadline.
 *
 * Rejected: a list of resources by age, which each open and close would have to keep.
 *
 * Each time that limits are set they become a LeashAgeWatch, held by the tracker and by whoever has it in
 * hand: the clock, while its timer waits, or the thread that looks. It is called off by a mark and by
 * stopping the timer, which also waits until nobody asks it for a reference to the tracker.
 *
 * Fork: timers of the parent go on in the child with the next timer that is started there. Where the thread
 * was looking at that moment, the child has no limits until one is set again.
 */
#include "leash-tag-private.h"

#include "leash-intern-private.h"
#include "leash-report-parts-private.h"
#include "leash-snapshot-private.h"
#include "leash-timer-private.h"
#include "leash-worker-private.h"

#define LEAST_PAUSE (10 * G_TIME_SPAN_MILLISECOND)

/* Of a shard, with its lock held. */
#define SLOTS_AT_ONCE 128

/* Reports that are written unasked come no more often than the limit, nor than this. */
#define LEAST_BETWEEN_REPORTS G_TIME_SPAN_SECOND

/* What may be added to any time. */
#define LIMIT_MAX (G_MAXINT64 / 4)

struct _LeashAgeWatch
{
  gint ref_count;        /* atomic */
  gboolean is_over;      /* atomic; called off, set before the tracker goes */
  LeashTracker *tracker; /* not owned, but while the thread looks */
  GArray *limits;        /* of LeashKindLimit, that for all kinds last; never changes, nor does the below */
  gint64 shortest;       /* of them, us */
  gboolean writes;
  LeashTimer timer;

  /* Of the thread that looks */
  LeashSnapshot *unwritten; /* what became overdue since the last report that was written; NULL for nothing */
  gint64 writes_at;         /* monotonic us; not before */
};

/* One look at all slots of a tracker. Times in milliseconds relative to the tracker's beginning. */
typedef struct
{
  const LeashAgeWatch *watch;
  gint64 now;
  gint64 soonest; /* when the next of those that are not overdue will be */
  GArray *told;   /* of LeashTold: of one slab; NULL where nobody wants to know */
} Look;

static void
watch_unref (LeashAgeWatch *watch)
{
  if (__atomic_sub_fetch (&watch->ref_count, 1, __ATOMIC_ACQ_REL) > 0)
    return;
  g_clear_pointer (&watch->unwritten, leash_snapshot_unref);
  g_array_unref (watch->limits);
  g_free (watch);
}

/* 0 for none. */
static gint64
get_limit (const LeashAgeWatch *watch, guint16 kind)
{
  const LeashKindLimit *each = &g_array_index (watch->limits, LeashKindLimit, 0);

  while (each->kind != kind && each->kind != LEASH_KIND_ALL)
    each++;
  return each->limit;
}

LeashReturned
leash_slot_get_returned (LeashTracker *tracker, const LeashSlot *slot)
{
  return (LeashReturned){
    .kind = leash_intern_get (slot->kind),
    .stack = slot->stack,
    .count = 1,
    .longest = (leash_tracker_now () - tracker->made_at - leash_slot_get_opened (slot)) * 1000,
  };
}

static void
look_at_slot (Look *look, LeashSlot *slot)
{
  gint64 limit, due;

  if (slot->state != LEASH_SLOT_OPEN
      || (slot->flags & (LEASH_SLOT_KEPT | LEASH_SLOT_OVERDUE | LEASH_SLOT_WAS_OVERDUE)) != 0)
    return;
  limit = get_limit (look->watch, slot->kind);
  if (limit == 0)
    return;
  due = leash_slot_get_opened (slot) + limit / 1000;
  if (due > look->now)
    {
      look->soonest = MIN (look->soonest, due);
      return;
    }
  slot->flags |= LEASH_SLOT_OVERDUE;
  if (look->told != NULL)
    {
      g_array_set_size (look->told, look->told->len + 1);
      leash_told_fill_from (&g_array_index (look->told, LeashTold, look->told->len - 1), look->watch->tracker,
                            slot);
    }
}

static void
tell (LeashAgeWatch *watch, Look *look)
{
  for (guint i = 0; i < look->told->len; i++)
    {
      const LeashResource *resource = &g_array_index (look->told, LeashTold, i).resource;

      if (watch->writes)
        {
          if (watch->unwritten == NULL)
            watch->unwritten = leash_snapshot_new_overdue (watch->tracker, watch->shortest);
          leash_snapshot_add_or_count (watch->unwritten, resource);
        }
      if (leash_tracker_has_listeners (watch->tracker))
        leash_tracker_emit (watch->tracker, LEASH_EVENT_OVERDUE, resource, NULL);
    }
  g_array_set_size (look->told, 0);
}

/* Returns FALSE where there were no more of them in the slab. */
static gboolean
look_at_some (Look *look, LeashShard *shard, LeashSlab *slab, guint *next)
{
  guint first = *next;

  leash_shard_lock (shard);
  for (; *next < MIN (first + SLOTS_AT_ONCE, slab->n_used); ++*next)
    look_at_slot (look, leash_slab_get_slot (slab, *next));
  leash_shard_unlock (shard);
  return *next > first;
}

/* Slabs are only added before the first while the tracker lives. */
static void
look_at_shard (LeashAgeWatch *watch, Look *look, LeashShard *shard)
{
  LeashSlab *slab;

  leash_shard_lock (shard);
  slab = shard->slabs;
  leash_shard_unlock (shard);
  for (; slab != NULL; slab = slab->next)
    for (guint i = 1; look_at_some (look, shard, slab, &i);)
      if (look->told != NULL)
        tell (watch, look);
}

static void
clear_told (gpointer told)
{
  leash_told_clear (told);
}

/* Returns when the next one becomes overdue at the soonest, in the monotonic clock's microseconds. */
static gint64
look_at_all (LeashAgeWatch *watch)
{
  LeashTracker *tracker = watch->tracker;
  gint64 now = leash_tracker_now () - tracker->made_at;
  Look look = { watch, now, now + watch->shortest / 1000, NULL };

  if (watch->writes || leash_tracker_has_listeners (tracker))
    {
      look.told = g_array_new (FALSE, TRUE, sizeof (LeashTold));
      g_array_set_clear_func (look.told, clear_told);
    }
  for (guint i = 0; i < LEASH_N_SHARDS; i++)
    {
      LeashShard *shard = __atomic_load_n (&tracker->shards[i], __ATOMIC_ACQUIRE);

      if (shard != NULL)
        look_at_shard (watch, &look, shard);
    }
  g_clear_pointer (&look.told, g_array_unref);
  return (look.soonest + 1 + tracker->made_at) * 1000;
}

static void
write_overdue (LeashAgeWatch *watch)
{
  gint64 now = g_get_monotonic_time ();

  if (watch->unwritten == NULL || now < watch->writes_at)
    return;
  watch->unwritten->taken_at = leash_tracker_now () * 1000;
  watch->unwritten->taken_at_real = g_get_real_time ();
  leash_snapshot_write_unasked (watch->unwritten);
  g_clear_pointer (&watch->unwritten, leash_snapshot_unref);
  watch->writes_at = now + MAX (watch->shortest, LEAST_BETWEEN_REPORTS);
}

static gboolean
is_over (LeashAgeWatch *watch)
{
  return __atomic_load_n (&watch->is_over, __ATOMIC_ACQUIRE);
}

/* Hands the watch back to the clock. What waits to be written is looked at again in time. */
static void
look_again (LeashAgeWatch *watch, gint64 soonest)
{
  gint64 pause = MAX (watch->shortest / 4, LEAST_PAUSE);
  gboolean waits;

  /* Once the timer waits, whoever calls the watch off may be the last to have it. */
  __atomic_fetch_add (&watch->ref_count, 1, __ATOMIC_RELAXED);
  if (watch->unwritten != NULL)
    soonest = MIN (soonest, watch->writes_at);
  do
    {
      watch->timer.due = MAX (soonest, g_get_monotonic_time () + pause);
      waits = !is_over (watch) && leash_timer_start (&watch->timer);
    }
  while (!waits && !is_over (watch));
  if (!waits || (is_over (watch) && leash_timer_stop (&watch->timer)))
    watch_unref (watch);
  watch_unref (watch);
}

static void *
look_in_thread (void *data)
{
  LeashAgeWatch *watch = data;
  LeashTracker *tracker = watch->tracker;
  gint64 soonest;

  leash_worker_set_name ("leash-age");
  leash_thread_set_busy (TRUE);
  soonest = look_at_all (watch);
  write_overdue (watch);
  look_again (watch, soonest);
  leash_tracker_unref (tracker);
  leash_thread_set_busy (FALSE);
  return NULL;
}

static LeashAgeWatch *
get_watch (LeashTimer *timer)
{
  return (LeashAgeWatch *) (gpointer) ((char *) timer - G_STRUCT_OFFSET (LeashAgeWatch, timer));
}

/* With the timers' lock held. */
static gboolean
hold (LeashTimer *timer)
{
  LeashAgeWatch *watch = get_watch (timer);

  if (!is_over (watch) && !__atomic_load_n (&watch->tracker->ended, __ATOMIC_ACQUIRE)
      && leash_tracker_try_ref (watch->tracker))
    return TRUE;
  watch_unref (watch);
  return FALSE;
}

/* Where the system has no thread to give, the next time. */
static void
fire (LeashTimer *timer)
{
  LeashAgeWatch *watch = get_watch (timer);
  LeashTracker *tracker = watch->tracker;

  if (leash_worker_start (look_in_thread, watch))
    return;
  look_again (watch, 0);
  leash_tracker_unref (tracker);
}

/* The clock's reference is given back by whoever has the watch in hand, if the timer does not wait. */
static void
call_off (LeashAgeWatch *watch)
{
  if (watch == NULL)
    return;
  __atomic_store_n (&watch->is_over, TRUE, __ATOMIC_RELEASE);
  if (leash_timer_stop (&watch->timer))
    watch_unref (watch);
  watch_unref (watch);
}

/* With the lock held: what the tracker's limits are by now; NULL where there are none. */
static LeashAgeWatch *
watch_new (LeashTracker *tracker)
{
  LeashAge *age = &tracker->age;
  LeashKindLimit all = { LEASH_KIND_ALL, age->limit };
  gint64 shortest = age->limit > 0 ? age->limit : G_MAXINT64;
  LeashAgeWatch *watch;

  for (guint i = 0; age->kinds != NULL && i < age->kinds->len; i++)
    if (g_array_index (age->kinds, LeashKindLimit, i).limit > 0)
      shortest = MIN (shortest, g_array_index (age->kinds, LeashKindLimit, i).limit);
  if (shortest == G_MAXINT64)
    return NULL;
  watch = g_new0 (LeashAgeWatch, 1);
  watch->ref_count = 2; /* the tracker, and the clock */
  watch->tracker = tracker;
  watch->limits
      = age->kinds != NULL ? g_array_copy (age->kinds) : g_array_new (FALSE, FALSE, sizeof (LeashKindLimit));
  g_array_append_val (watch->limits, all);
  watch->shortest = shortest;
  watch->writes = age->writes;
  watch->timer = (LeashTimer){ .clock = leash_clock_system (), .hold = hold, .fire = fire };
  return watch;
}

/* With the lock held, which it lets go. */
static void
use_limits (LeashTracker *tracker)
{
  LeashAgeWatch *watch = watch_new (tracker);
  LeashAgeWatch *old = tracker->age.watch;

  tracker->age.watch = watch;
  leash_unlock (&tracker->age.lock);
  call_off (old);
  /* Another thread may call the new one off meanwhile, which sees that its timer does not wait. */
  if (watch != NULL)
    look_again (watch, 0);
}

void
leash_age_set_limit (LeashTracker *tracker, gint64 microseconds, gboolean writes)
{
  gboolean was_busy = leash_thread_set_busy (TRUE);

  leash_lock (&tracker->age.lock);
  tracker->age.limit = MIN (microseconds, LIMIT_MAX);
  tracker->age.writes = writes && microseconds > 0;
  use_limits (tracker);
  leash_thread_set_busy (was_busy);
}

/* With the lock held. Negative for no limit of its own. */
static void
set_kind_limit (LeashAge *age, guint16 kind, gint64 limit)
{
  LeashKindLimit new = { kind, limit };

  if (age->kinds == NULL)
    age->kinds = g_array_new (FALSE, FALSE, sizeof (LeashKindLimit));
  for (guint i = 0; i < age->kinds->len; i++)
    if (g_array_index (age->kinds, LeashKindLimit, i).kind == kind)
      {
        g_array_remove_index_fast (age->kinds, i);
        break;
      }
  if (limit >= 0)
    g_array_append_val (age->kinds, new);
}

void
leash_age_clear (LeashTracker *tracker)
{
  call_off (tracker->age.watch);
  g_clear_pointer (&tracker->age.kinds, g_array_unref);
  g_clear_pointer (&tracker->age.returned, g_array_unref);
}

gboolean
leash_returned_add (GArray *array, const LeashReturned *returned, guint max)
{
  for (guint i = 0; i < array->len; i++)
    {
      LeashReturned *each = &g_array_index (array, LeashReturned, i);

      if (each->stack != returned->stack || each->kind != returned->kind)
        continue;
      each->count += returned->count;
      each->longest = MAX (each->longest, returned->longest);
      return TRUE;
    }
  if (array->len >= max)
    return FALSE;
  g_array_append_vals (array, returned, 1);
  return TRUE;
}

void
leash_age_add_returned (LeashTracker *tracker, const LeashReturned *returned)
{
  LeashAge *age = &tracker->age;
  gboolean was_busy = leash_thread_set_busy (TRUE);

  leash_lock (&age->lock);
  if (age->returned == NULL)
    age->returned = g_array_new (FALSE, FALSE, sizeof (LeashReturned));
  if (!leash_returned_add (age->returned, returned, LEASH_N_RETURNED))
    age->n_returned_dropped += returned->count;
  leash_unlock (&age->lock);
  leash_thread_set_busy (was_busy);
}

void
leash_age_copy_returned (LeashTracker *tracker, GArray *into, guint64 *n_dropped)
{
  LeashAge *age = &tracker->age;

  leash_lock (&age->lock);
  for (guint i = 0; age->returned != NULL && i < age->returned->len; i++)
    leash_returned_add (into, &g_array_index (age->returned, LeashReturned, i), G_MAXUINT);
  *n_dropped += age->n_returned_dropped;
  leash_unlock (&age->lock);
}

void
leash_age_inherit (LeashTracker *tracker, LeashTracker *from)
{
  g_autoptr (GArray) returned = g_array_new (FALSE, FALSE, sizeof (LeashReturned));
  guint64 n_dropped = 0;

  leash_age_copy_returned (from, returned, &n_dropped);
  for (guint i = 0; i < returned->len; i++)
    leash_age_add_returned (tracker, &g_array_index (returned, LeashReturned, i));
  leash_lock (&tracker->age.lock);
  tracker->age.n_returned_dropped += n_dropped;
  leash_unlock (&tracker->age.lock);
}

/**
 * leash_tracker_set_age_limit:
 * @tracker: a tracker
 * @microseconds: how long a resource may be open, 0 for as long as it likes
 *
 * Has a thread of Leash's own find resources that are open for longer while the program runs. Each is told of
 * once, between the limit and a quarter more after it was opened: listeners get %LEASH_EVENT_OVERDUE, and
 * %LEASH_EVENT_RETURNED when it is closed or handed on after all. Reports mark what is overdue, and say where
 * what returned after all was opened. What is meant to stay open is never overdue; what was handed on is not
 * told of again.
 *
 * None by default. With the LEASH_AGE_LIMIT environment variable, in seconds, all trackers begin with one,
 * and what is newly overdue is also written where LEASH_OUTPUT says, as by leash_tracker_write_report(): once
 * in the time of the limit, and once in a second, at most, of each tracker. Another limit begins anew, for
 * what is not overdue yet.
 *
 * It ends with leash_tracker_end(). Trackers nested in this one have limits of their own. In a forked child,
 * set it again. A kind may have another limit: leash_tracker_set_kind_age_limit().
 *
 * Since: 0.1
 */
void
leash_tracker_set_age_limit (LeashTracker *tracker, gint64 microseconds)
{
  g_return_if_fail (tracker != NULL);
  g_return_if_fail (microseconds >= 0);

  leash_age_set_limit (tracker, microseconds, FALSE);
}

/**
 * leash_tracker_set_kind_age_limit:
 * @tracker: a tracker
 * @kind: what the resources are: "transaction"
 * @microseconds: how long one may be open, 0 for as long as it likes, -1 for what holds for other kinds
 *
 * As leash_tracker_set_age_limit(), for one kind of resources: those then go by this limit, which may be
 * shorter or longer, and others by that of all kinds, if there is one. What is newly overdue is written where
 * LEASH_OUTPUT says if that of all kinds is still the one of LEASH_AGE_LIMIT.
 *
 * Since: 0.1
 */
void
leash_tracker_set_kind_age_limit (LeashTracker *tracker, const char *kind, gint64 microseconds)
{
  gboolean was_busy;
  guint16 id;

  g_return_if_fail (tracker != NULL);
  g_return_if_fail (kind != NULL);
  g_return_if_fail (microseconds >= -1);

  was_busy = leash_thread_set_busy (TRUE);
  id = leash_intern (kind);
  leash_lock (&tracker->age.lock);
  set_kind_limit (&tracker->age, id, MIN (microseconds, LIMIT_MAX));
  use_limits (tracker);
  leash_thread_set_busy (was_busy);
}
