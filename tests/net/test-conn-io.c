/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What LeashConn does beside reading and writing: deadlines, several places at once, descriptors,
 * credentials, and a close that says why. On real sockets, and on an implementation made up here that waits
 * by itself.
 */
#include "net-fixture.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>

static gint64
now (void)
{
  return leash_clock_get_time (leash_clock_system ());
}

/* Deadlines */

static void
test_past_deadline (Fixture *fixture, gconstpointer unused)
{
  g_auto (Ends) ends = connect_ends (fixture->ctx, TCP);
  g_autoptr (GError) error = NULL;
  char byte;

  g_assert_true (leash_conn_write_all (ends.accepted, fixture->ctx, "x", 1, NULL, &error));
  leash_conn_set_read_deadline (ends.dialled, 0);
  g_assert_cmpint (leash_conn_read (ends.dialled, fixture->ctx, &byte, 1, &error), ==, -1);
  assert_io_error (error, G_IO_ERROR_TIMED_OUT, "Reading from “",
                   "the connection's deadline for reading has passed");
  g_assert_cmpint (leash_conn_write (ends.dialled, fixture->ctx, "y", 1, &error), ==, 1);
  leash_conn_set_write_deadline (ends.dialled, now ());
  g_assert_cmpint (leash_conn_write (ends.dialled, fixture->ctx, "y", 1, &error), ==, -1);
  assert_io_error (error, G_IO_ERROR_TIMED_OUT, "Writing to “",
                   "the connection's deadline for writing has passed");
  leash_conn_set_deadline (ends.dialled, -1);
  g_assert_cmpint (leash_conn_read (ends.dialled, fixture->ctx, &byte, 1, &error), ==, 1);
  g_assert_cmpint (leash_conn_write (ends.dialled, fixture->ctx, "y", 1, &error), ==, 1);
  g_assert_no_error (error);
}

/* An implementation without descriptor that waits by itself, for ever but for its context. */

static gssize
hang_read (gpointer impl, LeashContext *ctx, void *buffer, gsize count, GError **error)
{
  leash_context_wait (ctx, -1);
  leash_context_check (ctx, error);
  return -1;
}

static gssize
hang_write (gpointer impl, LeashContext *ctx, const void *buffer, gsize count, GError **error)
{
  return hang_read (impl, ctx, NULL, count, error);
}

static gboolean
hang_close (gpointer impl, GError **error)
{
  return TRUE;
}

static const LeashConnOps hang_ops
    = { .size = sizeof (LeashConnOps), .read = hang_read, .write = hang_write, .close = hang_close };

/* The dialled end of a TCP connection, or one that hangs. */
static Ends
connect_or_hang (LeashContext *ctx, gconstpointer hangs)
{
  if (!GPOINTER_TO_INT (hangs))
    return connect_ends (ctx, TCP);
  return (Ends){ .dialled = leash_conn_new (&hang_ops, NULL, NULL, NULL, "nowhere") };
}

static void
test_deadline_comes (Fixture *fixture, gconstpointer hangs)
{
  g_auto (Ends) ends = connect_or_hang (fixture->ctx, hangs);
  Sleeper reader = { .func = sleep_reading, .ctx = fixture->ctx, .subject = ends.dialled };
  Sleeper writer = { .func = sleep_writing, .ctx = fixture->ctx, .subject = ends.dialled };
  gint64 start = now ();

  leash_conn_set_deadline (ends.dialled, start + 20 * G_TIME_SPAN_MILLISECOND);
  reader.thread = g_thread_new ("reader", run_sleeper, &reader);
  writer.thread = g_thread_new ("writer", run_sleeper, &writer);
  sleeper_join (&reader);
  sleeper_join (&writer);
  g_assert_cmpint (now (), >=, start + 20 * G_TIME_SPAN_MILLISECOND);
  assert_io_error (reader.error, G_IO_ERROR_TIMED_OUT, "deadline for reading");
  assert_io_error (writer.error, G_IO_ERROR_TIMED_OUT, "deadline for writing");
}

/* Both are waiting already: one is ended, the other one is not. */
static void
test_deadline_is_set_meanwhile (Fixture *fixture, gconstpointer hangs)
{
  g_auto (Ends) ends = connect_or_hang (fixture->ctx, hangs);
  Sleeper reader = { .func = sleep_reading, .ctx = fixture->ctx, .subject = ends.dialled };
  Sleeper writer = { .func = sleep_writing, .ctx = fixture->ctx, .subject = ends.dialled };

  sleeper_start (&reader);
  sleeper_start (&writer);
  leash_conn_set_read_deadline (ends.dialled, now () + G_TIME_SPAN_HOUR);
  leash_conn_set_read_deadline (ends.dialled, -1);
  leash_conn_set_read_deadline (ends.dialled, now ());
  sleeper_join (&reader);
  assert_io_error (reader.error, G_IO_ERROR_TIMED_OUT, "deadline for reading");
  wait_until (is_asleep (g_atomic_int_get (&writer.tid)));
  leash_conn_set_write_deadline (ends.dialled, 0);
  sleeper_join (&writer);
  assert_io_error (writer.error, G_IO_ERROR_TIMED_OUT, "deadline for writing");
}

static void
test_deadline_is_put_off (Fixture *fixture, gconstpointer unused)
{
  g_auto (Ends) ends = connect_ends (fixture->ctx, TCP);
  Sleeper reader = { .func = sleep_reading, .ctx = fixture->ctx, .subject = ends.dialled };

  leash_conn_set_read_deadline (ends.dialled, now () + G_TIME_SPAN_HOUR);
  sleeper_start (&reader);
  for (guint i = 0; i < 100; i++)
    leash_conn_set_read_deadline (ends.dialled, now () + (i + 2) * G_TIME_SPAN_HOUR);
  g_assert_true (leash_conn_write_all (ends.accepted, fixture->ctx, "data", 4, NULL, NULL));
  sleeper_join (&reader);
  g_assert_no_error (reader.error);
  g_assert_cmpint (reader.n, ==, 4);
}

static void
test_deadline_by_fake_clock (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (LeashClock) clock = leash_clock_new_fake (1000);
  g_autoptr (LeashContext) ctx = leash_context_with_clock (fixture->ctx, clock);
  g_auto (Ends) ends = connect_ends (ctx, TCP);
  Sleeper reader = { .func = sleep_reading, .ctx = ctx, .subject = ends.dialled };
  g_autoptr (GError) error = NULL;
  char byte;

  leash_conn_set_read_deadline (ends.dialled, 2000);
  sleeper_start (&reader);
  leash_clock_advance (clock, 999);
  wait_until (is_asleep (g_atomic_int_get (&reader.tid)));
  leash_clock_advance (clock, 1);
  sleeper_join (&reader);
  assert_io_error (reader.error, G_IO_ERROR_TIMED_OUT, "deadline for reading");
  g_assert_cmpint (leash_conn_read (ends.dialled, ctx, &byte, 1, &error), ==, -1);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
}

/* Which one is told when the context ends as well. */
static void
test_context_comes_first (Fixture *fixture, gconstpointer hangs)
{
  g_autoptr (LeashContext) ctx = leash_context_with_timeout (fixture->ctx, 10 * G_TIME_SPAN_MILLISECOND);
  g_auto (Ends) ends = connect_or_hang (fixture->ctx, hangs);
  g_autoptr (GError) error = NULL;
  char byte;

  leash_conn_set_read_deadline (ends.dialled, now () + G_TIME_SPAN_HOUR);
  g_assert_cmpint (leash_conn_read (ends.dialled, ctx, &byte, 1, &error), ==, -1);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
  g_assert_null (strstr (error->message, "the connection's deadline"));
}

static void
test_deadlines_race (Fixture *fixture, gconstpointer hangs)
{
  for (guint i = 0; i < 200; i++)
    {
      g_auto (Ends) ends = connect_or_hang (fixture->ctx, hangs);
      Sleeper reader = { .func = sleep_reading, .ctx = fixture->ctx, .subject = ends.dialled };

      reader.thread = g_thread_new ("reader", run_sleeper, &reader);
      leash_conn_set_read_deadline (ends.dialled, now () + G_TIME_SPAN_HOUR);
      leash_conn_set_read_deadline (ends.dialled, now ());
      sleeper_join (&reader);
      assert_io_error (reader.error, G_IO_ERROR_TIMED_OUT, "deadline for reading");
    }
}

static void
test_waiting_is_no_resource (Fixture *fixture, gconstpointer unused)
{
  g_auto (Ends) ends = connect_ends (leash_context_background (), TCP);
  Sleeper reader = { .func = sleep_reading, .ctx = fixture->ctx, .subject = ends.dialled };

  sleeper_start (&reader);
  g_assert_cmpuint (leash_tracker_count_open (fixture->tracker), ==, 0);
  g_assert_true (leash_conn_close (ends.dialled, NULL));
  sleeper_join (&reader);
  g_clear_error (&reader.error);
}

static void
test_closed_while_hanging (Fixture *fixture, gconstpointer unused)
{
  g_auto (Ends) ends = connect_or_hang (fixture->ctx, GINT_TO_POINTER (TRUE));
  Sleeper reader = { .func = sleep_reading, .ctx = fixture->ctx, .subject = ends.dialled };

  sleeper_start (&reader);
  g_assert_true (leash_conn_close (ends.dialled, NULL));
  sleeper_join (&reader);
  assert_io_error (reader.error, G_IO_ERROR_CLOSED, "it was closed in another thread");
}

/* Several places */

static void
test_writev (Fixture *fixture, gconstpointer unused)
{
  g_auto (Ends) ends = connect_ends (fixture->ctx, TCP);
  const GOutputVector vectors[] = { { "", 0 }, { "one ", 4 }, { NULL, 0 }, { "two ", 4 }, { "three", 5 } };
  const GOutputVector empty[] = { { "", 0 }, { "", 0 } };
  g_autoptr (GError) error = NULL;
  char buffer[16];

  g_assert_cmpint (leash_conn_writev (ends.dialled, fixture->ctx, vectors, 5, &error), ==, 13);
  g_assert_true (leash_conn_read_all (ends.accepted, fixture->ctx, buffer, 13, NULL, &error));
  g_assert_cmpmem (buffer, 13, "one two three", 13);
  g_assert_cmpint (leash_conn_writev (ends.dialled, fixture->ctx, empty, 2, &error), ==, 0);
  g_assert_cmpint (leash_conn_writev (ends.dialled, fixture->ctx, NULL, 0, &error), ==, 0);
  g_assert_no_error (error);
}

#define N_PIECES (3 * IOV_MAX)
#define PIECE 1000

static void
read_pieces (Sleeper *sleeper)
{
  g_autofree char *bytes = g_malloc ((gsize) N_PIECES * PIECE);

  g_assert_true (leash_conn_read_all (sleeper->subject, sleeper->ctx, bytes, (gsize) N_PIECES * PIECE, NULL,
                                      &sleeper->error));
  for (gsize i = 0; i < (gsize) N_PIECES * PIECE; i++)
    g_assert_cmpint (bytes[i], ==, (char) (i / PIECE % 100));
}

/* More pieces than the kernel takes at once, and more bytes than it has room for. */
static void
test_writev_all (Fixture *fixture, gconstpointer unused)
{
  g_auto (Ends) ends = connect_ends (fixture->ctx, TCP);
  g_autofree GOutputVector *vectors = g_new0 (GOutputVector, N_PIECES);
  g_autofree char *bytes = g_malloc ((gsize) 100 * PIECE);
  Sleeper reader = { .func = read_pieces, .ctx = fixture->ctx, .subject = ends.accepted };
  g_autoptr (GError) error = NULL;
  gsize n;

  for (guint i = 0; i < 100 * PIECE; i++)
    bytes[i] = (char) (i / PIECE);
  for (guint i = 0; i < N_PIECES; i++)
    vectors[i] = (GOutputVector){ bytes + (gsize) (i % 100) * PIECE, PIECE };
  reader.thread = g_thread_new ("reader", run_sleeper, &reader);
  g_assert_true (leash_conn_writev_all (ends.dialled, fixture->ctx, vectors, N_PIECES, &n, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (n, ==, (gsize) N_PIECES * PIECE);
  sleeper_join (&reader);
}

static void
test_writev_all_fails (Fixture *fixture, gconstpointer unused)
{
  g_auto (Ends) ends = connect_ends (fixture->ctx, TCP);
  GOutputVector vectors[] = { { "one ", 4 }, { "two ", 4 } };
  g_autoptr (GError) error = NULL;
  gsize n = 99;

  leash_conn_set_write_deadline (ends.dialled, 0);
  g_assert_false (leash_conn_writev_all (ends.dialled, fixture->ctx, vectors, 2, &n, &error));
  assert_io_error (error, G_IO_ERROR_TIMED_OUT, "Writing to “");
  g_assert_cmpuint (n, ==, 0);
}

static gssize
put_write (gpointer impl, LeashContext *ctx, const void *buffer, gsize count, GError **error)
{
  g_string_append_len (impl, buffer, (gssize) count);
  return (gssize) count;
}

static const LeashConnOps put_ops
    = { .size = sizeof (LeashConnOps), .write = put_write, .close = hang_close };

static void
test_impl_is_told_by_its_operations (Fixture *fixture, gconstpointer unused)
{
  char impl;
  g_autoptr (LeashConn) conn = leash_conn_new (&put_ops, &impl, NULL, NULL, "there");

  g_assert_true (leash_conn_get_impl (conn, &put_ops) == &impl);
  g_assert_null (leash_conn_get_impl (conn, &hang_ops));
}

static void
test_writev_without_operation (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (GString) written = g_string_new (NULL);
  g_autoptr (LeashConn) conn = leash_conn_new (&put_ops, written, NULL, NULL, "there");
  GOutputVector vectors[] = { { "", 0 }, { "one ", 4 }, { "two", 3 } };

  g_assert_cmpint (leash_conn_writev (conn, fixture->ctx, vectors, 3, NULL), ==, 4);
  g_assert_true (leash_conn_writev_all (conn, fixture->ctx, vectors, 3, NULL, NULL));
  g_assert_cmpstr (written->str, ==, "one one two");
}

static void
test_read_to_end (Fixture *fixture, gconstpointer unused)
{
  g_auto (Ends) ends = connect_ends (fixture->ctx, TCP);
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) bytes = NULL;

  g_assert_true (leash_conn_write_all (ends.dialled, fixture->ctx, "all of it", 9, NULL, &error));
  g_assert_true (leash_conn_shutdown (ends.dialled, FALSE, TRUE, &error));
  bytes = leash_conn_read_to_end (ends.accepted, fixture->ctx, 9, &error);
  g_assert_no_error (error);
  g_assert_cmpmem (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes), "all of it", 9);
  g_assert_true (leash_conn_write_all (ends.accepted, fixture->ctx, "too much", 8, NULL, &error));
  g_assert_true (leash_conn_close (ends.accepted, &error));
  g_assert_null (leash_conn_read_to_end (ends.dialled, fixture->ctx, 7, &error));
  assert_io_error (error, G_IO_ERROR_MESSAGE_TOO_LARGE, "Reading from “", "more than 7 bytes");
}

/* Descriptors and credentials */

static Ends
connect_local (Fixture *fixture)
{
  g_autofree char *address = g_strconcat ("unix:", fixture->dir, "/socket", NULL);

  return connect_ends (fixture->ctx, address);
}

static gboolean
is_same_file (int a, int b)
{
  struct stat one, other;

  return fstat (a, &one) == 0 && fstat (b, &other) == 0 && one.st_dev == other.st_dev
         && one.st_ino == other.st_ino;
}

static void
test_fds (Fixture *fixture, gconstpointer unused)
{
  g_auto (Ends) ends = connect_local (fixture);
  g_autoptr (GError) error = NULL;
  int fds[2], came[3] = { -1, -1, -1 };
  guint n_came = 99;
  char buffer[8];

  g_assert_cmpint (pipe2 (fds, O_CLOEXEC), ==, 0);
  g_assert_cmpint (leash_conn_send_fds (ends.dialled, fixture->ctx, "take", 4, fds, 2, &error), ==, 4);
  g_assert_cmpint (leash_conn_write (ends.dialled, fixture->ctx, "none", 4, &error), ==, 4);
  g_assert_cmpint (leash_conn_receive_fds (ends.accepted, fixture->ctx, buffer, 4, came, 3, &n_came, &error),
                   ==, 4);
  g_assert_no_error (error);
  g_assert_cmpmem (buffer, 4, "take", 4);
  g_assert_cmpuint (n_came, ==, 2);
  for (guint i = 0; i < 2; i++)
    {
      g_assert_true (is_same_file (came[i], fds[i]));
      g_assert_cmpint (fcntl (came[i], F_GETFD) & FD_CLOEXEC, !=, 0);
      close (came[i]);
      close (fds[i]);
    }
  g_assert_cmpint (leash_conn_receive_fds (ends.accepted, fixture->ctx, buffer, 8, came, 3, &n_came, &error),
                   ==, 4);
  g_assert_cmpuint (n_came, ==, 0);
}

static void
test_fds_without_room (Fixture *fixture, gconstpointer unused)
{
  g_auto (Ends) ends = connect_local (fixture);
  const int fds[] = { 0, 1, 2 };
  g_autoptr (GError) error = NULL;
  int came;
  guint n_came = 99, n_fds = count_fds ();
  char buffer[8];

  g_assert_cmpint (leash_conn_send_fds (ends.dialled, fixture->ctx, "take", 4, fds, 3, &error), ==, 4);
  g_assert_cmpint (leash_conn_receive_fds (ends.accepted, fixture->ctx, buffer, 8, &came, 1, &n_came, &error),
                   ==, -1);
  assert_io_error (error, G_IO_ERROR_NO_SPACE, "Receiving descriptors from “",
                   "3 descriptors came, and there is room for 1");
  g_assert_cmpuint (n_came, ==, 0);
  g_assert_cmpint (leash_conn_send_fds (ends.dialled, fixture->ctx, "take", 4, fds, 3, &error), ==, 4);
  g_assert_cmpint (leash_conn_read (ends.accepted, fixture->ctx, buffer, 8, &error), ==, 4);
  g_assert_cmpuint (count_fds (), ==, n_fds);
}

static void
test_too_many_fds (Fixture *fixture, gconstpointer unused)
{
  g_auto (Ends) ends = connect_local (fixture);
  g_autoptr (GError) error = NULL;
  int fds[254] = { 0 };

  g_assert_cmpint (leash_conn_send_fds (ends.dialled, fixture->ctx, "x", 1, fds, 254, &error), ==, -1);
  assert_io_error (error, G_IO_ERROR_INVALID_ARGUMENT, "Sending descriptors to “", "254 descriptors");
  fds[0] = 123456;
  g_assert_cmpint (leash_conn_send_fds (ends.dialled, fixture->ctx, "x", 1, fds, 1, &error), ==, -1);
  assert_io_error (error, G_IO_ERROR_FAILED, "Sending descriptors to “", g_strerror (EBADF));
}

static void
receive (Sleeper *sleeper)
{
  char buffer[8];
  int came;
  guint n_came;

  sleeper->n = leash_conn_receive_fds (sleeper->subject, sleeper->ctx, buffer, sizeof buffer, &came, 1,
                                       &n_came, &sleeper->error);
}

static void
test_fds_wait (Fixture *fixture, gconstpointer unused)
{
  g_auto (Ends) ends = connect_local (fixture);
  Sleeper receiver = { .func = receive, .ctx = fixture->ctx, .subject = ends.accepted };

  sleeper_start (&receiver);
  leash_conn_set_read_deadline (ends.accepted, 0);
  sleeper_join (&receiver);
  assert_io_error (receiver.error, G_IO_ERROR_TIMED_OUT, "Receiving descriptors from “");
}

/* Regression: it was told as the peer's end. */
static void
test_fds_closed (Fixture *fixture, gconstpointer unused)
{
  g_auto (Ends) ends = connect_local (fixture);
  Sleeper receiver = { .func = receive, .ctx = fixture->ctx, .subject = ends.accepted };

  sleeper_start (&receiver);
  g_assert_true (leash_conn_close (ends.accepted, NULL));
  sleeper_join (&receiver);
  g_assert_cmpint (receiver.n, ==, -1);
  assert_io_error (receiver.error, G_IO_ERROR_CLOSED, "closed in another thread");
}

static void
test_credentials (Fixture *fixture, gconstpointer unused)
{
  g_auto (Ends) ends = connect_local (fixture);
  g_autoptr (GError) error = NULL;
  g_autoptr (GCredentials) credentials = leash_conn_get_peer_credentials (ends.accepted, &error);

  g_assert_no_error (error);
  g_assert_cmpint (g_credentials_get_unix_pid (credentials, &error), ==, getpid ());
  g_assert_cmpuint (g_credentials_get_unix_user (credentials, &error), ==, getuid ());
  g_assert_no_error (error);
}

static void
test_only_local (Fixture *fixture, gconstpointer unused)
{
  g_auto (Ends) ends = connect_ends (fixture->ctx, TCP);
  g_autoptr (GError) error = NULL;
  int fd = 0;
  guint n = 99;
  char byte = 'x';

  g_assert_null (leash_conn_get_peer_credentials (ends.dialled, &error));
  assert_io_error (error, G_IO_ERROR_NOT_SUPPORTED, "Asking for the credentials of “tcp:");
  g_assert_cmpint (leash_conn_send_fds (ends.dialled, fixture->ctx, "x", 1, &fd, 1, &error), ==, -1);
  assert_io_error (error, G_IO_ERROR_NOT_SUPPORTED, "Sending descriptors to “tcp:");
  g_assert_cmpint (leash_conn_receive_fds (ends.dialled, fixture->ctx, &byte, 1, &fd, 1, &n, &error), ==, -1);
  assert_io_error (error, G_IO_ERROR_NOT_SUPPORTED, "Receiving descriptors from “tcp:");
  g_assert_cmpuint (n, ==, 0);
}

/* Closing with an error */

static void
test_close_with_error (Fixture *fixture, gconstpointer unused)
{
  g_auto (Ends) ends = connect_ends (fixture->ctx, TCP);
  g_autoptr (GError) cause
      = g_error_new_literal (G_IO_ERROR, G_IO_ERROR_INVALID_DATA, "the peer talks nonsense");
  g_autoptr (GError) error = NULL;
  Sleeper mine = { .func = sleep_reading, .ctx = fixture->ctx, .subject = ends.dialled };
  Sleeper peer = { .func = sleep_reading, .ctx = fixture->ctx, .subject = ends.accepted };

  sleeper_start (&mine);
  sleeper_start (&peer);
  g_assert_true (leash_conn_close_with_error (ends.dialled, cause, &error));
  g_assert_no_error (error);
  sleeper_join (&mine);
  assert_io_error (mine.error, G_IO_ERROR_CLOSED, "Reading from “", "it was closed: the peer talks nonsense");
  sleeper_join (&peer);
  assert_io_error (peer.error, G_IO_ERROR_CONNECTION_CLOSED, "Reading from “", g_strerror (ECONNRESET));
  g_assert_false (leash_conn_close_with_error (ends.dialled, cause, &error));
  assert_io_error (error, G_IO_ERROR_CLOSED, "Closing “");
  fixture->n_misuses = 1;
}

/* Nobody waits, and the peer is told all the same. */
static void
test_close_with_error_alone (Fixture *fixture, gconstpointer unused)
{
  g_auto (Ends) ends = connect_ends (fixture->ctx, TCP);
  g_autoptr (GError) cause = g_error_new_literal (G_IO_ERROR, G_IO_ERROR_FAILED, "no more of this");
  g_autoptr (GError) error = NULL;
  char byte;

  g_assert_true (leash_conn_close_with_error (ends.dialled, cause, &error));
  g_assert_cmpint (leash_conn_read (ends.accepted, fixture->ctx, &byte, 1, &error), ==, -1);
  assert_io_error (error, G_IO_ERROR_CONNECTION_CLOSED, g_strerror (ECONNRESET));
}

/* A local socket cannot be reset: what was written comes, and then the end, or a reset where data was unread.
 */
static void
test_close_with_error_locally (Fixture *fixture, gconstpointer unused)
{
  g_autofree char *address = g_strconcat ("unix:", fixture->dir, "/socket", NULL);
  g_autoptr (GError) cause = g_error_new_literal (G_IO_ERROR, G_IO_ERROR_FAILED, "no more of this");
  g_autoptr (GError) error = NULL;
  char bytes[8];

  for (int has_unread = 0; has_unread < 2; has_unread++)
    {
      g_auto (Ends) ends = connect_ends (fixture->ctx, address);

      if (has_unread)
        g_assert_true (leash_conn_write_all (ends.accepted, fixture->ctx, "x", 1, NULL, NULL));
      g_assert_true (leash_conn_write_all (ends.dialled, fixture->ctx, "last", 4, NULL, NULL));
      g_assert_true (leash_conn_close_with_error (ends.dialled, cause, &error));
      g_assert_cmpint (leash_conn_read (ends.accepted, fixture->ctx, bytes, 8, &error), ==, 4);
      g_assert_cmpint (leash_conn_read (ends.accepted, fixture->ctx, bytes, 8, &error), ==,
                       has_unread ? -1 : 0);
      if (has_unread)
        assert_io_error (error, G_IO_ERROR_CONNECTION_CLOSED, g_strerror (ECONNRESET));
      g_assert_no_error (error);
    }
}

int
main (int argc, char **argv)
{
  static const struct
  {
    const char *name;
    void (*func) (Fixture *fixture, gconstpointer hangs);
  } both[] = {
    { "comes", test_deadline_comes },
    { "is-set-meanwhile", test_deadline_is_set_meanwhile },
    { "of-the-context-comes-first", test_context_comes_first },
    { "set-in-another-thread-is-never-missed", test_deadlines_race },
  };

  g_test_init (&argc, &argv, NULL);
  warm_up ();
  for (guint i = 0; i < G_N_ELEMENTS (both); i++)
    {
      g_autofree char *socket = g_strconcat ("/net/conn/deadline/", both[i].name, "/socket", NULL);
      g_autofree char *hanging = g_strconcat ("/net/conn/deadline/", both[i].name, "/waits-by-itself", NULL);

      g_test_add (socket, Fixture, GINT_TO_POINTER (FALSE), set_up, both[i].func, tear_down);
      g_test_add (hanging, Fixture, GINT_TO_POINTER (TRUE), set_up, both[i].func, tear_down);
    }
  ADD ("/net/conn/deadline/behind-it-nothing-is-done", test_past_deadline);
  ADD ("/net/conn/deadline/is-put-off", test_deadline_is_put_off);
  ADD ("/net/conn/deadline/by-a-fake-clock", test_deadline_by_fake_clock);
  ADD ("/net/conn/waiting-is-no-resource", test_waiting_is_no_resource);
  ADD ("/net/conn/closed-while-it-waits-by-itself", test_closed_while_hanging);
  ADD ("/net/conn/writev", test_writev);
  ADD ("/net/conn/writev-all", test_writev_all);
  ADD ("/net/conn/writev-all-fails", test_writev_all_fails);
  ADD ("/net/conn/impl-is-told-by-its-operations", test_impl_is_told_by_its_operations);
  ADD ("/net/conn/writev-without-an-operation", test_writev_without_operation);
  ADD ("/net/conn/read-to-the-end", test_read_to_end);
  ADD ("/net/conn/descriptors", test_fds);
  ADD ("/net/conn/descriptors-without-room-are-closed", test_fds_without_room);
  ADD ("/net/conn/descriptors-too-many-or-bad", test_too_many_fds);
  ADD ("/net/conn/descriptors-are-waited-for-until-the-deadline", test_fds_wait);
  ADD ("/net/conn/descriptors-are-waited-for-until-the-close", test_fds_closed);
  ADD ("/net/conn/credentials", test_credentials);
  ADD ("/net/conn/descriptors-and-credentials-are-local", test_only_local);
  ADD ("/net/conn/close-with-error", test_close_with_error);
  ADD ("/net/conn/close-with-error-when-nobody-waits", test_close_with_error_alone);
  ADD ("/net/conn/close-with-error-over-a-local-socket", test_close_with_error_locally);
  return g_test_run ();
}
