/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Peers that reset TLS at each step: what waits or comes then fails and says so, and nothing is left of it.
 */
#include "tls-fixture.h"

/* Closes it so that the peer gets a reset. */
static void
reset (LeashConn *conn)
{
  g_autoptr (GError) cause = g_error_new_literal (G_IO_ERROR, G_IO_ERROR_FAILED, "a test");
  g_autoptr (GError) error = NULL;

  leash_conn_close_with_error (conn, cause, &error);
  g_assert_no_error (error);
}

#define assert_reset(error, doing) \
  assert_io_error (error, G_IO_ERROR_CONNECTION_CLOSED, doing, g_strerror (ECONNRESET))

/* What the dialler has sent is read before, or not. */
static void
test_handshake (Fixture *fixture, gconstpointer is_read)
{
  g_autoptr (LeashListener) listener = start_listening (fixture->ctx, TCP);
  g_autofree char *address
      = g_strdup_printf ("tls:%s", leash_listener_get_address (listener) + strlen ("tcp:"));
  LeashTlsConfig *config = make_config (NULL);
  g_autoptr (LeashNetwork) network = make_tls_network (config);
  g_autoptr (LeashContext) ctx = leash_context_with_network (fixture->ctx, network);
  Sleeper sleeper = { .func = sleep_dialling, .ctx = ctx, .address = address };
  g_autoptr (LeashConn) accepted = NULL;
  char record[5];

  leash_tls_config_unref (config);
  sleeper_start (&sleeper);
  accepted = accept_one (listener, fixture->ctx);
  if (is_read != NULL)
    g_assert_true (leash_conn_read_all (accepted, fixture->ctx, record, sizeof record, NULL, NULL));
  reset (accepted);
  sleeper_join (&sleeper);
  g_assert_null (sleeper.result);
  /* So GIO's TLS has it. */
  g_assert_error (sleeper.error, G_TLS_ERROR, G_TLS_ERROR_NOT_TLS);
  g_assert_nonnull (strstr (sleeper.error->message, "Dialling “tls:"));
  g_assert_nonnull (strstr (sleeper.error->message, g_strerror (ECONNRESET)));
  g_error_free (sleeper.error);
}

static void
test_mid_message (Fixture *fixture, gconstpointer unused)
{
  g_auto (Tls) tls = { 0 };
  g_autoptr (GError) error = NULL;
  char bytes[8];
  gsize n = 99;

  connect_well (&tls, fixture);
  g_assert_true (leash_conn_write_all (tls.accepted, tls.server_ctx, "half", 4, NULL, NULL));
  g_assert_true (leash_conn_read_all (tls.dialled, tls.client_ctx, bytes, 2, NULL, NULL));
  reset (tls.accepted);
  g_assert_false (leash_conn_read_all (tls.dialled, tls.client_ctx, bytes, sizeof bytes, &n, &error));
  assert_reset (error, "Reading from “");
  g_assert_cmpuint (n, <=, 2);
}

static void
test_waiting (Fixture *fixture, gconstpointer unused)
{
  void (*const funcs[]) (Sleeper * sleeper) = { sleep_reading, sleep_writing };

  for (guint i = 0; i < G_N_ELEMENTS (funcs); i++)
    {
      g_auto (Tls) tls = { 0 };
      Sleeper sleeper = { .func = funcs[i] };

      connect_well (&tls, fixture);
      sleeper.ctx = tls.client_ctx;
      sleeper.subject = tls.dialled;
      sleeper_start (&sleeper);
      reset (tls.accepted);
      sleeper_join (&sleeper);
      g_assert_cmpint (sleeper.n, ==, -1);
      assert_reset (sleeper.error, i == 0 ? "Reading from “" : "Writing to “");
    }
}

/* Who waits for the answer to its last words. */
static void
test_half_closed (Fixture *fixture, gconstpointer unused)
{
  g_auto (Tls) tls = { 0 };
  g_autoptr (GError) error = NULL;
  char byte;

  connect_well (&tls, fixture);
  g_assert_true (leash_conn_shutdown (tls.dialled, FALSE, TRUE, &error));
  g_assert_cmpint (leash_conn_read (tls.accepted, tls.server_ctx, &byte, 1, &error), ==, 0);
  reset (tls.accepted);
  g_assert_cmpint (leash_conn_read (tls.dialled, tls.client_ctx, &byte, 1, &error), ==, -1);
  assert_reset (error, "Reading from “");
}

/* What would send its last words to nobody is closed all the same. */
static void
test_close (Fixture *fixture, gconstpointer is_half)
{
  g_auto (Tls) tls = { 0 };
  g_autoptr (GError) error = NULL;
  gboolean done;

  connect_well (&tls, fixture);
  reset (tls.accepted);
  done = is_half != NULL ? leash_conn_shutdown (tls.dialled, FALSE, TRUE, &error)
                         : leash_conn_close (tls.dialled, &error);
  if (!done)
    assert_reset (error, is_half != NULL ? "Shutting down “" : "Closing “");
  g_assert_cmpint (leash_conn_is_closed (tls.dialled), ==, is_half == NULL);
}

static void
add_tests (void)
{
  g_test_add ("/net/tls/reset/at-the-beginning", Fixture, NULL, set_up_tls, test_handshake, tear_down_tls);
  g_test_add ("/net/tls/reset/in-the-handshake", Fixture, "read", set_up_tls, test_handshake, tear_down_tls);
  ADD_TLS ("/net/tls/reset/in-mid-message", test_mid_message);
  ADD_TLS ("/net/tls/reset/while-others-wait", test_waiting);
  ADD_TLS ("/net/tls/reset/half-closed", test_half_closed);
  g_test_add ("/net/tls/reset/before-the-half-close", Fixture, "half", set_up_tls, test_close, tear_down_tls);
  g_test_add ("/net/tls/reset/before-the-close", Fixture, NULL, set_up_tls, test_close, tear_down_tls);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  return run_tls_tests (add_tests);
}
