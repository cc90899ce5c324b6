/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Closing, by whom and whenever. */
#include "leash-wire-private.h"

/* Of a race. Where connecting is slow there are less: as many as the time is enough for, and some. */
#define MIN_ROUNDS 10
#define MAX_ROUNDS 100
#define TIME_FOR_ROUNDS (2 * G_TIME_SPAN_SECOND)

static gboolean
has_another_round (guint round, gint64 start)
{
  return round < MIN_ROUNDS || (round < MAX_ROUNDS && g_get_monotonic_time () < start + TIME_FOR_ROUNDS);
}

static void
test_ends_waiting (Wire *wire)
{
  WireJob jobs[] = {
    { .func = wire_do_read, .wire = wire, .conn = wire->one },
    { .func = wire_do_read, .wire = wire, .conn = wire->one },
    { .func = wire_do_write, .wire = wire, .conn = wire->one },
  };

  for (guint i = 0; i < G_N_ELEMENTS (jobs); i++)
    wire_start_waiting (&jobs[i]);
  wire_close (wire, wire->one);
  for (guint i = 0; i < G_N_ELEMENTS (jobs); i++)
    {
      wire_join (&jobs[i]);
      wire_fails (wire, i < 2 ? "reading until closed" : "writing until closed", jobs[i].n >= 0,
                  G_IO_ERROR_CLOSED, &jobs[i].error);
    }
  /* On a busy machine one may have come too late, which is a misuse. */
  wire->c.n_misuses = leash_tracker_count_misuses (wire->c.tracker);
}

/* Who came too late has misused it. */
static void
race (Wire *wire, void (*func) (WireJob *job))
{
  gint64 start = g_get_monotonic_time ();

  for (guint i = 0; has_another_round (i, start); i++)
    {
      LeashConn *one = NULL, *other = NULL;
      WireJob job = { .func = func, .wire = wire };

      if (wire_connect (wire, &one, &other))
        {
          job.conn = one;
          wire_start (&job);
          wire_close (wire, one);
          wire_join (&job);
          wire_fails (wire, "what races with the close", job.n >= 0, G_IO_ERROR_CLOSED, &job.error);
        }
      g_clear_pointer (&one, leash_conn_unref);
      g_clear_pointer (&other, leash_conn_unref);
    }
  wire->c.n_misuses = leash_tracker_count_misuses (wire->c.tracker);
}

static void
test_races_read (Wire *wire)
{
  race (wire, wire_do_read);
}

static void
test_races_write (Wire *wire)
{
  race (wire, wire_do_write);
}

/* Both ends at the same time. */
static void
close_once (WireJob *job)
{
  job->n = leash_conn_close (job->conn, &job->error);
}

static void
test_both_close (Wire *wire)
{
  gint64 start = g_get_monotonic_time ();

  for (guint i = 0; has_another_round (i, start); i++)
    {
      LeashConn *one = NULL, *other = NULL;

      if (wire_connect (wire, &one, &other))
        {
          WireJob closer = { .func = close_once, .wire = wire, .conn = one };

          wire_start (&closer);
          wire_close (wire, other);
          wire_join (&closer);
          wire_ok (wire, "closing while the peer does", closer.n != 0, &closer.error);
        }
      g_clear_pointer (&one, leash_conn_unref);
      g_clear_pointer (&other, leash_conn_unref);
    }
}

/* One of several succeeds. */
static void
test_closers (Wire *wire)
{
  WireJob closers[4];
  guint n = 0;

  for (guint i = 0; i < G_N_ELEMENTS (closers); i++)
    {
      closers[i] = (WireJob){ .func = close_once, .wire = wire, .conn = wire->one };
      wire_start (&closers[i]);
    }
  for (guint i = 0; i < G_N_ELEMENTS (closers); i++)
    {
      wire_join (&closers[i]);
      n += closers[i].n != 0;
      if (closers[i].n == 0)
        wire_fails (wire, "closing beside others", FALSE, G_IO_ERROR_CLOSED, &closers[i].error);
    }
  wire_same (wire, "of four that close at once succeed", 1, n);
  wire->c.n_misuses = 3;
}

static void
test_refuses (Wire *wire)
{
  g_autoptr (GError) error = NULL;
  GOutputVector vector = { "x", 1 };
  char byte = 'x';

  wire_close (wire, wire->one);
  wire_fails (wire, "reading after close", leash_conn_read (wire->one, wire->ctx, &byte, 1, &error) >= 0,
              G_IO_ERROR_CLOSED, &error);
  wire_fails (wire, "writing after close", leash_conn_write (wire->one, wire->ctx, &byte, 1, &error) >= 0,
              G_IO_ERROR_CLOSED, &error);
  wire_fails (wire, "writing from several places after close",
              leash_conn_writev (wire->one, wire->ctx, &vector, 1, &error) >= 0, G_IO_ERROR_CLOSED, &error);
  wire_fails (wire, "stopping to write after close", leash_conn_shutdown (wire->one, FALSE, TRUE, &error),
              G_IO_ERROR_CLOSED, &error);
  wire_fails (wire, "closing twice", leash_conn_close (wire->one, &error), G_IO_ERROR_CLOSED, &error);
  if (!leash_conn_is_closed (wire->one))
    conform_fault (&wire->c, "a closed connection does not say so");
  wire->c.n_misuses = 5;
}

static void
test_last_reference (Wire *wire)
{
  leash_conn_unref (leash_conn_ref (wire->one));
  wire_write (wire, wire->one, "open still");
  g_clear_pointer (&wire->one, leash_conn_unref);
  wire_read (wire, wire->other, "open still");
  wire_read_end (wire, wire->other);
}

static void
test_with_error (Wire *wire)
{
  g_autoptr (GError) cause
      = g_error_new_literal (G_IO_ERROR, G_IO_ERROR_INVALID_DATA, "the peer talks nonsense");
  WireJob reader = { .func = wire_do_read, .wire = wire, .conn = wire->one };
  WireJob peer = { .func = wire_do_read, .wire = wire, .conn = wire->other };
  g_autoptr (GError) error = NULL;

  wire_start_waiting (&reader);
  wire_start_waiting (&peer);
  wire_ok (wire, "closing with an error", leash_conn_close_with_error (wire->one, cause, &error), &error);
  wire_join (&reader);
  /* On a busy machine it may have come too late, which is a misuse, and has another message. */
  wire->c.n_misuses = leash_tracker_count_misuses (wire->c.tracker);
  if (wire->c.n_misuses == 0 && reader.error != NULL
      && strstr (reader.error->message, cause->message) == NULL)
    conform_fault (&wire->c, "reading until closed with an error: it is not in the message: %s",
                   reader.error->message);
  wire_fails (wire, "reading until closed with an error", reader.n >= 0, G_IO_ERROR_CLOSED, &reader.error);
  wire_join (&peer);
  /* Not every network can tell it from an end. */
  if (peer.n > 0)
    conform_fault (&wire->c, "the peer of a connection that was closed with an error has read something");
  g_clear_error (&peer.error);
}

/* With what was not read yet, which some networks answer with a reset: the other connections do not care. */
static void
test_unread (Wire *wire)
{
  LeashConn *one = NULL, *other = NULL;

  wire_write (wire, wire->one, "never read");
  wire_close (wire, wire->other);
  if (wire_connect (wire, &one, &other))
    {
      wire_write (wire, one, "another one");
      wire_read (wire, other, "another one");
    }
  g_clear_pointer (&one, leash_conn_unref);
  g_clear_pointer (&other, leash_conn_unref);
}

/* Everything at once: what comes of each is not said, only that all of it ends. */
static void
do_anything (WireJob *job)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (job->seed);
  char bytes[64] = { 0 };

  for (guint i = 0; i < job->count; i++)
    switch (g_rand_int_range (rand, 0, 6))
      {
      case 0:
        leash_conn_set_read_deadline (job->conn, wire_now () + g_rand_int_range (rand, 0, 300));
        break;
      case 1:
        leash_conn_set_write_deadline (job->conn, wire_now () + g_rand_int_range (rand, 0, 300));
        break;
      case 2:
        leash_conn_get_local_address (job->conn);
        leash_conn_get_remote_address (job->conn);
        break;
      case 3:
        leash_conn_get_fd (job->conn);
        break;
      case 4:
        leash_conn_write (job->conn, job->ctx, bytes, sizeof bytes, NULL);
        break;
      default:
        leash_conn_read (job->conn, job->ctx, bytes, sizeof bytes, NULL);
      }
}

#define N_JOBS 8

static void
test_anything (Wire *wire)
{
  WireJob jobs[N_JOBS];

  leash_conn_set_deadline (wire->one, wire_now ());
  leash_conn_set_deadline (wire->other, wire_now ());
  for (guint i = 0; i < N_JOBS; i++)
    {
      jobs[i] = (WireJob){ .func = do_anything,
                           .wire = wire,
                           .conn = i % 2 == 0 ? wire->one : wire->other,
                           .count = 100,
                           .seed = i };
      wire_start (&jobs[i]);
    }
  for (guint i = 0; i < N_JOBS; i++)
    wire_join (&jobs[i]);
}

const WireTest wire_close_tests[] = {
  { "close/ends-what-waits", test_ends_waiting, TRUE },
  { "close/races-with-reads", test_races_read },
  { "close/races-with-writes", test_races_write },
  { "close/by-both-at-once", test_both_close },
  { "close/by-several-threads", test_closers, TRUE },
  { "close/refuses-use-and-is-reported", test_refuses, TRUE },
  { "close/with-the-last-reference", test_last_reference, TRUE },
  { "close/with-an-error", test_with_error, TRUE },
  { "close/with-data-unread", test_unread, TRUE },
  { "close/everything-at-once-ends", test_anything, TRUE },
  { NULL },
};
