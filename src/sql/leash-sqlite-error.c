/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SQLite's errors as those of LEASH_SQL_ERROR. */
#include "leash-sqlite-private.h"

static LeashSqlError
get_code (int rc)
{
  switch (rc & 0xff)
    {
    case SQLITE_CONSTRAINT:
      return LEASH_SQL_ERROR_CONSTRAINT;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return LEASH_SQL_ERROR_BUSY;
    case SQLITE_READONLY:
      return LEASH_SQL_ERROR_READ_ONLY;
    case SQLITE_FULL:
      return LEASH_SQL_ERROR_FULL;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return LEASH_SQL_ERROR_CORRUPT;
    case SQLITE_IOERR:
      return LEASH_SQL_ERROR_IO;
    case SQLITE_CANTOPEN:
      return LEASH_SQL_ERROR_CONNECTION;
    case SQLITE_PERM:
    case SQLITE_AUTH:
      return LEASH_SQL_ERROR_PERMISSION;
    case SQLITE_RANGE:
      return LEASH_SQL_ERROR_BIND;
    case SQLITE_TOOBIG:
      return LEASH_SQL_ERROR_RANGE;
    case SQLITE_MISMATCH:
      return LEASH_SQL_ERROR_TYPE;
    default:
      return LEASH_SQL_ERROR_FAILED;
    }
}

/* What the system said, where it was asked. */
static const char *
get_system_reason (sqlite3 *db, int rc)
{
  int code = sqlite3_system_errno (db);

  return ((rc & 0xff) == SQLITE_CANTOPEN || (rc & 0xff) == SQLITE_IOERR) && code != 0 ? g_strerror (code)
                                                                                      : NULL;
}

/* In characters of the text from 1, where SQLite counts bytes of the statement from 0. */
static guint
get_position (sqlite3 *db, const char *sql, const char *failed)
{
  int offset = sqlite3_error_offset (db);

  return offset >= 0 && sql != NULL ? (guint) g_utf8_strlen (sql, failed - sql + offset) + 1 : 0;
}

void
leash_sqlite_set_error (sqlite3 *db, const char *sql, const char *failed, GError **error)
{
  int rc = sqlite3_extended_errcode (db);
  LeashSqlErrorDetail detail = { .native_code = rc, .position = get_position (db, sql, failed) };
  /* What prepare() refuses without a reason of its own is not understood. */
  LeashSqlError code = (rc & 0xff) == SQLITE_ERROR && sql != NULL ? LEASH_SQL_ERROR_SYNTAX : get_code (rc);
  const char *reason = get_system_reason (db, rc);
  char message[LEASH_SQL_NAME_SIZE];

  /* It may quote the statement, however long that is. */
  leash_sql_shorten (message, sqlite3_errmsg (db));
  if (detail.position > 0)
    leash_sql_error_set (error, code, &detail, "%s, at character %u", message, detail.position);
  else
    leash_sql_error_set (error, code, &detail, "%s%s%s", message, reason != NULL ? ": " : "",
                         reason != NULL ? reason : "");
}

void
leash_sqlite_set_error_of_call (LeashSqliteSession *session, LeashContext *ctx, int rc, const char *sql,
                                const char *failed, GError **error)
{
  if ((rc != SQLITE_INTERRUPT && rc != SQLITE_BUSY) || leash_context_check (ctx, error))
    leash_sqlite_set_error (session->db, sql, failed, error);
}
