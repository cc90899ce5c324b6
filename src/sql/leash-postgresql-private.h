/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of the driver for PostgreSQL have in common. The functions of the driver's interface, which
 * leash-postgresql-driver.c puts together, are told of in leash-sql-driver.h. */
#pragma once

#include <libpq-fe.h>

#include "leash-sql-driver-private.h"

/* A COPY. */
typedef struct
{
  gboolean is_in;
  gboolean is_under_way;
  gboolean has_failed;
  gsize n_unsent; /* bytes that were written since the socket was waited for */
  char *row;      /* what was read last */
  gint64 n_rows;  /* once it is over */
} LeashPgCopy;

/* One connection. Used by one thread at a time. */
typedef struct
{
  PGconn *pg;
  gboolean is_broken;          /* nothing leads out of the state that it is in; never unset */
  gboolean is_altered;         /* something was set that outlives a transaction */
  gboolean was_in_transaction; /* when what is running was sent */
  guint64 last_number;         /* of a prepared statement: makes their names */
  guint n_forgotten;           /* how often the server has forgotten all of its prepared statements */
  GQueue kept;                 /* of LeashPgPlan: those that are not in use; the last one used is the first */
  GPtrArray *dropped;          /* names of prepared statements that the server may forget */
  LeashPgCopy copy;            /* the last one */
  PGresult *late;              /* of what was thrown away: the first error, or the last result */
  guint n_late;
} LeashPgSession;

/* A statement that the server has prepared. */
typedef struct
{
  char *sql;
  char *name;
  PGresult *description; /* types of parameters, types and names of columns */
  guint n_forgotten;     /* the session's, when it was prepared */
  gboolean is_stale;     /* the server does not know it any more, or would not run it again */
} LeashPgPlan;

/* A type, as far as it matters here. */
typedef enum
{
  LEASH_PG_OTHER, /* read as text */
  LEASH_PG_BOOL,
  LEASH_PG_INTEGER,
  LEASH_PG_FLOAT,
  LEASH_PG_BYTES
} LeashPgKind;

/* A database's name, as libpq reads it. Never changes. */
typedef struct
{
  char *name; /* without passwords */
  PQconninfoOption *options;
  gint64 connect_time; /* how long connecting may take, in microseconds; 0 for any time */
} LeashPgDatabase;

/* leash-postgresql-uri.c */
gpointer    leash_pg_open                (LeashSqlDriver         *driver,
                                          const char             *uri,
                                          GError                **error);
void        leash_pg_close               (LeashSqlDriver         *driver,
                                          gpointer                database);
const char *leash_pg_get_name            (LeashSqlDriver         *driver,
                                          gpointer                database);

/* Of an option, NULL where it is not given. */
const char *leash_pg_find_option         (const LeashPgDatabase  *database,
                                          const char             *keyword);

/* leash-postgresql-resolve.c: where to connect to, in lists of the same length. */
typedef struct
{
  char *hosts;
  char *addresses;
  char *ports;
} LeashPgAddresses;

gboolean    leash_pg_resolve             (LeashContext           *ctx,
                                          const char             *host,
                                          const char             *port,
                                          LeashPgAddresses       *ret_addresses,
                                          GError                **error);
void        leash_pg_addresses_clear     (LeashPgAddresses       *addresses);

/* leash-postgresql-connect.c */
gpointer    leash_pg_connect             (LeashSqlDriver         *driver,
                                          gpointer                database,
                                          LeashContext           *ctx,
                                          GError                **error);
void        leash_pg_disconnect          (LeashSqlDriver         *driver,
                                          gpointer                session);
gboolean    leash_pg_is_usable           (LeashSqlDriver         *driver,
                                          gpointer                session);
gboolean    leash_pg_reset               (LeashSqlDriver         *driver,
                                          gpointer                session,
                                          GError                **error);
gboolean    leash_pg_begin               (LeashSqlDriver         *driver,
                                          gpointer                session,
                                          LeashContext           *ctx,
                                          const LeashTxOptions   *options,
                                          GError                **error);
gboolean    leash_pg_in_transaction      (LeashSqlDriver         *driver,
                                          gpointer                session);
gboolean    leash_pg_script              (LeashSqlDriver         *driver,
                                          gpointer                session,
                                          LeashContext           *ctx,
                                          const char             *sql,
                                          GError                **error);

/* leash-postgresql-statement.c */
gpointer     leash_pg_prepare            (LeashSqlDriver         *driver,
                                          gpointer                session,
                                          LeashContext           *ctx,
                                          const char             *sql,
                                          GError                **error);
void         leash_pg_finalize           (LeashSqlDriver         *driver,
                                          gpointer                session,
                                          gpointer                statement);
guint        leash_pg_count_parameters   (LeashSqlDriver         *driver,
                                          gpointer                statement);
guint        leash_pg_find_parameter     (LeashSqlDriver         *driver,
                                          gpointer                statement,
                                          const char             *name);
gboolean     leash_pg_bind               (LeashSqlDriver         *driver,
                                          gpointer                statement,
                                          guint                   index,
                                          const LeashSqlValue    *value,
                                          GError                **error);
LeashSqlStep leash_pg_step               (LeashSqlDriver         *driver,
                                          gpointer                session,
                                          gpointer                statement,
                                          LeashContext           *ctx,
                                          GError                **error);
void         leash_pg_rewind             (LeashSqlDriver         *driver,
                                          gpointer                session,
                                          gpointer                statement);
gboolean     leash_pg_end_run            (LeashSqlDriver         *driver,
                                          gpointer                session,
                                          gpointer                statement,
                                          LeashContext           *ctx,
                                          GError                **error);
guint        leash_pg_count_columns      (LeashSqlDriver         *driver,
                                          gpointer                statement);
const char  *leash_pg_get_column_name    (LeashSqlDriver         *driver,
                                          gpointer                statement,
                                          guint                   column);
void         leash_pg_get_column         (LeashSqlDriver         *driver,
                                          gpointer                statement,
                                          guint                   column,
                                          LeashSqlValue          *ret_value);
void         leash_pg_get_result         (LeashSqlDriver         *driver,
                                          gpointer                session,
                                          gpointer                statement,
                                          LeashSqlResult         *ret_result);

/* leash-postgresql-copy.c */
gboolean     leash_pg_copy_begin         (LeashSqlDriver         *driver,
                                          gpointer                session,
                                          LeashContext           *ctx,
                                          const char             *sql,
                                          gboolean                is_in,
                                          GError                **error);
gboolean     leash_pg_copy_write         (LeashSqlDriver         *driver,
                                          gpointer                session,
                                          LeashContext           *ctx,
                                          const void             *bytes,
                                          gsize                   count,
                                          GError                **error);
gboolean     leash_pg_copy_read          (LeashSqlDriver         *driver,
                                          gpointer                session,
                                          LeashContext           *ctx,
                                          const char            **ret_bytes,
                                          gsize                  *ret_length,
                                          GError                **error);
gboolean     leash_pg_copy_end           (LeashSqlDriver         *driver,
                                          gpointer                session,
                                          LeashContext           *ctx,
                                          const char             *reason,
                                          LeashSqlResult         *ret_result,
                                          GError                **error);

/* leash-postgresql-plan.c: for the statement, prepared afresh or found among those kept. */
LeashPgPlan *leash_pg_plan_take          (LeashPgSession         *session,
                                          LeashContext           *ctx,
                                          const char             *sql,
                                          GError                **error);
void         leash_pg_plan_give_back     (LeashPgSession         *session,
                                          LeashPgPlan            *plan);
void         leash_pg_plan_free          (LeashPgPlan            *plan);
/* For when the server has forgotten all of them. */
void         leash_pg_plan_forget_kept   (LeashPgSession         *session);

/* leash-postgresql-parameter.c: what is bound, in the form that libpq takes it in. */
typedef struct
{
  guint n;
  LeashPgKind *kinds;
  const char **values; /* NULL, or what a buffer holds */
  int *lengths;        /* of those that are binary */
  int *formats;        /* 1 for binary */
  GByteArray **buffers; /* each NULL until it is needed */
} LeashPgParameters;

void        leash_pg_parameters_init     (LeashPgParameters      *parameters,
                                          const PGresult         *description);
void        leash_pg_parameters_clear    (LeashPgParameters      *parameters);
gboolean    leash_pg_parameters_set      (LeashPgParameters      *parameters,
                                          guint                   index,
                                          const LeashSqlValue    *value,
                                          GError                **error);

/* leash-postgresql-value.c: types, and what columns have of them. */
LeashPgKind leash_pg_kind_of             (Oid                     type);
/* Whether leash_pg_read_binary() reads it, and saves time. */
gboolean    leash_pg_knows_binary        (Oid                     type);
gboolean    leash_pg_wants_binary        (Oid                     type);
/* Of a value that is as if it were text: makes of it what it is. Bytes in text, which have to be unescaped, are left. */
void        leash_pg_read_binary         (Oid                     type,
                                          LeashSqlValue          *value);
void        leash_pg_read_text           (LeashPgKind             kind,
                                          LeashSqlValue          *value);

/* leash-postgresql-wire.c: what is said on a connection. When the context ends one of these, the session is idle
 * afterwards, or broken, and the error is the context's. */

/* Before something is sent. FALSE when something is running. */
gboolean    leash_pg_may_send            (LeashPgSession         *session,
                                          GError                **error);
gboolean    leash_pg_flush               (LeashPgSession         *session,
                                          LeashContext           *ctx,
                                          GError                **error);
/* Waits until something was received. */
gboolean    leash_pg_receive             (LeashPgSession         *session,
                                          LeashContext           *ctx,
                                          GError                **error);
/* The next result; NULL behind the last. */
gboolean    leash_pg_next                (LeashPgSession         *session,
                                          LeashContext           *ctx,
                                          PGresult              **ret_result,
                                          GError                **error);
/* All results, of which none may be an error; with the first of those. ret_last may be NULL, as what it is set to. */
gboolean    leash_pg_finish              (LeashPgSession         *session,
                                          LeashContext           *ctx,
                                          const char             *sql,
                                          PGresult              **ret_last,
                                          GError                **error);
/* Sends statements without parameters and waits for their end. */
gboolean    leash_pg_run                 (LeashPgSession         *session,
                                          LeashContext           *ctx,
                                          const char             *sql,
                                          GError                **error);
/* Throws away what is left of what is running. */
void        leash_pg_abandon             (LeashPgSession         *session);
void        leash_pg_forget_late         (LeashPgSession         *session);
/* FALSE where what was thrown away had an error, but for a query that was cancelled, of which nothing is lost. */
gboolean    leash_pg_check_late         (LeashPgSession         *session,
                                         const char             *sql,
                                         GError                **error);
/* What a statement has done, that went well. FALSE when that is not what it is for. */
gboolean    leash_pg_note_done           (LeashPgSession         *session,
                                          const char             *sql,
                                          PGresult               *result,
                                          GError                **error);
gint64      leash_pg_count_affected      (PGresult               *result);

/* leash-postgresql-wait.c: until the descriptor is ready. FALSE with the context's error when that is done before. */
gboolean    leash_pg_wait                (LeashContext           *ctx,
                                          int                     fd,
                                          short                   events,
                                          GError                **error);

/* leash-postgresql-cancel.c: asks the server to cancel what is running. FALSE when it was not told in time. */
gboolean    leash_pg_cancel              (PGconn                 *pg,
                                          gint64                  microseconds);

/* leash-postgresql-error.c: from a result, a connection, one that could not be made. */
void        leash_pg_set_result_error    (GError                **error,
                                          LeashPgSession         *session,
                                          const PGresult         *result);
void        leash_pg_set_lost_error      (GError                **error,
                                          LeashPgSession         *session);
void        leash_pg_set_connect_error   (GError                **error,
                                          PGconn                 *pg);
