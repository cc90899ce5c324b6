/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Writing files whole, so that a reader finds the old content or the new, and never a part.
 *
 * The content goes to a temporary file in the same directory, to the device, and then under the name. A
 * symbolic link under the name is replaced itself, as by g_file_set_contents(): to follow it would put the
 * temporary file into a directory that nobody named. The name is on the device when the directory is: that is
 * asked for too, where the file system opens directories as files.
 */
#include "leash-files-private.h"

gboolean
leash_files_write_all (LeashFile *file, LeashContext *ctx, const void *content, gsize size, GError **error)
{
  const guint8 *rest = content;

  while (size > 0)
    {
      gssize n = leash_file_write (file, ctx, rest, MIN (size, G_MAXSSIZE), error);

      if (n == 0)
        {
          g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_NO_SPACE, "it takes no more bytes");
          leash_attempt_prefix (error, "Writing to", leash_file_get_path (file));
        }
      if (n <= 0)
        return FALSE;
      rest += n;
      size -= (gsize) n;
    }
  return TRUE;
}

void
leash_files_discard (LeashFs *fs, LeashContext *ctx, const char *path)
{
  g_autoptr (LeashContext) still_able = leash_context_without_cancel (ctx);

  leash_fs_remove (fs, still_able, path, NULL);
}

char *
leash_files_parent (const char *path)
{
  gsize end = strlen (path);

  while (end > 0 && path[end - 1] == '/')
    end--;
  while (end > 0 && path[end - 1] != '/')
    end--;
  while (end > 1 && path[end - 1] == '/')
    end--;
  return end > 0 ? g_strndup (path, end) : g_strdup (".");
}

gboolean
leash_files_sync_names (LeashFs *fs, LeashContext *ctx, const char *dir, GError **error)
{
  g_autoptr (LeashFile) file = leash_fs_open (fs, ctx, dir, LEASH_OPEN_READ, 0, NULL);
  g_autoptr (GError) failure = NULL;

  /* Many do not open directories as files, and who may write to one need not be allowed to read it. */
  if (file == NULL || leash_file_sync (file, ctx, &failure)
      || g_error_matches (failure, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED)
      || g_error_matches (failure, G_IO_ERROR, G_IO_ERROR_IS_DIRECTORY))
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&failure));
  return FALSE;
}

/* Syncing is left out where there is nothing that would outlast the process anyway. */
static gboolean
sync_content (LeashFile *file, LeashContext *ctx, GError **error)
{
  g_autoptr (GError) failure = NULL;

  if (leash_file_sync (file, ctx, &failure)
      || g_error_matches (failure, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED))
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&failure));
  return FALSE;
}

static gboolean
replace (LeashFs *fs, LeashContext *ctx, LeashFile *temp, const char *path, const void *content, gsize size,
         GError **error)
{
  const char *temp_path = leash_file_get_path (temp);

  if (leash_files_write_all (temp, ctx, content, size, error) && sync_content (temp, ctx, error)
      && leash_file_close (temp, error) && leash_fs_rename (fs, ctx, temp_path, path, error))
    return TRUE;
  leash_files_discard (fs, ctx, temp_path);
  return FALSE;
}

static gboolean
write_file (LeashFs *fs, LeashContext *ctx, const char *path, const void *content, gsize size, guint mode,
            GError **error)
{
  g_autofree char *dir = leash_files_parent (path);
  g_autoptr (LeashFile) temp = NULL;

  if (!leash_fs_check_path (path, error))
    return FALSE;
  if ((leash_fs_get_features (fs) & LEASH_FS_FEATURE_ATOMIC_RENAME) == 0)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
                   "the file system %s replaces no file in one step", G_OBJECT_TYPE_NAME (fs));
      return FALSE;
    }
  temp = leash_files_make_temp (fs, ctx, dir, ".leash-", "", mode, error);
  if (temp == NULL || !replace (fs, ctx, temp, path, content, size, error))
    return FALSE;
  if (leash_files_sync_names (fs, ctx, dir, error))
    return TRUE;
  g_prefix_error_literal (error, "it is replaced, but perhaps not on the device: ");
  return FALSE;
}

/**
 * leash_write_file:
 * @ctx: a context
 * @path: (type filename): which file
 * @content: (array length=size) (element-type guint8): its new content
 * @size: how many bytes that is
 * @mode: its permissions, 07777 at most; the process's umask is taken off
 * @error: return location for an error
 *
 * Makes a file of the file system that @ctx carries, or replaces it, in one step: whoever opens it meanwhile
 * finds what was there before or all of @content, also after the power went. What is written is a new file,
 * made beside the old one: it has @mode and not the old one's, other hard links keep the old content, and a
 * symbolic link at @path is replaced and not followed. The directory must be there, and writable.
 *
 * A file system without %LEASH_FS_FEATURE_ATOMIC_RENAME fails with %G_IO_ERROR_NOT_SUPPORTED.
 *
 * When this fails, @path is as it was, and no other file is left behind; unless all that failed was to put
 * the name on the device, which the message says.
 *
 * Returns: %TRUE, or %FALSE with @error set
 *
 * Since: 0.1
 */
gboolean
leash_write_file (LeashContext *ctx, const char *path, const void *content, gsize size, guint mode,
                  GError **error)
{
  g_return_val_if_fail (ctx != NULL, FALSE);
  g_return_val_if_fail (path != NULL, FALSE);
  g_return_val_if_fail (content != NULL || size == 0, FALSE);

  if (write_file (leash_context_get_fs (ctx), ctx, path, content, size, mode, error))
    return TRUE;
  leash_attempt_prefix (error, "Replacing", path);
  return FALSE;
}

/**
 * leash_append_file:
 * @ctx: a context
 * @path: (type filename): which file
 * @content: (array length=size) (element-type guint8): what to add
 * @size: how many bytes that is
 * @mode: its permissions if it is made, 07777 at most; the process's umask is taken off
 * @error: return location for an error
 *
 * Adds to the end of a file of the file system that @ctx carries, which is made if it is missing. Others that
 * append at the same time do not overwrite it, but may come between its parts. When this fails, a part may
 * have been added.
 *
 * Returns: %TRUE, or %FALSE with @error set
 *
 * Since: 0.1
 */
gboolean
leash_append_file (LeashContext *ctx, const char *path, const void *content, gsize size, guint mode,
                   GError **error)
{
  g_autoptr (LeashFile) file = NULL;

  g_return_val_if_fail (ctx != NULL, FALSE);
  g_return_val_if_fail (path != NULL, FALSE);
  g_return_val_if_fail (content != NULL || size == 0, FALSE);

  file = leash_open (ctx, path, LEASH_OPEN_APPEND | LEASH_OPEN_CREATE, mode, error);
  return file != NULL && leash_files_write_all (file, ctx, content, size, error)
         && leash_file_close (file, error);
}
