/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Transactions and savepoints: what lasts, what is undone, and what is said of those that are left open or
 * lost. */
#include "sql-fixture.h"

static gint64
count_users (Sql *sql)
{
  return get_number (sql->db, sql->ctx, "SELECT count(*) FROM users");
}

static void
add_user (LeashTx *tx, LeashContext *ctx, const char *name)
{
  MUST (leash_tx_exec, tx, ctx, "INSERT INTO users (name) VALUES (?)", LEASH_SQL_ARGS (leash_sql_text (name)),
        NULL);
}

static void
test_commit_and_rollback (Sql *sql, gconstpointer unused)
{
  LeashDbConn *conn = check_out (sql->db, sql->ctx);
  LeashTx *tx = begin (conn, sql->ctx);

  add_user (tx, sql->ctx, "cy");
  MUST (leash_tx_commit, tx, sql->ctx);
  leash_tx_unref (tx);
  g_assert_cmpint (count_users (sql), ==, 3);
  tx = begin (conn, sql->ctx);
  add_user (tx, sql->ctx, "di");
  MUST (leash_tx_rollback, tx);
  leash_tx_unref (tx);
  g_assert_cmpint (count_users (sql), ==, 3);
  tx = begin (conn, sql->ctx);
  add_user (tx, sql->ctx, "di");
  /* The last reference of one that is open. */
  leash_tx_unref (tx);
  g_assert_cmpint (count_users (sql), ==, 3);
  give_back (conn);
}

static void
test_of_the_database_return_the_connection (Sql *sql, gconstpointer unused)
{
  LeashTx *tx = leash_db_begin (sql->db, sql->ctx, NULL, NULL);
  g_autofree char *name = NULL;
  g_autoptr (GError) error = NULL;
  LeashClientStats stats;

  add_user (tx, sql->ctx, "cy");
  g_assert_true (leash_tx_query_row (tx, sql->ctx, "SELECT name FROM users WHERE id = 3", LEASH_SQL_NO_ARGS,
                                     &error, LEASH_SQL_TEXT, &name, LEASH_SQL_END));
  g_assert_cmpstr (name, ==, "cy");
  MUST (leash_tx_commit, tx, sql->ctx);
  leash_db_get_stats (sql->db, &stats);
  g_assert_cmpuint (stats.n_in_use, ==, 0);
  leash_tx_unref (tx);
  tx = leash_db_begin (sql->db, sql->ctx, NULL, NULL);
  MUST (leash_tx_rollback, tx);
  leash_tx_unref (tx);
  tx = leash_db_begin (sql->db, sql->ctx, NULL, NULL);
  leash_tx_unref (tx);
  leash_db_get_stats (sql->db, &stats);
  g_assert_cmpuint (stats.n_in_use, ==, 0);
  g_assert_cmpuint (stats.n_idle, ==, 1);
  g_assert_cmpint (count_users (sql), ==, 3);
}

static void
test_savepoints (Sql *sql, gconstpointer unused)
{
  LeashDbConn *conn = check_out (sql->db, sql->ctx);
  LeashTx *tx = begin (conn, sql->ctx), *inner, *innermost;
  g_autoptr (GError) error = NULL;

  add_user (tx, sql->ctx, "cy");
  inner = leash_tx_begin (tx, sql->ctx, NULL);
  add_user (inner, sql->ctx, "di");
  innermost = leash_tx_begin (inner, sql->ctx, NULL);
  add_user (innermost, sql->ctx, "ed");
  g_assert_null (leash_tx_begin (tx, sql->ctx, &error));
  assert_sql_error (error, LEASH_SQL_ERROR_IN_USE, "Making a savepoint in", "a savepoint in it is open");
  g_assert_false (leash_tx_commit (tx, sql->ctx, &error));
  assert_sql_error (error, LEASH_SQL_ERROR_CHILDREN_OPEN, "Committing", "still open: savepoint", "savepoint");
  MUST (leash_tx_rollback, innermost);
  MUST (leash_tx_commit, inner, sql->ctx);
  leash_tx_unref (innermost);
  leash_tx_unref (inner);
  inner = leash_tx_begin (tx, sql->ctx, NULL);
  add_user (inner, sql->ctx, "fi");
  leash_tx_unref (inner);
  MUST (leash_tx_commit, tx, sql->ctx);
  leash_tx_unref (tx);
  give_back (conn);
  g_assert_cmpint (count_users (sql), ==, 4);
  g_assert_cmpint (get_number (sql->db, sql->ctx, "SELECT count(*) FROM users WHERE name IN ('ed', 'fi')"),
                   ==, 0);
}

static void
test_one_at_a_time (Sql *sql, gconstpointer unused)
{
  LeashDbConn *conn = check_out (sql->db, sql->ctx);
  LeashTx *tx = begin (conn, sql->ctx);
  g_autoptr (GError) error = NULL;

  g_assert_null (leash_db_conn_begin (conn, sql->ctx, NULL, &error));
  assert_sql_error (error, LEASH_SQL_ERROR_IN_USE, "Beginning a transaction",
                    "leash_tx_begin() makes a savepoint");
  leash_tx_unref (tx);
  MUST (leash_db_conn_exec, conn, sql->ctx, "BEGIN", LEASH_SQL_NO_ARGS, NULL);
  g_assert_null (leash_db_conn_begin (conn, sql->ctx, NULL, &error));
  assert_sql_error (error, LEASH_SQL_ERROR_IN_USE, "one is open that a statement began");
  MUST (leash_db_conn_exec, conn, sql->ctx, "ROLLBACK", LEASH_SQL_NO_ARGS, NULL);
  give_back (conn);
}

static void
test_commit_refused_with_children (Sql *sql, gconstpointer unused)
{
  LeashDbConn *conn = check_out (sql->db, sql->ctx);
  LeashTx *tx = begin (conn, sql->ctx);
  LeashStmt *stmt = leash_tx_prepare (tx, sql->ctx, "SELECT 1", NULL);
  LeashRows *rows = leash_tx_query (tx, sql->ctx, "SELECT id FROM users", LEASH_SQL_NO_ARGS, NULL);
  g_autoptr (GError) error = NULL;

  add_user (tx, sql->ctx, "cy");
  g_assert_false (leash_tx_commit (tx, sql->ctx, &error));
  assert_sql_error (error, LEASH_SQL_ERROR_CHILDREN_OPEN, "Committing",
                    "still open: rows “SELECT id FROM users”, statement “SELECT 1”");
  /* Nothing has happened to them. */
  g_assert_true (leash_rows_next (rows, sql->ctx));
  close_rows (rows);
  leash_stmt_unref (stmt);
  MUST (leash_tx_commit, tx, sql->ctx);
  leash_tx_unref (tx);
  give_back (conn);
  g_assert_cmpint (count_users (sql), ==, 3);
}

static void
test_rollback_ends_children (Sql *sql, gconstpointer unused)
{
  LeashDbConn *conn = check_out (sql->db, sql->ctx);
  LeashTx *tx = begin (conn, sql->ctx), *inner = leash_tx_begin (tx, sql->ctx, NULL);
  LeashRows *rows = leash_tx_query (inner, sql->ctx, "SELECT id FROM users", LEASH_SQL_NO_ARGS, NULL);
  g_autoptr (GError) error = NULL;

  add_user (inner, sql->ctx, "cy");
  g_assert_false (leash_tx_rollback (tx, &error));
  assert_sql_error (error, LEASH_SQL_ERROR_CHILDREN_OPEN, "Rolling back",
                    "rows “SELECT id FROM users”, savepoint");
  leash_rows_unref (rows);
  assert_misuse (sql, LEASH_MISUSE_USE_AFTER_CLOSE, "rows", "closed after what it was opened from was ended");
  leash_tx_unref (inner);
  assert_misuse (sql, LEASH_MISUSE_CLOSED_AFTER_PARENT, "savepoint", NULL);
  leash_tx_unref (tx);
  give_back (conn);
  g_assert_cmpint (count_users (sql), ==, 2);
}

/* Rows that the connection was asked for, and not the transaction: they are in it all the same. */
static void
test_rows_of_the_connection_are_in_it (Sql *sql, gconstpointer unused)
{
  LeashDbConn *conn = check_out (sql->db, sql->ctx);
  LeashTx *tx = begin (conn, sql->ctx);
  LeashRows *rows = query (conn, sql->ctx, "SELECT id FROM users");
  g_autoptr (GError) error = NULL;

  g_assert_false (leash_tx_commit (tx, sql->ctx, &error));
  assert_sql_error (error, LEASH_SQL_ERROR_CHILDREN_OPEN, "still open: rows “SELECT id FROM users”");
  close_rows (rows);
  MUST (leash_tx_commit, tx, sql->ctx);
  leash_tx_unref (tx);
  give_back (conn);
}

static G_NO_INLINE LeashTx *
forget_transaction (LeashDbConn *conn, LeashContext *ctx)
{
  LeashTx *tx = begin (conn, ctx);

  g_assert_nonnull (tx);
  return tx;
}

static void
test_leak_is_named (Sql *sql, gconstpointer unused)
{
  LeashDbConn *conn = check_out (sql->db, sql->ctx);
  LeashTx *tx = forget_transaction (conn, sql->ctx);

  if (leash_has_tracking ())
    {
      g_autofree char *report = leash_tracker_report (sql->base.tracker, LEASH_FORMAT_TEXT);

      g_assert_nonnull (strstr (report, "transaction \"sqlite::memory:\""));
      g_assert_nonnull (strstr (report, "forget_transaction"));
    }
  leash_tx_unref (tx);
  give_back (conn);
}

static void
test_use_after_end (Sql *sql, gconstpointer unused)
{
  LeashDbConn *conn = check_out (sql->db, sql->ctx);
  LeashTx *tx = begin (conn, sql->ctx);
  g_autoptr (GError) error = NULL;

  MUST (leash_tx_commit, tx, sql->ctx);
  g_assert_false (leash_tx_exec (tx, sql->ctx, "DELETE FROM users", LEASH_SQL_NO_ARGS, NULL, &error));
  assert_io_error (error, G_IO_ERROR_CLOSED, "Executing “sqlite::memory:”: the transaction is over");
  assert_misuse (sql, LEASH_MISUSE_USE_AFTER_CLOSE, "transaction",
                 "executed after the end of its transaction");
  g_assert_false (leash_tx_commit (tx, sql->ctx, &error));
  assert_io_error (error, G_IO_ERROR_CLOSED, "Committing");
  assert_misuse (sql, LEASH_MISUSE_USE_AFTER_CLOSE, "transaction", "committed after its end");
  g_assert_false (leash_tx_rollback (tx, &error));
  assert_io_error (error, G_IO_ERROR_CLOSED, "Rolling back");
  assert_misuse (sql, LEASH_MISUSE_USE_AFTER_CLOSE, "transaction", "rolled back after its end");
  leash_tx_unref (tx);
  give_back (conn);
  g_assert_cmpint (count_users (sql), ==, 2);
}

/* What follows would be outside of any transaction. */
static void
test_lost_transaction (Sql *sql, gconstpointer unused)
{
  LeashDbConn *conn = check_out (sql->db, sql->ctx);
  LeashTx *tx = begin (conn, sql->ctx);
  g_autoptr (GError) error = NULL;

  /* SQLite ends the transaction by itself here, as it does where a disk is full. */
  g_assert_false (leash_tx_exec (tx, sql->ctx, "INSERT OR ROLLBACK INTO users (name) VALUES ('ada')",
                                 LEASH_SQL_NO_ARGS, NULL, &error));
  assert_sql_error (error, LEASH_SQL_ERROR_CONSTRAINT, "UNIQUE");
  g_assert_false (leash_tx_exec (tx, sql->ctx, "DELETE FROM users", LEASH_SQL_NO_ARGS, NULL, &error));
  assert_sql_error (error, LEASH_SQL_ERROR_FAILED, "the database has ended the transaction");
  g_assert_false (leash_db_conn_exec (conn, sql->ctx, "DELETE FROM users", LEASH_SQL_NO_ARGS, NULL, &error));
  assert_sql_error (error, LEASH_SQL_ERROR_FAILED, "the database has ended the transaction");
  g_assert_false (leash_tx_commit (tx, sql->ctx, &error));
  assert_sql_error (error, LEASH_SQL_ERROR_FAILED, "Committing", "the database has ended the transaction");
  MUST (leash_tx_rollback, tx);
  leash_tx_unref (tx);
  tx = begin (conn, sql->ctx);
  /* A statement that ends it is no better. */
  MUST (leash_tx_exec, tx, sql->ctx, "COMMIT", LEASH_SQL_NO_ARGS, NULL);
  g_assert_false (leash_tx_exec (tx, sql->ctx, "DELETE FROM users", LEASH_SQL_NO_ARGS, NULL, &error));
  assert_sql_error (error, LEASH_SQL_ERROR_FAILED, "the database has ended the transaction");
  leash_tx_unref (tx);
  give_back (conn);
  g_assert_cmpint (count_users (sql), ==, 2);
}

/* What is interrupted while it writes takes all of the transaction with it, in SQLite. */
static void
test_lost_by_a_deadline (Sql *sql, gconstpointer unused)
{
  LeashDbConn *conn = check_out (sql->db, sql->ctx);
  LeashTx *tx = begin (conn, sql->ctx);
  g_autoptr (LeashContext) brief = leash_context_with_timeout (sql->ctx, 5000);
  g_autoptr (GError) error = NULL;

  add_user (tx, sql->ctx, "cy");
  g_assert_false (leash_tx_exec (tx, brief,
                                 "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)"
                                 " INSERT INTO users (age) SELECT i FROM n",
                                 LEASH_SQL_NO_ARGS, NULL, &error));
  assert_io_error (error, G_IO_ERROR_TIMED_OUT, "Executing “WITH RECURSIVE");
  leash_context_cancel (brief, NULL);
  g_assert_false (leash_tx_exec (tx, sql->ctx, "DELETE FROM users", LEASH_SQL_NO_ARGS, NULL, &error));
  assert_sql_error (error, LEASH_SQL_ERROR_FAILED, "the database has ended the transaction");
  g_assert_false (leash_db_conn_exec (conn, sql->ctx, "DELETE FROM users", LEASH_SQL_NO_ARGS, NULL, &error));
  assert_sql_error (error, LEASH_SQL_ERROR_FAILED, "the database has ended the transaction");
  g_assert_false (leash_tx_commit (tx, sql->ctx, &error));
  assert_sql_error (error, LEASH_SQL_ERROR_FAILED, "the database has ended the transaction");
  MUST (leash_tx_rollback, tx);
  leash_tx_unref (tx);
  MUST (leash_db_conn_exec, conn, sql->ctx, "INSERT INTO users (name) VALUES ('dee')", LEASH_SQL_NO_ARGS,
        NULL);
  give_back (conn);
  g_assert_cmpint (count_users (sql), ==, 3);
}

static void
test_options (Sql *sql, gconstpointer unused)
{
  LeashTxOptions read_only = { .size = sizeof read_only, .is_read_only = TRUE };
  LeashTxOptions strict
      = { .size = sizeof strict, .is_immediate = TRUE, .isolation = LEASH_ISOLATION_SERIALIZABLE };
  LeashDbConn *conn = check_out (sql->db, sql->ctx);
  LeashTx *tx = leash_db_conn_begin (conn, sql->ctx, &read_only, NULL);
  g_autoptr (GError) error = NULL;

  g_assert_false (leash_tx_exec (tx, sql->ctx, "DELETE FROM users", LEASH_SQL_NO_ARGS, NULL, &error));
  assert_sql_error (error, LEASH_SQL_ERROR_READ_ONLY, "readonly");
  MUST (leash_tx_commit, tx, sql->ctx);
  leash_tx_unref (tx);
  /* That was for the one transaction. */
  tx = leash_db_conn_begin (conn, sql->ctx, &strict, NULL);
  add_user (tx, sql->ctx, "cy");
  MUST (leash_tx_commit, tx, sql->ctx);
  leash_tx_unref (tx);
  tx = leash_db_conn_begin (conn, sql->ctx, &read_only, NULL);
  leash_tx_unref (tx);
  MUST (leash_db_conn_exec, conn, sql->ctx, "DELETE FROM users", LEASH_SQL_NO_ARGS, NULL);
  give_back (conn);
}

static void
test_isolation (Sql *sql, gconstpointer unused)
{
  static const int unknown[] = { LEASH_ISOLATION_SERIALIZABLE + 1, 1000, -1 };
  LeashDbConn *conn = check_out (sql->db, sql->ctx);
  LeashTxOptions options = { .size = sizeof options };
  g_autoptr (GError) error = NULL;

  for (guint i = LEASH_ISOLATION_DEFAULT; i <= LEASH_ISOLATION_SERIALIZABLE; i++)
    {
      LeashTx *tx;

      options.isolation = (LeashIsolation) i;
      tx = leash_db_conn_begin (conn, sql->ctx, &options, NULL);
      g_assert_nonnull (tx);
      add_user (tx, sql->ctx, "cy");
      leash_tx_unref (tx);
    }
  options.is_read_only = TRUE;
  for (guint i = 0; i < G_N_ELEMENTS (unknown); i++)
    {
      options.isolation = (LeashIsolation) unknown[i];
      g_assert_null (leash_db_conn_begin (conn, sql->ctx, &options, &error));
      assert_sql_error (error, LEASH_SQL_ERROR_RANGE, "there is no such isolation");
      /* Nothing has begun. */
      MUST (leash_db_conn_exec, conn, sql->ctx, "DELETE FROM users", LEASH_SQL_NO_ARGS, NULL);
    }
  give_back (conn);
}

/* Whether another can begin to write. */
static gboolean
is_free_to_write (Sql *sql)
{
  LeashTxOptions immediate = { .size = sizeof immediate, .is_immediate = TRUE };
  g_autoptr (LeashContext) brief = leash_context_with_timeout (sql->ctx, 20000);
  g_autoptr (GError) error = NULL;
  LeashTx *tx = leash_db_begin (sql->db, brief, &immediate, &error);
  gboolean is_free = tx != NULL;

  if (!is_free)
    assert_io_error (error, G_IO_ERROR_TIMED_OUT, "Beginning a transaction");
  leash_tx_unref (tx);
  leash_context_cancel (brief, NULL);
  return is_free;
}

static void
test_immediate (Sql *sql, gconstpointer unused)
{
  LeashTxOptions options = { .size = sizeof options };
  LeashTx *tx = leash_db_begin (sql->db, sql->ctx, &options, NULL);

  g_assert_true (is_free_to_write (sql));
  leash_tx_unref (tx);
  options.is_immediate = TRUE;
  tx = leash_db_begin (sql->db, sql->ctx, &options, NULL);
  g_assert_false (is_free_to_write (sql));
  leash_tx_unref (tx);
  g_assert_true (is_free_to_write (sql));
}

static void
test_connection_closed_before (Sql *sql, gconstpointer unused)
{
  LeashDbConn *conn = check_out (sql->db, sql->ctx);
  LeashTx *tx = begin (conn, sql->ctx);
  g_autoptr (GError) error = NULL;

  add_user (tx, sql->ctx, "cy");
  g_assert_false (leash_db_conn_close (conn, &error));
  assert_sql_error (error, LEASH_SQL_ERROR_CHILDREN_OPEN, "Closing the connection", "transaction");
  leash_db_conn_unref (conn);
  g_assert_false (leash_tx_commit (tx, sql->ctx, &error));
  assert_io_error (error, G_IO_ERROR_CLOSED, "what it was opened from is closed");
  assert_misuse (sql, LEASH_MISUSE_USE_AFTER_CLOSE, "transaction", "committed after its end");
  leash_tx_unref (tx);
  assert_misuse (sql, LEASH_MISUSE_CLOSED_AFTER_PARENT, "transaction", NULL);
  g_assert_cmpint (count_users (sql), ==, 2);
}

/* On a way out the context is done, and the transaction is undone all the same. */
static void
test_rolled_back_although_the_context_is_done (Sql *sql, gconstpointer unused)
{
  g_autoptr (LeashContext) ctx = leash_context_with_cancel (sql->ctx);
  LeashTx *tx = leash_db_begin (sql->db, ctx, NULL, NULL);
  g_autoptr (GError) error = NULL;

  add_user (tx, ctx, "cy");
  leash_context_cancel (ctx, NULL);
  g_assert_false (leash_tx_commit (tx, ctx, &error));
  assert_io_error (error, G_IO_ERROR_CANCELLED, "Committing");
  MUST (leash_tx_rollback, tx);
  leash_tx_unref (tx);
  g_assert_cmpint (count_users (sql), ==, 2);
}

typedef struct
{
  gint n_overdue;  /* atomic */
  gint n_returned; /* atomic */
  gint n_others;   /* atomic: overdue, and no transactions */
} Told;

static void
on_event (LeashTracker *tracker, LeashEventType event, const LeashResource *resource,
          const LeashMisuse *misuse, gpointer user_data)
{
  Told *told = user_data;

  if (event == LEASH_EVENT_OVERDUE)
    g_atomic_int_inc (strcmp (resource->kind, "transaction") == 0 ? &told->n_overdue : &told->n_others);
  else if (event == LEASH_EVENT_RETURNED && strcmp (resource->kind, "transaction") == 0)
    g_atomic_int_inc (&told->n_returned);
}

/* For a minute at most. */
static void
wait_until_told (gint *n)
{
  for (guint i = 0; leash_has_tracking () && g_atomic_int_get (n) == 0; i++)
    {
      g_assert_cmpuint (i, <, 60000);
      g_usleep (1000);
    }
}

/* Told of while it is held, and when it is over after all; the connection that is held as long is not. */
static void
test_held_for_too_long (Sql *sql, gconstpointer unused)
{
  Told told = { 0 };
  guint id = leash_tracker_add_listener (sql->base.tracker, on_event, &told, NULL);
  LeashTx *tx;

  leash_tracker_set_kind_age_limit (sql->base.tracker, "transaction", 20000);
  tx = leash_db_begin (sql->db, sql->ctx, NULL, NULL);
  wait_until_told (&told.n_overdue);
  g_assert_cmpint (told.n_returned, ==, 0);
  MUST (leash_tx_commit, tx, sql->ctx);
  leash_tx_unref (tx);
  wait_until_told (&told.n_returned);
  leash_tracker_set_kind_age_limit (sql->base.tracker, "transaction", -1);
  leash_tracker_remove_listener (sql->base.tracker, id);
  g_assert_cmpint (told.n_overdue, ==, leash_has_tracking ());
  g_assert_cmpint (told.n_returned, ==, leash_has_tracking ());
  g_assert_cmpint (told.n_others, ==, 0);
}

typedef struct
{
  guint n;
  guint fails_at;
  char name[16];
} Source;

static gboolean
give_user (LeashSqlValue *ret_values, gsize n_values, gpointer user_data, GError **error)
{
  Source *source = user_data;

  g_assert_cmpuint (n_values, ==, 2);
  if (source->n == 0)
    return FALSE;
  if (source->n-- == source->fails_at)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_FAILED, "the source is dry");
      return FALSE;
    }
  g_snprintf (source->name, sizeof source->name, "user %u", source->n);
  ret_values[0] = leash_sql_text (source->name);
  ret_values[1] = leash_sql_int64 (source->n);
  return TRUE;
}

static const char *const user_columns[] = { "name", "age", NULL };

static void
test_bulk_insert (Sql *sql, gconstpointer unused)
{
  static const guint sizes[] = { 0, 1, 249, 250, 251, 1000, 1234 };
  LeashDbConn *conn = check_out (sql->db, sql->ctx);

  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++)
    {
      Source source = { .n = sizes[i] };
      gint64 n = -1;

      MUST (leash_db_conn_exec, conn, sql->ctx, "DELETE FROM users", LEASH_SQL_NO_ARGS, NULL);
      MUST (leash_db_conn_bulk_insert, conn, sql->ctx, "main.users", user_columns, give_user, &source, &n);
      g_assert_cmpint (n, ==, sizes[i]);
      g_assert_cmpint (count_users (sql), ==, sizes[i]);
      g_assert_cmpint (
          get_number (sql->db, sql->ctx, "SELECT count(*) FROM users WHERE name = 'user ' || age"), ==,
          sizes[i]);
    }
  give_back (conn);
}

/* All of it or nothing, also in a transaction that goes on. */
static void
test_bulk_insert_fails (Sql *sql, gconstpointer unused)
{
  LeashDbConn *conn = check_out (sql->db, sql->ctx);
  Source dry = { .n = 600, .fails_at = 20 }, twice = { .n = 600 };
  g_autoptr (GError) error = NULL;
  LeashTx *tx;

  g_assert_false (
      leash_db_conn_bulk_insert (conn, sql->ctx, "users", user_columns, give_user, &dry, NULL, &error));
  assert_io_error (error, G_IO_ERROR_FAILED, "Inserting rows into “users”: the source is dry");
  g_assert_cmpint (count_users (sql), ==, 2);
  tx = begin (conn, sql->ctx);
  add_user (tx, sql->ctx, "user 7");
  g_assert_false (
      leash_db_conn_bulk_insert (conn, sql->ctx, "users", user_columns, give_user, &twice, NULL, &error));
  assert_sql_error (error, LEASH_SQL_ERROR_CONSTRAINT, "Inserting rows into “users”", "UNIQUE");
  MUST (leash_tx_commit, tx, sql->ctx);
  leash_tx_unref (tx);
  g_assert_cmpint (count_users (sql), ==, 3);
  twice.n = 1;
  g_assert_false (
      leash_db_conn_bulk_insert (conn, sql->ctx, "no\"such", user_columns, give_user, &twice, NULL, &error));
  assert_sql_error (error, LEASH_SQL_ERROR_SYNTAX, "no such table: no\"such");
  give_back (conn);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD_SQL ("/sql/tx/commit-and-rollback", test_commit_and_rollback);
  ADD_SQL ("/sql/tx/of-the-database-return-the-connection", test_of_the_database_return_the_connection);
  ADD_SQL ("/sql/tx/savepoints", test_savepoints);
  ADD_SQL ("/sql/tx/one-at-a-time", test_one_at_a_time);
  ADD_SQL ("/sql/tx/commit-is-refused-with-children", test_commit_refused_with_children);
  ADD_SQL ("/sql/tx/rollback-ends-children", test_rollback_ends_children);
  ADD_SQL ("/sql/tx/rows-of-the-connection-are-in-it", test_rows_of_the_connection_are_in_it);
  ADD_SQL ("/sql/tx/leak-is-named", test_leak_is_named);
  ADD_SQL ("/sql/tx/use-after-end", test_use_after_end);
  ADD_SQL ("/sql/tx/ended-by-the-database", test_lost_transaction);
  ADD_SQL ("/sql/tx/lost-by-a-deadline", test_lost_by_a_deadline);
  ADD_SQL ("/sql/tx/options", test_options);
  ADD_SQL ("/sql/tx/isolation", test_isolation);
  ADD_SQL ("/sql/tx/immediate", test_immediate);
  ADD_SQL ("/sql/tx/connection-closed-before", test_connection_closed_before);
  ADD_SQL ("/sql/tx/rolled-back-although-the-context-is-done", test_rolled_back_although_the_context_is_done);
  ADD_SQL ("/sql/tx/held-for-too-long", test_held_for_too_long);
  ADD_SQL ("/sql/bulk/inserts-many-rows", test_bulk_insert);
  ADD_SQL ("/sql/bulk/all-or-nothing", test_bulk_insert_fails);
  return g_test_run ();
}
