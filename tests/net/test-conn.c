/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* LeashConn: on real sockets for what it does, on operations made up here for what sockets seldom do. */
#include "net-fixture.h"

#include <fcntl.h>
#include <signal.h>

static void
test_both_ways (Fixture *fixture, gconstpointer unused)
{
  g_auto (Ends) ends = connect_ends (fixture->ctx, TCP);
  g_autoptr (GError) error = NULL;
  char buffer[16];
  gsize n;

  g_assert_cmpint (leash_conn_write (ends.dialled, fixture->ctx, "hello", 5, &error), ==, 5);
  g_assert_true (leash_conn_read_all (ends.accepted, fixture->ctx, buffer, 5, &n, &error));
  g_assert_cmpmem (buffer, n, "hello", 5);
  g_assert_true (leash_conn_write_all (ends.accepted, fixture->ctx, "good bye", 8, &n, &error));
  g_assert_cmpuint (n, ==, 8);
  g_assert_cmpint (leash_conn_read (ends.dialled, fixture->ctx, buffer, sizeof buffer, &error), ==, 8);
  g_assert_cmpmem (buffer, 8, "good bye", 8);
  g_assert_cmpint (leash_conn_read (ends.dialled, fixture->ctx, NULL, 0, &error), ==, 0);
  g_assert_cmpint (leash_conn_write (ends.dialled, fixture->ctx, NULL, 0, &error), ==, 0);
  g_assert_true (leash_conn_close (ends.dialled, &error));
  g_assert_cmpint (leash_conn_read (ends.accepted, fixture->ctx, buffer, sizeof buffer, &error), ==, 0);
  g_assert_no_error (error);
}

/* What was done with each, the listener included. */
static void
test_history (Fixture *fixture, gconstpointer unused)
{
  g_auto (Ends) ends = { 0 };
  g_autoptr (LeashSnapshot) snapshot = NULL;
  g_autoptr (GString) done = g_string_new (NULL);
  char buffer[5];

  if (!leash_has_tracking ())
    {
      g_test_skip ("built without tracking");
      return;
    }
  leash_tracker_set_history (fixture->tracker, 8);
  ends = connect_ends (fixture->ctx, TCP);
  g_assert_cmpint (leash_conn_write (ends.dialled, fixture->ctx, "hello", 5, NULL), ==, 5);
  g_assert_true (leash_conn_read_all (ends.accepted, fixture->ctx, buffer, 5, NULL, NULL));
  snapshot = leash_snapshot_new (fixture->tracker);
  for (gsize i = 0; i < leash_snapshot_get_length (snapshot); i++)
    {
      const LeashResource *resource = leash_snapshot_get_resource (snapshot, i);

      g_assert_cmpuint (resource->n_events, ==, 1);
      g_string_append_printf (done, "%s ", resource->events[0].what);
    }
  g_assert_nonnull (strstr (done->str, "accept "));
  g_assert_nonnull (strstr (done->str, "read "));
  g_assert_nonnull (strstr (done->str, "write "));
}

static void
test_addresses (Fixture *fixture, gconstpointer unused)
{
  g_auto (Ends) ends = connect_ends (fixture->ctx, TCP);

  g_assert_cmpstr (leash_conn_get_remote_address (ends.dialled), ==,
                   leash_listener_get_address (ends.listener));
  g_assert_cmpstr (leash_conn_get_remote_address (ends.accepted), ==,
                   leash_conn_get_local_address (ends.dialled));
  g_assert_cmpstr (leash_conn_get_local_address (ends.accepted), ==,
                   leash_listener_get_address (ends.listener));
}

static void
test_fd (Fixture *fixture, gconstpointer unused)
{
  g_auto (Ends) ends = connect_ends (fixture->ctx, TCP);
  LeashConn *both[] = { ends.dialled, ends.accepted };

  for (guint i = 0; i < G_N_ELEMENTS (both); i++)
    {
      int fd = leash_conn_get_fd (both[i]);

      g_assert_cmpint (fcntl (fd, F_GETFD) & FD_CLOEXEC, !=, 0);
      g_assert_cmpint (fcntl (fd, F_GETFL) & O_NONBLOCK, !=, 0);
    }
}

static void
test_half_close (Fixture *fixture, gconstpointer unused)
{
  g_auto (Ends) ends = connect_ends (fixture->ctx, TCP);
  g_autoptr (GError) error = NULL;
  char buffer[16];

  g_assert_true (leash_conn_write_all (ends.dialled, fixture->ctx, "ask", 3, NULL, &error));
  g_assert_true (leash_conn_shutdown (ends.dialled, FALSE, FALSE, &error));
  g_assert_true (leash_conn_shutdown (ends.dialled, FALSE, TRUE, &error));
  g_assert_cmpint (leash_conn_read (ends.accepted, fixture->ctx, buffer, sizeof buffer, &error), ==, 3);
  g_assert_cmpint (leash_conn_read (ends.accepted, fixture->ctx, buffer, sizeof buffer, &error), ==, 0);
  g_assert_true (leash_conn_write_all (ends.accepted, fixture->ctx, "answer", 6, NULL, &error));
  g_assert_cmpint (leash_conn_read (ends.dialled, fixture->ctx, buffer, sizeof buffer, &error), ==, 6);
  g_assert_no_error (error);
  g_assert_cmpint (leash_conn_write (ends.dialled, fixture->ctx, "more", 4, &error), ==, -1);
  assert_io_error (error, G_IO_ERROR_BROKEN_PIPE, "Writing to “tcp:127.0.0.1:", "”: ");
  g_assert_true (leash_conn_shutdown (ends.accepted, TRUE, FALSE, &error));
  g_assert_cmpint (leash_conn_read (ends.accepted, fixture->ctx, buffer, sizeof buffer, &error), ==, 0);
  g_assert_no_error (error);
}

static void
test_early_end (Fixture *fixture, gconstpointer unused)
{
  g_auto (Ends) ends = connect_ends (fixture->ctx, TCP);
  g_autoptr (GError) error = NULL;
  char buffer[16];
  gsize n = 99;

  g_assert_true (leash_conn_write_all (ends.dialled, fixture->ctx, "12345", 5, NULL, &error));
  g_assert_true (leash_conn_close (ends.dialled, &error));
  g_assert_false (leash_conn_read_all (ends.accepted, fixture->ctx, buffer, 10, &n, &error));
  assert_io_error (error, G_IO_ERROR_PARTIAL_INPUT, "Reading from “", "stopped writing after 5 of 10 bytes");
  g_assert_cmpuint (n, ==, 5);
}

/* Whether a descriptor's number has the peer's reset yet. */
static gboolean
has_hung_up (LeashConn *conn)
{
  char byte;

  return recv (leash_conn_get_fd (conn), &byte, 1, MSG_PEEK | MSG_DONTWAIT) <= 0 && errno != EAGAIN;
}

static void
test_reset (Fixture *fixture, gconstpointer unused)
{
  g_auto (Ends) ends = connect_ends (fixture->ctx, TCP);
  const struct linger at_once = { .l_onoff = 1, .l_linger = 0 };
  g_autoptr (GError) error = NULL;
  Sleeper sleeper = { .func = sleep_reading, .ctx = fixture->ctx, .subject = ends.accepted };

  sleeper_start (&sleeper);
  g_assert_cmpint (
      setsockopt (leash_conn_get_fd (ends.dialled), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once), ==, 0);
  g_assert_true (leash_conn_close (ends.dialled, &error));
  sleeper_join (&sleeper);
  g_assert_cmpint (sleeper.n, ==, -1);
  assert_io_error (sleeper.error, G_IO_ERROR_CONNECTION_CLOSED, "Reading from “", g_strerror (ECONNRESET));
}

/* Would end the process if a signal were sent. */
static void
test_write_to_closed_peer (Fixture *fixture, gconstpointer unused)
{
  g_auto (Ends) ends = connect_ends (fixture->ctx, TCP);
  g_autoptr (GError) error = NULL;
  char byte = 'x';

  g_assert_true (signal (SIGPIPE, SIG_DFL) != SIG_ERR);
  g_assert_true (leash_conn_write_all (ends.dialled, fixture->ctx, &byte, 1, NULL, &error));
  g_assert_true (leash_conn_close (ends.accepted, &error)); /* with data unread: answers with a reset */
  wait_until (has_hung_up (ends.dialled));
  g_assert_cmpint (leash_conn_write (ends.dialled, fixture->ctx, &byte, 1, &error), ==, -1);
  assert_io_error (error, G_IO_ERROR_CONNECTION_CLOSED, "Writing to “");
  g_assert_false (leash_conn_write_all (ends.dialled, fixture->ctx, &byte, 1, NULL, &error));
  assert_io_error (error, G_IO_ERROR_BROKEN_PIPE, "Writing to “");
}

/* Large transfers, both ways at once */

typedef struct
{
  LeashConn *conn;
  LeashContext *ctx;
  gsize size;
  guint32 seed;
  GChecksum *checksum;
} Transfer;

static gpointer
send_much (gpointer data)
{
  Transfer *transfer = data;
  g_autoptr (GRand) rand = g_rand_new_with_seed (transfer->seed);
  guint32 block[3000];
  gsize left = transfer->size;

  while (left > 0)
    {
      gsize n = MIN (left, sizeof block);

      for (guint i = 0; i < G_N_ELEMENTS (block); i++)
        block[i] = g_rand_int (rand);
      g_checksum_update (transfer->checksum, (guchar *) block, (gssize) n);
      g_assert_true (leash_conn_write_all (transfer->conn, transfer->ctx, block, n, NULL, NULL));
      left -= n;
    }
  g_assert_true (leash_conn_shutdown (transfer->conn, FALSE, TRUE, NULL));
  return NULL;
}

static gpointer
receive_much (gpointer data)
{
  Transfer *transfer = data;
  guchar block[7777];
  gssize n;

  while ((n = leash_conn_read (transfer->conn, transfer->ctx, block, sizeof block, NULL)) > 0)
    {
      g_checksum_update (transfer->checksum, block, n);
      transfer->size += (gsize) n;
    }
  g_assert_cmpint (n, ==, 0);
  return NULL;
}

static void
test_large_transfers (Fixture *fixture, gconstpointer address)
{
  g_autofree char *path = g_strconcat ("unix:", fixture->dir, "/socket", NULL);
  g_auto (Ends) ends = connect_ends (fixture->ctx, address != NULL ? address : path);
  gsize size = g_test_slow () ? 256 << 20 : 4 << 20;
  Transfer transfers[] = {
    { ends.dialled, fixture->ctx, size, 1, g_checksum_new (G_CHECKSUM_SHA1) },
    { ends.accepted, fixture->ctx, size, 2, g_checksum_new (G_CHECKSUM_SHA1) },
    { ends.accepted, fixture->ctx, 0, 0, g_checksum_new (G_CHECKSUM_SHA1) },
    { ends.dialled, fixture->ctx, 0, 0, g_checksum_new (G_CHECKSUM_SHA1) },
  };
  GThread *threads[G_N_ELEMENTS (transfers)];

  for (guint i = 0; i < G_N_ELEMENTS (transfers); i++)
    threads[i] = g_thread_new ("transfer", i < 2 ? send_much : receive_much, &transfers[i]);
  for (guint i = 0; i < G_N_ELEMENTS (transfers); i++)
    g_thread_join (threads[i]);
  for (guint i = 0; i < 2; i++)
    {
      g_assert_cmpuint (transfers[i + 2].size, ==, size);
      g_assert_cmpstr (g_checksum_get_string (transfers[i].checksum), ==,
                       g_checksum_get_string (transfers[i + 2].checksum));
    }
  for (guint i = 0; i < G_N_ELEMENTS (transfers); i++)
    g_checksum_free (transfers[i].checksum);
}

/* Ends of waiting */

typedef struct
{
  const char *doing;
  void (*func) (Sleeper *sleeper);
} Wait;

static const Wait waits[] = { { "Reading from “", sleep_reading }, { "Writing to “", sleep_writing } };

static void
test_cancelled (Fixture *fixture, gconstpointer data)
{
  const Wait *wait = data;
  g_auto (Ends) ends = connect_ends (fixture->ctx, TCP);
  g_autoptr (LeashContext) ctx = leash_context_with_cancel (fixture->ctx);
  Sleeper sleeper = { .func = wait->func, .ctx = ctx, .subject = ends.dialled };

  sleeper_start (&sleeper);
  leash_context_cancel (ctx, NULL);
  sleeper_join (&sleeper);
  g_assert_cmpint (sleeper.n, ==, -1);
  assert_io_error (sleeper.error, G_IO_ERROR_CANCELLED, wait->doing,
                   leash_conn_get_remote_address (ends.dialled));
}

static void
test_deadline (Fixture *fixture, gconstpointer data)
{
  const Wait *wait = data;
  g_auto (Ends) ends = connect_ends (fixture->ctx, TCP);
  g_autoptr (LeashContext) ctx = leash_context_with_timeout (fixture->ctx, 30000);
  Sleeper sleeper = { .func = wait->func, .ctx = ctx, .subject = ends.dialled };

  sleeper.func (&sleeper);
  g_assert_cmpint (sleeper.n, ==, -1);
  assert_io_error (sleeper.error, G_IO_ERROR_TIMED_OUT, wait->doing,
                   leash_conn_get_remote_address (ends.dialled));
}

static void
test_closed_by_other (Fixture *fixture, gconstpointer data)
{
  const Wait *wait = data;
  g_auto (Ends) ends = connect_ends (fixture->ctx, TCP);
  g_autoptr (GError) error = NULL;
  Sleeper sleeper = { .func = wait->func, .ctx = fixture->ctx, .subject = ends.dialled };

  sleeper_start (&sleeper);
  g_assert_true (leash_conn_close (ends.dialled, &error));
  g_assert_no_error (error);
  sleeper_join (&sleeper);
  g_assert_cmpint (sleeper.n, ==, -1);
  assert_io_error (sleeper.error, G_IO_ERROR_CLOSED, wait->doing, "it was closed in another thread");
}

static void
test_closed_under_both (Fixture *fixture, gconstpointer unused)
{
  g_auto (Ends) ends = connect_ends (fixture->ctx, TCP);
  Sleeper sleepers[] = {
    { .func = sleep_reading, .ctx = fixture->ctx, .subject = ends.dialled },
    { .func = sleep_reading, .ctx = fixture->ctx, .subject = ends.dialled },
    { .func = sleep_writing, .ctx = fixture->ctx, .subject = ends.dialled },
  };

  for (guint i = 0; i < G_N_ELEMENTS (sleepers); i++)
    sleeper_start (&sleepers[i]);
  g_assert_true (leash_conn_close (ends.dialled, NULL));
  for (guint i = 0; i < G_N_ELEMENTS (sleepers); i++)
    {
      sleeper_join (&sleepers[i]);
      g_assert_error (sleepers[i].error, G_IO_ERROR, G_IO_ERROR_CLOSED);
      g_clear_error (&sleepers[i].error);
    }
}

/* A close and a read that begin at the same time: the read fails in one of two ways, and nothing is left. */
static void
test_close_races_read (Fixture *fixture, gconstpointer unused)
{
  for (guint i = 0; i < 200; i++)
    {
      g_auto (Ends) ends = connect_ends (fixture->ctx, TCP);
      Sleeper sleeper = { .func = sleep_reading, .ctx = fixture->ctx, .subject = ends.dialled };

      sleeper.thread = g_thread_new ("reader", run_sleeper, &sleeper);
      g_assert_true (leash_conn_close (ends.dialled, NULL));
      sleeper_join (&sleeper);
      g_assert_error (sleeper.error, G_IO_ERROR, G_IO_ERROR_CLOSED);
      g_clear_error (&sleeper.error);
    }
  /* Who came too late has misused the connection. */
  fixture->n_misuses = leash_tracker_count_misuses (fixture->tracker);
}

static void
test_done_context (Fixture *fixture, gconstpointer unused)
{
  g_auto (Ends) ends = connect_ends (fixture->ctx, TCP);
  g_autoptr (GError) error = NULL;
  char byte = 'x';
  gsize n = 99;

  g_assert_true (leash_conn_write_all (ends.accepted, fixture->ctx, "x", 1, NULL, &error));
  g_assert_cmpint (leash_conn_read (ends.dialled, fixture->done, &byte, 1, &error), ==, -1);
  assert_io_error (error, G_IO_ERROR_CANCELLED, "Reading from “");
  g_assert_cmpint (leash_conn_write (ends.dialled, fixture->done, &byte, 1, &error), ==, -1);
  assert_io_error (error, G_IO_ERROR_CANCELLED, "Writing to “");
  g_assert_false (leash_conn_read_all (ends.dialled, fixture->done, &byte, 0, &n, &error));
  assert_io_error (error, G_IO_ERROR_CANCELLED, "Reading from “");
  g_assert_cmpuint (n, ==, 0);
  g_assert_false (leash_conn_write_all (ends.dialled, fixture->done, &byte, 0, NULL, &error));
  assert_io_error (error, G_IO_ERROR_CANCELLED, "Writing to “");
}

/* Misuse */

static void
test_use_after_close (Fixture *fixture, gconstpointer unused)
{
  g_auto (Ends) ends = connect_ends (fixture->ctx, TCP);
  LeashConn *conn = ends.dialled;
  g_autoptr (GError) error = NULL;
  char byte = 'x';

  g_assert_false (leash_conn_is_closed (conn));
  g_assert_true (leash_conn_close (conn, &error));
  g_assert_true (leash_conn_is_closed (conn));
  g_assert_nonnull (leash_conn_get_remote_address (conn));
  g_assert_cmpint (leash_conn_read (conn, fixture->ctx, &byte, 1, &error), ==, -1);
  assert_io_error (error, G_IO_ERROR_CLOSED, "Reading from “", "”: the connection is closed");
  g_assert_cmpint (leash_conn_write (conn, fixture->ctx, &byte, 1, &error), ==, -1);
  assert_io_error (error, G_IO_ERROR_CLOSED, "Writing to “");
  g_assert_false (leash_conn_read_all (conn, fixture->ctx, &byte, 1, NULL, &error));
  assert_io_error (error, G_IO_ERROR_CLOSED, "Reading from “");
  g_assert_false (leash_conn_write_all (conn, fixture->ctx, &byte, 1, NULL, &error));
  assert_io_error (error, G_IO_ERROR_CLOSED, "Writing to “");
  g_assert_false (leash_conn_shutdown (conn, TRUE, TRUE, &error));
  assert_io_error (error, G_IO_ERROR_CLOSED, "Shutting down “");
  g_assert_cmpint (leash_conn_get_fd (conn), ==, -1);
  g_assert_false (leash_conn_close (conn, &error));
  assert_io_error (error, G_IO_ERROR_CLOSED, "Closing “");
  if (leash_has_tracking ())
    fixture->n_misuses = 7;
}

static __attribute__ ((noinline)) LeashConn *
dialled_here (LeashContext *ctx, const char *address)
{
  LeashConn *conn = leash_dial (ctx, address, NULL);

  g_assert_nonnull (conn);
  return conn;
}

static void
test_leak (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (LeashListener) listener = start_listening (leash_context_background (), TCP);
  const char *address = leash_listener_get_address (listener);
  g_autoptr (LeashConn) leaked = NULL;
  g_autoptr (GError) error = NULL;

  if (!leash_has_tracking ())
    {
      g_test_skip ("built without tracking");
      return;
    }
  leaked = dialled_here (fixture->ctx, address);
  g_assert_nonnull (leash_conn_get_tag (leaked));
  g_assert_false (leash_tracker_check (fixture->tracker, &error));
  g_assert_error (error, LEASH_ERROR, LEASH_ERROR_STILL_OPEN);
  assert_only_open (fixture->tracker, "conn", address, dialled_here);
  g_clear_error (&error);
  g_assert_true (leash_conn_close (leaked, &error));
  /* The negative control: the same tracker, and nothing left. */
  g_assert_true (leash_tracker_check (fixture->tracker, &error));
  g_assert_no_error (error);
}

static void
test_bad_arguments (Fixture *fixture, gconstpointer unused)
{
  g_auto (Ends) ends = connect_ends (fixture->ctx, TCP);
  const gsize too_many = (gsize) G_MAXSSIZE + 1;
  g_autoptr (GError) error = NULL;
  char byte;

  g_assert_cmpint (leash_conn_read (ends.dialled, fixture->ctx, &byte, too_many, &error), ==, -1);
  assert_io_error (error, G_IO_ERROR_INVALID_ARGUMENT, "Reading from “", "more than one call can return");
  g_assert_cmpint (leash_conn_write (ends.dialled, fixture->ctx, &byte, too_many, &error), ==, -1);
  assert_io_error (error, G_IO_ERROR_INVALID_ARGUMENT, "Writing to “", "more than one call can return");

  expect_critical ("leash_conn_read", "conn != NULL");
  g_assert_cmpint (leash_conn_read (NULL, fixture->ctx, &byte, 1, NULL), ==, -1);
  expect_critical ("leash_conn_read", "ctx != NULL");
  g_assert_cmpint (leash_conn_read (ends.dialled, NULL, &byte, 1, NULL), ==, -1);
  expect_critical ("leash_conn_write", "buffer != NULL");
  g_assert_cmpint (leash_conn_write (ends.dialled, fixture->ctx, NULL, 1, NULL), ==, -1);
  expect_critical ("leash_conn_read_all", "ctx != NULL");
  g_assert_false (leash_conn_read_all (ends.dialled, NULL, &byte, 1, NULL, NULL));
  expect_critical ("leash_conn_write_all", "ctx != NULL");
  g_assert_false (leash_conn_write_all (ends.dialled, NULL, &byte, 1, NULL, NULL));
  expect_critical ("leash_conn_close", "conn != NULL");
  g_assert_false (leash_conn_close (NULL, NULL));
  expect_critical ("leash_conn_shutdown", "conn != NULL");
  g_assert_false (leash_conn_shutdown (NULL, TRUE, TRUE, NULL));
  expect_critical ("leash_conn_get_fd", "conn != NULL");
  g_assert_cmpint (leash_conn_get_fd (NULL), ==, -1);
  assert_expected ();
  leash_conn_unref (NULL);
}

/* A connection whose operations are made up */

typedef struct
{
  guint n_closed;
  guint n_destroyed;
  gboolean fails;
} Script;

static gboolean
script_close (gpointer impl, GError **error)
{
  Script *script = impl;

  script->n_closed++;
  if (!script->fails)
    return TRUE;
  g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_FAILED, "the wire is cut");
  return FALSE;
}

static void
script_destroy (gpointer impl)
{
  ((Script *) impl)->n_destroyed++;
}

static const LeashConnOps script_ops = { .size = sizeof (LeashConnOps), .close = script_close };

static void
test_missing_operations (Fixture *fixture, gconstpointer unused)
{
  Script script = { .fails = TRUE };
  g_autoptr (LeashConn) conn = leash_conn_new (&script_ops, &script, script_destroy, "here", NULL);
  g_autoptr (GError) error = NULL;
  char byte = 'x';

  g_assert_cmpint (leash_conn_read (conn, fixture->ctx, &byte, 1, &error), ==, -1);
  assert_io_error (error, G_IO_ERROR_NOT_SUPPORTED, "Reading from “here”: its network cannot do that");
  g_assert_cmpint (leash_conn_write (conn, fixture->ctx, &byte, 1, &error), ==, -1);
  assert_io_error (error, G_IO_ERROR_NOT_SUPPORTED, "Writing to “here”");
  g_assert_false (leash_conn_shutdown (conn, TRUE, TRUE, &error));
  assert_io_error (error, G_IO_ERROR_NOT_SUPPORTED, "Shutting down “here”");
  g_assert_cmpint (leash_conn_get_fd (conn), ==, -1);
  g_assert_null (leash_conn_get_tag (conn));
  g_assert_null (leash_conn_get_remote_address (conn));
  g_assert_false (leash_conn_close (conn, &error));
  assert_io_error (error, G_IO_ERROR_FAILED, "Closing “here”: the wire is cut");
  g_assert_cmpuint (script.n_closed, ==, 1);
  g_assert_cmpuint (script.n_destroyed, ==, 1);
}

static void
test_last_unref_closes (Fixture *fixture, gconstpointer unused)
{
  Script script = { 0 };
  LeashConn *conn = leash_conn_new (&script_ops, &script, NULL, NULL, "there");

  leash_conn_unref (leash_conn_ref (conn));
  g_assert_cmpuint (script.n_closed, ==, 0);
  leash_conn_unref (conn);
  g_assert_cmpuint (script.n_closed, ==, 1);
}

static void
test_boxed (Fixture *fixture, gconstpointer unused)
{
  Script script = { 0 };
  g_auto (GValue) value = G_VALUE_INIT;

  g_value_init (&value, LEASH_TYPE_CONN);
  g_value_take_boxed (&value, leash_conn_new (&script_ops, &script, NULL, NULL, "there"));
  g_assert_false (leash_conn_is_closed (g_value_get_boxed (&value)));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  warm_up ();
  ADD ("/net/conn/both-ways", test_both_ways);
  ADD ("/net/conn/history-has-its-operations", test_history);
  ADD ("/net/conn/each-end-has-the-other's-address", test_addresses);
  ADD ("/net/conn/descriptors-close-on-exec-and-never-block", test_fd);
  ADD ("/net/conn/half-closed-still-reads", test_half_close);
  ADD ("/net/conn/early-end-tells-how-far-it-came", test_early_end);
  ADD ("/net/conn/reset-by-the-peer", test_reset);
  ADD ("/net/conn/writing-to-a-closed-peer-sends-no-signal", test_write_to_closed_peer);
  g_test_add ("/net/conn/large-transfers-both-ways-at-once/tcp", Fixture, TCP, set_up, test_large_transfers,
              tear_down);
  ADD ("/net/conn/large-transfers-both-ways-at-once/unix", test_large_transfers);
  for (guint i = 0; i < G_N_ELEMENTS (waits); i++)
    {
      const char *name = i == 0 ? "read" : "write";
      g_autofree char *cancelled = g_strdup_printf ("/net/conn/%s-ends-when-cancelled", name);
      g_autofree char *deadline = g_strdup_printf ("/net/conn/%s-ends-at-the-deadline", name);
      g_autofree char *closed = g_strdup_printf ("/net/conn/%s-ends-when-closed-in-another-thread", name);

      g_test_add (cancelled, Fixture, &waits[i], set_up, test_cancelled, tear_down);
      g_test_add (deadline, Fixture, &waits[i], set_up, test_deadline, tear_down);
      g_test_add (closed, Fixture, &waits[i], set_up, test_closed_by_other, tear_down);
    }
  ADD ("/net/conn/close-ends-all-who-wait", test_closed_under_both);
  ADD ("/net/conn/close-races-with-read", test_close_races_read);
  ADD ("/net/conn/nothing-is-done-in-a-done-context", test_done_context);
  ADD ("/net/conn/use-after-close-is-refused-and-reported", test_use_after_close);
  ADD ("/net/conn/leak-is-caught-with-its-caller", test_leak);
  ADD ("/net/conn/bad-arguments", test_bad_arguments);
  ADD ("/net/conn/missing-operations-are-not-supported", test_missing_operations);
  ADD ("/net/conn/last-unref-closes", test_last_unref_closes);
  ADD ("/net/conn/boxed", test_boxed);
  return g_test_run ();
}
