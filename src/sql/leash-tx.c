/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * LeashTx: a transaction, and savepoints in it, which are transactions in one. The innermost is the
 * connection's.
 *
 * What was opened from one is closed before it is committed: that is refused otherwise, with everything left
 * as it is. A rollback ends it.
 *
 * Rollbacks happen on ways out, when contexts are done: they have none, and ROLLBACK_TIME instead. A session
 * that does not answer for so long is thrown away, which rolls back as well.
 */
#include "leash-sql-private.h"

#include <leash/leash-tx.h>

#include "leash-boxed-private.h"

#define ROLLBACK_TIME (10 * G_TIME_SPAN_SECOND)

/**
 * LeashTx:
 *
 * A transaction of one connection, or a savepoint.
 *
 * Reference-counted. Functions may be called from any thread, by one at a time for all that is of one
 * connection.
 */
struct _LeashTx
{
  LeashSqlNode node;
  LeashTx *outer;   /* NULL for a transaction; the node's parent otherwise */
  gboolean is_lost; /* the engine has ended it */
  guint depth;      /* of savepoints around it */
  char name[24];    /* a savepoint's, by its depth; "" for a transaction */
};

LEASH_DEFINE_BOXED (LeashTx, leash_tx)

static const LeashSqlAttempt attempt_exec = { "Executing", "executed after the end of its transaction" },
                             attempt_query = { "Querying", "queried after the end of its transaction" },
                             attempt_prepare = { "Preparing", "prepared after the end of its transaction" },
                             attempt_savepoint
                             = { "Making a savepoint in", "savepoint made after the transaction's end" },
                             attempt_commit = { "Committing", "committed after its end" },
                             attempt_rollback = { "Rolling back", "rolled back after its end" };

LeashSqlNode *
leash_tx_get_node (LeashTx *tx)
{
  return &tx->node;
}

gboolean
leash_tx_is_lost (LeashTx *tx)
{
  return tx->is_lost;
}

void
leash_tx_lose (LeashTx *tx)
{
  for (LeashTx *each = tx; each != NULL; each = each->outer)
    each->is_lost = TRUE;
}

/* SQL's statements on a savepoint: "SAVEPOINT", "ROLLBACK TO", "RELEASE". */
static gboolean
run_on_savepoint (LeashDbConn *conn, LeashContext *ctx, const char *verb, const char *savepoint,
                  GError **error)
{
  g_autofree char *sql = g_strconcat (verb, " ", savepoint, NULL);

  return leash_sql_run_text (conn, ctx, sql, error);
}

void
leash_sql_roll_back (LeashDbConn *conn, const char *savepoint)
{
  g_autoptr (LeashContext) ctx = leash_context_with_timeout (leash_context_background (), ROLLBACK_TIME);

  /* Rows of a statement that was prepared before the transaction, where nothing else can run beside them. */
  leash_sql_node_end_reader (conn);
  if (savepoint == NULL)
    leash_sql_run_text (conn, ctx, "ROLLBACK", NULL);
  else if (run_on_savepoint (conn, ctx, "ROLLBACK TO", savepoint, NULL))
    run_on_savepoint (conn, ctx, "RELEASE", savepoint, NULL);
  leash_context_cancel (ctx, NULL);
}

static void
end_tx (LeashSqlNode *node)
{
  LeashTx *tx = (LeashTx *) node;
  LeashDbConn *conn = node->conn;

  /* A commit has taken it off before. Of several that end at once, the innermost comes first. */
  if (conn->tx != tx)
    return;
  if (!tx->is_lost || conn->iface->in_transaction (conn->driver, conn->session))
    leash_sql_roll_back (conn, tx->outer != NULL ? tx->name : NULL);
  conn->tx = tx->outer;
  leash_sql_look_at_tx (conn);
}

static void
free_tx (LeashSqlNode *node)
{
  g_free (node);
}

static const LeashSqlNodeClass tx_class = { "transaction", "the transaction is over", end_tx, free_tx },
                               savepoint_class = { "savepoint", "the savepoint is over", end_tx, free_tx };

static LeashTx *
make_tx (LeashDbConn *conn, LeashSqlNode *parent, LeashTx *outer, const char *name, LeashContext *ctx,
         gconstpointer caller)
{
  const LeashSqlNodeClass *class = outer != NULL ? &savepoint_class : &tx_class;
  LeashTx *tx = g_new0 (LeashTx, 1);

  g_strlcpy (tx->name, name, sizeof tx->name);
  leash_sql_node_init (&tx->node, class, conn, parent, leash_db_conn_get_name (conn));
  tx->outer = outer;
  tx->depth = outer != NULL ? outer->depth + 1 : 0;
  tx->node.tag = leash_track_caller (ctx, parent != NULL ? parent->tag : conn->tag, class->noun,
                                     tx->node.text, caller);
  conn->tx = tx;
  return tx;
}

static gboolean
begin_in_engine (LeashDbConn *conn, LeashContext *ctx, const LeashTxOptions *options, GError **error)
{
  static const LeashTxOptions defaults = { .size = sizeof defaults };

  return leash_fault_point (ctx, "begin", leash_db_conn_get_name (conn), error)
         && conn->iface->begin (conn->driver, conn->session, ctx, options != NULL ? options : &defaults,
                                error);
}

static gboolean
may_begin (LeashDbConn *conn, GError **error)
{
  if (conn->tx != NULL)
    leash_sql_error_set (error, LEASH_SQL_ERROR_IN_USE, NULL,
                         "one is open: leash_tx_begin() makes a savepoint in it");
  else if (conn->iface->in_transaction (conn->driver, conn->session))
    leash_sql_error_set (error, LEASH_SQL_ERROR_IN_USE, NULL, "one is open that a statement began");
  else
    return TRUE;
  return FALSE;
}

LeashTx *
leash_sql_begin (LeashDbConn *conn, LeashSqlNode *parent, LeashContext *ctx, const LeashTxOptions *options,
                 gconstpointer caller, GError **error)
{
  if (may_begin (conn, error) && leash_sql_may_run (conn, ctx, error)
      && begin_in_engine (conn, ctx, options, error))
    return make_tx (conn, parent, NULL, "", ctx, caller);
  leash_sql_prefix (error, "Beginning a transaction of", leash_db_conn_get_name (conn));
  return NULL;
}

/**
 * leash_tx_ref:
 * @tx: a transaction
 *
 * Takes a reference.
 *
 * Returns: (transfer full): @tx
 *
 * Since: 0.1
 */
LeashTx *
leash_tx_ref (LeashTx *tx)
{
  g_return_val_if_fail (tx != NULL, NULL);

  leash_sql_node_ref (&tx->node);
  return tx;
}

/**
 * leash_tx_unref:
 * @tx: (transfer full) (nullable): a transaction
 *
 * Gives a reference back. With the last one a transaction that is open still is rolled back, as by
 * leash_tx_rollback().
 *
 * Since: 0.1
 */
void
leash_tx_unref (LeashTx *tx)
{
  if (tx != NULL)
    leash_sql_node_unref (&tx->node, LEASH_CALLER);
}

static gboolean
is_innermost (LeashTx *tx, GError **error)
{
  if (LEASH_LIKELY (tx->node.conn->tx == tx))
    return TRUE;
  leash_sql_error_set (error, LEASH_SQL_ERROR_IN_USE, NULL, "a savepoint in it is open");
  return FALSE;
}

/**
 * leash_tx_begin:
 * @tx: a transaction, or a savepoint, in which no savepoint is open
 * @ctx: a context
 * @error: return location for an error
 *
 * Makes a savepoint: a transaction in a transaction, which can be rolled back by itself. What it has
 * committed is there when
 * @tx is committed.
 *
 * Returns: (transfer full): the savepoint, %NULL with @error set
 *
 * Since: 0.1
 */
LeashTx *
leash_tx_begin (LeashTx *tx, LeashContext *ctx, GError **error)
{
  char name[sizeof tx->name];
  LeashTx *inner = NULL;

  g_return_val_if_fail (tx != NULL, NULL);
  g_return_val_if_fail (ctx != NULL, NULL);

  if (!leash_sql_node_enter (&tx->node, &attempt_savepoint, LEASH_CALLER, error))
    return NULL;
  g_snprintf (name, sizeof name, "leash_%u", tx->depth + 1);
  if (is_innermost (tx, error) && leash_sql_may_run (tx->node.conn, ctx, error)
      && run_on_savepoint (tx->node.conn, ctx, "SAVEPOINT", name, error))
    inner = make_tx (tx->node.conn, &tx->node, tx, name, ctx, LEASH_CALLER);
  leash_db_conn_leave (tx->node.conn);
  if (inner == NULL)
    leash_sql_prefix (error, attempt_savepoint.doing, tx->node.text);
  return inner;
}

static gboolean
commit_in_engine (LeashTx *tx, LeashContext *ctx, GError **error)
{
  return tx->outer == NULL ? leash_sql_run_text (tx->node.conn, ctx, "COMMIT", error)
                           : run_on_savepoint (tx->node.conn, ctx, "RELEASE", tx->name, error);
}

/* With the connection entered. What failed is open still, if it is so for the engine. */
static gboolean
commit_entered (LeashTx *tx, LeashContext *ctx, gconstpointer caller, GError **error)
{
  LeashDbConn *conn = tx->node.conn;

  if (!leash_sql_node_refuse_children (&tx->node, error) || !leash_sql_may_run (conn, ctx, error))
    return FALSE;
  if (!commit_in_engine (tx, ctx, error))
    {
      leash_sql_look_at_tx (conn);
      return FALSE;
    }
  conn->tx = tx->outer;
  leash_sql_node_end (&tx->node, caller);
  return TRUE;
}

/**
 * leash_tx_commit:
 * @tx: a transaction, or a savepoint
 * @ctx: a context
 * @error: return location for an error
 *
 * Makes what was done in it last. When that fails, nothing of it is there, and it is open still, so that it
 * is rolled back, or, after %LEASH_SQL_ERROR_BUSY, committed again. Where the connection was lost meanwhile,
 * nobody can say whether the database has committed it.
 *
 * Returns: %TRUE, or %FALSE with @error set: %LEASH_SQL_ERROR_CHILDREN_OPEN when statements or rows of it are
 * open
 *
 * Since: 0.1
 */
gboolean
leash_tx_commit (LeashTx *tx, LeashContext *ctx, GError **error)
{
  gboolean is_done;

  g_return_val_if_fail (tx != NULL, FALSE);
  g_return_val_if_fail (ctx != NULL, FALSE);

  if (!leash_sql_node_enter (&tx->node, &attempt_commit, LEASH_CALLER, error))
    return FALSE;
  is_done = commit_entered (tx, ctx, LEASH_CALLER, error);
  leash_db_conn_leave (tx->node.conn);
  if (!is_done)
    leash_sql_prefix (error, attempt_commit.doing, tx->node.text);
  else if (tx->node.owns_conn)
    return leash_db_conn_finish (tx->node.conn, LEASH_CALLER, error);
  return is_done;
}

/**
 * leash_tx_rollback:
 * @tx: a transaction, or a savepoint
 * @error: return location for an error
 *
 * Undoes what was done in it, and ends it in any case. It takes no context, for it is called when that is
 * done; a database that does not answer for ten seconds is disconnected from.
 *
 * Statements and rows that were opened from it are ended with it, but %FALSE is returned then, and the
 * tracker reports each with its stack and this one's.
 *
 * Returns: %TRUE, or %FALSE with @error set: %LEASH_SQL_ERROR_CHILDREN_OPEN as said, %G_IO_ERROR_CLOSED when
 * it was ended before
 *
 * Since: 0.1
 */
gboolean
leash_tx_rollback (LeashTx *tx, GError **error)
{
  g_return_val_if_fail (tx != NULL, FALSE);

  return leash_sql_node_close (&tx->node, &attempt_rollback, LEASH_CALLER, error);
}

/**
 * leash_tx_exec:
 * @tx: a transaction
 * @ctx: a context
 * @sql: one statement
 * @values: (nullable) (array length=n_values): its parameters: LEASH_SQL_ARGS() or %LEASH_SQL_NO_ARGS
 * @n_values: how many: all that the statement has
 * @ret_result: (out caller-allocates) (optional): set to what it did
 * @error: return location for an error
 *
 * As leash_db_conn_exec(), in a transaction that is open.
 *
 * Returns: %TRUE, or %FALSE with @error set
 *
 * Since: 0.1
 */
gboolean
leash_tx_exec (LeashTx *tx, LeashContext *ctx, const char *sql, const LeashSqlValue *values, gsize n_values,
               LeashSqlResult *ret_result, GError **error)
{
  gboolean is_done;

  g_return_val_if_fail (tx != NULL, FALSE);
  g_return_val_if_fail (ctx != NULL, FALSE);
  g_return_val_if_fail (sql != NULL, FALSE);
  g_return_val_if_fail (values != NULL || n_values == 0, FALSE);

  if (!leash_sql_node_enter (&tx->node, &attempt_exec, LEASH_CALLER, error))
    return FALSE;
  is_done = leash_sql_exec (tx->node.conn, ctx, sql, values, n_values, ret_result, error);
  leash_db_conn_leave (tx->node.conn);
  return is_done;
}

/**
 * leash_tx_query:
 * @tx: a transaction
 * @ctx: a context
 * @sql: one statement
 * @values: (nullable) (array length=n_values): its parameters: LEASH_SQL_ARGS() or %LEASH_SQL_NO_ARGS
 * @n_values: how many: all that the statement has
 * @error: return location for an error
 *
 * As leash_db_conn_query(), in a transaction that is open, whose children the rows are.
 *
 * Returns: (transfer full): the rows, %NULL with @error set
 *
 * Since: 0.1
 */
LeashRows *
leash_tx_query (LeashTx *tx, LeashContext *ctx, const char *sql, const LeashSqlValue *values, gsize n_values,
                GError **error)
{
  LeashRows *rows;

  g_return_val_if_fail (tx != NULL, NULL);
  g_return_val_if_fail (ctx != NULL, NULL);
  g_return_val_if_fail (sql != NULL, NULL);
  g_return_val_if_fail (values != NULL || n_values == 0, NULL);

  if (!leash_sql_node_enter (&tx->node, &attempt_query, LEASH_CALLER, error))
    return NULL;
  rows = leash_sql_query (tx->node.conn, &tx->node, ctx, sql, values, n_values, LEASH_CALLER, error);
  leash_db_conn_leave (tx->node.conn);
  return rows;
}

/**
 * leash_tx_query_row:
 * @tx: a transaction
 * @ctx: a context
 * @sql: one statement
 * @values: (nullable) (array length=n_values): its parameters: LEASH_SQL_ARGS() or %LEASH_SQL_NO_ARGS
 * @n_values: how many: all that the statement has
 * @error: return location for an error
 * @...: where the columns go, as for leash_rows_scan(), ended by %LEASH_SQL_END
 *
 * As leash_db_conn_query_row(), in a transaction that is open.
 *
 * Returns: %TRUE, or %FALSE with @error set
 *
 * Since: 0.1
 */
gboolean
leash_tx_query_row (LeashTx *tx, LeashContext *ctx, const char *sql, const LeashSqlValue *values,
                    gsize n_values, GError **error, ...)
{
  gboolean is_done;
  va_list places;

  g_return_val_if_fail (tx != NULL, FALSE);
  g_return_val_if_fail (ctx != NULL, FALSE);
  g_return_val_if_fail (sql != NULL, FALSE);
  g_return_val_if_fail (values != NULL || n_values == 0, FALSE);

  if (!leash_sql_node_enter (&tx->node, &attempt_query, LEASH_CALLER, error))
    return FALSE;
  va_start (places, error);
  is_done = leash_sql_query_row (tx->node.conn, ctx, sql, values, n_values, &places, error);
  va_end (places);
  leash_db_conn_leave (tx->node.conn);
  return is_done;
}

/**
 * leash_tx_prepare:
 * @tx: a transaction
 * @ctx: a context
 * @sql: one statement
 * @error: return location for an error
 *
 * As leash_db_conn_prepare(), in a transaction that is open, whose child the statement is: it is closed
 * before @tx ends.
 *
 * Returns: (transfer full): the statement, %NULL with @error set
 *
 * Since: 0.1
 */
LeashStmt *
leash_tx_prepare (LeashTx *tx, LeashContext *ctx, const char *sql, GError **error)
{
  LeashStmt *stmt;

  g_return_val_if_fail (tx != NULL, NULL);
  g_return_val_if_fail (ctx != NULL, NULL);
  g_return_val_if_fail (sql != NULL, NULL);

  if (!leash_sql_node_enter (&tx->node, &attempt_prepare, LEASH_CALLER, error))
    return NULL;
  stmt = leash_sql_prepare (tx->node.conn, &tx->node, ctx, sql, LEASH_CALLER, error);
  leash_db_conn_leave (tx->node.conn);
  return stmt;
}
