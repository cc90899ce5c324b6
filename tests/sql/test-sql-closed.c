/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Each call on what is closed: an error, and a misuse that says what was tried. */
#include "sql-fixture.h"

typedef struct
{
  LeashContext *ctx;
  LeashDb *db;
  LeashDbConn *conn;
  LeashTx *tx;
  LeashTx *savepoint;
  LeashStmt *stmt;
  LeashRows *rows;
} Closed;

typedef struct
{
  gboolean (*call) (Closed *closed, GError **error);
  const char *message;
  const char *kind;
  const char *what;
} Try;

/* A call that must not be done, in a frame of its own, which a misuse is told from another by. */
#define TRY(name, is_done)                              \
  static gboolean name (Closed *closed, GError **error) \
  {                                                     \
    volatile gboolean was_done = (is_done);             \
                                                        \
    return was_done;                                    \
  }

static gboolean
give_none (LeashSqlValue *ret_values, gsize n_values, gpointer user_data, GError **error)
{
  g_assert_not_reached ();
}

static const char *const columns[] = { "name", NULL };
static gint64 number;

#define SQL "DELETE FROM users"
#define NUMBER LEASH_SQL_INT64, &number, LEASH_SQL_END

TRY (stmt_exec, leash_stmt_exec (closed->stmt, closed->ctx, LEASH_SQL_NO_ARGS, NULL, error))
TRY (stmt_query, leash_stmt_query (closed->stmt, closed->ctx, LEASH_SQL_NO_ARGS, error) != NULL)
TRY (stmt_query_row, leash_stmt_query_row (closed->stmt, closed->ctx, LEASH_SQL_NO_ARGS, error, NUMBER))
TRY (stmt_bind, leash_stmt_bind (closed->stmt, 1, leash_sql_int64 (1), error))
TRY (stmt_bind_name, leash_stmt_bind_name (closed->stmt, ":id", leash_sql_int64 (1), error))
TRY (stmt_close, leash_stmt_close (closed->stmt, error))
TRY (rows_get, leash_rows_get_int64 (closed->rows, 0, &number, error))
TRY (rows_scan, leash_rows_scan (closed->rows, error, NUMBER))
TRY (rows_close, leash_rows_close (closed->rows, error))
TRY (savepoint_exec, leash_tx_exec (closed->savepoint, closed->ctx, SQL, LEASH_SQL_NO_ARGS, NULL, error))
TRY (savepoint_query, leash_tx_query (closed->savepoint, closed->ctx, SQL, LEASH_SQL_NO_ARGS, error) != NULL)
TRY (savepoint_begin, leash_tx_begin (closed->savepoint, closed->ctx, error) != NULL)
TRY (savepoint_commit, leash_tx_commit (closed->savepoint, closed->ctx, error))
TRY (savepoint_rollback, leash_tx_rollback (closed->savepoint, error))
TRY (tx_exec, leash_tx_exec (closed->tx, closed->ctx, SQL, LEASH_SQL_NO_ARGS, NULL, error))
TRY (tx_query, leash_tx_query (closed->tx, closed->ctx, SQL, LEASH_SQL_NO_ARGS, error) != NULL)
TRY (tx_query_row, leash_tx_query_row (closed->tx, closed->ctx, SQL, LEASH_SQL_NO_ARGS, error, NUMBER))
TRY (tx_prepare, leash_tx_prepare (closed->tx, closed->ctx, SQL, error) != NULL)
TRY (tx_begin, leash_tx_begin (closed->tx, closed->ctx, error) != NULL)
TRY (tx_commit, leash_tx_commit (closed->tx, closed->ctx, error))
TRY (tx_rollback, leash_tx_rollback (closed->tx, error))
TRY (conn_exec, leash_db_conn_exec (closed->conn, closed->ctx, SQL, LEASH_SQL_NO_ARGS, NULL, error))
TRY (conn_query, leash_db_conn_query (closed->conn, closed->ctx, SQL, LEASH_SQL_NO_ARGS, error) != NULL)
TRY (conn_query_row,
     leash_db_conn_query_row (closed->conn, closed->ctx, SQL, LEASH_SQL_NO_ARGS, error, NUMBER))
TRY (conn_prepare, leash_db_conn_prepare (closed->conn, closed->ctx, SQL, error) != NULL)
TRY (conn_script, leash_db_conn_exec_script (closed->conn, closed->ctx, SQL, error))
TRY (conn_begin, leash_db_conn_begin (closed->conn, closed->ctx, NULL, error) != NULL)
TRY (conn_bulk,
     leash_db_conn_bulk_insert (closed->conn, closed->ctx, "users", columns, give_none, NULL, NULL, error))
TRY (conn_copy_in, leash_db_conn_copy_in (closed->conn, closed->ctx, SQL, error) != NULL)
TRY (conn_copy_out, leash_db_conn_copy_out (closed->conn, closed->ctx, SQL, error) != NULL)
TRY (conn_close, leash_db_conn_close (closed->conn, error))
TRY (db_exec, leash_db_exec (closed->db, closed->ctx, SQL, LEASH_SQL_NO_ARGS, NULL, error))
TRY (db_query, leash_db_query (closed->db, closed->ctx, SQL, LEASH_SQL_NO_ARGS, error) != NULL)
TRY (db_query_row, leash_db_query_row (closed->db, closed->ctx, SQL, LEASH_SQL_NO_ARGS, error, NUMBER))
TRY (db_begin, leash_db_begin (closed->db, closed->ctx, NULL, error) != NULL)
TRY (db_checkout, leash_db_checkout (closed->db, closed->ctx, error) != NULL)

static const Try of_children[] = {
  { stmt_exec, "the statement is closed", "statement", "executed after close" },
  { stmt_query, "the statement is closed", "statement", "queried after close" },
  { stmt_query_row, "the statement is closed", "statement", "queried after close" },
  { stmt_bind, "the statement is closed", "statement", "bound after close" },
  { stmt_bind_name, "the statement is closed", "statement", "bound after close" },
  { stmt_close, "the statement is closed", "statement", "closed twice" },
  { rows_get, "the rows are closed", "rows", "column read after close" },
  { rows_scan, "the rows are closed", "rows", "column read after close" },
  { rows_close, "the rows are closed", "rows", "closed twice" },
  { savepoint_exec, "the savepoint is over", "savepoint", "executed after the end of its transaction" },
  { savepoint_query, "the savepoint is over", "savepoint", "queried after the end of its transaction" },
  { savepoint_begin, "the savepoint is over", "savepoint", "savepoint made after the transaction's end" },
  { savepoint_commit, "the savepoint is over", "savepoint", "committed after its end" },
  { savepoint_rollback, "the savepoint is over", "savepoint", "rolled back after its end" },
  { tx_exec, "the transaction is over", "transaction", "executed after the end of its transaction" },
  { tx_query, "the transaction is over", "transaction", "queried after the end of its transaction" },
  { tx_query_row, "the transaction is over", "transaction", "queried after the end of its transaction" },
  { tx_prepare, "the transaction is over", "transaction", "prepared after the end of its transaction" },
  { tx_begin, "the transaction is over", "transaction", "savepoint made after the transaction's end" },
  { tx_commit, "the transaction is over", "transaction", "committed after its end" },
  { tx_rollback, "the transaction is over", "transaction", "rolled back after its end" },
};

static const Try of_conn[] = {
  { conn_exec, "the connection is closed", "database connection", "executed after close" },
  { conn_query, "the connection is closed", "database connection", "queried after close" },
  { conn_query_row, "the connection is closed", "database connection", "queried after close" },
  { conn_prepare, "the connection is closed", "database connection", "prepared after close" },
  { conn_script, "the connection is closed", "database connection", "script executed after close" },
  { conn_begin, "the connection is closed", "database connection", "transaction begun after close" },
  { conn_bulk, "the connection is closed", "database connection", "rows inserted after close" },
  { conn_copy_in, "the connection is closed", "database connection", "copied after close" },
  { conn_copy_out, "the connection is closed", "database connection", "copied after close" },
  { conn_close, "the connection is closed", "database connection", "closed twice" },
};

static const Try of_db[] = {
  { db_exec, "the client is closed", NULL, NULL },      { db_query, "the client is closed", NULL, NULL },
  { db_query_row, "the client is closed", NULL, NULL }, { db_begin, "the client is closed", NULL, NULL },
  { db_checkout, "the client is closed", NULL, NULL },
};

static void
try_all (Sql *sql, Closed *closed, const Try *tries, gsize n)
{
  for (gsize i = 0; i < n; i++)
    {
      g_autoptr (GError) error = NULL;

      g_assert_false (tries[i].call (closed, &error));
      assert_io_error (error, G_IO_ERROR_CLOSED, tries[i].message);
      if (tries[i].what != NULL)
        assert_misuse (sql, LEASH_MISUSE_USE_AFTER_CLOSE, tries[i].kind, tries[i].what);
    }
}

/* The connection is open still, and unharmed. */
static void
test_children (Sql *sql, gconstpointer unused)
{
  LeashDbConn *conn = check_out (sql->db, sql->ctx);
  Closed closed = { .ctx = sql->ctx, .tx = begin (conn, sql->ctx) };

  closed.savepoint = leash_tx_begin (closed.tx, sql->ctx, NULL);
  closed.stmt = leash_tx_prepare (closed.savepoint, sql->ctx, "DELETE FROM users WHERE id = :id", NULL);
  closed.rows = leash_tx_query (closed.savepoint, sql->ctx, "SELECT id FROM users", LEASH_SQL_NO_ARGS, NULL);
  g_assert_true (leash_rows_next (closed.rows, sql->ctx));
  MUST (leash_rows_close, closed.rows);
  MUST (leash_stmt_close, closed.stmt);
  MUST (leash_tx_commit, closed.savepoint, sql->ctx);
  MUST (leash_tx_rollback, closed.tx);
  try_all (sql, &closed, of_children, G_N_ELEMENTS (of_children));
  leash_rows_unref (closed.rows);
  leash_stmt_unref (closed.stmt);
  leash_tx_unref (closed.savepoint);
  leash_tx_unref (closed.tx);
  give_back (conn);
  g_assert_cmpint (get_number (sql->db, sql->ctx, "SELECT count(*) FROM users"), ==, 2);
}

/* It may be another's by then. */
static void
test_connection (Sql *sql, gconstpointer unused)
{
  Closed closed = { .ctx = sql->ctx, .conn = check_out (sql->db, sql->ctx) };

  MUST (leash_db_conn_close, closed.conn);
  try_all (sql, &closed, of_conn, G_N_ELEMENTS (of_conn));
  leash_db_conn_unref (closed.conn);
  g_assert_cmpint (get_number (sql->db, sql->ctx, "SELECT count(*) FROM users"), ==, 2);
}

/* An error alone: threads that work on a pool are told by it that it was closed in another. */
static void
test_database (Sql *sql, gconstpointer unused)
{
  Closed closed = { .ctx = sql->ctx, .db = open_db (sql->ctx, "sqlite::memory:", NULL) };

  MUST (leash_db_close, closed.db);
  try_all (sql, &closed, of_db, G_N_ELEMENTS (of_db));
  leash_db_unref (closed.db);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD_SQL ("/sql/closed/transactions-statements-and-rows", test_children);
  ADD_SQL ("/sql/closed/connection", test_connection);
  ADD_SQL ("/sql/closed/database", test_database);
  return g_test_run ();
}
