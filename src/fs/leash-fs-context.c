/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is done with paths on the file system that a context carries, beside opening, which leash-fs.c does.
 */
#include "leash-context-inner-private.h"
#include "leash-fd-private.h"
#include "leash-fs-call-private.h"

#include <errno.h>

/* A look-up on the host is done all the time: what leads to it through the interface is a twelfth of the
 * system call. */
static inline gboolean
stat_on_host (LeashContext *ctx, LeashFsOps op, const char *path, int flags, LeashStat *ret_stat,
              GError **error)
{
  struct stat found;

  if (LEASH_LIKELY (leash_context_check_now (ctx, error) && leash_fs_check_path (path, error)))
    {
      if (LEASH_LIKELY (fstatat (AT_FDCWD, path, &found, flags) == 0))
        {
          *ret_stat = (LeashStat){ 0 };
          leash_fd_fill_stat (ret_stat, &found);
          return TRUE;
        }
      leash_attempt_set_errno (error, errno);
    }
  leash_fs_call_prefix (&(LeashFsCall){ .op = op, .path = path }, error);
  return FALSE;
}

static inline gboolean
is_on_host (LeashContext *ctx)
{
  return LEASH_LIKELY (leash_context_peek_slot (ctx, LEASH_SLOT_FS) == NULL);
}

/**
 * leash_stat:
 * @ctx: a context
 * @path: (type filename): which file
 * @ret_stat: (out caller-allocates): what is known of it
 * @error: return location for an error
 *
 * As leash_fs_stat(), on the file system that @ctx carries.
 *
 * Returns: %TRUE, or %FALSE with @error set
 *
 * Since: 0.1
 */
gboolean
leash_stat (LeashContext *ctx, const char *path, LeashStat *ret_stat, GError **error)
{
  g_return_val_if_fail (ctx != NULL, FALSE);
  g_return_val_if_fail (path != NULL, FALSE);
  g_return_val_if_fail (ret_stat != NULL, FALSE);

  if (is_on_host (ctx))
    return stat_on_host (ctx, LEASH_FS_OP_STAT, path, 0, ret_stat, error);
  return leash_fs_stat (leash_context_get_fs (ctx), ctx, path, ret_stat, error);
}

/**
 * leash_lstat:
 * @ctx: a context
 * @path: (type filename): which file
 * @ret_stat: (out caller-allocates): what is known of it
 * @error: return location for an error
 *
 * As leash_fs_lstat(), on the file system that @ctx carries.
 *
 * Returns: %TRUE, or %FALSE with @error set
 *
 * Since: 0.1
 */
gboolean
leash_lstat (LeashContext *ctx, const char *path, LeashStat *ret_stat, GError **error)
{
  g_return_val_if_fail (ctx != NULL, FALSE);
  g_return_val_if_fail (path != NULL, FALSE);
  g_return_val_if_fail (ret_stat != NULL, FALSE);

  if (is_on_host (ctx))
    return stat_on_host (ctx, LEASH_FS_OP_LSTAT, path, AT_SYMLINK_NOFOLLOW, ret_stat, error);
  return leash_fs_lstat (leash_context_get_fs (ctx), ctx, path, ret_stat, error);
}

/**
 * leash_mkdir:
 * @ctx: a context
 * @path: (type filename): what to make, in a directory that is there
 * @mode: its permissions, 07777 at most; the process's umask is taken off
 * @error: return location for an error
 *
 * As leash_fs_mkdir(), on the file system that @ctx carries.
 *
 * Returns: %TRUE, or %FALSE with @error set
 *
 * Since: 0.1
 */
gboolean
leash_mkdir (LeashContext *ctx, const char *path, guint mode, GError **error)
{
  g_return_val_if_fail (ctx != NULL, FALSE);
  g_return_val_if_fail (path != NULL, FALSE);

  return leash_fs_mkdir (leash_context_get_fs (ctx), ctx, path, mode, error);
}

/**
 * leash_remove:
 * @ctx: a context
 * @path: (type filename): what to remove
 * @error: return location for an error
 *
 * As leash_fs_remove(), on the file system that @ctx carries.
 *
 * Returns: %TRUE, or %FALSE with @error set
 *
 * Since: 0.1
 */
gboolean
leash_remove (LeashContext *ctx, const char *path, GError **error)
{
  g_return_val_if_fail (ctx != NULL, FALSE);
  g_return_val_if_fail (path != NULL, FALSE);

  return leash_fs_remove (leash_context_get_fs (ctx), ctx, path, error);
}

/**
 * leash_rename:
 * @ctx: a context
 * @old_path: (type filename): what to rename
 * @new_path: (type filename): its new path; a file that is there is replaced, and so is an empty directory by
 *   a directory
 * @error: return location for an error
 *
 * As leash_fs_rename(), on the file system that @ctx carries.
 *
 * Returns: %TRUE, or %FALSE with @error set
 *
 * Since: 0.1
 */
gboolean
leash_rename (LeashContext *ctx, const char *old_path, const char *new_path, GError **error)
{
  g_return_val_if_fail (ctx != NULL, FALSE);
  g_return_val_if_fail (old_path != NULL, FALSE);
  g_return_val_if_fail (new_path != NULL, FALSE);

  return leash_fs_rename (leash_context_get_fs (ctx), ctx, old_path, new_path, error);
}

/**
 * leash_rename_full:
 * @ctx: a context
 * @old_path: (type filename): what to rename
 * @new_path: (type filename): its new path
 * @flags: whether it may replace what is there, or is to change places with it; 0 for neither
 * @error: return location for an error
 *
 * As leash_fs_rename_full(), on the file system that @ctx carries.
 *
 * Returns: %TRUE, or %FALSE with @error set
 *
 * Since: 0.1
 */
gboolean
leash_rename_full (LeashContext *ctx, const char *old_path, const char *new_path, LeashRenameFlags flags,
                   GError **error)
{
  g_return_val_if_fail (ctx != NULL, FALSE);
  g_return_val_if_fail (old_path != NULL, FALSE);
  g_return_val_if_fail (new_path != NULL, FALSE);

  return leash_fs_rename_full (leash_context_get_fs (ctx), ctx, old_path, new_path, flags, error);
}

/**
 * leash_link:
 * @ctx: a context
 * @path: (type filename): an existing file
 * @new_path: (type filename): its second name
 * @error: return location for an error
 *
 * As leash_fs_link(), on the file system that @ctx carries.
 *
 * Returns: %TRUE, or %FALSE with @error set
 *
 * Since: 0.1
 */
gboolean
leash_link (LeashContext *ctx, const char *path, const char *new_path, GError **error)
{
  g_return_val_if_fail (ctx != NULL, FALSE);
  g_return_val_if_fail (path != NULL, FALSE);
  g_return_val_if_fail (new_path != NULL, FALSE);

  return leash_fs_link (leash_context_get_fs (ctx), ctx, path, new_path, error);
}

/**
 * leash_symlink:
 * @ctx: a context
 * @target: (type filename): what the link says: bytes, not looked at
 * @path: (type filename): where the link is made
 * @error: return location for an error
 *
 * As leash_fs_symlink(), on the file system that @ctx carries.
 *
 * Returns: %TRUE, or %FALSE with @error set
 *
 * Since: 0.1
 */
gboolean
leash_symlink (LeashContext *ctx, const char *target, const char *path, GError **error)
{
  g_return_val_if_fail (ctx != NULL, FALSE);
  g_return_val_if_fail (target != NULL, FALSE);
  g_return_val_if_fail (path != NULL, FALSE);

  return leash_fs_symlink (leash_context_get_fs (ctx), ctx, target, path, error);
}

/**
 * leash_readlink:
 * @ctx: a context
 * @path: (type filename): a symbolic link
 * @error: return location for an error
 *
 * As leash_fs_readlink(), on the file system that @ctx carries.
 *
 * Returns: (transfer full) (type filename): the text, %NULL with @error set
 *
 * Since: 0.1
 */
char *
leash_readlink (LeashContext *ctx, const char *path, GError **error)
{
  g_return_val_if_fail (ctx != NULL, NULL);
  g_return_val_if_fail (path != NULL, NULL);

  return leash_fs_readlink (leash_context_get_fs (ctx), ctx, path, error);
}

/**
 * leash_truncate:
 * @ctx: a context
 * @path: (type filename): which file
 * @length: its new length, in bytes; what is added reads as zeros
 * @error: return location for an error
 *
 * As leash_fs_truncate(), on the file system that @ctx carries.
 *
 * Returns: %TRUE, or %FALSE with @error set
 *
 * Since: 0.1
 */
gboolean
leash_truncate (LeashContext *ctx, const char *path, gint64 length, GError **error)
{
  g_return_val_if_fail (ctx != NULL, FALSE);
  g_return_val_if_fail (path != NULL, FALSE);

  return leash_fs_truncate (leash_context_get_fs (ctx), ctx, path, length, error);
}

/**
 * leash_chmod:
 * @ctx: a context
 * @path: (type filename): which file
 * @mode: its new permissions, 07777 at most
 * @error: return location for an error
 *
 * As leash_fs_chmod(), on the file system that @ctx carries.
 *
 * Returns: %TRUE, or %FALSE with @error set
 *
 * Since: 0.1
 */
gboolean
leash_chmod (LeashContext *ctx, const char *path, guint mode, GError **error)
{
  g_return_val_if_fail (ctx != NULL, FALSE);
  g_return_val_if_fail (path != NULL, FALSE);

  return leash_fs_chmod (leash_context_get_fs (ctx), ctx, path, mode, error);
}

/**
 * leash_chown:
 * @ctx: a context
 * @path: (type filename): which file
 * @uid: its new owner, -1 to keep the old one
 * @gid: its new group, -1 to keep the old one
 * @flags: whether a symbolic link is followed
 * @error: return location for an error
 *
 * As leash_fs_chown(), on the file system that @ctx carries.
 *
 * Returns: %TRUE, or %FALSE with @error set
 *
 * Since: 0.1
 */
gboolean
leash_chown (LeashContext *ctx, const char *path, gint64 uid, gint64 gid, LeashPathFlags flags,
             GError **error)
{
  g_return_val_if_fail (ctx != NULL, FALSE);
  g_return_val_if_fail (path != NULL, FALSE);

  return leash_fs_chown (leash_context_get_fs (ctx), ctx, path, uid, gid, flags, error);
}

/**
 * leash_set_times:
 * @ctx: a context
 * @path: (type filename): which file
 * @atime_ns: when it was read last, in nanoseconds since 1970; or %LEASH_TIME_KEEP, %LEASH_TIME_NOW
 * @mtime_ns: when it was written last, likewise
 * @flags: whether a symbolic link is followed
 * @error: return location for an error
 *
 * As leash_fs_set_times(), on the file system that @ctx carries.
 *
 * Returns: %TRUE, or %FALSE with @error set
 *
 * Since: 0.1
 */
gboolean
leash_set_times (LeashContext *ctx, const char *path, gint64 atime_ns, gint64 mtime_ns, LeashPathFlags flags,
                 GError **error)
{
  g_return_val_if_fail (ctx != NULL, FALSE);
  g_return_val_if_fail (path != NULL, FALSE);

  return leash_fs_set_times (leash_context_get_fs (ctx), ctx, path, atime_ns, mtime_ns, flags, error);
}

/**
 * leash_statfs:
 * @ctx: a context
 * @path: (type filename): a file of the file system that is asked for
 * @ret_stat: (out caller-allocates): what is known of it
 * @error: return location for an error
 *
 * As leash_fs_statfs(), on the file system that @ctx carries.
 *
 * Returns: %TRUE, or %FALSE with @error set
 *
 * Since: 0.1
 */
gboolean
leash_statfs (LeashContext *ctx, const char *path, LeashStatFs *ret_stat, GError **error)
{
  g_return_val_if_fail (ctx != NULL, FALSE);
  g_return_val_if_fail (path != NULL, FALSE);
  g_return_val_if_fail (ret_stat != NULL, FALSE);

  return leash_fs_statfs (leash_context_get_fs (ctx), ctx, path, ret_stat, error);
}
