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
  assert_expected ();
  leash_listener_unref (NULL);
}

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
  g_test_add ("/net/listener/accept-ends-when-closed-in-another-thread/tcp", Fixture, TCP, set_up,
              test_closed_by_other, tear_down);
  ADD ("/net/listener/accept-ends-when-closed-in-another-thread/unix", test_closed_by_other);
  ADD ("/net/listener/out-of-descriptors-and-on", test_no_descriptors);
  ADD ("/net/listener/use-after-close-is-refused-and-reported", test_use_after_close);
  ADD ("/net/listener/leak-is-caught-with-its-caller", test_leak);
  ADD ("/net/listener/bad-arguments", test_bad_arguments);
  return g_test_run ();
}
