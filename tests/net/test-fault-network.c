/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The fault network: what each rule does to a call, and what a peer sees of it. Times are a fake clock's.
 */
#include "net-fixture.h"

#define DB "tcp:db.example:5432"

/* A fault network over a memory network, and a context for it on a fake clock. */
typedef struct
{
  LeashNetwork *memory;
  LeashNetwork *net;
  LeashClock *clock;
  LeashContext *ctx;
} Lab;

static LeashContext *
context_of (Lab *lab, Fixture *fixture, LeashNetwork *network)
{
  g_autoptr (LeashContext) timed = leash_context_with_clock (fixture->ctx, lab->clock);

  return leash_context_with_network (timed, network);
}

static Lab
lab_new (Fixture *fixture)
{
  Lab lab = { .memory = leash_memory_network_new (), .clock = leash_clock_new_fake (0) };

  lab.net = leash_fault_network_new (lab.memory);
  lab.ctx = context_of (&lab, fixture, lab.net);
  return lab;
}

static void
lab_clear (Lab *lab)
{
  leash_context_unref (lab->ctx);
  leash_clock_unref (lab->clock);
  g_object_unref (lab->net);
  g_object_unref (lab->memory);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Lab, lab_clear)

#define add(lab, ...) leash_fault_network_add ((lab).net, &(LeashNetFaultRule){ __VA_ARGS__ })

static void
write_text (LeashConn *conn, LeashContext *ctx, const char *text)
{
  g_autoptr (GError) error = NULL;

  leash_conn_write_all (conn, ctx, text, strlen (text), NULL, &error);
  g_assert_no_error (error);
}

static void
assert_reads (LeashConn *conn, LeashContext *ctx, const char *text)
{
  g_autoptr (GError) error = NULL;
  char buffer[64] = { 0 };

  leash_conn_read_all (conn, ctx, buffer, strlen (text), NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (buffer, ==, text);
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

/* The party a is parted from the database, and b is not. */
static void
test_partition_is_between_two (Fixture *fixture, gconstpointer unused)
{
  g_auto (Lab) lab = lab_new (fixture);
  g_autoptr (LeashNetwork) a = leash_fault_network_new_party (lab.net, "a");
  g_autoptr (LeashNetwork) b = leash_fault_network_new_party (lab.net, "b");
  g_autoptr (LeashContext) a_ctx = context_of (&lab, fixture, a);
  g_autoptr (LeashContext) b_ctx = context_of (&lab, fixture, b);
  g_autoptr (LeashContext) a_second = leash_context_with_timeout (a_ctx, G_TIME_SPAN_SECOND);
  g_autoptr (LeashListener) listener = start_listening (lab.ctx, DB);
  g_autoptr (LeashConn) b_conn = NULL;
  Sleeper dialler = { .func = sleep_dialling, .ctx = a_second, .address = DB };

  leash_fault_network_part (lab.net, "a", DB);
  sleeper_start (&dialler);
  leash_clock_advance (lab.clock, G_TIME_SPAN_SECOND);
  sleeper_join (&dialler);
  assert_io_error (dialler.error, G_IO_ERROR_TIMED_OUT, DB);
  b_conn = dial (b_ctx, DB);
}

static void
test_partition_silences_what_is_open_until_it_is_healed (Fixture *fixture, gconstpointer unused)
{
  g_auto (Lab) lab = lab_new (fixture);
  g_autoptr (LeashNetwork) a = leash_fault_network_new_party (lab.net, "a");
  g_autoptr (LeashContext) a_ctx = context_of (&lab, fixture, a);
  g_autoptr (LeashListener) listener = start_listening (lab.ctx, DB);
  g_autoptr (LeashConn) dialled = dial (a_ctx, DB);
  g_autoptr (LeashConn) accepted = accept_one (listener, lab.ctx);
  Sleeper reader = { .func = sleep_reading, .ctx = a_ctx, .subject = dialled };
  Sleeper late = { .func = sleep_reading, .ctx = a_ctx, .subject = dialled };
  guint rule;

  /* One waits already when they are parted, and the other begins to. */
  sleeper_start (&reader);
  rule = leash_fault_network_part (lab.net, "a", NULL);
  write_text (accepted, lab.ctx, "hello");
  sleeper_start (&late);
  wait_until (is_asleep (reader.tid));
  g_assert_cmpint (reader.n, ==, 0);
  g_assert_true (leash_fault_network_remove (lab.net, rule));
  leash_conn_shutdown (accepted, FALSE, TRUE, NULL);
  sleeper_join (&reader);
  sleeper_join (&late);
  g_assert_cmpint (reader.n + late.n, ==, 5);
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
  ADD ("/net/fault/refused", test_refused);
  ADD ("/net/fault/nth-call-fails", test_nth_call_fails);
  ADD ("/net/fault/every-operation-can-fail", test_every_operation_can_fail);
  ADD ("/net/fault/reset-is-seen-at-both-ends", test_reset_is_seen_at_both_ends);
  ADD ("/net/fault/reset-on-the-hosts-network", test_reset_on_the_hosts_network);
  ADD ("/net/fault/reset-wakes-who-waits", test_reset_wakes_who_waits);
  ADD ("/net/fault/cut-behind-so-many-bytes", test_cut_behind_so_many_bytes);
  ADD ("/net/fault/short-reads-and-writes-lose-nothing", test_short_reads_and_writes_lose_nothing);
  ADD ("/net/fault/delay-is-of-the-contexts-clock", test_delay_is_of_the_contexts_clock);
  ADD ("/net/fault/delay-ends-with-the-context", test_delay_ends_with_the_context);
  ADD ("/net/fault/bandwidth", test_bandwidth);
  ADD ("/net/fault/partition-is-between-two", test_partition_is_between_two);
  ADD ("/net/fault/partition-silences-what-is-open-until-it-is-healed",
       test_partition_silences_what_is_open_until_it_is_healed);
  ADD ("/net/fault/close-ends-what-is-stalled", test_close_ends_what_is_stalled);
  g_test_add_func ("/net/fault/chance-is-the-seeds", test_chance_is_the_seeds);
  ADD ("/net/fault/rules-that-make-no-sense", test_rules_that_make_no_sense);
  return g_test_run ();
}
