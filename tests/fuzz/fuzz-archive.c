/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Any bytes taken for an archive: it is refused, or everything in it can be looked at and nothing leads out.
 */
#include "fuzz.h"

#include <leash/leash-archive-fs.h>

static void
read_file (LeashContext *ctx, LeashFs *fs, const char *path, guint64 size)
{
  g_autoptr (LeashFile) file = leash_fs_open (fs, ctx, path, LEASH_OPEN_READ, 0, NULL);
  char buffer[4096];
  guint64 found = 0;
  gssize n;

  if (file == NULL)
    return;
  while ((n = leash_file_read (file, ctx, buffer, sizeof buffer, NULL)) > 0)
    found += (guint64) n;
  fuzz_assert (n == 0 && found == size);
}

static void
look_at (LeashContext *ctx, LeashFs *fs, const char *path)
{
  g_autoptr (LeashDir) dir = leash_fs_open_dir (fs, ctx, path, NULL);
  const LeashDirEntry *entry;

  fuzz_assert (dir != NULL);
  while (leash_dir_next (dir, ctx, &entry, NULL))
    {
      g_autofree char *inner = g_build_filename (path, entry->name, NULL);
      LeashStat stat;

      fuzz_assert (strchr (entry->name, '/') == NULL && strcmp (entry->name, "..") != 0);
      fuzz_assert (leash_fs_lstat (fs, ctx, inner, &stat, NULL) || strlen (inner) >= 4095);
      if (entry->type == G_FILE_TYPE_REGULAR)
        read_file (ctx, fs, inner, stat.size);
      else if (entry->type == G_FILE_TYPE_DIRECTORY)
        look_at (ctx, fs, inner);
      else
        leash_fs_stat (fs, ctx, inner, &stat, NULL);
    }
}

int
LLVMFuzzerTestOneInput (const guint8 *bytes, gsize size)
{
  const LeashArchiveLimits limits = {
    .max_entries = 200,
    .max_file_bytes = 1 << 20,
    .max_total_bytes = 4 << 20,
    .max_path_bytes = 1000,
    .skip_refused = size % 2 == 0,
  };
  g_autoptr (GBytes) content = g_bytes_new (bytes, size);
  g_autoptr (GError) error = NULL;
  LeashContext *ctx = leash_context_background ();
  g_autoptr (LeashFs) fs = leash_archive_fs_new_from_bytes (ctx, content, &limits, &error);

  fuzz_assert ((fs == NULL) == (error != NULL));
  if (fs != NULL)
    look_at (ctx, fs, "/");
  return 0;
}
