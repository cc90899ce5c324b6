/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * LeashListener: waits for connections on an address of any network. Its life and its checks are LeashConn's;
 * see there. What it accepts is tracked by the context of the accept, not by the one that it listens under: a
 * server's connections belong to whoever serves them.
 */
#include "leash-boxed-private.h"
#include "leash-handle-private.h"
#include "leash-net-private.h"

#include <string.h>

/**
 * LeashListener:
 *
 * Waits for connections on an address of any #LeashNetwork.
 *
 * Reference-counted. leash_listener_close() closes it; the last leash_listener_unref() closes what is open
 * still. A closed listener refuses every use with %G_IO_ERROR_CLOSED, and the tracker it was opened under
 * reports it.
 *
 * All functions may be called from any thread that holds a reference. Several threads may accept at once.
 */
struct _LeashListener
{
  LeashHandle handle;          /* first */
  const LeashListenerOps *ops; /* static in the implementation */
  char address[];
};

/* The table as it was in version 0.1: every field up to here is in every program's. */
#define OPS_SIZE_0_1 (G_STRUCT_OFFSET (LeashListenerOps, close) + sizeof (gpointer))

static const LeashAttempt call_accept = { "Accepting on", "accept after close", "accept" };

LEASH_DEFINE_BOXED (LeashListener, leash_listener)

/* Ends the accepts that wait in other threads. */
static void
wake (LeashHandle *handle)
{
  LeashListener *listener = (LeashListener *) handle;

  if (listener->ops->shutdown != NULL)
    listener->ops->shutdown (handle->impl);
}

/**
 * leash_listener_new: (skip)
 * @ops: the operations; they must live as long as the listener
 * @impl: (nullable): what the operations are called with
 * @destroy: (nullable): frees @impl; called once, after the close operation
 * @address: where it listens, with what was left open (a port) filled in
 *
 * Makes a listener, for who implements a #LeashNetwork. The tag is made by leash_network_listen(), which
 * called the implementation. Errors are as in leash_conn_new().
 *
 * Returns: (transfer full): the listener, open
 *
 * Since: 0.1
 */
LeashListener *
leash_listener_new (const LeashListenerOps *ops, gpointer impl, GDestroyNotify destroy, const char *address)
{
  LeashListener *listener;
  gsize size;

  g_return_val_if_fail (ops != NULL, NULL);
  g_return_val_if_fail (ops->size >= OPS_SIZE_0_1, NULL);
  g_return_val_if_fail (ops->accept != NULL, NULL);
  g_return_val_if_fail (ops->close != NULL, NULL);
  g_return_val_if_fail (address != NULL, NULL);

  size = strlen (address) + 1;
  listener = g_malloc0 (sizeof (LeashListener) + size);
  memcpy (listener->address, address, size);
  leash_handle_init (&listener->handle, impl, destroy, ops->close, "listener", listener->address);
  listener->handle.wake = wake;
  listener->ops = ops;
  return listener;
}

void
leash_listener_track (LeashListener *listener, LeashContext *ctx, gconstpointer caller)
{
  leash_handle_track (&listener->handle, ctx, "listener", listener->address, listener->ops->get_fd, caller);
}

/**
 * leash_listener_ref:
 * @listener: a listener
 *
 * Takes a reference.
 *
 * Returns: (transfer full): @listener
 *
 * Since: 0.1
 */
LeashListener *
leash_listener_ref (LeashListener *listener)
{
  g_return_val_if_fail (listener != NULL, NULL);

  leash_handle_ref (&listener->handle);
  return listener;
}

/**
 * leash_listener_unref:
 * @listener: (transfer full) (nullable): a listener
 *
 * Gives a reference back. With the last one a listener that is open still is closed.
 *
 * Since: 0.1
 */
void
leash_listener_unref (LeashListener *listener)
{
  if (listener != NULL && leash_handle_unref (&listener->handle, LEASH_CALLER))
    g_free (listener);
}

static LeashConn *
accept_conn (LeashListener *listener, LeashContext *ctx, GError **error)
{
  LeashConn *conn = NULL;

  if (leash_context_check (ctx, error))
    conn = listener->ops->accept (listener->handle.impl, ctx, error);
  if (G_UNLIKELY (conn == NULL))
    leash_handle_explain (&listener->handle, &call_accept, error);
  return conn;
}

/**
 * leash_listener_accept:
 * @listener: a listener
 * @ctx: a context
 * @error: return location for an error
 *
 * Waits for a connection, and puts it on the leash of @ctx's tracker until it is closed; reports name it by
 * the peer's address, or by the listener's where the peer has none. It stops waiting when @ctx is done, with
 * the context's error, and when the listener is closed in another thread, with %G_IO_ERROR_CLOSED.
 *
 * After another error, such as %G_IO_ERROR_TOO_MANY_OPEN_FILES, the listener goes on working, and the
 * connection waits to be accepted: who tries again should first wait, or close something.
 *
 * Returns: (transfer full): the connection, %NULL with @error set
 *
 * Since: 0.1
 */
LeashConn *
leash_listener_accept (LeashListener *listener, LeashContext *ctx, GError **error)
{
  LeashConn *conn;

  g_return_val_if_fail (listener != NULL, NULL);
  g_return_val_if_fail (ctx != NULL, NULL);

  if (!leash_handle_enter (&listener->handle, &call_accept, LEASH_CALLER, error))
    return NULL;
  conn = accept_conn (listener, ctx, error);
  if (conn != NULL)
    leash_conn_track (conn, ctx, "conn", leash_conn_get_name (conn), LEASH_CALLER);
  leash_handle_leave (&listener->handle);
  return conn;
}

/**
 * leash_listener_get_address:
 * @listener: a listener
 *
 * Gets where it listens, to be dialled: `tcp:127.0.0.1:0` has become the port that was taken. A closed
 * listener has it still.
 *
 * Returns: (transfer none): the address
 *
 * Since: 0.1
 */
const char *
leash_listener_get_address (LeashListener *listener)
{
  g_return_val_if_fail (listener != NULL, NULL);

  return listener->address;
}

/**
 * leash_listener_get_fd:
 * @listener: a listener
 *
 * Gets the socket, for calls that Leash does not have. It never blocks, and stays the listener's: do not
 * close it, and do not use it after leash_listener_close().
 *
 * Returns: the descriptor, -1 when the listener has none or is closed
 *
 * Since: 0.1
 */
int
leash_listener_get_fd (LeashListener *listener)
{
  g_return_val_if_fail (listener != NULL, -1);

  return leash_handle_get_fd (&listener->handle, listener->ops->get_fd, LEASH_CALLER);
}

/**
 * leash_listener_get_tag: (skip)
 * @listener: a listener
 *
 * Gets the tag that the listener is tracked by. It is the listener's to release.
 *
 * Returns: (transfer none) (nullable): the tag, %NULL when nothing tracks
 *
 * Since: 0.1
 */
LeashTag *
leash_listener_get_tag (LeashListener *listener)
{
  g_return_val_if_fail (listener != NULL, NULL);

  return listener->handle.tag;
}

/**
 * leash_listener_is_closed:
 * @listener: a listener
 *
 * Tells whether leash_listener_close() was called.
 *
 * Returns: %TRUE when it was
 *
 * Since: 0.1
 */
gboolean
leash_listener_is_closed (LeashListener *listener)
{
  g_return_val_if_fail (listener != NULL, TRUE);

  return leash_use_is_closed (&listener->handle.use);
}

/**
 * leash_listener_close:
 * @listener: a listener
 * @error: return location for an error
 *
 * Closes a listener. Connections that nobody has accepted yet are refused; those that were accepted stay. A
 * second close fails with %G_IO_ERROR_CLOSED, and is reported as a misuse.
 *
 * May be called while other threads accept: they fail with %G_IO_ERROR_CLOSED, and the last of them closes
 * the socket. This function does not wait for that, and returns %TRUE.
 *
 * Returns: %TRUE, or %FALSE with @error set when closing failed
 *
 * Since: 0.1
 */
gboolean
leash_listener_close (LeashListener *listener, GError **error)
{
  g_return_val_if_fail (listener != NULL, FALSE);

  return leash_handle_close (&listener->handle, LEASH_CALLER, error);
}
