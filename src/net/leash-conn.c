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
#include "leash-handle-private.h"
#include "leash-net-private.h"

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
struct _LeashConn
{
  LeashHandle handle;        /* first */
  const LeashConnOps *ops;   /* static in the implementation */
  const char *local_address; /* NULL when it has none; lies in addresses, as does the other */
  const char *remote_address;
  char addresses[];
};

/* The table as it was in version 0.1: every field up to here is in every program's. */
#define OPS_SIZE_0_1 (G_STRUCT_OFFSET (LeashConnOps, close) + sizeof (gpointer))

static const LeashAttempt call_read = { "Reading from", "read after close", "read" };
static const LeashAttempt call_write = { "Writing to", "write after close", "write" };
static const LeashAttempt call_shutdown = { "Shutting down", "shutdown after close", "shutdown" };

LEASH_DEFINE_BOXED (LeashConn, leash_conn)

/* Enters the connection, if the operation can begin at all; end() leaves it. */
static inline gboolean
begin (LeashConn *conn, const LeashAttempt *attempt, gboolean has_op, gconstpointer caller, GError **error)
{
  if (G_UNLIKELY (!leash_handle_enter (&conn->handle, attempt, caller, error)))
    return FALSE;
  if (G_LIKELY (has_op))
    return TRUE;
  g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED, "its network cannot do that");
  leash_attempt_prefix (error, attempt->doing, conn->handle.name);
  leash_handle_leave (&conn->handle);
  return FALSE;
}

static inline void
end (LeashConn *conn, const LeashAttempt *attempt, gboolean done, GError **error)
{
  if (G_UNLIKELY (!done))
    leash_handle_explain (&conn->handle, attempt, error);
  leash_handle_leave (&conn->handle);
}

/* The end of the data, when it was a close in this process that made it, is a failure. */
static gssize
read_some (LeashConn *conn, LeashContext *ctx, void *buffer, gsize count, GError **error)
{
  gssize n;

  if (!leash_context_check (ctx, error))
    return -1;
  if (count == 0)
    return 0;
  n = conn->ops->read (conn->handle.impl, ctx, buffer, count, error);
  return n == 0 && leash_use_is_closed (&conn->handle.use) ? -1 : n;
}

static gboolean
read_whole (LeashConn *conn, LeashContext *ctx, char *buffer, gsize count, gsize *done, GError **error)
{
  while (*done < count)
    {
      gssize n = read_some (conn, ctx, buffer + *done, count - *done, error);

      if (n < 0)
        return FALSE;
      if (n == 0)
        {
          g_set_error (error, G_IO_ERROR, G_IO_ERROR_PARTIAL_INPUT,
                       "the peer stopped writing after %" G_GSIZE_FORMAT " of %" G_GSIZE_FORMAT " bytes",
                       *done, count);
          return FALSE;
        }
      *done += (gsize) n;
    }
  return TRUE;
}

static gboolean
write_whole (LeashConn *conn, LeashContext *ctx, const char *buffer, gsize count, gsize *done, GError **error)
{
  while (*done < count)
    {
      gssize n = -1;

      if (leash_context_check (ctx, error))
        n = conn->ops->write (conn->handle.impl, ctx, buffer + *done, count - *done, error);
      if (n <= 0)
        return FALSE;
      *done += (gsize) n;
    }
  return TRUE;
}

/* Ends what other threads wait for. The connection is closing: they tell of it by themselves. */
static void
wake (LeashHandle *handle)
{
  LeashConn *conn = (LeashConn *) handle;

  if (conn->ops->shutdown != NULL)
    conn->ops->shutdown (handle->impl, TRUE, TRUE, NULL);
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
  conn->ops = ops;
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
  if (conn != NULL && leash_handle_unref (&conn->handle, LEASH_CALLER))
    g_free (conn);
}

gssize
leash_conn_read_as (LeashConn *conn, LeashContext *ctx, void *buffer, gsize count,
                    const LeashAttempt *attempt, gconstpointer caller, GError **error)
{
  gssize n = -1;

  if (!begin (conn, attempt, conn->ops->read != NULL, caller, error))
    return -1;
  if (leash_attempt_check_count (count, error))
    n = read_some (conn, ctx, buffer, count, error);
  end (conn, attempt, n >= 0, error);
  return n;
}

gboolean
leash_conn_write_all_as (LeashConn *conn, LeashContext *ctx, const void *buffer, gsize count,
                         gsize *ret_count, const LeashAttempt *attempt, gconstpointer caller, GError **error)
{
  gsize done = 0;
  gboolean is_whole = FALSE;

  if (begin (conn, attempt, conn->ops->write != NULL, caller, error))
    {
      is_whole = leash_context_check (ctx, error) && write_whole (conn, ctx, buffer, count, &done, error);
      end (conn, attempt, is_whole, error);
    }
  if (ret_count != NULL)
    *ret_count = done;
  return is_whole;
}

gboolean
leash_conn_close_as (LeashConn *conn, gconstpointer caller, GError **error)
{
  return leash_handle_close (&conn->handle, caller, error);
}

/**
 * leash_conn_read:
 * @conn: a connection
 * @ctx: a context
 * @buffer: (out caller-allocates) (array length=count) (element-type guint8): where the bytes go
 * @count: how many bytes to read at most; 0 reads nothing and succeeds
 * @error: return location for an error
 *
 * Reads what has arrived, and waits for something when there is nothing. It stops waiting when @ctx is done,
 * with the context's error, and when the connection is closed in another thread, with %G_IO_ERROR_CLOSED.
 *
 * Returns: the number of bytes that were read, 0 when the peer is done writing, -1 with @error set
 *
 * Since: 0.1
 */
gssize
leash_conn_read (LeashConn *conn, LeashContext *ctx, void *buffer, gsize count, GError **error)
{
  g_return_val_if_fail (conn != NULL, -1);
  g_return_val_if_fail (ctx != NULL, -1);
  g_return_val_if_fail (buffer != NULL || count == 0, -1);

  return leash_conn_read_as (conn, ctx, buffer, count, &call_read, LEASH_CALLER, error);
}

/**
 * leash_conn_write:
 * @conn: a connection
 * @ctx: a context
 * @buffer: (array length=count) (element-type guint8): the bytes
 * @count: how many bytes to write; 0 writes nothing and succeeds
 * @error: return location for an error
 *
 * Writes as much as there is room for, and waits for room when there is none. It stops waiting as
 * leash_conn_read() does. A peer that is gone is %G_IO_ERROR_CONNECTION_CLOSED, and no signal is sent.
 *
 * Returns: the number of bytes that were written, at least 1 of them, -1 with @error set
 *
 * Since: 0.1
 */
gssize
leash_conn_write (LeashConn *conn, LeashContext *ctx, const void *buffer, gsize count, GError **error)
{
  gssize n = -1;

  g_return_val_if_fail (conn != NULL, -1);
  g_return_val_if_fail (ctx != NULL, -1);
  g_return_val_if_fail (buffer != NULL || count == 0, -1);

  if (!begin (conn, &call_write, conn->ops->write != NULL, LEASH_CALLER, error))
    return -1;
  if (leash_attempt_check_count (count, error) && leash_context_check (ctx, error))
    n = count == 0 ? 0 : conn->ops->write (conn->handle.impl, ctx, buffer, count, error);
  end (conn, &call_write, n >= 0, error);
  return n;
}

/**
 * leash_conn_read_all:
 * @conn: a connection
 * @ctx: a context
 * @buffer: (out caller-allocates) (array length=count) (element-type guint8): where the bytes go
 * @count: how many bytes to read
 * @ret_count: (out) (optional): how many were read, when it fails too
 * @error: return location for an error
 *
 * Reads until there are @count bytes. If the peer stops writing before, it fails with
 * %G_IO_ERROR_PARTIAL_INPUT.
 *
 * Returns: %TRUE, or %FALSE with @error set
 *
 * Since: 0.1
 */
gboolean
leash_conn_read_all (LeashConn *conn, LeashContext *ctx, void *buffer, gsize count, gsize *ret_count,
                     GError **error)
{
  gsize done = 0;
  gboolean is_whole = FALSE;

  g_return_val_if_fail (conn != NULL, FALSE);
  g_return_val_if_fail (ctx != NULL, FALSE);
  g_return_val_if_fail (buffer != NULL || count == 0, FALSE);

  if (begin (conn, &call_read, conn->ops->read != NULL, LEASH_CALLER, error))
    {
      is_whole = leash_context_check (ctx, error) && read_whole (conn, ctx, buffer, count, &done, error);
      end (conn, &call_read, is_whole, error);
    }
  if (ret_count != NULL)
    *ret_count = done;
  return is_whole;
}

/**
 * leash_conn_write_all:
 * @conn: a connection
 * @ctx: a context
 * @buffer: (array length=count) (element-type guint8): the bytes
 * @count: how many bytes to write
 * @ret_count: (out) (optional): how many were written, when it fails too
 * @error: return location for an error
 *
 * Writes all of @buffer.
 *
 * Returns: %TRUE, or %FALSE with @error set
 *
 * Since: 0.1
 */
gboolean
leash_conn_write_all (LeashConn *conn, LeashContext *ctx, const void *buffer, gsize count, gsize *ret_count,
                      GError **error)
{
  g_return_val_if_fail (conn != NULL, FALSE);
  g_return_val_if_fail (ctx != NULL, FALSE);
  g_return_val_if_fail (buffer != NULL || count == 0, FALSE);

  return leash_conn_write_all_as (conn, ctx, buffer, count, ret_count, &call_write, LEASH_CALLER, error);
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

  if (!begin (conn, &call_shutdown, conn->ops->shutdown != NULL, LEASH_CALLER, error))
    return FALSE;
  done = (!reading && !writing) || conn->ops->shutdown (conn->handle.impl, reading, writing, error);
  end (conn, &call_shutdown, done, error);
  return done;
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
