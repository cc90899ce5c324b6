/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A SoupServer's requests on the leash, asked by plain connections in the same thread. */
#include "../net/net-fixture.h"

#include <leash/leash-http-server.h>

#define REQUEST "http request"

/* A server, and what its handler was given last. */
typedef struct
{
  SoupServer *server;
  gboolean pauses;
  LeashTracker *tracker;
  guint n_requests;
  gsize n_open; /* when the handler was called */
  LeashContext *ctx;
  SoupServerMessage *message;
  gboolean is_freed;
} Site;

static void
answer (SoupServerMessage *message)
{
  soup_server_message_set_status (message, SOUP_STATUS_OK, NULL);
  soup_server_message_set_response (message, "text/plain", SOUP_MEMORY_STATIC, "answer", strlen ("answer"));
}

static void
forget_request (Site *site)
{
  g_clear_pointer (&site->ctx, leash_context_unref);
  g_clear_object (&site->message);
}

static void
handle (LeashContext *ctx, SoupServerMessage *message, const char *path, GHashTable *query,
        gpointer user_data)
{
  Site *site = user_data;

  forget_request (site);
  site->n_requests++;
  site->n_open = leash_tracker_count_open (site->tracker);
  site->ctx = leash_context_ref (ctx);
  g_assert_true (leash_context_get_tracker (ctx) == site->tracker);
  g_assert_false (leash_context_is_done (ctx));
  if (!site->pauses)
    answer (message);
  else
    {
      site->message = g_object_ref (message);
      soup_server_message_pause (message);
    }
}

static void
note_freed (gpointer user_data)
{
  ((Site *) user_data)->is_freed = TRUE;
}

static void
site_start (Site *site, LeashContext *ctx, LeashTracker *tracker)
{
  g_autoptr (GError) error = NULL;

  site->tracker = tracker;
  site->server = soup_server_new (NULL, NULL);
  leash_http_server_add_handler (site->server, ctx, "/", handle, site, note_freed);
  g_assert_true (soup_server_listen_local (site->server, 0, SOUP_SERVER_LISTEN_IPV4_ONLY, &error));
  g_assert_no_error (error);
}

static void
run_idle (void)
{
  while (g_main_context_iteration (NULL, FALSE))
    ;
}

static void
site_stop (Site *site)
{
  forget_request (site);
  if (site->server != NULL)
    soup_server_disconnect (site->server);
  g_clear_object (&site->server);
  run_idle ();
  g_assert_true (site->is_freed);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Site, site_stop)

static LeashConn *
ask (Site *site, const char *path)
{
  GSList *uris = soup_server_get_uris (site->server);
  g_autofree char *address = g_strdup_printf ("tcp:127.0.0.1:%d", g_uri_get_port (uris->data));
  g_autofree char *head = g_strdup_printf ("GET %s HTTP/1.1\r\nHost: x\r\n\r\n", path);
  LeashConn *conn = dial (leash_context_background (), address);

  g_slist_free_full (uris, (GDestroyNotify) g_uri_unref);
  g_assert_true (leash_conn_write_all (conn, leash_context_background (), head, strlen (head), NULL, NULL));
  return conn;
}

/* Runs the server until something is so. */
#define run_until(condition)                 \
  G_STMT_START                               \
  {                                          \
    while (!(condition))                     \
      g_main_context_iteration (NULL, TRUE); \
  }                                          \
  G_STMT_END

static void
assert_answer (LeashConn *conn)
{
  char buffer[1000] = "";
  gssize n = leash_conn_read (conn, leash_context_background (), buffer, sizeof buffer - 1, NULL);

  g_assert_cmpint (n, >, 0);
  g_assert_true (g_str_has_prefix (buffer, "HTTP/1.1 200"));
  g_assert_true (g_str_has_suffix (buffer, "answer"));
}

static void
test_answered (Fixture *fixture, gconstpointer unused)
{
  g_auto (Site) site = { 0 };
  g_autoptr (LeashConn) conn = NULL;

  site_start (&site, fixture->ctx, fixture->tracker);
  conn = ask (&site, "/page?secret");
  run_until (site.ctx != NULL && leash_context_is_done (site.ctx));
  /* The request, and not the context that it has. */
  g_assert_cmpuint (site.n_open, ==, leash_has_tracking () ? 1 : 0);
  g_assert_cmpuint (leash_tracker_count_open (fixture->tracker), ==, 0);
  assert_answer (conn);
}

static void
test_same_connection (Fixture *fixture, gconstpointer unused)
{
  const char *head = "GET /again HTTP/1.1\r\nHost: x\r\n\r\n";
  g_auto (Site) site = { 0 };
  g_autoptr (LeashConn) conn = NULL;

  site_start (&site, fixture->ctx, fixture->tracker);
  conn = ask (&site, "/");
  for (guint i = 1; i <= 3; i++)
    {
      run_until (site.n_requests == i && leash_context_is_done (site.ctx));
      assert_answer (conn);
      g_assert_true (
          leash_conn_write_all (conn, leash_context_background (), head, strlen (head), NULL, NULL));
    }
}

static void
test_forgotten (Fixture *fixture, gconstpointer unused)
{
  g_auto (Site) site = { .pauses = TRUE };
  g_autoptr (LeashConn) conn = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *report = NULL;

  site_start (&site, fixture->ctx, fixture->tracker);
  conn = ask (&site, "/forgotten?secret");
  run_until (site.message != NULL);
  run_idle ();
  if (leash_has_tracking ())
    {
      g_assert_false (leash_tracker_check (fixture->tracker, &error));
      report = leash_tracker_report (fixture->tracker, LEASH_FORMAT_TEXT);
      g_assert_nonnull (strstr (report, "1 x http request \"GET /forgotten\", opened "));
      g_assert_nonnull (strstr (report, "test_forgotten"));
    }
  answer (site.message);
  soup_server_message_unpause (site.message);
  run_until (leash_context_is_done (site.ctx));
  g_assert_true (leash_tracker_check (fixture->tracker, NULL));
  assert_answer (conn);
}

static void
test_peer_goes (Fixture *fixture, gconstpointer unused)
{
  g_auto (Site) site = { .pauses = TRUE };

  site_start (&site, fixture->ctx, fixture->tracker);
  leash_conn_unref (ask (&site, "/"));
  run_until (site.message != NULL && leash_context_is_done (site.ctx));
  /* It is still to be answered, in vain. */
  g_assert_cmpuint (leash_tracker_count_open (fixture->tracker), ==, leash_has_tracking () ? 1 : 0);
  answer (site.message);
  soup_server_message_unpause (site.message);
  while (leash_tracker_count_open (fixture->tracker) != 0)
    g_main_context_iteration (NULL, TRUE);
}

static void
test_server_goes (Fixture *fixture, gconstpointer unused)
{
  g_auto (Site) site = { .pauses = TRUE };
  g_autoptr (LeashConn) conn = NULL;
  char byte;

  site_start (&site, fixture->ctx, fixture->tracker);
  conn = ask (&site, "/");
  run_until (site.message != NULL);
  soup_server_disconnect (site.server);
  run_idle ();
  g_assert_true (leash_context_is_done (site.ctx));
  g_assert_cmpuint (leash_tracker_count_open (fixture->tracker), ==, 0);
  g_assert_cmpint (leash_conn_read (conn, leash_context_background (), &byte, 1, NULL), <=, 0);
}

static void
test_parent_ends (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (LeashContext) parent = leash_context_with_cancel (fixture->ctx);
  g_auto (Site) site = { .pauses = TRUE };
  g_autoptr (LeashConn) conn = NULL;

  site_start (&site, parent, fixture->tracker);
  conn = ask (&site, "/");
  run_until (site.message != NULL);
  leash_context_cancel (parent, NULL);
  g_assert_true (leash_context_is_done (site.ctx));
  answer (site.message);
  soup_server_message_unpause (site.message);
  while (leash_tracker_count_open (fixture->tracker) != 0)
    g_main_context_iteration (NULL, TRUE);
  run_idle ();
  assert_answer (conn);
}

/* The main context's descriptors. */
static void
warm_up_server (void)
{
  g_auto (Site) site = { 0 };

  site_start (&site, leash_context_background (), NULL);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  warm_up ();
  warm_up_server ();
  ADD ("/http-server/answered", test_answered);
  ADD ("/http-server/same-connection", test_same_connection);
  ADD ("/http-server/forgotten-request-is-named", test_forgotten);
  ADD ("/http-server/peer-goes", test_peer_goes);
  ADD ("/http-server/server-goes", test_server_goes);
  ADD ("/http-server/parent-ends", test_parent_ends);
  return g_test_run ();
}
