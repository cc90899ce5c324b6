/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The fault network between parties: who is parted from whom, at which ends, and until when. */
#include "fault-fixture.h"

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

/* Two parties of a network, each with a context, and a server of the one that the other has dialled. */
typedef struct
{
  LeashNetwork *net;
  LeashNetwork *parties[2];
  LeashContext *a_ctx;
  LeashContext *b_ctx;
  Ends ends; /* a has dialled b */
} Parties;

static Parties
parties_new (Lab *lab, Fixture *fixture, LeashNetwork *inner, const char *address)
{
  Parties self = { .net = leash_fault_network_new (inner) };

  self.parties[0] = leash_fault_network_new_party (self.net, "a");
  self.parties[1] = leash_fault_network_new_party (self.net, "b");
  self.a_ctx = context_of (lab, fixture, self.parties[0]);
  self.b_ctx = context_of (lab, fixture, self.parties[1]);
  self.ends.listener = start_listening (self.b_ctx, address);
  self.ends.dialled = dial (self.a_ctx, leash_listener_get_address (self.ends.listener));
  self.ends.accepted = accept_one (self.ends.listener, self.b_ctx);
  return self;
}

static void
parties_clear (Parties *self)
{
  ends_clear (&self->ends);
  leash_context_unref (self->a_ctx);
  leash_context_unref (self->b_ctx);
  g_object_unref (self->parties[0]);
  g_object_unref (self->parties[1]);
  g_object_unref (self->net);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Parties, parties_clear)

/* Neither what was on its way when the two were parted arrives, nor that the party has closed. */
static void
check_partition_holds_both_ways (Fixture *fixture, LeashNetwork *inner, const char *address)
{
  g_auto (Lab) lab = lab_new (fixture);
  g_auto (Parties) two = parties_new (&lab, fixture, inner, address);
  Sleeper at_b = { .func = sleep_reading, .ctx = two.b_ctx, .subject = two.ends.accepted };
  Sleeper at_a = { .func = sleep_reading, .ctx = two.a_ctx, .subject = two.ends.dialled };
  guint rule;

  write_text (two.ends.dialled, two.a_ctx, "on its way");
  rule = leash_fault_network_part (two.net, "a", leash_listener_get_address (two.ends.listener));
  write_text (two.ends.accepted, two.b_ctx, "buffered");
  sleeper_start (&at_b);
  sleeper_start (&at_a);
  g_assert_true (leash_conn_shutdown (two.ends.dialled, FALSE, TRUE, NULL));
  g_assert_cmpint (at_a.n + at_b.n, ==, 0);
  g_assert_true (leash_fault_network_remove (two.net, rule));
  sleeper_join (&at_b);
  sleeper_join (&at_a);
  g_assert_cmpint (at_b.n, ==, 10);
  g_assert_cmpint (at_a.n, ==, 8);
  g_assert_cmpint (leash_conn_read (two.ends.accepted, two.b_ctx, (char[8]){ 0 }, 8, NULL), ==, 0);
}

static void
test_partition_holds_both_ways (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (LeashNetwork) memory = leash_memory_network_new ();

  check_partition_holds_both_ways (fixture, memory, DB);
}

static void
test_partition_holds_both_ways_on_the_hosts_network (Fixture *fixture, gconstpointer unused)
{
  check_partition_holds_both_ways (fixture, leash_context_get_network (fixture->ctx), TCP);
}

static void
assert_times_out_reading (Lab *lab, LeashConn *conn, LeashContext *ctx)
{
  g_autoptr (LeashContext) second = leash_context_with_timeout (ctx, G_TIME_SPAN_SECOND);
  Sleeper reader = { .func = sleep_reading, .ctx = second, .subject = conn };

  sleeper_start (&reader);
  leash_clock_advance (lab->clock, G_TIME_SPAN_SECOND);
  sleeper_join (&reader);
  assert_io_error (reader.error, G_IO_ERROR_TIMED_OUT, "Reading from");
  g_clear_error (&reader.error);
}

static void
assert_times_out_dialling (Lab *lab, LeashContext *ctx, const char *address)
{
  g_autoptr (LeashContext) second = leash_context_with_timeout (ctx, G_TIME_SPAN_SECOND);
  Sleeper dialler = { .func = sleep_dialling, .ctx = second, .address = address };

  sleeper_start (&dialler);
  leash_clock_advance (lab->clock, G_TIME_SPAN_SECOND);
  sleeper_join (&dialler);
  assert_io_error (dialler.error, G_IO_ERROR_TIMED_OUT, address);
  g_clear_error (&dialler.error);
}

/* Whoever of the two dials, and c reaches both. */
static void
test_partition_between_parties (Fixture *fixture, gconstpointer unused)
{
  g_auto (Lab) lab = lab_new (fixture);
  g_auto (Parties) two = parties_new (&lab, fixture, lab.memory, DB);
  g_autoptr (LeashNetwork) c = leash_fault_network_new_party (two.net, "c");
  g_autoptr (LeashContext) c_ctx = context_of (&lab, fixture, c);
  g_autoptr (LeashListener) at_a = start_listening (two.a_ctx, "memory:a");
  g_autoptr (LeashConn) b_dialled = dial (two.b_ctx, "memory:a");
  g_autoptr (LeashConn) a_accepted = accept_one (at_a, two.a_ctx);
  g_autoptr (LeashConn) c_to_a = NULL;
  g_autoptr (LeashConn) c_to_b = NULL;
  g_autoptr (LeashConn) again = NULL;
  guint rule;

  write_text (two.ends.dialled, two.a_ctx, "1");
  write_text (two.ends.accepted, two.b_ctx, "2");
  write_text (b_dialled, two.b_ctx, "3");
  write_text (a_accepted, two.a_ctx, "4");
  rule = leash_fault_network_part_parties (two.net, "a", "b");
  assert_times_out_reading (&lab, two.ends.dialled, two.a_ctx);
  assert_times_out_reading (&lab, two.ends.accepted, two.b_ctx);
  assert_times_out_reading (&lab, b_dialled, two.b_ctx);
  assert_times_out_reading (&lab, a_accepted, two.a_ctx);
  assert_times_out_dialling (&lab, two.a_ctx, DB);
  assert_times_out_dialling (&lab, two.b_ctx, "memory:a");
  c_to_a = dial (c_ctx, "memory:a");
  c_to_b = dial (c_ctx, DB);
  g_assert_true (leash_fault_network_remove (two.net, rule));
  assert_reads (two.ends.dialled, two.a_ctx, "2");
  assert_reads (two.ends.accepted, two.b_ctx, "1");
  assert_reads (b_dialled, two.b_ctx, "4");
  assert_reads (a_accepted, two.a_ctx, "3");
  again = dial (two.b_ctx, "memory:a");
}

/* A rule for what comes from a is not for what c sends to the same listener. */
static void
test_rule_for_a_peer (Fixture *fixture, gconstpointer unused)
{
  g_auto (Lab) lab = lab_new (fixture);
  g_auto (Parties) two = parties_new (&lab, fixture, lab.memory, DB);
  g_autoptr (LeashNetwork) c = leash_fault_network_new_party (two.net, "c");
  g_autoptr (LeashContext) c_ctx = context_of (&lab, fixture, c);
  g_autoptr (LeashConn) from_c = dial (c_ctx, DB);
  g_autoptr (LeashConn) c_accepted = accept_one (two.ends.listener, two.b_ctx);
  g_autoptr (GError) error = NULL;
  char byte;

  leash_fault_network_add (
      two.net,
      &(LeashNetFaultRule){ .ops = LEASH_NET_OP_READ, .peer = "a", .effect = LEASH_NET_FAULT_RESET });
  write_text (from_c, c_ctx, "c");
  assert_reads (c_accepted, two.b_ctx, "c");
  write_text (two.ends.dialled, two.a_ctx, "a");
  g_assert_cmpint (leash_conn_read (two.ends.accepted, two.b_ctx, &byte, 1, &error), ==, -1);
  assert_io_error (error, G_IO_ERROR_CONNECTION_CLOSED, "Reading from", "reset");
}

static gboolean
count_ready (GObject *stream, gpointer n)
{
  g_atomic_int_inc ((gint *) n);
  return G_SOURCE_REMOVE;
}

/* What is polled is not ready while it is parted, and then goes on; nor is anything tried. */
static void
test_partition_of_what_is_polled (Fixture *fixture, gconstpointer unused)
{
  g_auto (Lab) lab = lab_new (fixture);
  g_auto (Ends) ends = connect_ends (lab.ctx, DB);
  g_autoptr (GIOStream) stream = leash_conn_to_stream (ends.dialled, lab.ctx);
  GPollableInputStream *input = G_POLLABLE_INPUT_STREAM (g_io_stream_get_input_stream (stream));
  g_autoptr (GMainContext) loop = g_main_context_new ();
  guint rule = leash_fault_network_add (
      lab.net, &(LeashNetFaultRule){ .ops = LEASH_NET_OP_READ, .effect = LEASH_NET_FAULT_STALL });
  g_autoptr (GSource) source = g_pollable_input_stream_create_source (input, NULL);
  g_autoptr (GError) error = NULL;
  gint n_ready = 0;
  char buffer[8];

  g_source_set_callback (source, G_SOURCE_FUNC (count_ready), &n_ready, NULL);
  g_source_attach (source, loop);
  write_text (ends.accepted, lab.ctx, "late");
  g_assert_cmpint (g_pollable_input_stream_read_nonblocking (input, buffer, 8, NULL, &error), ==, -1);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK);
  g_clear_error (&error);
  while (g_main_context_iteration (loop, FALSE))
    ;
  g_assert_cmpint (n_ready, ==, 0);
  leash_fault_network_remove (lab.net, rule);
  while (n_ready == 0)
    g_main_context_iteration (loop, TRUE);
  g_assert_cmpint (g_pollable_input_stream_read_nonblocking (input, buffer, 8, NULL, &error), ==, 4);
  g_source_destroy (source);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  warm_up ();
  ADD ("/net/fault/partition-is-between-two", test_partition_is_between_two);
  ADD ("/net/fault/partition-silences-what-is-open-until-it-is-healed",
       test_partition_silences_what_is_open_until_it_is_healed);
  ADD ("/net/fault/partition-holds-both-ways", test_partition_holds_both_ways);
  ADD ("/net/fault/partition-holds-both-ways-on-the-hosts-network",
       test_partition_holds_both_ways_on_the_hosts_network);
  ADD ("/net/fault/partition-between-parties", test_partition_between_parties);
  ADD ("/net/fault/rule-for-a-peer", test_rule_for_a_peer);
  ADD ("/net/fault/partition-of-what-is-polled", test_partition_of_what_is_polled);
  return g_test_run ();
}
