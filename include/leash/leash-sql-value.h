/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * LeashSqlValue: what is bound to a statement's parameters, and what a row's columns hold. Passed by value; text and
 * bytes are borrowed. A call's parameters are an array of them, which LEASH_SQL_ARGS() makes in place:
 *
 *     leash_db_exec (db, ctx, "INSERT INTO users VALUES (?, ?)",
 *                    LEASH_SQL_ARGS (leash_sql_int64 (7), leash_sql_text (name)), NULL, &error);
 */
#pragma once

#include <leash/leash-macros.h>

G_BEGIN_DECLS

/**
 * LeashSqlType:
 * @LEASH_SQL_END: no type: ends the arguments of leash_rows_scan()
 * @LEASH_SQL_NULL: SQL's NULL
 * @LEASH_SQL_INT64: a whole number of 64 bits
 * @LEASH_SQL_DOUBLE: a floating point number
 * @LEASH_SQL_TEXT: text in UTF-8
 * @LEASH_SQL_BYTES: bytes
 *
 * What a value is.
 */
typedef enum
{
  LEASH_SQL_END,
  LEASH_SQL_NULL,
  LEASH_SQL_INT64,
  LEASH_SQL_DOUBLE,
  LEASH_SQL_TEXT,
  LEASH_SQL_BYTES
} LeashSqlType;

/**
 * LeashSqlValue:
 * @type: what it is
 * @length: of text and bytes: in bytes, without a terminating 0
 *
 * A value. Of the union, the member of its type is set.
 */
typedef struct
{
  LeashSqlType type;
  gsize length;
  union
  {
    gint64 int64;
    double number;
    const char *text;    /* terminated by 0 in what a row gives; need not be in what is bound */
    const guint8 *bytes; /* may be NULL where length is 0 */
  } as;
} LeashSqlValue;

LEASH_AVAILABLE_IN_0_1
LeashSqlValue leash_sql_null   (void);
LEASH_AVAILABLE_IN_0_1
LeashSqlValue leash_sql_int64  (gint64        number);
LEASH_AVAILABLE_IN_0_1
LeashSqlValue leash_sql_double (double        number);
LEASH_AVAILABLE_IN_0_1
LeashSqlValue leash_sql_text   (const char   *text);
LEASH_AVAILABLE_IN_0_1
LeashSqlValue leash_sql_bytes  (gconstpointer bytes,
                                gsize         length);

LEASH_AVAILABLE_IN_0_1
const char   *leash_sql_type_get_name (LeashSqlType type);

/**
 * LEASH_SQL_ARGS:
 * @...: #LeashSqlValue's, one at least
 *
 * The two arguments that a call takes its parameters by: an array, which lives as long as the block that the call
 * stands in, and its length. For C; in C++ an array is declared first.
 *
 * Since: 0.1
 */
#define LEASH_SQL_ARGS(...)                                                                                  \
  ((const LeashSqlValue[]) { __VA_ARGS__ }),                                                                 \
      (sizeof ((const LeashSqlValue[]) { __VA_ARGS__ }) / sizeof (LeashSqlValue))

/**
 * LEASH_SQL_NO_ARGS:
 *
 * The two arguments of a call that has no parameters.
 *
 * Since: 0.1
 */
#define LEASH_SQL_NO_ARGS NULL, 0

G_END_DECLS
