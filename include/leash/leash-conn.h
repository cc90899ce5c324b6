/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * LeashConn: a connection of any LeashNetwork. Life: leash_dial() or leash_listener_accept() makes it with one
 * reference; leash_conn_close() closes it and tells how that went; the last leash_conn_unref() closes what is
 * still open. Reads and writes may run in several threads at once; a close in another thread ends them.
 */
#pragma once

#include <leash/leash-network.h>

G_BEGIN_DECLS

#define LEASH_TYPE_CONN (leash_conn_get_type ())

/**
 * LeashConnOps:
 * @size: `sizeof (LeashConnOps)`: operations that came later are not looked at
 * @read: waits for data and reads some of it; 0 when the peer is done writing
 * @write: waits for room and writes some of the data
 * @shutdown: stops one or both directions (%TRUE for each); also called, with both, before @close, to end
 *   operations that wait in other threads
 * @get_fd: the descriptor, -1 where there is none
 * @close: closes; called once, when no other operation runs; the connection is closed whatever it returns
 *
 * What a connection of a LeashNetwork implementation does. Operations that wait stop when the context is done.
 */
typedef struct
{
  gsize size;
  gssize   (*read)     (gpointer impl, LeashContext *ctx, void *buffer, gsize count, GError **error);
  gssize   (*write)    (gpointer impl, LeashContext *ctx, const void *buffer, gsize count, GError **error);
  gboolean (*shutdown) (gpointer impl, gboolean reading, gboolean writing, GError **error);
  int      (*get_fd)   (gpointer impl);
  gboolean (*close)    (gpointer impl, GError **error);
} LeashConnOps;

LEASH_AVAILABLE_IN_0_1
GType       leash_conn_get_type           (void) G_GNUC_CONST;

/* For who implements a LeashNetwork */
LEASH_AVAILABLE_IN_0_1
LeashConn  *leash_conn_new                (const LeashConnOps *ops,
                                           gpointer            impl,
                                           GDestroyNotify      destroy,
                                           const char         *local_address,
                                           const char         *remote_address) G_GNUC_WARN_UNUSED_RESULT;

/* For who uses it */
LEASH_AVAILABLE_IN_0_1
LeashConn  *leash_conn_ref                (LeashConn          *conn);
LEASH_AVAILABLE_IN_0_1
void        leash_conn_unref              (LeashConn          *conn);
LEASH_AVAILABLE_IN_0_1
gssize      leash_conn_read               (LeashConn          *conn,
                                           LeashContext       *ctx,
                                           void               *buffer,
                                           gsize               count,
                                           GError            **error);
LEASH_AVAILABLE_IN_0_1
gssize      leash_conn_write              (LeashConn          *conn,
                                           LeashContext       *ctx,
                                           const void         *buffer,
                                           gsize               count,
                                           GError            **error);
LEASH_AVAILABLE_IN_0_1
gboolean    leash_conn_read_all           (LeashConn          *conn,
                                           LeashContext       *ctx,
                                           void               *buffer,
                                           gsize               count,
                                           gsize              *ret_count,
                                           GError            **error);
LEASH_AVAILABLE_IN_0_1
gboolean    leash_conn_write_all          (LeashConn          *conn,
                                           LeashContext       *ctx,
                                           const void         *buffer,
                                           gsize               count,
                                           gsize              *ret_count,
                                           GError            **error);
LEASH_AVAILABLE_IN_0_1
gboolean    leash_conn_shutdown           (LeashConn          *conn,
                                           gboolean            reading,
                                           gboolean            writing,
                                           GError            **error);
LEASH_AVAILABLE_IN_0_1
int         leash_conn_get_fd             (LeashConn          *conn);
LEASH_AVAILABLE_IN_0_1
const char *leash_conn_get_local_address  (LeashConn          *conn);
LEASH_AVAILABLE_IN_0_1
const char *leash_conn_get_remote_address (LeashConn          *conn);
LEASH_AVAILABLE_IN_0_1
LeashTag   *leash_conn_get_tag            (LeashConn          *conn);
LEASH_AVAILABLE_IN_0_1
gboolean    leash_conn_is_closed          (LeashConn          *conn);
LEASH_AVAILABLE_IN_0_1
gboolean    leash_conn_close              (LeashConn          *conn,
                                           GError            **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (LeashConn, leash_conn_unref)

G_END_DECLS
