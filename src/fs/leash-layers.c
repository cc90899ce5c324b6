/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Finding a path in layers, going down a name at a time: which layers have a part in a directory follows from
 * those above it, by the rules of who has the layers, and not from the layers' own ideas of the whole path. A
 * layer below may have a directory where one above has a file.
 *
 * The walk of leash-resolve.c asks for longer and longer paths; each is one name more than the directory that
 * was seen last.
 */
#include "leash-layers-private.h"

#include <errno.h>
#include <string.h>

static gboolean
fail (GError **error, int code)
{
  leash_attempt_set_errno (error, code);
  return FALSE;
}

void
leash_layers_view_init (LeashLayersView *view, LeashFs *const *layers, guint n_layers, LeashContext *ctx,
                        gboolean (*look_in) (LeashLayersView *, const LeashLayersNode *, const char *,
                                             const char *, LeashLayersNode *, GError **))
{
  view->layers = layers;
  view->n_layers = n_layers;
  view->ctx = ctx;
  view->look_in = look_in;
  view->dir_length = 0;
  view->knows_dir = FALSE;
}

/* Makes view->dir the root, or leaves it where path begins with it. */
static gboolean
begin (LeashLayersView *view, const char *path, GError **error)
{
  const LeashLayersNode above = { .layers = G_MAXUINT64 >> (64 - view->n_layers) };
  gsize length = view->dir_length;

  if (view->knows_dir
      && (length == 0
          || (strncmp (path, view->dir, length) == 0 && (path[length] == '/' || path[length] == '\0'))))
    return TRUE;
  view->dir_length = 0;
  view->dir_node = (LeashLayersNode){ 0 };
  if (!view->look_in (view, &above, ".", ".", &view->dir_node, error))
    return FALSE;
  view->knows_dir = view->dir_node.layers != 0;
  return view->knows_dir || fail (error, ENOENT);
}

/* Goes down from view->dir to the name that ends at path[end]. */
static gboolean
go_down (LeashLayersView *view, const char *path, gsize start, gsize end, GError **error)
{
  LeashLayersNode node = { 0 };

  memcpy (view->dir + view->dir_length, path + view->dir_length, end - view->dir_length);
  view->dir[end] = '\0';
  if (!view->look_in (view, &view->dir_node, view->dir, view->dir + start, &node, error))
    return FALSE;
  if (node.layers == 0)
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
leash_layers_look (LeashLayersView *view, const char *path, GError **error)
{
  gsize length = strcmp (path, ".") == 0 ? 0 : strlen (path);

  if (!begin (view, length > 0 ? path : "", error))
    return FALSE;
  view->node = view->dir_node;
  while (view->dir_length < length)
    {
      gsize start = view->dir_length > 0 ? view->dir_length + 1 : 0;
      gsize end = start + strcspn (path + start, "/");

      if (!go_down (view, path, start, end, error))
        return FALSE;
      if (end == length)
        return TRUE;
      if (view->dir_length != end)
        return fail (error, ENOTDIR);
    }
  return TRUE;
}

LeashFs *
leash_layers_owner (const LeashLayersView *view)
{
  return view->layers[__builtin_ctzll (view->node.layers)];
}

static gboolean
resolve_lstat (gpointer data, const char *path, LeashStat *ret_stat, GError **error)
{
  LeashLayersView *view = data;

  if (!leash_layers_look (view, path, error))
    return FALSE;
  *ret_stat = view->node.stat;
  return TRUE;
}

static char *
resolve_readlink (gpointer data, const char *path, GError **error)
{
  LeashLayersView *view = data;

  return leash_layer_readlink (leash_layers_owner (view), view->ctx, path, error);
}

gboolean
leash_layers_resolve (LeashLayersView *view, const char *path, LeashResolveMode mode, gboolean clamps,
                      LeashResolved *ret_resolved, GError **error)
{
  const LeashResolver resolver = { resolve_lstat, resolve_readlink, view, clamps };

  return leash_resolve (&resolver, path, mode, ret_resolved, error);
}

LeashMergedDir *
leash_layers_list (LeashLayersView *view, const char *path, gboolean whiteouts, GError **error)
{
  g_autoptr (LeashMergedDir) dir = leash_merged_dir_new ();

  for (guint64 left = view->node.layers; left != 0; left &= left - 1)
    {
      LeashFs *layer = view->layers[__builtin_ctzll (left)];

      if (!leash_merged_dir_add (dir, layer, view->ctx, path, whiteouts, error))
        return NULL;
    }
  return g_steal_pointer (&dir);
}
