/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * LeashNetwork: what dials and listens. Addresses are text, a scheme and what it needs: `tcp:host:port`,
 * `tcp:[::1]:80`, `unix:/run/x`. As with LeashFs, whoever implements the interface is tracked for nothing.
 */
#pragma once

#include <leash/leash-context.h>

G_BEGIN_DECLS

#define LEASH_TYPE_NETWORK (leash_network_get_type ())
#define LEASH_NETWORK(obj) (G_TYPE_CHECK_INSTANCE_CAST ((obj), LEASH_TYPE_NETWORK, LeashNetwork))
#define LEASH_IS_NETWORK(obj) (G_TYPE_CHECK_INSTANCE_TYPE ((obj), LEASH_TYPE_NETWORK))
#define LEASH_NETWORK_GET_IFACE(obj)                                                                         \
  (G_TYPE_INSTANCE_GET_INTERFACE ((obj), LEASH_TYPE_NETWORK, LeashNetworkInterface))

/* The version of LeashNetworkInterface that this header declares. */
#define LEASH_NETWORK_INTERFACE_VERSION 1

typedef struct _LeashNetworkInterface LeashNetworkInterface;

/**
 * LeashNetworkInterface:
 * @g_iface: the parent
 * @version: %LEASH_NETWORK_INTERFACE_VERSION of the header that the implementation was compiled with
 * @dial: connects
 * @listen: binds and listens
 *
 * What a network implements. @dial and @listen may be %NULL: the call then fails with
 * %G_IO_ERROR_NOT_SUPPORTED. The context is not done when they are called; they stop when it is. Who waits with its
 * #GCancellable hands %G_IO_ERROR_CANCELLED on: the caller is told what ended the context, as by an accept
 * (#LeashListenerOps). Both may be called from any thread.
 */
struct _LeashNetworkInterface
{
  GTypeInterface g_iface;
  guint version;

  LeashConn     *(*dial)   (LeashNetwork *network, LeashContext *ctx, const char *address, GError **error);
  LeashListener *(*listen) (LeashNetwork *network, LeashContext *ctx, const char *address, GError **error);
};

LEASH_AVAILABLE_IN_0_1
GType          leash_network_get_type     (void) G_GNUC_CONST;

/* Implementations */
LEASH_AVAILABLE_IN_0_1
LeashNetwork  *leash_host_network_new     (void) G_GNUC_WARN_UNUSED_RESULT;

/* In a context */
LEASH_AVAILABLE_IN_0_1
LeashContext  *leash_context_with_network (LeashContext  *parent,
                                           LeashNetwork  *network) G_GNUC_WARN_UNUSED_RESULT;
LEASH_AVAILABLE_IN_0_1
LeashNetwork  *leash_context_get_network  (LeashContext  *ctx);

/* On a given network */
LEASH_AVAILABLE_IN_0_1
LeashConn     *leash_network_dial         (LeashNetwork  *network,
                                           LeashContext  *ctx,
                                           const char    *address,
                                           GError       **error) G_GNUC_WARN_UNUSED_RESULT;
LEASH_AVAILABLE_IN_0_1
LeashListener *leash_network_listen       (LeashNetwork  *network,
                                           LeashContext  *ctx,
                                           const char    *address,
                                           GError       **error) G_GNUC_WARN_UNUSED_RESULT;

/* On the one that the context carries, the host's by default */
LEASH_AVAILABLE_IN_0_1
LeashConn     *leash_dial                 (LeashContext  *ctx,
                                           const char    *address,
                                           GError       **error) G_GNUC_WARN_UNUSED_RESULT;
LEASH_AVAILABLE_IN_0_1
LeashListener *leash_listen               (LeashContext  *ctx,
                                           const char    *address,
                                           GError       **error) G_GNUC_WARN_UNUSED_RESULT;

G_DEFINE_AUTOPTR_CLEANUP_FUNC (LeashNetwork, g_object_unref)

G_END_DECLS
