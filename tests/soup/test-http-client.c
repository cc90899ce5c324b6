/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Requests to a real nginx, on loopback and on a local socket, and to peers that misbehave. */
#include "nginx.h"
#include "raw-peer.h"

#include <leash/leash-http-client.h>

#define RESPONSE "http response"

static LeashHttpResponse *
get (LeashHttpClient *client, LeashContext *ctx, const char *path)
{
  g_autofree char *uri = uri_of (path);
  g_autoptr (GError) error = NULL;
  LeashHttpResponse *response = leash_http_client_get (client, ctx, uri, &error);

  g_assert_no_error (error);
  g_assert_nonnull (response);
  return response;
}

static void
assert_body (LeashHttpResponse *response, const char *text)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) bytes = leash_http_response_read_bytes (response, 1 << 20, &error);

  g_assert_no_error (error);
  g_assert_cmpmem (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes), text, strlen (text));
}

static void
test_get (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (LeashHttpClient) client = leash_http_client_new (0);
  g_autoptr (LeashHttpResponse) response = get (client, fixture->ctx, "/text");
  g_autoptr (GError) error = NULL;

  g_assert_cmpuint (leash_http_response_get_status (response), ==, 200);
  g_assert_true (leash_http_response_check (response, &error));
  g_assert_cmpstr (leash_http_response_get_header (response, "content-length"), ==, "10");
  g_assert_null (leash_http_response_get_header (response, "X-Nothing"));
  g_assert_cmpuint (leash_tracker_count_open (fixture->tracker), ==, leash_has_tracking () ? 1 : 0);
  assert_body (response, "some text\n");
  g_assert_cmpuint (leash_tracker_count_open (fixture->tracker), ==, 0);
}

static void
test_get_bytes (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (LeashHttpClient) client = leash_http_client_new (1);
  g_autofree char *text = uri_of ("/text?user=me"), *missing = uri_of ("/missing"), *busy = uri_of ("/busy");
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) bytes = leash_http_client_get_bytes (client, fixture->ctx, text, 10, &error);

  g_assert_no_error (error);
  g_assert_cmpuint (g_bytes_get_size (bytes), ==, 10);
  g_assert_null (leash_http_client_get_bytes (client, fixture->ctx, text, 9, &error));
  assert_io_error (error, G_IO_ERROR_MESSAGE_TOO_LARGE,
                   "GET http://127.0.0.1:", "/text?…: ", "longer than 9 bytes");
  g_assert_null (leash_http_client_get_bytes (client, fixture->ctx, missing, 1 << 20, &error));
  assert_io_error (error, G_IO_ERROR_NOT_FOUND, "GET http://127.0.0.1:", "/missing: 404 Not Found");
  g_assert_null (leash_http_client_get_bytes (client, fixture->ctx, busy, 1 << 20, &error));
  assert_io_error (error, G_IO_ERROR_BUSY, "/busy: 503 ");
}

static void
test_local_socket (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (LeashHttpClient) client = leash_http_client_new_unix (the_nginx.socket, 0, &error);
  g_autoptr (LeashHttpResponse) response = NULL;
  g_autofree char *long_path = g_strnfill (200, 'x');

  g_assert_no_error (error);
  response = leash_http_client_get (client, fixture->ctx, "http://any.test/text", &error);
  g_assert_no_error (error);
  assert_body (response, "some text\n");
  g_assert_null (leash_http_client_new_unix (long_path, 0, &error));
  assert_io_error (error, G_IO_ERROR_FILENAME_TOO_LONG, "xxx");
}

static void
test_redirect (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (LeashHttpClient) client = leash_http_client_new (1);
  g_autoptr (LeashHttpResponse) response = get (client, fixture->ctx, "/moved");
  g_autofree char *expected = uri_of ("/text");
  GUri *uri = soup_message_get_uri (leash_http_response_get_message (response));
  g_autofree char *text = g_uri_to_string (uri);

  g_assert_cmpstr (text, ==, expected);
  assert_body (response, "some text\n");
}

/* Who reads to the end gives the connection back; who closes before does not. */
static void
test_reuse (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (LeashHttpClient) client = leash_http_client_new (1);
  LeashHttpStatistics statistics;
  guint64 first;

  for (guint i = 0; i < 5; i++)
    {
      g_autoptr (LeashHttpResponse) response = get (client, fixture->ctx, i == 3 ? "/large" : "/text");

      g_assert_cmpint (leash_http_response_is_connection_reused (response), ==, i != 0 && i != 4);
      if (i == 0)
        first = leash_http_response_get_connection_id (response);
      g_assert_cmpint (leash_http_response_get_connection_id (response) == first, ==, i != 4);
      if (i < 3)
        assert_body (response, "some text\n");
    }
  leash_http_client_get_statistics (client, &statistics);
  g_assert_cmpuint (statistics.n_requests, ==, 5);
  g_assert_cmpuint (statistics.n_failed, ==, 0);
  g_assert_cmpuint (statistics.n_connections, ==, 2);
  g_assert_cmpuint (statistics.n_reused, ==, 3);
}

/* The end is the end, however often it is read, and the connection is another's by then. */
static void
test_end_of_body (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (LeashHttpClient) client = leash_http_client_new (1);
  g_autoptr (LeashHttpResponse) response = get (client, fixture->ctx, "/text");
  g_autoptr (LeashHttpResponse) next = NULL;
  GInputStream *body = leash_http_response_get_body (response);
  g_autoptr (GError) error = NULL;
  char buffer[4];

  g_assert_cmpint (g_input_stream_skip (body, 100, NULL, &error), ==, 10);
  for (guint i = 0; i < 3; i++)
    g_assert_cmpint (g_input_stream_read (body, buffer, sizeof buffer, NULL, &error), ==, 0);
  g_assert_no_error (error);
  next = get (client, fixture->ctx, "/text");
  g_assert_true (leash_http_response_is_connection_reused (next));
  g_assert_true (leash_http_response_close (response, &error));
  g_assert_true (leash_http_response_close (response, &error));
  g_assert_cmpint (g_input_stream_read (body, buffer, sizeof buffer, NULL, &error), ==, -1);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CLOSED);
  assert_body (next, "some text\n");
}

static gsize
get_peak (void)
{
  g_autofree char *status = NULL;

  g_assert_true (g_file_get_contents ("/proc/self/status", &status, NULL, NULL));
  return (gsize) g_ascii_strtoull (strstr (status, "VmHWM:") + strlen ("VmHWM:"), NULL, 10) << 10;
}

static void
test_large_download (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (LeashHttpClient) client = leash_http_client_new (1);
  g_autoptr (LeashHttpResponse) response = get (client, fixture->ctx, "/large");
  g_autoptr (GError) error = NULL;
  g_autofree char *buffer = g_malloc (65536);
  gsize before = get_peak ();
  goffset total = 0;
  gssize n;

  while ((n = g_input_stream_read (leash_http_response_get_body (response), buffer, 65536, NULL, &error)) > 0)
    total += n;
  g_assert_no_error (error);
  g_assert_cmpint (total, ==, LARGE_SIZE);
  g_assert_cmpuint (get_peak () - before, <, (gsize) LARGE_SIZE / 8);
}

static char *
upload (Fixture *fixture, LeashHttpClient *client, GBytes *bytes, gssize length)
{
  g_autofree char *uri = uri_of ("/put/upload");
  g_autoptr (GInputStream) body = g_memory_input_stream_new_from_bytes (bytes);
  g_autoptr (GError) error = NULL;
  g_autoptr (LeashHttpResponse) response
      = leash_http_client_send_stream (client, fixture->ctx, "PUT", uri, "text/plain", body, length, &error);

  g_assert_no_error (error);
  g_assert_true (leash_http_response_check (response, &error));
  return g_build_filename (the_nginx.dir, "root", "put", "upload", NULL);
}

static void
test_upload (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (LeashHttpClient) client = leash_http_client_new (1);
  gsize size = 3 << 20;
  g_autoptr (GBytes) bytes = g_bytes_new_take (g_strnfill (size, 'u'), size);

  /* Told before, and in chunks. */
  for (gssize length = (gssize) size; length >= -1; length -= (gssize) size + 1)
    {
      g_autofree char *path = upload (fixture, client, bytes, length);
      g_autofree char *contents = NULL;
      gsize n;

      g_assert_true (g_file_get_contents (path, &contents, &n, NULL));
      g_assert_cmpmem (contents, n, g_bytes_get_data (bytes, NULL), size);
      g_assert_cmpint (g_unlink (path), ==, 0);
    }
}

static void
test_send_bytes (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (LeashHttpClient) client = leash_http_client_new (1);
  g_autofree char *uri = uri_of ("/put/bytes"), *read_uri = uri_of ("/put/bytes");
  g_autoptr (GBytes) bytes = g_bytes_new_static ("twelve bytes", 12);
  g_autoptr (GBytes) found = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (LeashHttpResponse) response
      = leash_http_client_send_bytes (client, fixture->ctx, "PUT", uri, "text/plain", bytes, &error);

  g_assert_no_error (error);
  g_assert_cmpuint (leash_http_response_get_status (response), ==, 201);
  g_assert_true (leash_http_response_close (response, &error));
  found = leash_http_client_get_bytes (client, fixture->ctx, read_uri, 100, &error);
  g_assert_no_error (error);
  g_assert_true (g_bytes_equal (bytes, found));
}

/* The function that a report has to name. */
static G_NO_INLINE LeashHttpResponse *
get_and_forget (LeashHttpClient *client, LeashContext *ctx, const char *uri)
{
  LeashHttpResponse *response = leash_http_client_get (client, ctx, uri, NULL);

  g_assert_nonnull (response);
  return response;
}

static void
test_leak (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (LeashHttpClient) client = leash_http_client_new (0);
  g_autofree char *uri = uri_of ("/text?password=secret");
  g_autofree char *plain = uri_of ("/text?…");
  g_autofree char *name = g_strconcat ("GET ", plain, NULL);
  LeashHttpResponse *response = get_and_forget (client, fixture->ctx, uri);
  g_autoptr (GError) error = NULL;

  if (!leash_has_tracking ())
    g_test_skip ("built without tracking");
  else
    {
      assert_only_open (fixture->tracker, RESPONSE, name, get_and_forget);
      g_assert_false (leash_tracker_check (fixture->tracker, &error));
    }
  /* The body in part is as good as none; all of it, and nothing is open. */
  g_assert_cmpint (g_input_stream_skip (leash_http_response_get_body (response), 5, NULL, NULL), ==, 5);
  g_assert_cmpuint (leash_tracker_count_open (fixture->tracker), ==, leash_has_tracking () ? 1 : 0);
  assert_body (response, "text\n");
  g_assert_true (leash_tracker_check (fixture->tracker, NULL));
  leash_http_response_unref (response);
}

static void
test_close_ends_it (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (LeashHttpClient) client = leash_http_client_new (0);
  g_autoptr (LeashHttpResponse) closed = get (client, fixture->ctx, "/text");
  LeashHttpResponse *freed = get (client, fixture->ctx, "/text");
  GInputStream *body = g_object_ref (leash_http_response_get_body (freed));

  g_assert_true (leash_http_response_close (closed, NULL));
  leash_http_response_unref (freed);
  g_assert_cmpuint (leash_tracker_count_open (fixture->tracker), ==, 0);
  g_assert_true (g_input_stream_is_closed (body));
  g_object_unref (body);
}

/* A response outlives the client that its program has let go. */
static void
test_response_after_client (Fixture *fixture, gconstpointer unused)
{
  LeashHttpClient *client = leash_http_client_new (0);
  g_autoptr (LeashHttpResponse) response = get (client, fixture->ctx, "/text");

  leash_http_client_unref (client);
  assert_body (response, "some text\n");
}

static void
test_refused (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (LeashHttpClient) client = leash_http_client_new (1);
  g_autofree char *uri = g_strdup_printf ("http://me:secret@127.0.0.1:%u/?token=secret", find_port ());
  g_autoptr (GError) error = NULL;
  LeashHttpStatistics statistics;

  /* The place is given back each time. */
  for (guint i = 0; i < 3; i++)
    {
      g_assert_null (leash_http_client_get (client, fixture->ctx, uri, &error));
      g_assert_null (strstr (error->message, "secret"));
      assert_io_error (error, G_IO_ERROR_CONNECTION_REFUSED, "GET http://127.0.0.1:", "/?…: ");
    }
  leash_http_client_get_statistics (client, &statistics);
  g_assert_cmpuint (statistics.n_failed, ==, 3);
}

static void
test_no_uri (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (LeashHttpClient) client = leash_http_client_new (1);
  const char *const texts[]
      = { "", "text", "/path?secret", "http://", "http:///secret@?x", "gopher://127.0.0.1/", NULL };
  g_autoptr (GError) error = NULL;

  for (guint i = 0; texts[i] != NULL; i++)
    {
      g_assert_null (leash_http_client_get (client, fixture->ctx, texts[i], &error));
      g_assert_null (strstr (error->message, "secret"));
      assert_io_error (error, G_IO_ERROR_INVALID_ARGUMENT, "GET ", "no URI of HTTP with a host");
    }
}

static void
test_cut_body (Fixture *fixture, gconstpointer unused)
{
  g_auto (RawPeer) peer = { .answer = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nsome" };
  g_autoptr (LeashHttpClient) client = leash_http_client_new (1);
  g_autofree char *uri = NULL;
  g_autoptr (LeashHttpResponse) response = NULL;
  g_autoptr (GError) error = NULL;

  raw_peer_start (&peer);
  uri = raw_peer_uri (&peer, "http");
  response = leash_http_client_get (client, fixture->ctx, uri, &error);
  g_assert_no_error (error);
  g_assert_null (leash_http_response_read_bytes (response, 1000, &error));
  assert_io_error (error, G_IO_ERROR_PARTIAL_INPUT, "GET http://127.0.0.1:");
  g_assert_cmpuint (leash_tracker_count_open (fixture->tracker), ==, leash_has_tracking () ? 1 : 0);
}

static void
test_nonsense (Fixture *fixture, gconstpointer unused)
{
  g_auto (RawPeer) peer = { .answer = "nonsense\r\n\r\n" };
  g_autoptr (LeashHttpClient) client = leash_http_client_new (1);
  g_autofree char *uri = NULL;
  g_autoptr (GError) error = NULL;

  raw_peer_start (&peer);
  uri = raw_peer_uri (&peer, "http");
  g_assert_null (leash_http_client_get (client, fixture->ctx, uri, &error));
  g_assert_error (error, SOUP_SESSION_ERROR, SOUP_SESSION_ERROR_PARSING);
  g_assert_nonnull (strstr (error->message, "GET http://127.0.0.1:"));
}

/* A server that has closed an idle connection is asked again, over another. */
static void
test_stale_connection (Fixture *fixture, gconstpointer unused)
{
  g_auto (RawPeer) peer = { .answer = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nsome" };
  g_autoptr (LeashHttpClient) client = leash_http_client_new (1);
  g_autofree char *uri = NULL;

  raw_peer_start (&peer);
  uri = raw_peer_uri (&peer, "http");
  /* More often than there are places for connections that have died. */
  for (guint i = 0; i < 5; i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (GBytes) bytes = leash_http_client_get_bytes (client, fixture->ctx, uri, 100, &error);

      g_assert_no_error (error);
      g_assert_cmpuint (g_bytes_get_size (bytes), ==, 4);
    }
  g_assert_cmpint (g_atomic_int_get (&peer.n_requests), ==, 5);
}

typedef struct
{
  LeashHttpClient *client;
  LeashContext *ctx;
  const char *uri;
} Shared;

static gpointer
get_many (gpointer data)
{
  Shared *shared = data;

  for (guint i = 0; i < 50; i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (GBytes) bytes
          = leash_http_client_get_bytes (shared->client, shared->ctx, shared->uri, 100, &error);

      g_assert_no_error (error);
      g_assert_cmpuint (g_bytes_get_size (bytes), ==, 10);
    }
  return NULL;
}

/* More threads than places. */
static void
test_threads (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (LeashHttpClient) client = leash_http_client_new (3);
  g_autofree char *uri = uri_of ("/text");
  Shared shared = { client, fixture->ctx, uri };
  LeashHttpStatistics statistics;
  GThread *threads[8];

  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = g_thread_new ("getter", get_many, &shared);
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    g_thread_join (threads[i]);
  leash_http_client_get_statistics (client, &statistics);
  g_assert_cmpuint (statistics.n_requests, ==, 400);
  g_assert_cmpuint (statistics.n_connections + statistics.n_reused, ==, 400);
  g_assert_cmpuint (statistics.n_connections, <=, 10);
}

/* What is opened once and stays. */
static void
warm_up_http (void)
{
  g_autoptr (LeashHttpClient) client = leash_http_client_new (0);
  g_autoptr (LeashHttpResponse) response = get (client, leash_context_background (), "/text");
}

int
main (int argc, char **argv)
{
  int status;

  g_test_init (&argc, &argv, NULL);
  if (!start_nginx (NULL))
    {
      g_print ("1..0 # SKIP nginx is not installed\n");
      return 0;
    }
  warm_up ();
  warm_up_http ();
  ADD ("/http-client/get", test_get);
  ADD ("/http-client/get-bytes", test_get_bytes);
  ADD ("/http-client/local-socket", test_local_socket);
  ADD ("/http-client/redirect", test_redirect);
  ADD ("/http-client/reuse", test_reuse);
  ADD ("/http-client/end-of-body", test_end_of_body);
  ADD ("/http-client/large-download-in-constant-memory", test_large_download);
  ADD ("/http-client/upload", test_upload);
  ADD ("/http-client/send-bytes", test_send_bytes);
  ADD ("/http-client/leaked-response-is-named", test_leak);
  ADD ("/http-client/closing-ends-it", test_close_ends_it);
  ADD ("/http-client/response-after-client", test_response_after_client);
  ADD ("/http-client/refused", test_refused);
  ADD ("/http-client/no-uri", test_no_uri);
  ADD ("/http-client/cut-body", test_cut_body);
  ADD ("/http-client/nonsense", test_nonsense);
  ADD ("/http-client/stale-connection", test_stale_connection);
  ADD ("/http-client/threads", test_threads);
  status = g_test_run ();
  stop_nginx ();
  return status;
}
