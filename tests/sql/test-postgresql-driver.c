/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The driver for PostgreSQL as what calls it sees it, on a server of the test's own. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <gio/gio.h>
#include <leash/leash-clock.h>
#include <libpq-fe.h>

#include "leash-sql-driver-private.h"

#include "../under-sanitizer.h"
#include "postgresql-fixture.h"

/* A session, and what is called for it. */
typedef struct
{
  LeashSqlDriver *driver;
  LeashSqlDriverInterface *call;
  LeashContext *ctx;
  gpointer database;
  gpointer session;
} Fixture;

static void
set_up (Fixture *fixture, gconstpointer unused)
{
  g_autofree char *uri = postgresql_uri (NULL, NULL, NULL);
  g_autoptr (GError) error = NULL;

  fixture->ctx = leash_context_background ();
  fixture->driver = leash_postgresql_driver_new ();
  fixture->call = LEASH_SQL_DRIVER_GET_IFACE (fixture->driver);
  fixture->database = fixture->call->open (fixture->driver, uri, &error);
  g_assert_no_error (error);
  fixture->session = fixture->call->connect (fixture->driver, fixture->database, fixture->ctx, &error);
  g_assert_no_error (error);
}

static void
tear_down (Fixture *fixture, gconstpointer unused)
{
  if (fixture->session != NULL)
    fixture->call->disconnect (fixture->driver, fixture->session);
  fixture->call->close (fixture->driver, fixture->database);
  g_object_unref (fixture->driver);
}

#define CALL(func, ...) (fixture->call->func (fixture->driver, __VA_ARGS__))

static gpointer
prepare (Fixture *fixture, const char *sql)
{
  g_autoptr (GError) error = NULL;
  gpointer statement = CALL (prepare, fixture->session, fixture->ctx, sql, &error);

  g_assert_no_error (error);
  g_assert_nonnull (statement);
  return statement;
}

static LeashSqlStep
step (Fixture *fixture, gpointer statement, GError **error)
{
  return CALL (step, fixture->session, statement, fixture->ctx, error);
}

static void
append_value (GString *text, const LeashSqlValue *value)
{
  char number[G_ASCII_DTOSTR_BUF_SIZE];

  switch (value->type)
    {
    case LEASH_SQL_INT64:
      g_string_append_printf (text, "i%" G_GINT64_FORMAT, value->as.int64);
      break;
    case LEASH_SQL_DOUBLE:
      g_string_append_printf (text, "d%s", g_ascii_dtostr (number, sizeof number, value->as.number));
      break;
    case LEASH_SQL_TEXT:
      g_assert_cmpuint (value->length, ==, strlen (value->as.text));
      g_string_append_printf (text, "t%s", value->as.text);
      break;
    case LEASH_SQL_BYTES:
      g_string_append (text, "b");
      for (gsize i = 0; i < value->length; i++)
        g_string_append_printf (text, "%02x", value->as.bytes[i]);
      break;
    default:
      g_string_append (text, "NULL");
      break;
    }
}

/* All rows of a statement, which is done with: “a|b;c|d”. NULL with the error. */
static char *
read_all (Fixture *fixture, gpointer statement, GError **error)
{
  GString *text = g_string_new (NULL);
  LeashSqlStep last;

  while ((last = step (fixture, statement, error)) == LEASH_SQL_STEP_ROW)
    {
      g_string_append (text, text->len > 0 ? ";" : "");
      for (guint i = 0; i < CALL (count_columns, statement); i++)
        {
          LeashSqlValue value;

          g_string_append (text, i > 0 ? "|" : "");
          CALL (get_column, statement, i, &value);
          append_value (text, &value);
        }
    }
  CALL (finalize, fixture->session, statement);
  return g_string_free (text, last == LEASH_SQL_STEP_ERROR);
}

static char *
query (Fixture *fixture, const char *sql, GError **error)
{
  gpointer statement = CALL (prepare, fixture->session, fixture->ctx, sql, error);

  return statement != NULL ? read_all (fixture, statement, error) : NULL;
}

#define assert_query(sql, expected)                            \
  G_STMT_START                                                 \
  {                                                            \
    g_autoptr (GError) error_ = NULL;                          \
    g_autofree char *found_ = query (fixture, (sql), &error_); \
                                                               \
    g_assert_no_error (error_);                                \
    g_assert_cmpstr (found_, ==, (expected));                  \
  }                                                            \
  G_STMT_END

static void
script (Fixture *fixture, const char *sql)
{
  g_autoptr (GError) error = NULL;

  CALL (script, fixture->session, fixture->ctx, sql, &error);
  g_assert_no_error (error);
}

static void
bind_value (Fixture *fixture, gpointer statement, guint index, LeashSqlValue value)
{
  g_autoptr (GError) error = NULL;

  CALL (bind, statement, index, &value, &error);
  g_assert_no_error (error);
}

/* One value through a parameter and back. */
static char *
echo (Fixture *fixture, const char *type, LeashSqlValue value)
{
  g_autofree char *sql = g_strdup_printf ("SELECT $1::%s", type);
  g_autoptr (GError) error = NULL;
  gpointer statement = prepare (fixture, sql);
  char *found;

  bind_value (fixture, statement, 1, value);
  found = read_all (fixture, statement, &error);
  g_assert_no_error (error);
  return found;
}

#define assert_echo(type, value, expected)                     \
  G_STMT_START                                                 \
  {                                                            \
    g_autofree char *found_ = echo (fixture, (type), (value)); \
                                                               \
    g_assert_cmpstr (found_, ==, (expected));                  \
  }                                                            \
  G_STMT_END

/* Fails unless it is of the code and has the state, then clears it. */
#define assert_sql_error(error, code, state, where)    \
  G_STMT_START                                         \
  {                                                    \
    LeashSqlErrorDetail detail_;                       \
                                                       \
    g_assert_error ((error), LEASH_SQL_ERROR, (code)); \
    leash_sql_error_get_detail ((error), &detail_);    \
    g_assert_cmpstr (detail_.sqlstate, ==, (state));   \
    g_assert_cmpuint (detail_.position, ==, (where));  \
    g_clear_error (&(error));                          \
  }                                                    \
  G_STMT_END

static void
test_reads_each_type (Fixture *fixture, gconstpointer unused)
{
  assert_query ("SELECT 1::int2, -2::int4, 9223372036854775807::int8, 4294967295::oid, true, false",
                "i1|i-2|i9223372036854775807|i4294967295|i1|i0");
  assert_query ("SELECT 0.5::float4, -1e300::float8, 'Infinity'::float8, 'NaN'::float8",
                "d0.5|d-1.0000000000000001e+300|dinf|dnan");
  assert_query ("SELECT 'naïve', ''::text, 'x'::char(3), 1.50::numeric, 'a'::name, '{1,2}'::int[]",
                "tnaïve|t|tx  |t1.50|ta|t{1,2}");
  assert_query ("SELECT '\\x00ff5c27'::bytea, ''::bytea, NULL, NULL::int, NULL::bytea",
                "b00ff5c27|b|NULL|NULL|NULL");
  assert_query ("SELECT 1 WHERE false", "");
  script (fixture, "SET bytea_output = escape");
  assert_query ("SELECT '\\x00ff5c27'::bytea", "b00ff5c27");
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

/* Cancels the context in another thread, after a moment. */
static gpointer
cancel_soon (gpointer ctx)
{
  g_usleep (20000);
  leash_context_cancel (ctx, NULL);
  return NULL;
}

static void
test_cancellation_reaches_the_server (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (LeashContext) ctx = leash_context_with_cancel (fixture->ctx);
  gpointer statement = prepare (fixture, "SELECT pg_sleep (100)");
  g_autoptr (GError) error = NULL;
  GThread *thread = g_thread_new ("canceller", cancel_soon, ctx);

  g_assert_cmpint (CALL (step, fixture->session, statement, ctx, &error), ==, LEASH_SQL_STEP_ERROR);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_thread_join (thread);
  CALL (finalize, fixture->session, statement);
  g_assert_true (CALL (is_usable, fixture->session));
  assert_query ("SELECT count (*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep (%' AND state = 'active' "
                "AND pid <> pg_backend_pid ()",
                "i0");
}

static void
test_deadline_reaches_the_server (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (LeashContext) ctx = leash_context_with_timeout (fixture->ctx, 10000);
  g_autoptr (GError) error = NULL;

  script (fixture, "BEGIN");
  g_assert_false (CALL (script, fixture->session, ctx, "SELECT pg_sleep (100)", &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
  g_assert_true (CALL (is_usable, fixture->session));
  g_assert_true (CALL (in_transaction, fixture->session));
  g_assert_true (CALL (reset, fixture->session, NULL));
  assert_query ("SELECT 1", "i1");
}

/* In the middle of rows, of which many are on their way. */
static void
test_cancelled_stream_leaves_the_connection_usable (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (LeashContext) ctx = leash_context_with_cancel (fixture->ctx);
  gpointer statement
      = prepare (fixture, "SELECT i, repeat ('x', 1000) FROM generate_series (1, 100000000) AS i");
  g_autoptr (GError) error = NULL;
  GThread *thread = g_thread_new ("canceller", cancel_soon, ctx);

  while (CALL (step, fixture->session, statement, ctx, &error) == LEASH_SQL_STEP_ROW)
    if (!leash_context_check (ctx, &error))
      break;
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_thread_join (thread);
  CALL (finalize, fixture->session, statement);
  assert_query ("SELECT 1", "i1");
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
begin (Fixture *fixture, LeashTxOptions options)
{
  g_autoptr (GError) error = NULL;

  CALL (begin, fixture->session, fixture->ctx, &options, &error);
  g_assert_no_error (error);
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
test_commit_of_a_failed_transaction_is_an_error (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (GError) error = NULL;

  assert_query ("BEGIN", "");
  g_assert_null (query (fixture, "SELECT 1 / 0", &error));
  g_clear_error (&error);
  g_assert_null (query (fixture, "COMMIT", &error));
  assert_sql_error (error, LEASH_SQL_ERROR_FAILED, "25P02", 0);
  assert_query ("BEGIN", "");
  g_assert_null (query (fixture, "SELECT 1 / 0", &error));
  assert_query ("ROLLBACK", "");
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

/* The server ends this one session. */
static void
test_lost_session_is_not_usable (Fixture *fixture, gconstpointer unused)
{
  Fixture other;
  g_autoptr (GError) error = NULL;
  gpointer statement;

  set_up (&other, NULL);
  begin (fixture, (LeashTxOptions){ 0 });
  statement = prepare (fixture, "SELECT pg_sleep (0)");
  script (&other,
          "SELECT pg_terminate_backend (pid) FROM pg_stat_activity WHERE state = 'idle in transaction'");
  g_assert_cmpint (step (fixture, statement, &error), ==, LEASH_SQL_STEP_ERROR);
  g_assert_error (error, LEASH_SQL_ERROR, LEASH_SQL_ERROR_CONNECTION);
  CALL (finalize, fixture->session, statement);
  g_assert_false (CALL (is_usable, fixture->session));
  g_assert_false (CALL (reset, fixture->session, NULL));
  g_assert_null (query (fixture, "SELECT 1", NULL));
  tear_down (&other, NULL);
}

/* Nobody had to say anything on it. */
static void
test_idle_session_that_was_ended_is_seen (Fixture *fixture, gconstpointer unused)
{
  Fixture other;

  set_up (&other, NULL);
  g_assert_true (CALL (is_usable, fixture->session));
  script (&other, "SELECT pg_terminate_backend (pid, 5000) FROM pg_stat_activity "
                  "WHERE state IS NOT NULL AND pid <> pg_backend_pid ()");
  g_assert_false (CALL (is_usable, fixture->session));
  g_assert_true (CALL (is_usable, other.session));
  tear_down (&other, NULL);
}

static void
test_server_dies_in_a_transaction (Fixture *fixture, gconstpointer unused)
{
  Fixture after;
  g_autoptr (GError) error = NULL;

  script (fixture, "CREATE TABLE survivor (a int)");
  script (fixture, "CHECKPOINT");
  begin (fixture, (LeashTxOptions){ 0 });
  script (fixture, "INSERT INTO survivor VALUES (1)");
  postgresql_kill ();
  g_assert_null (query (fixture, "INSERT INTO survivor VALUES (2)", &error));
  g_assert_error (error, LEASH_SQL_ERROR, LEASH_SQL_ERROR_CONNECTION);
  g_assert_false (CALL (is_usable, fixture->session));
  g_clear_error (&error);
  g_assert_null (CALL (connect, fixture->database, fixture->ctx, &error));
  g_assert_error (error, LEASH_SQL_ERROR, LEASH_SQL_ERROR_CONNECTION);
  postgresql_start_again ();
  set_up (&after, NULL);
  fixture = &after;
  assert_query ("SELECT count (*) FROM survivor", "i0");
  script (fixture, "DROP TABLE survivor");
  tear_down (&after, NULL);
}

/* The server takes the request to cancel and does nothing about it. */
static void
test_session_that_cannot_be_cancelled_is_given_up (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (LeashContext) ctx = leash_context_with_timeout (fixture->ctx, 5000);
  g_autoptr (GError) error = NULL;

  postgresql_freeze (TRUE);
  g_assert_false (CALL (script, fixture->session, ctx, "SELECT pg_sleep (3)", &error));
  postgresql_freeze (FALSE);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
  g_assert_false (CALL (is_usable, fixture->session));
}

/* Connects to a name, which fails, with the secret not in the message. */
static void
fail_to_connect (Fixture *fixture, const char *uri, LeashContext *ctx, GError **error)
{
  g_autoptr (GError) reason = NULL;
  gpointer database = CALL (open, uri, &reason);

  if (database != NULL)
    {
      g_assert_null (strstr (CALL (get_name, database), "secret"));
      g_assert_null (CALL (connect, database, ctx, &reason));
      CALL (close, database);
    }
  g_assert_nonnull (reason);
  g_assert_null (strstr (reason->message, "secret"));
  g_assert_null (strchr (reason->message, '\n'));
  g_propagate_error (error, g_steal_pointer (&reason));
}

static void
test_connecting_fails_with_the_reason (Fixture *fixture, gconstpointer unused)
{
  g_autofree char *no_database = postgresql_uri ("none", "leash:secret", NULL);
  g_autofree char *no_user = postgresql_uri (NULL, "nobody:secret", NULL);
  g_autofree char *no_ssl = postgresql_uri (NULL, NULL, "sslmode=secre");
  g_autoptr (GError) error = NULL;

  fail_to_connect (fixture, no_database, fixture->ctx, &error);
  g_assert_cmpstr (error->message, ==, "database \"none\" does not exist");
  assert_sql_error (error, LEASH_SQL_ERROR_CONNECTION, "3D000", 0);
  fail_to_connect (fixture, no_user, fixture->ctx, &error);
  assert_sql_error (error, LEASH_SQL_ERROR_PERMISSION, "28000", 0);
  fail_to_connect (fixture, no_ssl, fixture->ctx, &error);
  assert_sql_error (error, LEASH_SQL_ERROR_CONNECTION, NULL, 0);
  fail_to_connect (fixture, "postgresql://u:secret@/d?host=/nowhere", fixture->ctx, &error);
  g_assert_nonnull (strstr (error->message, "/nowhere"));
  assert_sql_error (error, LEASH_SQL_ERROR_CONNECTION, NULL, 0);
  fail_to_connect (fixture, "postgresql://u:secret@127.0.0.1:1/d", fixture->ctx, &error);
  assert_sql_error (error, LEASH_SQL_ERROR_CONNECTION, NULL, 0);
}

static void
test_bad_names_are_refused (Fixture *fixture, gconstpointer unused)
{
  static const char *const names[] = { "postgresql:host=x password='secret",
                                       "postgresql:password secret",
                                       "postgresql:secret=1",
                                       "postgresql://u:secret@[::1/d",
                                       "postgresql://u:a@secret@host/d",
                                       "postgresql://[::1]secret/d",
                                       "postgresql://u:sec%zzsecret@h/d",
                                       "postgresql://u:%00secret@h/d",
                                       "postgresql://h/d?password=secret&none=secret",
                                       "postgresql://h/d?password=secret&novalue",
                                       "postgresql://h/d?password=secret=secret",
                                       "postgresql://h/d?connect_timeout=soon",
                                       "postgresql://h/d?client_encoding=LATIN1" };

  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autoptr (GError) error = NULL;

      g_assert_null (CALL (open, names[i], &error));
      g_assert_error (error, LEASH_SQL_ERROR, LEASH_SQL_ERROR_URI);
      g_assert_null (strstr (error->message, "secret"));
      g_assert_cmpuint (strlen (error->message), >, 10);
    }
}

static void
test_names_are_shown_without_passwords (Fixture *fixture, gconstpointer unused)
{
  static const struct
  {
    const char *uri, *shown;
  } names[] = {
    { "postgresql://u:secret@h:1/d?sslmode=disable&sslpassword=secret", "postgresql://u@h:1/d" },
    { "postgres://h1,h2:2/d?password=secret", "postgresql://h1,h2:,2/d" },
    { "postgresql:///d?host=/run/pg&port=7&user=u&password=secret", "postgresql://u@/d?host=/run/pg&port=7" },
    { "postgresql://u%40x:secret@h/d%40d", "postgresql://u%40x@h/d%40d" },
    { "postgresql://", "postgresql://" },
    { "postgresql:host=/run/pg dbname='a b' password=secret", "postgresql:///a%20b?host=/run/pg" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    {
      gpointer database = CALL (open, names[i].uri, NULL);

      g_assert_cmpstr (CALL (get_name, database), ==, names[i].shown);
      CALL (close, database);
    }
}

/* A socket that takes connections, and never answers. */
static int
listen_silently (const char *path)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

  g_strlcpy (address.sun_path, path, sizeof address.sun_path);
  g_assert_cmpint (bind (fd, (const struct sockaddr *) &address, sizeof address), ==, 0);
  g_assert_cmpint (listen (fd, 8), ==, 0);
  return fd;
}

static gpointer
advance_soon (gpointer clock)
{
  g_usleep (20000);
  leash_clock_advance (clock, G_TIME_SPAN_MINUTE);
  return NULL;
}

static void
test_connecting_ends_with_its_context (Fixture *fixture, gconstpointer unused)
{
  g_autofree char *path = g_build_filename (postgresql_get_dir (), ".s.PGSQL.7", NULL);
  g_autofree char *uri = postgresql_uri (NULL, "u:secret", "port=7");
  g_autofree char *impatient = postgresql_uri (NULL, "u:secret", "port=7&connect_timeout=60");
  g_autoptr (LeashClock) clock = leash_clock_new_fake (0);
  g_autoptr (LeashContext) faked = leash_context_with_clock (fixture->ctx, clock);
  g_autoptr (LeashContext) soon = leash_context_with_timeout (fixture->ctx, 10000);
  g_autoptr (LeashContext) cancelled = leash_context_with_cancel (fixture->ctx);
  g_autoptr (GError) error = NULL;
  int fd = listen_silently (path);
  GThread *thread = g_thread_new ("canceller", cancel_soon, cancelled);

  fail_to_connect (fixture, uri, cancelled, &error);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_thread_join (thread);
  g_clear_error (&error);
  fail_to_connect (fixture, uri, soon, &error);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
  g_clear_error (&error);
  thread = g_thread_new ("clock", advance_soon, clock);
  fail_to_connect (fixture, impatient, faked, &error);
  g_thread_join (thread);
  g_assert_error (error, LEASH_SQL_ERROR, LEASH_SQL_ERROR_CONNECTION);
  close (fd);
  unlink (path);
}

/* What the process writes to its standard error while the statements run. */
static char *
capture_errors (Fixture *fixture, const char *sql)
{
  int saved = dup (STDERR_FILENO), ends[2];
  char text[1000] = "";
  ssize_t n;

  g_assert_cmpint (pipe (ends), ==, 0);
  dup2 (ends[1], STDERR_FILENO);
  close (ends[1]);
  script (fixture, sql);
  dup2 (saved, STDERR_FILENO);
  close (saved);
  n = read (ends[0], text, sizeof text - 1);
  g_assert_cmpint (n, >=, 0);
  close (ends[0]);
  return g_strdup (text);
}

/* A resolver that knows one name, and for another waits until it is not wanted any more. */
typedef struct
{
  GResolver parent_instance;
} SlowResolver;

typedef GResolverClass SlowResolverClass;

GType slow_resolver_get_type (void);
G_DEFINE_TYPE (SlowResolver, slow_resolver, G_TYPE_RESOLVER)

static GList *
look_up (GResolver *resolver, const char *name, GResolverNameLookupFlags flags, GCancellable *cancellable,
         GError **error)
{
  GPollFD fd;

  if (strcmp (name, "two") == 0)
    return g_list_append (g_list_append (NULL, g_inet_address_new_from_string ("127.0.0.1")),
                          g_inet_address_new_from_string ("127.0.0.2"));
  if (strcmp (name, "slow") == 0 && g_cancellable_make_pollfd (cancellable, &fd))
    {
      g_poll (&fd, 1, -1);
      g_cancellable_release_fd (cancellable);
    }
  g_set_error (error, G_RESOLVER_ERROR, G_RESOLVER_ERROR_NOT_FOUND, "nobody is called %s", name);
  return NULL;
}

static GList *
look_up_any (GResolver *resolver, const char *name, GCancellable *cancellable, GError **error)
{
  return look_up (resolver, name, G_RESOLVER_NAME_LOOKUP_FLAGS_DEFAULT, cancellable, error);
}

static void
slow_resolver_class_init (SlowResolverClass *klass)
{
  klass->lookup_by_name = look_up_any;
  klass->lookup_by_name_with_flags = look_up;
}

static void
slow_resolver_init (SlowResolver *self)
{
}

static void
test_names_are_resolved_within_the_context (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (GResolver) before = g_resolver_get_default ();
  g_autoptr (GResolver) slow = g_object_new (slow_resolver_get_type (), NULL);
  g_autoptr (LeashContext) soon = leash_context_with_timeout (fixture->ctx, 10000);
  g_autoptr (GError) error = NULL;

  g_resolver_set_default (slow);
  fail_to_connect (fixture, "postgresql://u:secret@slow/d", soon, &error);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
  g_clear_error (&error);
  fail_to_connect (fixture, "postgresql://u:secret@none/d", fixture->ctx, &error);
  g_assert_cmpstr (error->message, ==, "nobody is called none");
  assert_sql_error (error, LEASH_SQL_ERROR_CONNECTION, NULL, 0);
  fail_to_connect (fixture, "postgresql://u:secret@none:1,two:2,127.0.0.3:3/d", fixture->ctx, &error);
  g_assert_nonnull (strstr (error->message, "\"127.0.0.1\", port 2"));
  g_assert_nonnull (strstr (error->message, "\"127.0.0.2\", port 2"));
  g_assert_nonnull (strstr (error->message, "\"127.0.0.3\", port 3"));
  g_resolver_set_default (before);
}

static void
test_notices_are_not_printed (Fixture *fixture, gconstpointer unused)
{
  g_autofree char *written = capture_errors (fixture, "DO $$ BEGIN RAISE WARNING 'loud'; END $$; COMMIT");

  g_assert_cmpstr (written, ==, "");
}

#define ADD(path, func) g_test_add ("/sql/postgresql/" path, Fixture, NULL, set_up, func, tear_down)

int
main (int argc, char **argv)
{
  const char *reason = NULL;

  if (postgresql_start (&reason) == NULL)
    {
      printf ("1..0 # SKIP %s\n", reason);
      return 0;
    }
  g_test_init (&argc, &argv, NULL);
  ADD ("reads-each-type", test_reads_each_type);
  ADD ("binds-each-type", test_binds_each_type);
  ADD ("huge-values-come-back", test_huge_values_come_back);
  ADD ("refuses-what-cannot-be-bound", test_refuses_what_cannot_be_bound);
  ADD ("statement-runs-again", test_statement_runs_again);
  ADD ("counts-affected-rows", test_counts_affected_rows);
  ADD ("streams-a-million-rows", test_streams_a_million_rows);
  if (!UNDER_THREAD_SANITIZER && !UNDER_ADDRESS_SANITIZER)
    ADD ("memory-of-a-whole-result-is-seen", test_memory_of_a_whole_result_is_seen);
  ADD ("cancellation-reaches-the-server", test_cancellation_reaches_the_server);
  ADD ("deadline-reaches-the-server", test_deadline_reaches_the_server);
  ADD ("cancelled-stream-leaves-the-connection-usable", test_cancelled_stream_leaves_the_connection_usable);
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
  ADD ("lost-session-is-not-usable", test_lost_session_is_not_usable);
  ADD ("idle-session-that-was-ended-is-seen", test_idle_session_that_was_ended_is_seen);
  ADD ("server-dies-in-a-transaction", test_server_dies_in_a_transaction);
  ADD ("session-that-cannot-be-cancelled-is-given-up", test_session_that_cannot_be_cancelled_is_given_up);
  ADD ("connecting-fails-with-the-reason", test_connecting_fails_with_the_reason);
  ADD ("names-are-resolved-within-the-context", test_names_are_resolved_within_the_context);
  ADD ("notices-are-not-printed", test_notices_are_not_printed);
  ADD ("bad-names-are-refused", test_bad_names_are_refused);
  ADD ("names-are-shown-without-passwords", test_names_are_shown_without_passwords);
  ADD ("connecting-ends-with-its-context", test_connecting_ends_with_its_context);
  return g_test_run ();
}
