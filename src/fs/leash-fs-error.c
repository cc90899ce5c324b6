/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How the errors of file systems are worded: `Opening “conf/a.ini”: No such file or directory`. Whoever fails
 * gives the reason, the public function puts the rest before it; nothing here runs unless something failed.
 */
#include <limits.h>
#include <string.h>

#include "leash-fs-private.h"

/* A path beyond PATH_MAX is shown with this many of its bytes. */
#define SHOWN_BYTES 60

void
leash_fs_set_errno (GError **error, int code)
{
  g_set_error_literal (error, G_IO_ERROR, (int)g_io_error_from_errno (code), g_strerror (code));
}

/* Messages are UTF-8; and a path that is longer than any can be is not shown in full. */
static char *
show_path (const char *path)
{
  g_autofree char *start = NULL;
  g_autofree char *name = NULL;

  if (strnlen (path, PATH_MAX) < PATH_MAX)
    return g_filename_display_name (path);
  start = g_strndup (path, SHOWN_BYTES);
  name = g_filename_display_name (start);
  return g_strconcat (name, "…", NULL);
}

static void
require_reason (GError **error)
{
  if (*error == NULL)
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_FAILED, "it failed without giving a reason");
}

void
leash_fs_prefix_error (GError **error, const char *doing, const char *path)
{
  g_autofree char *shown = NULL;

  if (error == NULL)
    return;
  require_reason (error);
  shown = show_path (path);
  g_prefix_error (error, "%s “%s”: ", doing, shown);
}

void
leash_fs_prefix_rename_error (GError **error, const char *old_path, const char *new_path)
{
  g_autofree char *old_shown = NULL;
  g_autofree char *new_shown = NULL;

  if (error == NULL)
    return;
  require_reason (error);
  old_shown = show_path (old_path);
  new_shown = show_path (new_path);
  g_prefix_error (error, "Renaming “%s” to “%s”: ", old_shown, new_shown);
}
