/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A statement: a plan that is its own for as long as it lives, what is bound to it, and its run. */
#include "leash-postgresql-private.h"

#include <string.h>

typedef enum
{
  READY,
  RUNNING,
  ENDED /* well or not; until it is rewound */
} State;

typedef struct
{
  Oid type;
  LeashPgKind kind;
  guint8 *bytes; /* what the current row has, unescaped; NULL until it is asked for */
  gsize n_bytes;
} Column;

typedef struct
{
  LeashPgPlan *plan; /* NULL only within a call */
  LeashPgParameters parameters;
  guint n_columns;
  Column *columns;
  gboolean is_binary; /* what it gives */
  gboolean has_bytes; /* whether some column's bytes are there */

  State state;
  PGresult *row; /* the current one */
  gint64 n_affected;
} Statement;

/* The server gives all columns in binary, or none. It is asked to where each has a binary form that is known
 * here, and where that saves time: in floating point numbers and bytes. Text and integers it sends sooner as
 * text. */
static void
set_columns (Statement *statement)
{
  gboolean knows_all = TRUE, wants_one = FALSE;

  g_free (statement->columns);
  statement->n_columns = (guint) PQnfields (statement->plan->description);
  statement->columns = g_new0 (Column, statement->n_columns);
  for (guint i = 0; i < statement->n_columns; i++)
    {
      Oid type = PQftype (statement->plan->description, (int) i);

      statement->columns[i].type = type;
      statement->columns[i].kind = leash_pg_kind_of (type);
      knows_all = knows_all && leash_pg_knows_binary (type);
      wants_one = wants_one || leash_pg_wants_binary (type);
    }
  statement->is_binary = knows_all && wants_one;
}

gpointer
leash_pg_prepare (LeashSqlDriver *driver, gpointer session, LeashContext *ctx, const char *sql,
                  GError **error)
{
  LeashPgPlan *plan = leash_pg_plan_take (session, ctx, sql, error);
  Statement *statement;

  if (plan == NULL)
    return NULL;
  statement = g_new0 (Statement, 1);
  statement->plan = plan;
  leash_pg_parameters_init (&statement->parameters, plan->description);
  set_columns (statement);
  return statement;
}

static void
clear_row (Statement *statement)
{
  PQclear (g_steal_pointer (&statement->row));
  if (!statement->has_bytes)
    return;
  for (guint i = 0; i < statement->n_columns; i++)
    PQfreemem (g_steal_pointer (&statement->columns[i].bytes));
  statement->has_bytes = FALSE;
}

void
leash_pg_rewind (LeashSqlDriver *driver, gpointer session, gpointer user_data)
{
  Statement *statement = user_data;

  if (statement->state == RUNNING)
    leash_pg_abandon (session);
  clear_row (statement);
  statement->state = READY;
  statement->n_affected = 0;
}

gboolean
leash_pg_end_run (LeashSqlDriver *driver, gpointer opened, gpointer user_data, LeashContext *ctx,
                  GError **error)
{
  LeashPgSession *session = opened;
  Statement *statement = user_data;

  leash_pg_forget_late (session);
  leash_pg_rewind (driver, session, statement);
  return leash_pg_check_late (session, statement->plan->sql, error);
}

void
leash_pg_finalize (LeashSqlDriver *driver, gpointer session, gpointer user_data)
{
  Statement *statement = user_data;

  leash_pg_rewind (driver, session, statement);
  leash_pg_plan_give_back (session, statement->plan);
  leash_pg_parameters_clear (&statement->parameters);
  g_free (statement->columns);
  g_free (statement);
}

guint
leash_pg_count_parameters (LeashSqlDriver *driver, gpointer statement)
{
  return ((Statement *) statement)->parameters.n;
}

guint
leash_pg_find_parameter (LeashSqlDriver *driver, gpointer statement, const char *name)
{
  guint64 index;

  if (name[0] == '$')
    name++;
  if (!g_ascii_string_to_unsigned (name, 10, 1, ((Statement *) statement)->parameters.n, &index, NULL))
    return 0;
  return (guint) index;
}

gboolean
leash_pg_bind (LeashSqlDriver *driver, gpointer statement, guint index, const LeashSqlValue *value,
               GError **error)
{
  return leash_pg_parameters_set (&((Statement *) statement)->parameters, index, value, error);
}

static gboolean
send_run (LeashPgSession *session, Statement *statement, GError **error)
{
  const LeashPgParameters *parameters = &statement->parameters;

  if (!leash_pg_may_send (session, error))
    return FALSE;
  if (PQsendQueryPrepared (session->pg, statement->plan->name, (int) parameters->n, parameters->values,
                           parameters->lengths, parameters->formats, statement->is_binary)
      == 0)
    {
      leash_pg_set_lost_error (error, session);
      return FALSE;
    }
  PQsetSingleRowMode (session->pg);
  statement->state = RUNNING;
  return TRUE;
}

/* Whether the server refuses to run what it has prepared: it has forgotten it, or a table has other columns
 * now. Both are found out before anything is done. */
static gboolean
is_stale (const PGresult *result)
{
  const char *sqlstate = PQresultErrorField (result, PG_DIAG_SQLSTATE);
  const char *function = PQresultErrorField (result, PG_DIAG_SOURCE_FUNCTION);

  if (g_strcmp0 (sqlstate, "26000") == 0)
    return TRUE;
  return g_strcmp0 (sqlstate, "0A000") == 0 && g_strcmp0 (function, "RevalidateCachedQuery") == 0;
}

/* Prepares the statement once more, and runs it. */
static gboolean
run_afresh (LeashPgSession *session, Statement *statement, LeashContext *ctx, GError **error)
{
  LeashPgPlan *plan = leash_pg_plan_take (session, ctx, statement->plan->sql, error);

  if (plan == NULL)
    return FALSE;
  leash_pg_plan_give_back (session, statement->plan);
  statement->plan = plan;
  set_columns (statement);
  return send_run (session, statement, error);
}

static LeashSqlStep
fail (LeashPgSession *session, Statement *statement)
{
  leash_pg_abandon (session);
  statement->state = ENDED;
  return LEASH_SQL_STEP_ERROR;
}

static LeashSqlStep
step_failed (LeashPgSession *session, Statement *statement, LeashContext *ctx, PGresult *result,
             GError **error)
{
  gboolean was_stale = statement->plan->is_stale;

  statement->plan->is_stale |= is_stale (result);
  if (!was_stale && statement->plan->is_stale && !session->was_in_transaction)
    {
      fail (session, statement);
      if (!run_afresh (session, statement, ctx, error))
        return LEASH_SQL_STEP_ERROR;
      return leash_pg_step (NULL, session, statement, ctx, error);
    }
  leash_pg_set_result_error (error, session, result);
  return fail (session, statement);
}

static LeashSqlStep
step_done (LeashPgSession *session, Statement *statement, PGresult *result, GError **error)
{
  if (PQresultStatus (result) == PGRES_EMPTY_QUERY)
    leash_sql_error_set (error, LEASH_SQL_ERROR_SYNTAX, NULL, "there is no statement in it");
  else if (leash_pg_note_done (session, statement->plan->sql, result, error))
    {
      statement->n_affected = leash_pg_count_affected (result);
      return LEASH_SQL_STEP_DONE;
    }
  return fail (session, statement);
}

static LeashSqlStep
step_to (LeashPgSession *session, Statement *statement, LeashContext *ctx, PGresult *result, GError **error)
{
  switch (PQresultStatus (result))
    {
    case PGRES_COMMAND_OK:
    case PGRES_TUPLES_OK:
    case PGRES_EMPTY_QUERY:
      return step_done (session, statement, result, error);
    case PGRES_COPY_IN:
    case PGRES_COPY_OUT:
    case PGRES_COPY_BOTH:
      leash_sql_error_set (error, LEASH_SQL_ERROR_FAILED, NULL, "COPY has functions of its own");
      return fail (session, statement);
    default:
      return step_failed (session, statement, ctx, result, error);
    }
}

LeashSqlStep
leash_pg_step (LeashSqlDriver *driver, gpointer user_data, gpointer user_statement, LeashContext *ctx,
               GError **error)
{
  LeashPgSession *session = user_data;
  Statement *statement = user_statement;
  LeashSqlStep step = LEASH_SQL_STEP_DONE;
  PGresult *result = NULL;

  clear_row (statement);
  if (statement->state == ENDED)
    return LEASH_SQL_STEP_DONE;
  if (statement->state == READY && !send_run (session, statement, error))
    return LEASH_SQL_STEP_ERROR;
  while (step == LEASH_SQL_STEP_DONE && leash_pg_next (session, ctx, &result, error))
    {
      if (result == NULL)
        {
          statement->state = ENDED;
          return LEASH_SQL_STEP_DONE;
        }
      if (PQresultStatus (result) == PGRES_SINGLE_TUPLE)
        {
          statement->row = result;
          return LEASH_SQL_STEP_ROW;
        }
      step = step_to (session, statement, ctx, result, error);
      PQclear (result);
    }
  if (step != LEASH_SQL_STEP_DONE)
    return step;
  statement->state = ENDED;
  return LEASH_SQL_STEP_ERROR;
}

guint
leash_pg_count_columns (LeashSqlDriver *driver, gpointer statement)
{
  return ((Statement *) statement)->n_columns;
}

const char *
leash_pg_get_column_name (LeashSqlDriver *driver, gpointer statement, guint column)
{
  return PQfname (((Statement *) statement)->plan->description, (int) column);
}

/* Unescaped, for as long as the row is there. */
static LeashSqlValue
read_bytes (Statement *statement, guint i, const char *text)
{
  Column *column = &statement->columns[i];

  if (column->bytes == NULL)
    {
      column->bytes = PQunescapeBytea ((const guchar *) text, &column->n_bytes);
      statement->has_bytes = TRUE;
    }
  return leash_sql_bytes (column->bytes, column->bytes != NULL ? column->n_bytes : 0);
}

void
leash_pg_get_column (LeashSqlDriver *driver, gpointer user_data, guint column, LeashSqlValue *ret_value)
{
  Statement *statement = user_data;
  PGresult *row = statement->row;
  LeashPgKind kind;

  ret_value->type = LEASH_SQL_NULL;
  if (row == NULL || column >= statement->n_columns)
    return;
  ret_value->length = (gsize) PQgetlength (row, 0, (int) column);
  if (ret_value->length == 0 && PQgetisnull (row, 0, (int) column))
    return;
  ret_value->type = LEASH_SQL_TEXT;
  ret_value->as.text = PQgetvalue (row, 0, (int) column);
  kind = statement->columns[column].kind;
  if (kind == LEASH_PG_OTHER)
    return;
  if (statement->is_binary)
    leash_pg_read_binary (statement->columns[column].type, ret_value);
  else if (kind == LEASH_PG_BYTES)
    *ret_value = read_bytes (statement, column, ret_value->as.text);
  else
    leash_pg_read_text (kind, ret_value);
}

void
leash_pg_get_result (LeashSqlDriver *driver, gpointer session, gpointer statement, LeashSqlResult *ret_result)
{
  *ret_result = (LeashSqlResult){ .rows_affected = ((Statement *) statement)->n_affected };
}
