/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Removing from an overlay: a whiteout hides what lower has, and then what upper has goes. Between the two, a
 * file in upper is what is seen still; a directory in upper, in which nothing is seen, is an empty one still.
 */
#include "leash-overlay-fs-private.h"

#include <errno.h>

/* What is seen in the directory that was found last, which is at path. */
gboolean
leash_overlay_check_empty (LeashOverlayView *view, const char *path, GError **error)
{
  g_autoptr (LeashMergedDir) entries = leash_overlay_list (view, path, error);

  if (entries == NULL)
    return FALSE;
  if (leash_merged_dir_get_count (entries) == 0)
    return TRUE;
  leash_attempt_set_errno (error, ENOTEMPTY);
  return FALSE;
}

/* Paths without a name of their own fail as rmdir() does with them. 0 when it can be removed. */
static int
find_fault (const LeashResolved *found)
{
  static const int faults[] = {
    [LEASH_LAST_DOT] = EINVAL,
    [LEASH_LAST_DOT_DOT] = ENOTEMPTY,
    [LEASH_LAST_ROOT] = EBUSY,
  };

  if (found->last != LEASH_LAST_NAME)
    return faults[found->last];
  if (!found->exists)
    return ENOENT;
  return found->needs_dir && found->stat.type != G_FILE_TYPE_DIRECTORY ? ENOTDIR : 0;
}

static gboolean
remove_upper (LeashOverlayView *view, const char *path, GFileType type, GError **error)
{
  return (type != G_FILE_TYPE_DIRECTORY || leash_overlay_remove_marks (view, path, error))
         && leash_layer_remove (leash_overlay_upper (view), view->base.ctx, path, error);
}

gboolean
leash_overlay_remove (LeashOverlayView *view, const LeashFsCall *call, GError **error)
{
  LeashResolved found;
  gboolean in_upper;
  gboolean in_lower;
  int fault;

  if (!leash_overlay_resolve (view, call->path, LEASH_RESOLVE_PLACE, &found, error))
    return FALSE;
  fault = find_fault (&found);
  if (fault != 0)
    {
      leash_attempt_set_errno (error, fault);
      return FALSE;
    }
  if (found.stat.type == G_FILE_TYPE_DIRECTORY && !leash_overlay_check_empty (view, found.path, error))
    return FALSE;
  in_upper = leash_overlay_is_in (&view->base.node, LEASH_UPPER);
  if (!leash_overlay_find_lower (view, found.path, &in_lower, error)
      || (in_lower && !leash_overlay_copy_parent (view, found.path, error)))
    return FALSE;
  leash_overlay_publish (view);
  if (in_lower && !leash_overlay_make_whiteout (view, found.path, error))
    return FALSE;
  if (!in_upper || remove_upper (view, found.path, found.stat.type, error))
    return TRUE;
  if (in_lower && found.stat.type != G_FILE_TYPE_DIRECTORY)
    leash_overlay_drop_whiteout (view, found.path);
  return FALSE;
}
