/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Descriptors of the program's that become connections and listeners: inherited from who started it
 * (systemd's socket activation), received over a local socket, or made with calls that Leash does not have.
 * Everything is asked of the kernel, and nothing of the descriptor is changed before it is known to be what
 * it is taken for.
 *
 * O_NONBLOCK belongs to what all processes share that have the socket. For a connection nothing depends on
 * it, and it is left as it is; a listener would block in accept() when another process was faster, and so
 * gets it.
 */
#include <errno.h>
#include <fcntl.h>

#include "leash-host-private.h"
#include "leash-socket-private.h"

static gboolean
refuse (GError **error, int code, const char *reason)
{
  g_set_error_literal (error, G_IO_ERROR, code, reason);
  return FALSE;
}

/* Whether it is a socket at all, and if so what kind of one. */
static gboolean
check_socket (int fd, int *ret_type, int *ret_listens, GError **error)
{
  socklen_t type_size = sizeof *ret_type, listens_size = sizeof *ret_listens;

  if (getsockopt (fd, SOL_SOCKET, SO_TYPE, ret_type, &type_size) == 0
      && getsockopt (fd, SOL_SOCKET, SO_ACCEPTCONN, ret_listens, &listens_size) == 0)
    return TRUE;
  return refuse (error, G_IO_ERROR_INVALID_ARGUMENT,
                 errno == EBADF ? "no descriptor of that number is open" : "that descriptor is no socket");
}

static gboolean
check_conn (int fd, int *ret_type, LeashNative *ret_remote, GError **error)
{
  int listens;

  if (!check_socket (fd, ret_type, &listens, error))
    return FALSE;
  if (listens)
    return refuse (error, G_IO_ERROR_INVALID_ARGUMENT, "that socket listens: it accepts, and is not dialled");
  if (*ret_type != SOCK_STREAM && *ret_type != SOCK_SEQPACKET && *ret_type != SOCK_DGRAM)
    return refuse (error, G_IO_ERROR_NOT_SUPPORTED, "that socket is of none of the types that connect");
  return leash_socket_get_remote (fd, ret_remote)
         || refuse (error, G_IO_ERROR_NOT_CONNECTED, "that socket is not connected");
}

static gboolean
set_flags (int fd, int get, int set, int wanted, GError **error)
{
  int flags = fcntl (fd, get);

  if (flags >= 0 && ((flags & wanted) != 0 || fcntl (fd, set, flags | wanted) == 0))
    return TRUE;
  leash_attempt_set_errno (error, errno);
  return FALSE;
}

LeashConn *
leash_host_adopt_conn (int fd, const char *address, GError **error)
{
  g_autofree char *local_address = NULL;
  g_autofree char *remote_address = NULL;
  LeashNative local, remote;
  int type;

  if (!check_conn (fd, &type, &remote, error) || !set_flags (fd, F_GETFD, F_SETFD, FD_CLOEXEC, error))
    return NULL;
  leash_socket_get_local (fd, &local);
  local_address = leash_native_to_string (&local, type);
  remote_address = leash_native_to_string (&remote, type);
  return leash_socket_conn_new (fd, remote.native.ss_family, type, TRUE, local_address,
                                remote_address == NULL && local_address == NULL ? address : remote_address);
}

LeashListener *
leash_host_adopt_listener (int fd, const char *address, GError **error)
{
  int type, listens;

  if (!check_socket (fd, &type, &listens, error))
    return NULL;
  if (!listens)
    {
      refuse (error, G_IO_ERROR_INVALID_ARGUMENT, "that socket does not listen");
      return NULL;
    }
  if (!set_flags (fd, F_GETFL, F_SETFL, O_NONBLOCK, error)
      || !set_flags (fd, F_GETFD, F_SETFD, FD_CLOEXEC, error))
    return NULL;
  return leash_host_listener_new (fd, NULL, address);
}
