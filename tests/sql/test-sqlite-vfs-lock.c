/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who else has the database open: connections of the same process, by other names, in other threads, and
 * other processes. */
#include "sqlite-fixture.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

/* What a writer and a reader see of each other. */
static void
test_connections_lock_each_other (gconstpointer place)
{
  Fixture fixture;
  sqlite3 *one, *other;

  set_up (&fixture, (Place) GPOINTER_TO_UINT (place));
  one = open_in_mode (&fixture, "delete");
  run (one, "CREATE TABLE t (x); INSERT INTO t VALUES (1)");
  other = open_database (fixture.vfs, "a.db");
  expect (other, "SELECT x FROM t", "1");
  run (one, "BEGIN IMMEDIATE; INSERT INTO t VALUES (2)");
  g_assert_cmpint (try_run (other, "BEGIN IMMEDIATE"), ==, SQLITE_BUSY);
  expect (other, "SELECT x FROM t", "1");
  run (other, "BEGIN; SELECT x FROM t");
  g_assert_cmpint (try_run (one, "COMMIT"), ==, SQLITE_BUSY);
  run (other, "COMMIT");
  g_assert_cmpint (try_run (other, "SELECT x FROM t"), ==, SQLITE_BUSY); /* the one that waits goes first */
  run (one, "COMMIT");
  expect (other, "SELECT x FROM t", "1 2");
  run (one, "BEGIN EXCLUSIVE");
  expect (other, "SELECT x FROM t", "error 5");
  run (one, "COMMIT");
  close_database (one);
  expect (other, "PRAGMA integrity_check", "ok");
  close_database (other);
  tear_down (&fixture);
}

/* In WAL mode a reader keeps what it has begun with. */
static void
test_wal_is_shared (gconstpointer place)
{
  Fixture fixture;
  sqlite3 *one, *other;

  set_up (&fixture, (Place) GPOINTER_TO_UINT (place));
  one = open_in_mode (&fixture, "wal");
  run (one, "CREATE TABLE t (x); INSERT INTO t VALUES (1)");
  other = open_database (fixture.vfs, "a.db");
  run (other, "BEGIN");
  expect (other, "SELECT x FROM t", "1");
  run (one, "INSERT INTO t VALUES (2)");
  expect (other, "SELECT x FROM t", "1");
  g_assert_cmpint (try_run (other, "INSERT INTO t VALUES (3)"), ==, SQLITE_BUSY);
  expect (one, "PRAGMA wal_checkpoint (TRUNCATE)", "1"); /* busy */
  run (other, "COMMIT");
  expect (other, "SELECT x FROM t", "1 2");
  expect (one, "PRAGMA wal_checkpoint (TRUNCATE)", "0");
  close_database (one);
  run (other, "INSERT INTO t VALUES (3)");
  expect (other, "PRAGMA integrity_check", "ok");
  close_database (other);
  g_assert_false (leash_fs_stat (fixture.fs, fixture.test.ctx, "a.db-wal", &(LeashStat){ 0 }, NULL));
  g_assert_false (leash_fs_stat (fixture.fs, fixture.test.ctx, "a.db-shm", &(LeashStat){ 0 }, NULL));
  tear_down (&fixture);
}

/* A larger index than one region of the shared memory has. */
static void
test_wal_grows (gconstpointer place)
{
  Fixture fixture;
  sqlite3 *one, *other;

  set_up (&fixture, (Place) GPOINTER_TO_UINT (place));
  one = open_in_mode (&fixture, "wal");
  run (one, "PRAGMA page_size = 512; PRAGMA wal_autocheckpoint = 0; VACUUM; CREATE TABLE t (x)");
  other = open_database (fixture.vfs, "a.db");
  for (guint i = 0; i < 10; i++)
    {
      run (i % 2 == 0 ? one : other, "INSERT INTO t VALUES (zeroblob (3000000))");
      expect (i % 2 == 0 ? other : one, "SELECT sum (length (x)) / 3000000 > 0 FROM t", "1");
    }
  expect (other, "SELECT count (*) FROM t", "10");
  expect (one, "PRAGMA integrity_check", "ok");
  close_database (one);
  close_database (other);
  tear_down (&fixture);
}

/*
 * The other process is SQLite without Leash, as any program's: it runs what comes through a pipe, and
 * answers.
 */
typedef struct
{
  int questions[2], answers[2];
  pid_t pid;
} Other;

static void G_GNUC_NORETURN
be_other (Other *other, const char *path)
{
  sqlite3 *database = NULL;
  char sql[256];
  gssize n;

  close (other->questions[1]);
  close (other->answers[0]);
  if (sqlite3_open_v2 (path, &database, SQLITE_OPEN_READWRITE, "unix") != SQLITE_OK)
    _exit (1);
  while ((n = read (other->questions[0], sql, sizeof sql - 1)) > 0)
    {
      g_autofree char *answer = NULL;

      sql[n] = '\0';
      answer = ask (database, sql);
      if (write (other->answers[1], answer, strlen (answer) + 1) < 0)
        _exit (2);
    }
  _exit (sqlite3_close (database) == SQLITE_OK ? 0 : 3);
}

static void
begin_other (Other *other, const char *path)
{
  g_assert_cmpint (pipe (other->questions), ==, 0);
  g_assert_cmpint (pipe (other->answers), ==, 0);
  other->pid = fork ();
  g_assert_cmpint (other->pid, >=, 0);
  if (other->pid == 0)
    be_other (other, path);
  close (other->questions[0]);
  close (other->answers[1]);
}

static void
expect_of_other (Other *other, const char *sql, const char *answer)
{
  char got[256] = "";
  gssize n;

  g_assert_cmpint (write (other->questions[1], sql, strlen (sql)), ==, strlen (sql));
  n = read (other->answers[0], got, sizeof got - 1);
  g_assert_cmpint (n, >, 0);
  g_assert_cmpstr (got, ==, answer);
}

static void
end_other (Other *other)
{
  int status = -1;

  close (other->questions[1]);
  close (other->answers[0]);
  g_assert_cmpint (waitpid (other->pid, &status, 0), ==, other->pid);
  g_assert_cmpint (status, ==, 0);
}

static void
test_other_process_is_locked_out (gconstpointer mode)
{
  Fixture fixture;
  g_autofree char *path = NULL;
  Other other;
  sqlite3 *database;
  gboolean is_wal = strcmp (mode, "wal") == 0;

  set_up (&fixture, ON_DIR);
  path = g_build_filename (fixture.test.dir, "a.db", NULL);
  database = open_in_mode (&fixture, mode);
  run (database, "CREATE TABLE t (x); INSERT INTO t VALUES (1)");
  close_database (database);
  begin_other (&other, path); /* before anything is locked here: a forked child would hold it too */
  database = open_database (fixture.vfs, "a.db");
  expect_of_other (&other, "SELECT x FROM t", "1");
  run (database, "BEGIN IMMEDIATE; INSERT INTO t VALUES (2)");
  expect_of_other (&other, "BEGIN IMMEDIATE", "error 5");
  expect_of_other (&other, "SELECT x FROM t", "1");
  run (database, "COMMIT");
  expect_of_other (&other, "SELECT x FROM t", "1 2");
  expect_of_other (&other, "BEGIN IMMEDIATE; INSERT INTO t VALUES (3)", "");
  g_assert_cmpint (try_run (database, "INSERT INTO t VALUES (4)"), ==, SQLITE_BUSY);
  expect (database, "SELECT x FROM t", "1 2");
  expect_of_other (&other, "COMMIT", "");
  expect (database, "SELECT x FROM t", "1 2 3");
  run (database, "BEGIN");
  expect (database, "SELECT x FROM t", "1 2 3");
  expect_of_other (&other, "INSERT INTO t VALUES (5)", is_wal ? "" : "error 5");
  run (database, "COMMIT");
  expect_of_other (&other, "PRAGMA integrity_check", "ok");
  expect (database, "PRAGMA integrity_check", "ok");
  close_database (database);
  end_other (&other);
  tear_down (&fixture);
}

/* It is killed in a transaction of which half is on the disk: what it has left is rolled back, or thrown
 * away. */
static void
test_other_process_dies (gconstpointer mode)
{
  Fixture fixture;
  g_autofree char *path = NULL;
  Other other;
  sqlite3 *database;
  LeashStat stat;

  set_up (&fixture, ON_DIR);
  path = g_build_filename (fixture.test.dir, "a.db", NULL);
  database = open_in_mode (&fixture, mode);
  run (database, "CREATE TABLE t (x); INSERT INTO t VALUES (1)");
  close_database (database);
  begin_other (&other, path);
  expect_of_other (&other, "INSERT INTO t VALUES (2)", "");
  expect_of_other (
      &other, "PRAGMA cache_size = 2; BEGIN; UPDATE t SET x = 9; INSERT INTO t VALUES (zeroblob (99999))",
      "");
  g_assert_cmpint (kill (other.pid, SIGKILL), ==, 0);
  close (other.questions[1]);
  close (other.answers[0]);
  g_assert_cmpint (waitpid (other.pid, NULL, 0), ==, other.pid);
  g_assert_true (leash_fs_stat (fixture.fs, fixture.test.ctx,
                                strcmp (mode, "wal") == 0 ? "a.db-wal" : "a.db-journal", &stat, NULL));
  g_assert_cmpuint (stat.size, >, 0);
  database = open_database (fixture.vfs, "a.db");
  expect (database, "SELECT x FROM t", "1 2");
  expect (database, "PRAGMA integrity_check", "ok");
  close_database (database);
  tear_down (&fixture);
}

static void
test_two_vfs_of_one_file_system (void)
{
  Fixture fixture;
  const char *second;
  sqlite3 *one, *other;

  set_up (&fixture, ON_MEMORY);
  second = register_vfs (fixture.fs, fixture.test.ctx);
  g_assert_cmpstr (second, !=, fixture.vfs);
  one = open_in_mode (&fixture, "wal");
  other = open_database (second, "a.db");
  run (one, "CREATE TABLE t (x); BEGIN IMMEDIATE");
  g_assert_cmpint (try_run (other, "BEGIN IMMEDIATE"), ==, SQLITE_BUSY);
  run (one, "INSERT INTO t VALUES (1); COMMIT");
  expect (other, "SELECT x FROM t", "1");
  close_database (one);
  close_database (other);
  unregister_vfs (second);
  tear_down (&fixture);
}

/* A link's journal lies beside the file that it leads to, and both names are one to the locks. */
static void
test_link_is_the_same_database (gconstpointer place)
{
  Fixture fixture;
  sqlite3 *one, *other;
  LeashStat stat;

  set_up (&fixture, (Place) GPOINTER_TO_UINT (place));
  g_assert_true (leash_fs_mkdir (fixture.fs, fixture.test.ctx, "deep", 0755, NULL));
  g_assert_true (leash_fs_symlink (fixture.fs, fixture.test.ctx, "../a.db", "deep/link", NULL));
  one = open_in_mode (&fixture, "delete");
  run (one, "CREATE TABLE t (x); INSERT INTO t VALUES (1)");
  other = open_database (fixture.vfs, "deep/link");
  run (other, "BEGIN IMMEDIATE; INSERT INTO t VALUES (2)");
  g_assert_true (leash_fs_stat (fixture.fs, fixture.test.ctx, "a.db-journal", &stat, NULL));
  g_assert_cmpint (try_run (one, "BEGIN IMMEDIATE"), ==, SQLITE_BUSY);
  run (other, "COMMIT");
  close_database (other);
  close_database (one);
  g_assert_cmpint (
      sqlite3_open_v2 ("deep/link", &one, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOFOLLOW, fixture.vfs), ==,
      SQLITE_CANTOPEN);
  close_database (one);
  g_assert_true (leash_fs_symlink (fixture.fs, fixture.test.ctx, "loop", "loop", NULL));
  g_assert_cmpint (sqlite3_open_v2 ("loop", &one, SQLITE_OPEN_READWRITE, fixture.vfs), ==, SQLITE_CANTOPEN);
  close_database (one);
  tear_down (&fixture);
}

/* Threads with a connection each write to one database, and wait for each other by SQLite's own means. */
#define N_THREADS 4
#define N_ROWS 25

typedef struct
{
  const char *vfs;
  guint number;
} Writer;

static gpointer
write_rows (gpointer data)
{
  const Writer *writer = data;
  sqlite3 *database = open_database (writer->vfs, "a.db");

  sqlite3_busy_timeout (database, 60000);
  for (guint i = 0; i < N_ROWS; i++)
    {
      g_autofree char *sql = g_strdup_printf ("BEGIN IMMEDIATE; INSERT INTO t VALUES (%u); COMMIT", i);

      run (database, sql);
    }
  close_database (database);
  return NULL;
}

static void
test_threads_write_in_turn (gconstpointer mode)
{
  Fixture fixture;
  Writer writers[N_THREADS];
  GThread *threads[N_THREADS];
  sqlite3 *database;
  g_autofree char *expected = g_strdup_printf ("%u", N_THREADS * N_ROWS);

  set_up (&fixture, ON_MEMORY);
  database = open_in_mode (&fixture, mode);
  run (database, "CREATE TABLE t (x)");
  for (guint i = 0; i < N_THREADS; i++)
    {
      writers[i] = (Writer){ fixture.vfs, i };
      threads[i] = g_thread_new ("writer", write_rows, &writers[i]);
    }
  for (guint i = 0; i < N_THREADS; i++)
    g_thread_join (threads[i]);
  expect (database, "SELECT count (*) FROM t", expected);
  expect (database, "PRAGMA integrity_check", "ok");
  close_database (database);
  tear_down (&fixture);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);

  add_for_each_place ("/sqlite-vfs-lock/connections-lock-each-other", test_connections_lock_each_other);
  add_for_each_place ("/sqlite-vfs-lock/wal-is-shared", test_wal_is_shared);
  add_for_each_place ("/sqlite-vfs-lock/wal-grows", test_wal_grows);
  add_for_each_place ("/sqlite-vfs-lock/link-is-the-same-database", test_link_is_the_same_database);
  g_test_add_data_func ("/sqlite-vfs-lock/other-process-is-locked-out/delete", "delete",
                        test_other_process_is_locked_out);
  g_test_add_data_func ("/sqlite-vfs-lock/other-process-is-locked-out/wal", "wal",
                        test_other_process_is_locked_out);
  g_test_add_data_func ("/sqlite-vfs-lock/other-process-dies/delete", "delete", test_other_process_dies);
  g_test_add_data_func ("/sqlite-vfs-lock/other-process-dies/wal", "wal", test_other_process_dies);
  g_test_add_func ("/sqlite-vfs-lock/two-vfs-of-one-file-system", test_two_vfs_of_one_file_system);
  g_test_add_data_func ("/sqlite-vfs-lock/threads-write-in-turn/delete", "delete",
                        test_threads_write_in_turn);
  g_test_add_data_func ("/sqlite-vfs-lock/threads-write-in-turn/wal", "wal", test_threads_write_in_turn);
  return g_test_run ();
}
