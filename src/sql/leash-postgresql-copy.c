/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * COPY. What is written gathers in libpq, which sends 8 KiB at a time, and keeps whatever the socket does not
 * take: so that it is not all kept there, it is waited for at every PART. What the server finds wrong is
 * learnt at the end: it reads on until then, and throws away.
 */
#include "leash-postgresql-private.h"

#include <string.h>

#define PART (256 * 1024)

static void
refuse (LeashPgSession *session, gboolean is_in, GError **error)
{
  leash_sql_error_set (error, LEASH_SQL_ERROR_FAILED, NULL, "it is no COPY %s",
                       is_in ? "FROM STDIN" : "TO STDOUT");
  leash_pg_abandon (session);
}

/* Not by the simple protocol, which takes several statements. */
static gboolean
send_statement (LeashPgSession *session, const char *sql, GError **error)
{
  if (!leash_pg_may_send (session, error))
    return FALSE;
  if (PQsendQueryParams (session->pg, sql, 0, NULL, NULL, NULL, NULL, 0) != 0)
    return TRUE;
  leash_pg_set_lost_error (error, session);
  return FALSE;
}

gboolean
leash_pg_copy_begin (LeashSqlDriver *driver, gpointer user_data, LeashContext *ctx, const char *sql,
                     gboolean is_in, GError **error)
{
  LeashPgSession *session = user_data;
  PGresult *result = NULL;
  ExecStatusType status;

  session->copy = (LeashPgCopy){ 0 };
  if (!send_statement (session, sql, error) || !leash_pg_next (session, ctx, &result, error))
    return FALSE;
  status = PQresultStatus (result);
  if (status == PGRES_FATAL_ERROR)
    {
      leash_pg_set_result_error (error, session, result);
      leash_pg_abandon (session);
    }
  else if (status != (is_in ? PGRES_COPY_IN : PGRES_COPY_OUT))
    refuse (session, is_in, error);
  else
    session->copy = (LeashPgCopy){ .is_in = is_in, .is_under_way = TRUE };
  PQclear (result);
  return session->copy.is_under_way;
}

static gboolean
put (LeashPgSession *session, LeashContext *ctx, const char *bytes, gsize count, GError **error)
{
  int taken;

  while ((taken = PQputCopyData (session->pg, bytes, (int) count)) == 0)
    if (!leash_pg_flush (session, ctx, error))
      return FALSE;
  if (taken < 0)
    {
      leash_pg_set_lost_error (error, session);
      return FALSE;
    }
  session->copy.n_unsent += count;
  if (session->copy.n_unsent < PART)
    return TRUE;
  session->copy.n_unsent = 0;
  return leash_pg_flush (session, ctx, error);
}

gboolean
leash_pg_copy_write (LeashSqlDriver *driver, gpointer user_data, LeashContext *ctx, const void *bytes,
                     gsize count, GError **error)
{
  LeashPgSession *session = user_data;
  const char *next = bytes;
  gsize n;

  for (; count > 0; next += n, count -= n)
    {
      n = MIN (count, PART);
      if (put (session, ctx, next, n, error))
        continue;
      session->copy.has_failed = TRUE;
      session->copy.is_under_way = FALSE;
      return FALSE;
    }
  return TRUE;
}

static void
free_row (LeashPgSession *session)
{
  PQfreemem (g_steal_pointer (&session->copy.row));
}

/* Its end, which is told once. */
static gboolean
end (LeashPgSession *session, LeashContext *ctx, GError **error)
{
  PGresult *result = NULL;

  session->copy.is_under_way = FALSE;
  if (!leash_pg_finish (session, ctx, "", &result, error))
    return FALSE;
  session->copy.n_rows = leash_pg_count_affected (result);
  PQclear (result);
  return TRUE;
}

gboolean
leash_pg_copy_read (LeashSqlDriver *driver, gpointer user_data, LeashContext *ctx, const char **ret_bytes,
                    gsize *ret_length, GError **error)
{
  LeashPgSession *session = user_data;
  int length = -1;

  free_row (session);
  *ret_bytes = NULL;
  *ret_length = 0;
  if (!session->copy.is_under_way)
    return TRUE;
  while ((length = PQgetCopyData (session->pg, &session->copy.row, TRUE)) == 0 && !session->is_broken)
    if (!leash_pg_receive (session, ctx, error))
      return FALSE;
  if (length == -1)
    return end (session, ctx, error);
  if (length <= 0)
    {
      leash_pg_set_lost_error (error, session);
      return FALSE;
    }
  *ret_bytes = session->copy.row;
  *ret_length = (gsize) length;
  return TRUE;
}

static gboolean
put_end (LeashPgSession *session, LeashContext *ctx, const char *reason, GError **error)
{
  int taken;

  while ((taken = PQputCopyEnd (session->pg, reason)) == 0)
    if (!leash_pg_flush (session, ctx, error))
      return FALSE;
  if (taken > 0)
    return TRUE;
  leash_pg_set_lost_error (error, session);
  return FALSE;
}

/* That the server reports a COPY as failed which is to fail is no error. */
static gboolean
end_writing (LeashPgSession *session, LeashContext *ctx, const char *reason, GError **error)
{
  g_autoptr (GError) failure = NULL;

  if (!put_end (session, ctx, reason, error))
    return FALSE;
  if (end (session, ctx, &failure)
      || (reason != NULL && !session->is_broken && leash_context_check (ctx, NULL)))
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&failure));
  return FALSE;
}

gboolean
leash_pg_copy_end (LeashSqlDriver *driver, gpointer user_data, LeashContext *ctx, const char *reason,
                   LeashSqlResult *ret_result, GError **error)
{
  LeashPgSession *session = user_data;

  free_row (session);
  if (session->copy.has_failed && reason == NULL)
    {
      leash_sql_error_set (error, LEASH_SQL_ERROR_FAILED, NULL, "a part of it could not be sent");
      return FALSE;
    }
  if (session->copy.is_under_way && session->copy.is_in && !end_writing (session, ctx, reason, error))
    return FALSE;
  if (session->copy.is_under_way)
    leash_pg_abandon (session);
  session->copy.is_under_way = FALSE;
  if (ret_result != NULL)
    *ret_result = (LeashSqlResult){ .rows_affected = session->copy.n_rows };
  return TRUE;
}
