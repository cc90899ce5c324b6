/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Connections over the kernel's sockets. */
#pragma once

#include <sys/socket.h>

#include "leash-net-private.h"

/* A stream socket that never blocks and is closed on exec, -1 with the error set. */
int        leash_socket_new       (int                    family,
                                   GError               **error);
/* Connects, waiting as long as ctx lets one. */
gboolean   leash_socket_connect   (int                    fd,
                                   LeashContext          *ctx,
                                   const struct sockaddr *native,
                                   socklen_t              length,
                                   GError               **error);
/* Takes the connected descriptor over. remote_address stands in for what the kernel says; may be NULL. */
LeashConn *leash_socket_conn_new  (int                    fd,
                                   const char            *remote_address);
/* The address that a socket is bound to, NULL when it has none. */
char      *leash_socket_get_local_address (int            fd);
gboolean   leash_socket_close     (int                    fd,
                                   GError               **error);
