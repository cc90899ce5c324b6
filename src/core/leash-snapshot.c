/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A snapshot copies what is open, shard by shard: each shard stands still while it is copied, the others go
 * on. What is opened or closed meanwhile may be in it or not.
 */
#include "leash-tag-private.h"

#include <string.h>

#include "leash-boxed-private.h"
#include "leash-capture-private.h"
#include "leash-crowd-private.h"
#include "leash-extra-private.h"
#include "leash-intern-private.h"
#include "leash-report-parts-private.h"
#include "leash-report-private.h"

/**
 * LeashSnapshot:
 *
 * What a tracker held open at one moment, and the misuses until then.
 *
 * It never changes, and may be used from any thread.
 */
LEASH_DEFINE_BOXED (LeashSnapshot, leash_snapshot)

static void
fill_events (LeashResource *resource, const LeashHistory *history)
{
  if (history == NULL)
    return;
  resource->n_events = history->n_events;
  resource->events = history->events;
  resource->n_events_not_kept = history->n_not_kept;
}

void
leash_resource_fill (LeashResource *resource, LeashTracker *tracker, const LeashSlot *slot)
{
  gint64 opened = leash_slot_get_opened (slot);
  gboolean is_open = slot->state == LEASH_SLOT_OPEN;

  *resource = (LeashResource){
    .kind = leash_intern_get (slot->kind),
    .name = slot->name,
    .opened_at = (tracker->made_at + opened) * 1000,
    .thread = leash_intern_get (slot->thread),
    .tid = leash_slot_get_tid (slot),
    .stack = slot->stack,
    .id = { (guintptr) slot, (guint64) opened << 16 | slot->generation },
  };
  if ((slot->flags & LEASH_SLOT_KEPT) != 0)
    resource->flags |= LEASH_RESOURCE_KEPT;
  if ((slot->flags & LEASH_SLOT_OVERDUE) != 0)
    resource->flags |= LEASH_RESOURCE_OVERDUE;
  if ((slot->flags & LEASH_SLOT_SAMPLED) != 0)
    resource->flags |= LEASH_RESOURCE_SAMPLED;
  if (is_open && (slot->flags & LEASH_SLOT_KEYED) != 0)
    resource->key = (gconstpointer) ~slot->at.key;
  if ((slot->flags & LEASH_SLOT_ADOPTED) != 0)
    {
      resource->flags |= LEASH_RESOURCE_ADOPTED;
      resource->adopter_stack = slot->extra->adopter_stack;
      resource->adopter_thread = leash_intern_get (slot->extra->adopter_thread);
    }
  fill_events (resource, leash_slot_get_history (slot));
}

void
leash_told_fill_from (LeashTold *told, LeashTracker *tracker, const LeashSlot *slot)
{
  leash_resource_fill (&told->resource, tracker, slot);
  told->name = g_strdup (slot->name);
  told->resource.name = told->name;
  told->resource.n_events = 0;
  told->resource.events = NULL;
  told->resource.n_events_not_kept = 0;
}

gboolean
leash_told_fill (LeashTold *told, LeashTag *tag)
{
  gboolean was_busy = leash_thread_set_busy (TRUE), found = FALSE;
  LeashShard *shard;
  LeashSlot *slot = leash_shard_lock_tag (tag, &shard);

  if (slot != NULL)
    {
      found = leash_slot_is_tags (slot, tag);
      if (found)
        leash_told_fill_from (told, shard->tracker, slot);
      leash_shard_unlock (shard);
    }
  leash_thread_set_busy (was_busy);
  return found;
}

void
leash_told_clear (LeashTold *told)
{
  g_free (told->name);
}

LeashSnapshot *
leash_snapshot_new_empty (void)
{
  LeashSnapshot *snapshot = g_new0 (LeashSnapshot, 1);

  snapshot->ref_count = 1;
  snapshot->resources = g_array_new (FALSE, FALSE, sizeof (LeashResource));
  snapshot->events = g_ptr_array_new_with_free_func (g_free);
  snapshot->returned = g_array_new (FALSE, FALSE, sizeof (LeashReturned));
  snapshot->misuses = g_array_new (FALSE, FALSE, sizeof (LeashMisuse));
  snapshot->strings = g_string_chunk_new (4096);
  return snapshot;
}

const char *
leash_snapshot_keep_string (LeashSnapshot *snapshot, const char *string)
{
  return string != NULL ? g_string_chunk_insert_const (snapshot->strings, string) : NULL;
}

static void
keep_events (LeashSnapshot *snapshot, LeashResource *resource)
{
  LeashHistoryEvent *events;

  if (resource->n_events == 0)
    return;
  events = g_memdup2 (resource->events, resource->n_events * sizeof *events);
  for (guint i = 0; i < resource->n_events; i++)
    events[i].what = leash_snapshot_keep_string (snapshot, events[i].what);
  g_ptr_array_add (snapshot->events, events);
  resource->events = events;
}

/* Of the strings only names, and what is said of events, are not there for ever. */
void
leash_snapshot_add (LeashSnapshot *snapshot, const LeashResource *resource)
{
  LeashResource copy = *resource;

  copy.name = leash_snapshot_keep_string (snapshot, copy.name);
  copy.parent_name = leash_snapshot_keep_string (snapshot, copy.parent_name);
  keep_events (snapshot, &copy);
  g_array_append_val (snapshot->resources, copy);
}

/* A resource whose parent is to be looked at. */
typedef struct
{
  guint index;
  LeashTag *parent;
} Child;

static void
add_to_crowd (LeashSnapshot *snapshot, const LeashResource *resource)
{
  guint index;

  if (!leash_crowds_list (snapshot->crowds, resource, snapshot->resources->len, &index))
    return;
  if (index == snapshot->resources->len)
    {
      leash_snapshot_add (snapshot, resource);
      return;
    }
  g_array_index (snapshot->resources, LeashResource, index) = *resource;
  g_array_index (snapshot->resources, LeashResource, index).name
      = leash_snapshot_keep_string (snapshot, resource->name);
}

void
leash_snapshot_add_or_count (LeashSnapshot *snapshot, const LeashResource *resource)
{
  if (snapshot->crowds != NULL && resource->n_events == 0 && (resource->flags & LEASH_RESOURCE_ADOPTED) == 0)
    add_to_crowd (snapshot, resource);
  else
    leash_snapshot_add (snapshot, resource);
}

/* With the shard's locks held. */
static void
add_slot (LeashSnapshot *snapshot, LeashTracker *tracker, const LeashSlot *slot, GArray *children)
{
  Child child = { snapshot->resources->len, leash_slot_get_parent (slot) };
  LeashResource resource;

  leash_resource_fill (&resource, tracker, slot);
  if (child.parent == NULL)
    {
      leash_snapshot_add_or_count (snapshot, &resource);
      return;
    }
  g_array_append_val (children, child);
  leash_snapshot_add (snapshot, &resource);
}

static void
add_shard (LeashSnapshot *snapshot, LeashTracker *tracker, LeashShard *shard, GArray *children)
{
  g_autoptr (GPtrArray) slabs = g_ptr_array_new ();

  leash_shard_lock (shard);
  for (LeashSlab *slab = shard->slabs; slab != NULL; slab = slab->next)
    g_ptr_array_add (slabs, slab);
  /* The oldest first. */
  for (guint n = slabs->len; n-- > 0;)
    {
      LeashSlab *slab = g_ptr_array_index (slabs, n);

      for (guint i = 1; i < slab->n_used; i++)
        if (leash_slab_get_slot (slab, i)->state == LEASH_SLOT_OPEN)
          add_slot (snapshot, tracker, leash_slab_get_slot (slab, i), children);
    }
  leash_shard_unlock (shard);
}

static void
add_misuses (LeashSnapshot *snapshot, LeashTracker *tracker)
{
  leash_lock (&tracker->misuse_lock);
  for (guint i = 0; i < tracker->misuses->len; i++)
    {
      LeashMisuse misuse = g_array_index (tracker->misuses, LeashMisuse, i);

      misuse.what = leash_snapshot_keep_string (snapshot, misuse.what);
      misuse.kind = leash_snapshot_keep_string (snapshot, misuse.kind);
      misuse.name = leash_snapshot_keep_string (snapshot, misuse.name);
      g_array_append_val (snapshot->misuses, misuse);
    }
  snapshot->n_misuses_dropped += tracker->n_misuses_dropped;
  leash_unlock (&tracker->misuse_lock);
}

/* No shard's locks may be held: each parent is in a shard of its own. */
static void
add_parent (LeashSnapshot *snapshot, LeashResource *resource, LeashTag *parent)
{
  g_auto (LeashTold) told = { 0 };

  if (!leash_told_fill (&told, leash_parent_follow (parent)))
    return;
  resource->parent_kind = told.resource.kind;
  resource->parent_name = leash_snapshot_keep_string (snapshot, told.resource.name);
  resource->parent_key = told.resource.key;
  if (leash_parent_is_closed (parent, &resource->parent_stack, &resource->parent_close_stack))
    resource->flags |= LEASH_RESOURCE_PARENT_CLOSED;
}

static void
add_tracker (LeashSnapshot *snapshot, LeashTracker *tracker)
{
  g_autoptr (GArray) children = g_array_new (FALSE, FALSE, sizeof (Child));

  for (guint i = 0; i < LEASH_N_SHARDS; i++)
    {
      LeashShard *shard = __atomic_load_n (&tracker->shards[i], __ATOMIC_ACQUIRE);

      if (shard != NULL)
        add_shard (snapshot, tracker, shard, children);
    }
  for (guint i = 0; i < children->len; i++)
    {
      const Child *child = &g_array_index (children, Child, i);

      add_parent (snapshot, &g_array_index (snapshot->resources, LeashResource, child->index), child->parent);
    }
  add_misuses (snapshot, tracker);
  leash_age_copy_returned (tracker, snapshot->returned, &snapshot->n_returned_dropped);
}

/* Of many trackers, what is said of stacks is what must be said of any: that it is a sample, or the most. */
static void
note_level (LeashSnapshot *snapshot, LeashTracker *tracker)
{
  LeashLevel level = leash_tracker_get_level (tracker);

  if (snapshot->level == LEASH_LEVEL_SAMPLE || (level < snapshot->level && level != LEASH_LEVEL_SAMPLE))
    return;
  snapshot->level = level;
  snapshot->sample_every = __atomic_load_n (&tracker->sample_every, __ATOMIC_RELAXED);
}

static gsize
count_open (GPtrArray *trackers)
{
  gsize n = 0;

  for (guint i = 0; i < trackers->len; i++)
    n += leash_tracker_count_own (g_ptr_array_index (trackers, i), TRUE);
  return n;
}

static LeashSnapshot *
snapshot_take (GPtrArray *trackers, gboolean for_report)
{
  gboolean was_busy = leash_thread_set_busy (TRUE);
  LeashSnapshot *snapshot = leash_snapshot_new_empty ();

  if (for_report && count_open (trackers) > LEASH_CROWD_ALL)
    snapshot->crowds = leash_crowds_new ();
  snapshot->taken_at = leash_tracker_now () * 1000;
  snapshot->taken_at_real = g_get_real_time ();
  snapshot->n_stacks_not_kept = leash_depot_count_dropped ();
  snapshot->n_stacks_after_fork = leash_capture_count_after_fork ();
  snapshot->n_reentries = leash_tag_count_reentry ();
  snapshot->n_strays = leash_tag_count_stray ();
  for (guint i = 0; i < trackers->len; i++)
    add_tracker (snapshot, g_ptr_array_index (trackers, i));
  leash_thread_set_busy (was_busy);
  return snapshot;
}

/**
 * leash_snapshot_new:
 * @tracker: a tracker
 *
 * Notes what is open in @tracker and in those nested in it.
 *
 * Returns: (transfer full): a snapshot
 *
 * Since: 0.1
 */
LeashSnapshot *
leash_snapshot_new (LeashTracker *tracker)
{
  g_autoptr (GPtrArray) list = NULL;
  LeashSnapshot *snapshot;

  g_return_val_if_fail (tracker != NULL, NULL);

  list = leash_tracker_list (tracker);
  snapshot = snapshot_take (list, FALSE);
  note_level (snapshot, tracker);
  return snapshot;
}

/**
 * leash_snapshot_new_children:
 * @snapshot: a snapshot
 * @kind: what the parent is
 * @pointer: the handle that it is tracked by
 *
 * What in @snapshot was opened from one resource, and is in the way of closing it.
 *
 * Returns: (transfer full): a snapshot
 *
 * Since: 0.1
 */
LeashSnapshot *
leash_snapshot_new_children (LeashSnapshot *snapshot, const char *kind, gconstpointer pointer)
{
  LeashSnapshot *children;

  g_return_val_if_fail (snapshot != NULL, NULL);
  g_return_val_if_fail (kind != NULL, NULL);
  g_return_val_if_fail (pointer != NULL, NULL);

  children = leash_snapshot_new_empty ();
  children->taken_at = snapshot->taken_at;
  children->taken_at_real = snapshot->taken_at_real;
  children->level = snapshot->level;
  children->sample_every = snapshot->sample_every;
  for (guint i = 0; i < snapshot->resources->len; i++)
    {
      const LeashResource *resource = &g_array_index (snapshot->resources, LeashResource, i);

      if (resource->parent_key == pointer && strcmp (resource->parent_kind, kind) == 0)
        leash_snapshot_add (children, resource);
    }
  return children;
}

LeashSnapshot *
leash_snapshot_new_for_report (LeashTracker *tracker)
{
  gboolean was_busy = leash_thread_set_busy (TRUE);
  g_autoptr (GPtrArray) list = tracker != NULL ? leash_tracker_list (tracker) : leash_tracker_list_all ();
  LeashSnapshot *snapshot = snapshot_take (list, TRUE);

  leash_thread_set_busy (was_busy);
  for (guint i = 0; i < (tracker != NULL ? 1 : list->len); i++)
    note_level (snapshot, g_ptr_array_index (list, i));
  return snapshot;
}

LeashSnapshot *
leash_snapshot_new_overdue (LeashTracker *tracker, gint64 limit)
{
  g_autoptr (GPtrArray) none = g_ptr_array_new ();
  LeashSnapshot *snapshot = snapshot_take (none, FALSE);

  if (leash_tracker_count_own (tracker, FALSE) > LEASH_CROWD_ALL)
    snapshot->crowds = leash_crowds_new ();
  note_level (snapshot, tracker);
  snapshot->overdue_after = limit;
  return snapshot;
}

/**
 * leash_snapshot_ref:
 * @snapshot: a snapshot
 *
 * Adds a reference.
 *
 * Returns: (transfer full): @snapshot
 *
 * Since: 0.1
 */
LeashSnapshot *
leash_snapshot_ref (LeashSnapshot *snapshot)
{
  g_return_val_if_fail (snapshot != NULL, NULL);

  __atomic_fetch_add (&snapshot->ref_count, 1, __ATOMIC_RELAXED);
  return snapshot;
}

/**
 * leash_snapshot_unref:
 * @snapshot: (transfer full): a snapshot
 *
 * Drops a reference.
 *
 * Since: 0.1
 */
void
leash_snapshot_unref (LeashSnapshot *snapshot)
{
  g_return_if_fail (snapshot != NULL);

  if (__atomic_sub_fetch (&snapshot->ref_count, 1, __ATOMIC_ACQ_REL) > 0)
    return;
  g_array_unref (snapshot->resources);
  g_ptr_array_unref (snapshot->events);
  g_clear_pointer (&snapshot->crowds, g_hash_table_unref);
  g_array_unref (snapshot->returned);
  g_array_unref (snapshot->misuses);
  g_string_chunk_free (snapshot->strings);
  g_free (snapshot);
}

/**
 * leash_snapshot_get_length:
 * @snapshot: a snapshot
 *
 * How many open resources are in it, those that are meant to stay open among them.
 *
 * Returns: the number
 *
 * Since: 0.1
 */
gsize
leash_snapshot_get_length (LeashSnapshot *snapshot)
{
  g_return_val_if_fail (snapshot != NULL, 0);

  return snapshot->resources->len;
}

/**
 * leash_snapshot_get_resource:
 * @snapshot: a snapshot
 * @index: from 0, less than its length
 *
 * One of the resources. They are in no particular order.
 *
 * Returns: (transfer none): the resource, which lives as long as @snapshot
 *
 * Since: 0.1
 */
const LeashResource *
leash_snapshot_get_resource (LeashSnapshot *snapshot, gsize index)
{
  g_return_val_if_fail (snapshot != NULL, NULL);
  g_return_val_if_fail (index < snapshot->resources->len, NULL);

  return &g_array_index (snapshot->resources, LeashResource, index);
}

/**
 * leash_snapshot_get_n_misuses:
 * @snapshot: a snapshot
 *
 * How many different misuses are in it.
 *
 * Returns: the number
 *
 * Since: 0.1
 */
gsize
leash_snapshot_get_n_misuses (LeashSnapshot *snapshot)
{
  g_return_val_if_fail (snapshot != NULL, 0);

  return snapshot->misuses->len;
}

/**
 * leash_snapshot_get_misuse:
 * @snapshot: a snapshot
 * @index: from 0, less than the number of misuses
 *
 * One of the misuses, in the order in which each first happened.
 *
 * Returns: (transfer none): the misuse, which lives as long as @snapshot
 *
 * Since: 0.1
 */
const LeashMisuse *
leash_snapshot_get_misuse (LeashSnapshot *snapshot, gsize index)
{
  g_return_val_if_fail (snapshot != NULL, NULL);
  g_return_val_if_fail (index < snapshot->misuses->len, NULL);

  return &g_array_index (snapshot->misuses, LeashMisuse, index);
}

/* Those that are counted and not listed; all, or those with none of the flags. */
static gsize
count_left_out (LeashSnapshot *snapshot, LeashResourceFlags flags)
{
  GHashTableIter iter;
  gpointer value;
  gsize n = 0;

  if (snapshot->crowds == NULL)
    return 0;
  g_hash_table_iter_init (&iter, snapshot->crowds);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    if ((((LeashCrowd *) value)->key.flags & flags) == 0)
      n += ((LeashCrowd *) value)->n_left_out;
  return n;
}

gsize
leash_snapshot_count_all (LeashSnapshot *snapshot)
{
  return snapshot->resources->len + count_left_out (snapshot, LEASH_RESOURCE_NONE);
}

gsize
leash_snapshot_count_leaks (LeashSnapshot *snapshot)
{
  gsize n = count_left_out (snapshot, LEASH_RESOURCE_KEPT);

  for (guint i = 0; i < snapshot->resources->len; i++)
    n += (g_array_index (snapshot->resources, LeashResource, i).flags & LEASH_RESOURCE_KEPT) == 0;
  return n;
}

/**
 * leash_snapshot_report:
 * @snapshot: a snapshot
 * @format: for people or for programs
 * @flags: how it is written
 * @max_places: how many places a text shows before it says how many more there are; 0 for all
 *
 * Writes what is in it. Names for addresses are looked up now, which takes some milliseconds at first.
 *
 * Returns: (transfer full): the report
 *
 * Since: 0.1
 */
char *
leash_snapshot_report (LeashSnapshot *snapshot, LeashFormat format, LeashReportFlags flags, guint max_places)
{
  g_return_val_if_fail (snapshot != NULL, NULL);
  g_return_val_if_fail (format == LEASH_FORMAT_TEXT || format == LEASH_FORMAT_JSON, NULL);

  return format == LEASH_FORMAT_JSON ? leash_report_json (snapshot, flags)
                                     : leash_report_text (snapshot, flags, max_places);
}
