/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What tests look at and write, each in one line: what is not as expected becomes a fault. All do nothing
 * where an earlier step failed to give them a file.
 */
#include "leash-conform-private.h"

/* Notes an error as a fault; one of what is not supported ends the test. */
static void
note (Conform *c, const char *operation, const char *path, GError **error)
{
  g_autofree char *shown = g_strescape (path, NULL);

  if (g_error_matches (*error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED))
    conform_skip (c, "its files cannot do “%s”", operation);
  else
    conform_fault (c, "%s “%.60s”: expected success, found: %s", operation, shown,
                   *error != NULL ? (*error)->message : "an end without an error");
  g_clear_error (error);
}

LeashFile *
conform_open (Conform *c, const char *path, LeashOpenFlags flags)
{
  g_autoptr (GError) error = NULL;
  LeashFile *file;

  if (conform_is_skipped (c))
    return NULL;
  if ((flags & ~LEASH_OPEN_READ) != 0 && !conform_needs (c, LEASH_FS_FEATURE_WRITE))
    return NULL;
  file = leash_fs_open (c->fs, c->ctx, path, flags, 0666, &error);
  if (file == NULL)
    note (c, "open", path, &error);
  return file;
}

void
conform_file_close (Conform *c, LeashFile *file)
{
  g_autoptr (GError) error = NULL;

  if (file != NULL && !leash_file_close (file, &error))
    note (c, "close", leash_file_get_path (file), &error);
}

void
conform_file_write (Conform *c, LeashFile *file, const char *text)
{
  g_autoptr (GError) error = NULL;
  gsize left = strlen (text);

  while (file != NULL && left > 0)
    {
      gssize n = leash_file_write (file, c->ctx, text, left, &error);

      if (n <= 0)
        {
          note (c, "write", leash_file_get_path (file), &error);
          return;
        }
      text += n;
      left -= (gsize) n;
    }
}

void
conform_write (Conform *c, const char *path, const char *text)
{
  g_autoptr (LeashFile) file = conform_open (c, path, FLAGS_MAKE | LEASH_OPEN_TRUNCATE);

  conform_file_write (c, file, text);
  conform_file_close (c, file);
}

void
conform_file_rest (Conform *c, LeashFile *file, const char *text)
{
  g_autoptr (GString) found = g_string_new (NULL);
  g_autoptr (GError) error = NULL;
  char buffer[256];
  gssize n = 0;

  if (file == NULL)
    return;
  while ((n = leash_file_read (file, c->ctx, buffer, sizeof buffer, &error)) > 0)
    g_string_append_len (found, buffer, n);
  if (n < 0)
    note (c, "read", leash_file_get_path (file), &error);
  else
    conform_same_text (c, "read", leash_file_get_path (file), text, found->str);
}

void
conform_content (Conform *c, const char *path, const char *text)
{
  g_autoptr (LeashFile) file = conform_open (c, path, LEASH_OPEN_READ);

  conform_file_rest (c, file, text);
  conform_file_close (c, file);
}

void
conform_bytes (Conform *c, const char *path, const char *bytes, gsize count)
{
  g_autoptr (LeashFile) file = conform_open (c, path, LEASH_OPEN_READ);
  g_autofree char *found = g_malloc0 (count + 2);
  gsize n = 0;
  gssize got = 1;

  /* One more is asked for, to see the end. */
  while (file != NULL && got > 0 && n <= count)
    {
      got = leash_file_read (file, c->ctx, found + n, count + 1 - n, NULL);
      n += got > 0 ? (gsize) got : 0;
    }
  if (file != NULL && (got < 0 || n != count || memcmp (found, bytes, count) != 0))
    conform_fault (
        c, "read “%.60s”: expected %" G_GSIZE_FORMAT " given bytes, found %" G_GSIZE_FORMAT " other ones",
        path, count, n);
  conform_file_close (c, file);
}

void
conform_file_pread (Conform *c, LeashFile *file, gint64 offset, gsize count, const char *text)
{
  g_autofree char *found = g_malloc0 (count + 1);
  g_autoptr (GError) error = NULL;

  if (file == NULL)
    return;
  if (leash_file_pread (file, c->ctx, found, count, offset, &error) < 0)
    note (c, "pread", leash_file_get_path (file), &error);
  else
    conform_same_text (c, "pread", leash_file_get_path (file), text, found);
}

void
conform_file_pwrite (Conform *c, LeashFile *file, gint64 offset, const char *text)
{
  g_autoptr (GError) error = NULL;
  gsize left = strlen (text);

  while (file != NULL && left > 0)
    {
      gssize n = leash_file_pwrite (file, c->ctx, text, left, offset, &error);

      if (n <= 0)
        {
          note (c, "pwrite", leash_file_get_path (file), &error);
          return;
        }
      text += n;
      offset += n;
      left -= (gsize) n;
    }
}

gint64
conform_file_seek (Conform *c, LeashFile *file, gint64 offset, GSeekType whence)
{
  g_autoptr (GError) error = NULL;
  gint64 position;

  if (file == NULL)
    return -1;
  position = leash_file_seek (file, offset, whence, &error);
  if (position < 0)
    note (c, "seek", leash_file_get_path (file), &error);
  return position;
}

static LeashStat
look (Conform *c, const char *operation, const char *path,
      gboolean (*func) (LeashFs *fs, LeashContext *ctx, const char *path, LeashStat *ret_stat,
                        GError **error))
{
  g_autoptr (GError) error = NULL;
  LeashStat found = { 0 };

  if (!conform_is_skipped (c) && !func (c->fs, c->ctx, path, &found, &error))
    note (c, operation, path, &error);
  return found;
}

LeashStat
conform_stat (Conform *c, const char *path)
{
  return look (c, "stat", path, leash_fs_stat);
}

LeashStat
conform_lstat (Conform *c, const char *path)
{
  return look (c, "lstat", path, leash_fs_lstat);
}

void
conform_size (Conform *c, const char *path, guint64 size)
{
  conform_same_number (c, "stat", path, "size", (gint64) size, (gint64) conform_stat (c, path).size);
}

void
conform_type (Conform *c, const char *path, GFileType type)
{
  conform_same_number (c, "lstat", path, "type", type, conform_lstat (c, path).type);
}

void
conform_missing (Conform *c, const char *path)
{
  conform_fails (c, ENOENT, LSTAT (path));
}

static int
compare_names (gconstpointer a, gconstpointer b)
{
  return strcmp (*(char *const *) a, *(char *const *) b);
}

char *
conform_names (Conform *c, const char *path)
{
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GError) error = NULL;
  g_autoptr (LeashDir) dir = NULL;
  const LeashDirEntry *entry;

  if (!conform_is_skipped (c))
    dir = leash_fs_open_dir (c->fs, c->ctx, path, &error);
  while (dir != NULL && leash_dir_next (dir, c->ctx, &entry, &error))
    g_ptr_array_add (names, g_strdup (entry->name));
  if (error != NULL)
    note (c, "open_dir", path, &error);
  if (dir != NULL)
    leash_dir_close (dir, NULL);
  g_ptr_array_sort (names, compare_names);
  g_ptr_array_add (names, NULL);
  return g_strjoinv (" ", (char **) names->pdata);
}

void
conform_list (Conform *c, const char *path, const char *names)
{
  g_autofree char *found = conform_names (c, path);

  conform_same_text (c, "open_dir", path, names, found);
}

void
conform_target (Conform *c, const char *path, const char *text)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *found = NULL;

  if (conform_is_skipped (c))
    return;
  found = leash_fs_readlink (c->fs, c->ctx, path, &error);
  if (found == NULL)
    note (c, "readlink", path, &error);
  else
    conform_same_text (c, "readlink", path, text, found);
}
