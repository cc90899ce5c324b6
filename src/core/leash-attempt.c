/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How errors are worded: `Opening “conf/a.ini”: No such file or directory`. Whoever fails gives the reason,
 * the public function puts the rest before it; nothing here runs unless something failed.
 */
#include "leash-attempt-private.h"

#include <limits.h>
#include <string.h>

/* A name beyond PATH_MAX is shown with this many of its bytes. */
#define SHOWN_BYTES 60

void
leash_attempt_set_errno (GError **error, int code)
{
  g_set_error_literal (error, G_IO_ERROR, (int) g_io_error_from_errno (code), g_strerror (code));
}

/* Messages are UTF-8; and a name that is longer than any path can be is not shown in full. */
static char *
show_name (const char *name)
{
  g_autofree char *start = NULL;
  g_autofree char *shown = NULL;

  if (strnlen (name, PATH_MAX) < PATH_MAX)
    return g_filename_display_name (name);
  start = g_strndup (name, SHOWN_BYTES);
  shown = g_filename_display_name (start);
  return g_strconcat (shown, "…", NULL);
}

static void
require_reason (GError **error)
{
  if (*error == NULL)
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_FAILED, "it failed without giving a reason");
}

void
leash_attempt_prefix (GError **error, const char *doing, const char *name)
{
  g_autofree char *shown = NULL;

  if (error == NULL)
    return;
  require_reason (error);
  shown = show_name (name);
  g_prefix_error (error, "%s “%s”: ", doing, shown);
}

void
leash_attempt_prefix_two (GError **error, const char *doing, const char *name, const char *joint,
                          const char *other)
{
  g_autofree char *shown = NULL;
  g_autofree char *other_shown = NULL;

  if (error == NULL)
    return;
  require_reason (error);
  shown = show_name (name);
  other_shown = show_name (other);
  g_prefix_error (error, "%s “%s” %s “%s”: ", doing, shown, joint, other_shown);
}
