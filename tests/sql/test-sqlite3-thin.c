/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SQLite's calls on the leash: what is tracked, under which name, below what, and until when. */
#include "../fixture.h"

#include <leash/leash-sqlite3.h>

/* Whether so many are open, one of them of that kind and name, opened from the parent of that name. */
static void
check_open (Fixture *fixture, gsize n, const char *kind, const char *name, const char *parent)
{
  g_autoptr (LeashSnapshot) snapshot = leash_snapshot_new (fixture->tracker);
  gboolean is_there = FALSE;

  if (!leash_has_tracking ())
    return;
  g_assert_cmpuint (leash_snapshot_get_length (snapshot), ==, n);
  for (gsize i = 0; i < n; i++)
    {
      const LeashResource *resource = leash_snapshot_get_resource (snapshot, i);

      is_there |= strcmp (resource->kind, kind) == 0 && g_strcmp0 (resource->name, name) == 0
                  && g_strcmp0 (resource->parent_name, parent) == 0;
    }
  if (n > 0 && !is_there)
    g_error ("%s “%s” of “%s” is not open", kind, name, parent != NULL ? parent : "nothing");
}

static sqlite3 *
open_memory (Fixture *fixture)
{
  sqlite3 *db = NULL;

  g_assert_cmpint (leash_sqlite3_open (fixture->ctx, ":memory:", &db), ==, SQLITE_OK);
  g_assert_cmpint (sqlite3_exec (db,
                                 "CREATE TABLE t (id INTEGER PRIMARY KEY, b BLOB);"
                                 "INSERT INTO t VALUES (1, x'00ff'), (2, x'01')",
                                 NULL, NULL, NULL),
                   ==, SQLITE_OK);
  return db;
}

static sqlite3_stmt *
prepare (Fixture *fixture, sqlite3 *db, const char *sql)
{
  sqlite3_stmt *stmt = NULL;

  g_assert_cmpint (leash_sqlite3_prepare_v2 (fixture->ctx, db, sql, -1, &stmt, NULL), ==, SQLITE_OK);
  g_assert_nonnull (stmt);
  return stmt;
}

static void
test_connection (Fixture *fixture, gconstpointer unused)
{
  g_autofree char *path = path_of (fixture, "a.db");
  sqlite3 *db = NULL;

  g_assert_cmpint (
      leash_sqlite3_open_v2 (fixture->ctx, path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL), ==,
      SQLITE_OK);
  check_open (fixture, 1, "sqlite3", path, NULL);
  g_assert_cmpint (leash_sqlite3_close (fixture->ctx, db), ==, SQLITE_OK);
  check_open (fixture, 0, NULL, NULL, NULL);
  g_assert_cmpint (leash_sqlite3_open (fixture->ctx, path, &db), ==, SQLITE_OK);
  check_open (fixture, 1, "sqlite3", path, NULL);
  g_assert_cmpint (leash_sqlite3_close_v2 (fixture->ctx, db), ==, SQLITE_OK);
}

/* A name may hold a key. */
static void
test_uri (Fixture *fixture, gconstpointer unused)
{
  sqlite3 *db = NULL;

  g_assert_cmpint (leash_sqlite3_open_v2 (fixture->ctx, "file:a.db?mode=memory&key=secret", &db,
                                          SQLITE_OPEN_READWRITE | SQLITE_OPEN_URI, NULL),
                   ==, SQLITE_OK);
  check_open (fixture, 1, "sqlite3", "file:a.db", NULL);
  g_assert_cmpint (leash_sqlite3_close (fixture->ctx, db), ==, SQLITE_OK);
}

/* SQLite wants the handle closed that comes with an error. */
static void
test_failed_open (Fixture *fixture, gconstpointer unused)
{
  g_autofree char *path = path_of (fixture, "missing/a.db");
  int (*const closes[]) (LeashContext *, sqlite3 *) = { leash_sqlite3_close, leash_sqlite3_close_v2 };

  for (guint i = 0; i < G_N_ELEMENTS (closes); i++)
    {
      sqlite3 *db = NULL;

      g_assert_cmpint (leash_sqlite3_open (fixture->ctx, path, &db), ==, SQLITE_CANTOPEN);
      g_assert_nonnull (db);
      check_open (fixture, 1, "sqlite3", path, NULL);
      g_assert_cmpint (closes[i](fixture->ctx, db), ==, SQLITE_OK);
      check_open (fixture, 0, NULL, NULL, NULL);
    }
}

static void
test_statement (Fixture *fixture, gconstpointer unused)
{
  sqlite3 *db = open_memory (fixture);
  sqlite3_stmt *stmt = prepare (fixture, db, "SELECT b\n  FROM t WHERE id = ?");

  sqlite3_bind_int (stmt, 1, 1234);
  check_open (fixture, 2, "sqlite3_stmt", "SELECT b FROM t WHERE id = ?", ":memory:");
  g_assert_cmpint (leash_sqlite3_finalize (fixture->ctx, stmt), ==, SQLITE_OK);
  check_open (fixture, 1, "sqlite3", ":memory:", NULL);
  g_assert_cmpint (leash_sqlite3_close (fixture->ctx, db), ==, SQLITE_OK);
}

/* Each is one statement of several, and named by its own part. */
static void
test_tail (Fixture *fixture, gconstpointer unused)
{
  sqlite3 *db = open_memory (fixture);
  sqlite3_stmt *first = NULL, *second = NULL;
  const char *tail = NULL;

  g_assert_cmpint (leash_sqlite3_prepare_v3 (fixture->ctx, db, "SELECT 1; SELECT 2", -1,
                                             SQLITE_PREPARE_PERSISTENT, &first, &tail),
                   ==, SQLITE_OK);
  check_open (fixture, 2, "sqlite3_stmt", "SELECT 1;", ":memory:");
  g_assert_cmpint (leash_sqlite3_prepare (fixture->ctx, db, tail, -1, &second, &tail), ==, SQLITE_OK);
  check_open (fixture, 3, "sqlite3_stmt", "SELECT 2", ":memory:");
  g_assert_cmpint (leash_sqlite3_finalize (fixture->ctx, first), ==, SQLITE_OK);
  g_assert_cmpint (leash_sqlite3_finalize (fixture->ctx, second), ==, SQLITE_OK);
  g_assert_cmpint (leash_sqlite3_close (fixture->ctx, db), ==, SQLITE_OK);
}

static void
test_no_statement (Fixture *fixture, gconstpointer unused)
{
  sqlite3 *db = open_memory (fixture);
  sqlite3_stmt *stmt = NULL;

  g_assert_cmpint (leash_sqlite3_prepare_v2 (fixture->ctx, db, " -- nothing", -1, &stmt, NULL), ==,
                   SQLITE_OK);
  g_assert_null (stmt);
  check_open (fixture, 1, "sqlite3", ":memory:", NULL);
  g_assert_cmpint (leash_sqlite3_prepare_v2 (fixture->ctx, db, "SELECT FROM", -1, &stmt, NULL), ==,
                   SQLITE_ERROR);
  check_open (fixture, 1, "sqlite3", ":memory:", NULL);
  g_assert_cmpint (leash_sqlite3_finalize (fixture->ctx, NULL), ==, SQLITE_OK);
  g_assert_cmpint (leash_sqlite3_close (fixture->ctx, NULL), ==, SQLITE_OK);
  g_assert_cmpint (leash_sqlite3_close_v2 (fixture->ctx, NULL), ==, SQLITE_OK);
  g_assert_cmpint (leash_sqlite3_close (fixture->ctx, db), ==, SQLITE_OK);
}

/* finalize tells the error of the last step, and frees. */
static void
test_failed_statement (Fixture *fixture, gconstpointer unused)
{
  sqlite3 *db = open_memory (fixture);
  sqlite3_stmt *stmt = prepare (fixture, db, "INSERT INTO t VALUES (1, NULL)");

  g_assert_cmpint (sqlite3_step (stmt), ==, SQLITE_CONSTRAINT);
  g_assert_cmpint (leash_sqlite3_finalize (fixture->ctx, stmt), ==, SQLITE_CONSTRAINT);
  check_open (fixture, 1, "sqlite3", ":memory:", NULL);
  g_assert_cmpint (leash_sqlite3_close (fixture->ctx, db), ==, SQLITE_OK);
}

/* What is long is cut between two characters, and ends in a mark. */
static void
test_long_statement (Fixture *fixture, gconstpointer unused)
{
  sqlite3 *db = open_memory (fixture);

  for (guint n_pad = 0; n_pad < 4; n_pad++)
    {
      g_autofree char *sql = g_strdup_printf (
          "SELECT '%.*säöüäöüäöüäöüäöüäöüäöüäöüäöüäöüäöüäöüäöüäöüäöüäöüäöüäöüäöüäöüäöüäöüäöüäöü'",
          (int) n_pad, "aaa");
      sqlite3_stmt *stmt = prepare (fixture, db, sql);
      g_autoptr (LeashSnapshot) snapshot = leash_snapshot_new (fixture->tracker);

      for (gsize i = 0; i < leash_snapshot_get_length (snapshot); i++)
        {
          const char *name = leash_snapshot_get_resource (snapshot, i)->name;

          g_assert_true (g_utf8_validate (name, -1, NULL));
          if (name[0] != ':')
            {
              g_assert_true (g_str_has_suffix (name, "…"));
              g_assert_cmpuint (strlen (name), <, LEASH_SQL_NAME_SIZE);
              g_assert_cmpuint (strlen (name), >, LEASH_SQL_NAME_SIZE - 5);
              g_assert_cmpmem (name, strlen (name) - strlen ("…"), sql, strlen (name) - strlen ("…"));
            }
        }
      g_assert_cmpint (leash_sqlite3_finalize (fixture->ctx, stmt), ==, SQLITE_OK);
    }
  g_assert_cmpint (leash_sqlite3_close (fixture->ctx, db), ==, SQLITE_OK);
}

static void
test_name_that_just_fits (void)
{
  char sql[LEASH_SQL_NAME_SIZE + 1], name[LEASH_SQL_NAME_SIZE];

  memset (sql, 'a', sizeof sql);
  sql[LEASH_SQL_NAME_SIZE] = '\0';
  g_assert_true (g_str_has_suffix (leash_sql_shorten_ (sql, name), "a…"));
  g_assert_cmpuint (strlen (name), ==, LEASH_SQL_NAME_SIZE - 1);
  sql[LEASH_SQL_NAME_SIZE - 1] = '\0';
  g_assert_cmpstr (leash_sql_shorten_ (sql, name), ==, sql);
  g_assert_cmpstr (leash_sql_shorten_ ("", name), ==, "");
  g_assert_cmpstr (leash_sql_shorten_ ("\n a \t b ", name), ==, "a b");
  memset (sql, 0x80, LEASH_SQL_NAME_SIZE);
  g_assert_cmpstr (leash_sql_shorten_ (sql, name), ==, name);
}

static void
test_blob (Fixture *fixture, gconstpointer unused)
{
  sqlite3 *db = open_memory (fixture);
  sqlite3_blob *blob = NULL, *none = NULL;

  g_assert_cmpint (leash_sqlite3_blob_open (fixture->ctx, db, "main", "t", "b", 1, 0, &blob), ==, SQLITE_OK);
  check_open (fixture, 2, "sqlite3_blob", "t.b", ":memory:");
  g_assert_cmpint (leash_sqlite3_blob_open (fixture->ctx, db, "main", "t", "b", 99, 0, &none), ==,
                   SQLITE_ERROR);
  check_open (fixture, 2, "sqlite3_blob", "t.b", ":memory:");
  g_assert_cmpint (sqlite3_blob_reopen (blob, 2), ==, SQLITE_OK);
  g_assert_cmpint (leash_sqlite3_blob_close (fixture->ctx, blob), ==, SQLITE_OK);
  check_open (fixture, 1, "sqlite3", ":memory:", NULL);
  g_assert_cmpint (leash_sqlite3_blob_close (fixture->ctx, none), ==, SQLITE_OK);
  g_assert_cmpint (leash_sqlite3_close (fixture->ctx, db), ==, SQLITE_OK);
}

static void
test_backup (Fixture *fixture, gconstpointer unused)
{
  sqlite3 *from = open_memory (fixture), *to = NULL;
  sqlite3_backup *backup;

  g_assert_cmpint (leash_sqlite3_open (fixture->ctx, "", &to), ==, SQLITE_OK);
  backup = leash_sqlite3_backup_init (fixture->ctx, to, "main", from, "main");
  check_open (fixture, 3, "sqlite3_backup", "main", ":memory:");
  g_assert_null (leash_sqlite3_backup_init (fixture->ctx, to, "main", to, "main"));
  check_open (fixture, 3, "sqlite3_backup", "main", ":memory:");
  g_assert_cmpint (sqlite3_backup_step (backup, -1), ==, SQLITE_DONE);
  g_assert_cmpint (leash_sqlite3_backup_finish (fixture->ctx, backup), ==, SQLITE_OK);
  check_open (fixture, 2, "sqlite3", "", NULL);
  g_assert_cmpint (leash_sqlite3_close (fixture->ctx, from), ==, SQLITE_OK);
  g_assert_cmpint (leash_sqlite3_close (fixture->ctx, to), ==, SQLITE_OK);
}

G_NO_INLINE static sqlite3_stmt *
prepare_here (Fixture *fixture, sqlite3 *db)
{
  sqlite3_stmt *stmt = NULL;

  g_assert_cmpint (leash_sqlite3_prepare_v2 (fixture->ctx, db, "SELECT id FROM t", -1, &stmt, NULL), ==,
                   SQLITE_OK);
  return stmt;
}

G_NO_INLINE static void
close_busy_here (Fixture *fixture, sqlite3 *db)
{
  g_assert_cmpint (leash_sqlite3_close (fixture->ctx, db), ==, SQLITE_BUSY);
}

static void
assert_has (const char *text, const char *part)
{
  if (text == NULL || strstr (text, part) == NULL)
    g_error ("“%s” is not in this:\n%s", part, text != NULL ? text : "(nothing)");
}

/* The first frame is the program's. By name: compilers put what is unlikely away from its function. */
static void
assert_begins_in (LeashStackId stack, const char *function)
{
  g_autofree char *text = leash_stack_to_string (stack);

  if (!g_str_has_prefix (g_strchug (text), function))
    g_error ("this does not begin in %s:\n%s", function, text);
}

static void
check_busy_misuse (Fixture *fixture)
{
  g_autoptr (LeashSnapshot) snapshot = leash_snapshot_new (fixture->tracker);
  const LeashMisuse *misuse;

  g_assert_cmpuint (leash_snapshot_get_n_misuses (snapshot), ==, 1);
  misuse = leash_snapshot_get_misuse (snapshot, 0);
  g_assert_cmpstr (misuse->kind, ==, "sqlite3_stmt");
  g_assert_cmpstr (misuse->name, ==, "SELECT id FROM t");
  assert_has (misuse->what, "SQLITE_BUSY");
  assert_begins_in (misuse->opened_stack, "prepare_here");
  assert_begins_in (misuse->stack, "close_busy_here");
}

/* The connection stays open, and what is in the way is told with where it was prepared, and closed too early.
 */
static void
test_busy (Fixture *fixture, gconstpointer unused)
{
  sqlite3 *db = open_memory (fixture);
  sqlite3_stmt *stmt = prepare_here (fixture, db);

  close_busy_here (fixture, db);
  fixture->n_misuses = 1;
  check_open (fixture, 2, "sqlite3_stmt", "SELECT id FROM t", ":memory:");
  if (leash_has_tracking ())
    check_busy_misuse (fixture);
  g_assert_cmpint (leash_sqlite3_finalize (fixture->ctx, stmt), ==, SQLITE_OK);
  g_assert_cmpint (leash_sqlite3_close (fixture->ctx, db), ==, SQLITE_OK);
}

static void
test_busy_with_all (Fixture *fixture, gconstpointer unused)
{
  sqlite3 *db = open_memory (fixture), *other = open_memory (fixture), *to = NULL;
  sqlite3_stmt *stmt = prepare (fixture, db, "SELECT 1"), *not_its = prepare (fixture, other, "SELECT 2");
  sqlite3_backup *backup;
  sqlite3_blob *blob = NULL;

  g_assert_cmpint (leash_sqlite3_open (fixture->ctx, ":memory:", &to), ==, SQLITE_OK);
  g_assert_cmpint (leash_sqlite3_blob_open (fixture->ctx, db, "main", "t", "b", 1, 0, &blob), ==, SQLITE_OK);
  backup = leash_sqlite3_backup_init (fixture->ctx, to, "main", db, "main");
  close_busy_here (fixture, db);
  fixture->n_misuses = 3;
  if (leash_has_tracking ())
    g_assert_cmpuint (leash_tracker_count_misuses (fixture->tracker), ==, 3);
  g_assert_cmpint (leash_sqlite3_backup_finish (fixture->ctx, backup), ==, SQLITE_OK);
  g_assert_cmpint (leash_sqlite3_blob_close (fixture->ctx, blob), ==, SQLITE_OK);
  g_assert_cmpint (leash_sqlite3_finalize (fixture->ctx, stmt), ==, SQLITE_OK);
  g_assert_cmpint (leash_sqlite3_finalize (fixture->ctx, not_its), ==, SQLITE_OK);
  g_assert_cmpint (leash_sqlite3_close (fixture->ctx, db), ==, SQLITE_OK);
  g_assert_cmpint (leash_sqlite3_close (fixture->ctx, other), ==, SQLITE_OK);
  g_assert_cmpint (leash_sqlite3_close (fixture->ctx, to), ==, SQLITE_OK);
}

/* Who prepares by SQLite's own function is told of the connection at least. */
static void
test_busy_untracked (Fixture *fixture, gconstpointer unused)
{
  sqlite3 *db = open_memory (fixture);
  sqlite3_stmt *stmt = NULL;
  g_autofree char *text = NULL;

  g_assert_cmpint (sqlite3_prepare_v2 (db, "SELECT 1", -1, &stmt, NULL), ==, SQLITE_OK);
  close_busy_here (fixture, db);
  fixture->n_misuses = 1;
  if (leash_has_tracking ())
    {
      g_autoptr (LeashSnapshot) snapshot = leash_snapshot_new (fixture->tracker);

      g_assert_cmpstr (leash_snapshot_get_misuse (snapshot, 0)->kind, ==, "sqlite3");
    }
  text = leash_sqlite3_describe_open (fixture->ctx, db);
  g_assert_cmpstr (text, ==, "1 x sqlite3_stmt \"SELECT 1\", not tracked\n");
  g_assert_cmpint (sqlite3_finalize (stmt), ==, SQLITE_OK);
  g_assert_cmpint (leash_sqlite3_close (fixture->ctx, db), ==, SQLITE_OK);
}

static void
test_describe (Fixture *fixture, gconstpointer unused)
{
  sqlite3 *db = open_memory (fixture), *other = open_memory (fixture);
  sqlite3_stmt *stmt = prepare_here (fixture, db), *not_its = prepare (fixture, other, "SELECT 2");
  g_autofree char *text = leash_sqlite3_describe_open (fixture->ctx, db), *nothing = NULL;

  if (leash_has_tracking ())
    {
      assert_has (text, "leash: 1 resource still open, from 1 place\n"
                        "1 x sqlite3_stmt \"SELECT id FROM t\", opened ");
      assert_has (text, " from sqlite3 \":memory:\"\n");
      assert_has (text, "\n    prepare_here ");
    }
  else
    assert_has (text, "1 x sqlite3_stmt \"SELECT id FROM t\", not tracked\n");
  g_assert_cmpint (leash_sqlite3_finalize (fixture->ctx, stmt), ==, SQLITE_OK);
  nothing = leash_sqlite3_describe_open (fixture->ctx, db);
  g_assert_null (nothing);
  g_assert_cmpint (leash_sqlite3_finalize (fixture->ctx, not_its), ==, SQLITE_OK);
  g_assert_cmpint (leash_sqlite3_close (fixture->ctx, db), ==, SQLITE_OK);
  g_assert_cmpint (leash_sqlite3_close (fixture->ctx, other), ==, SQLITE_OK);
}

/* A zombie is there until SQLite frees it, behind the last of what keeps it. */
static void
test_zombie (Fixture *fixture, gconstpointer unused)
{
  static const char name[]
      = "a database in memory, closed by sqlite3_close_v2(), waiting for what is open in it";
  sqlite3 *db = open_memory (fixture);
  sqlite3_stmt *stmt = prepare (fixture, db, "SELECT 1");
  sqlite3_blob *blob = NULL;

  g_assert_cmpint (leash_sqlite3_blob_open (fixture->ctx, db, "main", "t", "b", 1, 0, &blob), ==, SQLITE_OK);
  g_assert_cmpint (leash_sqlite3_close_v2 (fixture->ctx, db), ==, SQLITE_OK);
  check_open (fixture, 3, "sqlite3", name, NULL);
  g_assert_cmpint (leash_sqlite3_finalize (fixture->ctx, stmt), ==, SQLITE_OK);
  check_open (fixture, 2, "sqlite3", name, NULL);
  g_assert_cmpint (leash_sqlite3_blob_close (fixture->ctx, blob), ==, SQLITE_OK);
  check_open (fixture, 0, NULL, NULL, NULL);
}

/* Also where a backup keeps it, and what SQLite's own function finalizes. */
static void
test_zombie_of_others (Fixture *fixture, gconstpointer unused)
{
  sqlite3 *db = open_memory (fixture), *to = open_memory (fixture);
  sqlite3_backup *backup = leash_sqlite3_backup_init (fixture->ctx, to, "main", db, "main");
  sqlite3_stmt *stmt = NULL;

  g_assert_cmpint (leash_sqlite3_close_v2 (fixture->ctx, db), ==, SQLITE_OK);
  check_open (fixture, 3, "sqlite3", ":memory:", NULL);
  g_assert_cmpint (leash_sqlite3_backup_finish (fixture->ctx, backup), ==, SQLITE_OK);
  check_open (fixture, 1, "sqlite3", ":memory:", NULL);
  g_assert_cmpint (sqlite3_prepare_v2 (to, "SELECT 1", -1, &stmt, NULL), ==, SQLITE_OK);
  g_assert_cmpint (leash_sqlite3_close_v2 (fixture->ctx, to), ==, SQLITE_OK);
  check_open (fixture, 1, "sqlite3",
              "a database in memory, closed by sqlite3_close_v2(), waiting for what is open in it", NULL);
  g_assert_cmpint (sqlite3_step (stmt), ==, SQLITE_ROW);
  g_assert_cmpint (sqlite3_finalize (stmt), ==, SQLITE_OK);
  check_open (fixture, 0, NULL, NULL, NULL);
}

/* Opened by SQLite's own function, and closed by the pair, and the other way round. */
static void
test_foreign (Fixture *fixture, gconstpointer unused)
{
  sqlite3 *db = NULL;
  sqlite3_stmt *stmt;

  g_assert_cmpint (sqlite3_open (":memory:", &db), ==, SQLITE_OK);
  stmt = prepare (fixture, db, "SELECT 1");
  check_open (fixture, 1, "sqlite3_stmt", "SELECT 1", NULL);
  g_assert_cmpint (leash_sqlite3_finalize (fixture->ctx, stmt), ==, SQLITE_OK);
  g_assert_cmpint (leash_sqlite3_close (fixture->ctx, db), ==, SQLITE_OK);
  g_assert_cmpint (sqlite3_open (":memory:", &db), ==, SQLITE_OK);
  g_assert_cmpint (leash_sqlite3_close_v2 (fixture->ctx, db), ==, SQLITE_OK);
  fixture->n_misuses = 2;
}

static void
test_untracked (Fixture *fixture, gconstpointer unused)
{
  Fixture untracked = { .ctx = leash_context_background () };
  sqlite3 *db = open_memory (&untracked);
  sqlite3_stmt *stmt = prepare (&untracked, db, "SELECT 1");
  g_autofree char *text = leash_sqlite3_describe_open (untracked.ctx, db);

  close_busy_here (&untracked, db);
  g_assert_cmpstr (text, ==, "1 x sqlite3_stmt \"SELECT 1\", not tracked\n");
  g_assert_cmpint (leash_sqlite3_close_v2 (untracked.ctx, db), ==, SQLITE_OK);
  g_assert_cmpint (leash_sqlite3_finalize (untracked.ctx, stmt), ==, SQLITE_OK);
}

/* SQLite frees this with the connection, whose handle another thread may have by then. */
typedef struct
{
  LeashContext *ctx;
  sqlite3 *db;
  gboolean is_freed;
} Freed;

static void
look_when_freed (void *data)
{
  Freed *freed = data;

  freed->is_freed = TRUE;
  g_assert_null (leash_find_pointer (freed->ctx, "sqlite3", freed->db));
}

static void
return_nothing (sqlite3_context *context, int n, sqlite3_value **values)
{
}

static void
test_handle_is_let_go (Fixture *fixture, gconstpointer unused)
{
  int (*const closes[]) (LeashContext *, sqlite3 *) = { leash_sqlite3_close, leash_sqlite3_close_v2 };

  for (guint i = 0; i < G_N_ELEMENTS (closes); i++)
    {
      Freed freed = { fixture->ctx, open_memory (fixture), FALSE };

      g_assert_cmpint (sqlite3_create_function_v2 (freed.db, "f", 0, SQLITE_UTF8, &freed, return_nothing,
                                                   NULL, NULL, look_when_freed),
                       ==, SQLITE_OK);
      g_assert_cmpint (closes[i](fixture->ctx, freed.db), ==, SQLITE_OK);
      g_assert_true (freed.is_freed);
    }
}

/* Threads get handles that others have just freed: no mistake is seen where there is none. */
static gpointer
open_and_close (gpointer data)
{
  Fixture *fixture = data;

  for (guint i = 0; i < 300; i++)
    {
      sqlite3 *db = NULL;
      sqlite3_stmt *stmt = NULL;

      leash_sqlite3_open (fixture->ctx, ":memory:", &db);
      leash_sqlite3_prepare_v2 (fixture->ctx, db, "SELECT 1", -1, &stmt, NULL);
      if (i % 3 == 0)
        leash_sqlite3_close_v2 (fixture->ctx, db);
      leash_sqlite3_finalize (fixture->ctx, stmt);
      if (i % 3 == 1)
        leash_sqlite3_close_v2 (fixture->ctx, db);
      else if (i % 3 == 2)
        leash_sqlite3_close (fixture->ctx, db);
    }
  return NULL;
}

static void
test_threads (Fixture *fixture, gconstpointer unused)
{
  GThread *threads[4];

  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = g_thread_new ("sqlite", open_and_close, fixture);
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    g_thread_join (threads[i]);
  check_open (fixture, 0, NULL, NULL, NULL);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("/sqlite3-thin/connection", test_connection);
  ADD ("/sqlite3-thin/key-of-a-uri-is-not-shown", test_uri);
  ADD ("/sqlite3-thin/failed-open-is-to-be-closed", test_failed_open);
  ADD ("/sqlite3-thin/statement-is-a-child-of-its-connection", test_statement);
  ADD ("/sqlite3-thin/statement-of-several-has-its-own-sql", test_tail);
  ADD ("/sqlite3-thin/no-statement-is-not-tracked", test_no_statement);
  ADD ("/sqlite3-thin/failed-statement-is-finalized", test_failed_statement);
  ADD ("/sqlite3-thin/long-statement-is-shortened", test_long_statement);
  g_test_add_func ("/sqlite3-thin/name-that-just-fits", test_name_that_just_fits);
  ADD ("/sqlite3-thin/blob", test_blob);
  ADD ("/sqlite3-thin/backup-is-a-child-of-its-source", test_backup);
  ADD ("/sqlite3-thin/busy/is-told-with-both-stacks", test_busy);
  ADD ("/sqlite3-thin/busy/each-that-is-in-the-way-is-told", test_busy_with_all);
  ADD ("/sqlite3-thin/busy/with-what-is-not-tracked", test_busy_untracked);
  ADD ("/sqlite3-thin/describes-what-is-open", test_describe);
  ADD ("/sqlite3-thin/zombie/stays-until-it-is-freed", test_zombie);
  ADD ("/sqlite3-thin/zombie/by-a-backup-or-an-untracked-statement", test_zombie_of_others);
  ADD ("/sqlite3-thin/foreign-handle-is-closed-and-reported", test_foreign);
  ADD ("/sqlite3-thin/without-a-tracker", test_untracked);
  ADD ("/sqlite3-thin/handle-is-let-go-before-it-is-freed", test_handle_is_let_go);
  ADD ("/sqlite3-thin/threads-reuse-handles", test_threads);
  return g_test_run ();
}
