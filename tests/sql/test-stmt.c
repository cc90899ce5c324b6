/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Prepared statements: parameters by number and by name, what cannot be bound, and their life. */
#include "sql-fixture.h"

#include <math.h>

static void
test_runs_again (Sql *sql, gconstpointer unused)
{
  LeashDbConn *conn = check_out (sql->db, sql->ctx);
  LeashStmt *stmt = prepare (conn, sql->ctx, "INSERT INTO users (name, age) VALUES (?, ?)");
  g_autoptr (GError) error = NULL;
  LeashSqlResult result;

  g_assert_cmpuint (leash_stmt_count_parameters (stmt), ==, 2);
  g_assert_cmpstr (leash_stmt_get_sql (stmt), ==, "INSERT INTO users (name, age) VALUES (?, ?)");
  for (gint64 i = 0; i < 10; i++)
    {
      g_autofree char *name = g_strdup_printf ("user %" G_GINT64_FORMAT, i);

      MUST (leash_stmt_exec, stmt, sql->ctx, LEASH_SQL_ARGS (leash_sql_text (name), leash_sql_int64 (i)),
            &result);
      g_assert_cmpint (result.rows_affected, ==, 1);
    }
  /* What was bound is bound. */
  g_assert_false (leash_stmt_exec (stmt, sql->ctx, LEASH_SQL_NO_ARGS, NULL, &error));
  assert_sql_error (error, LEASH_SQL_ERROR_CONSTRAINT, "Executing “INSERT INTO users", "UNIQUE");
  MUST (leash_stmt_bind, stmt, 1, leash_sql_text ("another"));
  MUST (leash_stmt_exec, stmt, sql->ctx, LEASH_SQL_NO_ARGS, NULL);
  MUST (leash_stmt_close, stmt);
  leash_stmt_unref (stmt);
  give_back (conn);
  g_assert_cmpint (get_number (sql->db, sql->ctx, "SELECT sum(age) FROM users WHERE name LIKE 'user %'"), ==,
                   45);
  g_assert_cmpint (get_number (sql->db, sql->ctx, "SELECT age FROM users WHERE name = 'another'"), ==, 9);
}

static void
test_binds_by_name (Sql *sql, gconstpointer unused)
{
  LeashDbConn *conn = check_out (sql->db, sql->ctx);
  LeashStmt *stmt = prepare (conn, sql->ctx, "SELECT id FROM users WHERE name = :name AND age = @age");
  g_autoptr (GError) error = NULL;
  gint64 id = 0;

  MUST (leash_stmt_bind_name, stmt, "name", leash_sql_text ("ada"));
  g_assert_false (
      leash_stmt_query_row (stmt, sql->ctx, LEASH_SQL_NO_ARGS, &error, LEASH_SQL_INT64, &id, LEASH_SQL_END));
  assert_sql_error (error, LEASH_SQL_ERROR_BIND, "Querying",
                    "1 of 2 parameters are not bound, the first is 2");
  MUST (leash_stmt_bind_name, stmt, "@age", leash_sql_int64 (36));
  g_assert_true (
      leash_stmt_query_row (stmt, sql->ctx, LEASH_SQL_NO_ARGS, &error, LEASH_SQL_INT64, &id, LEASH_SQL_END));
  g_assert_cmpint (id, ==, 1);
  g_assert_false (leash_stmt_bind_name (stmt, "nosuch", leash_sql_null (), &error));
  assert_sql_error (error, LEASH_SQL_ERROR_BIND, "Binding parameters of", "no parameter “nosuch”");
  leash_stmt_unref (stmt);
  give_back (conn);
}

static void
assert_not_bound (LeashStmt *stmt, guint index, LeashSqlValue value, const char *piece)
{
  g_autoptr (GError) error = NULL;

  g_assert_false (leash_stmt_bind (stmt, index, value, &error));
  assert_sql_error (error, LEASH_SQL_ERROR_BIND, "Binding parameters of “SELECT ?”", piece);
}

/* And no message shows a value. */
static void
test_what_cannot_be_bound (Sql *sql, gconstpointer unused)
{
  LeashDbConn *conn = check_out (sql->db, sql->ctx);
  LeashStmt *stmt = prepare (conn, sql->ctx, "SELECT ?");
  LeashSqlValue nul = { .type = LEASH_SQL_TEXT, .length = 8, .as.text = "secret\0x" };
  LeashSqlValue nowhere = { .type = LEASH_SQL_TEXT, .length = 1 }, none = { 0 };
  g_autoptr (GError) error = NULL;

  assert_not_bound (stmt, 0, leash_sql_null (), "no parameter 0, but 1 of them from 1");
  assert_not_bound (stmt, 2, leash_sql_null (), "no parameter 2");
  assert_not_bound (stmt, 1, leash_sql_text ("caf\xe9"), "parameter 1 is not UTF-8");
  assert_not_bound (stmt, 1, nul, "parameter 1 has a 0 in its text");
  assert_not_bound (stmt, 1, nowhere, "parameter 1 is text at no address");
  assert_not_bound (stmt, 1, none, "parameter 1 has no type");
  assert_not_bound (stmt, 1, leash_sql_double (NAN), "parameter 1 is not a number");
  g_assert_false (leash_stmt_exec (stmt, sql->ctx, LEASH_SQL_NO_ARGS, NULL, &error));
  assert_sql_error (error, LEASH_SQL_ERROR_BIND, "1 of 1 parameters are not bound, the first is 1");
  g_assert_false (
      leash_stmt_exec (stmt, sql->ctx, LEASH_SQL_ARGS (leash_sql_null (), leash_sql_null ()), NULL, &error));
  assert_sql_error (error, LEASH_SQL_ERROR_BIND, "there are 1 parameters, and 2 values were given");
  g_assert_false (leash_stmt_exec (stmt, sql->ctx, &nul, 1, NULL, &error));
  g_assert_null (strstr (error->message, "secret"));
  g_clear_error (&error);
  leash_stmt_unref (stmt);
  give_back (conn);
}

static void
test_each_type_comes_back (Sql *sql, gconstpointer unused)
{
  LeashDbConn *conn = check_out (sql->db, sql->ctx);
  LeashStmt *stmt = prepare (conn, sql->ctx, "SELECT typeof (?1), ?1");
  const LeashSqlValue values[] = {
    leash_sql_null (),   leash_sql_int64 (G_MININT64), leash_sql_double (-0.0),   leash_sql_double (INFINITY),
    leash_sql_text (""), leash_sql_text ("naïve"),     leash_sql_bytes (NULL, 0), leash_sql_bytes ("\0\1", 2),
  };
  const char *const types[] = { "null", "integer", "real", "real", "text", "text", "blob", "blob" };

  for (guint i = 0; i < G_N_ELEMENTS (values); i++)
    {
      LeashRows *rows = leash_stmt_query (stmt, sql->ctx, &values[i], 1, NULL);
      LeashSqlValue value;
      const char *type;

      g_assert_true (leash_rows_next (rows, sql->ctx));
      g_assert_true (leash_rows_get_text (rows, 0, &type, NULL));
      g_assert_cmpstr (type, ==, types[i]);
      g_assert_true (leash_rows_get_value (rows, 1, &value, NULL));
      g_assert_cmpint (value.type, ==, values[i].type);
      g_assert_cmpuint (value.length, ==, values[i].length);
      if (value.length > 0)
        g_assert_cmpmem (value.as.bytes, value.length, values[i].as.bytes, values[i].length);
      else
        g_assert_true (value.type >= LEASH_SQL_TEXT || value.type == LEASH_SQL_NULL
                       || value.as.int64 == values[i].as.int64);
      close_rows (rows);
    }
  leash_stmt_unref (stmt);
  give_back (conn);
}

static void
test_huge_blob (Sql *sql, gconstpointer unused)
{
  const gsize size = 20 * 1024 * 1024;
  g_autofree guint8 *bytes = g_malloc (size);
  g_autoptr (GBytes) back = NULL;
  g_autoptr (GError) error = NULL;

  for (gsize i = 0; i < size; i++)
    bytes[i] = (guint8) (i * 31 >> 3);
  run_sql (sql->db, sql->ctx, "CREATE TABLE blobs (content BLOB)");
  MUST (leash_db_exec, sql->db, sql->ctx, "INSERT INTO blobs VALUES (?)",
        LEASH_SQL_ARGS (leash_sql_bytes (bytes, size)), NULL);
  g_assert_true (leash_db_query_row (sql->db, sql->ctx, "SELECT content FROM blobs", LEASH_SQL_NO_ARGS,
                                     &error, LEASH_SQL_BYTES, &back, LEASH_SQL_END));
  g_assert_cmpmem (g_bytes_get_data (back, NULL), g_bytes_get_size (back), bytes, size);
  /* More than SQLite takes is refused by it, and not read. */
  g_assert_false (leash_db_exec (sql->db, sql->ctx, "INSERT INTO blobs VALUES (?)",
                                 LEASH_SQL_ARGS (leash_sql_bytes (bytes, (gsize) 3 << 30)), NULL, &error));
  assert_sql_error (error, LEASH_SQL_ERROR_BIND, "parameter 1", "too big");
}

static void
test_one_run_at_a_time (Sql *sql, gconstpointer unused)
{
  LeashDbConn *conn = check_out (sql->db, sql->ctx);
  LeashStmt *stmt = prepare (conn, sql->ctx, "SELECT id FROM users WHERE id > ?");
  LeashRows *rows = leash_stmt_query (stmt, sql->ctx, LEASH_SQL_ARGS (leash_sql_int64 (0)), NULL);
  g_autoptr (GError) error = NULL;

  g_assert_true (leash_rows_next (rows, sql->ctx));
  g_assert_null (leash_stmt_query (stmt, sql->ctx, LEASH_SQL_NO_ARGS, &error));
  assert_sql_error (error, LEASH_SQL_ERROR_IN_USE, "Querying", "its rows are open");
  g_assert_false (leash_stmt_bind (stmt, 1, leash_sql_int64 (1), &error));
  assert_sql_error (error, LEASH_SQL_ERROR_IN_USE, "Binding", "its rows are open");
  /* Another statement may run meanwhile. */
  MUST (leash_db_conn_exec, conn, sql->ctx, "SELECT 1", LEASH_SQL_NO_ARGS, NULL);
  close_rows (rows);
  rows = leash_stmt_query (stmt, sql->ctx, LEASH_SQL_ARGS (leash_sql_int64 (1)), NULL);
  g_assert_true (leash_rows_next (rows, sql->ctx));
  g_assert_false (leash_rows_next (rows, sql->ctx));
  g_assert_true (leash_rows_check (rows, NULL));
  leash_rows_unref (rows);
  leash_stmt_unref (stmt);
  give_back (conn);
}

static G_NO_INLINE LeashStmt *
forget_statement (LeashDbConn *conn, LeashContext *ctx)
{
  LeashStmt *stmt = prepare (conn, ctx, "SELECT name FROM users WHERE id = ?");

  g_assert_nonnull (stmt);
  return stmt;
}

static void
test_leak_is_named (Sql *sql, gconstpointer unused)
{
  LeashDbConn *conn = check_out (sql->db, sql->ctx);
  LeashStmt *stmt = forget_statement (conn, sql->ctx);

  MUST (leash_stmt_bind, stmt, 1, leash_sql_int64 (424242));
  if (leash_has_tracking ())
    {
      g_autofree char *report = leash_tracker_report (sql->base.tracker, LEASH_FORMAT_TEXT);

      g_assert_nonnull (strstr (report, "statement \"SELECT name FROM users WHERE id = ?\""));
      g_assert_nonnull (strstr (report, "forget_statement"));
      g_assert_null (strstr (report, "424242"));
    }
  leash_stmt_unref (stmt);
  g_assert_cmpuint (leash_tracker_count_kind (sql->base.tracker, "statement"), ==, 0);
  give_back (conn);
}

static void
test_closed_before_its_rows (Sql *sql, gconstpointer unused)
{
  LeashDbConn *conn = check_out (sql->db, sql->ctx);
  LeashStmt *stmt = prepare (conn, sql->ctx, "SELECT id FROM users");
  LeashRows *rows = leash_stmt_query (stmt, sql->ctx, LEASH_SQL_NO_ARGS, NULL);
  g_autoptr (GError) error = NULL;

  g_assert_false (leash_stmt_close (stmt, &error));
  assert_sql_error (error, LEASH_SQL_ERROR_CHILDREN_OPEN, "Closing “SELECT id FROM users”",
                    "rows “SELECT id FROM users”");
  g_assert_false (leash_stmt_close (stmt, &error));
  assert_io_error (error, G_IO_ERROR_CLOSED, "Closing", "the statement is closed");
  assert_misuse (sql, LEASH_MISUSE_USE_AFTER_CLOSE, "statement", "closed twice");
  leash_stmt_unref (stmt);
  g_assert_false (leash_rows_next (rows, sql->ctx));
  assert_misuse (sql, LEASH_MISUSE_USE_AFTER_CLOSE, "rows", "read after close");
  g_assert_false (leash_rows_check (rows, &error));
  assert_io_error (error, G_IO_ERROR_CLOSED, "what it was opened from is closed");
  leash_rows_unref (rows);
  assert_misuse (sql, LEASH_MISUSE_CLOSED_AFTER_PARENT, "rows", NULL);
  give_back (conn);
}

static void
test_long_text_is_shortened (Sql *sql, gconstpointer unused)
{
  LeashDbConn *conn = check_out (sql->db, sql->ctx);
  g_autofree char *blanks = g_strnfill (100000, ' '),
                  *text = g_strdup_printf ("SELECT %s 'é%s", blanks, blanks);
  g_autoptr (GError) error = NULL;

  for (guint i = 0; i < 4; i++)
    {
      g_autofree char *umlauts = g_strnfill (200 + i, 'x');
      g_autofree char *long_text = g_strdup_printf (
          "SELECT 'ääääää%sääääääääääääääääääääääääääääääääää' FROM nosuch", umlauts + 120);

      g_assert_null (leash_db_conn_prepare (conn, sql->ctx, long_text, &error));
      g_assert_true (g_utf8_validate (error->message, -1, NULL));
      assert_sql_error (error, LEASH_SQL_ERROR_SYNTAX, "…", "nosuch");
    }
  g_assert_null (leash_db_conn_prepare (conn, sql->ctx, text, &error));
  g_assert_cmpuint (strlen (error->message), <, 200);
  g_clear_error (&error);
  give_back (conn);
}

static void
assert_shown (GError **error, const char *text)
{
  g_assert_nonnull (*error);
  g_assert_true (g_utf8_validate ((*error)->message, -1, NULL));
  if (strstr ((*error)->message, text) == NULL)
    g_error ("“%s” does not have “%s”", (*error)->message, text);
  g_clear_error (error);
}

/* Messages are, whatever the statement is. */
static void
test_text_that_is_not_utf8 (Sql *sql, gconstpointer unused)
{
  LeashDbConn *conn = check_out (sql->db, sql->ctx);
  LeashTx *tx = begin (conn, sql->ctx);
  g_autofree char *bytes = g_strnfill (150, '\xe9'), *long_text = g_strconcat ("SELECT ", bytes, NULL);
  g_autoptr (GError) error = NULL;
  LeashRows *rows;
  gint64 number;

  g_assert_null (leash_db_conn_prepare (conn, sql->ctx, "SELECT caf\xe9", &error));
  assert_shown (&error, "no such column: caf\xef\xbf\xbd");
  g_assert_null (leash_db_conn_prepare (conn, sql->ctx, long_text, &error));
  assert_shown (&error, "\xef\xbf\xbd…");
  rows = leash_tx_query (tx, sql->ctx, "SELECT 1.5 AS \"caf\xe9\"", LEASH_SQL_NO_ARGS, &error);
  g_assert_no_error (error);
  g_assert_true (leash_rows_next (rows, sql->ctx));
  g_assert_false (leash_rows_get_int64 (rows, 0, &number, &error));
  assert_shown (&error, "column 0, “caf\xef\xbf\xbd”");
  g_assert_false (leash_tx_commit (tx, sql->ctx, &error));
  assert_shown (&error, "still open: rows “SELECT 1.5 AS \"caf\xef\xbf\xbd\"”");
  close_rows (rows);
  leash_tx_unref (tx);
  give_back (conn);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD_SQL ("/sql/stmt/runs-again", test_runs_again);
  ADD_SQL ("/sql/stmt/binds-by-name", test_binds_by_name);
  ADD_SQL ("/sql/stmt/what-cannot-be-bound", test_what_cannot_be_bound);
  ADD_SQL ("/sql/stmt/each-type-comes-back", test_each_type_comes_back);
  ADD_SQL ("/sql/stmt/huge-blob", test_huge_blob);
  ADD_SQL ("/sql/stmt/one-run-at-a-time", test_one_run_at_a_time);
  ADD_SQL ("/sql/stmt/leak-is-named-without-values", test_leak_is_named);
  ADD_SQL ("/sql/stmt/closed-before-its-rows", test_closed_before_its_rows);
  ADD_SQL ("/sql/stmt/long-text-is-shortened", test_long_text_is_shortened);
  ADD_SQL ("/sql/stmt/text-that-is-not-utf8", test_text_that_is_not_utf8);
  return g_test_run ();
}
