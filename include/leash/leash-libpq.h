/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libpq's own calls on the leash: for programs that keep them, and want to know what they forget. Functions are
 * libpq's with `leash_` before their names and the context first; they take and return libpq's own handles, so
 * that all else is done by libpq's functions as before:
 *
 *     PGresult *result = leash_PQexec (ctx, conn, "SELECT name FROM users");
 *
 *     read_names (result);
 *     leash_PQclear (ctx, result);
 *
 * Connections are named by database and server and never show a password, results by their SQL, shortened, with
 * parameters as they are written: values are never shown. Results outlive their connection where a program wants
 * them to, as libpq allows, so they are no children of it. PQreset() keeps a connection what it is.
 *
 * Header only: a program that includes it links libpq and leash-1. As with leash-adopt.h, LEASH_DISABLE makes
 * these libpq's calls, and without a tracker they are one load and one branch more.
 */
#pragma once

#include <leash/leash-sql-thin.h>
#include <libpq-fe.h>

G_BEGIN_DECLS

/* test at /run/postgresql:5432 */
LEASH_SQL_TRACKING_ void
leash_pq_track_conn_ (LeashContext *ctx, const PGconn *conn)
{
  const char *parts[] = { PQdb (conn), PQhost (conn), PQport (conn) };
  char *name = NULL;
  LeashTag *tag;

  /* None is known of one whose parameters were wrong. */
  if (parts[0] != NULL && parts[1] != NULL && parts[2] != NULL)
    name = g_strdup_printf ("%s at %s:%s", parts[0], parts[1], parts[2]);
  tag = leash_track_caller (ctx, NULL, "PGconn", name, LEASH_CALLER);
  leash_tag_set_pointer (tag, conn);
  g_free (name);
}

/* One that could not connect is to be finished too. */
#define LEASH_PQ_CONN_(connect, params, args)                                                                \
  LEASH_ADOPT_FUNCTION_ PGconn *leash_##connect params                                                       \
  {                                                                                                          \
    PGconn *leash_conn_ = connect args;                                                                      \
    if (LEASH_IS_TRACKED (ctx) && leash_conn_ != NULL)                                                       \
      leash_pq_track_conn_ (ctx, leash_conn_);                                                               \
    return leash_conn_;                                                                                      \
  }

LEASH_PQ_CONN_ (PQconnectdb, (LeashContext * ctx, const char *conninfo), (conninfo))
LEASH_PQ_CONN_ (PQconnectdbParams,
                (LeashContext * ctx, const char *const *keywords, const char *const *values, int expand),
                (keywords, values, expand))
LEASH_PQ_CONN_ (PQconnectStart, (LeashContext * ctx, const char *conninfo), (conninfo))
LEASH_PQ_CONN_ (PQconnectStartParams,
                (LeashContext * ctx, const char *const *keywords, const char *const *values, int expand),
                (keywords, values, expand))
LEASH_PQ_CONN_ (PQsetdbLogin,
                (LeashContext * ctx, const char *host, const char *port, const char *options, const char *tty,
                 const char *database, const char *user, const char *password),
                (host, port, options, tty, database, user, password))
LEASH_ADOPT_RELEASE ("PGconn", PQfinish, (LeashContext * ctx, PGconn *conn), (conn), conn)

/* Whatever it tells: an error is a result too. */
#define LEASH_PQ_RESULT_(function, params, args, name)                                                       \
  LEASH_ADOPT_FUNCTION_ PGresult *leash_##function params                                                    \
  {                                                                                                          \
    PGresult *leash_pq_ = function args;                                                                     \
    if (LEASH_IS_TRACKED (ctx) && leash_pq_ != NULL)                                                         \
      leash_sql_track_ (ctx, NULL, NULL, "PGresult", leash_pq_, name);                                       \
    return leash_pq_;                                                                                        \
  }

LEASH_PQ_RESULT_ (PQexec, (LeashContext * ctx, PGconn *conn, const char *query), (conn, query), query)
LEASH_PQ_RESULT_ (PQexecParams,
                  (LeashContext * ctx, PGconn *conn, const char *query, int n_params, const Oid *types,
                   const char *const *values, const int *lengths, const int *formats, int result_format),
                  (conn, query, n_params, types, values, lengths, formats, result_format), query)
LEASH_PQ_RESULT_ (PQprepare,
                  (LeashContext * ctx, PGconn *conn, const char *statement, const char *query, int n_params,
                   const Oid *types),
                  (conn, statement, query, n_params, types), query)
LEASH_PQ_RESULT_ (PQexecPrepared,
                  (LeashContext * ctx, PGconn *conn, const char *statement, int n_params,
                   const char *const *values, const int *lengths, const int *formats, int result_format),
                  (conn, statement, n_params, values, lengths, formats, result_format), statement)
LEASH_PQ_RESULT_ (PQdescribePrepared, (LeashContext * ctx, PGconn *conn, const char *statement),
                  (conn, statement), statement)
LEASH_PQ_RESULT_ (PQdescribePortal, (LeashContext * ctx, PGconn *conn, const char *portal), (conn, portal),
                  portal)
/* The command was given elsewhere: named by what it came to, PGRES_SINGLE_TUPLE. */
LEASH_PQ_RESULT_ (PQgetResult, (LeashContext * ctx, PGconn *conn), (conn),
                  PQresStatus (PQresultStatus (leash_pq_)))
LEASH_PQ_RESULT_ (PQmakeEmptyPGresult, (LeashContext * ctx, PGconn *conn, ExecStatusType status),
                  (conn, status), PQresStatus (status))
LEASH_PQ_RESULT_ (PQcopyResult, (LeashContext * ctx, const PGresult *result, int flags), (result, flags),
                  PQresStatus (PQresultStatus (result)))
LEASH_ADOPT_RELEASE ("PGresult", PQclear, (LeashContext * ctx, PGresult *result), (result), result)

LEASH_ADOPT ("PGcancel", PGcancel *, PQgetCancel, (LeashContext * ctx, PGconn *conn), (conn), NULL, PQfreeCancel)

/* What PQfreemem() frees is named by the function that it is from: its content may be anybody's. */
#define LEASH_PQ_MEMORY_(Type, function, params, args)                                                       \
  LEASH_ADOPT_ACQUIRE ("libpq memory", Type, function, params, args, #function)

LEASH_PQ_MEMORY_ (char *, PQescapeLiteral, (LeashContext * ctx, PGconn *conn, const char *text, size_t length),
                  (conn, text, length))
LEASH_PQ_MEMORY_ (char *, PQescapeIdentifier,
                  (LeashContext * ctx, PGconn *conn, const char *text, size_t length), (conn, text, length))
LEASH_PQ_MEMORY_ (unsigned char *, PQescapeByteaConn,
                  (LeashContext * ctx, PGconn *conn, const unsigned char *bytes, size_t length,
                   size_t *ret_length),
                  (conn, bytes, length, ret_length))
LEASH_PQ_MEMORY_ (unsigned char *, PQunescapeBytea,
                  (LeashContext * ctx, const unsigned char *text, size_t *ret_length), (text, ret_length))
LEASH_PQ_MEMORY_ (char *, PQencryptPasswordConn,
                  (LeashContext * ctx, PGconn *conn, const char *password, const char *user,
                   const char *algorithm),
                  (conn, password, user, algorithm))
LEASH_PQ_MEMORY_ (PGnotify *, PQnotifies, (LeashContext * ctx, PGconn *conn), (conn))
LEASH_ADOPT_RELEASE ("libpq memory", PQfreemem, (LeashContext * ctx, void *memory), (memory), memory)

/**
 * leash_PQgetCopyData:
 * @ctx: a context
 *
 * PQgetCopyData(). A row is to be freed by leash_PQfreemem().
 *
 * Since: 0.1
 */
LEASH_ADOPT_FUNCTION_ int
leash_PQgetCopyData (LeashContext *ctx, PGconn *conn, char **ret_row, int async)
{
  int result = PQgetCopyData (conn, ret_row, async);

  if (result > 0)
    LEASH_ADOPT_TRACK_ ("libpq memory", *ret_row, "PQgetCopyData");
  return result;
}

LEASH_ADOPT ("PQconninfoOption", PQconninfoOption *, PQconninfo, (LeashContext * ctx, PGconn *conn), (conn), NULL,
             PQconninfoFree)

G_END_DECLS
