/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The functions for whole files and trees on a disk that fails at each call in turn: nothing stays open, what
 * was there is there or what was asked for is, no temporary file is left, and a failure is told.
 */
#include "fs-fixture.h"

/* What a run works on, looked at without faults once it has run. */
static LeashFs *disk; /* of the current run; owned by its context */

static LeashFs *
make_disk (LeashTest *test, gpointer unused)
{
  LeashFs *fs = leash_memory_fs_new ();
  g_autoptr (LeashContext) ctx = leash_context_with_fs (test->ctx, fs);

  g_assert_true (leash_mkdir_all (ctx, "tree/deep", 0755, NULL));
  g_assert_true (leash_write_file (ctx, "tree/file", "content", 7, 0644, NULL));
  g_assert_true (leash_write_file (ctx, "tree/deep/other", "other", 5, 0644, NULL));
  g_assert_true (leash_symlink (ctx, "file", "tree/link", NULL));
  disk = fs;
  return fs;
}

/* The names in the root, of the disk itself. */
static char *
list_root (LeashContext *ctx)
{
  g_autoptr (LeashContext) plain = leash_context_with_fs (ctx, disk);
  g_auto (GStrv) names = leash_glob (plain, "*", LEASH_GLOB_HIDDEN, NULL);

  return g_strjoinv (" ", names);
}

static void
assert_plain_content (LeashContext *ctx, const char *path, const char *one, const char *or_other)
{
  g_autoptr (LeashContext) plain = leash_context_with_fs (ctx, disk);
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) content = leash_read_file (plain, path, &error);
  g_autofree char *text = NULL;

  g_assert_no_error (error);
  text = g_strndup (g_bytes_get_data (content, NULL), g_bytes_get_size (content));
  g_assert_true (g_str_equal (text, one) || g_str_equal (text, or_other));
}

static void
read_file (LeashContext *ctx, gpointer unused)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) content = leash_read_file (ctx, "tree/file", &error);

  g_assert_true ((content == NULL) == (error != NULL));
  if (content != NULL)
    g_assert_cmpmem (g_bytes_get_data (content, NULL), g_bytes_get_size (content), "content", 7);
}

static void
write_file (LeashContext *ctx, gpointer unused)
{
  g_autoptr (GError) error = NULL;
  gboolean done = leash_write_file (ctx, "tree/file", "new", 3, 0644, &error);
  g_autoptr (LeashContext) plain = leash_context_with_fs (ctx, disk);
  g_auto (GStrv) names = leash_glob (plain, "tree/*", LEASH_GLOB_HIDDEN, NULL);

  g_assert_true (done == (error == NULL));
  assert_plain_content (ctx, "tree/file", "new", done ? "new" : "content");
  /* Removing the temporary file may be what failed in a run where something else did not. */
  g_assert_cmpuint (g_strv_length (names), ==, 3);
}

static void
append_file (LeashContext *ctx, gpointer unused)
{
  g_autoptr (GError) error = NULL;
  gboolean done = leash_append_file (ctx, "tree/file", "+", 1, 0644, &error);

  g_assert_true (done == (error == NULL));
  assert_plain_content (ctx, "tree/file", "content+", done ? "content+" : "content");
}

static void
copy_file (LeashContext *ctx, gpointer unused)
{
  g_autoptr (GError) error = NULL;
  gboolean done = leash_copy (ctx, "tree/file", "copy", LEASH_COPY_TIMES | LEASH_COPY_MODES, &error);

  g_assert_true (done == (error == NULL));
  assert_plain_content (ctx, "tree/file", "content", "content");
  if (done)
    assert_plain_content (ctx, "copy", "content", "content");
}

static void
copy_tree (LeashContext *ctx, gpointer unused)
{
  g_autoptr (GError) error = NULL;
  gboolean done = leash_copy_tree (ctx, "tree", "copy", LEASH_COPY_TIMES | LEASH_COPY_MODES, &error);

  g_assert_true (done == (error == NULL));
  assert_plain_content (ctx, "tree/deep/other", "other", "other");
  if (done)
    assert_plain_content (ctx, "copy/deep/other", "other", "other");
}

static void
remove_tree_of (LeashContext *ctx, gpointer unused)
{
  g_autoptr (GError) error = NULL;
  gboolean done = leash_remove_all (ctx, "tree", &error);
  g_autofree char *left = list_root (ctx);

  g_assert_true (done == (error == NULL));
  if (done)
    g_assert_cmpstr (left, ==, "");
}

static void
make_dirs (LeashContext *ctx, gpointer unused)
{
  g_autoptr (GError) error = NULL;
  gboolean done = leash_mkdir_all (ctx, "tree/a/b/c", 0755, &error);

  g_assert_true (done == (error == NULL));
}

static LeashWalkAction
pass (const LeashWalkEntry *entry, gpointer count, GError **error)
{
  ++*(guint *) count;
  return LEASH_WALK_CONTINUE;
}

static void
walk (LeashContext *ctx, gpointer unused)
{
  g_autoptr (GError) error = NULL;
  guint n = 0;
  gboolean done = leash_walk (ctx, "tree", 0, pass, &n, &error);

  g_assert_true (done == (error == NULL));
  if (done)
    g_assert_cmpuint (n, >, 0);
}

static void
make_temporary (LeashContext *ctx, gpointer unused)
{
  g_autoptr (LeashFile) file = leash_temp_file (ctx, "tree", "a-", ".tmp", NULL);
  g_autofree char *dir = leash_temp_dir (ctx, "tree", "d-", NULL, NULL);
}

static void
sweep (gconstpointer func)
{
  leash_test_sweep_full (&(LeashSweep){ .func = *(const LeashTestFunc *) func, .set_up = make_disk });
}

int
main (int argc, char **argv)
{
  static const struct
  {
    const char *path;
    LeashTestFunc func;
  } tests[] = {
    { "/files-sweep/read-file", read_file },      { "/files-sweep/write-file", write_file },
    { "/files-sweep/append-file", append_file },  { "/files-sweep/copy", copy_file },
    { "/files-sweep/copy-tree", copy_tree },      { "/files-sweep/remove-all", remove_tree_of },
    { "/files-sweep/mkdir-all", make_dirs },      { "/files-sweep/walk", walk },
    { "/files-sweep/temporary", make_temporary },
  };

  g_test_init (&argc, &argv, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (tests); i++)
    g_test_add_data_func (tests[i].path, &tests[i].func, sweep);
  return g_test_run ();
}
