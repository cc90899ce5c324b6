/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The driver for SQLite: its interface, and statements with what is bound and read. */
#include "leash-sqlite-private.h"

#include <math.h>

#define LEASH_TYPE_SQLITE_DRIVER (leash_sqlite_driver_get_type ())
G_DECLARE_FINAL_TYPE (LeashSqliteDriver, leash_sqlite_driver, LEASH, SQLITE_DRIVER, GObject)

struct _LeashSqliteDriver
{
  GObject parent_instance;
};

static void leash_sqlite_driver_init_interface (LeashSqlDriverInterface *iface);

G_DEFINE_TYPE_WITH_CODE (LeashSqliteDriver, leash_sqlite_driver, G_TYPE_OBJECT,
                         G_IMPLEMENT_INTERFACE (LEASH_TYPE_SQL_DRIVER, leash_sqlite_driver_init_interface))

static gpointer
prepare (LeashSqlDriver *driver, gpointer opened, LeashContext *ctx, const char *sql, GError **error)
{
  LeashSqliteSession *session = opened;
  sqlite3_stmt *stmt = NULL, *second = NULL;
  const char *rest = sql;
  LeashSqliteStatement *statement;
  const char *failed = sql;
  int rc;

  session->ctx = ctx;
  rc = sqlite3_prepare_v2 (session->db, sql, -1, &stmt, &rest);
  /* Blanks and comments behind it make no statement. */
  while (rc == SQLITE_OK && stmt != NULL && rest[0] != '\0' && second == NULL)
    {
      failed = rest;
      rc = sqlite3_prepare_v2 (session->db, failed, -1, &second, &rest);
    }
  session->ctx = NULL;
  if (rc != SQLITE_OK)
    leash_sqlite_set_error_of_call (session, ctx, rc, sql, failed, error);
  else if (stmt == NULL)
    leash_sql_error_set (error, LEASH_SQL_ERROR_SYNTAX, NULL, "there is no statement in it");
  else if (second != NULL)
    leash_sql_error_set (error, LEASH_SQL_ERROR_SYNTAX, NULL, "there is more than one statement in it");
  sqlite3_finalize (second);
  if (rc != SQLITE_OK || stmt == NULL || second != NULL)
    {
      sqlite3_finalize (stmt);
      return NULL;
    }
  statement = g_new0 (LeashSqliteStatement, 1);
  statement->stmt = stmt;
  statement->is_read_only = sqlite3_stmt_readonly (stmt) != 0;
  return statement;
}

static void
finalize (LeashSqlDriver *driver, gpointer session, gpointer prepared)
{
  LeashSqliteStatement *statement = prepared;

  leash_sqlite_end_run (session, statement);
  sqlite3_finalize (statement->stmt);
  g_free (statement);
}

static guint
count_parameters (LeashSqlDriver *driver, gpointer statement)
{
  return (guint) sqlite3_bind_parameter_count (((LeashSqliteStatement *) statement)->stmt);
}

static guint
find_parameter (LeashSqlDriver *driver, gpointer statement, const char *name)
{
  sqlite3_stmt *stmt = ((LeashSqliteStatement *) statement)->stmt;
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
  sqlite3_stmt *stmt = ((LeashSqliteStatement *) statement)->stmt;
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
  int rc = leash_sqlite_step (opened, prepared, ctx);

  if (LEASH_LIKELY (rc == SQLITE_ROW))
    return LEASH_SQL_STEP_ROW;
  if (LEASH_UNLIKELY (rc != SQLITE_DONE))
    leash_sqlite_set_error_of_call (opened, ctx, rc, NULL, NULL, error);
  leash_sqlite_look_at_end (opened);
  return rc == SQLITE_DONE ? LEASH_SQL_STEP_DONE : LEASH_SQL_STEP_ERROR;
}

static void
rewind_statement (LeashSqlDriver *driver, gpointer session, gpointer prepared)
{
  LeashSqliteStatement *statement = prepared;

  leash_sqlite_end_run (session, statement);
  sqlite3_reset (statement->stmt);
}

/* The end of a run may be a commit, but for a query's. */
static gboolean
end_run (LeashSqlDriver *driver, gpointer opened, gpointer prepared, LeashContext *ctx, GError **error)
{
  LeashSqliteSession *session = opened;
  LeashSqliteStatement *statement = prepared;
  int rc;

  if (LEASH_LIKELY (statement->is_read_only))
    return TRUE;
  leash_sqlite_end_run (session, statement);
  session->ctx = ctx;
  rc = sqlite3_reset (statement->stmt);
  session->ctx = NULL;
  if (LEASH_UNLIKELY (rc != SQLITE_OK))
    leash_sqlite_set_error_of_call (session, ctx, rc, NULL, NULL, error);
  leash_sqlite_look_at_end (session);
  return rc == SQLITE_OK;
}

static guint
count_columns (LeashSqlDriver *driver, gpointer statement)
{
  return (guint) sqlite3_column_count (((LeashSqliteStatement *) statement)->stmt);
}

static const char *
get_column_name (LeashSqlDriver *driver, gpointer statement, guint column)
{
  const char *name = sqlite3_column_name (((LeashSqliteStatement *) statement)->stmt, (int) column);

  return name != NULL ? name : "";
}

/*
 * Of the value, and not by sqlite3_column_int64() and the others, which find it anew each time. SQLite calls
 * it unprotected, for it takes no mutex: there is none here, and nobody else in the session.
 */
static void
get_column (LeashSqlDriver *driver, gpointer statement, guint column, LeashSqlValue *ret_value)
{
  sqlite3_value *value = sqlite3_column_value (((LeashSqliteStatement *) statement)->stmt, (int) column);
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
  LeashSqliteSession *session = opened;
  LeashSqliteStatement *statement = prepared;

  *ret_result = (LeashSqlResult){ 0 };
  if (statement->is_read_only || sqlite3_total_changes64 (session->db) == statement->changes_before)
    return;
  ret_result->rows_affected = sqlite3_changes64 (session->db);
  ret_result->last_id = sqlite3_last_insert_rowid (session->db);
}

static void
leash_sqlite_driver_init_interface (LeashSqlDriverInterface *iface)
{
  iface->version = LEASH_SQL_DRIVER_INTERFACE_VERSION;
  iface->open = leash_sqlite_open;
  iface->close = leash_sqlite_close;
  iface->get_name = leash_sqlite_get_name;
  iface->connect = leash_sqlite_connect;
  iface->disconnect = leash_sqlite_disconnect;
  iface->reset = leash_sqlite_reset;
  iface->begin = leash_sqlite_begin;
  iface->in_transaction = leash_sqlite_in_transaction;
  iface->prepare = prepare;
  iface->finalize = finalize;
  iface->count_parameters = count_parameters;
  iface->find_parameter = find_parameter;
  iface->bind = bind;
  iface->step = step;
  iface->rewind = rewind_statement;
  iface->end_run = end_run;
  iface->count_columns = count_columns;
  iface->get_column_name = get_column_name;
  iface->get_column = get_column;
  iface->get_result = get_result;
  iface->script = leash_sqlite_script;
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
