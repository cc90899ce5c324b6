/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* LeashStmt: a prepared statement. Rows of its runs have it for their parent, and one run is at a time. */
#include "leash-sql-private.h"

#include <leash/leash-rows.h>
#include <leash/leash-stmt.h>

#include <string.h>

#include "leash-boxed-private.h"

/**
 * LeashStmt:
 *
 * A prepared statement of one connection.
 *
 * Reference-counted. Functions may be called from any thread, by one at a time for all that is of one
 * connection.
 */
struct _LeashStmt
{
  LeashSqlNode node;
  LeashSqlCommand command; /* its text is text */
  char text[];
};

LEASH_DEFINE_BOXED (LeashStmt, leash_stmt)

static const LeashSqlAttempt attempt_bind = { "Binding parameters of", "bound after close" },
                             attempt_exec = { "Executing", "executed after close" },
                             attempt_query = { "Querying", "queried after close" },
                             attempt_close = { "Closing", "closed twice" };

static void
end_stmt (LeashSqlNode *node)
{
  leash_sql_command_finish (&((LeashStmt *) node)->command);
}

static void
free_stmt (LeashSqlNode *node)
{
  g_free (node);
}

static const LeashSqlNodeClass stmt_class = { "statement", "the statement is closed", end_stmt, free_stmt };

LeashStmt *
leash_sql_prepare (LeashDbConn *conn, LeashSqlNode *parent, LeashContext *ctx, const char *sql,
                   gconstpointer caller, GError **error)
{
  gsize size = strlen (sql) + 1;
  char name[LEASH_SQL_NAME_SIZE];
  LeashSqlCommand command;
  LeashStmt *stmt;

  if (!leash_sql_command_prepare (&command, conn, ctx, sql, error))
    {
      leash_sql_prefix (error, "Preparing", sql);
      return NULL;
    }
  stmt = g_malloc0 (sizeof (LeashStmt) + size);
  memcpy (stmt->text, sql, size);
  stmt->command = command;
  stmt->command.sql = stmt->text;
  leash_sql_node_init (&stmt->node, &stmt_class, conn, parent, stmt->text);
  stmt->node.tag = leash_track_caller (ctx, parent != NULL ? parent->tag : conn->tag, "statement",
                                       leash_sql_shorten (name, sql), caller);
  return stmt;
}

/**
 * leash_stmt_ref:
 * @stmt: a statement
 *
 * Takes a reference.
 *
 * Returns: (transfer full): @stmt
 *
 * Since: 0.1
 */
LeashStmt *
leash_stmt_ref (LeashStmt *stmt)
{
  g_return_val_if_fail (stmt != NULL, NULL);

  leash_sql_node_ref (&stmt->node);
  return stmt;
}

/**
 * leash_stmt_unref:
 * @stmt: (transfer full) (nullable): a statement
 *
 * Gives a reference back. With the last one a statement that is open still is closed, as by
 * leash_stmt_close().
 *
 * Since: 0.1
 */
void
leash_stmt_unref (LeashStmt *stmt)
{
  if (stmt != NULL)
    leash_sql_node_unref (&stmt->node, LEASH_CALLER);
}

/**
 * leash_stmt_close:
 * @stmt: a statement
 * @error: return location for an error
 *
 * Closes a statement. Rows of it that are open are ended with it: it is closed all the same then, but %FALSE
 * is returned, and the tracker reports them with their stack and this one's.
 *
 * Returns: %TRUE, or %FALSE with @error set: %LEASH_SQL_ERROR_CHILDREN_OPEN when rows were open,
 * %G_IO_ERROR_CLOSED when it was closed before
 *
 * Since: 0.1
 */
gboolean
leash_stmt_close (LeashStmt *stmt, GError **error)
{
  g_return_val_if_fail (stmt != NULL, FALSE);

  return leash_sql_node_close (&stmt->node, &attempt_close, LEASH_CALLER, error);
}

/**
 * leash_stmt_get_sql:
 * @stmt: a statement
 *
 * Returns: (transfer none): its text, as it was given
 *
 * Since: 0.1
 */
const char *
leash_stmt_get_sql (LeashStmt *stmt)
{
  g_return_val_if_fail (stmt != NULL, NULL);

  return stmt->text;
}

/**
 * leash_stmt_count_parameters:
 * @stmt: a statement, open or not
 *
 * Returns: how many parameters it has, the greatest index of one
 *
 * Since: 0.1
 */
guint
leash_stmt_count_parameters (LeashStmt *stmt)
{
  g_return_val_if_fail (stmt != NULL, 0);

  return stmt->command.n_parameters;
}

static gboolean
is_not_running (LeashStmt *stmt, GError **error)
{
  if (LEASH_LIKELY (stmt->node.n_children == 0))
    return TRUE;
  leash_sql_error_set (error, LEASH_SQL_ERROR_IN_USE, NULL,
                       "its rows are open: they must be read to their end, or closed");
  return FALSE;
}

/* index is 0 where it is to be found by name. */
static gboolean
bind_entered (LeashStmt *stmt, guint index, const char *name, const LeashSqlValue *value, GError **error)
{
  LeashDbConn *conn = stmt->node.conn;

  if (!is_not_running (stmt, error))
    return FALSE;
  if (name == NULL)
    return leash_sql_command_bind (&stmt->command, index, value, error);
  index = conn->iface->find_parameter (conn->driver, stmt->command.statement, name);
  if (index > 0)
    return leash_sql_command_bind (&stmt->command, index, value, error);
  leash_sql_error_set (error, LEASH_SQL_ERROR_BIND, NULL, "there is no parameter “%s”", name);
  return FALSE;
}

static gboolean
bind (LeashStmt *stmt, guint index, const char *name, const LeashSqlValue *value, gconstpointer caller,
      GError **error)
{
  gboolean is_done;

  if (!leash_sql_node_enter (&stmt->node, &attempt_bind, caller, error))
    return FALSE;
  is_done = bind_entered (stmt, index, name, value, error);
  leash_db_conn_leave (stmt->node.conn);
  if (LEASH_UNLIKELY (!is_done))
    leash_sql_prefix (error, attempt_bind.doing, stmt->text);
  return is_done;
}

/**
 * leash_stmt_bind:
 * @stmt: a statement, none of whose rows are open
 * @index: which parameter, from 1
 * @value: the value, of which a copy is made
 * @error: return location for an error
 *
 * Binds a value to a parameter, for all runs from now on.
 *
 * Returns: %TRUE, or %FALSE with @error set
 *
 * Since: 0.1
 */
gboolean
leash_stmt_bind (LeashStmt *stmt, guint index, LeashSqlValue value, GError **error)
{
  g_return_val_if_fail (stmt != NULL, FALSE);

  return bind (stmt, index, NULL, &value, LEASH_CALLER, error);
}

/**
 * leash_stmt_bind_name:
 * @stmt: a statement, none of whose rows are open
 * @name: which parameter, as it is in the statement, with its prefix or without: ":id" or "id"
 * @value: the value, of which a copy is made
 * @error: return location for an error
 *
 * Binds a value to the parameter of a name, for all runs from now on. PostgreSQL's parameters are numbers and
 * have no names.
 *
 * Returns: %TRUE, or %FALSE with @error set
 *
 * Since: 0.1
 */
gboolean
leash_stmt_bind_name (LeashStmt *stmt, const char *name, LeashSqlValue value, GError **error)
{
  g_return_val_if_fail (stmt != NULL, FALSE);
  g_return_val_if_fail (name != NULL, FALSE);

  return bind (stmt, 0, name, &value, LEASH_CALLER, error);
}

/* With the connection entered. */
static gboolean
start (LeashStmt *stmt, LeashContext *ctx, const LeashSqlValue *values, gsize n_values, GError **error)
{
  return is_not_running (stmt, error) && leash_sql_may_run (stmt->node.conn, ctx, error)
         && leash_sql_command_bind_all (&stmt->command, values, n_values, error);
}

/**
 * leash_stmt_exec:
 * @stmt: a statement, none of whose rows are open
 * @ctx: a context
 * @values: (nullable) (array length=n_values): its parameters: LEASH_SQL_ARGS(), or %LEASH_SQL_NO_ARGS for
 * those that are bound
 * @n_values: how many: all that the statement has, or none
 * @ret_result: (out caller-allocates) (optional): set to what it did
 * @error: return location for an error
 *
 * As leash_db_conn_exec(), with a statement that is prepared.
 *
 * Returns: %TRUE, or %FALSE with @error set
 *
 * Since: 0.1
 */
gboolean
leash_stmt_exec (LeashStmt *stmt, LeashContext *ctx, const LeashSqlValue *values, gsize n_values,
                 LeashSqlResult *ret_result, GError **error)
{
  gboolean is_done;

  g_return_val_if_fail (stmt != NULL, FALSE);
  g_return_val_if_fail (ctx != NULL, FALSE);
  g_return_val_if_fail (values != NULL || n_values == 0, FALSE);

  if (!leash_sql_node_enter (&stmt->node, &attempt_exec, LEASH_CALLER, error))
    return FALSE;
  is_done = start (stmt, ctx, values, n_values, error)
            && leash_sql_command_run (&stmt->command, ctx, ret_result, error);
  leash_db_conn_leave (stmt->node.conn);
  if (LEASH_UNLIKELY (!is_done))
    leash_sql_prefix (error, attempt_exec.doing, stmt->text);
  return is_done;
}

/* With the connection entered: runs it to its first row. */
static gboolean
start_rows (LeashStmt *stmt, LeashContext *ctx, const LeashSqlValue *values, gsize n_values,
            LeashSqlStep *ret_first, GError **error)
{
  LeashDbConn *conn = stmt->node.conn;

  if (!start (stmt, ctx, values, n_values, error))
    return FALSE;
  *ret_first = leash_sql_command_step (&stmt->command, ctx, error);
  if (LEASH_LIKELY (*ret_first != LEASH_SQL_STEP_ERROR))
    return TRUE;
  conn->iface->rewind (conn->driver, conn->session, stmt->command.statement);
  return FALSE;
}

/**
 * leash_stmt_query:
 * @stmt: a statement, none of whose rows are open
 * @ctx: a context
 * @values: (nullable) (array length=n_values): its parameters: LEASH_SQL_ARGS(), or %LEASH_SQL_NO_ARGS for
 * those that are bound
 * @n_values: how many: all that the statement has, or none
 * @error: return location for an error
 *
 * As leash_db_conn_query(), with a statement that is prepared. The rows are children of @stmt.
 *
 * Returns: (transfer full): the rows, %NULL with @error set
 *
 * Since: 0.1
 */
LeashRows *
leash_stmt_query (LeashStmt *stmt, LeashContext *ctx, const LeashSqlValue *values, gsize n_values,
                  GError **error)
{
  LeashRows *rows = NULL;
  LeashSqlStep first;

  g_return_val_if_fail (stmt != NULL, NULL);
  g_return_val_if_fail (ctx != NULL, NULL);
  g_return_val_if_fail (values != NULL || n_values == 0, NULL);

  if (!leash_sql_node_enter (&stmt->node, &attempt_query, LEASH_CALLER, error))
    return NULL;
  if (LEASH_LIKELY (start_rows (stmt, ctx, values, n_values, &first, error)))
    rows = leash_rows_new (&stmt->command, FALSE, &stmt->node, ctx, first, LEASH_CALLER);
  leash_db_conn_leave (stmt->node.conn);
  if (LEASH_UNLIKELY (rows == NULL))
    leash_sql_prefix (error, attempt_query.doing, stmt->text);
  return rows;
}

/**
 * leash_stmt_query_row:
 * @stmt: a statement, none of whose rows are open
 * @ctx: a context
 * @values: (nullable) (array length=n_values): its parameters: LEASH_SQL_ARGS(), or %LEASH_SQL_NO_ARGS for
 * those that are bound
 * @n_values: how many: all that the statement has, or none
 * @error: return location for an error
 * @...: where the columns go, as for leash_rows_scan(), ended by %LEASH_SQL_END
 *
 * As leash_db_conn_query_row(), with a statement that is prepared.
 *
 * Returns: %TRUE, or %FALSE with @error set
 *
 * Since: 0.1
 */
gboolean
leash_stmt_query_row (LeashStmt *stmt, LeashContext *ctx, const LeashSqlValue *values, gsize n_values,
                      GError **error, ...)
{
  LeashDbConn *conn;
  LeashSqlStep first;
  gboolean is_done = FALSE;
  va_list places;

  g_return_val_if_fail (stmt != NULL, FALSE);
  g_return_val_if_fail (ctx != NULL, FALSE);
  g_return_val_if_fail (values != NULL || n_values == 0, FALSE);

  conn = stmt->node.conn;
  if (!leash_sql_node_enter (&stmt->node, &attempt_query, LEASH_CALLER, error))
    return FALSE;
  if (LEASH_LIKELY (start_rows (stmt, ctx, values, n_values, &first, error)))
    {
      va_start (places, error);
      is_done = leash_sql_scan_only (&stmt->command, ctx, first, &places, error);
      va_end (places);
      conn->iface->rewind (conn->driver, conn->session, stmt->command.statement);
    }
  leash_db_conn_leave (conn);
  if (LEASH_UNLIKELY (!is_done))
    leash_sql_prefix (error, attempt_query.doing, stmt->text);
  return is_done;
}
