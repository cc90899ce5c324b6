/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The sub-tree, in both of its ways: of a file system that opens roots, the host's, and of one that does not,
 * an overlay. What holds must hold for both.
 */
#include "fs-fixture.h"

/* s/, s/d/, s/d/a with a text, s/in -> d/a, s/out -> ../secret, s/up -> .., s/abs -> /etc, s/loop, secret */
static void
make_tree (Fixture *fixture)
{
  g_free (make_directory (fixture, "s"));
  g_free (make_directory (fixture, "s/d"));
  g_free (make_file (fixture, "s/d/a", "text"));
  g_free (make_file (fixture, "secret", "secret"));
  make_link (fixture, "d/a", "s/in");
  make_link (fixture, "../secret", "s/out");
  make_link (fixture, "..", "s/up");
  make_link (fixture, "/etc", "s/abs");
  make_link (fixture, "loop", "s/loop");
  make_link (fixture, "new", "s/lost");
}

static LeashFs *
make_fs (Fixture *fixture, gboolean by_names)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (LeashFs) dir = NULL;
  g_autoptr (LeashFs) empty = NULL;
  g_autoptr (LeashFs) outer = NULL;
  g_autofree char *lower = make_directory (fixture, "empty");
  LeashFs *fs;

  make_tree (fixture);
  dir = leash_dir_fs_new (fixture->dir, &error);
  empty = leash_dir_fs_new (lower, &error);
  g_assert_no_error (error);
  outer = by_names ? leash_overlay_fs_new (dir, empty) : g_object_ref (dir);
  g_assert_cmpint ((leash_fs_get_ops (outer) & LEASH_FS_OP_OPEN_ROOT) == 0, ==, by_names);
  fs = leash_sub_fs_new (outer, "s", &error);
  g_assert_no_error (error);
  return fs;
}

static char *
read_text (LeashFs *fs, LeashContext *ctx, const char *path, GError **error)
{
  g_autoptr (LeashFile) file = leash_fs_open (fs, ctx, path, LEASH_OPEN_READ, 0, error);
  char buffer[32];
  gssize n = file != NULL ? leash_file_read (file, ctx, buffer, sizeof buffer, error) : -1;

  return n >= 0 ? g_strndup (buffer, (gsize) n) : NULL;
}

static void
assert_refused (gboolean done, GError **error)
{
  g_assert_false (done);
  assert_io_error (*error, G_IO_ERROR_PERMISSION_DENIED, "outside of the root");
}

static void
test_nothing_leads_out (Fixture *fixture, gconstpointer by_names)
{
  static const char *const paths[]
      = { "../secret", "/etc/passwd", "out", "up/secret", "abs/passwd", "d/../../secret" };
  g_autoptr (LeashFs) fs = make_fs (fixture, by_names != NULL);
  LeashContext *ctx = fixture->ctx;
  g_autoptr (GError) error = NULL;
  LeashStat found;

  for (guint i = 0; i < G_N_ELEMENTS (paths); i++)
    {
      assert_refused (leash_fs_stat (fs, ctx, paths[i], &found, &error), &error);
      assert_refused (read_text (fs, ctx, paths[i], &error) != NULL, &error);
      assert_refused (leash_fs_truncate (fs, ctx, paths[i], 0, &error), &error);
    }
  assert_refused (leash_fs_mkdir (fs, ctx, "up/new", 0755, &error), &error);
  assert_refused (leash_fs_remove (fs, ctx, "up/secret", &error), &error);
  assert_refused (leash_fs_rename (fs, ctx, "d/a", "up/a", &error), &error);
  assert_refused (leash_fs_rename (fs, ctx, "../secret", "mine", &error), &error);
  assert_refused (leash_fs_link (fs, ctx, "up/secret", "mine", &error), &error);
  assert_refused (leash_fs_symlink (fs, ctx, "x", "../new", &error), &error);
}

static void
test_works_within (Fixture *fixture, gconstpointer by_names)
{
  g_autoptr (LeashFs) fs = make_fs (fixture, by_names != NULL);
  LeashContext *ctx = fixture->ctx;
  g_autoptr (GError) error = NULL;
  g_autoptr (LeashFile) file = NULL;
  g_autofree char *text = read_text (fs, ctx, "in", &error);
  g_autofree char *target = leash_fs_readlink (fs, ctx, "out", &error);
  g_autofree char *made = path_of (fixture, "s/new");
  g_autofree char *moved = path_of (fixture, "s/d/e");
  LeashStat found;

  g_assert_no_error (error);
  g_assert_cmpstr (text, ==, "text");
  g_assert_cmpstr (target, ==, "../secret");
  g_assert_true (leash_fs_lstat (fs, ctx, "out", &found, &error));
  g_assert_cmpint (found.type, ==, G_FILE_TYPE_SYMBOLIC_LINK);
  /* Through a link that leads to what is not there yet. */
  file = leash_fs_open (fs, ctx, "lost", LEASH_OPEN_WRITE | LEASH_OPEN_CREATE, 0644, &error);
  g_assert_no_error (error);
  g_assert_cmpint (leash_file_write (file, ctx, "x", 1, &error), ==, 1);
  assert_content (made, "x");
  g_assert_true (leash_fs_rename (fs, ctx, "d/../new", "d/e", &error));
  assert_content (moved, "x");
  g_assert_true (leash_fs_mkdir (fs, ctx, "d/f/", 0755, &error));
  g_assert_true (leash_fs_remove (fs, ctx, "d/f/", &error));
  g_assert_true (leash_fs_remove (fs, ctx, "out", &error));
  g_assert_no_error (error);
}

static void
test_paths_are_the_sub_tree_s (Fixture *fixture, gconstpointer by_names)
{
  g_autoptr (LeashFs) fs = make_fs (fixture, by_names != NULL);
  g_autoptr (LeashFile) file = leash_fs_open (fs, fixture->ctx, "d/a", LEASH_OPEN_READ, 0, NULL);
  g_autoptr (LeashDir) dir = leash_fs_open_dir (fs, fixture->ctx, "d", NULL);
  g_autoptr (GError) error = NULL;
  const LeashDirEntry *entry;

  g_assert_cmpstr (leash_file_get_path (file), ==, "d/a");
  g_assert_cmpint (leash_file_get_fd (file), >=, 0);
  g_assert_cmpint (leash_file_write (file, fixture->ctx, "x", 1, &error), ==, -1);
  assert_io_error (error, G_IO_ERROR_INVALID_ARGUMENT, "Writing to “d/a”: ");
  g_assert_true (leash_dir_next (dir, fixture->ctx, &entry, &error));
  g_assert_cmpstr (entry->name, ==, "a");
  g_assert_cmpuint (leash_tracker_count_open (fixture->tracker), ==, leash_has_tracking () ? 2 : 0);
}

static void
test_errors (Fixture *fixture, gconstpointer by_names)
{
  g_autoptr (LeashFs) fs = make_fs (fixture, by_names != NULL);
  LeashContext *ctx = fixture->ctx;
  g_autoptr (GError) error = NULL;
  LeashStat found;

  g_assert_false (leash_fs_stat (fs, ctx, "none", &found, &error));
  assert_io_error (error, G_IO_ERROR_NOT_FOUND, "Looking up “none”: ");
  g_assert_false (leash_fs_stat (fs, ctx, "d/a/b", &found, &error));
  assert_io_error (error, G_IO_ERROR_NOT_DIRECTORY, "");
  g_assert_false (leash_fs_stat (fs, ctx, "loop", &found, &error));
  assert_io_error (error, G_IO_ERROR_TOO_MANY_LINKS, "");
  g_assert_false (leash_fs_mkdir (fs, ctx, "d/.", 0755, &error));
  assert_io_error (error, G_IO_ERROR_EXISTS, "");
  g_assert_false (leash_fs_remove (fs, ctx, "d/a/", &error));
  assert_io_error (error, G_IO_ERROR_NOT_DIRECTORY, "");
}

/* ".." is cut off for the inner one, which must not make of "d/e/.." that "d" is to go. */
static void
test_dots_are_not_removed (Fixture *fixture, gconstpointer by_names)
{
  g_autoptr (LeashFs) fs = make_fs (fixture, by_names != NULL);
  LeashContext *ctx = fixture->ctx;
  g_autoptr (GError) error = NULL;
  LeashStat found;

  g_assert_true (leash_fs_mkdir (fs, ctx, "e", 0755, &error));
  g_assert_true (leash_fs_mkdir (fs, ctx, "e/f", 0755, &error));
  g_assert_false (leash_fs_remove (fs, ctx, "e/f/..", &error));
  assert_io_error (error, G_IO_ERROR_INVALID_ARGUMENT, "no name of its own");
  g_assert_false (leash_fs_remove (fs, ctx, "e/f/.", &error));
  g_clear_error (&error);
  g_assert_false (leash_fs_rename (fs, ctx, "e/f/.", "g", &error));
  g_clear_error (&error);
  g_assert_true (leash_fs_stat (fs, ctx, "e/f", &found, &error));
}

static void
test_needs_a_directory (Fixture *fixture, gconstpointer by_names)
{
  g_autoptr (LeashFs) fs = make_fs (fixture, by_names != NULL);
  g_autoptr (LeashFs) sub = NULL;
  g_autoptr (GError) error = NULL;

  g_assert_null (leash_sub_fs_new (fs, "d/a", &error));
  assert_io_error (error, G_IO_ERROR_NOT_DIRECTORY, "Opening the root “d/a”: ");
  g_assert_null (leash_sub_fs_new (fs, "none", &error));
  assert_io_error (error, G_IO_ERROR_NOT_FOUND, "Opening the root “none”: ");
  g_assert_null (leash_sub_fs_new (fs, "..", &error));
  assert_io_error (error, G_IO_ERROR_PERMISSION_DENIED, "outside");
  sub = leash_sub_fs_new (fs, "d", &error);
  g_assert_no_error (error);
  g_assert_cmpstr (read_text (sub, fixture->ctx, "../in", &error), ==, NULL);
  assert_io_error (error, G_IO_ERROR_PERMISSION_DENIED, "outside");
}

#define ADD_BOTH(name, func)                                                                   \
  G_STMT_START                                                                                 \
  {                                                                                            \
    g_test_add ("/fs/sub/rooted/" name, Fixture, NULL, set_up, func, tear_down);               \
    g_test_add ("/fs/sub/by-names/" name, Fixture, fixture_by_names, set_up, func, tear_down); \
  }                                                                                            \
  G_STMT_END

int
main (int argc, char **argv)
{
  static const char fixture_by_names[] = "by names";

  g_test_init (&argc, &argv, NULL);
  ADD_BOTH ("nothing-leads-out", test_nothing_leads_out);
  ADD_BOTH ("works-within", test_works_within);
  ADD_BOTH ("paths-are-the-sub-tree-s", test_paths_are_the_sub_tree_s);
  ADD_BOTH ("errors", test_errors);
  ADD_BOTH ("dots-are-not-removed", test_dots_are_not_removed);
  ADD_BOTH ("needs-a-directory", test_needs_a_directory);
  return g_test_run ();
}
