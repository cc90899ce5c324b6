/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The network in memory, beside what the conformance suite asks of every network: names, bounds and the fake
 * clock. */
#include "net-fixture.h"

#define DB "tcp:db.example:5432"

static LeashContext *
new_world (LeashContext *parent)
{
  g_autoptr (LeashNetwork) network = leash_memory_network_new ();

  return leash_context_with_network (parent, network);
}

static void
write_text (LeashConn *conn, LeashContext *ctx, const char *text)
{
  g_autoptr (GError) error = NULL;

  leash_conn_write_all (conn, ctx, text, strlen (text), NULL, &error);
  g_assert_no_error (error);
}

static void
test_any_text_is_a_name (Fixture *fixture, gconstpointer unused)
{
  static const char *const names[] = { DB, "unix:/run/x", "memory:a name", "tls:[::1]:443", "x:\xff" };
  g_autoptr (LeashContext) ctx = new_world (fixture->ctx);

  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_auto (Ends) ends = connect_ends (ctx, names[i]);

      g_assert_cmpstr (leash_listener_get_address (ends.listener), ==, names[i]);
      g_assert_cmpstr (leash_conn_get_remote_address (ends.dialled), ==, names[i]);
      g_assert_cmpstr (leash_conn_get_local_address (ends.accepted), ==, names[i]);
      g_assert_cmpint (leash_conn_get_fd (ends.dialled), ==, -1);
      g_assert_cmpint (leash_listener_get_fd (ends.listener), ==, -1);
    }
}

static void
test_addresses_that_are_none (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (LeashContext) ctx = new_world (fixture->ctx);
  g_autoptr (GError) error = NULL;

  g_assert_null (leash_dial (ctx, "db", &error));
  assert_io_error (error, G_IO_ERROR_INVALID_ARGUMENT, "Dialling “db”", "memory:name");
  g_assert_null (leash_listen (ctx, "tcp:", &error));
  assert_io_error (error, G_IO_ERROR_INVALID_ARGUMENT, "Listening on “tcp:”");
}

static void
test_nobody_listens (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (LeashContext) ctx = new_world (fixture->ctx);
  g_autoptr (LeashContext) elsewhere = new_world (fixture->ctx);
  g_autoptr (LeashListener) listener = start_listening (ctx, DB);
  g_autoptr (GError) error = NULL;

  g_assert_null (leash_dial (elsewhere, DB, &error));
  assert_io_error (error, G_IO_ERROR_CONNECTION_REFUSED, DB);
  g_assert_null (leash_listen (ctx, DB, &error));
  assert_io_error (error, G_IO_ERROR_ADDRESS_IN_USE, DB);
  g_assert_true (leash_listener_close (listener, NULL));
  g_assert_null (leash_dial (ctx, DB, &error));
  assert_io_error (error, G_IO_ERROR_CONNECTION_REFUSED, DB);
}

static void
test_port_0_is_a_free_one (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (LeashContext) ctx = new_world (fixture->ctx);
  g_auto (Ends) first = connect_ends (ctx, "tcp:127.0.0.1:0");
  g_auto (Ends) second = connect_ends (ctx, "tcp:127.0.0.1:0");

  g_assert_cmpstr (leash_listener_get_address (first.listener), !=,
                   leash_listener_get_address (second.listener));
  g_assert_false (g_str_has_suffix (leash_listener_get_address (first.listener), ":0"));
}

static void
test_who_dials_has_an_address_of_its_own (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (LeashContext) ctx = new_world (fixture->ctx);
  g_auto (Ends) ends = connect_ends (ctx, DB);
  g_autoptr (LeashConn) second = dial (ctx, DB);

  g_assert_cmpstr (leash_conn_get_local_address (ends.dialled), !=, leash_conn_get_local_address (second));
  g_assert_cmpstr (leash_conn_get_local_address (ends.dialled), ==,
                   leash_conn_get_remote_address (ends.accepted));
}

/* A write takes what there is room for, and the next one waits; a byte read is room for one. */
static void
test_buffer_is_bounded (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (LeashNetwork) network = leash_memory_network_new ();
  g_autoptr (LeashContext) ctx = leash_context_with_network (fixture->ctx, network);
  g_auto (Ends) ends = { 0 };
  Sleeper writer = { .func = sleep_writing };
  char block[2000] = { 0 };

  leash_memory_network_set_buffer (network, 1000);
  ends = connect_ends (ctx, DB);
  g_assert_cmpint (leash_conn_write (ends.dialled, ctx, block, sizeof block, NULL), ==, 1000);
  writer.ctx = leash_context_with_cancel (ctx);
  writer.subject = ends.dialled;
  sleeper_start (&writer);
  g_assert_cmpint (leash_conn_read (ends.accepted, ctx, block, 400, NULL), ==, 400);
  g_assert_true (leash_conn_read_all (ends.accepted, ctx, block, 1000, NULL, NULL));
  leash_context_cancel (writer.ctx, NULL);
  sleeper_join (&writer);
  assert_io_error (writer.error, G_IO_ERROR_CANCELLED, "Writing to");
  leash_context_unref (writer.ctx);
}

/* What is written in pieces of all sizes comes out as it went in, as the buffer grows and goes round. */
static void
test_bytes_keep_their_order (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (LeashContext) ctx = new_world (fixture->ctx);
  g_auto (Ends) ends = connect_ends (ctx, DB);
  guint8 out[3000], in[3000];
  guint8 next_out = 0, next_in = 0;
  gsize n_waiting = 0;

  for (guint i = 1; i < 2000; i++)
    {
      gsize n_out = n_waiting < 50000 ? i * 37 % sizeof out : 0;
      gsize n_in = MIN (n_waiting + n_out, i * 61 % sizeof in);

      for (gsize k = 0; k < n_out; k++)
        out[k] = next_out++;
      g_assert_true (leash_conn_write_all (ends.dialled, ctx, out, n_out, NULL, NULL));
      g_assert_true (leash_conn_read_all (ends.accepted, ctx, in, n_in, NULL, NULL));
      for (gsize k = 0; k < n_in; k++)
        g_assert_cmpuint (in[k], ==, next_in++);
      n_waiting += n_out - n_in;
    }
}

static void
test_backlog_is_bounded (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (LeashNetwork) network = leash_memory_network_new ();
  g_autoptr (LeashContext) ctx = leash_context_with_network (fixture->ctx, network);
  g_autoptr (LeashListener) listener = NULL;
  g_autoptr (LeashConn) first = NULL, accepted = NULL;
  Sleeper second = { .func = sleep_dialling, .ctx = ctx, .address = DB };
  Sleeper third = second;

  leash_memory_network_set_backlog (network, 1);
  listener = start_listening (ctx, DB);
  first = dial (ctx, DB);
  sleeper_start (&second);
  accepted = accept_one (listener, ctx);
  sleeper_join (&second);
  g_assert_no_error (second.error);
  /* The listener's end is the end of who waits, and of who was not accepted. */
  sleeper_start (&third);
  g_assert_true (leash_listener_close (listener, NULL));
  sleeper_join (&third);
  assert_io_error (third.error, G_IO_ERROR_CONNECTION_REFUSED, DB);
  g_assert_cmpint (leash_conn_read (second.result, ctx, &(char){ 0 }, 1, &third.error), ==, -1);
  assert_io_error (third.error, G_IO_ERROR_CONNECTION_CLOSED, "the listener was closed");
  leash_conn_unref (second.result);
}

/* Regression: who waited to dial waited on when more was allowed, until somebody was accepted. */
static void
test_raised_backlog_wakes (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (LeashNetwork) network = leash_memory_network_new ();
  g_autoptr (LeashContext) ctx = leash_context_with_network (fixture->ctx, network);
  g_autoptr (LeashListener) listener = NULL;
  g_autoptr (LeashConn) first = NULL;
  Sleeper second = { .func = sleep_dialling, .ctx = ctx, .address = DB };

  leash_memory_network_set_backlog (network, 1);
  listener = start_listening (ctx, DB);
  first = dial (ctx, DB);
  sleeper_start (&second);
  leash_memory_network_set_backlog (network, 2);
  sleeper_join (&second);
  g_assert_no_error (second.error);
  leash_conn_unref (second.result);
}

static void
test_reset_tells_the_cause (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (LeashContext) ctx = new_world (fixture->ctx);
  g_auto (Ends) ends = connect_ends (ctx, DB);
  g_autoptr (GError) cause = g_error_new_literal (G_IO_ERROR, G_IO_ERROR_FAILED, "the disk is full");
  g_autoptr (GError) error = NULL;
  char byte;

  g_assert_true (leash_conn_close_with_error (ends.accepted, cause, NULL));
  g_assert_cmpint (leash_conn_read (ends.dialled, ctx, &byte, 1, &error), ==, -1);
  assert_io_error (error, G_IO_ERROR_CONNECTION_CLOSED, "the disk is full");
  g_assert_cmpint (leash_conn_write (ends.dialled, ctx, "x", 1, &error), ==, -1);
  assert_io_error (error, G_IO_ERROR_CONNECTION_CLOSED, "the disk is full");
}

static void
test_fake_clock_moves_deadlines (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (LeashClock) clock = leash_clock_new_fake (0);
  g_autoptr (LeashContext) world = new_world (fixture->ctx);
  g_autoptr (LeashContext) ctx = leash_context_with_clock (world, clock);
  g_autoptr (LeashContext) hour = leash_context_with_timeout (ctx, G_TIME_SPAN_HOUR);
  g_auto (Ends) ends = connect_ends (ctx, DB);
  Sleeper reader = { .func = sleep_reading, .ctx = ctx, .subject = ends.dialled };
  Sleeper acceptor = { .func = sleep_accepting, .ctx = hour, .subject = ends.listener };

  leash_conn_set_read_deadline (ends.dialled, G_TIME_SPAN_MINUTE);
  sleeper_start (&reader);
  sleeper_start (&acceptor);
  leash_clock_advance (clock, G_TIME_SPAN_MINUTE);
  sleeper_join (&reader);
  assert_io_error (reader.error, G_IO_ERROR_TIMED_OUT, "deadline for reading");
  leash_clock_advance (clock, G_TIME_SPAN_HOUR);
  sleeper_join (&acceptor);
  assert_io_error (acceptor.error, G_IO_ERROR_TIMED_OUT, DB);
  leash_conn_set_read_deadline (ends.dialled, -1);
  write_text (ends.accepted, ctx, "x");
  g_assert_cmpint (leash_conn_read (ends.dialled, ctx, &(char){ 0 }, 1, NULL), ==, 1);
}

static void
test_host_has_one_for_all (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (LeashNetwork) other = leash_host_network_new ();
  g_autoptr (LeashContext) ctx = leash_context_with_network (fixture->ctx, other);
  g_autoptr (LeashListener) listener = start_listening (fixture->ctx, "memory:test-memory-network");
  g_autoptr (LeashConn) conn = dial (ctx, "memory:test-memory-network");
  g_autofree char *address = g_strdup (leash_listener_get_address (listener));

  g_assert_true (leash_listener_close (listener, NULL));
  if (leash_has_tracking ())
    assert_only_open (fixture->tracker, "conn", address, dial);
}

static void
test_settings_that_make_no_sense (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (LeashNetwork) network = leash_memory_network_new ();

  expect_critical ("leash_memory_network_set_buffer", "bytes");
  leash_memory_network_set_buffer (network, 0);
  expect_critical ("leash_memory_network_set_backlog", "n_conns");
  leash_memory_network_set_backlog (network, 0);
  assert_expected ();
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  warm_up ();
  ADD ("/net/memory/any-text-is-a-name", test_any_text_is_a_name);
  ADD ("/net/memory/addresses-that-are-none", test_addresses_that_are_none);
  ADD ("/net/memory/nobody-listens", test_nobody_listens);
  ADD ("/net/memory/port-0-is-a-free-one", test_port_0_is_a_free_one);
  ADD ("/net/memory/who-dials-has-an-address-of-its-own", test_who_dials_has_an_address_of_its_own);
  ADD ("/net/memory/buffer-is-bounded", test_buffer_is_bounded);
  ADD ("/net/memory/bytes-keep-their-order", test_bytes_keep_their_order);
  ADD ("/net/memory/backlog-is-bounded", test_backlog_is_bounded);
  ADD ("/net/memory/raised-backlog-wakes-who-dials", test_raised_backlog_wakes);
  ADD ("/net/memory/reset-tells-the-cause", test_reset_tells_the_cause);
  ADD ("/net/memory/fake-clock-moves-deadlines", test_fake_clock_moves_deadlines);
  ADD ("/net/memory/host-has-one-for-all", test_host_has_one_for_all);
  ADD ("/net/memory/settings-that-make-no-sense", test_settings_that_make_no_sense);
  return g_test_run ();
}
