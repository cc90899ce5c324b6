/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The fault network: what each rule does to a call, and what a peer sees of it. Times are a fake clock's.
 */
#include "fault-fixture.h"

#include <fcntl.h>

#define add(lab, ...) leash_fault_network_add ((lab).net, &(LeashNetFaultRule){ __VA_ARGS__ })

static void
sleep_receiving (Sleeper *sleeper)
{
  char buffer[16];
  int fds[4];
  guint n_fds;

  sleeper->n = leash_conn_receive_fds (sleeper->subject, sleeper->ctx, buffer, sizeof buffer, fds,
                                       G_N_ELEMENTS (fds), &n_fds, &sleeper->error);
}

static void
test_hands_everything_on (Fixture *fixture, gconstpointer unused)
{
  g_auto (Lab) lab = lab_new (fixture);
  g_auto (Ends) ends = connect_ends (lab.ctx, DB);
  char byte;

  g_assert_cmpstr (leash_conn_get_remote_address (ends.dialled), ==, DB);
  g_assert_cmpstr (leash_conn_get_remote_address (ends.accepted), ==,
                   leash_conn_get_local_address (ends.dialled));
  if (leash_has_tracking ())
    g_assert_cmpuint (leash_tracker_count_open (fixture->tracker), ==, 3);
  write_text (ends.dialled, lab.ctx, "ping");
  assert_reads (ends.accepted, lab.ctx, "ping");
  g_assert_true (leash_conn_shutdown (ends.dialled, FALSE, TRUE, NULL));
  g_assert_cmpint (leash_conn_read (ends.accepted, lab.ctx, &byte, 1, NULL), ==, 0);
  write_text (ends.accepted, lab.ctx, "pong");
  assert_reads (ends.dialled, lab.ctx, "pong");
  g_assert_null (leash_fault_network_get_last (lab.net));
  g_assert_cmpuint (leash_fault_network_count_struck (lab.net, 0), ==, 0);
}

static void
test_connection_is_one_entry (Fixture *fixture, gconstpointer unused)
{
  g_auto (Lab) lab = lab_new (fixture);
  g_autoptr (LeashListener) listener = start_listening (fixture->ctx, TCP);
  g_autoptr (LeashNetwork) net = leash_fault_network_new (leash_context_get_network (fixture->ctx));
  g_autoptr (LeashContext) ctx = leash_context_with_network (fixture->ctx, net);
  g_autofree char *address = g_strdup (leash_listener_get_address (listener));
  g_autoptr (LeashConn) conn = dial (ctx, address);

  g_assert_cmpint (leash_conn_get_fd (conn), ==, -1);
  leash_listener_close (listener, NULL);
  if (leash_has_tracking ())
    assert_only_open (fixture->tracker, "conn", address, dial);
}

static gboolean
has_ended (gint tid)
{
  g_autofree char *path = g_strdup_printf ("/proc/self/task/%d", tid);

  return !g_file_test (path, G_FILE_TEST_EXISTS);
}

/* What a server waits when there are no descriptors, 5 ms at first, goes by the clock. */
static void
test_shortage_by_the_clock (Fixture *fixture, gconstpointer unused)
{
  g_auto (Lab) lab = lab_new (fixture);
  g_autoptr (LeashListener) listener = start_listening (lab.ctx, DB);
  g_autoptr (LeashConn) conn = dial (lab.ctx, DB);
  Sleeper server = { .func = sleep_accepting, .ctx = lab.ctx, .subject = listener };
  g_autoptr (GError) error = NULL;

  leash_fault_network_fail_nth (lab.net, LEASH_NET_OP_ACCEPT, 1, G_IO_ERROR_TOO_MANY_OPEN_FILES);
  g_assert_null (leash_listener_accept (listener, lab.ctx, &error));
  assert_io_error (error, G_IO_ERROR_TOO_MANY_OPEN_FILES, "Accepting on “" DB);
  sleeper_start (&server);
  g_usleep (10000);
  wait_until (is_asleep (server.tid));
  wait_until ((leash_clock_advance (lab.clock, 5000), has_ended (server.tid)));
  sleeper_join (&server);
  g_assert_no_error (server.error);
  leash_conn_unref (server.result);
}

static void
test_refused (Fixture *fixture, gconstpointer unused)
{
  g_auto (Lab) lab = lab_new (fixture);
  g_autoptr (LeashListener) listener = start_listening (lab.ctx, DB);
  g_autoptr (LeashListener) other = start_listening (lab.ctx, "memory:other");
  g_autoptr (LeashConn) conn = NULL;
  g_autoptr (GError) error = NULL;
  guint rule = leash_fault_network_refuse (lab.net, "tcp:db.*");

  g_assert_null (leash_dial (lab.ctx, DB, &error));
  assert_io_error (error, G_IO_ERROR_CONNECTION_REFUSED, "Dialling “" DB "”: Connection refused",
                   "injected by rule 1 at call 1 that matches it, dial (\"" DB "\")");
  conn = dial (lab.ctx, "memory:other");
  g_assert_true (leash_fault_network_remove (lab.net, rule));
  g_assert_false (leash_fault_network_remove (lab.net, rule));
  leash_conn_unref (conn);
  conn = dial (lab.ctx, DB);
}

static void
test_nth_call_fails (Fixture *fixture, gconstpointer unused)
{
  g_auto (Lab) lab = lab_new (fixture);
  g_auto (Ends) ends = connect_ends (lab.ctx, DB);
  g_autoptr (GError) error = NULL;
  g_autofree char *last = NULL;
  guint rule = leash_fault_network_fail_nth (lab.net, LEASH_NET_OP_WRITE, 2, G_IO_ERROR_NO_SPACE);

  write_text (ends.dialled, lab.ctx, "a");
  g_assert_cmpint (leash_conn_write (ends.dialled, lab.ctx, "b", 1, &error), ==, -1);
  assert_io_error (error, G_IO_ERROR_NO_SPACE, "Writing to “" DB "”");
  write_text (ends.dialled, lab.ctx, "c");
  assert_reads (ends.accepted, lab.ctx, "ac");
  last = leash_fault_network_get_last (lab.net);
  g_assert_cmpstr (last, ==, "write (\"" DB "\", 1)");
  g_assert_cmpuint (leash_fault_network_count_struck (lab.net, rule), ==, 1);
  g_assert_cmpuint (leash_fault_network_count_calls (lab.net, LEASH_NET_OP_WRITE), ==, 3);
  g_assert_cmpuint (leash_fault_network_count_calls (lab.net, LEASH_NET_OPS_ALL), ==, 7);
}

static void
test_every_operation_can_fail (Fixture *fixture, gconstpointer unused)
{
  g_auto (Lab) lab = lab_new (fixture);
  g_auto (Ends) ends = connect_ends (lab.ctx, DB);
  g_autoptr (GError) error = NULL;
  char byte;

  add (lab, .effect = LEASH_NET_FAULT_ERRNO, .code = ENOBUFS);
  g_assert_null (leash_listen (lab.ctx, "memory:x", &error));
  assert_io_error (error, G_IO_ERROR_FAILED, g_strerror (ENOBUFS), "listen (\"memory:x\")");
  g_assert_null (leash_listener_accept (ends.listener, lab.ctx, &error));
  assert_io_error (error, G_IO_ERROR_FAILED, "accept (\"" DB "\")");
  g_assert_cmpint (leash_conn_read (ends.accepted, lab.ctx, &byte, 1, &error), ==, -1);
  assert_io_error (error, G_IO_ERROR_FAILED, "read (\"" DB "\", 1)");
  g_assert_false (leash_conn_shutdown (ends.accepted, FALSE, TRUE, &error));
  assert_io_error (error, G_IO_ERROR_FAILED, "shutdown (\"" DB "\")");
  /* What fails to close is closed all the same. */
  g_assert_false (leash_conn_close (ends.accepted, &error));
  assert_io_error (error, G_IO_ERROR_FAILED, "Closing", "close (\"");
  g_assert_false (leash_listener_close (ends.listener, &error));
  assert_io_error (error, G_IO_ERROR_FAILED, "close listener (\"");
  leash_fault_network_remove (lab.net, 1);
  g_assert_cmpint (leash_conn_read (ends.dialled, lab.ctx, &byte, 1, NULL), ==, 0);
  g_assert_null (leash_dial (lab.ctx, DB, &error));
  assert_io_error (error, G_IO_ERROR_CONNECTION_REFUSED, DB);
}

static void
assert_is_reset (LeashConn *conn, LeashContext *ctx)
{
  g_autoptr (GError) error = NULL;
  char byte;

  g_assert_cmpint (leash_conn_read (conn, ctx, &byte, 1, &error), ==, -1);
  assert_io_error (error, G_IO_ERROR_CONNECTION_CLOSED, "Connection reset by peer");
  g_assert_cmpint (leash_conn_write (conn, ctx, "x", 1, &error), ==, -1);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CONNECTION_CLOSED);
}

static void
test_reset_is_seen_at_both_ends (Fixture *fixture, gconstpointer unused)
{
  g_auto (Lab) lab = lab_new (fixture);
  g_auto (Ends) ends = connect_ends (lab.ctx, DB);

  add (lab, .ops = LEASH_NET_OP_READ, .times = 1, .effect = LEASH_NET_FAULT_RESET);
  assert_is_reset (ends.dialled, lab.ctx);
  assert_is_reset (ends.dialled, lab.ctx);
  assert_is_reset (ends.accepted, lab.ctx);
  g_assert_true (leash_conn_close (ends.dialled, NULL));
}

static void
test_reset_on_the_hosts_network (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (LeashNetwork) net = leash_fault_network_new (leash_context_get_network (fixture->ctx));
  g_autoptr (LeashContext) ctx = leash_context_with_network (fixture->ctx, net);
  g_auto (Ends) ends = connect_ends (ctx, TCP);

  leash_fault_network_add (
      net, &(LeashNetFaultRule){
               .ops = LEASH_NET_OP_WRITE, .first = 2, .times = 1, .effect = LEASH_NET_FAULT_RESET });
  write_text (ends.dialled, ctx, "x");
  assert_reads (ends.accepted, ctx, "x");
  g_assert_cmpint (leash_conn_write (ends.dialled, ctx, "y", 1, NULL), ==, -1);
  assert_is_reset (ends.accepted, ctx);
}

/* The local peer, whose socket cannot be reset, reads the end; this one finds what TCP's does. */
static void
test_reset_over_a_local_socket (Fixture *fixture, gconstpointer unused)
{
  g_autofree char *address = g_strconcat ("unix:", fixture->dir, "/socket", NULL);
  g_autoptr (LeashNetwork) net = leash_fault_network_new (leash_context_get_network (fixture->ctx));
  g_autoptr (LeashContext) ctx = leash_context_with_network (fixture->ctx, net);
  g_auto (Ends) ends = connect_ends (ctx, address);
  char byte;

  leash_fault_network_add (
      net, &(LeashNetFaultRule){ .ops = LEASH_NET_OP_WRITE, .effect = LEASH_NET_FAULT_CUT, .bytes = 1 });
  write_text (ends.dialled, ctx, "x");
  g_assert_cmpint (leash_conn_write (ends.dialled, ctx, "y", 1, NULL), ==, -1);
  assert_is_reset (ends.dialled, ctx);
  assert_reads (ends.accepted, ctx, "x");
  g_assert_cmpint (leash_conn_read (ends.accepted, ctx, &byte, 1, NULL), ==, 0);
}

/* A reader that waits in another thread when a write resets the connection. */
static void
test_reset_wakes_who_waits (Fixture *fixture, gconstpointer unused)
{
  g_auto (Lab) lab = lab_new (fixture);
  g_auto (Ends) ends = connect_ends (lab.ctx, DB);
  Sleeper reader = { .func = sleep_reading, .ctx = lab.ctx, .subject = ends.dialled };

  add (lab, .ops = LEASH_NET_OP_WRITE, .effect = LEASH_NET_FAULT_RESET);
  sleeper_start (&reader);
  g_assert_cmpint (leash_conn_write (ends.dialled, lab.ctx, "x", 1, NULL), ==, -1);
  sleeper_join (&reader);
  g_assert_cmpint (reader.n, ==, -1);
  assert_io_error (reader.error, G_IO_ERROR_CONNECTION_CLOSED, "Connection reset by peer");
}

static void
test_cut_behind_so_many_bytes (Fixture *fixture, gconstpointer unused)
{
  g_auto (Lab) lab = lab_new (fixture);
  g_auto (Ends) ends = connect_ends (lab.ctx, DB);
  g_autoptr (LeashConn) next = dial (lab.ctx, DB);

  add (lab, .ops = LEASH_NET_OP_WRITE, .effect = LEASH_NET_FAULT_CUT, .bytes = 5);
  g_assert_cmpint (leash_conn_write (ends.dialled, lab.ctx, "abc", 3, NULL), ==, 3);
  g_assert_cmpint (leash_conn_write (ends.dialled, lab.ctx, "defg", 4, NULL), ==, 2);
  assert_reads (ends.accepted, lab.ctx, "abcde");
  g_assert_cmpint (leash_conn_write (ends.dialled, lab.ctx, "fg", 2, NULL), ==, -1);
  assert_is_reset (ends.accepted, lab.ctx);
  g_assert_cmpint (leash_conn_write (next, lab.ctx, "abcde", 5, NULL), ==, 5);
}

static void
test_short_reads_and_writes_lose_nothing (Fixture *fixture, gconstpointer unused)
{
  g_auto (Lab) lab = lab_new (fixture);
  g_auto (Ends) ends = connect_ends (lab.ctx, DB);

  add (lab, .effect = LEASH_NET_FAULT_SHORT, .bytes = 2);
  g_assert_cmpint (leash_conn_write (ends.dialled, lab.ctx, "abcdef", 6, NULL), ==, 2);
  write_text (ends.dialled, lab.ctx, "cdefghij");
  assert_reads (ends.accepted, lab.ctx, "abcdefghij");
  g_assert_cmpuint (leash_fault_network_count_calls (lab.net, LEASH_NET_OP_READ), ==, 5);
}

/* Vectors are one call, of all their bytes. */
static void
test_vectors (Fixture *fixture, gconstpointer unused)
{
  g_auto (Lab) lab = lab_new (fixture);
  g_auto (Ends) ends = connect_ends (lab.ctx, DB);
  GOutputVector pieces[] = { { "abc", 3 }, { "", 0 }, { "def", 3 }, { "ghi", 3 } };
  guint rule;

  g_assert_cmpint (leash_conn_writev (ends.dialled, lab.ctx, pieces, 4, NULL), ==, 9);
  g_assert_cmpuint (leash_fault_network_count_calls (lab.net, LEASH_NET_OP_WRITE), ==, 1);
  assert_reads (ends.accepted, lab.ctx, "abcdefghi");
  rule = add (lab, .ops = LEASH_NET_OP_WRITE, .effect = LEASH_NET_FAULT_SHORT, .bytes = 5);
  g_assert_cmpint (leash_conn_writev (ends.dialled, lab.ctx, pieces, 4, NULL), ==, 5);
  assert_reads (ends.accepted, lab.ctx, "abcde");
  leash_fault_network_remove (lab.net, rule);
  add (lab, .ops = LEASH_NET_OP_WRITE, .effect = LEASH_NET_FAULT_CUT, .bytes = 15);
  g_assert_cmpint (leash_conn_writev (ends.dialled, lab.ctx, pieces, 2, NULL), ==, 1);
  g_assert_cmpint (leash_conn_writev (ends.dialled, lab.ctx, pieces, 4, NULL), ==, -1);
}

/* A stream's tries are calls, which rules fail and shorten; none waits for what has not come. */
static void
test_stream_can_be_polled (Fixture *fixture, gconstpointer unused)
{
  g_auto (Lab) lab = lab_new (fixture);
  g_auto (Ends) ends = connect_ends (lab.ctx, DB);
  g_autoptr (GIOStream) stream = leash_conn_to_stream (ends.dialled, lab.ctx);
  GPollableInputStream *input = G_POLLABLE_INPUT_STREAM (g_io_stream_get_input_stream (stream));
  GPollableOutputStream *output = G_POLLABLE_OUTPUT_STREAM (g_io_stream_get_output_stream (stream));
  g_autoptr (GError) error = NULL;
  char buffer[8];

  g_assert_true (g_pollable_input_stream_can_poll (input));
  g_assert_cmpint (g_pollable_input_stream_read_nonblocking (input, buffer, 8, NULL, &error), ==, -1);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK);
  g_clear_error (&error);
  g_assert_cmpuint (leash_fault_network_count_calls (lab.net, LEASH_NET_OP_READ), ==, 1);
  write_text (ends.accepted, lab.ctx, "abcd");
  add (lab, .effect = LEASH_NET_FAULT_SHORT, .bytes = 3);
  g_assert_cmpint (g_pollable_input_stream_read_nonblocking (input, buffer, 8, NULL, &error), ==, 3);
  g_assert_cmpint (g_pollable_output_stream_write_nonblocking (output, "wxyz", 4, NULL, &error), ==, 3);
  g_assert_no_error (error);
  assert_reads (ends.accepted, lab.ctx, "wxy");
  leash_fault_network_fail_nth (lab.net, LEASH_NET_OP_READ, 1, G_IO_ERROR_CONNECTION_CLOSED);
  g_assert_cmpint (g_pollable_input_stream_read_nonblocking (input, buffer, 8, NULL, &error), ==, -1);
  assert_io_error (error, G_IO_ERROR_CONNECTION_CLOSED, "injected by rule 2");
}

static void
test_pool_finds_the_stale (Fixture *fixture, gconstpointer unused)
{
  g_auto (Lab) lab = lab_new (fixture);
  g_autoptr (LeashListener) listener = start_listening (lab.ctx, DB);
  g_autoptr (LeashClient) client = leash_client_new (lab.ctx, DB, NULL);
  g_autoptr (LeashConn) second = NULL;
  LeashConn *conn = leash_client_checkout (client, lab.ctx, NULL);
  LeashConn *server = accept_one (listener, lab.ctx);
  LeashClientStats stats;

  leash_client_return (client, conn, NULL);
  leash_conn_unref (conn);
  leash_conn_unref (server);
  leash_clock_advance (lab.clock, G_TIME_SPAN_SECOND + 1);
  second = leash_client_checkout (client, lab.ctx, NULL);
  leash_client_get_stats (client, &stats);
  g_assert_cmpuint (stats.n_stale, ==, 1);
  g_assert_cmpuint (stats.n_dials, ==, 2);
  /* One that is well is found to be that. */
  leash_client_return (client, second, NULL);
  leash_conn_unref (second);
  leash_clock_advance (lab.clock, G_TIME_SPAN_SECOND + 1);
  second = leash_client_checkout (client, lab.ctx, NULL);
  leash_client_get_stats (client, &stats);
  g_assert_cmpuint (stats.n_stale, ==, 1);
  leash_client_return (client, second, NULL);
  leash_client_close (client, NULL);
}

static void
test_delay_is_of_the_contexts_clock (Fixture *fixture, gconstpointer unused)
{
  g_auto (Lab) lab = lab_new (fixture);
  g_autoptr (LeashListener) listener = start_listening (lab.ctx, DB);
  Sleeper dialler = { .func = sleep_dialling, .ctx = lab.ctx, .address = DB };

  add (lab, .ops = LEASH_NET_OP_DIAL, .effect = LEASH_NET_FAULT_DELAY, .delay = G_TIME_SPAN_HOUR);
  sleeper_start (&dialler);
  leash_clock_advance (lab.clock, G_TIME_SPAN_HOUR - 1);
  wait_until (is_asleep (dialler.tid));
  leash_clock_advance (lab.clock, 1);
  sleeper_join (&dialler);
  g_assert_no_error (dialler.error);
  leash_conn_unref (dialler.result);
}

static void
test_delay_ends_with_the_context (Fixture *fixture, gconstpointer unused)
{
  g_auto (Lab) lab = lab_new (fixture);
  g_autoptr (LeashListener) listener = start_listening (lab.ctx, DB);
  g_autoptr (LeashContext) short_ctx = leash_context_with_timeout (lab.ctx, G_TIME_SPAN_SECOND);
  Sleeper dialler = { .func = sleep_dialling, .ctx = short_ctx, .address = DB };

  add (lab, .effect = LEASH_NET_FAULT_DELAY, .delay = G_MAXINT64);
  sleeper_start (&dialler);
  leash_clock_advance (lab.clock, G_TIME_SPAN_SECOND);
  sleeper_join (&dialler);
  assert_io_error (dialler.error, G_IO_ERROR_TIMED_OUT, DB);
  leash_fault_network_remove (lab.net, 1);
}

static void
test_bandwidth (Fixture *fixture, gconstpointer unused)
{
  g_auto (Lab) lab = lab_new (fixture);
  g_auto (Ends) ends = connect_ends (lab.ctx, DB);
  g_autoptr (LeashContext) tenth = leash_context_with_timeout (lab.ctx, G_TIME_SPAN_SECOND / 10);
  Sleeper reader = { .func = sleep_reading, .ctx = lab.ctx, .subject = ends.accepted };
  char block[250] = { 0 };

  write_text (ends.dialled, lab.ctx, "0123456789");
  add (lab, .ops = LEASH_NET_OP_WRITE, .effect = LEASH_NET_FAULT_BANDWIDTH, .bytes = 1000);
  add (lab, .ops = LEASH_NET_OP_READ, .effect = LEASH_NET_FAULT_BANDWIDTH, .bytes = 20);
  g_assert_cmpint (leash_conn_write (ends.dialled, lab.ctx, block, sizeof block, NULL), ==, 100);
  /* The next may move after a tenth of a second, and here it is given less. */
  leash_conn_set_write_deadline (ends.dialled, G_TIME_SPAN_SECOND / 10 - 1);
  leash_clock_advance (lab.clock, G_TIME_SPAN_SECOND / 10 - 1);
  g_assert_cmpint (leash_conn_write (ends.dialled, lab.ctx, block, sizeof block, NULL), ==, -1);
  leash_conn_set_write_deadline (ends.dialled, -1);
  leash_clock_advance (lab.clock, 1);
  g_assert_cmpint (leash_conn_write (ends.dialled, lab.ctx, block, sizeof block, NULL), ==, 100);
  assert_reads (ends.accepted, lab.ctx, "01");
  sleeper_start (&reader);
  leash_clock_advance (lab.clock, G_TIME_SPAN_SECOND / 10);
  sleeper_join (&reader);
  g_assert_cmpint (reader.n, ==, 2);
}

/* Descriptors */

static void
test_descriptors_are_passed_on (Fixture *fixture, gconstpointer unused)
{
  g_autofree char *address = g_strconcat ("unix:", fixture->dir, "/socket", NULL);
  g_autoptr (LeashNetwork) net = leash_fault_network_new (leash_context_get_network (fixture->ctx));
  g_autoptr (LeashContext) ctx = leash_context_with_network (fixture->ctx, net);
  g_auto (Ends) ends = connect_ends (ctx, address);
  g_autoptr (GError) error = NULL;
  int fds[2], came[2] = { -1, -1 };
  guint n_came = 0, rule;
  char buffer[8];

  g_assert_cmpint (pipe2 (fds, O_CLOEXEC), ==, 0);
  rule = leash_fault_network_fail_nth (net, LEASH_NET_OP_WRITE, 1, G_IO_ERROR_NO_SPACE);
  g_assert_cmpint (leash_conn_send_fds (ends.dialled, ctx, "take", 4, &fds[1], 1, &error), ==, -1);
  assert_io_error (error, G_IO_ERROR_NO_SPACE, "Sending descriptors to", "injected by rule 1");
  g_clear_error (&error);
  leash_fault_network_remove (net, rule);
  leash_fault_network_add (net, &(LeashNetFaultRule){ .effect = LEASH_NET_FAULT_SHORT, .bytes = 3 });
  g_assert_cmpint (leash_conn_send_fds (ends.dialled, ctx, "take", 4, &fds[1], 1, &error), ==, 3);
  g_assert_cmpint (leash_conn_receive_fds (ends.accepted, ctx, buffer, 8, came, 2, &n_came, &error), ==, 3);
  g_assert_no_error (error);
  g_assert_cmpuint (n_came, ==, 1);
  g_assert_cmpint (write (came[0], "x", 1), ==, 1);
  g_assert_cmpint (read (fds[0], buffer, 1), ==, 1);
  close (came[0]);
  close (fds[0]);
  close (fds[1]);
}

static void
test_descriptors_end_with_a_reset (Fixture *fixture, gconstpointer unused)
{
  g_autofree char *address = g_strconcat ("unix:", fixture->dir, "/socket", NULL);
  g_autoptr (LeashNetwork) net = leash_fault_network_new (leash_context_get_network (fixture->ctx));
  g_autoptr (LeashContext) ctx = leash_context_with_network (fixture->ctx, net);
  g_auto (Ends) ends = connect_ends (ctx, address);
  Sleeper receiver = { .func = sleep_receiving, .ctx = ctx, .subject = ends.accepted };
  g_autoptr (GError) error = NULL;
  const int zero = 0;

  sleeper_start (&receiver);
  leash_fault_network_add (
      net, &(LeashNetFaultRule){ .ops = LEASH_NET_OP_WRITE, .effect = LEASH_NET_FAULT_RESET });
  g_assert_cmpint (leash_conn_send_fds (ends.accepted, ctx, "x", 1, &zero, 1, &error), ==, -1);
  assert_io_error (error, G_IO_ERROR_CONNECTION_CLOSED, "Sending descriptors to", "reset");
  sleeper_join (&receiver);
  g_assert_cmpint (receiver.n, ==, -1);
  assert_io_error (receiver.error, G_IO_ERROR_CONNECTION_CLOSED, "Receiving descriptors from", "reset");
  g_clear_error (&receiver.error);
}

static void
test_descriptors_where_the_inner_network_has_none (Fixture *fixture, gconstpointer unused)
{
  g_auto (Lab) lab = lab_new (fixture);
  g_auto (Ends) ends = connect_ends (lab.ctx, DB);
  g_autoptr (GError) error = NULL;
  const int zero = 0;

  g_assert_cmpint (leash_conn_send_fds (ends.dialled, lab.ctx, "x", 1, &zero, 1, &error), ==, -1);
  assert_io_error (error, G_IO_ERROR_NOT_SUPPORTED, "Sending descriptors to", "its network cannot do that");
}

static void
test_close_ends_what_is_stalled (Fixture *fixture, gconstpointer unused)
{
  g_auto (Lab) lab = lab_new (fixture);
  g_auto (Ends) ends = connect_ends (lab.ctx, DB);
  Sleeper writer = { .func = sleep_writing, .ctx = lab.ctx, .subject = ends.dialled };

  leash_fault_network_part (lab.net, NULL, NULL);
  sleeper_start (&writer);
  g_assert_true (leash_conn_close (ends.dialled, NULL));
  sleeper_join (&writer);
  assert_io_error (writer.error, G_IO_ERROR_CLOSED, "Writing to");
}

/* Which of a hundred dials fail, as a row of letters. */
static char *
draw_row (guint64 seed)
{
  g_autoptr (LeashNetwork) memory = leash_memory_network_new ();
  g_autoptr (LeashNetwork) net = leash_fault_network_new (memory);
  g_autoptr (LeashContext) ctx = leash_context_with_network (leash_context_background (), net);
  g_autoptr (LeashListener) listener = start_listening (ctx, DB);
  GString *row = g_string_new (NULL);

  leash_fault_network_add (
      net, &(LeashNetFaultRule){
               .ops = LEASH_NET_OP_DIAL, .chance = 0.5, .seed = seed, .code = G_IO_ERROR_HOST_UNREACHABLE });
  for (guint i = 0; i < 100; i++)
    {
      g_autoptr (LeashConn) conn = leash_dial (ctx, DB, NULL);

      g_string_append_c (row, conn != NULL ? '.' : 'x');
    }
  return g_string_free (row, FALSE);
}

static void
test_chance_is_the_seeds (void)
{
  g_autofree char *first = draw_row (7), *again = draw_row (7), *other = draw_row (8);

  g_assert_cmpstr (first, ==, again);
  g_assert_cmpstr (first, !=, other);
  g_assert_nonnull (strchr (first, 'x'));
  g_assert_nonnull (strchr (first, '.'));
}

static void
test_rules_that_make_no_sense (Fixture *fixture, gconstpointer unused)
{
  g_auto (Lab) lab = lab_new (fixture);

  expect_critical ("leash_fault_network_add", "has_ops_for_its_effect");
  g_assert_cmpuint (add (lab, .ops = LEASH_NET_OP_DIAL, .effect = LEASH_NET_FAULT_CUT), ==, 0);
  expect_critical ("leash_fault_network_add", "has_bytes_for_its_effect");
  g_assert_cmpuint (add (lab, .effect = LEASH_NET_FAULT_SHORT), ==, 0);
  expect_critical ("leash_fault_network_add", "is_of_all_calls_if_a_state");
  g_assert_cmpuint (add (lab, .effect = LEASH_NET_FAULT_STALL, .first = 2), ==, 0);
  expect_critical ("leash_fault_network_add", "has_code_for_its_effect");
  g_assert_cmpuint (add (lab, .effect = LEASH_NET_FAULT_ERRNO), ==, 0);
  expect_critical ("leash_fault_network_add", "chance");
  g_assert_cmpuint (add (lab, .chance = 2), ==, 0);
  expect_critical ("leash_fault_network_add", "is_fault_network");
  g_assert_cmpuint (leash_fault_network_add (lab.memory, &(LeashNetFaultRule){ 0 }), ==, 0);
  assert_expected ();
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  warm_up ();
  ADD ("/net/fault/hands-everything-on", test_hands_everything_on);
  ADD ("/net/fault/connection-is-one-entry", test_connection_is_one_entry);
  ADD ("/net/fault/shortage-goes-by-the-clock", test_shortage_by_the_clock);
  ADD ("/net/fault/refused", test_refused);
  ADD ("/net/fault/nth-call-fails", test_nth_call_fails);
  ADD ("/net/fault/every-operation-can-fail", test_every_operation_can_fail);
  ADD ("/net/fault/reset-is-seen-at-both-ends", test_reset_is_seen_at_both_ends);
  ADD ("/net/fault/reset-on-the-hosts-network", test_reset_on_the_hosts_network);
  ADD ("/net/fault/reset-over-a-local-socket", test_reset_over_a_local_socket);
  ADD ("/net/fault/reset-wakes-who-waits", test_reset_wakes_who_waits);
  ADD ("/net/fault/cut-behind-so-many-bytes", test_cut_behind_so_many_bytes);
  ADD ("/net/fault/short-reads-and-writes-lose-nothing", test_short_reads_and_writes_lose_nothing);
  ADD ("/net/fault/vectors-are-one-call", test_vectors);
  ADD ("/net/fault/stream-can-be-polled", test_stream_can_be_polled);
  ADD ("/net/fault/pool-finds-what-is-stale", test_pool_finds_the_stale);
  ADD ("/net/fault/delay-is-of-the-contexts-clock", test_delay_is_of_the_contexts_clock);
  ADD ("/net/fault/delay-ends-with-the-context", test_delay_ends_with_the_context);
  ADD ("/net/fault/bandwidth", test_bandwidth);
  ADD ("/net/fault/descriptors-are-passed-on", test_descriptors_are_passed_on);
  ADD ("/net/fault/descriptors-end-with-a-reset", test_descriptors_end_with_a_reset);
  ADD ("/net/fault/descriptors-where-the-inner-network-has-none",
       test_descriptors_where_the_inner_network_has_none);
  ADD ("/net/fault/close-ends-what-is-stalled", test_close_ends_what_is_stalled);
  g_test_add_func ("/net/fault/chance-is-the-seeds", test_chance_is_the_seeds);
  ADD ("/net/fault/rules-that-make-no-sense", test_rules_that_make_no_sense);
  return g_test_run ();
}
