/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The union: several file systems seen as one, for reading. The first that has a name wins. Directories merge
 * down to the first layer that has something else by their name, which hides what the layers behind it have,
 * as overlayfs of Linux does with its lower layers.
 *
 * Only what reads is here. What changes is refused by the read-only file system that is put before it, in the
 * words and the order that Linux has for a read-only mount.
 *
 * Which layers have a part in a directory is a word of bits: hence the limit.
 */
#include <errno.h>
#include <string.h>

#include <leash/leash-read-only-fs.h>
#include <leash/leash-union-fs.h>

#include "leash-file-private.h"
#include "leash-layers-private.h"

#define MAX_LAYERS 64

/* Nothing in it changes once it is made. */
typedef struct
{
  GObject parent_instance;

  LeashFs **layers; /* references */
  guint n_layers;
  gboolean clamps; /* has a root of its own; a root within another union is rooted instead */
} LeashUnionFs;

typedef GObjectClass LeashUnionFsClass;

static void leash_union_fs_init_iface (LeashFsInterface *iface);
static GType leash_union_fs_get_type (void);

G_DEFINE_FINAL_TYPE_WITH_CODE (LeashUnionFs, leash_union_fs, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (LEASH_TYPE_FS, leash_union_fs_init_iface))

static void
leash_union_fs_finalize (GObject *object)
{
  LeashUnionFs *self = (LeashUnionFs *) object;

  for (guint i = 0; i < self->n_layers; i++)
    g_object_unref (self->layers[i]);
  g_free (self->layers);
  G_OBJECT_CLASS (leash_union_fs_parent_class)->finalize (object);
}

static void
leash_union_fs_class_init (LeashUnionFsClass *klass)
{
  klass->finalize = leash_union_fs_finalize;
}

static void
leash_union_fs_init (LeashUnionFs *self)
{
}

/* Room for so many layers, which the caller puts in. */
static LeashUnionFs *
union_new (gsize max_layers, gboolean clamps)
{
  LeashUnionFs *self = g_object_new (leash_union_fs_get_type (), NULL);

  self->layers = g_new (LeashFs *, max_layers);
  self->clamps = clamps;
  return self;
}

static gboolean
fail (GError **error, int code)
{
  leash_attempt_set_errno (error, code);
  return FALSE;
}

/* Looking */

/* One layer's part in what is at path; ret_goes_on tells whether those behind may have one too. */
static gboolean
look_in_layer (LeashLayersView *view, guint i, const char *path, LeashLayersNode *node, gboolean *ret_goes_on,
               GError **error)
{
  LeashStat found;
  gboolean is_there;

  if (!leash_layer_find (view->layers[i], view->ctx, path, &found, &is_there, error))
    return FALSE;
  *ret_goes_on = !is_there || found.type == G_FILE_TYPE_DIRECTORY;
  if (!is_there)
    return TRUE;
  if (node->layers == 0)
    {
      node->stat = found;
      node->layers = G_GUINT64_CONSTANT (1) << i;
    }
  else if (*ret_goes_on)
    {
      node->layers |= G_GUINT64_CONSTANT (1) << i;
      /* A number that nobody takes for 2 + the directories in it. */
      node->stat.nlink = 1;
    }
  return TRUE;
}

static gboolean
look_in (LeashLayersView *view, const LeashLayersNode *dir, const char *path, const char *name,
         LeashLayersNode *ret_node, GError **error)
{
  gboolean goes_on = TRUE;
  guint64 left = dir->layers;

  for (; left != 0 && goes_on; left &= left - 1)
    if (!look_in_layer (view, (guint) __builtin_ctzll (left), path, ret_node, &goes_on, error))
      return FALSE;
  return TRUE;
}

static gboolean
resolve (LeashFs *fs, LeashContext *ctx, const char *path, LeashResolveMode mode, LeashLayersView *view,
         LeashResolved *ret_resolved, GError **error)
{
  LeashUnionFs *self = (LeashUnionFs *) fs;

  leash_layers_view_init (view, self->layers, self->n_layers, ctx, look_in);
  return leash_layers_resolve (view, path, mode, self->clamps, ret_resolved, error);
}

static LeashFile *
union_open (LeashFs *fs, LeashContext *ctx, const char *path, LeashOpenFlags flags, guint mode,
            GError **error)
{
  LeashLayersView view;
  LeashResolved found;
  LeashFile *file = NULL;

  if (resolve (fs, ctx, path, LEASH_RESOLVE_FOLLOW, &view, &found, error))
    file = leash_layer_open (leash_layers_owner (&view), ctx, found.path, flags, mode, error);
  return file != NULL ? leash_file_with_path (file, path) : NULL;
}

static LeashDir *
union_open_dir (LeashFs *fs, LeashContext *ctx, const char *path, GError **error)
{
  LeashMergedDir *entries = NULL;
  LeashLayersView view;
  LeashResolved found;

  if (resolve (fs, ctx, path, LEASH_RESOLVE_FOLLOW, &view, &found, error)
      && (found.stat.type == G_FILE_TYPE_DIRECTORY || fail (error, ENOTDIR)))
    entries = leash_layers_list (&view, found.path, FALSE, error);
  return entries != NULL ? leash_merged_dir_open (entries, path) : NULL;
}

static gboolean
look_up (LeashFs *fs, LeashContext *ctx, const char *path, LeashResolveMode mode, LeashStat *ret_stat,
         GError **error)
{
  LeashLayersView view;
  LeashResolved found;

  if (!resolve (fs, ctx, path, mode, &view, &found, error))
    return FALSE;
  *ret_stat = found.stat;
  return TRUE;
}

static gboolean
union_stat (LeashFs *fs, LeashContext *ctx, const char *path, LeashStat *ret_stat, GError **error)
{
  return look_up (fs, ctx, path, LEASH_RESOLVE_FOLLOW, ret_stat, error);
}

static gboolean
union_lstat (LeashFs *fs, LeashContext *ctx, const char *path, LeashStat *ret_stat, GError **error)
{
  return look_up (fs, ctx, path, LEASH_RESOLVE_NO_FOLLOW, ret_stat, error);
}

static char *
union_readlink (LeashFs *fs, LeashContext *ctx, const char *path, GError **error)
{
  LeashLayersView view;
  LeashResolved found;

  if (!resolve (fs, ctx, path, LEASH_RESOLVE_NO_FOLLOW, &view, &found, error))
    return NULL;
  return leash_layer_readlink (leash_layers_owner (&view), ctx, found.path, error);
}

/* Of the layer that has the path. */
static gboolean
union_statfs (LeashFs *fs, LeashContext *ctx, const char *path, LeashStatFs *ret_stat, GError **error)
{
  LeashLayersView view;
  LeashResolved found;

  return resolve (fs, ctx, path, LEASH_RESOLVE_FOLLOW, &view, &found, error)
         && leash_layer_statfs (leash_layers_owner (&view), ctx, found.path, ret_stat, error);
}

/* A union of the layers' roots, as far as they have a part in the directory. */
static LeashFs *
union_open_root (LeashFs *fs, LeashContext *ctx, const char *path, LeashPathFlags flags, GError **error)
{
  LeashResolveMode mode
      = (flags & LEASH_PATH_NO_FOLLOW) != 0 ? LEASH_RESOLVE_NO_FOLLOW : LEASH_RESOLVE_FOLLOW;
  g_autoptr (GObject) result = NULL;
  LeashUnionFs *root;
  LeashLayersView view;
  LeashResolved found;

  if (!resolve (fs, ctx, path, mode, &view, &found, error)
      || (found.stat.type != G_FILE_TYPE_DIRECTORY && !fail (error, ENOTDIR)))
    return NULL;
  root = union_new (((LeashUnionFs *) fs)->n_layers, FALSE);
  result = G_OBJECT (root);
  for (guint64 left = view.node.layers; left != 0; left &= left - 1)
    {
      LeashFs *layer = leash_layer_open_root (view.layers[__builtin_ctzll (left)], ctx, found.path, error);

      if (layer == NULL)
        return NULL;
      root->layers[root->n_layers++] = layer;
    }
  return LEASH_FS (g_steal_pointer (&result));
}

/* What it can */

static LeashFsOps
union_get_ops (LeashFs *fs)
{
  LeashUnionFs *self = (LeashUnionFs *) fs;
  guint all = LEASH_FS_OPS_ON_PATHS;

  for (guint i = 0; i < self->n_layers; i++)
    all &= leash_fs_get_ops (self->layers[i]);
  /* Looking takes the layers' lstat only. */
  return all | ((all & LEASH_FS_OP_LSTAT) != 0 ? LEASH_FS_OP_STAT : 0);
}

static LeashFsFeatures
union_get_features (LeashFs *fs)
{
  LeashUnionFs *self = (LeashUnionFs *) fs;
  guint all = ~0u;

  for (guint i = 0; i < self->n_layers; i++)
    all &= leash_fs_get_features (self->layers[i]);
  return all;
}

static void
leash_union_fs_init_iface (LeashFsInterface *iface)
{
  iface->version = LEASH_FS_INTERFACE_VERSION;
  iface->open = union_open;
  iface->open_dir = union_open_dir;
  iface->stat = union_stat;
  iface->lstat = union_lstat;
  iface->readlink = union_readlink;
  iface->statfs = union_statfs;
  iface->open_root = union_open_root;
  iface->get_ops = union_get_ops;
  iface->get_features = union_get_features;
}

/**
 * leash_union_fs_new:
 * @layers: (array length=n_layers): file systems; the first that has a name wins
 * @n_layers: how many, 1 to 64
 *
 * Makes a file system that shows several as one, for reading: a program's data over the system's, say.
 * Directories of one name merge; anything else hides what has its name in the layers behind. Symbolic links
 * lead to what the union shows. Whatever would change something fails with %G_IO_ERROR_READ_ONLY.
 *
 * Its root is all layers': their ".", which should be a directory of their own, as leash_dir_fs_new() and
 * leash_memory_fs_new() have. "/" is that root, ".." stays in it, absolute links count from it.
 *
 * The layers may change while it is used. May be used from any thread.
 *
 * Returns: (transfer full): the file system, which holds references to the layers
 *
 * Since: 0.1
 */
LeashFs *
leash_union_fs_new (LeashFs *const *layers, gsize n_layers)
{
  g_autoptr (GObject) self = NULL;
  LeashUnionFs *union_fs;

  g_return_val_if_fail (layers != NULL, NULL);
  g_return_val_if_fail (n_layers >= 1 && n_layers <= MAX_LAYERS, NULL);
  for (gsize i = 0; i < n_layers; i++)
    g_return_val_if_fail (LEASH_IS_FS (layers[i]), NULL);

  union_fs = union_new (n_layers, TRUE);
  self = G_OBJECT (union_fs);
  for (; union_fs->n_layers < n_layers; union_fs->n_layers++)
    union_fs->layers[union_fs->n_layers] = g_object_ref (layers[union_fs->n_layers]);
  return leash_read_only_fs_new (LEASH_FS (self));
}
