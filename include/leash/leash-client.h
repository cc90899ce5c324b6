/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * LeashClient: a pool of connections to one address. Life: leash_client_new(); leash_client_checkout() and
 * leash_client_return() for each use, in any thread; leash_client_close(). A connection that is checked out is
 * a LeashConn: leash_conn_close(), or its last unref without a return, throws it away.
 */
#pragma once

#include <leash/leash-conn.h>

G_BEGIN_DECLS

#define LEASH_TYPE_CLIENT (leash_client_get_type ())

typedef struct _LeashClient LeashClient;

/**
 * LeashClientFunc:
 * @conn: a connection
 * @ctx: the context of the call
 * @user_data: what was given with the function
 * @error: return location for an error
 *
 * Does something on a connection. As a health check it is called on an idle connection before that is handed
 * out, and %FALSE throws the connection away.
 *
 * Returns: %TRUE when it went well, or %FALSE with @error set
 */
typedef gboolean (*LeashClientFunc) (LeashConn    *conn,
                                     LeashContext *ctx,
                                     gpointer      user_data,
                                     GError      **error);

/**
 * LeashClientOptions:
 * @size: `sizeof (LeashClientOptions)`
 * @max_open: how many connections are open at a time, idle or not; 0 is 16
 * @max_idle: how many are kept idle; 0 is @max_open
 * @max_waiters: how many checkouts wait at a time, further ones fail; 0 for any number
 * @idle_time: for how long a connection is kept idle, in microseconds; 0 for any time
 * @life_time: for how long after it was dialled a connection is used again; 0 for any time
 * @dial_timeout: how long dialling may take, beside what the context says; 0 for as long as that says
 * @probe_after: a connection that was idle for longer than this is looked at before it is handed out, whether the
 *   peer has closed it, which costs a system call; 0 is a second
 * @health_check: (nullable): called on one that was idle for longer than @health_check_after
 * @health_check_after: in microseconds
 * @health_check_timeout: how long it may take, beside what the context says: on a peer that hangs it then fails,
 *   and the checkout goes on with another connection; 0 for as long as the context says
 * @health_check_data: given to @health_check; must live as long as the client
 * @breaker_failures: after so many failed dials in a row further ones fail at once; 0 for never
 * @breaker_time: for how long they do, until one is tried; 0 is a second
 * @kind: (nullable): what reports call the client, for who builds a pool of something else on it; must live for ever;
 *   %NULL is "client"
 * @checkout_kind: (nullable): what they call a checkout, likewise; %NULL is "checkout"
 *
 * What a client is like. Zeros are defaults. Times are in microseconds, by the clock of the client's context.
 */
typedef struct
{
  gsize size;
  guint max_open;
  guint max_idle;
  guint max_waiters;
  gint64 idle_time;
  gint64 life_time;
  gint64 dial_timeout;
  gint64 probe_after;
  LeashClientFunc health_check;
  gint64 health_check_after;
  gint64 health_check_timeout;
  gpointer health_check_data;
  guint breaker_failures;
  gint64 breaker_time;
  const char *kind;
  const char *checkout_kind;
} LeashClientOptions;

/**
 * LeashBreakerState:
 * @LEASH_BREAKER_CLOSED: dials are tried
 * @LEASH_BREAKER_OPEN: dials fail at once
 * @LEASH_BREAKER_TRYING: one dial is tried, others fail at once
 *
 * Whether a client dials.
 */
typedef enum
{
  LEASH_BREAKER_CLOSED,
  LEASH_BREAKER_OPEN,
  LEASH_BREAKER_TRYING
} LeashBreakerState;

/**
 * LeashClientStats:
 * @n_open: connections, those that are being dialled included
 * @n_idle: connections that nobody uses
 * @n_in_use: connections that are checked out
 * @n_waiting: checkouts that wait
 * @n_hits: checkouts that got a connection that was there
 * @n_dials: dials that were tried
 * @n_dial_failures: those of them that failed
 * @n_waits: checkouts that had to wait
 * @wait_time: how long they did together, in microseconds
 * @n_stale: idle connections that the peer had closed
 * @n_health_failures: those that the health check has refused
 * @n_expired: those whose idle or life time was over
 * @breaker: whether it dials
 *
 * What a client has and did.
 */
typedef struct
{
  guint n_open;
  guint n_idle;
  guint n_in_use;
  guint n_waiting;
  guint64 n_hits;
  guint64 n_dials;
  guint64 n_dial_failures;
  guint64 n_waits;
  gint64 wait_time;
  guint64 n_stale;
  guint64 n_health_failures;
  guint64 n_expired;
  LeashBreakerState breaker;
} LeashClientStats;

LEASH_AVAILABLE_IN_0_1
GType        leash_client_get_type  (void) G_GNUC_CONST;
LEASH_AVAILABLE_IN_0_1
LeashClient *leash_client_new       (LeashContext             *ctx,
                                     const char               *address,
                                     const LeashClientOptions *options) G_GNUC_WARN_UNUSED_RESULT;
LEASH_AVAILABLE_IN_0_1
LeashClient *leash_client_ref       (LeashClient              *client);
LEASH_AVAILABLE_IN_0_1
void         leash_client_unref     (LeashClient              *client);
LEASH_AVAILABLE_IN_0_1
LeashConn   *leash_client_checkout  (LeashClient              *client,
                                     LeashContext             *ctx,
                                     GError                  **error) G_GNUC_WARN_UNUSED_RESULT;
LEASH_AVAILABLE_IN_0_1
LeashConn   *leash_client_checkout_caller (LeashClient       *client,
                                     LeashContext             *ctx,
                                     gconstpointer             caller,
                                     GError                  **error) G_GNUC_WARN_UNUSED_RESULT;
LEASH_AVAILABLE_IN_0_1
gboolean     leash_client_return    (LeashClient              *client,
                                     LeashConn                *conn,
                                     GError                  **error);
LEASH_AVAILABLE_IN_0_1
gboolean     leash_client_call      (LeashClient              *client,
                                     LeashContext             *ctx,
                                     LeashClientFunc           func,
                                     gpointer                  user_data,
                                     GError                  **error);
LEASH_AVAILABLE_IN_0_1
void         leash_client_trim      (LeashClient              *client);
LEASH_AVAILABLE_IN_0_1
void         leash_client_get_stats (LeashClient              *client,
                                     LeashClientStats         *ret_stats);
LEASH_AVAILABLE_IN_0_1
gboolean     leash_client_close     (LeashClient              *client,
                                     GError                  **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (LeashClient, leash_client_unref)

G_END_DECLS
