/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* leash_read_file() and its limit, on real and odd files. */
#include <pthread.h>

#include "files-fixture.h"

static void
assert_bytes (GBytes *bytes, const void *expected, gsize size)
{
  gsize length;
  const void *found = g_bytes_get_data (bytes, &length);

  g_assert_cmpmem (found, length, expected, size);
}

static void
test_sizes (Files *files, gconstpointer kind)
{
  static const gsize sizes[] = { 0, 1, 4095, 4096, 4097, 100000 };
  g_autofree char *path = files_path (files, "file");
  g_autofree char *text = g_malloc0 (100001);

  memset (text, 'x', 100000);
  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++)
    {
      g_autofree char *part = g_strndup (text, sizes[i]);
      g_autoptr (GBytes) bytes = NULL;
      g_autoptr (GError) error = NULL;

      files_write (files, "file", part);
      bytes = leash_read_file (files->ctx, path, &error);
      g_assert_no_error (error);
      assert_bytes (bytes, part, sizes[i]);
    }
}

static void
test_limit (Files *files, gconstpointer kind)
{
  g_autofree char *path = files_path (files, "file");
  g_autoptr (GBytes) bytes = NULL;
  g_autoptr (GError) error = NULL;

  files_write (files, "file", "12345");
  bytes = leash_read_file_full (files->ctx, path, 5, &error);
  g_assert_no_error (error);
  assert_bytes (bytes, "12345", 5);
  g_assert_null (leash_read_file_full (files->ctx, path, 4, &error));
  assert_io_error (error, G_IO_ERROR_MESSAGE_TOO_LARGE, "Reading “", "file”: it has more than 4 bytes");
  g_assert_null (leash_read_file_full (files->ctx, path, 0, &error));
  assert_io_error (error, G_IO_ERROR_MESSAGE_TOO_LARGE, "it has more than 0 bytes");
}

static void
test_failures (Files *files, gconstpointer kind)
{
  g_autofree char *missing = files_path (files, "missing");
  g_autofree char *dir = files_path (files, "dir");
  g_autoptr (LeashContext) done = leash_context_with_cancel (files->ctx);
  g_autoptr (GError) error = NULL;

  files_mkdir (files, "dir");
  g_assert_null (leash_read_file (files->ctx, missing, &error));
  assert_io_error (error, G_IO_ERROR_NOT_FOUND, "Opening “", "missing”: ");
  g_assert_null (leash_read_file (files->ctx, dir, &error));
  assert_io_error (error, G_IO_ERROR_IS_DIRECTORY, "dir”: ");
  leash_context_cancel (done, NULL);
  g_assert_null (leash_read_file (done, missing, &error));
  assert_io_error (error, G_IO_ERROR_CANCELLED, "Opening “");
}

static void
test_endless (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (leash_read_file_full (fixture->ctx, "/dev/zero", 1000000, &error));
  assert_io_error (error, G_IO_ERROR_MESSAGE_TOO_LARGE, "Reading “/dev/zero”: ", "1000000 bytes");
}

static void
test_proc (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (GBytes) bytes = NULL;
  g_autoptr (GError) error = NULL;
  LeashStat stat;

  g_assert_true (leash_stat (fixture->ctx, "/proc/self/maps", &stat, &error));
  g_assert_cmpuint (stat.size, ==, 0);
  bytes = leash_read_file (fixture->ctx, "/proc/self/maps", &error);
  g_assert_no_error (error);
  g_assert_cmpuint (g_bytes_get_size (bytes), >, 1000);
}

static gpointer
write_slowly (gpointer path)
{
  FILE *stream = fopen (path, "w");

  for (guint i = 0; i < 100; i++)
    {
      fprintf (stream, "%0100u", i);
      fflush (stream);
    }
  fclose (stream);
  return NULL;
}

static void
test_fifo (Fixture *fixture, gconstpointer unused)
{
  g_autofree char *path = path_of (fixture, "fifo");
  g_autoptr (GBytes) bytes = NULL;
  g_autoptr (GError) error = NULL;
  GThread *writer;

  g_assert_cmpint (mkfifo (path, 0600), ==, 0);
  writer = g_thread_new ("writer", write_slowly, path);
  bytes = leash_read_file (fixture->ctx, path, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (g_bytes_get_size (bytes), ==, 10000);
  g_thread_join (writer);
}

/* A file system whose file says that it has one byte, and has many. */

static gssize
growing_read (gpointer impl, LeashContext *ctx, void *buffer, gsize count, GError **error)
{
  guint *n_left = impl;
  gsize n = MIN (MIN (count, *n_left), 7);

  memset (buffer, 'g', n);
  *n_left -= (guint) n;
  return (gssize) n;
}

static gboolean
growing_stat (gpointer impl, LeashContext *ctx, LeashStat *ret_stat, GError **error)
{
  ret_stat->type = G_FILE_TYPE_REGULAR;
  ret_stat->size = 1;
  return TRUE;
}

static gboolean
growing_close (gpointer impl, GError **error)
{
  return TRUE;
}

static const LeashFileOps growing_ops = {
  .size = sizeof (LeashFileOps),
  .read = growing_read,
  .stat = growing_stat,
  .close = growing_close,
};

typedef GObject Growing;
typedef GObjectClass GrowingClass;
static guint growing_size;

static LeashFile *
growing_open (LeashFs *fs, LeashContext *ctx, const char *path, LeashOpenFlags flags, guint mode,
              GError **error)
{
  return leash_file_new (&growing_ops, &growing_size, NULL, path, flags);
}

static void
growing_init_iface (LeashFsInterface *iface)
{
  iface->version = LEASH_FS_INTERFACE_VERSION;
  iface->open = growing_open;
}

static GType growing_get_type (void);
G_DEFINE_TYPE_WITH_CODE (Growing, growing, G_TYPE_OBJECT,
                         G_IMPLEMENT_INTERFACE (LEASH_TYPE_FS, growing_init_iface))

static void
growing_class_init (GrowingClass *klass)
{
}

static void
growing_init (Growing *self)
{
}

static void
test_growing (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (LeashFs) fs = g_object_new (growing_get_type (), NULL);
  g_autoptr (LeashContext) ctx = leash_context_with_fs (fixture->ctx, fs);
  g_autoptr (GBytes) bytes = NULL;
  g_autoptr (GError) error = NULL;

  growing_size = 100000;
  bytes = leash_read_file (ctx, "growing", &error);
  g_assert_no_error (error);
  g_assert_cmpuint (g_bytes_get_size (bytes), ==, 100000);
  growing_size = 100000;
  g_assert_null (leash_read_file_full (ctx, "growing", 5000, &error));
  assert_io_error (error, G_IO_ERROR_MESSAGE_TOO_LARGE, "Reading “growing”: ");
}

static void
test_null_arguments (Fixture *fixture, gconstpointer unused)
{
  expect_critical ("leash_read_file", "ctx != NULL");
  g_assert_null (leash_read_file (NULL, "a", NULL));
  expect_critical ("leash_read_file", "path != NULL");
  g_assert_null (leash_read_file (fixture->ctx, NULL, NULL));
  expect_critical ("leash_read_file_full", "path != NULL");
  g_assert_null (leash_read_file_full (fixture->ctx, NULL, 1, NULL));
  assert_expected ();
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  files_add ("/fs/read-file", "any-size", test_sizes);
  files_add ("/fs/read-file", "more-than-the-limit-is-refused", test_limit);
  files_add ("/fs/read-file", "failure-names-the-path", test_failures);
  ADD ("/fs/read-file/what-never-ends-stops-at-the-limit", test_endless);
  ADD ("/fs/read-file/size-0-in-proc-is-no-size", test_proc);
  ADD ("/fs/read-file/fifo-is-read-to-its-end", test_fifo);
  ADD ("/fs/read-file/file-that-grows-is-read-whole", test_growing);
  ADD ("/fs/read-file/null-argument-is-named", test_null_arguments);
  return g_test_run ();
}
