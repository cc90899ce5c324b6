/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Copying one file, also from one file system to another.
 *
 * What replaces something is made under another name beside it, and renamed when it is complete, as in
 * leash-write-file.c; where the file system does not rename in one step, what is there is removed before.
 * What replaces nothing is made under its own name, exclusively. Whatever fails, what was begun is removed.
 *
 * Stretches of zeros become holes where the target can have them: a buffer that is all zeros is passed over.
 * To ask the source for its holes was rejected: the interface cannot, and zeros are found as fast as they are
 * read.
 */
#include "leash-copy-private.h"

#include <string.h>

#define BUFFER_SIZE ((gsize) 128 * 1024)

gboolean
leash_copy_check_flags (LeashCopyFlags flags, GError **error)
{
  const guint known = LEASH_COPY_OVERWRITE | LEASH_COPY_FOLLOW | LEASH_COPY_MODES | LEASH_COPY_OWNERS
                      | LEASH_COPY_TIMES | LEASH_COPY_HARD_LINKS;

  if (((guint) flags & ~known) == 0)
    return TRUE;
  g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                       "the flags have bits that are not known");
  return FALSE;
}

gboolean
leash_copy_look (LeashCopy *copy, const LeashCopyEnd *source, LeashStat *ret_stat, GError **error)
{
  if ((copy->flags & LEASH_COPY_FOLLOW) != 0)
    return leash_fs_stat (source->fs, copy->ctx, source->path, ret_stat, error);
  return leash_fs_lstat (source->fs, copy->ctx, source->path, ret_stat, error);
}

static void
tell (LeashCopy *copy, const char *path)
{
  copy->progress.path = path;
  if (copy->func != NULL)
    copy->func (&copy->progress, copy->user_data);
}

void
leash_copy_count (LeashCopy *copy, const char *path)
{
  copy->progress.n_entries++;
  tell (copy, path);
}

gboolean
leash_copy_attributes (LeashCopy *copy, const LeashStat *stat, const LeashCopyEnd *target, GError **error)
{
  gboolean is_link = stat->type == G_FILE_TYPE_SYMBOLIC_LINK;

  /* In this order: another owner costs the bits of set-user-ID, and both change a time. */
  if ((copy->flags & LEASH_COPY_OWNERS) != 0
      && !leash_fs_chown (target->fs, copy->ctx, target->path, stat->uid, stat->gid, LEASH_PATH_NO_FOLLOW,
                          error))
    return FALSE;
  if ((copy->flags & LEASH_COPY_MODES) != 0 && !is_link
      && !leash_fs_chmod (target->fs, copy->ctx, target->path, stat->mode, error))
    return FALSE;
  return (copy->flags & LEASH_COPY_TIMES) == 0
         || leash_fs_set_times (target->fs, copy->ctx, target->path, stat->atime_ns, stat->mtime_ns,
                                LEASH_PATH_NO_FOLLOW, error);
}

static gboolean
is_zero (const guint8 *bytes, gsize n)
{
  return bytes[0] == 0 && memcmp (bytes, bytes + 1, n - 1) == 0;
}

/* Copies the content until the end. */
static gboolean
copy_content (LeashCopy *copy, LeashFile *from, LeashFile *to, gboolean sparse, GError **error)
{
  gint64 length = 0;
  gboolean ends_in_hole = FALSE;
  gssize n;

  if (copy->buffer == NULL)
    copy->buffer = g_malloc (BUFFER_SIZE);
  while ((n = leash_file_read (from, copy->ctx, copy->buffer, BUFFER_SIZE, error)) > 0)
    {
      ends_in_hole = sparse && is_zero (copy->buffer, (gsize) n);
      if (ends_in_hole ? leash_file_seek (to, n, G_SEEK_CUR, error) < 0
                       : !leash_files_write_all (to, copy->ctx, copy->buffer, (gsize) n, error))
        return FALSE;
      length += n;
      copy->progress.n_bytes += (guint64) n;
      tell (copy, leash_file_get_path (from));
    }
  return n == 0 && (!ends_in_hole || leash_file_truncate (to, copy->ctx, length, error));
}

static gboolean
must_replace (const LeashCopy *copy, const LeashCopyEnd *target)
{
  return (copy->flags & LEASH_COPY_OVERWRITE) != 0
         && (leash_fs_get_features (target->fs) & LEASH_FS_FEATURE_ATOMIC_RENAME) != 0;
}

/* Makes the file that is written: the target, or one to be renamed to it. */
static LeashFile *
make_file (LeashCopy *copy, const LeashCopyEnd *target, guint mode, GError **error)
{
  g_autofree char *dir = NULL;

  if (!must_replace (copy, target))
    return leash_fs_open (target->fs, copy->ctx, target->path,
                          LEASH_OPEN_WRITE | LEASH_OPEN_CREATE | LEASH_OPEN_EXCLUSIVE, mode, error);
  dir = leash_files_parent (target->path);
  return leash_files_make_temp (target->fs, copy->ctx, dir, ".leash-", "", mode, error);
}

static char *
make_link (LeashCopy *copy, const LeashCopyEnd *target, const char *text, GError **error)
{
  g_autofree char *dir = NULL;

  if (!must_replace (copy, target))
    return leash_fs_symlink (target->fs, copy->ctx, text, target->path, error) ? g_strdup (target->path)
                                                                               : NULL;
  dir = leash_files_parent (target->path);
  return leash_files_make_temp_link (target->fs, copy->ctx, dir, text, error);
}

/* What was made is complete: gives it its attributes and its name. */
static gboolean
finish (LeashCopy *copy, const LeashStat *stat, const LeashCopyEnd *target, const char *made, GError **error)
{
  const LeashCopyEnd end = { target->fs, made };

  if (!leash_copy_attributes (copy, stat, &end, error))
    return FALSE;
  return strcmp (made, target->path) == 0
         || leash_fs_rename (target->fs, copy->ctx, made, target->path, error);
}

static gboolean
copy_file (LeashCopy *copy, const LeashCopyEnd *source, const LeashStat *stat, const LeashCopyEnd *target,
           GError **error)
{
  gboolean sparse = (leash_fs_get_features (target->fs) & LEASH_FS_FEATURE_SPARSE) != 0;
  g_autoptr (LeashFile) from = NULL;
  g_autoptr (LeashFile) to = NULL;

  from = leash_fs_open (source->fs, copy->ctx, source->path, LEASH_OPEN_READ, 0, error);
  if (from == NULL)
    return FALSE;
  to = make_file (copy, target, stat->mode & 0777, error);
  if (to == NULL)
    return FALSE;
  if (copy_content (copy, from, to, sparse, error) && leash_file_close (to, error)
      && finish (copy, stat, target, leash_file_get_path (to), error))
    return TRUE;
  leash_files_discard (target->fs, copy->ctx, leash_file_get_path (to));
  return FALSE;
}

static gboolean
copy_link (LeashCopy *copy, const LeashCopyEnd *source, const LeashStat *stat, const LeashCopyEnd *target,
           GError **error)
{
  g_autofree char *text = leash_fs_readlink (source->fs, copy->ctx, source->path, error);
  g_autofree char *made = NULL;

  if (text == NULL)
    return FALSE;
  made = make_link (copy, target, text, error);
  if (made == NULL)
    return FALSE;
  if (finish (copy, stat, target, made, error))
    return TRUE;
  leash_files_discard (target->fs, copy->ctx, made);
  return FALSE;
}

/* Looks at what is where the copy is to be, and removes it where it cannot be replaced in one step. */
static gboolean
make_room (LeashCopy *copy, const LeashStat *stat, const LeashCopyEnd *target, GError **error)
{
  LeashStat there;

  if (!leash_fs_lstat (target->fs, copy->ctx, target->path, &there, NULL))
    return TRUE;
  if (leash_files_is_same (stat, &there))
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, "they are the same file");
      return FALSE;
    }
  if ((copy->flags & LEASH_COPY_OVERWRITE) == 0 || must_replace (copy, target)
      || there.type == G_FILE_TYPE_DIRECTORY)
    return TRUE;
  return leash_fs_remove (target->fs, copy->ctx, target->path, error);
}

gboolean
leash_copy_one (LeashCopy *copy, const LeashCopyEnd *source, const LeashStat *stat,
                const LeashCopyEnd *target, GError **error)
{
  if (stat->type == G_FILE_TYPE_DIRECTORY)
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_IS_DIRECTORY, "it is a directory");
  else if (stat->type != G_FILE_TYPE_REGULAR && stat->type != G_FILE_TYPE_SYMBOLIC_LINK)
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_NOT_REGULAR_FILE,
                         "it is neither a file nor a symbolic link");
  else if (make_room (copy, stat, target, error))
    return stat->type == G_FILE_TYPE_REGULAR ? copy_file (copy, source, stat, target, error)
                                             : copy_link (copy, source, stat, target, error);
  return FALSE;
}

/**
 * leash_copy:
 * @ctx: a context
 * @source: (type filename): the file
 * @target: (type filename): its copy
 * @flags: how to copy
 * @error: return location for an error
 *
 * Copies a file of the file system that @ctx carries; see leash_copy_full().
 *
 * Returns: %TRUE, or %FALSE with @error set
 *
 * Since: 0.1
 */
gboolean
leash_copy (LeashContext *ctx, const char *source, const char *target, LeashCopyFlags flags, GError **error)
{
  g_return_val_if_fail (ctx != NULL, FALSE);
  g_return_val_if_fail (source != NULL, FALSE);
  g_return_val_if_fail (target != NULL, FALSE);

  return leash_copy_full (ctx, NULL, source, NULL, target, flags, NULL, NULL, error);
}

/**
 * leash_copy_full:
 * @ctx: a context
 * @source_fs: (nullable): where the file is; %NULL for the file system that @ctx carries
 * @source: (type filename): the file
 * @target_fs: (nullable): where its copy is to be; %NULL likewise
 * @target: (type filename): its copy: the path of the file itself, not of a directory for it
 * @flags: how to copy
 * @progress: (scope call) (nullable) (closure user_data): called after each piece, and at the end
 * @user_data: passed to @progress
 * @error: return location for an error
 *
 * Copies a file: its content and, by the flags, what else there is to it. Without %LEASH_COPY_FOLLOW a
 * symbolic link is copied itself. Directories are refused with %G_IO_ERROR_IS_DIRECTORY, other things with
 * %G_IO_ERROR_NOT_REGULAR_FILE, and what is there already with %G_IO_ERROR_EXISTS, unless
 * %LEASH_COPY_OVERWRITE says that it is to be replaced; a directory never is. Stretches of zeros become holes
 * where the file system can have them.
 *
 * When this fails, also by the end of @ctx, @target is as it was; but where the file system does not rename
 * in one step, what was to be replaced may be gone.
 *
 * Returns: %TRUE, or %FALSE with @error set
 *
 * Since: 0.1
 */
gboolean
leash_copy_full (LeashContext *ctx, LeashFs *source_fs, const char *source, LeashFs *target_fs,
                 const char *target, LeashCopyFlags flags, LeashProgressFunc progress, gpointer user_data,
                 GError **error)
{
  LeashCopy copy = { .ctx = ctx, .flags = flags, .func = progress, .user_data = user_data };
  LeashCopyEnd from = { source_fs, source };
  LeashCopyEnd to = { target_fs, target };
  LeashStat stat;
  gboolean copied;

  g_return_val_if_fail (ctx != NULL, FALSE);
  g_return_val_if_fail (source_fs == NULL || LEASH_IS_FS (source_fs), FALSE);
  g_return_val_if_fail (source != NULL, FALSE);
  g_return_val_if_fail (target_fs == NULL || LEASH_IS_FS (target_fs), FALSE);
  g_return_val_if_fail (target != NULL, FALSE);

  from.fs = source_fs != NULL ? source_fs : leash_context_get_fs (ctx);
  to.fs = target_fs != NULL ? target_fs : leash_context_get_fs (ctx);
  copied = leash_copy_check_flags (flags, error) && leash_copy_look (&copy, &from, &stat, error);
  if (copied)
    {
      copy.progress.total_bytes = stat.size;
      copied = leash_copy_one (&copy, &from, &stat, &to, error);
    }
  g_free (copy.buffer);
  if (copied)
    leash_copy_count (&copy, source);
  else
    leash_attempt_prefix_two (error, "Copying", source, "to", target);
  return copied;
}
