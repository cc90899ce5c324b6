/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The sweep over calls on a database: a bug on a way out that only a failing statement takes, and the same
 * code mended. */
#include "sweep-tests.h"

typedef struct
{
  gboolean is_mended;
  guint n_done;
  GString *failed; /* the calls, as the errors have them */
  GPtrArray *left; /* statements that were forgotten, for the sake of other tools */
} Work;

/* Takes what the error says of the call: prepare ("SELECT …") */
static void
note (Work *work, GError *error)
{
  const char *call = strstr (error->message, "(injected by the sweep at call ");

  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_FAILED);
  g_assert_nonnull (call);
  call = strstr (call, ", ") + 2;
  g_string_append_printf (work->failed, "%.*s\n", (int) strlen (call) - 1, call);
  g_error_free (error);
}

static G_NO_INLINE gboolean
count_users (Work *work, LeashDbConn *conn, LeashContext *ctx, GError **error)
{
  LeashStmt *stmt = leash_db_conn_prepare (conn, ctx, "SELECT 1 UNION SELECT 2", error);
  g_autoptr (LeashRows) rows = NULL;
  gboolean is_done = FALSE;
  guint n = 0;

  if (stmt == NULL)
    return FALSE;
  rows = leash_stmt_query (stmt, ctx, LEASH_SQL_NO_ARGS, error);
  if (rows != NULL)
    {
      while (leash_rows_next (rows, ctx))
        n++;
      is_done = leash_rows_check (rows, error);
      g_assert_true (!is_done || n == 2);
    }
  if (rows != NULL || work->is_mended)
    leash_stmt_unref (stmt);
  else
    g_ptr_array_add (work->left, stmt);
  return is_done;
}

static gboolean
work_on_conn (Work *work, LeashDbConn *conn, LeashContext *ctx, GError **error)
{
  g_autoptr (LeashTx) tx = leash_db_conn_begin (conn, ctx, NULL, error);

  return tx != NULL && leash_tx_exec (tx, ctx, "CREATE TABLE t (a)", LEASH_SQL_NO_ARGS, NULL, error)
         && count_users (work, conn, ctx, error) && leash_tx_commit (tx, ctx, error);
}

static void
work_on_db (LeashContext *ctx, gpointer user_data)
{
  Work *work = user_data;
  GError *error = NULL;
  g_autoptr (LeashDb) db = leash_db_open (ctx, "sqlite::memory:", NULL, &error);
  g_autoptr (LeashDbConn) conn = db != NULL ? leash_db_checkout (db, ctx, &error) : NULL;

  if (conn != NULL && work_on_conn (work, conn, ctx, &error))
    work->n_done++;
  else
    note (work, error);
}

static void
work_set_up (Work *work, gconstpointer unused)
{
  work->failed = g_string_new (NULL);
  work->left = g_ptr_array_new_with_free_func ((GDestroyNotify) leash_stmt_unref);
}

static void
work_tear_down (Work *work, gconstpointer unused)
{
  g_string_free (work->failed, TRUE);
  g_ptr_array_unref (work->left);
}

static gboolean
skip_without_tracking (void)
{
  if (leash_has_tracking ())
    return FALSE;
  g_test_skip ("this library is built without tracking");
  return TRUE;
}

static void
test_each_call_fails (Work *work, gconstpointer unused)
{
  g_autoptr (GError) error = NULL;
  gboolean is_good;

  if (skip_without_tracking ())
    return;
  work->is_mended = TRUE;
  is_good = leash_test_sweep_check (&(LeashSweep){ .func = work_on_db, .data = work }, &error);
  if (!is_good)
    g_error ("%s\n%s", error->message, leash_error_get_report (error));
  g_assert_cmpuint (work->n_done, ==, 1);
  g_assert_cmpstr (work->failed->str, ==,
                   "connect (\"sqlite::memory:\")\n"
                   "begin (\"sqlite::memory:\")\n"
                   "prepare (\"CREATE TABLE t (a)\")\n"
                   "step (\"CREATE TABLE t (a)\")\n"
                   "prepare (\"SELECT 1 UNION SELECT 2\")\n"
                   "step (\"SELECT 1 UNION SELECT 2\")\n"
                   "step (\"SELECT 1 UNION SELECT 2\")\n"
                   "step (\"SELECT 1 UNION SELECT 2\")\n"
                   "execute (\"COMMIT\")\n");
}

static void
test_statement_left_when_its_run_fails (Work *work, gconstpointer unused)
{
  g_autoptr (GError) error = NULL;

  if (skip_without_tracking ())
    return;
  g_assert_false (leash_test_sweep_check (&(LeashSweep){ .func = work_on_db, .data = work }, &error));
  g_assert_nonnull (strstr (leash_error_get_report (error),
                            "leash: when call 6 fails, step (\"SELECT 1 UNION SELECT 2\"):\n"));
  g_assert_nonnull (strstr (leash_error_get_report (error), "statement \"SELECT 1 UNION SELECT 2\""));
  g_assert_nonnull (strstr (leash_error_get_report (error), "count_users "));
}

static void
test_each_call_of_transactions_fails (Work *work, gconstpointer unused)
{
  sweep_transactions ("sqlite::memory:");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#undef ADD
#define ADD(name, func) g_test_add ("/sql/sweep/" name, Work, NULL, work_set_up, func, work_tear_down)
  ADD ("each-call-fails", test_each_call_fails);
  ADD ("statement-left-when-its-run-fails", test_statement_left_when_its_run_fails);
  ADD ("each-call-of-transactions-fails", test_each_call_of_transactions_fails);
  return g_test_run ();
}
