/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * TLS before another network. Addresses without TLS go to it as they are, so that one network serves all.
 * What is below was not tracked: a connection with TLS is one resource, under the address that was dialled.
 */
#include "leash-tls-private.h"

#include "leash-handle-private.h"

#include <string.h>

/* `tls:host:port` and `tls+scheme:rest` */
#define PLAIN_PREFIX "tls:"
#define OTHER_PREFIX "tls+"

gboolean
leash_tls_is_address (const char *address)
{
  return g_str_has_prefix (address, PLAIN_PREFIX) || g_str_has_prefix (address, OTHER_PREFIX);
}

/* "tls:host:port" is over "tcp:host:port", "tls+x:y" over "x:y". */
static char *
get_inner_address (const char *address)
{
  return g_str_has_prefix (address, PLAIN_PREFIX)
             ? g_strconcat ("tcp:", address + strlen (PLAIN_PREFIX), NULL)
             : g_strdup (address + strlen (OTHER_PREFIX));
}

static char *
get_outer_address (const char *inner)
{
  if (inner == NULL)
    return NULL;
  return g_str_has_prefix (inner, "tcp:") ? g_strconcat (PLAIN_PREFIX, inner + strlen ("tcp:"), NULL)
                                          : g_strconcat (OTHER_PREFIX, inner, NULL);
}

/* The host of an address of TCP, without brackets; NULL in others. */
static char *
get_host (const char *inner)
{
  const char *host, *end;

  if (!g_str_has_prefix (inner, "tcp:") && !g_str_has_prefix (inner, "tcp4:")
      && !g_str_has_prefix (inner, "tcp6:"))
    return NULL;
  host = strchr (inner, ':') + 1;
  end = strrchr (host, ':');
  if (end == NULL)
    return NULL;
  if (host[0] == '[' && end > host + 1 && end[-1] == ']')
    return g_strndup (host + 1, (gsize) (end - host) - 2);
  return g_strndup (host, (gsize) (end - host));
}

/* Of datagrams, which may be lost, GIO's TLS for streams makes nothing. */
static gboolean
check (const char *inner, GError **error)
{
  if (g_str_has_prefix (inner, "udp:"))
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                           "TLS is over streams, and udp: is datagrams");
      return FALSE;
    }
  if (g_tls_backend_supports_tls (g_tls_backend_get_default ()))
    return TRUE;
  g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
                       "GIO has no TLS here: install glib-networking (the Debian package of that name)");
  return FALSE;
}

/* The connection below is taken over. */
static LeashConn *
wrap (LeashConn *inner, LeashTlsConfig *config, const char *server_name, GError **error)
{
  g_autofree char *local = get_outer_address (leash_conn_get_local_address (inner));
  g_autofree char *remote = get_outer_address (leash_conn_get_remote_address (inner));

  return leash_tls_conn_new (inner, config, server_name, local, remote, error);
}

static LeashConn *
dial_inner (LeashNetwork *inner, LeashTlsConfig *config, LeashContext *ctx, const char *address,
            const char *server_name, GError **error)
{
  LeashConn *below = leash_network_dial_bare (inner, ctx, address, error);
  LeashConn *conn = below != NULL ? wrap (below, config, server_name, error) : NULL;

  if (conn == NULL || leash_tls_conn_shake_hands (conn, ctx, error))
    return conn;
  leash_conn_unref (conn);
  return NULL;
}

/* Who has connected goes on at once: a server that takes one after the other would wait for it. */
static LeashConn *
dial_in_crowd (LeashNetwork *inner, LeashTlsConfig *config, LeashContext *ctx, const char *address,
               const char *server_name, GError **error)
{
  LeashConn *conn;

  if (!leash_tls_join_crowd (ctx, error))
    return NULL;
  conn = dial_inner (inner, config, ctx, address, server_name, error);
  leash_tls_leave_crowd ();
  return conn;
}

LeashConn *
leash_tls_dial (LeashNetwork *inner, LeashTlsConfig *config, LeashContext *ctx, const char *address,
                GError **error)
{
  g_autoptr (LeashTlsConfig) used = config != NULL ? leash_tls_config_ref (config) : leash_tls_config_new ();
  g_autofree char *inner_address = get_inner_address (address);
  g_autofree char *name = used->server_name != NULL ? g_strdup (used->server_name) : get_host (inner_address);

  if (!check (inner_address, error))
    return NULL;
  if (name != NULL && name[0] != '\0')
    return dial_in_crowd (inner, used, ctx, inner_address, name, error);
  g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                       "the address names no host, and the configuration no server: whose certificate to "
                       "accept is not known");
  return NULL;
}

/* Listening */

typedef struct
{
  LeashListener *below;   /* owned */
  LeashTlsConfig *config; /* owned */
} TlsListener;

static LeashConn *
tls_accept (gpointer impl, LeashContext *ctx, GError **error)
{
  TlsListener *self = impl;
  LeashConn *below = leash_listener_accept_bare (self->below, ctx, error);

  return below != NULL ? wrap (below, self->config, NULL, error) : NULL;
}

static void
tls_listener_shutdown (gpointer impl)
{
  leash_listener_wake_bare (((TlsListener *) impl)->below);
}

static int
tls_listener_get_fd (gpointer impl)
{
  return leash_listener_get_fd (((TlsListener *) impl)->below);
}

static gboolean
tls_listener_close (gpointer impl, GError **error)
{
  return leash_listener_close_bare (((TlsListener *) impl)->below, error);
}

static void
tls_listener_free (gpointer impl)
{
  TlsListener *self = impl;

  leash_tls_count_listeners (-1);
  leash_listener_unref (self->below);
  leash_tls_config_unref (self->config);
  g_free (self);
}

static const LeashListenerOps listener_ops = {
  .size = sizeof (LeashListenerOps),
  .accept = tls_accept,
  .shutdown = tls_listener_shutdown,
  .get_fd = tls_listener_get_fd,
  .close = tls_listener_close,
};

LeashListener *
leash_tls_listen (LeashNetwork *inner, LeashTlsConfig *config, LeashContext *ctx, const char *address,
                  GError **error)
{
  g_autofree char *inner_address = get_inner_address (address);
  g_autofree char *outer_address = NULL;
  LeashListener *below, *listener;
  TlsListener *self;

  if (!check (inner_address, error))
    return NULL;
  if (config == NULL || config->certificate == NULL)
    {
      g_set_error_literal (
          error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
          "a server needs a certificate: use a network that leash_tls_network_new() made with one");
      return NULL;
    }
  below = leash_network_listen_bare (inner, ctx, inner_address, error);
  if (below == NULL)
    return NULL;
  self = g_new (TlsListener, 1);
  *self = (TlsListener){ below, leash_tls_config_ref (config) };
  leash_tls_count_listeners (1);
  outer_address = get_outer_address (leash_listener_get_address (below));
  listener = leash_listener_new (&listener_ops, self, tls_listener_free, outer_address);
  leash_listener_stand_before (listener, below);
  return listener;
}

/* The network */

typedef struct
{
  GObject parent_instance;

  LeashNetwork *inner;    /* owned */
  LeashTlsConfig *config; /* owned */
} LeashTlsNetwork;

typedef GObjectClass LeashTlsNetworkClass;

static void leash_tls_network_init_iface (LeashNetworkInterface *iface);
static GType leash_tls_network_get_type (void);

G_DEFINE_FINAL_TYPE_WITH_CODE (LeashTlsNetwork, leash_tls_network, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (LEASH_TYPE_NETWORK, leash_tls_network_init_iface))

static void
leash_tls_network_finalize (GObject *object)
{
  LeashTlsNetwork *self = (LeashTlsNetwork *) object;

  g_clear_object (&self->inner);
  leash_tls_config_unref (self->config);
  G_OBJECT_CLASS (leash_tls_network_parent_class)->finalize (object);
}

static void
leash_tls_network_class_init (LeashTlsNetworkClass *klass)
{
  klass->finalize = leash_tls_network_finalize;
}

static void
leash_tls_network_init (LeashTlsNetwork *self)
{
}

static LeashConn *
tls_dial (LeashNetwork *network, LeashContext *ctx, const char *address, GError **error)
{
  LeashTlsNetwork *self = (LeashTlsNetwork *) network;

  return leash_tls_is_address (address) ? leash_tls_dial (self->inner, self->config, ctx, address, error)
                                        : leash_network_dial_bare (self->inner, ctx, address, error);
}

static LeashListener *
tls_listen (LeashNetwork *network, LeashContext *ctx, const char *address, GError **error)
{
  LeashTlsNetwork *self = (LeashTlsNetwork *) network;

  return leash_tls_is_address (address) ? leash_tls_listen (self->inner, self->config, ctx, address, error)
                                        : leash_network_listen_bare (self->inner, ctx, address, error);
}

static void
leash_tls_network_init_iface (LeashNetworkInterface *iface)
{
  iface->version = LEASH_NETWORK_INTERFACE_VERSION;
  iface->dial = tls_dial;
  iface->listen = tls_listen;
}

/**
 * leash_tls_network_new:
 * @inner: the network below
 * @config: (nullable): whom to trust and what to show; it does not change from now on. %NULL for the default,
 *   with which servers are verified by the system's authorities, and nothing can listen
 *
 * Makes a network that speaks TLS over another one:
 *
 * - `tls:host:port` is TLS over @inner's `tcp:host:port`;
 * - `tls+scheme:rest` is TLS over @inner's `scheme:rest`, such as `tls+unix:/run/x`;
 * - other addresses are @inner's.
 *
 * Dialling includes the handshake, under the context. What a listener accepts makes its handshake when it is
 * first read from or written to, under that context and the connection's deadlines, so that a peer which says
 * nothing keeps nobody from accepting others; a deadline that passes during the handshake, or is set, ends
 * the connection.
 *
 * A certificate that is not accepted fails with %G_TLS_ERROR_BAD_CERTIFICATE, whatever is wrong with it, and
 * the message says what. Without a TLS backend for GIO, dialling and listening fail with
 * %G_IO_ERROR_NOT_SUPPORTED. A connection that ends without the end that TLS tells (close_notify) was cut, by
 * whomever: reading fails with %G_TLS_ERROR_EOF. leash_conn_close() tells the end, and waits for up to 5 s
 * for room to do so; not while a write in another thread waits. leash_conn_shutdown() of the writing side
 * does the same without closing; the other direction goes on.
 *
 * A write that a deadline or its context ends in the middle of a record counts nothing of it, and only a
 * write that begins with the same bytes goes on with it: until then other writes, and leash_conn_shutdown()
 * of the writing side, fail with %G_IO_ERROR_PENDING, and closing cuts the connection.
 *
 * With TLS 1.3 a server that refuses a client's certificate does so behind the client's handshake: the client
 * learns of it from its first read.
 *
 * Returns: (transfer full): the network
 *
 * Since: 0.1
 */
LeashNetwork *
leash_tls_network_new (LeashNetwork *inner, LeashTlsConfig *config)
{
  LeashTlsNetwork *self;

  g_return_val_if_fail (LEASH_IS_NETWORK (inner), NULL);

  self = g_object_new (leash_tls_network_get_type (), NULL);
  self->inner = g_object_ref (inner);
  self->config = config != NULL ? leash_tls_config_ref (config) : leash_tls_config_new ();
  g_atomic_int_set (&self->config->is_used, TRUE);
  return LEASH_NETWORK (self);
}
