/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a test begins with, as a text of entries with spaces between, each directory before what is in it:
 *
 *     d/         a directory
 *     f=text     a file that holds the text
 *     f*5000     a file of that many bytes, which depend on their offset
 *     l>d/f      a symbolic link
 */
#include "leash-conform-private.h"

#define CHUNK 65536

void
conform_tree_fill (guint8 *bytes, gsize count, guint64 offset)
{
  for (gsize i = 0; i < count; i++)
    bytes[i] = (guint8) (((offset + i) * 2654435761u) >> 13);
}

static gboolean
write_all (LeashFile *file, LeashContext *ctx, const guint8 *bytes, gsize count, GError **error)
{
  while (count > 0)
    {
      gssize n = leash_file_write (file, ctx, bytes, count, error);

      if (n < 0)
        return FALSE;
      bytes += n;
      count -= (gsize) n;
    }
  return TRUE;
}

static gboolean
write_pattern (LeashFile *file, LeashContext *ctx, guint64 size, GError **error)
{
  g_autofree guint8 *bytes = g_malloc (CHUNK);

  for (guint64 offset = 0; offset < size; offset += CHUNK)
    {
      gsize count = MIN (CHUNK, size - offset);

      conform_tree_fill (bytes, count, offset);
      if (!write_all (file, ctx, bytes, count, error))
        return FALSE;
    }
  return TRUE;
}

/* text is NULL for one of the given size. */
static gboolean
make_file (LeashFs *fs, LeashContext *ctx, const char *path, const char *text, guint64 size, GError **error)
{
  g_autoptr (LeashFile) file = leash_fs_open (fs, ctx, path, FLAGS_MAKE | LEASH_OPEN_EXCLUSIVE, 0644, error);

  if (file == NULL)
    return FALSE;
  if (text != NULL ? !write_all (file, ctx, (const guint8 *) text, strlen (text), error)
                   : !write_pattern (file, ctx, size, error))
    return FALSE;
  return leash_file_close (file, error);
}

static gboolean
make_entry (LeashFs *fs, LeashContext *ctx, const char *entry, GError **error)
{
  gsize length = strcspn (entry, "=*>");
  g_autofree char *path = g_strndup (entry, length);
  const char *rest = entry + length;

  switch (*rest)
    {
    case '=':
      return make_file (fs, ctx, path, rest + 1, 0, error);
    case '*':
      return make_file (fs, ctx, path, NULL, g_ascii_strtoull (rest + 1, NULL, 10), error);
    case '>':
      return leash_fs_symlink (fs, ctx, rest + 1, path, error);
    default:
      return leash_fs_mkdir (fs, ctx, path, 0755, error);
    }
}

gboolean
conform_tree_build (LeashFs *fs, LeashContext *ctx, const char *tree, GError **error)
{
  g_auto (GStrv) entries = g_strsplit (tree, " ", -1);

  for (guint i = 0; entries[i] != NULL; i++)
    if (!make_entry (fs, ctx, entries[i], error))
      return FALSE;
  return TRUE;
}

void
conform_tree_build_in (Conform *c, const char *dir, const char *tree)
{
  g_auto (GStrv) entries = g_strsplit (tree, " ", -1);
  g_autoptr (GError) error = NULL;

  for (guint i = 0; entries[i] != NULL && !conform_is_skipped (c); i++)
    {
      g_autofree char *entry = g_strconcat (dir, "/", entries[i], NULL);

      if (make_entry (c->fs, c->ctx, entry, &error))
        continue;
      if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED))
        conform_skip (c, "it cannot hold what the test begins with: %s", error->message);
      conform_fault (c, "making “%s”: %s", entry, error->message);
      return;
    }
}

gboolean
conform_tree_is_there (LeashFs *fs, LeashContext *ctx, const char *tree)
{
  g_autofree char *path = g_strndup (tree, strcspn (tree, "=*> "));
  LeashStat found;

  return leash_fs_lstat (fs, ctx, path, &found, NULL) || leash_fs_stat (fs, ctx, path, &found, NULL);
}

LeashFs *
conform_tree_new (const char *tree, GError **error)
{
  g_autoptr (LeashFs) fs = leash_memory_fs_new ();

  if (tree != NULL && !conform_tree_build (fs, leash_context_background (), tree, error))
    return NULL;
  return g_steal_pointer (&fs);
}
