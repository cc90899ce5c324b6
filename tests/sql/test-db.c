/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Opening databases, their pools, and what connections do when they are closed or shared. */
#include "sql-fixture.h"

static void
assert_not_opened (Sql *sql, const char *uri, LeashSqlError code, const char *piece)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (leash_db_open (sql->ctx, uri, NULL, &error));
  assert_sql_error (error, code, piece);
}

static void
test_bad_names (Sql *sql, gconstpointer unused)
{
  assert_not_opened (sql, "", LEASH_SQL_ERROR_URI, "Opening a database: it begins with none of ");
  assert_not_opened (sql, "app.db", LEASH_SQL_ERROR_URI, "sqlite:");
  assert_not_opened (sql, "nosuch:app", LEASH_SQL_ERROR_URI, "it begins with none of ");
  assert_not_opened (sql, ":memory:", LEASH_SQL_ERROR_URI, "it begins with none of ");
  assert_not_opened (sql, "sqlite:", LEASH_SQL_ERROR_URI, "sqlite: has no file behind it");
  assert_not_opened (sql, "sqlite:/nosuchdir/app.db", LEASH_SQL_ERROR_CONNECTION,
                     "No such file or directory");
  assert_not_opened (sql, "sqlite:/", LEASH_SQL_ERROR_CONNECTION, "unable to open database file");
  assert_not_opened (sql, "sqlite:file:x?mode=nosuch", LEASH_SQL_ERROR_FAILED, "no such access mode");
}

static void
test_no_database (Sql *sql, gconstpointer unused)
{
  g_autofree char *path = path_of (&sql->base, "text.db"), *uri = g_strconcat ("sqlite:", path, NULL);
  g_autoptr (GError) error = NULL;

  g_assert_true (g_file_set_contents (
      path, "This is text, and no database, however long it may be made to be.", -1, NULL));
  g_assert_null (leash_db_open (sql->ctx, uri, NULL, &error));
  assert_sql_error (error, LEASH_SQL_ERROR_CORRUPT, "text.db", "not a database");
}

/* A name that nobody shares: each LeashDb has its own. */
static void
test_in_memory (Sql *sql, gconstpointer unused)
{
  LeashDb *other = open_db (sql->ctx, "sqlite::memory:", NULL);
  LeashDbConn *first = check_out (sql->db, sql->ctx), *second = check_out (sql->db, sql->ctx);
  LeashRows *rows = query (second, sql->ctx, "SELECT id FROM users");

  close_rows (rows);
  give_back (second);
  give_back (first);
  g_assert_cmpint (get_number (other, sql->ctx, "SELECT count(*) FROM sqlite_schema"), ==, 0);
  leash_db_unref (other);
}

static void
test_lazy (Sql *sql, gconstpointer unused)
{
  LeashDbOptions options = { .size = sizeof options, .is_lazy = TRUE };
  g_autoptr (LeashDb) db = leash_db_open (sql->ctx, "sqlite:/nosuchdir/app.db", &options, NULL);
  g_autoptr (GError) error = NULL;

  g_assert_nonnull (db);
  g_assert_cmpstr (leash_db_get_name (db), ==, "sqlite:/nosuchdir/app.db");
  g_assert_false (leash_db_exec (db, sql->ctx, "SELECT 1", LEASH_SQL_NO_ARGS, NULL, &error));
  assert_sql_error (error, LEASH_SQL_ERROR_CONNECTION, "Executing “SELECT 1”", "/nosuchdir/app.db");
  MUST (leash_db_close, db);
}

static G_NO_INLINE LeashDbConn *
keep_connection (Sql *sql)
{
  LeashDbConn *conn = check_out (sql->db, sql->ctx);

  g_assert_nonnull (conn);
  return conn;
}

static void
test_leaked_connection_is_named (Sql *sql, gconstpointer unused)
{
  LeashDbConn *conn = keep_connection (sql);
  g_autofree char *report = leash_tracker_report (sql->base.tracker, LEASH_FORMAT_TEXT);

  if (leash_has_tracking ())
    {
      g_assert_nonnull (strstr (report, "database connection \"sqlite::memory:\""));
      g_assert_nonnull (strstr (report, "keep_connection"));
      g_assert_cmpuint (leash_tracker_count_kind (sql->base.tracker, "database connection"), ==, 1);
    }
  give_back (conn);
  g_assert_cmpuint (leash_tracker_count_kind (sql->base.tracker, "database connection"), ==, 0);
}

/* Who waits is told who has what it waits for. */
static void
test_waiting_names_the_holders (Sql *sql, gconstpointer unused)
{
  LeashDbOptions options = { .size = sizeof options, .max_open = 1 };
  g_autoptr (LeashDb) db = open_db (sql->ctx, "sqlite::memory:", &options);
  g_autoptr (LeashContext) brief = leash_context_with_timeout (sql->ctx, 10000);
  LeashDbConn *conn = check_out (db, sql->ctx);
  g_autoptr (GError) error = NULL;
  LeashClientStats stats;

  leash_db_get_stats (db, &stats);
  g_assert_cmpuint (stats.n_waits, ==, 0);
  g_assert_cmpint (stats.wait_time, ==, 0);
  g_assert_false (leash_db_exec (db, brief, "SELECT 1", LEASH_SQL_NO_ARGS, NULL, &error));
  if (leash_has_tracking ())
    assert_io_error (error, G_IO_ERROR_TIMED_OUT, "1 of at most 1 connections are open, 1 in use",
                     "check_out");
  give_back (conn);
  run_sql (db, sql->ctx, "SELECT 1");
  /* The second one did not have to. */
  leash_db_get_stats (db, &stats);
  g_assert_cmpuint (stats.n_waits, ==, 1);
  g_assert_cmpint (stats.wait_time, >, 0);
  leash_context_cancel (brief, NULL);
  MUST (leash_db_close, db);
}

static void
test_closed_with_a_connection_out (Sql *sql, gconstpointer unused)
{
  LeashDbConn *conn = check_out (sql->db, sql->ctx);
  g_autoptr (GError) error = NULL;

  g_assert_false (leash_db_close (sql->db, &error));
  assert_sql_error (
      error, LEASH_SQL_ERROR_CHILDREN_OPEN,
      "Closing the database “sqlite::memory:”: it is closed, but 1 of its connections are in use");
  g_clear_error (&error);
  assert_misuse (sql, LEASH_MISUSE_USE_AFTER_CLOSE, "database connection", "its database was closed");
  /* Its user can go on. */
  MUST (leash_db_conn_exec, conn, sql->ctx, "SELECT 1", LEASH_SQL_NO_ARGS, NULL);
  g_assert_false (leash_db_exec (sql->db, sql->ctx, "SELECT 1", LEASH_SQL_NO_ARGS, NULL, &error));
  assert_io_error (error, G_IO_ERROR_CLOSED, "Executing", "the client is closed");
  give_back (conn);
  g_assert_false (leash_db_close (sql->db, &error));
  assert_io_error (error, G_IO_ERROR_CLOSED, "Closing");
  assert_misuse (sql, LEASH_MISUSE_USE_AFTER_CLOSE, "database", "closed twice");
}

/* Not the database is leaked then, nor the pool's own connections, but what was forgotten. */
static void
test_unreferenced_with_a_connection_out (Sql *sql, gconstpointer unused)
{
  LeashDb *db = open_db (sql->ctx, "sqlite::memory:", NULL);
  LeashDbConn *conn = check_out (db, sql->ctx);

  leash_db_unref (db);
  assert_misuse (sql, LEASH_MISUSE_USE_AFTER_CLOSE, "database connection", "its database was closed");
  if (leash_has_tracking ())
    {
      g_assert_cmpuint (leash_tracker_count_kind (sql->base.tracker, "database"), ==, 1);
      g_assert_cmpuint (leash_tracker_count_kind (sql->base.tracker, "database connection"), ==, 1);
      g_assert_cmpuint (leash_tracker_count_kind (sql->base.tracker, "conn"), ==, 1);
    }
  MUST (leash_db_conn_exec, conn, sql->ctx, "SELECT 1", LEASH_SQL_NO_ARGS, NULL);
  give_back (conn);
}

/* SQLite would say "unable to close due to unfinalized statements", and not which. */
G_NO_INLINE static gboolean
close_too_soon (LeashDbConn *conn, GError **error)
{
  gboolean is_good = leash_db_conn_close (conn, error);

  return is_good && conn != NULL;
}

static void
test_closed_with_children (Sql *sql, gconstpointer unused)
{
  LeashDbConn *conn = check_out (sql->db, sql->ctx);
  LeashStmt *stmt = prepare (conn, sql->ctx, "SELECT 1");
  LeashRows *rows = query (conn, sql->ctx, "SELECT 2");
  g_autoptr (GError) error = NULL;

  g_assert_false (close_too_soon (conn, &error));
  assert_sql_error (error, LEASH_SQL_ERROR_CHILDREN_OPEN, "Closing the connection to “sqlite::memory:”",
                    "rows “SELECT 2”, statement “SELECT 1”");
  if (leash_has_tracking ())
    {
      g_autofree char *report = leash_tracker_report (sql->base.tracker, LEASH_FORMAT_TEXT);

      /* Both are open still, and each says where its connection was closed. */
      g_assert_nonnull (strstr (report, "statement \"SELECT 1\""));
      g_assert_nonnull (strstr (report, "rows \"SELECT 2\""));
      g_assert_nonnull (strstr (report, "close_too_soon"));
    }
  g_assert_false (leash_stmt_exec (stmt, sql->ctx, LEASH_SQL_NO_ARGS, NULL, &error));
  assert_io_error (error, G_IO_ERROR_CLOSED, "Executing “SELECT 1”: what it was opened from is closed");
  assert_misuse (sql, LEASH_MISUSE_USE_AFTER_CLOSE, "statement", "executed after close");
  leash_rows_unref (rows);
  assert_misuse (sql, LEASH_MISUSE_CLOSED_AFTER_PARENT, "rows", NULL);
  leash_stmt_unref (stmt);
  assert_misuse (sql, LEASH_MISUSE_CLOSED_AFTER_PARENT, "statement", NULL);
  leash_db_conn_unref (conn);
  /* The pool's connection is as new. */
  g_assert_cmpint (get_number (sql->db, sql->ctx, "SELECT count(*) FROM users"), ==, 2);
}

static void
test_use_after_close (Sql *sql, gconstpointer unused)
{
  LeashDbConn *conn = check_out (sql->db, sql->ctx);
  g_autoptr (GError) error = NULL;

  MUST (leash_db_conn_close, conn);
  g_assert_false (leash_db_conn_exec (conn, sql->ctx, "SELECT 1", LEASH_SQL_NO_ARGS, NULL, &error));
  assert_io_error (error, G_IO_ERROR_CLOSED, "Executing “SELECT 1”: the connection is closed");
  assert_misuse (sql, LEASH_MISUSE_USE_AFTER_CLOSE, "database connection", "executed after close");
  g_assert_null (leash_db_conn_query (conn, sql->ctx, "SELECT 1", LEASH_SQL_NO_ARGS, &error));
  assert_io_error (error, G_IO_ERROR_CLOSED, "Querying");
  assert_misuse (sql, LEASH_MISUSE_USE_AFTER_CLOSE, "database connection", "queried after close");
  g_assert_null (leash_db_conn_prepare (conn, sql->ctx, "SELECT 1", &error));
  assert_io_error (error, G_IO_ERROR_CLOSED, "Preparing");
  assert_misuse (sql, LEASH_MISUSE_USE_AFTER_CLOSE, "database connection", "prepared after close");
  g_assert_null (leash_db_conn_begin (conn, sql->ctx, NULL, &error));
  assert_io_error (error, G_IO_ERROR_CLOSED, "Beginning a transaction");
  assert_misuse (sql, LEASH_MISUSE_USE_AFTER_CLOSE, "database connection", "transaction begun after close");
  g_assert_false (leash_db_conn_close (conn, &error));
  assert_io_error (error, G_IO_ERROR_CLOSED, "Closing the connection");
  assert_misuse (sql, LEASH_MISUSE_USE_AFTER_CLOSE, "database connection", "closed twice");
  leash_db_conn_unref (conn);
}

static void
test_returned_with_a_transaction_by_hand (Sql *sql, gconstpointer unused)
{
  LeashDbConn *conn = check_out (sql->db, sql->ctx);
  g_autoptr (GError) error = NULL;

  MUST (leash_db_conn_exec, conn, sql->ctx, "BEGIN", LEASH_SQL_NO_ARGS, NULL);
  MUST (leash_db_conn_exec, conn, sql->ctx, "DELETE FROM users", LEASH_SQL_NO_ARGS, NULL);
  g_assert_false (leash_db_conn_close (conn, &error));
  assert_sql_error (error, LEASH_SQL_ERROR_CHILDREN_OPEN, "a transaction that a statement began was open");
  assert_misuse (sql, LEASH_MISUSE_USE_AFTER_CLOSE, "database connection",
                 "returned with a transaction open that a statement began");
  leash_db_conn_unref (conn);
  g_assert_cmpint (get_number (sql->db, sql->ctx, "SELECT count(*) FROM users"), ==, 2);
}

typedef struct
{
  LeashDbConn *conn;
  LeashContext *ctx;
  gint n_refused; /* atomic */
  gint n_done;    /* atomic */
} Crowd;

static gpointer
use_with_others (gpointer user_data)
{
  Crowd *crowd = user_data;

  for (guint i = 0; i < 200; i++)
    {
      g_autoptr (GError) error = NULL;

      if (leash_db_conn_exec (crowd->conn, crowd->ctx, "UPDATE users SET age = age + 1", LEASH_SQL_NO_ARGS,
                              NULL, &error))
        {
          g_atomic_int_inc (&crowd->n_done);
          continue;
        }
      g_assert_error (error, LEASH_SQL_ERROR, LEASH_SQL_ERROR_IN_USE);
      g_atomic_int_inc (&crowd->n_refused);
    }
  return NULL;
}

/* Each call is done or refused: the sum in the table says that none was half done. */
static void
test_two_threads_on_a_connection (Sql *sql, gconstpointer unused)
{
  LeashDbConn *conn = check_out (sql->db, sql->ctx);
  Crowd crowd = { .conn = conn, .ctx = sql->ctx };
  GThread *threads[4];

  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = g_thread_new ("user", use_with_others, &crowd);
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    g_thread_join (threads[i]);
  give_back (conn);
  g_assert_cmpint (get_number (sql->db, sql->ctx, "SELECT age FROM users WHERE id = 1"), ==,
                   36 + crowd.n_done);
  g_assert_cmpint (crowd.n_done + crowd.n_refused, ==, 800);
  sql->base.n_misuses = leash_tracker_count_misuses (sql->base.tracker);
}

/* For sure: a function of the statement's calls in while the statement runs. */
static gboolean
call_again (LeashSqlValue *ret_values, gsize n_values, gpointer user_data, GError **error)
{
  Crowd *crowd = user_data;

  leash_db_conn_exec (crowd->conn, crowd->ctx, "SELECT 1", LEASH_SQL_NO_ARGS, NULL, error);
  return FALSE;
}

static void
test_second_user_is_refused (Sql *sql, gconstpointer unused)
{
  static const char *const columns[] = { "name", NULL };
  LeashDbConn *conn = check_out (sql->db, sql->ctx);
  Crowd crowd = { .conn = conn, .ctx = sql->ctx };
  g_autoptr (GError) error = NULL;

  g_assert_false (
      leash_db_conn_bulk_insert (conn, sql->ctx, "users", columns, call_again, &crowd, NULL, &error));
  assert_sql_error (error, LEASH_SQL_ERROR_IN_USE,
                    "Inserting rows into “users”: Executing “SELECT 1”: a call that this "
                    "one is made in is using the connection to sqlite::memory:");
  assert_misuse (sql, LEASH_MISUSE_USE_AFTER_CLOSE, "database connection",
                 "used in a callback of its connection");
  give_back (conn);
}

typedef struct
{
  LeashDbConn *conn;
  LeashRows *rows;
  LeashStmt *stmt;
} Given;

static gboolean
give_all_back (LeashSqlValue *ret_values, gsize n_values, gpointer user_data, GError **error)
{
  Given *given = user_data;

  if (given->conn == NULL)
    return FALSE;
  g_clear_pointer (&given->rows, leash_rows_unref);
  g_clear_pointer (&given->stmt, leash_stmt_unref);
  g_clear_pointer (&given->conn, leash_db_conn_unref);
  ret_values[0] = leash_sql_text ("Given");
  return TRUE;
}

/* They would wait for the call that they are in, for ever. */
static void
test_last_references_given_back_in_a_callback (Sql *sql, gconstpointer unused)
{
  static const char *const columns[] = { "name", NULL };
  Given given = { .conn = check_out (sql->db, sql->ctx) };
  gint64 n = 0;

  given.rows = leash_db_conn_query (given.conn, sql->ctx, "SELECT name FROM users", LEASH_SQL_NO_ARGS, NULL);
  given.stmt = leash_db_conn_prepare (given.conn, sql->ctx, "SELECT 1", NULL);
  g_assert_true (leash_rows_next (given.rows, sql->ctx));
  MUST (leash_db_conn_bulk_insert, given.conn, sql->ctx, "users", columns, give_all_back, &given, &n);
  g_assert_cmpint (n, ==, 1);
  g_assert_null (given.conn);
  g_assert_cmpint (get_number (sql->db, sql->ctx, "SELECT count(*) FROM users WHERE name = 'Given'"), ==, 1);
}

typedef struct
{
  LeashDb *db;
  LeashContext *ctx;
} Worker;

static gpointer
work (gpointer user_data)
{
  Worker *worker = user_data;

  for (guint i = 0; i < 50; i++)
    run_sql (worker->db, worker->ctx, "UPDATE users SET age = age + 1 WHERE id = 1");
  return NULL;
}

static void
test_threads_share_the_pool (Sql *sql, gconstpointer unused)
{
  Worker worker = { .db = sql->db, .ctx = sql->ctx };
  GThread *threads[4];

  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = g_thread_new ("worker", work, &worker);
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    g_thread_join (threads[i]);
  g_assert_cmpint (get_number (sql->db, sql->ctx, "SELECT age FROM users WHERE id = 1"), ==, 236);
}

/* Counted from where the text begins, whichever of its statements it is. */
static void
test_position_in_a_script (Sql *sql, gconstpointer unused)
{
  LeashDbConn *conn = check_out (sql->db, sql->ctx);
  g_autoptr (GError) error = NULL;
  LeashSqlErrorDetail detail;

  g_assert_null (leash_db_conn_prepare (conn, sql->ctx, "SELECT 1; SELECT nosuch", &error));
  g_assert_true (leash_sql_error_get_detail (error, &detail));
  g_assert_cmpuint (detail.position, ==, 18);
  assert_sql_error (error, LEASH_SQL_ERROR_SYNTAX, "no such column: nosuch, at character 18");
  g_assert_false (leash_db_conn_exec_script (conn, sql->ctx, "SELECT 'ü';\nSELECT 2; SELECT nosuch", &error));
  g_assert_true (leash_sql_error_get_detail (error, &detail));
  g_assert_cmpuint (detail.position, ==, 30);
  assert_sql_error (error, LEASH_SQL_ERROR_SYNTAX, "no such column: nosuch, at character 30");
  give_back (conn);
}

static void
test_statement_errors (Sql *sql, gconstpointer unused)
{
  g_autoptr (GError) error = NULL;
  LeashSqlErrorDetail detail;

  g_assert_false (leash_db_exec (sql->db, sql->ctx, "SELECT name\n  FROM users WHER id = 1",
                                 LEASH_SQL_NO_ARGS, NULL, &error));
  g_assert_true (leash_sql_error_get_detail (error, &detail));
  g_assert_cmpuint (detail.position, ==, 31);
  assert_sql_error (error, LEASH_SQL_ERROR_SYNTAX, "Executing “SELECT name FROM users WHER id = 1”",
                    "syntax error, at character 31");
  g_assert_false (
      leash_db_exec (sql->db, sql->ctx, "SELECT 'ü', nosuch FROM users", LEASH_SQL_NO_ARGS, NULL, &error));
  g_assert_true (leash_sql_error_get_detail (error, &detail));
  g_assert_cmpuint (detail.position, ==, 13);
  assert_sql_error (error, LEASH_SQL_ERROR_SYNTAX, "no such column: nosuch");
  g_assert_false (leash_db_exec (sql->db, sql->ctx, "INSERT INTO users (name) VALUES ('ada')",
                                 LEASH_SQL_NO_ARGS, NULL, &error));
  g_assert_true (leash_sql_error_get_detail (error, &detail));
  g_assert_cmpint (detail.native_code, ==, 2067);
  assert_sql_error (error, LEASH_SQL_ERROR_CONSTRAINT, "UNIQUE constraint failed: users.name");
  g_assert_false (leash_db_exec (sql->db, sql->ctx, "  -- nothing", LEASH_SQL_NO_ARGS, NULL, &error));
  assert_sql_error (error, LEASH_SQL_ERROR_SYNTAX, "there is no statement in it");
  g_assert_false (leash_db_exec (sql->db, sql->ctx, "SELECT 1; SELECT 2", LEASH_SQL_NO_ARGS, NULL, &error));
  assert_sql_error (error, LEASH_SQL_ERROR_SYNTAX, "more than one statement");
  run_sql (sql->db, sql->ctx, "SELECT 1; -- and that is all\n ;");
}

static void
test_results (Sql *sql, gconstpointer unused)
{
  LeashDbConn *conn = check_out (sql->db, sql->ctx);
  LeashSqlResult result;

  MUST (leash_db_conn_exec, conn, sql->ctx, "INSERT INTO users (name) VALUES (?), (?)",
        LEASH_SQL_ARGS (leash_sql_text ("cy"), leash_sql_text ("di")), &result);
  g_assert_cmpint (result.rows_affected, ==, 2);
  g_assert_cmpint (result.last_id, ==, 4);
  /* SQLite itself goes on to say what the last change was. */
  MUST (leash_db_conn_exec, conn, sql->ctx, "CREATE TABLE other (a)", LEASH_SQL_NO_ARGS, &result);
  g_assert_cmpint (result.rows_affected, ==, 0);
  MUST (leash_db_conn_exec, conn, sql->ctx, "UPDATE users SET age = 1 WHERE id = 99", LEASH_SQL_NO_ARGS,
        &result);
  g_assert_cmpint (result.rows_affected, ==, 0);
  MUST (leash_db_conn_exec, conn, sql->ctx, "SELECT * FROM users", LEASH_SQL_NO_ARGS, &result);
  g_assert_cmpint (result.rows_affected, ==, 0);
  MUST (leash_db_conn_exec, conn, sql->ctx, "DELETE FROM users", LEASH_SQL_NO_ARGS, &result);
  g_assert_cmpint (result.rows_affected, ==, 4);
  give_back (conn);
}

static void
test_script (Sql *sql, gconstpointer unused)
{
  LeashDbConn *conn = check_out (sql->db, sql->ctx);
  g_autoptr (GError) error = NULL;

  MUST (
      leash_db_conn_exec_script, conn, sql->ctx,
      "CREATE TABLE a (x); -- one\nINSERT INTO a VALUES (1);\nINSERT INTO a VALUES (2); SELECT * FROM a;\n");
  g_assert_cmpint (get_number (sql->db, sql->ctx, "SELECT sum(x) FROM a"), ==, 3);
  g_assert_false (leash_db_conn_exec_script (conn, sql->ctx,
                                             "INSERT INTO a VALUES (3); INSERT INTO b VALUES (4)", &error));
  assert_sql_error (error, LEASH_SQL_ERROR_SYNTAX, "Executing the script", "no such table: b");
  g_assert_cmpint (get_number (sql->db, sql->ctx, "SELECT sum(x) FROM a"), ==, 6);
  give_back (conn);
}

static void
test_no_copies (Sql *sql, gconstpointer unused)
{
  LeashDbConn *conn = check_out (sql->db, sql->ctx);
  g_autoptr (GError) error = NULL;

  g_assert_null (leash_db_conn_copy_in (conn, sql->ctx, "COPY users FROM STDIN", &error));
  assert_io_error (error, G_IO_ERROR_NOT_SUPPORTED, "Copying by “COPY users FROM STDIN”", "no bulk copies");
  give_back (conn);
}

static void
test_done_context (Sql *sql, gconstpointer unused)
{
  LeashDbConn *conn = check_out (sql->db, sql->ctx);
  g_autoptr (GError) error = NULL;

  g_assert_false (
      leash_db_conn_exec (conn, sql->base.done, "DELETE FROM users", LEASH_SQL_NO_ARGS, NULL, &error));
  assert_io_error (error, G_IO_ERROR_CANCELLED, "Executing “DELETE FROM users”");
  g_assert_null (leash_db_query (sql->db, sql->base.done, "SELECT 1", LEASH_SQL_NO_ARGS, &error));
  assert_io_error (error, G_IO_ERROR_CANCELLED, "Querying “SELECT 1”");
  give_back (conn);
  g_assert_cmpint (get_number (sql->db, sql->ctx, "SELECT count(*) FROM users"), ==, 2);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD_SQL ("/sql/db/bad-names", test_bad_names);
  ADD_SQL ("/sql/db/no-database", test_no_database);
  ADD_SQL ("/sql/db/in-memory-is-shared-by-the-pool-and-nobody-else", test_in_memory);
  ADD_SQL ("/sql/db/lazy", test_lazy);
  ADD_SQL ("/sql/db/leaked-connection-is-named", test_leaked_connection_is_named);
  ADD_SQL ("/sql/db/waiting-names-the-holders", test_waiting_names_the_holders);
  ADD_SQL ("/sql/db/closed-with-a-connection-out", test_closed_with_a_connection_out);
  ADD_SQL ("/sql/db/unreferenced-with-a-connection-out", test_unreferenced_with_a_connection_out);
  ADD_SQL ("/sql/db/threads-share-the-pool", test_threads_share_the_pool);
  ADD_SQL ("/sql/db-conn/closed-with-children", test_closed_with_children);
  ADD_SQL ("/sql/db-conn/use-after-close", test_use_after_close);
  ADD_SQL ("/sql/db-conn/returned-with-a-transaction-by-hand", test_returned_with_a_transaction_by_hand);
  ADD_SQL ("/sql/db-conn/last-references-given-back-in-a-callback",
           test_last_references_given_back_in_a_callback);
  ADD_SQL ("/sql/db-conn/two-threads-at-once", test_two_threads_on_a_connection);
  ADD_SQL ("/sql/db-conn/second-user-is-refused", test_second_user_is_refused);
  ADD_SQL ("/sql/db-conn/statement-errors", test_statement_errors);
  ADD_SQL ("/sql/db/position-in-a-script", test_position_in_a_script);
  ADD_SQL ("/sql/db-conn/results", test_results);
  ADD_SQL ("/sql/db-conn/script", test_script);
  ADD_SQL ("/sql/db-conn/no-copies-with-sqlite", test_no_copies);
  ADD_SQL ("/sql/db-conn/done-context", test_done_context);
  return g_test_run ();
}
