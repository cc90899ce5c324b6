/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * LeashRows: a run of a statement. The first step is the query's, so that it is there that most errors are
 * told; the row that it found waits for leash_rows_next(). At the end the engine has nothing of it any more,
 * and neither has the tracker. The handle remains, with the error, if there was one, which is on the leash
 * instead until it was asked for: a handle that is forgotten with it is found, too.
 */
#include "leash-rows-private.h"

#include "leash-boxed-private.h"

/**
 * LeashRows:
 *
 * What a query gives, row by row.
 *
 * Reference-counted. Functions may be called from any thread, by one at a time for all that is of one
 * connection.
 */

LEASH_DEFINE_BOXED (LeashRows, leash_rows)

static const LeashSqlAttempt attempt_next = { "Reading rows of", "read after close" },
                             attempt_close = { "Closing the rows of", "closed twice" };

static void
end_rows (LeashSqlNode *node)
{
  LeashRows *rows = (LeashRows *) node;
  LeashDbConn *conn = node->conn;

  if (conn->reader == node)
    conn->reader = NULL;
  rows->step = LEASH_SQL_STEP_DONE;
  if (rows->command == &rows->own)
    leash_sql_command_finish (&rows->own);
  else if (rows->command->statement != NULL)
    conn->iface->rewind (conn->driver, conn->session, rows->command->statement);
}

static void
free_rows (LeashSqlNode *node)
{
  LeashRows *rows = (LeashRows *) node;

  g_clear_error (&rows->error);
  if (rows->command == &rows->own)
    g_free ((char *) rows->own.sql);
  g_free (rows);
}

static const LeashSqlNodeClass rows_class = { "rows", "the rows are closed", end_rows, free_rows };

LeashRows *
leash_rows_new (LeashSqlCommand *command, gboolean owns_command, LeashSqlNode *parent, LeashContext *ctx,
                LeashSqlStep first, gconstpointer caller)
{
  LeashDbConn *conn = command->conn;
  LeashRows *rows = g_new (LeashRows, 1);
  char name[LEASH_SQL_NAME_SIZE];

  *rows = (LeashRows){
    .command = command,
    .step = first,
    .is_first = TRUE,
    .n_columns = conn->iface->count_columns (conn->driver, command->statement),
  };
  if (owns_command)
    {
      rows->own = *command;
      rows->own.sql = g_strdup (command->sql);
      rows->command = &rows->own;
    }
  leash_sql_node_init (&rows->node, &rows_class, conn, parent, rows->command->sql);
  /* A prepared statement has the text already. */
  rows->node.tag = leash_track_caller (ctx, parent != NULL ? parent->tag : conn->tag, "rows",
                                       owns_command ? leash_sql_shorten (name, command->sql) : NULL, caller);
  if (conn->iface->streams_one && first == LEASH_SQL_STEP_ROW)
    conn->reader = &rows->node;
  return rows;
}

LeashSqlNode *
leash_rows_get_node (LeashRows *rows)
{
  return &rows->node;
}

/**
 * leash_rows_ref:
 * @rows: rows
 *
 * Takes a reference.
 *
 * Returns: (transfer full): @rows
 *
 * Since: 0.1
 */
LeashRows *
leash_rows_ref (LeashRows *rows)
{
  g_return_val_if_fail (rows != NULL, NULL);

  leash_sql_node_ref (&rows->node);
  return rows;
}

/* Somebody has asked what the end was. */
static void
end_unchecked (LeashRows *rows, gconstpointer caller)
{
  rows->is_unchecked = FALSE;
  if (rows->error_tag != NULL)
    leash_untrack_caller (g_steal_pointer (&rows->error_tag), caller);
}

/* What nobody asked for is a misuse although there was no error: next time there may be one. */
static void
report_unchecked (LeashRows *rows, gconstpointer caller)
{
  g_autofree char *what = NULL;

  if (LEASH_LIKELY (!rows->is_unchecked))
    return;
  end_unchecked (rows, caller);
  if (rows->error != NULL)
    what = g_strdup_printf ("read to the end, and the error there was never checked: %s",
                            rows->error->message);
  leash_tag_misused (rows->node.tag,
                     what != NULL ? what : "read to the end, and never checked whether an error was there",
                     caller);
}

/**
 * leash_rows_unref:
 * @rows: (transfer full) (nullable): rows
 *
 * Gives a reference back. With the last one rows that are open still are closed, as by leash_rows_close().
 * Where leash_rows_next() has come to the end, and neither leash_rows_check() nor leash_rows_close() was
 * asked why, that is reported.
 *
 * Since: 0.1
 */
void
leash_rows_unref (LeashRows *rows)
{
  if (rows == NULL)
    return;
  if (g_atomic_int_get (&rows->node.ref_count) == 1)
    report_unchecked (rows, LEASH_CALLER);
  leash_sql_node_unref (&rows->node, LEASH_CALLER);
}

/* With the connection entered, which it leaves. */
static void
end_here (LeashRows *rows, LeashContext *ctx, GError *error, gconstpointer caller)
{
  char name[LEASH_SQL_NAME_SIZE];
  LeashDbConn *conn = rows->node.conn;

  rows->is_at_end = rows->is_unchecked = TRUE;
  rows->error = error;
  leash_sql_prefix (&rows->error, attempt_next.doing, rows->node.text);
  leash_sql_node_end (&rows->node, caller);
  if (error != NULL)
    rows->error_tag = leash_track_caller (ctx, NULL, "unchecked error of rows",
                                          leash_sql_shorten (name, rows->node.text), caller);
  leash_db_conn_leave (conn);
  if (rows->node.owns_conn)
    leash_db_conn_finish (conn, caller, NULL);
}

/* With the connection entered, which it leaves. That they are at their end was said before, and may be asked
 * again. */
static void
refuse_next (LeashRows *rows, gconstpointer caller)
{
  if (!rows->is_at_end)
    leash_sql_node_refuse (&rows->node, &attempt_next, caller, rows->error == NULL ? &rows->error : NULL);
  leash_db_conn_leave (rows->node.conn);
}

/**
 * leash_rows_next:
 * @rows: rows
 * @ctx: a context
 *
 * Goes on to the next row, the first at first. What was got from the one before is gone then, unless it was
 * copied.
 *
 * Returns: whether there is one; %FALSE at the end, and after an error: leash_rows_check() says which
 *
 * Since: 0.1
 */
gboolean
leash_rows_next (LeashRows *rows, LeashContext *ctx)
{
  GError *error = NULL;

  g_return_val_if_fail (rows != NULL, FALSE);
  g_return_val_if_fail (ctx != NULL, FALSE);

  if (LEASH_UNLIKELY (!leash_db_conn_try (rows->node.conn)))
    {
      leash_db_conn_refuse_crowd (rows->node.conn, rows->node.tag, &attempt_next, rows->node.text,
                                  LEASH_CALLER, NULL);
      return FALSE;
    }
  if (LEASH_UNLIKELY (rows->node.state != LEASH_SQL_OPEN))
    {
      refuse_next (rows, LEASH_CALLER);
      return FALSE;
    }
  if (LEASH_UNLIKELY (!leash_context_check (ctx, &error)))
    rows->step = LEASH_SQL_STEP_ERROR;
  else if (rows->is_first)
    rows->is_first = FALSE;
  else
    rows->step = leash_sql_command_step (rows->command, ctx, &error);
  if (LEASH_UNLIKELY (rows->step != LEASH_SQL_STEP_ROW))
    {
      end_here (rows, ctx, error, LEASH_CALLER);
      return FALSE;
    }
  leash_db_conn_leave (rows->node.conn);
  return TRUE;
}

/* With the connection entered. */
static gboolean
tell_error (LeashRows *rows, GError **error)
{
  if (rows->error == NULL)
    return TRUE;
  if (error != NULL)
    *error = g_error_copy (rows->error);
  return FALSE;
}

static gboolean
check_entered (LeashRows *rows, gconstpointer caller, GError **error)
{
  if (rows->node.state != LEASH_SQL_OPEN)
    {
      /* Who asks has looked at what is returned. */
      end_unchecked (rows, caller);
      return tell_error (rows, error);
    }
  leash_sql_error_set (
      error, LEASH_SQL_ERROR_IN_USE, NULL,
      "they are not at their end; leash_rows_next() fails while another thread uses the connection");
  leash_sql_prefix (error, attempt_next.doing, rows->node.text);
  return FALSE;
}

/**
 * leash_rows_check:
 * @rows: rows of which leash_rows_next() has said that there are no more
 * @error: return location for an error
 *
 * Asks whether that was the end, or an error. It can be asked again.
 *
 * Returns: %TRUE when all rows were read, or %FALSE with @error set
 *
 * Since: 0.1
 */
gboolean
leash_rows_check (LeashRows *rows, GError **error)
{
  gboolean is_good;

  g_return_val_if_fail (rows != NULL, FALSE);

  if (!leash_db_conn_try (rows->node.conn))
    return leash_db_conn_refuse_crowd (rows->node.conn, rows->node.tag, &attempt_next, rows->node.text,
                                       LEASH_CALLER, error);
  is_good = check_entered (rows, LEASH_CALLER, error);
  leash_db_conn_leave (rows->node.conn);
  return is_good;
}

/**
 * leash_rows_close:
 * @rows: rows
 * @error: return location for an error
 *
 * Ends them, wherever they are. After their own end there is nothing to be closed, and it tells what
 * leash_rows_check() tells. Before it this says whether the statement has come to its end: one with RETURNING
 * may fail in its commit, behind its rows. leash_rows_unref() alone asks nobody.
 *
 * Returns: %TRUE, or %FALSE with @error set: the error that ended them or their statement, or
 * %G_IO_ERROR_CLOSED when they were closed before
 *
 * Since: 0.1
 */
gboolean
leash_rows_close (LeashRows *rows, GError **error)
{
  gboolean is_at_end, is_good = TRUE, is_closed;

  g_return_val_if_fail (rows != NULL, FALSE);

  if (!leash_db_conn_try (rows->node.conn))
    return leash_db_conn_refuse_crowd (rows->node.conn, rows->node.tag, &attempt_close, rows->node.text,
                                       LEASH_CALLER, error);
  is_at_end = rows->is_at_end;
  if (is_at_end)
    {
      if (rows->error == NULL || error != NULL)
        end_unchecked (rows, LEASH_CALLER);
      is_good = tell_error (rows, error);
    }
  /* What is left of it may be an error: that of the commit, where the statement changed something. */
  else if (rows->node.state == LEASH_SQL_OPEN && rows->step == LEASH_SQL_STEP_ROW)
    is_good = leash_sql_command_end_run (rows->command, leash_context_background (), error);
  leash_db_conn_leave (rows->node.conn);
  if (is_at_end)
    return is_good;
  is_closed = leash_sql_node_close (&rows->node, &attempt_close, LEASH_CALLER, is_good ? error : NULL);
  if (!is_good)
    leash_sql_prefix (error, attempt_close.doing, rows->node.text);
  return is_good && is_closed;
}
