/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What connections over the kernel's sockets do. Each call is tried, and waited for only when the kernel says
 * so. Data is sent with MSG_NOSIGNAL, since a library must not change what SIGPIPE does to its program.
 *
 * TCP connections send at once what is written (TCP_NODELAY): programs that write whole requests gain what
 * Nagle's algorithm would cost them in waiting for acknowledgements, and those that write byte by byte are
 * better served by a buffer than by a timer. Accepted ones have that from the socket that listens. One that
 * was dialled gets it before its second write: the first is never held back, as Linux holds a small piece
 * back only behind another one that is not acknowledged, and many connections carry no more than one request.
 *
 * TCP connections ask a silent peer whether it is there (SO_KEEPALIVE), with the times that Go has: kernels
 * begin after two hours. That matters to who waits to read, so it is set before the first such wait; then
 * dialling and closing cost no call more, and who finds data there at once pays nothing. What the program has
 * turned on itself, or had inherited from a listener of its own, is left as it is.
 *
 * Linux asks nothing while something that was sent is not acknowledged: then its repetitions count, some 15
 * minutes of them (tcp_retries2). TCP_USER_TIMEOUT ends that sooner, but also ends a connection whose peer is
 * well and has just not read for so long, so that it is set only where the program has named a time.
 */
#include "leash-socket-private.h"

#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "leash-wait-private.h"

#define KEEPALIVE (15 * G_TIME_SPAN_SECOND)
#define KEEPALIVE_PROBES 9 /* as Linux has it, unless its administrator says otherwise */

typedef struct
{
  int fd;
  gboolean is_keepalive_set; /* atomic; nothing is to be set before a wait; always in others than TCP */
  guint
      n_writes; /* atomic; of a TCP connection that holds back, not counted beyond 2; 2 at first in others */
} SocketConn;

static int
get_fd (gpointer impl)
{
  return ((SocketConn *) impl)->fd;
}

/* Called before each write. */
static inline void
stop_holding_back (SocketConn *self)
{
  const int on = 1;

  if (LEASH_UNLIKELY (__atomic_load_n (&self->n_writes, __ATOMIC_RELAXED) < 2)
      && __atomic_fetch_add (&self->n_writes, 1, __ATOMIC_RELAXED) == 1)
    setsockopt (self->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
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
    n = recv (get_fd (impl), buffer, count, MSG_DONTWAIT);
  while (LEASH_UNLIKELY (n < 0) && is_to_be_repeated (ctx, errno, &n, error));
  return n;
}

static gssize
socket_write (gpointer impl, LeashContext *ctx, const void *buffer, gsize count, GError **error)
{
  gssize n;

  stop_holding_back (impl);
  do
    n = send (get_fd (impl), buffer, count, MSG_DONTWAIT | MSG_NOSIGNAL);
  while (LEASH_UNLIKELY (n < 0) && is_to_be_repeated (ctx, errno, &n, error));
  return n;
}

static gssize
send_message (int fd, LeashContext *ctx, const struct msghdr *message, GError **error)
{
  gssize n;

  do
    n = sendmsg (fd, message, MSG_DONTWAIT | MSG_NOSIGNAL);
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

  stop_holding_back (impl);
  return send_message (get_fd (impl), ctx, &message, error);
}

static gboolean
set_tcp_option (int fd, int option, int value)
{
  return setsockopt (fd, IPPROTO_TCP, option, &value, sizeof value) == 0;
}

static int
to_seconds (gint64 microseconds)
{
  return (int) MIN (microseconds / G_USEC_PER_SEC + (microseconds % G_USEC_PER_SEC > 0), G_MAXINT);
}

static gboolean
set_keepalive (int fd, gint64 idle)
{
  const int is_on = idle > 0;

  if (is_on
      && (!set_tcp_option (fd, TCP_KEEPIDLE, to_seconds (idle))
          || !set_tcp_option (fd, TCP_KEEPINTVL, to_seconds (idle))
          || !set_tcp_option (fd, TCP_KEEPCNT, KEEPALIVE_PROBES)))
    return FALSE;
  return setsockopt (fd, SOL_SOCKET, SO_KEEPALIVE, &is_on, sizeof is_on) == 0;
}

/* The kernel takes no times so long that their sum in milliseconds were none. */
gboolean
leash_socket_set_keepalive (int fd, gint64 idle, GError **error)
{
  if (set_keepalive (fd, idle)
      && set_tcp_option (fd, TCP_USER_TIMEOUT, (1 + KEEPALIVE_PROBES) * 1000 * to_seconds (idle)))
    return TRUE;
  leash_attempt_set_errno (error, errno);
  return FALSE;
}

static gboolean
tcp_set_keepalive (gpointer impl, gint64 idle, GError **error)
{
  SocketConn *self = impl;

  __atomic_store_n (&self->is_keepalive_set, TRUE, __ATOMIC_RELAXED);
  return leash_socket_set_keepalive (self->fd, idle, error);
}

/* Called before each wait for data. */
static inline void
keep_alive (SocketConn *self)
{
  int is_on = 0;
  socklen_t size = sizeof is_on;

  if (LEASH_LIKELY (__atomic_load_n (&self->is_keepalive_set, __ATOMIC_RELAXED))
      || __atomic_exchange_n (&self->is_keepalive_set, TRUE, __ATOMIC_RELAXED))
    return;
  if (getsockopt (self->fd, SOL_SOCKET, SO_KEEPALIVE, &is_on, &size) == 0 && !is_on)
    set_keepalive (self->fd, KEEPALIVE);
}

static gboolean
socket_wait (gpointer impl, LeashContext *ctx, GIOCondition condition, GError **error)
{
  if (condition == G_IO_IN)
    keep_alive (impl);
  return leash_wait_for_fd (ctx, get_fd (impl), condition == G_IO_IN ? POLLIN : POLLOUT, error);
}

/* What the kernel takes at once. */
#define FDS_MAX 253

typedef union
{
  struct cmsghdr align;
  char bytes[CMSG_SPACE (FDS_MAX * sizeof (int))];
} Control;

gssize
leash_socket_send_fds (int fd, LeashContext *ctx, const void *buffer, gsize count, const int *fds,
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
  return send_message (fd, ctx, &message, error);
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

gssize
leash_socket_receive_fds (int fd, LeashContext *ctx, void *buffer, gsize count, int *ret_fds, guint max_fds,
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
    n = recvmsg (fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
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

GCredentials *
leash_socket_get_credentials (int fd, GError **error)
{
  GCredentials *credentials;
  struct ucred found;
  socklen_t size = sizeof found;

  if (getsockopt (fd, SOL_SOCKET, SO_PEERCRED, &found, &size) != 0)
    {
      leash_attempt_set_errno (error, errno);
      return NULL;
    }
  credentials = g_credentials_new ();
  g_credentials_set_native (credentials, G_CREDENTIALS_TYPE_LINUX_UCRED, &found);
  return credentials;
}

static gssize
local_send_fds (gpointer impl, LeashContext *ctx, const void *buffer, gsize count, const int *fds,
                guint n_fds, GError **error)
{
  return leash_socket_send_fds (get_fd (impl), ctx, buffer, count, fds, n_fds, error);
}

static gssize
local_receive_fds (gpointer impl, LeashContext *ctx, void *buffer, gsize count, int *ret_fds, guint max_fds,
                   guint *ret_n_fds, GError **error)
{
  return leash_socket_receive_fds (get_fd (impl), ctx, buffer, count, ret_fds, max_fds, ret_n_fds, error);
}

static GCredentials *
local_get_credentials (gpointer impl, GError **error)
{
  return leash_socket_get_credentials (get_fd (impl), error);
}

/* Of no effect on local sockets, to which it is left to tell of unread data with a reset, or else of the end.
 */
static void
socket_reset (gpointer impl, const GError *cause)
{
  leash_socket_make_reset (get_fd (impl));
}

void
leash_socket_make_reset (int fd)
{
  const struct linger at_once = { .l_onoff = 1, .l_linger = 0 };

  setsockopt (fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

static gboolean
socket_shutdown (gpointer impl, gboolean reading, gboolean writing, GError **error)
{
  int how = reading && writing ? SHUT_RDWR : reading ? SHUT_RD : SHUT_WR;

  if (shutdown (get_fd (impl), how) == 0)
    return TRUE;
  leash_attempt_set_errno (error, errno);
  return FALSE;
}

static gboolean
socket_close (gpointer impl, GError **error)
{
  return leash_socket_close (get_fd (impl), error);
}

#define SOCKET_OPS                                                                             \
  .size = sizeof (LeashConnOps), .read = socket_read, .write = socket_write, .get_fd = get_fd, \
  .close = socket_close, .wait = socket_wait, .writev = socket_writev, .reset = socket_reset

#define LOCAL_OPS                                                                   \
  SOCKET_OPS, .get_credentials = local_get_credentials, .send_fds = local_send_fds, \
              .receive_fds = local_receive_fds

static const LeashConnOps stream_ops
    = { SOCKET_OPS, .shutdown = socket_shutdown, .set_keepalive = tcp_set_keepalive };
static const LeashConnOps local_ops = { LOCAL_OPS, .shutdown = socket_shutdown };
/* Datagrams have no end: one that is shut down for reading would be ready for ever, with nothing to read. */
static const LeashConnOps datagram_ops = { SOCKET_OPS };
static const LeashConnOps local_datagram_ops = { LOCAL_OPS };

LeashConn *
leash_socket_conn_new (int fd, int family, int type, gboolean holds_back, const char *local_address,
                       const char *remote_address)
{
  gboolean is_local = family == AF_UNIX, is_datagram = type == SOCK_DGRAM;
  const LeashConnOps *ops = is_datagram ? (is_local ? &local_datagram_ops : &datagram_ops)
                                        : (is_local ? &local_ops : &stream_ops);
  SocketConn *self = g_new (SocketConn, 1);

  self->fd = fd;
  self->n_writes = holds_back && !is_local && !is_datagram ? 0 : 2;
  self->is_keepalive_set = is_local || is_datagram;
  return leash_conn_new (ops, self, g_free, local_address, remote_address);
}

gboolean
leash_socket_conn_has_ops (const LeashConnOps *ops)
{
  return ops == &stream_ops || ops == &local_ops || ops == &datagram_ops || ops == &local_datagram_ops;
}
