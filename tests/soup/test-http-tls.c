/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Requests to an nginx over TLS, by HTTP/1.1 and by HTTP/2. */
#include "../net/tls-fixture.h"
#include "nginx.h"

#include <leash/leash-http-client.h>

static const SoupHTTPVersion versions[] = { SOUP_HTTP_1_1, SOUP_HTTP_2_0 };

/* version is one of them. */
static char *
tls_uri_of (gconstpointer version, const char *path)
{
  return g_strdup_printf ("https://localhost:%u%s", the_nginx.tls_ports[version == &versions[1]], path);
}

/* Trusts the test's authority alone. */
static LeashHttpClient *
new_client (void)
{
  LeashHttpClient *client = leash_http_client_new (1);
  g_autofree char *ca = certificate_path ("ca.pem");
  g_autoptr (GError) error = NULL;
  g_autoptr (GTlsDatabase) database = g_tls_file_database_new (ca, &error);

  g_assert_no_error (error);
  soup_session_set_tls_database (leash_http_client_get_session (client), database);
  return client;
}

static LeashHttpResponse *
get (LeashHttpClient *client, LeashContext *ctx, const char *path, gconstpointer version)
{
  g_autofree char *uri = tls_uri_of (version, path);
  g_autoptr (GError) error = NULL;
  LeashHttpResponse *response = leash_http_client_get (client, ctx, uri, &error);

  g_assert_no_error (error);
  g_assert_cmpint (soup_message_get_http_version (leash_http_response_get_message (response)), ==,
                   *(const SoupHTTPVersion *) version);
  return response;
}

static void
test_reuse (Fixture *fixture, gconstpointer version)
{
  g_autoptr (LeashHttpClient) client = new_client ();

  for (guint i = 0; i < 3; i++)
    {
      g_autoptr (LeashHttpResponse) response
          = get (client, fixture->ctx, i == 1 ? "/moved" : "/text", version);
      g_autoptr (GError) error = NULL;
      g_autoptr (GBytes) bytes = leash_http_response_read_bytes (response, 100, &error);

      g_assert_no_error (error);
      g_assert_cmpuint (g_bytes_get_size (bytes), ==, 10);
      g_assert_cmpint (leash_http_response_is_connection_reused (response), ==, i != 0);
    }
}

/* What was not read is not in the way of the next request. It costs the connection, unless that is HTTP/2. */
static void
test_closed_early (Fixture *fixture, gconstpointer version)
{
  g_autoptr (LeashHttpClient) client = new_client ();

  for (guint i = 0; i < 3; i++)
    {
      g_autoptr (LeashHttpResponse) response = get (client, fixture->ctx, "/large", version);
      g_autoptr (GError) error = NULL;

      g_assert_cmpint (leash_http_response_is_connection_reused (response), ==,
                       i != 0 && version == &versions[1]);
      g_assert_cmpint (g_input_stream_skip (leash_http_response_get_body (response), 100000, NULL, &error), >,
                       0);
      g_assert_no_error (error);
      g_assert_true (leash_http_response_close (response, &error));
      g_assert_no_error (error);
    }
}

typedef struct
{
  LeashContext *ctx;
  gint tid;
} Canceller;

static gpointer
cancel_sleeper (gpointer data)
{
  Canceller *canceller = data;

  wait_until (is_asleep (canceller->tid));
  leash_context_cancel (canceller->ctx, NULL);
  return NULL;
}

static void
test_slow_body (Fixture *fixture, gconstpointer version)
{
  g_autoptr (LeashHttpClient) client = new_client ();
  g_autoptr (LeashContext) ctx = leash_context_with_cancel (fixture->ctx);
  g_autoptr (LeashHttpResponse) response = get (client, ctx, "/slow", version);
  Canceller canceller = { ctx, gettid () };
  GThread *thread = g_thread_new ("canceller", cancel_sleeper, &canceller);
  g_autoptr (GError) error = NULL;

  g_assert_null (leash_http_response_read_bytes (response, 1 << 30, &error));
  assert_io_error (error, G_IO_ERROR_CANCELLED, "GET https://localhost:", "/slow: ");
  g_thread_join (thread);
}

static void
test_upload (Fixture *fixture, gconstpointer version)
{
  g_autoptr (LeashHttpClient) client = new_client ();
  g_autofree char *uri = tls_uri_of (version, "/put/tls");
  g_autofree char *path = g_build_filename (the_nginx.dir, "root", "put", "tls", NULL);
  gsize size = 1 << 20;
  g_autoptr (GBytes) bytes = g_bytes_new_take (g_strnfill (size, 't'), size);
  g_autoptr (GInputStream) body = g_memory_input_stream_new_from_bytes (bytes);
  g_autoptr (LeashHttpResponse) response = NULL;
  g_autoptr (GError) error = NULL;
  struct stat found;

  response
      = leash_http_client_send_stream (client, fixture->ctx, "PUT", uri, NULL, body, (gssize) size, &error);
  g_assert_no_error (error);
  g_assert_true (leash_http_response_check (response, &error));
  g_assert_cmpint (stat (path, &found), ==, 0);
  g_assert_cmpuint ((gsize) found.st_size, ==, size);
  g_assert_cmpint (g_unlink (path), ==, 0);
}

static void
test_unknown_authority (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (LeashHttpClient) client = leash_http_client_new (1);
  g_autofree char *uri = tls_uri_of (&versions[0], "/text");
  g_autoptr (GError) error = NULL;

  g_assert_null (leash_http_client_get_bytes (client, fixture->ctx, uri, 100, &error));
  g_assert_error (error, G_TLS_ERROR, G_TLS_ERROR_BAD_CERTIFICATE);
  g_assert_nonnull (strstr (error->message, "GET https://localhost:"));
}

static void
add (const char *name, void (*func) (Fixture *, gconstpointer))
{
  for (guint i = 0; i < G_N_ELEMENTS (versions); i++)
    {
      g_autofree char *path = g_strdup_printf ("/http-tls/%s/%d", name, i + 1);

      g_test_add (path, Fixture, &versions[i], set_up_tls, func, tear_down_tls);
    }
}

/* What is opened once and stays. */
static void
warm_up_https (void)
{
  g_autoptr (LeashHttpClient) client = new_client ();
  g_autoptr (LeashHttpResponse) response = get (client, leash_context_background (), "/text", &versions[1]);
}

/* Why there is nothing to test, NULL when there is. */
static const char *
start (void)
{
  g_autofree char *good = NULL;

  if (why_no_tls () != NULL)
    return why_no_tls ();
  make_certificates ();
  good = certificate_path ("good");
  if (!start_nginx (good))
    {
      remove_certificates ();
      return "nginx is not installed";
    }
  return NULL;
}

int
main (int argc, char **argv)
{
  const char *why;
  int status;

  g_test_init (&argc, &argv, NULL);
  why = start ();
  if (why != NULL)
    {
      g_print ("1..0 # SKIP %s\n", why);
      return 0;
    }
  warm_up ();
  warm_up_https ();
  add ("reuse", test_reuse);
  add ("closed-early", test_closed_early);
  add ("slow-body", test_slow_body);
  add ("upload", test_upload);
  ADD_TLS ("/http-tls/unknown-authority", test_unknown_authority);
  status = g_test_run ();
  stop_nginx ();
  remove_certificates ();
  return status;
}
