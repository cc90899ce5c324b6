/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Descriptors that become connections and listeners, and those that do not and stay as they were. */
#include "net-fixture.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/un.h>

static char *
fd_address (int fd)
{
  return g_strdup_printf ("fd:%d", fd);
}

static void
assert_adopted (LeashConn *conn, int fd)
{
  g_assert_cmpint (leash_conn_get_fd (conn), ==, fd);
  g_assert_cmpint (fcntl (fd, F_GETFD) & FD_CLOEXEC, ==, FD_CLOEXEC);
}

static void
test_pair (Fixture *fixture, gconstpointer type)
{
  int ends[2];
  g_autofree char *address = NULL;
  g_autoptr (LeashConn) conn = NULL;
  Sleeper sleeper = { .func = sleep_reading, .ctx = fixture->ctx };
  char buffer[8];

  g_assert_cmpint (socketpair (AF_UNIX, GPOINTER_TO_INT (type), 0, ends), ==, 0);
  address = fd_address (ends[0]);
  conn = dial (fixture->ctx, address);
  assert_adopted (conn, ends[0]);
  g_assert_cmpstr (leash_conn_get_remote_address (conn), ==, address);
  g_assert_cmpint (leash_conn_write (conn, fixture->ctx, "abc", 3, NULL), ==, 3);
  g_assert_cmpint (read (ends[1], buffer, sizeof buffer), ==, 3);
  /* It blocks for others, and waits here nevertheless until something comes. */
  g_assert_cmpint (fcntl (ends[0], F_GETFL) & O_NONBLOCK, ==, 0);
  sleeper.subject = conn;
  sleeper_start (&sleeper);
  g_assert_cmpint (write (ends[1], "de", 2), ==, 2);
  sleeper_join (&sleeper);
  g_assert_cmpint (sleeper.n, ==, 2);
  if (leash_has_tracking ())
    assert_only_open (fixture->tracker, "conn", address, dial);
  g_assert_true (leash_conn_close (conn, NULL));
  g_assert_cmpint (fcntl (ends[0], F_GETFD), ==, -1);
  close (ends[1]);
}

static void
test_tcp (Fixture *fixture, gconstpointer unused)
{
  g_auto (Ends) ends = connect_ends (fixture->ctx, TCP);
  int fd = dup (leash_conn_get_fd (ends.dialled));
  g_autofree char *address = fd_address (fd);
  g_autoptr (LeashConn) conn = dial (fixture->ctx, address);
  char byte;

  assert_adopted (conn, fd);
  g_assert_cmpstr (leash_conn_get_local_address (conn), ==, leash_conn_get_local_address (ends.dialled));
  g_assert_cmpstr (leash_conn_get_remote_address (conn), ==, leash_conn_get_remote_address (ends.dialled));
  g_assert_true (leash_conn_write_all (conn, fixture->ctx, "x", 1, NULL, NULL));
  g_assert_true (leash_conn_read_all (ends.accepted, fixture->ctx, &byte, 1, NULL, NULL));
}

/* As systemd passes them: bound, listening, and blocking. */
static int
start_activated (int family, const char *path)
{
  struct sockaddr_un local = { .sun_family = AF_UNIX };
  struct sockaddr_in native = { .sin_family = AF_INET, .sin_addr.s_addr = g_htonl (INADDR_LOOPBACK) };
  int fd = socket (family, SOCK_STREAM, 0);

  g_strlcpy (local.sun_path, path, sizeof local.sun_path);
  g_assert_cmpint (family == AF_UNIX ? bind (fd, (gconstpointer) &local, sizeof local)
                                     : bind (fd, (gconstpointer) &native, sizeof native),
                   ==, 0);
  g_assert_cmpint (listen (fd, 8), ==, 0);
  return fd;
}

static void
test_listener (Fixture *fixture, gconstpointer family)
{
  g_autofree char *path = path_of (fixture, "socket");
  int fd = start_activated (GPOINTER_TO_INT (family), path);
  g_autofree char *address = fd_address (fd);
  g_autoptr (LeashListener) listener = start_listening (fixture->ctx, address);
  g_autoptr (LeashContext) ctx = leash_context_with_timeout (fixture->ctx, 20000);
  g_autoptr (GError) error = NULL;

  g_assert_cmpint (leash_listener_get_fd (listener), ==, fd);
  g_assert_cmpint (fcntl (fd, F_GETFD) & FD_CLOEXEC, ==, FD_CLOEXEC);
  /* It waits no longer than it may. */
  g_assert_null (leash_listener_accept (listener, ctx, &error));
  assert_io_error (error, G_IO_ERROR_TIMED_OUT, "Accepting on “", leash_listener_get_address (listener));
  {
    g_autoptr (LeashConn) dialled = dial (fixture->ctx, leash_listener_get_address (listener));
    g_autoptr (LeashConn) accepted = accept_one (listener, fixture->ctx);

    g_assert_cmpstr (leash_conn_get_local_address (accepted), ==, leash_listener_get_address (listener));
  }
  g_assert_true (leash_listener_close (listener, NULL));
  g_assert_cmpint (fcntl (fd, F_GETFD), ==, -1);
  /* Who has made the file removes it. */
  g_assert_cmpint (g_file_test (path, G_FILE_TEST_EXISTS), ==, GPOINTER_TO_INT (family) == AF_UNIX);
}

static void
assert_refused (Fixture *fixture, int fd, int dial_code, const char *dial_reason, int listen_code,
                const char *listen_reason)
{
  g_autofree char *address = fd_address (fd);
  g_autoptr (GError) error = NULL;
  int flags = fcntl (fd, F_GETFD), status = fcntl (fd, F_GETFL);

  if (dial_reason != NULL)
    {
      g_assert_null (leash_dial (fixture->ctx, address, &error));
      assert_io_error (error, dial_code, "Dialling “", address, dial_reason);
    }
  if (listen_reason != NULL)
    {
      g_assert_null (leash_listen (fixture->ctx, address, &error));
      assert_io_error (error, listen_code, "Listening on “", address, listen_reason);
    }
  g_assert_cmpint (fcntl (fd, F_GETFD), ==, flags);
  g_assert_cmpint (fcntl (fd, F_GETFL), ==, status);
}

static void
test_refused (Fixture *fixture, gconstpointer unused)
{
  g_autofree char *path = path_of (fixture, "socket");
  int listening = start_activated (AF_INET, path);
  int fresh = socket (AF_INET, SOCK_STREAM, 0);
  int datagrams = socket (AF_INET, SOCK_DGRAM, 0);
  int file = open (fixture->dir, O_RDONLY | O_DIRECTORY);
  int ends[2];

  g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM, 0, ends), ==, 0);
  assert_refused (fixture, listening, G_IO_ERROR_INVALID_ARGUMENT, "that socket listens", 0, NULL);
  assert_refused (fixture, fresh, G_IO_ERROR_NOT_CONNECTED, "that socket is not connected",
                  G_IO_ERROR_INVALID_ARGUMENT, "that socket does not listen");
  assert_refused (fixture, datagrams, G_IO_ERROR_NOT_CONNECTED, "that socket is not connected",
                  G_IO_ERROR_INVALID_ARGUMENT, "that socket does not listen");
  assert_refused (fixture, file, G_IO_ERROR_INVALID_ARGUMENT, "that descriptor is no socket",
                  G_IO_ERROR_INVALID_ARGUMENT, "that descriptor is no socket");
  assert_refused (fixture, ends[0], 0, NULL, G_IO_ERROR_INVALID_ARGUMENT, "that socket does not listen");
  close (listening);
  close (fresh);
  close (datagrams);
  close (file);
  close (ends[0]);
  close (ends[1]);
  assert_refused (fixture, ends[1], G_IO_ERROR_INVALID_ARGUMENT, "no descriptor of that number is open",
                  G_IO_ERROR_INVALID_ARGUMENT, "no descriptor of that number is open");
}

#define ADD_WITH(path, data, func) g_test_add (path, Fixture, GINT_TO_POINTER (data), set_up, func, tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  warm_up ();
  ADD_WITH ("/net/host-adopt/pair/stream", SOCK_STREAM, test_pair);
  ADD_WITH ("/net/host-adopt/pair/seqpacket", SOCK_SEQPACKET, test_pair);
  ADD_WITH ("/net/host-adopt/pair/datagrams", SOCK_DGRAM, test_pair);
  ADD ("/net/host-adopt/tcp", test_tcp);
  ADD_WITH ("/net/host-adopt/listener/tcp", AF_INET, test_listener);
  ADD_WITH ("/net/host-adopt/listener/local", AF_UNIX, test_listener);
  ADD ("/net/host-adopt/what-is-no-such-socket-is-refused-and-stays-open", test_refused);
  return g_test_run ();
}
