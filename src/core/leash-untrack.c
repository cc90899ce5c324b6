/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Closing, handing on, and what goes wrong with either. A release that finds its slot in any other state than
 * open was preceded by another; the slot tells by whom as long as it is in quarantine.
 *
 * A parent that is closed before its children stays recognisable until the last of them is closed, which then
 * records both stacks. Nothing is recorded when the parent is closed: the children may be closed with it.
 */
#include "leash-tag-private.h"

#include "leash-capture-private.h"
#include "leash-extra-private.h"
#include "leash-intern-private.h"

/* Where a release happens. */
typedef struct
{
  gconstpointer caller;
  const LeashSite *site; /* may be NULL */
  gboolean if_open;      /* what is not open is no misuse */
} Place;

/* Where a slot was closed, as it is known while its shard's lock is held: the stack, or one address, or
 * neither. */
typedef struct
{
  LeashStackId stack;
  guintptr pc;
} Closed;

/* What is to be done about a release once its shard's lock is let go. */
typedef struct
{
  LeashTracker *tracker; /* referenced where something is to be recorded, else NULL */
  LeashTag *parent;      /* to detach from */
  LeashTag *uncounted;   /* closed, and counted as open until its misuse is recorded; NULL for none */
  LeashHistory *history; /* to free */
  LeashTracker *overdue; /* referenced: where to remember that it returned; NULL for what was not overdue */
  LeashReturned returned;
  LeashMisuse misuse; /* its kind is NULL where there is none */
  Closed closed;      /* becomes the misuse's closed_stack */
  char *name;         /* the misuse's */
} Aftermath;

static LeashStackId
capture (LeashTracker *tracker, const Place *place)
{
  return leash_capture (place->caller, place->site, __atomic_load_n (&tracker->depth, __ATOMIC_RELAXED));
}

/* With the shard's locks held. */
static Closed
get_closed (const LeashSlot *slot)
{
  if (slot->state == LEASH_SLOT_OPEN)
    return (Closed){ 0 };
  if ((slot->flags & LEASH_SLOT_CLOSE_STACK) != 0)
    return (Closed){ .stack = slot->at.stack };
  return (Closed){ .pc = slot->at.pc };
}

/* With no lock held: storing a stack may wait for the loader's lock, whose holder may be waiting for a
 * shard's. */
static LeashStackId
get_closed_stack (Closed closed)
{
  return closed.pc != 0 ? leash_capture_place ((gconstpointer) closed.pc, NULL) : closed.stack;
}

/* Also when the slot was freed since, and knows the new one no more. */
static gboolean
has_moved (const LeashSlot *slot)
{
  return slot->state != LEASH_SLOT_OPEN && (slot->flags & LEASH_SLOT_ADOPTED) != 0
         && (slot->flags & LEASH_SLOT_CLOSE_STACK) != 0 && slot->at.stack == slot->extra->adopter_stack;
}

/* With the shard's locks held. Nothing is recorded in a tracker that another thread is about to free: then it
 * returns FALSE. */
static gboolean
describe_misuse (Aftermath *aftermath, LeashShard *shard, const LeashSlot *slot, LeashMisuseType type)
{
  if (!leash_tracker_try_ref (shard->tracker))
    return FALSE;
  aftermath->tracker = shard->tracker;
  aftermath->name = g_strdup (slot->name);
  aftermath->misuse = (LeashMisuse){
    .type = type,
    .what = has_moved (slot) ? "by the tag that it had before it was adopted" : NULL,
    .kind = leash_intern_get (slot->kind),
    .name = aftermath->name,
    .opened_stack = slot->stack,
  };
  aftermath->closed = get_closed (slot);
  return TRUE;
}

/*
 * With the shard's locks held: the tag's slot has been taken again. Where the slab had another tracker
 * before, the tag may be from that one's time, and is nobody's business any more.
 */
static void
describe_forgotten (Aftermath *aftermath, LeashShard *shard, LeashTag *tag, LeashMisuseType type)
{
  if (leash_tag_get_slab (tag)->is_reused || !leash_tracker_try_ref (shard->tracker))
    {
      leash_tag_add_stray ();
      return;
    }
  aftermath->tracker = shard->tracker;
  aftermath->misuse = (LeashMisuse){ .type = type, .kind = "(forgotten)" };
}

/* With the shard's locks held: the tag was used as if its resource were open. */
static void
describe_second (Aftermath *aftermath, LeashShard *shard, const LeashSlot *slot, LeashTag *tag,
                 LeashMisuseType type)
{
  if (!leash_slot_is_tags (slot, tag))
    describe_forgotten (aftermath, shard, tag, type);
  else if (!describe_misuse (aftermath, shard, slot, type))
    leash_tag_add_stray ();
}

/* What is held as if by one more child, so that it is still there. */
static void
count_out (LeashTag *tag)
{
  LeashShard *shard;
  LeashSlot *slot = leash_shard_lock_tag (tag, &shard);

  slot->children--;
  leash_shard_close_slot (shard, slot);
  leash_shard_unlock (shard);
}

static void
finish (Aftermath *aftermath, const Place *place)
{
  leash_history_free (aftermath->history);
  if (aftermath->overdue != NULL)
    {
      leash_age_add_returned (aftermath->overdue, &aftermath->returned);
      leash_tracker_unref (aftermath->overdue);
    }
  if (aftermath->parent != NULL)
    leash_parent_detach (aftermath->parent);
  if (aftermath->misuse.kind != NULL)
    {
      /* Who has no place to give has given the stack. */
      g_assert (place != NULL || aftermath->misuse.stack != 0);
      if (aftermath->misuse.stack == 0)
        aftermath->misuse.stack = capture (aftermath->tracker, place);
      if (aftermath->misuse.closed_stack == 0)
        aftermath->misuse.closed_stack = get_closed_stack (aftermath->closed);
      leash_tracker_add_misuse (aftermath->tracker, &aftermath->misuse);
    }
  if (aftermath->uncounted != NULL)
    count_out (aftermath->uncounted);
  g_free (aftermath->name);
  g_clear_pointer (&aftermath->tracker, leash_tracker_unref);
}

/* Where the parent of a slot was opened and, if it is closed, closed. No shard's locks may be held. */
gboolean
leash_parent_is_closed (LeashTag *parent, LeashStackId *ret_opened, LeashStackId *ret_closed)
{
  gboolean is_closed = FALSE;

  while (parent != NULL)
    {
      LeashShard *shard;
      LeashSlot *slot = leash_shard_lock_tag (parent, &shard);
      LeashTag *next = NULL;
      Closed closed = { 0 };

      if (slot == NULL)
        return FALSE;
      if (leash_slot_is_tags (slot, parent))
        {
          /* NULL while it is on its way: open. */
          next = slot->state == LEASH_SLOT_MOVED ? slot->extra->parent : NULL;
          is_closed = slot->state == LEASH_SLOT_RELEASED;
          *ret_opened = slot->stack;
          closed = get_closed (slot);
        }
      leash_shard_unlock (shard);
      *ret_closed = get_closed_stack (closed);
      parent = next;
    }
  return is_closed;
}

static inline void
release_open_slot (LeashShard *shard, LeashSlot *slot, const Place *place, LeashStackId close_stack)
{
  if ((slot->flags & LEASH_SLOT_KEYED) != 0)
    leash_keys_remove (shard->tracker->keys, slot);
  slot->state = LEASH_SLOT_RELEASED;
  if (close_stack != 0)
    {
      slot->flags |= LEASH_SLOT_CLOSE_STACK;
      slot->at.stack = close_stack;
    }
  else
    slot->at.pc = (guintptr) place->caller;
}

/* With the shard's locks held: what an open slot had that few have. */
static void
take_rest (Aftermath *aftermath, LeashShard *shard, LeashSlot *slot)
{
  if (slot->extra != NULL)
    {
      aftermath->parent = slot->extra->parent;
      aftermath->history = g_steal_pointer (&slot->extra->history);
    }
  if ((slot->flags & LEASH_SLOT_OVERDUE) != 0 && leash_tracker_try_ref (shard->tracker))
    {
      aftermath->overdue = shard->tracker;
      aftermath->returned = leash_slot_get_returned (shard->tracker, slot);
    }
}

/* With the shard's locks held: of a parent in it that is open, as most are, there is nothing left to look at.
 */
static gboolean
leave_open_parent (LeashShard *shard, LeashTag *parent)
{
  LeashSlot *slot = leash_tag_get_slot (parent);

  if (__atomic_load_n (&leash_tag_get_slab (parent)->shard, __ATOMIC_RELAXED) != shard
      || !leash_slot_is_tags (slot, parent) || slot->state != LEASH_SLOT_OPEN || slot->children == 0)
    return FALSE;
  slot->children--;
  return TRUE;
}

/* With the shard's locks held; says in aftermath what is left to do without it. Returns FALSE for what is not
 * open.
 */
static gboolean
release_slot (LeashShard *shard, LeashSlot *slot, LeashTag *tag, const Place *place, LeashStackId close_stack,
              Aftermath *aftermath, gboolean *ret_has_children)
{
  if (LEASH_UNLIKELY (!leash_slot_is_tags (slot, tag) || slot->state != LEASH_SLOT_OPEN))
    {
      if (!place->if_open)
        describe_second (aftermath, shard, slot, tag, LEASH_MISUSE_DOUBLE_RELEASE);
      return FALSE;
    }
  take_rest (aftermath, shard, slot);
  if (aftermath->parent != NULL && leave_open_parent (shard, aftermath->parent))
    aftermath->parent = NULL;
  if (aftermath->parent != NULL && describe_misuse (aftermath, shard, slot, LEASH_MISUSE_CLOSED_AFTER_PARENT))
    aftermath->uncounted = tag;
  release_open_slot (shard, slot, place, close_stack);
  *ret_has_children = slot->children > 0;
  /* Who sees that nothing is open any more sees the misuse, too. */
  if (aftermath->uncounted != NULL)
    slot->children++;
  else
    leash_shard_close_slot (shard, slot);
  return TRUE;
}

/* Keeps the misuse that release_slot() prepared for a child only if its parent is closed. */
static void
look_at_parent (Aftermath *aftermath)
{
  if (!leash_parent_is_closed (aftermath->parent, &aftermath->misuse.parent_stack,
                               &aftermath->misuse.closed_stack))
    aftermath->misuse.kind = NULL;
}

/* Before any lock is taken. The shard's memory never goes, and says what its tracker wants. */
static LeashStackId
take_close_stack (LeashTag *tag, const Place *place)
{
  LeashShard *shard = __atomic_load_n (&leash_tag_get_slab (tag)->shard, __ATOMIC_ACQUIRE);
  guint depth = shard != NULL ? __atomic_load_n (&shard->release_depth, __ATOMIC_RELAXED) : 0;

  return depth > 0 ? leash_capture (place->caller, place->site, depth) : 0;
}

/* For a parent that was closed before its children: whoever is told of that wants the whole stack. */
static void
add_close_stack (LeashTag *tag, const Place *place)
{
  LeashStackId stack = leash_capture (place->caller, place->site, LEASH_MISUSE_DEPTH);
  LeashShard *shard;
  LeashSlot *slot = leash_shard_lock_tag (tag, &shard);

  if (slot == NULL)
    return;
  if (leash_slot_is_tags (slot, tag) && slot->state == LEASH_SLOT_RELEASED)
    {
      slot->flags |= LEASH_SLOT_CLOSE_STACK;
      slot->at.stack = stack;
    }
  leash_shard_unlock (shard);
}

/* With the shard's locks held: a reference to its tracker, if anybody listens. Before the last release, after
 * which the tracker may go. */
static LeashTracker *
ref_heard_tracker (LeashShard *shard)
{
  return leash_tracker_has_listeners (shard->tracker) && leash_tracker_try_ref (shard->tracker)
             ? shard->tracker
             : NULL;
}

static void
emit_closed (LeashTracker *tracker, const LeashTold *told)
{
  if ((told->resource.flags & LEASH_RESOURCE_OVERDUE) != 0)
    leash_tracker_emit (tracker, LEASH_EVENT_RETURNED, &told->resource, NULL);
  leash_tracker_emit (tracker, LEASH_EVENT_CLOSED, &told->resource, NULL);
}

/* What is not plain: a child, a parent, one that was adopted, has a history or is overdue, a tag that is not
 * open, a tracker that somebody listens to. */
G_NO_INLINE static void
untrack_with_care (LeashTag *tag, gconstpointer caller, const LeashSite *site, gboolean if_open,
                   LeashThread *self)
{
  const Place *place = &(Place){ .caller = caller, .site = site, .if_open = if_open };
  LeashStackId close_stack = take_close_stack (tag, place);
  Aftermath aftermath = { 0 };
  LeashShard *shard;
  LeashSlot *slot = leash_shard_lock_tag (tag, &shard);
  gboolean released = FALSE, has_children = FALSE;
  LeashTracker *heard = NULL;
  g_auto (LeashTold) told = { 0 };

  if (slot != NULL)
    {
      heard = ref_heard_tracker (shard);
      released = release_slot (shard, slot, tag, place, close_stack, &aftermath, &has_children);
      if (released && heard != NULL)
        leash_told_fill_from (&told, heard, slot);
      leash_shard_unlock (shard);
    }
  else if (!place->if_open)
    leash_tag_add_stray ();
  if (has_children && close_stack == 0)
    add_close_stack (tag, place);
  if (aftermath.tracker != NULL || aftermath.parent != NULL || aftermath.history != NULL
      || aftermath.overdue != NULL)
    {
      if (aftermath.parent != NULL)
        look_at_parent (&aftermath);
      aftermath.misuse.stack = close_stack;
      finish (&aftermath, place);
    }
  leash_tag_leave (self);
  if (released && heard != NULL)
    emit_closed (heard, &told);
  g_clear_pointer (&heard, leash_tracker_unref);
}

/*
 * With the lock for closing held: open, nothing is known of it but its place, and nobody wants to know. One
 * that is not the tag's any more may be being filled at this moment.
 */
static inline gboolean
is_plain (const LeashShard *shard, const LeashSlot *slot, const LeashTag *tag)
{
  return leash_tag_is_plain_life (tag, __atomic_load_n (&slot->life, __ATOMIC_ACQUIRE)) && slot->extra == NULL
         && !leash_tracker_has_listeners (shard->tracker);
}

/* What release_open_slot() does, as far as there is anything to do. */
static inline void
release_plain_slot (LeashShard *shard, LeashSlot *slot, gconstpointer caller)
{
  slot->state = LEASH_SLOT_RELEASED;
  slot->at.pc = (guintptr) caller;
  leash_shard_free_slot (shard, slot);
}

G_ALWAYS_INLINE static inline void
untrack (LeashTag *tag, const Place *place)
{
  LeashThread *self = leash_tag_enter_as (&leash_thread_self); /* which one it is does not matter */
  LeashSlab *slab = leash_tag_get_slab (tag);
  LeashSlot *slot = leash_tag_get_slot (tag);
  LeashShard *shard;

  if (LEASH_UNLIKELY (self == NULL))
    return;
  shard = __atomic_load_n (&slab->shard, __ATOMIC_ACQUIRE);
  if (LEASH_LIKELY (shard != NULL && __atomic_load_n (&shard->release_depth, __ATOMIC_RELAXED) == 0
                    && leash_short_trylock (&shard->close_lock)))
    {
      if (LEASH_LIKELY (__atomic_load_n (&slab->shard, __ATOMIC_RELAXED) == shard
                        && is_plain (shard, slot, tag)))
        {
          release_plain_slot (shard, slot, place->caller);
          leash_short_unlock (&shard->close_lock);
          leash_tag_leave (self);
          return;
        }
      leash_short_unlock (&shard->close_lock);
    }
  untrack_with_care (tag, place->caller, place->site, place->if_open, self);
}

/**
 * leash_untrack_at:
 * @tag: what leash_track() returned
 * @site: (nullable): where the call stands
 *
 * What the macro leash_untrack() calls.
 *
 * A tag is valid memory for ever, so that any tag may be given at any time. What is no tag is not recognised:
 * the memory around it is read as if it were one.
 *
 * Since: 0.1
 */
void
leash_untrack_at (LeashTag *tag, const LeashSite *site)
{
  g_return_if_fail (tag != NULL);

  untrack (tag, &(Place){ .caller = LEASH_CALLER, .site = site });
}

/**
 * leash_untrack_caller_at:
 * @tag: what leash_track() returned
 * @caller: where the stack begins: %LEASH_CALLER of a function that is still running
 *
 * What the macro leash_untrack_caller() calls.
 *
 * Since: 0.1
 */
void
leash_untrack_caller_at (LeashTag *tag, gconstpointer caller)
{
  g_return_if_fail (tag != NULL);
  g_return_if_fail (caller != NULL);

  untrack (tag, &(Place){ .caller = caller });
}

void
leash_untrack_if_open (LeashTag *tag, gconstpointer caller)
{
  untrack (tag, &(Place){ .caller = caller, .if_open = TRUE });
}

void
leash_tag_replaced (LeashTag *tag, LeashStackId stack)
{
  Aftermath aftermath = { 0 };
  LeashShard *shard;
  LeashSlot *slot = leash_shard_lock_tag (tag, &shard);
  LeashTracker *heard = NULL;
  g_auto (LeashTold) told = { 0 };

  if (slot == NULL)
    return;
  if (leash_slot_is_tags (slot, tag) && slot->state == LEASH_SLOT_OPEN)
    {
      heard = ref_heard_tracker (shard);
      describe_misuse (&aftermath, shard, slot, LEASH_MISUSE_KEY_REUSED);
      aftermath.misuse.stack = stack;
      take_rest (&aftermath, shard, slot);
      release_open_slot (shard, slot, &(Place){ 0 }, stack);
      leash_shard_close_slot (shard, slot);
      if (heard != NULL)
        leash_told_fill_from (&told, heard, slot);
    }
  leash_shard_unlock (shard);
  finish (&aftermath, NULL);
  if (heard != NULL)
    emit_closed (heard, &told);
  g_clear_pointer (&heard, leash_tracker_unref);
}

void
leash_tag_record_use (LeashTag *tag, const char *what, LeashStackId stack)
{
  Aftermath aftermath = { 0 };
  LeashShard *shard;
  LeashSlot *slot = leash_shard_lock_tag (tag, &shard);

  if (slot == NULL)
    {
      leash_tag_add_stray ();
      return;
    }
  describe_second (&aftermath, shard, slot, tag, LEASH_MISUSE_USE_AFTER_CLOSE);
  leash_shard_unlock (shard);
  aftermath.misuse.what = what;
  aftermath.misuse.stack = stack;
  finish (&aftermath, NULL);
}

/**
 * leash_tag_misused_at:
 * @tag: the tag of a resource
 * @what: what was attempted: "read after close"
 * @caller: where the stack begins: %LEASH_CALLER of a function that is still running
 *
 * What the macro leash_tag_misused() calls.
 *
 * Since: 0.1
 */
void
leash_tag_misused_at (LeashTag *tag, const char *what, gconstpointer caller)
{
  LeashThread *self;

  g_return_if_fail (tag != NULL);
  g_return_if_fail (what != NULL);
  g_return_if_fail (caller != NULL);

  self = leash_tag_enter ();
  if (self == NULL)
    return;
  leash_tag_record_use (tag, what, leash_capture (caller, NULL, LEASH_MISUSE_DEPTH));
  leash_tag_leave (self);
}
