/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What connections, transactions and the database itself do alike, on a connection that is entered. */
#include "leash-sql-private.h"

#include <leash/leash-rows.h>

gboolean
leash_sql_exec (LeashDbConn *conn, LeashContext *ctx, const char *sql, const LeashSqlValue *values,
                gsize n_values, LeashSqlResult *ret_result, GError **error)
{
  LeashSqlCommand command;
  gboolean is_done = leash_sql_command_prepare (&command, conn, ctx, sql, error)
                     && leash_sql_command_bind_all (&command, values, n_values, error)
                     && leash_sql_command_run (&command, ctx, ret_result, error);

  leash_sql_command_finish (&command);
  if (!is_done)
    leash_sql_prefix (error, "Executing", sql);
  return is_done;
}

/* Prepares it, and runs it to its first row. */
static gboolean
start (LeashSqlCommand *command, LeashDbConn *conn, LeashContext *ctx, const char *sql,
       const LeashSqlValue *values, gsize n_values, LeashSqlStep *ret_first, GError **error)
{
  if (leash_sql_command_prepare (command, conn, ctx, sql, error)
      && leash_sql_command_bind_all (command, values, n_values, error)
      && (*ret_first = leash_sql_command_step (command, ctx, error)) != LEASH_SQL_STEP_ERROR)
    return TRUE;
  leash_sql_command_finish (command);
  leash_sql_prefix (error, "Querying", sql);
  return FALSE;
}

LeashRows *
leash_sql_query (LeashDbConn *conn, LeashSqlNode *parent, LeashContext *ctx, const char *sql,
                 const LeashSqlValue *values, gsize n_values, gconstpointer caller, GError **error)
{
  LeashSqlCommand command;
  LeashSqlStep first;

  if (!start (&command, conn, ctx, sql, values, n_values, &first, error))
    return NULL;
  /* Whoever asks: what is read in a transaction is over when that is. */
  if (parent == NULL && conn->tx != NULL)
    parent = leash_tx_get_node (conn->tx);
  return leash_rows_new (&command, TRUE, parent, ctx, first, caller);
}

gboolean
leash_sql_query_row (LeashDbConn *conn, LeashContext *ctx, const char *sql, const LeashSqlValue *values,
                     gsize n_values, va_list *places, GError **error)
{
  LeashSqlCommand command;
  LeashSqlStep first;
  gboolean is_done;

  if (!start (&command, conn, ctx, sql, values, n_values, &first, error))
    return FALSE;
  is_done = leash_sql_scan_only (&command, ctx, first, places, error);
  leash_sql_command_finish (&command);
  if (!is_done)
    leash_sql_prefix (error, "Querying", sql);
  return is_done;
}
