/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A session's life, and its transactions. */
#include "leash-postgresql-private.h"

#include <poll.h>

#define RESET_TIME (5 * G_TIME_SPAN_SECOND)

/* Whoever wants to know what a server remarks has its log. */
static void
ignore_notice (void *user_data, const char *message)
{
}

typedef struct
{
  GPtrArray *keywords, *values; /* both end with NULL; of the same length */
} Options;

static void
add (Options *options, const char *keyword, const char *value)
{
  g_ptr_array_add (options->keywords, (gpointer) keyword);
  g_ptr_array_add (options->values, (gpointer) value);
}

/* What comes later counts. */
static PGconn *
start_at (LeashPgDatabase *database, const LeashPgAddresses *addresses)
{
  Options options = { g_ptr_array_new (), g_ptr_array_new () };
  PGconn *pg;

  for (PQconninfoOption *option = database->options; option->keyword != NULL; option++)
    if (option->val != NULL)
      add (&options, option->keyword, option->val);
  if (addresses->hosts != NULL)
    {
      add (&options, "host", addresses->hosts);
      add (&options, "hostaddr", addresses->addresses);
      add (&options, "port", addresses->ports);
    }
  add (&options, "client_encoding", "UTF8");
  add (&options, NULL, NULL);
  pg = PQconnectStartParams ((const char *const *) options.keywords->pdata,
                             (const char *const *) options.values->pdata, 0);
  g_ptr_array_unref (options.keywords);
  g_ptr_array_unref (options.values);
  return pg;
}

static PGconn *
start (LeashPgDatabase *database, LeashContext *ctx, GError **error)
{
  const char *host = leash_pg_find_option (database, "host");
  LeashPgAddresses addresses = { 0 };
  PGconn *pg;

  if (host != NULL && leash_pg_find_option (database, "hostaddr") == NULL
      && !leash_pg_resolve (ctx, host, leash_pg_find_option (database, "port"), &addresses, error))
    return NULL;
  pg = start_at (database, &addresses);
  leash_pg_addresses_clear (&addresses);
  return pg;
}

/* Returns FALSE without an error when the connection itself says what is wrong. */
static gboolean
establish (PGconn *pg, LeashContext *ctx, GError **error)
{
  PostgresPollingStatusType status = PGRES_POLLING_WRITING;

  PQsetNoticeProcessor (pg, ignore_notice, NULL);
  PQsetErrorVerbosity (pg, PQERRORS_VERBOSE); /* for leash_pg_set_connect_error() */
  if (PQstatus (pg) == CONNECTION_BAD)
    return FALSE;
  while (status == PGRES_POLLING_WRITING || status == PGRES_POLLING_READING)
    {
      if (!leash_pg_wait (ctx, PQsocket (pg), status == PGRES_POLLING_WRITING ? POLLOUT : POLLIN, error))
        return FALSE;
      status = PQconnectPoll (pg);
    }
  PQsetErrorVerbosity (pg, PQERRORS_DEFAULT);
  return status == PGRES_POLLING_OK && PQsetnonblocking (pg, 1) == 0;
}

static LeashPgSession *
connect_within (LeashPgDatabase *database, LeashContext *ctx, GError **error)
{
  g_autoptr (GError) reason = NULL;
  PGconn *pg = start (database, ctx, error);
  LeashPgSession *session;

  if (pg == NULL)
    return NULL;
  if (establish (pg, ctx, &reason))
    {
      session = g_new0 (LeashPgSession, 1);
      session->pg = pg;
      g_queue_init (&session->kept);
      session->dropped = g_ptr_array_new_with_free_func (g_free);
      return session;
    }
  if (reason == NULL)
    leash_pg_set_connect_error (&reason, pg);
  PQfinish (pg);
  g_propagate_error (error, g_steal_pointer (&reason));
  return NULL;
}

/* libpq has its connect_timeout for each address, and heeds it only where it blocks. Here it is for all
 * together. */
gpointer
leash_pg_connect (LeashSqlDriver *driver, gpointer user_data, LeashContext *ctx, GError **error)
{
  LeashPgDatabase *database = user_data;
  g_autoptr (LeashContext) limit = NULL;
  g_autoptr (GError) reason = NULL;
  LeashPgSession *session;

  if (database->connect_time == 0)
    return connect_within (database, ctx, error);
  limit = leash_context_with_timeout (ctx, database->connect_time);
  session = connect_within (database, limit, &reason);
  if (session != NULL)
    return session;
  if (leash_context_is_done (limit) && !leash_context_is_done (ctx))
    leash_sql_error_set (error, LEASH_SQL_ERROR_CONNECTION, NULL,
                         "nobody answered within its connect_timeout");
  else
    g_propagate_error (error, g_steal_pointer (&reason));
  return NULL;
}

void
leash_pg_disconnect (LeashSqlDriver *driver, gpointer user_data)
{
  LeashPgSession *session = user_data;

  leash_pg_plan_forget_kept (session);
  leash_pg_forget_late (session);
  g_ptr_array_unref (session->dropped);
  PQfinish (session->pg);
  g_free (session);
}

/* A server that goes says so before it closes, which reading tells only behind what was said. */
gboolean
leash_pg_is_usable (LeashSqlDriver *driver, gpointer user_data)
{
  LeashPgSession *session = user_data;
  PGnotify *notify;

  for (guint i = 0; i < 16 && !session->is_broken && PQstatus (session->pg) == CONNECTION_OK; i++)
    {
      struct pollfd fd = { .fd = PQsocket (session->pg), .events = POLLIN };

      if (poll (&fd, 1, 0) == 0)
        return PQtransactionStatus (session->pg) != PQTRANS_ACTIVE;
      session->is_broken = PQconsumeInput (session->pg) == 0;
      while ((notify = PQnotifies (session->pg)) != NULL)
        PQfreemem (notify);
    }
  return FALSE;
}

/*
 * What costs a round trip is done only where there is something to undo. Locks of a session and temporary
 * tables, which a statement's tag does not tell of, stay.
 */
gboolean
leash_pg_reset (LeashSqlDriver *driver, gpointer user_data, GError **error)
{
  LeashPgSession *session = user_data;
  g_autoptr (LeashContext) limit = NULL;
  gboolean is_in_transaction;

  if (!session->is_broken && PQtransactionStatus (session->pg) == PQTRANS_ACTIVE)
    leash_pg_abandon (session);
  is_in_transaction = PQtransactionStatus (session->pg) != PQTRANS_IDLE;
  if (!session->is_broken && !is_in_transaction && !session->is_altered)
    return TRUE;
  limit = leash_context_with_timeout (leash_context_background (), RESET_TIME);
  if (is_in_transaction && !leash_pg_run (session, limit, "ROLLBACK", error))
    return FALSE;
  if (session->is_altered && !leash_pg_run (session, limit, "DISCARD ALL", error))
    return FALSE;
  session->is_altered = FALSE;
  return TRUE;
}

gboolean
leash_pg_in_transaction (LeashSqlDriver *driver, gpointer user_data)
{
  LeashPgSession *session = user_data;

  if (session->is_broken)
    return FALSE;
  switch (PQtransactionStatus (session->pg))
    {
    case PQTRANS_INTRANS:
    case PQTRANS_INERROR:
      return TRUE;
    case PQTRANS_ACTIVE:
      return session->was_in_transaction;
    default:
      return FALSE;
    }
}

gboolean
leash_pg_begin (LeashSqlDriver *driver, gpointer user_data, LeashContext *ctx, const LeashTxOptions *options,
                GError **error)
{
  static const char *const levels[]
      = { "", " ISOLATION LEVEL READ UNCOMMITTED", " ISOLATION LEVEL READ COMMITTED",
          " ISOLATION LEVEL REPEATABLE READ", " ISOLATION LEVEL SERIALIZABLE" };
  g_autofree char *sql = NULL;

  if (options->isolation >= G_N_ELEMENTS (levels))
    {
      leash_sql_error_set (error, LEASH_SQL_ERROR_RANGE, NULL, "there is no such isolation");
      return FALSE;
    }
  /* The server only warns. */
  if (leash_pg_in_transaction (driver, user_data))
    {
      leash_sql_error_set (error, LEASH_SQL_ERROR_FAILED, &(LeashSqlErrorDetail){ .sqlstate = "25001" },
                           "there is a transaction already");
      return FALSE;
    }
  sql = g_strconcat ("BEGIN", levels[options->isolation], options->is_read_only ? " READ ONLY" : "", NULL);
  return leash_pg_run (user_data, ctx, sql, error);
}

gboolean
leash_pg_script (LeashSqlDriver *driver, gpointer session, LeashContext *ctx, const char *sql, GError **error)
{
  return leash_pg_run (session, ctx, sql, error);
}
