/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What becomes of a database when its file system fails. Two transactions run, and at every change in turn
 * the power goes; on the disk that is found then the database must be whole, and in the state that the last
 * commit had made, or the one under way would have. So it must be when one call fails and the next does not.
 * Where SQLite is told not to protect itself, or the disk lies to it, the same test finds databases that are
 * broken.
 */
#include "../under-sanitizer.h"
#include "crash-fs.h"
#include "sqlite-fixture.h"

#define STATE "SELECT count (*) || ' ' || sum (state) || ' ' || sum (length (x)) FROM t"

#define N_SEEDS 2 /* of each change */
/* From change to change, and from call to call. Odd, for both errors to come up. */
#define STEP (UNDER_ADDRESS_SANITIZER || UNDER_THREAD_SANITIZER ? 5 : 1)

/* What it is set up by, and then each transaction, with what STATE says behind it. */
static const char *const steps[] = {
  ("CREATE TABLE t (id INTEGER PRIMARY KEY, state, x); CREATE INDEX by_state ON t (state, x);"
   "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 9)"
   " INSERT INTO t SELECT i, 0, printf ('%.300c', 'a') FROM n"),
  ("BEGIN; UPDATE t SET state = 1, x = x || id; DELETE FROM t WHERE id > 7;"
   "INSERT INTO t VALUES (100, 1, printf ('%.3000c', 'b')); COMMIT"),
  "BEGIN; DELETE FROM t WHERE id = 100; UPDATE t SET state = 2; COMMIT",
};
static const char *const states[] = { "9 0 2700", "8 8 5107", "7 14 2107" };

typedef struct
{
  const char *name;
  const char *settings;
  gboolean is_broken; /* it must be found to be */
  gboolean disk_lies;
  gboolean has_no_journal;
} Way;

static const Way ways[] = {
  { "delete", "PRAGMA journal_mode = delete; PRAGMA synchronous = extra" },
  { "truncate", "PRAGMA journal_mode = truncate; PRAGMA synchronous = full" },
  { "persist", "PRAGMA journal_mode = persist; PRAGMA synchronous = full" },
  { "wal", "PRAGMA journal_mode = wal; PRAGMA synchronous = full; PRAGMA wal_autocheckpoint = 3" },
  { "wal-alone", "PRAGMA locking_mode = exclusive; PRAGMA journal_mode = wal; PRAGMA synchronous = full;"
                 "PRAGMA wal_autocheckpoint = 3" },
  { "no-journal", "PRAGMA journal_mode = off; PRAGMA synchronous = off", .is_broken = TRUE,
    .has_no_journal = TRUE },
  { "no-syncing", "PRAGMA journal_mode = delete; PRAGMA synchronous = off", .is_broken = TRUE },
  { "lying-disk", "PRAGMA journal_mode = delete; PRAGMA synchronous = extra", .is_broken = TRUE,
    .disk_lies = TRUE },
  { "lying-disk-wal", "PRAGMA journal_mode = wal; PRAGMA synchronous = full; PRAGMA wal_autocheckpoint = 3",
    .is_broken = TRUE, .disk_lies = TRUE },
};

static gboolean
is_answer (sqlite3 *database, const char *sql, const char *answer)
{
  g_autofree char *got = ask (database, sql);

  return strcmp (got, answer) == 0;
}

/* Opens the database and sets it up as a way says. */
static sqlite3 *
open_by (const char *vfs, const Way *way)
{
  sqlite3 *database = open_database (vfs, "a.db");

  run (database, "PRAGMA page_size = 1024");
  run (database, way->settings);
  run (database, "PRAGMA cache_size = 4"); /* changes go to the disk before the end too */
  return database;
}

/* Runs the transactions until one fails. Returns how many succeeded. */
static guint
run_transactions (sqlite3 *database)
{
  for (guint i = 1; i < G_N_ELEMENTS (steps); i++)
    if (try_run (database, steps[i]) != SQLITE_OK)
      return i - 1;
  return G_N_ELEMENTS (steps) - 1;
}

/* Whole, and after as many transactions as have been acknowledged, or one more. */
static gboolean
is_right (const char *vfs, guint n_done)
{
  sqlite3 *database = NULL;
  gboolean is_so;

  if (sqlite3_open_v2 ("a.db", &database, SQLITE_OPEN_READWRITE, vfs) != SQLITE_OK)
    {
      close_database (database);
      return FALSE;
    }
  is_so = is_answer (database, "PRAGMA integrity_check", "ok")
          && (is_answer (database, STATE, states[n_done])
              || (n_done + 1 < G_N_ELEMENTS (states) && is_answer (database, STATE, states[n_done + 1])));
  close_database (database);
  return is_so;
}

static gboolean
is_right_on (CrashFs *disk, guint n_done)
{
  const char *vfs = register_vfs (LEASH_FS (disk), leash_context_background ());
  gboolean is_so = is_right (vfs, n_done);

  unregister_vfs (vfs);
  return is_so;
}

/* The power goes again while the database is being recovered, at each change in turn. */
static gboolean
survives_another (CrashFs *disk, guint32 seed, guint n_done)
{
  gboolean went = TRUE;

  for (guint64 nth = 1; went; nth++)
    {
      g_autoptr (CrashFs) found = crash_fs_recover (disk, seed);
      g_autoptr (CrashFs) again = NULL;

      crash_fs_fail_at (found, nth);
      is_right_on (found, n_done);
      went = found->is_off;
      again = crash_fs_recover (found, (guint32) nth);
      if (!is_right_on (again, n_done))
        return FALSE;
    }
  return TRUE;
}

/* Runs until the power goes. Returns whether it did. */
static gboolean
run_until (const Way *way, guint64 nth, CrashFs *disk, guint *ret_n_done)
{
  const char *vfs = register_vfs (LEASH_FS (disk), leash_context_background ());
  sqlite3 *database = open_by (vfs, way);

  run (database, steps[0]);
  disk->is_lying = way->disk_lies;
  crash_fs_fail_at (disk, nth);
  *ret_n_done = run_transactions (database);
  close_database (database);
  unregister_vfs (vfs);
  return disk->is_off;
}

static void
test_power_goes (gconstpointer data)
{
  const Way *way = data;
  guint n_broken = 0, n_disks = 0;
  gboolean went = TRUE;

  for (guint64 nth = 1; went && (!way->is_broken || n_broken == 0); nth += STEP)
    {
      g_autoptr (CrashFs) disk = crash_fs_new ();
      guint n_done;

      went = run_until (way, nth, disk, &n_done);
      for (guint32 seed = 0; seed < N_SEEDS; seed++)
        {
          g_autoptr (CrashFs) found = crash_fs_recover (disk, seed + N_SEEDS * (guint32) nth);
          gboolean is_so = is_right_on (found, n_done);

          n_disks++;
          n_broken += !is_so;
          if (!is_so && !way->is_broken)
            g_error ("change %" G_GUINT64_FORMAT ", seed %u: broken after %u", nth, seed, n_done);
        }
      if (nth % 8 == 0 && !way->is_broken)
        g_assert_true (survives_another (disk, (guint32) nth / 8, n_done));
    }
  g_test_message ("%u of %u disks broken", n_broken, n_disks);
  g_assert_true (way->is_broken ? n_broken > 0 : n_broken == 0);
}

/* One call of any kind fails, and none behind it. Returns whether there are so many calls. */
static gboolean
fails_once (const Way *way, guint64 nth, gboolean *ret_is_right)
{
  g_autoptr (LeashFs) memory = leash_memory_fs_new ();
  g_autoptr (LeashFs) fs = leash_fault_fs_new (memory);
  g_autoptr (LeashTracker) tracker = leash_tracker_new ();
  g_autoptr (LeashContext) ctx = leash_context_with_tracker (leash_context_background (), tracker);
  const char *vfs = register_vfs (fs, ctx);
  sqlite3 *database = open_by (vfs, way);
  gboolean has_struck;
  guint rule, n_done;

  run (database, steps[0]);
  rule = leash_fault_fs_fail_nth (fs, 0, nth, nth % 2 == 0 ? G_IO_ERROR_FAILED : G_IO_ERROR_NO_SPACE);
  n_done = run_transactions (database);
  try_run (database, "ROLLBACK");
  close_database (database);
  has_struck = leash_fault_fs_count_struck (fs, rule) > 0;
  leash_fault_fs_remove (fs, rule);
  *ret_is_right = is_right (vfs, n_done);
  unregister_vfs (vfs);
  g_assert_true (leash_tracker_check (tracker, NULL));
  return has_struck;
}

static void
test_one_call_fails (gconstpointer data)
{
  const Way *way = data;
  guint n_broken = 0;
  gboolean is_so = TRUE;
  guint64 nth;

  for (nth = 1; n_broken == 0 && fails_once (way, nth, &is_so); nth += STEP)
    n_broken += !is_so;
  g_test_message ("%" G_GUINT64_FORMAT " calls", nth - 1);
  g_assert_cmpuint (n_broken, ==, way->is_broken ? 1 : 0);
}

static void
add (const Way *way, const char *test, GTestDataFunc func)
{
  g_autofree char *path
      = g_strdup_printf ("/sqlite-crash/%s/%s%s", test, way->name, way->is_broken ? "/is-broken" : "");

  g_test_add_data_func (path, way, func);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);

  for (guint i = 0; i < G_N_ELEMENTS (ways); i++)
    add (&ways[i], "power-goes", test_power_goes);
  for (guint i = 0; i < G_N_ELEMENTS (ways); i++)
    if (!ways[i].is_broken || ways[i].has_no_journal)
      add (&ways[i], "one-call-fails", test_one_call_fails);
  return g_test_run ();
}
