/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The host's network: TCP over IPv4 and IPv6, and local sockets.
 *
 * Names are looked up by GIO's resolver, which gives up when the context is done although the C library's
 * does not. A host's addresses are tried one after the other, in the resolver's order, and the last one's
 * error is told; trying several at once, as browsers do, was left out until somebody needs it.
 *
 * A local listener replaces nothing: if its path is there already, the error tells by what it is taken, a
 * server, a socket left over or something else, and leaves the removing to who knows. To remove what seems to
 * be left over is a race between two servers that start at the same time, and the loser's clients never
 * learn. The listener removes its path when it is closed, if what is there is what it made, and only in the
 * process that made it.
 */
#include <errno.h>
#include <glib/gstdio.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "leash-address-private.h"
#include "leash-socket-private.h"
#include "leash-wait-private.h"

typedef struct
{
  GObject parent_instance;
} LeashHostNetwork;

typedef GObjectClass LeashHostNetworkClass;

static void leash_host_network_init_iface (LeashNetworkInterface *iface);
GType leash_host_network_get_type (void);

G_DEFINE_FINAL_TYPE_WITH_CODE (LeashHostNetwork, leash_host_network, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (LEASH_TYPE_NETWORK, leash_host_network_init_iface))

static void
leash_host_network_class_init (LeashHostNetworkClass *klass)
{
}

static void
leash_host_network_init (LeashHostNetwork *self)
{
}

/* An address in the kernel's form. */
typedef struct
{
  struct sockaddr_storage native;
  socklen_t length;
} NativeAddress;

static NativeAddress
get_unix_native (const char *path)
{
  NativeAddress result = { .length = sizeof (struct sockaddr_un) };
  struct sockaddr_un *native = (struct sockaddr_un *) &result.native;

  native->sun_family = AF_UNIX;
  strcpy (native->sun_path, path); /* the parser has measured it */
  return result;
}

static NativeAddress
get_tcp_native (GSocketAddress *address)
{
  NativeAddress result = { .length = (socklen_t) g_socket_address_get_native_size (address) };

  g_socket_address_to_native (address, &result.native, sizeof result.native, NULL);
  return result;
}

/* Returns a list of GInetAddress. */
static GList *
look_up_name (LeashContext *ctx, const char *name, GError **error)
{
  g_autoptr (GResolver) resolver = g_resolver_get_default ();
  g_autoptr (GError) reason = NULL;
  GList *found = g_resolver_lookup_by_name (resolver, name, leash_context_get_cancellable (ctx), &reason);

  if (found != NULL || !leash_context_check (ctx, error))
    return found;
  /* G_RESOLVER_ERROR is a domain of its own; who dials looks for codes of GIO's. */
  if (g_error_matches (reason, G_RESOLVER_ERROR, G_RESOLVER_ERROR_NOT_FOUND))
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_HOST_NOT_FOUND, reason->message);
  else
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_FAILED, reason->message);
  return NULL;
}

/* Returns an array of NativeAddress, not empty. */
static GArray *
resolve (LeashContext *ctx, const LeashAddress *address, GError **error)
{
  GArray *result = g_array_new (FALSE, FALSE, sizeof (NativeAddress));
  g_autoptr (GSocketAddress) number = NULL;
  NativeAddress native;
  GList *found;

  number = g_inet_socket_address_new_from_string (address->host, address->port);
  if (number != NULL)
    {
      native = get_tcp_native (number);
      return g_array_append_val (result, native);
    }
  found = look_up_name (ctx, address->host, error);
  for (GList *each = found; each != NULL; each = each->next)
    {
      g_autoptr (GSocketAddress) one = g_inet_socket_address_new (each->data, address->port);

      native = get_tcp_native (one);
      g_array_append_val (result, native);
    }
  g_resolver_free_addresses (found);
  if (result->len == 0)
    g_clear_pointer (&result, g_array_unref);
  return result;
}

static LeashConn *
dial_native (LeashContext *ctx, const NativeAddress *to, const char *address, GError **error)
{
  const struct sockaddr *native = (const struct sockaddr *) &to->native;
  int fd = leash_socket_new (native->sa_family, error);

  if (fd < 0)
    return NULL;
  if (leash_socket_connect (fd, ctx, native, to->length, error))
    return leash_socket_conn_new (fd, address);
  leash_socket_close (fd, NULL);
  return NULL;
}

static LeashConn *
dial_tcp (LeashContext *ctx, const LeashAddress *to, const char *address, GError **error)
{
  g_autoptr (GArray) natives = NULL;
  LeashConn *conn = NULL;

  if (to->port == 0)
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                           "port 0 cannot be dialled: expected 1 to 65535");
      return NULL;
    }
  natives = resolve (ctx, to, error);
  for (guint i = 0; natives != NULL && conn == NULL && i < natives->len; i++)
    {
      /* All but the last one's error are lost. */
      if (i > 0)
        g_clear_error (error);
      conn = dial_native (ctx, &g_array_index (natives, NativeAddress, i), address, error);
      if (leash_context_is_done (ctx))
        break;
    }
  return conn;
}

static LeashConn *
host_dial (LeashNetwork *network, LeashContext *ctx, const char *address, GError **error)
{
  g_auto (LeashAddress) to = { 0 };
  NativeAddress native;

  if (!leash_address_parse (&to, address, error))
    return NULL;
  if (to.path == NULL)
    return dial_tcp (ctx, &to, address, error);
  native = get_unix_native (to.path);
  return dial_native (ctx, &native, address, error);
}

/* A listening socket, and the file that it made. */
typedef struct
{
  int fd;
  gboolean is_shut; /* atomic; accept4() on a local socket that is shut down fails with EAGAIN for ever */
  pid_t pid;        /* whose file it is */
  char *path;       /* absolute; NULL for TCP */
  dev_t device;
  ino_t inode;
} HostListener;

static void
host_listener_free (gpointer impl)
{
  g_free (((HostListener *) impl)->path);
  g_free (impl);
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

static LeashConn *
host_accept (gpointer impl, LeashContext *ctx, GError **error)
{
  HostListener *self = impl;
  int fd;

  do
    {
      if (__atomic_load_n (&self->is_shut, __ATOMIC_ACQUIRE))
        {
          leash_attempt_set_errno (error, EINVAL);
          return NULL;
        }
      fd = accept4 (self->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    }
  while (fd < 0
         && leash_wait_retries (ctx, self->fd, POLLIN, is_of_lost_conn (errno) ? EINTR : errno, error));
  return fd < 0 ? NULL : leash_socket_conn_new (fd, NULL);
}

static void
host_listener_shutdown (gpointer impl)
{
  HostListener *self = impl;

  __atomic_store_n (&self->is_shut, TRUE, __ATOMIC_RELEASE);
  shutdown (self->fd, SHUT_RDWR);
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

/* Takes the listening descriptor over. path is NULL for TCP. */
static LeashListener *
listener_new (int fd, const char *path, const char *address)
{
  HostListener *self = g_new0 (HostListener, 1);
  g_autofree char *real = leash_socket_get_local_address (fd);
  struct stat found;

  self->fd = fd;
  self->pid = getpid ();
  if (path != NULL && lstat (path, &found) == 0)
    {
      self->path = g_canonicalize_filename (path, NULL);
      self->device = found.st_dev;
      self->inode = found.st_ino;
    }
  return leash_listener_new (&host_listener_ops, self, host_listener_free, real != NULL ? real : address);
}

/* By what the path is taken. Connecting is the one way to find out whether anybody listens. */
static void
explain_taken (const char *path, GError **error)
{
  NativeAddress to = get_unix_native (path);
  struct stat found;
  int fd;

  if (lstat (path, &found) == 0 && !S_ISSOCK (found.st_mode))
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_ADDRESS_IN_USE,
                           "something that is no socket is at that path");
      return;
    }
  fd = leash_socket_new (AF_UNIX, NULL);
  if (fd >= 0 && connect (fd, (struct sockaddr *) &to.native, to.length) != 0 && errno == ECONNREFUSED)
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_ADDRESS_IN_USE,
                         "a socket that nobody listens on was left at that path: remove it");
  else
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_ADDRESS_IN_USE, "another server listens there");
  if (fd >= 0)
    leash_socket_close (fd, NULL);
}

static gboolean
bind_and_listen (int fd, const NativeAddress *at, const char *path, GError **error)
{
  const int on = 1;

  /* Without it, the address of a server that has just ended could not be had for a minute. */
  if (path == NULL)
    setsockopt (fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind (fd, (const struct sockaddr *) &at->native, at->length) == 0 && listen (fd, SOMAXCONN) == 0)
    return TRUE;
  if (path != NULL && errno == EADDRINUSE)
    explain_taken (path, error);
  else
    leash_attempt_set_errno (error, errno);
  return FALSE;
}

static LeashListener *
listen_native (const NativeAddress *at, const char *path, const char *address, GError **error)
{
  int fd = leash_socket_new (at->native.ss_family, error);

  if (fd < 0)
    return NULL;
  if (bind_and_listen (fd, at, path, error))
    return listener_new (fd, path, address);
  leash_socket_close (fd, NULL);
  return NULL;
}

static LeashListener *
host_listen (LeashNetwork *network, LeashContext *ctx, const char *address, GError **error)
{
  g_auto (LeashAddress) at = { 0 };
  g_autoptr (GArray) natives = NULL;
  NativeAddress native;

  if (!leash_address_parse (&at, address, error))
    return NULL;
  if (at.path != NULL)
    {
      native = get_unix_native (at.path);
      return listen_native (&native, at.path, address, error);
    }
  natives = resolve (ctx, &at, error);
  return natives == NULL ? NULL
                         : listen_native (&g_array_index (natives, NativeAddress, 0), NULL, address, error);
}

static void
leash_host_network_init_iface (LeashNetworkInterface *iface)
{
  iface->version = LEASH_NETWORK_INTERFACE_VERSION;
  iface->dial = host_dial;
  iface->listen = host_listen;
}

/**
 * leash_host_network_new:
 *
 * Makes the host's network: the one that contexts use which carry no other. Its addresses are
 *
 * - `tcp:host:port`, and `tcp:[number]:port` for IPv6 numbers. To listen on port 0 takes a free one, which
 *   leash_listener_get_address() tells. A host that is a name is looked up; a listener takes its first
 * address.
 * - `unix:path`, a local socket. A listener replaces nothing that is at the path, not even a socket that was
 *   left over, and removes what it made when it is closed.
 *
 * Addresses that make no sense fail with %G_IO_ERROR_INVALID_ARGUMENT, other schemes with
 * %G_IO_ERROR_NOT_SUPPORTED.
 *
 * Returns: (transfer full): the network
 *
 * Since: 0.1
 */
LeashNetwork *
leash_host_network_new (void)
{
  return g_object_new (leash_host_network_get_type (), NULL);
}

LeashNetwork *
leash_host_network_get_default (void)
{
  static gsize the_default = 0; /* a LeashNetwork, never freed */

  if (g_once_init_enter (&the_default))
    g_once_init_leave (&the_default, (gsize) leash_host_network_new ());
  return (LeashNetwork *) the_default;
}
