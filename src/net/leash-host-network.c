/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The host's network: who does what with an address, by its scheme. */
#include "leash-host-private.h"
#include "leash-memory-network-private.h"
#include "leash-tls-private.h"

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

static LeashConn *
host_dial (LeashNetwork *network, LeashContext *ctx, const char *address, GError **error)
{
  g_auto (LeashAddress) to = { 0 };

  if (g_str_has_prefix (address, "memory:"))
    return leash_network_dial_bare (leash_memory_network_get_default (), ctx, address, error);
  if (leash_tls_is_address (address))
    return leash_tls_dial (network, NULL, ctx, address, error);
  if (!leash_address_parse (&to, address, error))
    return NULL;
  if (to.scheme == LEASH_SCHEME_FD)
    return leash_host_adopt_conn (to.fd, address, error);
  return leash_host_dial (ctx, &to, address, error);
}

static LeashListener *
host_listen (LeashNetwork *network, LeashContext *ctx, const char *address, GError **error)
{
  g_auto (LeashAddress) at = { 0 };

  if (g_str_has_prefix (address, "memory:"))
    return leash_network_listen_bare (leash_memory_network_get_default (), ctx, address, error);
  if (leash_tls_is_address (address))
    return leash_tls_listen (network, NULL, ctx, address, error);
  if (!leash_address_parse (&at, address, error))
    return NULL;
  if (at.scheme == LEASH_SCHEME_FD)
    return leash_host_adopt_listener (at.fd, address, error);
  if (at.scheme != LEASH_SCHEME_UDP)
    return leash_host_listen (ctx, &at, address, error);
  g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
                       "with datagrams there are no connections to accept: dial the peer");
  return NULL;
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
 *   leash_listener_get_address() tells. A host that is a name is looked up. Who dials one that has several
 *   addresses gets the first that answers ("Happy Eyeballs"); an error names each of them, and why. A
 *   listener takes the first one. `tcp4:` and `tcp6:` use addresses of one family only.
 * - `unix:path`, a local socket. A listener replaces nothing that is at the path, not even a socket that was
 *   left over, and removes what it made when it is closed. `unix-abstract:name` has no file.
 * - `udp:host:port`, datagrams to and from one peer. There is nothing to listen for.
 * - `memory:name`, in memory, for all of the process: see leash_memory_network_new().
 * - `fd:number`, a descriptor of the program's: a connected socket to dial, one that listens to listen. From
 *   then on it is the connection's or listener's to close, and closes on exec. What is no such socket is
 *   refused, and stays open.
 * - `tls:host:port`, TLS over `tcp:host:port`, with the system's authorities; see leash_tls_network_new().
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
