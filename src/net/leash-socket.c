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
#include <limits.h>
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

/*
 * What a call that failed with code comes to: TRUE when it is to be made again, else *ret_n is what the
 * operation returns. Nothing depends on whether the descriptor is non-blocking, which for an adopted one is
 * not Leash's to say.
 */
static gboolean
is_to_be_repeated (LeashContext *ctx, int code, gssize *ret_n, GError **error)
{
  if (code == EINTR)
    return leash_context_check (ctx, error);
  if (code == EAGAIN)
    *ret_n = LEASH_CONN_WOULD_BLOCK;
  else
    leash_attempt_set_errno (error, code);
  return FALSE;
}

static gssize
socket_read (gpointer impl, LeashContext *ctx, void *buffer, gsize count, GError **error)
{
  gssize n;

  do
    n = recv (GPOINTER_TO_INT (impl), buffer, count, MSG_DONTWAIT);
  while (LEASH_UNLIKELY (n < 0) && is_to_be_repeated (ctx, errno, &n, error));
  return n;
}

static gssize
socket_write (gpointer impl, LeashContext *ctx, const void *buffer, gsize count, GError **error)
{
  gssize n;

  do
    n = send (GPOINTER_TO_INT (impl), buffer, count, MSG_DONTWAIT | MSG_NOSIGNAL);
  while (LEASH_UNLIKELY (n < 0) && is_to_be_repeated (ctx, errno, &n, error));
  return n;
}

static gssize
send_message (gpointer impl, LeashContext *ctx, const struct msghdr *message, GError **error)
{
  gssize n;

  do
    n = sendmsg (GPOINTER_TO_INT (impl), message, MSG_DONTWAIT | MSG_NOSIGNAL);
  while (LEASH_UNLIKELY (n < 0) && is_to_be_repeated (ctx, errno, &n, error));
  return n;
}

/* GIO's vectors are the kernel's, as GIO itself has it. */
G_STATIC_ASSERT (sizeof (GOutputVector) == sizeof (struct iovec));
G_STATIC_ASSERT (G_STRUCT_OFFSET (GOutputVector, buffer) == G_STRUCT_OFFSET (struct iovec, iov_base));
G_STATIC_ASSERT (G_STRUCT_OFFSET (GOutputVector, size) == G_STRUCT_OFFSET (struct iovec, iov_len));

static gssize
socket_writev (gpointer impl, LeashContext *ctx, const GOutputVector *vectors, gsize n_vectors,
               GError **error)
{
  const struct msghdr message = {
    .msg_iov = (struct iovec *) (gpointer) vectors,
    .msg_iovlen = MIN (n_vectors, IOV_MAX),
  };

  return send_message (impl, ctx, &message, error);
}

static gboolean
socket_wait (gpointer impl, LeashContext *ctx, GIOCondition condition, GError **error)
{
  return leash_wait_for_fd (ctx, GPOINTER_TO_INT (impl), condition == G_IO_IN ? POLLIN : POLLOUT, error);
}

/* What the kernel takes at once. */
#define FDS_MAX 253

typedef union
{
  struct cmsghdr align;
  char bytes[CMSG_SPACE (FDS_MAX * sizeof (int))];
} Control;

static gssize
local_send_fds (gpointer impl, LeashContext *ctx, const void *buffer, gsize count, const int *fds,
                guint n_fds, GError **error)
{
  struct iovec bytes = { .iov_base = (void *) buffer, .iov_len = count };
  Control control = { .bytes = { 0 } };
  struct msghdr message = {
    .msg_iov = &bytes,
    .msg_iovlen = 1,
    .msg_control = control.bytes,
    .msg_controllen = CMSG_SPACE (n_fds * sizeof (int)),
  };

  if (n_fds > FDS_MAX)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                   "%u descriptors are more than the %d that go at once", n_fds, FDS_MAX);
      return -1;
    }
  control.align = (struct cmsghdr){
    .cmsg_level = SOL_SOCKET,
    .cmsg_type = SCM_RIGHTS,
    .cmsg_len = CMSG_LEN (n_fds * sizeof (int)),
  };
  memcpy (CMSG_DATA (&control.align), fds, n_fds * sizeof (int));
  return send_message (impl, ctx, &message, error);
}

/* Puts those that came into ret_fds as far as there is room, and returns how many came. */
static guint
take_fds (struct msghdr *message, int *ret_fds, guint max_fds)
{
  guint n = 0;

  for (struct cmsghdr *each = CMSG_FIRSTHDR (message); each != NULL; each = CMSG_NXTHDR (message, each))
    {
      gsize size = each->cmsg_len - CMSG_LEN (0);

      if (each->cmsg_level != SOL_SOCKET || each->cmsg_type != SCM_RIGHTS)
        continue;
      for (gsize i = 0; i < size / sizeof (int); i++, n++)
        {
          int fd;

          memcpy (&fd, CMSG_DATA (each) + i * sizeof fd, sizeof fd);
          if (n < max_fds)
            ret_fds[n] = fd;
          else
            close (fd);
        }
    }
  return n;
}

static gssize
local_receive_fds (gpointer impl, LeashContext *ctx, void *buffer, gsize count, int *ret_fds, guint max_fds,
                   guint *ret_n_fds, GError **error)
{
  struct iovec bytes = { .iov_base = buffer, .iov_len = count };
  Control control;
  struct msghdr message = {
    .msg_iov = &bytes,
    .msg_iovlen = 1,
    .msg_control = control.bytes,
    .msg_controllen = sizeof control,
  };
  guint n_came;
  gssize n;

  do
    n = recvmsg (GPOINTER_TO_INT (impl), &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  while (LEASH_UNLIKELY (n < 0) && is_to_be_repeated (ctx, errno, &n, error));
  if (n < 0)
    return n;
  n_came = take_fds (&message, ret_fds, max_fds);
  if (n_came <= max_fds && (message.msg_flags & MSG_CTRUNC) == 0)
    {
      *ret_n_fds = n_came;
      return n;
    }
  for (guint i = 0; i < MIN (n_came, max_fds); i++)
    close (ret_fds[i]);
  if ((message.msg_flags & MSG_CTRUNC) != 0)
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_TOO_MANY_OPEN_FILES,
                         "descriptors came that this process may not have");
  else
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_NO_SPACE, "%u descriptors came, and there is room for %u",
                 n_came, max_fds);
  return -1;
}

static GCredentials *
local_get_credentials (gpointer impl, GError **error)
{
  GCredentials *credentials;
  struct ucred found;
  socklen_t size = sizeof found;

  if (getsockopt (GPOINTER_TO_INT (impl), SOL_SOCKET, SO_PEERCRED, &found, &size) != 0)
    {
      leash_attempt_set_errno (error, errno);
      return NULL;
    }
  credentials = g_credentials_new ();
  g_credentials_set_native (credentials, G_CREDENTIALS_TYPE_LINUX_UCRED, &found);
  return credentials;
}

/* The close that follows sends a reset. */
static void
socket_reset (gpointer impl, const GError *cause)
{
  const struct linger at_once = { .l_onoff = 1, .l_linger = 0 };

  setsockopt (GPOINTER_TO_INT (impl), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
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

#define SOCKET_OPS                                                                                        \
  .size = sizeof (LeashConnOps), .read = socket_read, .write = socket_write, .shutdown = socket_shutdown, \
  .get_fd = socket_get_fd, .close = socket_close, .wait = socket_wait, .writev = socket_writev,           \
  .reset = socket_reset

static const LeashConnOps socket_conn_ops = { SOCKET_OPS };

static const LeashConnOps local_conn_ops = {
  SOCKET_OPS,
  .get_credentials = local_get_credentials,
  .send_fds = local_send_fds,
  .receive_fds = local_receive_fds,
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

static int
get_family (int fd)
{
  int family = AF_UNSPEC;
  socklen_t size = sizeof family;

  return getsockopt (fd, SOL_SOCKET, SO_DOMAIN, &family, &size) == 0 ? family : AF_UNSPEC;
}

LeashConn *
leash_socket_conn_new (int fd, const char *remote_address)
{
  g_autofree char *local = leash_socket_get_local_address (fd);
  g_autofree char *remote = get_address (fd, getpeername);
  const int on = 1;

  /* A local socket does not know the option, and needs none. */
  setsockopt (fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return leash_conn_new (get_family (fd) == AF_UNIX ? &local_conn_ops : &socket_conn_ops,
                         GINT_TO_POINTER (fd), NULL, local, remote != NULL ? remote : remote_address);
}
