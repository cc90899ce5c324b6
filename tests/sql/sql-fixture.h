/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the tests of databases begin with: a database with a table, and the proof at the end that nothing is open. */
#pragma once

#include "../fixture.h"

#include <leash/leash-sql.h>

typedef struct
{
  Fixture base;
  LeashContext *ctx; /* base's */
  LeashDb *db;
} Sql;

G_GNUC_UNUSED static void
must (gboolean is_done, GError *error)
{
  g_assert_no_error (error);
  g_assert_true (is_done);
}

/* Calls something with an error for its last argument, which must not fail. */
#define MUST(call, ...)                                                 \
  G_STMT_START                                                          \
  {                                                                     \
    GError *error_ = NULL;                                              \
    gboolean is_done_ = call (__VA_ARGS__, &error_);                    \
                                                                        \
    must (is_done_, error_);                                            \
  }                                                                     \
  G_STMT_END

/* An error of SQL with all pieces in its message. Clears it. */
#define assert_sql_error(error, code, ...)                              \
  G_STMT_START                                                          \
  {                                                                     \
    const char *const pieces_[] = { __VA_ARGS__, NULL };                \
                                                                        \
    g_assert_error ((error), LEASH_SQL_ERROR, (gint) (code));                  \
    check_pieces ((error)->message, pieces_);                           \
    g_clear_error (&(error));                                           \
  }                                                                     \
  G_STMT_END

G_GNUC_UNUSED static void
check_pieces (const char *message, const char *const *pieces)
{
  for (guint i = 0; pieces[i] != NULL; i++)
    if (strstr (message, pieces[i]) == NULL)
      g_error ("“%s” does not have “%s”", message, pieces[i]);
}

G_GNUC_UNUSED static LeashDb *
open_db (LeashContext *ctx, const char *uri, const LeashDbOptions *options)
{
  g_autoptr (GError) error = NULL;
  LeashDb *db = leash_db_open (ctx, uri, options, &error);

  g_assert_no_error (error);
  g_assert_nonnull (db);
  return db;
}

G_GNUC_UNUSED static void
run_sql (LeashDb *db, LeashContext *ctx, const char *sql)
{
  MUST (leash_db_exec, db, ctx, sql, LEASH_SQL_NO_ARGS, NULL);
}

G_GNUC_UNUSED static gint64
get_number (LeashDb *db, LeashContext *ctx, const char *sql)
{
  g_autoptr (GError) error = NULL;
  gint64 number = -1;
  gboolean is_done
      = leash_db_query_row (db, ctx, sql, LEASH_SQL_NO_ARGS, &error, LEASH_SQL_INT64, &number, LEASH_SQL_END);

  g_assert_no_error (error);
  g_assert_true (is_done);
  return number;
}

G_GNUC_UNUSED static G_NO_INLINE LeashDbConn *
check_out (LeashDb *db, LeashContext *ctx)
{
  g_autoptr (GError) error = NULL;
  LeashDbConn *conn = leash_db_checkout (db, ctx, &error);

  g_assert_no_error (error);
  g_assert_nonnull (conn);
  return conn;
}

G_GNUC_UNUSED static G_NO_INLINE LeashStmt *
prepare (LeashDbConn *conn, LeashContext *ctx, const char *sql)
{
  g_autoptr (GError) error = NULL;
  LeashStmt *stmt = leash_db_conn_prepare (conn, ctx, sql, &error);

  g_assert_no_error (error);
  g_assert_nonnull (stmt);
  return stmt;
}

G_GNUC_UNUSED static G_NO_INLINE LeashRows *
query (LeashDbConn *conn, LeashContext *ctx, const char *sql)
{
  g_autoptr (GError) error = NULL;
  LeashRows *rows = leash_db_conn_query (conn, ctx, sql, LEASH_SQL_NO_ARGS, &error);

  g_assert_no_error (error);
  g_assert_nonnull (rows);
  return rows;
}

G_GNUC_UNUSED static G_NO_INLINE LeashTx *
begin (LeashDbConn *conn, LeashContext *ctx)
{
  g_autoptr (GError) error = NULL;
  LeashTx *tx = leash_db_conn_begin (conn, ctx, NULL, &error);

  g_assert_no_error (error);
  g_assert_nonnull (tx);
  return tx;
}

/* Closes it well, and gives the reference back. */
G_GNUC_UNUSED static void
give_back (LeashDbConn *conn)
{
  MUST (leash_db_conn_close, conn);
  leash_db_conn_unref (conn);
}

G_GNUC_UNUSED static void
close_rows (LeashRows *rows)
{
  MUST (leash_rows_close, rows);
  leash_rows_unref (rows);
}

static void
sql_set_up_empty (Sql *sql, const char *uri, const LeashDbOptions *options)
{
  set_up (&sql->base, NULL);
  sql->ctx = sql->base.ctx;
  sql->db = open_db (sql->ctx, uri, options);
}

/* A table of two rows, in memory. */
G_GNUC_UNUSED static void
sql_set_up (Sql *sql, gconstpointer uri)
{
  sql_set_up_empty (sql, uri != NULL ? uri : "sqlite::memory:", NULL);
  run_sql (sql->db, sql->ctx, "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT UNIQUE, age INTEGER)");
  run_sql (sql->db, sql->ctx, "INSERT INTO users VALUES (1, 'ada', 36), (2, 'bob', NULL)");
}

G_GNUC_UNUSED static void
sql_tear_down (Sql *sql, gconstpointer unused)
{
  LeashClientStats stats;

  leash_db_get_stats (sql->db, &stats);
  g_assert_cmpuint (stats.n_in_use, ==, 0);
  leash_db_unref (sql->db);
  tear_down (&sql->base, NULL);
}

#define ADD_SQL(path, func) g_test_add (path, Sql, NULL, sql_set_up, func, sql_tear_down)

/* The last misuse, which the test has caused by now. */
G_GNUC_UNUSED static void
assert_misuse (Sql *sql, LeashMisuseType type, const char *kind, const char *what)
{
  g_autoptr (LeashSnapshot) snapshot = leash_snapshot_new (sql->base.tracker);
  const LeashMisuse *misuse;

  sql->base.n_misuses++;
  if (!leash_has_tracking ())
    return;
  g_assert_cmpuint (leash_snapshot_get_n_misuses (snapshot), ==, sql->base.n_misuses);
  misuse = leash_snapshot_get_misuse (snapshot, (guint) sql->base.n_misuses - 1);
  g_assert_cmpint (misuse->type, ==, type);
  g_assert_cmpstr (misuse->kind, ==, kind);
  if (what != NULL)
    g_assert_cmpstr (misuse->what, ==, what);
  g_assert_cmpuint (misuse->opened_stack, !=, 0);
  g_assert_cmpuint (misuse->stack, !=, 0);
}
