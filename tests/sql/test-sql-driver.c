/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A driver of one's own, the smallest that there can be: its statements are numbers, and their rows count up
 * to them. What it does not have, it need not have; all that is before drivers works for it.
 */
#include "sql-fixture.h"

#define TYPE_COUNTER (counter_get_type ())
G_DECLARE_FINAL_TYPE (Counter, counter, TEST, COUNTER, GObject)

struct _Counter
{
  GObject parent_instance;
};

static void counter_init_interface (LeashSqlDriverInterface *iface);

G_DEFINE_TYPE_WITH_CODE (Counter, counter, G_TYPE_OBJECT,
                         G_IMPLEMENT_INTERFACE (LEASH_TYPE_SQL_DRIVER, counter_init_interface))

typedef struct
{
  gint64 last;
  gint64 at;
} Count;

static gint n_open; /* atomic; databases, sessions and statements together */

static gpointer
open_counter (LeashSqlDriver *driver, const char *uri, GError **error)
{
  g_atomic_int_inc (&n_open);
  return g_strdup (uri);
}

static void
close_counter (LeashSqlDriver *driver, gpointer database)
{
  g_atomic_int_add (&n_open, -1);
  g_free (database);
}

static const char *
get_name (LeashSqlDriver *driver, gpointer database)
{
  return database;
}

static gpointer
connect_counter (LeashSqlDriver *driver, gpointer database, LeashContext *ctx, GError **error)
{
  if (strcmp (database, "counter:away") == 0)
    {
      leash_sql_error_set (error, LEASH_SQL_ERROR_CONNECTION, NULL, "it is away");
      return NULL;
    }
  g_atomic_int_inc (&n_open);
  return g_new0 (gboolean, 1);
}

static void
disconnect_counter (LeashSqlDriver *driver, gpointer session)
{
  g_atomic_int_add (&n_open, -1);
  g_free (session);
}

/* A session is whether it is in a transaction. */
static gboolean
begin_count (LeashSqlDriver *driver, gpointer session, LeashContext *ctx, const LeashTxOptions *options,
             GError **error)
{
  *(gboolean *) session = TRUE;
  return TRUE;
}

static gboolean
in_transaction (LeashSqlDriver *driver, gpointer session)
{
  return *(gboolean *) session;
}

static gpointer
prepare_count (LeashSqlDriver *driver, gpointer session, LeashContext *ctx, const char *sql, GError **error)
{
  Count *count = g_new0 (Count, 1);

  if (strcmp (sql, "COMMIT") == 0 || strcmp (sql, "ROLLBACK") == 0)
    *(gboolean *) session = FALSE;
  count->last = g_ascii_strtoll (sql, NULL, 10);
  g_atomic_int_inc (&n_open);
  return count;
}

static void
finalize_count (LeashSqlDriver *driver, gpointer session, gpointer statement)
{
  g_atomic_int_add (&n_open, -1);
  g_free (statement);
}

static guint
count_none (LeashSqlDriver *driver, gpointer statement)
{
  return 0;
}

static LeashSqlStep
step_count (LeashSqlDriver *driver, gpointer session, gpointer statement, LeashContext *ctx, GError **error)
{
  Count *count = statement;

  return count->at++ < count->last ? LEASH_SQL_STEP_ROW : LEASH_SQL_STEP_DONE;
}

static void
rewind_count (LeashSqlDriver *driver, gpointer session, gpointer statement)
{
  ((Count *) statement)->at = 0;
}

static guint
count_columns (LeashSqlDriver *driver, gpointer statement)
{
  return 1;
}

static const char *
get_column_name (LeashSqlDriver *driver, gpointer statement, guint column)
{
  return "n";
}

static void
get_column (LeashSqlDriver *driver, gpointer statement, guint column, LeashSqlValue *ret_value)
{
  *ret_value = leash_sql_int64 (((Count *) statement)->at);
}

static void
get_result (LeashSqlDriver *driver, gpointer session, gpointer statement, LeashSqlResult *ret_result)
{
  *ret_result = (LeashSqlResult){ 0 };
}

static void
counter_init_interface (LeashSqlDriverInterface *iface)
{
  iface->version = LEASH_SQL_DRIVER_INTERFACE_VERSION;
  iface->streams_one = TRUE;
  iface->open = open_counter;
  iface->close = close_counter;
  iface->get_name = get_name;
  iface->connect = connect_counter;
  iface->disconnect = disconnect_counter;
  iface->begin = begin_count;
  iface->in_transaction = in_transaction;
  iface->prepare = prepare_count;
  iface->finalize = finalize_count;
  iface->count_parameters = count_none;
  iface->step = step_count;
  iface->rewind = rewind_count;
  iface->count_columns = count_columns;
  iface->get_column_name = get_column_name;
  iface->get_column = get_column;
  iface->get_result = get_result;
}

static void
counter_class_init (CounterClass *class)
{
}

static void
counter_init (Counter *self)
{
}

static void
test_of_another_version (Fixture *fixture, gconstpointer unused)
{
  static const guint others[] = { 0, LEASH_SQL_DRIVER_INTERFACE_VERSION + 1, G_MAXUINT };
  g_autoptr (LeashSqlDriver) driver = g_object_new (TYPE_COUNTER, NULL);
  LeashSqlDriverInterface *iface = LEASH_SQL_DRIVER_GET_IFACE (driver);
  g_autoptr (GError) error = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (others); i++)
    {
      iface->version = others[i];
      g_assert_false (leash_sql_add_driver ("other", driver, &error));
      assert_sql_error (error, LEASH_SQL_ERROR_FAILED, "Adding a driver for “other”: it is of version");
    }
  iface->version = LEASH_SQL_DRIVER_INTERFACE_VERSION;
  g_assert_null (leash_db_open (fixture->ctx, "other:", NULL, &error));
  assert_sql_error (error, LEASH_SQL_ERROR_URI, "it begins with none of");
}

static void
test_is_added_once (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (LeashSqlDriver) driver = g_object_new (TYPE_COUNTER, NULL);
  g_autoptr (GError) error = NULL;

  g_assert_false (leash_sql_add_driver ("sqlite", driver, &error));
  assert_sql_error (error, LEASH_SQL_ERROR_URI, "Adding a driver for “sqlite”: it has one");
  g_assert_false (leash_sql_add_driver ("Count:er", driver, &error));
  assert_sql_error (error, LEASH_SQL_ERROR_URI,
                    "Adding a driver for “Count:er”: a scheme is of small letters");
  g_assert_false (leash_sql_add_driver ("", driver, &error));
  assert_sql_error (error, LEASH_SQL_ERROR_URI, "a scheme is of small letters");
  MUST (leash_sql_add_driver, "counter", driver);
  g_assert_false (leash_sql_add_driver ("counter", driver, &error));
  assert_sql_error (error, LEASH_SQL_ERROR_URI, "it has one");
  /* Who asks for none that is there is told of it. */
  g_assert_null (leash_db_open (fixture->ctx, "nosuch:", NULL, &error));
  assert_sql_error (error, LEASH_SQL_ERROR_URI, "counter:", "sqlite:");
}

static void
test_is_tracked_for_nothing (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (LeashDb) db = open_db (fixture->ctx, "counter:", NULL);
  LeashDbConn *conn = check_out (db, fixture->ctx);
  LeashRows *rows = query (conn, fixture->ctx, "3");
  g_autoptr (GError) error = NULL;
  gint64 sum = 0, n;
  LeashTx *tx;

  if (leash_has_tracking ())
    g_assert_cmpuint (leash_tracker_count_kind (fixture->tracker, "rows"), ==, 1);
  g_assert_false (leash_db_conn_exec (conn, fixture->ctx, "1", LEASH_SQL_NO_ARGS, NULL, &error));
  assert_sql_error (error, LEASH_SQL_ERROR_IN_USE, "Executing “1”",
                    "in use until the rows of “3” are read to their end");
  while (leash_rows_next (rows, fixture->ctx))
    if (leash_rows_get_int64 (rows, 0, &n, NULL))
      sum += n;
  g_assert_cmpint (sum, ==, 6);
  g_assert_true (leash_rows_check (rows, NULL));
  leash_rows_unref (rows);
  tx = begin (conn, fixture->ctx);
  MUST (leash_tx_commit, tx, fixture->ctx);
  leash_tx_unref (tx);
  give_back (conn);
  MUST (leash_db_close, db);
}

/* A statement from before the transaction has the session to itself until the transaction is rolled back. */
static void
test_rollback_ends_a_reader (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (LeashDb) db = open_db (fixture->ctx, "counter:", NULL);
  LeashDbConn *conn = check_out (db, fixture->ctx);
  LeashStmt *stmt = prepare (conn, fixture->ctx, "3");
  LeashTx *tx = begin (conn, fixture->ctx);
  LeashRows *rows = leash_stmt_query (stmt, fixture->ctx, LEASH_SQL_NO_ARGS, NULL);
  g_autoptr (GError) error = NULL;

  g_assert_false (leash_tx_commit (tx, fixture->ctx, &error));
  assert_sql_error (error, LEASH_SQL_ERROR_IN_USE, "in use until the rows of “3”");
  MUST (leash_tx_rollback, tx);
  leash_tx_unref (tx);
  g_assert_false (leash_rows_next (rows, fixture->ctx));
  fixture->n_misuses = 1;
  g_assert_false (leash_rows_check (rows, &error));
  assert_io_error (error, G_IO_ERROR_CLOSED, "Reading rows of “3”");
  leash_rows_unref (rows);
  MUST (leash_db_conn_exec, conn, fixture->ctx, "2", LEASH_SQL_NO_ARGS, NULL);
  leash_stmt_unref (stmt);
  give_back (conn);
  MUST (leash_db_close, db);
}

static void
test_not_there (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (leash_db_open (fixture->ctx, "counter:away", NULL, &error));
  assert_sql_error (error, LEASH_SQL_ERROR_CONNECTION, "counter:away", "it is away");
  g_assert_cmpint (g_atomic_int_get (&n_open), ==, 0);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("/sql/driver/of-another-version", test_of_another_version);
  ADD ("/sql/driver/is-added-once", test_is_added_once);
  ADD ("/sql/driver/is-tracked-for-nothing", test_is_tracked_for_nothing);
  ADD ("/sql/driver/rollback-ends-a-reader", test_rollback_ends_a_reader);
  ADD ("/sql/driver/not-there", test_not_there);
  return g_test_run ();
}
