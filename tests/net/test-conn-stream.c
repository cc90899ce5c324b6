/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Connections of GIO's streams. What holds for connections of any kind is tested by the conformance suite,
 * which runs on both kinds of streams; here is what is peculiar to them.
 */
#include "net-fixture.h"

#include <fcntl.h>
#include <gio/gunixinputstream.h>
#include <gio/gunixoutputstream.h>
#include <glib-unix.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>

/* Connections of streams */

/* One end of a pair of local sockets, as GIO has it. The other one is *ret_fd. */
static GIOStream *
make_socket_stream (int *ret_fd)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GSocket) socket = NULL;
  int fds[2];

  g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
  socket = g_socket_new_from_fd (fds[0], &error);
  g_assert_no_error (error);
  *ret_fd = fds[1];
  return G_IO_STREAM (g_socket_connection_factory_create_connection (socket));
}

/* A stream that reads from one pipe and writes to another, whose other ends are ret_fds. */
static GIOStream *
make_pipe_stream (int ret_fds[2])
{
  g_autoptr (GInputStream) input = NULL;
  g_autoptr (GOutputStream) output = NULL;
  int in[2], out[2];

  g_assert_true (g_unix_open_pipe (in, FD_CLOEXEC, NULL));
  g_assert_true (g_unix_open_pipe (out, FD_CLOEXEC, NULL));
  input = g_unix_input_stream_new (in[0], TRUE);
  output = g_unix_output_stream_new (out[1], TRUE);
  ret_fds[0] = in[1];
  ret_fds[1] = out[0];
  return g_simple_io_stream_new (input, output);
}

/* Takes the stream over. */
static G_NO_INLINE LeashConn *
conn_of (LeashContext *ctx, GIOStream *stream)
{
  g_autoptr (GError) error = NULL;
  LeashConn *conn = leash_conn_new_from_stream (ctx, stream, "there", &error);

  g_assert_no_error (error);
  g_object_unref (stream);
  return conn;
}

static void
test_conn_is_tracked (Fixture *fixture, gconstpointer unused)
{
  int peer;
  GIOStream *stream = make_socket_stream (&peer);
  LeashConn *conn = conn_of (fixture->ctx, g_object_ref (stream));
  g_autoptr (GError) error = NULL;

  if (leash_has_tracking ())
    assert_only_open (fixture->tracker, "conn", "there", conn_of);
  g_assert_cmpint (leash_conn_get_fd (conn), >=, 0);
  g_assert_true (leash_conn_close (conn, &error));
  g_assert_no_error (error);
  g_assert_true (g_io_stream_is_closed (stream));
  g_assert_cmpuint (leash_tracker_count_open (fixture->tracker), ==, 0);
  leash_conn_unref (conn);
  g_object_unref (stream);
  close (peer);
}

static void
test_conn_of_closed_stream (Fixture *fixture, gconstpointer unused)
{
  int peer;
  g_autoptr (GIOStream) stream = make_socket_stream (&peer);
  g_autoptr (GError) error = NULL;

  g_assert_true (g_io_stream_close (stream, NULL, &error));
  g_assert_null (leash_conn_new_from_stream (fixture->ctx, stream, "there", &error));
  assert_io_error (error, G_IO_ERROR_CLOSED, "Making a connection of “there”: the stream is closed");
  close (peer);
}

static void
test_conn_of_socket (Fixture *fixture, gconstpointer unused)
{
  int peer;
  g_autoptr (LeashConn) conn = conn_of (fixture->ctx, make_socket_stream (&peer));
  g_autoptr (GError) error = NULL;
  char bytes[8];

  g_assert_true (leash_conn_write_all (conn, fixture->ctx, "ping", 4, NULL, &error));
  g_assert_cmpint (read (peer, bytes, sizeof bytes), ==, 4);
  g_assert_true (leash_conn_shutdown (conn, FALSE, TRUE, &error));
  g_assert_cmpint (read (peer, bytes, sizeof bytes), ==, 0);
  g_assert_cmpint (write (peer, "pong", 4), ==, 4);
  g_assert_true (leash_conn_read_all (conn, fixture->ctx, bytes, 4, NULL, &error));
  close (peer);
  g_assert_cmpint (leash_conn_read (conn, fixture->ctx, bytes, sizeof bytes, &error), ==, 0);
  g_assert_no_error (error);
}

/* Two descriptors, and none of them the connection's. The peer of the one that is closed finds the end. */
static void
test_conn_of_pipes (Fixture *fixture, gconstpointer unused)
{
  int peers[2];
  g_autoptr (LeashConn) conn = conn_of (fixture->ctx, make_pipe_stream (peers));
  g_autoptr (GError) error = NULL;
  char bytes[8];

  g_assert_cmpint (leash_conn_get_fd (conn), ==, -1);
  g_assert_cmpint (write (peers[0], "ping", 4), ==, 4);
  g_assert_true (leash_conn_read_all (conn, fixture->ctx, bytes, 4, NULL, &error));
  g_assert_true (leash_conn_write_all (conn, fixture->ctx, "pong", 4, NULL, &error));
  g_assert_true (leash_conn_shutdown (conn, FALSE, TRUE, &error));
  g_assert_cmpint (read (peers[1], bytes, sizeof bytes), ==, 4);
  g_assert_cmpint (read (peers[1], bytes, sizeof bytes), ==, 0);
  g_assert_cmpint (leash_conn_write (conn, fixture->ctx, "x", 1, &error), ==, -1);
  assert_io_error (error, G_IO_ERROR_BROKEN_PIPE, "Writing to “there”: writing was shut down");
  g_assert_true (leash_conn_shutdown (conn, TRUE, FALSE, &error));
  g_assert_cmpint (leash_conn_read (conn, fixture->ctx, bytes, sizeof bytes, &error), ==, 0);
  g_assert_no_error (error);
  close (peers[0]);
  close (peers[1]);
}

static GIOStream *
make_any_stream (gconstpointer is_pipe, int ret_peers[2])
{
  ret_peers[1] = -1;
  return is_pipe != NULL ? make_pipe_stream (ret_peers) : make_socket_stream (&ret_peers[0]);
}

static void
close_any (const int peers[2])
{
  close (peers[0]);
  if (peers[1] >= 0)
    close (peers[1]);
}

/* In one piece, of a stream that can: a pipe's peer may read as soon as there is something. */
static void
test_conn_writes_pieces (Fixture *fixture, gconstpointer is_pipe)
{
  GOutputVector pieces[] = { { "one ", 4 }, { "two ", 4 }, { "three", 5 } };
  int peers[2];
  g_autoptr (LeashConn) conn = conn_of (fixture->ctx, make_any_stream (is_pipe, peers));
  g_autoptr (GError) error = NULL;
  char bytes[16];

  g_assert_cmpint (leash_conn_writev (conn, fixture->ctx, pieces, G_N_ELEMENTS (pieces), &error), ==, 13);
  g_assert_no_error (error);
  g_assert_cmpint (read (is_pipe != NULL ? peers[1] : peers[0], bytes, sizeof bytes), ==, 13);
  g_assert_cmpmem (bytes, 13, "one two three", 13);
  close_any (peers);
}

static void
test_conn_passes_descriptors (Fixture *fixture, gconstpointer unused)
{
  int peer, came = -1, zero = open ("/dev/zero", O_RDONLY | O_CLOEXEC);
  g_autoptr (LeashConn) conn = conn_of (fixture->ctx, make_socket_stream (&peer));
  g_autofree char *address = g_strdup_printf ("fd:%d", peer);
  g_autoptr (LeashConn) other = dial (fixture->ctx, address);
  g_autoptr (GCredentials) credentials = NULL;
  g_autoptr (GError) error = NULL;
  guint n_came = 0;
  char bytes[4] = "full";

  g_assert_cmpint (leash_conn_send_fds (conn, fixture->ctx, "x", 1, &zero, 1, &error), ==, 1);
  g_assert_no_error (error);
  g_assert_cmpint (leash_conn_receive_fds (other, fixture->ctx, bytes, 1, &came, 1, &n_came, &error), ==, 1);
  g_assert_cmpuint (n_came, ==, 1);
  g_assert_cmpint (leash_conn_send_fds (other, fixture->ctx, "y", 1, &came, 1, &error), ==, 1);
  close (came);
  g_assert_cmpint (leash_conn_receive_fds (conn, fixture->ctx, bytes, 1, &came, 1, &n_came, &error), ==, 1);
  g_assert_no_error (error);
  g_assert_cmpint (read (came, bytes, 4), ==, 4);
  g_assert_cmpmem (bytes, 4, "\0\0\0\0", 4);
  credentials = leash_conn_get_peer_credentials (conn, &error);
  g_assert_no_error (error);
  g_assert_cmpint (g_credentials_get_unix_pid (credentials, NULL), ==, getpid ());
  close (came);
  close (zero);
}

/* Descriptors wait for room, and for what comes, as bytes do. */
static void
sleep_receiving (Sleeper *sleeper)
{
  guint n_came;
  char byte;
  int fd;

  sleeper->n
      = leash_conn_receive_fds (sleeper->subject, sleeper->ctx, &byte, 1, &fd, 1, &n_came, &sleeper->error);
}

static void
test_conn_waits_for_descriptors (Fixture *fixture, gconstpointer unused)
{
  int peer;
  g_autoptr (LeashConn) conn = conn_of (fixture->ctx, make_socket_stream (&peer));
  Sleeper receiver = { .func = sleep_receiving, .ctx = fixture->ctx, .subject = conn };

  sleeper_start (&receiver);
  leash_conn_set_read_deadline (conn, 0);
  sleeper_join (&receiver);
  g_assert_cmpint (receiver.n, ==, -1);
  assert_io_error (receiver.error, G_IO_ERROR_TIMED_OUT, "Receiving descriptors from “there”");
  close (peer);
}

/* What only local sockets can do. */
static void
assert_passes_nothing (LeashConn *conn, LeashContext *ctx)
{
  g_autoptr (GError) error = NULL;
  guint n_came;
  char byte;
  int fd = 0;

  g_assert_cmpint (leash_conn_send_fds (conn, ctx, "x", 1, &fd, 1, &error), ==, -1);
  assert_io_error (error, G_IO_ERROR_NOT_SUPPORTED, "Sending descriptors to “");
  g_assert_cmpint (leash_conn_receive_fds (conn, ctx, &byte, 1, &fd, 1, &n_came, &error), ==, -1);
  assert_io_error (error, G_IO_ERROR_NOT_SUPPORTED, "Receiving descriptors from “");
  g_assert_null (leash_conn_get_peer_credentials (conn, &error));
  assert_io_error (error, G_IO_ERROR_NOT_SUPPORTED, "Asking for the credentials of “");
}

static void
test_conn_of_pipes_passes_nothing (Fixture *fixture, gconstpointer unused)
{
  int peers[2];
  g_autoptr (LeashConn) conn = conn_of (fixture->ctx, make_pipe_stream (peers));
  g_autoptr (GError) cause = g_error_new_literal (G_IO_ERROR, G_IO_ERROR_FAILED, "no more");
  g_autoptr (GError) error = NULL;
  char byte;

  assert_passes_nothing (conn, fixture->ctx);
  g_assert_true (leash_conn_close_with_error (conn, cause, &error));
  g_assert_no_error (error);
  g_assert_cmpint (read (peers[1], &byte, 1), ==, 0);
  close_any (peers);
}

/* One that GIO has connected over TCP. */
static GIOStream *
make_tcp_stream (LeashListener *listener)
{
  const char *port = strrchr (leash_listener_get_address (listener), ':') + 1;
  guint16 number = (guint16) g_ascii_strtoull (port, NULL, 10);
  g_autoptr (GSocketAddress) address = g_inet_socket_address_new_from_string ("127.0.0.1", number);
  g_autoptr (GError) error = NULL;
  g_autoptr (GSocket) socket
      = g_socket_new (G_SOCKET_FAMILY_IPV4, G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_TCP, &error);

  g_assert_no_error (error);
  g_assert_true (g_socket_connect (socket, address, NULL, &error));
  return G_IO_STREAM (g_socket_connection_factory_create_connection (socket));
}

static void
test_conn_of_tcp_keepalive (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (LeashListener) listener = start_listening (fixture->ctx, TCP);
  g_autoptr (LeashConn) conn = conn_of (fixture->ctx, make_tcp_stream (listener));
  int peer, is_on = 0;
  g_autoptr (LeashConn) local = conn_of (fixture->ctx, make_socket_stream (&peer));
  socklen_t size = sizeof is_on;
  g_autoptr (GError) error = NULL;

  g_assert_true (leash_conn_set_keepalive (conn, G_TIME_SPAN_SECOND, &error));
  g_assert_no_error (error);
  g_assert_cmpint (getsockopt (leash_conn_get_fd (conn), SOL_SOCKET, SO_KEEPALIVE, &is_on, &size), ==, 0);
  g_assert_true (is_on);
  g_assert_false (leash_conn_set_keepalive (local, G_TIME_SPAN_SECOND, &error));
  assert_io_error (error, G_IO_ERROR_NOT_SUPPORTED, "Setting the keepalive of “there”");
  close (peer);
}

static void
test_conn_of_tcp_resets (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (LeashListener) listener = start_listening (fixture->ctx, TCP);
  g_autoptr (GError) cause = g_error_new_literal (G_IO_ERROR, G_IO_ERROR_FAILED, "no more");
  g_autoptr (GError) error = NULL;
  g_autoptr (LeashConn) conn = conn_of (fixture->ctx, make_tcp_stream (listener));
  g_autoptr (LeashConn) accepted = accept_one (listener, fixture->ctx);
  char byte;

  assert_passes_nothing (conn, fixture->ctx);
  g_assert_true (leash_conn_close_with_error (conn, cause, &error));
  g_assert_no_error (error);
  g_assert_cmpint (leash_conn_read (accepted, fixture->ctx, &byte, 1, &error), ==, -1);
  assert_io_error (error, G_IO_ERROR_CONNECTION_CLOSED, "Reading from “");
}

/* A pipe, by write(), whose SIGPIPE ends the program where it is not held off. */
static void
assert_nobody_reads (gboolean done, GError **error)
{
  g_assert_false (done);
  g_assert_error (*error, G_IO_ERROR, G_IO_ERROR_BROKEN_PIPE);
  g_clear_error (error);
}

/* What is held back is written by the close. */
static GIOStream *
hold_back (GIOStream *stream)
{
  g_autoptr (GOutputStream) buffered = g_buffered_output_stream_new (g_io_stream_get_output_stream (stream));
  GIOStream *both = g_simple_io_stream_new (g_io_stream_get_input_stream (stream), buffered);

  g_object_set_data_full (G_OBJECT (both), "whole", stream, g_object_unref);
  return both;
}

static void
write_until_told (LeashConn *conn, LeashContext *ctx)
{
  GOutputVector pieces[] = { { "a", 1 }, { "b", 1 } };
  g_autoptr (GError) error = NULL;

  assert_nobody_reads (leash_conn_write (conn, ctx, "x", 1, &error) > 0, &error);
  assert_nobody_reads (leash_conn_writev (conn, ctx, pieces, 2, &error) > 0, &error);
}

/* Ends with 0 unless a signal is faster; the parent's disposition may be to ignore it. */
static void
write_to_nobody (LeashContext *ctx)
{
  int peers[2];
  g_autoptr (LeashConn) conn = conn_of (ctx, make_pipe_stream (peers));
  g_autoptr (LeashConn) held = NULL;
  g_autoptr (GError) error = NULL;

  close_any (peers);
  write_until_told (conn, ctx);
  for (int closes = 0; closes < 2; closes++)
    {
      g_clear_pointer (&held, leash_conn_unref);
      held = conn_of (ctx, hold_back (make_pipe_stream (peers)));
      close_any (peers);
      g_assert_true (leash_conn_write_all (held, ctx, "x", 1, NULL, &error));
      assert_nobody_reads (
          closes ? leash_conn_close (held, &error) : leash_conn_shutdown (held, FALSE, TRUE, &error), &error);
    }
}

static void
test_conn_without_sigpipe (Fixture *fixture, gconstpointer unused)
{
  pid_t child = fork ();
  int status;

  if (child == 0)
    {
      signal (SIGPIPE, SIG_DFL);
      write_to_nobody (fixture->ctx);
      _exit (0);
    }
  g_assert_cmpint (waitpid (child, &status, 0), ==, child);
  g_assert_cmpint (status, ==, 0);
}

static gboolean
is_sigpipe_pending (void)
{
  sigset_t pending;

  sigpending (&pending);
  return sigismember (&pending, SIGPIPE) == 1;
}

/* The program's mask, and one that waits for it, are as they were. */
static void
test_conn_leaves_sigpipe (Fixture *fixture, gconstpointer unused)
{
  const struct timespec at_once = { 0 };
  sigset_t sigpipe, before, after;

  pthread_sigmask (SIG_SETMASK, NULL, &before);
  write_to_nobody (fixture->ctx);
  pthread_sigmask (SIG_SETMASK, NULL, &after);
  g_assert_cmpint (sigismember (&after, SIGPIPE), ==, sigismember (&before, SIGPIPE));
  sigemptyset (&sigpipe);
  sigaddset (&sigpipe, SIGPIPE);
  pthread_sigmask (SIG_BLOCK, &sigpipe, NULL);
  write_to_nobody (fixture->ctx);
  g_assert_false (is_sigpipe_pending ());
  pthread_kill (pthread_self (), SIGPIPE);
  write_to_nobody (fixture->ctx);
  g_assert_true (is_sigpipe_pending ());
  g_assert_cmpint (sigtimedwait (&sigpipe, NULL, &at_once), ==, SIGPIPE);
  pthread_sigmask (SIG_SETMASK, &before, NULL);
}

static void
test_conn_deadline (Fixture *fixture, gconstpointer is_pipe)
{
  int peers[2];
  g_autoptr (LeashConn) conn = conn_of (fixture->ctx, make_any_stream (is_pipe, peers));
  Sleeper reader = { .func = sleep_reading, .ctx = fixture->ctx, .subject = conn };

  sleeper_start (&reader);
  leash_conn_set_read_deadline (conn, leash_clock_get_time (leash_clock_system ()) + 1000);
  sleeper_join (&reader);
  assert_io_error (reader.error, G_IO_ERROR_TIMED_OUT, "Reading from “there”: the connection's deadline");
  close_any (peers);
}

static void
test_conn_close_wakes (Fixture *fixture, gconstpointer is_pipe)
{
  int peers[2];
  g_autoptr (LeashConn) conn = conn_of (fixture->ctx, make_any_stream (is_pipe, peers));
  Sleeper reader = { .func = sleep_reading, .ctx = fixture->ctx, .subject = conn };
  Sleeper writer = { .func = sleep_writing, .ctx = fixture->ctx, .subject = conn };
  g_autoptr (GError) error = NULL;

  sleeper_start (&reader);
  sleeper_start (&writer);
  g_assert_true (leash_conn_close (conn, &error));
  g_assert_no_error (error);
  sleeper_join (&reader);
  sleeper_join (&writer);
  assert_io_error (reader.error, G_IO_ERROR_CLOSED, "Reading from “there”");
  assert_io_error (writer.error, G_IO_ERROR_CLOSED, "Writing to “there”");
  close_any (peers);
}

static void
test_conn_context_wakes (Fixture *fixture, gconstpointer is_pipe)
{
  int peers[2];
  g_autoptr (LeashContext) ctx = leash_context_with_cancel (fixture->ctx);
  g_autoptr (LeashConn) conn = conn_of (fixture->ctx, make_any_stream (is_pipe, peers));
  Sleeper reader = { .func = sleep_reading, .ctx = ctx, .subject = conn };
  Sleeper second = { .func = sleep_reading, .ctx = ctx, .subject = conn };

  sleeper_start (&reader);
  sleeper_start (&second);
  leash_context_cancel (ctx, NULL);
  sleeper_join (&reader);
  sleeper_join (&second);
  assert_io_error (reader.error, G_IO_ERROR_CANCELLED, "Reading from “there”");
  assert_io_error (second.error, G_IO_ERROR_CANCELLED, "Reading from “there”");
  close_any (peers);
}

static void
add_tests (void)
{
  ADD ("/conn-stream/conn/is-tracked", test_conn_is_tracked);
  ADD ("/conn-stream/conn/of-closed-stream", test_conn_of_closed_stream);
  ADD ("/conn-stream/conn/of-socket", test_conn_of_socket);
  ADD ("/conn-stream/conn/of-pipes", test_conn_of_pipes);
  ADD ("/conn-stream/conn/passes-descriptors-and-credentials", test_conn_passes_descriptors);
  ADD ("/conn-stream/conn/waits-for-descriptors", test_conn_waits_for_descriptors);
  ADD ("/conn-stream/conn/of-pipes-passes-nothing", test_conn_of_pipes_passes_nothing);
  ADD ("/conn-stream/conn/of-tcp-keepalive", test_conn_of_tcp_keepalive);
  ADD ("/conn-stream/conn/of-tcp-resets", test_conn_of_tcp_resets);
  ADD ("/conn-stream/conn/of-pipes-without-sigpipe", test_conn_without_sigpipe);
  ADD ("/conn-stream/conn/of-pipes-leaves-the-programs-sigpipe", test_conn_leaves_sigpipe);
  for (int is_pipe = 0; is_pipe < 2; is_pipe++)
    {
      gconstpointer kind = GINT_TO_POINTER (is_pipe);
      const char *name = is_pipe ? "pipes" : "socket";
      g_autofree char *deadline = g_strdup_printf ("/conn-stream/conn/deadline/%s", name);
      g_autofree char *closes = g_strdup_printf ("/conn-stream/conn/close-wakes/%s", name);
      g_autofree char *ctx = g_strdup_printf ("/conn-stream/conn/context-wakes/%s", name);
      g_autofree char *pieces = g_strdup_printf ("/conn-stream/conn/writes-pieces/%s", name);

      g_test_add (deadline, Fixture, kind, set_up, test_conn_deadline, tear_down);
      g_test_add (closes, Fixture, kind, set_up, test_conn_close_wakes, tear_down);
      g_test_add (ctx, Fixture, kind, set_up, test_conn_context_wakes, tear_down);
      g_test_add (pieces, Fixture, kind, set_up, test_conn_writes_pieces, tear_down);
    }
}

/* GLib's main context and its worker keep a descriptor each for as long as the process runs. */
static void
warm_up_gio (void)
{
  warm_up ();
  g_main_context_iteration (NULL, FALSE);
  g_object_unref (g_task_new (NULL, NULL, NULL, NULL));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  warm_up_gio ();
  add_tests ();
  return g_test_run ();
}
