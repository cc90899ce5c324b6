/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A program's own SQLite calls on the leash. A greeter looks a name up and returns early when there is none;
 * the leaking version forgets the statement then, and the connection cannot be closed.
 */
#include <leash/leash-sqlite3.h>
#include <leash/leash.h>

static char *
make_greeting (LeashContext *ctx, sqlite3 *db, int id, gboolean forgets)
{
  sqlite3_stmt *stmt = NULL;
  char *greeting;

  if (leash_sqlite3_prepare_v2 (ctx, db, "SELECT name FROM users WHERE id = ?", -1, &stmt, NULL) != SQLITE_OK)
    return NULL;
  sqlite3_bind_int (stmt, 1, id);
  if (sqlite3_step (stmt) != SQLITE_ROW)
    {
      if (!forgets) /* the bug */
        leash_sqlite3_finalize (ctx, stmt);
      return NULL;
    }
  greeting = g_strdup_printf ("Hello %s", (const char *) sqlite3_column_text (stmt, 0));
  leash_sqlite3_finalize (ctx, stmt);
  return greeting;
}

static void
greet_all (LeashContext *ctx, gboolean forgets)
{
  g_autofree char *ada = NULL, *nobody = NULL, *in_the_way = NULL;
  sqlite3 *db = NULL;

  g_assert_cmpint (leash_sqlite3_open (ctx, ":memory:", &db), ==, SQLITE_OK);
  sqlite3_exec (db, "CREATE TABLE users (id, name); INSERT INTO users VALUES (1, 'Ada')", NULL, NULL, NULL);
  ada = make_greeting (ctx, db, 1, forgets);
  g_assert_cmpstr (ada, ==, "Hello Ada");
  nobody = make_greeting (ctx, db, 2, forgets);
  g_assert_null (nobody);
  if (leash_sqlite3_close (ctx, db) != SQLITE_BUSY)
    return;
  /* For a log, say: the end of the test tells the same. */
  in_the_way = leash_sqlite3_describe_open (ctx, db);
  g_test_message ("SQLite refuses to close:\n%s", in_the_way);
}

static void
test_greeter (gconstpointer forgets)
{
  g_auto (LeashTest) test = leash_test_begin ();

  greet_all (test.ctx, GPOINTER_TO_INT (forgets));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_data_func ("/sqlite-thin/leaking", GINT_TO_POINTER (TRUE), test_greeter);
  g_test_add_data_func ("/sqlite-thin/mended", GINT_TO_POINTER (FALSE), test_greeter);
  return g_test_run ();
}
