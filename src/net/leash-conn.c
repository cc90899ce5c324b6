/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * LeashConn: a connection of any network. The sister of LeashFile, and built as it is: a plain structure with
 * a table of operations and the addresses in the same allocation; everything that holds for all
 * implementations is checked here, once.
 *
 * It differs where waiting comes in. Reads and writes may wait for ever, so a close in another thread shuts
 * the connection down, which ends them, before it closes for good; what they then say (the end of the data, a
 * broken pipe) is told as what it is, a close. And an operation that moves all of its data looks at the
 * context on each round, since a peer that is fast enough never makes it wait.
 */
#include "leash-boxed-private.h"
#include "leash-conn-private.h"

#include <string.h>

/**
 * LeashConn:
 *
 * A connection of any #LeashNetwork.
 *
 * Reference-counted. leash_conn_close() closes it and tells how that went; the last leash_conn_unref() closes
 * what is open still. A closed connection refuses every use with %G_IO_ERROR_CLOSED, and the tracker it was
 * opened under reports it.
 *
 * All functions may be called from any thread that holds a reference, several at once: one thread may read
 * while another writes. What several threads write at the same time is mixed in pieces that the network
 * chooses.
 */
/* The table as it was in version 0.1: every field up to here is in every program's. */
#define OPS_SIZE_0_1 (G_STRUCT_OFFSET (LeashConnOps, close) + sizeof (gpointer))

#define CHUNK 65536u

static const LeashAttempt call_read_to_end = { "Reading from", "read after close", "read" };
static const LeashAttempt call_shutdown = { "Shutting down", "shutdown after close", "shutdown" };
static const LeashAttempt call_credentials
    = { "Asking for the credentials of", "credentials asked for after close", "credentials" };
static const LeashAttempt call_keepalive
    = { "Setting the keepalive of", "keepalive set after close", "set its keepalive" };
static const LeashAttempt call_close = { "Closing", "closed twice", "reset" };

LEASH_DEFINE_BOXED (LeashConn, leash_conn)

gboolean
leash_conn_refuse (LeashConn *conn, const LeashAttempt *attempt, GError **error)
{
  g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED, "its network cannot do that");
  leash_attempt_prefix (error, attempt->doing, conn->handle.name);
  leash_handle_leave (&conn->handle);
  return FALSE;
}

/*
 * What waited for the peer when the connection was closed tells of that, whatever the kernel made of it. The
 * cause alone decides, for a reset wakes who waits before the close that follows it has begun.
 */
void
leash_conn_explain (LeashConn *conn, const LeashAttempt *attempt, GError **error)
{
  const GError *cause = __atomic_load_n (&conn->cause, __ATOMIC_ACQUIRE);

  if (cause == NULL)
    {
      leash_handle_explain (&conn->handle, attempt, error);
      return;
    }
  g_clear_error (error);
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_CLOSED, "it was closed: %s", cause->message);
  leash_attempt_prefix (error, attempt->doing, conn->handle.name);
}

/* Ends what other threads wait for. The connection is closing: they tell of it by themselves. */
static void
wake (LeashHandle *handle)
{
  LeashConn *conn = (LeashConn *) handle;

  /* A reset is not to be preceded by a regular end. */
  if (conn->ops->shutdown != NULL && __atomic_load_n (&conn->cause, __ATOMIC_ACQUIRE) == NULL)
    conn->ops->shutdown (handle->impl, TRUE, TRUE, NULL);
  leash_patience_wake_all (&conn->patience);
}

/* Behind the close. */
static void
end (LeashHandle *handle)
{
  LeashConn *conn = (LeashConn *) handle;

  leash_handle_destroy (handle);
  if (conn->roster != NULL)
    leash_roster_leave (conn);
}

/**
 * leash_conn_new: (skip)
 * @ops: the operations; they must live as long as the connection
 * @impl: (nullable): what the operations are called with
 * @destroy: (nullable): frees @impl; called once, after the close operation
 * @local_address: (nullable): this end's address, %NULL when it has none
 * @remote_address: (nullable): the peer's, %NULL when it has none; one of the two must be given
 *
 * Makes a connection, for who implements a #LeashNetwork. The tag is made by leash_network_dial() or
 * leash_listener_accept(), which called the implementation.
 *
 * An operation's error gives the reason only, such as "Connection reset by peer": what was attempted and the
 * address are put before it.
 *
 * Returns: (transfer full): the connection, open
 *
 * Since: 0.1
 */
LeashConn *
leash_conn_new (const LeashConnOps *ops, gpointer impl, GDestroyNotify destroy, const char *local_address,
                const char *remote_address)
{
  gsize local_size = local_address != NULL ? strlen (local_address) + 1 : 0;
  gsize remote_size = remote_address != NULL ? strlen (remote_address) + 1 : 0;
  LeashConn *conn;

  g_return_val_if_fail (ops != NULL, NULL);
  g_return_val_if_fail (ops->size >= OPS_SIZE_0_1, NULL);
  g_return_val_if_fail (ops->close != NULL, NULL);
  g_return_val_if_fail (local_address != NULL || remote_address != NULL, NULL);

  conn = g_malloc0 (sizeof (LeashConn) + local_size + remote_size);
  if (local_address != NULL)
    conn->local_address = memcpy (conn->addresses, local_address, local_size);
  if (remote_address != NULL)
    conn->remote_address = memcpy (conn->addresses + local_size, remote_address, remote_size);
  leash_handle_init (&conn->handle, impl, destroy, ops->close, "connection",
                     remote_address != NULL ? conn->remote_address : conn->local_address);
  conn->handle.wake = wake;
  conn->handle.end = end;
  leash_patience_init (&conn->patience);
  conn->ops = ops;
  conn->polled = LEASH_CONN_HAS (conn, wait) ? ops : NULL;
  return conn;
}

void
leash_conn_track (LeashConn *conn, LeashContext *ctx, const char *kind, const char *address,
                  gconstpointer caller)
{
  leash_handle_track (&conn->handle, ctx, kind, address, conn->ops->get_fd, caller);
}

const char *
leash_conn_get_name (LeashConn *conn)
{
  return conn->handle.name;
}

/**
 * leash_conn_ref:
 * @conn: a connection
 *
 * Takes a reference.
 *
 * Returns: (transfer full): @conn
 *
 * Since: 0.1
 */
LeashConn *
leash_conn_ref (LeashConn *conn)
{
  g_return_val_if_fail (conn != NULL, NULL);

  leash_handle_ref (&conn->handle);
  return conn;
}

/**
 * leash_conn_unref:
 * @conn: (transfer full) (nullable): a connection
 *
 * Gives a reference back. With the last one a connection that is open still is closed, and what that says is
 * lost.
 *
 * Since: 0.1
 */
void
leash_conn_unref (LeashConn *conn)
{
  if (conn == NULL || !leash_handle_unref (&conn->handle, LEASH_CALLER))
    return;
  g_clear_error (&conn->cause);
  g_free (conn);
}

gboolean
leash_conn_close_as (LeashConn *conn, gconstpointer caller, GError **error)
{
  return leash_handle_close (&conn->handle, caller, error);
}

/**
 * leash_conn_shutdown:
 * @conn: a connection
 * @reading: whether to stop reading
 * @writing: whether to stop writing: the peer then reads the end of the data
 * @error: return location for an error
 *
 * Stops one direction, or both, without closing: a request is over, and its answer can still be read.
 *
 * Returns: %TRUE, or %FALSE with @error set
 *
 * Since: 0.1
 */
gboolean
leash_conn_shutdown (LeashConn *conn, gboolean reading, gboolean writing, GError **error)
{
  gboolean done;

  g_return_val_if_fail (conn != NULL, FALSE);

  if (!leash_conn_begin (conn, &call_shutdown, conn->ops->shutdown != NULL, LEASH_CALLER, error))
    return FALSE;
  done = (!reading && !writing) || conn->ops->shutdown (conn->handle.impl, reading, writing, error);
  leash_conn_end (conn, &call_shutdown, done, error);
  return done;
}

/**
 * leash_conn_read_to_end:
 * @conn: a connection
 * @ctx: a context
 * @max_bytes: how many bytes to take at most, beyond which it fails with %G_IO_ERROR_MESSAGE_TOO_LARGE
 * @error: return location for an error
 *
 * Reads until the peer stops writing.
 *
 * Returns: (transfer full): all bytes, %NULL with @error set
 *
 * Since: 0.1
 */
GBytes *
leash_conn_read_to_end (LeashConn *conn, LeashContext *ctx, gsize max_bytes, GError **error)
{
  g_autoptr (GByteArray) bytes = NULL;
  gssize n = -1;

  g_return_val_if_fail (conn != NULL, NULL);
  g_return_val_if_fail (ctx != NULL, NULL);

  if (!leash_conn_begin (conn, &call_read_to_end, conn->ops->read != NULL, LEASH_CALLER, error))
    return NULL;
  bytes = g_byte_array_new ();
  do
    {
      guint length = bytes->len;

      if (length > max_bytes || length > G_MAXUINT - CHUNK)
        {
          g_set_error (error, G_IO_ERROR, G_IO_ERROR_MESSAGE_TOO_LARGE,
                       "the peer writes more than %" G_GSIZE_FORMAT " bytes",
                       MIN (max_bytes, (gsize) length));
          n = -1;
          break;
        }
      g_byte_array_set_size (bytes, length + CHUNK);
      n = leash_conn_read_bare (conn, ctx, bytes->data + length, CHUNK, error);
      g_byte_array_set_size (bytes, length + (guint) MAX (n, 0));
    }
  while (n > 0);
  leash_conn_end (conn, &call_read_to_end, n == 0, error);
  return n == 0 ? g_byte_array_free_to_bytes (g_steal_pointer (&bytes)) : NULL;
}

/**
 * leash_conn_set_deadline:
 * @conn: a connection
 * @deadline: a time of the contexts' clock, in microseconds, see leash_clock_get_time(); -1 for none
 *
 * Sets both of leash_conn_set_read_deadline() and leash_conn_set_write_deadline().
 *
 * Since: 0.1
 */
void
leash_conn_set_deadline (LeashConn *conn, gint64 deadline)
{
  leash_conn_set_read_deadline (conn, deadline);
  leash_conn_set_write_deadline (conn, deadline);
}

/**
 * leash_conn_set_read_deadline:
 * @conn: a connection
 * @deadline: a time of the contexts' clock, in microseconds, see leash_clock_get_time(); -1 for none, as at
 * first
 *
 * Sets until when reads succeed: from then on they fail with %G_IO_ERROR_TIMED_OUT, those that wait at this
 * moment and all that come, until another deadline is set. The connection itself is as well as before. The
 * clock is that of the context which an operation is given.
 *
 * May be called from any thread, at any time.
 *
 * Since: 0.1
 */
void
leash_conn_set_read_deadline (LeashConn *conn, gint64 deadline)
{
  g_return_if_fail (conn != NULL);
  g_return_if_fail (deadline >= -1);

  leash_patience_set_deadline (&conn->patience, LEASH_WAY_IN, deadline);
}

/**
 * leash_conn_set_write_deadline:
 * @conn: a connection
 * @deadline: a time of the contexts' clock, in microseconds; -1 for none, as at first
 *
 * As leash_conn_set_read_deadline(), for writes. With TLS a write that was ended in the middle of a record
 * has to be made again before others, see leash_tls_network_new().
 *
 * Since: 0.1
 */
void
leash_conn_set_write_deadline (LeashConn *conn, gint64 deadline)
{
  g_return_if_fail (conn != NULL);
  g_return_if_fail (deadline >= -1);

  leash_patience_set_deadline (&conn->patience, LEASH_WAY_OUT, deadline);
}

/**
 * leash_conn_get_impl: (skip)
 * @conn: a connection
 * @ops: operations
 *
 * What leash_conn_new() was given, for who implements a #LeashNetwork and has more operations than these. A
 * checkout of a #LeashClient has its connection's. Whether @conn is open is not asked.
 *
 * Returns: (transfer none) (nullable): the implementation, %NULL where @conn has not @ops
 *
 * Since: 0.1
 */
gpointer
leash_conn_get_impl (LeashConn *conn, const LeashConnOps *ops)
{
  g_return_val_if_fail (conn != NULL, NULL);

  return conn->ops == ops ? conn->handle.impl : NULL;
}

/**
 * leash_conn_get_fd:
 * @conn: a connection
 *
 * Gets the socket, for calls that Leash does not have. It never blocks, and stays the connection's: do not
 * close it, and do not use it after leash_conn_close().
 *
 * Returns: the descriptor, -1 when the connection has none or is closed
 *
 * Since: 0.1
 */
int
leash_conn_get_fd (LeashConn *conn)
{
  g_return_val_if_fail (conn != NULL, -1);

  return leash_handle_get_fd (&conn->handle, conn->ops->get_fd, LEASH_CALLER);
}

/**
 * leash_conn_get_local_address:
 * @conn: a connection
 *
 * Gets the address of this end. A closed connection has it still.
 *
 * Returns: (transfer none) (nullable): the address, %NULL when it has none: a local socket that dialled
 *
 * Since: 0.1
 */
const char *
leash_conn_get_local_address (LeashConn *conn)
{
  g_return_val_if_fail (conn != NULL, NULL);

  return conn->local_address;
}

/**
 * leash_conn_get_remote_address:
 * @conn: a connection
 *
 * Gets the address of the peer. A closed connection has it still.
 *
 * Returns: (transfer none) (nullable): the address, %NULL when it has none: a local socket that dialled
 *
 * Since: 0.1
 */
const char *
leash_conn_get_remote_address (LeashConn *conn)
{
  g_return_val_if_fail (conn != NULL, NULL);

  return conn->remote_address;
}

/**
 * leash_conn_get_tag: (skip)
 * @conn: a connection
 *
 * Gets the tag that the connection is tracked by, to name it, to mark it as meant to stay open, or to track
 * what depends on it as its child. It is the connection's to release.
 *
 * Returns: (transfer none) (nullable): the tag, %NULL when nothing tracks
 *
 * Since: 0.1
 */
LeashTag *
leash_conn_get_tag (LeashConn *conn)
{
  g_return_val_if_fail (conn != NULL, NULL);

  return conn->handle.tag;
}

/**
 * leash_conn_is_closed:
 * @conn: a connection
 *
 * Tells whether leash_conn_close() was called.
 *
 * Returns: %TRUE when it was
 *
 * Since: 0.1
 */
gboolean
leash_conn_is_closed (LeashConn *conn)
{
  g_return_val_if_fail (conn != NULL, TRUE);

  return leash_use_is_closed (&conn->handle.use);
}

gboolean
leash_conn_set_keepalive_bare (LeashConn *conn, gint64 idle, GError **error)
{
  if (LEASH_CONN_HAS (conn, set_keepalive))
    return conn->ops->set_keepalive (conn->handle.impl, idle, error);
  g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED, "its network cannot do that");
  return FALSE;
}

/**
 * leash_conn_set_keepalive:
 * @conn: a connection over TCP
 * @idle: in microseconds, rounded up to seconds; 0 for never
 * @error: return location for an error
 *
 * Has the kernel ask a peer that is silent whether it is there: after @idle, and again after each further
 * @idle. When nine are not answered, that is after ten times @idle, reading fails with %G_IO_ERROR_TIMED_OUT.
 * Otherwise nobody who only reads learns that the peer's machine is gone.
 *
 * The same time holds while something that was written is not acknowledged, or the peer has no room for it: a
 * peer that reads nothing for so long is given up, although its machine answers. Long writes to slow readers
 * want a long time.
 *
 * Without this, 15 seconds are set when a connection waits for data for the first time, unless keepalive is
 * on by then; a connection that never waits costs no call for it. What is not acknowledged is then sent again
 * for as long as the system has it, some 15 minutes, and who does not read is waited for. Others than TCP
 * refuse with %G_IO_ERROR_NOT_SUPPORTED.
 *
 * Returns: %TRUE, or %FALSE with @error set
 *
 * Since: 0.1
 */
gboolean
leash_conn_set_keepalive (LeashConn *conn, gint64 idle, GError **error)
{
  gboolean done;

  g_return_val_if_fail (conn != NULL, FALSE);
  g_return_val_if_fail (idle >= 0, FALSE);

  if (!leash_conn_begin (conn, &call_keepalive, LEASH_CONN_HAS (conn, set_keepalive), LEASH_CALLER, error))
    return FALSE;
  done = conn->ops->set_keepalive (conn->handle.impl, idle, error);
  leash_conn_end (conn, &call_keepalive, done, error);
  return done;
}

/**
 * leash_conn_get_peer_credentials:
 * @conn: a connection over a local socket
 * @error: return location for an error
 *
 * Asks the kernel who the peer was when the connection was made: user, group and process. Others than local
 * sockets refuse with %G_IO_ERROR_NOT_SUPPORTED.
 *
 * Returns: (transfer full): the credentials, %NULL with @error set
 *
 * Since: 0.1
 */
GCredentials *
leash_conn_get_peer_credentials (LeashConn *conn, GError **error)
{
  GCredentials *credentials;

  g_return_val_if_fail (conn != NULL, NULL);

  if (!leash_conn_begin (conn, &call_credentials, LEASH_CONN_HAS (conn, get_credentials), LEASH_CALLER,
                         error))
    return NULL;
  credentials = conn->ops->get_credentials (conn->handle.impl, error);
  leash_conn_end (conn, &call_credentials, credentials != NULL, error);
  return credentials;
}

/**
 * leash_conn_close:
 * @conn: a connection
 * @error: return location for an error
 *
 * Closes a connection. It is closed whatever this returns, and its references remain to be given back. A
 * second close fails with %G_IO_ERROR_CLOSED, and is reported as a misuse.
 *
 * May be called while other threads read and write: they fail with %G_IO_ERROR_CLOSED, and the last of them
 * closes the socket. This function does not wait for that, and returns %TRUE.
 *
 * Returns: %TRUE, or %FALSE with @error set when closing failed
 *
 * Since: 0.1
 */
gboolean
leash_conn_close (LeashConn *conn, GError **error)
{
  g_return_val_if_fail (conn != NULL, FALSE);

  return leash_handle_close (&conn->handle, LEASH_CALLER, error);
}

/**
 * leash_conn_close_with_error:
 * @conn: a connection
 * @cause: why; copied
 * @error: return location for an error
 *
 * As leash_conn_close(), for a connection on which something went wrong: operations that wait in other
 * threads fail with %G_IO_ERROR_CLOSED and the message of @cause, and the peer learns that this was no
 * regular end: a TCP connection is reset, whatever was written and has not arrived is lost.
 *
 * A local socket cannot be reset: the peer reads all that was written, and then the end, as after
 * leash_conn_close(). Only where this end had not read all that the peer wrote does the kernel have the peer
 * find a reset behind that, with either function. A protocol over local sockets has to tell the end of a
 * message itself.
 *
 * Returns: %TRUE, or %FALSE with @error set when closing failed
 *
 * Since: 0.1
 */
gboolean
leash_conn_close_with_error (LeashConn *conn, const GError *cause, GError **error)
{
  GError *copy, *none = NULL;

  g_return_val_if_fail (conn != NULL, FALSE);
  g_return_val_if_fail (cause != NULL, FALSE);

  /* Entered, so that it is open for as long as it is told. */
  if (!leash_conn_begin (conn, &call_close, TRUE, LEASH_CALLER, error))
    return FALSE;
  copy = g_error_copy (cause);
  if (!__atomic_compare_exchange_n (&conn->cause, &none, copy, FALSE, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
    g_error_free (copy);
  else if (LEASH_CONN_HAS (conn, reset))
    conn->ops->reset (conn->handle.impl, cause);
  leash_handle_leave (&conn->handle);
  return leash_handle_close (&conn->handle, LEASH_CALLER, error);
}
