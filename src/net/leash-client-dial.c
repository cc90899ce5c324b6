/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where a client's connections come from, and whether those that were idle are any good still.
 *
 * The breaker counts dials that failed one after another. Not those whose caller's context is done: they tell
 * nothing of the server. Once open, it lets one dial try when its time is over; as long as that one is at it,
 * and when it fails, the others fail at once, with what the last one said.
 */
#include "leash-client-private.h"

static gboolean
refuse_dial (LeashClient *client, GError **error)
{
  const GError *last = client->last_failure;

  g_set_error (error, last->domain, last->code, "not dialled, since %u dials in a row have failed: %s",
               client->n_failures, last->message);
  return FALSE;
}

/* *ret_is_trial: it is the one that tries whether the server is back. */
static gboolean
may_dial (LeashClient *client, gboolean *ret_is_trial, GError **error)
{
  LeashClientStats *stats = &client->stats;
  gboolean may = TRUE;

  leash_lock (&client->lock);
  if (stats->breaker == LEASH_BREAKER_TRYING
      || (stats->breaker == LEASH_BREAKER_OPEN && leash_client_now (client) < client->no_dial_until))
    may = refuse_dial (client, error);
  *ret_is_trial = may && stats->breaker == LEASH_BREAKER_OPEN;
  if (*ret_is_trial)
    stats->breaker = LEASH_BREAKER_TRYING;
  stats->n_dials += may;
  leash_unlock (&client->lock);
  return may;
}

static void
note_success (LeashClient *client)
{
  leash_lock (&client->lock);
  client->n_failures = 0;
  client->stats.breaker = LEASH_BREAKER_CLOSED;
  g_clear_error (&client->last_failure);
  leash_unlock (&client->lock);
}

/*
 * is_caller_done: nothing was learnt, and the next one may try. A dial that began before the breaker opened
 * may fail while another one tries: that one goes on alone.
 */
static void
note_failure (LeashClient *client, const GError *reason, gboolean is_trial, gboolean is_caller_done)
{
  LeashClientStats *stats = &client->stats;

  leash_lock (&client->lock);
  stats->n_dial_failures++;
  if (is_caller_done && is_trial && stats->breaker == LEASH_BREAKER_TRYING)
    stats->breaker = LEASH_BREAKER_OPEN;
  else if (!is_caller_done && client->options.breaker_failures > 0)
    {
      client->n_failures++;
      g_clear_error (&client->last_failure);
      client->last_failure = g_error_copy (reason);
      if (client->n_failures >= client->options.breaker_failures
          && (is_trial || stats->breaker != LEASH_BREAKER_TRYING))
        {
          stats->breaker = LEASH_BREAKER_OPEN;
          client->no_dial_until = leash_client_now (client) + client->options.breaker_time;
        }
    }
  leash_unlock (&client->lock);
}

/* 0 is as long as ctx says. */
static LeashContext *
limit (LeashContext *ctx, gint64 timeout)
{
  gint64 now = leash_clock_get_time (leash_context_get_clock (ctx));

  if (timeout == 0)
    return leash_context_ref (ctx);
  return leash_context_for_wait (ctx, timeout > G_MAXINT64 - now ? G_MAXINT64 : now + timeout);
}

static LeashConn *
dial (LeashClient *client, LeashContext *ctx, GError **error)
{
  g_autoptr (LeashContext) limited = limit (ctx, client->options.dial_timeout);

  return leash_network_dial_bare (leash_context_get_network (client->ctx), limited, client->address, error);
}

static LeashConn *
dial_counted (LeashClient *client, LeashContext *ctx, GError **error)
{
  GError *reason = NULL;
  gboolean is_trial;
  LeashConn *conn;

  if (!may_dial (client, &is_trial, error))
    return NULL;
  conn = dial (client, ctx, &reason);
  if (conn != NULL)
    {
      note_success (client);
      return conn;
    }
  if (reason == NULL)
    g_set_error_literal (&reason, G_IO_ERROR, G_IO_ERROR_FAILED, "the network gave no reason");
  note_failure (client, reason, is_trial, leash_context_is_done (ctx));
  g_propagate_error (error, reason);
  return NULL;
}

LeashPooled *
leash_client_dial (LeashClient *client, LeashContext *ctx, gconstpointer caller, GError **error)
{
  LeashConn *conn = dial_counted (client, ctx, error);
  LeashPooled *pooled;

  if (conn == NULL)
    {
      leash_client_leave_place (client);
      return NULL;
    }
  if (conn->handle.tag == NULL)
    leash_handle_set_tag (&conn->handle,
                          leash_track_caller (client->ctx, client->tag, "conn", client->address, caller),
                          conn->ops->get_fd);
  pooled = g_new0 (LeashPooled, 1);
  pooled->client = client;
  pooled->conn = conn;
  pooled->opened_at = leash_client_now (client);
  return pooled;
}

/* Whether the peer has closed it, or said something that nobody asked for. What cannot be asked is believed.
 */
static gboolean
is_stale (LeashConn *conn, LeashContext *ctx)
{
  char byte;

  return conn->polled != NULL && conn->polled->read != NULL
         && conn->polled->read (conn->handle.impl, ctx, &byte, 1, NULL) != LEASH_CONN_WOULD_BLOCK;
}

static gboolean
is_healthy (const LeashClientOptions *options, LeashConn *conn, LeashContext *ctx)
{
  g_autoptr (LeashContext) limited = limit (ctx, options->health_check_timeout);

  return options->health_check (conn, limited, options->health_check_data, NULL);
}

static gboolean
count_and_refuse (LeashClient *client, guint64 *count)
{
  leash_lock (&client->lock);
  (*count)++;
  leash_unlock (&client->lock);
  return FALSE;
}

gboolean
leash_client_is_fit (LeashClient *client, LeashPooled *pooled, LeashContext *ctx, gboolean is_probing)
{
  const LeashClientOptions *options = &client->options;
  gint64 now = leash_client_now (client);
  gint64 idle_time = now - pooled->idle_since;

  if ((options->life_time > 0 && now - pooled->opened_at >= options->life_time)
      || (options->idle_time > 0 && idle_time >= options->idle_time))
    return count_and_refuse (client, &client->stats.n_expired);
  if ((is_probing || idle_time > options->probe_after) && is_stale (pooled->conn, ctx))
    return count_and_refuse (client, &client->stats.n_stale);
  if (options->health_check != NULL && idle_time > options->health_check_after
      && !is_healthy (options, pooled->conn, ctx))
    return count_and_refuse (client, &client->stats.n_health_failures);
  return TRUE;
}
