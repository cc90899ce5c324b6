/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The driver for PostgreSQL as what calls it sees it: values, statements, errors, transactions, copies. */
#include "postgresql-driver-fixture.h"

/* One column of a type that is read in binary has all be sent so, one that is not has all be text. */
static void
assert_reads (Fixture *fixture, const char *columns, const char *expected)
{
  g_autofree char *alone = g_strdup_printf ("SELECT %s", columns);
  g_autofree char *binary = g_strdup_printf ("SELECT %s, 0.1::float8", columns);
  g_autofree char *text = g_strdup_printf ("SELECT %s, 0.1::float8, 1.50::numeric", columns);
  g_autofree char *expected_binary = g_strconcat (expected, "|d0.10000000000000001", NULL);
  g_autofree char *expected_text = g_strconcat (expected_binary, "|t1.50", NULL);

  assert_query (alone, expected);
  assert_query (binary, expected_binary);
  assert_query (text, expected_text);
}

static void
test_reads_each_type (Fixture *fixture, gconstpointer unused)
{
  assert_reads (fixture, "1::int2, -2::int4, 9223372036854775807::int8, 4294967295::oid, true, false",
                "i1|i-2|i9223372036854775807|i4294967295|i1|i0");
  assert_reads (fixture, "(-32768)::int2, (-2147483648)::int4, (-9223372036854775808)::int8, 0::int4, 0::oid",
                "i-32768|i-2147483648|i-9223372036854775808|i0|i0");
  assert_reads (fixture, "0.1::float4, -1e300::float8, 'Infinity'::float8, 'NaN'::float8, '-0'::float8",
                "d0.10000000000000001|d-1.0000000000000001e+300|dinf|dnan|d-0");
  assert_reads (fixture, "'naïve', ''::text, 'x'::char(3), 'y'::varchar, 'a'::name, '{\"b\": 1}'::json",
                "tnaïve|t|tx  |ty|ta|t{\"b\": 1}");
  assert_reads (fixture, "'a'::\"char\", '{1,2}'::int[], '{}'::jsonb, '2020-02-29'::date",
                "ta|t{1,2}|t{}|t2020-02-29");
  assert_reads (fixture, "'\\x00ff5c27'::bytea, ''::bytea, NULL, NULL::int, NULL::bytea, NULL::float8",
                "b00ff5c27|b|NULL|NULL|NULL|NULL");
  assert_query ("SELECT 1 WHERE false", "");
  script (fixture, "SET bytea_output = escape");
  assert_reads (fixture, "'\\x00ff5c27'::bytea", "b00ff5c27");
}

static void
test_binds_each_type (Fixture *fixture, gconstpointer unused)
{
  static const char bytes[] = { 'a', 0, (char) 0xff, '\\', '0' };

  assert_echo ("int8", leash_sql_int64 (G_MININT64), "i-9223372036854775808");
  assert_echo ("text", leash_sql_int64 (7), "t7");
  assert_echo ("bool", leash_sql_int64 (1), "i1");
  assert_echo ("numeric", leash_sql_double (0.1), "t0.1");
  assert_echo ("float8", leash_sql_double (0.1 + 0.2), "d0.30000000000000004");
  assert_echo ("float8", leash_sql_double (-HUGE_VAL), "d-inf");
  assert_echo ("text", leash_sql_text ("ä'\"\\$1"), "tä'\"\\$1");
  assert_echo ("text", leash_sql_text (""), "t");
  assert_echo ("int4", leash_sql_text ("12"), "i12");
  assert_echo ("text", leash_sql_null (), "NULL");
  assert_echo ("bytea", leash_sql_bytes (bytes, sizeof bytes), "b6100ff5c30");
  assert_echo ("bytea", leash_sql_bytes (NULL, 0), "b");
  assert_echo ("bytea", leash_sql_text ("\\x41"), "b5c783431");
}

static void
test_huge_values_come_back (Fixture *fixture, gconstpointer unused)
{
  gsize length = UNDER_THREAD_SANITIZER ? 1000000 : 4000000;
  g_autofree char *huge = g_malloc (length);
  gpointer statement = prepare (fixture, "SELECT $1::bytea, encode ($1::bytea, 'escape')");
  LeashSqlValue value;

  memset (huge, 'x', length);
  huge[length / 2] = 'y';
  bind_value (fixture, statement, 1, leash_sql_bytes (huge, length));
  g_assert_cmpint (step (fixture, statement, NULL), ==, LEASH_SQL_STEP_ROW);
  CALL (get_column, statement, 0, &value);
  g_assert_cmpmem (value.as.bytes, value.length, huge, length);
  CALL (get_column, statement, 1, &value);
  g_assert_cmpmem (value.as.text, value.length, huge, length);
  CALL (finalize, fixture->session, statement);
}

static void
refuse (Fixture *fixture, gpointer statement, guint index, LeashSqlValue value, LeashSqlError code)
{
  g_autoptr (GError) error = NULL;

  g_assert_false (CALL (bind, statement, index, &value, &error));
  g_assert_error (error, LEASH_SQL_ERROR, (gint) code);
}

static void
test_refuses_what_cannot_be_bound (Fixture *fixture, gconstpointer unused)
{
  gpointer statement = prepare (fixture, "SELECT $1::text, $2::bytea, $3::int4");
  LeashSqlValue with_nul = { .type = LEASH_SQL_TEXT, .length = 3, .as.text = "a\0b" };
  g_autoptr (GError) error = NULL;

  g_assert_cmpuint (CALL (count_parameters, statement), ==, 3);
  g_assert_cmpuint (CALL (find_parameter, statement, "$3"), ==, 3);
  g_assert_cmpuint (CALL (find_parameter, statement, "3"), ==, 3);
  g_assert_cmpuint (CALL (find_parameter, statement, "$4"), ==, 0);
  g_assert_cmpuint (CALL (find_parameter, statement, ":name"), ==, 0);
  refuse (fixture, statement, 0, leash_sql_null (), LEASH_SQL_ERROR_RANGE);
  refuse (fixture, statement, 4, leash_sql_null (), LEASH_SQL_ERROR_RANGE);
  refuse (fixture, statement, 1, with_nul, LEASH_SQL_ERROR_BIND);
  refuse (fixture, statement, 1, leash_sql_text ("\xff"), LEASH_SQL_ERROR_BIND);
  refuse (fixture, statement, 1, leash_sql_bytes ("a", 1), LEASH_SQL_ERROR_BIND);
  refuse (fixture, statement, 2, leash_sql_int64 (1), LEASH_SQL_ERROR_BIND);
  refuse (fixture, statement, 3, leash_sql_bytes ("abcd", 4), LEASH_SQL_ERROR_BIND);
  bind_value (fixture, statement, 3, leash_sql_text ("abc"));
  g_assert_cmpint (step (fixture, statement, &error), ==, LEASH_SQL_STEP_ERROR);
  assert_sql_error (error, LEASH_SQL_ERROR_BIND, "22P02", 0);
  CALL (rewind, fixture->session, statement);
  bind_value (fixture, statement, 3, leash_sql_int64 (G_MAXINT64));
  g_assert_cmpint (step (fixture, statement, &error), ==, LEASH_SQL_STEP_ERROR);
  assert_sql_error (error, LEASH_SQL_ERROR_RANGE, "22003", 0);
  CALL (finalize, fixture->session, statement);
}

static void
test_statement_runs_again (Fixture *fixture, gconstpointer unused)
{
  gpointer statement = prepare (fixture, "SELECT $1::int AS \"größe\", 2 AS b FROM generate_series (1, 2)");
  LeashSqlValue value;

  g_assert_cmpuint (CALL (count_columns, statement), ==, 2);
  g_assert_cmpstr (CALL (get_column_name, statement, 0), ==, "größe");
  bind_value (fixture, statement, 1, leash_sql_int64 (5));
  for (guint i = 0; i < 3; i++)
    {
      g_assert_cmpint (step (fixture, statement, NULL), ==, LEASH_SQL_STEP_ROW);
      CALL (get_column, statement, 0, &value);
      g_assert_cmpint (value.as.int64, ==, 5);
      if (i == 1)
        {
          g_assert_cmpint (step (fixture, statement, NULL), ==, LEASH_SQL_STEP_ROW);
          g_assert_cmpint (step (fixture, statement, NULL), ==, LEASH_SQL_STEP_DONE);
          g_assert_cmpint (step (fixture, statement, NULL), ==, LEASH_SQL_STEP_DONE);
        }
      CALL (get_column, statement, 1, &value);
      g_assert_cmpint (value.type, ==, i == 1 ? LEASH_SQL_NULL : LEASH_SQL_INT64);
      CALL (rewind, fixture->session, statement);
    }
  CALL (finalize, fixture->session, statement);
  assert_query ("SELECT 3", "i3");
}

static gint64
affected (Fixture *fixture, const char *sql)
{
  gpointer statement = prepare (fixture, sql);
  g_autoptr (GError) error = NULL;
  LeashSqlResult result;

  while (step (fixture, statement, &error) == LEASH_SQL_STEP_ROW)
    continue;
  g_assert_no_error (error);
  CALL (get_result, fixture->session, statement, &result);
  CALL (finalize, fixture->session, statement);
  return result.rows_affected;
}

static void
test_counts_affected_rows (Fixture *fixture, gconstpointer unused)
{
  g_assert_cmpint (affected (fixture, "CREATE TEMP TABLE t (a int)"), ==, 0);
  g_assert_cmpint (affected (fixture, "INSERT INTO t VALUES (1), (2), (3)"), ==, 3);
  g_assert_cmpint (affected (fixture, "INSERT INTO t VALUES (4) RETURNING a"), ==, 1);
  g_assert_cmpint (affected (fixture, "UPDATE t SET a = 0 WHERE a < 3"), ==, 2);
  g_assert_cmpint (affected (fixture, "DELETE FROM t"), ==, 4);
  g_assert_cmpint (affected (fixture, "SELECT 1"), ==, 0);
}

/* What the process has in memory, in bytes. */
static gsize
get_resident (void)
{
  g_autofree char *text = NULL;
  guint64 pages[2] = { 0 };

  g_assert_true (g_file_get_contents ("/proc/self/statm", &text, NULL, NULL));
  g_assert_cmpint (sscanf (text, "%" G_GUINT64_FORMAT " %" G_GUINT64_FORMAT, &pages[0], &pages[1]), ==, 2);
  return pages[1] * (gsize) sysconf (_SC_PAGESIZE);
}

#define ROWS(n) "SELECT i, 'row ' || i FROM generate_series (1, " #n ") AS i"
#define FEW_MB (8 * 1024 * 1024)

static void
test_streams_a_million_rows (Fixture *fixture, gconstpointer unused)
{
  gpointer statement = prepare (fixture, ROWS (1000000));
  gsize before = get_resident (), most = 0;
  LeashSqlValue value;
  gint64 n = 0;

  while (step (fixture, statement, NULL) == LEASH_SQL_STEP_ROW)
    {
      CALL (get_column, statement, 0, &value);
      g_assert_cmpint (value.as.int64, ==, ++n);
      if (n % 100000 == 0)
        most = MAX (most, get_resident ());
    }
  g_assert_cmpint (n, ==, 1000000);
  CALL (finalize, fixture->session, statement);
  if (!UNDER_THREAD_SANITIZER && !UNDER_ADDRESS_SANITIZER)
    g_assert_cmpuint (most, <, before + FEW_MB);
}

/* So the measure above would see a result that is kept whole. */
static void
test_memory_of_a_whole_result_is_seen (Fixture *fixture, gconstpointer unused)
{
  g_autofree char *uri = postgresql_uri (NULL, NULL, NULL);
  PGconn *pg = PQconnectdb (uri);
  gsize before = get_resident ();
  PGresult *result = PQexec (pg, ROWS (200000));

  g_assert_cmpuint (get_resident (), >, before + FEW_MB);
  PQclear (result);
  PQfinish (pg);
}

/* A transaction is not lost with rows that nobody wants. */
static void
test_rows_left_unread_undo_nothing (Fixture *fixture, gconstpointer unused)
{
  gpointer statement;

  script (fixture, "CREATE TEMP TABLE t (a int); BEGIN");
  statement = prepare (fixture, "INSERT INTO t SELECT generate_series (1, 100000) RETURNING a");
  g_assert_cmpint (step (fixture, statement, NULL), ==, LEASH_SQL_STEP_ROW);
  g_assert_true (CALL (in_transaction, fixture->session));
  CALL (finalize, fixture->session, statement);
  script (fixture, "COMMIT");
  assert_query ("SELECT count (*) FROM t", "i100000");
}

static void
test_second_statement_waits_for_the_first (Fixture *fixture, gconstpointer unused)
{
  gpointer first = prepare (fixture, "SELECT generate_series (1, 100000)"),
           second = prepare (fixture, "SELECT 2");
  g_autoptr (GError) error = NULL;

  g_assert_cmpint (step (fixture, first, NULL), ==, LEASH_SQL_STEP_ROW);
  g_assert_cmpint (step (fixture, second, &error), ==, LEASH_SQL_STEP_ERROR);
  g_assert_error (error, LEASH_SQL_ERROR, LEASH_SQL_ERROR_IN_USE);
  g_assert_cmpint (step (fixture, first, NULL), ==, LEASH_SQL_STEP_ROW);
  CALL (finalize, fixture->session, first);
  g_assert_cmpint (step (fixture, second, NULL), ==, LEASH_SQL_STEP_ROW);
  CALL (finalize, fixture->session, second);
}

static void
test_errors_say_what_the_server_said (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (GError) error = NULL;

  script (
      fixture,
      "CREATE TEMP TABLE t (a int PRIMARY KEY CHECK (a > 0), b int REFERENCES t); INSERT INTO t VALUES (1)");
  g_assert_null (query (fixture, "SELEKT 1", &error));
  g_assert_cmpstr (error->message, ==, "syntax error at or near \"SELEKT\"");
  assert_sql_error (error, LEASH_SQL_ERROR_SYNTAX, "42601", 1);
  g_assert_null (query (fixture, "SELECT 'ä', nothing", &error));
  assert_sql_error (error, LEASH_SQL_ERROR_SYNTAX, "42703", 13);
  g_assert_null (query (fixture, "SELECT 1; SELECT 2", &error));
  assert_sql_error (error, LEASH_SQL_ERROR_SYNTAX, "42601", 0);
  g_assert_null (query (fixture, " -- nothing", &error));
  assert_sql_error (error, LEASH_SQL_ERROR_SYNTAX, NULL, 0);
  g_assert_null (query (fixture, "SELECT '\xff'", &error));
  assert_sql_error (error, LEASH_SQL_ERROR_FAILED, "22021", 0);
  g_assert_null (query (fixture, "INSERT INTO t VALUES (1)", &error));
  g_assert_null (strstr (error->message, "(1)"));
  assert_sql_error (error, LEASH_SQL_ERROR_CONSTRAINT, "23505", 0);
  g_assert_null (query (fixture, "INSERT INTO t VALUES (0)", &error));
  assert_sql_error (error, LEASH_SQL_ERROR_CONSTRAINT, "23514", 0);
  g_assert_null (query (fixture, "INSERT INTO t VALUES (2, 3)", &error));
  assert_sql_error (error, LEASH_SQL_ERROR_CONSTRAINT, "23503", 0);
  g_assert_null (query (fixture, "SELECT 1 / 0", &error));
  assert_sql_error (error, LEASH_SQL_ERROR_FAILED, "22012", 0);
  g_assert_null (query (fixture, "COPY t TO STDOUT", &error));
  assert_sql_error (error, LEASH_SQL_ERROR_FAILED, NULL, 0);
  g_assert_null (query (fixture, "COPY t FROM STDIN", &error));
  assert_sql_error (error, LEASH_SQL_ERROR_FAILED, NULL, 0);
  assert_query ("SELECT count (*) FROM t", "i1");
}

/* In the middle of its rows. */
static void
test_error_comes_behind_rows (Fixture *fixture, gconstpointer unused)
{
  gpointer statement = prepare (fixture, "SELECT 10 / (3 - i) FROM generate_series (1, 9) AS i");
  g_autoptr (GError) error = NULL;

  g_assert_cmpint (step (fixture, statement, &error), ==, LEASH_SQL_STEP_ROW);
  g_assert_cmpint (step (fixture, statement, &error), ==, LEASH_SQL_STEP_ROW);
  g_assert_cmpint (step (fixture, statement, &error), ==, LEASH_SQL_STEP_ERROR);
  assert_sql_error (error, LEASH_SQL_ERROR_FAILED, "22012", 0);
  CALL (finalize, fixture->session, statement);
  assert_query ("SELECT 1", "i1");
}

static void
test_transactions (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (GError) error = NULL;

  g_assert_false (CALL (in_transaction, fixture->session));
  begin (fixture, (LeashTxOptions){ .is_read_only = TRUE, .isolation = LEASH_ISOLATION_SERIALIZABLE });
  g_assert_true (CALL (in_transaction, fixture->session));
  assert_query ("SHOW transaction_isolation", "tserializable");
  g_assert_false (CALL (begin, fixture->session, fixture->ctx, &(LeashTxOptions){ 0 }, &error));
  assert_sql_error (error, LEASH_SQL_ERROR_FAILED, "25001", 0);
  g_assert_null (query (fixture, "CREATE TABLE none (a int)", &error));
  assert_sql_error (error, LEASH_SQL_ERROR_READ_ONLY, "25006", 0);
  g_assert_true (CALL (in_transaction, fixture->session));
  g_assert_null (query (fixture, "SELECT 1", &error));
  assert_sql_error (error, LEASH_SQL_ERROR_FAILED, "25P02", 0);
  g_assert_false (CALL (script, fixture->session, fixture->ctx, "COMMIT", &error));
  assert_sql_error (error, LEASH_SQL_ERROR_FAILED, "25P02", 0);
  g_assert_false (CALL (in_transaction, fixture->session));
  begin (fixture, (LeashTxOptions){ .isolation = LEASH_ISOLATION_DEFAULT });
  assert_query ("SHOW transaction_isolation", "tread committed");
  script (fixture, "ROLLBACK");
}

/* The same by statements that are prepared. */
static void
assert_commit_fails (Fixture *fixture, const char *commit)
{
  g_autoptr (GError) error = NULL;

  assert_query ("BEGIN", "");
  g_assert_null (query (fixture, "SELECT 1 / 0", &error));
  g_clear_error (&error);
  g_assert_null (query (fixture, commit, &error));
  assert_sql_error (error, LEASH_SQL_ERROR_FAILED, "25P02", 0);
}

static void
test_commit_of_a_failed_transaction_is_an_error (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (GError) error = NULL;

  assert_commit_fails (fixture, "COMMIT");
  assert_commit_fails (fixture, "\f end;");
  assert_commit_fails (fixture, "-- a comment; /* and */\n --\n commit");
  assert_commit_fails (fixture, ";/* of /* more */ lines\n-- */COMMIT AND CHAIN");
  assert_query ("/* COMMIT */ ROLLBACK", "");
  assert_query ("BEGIN", "");
  g_assert_null (query (fixture, "SELECT 1 / 0", &error));
  assert_query ("/* /* COMMIT */ */ ROLLBACK -- COMMIT", "");
}

static void
test_serialization_failure_is_busy (Fixture *fixture, gconstpointer unused)
{
  Fixture other;
  g_autoptr (GError) error = NULL;

  set_up (&other, NULL);
  script (fixture, "CREATE TABLE account (a int); INSERT INTO account VALUES (1)");
  begin (fixture, (LeashTxOptions){ .isolation = LEASH_ISOLATION_SERIALIZABLE });
  assert_query ("SELECT a FROM account", "i1");
  script (&other, "UPDATE account SET a = 2");
  g_assert_null (query (fixture, "UPDATE account SET a = 3", &error));
  assert_sql_error (error, LEASH_SQL_ERROR_BUSY, "40001", 0);
  g_assert_true (CALL (reset, fixture->session, NULL));
  assert_query ("SELECT a FROM account", "i2");
  script (fixture, "DROP TABLE account");
  tear_down (&other, NULL);
}

static void
test_reset_leaves_nothing_behind (Fixture *fixture, gconstpointer unused)
{
  gpointer statement = prepare (fixture, "SELECT generate_series (1, 100000)");

  script (fixture, "CREATE TABLE lost (a int)");
  script (fixture, "BEGIN; INSERT INTO lost VALUES (1); SET statement_timeout = 7777");
  g_assert_cmpint (step (fixture, statement, NULL), ==, LEASH_SQL_STEP_ROW);
  CALL (finalize, fixture->session, statement);
  g_assert_true (CALL (reset, fixture->session, NULL));
  g_assert_false (CALL (in_transaction, fixture->session));
  script (fixture, "SET statement_timeout = 8888");
  g_assert_true (CALL (reset, fixture->session, NULL));
  assert_query ("SHOW statement_timeout", "t0");
  assert_query ("SELECT count (*) FROM lost", "i0");
  script (fixture, "DROP TABLE lost");
}

/* Statements are kept, and found again; what the server has forgotten, or would not run, is prepared anew. */
static void
test_statements_are_kept (Fixture *fixture, gconstpointer unused)
{
  static const char count[] = "SELECT count (*)::int, sum (generic_plans + custom_plans)::int "
                              "FROM pg_prepared_statements WHERE statement = 'SELECT * FROM kept'";

  script (fixture, "CREATE TEMP TABLE kept (a int)");
  for (guint i = 0; i < 3; i++)
    assert_query ("SELECT * FROM kept", "");
  assert_query (count, "i1|i3");
  script (fixture, "ALTER TABLE kept ADD b int; INSERT INTO kept VALUES (1, 2)");
  assert_query ("SELECT * FROM kept", "i1|i2");
  script (fixture, "DEALLOCATE ALL");
  assert_query ("SELECT * FROM kept", "i1|i2");
  assert_query ("SELECT * FROM kept", "i1|i2");
  assert_query (count, "i1|i2");
}

static void
test_statement_in_use_outlives_being_forgotten (Fixture *fixture, gconstpointer unused)
{
  gpointer statement = prepare (fixture, "SELECT $1::int");
  g_autofree char *found = NULL;

  bind_value (fixture, statement, 1, leash_sql_int64 (5));
  script (fixture, "DISCARD ALL");
  found = read_all (fixture, statement, NULL);
  g_assert_cmpstr (found, ==, "i5");
}

/* So that neither they nor we grow. */
static void
test_server_forgets_statements (Fixture *fixture, gconstpointer unused)
{
  for (guint i = 0; i < 100; i++)
    {
      g_autofree char *sql = g_strdup_printf ("SELECT %u", i);
      g_autofree char *expected = g_strdup_printf ("i%u", i);

      assert_query (sql, expected);
    }
  assert_query ("SELECT count (*) < 90 FROM pg_prepared_statements", "i1");
}

static void
copy_in (Fixture *fixture, const char *data, guint n, const char *reason, gint64 expected, GError **error)
{
  LeashSqlResult result = { 0 };

  g_assert_true (CALL (copy_begin, fixture->session, fixture->ctx, "COPY t FROM STDIN", TRUE, error));
  for (guint i = 0; i < n; i++)
    g_assert_true (CALL (copy_write, fixture->session, fixture->ctx, data, strlen (data), error));
  if (CALL (copy_end, fixture->session, fixture->ctx, reason, &result, error))
    g_assert_cmpint (result.rows_affected, ==, expected);
}

static void
test_copies_in (Fixture *fixture, gconstpointer unused)
{
  g_autofree char *line = g_strdup_printf ("1\t%0999d\n", 7);
  g_autoptr (GError) error = NULL;

  script (fixture, "CREATE TEMP TABLE t (a int, b text)");
  copy_in (fixture, line, 2000, NULL, 2000, &error);
  g_assert_no_error (error);
  assert_query ("SELECT count (*), sum (a), min (length (b)) FROM t", "i2000|i2000|i999");
  copy_in (fixture, line, 10, "changed my mind", 0, &error);
  g_assert_no_error (error);
  copy_in (fixture, "no number\tx\n", 1, NULL, 0, &error);
  assert_sql_error (error, LEASH_SQL_ERROR_BIND, "22P02", 0);
  assert_query ("SELECT count (*) FROM t", "i2000");
}

static void
test_copy_in_ends_with_its_context (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (LeashContext) ctx = leash_context_with_cancel (fixture->ctx);
  LeashSqlResult result;

  script (fixture, "CREATE TEMP TABLE t (a int, b text)");
  g_assert_true (CALL (copy_begin, fixture->session, ctx, "COPY t FROM STDIN", TRUE, NULL));
  g_assert_true (CALL (copy_write, fixture->session, ctx, "1\tx\n", 4, NULL));
  leash_context_cancel (ctx, NULL);
  CALL (copy_end, fixture->session, fixture->ctx, "it was cancelled", &result, NULL);
  assert_query ("SELECT count (*) FROM t", "i0");
}

static void
test_copies_out (Fixture *fixture, gconstpointer unused)
{
  const char *bytes;
  LeashSqlResult result;
  gsize length, n = 0;

  g_assert_true (CALL (copy_begin, fixture->session, fixture->ctx,
                       "COPY (SELECT generate_series (1, 10000)) TO STDOUT", FALSE, NULL));
  while (CALL (copy_read, fixture->session, fixture->ctx, &bytes, &length, NULL) && length > 0)
    if (n++ == 9)
      g_assert_cmpmem (bytes, length, "10\n", 3);
  g_assert_cmpuint (n, ==, 10000);
  g_assert_true (CALL (copy_end, fixture->session, fixture->ctx, NULL, &result, NULL));
  g_assert_cmpint (result.rows_affected, ==, 10000);
  assert_query ("SELECT 1", "i1");
}

static void
test_copy_out_is_given_up (Fixture *fixture, gconstpointer unused)
{
  const char *bytes;
  LeashSqlResult result;
  gsize length;

  g_assert_true (CALL (copy_begin, fixture->session, fixture->ctx,
                       "COPY (SELECT generate_series (1, 100000)) TO STDOUT", FALSE, NULL));
  g_assert_true (CALL (copy_read, fixture->session, fixture->ctx, &bytes, &length, NULL));
  g_assert_true (CALL (copy_end, fixture->session, fixture->ctx, NULL, &result, NULL));
  assert_query ("SELECT 1", "i1");
}

/* Behind rows that were read. */
static void
test_copy_out_ends_with_its_context (Fixture *fixture, gconstpointer unused)
{
  static const char slow[] = "COPY (SELECT CASE WHEN i < 20000 THEN 'x' ELSE pg_sleep (100)::text END "
                             "FROM generate_series (1, 20000) AS i) TO STDOUT";
  g_autoptr (LeashContext) ctx = leash_context_with_timeout (fixture->ctx, 50000);
  g_autoptr (GError) error = NULL;
  const char *bytes;
  LeashSqlResult result;
  gsize length;

  g_assert_true (CALL (copy_begin, fixture->session, fixture->ctx, slow, FALSE, NULL));
  while (CALL (copy_read, fixture->session, ctx, &bytes, &length, &error))
    g_assert_cmpmem (bytes, length, "x\n", 2);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
  g_assert_true (CALL (copy_end, fixture->session, fixture->ctx, "late", &result, NULL));
  assert_query ("SELECT 1", "i1");
}

static void
test_copy_of_what_is_none (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (GError) error = NULL;

  g_assert_false (CALL (copy_begin, fixture->session, fixture->ctx, "SELECT 1", TRUE, &error));
  assert_sql_error (error, LEASH_SQL_ERROR_FAILED, NULL, 0);
  g_assert_false (CALL (copy_begin, fixture->session, fixture->ctx, "COPY pg_class TO STDOUT", TRUE, &error));
  assert_sql_error (error, LEASH_SQL_ERROR_FAILED, NULL, 0);
  g_assert_false (CALL (copy_begin, fixture->session, fixture->ctx, "COPY none TO STDOUT", FALSE, &error));
  assert_sql_error (error, LEASH_SQL_ERROR_SYNTAX, "42P01", 0);
  assert_query ("SELECT 1", "i1");
}

int
main (int argc, char **argv)
{
  if (postgresql_start_or_skip () == NULL)
    return 0;
  g_test_init (&argc, &argv, NULL);
  ADD ("reads-each-type", test_reads_each_type);
  ADD ("binds-each-type", test_binds_each_type);
  ADD ("huge-values-come-back", test_huge_values_come_back);
  ADD ("refuses-what-cannot-be-bound", test_refuses_what_cannot_be_bound);
  ADD ("statement-runs-again", test_statement_runs_again);
  ADD ("counts-affected-rows", test_counts_affected_rows);
  ADD ("streams-a-million-rows", test_streams_a_million_rows);
  ADD ("rows-left-unread-undo-nothing", test_rows_left_unread_undo_nothing);
  ADD ("second-statement-waits-for-the-first", test_second_statement_waits_for_the_first);
  ADD ("errors-say-what-the-server-said", test_errors_say_what_the_server_said);
  ADD ("error-comes-behind-rows", test_error_comes_behind_rows);
  ADD ("transactions", test_transactions);
  ADD ("commit-of-a-failed-transaction-is-an-error", test_commit_of_a_failed_transaction_is_an_error);
  ADD ("serialization-failure-is-busy", test_serialization_failure_is_busy);
  ADD ("reset-leaves-nothing-behind", test_reset_leaves_nothing_behind);
  ADD ("statements-are-kept", test_statements_are_kept);
  ADD ("statement-in-use-outlives-being-forgotten", test_statement_in_use_outlives_being_forgotten);
  ADD ("server-forgets-statements", test_server_forgets_statements);
  ADD ("copies-in", test_copies_in);
  ADD ("copy-in-ends-with-its-context", test_copy_in_ends_with_its_context);
  ADD ("copies-out", test_copies_out);
  ADD ("copy-out-is-given-up", test_copy_out_is_given_up);
  ADD ("copy-out-ends-with-its-context", test_copy_out_ends_with_its_context);
  ADD ("copy-of-what-is-none", test_copy_of_what_is_none);
  if (!UNDER_THREAD_SANITIZER && !UNDER_ADDRESS_SANITIZER)
    ADD ("memory-of-a-whole-result-is-seen", test_memory_of_a_whole_result_is_seen);
  return g_test_run ();
}
