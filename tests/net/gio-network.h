/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A network of GIO's: a GSocketClient dials and a GSocketListener accepts, and the connections are those of their
 * streams. Nothing of Leash's own sockets is in it.
 */
#pragma once

#include <gio/gio.h>
#include <leash/leash.h>

typedef GObject GioNetwork;
typedef GObjectClass GioNetworkClass;

static void gio_network_init_iface (LeashNetworkInterface *iface);
static GType gio_network_get_type (void);

G_DEFINE_FINAL_TYPE_WITH_CODE (GioNetwork, gio_network, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (LEASH_TYPE_NETWORK, gio_network_init_iface))

/* What is behind "tcp:", which is what GIO calls an address. NULL with an error set where that is not there. */
static const char *
get_host_and_port (const char *address, GError **error)
{
  if (g_str_has_prefix (address, "tcp:"))
    return address + strlen ("tcp:");
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, "“%s” does not begin with tcp:", address);
  return NULL;
}

/* Takes the address over. */
static char *
to_leash_address (GSocketAddress *address)
{
  g_autofree char *text = g_socket_connectable_to_string (G_SOCKET_CONNECTABLE (address));

  g_object_unref (address);
  return g_strconcat ("tcp:", text, NULL);
}

/* Takes the stream over. */
static LeashConn *
gio_conn_new (GSocketConnection *stream, const char *address, GError **error)
{
  LeashConn *conn = NULL;

  if (stream != NULL)
    conn = leash_conn_new_from_stream (leash_context_background (), G_IO_STREAM (stream), address, error);
  g_clear_object (&stream);
  return conn;
}

static LeashConn *
gio_dial (LeashNetwork *network, LeashContext *ctx, const char *address, GError **error)
{
  g_autoptr (GSocketClient) client = g_socket_client_new ();
  const char *where = get_host_and_port (address, error);

  g_socket_client_set_enable_proxy (client, FALSE);
  return where == NULL ? NULL
                       : gio_conn_new (g_socket_client_connect_to_host (client, where, 0,
                                                                        leash_context_get_cancellable (ctx), error),
                                       address, error);
}

typedef struct
{
  GSocketListener *inner;
  GSocket *socket; /* its only one */
} GioListener;

static LeashConn *
gio_accept (gpointer impl, LeashContext *ctx, GError **error)
{
  GioListener *self = impl;
  GSocketConnection *stream
      = g_socket_listener_accept (self->inner, NULL, leash_context_get_cancellable (ctx), error);
  g_autofree char *peer = stream != NULL ? to_leash_address (g_socket_connection_get_remote_address (stream, NULL))
                                         : NULL;

  return gio_conn_new (stream, peer, error);
}

static void
gio_listener_shutdown (gpointer impl)
{
  g_socket_shutdown (((GioListener *) impl)->socket, TRUE, TRUE, NULL);
}

static gboolean
gio_listener_close (gpointer impl, GError **error)
{
  g_socket_listener_close (((GioListener *) impl)->inner);
  return TRUE;
}

static void
gio_listener_free (gpointer impl)
{
  g_object_unref (((GioListener *) impl)->inner);
  g_object_unref (((GioListener *) impl)->socket);
  g_free (impl);
}

static const LeashListenerOps gio_listener_ops = {
  .size = sizeof (LeashListenerOps),
  .accept = gio_accept,
  .shutdown = gio_listener_shutdown,
  .close = gio_listener_close,
};

static GSocket *
listening_socket_new (const char *address, GError **error)
{
  const char *where = get_host_and_port (address, error);
  const char *colon = where != NULL ? strrchr (where, ':') : NULL;
  g_autofree char *host = colon != NULL ? g_strndup (where, (gsize) (colon - where)) : NULL;
  g_autoptr (GSocketAddress) place = NULL;
  g_autoptr (GSocket) socket = NULL;

  if (host == NULL)
    return NULL;
  place = g_inet_socket_address_new_from_string (host, (guint) g_ascii_strtoull (colon + 1, NULL, 10));
  socket = g_socket_new (G_SOCKET_FAMILY_IPV4, G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_DEFAULT, error);
  if (socket == NULL)
    return NULL;
  g_socket_set_listen_backlog (socket, 128);
  if (!g_socket_bind (socket, place, TRUE, error) || !g_socket_listen (socket, error))
    return NULL;
  return g_steal_pointer (&socket);
}

static LeashListener *
gio_listen (LeashNetwork *network, LeashContext *ctx, const char *address, GError **error)
{
  GSocket *socket = listening_socket_new (address, error);
  g_autofree char *there = NULL;
  GioListener *self;

  if (socket == NULL)
    return NULL;
  there = to_leash_address (g_socket_get_local_address (socket, NULL));
  self = g_new (GioListener, 1);
  *self = (GioListener){ g_socket_listener_new (), socket };
  g_socket_listener_add_socket (self->inner, socket, NULL, NULL);
  return leash_listener_new (&gio_listener_ops, self, gio_listener_free, there);
}

static void
gio_network_class_init (GioNetworkClass *klass)
{
}

static void
gio_network_init (GioNetwork *self)
{
}

static void
gio_network_init_iface (LeashNetworkInterface *iface)
{
  iface->version = LEASH_NETWORK_INTERFACE_VERSION;
  iface->dial = gio_dial;
  iface->listen = gio_listen;
}

static LeashNetwork *
make_gio (char **ret_address, gpointer unused, GError **error)
{
  *ret_address = g_strdup ("tcp:127.0.0.1:0");
  return g_object_new (gio_network_get_type (), NULL);
}
