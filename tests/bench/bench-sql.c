/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A database by LeashDb, with tracking on, beside SQLite's own calls, in memory: a row by its key, an insert
 * in a transaction, and a scan, all by statements that are prepared. SQLite's own calls are those on a
 * connection as sqlite3_open() makes it, whose every call locks it, and on one without locks, for one thread.
 *
 * Both are on the kind of database in memory that LeashDb has, which several connections may share: SQLite's
 * file system "memdb". One that is a connection's own, ":memory:", is shown beside it.
 */
#include <sqlite3.h>

#include <leash/leash-sql.h>
#include <leash/leash.h>

#include "bench.h"

#define N_ROWS 1000000
#define N_CALLS 50000

static const char select_sql[] = "SELECT name FROM t WHERE id = ?",
                  insert_sql[] = "INSERT INTO filled VALUES (?, 'a name')",
                  scan_sql[] = "SELECT id, name FROM t LIMIT ?",
                  tables_sql[] = "CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT); "
                                 "CREATE TABLE filled (id INTEGER PRIMARY KEY, name TEXT)";

static char *
make_fill_sql (void)
{
  return g_strdup_printf ("WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %u) "
                          "INSERT INTO t SELECT i, 'row ' || i FROM n",
                          bench_scale (N_ROWS));
}

/* Those that are read one by one lie together, so that SQLite's cache has them. */
static guint
get_id (guint i)
{
  return i % MIN (1000, bench_scale (N_ROWS)) + 1;
}

/* SQLite's own calls. */

static void
execute (sqlite3 *db, const char *sql)
{
  if (sqlite3_exec (db, sql, NULL, NULL, NULL) != SQLITE_OK)
    g_error ("%s: %s", sql, sqlite3_errmsg (db));
}

static sqlite3 *
open_own (const char *file, int how)
{
  g_autofree char *fill = make_fill_sql ();
  sqlite3 *db = NULL;

  if (sqlite3_open_v2 (file, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_URI | how, NULL)
      != SQLITE_OK)
    g_error ("%s is not opened: %s", file, sqlite3_errmsg (db));
  execute (db, tables_sql);
  execute (db, fill);
  return db;
}

static sqlite3_stmt *
prepare_own (sqlite3 *db, const char *sql)
{
  sqlite3_stmt *stmt = NULL;

  if (sqlite3_prepare_v2 (db, sql, -1, &stmt, NULL) != SQLITE_OK)
    g_error ("%s: %s", sql, sqlite3_errmsg (db));
  return stmt;
}

static void
select_own (gpointer db, guint n)
{
  sqlite3_stmt *stmt = prepare_own (db, select_sql);

  for (guint i = 0; i < n; i++)
    {
      char *name;

      sqlite3_bind_int64 (stmt, 1, get_id (i));
      if (sqlite3_step (stmt) != SQLITE_ROW)
        g_error ("row %u is not there", i);
      name = g_strdup ((const char *) sqlite3_column_text (stmt, 0));
      sqlite3_reset (stmt);
      g_free (name);
    }
  sqlite3_finalize (stmt);
}

static void
insert_own (gpointer db, guint n)
{
  sqlite3_stmt *stmt = prepare_own (db, insert_sql);

  execute (db, "BEGIN");
  for (guint i = 0; i < n; i++)
    {
      sqlite3_bind_int64 (stmt, 1, i);
      if (sqlite3_step (stmt) != SQLITE_DONE)
        g_error ("row %u is not inserted", i);
      sqlite3_reset (stmt);
    }
  execute (db, "ROLLBACK");
  sqlite3_finalize (stmt);
}

static void
check_scan (guint n, gint64 sum, guint n_named)
{
  if (sum != (gint64) n * (n + 1) / 2 || n_named != n)
    g_error ("the %u rows are not what they were", n);
}

/* Of n rows. */
static void
scan_own (gpointer db, guint n)
{
  sqlite3_stmt *stmt = prepare_own (db, scan_sql);
  gint64 sum = 0;
  guint n_named = 0;

  n = MIN (n, bench_scale (N_ROWS));
  sqlite3_bind_int64 (stmt, 1, n);
  while (sqlite3_step (stmt) == SQLITE_ROW)
    {
      sum += sqlite3_column_int64 (stmt, 0);
      n_named += ((const char *) sqlite3_column_text (stmt, 1))[0] == 'r';
    }
  check_scan (n, sum, n_named);
  sqlite3_finalize (stmt);
}

static void
connect_own (gpointer unused, guint n)
{
  for (guint i = 0; i < n; i++)
    {
      sqlite3 *db = NULL;

      sqlite3_open (":memory:", &db);
      sqlite3_close (db);
    }
}

/* LeashDb. */

typedef struct
{
  LeashContext *ctx;
  LeashDb *db;
  LeashDbConn *conn;
} Work;

static void
must (gboolean is_done, GError *error)
{
  if (!is_done)
    g_error ("%s", error->message);
}

static void
set_up (Work *work, LeashContext *ctx)
{
  g_autofree char *fill = make_fill_sql ();
  GError *error = NULL;

  work->ctx = ctx;
  work->db = leash_db_open (ctx, "sqlite::memory:", NULL, &error);
  must (work->db != NULL, error);
  work->conn = leash_db_checkout (work->db, ctx, &error);
  must (work->conn != NULL, error);
  must (leash_db_conn_exec_script (work->conn, ctx, tables_sql, &error), error);
  must (leash_db_conn_exec_script (work->conn, ctx, fill, &error), error);
}

static void
tear_down (Work *work)
{
  leash_db_conn_unref (work->conn);
  leash_db_unref (work->db);
}

static LeashStmt *
prepare (Work *work, const char *sql)
{
  GError *error = NULL;
  LeashStmt *stmt = leash_db_conn_prepare (work->conn, work->ctx, sql, &error);

  must (stmt != NULL, error);
  return stmt;
}

static void
select_by_leash (gpointer user_data, guint n)
{
  Work *work = user_data;
  g_autoptr (LeashStmt) stmt = prepare (work, select_sql);
  GError *error = NULL;

  for (guint i = 0; i < n; i++)
    {
      char *name;

      if (!leash_stmt_query_row (stmt, work->ctx, LEASH_SQL_ARGS (leash_sql_int64 (get_id (i))), &error,
                                 LEASH_SQL_TEXT, &name, LEASH_SQL_END))
        g_error ("%s", error->message);
      g_free (name);
    }
}

/* As that, by rows, which are on the leash. */
static void
select_rows_by_leash (gpointer user_data, guint n)
{
  Work *work = user_data;
  g_autoptr (LeashStmt) stmt = prepare (work, select_sql);

  for (guint i = 0; i < n; i++)
    {
      LeashRows *rows
          = leash_stmt_query (stmt, work->ctx, LEASH_SQL_ARGS (leash_sql_int64 (get_id (i))), NULL);
      char *name;

      if (!leash_rows_next (rows, work->ctx)
          || !leash_rows_scan (rows, NULL, LEASH_SQL_TEXT, &name, LEASH_SQL_END))
        g_error ("row %u is not there", i);
      leash_rows_close (rows, NULL);
      leash_rows_unref (rows);
      g_free (name);
    }
}

static void
insert_by_leash (gpointer user_data, guint n)
{
  Work *work = user_data;
  g_autoptr (LeashTx) tx = leash_db_conn_begin (work->conn, work->ctx, NULL, NULL);
  g_autoptr (LeashStmt) stmt = prepare (work, insert_sql);
  GError *error = NULL;

  for (guint i = 0; i < n; i++)
    if (!leash_stmt_exec (stmt, work->ctx, LEASH_SQL_ARGS (leash_sql_int64 (i)), NULL, &error))
      g_error ("%s", error->message);
  must (leash_tx_rollback (tx, &error), error);
}

static void
scan_by_leash (gpointer user_data, guint n)
{
  Work *work = user_data;
  g_autoptr (LeashStmt) stmt = prepare (work, scan_sql);
  g_autoptr (LeashRows) rows = NULL;
  gint64 sum = 0, id = 0;
  guint n_named = 0;
  const char *name = NULL;
  GError *error = NULL;

  n = MIN (n, bench_scale (N_ROWS));
  rows = leash_stmt_query (stmt, work->ctx, LEASH_SQL_ARGS (leash_sql_int64 (n)), &error);
  must (rows != NULL, error);
  while (leash_rows_next (rows, work->ctx))
    {
      if (!leash_rows_get_int64 (rows, 0, &id, &error) || !leash_rows_get_text (rows, 1, &name, &error))
        g_error ("%s", error->message);
      sum += id;
      n_named += name[0] == 'r';
    }
  must (leash_rows_check (rows, &error), error);
  check_scan (n, sum, n_named);
}

static void
check_out (gpointer user_data, guint n)
{
  Work *work = user_data;

  for (guint i = 0; i < n; i++)
    {
      LeashDbConn *conn = leash_db_checkout (work->db, work->ctx, NULL);

      leash_db_conn_close (conn, NULL);
      leash_db_conn_unref (conn);
    }
}

/* One sort of work by everybody. */
typedef struct
{
  const char *what;
  double at_most; /* of the locked one's time */
  guint n;
  BenchFunc own, by_leash;
} Kind;

enum
{
  TRACKED,
  UNTRACKED,
  LOCKED,
  UNLOCKED,
  PRIVATE, /* unlocked, and the connection's own */
  N_WAYS
};

static void
compare (const Kind *kind, Work *tracked, Work *untracked, sqlite3 *const *own)
{
  BenchCandidate c[N_WAYS] = {
    [TRACKED] = { "tracked", kind->by_leash, tracked },
    [UNTRACKED] = { "no tracker", kind->by_leash, untracked },
    [LOCKED] = { "locked", kind->own, own[LOCKED] },
    [UNLOCKED] = { "unlocked", kind->own, own[UNLOCKED] },
    [PRIVATE] = { "private", kind->own, own[PRIVATE] },
  };
  static const struct
  {
    const char *words;
    guint over, under;
    gboolean has_target;
  } ratios[] = { { "Leash / SQLite's own calls", TRACKED, LOCKED, TRUE },
                 { "Leash / SQLite's own calls without locks", TRACKED, UNLOCKED, FALSE },
                 { "Leash without a tracker / SQLite's own calls without locks", UNTRACKED, UNLOCKED, FALSE },
                 { "Leash / SQLite's own calls without locks on :memory:", TRACKED, PRIVATE, FALSE } };

  bench_run (c, N_WAYS, kind->n);
  for (guint i = 0; i < G_N_ELEMENTS (ratios); i++)
    {
      g_autofree char *name = g_strdup_printf ("%s: %s", kind->what, ratios[i].words);

      bench_print_figure (name, "x", bench_ratio (&c[ratios[i].over], &c[ratios[i].under]),
                          ratios[i].has_target ? kind->at_most : 0);
    }
  for (guint i = TRACKED; i <= UNLOCKED; i += UNLOCKED)
    {
      g_autofree char *name = g_strdup_printf ("%s: %s", kind->what,
                                               i == TRACKED ? "Leash" : "SQLite's own calls without locks");

      bench_figure (name, "ns", bench_median (c[i].ns));
    }
}

static void
measure_pool (Work *tracked, Work *untracked)
{
  BenchCandidate c[] = {
    { "a connection of SQLite checked out and returned", check_out, tracked },
    { "a connection of SQLite checked out and returned, no tracker", check_out, untracked },
    { "sqlite3_open() and sqlite3_close() instead", connect_own, NULL, .part = 100 },
  };

  bench_run (c, G_N_ELEMENTS (c), N_CALLS);
  for (guint i = 0; i < G_N_ELEMENTS (c); i++)
    bench_figure (c[i].name, "ns", bench_median (c[i].ns));
}

int
main (int argc, char **argv)
{
  static const Kind kinds[]
      = { { "a row of SQLite by its key", 1.05, N_CALLS, select_own, select_by_leash },
          { "a row of SQLite by its key, by rows", 0, N_CALLS, select_own, select_rows_by_leash },
          { "an insert into SQLite", 1.05, N_CALLS, insert_own, insert_by_leash },
          { "a row of a scan of SQLite", 1.02, N_ROWS, scan_own, scan_by_leash } };
  g_autoptr (LeashTracker) tracker = leash_tracker_new ();
  g_autoptr (LeashContext) ctx = leash_context_with_tracker (leash_context_background (), tracker);
  sqlite3 *own[N_WAYS] = { NULL };
  Work tracked, untracked;

  bench_init (argc, argv);
  own[LOCKED] = open_own ("file:/locked?vfs=memdb", SQLITE_OPEN_FULLMUTEX);
  own[UNLOCKED] = open_own ("file:/unlocked?vfs=memdb", SQLITE_OPEN_NOMUTEX);
  own[PRIVATE] = open_own (":memory:", SQLITE_OPEN_NOMUTEX);
  set_up (&tracked, ctx);
  set_up (&untracked, leash_context_background ());
  for (guint i = 0; i < G_N_ELEMENTS (kinds); i++)
    compare (&kinds[i], &tracked, &untracked, own);
  measure_pool (&tracked, &untracked);
  tear_down (&tracked);
  tear_down (&untracked);
  for (guint i = LOCKED; i < N_WAYS; i++)
    sqlite3_close (own[i]);
  return 0;
}
