/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SQLite knows numbers only. What a file system says in words is kept for the thread, and goes to SQLite's
 * log. */
#include "leash-sqlite-vfs-private.h"

#include <errno.h>
#include <leash/leash-sqlite-vfs.h>

typedef struct
{
  char text[512];
  int code; /* an errno */
} LastError;

static _Thread_local LastError last;

/* GIO's codes do not tell all that an errno does. */
static int
to_errno (const GError *error)
{
  static const struct
  {
    GIOErrorEnum code;
    int number;
  } pairs[] = {
    { G_IO_ERROR_NO_SPACE, ENOSPC },
    { G_IO_ERROR_NOT_FOUND, ENOENT },
    { G_IO_ERROR_PERMISSION_DENIED, EACCES },
    { G_IO_ERROR_READ_ONLY, EROFS },
    { G_IO_ERROR_IS_DIRECTORY, EISDIR },
    { G_IO_ERROR_NOT_DIRECTORY, ENOTDIR },
    { G_IO_ERROR_EXISTS, EEXIST },
    { G_IO_ERROR_TOO_MANY_OPEN_FILES, EMFILE },
    { G_IO_ERROR_FILENAME_TOO_LONG, ENAMETOOLONG },
    { G_IO_ERROR_NOT_SUPPORTED, ENOTSUP },
    { G_IO_ERROR_INVALID_ARGUMENT, EINVAL },
  };

  for (guint i = 0; i < G_N_ELEMENTS (pairs); i++)
    if (g_error_matches (error, G_IO_ERROR, (int) pairs[i].code))
      return pairs[i].number;
  return EIO;
}

static int
tell (int code, int number, const char *text)
{
  last.code = number;
  g_strlcpy (last.text, text, sizeof last.text);
  sqlite3_log (code, "%s", last.text);
  return code;
}

int
leash_sqlite_fail (int code, GError *error)
{
  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_NO_SPACE))
    code = SQLITE_FULL;
  code = tell (code, to_errno (error), error->message);
  g_error_free (error);
  return code;
}

int
leash_sqlite_fail_plainly (int code, const char *format, ...)
{
  g_autofree char *text = NULL;
  va_list args;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  return tell (code, EIO, text);
}

int
leash_sqlite_get_errno (void)
{
  return last.code;
}

/**
 * leash_sqlite_vfs_get_last_error:
 *
 * Tells what the file system said when a call of SQLite's failed last in this thread, on any VFS of
 * leash_sqlite_vfs_register(): SQLite itself has a number for it, and "disk I/O error". Nothing clears it.
 *
 * The same text goes to the log of `SQLITE_CONFIG_LOG`, and sqlite3_system_errno() has a number that is near
 * to it.
 *
 * Returns: (transfer none): the message, until the next failure in this thread; empty when there was none
 *
 * Since: 0.1
 */
const char *
leash_sqlite_vfs_get_last_error (void)
{
  return last.text;
}
