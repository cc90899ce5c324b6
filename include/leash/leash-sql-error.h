/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The errors of databases. What ends a call by its context is %G_IO_ERROR_CANCELLED or %G_IO_ERROR_TIMED_OUT, what is
 * done on something closed %G_IO_ERROR_CLOSED; all else is of this domain, with what the engine said in its own terms.
 */
#pragma once

#include <leash/leash-macros.h>

G_BEGIN_DECLS

#define LEASH_SQL_ERROR (leash_sql_error_quark ())

/**
 * LeashSqlError:
 * @LEASH_SQL_ERROR_FAILED: none of the others
 * @LEASH_SQL_ERROR_URI: what to open is not said well, or no driver knows it
 * @LEASH_SQL_ERROR_CONNECTION: the database cannot be reached, or the connection to it was lost
 * @LEASH_SQL_ERROR_SYNTAX: the statement is not understood, or names what is not there
 * @LEASH_SQL_ERROR_BIND: parameters are missing, too many, or of a kind that cannot be bound
 * @LEASH_SQL_ERROR_CONSTRAINT: the data may not be so: unique, not null, foreign key, check
 * @LEASH_SQL_ERROR_BUSY: another has locked it, or was faster: the transaction may be tried again
 * @LEASH_SQL_ERROR_IN_USE: the connection is in another use: by another thread, or by rows that are being read
 * @LEASH_SQL_ERROR_CHILDREN_OPEN: it was closed while something that was opened from it was open
 * @LEASH_SQL_ERROR_NO_ROW: there is no row where one was asked for
 * @LEASH_SQL_ERROR_TYPE: a column's value is not of the type that was asked for
 * @LEASH_SQL_ERROR_RANGE: a column's value, or a parameter, does not fit, or there is no such column
 * @LEASH_SQL_ERROR_READ_ONLY: it may not be written
 * @LEASH_SQL_ERROR_FULL: there is no room
 * @LEASH_SQL_ERROR_CORRUPT: the database is damaged, or is none
 * @LEASH_SQL_ERROR_IO: the database's files could not be read or written
 * @LEASH_SQL_ERROR_PERMISSION: it is not allowed
 *
 * What went wrong.
 */
typedef enum
{
  LEASH_SQL_ERROR_FAILED,
  LEASH_SQL_ERROR_URI,
  LEASH_SQL_ERROR_CONNECTION,
  LEASH_SQL_ERROR_SYNTAX,
  LEASH_SQL_ERROR_BIND,
  LEASH_SQL_ERROR_CONSTRAINT,
  LEASH_SQL_ERROR_BUSY,
  LEASH_SQL_ERROR_IN_USE,
  LEASH_SQL_ERROR_CHILDREN_OPEN,
  LEASH_SQL_ERROR_NO_ROW,
  LEASH_SQL_ERROR_TYPE,
  LEASH_SQL_ERROR_RANGE,
  LEASH_SQL_ERROR_READ_ONLY,
  LEASH_SQL_ERROR_FULL,
  LEASH_SQL_ERROR_CORRUPT,
  LEASH_SQL_ERROR_IO,
  LEASH_SQL_ERROR_PERMISSION
} LeashSqlError;

/**
 * LeashSqlErrorDetail:
 * @native_code: the engine's code: SQLite's extended result code; 0 when there is none
 * @sqlstate: (nullable): the five characters of the SQL standard, where the engine has them
 * @position: where in the statement's text it is, in characters from 1; 0 when the engine does not say
 *
 * What an engine says beside its message.
 */
typedef struct
{
  int native_code;
  const char *sqlstate;
  guint position;
} LeashSqlErrorDetail;

LEASH_AVAILABLE_IN_0_1
GQuark   leash_sql_error_quark      (void);
LEASH_AVAILABLE_IN_0_1
gboolean leash_sql_error_get_detail (const GError              *error,
                                     LeashSqlErrorDetail       *ret_detail);

/* For who writes a driver */
LEASH_AVAILABLE_IN_0_1
void     leash_sql_error_set        (GError                   **error,
                                     LeashSqlError              code,
                                     const LeashSqlErrorDetail *detail,
                                     const char                *format,
                                     ...) G_GNUC_PRINTF (4, 5);

G_END_DECLS
