/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Making the kernel's sockets, and connecting them. Every one is non-blocking, so a connection is under way
 * when connect() returns, on loopback too, where the other end has answered by then: a second call tells, and
 * saves the waiting. Who had to wait learns from poll() alone that it went well; why it did not is what
 * another connect() says.
 */
#include "leash-socket-private.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "leash-wait-private.h"

/* How long to leave a local server that has no room for one more connection, at first and at most. */
#define FIRST_PAUSE (1 * G_TIME_SPAN_MILLISECOND)
#define LAST_PAUSE (50 * G_TIME_SPAN_MILLISECOND)

int
leash_socket_new (int family, int type, GError **error)
{
  int fd = socket (family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

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

static int
connect_once (int fd, const LeashNative *to)
{
  int code = connect (fd, leash_native_get (to), to->length) == 0 ? 0 : errno;

  switch (code)
    {
    case EISCONN:
      return 0;
    case EALREADY:
    case EINTR: /* it goes on by itself */
      return EINPROGRESS;
    default:
      return code;
    }
}

int
leash_socket_try_connect (int fd, const LeashNative *to)
{
  int code = connect_once (fd, to);

  return code == EINPROGRESS ? connect_once (fd, to) : code;
}

/* Waits for a connection that is under way; *ret_code is how it went. */
static gboolean
wait_connected (int fd, LeashContext *ctx, const LeashNative *to, int *ret_code, GError **error)
{
  struct pollfd fds[] = { { 0 }, { .fd = fd, .events = POLLOUT } };

  if (leash_wait_for_fds (ctx, fds, G_N_ELEMENTS (fds), -1, error) <= 0)
    return FALSE;
  *ret_code = fds[1].revents == POLLOUT ? 0 : connect_once (fd, to);
  return TRUE;
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

gboolean
leash_socket_connect (int fd, LeashContext *ctx, const LeashNative *to, GError **error)
{
  gint64 pause = FIRST_PAUSE;
  int code;

  do
    code = leash_socket_try_connect (fd, to);
  while (code == EAGAIN && pause_connecting (ctx, &pause));
  if (code == EAGAIN)
    return leash_context_check (ctx, error);
  while (code == EINPROGRESS)
    if (!wait_connected (fd, ctx, to, &code, error))
      return FALSE;
  if (code != 0)
    leash_attempt_set_errno (error, code);
  return code == 0;
}

static gboolean
get_name (int fd, int (*get) (int fd, struct sockaddr *ret_native, socklen_t *length),
          LeashNative *ret_native)
{
  *ret_native = (LeashNative){ .length = sizeof ret_native->native };
  if (get (fd, (struct sockaddr *) &ret_native->native, &ret_native->length) == 0)
    return TRUE;
  *ret_native = (LeashNative){ 0 };
  return FALSE;
}

gboolean
leash_socket_get_local (int fd, LeashNative *ret_native)
{
  return get_name (fd, getsockname, ret_native);
}

gboolean
leash_socket_get_remote (int fd, LeashNative *ret_native)
{
  return get_name (fd, getpeername, ret_native);
}
