/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SQLite's own calls on the leash (leash-sqlite3.h) beside SQLite's alone, in memory. What is prepared once
 * and used often is SQLite's own work whichever way; a statement that is prepared each time, and a
 * connection, are where tracking costs.
 */
#include <leash/leash-sqlite3.h>
#include <leash/leash.h>

#include "bench.h"

#define N_ROWS 1000000
#define N_PAIRS 100000

typedef struct
{
  LeashContext *ctx; /* NULL: SQLite's own functions */
  sqlite3 *db;
} Work;

static sqlite3 *
open_memory (LeashContext *ctx)
{
  sqlite3 *db = NULL;
  int result = ctx != NULL ? leash_sqlite3_open (ctx, ":memory:", &db) : sqlite3_open (":memory:", &db);

  if (result != SQLITE_OK)
    g_error ("SQLite opens nothing in memory: %s", sqlite3_errmsg (db));
  return db;
}

static void
close_memory (LeashContext *ctx, sqlite3 *db)
{
  int result = ctx != NULL ? leash_sqlite3_close (ctx, db) : sqlite3_close (db);

  if (result != SQLITE_OK)
    g_error ("A connection stays open: %s", sqlite3_errmsg (db));
}

static sqlite3_stmt *
prepare (Work *work, const char *sql)
{
  sqlite3_stmt *stmt = NULL;
  int result = work->ctx != NULL ? leash_sqlite3_prepare_v2 (work->ctx, work->db, sql, -1, &stmt, NULL)
                                 : sqlite3_prepare_v2 (work->db, sql, -1, &stmt, NULL);

  if (result != SQLITE_OK)
    g_error ("%s: %s", sql, sqlite3_errmsg (work->db));
  return stmt;
}

static void
finalize (Work *work, sqlite3_stmt *stmt)
{
  if (work->ctx != NULL)
    leash_sqlite3_finalize (work->ctx, stmt);
  else
    sqlite3_finalize (stmt);
}

static void
execute (Work *work, const char *sql)
{
  if (sqlite3_exec (work->db, sql, NULL, NULL, NULL) != SQLITE_OK)
    g_error ("%s: %s", sql, sqlite3_errmsg (work->db));
}

static void
set_up (Work *work, LeashContext *ctx)
{
  g_autofree char *fill
      = g_strdup_printf ("WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %u) "
                         "INSERT INTO t SELECT i, 'row ' || i FROM n",
                         bench_scale (N_ROWS));

  work->ctx = ctx;
  work->db = open_memory (ctx);
  execute (work, "CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT); "
                 "CREATE TABLE filled (id INTEGER PRIMARY KEY, name TEXT)");
  execute (work, fill);
}

static void
select_row (sqlite3_stmt *stmt, guint id)
{
  sqlite3_bind_int64 (stmt, 1, id);
  if (sqlite3_step (stmt) != SQLITE_ROW || sqlite3_column_text (stmt, 0) == NULL)
    g_error ("row %u is not there", id);
}

static void
select_prepared (gpointer user_data, guint n)
{
  Work *work = user_data;
  sqlite3_stmt *stmt = prepare (work, "SELECT name FROM t WHERE id = ?");

  for (guint i = 0; i < n; i++)
    {
      select_row (stmt, i % bench_scale (N_ROWS) + 1);
      sqlite3_reset (stmt);
    }
  finalize (work, stmt);
}

static void
insert_prepared (gpointer user_data, guint n)
{
  Work *work = user_data;
  sqlite3_stmt *stmt = prepare (work, "INSERT INTO filled VALUES (?, 'a name')");

  execute (work, "BEGIN");
  for (guint i = 0; i < n; i++)
    {
      sqlite3_bind_int64 (stmt, 1, i);
      if (sqlite3_step (stmt) != SQLITE_DONE)
        g_error ("row %u is not inserted", i);
      sqlite3_reset (stmt);
    }
  execute (work, "ROLLBACK");
  finalize (work, stmt);
}

/* Of n rows. */
static void
scan (gpointer user_data, guint n)
{
  Work *work = user_data;
  sqlite3_stmt *stmt = prepare (work, "SELECT id, name FROM t LIMIT ?");
  guint n_read = 0;

  sqlite3_bind_int64 (stmt, 1, n);
  while (sqlite3_step (stmt) == SQLITE_ROW)
    n_read += sqlite3_column_text (stmt, 1) != NULL;
  if (n_read != MIN (n, bench_scale (N_ROWS)))
    g_error ("%u rows are read, not %u", n_read, n);
  finalize (work, stmt);
}

static void
prepare_each (gpointer user_data, guint n)
{
  Work *work = user_data;

  for (guint i = 0; i < n; i++)
    {
      sqlite3_stmt *stmt = prepare (work, "SELECT name FROM t WHERE id = ?");

      select_row (stmt, i % bench_scale (N_ROWS) + 1);
      finalize (work, stmt);
    }
}

static void
open_each (gpointer user_data, guint n)
{
  Work *work = user_data;

  for (guint i = 0; i < n; i++)
    close_memory (work->ctx, open_memory (work->ctx));
}

/* Each as SQLite alone, as its pairs where nothing tracks, and tracked. */
enum
{
  ALONE,
  UNTRACKED,
  TRACKED,
  N_WAYS
};

static void
compare (Work *works, const char *name, BenchFunc func, guint n, double at_most)
{
  g_autofree char *unnoticed = g_strdup_printf ("%s, without a tracker", name);
  g_autofree char *alone = g_strdup_printf ("%s, SQLite alone", name);
  BenchCandidate candidates[N_WAYS] = { { alone, func, &works[ALONE] },
                                        { unnoticed, func, &works[UNTRACKED] },
                                        { name, func, &works[TRACKED] } };

  bench_run (candidates, N_WAYS, n);
  bench_figure (alone, "ns", bench_median (candidates[ALONE].ns));
  bench_print_figure (name, "x", bench_ratio (&candidates[TRACKED], &candidates[ALONE]), at_most);
  bench_figure (unnoticed, "x", bench_ratio (&candidates[UNTRACKED], &candidates[ALONE]));
}

int
main (int argc, char **argv)
{
  g_autoptr (LeashTracker) tracker = leash_tracker_new ();
  g_autoptr (LeashContext) ctx = leash_context_with_tracker (leash_context_background (), tracker);
  Work works[N_WAYS];

  bench_init (argc, argv);
  set_up (&works[ALONE], NULL);
  set_up (&works[UNTRACKED], leash_context_background ());
  set_up (&works[TRACKED], ctx);
  compare (works, "thin: point select, prepared once", select_prepared, N_PAIRS, 1.01);
  compare (works, "thin: insert in a transaction, prepared once", insert_prepared, N_PAIRS, 1.01);
  compare (works, "thin: scan, a row", scan, N_ROWS / 4, 1.01);
  compare (works, "thin: prepare, select and finalize", prepare_each, N_PAIRS / 4, 0);
  compare (works, "thin: open and close", open_each, N_PAIRS / 40, 0);
  for (guint i = 0; i < N_WAYS; i++)
    close_memory (works[i].ctx, works[i].db);
  return 0;
}
