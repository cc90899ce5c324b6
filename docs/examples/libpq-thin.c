/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A program's own libpq calls on the leash. A counter asks PostgreSQL, and returns early when the answer is
 * an error; the leaking version forgets the result then.
 *
 * The server is the one that libpq's environment names (PGHOST, PGPORT, …). Where there is none, the counter
 * fails before it asks, and clears up the connection, which libpq wants finished all the same.
 */
#include <leash/leash-libpq.h>
#include <leash/leash.h>

static gboolean
count_rows (LeashContext *ctx, PGconn *conn, const char *query, gboolean forgets, gint64 *ret_count)
{
  PGresult *result = leash_PQexec (ctx, conn, query);

  if (PQresultStatus (result) != PGRES_TUPLES_OK)
    {
      g_test_message ("PostgreSQL says: %s", PQerrorMessage (conn));
      if (!forgets) /* the bug */
        leash_PQclear (ctx, result);
      return FALSE;
    }
  *ret_count = g_ascii_strtoll (PQgetvalue (result, 0, 0), NULL, 10);
  leash_PQclear (ctx, result);
  return TRUE;
}

static void
count_all (LeashContext *ctx, gboolean forgets)
{
  PGconn *conn = leash_PQconnectdb (ctx, "");
  gint64 count = 0;

  if (PQstatus (conn) == CONNECTION_OK)
    {
      g_assert_true (
          count_rows (ctx, conn, "SELECT count (*) FROM generate_series (1, 10)", forgets, &count));
      g_assert_cmpint (count, ==, 10);
      g_assert_false (count_rows (ctx, conn, "SELECT count (*) FROM nowhere", forgets, &count));
    }
  else
    {
      g_test_message ("%s", PQerrorMessage (conn));
      g_test_skip ("there is no PostgreSQL server where PGHOST says");
    }
  leash_PQfinish (ctx, conn);
}

static void
test_counter (gconstpointer forgets)
{
  g_auto (LeashTest) test = leash_test_begin ();

  count_all (test.ctx, GPOINTER_TO_INT (forgets));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_data_func ("/libpq-thin/leaking", GINT_TO_POINTER (TRUE), test_counter);
  g_test_add_data_func ("/libpq-thin/mended", GINT_TO_POINTER (FALSE), test_counter);
  return g_test_run ();
}
