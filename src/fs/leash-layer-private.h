/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Operations on the file systems that another one is made of, as functions: no tag, and the bare reason. */
#pragma once

#include "leash-fs-call-private.h"

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
