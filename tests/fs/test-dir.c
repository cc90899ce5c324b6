/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* LeashDir: on real directories, and on one made up here that calls back while it is read. */
#include "fs-fixture.h"

#define N_ENTRIES 10000

static LeashDir *
open_dir (Fixture *fixture, const char *path)
{
  g_autoptr (GError) error = NULL;
  LeashDir *dir = leash_open_dir (fixture->ctx, path, &error);

  g_assert_no_error (error);
  g_assert_nonnull (dir);
  return dir;
}

static void
close_dir (LeashDir *dir)
{
  g_autoptr (GError) error = NULL;

  g_assert_true (leash_dir_close (dir, &error));
  g_assert_no_error (error);
}

static void
make_many (Fixture *fixture, guint n)
{
  for (guint i = 0; i < n; i++)
    {
      g_autofree char *name = g_strdup_printf ("entry-%05u", i);
      g_autofree char *path = make_file (fixture, name, "");
    }
}

static void
test_many (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (GHashTable) seen = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  g_autoptr (LeashDir) dir = NULL;
  g_autoptr (GError) error = NULL;
  const LeashDirEntry *entry;

  make_many (fixture, N_ENTRIES);
  dir = open_dir (fixture, fixture->dir);
  g_assert_cmpstr (leash_dir_get_path (dir), ==, fixture->dir);
  while (leash_dir_next (dir, fixture->ctx, &entry, &error))
    g_assert_true (g_hash_table_add (seen, g_strdup (entry->name)));
  g_assert_no_error (error);
  g_assert_cmpuint (g_hash_table_size (seen), ==, N_ENTRIES);
  g_assert_true (g_hash_table_contains (seen, "entry-00000"));
  g_assert_true (g_hash_table_contains (seen, "entry-09999"));
  g_assert_false (g_hash_table_contains (seen, "."));
  close_dir (dir);
}

static void
test_remove_while_reading (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (LeashDir) dir = NULL;
  g_autoptr (GError) error = NULL;
  const LeashDirEntry *entry;
  guint n = 0;

  make_many (fixture, 2000);
  dir = open_dir (fixture, fixture->dir);
  while (leash_dir_next (dir, fixture->ctx, &entry, &error))
    {
      g_autofree char *path = path_of (fixture, entry->name);

      g_assert_true (leash_remove (fixture->ctx, path, &error));
      n++;
    }
  g_assert_no_error (error);
  g_assert_cmpuint (n, ==, 2000);
  close_dir (dir);
}

static GFileType
expected_type (const char *name)
{
  static const struct
  {
    const char *name;
    GFileType type;
  } types[] = {
    { "file", G_FILE_TYPE_REGULAR },
    { "dir", G_FILE_TYPE_DIRECTORY },
    { "link", G_FILE_TYPE_SYMBOLIC_LINK },
    { "fifo", G_FILE_TYPE_SPECIAL },
  };

  for (guint i = 0; i < G_N_ELEMENTS (types); i++)
    if (strcmp (types[i].name, name) == 0)
      return types[i].type;
  g_assert_not_reached ();
}

static void
test_entries (Fixture *fixture, gconstpointer unused)
{
  g_autofree char *file = make_file (fixture, "file", "");
  g_autofree char *sub = make_directory (fixture, "dir");
  g_autofree char *fifo = path_of (fixture, "fifo");
  g_autoptr (LeashDir) dir = NULL;
  g_autoptr (GError) error = NULL;
  const LeashDirEntry *entry;
  guint n = 0;

  make_link (fixture, "nowhere", "link");
  g_assert_cmpint (mkfifo (fifo, 0600), ==, 0);
  dir = open_dir (fixture, fixture->dir);
  while (leash_dir_next (dir, fixture->ctx, &entry, &error))
    {
      g_autofree char *path = path_of (fixture, entry->name);
      struct stat real;

      g_assert_cmpint (lstat (path, &real), ==, 0);
      g_assert_cmpuint (entry->inode, ==, real.st_ino);
      if (entry->type != G_FILE_TYPE_UNKNOWN)
        g_assert_cmpint (entry->type, ==, expected_type (entry->name));
      n++;
    }
  g_assert_no_error (error);
  g_assert_cmpuint (n, ==, 4);
  close_dir (dir);
}

static void
test_end_stays (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (LeashDir) dir = open_dir (fixture, fixture->dir);
  g_autoptr (GError) error = NULL;
  const LeashDirEntry *const untouched = GSIZE_TO_POINTER (0x5a);
  const LeashDirEntry *entry = untouched;

  for (guint i = 0; i < 3; i++)
    {
      g_assert_false (leash_dir_next (dir, fixture->ctx, &entry, &error));
      g_assert_no_error (error);
      g_assert_true (entry == untouched);
    }
  close_dir (dir);
}

static void
test_odd_names (Fixture *fixture, gconstpointer unused)
{
  g_autofree char *file = make_file (fixture, "\xff\xfe\n\"", "");
  g_autoptr (LeashDir) dir = open_dir (fixture, fixture->dir);
  g_autoptr (GError) error = NULL;
  const LeashDirEntry *entry;

  g_assert_true (leash_dir_next (dir, fixture->ctx, &entry, &error));
  g_assert_no_error (error);
  g_assert_cmpstr (entry->name, ==, "\xff\xfe\n\"");
  close_dir (dir);
}

static void
test_not_a_directory (Fixture *fixture, gconstpointer unused)
{
  g_autofree char *file = make_file (fixture, "file", "");
  g_autofree char *missing = path_of (fixture, "missing");
  g_autoptr (GError) error = NULL;

  g_assert_null (leash_open_dir (fixture->ctx, file, &error));
  assert_io_error (error, G_IO_ERROR_NOT_DIRECTORY, "Opening the directory “", "/file”: ");
  g_assert_null (leash_open_dir (fixture->ctx, missing, &error));
  assert_io_error (error, G_IO_ERROR_NOT_FOUND, "Opening the directory “", "/missing”: ");
  g_assert_null (leash_open_dir (fixture->ctx, "", &error));
  assert_io_error (error, G_IO_ERROR_NOT_FOUND, "Opening the directory “”: the path is empty");
  g_assert_null (leash_open_dir (fixture->done, fixture->dir, &error));
  assert_io_error (error, G_IO_ERROR_CANCELLED, "Opening the directory “");
}

static void
test_use_after_close (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (LeashDir) dir = open_dir (fixture, fixture->dir);
  g_autoptr (GError) error = NULL;
  const LeashDirEntry *entry;

  g_assert_false (leash_dir_is_closed (dir));
  close_dir (dir);
  g_assert_true (leash_dir_is_closed (dir));
  g_assert_false (leash_dir_next (dir, fixture->ctx, &entry, &error));
  assert_io_error (error, G_IO_ERROR_CLOSED, "Reading the directory “", "”: the directory is closed");
  g_assert_false (leash_dir_close (dir, &error));
  assert_io_error (error, G_IO_ERROR_CLOSED, "Closing “", "”: the directory is closed");
  g_assert_cmpstr (leash_dir_get_path (dir), ==, fixture->dir);
  fixture->n_misuses = 2;
}

static void
test_done_context (Fixture *fixture, gconstpointer unused)
{
  g_autofree char *file = make_file (fixture, "file", "");
  g_autoptr (LeashDir) dir = open_dir (fixture, fixture->dir);
  g_autoptr (GError) error = NULL;
  const LeashDirEntry *entry;

  g_assert_false (leash_dir_next (dir, fixture->done, &entry, &error));
  assert_io_error (error, G_IO_ERROR_CANCELLED, "Reading the directory “");
  g_assert_true (leash_dir_next (dir, fixture->ctx, &entry, &error));
  close_dir (dir);
}

static void
test_leak (Fixture *fixture, gconstpointer unused)
{
  LeashDir *dir = open_dir (fixture, fixture->dir);
  g_autoptr (GError) error = NULL;

  if (leash_has_tracking ())
    {
      g_assert_nonnull (leash_dir_get_tag (dir));
      g_assert_cmpuint (leash_tracker_count_kind (fixture->tracker, "dir"), ==, 1);
      g_assert_false (leash_tracker_check (fixture->tracker, &error));
      g_assert_error (error, LEASH_ERROR, LEASH_ERROR_STILL_OPEN);
      g_clear_error (&error);
    }
  g_assert_true (leash_dir_ref (dir) == dir);
  leash_dir_unref (dir);
  leash_dir_unref (dir);
  leash_dir_unref (NULL);
  g_assert_true (leash_tracker_check (fixture->tracker, &error));
  g_assert_no_error (error);
}

/* A directory whose reading does something to the directory itself */

typedef struct
{
  LeashDir *dir;
  void (*meanwhile) (LeashDir *dir, LeashContext *ctx);
  guint n_closed;
  guint n_destroyed;
} Intruder;

static gboolean
intruder_next (gpointer impl, LeashContext *ctx, LeashDirEntry *ret_entry, GError **error)
{
  Intruder *intruder = impl;

  intruder->meanwhile (intruder->dir, ctx);
  g_assert_cmpuint (intruder->n_closed, ==, 0);
  ret_entry->name = "entry";
  return TRUE;
}

static gboolean
intruder_close (gpointer impl, GError **error)
{
  ((Intruder *) impl)->n_closed++;
  return TRUE;
}

static void
intruder_destroy (gpointer impl)
{
  ((Intruder *) impl)->n_destroyed++;
}

static const LeashDirOps intruder_ops = {
  .size = sizeof (LeashDirOps),
  .next = intruder_next,
  .close = intruder_close,
};

static void
read_meanwhile (LeashDir *dir, LeashContext *ctx)
{
  g_autoptr (GError) error = NULL;
  const LeashDirEntry *entry;

  g_assert_false (leash_dir_next (dir, ctx, &entry, &error));
  assert_io_error (error, G_IO_ERROR_PENDING, "Reading the directory “made-up”: another thread does so");
}

static gpointer
close_in_thread (gpointer dir)
{
  close_dir (dir);
  return NULL;
}

static void
close_meanwhile (LeashDir *dir, LeashContext *ctx)
{
  g_thread_join (g_thread_new ("closer", close_in_thread, dir));
  g_assert_true (leash_dir_is_closed (dir));
}

static void
test_two_readers (Fixture *fixture, gconstpointer unused)
{
  Intruder intruder = { .meanwhile = read_meanwhile };
  g_autoptr (LeashDir) dir = leash_dir_new (&intruder_ops, &intruder, NULL, "made-up");
  g_autoptr (GError) error = NULL;
  const LeashDirEntry *entry;

  intruder.dir = dir;
  for (guint i = 0; i < 2; i++)
    {
      g_assert_true (leash_dir_next (dir, fixture->ctx, &entry, &error));
      g_assert_cmpstr (entry->name, ==, "entry");
    }
  close_dir (dir);
}

static void
test_close_during_read (Fixture *fixture, gconstpointer unused)
{
  Intruder intruder = { .meanwhile = close_meanwhile };
  g_autoptr (LeashDir) dir = leash_dir_new (&intruder_ops, &intruder, intruder_destroy, "made-up");
  g_autoptr (GError) error = NULL;
  const LeashDirEntry *entry;

  intruder.dir = dir;
  g_assert_true (leash_dir_next (dir, fixture->ctx, &entry, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (intruder.n_closed, ==, 1);
  g_assert_cmpuint (intruder.n_destroyed, ==, 1);
}

/* Misuse */

static void
test_null_arguments (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (LeashDir) dir = open_dir (fixture, fixture->dir);
  const LeashDirEntry *entry;

  expect_critical ("leash_dir_next", "dir != NULL");
  g_assert_false (leash_dir_next (NULL, fixture->ctx, &entry, NULL));
  expect_critical ("leash_dir_next", "ctx != NULL");
  g_assert_false (leash_dir_next (dir, NULL, &entry, NULL));
  expect_critical ("leash_dir_next", "ret_entry != NULL");
  g_assert_false (leash_dir_next (dir, fixture->ctx, NULL, NULL));
  expect_critical ("leash_dir_close", "dir != NULL");
  g_assert_false (leash_dir_close (NULL, NULL));
  expect_critical ("leash_dir_ref", "dir != NULL");
  g_assert_null (leash_dir_ref (NULL));
  expect_critical ("leash_dir_get_path", "dir != NULL");
  g_assert_null (leash_dir_get_path (NULL));
  expect_critical ("leash_dir_get_tag", "dir != NULL");
  g_assert_null (leash_dir_get_tag (NULL));
  expect_critical ("leash_dir_is_closed", "dir != NULL");
  g_assert_true (leash_dir_is_closed (NULL));
  expect_critical ("leash_open_dir", "path != NULL");
  g_assert_null (leash_open_dir (fixture->ctx, NULL, NULL));
  assert_expected ();
  close_dir (dir);
}

static void
test_bad_operations (Fixture *fixture, gconstpointer unused)
{
  static const LeashDirOps no_close = { .size = sizeof (LeashDirOps), .next = intruder_next };
  static const LeashDirOps no_next = { .size = sizeof (LeashDirOps), .close = intruder_close };
  static const LeashDirOps no_size = { .next = intruder_next, .close = intruder_close };

  expect_critical ("leash_dir_new", "ops != NULL");
  g_assert_null (leash_dir_new (NULL, NULL, NULL, "a"));
  expect_critical ("leash_dir_new", "ops->close != NULL");
  g_assert_null (leash_dir_new (&no_close, NULL, NULL, "a"));
  expect_critical ("leash_dir_new", "ops->next != NULL");
  g_assert_null (leash_dir_new (&no_next, NULL, NULL, "a"));
  expect_critical ("leash_dir_new", "ops->size");
  g_assert_null (leash_dir_new (&no_size, NULL, NULL, "a"));
  expect_critical ("leash_dir_new", "path != NULL");
  g_assert_null (leash_dir_new (&intruder_ops, NULL, NULL, NULL));
  assert_expected ();
}

static void
test_boxed (Fixture *fixture, gconstpointer unused)
{
  g_auto (GValue) value = G_VALUE_INIT;
  g_autoptr (LeashDir) dir = open_dir (fixture, fixture->dir);

  g_value_init (&value, LEASH_TYPE_DIR);
  g_value_set_boxed (&value, dir);
  g_assert_true (g_value_get_boxed (&value) == dir);
  close_dir (dir);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("/fs/dir/ten-thousand-entries-come-once-each", test_many);
  ADD ("/fs/dir/entries-may-be-removed-while-reading", test_remove_while_reading);
  ADD ("/fs/dir/entries-have-type-and-inode", test_entries);
  ADD ("/fs/dir/end-stays-the-end", test_end_stays);
  ADD ("/fs/dir/names-need-not-be-text", test_odd_names);
  ADD ("/fs/dir/what-is-no-directory-is-named", test_not_a_directory);
  ADD ("/fs/dir/use-after-close-is-refused-and-counted", test_use_after_close);
  ADD ("/fs/dir/cancelled-context-stops-reading", test_done_context);
  ADD ("/fs/dir/leak-is-found-until-the-last-unref", test_leak);
  ADD ("/fs/dir/second-reader-is-refused", test_two_readers);
  ADD ("/fs/dir/close-waits-for-the-reader", test_close_during_read);
  ADD ("/fs/dir/null-argument-is-named", test_null_arguments);
  ADD ("/fs/dir/bad-operations-are-named", test_bad_operations);
  ADD ("/fs/dir/is-a-boxed-type", test_boxed);
  return g_test_run ();
}
