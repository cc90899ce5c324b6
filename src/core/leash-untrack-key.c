/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Closing and finding by handle. The handle is looked up in the context's tracker, then in those it is nested
 * in: a resource that was opened for a server may be closed while a request is served. Then in those that are
 * nested in it: what a request left open the server may close. Only when it is in none of them are all
 * trackers of the process searched, to tell a wrong tracker from a handle that nobody tracks.
 */
#include "leash-tag-private.h"

#include "leash-capture-private.h"
#include "leash-intern-private.h"

typedef struct
{
  const char *kind;
  guintptr key;
  gconstpointer caller;
  const LeashSite *site; /* may be NULL */
} Closing;

static LeashTag *
find_in (GPtrArray *list, guint16 kind, guintptr key)
{
  LeashTag *tag = NULL;

  for (guint i = 0; i < list->len && tag == NULL; i++)
    tag = leash_keys_find (((LeashTracker *) g_ptr_array_index (list, i))->keys, kind, key);
  return tag;
}

/* In the tracker, those above it, and those below it. */
static LeashTag *
find_related (LeashTracker *tracker, guint16 kind, guintptr key)
{
  LeashTag *tag = leash_keys_find (tracker->keys, kind, key);

  if (tag == NULL && tracker->parent != NULL)
    tag = leash_tracker_find_above (tracker, kind, key);
  if (LEASH_UNLIKELY (tag == NULL))
    {
      g_autoptr (GPtrArray) below = leash_tracker_list (tracker);

      tag = find_in (below, kind, key);
    }
  return tag;
}

static LeashTag *
find_anywhere (guint16 kind, guintptr key)
{
  g_autoptr (GPtrArray) all = leash_tracker_list_all ();

  return find_in (all, kind, key);
}

static void
record (LeashTracker *tracker, const Closing *closing, LeashTag *elsewhere)
{
  g_auto (LeashTold) told = { 0 };
  LeashMisuse misuse = {
    .type = elsewhere != NULL ? LEASH_MISUSE_WRONG_TRACKER : LEASH_MISUSE_NOT_TRACKED,
    .kind = closing->kind,
    .stack
    = leash_capture (closing->caller, closing->site, __atomic_load_n (&tracker->depth, __ATOMIC_RELAXED)),
  };

  if (elsewhere != NULL && leash_told_fill (&told, elsewhere))
    {
      misuse.name = told.resource.name;
      misuse.opened_stack = told.resource.stack;
    }
  leash_tracker_add_misuse (tracker, &misuse);
}

static void
untrack_key (LeashContext *ctx, const Closing *closing)
{
  LeashTracker *tracker = ctx->tracker;
  LeashThread *self;
  LeashTag *tag;
  guint16 kind;

  if (tracker == NULL)
    return;
  self = leash_tag_enter ();
  if (self == NULL)
    return;
  kind = leash_thread_kind (self, closing->kind);
  tag = find_related (tracker, kind, closing->key);
  if (LEASH_UNLIKELY (tag == NULL))
    {
      tag = find_anywhere (kind, closing->key);
      if (tag != NULL || !__atomic_load_n (&tracker->was_off, __ATOMIC_RELAXED))
        record (tracker, closing, tag);
    }
  leash_tag_leave (self);
  if (tag != NULL)
    leash_untrack_caller_at (tag, closing->caller);
}

/**
 * leash_find_pointer_at:
 * @ctx: a context
 * @kind: what the resource is
 * @pointer: the resource's handle, not %NULL
 *
 * What the macro leash_find_pointer() calls.
 *
 * Returns: (transfer none) (nullable): the tag, %NULL when no such resource is open
 *
 * Since: 0.1
 */
LeashTag *
leash_find_pointer_at (LeashContext *ctx, const char *kind, gconstpointer pointer)
{
  LeashThread *self;
  LeashTag *tag;

  g_return_val_if_fail (ctx != NULL, NULL);
  g_return_val_if_fail (kind != NULL, NULL);
  g_return_val_if_fail (pointer != NULL, NULL);

  if (ctx->tracker == NULL)
    return NULL;
  self = leash_tag_enter ();
  if (self == NULL)
    return NULL;
  tag = find_related (ctx->tracker, leash_thread_kind (self, kind), (guintptr) pointer);
  leash_tag_leave (self);
  return tag;
}

/**
 * leash_untrack_pointer_at:
 * @ctx: a context
 * @kind: what the resource is
 * @pointer: the resource's handle, not %NULL
 * @site: (nullable): where the call stands
 *
 * What the macro leash_untrack_pointer() calls.
 *
 * Since: 0.1
 */
void
leash_untrack_pointer_at (LeashContext *ctx, const char *kind, gconstpointer pointer, const LeashSite *site)
{
  g_return_if_fail (ctx != NULL);
  g_return_if_fail (kind != NULL);
  g_return_if_fail (pointer != NULL);

  untrack_key (ctx, &(Closing){ kind, (guintptr) pointer, LEASH_CALLER, site });
}

/**
 * leash_untrack_fd_at:
 * @ctx: a context
 * @kind: what the resource is
 * @fd: a file descriptor, 0 or more
 * @site: (nullable): where the call stands
 *
 * What the macro leash_untrack_fd() calls.
 *
 * Since: 0.1
 */
void
leash_untrack_fd_at (LeashContext *ctx, const char *kind, int fd, const LeashSite *site)
{
  g_return_if_fail (ctx != NULL);
  g_return_if_fail (kind != NULL);
  g_return_if_fail (fd >= 0);

  untrack_key (ctx, &(Closing){ kind, (guintptr) fd, LEASH_CALLER, site });
}
