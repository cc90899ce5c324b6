/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * LeashTx: a transaction, or a savepoint in one. Life: leash_db_begin() or leash_db_conn_begin(), leash_tx_begin() for a
 * savepoint; leash_tx_commit() or leash_tx_rollback(). The last unref of one that is open rolls it back.
 */
#pragma once

#include <leash/leash-sql-types.h>

G_BEGIN_DECLS

#define LEASH_TYPE_TX (leash_tx_get_type ())

LEASH_AVAILABLE_IN_0_1
GType        leash_tx_get_type  (void) G_GNUC_CONST;
LEASH_AVAILABLE_IN_0_1
LeashTx     *leash_tx_ref       (LeashTx             *tx);
LEASH_AVAILABLE_IN_0_1
void         leash_tx_unref     (LeashTx             *tx);
LEASH_AVAILABLE_IN_0_1
LeashTx     *leash_tx_begin     (LeashTx             *tx,
                                 LeashContext        *ctx,
                                 GError             **error) G_GNUC_WARN_UNUSED_RESULT;
LEASH_AVAILABLE_IN_0_1
gboolean     leash_tx_commit    (LeashTx             *tx,
                                 LeashContext        *ctx,
                                 GError             **error);
LEASH_AVAILABLE_IN_0_1
gboolean     leash_tx_rollback  (LeashTx             *tx,
                                 GError             **error);

/* Statements in it */
LEASH_AVAILABLE_IN_0_1
gboolean     leash_tx_exec      (LeashTx             *tx,
                                 LeashContext        *ctx,
                                 const char          *sql,
                                 const LeashSqlValue *values,
                                 gsize                n_values,
                                 LeashSqlResult      *ret_result,
                                 GError             **error);
LEASH_AVAILABLE_IN_0_1
LeashRows   *leash_tx_query     (LeashTx             *tx,
                                 LeashContext        *ctx,
                                 const char          *sql,
                                 const LeashSqlValue *values,
                                 gsize                n_values,
                                 GError             **error) G_GNUC_WARN_UNUSED_RESULT;
LEASH_AVAILABLE_IN_0_1
gboolean     leash_tx_query_row (LeashTx             *tx,
                                 LeashContext        *ctx,
                                 const char          *sql,
                                 const LeashSqlValue *values,
                                 gsize                n_values,
                                 GError             **error,
                                 ...);
LEASH_AVAILABLE_IN_0_1
LeashStmt   *leash_tx_prepare   (LeashTx             *tx,
                                 LeashContext        *ctx,
                                 const char          *sql,
                                 GError             **error) G_GNUC_WARN_UNUSED_RESULT;

G_DEFINE_AUTOPTR_CLEANUP_FUNC (LeashTx, leash_tx_unref)

G_END_DECLS
