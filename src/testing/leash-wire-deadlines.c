/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Deadlines and contexts: what waits ends in time, for the right reason, and nothing is lost by it. */
#include "leash-wire-private.h"

typedef void (*SetDeadline) (LeashConn *conn, gint64 deadline);

static const char *const doing[] = { "reading", "writing" };
static void (*const jobs[]) (WireJob *job) = { wire_do_read, wire_do_write };
static const SetDeadline setters[] = { leash_conn_set_read_deadline, leash_conn_set_write_deadline };

/* Expects what was done with the connection to have timed out. */
static void
check_timed_out (Wire *wire, WireJob *job, const char *what)
{
  wire_join (job);
  wire_fails (wire, what, job->n > 0, G_IO_ERROR_TIMED_OUT, &job->error);
}

static void
each_way (Wire *wire, void (*func) (Wire *wire, guint way))
{
  for (guint way = 0; way < G_N_ELEMENTS (doing); way++)
    func (wire, way);
}

static void
past (Wire *wire, guint way)
{
  g_autoptr (GError) error = NULL;
  char byte = 'x';
  gssize n;

  setters[way](wire->one, wire_now () - 1);
  n = way == 0 ? leash_conn_read (wire->one, wire->ctx, &byte, 1, &error)
               : leash_conn_write (wire->one, wire->ctx, &byte, 1, &error);
  wire_fails (wire, way == 0 ? "reading behind the deadline" : "writing behind the deadline", n >= 0,
              G_IO_ERROR_TIMED_OUT, &error);
}

static void
test_past (Wire *wire)
{
  /* There would be something to read. */
  wire_write (wire, wire->other, "x");
  each_way (wire, past);
}

static void
test_both_at_once (Wire *wire)
{
  g_autoptr (GError) error = NULL;
  char byte = 'x';

  leash_conn_set_deadline (wire->one, 0);
  wire_fails (wire, "reading", leash_conn_read (wire->one, wire->ctx, &byte, 1, &error) >= 0,
              G_IO_ERROR_TIMED_OUT, &error);
  wire_fails (wire, "writing", leash_conn_write (wire->one, wire->ctx, &byte, 1, &error) >= 0,
              G_IO_ERROR_TIMED_OUT, &error);
  leash_conn_set_deadline (wire->one, -1);
  wire_write (wire, wire->one, "well again");
  wire_read (wire, wire->other, "well again");
}

static void
future (Wire *wire, guint way)
{
  WireJob job = { .func = jobs[way], .wire = wire, .conn = wire->one };
  gint64 deadline = wire_now () + WIRE_SOON;

  setters[way](wire->one, deadline);
  wire_start (&job);
  check_timed_out (wire, &job, doing[way]);
  if (wire_now () < deadline)
    conform_fault (&wire->c, "%s: it timed out before its deadline", doing[way]);
}

static void
test_future (Wire *wire)
{
  each_way (wire, future);
}

static void
meanwhile (Wire *wire, guint way)
{
  WireJob job = { .func = jobs[way], .wire = wire, .conn = wire->one };

  wire_start_waiting (&job);
  setters[way](wire->one, wire_now ());
  check_timed_out (wire, &job, doing[way]);
}

static void
test_meanwhile (Wire *wire)
{
  each_way (wire, meanwhile);
}

static void
sooner (Wire *wire, guint way)
{
  WireJob job = { .func = jobs[way], .wire = wire, .conn = wire->one };

  setters[way](wire->one, wire_now () + G_TIME_SPAN_HOUR);
  wire_start_waiting (&job);
  setters[way](wire->one, wire_now () + WIRE_SOON);
  check_timed_out (wire, &job, doing[way]);
}

static void
test_sooner (Wire *wire)
{
  each_way (wire, sooner);
}

/* Whether the deadline was put off before it came, which a busy machine may prevent. */
static gboolean
put_off (Wire *wire, gint64 delay)
{
  WireJob reader = { .func = wire_do_read, .wire = wire, .conn = wire->one };
  gint64 first = wire_now () + delay;
  gboolean in_time;

  leash_conn_set_read_deadline (wire->one, first);
  wire_start_waiting (&reader);
  leash_conn_set_read_deadline (wire->one, wire_now () + G_TIME_SPAN_HOUR);
  in_time = wire_now () < first;
  while (wire_now () < first + WIRE_SOON)
    g_usleep (1000);
  wire_write (wire, wire->other, "late");
  wire_join (&reader);
  if (in_time)
    wire_ok (wire, "reading with a deadline that was put off", reader.n > 0, &reader.error);
  else if (reader.error != NULL)
    wire_read (wire, wire->one, "late");
  g_clear_error (&reader.error);
  return in_time;
}

static void
test_put_off (Wire *wire)
{
  gint64 delay = 5 * WIRE_SOON;

  while (!put_off (wire, delay))
    delay *= 2;
}

static void
test_taken_back (Wire *wire)
{
  WireJob reader = { .func = wire_do_read, .wire = wire, .conn = wire->one };

  leash_conn_set_read_deadline (wire->one, 0);
  leash_conn_set_read_deadline (wire->one, -1);
  wire_start_waiting (&reader);
  wire_write (wire, wire->other, "x");
  wire_join (&reader);
  wire_ok (wire, "reading without a deadline any more", reader.n > 0, &reader.error);
}

static void
test_own_way (Wire *wire)
{
  leash_conn_set_read_deadline (wire->one, 0);
  leash_conn_set_write_deadline (wire->other, 0);
  wire_write (wire, wire->one, "writing goes on");
  wire_read (wire, wire->other, "writing goes on");
}

/* What came before and after is all there. */
static void
test_nothing_is_lost (Wire *wire)
{
  g_autoptr (GError) error = NULL;
  char bytes[16];
  gsize n = 99;

  wire_write (wire, wire->other, "half");
  leash_conn_set_read_deadline (wire->one, wire_now () + WIRE_SOON);
  wire_fails (wire, "reading all before the deadline",
              leash_conn_read_all (wire->one, wire->ctx, bytes, 8, &n, &error), G_IO_ERROR_TIMED_OUT, &error);
  wire_same (wire, "bytes that came before the deadline", 4, (gint64) n);
  leash_conn_set_read_deadline (wire->one, -1);
  wire_write (wire, wire->other, "whole");
  wire_read (wire, wire->one, "whole");
}

/* Moves both deadlines to and fro. */
static void
fluctuate (WireJob *job)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (job->seed);

  for (guint i = 0; i < job->count; i++)
    {
      gint64 deadline = wire_now () + g_rand_int_range (rand, -50, 500);

      setters[i % 2](job->conn, deadline);
      if (i % 8 == 0)
        g_usleep (50);
    }
}

/* Goes on behind each time-out, and counts what it moved. */
static void
insist (WireJob *job)
{
  gboolean reads = job->conn == job->wire->other;
  guint8 bytes[1000] = { 0 };

  while (job->total < job->count)
    {
      gsize count = MIN (sizeof bytes, job->count - job->total);

      job->n = reads ? leash_conn_read (job->conn, job->ctx, bytes, count, &job->error)
                     : leash_conn_write (job->conn, job->ctx, bytes, count, &job->error);
      if (job->n > 0)
        job->total += (gsize) job->n;
      else if (g_error_matches (job->error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT)
               && !leash_context_is_done (job->ctx))
        g_clear_error (&job->error);
      else
        return;
    }
}

static void
test_fluctuating (Wire *wire)
{
  WireJob movers[] = {
    { .func = fluctuate, .wire = wire, .conn = wire->one, .count = 2000, .seed = 1 },
    { .func = fluctuate, .wire = wire, .conn = wire->other, .count = 2000, .seed = 2 },
  };
  WireJob workers[] = {
    { .func = insist, .wire = wire, .conn = wire->one, .count = 500000 },
    { .func = insist, .wire = wire, .conn = wire->other, .count = 500000 },
  };

  for (guint i = 0; i < 2; i++)
    wire_start (&movers[i]);
  for (guint i = 0; i < 2; i++)
    wire_start (&workers[i]);
  for (guint i = 0; i < 2; i++)
    wire_join (&movers[i]);
  leash_conn_set_deadline (wire->one, -1);
  leash_conn_set_deadline (wire->other, -1);
  for (guint i = 0; i < 2; i++)
    {
      wire_join (&workers[i]);
      wire_ok (wire, "moving data while deadlines fluctuate", workers[i].error == NULL, &workers[i].error);
      wire_same (wire, "bytes moved while deadlines fluctuate", 500000, (gint64) workers[i].total);
    }
}

static void
test_fake_clock (Wire *wire)
{
  g_autoptr (LeashClock) clock = leash_clock_new_fake (G_TIME_SPAN_DAY);
  g_autoptr (LeashContext) ctx = leash_context_with_clock (wire->ctx, clock);
  WireJob reader = { .func = wire_do_read, .wire = wire, .conn = wire->one, .ctx = ctx };

  leash_conn_set_read_deadline (wire->one, G_TIME_SPAN_DAY + G_TIME_SPAN_HOUR);
  wire_start_waiting (&reader);
  leash_clock_advance (clock, G_TIME_SPAN_HOUR);
  check_timed_out (wire, &reader, "reading until a fake clock is at the deadline");
}

/* Contexts */

static void
cancelled (Wire *wire, guint way)
{
  g_autoptr (LeashContext) ctx = leash_context_with_cancel (wire->ctx);
  WireJob job = { .func = jobs[way], .wire = wire, .conn = wire->one, .ctx = ctx };

  wire_start_waiting (&job);
  leash_context_cancel (ctx, NULL);
  wire_join (&job);
  wire_fails (wire, doing[way], job.n > 0, G_IO_ERROR_CANCELLED, &job.error);
}

static void
test_cancelled (Wire *wire)
{
  each_way (wire, cancelled);
}

static void
timed_out (Wire *wire, guint way)
{
  g_autoptr (LeashContext) ctx = leash_context_with_timeout (wire->ctx, WIRE_SOON);
  WireJob job = { .func = jobs[way], .wire = wire, .conn = wire->one, .ctx = ctx };

  wire_start (&job);
  check_timed_out (wire, &job, doing[way]);
}

static void
test_timed_out (Wire *wire)
{
  each_way (wire, timed_out);
}

static void
test_done (Wire *wire)
{
  g_autoptr (LeashContext) ctx = leash_context_with_cancel (wire->ctx);
  g_autoptr (GError) error = NULL;
  char byte = 'x';

  wire_write (wire, wire->other, "x");
  leash_context_cancel (ctx, NULL);
  wire_fails (wire, "reading in a cancelled context", leash_conn_read (wire->one, ctx, &byte, 1, &error) >= 0,
              G_IO_ERROR_CANCELLED, &error);
  wire_fails (wire, "writing in a cancelled context",
              leash_conn_write (wire->one, ctx, &byte, 1, &error) >= 0, G_IO_ERROR_CANCELLED, &error);
  wire_fails (wire, "reading nothing in a cancelled context",
              leash_conn_read (wire->one, ctx, &byte, 0, &error) >= 0, G_IO_ERROR_CANCELLED, &error);
  wire_read (wire, wire->one, "x");
}

/* The connection serves other contexts as before. */
static void
test_cancelled_loses_nothing (Wire *wire)
{
  for (guint i = 0; i < 50; i++)
    {
      g_autoptr (LeashContext) ctx = leash_context_with_cancel (wire->ctx);
      WireJob reader = { .func = wire_do_read, .wire = wire, .conn = wire->one, .ctx = ctx };

      wire_start (&reader);
      leash_context_cancel (ctx, NULL);
      wire_join (&reader);
      wire_fails (wire, "reading until cancelled", reader.n >= 0, G_IO_ERROR_CANCELLED, &reader.error);
    }
  wire_write (wire, wire->other, "as before");
  wire_read (wire, wire->one, "as before");
}

/* Only that one of two readers. */
static void
test_cancelled_alone (Wire *wire)
{
  g_autoptr (LeashContext) ctx = leash_context_with_cancel (wire->ctx);
  WireJob first = { .func = wire_do_read, .wire = wire, .conn = wire->one, .ctx = ctx };
  WireJob second = { .func = wire_do_read, .wire = wire, .conn = wire->one };

  wire_start_waiting (&first);
  wire_start_waiting (&second);
  leash_context_cancel (ctx, NULL);
  wire_join (&first);
  wire_fails (wire, "reading until cancelled", first.n >= 0, G_IO_ERROR_CANCELLED, &first.error);
  wire_write (wire, wire->other, "x");
  wire_join (&second);
  wire_ok (wire, "reading beside one that was cancelled", second.n == 1, &second.error);
}

const WireTest wire_deadline_tests[] = {
  { "deadline/behind-it-nothing-is-done", test_past, TRUE },
  { "deadline/of-both-ways", test_both_at_once, TRUE },
  { "deadline/comes", test_future, TRUE },
  { "deadline/is-set-meanwhile", test_meanwhile, TRUE },
  { "deadline/is-set-sooner", test_sooner, TRUE },
  { "deadline/is-put-off", test_put_off, TRUE },
  { "deadline/is-taken-back", test_taken_back, TRUE },
  { "deadline/is-of-one-way-and-one-end", test_own_way, TRUE },
  { "deadline/loses-nothing", test_nothing_is_lost, TRUE },
  { "deadline/fluctuates", test_fluctuating, TRUE },
  { "deadline/by-a-fake-clock", test_fake_clock, TRUE },
  { "context/ends-when-cancelled", test_cancelled, TRUE },
  { "context/ends-at-its-deadline", test_timed_out, TRUE },
  { "context/nothing-is-done-in-a-done-one", test_done, TRUE },
  { "context/cancelled-loses-nothing", test_cancelled_loses_nothing, TRUE },
  { "context/cancelled-ends-that-one-only", test_cancelled_alone, TRUE },
  { NULL },
};
