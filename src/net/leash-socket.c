/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Connections over the kernel's sockets.
 *
 * A connection's implementation pointer is the descriptor itself, so that nothing is allocated beside the
 * LeashConn. Every socket is non-blocking: each call is tried, and waited for only when the kernel says so.
 * Data is sent with MSG_NOSIGNAL, since a library must not change what SIGPIPE does to its program.
 *
 * TCP connections send at once what is written (TCP_NODELAY): programs that write whole requests gain what
 * Nagle's algorithm would cost them in waiting for acknowledgements, and those that write byte by byte are
 * better served by a buffer than by a timer.
 */
#include "leash-socket-private.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "leash-address-private.h"
#include "leash-wait-private.h"

/* How long to leave a local server that has no room for one more connection, at first and at most. */
#define FIRST_PAUSE (1 * G_TIME_SPAN_MILLISECOND)
#define LAST_PAUSE (50 * G_TIME_SPAN_MILLISECOND)

int
leash_socket_new (int family, GError **error)
{
  int fd = socket (family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

  if (fd < 0)
    leash_attempt_set_errno (error, errno);
  return fd;
}

/* On Linux the descriptor is gone after EINTR as well: to try again could close somebody else's. */
gboolean
leash_socket_close (int fd, GError **error)
{
  if (G_LIKELY (close (fd) == 0) || errno == EINTR)
    return TRUE;
  leash_attempt_set_errno (error, errno);
  return FALSE;
}

/* A connection that is under way is through when the socket can be written to, well or not. */
static gboolean
wait_connected (int fd, LeashContext *ctx, GError **error)
{
  int code = 0;
  socklen_t size = sizeof code;

  if (!leash_wait_for_fd (ctx, fd, POLLOUT, error))
    return FALSE;
  if (getsockopt (fd, SOL_SOCKET, SO_ERROR, &code, &size) != 0)
    code = errno;
  if (code != 0)
    leash_attempt_set_errno (error, code);
  return code == 0;
}

/* A local server's queue is full, and no poll() tells when it is not: look again after a pause, ever longer.
 */
static gboolean
pause_connecting (LeashContext *ctx, gint64 *pause)
{
  gboolean is_done = leash_context_wait (ctx, *pause);

  *pause = MIN (*pause * 2, LAST_PAUSE);
  return !is_done;
}

/*
 * Whether a socket is connected to itself: what TCP makes of connecting to a port of loopback that nobody
 * listens on, if the kernel happens to pick that very port for this end.
 */
static gboolean
is_own_peer (int fd)
{
  struct sockaddr_storage local = { 0 }, remote = { 0 };
  socklen_t local_length = sizeof local, remote_length = sizeof remote;

  return getsockname (fd, (struct sockaddr *) &local, &local_length) == 0 && local.ss_family != AF_UNIX
         && getpeername (fd, (struct sockaddr *) &remote, &remote_length) == 0
         && local_length == remote_length && memcmp (&local, &remote, local_length) == 0;
}

gboolean
leash_socket_connect (int fd, LeashContext *ctx, const struct sockaddr *native, socklen_t length,
                      GError **error)
{
  gint64 pause = FIRST_PAUSE;
  int code;

  do
    code = connect (fd, native, length) == 0 ? 0 : errno;
  while (code == EAGAIN && pause_connecting (ctx, &pause));
  if (code == EAGAIN)
    return leash_context_check (ctx, error);
  /* After a signal it goes on by itself as well. */
  if (code != 0 && code != EINPROGRESS && code != EINTR)
    leash_attempt_set_errno (error, code);
  else if (code == 0 || wait_connected (fd, ctx, error))
    {
      if (!is_own_peer (fd))
        return TRUE;
      leash_attempt_set_errno (error, ECONNREFUSED);
    }
  return FALSE;
}

static gssize
socket_read (gpointer impl, LeashContext *ctx, void *buffer, gsize count, GError **error)
{
  int fd = GPOINTER_TO_INT (impl);
  gssize n;

  do
    n = recv (fd, buffer, count, 0);
  while (n < 0 && leash_wait_retries (ctx, fd, POLLIN, errno, error));
  return n;
}

static gssize
socket_write (gpointer impl, LeashContext *ctx, const void *buffer, gsize count, GError **error)
{
  int fd = GPOINTER_TO_INT (impl);
  gssize n;

  do
    n = send (fd, buffer, count, MSG_NOSIGNAL);
  while (n < 0 && leash_wait_retries (ctx, fd, POLLOUT, errno, error));
  return n;
}

static gboolean
socket_shutdown (gpointer impl, gboolean reading, gboolean writing, GError **error)
{
  int how = reading && writing ? SHUT_RDWR : reading ? SHUT_RD : SHUT_WR;

  if (shutdown (GPOINTER_TO_INT (impl), how) == 0)
    return TRUE;
  leash_attempt_set_errno (error, errno);
  return FALSE;
}

static int
socket_get_fd (gpointer impl)
{
  return GPOINTER_TO_INT (impl);
}

static gboolean
socket_close (gpointer impl, GError **error)
{
  return leash_socket_close (GPOINTER_TO_INT (impl), error);
}

static const LeashConnOps socket_conn_ops = {
  .size = sizeof (LeashConnOps),
  .read = socket_read,
  .write = socket_write,
  .shutdown = socket_shutdown,
  .get_fd = socket_get_fd,
  .close = socket_close,
};

static char *
get_address (int fd, int (*get_name) (int fd, struct sockaddr *ret_native, socklen_t *length))
{
  struct sockaddr_storage native = { 0 };
  socklen_t length = sizeof native;

  if (get_name (fd, (struct sockaddr *) &native, &length) != 0)
    return NULL;
  return leash_address_to_string ((struct sockaddr *) &native, length);
}

char *
leash_socket_get_local_address (int fd)
{
  return get_address (fd, getsockname);
}

LeashConn *
leash_socket_conn_new (int fd, const char *remote_address)
{
  g_autofree char *local = leash_socket_get_local_address (fd);
  g_autofree char *remote = get_address (fd, getpeername);
  const int on = 1;

  /* A local socket does not know the option, and needs none. */
  setsockopt (fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return leash_conn_new (&socket_conn_ops, GINT_TO_POINTER (fd), NULL, local,
                         remote != NULL ? remote : remote_address);
}
