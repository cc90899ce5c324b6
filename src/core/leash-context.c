/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * LeashContext: making contexts, and what they carry. Being done is in leash-context-done.c.
 *
 * A context is a small tuple of references: to a scope (tracker, clock, file system, network), to the node of
 * the tree of cancellations that governs it, and to the nearest user value. A child copies the tuple and
 * replaces one member, so everything but values is found in the same time at any depth, and values pass over
 * all contexts in between. A child does not hold its parent: what has been dropped from the tuple is let go,
 * so that leash_context_without_cancel() does not keep a timer running. Pointing at the parent and walking,
 * as Go does, was rejected for both reasons.
 *
 * The background context is a constant of the process. References to it are not counted, and all the
 * functions take it, so that g_autoptr (LeashContext) is right for any context.
 *
 * All functions may be called from any thread.
 */
#include "leash-context-inner-private.h"

#include "leash-boxed-private.h"

static LeashFullContext background;

LEASH_DEFINE_BOXED (LeashContext, leash_context)

static LeashScope *
scope_ref (LeashScope *scope)
{
  if (scope != NULL)
    __atomic_fetch_add (&scope->ref_count, 1, __ATOMIC_RELAXED);
  return scope;
}

static void
scope_unref (LeashScope *scope)
{
  if (scope == NULL || __atomic_sub_fetch (&scope->ref_count, 1, __ATOMIC_ACQ_REL) > 0)
    return;
  if (scope->tracker != NULL)
    leash_tracker_unref (scope->tracker);
  leash_clock_unref (scope->clock);
  for (guint i = 0; i < LEASH_N_SLOTS; i++)
    g_clear_object (&scope->slots[i]);
  g_free (scope);
}

/* Makes a scope that may still be changed; scope may be NULL. */
static LeashScope *
scope_copy (const LeashScope *scope)
{
  LeashScope *copy = g_new0 (LeashScope, 1);

  copy->ref_count = 1;
  copy->clock = leash_clock_ref (scope != NULL ? scope->clock : leash_clock_system ());
  if (scope == NULL)
    return copy;
  if (scope->tracker != NULL)
    copy->tracker = leash_tracker_ref (scope->tracker);
  for (guint i = 0; i < LEASH_N_SLOTS; i++)
    if (scope->slots[i] != NULL)
      copy->slots[i] = g_object_ref (scope->slots[i]);
  return copy;
}

static LeashValue *
value_ref (LeashValue *value)
{
  if (value != NULL)
    __atomic_fetch_add (&value->ref_count, 1, __ATOMIC_RELAXED);
  return value;
}

/* A loop, for chains of any length. */
static void
value_unref (LeashValue *value)
{
  while (value != NULL && __atomic_sub_fetch (&value->ref_count, 1, __ATOMIC_ACQ_REL) == 0)
    {
      LeashValue *next = value->next;

      if (value->destroy != NULL)
        value->destroy (value->value);
      g_free (value);
      value = next;
    }
}

/* Makes a child that is as its parent is, and may still be changed. */
static LeashFullContext *
derive (LeashContext *parent)
{
  LeashFullContext *from = leash_context_full (parent);
  LeashFullContext *child = g_new0 (LeashFullContext, 1);

  child->head = from->head;
  child->ref_count = 1;
  child->scope = scope_ref (from->scope);
  child->cancel = from->cancel != NULL ? leash_cancel_ref (from->cancel) : NULL;
  child->value = value_ref (from->value);
  return child;
}

/* As derive(), with a scope of its own that may still be changed. */
static LeashFullContext *
derive_scope (LeashContext *parent)
{
  LeashFullContext *child = derive (parent);
  LeashScope *inherited = child->scope;

  child->scope = scope_copy (inherited);
  scope_unref (inherited);
  return child;
}

/* As derive(), governed by a node of its own that is not started. */
static LeashFullContext *
derive_node (LeashContext *parent)
{
  LeashFullContext *child = derive (parent);
  LeashCancel *inherited = child->cancel;

  child->is_cancel_own = TRUE;
  child->cancel = leash_cancel_new (inherited);
  leash_cancel_unref (inherited);
  return child;
}

/* As derive_node(). The tag, if tracked, is the node's. */
static LeashFullContext *
derive_cancel (LeashContext *parent, const char *name, gconstpointer caller)
{
  LeashCancel *inherited = leash_context_full (parent)->cancel;
  LeashFullContext *child = derive_node (parent);

  if (inherited == NULL || leash_cancel_get_reason (inherited) == NULL)
    leash_cancel_set_tag (child->cancel, parent->tracker,
                          leash_track_caller (parent, NULL, "context", name, caller));
  return child;
}

/**
 * leash_context_background:
 *
 * Gets the context that all others come from: never done, with no tracker, no deadline and no values, on the
 * system's clock. It is never freed; references to it are not counted.
 *
 * Returns: (transfer none): the background context
 *
 * Since: 0.1
 */
LeashContext *
leash_context_background (void)
{
  return &background.head;
}

/**
 * leash_context_with_tracker:
 * @parent: a context
 * @tracker: the tracker of all that is opened through the new context
 *
 * Makes a context with a tracker, in place of its parent's. The context holds a reference to it.
 *
 * Returns: (transfer full): a child of @parent
 *
 * Since: 0.1
 */
LeashContext *
leash_context_with_tracker (LeashContext *parent, LeashTracker *tracker)
{
  LeashFullContext *child;

  g_return_val_if_fail (parent != NULL, NULL);
  g_return_val_if_fail (tracker != NULL, NULL);

  child = derive_scope (parent);
  if (child->scope->tracker != NULL)
    leash_tracker_unref (child->scope->tracker);
  child->scope->tracker = leash_tracker_ref (tracker);
  /* A library that tracks nothing keeps the word by which every call decides free. */
  child->head.tracker = leash_has_tracking () ? tracker : NULL;
  return &child->head;
}

/**
 * leash_context_with_clock:
 * @parent: a context
 * @clock: the clock that deadlines of the new context and of those below it are on
 *
 * Makes a context with a clock, in place of its parent's. A deadline that @parent has stays on the clock
 * that it was set on, and still ends the new context; but being in another time, it neither takes part in the
 * comparison with deadlines that are set below, nor does leash_context_get_deadline() tell it there.
 *
 * Returns: (transfer full): a child of @parent
 *
 * Since: 0.1
 */
LeashContext *
leash_context_with_clock (LeashContext *parent, LeashClock *clock)
{
  LeashFullContext *child;

  g_return_val_if_fail (parent != NULL, NULL);
  g_return_val_if_fail (clock != NULL, NULL);

  child = derive_scope (parent);
  leash_clock_unref (child->scope->clock);
  child->scope->clock = leash_clock_ref (clock);
  return &child->head;
}

/**
 * leash_context_with_cancel:
 * @parent: a context
 *
 * Makes a context that leash_context_cancel() ends, or the end of @parent if that comes first. Cancel it when
 * what it was made for is over: with a tracker, one that is neither cancelled nor freed is reported as open.
 *
 * Returns: (transfer full): a child of @parent
 *
 * Since: 0.1
 */
LeashContext *
leash_context_with_cancel (LeashContext *parent)
{
  LeashFullContext *child;

  g_return_val_if_fail (parent != NULL, NULL);

  child = derive_cancel (parent, "with_cancel", LEASH_CALLER);
  leash_cancel_start (child->cancel);
  return &child->head;
}

/**
 * leash_context_with_cancellable:
 * @parent: a context
 * @cancellable: (nullable): a caller's cancellable
 *
 * Makes a context that ends when @cancellable is cancelled, by leash_context_cancel(), or with @parent,
 * whichever comes first. @cancellable itself is never cancelled by it. With %NULL this is
 * leash_context_with_cancel(), so that a function in GIO's style can pass on what it was given.
 *
 * Returns: (transfer full): a child of @parent
 *
 * Since: 0.1
 */
LeashContext *
leash_context_with_cancellable (LeashContext *parent, GCancellable *cancellable)
{
  LeashFullContext *child;

  g_return_val_if_fail (parent != NULL, NULL);
  g_return_val_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable), NULL);

  child = derive_cancel (parent, "with_cancellable", LEASH_CALLER);
  leash_cancel_start (child->cancel);
  if (cancellable != NULL)
    leash_cancel_adopt (child->cancel, cancellable);
  return &child->head;
}

/* timeout is for messages, G_MININT64 for a point in time. A parent's deadline that is sooner stays. */
static LeashContext *
start_with_deadline (LeashFullContext *child, gint64 deadline, gint64 timeout, const GError *cause)
{
  LeashClock *clock = leash_context_get_clock (&child->head);
  LeashCancel *inherited = leash_cancel_find_deadline (child->cancel, clock);

  if (inherited == NULL || inherited->timer.due >= deadline)
    leash_cancel_set_deadline (child->cancel, clock, deadline, timeout, cause);
  leash_cancel_start (child->cancel);
  return &child->head;
}

static LeashContext *
derive_deadline (LeashContext *parent, gint64 deadline, gint64 timeout, const GError *cause, const char *name,
                 gconstpointer caller)
{
  return start_with_deadline (derive_cancel (parent, name, caller), deadline, timeout, cause);
}

LeashContext *
leash_context_for_wait (LeashContext *parent, gint64 deadline)
{
  LeashFullContext *child = derive_node (parent);

  if (deadline >= 0)
    return start_with_deadline (child, deadline, G_MININT64, NULL);
  leash_cancel_start (child->cancel);
  return &child->head;
}

LeashContext *
leash_context_for_call (LeashContext *parent, GCancellable *cancellable)
{
  LeashFullContext *child = derive_node (parent);

  leash_cancel_start (child->cancel);
  leash_cancel_adopt (child->cancel, cancellable);
  return &child->head;
}

/* Past either end of time is at that end. */
static LeashContext *
derive_timeout (LeashContext *parent, gint64 microseconds, const GError *cause, gconstpointer caller)
{
  gint64 now = leash_clock_get_time (leash_context_get_clock (parent));
  g_autofree char *name = NULL;
  gint64 deadline;

  if (__builtin_add_overflow (now, microseconds, &deadline))
    deadline = microseconds > 0 ? G_MAXINT64 : G_MININT64;
  if (LEASH_IS_TRACKED (parent))
    name = g_strdup_printf ("with_timeout %g s", (double) microseconds / G_USEC_PER_SEC);
  return derive_deadline (parent, deadline, microseconds, cause, name, caller);
}

/**
 * leash_context_with_deadline:
 * @parent: a context
 * @deadline: the time of the context's clock at which it ends, in microseconds, see leash_clock_get_time()
 *
 * Makes a context that ends at a point in time, with %G_IO_ERROR_TIMED_OUT; by leash_context_cancel(); or
 * with
 * @parent, whichever comes first. No main loop is needed for it. If @deadline has passed, it is done at once.
 * If @parent has a sooner deadline, that one is the new context's.
 *
 * Returns: (transfer full): a child of @parent
 *
 * Since: 0.1
 */
LeashContext *
leash_context_with_deadline (LeashContext *parent, gint64 deadline)
{
  g_return_val_if_fail (parent != NULL, NULL);

  return derive_deadline (parent, deadline, G_MININT64, NULL, "with_deadline", LEASH_CALLER);
}

/**
 * leash_context_with_deadline_cause:
 * @parent: a context
 * @deadline: the time of the context's clock at which it ends, in microseconds
 * @cause: (nullable): why it ends then
 *
 * As leash_context_with_deadline(), with what leash_context_get_cause() tells if it is this deadline that
 * ends the context. If it is cancelled before, or ends with @parent, the cause is not used.
 *
 * Returns: (transfer full): a child of @parent
 *
 * Since: 0.1
 */
LeashContext *
leash_context_with_deadline_cause (LeashContext *parent, gint64 deadline, const GError *cause)
{
  g_return_val_if_fail (parent != NULL, NULL);

  return derive_deadline (parent, deadline, G_MININT64, cause, "with_deadline", LEASH_CALLER);
}

/**
 * leash_context_with_timeout:
 * @parent: a context
 * @microseconds: how long from now on, by the context's clock
 *
 * As leash_context_with_deadline(), with the deadline counted from now. With 0 or less, it is done at once.
 *
 * Returns: (transfer full): a child of @parent
 *
 * Since: 0.1
 */
LeashContext *
leash_context_with_timeout (LeashContext *parent, gint64 microseconds)
{
  g_return_val_if_fail (parent != NULL, NULL);

  return derive_timeout (parent, microseconds, NULL, LEASH_CALLER);
}

/**
 * leash_context_with_timeout_cause:
 * @parent: a context
 * @microseconds: how long from now on, by the context's clock
 * @cause: (nullable): why it ends then
 *
 * As leash_context_with_deadline_cause(), with the deadline counted from now.
 *
 * Returns: (transfer full): a child of @parent
 *
 * Since: 0.1
 */
LeashContext *
leash_context_with_timeout_cause (LeashContext *parent, gint64 microseconds, const GError *cause)
{
  g_return_val_if_fail (parent != NULL, NULL);

  return derive_timeout (parent, microseconds, cause, LEASH_CALLER);
}

/**
 * leash_context_without_cancel:
 * @parent: a context
 *
 * Makes a context that is never done and has no deadline, whatever becomes of @parent, but carries all else
 * that @parent does: for what must be finished although the caller has given up.
 *
 * Returns: (transfer full): a child of @parent
 *
 * Since: 0.1
 */
LeashContext *
leash_context_without_cancel (LeashContext *parent)
{
  LeashFullContext *child;

  g_return_val_if_fail (parent != NULL, NULL);

  child = derive (parent);
  leash_cancel_unref (g_steal_pointer (&child->cancel));
  return &child->head;
}

/**
 * leash_context_with_value:
 * @parent: a context
 * @key: the key, known by its address; static
 * @value: (nullable): the value
 * @destroy: (nullable): frees @value when the last context that can see it goes
 *
 * Makes a context with a value, which hides any value of the same key further up. Values are for what goes
 * with a request through all layers, not for optional arguments. LEASH_DEFINE_CONTEXT_VALUE() makes typed
 * accessors. The value must bear being used by several threads.
 *
 * Returns: (transfer full): a child of @parent
 *
 * Since: 0.1
 */
LeashContext *
leash_context_with_value (LeashContext *parent, const LeashContextKey *key, gpointer value,
                          GDestroyNotify destroy)
{
  LeashFullContext *child;
  LeashValue *link;

  g_return_val_if_fail (parent != NULL, NULL);
  g_return_val_if_fail (key != NULL, NULL);

  child = derive (parent);
  link = g_new0 (LeashValue, 1);
  *link
      = (LeashValue){ .ref_count = 1, .next = child->value, .key = key, .value = value, .destroy = destroy };
  child->value = link;
  return &child->head;
}

LeashContext *
leash_context_with_slot (LeashContext *parent, LeashSlot slot, GObject *object)
{
  LeashFullContext *child;

  g_return_val_if_fail (parent != NULL, NULL);
  g_return_val_if_fail (slot < LEASH_N_SLOTS, NULL);
  g_return_val_if_fail (G_IS_OBJECT (object), NULL);

  child = derive_scope (parent);
  g_set_object (&child->scope->slots[slot], object);
  return &child->head;
}

/**
 * leash_context_ref:
 * @ctx: a context
 *
 * Adds a reference.
 *
 * Returns: (transfer full): @ctx
 *
 * Since: 0.1
 */
LeashContext *
leash_context_ref (LeashContext *ctx)
{
  g_return_val_if_fail (ctx != NULL, NULL);

  if (ctx != &background.head)
    __atomic_fetch_add (&leash_context_full (ctx)->ref_count, 1, __ATOMIC_RELAXED);
  return ctx;
}

/**
 * leash_context_unref:
 * @ctx: (nullable) (transfer full): a context
 *
 * Drops a reference; the last one frees the context. This does not cancel it: its children live on as they
 * were, and what waits for its end without holding a reference waits in vain.
 *
 * Since: 0.1
 */
void
leash_context_unref (LeashContext *ctx)
{
  LeashFullContext *self = leash_context_full (ctx);

  if (ctx == NULL || ctx == &background.head)
    return;
  if (__atomic_sub_fetch (&self->ref_count, 1, __ATOMIC_ACQ_REL) > 0)
    return;
  leash_cancel_unref (self->cancel);
  value_unref (self->value);
  scope_unref (self->scope);
  g_free (self);
}

/**
 * leash_context_get_tracker:
 * @ctx: a context
 *
 * Gets the tracker that keeps what is opened through @ctx.
 *
 * Returns: (transfer none) (nullable): the tracker, %NULL when nothing tracks
 *
 * Since: 0.1
 */
LeashTracker *
leash_context_get_tracker (LeashContext *ctx)
{
  LeashScope *scope;

  g_return_val_if_fail (ctx != NULL, NULL);

  scope = leash_context_full (ctx)->scope;
  return scope != NULL ? scope->tracker : NULL;
}

/**
 * leash_context_get_clock:
 * @ctx: a context
 *
 * Gets the clock that deadlines of @ctx are on.
 *
 * Returns: (transfer none): the clock, the system's unless another was given
 *
 * Since: 0.1
 */
LeashClock *
leash_context_get_clock (LeashContext *ctx)
{
  LeashScope *scope;

  g_return_val_if_fail (ctx != NULL, leash_clock_system ());

  scope = leash_context_full (ctx)->scope;
  return scope != NULL ? scope->clock : leash_clock_system ();
}

/**
 * leash_context_get_value:
 * @ctx: a context
 * @key: a key
 *
 * Looks a value up, in @ctx and then further up. It takes one step for each value in between.
 *
 * Returns: (transfer none) (nullable): the nearest value of @key, %NULL when there is none
 *
 * Since: 0.1
 */
gpointer
leash_context_get_value (LeashContext *ctx, const LeashContextKey *key)
{
  LeashValue *value;

  g_return_val_if_fail (ctx != NULL, NULL);
  g_return_val_if_fail (key != NULL, NULL);

  value = leash_context_full (ctx)->value;
  while (value != NULL && value->key != key)
    value = value->next;
  return value != NULL ? value->value : NULL;
}

GObject *
leash_context_get_slot (LeashContext *ctx, LeashSlot slot)
{
  LeashScope *scope;

  g_return_val_if_fail (ctx != NULL, NULL);
  g_return_val_if_fail (slot < LEASH_N_SLOTS, NULL);

  scope = leash_context_full (ctx)->scope;
  return scope != NULL ? scope->slots[slot] : NULL;
}
