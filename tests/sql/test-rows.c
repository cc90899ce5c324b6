/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What rows give, and what becomes of those that are not read to their end, not closed, or not checked. */
#include "sql-fixture.h"

#include "../under-sanitizer.h"

#include <sqlite3.h>

static void
test_reads_each_type (Sql *sql, gconstpointer unused)
{
  LeashDbConn *conn = check_out (sql->db, sql->ctx);
  LeashRows *rows = query (conn, sql->ctx, "SELECT 7, 0.5, 'naïve', x'010002', NULL, '', x''");
  g_autoptr (GError) error = NULL;
  const guint8 *bytes;
  const char *text;
  gsize length;
  gint64 number;
  double real;
  int small;
  LeashSqlValue value;

  g_assert_cmpuint (leash_rows_count_columns (rows), ==, 7);
  g_assert_true (leash_rows_next (rows, sql->ctx));
  g_assert_true (leash_rows_get_int64 (rows, 0, &number, NULL));
  g_assert_cmpint (number, ==, 7);
  g_assert_true (leash_rows_get_int (rows, 0, &small, NULL));
  g_assert_cmpint (small, ==, 7);
  g_assert_true (leash_rows_get_double (rows, 0, &real, NULL));
  g_assert_cmpfloat (real, ==, 7);
  g_assert_true (leash_rows_get_double (rows, 1, &real, NULL));
  g_assert_cmpfloat (real, ==, 0.5);
  g_assert_true (leash_rows_get_text (rows, 2, &text, NULL));
  g_assert_cmpstr (text, ==, "naïve");
  g_assert_true (leash_rows_get_bytes (rows, 3, &bytes, &length, NULL));
  g_assert_cmpmem (bytes, length, "\1\0\2", 3);
  g_assert_true (leash_rows_get_value (rows, 4, &value, NULL));
  g_assert_cmpint (value.type, ==, LEASH_SQL_NULL);
  g_assert_true (leash_rows_get_text (rows, 4, &text, NULL));
  g_assert_null (text);
  g_assert_true (leash_rows_get_bytes (rows, 4, &bytes, &length, NULL));
  g_assert_null (bytes);
  g_assert_true (leash_rows_get_text (rows, 5, &text, NULL));
  g_assert_cmpstr (text, ==, "");
  g_assert_true (leash_rows_get_bytes (rows, 6, &bytes, &length, NULL));
  g_assert_nonnull (bytes);
  g_assert_cmpuint (length, ==, 0);
  g_assert_false (leash_rows_next (rows, sql->ctx));
  g_assert_true (leash_rows_check (rows, &error));
  leash_rows_unref (rows);
  give_back (conn);
}

static void
test_wrong_types_are_errors (Sql *sql, gconstpointer unused)
{
  LeashDbConn *conn = check_out (sql->db, sql->ctx);
  LeashRows *rows
      = query (conn, sql->ctx,
               "SELECT 'x' AS name, 0.5, 4294967296, 9007199254740993, NULL, CAST (x'ff' AS TEXT), 1e300, "
               "CAST (x'610062' AS TEXT), -9223372036854775808.0, 9223372036854775807");
  g_autoptr (GError) error = NULL;
  const guint8 *bytes;
  const char *text;
  gsize length;
  gint64 number;
  double real;
  int small;

  g_assert_true (leash_rows_next (rows, sql->ctx));
  g_assert_false (leash_rows_get_int64 (rows, 0, &number, &error));
  assert_sql_error (error, LEASH_SQL_ERROR_TYPE, "SELECT", "column 0, “name”, is text, not an integer");
  g_assert_false (leash_rows_get_int64 (rows, 1, &number, &error));
  assert_sql_error (error, LEASH_SQL_ERROR_RANGE, "no whole number");
  g_assert_false (leash_rows_get_int64 (rows, 6, &number, &error));
  assert_sql_error (error, LEASH_SQL_ERROR_RANGE, "no whole number");
  g_assert_false (leash_rows_get_int (rows, 2, &small, &error));
  assert_sql_error (error, LEASH_SQL_ERROR_RANGE, "does not fit into an int");
  g_assert_false (leash_rows_get_double (rows, 3, &real, &error));
  assert_sql_error (error, LEASH_SQL_ERROR_RANGE, "round");
  g_assert_false (leash_rows_get_double (rows, 9, &real, &error));
  assert_sql_error (error, LEASH_SQL_ERROR_RANGE, "round");
  g_assert_false (leash_rows_get_int64 (rows, 4, &number, &error));
  assert_sql_error (error, LEASH_SQL_ERROR_TYPE, "is NULL, not an integer");
  g_assert_false (leash_rows_get_text (rows, 2, &text, &error));
  assert_sql_error (error, LEASH_SQL_ERROR_TYPE, "is an integer, not text");
  g_assert_false (leash_rows_get_text (rows, 5, &text, &error));
  assert_sql_error (error, LEASH_SQL_ERROR_TYPE, "not UTF-8");
  g_assert_true (leash_rows_get_bytes (rows, 5, &bytes, &length, NULL));
  g_assert_cmpmem (bytes, length, "\xff", 1);
  g_assert_false (leash_rows_get_text (rows, 7, &text, &error));
  assert_sql_error (error, LEASH_SQL_ERROR_TYPE, "a 0 in it");
  g_assert_true (leash_rows_get_int64 (rows, 8, &number, NULL));
  g_assert_cmpint (number, ==, G_MININT64);
  g_assert_false (leash_rows_get_bytes (rows, 2, &bytes, &length, &error));
  assert_sql_error (error, LEASH_SQL_ERROR_TYPE, "is an integer, not bytes");
  g_assert_false (leash_rows_get_int64 (rows, 10, &number, &error));
  assert_sql_error (error, LEASH_SQL_ERROR_RANGE, "no column 10, but 10 of them");
  close_rows (rows);
  give_back (conn);
}

static void
test_columns_need_a_row (Sql *sql, gconstpointer unused)
{
  LeashDbConn *conn = check_out (sql->db, sql->ctx);
  LeashRows *rows = query (conn, sql->ctx, "SELECT id AS one, name AS two FROM users");
  g_autoptr (GError) error = NULL;
  gint64 number;

  g_assert_cmpstr (leash_rows_get_column_name (rows, 0), ==, "one");
  g_assert_null (leash_rows_get_column_name (rows, 2));
  g_assert_cmpint (leash_rows_find_column (rows, "two"), ==, 1);
  g_assert_cmpint (leash_rows_find_column (rows, "three"), ==, -1);
  g_assert_false (leash_rows_get_int64 (rows, 0, &number, &error));
  assert_sql_error (error, LEASH_SQL_ERROR_NO_ROW, "leash_rows_next() comes first");
  g_assert_false (leash_rows_scan (rows, &error, LEASH_SQL_INT64, &number, LEASH_SQL_END));
  assert_sql_error (error, LEASH_SQL_ERROR_NO_ROW, "leash_rows_next() comes first");
  close_rows (rows);
  give_back (conn);
}

static void
test_scan (Sql *sql, gconstpointer unused)
{
  LeashDbConn *conn = check_out (sql->db, sql->ctx);
  LeashRows *rows = query (conn, sql->ctx, "SELECT 7, 0.5, 'text', x'01', NULL");
  g_autoptr (GBytes) bytes = NULL;
  g_autofree char *text = NULL;
  g_autoptr (GError) error = NULL;
  gint64 number;
  double real;

  g_assert_true (leash_rows_next (rows, sql->ctx));
  g_assert_true (leash_rows_scan (rows, &error, LEASH_SQL_INT64, &number, LEASH_SQL_DOUBLE, &real,
                                  LEASH_SQL_TEXT, &text, LEASH_SQL_BYTES, &bytes, LEASH_SQL_NULL,
                                  LEASH_SQL_END));
  g_assert_cmpint (number, ==, 7);
  g_assert_cmpfloat (real, ==, 0.5);
  g_assert_cmpstr (text, ==, "text");
  g_assert_cmpuint (g_bytes_get_size (bytes), ==, 1);
  g_assert_false (leash_rows_scan (rows, &error, LEASH_SQL_NULL, LEASH_SQL_END));
  assert_sql_error (error, LEASH_SQL_ERROR_TYPE, "is an integer, not NULL");
  close_rows (rows);
  rows = query (conn, sql->ctx, "SELECT 7");
  g_assert_true (leash_rows_next (rows, sql->ctx));
  g_assert_false (
      leash_rows_scan (rows, &error, LEASH_SQL_INT64, &number, LEASH_SQL_INT64, &number, LEASH_SQL_END));
  assert_sql_error (error, LEASH_SQL_ERROR_RANGE, "a row has 1 columns");
  close_rows (rows);
  give_back (conn);
}

static void
test_query_row (Sql *sql, gconstpointer unused)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *name = NULL;
  gint64 number = 0;

  g_assert_true (leash_db_query_row (sql->db, sql->ctx, "SELECT name FROM users WHERE id = ?",
                                     LEASH_SQL_ARGS (leash_sql_int64 (1)), &error, LEASH_SQL_TEXT, &name,
                                     LEASH_SQL_END));
  g_assert_cmpstr (name, ==, "ada");
  g_assert_false (leash_db_query_row (sql->db, sql->ctx, "SELECT id FROM users WHERE id = 99",
                                      LEASH_SQL_NO_ARGS, &error, LEASH_SQL_INT64, &number, LEASH_SQL_END));
  assert_sql_error (error, LEASH_SQL_ERROR_NO_ROW, "SELECT id FROM users", "there is no row");
  g_assert_false (leash_db_query_row (sql->db, sql->ctx, "SELECT age FROM users WHERE id = 2",
                                      LEASH_SQL_NO_ARGS, &error, LEASH_SQL_INT64, &number, LEASH_SQL_END));
  assert_sql_error (error, LEASH_SQL_ERROR_TYPE, "“age”", "is NULL");
}

static void
test_read_to_the_end_are_off_the_leash (Sql *sql, gconstpointer unused)
{
  LeashDbConn *conn = check_out (sql->db, sql->ctx);
  LeashRows *rows = query (conn, sql->ctx, "SELECT id FROM users");
  guint n = 0;

  if (leash_has_tracking ())
    g_assert_cmpuint (leash_tracker_count_kind (sql->base.tracker, "rows"), ==, 1);
  while (leash_rows_next (rows, sql->ctx))
    n++;
  g_assert_cmpuint (n, ==, 2);
  g_assert_cmpuint (leash_tracker_count_kind (sql->base.tracker, "rows"), ==, 0);
  g_assert_true (leash_rows_check (rows, NULL));
  /* It can be asked again, and closing is nothing more. */
  g_assert_false (leash_rows_next (rows, sql->ctx));
  MUST (leash_rows_close, rows);
  leash_rows_unref (rows);
  give_back (conn);
}

static G_NO_INLINE void
leave_half_read (LeashDbConn *conn, LeashContext *ctx, LeashRows **ret_rows)
{
  *ret_rows = query (conn, ctx, "SELECT id FROM users\n  WHERE id > 0");
  g_assert_true (leash_rows_next (*ret_rows, ctx));
}

/* The tree: rows below their connection, with the statement's text, in one line. */
static void
test_half_read_are_reported (Sql *sql, gconstpointer unused)
{
  LeashDbConn *conn = check_out (sql->db, sql->ctx);
  g_autofree char *report = NULL;
  LeashRows *rows;

  leave_half_read (conn, sql->ctx, &rows);
  report = leash_tracker_report (sql->base.tracker, LEASH_FORMAT_TEXT);
  if (leash_has_tracking ())
    {
      g_assert_nonnull (strstr (report, "rows \"SELECT id FROM users WHERE id > 0\""));
      g_assert_nonnull (strstr (report, "leave_half_read"));
      g_assert_nonnull (strstr (report, "database connection"));
      g_assert_null (strstr (report, "leash_db_conn_query"));
    }
  close_rows (rows);
  give_back (conn);
}

static void
test_closed_twice (Sql *sql, gconstpointer unused)
{
  LeashDbConn *conn = check_out (sql->db, sql->ctx);
  LeashRows *rows = query (conn, sql->ctx, "SELECT id FROM users");
  g_autoptr (GError) error = NULL;
  gint64 number;

  MUST (leash_rows_close, rows);
  g_assert_false (leash_rows_close (rows, &error));
  assert_io_error (error, G_IO_ERROR_CLOSED, "Closing the rows of “SELECT id FROM users”",
                   "the rows are closed");
  assert_misuse (sql, LEASH_MISUSE_USE_AFTER_CLOSE, "rows", "closed twice");
  g_assert_false (leash_rows_next (rows, sql->ctx));
  assert_misuse (sql, LEASH_MISUSE_USE_AFTER_CLOSE, "rows", "read after close");
  g_assert_false (leash_rows_check (rows, &error));
  assert_io_error (error, G_IO_ERROR_CLOSED, "Reading rows of", "the rows are closed");
  g_assert_false (leash_rows_get_int64 (rows, 0, &number, &error));
  assert_io_error (error, G_IO_ERROR_CLOSED, "Reading a column of", "the rows are closed");
  assert_misuse (sql, LEASH_MISUSE_USE_AFTER_CLOSE, "rows", "column read after close");
  leash_rows_unref (rows);
  give_back (conn);
}

static void
test_unchecked_end_is_reported (Sql *sql, gconstpointer unused)
{
  LeashDbConn *conn = check_out (sql->db, sql->ctx);
  LeashRows *rows = query (conn, sql->ctx, "SELECT id FROM users");

  while (leash_rows_next (rows, sql->ctx))
    continue;
  leash_rows_unref (rows);
  assert_misuse (sql, LEASH_MISUSE_USE_AFTER_CLOSE, "rows",
                 "read to the end, and never checked whether an error was there");
  give_back (conn);
}

/* abs() of the least integer fails in SQLite, at the second row here. */
#define FAILS_LATER "SELECT abs (column1) FROM (VALUES (1), (-9223372036854775808))"

static void
test_unchecked_error_is_reported (Sql *sql, gconstpointer unused)
{
  LeashDbConn *conn = check_out (sql->db, sql->ctx);
  LeashRows *rows = query (conn, sql->ctx, FAILS_LATER);

  while (leash_rows_next (rows, sql->ctx))
    continue;
  /* Who has no place for the error has not looked. */
  g_assert_false (leash_rows_close (rows, NULL));
  leash_rows_unref (rows);
  assert_misuse (sql, LEASH_MISUSE_USE_AFTER_CLOSE, "rows", NULL);
  give_back (conn);
}

/* Neither asked for nor given back: there is no misuse yet, and no rows are open. */
static void
test_forgotten_error_is_open (Sql *sql, gconstpointer unused)
{
  LeashDbConn *conn = check_out (sql->db, sql->ctx);
  LeashRows *rows = query (conn, sql->ctx, FAILS_LATER);
  g_autoptr (GError) error = NULL;

  while (leash_rows_next (rows, sql->ctx))
    continue;
  if (leash_has_tracking ())
    {
      g_autofree char *report = leash_tracker_report (sql->base.tracker, LEASH_FORMAT_TEXT);

      g_assert_nonnull (strstr (report, "unchecked error of rows \"SELECT abs (column1)"));
      g_assert_nonnull (strstr (report, "test_forgotten_error_is_open"));
      g_assert_cmpuint (leash_tracker_count_kind (sql->base.tracker, "rows"), ==, 0);
    }
  g_assert_false (leash_rows_check (rows, &error));
  g_assert_cmpuint (leash_tracker_count_kind (sql->base.tracker, "unchecked error of rows"), ==, 0);
  leash_rows_unref (rows);
  give_back (conn);
}

static void
test_error_is_told (Sql *sql, gconstpointer unused)
{
  LeashDbConn *conn = check_out (sql->db, sql->ctx);
  LeashRows *rows = query (conn, sql->ctx, FAILS_LATER);
  g_autoptr (GError) error = NULL;
  guint n = 0;

  while (leash_rows_next (rows, sql->ctx))
    n++;
  g_assert_cmpuint (n, ==, 1);
  g_assert_false (leash_rows_check (rows, &error));
  assert_sql_error (error, LEASH_SQL_ERROR_FAILED, "Reading rows of", "integer overflow");
  g_assert_false (leash_rows_close (rows, &error));
  assert_sql_error (error, LEASH_SQL_ERROR_FAILED, "integer overflow");
  leash_rows_unref (rows);
  give_back (conn);
}

static void
test_context_ends_them (Sql *sql, gconstpointer unused)
{
  LeashDbConn *conn = check_out (sql->db, sql->ctx);
  LeashRows *rows = query (conn, sql->ctx, "SELECT id FROM users");
  g_autoptr (GError) error = NULL;

  g_assert_true (leash_rows_next (rows, sql->ctx));
  g_assert_false (leash_rows_next (rows, sql->base.done));
  g_assert_false (leash_rows_check (rows, &error));
  assert_io_error (error, G_IO_ERROR_CANCELLED, "Reading rows of “SELECT id FROM users”");
  leash_rows_unref (rows);
  give_back (conn);
}

static void
test_of_the_database_return_the_connection (Sql *sql, gconstpointer unused)
{
  g_autoptr (GError) error = NULL;
  LeashRows *rows = leash_db_query (sql->db, sql->ctx, "SELECT id FROM users", LEASH_SQL_NO_ARGS, &error);
  LeashClientStats stats;

  g_assert_no_error (error);
  leash_db_get_stats (sql->db, &stats);
  g_assert_cmpuint (stats.n_in_use, ==, 1);
  while (leash_rows_next (rows, sql->ctx))
    continue;
  leash_db_get_stats (sql->db, &stats);
  g_assert_cmpuint (stats.n_in_use, ==, 0);
  g_assert_true (leash_rows_check (rows, &error));
  leash_rows_unref (rows);
  rows = leash_db_query (sql->db, sql->ctx, "SELECT id FROM users", LEASH_SQL_NO_ARGS, &error);
  leash_rows_unref (rows);
  leash_db_get_stats (sql->db, &stats);
  g_assert_cmpuint (stats.n_in_use, ==, 0);
  g_assert_cmpuint (stats.n_open, ==, 1);
}

/* Of the whole process, in bytes. */
static gint64
get_resident (void)
{
  FILE *file = fopen ("/proc/self/statm", "r");
  long long n_pages;

  g_assert_nonnull (file);
  g_assert_cmpint (fscanf (file, "%*s %lld", &n_pages), ==, 1);
  fclose (file);
  return n_pages * sysconf (_SC_PAGESIZE);
}

/* Ten million rows pass through in the memory of one: SQLite makes them as they are asked for. Where memory
 * is kept back so that its use after it was freed is seen, there are fewer, and SQLite is asked alone. */
static void
test_memory_is_constant (Sql *sql, gconstpointer unused)
{
  const gboolean is_watched
      = UNDER_ADDRESS_SANITIZER || UNDER_THREAD_SANITIZER || g_getenv ("UNDER_VALGRIND") != NULL;
  const gint64 wanted = is_watched ? 200000 : 10000000;
  LeashDbConn *conn = check_out (sql->db, sql->ctx);
  g_autofree char *text = g_strdup_printf (
      "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %" G_GINT64_FORMAT
      ") SELECT i, 'a row of some text' FROM n",
      wanted);
  LeashRows *rows = query (conn, sql->ctx, text);
  gint64 n = 0, used = 0, resident = 0;

  while (leash_rows_next (rows, sql->ctx))
    if (++n == 1000)
      {
        used = sqlite3_memory_used ();
        resident = get_resident ();
      }
    else if (n == wanted)
      {
        g_assert_cmpint (sqlite3_memory_used (), <, used + 65536);
        if (!is_watched)
          g_assert_cmpint (get_resident (), <, resident + 2 * 1024 * 1024);
      }
  g_assert_cmpint (n, ==, wanted);
  g_assert_true (leash_rows_check (rows, NULL));
  leash_rows_unref (rows);
  give_back (conn);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD_SQL ("/sql/rows/reads-each-type", test_reads_each_type);
  ADD_SQL ("/sql/rows/wrong-types-are-errors", test_wrong_types_are_errors);
  ADD_SQL ("/sql/rows/columns-need-a-row", test_columns_need_a_row);
  ADD_SQL ("/sql/rows/scan", test_scan);
  ADD_SQL ("/sql/rows/query-row", test_query_row);
  ADD_SQL ("/sql/rows/read-to-the-end-are-off-the-leash", test_read_to_the_end_are_off_the_leash);
  ADD_SQL ("/sql/rows/half-read-are-reported", test_half_read_are_reported);
  ADD_SQL ("/sql/rows/closed-twice", test_closed_twice);
  ADD_SQL ("/sql/rows/unchecked-end-is-reported", test_unchecked_end_is_reported);
  ADD_SQL ("/sql/rows/unchecked-error-is-reported", test_unchecked_error_is_reported);
  ADD_SQL ("/sql/rows/forgotten-error-is-open", test_forgotten_error_is_open);
  ADD_SQL ("/sql/rows/error-is-told", test_error_is_told);
  ADD_SQL ("/sql/rows/context-ends-them", test_context_ends_them);
  ADD_SQL ("/sql/rows/of-the-database-return-the-connection", test_of_the_database_return_the_connection);
  ADD_SQL ("/sql/rows/memory-is-constant", test_memory_is_constant);
  return g_test_run ();
}
