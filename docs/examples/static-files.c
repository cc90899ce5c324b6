/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The core of a server of static files: a request in, a response out. It serves whatever file system the
 * context carries, and nothing beside it. The tests run it on the disk, in memory, and on a disk that fails
 * at each call in turn, and once over a real connection.
 */
#include <string.h>

#include "on-each.h"

static const char *
type_of (const char *path)
{
  static const char *const types[][2] = {
    { ".html", "text/html; charset=utf-8" },
    { ".css", "text/css" },
    { ".png", "image/png" },
    { ".txt", "text/plain; charset=utf-8" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (types); i++)
    if (g_str_has_suffix (path, types[i][0]))
      return types[i][1];
  return "application/octet-stream";
}

static void
respond (GString *out, const char *status, const char *type, gsize length)
{
  g_string_append_printf (out,
                          "HTTP/1.0 %s\r\nContent-Type: %s\r\nContent-Length: %" G_GSIZE_FORMAT "\r\n\r\n",
                          status, type, length);
}

static void
respond_error (GString *out, const GError *error)
{
  const char *status = "500 Internal Server Error";

  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND)
      || g_error_matches (error, G_IO_ERROR, G_IO_ERROR_NOT_DIRECTORY))
    status = "404 Not Found";
  else if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED))
    status = "403 Forbidden";
  respond (out, status, "text/plain", 0);
}

/* The path that a request is for, beneath the root; NULL when it is none. A directory stands for its index.
 */
static char *
path_of_target (const char *target)
{
  g_autofree char *path = g_uri_unescape_segment (target, target + strcspn (target, "?#"), NULL);

  if (path == NULL || path[0] != '/')
    return NULL;
  return g_strconcat (path + 1 + strspn (path + 1, "/"), g_str_has_suffix (path, "/") ? "index.html" : NULL,
                      NULL);
}

/* Sends a file: its size first, then what is in it. */
static gboolean
send_file (LeashContext *ctx, const char *path, gboolean with_body, GString *out, GError **error)
{
  g_autoptr (LeashFile) file = leash_open (ctx, path, LEASH_OPEN_READ, 0, error);
  g_autoptr (GByteArray) body = g_byte_array_new ();
  LeashStat stat;
  guint8 buffer[4096];
  gssize n;

  if (file == NULL || !leash_file_stat (file, ctx, &stat, error))
    return FALSE;
  while ((n = leash_file_read (file, ctx, buffer, sizeof buffer, error)) > 0)
    g_byte_array_append (body, buffer, (guint) n);
  if (n < 0)
    return FALSE;
  respond (out, "200 OK", type_of (path), body->len);
  if (with_body)
    g_string_append_len (out, (const char *) body->data, body->len);
  return TRUE;
}

/* Answers one request, its first line without the end. */
static void
serve (LeashContext *ctx, const char *request, GString *out)
{
  g_auto (GStrv) words = g_strsplit (request, " ", 3);
  g_autofree char *path = NULL;
  g_autoptr (GError) error = NULL;
  gboolean is_get;

  if (g_strv_length (words) != 3 || !g_str_has_prefix (words[2], "HTTP/1.")
      || (path = path_of_target (words[1])) == NULL)
    {
      respond (out, "400 Bad Request", "text/plain", 0);
      return;
    }
  is_get = strcmp (words[0], "GET") == 0;
  if (!is_get && strcmp (words[0], "HEAD") != 0)
    respond (out, "405 Method Not Allowed", "text/plain", 0);
  else if (!send_file (ctx, path, is_get, out, &error))
    respond_error (out, error);
}

/* Tests */

static void
write_site (LeashContext *ctx)
{
  g_autoptr (GError) error = NULL;

  g_assert_true (leash_mkdir (ctx, "docs", 0755, &error));
  g_assert_true (leash_write_file (ctx, "index.html", "<h1>Hello</h1>", 14, 0644, &error));
  g_assert_true (leash_write_file (ctx, "docs/index.html", "<h1>Docs</h1>", 13, 0644, &error));
  g_assert_true (leash_write_file (ctx, "docs/a b.txt", "text", 4, 0644, &error));
  g_assert_no_error (error);
}

static void
assert_response (LeashContext *ctx, const char *request, const char *status, const char *body)
{
  g_autoptr (GString) out = g_string_new (NULL);

  g_test_message ("%s", request);
  serve (ctx, request, out);
  g_assert_true (g_str_has_prefix (out->str, status));
  g_assert_true (g_str_has_suffix (out->str, body));
}

static void
files_are_served (LeashContext *ctx, gpointer unused)
{
  write_site (ctx);
  assert_response (ctx, "GET / HTTP/1.0", "HTTP/1.0 200 OK\r\nContent-Type: text/html",
                   "\r\n\r\n<h1>Hello</h1>");
  assert_response (ctx, "GET /docs/ HTTP/1.0", "HTTP/1.0 200 OK", "<h1>Docs</h1>");
  assert_response (ctx, "GET //docs/a%20b.txt?x HTTP/1.0", "HTTP/1.0 200 OK\r\nContent-Type: text/plain",
                   "\r\n\r\ntext");
  assert_response (ctx, "HEAD /docs/ HTTP/1.0", "HTTP/1.0 200 OK", "Content-Length: 13\r\n\r\n");
}

static void
others_are_refused (LeashContext *ctx, gpointer unused)
{
  write_site (ctx);
  assert_response (ctx, "GET /none HTTP/1.0", "HTTP/1.0 404", "");
  assert_response (ctx, "GET /index.html/x HTTP/1.0", "HTTP/1.0 404", "");
  assert_response (ctx, "PUT / HTTP/1.0", "HTTP/1.0 405", "");
  assert_response (ctx, "GET http://elsewhere/ HTTP/1.0", "HTTP/1.0 400", "");
  assert_response (ctx, "GET /%00 HTTP/1.0", "HTTP/1.0 400", "");
  assert_response (ctx, "nonsense", "HTTP/1.0 400", "");
}

/* A disk refuses to leave its root; what has a root of its own stays there. Neither serves what is outside.
 */
static void
nothing_leads_outside (LeashContext *ctx, gpointer unused)
{
  static const char *const targets[]
      = { "/../etc/passwd", "/docs/../../etc/passwd", "/%2e%2e/etc/passwd", "/passwd", "///etc/passwd" };

  write_site (ctx);
  g_assert_true (leash_symlink (ctx, "/etc/passwd", "passwd", NULL));
  for (guint i = 0; i < G_N_ELEMENTS (targets); i++)
    {
      g_autofree char *request = g_strconcat ("GET ", targets[i], " HTTP/1.0", NULL);
      g_autoptr (GString) out = g_string_new (NULL);

      serve (ctx, request, out);
      g_assert_true (g_str_has_prefix (out->str, "HTTP/1.0 403")
                     || g_str_has_prefix (out->str, "HTTP/1.0 404"));
    }
}

/* Over a connection: one request, one response. */
static void
answer_one (LeashContext *ctx, gpointer listener)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (LeashConn) conn = leash_listener_accept (listener, ctx, &error);
  g_autoptr (GString) out = g_string_new (NULL);
  char request[1024] = "";

  g_assert_no_error (error);
  g_assert_cmpint (leash_conn_read (conn, ctx, request, sizeof request - 1, &error), >, 0);
  request[strcspn (request, "\r\n")] = '\0';
  serve (ctx, request, out);
  g_assert_true (leash_conn_write_all (conn, ctx, out->str, out->len, NULL, &error));
}

/* What the server's thread is given. */
typedef struct
{
  LeashContext *ctx;
  LeashListener *listener;
} Server;

static gpointer
serve_in_thread (gpointer server)
{
  answer_one (((Server *) server)->ctx, ((Server *) server)->listener);
  return NULL;
}

static void
test_connection (void)
{
  static const char request[] = "GET /docs/ HTTP/1.0\r\n\r\n";
  g_auto (LeashTest) test = leash_test_begin ();
  g_autoptr (LeashFs) fs = leash_memory_fs_new ();
  g_autoptr (LeashContext) ctx = leash_context_with_fs (test.ctx, fs);
  g_autoptr (LeashListener) listener = leash_listen (ctx, "tcp:127.0.0.1:0", NULL);
  g_autoptr (LeashConn) conn = NULL;
  g_autoptr (GString) response = g_string_new (NULL);
  GThread *thread;
  char buffer[256];
  gssize n;

  write_site (ctx);
  thread = g_thread_new ("server", serve_in_thread, &(Server){ .ctx = ctx, .listener = listener });
  conn = leash_dial (ctx, leash_listener_get_address (listener), NULL);
  g_assert_true (leash_conn_write_all (conn, ctx, request, strlen (request), NULL, NULL));
  while ((n = leash_conn_read (conn, ctx, buffer, sizeof buffer, NULL)) > 0)
    g_string_append_len (response, buffer, n);
  g_thread_join (thread);
  g_assert_true (g_str_has_suffix (response->str, "\r\n\r\n<h1>Docs</h1>"));
}

static LeashFs *
make_disk (LeashTest *test, gpointer unused)
{
  LeashFs *fs = leash_memory_fs_new ();
  g_autoptr (LeashContext) ctx = leash_context_with_fs (test->ctx, fs);

  write_site (ctx);
  return fs;
}

/* A file is served whole, or an error is: half a file never. */
static void
serve_once (LeashContext *ctx, gpointer unused)
{
  g_autoptr (GString) out = g_string_new (NULL);

  serve (ctx, "GET / HTTP/1.0", out);
  g_assert_true (g_str_has_suffix (out->str, "<h1>Hello</h1>")
                 || g_str_has_prefix (out->str, "HTTP/1.0 500"));
}

static void
test_fault (void)
{
  leash_test_sweep_full (&(LeashSweep){ .func = serve_once, .set_up = make_disk });
}

int
main (int argc, char **argv)
{
  static const LeashTestFunc tests[] = { files_are_served, others_are_refused, nothing_leads_outside };

  g_test_init (&argc, &argv, NULL);
  add_on_each ("/static-files/files-are-served", &tests[0]);
  add_on_each ("/static-files/others-are-refused", &tests[1]);
  add_on_each ("/static-files/nothing-leads-outside", &tests[2]);
  g_test_add_func ("/static-files/connection", test_connection);
  g_test_add_func ("/static-files/fault", test_fault);
  return g_test_run ();
}
