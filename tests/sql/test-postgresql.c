/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Databases of PostgreSQL as programs see them: what is the same as on SQLite, and what a server can do to a
 * pool. */
#include "sql-fixture.h"

#include "../under-sanitizer.h"
#include "postgresql-fixture.h"
#include "sweep-tests.h"

typedef struct
{
  Sql sql;
  char *uri;
} Pg;

/* No connection is used again without a look at it. */
static const LeashDbOptions options = { .size = sizeof options, .check_after = 1 };

static void
pg_set_up (Pg *pg, gconstpointer unused)
{
  pg->uri = postgresql_uri (NULL, NULL, NULL);
  sql_set_up_empty (&pg->sql, pg->uri, &options);
}

static void
pg_tear_down (Pg *pg, gconstpointer unused)
{
  sql_tear_down (&pg->sql, NULL);
  g_free (pg->uri);
}

/* What a call came to: what is the same for all engines. */
static void
note_error (GString *notes, GError *error)
{
  g_string_append_printf (notes, "%s %d; ", error != NULL ? g_quark_to_string (error->domain) : "fine",
                          error != NULL ? error->code : 0);
  g_clear_error (&error);
}

static void
note_exec (GString *notes, LeashDb *db, LeashContext *ctx, const char *sql, const LeashSqlValue *values,
           gsize n_values)
{
  LeashSqlResult result = { 0 };
  GError *error = NULL;

  leash_db_exec (db, ctx, sql, values, n_values, &result, &error);
  g_string_append_printf (notes, "%" G_GINT64_FORMAT " ", result.rows_affected);
  note_error (notes, error);
}

static void
note_value (GString *notes, LeashRows *rows, guint column)
{
  LeashSqlValue value = leash_sql_null ();

  leash_rows_get_value (rows, column, &value, NULL);
  g_string_append_printf (notes, "%s %s ", leash_rows_get_column_name (rows, column),
                          leash_sql_type_get_name (value.type));
  if (value.type == LEASH_SQL_INT64)
    g_string_append_printf (notes, "%" G_GINT64_FORMAT " ", value.as.int64);
  else if (value.type == LEASH_SQL_DOUBLE)
    g_string_append_printf (notes, "%.17g ", value.as.number);
  else if (value.type == LEASH_SQL_TEXT)
    g_string_append_printf (notes, "%s ", value.as.text);
  else if (value.type == LEASH_SQL_BYTES)
    for (gsize i = 0; i < value.length; i++)
      g_string_append_printf (notes, "%02x ", value.as.bytes[i]);
}

static void
note_query (GString *notes, LeashDb *db, LeashContext *ctx, const char *sql, const LeashSqlValue *values,
            gsize n_values)
{
  GError *error = NULL;
  LeashRows *rows = leash_db_query (db, ctx, sql, values, n_values, &error);

  while (rows != NULL && leash_rows_next (rows, ctx))
    for (guint i = 0; i < leash_rows_count_columns (rows); i++)
      note_value (notes, rows, i);
  if (rows != NULL)
    leash_rows_check (rows, &error);
  leash_rows_unref (rows);
  note_error (notes, error);
}

static void
note_number (GString *notes, LeashDb *db, LeashContext *ctx, const char *sql)
{
  gint64 number = 0;
  GError *error = NULL;

  leash_db_query_row (db, ctx, sql, LEASH_SQL_NO_ARGS, &error, LEASH_SQL_INT64, &number, LEASH_SQL_END);
  g_string_append_printf (notes, "%" G_GINT64_FORMAT " ", number);
  note_error (notes, error);
}

static void
note_statements (GString *notes, LeashDb *db, LeashContext *ctx)
{
  static const char insert[] = "INSERT INTO things VALUES ($1, $2, $3, $4)";
  static const char bytes[] = { 0, 1, '\\', (char) 0xff };

  note_exec (notes, db, ctx,
             "CREATE TABLE things (id int PRIMARY KEY, name text, size float8, content bytea)",
             LEASH_SQL_NO_ARGS);
  note_exec (notes, db, ctx, insert,
             LEASH_SQL_ARGS (leash_sql_int64 (1), leash_sql_text ("né"), leash_sql_double (0.1),
                             leash_sql_bytes (bytes, sizeof bytes)));
  note_exec (notes, db, ctx, insert,
             LEASH_SQL_ARGS (leash_sql_int64 (2), leash_sql_null (), leash_sql_null (), leash_sql_null ()));
  note_exec (notes, db, ctx, insert,
             LEASH_SQL_ARGS (leash_sql_int64 (2), leash_sql_null (), leash_sql_null (), leash_sql_null ()));
  note_exec (notes, db, ctx, insert, LEASH_SQL_ARGS (leash_sql_int64 (3)));
  note_exec (notes, db, ctx, insert, LEASH_SQL_NO_ARGS);
  note_exec (notes, db, ctx, "UPDATE things SET size = 2 WHERE id > $1",
             LEASH_SQL_ARGS (leash_sql_int64 (0)));
  note_exec (notes, db, ctx, "UPDATE things SET none = 2", LEASH_SQL_NO_ARGS);
  note_exec (notes, db, ctx, "UPDAT things", LEASH_SQL_NO_ARGS);
  note_exec (notes, db, ctx, "SELECT 1; SELECT 2", LEASH_SQL_NO_ARGS);
  note_exec (notes, db, ctx, "", LEASH_SQL_NO_ARGS);
  note_exec (notes, db, ctx, "DELETE FROM things WHERE name = $1", LEASH_SQL_ARGS (leash_sql_text ("\xff")));
  note_query (notes, db, ctx, "SELECT * FROM things ORDER BY id", LEASH_SQL_NO_ARGS);
  note_query (notes, db, ctx, "SELECT name FROM things WHERE id = $1", LEASH_SQL_ARGS (leash_sql_int64 (9)));
  note_query (notes, db, ctx, "INSERT INTO things VALUES (7, 'x', 1, NULL) RETURNING id", LEASH_SQL_NO_ARGS);
  note_number (notes, db, ctx, "SELECT count(*) FROM things");
  note_number (notes, db, ctx, "SELECT id FROM things WHERE id = 9");
  note_number (notes, db, ctx, "SELECT name FROM things WHERE id = 1");
  note_number (notes, db, ctx, "SELECT name FROM things WHERE id = 2");
}

static void
note_transactions (GString *notes, LeashDb *db, LeashContext *ctx)
{
  g_autoptr (LeashTx) tx = leash_db_begin (db, ctx, NULL, NULL), savepoint = NULL;
  g_autoptr (LeashRows) rows = NULL;
  GError *error = NULL;

  leash_tx_exec (tx, ctx, "INSERT INTO things (id) VALUES (10)", LEASH_SQL_NO_ARGS, NULL, &error);
  note_error (notes, g_steal_pointer (&error));
  savepoint = leash_tx_begin (tx, ctx, &error);
  leash_tx_exec (savepoint, ctx, "INSERT INTO things (id) VALUES (10)", LEASH_SQL_NO_ARGS, NULL, &error);
  note_error (notes, g_steal_pointer (&error));
  leash_tx_commit (tx, ctx, &error);
  note_error (notes, g_steal_pointer (&error));
  leash_tx_rollback (savepoint, &error);
  note_error (notes, g_steal_pointer (&error));
  rows = leash_tx_query (tx, ctx, "SELECT id FROM things ORDER BY id", LEASH_SQL_NO_ARGS, &error);
  g_string_append_printf (notes, "%d ", leash_rows_next (rows, ctx));
  leash_tx_commit (tx, ctx, &error);
  note_error (notes, g_steal_pointer (&error));
  leash_rows_close (rows, &error);
  note_error (notes, g_steal_pointer (&error));
  leash_tx_commit (tx, ctx, &error);
  note_error (notes, g_steal_pointer (&error));
  note_number (notes, db, ctx, "SELECT count(*) FROM things WHERE id = 10");
}

static gboolean
give_row (LeashSqlValue *ret_values, gsize n_values, gpointer user_data, GError **error)
{
  gint64 *next = user_data;

  ret_values[0] = leash_sql_int64 (*next);
  ret_values[1] = leash_sql_text ("bulk");
  return (*next)++ < 2000;
}

static void
note_bulk (GString *notes, LeashDb *db, LeashContext *ctx)
{
  static const char *const columns[] = { "id", "name", NULL };
  LeashDbConn *conn = check_out (db, ctx);
  gint64 next = 1000, n = 0;
  GError *error = NULL;

  leash_db_conn_bulk_insert (conn, ctx, "things", columns, give_row, &next, &n, &error);
  note_error (notes, g_steal_pointer (&error));
  next = 1500;
  leash_db_conn_bulk_insert (conn, ctx, "things", columns, give_row, &next, NULL, &error);
  note_error (notes, error);
  g_string_append_printf (notes, "%" G_GINT64_FORMAT " ", n);
  give_back (conn);
  note_number (notes, db, ctx, "SELECT count(*) FROM things WHERE name = 'bulk'");
}

static char *
note_all (LeashDb *db, LeashContext *ctx)
{
  GString *notes = g_string_new (NULL);

  note_statements (notes, db, ctx);
  note_transactions (notes, db, ctx);
  note_bulk (notes, db, ctx);
  return g_string_free (notes, FALSE);
}

static void
test_same_as_on_sqlite (Pg *pg, gconstpointer unused)
{
  LeashContext *ctx = pg->sql.ctx;
  g_autoptr (LeashDb) sqlite = open_db (ctx, "sqlite::memory:", NULL);
  g_autofree char *on_sqlite = note_all (sqlite, ctx);
  g_autofree char *on_postgresql = note_all (pg->sql.db, ctx);

  g_assert_cmpstr (on_postgresql, ==, on_sqlite);
  g_assert_nonnull (strstr (on_sqlite, "content bytes 00 01 5c ff "));
  run_sql (pg->sql.db, ctx, "DROP TABLE things");
  pg->sql.base.n_misuses = leash_tracker_count_misuses (pg->sql.base.tracker);
}

static void
test_stale_connection_is_replaced (Pg *pg, gconstpointer unused)
{
  LeashClientStats stats;

  run_sql (pg->sql.db, pg->sql.ctx, "SELECT 1");
  postgresql_kill ();
  postgresql_start_again ();
  g_assert_cmpint (get_number (pg->sql.db, pg->sql.ctx, "SELECT 7"), ==, 7);
  leash_db_get_stats (pg->sql.db, &stats);
  g_assert_cmpuint (stats.n_dials, ==, 2);
  g_assert_cmpuint (stats.n_health_failures + stats.n_stale, ==, 1);
}

static void
test_server_dies_in_a_transaction (Pg *pg, gconstpointer unused)
{
  LeashTx *tx;
  g_autoptr (GError) error = NULL;

  run_sql (pg->sql.db, pg->sql.ctx, "CREATE TABLE alive (a int)");
  run_sql (pg->sql.db, pg->sql.ctx, "INSERT INTO alive VALUES (7)");
  tx = leash_db_begin (pg->sql.db, pg->sql.ctx, NULL, NULL);
  MUST (leash_tx_exec, tx, pg->sql.ctx, "INSERT INTO alive VALUES (1)", LEASH_SQL_NO_ARGS, NULL);
  postgresql_kill ();
  g_assert_false (leash_tx_commit (tx, pg->sql.ctx, &error));
  assert_sql_error (error, LEASH_SQL_ERROR_CONNECTION, "Committing");
  leash_tx_unref (tx);
  g_assert_false (leash_db_exec (pg->sql.db, pg->sql.ctx, "SELECT 1", LEASH_SQL_NO_ARGS, NULL, &error));
  assert_sql_error (error, LEASH_SQL_ERROR_CONNECTION, "Executing");
  postgresql_start_again ();
  g_assert_cmpint (get_number (pg->sql.db, pg->sql.ctx, "SELECT sum(a) FROM alive"), ==, 7);
  run_sql (pg->sql.db, pg->sql.ctx, "DROP TABLE alive");
}

static void
test_connection_is_used_on_behind_a_deadline (Pg *pg, gconstpointer unused)
{
  g_autoptr (LeashContext) brief = leash_context_with_timeout (pg->sql.ctx, 10000);
  g_autoptr (GError) error = NULL;
  LeashClientStats stats;

  g_assert_false (leash_db_exec (pg->sql.db, brief, "SELECT pg_sleep(100)", LEASH_SQL_NO_ARGS, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
  g_assert_cmpint (get_number (pg->sql.db, pg->sql.ctx, "SELECT 7"), ==, 7);
  leash_db_get_stats (pg->sql.db, &stats);
  g_assert_cmpuint (stats.n_dials, ==, 1);
}

static void
test_returned_connection_is_as_new (Pg *pg, gconstpointer unused)
{
  static const char get[] = "SELECT setting::int FROM pg_settings WHERE name = 'statement_timeout'";
  LeashDbConn *conn = check_out (pg->sql.db, pg->sql.ctx);

  MUST (leash_db_conn_exec, conn, pg->sql.ctx, "SET statement_timeout = 7777", LEASH_SQL_NO_ARGS, NULL);
  give_back (conn);
  g_assert_cmpint (get_number (pg->sql.db, pg->sql.ctx, get), ==, 0);
}

static G_NO_INLINE LeashRows *
leave_rows (Pg *pg)
{
  LeashRows *rows = leash_db_query (pg->sql.db, pg->sql.ctx, "SELECT generate_series(1, 100000)",
                                    LEASH_SQL_NO_ARGS, NULL);

  g_assert_true (leash_rows_next (rows, pg->sql.ctx));
  return rows;
}

static void
test_leaked_rows_are_named (Pg *pg, gconstpointer unused)
{
  LeashRows *rows = leave_rows (pg);
  g_autofree char *report = leash_tracker_report (pg->sql.base.tracker, LEASH_FORMAT_TEXT);

  if (leash_has_tracking ())
    {
      g_assert_nonnull (strstr (report, "rows \"SELECT generate_series(1, 100000)\""));
      g_assert_nonnull (strstr (report, "leave_rows"));
      g_assert_nonnull (strstr (report, "database \"postgresql://leash@/postgres?host="));
    }
  close_rows (rows);
  g_assert_cmpint (get_number (pg->sql.db, pg->sql.ctx, "SELECT 7"), ==, 7);
}

static void
test_copies (Pg *pg, gconstpointer unused)
{
  LeashContext *ctx = pg->sql.ctx;
  LeashDbConn *conn = check_out (pg->sql.db, ctx);
  LeashSqlResult result;
  LeashCopy *copy;
  const char *bytes;
  gsize length;

  MUST (leash_db_conn_exec, conn, ctx, "CREATE TEMP TABLE t (a int, b text)", LEASH_SQL_NO_ARGS, NULL);
  copy = leash_db_conn_copy_in (conn, ctx, "COPY t FROM STDIN", NULL);
  MUST (leash_copy_write, copy, ctx, "1\tone\n", 6);
  MUST (leash_copy_close, copy, ctx, &result);
  leash_copy_unref (copy);
  g_assert_cmpint (result.rows_affected, ==, 1);
  copy = leash_db_conn_copy_in (conn, ctx, "COPY t FROM STDIN", NULL);
  MUST (leash_copy_write, copy, ctx, "2\ttwo\n", 6);
  leash_copy_unref (copy);
  copy = leash_db_conn_copy_out (conn, ctx, "COPY t TO STDOUT", NULL);
  MUST (leash_copy_read, copy, ctx, &bytes, &length);
  g_assert_cmpmem (bytes, length, "1\tone\n", 6);
  MUST (leash_copy_read, copy, ctx, &bytes, &length);
  g_assert_cmpuint (length, ==, 0);
  MUST (leash_copy_close, copy, ctx, &result);
  leash_copy_unref (copy);
  give_back (conn);
}

/* Each part of it is another. */
static char *
make_blob (gsize length)
{
  char *blob = g_malloc (length);

  for (gsize i = 0; i < length; i += sizeof i)
    memcpy (blob + i, &i, sizeof i);
  return blob;
}

static void
test_huge_blob_comes_back (Pg *pg, gconstpointer unused)
{
  gsize length = (UNDER_THREAD_SANITIZER ? 4 : 64) * 1024 * 1024;
  g_autofree char *blob = make_blob (length);
  LeashSqlValue value = leash_sql_null ();
  LeashRows *rows = leash_db_query (pg->sql.db, pg->sql.ctx, "SELECT $1::bytea",
                                    LEASH_SQL_ARGS (leash_sql_bytes (blob, length)), NULL);

  g_assert_true (leash_rows_next (rows, pg->sql.ctx));
  MUST (leash_rows_get_value, rows, 0, &value);
  g_assert_cmpint (value.type, ==, LEASH_SQL_BYTES);
  g_assert_cmpuint (value.length, ==, length);
  g_assert_true (memcmp (value.as.bytes, blob, length) == 0);
  close_rows (rows);
}

static void
test_opening_fails_without_the_password (Pg *pg, gconstpointer unused)
{
  g_autofree char *uri = postgresql_uri ("none", "leash:secret", NULL);
  g_autoptr (GError) error = NULL;

  g_assert_null (leash_db_open (pg->sql.ctx, uri, NULL, &error));
  g_assert_null (strstr (error->message, "secret"));
  assert_sql_error (error, LEASH_SQL_ERROR_CONNECTION, "database \"none\" does not exist");
}

#undef ADD
#define ADD(path, func) g_test_add ("/sql/postgresql/" path, Pg, NULL, pg_set_up, func, pg_tear_down)

/* The sweep: each call of a copy fails once, and then nothing of it is there, and nothing left open. */
typedef struct
{
  const char *uri;
  LeashDb *db;     /* that nothing fails on */
  GString *failed; /* the calls, as the errors have them */
  guint n_done;
} CopyWork;

static gboolean
copy_there (LeashDbConn *conn, LeashContext *ctx, GError **error)
{
  g_autoptr (LeashCopy) copy = leash_db_conn_copy_in (conn, ctx, "COPY swept FROM STDIN", error);

  return copy != NULL && leash_copy_write (copy, ctx, "1\n", 2, error)
         && leash_copy_write (copy, ctx, "2\n", 2, error) && leash_copy_close (copy, ctx, NULL, error);
}

static gboolean
copy_back (LeashDbConn *conn, LeashContext *ctx, GError **error)
{
  g_autoptr (LeashCopy) copy = leash_db_conn_copy_out (conn, ctx, "COPY swept TO STDOUT", error);
  const char *bytes = NULL;
  gsize length = 0;

  do
    if (copy == NULL || !leash_copy_read (copy, ctx, &bytes, &length, error))
      return FALSE;
  while (length > 0);
  return leash_copy_close (copy, ctx, NULL, error);
}

static void
copy_both_ways (LeashContext *ctx, gpointer user_data)
{
  CopyWork *work = user_data;
  GError *error = NULL;
  g_autoptr (LeashDb) db = leash_db_open (ctx, work->uri, NULL, &error);
  g_autoptr (LeashDbConn) conn = db != NULL ? leash_db_checkout (db, ctx, &error) : NULL;
  gboolean is_there;
  const char *call;

  run_sql (work->db, leash_context_background (), "TRUNCATE swept");
  is_there = conn != NULL && copy_there (conn, ctx, &error);
  g_assert_cmpint (get_number (work->db, leash_context_background (), "SELECT count(*) FROM swept"), ==,
                   is_there ? 2 : 0);
  if (is_there && copy_back (conn, ctx, &error))
    {
      work->n_done++;
      return;
    }
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_FAILED);
  call = strstr (strstr (error->message, "(injected by the sweep at call "), ", ") + 2;
  g_string_append_printf (work->failed, "%.*s\n", (int) strcspn (call, " "), call);
  g_error_free (error);
}

static void
test_each_call_of_a_copy_fails (Pg *pg, gconstpointer unused)
{
  g_autoptr (GError) error = NULL;
  CopyWork work = { .uri = pg->uri, .db = pg->sql.db };

  if (!leash_has_tracking ())
    {
      g_test_skip ("built without tracking");
      return;
    }
  work.failed = g_string_new (NULL);
  run_sql (pg->sql.db, pg->sql.ctx, "CREATE TABLE swept (a int)");
  if (!leash_test_sweep_check (&(LeashSweep){ .func = copy_both_ways, .data = &work }, &error))
    g_error ("%s\n%s", error->message, leash_error_get_report (error));
  g_assert_cmpuint (work.n_done, ==, 1);
  g_assert_cmpstr (work.failed->str, ==, "connect\ncopy\nwrite\nwrite\nend\ncopy\nread\nread\nread\nend\n");
  g_string_free (work.failed, TRUE);
  run_sql (pg->sql.db, pg->sql.ctx, "DROP TABLE swept");
}

static void
test_each_call_of_transactions_fails (Pg *pg, gconstpointer unused)
{
  sweep_transactions (pg->uri);
}

int
main (int argc, char **argv)
{
  if (postgresql_start_or_skip () == NULL)
    return 0;
  g_test_init (&argc, &argv, NULL);
  /* Its descriptor would be taken for left open by the test that is the first to need it. */
  g_main_context_default ();
  ADD ("same-as-on-sqlite", test_same_as_on_sqlite);
  ADD ("stale-connection-is-replaced", test_stale_connection_is_replaced);
  ADD ("server-dies-in-a-transaction", test_server_dies_in_a_transaction);
  ADD ("connection-is-used-on-behind-a-deadline", test_connection_is_used_on_behind_a_deadline);
  ADD ("returned-connection-is-as-new", test_returned_connection_is_as_new);
  ADD ("leaked-rows-are-named", test_leaked_rows_are_named);
  ADD ("copies", test_copies);
  ADD ("huge-blob-comes-back", test_huge_blob_comes_back);
  ADD ("each-call-of-a-copy-fails", test_each_call_of_a_copy_fails);
  ADD ("each-call-of-transactions-fails", test_each_call_of_transactions_fails);
  ADD ("opening-fails-without-the-password", test_opening_fails_without_the_password);
  return g_test_run ();
}
