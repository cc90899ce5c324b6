/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Story (a): a program copies messages from one TCP server to another. When the second one cannot be reached,
 * it returns early, and forgets that it is connected to the first.
 *
 * Both versions run against real servers on loopback. The leaking one's test fails, with the place where the
 * connection was opened; the mended one's passes.
 */
#include <leash/leash.h>
#include <string.h>

/* Sends what it reads to the other connection, until there is no more. */
static gboolean
copy_all (LeashContext *ctx, LeashConn *source, LeashConn *sink, GError **error)
{
  char buffer[4096];
  gssize length;

  while ((length = leash_conn_read (source, ctx, buffer, sizeof buffer, error)) > 0)
    if (!leash_conn_write_all (sink, ctx, buffer, (gsize) length, NULL, error))
      return FALSE;
  return length == 0;
}

static gboolean
copy_messages_leaking (LeashContext *ctx, const char *from, const char *to, GError **error)
{
  LeashConn *source, *sink;
  gboolean copied;

  source = leash_dial (ctx, from, error);
  if (source == NULL)
    return FALSE;
  sink = leash_dial (ctx, to, error);
  if (sink == NULL)
    return FALSE; /* the bug: nobody closes source */
  copied = copy_all (ctx, source, sink, error);
  leash_conn_unref (sink);
  leash_conn_unref (source);
  return copied;
}

static gboolean
copy_messages_mended (LeashContext *ctx, const char *from, const char *to, GError **error)
{
  g_autoptr (LeashConn) source = NULL;
  g_autoptr (LeashConn) sink = NULL;

  source = leash_dial (ctx, from, error);
  if (source == NULL)
    return FALSE;
  sink = leash_dial (ctx, to, error);
  return sink != NULL && copy_all (ctx, source, sink, error);
}

/* A server that tells everyone the same messages. It runs until the test's context is cancelled. */
static void
serve_messages (LeashContext *ctx, gpointer listener)
{
  static const char messages[] = "one\ntwo\nthree\n";
  g_autoptr (LeashConn) conn = NULL;

  while ((conn = leash_listener_accept (listener, ctx, NULL)) != NULL)
    {
      leash_conn_write_all (conn, ctx, messages, strlen (messages), NULL, NULL);
      g_clear_pointer (&conn, leash_conn_unref);
    }
  leash_listener_unref (listener);
}

/* Starts the server, and returns its address. */
static char *
start_server (LeashTest *test)
{
  g_autoptr (GError) error = NULL;
  LeashListener *listener = leash_listen (test->ctx, "tcp:127.0.0.1:0", &error);
  char *address;

  g_assert_no_error (error);
  address = g_strdup (leash_listener_get_address (listener));
  leash_test_go (test, serve_messages, listener);
  return address;
}

/* An address at which nobody listens: that of a listener which is closed again. */
static char *
find_dead_address (LeashTest *test)
{
  g_autoptr (LeashListener) listener = leash_listen (test->ctx, "tcp:127.0.0.1:0", NULL);

  return g_strdup (leash_listener_get_address (listener));
}

typedef gboolean (*CopyFunc) (LeashContext *ctx, const char *from, const char *to, GError **error);

static void
test_second_server_is_down (gconstpointer copy)
{
  g_auto (LeashTest) test = leash_test_begin ();
  g_autofree char *from = start_server (&test);
  g_autofree char *to = find_dead_address (&test);
  g_autoptr (GError) error = NULL;

  g_assert_false ((*(const CopyFunc *) copy) (test.ctx, from, to, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CONNECTION_REFUSED);
}

int
main (int argc, char **argv)
{
  static const CopyFunc leaking = copy_messages_leaking;
  static const CopyFunc mended = copy_messages_mended;

  g_test_init (&argc, &argv, NULL);
  g_test_add_data_func ("/copy-messages/leaking", &leaking, test_second_server_is_down);
  g_test_add_data_func ("/copy-messages/mended", &mended, test_second_server_is_down);
  return g_test_run ();
}
