/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Columns of rows. A value is what the engine says it is, and is not made into something else on the way: a
 * number is never read out of text, and what does not fit is an error. Exact is the one conversion that there
 * is: 3.0 is the integer 3, and 3 the number 3.0, as engines mix them themselves.
 */
#include "leash-rows-private.h"

#include <string.h>

static const LeashSqlAttempt attempt_get = { "Reading a column of", "column read after close" };

/* The greatest that all integers up to have a double of their own. */
#define EXACT_MAX (G_GINT64_CONSTANT (1) << 53)

static const char *
get_column_name (LeashSqlCommand *command, guint column)
{
  LeashDbConn *conn = command->conn;

  return conn->iface->get_column_name (conn->driver, command->statement, column);
}

static gboolean
refuse (LeashSqlCommand *command, guint column, LeashSqlError code, const char *what, GError **error)
{
  char name[LEASH_SQL_NAME_SIZE];

  leash_sql_error_set (error, code, NULL, "column %u, “%s”, %s", column,
                       leash_sql_shorten (name, get_column_name (command, column)), what);
  return FALSE;
}

static gboolean
refuse_type (LeashSqlCommand *command, guint column, const LeashSqlValue *value, const char *wanted,
             GError **error)
{
  g_autofree char *what = g_strdup_printf ("is %s, not %s", leash_sql_type_get_name (value->type), wanted);

  return refuse (command, column, LEASH_SQL_ERROR_TYPE, what, error);
}

static gboolean
make_int64 (LeashSqlCommand *command, guint column, const LeashSqlValue *value, gint64 *ret_number,
            GError **error)
{
  if (LEASH_LIKELY (value->type == LEASH_SQL_INT64))
    *ret_number = value->as.int64;
  else if (value->type != LEASH_SQL_DOUBLE)
    return refuse_type (command, column, value, "an integer", error);
  else if (!(value->as.number >= -0x1p63 && value->as.number < 0x1p63)
           || value->as.number != (double) (gint64) value->as.number)
    return refuse (command, column, LEASH_SQL_ERROR_RANGE, "is no whole number of 64 bits", error);
  else
    *ret_number = (gint64) value->as.number;
  return TRUE;
}

static gboolean
make_double (LeashSqlCommand *command, guint column, const LeashSqlValue *value, double *ret_number,
             GError **error)
{
  if (value->type == LEASH_SQL_DOUBLE)
    *ret_number = value->as.number;
  else if (value->type != LEASH_SQL_INT64)
    return refuse_type (command, column, value, "a number", error);
  else if (value->as.int64 < -EXACT_MAX || value->as.int64 > EXACT_MAX)
    return refuse (command, column, LEASH_SQL_ERROR_RANGE, "is an integer that a double would round", error);
  else
    *ret_number = (double) value->as.int64;
  return TRUE;
}

/* NULL for NULL. */
static gboolean
make_text (LeashSqlCommand *command, guint column, const LeashSqlValue *value, const char **ret_text,
           GError **error)
{
  if (value->type == LEASH_SQL_NULL)
    *ret_text = NULL;
  else if (value->type != LEASH_SQL_TEXT)
    return refuse_type (command, column, value, "text", error);
  else if (LEASH_UNLIKELY (!leash_sql_is_utf8 (value->as.text, value->length)))
    return refuse (command, column, LEASH_SQL_ERROR_TYPE,
                   memchr (value->as.text, 0, value->length) != NULL
                       ? "is text with a 0 in it: it can be read as bytes"
                       : "is text that is not UTF-8: it can be read as bytes",
                   error);
  else
    *ret_text = value->as.text;
  return TRUE;
}

static gboolean
make_bytes (LeashSqlCommand *command, guint column, const LeashSqlValue *value, const guint8 **ret_bytes,
            gsize *ret_length, GError **error)
{
  static const guint8 none[1];

  if (value->type == LEASH_SQL_NULL)
    *ret_bytes = NULL;
  else if (value->type != LEASH_SQL_BYTES && value->type != LEASH_SQL_TEXT)
    return refuse_type (command, column, value, "bytes", error);
  else
    *ret_bytes = value->length > 0 ? value->as.bytes : none;
  *ret_length = value->type == LEASH_SQL_NULL ? 0 : value->length;
  return TRUE;
}

static gboolean
refuse_column (LeashRows *rows, guint column, GError **error)
{
  if (rows->step != LEASH_SQL_STEP_ROW || rows->is_first)
    leash_sql_error_set (error, LEASH_SQL_ERROR_NO_ROW, NULL,
                         "there is no row: leash_rows_next() comes first");
  else
    leash_sql_error_set (error, LEASH_SQL_ERROR_RANGE, NULL, "there is no column %u, but %u of them from 0",
                         column, rows->n_columns);
  return FALSE;
}

static gboolean
get_entered (LeashRows *rows, guint column, LeashSqlValue *ret_value, GError **error)
{
  LeashDbConn *conn = rows->node.conn;

  if (LEASH_UNLIKELY (column >= rows->n_columns || rows->is_first))
    return refuse_column (rows, column, error);
  conn->iface->get_column (conn->driver, rows->command->statement, column, ret_value);
  return TRUE;
}

static gboolean
get_number (LeashRows *rows, guint column, gint64 *ret_number, GError **error)
{
  LeashSqlValue value;

  return get_entered (rows, column, &value, error)
         && make_int64 (rows->command, column, &value, ret_number, error);
}

/* With the connection entered, which it leaves. */
static gboolean
leave (LeashRows *rows, gboolean is_done, GError **error)
{
  leash_db_conn_leave (rows->node.conn);
  if (LEASH_UNLIKELY (!is_done))
    leash_sql_prefix (error, attempt_get.doing, rows->node.text);
  return is_done;
}

/**
 * leash_rows_count_columns:
 * @rows: rows, open or not
 *
 * Returns: how many columns they have; 0 where the statement gives no rows at all
 *
 * Since: 0.1
 */
guint
leash_rows_count_columns (LeashRows *rows)
{
  g_return_val_if_fail (rows != NULL, 0);

  return rows->n_columns;
}

/**
 * leash_rows_get_column_name:
 * @rows: rows that are open
 * @column: which column, from 0
 *
 * Returns: (transfer none) (nullable): its name, which lives until the rows end; %NULL where there is no such
 * column, or they are closed
 *
 * Since: 0.1
 */
const char *
leash_rows_get_column_name (LeashRows *rows, guint column)
{
  const char *name;

  g_return_val_if_fail (rows != NULL, NULL);

  if (column >= rows->n_columns || !leash_sql_node_enter (&rows->node, &attempt_get, LEASH_CALLER, NULL))
    return NULL;
  name = get_column_name (rows->command, column);
  leash_db_conn_leave (rows->node.conn);
  return name;
}

/**
 * leash_rows_find_column:
 * @rows: rows that are open
 * @name: a column's name, as the statement has it
 *
 * Returns: the first column of that name, from 0; -1 where there is none, or they are closed
 *
 * Since: 0.1
 */
int
leash_rows_find_column (LeashRows *rows, const char *name)
{
  int found = -1;

  g_return_val_if_fail (rows != NULL, -1);
  g_return_val_if_fail (name != NULL, -1);

  if (!leash_sql_node_enter (&rows->node, &attempt_get, LEASH_CALLER, NULL))
    return -1;
  for (guint i = 0; i < rows->n_columns && found < 0; i++)
    if (strcmp (get_column_name (rows->command, i), name) == 0)
      found = (int) i;
  leash_db_conn_leave (rows->node.conn);
  return found;
}

/**
 * leash_rows_get_value:
 * @rows: rows, at a row
 * @column: which column, from 0
 * @ret_value: (out caller-allocates): set to the value as the engine has it; what it points to lives until
 * the next leash_rows_next(), and is not looked at whether it is UTF-8
 * @error: return location for an error
 *
 * Gets a column's value, of whatever type.
 *
 * Returns: %TRUE, or %FALSE with @error set
 *
 * Since: 0.1
 */
gboolean
leash_rows_get_value (LeashRows *rows, guint column, LeashSqlValue *ret_value, GError **error)
{
  g_return_val_if_fail (rows != NULL, FALSE);
  g_return_val_if_fail (ret_value != NULL, FALSE);

  return leash_sql_node_enter (&rows->node, &attempt_get, LEASH_CALLER, error)
         && leave (rows, get_entered (rows, column, ret_value, error), error);
}

/**
 * leash_rows_get_int64:
 * @rows: rows, at a row
 * @column: which column, from 0
 * @ret_number: (out): set to the number
 * @error: return location for an error
 *
 * Gets a column's integer, or floating point number that is whole.
 *
 * Returns: %TRUE, or %FALSE with @error set: %LEASH_SQL_ERROR_TYPE for NULL and other types,
 * %LEASH_SQL_ERROR_RANGE for what is not whole
 *
 * Since: 0.1
 */
gboolean
leash_rows_get_int64 (LeashRows *rows, guint column, gint64 *ret_number, GError **error)
{
  g_return_val_if_fail (rows != NULL, FALSE);
  g_return_val_if_fail (ret_number != NULL, FALSE);

  return leash_sql_node_enter (&rows->node, &attempt_get, LEASH_CALLER, error)
         && leave (rows, get_number (rows, column, ret_number, error), error);
}

static gboolean
get_int (LeashRows *rows, guint column, int *ret_number, GError **error)
{
  gint64 number;

  if (!get_number (rows, column, &number, error))
    return FALSE;
  if (number < G_MININT || number > G_MAXINT)
    return refuse (rows->command, column, LEASH_SQL_ERROR_RANGE, "does not fit into an int", error);
  *ret_number = (int) number;
  return TRUE;
}

/**
 * leash_rows_get_int:
 * @rows: rows, at a row
 * @column: which column, from 0
 * @ret_number: (out): set to the number
 * @error: return location for an error
 *
 * As leash_rows_get_int64(), for what fits into an int.
 *
 * Returns: %TRUE, or %FALSE with @error set: %LEASH_SQL_ERROR_RANGE where it does not fit
 *
 * Since: 0.1
 */
gboolean
leash_rows_get_int (LeashRows *rows, guint column, int *ret_number, GError **error)
{
  g_return_val_if_fail (rows != NULL, FALSE);
  g_return_val_if_fail (ret_number != NULL, FALSE);

  return leash_sql_node_enter (&rows->node, &attempt_get, LEASH_CALLER, error)
         && leave (rows, get_int (rows, column, ret_number, error), error);
}

/**
 * leash_rows_get_double:
 * @rows: rows, at a row
 * @column: which column, from 0
 * @ret_number: (out): set to the number
 * @error: return location for an error
 *
 * Gets a column's floating point number, or integer that a double can hold.
 *
 * Returns: %TRUE, or %FALSE with @error set: %LEASH_SQL_ERROR_TYPE for NULL and other types,
 * %LEASH_SQL_ERROR_RANGE for integers that would be rounded
 *
 * Since: 0.1
 */
gboolean
leash_rows_get_double (LeashRows *rows, guint column, double *ret_number, GError **error)
{
  LeashSqlValue value;

  g_return_val_if_fail (rows != NULL, FALSE);
  g_return_val_if_fail (ret_number != NULL, FALSE);

  return leash_sql_node_enter (&rows->node, &attempt_get, LEASH_CALLER, error)
         && leave (rows,
                   get_entered (rows, column, &value, error)
                       && make_double (rows->command, column, &value, ret_number, error),
                   error);
}

/**
 * leash_rows_get_text:
 * @rows: rows, at a row
 * @column: which column, from 0
 * @ret_text: (out) (transfer none) (nullable): set to the text, in UTF-8, which lives until the next
 * leash_rows_next(); %NULL for NULL
 * @error: return location for an error
 *
 * Gets a column's text.
 *
 * Returns: %TRUE, or %FALSE with @error set: %LEASH_SQL_ERROR_TYPE for other types, and for text that is not
 * UTF-8 or has a 0 in it, which leash_rows_get_bytes() gets
 *
 * Since: 0.1
 */
gboolean
leash_rows_get_text (LeashRows *rows, guint column, const char **ret_text, GError **error)
{
  LeashSqlValue value;

  g_return_val_if_fail (rows != NULL, FALSE);
  g_return_val_if_fail (ret_text != NULL, FALSE);

  return leash_sql_node_enter (&rows->node, &attempt_get, LEASH_CALLER, error)
         && leave (rows,
                   get_entered (rows, column, &value, error)
                       && make_text (rows->command, column, &value, ret_text, error),
                   error);
}

/**
 * leash_rows_get_bytes:
 * @rows: rows, at a row
 * @column: which column, from 0
 * @ret_bytes: (out) (transfer none) (nullable) (array length=ret_length): set to the bytes, which live until
 * the next leash_rows_next(); %NULL for NULL, and not for no bytes
 * @ret_length: (out): set to how many there are
 * @error: return location for an error
 *
 * Gets a column's bytes, or those of its text.
 *
 * Returns: %TRUE, or %FALSE with @error set: %LEASH_SQL_ERROR_TYPE for numbers
 *
 * Since: 0.1
 */
gboolean
leash_rows_get_bytes (LeashRows *rows, guint column, const guint8 **ret_bytes, gsize *ret_length,
                      GError **error)
{
  LeashSqlValue value;

  g_return_val_if_fail (rows != NULL, FALSE);
  g_return_val_if_fail (ret_bytes != NULL, FALSE);
  g_return_val_if_fail (ret_length != NULL, FALSE);

  return leash_sql_node_enter (&rows->node, &attempt_get, LEASH_CALLER, error)
         && leave (rows,
                   get_entered (rows, column, &value, error)
                       && make_bytes (rows->command, column, &value, ret_bytes, ret_length, error),
                   error);
}

static gboolean
scan_text (LeashSqlCommand *command, guint column, const LeashSqlValue *value, char **place, GError **error)
{
  const char *text;

  if (!make_text (command, column, value, &text, error))
    return FALSE;
  *place = text != NULL ? g_memdup2 (text, value->length + 1) : NULL;
  return TRUE;
}

static gboolean
scan_bytes (LeashSqlCommand *command, guint column, const LeashSqlValue *value, GBytes **place,
            GError **error)
{
  const guint8 *bytes;
  gsize length;

  if (!make_bytes (command, column, value, &bytes, &length, error))
    return FALSE;
  *place = bytes != NULL ? g_bytes_new (bytes, length) : NULL;
  return TRUE;
}

/* Sets the next place to a value. */
static gboolean
scan_value (LeashSqlCommand *command, guint column, LeashSqlType type, va_list *places, GError **error)
{
  LeashDbConn *conn = command->conn;
  LeashSqlValue value;

  conn->iface->get_column (conn->driver, command->statement, column, &value);
  if (type == LEASH_SQL_TEXT)
    return scan_text (command, column, &value, va_arg (*places, char **), error);
  if (type == LEASH_SQL_INT64)
    return make_int64 (command, column, &value, va_arg (*places, gint64 *), error);
  switch (type)
    {
    case LEASH_SQL_DOUBLE:
      return make_double (command, column, &value, va_arg (*places, double *), error);
    case LEASH_SQL_BYTES:
      return scan_bytes (command, column, &value, va_arg (*places, GBytes **), error);
    case LEASH_SQL_NULL:
      return value.type == LEASH_SQL_NULL || refuse_type (command, column, &value, "NULL", error);
    case LEASH_SQL_END:
    default:
      return refuse (command, column, LEASH_SQL_ERROR_TYPE, "is to be read as a type that there is not",
                     error);
    }
}

gboolean
leash_sql_scan_row (LeashSqlCommand *command, va_list *places, GError **error)
{
  LeashDbConn *conn = command->conn;
  guint n_columns = conn->iface->count_columns (conn->driver, command->statement);
  LeashSqlType type;

  for (guint i = 0; (type = va_arg (*places, LeashSqlType)) != LEASH_SQL_END; i++)
    if (i >= n_columns)
      {
        leash_sql_error_set (error, LEASH_SQL_ERROR_RANGE, NULL,
                             "a row has %u columns, and more were to be read", n_columns);
        return FALSE;
      }
    else if (!scan_value (command, i, type, places, error))
      return FALSE;
  return TRUE;
}

gboolean
leash_sql_scan_only (LeashSqlCommand *command, LeashContext *ctx, LeashSqlStep first, va_list *places,
                     GError **error)
{
  gboolean is_done;

  if (LEASH_UNLIKELY (first != LEASH_SQL_STEP_ROW))
    {
      leash_sql_error_set (error, LEASH_SQL_ERROR_NO_ROW, NULL, "there is no row");
      return FALSE;
    }
  is_done = leash_sql_scan_row (command, places, error);
  return leash_sql_command_end_run (command, ctx, is_done ? error : NULL) && is_done;
}

/**
 * leash_rows_scan:
 * @rows: rows, at a row
 * @error: return location for an error
 * @...: for each column from the first on what it is and where it goes, ended by %LEASH_SQL_END
 *
 * Gets columns in one call: %LEASH_SQL_INT64 and a `gint64 *`, %LEASH_SQL_DOUBLE and a `double *`,
 * %LEASH_SQL_TEXT and a `char **`, set to new text or %NULL, %LEASH_SQL_BYTES and a `GBytes **`, set to new
 * bytes or %NULL, or %LEASH_SQL_NULL for what must be NULL, with no place. Columns behind the last are left
 * out. When one fails, those before it are set.
 *
 * Returns: %TRUE, or %FALSE with @error set, as for the functions that get one
 *
 * Since: 0.1
 */
gboolean
leash_rows_scan (LeashRows *rows, GError **error, ...)
{
  gboolean is_done;
  va_list places;

  g_return_val_if_fail (rows != NULL, FALSE);

  if (!leash_sql_node_enter (&rows->node, &attempt_get, LEASH_CALLER, error))
    return FALSE;
  va_start (places, error);
  is_done = LEASH_UNLIKELY (rows->is_first) ? refuse_column (rows, 0, error)
                                            : leash_sql_scan_row (rows->command, &places, error);
  va_end (places);
  return leave (rows, is_done, error);
}
