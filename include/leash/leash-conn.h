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

/* What a read or a write returns that would have to wait. */
#define LEASH_CONN_WOULD_BLOCK (-2)

/**
 * LeashConnOps:
 * @size: `sizeof (LeashConnOps)`: operations that came later are not looked at
 * @read: reads some of the data; 0 when the peer is done writing
 * @write: writes some of the data
 * @shutdown: stops one or both directions (%TRUE for each); also called, with both, before @close, to end
 *   operations that wait in other threads
 * @get_fd: the descriptor, -1 where there is none
 * @close: closes; called once, when no other operation runs; the connection is closed whatever it returns
 * @wait: waits until a read (%G_IO_IN) or a write (%G_IO_OUT) is worth a try, or the context is done. With this
 *   operation, the others above and below return %LEASH_CONN_WOULD_BLOCK, without an error, instead of waiting; without
 *   it they wait by themselves, and stop when their context is done
 * @writev: as @write, from several places; one at least has bytes
 * @reset: called before @close, and not @shutdown then: has the peer find an error instead of an end, where the
 *   transport has such a thing; local sockets have not, and their peers find the end
 * @get_credentials: who the peer is
 * @send_fds: as @write, with descriptors
 * @receive_fds: as @read, with descriptors
 * @give_up: called when a write has failed, or is not made again that would have had to wait, in the thread that
 *   made it: who has begun to send what it was to write, and so kept others from writing, lets them
 * @set_keepalive: has a silent peer asked whether it is there, after so many microseconds and then again; 0 for never
 *
 * What a connection of a LeashNetwork implementation does. All but @read and @write may be %NULL, those where only
 * one way is possible.
 */
typedef struct
{
  gsize size;
  gssize   (*read)     (gpointer impl, LeashContext *ctx, void *buffer, gsize count, GError **error);
  gssize   (*write)    (gpointer impl, LeashContext *ctx, const void *buffer, gsize count, GError **error);
  gboolean (*shutdown) (gpointer impl, gboolean reading, gboolean writing, GError **error);
  int      (*get_fd)   (gpointer impl);
  gboolean (*close)    (gpointer impl, GError **error);

  gboolean (*wait)     (gpointer impl, LeashContext *ctx, GIOCondition condition, GError **error);
  gssize   (*writev)   (gpointer impl, LeashContext *ctx, const GOutputVector *vectors, gsize n_vectors,
                        GError **error);
  void     (*reset)    (gpointer impl, const GError *cause);
  GCredentials *(*get_credentials) (gpointer impl, GError **error);
  gssize   (*send_fds) (gpointer impl, LeashContext *ctx, const void *buffer, gsize count, const int *fds, guint n_fds,
                        GError **error);
  gssize   (*receive_fds) (gpointer impl, LeashContext *ctx, void *buffer, gsize count, int *ret_fds, guint max_fds,
                           guint *ret_n_fds, GError **error);
  void     (*give_up)  (gpointer impl);
  gboolean (*set_keepalive) (gpointer impl, gint64 idle, GError **error);
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
LEASH_AVAILABLE_IN_0_1
gpointer    leash_conn_get_impl           (LeashConn          *conn,
                                           const LeashConnOps *ops);

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
GBytes     *leash_conn_read_to_end        (LeashConn          *conn,
                                           LeashContext       *ctx,
                                           gsize               max_bytes,
                                           GError            **error) G_GNUC_WARN_UNUSED_RESULT;
LEASH_AVAILABLE_IN_0_1
gssize      leash_conn_writev             (LeashConn          *conn,
                                           LeashContext       *ctx,
                                           const GOutputVector *vectors,
                                           gsize               n_vectors,
                                           GError            **error);
LEASH_AVAILABLE_IN_0_1
gboolean    leash_conn_writev_all         (LeashConn          *conn,
                                           LeashContext       *ctx,
                                           GOutputVector      *vectors,
                                           gsize               n_vectors,
                                           gsize              *ret_count,
                                           GError            **error);
LEASH_AVAILABLE_IN_0_1
void        leash_conn_set_deadline       (LeashConn          *conn,
                                           gint64              deadline);
LEASH_AVAILABLE_IN_0_1
void        leash_conn_set_read_deadline  (LeashConn          *conn,
                                           gint64              deadline);
LEASH_AVAILABLE_IN_0_1
void        leash_conn_set_write_deadline (LeashConn          *conn,
                                           gint64              deadline);
LEASH_AVAILABLE_IN_0_1
gssize      leash_conn_send_fds           (LeashConn          *conn,
                                           LeashContext       *ctx,
                                           const void         *buffer,
                                           gsize               count,
                                           const int          *fds,
                                           guint               n_fds,
                                           GError            **error);
LEASH_AVAILABLE_IN_0_1
gssize      leash_conn_receive_fds        (LeashConn          *conn,
                                           LeashContext       *ctx,
                                           void               *buffer,
                                           gsize               count,
                                           int                *ret_fds,
                                           guint               max_fds,
                                           guint              *ret_n_fds,
                                           GError            **error);
LEASH_AVAILABLE_IN_0_1
gboolean    leash_conn_set_keepalive      (LeashConn          *conn,
                                           gint64              idle,
                                           GError            **error);
LEASH_AVAILABLE_IN_0_1
GCredentials *leash_conn_get_peer_credentials (LeashConn      *conn,
                                           GError            **error) G_GNUC_WARN_UNUSED_RESULT;
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
LEASH_AVAILABLE_IN_0_1
gboolean    leash_conn_close_with_error   (LeashConn          *conn,
                                           const GError       *cause,
                                           GError            **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (LeashConn, leash_conn_unref)

G_END_DECLS
