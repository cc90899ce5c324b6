/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * LeashDb: a database, as a pool of connections to it. Life: leash_db_open(); calls, in any thread; leash_db_close().
 *
 * What is opened makes a tree in reports: database > connection > transaction > statement > rows. Each is closed before
 * what it was opened from: closing it afterwards, or never, is reported with the stacks of both.
 *
 *     g_autoptr (LeashDb) db = leash_db_open (ctx, "sqlite:app.db", NULL, &error);
 *     gint64 n;
 *
 *     if (!leash_db_query_row (db, ctx, "SELECT count(*) FROM users WHERE age > ?", LEASH_SQL_ARGS (leash_sql_int64 (17)),
 *                              &error, LEASH_SQL_INT64, &n, LEASH_SQL_END))
 *       return FALSE;
 */
#pragma once

#include <leash/leash-client.h>
#include <leash/leash-sql-types.h>

G_BEGIN_DECLS

#define LEASH_TYPE_DB (leash_db_get_type ())

/**
 * LeashDbOptions:
 * @size: `sizeof (LeashDbOptions)`
 * @max_open: how many connections are open at a time, idle or not; 0 is 16
 * @max_idle: how many are kept idle; 0 is @max_open
 * @max_waiters: how many calls wait for a connection at a time, further ones fail; 0 for any number
 * @idle_time: for how long a connection is kept idle; 0 for any time
 * @life_time: for how long after it was made a connection is used again; 0 for any time
 * @connect_timeout: how long connecting may take, beside what the context says; 0 for as long as that says
 * @check_after: a connection that was idle for longer than this is looked at before it is used; 0 is a second
 * @is_lazy: whether leash_db_open() leaves connecting to the first call
 *
 * What a pool is like. Zeros are defaults. Times are in microseconds, by the clock of the database's context.
 */
typedef struct
{
  gsize size;
  guint max_open;
  guint max_idle;
  guint max_waiters;
  gint64 idle_time;
  gint64 life_time;
  gint64 connect_timeout;
  gint64 check_after;
  gboolean is_lazy;
} LeashDbOptions;

/* Life */
LEASH_AVAILABLE_IN_0_1
GType        leash_db_get_type  (void) G_GNUC_CONST;
LEASH_AVAILABLE_IN_0_1
LeashDb     *leash_db_open      (LeashContext         *ctx,
                                 const char           *uri,
                                 const LeashDbOptions *options,
                                 GError              **error) G_GNUC_WARN_UNUSED_RESULT;
LEASH_AVAILABLE_IN_0_1
LeashDb     *leash_db_ref       (LeashDb              *db);
LEASH_AVAILABLE_IN_0_1
void         leash_db_unref     (LeashDb              *db);
LEASH_AVAILABLE_IN_0_1
gboolean     leash_db_close     (LeashDb              *db,
                                 GError              **error);
LEASH_AVAILABLE_IN_0_1
const char  *leash_db_get_name  (LeashDb              *db);
LEASH_AVAILABLE_IN_0_1
void         leash_db_get_stats (LeashDb              *db,
                                 LeashClientStats     *ret_stats);

/* A connection for a while */
LEASH_AVAILABLE_IN_0_1
LeashDbConn *leash_db_checkout  (LeashDb              *db,
                                 LeashContext         *ctx,
                                 GError              **error) G_GNUC_WARN_UNUSED_RESULT;

/* A call on whichever connection is free */
LEASH_AVAILABLE_IN_0_1
gboolean     leash_db_exec      (LeashDb              *db,
                                 LeashContext         *ctx,
                                 const char           *sql,
                                 const LeashSqlValue  *values,
                                 gsize                 n_values,
                                 LeashSqlResult       *ret_result,
                                 GError              **error);
LEASH_AVAILABLE_IN_0_1
LeashRows   *leash_db_query     (LeashDb              *db,
                                 LeashContext         *ctx,
                                 const char           *sql,
                                 const LeashSqlValue  *values,
                                 gsize                 n_values,
                                 GError              **error) G_GNUC_WARN_UNUSED_RESULT;
LEASH_AVAILABLE_IN_0_1
gboolean     leash_db_query_row (LeashDb              *db,
                                 LeashContext         *ctx,
                                 const char           *sql,
                                 const LeashSqlValue  *values,
                                 gsize                 n_values,
                                 GError              **error,
                                 ...);
LEASH_AVAILABLE_IN_0_1
LeashTx     *leash_db_begin     (LeashDb              *db,
                                 LeashContext         *ctx,
                                 const LeashTxOptions *options,
                                 GError              **error) G_GNUC_WARN_UNUSED_RESULT;

G_DEFINE_AUTOPTR_CLEANUP_FUNC (LeashDb, leash_db_unref)

G_END_DECLS
