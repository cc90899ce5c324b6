/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* LeashCopy: a bulk copy by the driver, which has the session to itself until it is closed. */
#include "leash-sql-private.h"

#include <leash/leash-copy.h>
#include <leash/leash-db-conn.h>

#include <string.h>

#include "leash-boxed-private.h"

#define GIVE_UP_TIME (10 * G_TIME_SPAN_SECOND)

/**
 * LeashCopy:
 *
 * A bulk copy to a database, or from it.
 *
 * Reference-counted. Functions may be called from any thread, by one at a time for all that is of one
 * connection.
 */
struct _LeashCopy
{
  LeashSqlNode node;
  gboolean is_in;
  gboolean is_ended; /* in the engine */
  char text[];
};

LEASH_DEFINE_BOXED (LeashCopy, leash_copy)

static const LeashSqlAttempt attempt_begin = { "Copying by", "copied after close" },
                             attempt_write = { "Writing to", "written after close" },
                             attempt_read = { "Reading from", "read after close" },
                             attempt_close = { "Closing", "closed twice" };

/* What is closed well has ended before. */
static void
end_copy (LeashSqlNode *node)
{
  LeashCopy *copy = (LeashCopy *) node;
  LeashDbConn *conn = node->conn;

  conn->reader = NULL;
  if (!copy->is_ended)
    {
      g_autoptr (LeashContext) ctx = leash_context_with_timeout (leash_context_background (), GIVE_UP_TIME);

      conn->iface->copy_end (conn->driver, conn->session, ctx, "given up", NULL, NULL);
      leash_context_cancel (ctx, NULL);
      leash_sql_look_at_tx (conn);
    }
  copy->is_ended = TRUE;
}

static void
free_copy (LeashSqlNode *node)
{
  g_free (node);
}

static const LeashSqlNodeClass copy_class = { "copy", "the copy is closed", end_copy, free_copy };

static gboolean
begin_in_engine (LeashDbConn *conn, LeashContext *ctx, const char *sql, gboolean is_in, GError **error)
{
  if (!leash_sql_may_run (conn, ctx, error))
    return FALSE;
  if (conn->iface->copy_begin != NULL)
    return leash_fault_point (ctx, "copy", sql, error)
           && conn->iface->copy_begin (conn->driver, conn->session, ctx, sql, is_in, error);
  g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED, "this database has no bulk copies");
  return FALSE;
}

static LeashCopy *
begin (LeashDbConn *conn, LeashContext *ctx, const char *sql, gboolean is_in, gconstpointer caller,
       GError **error)
{
  gsize size = strlen (sql) + 1;
  char name[LEASH_SQL_NAME_SIZE];
  LeashCopy *copy = NULL;

  if (!leash_db_conn_enter (conn, &attempt_begin, sql, caller, error))
    return NULL;
  if (begin_in_engine (conn, ctx, sql, is_in, error))
    {
      LeashSqlNode *parent = conn->tx != NULL ? leash_tx_get_node (conn->tx) : NULL;

      copy = g_malloc0 (sizeof (LeashCopy) + size);
      copy->is_in = is_in;
      memcpy (copy->text, sql, size);
      leash_sql_node_init (&copy->node, &copy_class, conn, parent, copy->text);
      copy->node.tag = leash_track_caller (ctx, parent != NULL ? parent->tag : conn->tag, "copy",
                                           leash_sql_shorten (name, sql), caller);
      conn->reader = &copy->node;
    }
  else
    leash_sql_look_at_tx (conn);
  leash_db_conn_leave (conn);
  if (copy == NULL)
    leash_sql_prefix (error, attempt_begin.doing, sql);
  return copy;
}

/**
 * leash_db_conn_copy_in:
 * @conn: a connection to PostgreSQL
 * @ctx: a context
 * @sql: a COPY … FROM STDIN statement
 * @error: return location for an error
 *
 * Begins a copy to the database: leash_copy_write() sends what the statement's format says, and
 * leash_copy_close() makes it last. The connection can do nothing else until then. It is on the leash of
 * @ctx's tracker, as the child of the transaction that is open, if there is one.
 *
 * Returns: (transfer full): the copy, %NULL with @error set: %G_IO_ERROR_NOT_SUPPORTED where the engine has
 * none
 *
 * Since: 0.1
 */
LeashCopy *
leash_db_conn_copy_in (LeashDbConn *conn, LeashContext *ctx, const char *sql, GError **error)
{
  g_return_val_if_fail (conn != NULL, NULL);
  g_return_val_if_fail (ctx != NULL, NULL);
  g_return_val_if_fail (sql != NULL, NULL);

  return begin (conn, ctx, sql, TRUE, LEASH_CALLER, error);
}

/**
 * leash_db_conn_copy_out:
 * @conn: a connection to PostgreSQL
 * @ctx: a context
 * @sql: a COPY … TO STDOUT statement
 * @error: return location for an error
 *
 * Begins a copy from the database, which leash_copy_read() reads. The connection can do nothing else until it
 * is closed.
 *
 * Returns: (transfer full): the copy, %NULL with @error set: %G_IO_ERROR_NOT_SUPPORTED where the engine has
 * none
 *
 * Since: 0.1
 */
LeashCopy *
leash_db_conn_copy_out (LeashDbConn *conn, LeashContext *ctx, const char *sql, GError **error)
{
  g_return_val_if_fail (conn != NULL, NULL);
  g_return_val_if_fail (ctx != NULL, NULL);
  g_return_val_if_fail (sql != NULL, NULL);

  return begin (conn, ctx, sql, FALSE, LEASH_CALLER, error);
}

/**
 * leash_copy_ref:
 * @copy: a copy
 *
 * Takes a reference.
 *
 * Returns: (transfer full): @copy
 *
 * Since: 0.1
 */
LeashCopy *
leash_copy_ref (LeashCopy *copy)
{
  g_return_val_if_fail (copy != NULL, NULL);

  leash_sql_node_ref (&copy->node);
  return copy;
}

/**
 * leash_copy_unref:
 * @copy: (transfer full) (nullable): a copy
 *
 * Gives a reference back. With the last one a copy that is open still is given up: of one to the database,
 * nothing is there.
 *
 * Since: 0.1
 */
void
leash_copy_unref (LeashCopy *copy)
{
  if (copy != NULL)
    leash_sql_node_unref (&copy->node, LEASH_CALLER);
}

/* With the connection entered. */
static gboolean
goes (LeashCopy *copy, gboolean in, LeashContext *ctx, GError **error)
{
  if (copy->is_in == in)
    return leash_context_check (ctx, error);
  g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED, "the copy goes the other way");
  return FALSE;
}

/* With the connection entered, which it leaves. */
static gboolean
leave (LeashCopy *copy, const LeashSqlAttempt *attempt, gboolean is_done, GError **error)
{
  leash_sql_look_at_tx (copy->node.conn);
  leash_db_conn_leave (copy->node.conn);
  if (!is_done)
    leash_sql_prefix (error, attempt->doing, copy->text);
  return is_done;
}

/**
 * leash_copy_write:
 * @copy: a copy to the database
 * @ctx: a context
 * @bytes: (array length=count): what the COPY statement's format says; where parts begin and end does not
 * matter
 * @count: how many
 * @error: return location for an error
 *
 * Sends a part. What is wrong with it may be told by a later part, or by leash_copy_close().
 *
 * Returns: %TRUE when all of it was taken, or %FALSE with @error set
 *
 * Since: 0.1
 */
gboolean
leash_copy_write (LeashCopy *copy, LeashContext *ctx, const void *bytes, gsize count, GError **error)
{
  LeashDbConn *conn;

  g_return_val_if_fail (copy != NULL, FALSE);
  g_return_val_if_fail (ctx != NULL, FALSE);
  g_return_val_if_fail (bytes != NULL || count == 0, FALSE);

  conn = copy->node.conn;
  return leash_sql_node_enter (&copy->node, &attempt_write, LEASH_CALLER, error)
         && leave (copy, &attempt_write,
                   goes (copy, TRUE, ctx, error) && leash_fault_point (ctx, "write", copy->text, error)
                       && conn->iface->copy_write (conn->driver, conn->session, ctx, bytes, count, error),
                   error);
}

/**
 * leash_copy_read:
 * @copy: a copy from the database
 * @ctx: a context
 * @ret_bytes: (out) (transfer none) (array length=ret_length): set to the next part, in text formats a line,
 * which lives until the next call
 * @ret_length: (out): set to how long it is; 0 at the end
 * @error: return location for an error
 *
 * Receives a part.
 *
 * Returns: %TRUE, or %FALSE with @error set
 *
 * Since: 0.1
 */
gboolean
leash_copy_read (LeashCopy *copy, LeashContext *ctx, const char **ret_bytes, gsize *ret_length,
                 GError **error)
{
  LeashDbConn *conn;

  g_return_val_if_fail (copy != NULL, FALSE);
  g_return_val_if_fail (ctx != NULL, FALSE);
  g_return_val_if_fail (ret_bytes != NULL, FALSE);
  g_return_val_if_fail (ret_length != NULL, FALSE);

  conn = copy->node.conn;
  return leash_sql_node_enter (&copy->node, &attempt_read, LEASH_CALLER, error)
         && leave (
             copy, &attempt_read,
             goes (copy, FALSE, ctx, error) && leash_fault_point (ctx, "read", copy->text, error)
                 && conn->iface->copy_read (conn->driver, conn->session, ctx, ret_bytes, ret_length, error),
             error);
}

/* Closing an orphan goes well elsewhere; of a copy it would say that the rows are there. */
static gboolean
close_too_late (LeashCopy *copy, gconstpointer caller, GError **error)
{
  if (leash_sql_node_close (&copy->node, &attempt_close, caller, error))
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_CLOSED,
                           "what it was opened from was closed before, and the copy given up");
      leash_sql_prefix (error, attempt_close.doing, copy->text);
    }
  return FALSE;
}

/**
 * leash_copy_close:
 * @copy: a copy
 * @ctx: a context
 * @ret_result: (out caller-allocates) (optional): set to how many rows were copied
 * @error: return location for an error
 *
 * Ends a copy. One to the database is made to last, or was wrong: nothing of it is there then. It is closed
 * in any case.
 *
 * Returns: %TRUE, or %FALSE with @error set
 *
 * Since: 0.1
 */
gboolean
leash_copy_close (LeashCopy *copy, LeashContext *ctx, LeashSqlResult *ret_result, GError **error)
{
  LeashDbConn *conn;
  gboolean is_done = TRUE;

  g_return_val_if_fail (copy != NULL, FALSE);
  g_return_val_if_fail (ctx != NULL, FALSE);

  conn = copy->node.conn;
  if (!leash_db_conn_try (conn))
    return leash_db_conn_refuse_crowd (conn, copy->node.tag, &attempt_close, copy->text, LEASH_CALLER, error);
  if (copy->node.state != LEASH_SQL_OPEN)
    {
      leash_db_conn_leave (conn);
      return close_too_late (copy, LEASH_CALLER, error);
    }
  /* Of one whose context is done, the end is that it was given up. */
  is_done = leash_context_check (ctx, error) && leash_fault_point (ctx, "end", copy->text, error);
  if (is_done)
    {
      is_done = conn->iface->copy_end (conn->driver, conn->session, ctx, NULL, ret_result, error);
      copy->is_ended = TRUE;
    }
  leash_sql_node_end (&copy->node, LEASH_CALLER);
  return leave (copy, &attempt_close, is_done, error);
}
