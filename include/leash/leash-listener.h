/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* LeashListener: waits for connections on an address of any LeashNetwork. Its life is that of a LeashConn. */
#pragma once

#include <leash/leash-network.h>

G_BEGIN_DECLS

#define LEASH_TYPE_LISTENER (leash_listener_get_type ())

/**
 * LeashListenerOps:
 * @size: `sizeof (LeashListenerOps)`: operations that came later are not looked at
 * @accept: waits for a connection; fails with %G_IO_ERROR_TOO_MANY_OPEN_FILES or %G_IO_ERROR_NO_SPACE when it is worth
 *   another try after a while
 * @shutdown: called before @close, to end an @accept that waits in another thread
 * @get_fd: the descriptor, -1 where there is none
 * @close: closes; called once, when no other operation runs; the listener is closed whatever it returns
 *
 * What a listener of a LeashNetwork implementation does.
 */
typedef struct
{
  gsize size;
  LeashConn *(*accept)   (gpointer impl, LeashContext *ctx, GError **error);
  void       (*shutdown) (gpointer impl);
  int        (*get_fd)   (gpointer impl);
  gboolean   (*close)    (gpointer impl, GError **error);
} LeashListenerOps;

LEASH_AVAILABLE_IN_0_1
GType          leash_listener_get_type    (void) G_GNUC_CONST;

/* For who implements a LeashNetwork */
LEASH_AVAILABLE_IN_0_1
LeashListener *leash_listener_new         (const LeashListenerOps *ops,
                                           gpointer                impl,
                                           GDestroyNotify          destroy,
                                           const char             *address) G_GNUC_WARN_UNUSED_RESULT;

/* For who uses it */
LEASH_AVAILABLE_IN_0_1
LeashListener *leash_listener_ref         (LeashListener          *listener);
LEASH_AVAILABLE_IN_0_1
void           leash_listener_unref       (LeashListener          *listener);
LEASH_AVAILABLE_IN_0_1
LeashConn     *leash_listener_accept      (LeashListener          *listener,
                                           LeashContext           *ctx,
                                           GError                **error) G_GNUC_WARN_UNUSED_RESULT;
LEASH_AVAILABLE_IN_0_1
void           leash_listener_set_max_connections (LeashListener  *listener,
                                           guint                   max);
LEASH_AVAILABLE_IN_0_1
const char    *leash_listener_get_address (LeashListener          *listener);
LEASH_AVAILABLE_IN_0_1
int            leash_listener_get_fd      (LeashListener          *listener);
LEASH_AVAILABLE_IN_0_1
LeashTag      *leash_listener_get_tag     (LeashListener          *listener);
LEASH_AVAILABLE_IN_0_1
gboolean       leash_listener_is_closed   (LeashListener          *listener);
LEASH_AVAILABLE_IN_0_1
gboolean       leash_listener_close       (LeashListener          *listener,
                                           GError                **error);
LEASH_AVAILABLE_IN_0_1
gboolean       leash_listener_shutdown    (LeashListener          *listener,
                                           LeashContext           *ctx,
                                           GError                **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (LeashListener, leash_listener_unref)

G_END_DECLS
