/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The conformance suite on archives: each test's content is packed, as tar and as zip. */
#include "archive-fixture.h"

#include <leash/leash-files.h>
#include <leash/leash-fs-conformance.h>

#define MAX_PACKED (32 << 20)

static void pack_dir (Maker *maker, LeashFs *content, const char *path);

static void
pack_file (Maker *maker, LeashFs *content, const char *path)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (LeashContext) ctx = leash_context_with_fs (leash_context_background (), content);
  g_autoptr (GBytes) bytes = leash_read_file (ctx, path, &error);
  gsize size;
  const char *data;

  g_assert_no_error (error);
  data = g_bytes_get_data (bytes, &size);
  add_entry (maker, path, AE_IFREG, size > 0 ? data : NULL, size);
}

static void
pack (Maker *maker, LeashFs *content, const char *path)
{
  LeashContext *ctx = leash_context_background ();
  g_autofree char *target = NULL;
  LeashStat stat;

  g_assert_true (leash_fs_lstat (content, ctx, path, &stat, NULL));
  if (stat.type == G_FILE_TYPE_SYMBOLIC_LINK)
    {
      target = leash_fs_readlink (content, ctx, path, NULL);
      add_symlink (maker, target, path);
      return;
    }
  archive_entry_set_perm (maker->entry, stat.mode);
  if (stat.type != G_FILE_TYPE_DIRECTORY)
    {
      pack_file (maker, content, path);
      return;
    }
  add_dir (maker, path);
  pack_dir (maker, content, path);
}

static void
pack_dir (Maker *maker, LeashFs *content, const char *path)
{
  LeashContext *ctx = leash_context_background ();
  g_autoptr (GError) error = NULL;
  g_autoptr (LeashDir) dir = leash_fs_open_dir (content, ctx, path, &error);
  const LeashDirEntry *entry;

  g_assert_no_error (error);
  while (leash_dir_next (dir, ctx, &entry, &error))
    {
      g_autofree char *inner
          = strcmp (path, ".") == 0 ? g_strdup (entry->name) : g_build_filename (path, entry->name, NULL);

      pack (maker, content, inner);
    }
  g_assert_no_error (error);
}

static LeashFs *
make (LeashFs *content, gpointer format, GError **error)
{
  Maker maker = make_archive (format, NULL);
  g_autoptr (GBytes) bytes = NULL;

  begin_archive (&maker, MAX_PACKED);
  pack_dir (&maker, content, ".");
  bytes = finish_archive (&maker);
  return leash_archive_fs_new_from_bytes (leash_context_background (), bytes, NULL, error);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  leash_fs_conformance_add_full ("/tar", make, (gpointer) "gnutar", NULL);
  leash_fs_conformance_add_full ("/zip", make, (gpointer) "zip", NULL);
  return g_test_run ();
}
