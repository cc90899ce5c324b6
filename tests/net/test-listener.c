/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* LeashListener: accepting, and the ends of it. */
#include "net-fixture.h"

static void
test_free_port (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (LeashListener) listener = start_listening (fixture->ctx, TCP);
  g_autoptr (LeashListener) other = start_listening (fixture->ctx, TCP);
  const char *address = leash_listener_get_address (listener);

  g_assert_true (g_str_has_prefix (address, "tcp:127.0.0.1:"));
  g_assert_cmpstr (address, !=, TCP);
  g_assert_cmpstr (address, !=, leash_listener_get_address (other));
}

static void
test_accepted_belongs_to_accept (Fixture *fixture, gconstpointer unused)
{
  LeashContext *background = leash_context_background ();
  g_autoptr (LeashListener) listener = start_listening (background, TCP);
  g_autoptr (LeashConn) dialled = dial (background, leash_listener_get_address (listener));
  g_autoptr (LeashConn) accepted = accept_one (listener, fixture->ctx);

  if (leash_has_tracking ())
    assert_only_open (fixture->tracker, "conn", leash_conn_get_local_address (dialled), accept_one);
}

static void
test_nameless_peer (Fixture *fixture, gconstpointer unused)
{
  g_autofree char *address = g_strconcat ("unix:", fixture->dir, "/socket", NULL);
  g_autoptr (LeashListener) listener = start_listening (leash_context_background (), address);
  g_autoptr (LeashConn) dialled = dial (leash_context_background (), address);
  g_autoptr (LeashConn) accepted = accept_one (listener, fixture->ctx);

  g_assert_null (leash_conn_get_local_address (dialled));
  g_assert_null (leash_conn_get_remote_address (accepted));
  if (leash_has_tracking ())
    assert_only_open (fixture->tracker, "conn", address, accept_one);
}

static void
test_cancelled (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (LeashListener) listener = start_listening (fixture->ctx, TCP);
  g_autoptr (LeashContext) ctx = leash_context_with_cancel (fixture->ctx);
  Sleeper sleeper = { .func = sleep_accepting, .ctx = ctx, .subject = listener };

  sleeper_start (&sleeper);
  leash_context_cancel (ctx, NULL);
  sleeper_join (&sleeper);
  g_assert_null (sleeper.result);
  assert_io_error (sleeper.error, G_IO_ERROR_CANCELLED, "Accepting on “",
                   leash_listener_get_address (listener));
}

static void
test_deadline (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (LeashListener) listener = start_listening (fixture->ctx, TCP);
  g_autoptr (LeashContext) ctx = leash_context_with_timeout (fixture->ctx, 20000);
  g_autoptr (GError) error = NULL;

  g_assert_null (leash_listener_accept (listener, ctx, &error));
  assert_io_error (error, G_IO_ERROR_TIMED_OUT, "Accepting on “", leash_listener_get_address (listener));
  g_assert_null (leash_listener_accept (listener, fixture->done, &error));
  assert_io_error (error, G_IO_ERROR_CANCELLED, "Accepting on “");
}

static void
test_closed_by_other (Fixture *fixture, gconstpointer scheme)
{
  g_autofree char *path = g_strconcat ("unix:", fixture->dir, "/socket", NULL);
  g_autoptr (LeashListener) listener = start_listening (fixture->ctx, scheme != NULL ? scheme : path);
  Sleeper sleepers[] = {
    { .func = sleep_accepting, .ctx = fixture->ctx, .subject = listener },
    { .func = sleep_accepting, .ctx = fixture->ctx, .subject = listener },
  };

  for (guint i = 0; i < G_N_ELEMENTS (sleepers); i++)
    sleeper_start (&sleepers[i]);
  g_assert_true (leash_listener_close (listener, NULL));
  for (guint i = 0; i < G_N_ELEMENTS (sleepers); i++)
    {
      sleeper_join (&sleepers[i]);
      g_assert_null (sleepers[i].result);
      assert_io_error (sleepers[i].error, G_IO_ERROR_CLOSED, "Accepting on “", "closed in another thread");
    }
}

/* Regression: the socket was shut down for all who have it. */
static void
test_shared_socket (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (LeashListener) listener = start_listening (fixture->ctx, TCP);
  int others = dup (leash_listener_get_fd (listener));
  Sleeper sleeper = { .func = sleep_accepting, .ctx = fixture->ctx, .subject = listener };
  socklen_t size = sizeof (int);
  int listens = 0;

  sleeper_start (&sleeper);
  g_assert_true (leash_listener_close (listener, NULL));
  sleeper_join (&sleeper);
  assert_io_error (sleeper.error, G_IO_ERROR_CLOSED, "closed in another thread");
  g_assert_cmpint (getsockopt (others, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size), ==, 0);
  g_assert_cmpint (listens, ==, 1);
  close (others);
}

static void
test_no_descriptors (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (LeashListener) listener = start_listening (fixture->ctx, TCP);
  g_autoptr (LeashConn) dialled = dial (fixture->ctx, leash_listener_get_address (listener));
  g_autoptr (LeashConn) other = NULL;
  g_autoptr (LeashConn) accepted = NULL;
  g_autoptr (GError) error = NULL;
  rlim_t before = use_up_descriptors ();
  LeashConn *failed = leash_listener_accept (listener, fixture->ctx, &error);

  give_descriptors_back (before);
  g_assert_null (failed);
  assert_io_error (error, G_IO_ERROR_TOO_MANY_OPEN_FILES, "Accepting on “",
                   leash_listener_get_address (listener));
  /* The listener goes on. The kernel keeps the connection; valgrind, which plays the kernel here, does not.
   */
  other = dial (fixture->ctx, leash_listener_get_address (listener));
  accepted = accept_one (listener, fixture->ctx);
  if (g_strcmp0 (leash_conn_get_remote_address (accepted), leash_conn_get_local_address (dialled)) != 0)
    g_assert_cmpstr (leash_conn_get_remote_address (accepted), ==, leash_conn_get_local_address (other));
}

static void
test_use_after_close (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (LeashListener) listener = start_listening (fixture->ctx, TCP);
  g_autoptr (GError) error = NULL;

  g_assert_cmpint (leash_listener_get_fd (listener), >=, 0);
  g_assert_false (leash_listener_is_closed (listener));
  g_assert_true (leash_listener_close (listener, &error));
  g_assert_true (leash_listener_is_closed (listener));
  g_assert_null (leash_listener_accept (listener, fixture->ctx, &error));
  assert_io_error (error, G_IO_ERROR_CLOSED, "Accepting on “", "”: the listener is closed");
  g_assert_cmpint (leash_listener_get_fd (listener), ==, -1);
  g_assert_false (leash_listener_close (listener, &error));
  assert_io_error (error, G_IO_ERROR_CLOSED, "Closing “");
  if (leash_has_tracking ())
    fixture->n_misuses = 3;
}

/* A limit */

static void
test_limit (Fixture *fixture, gconstpointer where)
{
  g_autoptr (LeashListener) listener = start_listening (fixture->ctx, where);
  const char *address = leash_listener_get_address (listener);
  g_autoptr (LeashConn) first = dial (fixture->ctx, address);
  g_autoptr (LeashConn) second = dial (fixture->ctx, address);
  g_autoptr (LeashConn) third = dial (fixture->ctx, address);
  g_autoptr (LeashConn) accepted = NULL;
  g_autoptr (LeashConn) other = NULL;
  Sleeper sleeper = { .func = sleep_accepting, .ctx = fixture->ctx, .subject = listener };

  leash_listener_set_max_connections (listener, 1);
  accepted = accept_one (listener, fixture->ctx);
  sleeper_start (&sleeper);
  g_assert_true (leash_conn_close (accepted, NULL));
  sleeper_join (&sleeper);
  g_assert_no_error (sleeper.error);
  other = g_steal_pointer (&sleeper.result);
  sleeper_start (&sleeper);
  leash_listener_set_max_connections (listener, 2);
  sleeper_join (&sleeper);
  g_assert_no_error (sleeper.error);
  leash_conn_unref (sleeper.result);
  leash_listener_set_max_connections (listener, 0);
}

static void
test_limit_ends (Fixture *fixture, gconstpointer unused)
{
  g_auto (Ends) ends = connect_ends (fixture->ctx, TCP);
  g_autoptr (LeashConn) dialled = dial (fixture->ctx, leash_listener_get_address (ends.listener));
  g_autoptr (LeashContext) ctx = leash_context_with_cancel (fixture->ctx);
  g_autoptr (LeashContext) late = leash_context_with_timeout (fixture->ctx, 20000);
  Sleeper sleeper = { .func = sleep_accepting, .ctx = ctx, .subject = ends.listener };
  g_autoptr (GError) error = NULL;

  leash_listener_set_max_connections (ends.listener, 1);
  g_assert_null (leash_listener_accept (ends.listener, late, &error));
  assert_io_error (error, G_IO_ERROR_TIMED_OUT, "Accepting on “");
  sleeper_start (&sleeper);
  leash_context_cancel (ctx, NULL);
  sleeper_join (&sleeper);
  assert_io_error (sleeper.error, G_IO_ERROR_CANCELLED, "Accepting on “");
  sleeper.ctx = fixture->ctx;
  sleeper_start (&sleeper);
  g_assert_true (leash_listener_close (ends.listener, NULL));
  sleeper_join (&sleeper);
  assert_io_error (sleeper.error, G_IO_ERROR_CLOSED, "Accepting on “", "closed in another thread");
}

/* Threads that accept at the same time do not go beyond the limit together. */
static void
test_limit_of_many (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (LeashListener) listener = start_listening (fixture->ctx, TCP);
  Sleeper sleepers[4];
  LeashConn *dialled[G_N_ELEMENTS (sleepers)];
  guint n_accepted = 0;

  leash_listener_set_max_connections (listener, 2);
  for (guint i = 0; i < G_N_ELEMENTS (sleepers); i++)
    {
      sleepers[i] = (Sleeper){ .func = sleep_accepting, .ctx = fixture->ctx, .subject = listener };
      sleeper_start (&sleepers[i]);
    }
  for (guint i = 0; i < G_N_ELEMENTS (sleepers); i++)
    dialled[i] = dial (fixture->ctx, leash_listener_get_address (listener));
  if (leash_has_tracking ())
    {
      /* The listener, what was dialled, and two. */
      wait_until (leash_tracker_count_open (fixture->tracker) == 1 + G_N_ELEMENTS (sleepers) + 2);
      g_usleep (20000);
      g_assert_cmpuint (leash_tracker_count_open (fixture->tracker), ==, 1 + G_N_ELEMENTS (sleepers) + 2);
    }
  g_assert_true (leash_listener_close (listener, NULL));
  for (guint i = 0; i < G_N_ELEMENTS (sleepers); i++)
    {
      sleeper_join (&sleepers[i]);
      n_accepted += sleepers[i].result != NULL;
      g_clear_error (&sleepers[i].error);
      leash_conn_unref (sleepers[i].result);
      leash_conn_unref (dialled[i]);
    }
  g_assert_cmpuint (n_accepted, <=, 2);
}

/* A clean shutdown */

static void
sleep_shutting_down (Sleeper *sleeper)
{
  sleeper->n = leash_listener_shutdown (sleeper->subject, sleeper->ctx, &sleeper->error);
}

static void
test_shutdown (Fixture *fixture, gconstpointer where)
{
  g_auto (Ends) ends = connect_ends (fixture->ctx, where);
  Sleeper accepting = { .func = sleep_accepting, .ctx = fixture->ctx, .subject = ends.listener };
  Sleeper sleeper = { .func = sleep_shutting_down, .ctx = fixture->ctx, .subject = ends.listener };

  sleeper_start (&accepting);
  sleeper_start (&sleeper);
  sleeper_join (&accepting);
  assert_io_error (accepting.error, G_IO_ERROR_CLOSED, "Accepting on “");
  g_assert_true (leash_listener_is_closed (ends.listener));
  /* The connection is as well as before. */
  g_assert_true (leash_conn_write_all (ends.accepted, fixture->ctx, "x", 1, NULL, NULL));
  g_assert_true (leash_conn_close (ends.accepted, NULL));
  sleeper_join (&sleeper);
  g_assert_no_error (sleeper.error);
  g_assert_true (sleeper.n);
  g_assert_true (leash_listener_shutdown (ends.listener, fixture->done, NULL));
}

static void
test_shutdown_in_vain (Fixture *fixture, gconstpointer unused)
{
  g_auto (Ends) ends = connect_ends (fixture->ctx, TCP);
  g_autoptr (LeashContext) late = leash_context_with_timeout (fixture->ctx, 20000);
  const char *address = leash_listener_get_address (ends.listener);
  LeashConn *conns[24];
  g_autoptr (GError) error = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (conns); i += 2)
    {
      conns[i] = dial (fixture->ctx, address);
      conns[i + 1] = accept_one (ends.listener, fixture->ctx);
    }
  g_assert_false (leash_listener_shutdown (ends.listener, late, &error));
  assert_io_error (error, G_IO_ERROR_TIMED_OUT, "Shutting down “", address,
                   "”: 13 connections are still open (", leash_conn_get_remote_address (ends.accepted),
                   leash_conn_get_remote_address (conns[17]), " and 3 more): ");
  for (guint i = 0; i < G_N_ELEMENTS (conns); i++)
    leash_conn_unref (conns[i]);
  g_assert_false (leash_listener_shutdown (ends.listener, fixture->done, &error));
  assert_io_error (error, G_IO_ERROR_CANCELLED, "”: 1 connection is still open (",
                   leash_conn_get_remote_address (ends.accepted), "): ");
  g_clear_pointer (&ends.accepted, leash_conn_unref);
  g_assert_true (leash_listener_shutdown (ends.listener, fixture->done, &error));
}

/* An accepted connection outlives its listener. */
static void
test_conn_outlives (Fixture *fixture, gconstpointer unused)
{
  g_auto (Ends) ends = connect_ends (fixture->ctx, TCP);

  g_assert_true (leash_listener_close (ends.listener, NULL));
  g_clear_pointer (&ends.listener, leash_listener_unref);
  g_assert_true (leash_conn_write_all (ends.accepted, fixture->ctx, "x", 1, NULL, NULL));
}

/* Failures of a user's own listener: how often to fail, and with what */

typedef struct
{
  guint n_failures; /* that are left */
  int code;
  guint n_calls;
} Failing;

static gboolean
failing_close (gpointer impl, GError **error)
{
  return TRUE;
}

static const LeashConnOps empty_conn_ops = { .size = sizeof (LeashConnOps), .close = failing_close };

static LeashConn *
failing_accept (gpointer impl, LeashContext *ctx, GError **error)
{
  Failing *self = impl;

  self->n_calls++;
  if (self->n_failures == 0)
    return leash_conn_new (&empty_conn_ops, NULL, NULL, NULL, "mine:peer");
  self->n_failures--;
  g_set_error_literal (error, G_IO_ERROR, self->code, "nothing left");
  return NULL;
}

static const LeashListenerOps failing_ops = {
  .size = sizeof (LeashListenerOps),
  .accept = failing_accept,
  .close = failing_close,
};

static void
test_shortage_recovers (Fixture *fixture, gconstpointer unused)
{
  Failing failing = { .n_failures = 4, .code = G_IO_ERROR_NO_SPACE };
  g_autoptr (LeashListener) listener = leash_listener_new (&failing_ops, &failing, NULL, "mine:here");
  g_autoptr (LeashConn) conn = NULL;
  g_autoptr (GError) error = NULL;

  g_assert_null (leash_listener_accept (listener, fixture->ctx, &error));
  assert_io_error (error, G_IO_ERROR_NO_SPACE, "Accepting on “mine:here”: nothing left");
  conn = accept_one (listener, fixture->ctx);
  g_assert_cmpuint (failing.n_calls, ==, 5);
  /* It is well again, and tells of the next one. */
  failing.n_failures = 1;
  g_assert_null (leash_listener_accept (listener, fixture->ctx, &error));
  assert_io_error (error, G_IO_ERROR_NO_SPACE, "nothing left");
}

static void
test_shortage_stays (Fixture *fixture, gconstpointer unused)
{
  Failing failing = { .n_failures = G_MAXUINT, .code = G_IO_ERROR_TOO_MANY_OPEN_FILES };
  g_autoptr (LeashListener) listener = leash_listener_new (&failing_ops, &failing, NULL, "mine:here");
  g_autoptr (LeashContext) late = leash_context_with_timeout (fixture->ctx, 50000);
  Sleeper sleeper = { .func = sleep_accepting, .ctx = fixture->ctx, .subject = listener };
  g_autoptr (GError) error = NULL;

  g_assert_null (leash_listener_accept (listener, late, &error));
  g_clear_error (&error);
  g_assert_null (leash_listener_accept (listener, late, &error));
  assert_io_error (error, G_IO_ERROR_TIMED_OUT, "Accepting on “mine:here”: ");
  /* 5 + 10 + 20 + 40 ms, and no spinning */
  g_assert_cmpuint (failing.n_calls, <=, 5);
  sleeper_start (&sleeper);
  g_assert_true (leash_listener_close (listener, NULL));
  sleeper_join (&sleeper);
  assert_io_error (sleeper.error, G_IO_ERROR_CLOSED, "closed in another thread");
}

/* What no waiting helps against is told each time. */
static void
test_failure_stays (Fixture *fixture, gconstpointer unused)
{
  Failing failing = { .n_failures = 3, .code = G_IO_ERROR_FAILED };
  g_autoptr (LeashListener) listener = leash_listener_new (&failing_ops, &failing, NULL, "mine:here");
  g_autoptr (GError) error = NULL;

  for (guint i = 1; i <= 3; i++)
    {
      g_assert_null (leash_listener_accept (listener, fixture->ctx, &error));
      assert_io_error (error, G_IO_ERROR_FAILED, "nothing left");
      g_assert_cmpuint (failing.n_calls, ==, i);
    }
}

static __attribute__ ((noinline)) LeashListener *
listens_here (LeashContext *ctx)
{
  LeashListener *listener = leash_listen (ctx, TCP, NULL);

  g_assert_nonnull (listener);
  return listener;
}

static void
test_leak (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (LeashListener) leaked = NULL;
  g_autoptr (GError) error = NULL;

  if (!leash_has_tracking ())
    {
      g_test_skip ("built without tracking");
      return;
    }
  leaked = listens_here (fixture->ctx);
  g_assert_nonnull (leash_listener_get_tag (leaked));
  g_assert_false (leash_tracker_check (fixture->tracker, NULL));
  assert_only_open (fixture->tracker, "listener", leash_listener_get_address (leaked), listens_here);
  g_assert_true (leash_listener_close (leaked, &error));
  /* The negative control: the same tracker, and nothing left. */
  g_assert_true (leash_tracker_check (fixture->tracker, &error));
  g_assert_no_error (error);
}

static void
test_bad_arguments (Fixture *fixture, gconstpointer unused)
{
  g_auto (GValue) value = G_VALUE_INIT;

  g_value_init (&value, LEASH_TYPE_LISTENER);
  g_value_take_boxed (&value, start_listening (fixture->ctx, TCP));
  expect_critical ("leash_listener_ref", "listener != NULL");
  g_assert_null (leash_listener_ref (NULL));
  expect_critical ("leash_listener_accept", "listener != NULL");
  g_assert_null (leash_listener_accept (NULL, fixture->ctx, NULL));
  expect_critical ("leash_listener_close", "listener != NULL");
  g_assert_false (leash_listener_close (NULL, NULL));
  expect_critical ("leash_listener_set_max_connections", "listener != NULL");
  leash_listener_set_max_connections (NULL, 1);
  expect_critical ("leash_listener_shutdown", "ctx != NULL");
  g_assert_false (leash_listener_shutdown (g_value_get_boxed (&value), NULL, NULL));
  assert_expected ();
  leash_listener_unref (NULL);
}

#define ADD_ON(path, address, func) g_test_add (path, Fixture, address, set_up, func, tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  warm_up ();
  ADD ("/net/listener/port-0-takes-a-free-one", test_free_port);
  ADD ("/net/listener/connection-belongs-to-who-accepts", test_accepted_belongs_to_accept);
  ADD ("/net/listener/nameless-peer-is-called-by-the-listener", test_nameless_peer);
  ADD ("/net/listener/accept-ends-when-cancelled", test_cancelled);
  ADD ("/net/listener/accept-ends-at-the-deadline", test_deadline);
  ADD_ON ("/net/listener/accept-ends-when-closed-in-another-thread/tcp", TCP, test_closed_by_other);
  ADD ("/net/listener/accept-ends-when-closed-in-another-thread/unix", test_closed_by_other);
  ADD ("/net/listener/socket-listens-on-for-others", test_shared_socket);
  ADD ("/net/listener/out-of-descriptors-and-on", test_no_descriptors);
  ADD_ON ("/net/listener/limit-is-waited-for/tcp", TCP, test_limit);
  ADD_ON ("/net/listener/limit-is-waited-for/memory", "memory:x", test_limit);
  ADD ("/net/listener/wait-for-the-limit-ends", test_limit_ends);
  ADD ("/net/listener/limit-holds-for-threads-together", test_limit_of_many);
  ADD_ON ("/net/listener/shutdown-waits-for-what-is-open/tcp", TCP, test_shutdown);
  ADD_ON ("/net/listener/shutdown-waits-for-what-is-open/memory", "memory:x", test_shutdown);
  ADD ("/net/listener/shutdown-in-vain-says-who-is-open", test_shutdown_in_vain);
  ADD ("/net/listener/connection-outlives-its-listener", test_conn_outlives);
  ADD ("/net/listener/shortage-is-told-once-and-waited-out", test_shortage_recovers);
  ADD ("/net/listener/shortage-that-stays-does-not-spin", test_shortage_stays);
  ADD ("/net/listener/other-failures-are-told-each-time", test_failure_stays);
  ADD ("/net/listener/use-after-close-is-refused-and-reported", test_use_after_close);
  ADD ("/net/listener/leak-is-caught-with-its-caller", test_leak);
  ADD ("/net/listener/bad-arguments", test_bad_arguments);
  return g_test_run ();
}
