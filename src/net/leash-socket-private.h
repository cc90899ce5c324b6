/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The kernel's sockets, and connections over them. */
#pragma once

#include "leash-address-private.h"
#include "leash-net-private.h"

/* A socket that never blocks and is closed on exec, -1 with the error set. */
int        leash_socket_new       (int                family,
                                   int                type,
                                   GError           **error);
/* Begins to connect, or looks how far that is: 0, EINPROGRESS, EAGAIN (a local server's queue is full), or why it failed. */
int        leash_socket_try_connect (int              fd,
                                   const LeashNative *to);
/* Connects, waiting as long as ctx lets one. */
gboolean   leash_socket_connect   (int                fd,
                                   LeashContext      *ctx,
                                   const LeashNative *to,
                                   GError           **error);
/* FALSE when the kernel does not tell; ret_native is empty then. */
gboolean   leash_socket_get_local (int                fd,
                                   LeashNative       *ret_native);
gboolean   leash_socket_get_remote (int               fd,
                                   LeashNative       *ret_native);
gboolean   leash_socket_close     (int                fd,
                                   GError           **error);
/* Operations of connections over local sockets, without waiting: see LeashConnOps. */
gssize     leash_socket_send_fds  (int                fd,
                                   LeashContext      *ctx,
                                   const void        *buffer,
                                   gsize              count,
                                   const int         *fds,
                                   guint              n_fds,
                                   GError           **error);
gssize     leash_socket_receive_fds (int              fd,
                                   LeashContext      *ctx,
                                   void              *buffer,
                                   gsize              count,
                                   int               *ret_fds,
                                   guint              max_fds,
                                   guint             *ret_n_fds,
                                   GError           **error);
GCredentials *leash_socket_get_credentials (int       fd,
                                   GError           **error);
/* The close that follows sends a reset. */
void       leash_socket_make_reset (int               fd);
/* Of TCP: see leash_conn_set_keepalive(). */
gboolean   leash_socket_set_keepalive (int            fd,
                                   gint64             idle,
                                   GError           **error);
/*
 * Takes the connected descriptor over. holds_back: a TCP socket may not have TCP_NODELAY. As with
 * leash_conn_new(), one of the addresses is needed.
 */
LeashConn *leash_socket_conn_new  (int                fd,
                                   int                family,
                                   int                type,
                                   gboolean           holds_back,
                                   const char        *local_address,
                                   const char        *remote_address);
/* Whether they are those of a connection over the kernel's sockets: what its descriptor says, it says. */
gboolean   leash_socket_conn_has_ops (const LeashConnOps *ops);
