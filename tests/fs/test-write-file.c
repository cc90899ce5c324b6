/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* leash_write_file(), which replaces in one step, and leash_append_file(). */
#include <signal.h>
#include <sys/resource.h>

#include "files-fixture.h"

static gboolean
write_text (Files *files, const char *name, const char *text, guint mode, GError **error)
{
  g_autofree char *path = files_path (files, name);

  return leash_write_file (files->ctx, path, text, strlen (text), mode, error);
}

static void
test_new (Files *files, gconstpointer kind)
{
  g_autoptr (GError) error = NULL;

  g_assert_true (write_text (files, "file", "content", 0640, &error));
  g_assert_no_error (error);
  files_assert_content (files, "file", "content");
  files_assert_list (files, "", "file");
  g_assert_cmpuint (files_lstat (files, "file").mode, ==, 0640);
  g_assert_true (write_text (files, "empty", "", 0600, &error));
  files_assert_content (files, "empty", "");
}

static void
test_replaces (Files *files, gconstpointer kind)
{
  g_autofree char *path = files_path (files, "file");
  g_autofree char *other = files_path (files, "other");
  g_autoptr (GError) error = NULL;
  g_autoptr (LeashFile) before = NULL;
  char text[10] = "";

  files_write (files, "file", "old");
  g_assert_true (leash_link (files->ctx, path, other, &error));
  before = leash_open (files->ctx, path, LEASH_OPEN_READ, 0, &error);
  g_assert_no_error (error);
  g_assert_true (write_text (files, "file", "new content", 0600, &error));
  g_assert_no_error (error);
  files_assert_content (files, "file", "new content");
  files_assert_content (files, "other", "old");
  g_assert_cmpint (leash_file_read (before, files->ctx, text, sizeof text, &error), ==, 3);
  g_assert_cmpstr (text, ==, "old");
  g_assert_cmpuint (files_lstat (files, "file").mode, ==, 0600);
  files_assert_list (files, "", "file other");
}

static void
test_link_is_replaced (Files *files, gconstpointer kind)
{
  g_autoptr (GError) error = NULL;

  files_write (files, "target", "old");
  files_symlink (files, "target", "link");
  g_assert_true (write_text (files, "link", "new", 0600, &error));
  g_assert_no_error (error);
  files_assert_content (files, "target", "old");
  files_assert_content (files, "link", "new");
  g_assert_cmpint (files_lstat (files, "link").type, ==, G_FILE_TYPE_REGULAR);
}

static void
test_failures (Files *files, gconstpointer kind)
{
  g_autoptr (GError) error = NULL;

  files_mkdir (files, "dir");
  g_assert_false (write_text (files, "dir", "x", 0600, &error));
  assert_io_error (error, G_IO_ERROR_IS_DIRECTORY, "Replacing “", "dir”: Renaming “");
  g_assert_false (write_text (files, "missing/file", "x", 0600, &error));
  assert_io_error (error, G_IO_ERROR_NOT_FOUND, "Replacing “", "missing/file”: ");
  g_assert_false (write_text (files, "file/", "x", 0600, &error));
  assert_io_error (error, G_IO_ERROR_NOT_DIRECTORY, "Replacing “", "file/”: ");
  g_assert_false (write_text (files, "file", "x", 010000, &error));
  assert_io_error (error, G_IO_ERROR_INVALID_ARGUMENT, "Replacing “", "the mode 010000");
  g_assert_false (leash_write_file (files->ctx, "", "x", 1, 0600, &error));
  assert_io_error (error, G_IO_ERROR_NOT_FOUND, "Replacing “”: the path is empty");
  /* No temporary is left behind. */
  files_assert_list (files, "", "dir");
}

/* More than the limit of a file's size is written, so that writing fails half way. */
static void
test_full_leaves_the_old (Files *files, gconstpointer kind)
{
  g_autofree char *path = files_path (files, "file");
  g_autofree char *much = g_malloc0 (100000);
  g_autoptr (GError) error = NULL;

  if (!g_test_subprocess ())
    {
      g_test_trap_subprocess (NULL, 0, G_TEST_SUBPROCESS_DEFAULT);
      g_test_trap_assert_passed ();
      return;
    }
  files_write (files, "file", "old");
  signal (SIGXFSZ, SIG_IGN);
  g_assert_cmpint (setrlimit (RLIMIT_FSIZE, &(struct rlimit){ 50000, 50000 }), ==, 0);
  g_assert_false (leash_write_file (files->ctx, path, much, 100000, 0600, &error));
  g_assert_nonnull (strstr (error->message, "Writing to “"));
  files_assert_content (files, "file", "old");
  files_assert_list (files, "", "file");
}

static void
test_cancelled (Files *files, gconstpointer kind)
{
  g_autofree char *path = files_path (files, "file");
  g_autoptr (LeashContext) done = leash_context_with_cancel (files->ctx);
  g_autoptr (GError) error = NULL;

  files_write (files, "file", "old");
  leash_context_cancel (done, NULL);
  g_assert_false (leash_write_file (done, path, "new", 3, 0600, &error));
  assert_io_error (error, G_IO_ERROR_CANCELLED, "Replacing “");
  files_assert_content (files, "file", "old");
  files_assert_list (files, "", "file");
}

typedef struct
{
  Files *files;
  char *path;
  gint ended; /* atomic */
} Writer;

static gpointer
write_in_turn (gpointer data)
{
  Writer *writer = data;
  g_autofree char *text = g_malloc (20000);

  for (guint i = 0; i < 50; i++)
    {
      g_autoptr (GError) error = NULL;

      memset (text, 'a' + (int) (i % 26), 20000);
      leash_write_file (writer->files->ctx, writer->path, text, i % 2 == 0 ? 20000 : 10000, 0600, &error);
      g_assert_no_error (error);
    }
  g_atomic_int_set (&writer->ended, 1);
  return NULL;
}

static void
test_readers_find_all_or_nothing (Files *files, gconstpointer kind)
{
  g_autofree char *path = files_path (files, "file");
  Writer writer = { .files = files, .path = path };
  GThread *thread;

  files_write (files, "file", "");
  thread = g_thread_new ("writer", write_in_turn, &writer);
  while (!g_atomic_int_get (&writer.ended))
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (GBytes) bytes = leash_read_file (files->ctx, path, &error);
      gsize size;
      const char *text = NULL;

      g_assert_no_error (error);
      text = g_bytes_get_data (bytes, &size);
      g_assert_true (size == 0 || size == 10000 || size == 20000);
      for (gsize i = 0; i < size; i++)
        g_assert_cmpint (text[i], ==, text[0]);
    }
  g_thread_join (thread);
  files_assert_list (files, "", "file");
}

static void
test_append (Files *files, gconstpointer kind)
{
  g_autofree char *path = files_path (files, "log");
  g_autoptr (GError) error = NULL;

  g_assert_true (leash_append_file (files->ctx, path, "one ", 4, 0640, &error));
  g_assert_true (leash_append_file (files->ctx, path, "", 0, 0600, &error));
  g_assert_true (leash_append_file (files->ctx, path, "two", 3, 0600, &error));
  g_assert_no_error (error);
  files_assert_content (files, "log", "one two");
  g_assert_cmpuint (files_lstat (files, "log").mode, ==, 0640);
  files_mkdir (files, "dir");
  g_free (path);
  path = files_path (files, "dir");
  g_assert_false (leash_append_file (files->ctx, path, "x", 1, 0600, &error));
  assert_io_error (error, G_IO_ERROR_IS_DIRECTORY, "Opening “", "dir”");
}

static void
test_null_arguments (Files *files, gconstpointer kind)
{
  expect_critical ("leash_write_file", "ctx != NULL");
  g_assert_false (leash_write_file (NULL, "a", "", 0, 0600, NULL));
  expect_critical ("leash_write_file", "path != NULL");
  g_assert_false (leash_write_file (files->ctx, NULL, "", 0, 0600, NULL));
  expect_critical ("leash_write_file", "content != NULL");
  g_assert_false (leash_write_file (files->ctx, "a", NULL, 1, 0600, NULL));
  expect_critical ("leash_append_file", "content != NULL");
  g_assert_false (leash_append_file (files->ctx, "a", NULL, 1, 0600, NULL));
  assert_expected ();
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  umask (022);
  files_add ("/fs/write-file", "makes-a-file", test_new);
  files_add ("/fs/write-file", "replaces-a-file", test_replaces);
  files_add ("/fs/write-file", "link-is-replaced-itself", test_link_is_replaced);
  files_add ("/fs/write-file", "failure-leaves-nothing", test_failures);
  files_add_on_disk ("/fs/write-file", "no-space-leaves-the-old-content", test_full_leaves_the_old);
  files_add ("/fs/write-file", "cancelled-leaves-the-old-content", test_cancelled);
  files_add ("/fs/write-file", "readers-find-all-or-nothing", test_readers_find_all_or_nothing);
  files_add ("/fs/write-file", "null-argument-is-named", test_null_arguments);
  files_add ("/fs/append-file", "adds-to-the-end", test_append);
  return g_test_run ();
}
