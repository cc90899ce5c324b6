/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * LeashFs: the interface, and the functions that call it.
 *
 * What holds for every file system is done here and nowhere else: arguments and context are checked, the
 * errors get their operation and path, and what was opened is put on the leash. An implementation, the
 * user's own included, has no line of code for any of it.
 *
 * Each public function that opens something takes the address of its caller itself and hands it on, so that
 * the stack in a report begins with the user's code, whichever of the two forms was called.
 */
#include <limits.h>
#include <string.h>

#include "leash-context-private.h"
#include "leash-file-private.h"

/* All the bits of LeashOpenFlags. */
#define OPEN_FLAGS_MASK                                                                                \
  (LEASH_OPEN_READ | LEASH_OPEN_WRITE | LEASH_OPEN_CREATE | LEASH_OPEN_EXCLUSIVE | LEASH_OPEN_TRUNCATE \
   | LEASH_OPEN_APPEND)

/**
 * LeashFs:
 *
 * A file system: the host's, one rooted in a directory, or the user's own.
 *
 * Paths are bytes with `/` between the names, relative to what the file system says they are. An error's
 * message tells what was attempted, the path and the reason: `Opening “conf/a.ini”: No such file or
 * directory`; its code is of GIO's. Nothing is attempted when the context is done.
 *
 * All functions may be called from any thread.
 */
G_DEFINE_INTERFACE (LeashFs, leash_fs, G_TYPE_OBJECT)

static void
leash_fs_default_init (LeashFsInterface *iface)
{
}

/* Checks */

gboolean
leash_fs_check_path (const char *path, GError **error)
{
  gsize length = strlen (path);

  if (G_LIKELY (length > 0 && length < PATH_MAX))
    return TRUE;
  if (length == 0)
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND, "the path is empty");
  else
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_FILENAME_TOO_LONG,
                 "the path is %" G_GSIZE_FORMAT " bytes long, and may be %d at most", length, PATH_MAX - 1);
  return FALSE;
}

static gboolean
check_mode (guint mode, GError **error)
{
  if (G_LIKELY (mode <= 07777))
    return TRUE;
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, "the mode 0%o has bits beyond 07777", mode);
  return FALSE;
}

/* Returns what is wrong with flags for opening, NULL when nothing is. */
static const char *
find_fault (LeashOpenFlags flags)
{
  const LeashOpenFlags writing = LEASH_OPEN_WRITE | LEASH_OPEN_APPEND;

  if (((guint) flags & ~(guint) OPEN_FLAGS_MASK) != 0)
    return "the flags have bits that are not known";
  if ((flags & (LEASH_OPEN_READ | writing)) == 0)
    return "neither reading nor writing nor appending was asked for";
  if ((flags & LEASH_OPEN_EXCLUSIVE) != 0 && (flags & LEASH_OPEN_CREATE) == 0)
    return "LEASH_OPEN_EXCLUSIVE needs LEASH_OPEN_CREATE";
  if ((flags & LEASH_OPEN_TRUNCATE) != 0 && (flags & writing) == 0)
    return "LEASH_OPEN_TRUNCATE needs LEASH_OPEN_WRITE";
  return NULL;
}

static gboolean
check_flags (LeashOpenFlags flags, GError **error)
{
  const char *fault = find_fault (flags);

  if (G_LIKELY (fault == NULL))
    return TRUE;
  g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, fault);
  return FALSE;
}

static gboolean G_GNUC_NO_INLINE
refuse (LeashFs *fs, const char *operation, GError **error)
{
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED, "the file system %s has no operation “%s”",
               G_OBJECT_TYPE_NAME (fs), operation);
  return FALSE;
}

/* Whether an operation can be called: the implementation knew of it, which its version tells, and has it. */
#define CHECK_HAS(fs, iface, since, operation, error) \
  (G_LIKELY ((iface)->version >= (since) && (iface)->operation != NULL) || refuse (fs, #operation, error))

/* Operations: each once, for both of its public forms */

/* fs is NULL for the host's: nothing is looked up, and the system call is made from here. */
static inline LeashFile *
call_open (LeashFs *fs, LeashContext *ctx, const char *path, LeashOpenFlags flags, guint mode, GError **error)
{
  LeashFsInterface *iface;

  if (G_LIKELY (fs == NULL))
    return leash_fd_open_file (ctx, path, flags, mode, error);
  iface = LEASH_FS_GET_IFACE (fs);
  return CHECK_HAS (fs, iface, 1, open, error) ? iface->open (fs, ctx, path, flags, mode, error) : NULL;
}

static inline LeashFile *
open_file (LeashFs *fs, LeashContext *ctx, const char *path, LeashOpenFlags flags, guint mode,
           gconstpointer caller, GError **error)
{
  LeashFile *file = NULL;

  if ((flags & LEASH_OPEN_APPEND) != 0)
    flags |= LEASH_OPEN_WRITE;
  if (leash_context_check (ctx, error) && check_flags (flags, error) && check_mode (mode, error)
      && leash_fs_check_path (path, error))
    file = call_open (fs, ctx, path, flags, mode, error);
  if (G_LIKELY (file != NULL))
    leash_file_track (file, ctx, path, caller);
  else
    leash_attempt_prefix (error, "Opening", path);
  return file;
}

static LeashDir *
open_dir (LeashFs *fs, LeashContext *ctx, const char *path, gconstpointer caller, GError **error)
{
  LeashFsInterface *iface = LEASH_FS_GET_IFACE (fs);
  LeashDir *dir = NULL;

  if (leash_context_check (ctx, error) && leash_fs_check_path (path, error)
      && CHECK_HAS (fs, iface, 1, open_dir, error))
    dir = iface->open_dir (fs, ctx, path, error);
  if (G_LIKELY (dir != NULL))
    leash_dir_track (dir, ctx, path, caller);
  else
    leash_attempt_prefix (error, "Opening the directory", path);
  return dir;
}

static gboolean
look_up (LeashFs *fs, LeashContext *ctx, const char *path, gboolean follow, LeashStat *ret_stat,
         GError **error)
{
  LeashFsInterface *iface = LEASH_FS_GET_IFACE (fs);
  LeashStat found = { 0 };
  gboolean done = FALSE;

  if (leash_context_check (ctx, error) && leash_fs_check_path (path, error))
    {
      if (follow)
        done = CHECK_HAS (fs, iface, 1, stat, error) && iface->stat (fs, ctx, path, &found, error);
      else
        done = CHECK_HAS (fs, iface, 1, lstat, error) && iface->lstat (fs, ctx, path, &found, error);
    }
  if (G_LIKELY (done))
    *ret_stat = found;
  else
    leash_attempt_prefix (error, "Looking up", path);
  return done;
}

static gboolean
make_dir (LeashFs *fs, LeashContext *ctx, const char *path, guint mode, GError **error)
{
  LeashFsInterface *iface = LEASH_FS_GET_IFACE (fs);

  if (leash_context_check (ctx, error) && check_mode (mode, error) && leash_fs_check_path (path, error)
      && CHECK_HAS (fs, iface, 1, mkdir, error) && iface->mkdir (fs, ctx, path, mode, error))
    return TRUE;
  leash_attempt_prefix (error, "Making the directory", path);
  return FALSE;
}

static gboolean
remove_path (LeashFs *fs, LeashContext *ctx, const char *path, GError **error)
{
  LeashFsInterface *iface = LEASH_FS_GET_IFACE (fs);

  if (leash_context_check (ctx, error) && leash_fs_check_path (path, error)
      && CHECK_HAS (fs, iface, 1, remove, error) && iface->remove (fs, ctx, path, error))
    return TRUE;
  leash_attempt_prefix (error, "Removing", path);
  return FALSE;
}

static gboolean
rename_path (LeashFs *fs, LeashContext *ctx, const char *old_path, const char *new_path, GError **error)
{
  LeashFsInterface *iface = LEASH_FS_GET_IFACE (fs);

  if (leash_context_check (ctx, error) && leash_fs_check_path (old_path, error)
      && leash_fs_check_path (new_path, error) && CHECK_HAS (fs, iface, 1, rename, error)
      && iface->rename (fs, ctx, old_path, new_path, error))
    return TRUE;
  leash_attempt_prefix_two (error, "Renaming", old_path, "to", new_path);
  return FALSE;
}

/**
 * leash_context_with_fs:
 * @parent: a context
 * @fs: a file system
 *
 * Makes a child of @parent that carries @fs: leash_open() and its like use it from there on. The context
 * holds a reference.
 *
 * Returns: (transfer full): the child
 *
 * Since: 0.1
 */
LeashContext *
leash_context_with_fs (LeashContext *parent, LeashFs *fs)
{
  g_return_val_if_fail (parent != NULL, NULL);
  g_return_val_if_fail (LEASH_IS_FS (fs), NULL);

  return leash_context_with_slot (parent, LEASH_SLOT_FS, G_OBJECT (fs));
}

/**
 * leash_context_get_fs:
 * @ctx: a context
 *
 * Gets the file system that a context carries, the host's when it carries none.
 *
 * Returns: (transfer none): the file system, valid as long as @ctx is
 *
 * Since: 0.1
 */
LeashFs *
leash_context_get_fs (LeashContext *ctx)
{
  GObject *carried;

  g_return_val_if_fail (ctx != NULL, NULL);

  carried = leash_context_get_slot (ctx, LEASH_SLOT_FS);
  return G_LIKELY (carried == NULL) ? leash_host_fs_get_default () : (LeashFs *) carried;
}

/**
 * leash_fs_open:
 * @fs: a file system
 * @ctx: a context
 * @path: (type filename): which file
 * @flags: how to open it
 * @mode: permissions for a file that is made, 07777 at most; the process's umask is taken off
 * @error: return location for an error
 *
 * Opens a file, and puts it on the leash of @ctx's tracker until it is closed.
 *
 * Opening a directory for reading may succeed, as with open(); reading it then fails with
 * %G_IO_ERROR_IS_DIRECTORY. Flags that make no sense together fail with %G_IO_ERROR_INVALID_ARGUMENT.
 *
 * Returns: (transfer full): the file, %NULL with @error set
 *
 * Since: 0.1
 */
LeashFile *
leash_fs_open (LeashFs *fs, LeashContext *ctx, const char *path, LeashOpenFlags flags, guint mode,
               GError **error)
{
  g_return_val_if_fail (LEASH_IS_FS (fs), NULL);
  g_return_val_if_fail (ctx != NULL, NULL);
  g_return_val_if_fail (path != NULL, NULL);

  return open_file (fs, ctx, path, flags, mode, LEASH_CALLER, error);
}

/**
 * leash_fs_open_dir:
 * @fs: a file system
 * @ctx: a context
 * @path: (type filename): which directory
 * @error: return location for an error
 *
 * Opens a directory to read its entries, and puts it on the leash of @ctx's tracker until it is closed.
 *
 * Returns: (transfer full): the directory, %NULL with @error set
 *
 * Since: 0.1
 */
LeashDir *
leash_fs_open_dir (LeashFs *fs, LeashContext *ctx, const char *path, GError **error)
{
  g_return_val_if_fail (LEASH_IS_FS (fs), NULL);
  g_return_val_if_fail (ctx != NULL, NULL);
  g_return_val_if_fail (path != NULL, NULL);

  return open_dir (fs, ctx, path, LEASH_CALLER, error);
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
  g_return_val_if_fail (LEASH_IS_FS (fs), FALSE);
  g_return_val_if_fail (ctx != NULL, FALSE);
  g_return_val_if_fail (path != NULL, FALSE);
  g_return_val_if_fail (ret_stat != NULL, FALSE);

  return look_up (fs, ctx, path, TRUE, ret_stat, error);
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
  g_return_val_if_fail (LEASH_IS_FS (fs), FALSE);
  g_return_val_if_fail (ctx != NULL, FALSE);
  g_return_val_if_fail (path != NULL, FALSE);
  g_return_val_if_fail (ret_stat != NULL, FALSE);

  return look_up (fs, ctx, path, FALSE, ret_stat, error);
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
  g_return_val_if_fail (LEASH_IS_FS (fs), FALSE);
  g_return_val_if_fail (ctx != NULL, FALSE);
  g_return_val_if_fail (path != NULL, FALSE);

  return make_dir (fs, ctx, path, mode, error);
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
  g_return_val_if_fail (LEASH_IS_FS (fs), FALSE);
  g_return_val_if_fail (ctx != NULL, FALSE);
  g_return_val_if_fail (path != NULL, FALSE);

  return remove_path (fs, ctx, path, error);
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

  return rename_path (fs, ctx, old_path, new_path, error);
}

/**
 * leash_open:
 * @ctx: a context
 * @path: (type filename): which file
 * @flags: how to open it
 * @mode: permissions for a file that is made, 07777 at most; the process's umask is taken off
 * @error: return location for an error
 *
 * Opens a file of the file system that @ctx carries, the host's by default; see leash_fs_open().
 *
 * Returns: (transfer full): the file, %NULL with @error set
 *
 * Since: 0.1
 */
LeashFile *
leash_open (LeashContext *ctx, const char *path, LeashOpenFlags flags, guint mode, GError **error)
{
  g_return_val_if_fail (ctx != NULL, NULL);
  g_return_val_if_fail (path != NULL, NULL);

  return open_file ((LeashFs *) leash_context_get_slot (ctx, LEASH_SLOT_FS), ctx, path, flags, mode,
                    LEASH_CALLER, error);
}

/**
 * leash_open_dir:
 * @ctx: a context
 * @path: (type filename): which directory
 * @error: return location for an error
 *
 * Opens a directory of the file system that @ctx carries; see leash_fs_open_dir().
 *
 * Returns: (transfer full): the directory, %NULL with @error set
 *
 * Since: 0.1
 */
LeashDir *
leash_open_dir (LeashContext *ctx, const char *path, GError **error)
{
  g_return_val_if_fail (ctx != NULL, NULL);
  g_return_val_if_fail (path != NULL, NULL);

  return open_dir (leash_context_get_fs (ctx), ctx, path, LEASH_CALLER, error);
}

/**
 * leash_stat:
 * @ctx: a context
 * @path: (type filename): which file
 * @ret_stat: (out caller-allocates): what is known of it
 * @error: return location for an error
 *
 * Tells of a file of the file system that @ctx carries, following symbolic links.
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

  return look_up (leash_context_get_fs (ctx), ctx, path, TRUE, ret_stat, error);
}

/**
 * leash_lstat:
 * @ctx: a context
 * @path: (type filename): which file
 * @ret_stat: (out caller-allocates): what is known of it
 * @error: return location for an error
 *
 * Tells of a file of the file system that @ctx carries, or of the symbolic link that it is.
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

  return look_up (leash_context_get_fs (ctx), ctx, path, FALSE, ret_stat, error);
}

/**
 * leash_mkdir:
 * @ctx: a context
 * @path: (type filename): what to make, in a directory that is there
 * @mode: its permissions, 07777 at most; the process's umask is taken off
 * @error: return location for an error
 *
 * Makes a directory on the file system that @ctx carries.
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

  return make_dir (leash_context_get_fs (ctx), ctx, path, mode, error);
}

/**
 * leash_remove:
 * @ctx: a context
 * @path: (type filename): what to remove
 * @error: return location for an error
 *
 * Removes a file, a symbolic link or an empty directory from the file system that @ctx carries.
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

  return remove_path (leash_context_get_fs (ctx), ctx, path, error);
}

/**
 * leash_rename:
 * @ctx: a context
 * @old_path: (type filename): what to rename
 * @new_path: (type filename): its new path
 * @error: return location for an error
 *
 * Renames on the file system that @ctx carries; see leash_fs_rename().
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

  return rename_path (leash_context_get_fs (ctx), ctx, old_path, new_path, error);
}
