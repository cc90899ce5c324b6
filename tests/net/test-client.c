/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * LeashClient: what is kept, who waits, and what is thrown away. The server is a listener of the host's
 * network, whose connections the tests accept where they need the other end.
 */
#include "client-fixture.h"

/* How many resources of a kind the tracker has open. */
static guint
count_kind (LeashTracker *tracker, const char *kind)
{
  g_autoptr (LeashSnapshot) snapshot = leash_snapshot_new (tracker);
  guint n = 0;

  for (guint i = 0; i < leash_snapshot_get_length (snapshot); i++)
    n += strcmp (leash_snapshot_get_resource (snapshot, i)->kind, kind) == 0;
  return n;
}

static void
test_reuse (Pool *pool, gconstpointer unused)
{
  g_autoptr (LeashClient) client = leash_client_new (pool->base.ctx, pool->address, NULL);
  LeashConn *first = check_out (client, pool->base.ctx), *second;
  int fd = leash_conn_get_fd (first);

  give_back (client, first);
  second = check_out (client, pool->base.ctx);
  g_assert_cmpint (leash_conn_get_fd (second), ==, fd);
  g_assert_cmpuint (stats_of (client).n_hits, ==, 1);
  g_assert_cmpuint (stats_of (client).n_dials, ==, 1);
  g_assert_cmpuint (stats_of (client).n_in_use, ==, 1);
  give_back (client, second);
  g_assert_cmpuint (stats_of (client).n_idle, ==, 1);
  g_assert_cmpuint (stats_of (client).n_open, ==, 1);
  end_client (client);
}

/* Data goes both ways through a checkout, and its deadlines end with it. */
static void
test_data_and_deadlines (Pool *pool, gconstpointer unused)
{
  LeashContext *ctx = pool->base.ctx;
  g_autoptr (LeashClient) client = leash_client_new (ctx, pool->address, NULL);
  LeashConn *conn = check_out (client, ctx);
  g_autoptr (LeashConn) server = accept_one (pool->listener, ctx);
  g_autoptr (GError) error = NULL;
  char buffer[8];

  leash_conn_set_deadline (conn, 0);
  g_assert_cmpint (leash_conn_write (conn, ctx, "x", 1, &error), ==, -1);
  assert_io_error (error, G_IO_ERROR_TIMED_OUT, pool->address);
  give_back (client, conn);
  conn = check_out (client, ctx);
  g_assert_cmpint (leash_conn_write (conn, ctx, "ping", 4, &error), ==, 4);
  g_assert_cmpint (leash_conn_read (server, ctx, buffer, sizeof buffer, &error), ==, 4);
  g_assert_cmpint (leash_conn_write (server, ctx, "pong", 4, &error), ==, 4);
  g_assert_cmpint (leash_conn_read (conn, ctx, buffer, sizeof buffer, &error), ==, 4);
  give_back (client, conn);
  end_client (client);
  g_assert_cmpint (leash_conn_read (server, ctx, buffer, sizeof buffer, &error), ==, 0);
}

static void
test_thrown_away (Pool *pool, gconstpointer unused)
{
  g_autoptr (LeashClient) client = leash_client_new (pool->base.ctx, pool->address, NULL);
  LeashConn *closed = check_out (client, pool->base.ctx), *dropped;

  g_assert_true (leash_conn_close (closed, NULL));
  g_assert_cmpuint (stats_of (client).n_open, ==, 0);
  leash_conn_unref (closed);
  dropped = check_out (client, pool->base.ctx);
  leash_conn_unref (dropped);
  g_assert_cmpuint (stats_of (client).n_open, ==, 0);
  g_assert_cmpuint (stats_of (client).n_dials, ==, 2);
  end_client (client);
}

static void
test_max_idle (Pool *pool, gconstpointer unused)
{
  g_autoptr (LeashClient) client = leash_client_new (pool->base.ctx, pool->address, OPTIONS (.max_idle = 1));
  LeashConn *one = check_out (client, pool->base.ctx), *other = check_out (client, pool->base.ctx);

  give_back (client, one);
  give_back (client, other);
  g_assert_cmpuint (stats_of (client).n_idle, ==, 1);
  g_assert_cmpuint (stats_of (client).n_open, ==, 1);
  end_client (client);
}

/* Those that wait are served in the order in which they came, by returned connections and by places that are
 * free. */
static void
test_first_come_first_served (Pool *pool, gconstpointer unused)
{
  g_autoptr (LeashClient) client = leash_client_new (pool->base.ctx, pool->address, OPTIONS (.max_open = 1));
  LeashConn *conn = check_out (client, pool->base.ctx);
  Sleeper waiters[5];

  for (guint i = 0; i < G_N_ELEMENTS (waiters); i++)
    start_waiter (&waiters[i], client, pool->base.ctx);
  for (guint i = 0; i < G_N_ELEMENTS (waiters); i++)
    {
      if (i % 2 == 0)
        give_back (client, conn);
      else
        leash_conn_unref (conn);
      sleeper_join (&waiters[i]);
      g_assert_no_error (waiters[i].error);
      conn = waiters[i].result;
      g_assert_nonnull (conn);
      g_assert_cmpuint (stats_of (client).n_waiting, ==, G_N_ELEMENTS (waiters) - 1 - i);
    }
  give_back (client, conn);
  g_assert_cmpuint (stats_of (client).n_waits, ==, G_N_ELEMENTS (waiters));
  g_assert_cmpint (stats_of (client).wait_time, >, 0);
  g_assert_cmpuint (stats_of (client).n_dials, ==, 3);
  end_client (client);
}

#define N_THREADS 16
#define N_TURNS 200
#define N_CONNS 3

typedef struct
{
  LeashClient *client;
  LeashContext *ctx;
  gint n_at_once; /* atomic */
} Crowd;

static gpointer
run_in_crowd (gpointer data)
{
  Crowd *crowd = data;

  for (guint i = 0; i < N_TURNS; i++)
    {
      LeashConn *conn = check_out (crowd->client, crowd->ctx);

      g_assert_cmpint (g_atomic_int_add (&crowd->n_at_once, 1), <, N_CONNS);
      if (i % 8 == 0)
        g_thread_yield ();
      g_atomic_int_add (&crowd->n_at_once, -1);
      if (i % 50 == 49)
        leash_conn_unref (conn);
      else
        give_back (crowd->client, conn);
    }
  return NULL;
}

static gpointer
run_accepting (gpointer data)
{
  LeashConn *conn;

  while ((conn = leash_listener_accept (data, leash_context_background (), NULL)) != NULL)
    leash_conn_unref (conn);
  return NULL;
}

static void
test_crowd (Pool *pool, gconstpointer unused)
{
  g_autoptr (LeashClient) client
      = leash_client_new (pool->base.ctx, pool->address, OPTIONS (.max_open = N_CONNS));
  GThread *server = g_thread_new ("server", run_accepting, pool->listener);
  Crowd crowd = { .client = client, .ctx = pool->base.ctx };
  GThread *threads[N_THREADS];

  for (guint i = 0; i < N_THREADS; i++)
    threads[i] = g_thread_new ("crowd", run_in_crowd, &crowd);
  for (guint i = 0; i < N_THREADS; i++)
    g_thread_join (threads[i]);
  g_assert_cmpuint (stats_of (client).n_waiting, ==, 0);
  g_assert_cmpuint (stats_of (client).n_in_use, ==, 0);
  g_assert_cmpuint (stats_of (client).n_hits + stats_of (client).n_dials, ==, N_THREADS * N_TURNS);
  end_client (client);
  leash_listener_close (pool->listener, NULL);
  g_thread_join (server);
}

/* A third gets what is returned while the two before it give up. */
static void
test_waiters_give_up (Pool *pool, gconstpointer unused)
{
  g_autoptr (LeashContext) cancelled = leash_context_with_cancel (pool->base.ctx);
  g_autoptr (LeashContext) timed = leash_context_with_timeout (pool->timed, 1000);
  g_autoptr (LeashClient) client
      = leash_client_new (pool->timed, pool->address, OPTIONS (.max_open = 1, .max_waiters = 3));
  LeashConn *conn = check_out (client, pool->timed);
  g_autoptr (GError) error = NULL;
  Sleeper waiters[3];

  start_waiter (&waiters[0], client, cancelled);
  start_waiter (&waiters[1], client, timed);
  start_waiter (&waiters[2], client, pool->base.ctx);
  g_assert_null (leash_client_checkout (client, pool->base.ctx, &error));
  assert_io_error (error, G_IO_ERROR_BUSY, "Checking out", pool->address, "3 checkouts wait");
  leash_context_cancel (cancelled, NULL);
  sleeper_join (&waiters[0]);
  assert_io_error (waiters[0].error, G_IO_ERROR_CANCELLED, pool->address, "1 of at most 1", "1 in use",
                   leash_has_tracking () ? "checked out in check_out" : "");
  leash_clock_advance (pool->clock, 1000);
  sleeper_join (&waiters[1]);
  assert_io_error (waiters[1].error, G_IO_ERROR_TIMED_OUT, "1 in use");
  g_assert_cmpint (stats_of (client).wait_time, >=, 1000);
  give_back (client, conn);
  sleeper_join (&waiters[2]);
  give_back (client, waiters[2].result);
  g_assert_null (leash_client_checkout (client, pool->base.done, &error));
  assert_io_error (error, G_IO_ERROR_CANCELLED, pool->address);
  end_client (client);
}

static void
test_stale (Pool *pool, gconstpointer unused)
{
  g_autoptr (LeashClient) client
      = leash_client_new (pool->timed, pool->address, OPTIONS (.probe_after = 500));
  LeashConn *conns[] = { check_out (client, pool->base.ctx), check_out (client, pool->base.ctx) };
  char byte;

  for (guint i = 0; i < 2; i++)
    {
      LeashConn *server = accept_one (pool->listener, pool->base.ctx);

      give_back (client, conns[i]);
      leash_conn_unref (server);
    }
  /* Not looked at before its time. */
  conns[0] = check_out (client, pool->base.ctx);
  g_assert_cmpuint (stats_of (client).n_stale, ==, 0);
  g_assert_cmpint (leash_conn_read (conns[0], pool->base.ctx, &byte, 1, NULL), ==, 0);
  give_back (client, conns[0]);
  leash_clock_advance (pool->clock, 501);
  conns[0] = check_out (client, pool->base.ctx);
  g_assert_cmpuint (stats_of (client).n_stale, ==, 2);
  g_assert_cmpuint (stats_of (client).n_dials, ==, 3);
  g_assert_cmpuint (stats_of (client).n_hits, ==, 1);
  g_assert_cmpuint (stats_of (client).n_open, ==, 1);
  give_back (client, conns[0]);
  leash_clock_advance (pool->clock, 501);
  conns[0] = check_out (client, pool->base.ctx);
  g_assert_cmpuint (stats_of (client).n_stale, ==, 2);
  give_back (client, conns[0]);
  end_client (client);
}

static gboolean
answer_health (LeashConn *conn, LeashContext *ctx, gpointer is_well, GError **error)
{
  return *(gboolean *) is_well;
}

static void
test_health (Pool *pool, gconstpointer unused)
{
  gboolean is_well = TRUE;
  g_autoptr (LeashClient) client = leash_client_new (
      pool->timed, pool->address,
      OPTIONS (.health_check = answer_health, .health_check_after = 100, .health_check_data = &is_well));

  give_back (client, check_out (client, pool->base.ctx));
  is_well = FALSE;
  leash_clock_advance (pool->clock, 100);
  give_back (client, check_out (client, pool->base.ctx));
  g_assert_cmpuint (stats_of (client).n_health_failures, ==, 0);
  leash_clock_advance (pool->clock, 101);
  give_back (client, check_out (client, pool->base.ctx));
  g_assert_cmpuint (stats_of (client).n_health_failures, ==, 1);
  g_assert_cmpuint (stats_of (client).n_dials, ==, 2);
  end_client (client);
}

static void
test_idle_time (Pool *pool, gconstpointer unused)
{
  g_autoptr (LeashClient) client = leash_client_new (pool->timed, pool->address, OPTIONS (.idle_time = 1000));
  LeashConn *one = check_out (client, pool->base.ctx), *other = check_out (client, pool->base.ctx);

  give_back (client, one);
  leash_clock_advance (pool->clock, 1000);
  give_back (client, other);
  g_assert_cmpuint (stats_of (client).n_expired, ==, 1);
  g_assert_cmpuint (stats_of (client).n_open, ==, 1);
  leash_clock_advance (pool->clock, 999);
  leash_client_trim (client);
  g_assert_cmpuint (stats_of (client).n_open, ==, 1);
  leash_clock_advance (pool->clock, 1);
  leash_client_trim (client);
  g_assert_cmpuint (stats_of (client).n_open, ==, 0);
  give_back (client, check_out (client, pool->base.ctx));
  leash_clock_advance (pool->clock, 1000);
  give_back (client, check_out (client, pool->base.ctx));
  g_assert_cmpuint (stats_of (client).n_expired, ==, 3);
  g_assert_cmpuint (stats_of (client).n_dials, ==, 4);
  end_client (client);
}

static void
test_life_time (Pool *pool, gconstpointer unused)
{
  g_autoptr (LeashClient) client = leash_client_new (pool->timed, pool->address, OPTIONS (.life_time = 1000));
  LeashConn *conn = check_out (client, pool->base.ctx);

  leash_clock_advance (pool->clock, 999);
  give_back (client, conn);
  g_assert_cmpuint (stats_of (client).n_open, ==, 1);
  leash_clock_advance (pool->clock, 1);
  conn = check_out (client, pool->base.ctx);
  g_assert_cmpuint (stats_of (client).n_expired, ==, 1);
  leash_clock_advance (pool->clock, 1000);
  give_back (client, conn);
  g_assert_cmpuint (stats_of (client).n_expired, ==, 2);
  g_assert_cmpuint (stats_of (client).n_open, ==, 0);
  end_client (client);
}

typedef struct
{
  LeashListener *listener;
  LeashConn *server;     /* accepted by the call before */
  gboolean reads_a_byte; /* before it fails */
  guint n_calls;
} Request;

/* Fails on a connection that its server has closed. */
static gboolean
request (LeashConn *conn, LeashContext *ctx, gpointer data, GError **error)
{
  Request *request = data;
  char byte;
  gssize n;

  request->n_calls++;
  if (request->server == NULL)
    request->server = accept_one (request->listener, ctx);
  if (request->reads_a_byte)
    g_assert_cmpint (leash_conn_write (request->server, ctx, "x", 1, NULL), ==, 1);
  if (!request->reads_a_byte && !leash_conn_is_closed (request->server))
    return TRUE;
  n = leash_conn_read (conn, ctx, &byte, 1, error);
  if (n == 0)
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_CONNECTION_CLOSED, "no answer");
  else if (n > 0)
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, "a bad answer");
  if (leash_conn_is_closed (request->server))
    g_clear_pointer (&request->server, leash_conn_unref);
  return FALSE;
}

static void
test_call_is_retried (Pool *pool, gconstpointer unused)
{
  LeashContext *ctx = pool->base.ctx;
  g_autoptr (LeashClient) client = leash_client_new (ctx, pool->address, NULL);
  Request call = { .listener = pool->listener };
  g_autoptr (GError) error = NULL;

  g_assert_true (leash_client_call (client, ctx, request, &call, &error));
  g_assert_cmpuint (call.n_calls, ==, 1);
  leash_conn_close (call.server, NULL);
  g_assert_true (leash_client_call (client, ctx, request, &call, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (call.n_calls, ==, 3);
  g_assert_cmpuint (stats_of (client).n_dials, ==, 2);
  /* Not when an answer has begun. */
  call.reads_a_byte = TRUE;
  g_assert_false (leash_client_call (client, ctx, request, &call, &error));
  assert_io_error (error, G_IO_ERROR_INVALID_DATA, "a bad answer");
  g_assert_cmpuint (call.n_calls, ==, 4);
  g_clear_pointer (&call.server, leash_conn_unref);
  /* Nor on a connection that was dialled for the call. */
  g_assert_false (leash_client_call (client, ctx, request, &call, &error));
  assert_io_error (error, G_IO_ERROR_INVALID_DATA, "a bad answer");
  g_assert_cmpuint (call.n_calls, ==, 5);
  g_clear_pointer (&call.server, leash_conn_unref);
  end_client (client);
}

static void
test_breaker (Pool *pool, gconstpointer unused)
{
  LeashContext *ctx = pool->base.ctx;
  g_autofree char *address = g_strdup (pool->address);
  g_autoptr (LeashClient) client = leash_client_new (
      pool->timed, address, OPTIONS (.max_open = 2, .breaker_failures = 2, .breaker_time = 1000));
  g_autoptr (GError) error = NULL;

  g_assert_true (leash_listener_close (pool->listener, NULL));
  for (guint i = 0; i < 3; i++)
    {
      g_assert_null (leash_client_checkout (client, ctx, &error));
      assert_io_error (error, G_IO_ERROR_CONNECTION_REFUSED, "Checking out", address,
                       i < 2 ? "refused" : "2 dials in a row");
    }
  g_assert_cmpint (stats_of (client).breaker, ==, LEASH_BREAKER_OPEN);
  leash_clock_advance (pool->clock, 1000);
  g_assert_null (leash_client_checkout (client, ctx, &error));
  assert_io_error (error, G_IO_ERROR_CONNECTION_REFUSED, "refused");
  g_assert_cmpuint (stats_of (client).n_dials, ==, 3);
  g_assert_cmpuint (stats_of (client).n_dial_failures, ==, 3);
  g_assert_null (leash_client_checkout (client, ctx, &error));
  assert_io_error (error, G_IO_ERROR_CONNECTION_REFUSED, "3 dials in a row");
  leash_clock_advance (pool->clock, 1000);
  leash_listener_unref (pool->listener);
  pool->listener = start_listening (leash_context_background (), address);
  give_back (client, check_out (client, ctx));
  g_assert_cmpint (stats_of (client).breaker, ==, LEASH_BREAKER_CLOSED);
  end_client (client);
}

static void
test_leak (Pool *pool, gconstpointer unused)
{
  g_autoptr (LeashTracker) tracker = leash_tracker_new ();
  g_autoptr (LeashContext) ctx = leash_context_with_tracker (leash_context_background (), tracker);
  g_autoptr (LeashClient) client = leash_client_new (pool->base.ctx, pool->address, NULL);
  LeashConn *leaked;

  /* What is returned is no leak, whatever the pool keeps. */
  give_back (client, check_out (client, ctx));
  g_assert_cmpuint (leash_tracker_count_open (tracker), ==, 0);
  leaked = check_out (client, ctx);
  if (leash_has_tracking ())
    {
      assert_only_open (tracker, "checkout", pool->address, check_out);
      g_assert_cmpuint (count_kind (pool->base.tracker, "client"), ==, 1);
      g_assert_cmpuint (count_kind (pool->base.tracker, "conn"), ==, 1);
    }
  give_back (client, leaked);
  end_client (client);
}

/* A wrapper of the pool, as a library for a protocol has. */
static G_NO_INLINE LeashConn *
check_out_wrapped (LeashClient *client, LeashContext *ctx)
{
  LeashConn *conn = leash_client_checkout_caller (client, ctx, LEASH_CALLER, NULL);

  g_assert_nonnull (conn);
  return conn;
}

static G_NO_INLINE LeashConn *
call_wrapper (LeashClient *client, LeashContext *ctx)
{
  LeashConn *conn = check_out_wrapped (client, ctx);

  g_assert_nonnull (conn);
  return conn;
}

static void
test_pool_of_something_else (Pool *pool, gconstpointer unused)
{
  g_autoptr (LeashTracker) tracker = leash_tracker_new ();
  g_autoptr (LeashContext) ctx = leash_context_with_tracker (leash_context_background (), tracker);
  g_autoptr (LeashClient) client = leash_client_new (pool->base.ctx, pool->address,
                                                     OPTIONS (.kind = "cellar", .checkout_kind = "bottle"));
  LeashConn *conn = call_wrapper (client, ctx);
  g_autofree char *report = leash_tracker_report (tracker, LEASH_FORMAT_TEXT);

  if (leash_has_tracking ())
    {
      assert_only_open (tracker, "bottle", pool->address, call_wrapper);
      g_assert_null (strstr (report, "check_out_wrapped"));
      g_assert_cmpuint (count_kind (pool->base.tracker, "cellar"), ==, 1);
    }
  give_back (client, conn);
  end_client (client);
}

static void
assert_misuse (Pool *pool, const char *kind, const char *what)
{
  g_autoptr (LeashSnapshot) snapshot = leash_snapshot_new (pool->base.tracker);
  const LeashMisuse *misuse;

  pool->base.n_misuses++;
  if (!leash_has_tracking ())
    return;
  g_assert_cmpuint (leash_snapshot_get_n_misuses (snapshot), ==, pool->base.n_misuses);
  misuse = leash_snapshot_get_misuse (snapshot, (guint) pool->base.n_misuses - 1);
  g_assert_cmpstr (misuse->kind, ==, kind);
  g_assert_cmpstr (misuse->what, ==, what);
  g_assert_cmpuint (misuse->opened_stack, !=, 0);
  g_assert_cmpuint (misuse->stack, !=, 0);
}

static void
test_use_after_return (Pool *pool, gconstpointer unused)
{
  LeashContext *ctx = pool->base.ctx;
  g_autoptr (LeashClient) client = leash_client_new (ctx, pool->address, NULL);
  g_autoptr (LeashConn) conn = check_out (client, ctx);
  g_autoptr (GError) error = NULL;
  char byte;

  g_assert_true (leash_client_return (client, conn, &error));
  g_assert_cmpint (leash_conn_read (conn, ctx, &byte, 1, &error), ==, -1);
  assert_io_error (error, G_IO_ERROR_CLOSED, "the checkout is closed", pool->address);
  assert_misuse (pool, "checkout", "read after close");
  g_assert_false (leash_client_return (client, conn, &error));
  assert_io_error (error, G_IO_ERROR_CLOSED, "Returning", pool->address);
  assert_misuse (pool, "checkout", "returned after close or return");
  end_client (client);
}

static void
test_closed_with_checkouts (Pool *pool, gconstpointer unused)
{
  LeashContext *ctx = pool->base.ctx;
  g_autoptr (LeashClient) client = leash_client_new (ctx, pool->address, OPTIONS (.max_open = 2));
  LeashConn *one = check_out (client, ctx), *idle = check_out (client, ctx);
  g_autoptr (GError) error = NULL;

  give_back (client, idle);
  g_assert_true (leash_client_close (client, &error));
  assert_misuse (pool, "checkout", "its client was closed");
  if (leash_has_tracking ())
    assert_only_open (pool->base.tracker, "checkout", pool->address, check_out);
  g_assert_null (leash_client_checkout (client, ctx, &error));
  assert_io_error (error, G_IO_ERROR_CLOSED, "the client is closed", pool->address);
  g_assert_cmpint (leash_conn_write (one, ctx, "x", 1, &error), ==, 1);
  g_clear_pointer (&client, leash_client_unref);
  leash_conn_unref (one);
}

static void
test_close_wakes_waiters (Pool *pool, gconstpointer unused)
{
  LeashContext *ctx = pool->base.ctx;
  g_autoptr (LeashClient) client = leash_client_new (ctx, pool->address, OPTIONS (.max_open = 1));
  LeashConn *conn = check_out (client, ctx);
  g_autoptr (GError) error = NULL;
  Sleeper waiters[2];

  start_waiter (&waiters[0], client, ctx);
  start_waiter (&waiters[1], client, ctx);
  g_assert_true (leash_client_close (client, NULL));
  assert_misuse (pool, "checkout", "its client was closed");
  for (guint i = 0; i < 2; i++)
    {
      sleeper_join (&waiters[i]);
      assert_io_error (waiters[i].error, G_IO_ERROR_CLOSED, "the client is closed");
    }
  g_assert_false (leash_client_close (client, &error));
  assert_io_error (error, G_IO_ERROR_CLOSED, "Closing", pool->address);
  assert_misuse (pool, "client", "closed twice");
  give_back (client, conn);
  g_assert_cmpuint (stats_of (client).n_open, ==, 0);
}

/* Another thread's read would take the next user's answer. */
static void
test_returned_while_read (Pool *pool, gconstpointer unused)
{
  LeashContext *ctx = pool->base.ctx;
  g_autoptr (LeashClient) client = leash_client_new (ctx, pool->address, NULL);
  LeashConn *conn = check_out (client, ctx);
  Sleeper reader = { .func = sleep_reading, .ctx = ctx, .subject = conn };

  sleeper_start (&reader);
  g_assert_true (leash_client_return (client, conn, NULL));
  sleeper_join (&reader);
  assert_io_error (reader.error, G_IO_ERROR_CLOSED, pool->address);
  leash_conn_unref (conn);
  g_assert_cmpuint (stats_of (client).n_open, ==, 0);
  end_client (client);
}

static void
test_line_client (Pool *pool, gconstpointer unused)
{
  LeashContext *ctx = pool->base.ctx;
  g_autoptr (LeashClient) client = leash_client_new (ctx, pool->address, NULL);
  LeashConn *conn = check_out (client, ctx);
  g_autoptr (LeashConn) server = accept_one (pool->listener, ctx);
  LeashLineClient *lines = leash_line_client_new (conn);
  g_autofree char *answer = NULL;

  g_assert_cmpint (leash_conn_write (server, ctx, "pong\n", 5, NULL), ==, 5);
  answer = leash_line_client_request (lines, ctx, "ping", NULL);
  g_assert_cmpstr (answer, ==, "pong");
  leash_line_client_unref (lines);
  give_back (client, conn);
  g_assert_cmpuint (stats_of (client).n_idle, ==, 1);
  end_client (client);
}

static void
test_bad_arguments (Pool *pool, gconstpointer unused)
{
  g_autoptr (LeashClient) client = leash_client_new (pool->base.ctx, pool->address, NULL);
  g_autoptr (LeashConn) other = dial (pool->base.ctx, pool->address);

  expect_critical ("leash_client_new", "ctx != NULL");
  g_assert_null (leash_client_new (NULL, pool->address, NULL));
  expect_critical ("leash_client_new", "options->size");
  g_assert_null (leash_client_new (pool->base.ctx, pool->address, &(LeashClientOptions){ .size = 1 }));
  expect_critical ("leash_client_new", "has_no_negative_time");
  g_assert_null (leash_client_new (pool->base.ctx, pool->address, OPTIONS (.idle_time = -1)));
  expect_critical ("leash_client_return", "conn->client == client");
  g_assert_false (leash_client_return (client, other, NULL));
  expect_critical ("leash_client_checkout", "ctx != NULL");
  g_assert_null (leash_client_checkout (client, NULL, NULL));
  expect_critical ("leash_client_call", "func != NULL");
  g_assert_false (leash_client_call (client, pool->base.ctx, NULL, NULL, NULL));
  assert_expected ();
  leash_client_unref (NULL);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  warm_up ();
  ADD_POOL ("/net/client/returned-is-used-again", test_reuse);
  g_test_add ("/net/client/unix", Pool, "unix", pool_set_up, test_reuse, pool_tear_down);
  ADD_POOL ("/net/client/data-and-deadlines-of-a-checkout", test_data_and_deadlines);
  ADD_POOL ("/net/client/closed-is-thrown-away", test_thrown_away);
  ADD_POOL ("/net/client/no-more-idle-than-wanted", test_max_idle);
  ADD_POOL ("/net/client/first-come-first-served", test_first_come_first_served);
  ADD_POOL ("/net/client/crowd-of-threads", test_crowd);
  ADD_POOL ("/net/client/waiters-give-up", test_waiters_give_up);
  ADD_POOL ("/net/client/stale-is-thrown-away", test_stale);
  ADD_POOL ("/net/client/health-check", test_health);
  ADD_POOL ("/net/client/idle-time", test_idle_time);
  ADD_POOL ("/net/client/life-time", test_life_time);
  ADD_POOL ("/net/client/call-is-retried-on-another-connection", test_call_is_retried);
  ADD_POOL ("/net/client/breaker", test_breaker);
  ADD_POOL ("/net/client/leaked-checkout-is-named-apart", test_leak);
  ADD_POOL ("/net/client/pool-of-something-else-has-its-kinds-and-callers", test_pool_of_something_else);
  ADD_POOL ("/net/client/use-after-return-is-reported", test_use_after_return);
  ADD_POOL ("/net/client/close-reports-checkouts", test_closed_with_checkouts);
  ADD_POOL ("/net/client/close-wakes-waiters", test_close_wakes_waiters);
  ADD_POOL ("/net/client/returned-while-it-is-read-is-thrown-away", test_returned_while_read);
  ADD_POOL ("/net/client/lines-over-a-checkout", test_line_client);
  ADD_POOL ("/net/client/bad-arguments", test_bad_arguments);
  return g_test_run ();
}
