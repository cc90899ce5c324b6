/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * LeashDbConn: one connection of a database, for one user at a time. Life: leash_db_checkout(); calls, from any thread but
 * one at a time; leash_db_conn_close(), which returns it to the pool.
 */
#pragma once

#include <leash/leash-sql-types.h>

G_BEGIN_DECLS

#define LEASH_TYPE_DB_CONN (leash_db_conn_get_type ())

/**
 * LeashBulkFunc:
 * @ret_values: (array length=n_values) (out caller-allocates): to be set, one for each column; what they point to must
 *   live until the next call
 * @n_values: how many columns there are
 * @user_data: what was given with the function
 * @error: return location for an error, which ends it all
 *
 * Gives the next row of leash_db_conn_bulk_insert(). It may not use the connection.
 *
 * Returns: whether there is one; %FALSE at the end, and when it failed with @error set
 */
typedef gboolean (*LeashBulkFunc) (LeashSqlValue *ret_values,
                                   gsize          n_values,
                                   gpointer       user_data,
                                   GError       **error);

/* Life */
LEASH_AVAILABLE_IN_0_1
GType        leash_db_conn_get_type       (void) G_GNUC_CONST;
LEASH_AVAILABLE_IN_0_1
LeashDbConn *leash_db_conn_ref            (LeashDbConn          *conn);
LEASH_AVAILABLE_IN_0_1
void         leash_db_conn_unref          (LeashDbConn          *conn);
LEASH_AVAILABLE_IN_0_1
gboolean     leash_db_conn_close          (LeashDbConn          *conn,
                                           GError              **error);
LEASH_AVAILABLE_IN_0_1
LeashTag    *leash_db_conn_get_tag        (LeashDbConn          *conn);

/* Statements */
LEASH_AVAILABLE_IN_0_1
gboolean     leash_db_conn_exec           (LeashDbConn          *conn,
                                           LeashContext         *ctx,
                                           const char           *sql,
                                           const LeashSqlValue  *values,
                                           gsize                 n_values,
                                           LeashSqlResult       *ret_result,
                                           GError              **error);
LEASH_AVAILABLE_IN_0_1
LeashRows   *leash_db_conn_query          (LeashDbConn          *conn,
                                           LeashContext         *ctx,
                                           const char           *sql,
                                           const LeashSqlValue  *values,
                                           gsize                 n_values,
                                           GError              **error) G_GNUC_WARN_UNUSED_RESULT;
LEASH_AVAILABLE_IN_0_1
gboolean     leash_db_conn_query_row      (LeashDbConn          *conn,
                                           LeashContext         *ctx,
                                           const char           *sql,
                                           const LeashSqlValue  *values,
                                           gsize                 n_values,
                                           GError              **error,
                                           ...);
LEASH_AVAILABLE_IN_0_1
LeashStmt   *leash_db_conn_prepare        (LeashDbConn          *conn,
                                           LeashContext         *ctx,
                                           const char           *sql,
                                           GError              **error) G_GNUC_WARN_UNUSED_RESULT;
LEASH_AVAILABLE_IN_0_1
gboolean     leash_db_conn_exec_script    (LeashDbConn          *conn,
                                           LeashContext         *ctx,
                                           const char           *sql,
                                           GError              **error);
LEASH_AVAILABLE_IN_0_1
LeashTx     *leash_db_conn_begin          (LeashDbConn          *conn,
                                           LeashContext         *ctx,
                                           const LeashTxOptions *options,
                                           GError              **error) G_GNUC_WARN_UNUSED_RESULT;

/* Many rows */
LEASH_AVAILABLE_IN_0_1
gboolean     leash_db_conn_bulk_insert    (LeashDbConn          *conn,
                                           LeashContext         *ctx,
                                           const char           *table,
                                           const char *const    *columns,
                                           LeashBulkFunc         func,
                                           gpointer              user_data,
                                           gint64               *ret_rows,
                                           GError              **error);
LEASH_AVAILABLE_IN_0_1
LeashCopy   *leash_db_conn_copy_in        (LeashDbConn          *conn,
                                           LeashContext         *ctx,
                                           const char           *sql,
                                           GError              **error) G_GNUC_WARN_UNUSED_RESULT;
LEASH_AVAILABLE_IN_0_1
LeashCopy   *leash_db_conn_copy_out       (LeashDbConn          *conn,
                                           LeashContext         *ctx,
                                           const char           *sql,
                                           GError              **error) G_GNUC_WARN_UNUSED_RESULT;

G_DEFINE_AUTOPTR_CLEANUP_FUNC (LeashDbConn, leash_db_conn_unref)

G_END_DECLS
