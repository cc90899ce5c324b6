/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * LeashContext: being done. How contexts become done is in leash-cancel.c; this is the view of it that users
 * have: cancel, ask, wait, be told.
 *
 * A context that nothing can end has no node of the tree of cancellations. Asking it costs one load; it never
 * wakes anybody; and functions that were to run after its end are let go at once.
 *
 * All functions may be called from any thread. The GSource belongs to the main context it is attached to; a
 * handler of leash_context_get_cancellable() runs in the thread that cancels, or in the one of the deadlines,
 * and must not block.
 */
#include "leash-context-inner-private.h"

#include <time.h>

/* Marks the ids of functions that will never run, because their context is never done. */
#define NEVER_RUNS (G_GUINT64_CONSTANT (1) << 63)

static LeashReason *
get_reason (LeashContext *ctx)
{
  LeashCancel *cancel = leash_context_full (ctx)->cancel;

  return cancel != NULL ? leash_cancel_get_reason (cancel) : NULL;
}

/* Named for the message of a critical. */
static gboolean
was_made_with_cancel_or_deadline (LeashContext *ctx)
{
  return leash_context_full (ctx)->is_cancel_own;
}

/* Likewise. */
static gboolean
can_be_done (LeashContext *ctx)
{
  return leash_context_full (ctx)->cancel != NULL;
}

/**
 * leash_context_cancel:
 * @ctx: a context made by leash_context_with_cancel(), or with a cancellable, a deadline or a timeout
 * @cause: (nullable): why
 *
 * Ends a context and all below it, with %G_IO_ERROR_CANCELLED. When this returns they are done. Only the
 * first end counts: on a context that is done it does nothing.
 *
 * Handlers of their cancellables run in this thread; functions of leash_context_after_func() in others.
 *
 * Since: 0.1
 */
void
leash_context_cancel (LeashContext *ctx, const GError *cause)
{
  g_return_if_fail (ctx != NULL);
  g_return_if_fail (was_made_with_cancel_or_deadline (ctx));

  leash_cancel_cancel (leash_context_full (ctx)->cancel, cause, LEASH_CALLER);
}

/**
 * leash_context_can_be_done:
 * @ctx: a context
 *
 * Says whether there is anything that can end @ctx: a deadline, or that it or one above it can be cancelled.
 * Where there is nothing, who would arrange for that need not.
 *
 * Returns: whether it can ever be done
 *
 * Since: 0.1
 */
gboolean
leash_context_can_be_done (LeashContext *ctx)
{
  g_return_val_if_fail (ctx != NULL, FALSE);

  return can_be_done (ctx);
}

/**
 * leash_context_is_done:
 * @ctx: a context
 *
 * Tells whether @ctx was cancelled or reached its end.
 *
 * Returns: %TRUE when it is done; it then stays so
 *
 * Since: 0.1
 */
gboolean
leash_context_is_done (LeashContext *ctx)
{
  g_return_val_if_fail (ctx != NULL, FALSE);

  return get_reason (ctx) != NULL;
}

/**
 * leash_context_check:
 * @ctx: a context
 * @error: return location for a #GError
 *
 * As leash_context_is_done(), in the form that fits functions that can fail: a loop calls it on each round
 * and gives up with @error, which is that of leash_context_get_error().
 *
 * Returns: %TRUE to go on, %FALSE when @ctx is done
 *
 * Since: 0.1
 */
gboolean
leash_context_check (LeashContext *ctx, GError **error)
{
  LeashReason *reason;

  g_return_val_if_fail (ctx != NULL, FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  reason = get_reason (ctx);
  if (reason == NULL)
    return TRUE;
  if (error != NULL)
    *error = g_error_copy (reason->error);
  return FALSE;
}

/**
 * leash_context_get_error:
 * @ctx: a context
 *
 * Gets how @ctx ended: %G_IO_ERROR_CANCELLED or %G_IO_ERROR_TIMED_OUT. The message also has the cause's.
 *
 * Returns: (transfer none) (nullable): the error, %NULL while @ctx is not done
 *
 * Since: 0.1
 */
const GError *
leash_context_get_error (LeashContext *ctx)
{
  LeashReason *reason;

  g_return_val_if_fail (ctx != NULL, NULL);

  reason = get_reason (ctx);
  return reason != NULL ? reason->error : NULL;
}

/**
 * leash_context_get_cause:
 * @ctx: a context
 *
 * Gets why @ctx ended: the cause that was given where it, or the one above that took it along, was cancelled
 * or had its deadline set.
 *
 * Returns: (transfer none) (nullable): the cause, leash_context_get_error() where none was given, %NULL while
 *   @ctx is not done
 *
 * Since: 0.1
 */
const GError *
leash_context_get_cause (LeashContext *ctx)
{
  LeashReason *reason;

  g_return_val_if_fail (ctx != NULL, NULL);

  reason = get_reason (ctx);
  if (reason == NULL)
    return NULL;
  return reason->cause != NULL ? reason->cause : reason->error;
}

/**
 * leash_context_get_deadline:
 * @ctx: a context
 * @ret_deadline: (out) (optional): set to the deadline, in microseconds of leash_context_get_clock()
 *
 * Tells when @ctx ends at the latest. A deadline that was set on another clock than the one that @ctx has is
 * not told, see leash_context_with_clock().
 *
 * Returns: %TRUE if there is a deadline
 *
 * Since: 0.1
 */
gboolean
leash_context_get_deadline (LeashContext *ctx, gint64 *ret_deadline)
{
  LeashCancel *governing;

  g_return_val_if_fail (ctx != NULL, FALSE);

  governing = leash_cancel_find_deadline (leash_context_full (ctx)->cancel, leash_context_get_clock (ctx));
  if (governing == NULL)
    return FALSE;
  if (ret_deadline != NULL)
    *ret_deadline = governing->timer.due;
  return TRUE;
}

/* Ends the context itself when time is up, so that who is told 0 finds it done. */
gint64
leash_context_get_remaining (LeashContext *ctx)
{
  LeashCancel *cancel, *governing;
  gint64 remaining;

  g_return_val_if_fail (ctx != NULL, 0);

  if (get_reason (ctx) != NULL)
    return 0;
  cancel = leash_context_full (ctx)->cancel;
  governing = leash_cancel_find_deadline (cancel, leash_clock_system ());
  if (governing == NULL)
    return -1;
  if (__builtin_sub_overflow (governing->timer.due, g_get_monotonic_time (), &remaining))
    remaining = governing->timer.due > 0 ? G_MAXINT64 : 0;
  if (remaining > 0)
    return remaining;
  leash_cancel_expire_now (cancel, governing);
  return 0;
}

/**
 * leash_context_get_cancellable:
 * @ctx: a context
 *
 * Gets a cancellable that is cancelled when @ctx is done, for calls to GIO. Do not cancel it: that would not
 * end @ctx. It lives as long as @ctx; several contexts may share it.
 *
 * Returns: (transfer none) (nullable): the cancellable, %NULL when @ctx is never done
 *
 * Since: 0.1
 */
GCancellable *
leash_context_get_cancellable (LeashContext *ctx)
{
  g_return_val_if_fail (ctx != NULL, NULL);

  if (!can_be_done (ctx))
    return NULL;
  return leash_cancel_get_cancellable (leash_context_full (ctx)->cancel);
}

gboolean
leash_context_watch (LeashContext *ctx, LeashWatch *watch)
{
  g_return_val_if_fail (ctx != NULL, FALSE);
  g_return_val_if_fail (watch != NULL && watch->func != NULL, FALSE);

  if (!can_be_done (ctx))
    return TRUE;
  return leash_cancel_watch (leash_context_full (ctx)->cancel, watch);
}

void
leash_context_unwatch (LeashContext *ctx, LeashWatch *watch)
{
  g_return_if_fail (ctx != NULL);
  g_return_if_fail (watch != NULL);

  if (can_be_done (ctx))
    leash_cancel_unwatch (leash_context_full (ctx)->cancel, watch);
}

/* Somebody in leash_context_wait(). */
typedef struct
{
  LeashWatch watch;
  LeashLock lock;
  pthread_cond_t woken;
  gboolean is_woken; /* guarded by lock */
} LeashWaiter;

static void
wake_waiter (LeashWatch *watch)
{
  LeashWaiter *waiter = (LeashWaiter *) (gpointer) watch;

  leash_lock (&waiter->lock);
  waiter->is_woken = TRUE;
  pthread_cond_signal (&waiter->woken);
  leash_unlock (&waiter->lock);
}

static void
waiter_init (LeashWaiter *waiter)
{
  pthread_condattr_t attributes;

  waiter->watch.func = wake_waiter;
  pthread_mutex_init (&waiter->lock, NULL);
  pthread_condattr_init (&attributes);
  pthread_condattr_setclock (&attributes, CLOCK_MONOTONIC);
  pthread_cond_init (&waiter->woken, &attributes);
  pthread_condattr_destroy (&attributes);
}

static void
waiter_clear (LeashWaiter *waiter)
{
  pthread_cond_destroy (&waiter->woken);
  pthread_mutex_destroy (&waiter->lock);
}

/* Waits for the watch, and for no longer than until the time, in microseconds of the monotonic clock. */
static void
waiter_sleep (LeashWaiter *waiter, gint64 until)
{
  /* No time_t overflows that far from now: the caller looks at the time again. */
  gint64 longest = g_get_monotonic_time () + G_TIME_SPAN_HOUR;
  gint64 end = MIN (until, longest);
  struct timespec at = { .tv_sec = end / G_USEC_PER_SEC, .tv_nsec = (end % G_USEC_PER_SEC) * 1000 };
  int failed = 0;

  leash_lock (&waiter->lock);
  while (!waiter->is_woken && failed == 0)
    failed = pthread_cond_timedwait (&waiter->woken, &waiter->lock, &at);
  leash_unlock (&waiter->lock);
}

/* The end of a wait by the time: the sooner of the limit (-1 for none) and the context's own deadline. */
static gint64
soonest (gint64 now, gint64 limit, gint64 remaining)
{
  gint64 until = limit;

  if (remaining >= 0 && (until < 0 || remaining < until - now))
    until = now + remaining;
  return until < 0 ? G_MAXINT64 : until;
}

static gboolean
wait_until (LeashContext *ctx, LeashWaiter *waiter, gint64 limit)
{
  for (;;)
    {
      gint64 remaining = leash_context_get_remaining (ctx);
      gint64 now = g_get_monotonic_time ();

      if (leash_context_is_done (ctx))
        return TRUE;
      if (limit >= 0 && now >= limit)
        return FALSE;
      waiter_sleep (waiter, soonest (now, limit, remaining));
    }
}

/**
 * leash_context_wait:
 * @ctx: a context
 * @microseconds: how long at most, in real time whatever clock @ctx has; -1 for as long as it takes
 *
 * Waits until @ctx is done. To wait for ever on a context that nothing can end is a mistake of the program:
 * it is reported, and does not wait.
 *
 * Returns: %TRUE when @ctx is done, %FALSE when time ran out
 *
 * Since: 0.1
 */
gboolean
leash_context_wait (LeashContext *ctx, gint64 microseconds)
{
  LeashWaiter waiter = { 0 };
  gboolean is_done = TRUE;
  gint64 limit = -1;

  g_return_val_if_fail (ctx != NULL, FALSE);
  g_return_val_if_fail (microseconds >= -1, FALSE);
  g_return_val_if_fail (microseconds >= 0 || can_be_done (ctx), FALSE);

  if (microseconds >= 0 && __builtin_add_overflow (g_get_monotonic_time (), microseconds, &limit))
    limit = G_MAXINT64;
  waiter_init (&waiter);
  if (leash_context_watch (ctx, &waiter.watch))
    {
      is_done = wait_until (ctx, &waiter, limit);
      leash_context_unwatch (ctx, &waiter.watch);
    }
  waiter_clear (&waiter);
  return is_done;
}

typedef struct
{
  GSource source;
  LeashContext *ctx; /* a reference */
} LeashContextSource;

static gboolean
source_dispatch (GSource *source, GSourceFunc callback, gpointer user_data)
{
  LeashContextSource *self = (LeashContextSource *) source;
  LeashContextSourceFunc func = (LeashContextSourceFunc) (void (*) (void)) callback;

  if (func == NULL)
    return G_SOURCE_REMOVE;
  return func (self->ctx, user_data);
}

static void
source_finalize (GSource *source)
{
  leash_context_unref (((LeashContextSource *) source)->ctx);
}

static GSourceFuncs source_funcs = {
  .dispatch = source_dispatch,
  .finalize = source_finalize,
};

/**
 * leash_context_source_new:
 * @ctx: a context
 *
 * Makes a source that is ready when @ctx is done; its callback is a #LeashContextSourceFunc. The source holds
 * a reference to @ctx. If @ctx can never be done, the source is never ready.
 *
 * Returns: (transfer full): the source, to be attached to a main context
 *
 * Since: 0.1
 */
GSource *
leash_context_source_new (LeashContext *ctx)
{
  GCancellable *cancellable;
  GSource *source;

  g_return_val_if_fail (ctx != NULL, NULL);

  source = g_source_new (&source_funcs, sizeof (LeashContextSource));
  g_source_set_static_name (source, "LeashContext");
  ((LeashContextSource *) source)->ctx = leash_context_ref (ctx);

  /* GIO's own source takes care of being cancelled in one thread while it is freed in another. */
  cancellable = leash_context_get_cancellable (ctx);
  if (cancellable != NULL)
    {
      g_autoptr (GSource) cancelled = g_cancellable_source_new (cancellable);

      g_source_set_dummy_callback (cancelled);
      g_source_add_child_source (source, cancelled);
    }
  return source;
}

/**
 * leash_context_after_func:
 * @ctx: a context
 * @func: (scope notified) (closure user_data) (destroy destroy): a function
 * @user_data: what to call it with
 * @destroy: (nullable): frees @user_data: after @func has run, or when it is stopped or will never run
 *
 * Has @func run once @ctx is done, in a thread of its own, called "leash-after"; at once if @ctx is done
 * already. It belongs to the cancellation that governs @ctx: when that goes without being done, @user_data is
 * destroyed and @func does not run. If @ctx can never be done that is so at once: @user_data is destroyed
 * before this returns.
 *
 * Returns: an id for leash_context_stop_func(), not 0
 *
 * Since: 0.1
 */
guint64
leash_context_after_func (LeashContext *ctx, LeashContextFunc func, gpointer user_data,
                          GDestroyNotify destroy)
{
  g_return_val_if_fail (ctx != NULL, 0);
  g_return_val_if_fail (func != NULL, 0);

  if (can_be_done (ctx))
    return leash_after_add (leash_context_full (ctx)->cancel, func, user_data, destroy);
  if (destroy != NULL)
    destroy (user_data);
  return NEVER_RUNS;
}

/**
 * leash_context_stop_func:
 * @ctx: the context that was given to leash_context_after_func()
 * @id: what that returned
 *
 * Stops a function from being run, and destroys its data. It never waits: if the function runs already, who
 * needs it to be through must arrange that with the function.
 *
 * Returns: %TRUE when the function has not run and will not, through this call or because @ctx can never be
 *   done; %FALSE when it was started, or was stopped before
 *
 * Since: 0.1
 */
gboolean
leash_context_stop_func (LeashContext *ctx, guint64 id)
{
  g_return_val_if_fail (ctx != NULL, FALSE);
  g_return_val_if_fail (id != 0, FALSE);

  if (id == NEVER_RUNS)
    return TRUE;
  if (!can_be_done (ctx))
    return FALSE;
  return leash_after_stop (leash_context_full (ctx)->cancel, id);
}
