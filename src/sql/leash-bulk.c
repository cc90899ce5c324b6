/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Many rows: INSERT statements of many rows each, prepared once, in a transaction or a savepoint, so that all
 * of them are there or none. Engines' limits of parameters are 32,766 (SQLite) and 65,535 (PostgreSQL); some
 * hundred rows at a time take the most of what there is to win. PostgreSQL's COPY is faster still, and has a
 * syntax of its own to write: leash-copy.c.
 */
#include "leash-sql-private.h"

#include <leash/leash-db-conn.h>

#include <string.h>

#define ROWS_AT_ONCE 250u
#define PARAMETERS_AT_ONCE 30000u

static const LeashSqlAttempt attempt_bulk = { "Inserting rows into", "rows inserted after close" };

typedef struct
{
  LeashDbConn *conn;
  const char *table;
  const char *const *columns;
  guint n_columns;
  guint rows_at_once;
  LeashBulkFunc func;
  gpointer user_data;
  char *sql;             /* the command's */
  LeashSqlValue *values; /* of rows_at_once; text and bytes are copied to kept */
  GStringChunk *kept;
  gint64 n_rows;
} Bulk;

/* An identifier of SQL. */
static void
append_quoted (GString *sql, const char *name, gsize length)
{
  g_string_append_c (sql, '"');
  for (gsize i = 0; i < length; i++)
    {
      if (name[i] == '"')
        g_string_append_c (sql, '"');
      g_string_append_c (sql, name[i]);
    }
  g_string_append_c (sql, '"');
}

/* A table may be in a schema: "audit.events". */
static void
append_table (GString *sql, const char *table)
{
  const char *dot = strchr (table, '.');

  if (dot != NULL)
    {
      append_quoted (sql, table, (gsize) (dot - table));
      g_string_append_c (sql, '.');
      table = dot + 1;
    }
  append_quoted (sql, table, strlen (table));
}

/* "$1" is SQLite's, too: a name, and names are numbered as they come. */
static char *
make_insert (const Bulk *bulk, guint n_rows)
{
  GString *sql = g_string_new ("INSERT INTO ");
  guint n = 0;

  append_table (sql, bulk->table);
  for (guint i = 0; i < bulk->n_columns; i++)
    {
      g_string_append (sql, i == 0 ? " (" : ", ");
      append_quoted (sql, bulk->columns[i], strlen (bulk->columns[i]));
    }
  g_string_append (sql, ") VALUES ");
  for (guint row = 0; row < n_rows; row++)
    {
      g_string_append (sql, row == 0 ? "(" : "), (");
      for (guint i = 0; i < bulk->n_columns; i++)
        g_string_append_printf (sql, i == 0 ? "$%u" : ", $%u", ++n);
    }
  g_string_append_c (sql, ')');
  return g_string_free (sql, FALSE);
}

static void
keep (Bulk *bulk, LeashSqlValue *values)
{
  for (guint i = 0; i < bulk->n_columns; i++)
    if ((values[i].type == LEASH_SQL_TEXT || values[i].type == LEASH_SQL_BYTES) && values[i].length > 0
        && values[i].as.text != NULL)
      values[i].as.text
          = g_string_chunk_insert_len (bulk->kept, values[i].as.text, (gssize) values[i].length);
}

/* Returns how many rows there were; fewer than rows_at_once is the end, or an error. */
static guint
collect (Bulk *bulk, GError **error)
{
  GError *failure = NULL;
  guint n = 0;

  g_string_chunk_clear (bulk->kept);
  while (n < bulk->rows_at_once)
    {
      LeashSqlValue *values = bulk->values + (gsize) n * bulk->n_columns;

      memset (values, 0, bulk->n_columns * sizeof *values);
      if (!bulk->func (values, bulk->n_columns, bulk->user_data, &failure))
        break;
      keep (bulk, values);
      n++;
    }
  if (failure != NULL)
    g_propagate_error (error, failure);
  return n;
}

/* The function may give back the last reference to the transaction. */
static gboolean
check_in_transaction (Bulk *bulk, GError **error)
{
  if (bulk->conn->iface->in_transaction (bulk->conn->driver, bulk->conn->session))
    return TRUE;
  leash_sql_error_set (error, LEASH_SQL_ERROR_FAILED, NULL, "the transaction was ended meanwhile");
  return FALSE;
}

/* n_rows at once. command is one for so many, and made where it is for another number. */
static gboolean
insert (Bulk *bulk, LeashSqlCommand *command, guint n_rows, LeashContext *ctx, GError **error)
{
  guint n_values = n_rows * bulk->n_columns;

  if (command->n_parameters != n_values)
    {
      if (command->conn != NULL)
        leash_sql_command_finish (command);
      g_free (bulk->sql);
      bulk->sql = make_insert (bulk, n_rows);
      if (!leash_sql_command_prepare (command, bulk->conn, ctx, bulk->sql, error))
        return FALSE;
    }
  if (!leash_sql_command_bind_all (command, bulk->values, n_values, error)
      || !leash_sql_command_run (command, ctx, NULL, error))
    return FALSE;
  bulk->n_rows += n_rows;
  return TRUE;
}

static gboolean
insert_all (Bulk *bulk, LeashContext *ctx, GError **error)
{
  LeashSqlCommand command = { 0 };
  GError *failure = NULL;
  gboolean is_done = TRUE;
  guint n;

  do
    {
      n = collect (bulk, &failure);
      is_done = failure == NULL && leash_context_check (ctx, &failure)
                && check_in_transaction (bulk, &failure)
                && (n == 0 || insert (bulk, &command, n, ctx, &failure));
    }
  while (is_done && n == bulk->rows_at_once);
  if (command.conn != NULL)
    leash_sql_command_finish (&command);
  if (failure != NULL)
    g_propagate_error (error, failure);
  return is_done;
}

/* All or nothing: in a transaction of its own, or in a savepoint of the one that is open. */
static gboolean
insert_wholly (Bulk *bulk, LeashContext *ctx, GError **error)
{
  LeashDbConn *conn = bulk->conn;
  gboolean is_inner = conn->iface->in_transaction (conn->driver, conn->session);

  if (!leash_sql_may_run (conn, ctx, error)
      || !leash_sql_run_text (conn, ctx, is_inner ? "SAVEPOINT leash_bulk" : "BEGIN", error))
    return FALSE;
  if (insert_all (bulk, ctx, error)
      && leash_sql_run_text (conn, ctx, is_inner ? "RELEASE leash_bulk" : "COMMIT", error))
    return TRUE;
  if (conn->iface->in_transaction (conn->driver, conn->session))
    leash_sql_roll_back (conn, is_inner ? "leash_bulk" : NULL);
  return FALSE;
}

/**
 * leash_db_conn_bulk_insert:
 * @conn: a connection
 * @ctx: a context
 * @table: a table's name, as it is, without quotes: "users", or "schema.users"
 * @columns: (array zero-terminated=1): the columns' names, likewise
 * @func: (scope call): gives the next row; the connection is in use, and refuses it all but giving back
 * references
 * @user_data: what @func is called with
 * @ret_rows: (out) (optional): set to how many rows were inserted
 * @error: return location for an error
 *
 * Inserts many rows, all of them or none, by some hundreds at a time. In a transaction that is open they are
 * part of it.
 *
 * Returns: %TRUE, or %FALSE with @error set
 *
 * Since: 0.1
 */
gboolean
leash_db_conn_bulk_insert (LeashDbConn *conn, LeashContext *ctx, const char *table,
                           const char *const *columns, LeashBulkFunc func, gpointer user_data,
                           gint64 *ret_rows, GError **error)
{
  Bulk bulk = { .conn = conn, .table = table, .columns = columns, .func = func, .user_data = user_data };
  gboolean is_done;

  g_return_val_if_fail (conn != NULL, FALSE);
  g_return_val_if_fail (ctx != NULL, FALSE);
  g_return_val_if_fail (table != NULL, FALSE);
  g_return_val_if_fail (columns != NULL && columns[0] != NULL, FALSE);
  g_return_val_if_fail (func != NULL, FALSE);

  if (!leash_db_conn_enter (conn, &attempt_bulk, table, LEASH_CALLER, error))
    return FALSE;
  /* Whatever the function gives back. */
  leash_db_conn_ref (conn);
  bulk.n_columns = g_strv_length ((char **) columns);
  bulk.rows_at_once = CLAMP (PARAMETERS_AT_ONCE / bulk.n_columns, 1, ROWS_AT_ONCE);
  bulk.values = g_new (LeashSqlValue, (gsize) bulk.rows_at_once * bulk.n_columns);
  bulk.kept = g_string_chunk_new (4096);
  is_done = insert_wholly (&bulk, ctx, error);
  leash_sql_look_at_tx (conn);
  leash_db_conn_leave (conn);
  leash_db_conn_unref (conn);
  g_string_chunk_free (bulk.kept);
  g_free (bulk.sql);
  g_free (bulk.values);
  if (is_done && ret_rows != NULL)
    *ret_rows = bulk.n_rows;
  if (!is_done)
    leash_sql_prefix (error, attempt_bulk.doing, table);
  return is_done;
}
