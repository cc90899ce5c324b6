/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* LEASH_ERROR: GLib's extended errors, so that a report reaches whoever prints the error. */
#include "leash-error-private.h"

typedef struct
{
  char *report; /* NULL for none */
} LeashErrorPrivate;

static void
leash_error_private_init (LeashErrorPrivate *priv)
{
  priv->report = NULL;
}

static void
leash_error_private_copy (const LeashErrorPrivate *from, LeashErrorPrivate *to)
{
  to->report = g_strdup (from->report);
}

static void
leash_error_private_clear (LeashErrorPrivate *priv)
{
  g_free (priv->report);
}

/* GLib finds the private part by an offset in bytes, which clang takes for a loss of alignment. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wcast-align"
G_DEFINE_EXTENDED_ERROR (LeashError, leash_error)
#pragma GCC diagnostic pop

void
leash_set_error_with_report (GError **error, LeashError code, const char *message, const char *report)
{
  if (error == NULL)
    return;
  g_set_error_literal (error, LEASH_ERROR, (gint) code, message);
  leash_error_get_private (*error)->report = g_strdup (report);
}

/**
 * leash_error_get_report:
 * @error: an error
 *
 * The whole report that came with an error of leash_tracker_check() or leash_test_finish().
 *
 * Returns: (transfer none) (nullable): the text, %NULL where there is none
 *
 * Since: 0.1
 */
const char *
leash_error_get_report (const GError *error)
{
  g_return_val_if_fail (error != NULL, NULL);

  return error->domain == LEASH_ERROR ? leash_error_get_private (error)->report : NULL;
}
