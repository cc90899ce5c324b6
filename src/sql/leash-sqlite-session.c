/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SQLite's databases, connections and transactions.
 *
 * Sessions are opened without SQLite's mutexes, as nobody calls here while another does. Contexts reach the
 * engine by two handlers that it calls: one after each PROGRESS_STEPS instructions of its machine, which
 * stops the statement when the context is done, and one when another has the lock, which waits, and stops to
 * wait then. What these do not reach is interrupted: leash-sqlite-run.c.
 *
 * `:memory:` is a database of one connection in SQLite. A pool has several: here it is one of SQLite's memdb
 * file system, by a name of its own, held by a connection that does nothing else.
 */
#include "leash-sqlite-private.h"

#include <string.h>

#define PROGRESS_STEPS 1000

/* For how long one waits for a lock whose context has no deadline. */
#define BUSY_TIME (5 * G_TIME_SPAN_SECOND)
#define BUSY_NAP_MAX (25 * G_TIME_SPAN_MILLISECOND)

static int
on_progress (void *user_data)
{
  LeashSqliteSession *session = user_data;

  return session->ctx != NULL && leash_context_is_done (session->ctx);
}

static int
on_busy (void *user_data, int n_before)
{
  LeashSqliteSession *session = user_data;
  gint64 nap = MIN (G_TIME_SPAN_MILLISECOND << MIN (n_before, 5), BUSY_NAP_MAX);
  gint64 deadline;

  if (session->ctx == NULL
      || (!leash_context_get_deadline (session->ctx, &deadline) && n_before * BUSY_NAP_MAX > BUSY_TIME))
    return 0;
  return !leash_context_wait (session->ctx, nap);
}

/* The parameters of one of SQLite's URIs are not shown: one of them may be a key. */
static char *
make_name (const char *uri, const char *file)
{
  const char *end = g_str_has_prefix (file, "file:") ? strchr (file, '?') : NULL;

  return end != NULL ? g_strndup (uri, (gsize) (end - uri)) : g_strdup (uri);
}

static sqlite3 *
open_file (const LeashSqliteDatabase *database, GError **error)
{
  sqlite3 *db;

  if (sqlite3_open_v2 (database->file, &db, database->flags, NULL) == SQLITE_OK)
    return db;
  if (db != NULL)
    leash_sqlite_set_error (db, NULL, NULL, error);
  else
    leash_sql_error_set (error, LEASH_SQL_ERROR_CONNECTION, NULL, "there is no memory for it");
  sqlite3_close (db);
  return NULL;
}

void
leash_sqlite_close (LeashSqlDriver *driver, gpointer opened)
{
  LeashSqliteDatabase *database = opened;

  sqlite3_close (database->anchor);
  g_free (database->file);
  g_free (database->name);
  g_free (database);
}

gpointer
leash_sqlite_open (LeashSqlDriver *driver, const char *uri, GError **error)
{
  static gint n_in_memory; /* atomic */
  const char *file = strchr (uri, ':') + 1;
  LeashSqliteDatabase *database;

  if (file[0] == '\0')
    {
      leash_sql_error_set (error, LEASH_SQL_ERROR_URI, NULL,
                           "%s has no file behind it, and “%s:memory:” is one in memory", uri, uri);
      return NULL;
    }
  if (sqlite3_threadsafe () == 0)
    {
      leash_sql_error_set (error, LEASH_SQL_ERROR_URI, NULL,
                           "this SQLite was built for programs with one thread");
      return NULL;
    }
  database = g_new0 (LeashSqliteDatabase, 1);
  database->name = make_name (uri, file);
  database->flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  if (g_str_has_prefix (file, "file:") || strcmp (file, ":memory:") == 0)
    database->flags |= SQLITE_OPEN_URI;
  if (strcmp (file, ":memory:") != 0)
    {
      database->file = g_strdup (file);
      return database;
    }
  database->file = g_strdup_printf ("file:/leash-%d?vfs=memdb", g_atomic_int_add (&n_in_memory, 1));
  database->anchor = open_file (database, error);
  if (database->anchor == NULL)
    {
      leash_sqlite_close (driver, database);
      return NULL;
    }
  return database;
}

const char *
leash_sqlite_get_name (LeashSqlDriver *driver, gpointer database)
{
  return ((LeashSqliteDatabase *) database)->name;
}

void
leash_sqlite_disconnect (LeashSqlDriver *driver, gpointer opened)
{
  LeashSqliteSession *session = opened;

  sqlite3_close_v2 (session->db);
  leash_sqlite_free_alarm (session);
  g_free (session);
}

/* Opening a file does not read it. */
static gboolean
look_at_file (LeashSqliteSession *session, LeashContext *ctx, GError **error)
{
  int rc;

  session->ctx = ctx;
  rc = sqlite3_exec (session->db, "PRAGMA schema_version", NULL, NULL, NULL);
  session->ctx = NULL;
  if (rc != SQLITE_OK)
    leash_sqlite_set_error_of_call (session, ctx, rc, NULL, NULL, error);
  return rc == SQLITE_OK;
}

gpointer
leash_sqlite_connect (LeashSqlDriver *driver, gpointer database, LeashContext *ctx, GError **error)
{
  sqlite3 *db = open_file (database, error);
  LeashSqliteSession *session;

  if (db == NULL)
    return NULL;
  session = g_new0 (LeashSqliteSession, 1);
  session->db = db;
  sqlite3_progress_handler (db, PROGRESS_STEPS, on_progress, session);
  sqlite3_busy_handler (db, on_busy, session);
  if (look_at_file (session, ctx, error))
    return session;
  leash_sqlite_disconnect (driver, session);
  return NULL;
}

gboolean
leash_sqlite_in_transaction (LeashSqlDriver *driver, gpointer session)
{
  return !sqlite3_get_autocommit (((LeashSqliteSession *) session)->db);
}

/* What is for one transaction ends with it. */
void
leash_sqlite_look_at_end (LeashSqliteSession *session)
{
  if (LEASH_LIKELY (!session->is_read_only) || !sqlite3_get_autocommit (session->db))
    return;
  session->is_read_only = FALSE;
  sqlite3_exec (session->db, "PRAGMA query_only = OFF", NULL, NULL, NULL);
}

gboolean
leash_sqlite_reset (LeashSqlDriver *driver, gpointer opened, GError **error)
{
  LeashSqliteSession *session = opened;

  if (!sqlite3_get_autocommit (session->db)
      && sqlite3_exec (session->db, "ROLLBACK", NULL, NULL, NULL) != SQLITE_OK)
    {
      leash_sqlite_set_error (session->db, NULL, NULL, error);
      return FALSE;
    }
  leash_sqlite_look_at_end (session);
  return TRUE;
}

/* Runs the first statement of what is left of a text. Returns what is behind it, NULL when it failed. */
static const char *
run_first (LeashSqliteSession *session, LeashContext *ctx, const char *sql, const char *first, GError **error)
{
  LeashSqliteStatement statement = { 0 };
  const char *rest;
  int rc;

  session->ctx = ctx;
  rc = sqlite3_prepare_v2 (session->db, first, -1, &statement.stmt, &rest);
  session->ctx = NULL;
  if (rc == SQLITE_OK && statement.stmt != NULL)
    {
      do
        rc = leash_sqlite_step (session, &statement, ctx);
      while (rc == SQLITE_ROW);
      sqlite3_finalize (statement.stmt);
    }
  if (rc == SQLITE_OK || rc == SQLITE_DONE)
    return rest;
  leash_sqlite_set_error_of_call (session, ctx, rc, sql, first, error);
  return NULL;
}

gboolean
leash_sqlite_script (LeashSqlDriver *driver, gpointer session, LeashContext *ctx, const char *sql,
                     GError **error)
{
  const char *rest = sql;

  while (rest != NULL && rest[0] != '\0')
    rest = run_first (session, ctx, sql, rest, error);
  leash_sqlite_look_at_end (session);
  return rest != NULL;
}

/* All isolation that can be asked for is given: SQLite's is the strictest. */
gboolean
leash_sqlite_begin (LeashSqlDriver *driver, gpointer opened, LeashContext *ctx, const LeashTxOptions *options,
                    GError **error)
{
  LeashSqliteSession *session = opened;

  if ((guint) options->isolation > LEASH_ISOLATION_SERIALIZABLE)
    {
      leash_sql_error_set (error, LEASH_SQL_ERROR_RANGE, NULL, "there is no such isolation");
      return FALSE;
    }
  /* It is set as the pragma is prepared. */
  if (options->is_read_only && !leash_sqlite_script (driver, session, ctx, "PRAGMA query_only = ON", error))
    {
      session->is_read_only = TRUE;
      leash_sqlite_look_at_end (session);
      return FALSE;
    }
  session->is_read_only = options->is_read_only;
  return leash_sqlite_script (driver, session, ctx, options->is_immediate ? "BEGIN IMMEDIATE" : "BEGIN",
                              error);
}
