/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * LeashSqlCommand: a statement in the engine, from its text to its result. What is wrong with parameters is
 * found here, before any driver sees it: engines take what is missing for NULL, or read text up to its first
 * 0.
 */
#include "leash-sql-private.h"

#include <leash/leash-tx.h>

#include <string.h>

/* What must be so before anything is run on a connection. */
gboolean
leash_sql_may_run (LeashDbConn *conn, LeashContext *ctx, GError **error)
{
  char buffer[LEASH_SQL_NAME_SIZE];

  if (!leash_context_check (ctx, error))
    return FALSE;
  if (LEASH_UNLIKELY (conn->reader != NULL))
    {
      leash_sql_error_set (error, LEASH_SQL_ERROR_IN_USE, NULL,
                           "the connection is in use until the %s of “%s” are read to their end, or closed",
                           conn->reader->class->noun, leash_sql_shorten (buffer, conn->reader->text));
      return FALSE;
    }
  if (LEASH_UNLIKELY (conn->tx != NULL) && leash_tx_is_lost (conn->tx))
    {
      leash_sql_error_set (error, LEASH_SQL_ERROR_FAILED, NULL,
                           "the database has ended the transaction: it must be rolled back first");
      return FALSE;
    }
  return TRUE;
}

/*
 * Engines end transactions themselves, when a disk is full, two lock each other, or a connection is lost; and
 * a statement may say COMMIT. What follows would not be in a transaction, although the program believes so.
 */
void
leash_sql_look_at_open_tx (LeashDbConn *conn)
{
  if (!conn->iface->in_transaction (conn->driver, conn->session))
    leash_tx_lose (conn->tx);
}

gboolean
leash_sql_command_prepare (LeashSqlCommand *command, LeashDbConn *conn, LeashContext *ctx, const char *sql,
                           GError **error)
{
  const LeashSqlDriverInterface *iface = conn->iface;

  *command = (LeashSqlCommand){ .conn = conn, .sql = sql };
  if (!leash_sql_may_run (conn, ctx, error))
    return FALSE;
  if (!leash_fault_point (ctx, "prepare", sql, error))
    return FALSE;
  command->statement = iface->prepare (conn->driver, conn->session, ctx, sql, error);
  if (command->statement == NULL)
    {
      leash_sql_look_at_tx (conn);
      return FALSE;
    }
  command->n_parameters = iface->count_parameters (conn->driver, command->statement);
  return TRUE;
}

void
leash_sql_command_finish (LeashSqlCommand *command)
{
  LeashDbConn *conn = command->conn;

  if (command->statement != NULL)
    conn->iface->finalize (conn->driver, conn->session, command->statement);
  command->statement = NULL;
  g_clear_pointer (&command->is_bound, g_free);
}

static gboolean
refuse_value (guint index, const char *why, GError **error)
{
  leash_sql_error_set (error, LEASH_SQL_ERROR_BIND, NULL, "parameter %u %s", index, why);
  return FALSE;
}

/* The value itself is not shown. */
static gboolean
check_value (guint index, const LeashSqlValue *value, GError **error)
{
  if (LEASH_LIKELY (value->type == LEASH_SQL_INT64))
    return TRUE;
  switch (value->type)
    {
    case LEASH_SQL_NULL:
    case LEASH_SQL_INT64:
    case LEASH_SQL_DOUBLE:
      return TRUE;
    case LEASH_SQL_TEXT:
      if (value->as.text == NULL)
        return refuse_value (index, "is text at no address", error);
      if (LEASH_LIKELY (leash_sql_is_utf8 (value->as.text, value->length)))
        return TRUE;
      return refuse_value (index,
                           memchr (value->as.text, 0, value->length) != NULL
                               ? "has a 0 in its text: bytes can be bound, or the text up to there"
                               : "is not UTF-8: bytes can be bound",
                           error);
    case LEASH_SQL_BYTES:
      return value->as.bytes != NULL || value->length == 0
             || refuse_value (index, "is bytes at no address", error);
    case LEASH_SQL_END:
    default:
      return refuse_value (index, "has no type", error);
    }
}

static gboolean
bind (LeashSqlCommand *command, guint index, const LeashSqlValue *value, GError **error)
{
  LeashDbConn *conn = command->conn;

  return check_value (index, value, error)
         && conn->iface->bind (conn->driver, command->statement, index, value, error);
}

gboolean
leash_sql_command_bind (LeashSqlCommand *command, guint index, const LeashSqlValue *value, GError **error)
{
  if (index < 1 || index > command->n_parameters)
    {
      leash_sql_error_set (error, LEASH_SQL_ERROR_BIND, NULL,
                           "there is no parameter %u, but %u of them from 1", index, command->n_parameters);
      return FALSE;
    }
  if (!bind (command, index, value, error))
    return FALSE;
  if (command->is_bound == NULL)
    command->is_bound = g_new0 (guint8, command->n_parameters);
  command->n_bound += command->is_bound[index - 1] == 0;
  command->is_bound[index - 1] = 1;
  return TRUE;
}

static gboolean
refuse_missing (LeashSqlCommand *command, GError **error)
{
  guint first = 0;

  while (command->is_bound != NULL && command->is_bound[first] != 0)
    first++;
  leash_sql_error_set (error, LEASH_SQL_ERROR_BIND, NULL,
                       "%u of %u parameters are not bound, the first is %u",
                       command->n_parameters - command->n_bound, command->n_parameters, first + 1);
  return FALSE;
}

gboolean
leash_sql_command_bind_all (LeashSqlCommand *command, const LeashSqlValue *values, gsize n_values,
                            GError **error)
{
  if (n_values == 0)
    return LEASH_LIKELY (command->n_bound == command->n_parameters) || refuse_missing (command, error);
  if (LEASH_UNLIKELY (n_values != command->n_parameters))
    {
      leash_sql_error_set (error, LEASH_SQL_ERROR_BIND, NULL,
                           "there are %u parameters, and %" G_GSIZE_FORMAT " values were given",
                           command->n_parameters, n_values);
      return FALSE;
    }
  for (guint i = 0; i < n_values; i++)
    if (!bind (command, i + 1, &values[i], error))
      {
        /* Those before it are bound, and those behind it as they were: that is nothing to run with. */
        g_clear_pointer (&command->is_bound, g_free);
        command->n_bound = 0;
        return FALSE;
      }
  /* They are bound for further runs, too. */
  if (LEASH_UNLIKELY (command->n_bound < command->n_parameters))
    {
      if (command->is_bound == NULL)
        command->is_bound = g_malloc (command->n_parameters);
      memset (command->is_bound, 1, command->n_parameters);
      command->n_bound = command->n_parameters;
    }
  return TRUE;
}

gboolean
leash_sql_command_run (LeashSqlCommand *command, LeashContext *ctx, LeashSqlResult *ret_result,
                       GError **error)
{
  LeashDbConn *conn = command->conn;
  LeashSqlStep step;

  do
    step = leash_sql_command_step (command, ctx, error);
  while (step == LEASH_SQL_STEP_ROW);
  if (step == LEASH_SQL_STEP_DONE && ret_result != NULL)
    conn->iface->get_result (conn->driver, conn->session, command->statement, ret_result);
  conn->iface->rewind (conn->driver, conn->session, command->statement);
  return step == LEASH_SQL_STEP_DONE;
}

gboolean
leash_sql_run_text (LeashDbConn *conn, LeashContext *ctx, const char *sql, GError **error)
{
  LeashSqlCommand command;
  gboolean is_done;

  if (!leash_fault_point (ctx, "execute", sql, error))
    return FALSE;
  if (conn->iface->script != NULL)
    return conn->iface->script (conn->driver, conn->session, ctx, sql, error);
  command = (LeashSqlCommand){ .conn = conn, .sql = sql };
  command.statement = conn->iface->prepare (conn->driver, conn->session, ctx, sql, error);
  is_done = command.statement != NULL && leash_sql_command_run (&command, ctx, NULL, error);
  leash_sql_command_finish (&command);
  return is_done;
}
