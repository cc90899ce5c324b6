/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * LeashClient: checkouts of a pool's connections; the pool itself is in leash-client-pool.c.
 *
 * A checkout is a LeashConn of its own that stands before the pool's: the same operations on the same
 * implementation, with its own life, deadlines and tag. What is done on it costs nothing more, and what is
 * done after its return is refused and reported, although the pool's connection is open, and in use by
 * another. Its end, by whatever way and after the last operation that another thread was in, gives the pool's
 * connection back. Only leash_client_return() says that it is good for another use; a checkout that an error
 * path just unrefs is thrown away, with whatever half of an answer is on its way.
 *
 * Reports have the client, its connections as the client's children, and checkouts. These are nobody's
 * children: that costs a look-up and an allocation. When a client is closed with checkouts outstanding, each
 * is reported with its stack and that of the close, and from then on has its connection to itself.
 */
#include "leash-boxed-private.h"
#include "leash-client-private.h"
#include "leash-context-private.h"
#include <leash/leash-track.h>

#include <string.h>

#define DEFAULT_MAX_OPEN 16

/**
 * LeashClient:
 *
 * A pool of connections to one address.
 *
 * Reference-counted. leash_client_close() closes it; the last leash_client_unref() closes what is open still.
 * All functions may be called from any thread, several at once.
 *
 * In a forked child a client begins anew, whatever other threads were at: it has no connections and dials its
 * own. Those of the parent are neither used nor closed there, and checkouts of the parent's that are given
 * back in the child just end. Not in a health check or while dialling: there a fork is followed by exec().
 */

static const LeashAttempt call_return = { "Returning", "returned after close or return", "return" };

LEASH_DEFINE_BOXED (LeashClient, leash_client)

static gboolean
close_nothing (gpointer impl, GError **error)
{
  return TRUE;
}

static void
end_checkout (LeashHandle *handle)
{
  leash_client_take_back (((LeashConn *) handle)->pooled);
}

static LeashConn *
make_checkout (LeashPooled *pooled)
{
  LeashConn *inner = pooled->conn;
  LeashConn *checkout
      = leash_conn_new (inner->ops, inner->handle.impl, NULL, inner->local_address, inner->remote_address);

  checkout->polled = inner->polled;
  checkout->handle.close = close_nothing;
  checkout->handle.end = end_checkout;
  checkout->handle.noun = "checkout";
  checkout->client = pooled->client;
  checkout->pooled = pooled;
  checkout->was_used = pooled->was_used;
  return checkout;
}

/* Hands out what was taken; the tag is made before another thread can see it. */
static LeashConn *
hand_out (LeashClient *client, LeashPooled *pooled, LeashContext *ctx, gconstpointer caller, GError **error)
{
  LeashConn *checkout = make_checkout (pooled);

  pooled->caller = caller;
  leash_handle_track (&checkout->handle, ctx, client->options.checkout_kind, client->address, NULL, caller);
  if (LEASH_LIKELY (leash_client_use (client, pooled, checkout)))
    return checkout;
  leash_untrack_caller (checkout->handle.tag, caller);
  g_free (checkout);
  leash_pooled_free (pooled);
  leash_client_leave_place (client);
  g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_CLOSED, "the client was closed in another thread");
  return NULL;
}

static LeashConn *
check_out (LeashClient *client, LeashContext *ctx, gboolean is_probing, gconstpointer caller, GError **error)
{
  LeashConn *checkout = NULL;
  LeashPooled *pooled;

  if (leash_context_check (ctx, error) && leash_client_take (client, ctx, &pooled, error))
    {
      while (pooled != NULL && LEASH_UNLIKELY (!leash_client_is_fit (client, pooled, ctx, is_probing)))
        pooled = leash_client_take_other (client, pooled, ctx);
      if (pooled == NULL)
        pooled = leash_client_dial (client, ctx, caller, error);
      if (LEASH_LIKELY (pooled != NULL))
        checkout = hand_out (client, pooled, ctx, caller, error);
    }
  if (LEASH_UNLIKELY (checkout == NULL))
    leash_attempt_prefix (error, "Checking out a connection to", client->address);
  return checkout;
}

static gboolean
give_back (LeashConn *conn, gconstpointer caller, GError **error)
{
  gboolean has_others;

  if (LEASH_UNLIKELY (!leash_use_close (&conn->handle.use, &has_others)))
    return leash_handle_refuse (&conn->handle, &call_return, caller, error);
  leash_untrack_caller (conn->handle.tag, caller);
  /* What another thread waits for would be the next user's. */
  if (LEASH_UNLIKELY (has_others))
    return leash_handle_leave_to_others (&conn->handle, error);
  conn->pooled->is_returned = TRUE;
  return leash_handle_finish (&conn->handle, error);
}

static void
fill_in_defaults (LeashClientOptions *options)
{
  if (options->max_open == 0)
    options->max_open = DEFAULT_MAX_OPEN;
  if (options->max_idle == 0)
    options->max_idle = options->max_open;
  if (options->probe_after == 0)
    options->probe_after = G_TIME_SPAN_SECOND;
  if (options->kind == NULL)
    options->kind = "client";
  if (options->checkout_kind == NULL)
    options->checkout_kind = "checkout";
  if (options->breaker_time == 0)
    options->breaker_time = G_TIME_SPAN_SECOND;
}

/* Named for the message of a critical. */
static gboolean
has_no_negative_time (const LeashClientOptions *options)
{
  return options->idle_time >= 0 && options->life_time >= 0 && options->dial_timeout >= 0
         && options->probe_after >= 0 && options->health_check_after >= 0
         && options->health_check_timeout >= 0 && options->breaker_time >= 0;
}

/**
 * leash_client_new:
 * @ctx: a context
 * @address: whom to connect to, as for leash_dial()
 * @options: (nullable): what it is to be like; copied; %NULL for the defaults
 *
 * Makes a client, and puts it on the leash of @ctx's tracker until it is closed. Nothing is dialled yet. The
 * client's connections are made on @ctx's network and tracked by its tracker, and its times are by its clock;
 * it does not end with @ctx.
 *
 * Returns: (transfer full): the client
 *
 * Since: 0.1
 */
LeashClient *
leash_client_new (LeashContext *ctx, const char *address, const LeashClientOptions *options)
{
  LeashClient *client;
  gsize size;

  g_return_val_if_fail (ctx != NULL, NULL);
  g_return_val_if_fail (address != NULL, NULL);
  g_return_val_if_fail (options == NULL || options->size == sizeof (LeashClientOptions), NULL);
  g_return_val_if_fail (options == NULL || has_no_negative_time (options), NULL);

  size = strlen (address) + 1;
  client = g_malloc0 (sizeof (LeashClient) + size);
  memcpy (client->address, address, size);
  client->ref_count = 1;
  client->lock = (LeashLock) LEASH_LOCK_INIT;
  if (options != NULL)
    client->options = *options;
  fill_in_defaults (&client->options);
  client->ctx = leash_context_without_cancel (ctx);
  client->clock = leash_context_get_clock (client->ctx);
  client->tag = leash_track_caller (ctx, NULL, client->options.kind, client->address, LEASH_CALLER);
  leash_client_fork_enter (client);
  return client;
}

void
leash_client_free (LeashClient *client)
{
  leash_client_fork_leave (client);
  g_clear_error (&client->last_failure);
  leash_context_unref (client->ctx);
  pthread_mutex_destroy (&client->lock);
  g_free (client);
}

/**
 * leash_client_ref:
 * @client: a client
 *
 * Takes a reference.
 *
 * Returns: (transfer full): @client
 *
 * Since: 0.1
 */
LeashClient *
leash_client_ref (LeashClient *client)
{
  g_return_val_if_fail (client != NULL, NULL);

  __atomic_fetch_add (&client->ref_count, 1, __ATOMIC_RELAXED);
  return client;
}

/* With the lock held: what is to be reported with the stack of the close, and what is the client's no more.
 */
static void
let_go_of_checkouts (LeashClient *client, gconstpointer caller)
{
  g_autofree char *what = g_strdup_printf ("its %s was closed", client->options.kind);

  for (LeashPooled *each = client->in_use.first; each != NULL; each = each->next)
    {
      leash_tag_misused (each->checkout->handle.tag, what, caller);
      leash_untrack_caller (each->conn->handle.tag, caller);
      each->conn->handle.tag = NULL;
    }
}

/* With the lock held: they are children of the client's tag, and the parent closes them. */
static void
let_go_of_inherited (LeashClient *client, gconstpointer caller)
{
  for (LeashPooled *each = client->inherited.first; each != NULL; each = each->next)
    leash_untrack_caller (g_steal_pointer (&each->conn->handle.tag), caller);
}

/* Unlike leash_client_close_list(), with the caller for the tag's end: nobody waits any more. */
static void
close_idle (LeashClient *client, LeashPooled *idle, gconstpointer caller)
{
  for (LeashPooled *each = idle, *next; each != NULL; each = next)
    {
      next = each->next;
      leash_pooled_free (each);
      leash_lock (&client->lock);
      client->stats.n_open--;
      leash_unlock (&client->lock);
    }
  leash_lock (&client->lock);
  leash_client_unlock (client, caller);
}

/* Returns FALSE when it was closed before. */
static gboolean
close_client (LeashClient *client, gconstpointer caller)
{
  LeashPooled *idle;
  gboolean was_closed;

  leash_lock (&client->lock);
  was_closed = client->is_closed;
  client->is_closed = TRUE;
  idle = g_steal_pointer (&client->idle.first);
  client->idle.last = NULL;
  client->stats.n_idle = 0;
  leash_client_serve_end (client);
  if (!was_closed)
    {
      let_go_of_checkouts (client, caller);
      let_go_of_inherited (client, caller);
    }
  leash_unlock (&client->lock);
  close_idle (client, idle, caller);
  return !was_closed;
}

/**
 * leash_client_unref:
 * @client: (transfer full) (nullable): a client
 *
 * Gives a reference back. With the last one a client that is open still is closed.
 *
 * Since: 0.1
 */
void
leash_client_unref (LeashClient *client)
{
  gboolean is_last;

  if (client == NULL || __atomic_sub_fetch (&client->ref_count, 1, __ATOMIC_ACQ_REL) != 0)
    return;
  close_client (client, LEASH_CALLER);
  leash_lock (&client->lock);
  client->is_unreferenced = TRUE;
  is_last = client->stats.n_in_use == 0;
  leash_unlock (&client->lock);
  if (is_last)
    leash_client_free (client);
}

/**
 * leash_client_checkout:
 * @client: a client
 * @ctx: a context
 * @error: return location for an error
 *
 * Gets a connection for the caller alone: an idle one, or one that is dialled. When all that may be open are
 * in use it waits in line, for as long as @ctx lets it; the error then says how many are open, and where
 * those were checked out that are in use. Too many waiters are %G_IO_ERROR_BUSY.
 *
 * It is on the leash of @ctx's tracker as a "checkout" until leash_client_return(), which lets others use it,
 * or leash_conn_close() or the last leash_conn_unref(), which throw it away: after an error, or when an
 * answer was not read to its end. Either way the reference remains to be given back.
 *
 * Returns: (transfer full): the connection, %NULL with @error set
 *
 * Since: 0.1
 */
LeashConn *
leash_client_checkout (LeashClient *client, LeashContext *ctx, GError **error)
{
  g_return_val_if_fail (client != NULL, NULL);
  g_return_val_if_fail (ctx != NULL, NULL);

  return check_out (client, ctx, FALSE, LEASH_CALLER, error);
}

/**
 * leash_client_checkout_caller:
 * @client: a client
 * @ctx: a context
 * @caller: %LEASH_CALLER of the outermost function that does not count
 * @error: return location for an error
 *
 * As leash_client_checkout(), for those who write wrappers: the stack begins at the wrapper's caller, and so
 * does what the error of who waited for a connection names.
 *
 * Returns: (transfer full): the connection, %NULL with @error set
 *
 * Since: 0.1
 */
LeashConn *
leash_client_checkout_caller (LeashClient *client, LeashContext *ctx, gconstpointer caller, GError **error)
{
  g_return_val_if_fail (client != NULL, NULL);
  g_return_val_if_fail (ctx != NULL, NULL);
  g_return_val_if_fail (caller != NULL, NULL);

  return check_out (client, ctx, FALSE, caller, error);
}

/**
 * leash_client_return:
 * @client: a client
 * @conn: what leash_client_checkout() of that client returned
 * @error: return location for an error
 *
 * Gives a connection back, for others to use: nothing is on its way any more in either direction. @conn is
 * closed with that, and using it is a misuse; the reference remains to be given back. One that another thread
 * is still using is thrown away.
 *
 * Returns: %TRUE, or %FALSE with @error set when it was returned or closed before, which is reported
 *
 * Since: 0.1
 */
gboolean
leash_client_return (LeashClient *client, LeashConn *conn, GError **error)
{
  g_return_val_if_fail (client != NULL, FALSE);
  g_return_val_if_fail (conn != NULL, FALSE);
  g_return_val_if_fail (conn->client == client, FALSE);

  return give_back (conn, LEASH_CALLER, error);
}

/* Whether func failed because the connection was dead before it began, as far as one can know. */
static gboolean
is_worth_another (LeashConn *conn, LeashContext *ctx)
{
  return conn->was_used && !__atomic_load_n (&conn->has_read, __ATOMIC_RELAXED)
         && !leash_context_is_done (ctx);
}

/**
 * leash_client_call:
 * @client: a client
 * @ctx: a context
 * @func: (scope call): sends a request and reads its answer to the end
 * @user_data: given to @func
 * @error: return location for an error
 *
 * Calls @func on a connection that is checked out for it. When it returns %TRUE the connection is returned,
 * if
 * @func has not closed it; when it fails, the connection is thrown away.
 *
 * When it fails on a connection that was used before, and not a byte of the answer came, the peer may have
 * closed that while it was idle: @func is then called once more, on another connection. The peer may
 * nevertheless have taken the first request, so that it must be one that can be made twice.
 *
 * Returns: %TRUE when @func did, or %FALSE with @error set
 *
 * Since: 0.1
 */
gboolean
leash_client_call (LeashClient *client, LeashContext *ctx, LeashClientFunc func, gpointer user_data,
                   GError **error)
{
  gboolean is_done, is_retry = FALSE, is_again;

  g_return_val_if_fail (client != NULL, FALSE);
  g_return_val_if_fail (ctx != NULL, FALSE);
  g_return_val_if_fail (func != NULL, FALSE);

  do
    {
      g_autoptr (LeashConn) conn = check_out (client, ctx, is_retry, LEASH_CALLER, error);
      GError *reason = NULL;

      if (conn == NULL)
        return FALSE;
      is_done = func (conn, ctx, user_data, &reason);
      is_again = !is_done && !is_retry && is_worth_another (conn, ctx);
      if (is_done && !leash_conn_is_closed (conn))
        give_back (conn, LEASH_CALLER, NULL);
      if (is_again)
        g_clear_error (&reason);
      else if (reason != NULL)
        g_propagate_error (error, reason);
      is_retry = TRUE;
    }
  while (is_again);
  return is_done;
}

/**
 * leash_client_get_stats:
 * @client: a client
 * @ret_stats: (out caller-allocates): set to what it has and did
 *
 * Tells what a client has and did, all at one instant.
 *
 * Since: 0.1
 */
void
leash_client_get_stats (LeashClient *client, LeashClientStats *ret_stats)
{
  g_return_if_fail (client != NULL);
  g_return_if_fail (ret_stats != NULL);

  leash_lock (&client->lock);
  *ret_stats = client->stats;
  leash_unlock (&client->lock);
}

/**
 * leash_client_close:
 * @client: a client
 * @error: return location for an error
 *
 * Closes a client: its idle connections are closed, checkouts that wait fail with %G_IO_ERROR_CLOSED, as all
 * later ones do. Connections that are checked out can be used on, and are closed by their return; as their
 * client should outlive them, each is reported as a misuse, with where it was checked out and the stack of
 * this call. Where another thread dials in a checkout just now, or looks at an idle connection, that one is
 * closed when it is done, and the checkout fails like those that wait; the client is on the leash until then.
 *
 * Returns: %TRUE, or %FALSE with @error set when it was closed before, which is reported
 *
 * Since: 0.1
 */
gboolean
leash_client_close (LeashClient *client, GError **error)
{
  g_return_val_if_fail (client != NULL, FALSE);

  if (close_client (client, LEASH_CALLER))
    return TRUE;
  leash_tag_misused (client->tag, "closed twice", LEASH_CALLER);
  g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_CLOSED, "the client is closed");
  leash_attempt_prefix (error, "Closing", client->address);
  return FALSE;
}
