/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What GIO reaches as a file system: a directory of the disk, and resources. The rest is in
 * test-conformance.c. */
#include "fs-fixture.h"

#include <leash/leash-gfile-fs.h>

#define N_THREADS 4
#define N_ROUNDS 200

typedef struct
{
  Fixture base;
  char *path;  /* of a directory of the disk that has a file, secret, and a directory, root */
  LeashFs *fs; /* of root */
} Roots;

static char *
real_path (Roots *self, const char *name)
{
  return g_build_filename (self->path, name, NULL);
}

static void
set_up_roots (Roots *self, gconstpointer unused)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GFile) root = NULL;
  g_autofree char *secret = NULL;
  g_autofree char *path = NULL;

  set_up (&self->base, NULL);
  self->path = g_dir_make_tmp ("leash-test-XXXXXX", &error);
  g_assert_no_error (error);
  secret = real_path (self, "secret");
  g_assert_true (g_file_set_contents (secret, "outside", -1, NULL));
  path = real_path (self, "root");
  g_assert_cmpint (mkdir (path, 0755), ==, 0);
  root = g_file_new_for_path (path);
  self->fs = leash_gfile_fs_new (root);
}

static void
tear_down_roots (Roots *self, gconstpointer unused)
{
  g_object_unref (self->fs);
  remove_tree (self->path);
  g_free (self->path);
  tear_down (&self->base, NULL);
}

static LeashFile *
open_it (Roots *self, LeashFs *fs, const char *path, LeashOpenFlags flags)
{
  g_autoptr (GError) error = NULL;
  LeashFile *file = leash_fs_open (fs, self->base.ctx, path, flags, 0644, &error);

  g_assert_no_error (error);
  return file;
}

static void
write_text (Roots *self, const char *path, LeashOpenFlags flags, const char *text)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (LeashFile) file = open_it (self, self->fs, path, flags);

  g_assert_cmpint (leash_file_write (file, self->base.ctx, text, strlen (text), &error), ==, strlen (text));
  g_assert_no_error (error);
  g_assert_true (leash_file_sync (file, self->base.ctx, &error));
  g_assert_no_error (error);
  g_assert_true (leash_file_close (file, &error));
}

static void
assert_real_text (Roots *self, const char *name, const char *text)
{
  g_autofree char *path = real_path (self, name);
  g_autofree char *found = NULL;

  g_assert_true (g_file_get_contents (path, &found, NULL, NULL));
  g_assert_cmpstr (found, ==, text);
}

static GError *
refuse_open (Roots *self, LeashFs *fs, const char *path, LeashOpenFlags flags)
{
  GError *error = NULL;

  g_assert_null (leash_fs_open (fs, self->base.ctx, path, flags, 0644, &error));
  return error;
}

static void
test_writing (Roots *self, gconstpointer unused)
{
  g_autoptr (GError) exists = NULL;
  g_autoptr (GError) missing = NULL;

  write_text (self, "f", LEASH_OPEN_WRITE | LEASH_OPEN_CREATE | LEASH_OPEN_EXCLUSIVE, "one two");
  write_text (self, "f", LEASH_OPEN_APPEND, " three");
  assert_real_text (self, "root/f", "one two three");
  write_text (self, "/f", LEASH_OPEN_WRITE, "ONE");
  assert_real_text (self, "root/f", "ONE two three");
  write_text (self, "../f", LEASH_OPEN_WRITE | LEASH_OPEN_CREATE | LEASH_OPEN_TRUNCATE, "new");
  assert_real_text (self, "root/f", "new");
  write_text (self, "g", LEASH_OPEN_APPEND | LEASH_OPEN_CREATE | LEASH_OPEN_TRUNCATE, "made");
  assert_real_text (self, "root/g", "made");
  exists = refuse_open (self, self->fs, "f", LEASH_OPEN_WRITE | LEASH_OPEN_CREATE | LEASH_OPEN_EXCLUSIVE);
  g_assert_error (exists, G_IO_ERROR, G_IO_ERROR_EXISTS);
  missing = refuse_open (self, self->fs, "h", LEASH_OPEN_WRITE);
  g_assert_error (missing, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
  g_assert_cmpstr (missing->message, ==, "Opening “h”: No such file or directory");
}

static void
test_read_and_append (Roots *self, gconstpointer unused)
{
  g_autoptr (GError) error = NULL;

  write_text (self, "f", LEASH_OPEN_WRITE | LEASH_OPEN_CREATE, "text");
  error = refuse_open (self, self->fs, "f", LEASH_OPEN_READ | LEASH_OPEN_APPEND | LEASH_OPEN_TRUNCATE);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED);
  assert_real_text (self, "root/f", "text");
}

/* Links made on the disk that lead out of the root count from it. */
static void
test_links (Roots *self, gconstpointer unused)
{
  static const char *const targets[] = { "../secret", "/secret", "../../../../secret" };
  g_autofree char *link = real_path (self, "root/link");

  for (guint i = 0; i < G_N_ELEMENTS (targets); i++)
    {
      g_autoptr (GError) error = NULL;

      g_assert_cmpint (symlink (targets[i], link), ==, 0);
      error = refuse_open (self, self->fs, "link", LEASH_OPEN_READ);
      g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
      write_text (self, "link", LEASH_OPEN_WRITE | LEASH_OPEN_CREATE, "inside");
      assert_real_text (self, "root/secret", "inside");
      assert_real_text (self, "secret", "outside");
      g_assert_true (leash_fs_remove (self->fs, self->base.ctx, "secret", NULL));
      g_assert_true (leash_fs_remove (self->fs, self->base.ctx, "link", NULL));
    }
}

static void
test_cancelled (Roots *self, gconstpointer unused)
{
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (LeashContext) ctx = leash_context_with_cancellable (self->base.ctx, cancellable);
  g_autoptr (GError) error = NULL;
  LeashStat stat;

  g_assert_true (leash_fs_stat (self->fs, ctx, ".", &stat, NULL));
  g_cancellable_cancel (cancellable);
  g_assert_false (leash_fs_stat (self->fs, ctx, ".", &stat, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
}

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
look_at_resources (Roots *self, LeashFs *fs)
{
  g_autoptr (LeashFile) file = open_it (self, fs, "/plain.txt", LEASH_OPEN_READ);
  g_autoptr (LeashDir) dir = leash_fs_open_dir (fs, self->base.ctx, "deep", NULL);
  g_autoptr (GError) error = NULL;
  const LeashDirEntry *entry;
  char buffer[100];

  g_assert_cmpint (leash_file_pread (file, self->base.ctx, buffer, sizeof buffer, 6, NULL), ==, 5);
  g_assert_cmpmem (buffer, 5, "text\n", 5);
  g_assert_cmpint (leash_file_pread (file, self->base.ctx, buffer, sizeof buffer, 1000, NULL), ==, 0);
  g_assert_cmpint (leash_file_read (file, self->base.ctx, buffer, sizeof buffer, NULL), ==, 11);
  g_assert_true (leash_dir_next (dir, self->base.ctx, &entry, NULL));
  g_assert_cmpstr (entry->name, ==, "er");
  g_assert_cmpint (entry->type, ==, G_FILE_TYPE_DIRECTORY);
  error = refuse_open (self, fs, "plain.txt", LEASH_OPEN_WRITE);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED);
  g_assert_cmpint (leash_fs_get_ops (fs) & LEASH_FS_OP_MKDIR, ==, 0);
}

static void
test_resource (Roots *self, gconstpointer unused)
{
  g_autoptr (GResource) resource = load ();
  g_autoptr (GFile) root = g_file_new_for_uri ("resource:///org/leash/test");
  g_autoptr (LeashFs) fs = leash_gfile_fs_new (root);

  g_resources_register (resource);
  look_at_resources (self, fs);
  g_resources_unregister (resource);
}

/* Reading at offsets of one file, which the position must not feel. */
static gpointer
read_often (gpointer data)
{
  LeashFile *file = data;

  for (guint i = 0; i < N_ROUNDS; i++)
    {
      char byte = 0;

      g_assert_cmpint (leash_file_pread (file, leash_context_background (), &byte, 1, i % 10, NULL), ==, 1);
      g_assert_cmpint (byte, ==, '0' + (int) (i % 10));
    }
  return NULL;
}

static void
test_threads (Roots *self, gconstpointer unused)
{
  g_autoptr (LeashFile) file = NULL;
  GThread *threads[N_THREADS];
  char byte = 0;

  write_text (self, "digits", LEASH_OPEN_WRITE | LEASH_OPEN_CREATE, "0123456789");
  file = open_it (self, self->fs, "digits", LEASH_OPEN_READ);
  g_assert_cmpint (leash_file_seek (file, 7, G_SEEK_SET, NULL), ==, 7);
  for (guint i = 0; i < N_THREADS; i++)
    threads[i] = g_thread_new ("read-often", read_often, file);
  for (guint i = 0; i < N_THREADS; i++)
    g_thread_join (threads[i]);
  g_assert_cmpint (leash_file_read (file, self->base.ctx, &byte, 1, NULL), ==, 1);
  g_assert_cmpint (byte, ==, '7');
}

#define ADD_ROOTS(path, func) g_test_add (path, Roots, NULL, set_up_roots, func, tear_down_roots)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD_ROOTS ("/gfile-fs/writing", test_writing);
  ADD_ROOTS ("/gfile-fs/reading-and-appending-is-refused", test_read_and_append);
  ADD_ROOTS ("/gfile-fs/links-stay-within", test_links);
  ADD_ROOTS ("/gfile-fs/cancelled", test_cancelled);
  ADD_ROOTS ("/gfile-fs/resource", test_resource);
  ADD_ROOTS ("/gfile-fs/threads-share-a-file", test_threads);
  return g_test_run ();
}
