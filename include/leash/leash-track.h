/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Tracking calls. This header is the one place that holds the compile-out switch: with LEASH_DISABLE defined
 * before it is included, every call below has the same type, evaluates nothing and leaves no instruction.
 *
 * Each macro captures what a function cannot, the place it stands at, and calls the function of the same
 * name with `_at` behind it.
 */
#pragma once

#include <leash/leash-context.h>

G_BEGIN_DECLS

/**
 * LeashSite:
 * @file: the source file
 * @line: the line, from 1
 * @function: the function's name
 *
 * A place in source code: what a report shows where no stack could be taken. The strings are copied when
 * they are first needed, so that a site may lie in a module that is unloaded later.
 */
typedef struct
{
  const char *file;
  guint line;
  const char *function;
} LeashSite;

LEASH_AVAILABLE_IN_0_1
LeashTag *leash_track_at           (LeashContext    *ctx,
                                    const char      *kind,
                                    const char      *name,
                                    const LeashSite *site);
LEASH_AVAILABLE_IN_0_1
LeashTag *leash_track_child_at     (LeashContext    *ctx,
                                    LeashTag        *parent,
                                    const char      *kind,
                                    const char      *name,
                                    const LeashSite *site);
LEASH_AVAILABLE_IN_0_1
LeashTag *leash_track_caller_at    (LeashContext    *ctx,
                                    LeashTag        *parent,
                                    const char      *kind,
                                    const char      *name,
                                    gconstpointer    caller);
LEASH_AVAILABLE_IN_0_1
LeashTag *leash_track_pointer_at   (LeashContext    *ctx,
                                    const char      *kind,
                                    gconstpointer    pointer,
                                    const char      *name,
                                    const LeashSite *site);
LEASH_AVAILABLE_IN_0_1
LeashTag *leash_track_fd_at        (LeashContext    *ctx,
                                    const char      *kind,
                                    int              fd,
                                    const char      *name,
                                    const LeashSite *site);
LEASH_AVAILABLE_IN_0_1
LeashTag *leash_watch_object_at    (LeashContext    *ctx,
                                    GObject         *object,
                                    const char      *kind,
                                    const LeashSite *site);
LEASH_AVAILABLE_IN_0_1
void      leash_untrack_at         (LeashTag        *tag,
                                    const LeashSite *site);
LEASH_AVAILABLE_IN_0_1
void      leash_untrack_caller_at  (LeashTag        *tag,
                                    gconstpointer    caller);
LEASH_AVAILABLE_IN_0_1
void      leash_untrack_pointer_at (LeashContext    *ctx,
                                    const char      *kind,
                                    gconstpointer    pointer,
                                    const LeashSite *site);
LEASH_AVAILABLE_IN_0_1
void      leash_untrack_fd_at      (LeashContext    *ctx,
                                    const char      *kind,
                                    int              fd,
                                    const LeashSite *site);
LEASH_AVAILABLE_IN_0_1
LeashTag *leash_find_pointer_at    (LeashContext    *ctx,
                                    const char      *kind,
                                    gconstpointer    pointer);
LEASH_AVAILABLE_IN_0_1
LeashTag *leash_tag_adopt_at       (LeashTag        *tag,
                                    LeashContext    *ctx,
                                    const LeashSite *site);
LEASH_AVAILABLE_IN_0_1
void      leash_tag_keep_open_at   (LeashTag        *tag);
LEASH_AVAILABLE_IN_0_1
void      leash_tag_set_name_at    (LeashTag        *tag,
                                    const char      *name);
LEASH_AVAILABLE_IN_0_1
void      leash_tag_set_pointer_at (LeashTag        *tag,
                                    gconstpointer    pointer);
LEASH_AVAILABLE_IN_0_1
void      leash_tag_touch_at       (LeashTag        *tag,
                                    const char      *what,
                                    const LeashSite *site);
LEASH_AVAILABLE_IN_0_1
void      leash_tag_touch_caller_at (LeashTag       *tag,
                                    const char      *what,
                                    gconstpointer    caller);
LEASH_AVAILABLE_IN_0_1
void      leash_tag_misused_at     (LeashTag        *tag,
                                    const char      *what,
                                    gconstpointer    caller);

/**
 * LEASH_CALLER:
 *
 * The address that the function this stands in returns to: what a wrapper hands to leash_track_caller(), so
 * that stacks begin at whoever called the wrapper.
 */
#define LEASH_CALLER                                                                                         \
  ((gconstpointer) __builtin_extract_return_addr (__builtin_return_address (0)))

#ifndef LEASH_DISABLE

#define LEASH_SITE                                                                                           \
  (__extension__ ({                                                                                          \
    static const LeashSite leash_site_ = { __FILE__, __LINE__, __func__ };                                   \
    &leash_site_;                                                                                            \
  }))

/* G_UNLIKELY() declares a variable, which would shadow that of a g_assert() around the call. */
#define LEASH_UNLIKELY_(condition) (__builtin_expect ((condition), 0))

/* Code that is not optimised looks for a NULL context and lets the function complain; optimised code does so
 * only where the compiler sees the NULL. */
#ifdef __OPTIMIZE__
#define LEASH_IS_NULL_(ctx) (__builtin_constant_p ((ctx) == NULL) && (ctx) == NULL)
#else
#define LEASH_IS_NULL_(ctx) ((ctx) == NULL)
#endif

/* One load, one compare. */
#define LEASH_HAS_TRACKER_(ctx) (LEASH_IS_NULL_ (ctx) || LEASH_UNLIKELY_ ((ctx)->tracker != NULL))

/* Where there is a tracker, one more of each. It begins with two numbers for this: its level, of which off is
 * 0, and whether a release by a handle may find anything, as it may when the tracker was not always off. */
#define LEASH_GET_NUMBER_(ctx, which)                                                                        \
  (__atomic_load_n ((const guint *) (ctx)->tracker + (which), __ATOMIC_RELAXED))
#define LEASH_IS_ON_(ctx, which)                                                                             \
  (LEASH_IS_NULL_ (ctx) || LEASH_UNLIKELY_ (LEASH_GET_NUMBER_ (ctx, which) != 0))

/* Whether what is opened through @ctx is tracked. */
#define LEASH_IS_TRACKED(ctx) (LEASH_HAS_TRACKER_ (ctx) && LEASH_IS_ON_ (ctx, 0))

#define LEASH_TRACKED_CALL_(ctx, call)                                                                       \
  (__extension__ ({                                                                                          \
    LeashContext *leash_ctx_ = (ctx);                                                                        \
    LEASH_IS_TRACKED (leash_ctx_) ? (call) : NULL;                                                           \
  }))

#define LEASH_CLOSING_CALL_(ctx, call)                                                                       \
  (__extension__ ({                                                                                          \
    LeashContext *leash_ctx_ = (ctx);                                                                        \
    if (LEASH_HAS_TRACKER_ (leash_ctx_) && LEASH_IS_ON_ (leash_ctx_, 1))                                     \
      call;                                                                                                  \
  }))

#define LEASH_TAGGED_CALL_(tag, call)                                                                        \
  (__extension__ ({                                                                                          \
    LeashTag *leash_tag_ = (tag);                                                                            \
    if (LEASH_UNLIKELY_ (leash_tag_ != NULL))                                                                \
      call;                                                                                                  \
  }))

/* One more of each again: behind the two numbers stands who makes calls fail, NULL while no sweep goes on. */
#define LEASH_HAS_FAULTS_(ctx)                                                                               \
  (LEASH_IS_NULL_ (ctx)                                                                                      \
   || LEASH_UNLIKELY_ (__atomic_load_n ((const gpointer *) (const void *) ((const guint *) (ctx)->tracker    \
                                                                           + 2),                             \
                                        __ATOMIC_RELAXED)                                                    \
                       != NULL))

#define LEASH_FAULT_CALL_(ctx, call)                                                                         \
  (__extension__ ({                                                                                          \
    LeashContext *leash_ctx_ = (ctx);                                                                        \
    !LEASH_HAS_TRACKER_ (leash_ctx_) || !LEASH_HAS_FAULTS_ (leash_ctx_) || (call);                           \
  }))

#else /* LEASH_DISABLE */

#define LEASH_SITE ((const LeashSite *) NULL)
#define LEASH_IS_TRACKED(ctx) (0)

/* Typed, never evaluated, and nothing is left unused by it: a branch that compilers drop at any level. */
#define LEASH_TRACKED_CALL_(ctx, call)                                                                       \
  (__extension__ ({                                                                                          \
    if (0)                                                                                                   \
      {                                                                                                      \
        LeashContext *leash_ctx_ = (ctx);                                                                    \
        (void) (call);                                                                                       \
      }                                                                                                      \
    (LeashTag *) NULL;                                                                                       \
  }))

#define LEASH_CLOSING_CALL_(ctx, call) ((void) LEASH_TRACKED_CALL_ (ctx, (call, (LeashTag *) NULL)))

#define LEASH_TAGGED_CALL_(tag, call)                                                                        \
  (__extension__ ({                                                                                          \
    if (0)                                                                                                   \
      {                                                                                                      \
        LeashTag *leash_tag_ = (tag);                                                                        \
        call;                                                                                                \
      }                                                                                                      \
  }))

#define LEASH_FAULT_CALL_(ctx, call)                                                                         \
  (__extension__ ({                                                                                          \
    if (0)                                                                                                   \
      {                                                                                                      \
        LeashContext *leash_ctx_ = (ctx);                                                                    \
        (void) (call);                                                                                       \
      }                                                                                                      \
    TRUE;                                                                                                    \
  }))

#endif /* LEASH_DISABLE */

/**
 * leash_track:
 * @ctx: a context
 * @kind: what the resource is: "sqlite3_stmt"
 * @name: (nullable): which one it is: its path, address or text
 *
 * Puts a resource on the leash of @ctx's tracker until leash_untrack(). Costs one load and one branch when
 * @ctx has no tracker, one more of each when that is off, and nothing with `LEASH_DISABLE`. @kind and @name
 * are evaluated only when the resource is tracked.
 *
 * Returns: (transfer none) (nullable): the tag, %NULL when nothing tracks
 */
#define leash_track(ctx, kind, name)                                                                         \
  LEASH_TRACKED_CALL_ (ctx, leash_track_at (leash_ctx_, kind, name, LEASH_SITE))

/**
 * leash_track_child:
 * @ctx: a context
 * @parent: (nullable): the tag of what the resource was opened from
 * @kind: what the resource is
 * @name: (nullable): which one it is
 *
 * As leash_track(), for what must be closed before @parent is: a statement before its connection.
 *
 * Returns: (transfer none) (nullable): the tag, %NULL when nothing tracks
 */
#define leash_track_child(ctx, parent, kind, name)                                                           \
  LEASH_TRACKED_CALL_ (ctx, leash_track_child_at (leash_ctx_, parent, kind, name, LEASH_SITE))

/**
 * leash_track_caller:
 * @ctx: a context
 * @parent: (nullable): the tag of what the resource was opened from
 * @kind: what the resource is
 * @name: (nullable): which one it is
 * @caller: %LEASH_CALLER of the outermost function that does not count
 *
 * As leash_track_child(), for those who write wrappers: the stack begins at the wrapper's caller.
 *
 * Returns: (transfer none) (nullable): the tag, %NULL when nothing tracks
 */
#define leash_track_caller(ctx, parent, kind, name, caller)                                                  \
  LEASH_TRACKED_CALL_ (ctx, leash_track_caller_at (leash_ctx_, parent, kind, name, caller))

/**
 * leash_track_pointer:
 * @ctx: a context
 * @kind: what the resource is
 * @pointer: the resource's handle
 * @name: (nullable): which one it is
 *
 * As leash_track(), found again by @kind and @pointer, when there is no room to keep the tag.
 *
 * Returns: (transfer none) (nullable): the tag, %NULL when nothing tracks
 */
#define leash_track_pointer(ctx, kind, pointer, name)                                                        \
  LEASH_TRACKED_CALL_ (ctx, leash_track_pointer_at (leash_ctx_, kind, pointer, name, LEASH_SITE))

/**
 * leash_track_fd:
 * @ctx: a context
 * @kind: what the resource is
 * @fd: a file descriptor, 0 or more
 * @name: (nullable): which one it is
 *
 * As leash_track_pointer(), with a descriptor for the handle.
 *
 * Returns: (transfer none) (nullable): the tag, %NULL when nothing tracks
 */
#define leash_track_fd(ctx, kind, fd, name)                                                                  \
  LEASH_TRACKED_CALL_ (ctx, leash_track_fd_at (leash_ctx_, kind, fd, name, LEASH_SITE))

/**
 * leash_watch_object:
 * @ctx: a context
 * @object: an object
 * @kind: (nullable): what the resource is, %NULL for the name of the object's type
 *
 * Tracks @object until it is finalized: nothing has to be called then.
 *
 * Returns: (transfer none) (nullable): the tag, %NULL when nothing tracks
 */
#define leash_watch_object(ctx, object, kind)                                                                \
  LEASH_TRACKED_CALL_ (ctx, leash_watch_object_at (leash_ctx_, object, kind, LEASH_SITE))

/**
 * leash_untrack:
 * @tag: (nullable): what leash_track() returned
 *
 * Takes a resource off the leash, from any thread. A second time is recorded as a misuse.
 */
#define leash_untrack(tag) LEASH_TAGGED_CALL_ (tag, leash_untrack_at (leash_tag_, LEASH_SITE))

/**
 * leash_untrack_caller:
 * @tag: (nullable): what leash_track() returned
 * @caller: %LEASH_CALLER of the outermost function that does not count
 *
 * As leash_untrack(), for those who write wrappers.
 */
#define leash_untrack_caller(tag, caller)                                                                    \
  LEASH_TAGGED_CALL_ (tag, leash_untrack_caller_at (leash_tag_, caller))

/**
 * leash_untrack_pointer:
 * @ctx: a context with the tracker that tracks the resource, or with one above or below it
 * @kind: what the resource is
 * @pointer: the resource's handle
 *
 * Takes a resource off the leash. One that is not on it is recorded as a misuse.
 */
#define leash_untrack_pointer(ctx, kind, pointer)                                                            \
  LEASH_CLOSING_CALL_ (ctx, leash_untrack_pointer_at (leash_ctx_, kind, pointer, LEASH_SITE))

/**
 * leash_untrack_fd:
 * @ctx: a context with the tracker that tracks the resource
 * @kind: what the resource is
 * @fd: a file descriptor
 *
 * Takes a descriptor off the leash. One that is not on it is recorded as a misuse.
 */
#define leash_untrack_fd(ctx, kind, fd)                                                                      \
  LEASH_CLOSING_CALL_ (ctx, leash_untrack_fd_at (leash_ctx_, kind, fd, LEASH_SITE))

/**
 * leash_find_pointer:
 * @ctx: a context with the tracker that tracks the resource, or with one above or below it
 * @kind: what the resource is
 * @pointer: the resource's handle
 *
 * The tag of a resource that was tracked by its handle: to open children from it, to hand it on, to rename it.
 *
 * Returns: (transfer none) (nullable): the tag, %NULL when no such resource is open, or nothing tracks
 */
#define leash_find_pointer(ctx, kind, pointer)                                                               \
  (__extension__ ({                                                                                          \
    LeashTag *leash_found_ = NULL;                                                                           \
    LEASH_CLOSING_CALL_ (ctx, leash_found_ = leash_find_pointer_at (leash_ctx_, kind, pointer));             \
    leash_found_;                                                                                            \
  }))

/**
 * leash_tag_adopt:
 * @tag: (nullable): what leash_track() returned
 * @ctx: the context of the new owner
 *
 * Hands a resource on, to another thread or another tracker. Reports then show who opened it and who adopted
 * it. The tag that was given is not valid any more when the tracker differs: use the one that is returned.
 *
 * Returns: (transfer none) (nullable): the tag to use from now on
 */
#define leash_tag_adopt(tag, ctx)                                                                            \
  (__extension__ ({                                                                                          \
    LeashTag *leash_adopted_ = NULL;                                                                         \
    LEASH_TAGGED_CALL_ (tag, leash_adopted_ = leash_tag_adopt_at (leash_tag_, ctx, LEASH_SITE));             \
    leash_adopted_;                                                                                          \
  }))

/**
 * leash_tag_keep_open:
 * @tag: (nullable): what leash_track() returned
 *
 * Marks a resource as meant to stay open for the life of the process: it is listed apart, and is no leak.
 */
#define leash_tag_keep_open(tag) LEASH_TAGGED_CALL_ (tag, leash_tag_keep_open_at (leash_tag_))

/**
 * leash_tag_set_name:
 * @tag: (nullable): what leash_track() returned
 * @name: (nullable): which one it is
 *
 * Changes a resource's name, for what is only known later.
 */
#define leash_tag_set_name(tag, name) LEASH_TAGGED_CALL_ (tag, leash_tag_set_name_at (leash_tag_, name))

/**
 * leash_tag_set_pointer:
 * @tag: (nullable): what leash_track() returned
 * @pointer: (nullable): the resource's handle from now on, %NULL for none
 *
 * Changes what a resource is found by: for a child, which leash_track_child() opens without a handle, and for
 * a handle that changes. Without one, nothing finds it but its tag.
 */
#define leash_tag_set_pointer(tag, pointer)                                                                  \
  LEASH_TAGGED_CALL_ (tag, leash_tag_set_pointer_at (leash_tag_, pointer))

/**
 * leash_tag_touch:
 * @tag: (nullable): what leash_track() returned
 * @what: (nullable): what is done with it: "read"
 *
 * Notes that a resource is used: where its tracker keeps histories (leash_tracker_set_history()), reports show
 * the first, the newest and some of the touches between, with their stacks and threads.
 */
#define leash_tag_touch(tag, what)                                                                           \
  LEASH_TAGGED_CALL_ (tag, leash_tag_touch_at (leash_tag_, what, LEASH_SITE))

/**
 * leash_tag_touch_caller:
 * @tag: (nullable): what leash_track() returned
 * @what: (nullable): what is done with it
 * @caller: %LEASH_CALLER of the outermost function that does not count
 *
 * As leash_tag_touch(), for those who write wrappers.
 */
#define leash_tag_touch_caller(tag, what, caller)                                                            \
  LEASH_TAGGED_CALL_ (tag, leash_tag_touch_caller_at (leash_tag_, what, caller))

/**
 * leash_tag_misused:
 * @tag: (nullable): the tag of a resource that is closed already, or open still
 * @what: what was attempted: "read after close"
 * @caller: %LEASH_CALLER
 *
 * Records a misuse of a resource with every stack that is known of it, for those who write wrappers.
 */
#define leash_tag_misused(tag, what, caller)                                                                 \
  LEASH_TAGGED_CALL_ (tag, leash_tag_misused_at (leash_tag_, what, caller))

G_END_DECLS
