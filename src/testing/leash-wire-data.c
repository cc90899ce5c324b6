/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is written at one end is read at the other: all of it, in order, and nothing else. */
#include "leash-wire-private.h"

#define LARGE (4 * 1024 * 1024)
#define ROUNDS 1000

static void
test_pieces (Wire *wire)
{
  wire_write (wire, wire->one, "one");
  wire_write (wire, wire->one, "two");
  wire_read (wire, wire->other, "on");
  wire_read (wire, wire->other, "etw");
  wire_write (wire, wire->one, "three");
  wire_read (wire, wire->other, "othree");
}

static void
test_some (Wire *wire)
{
  g_autoptr (GError) error = NULL;
  char bytes[16];
  gssize n;

  wire_write (wire, wire->one, "some");
  n = leash_conn_read (wire->other, wire->ctx, bytes, sizeof bytes, &error);
  if (wire_ok (wire, "reading with more room than data", n >= 0, &error) && (n < 1 || n > 4))
    conform_fault (&wire->c, "reading with more room than data: expected 1 to 4 bytes, found %d", (int) n);
}

static void
test_nothing (Wire *wire)
{
  g_autoptr (GError) error = NULL;
  char byte;

  wire_same (wire, "reading nothing", 0, leash_conn_read (wire->one, wire->ctx, &byte, 0, &error));
  wire_same (wire, "writing nothing", 0, leash_conn_write (wire->one, wire->ctx, &byte, 0, &error));
  wire_ok (wire, "reading all of nothing", leash_conn_read_all (wire->one, wire->ctx, NULL, 0, NULL, &error),
           &error);
  wire_ok (wire, "writing all of nothing", leash_conn_write_all (wire->one, wire->ctx, NULL, 0, NULL, &error),
           &error);
  wire_write (wire, wire->one, "x");
  wire_read (wire, wire->other, "x");
}

static void
test_byte_by_byte (Wire *wire)
{
  for (guint i = 0; i < ROUNDS; i++)
    {
      const char byte[] = { (char) ('a' + i % 26), '\0' };

      wire_write (wire, wire->one, byte);
      if (i % 2 == 1)
        wire_read (wire, wire->other, (char[]){ (char) ('a' + (i - 1) % 26), byte[0], '\0' });
    }
}

static void
test_ping_pong (Wire *wire)
{
  WireJob echo = { .func = wire_do_echo, .wire = wire, .conn = wire->other };

  wire_start (&echo);
  for (guint i = 0; i < ROUNDS; i++)
    {
      g_autofree char *text = g_strdup_printf ("round %u", i);

      wire_write (wire, wire->one, text);
      wire_read (wire, wire->one, text);
    }
  wire_close (wire, wire->one);
  wire_join (&echo);
  g_clear_error (&echo.error);
}

/* With the sum of what was sent. */
static void
check_received (Wire *wire, WireJob *sender, WireJob *receiver)
{
  wire_join (sender);
  wire_join (receiver);
  wire_ok (wire, "sending", sender->error == NULL, &sender->error);
  wire_ok (wire, "receiving", receiver->error == NULL, &receiver->error);
  wire_same (wire, "bytes received", (gint64) sender->total, (gint64) receiver->total);
  wire_same (wire, "checksum of what was received", sender->checksum, receiver->checksum);
}

static void
start_transfer (Wire *wire, LeashConn *from, LeashConn *to, guint32 seed, WireJob *sender, WireJob *receiver)
{
  *sender = (WireJob){ .func = wire_do_send, .wire = wire, .conn = from, .count = LARGE, .seed = seed };
  *receiver
      = (WireJob){ .func = wire_do_receive, .wire = wire, .conn = to, .count = LARGE, .seed = seed + 1 };
  wire_start (sender);
  wire_start (receiver);
}

static void
test_large (Wire *wire)
{
  WireJob sender, receiver;

  start_transfer (wire, wire->one, wire->other, 1, &sender, &receiver);
  check_received (wire, &sender, &receiver);
}

static void
test_large_both_ways (Wire *wire)
{
  WireJob senders[2], receivers[2];

  start_transfer (wire, wire->one, wire->other, 1, &senders[0], &receivers[0]);
  start_transfer (wire, wire->other, wire->one, 3, &senders[1], &receivers[1]);
  for (guint i = 0; i < G_N_ELEMENTS (senders); i++)
    check_received (wire, &senders[i], &receivers[i]);
}

#define N_CONNS 8

static void
test_many_connections (Wire *wire)
{
  LeashConn *ones[N_CONNS] = { NULL }, *others[N_CONNS] = { NULL };
  WireJob senders[N_CONNS], receivers[N_CONNS];
  guint n = 0;

  while (n < N_CONNS && wire_connect (wire, &ones[n], &others[n]))
    n++;
  for (guint i = 0; i < n; i++)
    start_transfer (wire, ones[i], others[i], i, &senders[i], &receivers[i]);
  for (guint i = 0; i < n; i++)
    check_received (wire, &senders[i], &receivers[i]);
  for (guint i = 0; i < N_CONNS; i++)
    {
      g_clear_pointer (&ones[i], leash_conn_unref);
      g_clear_pointer (&others[i], leash_conn_unref);
    }
}

static void
test_writev (Wire *wire)
{
  GOutputVector vectors[] = { { "one ", 4 }, { "", 0 }, { "two ", 4 }, { "three", 5 } };
  g_autoptr (GError) error = NULL;
  gsize n;
  gssize some = leash_conn_writev (wire->one, wire->ctx, vectors, G_N_ELEMENTS (vectors), &error);

  if (wire_ok (wire, "writing from several places", some > 0, &error))
    {
      char found[16] = "";

      wire_ok (wire, "reading",
               leash_conn_read_all (wire->other, wire->ctx, found, (gsize) some, NULL, &error), &error);
      if (strncmp ("one two three", found, (gsize) some) != 0)
        conform_fault (&wire->c, "writing from several places: the first %d bytes are “%s”", (int) some,
                       found);
    }
  wire_ok (wire, "writing all from several places",
           leash_conn_writev_all (wire->one, wire->ctx, vectors, G_N_ELEMENTS (vectors), &n, &error), &error);
  wire_same (wire, "bytes written from several places", 13, (gint64) n);
  wire_read (wire, wire->other, "one two three");
}

/* Writes until there is no room, by the deadline. */
static gsize
fill_up (Wire *wire, LeashConn *conn)
{
  WireJob writer = { .func = wire_do_write, .wire = wire, .conn = conn };

  leash_conn_set_write_deadline (conn, wire_now () + 5 * WIRE_SOON);
  wire_start (&writer);
  wire_join (&writer);
  wire_fails (wire, "writing while nobody reads", writer.n > 0, G_IO_ERROR_TIMED_OUT, &writer.error);
  leash_conn_set_write_deadline (conn, -1);
  return writer.total;
}

static void
test_back_pressure (Wire *wire)
{
  gsize n_written = fill_up (wire, wire->one);
  WireJob receiver = { .func = wire_do_receive, .wire = wire, .conn = wire->other, .count = n_written };

  wire_start (&receiver);
  wire_join (&receiver);
  wire_ok (wire, "reading what was written until there was no room", receiver.error == NULL, &receiver.error);
  wire_same (wire, "bytes read of what was written until there was no room", (gint64) n_written,
             (gint64) receiver.total);
}

/* The other way is free. */
static void
test_ways_are_apart (Wire *wire)
{
  fill_up (wire, wire->one);
  wire_write (wire, wire->other, "the other way");
  wire_read (wire, wire->one, "the other way");
}

static void
test_writer_goes_on (Wire *wire)
{
  WireJob sender, receiver;

  sender = (WireJob){ .func = wire_do_send, .wire = wire, .conn = wire->one, .count = LARGE };
  wire_start_waiting (&sender);
  receiver = (WireJob){ .func = wire_do_receive, .wire = wire, .conn = wire->other, .count = LARGE };
  wire_start (&receiver);
  check_received (wire, &sender, &receiver);
}

#define N_WRITERS 8
#define PER_WRITER 20000

/* Each byte says whose it is, in the upper three bits, and where it belongs among those. */
static guint8
get_byte_of (guint writer, gsize place)
{
  return (guint8) (writer << 5 | (place & 31));
}

static void
write_own_bytes (WireJob *job)
{
  guint8 bytes[1000];

  for (job->n = 1; job->n > 0 && job->total < job->count; job->total += (gsize) MAX (job->n, 0))
    {
      gsize count = MIN (1 + job->total % sizeof bytes, job->count - job->total);

      for (gsize i = 0; i < count; i++)
        bytes[i] = get_byte_of (job->seed, job->total + i);
      job->n = leash_conn_write (job->conn, job->ctx, bytes, count, &job->error);
    }
}

typedef struct
{
  WireJob job;             /* the first */
  gsize counts[N_WRITERS]; /* of each one's bytes */
  gsize n_misplaced;
} Sorter;

static void
sort_bytes (WireJob *job)
{
  Sorter *self = (Sorter *) job;
  guint8 bytes[3000];

  while ((job->n = leash_conn_read (job->conn, job->ctx, bytes, sizeof bytes, &job->error)) > 0)
    for (gssize i = 0; i < job->n; i++)
      {
        guint writer = bytes[i] >> 5;

        self->n_misplaced += bytes[i] != get_byte_of (writer, self->counts[writer]++);
      }
}

/* Which pieces come when is not said; that none is lost or doubled, and each one's come in their order, is.
 */
static void
test_many_writers (Wire *wire)
{
  WireJob writers[N_WRITERS];
  Sorter sorter = { .job = { .func = sort_bytes, .wire = wire, .conn = wire->other } };

  for (guint i = 0; i < N_WRITERS; i++)
    {
      writers[i] = (WireJob){
        .func = write_own_bytes, .wire = wire, .conn = wire->one, .count = PER_WRITER, .seed = i
      };
      wire_start (&writers[i]);
    }
  wire_start (&sorter.job);
  for (guint i = 0; i < N_WRITERS; i++)
    {
      wire_join (&writers[i]);
      wire_ok (wire, "writing beside others", writers[i].error == NULL, &writers[i].error);
    }
  wire_close (wire, wire->one);
  wire_join (&sorter.job);
  wire_ok (wire, "reading what several wrote", sorter.job.error == NULL, &sorter.job.error);
  for (guint i = 0; i < N_WRITERS; i++)
    wire_same (wire, "bytes of one of several writers", PER_WRITER, (gint64) sorter.counts[i]);
  wire_same (wire, "bytes that came out of order", 0, (gint64) sorter.n_misplaced);
}

/* Two readers share what comes. */
static void
test_many_readers (Wire *wire)
{
  WireJob readers[2], sender = { .func = wire_do_send, .wire = wire, .conn = wire->one, .count = LARGE };
  gsize total = 0;

  for (guint i = 0; i < G_N_ELEMENTS (readers); i++)
    {
      readers[i] = (WireJob){ .func = wire_do_receive, .wire = wire, .conn = wire->other, .seed = i };
      wire_start (&readers[i]);
    }
  wire_start (&sender);
  wire_join (&sender);
  wire_ok (wire, "sending", sender.error == NULL, &sender.error);
  wire_close (wire, wire->one);
  for (guint i = 0; i < G_N_ELEMENTS (readers); i++)
    {
      wire_join (&readers[i]);
      wire_ok (wire, "reading beside another", readers[i].error == NULL, &readers[i].error);
      total += readers[i].total;
    }
  wire_same (wire, "bytes that both read", LARGE, (gint64) total);
}

/* The end of the data */

static void
test_end_comes_last (Wire *wire)
{
  wire_write (wire, wire->one, "the last words");
  wire_close (wire, wire->one);
  wire_read (wire, wire->other, "the last words");
  wire_read_end (wire, wire->other);
  wire_read_end (wire, wire->other);
}

static void
test_early_end (Wire *wire)
{
  g_autoptr (GError) error = NULL;
  char bytes[16];
  gsize n = 99;

  wire_write (wire, wire->one, "short");
  wire_close (wire, wire->one);
  wire_fails (wire, "reading all of what ends before",
              leash_conn_read_all (wire->other, wire->ctx, bytes, 10, &n, &error), G_IO_ERROR_PARTIAL_INPUT,
              &error);
  wire_same (wire, "bytes that came before the end", 5, (gint64) n);
}

static void
test_end_wakes (Wire *wire)
{
  WireJob reader = { .func = wire_do_read, .wire = wire, .conn = wire->other };

  wire_start_waiting (&reader);
  wire_close (wire, wire->one);
  wire_join (&reader);
  if (wire_ok (wire, "reading until the peer closes", reader.n >= 0, &reader.error))
    wire_same (wire, "bytes read when the peer closes", 0, reader.n);
}

static void
test_read_to_end (Wire *wire)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) bytes = NULL;

  wire_write (wire, wire->one, "all of it");
  wire_close (wire, wire->one);
  bytes = leash_conn_read_to_end (wire->other, wire->ctx, 100, &error);
  if (wire_ok (wire, "reading to the end", bytes != NULL, &error))
    wire_same (wire, "bytes read to the end", 9, (gint64) g_bytes_get_size (bytes));
}

static void
test_half_close (Wire *wire)
{
  wire_write (wire, wire->one, "a question");
  if (!wire_half_close (wire, wire->one))
    return;
  wire_read (wire, wire->other, "a question");
  wire_read_end (wire, wire->other);
  wire_write (wire, wire->other, "an answer");
  wire_read (wire, wire->one, "an answer");
  wire_close (wire, wire->other);
  wire_read_end (wire, wire->one);
}

static void
test_half_closed_refuses (Wire *wire)
{
  g_autoptr (GError) error = NULL;

  if (wire_half_close (wire, wire->one))
    wire_fails_or (wire, "writing behind the end",
                   leash_conn_write (wire->one, wire->ctx, "x", 1, &error) >= 0, G_IO_ERROR_BROKEN_PIPE,
                   G_IO_ERROR_CLOSED, &error);
}

static void
test_half_close_wakes (Wire *wire)
{
  WireJob reader = { .func = wire_do_read, .wire = wire, .conn = wire->other };

  wire_start_waiting (&reader);
  if (!wire_half_close (wire, wire->one))
    wire_close (wire, wire->one);
  wire_join (&reader);
  wire_ok (wire, "reading until the peer stops writing", reader.n == 0, &reader.error);
}

static void
test_half_close_of_both (Wire *wire)
{
  if (!wire_half_close (wire, wire->one) || !wire_half_close (wire, wire->other))
    return;
  wire_read_end (wire, wire->one);
  wire_read_end (wire, wire->other);
}

/* How soon it is noticed is the network's affair; that it is, and by an error and not a signal, is not. */
static void
test_peer_is_gone (Wire *wire)
{
  WireJob writer = { .func = wire_do_write, .wire = wire, .conn = wire->one };

  wire_close (wire, wire->other);
  wire_start (&writer);
  wire_join (&writer);
  wire_fails_or (wire, "writing to who has closed", writer.n > 0, G_IO_ERROR_CONNECTION_CLOSED,
                 G_IO_ERROR_BROKEN_PIPE, &writer.error);
}

static void
test_peer_goes (Wire *wire)
{
  WireJob writer = { .func = wire_do_write, .wire = wire, .conn = wire->one };

  wire_start_waiting (&writer);
  wire_close (wire, wire->other);
  wire_join (&writer);
  wire_fails_or (wire, "writing until the peer closes", writer.n > 0, G_IO_ERROR_CONNECTION_CLOSED,
                 G_IO_ERROR_BROKEN_PIPE, &writer.error);
}

const WireTest wire_data_tests[] = {
  { "data/pieces-are-read-as-one-wishes", test_pieces, TRUE },
  { "data/what-is-there-is-read", test_some, TRUE },
  { "data/of-no-bytes", test_nothing, TRUE },
  { "data/byte-by-byte", test_byte_by_byte, TRUE },
  { "data/ping-pong", test_ping_pong, TRUE },
  { "data/large-transfer", test_large, TRUE },
  { "data/large-transfers-both-ways", test_large_both_ways, TRUE },
  { "data/many-connections", test_many_connections },
  { "data/from-several-places", test_writev, TRUE },
  { "data/no-room-is-waited-for-and-nothing-lost", test_back_pressure, TRUE },
  { "data/ways-are-apart", test_ways_are_apart, TRUE },
  { "data/writer-goes-on-when-there-is-room", test_writer_goes_on, TRUE },
  { "data/many-writers", test_many_writers, TRUE },
  { "data/two-readers", test_many_readers, TRUE },
  { "end/comes-behind-the-data", test_end_comes_last, TRUE },
  { "end/comes-early", test_early_end, TRUE },
  { "end/ends-a-read", test_end_wakes, TRUE },
  { "end/is-read-to", test_read_to_end, TRUE },
  { "end/half-closed-still-reads", test_half_close, TRUE },
  { "end/half-closed-refuses-to-write", test_half_closed_refuses, TRUE },
  { "end/half-close-ends-a-read", test_half_close_wakes, TRUE },
  { "end/half-closed-by-both", test_half_close_of_both, TRUE },
  { "end/peer-is-gone", test_peer_is_gone, TRUE },
  { "end/peer-goes-while-one-writes", test_peer_goes, TRUE },
  { NULL },
};
