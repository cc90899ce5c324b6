/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The driver for SQLite.
 *
 * Sessions are opened without SQLite's mutexes, as nobody calls here while another does. Contexts reach the
 * engine by two handlers that it calls: one after each PROGRESS_STEPS instructions of its machine, which
 * stops the statement when the context is done, and one when another has the lock, which waits, and stops to
 * wait then. sqlite3_interrupt() from another thread would come to the same some microseconds sooner, and
 * cost each call a registration; it also hits whatever runs by then.
 *
 * `:memory:` is a database of one connection in SQLite. A pool has several: here it is one of SQLite's memdb
 * file system, by a name of its own, held by a connection that does nothing else.
 */
#include "leash-sql-driver-private.h"

#include <math.h>
#include <sqlite3.h>
#include <string.h>

#include "leash-sql-private.h"

#define PROGRESS_STEPS 1000

/* For how long one waits for a lock whose context has no deadline. */
#define BUSY_TIME (5 * G_TIME_SPAN_SECOND)
#define BUSY_NAP_MAX (25 * G_TIME_SPAN_MILLISECOND)

#define LEASH_TYPE_SQLITE_DRIVER (leash_sqlite_driver_get_type ())
G_DECLARE_FINAL_TYPE (LeashSqliteDriver, leash_sqlite_driver, LEASH, SQLITE_DRIVER, GObject)

struct _LeashSqliteDriver
{
  GObject parent_instance;
};

static void leash_sqlite_driver_init_interface (LeashSqlDriverInterface *iface);

G_DEFINE_TYPE_WITH_CODE (LeashSqliteDriver, leash_sqlite_driver, G_TYPE_OBJECT,
                         G_IMPLEMENT_INTERFACE (LEASH_TYPE_SQL_DRIVER, leash_sqlite_driver_init_interface))

typedef struct
{
  char *name; /* the whole */
  char *file; /* as SQLite wants it */
  int flags;
  sqlite3 *anchor; /* keeps a database in memory; NULL for others */
} Database;

typedef struct
{
  sqlite3 *db;
  LeashContext *ctx;     /* of the call that runs; NULL between */
  gboolean is_read_only; /* for the transaction that is open */
} Session;

typedef struct
{
  sqlite3_stmt *stmt;
  gboolean is_read_only;
  gint64 changes_before; /* of the session in all, when the run of one that is not read-only began */
  gboolean is_running;
} Statement;

static LeashSqlError
get_code (int rc)
{
  switch (rc & 0xff)
    {
    case SQLITE_CONSTRAINT:
      return LEASH_SQL_ERROR_CONSTRAINT;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return LEASH_SQL_ERROR_BUSY;
    case SQLITE_READONLY:
      return LEASH_SQL_ERROR_READ_ONLY;
    case SQLITE_FULL:
      return LEASH_SQL_ERROR_FULL;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return LEASH_SQL_ERROR_CORRUPT;
    case SQLITE_IOERR:
      return LEASH_SQL_ERROR_IO;
    case SQLITE_CANTOPEN:
      return LEASH_SQL_ERROR_CONNECTION;
    case SQLITE_PERM:
    case SQLITE_AUTH:
      return LEASH_SQL_ERROR_PERMISSION;
    case SQLITE_RANGE:
      return LEASH_SQL_ERROR_BIND;
    case SQLITE_TOOBIG:
      return LEASH_SQL_ERROR_RANGE;
    case SQLITE_MISMATCH:
      return LEASH_SQL_ERROR_TYPE;
    default:
      return LEASH_SQL_ERROR_FAILED;
    }
}

/* What the system said, where it was asked. */
static const char *
get_system_reason (sqlite3 *db, int rc)
{
  int code = sqlite3_system_errno (db);

  return ((rc & 0xff) == SQLITE_CANTOPEN || (rc & 0xff) == SQLITE_IOERR) && code != 0 ? g_strerror (code)
                                                                                      : NULL;
}

/* In characters from 1, of a byte from 0. */
static guint
get_position (sqlite3 *db, const char *sql)
{
  int offset = sqlite3_error_offset (db);

  return offset >= 0 && sql != NULL ? (guint) g_utf8_strlen (sql, offset) + 1 : 0;
}

static void
set_error (sqlite3 *db, const char *sql, GError **error)
{
  int rc = sqlite3_extended_errcode (db);
  LeashSqlErrorDetail detail = { .native_code = rc, .position = get_position (db, sql) };
  /* What prepare() refuses without a reason of its own is not understood. */
  LeashSqlError code = (rc & 0xff) == SQLITE_ERROR && sql != NULL ? LEASH_SQL_ERROR_SYNTAX : get_code (rc);
  const char *reason = get_system_reason (db, rc);
  char message[LEASH_SQL_NAME_SIZE];

  /* It may quote the statement, however long that is. */
  leash_sql_shorten (message, sqlite3_errmsg (db));
  if (detail.position > 0)
    leash_sql_error_set (error, code, &detail, "%s, at character %u", message, detail.position);
  else
    leash_sql_error_set (error, code, &detail, "%s%s%s", message, reason != NULL ? ": " : "",
                         reason != NULL ? reason : "");
}

/* The error of a call: the context's, when that is why. */
static void
set_error_of_call (Session *session, LeashContext *ctx, const char *sql, GError **error)
{
  int rc = sqlite3_errcode (session->db);

  if ((rc != SQLITE_INTERRUPT && rc != SQLITE_BUSY) || leash_context_check (ctx, error))
    set_error (session->db, sql, error);
}

static int
on_progress (void *user_data)
{
  Session *session = user_data;

  return session->ctx != NULL && leash_context_is_done (session->ctx);
}

static int
on_busy (void *user_data, int n_before)
{
  Session *session = user_data;
  gint64 nap = MIN (G_TIME_SPAN_MILLISECOND << MIN (n_before, 5), BUSY_NAP_MAX);
  gint64 deadline;

  if (session->ctx == NULL
      || (!leash_context_get_deadline (session->ctx, &deadline) && n_before * BUSY_NAP_MAX > BUSY_TIME))
    return 0;
  return !leash_context_wait (session->ctx, nap);
}

static sqlite3 *
open_file (const Database *database, GError **error)
{
  sqlite3 *db;

  if (sqlite3_open_v2 (database->file, &db, database->flags, NULL) == SQLITE_OK)
    return db;
  if (db != NULL)
    set_error (db, NULL, error);
  else
    leash_sql_error_set (error, LEASH_SQL_ERROR_CONNECTION, NULL, "there is no memory for it");
  sqlite3_close (db);
  return NULL;
}

static void
close_database (LeashSqlDriver *driver, gpointer opened)
{
  Database *database = opened;

  sqlite3_close (database->anchor);
  g_free (database->file);
  g_free (database->name);
  g_free (database);
}

static gpointer
open_database (LeashSqlDriver *driver, const char *uri, GError **error)
{
  static gint n_in_memory; /* atomic */
  const char *file = strchr (uri, ':') + 1;
  Database *database;

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
  database = g_new0 (Database, 1);
  database->name = g_strdup (uri);
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
      close_database (driver, database);
      return NULL;
    }
  return database;
}

static const char *
get_database_name (LeashSqlDriver *driver, gpointer database)
{
  return ((Database *) database)->name;
}

static void
disconnect (LeashSqlDriver *driver, gpointer opened)
{
  Session *session = opened;

  sqlite3_close_v2 (session->db);
  g_free (session);
}

/* Opening a file does not read it. */
static gboolean
look_at_file (Session *session, LeashContext *ctx, GError **error)
{
  gboolean is_good;

  session->ctx = ctx;
  is_good = sqlite3_exec (session->db, "PRAGMA schema_version", NULL, NULL, NULL) == SQLITE_OK;
  session->ctx = NULL;
  if (!is_good)
    set_error_of_call (session, ctx, NULL, error);
  return is_good;
}

static gpointer
connect_session (LeashSqlDriver *driver, gpointer database, LeashContext *ctx, GError **error)
{
  sqlite3 *db = open_file (database, error);
  Session *session;

  if (db == NULL)
    return NULL;
  session = g_new0 (Session, 1);
  session->db = db;
  sqlite3_progress_handler (db, PROGRESS_STEPS, on_progress, session);
  sqlite3_busy_handler (db, on_busy, session);
  if (look_at_file (session, ctx, error))
    return session;
  disconnect (driver, session);
  return NULL;
}

static gboolean
in_transaction (LeashSqlDriver *driver, gpointer session)
{
  return !sqlite3_get_autocommit (((Session *) session)->db);
}

/* What is for one transaction ends with it. */
static void
look_at_end (Session *session)
{
  if (LEASH_LIKELY (!session->is_read_only) || !sqlite3_get_autocommit (session->db))
    return;
  session->is_read_only = FALSE;
  sqlite3_exec (session->db, "PRAGMA query_only = OFF", NULL, NULL, NULL);
}

static gboolean
reset (LeashSqlDriver *driver, gpointer opened, GError **error)
{
  Session *session = opened;

  if (!sqlite3_get_autocommit (session->db)
      && sqlite3_exec (session->db, "ROLLBACK", NULL, NULL, NULL) != SQLITE_OK)
    {
      set_error (session->db, NULL, error);
      return FALSE;
    }
  look_at_end (session);
  return TRUE;
}

static gpointer
prepare (LeashSqlDriver *driver, gpointer opened, LeashContext *ctx, const char *sql, GError **error)
{
  Session *session = opened;
  sqlite3_stmt *stmt = NULL, *second = NULL;
  const char *rest = sql;
  Statement *statement;
  gboolean is_good;

  session->ctx = ctx;
  is_good = sqlite3_prepare_v2 (session->db, sql, -1, &stmt, &rest) == SQLITE_OK;
  /* Blanks and comments behind it make no statement. */
  while (is_good && stmt != NULL && rest[0] != '\0' && second == NULL)
    is_good = sqlite3_prepare_v2 (session->db, rest, -1, &second, &rest) == SQLITE_OK;
  session->ctx = NULL;
  if (!is_good)
    set_error_of_call (session, ctx, sql, error);
  else if (stmt == NULL)
    leash_sql_error_set (error, LEASH_SQL_ERROR_SYNTAX, NULL, "there is no statement in it");
  else if (second != NULL)
    leash_sql_error_set (error, LEASH_SQL_ERROR_SYNTAX, NULL, "there is more than one statement in it");
  sqlite3_finalize (second);
  if (!is_good || stmt == NULL || second != NULL)
    {
      sqlite3_finalize (stmt);
      return NULL;
    }
  statement = g_new0 (Statement, 1);
  statement->stmt = stmt;
  statement->is_read_only = sqlite3_stmt_readonly (stmt) != 0;
  return statement;
}

static void
finalize (LeashSqlDriver *driver, gpointer session, gpointer prepared)
{
  Statement *statement = prepared;

  sqlite3_finalize (statement->stmt);
  g_free (statement);
}

static guint
count_parameters (LeashSqlDriver *driver, gpointer statement)
{
  return (guint) sqlite3_bind_parameter_count (((Statement *) statement)->stmt);
}

static guint
find_parameter (LeashSqlDriver *driver, gpointer statement, const char *name)
{
  sqlite3_stmt *stmt = ((Statement *) statement)->stmt;
  int index = sqlite3_bind_parameter_index (stmt, name);

  for (const char *prefix = ":@$"; index == 0 && *prefix != '\0'; prefix++)
    {
      g_autofree char *prefixed = g_strdup_printf ("%c%s", *prefix, name);

      index = sqlite3_bind_parameter_index (stmt, prefixed);
    }
  return (guint) index;
}

static int
bind_value (sqlite3_stmt *stmt, int index, const LeashSqlValue *value)
{
  switch (value->type)
    {
    case LEASH_SQL_DOUBLE:
      return sqlite3_bind_double (stmt, index, value->as.number);
    case LEASH_SQL_TEXT:
      return sqlite3_bind_text64 (stmt, index, value->as.text, value->length, SQLITE_TRANSIENT, SQLITE_UTF8);
    case LEASH_SQL_BYTES:
      /* One at no address is NULL to SQLite. */
      if (value->length == 0)
        return sqlite3_bind_zeroblob (stmt, index, 0);
      return sqlite3_bind_blob64 (stmt, index, value->as.bytes, value->length, SQLITE_TRANSIENT);
    default:
      return sqlite3_bind_null (stmt, index);
    }
}

static gboolean
bind (LeashSqlDriver *driver, gpointer statement, guint index, const LeashSqlValue *value, GError **error)
{
  sqlite3_stmt *stmt = ((Statement *) statement)->stmt;
  int rc;

  /* SQLite makes NULL of it without a word. */
  if (LEASH_UNLIKELY (value->type == LEASH_SQL_DOUBLE && isnan (value->as.number)))
    {
      leash_sql_error_set (error, LEASH_SQL_ERROR_BIND, NULL,
                           "parameter %u is not a number (NaN), for which SQLite has no value", index);
      return FALSE;
    }
  rc = LEASH_LIKELY (value->type == LEASH_SQL_INT64) ? sqlite3_bind_int64 (stmt, (int) index, value->as.int64)
                                                     : bind_value (stmt, (int) index, value);
  if (LEASH_LIKELY (rc == SQLITE_OK))
    return TRUE;
  leash_sql_error_set (error, LEASH_SQL_ERROR_BIND, &(LeashSqlErrorDetail){ .native_code = rc },
                       "parameter %u: %s", index, sqlite3_errstr (rc));
  return FALSE;
}

static LeashSqlStep
step (LeashSqlDriver *driver, gpointer opened, gpointer prepared, LeashContext *ctx, GError **error)
{
  Session *session = opened;
  Statement *statement = prepared;
  int rc;

  if (!statement->is_running && !statement->is_read_only)
    {
      statement->is_running = TRUE;
      statement->changes_before = sqlite3_total_changes64 (session->db);
    }
  session->ctx = ctx;
  rc = sqlite3_step (statement->stmt);
  session->ctx = NULL;
  if (LEASH_LIKELY (rc == SQLITE_ROW))
    return LEASH_SQL_STEP_ROW;
  if (LEASH_UNLIKELY (rc != SQLITE_DONE))
    set_error_of_call (session, ctx, NULL, error);
  look_at_end (session);
  return rc == SQLITE_DONE ? LEASH_SQL_STEP_DONE : LEASH_SQL_STEP_ERROR;
}

static void
rewind_statement (LeashSqlDriver *driver, gpointer session, gpointer prepared)
{
  Statement *statement = prepared;

  sqlite3_reset (statement->stmt);
  statement->is_running = FALSE;
}

static guint
count_columns (LeashSqlDriver *driver, gpointer statement)
{
  return (guint) sqlite3_column_count (((Statement *) statement)->stmt);
}

static const char *
get_column_name (LeashSqlDriver *driver, gpointer statement, guint column)
{
  const char *name = sqlite3_column_name (((Statement *) statement)->stmt, (int) column);

  return name != NULL ? name : "";
}

/*
 * Of the value, and not by sqlite3_column_int64() and the others, which find it anew each time. SQLite calls
 * it unprotected, for it takes no mutex: there is none here, and nobody else in the session.
 */
static void
get_column (LeashSqlDriver *driver, gpointer statement, guint column, LeashSqlValue *ret_value)
{
  sqlite3_value *value = sqlite3_column_value (((Statement *) statement)->stmt, (int) column);
  int type = sqlite3_value_type (value);

  if (type == SQLITE_TEXT)
    {
      ret_value->type = LEASH_SQL_TEXT;
      ret_value->as.text = (const char *) sqlite3_value_text (value);
      ret_value->length = (gsize) sqlite3_value_bytes (value);
    }
  else if (type == SQLITE_INTEGER)
    {
      ret_value->type = LEASH_SQL_INT64;
      ret_value->as.int64 = sqlite3_value_int64 (value);
    }
  else if (type == SQLITE_FLOAT)
    {
      ret_value->type = LEASH_SQL_DOUBLE;
      ret_value->as.number = sqlite3_value_double (value);
    }
  else if (type == SQLITE_BLOB)
    {
      ret_value->type = LEASH_SQL_BYTES;
      ret_value->as.bytes = sqlite3_value_blob (value);
      ret_value->length = (gsize) sqlite3_value_bytes (value);
    }
  else
    *ret_value = (LeashSqlValue){ .type = LEASH_SQL_NULL };
}

/* What SQLite says of the last statement is not said again of one that has changed nothing. */
static void
get_result (LeashSqlDriver *driver, gpointer opened, gpointer prepared, LeashSqlResult *ret_result)
{
  Session *session = opened;
  Statement *statement = prepared;

  *ret_result = (LeashSqlResult){ 0 };
  if (statement->is_read_only || sqlite3_total_changes64 (session->db) == statement->changes_before)
    return;
  ret_result->rows_affected = sqlite3_changes64 (session->db);
  ret_result->last_id = sqlite3_last_insert_rowid (session->db);
}

/* Runs the first statement of a text. Returns what is behind it, NULL when it failed. */
static const char *
run_first (Session *session, const char *sql, GError **error)
{
  sqlite3_stmt *stmt = NULL;
  const char *rest;
  int rc = sqlite3_prepare_v2 (session->db, sql, -1, &stmt, &rest);

  if (rc == SQLITE_OK && stmt != NULL)
    {
      do
        rc = sqlite3_step (stmt);
      while (rc == SQLITE_ROW);
      rc = sqlite3_finalize (stmt);
    }
  if (rc == SQLITE_OK)
    return rest;
  set_error_of_call (session, session->ctx, sql, error);
  return NULL;
}

static gboolean
script (LeashSqlDriver *driver, gpointer opened, LeashContext *ctx, const char *sql, GError **error)
{
  Session *session = opened;
  const char *rest = sql;

  session->ctx = ctx;
  while (rest != NULL && rest[0] != '\0')
    rest = run_first (session, rest, error);
  session->ctx = NULL;
  look_at_end (session);
  return rest != NULL;
}

/* All isolation that can be asked for is given: SQLite's is the strictest. */
static gboolean
begin (LeashSqlDriver *driver, gpointer opened, LeashContext *ctx, const LeashTxOptions *options,
       GError **error)
{
  Session *session = opened;

  if (options->is_read_only && !script (driver, session, ctx, "PRAGMA query_only = ON", error))
    return FALSE;
  session->is_read_only = options->is_read_only;
  return script (driver, session, ctx, options->is_immediate ? "BEGIN IMMEDIATE" : "BEGIN", error);
}

static void
leash_sqlite_driver_init_interface (LeashSqlDriverInterface *iface)
{
  iface->version = LEASH_SQL_DRIVER_INTERFACE_VERSION;
  iface->open = open_database;
  iface->close = close_database;
  iface->get_name = get_database_name;
  iface->connect = connect_session;
  iface->disconnect = disconnect;
  iface->reset = reset;
  iface->begin = begin;
  iface->in_transaction = in_transaction;
  iface->prepare = prepare;
  iface->finalize = finalize;
  iface->count_parameters = count_parameters;
  iface->find_parameter = find_parameter;
  iface->bind = bind;
  iface->step = step;
  iface->rewind = rewind_statement;
  iface->count_columns = count_columns;
  iface->get_column_name = get_column_name;
  iface->get_column = get_column;
  iface->get_result = get_result;
  iface->script = script;
}

static void
leash_sqlite_driver_class_init (LeashSqliteDriverClass *class)
{
}

static void
leash_sqlite_driver_init (LeashSqliteDriver *self)
{
}

LeashSqlDriver *
leash_sqlite_driver_new (void)
{
  return g_object_new (LEASH_TYPE_SQLITE_DRIVER, NULL);
}
