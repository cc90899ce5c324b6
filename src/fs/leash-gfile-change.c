/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Opening, and changes, in the file system over a GFile. GIO has other errors, other words and fewer checks
 * than POSIX: what it would do otherwise than the kernel is found before it is asked, from what kinds of
 * things are there and how the paths end.
 */
#include <errno.h>
#include <string.h>

#include "leash-file-private.h"
#include "leash-gfile-private.h"

#define NS_PER_S G_GINT64_CONSTANT (1000000000)

static gboolean
fail (GError **error, int code)
{
  leash_attempt_set_errno (error, code);
  return FALSE;
}

/* Making */

/* GIO makes with 0666 or 0777, of which the umask was taken: what that left is left of the mode too. */
static gboolean
set_made_mode (GFile *gfile, LeashContext *ctx, guint mode, GError **failure)
{
  GCancellable *cancellable = leash_context_get_cancellable (ctx);
  g_autoptr (GFileInfo) info = g_file_query_info (gfile, "standard::type,unix::mode",
                                                  G_FILE_QUERY_INFO_NOFOLLOW_SYMLINKS, cancellable, failure);
  guint made, wanted;

  if (info == NULL)
    return FALSE;
  if (!g_file_info_has_attribute (info, G_FILE_ATTRIBUTE_UNIX_MODE))
    return TRUE;
  made = g_file_info_get_attribute_uint32 (info, G_FILE_ATTRIBUTE_UNIX_MODE) & 07777;
  wanted = (mode & (made | (made & 0444) >> 2)) | (made & 06000) | (mode & 01000);
  return wanted == made
         || g_file_set_attribute_uint32 (gfile, G_FILE_ATTRIBUTE_UNIX_MODE, wanted,
                                         G_FILE_QUERY_INFO_NOFOLLOW_SYMLINKS, cancellable, failure);
}

/* Makes an empty file that must not be there. */
static gboolean
create (GFile *gfile, LeashContext *ctx, guint mode, GError **failure)
{
  GCancellable *cancellable = leash_context_get_cancellable (ctx);
  GFileCreateFlags flags = (mode & 077) == 0 ? G_FILE_CREATE_PRIVATE : G_FILE_CREATE_NONE;
  g_autoptr (GFileOutputStream) stream = g_file_create (gfile, flags, cancellable, failure);

  return stream != NULL && g_output_stream_close (G_OUTPUT_STREAM (stream), cancellable, failure);
}

/* The errno that opening fails with, 0 where nothing is wrong. */
static int
find_fault (const LeashResolved *found, LeashOpenFlags flags)
{
  gboolean is_dir = found->exists && found->stat.type == G_FILE_TYPE_DIRECTORY;

  if ((flags & LEASH_OPEN_EXCLUSIVE) != 0)
    {
      if (found->needs_dir && found->last == LEASH_LAST_NAME)
        return EISDIR;
      return found->exists ? EEXIST : 0;
    }
  return is_dir ? EISDIR : 0;
}

LeashFile *
leash_gfile_fs_open (LeashFs *fs, LeashContext *ctx, const char *path, LeashOpenFlags flags, guint mode,
                     GError **error)
{
  gboolean is_exclusive = (flags & LEASH_OPEN_EXCLUSIVE) != 0;
  LeashResolveMode how = is_exclusive ? LEASH_RESOLVE_PLACE : LEASH_RESOLVE_CREATE;
  LeashResolved found;
  g_autoptr (GFile) gfile = NULL;
  GError *failure = NULL;
  LeashFile *file;
  gboolean made = FALSE;
  int fault;

  gfile = leash_gfile_resolve (fs, ctx, path, (flags & LEASH_OPEN_CREATE) != 0 ? how : LEASH_RESOLVE_FOLLOW,
                               &found, error);
  fault = gfile != NULL ? find_fault (&found, flags) : 0;
  if (gfile == NULL || (fault != 0 && !fail (error, fault)))
    return NULL;
  if ((flags & LEASH_OPEN_APPEND) != 0 && (flags & LEASH_OPEN_READ) != 0)
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
                           "GIO has no streams that read and append");
      return NULL;
    }
  if (!found.exists)
    made = create (gfile, ctx, mode, &failure);
  /* Somebody else may have been faster. */
  if (failure != NULL && !is_exclusive && g_error_matches (failure, G_IO_ERROR, G_IO_ERROR_EXISTS))
    g_clear_error (&failure);
  /* Opened before it gets its mode, which need not allow that. */
  file = failure == NULL ? leash_gfile_open (gfile, ctx, path, flags, error) : NULL;
  if (file != NULL && made && !set_made_mode (gfile, ctx, mode, &failure))
    g_clear_pointer (&file, leash_file_unref);
  if (failure != NULL)
    leash_gfile_fail (ctx, failure, error);
  return file;
}

gboolean
leash_gfile_fs_mkdir (LeashFs *fs, LeashContext *ctx, const char *path, guint mode, GError **error)
{
  LeashResolved found;
  g_autoptr (GFile) gfile = leash_gfile_resolve (fs, ctx, path, LEASH_RESOLVE_PLACE, &found, error);
  GError *failure = NULL;

  if (gfile == NULL || (found.exists && !fail (error, EEXIST)))
    return FALSE;
  if (g_file_make_directory (gfile, leash_context_get_cancellable (ctx), &failure)
      && set_made_mode (gfile, ctx, mode & 01777, &failure))
    return TRUE;
  return leash_gfile_fail (ctx, failure, error);
}

gboolean
leash_gfile_fs_symlink (LeashFs *fs, LeashContext *ctx, const char *target, const char *path, GError **error)
{
  LeashResolved found;
  g_autoptr (GFile) gfile = leash_gfile_resolve (fs, ctx, path, LEASH_RESOLVE_PLACE, &found, error);
  GError *failure = NULL;

  if (gfile == NULL)
    return FALSE;
  if (found.exists)
    return fail (error, EEXIST);
  if (found.needs_dir || target[0] == '\0')
    return fail (error, ENOENT);
  return g_file_make_symbolic_link (gfile, target, leash_context_get_cancellable (ctx), &failure)
         || leash_gfile_fail (ctx, failure, error);
}

/* Removing and renaming */

static int
find_remove_fault (const LeashResolved *found)
{
  switch (found->last)
    {
    case LEASH_LAST_DOT:
      return EINVAL;
    case LEASH_LAST_DOT_DOT:
      return ENOTEMPTY;
    case LEASH_LAST_ROOT:
      return EBUSY;
    default:
      break;
    }
  if (!found->exists)
    return ENOENT;
  return found->needs_dir && found->stat.type != G_FILE_TYPE_DIRECTORY ? ENOTDIR : 0;
}

gboolean
leash_gfile_fs_remove (LeashFs *fs, LeashContext *ctx, const char *path, GError **error)
{
  LeashResolved found;
  g_autoptr (GFile) gfile = leash_gfile_resolve (fs, ctx, path, LEASH_RESOLVE_PLACE, &found, error);
  GError *failure = NULL;
  int fault = gfile != NULL ? find_remove_fault (&found) : 0;

  if (gfile == NULL || (fault != 0 && !fail (error, fault)))
    return FALSE;
  return g_file_delete (gfile, leash_context_get_cancellable (ctx), &failure)
         || leash_gfile_fail (ctx, failure, error);
}

static gboolean
is_beneath (const char *path, const char *dir)
{
  gsize length = strlen (dir);

  return strncmp (path, dir, length) == 0 && path[length] == '/';
}

static int
find_kind_fault (const LeashResolved *from, const LeashResolved *to)
{
  gboolean is_dir = from->stat.type == G_FILE_TYPE_DIRECTORY;
  gboolean is_dir_there = to->exists && to->stat.type == G_FILE_TYPE_DIRECTORY;

  if (!is_dir && (from->needs_dir || to->needs_dir))
    return ENOTDIR;
  if (is_dir && is_beneath (to->path, from->path))
    return EINVAL;
  if (is_beneath (from->path, to->path))
    return ENOTEMPTY;
  if (!to->exists || is_dir == is_dir_there)
    return 0;
  return is_dir ? ENOTDIR : EISDIR;
}

/* The errno that renaming fails with, in the order that Linux looks in. */
static int
find_rename_fault (const LeashResolved *from, const LeashResolved *to, LeashRenameFlags flags)
{
  gboolean may_replace = (flags & LEASH_RENAME_NO_REPLACE) == 0;

  if (from->last != LEASH_LAST_NAME)
    return EBUSY;
  if (to->last != LEASH_LAST_NAME)
    return may_replace ? EBUSY : EEXIST;
  if (!from->exists)
    return ENOENT;
  if (to->exists && !may_replace)
    return EEXIST;
  return find_kind_fault (from, to);
}

static gboolean
move (GFile *from, GFile *to, gboolean over_dir, LeashRenameFlags flags, LeashContext *ctx, GError **failure)
{
  GCancellable *cancellable = leash_context_get_cancellable (ctx);
  GFileCopyFlags how = G_FILE_COPY_NO_FALLBACK_FOR_MOVE | G_FILE_COPY_NOFOLLOW_SYMLINKS;

  if ((flags & LEASH_RENAME_NO_REPLACE) == 0)
    how |= G_FILE_COPY_OVERWRITE;
  /* GIO never moves over a directory. One that is not empty is not deleted. */
  if (over_dir && !g_file_delete (to, cancellable, failure))
    return FALSE;
  return g_file_move (from, to, how, cancellable, NULL, NULL, failure);
}

gboolean
leash_gfile_fs_rename (LeashFs *fs, LeashContext *ctx, const char *old_path, const char *new_path,
                       LeashRenameFlags flags, GError **error)
{
  LeashResolved from, to;
  g_autoptr (GFile) old_gfile = NULL;
  g_autoptr (GFile) new_gfile = NULL;
  GError *failure = NULL;
  gboolean over_dir;
  int fault;

  if ((flags & LEASH_RENAME_EXCHANGE) != 0)
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED, "GIO cannot exchange two names");
      return FALSE;
    }
  old_gfile = leash_gfile_resolve (fs, ctx, old_path, LEASH_RESOLVE_PLACE, &from, error);
  new_gfile
      = old_gfile != NULL ? leash_gfile_resolve (fs, ctx, new_path, LEASH_RESOLVE_PLACE, &to, error) : NULL;
  if (new_gfile == NULL)
    return FALSE;
  fault = find_rename_fault (&from, &to, flags);
  if (fault != 0)
    return fail (error, fault);
  if (strcmp (from.path, to.path) == 0)
    return TRUE;
  over_dir = to.exists && to.stat.type == G_FILE_TYPE_DIRECTORY;
  return move (old_gfile, new_gfile, over_dir, flags, ctx, &failure)
         || leash_gfile_fail (ctx, failure, error);
}

/* Attributes */

gboolean
leash_gfile_fs_truncate (LeashFs *fs, LeashContext *ctx, const char *path, gint64 length, GError **error)
{
  LeashResolved found;
  g_autoptr (GFile) gfile = leash_gfile_resolve (fs, ctx, path, LEASH_RESOLVE_FOLLOW, &found, error);
  LeashFile *file;
  gboolean done;

  if (gfile == NULL || (found.stat.type == G_FILE_TYPE_DIRECTORY && !fail (error, EISDIR)))
    return FALSE;
  file = leash_gfile_open (gfile, ctx, path, LEASH_OPEN_WRITE, error);
  if (file == NULL)
    return FALSE;
  done = file->ops->truncate (file->handle.impl, ctx, length, error);
  leash_file_unref (file);
  return done;
}

static gboolean
set_attributes (GFile *gfile, LeashContext *ctx, GFileInfo *info, GError **error)
{
  GError *failure = NULL;

  return g_file_set_attributes_from_info (gfile, info, G_FILE_QUERY_INFO_NOFOLLOW_SYMLINKS,
                                          leash_context_get_cancellable (ctx), &failure)
         || leash_gfile_fail (ctx, failure, error);
}

gboolean
leash_gfile_fs_chmod (LeashFs *fs, LeashContext *ctx, const char *path, guint mode, GError **error)
{
  LeashResolved found;
  g_autoptr (GFile) gfile = leash_gfile_resolve (fs, ctx, path, LEASH_RESOLVE_FOLLOW, &found, error);
  GError *failure = NULL;

  if (gfile == NULL)
    return FALSE;
  return g_file_set_attribute_uint32 (gfile, G_FILE_ATTRIBUTE_UNIX_MODE, mode, G_FILE_QUERY_INFO_NONE,
                                      leash_context_get_cancellable (ctx), &failure)
         || leash_gfile_fail (ctx, failure, error);
}

static LeashResolveMode
mode_of (LeashPathFlags flags)
{
  return (flags & LEASH_PATH_NO_FOLLOW) != 0 ? LEASH_RESOLVE_NO_FOLLOW : LEASH_RESOLVE_FOLLOW;
}

gboolean
leash_gfile_fs_chown (LeashFs *fs, LeashContext *ctx, const char *path, gint64 uid, gint64 gid,
                      LeashPathFlags flags, GError **error)
{
  LeashResolved found;
  g_autoptr (GFile) gfile = leash_gfile_resolve (fs, ctx, path, mode_of (flags), &found, error);
  g_autoptr (GFileInfo) info = g_file_info_new ();

  if (gfile == NULL)
    return FALSE;
  if (uid >= 0)
    g_file_info_set_attribute_uint32 (info, G_FILE_ATTRIBUTE_UNIX_UID, (guint32) uid);
  if (gid >= 0)
    g_file_info_set_attribute_uint32 (info, G_FILE_ATTRIBUTE_UNIX_GID, (guint32) gid);
  return set_attributes (gfile, ctx, info, error);
}

static void
set_time (GFileInfo *info, gint64 ns, const char *seconds, const char *microseconds, const char *nanoseconds)
{
  gint64 rest;

  if (ns == LEASH_TIME_KEEP)
    return;
  if (ns == LEASH_TIME_NOW)
    ns = g_get_real_time () * 1000;
  rest = (ns % NS_PER_S + NS_PER_S) % NS_PER_S;
  g_file_info_set_attribute_uint64 (info, seconds, (guint64) ((ns - rest) / NS_PER_S));
  g_file_info_set_attribute_uint32 (info, microseconds, (guint32) (rest / 1000));
  g_file_info_set_attribute_uint32 (info, nanoseconds, (guint32) rest);
}

gboolean
leash_gfile_fs_set_times (LeashFs *fs, LeashContext *ctx, const char *path, gint64 atime_ns, gint64 mtime_ns,
                          LeashPathFlags flags, GError **error)
{
  LeashResolved found;
  g_autoptr (GFile) gfile = leash_gfile_resolve (fs, ctx, path, mode_of (flags), &found, error);
  g_autoptr (GFileInfo) info = g_file_info_new ();

  if (gfile == NULL)
    return FALSE;
  /* GIO sets those of what the link leads to, whatever it is told. */
  if (found.stat.type == G_FILE_TYPE_SYMBOLIC_LINK)
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
                           "GIO cannot set the times of a symbolic link");
      return FALSE;
    }
  set_time (info, atime_ns, G_FILE_ATTRIBUTE_TIME_ACCESS, G_FILE_ATTRIBUTE_TIME_ACCESS_USEC,
            G_FILE_ATTRIBUTE_TIME_ACCESS_NSEC);
  set_time (info, mtime_ns, G_FILE_ATTRIBUTE_TIME_MODIFIED, G_FILE_ATTRIBUTE_TIME_MODIFIED_USEC,
            G_FILE_ATTRIBUTE_TIME_MODIFIED_NSEC);
  return set_attributes (gfile, ctx, info, error);
}
