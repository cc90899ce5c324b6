/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The fault network's effects on each operation that they are of: pieces by seed, cut reads, late calls. */
#include "fault-fixture.h"

#define N_PIECES 60

typedef gssize (*Move) (Ends *ends, LeashContext *ctx);

static gssize
write_piece (Ends *ends, LeashContext *ctx)
{
  return leash_conn_write (ends->dialled, ctx, "abcd", 4, NULL);
}

/* There is always more to read. */
static gssize
read_piece (Ends *ends, LeashContext *ctx)
{
  char bytes[4];

  write_text (ends->dialled, ctx, "abcd");
  return leash_conn_read (ends->accepted, ctx, bytes, sizeof bytes, NULL);
}

/* How many bytes each of many calls moves where half of them are short. */
static char *
draw_pieces (Fixture *fixture, Move move, LeashNetOps op, guint64 seed)
{
  g_auto (Lab) lab = lab_new (fixture);
  g_auto (Ends) ends = connect_ends (lab.ctx, DB);
  GString *pieces = g_string_new (NULL);

  leash_fault_network_add (
      lab.net, &(LeashNetFaultRule){
                   .ops = op, .chance = 0.5, .seed = seed, .effect = LEASH_NET_FAULT_SHORT, .bytes = 1 });
  for (guint i = 0; i < N_PIECES; i++)
    g_string_append_printf (pieces, "%d", (int) move (&ends, lab.ctx));
  return g_string_free (pieces, FALSE);
}

static void
test_pieces (Fixture *fixture, gconstpointer is_read)
{
  Move move = is_read != NULL ? read_piece : write_piece;
  LeashNetOps op = is_read != NULL ? LEASH_NET_OP_READ : LEASH_NET_OP_WRITE;
  g_autofree char *first = draw_pieces (fixture, move, op, 7);
  g_autofree char *again = draw_pieces (fixture, move, op, 7);
  g_autofree char *other = draw_pieces (fixture, move, op, 8);

  g_assert_cmpstr (first, ==, again);
  g_assert_cmpstr (first, !=, other);
  g_assert_cmpuint (strspn (first, "14"), ==, N_PIECES);
  g_assert_nonnull (strchr (first, '1'));
  g_assert_nonnull (strchr (first, '4'));
}

static void
test_cut_reads (Fixture *fixture, gconstpointer unused)
{
  g_auto (Lab) lab = lab_new (fixture);
  g_auto (Ends) ends = connect_ends (lab.ctx, DB);
  g_autoptr (GError) error = NULL;
  char bytes[8];

  leash_fault_network_add (
      lab.net, &(LeashNetFaultRule){ .ops = LEASH_NET_OP_READ, .effect = LEASH_NET_FAULT_CUT, .bytes = 5 });
  write_text (ends.dialled, lab.ctx, "abcdefgh");
  assert_reads (ends.accepted, lab.ctx, "abc");
  g_assert_cmpint (leash_conn_read (ends.accepted, lab.ctx, bytes, sizeof bytes, NULL), ==, 2);
  g_assert_cmpmem (bytes, 2, "de", 2);
  g_assert_cmpint (leash_conn_read (ends.accepted, lab.ctx, bytes, sizeof bytes, &error), ==, -1);
  assert_io_error (error, G_IO_ERROR_CONNECTION_CLOSED, "Connection reset by peer");
  g_assert_cmpint (leash_conn_write (ends.dialled, lab.ctx, "x", 1, &error), ==, -1);
  assert_io_error (error, G_IO_ERROR_CONNECTION_CLOSED, "Connection reset by peer");
}

/* Late by an hour of the context's clock, and not before. */
static void
assert_late (Lab *lab, LeashNetOps op, Sleeper *sleeper)
{
  guint rule;

  rule = leash_fault_network_add (
      lab->net,
      &(LeashNetFaultRule){ .ops = op, .effect = LEASH_NET_FAULT_DELAY, .delay = G_TIME_SPAN_HOUR });
  sleeper_start (sleeper);
  leash_clock_advance (lab->clock, G_TIME_SPAN_HOUR - 1);
  wait_until (is_asleep (sleeper->tid));
  g_assert_false (g_atomic_int_get (&sleeper->is_over));
  leash_clock_advance (lab->clock, 1);
  sleeper_join (sleeper);
  g_assert_no_error (sleeper->error);
  leash_fault_network_remove (lab->net, rule);
}

static void
sleep_writing_once (Sleeper *sleeper)
{
  sleeper->n = leash_conn_write (sleeper->subject, sleeper->ctx, "x", 1, &sleeper->error);
}

static void
test_late (Fixture *fixture, gconstpointer unused)
{
  g_auto (Lab) lab = lab_new (fixture);
  g_auto (Ends) ends = connect_ends (lab.ctx, DB);
  g_autoptr (LeashConn) next = dial (lab.ctx, DB);
  Sleeper writer = { .func = sleep_writing_once, .ctx = lab.ctx, .subject = ends.dialled };
  Sleeper reader = { .func = sleep_reading, .ctx = lab.ctx, .subject = ends.accepted };
  Sleeper server = { .func = sleep_accepting, .ctx = lab.ctx, .subject = ends.listener };

  assert_late (&lab, LEASH_NET_OP_WRITE, &writer);
  g_assert_cmpint (writer.n, ==, 1);
  assert_late (&lab, LEASH_NET_OP_READ, &reader);
  g_assert_cmpint (reader.n, ==, 1);
  assert_late (&lab, LEASH_NET_OP_ACCEPT, &server);
  leash_conn_unref (server.result);
}

/* Regression: the listener's close did not wake it. */
static void
test_late_accept_ends_with_the_listener (Fixture *fixture, gconstpointer unused)
{
  g_auto (Lab) lab = lab_new (fixture);
  g_autoptr (LeashListener) listener = start_listening (lab.ctx, DB);
  Sleeper server = { .func = sleep_accepting, .ctx = lab.ctx, .subject = listener };

  leash_fault_network_add (lab.net, &(LeashNetFaultRule){ .ops = LEASH_NET_OP_ACCEPT,
                                                          .effect = LEASH_NET_FAULT_DELAY,
                                                          .delay = G_TIME_SPAN_HOUR });
  sleeper_start (&server);
  g_assert_true (leash_listener_close (listener, NULL));
  sleeper_join (&server);
  g_assert_null (server.result);
  assert_io_error (server.error, G_IO_ERROR_CLOSED, "closed in another thread");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  warm_up ();
  g_test_add ("/net/fault/short-writes-are-the-seeds", Fixture, NULL, set_up, test_pieces, tear_down);
  g_test_add ("/net/fault/short-reads-are-the-seeds", Fixture, "read", set_up, test_pieces, tear_down);
  ADD ("/net/fault/cut-behind-so-many-bytes-read", test_cut_reads);
  ADD ("/net/fault/delay-of-each-operation", test_late);
  ADD ("/net/fault/delayed-accept-ends-with-the-listener", test_late_accept_ends_with_the_listener);
  return g_test_run ();
}
