/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Moving data through a LeashConn, and waiting for it.
 *
 * An implementation that can say "not now" has a wait operation: reads and writes are tried first, and only
 * who would block pays for waiting: a context of its own, which the way's deadline and a close in another
 * thread end. One that cannot waits within its operations, each of which then gets such a context. See
 * leash-patience-private.h.
 *
 * Deadlines hold for what is tried, too: behind one, nothing is read although it is there, as with Go's
 * net.Conn.
 */
#include "leash-conn-private.h"

static const LeashAttempt call_read = { "Reading from", "read after close", "read" };
static const LeashAttempt call_write = { "Writing to", "write after close", "write" };
static const LeashAttempt call_send
    = { "Sending descriptors to", "descriptors sent after close", "send descriptors" };
static const LeashAttempt call_receive
    = { "Receiving descriptors from", "descriptors received after close", "receive descriptors" };

gssize
leash_conn_run_read (LeashConn *conn, LeashContext *ctx, const LeashMove *move, GError **error)
{
  return conn->ops->read (conn->handle.impl, ctx, move->buffer, move->count, error);
}

gssize
leash_conn_run_write (LeashConn *conn, LeashContext *ctx, const LeashMove *move, GError **error)
{
  return conn->ops->write (conn->handle.impl, ctx, move->buffer, move->count, error);
}

static gssize
run_writev (LeashConn *conn, LeashContext *ctx, const LeashMove *move, GError **error)
{
  return conn->ops->writev (conn->handle.impl, ctx, move->vectors, move->n_vectors, error);
}

gssize
leash_conn_run_send (LeashConn *conn, LeashContext *ctx, const LeashMove *move, GError **error)
{
  return conn->ops->send_fds (conn->handle.impl, ctx, move->buffer, move->count, move->fds, move->n_fds,
                              error);
}

gssize
leash_conn_run_receive (LeashConn *conn, LeashContext *ctx, const LeashMove *move, GError **error)
{
  return conn->ops->receive_fds (conn->handle.impl, ctx, move->buffer, move->count, move->ret_fds,
                                 move->n_fds, move->ret_n_fds, error);
}

/*
 * Why a wait ended that was not successful: TRUE when it was woken, to look again. reason is what the
 * implementation said, taken over; NULL where it was not asked, because the connection is closed.
 */
static gboolean
look_again (LeashConn *conn, LeashContext *ctx, LeashWay way, gboolean was_woken, gboolean was_done,
            GError *reason, GError **error)
{
  if (!leash_context_check (ctx, error))
    g_clear_error (&reason);
  else if (was_woken)
    {
      g_clear_error (&reason);
      return !leash_use_is_closed (&conn->handle.use);
    }
  else if (was_done)
    {
      g_clear_error (&reason);
      leash_patience_refuse (way, error);
    }
  else if (reason != NULL)
    g_propagate_error (error, reason);
  return FALSE;
}

gboolean
leash_conn_wait_bare (LeashConn *conn, LeashContext *ctx, LeashWay way, GError **error)
{
  GIOCondition condition = way == LEASH_WAY_IN ? G_IO_IN : G_IO_OUT;
  GError *reason = NULL;
  gboolean is_ready = FALSE, was_done, was_woken;
  LeashWaiting waiting;

  leash_patience_enter (&conn->patience, way, ctx, &waiting);
  if (!leash_use_is_closed (&conn->handle.use))
    is_ready = conn->polled->wait (conn->handle.impl, waiting.ctx, condition, &reason);
  was_done = leash_context_is_done (waiting.ctx);
  was_woken = leash_patience_leave (&conn->patience, &waiting);
  return is_ready || look_again (conn, ctx, way, was_woken, was_done, reason, error);
}

/* Runs what waits by itself. */
G_NO_INLINE static gssize
run_waiting (LeashConn *conn, LeashContext *ctx, const LeashMove *move, GError **error)
{
  gboolean was_done, was_woken;
  GError *reason = NULL;
  LeashWaiting waiting;
  gssize n = -1;

  do
    {
      g_clear_error (&reason);
      leash_patience_enter (&conn->patience, move->way, ctx, &waiting);
      if (!leash_use_is_closed (&conn->handle.use))
        n = move->run (conn, waiting.ctx, move, &reason);
      was_done = leash_context_is_done (waiting.ctx);
      was_woken = leash_patience_leave (&conn->patience, &waiting);
    }
  while (n < 0 && look_again (conn, ctx, move->way, was_woken, was_done, g_steal_pointer (&reason), error)
         && leash_patience_check (&conn->patience, move->way, ctx, error));
  return n;
}

/* Moves some. Returns -1 with the bare reason, or none where the connection was closed meanwhile. */
G_ALWAYS_INLINE static inline gssize
move_some (LeashConn *conn, LeashContext *ctx, const LeashMove *move, GError **error)
{
  gssize n = -1;

  do
    {
      if (!leash_context_check_now (ctx, error)
          || !leash_patience_check (&conn->patience, move->way, ctx, error))
        break;
      if (!LEASH_CONN_HAS (conn, wait))
        {
          n = run_waiting (conn, ctx, move, error);
          break;
        }
      n = move->run (conn, ctx, move, error);
    }
  while (LEASH_UNLIKELY (n == LEASH_CONN_WOULD_BLOCK) && leash_conn_wait_bare (conn, ctx, move->way, error));
  if (move->way == LEASH_WAY_IN)
    leash_conn_note_read (conn, n);
  if (LEASH_LIKELY (n >= 0))
    return n;
  if (move->way == LEASH_WAY_OUT)
    leash_conn_give_up (conn);
  return -1;
}

gssize
leash_conn_move_bare (LeashConn *conn, LeashContext *ctx, const LeashMove *move, GError **error)
{
  return move_some (conn, ctx, move, error);
}

/* The end of the data, when it was a close in this process that made it, is a failure. */
static gssize
tell_close_from_end (LeashConn *conn, gssize n)
{
  return n == 0 && leash_use_is_closed (&conn->handle.use) ? -1 : n;
}

gssize
leash_conn_read_bare (LeashConn *conn, LeashContext *ctx, void *buffer, gsize count, GError **error)
{
  const LeashMove move
      = { .run = leash_conn_run_read, .way = LEASH_WAY_IN, .buffer = buffer, .count = count };
  gssize n = count > 0 ? move_some (conn, ctx, &move, error) : leash_context_check (ctx, error) ? 0 : -1;

  return tell_close_from_end (conn, n);
}

gssize
leash_conn_write_bare (LeashConn *conn, LeashContext *ctx, const void *buffer, gsize count, GError **error)
{
  const LeashMove move
      = { .run = leash_conn_run_write, .way = LEASH_WAY_OUT, .buffer = (char *) buffer, .count = count };

  return count > 0 ? move_some (conn, ctx, &move, error) : leash_context_check (ctx, error) ? 0 : -1;
}

/* Without an operation of its own, the first vector that has bytes is written. */
static gssize
write_vectors (LeashConn *conn, LeashContext *ctx, const GOutputVector *vectors, gsize n_vectors,
               GError **error)
{
  const LeashMove move
      = { .run = run_writev, .way = LEASH_WAY_OUT, .vectors = vectors, .n_vectors = n_vectors };

  while (n_vectors > 0 && vectors->size == 0)
    {
      vectors++;
      n_vectors--;
    }
  if (n_vectors > 1 && LEASH_CONN_HAS (conn, writev))
    return move_some (conn, ctx, &move, error);
  return leash_conn_write_bare (conn, ctx, n_vectors > 0 ? vectors->buffer : NULL,
                                n_vectors > 0 ? vectors->size : 0, error);
}

static gboolean
read_whole (LeashConn *conn, LeashContext *ctx, char *buffer, gsize count, gsize *done, GError **error)
{
  while (*done < count)
    {
      gssize n = leash_conn_read_bare (conn, ctx, buffer + *done, count - *done, error);

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
      gssize n = leash_conn_write_bare (conn, ctx, buffer + *done, count - *done, error);

      if (n <= 0)
        return FALSE;
      *done += (gsize) n;
    }
  return TRUE;
}

/* The vectors are what is left of them on return. */
static gboolean
write_all_vectors (LeashConn *conn, LeashContext *ctx, GOutputVector *vectors, gsize n_vectors, gsize *done,
                   GError **error)
{
  while (n_vectors > 0)
    {
      gssize n = write_vectors (conn, ctx, vectors, n_vectors, error);

      if (n < 0)
        return FALSE;
      *done += (gsize) n;
      for (; n_vectors > 0 && (gsize) n >= vectors->size; vectors++, n_vectors--)
        n -= (gssize) vectors->size;
      if (n_vectors > 0)
        {
          vectors->buffer = (const char *) vectors->buffer + n;
          vectors->size -= (gsize) n;
        }
    }
  return TRUE;
}

gssize
leash_conn_read_as (LeashConn *conn, LeashContext *ctx, void *buffer, gsize count,
                    const LeashAttempt *attempt, gconstpointer caller, GError **error)
{
  gssize n = -1;

  if (!leash_conn_begin (conn, attempt, conn->ops->read != NULL, caller, error))
    return -1;
  if (leash_attempt_check_count (count, error))
    n = leash_conn_read_bare (conn, ctx, buffer, count, error);
  leash_conn_end (conn, attempt, n >= 0, error);
  return n;
}

gboolean
leash_conn_write_all_as (LeashConn *conn, LeashContext *ctx, const void *buffer, gsize count,
                         gsize *ret_count, const LeashAttempt *attempt, gconstpointer caller, GError **error)
{
  gsize done = 0;
  gboolean is_whole = FALSE;

  if (leash_conn_begin (conn, attempt, conn->ops->write != NULL, caller, error))
    {
      is_whole = leash_context_check (ctx, error) && write_whole (conn, ctx, buffer, count, &done, error);
      leash_conn_end (conn, attempt, is_whole, error);
    }
  if (ret_count != NULL)
    *ret_count = done;
  return is_whole;
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
 * with the context's error, at the connection's deadline, with %G_IO_ERROR_TIMED_OUT, and when the connection
 * is closed in another thread, with %G_IO_ERROR_CLOSED.
 *
 * On a connection of datagrams each call reads one; what of it is longer than @count is lost, and one without
 * bytes is 0, too.
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

  if (!leash_conn_begin (conn, &call_write, conn->ops->write != NULL, LEASH_CALLER, error))
    return -1;
  if (leash_attempt_check_count (count, error))
    n = leash_conn_write_bare (conn, ctx, buffer, count, error);
  leash_conn_end (conn, &call_write, n >= 0, error);
  return n;
}

/**
 * leash_conn_writev:
 * @conn: a connection
 * @ctx: a context
 * @vectors: (array length=n_vectors): where the bytes are, one piece behind the other
 * @n_vectors: how many pieces; with no bytes at all it writes nothing and succeeds
 * @error: return location for an error
 *
 * As leash_conn_write(), from several places at once.
 *
 * Returns: the number of bytes that were written, -1 with @error set
 *
 * Since: 0.1
 */
gssize
leash_conn_writev (LeashConn *conn, LeashContext *ctx, const GOutputVector *vectors, gsize n_vectors,
                   GError **error)
{
  gssize n;

  g_return_val_if_fail (conn != NULL, -1);
  g_return_val_if_fail (ctx != NULL, -1);
  g_return_val_if_fail (vectors != NULL || n_vectors == 0, -1);

  if (!leash_conn_begin (conn, &call_write, conn->ops->write != NULL, LEASH_CALLER, error))
    return -1;
  n = write_vectors (conn, ctx, vectors, n_vectors, error);
  leash_conn_end (conn, &call_write, n >= 0, error);
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

  if (leash_conn_begin (conn, &call_read, conn->ops->read != NULL, LEASH_CALLER, error))
    {
      is_whole = leash_context_check (ctx, error) && read_whole (conn, ctx, buffer, count, &done, error);
      leash_conn_end (conn, &call_read, is_whole, error);
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
 * leash_conn_writev_all:
 * @conn: a connection
 * @ctx: a context
 * @vectors: (inout) (array length=n_vectors): where the bytes are; on return it is changed, as by
 *   g_output_stream_writev_all()
 * @n_vectors: how many pieces
 * @ret_count: (out) (optional): how many bytes were written, when it fails too
 * @error: return location for an error
 *
 * Writes all that is in @vectors.
 *
 * Returns: %TRUE, or %FALSE with @error set
 *
 * Since: 0.1
 */
gboolean
leash_conn_writev_all (LeashConn *conn, LeashContext *ctx, GOutputVector *vectors, gsize n_vectors,
                       gsize *ret_count, GError **error)
{
  gsize done = 0;
  gboolean is_whole = FALSE;

  g_return_val_if_fail (conn != NULL, FALSE);
  g_return_val_if_fail (ctx != NULL, FALSE);
  g_return_val_if_fail (vectors != NULL || n_vectors == 0, FALSE);

  if (leash_conn_begin (conn, &call_write, conn->ops->write != NULL, LEASH_CALLER, error))
    {
      is_whole = leash_context_check (ctx, error)
                 && write_all_vectors (conn, ctx, vectors, n_vectors, &done, error);
      leash_conn_end (conn, &call_write, is_whole, error);
    }
  if (ret_count != NULL)
    *ret_count = done;
  return is_whole;
}

/**
 * leash_conn_send_fds:
 * @conn: a connection over a local socket
 * @ctx: a context
 * @buffer: (array length=count) (element-type guint8): bytes that the descriptors go with
 * @count: how many bytes, 1 at least
 * @fds: (array length=n_fds): the descriptors, which stay the caller's
 * @n_fds: how many, 1 at least
 * @error: return location for an error
 *
 * Sends descriptors to another process, with the first of the bytes. Others than local sockets refuse with
 * %G_IO_ERROR_NOT_SUPPORTED.
 *
 * Returns: the number of bytes that were written, at least 1, and then all descriptors with them; -1 with
 * @error set, and none
 *
 * Since: 0.1
 */
gssize
leash_conn_send_fds (LeashConn *conn, LeashContext *ctx, const void *buffer, gsize count, const int *fds,
                     guint n_fds, GError **error)
{
  const LeashMove move = {
    .run = leash_conn_run_send,
    .way = LEASH_WAY_OUT,
    .buffer = (char *) buffer,
    .count = count,
    .fds = fds,
    .n_fds = n_fds,
  };
  gssize n = -1;

  g_return_val_if_fail (conn != NULL, -1);
  g_return_val_if_fail (ctx != NULL, -1);
  g_return_val_if_fail (buffer != NULL && count > 0, -1);
  g_return_val_if_fail (fds != NULL && n_fds > 0, -1);

  if (!leash_conn_begin (conn, &call_send, LEASH_CONN_HAS (conn, send_fds), LEASH_CALLER, error))
    return -1;
  if (leash_attempt_check_count (count, error))
    n = move_some (conn, ctx, &move, error);
  leash_conn_end (conn, &call_send, n >= 0, error);
  return n;
}

/**
 * leash_conn_receive_fds:
 * @conn: a connection over a local socket
 * @ctx: a context
 * @buffer: (out caller-allocates) (array length=count) (element-type guint8): where the bytes go
 * @count: how many bytes to read at most, 1 at least
 * @ret_fds: (out caller-allocates) (array length=max_fds): the descriptors, which are the caller's, and close
 * on exec
 * @max_fds: room for how many, 1 at least
 * @ret_n_fds: (out): how many came; 0 too when it fails
 * @error: return location for an error
 *
 * As leash_conn_read(), with the descriptors that were sent with the bytes. Where more come than there is
 * room for, all are closed and it fails with %G_IO_ERROR_NO_SPACE. leash_track_fd() puts them on the leash.
 * Who uses leash_conn_read() instead loses them: they are closed.
 *
 * Returns: the number of bytes that were read, 0 when the peer is done writing, -1 with @error set
 *
 * Since: 0.1
 */
gssize
leash_conn_receive_fds (LeashConn *conn, LeashContext *ctx, void *buffer, gsize count, int *ret_fds,
                        guint max_fds, guint *ret_n_fds, GError **error)
{
  const LeashMove move = {
    .run = leash_conn_run_receive,
    .way = LEASH_WAY_IN,
    .buffer = buffer,
    .count = count,
    .ret_fds = ret_fds,
    .n_fds = max_fds,
    .ret_n_fds = ret_n_fds,
  };
  gssize n = -1;

  g_return_val_if_fail (conn != NULL, -1);
  g_return_val_if_fail (ctx != NULL, -1);
  g_return_val_if_fail (buffer != NULL && count > 0, -1);
  g_return_val_if_fail (ret_fds != NULL && max_fds > 0, -1);
  g_return_val_if_fail (ret_n_fds != NULL, -1);

  *ret_n_fds = 0;
  if (!leash_conn_begin (conn, &call_receive, LEASH_CONN_HAS (conn, receive_fds), LEASH_CALLER, error))
    return -1;
  if (leash_attempt_check_count (count, error))
    n = tell_close_from_end (conn, move_some (conn, ctx, &move, error));
  leash_conn_end (conn, &call_receive, n >= 0, error);
  return n;
}
