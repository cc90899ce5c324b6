/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SQLite itself on file systems of Leash. */
#include "sqlite-fixture.h"

#include <leash/leash-sql-error.h>
#include <sys/wait.h>
#include <unistd.h>

typedef enum
{
  ON_MEMORY,
  ON_DIR,
  ON_OVERLAY,
  ON_FAULT, /* before one in memory */
  N_PLACES
} Place;

static const char *const place_names[] = { "memory", "dir", "overlay", "fault" };
static const char *const modes[] = { "delete", "truncate", "persist", "memory", "wal", "off" };

static LeashFs *
make_fs (Place place, const LeashTest *test)
{
  g_autoptr (LeashFs) dir = leash_dir_fs_new (test->dir, NULL);
  g_autoptr (LeashFs) memory = leash_memory_fs_new ();

  switch (place)
    {
    case ON_DIR:
      return g_steal_pointer (&dir);
    case ON_OVERLAY:
      return leash_overlay_fs_new (memory, dir);
    case ON_FAULT:
      return leash_fault_fs_new (memory);
    default:
      return g_steal_pointer (&memory);
    }
}

/* A file system of one kind, as a VFS, in a test that ends with nothing open. */
typedef struct
{
  LeashTest test;
  LeashFs *fs;
  const char *vfs;
} Fixture;

static void
set_up (Fixture *fixture, Place place)
{
  fixture->test = leash_test_begin ();
  fixture->fs = make_fs (place, &fixture->test);
  fixture->vfs = register_vfs (fixture->fs, fixture->test.ctx);
}

static void
tear_down (Fixture *fixture)
{
  unregister_vfs (fixture->vfs);
  g_object_unref (fixture->fs);
  leash_test_end (&fixture->test);
}

static sqlite3 *
open_in_mode (Fixture *fixture, const char *mode)
{
  sqlite3 *database = open_database (fixture->vfs, "a.db");
  g_autofree char *sql = g_strdup_printf ("PRAGMA journal_mode = %s", mode);

  expect (database, sql, mode);
  return database;
}

/* Much of what programs do, in the mode that is the database's. */
static void
work (sqlite3 *database)
{
  run (database, "CREATE TABLE t (id INTEGER PRIMARY KEY, x)");
  run (database, "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500)"
                 " INSERT INTO t SELECT i, 'row ' || i FROM n");
  run (database, "INSERT INTO t VALUES (1000, randomblob (3000000))");
  expect (database, "SELECT length (x) FROM t WHERE id = 1000", "3000000");
  run (database, "DELETE FROM t WHERE id % 2 = 0");
  run (database, "CREATE INDEX by_x ON t (x)");
  expect (database, "SELECT count (*) FROM t", "250");
  run (database, "VACUUM");
  expect (database, "SELECT x FROM t ORDER BY id DESC LIMIT 2", "row 499 row 497");
  expect (database, "PRAGMA integrity_check", "ok");
}

static void
roll_back (sqlite3 *database)
{
  run (database, "PRAGMA cache_size = 2; BEGIN");
  run (database, "UPDATE t SET x = x || ' changed'; INSERT INTO t VALUES (2000, zeroblob (100000))");
  run (database, "SAVEPOINT s; DELETE FROM t; ROLLBACK TO s");
  expect (database, "SELECT count (*) FROM t", "251");
  run (database, "ROLLBACK");
  expect (database, "SELECT count (*), x FROM t WHERE x LIKE '%changed' OR id = 2000", "0");
  expect (database, "PRAGMA integrity_check", "ok");
}

static void
test_works (gconstpointer place)
{
  for (guint i = 0; i < G_N_ELEMENTS (modes); i++)
    {
      Fixture fixture;
      sqlite3 *database;

      set_up (&fixture, (Place) GPOINTER_TO_UINT (place));
      database = open_in_mode (&fixture, modes[i]);
      work (database);
      if (strcmp (modes[i], "off") != 0)
        roll_back (database);
      close_database (database);
      database = open_database (fixture.vfs, "a.db");
      expect (database, "SELECT count (*) FROM t", "250");
      close_database (database);
      tear_down (&fixture);
    }
}

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

/* No room from some write on: SQLite says so, and the database is as it was. */
static void
test_full_disk (gconstpointer mode)
{
  gboolean was_full = FALSE;

  for (guint64 bytes = 0; bytes < 120000; bytes += 8191)
    {
      Fixture fixture;
      sqlite3 *database;
      int code;

      set_up (&fixture, ON_FAULT);
      database = open_in_mode (&fixture, mode);
      run (database, "CREATE TABLE t (x); INSERT INTO t VALUES (1)");
      leash_fault_fs_fill (fixture.fs, bytes);
      code = try_run (database, "INSERT INTO t VALUES (zeroblob (50000))");
      g_assert_true (code == SQLITE_OK || code == SQLITE_FULL);
      if (code == SQLITE_FULL)
        g_assert_nonnull (strstr (leash_sqlite_vfs_get_last_error (), "No space left on device"));
      was_full |= code == SQLITE_FULL;
      leash_fault_fs_remove (fixture.fs, 1);
      expect (database, "SELECT count (*) FROM t", code == SQLITE_OK ? "2" : "1");
      expect (database, "PRAGMA integrity_check", "ok");
      run (database, "INSERT INTO t VALUES (zeroblob (50000))");
      close_database (database);
      database = open_database (fixture.vfs, "a.db");
      expect (database, "SELECT count (*) FROM t", code == SQLITE_OK ? "3" : "2");
      expect (database, "PRAGMA integrity_check", "ok");
      close_database (database);
      tear_down (&fixture);
    }
  g_assert_true (was_full);
}

/* The memory file system's own limit. */
static void
test_small_memory (void)
{
  Fixture fixture;
  sqlite3 *database;

  set_up (&fixture, ON_MEMORY);
  leash_memory_fs_set_limits (fixture.fs, 100000, 100);
  database = open_in_mode (&fixture, "delete");
  run (database, "CREATE TABLE t (x); INSERT INTO t VALUES (1)");
  g_assert_cmpint (try_run (database, "INSERT INTO t VALUES (zeroblob (200000))"), ==, SQLITE_FULL);
  expect (database, "SELECT x FROM t", "1");
  expect (database, "PRAGMA integrity_check", "ok");
  close_database (database);
  tear_down (&fixture);
}

/* SQLite's numbers, and the words beside them. */
static void
test_errors_name_the_call (void)
{
  static const struct
  {
    LeashFsOps op;
    const char *path;
    int code;
    const char *words;
  } failures[] = {
    { LEASH_FS_OP_WRITE, "*a.db", SQLITE_IOERR_WRITE, "Writing to" },
    { LEASH_FS_OP_SYNC, "*a.db", SQLITE_IOERR_FSYNC, "Syncing" },
    { LEASH_FS_OP_SYNC, "*-journal", SQLITE_IOERR_FSYNC, "Syncing" },
    { LEASH_FS_OP_REMOVE, "*-journal", SQLITE_IOERR_DELETE, "Removing" },
    { LEASH_FS_OP_STAT, "*-journal", SQLITE_IOERR_ACCESS, "Looking up" },
    { LEASH_FS_OP_OPEN, "*-journal", SQLITE_CANTOPEN, "Opening" },
    { LEASH_FS_OP_FILE_STAT, "*a.db", SQLITE_IOERR_FSTAT, "Looking at" },
    { LEASH_FS_OP_READ, "*a.db", SQLITE_IOERR_READ, "Reading" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (failures); i++)
    {
      Fixture fixture;
      sqlite3 *database;

      set_up (&fixture, ON_FAULT);
      database = open_in_mode (&fixture, "delete");
      run (database, "CREATE TABLE t (x); INSERT INTO t VALUES (1)");
      leash_fault_fs_fail_path (fixture.fs, failures[i].op, failures[i].path, G_IO_ERROR_FAILED);
      g_assert_cmpint (try_run (database, "INSERT INTO t VALUES (2)"), !=, SQLITE_OK);
      g_assert_cmpint (sqlite3_extended_errcode (database), ==, failures[i].code);
      if (strstr (leash_sqlite_vfs_get_last_error (), failures[i].words) == NULL)
        g_error ("%u: %s", i, leash_sqlite_vfs_get_last_error ());
      leash_fault_fs_remove (fixture.fs, 1);
      expect (database, "SELECT x FROM t", "1");
      expect (database, "PRAGMA integrity_check", "ok");
      close_database (database);
      tear_down (&fixture);
    }
}

static void
test_cannot_open (void)
{
  Fixture fixture;
  sqlite3 *database = NULL;

  set_up (&fixture, ON_MEMORY);
  g_assert_cmpint (sqlite3_open_v2 ("none.db", &database, SQLITE_OPEN_READWRITE, fixture.vfs), ==,
                   SQLITE_CANTOPEN);
  g_assert_nonnull (strstr (leash_sqlite_vfs_get_last_error (), "none.db”: No such file or directory"));
  g_assert_cmpint (sqlite3_system_errno (database), ==, ENOENT);
  close_database (database);
  g_assert_true (leash_fs_mkdir (fixture.fs, fixture.test.ctx, "dir", 0755, NULL));
  g_assert_cmpint (sqlite3_open_v2 ("dir", &database, SQLITE_OPEN_READWRITE, fixture.vfs), ==,
                   SQLITE_CANTOPEN);
  g_assert_cmpint (sqlite3_extended_errcode (database), ==, SQLITE_CANTOPEN_ISDIR);
  close_database (database);
  tear_down (&fixture);
}

/* What may not be written can be read. */
static void
test_read_only (void)
{
  Fixture fixture;
  g_autoptr (LeashFs) read_only = NULL;
  const char *vfs;
  sqlite3 *database;

  set_up (&fixture, ON_MEMORY);
  database = open_in_mode (&fixture, "delete");
  run (database, "CREATE TABLE t (x); INSERT INTO t VALUES (1)");
  close_database (database);
  read_only = leash_read_only_fs_new (fixture.fs);
  vfs = register_vfs (read_only, fixture.test.ctx);
  database = open_database (vfs, "a.db");
  g_assert_cmpint (sqlite3_db_readonly (database, "main"), ==, 1);
  expect (database, "SELECT x FROM t", "1");
  g_assert_cmpint (try_run (database, "INSERT INTO t VALUES (2)"), ==, SQLITE_READONLY);
  close_database (database);
  unregister_vfs (vfs);
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

/* On the host a relative path is of the directory where it was opened. */
static void
test_directory_may_change (void)
{
  g_auto (LeashTest) test = leash_test_begin ();
  g_autoptr (LeashFs) fs = leash_host_fs_new ();
  g_autofree char *before = g_get_current_dir ();
  g_autofree char *path = g_build_filename (test.dir, "a.db", NULL);
  const char *vfs = register_vfs (fs, test.ctx);
  sqlite3 *database;

  g_assert_cmpint (chdir (test.dir), ==, 0);
  database = open_database (vfs, "a.db");
  g_assert_cmpint (chdir ("/"), ==, 0);
  run (database, "CREATE TABLE t (x)");
  g_assert_cmpstr (sqlite3_db_filename (database, "main"), ==, path);
  g_assert_cmpint (chdir (before), ==, 0);
  close_database (database);
  unregister_vfs (vfs);
}

/* Nobody may read in a journal what he may not read in the database. */
static void
test_journal_has_the_databases_mode (void)
{
  Fixture fixture;
  sqlite3 *database;
  LeashStat stat;

  set_up (&fixture, ON_MEMORY);
  database = open_in_mode (&fixture, "delete");
  run (database, "CREATE TABLE t (x)");
  g_assert_true (leash_fs_chmod (fixture.fs, fixture.test.ctx, "a.db", 0600, NULL));
  run (database, "BEGIN; INSERT INTO t VALUES (1)");
  g_assert_true (leash_fs_stat (fixture.fs, fixture.test.ctx, "a.db-journal", &stat, NULL));
  g_assert_cmpuint (stat.mode, ==, 0600);
  run (database, "COMMIT");
  close_database (database);
  tear_down (&fixture);
}

/* Sorting and temporary tables spill into files without names, which nothing is left of. */
static void
test_temporary_files (gconstpointer place)
{
  Fixture fixture;
  sqlite3 *database;
  g_autoptr (LeashDir) dir = NULL;
  g_autoptr (GError) error = NULL;
  const LeashDirEntry *entry;

  set_up (&fixture, (Place) GPOINTER_TO_UINT (place));
  database = open_in_mode (&fixture, "delete");
  run (database, "PRAGMA temp_store = FILE; PRAGMA temp.cache_size = 2; CREATE TEMP TABLE t (x)");
  run (database, "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50)"
                 " INSERT INTO t SELECT zeroblob (10000) FROM n");
  g_assert_cmpuint (leash_tracker_count_kind (fixture.test.tracker, "file"), >=,
                    leash_has_tracking () ? 2 : 0);
  expect (database, "SELECT count (*) FROM (SELECT x FROM t ORDER BY x || random ())", "50");
  dir = leash_fs_open_dir (fixture.fs, fixture.test.ctx, ".", &error);
  g_assert_no_error (error);
  while (leash_dir_next (dir, fixture.test.ctx, &entry, &error))
    g_assert_null (strstr (entry->name, "leash-sqlite-"));
  g_clear_pointer (&dir, leash_dir_unref);
  close_database (database);
  tear_down (&fixture);
}

/* A handle that nobody closed is a file that is open, with the stack of who opened it. */
G_GNUC_NO_INLINE static sqlite3 *
forget_to_close (const char *vfs)
{
  sqlite3 *database = open_database (vfs, "a.db");

  run (database, "CREATE TABLE t (x)");
  return database;
}

static void
test_leaked_handle_is_a_leaked_file (void)
{
  g_autoptr (LeashTracker) tracker = leash_tracker_new ();
  g_autoptr (LeashContext) ctx = leash_context_with_tracker (leash_context_background (), tracker);
  g_autoptr (LeashFs) fs = leash_memory_fs_new ();
  g_autoptr (GError) error = NULL;
  g_autofree char *report = NULL;
  const char *vfs = register_vfs (fs, ctx);
  sqlite3 *database = forget_to_close (vfs);

  g_assert_false (leash_sqlite_vfs_unregister (vfs, &error));
  g_assert_error (error, LEASH_SQL_ERROR, LEASH_SQL_ERROR_CHILDREN_OPEN);
  report = leash_tracker_report (tracker, LEASH_FORMAT_TEXT);
  if (leash_has_tracking ())
    {
      g_assert_nonnull (strstr (report, "1 x file \"a.db\""));
      g_assert_nonnull (strstr (report, "forget_to_close"));
      g_assert_nonnull (strstr (report, "SQLite VFS"));
    }
  close_database (database);
  unregister_vfs (vfs);
  g_assert_true (leash_tracker_check (tracker, NULL));
}

static void
test_what_ends_the_context_ends_no_commit (void)
{
  Fixture fixture;
  g_autoptr (LeashContext) child = NULL;
  const char *vfs;
  sqlite3 *database;

  set_up (&fixture, ON_MEMORY);
  child = leash_context_with_cancel (fixture.test.ctx);
  vfs = register_vfs (fixture.fs, child);
  database = open_database (vfs, "a.db");
  run (database, "BEGIN; CREATE TABLE t (x)");
  leash_context_cancel (child, NULL);
  run (database, "COMMIT");
  close_database (database);
  unregister_vfs (vfs);
  tear_down (&fixture);
}

static void
test_fake_clock (void)
{
  g_autoptr (LeashClock) clock = leash_clock_new_fake (G_GINT64_CONSTANT (86400000000));
  g_autoptr (LeashContext) ctx = leash_context_with_clock (leash_context_background (), clock);
  g_autoptr (LeashFs) fs = leash_memory_fs_new ();
  const char *vfs = register_vfs (fs, ctx);
  sqlite3 *database = open_database (vfs, "a.db");

  expect (database, "SELECT datetime ('now')", "1970-01-02 00:00:00");
  leash_clock_advance (clock, G_USEC_PER_SEC);
  expect (database, "SELECT datetime ('now')", "1970-01-02 00:00:01");
  close_database (database);
  unregister_vfs (vfs);
}

static void
test_unknown_name (void)
{
  g_autoptr (GError) error = NULL;

  g_assert_false (leash_sqlite_vfs_unregister ("unix", &error));
  g_assert_error (error, LEASH_SQL_ERROR, LEASH_SQL_ERROR_FAILED);
}

static void
add_for_each_place (const char *name, GTestDataFunc func)
{
  for (guint i = 0; i < N_PLACES; i++)
    {
      g_autofree char *path = g_strdup_printf ("/sqlite-vfs/%s/%s", name, place_names[i]);

      g_test_add_data_func (path, GUINT_TO_POINTER (i), func);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);

  add_for_each_place ("works", test_works);
  add_for_each_place ("connections-lock-each-other", test_connections_lock_each_other);
  add_for_each_place ("wal-is-shared", test_wal_is_shared);
  add_for_each_place ("wal-grows", test_wal_grows);
  add_for_each_place ("link-is-the-same-database", test_link_is_the_same_database);
  add_for_each_place ("temporary-files", test_temporary_files);
  g_test_add_data_func ("/sqlite-vfs/other-process-is-locked-out/delete", "delete",
                        test_other_process_is_locked_out);
  g_test_add_data_func ("/sqlite-vfs/other-process-is-locked-out/wal", "wal",
                        test_other_process_is_locked_out);
  g_test_add_data_func ("/sqlite-vfs/full-disk/delete", "delete", test_full_disk);
  g_test_add_data_func ("/sqlite-vfs/full-disk/wal", "wal", test_full_disk);
  g_test_add_func ("/sqlite-vfs/full-disk/memory", test_small_memory);
  g_test_add_func ("/sqlite-vfs/errors-name-the-call", test_errors_name_the_call);
  g_test_add_func ("/sqlite-vfs/cannot-open", test_cannot_open);
  g_test_add_func ("/sqlite-vfs/read-only", test_read_only);
  g_test_add_func ("/sqlite-vfs/directory-may-change", test_directory_may_change);
  g_test_add_func ("/sqlite-vfs/journal-has-the-databases-mode", test_journal_has_the_databases_mode);
  g_test_add_func ("/sqlite-vfs/leaked-handle-is-a-leaked-file", test_leaked_handle_is_a_leaked_file);
  g_test_add_func ("/sqlite-vfs/what-ends-the-context-ends-no-commit",
                   test_what_ends_the_context_ends_no_commit);
  g_test_add_func ("/sqlite-vfs/fake-clock", test_fake_clock);
  g_test_add_func ("/sqlite-vfs/unknown-name", test_unknown_name);
  return g_test_run ();
}
