/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Resources as files: those of tests/fs/resource, from a bundle and registered globally. */
#include "../fixture.h"

#include <leash/leash-resource-fs.h>

#define PREFIX "/org/leash/test/"
#define N_THREADS 4

typedef struct
{
  Fixture base;
  GResource *resource;
  LeashContext *ctx; /* carries the file system */
} Resources;

static GResource *
load (void)
{
  g_autofree char *path = g_test_build_filename (G_TEST_BUILT, "fs", "test-resource.gresource", NULL);
  g_autoptr (GError) error = NULL;
  GResource *resource = g_resource_load (path, &error);

  g_assert_no_error (error);
  return resource;
}

static void
set_up_resources (Resources *self, gconstpointer is_global)
{
  g_autoptr (LeashFs) fs = NULL;

  set_up (&self->base, NULL);
  self->resource = load ();
  if (is_global != NULL)
    g_resources_register (self->resource);
  fs = leash_resource_fs_new (is_global != NULL ? NULL : self->resource);
  self->ctx = leash_context_with_fs (self->base.ctx, fs);
}

static void
tear_down_resources (Resources *self, gconstpointer is_global)
{
  if (is_global != NULL)
    g_resources_unregister (self->resource);
  leash_context_unref (self->ctx);
  g_resource_unref (self->resource);
  tear_down (&self->base, NULL);
}

/* The error of opening and closing a file, NULL where there is none. */
static GError *
try_open (Resources *self, const char *path, LeashOpenFlags flags)
{
  GError *error = NULL;
  g_autoptr (LeashFile) file = leash_open (self->ctx, path, flags, 0644, &error);

  g_assert_true ((file == NULL) == (error != NULL));
  return error;
}

static LeashStat
stat_of (Resources *self, const char *path)
{
  g_autoptr (GError) error = NULL;
  LeashStat stat = { 0 };

  leash_stat (self->ctx, path, &stat, &error);
  g_assert_no_error (error);
  return stat;
}

static char *
read_file (LeashContext *ctx, const char *path)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (LeashFile) file = leash_open (ctx, path, LEASH_OPEN_READ, 0, &error);
  g_autoptr (GString) content = g_string_new (NULL);
  char buffer[1000];
  gssize n;

  g_assert_no_error (error);
  while ((n = leash_file_read (file, ctx, buffer, sizeof buffer, &error)) > 0)
    g_string_append_len (content, buffer, n);
  g_assert_no_error (error);
  g_assert_true (leash_file_close (file, &error));
  return g_string_free (g_steal_pointer (&content), FALSE);
}

static void
assert_reads (Resources *self, const char *path, const char *content)
{
  g_autofree char *found = read_file (self->ctx, path);

  g_assert_cmpstr (found, ==, content);
}

static void
test_read (Resources *self, gconstpointer unused)
{
  g_autofree char *packed = read_file (self->ctx, PREFIX "packed.txt");

  assert_reads (self, PREFIX "plain.txt", "plain text\n");
  assert_reads (self, PREFIX "empty", "");
  assert_reads (self, PREFIX "deep/er/bottom", "bottom");
  g_assert_cmpuint (strlen (packed), ==, 20 * 200);
  g_assert_true (g_str_has_suffix (packed, "again\nthe same line again\n"));
}

static void
test_paths (Resources *self, gconstpointer unused)
{
  static const char *const same[]
      = { PREFIX "deep/er/bottom", "org/leash/test/deep/er/bottom", "//org/leash/./test/deep//er/bottom",
          "/../../org/leash/test/deep/../deep/er/bottom" };
  g_autoptr (GError) error = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (same); i++)
    assert_reads (self, same[i], "bottom");
  error = try_open (self, PREFIX "plain.txt/", LEASH_OPEN_READ);
  assert_io_error (error, G_IO_ERROR_NOT_DIRECTORY, "plain.txt/”: ", g_strerror (ENOTDIR));
  error = try_open (self, PREFIX "plain.txt/../empty", LEASH_OPEN_READ);
  assert_io_error (error, G_IO_ERROR_NOT_DIRECTORY, g_strerror (ENOTDIR));
  error = try_open (self, PREFIX "missing/../empty", LEASH_OPEN_READ);
  assert_io_error (error, G_IO_ERROR_NOT_FOUND, g_strerror (ENOENT));
}

static void
test_stat (Resources *self, gconstpointer unused)
{
  static const char *const dirs[] = { "/", ".", "..", "/org", "org/leash/", PREFIX "deep/er" };
  LeashStat stat = stat_of (self, PREFIX "packed.txt");
  g_autoptr (LeashFile) file = NULL;

  g_assert_cmpint (stat.type, ==, G_FILE_TYPE_REGULAR);
  g_assert_cmphex (stat.mode, ==, 0444);
  g_assert_cmpuint (stat.size, ==, 20 * 200);
  for (guint i = 0; i < G_N_ELEMENTS (dirs); i++)
    {
      stat = stat_of (self, dirs[i]);
      g_assert_cmpint (stat.type, ==, G_FILE_TYPE_DIRECTORY);
      g_assert_cmphex (stat.mode, ==, 0555);
    }
  file = leash_open (self->ctx, PREFIX "plain.txt", LEASH_OPEN_READ, 0, NULL);
  g_assert_true (leash_file_stat (file, self->ctx, &stat, NULL));
  g_assert_cmpuint (stat.size, ==, strlen ("plain text\n"));
}

static void
assert_lists (Resources *self, const char *path, const char *const *names)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (LeashDir) dir = leash_open_dir (self->ctx, path, &error);
  const LeashDirEntry *entry;
  guint n = 0;

  g_assert_no_error (error);
  while (leash_dir_next (dir, self->ctx, &entry, &error))
    {
      gboolean is_dir = entry->type == G_FILE_TYPE_DIRECTORY;
      g_autofree char *name = g_strconcat (entry->name, is_dir ? "/" : "", NULL);

      g_assert_true (g_strv_contains (names, name));
      n++;
    }
  g_assert_no_error (error);
  g_assert_cmpuint (n, ==, g_strv_length ((char **) names));
  g_assert_true (leash_dir_close (dir, &error));
}

static void
test_list (Resources *self, gconstpointer unused)
{
  g_autoptr (GError) error = NULL;

  assert_lists (self, PREFIX, (const char *[]){ "plain.txt", "empty", "packed.txt", "deep/", NULL });
  assert_lists (self, PREFIX "deep", (const char *[]){ "er/", NULL });
  g_assert_null (leash_open_dir (self->ctx, PREFIX "empty", &error));
  assert_io_error (error, G_IO_ERROR_NOT_DIRECTORY, "Opening the directory", g_strerror (ENOTDIR));
  g_assert_null (leash_open_dir (self->ctx, "/nobody", &error));
  assert_io_error (error, G_IO_ERROR_NOT_FOUND, g_strerror (ENOENT));
}

static void
test_seek (Resources *self, gconstpointer unused)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (LeashFile) file = leash_open (self->ctx, PREFIX "plain.txt", LEASH_OPEN_READ, 0, &error);
  char buffer[6] = "";

  g_assert_no_error (error);
  g_assert_cmpint (leash_file_seek (file, -5, G_SEEK_END, &error), ==, 6);
  g_assert_cmpint (leash_file_read (file, self->ctx, buffer, 4, &error), ==, 4);
  g_assert_cmpstr (buffer, ==, "text");
  g_assert_cmpint (leash_file_seek (file, -4, G_SEEK_CUR, &error), ==, 6);
  g_assert_cmpint (leash_file_pread (file, self->ctx, buffer, 5, 0, &error), ==, 5);
  g_assert_cmpstr (buffer, ==, "plain");
  g_assert_cmpint (leash_file_pread (file, self->ctx, buffer, 5, 11, &error), ==, 0);
  g_assert_cmpint (leash_file_pread (file, self->ctx, buffer, 5, G_MAXINT64, &error), ==, 0);
  g_assert_cmpint (leash_file_seek (file, -12, G_SEEK_END, &error), ==, -1);
  assert_io_error (error, G_IO_ERROR_INVALID_ARGUMENT, "would be negative");
  g_assert_cmpint (leash_file_seek (file, 1, G_SEEK_CUR, &error), ==, 7);
  g_assert_cmpint (leash_file_seek (file, G_MAXINT64, G_SEEK_CUR, &error), ==, -1);
  assert_io_error (error, G_IO_ERROR_INVALID_ARGUMENT, "would be too large");
  g_assert_cmpint (leash_file_seek (file, 1000, G_SEEK_SET, &error), ==, 1000);
  g_assert_cmpint (leash_file_read (file, self->ctx, buffer, 4, &error), ==, 0);
}

static void
test_read_only (Resources *self, gconstpointer unused)
{
  LeashFs *fs = leash_context_get_fs (self->ctx);
  const LeashOpenFlags create = LEASH_OPEN_READ | LEASH_OPEN_CREATE;
  g_autoptr (GError) error = try_open (self, PREFIX "plain.txt", LEASH_OPEN_WRITE);
  LeashStatFs stat;

  assert_io_error (error, G_IO_ERROR_READ_ONLY, "Opening “" PREFIX "plain.txt”: ", g_strerror (EROFS));
  error = try_open (self, PREFIX "new", create);
  assert_io_error (error, G_IO_ERROR_READ_ONLY, g_strerror (EROFS));
  error = try_open (self, PREFIX "plain.txt", create | LEASH_OPEN_EXCLUSIVE);
  assert_io_error (error, G_IO_ERROR_EXISTS, g_strerror (EEXIST));
  error = try_open (self, PREFIX "plain.txt", create);
  g_assert_no_error (error);
  error = try_open (self, PREFIX "deep", LEASH_OPEN_READ);
  assert_io_error (error, G_IO_ERROR_IS_DIRECTORY, g_strerror (EISDIR));
  g_assert_false (leash_remove (self->ctx, PREFIX "plain.txt", &error));
  assert_io_error (error, G_IO_ERROR_NOT_SUPPORTED, "Removing");
  g_assert_null (leash_readlink (self->ctx, PREFIX "plain.txt", &error));
  assert_io_error (error, G_IO_ERROR_INVALID_ARGUMENT, "no symbolic link");
  g_assert_true (leash_statfs (self->ctx, "/", &stat, &error));
  g_assert_true (stat.is_read_only);
  g_assert_cmpint (leash_fs_get_features (fs) & LEASH_FS_FEATURE_WRITE, ==, 0);
  g_assert_cmpint (leash_fs_get_ops (fs) & LEASH_FS_OP_REMOVE, ==, 0);
}

static void
test_outlives (Resources *self, gconstpointer unused)
{
  g_autoptr (GResource) resource = load ();
  g_autoptr (LeashFs) fs = leash_resource_fs_new (resource);
  g_autoptr (LeashFile) file = NULL;
  char buffer[6] = "";

  file = leash_fs_open (fs, self->base.ctx, PREFIX "plain.txt", LEASH_OPEN_READ, 0, NULL);
  g_clear_object (&fs);
  g_clear_pointer (&resource, g_resource_unref);
  g_assert_cmpint (leash_file_read (file, self->base.ctx, buffer, 5, NULL), ==, 5);
  g_assert_cmpstr (buffer, ==, "plain");
}

static void
test_forgotten (Resources *self, gconstpointer unused)
{
  g_autoptr (LeashFile) file = leash_open (self->ctx, PREFIX "plain.txt", LEASH_OPEN_READ, 0, NULL);
  g_autofree char *report = leash_tracker_report (self->base.tracker, LEASH_FORMAT_TEXT);

  if (leash_has_tracking ())
    g_assert_nonnull (strstr (report, "file \"" PREFIX "plain.txt\""));
}

/* All threads read one file at its one position: each byte comes once. */
static gpointer
read_bytes (gpointer file)
{
  gsize n = 0;
  char byte;

  while (leash_file_read (file, leash_context_background (), &byte, 1, NULL) == 1)
    n++;
  return GSIZE_TO_POINTER (n);
}

static void
test_threads (Resources *self, gconstpointer unused)
{
  g_autoptr (LeashFile) file = leash_open (self->ctx, PREFIX "packed.txt", LEASH_OPEN_READ, 0, NULL);
  GThread *threads[N_THREADS];
  gsize n = 0;

  for (guint i = 0; i < N_THREADS; i++)
    threads[i] = g_thread_new ("reader", read_bytes, file);
  for (guint i = 0; i < N_THREADS; i++)
    n += GPOINTER_TO_SIZE (g_thread_join (threads[i]));
  g_assert_cmpuint (n, ==, 20 * 200);
}

static void
test_none_registered (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (LeashFs) fs = leash_resource_fs_new (NULL);
  g_autoptr (GError) error = NULL;
  LeashStat stat;

  g_assert_true (leash_fs_stat (fs, fixture->ctx, "/", &stat, &error));
  g_assert_false (leash_fs_stat (fs, fixture->ctx, PREFIX, &stat, &error));
  assert_io_error (error, G_IO_ERROR_NOT_FOUND, g_strerror (ENOENT));
}

#define ADD_BOTH(name, func)                                                                                \
  G_STMT_START                                                                                              \
  {                                                                                                         \
    g_test_add ("/fs/resource/bundle/" name, Resources, NULL, set_up_resources, func, tear_down_resources); \
    g_test_add ("/fs/resource/global/" name, Resources, "", set_up_resources, func, tear_down_resources);   \
  }                                                                                                         \
  G_STMT_END

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD_BOTH ("contents-are-read", test_read);
  ADD_BOTH ("paths-count-from-the-root", test_paths);
  ADD_BOTH ("stat-tells-sizes-and-directories", test_stat);
  ADD_BOTH ("directories-are-listed", test_list);
  ADD_BOTH ("positions", test_seek);
  ADD_BOTH ("nothing-can-be-changed", test_read_only);
  ADD_BOTH ("open-file-outlives-the-resource", test_outlives);
  ADD_BOTH ("forgotten-file-is-reported", test_forgotten);
  ADD_BOTH ("threads-share-a-position", test_threads);
  ADD ("/fs/resource/none-registered-is-an-empty-root", test_none_registered);
  return g_test_run ();
}
