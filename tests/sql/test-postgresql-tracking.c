/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is tracked of a database of PostgreSQL: as on SQLite, and its copies. */
#include "tracking-tests.h"

#include "postgresql-fixture.h"

/* The server says that such a COMMIT was a success, and has rolled back. */
static void
test_failed_transaction_is_not_committed (Sql *sql, gconstpointer uri)
{
  LeashDbConn *conn = check_out (sql->db, sql->ctx);
  LeashTx *tx = begin (conn, sql->ctx);
  g_autoptr (GError) error = NULL;

  MUST (leash_tx_exec, tx, sql->ctx, "DELETE FROM users", LEASH_SQL_NO_ARGS, NULL);
  g_assert_false (leash_tx_exec (tx, sql->ctx, "SELECT 1 / 0", LEASH_SQL_NO_ARGS, NULL, &error));
  g_clear_error (&error);
  g_assert_false (leash_tx_commit (tx, sql->ctx, &error));
  assert_sql_error (error, LEASH_SQL_ERROR_FAILED, "Committing",
                    "the transaction was rolled back, since one of its statements had failed");
  leash_tx_unref (tx);
  give_back (conn);
  g_assert_cmpint (get_number (sql->db, sql->ctx, "SELECT count(*) FROM users"), ==, 2);
}

static G_NO_INLINE LeashCopy *
begin_copy (LeashDbConn *conn, LeashContext *ctx)
{
  LeashCopy *copy = leash_db_conn_copy_in (conn, ctx, "COPY users (id) FROM STDIN", NULL);

  g_assert_nonnull (copy);
  MUST (leash_copy_write, copy, ctx, "7\n", 2);
  return copy;
}

static void
test_leaked_copy_is_named (Sql *sql, gconstpointer uri)
{
  LeashDbConn *conn = check_out (sql->db, sql->ctx);
  LeashCopy *copy = begin_copy (conn, sql->ctx);

  if (leash_has_tracking ())
    {
      g_autoptr (LeashSnapshot) all = leash_snapshot_new (sql->base.tracker);

      g_assert_cmpuint (leash_tracker_count_kind (sql->base.tracker, "copy"), ==, 1);
      assert_opened (all, "copy", "COPY users (id) FROM STDIN", "begin_copy", "database connection",
                     leash_db_get_name (sql->db));
    }
  leash_copy_unref (copy);
  g_assert_cmpuint (leash_tracker_count_kind (sql->base.tracker, "copy"), ==, 0);
  give_back (conn);
}

static void
test_copy_after_close (Sql *sql, gconstpointer uri)
{
  LeashDbConn *conn = check_out (sql->db, sql->ctx);
  LeashCopy *copy = begin_copy (conn, sql->ctx);
  g_autoptr (GError) error = NULL;
  const char *bytes;
  gsize length;

  g_assert_false (leash_copy_read (copy, sql->ctx, &bytes, &length, &error));
  assert_io_error (error, G_IO_ERROR_NOT_SUPPORTED, "Reading from “COPY users",
                   "the copy goes the other way");
  MUST (leash_copy_close, copy, sql->ctx, NULL);
  g_assert_false (leash_copy_write (copy, sql->ctx, "8\n", 2, &error));
  assert_io_error (error, G_IO_ERROR_CLOSED, "Writing to “COPY users", "the copy is closed");
  assert_misuse (sql, LEASH_MISUSE_USE_AFTER_CLOSE, "copy", "written after close");
  g_assert_false (leash_copy_read (copy, sql->ctx, &bytes, &length, &error));
  assert_io_error (error, G_IO_ERROR_CLOSED, "Reading from");
  assert_misuse (sql, LEASH_MISUSE_USE_AFTER_CLOSE, "copy", "read after close");
  g_assert_false (leash_copy_close (copy, sql->ctx, NULL, &error));
  assert_io_error (error, G_IO_ERROR_CLOSED, "Closing");
  assert_misuse (sql, LEASH_MISUSE_USE_AFTER_CLOSE, "copy", "closed twice");
  leash_copy_unref (copy);
  copy = leash_db_conn_copy_out (conn, sql->ctx, "COPY users (id) TO STDOUT", NULL);
  g_assert_false (leash_copy_write (copy, sql->ctx, "8\n", 2, &error));
  assert_io_error (error, G_IO_ERROR_NOT_SUPPORTED, "the copy goes the other way");
  leash_copy_unref (copy);
  give_back (conn);
  g_assert_cmpint (get_number (sql->db, sql->ctx, "SELECT count(*) FROM users"), ==, 3);
}

static void
test_copy_in_a_transaction (Sql *sql, gconstpointer uri)
{
  LeashDbConn *conn = check_out (sql->db, sql->ctx);
  LeashTx *tx = begin (conn, sql->ctx);
  LeashCopy *copy = begin_copy (conn, sql->ctx);
  g_autoptr (GError) error = NULL;

  if (leash_has_tracking ())
    {
      g_autoptr (LeashSnapshot) all = leash_snapshot_new (sql->base.tracker);

      assert_opened (all, "copy", "COPY users (id) FROM STDIN", "begin_copy", "transaction",
                     leash_db_get_name (sql->db));
    }
  g_assert_false (leash_tx_exec (tx, sql->ctx, "SELECT 1", LEASH_SQL_NO_ARGS, NULL, &error));
  assert_sql_error (error, LEASH_SQL_ERROR_IN_USE, "Executing “SELECT 1”");
  g_assert_false (leash_tx_commit (tx, sql->ctx, &error));
  assert_sql_error (error, LEASH_SQL_ERROR_CHILDREN_OPEN, "still open: copy “COPY users (id) FROM STDIN”");
  MUST (leash_copy_close, copy, sql->ctx, NULL);
  leash_copy_unref (copy);
  MUST (leash_tx_commit, tx, sql->ctx);
  leash_tx_unref (tx);
  give_back (conn);
  g_assert_cmpint (get_number (sql->db, sql->ctx, "SELECT count(*) FROM users"), ==, 3);
}

static void
test_connection_closed_with_a_copy (Sql *sql, gconstpointer uri)
{
  LeashDbConn *conn = check_out (sql->db, sql->ctx);
  LeashCopy *copy = begin_copy (conn, sql->ctx);
  g_autoptr (GError) error = NULL;

  g_assert_false (leash_db_conn_close (conn, &error));
  assert_sql_error (error, LEASH_SQL_ERROR_CHILDREN_OPEN, "Closing the connection",
                    "copy “COPY users (id) FROM STDIN”");
  g_assert_false (leash_copy_close (copy, sql->ctx, NULL, &error));
  assert_io_error (error, G_IO_ERROR_CLOSED, "Closing “COPY users", "and the copy given up");
  assert_misuse (sql, LEASH_MISUSE_CLOSED_AFTER_PARENT, "copy", NULL);
  leash_copy_unref (copy);
  leash_db_conn_unref (conn);
  g_assert_cmpint (get_number (sql->db, sql->ctx, "SELECT count(*) FROM users"), ==, 2);
}

int
main (int argc, char **argv)
{
  const char *uri = postgresql_start_or_skip (), *prefix = "/sql/postgresql/tracking/";

  if (uri == NULL)
    return 0;
  g_test_init (&argc, &argv, NULL);
  /* Its descriptor would be taken for left open by the test that is the first to need it. */
  g_main_context_default ();
  add_tracking_tests (prefix, uri);
  ADD_TRACKED ("failed-transaction-is-not-committed", test_failed_transaction_is_not_committed);
  ADD_TRACKED ("leaked-copy-is-named", test_leaked_copy_is_named);
  ADD_TRACKED ("copy-after-close", test_copy_after_close);
  ADD_TRACKED ("copy-in-a-transaction", test_copy_in_a_transaction);
  ADD_TRACKED ("connection-closed-with-a-copy", test_connection_closed_with_a_copy);
  return g_test_run ();
}
