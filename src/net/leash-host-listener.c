/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Listening on the host's network.
 *
 * A local listener replaces nothing: if its path is there already, the error tells by what it is taken, a
 * server, a socket left over or something else, and leaves the removing to who knows. To remove what seems to
 * be left over is a race between two servers that start at the same time, and the loser's clients never
 * learn. The listener removes its path when it is closed, if what is there is what it made, and only in the
 * process that made it.
 *
 * What an accepted connection needs to know is the listener's already: its address, unless that stands for
 * every address of the machine, and TCP_NODELAY, which the kernel has it inherit. So it costs one system
 * call.
 *
 * Who waits is woken by a close without a shutdown() of the socket: that would end the listening of all who
 * have it, a parent, a child or who handed it over.
 */
#include <errno.h>
#include <glib/gstdio.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "leash-host-private.h"
#include "leash-patience-private.h"
#include "leash-socket-private.h"
#include "leash-wait-private.h"

/* Who waits, of one process: what a child by fork() inherits is on the stacks of threads that it has not. */
typedef struct _Waiters Waiters;
struct _Waiters
{
  LeashPatience patience;
  guint forks;      /* leash_wait_count_forks() in that process */
  Waiters *earlier; /* owned; of the process that this one was forked from */
};

/* A listening socket, and the file that it made. */
typedef struct
{
  int fd;
  int family;
  char *local;      /* the address of what is accepted; NULL: differs */
  gboolean is_shut; /* atomic */
  Waiters *waiters; /* owned; atomic; the last process's; NULL before anybody has waited */
  pid_t pid;        /* whose file it is */
  char *path;       /* absolute; NULL when it made none */
  dev_t device;
  ino_t inode;
} HostListener;

static void
host_listener_free (gpointer impl)
{
  HostListener *self = impl;

  for (Waiters *each = self->waiters, *earlier; each != NULL; each = earlier)
    {
      earlier = each->earlier;
      g_free (each);
    }
  g_free (self->local);
  g_free (self->path);
  g_free (self);
}

/* Errors of a connection that was given up before it was accepted: the next one may be well. */
static gboolean
is_of_lost_conn (int code)
{
  switch (code)
    {
    case ECONNABORTED:
    case EPROTO:
    case ENETDOWN:
    case ENETUNREACH:
    case EHOSTDOWN:
    case EHOSTUNREACH:
    case ENONET:
    case ENOPROTOOPT:
      return TRUE;
    default:
      return FALSE;
    }
}

/* This process's. */
static LeashPatience *
get_patience (HostListener *self)
{
  Waiters *last = __atomic_load_n (&self->waiters, __ATOMIC_SEQ_CST), *own;
  guint forks = leash_wait_count_forks ();

  while (last == NULL || last->forks != forks)
    {
      own = g_new0 (Waiters, 1);
      leash_patience_init (&own->patience);
      own->forks = forks;
      own->earlier = last;
      if (__atomic_compare_exchange_n (&self->waiters, &last, own, FALSE, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
        last = own;
      else
        g_free (own);
    }
  return &last->patience;
}

/* Returns TRUE too when it was woken. */
static gboolean
wait_for_conn (HostListener *self, LeashContext *ctx, GError **error)
{
  LeashPatience *patience = get_patience (self);
  gboolean is_ready = FALSE, was_woken;
  GError *reason = NULL;
  LeashWaiting waiting;

  leash_patience_enter (patience, LEASH_WAY_IN, ctx, &waiting);
  if (!__atomic_load_n (&self->is_shut, __ATOMIC_SEQ_CST))
    is_ready = leash_wait_for_fd (waiting.ctx, self->fd, POLLIN, &reason);
  was_woken = leash_patience_leave (patience, &waiting);
  if (is_ready || was_woken || reason == NULL)
    {
      g_clear_error (&reason);
      return TRUE;
    }
  g_propagate_error (error, reason);
  return FALSE;
}

/* Whether to accept again after a failure, having waited if need be. */
static gboolean
is_to_be_repeated (HostListener *self, LeashContext *ctx, int code, GError **error)
{
  if (code == EAGAIN)
    return wait_for_conn (self, ctx, error);
  if (code != ENOBUFS)
    return leash_wait_retries (ctx, self->fd, POLLIN, is_of_lost_conn (code) ? EINTR : code, error);
  /* GIO has no code of its own for it, and who accepts is to know that it is a matter of waiting. */
  g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_NO_SPACE, g_strerror (code));
  return FALSE;
}

static LeashConn *
accepted_new (HostListener *self, int fd, const LeashNative *peer)
{
  g_autofree char *remote = leash_native_to_string (peer, SOCK_STREAM);
  g_autofree char *own = NULL;
  LeashNative local;

  if (self->local == NULL)
    {
      leash_socket_get_local (fd, &local);
      own = leash_native_to_string (&local, SOCK_STREAM);
    }
  return leash_socket_conn_new (fd, self->family, SOCK_STREAM, FALSE, own != NULL ? own : self->local,
                                remote);
}

static LeashConn *
host_accept (gpointer impl, LeashContext *ctx, GError **error)
{
  HostListener *self = impl;
  LeashNative peer = { 0 };
  int fd;

  do
    {
      if (__atomic_load_n (&self->is_shut, __ATOMIC_ACQUIRE))
        {
          leash_attempt_set_errno (error, EINVAL);
          return NULL;
        }
      peer.length = sizeof peer.native;
      fd = accept4 (self->fd, (struct sockaddr *) &peer.native, &peer.length, SOCK_CLOEXEC | SOCK_NONBLOCK);
    }
  while (fd < 0 && is_to_be_repeated (self, ctx, errno, error));
  return fd < 0 ? NULL : accepted_new (self, fd, &peer);
}

static void
host_listener_shutdown (gpointer impl)
{
  HostListener *self = impl;
  Waiters *waiters;

  __atomic_store_n (&self->is_shut, TRUE, __ATOMIC_SEQ_CST);
  waiters = __atomic_load_n (&self->waiters, __ATOMIC_SEQ_CST);
  if (waiters != NULL && waiters->forks == leash_wait_count_forks ())
    leash_patience_wake_all (&waiters->patience);
}

static int
host_listener_get_fd (gpointer impl)
{
  return ((HostListener *) impl)->fd;
}

static void
remove_own_file (HostListener *self)
{
  struct stat found;

  if (self->pid == getpid () && lstat (self->path, &found) == 0 && found.st_dev == self->device
      && found.st_ino == self->inode)
    unlink (self->path);
}

static gboolean
host_listener_close (gpointer impl, GError **error)
{
  HostListener *self = impl;

  if (self->path != NULL)
    remove_own_file (self);
  return leash_socket_close (self->fd, error);
}

static const LeashListenerOps host_listener_ops = {
  .size = sizeof (LeashListenerOps),
  .accept = host_accept,
  .shutdown = host_listener_shutdown,
  .get_fd = host_listener_get_fd,
  .close = host_listener_close,
};

LeashListener *
leash_host_listener_new (int fd, const char *path, const char *address)
{
  HostListener *self = g_new0 (HostListener, 1);
  g_autofree char *real = NULL;
  const int on = 1;
  struct stat found;
  LeashNative local;

  leash_socket_get_local (fd, &local);
  real = leash_native_to_string (&local, SOCK_STREAM);
  self->fd = fd;
  self->family = local.native.ss_family;
  self->local = leash_native_is_any (&local) ? NULL : g_strdup (real != NULL ? real : address);
  self->pid = getpid ();
  if (path != NULL && lstat (path, &found) == 0)
    {
      self->path = g_canonicalize_filename (path, NULL);
      self->device = found.st_dev;
      self->inode = found.st_ino;
    }
  if (self->family != AF_UNIX)
    setsockopt (fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return leash_listener_new (&host_listener_ops, self, host_listener_free, real != NULL ? real : address);
}

/* By what the path is taken. Connecting is the one way to find out whether anybody listens. */
static void
explain_taken (const LeashNative *at, const char *path, GError **error)
{
  struct stat found;
  int fd;

  if (lstat (path, &found) == 0 && !S_ISSOCK (found.st_mode))
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_ADDRESS_IN_USE,
                           "something that is no socket is at that path");
      return;
    }
  fd = leash_socket_new (AF_UNIX, SOCK_STREAM, NULL);
  if (fd >= 0 && leash_socket_try_connect (fd, at) == ECONNREFUSED)
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_ADDRESS_IN_USE,
                         "a socket that nobody listens on was left at that path: remove it");
  else
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_ADDRESS_IN_USE, "another server listens there");
  if (fd >= 0)
    leash_socket_close (fd, NULL);
}

static gboolean
bind_and_listen (int fd, const LeashAddress *at, const LeashNative *native, GError **error)
{
  const int on = 1;

  /* Without it, the address of a server that has just ended could not be had for a minute. */
  if (at->host != NULL)
    setsockopt (fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  /* Otherwise it would be the system's settings that decide whether it takes IPv4's connections, too. */
  if (at->family == AF_INET6)
    setsockopt (fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  if (bind (fd, leash_native_get (native), native->length) == 0 && listen (fd, SOMAXCONN) == 0)
    return TRUE;
  if (at->scheme == LEASH_SCHEME_UNIX && errno == EADDRINUSE)
    explain_taken (native, at->path, error);
  else
    leash_attempt_set_errno (error, errno);
  return FALSE;
}

/* The first address of the host, when that is a name. */
static gboolean
find_native (LeashContext *ctx, const LeashAddress *at, LeashNative *ret_native, GError **error)
{
  g_autoptr (GArray) natives = NULL;

  if (leash_address_get_native (at, ret_native))
    return TRUE;
  natives = leash_host_look_up (ctx, at, error);
  if (natives != NULL)
    *ret_native = g_array_index (natives, LeashNative, 0);
  return natives != NULL;
}

LeashListener *
leash_host_listen (LeashContext *ctx, const LeashAddress *at, const char *address, GError **error)
{
  LeashNative native;
  int fd;

  if (!find_native (ctx, at, &native, error))
    return NULL;
  fd = leash_socket_new (native.native.ss_family, SOCK_STREAM, error);
  if (fd < 0)
    return NULL;
  if (bind_and_listen (fd, at, &native, error))
    return leash_host_listener_new (fd, at->scheme == LEASH_SCHEME_UNIX ? at->path : NULL, address);
  leash_socket_close (fd, NULL);
  return NULL;
}
