/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* libpq's calls on the leash: what is tracked, and under which name; without a server, then with one. */
#include "../fixture.h"

#include <leash/leash-libpq.h>

#include "postgresql-fixture.h"

static const char *server; /* its name; NULL where there is none */
static const char *no_server;

/* Whether so many are open, one of them of that kind and name. */
static void
check_open (Fixture *fixture, gsize n, const char *kind, const char *name)
{
  g_autoptr (LeashSnapshot) snapshot = leash_snapshot_new (fixture->tracker);
  gboolean is_there = FALSE;

  if (!leash_has_tracking ())
    return;
  g_assert_cmpuint (leash_snapshot_get_length (snapshot), ==, n);
  for (gsize i = 0; i < n; i++)
    {
      const LeashResource *resource = leash_snapshot_get_resource (snapshot, i);

      is_there |= strcmp (resource->kind, kind) == 0 && g_strcmp0 (resource->name, name) == 0;
    }
  if (n > 0 && !is_there)
    g_error ("%s “%s” is not open", kind, name != NULL ? name : "(none)");
}

/* Nobody listens in the test's directory. */
static PGconn *
connect_to_nobody (Fixture *fixture)
{
  g_autofree char *conninfo
      = g_strdup_printf ("host=%s port=7 dbname=test user=me password=secret", fixture->dir);
  PGconn *conn = leash_PQconnectdb (fixture->ctx, conninfo);

  g_assert_nonnull (conn);
  g_assert_cmpint (PQstatus (conn), ==, CONNECTION_BAD);
  return conn;
}

/* A handle comes with a failure too, and its name holds no password. */
static void
test_failed_connection (Fixture *fixture, gconstpointer unused)
{
  PGconn *conn = connect_to_nobody (fixture);
  g_autofree char *name = g_strdup_printf ("test at %s:7", fixture->dir);

  check_open (fixture, 1, "PGconn", name);
  PQreset (conn);
  check_open (fixture, 1, "PGconn", name);
  leash_PQfinish (fixture->ctx, conn);
  check_open (fixture, 0, NULL, NULL);
  leash_PQfinish (fixture->ctx, NULL);
}

static void
test_bad_parameters (Fixture *fixture, gconstpointer unused)
{
  PGconn *conn = leash_PQconnectdb (fixture->ctx, "nonsense=1");

  g_assert_cmpint (PQstatus (conn), ==, CONNECTION_BAD);
  check_open (fixture, 1, "PGconn", NULL);
  leash_PQfinish (fixture->ctx, conn);
}

static void
test_each_way_to_connect (Fixture *fixture, gconstpointer unused)
{
  const char *const keywords[] = { "host", "dbname", "port", NULL };
  const char *const values[] = { fixture->dir, "test", "7", NULL };
  g_autofree char *conninfo = g_strdup_printf ("host=%s port=7 dbname=test", fixture->dir);
  g_autofree char *name = g_strdup_printf ("test at %s:7", fixture->dir);
  PGconn *conns[] = {
    leash_PQconnectdbParams (fixture->ctx, keywords, values, 0),
    leash_PQconnectStart (fixture->ctx, conninfo),
    leash_PQconnectStartParams (fixture->ctx, keywords, values, 0),
    leash_PQsetdbLogin (fixture->ctx, fixture->dir, "7", NULL, NULL, "test", "me", "secret"),
  };

  for (guint i = 0; i < G_N_ELEMENTS (conns); i++)
    {
      check_open (fixture, G_N_ELEMENTS (conns) - i, "PGconn", name);
      leash_PQfinish (fixture->ctx, conns[i]);
    }
}

static void
test_no_result (Fixture *fixture, gconstpointer unused)
{
  PGconn *conn = connect_to_nobody (fixture);

  g_assert_null (leash_PQexec (fixture->ctx, conn, "SELECT 1"));
  g_assert_null (leash_PQgetResult (fixture->ctx, conn));
  g_assert_null (leash_PQgetCancel (fixture->ctx, NULL));
  g_assert_null (leash_PQnotifies (fixture->ctx, NULL));
  leash_PQclear (fixture->ctx, NULL);
  leash_PQfreeCancel (fixture->ctx, NULL);
  leash_PQfreemem (fixture->ctx, NULL);
  leash_PQfinish (fixture->ctx, conn);
}

/* A result outlives its connection without being wrong. */
static void
test_results (Fixture *fixture, gconstpointer unused)
{
  PGconn *conn = connect_to_nobody (fixture);
  PGresult *empty = leash_PQmakeEmptyPGresult (fixture->ctx, conn, PGRES_TUPLES_OK), *copy;

  check_open (fixture, 2, "PGresult", "PGRES_TUPLES_OK");
  leash_PQfinish (fixture->ctx, conn);
  copy = leash_PQcopyResult (fixture->ctx, empty, PG_COPYRES_ATTRS);
  check_open (fixture, 2, "PGresult", "PGRES_TUPLES_OK");
  leash_PQclear (fixture->ctx, empty);
  leash_PQclear (fixture->ctx, copy);
}

/* Memory is named by what it is from: its content may be a secret. */
static void
test_memory (Fixture *fixture, gconstpointer unused)
{
  PGconn *conn = connect_to_nobody (fixture);
  const unsigned char bytes[] = { 0, '\'', 255 };
  size_t length;
  unsigned char *escaped = leash_PQescapeByteaConn (fixture->ctx, conn, bytes, sizeof bytes, &length), *again;
  char *literal = leash_PQescapeLiteral (fixture->ctx, conn, "it's", 4);
  char *identifier = leash_PQescapeIdentifier (fixture->ctx, conn, "a table", 7);
  PQconninfoOption *options = leash_PQconninfo (fixture->ctx, conn);

  g_assert_cmpstr (literal, ==, "'it''s'");
  g_assert_cmpstr (identifier, ==, "\"a table\"");
  check_open (fixture, 5, "libpq memory", "PQescapeByteaConn");
  check_open (fixture, 5, "libpq memory", "PQescapeLiteral");
  check_open (fixture, 5, "libpq memory", "PQescapeIdentifier");
  check_open (fixture, 5, "PQconninfoOption", NULL);
  again = leash_PQunescapeBytea (fixture->ctx, escaped, &length);
  check_open (fixture, 6, "libpq memory", "PQunescapeBytea");
  leash_PQconninfoFree (fixture->ctx, options);
  leash_PQfreemem (fixture->ctx, again);
  leash_PQfreemem (fixture->ctx, escaped);
  leash_PQfreemem (fixture->ctx, literal);
  leash_PQfreemem (fixture->ctx, identifier);
  leash_PQfinish (fixture->ctx, conn);
}

static void
test_foreign (Fixture *fixture, gconstpointer unused)
{
  leash_PQclear (fixture->ctx, PQmakeEmptyPGresult (NULL, PGRES_EMPTY_QUERY));
  fixture->n_misuses = 1;
}

static void
test_untracked (Fixture *fixture, gconstpointer unused)
{
  Fixture untracked = { .ctx = leash_context_background (), .dir = fixture->dir };
  PGconn *conn = connect_to_nobody (&untracked);

  leash_PQclear (untracked.ctx, leash_PQmakeEmptyPGresult (untracked.ctx, conn, PGRES_EMPTY_QUERY));
  leash_PQfinish (untracked.ctx, conn);
}

/* With a server */

static PGconn *
connect_to_server (Fixture *fixture)
{
  PGconn *conn = leash_PQconnectdb (fixture->ctx, server);

  g_assert_cmpint (PQstatus (conn), ==, CONNECTION_OK);
  return conn;
}

/* One result beside the connection, of that name: takes it. */
static void
check_result (Fixture *fixture, PGresult *result, ExecStatusType status, const char *name)
{
  g_assert_cmpint (PQresultStatus (result), ==, status);
  check_open (fixture, 2, "PGresult", name);
  leash_PQclear (fixture->ctx, result);
}

static void
test_results_of_a_server (Fixture *fixture, gconstpointer unused)
{
  const char *const values[] = { "secret" };
  LeashContext *ctx = fixture->ctx;
  PGconn *conn = connect_to_server (fixture);

  check_result (fixture, leash_PQexec (ctx, conn, "SELECT\n  1"), PGRES_TUPLES_OK, "SELECT 1");
  check_result (fixture, leash_PQexec (ctx, conn, "SELECT nothing"), PGRES_FATAL_ERROR, "SELECT nothing");
  check_result (fixture, leash_PQexecParams (ctx, conn, "SELECT $1::text", 1, NULL, values, NULL, NULL, 0),
                PGRES_TUPLES_OK, "SELECT $1::text");
  check_result (fixture, leash_PQprepare (ctx, conn, "echo", "SELECT $1::text", 1, NULL), PGRES_COMMAND_OK,
                "SELECT $1::text");
  check_result (fixture, leash_PQexecPrepared (ctx, conn, "echo", 1, values, NULL, NULL, 0), PGRES_TUPLES_OK,
                "echo");
  check_result (fixture, leash_PQdescribePrepared (ctx, conn, "echo"), PGRES_COMMAND_OK, "echo");
  check_result (fixture, leash_PQdescribePortal (ctx, conn, "none"), PGRES_FATAL_ERROR, "none");
  leash_PQfinish (ctx, conn);
}

static void
test_results_in_turn (Fixture *fixture, gconstpointer unused)
{
  LeashContext *ctx = fixture->ctx;
  PGconn *conn = connect_to_server (fixture);

  g_assert_true (PQsendQuery (conn, "SELECT generate_series (1, 2)"));
  g_assert_true (PQsetSingleRowMode (conn));
  check_result (fixture, leash_PQgetResult (ctx, conn), PGRES_SINGLE_TUPLE, "PGRES_SINGLE_TUPLE");
  check_result (fixture, leash_PQgetResult (ctx, conn), PGRES_SINGLE_TUPLE, "PGRES_SINGLE_TUPLE");
  check_result (fixture, leash_PQgetResult (ctx, conn), PGRES_TUPLES_OK, "PGRES_TUPLES_OK");
  g_assert_null (leash_PQgetResult (ctx, conn));
  g_assert_cmpuint (leash_tracker_count_kind (fixture->tracker, "PGresult"), ==, 0);
  leash_PQfinish (ctx, conn);
}

static void
test_copy_out (Fixture *fixture, gconstpointer unused)
{
  LeashContext *ctx = fixture->ctx;
  PGconn *conn = connect_to_server (fixture);
  char *row = NULL;

  leash_PQclear (ctx, leash_PQexec (ctx, conn, "COPY (SELECT 7) TO STDOUT"));
  g_assert_cmpint (leash_PQgetCopyData (ctx, conn, &row, 0), ==, 2);
  g_assert_cmpstr (row, ==, "7\n");
  check_open (fixture, 2, "libpq memory", "PQgetCopyData");
  leash_PQfreemem (ctx, row);
  g_assert_cmpint (leash_PQgetCopyData (ctx, conn, &row, 0), ==, -1);
  check_result (fixture, leash_PQgetResult (ctx, conn), PGRES_COMMAND_OK, "PGRES_COMMAND_OK");
  leash_PQfinish (ctx, conn);
}

static void
test_notification (Fixture *fixture, gconstpointer unused)
{
  LeashContext *ctx = fixture->ctx;
  PGconn *conn = connect_to_server (fixture);
  PGnotify *notify;

  leash_PQclear (ctx, leash_PQexec (ctx, conn, "LISTEN bell; NOTIFY bell"));
  notify = leash_PQnotifies (ctx, conn);
  g_assert_cmpstr (notify->relname, ==, "bell");
  check_open (fixture, 2, "libpq memory", "PQnotifies");
  leash_PQfreemem (ctx, notify);
  g_assert_null (leash_PQnotifies (ctx, conn));
  leash_PQfinish (ctx, conn);
}

static void
test_cancel (Fixture *fixture, gconstpointer unused)
{
  PGconn *conn = connect_to_server (fixture);
  PGcancel *cancel = leash_PQgetCancel (fixture->ctx, conn);
  char *password = leash_PQencryptPasswordConn (fixture->ctx, conn, "secret", "me", NULL);

  check_open (fixture, 3, "PGcancel", NULL);
  check_open (fixture, 3, "libpq memory", "PQencryptPasswordConn");
  leash_PQfinish (fixture->ctx, conn);
  leash_PQfreeCancel (fixture->ctx, cancel);
  leash_PQfreemem (fixture->ctx, password);
}

/* The same connection, as its handle is. */
static void
test_reset (Fixture *fixture, gconstpointer unused)
{
  PGconn *conn = connect_to_server (fixture);

  PQreset (conn);
  g_assert_cmpint (PQstatus (conn), ==, CONNECTION_OK);
  leash_PQclear (fixture->ctx, leash_PQexec (fixture->ctx, conn, "SELECT 1"));
  leash_PQfinish (fixture->ctx, conn);
}

static void
test_no_server (void)
{
  g_test_skip (no_server);
}

static void
add_tests_of_a_server (void)
{
  ADD ("/libpq-thin/server/results-of-each-kind", test_results_of_a_server);
  ADD ("/libpq-thin/server/results-in-turn", test_results_in_turn);
  ADD ("/libpq-thin/server/rows-of-a-copy", test_copy_out);
  ADD ("/libpq-thin/server/notification", test_notification);
  ADD ("/libpq-thin/server/cancel-outlives-its-connection", test_cancel);
  ADD ("/libpq-thin/server/reset-keeps-the-connection", test_reset);
}

int
main (int argc, char **argv)
{
  server = postgresql_start (&no_server);
  g_test_init (&argc, &argv, NULL);
  ADD ("/libpq-thin/failed-connection-is-to-be-finished", test_failed_connection);
  ADD ("/libpq-thin/connection-of-bad-parameters-has-no-name", test_bad_parameters);
  ADD ("/libpq-thin/each-way-to-connect", test_each_way_to_connect);
  ADD ("/libpq-thin/no-result-is-not-tracked", test_no_result);
  ADD ("/libpq-thin/result-outlives-its-connection", test_results);
  ADD ("/libpq-thin/memory-is-named-by-its-function", test_memory);
  ADD ("/libpq-thin/foreign-handle-is-freed-and-reported", test_foreign);
  ADD ("/libpq-thin/without-a-tracker", test_untracked);
  if (server != NULL)
    add_tests_of_a_server ();
  else
    g_test_add_func ("/libpq-thin/server", test_no_server);
  return g_test_run ();
}
