/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is done with paths, beside opening: each operation for a given file system, and for the one that a
 * context carries. All go one way: run() checks what holds for every operation, calls, and words the error.
 */
#include "leash-fs-call-private.h"

static gboolean
check_rename_flags (guint flags, GError **error)
{
  const guint known = LEASH_RENAME_NO_REPLACE | LEASH_RENAME_EXCHANGE;

  if (flags < known)
    return TRUE;
  g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                       flags == known ? "LEASH_RENAME_NO_REPLACE and LEASH_RENAME_EXCHANGE exclude each other"
                                      : "the flags have bits that are not known");
  return FALSE;
}

static gboolean
check_range (const char *what, gint64 number, gint64 first, gint64 last, GError **error)
{
  if (number >= first && number <= last)
    return TRUE;
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, "the %s %" G_GINT64_FORMAT " is out of range",
               what, number);
  return FALSE;
}

/* What a call has is checked before any implementation sees it; what it has not is 0. */
static gboolean
check_call (const LeashFsCall *call, GError **error)
{
  return leash_fs_check_path (call->path, error)
         && (call->target == NULL || leash_fs_check_path (call->target, error))
         && leash_fs_check_mode (call->mode, error)
         && (call->op == LEASH_FS_OP_RENAME ? check_rename_flags (call->flags, error)
                                            : leash_fs_check_path_flags (call->flags, error))
         && check_range ("length", call->length, 0, G_MAXINT64, error)
         && check_range ("owner", call->uid, -1, G_MAXUINT32 - 1, error)
         && check_range ("group", call->gid, -1, G_MAXUINT32 - 1, error);
}

static gboolean
run (LeashFs *fs, LeashContext *ctx, LeashFsCall *call, GError **error)
{
  if (leash_context_check (ctx, error) && check_call (call, error)
      && leash_fs_call_perform (fs, ctx, call, error))
    return TRUE;
  leash_fs_call_prefix (call, error);
  return FALSE;
}

/**
 * leash_fs_stat:
 * @fs: a file system
 * @ctx: a context
 * @path: (type filename): which file
 * @ret_stat: (out caller-allocates): what is known of it
 * @error: return location for an error
 *
 * Tells of a file, following symbolic links.
 *
 * Returns: %TRUE, or %FALSE with @error set
 *
 * Since: 0.1
 */
gboolean
leash_fs_stat (LeashFs *fs, LeashContext *ctx, const char *path, LeashStat *ret_stat, GError **error)
{
  LeashStat found = { 0 };
  LeashFsCall call = { .op = LEASH_FS_OP_STAT, .path = path, .ret_stat = &found };

  g_return_val_if_fail (LEASH_IS_FS (fs), FALSE);
  g_return_val_if_fail (ctx != NULL, FALSE);
  g_return_val_if_fail (path != NULL, FALSE);
  g_return_val_if_fail (ret_stat != NULL, FALSE);

  if (!run (fs, ctx, &call, error))
    return FALSE;
  *ret_stat = found;
  return TRUE;
}

/**
 * leash_fs_lstat:
 * @fs: a file system
 * @ctx: a context
 * @path: (type filename): which file
 * @ret_stat: (out caller-allocates): what is known of it
 * @error: return location for an error
 *
 * Tells of a file, or of the symbolic link that the path's last name is.
 *
 * Returns: %TRUE, or %FALSE with @error set
 *
 * Since: 0.1
 */
gboolean
leash_fs_lstat (LeashFs *fs, LeashContext *ctx, const char *path, LeashStat *ret_stat, GError **error)
{
  LeashStat found = { 0 };
  LeashFsCall call = { .op = LEASH_FS_OP_LSTAT, .path = path, .ret_stat = &found };

  g_return_val_if_fail (LEASH_IS_FS (fs), FALSE);
  g_return_val_if_fail (ctx != NULL, FALSE);
  g_return_val_if_fail (path != NULL, FALSE);
  g_return_val_if_fail (ret_stat != NULL, FALSE);

  if (!run (fs, ctx, &call, error))
    return FALSE;
  *ret_stat = found;
  return TRUE;
}

/**
 * leash_fs_mkdir:
 * @fs: a file system
 * @ctx: a context
 * @path: (type filename): what to make, in a directory that is there
 * @mode: its permissions, 07777 at most; the process's umask is taken off
 * @error: return location for an error
 *
 * Makes a directory.
 *
 * Returns: %TRUE, or %FALSE with @error set
 *
 * Since: 0.1
 */
gboolean
leash_fs_mkdir (LeashFs *fs, LeashContext *ctx, const char *path, guint mode, GError **error)
{
  LeashFsCall call = { .op = LEASH_FS_OP_MKDIR, .path = path, .mode = mode };

  g_return_val_if_fail (LEASH_IS_FS (fs), FALSE);
  g_return_val_if_fail (ctx != NULL, FALSE);
  g_return_val_if_fail (path != NULL, FALSE);

  return run (fs, ctx, &call, error);
}

/**
 * leash_fs_remove:
 * @fs: a file system
 * @ctx: a context
 * @path: (type filename): what to remove
 * @error: return location for an error
 *
 * Removes a file, a symbolic link (not what it leads to) or an empty directory.
 *
 * Returns: %TRUE, or %FALSE with @error set
 *
 * Since: 0.1
 */
gboolean
leash_fs_remove (LeashFs *fs, LeashContext *ctx, const char *path, GError **error)
{
  LeashFsCall call = { .op = LEASH_FS_OP_REMOVE, .path = path };

  g_return_val_if_fail (LEASH_IS_FS (fs), FALSE);
  g_return_val_if_fail (ctx != NULL, FALSE);
  g_return_val_if_fail (path != NULL, FALSE);

  return run (fs, ctx, &call, error);
}

/**
 * leash_fs_rename:
 * @fs: a file system
 * @ctx: a context
 * @old_path: (type filename): what to rename
 * @new_path: (type filename): its new path; a file that is there is replaced, and so is an empty directory by
 *   a directory
 * @error: return location for an error
 *
 * Renames a file, a symbolic link or a directory, in one step.
 *
 * Returns: %TRUE, or %FALSE with @error set
 *
 * Since: 0.1
 */
gboolean
leash_fs_rename (LeashFs *fs, LeashContext *ctx, const char *old_path, const char *new_path, GError **error)
{
  g_return_val_if_fail (LEASH_IS_FS (fs), FALSE);
  g_return_val_if_fail (ctx != NULL, FALSE);
  g_return_val_if_fail (old_path != NULL, FALSE);
  g_return_val_if_fail (new_path != NULL, FALSE);

  return leash_fs_rename_full (fs, ctx, old_path, new_path, 0, error);
}

/**
 * leash_fs_rename_full:
 * @fs: a file system
 * @ctx: a context
 * @old_path: (type filename): what to rename
 * @new_path: (type filename): its new path
 * @flags: whether it may replace what is there, or is to change places with it; 0 for neither
 * @error: return location for an error
 *
 * As leash_fs_rename(), by flags. A file system without them fails with %G_IO_ERROR_NOT_SUPPORTED, or with
 * %G_IO_ERROR_INVALID_ARGUMENT where the kernel says so; leash_fs_get_features() tells.
 *
 * Returns: %TRUE, or %FALSE with @error set
 *
 * Since: 0.1
 */
gboolean
leash_fs_rename_full (LeashFs *fs, LeashContext *ctx, const char *old_path, const char *new_path,
                      LeashRenameFlags flags, GError **error)
{
  LeashFsCall call = { .op = LEASH_FS_OP_RENAME, .path = old_path, .target = new_path, .flags = flags };

  g_return_val_if_fail (LEASH_IS_FS (fs), FALSE);
  g_return_val_if_fail (ctx != NULL, FALSE);
  g_return_val_if_fail (old_path != NULL, FALSE);
  g_return_val_if_fail (new_path != NULL, FALSE);

  return run (fs, ctx, &call, error);
}

/**
 * leash_fs_link:
 * @fs: a file system
 * @ctx: a context
 * @path: (type filename): an existing file
 * @new_path: (type filename): its second name
 * @error: return location for an error
 *
 * Makes a hard link. A symbolic link at the end of @path is linked itself, and not what it leads to.
 *
 * Returns: %TRUE, or %FALSE with @error set
 *
 * Since: 0.1
 */
gboolean
leash_fs_link (LeashFs *fs, LeashContext *ctx, const char *path, const char *new_path, GError **error)
{
  LeashFsCall call = { .op = LEASH_FS_OP_LINK, .path = path, .target = new_path };

  g_return_val_if_fail (LEASH_IS_FS (fs), FALSE);
  g_return_val_if_fail (ctx != NULL, FALSE);
  g_return_val_if_fail (path != NULL, FALSE);
  g_return_val_if_fail (new_path != NULL, FALSE);

  return run (fs, ctx, &call, error);
}

/**
 * leash_fs_symlink:
 * @fs: a file system
 * @ctx: a context
 * @target: (type filename): what the link says: bytes, not looked at
 * @path: (type filename): where the link is made
 * @error: return location for an error
 *
 * Makes a symbolic link.
 *
 * Returns: %TRUE, or %FALSE with @error set
 *
 * Since: 0.1
 */
gboolean
leash_fs_symlink (LeashFs *fs, LeashContext *ctx, const char *target, const char *path, GError **error)
{
  LeashFsCall call = { .op = LEASH_FS_OP_SYMLINK, .path = path, .target = target };

  g_return_val_if_fail (LEASH_IS_FS (fs), FALSE);
  g_return_val_if_fail (ctx != NULL, FALSE);
  g_return_val_if_fail (target != NULL, FALSE);
  g_return_val_if_fail (path != NULL, FALSE);

  return run (fs, ctx, &call, error);
}

/**
 * leash_fs_readlink:
 * @fs: a file system
 * @ctx: a context
 * @path: (type filename): a symbolic link
 * @error: return location for an error
 *
 * Reads what a symbolic link says.
 *
 * Returns: (transfer full) (type filename): the text, %NULL with @error set
 *
 * Since: 0.1
 */
char *
leash_fs_readlink (LeashFs *fs, LeashContext *ctx, const char *path, GError **error)
{
  LeashFsCall call = { .op = LEASH_FS_OP_READLINK, .path = path };

  g_return_val_if_fail (LEASH_IS_FS (fs), NULL);
  g_return_val_if_fail (ctx != NULL, NULL);
  g_return_val_if_fail (path != NULL, NULL);

  return run (fs, ctx, &call, error) ? call.result : NULL;
}

/**
 * leash_fs_truncate:
 * @fs: a file system
 * @ctx: a context
 * @path: (type filename): which file
 * @length: its new length, in bytes; what is added reads as zeros
 * @error: return location for an error
 *
 * Sets a file's length, following symbolic links.
 *
 * Returns: %TRUE, or %FALSE with @error set
 *
 * Since: 0.1
 */
gboolean
leash_fs_truncate (LeashFs *fs, LeashContext *ctx, const char *path, gint64 length, GError **error)
{
  LeashFsCall call = { .op = LEASH_FS_OP_TRUNCATE, .path = path, .length = length };

  g_return_val_if_fail (LEASH_IS_FS (fs), FALSE);
  g_return_val_if_fail (ctx != NULL, FALSE);
  g_return_val_if_fail (path != NULL, FALSE);

  return run (fs, ctx, &call, error);
}

/**
 * leash_fs_chmod:
 * @fs: a file system
 * @ctx: a context
 * @path: (type filename): which file
 * @mode: its new permissions, 07777 at most
 * @error: return location for an error
 *
 * Sets a file's permissions, following symbolic links.
 *
 * Returns: %TRUE, or %FALSE with @error set
 *
 * Since: 0.1
 */
gboolean
leash_fs_chmod (LeashFs *fs, LeashContext *ctx, const char *path, guint mode, GError **error)
{
  LeashFsCall call = { .op = LEASH_FS_OP_CHMOD, .path = path, .mode = mode };

  g_return_val_if_fail (LEASH_IS_FS (fs), FALSE);
  g_return_val_if_fail (ctx != NULL, FALSE);
  g_return_val_if_fail (path != NULL, FALSE);

  return run (fs, ctx, &call, error);
}

/**
 * leash_fs_chown:
 * @fs: a file system
 * @ctx: a context
 * @path: (type filename): which file
 * @uid: its new owner, -1 to keep the old one
 * @gid: its new group, -1 to keep the old one
 * @flags: whether a symbolic link is followed
 * @error: return location for an error
 *
 * Sets a file's owner and group.
 *
 * Returns: %TRUE, or %FALSE with @error set
 *
 * Since: 0.1
 */
gboolean
leash_fs_chown (LeashFs *fs, LeashContext *ctx, const char *path, gint64 uid, gint64 gid,
                LeashPathFlags flags, GError **error)
{
  LeashFsCall call = { .op = LEASH_FS_OP_CHOWN, .path = path, .uid = uid, .gid = gid, .flags = flags };

  g_return_val_if_fail (LEASH_IS_FS (fs), FALSE);
  g_return_val_if_fail (ctx != NULL, FALSE);
  g_return_val_if_fail (path != NULL, FALSE);

  return run (fs, ctx, &call, error);
}

/**
 * leash_fs_set_times:
 * @fs: a file system
 * @ctx: a context
 * @path: (type filename): which file
 * @atime_ns: when it was read last, in nanoseconds since 1970; or %LEASH_TIME_KEEP, %LEASH_TIME_NOW
 * @mtime_ns: when it was written last, likewise
 * @flags: whether a symbolic link is followed
 * @error: return location for an error
 *
 * Sets a file's times. A file system may round them: %LEASH_FS_FEATURE_TIMES says that it does not.
 *
 * Returns: %TRUE, or %FALSE with @error set
 *
 * Since: 0.1
 */
gboolean
leash_fs_set_times (LeashFs *fs, LeashContext *ctx, const char *path, gint64 atime_ns, gint64 mtime_ns,
                    LeashPathFlags flags, GError **error)
{
  LeashFsCall call = {
    .op = LEASH_FS_OP_SET_TIMES, .path = path, .atime_ns = atime_ns, .mtime_ns = mtime_ns, .flags = flags
  };

  g_return_val_if_fail (LEASH_IS_FS (fs), FALSE);
  g_return_val_if_fail (ctx != NULL, FALSE);
  g_return_val_if_fail (path != NULL, FALSE);

  return run (fs, ctx, &call, error);
}

/**
 * leash_fs_statfs:
 * @fs: a file system
 * @ctx: a context
 * @path: (type filename): a file of the file system that is asked for
 * @ret_stat: (out caller-allocates): what is known of it
 * @error: return location for an error
 *
 * Tells of the file system that a path is in: its size, and what is free.
 *
 * Returns: %TRUE, or %FALSE with @error set
 *
 * Since: 0.1
 */
gboolean
leash_fs_statfs (LeashFs *fs, LeashContext *ctx, const char *path, LeashStatFs *ret_stat, GError **error)
{
  LeashStatFs found = { 0 };
  LeashFsCall call = { .op = LEASH_FS_OP_STATFS, .path = path, .ret_statfs = &found };

  g_return_val_if_fail (LEASH_IS_FS (fs), FALSE);
  g_return_val_if_fail (ctx != NULL, FALSE);
  g_return_val_if_fail (path != NULL, FALSE);
  g_return_val_if_fail (ret_stat != NULL, FALSE);

  if (!run (fs, ctx, &call, error))
    return FALSE;
  *ret_stat = found;
  return TRUE;
}
