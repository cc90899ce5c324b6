/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Temporary files and directories. */
#include "files-fixture.h"

static void
test_file (Files *files, gconstpointer kind)
{
  g_autofree char *dir = files_path (files, "");
  g_autoptr (LeashFile) file = NULL;
  g_autofree char *name = NULL;
  g_autoptr (GError) error = NULL;
  LeashStat stat;

  file = leash_temp_file (files->ctx, dir, "pre-", ".suf", &error);
  g_assert_no_error (error);
  g_assert_cmpint (leash_file_write (file, files->ctx, "x", 1, &error), ==, 1);
  g_assert_cmpint (leash_file_seek (file, 0, G_SEEK_SET, &error), ==, 0);
  g_assert_true (leash_stat (files->ctx, leash_file_get_path (file), &stat, &error));
  g_assert_cmpuint (stat.mode, ==, 0600);
  name = g_path_get_basename (leash_file_get_path (file));
  g_assert_true (g_str_has_prefix (name, "pre-"));
  g_assert_true (g_str_has_suffix (name, ".suf"));
  g_assert_cmpuint (strlen (name), ==, 4 + 16 + 4);
  g_assert_true (leash_file_close (file, &error));
  g_assert_no_error (error);
}

static void
test_dir (Files *files, gconstpointer kind)
{
  g_autofree char *parent = files_path (files, "");
  g_autofree char *path = NULL;
  g_autoptr (GError) error = NULL;
  LeashStat stat;

  path = leash_temp_dir (files->ctx, parent, NULL, NULL, &error);
  g_assert_no_error (error);
  g_assert_true (leash_stat (files->ctx, path, &stat, &error));
  g_assert_cmpint (stat.type, ==, G_FILE_TYPE_DIRECTORY);
  g_assert_cmpuint (stat.mode, ==, 0700);
}

static void
test_names_differ (Files *files, gconstpointer kind)
{
  g_autoptr (GHashTable) seen = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  g_autofree char *parent = files_path (files, "");
  guint n_characters[256] = { 0 };

  for (guint i = 0; i < 500; i++)
    {
      g_autoptr (GError) error = NULL;
      char *path = leash_temp_dir (files->ctx, parent, "", "", &error);

      g_assert_no_error (error);
      for (const char *p = path + strlen (path) - 16; *p != '\0'; p++)
        n_characters[(guint8) *p]++;
      g_assert_true (g_hash_table_add (seen, path));
    }
  /* Each of the 32 is expected 250 times; a bit that is lost takes 16 of them to none. */
  for (const char *p = "abcdefghijklmnopqrstuvwxyz234567"; *p != '\0'; p++)
    g_assert_cmpuint (n_characters[(guint8) *p], >, 100);
}

static void
test_failures (Files *files, gconstpointer kind)
{
  g_autofree char *missing = files_path (files, "missing");
  g_autofree char *here = files_path (files, "");
  g_autoptr (GError) error = NULL;

  g_assert_null (leash_temp_file (files->ctx, missing, "a", "b", &error));
  assert_io_error (error, G_IO_ERROR_NOT_FOUND, "Making a temporary file in “", "missing”: Opening “");
  g_assert_null (leash_temp_dir (files->ctx, missing, "a", "b", &error));
  assert_io_error (error, G_IO_ERROR_NOT_FOUND, "Making a temporary directory in “", "missing”: ");
  g_assert_null (leash_temp_file (files->ctx, here, "../a", "", &error));
  assert_io_error (error, G_IO_ERROR_INVALID_ARGUMENT, "“../a” is to be a part of a name, and has a slash");
  g_assert_null (leash_temp_dir (files->ctx, here, "", "/", &error));
  assert_io_error (error, G_IO_ERROR_INVALID_ARGUMENT, "“/” is to be a part of a name");
  g_assert_null (leash_temp_dir (files->ctx, "", "", "", &error));
  assert_io_error (error, G_IO_ERROR_NOT_FOUND, "the path is empty");
  files_assert_list (files, "", "");
}

static void
test_leak (Files *files, gconstpointer kind)
{
  g_autofree char *dir = files_path (files, "");
  g_autoptr (LeashFile) file = leash_temp_file (files->ctx, dir, NULL, NULL, NULL);

  g_assert_nonnull (file);
  if (leash_has_tracking ())
    {
      g_autofree char *report = leash_tracker_report (files->base.tracker, LEASH_FORMAT_TEXT);

      g_assert_cmpuint (leash_tracker_count_open (files->base.tracker), ==, 1);
      g_assert_nonnull (strstr (report, "test_leak"));
      g_assert_null (strstr (report, "leash_temp_file"));
    }
}

static void
test_null_arguments (Files *files, gconstpointer kind)
{
  expect_critical ("leash_temp_file", "ctx != NULL");
  g_assert_null (leash_temp_file (NULL, "a", NULL, NULL, NULL));
  expect_critical ("leash_temp_file", "dir != NULL");
  g_assert_null (leash_temp_file (files->ctx, NULL, NULL, NULL, NULL));
  expect_critical ("leash_temp_dir", "dir != NULL");
  g_assert_null (leash_temp_dir (files->ctx, NULL, NULL, NULL, NULL));
  assert_expected ();
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  files_add ("/fs/temp", "file", test_file);
  files_add ("/fs/temp", "directory", test_dir);
  files_add ("/fs/temp", "names-differ-in-every-character", test_names_differ);
  files_add ("/fs/temp", "failure-names-the-directory", test_failures);
  files_add ("/fs/temp", "forgotten-file-is-reported-with-the-caller", test_leak);
  files_add ("/fs/temp", "null-argument-is-named", test_null_arguments);
  return g_test_run ();
}
