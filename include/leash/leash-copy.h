/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * LeashCopy: PostgreSQL's COPY as a stream. Life: leash_db_conn_copy_in() or leash_db_conn_copy_out(); leash_copy_write() or
 * leash_copy_read(); leash_copy_close(). One to the database that is not closed, but loses its last reference, is given up:
 * nothing of it is there.
 */
#pragma once

#include <leash/leash-sql-types.h>

G_BEGIN_DECLS

#define LEASH_TYPE_COPY (leash_copy_get_type ())

LEASH_AVAILABLE_IN_0_1
GType        leash_copy_get_type (void) G_GNUC_CONST;
LEASH_AVAILABLE_IN_0_1
LeashCopy   *leash_copy_ref      (LeashCopy       *copy);
LEASH_AVAILABLE_IN_0_1
void         leash_copy_unref    (LeashCopy       *copy);
LEASH_AVAILABLE_IN_0_1
gboolean     leash_copy_write    (LeashCopy       *copy,
                                  LeashContext    *ctx,
                                  const void      *bytes,
                                  gsize            count,
                                  GError         **error);
LEASH_AVAILABLE_IN_0_1
gboolean     leash_copy_read     (LeashCopy       *copy,
                                  LeashContext    *ctx,
                                  const char     **ret_bytes,
                                  gsize           *ret_length,
                                  GError         **error);
LEASH_AVAILABLE_IN_0_1
gboolean     leash_copy_close    (LeashCopy       *copy,
                                  LeashContext    *ctx,
                                  LeashSqlResult  *ret_result,
                                  GError         **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (LeashCopy, leash_copy_unref)

G_END_DECLS
