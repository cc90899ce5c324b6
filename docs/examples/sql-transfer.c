/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A database in a test: money goes from one account to another in a transaction. The leaking version returns
 * early, when there is not enough, with the transaction open; and with it the connection, which the pool
 * never gets back.
 */
#include <leash/leash-sql.h>
#include <leash/leash.h>

static gboolean
move_money (LeashTx *tx, LeashContext *ctx, gint64 from, gint64 to, gint64 amount, GError **error)
{
  return leash_tx_exec (tx, ctx, "UPDATE accounts SET balance = balance - ? WHERE id = ?",
                        LEASH_SQL_ARGS (leash_sql_int64 (amount), leash_sql_int64 (from)), NULL, error)
         && leash_tx_exec (tx, ctx, "UPDATE accounts SET balance = balance + ? WHERE id = ?",
                           LEASH_SQL_ARGS (leash_sql_int64 (amount), leash_sql_int64 (to)), NULL, error)
         && leash_tx_commit (tx, ctx, error);
}

static gboolean
transfer_leaking (LeashContext *ctx, LeashDb *db, gint64 from, gint64 to, gint64 amount, GError **error)
{
  LeashTx *tx = leash_db_begin (db, ctx, NULL, error);
  gint64 balance;
  gboolean is_done;

  if (tx == NULL)
    return FALSE;
  if (!leash_tx_query_row (tx, ctx, "SELECT balance FROM accounts WHERE id = ?",
                           LEASH_SQL_ARGS (leash_sql_int64 (from)), error, LEASH_SQL_INT64, &balance,
                           LEASH_SQL_END)
      || balance < amount)
    return FALSE; /* the bug */
  is_done = move_money (tx, ctx, from, to, amount, error);
  leash_tx_unref (tx);
  return is_done;
}

/* The last reference of a transaction that was not committed rolls it back. */
static gboolean
transfer (LeashContext *ctx, LeashDb *db, gint64 from, gint64 to, gint64 amount, GError **error)
{
  g_autoptr (LeashTx) tx = leash_db_begin (db, ctx, NULL, error);
  gint64 balance;

  if (tx == NULL
      || !leash_tx_query_row (tx, ctx, "SELECT balance FROM accounts WHERE id = ?",
                              LEASH_SQL_ARGS (leash_sql_int64 (from)), error, LEASH_SQL_INT64, &balance,
                              LEASH_SQL_END))
    return FALSE;
  if (balance >= amount)
    return move_money (tx, ctx, from, to, amount, error);
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_FAILED, "Account %" G_GINT64_FORMAT " has too little money",
               from);
  return FALSE;
}

typedef gboolean (*TransferFunc) (LeashContext *ctx, LeashDb *db, gint64 from, gint64 to, gint64 amount,
                                  GError **error);

static LeashDb *
open_bank (LeashContext *ctx)
{
  LeashDb *db = leash_db_open (ctx, "sqlite::memory:", NULL, NULL);

  g_assert_nonnull (db);
  g_assert_true (leash_db_exec (db, ctx, "CREATE TABLE accounts (id INTEGER PRIMARY KEY, balance INTEGER)",
                                LEASH_SQL_NO_ARGS, NULL, NULL));
  g_assert_true (
      leash_db_exec (db, ctx, "INSERT INTO accounts VALUES (1, 100), (2, 0)", LEASH_SQL_NO_ARGS, NULL, NULL));
  return db;
}

static void
test_too_little (gconstpointer leaking)
{
  TransferFunc func = GPOINTER_TO_INT (leaking) ? transfer_leaking : transfer;
  g_auto (LeashTest) test = leash_test_begin ();
  g_autoptr (LeashDb) db = open_bank (test.ctx);
  gint64 balance;

  g_assert_true (func (test.ctx, db, 1, 2, 60, NULL));
  g_assert_false (func (test.ctx, db, 1, 2, 60, NULL));
  g_assert_true (leash_db_query_row (db, test.ctx, "SELECT balance FROM accounts WHERE id = 2",
                                     LEASH_SQL_NO_ARGS, NULL, LEASH_SQL_INT64, &balance, LEASH_SQL_END));
  g_assert_cmpint (balance, ==, 60);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_data_func ("/sql-transfer/leaking", GINT_TO_POINTER (TRUE), test_too_little);
  g_test_add_data_func ("/sql-transfer/mended", GINT_TO_POINTER (FALSE), test_too_little);
  return g_test_run ();
}
