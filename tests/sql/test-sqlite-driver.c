/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SQLite on disk: locks of other processes, contexts that end statements, files that are damaged, read-only
 * or gone. */
#include "sql-fixture.h"

#include <fcntl.h>
#include <leash/leash-sqlite-vfs.h>
#include <sqlite3.h>
#include <sys/wait.h>

typedef struct
{
  Fixture base;
  LeashContext *ctx; /* base's */
  char *path;
  char *uri;
  LeashDb *db;
} Disk;

static void
disk_set_up (Disk *disk, gconstpointer unused)
{
  set_up (&disk->base, NULL);
  disk->ctx = disk->base.ctx;
  disk->path = path_of (&disk->base, "app.db");
  disk->uri = g_strconcat ("sqlite:", disk->path, NULL);
  disk->db = open_db (disk->ctx, disk->uri, NULL);
  run_sql (disk->db, disk->ctx, "CREATE TABLE t (a INTEGER)");
  run_sql (disk->db, disk->ctx, "INSERT INTO t VALUES (1)");
}

static void
disk_tear_down (Disk *disk, gconstpointer unused)
{
  leash_db_unref (disk->db);
  g_free (disk->uri);
  g_free (disk->path);
  tear_down (&disk->base, NULL);
}

#define ADD_DISK(path, func) g_test_add (path, Disk, NULL, disk_set_up, func, disk_tear_down)

/* A query that takes for ever. */
#define ENDLESS "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"

static void
test_deadline_ends_a_statement (Disk *disk, gconstpointer unused)
{
  LeashDbConn *conn = check_out (disk->db, disk->ctx);
  g_autoptr (LeashContext) brief = leash_context_with_timeout (disk->ctx, 20000);
  g_autoptr (GError) error = NULL;

  g_assert_false (leash_db_conn_exec (conn, brief, ENDLESS, LEASH_SQL_NO_ARGS, NULL, &error));
  assert_io_error (error, G_IO_ERROR_TIMED_OUT, "Executing “WITH RECURSIVE");
  leash_context_cancel (brief, NULL);
  /* The connection is usable on. */
  MUST (leash_db_conn_exec, conn, disk->ctx, "SELECT 1", LEASH_SQL_NO_ARGS, NULL);
  give_back (conn);
}

static gpointer
cancel_soon (gpointer user_data)
{
  g_usleep (20000);
  leash_context_cancel (user_data, NULL);
  return NULL;
}

static void
test_cancel_ends_a_statement_in_a_transaction (Disk *disk, gconstpointer unused)
{
  LeashTx *tx = leash_db_begin (disk->db, disk->ctx, NULL, NULL);
  g_autoptr (LeashContext) ctx = leash_context_with_cancel (disk->ctx);
  GThread *canceller = g_thread_new ("canceller", cancel_soon, ctx);
  g_autoptr (GError) error = NULL;

  MUST (leash_tx_exec, tx, disk->ctx, "INSERT INTO t VALUES (2)", LEASH_SQL_NO_ARGS, NULL);
  g_assert_false (leash_tx_exec (tx, ctx, ENDLESS, LEASH_SQL_NO_ARGS, NULL, &error));
  assert_io_error (error, G_IO_ERROR_CANCELLED, "Executing");
  g_thread_join (canceller);
  MUST (leash_tx_commit, tx, disk->ctx);
  leash_tx_unref (tx);
  g_assert_cmpint (get_number (disk->db, disk->ctx, "SELECT sum(a) FROM t"), ==, 3);
}

/* A table whose every page takes some time to read, on a connection that has read none of it. */
typedef struct
{
  LeashFs *fs;
  const char *vfs;
  LeashDb *db;
  LeashDbConn *conn;
  LeashContext *ctx; /* cancelled by cancel_in_reading() */
  guint64 n_reads;   /* when that is */
} Slow;

static void
slow_begin (Slow *slow, LeashContext *ctx, guint n_pages, gint64 delay)
{
  g_autoptr (LeashFs) memory = leash_memory_fs_new ();
  g_autofree char *uri = NULL, *fill = NULL;
  LeashDb *db;

  slow->fs = leash_fault_fs_new (memory);
  slow->vfs = leash_sqlite_vfs_register (slow->fs, ctx, NULL);
  uri = g_strdup_printf ("sqlite:file:slow.db?vfs=%s", slow->vfs);
  fill = g_strdup_printf ("WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %u)"
                          " INSERT INTO big SELECT zeroblob (3000) FROM n",
                          n_pages);
  db = open_db (ctx, uri, NULL);
  run_sql (db, ctx, "CREATE TABLE big (a)");
  run_sql (db, ctx, "CREATE TABLE small (a)");
  run_sql (db, ctx, "INSERT INTO small VALUES (1), (2)");
  run_sql (db, ctx, fill);
  leash_db_unref (db);
  slow->db = open_db (ctx, uri, NULL);
  slow->conn = check_out (slow->db, ctx);
  slow->ctx = leash_context_with_cancel (ctx);
  slow->n_reads = 20;
  MUST (leash_db_conn_exec, slow->conn, ctx, "SELECT * FROM small", LEASH_SQL_NO_ARGS, NULL);
  leash_fault_fs_add (
      slow->fs, &(LeashFaultRule){ .ops = LEASH_FS_OP_READ, .effect = LEASH_FAULT_DELAY, .delay = delay });
}

static void
slow_end (Slow *slow)
{
  give_back (slow->conn);
  leash_db_unref (slow->db);
  leash_context_unref (slow->ctx);
  MUST (leash_sqlite_vfs_unregister, slow->vfs);
  g_object_unref (slow->fs);
}

static gpointer
cancel_in_reading (gpointer user_data)
{
  Slow *slow = user_data;

  while (leash_fault_fs_count_struck (slow->fs, 0) < slow->n_reads)
    g_usleep (100);
  leash_context_cancel (slow->ctx, NULL);
  return NULL;
}

/* To count a table is one instruction of SQLite's machine, in which it does not ask whether to go on. */
static void
test_cancel_ends_one_long_instruction (Disk *disk, gconstpointer unused)
{
  g_autoptr (GError) error = NULL;
  GThread *canceller;
  Slow slow;

  slow_begin (&slow, disk->ctx, 3000, G_TIME_SPAN_MILLISECOND);
  canceller = g_thread_new ("canceller", cancel_in_reading, &slow);
  g_assert_false (
      leash_db_conn_exec (slow.conn, slow.ctx, "SELECT count(*) FROM big", LEASH_SQL_NO_ARGS, NULL, &error));
  g_thread_join (canceller);
  assert_io_error (error, G_IO_ERROR_CANCELLED, "Executing “SELECT count(*) FROM big”");
  g_assert_cmpuint (leash_fault_fs_count_struck (slow.fs, 0), <, 2000);
  /* The connection is usable on. */
  leash_fault_fs_remove (slow.fs, 1);
  MUST (leash_db_conn_exec, slow.conn, disk->ctx, "SELECT count(*) FROM big", LEASH_SQL_NO_ARGS, NULL);
  slow_end (&slow);
}

/* As that would end these, too. */
static void
test_rows_of_another_context_go_on (Disk *disk, gconstpointer unused)
{
  GThread *canceller;
  LeashRows *rows;
  Slow slow;

  slow_begin (&slow, disk->ctx, 100, G_TIME_SPAN_MILLISECOND);
  rows = query (slow.conn, disk->ctx, "SELECT a FROM small");
  g_assert_true (leash_rows_next (rows, disk->ctx));
  canceller = g_thread_new ("canceller", cancel_in_reading, &slow);
  MUST (leash_db_conn_exec, slow.conn, slow.ctx, "SELECT count(*) FROM big", LEASH_SQL_NO_ARGS, NULL);
  g_thread_join (canceller);
  g_assert_true (leash_rows_next (rows, disk->ctx));
  g_assert_false (leash_rows_next (rows, disk->ctx));
  g_assert_true (leash_rows_check (rows, NULL));
  leash_rows_unref (rows);
  slow_end (&slow);
}

/* An interrupt that a step does not look at before its row is there is not left for what comes next. */
static void
test_cancel_in_the_first_row (Disk *disk, gconstpointer unused)
{
  g_autoptr (GError) error = NULL;
  GThread *canceller;
  LeashRows *rows;
  Slow slow;

  slow_begin (&slow, disk->ctx, 10, 40 * G_TIME_SPAN_MILLISECOND);
  slow.n_reads = 2;
  canceller = g_thread_new ("canceller", cancel_in_reading, &slow);
  rows = leash_db_conn_query (slow.conn, slow.ctx, "SELECT rowid FROM big", LEASH_SQL_NO_ARGS, &error);
  g_thread_join (canceller);
  MUST (leash_db_conn_exec, slow.conn, disk->ctx, "SELECT 1", LEASH_SQL_NO_ARGS, NULL);
  g_assert_null (rows);
  assert_io_error (error, G_IO_ERROR_CANCELLED, "SELECT rowid FROM big");
  slow_end (&slow);
}

/* What was begun with a context that has ended since goes on with another. */
static void
test_rows_change_their_context (Disk *disk, gconstpointer unused)
{
  LeashContext *brief = leash_context_with_cancel (disk->ctx);
  LeashDbConn *conn = check_out (disk->db, disk->ctx);
  LeashRows *rows;

  run_sql (disk->db, disk->ctx, "INSERT INTO t VALUES (2), (3)");
  rows = query (conn, brief, "SELECT a FROM t");
  g_assert_true (leash_rows_next (rows, brief));
  g_assert_true (leash_rows_next (rows, brief));
  leash_context_cancel (brief, NULL);
  leash_context_unref (brief);
  g_assert_true (leash_rows_next (rows, disk->ctx));
  MUST (leash_db_conn_exec, conn, disk->ctx, "SELECT 1", LEASH_SQL_NO_ARGS, NULL);
  close_rows (rows);
  give_back (conn);
}

/* Deadlines before, in and after a statement: whichever it is, what comes next is not struck. */
static void
test_deadline_does_not_strike_the_next (Disk *disk, gconstpointer unused)
{
  LeashDbConn *conn = check_out (disk->db, disk->ctx);
  LeashStmt *next = prepare (conn, disk->ctx, "SELECT a FROM t");
  guint n_done = 0;

  for (guint i = 0; i < 600; i++)
    {
      g_autoptr (LeashContext) brief = leash_context_with_timeout (disk->ctx, i % 120 * 5);
      g_autoptr (GError) error = NULL;

      if (leash_db_conn_exec (conn, brief,
                              "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 400)"
                              " SELECT count(*) FROM n",
                              LEASH_SQL_NO_ARGS, NULL, &error))
        n_done++;
      else
        g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
      MUST (leash_stmt_exec, next, disk->ctx, LEASH_SQL_NO_ARGS, NULL);
      leash_context_cancel (brief, NULL);
    }
  g_test_message ("%u of 600 were done in time", n_done);
  MUST (leash_stmt_close, next);
  leash_stmt_unref (next);
  give_back (conn);
}

/* Another process, by SQLite's own functions, that has locked the file until it is told to go. */
typedef struct
{
  pid_t pid;
  int to;   /* closed to let it go */
  int from; /* a byte when it has the lock */
} Locker;

static void
hold_lock (const char *path, int in, int out)
{
  sqlite3 *db;
  char byte = 0;

  if (sqlite3_open (path, &db) != SQLITE_OK
      || sqlite3_exec (db, "BEGIN EXCLUSIVE", NULL, NULL, NULL) != SQLITE_OK || write (out, &byte, 1) != 1)
    _exit (1);
  while (read (in, &byte, 1) > 0)
    continue;
  _exit (sqlite3_exec (db, "INSERT INTO t VALUES (100); COMMIT", NULL, NULL, NULL) == SQLITE_OK ? 0 : 1);
}

static Locker
lock_elsewhere (const char *path)
{
  int to[2], from[2];
  Locker locker;
  char byte;

  g_assert_cmpint (pipe2 (to, O_CLOEXEC), ==, 0);
  g_assert_cmpint (pipe2 (from, O_CLOEXEC), ==, 0);
  locker.pid = fork ();
  g_assert_cmpint (locker.pid, >=, 0);
  if (locker.pid == 0)
    {
      close (to[1]);
      hold_lock (path, to[0], from[1]);
    }
  close (to[0]);
  close (from[1]);
  locker.to = to[1];
  locker.from = from[0];
  g_assert_cmpint (read (locker.from, &byte, 1), ==, 1);
  return locker;
}

static void
let_go (Locker *locker)
{
  int status;

  close (locker->to);
  close (locker->from);
  g_assert_cmpint (waitpid (locker->pid, &status, 0), ==, locker->pid);
  g_assert_true (WIFEXITED (status) && WEXITSTATUS (status) == 0);
}

static void
test_busy_until_the_deadline (Disk *disk, gconstpointer unused)
{
  g_autoptr (LeashContext) brief = leash_context_with_timeout (disk->ctx, 30000);
  Locker locker = lock_elsewhere (disk->path);
  g_autoptr (GError) error = NULL;

  g_assert_false (
      leash_db_exec (disk->db, brief, "INSERT INTO t VALUES (2)", LEASH_SQL_NO_ARGS, NULL, &error));
  assert_io_error (error, G_IO_ERROR_TIMED_OUT, "Executing “INSERT INTO t VALUES (2)”");
  leash_context_cancel (brief, NULL);
  let_go (&locker);
  run_sql (disk->db, disk->ctx, "INSERT INTO t VALUES (2)");
  g_assert_cmpint (get_number (disk->db, disk->ctx, "SELECT sum(a) FROM t"), ==, 103);
}

static gpointer
let_go_soon (gpointer user_data)
{
  g_usleep (50000);
  let_go (user_data);
  return NULL;
}

static void
test_busy_waits (Disk *disk, gconstpointer unused)
{
  Locker locker = lock_elsewhere (disk->path);
  GThread *thread = g_thread_new ("unlocker", let_go_soon, &locker);

  run_sql (disk->db, disk->ctx, "INSERT INTO t VALUES (2)");
  g_thread_join (thread);
  g_assert_cmpint (get_number (disk->db, disk->ctx, "SELECT sum(a) FROM t"), ==, 103);
}

/* Two that have read, and both want to write: waiting would never end, and SQLite says so at once. */
static void
test_deadlock_is_told (Disk *disk, gconstpointer unused)
{
  LeashTx *first = leash_db_begin (disk->db, disk->ctx, NULL, NULL);
  LeashTx *second = leash_db_begin (disk->db, disk->ctx, NULL, NULL);
  g_autoptr (GError) error = NULL;

  MUST (leash_tx_exec, first, disk->ctx, "SELECT * FROM t", LEASH_SQL_NO_ARGS, NULL);
  MUST (leash_tx_exec, second, disk->ctx, "SELECT * FROM t", LEASH_SQL_NO_ARGS, NULL);
  MUST (leash_tx_exec, first, disk->ctx, "INSERT INTO t VALUES (2)", LEASH_SQL_NO_ARGS, NULL);
  g_assert_false (
      leash_tx_exec (second, disk->ctx, "INSERT INTO t VALUES (3)", LEASH_SQL_NO_ARGS, NULL, &error));
  assert_sql_error (error, LEASH_SQL_ERROR_BUSY, "database is locked");
  MUST (leash_tx_rollback, second);
  MUST (leash_tx_commit, first, disk->ctx);
  leash_tx_unref (second);
  leash_tx_unref (first);
}

/* Each call is a file's: the journal is another file beside, which other connections read at the same time.
 */
static void
test_wal (Disk *disk, gconstpointer unused)
{
  g_autofree char *mode = NULL;
  LeashDbConn *reader, *writer;
  LeashRows *rows;

  g_assert_true (leash_db_query_row (disk->db, disk->ctx, "PRAGMA journal_mode = WAL", LEASH_SQL_NO_ARGS,
                                     NULL, LEASH_SQL_TEXT, &mode, LEASH_SQL_END));
  g_assert_cmpstr (mode, ==, "wal");
  reader = check_out (disk->db, disk->ctx);
  writer = check_out (disk->db, disk->ctx);
  rows = query (reader, disk->ctx, "SELECT a FROM t");
  MUST (leash_db_conn_exec, writer, disk->ctx, "INSERT INTO t VALUES (2)", LEASH_SQL_NO_ARGS, NULL);
  g_assert_true (leash_rows_next (rows, disk->ctx));
  /* It reads the state that it began with. */
  g_assert_false (leash_rows_next (rows, disk->ctx));
  g_assert_true (leash_rows_check (rows, NULL));
  leash_rows_unref (rows);
  give_back (writer);
  give_back (reader);
  g_assert_cmpint (get_number (disk->db, disk->ctx, "SELECT sum(a) FROM t"), ==, 3);
}

static void
damage (const char *path, long from)
{
  static const char rubbish[64] = "this is not what a page of a database begins with";
  FILE *file = fopen (path, "r+");

  g_assert_nonnull (file);
  g_assert_cmpint (fseek (file, from, SEEK_SET), ==, 0);
  g_assert_cmpuint (fwrite (rubbish, sizeof rubbish, 1, file), ==, 1);
  fclose (file);
}

static void
test_damaged_file (Disk *disk, gconstpointer unused)
{
  g_autoptr (GError) error = NULL;
  LeashDb *other;
  gint64 n;

  /* The second page is the table's root. */
  damage (disk->path, 4096);
  other = open_db (disk->ctx, disk->uri, NULL);
  g_assert_false (leash_db_query_row (other, disk->ctx, "SELECT count(*) FROM t WHERE a > 0",
                                      LEASH_SQL_NO_ARGS, &error, LEASH_SQL_INT64, &n, LEASH_SQL_END));
  assert_sql_error (error, LEASH_SQL_ERROR_CORRUPT, "malformed");
  leash_db_unref (other);
  damage (disk->path, 0);
  g_assert_null (leash_db_open (disk->ctx, disk->uri, NULL, &error));
  assert_sql_error (error, LEASH_SQL_ERROR_CORRUPT, "app.db", "not a database");
}

static void
test_read_only (Disk *disk, gconstpointer unused)
{
  g_autofree char *uri = g_strdup_printf ("sqlite:file:%s?mode=ro", disk->path);
  g_autoptr (LeashDb) db = open_db (disk->ctx, uri, NULL);
  g_autoptr (GError) error = NULL;

  g_assert_cmpint (get_number (db, disk->ctx, "SELECT sum(a) FROM t"), ==, 1);
  g_assert_false (leash_db_exec (db, disk->ctx, "DELETE FROM t", LEASH_SQL_NO_ARGS, NULL, &error));
  assert_sql_error (error, LEASH_SQL_ERROR_READ_ONLY, "readonly database");
}

/* The parameters of a URI may hold a key. */
static void
test_keys_are_not_shown (Disk *disk, gconstpointer unused)
{
  g_autofree char *file = g_strdup_printf ("sqlite:file:%s", disk->path),
                  *uri = g_strconcat (file, "?mode=rw&key=secret", NULL);
  LeashDb *db = open_db (disk->ctx, uri, NULL);
  LeashDbConn *conn = check_out (db, disk->ctx);
  g_autoptr (GError) error = NULL;
  g_autofree char *report = leash_tracker_report (disk->base.tracker, LEASH_FORMAT_TEXT);

  g_assert_cmpstr (leash_db_get_name (db), ==, file);
  g_assert_null (strstr (report, "secret"));
  if (leash_has_tracking ())
    g_assert_nonnull (strstr (report, file));
  give_back (conn);
  leash_db_unref (db);
  g_assert_null (leash_db_open (disk->ctx, "sqlite:file:/nosuchdir/app.db?mode=rw&key=secret", NULL, &error));
  g_assert_null (strstr (error->message, "secret"));
  assert_sql_error (error, LEASH_SQL_ERROR_CONNECTION, "sqlite:file:/nosuchdir/app.db");
}

/* A pool's connections are descriptors of the process: none is left behind. */
static void
test_connections_are_closed (Disk *disk, gconstpointer unused)
{
  guint before = count_fds ();
  g_autoptr (LeashDb) db = open_db (disk->ctx, disk->uri, NULL);
  LeashDbConn *conns[8];

  for (guint i = 0; i < G_N_ELEMENTS (conns); i++)
    conns[i] = check_out (db, disk->ctx);
  for (guint i = 0; i < G_N_ELEMENTS (conns); i++)
    MUST (leash_db_conn_exec, conns[i], disk->ctx, "SELECT * FROM t", LEASH_SQL_NO_ARGS, NULL);
  g_assert_cmpuint (count_fds (), >, before);
  for (guint i = 0; i < G_N_ELEMENTS (conns); i++)
    give_back (conns[i]);
  MUST (leash_db_close, db);
  g_assert_cmpuint (count_fds (), ==, before);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD_DISK ("/sql/sqlite/deadline-ends-a-statement", test_deadline_ends_a_statement);
  ADD_DISK ("/sql/sqlite/cancel-ends-a-statement-in-a-transaction",
            test_cancel_ends_a_statement_in_a_transaction);
  ADD_DISK ("/sql/sqlite/cancel-ends-one-long-instruction", test_cancel_ends_one_long_instruction);
  ADD_DISK ("/sql/sqlite/rows-of-another-context-go-on", test_rows_of_another_context_go_on);
  ADD_DISK ("/sql/sqlite/cancel-in-the-first-row", test_cancel_in_the_first_row);
  ADD_DISK ("/sql/sqlite/rows-change-their-context", test_rows_change_their_context);
  ADD_DISK ("/sql/sqlite/deadline-does-not-strike-the-next", test_deadline_does_not_strike_the_next);
  ADD_DISK ("/sql/sqlite/busy-until-the-deadline", test_busy_until_the_deadline);
  ADD_DISK ("/sql/sqlite/busy-waits", test_busy_waits);
  ADD_DISK ("/sql/sqlite/deadlock-is-told", test_deadlock_is_told);
  ADD_DISK ("/sql/sqlite/write-ahead-log", test_wal);
  ADD_DISK ("/sql/sqlite/damaged-file", test_damaged_file);
  ADD_DISK ("/sql/sqlite/read-only", test_read_only);
  ADD_DISK ("/sql/sqlite/keys-are-not-shown", test_keys_are_not_shown);
  ADD_DISK ("/sql/sqlite/connections-are-closed", test_connections_are_closed);
  return g_test_run ();
}
