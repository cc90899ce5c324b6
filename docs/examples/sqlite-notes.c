/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A program keeps notes in SQLite, by SQLite's own functions. Its test runs it in memory: SQLite's files are
 * on a memory file system, through a VFS, and nothing about SQLite changes. The sweep then fails each call to
 * that file system in turn.
 *
 * The leaking version returns without closing when a note cannot be inserted. That is never so in a test
 * where the disk works; the sweep shows the database that stays open, with the place that opened it. The
 * mended one's test passes.
 */
#include <leash/leash-sqlite-vfs.h>
#include <leash/leash.h>
#include <sqlite3.h>

static int
insert (sqlite3 *database, const char *text)
{
  sqlite3_stmt *statement = NULL;
  int code = sqlite3_exec (database, "CREATE TABLE IF NOT EXISTS notes (text)", NULL, NULL, NULL);

  if (code == SQLITE_OK)
    code = sqlite3_prepare_v2 (database, "INSERT INTO notes VALUES (?)", -1, &statement, NULL);
  if (code == SQLITE_OK)
    code = sqlite3_bind_text (statement, 1, text, -1, SQLITE_STATIC);
  if (code == SQLITE_OK)
    code = sqlite3_step (statement);
  sqlite3_finalize (statement);
  return code == SQLITE_DONE ? SQLITE_OK : code;
}

static int
add_note_leaking (const char *vfs, const char *text)
{
  sqlite3 *database = NULL;
  int code = sqlite3_open_v2 ("notes.db", &database, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, vfs);

  if (code == SQLITE_OK)
    code = insert (database, text);
  if (code != SQLITE_OK)
    return code; /* the bug */
  return sqlite3_close (database);
}

static int
add_note_mended (const char *vfs, const char *text)
{
  sqlite3 *database = NULL;
  int code = sqlite3_open_v2 ("notes.db", &database, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, vfs);

  if (code == SQLITE_OK)
    code = insert (database, text);
  sqlite3_close (database);
  return code;
}

typedef int (*AddFunc) (const char *vfs, const char *text);

static void
test_in_memory (gconstpointer data)
{
  const AddFunc *add_note = data;
  g_auto (LeashTest) test = leash_test_begin ();
  g_autoptr (LeashFs) fs = leash_memory_fs_new ();
  const char *vfs = leash_sqlite_vfs_register (fs, test.ctx, NULL);

  g_assert_cmpint ((*add_note) (vfs, "water the plants"), ==, SQLITE_OK);
  g_assert_cmpint ((*add_note) (vfs, "and the cat"), ==, SQLITE_OK);
  g_assert_true (leash_sqlite_vfs_unregister (vfs, NULL));
}

/* What a run of the sweep does. It may fail. */
static void
add_one (LeashContext *ctx, gpointer data)
{
  const AddFunc *add_note = data;
  const char *vfs = leash_sqlite_vfs_register (leash_context_get_fs (ctx), ctx, NULL);

  (*add_note) (vfs, "water the plants");
  leash_sqlite_vfs_unregister (vfs, NULL);
}

static LeashFs *
make_memory (LeashTest *test, gpointer unused)
{
  return leash_memory_fs_new ();
}

static void
test_every_failure (gconstpointer data)
{
  leash_test_sweep_full (&(LeashSweep){ .func = add_one, .data = (gpointer) data, .set_up = make_memory });
}

int
main (int argc, char **argv)
{
  static const AddFunc leaking = add_note_leaking;
  static const AddFunc mended = add_note_mended;

  g_test_init (&argc, &argv, NULL);
  g_test_add_data_func ("/sqlite-notes/leaking/in-memory", &leaking, test_in_memory);
  g_test_add_data_func ("/sqlite-notes/leaking/every-failure", &leaking, test_every_failure);
  g_test_add_data_func ("/sqlite-notes/mended/in-memory", &mended, test_in_memory);
  g_test_add_data_func ("/sqlite-notes/mended/every-failure", &mended, test_every_failure);
  return g_test_run ();
}
