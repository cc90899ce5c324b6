/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * LeashRows: what a query gives, row by row, as the engine finds them. Rows are read to their end, or closed; and who has
 * come to their end asks whether that was one, or an error:
 *
 *     while (leash_rows_next (rows, ctx))
 *       if (!leash_rows_scan (rows, &error, LEASH_SQL_INT64, &id, LEASH_SQL_TEXT, &name, LEASH_SQL_END))
 *         return FALSE;
 *     return leash_rows_check (rows, &error);
 *
 * Where nobody asks, that is reported as a misuse, whether there was an error or not.
 */
#pragma once

#include <leash/leash-sql-types.h>

G_BEGIN_DECLS

#define LEASH_TYPE_ROWS (leash_rows_get_type ())

LEASH_AVAILABLE_IN_0_1
GType        leash_rows_get_type        (void) G_GNUC_CONST;
LEASH_AVAILABLE_IN_0_1
LeashRows   *leash_rows_ref             (LeashRows      *rows);
LEASH_AVAILABLE_IN_0_1
void         leash_rows_unref           (LeashRows      *rows);
LEASH_AVAILABLE_IN_0_1
gboolean     leash_rows_next            (LeashRows      *rows,
                                         LeashContext   *ctx);
LEASH_AVAILABLE_IN_0_1
gboolean     leash_rows_check           (LeashRows      *rows,
                                         GError        **error);
LEASH_AVAILABLE_IN_0_1
gboolean     leash_rows_close           (LeashRows      *rows,
                                         GError        **error);

/* Columns, from 0 */
LEASH_AVAILABLE_IN_0_1
guint        leash_rows_count_columns   (LeashRows      *rows);
LEASH_AVAILABLE_IN_0_1
const char  *leash_rows_get_column_name (LeashRows      *rows,
                                         guint           column);
LEASH_AVAILABLE_IN_0_1
int          leash_rows_find_column     (LeashRows      *rows,
                                         const char     *name);

/* Values of the current row */
LEASH_AVAILABLE_IN_0_1
gboolean     leash_rows_get_value       (LeashRows      *rows,
                                         guint           column,
                                         LeashSqlValue  *ret_value,
                                         GError        **error);
LEASH_AVAILABLE_IN_0_1
gboolean     leash_rows_get_int64       (LeashRows      *rows,
                                         guint           column,
                                         gint64         *ret_number,
                                         GError        **error);
LEASH_AVAILABLE_IN_0_1
gboolean     leash_rows_get_int         (LeashRows      *rows,
                                         guint           column,
                                         int            *ret_number,
                                         GError        **error);
LEASH_AVAILABLE_IN_0_1
gboolean     leash_rows_get_double      (LeashRows      *rows,
                                         guint           column,
                                         double         *ret_number,
                                         GError        **error);
LEASH_AVAILABLE_IN_0_1
gboolean     leash_rows_get_text        (LeashRows      *rows,
                                         guint           column,
                                         const char    **ret_text,
                                         GError        **error);
LEASH_AVAILABLE_IN_0_1
gboolean     leash_rows_get_bytes       (LeashRows      *rows,
                                         guint           column,
                                         const guint8  **ret_bytes,
                                         gsize          *ret_length,
                                         GError        **error);
LEASH_AVAILABLE_IN_0_1
gboolean     leash_rows_scan            (LeashRows      *rows,
                                         GError        **error,
                                         ...);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (LeashRows, leash_rows_unref)

G_END_DECLS
