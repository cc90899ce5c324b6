/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* leash_copy(): one file */
#include <signal.h>
#include <sys/resource.h>

#include "files-fixture.h"

static gboolean
copy (Files *files, const char *source, const char *target, LeashCopyFlags flags, GError **error)
{
  g_autofree char *from = files_path (files, source);
  g_autofree char *to = files_path (files, target);

  return leash_copy (files->ctx, from, to, flags, error);
}

static void
chmod_to (Files *files, const char *name, guint mode)
{
  g_autofree char *path = files_path (files, name);

  g_assert_true (leash_chmod (files->ctx, path, mode, NULL));
}

static void
test_content_and_attributes (Files *files, gconstpointer kind)
{
  g_autofree char *path = files_path (files, "a");
  g_autoptr (GError) error = NULL;
  LeashStat stat;

  files_write (files, "a", "content");
  chmod_to (files, "a", 04757);
  g_assert_true (leash_set_times (files->ctx, path, 1000000001, 2000000002, 0, &error));
  g_assert_true (copy (files, "a", "b", 0, &error));
  g_assert_no_error (error);
  files_assert_content (files, "b", "content");
  stat = files_lstat (files, "b");
  g_assert_cmpuint (stat.mode, ==, 0755);
  g_assert_cmpint (stat.mtime_ns, !=, 2000000002);
  g_assert_true (copy (files, "a", "c", LEASH_COPY_MODES | LEASH_COPY_OWNERS | LEASH_COPY_TIMES, &error));
  g_assert_no_error (error);
  stat = files_lstat (files, "c");
  g_assert_cmpuint (stat.mode, ==, 04757);
  g_assert_cmpint (stat.mtime_ns, ==, 2000000002);
  files_assert_list (files, "", "a b c");
}

static void
test_links (Files *files, gconstpointer kind)
{
  g_autoptr (GError) error = NULL;

  files_write (files, "file", "content");
  files_symlink (files, "file", "link");
  files_symlink (files, "nowhere", "dangling");
  g_assert_true (copy (files, "link", "a", 0, &error));
  g_assert_cmpint (files_lstat (files, "a").type, ==, G_FILE_TYPE_SYMBOLIC_LINK);
  files_assert_content (files, "a", "content");
  g_assert_true (copy (files, "link", "b", LEASH_COPY_FOLLOW, &error));
  g_assert_cmpint (files_lstat (files, "b").type, ==, G_FILE_TYPE_REGULAR);
  g_assert_true (copy (files, "dangling", "b", LEASH_COPY_OVERWRITE | LEASH_COPY_TIMES, &error));
  g_assert_no_error (error);
  g_assert_cmpint (files_lstat (files, "b").type, ==, G_FILE_TYPE_SYMBOLIC_LINK);
  g_assert_false (copy (files, "dangling", "c", LEASH_COPY_FOLLOW, &error));
  assert_io_error (error, G_IO_ERROR_NOT_FOUND, "Copying “", "dangling” to “", "c”: Looking up “");
  files_assert_list (files, "", "a b dangling file link");
}

static void
test_overwrite (Files *files, gconstpointer kind)
{
  g_autoptr (GError) error = NULL;

  files_write (files, "new", "new");
  files_write (files, "old", "old");
  files_write (files, "elsewhere", "kept");
  files_symlink (files, "elsewhere", "link");
  files_mkdir (files, "dir");
  g_assert_false (copy (files, "new", "old", 0, &error));
  assert_io_error (error, G_IO_ERROR_EXISTS, "Copying “", "new” to “", "old”: ");
  files_assert_content (files, "old", "old");
  g_assert_true (copy (files, "new", "old", LEASH_COPY_OVERWRITE, &error));
  g_assert_true (copy (files, "new", "link", LEASH_COPY_OVERWRITE, &error));
  g_assert_no_error (error);
  files_assert_content (files, "old", "new");
  files_assert_content (files, "elsewhere", "kept");
  g_assert_cmpint (files_lstat (files, "link").type, ==, G_FILE_TYPE_REGULAR);
  g_assert_false (copy (files, "new", "dir", LEASH_COPY_OVERWRITE, &error));
  assert_io_error (error, G_IO_ERROR_IS_DIRECTORY, "dir”: ");
  files_assert_list (files, "", "dir elsewhere link new old");
}

static void
test_same (Files *files, gconstpointer kind)
{
  g_autofree char *file = files_path (files, "file");
  g_autofree char *hard = files_path (files, "hard");
  static const char *const names[] = { "file", "./file", "hard" };
  g_autoptr (GError) error = NULL;

  files_write (files, "file", "content");
  g_assert_true (leash_link (files->ctx, file, hard, &error));
  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_assert_false (copy (files, "file", names[i], LEASH_COPY_OVERWRITE, &error));
      assert_io_error (error, G_IO_ERROR_INVALID_ARGUMENT, "they are the same file");
    }
  files_assert_content (files, "file", "content");
}

static void
test_others (Files *files, gconstpointer kind)
{
  g_autofree char *fifo = path_of (&files->base, "fifo");
  g_autoptr (GError) error = NULL;

  files_mkdir (files, "dir");
  g_assert_cmpint (mkfifo (fifo, 0600), ==, 0);
  g_assert_false (copy (files, "dir", "x", 0, &error));
  assert_io_error (error, G_IO_ERROR_IS_DIRECTORY, "Copying “", "dir” to “");
  g_assert_false (copy (files, "fifo", "x", 0, &error));
  assert_io_error (error, G_IO_ERROR_NOT_REGULAR_FILE, "Copying “", "fifo” to “");
  g_assert_false (copy (files, "missing", "x", 0, &error));
  assert_io_error (error, G_IO_ERROR_NOT_FOUND, "Copying “", "missing” to “");
  files_write (files, "file", "");
  g_assert_false (copy (files, "file", "missing/x", 0, &error));
  assert_io_error (error, G_IO_ERROR_NOT_FOUND, "Copying “", "missing/x”: ");
  g_assert_false (copy (files, "file", "x", 64, &error));
  assert_io_error (error, G_IO_ERROR_INVALID_ARGUMENT, "the flags have bits that are not known");
  files_assert_list (files, "", "dir fifo file");
}

/* Holes of 1 MiB before, between and behind two words. */
static void
test_holes (Files *files, gconstpointer kind)
{
  const gint64 size = 3 << 20;
  g_autofree char *path = files_path (files, "sparse");
  g_autofree char *real = path_of (&files->base, "copy");
  g_autofree char *copied = files_path (files, "copy");
  g_autoptr (LeashFile) file = NULL;
  g_autoptr (GBytes) before = NULL;
  g_autoptr (GBytes) after = NULL;
  g_autoptr (GError) error = NULL;
  struct stat found;

  file = leash_open (files->ctx, path, LEASH_OPEN_WRITE | LEASH_OPEN_CREATE, 0600, &error);
  g_assert_cmpint (leash_file_pwrite (file, files->ctx, "one", 3, 1 << 20, &error), ==, 3);
  g_assert_cmpint (leash_file_pwrite (file, files->ctx, "two", 3, (2 << 20) - 1, &error), ==, 3);
  g_assert_true (leash_file_truncate (file, files->ctx, size, &error));
  g_assert_true (leash_file_close (file, &error));
  g_assert_true (copy (files, "sparse", "copy", 0, &error));
  g_assert_no_error (error);
  before = leash_read_file (files->ctx, path, &error);
  after = leash_read_file (files->ctx, copied, &error);
  g_assert_cmpint ((gint64) g_bytes_get_size (after), ==, size);
  g_assert_true (g_bytes_equal (before, after));
  g_assert_cmpint (stat (real, &found), ==, 0);
  g_assert_cmpint (found.st_blocks * 512, <, size / 4);
}

typedef struct
{
  LeashContext *cancel;
  guint64 n_bytes;
  guint n;
} Told;

static void
tell (const LeashProgress *progress, gpointer user_data)
{
  Told *told = user_data;

  g_assert_cmpuint (progress->n_bytes, >=, told->n_bytes);
  g_assert_cmpuint (progress->total_bytes, ==, 1000000);
  told->n_bytes = progress->n_bytes;
  told->n++;
  if (told->n == 2 && told->cancel != NULL)
    leash_context_cancel (told->cancel, NULL);
}

static void
test_progress (Files *files, gconstpointer kind)
{
  g_autofree char *text = g_malloc0 (1000001);
  g_autofree char *from = files_path (files, "a");
  g_autofree char *to = files_path (files, "b");
  g_autoptr (LeashContext) ctx = leash_context_with_cancel (files->ctx);
  Told told = { .cancel = ctx };
  g_autoptr (GError) error = NULL;

  memset (text, 'x', 1000000);
  files_write (files, "a", text);
  g_assert_false (leash_copy_full (ctx, NULL, from, NULL, to, 0, tell, &told, &error));
  assert_io_error (error, G_IO_ERROR_CANCELLED, "Copying “");
  g_assert_cmpuint (told.n, ==, 2);
  g_assert_cmpuint (told.n_bytes, <, 1000000);
  files_assert_list (files, "", "a");
  told = (Told){ 0 };
  g_assert_true (leash_copy_full (files->ctx, NULL, from, NULL, to, 0, tell, &told, &error));
  g_assert_cmpuint (told.n_bytes, ==, 1000000);
}

static void
test_no_space (Files *files, gconstpointer kind)
{
  static const LeashCopyFlags flags[] = { 0, LEASH_COPY_OVERWRITE };
  g_autofree char *text = g_malloc0 (1000001);

  if (!g_test_subprocess ())
    {
      g_test_trap_subprocess (NULL, 0, G_TEST_SUBPROCESS_DEFAULT);
      g_test_trap_assert_passed ();
      return;
    }
  memset (text, 'x', 1000000);
  files_write (files, "a", text);
  files_write (files, "b", "old");
  signal (SIGXFSZ, SIG_IGN);
  g_assert_cmpint (setrlimit (RLIMIT_FSIZE, &(struct rlimit){ 500000, 500000 }), ==, 0);
  for (guint i = 0; i < G_N_ELEMENTS (flags); i++)
    {
      g_autoptr (GError) error = NULL;

      g_assert_false (copy (files, "a", flags[i] == 0 ? "c" : "b", flags[i], &error));
      g_assert_nonnull (strstr (error->message, "Writing to “"));
    }
  files_assert_content (files, "b", "old");
  files_assert_list (files, "", "a b");
}

/* From the host to the one that is tested, and back. */
static void
test_between (Files *files, gconstpointer kind)
{
  g_autoptr (LeashFs) host = leash_host_fs_new ();
  g_autofree char *real = make_file (&files->base, "real", "content");
  g_autofree char *path = files_path (files, "path");
  g_autofree char *back = path_of (&files->base, "back");
  g_autoptr (GError) error = NULL;

  g_assert_true (leash_copy_full (files->ctx, host, real, NULL, path, 0, NULL, NULL, &error));
  g_assert_no_error (error);
  files_assert_content (files, "path", "content");
  g_assert_true (leash_copy_full (files->ctx, NULL, path, host, back, 0, NULL, NULL, &error));
  g_assert_no_error (error);
  assert_content (back, "content");
}

static void
test_null_arguments (Files *files, gconstpointer kind)
{
  expect_critical ("leash_copy", "ctx != NULL");
  g_assert_false (leash_copy (NULL, "a", "b", 0, NULL));
  expect_critical ("leash_copy", "source != NULL");
  g_assert_false (leash_copy (files->ctx, NULL, "b", 0, NULL));
  expect_critical ("leash_copy", "target != NULL");
  g_assert_false (leash_copy (files->ctx, "a", NULL, 0, NULL));
  expect_critical ("leash_copy_full", "target != NULL");
  g_assert_false (leash_copy_full (files->ctx, NULL, "a", NULL, NULL, 0, NULL, NULL, NULL));
  assert_expected ();
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  umask (022);
  files_add ("/fs/copy", "content-and-attributes", test_content_and_attributes);
  files_add ("/fs/copy", "links-are-links-or-followed", test_links);
  files_add ("/fs/copy", "overwrites-if-told", test_overwrite);
  files_add ("/fs/copy", "same-file-is-refused", test_same);
  files_add_on_disk ("/fs/copy", "what-is-no-file-is-refused", test_others);
  files_add_on_disk ("/fs/copy", "holes-are-kept", test_holes);
  files_add ("/fs/copy", "progress-and-cancellation", test_progress);
  files_add_on_disk ("/fs/copy", "no-space-leaves-the-old-content", test_no_space);
  files_add ("/fs/copy", "from-one-file-system-to-another", test_between);
  files_add ("/fs/copy", "null-argument-is-named", test_null_arguments);
  return g_test_run ();
}
