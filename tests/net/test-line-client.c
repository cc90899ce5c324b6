/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* LeashLineClient: lines to a server and back. The server is this thread, which holds the other end. */
#include "net-fixture.h"

typedef struct
{
  LeashListener *listener;
  LeashLineClient *client;
  LeashConn *server; /* the other end */
} Service;

static Service
start_service (LeashContext *ctx)
{
  Service service = { .listener = start_listening (leash_context_background (), TCP) };
  g_autoptr (GError) error = NULL;

  service.client = leash_line_client_dial (ctx, leash_listener_get_address (service.listener), &error);
  g_assert_no_error (error);
  service.server = accept_one (service.listener, leash_context_background ());
  return service;
}

static void
service_clear (Service *service)
{
  g_clear_pointer (&service->client, leash_line_client_unref);
  g_clear_pointer (&service->server, leash_conn_unref);
  g_clear_pointer (&service->listener, leash_listener_unref);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Service, service_clear)

static void
serve (Service *service, const char *text, gsize length)
{
  g_assert_true (
      leash_conn_write_all (service->server, leash_context_background (), text, length, NULL, NULL));
}

static void
assert_line (Fixture *fixture, Service *service, const char *expected)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *line = leash_line_client_receive (service->client, fixture->ctx, &error);

  g_assert_no_error (error);
  g_assert_cmpstr (line, ==, expected);
}

static void
test_request (Fixture *fixture, gconstpointer unused)
{
  g_auto (Service) service = start_service (fixture->ctx);
  g_autoptr (GError) error = NULL;
  g_autofree char *answer = NULL;
  char request[8];

  serve (&service, "pong\n", 5); /* it may well lie there before it is asked for */
  answer = leash_line_client_request (service.client, fixture->ctx, "ping", &error);
  g_assert_no_error (error);
  g_assert_cmpstr (answer, ==, "pong");
  g_assert_true (leash_conn_read_all (service.server, fixture->ctx, request, 5, NULL, &error));
  g_assert_cmpmem (request, 5, "ping\n", 5);
  g_assert_true (leash_line_client_close (service.client, &error));
  g_assert_no_error (error);
}

static void
test_lines (Fixture *fixture, gconstpointer unused)
{
  g_auto (Service) service = start_service (fixture->ctx);
  g_autoptr (LeashContext) soon = leash_context_with_timeout (fixture->ctx, 20000);
  g_autoptr (GError) error = NULL;

  serve (&service, "one\n\ntwo\r\n\r\nthr", 15);
  assert_line (fixture, &service, "one");
  assert_line (fixture, &service, "");
  assert_line (fixture, &service, "two");
  assert_line (fixture, &service, "");
  g_assert_null (leash_line_client_receive (service.client, soon, &error));
  assert_io_error (error, G_IO_ERROR_TIMED_OUT, "Receiving from “");
  /* What had come of the line is kept. */
  serve (&service, "ee\nfour", 7);
  assert_line (fixture, &service, "three");
  g_assert_true (leash_conn_close (service.server, &error));
  g_assert_null (leash_line_client_receive (service.client, fixture->ctx, &error));
  assert_io_error (error, G_IO_ERROR_PARTIAL_INPUT, "Receiving from “", "after 4 bytes of a line");
}

static void
test_end (Fixture *fixture, gconstpointer unused)
{
  g_auto (Service) service = start_service (fixture->ctx);
  g_autoptr (GError) error = NULL;

  serve (&service, "bye\n", 4);
  g_assert_true (leash_conn_close (service.server, &error));
  assert_line (fixture, &service, "bye");
  g_assert_null (leash_line_client_receive (service.client, fixture->ctx, &error));
  assert_io_error (error, G_IO_ERROR_CONNECTION_CLOSED, "Receiving from “",
                   "the server has ended the connection");
}

static gpointer
serve_long_line (gpointer data)
{
  LeashConn *server = data;
  g_autofree char *block = g_malloc (65536);
  LeashContext *ctx = leash_context_background ();

  memset (block, 'x', 65536);
  for (guint i = 0; i < 16; i++)
    leash_conn_write_all (server, ctx, block, 65536, NULL, NULL);
  leash_conn_write_all (server, ctx, "\n", 1, NULL, NULL);
  for (guint i = 0; i < 17; i++)
    leash_conn_write_all (server, ctx, block, 65536, NULL, NULL);
  return NULL;
}

static void
test_long_lines (Fixture *fixture, gconstpointer unused)
{
  g_auto (Service) service = start_service (fixture->ctx);
  GThread *thread = g_thread_new ("server", serve_long_line, service.server);
  g_autoptr (GError) error = NULL;
  g_autofree char *line = leash_line_client_receive (service.client, fixture->ctx, &error);

  g_assert_no_error (error);
  g_assert_cmpuint (strlen (line), ==, 1024 * 1024);
  g_assert_null (leash_line_client_receive (service.client, fixture->ctx, &error));
  assert_io_error (error, G_IO_ERROR_MESSAGE_TOO_LARGE, "Receiving from “", "longer than 1048576 bytes");
  g_assert_true (leash_line_client_close (service.client, NULL));
  g_thread_join (thread);
}

static void
test_bad_lines (Fixture *fixture, gconstpointer unused)
{
  g_auto (Service) service = start_service (fixture->ctx);
  g_autoptr (GError) error = NULL;

  g_assert_false (leash_line_client_send (service.client, fixture->ctx, "two\nlines", &error));
  assert_io_error (error, G_IO_ERROR_INVALID_ARGUMENT, "Sending to “", "a line's end in it");
  serve (&service, "a\0b\nnext\n", 9);
  g_assert_null (leash_line_client_receive (service.client, fixture->ctx, &error));
  assert_io_error (error, G_IO_ERROR_INVALID_DATA, "Receiving from “", "NUL");
  assert_line (fixture, &service, "next");
  g_assert_true (leash_line_client_send (service.client, fixture->ctx, "one line", &error));
}

static void
test_cut_short (Fixture *fixture, gconstpointer unused)
{
  g_auto (Service) service = start_service (fixture->ctx);
  g_autoptr (LeashContext) soon = leash_context_with_timeout (fixture->ctx, 20000);
  g_autoptr (GError) error = NULL;

  g_assert_null (leash_line_client_request (service.client, soon, "ping", &error));
  assert_io_error (error, G_IO_ERROR_TIMED_OUT, "Requesting from “");
  serve (&service, "late answer\n", 12);
  g_assert_null (leash_line_client_request (service.client, fixture->ctx, "ping", &error));
  assert_io_error (error, G_IO_ERROR_FAILED, "Requesting from “", "an earlier request was cut short");
  g_assert_null (leash_line_client_receive (service.client, fixture->ctx, &error));
  assert_io_error (error, G_IO_ERROR_FAILED, "Receiving from “", "an earlier request was cut short");
  g_assert_true (leash_line_client_close (service.client, &error));
}

static void
sleep_sending (Sleeper *sleeper)
{
  g_autofree char *line = g_strnfill (32 << 20, 'x');

  sleeper->n = leash_line_client_send (sleeper->subject, sleeper->ctx, line, &sleeper->error);
}

static gboolean
has_data (LeashConn *conn)
{
  char byte;

  return recv (leash_conn_get_fd (conn), &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 1;
}

/* A server that does not read: a part of the line goes out, and the rest does not. */
static void
test_half_sent (Fixture *fixture, gconstpointer unused)
{
  g_auto (Service) service = start_service (fixture->ctx);
  g_autoptr (LeashContext) ctx = leash_context_with_cancel (fixture->ctx);
  Sleeper sleeper = { .func = sleep_sending, .ctx = ctx, .subject = service.client };
  g_autoptr (GError) error = NULL;

  sleeper_start (&sleeper);
  wait_until (has_data (service.server));
  leash_context_cancel (ctx, NULL);
  sleeper_join (&sleeper);
  assert_io_error (sleeper.error, G_IO_ERROR_CANCELLED, "Sending to “");
  g_assert_false (leash_line_client_send (service.client, fixture->ctx, "x", &error));
  assert_io_error (error, G_IO_ERROR_FAILED, "Sending to “", "cut short");
}

static void
sleep_receiving (Sleeper *sleeper)
{
  sleeper->result = leash_line_client_receive (sleeper->subject, sleeper->ctx, &sleeper->error);
}

static void
test_two_threads (Fixture *fixture, gconstpointer unused)
{
  g_auto (Service) service = start_service (fixture->ctx);
  Sleeper sleeper = { .func = sleep_receiving, .ctx = fixture->ctx, .subject = service.client };
  g_autoptr (GError) error = NULL;

  sleeper_start (&sleeper);
  g_assert_null (leash_line_client_receive (service.client, fixture->ctx, &error));
  assert_io_error (error, G_IO_ERROR_PENDING, "Receiving from “", "another thread does so");
  g_assert_null (leash_line_client_request (service.client, fixture->ctx, "x", &error));
  assert_io_error (error, G_IO_ERROR_PENDING, "Requesting from “");
  g_assert_true (leash_line_client_send (service.client, fixture->ctx, "x", &error));
  g_assert_true (leash_line_client_close (service.client, &error));
  sleeper_join (&sleeper);
  g_assert_null (sleeper.result);
  assert_io_error (sleeper.error, G_IO_ERROR_CLOSED, "Receiving from “", "closed in another thread");
}

static void
test_use_after_close (Fixture *fixture, gconstpointer unused)
{
  g_auto (Service) service = start_service (fixture->ctx);
  g_autoptr (GError) error = NULL;

  g_assert_true (leash_line_client_close (service.client, &error));
  g_assert_false (leash_line_client_send (service.client, fixture->ctx, "x", &error));
  assert_io_error (error, G_IO_ERROR_CLOSED, "Sending to “", "is closed");
  g_assert_null (leash_line_client_receive (service.client, fixture->ctx, &error));
  assert_io_error (error, G_IO_ERROR_CLOSED, "Receiving from “");
  g_assert_null (leash_line_client_request (service.client, fixture->ctx, "x", &error));
  assert_io_error (error, G_IO_ERROR_CLOSED, "Requesting from “");
  g_assert_false (leash_line_client_close (service.client, &error));
  assert_io_error (error, G_IO_ERROR_CLOSED, "Closing “");
  if (leash_has_tracking ())
    {
      g_autoptr (LeashSnapshot) snapshot = leash_snapshot_new (fixture->tracker);

      fixture->n_misuses = 4;
      g_assert_cmpuint (leash_snapshot_get_n_misuses (snapshot), ==, 4);
      g_assert_cmpstr (leash_snapshot_get_misuse (snapshot, 0)->kind, ==, "line-client");
      g_assert_cmpstr (leash_snapshot_get_misuse (snapshot, 0)->what, ==, "send after close");
    }
}

static __attribute__ ((noinline)) LeashLineClient *
dialled_here (LeashContext *ctx, const char *address)
{
  LeashLineClient *client = leash_line_client_dial (ctx, address, NULL);

  g_assert_nonnull (client);
  return client;
}

static void
test_leak (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (LeashListener) listener = start_listening (leash_context_background (), TCP);
  const char *address = leash_listener_get_address (listener);
  g_autoptr (LeashLineClient) leaked = NULL;
  g_autoptr (GError) error = NULL;

  if (!leash_has_tracking ())
    {
      g_test_skip ("built without tracking");
      return;
    }
  leaked = dialled_here (fixture->ctx, address);
  g_assert_false (leash_tracker_check (fixture->tracker, NULL));
  assert_only_open (fixture->tracker, "line-client", address, dialled_here);
  g_assert_true (leash_line_client_close (leaked, &error));
  /* The negative control: the same tracker, and nothing left. */
  g_assert_true (leash_tracker_check (fixture->tracker, &error));
  g_assert_no_error (error);
}

static void
test_refused (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (LeashListener) listener = start_listening (fixture->ctx, TCP);
  g_autoptr (GError) error = NULL;

  g_assert_true (leash_listener_close (listener, &error));
  g_assert_null (leash_line_client_dial (fixture->ctx, leash_listener_get_address (listener), &error));
  assert_io_error (error, G_IO_ERROR_CONNECTION_REFUSED, "Dialling “");
}

static void
test_references (Fixture *fixture, gconstpointer unused)
{
  g_auto (Service) service = start_service (fixture->ctx);
  g_auto (GValue) value = G_VALUE_INIT;
  LeashConn *conn = leash_line_client_get_conn (service.client);

  g_assert_cmpstr (leash_conn_get_remote_address (conn), ==, leash_listener_get_address (service.listener));
  g_value_init (&value, LEASH_TYPE_LINE_CLIENT);
  g_value_set_boxed (&value, service.client);
  g_clear_pointer (&service.client, leash_line_client_unref);
  g_assert_false (leash_conn_is_closed (conn));
  leash_line_client_unref (NULL);
}

static void
test_over_a_connection (Fixture *fixture, gconstpointer unused)
{
  g_auto (Ends) ends = connect_ends (fixture->ctx, TCP);
  g_autoptr (LeashLineClient) client = leash_line_client_new (ends.dialled);
  g_autoptr (GError) error = NULL;
  char buffer[8];

  g_assert_true (leash_line_client_send (client, fixture->ctx, "ping", &error));
  g_assert_cmpint (leash_conn_read (ends.accepted, fixture->ctx, buffer, sizeof buffer, NULL), ==, 5);
  g_clear_pointer (&client, leash_line_client_unref);
  g_assert_false (leash_conn_is_closed (ends.dialled));
  g_assert_true (leash_conn_close (ends.dialled, &error));
}

static void
test_bad_arguments (Fixture *fixture, gconstpointer unused)
{
  g_auto (Service) service = start_service (fixture->ctx);

  expect_critical ("leash_line_client_dial", "ctx != NULL");
  g_assert_null (leash_line_client_dial (NULL, TCP, NULL));
  expect_critical ("leash_line_client_send", "line != NULL");
  g_assert_false (leash_line_client_send (service.client, fixture->ctx, NULL, NULL));
  expect_critical ("leash_line_client_receive", "ctx != NULL");
  g_assert_null (leash_line_client_receive (service.client, NULL, NULL));
  expect_critical ("leash_line_client_request", "client != NULL");
  g_assert_null (leash_line_client_request (NULL, fixture->ctx, "x", NULL));
  expect_critical ("leash_line_client_close", "client != NULL");
  g_assert_false (leash_line_client_close (NULL, NULL));
  expect_critical ("leash_line_client_get_conn", "client != NULL");
  g_assert_null (leash_line_client_get_conn (NULL));
  assert_expected ();
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  warm_up ();
  ADD ("/net/line-client/request-and-answer", test_request);
  ADD ("/net/line-client/lines", test_lines);
  ADD ("/net/line-client/server-ends-the-connection", test_end);
  ADD ("/net/line-client/line-without-end-is-bounded", test_long_lines);
  ADD ("/net/line-client/bad-lines", test_bad_lines);
  ADD ("/net/line-client/late-answer-is-not-taken-for-another", test_cut_short);
  ADD ("/net/line-client/half-sent-line-ends-its-use", test_half_sent);
  ADD ("/net/line-client/two-threads", test_two_threads);
  ADD ("/net/line-client/use-after-close-is-refused-and-reported", test_use_after_close);
  ADD ("/net/line-client/leak-is-one-entry-with-its-caller", test_leak);
  ADD ("/net/line-client/refused", test_refused);
  ADD ("/net/line-client/references", test_references);
  ADD ("/net/line-client/over-a-connection-that-stays-another-s", test_over_a_connection);
  ADD ("/net/line-client/bad-arguments", test_bad_arguments);
  return g_test_run ();
}
