/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The union of three real directories. The tree, in the test's directory:
 *
 *     first/both           "1"
 *     first/dir/one        "1"
 *     first/mixed/deep/x   "1"
 *     first/over           "1"        hides second/over/
 *     first/link           -> dir/two, which is in second
 *     second/both          "2"
 *     second/dir/two       "2"
 *     second/mixed         "2"        hides third/mixed/, but not first's
 *     second/over/hidden   "2"
 *     third/dir/three      "3"
 *     third/mixed/late     "3"
 *     third/up             -> ../../both, which ends at the root
 */
#include "fs-fixture.h"

typedef struct
{
  Fixture base;
  LeashContext *ctx; /* carries the union */
} Union;

static const char *const dirs[] = {
  "first",      "first/dir",   "first/mixed", "first/mixed/deep", "second",
  "second/dir", "second/over", "third",       "third/dir",        "third/mixed",
};

static const char *const files[][2] = {
  { "first/both", "1" },       { "first/dir/one", "1" },      { "first/mixed/deep/x", "1" },
  { "first/over", "1" },       { "second/both", "2" },        { "second/dir/two", "2" },
  { "second/mixed", "2" },     { "second/over/hidden", "2" }, { "third/dir/three", "3" },
  { "third/mixed/late", "3" },
};

static void
union_set_up (Union *fixture, gconstpointer unused)
{
  static const char *const names[] = { "first", "second", "third" };
  LeashFs *layers[G_N_ELEMENTS (names)];
  g_autoptr (LeashFs) fs = NULL;

  set_up (&fixture->base, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (dirs); i++)
    g_free (make_directory (&fixture->base, dirs[i]));
  for (guint i = 0; i < G_N_ELEMENTS (files); i++)
    g_free (make_file (&fixture->base, files[i][0], files[i][1]));
  make_link (&fixture->base, "dir/two", "first/link");
  make_link (&fixture->base, "../../both", "third/up");
  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autofree char *path = path_of (&fixture->base, names[i]);

      layers[i] = leash_dir_fs_new (path, NULL);
    }
  fs = leash_union_fs_new (layers, G_N_ELEMENTS (layers));
  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    g_object_unref (layers[i]);
  fixture->ctx = leash_context_with_fs (fixture->base.ctx, fs);
}

static void
union_tear_down (Union *fixture, gconstpointer unused)
{
  leash_context_unref (fixture->ctx);
  tear_down (&fixture->base, NULL);
}

#define ADD_UNION(path, func) g_test_add (path, Union, NULL, union_set_up, func, union_tear_down)

static void
assert_read (LeashContext *ctx, const char *path, const char *expected)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (LeashFile) file = leash_open (ctx, path, LEASH_OPEN_READ, 0, &error);
  char buffer[64] = "";

  g_assert_no_error (error);
  g_assert_cmpstr (leash_file_get_path (file), ==, path);
  g_assert_cmpint (leash_file_read (file, ctx, buffer, sizeof buffer - 1, &error), >=, 0);
  g_assert_no_error (error);
  g_assert_cmpstr (buffer, ==, expected);
  g_assert_true (leash_file_close (file, NULL));
}

static int
compare_names (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *) a, *(const char *const *) b);
}

static void
assert_names (LeashContext *ctx, const char *path, const char *expected)
{
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  g_autofree char *found = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (LeashDir) dir = leash_open_dir (ctx, path, &error);
  const LeashDirEntry *entry;

  g_assert_no_error (error);
  while (leash_dir_next (dir, ctx, &entry, &error))
    g_ptr_array_add (names,
                     g_strconcat (entry->name, entry->type == G_FILE_TYPE_DIRECTORY ? "/" : NULL, NULL));
  g_assert_no_error (error);
  g_ptr_array_sort (names, compare_names);
  g_ptr_array_add (names, NULL);
  found = g_strjoinv (" ", (char **) names->pdata);
  g_assert_cmpstr (found, ==, expected);
}

static void
assert_missing (LeashContext *ctx, const char *path, int code)
{
  g_autoptr (GError) error = NULL;
  LeashStat found;

  g_assert_false (leash_stat (ctx, path, &found, &error));
  g_assert_error (error, G_IO_ERROR, code);
}

static void
test_first_wins (Union *fixture, gconstpointer unused)
{
  assert_read (fixture->ctx, "both", "1");
  assert_read (fixture->ctx, "dir/two", "2");
  assert_read (fixture->ctx, "/dir/three", "3");
  assert_missing (fixture->ctx, "none", G_IO_ERROR_NOT_FOUND);
}

static void
test_directories_merge (Union *fixture, gconstpointer unused)
{
  LeashStat found;

  assert_names (fixture->ctx, "/", "both dir/ link mixed/ over up");
  assert_names (fixture->ctx, "dir", "one three two");
  g_assert_true (leash_stat (fixture->ctx, "dir", &found, NULL));
  g_assert_cmpuint (found.nlink, ==, 1);
}

static void
test_what_is_no_directory_hides (Union *fixture, gconstpointer unused)
{
  g_autoptr (GError) error = NULL;

  assert_read (fixture->ctx, "over", "1");
  assert_missing (fixture->ctx, "over/hidden", G_IO_ERROR_NOT_DIRECTORY);
  g_assert_null (leash_open_dir (fixture->ctx, "over", &error));
  assert_io_error (error, G_IO_ERROR_NOT_DIRECTORY, "Opening the directory “over”: ");
  assert_names (fixture->ctx, "mixed", "deep/");
  assert_missing (fixture->ctx, "mixed/late", G_IO_ERROR_NOT_FOUND);
}

static void
test_links_cross_layers (Union *fixture, gconstpointer unused)
{
  g_autofree char *text = leash_readlink (fixture->ctx, "up", NULL);
  g_autoptr (GError) error = NULL;
  LeashStat found;

  g_assert_cmpstr (text, ==, "../../both");
  assert_read (fixture->ctx, "link", "2");
  assert_read (fixture->ctx, "up", "1");
  g_assert_true (leash_lstat (fixture->ctx, "link", &found, &error));
  g_assert_cmpint (found.type, ==, G_FILE_TYPE_SYMBOLIC_LINK);
  g_assert_null (leash_readlink (fixture->ctx, "both", &error));
  assert_io_error (error, G_IO_ERROR_INVALID_ARGUMENT, "it is no symbolic link");
}

static void
test_nothing_changes (Union *fixture, gconstpointer unused)
{
  LeashContext *ctx = fixture->ctx;
  const LeashFsOps changes = LEASH_FS_OP_MKDIR | LEASH_FS_OP_REMOVE | LEASH_FS_OP_RENAME | LEASH_FS_OP_LINK
                             | LEASH_FS_OP_SYMLINK | LEASH_FS_OP_TRUNCATE | LEASH_FS_OP_CHMOD
                             | LEASH_FS_OP_CHOWN | LEASH_FS_OP_SET_TIMES;
  g_autoptr (GError) error = NULL;
  LeashStatFs found;

  g_assert_false (leash_mkdir (ctx, "new", 0755, &error));
  assert_io_error (error, G_IO_ERROR_READ_ONLY, "Making the directory “new”: ", g_strerror (EROFS));
  g_assert_false (leash_remove (ctx, "both", &error));
  assert_io_error (error, G_IO_ERROR_READ_ONLY, "Removing “both”: ");
  g_assert_false (leash_chmod (ctx, "link", 0600, &error));
  assert_io_error (error, G_IO_ERROR_READ_ONLY, "Changing the mode of “link”: ");
  g_assert_null (leash_open (ctx, "both", LEASH_OPEN_WRITE, 0, &error));
  assert_io_error (error, G_IO_ERROR_READ_ONLY, "Opening “both”: ");
  g_assert_null (leash_open (ctx, "new", LEASH_OPEN_READ | LEASH_OPEN_CREATE, 0644, &error));
  assert_io_error (error, G_IO_ERROR_READ_ONLY, "Opening “new”: ");
  g_assert_true (leash_statfs (ctx, "dir/three", &found, &error));
  g_assert_true (found.is_read_only);
  g_assert_cmphex (leash_fs_get_ops (leash_context_get_fs (ctx)), ==, LEASH_FS_OPS_ON_PATHS & ~changes);
}

static void
test_root_within (Union *fixture, gconstpointer unused)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (LeashFs) root
      = leash_fs_open_root (leash_context_get_fs (fixture->ctx), fixture->ctx, "dir", 0, &error);
  g_autoptr (LeashContext) ctx = NULL;

  g_assert_no_error (error);
  ctx = leash_context_with_fs (fixture->ctx, root);
  assert_names (ctx, ".", "one three two");
  assert_read (ctx, "two", "2");
  assert_missing (ctx, "../both", G_IO_ERROR_PERMISSION_DENIED);
  assert_missing (ctx, "/one", G_IO_ERROR_PERMISSION_DENIED);
  g_assert_false (leash_remove (ctx, "two", &error));
  assert_io_error (error, G_IO_ERROR_READ_ONLY, "Removing “two”: ");
}

static void
test_bad_arguments (void)
{
  g_autoptr (LeashFs) host = leash_host_fs_new ();
  LeashFs *layers[65];

  for (guint i = 0; i < G_N_ELEMENTS (layers); i++)
    layers[i] = host;
  expect_critical ("leash_union_fs_new", "n_layers");
  g_assert_null (leash_union_fs_new (layers, 0));
  expect_critical ("leash_union_fs_new", "n_layers");
  g_assert_null (leash_union_fs_new (layers, 65));
  expect_critical ("leash_union_fs_new", "layers");
  g_assert_null (leash_union_fs_new (NULL, 1));
  assert_expected ();
}

/* The last of so many layers is found. */
static void
test_many_layers (Union *fixture, gconstpointer unused)
{
  g_autofree char *path = path_of (&fixture->base, "first");
  g_autofree char *last = path_of (&fixture->base, "third");
  g_autoptr (LeashFs) fs = NULL;
  g_autoptr (LeashContext) ctx = NULL;
  LeashFs *layers[64];

  for (guint i = 0; i < G_N_ELEMENTS (layers); i++)
    layers[i] = leash_dir_fs_new (i == 63 ? last : path, NULL);
  fs = leash_union_fs_new (layers, G_N_ELEMENTS (layers));
  for (guint i = 0; i < G_N_ELEMENTS (layers); i++)
    g_object_unref (layers[i]);
  ctx = leash_context_with_fs (fixture->ctx, fs);
  assert_read (ctx, "dir/three", "3");
  assert_names (ctx, "dir", "one three");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD_UNION ("/union/first-wins", test_first_wins);
  ADD_UNION ("/union/directories-merge", test_directories_merge);
  ADD_UNION ("/union/what-is-no-directory-hides", test_what_is_no_directory_hides);
  ADD_UNION ("/union/links-cross-layers", test_links_cross_layers);
  ADD_UNION ("/union/nothing-changes", test_nothing_changes);
  ADD_UNION ("/union/root-within", test_root_within);
  ADD_UNION ("/union/many-layers", test_many_layers);
  g_test_add_func ("/union/bad-arguments", test_bad_arguments);
  return g_test_run ();
}
