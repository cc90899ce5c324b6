/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is seen at a path of an overlay: see leash-overlay-fs.c for the rules.
 *
 * Going down a name at a time, a directory is known to be in upper or not, and to show lower's entries or
 * not; both follow for what is in it from at most four looks: at upper's name, lower's, a whiteout beside,
 * and the mark of an opaque directory inside. A name that is missing costs two.
 */
#include "leash-overlay-fs-private.h"

#include <errno.h>
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
find_mark (LeashOverlayView *view, const char *path, gboolean *ret_found, GError **error)
{
  LeashStat unused;

  return leash_layer_find (view->fs->upper, view->ctx, path, &unused, ret_found, error);
}

static gboolean
find_opaque (LeashOverlayView *view, const char *path, gboolean *ret_found, GError **error)
{
  g_autofree char *mark = g_strconcat (path, "/" LEASH_WHITEOUT_OPAQUE, NULL);

  return find_mark (view, mark, ret_found, error);
}

/* Whether lower's entry is there, and no whiteout hides it. dir is the directory that path is in. */
static gboolean
find_lower (LeashOverlayView *view, const LeashOverlayNode *dir, const char *path, LeashStat *ret_stat,
            gboolean *ret_found, GError **error)
{
  g_autofree char *whiteout = NULL;
  gboolean hidden = FALSE;

  *ret_found = FALSE;
  if (!dir->shows_lower)
    return TRUE;
  if (!leash_layer_find (view->fs->lower, view->ctx, path, ret_stat, ret_found, error))
    return FALSE;
  if (!*ret_found || !dir->in_upper)
    return TRUE;
  whiteout = leash_overlay_get_whiteout (path);
  if (!find_mark (view, whiteout, &hidden, error))
    return FALSE;
  *ret_found = !hidden;
  return TRUE;
}

/* A directory of upper's: whether lower's entries are seen in it as well. */
static gboolean
look_below (LeashOverlayView *view, const LeashOverlayNode *dir, const char *path, LeashOverlayNode *node,
            GError **error)
{
  LeashStat lower;
  gboolean found;
  gboolean opaque = FALSE;

  if (!find_lower (view, dir, path, &lower, &found, error))
    return FALSE;
  if (!found || lower.type != G_FILE_TYPE_DIRECTORY)
    return TRUE;
  if (!find_opaque (view, path, &opaque, error))
    return FALSE;
  node->shows_lower = !opaque;
  /* As overlayfs of Linux: a number that nobody takes for 2 + the directories in it. */
  if (node->shows_lower)
    node->stat.nlink = 1;
  return TRUE;
}

/* Looks at one name; dir is the directory that it is in. */
static gboolean
look_in (LeashOverlayView *view, const LeashOverlayNode *dir, const char *path, const char *name,
         LeashOverlayNode *ret_node, gboolean *ret_found, GError **error)
{
  *ret_node = (LeashOverlayNode){ 0 };
  *ret_found = FALSE;
  if (g_str_has_prefix (name, LEASH_WHITEOUT))
    return TRUE;
  if (dir->in_upper
      && !leash_layer_find (view->fs->upper, view->ctx, path, &ret_node->stat, ret_found, error))
    return FALSE;
  ret_node->in_upper = *ret_found;
  if (ret_node->in_upper)
    return ret_node->stat.type != G_FILE_TYPE_DIRECTORY || look_below (view, dir, path, ret_node, error);
  if (!find_lower (view, dir, path, &ret_node->stat, ret_found, error))
    return FALSE;
  ret_node->shows_lower = *ret_found && ret_node->stat.type == G_FILE_TYPE_DIRECTORY;
  return TRUE;
}

/* The root is in both; no whiteout can stand beside it. */
static gboolean
look_at_root (LeashOverlayView *view, LeashOverlayNode *ret_node, GError **error)
{
  const LeashOverlayNode above = { .shows_lower = TRUE };

  *ret_node = (LeashOverlayNode){ .in_upper = TRUE };
  return leash_layer_lstat (view->fs->upper, view->ctx, ".", &ret_node->stat, error)
         && look_below (view, &above, ".", ret_node, error);
}

static gboolean
fail (GError **error, int code)
{
  leash_attempt_set_errno (error, code);
  return FALSE;
}

/* Makes view->dir the root, or leaves it where path begins with it. */
static gboolean
begin (LeashOverlayView *view, const char *path, GError **error)
{
  gsize length = view->dir_length;

  if (view->knows_dir
      && (length == 0
          || (strncmp (path, view->dir, length) == 0 && (path[length] == '/' || path[length] == '\0'))))
    return TRUE;
  view->dir_length = 0;
  view->knows_dir = look_at_root (view, &view->dir_node, error);
  return view->knows_dir;
}

/* Goes down from view->dir to the name that ends at path[end]. */
static gboolean
go_down (LeashOverlayView *view, const char *path, gsize end, GError **error)
{
  gsize start = view->dir_length > 0 ? view->dir_length + 1 : 0;
  LeashOverlayNode node;
  gboolean found;

  memcpy (view->dir + view->dir_length, path + view->dir_length, end - view->dir_length);
  view->dir[end] = '\0';
  if (!look_in (view, &view->dir_node, view->dir, view->dir + start, &node, &found, error))
    return FALSE;
  if (!found)
    return fail (error, ENOENT);
  view->node = node;
  if (node.stat.type == G_FILE_TYPE_DIRECTORY)
    {
      view->dir_node = node;
      view->dir_length = end;
    }
  return TRUE;
}

gboolean
leash_overlay_look (LeashOverlayView *view, const char *path, GError **error)
{
  gsize length = strcmp (path, ".") == 0 ? 0 : strlen (path);

  if (!begin (view, length > 0 ? path : "", error))
    return FALSE;
  view->node = view->dir_node;
  while (view->dir_length < length)
    {
      gsize start = view->dir_length > 0 ? view->dir_length + 1 : 0;
      gsize end = start + strcspn (path + start, "/");

      if (!go_down (view, path, end, error))
        return FALSE;
      if (end == length)
        return TRUE;
      if (view->dir_length != end)
        return fail (error, ENOTDIR);
    }
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
  return !view->node.shows_lower
         || leash_layer_find (view->fs->lower, view->ctx, path, &unused, ret_found, error);
}

static gboolean
resolve_lstat (gpointer data, const char *path, LeashStat *ret_stat, GError **error)
{
  LeashOverlayView *view = data;

  if (!leash_overlay_look (view, path, error))
    return FALSE;
  *ret_stat = view->node.stat;
  return TRUE;
}

static char *
resolve_readlink (gpointer data, const char *path, GError **error)
{
  LeashOverlayView *view = data;

  return leash_layer_readlink (view->node.in_upper ? view->fs->upper : view->fs->lower, view->ctx, path,
                               error);
}

gboolean
leash_overlay_resolve (LeashOverlayView *view, const char *path, LeashResolveMode mode,
                       LeashResolved *ret_resolved, GError **error)
{
  const LeashResolver resolver = { resolve_lstat, resolve_readlink, view, TRUE };

  return leash_resolve (&resolver, path, mode, ret_resolved, error);
}

LeashMergedDir *
leash_overlay_list (LeashOverlayView *view, const char *path, GError **error)
{
  g_autoptr (LeashMergedDir) dir = leash_merged_dir_new ();
  LeashOverlayFs *fs = view->fs;

  if (view->node.in_upper && !leash_merged_dir_add (dir, fs->upper, view->ctx, path, TRUE, error))
    return NULL;
  if (view->node.shows_lower && !leash_merged_dir_add (dir, fs->lower, view->ctx, path, TRUE, error))
    return NULL;
  return g_steal_pointer (&dir);
}
