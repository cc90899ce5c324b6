/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Connections as GIO's streams, and the other way round: a LeashConn of any GIOStream, for what other libraries
 * connect, and a GIOStream of any LeashConn, for what reads and writes streams: GTlsConnection, GDataInputStream,
 * GDBusConnection.
 */
#pragma once

#include <leash/leash-conn.h>

G_BEGIN_DECLS

LEASH_AVAILABLE_IN_0_1
LeashConn *leash_conn_new_from_stream (LeashContext *ctx,
                                       GIOStream    *stream,
                                       const char   *address,
                                       GError      **error) G_GNUC_WARN_UNUSED_RESULT;
LEASH_AVAILABLE_IN_0_1
GIOStream *leash_conn_to_stream       (LeashConn    *conn,
                                       LeashContext *ctx) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
