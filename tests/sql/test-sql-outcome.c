/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is told of a statement or a transaction is what came of it, also where the engine says it late: at the
 * end of a run whose row was read, in a rollback that fails, in a beginning that was given up. Each of these
 * was told wrongly once.
 */
#include "sql-fixture.h"

#include <leash/leash-fault-fs.h>
#include <leash/leash-memory-fs.h>
#include <leash/leash-sqlite-vfs.h>

#include <sqlite3.h>

/* An insert whose commit fails, as another connection reads. */
static void
test_returning_while_read (void)
{
  LeashContext *ctx = leash_context_background ();
  g_autofree char *dir = g_dir_make_tmp ("leash-XXXXXX", NULL);
  g_autofree char *path = g_build_filename (dir, "a.db", NULL);
  g_autofree char *uri = g_strconcat ("sqlite:", path, NULL);
  g_autoptr (LeashContext) brief = leash_context_with_timeout (ctx, 20 * G_TIME_SPAN_MILLISECOND);
  g_autoptr (LeashDb) db = open_db (ctx, uri, NULL);
  g_autoptr (GError) error = NULL;
  LeashDbConn *reader;
  LeashRows *rows;
  gint64 id = -1;

  run_sql (db, ctx, "CREATE TABLE t (id INTEGER PRIMARY KEY, a)");
  run_sql (db, ctx, "INSERT INTO t (a) VALUES (1), (2)");
  reader = check_out (db, ctx);
  rows = query (reader, ctx, "SELECT a FROM t");
  g_assert_true (leash_rows_next (rows, ctx));
  g_assert_false (leash_db_query_row (db, brief, "INSERT INTO t (a) VALUES (3) RETURNING id",
                                      LEASH_SQL_NO_ARGS, &error, LEASH_SQL_INT64, &id, LEASH_SQL_END));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
  close_rows (rows);
  give_back (reader);
  g_assert_cmpint (get_number (db, ctx, "SELECT count(*) FROM t"), ==, 2);
  g_assert_true (leash_db_query_row (db, ctx, "INSERT INTO t (a) VALUES (3) RETURNING id", LEASH_SQL_NO_ARGS,
                                     NULL, LEASH_SQL_INT64, &id, LEASH_SQL_END));
  g_assert_cmpint (get_number (db, ctx, "SELECT count(*) FROM t"), ==, 3);
  g_clear_pointer (&db, leash_db_unref);
  g_remove (path);
  g_rmdir (dir);
}

#define ORPHAN "INSERT INTO c (p) VALUES (99) RETURNING id"

static void
test_returning_against_constraint (void)
{
  LeashContext *ctx = leash_context_background ();
  g_autoptr (LeashDb) db = open_db (ctx, "sqlite::memory:", NULL);
  LeashDbConn *conn = check_out (db, ctx);
  LeashStmt *stmt;
  LeashRows *rows;
  gint64 id = -1;

  MUST (leash_db_conn_exec_script, conn, ctx,
        "PRAGMA foreign_keys = ON; CREATE TABLE p (id INTEGER PRIMARY KEY);"
        "CREATE TABLE c (id INTEGER PRIMARY KEY, p REFERENCES p DEFERRABLE INITIALLY DEFERRED)");
  for (int i = 0; i < 3; i++)
    {
      g_autoptr (GError) error = NULL;

      if (i == 0)
        g_assert_false (leash_db_conn_query_row (conn, ctx, ORPHAN, LEASH_SQL_NO_ARGS, &error,
                                                 LEASH_SQL_INT64, &id, LEASH_SQL_END));
      else if (i == 1)
        {
          stmt = prepare (conn, ctx, ORPHAN);
          g_assert_false (leash_stmt_query_row (stmt, ctx, LEASH_SQL_NO_ARGS, &error, LEASH_SQL_INT64, &id,
                                                LEASH_SQL_END));
          leash_stmt_unref (stmt);
        }
      else
        {
          rows = query (conn, ctx, ORPHAN);
          g_assert_true (leash_rows_next (rows, ctx));
          g_assert_false (leash_rows_close (rows, &error));
          leash_rows_unref (rows);
        }
      g_assert_error (error, LEASH_SQL_ERROR, LEASH_SQL_ERROR_CONSTRAINT);
      g_assert_cmpint (get_number (db, ctx, "SELECT count(*) FROM c"), ==, 0);
    }
  give_back (conn);
}

/* SQLite rolls all of the transaction back then. */
static void
test_savepoint_with_failing_disk (void)
{
  g_autoptr (LeashFs) memory = leash_memory_fs_new ();
  g_autoptr (LeashFs) fs = leash_fault_fs_new (memory);
  LeashContext *ctx = leash_context_background ();
  g_autofree char *uri
      = g_strdup_printf ("sqlite:file:a.db?vfs=%s", leash_sqlite_vfs_register (fs, ctx, NULL));
  g_autoptr (LeashDb) db = open_db (ctx, uri, NULL);
  LeashDbConn *conn = check_out (db, ctx);
  LeashTx *tx, *inner;
  guint rule;

  MUST (leash_db_conn_exec_script, conn, ctx,
        "PRAGMA cache_size = 2; PRAGMA journal_mode = DELETE; CREATE TABLE t (id INTEGER PRIMARY KEY, a);"
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 400)"
        "INSERT INTO t SELECT i, zeroblob (2000) FROM n");
  tx = begin (conn, ctx);
  MUST (leash_tx_exec, tx, ctx, "UPDATE t SET a = 'outer' WHERE id = 1", LEASH_SQL_NO_ARGS, NULL);
  inner = leash_tx_begin (tx, ctx, NULL);
  MUST (leash_tx_exec, inner, ctx, "UPDATE t SET a = randomblob (2000)", LEASH_SQL_NO_ARGS, NULL);
  rule = leash_fault_fs_add (
      fs, &(LeashFaultRule){ .ops = LEASH_FS_OP_READ | LEASH_FS_OP_WRITE, .code = G_IO_ERROR_FAILED });
  leash_tx_rollback (inner, NULL);
  leash_fault_fs_remove (fs, rule);
  g_assert_false (
      leash_tx_exec (tx, ctx, "INSERT INTO t VALUES (1000, 'escaped')", LEASH_SQL_NO_ARGS, NULL, NULL));
  leash_tx_rollback (tx, NULL);
  leash_tx_unref (inner);
  leash_tx_unref (tx);
  leash_db_conn_close (conn, NULL);
  leash_db_conn_unref (conn);
  g_assert_cmpint (get_number (db, ctx, "SELECT count(*) FROM t WHERE id = 1000"), ==, 0);
}

static LeashContext *ending;

/* Called as the pragma is prepared, which sets it. */
static int
authorize (void *user_data, int action, const char *a, const char *b, const char *c, const char *d)
{
  if (action == SQLITE_PRAGMA && ending != NULL && g_strcmp0 (a, "query_only") == 0
      && g_strcmp0 (b, "ON") == 0)
    leash_context_cancel (ending, NULL);
  return SQLITE_OK;
}

static int
on_open (sqlite3 *db, char **message, const void *api)
{
  return sqlite3_set_authorizer (db, authorize, NULL);
}

static void
test_read_only_begin_given_up (void)
{
  LeashContext *ctx = leash_context_background ();
  LeashTxOptions options = { .size = sizeof options, .is_read_only = TRUE };
  LeashDb *db;

  sqlite3_auto_extension ((void (*) (void)) on_open);
  db = open_db (ctx, "sqlite::memory:", NULL);
  run_sql (db, ctx, "CREATE TABLE t (a)");
  for (guint i = 0; i < 20; i++)
    {
      LeashTx *tx;

      ending = leash_context_with_cancel (ctx);
      tx = leash_db_begin (db, ending, &options, NULL); /* which may be done by then */
      leash_tx_unref (tx);
      g_clear_pointer (&ending, leash_context_unref);
      run_sql (db, ctx, "INSERT INTO t VALUES (1)");
    }
  sqlite3_cancel_auto_extension ((void (*) (void)) on_open);
  leash_db_unref (db);
}

typedef struct
{
  LeashTx *tx;
  int n;
} Giving;

/* Gives back the transaction in the first hundred rows, and fails in the second. */
static gboolean
give (LeashSqlValue *values, gsize n_values, gpointer user_data, GError **error)
{
  Giving *giving = user_data;

  if (giving->n == 3)
    g_clear_pointer (&giving->tx, leash_tx_unref);
  if (giving->n == 600)
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_FAILED, "no more");
      return FALSE;
    }
  values[0] = leash_sql_int64 (giving->n++);
  return TRUE;
}

static void
test_bulk_loses_its_transaction (void)
{
  static const char *const columns[] = { "a", NULL };
  LeashContext *ctx = leash_context_background ();
  g_autoptr (LeashDb) db = open_db (ctx, "sqlite::memory:", NULL);
  LeashDbConn *conn = check_out (db, ctx);
  g_autoptr (GError) error = NULL;
  Giving giving = { NULL, 0 };

  MUST (leash_db_conn_exec_script, conn, ctx, "CREATE TABLE t (a)");
  giving.tx = begin (conn, ctx);
  g_assert_false (leash_db_conn_bulk_insert (conn, ctx, "t", columns, give, &giving, NULL, &error));
  g_assert_error (error, LEASH_SQL_ERROR, LEASH_SQL_ERROR_FAILED);
  g_assert_cmpint (get_number (db, ctx, "SELECT count(*) FROM t"), ==, 0);
  give_back (conn);
}

/* Neither with what was bound before, nor with some of both. */
static void
test_half_bound_does_not_run (void)
{
  LeashContext *ctx = leash_context_background ();
  g_autoptr (LeashDb) db = open_db (ctx, "sqlite::memory:", NULL);
  LeashDbConn *conn = check_out (db, ctx);
  LeashStmt *stmt = prepare (conn, ctx, "SELECT ?1, ?2");
  volatile double zero = 0;
  gint64 a = 0, b = 0;

  MUST (leash_stmt_bind, stmt, 1, leash_sql_int64 (1));
  MUST (leash_stmt_bind, stmt, 2, leash_sql_int64 (2));
  g_assert_false (leash_stmt_exec (
      stmt, ctx, LEASH_SQL_ARGS (leash_sql_int64 (3), leash_sql_double (zero / zero)), NULL, NULL));
  g_assert_false (leash_stmt_query_row (stmt, ctx, LEASH_SQL_NO_ARGS, NULL, LEASH_SQL_INT64, &a,
                                        LEASH_SQL_INT64, &b, LEASH_SQL_END));
  leash_stmt_unref (stmt);
  give_back (conn);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/sql/outcome/returning-while-another-reads", test_returning_while_read);
  g_test_add_func ("/sql/outcome/returning-against-a-deferred-constraint", test_returning_against_constraint);
  g_test_add_func ("/sql/outcome/savepoint-with-a-failing-disk", test_savepoint_with_failing_disk);
  g_test_add_func ("/sql/outcome/read-only-begin-that-was-given-up", test_read_only_begin_given_up);
  g_test_add_func ("/sql/outcome/bulk-insert-loses-its-transaction", test_bulk_loses_its_transaction);
  g_test_add_func ("/sql/outcome/what-is-half-bound-does-not-run", test_half_bound_does_not_run);
  return g_test_run ();
}
