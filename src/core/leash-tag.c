/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Opening and closing. Opening: take the stack, then the shard's lock for opening, fill a slot, done.
 * Closing: find the shard from the tag's address, take its lock for closing, mark the slot released. Both run
 * with the thread's busy mark set, so that a signal handler or an allocator's hook that gets in between
 * tracks nothing instead of waiting for a lock that its own thread holds; what is missed so is counted.
 */
#include "leash-tracker-private.h"

#include "leash-capture-private.h"
#include "leash-extra-private.h"
#include "leash-name-private.h"
#include "leash-tag-private.h"

static guint64 n_stray;   /* atomic */
static guint64 n_reentry; /* atomic */

guint64
leash_tag_count_stray (void)
{
  return __atomic_load_n (&n_stray, __ATOMIC_RELAXED);
}

guint64
leash_tag_count_reentry (void)
{
  return __atomic_load_n (&n_reentry, __ATOMIC_RELAXED);
}

void
leash_tag_add_reentry (void)
{
  __atomic_fetch_add (&n_reentry, 1, __ATOMIC_RELAXED);
}

/* Less than 2 * every - 1, so that a pattern in the program does not hide from the samples. */
static guint32
draw_until_sample (LeashThread *self, guint every)
{
  return (guint32) (leash_thread_random (self) % (2 * (guint64) every - 1));
}

/*
 * What is left may have been drawn for another tracker, or never: a thread's first open is not sampled more
 * often than any other, or many short threads would be extrapolated to far too many resources.
 */
static gboolean
is_sampled (LeashThread *self, guint every)
{
  if (LEASH_UNLIKELY (self->until_sample >= 2 * (guint64) every - 1))
    self->until_sample = draw_until_sample (self, every);
  if (LEASH_LIKELY (self->until_sample > 0))
    {
      self->until_sample--;
      return FALSE;
    }
  self->until_sample = draw_until_sample (self, every);
  return TRUE;
}

/* At a level that does not take every stack. Sets *ret_flags where it was this one's turn. */
G_NO_INLINE static LeashStackId
take_some_stack (LeashTracker *tracker, guint level, LeashThread *self, gconstpointer caller,
                 const LeashSite *site, guint8 *ret_flags)
{
  if (level != LEASH_LEVEL_SAMPLE
      || !is_sampled (self, __atomic_load_n (&tracker->sample_every, __ATOMIC_RELAXED)))
    return leash_capture_place (caller, site);
  *ret_flags = LEASH_SLOT_SAMPLED;
  return leash_capture (caller, site, __atomic_load_n (&tracker->depth, __ATOMIC_RELAXED));
}

/* Member by member: stores of what is in registers. A copy of memory would wait for the parts to be written.
 */
static inline LeashTag *
fill_slot (LeashSlot *slot, const LeashSlot *from)
{
  guint16 generation = slot->generation + 1;

  slot->name = from->name;
  slot->at.key = from->at.key;
  slot->next = NULL;
  slot->extra = from->extra;
  slot->opened_by = from->opened_by;
  slot->stack = from->stack;
  slot->thread = from->thread;
  slot->kind = from->kind;
  __atomic_store_n (&slot->life, leash_slot_pack_life (generation, LEASH_SLOT_OPEN, from->flags),
                    __ATOMIC_RELEASE);
  return leash_slot_get_tag_of (slot, generation);
}

G_NO_INLINE static void
count_kept (LeashShard *shard)
{
  leash_short_lock (&shard->close_lock);
  leash_shard_count_kept (shard);
  leash_short_unlock (&shard->close_lock);
}

G_NO_INLINE static void
insert_key (LeashTracker *tracker, LeashSlot *slot, guint16 kind, guintptr key, LeashStackId stack)
{
  LeashTag *before;

  leash_tracker_use_handles ();
  before = leash_keys_insert (tracker->keys, slot, kind, key);
  if (LEASH_UNLIKELY (before != NULL))
    leash_tag_replaced (before, stack);
}

G_ALWAYS_INLINE static inline LeashTag *
store (LeashTracker *tracker, LeashThread *self, const LeashSlot *from, gboolean is_keyed, gboolean is_kept)
{
  LeashShard *shard = leash_tracker_get_shard (tracker, self);
  LeashSlot *slot;
  LeashTag *tag;
  LeashExtra *old_extra;
  char *old_name;

  leash_short_lock (&shard->open_lock);
  slot = leash_shard_take_slot (shard);
  old_name = slot->name;
  old_extra = slot->extra;
  tag = fill_slot (slot, from);
  leash_short_unlock (&shard->open_lock);
  if (is_kept)
    count_kept (shard);
  if (old_name != NULL)
    leash_name_recycle (self, old_name);
  if (LEASH_UNLIKELY (old_extra != NULL))
    leash_extra_free (old_extra);
  if (is_keyed)
    insert_key (tracker, slot, from->kind, ~from->at.key, from->stack);
  return tag;
}

/* Puts what from describes into a slot of the tracker; takes over its name and extra. */
LeashTag *
leash_tag_store (LeashTracker *tracker, LeashThread *self, const LeashSlot *from)
{
  return store (tracker, self, from, (from->flags & LEASH_SLOT_KEYED) != 0,
                (from->flags & LEASH_SLOT_KEPT) != 0);
}

G_NO_INLINE __attribute__ ((cold)) static void
emit_opened (LeashTracker *tracker, LeashEventType event, LeashTag *tag)
{
  g_auto (LeashTold) told = { 0 };

  if (leash_told_fill (&told, tag))
    leash_tracker_emit (tracker, event, &told.resource, NULL);
}

G_NO_INLINE __attribute__ ((cold)) static LeashTag *
open_ended (LeashTracker *tracker, const char *kind, const char *name, gconstpointer caller,
            const LeashSite *site)
{
  leash_tracker_add_misuse (tracker, &(LeashMisuse){
                                         .type = LEASH_MISUSE_ENDED_TRACKER,
                                         .kind = kind,
                                         .name = name,
                                         .stack = leash_capture (caller, site, tracker->depth),
                                     });
  return NULL;
}

/* Returns NULL where there is no parent any more. */
G_NO_INLINE static LeashExtra *
attach (LeashTag *to, LeashStackId stack)
{
  LeashTag *parent = leash_parent_attach (to);
  LeashExtra *extra;

  if (parent == NULL)
    {
      leash_tag_record_use (to, "opened something from it after close", stack);
      return NULL;
    }
  extra = leash_extra_new (FALSE);
  extra->parent = parent;
  return extra;
}

/*
 * Inlined into each public function, as is what leads to it: each frame of Leash's own costs the unwinder as
 * much as one of the program's.
 */
G_ALWAYS_INLINE static inline LeashTag *
open_tag (LeashTracker *tracker, guint level, LeashThread *self, const LeashOpening *opening)
{
  LeashSlot slot;

  slot.name = opening->name != NULL ? leash_name_copy (self, opening->name) : NULL;
  slot.opened_by = leash_slot_pack (leash_tracker_now () - tracker->made_at, self->tid);
  slot.thread = self->name;
  slot.kind = leash_thread_kind (self, opening->kind);
  slot.flags = 0;
  if (LEASH_LIKELY (level == LEASH_LEVEL_FULL))
    slot.stack
        = leash_capture (opening->caller, opening->site, __atomic_load_n (&tracker->depth, __ATOMIC_RELAXED));
  else
    {
      guint8 flags = 0;

      slot.stack = take_some_stack (tracker, level, self, opening->caller, opening->site, &flags);
      slot.flags = flags;
    }
  slot.at.key = 0;
  if (opening->is_keyed)
    {
      slot.at.key = ~opening->key;
      slot.flags |= LEASH_SLOT_KEYED;
    }
  else if (opening->watched != NULL)
    {
      slot.at.watch = ~(guintptr) opening->watched;
      slot.flags |= LEASH_SLOT_WATCHED;
    }
  slot.extra = opening->parent != NULL ? attach (opening->parent, slot.stack) : NULL;
  return store (tracker, self, &slot, opening->is_keyed, FALSE);
}

G_ALWAYS_INLINE static inline LeashTag *
track (LeashContext *ctx, const LeashOpening *opening)
{
  LeashTracker *tracker = ctx->tracker;
  LeashThread *self;
  LeashTag *tag;
  guint level;

  if (tracker == NULL)
    return NULL;
  level = __atomic_load_n (&tracker->level, __ATOMIC_RELAXED);
  if (level == LEASH_LEVEL_OFF)
    return NULL;
  self = leash_tag_enter ();
  if (self == NULL)
    return NULL;
  if (LEASH_UNLIKELY (__atomic_load_n (&tracker->ended, __ATOMIC_RELAXED)))
    tag = open_ended (tracker, opening->kind, opening->name, opening->caller, opening->site);
  else
    tag = open_tag (tracker, level, self, opening);
  leash_tag_leave (self);
  if (LEASH_UNLIKELY (leash_tracker_has_listeners (tracker)) && tag != NULL)
    emit_opened (tracker, LEASH_EVENT_OPENED, tag);
  return tag;
}

/**
 * leash_track_at:
 * @ctx: a context
 * @kind: what the resource is
 * @name: (nullable): which one it is; copied
 * @site: (nullable): where the call stands
 *
 * What the macro leash_track() calls.
 *
 * Returns: (transfer none) (nullable): the tag, %NULL when nothing tracks. It stays valid memory for the life
 *   of the process: using it after its release is recorded, never a crash.
 *
 * Since: 0.1
 */
LeashTag *
leash_track_at (LeashContext *ctx, const char *kind, const char *name, const LeashSite *site)
{
  g_return_val_if_fail (ctx != NULL, NULL);
  g_return_val_if_fail (kind != NULL, NULL);

  return track (ctx, &(LeashOpening){ .kind = kind, .name = name, .caller = LEASH_CALLER, .site = site });
}

/**
 * leash_track_child_at:
 * @ctx: a context
 * @parent: (nullable): the tag of what the resource was opened from
 * @kind: what the resource is
 * @name: (nullable): which one it is; copied
 * @site: (nullable): where the call stands
 *
 * What the macro leash_track_child() calls.
 *
 * Returns: (transfer none) (nullable): the tag, %NULL when nothing tracks
 *
 * Since: 0.1
 */
LeashTag *
leash_track_child_at (LeashContext *ctx, LeashTag *parent, const char *kind, const char *name,
                      const LeashSite *site)
{
  g_return_val_if_fail (ctx != NULL, NULL);
  g_return_val_if_fail (kind != NULL, NULL);

  return track (ctx, &(LeashOpening){
                         .parent = parent,
                         .kind = kind,
                         .name = name,
                         .caller = LEASH_CALLER,
                         .site = site,
                     });
}

/**
 * leash_track_caller_at:
 * @ctx: a context
 * @parent: (nullable): the tag of what the resource was opened from
 * @kind: what the resource is
 * @name: (nullable): which one it is; copied
 * @caller: where the stack begins: %LEASH_CALLER of a function that is still running
 *
 * What the macro leash_track_caller() calls.
 *
 * Returns: (transfer none) (nullable): the tag, %NULL when nothing tracks
 *
 * Since: 0.1
 */
LeashTag *
leash_track_caller_at (LeashContext *ctx, LeashTag *parent, const char *kind, const char *name,
                       gconstpointer caller)
{
  g_return_val_if_fail (ctx != NULL, NULL);
  g_return_val_if_fail (kind != NULL, NULL);
  g_return_val_if_fail (caller != NULL, NULL);

  return track (ctx, &(LeashOpening){ .parent = parent, .kind = kind, .name = name, .caller = caller });
}

/**
 * leash_track_pointer_at:
 * @ctx: a context
 * @kind: what the resource is
 * @pointer: the resource's handle, not %NULL
 * @name: (nullable): which one it is; copied
 * @site: (nullable): where the call stands
 *
 * What the macro leash_track_pointer() calls.
 *
 * A handle that is tracked already must have been freed and given out again: what was open under it is taken
 * off the list, and recorded as a misuse with both stacks.
 *
 * Returns: (transfer none) (nullable): the tag, %NULL when nothing tracks
 *
 * Since: 0.1
 */
LeashTag *
leash_track_pointer_at (LeashContext *ctx, const char *kind, gconstpointer pointer, const char *name,
                        const LeashSite *site)
{
  g_return_val_if_fail (ctx != NULL, NULL);
  g_return_val_if_fail (kind != NULL, NULL);
  g_return_val_if_fail (pointer != NULL, NULL);

  return track (ctx, &(LeashOpening){
                         .kind = kind,
                         .name = name,
                         .caller = LEASH_CALLER,
                         .site = site,
                         .is_keyed = TRUE,
                         .key = (guintptr) pointer,
                     });
}

/**
 * leash_track_fd_at:
 * @ctx: a context
 * @kind: what the resource is
 * @fd: a file descriptor, 0 or more
 * @name: (nullable): which one it is; copied
 * @site: (nullable): where the call stands
 *
 * What the macro leash_track_fd() calls.
 *
 * Returns: (transfer none) (nullable): the tag, %NULL when nothing tracks
 *
 * Since: 0.1
 */
LeashTag *
leash_track_fd_at (LeashContext *ctx, const char *kind, int fd, const char *name, const LeashSite *site)
{
  g_return_val_if_fail (ctx != NULL, NULL);
  g_return_val_if_fail (kind != NULL, NULL);
  g_return_val_if_fail (fd >= 0, NULL);

  return track (ctx, &(LeashOpening){
                         .kind = kind,
                         .name = name,
                         .caller = LEASH_CALLER,
                         .site = site,
                         .is_keyed = TRUE,
                         .key = (guintptr) fd,
                     });
}

/**
 * leash_watch_object_at:
 * @ctx: a context
 * @object: an object
 * @kind: (nullable): what the resource is, %NULL for the name of the object's type
 * @site: (nullable): where the call stands
 *
 * What the macro leash_watch_object() calls. The object may be finalized in any thread, after its tracker is
 * gone, and after the resource was handed on. Releasing it by hand before is no misuse.
 *
 * Returns: (transfer none) (nullable): the tag, %NULL when nothing tracks
 *
 * Since: 0.1
 */
LeashTag *
leash_watch_object_at (LeashContext *ctx, GObject *object, const char *kind, const LeashSite *site)
{
  LeashWatched *watched;
  LeashTag *tag;

  g_return_val_if_fail (ctx != NULL, NULL);
  g_return_val_if_fail (G_IS_OBJECT (object), NULL);

  watched = leash_watched_new ();
  tag = track (ctx, &(LeashOpening){
                        .kind = kind != NULL ? kind : G_OBJECT_TYPE_NAME (object),
                        .caller = LEASH_CALLER,
                        .site = site,
                        .watched = watched,
                    });
  leash_watched_start (watched, object, tag);
  return tag;
}

static void
keep_open (LeashShard *shard, LeashSlot *slot)
{
  if ((slot->flags & LEASH_SLOT_KEPT) != 0)
    return;
  slot->flags = (slot->flags & ~LEASH_SLOT_OVERDUE) | LEASH_SLOT_KEPT;
  leash_shard_count_kept (shard);
}

/**
 * leash_tag_keep_open_at:
 * @tag: what leash_track() returned
 *
 * What the macro leash_tag_keep_open() calls. Does nothing to what is released already.
 *
 * Since: 0.1
 */
void
leash_tag_keep_open_at (LeashTag *tag)
{
  LeashThread *self;
  LeashShard *shard;
  LeashSlot *slot;

  g_return_if_fail (tag != NULL);

  self = leash_tag_enter ();
  if (self == NULL)
    return;
  slot = leash_shard_lock_open (tag, &shard);
  if (slot != NULL)
    {
      keep_open (shard, slot);
      leash_shard_unlock (shard);
    }
  leash_tag_leave (self);
}

/**
 * leash_tag_set_name_at:
 * @tag: what leash_track() returned
 * @name: (nullable): which one it is; copied
 *
 * What the macro leash_tag_set_name() calls. Does nothing to what is released already.
 *
 * Since: 0.1
 */
void
leash_tag_set_name_at (LeashTag *tag, const char *name)
{
  g_autofree char *other = g_strdup (name);
  LeashThread *self;
  LeashShard *shard;
  LeashSlot *slot;

  g_return_if_fail (tag != NULL);

  self = leash_tag_enter ();
  if (self == NULL)
    return;
  slot = leash_shard_lock_open (tag, &shard);
  if (slot != NULL)
    {
      char *old = slot->name;

      slot->name = g_steal_pointer (&other);
      other = old;
      leash_shard_unlock (shard);
    }
  leash_tag_leave (self);
}

/* With the shard's locks held. Returns what the handle was open as until now, or NULL. */
static LeashTag *
change_key (LeashShard *shard, LeashSlot *slot, guintptr key)
{
  if ((slot->flags & LEASH_SLOT_KEYED) != 0)
    leash_keys_remove (shard->tracker->keys, slot);
  slot->flags &= ~LEASH_SLOT_KEYED;
  slot->at.key = 0;
  if (key == 0)
    return NULL;
  slot->flags |= LEASH_SLOT_KEYED;
  slot->at.key = ~key;
  return leash_keys_insert (shard->tracker->keys, slot, slot->kind, key);
}

/**
 * leash_tag_set_pointer_at:
 * @tag: what leash_track() returned
 * @pointer: (nullable): the resource's handle from now on, %NULL for none
 *
 * What the macro leash_tag_set_pointer() calls. Does nothing to what is released already, nor to an object
 * that is watched. Another resource of that kind which was open by @pointer is taken off the list, as by
 * leash_track_pointer_at().
 *
 * Since: 0.1
 */
void
leash_tag_set_pointer_at (LeashTag *tag, gconstpointer pointer)
{
  LeashTag *before = NULL;
  LeashStackId stack = 0;
  LeashThread *self;
  LeashShard *shard;
  LeashSlot *slot;

  g_return_if_fail (tag != NULL);

  self = leash_tag_enter ();
  if (self == NULL)
    return;
  leash_tracker_use_handles ();
  slot = leash_shard_lock_open (tag, &shard);
  if (slot != NULL)
    {
      stack = slot->stack;
      if ((slot->flags & LEASH_SLOT_WATCHED) == 0)
        before = change_key (shard, slot, (guintptr) pointer);
      leash_shard_unlock (shard);
    }
  if (before != NULL)
    leash_tag_replaced (before, stack);
  leash_tag_leave (self);
}

void
leash_tag_add_stray (void)
{
  __atomic_fetch_add (&n_stray, 1, __ATOMIC_RELAXED);
}
