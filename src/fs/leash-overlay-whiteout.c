/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The marks that upper has in place of what lower is not to show: whiteouts for names, and one for opaque
 * directories. Both are empty files.
 */
#include "leash-overlay-fs-private.h"

#include <string.h>

static gboolean
make_mark (LeashOverlayView *view, const char *path, GError **error)
{
  LeashFile *file = leash_layer_open (leash_overlay_upper (view), view->base.ctx, path,
                                      LEASH_OPEN_CREATE | LEASH_OPEN_WRITE, 0644, error);

  /* An empty file has nothing to lose by a close that fails. */
  leash_file_unref (file);
  return file != NULL;
}

gboolean
leash_overlay_make_whiteout (LeashOverlayView *view, const char *path, GError **error)
{
  g_autofree char *whiteout = leash_overlay_get_whiteout (path);

  return make_mark (view, whiteout, error);
}

void
leash_overlay_drop_whiteout (LeashOverlayView *view, const char *path)
{
  g_autofree char *whiteout = leash_overlay_get_whiteout (path);

  leash_layer_remove (leash_overlay_upper (view), view->base.ctx, whiteout, NULL);
}

gboolean
leash_overlay_make_opaque (LeashOverlayView *view, const char *path, GError **error)
{
  g_autofree char *mark = g_strconcat (path, "/" LEASH_WHITEOUT_OPAQUE, NULL);

  return make_mark (view, mark, error);
}

gboolean
leash_overlay_remove_marks (LeashOverlayView *view, const char *path, GError **error)
{
  g_autoptr (LeashMergedDir) marks = leash_merged_dir_new ();

  /* Without regard to whiteouts, they are names like others. */
  if (!leash_merged_dir_add (marks, leash_overlay_upper (view), view->base.ctx, path, FALSE, error))
    return FALSE;
  for (guint i = 0; i < leash_merged_dir_get_count (marks); i++)
    {
      const char *name = leash_merged_dir_get (marks, i)->name;
      g_autofree char *mark = g_build_filename (path, name, NULL);

      if (g_str_has_prefix (name, LEASH_WHITEOUT)
          && !leash_layer_remove (leash_overlay_upper (view), view->base.ctx, mark, error))
        return FALSE;
    }
  return TRUE;
}
