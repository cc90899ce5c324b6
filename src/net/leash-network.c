/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * LeashNetwork: the interface, and the functions that call it.
 *
 * The sister of leash-fs.c: what holds for every network is done here and nowhere else. Arguments and context
 * are checked, the errors get their operation and address, and what was dialled or listens is put on the
 * leash, with the caller of the public function as the top of its stack.
 */
#include "leash-context-private.h"
#include "leash-net-private.h"
#include <leash/leash-track.h>

/**
 * LeashNetwork:
 *
 * A network: the host's, or the user's own.
 *
 * Addresses are text: a scheme, a colon and what the scheme needs. An error's message tells what was
 * attempted, the address and the reason: `Dialling “tcp:127.0.0.1:9”: Connection refused`; its code is of
 * GIO's. Nothing is attempted when the context is done.
 *
 * All functions may be called from any thread.
 */
G_DEFINE_INTERFACE (LeashNetwork, leash_network, G_TYPE_OBJECT)

static void
leash_network_default_init (LeashNetworkInterface *iface)
{
}

static gboolean G_GNUC_NO_INLINE
refuse (LeashNetwork *network, const char *operation, GError **error)
{
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED, "the network %s has no operation “%s”",
               G_OBJECT_TYPE_NAME (network), operation);
  return FALSE;
}

/* Whether an operation can be called: the implementation knew of it, which its version tells, and has it. */
#define CHECK_HAS(network, iface, since, operation, error)              \
  (G_LIKELY ((iface)->version >= (since) && (iface)->operation != NULL) \
   || refuse (network, #operation, error))

void
leash_net_say_why_done (LeashContext *ctx, GError **error)
{
  g_autoptr (GError) cause = NULL;

  if (error == NULL || !g_error_matches (*error, G_IO_ERROR, G_IO_ERROR_CANCELLED)
      || leash_context_check (ctx, &cause) || g_error_matches (cause, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return;
  g_clear_error (error);
  g_propagate_error (error, g_steal_pointer (&cause));
}

/* Operations: each once, for all of its public forms */

LeashConn *
leash_network_dial_bare (LeashNetwork *network, LeashContext *ctx, const char *address, GError **error)
{
  LeashNetworkInterface *iface = LEASH_NETWORK_GET_IFACE (network);
  LeashConn *conn;

  if (!leash_context_check (ctx, error) || !CHECK_HAS (network, iface, 1, dial, error))
    return NULL;
  conn = iface->dial (network, ctx, address, error);
  if (G_UNLIKELY (conn == NULL))
    leash_net_say_why_done (ctx, error);
  return conn;
}

LeashListener *
leash_network_listen_bare (LeashNetwork *network, LeashContext *ctx, const char *address, GError **error)
{
  LeashNetworkInterface *iface = LEASH_NETWORK_GET_IFACE (network);
  LeashListener *listener;

  if (!leash_context_check (ctx, error) || !CHECK_HAS (network, iface, 1, listen, error))
    return NULL;
  listener = iface->listen (network, ctx, address, error);
  if (G_UNLIKELY (listener == NULL))
    leash_net_say_why_done (ctx, error);
  return listener;
}

static LeashConn *
dial (LeashNetwork *network, LeashContext *ctx, const char *address, const char *kind, gconstpointer caller,
      GError **error)
{
  LeashConn *conn = leash_network_dial_bare (network, ctx, address, error);

  if (G_LIKELY (conn != NULL))
    leash_conn_track (conn, ctx, kind, address, caller);
  else
    leash_attempt_prefix (error, "Dialling", address);
  return conn;
}

static LeashListener *
start_listening (LeashNetwork *network, LeashContext *ctx, const char *address, gconstpointer caller,
                 GError **error)
{
  LeashListener *listener = leash_network_listen_bare (network, ctx, address, error);

  if (G_LIKELY (listener != NULL))
    leash_listener_track (listener, ctx, caller);
  else
    leash_attempt_prefix (error, "Listening on", address);
  return listener;
}

LeashConn *
leash_dial_as (LeashContext *ctx, const char *address, const char *kind, gconstpointer caller, GError **error)
{
  return dial (leash_context_get_network (ctx), ctx, address, kind, caller, error);
}

/**
 * leash_context_with_network:
 * @parent: a context
 * @network: a network
 *
 * Makes a child of @parent that carries @network: leash_dial() and leash_listen() use it from there on. The
 * context holds a reference.
 *
 * Returns: (transfer full): the child
 *
 * Since: 0.1
 */
LeashContext *
leash_context_with_network (LeashContext *parent, LeashNetwork *network)
{
  g_return_val_if_fail (parent != NULL, NULL);
  g_return_val_if_fail (LEASH_IS_NETWORK (network), NULL);

  return leash_context_with_slot (parent, LEASH_SLOT_NETWORK, G_OBJECT (network));
}

/**
 * leash_context_get_network:
 * @ctx: a context
 *
 * Gets the network that a context carries, the host's when it carries none.
 *
 * Returns: (transfer none): the network, valid as long as @ctx is
 *
 * Since: 0.1
 */
LeashNetwork *
leash_context_get_network (LeashContext *ctx)
{
  GObject *carried;

  g_return_val_if_fail (ctx != NULL, NULL);

  carried = leash_context_get_slot (ctx, LEASH_SLOT_NETWORK);
  return G_LIKELY (carried == NULL) ? leash_host_network_get_default () : (LeashNetwork *) carried;
}

/**
 * leash_network_dial:
 * @network: a network
 * @ctx: a context
 * @address: whom to connect to
 * @error: return location for an error
 *
 * Connects, waiting for as long as @ctx lets it, and puts the connection on the leash of @ctx's tracker until
 * it is closed. The context governs the dialling only: the connection lives on when it is done.
 *
 * Returns: (transfer full): the connection, %NULL with @error set
 *
 * Since: 0.1
 */
LeashConn *
leash_network_dial (LeashNetwork *network, LeashContext *ctx, const char *address, GError **error)
{
  g_return_val_if_fail (LEASH_IS_NETWORK (network), NULL);
  g_return_val_if_fail (ctx != NULL, NULL);
  g_return_val_if_fail (address != NULL, NULL);

  return dial (network, ctx, address, "conn", LEASH_CALLER, error);
}

/**
 * leash_network_listen:
 * @network: a network
 * @ctx: a context
 * @address: where to listen
 * @error: return location for an error
 *
 * Listens for connections, and puts the listener on the leash of @ctx's tracker until it is closed.
 *
 * Returns: (transfer full): the listener, %NULL with @error set
 *
 * Since: 0.1
 */
LeashListener *
leash_network_listen (LeashNetwork *network, LeashContext *ctx, const char *address, GError **error)
{
  g_return_val_if_fail (LEASH_IS_NETWORK (network), NULL);
  g_return_val_if_fail (ctx != NULL, NULL);
  g_return_val_if_fail (address != NULL, NULL);

  return start_listening (network, ctx, address, LEASH_CALLER, error);
}

/**
 * leash_dial:
 * @ctx: a context
 * @address: whom to connect to, such as `tcp:example.org:80`, `tcp:[::1]:80` or `unix:/run/x`
 * @error: return location for an error
 *
 * As leash_network_dial(), on the network that @ctx carries.
 *
 * Returns: (transfer full): the connection, %NULL with @error set
 *
 * Since: 0.1
 */
LeashConn *
leash_dial (LeashContext *ctx, const char *address, GError **error)
{
  g_return_val_if_fail (ctx != NULL, NULL);
  g_return_val_if_fail (address != NULL, NULL);

  return dial (leash_context_get_network (ctx), ctx, address, "conn", LEASH_CALLER, error);
}

/**
 * leash_listen:
 * @ctx: a context
 * @address: where to listen, such as `tcp:127.0.0.1:0` for a free port, or `unix:/run/x`
 * @error: return location for an error
 *
 * As leash_network_listen(), on the network that @ctx carries.
 *
 * Returns: (transfer full): the listener, %NULL with @error set
 *
 * Since: 0.1
 */
LeashListener *
leash_listen (LeashContext *ctx, const char *address, GError **error)
{
  g_return_val_if_fail (ctx != NULL, NULL);
  g_return_val_if_fail (address != NULL, NULL);

  return start_listening (leash_context_get_network (ctx), ctx, address, LEASH_CALLER, error);
}
