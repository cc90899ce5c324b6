/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is said on a connection.
 *
 * A session is idle, or something runs on it: from leash_pg_may_send() until leash_pg_next() has given NULL.
 * Whatever ends a run otherwise has to bring the session back to idle, or it is broken, and good for
 * leash_pg_disconnect() only:
 *
 * - the context's end: the server is asked to cancel, AGAIN and again, and all that it still sends is thrown
 * away (interrupt());
 * - rows that nobody wants any more (leash_pg_abandon()): they are read, for WHILE at most, and then
 * cancelled. To cancel at once, which is quicker where there are many, would undo what a statement with
 * RETURNING did, and end the whole of a transaction that it stands in;
 * - a COPY that somebody began by a plain statement: it is made to fail.
 *
 * None of these takes much longer than PATIENCE: then the session is broken.
 */
#include "leash-postgresql-private.h"

#include <poll.h>
#include <string.h>

#define PATIENCE (2 * G_TIME_SPAN_SECOND)
#define AGAIN (100 * G_TIME_SPAN_MILLISECOND)
#define WHILE G_TIME_SPAN_SECOND

gboolean
leash_pg_may_send (LeashPgSession *session, GError **error)
{
  PGTransactionStatusType status = PQtransactionStatus (session->pg);

  if (session->is_broken || status == PQTRANS_UNKNOWN)
    {
      leash_sql_error_set (error, LEASH_SQL_ERROR_CONNECTION, NULL, "the connection was lost");
      return FALSE;
    }
  if (status == PQTRANS_ACTIVE)
    {
      leash_sql_error_set (error, LEASH_SQL_ERROR_IN_USE, NULL,
                           "the rows of another statement are being read");
      return FALSE;
    }
  session->was_in_transaction = status != PQTRANS_IDLE;
  return TRUE;
}

/* Sends what there is to be sent, and waits for events beside that. A connection that is lost is no error
 * here: the result that comes next is. */
static gboolean
exchange (LeashPgSession *session, LeashContext *ctx, short events, GError **error)
{
  int unsent = PQflush (session->pg);

  if (unsent < 0)
    session->is_broken = TRUE;
  if (unsent < 0 || (unsent == 0 && events == 0))
    return TRUE;
  if (!leash_pg_wait (ctx, PQsocket (session->pg), (short) (POLLIN | (unsent > 0 ? POLLOUT : 0)), error))
    return FALSE;
  if (PQconsumeInput (session->pg) == 0)
    session->is_broken = TRUE;
  return TRUE;
}

/* As leash_pg_next(), without the care for the context's end. */
static gboolean
fetch (LeashPgSession *session, LeashContext *ctx, PGresult **ret_result, GError **error)
{
  while (!session->is_broken && PQisBusy (session->pg))
    if (!exchange (session, ctx, POLLIN, error))
      return FALSE;
  *ret_result = PQgetResult (session->pg);
  return TRUE;
}

/* Ends a COPY, so that results come which are none of it. */
static gboolean
leave_copy (LeashPgSession *session, LeashContext *ctx, ExecStatusType status)
{
  char *row;
  int length;

  if (status == PGRES_COPY_IN)
    return PQputCopyEnd (session->pg, "it was not waited for") >= 0;
  while ((length = PQgetCopyData (session->pg, &row, TRUE)) >= 0)
    if (length > 0)
      PQfreemem (row);
    else if (session->is_broken || !exchange (session, ctx, POLLIN, NULL))
      return FALSE;
  return TRUE;
}

static gboolean
is_copy (ExecStatusType status)
{
  return status == PGRES_COPY_IN || status == PGRES_COPY_OUT;
}

void
leash_pg_forget_late (LeashPgSession *session)
{
  PQclear (g_steal_pointer (&session->late));
  session->n_late = 0;
}

/* Takes it over. */
static void
note_late (LeashPgSession *session, PGresult *result)
{
  session->n_late++;
  if (session->late != NULL && PQresultStatus (session->late) == PGRES_FATAL_ERROR)
    PQclear (result);
  else
    {
      PQclear (session->late);
      session->late = result;
    }
}

/* Throws away what comes until the session is idle. FALSE when time is up before. */
static gboolean
drain (LeashPgSession *session, gint64 microseconds)
{
  g_autoptr (LeashContext) limit = leash_context_with_timeout (leash_context_background (), microseconds);
  PGresult *result = NULL;

  while (leash_context_check (limit, NULL) && fetch (session, limit, &result, NULL))
    {
      ExecStatusType status = PQresultStatus (result);

      if (result == NULL)
        return TRUE;
      note_late (session, result);
      if (is_copy (status) && !leave_copy (session, limit, status))
        return FALSE;
    }
  return FALSE;
}

/*
 * A request that was not sent whole is waited for by the server, which then has nothing to cancel. One to
 * cancel can be lost: the server does so while it loads the compiler that it has for long queries.
 */
static void
interrupt (LeashPgSession *session)
{
  gint64 until = g_get_monotonic_time () + PATIENCE, left = PATIENCE;

  if (PQflush (session->pg) != 0)
    session->is_broken = TRUE;
  while (!session->is_broken && leash_pg_cancel (session->pg, left) && !drain (session, AGAIN))
    {
      left = until - g_get_monotonic_time ();
      if (left <= 0)
        session->is_broken = TRUE;
    }
  if (PQtransactionStatus (session->pg) == PQTRANS_ACTIVE)
    session->is_broken = TRUE;
}

/* Of a row that was all that there is, the end is here already. FALSE when something else is. */
static gboolean
drain_what_is_here (LeashPgSession *session)
{
  PGresult *result;
  ExecStatusType status = PGRES_COMMAND_OK;

  while (!is_copy (status) && !PQisBusy (session->pg))
    {
      result = PQgetResult (session->pg);
      if (result == NULL)
        return TRUE;
      status = PQresultStatus (result);
      note_late (session, result);
    }
  return FALSE;
}

void
leash_pg_abandon (LeashPgSession *session)
{
  if (!session->is_broken && !drain_what_is_here (session) && !drain (session, WHILE))
    interrupt (session);
}

gboolean
leash_pg_flush (LeashPgSession *session, LeashContext *ctx, GError **error)
{
  while (!session->is_broken && PQflush (session->pg) > 0)
    if (!exchange (session, ctx, 0, error))
      {
        interrupt (session);
        return FALSE;
      }
  return TRUE;
}

gboolean
leash_pg_receive (LeashPgSession *session, LeashContext *ctx, GError **error)
{
  if (exchange (session, ctx, POLLIN, error))
    return TRUE;
  interrupt (session);
  return FALSE;
}

gboolean
leash_pg_next (LeashPgSession *session, LeashContext *ctx, PGresult **ret_result, GError **error)
{
  if (fetch (session, ctx, ret_result, error))
    return TRUE;
  interrupt (session);
  return FALSE;
}

static gboolean
has_tag (PGresult *result, const char *const *tags)
{
  for (guint i = 0; tags[i] != NULL; i++)
    if (g_str_has_prefix (PQcmdStatus (result), tags[i]))
      return TRUE;
  return FALSE;
}

/* What the pool's next user would find. */
static const char *const altering[] = { "SET", "RESET", "LISTEN", "PREPARE", "DECLARE CURSOR", "LOAD", NULL };
static const char *const forgetting[] = { "DISCARD ALL", "DEALLOCATE ALL", NULL };
static const char *const changing[] = { "INSERT", "UPDATE", "DELETE", "MERGE", "COPY", NULL };

gint64
leash_pg_count_affected (PGresult *result)
{
  return has_tag (result, changing) ? g_ascii_strtoll (PQcmdTuples (result), NULL, 10) : 0;
}

/* Behind a comment that sql begins with; sql where it begins with none. */
static const char *
skip_comment (const char *sql)
{
  guint depth = 0;

  if (g_str_has_prefix (sql, "--"))
    return sql + strcspn (sql, "\r\n");
  do
    if (g_str_has_prefix (sql, "/*"))
      depth++, sql += 2;
    else if (depth > 0 && g_str_has_prefix (sql, "*/"))
      depth--, sql += 2;
    else if (depth > 0 && *sql != '\0')
      sql++;
    else
      break;
  while (depth > 0);
  return sql;
}

/* Empty statements may stand before it as well. */
static const char *
get_first_word (const char *sql)
{
  const char *begin;

  do
    {
      begin = sql;
      sql = skip_comment (sql + strspn (sql, " \t\r\n\f\v;"));
    }
  while (sql != begin);
  return sql;
}

static gboolean
begins_with (const char *sql, const char *const *words)
{
  sql = get_first_word (sql);
  for (guint i = 0; words[i] != NULL; i++)
    if (g_ascii_strncasecmp (sql, words[i], strlen (words[i])) == 0)
      return TRUE;
  return FALSE;
}

static gboolean
is_commit (const char *sql)
{
  static const char *const words[] = { "COMMIT", "END", NULL };

  return begins_with (sql, words);
}

gboolean
leash_pg_check_late (LeashPgSession *session, const char *sql, GError **error)
{
  static const char *const reading[] = { "SELECT", "VALUES", "TABLE", "SHOW", NULL };
  PGresult *late = session->late;
  gboolean is_cancelled;

  if (late == NULL || PQresultStatus (late) != PGRES_FATAL_ERROR)
    return TRUE;
  is_cancelled = g_strcmp0 (PQresultErrorField (late, PG_DIAG_SQLSTATE), "57014") == 0;
  if (is_cancelled && !session->was_in_transaction && begins_with (sql, reading))
    return TRUE;
  leash_pg_set_result_error (error, session, late);
  return FALSE;
}

gboolean
leash_pg_note_done (LeashPgSession *session, const char *sql, PGresult *result, GError **error)
{
  static const LeashSqlErrorDetail detail = { .sqlstate = "25P02" };

  if (has_tag (result, altering))
    session->is_altered = TRUE;
  if (has_tag (result, forgetting))
    leash_pg_plan_forget_kept (session);
  /* The server calls that a success. */
  if (strcmp (PQcmdStatus (result), "ROLLBACK") != 0 || !is_commit (sql))
    return TRUE;
  leash_sql_error_set (error, LEASH_SQL_ERROR_FAILED, &detail,
                       "the transaction was rolled back, since one of its statements had failed");
  return FALSE;
}

/* Says what is wrong about a result. */
static gboolean
check_result (LeashPgSession *session, const char *sql, PGresult *result, GError **error)
{
  switch (PQresultStatus (result))
    {
    case PGRES_COMMAND_OK:
    case PGRES_TUPLES_OK:
      return leash_pg_note_done (session, sql, result, error);
    case PGRES_EMPTY_QUERY:
    case PGRES_SINGLE_TUPLE:
      return TRUE;
    case PGRES_COPY_IN:
    case PGRES_COPY_OUT:
    case PGRES_COPY_BOTH:
      leash_sql_error_set (error, LEASH_SQL_ERROR_FAILED, NULL, "COPY has functions of its own");
      return FALSE;
    default:
      leash_pg_set_result_error (error, session, result);
      return FALSE;
    }
}

/* The context ended while the answer was on its way, which said that all is done: so it is. */
static PGresult *
take_late_success (LeashPgSession *session)
{
  ExecStatusType status = PQresultStatus (session->late); /* an error where there is none */

  if (session->is_broken || (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK))
    return NULL;
  return g_steal_pointer (&session->late);
}

gboolean
leash_pg_finish (LeashPgSession *session, LeashContext *ctx, const char *sql, PGresult **ret_last,
                 GError **error)
{
  PGresult *last = NULL, *result = NULL;
  g_autoptr (GError) failure = NULL;
  gboolean is_done, is_late = FALSE;

  leash_pg_forget_late (session);
  do
    {
      is_done = leash_pg_next (session, ctx, &result, &failure);
      if (!is_done)
        {
          is_late = TRUE;
          result = take_late_success (session);
          is_done = result != NULL;
          if (is_done)
            g_clear_error (&failure);
        }
      if (!is_done || result == NULL)
        break;
      /* What was asked for is the first result's business. */
      is_done = check_result (session, last == NULL && session->n_late <= 1 ? sql : "", result, &failure);
      PQclear (last);
      last = result;
    }
  while (is_done && !is_late);
  if (!is_done && !is_late)
    leash_pg_abandon (session);
  if (is_done && ret_last != NULL)
    *ret_last = g_steal_pointer (&last);
  PQclear (last);
  if (!is_done)
    g_propagate_error (error, g_steal_pointer (&failure));
  return is_done;
}

gboolean
leash_pg_run (LeashPgSession *session, LeashContext *ctx, const char *sql, GError **error)
{
  if (!leash_pg_may_send (session, error))
    return FALSE;
  if (PQsendQuery (session->pg, sql) == 0)
    {
      leash_pg_set_lost_error (error, session);
      return FALSE;
    }
  PQsetSingleRowMode (session->pg);
  return leash_pg_finish (session, ctx, sql, NULL, error);
}
