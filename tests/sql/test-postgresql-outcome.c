/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is told of a statement or a transaction is what came of it, also where PostgreSQL says it late: when
 * the context has ended, behind a row, or when the session is gone. Each of these was told wrongly once.
 */
#include "postgresql-fixture.h"
#include "sql-fixture.h"

static char *uri;

static void
outcome_set_up (Sql *sql, gconstpointer unused)
{
  sql_set_up_empty (sql, uri, NULL);
}

/* Either there is a transaction, and somebody has it, or there is none. */
static void
test_late_begin (Sql *sql, gconstpointer unused)
{
  gint64 n_inserted = 0;

  run_sql (sql->db, sql->ctx, "CREATE TABLE begun (a int)");
  for (guint i = 0; i < 200; i++)
    {
      g_autoptr (LeashContext) brief = leash_context_with_timeout (sql->ctx, 5 + i);
      LeashDbConn *conn = check_out (sql->db, sql->ctx);
      LeashTx *tx = leash_db_conn_begin (conn, brief, NULL, NULL);

      if (tx == NULL)
        {
          MUST (leash_db_conn_exec, conn, sql->ctx, "INSERT INTO begun VALUES (1)", LEASH_SQL_NO_ARGS, NULL);
          n_inserted++;
        }
      leash_tx_unref (tx);
      give_back (conn);
    }
  g_assert_cmpint (get_number (sql->db, sql->ctx, "SELECT count(*) FROM begun"), ==, n_inserted);
  run_sql (sql->db, sql->ctx, "DROP TABLE begun");
}

static void
set_standby (Sql *sql, const char *text)
{
  LeashDbConn *conn = check_out (sql->db, sql->ctx);

  MUST (leash_db_conn_exec, conn, sql->ctx, "SET synchronous_commit = local", LEASH_SQL_NO_ARGS, NULL);
  MUST (leash_db_conn_exec, conn, sql->ctx, text, LEASH_SQL_NO_ARGS, NULL);
  MUST (leash_db_conn_exec, conn, sql->ctx, "SELECT pg_reload_conf ()", LEASH_SQL_NO_ARGS, NULL);
  give_back (conn);
}

static gboolean
has_standby (Sql *sql)
{
  return get_number (sql->db, sql->ctx,
                     "SELECT (current_setting ('synchronous_standby_names') <> '')::int::int8")
         != 0;
}

/* One that is done, and waits for a standby that never comes until its context ends. */
static void
test_late_commit (Sql *sql, gconstpointer unused)
{
  g_autoptr (LeashContext) brief = NULL;
  g_autoptr (GError) error = NULL;
  LeashTx *tx;

  run_sql (sql->db, sql->ctx, "CREATE TABLE committed (a int)");
  set_standby (sql, "ALTER SYSTEM SET synchronous_standby_names = 'nobody'");
  while (!has_standby (sql))
    g_usleep (1000);
  tx = leash_db_begin (sql->db, sql->ctx, NULL, NULL);
  MUST (leash_tx_exec, tx, sql->ctx, "INSERT INTO committed VALUES (1)", LEASH_SQL_NO_ARGS, NULL);
  brief = leash_context_with_timeout (sql->ctx, 200 * G_TIME_SPAN_MILLISECOND);
  g_assert_true (leash_tx_commit (tx, brief, &error));
  g_assert_no_error (error);
  leash_tx_unref (tx);
  g_assert_cmpint (get_number (sql->db, sql->ctx, "SELECT count(*) FROM committed"), ==, 1);
  set_standby (sql, "ALTER SYSTEM RESET synchronous_standby_names");
  while (has_standby (sql))
    g_usleep (1000);
  run_sql (sql->db, sql->ctx, "DROP TABLE committed");
}

/* That is no transaction that a statement began. */
static void
test_session_terminated (Sql *sql, gconstpointer unused)
{
  LeashDbConn *conn = check_out (sql->db, sql->ctx);
  LeashTx *tx = begin (conn, sql->ctx);
  g_autofree char *kill = NULL;
  gint64 pid = 0;

  g_assert_true (leash_tx_query_row (tx, sql->ctx, "SELECT pg_backend_pid ()", LEASH_SQL_NO_ARGS, NULL,
                                     LEASH_SQL_INT64, &pid, LEASH_SQL_END));
  kill = g_strdup_printf ("SELECT pg_terminate_backend (%d, 5000)::int", (int) pid);
  get_number (sql->db, sql->ctx, kill);
  g_assert_false (leash_tx_exec (tx, sql->ctx, "SELECT 1", LEASH_SQL_NO_ARGS, NULL, NULL));
  leash_tx_rollback (tx, NULL);
  leash_tx_unref (tx);
  give_back (conn);
}

static void
test_returning_against_constraint (Sql *sql, gconstpointer unused)
{
  LeashDbConn *conn = check_out (sql->db, sql->ctx);
  g_autoptr (GError) error = NULL;
  gint64 id = -1;

  MUST (leash_db_conn_exec_script, conn, sql->ctx,
        "CREATE TABLE p (id int PRIMARY KEY);"
        "CREATE TABLE c (id serial, p int REFERENCES p DEFERRABLE INITIALLY DEFERRED)");
  g_assert_false (leash_db_conn_query_row (conn, sql->ctx, "INSERT INTO c (p) VALUES (99) RETURNING id",
                                           LEASH_SQL_NO_ARGS, &error, LEASH_SQL_INT64, &id, LEASH_SQL_END));
  g_assert_error (error, LEASH_SQL_ERROR, LEASH_SQL_ERROR_CONSTRAINT);
  g_assert_cmpint (get_number (sql->db, sql->ctx, "SELECT count(*) FROM c"), ==, 0);
  MUST (leash_db_conn_exec_script, conn, sql->ctx, "DROP TABLE c; DROP TABLE p");
  give_back (conn);
}

/* What has rows for longer than is waited for is cancelled. A query loses nothing by that, but a transaction
 * is at its end. */
static void
test_cancelled_behind_its_row (Sql *sql, gconstpointer unused)
{
  static const char slow[] = "SELECT repeat ('x', 20000) FROM generate_series (1, 40) AS n"
                             " WHERE n < 3 OR pg_sleep (0.1) IS NOT NULL";
  LeashDbConn *conn = check_out (sql->db, sql->ctx);
  g_autoptr (GError) error = NULL;
  LeashTx *tx;
  char *text = NULL;

  leash_db_conn_query_row (conn, sql->ctx, slow, LEASH_SQL_NO_ARGS, &error, LEASH_SQL_TEXT, &text,
                           LEASH_SQL_END);
  g_assert_no_error (error);
  g_clear_pointer (&text, g_free);
  tx = begin (conn, sql->ctx);
  g_assert_false (leash_tx_query_row (tx, sql->ctx, slow, LEASH_SQL_NO_ARGS, &error, LEASH_SQL_TEXT, &text,
                                      LEASH_SQL_END));
  g_assert_nonnull (error);
  g_free (text);
  leash_tx_unref (tx);
  give_back (conn);
}

static void
test_nan (Sql *sql, gconstpointer unused)
{
  g_autoptr (GError) error = NULL;
  volatile double zero = 0;

  leash_db_exec (sql->db, sql->ctx, "SELECT $1::numeric", LEASH_SQL_ARGS (leash_sql_double (zero / zero)),
                 NULL, &error);
  g_assert_no_error (error);
}

/* A function may raise what a lost connection has: that of another server, say. */
static void
test_connection_error_that_is_raised (Sql *sql, gconstpointer unused)
{
  g_autoptr (GError) error = NULL;
  LeashTx *tx = leash_db_begin (sql->db, sql->ctx, NULL, NULL), *inner = leash_tx_begin (tx, sql->ctx, NULL);

  g_assert_false (leash_tx_exec (inner, sql->ctx,
                                 "DO $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE = '08006'; END $$",
                                 LEASH_SQL_NO_ARGS, NULL, NULL));
  leash_tx_rollback (inner, NULL);
  leash_tx_unref (inner);
  leash_tx_exec (tx, sql->ctx, "SELECT 1", LEASH_SQL_NO_ARGS, NULL, &error);
  g_assert_no_error (error);
  leash_tx_rollback (tx, NULL);
  leash_tx_unref (tx);
}

static void
test_deallocated_while_open (Sql *sql, gconstpointer unused)
{
  LeashDbConn *conn = check_out (sql->db, sql->ctx);
  LeashStmt *stmt = prepare (conn, sql->ctx, "SELECT 42");
  g_autoptr (GError) error = NULL;
  LeashTx *tx;

  MUST (leash_db_conn_exec, conn, sql->ctx, "DEALLOCATE ALL", LEASH_SQL_NO_ARGS, NULL);
  leash_stmt_unref (stmt);
  tx = begin (conn, sql->ctx);
  leash_tx_exec (tx, sql->ctx, "SELECT 42", LEASH_SQL_NO_ARGS, NULL, &error);
  g_assert_no_error (error);
  leash_tx_rollback (tx, NULL);
  leash_tx_unref (tx);
  give_back (conn);
}

static void
test_script_that_begins_with_commit (Sql *sql, gconstpointer unused)
{
  LeashDbConn *conn = check_out (sql->db, sql->ctx);
  g_autoptr (GError) error = NULL;

  leash_db_conn_exec_script (conn, sql->ctx, "COMMIT; BEGIN; CREATE TABLE gone (a int); ROLLBACK; SELECT 1",
                             &error);
  g_assert_no_error (error);
  give_back (conn);
}

static void
test_error_behind_the_row (Sql *sql, gconstpointer unused)
{
  LeashTx *tx = leash_db_begin (sql->db, sql->ctx, NULL, NULL);
  g_autoptr (GError) error = NULL;
  gint64 n = -1;

  g_assert_false (leash_tx_query_row (tx, sql->ctx, "SELECT 10 / x FROM (VALUES (5), (0)) AS v (x)",
                                      LEASH_SQL_NO_ARGS, &error, LEASH_SQL_INT64, &n, LEASH_SQL_END));
  g_assert_nonnull (error);
  leash_tx_unref (tx);
}

static void
add (const char *path, void (*func) (Sql *sql, gconstpointer unused))
{
  g_test_add (path, Sql, NULL, outcome_set_up, func, sql_tear_down);
}

int
main (int argc, char **argv)
{
  int code;

  g_test_init (&argc, &argv, NULL);
  if (postgresql_start_or_skip () == NULL)
    return 0;
  uri = postgresql_uri (NULL, NULL, NULL);
  add ("/postgresql/outcome/begin-that-is-answered-late", test_late_begin);
  add ("/postgresql/outcome/commit-that-is-answered-late", test_late_commit);
  add ("/postgresql/outcome/session-that-is-terminated", test_session_terminated);
  add ("/postgresql/outcome/returning-against-a-deferred-constraint", test_returning_against_constraint);
  add ("/postgresql/outcome/cancelled-behind-its-row", test_cancelled_behind_its_row);
  add ("/postgresql/outcome/error-behind-the-row", test_error_behind_the_row);
  add ("/postgresql/outcome/not-a-number", test_nan);
  add ("/postgresql/outcome/connection-error-that-is-raised", test_connection_error_that_is_raised);
  add ("/postgresql/outcome/all-is-deallocated-while-one-is-open", test_deallocated_while_open);
  add ("/postgresql/outcome/script-that-begins-with-commit", test_script_that_begins_with_commit);
  code = g_test_run ();
  g_free (uri);
  postgresql_stop ();
  return code;
}
