/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is tracked of a database, on each engine alike: who opened what from what, and what is done wrong with it. */
#pragma once

#include "sql-fixture.h"

/* One that is kept between the tests has the table of the last one still, if that failed. */
static void
tracking_set_up (Sql *sql, gconstpointer uri)
{
  LeashDb *db = open_db (leash_context_background (), uri, NULL);

  run_sql (db, leash_context_background (), "DROP TABLE IF EXISTS users");
  leash_db_unref (db);
  sql_set_up (sql, uri);
}

static const LeashResource *
find_resource (LeashSnapshot *snapshot, const char *kind)
{
  for (gsize i = 0; i < leash_snapshot_get_length (snapshot); i++)
    if (strcmp (leash_snapshot_get_resource (snapshot, i)->kind, kind) == 0)
      return leash_snapshot_get_resource (snapshot, i);
  g_error ("there is no %s", kind);
}

/* Where it was opened, and what from. */
static void
assert_opened (LeashSnapshot *snapshot, const char *kind, const char *name, const char *opener,
               const char *parent_kind, const char *parent_name)
{
  const LeashResource *resource = find_resource (snapshot, kind);
  g_autofree char *stack = leash_stack_to_string (resource->stack);

  g_assert_cmpstr (resource->name, ==, name);
  g_assert_cmpstr (resource->parent_kind, ==, parent_kind);
  g_assert_cmpstr (resource->parent_name, ==, parent_name);
  if (strstr (stack, opener) == NULL)
    g_error ("%s is not in\n%s", opener, stack);
}

static const char two_rows[] = "SELECT 1 UNION ALL SELECT 2";

static G_NO_INLINE LeashDb *
open_the_database (LeashContext *ctx, const char *uri)
{
  LeashDb *db = leash_db_open (ctx, uri, NULL, NULL);

  g_assert_nonnull (db);
  return db;
}

static G_NO_INLINE LeashStmt *
prepare_in (LeashTx *tx, LeashContext *ctx)
{
  LeashStmt *stmt = leash_tx_prepare (tx, ctx, two_rows, NULL);

  g_assert_nonnull (stmt);
  return stmt;
}

static G_NO_INLINE LeashRows *
read_half (LeashStmt *stmt, LeashContext *ctx)
{
  LeashRows *rows = leash_stmt_query (stmt, ctx, LEASH_SQL_NO_ARGS, NULL);

  g_assert_nonnull (rows);
  g_assert_true (leash_rows_next (rows, ctx));
  return rows;
}

static G_NO_INLINE LeashTx *
make_savepoint (LeashTx *tx, LeashContext *ctx)
{
  LeashTx *savepoint = leash_tx_begin (tx, ctx, NULL);

  g_assert_nonnull (savepoint);
  return savepoint;
}

static void
assert_tree (LeashTracker *tracker, const char *name)
{
  g_autoptr (LeashSnapshot) all = leash_snapshot_new (tracker);

  assert_opened (all, "database", name, "open_the_database", NULL, NULL);
  /* A checkout is nobody's child: the pool knows its own. */
  assert_opened (all, "database connection", name, "check_out", NULL, NULL);
  assert_opened (all, "transaction", name, "begin", "database connection", name);
  assert_opened (all, "savepoint", name, "make_savepoint", "transaction", name);
  assert_opened (all, "statement", two_rows, "prepare_in", "savepoint", name);
  /* The text is its parent's. */
  assert_opened (all, "rows", NULL, "read_half", "statement", two_rows);
}

/* All that can be open at once, each from another. */
static void
test_tree (Sql *sql, gconstpointer uri)
{
  g_autoptr (LeashTracker) tracker = leash_tracker_new ();
  g_autoptr (LeashContext) ctx = leash_context_with_tracker (sql->ctx, tracker);
  LeashDb *db = open_the_database (ctx, uri);
  LeashDbConn *conn = check_out (db, ctx);
  LeashTx *tx = begin (conn, ctx), *savepoint = make_savepoint (tx, ctx);
  LeashStmt *stmt = prepare_in (savepoint, ctx);
  LeashRows *rows = read_half (stmt, ctx);

  if (leash_has_tracking ())
    assert_tree (tracker, leash_db_get_name (db));
  close_rows (rows);
  leash_stmt_unref (stmt);
  leash_tx_unref (savepoint);
  leash_tx_unref (tx);
  give_back (conn);
  MUST (leash_db_close, db);
  leash_db_unref (db);
  g_assert_cmpuint (leash_tracker_count_open (tracker), ==, 0);
}

typedef struct
{
  LeashDbConn *conn;
  LeashRows *rows;
  LeashContext *ctx;
} Shared;

static void
assert_in_use (GError *error)
{
  assert_sql_error (error, LEASH_SQL_ERROR_IN_USE, "another thread is using the connection to ");
}

static G_NO_INLINE gpointer
intrude (gpointer user_data)
{
  Shared *shared = user_data;
  GError *error = NULL;

  g_assert_false (leash_db_conn_exec (shared->conn, shared->ctx, "DELETE FROM users", LEASH_SQL_NO_ARGS, NULL,
                                      &error));
  assert_in_use (g_steal_pointer (&error));
  g_assert_null (leash_db_conn_query (shared->conn, shared->ctx, "SELECT 1", LEASH_SQL_NO_ARGS, &error));
  assert_in_use (g_steal_pointer (&error));
  g_assert_false (leash_rows_next (shared->rows, shared->ctx));
  g_assert_false (leash_rows_check (shared->rows, &error));
  assert_in_use (g_steal_pointer (&error));
  return NULL;
}

/* While the statement's own thread is in it, for sure. */
static gboolean
let_intrude (LeashSqlValue *ret_values, gsize n_values, gpointer user_data, GError **error)
{
  g_thread_join (g_thread_new ("intruder", intrude, user_data));
  return FALSE;
}

static void
assert_intruder (LeashTracker *tracker, gsize index, const char *kind)
{
  g_autoptr (LeashSnapshot) snapshot = leash_snapshot_new (tracker);
  const LeashMisuse *misuse = leash_snapshot_get_misuse (snapshot, index);
  g_autofree char *stack = leash_stack_to_string (misuse->stack);

  g_assert_cmpstr (misuse->kind, ==, kind);
  g_assert_cmpstr (misuse->what, ==, "used by two threads at once");
  g_assert_nonnull (strstr (stack, "intrude"));
  g_assert_cmpuint (misuse->opened_stack, !=, 0);
}

static void
test_second_thread (Sql *sql, gconstpointer uri)
{
  static const char *const columns[] = { "id", NULL };
  Shared shared = { .conn = check_out (sql->db, sql->ctx), .ctx = sql->ctx };
  GError *error = NULL;

  /* It has nothing to read, which keeps no connection to itself. */
  shared.rows = query (shared.conn, sql->ctx, "SELECT id FROM users WHERE id < 0");
  MUST (leash_db_conn_bulk_insert, shared.conn, sql->ctx, "users", columns, let_intrude, &shared, NULL);
  sql->base.n_misuses = 4;
  if (leash_has_tracking ())
    {
      g_assert_cmpuint (leash_tracker_count_misuses (sql->base.tracker), ==, 4);
      for (gsize i = 0; i < 4; i++)
        assert_intruder (sql->base.tracker, i, i < 2 ? "database connection" : "rows");
    }
  g_assert_false (leash_rows_next (shared.rows, sql->ctx));
  must (leash_rows_check (shared.rows, &error), error);
  leash_rows_unref (shared.rows);
  give_back (shared.conn);
  g_assert_cmpint (get_number (sql->db, sql->ctx, "SELECT count(*) FROM users"), ==, 2);
}

/* On both engines rows keep their parent from being closed unnoticed. */
static void
test_closed_with_half_read_rows (Sql *sql, gconstpointer uri)
{
  LeashDbConn *conn = check_out (sql->db, sql->ctx);
  LeashRows *rows = query (conn, sql->ctx, "SELECT id FROM users");
  g_autoptr (GError) error = NULL;

  g_assert_true (leash_rows_next (rows, sql->ctx));
  g_assert_false (leash_db_conn_close (conn, &error));
  assert_sql_error (error, LEASH_SQL_ERROR_CHILDREN_OPEN, "Closing the connection", "rows “SELECT id FROM users”");
  g_assert_false (leash_rows_next (rows, sql->ctx));
  assert_misuse (sql, LEASH_MISUSE_USE_AFTER_CLOSE, "rows", "read after close");
  g_assert_false (leash_rows_check (rows, &error));
  assert_io_error (error, G_IO_ERROR_CLOSED, "what it was opened from is closed");
  leash_rows_unref (rows);
  assert_misuse (sql, LEASH_MISUSE_CLOSED_AFTER_PARENT, "rows", NULL);
  leash_db_conn_unref (conn);
  g_assert_cmpint (get_number (sql->db, sql->ctx, "SELECT count(*) FROM users"), ==, 2);
}

static void
test_rolled_back_with_half_read_rows (Sql *sql, gconstpointer uri)
{
  LeashDbConn *conn = check_out (sql->db, sql->ctx);
  LeashTx *tx = begin (conn, sql->ctx);
  g_autoptr (GError) error = NULL;
  LeashRows *rows;

  MUST (leash_tx_exec, tx, sql->ctx, "DELETE FROM users WHERE id = 1", LEASH_SQL_NO_ARGS, NULL);
  rows = leash_tx_query (tx, sql->ctx, two_rows, LEASH_SQL_NO_ARGS, NULL);
  g_assert_true (leash_rows_next (rows, sql->ctx));
  g_assert_false (leash_tx_rollback (tx, &error));
  assert_sql_error (error, LEASH_SQL_ERROR_CHILDREN_OPEN, "Rolling back", two_rows);
  leash_rows_unref (rows);
  assert_misuse (sql, LEASH_MISUSE_CLOSED_AFTER_PARENT, "rows", NULL);
  leash_tx_unref (tx);
  give_back (conn);
  g_assert_cmpint (get_number (sql->db, sql->ctx, "SELECT count(*) FROM users"), ==, 2);
}

static void
test_unchecked_rows (Sql *sql, gconstpointer uri)
{
  LeashDbConn *conn = check_out (sql->db, sql->ctx);
  LeashRows *rows = query (conn, sql->ctx, two_rows);

  while (leash_rows_next (rows, sql->ctx))
    continue;
  leash_rows_unref (rows);
  assert_misuse (sql, LEASH_MISUSE_USE_AFTER_CLOSE, "rows",
                 "read to the end, and never checked whether an error was there");
  give_back (conn);
}

/* Closed by nobody: what the last reference has closed is no leak. */
static void
test_leaks_are_named (Sql *sql, gconstpointer uri)
{
  LeashDbConn *conn = check_out (sql->db, sql->ctx);
  LeashTx *tx = begin (conn, sql->ctx);
  LeashStmt *stmt = prepare_in (tx, sql->ctx);
  g_autofree char *report = leash_tracker_report (sql->base.tracker, LEASH_FORMAT_TEXT);

  if (leash_has_tracking ())
    {
      g_autofree char *connection = g_strdup_printf ("1 x database connection \"%s\"", leash_db_get_name (sql->db));
      g_autofree char *transaction = g_strdup_printf ("1 x transaction \"%s\"", leash_db_get_name (sql->db));
      const char *const pieces[] = { connection, "check_out ", transaction, "begin ",
                                     "1 x statement \"SELECT 1 UNION ALL SELECT 2\"", "prepare_in ", NULL };

      check_pieces (report, pieces);
    }
  leash_stmt_unref (stmt);
  leash_tx_unref (tx);
  give_back (conn);
}

#define ADD_TRACKED(name, func)                                                             \
  G_STMT_START                                                                              \
  {                                                                                         \
    g_autofree char *path_ = g_strconcat (prefix, name, NULL);                              \
                                                                                            \
    g_test_add (path_, Sql, uri, tracking_set_up, func, sql_tear_down);                     \
  }                                                                                         \
  G_STMT_END

/* uri must live as long as the tests. */
static void
add_tracking_tests (const char *prefix, const char *uri)
{
  ADD_TRACKED ("tree", test_tree);
  ADD_TRACKED ("second-thread-is-refused", test_second_thread);
  ADD_TRACKED ("closed-with-half-read-rows", test_closed_with_half_read_rows);
  ADD_TRACKED ("rolled-back-with-half-read-rows", test_rolled_back_with_half_read_rows);
  ADD_TRACKED ("unchecked-rows", test_unchecked_rows);
  ADD_TRACKED ("leaks-are-named", test_leaks_are_named);
}
