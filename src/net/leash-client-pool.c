/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The pool's lists, limits and waiters, all under one lock that is held for some stores.
 *
 * A place is the right to have a connection open; there are max_open. Who takes one finds an idle connection,
 * else a place to dial in, else waits in line. What becomes free goes straight to the first in line: a
 * connection, or the place of one that is gone. So nobody who comes later overtakes, and while anybody waits
 * nothing is idle and no place is free. A waiter whose context is done takes itself off the line, unless it
 * was served before: then it has what it was given, and a wake-up is never lost.
 *
 * The newest idle connection is used first, so that those that are too many grow old. Nothing runs by itself
 * to close those: checkouts and returns look at the oldest, and leash_client_trim() at all.
 */
#include "leash-client-private.h"

#define SHOWN_HOLDERS 8u

void
leash_pooled_push (LeashPooledList *list, LeashPooled *pooled)
{
  pooled->prev = NULL;
  pooled->next = list->first;
  if (list->first != NULL)
    list->first->prev = pooled;
  else
    list->last = pooled;
  list->first = pooled;
}

void
leash_pooled_unlink (LeashPooledList *list, LeashPooled *pooled)
{
  if (pooled->prev != NULL)
    pooled->prev->next = pooled->next;
  else
    list->first = pooled->next;
  if (pooled->next != NULL)
    pooled->next->prev = pooled->prev;
  else
    list->last = pooled->prev;
}

void
leash_pooled_free (LeashPooled *pooled)
{
  leash_conn_close (pooled->conn, NULL);
  leash_conn_unref (pooled->conn);
  g_free (pooled);
}

static void
unlink_waiter (LeashClient *client, LeashPoolWaiter *waiter)
{
  if (waiter->prev != NULL)
    waiter->prev->next = waiter->next;
  else
    client->first_waiter = waiter->next;
  if (waiter->next != NULL)
    waiter->next->prev = waiter->prev;
  else
    client->last_waiter = waiter->prev;
  client->stats.n_waiting--;
}

/* With the lock held: without it the waiter could be gone. */
static void
serve (LeashClient *client, LeashPoolWaiter *waiter, LeashPooled *given)
{
  unlink_waiter (client, waiter);
  waiter->given = given;
  waiter->is_served = TRUE;
  leash_context_cancel (waiter->ctx, NULL);
}

void
leash_client_serve_end (LeashClient *client)
{
  while (client->first_waiter != NULL)
    serve (client, client->first_waiter, NULL);
}

/* With the lock held. The place of a connection that is gone goes to the first in line. */
static void
free_place (LeashClient *client)
{
  if (client->first_waiter != NULL)
    {
      client->first_waiter->has_place = TRUE;
      serve (client, client->first_waiter, NULL);
    }
  else
    client->stats.n_open--;
}

void
leash_client_unlock (LeashClient *client, gconstpointer caller)
{
  gboolean ends = client->is_closed && !client->is_tag_released && client->stats.n_open == client->n_listed;
  LeashTag *tag = client->tag; /* the client may go with the lock */

  client->is_tag_released = client->is_tag_released || ends;
  leash_unlock (&client->lock);
  if (ends)
    leash_untrack_caller (tag, caller);
}

void
leash_client_leave_place (LeashClient *client)
{
  leash_lock (&client->lock);
  free_place (client);
  leash_client_unlock (client, LEASH_CALLER);
}

void
leash_client_close_list (LeashClient *client, LeashPooled *first)
{
  for (LeashPooled *each = first, *next; each != NULL; each = next)
    {
      next = each->next;
      leash_pooled_free (each);
      leash_client_leave_place (client);
    }
}

/* With the lock held. */
static LeashPooled *
pop_idle (LeashClient *client)
{
  LeashPooled *pooled = client->idle.first;

  if (pooled != NULL)
    {
      leash_pooled_unlink (&client->idle, pooled);
      client->stats.n_idle--;
    }
  return pooled;
}

/* With the lock held: the oldest idle connection, off the list, if its time is over; for
 * leash_client_close_list(). */
static LeashPooled *
pop_expired (LeashClient *client, gint64 now)
{
  LeashPooled *oldest = client->idle.last;

  if (LEASH_LIKELY (client->options.idle_time == 0 || oldest == NULL
                    || now - oldest->idle_since < client->options.idle_time))
    return NULL;
  leash_pooled_unlink (&client->idle, oldest);
  client->stats.n_idle--;
  client->stats.n_expired++;
  oldest->next = NULL;
  return oldest;
}

static gboolean
refuse_closed (LeashClient *client, GError **error)
{
  g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_CLOSED, "the client is closed");
  return FALSE;
}

/* With the lock held, by who finds no place; else the line is empty. */
static gboolean
stand_in_line (LeashClient *client, LeashContext *ctx, LeashPoolWaiter *waiter, GError **error)
{
  if (client->options.max_waiters > 0 && client->stats.n_waiting >= client->options.max_waiters)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_BUSY, "all %u connections are in use, and %u checkouts wait",
                   client->stats.n_open, client->stats.n_waiting);
      return FALSE;
    }
  *waiter = (LeashPoolWaiter){ .ctx = leash_context_for_wait (ctx, -1), .prev = client->last_waiter };
  if (client->last_waiter != NULL)
    client->last_waiter->next = waiter;
  else
    client->first_waiter = waiter;
  client->last_waiter = waiter;
  client->stats.n_waiting++;
  client->stats.n_waits++;
  return TRUE;
}

/* Says who is in the way of a checkout whose context is done. */
static void
explain_wait (LeashClient *client, GError **error)
{
  g_autoptr (GString) text = g_string_new (NULL);
  gconstpointer callers[SHOWN_HOLDERS];
  guint n_callers = 0;

  leash_lock (&client->lock);
  g_string_append_printf (text, "%u of at most %u connections are open, %u in use", client->stats.n_open,
                          client->options.max_open, client->stats.n_in_use);
  for (LeashPooled *each = client->in_use.first; each != NULL && n_callers < SHOWN_HOLDERS; each = each->next)
    callers[n_callers++] = each->caller;
  leash_unlock (&client->lock);
  leash_client_append_holders (text, callers, n_callers);
  g_prefix_error (error, "%s: ", text->str);
}

static gboolean
wait_in_line (LeashClient *client, LeashContext *ctx, LeashPoolWaiter *waiter, LeashPooled **ret_pooled,
              GError **error)
{
  gint64 start = leash_client_now (client);
  gboolean is_closed;

  leash_context_wait (waiter->ctx, -1);
  leash_lock (&client->lock);
  client->stats.wait_time += leash_client_now (client) - start;
  if (!waiter->is_served)
    unlink_waiter (client, waiter);
  client->stats.n_hits += waiter->given != NULL;
  is_closed = client->is_closed;
  if (waiter->has_place && is_closed)
    client->stats.n_open--;
  leash_client_unlock (client, LEASH_CALLER);
  leash_context_unref (waiter->ctx);
  if (waiter->given == NULL && is_closed)
    return refuse_closed (client, error);
  if (!waiter->is_served)
    {
      leash_context_check (ctx, error);
      explain_wait (client, error);
      return FALSE;
    }
  *ret_pooled = waiter->given;
  return TRUE;
}

gboolean
leash_client_take (LeashClient *client, LeashContext *ctx, LeashPooled **ret_pooled, GError **error)
{
  gboolean is_done = TRUE, is_waiting = FALSE;
  LeashPoolWaiter waiter;

  *ret_pooled = NULL;
  leash_lock (&client->lock);
  if (LEASH_UNLIKELY (client->is_closed))
    is_done = refuse_closed (client, error);
  else if (LEASH_LIKELY ((*ret_pooled = pop_idle (client)) != NULL))
    client->stats.n_hits++;
  else if (client->stats.n_open < client->options.max_open)
    client->stats.n_open++;
  else
    is_waiting = is_done = stand_in_line (client, ctx, &waiter, error);
  leash_unlock (&client->lock);
  return LEASH_LIKELY (!is_waiting) ? is_done : wait_in_line (client, ctx, &waiter, ret_pooled, error);
}

/* While something is idle nobody waits, so that the place of the bad one can just go. */
LeashPooled *
leash_client_take_other (LeashClient *client, LeashPooled *pooled, LeashContext *ctx)
{
  gboolean is_done = leash_context_is_done (ctx);
  LeashPooled *other;

  leash_pooled_free (pooled);
  leash_lock (&client->lock);
  client->stats.n_hits--;
  /* By a context that is done all would be found ill: the dial says that it is. */
  other = is_done ? NULL : pop_idle (client);
  if (other != NULL)
    {
      client->stats.n_hits++;
      free_place (client);
    }
  leash_unlock (&client->lock);
  return other;
}

gboolean
leash_client_use (LeashClient *client, LeashPooled *pooled, LeashConn *checkout)
{
  gboolean is_open;

  leash_lock (&client->lock);
  is_open = LEASH_LIKELY (!client->is_closed);
  if (is_open)
    {
      pooled->checkout = checkout;
      leash_pooled_push (&client->in_use, pooled);
      client->n_listed++;
      client->stats.n_in_use++;
    }
  leash_unlock (&client->lock);
  return is_open;
}

/* With the lock held. Returns whether the connection was kept. */
static gboolean
keep (LeashClient *client, LeashPooled *pooled, gint64 now)
{
  const LeashClientOptions *options = &client->options;

  if (!pooled->is_returned || client->is_closed)
    return FALSE;
  if (options->life_time > 0 && now - pooled->opened_at >= options->life_time)
    {
      client->stats.n_expired++;
      return FALSE;
    }
  pooled->was_used = TRUE;
  pooled->is_returned = FALSE;
  pooled->idle_since = now;
  if (LEASH_UNLIKELY (client->first_waiter != NULL))
    serve (client, client->first_waiter, pooled);
  else if (client->stats.n_idle >= options->max_idle)
    return FALSE;
  else
    {
      leash_pooled_push (&client->idle, pooled);
      client->stats.n_idle++;
    }
  return TRUE;
}

/* The place is free when the connection is closed, and the client goes behind its last checkout. */
static void
throw_away (LeashClient *client, LeashPooled *pooled)
{
  gboolean is_last;

  leash_pooled_free (pooled);
  leash_lock (&client->lock);
  free_place (client);
  client->stats.n_in_use--;
  is_last = client->is_unreferenced && client->stats.n_in_use == 0;
  leash_client_unlock (client, LEASH_CALLER);
  if (is_last)
    leash_client_free (client);
}

void
leash_client_take_back (LeashPooled *pooled)
{
  LeashClient *client = pooled->client;
  LeashPooled *expired;
  gboolean is_kept;
  gint64 now;

  if (LEASH_UNLIKELY (pooled->is_inherited))
    return;
  now = leash_client_now (client);
  leash_lock (&client->lock);
  leash_pooled_unlink (&client->in_use, pooled);
  client->n_listed--;
  pooled->checkout = NULL;
  expired = pop_expired (client, now);
  is_kept = keep (client, pooled, now);
  client->stats.n_in_use -= is_kept;
  leash_unlock (&client->lock);
  if (LEASH_UNLIKELY (expired != NULL))
    leash_client_close_list (client, expired);
  if (!is_kept)
    throw_away (client, pooled);
}

/**
 * leash_client_trim:
 * @client: a client
 *
 * Closes the idle connections whose idle or life time is over. Checkouts and returns do so for the one that
 * was idle for longest only; a program whose client has nothing to do for long calls this now and then.
 *
 * Since: 0.1
 */
void
leash_client_trim (LeashClient *client)
{
  const LeashClientOptions *options = &client->options;
  LeashPooled *expired = NULL, *next;
  gint64 now;

  g_return_if_fail (client != NULL);

  now = leash_client_now (client);
  leash_lock (&client->lock);
  for (LeashPooled *each = client->idle.first; each != NULL; each = next)
    {
      next = each->next;
      if ((options->idle_time == 0 || now - each->idle_since < options->idle_time)
          && (options->life_time == 0 || now - each->opened_at < options->life_time))
        continue;
      leash_pooled_unlink (&client->idle, each);
      client->stats.n_idle--;
      client->stats.n_expired++;
      each->next = expired;
      expired = each;
    }
  leash_unlock (&client->lock);
  leash_client_close_list (client, expired);
}
