/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SQLite on a LeashFs, for tests: what they open, run and read. */
#pragma once

#include <leash/leash-sqlite-vfs.h>
#include <leash/leash.h>
#include <sqlite3.h>
#include <string.h>

G_GNUC_UNUSED static const char *
register_vfs (LeashFs *fs, LeashContext *ctx)
{
  g_autoptr (GError) error = NULL;
  const char *vfs = leash_sqlite_vfs_register (fs, ctx, &error);

  g_assert_no_error (error);
  g_assert_nonnull (vfs);
  return vfs;
}

G_GNUC_UNUSED static void
unregister_vfs (const char *vfs)
{
  g_autoptr (GError) error = NULL;

  leash_sqlite_vfs_unregister (vfs, &error);
  g_assert_no_error (error);
}

/* NULL is SQLite's own. */
G_GNUC_UNUSED static sqlite3 *
open_database (const char *vfs, const char *path)
{
  sqlite3 *database = NULL;
  int code = sqlite3_open_v2 (path, &database, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, vfs);

  if (code != SQLITE_OK)
    g_error ("opening %s: %s: %s", path, sqlite3_errmsg (database), leash_sqlite_vfs_get_last_error ());
  return database;
}

G_GNUC_UNUSED static void
close_database (sqlite3 *database)
{
  g_assert_cmpint (sqlite3_close (database), ==, SQLITE_OK);
}

G_GNUC_UNUSED static int
try_run (sqlite3 *database, const char *sql)
{
  return sqlite3_exec (database, sql, NULL, NULL, NULL);
}

G_GNUC_UNUSED static void
run (sqlite3 *database, const char *sql)
{
  if (try_run (database, sql) != SQLITE_OK)
    g_error ("%s: %s: %s", sql, sqlite3_errmsg (database), leash_sqlite_vfs_get_last_error ());
}

static int
add_value (void *text, int n_columns, char **values, char **names)
{
  g_string_append_printf (text, "%s%s", ((GString *) text)->len > 0 ? " " : "",
                          values[0] != NULL ? values[0] : "NULL");
  return 0;
}

/* The first column of all rows; the error's number when it fails. */
G_GNUC_UNUSED static char *
ask (sqlite3 *database, const char *sql)
{
  GString *text = g_string_new (NULL);
  int code = sqlite3_exec (database, sql, add_value, text, NULL);

  if (code != SQLITE_OK)
    g_string_printf (text, "error %d", code);
  return g_string_free (text, FALSE);
}

G_GNUC_UNUSED static void
expect (sqlite3 *database, const char *sql, const char *answer)
{
  g_autofree char *got = ask (database, sql);

  if (strcmp (got, answer) != 0)
    g_error ("%s: “%s” instead of “%s”: %s: %s", sql, got, answer, sqlite3_errmsg (database),
             leash_sqlite_vfs_get_last_error ());
}

typedef enum
{
  ON_MEMORY,
  ON_DIR,
  ON_OVERLAY,
  ON_FAULT, /* before one in memory */
  N_PLACES
} Place;

static const char *const place_names[] = { "memory", "dir", "overlay", "fault" };

G_GNUC_UNUSED static LeashFs *
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

G_GNUC_UNUSED static void
set_up (Fixture *fixture, Place place)
{
  fixture->test = leash_test_begin ();
  fixture->fs = make_fs (place, &fixture->test);
  fixture->vfs = register_vfs (fixture->fs, fixture->test.ctx);
}

G_GNUC_UNUSED static void
tear_down (Fixture *fixture)
{
  unregister_vfs (fixture->vfs);
  g_object_unref (fixture->fs);
  leash_test_end (&fixture->test);
}

G_GNUC_UNUSED static sqlite3 *
open_in_mode (Fixture *fixture, const char *mode)
{
  sqlite3 *database = open_database (fixture->vfs, "a.db");
  g_autofree char *sql = g_strdup_printf ("PRAGMA journal_mode = %s", mode);

  expect (database, sql, mode);
  return database;
}

/* The test is called with the place. */
G_GNUC_UNUSED static void
add_for_each_place (const char *test, GTestDataFunc func)
{
  for (guint i = 0; i < N_PLACES; i++)
    {
      g_autofree char *path = g_strdup_printf ("%s/%s", test, place_names[i]);

      g_test_add_data_func (path, GUINT_TO_POINTER (i), func);
    }
}
