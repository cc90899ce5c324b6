/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * LeashDbConn: a checkout of the pool, with what is open on it.
 *
 * An engine's session is for one thread at a time. Whoever calls enters the connection by one exchange of a
 * word, and is told so when another is in: waiting would hide that two threads share a transaction. Only the
 * last unref of something waits, as it cannot fail; in a callback of a call, which would wait for itself, it
 * closes what is neither in use nor the connection.
 *
 * The end: what is still open on it is ended, its transaction rolled back, and the session goes back to the
 * pool, if the driver says that it is usable.
 */
#include "leash-db-private.h"

#include <leash/leash-conn.h>
#include <leash/leash-db.h>
#include <leash/leash-db-conn.h>
#include <leash/leash-rows.h>

#include "leash-boxed-private.h"

#define SPINS_BEFORE_NAP 100u
#define NAP_US 100u

/**
 * LeashDbConn:
 *
 * One connection of a database.
 *
 * Reference-counted. Functions may be called from any thread, but by one at a time: a call while another runs
 * fails with %LEASH_SQL_ERROR_IN_USE, and is reported. leash_db_conn_ref() and leash_db_conn_unref() may be
 * called at any time.
 */

LEASH_DEFINE_BOXED (LeashDbConn, leash_db_conn)

__thread char leash_sql_self;

static const LeashSqlAttempt attempt_exec = { "Executing", "executed after close" },
                             attempt_query = { "Querying", "queried after close" },
                             attempt_prepare = { "Preparing", "prepared after close" },
                             attempt_script = { "Executing the script", "script executed after close" },
                             attempt_begin
                             = { "Beginning a transaction of", "transaction begun after close" },
                             attempt_close = { "Closing the connection to", "closed twice" };

LeashDbConn *
leash_db_conn_new (LeashDb *db, LeashContext *ctx, gconstpointer caller, GError **error)
{
  LeashSqlSession *session;
  LeashConn *checkout = leash_db_take (db, ctx, caller, &session, error);
  LeashDbConn *conn;

  if (LEASH_UNLIKELY (checkout == NULL))
    return NULL;
  conn = g_new0 (LeashDbConn, 1);
  conn->ref_count = conn->n_holders = 1;
  conn->db = db;
  leash_db_hold (db);
  conn->checkout = checkout;
  conn->tag = leash_conn_get_tag (checkout);
  conn->driver = session->driver;
  conn->iface = session->iface;
  conn->session = session->session;
  conn->is_open = TRUE;
  return conn;
}

const char *
leash_db_conn_get_name (LeashDbConn *conn)
{
  return leash_db_get_name (conn->db);
}

static gboolean
is_in (LeashDbConn *conn)
{
  return __atomic_load_n (&conn->user, __ATOMIC_RELAXED) == &leash_sql_self;
}

gboolean
leash_db_conn_refuse_crowd (LeashDbConn *conn, LeashTag *tag, const LeashSqlAttempt *attempt,
                            const char *text, gconstpointer caller, GError **error)
{
  gboolean is_same = is_in (conn);

  leash_tag_misused (tag, is_same ? "used in a callback of its connection" : "used by two threads at once",
                     caller);
  leash_sql_error_set (error, LEASH_SQL_ERROR_IN_USE, NULL, "%s is using the connection to %s",
                       is_same ? "a call that this one is made in" : "another thread",
                       leash_db_conn_get_name (conn));
  leash_sql_prefix (error, attempt->doing, text);
  return FALSE;
}

gboolean
leash_db_conn_enter (LeashDbConn *conn, const LeashSqlAttempt *attempt, const char *sql, gconstpointer caller,
                     GError **error)
{
  if (!leash_db_conn_try (conn))
    return leash_db_conn_refuse_crowd (conn, conn->tag, attempt, sql, caller, error);
  if (LEASH_LIKELY (conn->is_open))
    return TRUE;
  leash_db_conn_leave (conn);
  leash_tag_misused (conn->tag, attempt->after_close, caller);
  g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_CLOSED, "the connection is closed");
  leash_sql_prefix (error, attempt->doing, sql);
  return FALSE;
}

gboolean
leash_db_conn_enter_late (LeashDbConn *conn)
{
  for (guint i = 0; !leash_db_conn_try (conn); i++)
    if (is_in (conn))
      return FALSE;
    else if (i < SPINS_BEFORE_NAP)
      g_thread_yield ();
    else
      g_usleep (NAP_US);
  return TRUE;
}

/* A transaction that was begun by a statement, not by a LeashTx, or was left open otherwise. */
static gboolean
is_in_transaction (LeashDbConn *conn)
{
  return conn->iface->in_transaction (conn->driver, conn->session);
}

static gboolean
make_as_new (LeashDbConn *conn)
{
  if (conn->iface->reset != NULL && !conn->iface->reset (conn->driver, conn->session, NULL))
    return FALSE;
  return conn->iface->is_usable == NULL || conn->iface->is_usable (conn->driver, conn->session);
}

/* With the connection entered, which it leaves. */
static gboolean
close_entered (LeashDbConn *conn, gconstpointer caller, GError **error)
{
  gboolean had_none = leash_sql_node_end_children (conn, NULL, error);
  gboolean had_tx = had_none && is_in_transaction (conn);
  gboolean is_usable = make_as_new (conn);

  conn->is_open = FALSE;
  if (had_tx)
    {
      leash_tag_misused (conn->tag, "returned with a transaction open that a statement began", caller);
      leash_sql_error_set (error, LEASH_SQL_ERROR_CHILDREN_OPEN, NULL,
                           "a transaction that a statement began was open, and is rolled back");
    }
  leash_db_conn_leave (conn);
  return leash_db_give_back (conn->db, g_steal_pointer (&conn->checkout), is_usable,
                             had_none && !had_tx ? error : NULL)
         && had_none && !had_tx;
}

void
leash_db_conn_unhold (LeashDbConn *conn)
{
  if (__atomic_sub_fetch (&conn->n_holders, 1, __ATOMIC_ACQ_REL) > 0)
    return;
  leash_db_unhold (conn->db);
  g_free (conn);
}

static gboolean
close_conn (LeashDbConn *conn, gconstpointer caller, GError **error)
{
  if (!leash_db_conn_enter (conn, &attempt_close, leash_db_conn_get_name (conn), caller, error))
    return FALSE;
  if (close_entered (conn, caller, error))
    return TRUE;
  leash_sql_prefix (error, attempt_close.doing, leash_db_conn_get_name (conn));
  return FALSE;
}

/**
 * leash_db_conn_ref:
 * @conn: a connection
 *
 * Takes a reference.
 *
 * Returns: (transfer full): @conn
 *
 * Since: 0.1
 */
LeashDbConn *
leash_db_conn_ref (LeashDbConn *conn)
{
  g_return_val_if_fail (conn != NULL, NULL);

  __atomic_add_fetch (&conn->ref_count, 1, __ATOMIC_RELAXED);
  return conn;
}

static void
unref (LeashDbConn *conn, gconstpointer caller)
{
  if (__atomic_sub_fetch (&conn->ref_count, 1, __ATOMIC_ACQ_REL) > 0)
    return;
  if (!leash_db_conn_enter_late (conn))
    {
      g_critical ("The last reference to the connection to %s was given back in a call on it; it is lost",
                  leash_db_conn_get_name (conn));
      return;
    }
  if (conn->is_open)
    close_entered (conn, caller, NULL);
  else
    leash_db_conn_leave (conn);
  leash_db_conn_unhold (conn);
}

/**
 * leash_db_conn_unref:
 * @conn: (transfer full) (nullable): a connection
 *
 * Gives a reference back. With the last one a connection that is open still is closed, as by
 * leash_db_conn_close(), when no other thread is using it any more.
 *
 * Since: 0.1
 */
void
leash_db_conn_unref (LeashDbConn *conn)
{
  if (conn != NULL)
    unref (conn, LEASH_CALLER);
}

gboolean
leash_db_conn_finish (LeashDbConn *conn, gconstpointer caller, GError **error)
{
  gboolean is_done = close_conn (conn, caller, error);

  unref (conn, caller);
  return is_done;
}

/**
 * leash_db_conn_close:
 * @conn: a connection
 * @error: return location for an error
 *
 * Returns the connection to its pool, or closes it where it cannot be used any more. The reference remains to
 * be given back.
 *
 * What is open on it, statements, rows, transactions, is ended with it: it is closed all the same then, but
 * %FALSE is returned, and the tracker reports each with its stack and this one's.
 *
 * Returns: %TRUE, or %FALSE with @error set: %LEASH_SQL_ERROR_CHILDREN_OPEN when something was open on it,
 *   %G_IO_ERROR_CLOSED when it was closed before
 *
 * Since: 0.1
 */
gboolean
leash_db_conn_close (LeashDbConn *conn, GError **error)
{
  g_return_val_if_fail (conn != NULL, FALSE);

  return close_conn (conn, LEASH_CALLER, error);
}

/**
 * leash_db_conn_get_tag:
 * @conn: a connection
 *
 * Gets what the connection is tracked by, such as for leash_tag_adopt().
 *
 * Returns: (transfer none) (nullable): the tag, %NULL when nothing tracks
 *
 * Since: 0.1
 */
LeashTag *
leash_db_conn_get_tag (LeashDbConn *conn)
{
  g_return_val_if_fail (conn != NULL, NULL);

  return conn->tag;
}

/**
 * leash_db_conn_exec:
 * @conn: a connection
 * @ctx: a context
 * @sql: one statement
 * @values: (nullable) (array length=n_values): its parameters: LEASH_SQL_ARGS() or %LEASH_SQL_NO_ARGS
 * @n_values: how many: all that the statement has
 * @ret_result: (out caller-allocates) (optional): set to what it did
 * @error: return location for an error
 *
 * Executes a statement to its end. Rows that it has are not seen.
 *
 * When @ctx is cancelled or its deadline passes, the engine is interrupted, and the error is the context's.
 * The connection can be used on; where it cannot, its transaction is lost, and further calls say so.
 *
 * Returns: %TRUE, or %FALSE with @error set
 *
 * Since: 0.1
 */
gboolean
leash_db_conn_exec (LeashDbConn *conn, LeashContext *ctx, const char *sql, const LeashSqlValue *values,
                    gsize n_values, LeashSqlResult *ret_result, GError **error)
{
  gboolean is_done;

  g_return_val_if_fail (conn != NULL, FALSE);
  g_return_val_if_fail (ctx != NULL, FALSE);
  g_return_val_if_fail (sql != NULL, FALSE);
  g_return_val_if_fail (values != NULL || n_values == 0, FALSE);

  if (!leash_db_conn_enter (conn, &attempt_exec, sql, LEASH_CALLER, error))
    return FALSE;
  is_done = leash_sql_exec (conn, ctx, sql, values, n_values, ret_result, error);
  leash_db_conn_leave (conn);
  return is_done;
}

/**
 * leash_db_conn_query:
 * @conn: a connection
 * @ctx: a context
 * @sql: one statement
 * @values: (nullable) (array length=n_values): its parameters: LEASH_SQL_ARGS() or %LEASH_SQL_NO_ARGS
 * @n_values: how many: all that the statement has
 * @error: return location for an error
 *
 * Executes a statement to its first row, so that most errors are told here. Further rows are found as they
 * are asked for, and no more than one is held. The rows are on the leash of @ctx's tracker until they were
 * read to their end, or closed.
 *
 * On PostgreSQL a connection can do nothing else until then.
 *
 * Returns: (transfer full): the rows, %NULL with @error set
 *
 * Since: 0.1
 */
LeashRows *
leash_db_conn_query (LeashDbConn *conn, LeashContext *ctx, const char *sql, const LeashSqlValue *values,
                     gsize n_values, GError **error)
{
  LeashRows *rows;

  g_return_val_if_fail (conn != NULL, NULL);
  g_return_val_if_fail (ctx != NULL, NULL);
  g_return_val_if_fail (sql != NULL, NULL);
  g_return_val_if_fail (values != NULL || n_values == 0, NULL);

  if (!leash_db_conn_enter (conn, &attempt_query, sql, LEASH_CALLER, error))
    return NULL;
  rows = leash_sql_query (conn, NULL, ctx, sql, values, n_values, LEASH_CALLER, error);
  leash_db_conn_leave (conn);
  return rows;
}

/**
 * leash_db_conn_query_row:
 * @conn: a connection
 * @ctx: a context
 * @sql: one statement
 * @values: (nullable) (array length=n_values): its parameters: LEASH_SQL_ARGS() or %LEASH_SQL_NO_ARGS
 * @n_values: how many: all that the statement has
 * @error: return location for an error
 * @...: where the columns go, as for leash_rows_scan(), ended by %LEASH_SQL_END
 *
 * Gets a statement's first row, whatever others there are. %LEASH_SQL_ERROR_NO_ROW is where there is none.
 * Places that were not set for an error are left as they were.
 *
 * Returns: %TRUE, or %FALSE with @error set
 *
 * Since: 0.1
 */
gboolean
leash_db_conn_query_row (LeashDbConn *conn, LeashContext *ctx, const char *sql, const LeashSqlValue *values,
                         gsize n_values, GError **error, ...)
{
  gboolean is_done;
  va_list places;

  g_return_val_if_fail (conn != NULL, FALSE);
  g_return_val_if_fail (ctx != NULL, FALSE);
  g_return_val_if_fail (sql != NULL, FALSE);
  g_return_val_if_fail (values != NULL || n_values == 0, FALSE);

  if (!leash_db_conn_enter (conn, &attempt_query, sql, LEASH_CALLER, error))
    return FALSE;
  va_start (places, error);
  is_done = leash_sql_query_row (conn, ctx, sql, values, n_values, &places, error);
  va_end (places);
  leash_db_conn_leave (conn);
  return is_done;
}

/**
 * leash_db_conn_prepare:
 * @conn: a connection
 * @ctx: a context
 * @sql: one statement
 * @error: return location for an error
 *
 * Prepares a statement, to be run often. It is on the leash of @ctx's tracker until leash_stmt_close().
 *
 * Returns: (transfer full): the statement, %NULL with @error set
 *
 * Since: 0.1
 */
LeashStmt *
leash_db_conn_prepare (LeashDbConn *conn, LeashContext *ctx, const char *sql, GError **error)
{
  LeashStmt *stmt;

  g_return_val_if_fail (conn != NULL, NULL);
  g_return_val_if_fail (ctx != NULL, NULL);
  g_return_val_if_fail (sql != NULL, NULL);

  if (!leash_db_conn_enter (conn, &attempt_prepare, sql, LEASH_CALLER, error))
    return NULL;
  stmt = leash_sql_prepare (conn, NULL, ctx, sql, LEASH_CALLER, error);
  leash_db_conn_leave (conn);
  return stmt;
}

/**
 * leash_db_conn_exec_script:
 * @conn: a connection
 * @ctx: a context
 * @sql: any number of statements, without parameters
 * @error: return location for an error
 *
 * Executes all statements of a text, such as a schema. What those did stays that came before one that failed,
 * unless they are in a transaction.
 *
 * Returns: %TRUE, or %FALSE with @error set
 *
 * Since: 0.1
 */
gboolean
leash_db_conn_exec_script (LeashDbConn *conn, LeashContext *ctx, const char *sql, GError **error)
{
  gboolean is_done;

  g_return_val_if_fail (conn != NULL, FALSE);
  g_return_val_if_fail (ctx != NULL, FALSE);
  g_return_val_if_fail (sql != NULL, FALSE);

  if (!leash_db_conn_enter (conn, &attempt_script, sql, LEASH_CALLER, error))
    return FALSE;
  is_done = leash_sql_may_run (conn, ctx, error) && leash_sql_run_text (conn, ctx, sql, error);
  leash_sql_look_at_tx (conn);
  leash_db_conn_leave (conn);
  if (!is_done)
    leash_sql_prefix (error, attempt_script.doing, sql);
  return is_done;
}

/**
 * leash_db_conn_begin:
 * @conn: a connection
 * @ctx: a context
 * @options: (nullable): how; %NULL for the engine's defaults
 * @error: return location for an error
 *
 * Begins a transaction. All that is executed on @conn is in it, until it is committed or rolled back. It is
 * on the leash of
 * @ctx's tracker until then. Where one is open already, leash_tx_begin() makes a savepoint in it.
 *
 * Returns: (transfer full): the transaction, %NULL with @error set
 *
 * Since: 0.1
 */
LeashTx *
leash_db_conn_begin (LeashDbConn *conn, LeashContext *ctx, const LeashTxOptions *options, GError **error)
{
  LeashTx *tx;

  g_return_val_if_fail (conn != NULL, NULL);
  g_return_val_if_fail (ctx != NULL, NULL);
  g_return_val_if_fail (options == NULL || options->size == sizeof (LeashTxOptions), NULL);

  if (!leash_db_conn_enter (conn, &attempt_begin, leash_db_conn_get_name (conn), LEASH_CALLER, error))
    return NULL;
  tx = leash_sql_begin (conn, NULL, ctx, options, LEASH_CALLER, error);
  leash_db_conn_leave (conn);
  return tx;
}
