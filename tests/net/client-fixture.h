/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the tests of LeashClient have in common. The server is a listener of the host's network, whose connections the
 * tests accept where they need the other end. */
#pragma once

#include "net-fixture.h"

typedef struct
{
  Fixture base; /* first */
  LeashClock *clock;
  LeashContext *timed; /* the fixture's, by a fake clock */
  LeashListener *listener;
  const char *address;
} Pool;

G_GNUC_UNUSED static void
pool_set_up (Pool *pool, gconstpointer scheme)
{
  g_autofree char *address = NULL;

  set_up (&pool->base, NULL);
  address = scheme != NULL ? g_strconcat ("unix:", pool->base.dir, "/socket", NULL) : g_strdup (TCP);
  pool->clock = leash_clock_new_fake (0);
  pool->timed = leash_context_with_clock (pool->base.ctx, pool->clock);
  pool->listener = start_listening (leash_context_background (), address);
  pool->address = leash_listener_get_address (pool->listener);
}

G_GNUC_UNUSED static void
pool_tear_down (Pool *pool, gconstpointer unused)
{
  leash_listener_unref (pool->listener);
  leash_context_unref (pool->timed);
  leash_clock_unref (pool->clock);
  tear_down (&pool->base, NULL);
}

#define ADD_POOL(path, func) g_test_add (path, Pool, NULL, pool_set_up, func, pool_tear_down)

#define OPTIONS(...) (&(LeashClientOptions){ .size = sizeof (LeashClientOptions), __VA_ARGS__ })

G_GNUC_UNUSED static G_NO_INLINE LeashConn *
check_out (LeashClient *client, LeashContext *ctx)
{
  g_autoptr (GError) error = NULL;
  LeashConn *conn = leash_client_checkout (client, ctx, &error);

  g_assert_no_error (error);
  g_assert_nonnull (conn);
  return conn;
}

/* Takes the reference. */
G_GNUC_UNUSED static void
give_back (LeashClient *client, LeashConn *conn)
{
  g_autoptr (GError) error = NULL;

  g_assert_true (leash_client_return (client, conn, &error));
  g_assert_no_error (error);
  leash_conn_unref (conn);
}

G_GNUC_UNUSED static LeashClientStats
stats_of (LeashClient *client)
{
  LeashClientStats stats;

  leash_client_get_stats (client, &stats);
  return stats;
}

G_GNUC_UNUSED static void
end_client (LeashClient *client)
{
  g_autoptr (GError) error = NULL;

  g_assert_true (leash_client_close (client, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (stats_of (client).n_open, ==, 0);
  g_assert_cmpuint (stats_of (client).n_in_use, ==, 0);
}

G_GNUC_UNUSED static void
sleep_checking_out (Sleeper *sleeper)
{
  sleeper->result = leash_client_checkout (sleeper->subject, sleeper->ctx, &sleeper->error);
}

G_GNUC_UNUSED static void
start_waiter (Sleeper *sleeper, LeashClient *client, LeashContext *ctx)
{
  guint n_before = stats_of (client).n_waiting;

  *sleeper = (Sleeper){ .func = sleep_checking_out, .ctx = ctx, .subject = client };
  sleeper->thread = g_thread_new ("waiter", run_sleeper, sleeper);
  wait_until (stats_of (client).n_waiting == n_before + 1);
}
