/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* LeashSqlValue: functions and no compound literals, so that they are the same in C, in C++ and for bindings.
 */
#include <leash/leash-sql-value.h>

#include <string.h>

/**
 * leash_sql_null:
 *
 * Returns: SQL's NULL
 *
 * Since: 0.1
 */
LeashSqlValue
leash_sql_null (void)
{
  return (LeashSqlValue){ .type = LEASH_SQL_NULL };
}

/**
 * leash_sql_int64:
 * @number: a number
 *
 * Returns: @number as a value
 *
 * Since: 0.1
 */
LeashSqlValue
leash_sql_int64 (gint64 number)
{
  return (LeashSqlValue){ .type = LEASH_SQL_INT64, .as.int64 = number };
}

/**
 * leash_sql_double:
 * @number: a number
 *
 * Returns: @number as a value
 *
 * Since: 0.1
 */
LeashSqlValue
leash_sql_double (double number)
{
  return (LeashSqlValue){ .type = LEASH_SQL_DOUBLE, .as.number = number };
}

/**
 * leash_sql_text:
 * @text: (nullable): text in UTF-8, which must live until the call that it is given to returns; %NULL for
 * SQL's NULL
 *
 * Returns: @text as a value
 *
 * Since: 0.1
 */
LeashSqlValue
leash_sql_text (const char *text)
{
  if (text == NULL)
    return leash_sql_null ();
  return (LeashSqlValue){ .type = LEASH_SQL_TEXT, .length = strlen (text), .as.text = text };
}

/**
 * leash_sql_bytes:
 * @bytes: (nullable) (array length=length): bytes, which must live until the call that they are given to
 * returns; %NULL is of no bytes
 * @length: how many
 *
 * Returns: the bytes as a value, which is not NULL although there be none
 *
 * Since: 0.1
 */
LeashSqlValue
leash_sql_bytes (gconstpointer bytes, gsize length)
{
  g_return_val_if_fail (bytes != NULL || length == 0, leash_sql_null ());

  return (LeashSqlValue){ .type = LEASH_SQL_BYTES, .length = length, .as.bytes = bytes };
}

/**
 * leash_sql_type_get_name:
 * @type: a type
 *
 * Returns: (transfer none): what messages call it
 *
 * Since: 0.1
 */
const char *
leash_sql_type_get_name (LeashSqlType type)
{
  static const char *const names[]
      = { "nothing", "NULL", "an integer", "a floating point number", "text", "bytes" };

  return type < G_N_ELEMENTS (names) ? names[type] : "of an unknown type";
}
