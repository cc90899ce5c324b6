/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * PostgreSQL over its unix socket, with tracking on, beside libpq's own calls on a connection of their own: a
 * row by its key, an insert in a transaction, and a scan row by row, as libpq's single-row mode has it. By
 * the clock on the wall, as most of the time is the server's, and by the processor's time of this process
 * alone.
 *
 * All of it runs on one processor. Whether a connection's server is woken on the same one or on another is
 * chance, stays so for as long as it lives, and makes more difference than all that is measured (44 or 67 us
 * for a row by its key); and with one, what either side does more is seen, as neither is hidden by the other.
 */
#ifndef _GNU_SOURCE
  #define _GNU_SOURCE 1 /* sched_setaffinity() */
#endif

#include <libpq-fe.h>
#include <sched.h>

#include <leash/leash-sql.h>
#include <leash/leash.h>

#include "../sql/postgresql-fixture.h"
#include "bench.h"

#define N_ROWS 100000
#define PART 20 /* of which calls are fewer than rows of a scan */

static const char select_sql[] = "SELECT name FROM t WHERE id = $1",
                  insert_sql[] = "INSERT INTO filled VALUES ($1, 'a name')",
                  scan_sql[] = "SELECT id, name FROM t LIMIT $1";

static LeashContext *ctx;
static LeashDb *db;
static LeashDbConn *conn;
static PGconn *pg;

static PGresult *
need (PGresult *result)
{
  ExecStatusType status = PQresultStatus (result);

  if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
    g_error ("%s", PQresultErrorMessage (result));
  return result;
}

static void
run (const char *sql)
{
  PQclear (need (PQexec (pg, sql)));
}

static PGresult *
call_libpq (const char *statement, guint number)
{
  char text[16];
  const char *const values[] = { text };

  g_snprintf (text, sizeof text, "%u", number);
  return need (PQexecPrepared (pg, statement, 1, values, NULL, NULL, 0));
}

static void
select_by_libpq (gpointer user_data, guint n)
{
  for (guint i = 0; i < n; i++)
    {
      PGresult *result = call_libpq ("select", i % bench_scale (N_ROWS) + 1);

      if (PQntuples (result) != 1 || PQgetvalue (result, 0, 0)[0] != 'r')
        g_error ("row %u is not there", i);
      PQclear (result);
    }
}

static void
insert_by_libpq (gpointer user_data, guint n)
{
  run ("BEGIN");
  for (guint i = 0; i < n; i++)
    PQclear (call_libpq ("insert", i));
  run ("ROLLBACK");
}

static void
scan_by_libpq (gpointer user_data, guint n)
{
  char text[16];
  const char *const values[] = { text };
  PGresult *result;
  guint n_read = 0;

  g_snprintf (text, sizeof text, "%u", n);
  if (PQsendQueryPrepared (pg, "scan", 1, values, NULL, NULL, 0) == 0 || PQsetSingleRowMode (pg) == 0)
    g_error ("%s", PQerrorMessage (pg));
  while ((result = PQgetResult (pg)) != NULL)
    {
      if (PQresultStatus (result) == PGRES_SINGLE_TUPLE)
        n_read += g_ascii_strtoll (PQgetvalue (result, 0, 0), NULL, 10) > 0
                  && PQgetvalue (result, 0, 1)[0] == 'r';
      PQclear (result);
    }
  if (n_read != n)
    g_error ("not all of %u rows were read", n);
}

static LeashStmt *
prepare (const char *sql)
{
  g_autoptr (GError) error = NULL;
  LeashStmt *stmt = leash_db_conn_prepare (conn, ctx, sql, &error);

  g_assert_no_error (error);
  return stmt;
}

static void
finish (LeashStmt *stmt)
{
  leash_stmt_close (stmt, NULL);
  leash_stmt_unref (stmt);
}

static void
select_prepared (gpointer user_data, guint n)
{
  LeashStmt *stmt = prepare (select_sql);

  for (guint i = 0; i < n; i++)
    {
      char *name;

      if (!leash_stmt_query_row (stmt, ctx, LEASH_SQL_ARGS (leash_sql_int64 (i % bench_scale (N_ROWS) + 1)),
                                 NULL, LEASH_SQL_TEXT, &name, LEASH_SQL_END)
          || name[0] != 'r')
        g_error ("row %u is not there", i);
      g_free (name);
    }
  finish (stmt);
}

/* As what is beside it does, the row's end is waited for too. */
static void
select_rows (gpointer user_data, guint n)
{
  LeashStmt *stmt = prepare (select_sql);

  for (guint i = 0; i < n; i++)
    {
      LeashRows *rows = leash_stmt_query (
          stmt, ctx, LEASH_SQL_ARGS (leash_sql_int64 (i % bench_scale (N_ROWS) + 1)), NULL);
      const char *name;

      if (!leash_rows_next (rows, ctx) || !leash_rows_get_text (rows, 0, &name, NULL) || name[0] != 'r')
        g_error ("row %u is not there", i);
      leash_rows_close (rows, NULL);
      leash_rows_unref (rows);
    }
  finish (stmt);
}

static void
select_at_once (gpointer user_data, guint n)
{
  for (guint i = 0; i < n; i++)
    {
      char *name = NULL;

      leash_db_query_row (db, ctx, select_sql,
                          LEASH_SQL_ARGS (leash_sql_int64 (i % bench_scale (N_ROWS) + 1)), NULL,
                          LEASH_SQL_TEXT, &name, LEASH_SQL_END);
      if (name == NULL || name[0] != 'r')
        g_error ("row %u is not there", i);
      g_free (name);
    }
}

static void
insert_prepared (gpointer user_data, guint n)
{
  LeashTx *tx = leash_db_conn_begin (conn, ctx, NULL, NULL);
  LeashStmt *stmt = prepare (insert_sql);

  for (guint i = 0; i < n; i++)
    if (!leash_stmt_exec (stmt, ctx, LEASH_SQL_ARGS (leash_sql_int64 (i)), NULL, NULL))
      g_error ("row %u is not inserted", i);
  finish (stmt);
  leash_tx_rollback (tx, NULL);
  leash_tx_unref (tx);
}

static void
scan (gpointer user_data, guint n)
{
  LeashStmt *stmt = prepare (scan_sql);
  LeashRows *rows = leash_stmt_query (stmt, ctx, LEASH_SQL_ARGS (leash_sql_int64 (n)), NULL);
  guint n_read = 0;
  gint64 id;
  const char *name;

  while (leash_rows_next (rows, ctx))
    {
      if (!leash_rows_get_int64 (rows, 0, &id, NULL) || !leash_rows_get_text (rows, 1, &name, NULL))
        g_error ("a row is not what it should be");
      n_read += id > 0 && name[0] == 'r';
    }
  if (!leash_rows_check (rows, NULL) || n_read != n)
    g_error ("not all of %u rows were read", n);
  leash_rows_unref (rows);
  finish (stmt);
}

static void
check_out_and_return (gpointer user_data, guint n)
{
  for (guint i = 0; i < n; i++)
    {
      LeashDbConn *checked_out = leash_db_checkout (db, ctx, NULL);

      leash_db_conn_close (checked_out, NULL);
      leash_db_conn_unref (checked_out);
    }
}

static void
set_up (const char *uri)
{
  g_autofree char *fill = g_strdup_printf (
      "INSERT INTO t SELECT i, 'row ' || i FROM generate_series (1, %u) AS i", bench_scale (N_ROWS) * 2);
  g_autoptr (GError) error = NULL;

  pg = PQconnectdb (uri);
  run ("CREATE TABLE t (id int PRIMARY KEY, name text)");
  run ("CREATE TABLE filled (id int, name text)");
  run (fill);
  run ("VACUUM ANALYZE");
  PQclear (need (PQprepare (pg, "select", select_sql, 0, NULL)));
  PQclear (need (PQprepare (pg, "insert", insert_sql, 0, NULL)));
  PQclear (need (PQprepare (pg, "scan", scan_sql, 0, NULL)));
  db = leash_db_open (ctx, uri, NULL, &error);
  g_assert_no_error (error);
  conn = leash_db_checkout (db, ctx, NULL);
}

static void
compare (const char *ratio, double at_most, BenchCandidate *tracked, BenchCandidate *libpq)
{
  bench_target (ratio, "x", bench_ratio (tracked, libpq), at_most);
  bench_figure (tracked->name, "ns", bench_median (tracked->ns));
  bench_figure (libpq->name, "ns", bench_median (libpq->ns));
}

/* The first that it may use; inherited by the server. */
static void
use_one_processor (void)
{
  cpu_set_t set;
  int first = 0;

  CPU_ZERO (&set);
  if (sched_getaffinity (0, sizeof set, &set) != 0)
    g_error ("the processors are not known: %s", g_strerror (errno));
  while (!CPU_ISSET (first, &set))
    first++;
  CPU_ZERO (&set);
  CPU_SET (first, &set);
  if (sched_setaffinity (0, sizeof set, &set) != 0)
    g_error ("processor %d is not given: %s", first, g_strerror (errno));
}

int
main (int argc, char **argv)
{
  g_autoptr (LeashTracker) tracker = leash_tracker_new ();
  BenchCandidate candidates[] = {
    { "PostgreSQL, prepared select", select_prepared, .part = PART, .is_wall = TRUE },
    { "PostgreSQL, prepared select by libpq", select_by_libpq, .part = PART, .is_wall = TRUE },
    { "PostgreSQL, prepared insert", insert_prepared, .part = PART, .is_wall = TRUE },
    { "PostgreSQL, prepared insert by libpq", insert_by_libpq, .part = PART, .is_wall = TRUE },
    { "PostgreSQL, row of a scan", scan, .is_wall = TRUE },
    { "PostgreSQL, row of a scan by libpq", scan_by_libpq, .is_wall = TRUE },
    { "PostgreSQL, prepared select, this process alone", select_prepared, .part = PART },
    { "PostgreSQL, prepared select by libpq, this process alone", select_by_libpq, .part = PART },
    { "PostgreSQL, row of a scan, this process alone", scan },
    { "PostgreSQL, row of a scan by libpq, this process alone", scan_by_libpq },
    { "PostgreSQL, select that was not prepared", select_at_once, .part = PART, .is_wall = TRUE },
    { "PostgreSQL, prepared select, by rows", select_rows, .part = PART, .is_wall = TRUE },
    { "PostgreSQL, checkout and return", check_out_and_return },
  };
  const char *reason = NULL, *uri;

  bench_init (argc, argv);
  use_one_processor ();
  uri = postgresql_start (&reason);
  if (uri == NULL)
    {
      bench_note ("PostgreSQL", reason);
      return 0;
    }
  ctx = leash_context_with_tracker (leash_context_background (), tracker);
  set_up (uri);
  bench_run (candidates, G_N_ELEMENTS (candidates), N_ROWS);
  compare ("PostgreSQL, prepared select over libpq's", 1.05, &candidates[0], &candidates[1]);
  compare ("PostgreSQL, prepared insert over libpq's", 1.05, &candidates[2], &candidates[3]);
  compare ("PostgreSQL, scan over libpq's", 1.02, &candidates[4], &candidates[5]);
  for (guint i = 6; i < G_N_ELEMENTS (candidates); i++)
    bench_figure (candidates[i].name, "ns", bench_median (candidates[i].ns));
  bench_figure ("PostgreSQL, prepared select, by rows, over libpq's", "x",
                bench_ratio (&candidates[11], &candidates[1]));
  bench_figure ("PostgreSQL, select that was not prepared, over libpq's prepared", "x",
                bench_ratio (&candidates[10], &candidates[1]));
  PQfinish (pg);
  leash_db_conn_close (conn, NULL);
  leash_db_conn_unref (conn);
  leash_db_close (db, NULL);
  leash_db_unref (db);
  leash_context_unref (ctx);
  return 0;
}
