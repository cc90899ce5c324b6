/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What GIO makes of connections, and connections of what GIO has: D-Bus and TLS over streams of connections,
 * and connections of a socket client's stream and a child process's.
 */
#include "../under-sanitizer.h"
#include "tls-fixture.h"

/* The threads that GIO starts at need, and keeps, have descriptors to be woken by. */
static void
set_up_gio (Fixture *fixture, gconstpointer unused)
{
  set_up (fixture, unused);
  fixture->n_fds = 0;
}

/* GIO's threads hand streams to each other and to the tests' under locks that ThreadSanitizer does not see.
 */
static gboolean
skip_unseen (void)
{
  if (UNDER_THREAD_SANITIZER)
    g_test_skip ("ThreadSanitizer does not see how GIO's threads hand streams over");
  return UNDER_THREAD_SANITIZER;
}

/* D-Bus: a call that comes is answered, and nobody asks who calls. */

static gboolean
allow_mechanism (GDBusAuthObserver *observer, const char *mechanism, gpointer unused)
{
  return strcmp (mechanism, "ANONYMOUS") == 0;
}

static GDBusMessage *
answer_call (GDBusConnection *bus, GDBusMessage *message, gboolean is_incoming, gpointer unused)
{
  g_autoptr (GDBusMessage) reply = NULL;
  int number;

  if (!is_incoming || g_dbus_message_get_message_type (message) != G_DBUS_MESSAGE_TYPE_METHOD_CALL)
    return message;
  g_variant_get (g_dbus_message_get_body (message), "(i)", &number);
  reply = g_dbus_message_new_method_reply (message);
  g_dbus_message_set_body (reply, g_variant_new ("(i)", number + 1));
  g_dbus_connection_send_message (bus, reply, G_DBUS_SEND_MESSAGE_FLAGS_NONE, NULL, NULL);
  g_object_unref (message);
  return NULL;
}

/* The accepting end, whose authentication waits for the dialling one's. */
static gpointer
run_bus_server (gpointer stream)
{
  g_autoptr (GDBusAuthObserver) observer = g_dbus_auth_observer_new ();
  g_autofree char *guid = g_dbus_generate_guid ();
  g_autoptr (GError) error = NULL;
  GDBusConnection *bus;

  g_signal_connect (observer, "allow-mechanism", G_CALLBACK (allow_mechanism), NULL);
  bus = g_dbus_connection_new_sync (stream, guid,
                                    G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_SERVER
                                        | G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_ALLOW_ANONYMOUS
                                        | G_DBUS_CONNECTION_FLAGS_DELAY_MESSAGE_PROCESSING,
                                    observer, NULL, &error);
  g_assert_no_error (error);
  g_dbus_connection_add_filter (bus, answer_call, NULL, NULL);
  g_dbus_connection_start_message_processing (bus);
  return bus;
}

static void
count_closed (GDBusConnection *bus, gboolean peer_vanished, GError *error, gpointer count)
{
  ++*(guint *) count;
}

/* Both end with the one, and each is told in the main context, by a source that holds it until then. */
static void
close_buses (GDBusConnection *one, GDBusConnection *other)
{
  g_autoptr (GError) error = NULL;
  guint n_closed = 0;

  g_signal_connect (one, "closed", G_CALLBACK (count_closed), &n_closed);
  g_signal_connect (other, "closed", G_CALLBACK (count_closed), &n_closed);
  g_assert_true (g_dbus_connection_close_sync (one, NULL, &error));
  g_assert_no_error (error);
  while (n_closed < 2)
    g_main_context_iteration (NULL, TRUE);
  g_object_unref (one);
  g_object_unref (other);
}

static void
call_over (Fixture *fixture, const char *address)
{
  g_auto (Ends) ends = connect_ends (fixture->ctx, address);
  g_autoptr (GIOStream) here = leash_conn_to_stream (ends.dialled, fixture->ctx);
  g_autoptr (GIOStream) there = leash_conn_to_stream (ends.accepted, fixture->ctx);
  GThread *server = g_thread_new ("bus", run_bus_server, there);
  g_autoptr (GVariant) reply = NULL;
  g_autoptr (GError) error = NULL;
  GDBusConnection *bus;
  int number = 0;

  bus = g_dbus_connection_new_sync (here, NULL, G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT, NULL, NULL,
                                    &error);
  g_assert_no_error (error);
  reply = g_dbus_connection_call_sync (bus, NULL, "/a", "a.b", "Next", g_variant_new ("(i)", 41),
                                       G_VARIANT_TYPE ("(i)"), G_DBUS_CALL_FLAGS_NONE, -1, NULL, &error);
  g_assert_no_error (error);
  g_variant_get (reply, "(i)", &number);
  g_assert_cmpint (number, ==, 42);
  close_buses (bus, g_thread_join (server));
  g_assert_true (leash_conn_is_closed (ends.dialled));
}

static void
test_bus (Fixture *fixture, gconstpointer address)
{
  if (!skip_unseen ())
    call_over (fixture, address);
}

/* TLS */

static gpointer
run_tls_echo (gpointer stream)
{
  g_autofree char *pem = certificate_path ("good.pem");
  g_autofree char *key = certificate_path ("good.key");
  g_autoptr (GError) error = NULL;
  g_autoptr (GTlsCertificate) certificate = g_tls_certificate_new_from_files (pem, key, &error);
  g_autoptr (GIOStream) tls = g_tls_server_connection_new (stream, certificate, &error);
  GInputStream *input = g_io_stream_get_input_stream (tls);
  char bytes[16];
  gssize n;

  while ((n = g_input_stream_read (input, bytes, sizeof bytes, NULL, &error)) > 0)
    g_output_stream_write_all (g_io_stream_get_output_stream (tls), bytes, (gsize) n, NULL, NULL, &error);
  /* The peer, which has closed, need not hear of it. */
  g_io_stream_close (tls, NULL, NULL);
  return g_steal_pointer (&error);
}

static void
assert_echoes (GIOStream *stream)
{
  g_autoptr (GError) error = NULL;
  char bytes[4];

  g_output_stream_write_all (g_io_stream_get_output_stream (stream), "ping", 4, NULL, NULL, &error);
  g_assert_no_error (error);
  g_input_stream_read_all (g_io_stream_get_input_stream (stream), bytes, 4, NULL, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpmem (bytes, 4, "ping", 4);
}

static void
echo_over_tls (Fixture *fixture, const char *address)
{
  g_auto (Ends) ends = connect_ends (fixture->ctx, address);
  g_autoptr (GIOStream) here = leash_conn_to_stream (ends.dialled, fixture->ctx);
  g_autoptr (GIOStream) there = leash_conn_to_stream (ends.accepted, fixture->ctx);
  g_autoptr (GSocketConnectable) peer = g_network_address_new ("localhost", 0);
  g_autofree char *ca = certificate_path ("ca.pem");
  g_autoptr (GTlsDatabase) authorities = NULL;
  g_autoptr (GIOStream) tls = NULL;
  g_autoptr (GError) error = NULL;
  GThread *server;

  authorities = g_tls_file_database_new (ca, &error);
  tls = g_tls_client_connection_new (here, peer, &error);
  g_assert_no_error (error);
  g_tls_connection_set_database (G_TLS_CONNECTION (tls), authorities);
  server = g_thread_new ("tls", run_tls_echo, there);
  assert_echoes (tls);
  g_assert_true (g_io_stream_close (tls, NULL, &error));
  g_assert_no_error (error);
  error = g_thread_join (server);
  g_assert_no_error (error);
  g_assert_true (leash_conn_is_closed (ends.dialled));
  g_assert_true (leash_conn_is_closed (ends.accepted));
}

static void
test_tls (Fixture *fixture, gconstpointer address)
{
  if (!skip_unseen ())
    echo_over_tls (fixture, address);
}

/* The other way round */

static void
test_socket_client (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (LeashListener) listener = start_listening (fixture->ctx, TCP);
  const char *address = leash_listener_get_address (listener);
  g_autoptr (GSocketClient) client = g_socket_client_new ();
  g_autoptr (GSocketConnection) stream = NULL;
  g_autoptr (LeashConn) conn = NULL;
  g_autoptr (LeashConn) accepted = NULL;
  g_autoptr (GError) error = NULL;
  char bytes[4];

  g_socket_client_set_enable_proxy (client, FALSE);
  stream = g_socket_client_connect_to_host (client, address + strlen ("tcp:"), 0, NULL, &error);
  g_assert_no_error (error);
  conn = leash_conn_new_from_stream (fixture->ctx, G_IO_STREAM (stream), address, &error);
  accepted = accept_one (listener, fixture->ctx);
  g_assert_true (leash_conn_write_all (conn, fixture->ctx, "ping", 4, NULL, &error));
  g_assert_true (leash_conn_read_all (accepted, fixture->ctx, bytes, 4, NULL, &error));
  g_assert_cmpmem (bytes, 4, "ping", 4);
  g_assert_cmpstr (leash_conn_get_local_address (conn), ==, leash_conn_get_remote_address (accepted));
  if (leash_has_tracking ())
    g_assert_cmpuint (leash_tracker_count_open (fixture->tracker), ==, 3);
  g_assert_true (leash_conn_close (conn, &error));
  g_assert_true (g_io_stream_is_closed (G_IO_STREAM (stream)));
  g_assert_cmpint (leash_conn_read (accepted, fixture->ctx, bytes, sizeof bytes, &error), ==, 0);
}

static void
test_child (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GSubprocess) cat = g_subprocess_new (
      G_SUBPROCESS_FLAGS_STDIN_PIPE | G_SUBPROCESS_FLAGS_STDOUT_PIPE, &error, "cat", NULL);
  g_autoptr (GIOStream) stream = NULL;
  g_autoptr (LeashConn) conn = NULL;
  char bytes[8];

  g_assert_no_error (error);
  stream = g_simple_io_stream_new (g_subprocess_get_stdout_pipe (cat), g_subprocess_get_stdin_pipe (cat));
  conn = leash_conn_new_from_stream (fixture->ctx, stream, "child:cat", &error);
  leash_conn_set_read_deadline (conn, 0);
  g_assert_cmpint (leash_conn_read (conn, fixture->ctx, bytes, 4, &error), ==, -1);
  assert_io_error (error, G_IO_ERROR_TIMED_OUT, "Reading from “child:cat”");
  leash_conn_set_read_deadline (conn, -1);
  g_assert_true (leash_conn_write_all (conn, fixture->ctx, "ping", 4, NULL, &error));
  g_assert_true (leash_conn_read_all (conn, fixture->ctx, bytes, 4, NULL, &error));
  g_assert_cmpmem (bytes, 4, "ping", 4);
  g_assert_true (leash_conn_shutdown (conn, FALSE, TRUE, &error));
  g_assert_cmpint (leash_conn_read (conn, fixture->ctx, bytes, 4, &error), ==, 0);
  g_assert_true (g_subprocess_wait_check (cat, NULL, &error));
}

int
main (int argc, char **argv)
{
  int failed;

  g_test_init (&argc, &argv, NULL);
  g_test_add ("/net/conn-gio/dbus-over-tcp", Fixture, TCP, set_up_gio, test_bus, tear_down);
  g_test_add ("/net/conn-gio/dbus-in-memory", Fixture, "memory:bus", set_up_gio, test_bus, tear_down);
  if (why_no_tls () == NULL)
    {
      make_certificates ();
      g_test_add ("/net/conn-gio/tls-over-tcp", Fixture, TCP, set_up_gio, test_tls, tear_down);
      g_test_add ("/net/conn-gio/tls-in-memory", Fixture, "memory:tls", set_up_gio, test_tls, tear_down);
    }
  g_test_add ("/net/conn-gio/of-a-socket-client", Fixture, NULL, set_up_gio, test_socket_client, tear_down);
  g_test_add ("/net/conn-gio/of-a-child", Fixture, NULL, set_up_gio, test_child, tear_down);
  failed = g_test_run ();
  if (the_certificates != NULL)
    remove_certificates ();
  return failed;
}
