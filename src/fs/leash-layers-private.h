/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * File systems that are made of layers: finding a path in them, a name at a time. See leash-layers.c.
 *
 * And operations on a layer as functions: they make no tag, and set the bare reason.
 */
#pragma once

#include "leash-fs-call-private.h"
#include "leash-merged-dir-private.h"
#include "leash-resolve-private.h"

/* What is known of a path. */
typedef struct
{
  LeashStat stat; /* of what is seen */
  /* A bit for each layer that has a part in it: the lowest is the one whose it is; the others are of
   * directories whose entries are seen in it as well. 0: nothing is there. */
  guint64 layers;
} LeashLayersNode;

/*
 * Lookups of one operation, while nothing changes but by whom it is. Paths are resolved ones: without links
 * but for the last name, "." for the root. It remembers the directory that it came through last.
 */
typedef struct _LeashLayersView LeashLayersView;
struct _LeashLayersView
{
  LeashFs *const *layers; /* borrowed; the first that has a name wins */
  guint n_layers;
  LeashContext *ctx;
  /* Looks at one name, in dir; the root is "." in a directory that all layers have. ret_node is clear. */
  gboolean (*look_in) (LeashLayersView *view, const LeashLayersNode *dir, const char *path, const char *name,
                       LeashLayersNode *ret_node, GError **error);

  LeashLayersNode node; /* of the last path that was found */
  LeashLayersNode dir_node;
  gsize dir_length;   /* of dir; 0 for the root, and at the beginning */
  gboolean knows_dir; /* dir_node is that of dir */
  char dir[PATH_MAX];
};

/* Sets the first four, and that it knows nothing yet. */
void            leash_layers_view_init (LeashLayersView  *view,
                                        LeashFs *const   *layers,
                                        guint             n_layers,
                                        LeashContext     *ctx,
                                        gboolean (*look_in) (LeashLayersView *, const LeashLayersNode *,
                                                             const char *, const char *, LeashLayersNode *,
                                                             GError **));
/* Sets view->node. What is missing is an error, of the code that the kernel has for it. */
gboolean        leash_layers_look      (LeashLayersView  *view,
                                        const char       *path,
                                        GError          **error);
/* Resolves, and sets view->node if the path exists. */
gboolean        leash_layers_resolve   (LeashLayersView  *view,
                                        const char       *path,
                                        LeashResolveMode  mode,
                                        gboolean          clamps,
                                        LeashResolved    *ret_resolved,
                                        GError          **error);
/* The layer whose it is what was found last. */
LeashFs        *leash_layers_owner     (const LeashLayersView *view);
/* The entries of what was found last, a directory at path. whiteouts: see leash-merged-dir-private.h. */
LeashMergedDir *leash_layers_list      (LeashLayersView  *view,
                                        const char       *path,
                                        gboolean          whiteouts,
                                        GError          **error);

static inline gboolean
leash_layer_lstat (LeashFs *fs, LeashContext *ctx, const char *path, LeashStat *ret_stat, GError **error)
{
  LeashFsCall call = { .op = LEASH_FS_OP_LSTAT, .path = path, .ret_stat = ret_stat };

  *ret_stat = (LeashStat){ 0 };
  return leash_fs_call_perform (fs, ctx, &call, error);
}

static inline LeashFile *
leash_layer_open (LeashFs *fs, LeashContext *ctx, const char *path, LeashOpenFlags flags, guint mode,
                  GError **error)
{
  LeashFsCall call = { .op = LEASH_FS_OP_OPEN, .path = path, .flags = flags, .mode = mode };

  return leash_fs_call_perform (fs, ctx, &call, error) ? call.result : NULL;
}

static inline LeashDir *
leash_layer_open_dir (LeashFs *fs, LeashContext *ctx, const char *path, GError **error)
{
  LeashFsCall call = { .op = LEASH_FS_OP_OPEN_DIR, .path = path };

  return leash_fs_call_perform (fs, ctx, &call, error) ? call.result : NULL;
}

static inline char *
leash_layer_readlink (LeashFs *fs, LeashContext *ctx, const char *path, GError **error)
{
  LeashFsCall call = { .op = LEASH_FS_OP_READLINK, .path = path };

  return leash_fs_call_perform (fs, ctx, &call, error) ? call.result : NULL;
}

static inline gboolean
leash_layer_statfs (LeashFs *fs, LeashContext *ctx, const char *path, LeashStatFs *ret_stat, GError **error)
{
  LeashFsCall call = { .op = LEASH_FS_OP_STATFS, .path = path, .ret_statfs = ret_stat };

  return leash_fs_call_perform (fs, ctx, &call, error);
}

static inline gboolean
leash_layer_mkdir (LeashFs *fs, LeashContext *ctx, const char *path, guint mode, GError **error)
{
  LeashFsCall call = { .op = LEASH_FS_OP_MKDIR, .path = path, .mode = mode };

  return leash_fs_call_perform (fs, ctx, &call, error);
}

static inline gboolean
leash_layer_remove (LeashFs *fs, LeashContext *ctx, const char *path, GError **error)
{
  LeashFsCall call = { .op = LEASH_FS_OP_REMOVE, .path = path };

  return leash_fs_call_perform (fs, ctx, &call, error);
}

static inline gboolean
leash_layer_rename (LeashFs *fs, LeashContext *ctx, const char *path, const char *new_path,
                    LeashRenameFlags flags, GError **error)
{
  LeashFsCall call = { .op = LEASH_FS_OP_RENAME, .path = path, .target = new_path, .flags = flags };

  return leash_fs_call_perform (fs, ctx, &call, error);
}

static inline gboolean
leash_layer_symlink (LeashFs *fs, LeashContext *ctx, const char *target, const char *path, GError **error)
{
  LeashFsCall call = { .op = LEASH_FS_OP_SYMLINK, .path = path, .target = target };

  return leash_fs_call_perform (fs, ctx, &call, error);
}

static inline gboolean
leash_layer_set_times (LeashFs *fs, LeashContext *ctx, const char *path, const LeashStat *from,
                       GError **error)
{
  LeashFsCall call = {
    .op = LEASH_FS_OP_SET_TIMES,
    .path = path,
    .atime_ns = from->atime_ns,
    .mtime_ns = from->mtime_ns,
    .flags = LEASH_PATH_NO_FOLLOW,
  };

  return leash_fs_call_perform (fs, ctx, &call, error);
}

static inline LeashFs *
leash_layer_open_root (LeashFs *fs, LeashContext *ctx, const char *path, GError **error)
{
  LeashFsCall call = { .op = LEASH_FS_OP_OPEN_ROOT, .path = path, .flags = LEASH_PATH_NO_FOLLOW };

  return leash_fs_call_perform (fs, ctx, &call, error) ? call.result : NULL;
}

/* As leash_layer_lstat(), but that nothing is there is an answer. Names too long for any file are not there. */
static inline gboolean
leash_layer_find (LeashFs *fs, LeashContext *ctx, const char *path, LeashStat *ret_stat, gboolean *ret_found,
                  GError **error)
{
  g_autoptr (GError) failure = NULL;

  *ret_found = leash_layer_lstat (fs, ctx, path, ret_stat, &failure);
  if (*ret_found || g_error_matches (failure, G_IO_ERROR, G_IO_ERROR_NOT_FOUND)
      || g_error_matches (failure, G_IO_ERROR, G_IO_ERROR_FILENAME_TOO_LONG))
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&failure));
  return FALSE;
}
