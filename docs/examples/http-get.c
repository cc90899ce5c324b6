/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * HTTP on the leash: a program asks a server for its newest version. When the answer is an error, it returns
 * early, and forgets that there is a response, which keeps its connection from everybody else.
 *
 * The server is a thread of the test's own that says the same to everyone.
 */
#include <leash/leash.h>
#include <leash/leash-http-client.h>
#include <string.h>

static char *
get_version_leaking (LeashContext *ctx, LeashHttpClient *client, const char *uri, GError **error)
{
  LeashHttpResponse *response = leash_http_client_get (client, ctx, uri, error);
  char *version;
  GBytes *body;

  if (response == NULL)
    return NULL;
  if (!leash_http_response_check (response, error))
    return NULL; /* the bug: nobody closes response */
  body = leash_http_response_read_bytes (response, 100, error);
  version = body != NULL ? g_strndup (g_bytes_get_data (body, NULL), g_bytes_get_size (body)) : NULL;
  g_clear_pointer (&body, g_bytes_unref);
  leash_http_response_unref (response);
  return version;
}

static char *
get_version_mended (LeashContext *ctx, LeashHttpClient *client, const char *uri, GError **error)
{
  g_autoptr (LeashHttpResponse) response = leash_http_client_get (client, ctx, uri, error);
  g_autoptr (GBytes) body = NULL;

  if (response == NULL || !leash_http_response_check (response, error))
    return NULL;
  body = leash_http_response_read_bytes (response, 100, error);
  return body != NULL ? g_strndup (g_bytes_get_data (body, NULL), g_bytes_get_size (body)) : NULL;
}

static const char hello[] = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n1.2";
static const char sorry[] = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 6\r\n\r\nsorry\n";

typedef struct
{
  LeashListener *listener;
  const char *answer;
} Server;

/* Runs until the test's context is cancelled. */
static void
serve (LeashContext *ctx, gpointer user_data)
{
  Server *server = user_data;
  g_autoptr (LeashConn) conn = NULL;
  char request[4096];

  while ((conn = leash_listener_accept (server->listener, ctx, NULL)) != NULL)
    {
      if (leash_conn_read (conn, ctx, request, sizeof request, NULL) > 0)
        leash_conn_write_all (conn, ctx, server->answer, strlen (server->answer), NULL, NULL);
      g_clear_pointer (&conn, leash_conn_unref);
    }
  leash_listener_unref (server->listener);
}

typedef char *(*GetFunc) (LeashContext *ctx, LeashHttpClient *client, const char *uri, GError **error);

/* Asks twice: a server that knows, and one that does not. */
static void
test_version (gconstpointer get)
{
  GetFunc get_version = *(const GetFunc *) get;
  Server servers[2] = { { .answer = hello }, { .answer = sorry } };
  g_auto (LeashTest) test = leash_test_begin ();
  g_autoptr (LeashHttpClient) client = leash_http_client_new (0);

  for (guint i = 0; i < 2; i++)
    {
      g_autofree char *uri = NULL, *version = NULL;
      g_autoptr (GError) error = NULL;

      servers[i].listener = leash_listen (test.ctx, "tcp:127.0.0.1:0", &error);
      g_assert_no_error (error);
      uri = g_strdup_printf ("http://%s/version",
                             leash_listener_get_address (servers[i].listener) + strlen ("tcp:"));
      leash_test_go (&test, serve, &servers[i]);
      version = get_version (test.ctx, client, uri, &error);
      g_assert_cmpstr (version, ==, i == 0 ? "1.2" : NULL);
      g_assert_true (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_BUSY) == (i == 1));
    }
}

/* GIO's own threads start with the first request and stay: no test is to be told that it left them behind. */
static void
warm_up (void)
{
  g_autoptr (LeashHttpClient) client = leash_http_client_new (0);

  g_assert_null (leash_http_client_get (client, leash_context_background (), "http://127.0.0.1:1/", NULL));
}

int
main (int argc, char **argv)
{
  static const GetFunc leaking = get_version_leaking;
  static const GetFunc mended = get_version_mended;

  g_test_init (&argc, &argv, NULL);
  warm_up ();
  g_test_add_data_func ("/http-get/leaking", &leaking, test_version);
  g_test_add_data_func ("/http-get/mended", &mended, test_version);
  return g_test_run ();
}
