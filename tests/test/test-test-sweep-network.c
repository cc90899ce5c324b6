/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The sweep over connections: a bug on a way out that only a failing network takes, and the same code mended.
 */
#include <string.h>

#include <leash/leash.h>

static void
assert_passes (const LeashSweep *sweep)
{
  g_autoptr (GError) error = NULL;

  if (!leash_test_sweep_check (sweep, &error))
    g_error ("%s\n%s", error->message, leash_error_get_report (error));
}

#define assert_has(text, part)                         \
  G_STMT_START                                         \
  {                                                    \
    if (strstr ((text), (part)) == NULL)               \
      g_error ("“%s” is not in:\n%s", (part), (text)); \
  }                                                    \
  G_STMT_END

/* Makes the file “a”. */
static LeashFs *
set_up (LeashTest *test, gpointer unused)
{
  LeashFs *fs = leash_dir_fs_new (test->dir, NULL);
  g_autoptr (LeashContext) ctx = leash_context_with_fs (test->ctx, fs);

  g_assert_true (leash_write_file (ctx, "a", "first", 5, 0644, NULL));
  return fs;
}

/* What is forgotten on purpose is closed when the test is over, for the sake of other tools. */
static GPtrArray *left_conns;

/* A server that says nothing. */
static LeashNetwork *
set_up_network (LeashTest *test, gpointer unused)
{
  LeashNetwork *network = leash_memory_network_new ();
  LeashListener *listener = leash_network_listen (network, leash_context_background (), "tcp:db:1", NULL);

  g_object_set_data_full (G_OBJECT (network), "listener", listener, (GDestroyNotify) leash_listener_unref);
  return network;
}

static LeashConn *
dial_db (LeashContext *ctx)
{
  return leash_dial (ctx, "tcp:db:1", NULL);
}

static void
leave_conn (LeashContext *ctx, gpointer unused)
{
  g_autoptr (LeashFile) file = leash_open (ctx, "a", LEASH_OPEN_READ, 0, NULL);
  LeashConn *conn = file != NULL ? dial_db (ctx) : NULL;

  if (conn == NULL)
    return;
  if (leash_conn_write (conn, ctx, "hello", 5, NULL) < 0)
    g_ptr_array_add (left_conns, conn);
  else
    leash_conn_unref (conn);
}

static void
close_conn (LeashContext *ctx, gpointer unused)
{
  g_autoptr (LeashFile) file = leash_open (ctx, "a", LEASH_OPEN_READ, 0, NULL);
  g_autoptr (LeashConn) conn = file != NULL ? dial_db (ctx) : NULL;

  if (conn != NULL)
    leash_conn_write (conn, ctx, "hello", 5, NULL);
}

static void
test_connection_left_when_writing_fails (void)
{
  g_autoptr (GError) error = NULL;
  const char *report;
  LeashSweep sweep = { .func = leave_conn, .set_up = set_up, .set_up_network = set_up_network };

  if (!leash_has_tracking ())
    {
      g_test_skip ("this library is built without tracking");
      return;
    }
  g_assert_false (leash_test_sweep_check (&sweep, &error));
  report = leash_error_get_report (error);
  g_assert_error (error, LEASH_ERROR, LEASH_ERROR_STILL_OPEN);
  assert_has (error->message, "1 of 6 runs left something behind, first when call 3 fails, "
                              "write (\"tcp:db:1\", 5): ");
  assert_has (report, "leash: when call 3 fails, write (\"tcp:db:1\", 5):\nleash: 1 resource still open");
  assert_has (report, "1 x conn \"tcp:db:1\", opened ");
  assert_has (report, "leave_conn ");
  /* What leads to it is not failed when it is not among those that are to fail. */
  sweep.net_ops = LEASH_NET_OP_DIAL;
  assert_passes (&sweep);
}

static void
test_mended_connection_passes (void)
{
  assert_passes (&(LeashSweep){ .func = close_conn, .set_up = set_up, .set_up_network = set_up_network });
}

/* A listener, both ends of a connection and what is said over it, all by the host's network. */
static void
serve_oneself (LeashContext *ctx, gpointer n_refused)
{
  g_autoptr (LeashListener) listener = leash_listen (ctx, "tcp:127.0.0.1:0", NULL);
  const char *address = listener != NULL ? leash_listener_get_address (listener) : NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (LeashConn) client = address != NULL ? leash_dial (ctx, address, &error) : NULL;
  g_autoptr (LeashConn) server = client != NULL ? leash_listener_accept (listener, ctx, &error) : NULL;
  char byte;

  if (server != NULL && leash_conn_write (server, ctx, "x", 1, &error) == 1
      && leash_conn_shutdown (server, FALSE, TRUE, &error))
    leash_conn_read (client, ctx, &byte, 1, &error);
  if (error != NULL)
    {
      g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CONNECTION_CLOSED);
      (*(guint *) n_refused)++;
    }
}

static void
test_each_call_on_a_connection_fails (void)
{
  guint n_refused = 0;

  assert_passes (&(LeashSweep){ .func = serve_oneself, .data = &n_refused });
  /* Dialling, accepting, writing, shutting down, reading; what listens and closes is not asked. */
  g_assert_cmpuint (n_refused, ==, 5);
}

int
main (int argc, char **argv)
{
  g_autoptr (GPtrArray) conns = left_conns
      = g_ptr_array_new_with_free_func ((GDestroyNotify) leash_conn_unref);

  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/sweep/connection-left-when-writing-fails", test_connection_left_when_writing_fails);
  g_test_add_func ("/sweep/mended-connection-passes", test_mended_connection_passes);
  g_test_add_func ("/sweep/each-call-on-a-connection-fails", test_each_call_on_a_connection_fails);
  return g_test_run ();
}
