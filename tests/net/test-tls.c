/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* TLS over other networks: who is accepted, what is said of who is not, and how connections end. */
#include "tls-fixture.h"

static void
test_moves_data (Fixture *fixture, gconstpointer unused)
{
  g_auto (Tls) tls = { 0 };
  g_autoptr (GTlsCertificate) certificate = NULL;

  connect_well (&tls, fixture);
  g_assert_true (g_str_has_prefix (leash_listener_get_address (tls.listener), "tls:127.0.0.1:"));
  g_assert_cmpstr (leash_conn_get_remote_address (tls.dialled), ==,
                   leash_listener_get_address (tls.listener));
  g_assert_cmpint (leash_conn_get_fd (tls.dialled), >=, 0);
  echo_once (&tls);
  certificate = leash_conn_get_tls_peer_certificate (tls.dialled);
  g_assert_nonnull (certificate);
  g_assert_null (leash_conn_get_tls_peer_certificate (tls.accepted));
}

static void
test_over_unix (Fixture *fixture, gconstpointer unused)
{
  LeashTlsConfig *client = make_config (NULL);
  g_autofree char *path = path_of (fixture, "socket");
  g_autofree char *address = g_strconcat ("tls+unix:", path, NULL);
  g_auto (Tls) tls = { 0 };

  leash_tls_config_set_server_name (client, "localhost");
  connect_as (&tls, fixture, make_config ("good"), client, address);
  g_assert_no_error (tls.error);
  g_assert_cmpstr (leash_listener_get_address (tls.listener), ==, address);
  echo_once (&tls);
}

static void
test_over_memory (Fixture *fixture, gconstpointer unused)
{
  LeashTlsConfig *client = make_config (NULL);
  g_auto (Tls) tls = { 0 };

  leash_tls_config_set_server_name (client, "localhost");
  connect_as (&tls, fixture, make_config ("good"), client, "tls+memory:secret");
  g_assert_no_error (tls.error);
  echo_once (&tls);
}

static void
test_wants_a_name (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (leash_dial (fixture->ctx, "tls+unix:/nowhere", &error));
  assert_io_error (error, G_IO_ERROR_INVALID_ARGUMENT, "Dialling “tls+unix:/nowhere”: ", "names no host");
}

/* Not tried, also where a name is known. */
static void
test_of_datagrams (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (LeashTlsConfig) config = make_config ("good");
  g_autoptr (LeashNetwork) network = NULL;
  g_autoptr (LeashContext) ctx = NULL;
  g_autoptr (GError) error = NULL;

  leash_tls_config_set_server_name (config, "localhost");
  network = make_tls_network (config);
  ctx = leash_context_with_network (fixture->ctx, network);
  g_assert_null (leash_dial (ctx, "tls+udp:127.0.0.1:1", &error));
  assert_io_error (error, G_IO_ERROR_INVALID_ARGUMENT, "Dialling “tls+udp:", "udp: is datagrams");
  g_assert_null (leash_listen (ctx, "tls+udp:127.0.0.1:0", &error));
  assert_io_error (error, G_IO_ERROR_INVALID_ARGUMENT, "Listening on “tls+udp:", "udp: is datagrams");
}

static void
test_server_wants_a_certificate (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (leash_listen (fixture->ctx, TLS, &error));
  assert_io_error (error, G_IO_ERROR_INVALID_ARGUMENT, "Listening on “" TLS "”: ", "needs a certificate");
}

static void
test_alpn (Fixture *fixture, gconstpointer unused)
{
  LeashTlsConfig *server = make_config ("good"), *client = make_config (NULL);
  g_autofree char *of_client = NULL, *of_server = NULL;
  g_auto (Tls) tls = { 0 };

  leash_tls_config_set_protocols (server, PIECES ("h2", "http/1.1"));
  leash_tls_config_set_protocols (client, PIECES ("http/1.1"));
  connect_as (&tls, fixture, server, client, TLS);
  g_assert_no_error (tls.error);
  of_client = leash_conn_get_tls_protocol (tls.dialled);
  of_server = leash_conn_get_tls_protocol (tls.accepted);
  g_assert_cmpstr (of_client, ==, "http/1.1");
  g_assert_cmpstr (of_server, ==, "http/1.1");
}

static void
test_close_tells_the_end (Fixture *fixture, gconstpointer unused)
{
  g_auto (Tls) tls = { 0 };
  g_autoptr (GError) error = NULL;
  char byte;

  connect_well (&tls, fixture);
  g_assert_true (leash_conn_close (tls.dialled, &error));
  g_assert_no_error (error);
  g_assert_cmpint (leash_conn_read (tls.accepted, fixture->ctx, &byte, 1, &error), ==, 0);
  g_assert_no_error (error);
}

static void
test_cut_is_no_end (Fixture *fixture, gconstpointer unused)
{
  g_auto (Tls) tls = { 0 };
  g_autoptr (GError) error = NULL;
  char byte;

  connect_well (&tls, fixture);
  shutdown (leash_conn_get_fd (tls.dialled), SHUT_WR);
  g_assert_cmpint (leash_conn_read (tls.accepted, fixture->ctx, &byte, 1, &error), ==, -1);
  g_assert_error (error, G_TLS_ERROR, G_TLS_ERROR_EOF);
  g_assert_nonnull (strstr (error->message, "the connection was cut"));
}

static void
test_half_close (Fixture *fixture, gconstpointer unused)
{
  g_auto (Tls) tls = { 0 };
  g_autoptr (GError) error = NULL;
  char buffer[4];

  connect_well (&tls, fixture);
  g_assert_true (leash_conn_shutdown (tls.dialled, FALSE, TRUE, &error));
  g_assert_no_error (error);
  g_assert_cmpint (leash_conn_read (tls.accepted, fixture->ctx, buffer, 1, &error), ==, 0);
  g_assert_true (leash_conn_write_all (tls.accepted, fixture->ctx, "late", 4, NULL, &error));
  g_assert_true (leash_conn_read_all (tls.dialled, fixture->ctx, buffer, 4, NULL, &error));
  g_assert_no_error (error);
  g_assert_cmpmem (buffer, 4, "late", 4);
  g_assert_cmpint (leash_conn_write (tls.dialled, fixture->ctx, "x", 1, &error), ==, -1);
  assert_io_error (error, G_IO_ERROR_CONNECTION_CLOSED, "shut down");
}

static void
test_silent_server (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (LeashListener) listener = start_listening (fixture->ctx, TCP);
  g_autoptr (LeashContext) ctx = leash_context_with_timeout (fixture->ctx, 50 * G_TIME_SPAN_MILLISECOND);
  g_autofree char *address = g_strconcat ("tls", leash_listener_get_address (listener) + 3, NULL);
  g_autoptr (GError) error = NULL;

  g_assert_null (leash_dial (ctx, address, &error));
  assert_io_error (error, G_IO_ERROR_TIMED_OUT, "Dialling “tls:127.0.0.1:", "handshake was given up");
}

static void
test_server_without_tls (Fixture *fixture, gconstpointer unused)
{
  g_auto (Tls) tls = { 0 };
  g_autoptr (LeashContext) plain = leash_context_ref (fixture->ctx);
  g_autofree char *address = NULL;

  begin (&tls, fixture, make_config ("good"), make_config (NULL), TCP);
  address = g_strconcat ("tls", leash_listener_get_address (tls.listener) + 3, NULL);
  dial_as (&tls, address);
  g_assert_nonnull (tls.error);
  g_clear_pointer (&tls.accepted, leash_conn_unref);
  g_clear_pointer (&tls.listener, leash_listener_unref);
  g_assert_cmpuint (leash_tracker_count_open (fixture->tracker), ==, 0);
}

/* A client that says nothing keeps nobody from being accepted, and is given up by the deadline of who serves
 * it. */
static void
test_silent_client (Fixture *fixture, gconstpointer unused)
{
  g_auto (Tls) tls = { 0 };
  g_autoptr (LeashConn) silent = NULL;
  g_autoptr (LeashConn) served = NULL;
  g_autofree char *address = NULL;
  g_autoptr (GError) error = NULL;
  char byte;

  begin (&tls, fixture, make_config ("good"), make_config (NULL), TLS);
  address = g_strconcat ("tcp", leash_listener_get_address (tls.listener) + 3, NULL);
  silent = dial (fixture->ctx, address);
  served = accept_one (tls.listener, tls.server_ctx);
  dial_as (&tls, leash_listener_get_address (tls.listener));
  g_assert_no_error (tls.error);
  echo_once (&tls);
  leash_conn_set_read_deadline (served, g_get_monotonic_time () + 20000);
  g_assert_cmpint (leash_conn_read (served, tls.server_ctx, &byte, 1, &error), ==, -1);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
  g_clear_error (&error);
  leash_conn_set_read_deadline (served, -1);
  g_assert_cmpint (leash_conn_read (served, tls.server_ctx, &byte, 1, &error), ==, -1);
  g_assert_nonnull (strstr (error->message, "handshake was given up"));
}

static void
test_deadlines (Fixture *fixture, gconstpointer unused)
{
  g_auto (Tls) tls = { 0 };
  g_autoptr (GError) error = NULL;
  char byte;

  connect_well (&tls, fixture);
  leash_conn_set_read_deadline (tls.dialled, g_get_monotonic_time () + 10000);
  g_assert_cmpint (leash_conn_read (tls.dialled, fixture->ctx, &byte, 1, &error), ==, -1);
  assert_io_error (error, G_IO_ERROR_TIMED_OUT, "deadline for reading");
  leash_conn_set_read_deadline (tls.dialled, -1);
  echo_once (&tls);
}

static void
test_without_backend (void)
{
  if (g_test_subprocess ())
    {
      g_autoptr (GError) error = NULL;

      g_assert_null (leash_dial (leash_context_background (), "tls:127.0.0.1:1", &error));
      assert_io_error (error, G_IO_ERROR_NOT_SUPPORTED, "Dialling “tls:127.0.0.1:1”: ", "glib-networking");
      return;
    }
  g_setenv ("GIO_USE_TLS", "dummy", TRUE);
  g_test_trap_subprocess (NULL, 0, G_TEST_SUBPROCESS_INHERIT_STDERR);
  g_unsetenv ("GIO_USE_TLS");
  g_test_trap_assert_passed ();
}

static void
add_tests (void)
{
  ADD_TLS ("/net/tls/moves-data", test_moves_data);
  ADD_TLS ("/net/tls/over-a-local-socket", test_over_unix);
  ADD_TLS ("/net/tls/over-memory", test_over_memory);
  ADD_TLS ("/net/tls/wants-a-name", test_wants_a_name);
  ADD_TLS ("/net/tls/of-datagrams-is-refused", test_of_datagrams);
  ADD_TLS ("/net/tls/server-wants-a-certificate", test_server_wants_a_certificate);
  ADD_TLS ("/net/tls/alpn", test_alpn);
  ADD_TLS ("/net/tls/close-tells-the-end", test_close_tells_the_end);
  ADD_TLS ("/net/tls/cut-is-no-end", test_cut_is_no_end);
  ADD_TLS ("/net/tls/half-close", test_half_close);
  ADD_TLS ("/net/tls/silent-server", test_silent_server);
  ADD_TLS ("/net/tls/server-without-tls", test_server_without_tls);
  ADD_TLS ("/net/tls/silent-client", test_silent_client);
  ADD_TLS ("/net/tls/deadlines", test_deadlines);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/net/tls/without-backend-names-the-package", test_without_backend);
  return g_test_subprocess () ? g_test_run () : run_tls_tests (add_tests);
}
