/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * LeashContext: what a call chain carries: a tracker, cancellation, a deadline, a clock, a file system, a
 * network and values. Immutable and reference-counted; the semantics are those of Go's context.Context.
 */
#pragma once

#include <leash/leash-macros.h>

G_BEGIN_DECLS

#define LEASH_TYPE_CONTEXT (leash_context_get_type ())

/**
 * LeashContext:
 *
 * What a call chain carries, from the caller down: tracker, cancellation, deadline, clock, file system,
 * network and values.
 *
 * A context never changes once made; each `with` function makes a child that differs in one thing. Pass it
 * as the first argument, keep it in no object that outlives the call, and hold a reference while another
 * thread uses it. All functions may be called from any thread.
 */
struct _LeashContext
{
  /*< private >*/
  /* First and public so that leash_track() costs one load and one branch when there is no tracker. */
  LeashTracker *tracker;
};

/**
 * LeashContextKey:
 * @name: what the key is called in messages
 *
 * The identity of a value in contexts: two keys are the same only if they are at the same address.
 * Define one with LEASH_DEFINE_CONTEXT_VALUE().
 */
typedef struct
{
  const char *name;
} LeashContextKey;

/**
 * LeashContextFunc:
 * @user_data: what was given with the function
 *
 * Called, in a thread of its own, after a context is done.
 */
typedef void (*LeashContextFunc) (gpointer user_data);

/**
 * LeashContextSourceFunc:
 * @ctx: the context that is done
 * @user_data: what was given to g_source_set_callback()
 *
 * The callback of the source that leash_context_source_new() makes.
 *
 * Returns: %G_SOURCE_REMOVE; a context is done only once
 */
typedef gboolean (*LeashContextSourceFunc) (LeashContext *ctx,
                                            gpointer      user_data);

LEASH_AVAILABLE_IN_0_1
GType         leash_context_get_type            (void) G_GNUC_CONST;

/* Making */
LEASH_AVAILABLE_IN_0_1
LeashContext *leash_context_background          (void);
LEASH_AVAILABLE_IN_0_1
LeashContext *leash_context_with_tracker        (LeashContext          *parent,
                                                 LeashTracker          *tracker) G_GNUC_WARN_UNUSED_RESULT;
LEASH_AVAILABLE_IN_0_1
LeashContext *leash_context_with_clock          (LeashContext          *parent,
                                                 LeashClock            *clock) G_GNUC_WARN_UNUSED_RESULT;
LEASH_AVAILABLE_IN_0_1
LeashContext *leash_context_with_cancel         (LeashContext          *parent) G_GNUC_WARN_UNUSED_RESULT;
LEASH_AVAILABLE_IN_0_1
LeashContext *leash_context_with_cancellable    (LeashContext          *parent,
                                                 GCancellable          *cancellable) G_GNUC_WARN_UNUSED_RESULT;
LEASH_AVAILABLE_IN_0_1
LeashContext *leash_context_with_deadline       (LeashContext          *parent,
                                                 gint64                 deadline) G_GNUC_WARN_UNUSED_RESULT;
LEASH_AVAILABLE_IN_0_1
LeashContext *leash_context_with_deadline_cause (LeashContext          *parent,
                                                 gint64                 deadline,
                                                 const GError          *cause) G_GNUC_WARN_UNUSED_RESULT;
LEASH_AVAILABLE_IN_0_1
LeashContext *leash_context_with_timeout        (LeashContext          *parent,
                                                 gint64                 microseconds) G_GNUC_WARN_UNUSED_RESULT;
LEASH_AVAILABLE_IN_0_1
LeashContext *leash_context_with_timeout_cause  (LeashContext          *parent,
                                                 gint64                 microseconds,
                                                 const GError          *cause) G_GNUC_WARN_UNUSED_RESULT;
LEASH_AVAILABLE_IN_0_1
LeashContext *leash_context_without_cancel      (LeashContext          *parent) G_GNUC_WARN_UNUSED_RESULT;
LEASH_AVAILABLE_IN_0_1
LeashContext *leash_context_with_value          (LeashContext          *parent,
                                                 const LeashContextKey *key,
                                                 gpointer               value,
                                                 GDestroyNotify         destroy) G_GNUC_WARN_UNUSED_RESULT;
LEASH_AVAILABLE_IN_0_1
LeashContext *leash_context_ref                 (LeashContext          *ctx);
LEASH_AVAILABLE_IN_0_1
void          leash_context_unref               (LeashContext          *ctx);

/* What it carries */
LEASH_AVAILABLE_IN_0_1
LeashTracker *leash_context_get_tracker         (LeashContext          *ctx);
LEASH_AVAILABLE_IN_0_1
LeashClock   *leash_context_get_clock           (LeashContext          *ctx);
LEASH_AVAILABLE_IN_0_1
gboolean      leash_context_get_deadline        (LeashContext          *ctx,
                                                 gint64                *ret_deadline);
LEASH_AVAILABLE_IN_0_1
gpointer      leash_context_get_value           (LeashContext          *ctx,
                                                 const LeashContextKey *key);
LEASH_AVAILABLE_IN_0_1
GCancellable *leash_context_get_cancellable     (LeashContext          *ctx);

/* Being done */
LEASH_AVAILABLE_IN_0_1
void          leash_context_cancel              (LeashContext          *ctx,
                                                 const GError          *cause);
LEASH_AVAILABLE_IN_0_1
gboolean      leash_context_can_be_done         (LeashContext          *ctx);
LEASH_AVAILABLE_IN_0_1
gboolean      leash_context_is_done             (LeashContext          *ctx);
LEASH_AVAILABLE_IN_0_1
gboolean      leash_context_check               (LeashContext          *ctx,
                                                 GError               **error);
LEASH_AVAILABLE_IN_0_1
const GError *leash_context_get_error           (LeashContext          *ctx);
LEASH_AVAILABLE_IN_0_1
const GError *leash_context_get_cause           (LeashContext          *ctx);
LEASH_AVAILABLE_IN_0_1
gboolean      leash_context_wait                (LeashContext          *ctx,
                                                 gint64                 microseconds);
LEASH_AVAILABLE_IN_0_1
GSource      *leash_context_source_new          (LeashContext          *ctx) G_GNUC_WARN_UNUSED_RESULT;
LEASH_AVAILABLE_IN_0_1
guint64       leash_context_after_func          (LeashContext          *ctx,
                                                 LeashContextFunc       func,
                                                 gpointer               user_data,
                                                 GDestroyNotify         destroy);
LEASH_AVAILABLE_IN_0_1
gboolean      leash_context_stop_func           (LeashContext          *ctx,
                                                 guint64                id);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (LeashContext, leash_context_unref)

/**
 * LEASH_DEFINE_CONTEXT_VALUE:
 * @Type: the C type of the value, without the pointer: `User`
 * @name: the prefix of the accessors: `user`
 *
 * Defines a key of its own and two functions, static to the file, to carry a `Type *` in contexts:
 *
 * - `LeashContext *name_new_context (LeashContext *parent, Type *value, GDestroyNotify destroy)`
 * - `Type *name_from_context (LeashContext *ctx)`, %NULL when there is none
 *
 * The value is freed with @destroy when the last context that can see it goes.
 */
#define LEASH_DEFINE_CONTEXT_VALUE(Type, name)                                                               \
  static const LeashContextKey name##_context_key = { #name };                                               \
                                                                                                             \
  G_GNUC_UNUSED G_GNUC_WARN_UNUSED_RESULT static inline LeashContext *name##_new_context (                   \
      LeashContext *parent, Type *value, GDestroyNotify destroy)                                             \
  {                                                                                                          \
    return leash_context_with_value (parent, &name##_context_key, (gpointer) value, destroy);                \
  }                                                                                                          \
                                                                                                             \
  G_GNUC_UNUSED static inline Type *name##_from_context (LeashContext *ctx)                                  \
  {                                                                                                          \
    return (Type *) leash_context_get_value (ctx, &name##_context_key);                                      \
  }

G_END_DECLS
