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

#include "leash-context-inner-private.h"
#include "leash-file-private.h"
#include "leash-fs-call-private.h"

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

static gboolean G_NO_INLINE
refuse_length (gsize length, GError **error)
{
  if (length == 0)
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND, "the path is empty");
  else
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_FILENAME_TOO_LONG,
                 "the path is %" G_GSIZE_FORMAT " bytes long, and may be %d at most", length, PATH_MAX - 1);
  return FALSE;
}

static inline gboolean
check_length (gsize length, GError **error)
{
  return LEASH_LIKELY (length > 0 && length < PATH_MAX) || refuse_length (length, error);
}

gboolean
leash_fs_check_path (const char *path, GError **error)
{
  return check_length (strlen (path), error);
}

gboolean
leash_fs_check_mode (guint mode, GError **error)
{
  if (LEASH_LIKELY (mode <= 07777))
    return TRUE;
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, "the mode 0%o has bits beyond 07777", mode);
  return FALSE;
}

gboolean
leash_fs_check_path_flags (guint flags, GError **error)
{
  if (LEASH_LIKELY ((flags & ~(guint) LEASH_PATH_NO_FOLLOW) == 0))
    return TRUE;
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, "the flags 0x%x have bits that are not known",
               flags);
  return FALSE;
}

/* Returns what is wrong with flags for opening, NULL when nothing is. */
static const char *
find_fault (LeashOpenFlags flags)
{
  const LeashOpenFlags writing = LEASH_OPEN_WRITE | LEASH_OPEN_APPEND;

  if (LEASH_UNLIKELY (((guint) flags & ~(guint) OPEN_FLAGS_MASK) != 0))
    return "the flags have bits that are not known";
  if (LEASH_UNLIKELY ((flags & (LEASH_OPEN_READ | writing)) == 0))
    return "neither reading nor writing nor appending was asked for";
  if (LEASH_UNLIKELY ((flags & (LEASH_OPEN_EXCLUSIVE | LEASH_OPEN_CREATE)) == LEASH_OPEN_EXCLUSIVE))
    return "LEASH_OPEN_EXCLUSIVE needs LEASH_OPEN_CREATE";
  if (LEASH_UNLIKELY ((flags & LEASH_OPEN_TRUNCATE) != 0 && (flags & writing) == 0))
    return "LEASH_OPEN_TRUNCATE needs LEASH_OPEN_WRITE";
  return NULL;
}

static gboolean
check_flags (LeashOpenFlags flags, GError **error)
{
  const char *fault = find_fault (flags);

  if (LEASH_LIKELY (fault == NULL))
    return TRUE;
  g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, fault);
  return FALSE;
}

G_NO_INLINE static LeashFile *
call_open (LeashFs *fs, LeashContext *ctx, const char *path, LeashOpenFlags flags, guint mode, GError **error)
{
  LeashFsCall call = { .op = LEASH_FS_OP_OPEN, .path = path, .flags = flags, .mode = mode };

  return leash_fs_call_perform (fs, ctx, &call, error) ? call.result : NULL;
}

/* fs is NULL for the host's: nothing is looked up, and the system call is made from here. */
static inline LeashFile *
open_untracked (LeashFs *fs, LeashContext *ctx, const char *path, LeashOpenFlags flags, guint mode,
                GError **error)
{
  gsize length = strlen (path);
  LeashFile *file = NULL;

  if (LEASH_UNLIKELY ((flags & LEASH_OPEN_APPEND) != 0))
    flags |= LEASH_OPEN_WRITE;
  if (LEASH_LIKELY (leash_context_check_now (ctx, error) && check_flags (flags, error)
                    && leash_fs_check_mode (mode, error) && check_length (length, error)))
    file = LEASH_LIKELY (fs == NULL) ? leash_fd_open_file (ctx, path, length, flags, mode, error)
                                     : call_open (fs, ctx, path, flags, mode, error);
  if (LEASH_UNLIKELY (file == NULL))
    leash_attempt_prefix (error, "Opening", path);
  return file;
}

static inline LeashFile *
open_file (LeashFs *fs, LeashContext *ctx, const char *path, LeashOpenFlags flags, guint mode,
           gconstpointer caller, GError **error)
{
  LeashFile *file = open_untracked (fs, ctx, path, flags, mode, error);

  if (LEASH_LIKELY (file != NULL))
    leash_file_track (file, ctx, path, caller);
  return file;
}

LeashFile *
leash_fs_open_untracked (LeashFs *fs, LeashContext *ctx, const char *path, LeashOpenFlags flags, guint mode,
                         GError **error)
{
  return open_untracked (fs, ctx, path, flags, mode, error);
}

LeashFile *
leash_fs_open_for (LeashFs *fs, LeashContext *ctx, const char *path, LeashOpenFlags flags, guint mode,
                   gconstpointer caller, GError **error)
{
  return open_file (fs, ctx, path, flags, mode, caller, error);
}

static LeashDir *
open_dir (LeashFs *fs, LeashContext *ctx, const char *path, gconstpointer caller, GError **error)
{
  LeashFsCall call = { .op = LEASH_FS_OP_OPEN_DIR, .path = path };

  if (!leash_context_check (ctx, error) || !leash_fs_check_path (path, error)
      || !leash_fs_call_perform (fs, ctx, &call, error))
    {
      leash_fs_call_prefix (&call, error);
      return NULL;
    }
  leash_dir_track (call.result, ctx, path, caller);
  return call.result;
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
  return LEASH_LIKELY (carried == NULL) ? leash_host_fs_get_default () : (LeashFs *) carried;
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
 * leash_fs_open_root:
 * @fs: a file system
 * @ctx: a context
 * @path: (type filename): which directory
 * @flags: whether a symbolic link at the end of @path is followed
 * @error: return location for an error
 *
 * Opens a directory as a file system of its own, and puts it on the leash of @ctx's tracker until its last
 * reference is given back. It stays that directory whatever happens to its name, and nothing leads out of it:
 * what walks a tree that others change goes from root to root. After os.Root of Go.
 *
 * Returns: (transfer full): the file system, %NULL with @error set
 *
 * Since: 0.1
 */
LeashFs *
leash_fs_open_root (LeashFs *fs, LeashContext *ctx, const char *path, LeashPathFlags flags, GError **error)
{
  LeashFsCall call = { .op = LEASH_FS_OP_OPEN_ROOT, .path = path, .flags = flags };

  g_return_val_if_fail (LEASH_IS_FS (fs), NULL);
  g_return_val_if_fail (ctx != NULL, NULL);
  g_return_val_if_fail (path != NULL, NULL);

  if (!leash_context_check (ctx, error) || !leash_fs_check_path_flags (flags, error)
      || !leash_fs_check_path (path, error) || !leash_fs_call_perform (fs, ctx, &call, error))
    {
      leash_fs_call_prefix (&call, error);
      return NULL;
    }
  leash_watch_object (ctx, G_OBJECT (call.result), "root");
  return call.result;
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

  return open_file ((LeashFs *) leash_context_peek_slot (ctx, LEASH_SLOT_FS), ctx, path, flags, mode,
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
