/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The sweep over what a database does beside single statements, on each engine alike: a script, savepoints and a bulk
 * insert, of which nothing may be there when a call of it has failed. */
#pragma once

#include "sql-fixture.h"

typedef struct
{
  const char *uri;
  GString *failed; /* the calls, as the errors have them */
  guint n_done;
} SweptWork;

static gboolean
give_number (LeashSqlValue *ret_values, gsize n_values, gpointer user_data, GError **error)
{
  guint *n = user_data;

  ret_values[0] = leash_sql_int64 (*n);
  return (*n)++ < 300;
}

static gboolean
insert_numbers (LeashTx *tx, LeashDbConn *conn, LeashContext *ctx, GError **error)
{
  static const char *const columns[] = { "a", NULL };
  g_autoptr (LeashTx) savepoint = leash_tx_begin (tx, ctx, error);
  guint n = 0;

  return savepoint != NULL
         && leash_db_conn_bulk_insert (conn, ctx, "swept", columns, give_number, &n, NULL, error)
         && leash_tx_commit (savepoint, ctx, error);
}

static gboolean
work_in_transaction (LeashDbConn *conn, LeashContext *ctx, GError **error)
{
  g_autoptr (LeashTx) tx = leash_db_conn_begin (conn, ctx, NULL, error);
  gint64 n = 0;

  return tx != NULL
         && leash_db_conn_exec_script (conn, ctx, "CREATE TABLE swept (a int); INSERT INTO swept VALUES (-1)",
                                       error)
         && insert_numbers (tx, conn, ctx, error)
         && leash_tx_query_row (tx, ctx, "SELECT count(*) FROM swept", LEASH_SQL_NO_ARGS, error,
                                LEASH_SQL_INT64, &n, LEASH_SQL_END)
         && n == 301 && leash_tx_commit (tx, ctx, error);
}

/* Of what an error has: prepare ("SELECT …"), the two words. */
static void
note_call (GString *notes, const char *call)
{
  const char *text = strchr (call, '"') + 1;

  g_assert_true (g_utf8_validate (call, -1, NULL));
  while (g_ascii_isalpha (*text))
    text++;
  g_string_append_printf (notes, "%.*s\n", (int) (text - call), call);
}

static void
work_by_transactions (LeashContext *ctx, gpointer user_data)
{
  SweptWork *work = user_data;
  GError *error = NULL;
  g_autoptr (LeashDb) db = leash_db_open (ctx, work->uri, NULL, &error);
  LeashDbConn *conn = db != NULL ? leash_db_checkout (db, ctx, &error) : NULL;
  gboolean is_done = conn != NULL && work_in_transaction (conn, ctx, &error);

  leash_db_conn_unref (conn);
  /* All of it is there, or nothing. */
  if (db != NULL)
    g_assert_cmpint (leash_db_exec (db, leash_context_background (), "DROP TABLE swept", LEASH_SQL_NO_ARGS, NULL, NULL),
                     ==, is_done);
  work->n_done += is_done;
  if (is_done)
    return;
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_FAILED);
  note_call (work->failed, strstr (strstr (error->message, "(injected by the sweep at call "), ", ") + 2);
  g_error_free (error);
}

/* No call is missing that an engine is given. */
static void
sweep_transactions (const char *uri)
{
  g_autofree char *scheme = g_strndup (uri, strcspn (uri, ":"));
  g_autofree char *expected = g_strdup_printf (
      "connect (\"%s\nbegin (\"%s\nexecute (\"CREATE\nexecute (\"SAVEPOINT\nexecute (\"SAVEPOINT\n"
      "prepare (\"INSERT\nstep (\"INSERT\nprepare (\"INSERT\nstep (\"INSERT\n"
      "execute (\"RELEASE\nexecute (\"RELEASE\nprepare (\"SELECT\nstep (\"SELECT\nexecute (\"COMMIT\n",
      scheme, scheme);
  g_autoptr (GError) error = NULL;
  SweptWork work = { .uri = uri };

  if (!leash_has_tracking ())
    {
      g_test_skip ("built without tracking");
      return;
    }
  work.failed = g_string_new (NULL);
  if (!leash_test_sweep_check (&(LeashSweep){ .func = work_by_transactions, .data = &work }, &error))
    g_error ("%s\n%s", error->message, leash_error_get_report (error));
  g_assert_cmpuint (work.n_done, ==, 1);
  g_assert_cmpstr (work.failed->str, ==, expected);
  g_string_free (work.failed, TRUE);
}
