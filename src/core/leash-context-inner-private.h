/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The whole of a context: for leash-context.c, which makes them, leash-context-done.c, and who asks it often. */
#pragma once

#include "leash-cancel-private.h"
#include "leash-context-private.h"
#include "leash-likely-private.h"

/* What changes seldom along a chain, shared by all contexts for which it is the same. */
typedef struct
{
  gint ref_count;         /* atomic */
  LeashTracker *tracker;  /* a reference; NULL for none */
  LeashClock *clock;      /* a reference */
  GObject *slots[LEASH_N_SLOTS]; /* references; NULL for none */
} LeashScope;

/* One user value. The chain of them is the only part of a context that has a length. */
typedef struct _LeashValue LeashValue;
struct _LeashValue
{
  gint ref_count;   /* atomic */
  LeashValue *next; /* the nearest value further up, a reference */
  const LeashContextKey *key;
  gpointer value;
  GDestroyNotify destroy; /* may be NULL */
};

/* Nothing but ref_count changes once it is made. */
typedef struct
{
  LeashContext head;      /* the public part; its tracker is the scope's, or NULL in a library built without */
  gint ref_count;         /* atomic; not used by the background, which is never freed */
  gboolean is_cancel_own; /* made with cancel, deadline, timeout or cancellable: may be cancelled through it */
  LeashScope *scope;      /* a reference; NULL for no more than the defaults */
  LeashCancel *cancel;    /* a reference; NULL when it is never done */
  LeashValue *value;      /* a reference; NULL when there is none */
} LeashFullContext;

static inline LeashFullContext *
leash_context_full (LeashContext *ctx)
{
  return (LeashFullContext *) ctx;
}

/* leash_context_get_slot(), without a call. */
static inline GObject *
leash_context_peek_slot (LeashContext *ctx, LeashSlot slot)
{
  LeashScope *scope = leash_context_full (ctx)->scope;

  return LEASH_UNLIKELY (scope != NULL) ? scope->slots[slot] : NULL;
}

/* leash_context_is_done() and leash_context_check(), without a call where nothing can end the context. */
static inline gboolean
leash_context_is_done_now (LeashContext *ctx)
{
  return LEASH_UNLIKELY (leash_context_full (ctx)->cancel != NULL) && leash_context_is_done (ctx);
}

static inline gboolean
leash_context_check_now (LeashContext *ctx, GError **error)
{
  return LEASH_LIKELY (leash_context_full (ctx)->cancel == NULL) || leash_context_check (ctx, error);
}
