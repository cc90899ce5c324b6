/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Directories with those above them, and whether something is there. */
#include "files-fixture.h"

static gboolean
make_all (Files *files, const char *name, guint mode, GError **error)
{
  g_autofree char *path = files_path (files, name);

  return leash_mkdir_all (files->ctx, path, mode, error);
}

static void
test_all (Files *files, gconstpointer kind)
{
  static const char *const names[] = { "a", "b/c/d", "b/c/d", "b//c///e/", "./f/./g", "b/../h/i", "a/", "." };

  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autoptr (GError) error = NULL;

      g_assert_true (make_all (files, names[i], 0755, &error));
      g_assert_no_error (error);
      g_assert_cmpint (files_lstat (files, names[i]).type, ==, G_FILE_TYPE_DIRECTORY);
    }
  files_assert_list (files, "", "a b f h");
  files_assert_list (files, "b/c", "d e");
}

static void
test_modes (Files *files, gconstpointer kind)
{
  g_autoptr (GError) error = NULL;

  g_assert_true (make_all (files, "a/b/c", 0500, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (files_lstat (files, "a").mode, ==, 0700);
  g_assert_cmpuint (files_lstat (files, "a/b").mode, ==, 0700);
  g_assert_cmpuint (files_lstat (files, "a/b/c").mode, ==, 0500);
  /* What is there keeps its own. */
  g_assert_true (make_all (files, "a/b/c", 0755, &error));
  g_assert_cmpuint (files_lstat (files, "a/b/c").mode, ==, 0500);
}

static void
test_links (Files *files, gconstpointer kind)
{
  g_autoptr (GError) error = NULL;

  files_mkdir (files, "dir");
  files_symlink (files, "dir", "link");
  files_symlink (files, "nowhere", "dangling");
  g_assert_true (make_all (files, "link", 0755, &error));
  g_assert_true (make_all (files, "link/a/b", 0755, &error));
  g_assert_no_error (error);
  files_assert_list (files, "dir", "a");
  g_assert_false (make_all (files, "dangling", 0755, &error));
  assert_io_error (error, G_IO_ERROR_EXISTS, "Making all of “", "dangling”: Making the directory “");
}

static void
test_failures (Files *files, gconstpointer kind)
{
  g_autoptr (GError) error = NULL;

  files_write (files, "file", "");
  g_assert_false (make_all (files, "file", 0755, &error));
  assert_io_error (error, G_IO_ERROR_EXISTS, "Making all of “", "file”: Making the directory “");
  g_assert_false (make_all (files, "file/a/b", 0755, &error));
  assert_io_error (error, G_IO_ERROR_NOT_DIRECTORY, "Making all of “", "file/a/b”: ");
  g_assert_false (make_all (files, "new/dir", 010000, &error));
  assert_io_error (error, G_IO_ERROR_INVALID_ARGUMENT, "010000");
  g_assert_false (leash_mkdir_all (files->ctx, "", 0755, &error));
  assert_io_error (error, G_IO_ERROR_NOT_FOUND, "Making all of “”: the path is empty");
  g_assert_true (leash_mkdir_all (files->base.ctx, "/", 0755, &error));
  files_assert_list (files, "", "file");
}

typedef struct
{
  Files *files;
  guint seed;
} Maker;

static gpointer
make_many (gpointer data)
{
  Maker *maker = data;

  for (guint i = 0; i < 200; i++)
    {
      g_autofree char *name = g_strdup_printf ("%u/a/b/%u/c", i, maker->seed);
      g_autoptr (GError) error = NULL;

      make_all (maker->files, name, 0755, &error);
      g_assert_no_error (error);
    }
  return NULL;
}

static void
test_at_once (Files *files, gconstpointer kind)
{
  Maker makers[4];
  GThread *threads[4];

  for (guint i = 0; i < 4; i++)
    {
      makers[i] = (Maker){ .files = files, .seed = i };
      threads[i] = g_thread_new ("maker", make_many, &makers[i]);
    }
  for (guint i = 0; i < 4; i++)
    g_thread_join (threads[i]);
  files_assert_list (files, "199/a/b", "0 1 2 3");
}

static void
assert_exists (Files *files, const char *name, gboolean expected)
{
  g_autofree char *path = files_path (files, name);
  g_autoptr (GError) error = NULL;
  gboolean exists = !expected;

  g_assert_true (leash_exists (files->ctx, path, &exists, &error));
  g_assert_no_error (error);
  g_assert_cmpint (exists, ==, expected);
}

static void
test_exists (Files *files, gconstpointer kind)
{
  g_autofree char *path = files_path (files, "loop");
  g_autoptr (LeashContext) done = leash_context_with_cancel (files->ctx);
  g_autoptr (GError) error = NULL;
  gboolean exists = 5;

  files_write (files, "file", "");
  files_symlink (files, "file", "link");
  files_symlink (files, "nowhere", "dangling");
  files_symlink (files, "loop", "loop");
  assert_exists (files, "file", TRUE);
  assert_exists (files, "", TRUE);
  assert_exists (files, "link", TRUE);
  assert_exists (files, "dangling", FALSE);
  assert_exists (files, "missing", FALSE);
  assert_exists (files, "missing/too", FALSE);
  assert_exists (files, "file/too", FALSE);
  g_assert_false (leash_exists (files->ctx, path, &exists, &error));
  assert_io_error (error, G_IO_ERROR_TOO_MANY_LINKS, "Looking up “", "loop”: ");
  leash_context_cancel (done, NULL);
  g_assert_false (leash_exists (done, path, &exists, &error));
  assert_io_error (error, G_IO_ERROR_CANCELLED, "Looking up “");
  g_assert_cmpint (exists, ==, 5);
}

static void
test_null_arguments (Files *files, gconstpointer kind)
{
  expect_critical ("leash_mkdir_all", "ctx != NULL");
  g_assert_false (leash_mkdir_all (NULL, "a", 0755, NULL));
  expect_critical ("leash_mkdir_all", "path != NULL");
  g_assert_false (leash_mkdir_all (files->ctx, NULL, 0755, NULL));
  expect_critical ("leash_exists", "ret_exists != NULL");
  g_assert_false (leash_exists (files->ctx, "a", NULL, NULL));
  assert_expected ();
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  umask (022);
  files_add ("/fs/mkdir-all", "makes-what-is-missing", test_all);
  files_add ("/fs/mkdir-all", "mode-is-the-last-ones", test_modes);
  files_add ("/fs/mkdir-all", "links-to-directories-are-directories", test_links);
  files_add ("/fs/mkdir-all", "failure-names-the-path", test_failures);
  files_add ("/fs/mkdir-all", "threads-make-the-same-at-once", test_at_once);
  files_add ("/fs/mkdir-all", "null-argument-is-named", test_null_arguments);
  files_add ("/fs/exists", "missing-is-told-from-not-known", test_exists);
  return g_test_run ();
}
