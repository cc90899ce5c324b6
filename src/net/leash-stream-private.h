/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Connections over streams, and streams over connections: see leash-conn-stream.c and leash-conn-view.c. */
#pragma once

#include <leash/leash-conn-stream.h>

#include "leash-conn-private.h"

/*
 * A stream over the connection, which it takes over. is_bare: for who stands before it and is the only one to use
 * it: without the guard of the handle, errors are the bare reason, and the stream says that it can be polled
 * even where the connection only waits.
 */
GIOStream *leash_conn_view_new  (LeashConn    *conn,
                                 LeashContext *ctx,
                                 gboolean      is_bare) G_GNUC_WARN_UNUSED_RESULT;
/* The connection that a stream is made of, NULL of others'. */
LeashConn *leash_conn_view_get_conn (GIOStream *stream);
