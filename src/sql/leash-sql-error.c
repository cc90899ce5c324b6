/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* LEASH_SQL_ERROR: GLib's extended errors, with what the engine said beside its message. */
#include <leash/leash-sql-error.h>

typedef struct
{
  LeashSqlErrorDetail detail;
  char sqlstate[6]; /* what detail points to, if to anything */
} LeashSqlErrorPrivate;

static void
leash_sql_error_private_init (LeashSqlErrorPrivate *priv)
{
  *priv = (LeashSqlErrorPrivate){ 0 };
}

static void
set_detail (LeashSqlErrorPrivate *priv, const LeashSqlErrorDetail *detail)
{
  priv->detail = *detail;
  if (detail->sqlstate == NULL)
    return;
  g_strlcpy (priv->sqlstate, detail->sqlstate, sizeof priv->sqlstate);
  priv->detail.sqlstate = priv->sqlstate;
}

static void
leash_sql_error_private_copy (const LeashSqlErrorPrivate *from, LeashSqlErrorPrivate *to)
{
  set_detail (to, &from->detail);
}

static void
leash_sql_error_private_clear (LeashSqlErrorPrivate *priv)
{
}

/* GLib finds the private part by an offset in bytes, which clang takes for a loss of alignment. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wcast-align"
G_DEFINE_EXTENDED_ERROR (LeashSqlError, leash_sql_error)
#pragma GCC diagnostic pop

/**
 * leash_sql_error_set:
 * @error: (nullable) (out): return location for the error
 * @code: what went wrong
 * @detail: (nullable): what the engine said; copied
 * @format: the message, as for printf()
 * @...: what it formats
 *
 * Sets an error of %LEASH_SQL_ERROR: for who writes a driver.
 *
 * Since: 0.1
 */
void
leash_sql_error_set (GError **error, LeashSqlError code, const LeashSqlErrorDetail *detail,
                     const char *format, ...)
{
  va_list args;

  if (error == NULL)
    return;
  va_start (args, format);
  *error = g_error_new_valist (LEASH_SQL_ERROR, (gint) code, format, args);
  va_end (args);
  if (detail != NULL)
    set_detail (leash_sql_error_get_private (*error), detail);
}

/**
 * leash_sql_error_get_detail:
 * @error: an error, of any domain
 * @ret_detail: (out caller-allocates): what the engine said; what it points to lives as long as @error
 *
 * What the engine said beside its message. All of it is 0 or %NULL where @error is none of an engine's.
 *
 * Returns: whether @error is of %LEASH_SQL_ERROR
 *
 * Since: 0.1
 */
gboolean
leash_sql_error_get_detail (const GError *error, LeashSqlErrorDetail *ret_detail)
{
  gboolean is_ours;

  g_return_val_if_fail (error != NULL, FALSE);
  g_return_val_if_fail (ret_detail != NULL, FALSE);

  is_ours = error->domain == LEASH_SQL_ERROR;
  *ret_detail = is_ours ? leash_sql_error_get_private (error)->detail : (LeashSqlErrorDetail){ 0 };
  return is_ours;
}
