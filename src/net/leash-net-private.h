/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of this part share. */
#pragma once

#include <leash/leash-conn.h>
#include <leash/leash-listener.h>

#include "leash-attempt-private.h"

/* What a context without a network uses: made at first need, never freed. */
LeashNetwork *leash_host_network_get_default (void);

/* What a network opens, not tracked, and with the bare reason for an error: for who stands before another network. */
LeashConn     *leash_network_dial_bare   (LeashNetwork *network,
                                          LeashContext *ctx,
                                          const char   *address,
                                          GError      **error);
LeashListener *leash_network_listen_bare (LeashNetwork *network,
                                          LeashContext *ctx,
                                          const char   *address,
                                          GError      **error);

/* Who waits with the context's GCancellable is told that it was cancelled, whatever ended the context: tells that. */
void           leash_net_say_why_done    (LeashContext *ctx,
                                          GError      **error);

/* leash_dial() for who wraps connections: the resource is called kind in reports. */
LeashConn    *leash_dial_as       (LeashContext       *ctx,
                                   const char         *address,
                                   const char         *kind,
                                   gconstpointer       caller,
                                   GError            **error);

/* Called once, on what an implementation returned, before anybody else sees it. */
void          leash_conn_track    (LeashConn          *conn,
                                   LeashContext       *ctx,
                                   const char         *kind,
                                   const char         *address,
                                   gconstpointer       caller);
void          leash_listener_track (LeashListener     *listener,
                                   LeashContext       *ctx,
                                   gconstpointer       caller);
/* The peer's address, the own one when the peer has none. */
const char   *leash_conn_get_name (LeashConn          *conn);

/* The public functions of these names, in the words and on behalf of who wraps connections. */
gssize        leash_conn_read_as      (LeashConn          *conn,
                                       LeashContext       *ctx,
                                       void               *buffer,
                                       gsize               count,
                                       const LeashAttempt *attempt,
                                       gconstpointer       caller,
                                       GError            **error);
gboolean      leash_conn_write_all_as (LeashConn          *conn,
                                       LeashContext       *ctx,
                                       const void         *buffer,
                                       gsize               count,
                                       gsize              *ret_count,
                                       const LeashAttempt *attempt,
                                       gconstpointer       caller,
                                       GError            **error);
/* Without the guard of the handle, and with the bare reason for an error: for who stands before another connection. */
gssize        leash_conn_read_bare    (LeashConn          *conn,
                                       LeashContext       *ctx,
                                       void               *buffer,
                                       gsize               count,
                                       GError            **error);
gssize        leash_conn_write_bare   (LeashConn          *conn,
                                       LeashContext       *ctx,
                                       const void         *buffer,
                                       gsize               count,
                                       GError            **error);
gboolean      leash_conn_set_keepalive_bare (LeashConn        *conn,
                                       gint64              idle,
                                       GError            **error);
gboolean      leash_conn_close_as     (LeashConn          *conn,
                                       gconstpointer       caller,
                                       GError            **error);
/*
 * Likewise for a listener: its operations, as they are. The last, for who stands before another one, takes over what is
 * known of it.
 */
LeashConn    *leash_listener_accept_bare  (LeashListener *listener,
                                           LeashContext  *ctx,
                                           GError       **error);
void          leash_listener_wake_bare    (LeashListener *listener);
gboolean      leash_listener_close_bare   (LeashListener *listener,
                                           GError       **error);
void          leash_listener_stand_before (LeashListener *listener,
                                           LeashListener *inner);
