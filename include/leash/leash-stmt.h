/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * LeashStmt: a prepared statement of one connection. Life: leash_db_conn_prepare() or leash_tx_prepare(); runs, one at a
 * time; leash_stmt_close().
 */
#pragma once

#include <leash/leash-sql-types.h>

G_BEGIN_DECLS

#define LEASH_TYPE_STMT (leash_stmt_get_type ())

LEASH_AVAILABLE_IN_0_1
GType        leash_stmt_get_type         (void) G_GNUC_CONST;
LEASH_AVAILABLE_IN_0_1
LeashStmt   *leash_stmt_ref              (LeashStmt           *stmt);
LEASH_AVAILABLE_IN_0_1
void         leash_stmt_unref            (LeashStmt           *stmt);
LEASH_AVAILABLE_IN_0_1
gboolean     leash_stmt_close            (LeashStmt           *stmt,
                                          GError             **error);
LEASH_AVAILABLE_IN_0_1
const char  *leash_stmt_get_sql          (LeashStmt           *stmt);
LEASH_AVAILABLE_IN_0_1
guint        leash_stmt_count_parameters (LeashStmt           *stmt);

/* Parameters: bound one by one, and kept for further runs, or given with a run all at once */
LEASH_AVAILABLE_IN_0_1
gboolean     leash_stmt_bind             (LeashStmt           *stmt,
                                          guint                index,
                                          LeashSqlValue        value,
                                          GError             **error);
LEASH_AVAILABLE_IN_0_1
gboolean     leash_stmt_bind_name        (LeashStmt           *stmt,
                                          const char          *name,
                                          LeashSqlValue        value,
                                          GError             **error);

/* Runs */
LEASH_AVAILABLE_IN_0_1
gboolean     leash_stmt_exec             (LeashStmt           *stmt,
                                          LeashContext        *ctx,
                                          const LeashSqlValue *values,
                                          gsize                n_values,
                                          LeashSqlResult      *ret_result,
                                          GError             **error);
LEASH_AVAILABLE_IN_0_1
LeashRows   *leash_stmt_query            (LeashStmt           *stmt,
                                          LeashContext        *ctx,
                                          const LeashSqlValue *values,
                                          gsize                n_values,
                                          GError             **error) G_GNUC_WARN_UNUSED_RESULT;
LEASH_AVAILABLE_IN_0_1
gboolean     leash_stmt_query_row        (LeashStmt           *stmt,
                                          LeashContext        *ctx,
                                          const LeashSqlValue *values,
                                          gsize                n_values,
                                          GError             **error,
                                          ...);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (LeashStmt, leash_stmt_unref)

G_END_DECLS
