/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where a client's connections come from: health checks that talk to the server, dials that take too long,
 * the breaker under parallel dials, who is first in line, and which calls get another one. Times are a fake
 * clock's.
 */
#include "client-fixture.h"

/* Health checks */

static gboolean
ping (LeashConn *conn, LeashContext *ctx, gpointer unused, GError **error)
{
  char answer[4];

  return leash_conn_write_all (conn, ctx, "ping", 4, NULL, error)
         && leash_conn_read_all (conn, ctx, answer, 4, NULL, error) && memcmp (answer, "pong", 4) == 0;
}

/* A client with one idle connection that is to be checked, and its other end. */
static LeashConn *
leave_idle (Pool *pool, LeashClient *client)
{
  LeashConn *conn = check_out (client, pool->timed);
  LeashConn *server = accept_one (pool->listener, pool->base.ctx);

  give_back (client, conn);
  leash_clock_advance (pool->clock, 101);
  return server;
}

static void
assert_pinged (Pool *pool, LeashConn *server)
{
  char asked[4];

  g_assert_true (leash_conn_read_all (server, pool->base.ctx, asked, 4, NULL, NULL));
  g_assert_cmpmem (asked, 4, "ping", 4);
}

static void
test_health_over_the_wire (Pool *pool, gconstpointer unused)
{
  g_autoptr (LeashClient) client = leash_client_new (
      pool->timed, pool->address, OPTIONS (.health_check = ping, .health_check_after = 100));
  g_autoptr (LeashConn) server = leave_idle (pool, client);
  Sleeper user = { .func = sleep_checking_out, .ctx = pool->timed, .subject = client };

  sleeper_start (&user);
  assert_pinged (pool, server);
  g_assert_true (leash_conn_write_all (server, pool->base.ctx, "pong", 4, NULL, NULL));
  sleeper_join (&user);
  g_assert_no_error (user.error);
  give_back (client, user.result);
  g_assert_cmpuint (stats_of (client).n_hits, ==, 1);
  g_assert_cmpuint (stats_of (client).n_health_failures, ==, 0);
  /* The peer is gone: found out by the ping, as nobody has looked before it. */
  g_assert_true (leash_conn_close (server, NULL));
  leash_clock_advance (pool->clock, 101);
  give_back (client, check_out (client, pool->timed));
  g_assert_cmpuint (stats_of (client).n_health_failures, ==, 1);
  g_assert_cmpuint (stats_of (client).n_stale, ==, 0);
  g_assert_cmpuint (stats_of (client).n_dials, ==, 2);
  end_client (client);
}

/* A peer that does not answer costs the time of the check, and not that of the caller. */
static void
test_health_that_hangs (Pool *pool, gconstpointer unused)
{
  g_autoptr (LeashClient) client = leash_client_new (
      pool->timed, pool->address,
      OPTIONS (.health_check = ping, .health_check_after = 100, .health_check_timeout = 50));
  g_autoptr (LeashConn) server = leave_idle (pool, client);
  Sleeper user = { .func = sleep_checking_out, .ctx = pool->timed, .subject = client };
  char byte;

  sleeper_start (&user);
  assert_pinged (pool, server);
  wait_until (is_asleep (g_atomic_int_get (&user.tid)));
  leash_clock_advance (pool->clock, 50);
  sleeper_join (&user);
  g_assert_no_error (user.error);
  give_back (client, user.result);
  g_assert_cmpuint (stats_of (client).n_health_failures, ==, 1);
  g_assert_cmpuint (stats_of (client).n_dials, ==, 2);
  g_assert_cmpint (leash_conn_read (server, pool->base.ctx, &byte, 1, NULL), ==, 0);
  end_client (client);
}

/* A caller's deadline comes while it looks at the connection whose other end is server. */
static void
end_caller_while_it_looks (Pool *pool, LeashClient *client, LeashConn *server)
{
  g_autoptr (LeashContext) second = leash_context_with_timeout (pool->timed, G_TIME_SPAN_SECOND);
  Sleeper user = { .func = sleep_checking_out, .ctx = second, .subject = client };

  sleeper_start (&user);
  assert_pinged (pool, server);
  wait_until (is_asleep (g_atomic_int_get (&user.tid)));
  leash_clock_advance (pool->clock, G_TIME_SPAN_SECOND);
  sleeper_join (&user);
  assert_io_error (user.error, G_IO_ERROR_TIMED_OUT, "Checking out", pool->address);
  g_clear_error (&user.error);
}

/* Regression: one caller's end had all idle connections thrown away as ill. */
static void
test_health_of_the_others (Pool *pool, gconstpointer unused)
{
  g_autoptr (LeashClient) client = leash_client_new (
      pool->timed, pool->address, OPTIONS (.health_check = ping, .health_check_after = 100));
  LeashConn *other = check_out (client, pool->timed);
  g_autoptr (LeashConn) server_of_other = accept_one (pool->listener, pool->base.ctx);
  LeashConn *newest = check_out (client, pool->timed);
  g_autoptr (LeashConn) server = accept_one (pool->listener, pool->base.ctx);

  give_back (client, other);
  give_back (client, newest);
  leash_clock_advance (pool->clock, 101);
  end_caller_while_it_looks (pool, client, server);
  g_assert_cmpuint (stats_of (client).n_idle, ==, 1);
  g_assert_cmpuint (stats_of (client).n_health_failures, ==, 1);
  end_client (client);
}

/* Regression: a connection that was being looked at was a misuse of who closed the client. */
static void
test_closed_during_a_health_check (Pool *pool, gconstpointer unused)
{
  g_autoptr (LeashClient) client = leash_client_new (
      pool->timed, pool->address, OPTIONS (.health_check = ping, .health_check_after = 100));
  g_autoptr (LeashConn) server = leave_idle (pool, client);
  Sleeper user = { .func = sleep_checking_out, .ctx = pool->timed, .subject = client };

  sleeper_start (&user);
  assert_pinged (pool, server);
  g_assert_true (leash_client_close (client, NULL));
  g_assert_true (leash_conn_write_all (server, pool->base.ctx, "pong", 4, NULL, NULL));
  sleeper_join (&user);
  assert_io_error (user.error, G_IO_ERROR_CLOSED, "the client was closed in another thread");
  g_assert_cmpuint (stats_of (client).n_open, ==, 0);
  g_assert_cmpuint (leash_tracker_count_misuses (pool->base.tracker), ==, 0);
}

static void
test_health_until_the_callers_deadline (Pool *pool, gconstpointer unused)
{
  g_autoptr (LeashClient) client = leash_client_new (
      pool->timed, pool->address, OPTIONS (.health_check = ping, .health_check_after = 100));
  g_autoptr (LeashConn) server = leave_idle (pool, client);

  end_caller_while_it_looks (pool, client, server);
  g_assert_cmpuint (stats_of (client).n_open, ==, 0);
  end_client (client);
}

/* Dials, on a network that can be made to say nothing */

#define DB "tcp:db.example:5432"
#define BREAKER_TIME 500
#define DIAL_TIMEOUT 1000

typedef struct
{
  LeashNetwork *net;
  LeashContext *ctx;
  LeashListener *listener;
  LeashClient *client;
} Lab;

static Lab
lab_new (Pool *pool, guint breaker_failures)
{
  g_autoptr (LeashNetwork) memory = leash_memory_network_new ();
  Lab lab = { .net = leash_fault_network_new (memory) };

  lab.ctx = leash_context_with_network (pool->timed, lab.net);
  lab.listener = start_listening (lab.ctx, DB);
  lab.client = leash_client_new (lab.ctx, DB,
                                 OPTIONS (.breaker_failures = breaker_failures, .breaker_time = BREAKER_TIME,
                                          .dial_timeout = DIAL_TIMEOUT));
  return lab;
}

static void
lab_clear (Lab *lab)
{
  end_client (lab->client);
  leash_client_unref (lab->client);
  leash_listener_unref (lab->listener);
  leash_context_unref (lab->ctx);
  g_object_unref (lab->net);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Lab, lab_clear)

/* Returns when the dial waits for an answer. */
static void
start_dialling (Sleeper *sleeper, Lab *lab, LeashContext *ctx)
{
  guint64 n_before = stats_of (lab->client).n_dials;

  *sleeper = (Sleeper){ .func = sleep_checking_out, .ctx = ctx, .subject = lab->client };
  sleeper_start (sleeper);
  wait_until (stats_of (lab->client).n_dials == n_before + 1);
  wait_until (is_asleep (g_atomic_int_get (&sleeper->tid)));
}

static void
assert_fails (Sleeper *sleeper, int code)
{
  sleeper_join (sleeper);
  assert_io_error (sleeper->error, code, "Checking out", DB);
  g_clear_error (&sleeper->error);
}

static void
assert_refused (Lab *lab)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (leash_client_checkout (lab->client, lab->ctx, &error));
  g_assert_nonnull (error);
  g_assert_nonnull (strstr (error->message, "not dialled"));
}

static void
fail_one_dial (Lab *lab)
{
  guint rule = leash_fault_network_refuse (lab->net, NULL);
  g_autoptr (GError) error = NULL;

  g_assert_null (leash_client_checkout (lab->client, lab->ctx, &error));
  assert_io_error (error, G_IO_ERROR_CONNECTION_REFUSED, DB, "injected");
  leash_fault_network_remove (lab->net, rule);
}

static void
test_dial_timeout (Pool *pool, gconstpointer unused)
{
  g_auto (Lab) lab = lab_new (pool, 1);
  g_autoptr (LeashContext) earlier = leash_context_with_timeout (lab.ctx, DIAL_TIMEOUT / 2);
  guint rule = leash_fault_network_part (lab.net, NULL, NULL);
  Sleeper dialler;

  /* The caller's own deadline says nothing of the server. */
  start_dialling (&dialler, &lab, earlier);
  leash_clock_advance (pool->clock, DIAL_TIMEOUT / 2);
  assert_fails (&dialler, G_IO_ERROR_TIMED_OUT);
  g_assert_cmpint (stats_of (lab.client).breaker, ==, LEASH_BREAKER_CLOSED);
  start_dialling (&dialler, &lab, lab.ctx);
  leash_clock_advance (pool->clock, DIAL_TIMEOUT);
  assert_fails (&dialler, G_IO_ERROR_TIMED_OUT);
  g_assert_cmpint (stats_of (lab.client).breaker, ==, LEASH_BREAKER_OPEN);
  g_assert_cmpuint (stats_of (lab.client).n_dial_failures, ==, 2);
  g_assert_cmpuint (stats_of (lab.client).n_open, ==, 0);
  leash_fault_network_remove (lab.net, rule);
}

#define N_DIALLERS 8

typedef struct
{
  Lab *lab;
  gint n_refused; /* atomic, as is n_served */
  gint n_served;
} Rush;

static gpointer
run_in_rush (gpointer data)
{
  Rush *rush = data;
  g_autoptr (LeashConn) conn = leash_client_checkout (rush->lab->client, rush->lab->ctx, NULL);

  g_atomic_int_inc (conn != NULL ? &rush->n_served : &rush->n_refused);
  return NULL;
}

/* Of all that come when the breaker's time is over, one tries. */
static void
test_breaker_lets_one_through (Pool *pool, gconstpointer unused)
{
  g_auto (Lab) lab = lab_new (pool, 2);
  Rush rush = { .lab = &lab };
  GThread *threads[N_DIALLERS];
  guint rule;

  fail_one_dial (&lab);
  fail_one_dial (&lab);
  assert_refused (&lab);
  rule = leash_fault_network_part (lab.net, NULL, NULL);
  leash_clock_advance (pool->clock, BREAKER_TIME);
  for (guint i = 0; i < N_DIALLERS; i++)
    threads[i] = g_thread_new ("dialler", run_in_rush, &rush);
  wait_until (g_atomic_int_get (&rush.n_refused) == N_DIALLERS - 1);
  g_assert_cmpuint (stats_of (lab.client).n_dials, ==, 3);
  g_assert_cmpint (stats_of (lab.client).breaker, ==, LEASH_BREAKER_TRYING);
  leash_fault_network_remove (lab.net, rule);
  for (guint i = 0; i < N_DIALLERS; i++)
    g_thread_join (threads[i]);
  g_assert_cmpint (rush.n_served, ==, 1);
  g_assert_cmpint (stats_of (lab.client).breaker, ==, LEASH_BREAKER_CLOSED);
}

/* Dials that began before the breaker opened, and fail while one tries, let no other one through. */
static void
test_breaker_and_earlier_dials (Pool *pool, gconstpointer unused)
{
  g_auto (Lab) lab = lab_new (pool, 1);
  g_autoptr (LeashContext) cancelled = leash_context_with_cancel (lab.ctx);
  guint rule = leash_fault_network_part (lab.net, NULL, NULL);
  Sleeper gives_up, times_out, trial;

  start_dialling (&gives_up, &lab, cancelled);
  start_dialling (&times_out, &lab, lab.ctx);
  fail_one_dial (&lab);
  leash_clock_advance (pool->clock, DIAL_TIMEOUT - 100);
  start_dialling (&trial, &lab, lab.ctx);
  leash_context_cancel (cancelled, NULL);
  assert_fails (&gives_up, G_IO_ERROR_CANCELLED);
  g_assert_cmpint (stats_of (lab.client).breaker, ==, LEASH_BREAKER_TRYING);
  assert_refused (&lab);
  leash_clock_advance (pool->clock, 100);
  assert_fails (&times_out, G_IO_ERROR_TIMED_OUT);
  g_assert_cmpint (stats_of (lab.client).breaker, ==, LEASH_BREAKER_TRYING);
  leash_clock_advance (pool->clock, BREAKER_TIME);
  assert_refused (&lab);
  leash_fault_network_remove (lab.net, rule);
  sleeper_join (&trial);
  g_assert_no_error (trial.error);
  give_back (lab.client, trial.result);
  g_assert_cmpint (stats_of (lab.client).breaker, ==, LEASH_BREAKER_CLOSED);
}

/* A trial whose caller gives up has learnt nothing: the next one tries. */
static void
test_breaker_when_the_trial_gives_up (Pool *pool, gconstpointer unused)
{
  g_auto (Lab) lab = lab_new (pool, 1);
  g_autoptr (LeashContext) cancelled = leash_context_with_cancel (lab.ctx);
  Sleeper trial;
  guint rule;

  fail_one_dial (&lab);
  rule = leash_fault_network_part (lab.net, NULL, NULL);
  leash_clock_advance (pool->clock, BREAKER_TIME);
  start_dialling (&trial, &lab, cancelled);
  leash_context_cancel (cancelled, NULL);
  assert_fails (&trial, G_IO_ERROR_CANCELLED);
  leash_fault_network_remove (lab.net, rule);
  give_back (lab.client, check_out (lab.client, lab.ctx));
  g_assert_cmpint (stats_of (lab.client).breaker, ==, LEASH_BREAKER_CLOSED);
}

/* Who is first in line */

#define N_WAITERS 5
#define N_RIVALS 3

/* The one connection is the lock of what follows. */
typedef struct
{
  Pool *pool;
  LeashClient *client;
  guint served[N_WAITERS + N_RIVALS];
  guint n_served;
  gint n_busy; /* atomic; refusals that rivals met */
} Line;

typedef struct
{
  Line *line;
  guint number;
  GThread *thread;
} InLine;

static gboolean
try_once (InLine *self)
{
  g_autoptr (LeashConn) conn = leash_client_checkout (self->line->client, self->line->pool->base.ctx, NULL);

  if (conn == NULL)
    return FALSE;
  self->line->served[self->line->n_served++] = self->number;
  return leash_client_return (self->line->client, conn, NULL);
}

static gpointer
stand_in_line (gpointer data)
{
  g_assert_true (try_once (data));
  return NULL;
}

/* Tries until there is a place in the line, or the connection is there. */
static gpointer
rush_in (gpointer data)
{
  InLine *self = data;

  while (!try_once (self))
    {
      g_atomic_int_inc (&self->line->n_busy);
      g_thread_yield ();
    }
  return NULL;
}

/* Nobody who comes later is served before those who wait, however hard they try. */
static void
test_nobody_overtakes (Pool *pool, gconstpointer unused)
{
  g_autoptr (LeashClient) client
      = leash_client_new (pool->base.ctx, pool->address, OPTIONS (.max_open = 1, .max_waiters = N_WAITERS));
  Line line = { .pool = pool, .client = client };
  InLine all[N_WAITERS + N_RIVALS];
  LeashConn *conn = check_out (client, pool->base.ctx);

  for (guint i = 0; i < G_N_ELEMENTS (all); i++)
    {
      gint n_busy = g_atomic_int_get (&line.n_busy);

      all[i] = (InLine){ .line = &line, .number = i };
      all[i].thread = g_thread_new ("in line", i < N_WAITERS ? stand_in_line : rush_in, &all[i]);
      wait_until (i < N_WAITERS ? stats_of (client).n_waiting == i + 1
                                : g_atomic_int_get (&line.n_busy) > n_busy);
    }
  give_back (client, conn);
  for (guint i = 0; i < G_N_ELEMENTS (all); i++)
    g_thread_join (all[i].thread);
  g_assert_cmpuint (line.n_served, ==, G_N_ELEMENTS (all));
  for (guint i = 0; i < N_WAITERS; i++)
    g_assert_cmpuint (line.served[i], ==, i);
  end_client (client);
}

/* Calls that are made once more, or not */

typedef struct
{
  Pool *pool;
  LeashClient *client;
  LeashConn *server; /* owned; the other end of what the call is to be answered on */
  guint n_calls;
} Asked;

/* Answered by a connection of the call's own only. */
static gboolean
ask (LeashConn *conn, LeashContext *ctx, gpointer user_data, GError **error)
{
  Asked *asked = user_data;
  char byte;

  asked->n_calls++;
  if (stats_of (asked->client).n_dials == 3)
    {
      asked->server = accept_one (asked->pool->listener, ctx);
      leash_conn_write_all (asked->server, ctx, "x", 1, NULL, NULL);
    }
  return leash_conn_read_all (conn, ctx, &byte, 1, NULL, error);
}

/* The server has closed both; the second one is not taken for a better one. */
static void
test_call_among_stale (Pool *pool, gconstpointer unused)
{
  g_autoptr (LeashClient) client = leash_client_new (pool->timed, pool->address, NULL);
  LeashConn *conns[] = { check_out (client, pool->timed), check_out (client, pool->timed) };
  Asked asked = { .pool = pool, .client = client };
  g_autoptr (GError) error = NULL;

  for (guint i = 0; i < 2; i++)
    {
      g_autoptr (LeashConn) server = accept_one (pool->listener, pool->base.ctx);

      give_back (client, conns[i]);
    }
  g_assert_cmpuint (stats_of (client).n_idle, ==, 2);
  leash_client_call (client, pool->timed, ask, &asked, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (asked.n_calls, ==, 2);
  g_assert_cmpuint (stats_of (client).n_stale, ==, 1);
  g_assert_cmpuint (stats_of (client).n_dials, ==, 3);
  leash_conn_unref (asked.server);
  end_client (client);
}

/* A part of the answer comes, by the stream's read that does not wait. */
static gboolean
ask_by_stream (LeashConn *conn, LeashContext *ctx, gpointer user_data, GError **error)
{
  g_autoptr (GIOStream) stream = leash_conn_to_stream (conn, ctx);
  GPollableInputStream *input = G_POLLABLE_INPUT_STREAM (g_io_stream_get_input_stream (stream));
  Asked *asked = user_data;
  char byte;

  g_assert_cmpuint (asked->n_calls++, ==, 0);
  g_assert_true (leash_conn_write_all (asked->server, ctx, "x", 1, NULL, NULL));
  wait_until (g_pollable_input_stream_is_readable (input));
  g_assert_cmpint (g_pollable_input_stream_read_nonblocking (input, &byte, 1, NULL, NULL), ==, 1);
  g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, "a bad answer");
  return FALSE;
}

static void
test_call_read_by_stream (Pool *pool, gconstpointer unused)
{
  g_autoptr (LeashClient) client = leash_client_new (pool->timed, pool->address, NULL);
  LeashConn *conn = check_out (client, pool->timed);
  Asked asked = { .pool = pool, .server = accept_one (pool->listener, pool->base.ctx) };
  g_autoptr (GError) error = NULL;

  give_back (client, conn);
  g_assert_false (leash_client_call (client, pool->timed, ask_by_stream, &asked, &error));
  assert_io_error (error, G_IO_ERROR_INVALID_DATA, "a bad answer");
  leash_conn_unref (asked.server);
  end_client (client);
}

/* Regression: the connection came behind the client's end, and was a misuse. */
static void
test_closed_while_it_dials (Pool *pool, gconstpointer unused)
{
  g_autoptr (LeashNetwork) memory = leash_memory_network_new ();
  g_autoptr (LeashContext) ctx = leash_context_with_network (pool->base.ctx, memory);
  g_autoptr (LeashListener) listener = start_listening (ctx, "memory:x");
  g_autoptr (LeashClient) client = leash_client_new (ctx, "memory:x", NULL);
  g_autoptr (LeashConn) first = NULL, accepted = NULL;
  Sleeper user = { .func = sleep_checking_out, .ctx = ctx, .subject = client };

  leash_memory_network_set_backlog (memory, 1);
  first = dial (ctx, "memory:x");
  sleeper_start (&user);
  g_assert_true (leash_client_close (client, NULL));
  accepted = accept_one (listener, ctx);
  sleeper_join (&user);
  assert_io_error (user.error, G_IO_ERROR_CLOSED, "the client was closed in another thread");
  g_assert_cmpuint (stats_of (client).n_open, ==, 0);
  g_assert_cmpuint (leash_tracker_count_misuses (pool->base.tracker), ==, 0);
}

/* Regression: where the close came before it knew, the place that it had got counted as open for ever. */
static void
test_closed_when_served (Pool *pool, gconstpointer unused)
{
  g_autoptr (LeashNetwork) memory = leash_memory_network_new ();
  g_autoptr (LeashContext) ctx = leash_context_with_network (pool->base.ctx, memory);
  g_autoptr (LeashListener) listener = start_listening (ctx, "memory:x");

  for (guint i = 0; i < 50; i++)
    {
      g_autoptr (LeashClient) client = leash_client_new (ctx, "memory:x", OPTIONS (.max_open = 1));
      g_autoptr (LeashConn) conn = check_out (client, ctx);
      g_autoptr (LeashConn) next = NULL;
      Sleeper waiter;

      start_waiter (&waiter, client, ctx);
      g_assert_true (leash_conn_close (conn, NULL));
      g_assert_true (leash_client_close (client, NULL));
      sleeper_join (&waiter);
      next = waiter.result;
      g_clear_error (&waiter.error);
      g_clear_pointer (&next, leash_conn_unref);
      g_assert_cmpuint (stats_of (client).n_open, ==, 0);
    }
  /* Of those that were quicker. */
  pool->base.n_misuses = leash_tracker_count_misuses (pool->base.tracker);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  warm_up ();
  ADD_POOL ("/net/client/health-check-over-the-wire", test_health_over_the_wire);
  ADD_POOL ("/net/client/health-check-that-hangs", test_health_that_hangs);
  ADD_POOL ("/net/client/health-check-until-the-callers-deadline", test_health_until_the_callers_deadline);
  ADD_POOL ("/net/client/health-check-given-up-leaves-the-others", test_health_of_the_others);
  ADD_POOL ("/net/client/closed-during-a-health-check", test_closed_during_a_health_check);
  ADD_POOL ("/net/client/closed-while-it-dials", test_closed_while_it_dials);
  ADD_POOL ("/net/client/closed-when-a-waiter-was-served", test_closed_when_served);
  ADD_POOL ("/net/client/dial-timeout", test_dial_timeout);
  ADD_POOL ("/net/client/breaker-lets-one-through", test_breaker_lets_one_through);
  ADD_POOL ("/net/client/breaker-and-earlier-dials", test_breaker_and_earlier_dials);
  ADD_POOL ("/net/client/breaker-when-the-trial-gives-up", test_breaker_when_the_trial_gives_up);
  ADD_POOL ("/net/client/nobody-overtakes-who-waits", test_nobody_overtakes);
  ADD_POOL ("/net/client/call-among-stale-connections", test_call_among_stale);
  ADD_POOL ("/net/client/call-is-not-retried-behind-a-streams-read", test_call_read_by_stream);
  return g_test_run ();
}
