/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of the driver for SQLite have in common. The functions of the driver's interface, which
 * leash-sqlite-driver.c puts together, are told of in leash-sql-driver.h. */
#pragma once

#include <sqlite3.h>

#include "leash-sql-driver-private.h"
#include "leash-sql-private.h"

typedef struct
{
  char *name; /* without what may be a key */
  char *file; /* as SQLite wants it */
  int flags;
  sqlite3 *anchor; /* keeps a database in memory; NULL for others */
} LeashSqliteDatabase;

typedef struct _LeashSqliteAlarm LeashSqliteAlarm;

/* One connection. Used by one thread at a time. */
typedef struct
{
  sqlite3 *db;
  LeashContext *ctx;       /* of the call that runs; NULL between */
  gboolean is_read_only;   /* for the transaction that is open */
  guint n_running;         /* statements that have begun to run, and are neither at their end nor rewound */
  LeashSqliteAlarm *alarm; /* NULL until needed */
  LeashContext *alarm_ctx; /* what it is set for: a reference, NULL when it is not set */
  guint64 alarm_id;        /* of leash_context_after_func() */
} LeashSqliteSession;

typedef struct
{
  sqlite3_stmt *stmt;
  gboolean is_read_only;
  gboolean is_running;
  gboolean has_alarm;    /* it is the one that has set the session's */
  gint64 changes_before; /* of the session in all, when the run of one that is not read-only began */
} LeashSqliteStatement;

/* leash-sqlite-error.c */
/* The engine's error. With the text that failed, from sql on, when it was being prepared: failed is its statement. */
void          leash_sqlite_set_error     (sqlite3               *db,
                                          const char            *sql,
                                          const char            *failed,
                                          GError               **error);
/* The error of a call: the context's, when that is why. */
void          leash_sqlite_set_error_of_call (LeashSqliteSession *session,
                                          LeashContext          *ctx,
                                          int                    rc,
                                          const char            *sql,
                                          const char            *failed,
                                          GError               **error);

/* leash-sqlite-run.c */
void          leash_sqlite_set_alarm     (LeashSqliteSession    *session,
                                          LeashSqliteStatement  *statement,
                                          LeashContext          *ctx);
void          leash_sqlite_unset_alarm   (LeashSqliteSession    *session,
                                          LeashSqliteStatement  *statement);
int           leash_sqlite_step_with_alarm (LeashSqliteSession  *session,
                                          sqlite3_stmt          *stmt);
void          leash_sqlite_free_alarm    (LeashSqliteSession    *session);

static inline void
leash_sqlite_begin_run (LeashSqliteSession *session, LeashSqliteStatement *statement, LeashContext *ctx)
{
  statement->is_running = TRUE;
  if (!statement->is_read_only)
    statement->changes_before = sqlite3_total_changes64 (session->db);
  if (LEASH_LIKELY (session->n_running++ == 0) && LEASH_UNLIKELY (leash_context_can_be_done (ctx)))
    leash_sqlite_set_alarm (session, statement, ctx);
}

/* What has begun to run, if it has, does not any more. */
static inline void
leash_sqlite_end_run (LeashSqliteSession *session, LeashSqliteStatement *statement)
{
  session->n_running -= (guint) statement->is_running;
  statement->is_running = FALSE;
  if (LEASH_UNLIKELY (statement->has_alarm))
    leash_sqlite_unset_alarm (session, statement);
}

/* sqlite3_step(), ended by the context. */
static inline int
leash_sqlite_step (LeashSqliteSession *session, LeashSqliteStatement *statement, LeashContext *ctx)
{
  int rc;

  if (!statement->is_running)
    leash_sqlite_begin_run (session, statement, ctx);
  session->ctx = ctx;
  rc = LEASH_LIKELY (session->alarm_ctx != ctx) ? sqlite3_step (statement->stmt)
                                                : leash_sqlite_step_with_alarm (session, statement->stmt);
  session->ctx = NULL;
  if (LEASH_UNLIKELY (rc != SQLITE_ROW))
    leash_sqlite_end_run (session, statement);
  return rc;
}

/* leash-sqlite-session.c */
gpointer      leash_sqlite_open          (LeashSqlDriver        *driver,
                                          const char            *uri,
                                          GError               **error);
void          leash_sqlite_close         (LeashSqlDriver        *driver,
                                          gpointer               database);
const char   *leash_sqlite_get_name      (LeashSqlDriver        *driver,
                                          gpointer               database);
gpointer      leash_sqlite_connect       (LeashSqlDriver        *driver,
                                          gpointer               database,
                                          LeashContext          *ctx,
                                          GError               **error);
void          leash_sqlite_disconnect    (LeashSqlDriver        *driver,
                                          gpointer               session);
gboolean      leash_sqlite_reset         (LeashSqlDriver        *driver,
                                          gpointer               session,
                                          GError               **error);
gboolean      leash_sqlite_begin         (LeashSqlDriver        *driver,
                                          gpointer               session,
                                          LeashContext          *ctx,
                                          const LeashTxOptions  *options,
                                          GError               **error);
gboolean      leash_sqlite_in_transaction (LeashSqlDriver       *driver,
                                          gpointer               session);
gboolean      leash_sqlite_script        (LeashSqlDriver        *driver,
                                          gpointer               session,
                                          LeashContext          *ctx,
                                          const char            *sql,
                                          GError               **error);
/* After what may have ended a transaction. */
void          leash_sqlite_look_at_end   (LeashSqliteSession    *session);
