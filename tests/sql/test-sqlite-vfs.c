/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SQLite itself on file systems of Leash. */
#include "sqlite-fixture.h"

#include <leash/leash-sql.h>
#include <unistd.h>

static const char *const modes[] = { "delete", "truncate", "persist", "memory", "wal", "off" };

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

/* Whatever the bytes are: SQLite's answer, or an error of the kind that says so. Returns whether it was one.
 */
static gboolean
is_damage (const char *vfs)
{
  static const char *const all[] = { "PRAGMA integrity_check", "SELECT sum (length (x)) FROM t",
                                     "UPDATE t SET x = 'y'", "DELETE FROM t", "VACUUM" };
  sqlite3 *database = open_database (vfs, "a.db");
  gboolean is_so = FALSE;

  for (guint i = 0; i < G_N_ELEMENTS (all); i++)
    {
      int code = try_run (database, all[i]);

      if (code == SQLITE_IOERR || code == SQLITE_NOMEM || code == SQLITE_INTERNAL || code == SQLITE_MISUSE)
        g_error ("%s: %d: %s", all[i], code, leash_sqlite_vfs_get_last_error ());
      is_so |= code == SQLITE_CORRUPT || code == SQLITE_NOTADB;
    }
  close_database (database);
  return is_so;
}

/* Bytes are changed, or the end is cut off. */
static GBytes *
damage (GBytes *bytes, GRand *dice)
{
  gsize size;
  const guint8 *good = g_bytes_get_data (bytes, &size);
  guint8 *bad = g_memdup2 (good, size);
  gint32 n_changes = g_rand_int_range (dice, 1, 20);

  if (g_rand_boolean (dice))
    size = (gsize) g_rand_int_range (dice, 0, (gint32) size);
  for (gint32 i = 0; i < n_changes && size > 0; i++)
    {
      gint32 end = g_rand_boolean (dice) ? (gint32) size : MIN ((gint32) size, 200); /* the header as often */

      bad[g_rand_int_range (dice, 0, end)] = (guint8) g_rand_int (dice);
    }
  return g_bytes_new_take (bad, size);
}

static void
test_damaged_files (gconstpointer mode)
{
  Fixture fixture;
  g_autoptr (GRand) dice = g_rand_new_with_seed ((guint32) g_test_rand_int ());
  g_autoptr (GBytes) good = NULL, good_log = NULL;
  g_autoptr (LeashContext) ctx = NULL;
  sqlite3 *database;
  guint n_damaged = 0;

  set_up (&fixture, ON_MEMORY);
  ctx = leash_context_with_fs (fixture.test.ctx, fixture.fs);
  database = open_in_mode (&fixture, mode);
  run (database,
       "PRAGMA page_size = 512; CREATE TABLE t (id INTEGER PRIMARY KEY, x); CREATE INDEX i ON t (x);"
       "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50)"
       " INSERT INTO t SELECT i, printf ('%.*c', 20 * i, 'a') FROM n");
  good = leash_read_file (ctx, "a.db", NULL);
  good_log = leash_read_file (ctx, "a.db-wal", NULL);
  close_database (database);
  for (guint i = 0; i < 200; i++)
    {
      g_autoptr (LeashFs) fs = leash_memory_fs_new ();
      g_autoptr (GBytes) bad = good_log == NULL || i % 3 == 0 ? damage (good, dice) : g_bytes_ref (good);
      g_autoptr (GBytes) bad_log = good_log != NULL ? damage (good_log, dice) : NULL;
      const char *vfs = register_vfs (fs, fixture.test.ctx);

      g_assert_true (leash_memory_fs_add_bytes (fs, "a.db", bad, 0644, NULL));
      if (bad_log != NULL)
        g_assert_true (leash_memory_fs_add_bytes (fs, "a.db-wal", bad_log, 0644, NULL));
      n_damaged += is_damage (vfs);
      unregister_vfs (vfs);
    }
  g_test_message ("%u files of 200 are damaged", n_damaged);
  g_assert_cmpuint (n_damaged, >=, 5);
  tear_down (&fixture);
}

/* The VFS in the name of a LeashDb. */
static void
test_leash_db (void)
{
  Fixture fixture;
  g_autoptr (LeashDb) db = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *uri = NULL;

  set_up (&fixture, ON_FAULT);
  uri = g_strdup_printf ("sqlite:file:a.db?vfs=%s", fixture.vfs);
  db = leash_db_open (fixture.test.ctx, uri, NULL, &error);
  g_assert_no_error (error);
  leash_db_exec (db, fixture.test.ctx, "CREATE TABLE t (x)", NULL, 0, NULL, &error);
  g_assert_no_error (error);
  leash_fault_fs_fill (fixture.fs, 100);
  g_assert_false (leash_db_exec (db, fixture.test.ctx, "INSERT INTO t VALUES (1)", NULL, 0, NULL, &error));
  g_assert_error (error, LEASH_SQL_ERROR, LEASH_SQL_ERROR_FULL);
  g_assert_true (leash_db_close (db, NULL));
  tear_down (&fixture);
}

static void
test_unknown_name (void)
{
  g_autoptr (GError) error = NULL;

  g_assert_false (leash_sqlite_vfs_unregister ("unix", &error));
  g_assert_error (error, LEASH_SQL_ERROR, LEASH_SQL_ERROR_FAILED);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);

  add_for_each_place ("/sqlite-vfs/works", test_works);
  add_for_each_place ("/sqlite-vfs/temporary-files", test_temporary_files);
  g_test_add_data_func ("/sqlite-vfs/full-disk/delete", "delete", test_full_disk);
  g_test_add_data_func ("/sqlite-vfs/full-disk/wal", "wal", test_full_disk);
  g_test_add_func ("/sqlite-vfs/full-disk/memory", test_small_memory);
  g_test_add_data_func ("/sqlite-vfs/damaged-files/delete", "delete", test_damaged_files);
  g_test_add_data_func ("/sqlite-vfs/damaged-files/wal", "wal", test_damaged_files);
  g_test_add_func ("/sqlite-vfs/errors-name-the-call", test_errors_name_the_call);
  g_test_add_func ("/sqlite-vfs/cannot-open", test_cannot_open);
  g_test_add_func ("/sqlite-vfs/read-only", test_read_only);
  g_test_add_func ("/sqlite-vfs/directory-may-change", test_directory_may_change);
  g_test_add_func ("/sqlite-vfs/journal-has-the-databases-mode", test_journal_has_the_databases_mode);
  g_test_add_func ("/sqlite-vfs/leaked-handle-is-a-leaked-file", test_leaked_handle_is_a_leaked_file);
  g_test_add_func ("/sqlite-vfs/what-ends-the-context-ends-no-commit",
                   test_what_ends_the_context_ends_no_commit);
  g_test_add_func ("/sqlite-vfs/fake-clock", test_fake_clock);
  g_test_add_func ("/sqlite-vfs/leash-db", test_leash_db);
  g_test_add_func ("/sqlite-vfs/unknown-name", test_unknown_name);
  return g_test_run ();
}
