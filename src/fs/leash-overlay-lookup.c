/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is seen at a path of an overlay: see leash-overlay-fs.c for the rules. A name takes at most four
 * looks: at upper's, at lower's, at a whiteout beside it, and at the mark of an opaque directory inside. One
 * that is missing takes two.
 */
#include "leash-overlay-fs-private.h"

#include <string.h>

char *
leash_overlay_get_whiteout (const char *path)
{
  const char *slash = strrchr (path, '/');
  int length = slash != NULL ? (int) (slash + 1 - path) : 0;

  return g_strdup_printf ("%.*s" LEASH_WHITEOUT "%s", length, path, path + length);
}

/* Whether upper has a mark by that name. */
static gboolean
find_mark (LeashLayersView *view, const char *path, gboolean *ret_found, GError **error)
{
  LeashStat unused;

  return leash_layer_find (view->layers[LEASH_UPPER], view->ctx, path, &unused, ret_found, error);
}

/* Whether lower's entry is there, and no whiteout hides it. dir is the directory that path is in. */
static gboolean
find_lower (LeashLayersView *view, const LeashLayersNode *dir, const char *path, LeashStat *ret_stat,
            gboolean *ret_found, GError **error)
{
  g_autofree char *whiteout = NULL;
  gboolean hidden = FALSE;

  *ret_found = FALSE;
  if (!leash_overlay_is_in (dir, LEASH_LOWER))
    return TRUE;
  if (!leash_layer_find (view->layers[LEASH_LOWER], view->ctx, path, ret_stat, ret_found, error))
    return FALSE;
  if (!*ret_found || !leash_overlay_is_in (dir, LEASH_UPPER))
    return TRUE;
  whiteout = leash_overlay_get_whiteout (path);
  if (!find_mark (view, whiteout, &hidden, error))
    return FALSE;
  *ret_found = !hidden;
  return TRUE;
}

/* A directory of upper's: whether lower's entries are seen in it as well. */
static gboolean
look_below (LeashLayersView *view, const LeashLayersNode *dir, const char *path, LeashLayersNode *node,
            GError **error)
{
  g_autofree char *mark = g_strconcat (path, "/" LEASH_WHITEOUT_OPAQUE, NULL);
  LeashStat lower;
  gboolean found;
  gboolean opaque = FALSE;

  if (!find_lower (view, dir, path, &lower, &found, error))
    return FALSE;
  if (!found || lower.type != G_FILE_TYPE_DIRECTORY)
    return TRUE;
  if (!find_mark (view, mark, &opaque, error))
    return FALSE;
  if (!opaque)
    {
      node->layers |= 1 << LEASH_LOWER;
      /* As overlayfs of Linux: a number that nobody takes for 2 + the directories in it. */
      node->stat.nlink = 1;
    }
  return TRUE;
}

gboolean
leash_overlay_look_in (LeashLayersView *view, const LeashLayersNode *dir, const char *path, const char *name,
                       LeashLayersNode *ret_node, GError **error)
{
  gboolean found = FALSE;

  if (g_str_has_prefix (name, LEASH_WHITEOUT))
    return TRUE;
  if (leash_overlay_is_in (dir, LEASH_UPPER)
      && !leash_layer_find (view->layers[LEASH_UPPER], view->ctx, path, &ret_node->stat, &found, error))
    return FALSE;
  if (found)
    {
      ret_node->layers = 1 << LEASH_UPPER;
      return ret_node->stat.type != G_FILE_TYPE_DIRECTORY || look_below (view, dir, path, ret_node, error);
    }
  if (!find_lower (view, dir, path, &ret_node->stat, &found, error))
    return FALSE;
  ret_node->layers = found ? 1 << LEASH_LOWER : 0;
  return TRUE;
}

gboolean
leash_overlay_find_lower (LeashOverlayView *view, const char *path, gboolean *ret_found, GError **error)
{
  g_autofree char *dir = g_path_get_dirname (path);
  LeashStat unused;

  *ret_found = FALSE;
  if (!leash_overlay_look (view, dir, error))
    return FALSE;
  return !leash_overlay_is_in (&view->base.node, LEASH_LOWER)
         || leash_layer_find (view->fs->layers[LEASH_LOWER], view->base.ctx, path, &unused, ret_found, error);
}
