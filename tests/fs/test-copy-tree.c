/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* leash_copy_tree() */
#include "files-fixture.h"

static gboolean
copy_tree (Files *files, const char *source, const char *target, LeashCopyFlags flags, GError **error)
{
  g_autofree char *from = files_path (files, source);
  g_autofree char *to = files_path (files, target);

  return leash_copy_tree (files->ctx, from, to, flags, error);
}

static void
make_tree (Files *files)
{
  files_mkdir (files, "top");
  files_mkdir (files, "top/dir");
  files_mkdir (files, "top/dir/empty");
  files_write (files, "top/file", "1");
  files_write (files, "top/dir/file", "2");
  files_write (files, "top/dir/\xff\n", "3");
  files_symlink (files, "dir", "top/link");
  files_symlink (files, "nowhere", "top/dangling");
}

static LeashWalkAction
list_entry (const LeashWalkEntry *entry, gpointer user_data, GError **error)
{
  g_string_append_printf (user_data, "%u:%s%s ", entry->depth, entry->depth > 0 ? entry->name : "",
                          entry->type == G_FILE_TYPE_DIRECTORY       ? "/"
                          : entry->type == G_FILE_TYPE_SYMBOLIC_LINK ? "@"
                                                                     : "");
  return LEASH_WALK_CONTINUE;
}

static void
assert_same_tree (Files *files, const char *one, const char *other)
{
  g_autofree char *a = files_path (files, one);
  g_autofree char *b = files_path (files, other);
  g_autoptr (GString) list_a = g_string_new (NULL);
  g_autoptr (GString) list_b = g_string_new (NULL);

  g_assert_true (leash_walk (files->ctx, a, LEASH_WALK_SORTED, list_entry, list_a, NULL));
  g_assert_true (leash_walk (files->ctx, b, LEASH_WALK_SORTED, list_entry, list_b, NULL));
  g_assert_cmpstr (list_a->str, ==, list_b->str);
}

static void
test_tree (Files *files, gconstpointer kind)
{
  g_autoptr (GError) error = NULL;

  make_tree (files);
  g_assert_true (copy_tree (files, "top", "copy", 0, &error));
  g_assert_no_error (error);
  assert_same_tree (files, "top", "copy");
  files_assert_content (files, "copy/file", "1");
  files_assert_content (files, "copy/dir/file", "2");
  files_assert_content (files, "copy/link/\xff\n", "3");
  g_assert_true (copy_tree (files, "top/file", "alone", 0, &error));
  files_assert_content (files, "alone", "1");
  g_assert_true (copy_tree (files, "top/dangling", "dangling", 0, &error));
  g_assert_cmpint (files_lstat (files, "dangling").type, ==, G_FILE_TYPE_SYMBOLIC_LINK);
}

static void
set (Files *files, const char *name, guint mode, gint64 time)
{
  g_autofree char *path = files_path (files, name);

  g_assert_true (leash_chmod (files->ctx, path, mode, NULL));
  g_assert_true (leash_set_times (files->ctx, path, time, time, 0, NULL));
}

static void
assert_set (Files *files, const char *name, guint mode, gint64 time)
{
  LeashStat stat = files_lstat (files, name);

  g_assert_cmphex (stat.mode, ==, mode);
  if (time != 0)
    g_assert_cmpint (stat.mtime_ns, ==, time);
}

static void
test_attributes (Files *files, gconstpointer kind)
{
  const LeashCopyFlags all = LEASH_COPY_MODES | LEASH_COPY_OWNERS | LEASH_COPY_TIMES;
  g_autofree char *dir = files_path (files, "top/dir");
  g_autoptr (GError) error = NULL;

  make_tree (files);
  set (files, "top/file", 0666, 5000000000);
  set (files, "top/dir/empty", 01777, 6000000000);
  set (files, "top/dir", 0577, 7000000000);
  set (files, "top", 0700, 8000000000);
  g_assert_true (copy_tree (files, "top", "same", all, &error));
  g_assert_no_error (error);
  assert_set (files, "same/file", 0666, 5000000000);
  assert_set (files, "same/dir/empty", 01777, 6000000000);
  assert_set (files, "same/dir", 0577, 7000000000);
  assert_set (files, "same", 0700, 8000000000);
  g_assert_true (copy_tree (files, "top", "fresh", 0, &error));
  g_assert_no_error (error);
  assert_set (files, "fresh/file", 0644, 0);
  assert_set (files, "fresh/dir/empty", 0755, 0);
  assert_set (files, "fresh/dir", 0555, 0);
  g_assert_true (leash_chmod (files->ctx, dir, 0755, NULL));
}

static void
test_overwrite (Files *files, gconstpointer kind)
{
  g_autoptr (GError) error = NULL;

  make_tree (files);
  files_mkdir (files, "there");
  g_assert_false (copy_tree (files, "top", "there", 0, &error));
  assert_io_error (error, G_IO_ERROR_EXISTS, "Copying the tree “", "top” to “", "there”: ");
  files_mkdir (files, "there/dir");
  files_write (files, "there/dir/file", "old");
  files_write (files, "there/dir/more", "more");
  files_write (files, "there/link", "old");
  g_assert_true (copy_tree (files, "top", "there", LEASH_COPY_OVERWRITE, &error));
  g_assert_no_error (error);
  files_assert_content (files, "there/dir/file", "2");
  files_assert_content (files, "there/dir/more", "more");
  g_assert_cmpint (files_lstat (files, "there/link").type, ==, G_FILE_TYPE_SYMBOLIC_LINK);
  files_assert_list (files, "there", "dangling dir file link");
  /* A link to a directory is no directory to put things into. */
  files_symlink (files, "there", "to-there");
  g_assert_false (copy_tree (files, "top", "to-there", LEASH_COPY_OVERWRITE, &error));
  assert_io_error (error, G_IO_ERROR_EXISTS, "Copying the tree “");
}

static void
test_follow (Files *files, gconstpointer kind)
{
  g_autoptr (GError) error = NULL;

  make_tree (files);
  g_assert_false (copy_tree (files, "top", "copy", LEASH_COPY_FOLLOW, &error));
  assert_io_error (error, G_IO_ERROR_NOT_FOUND, "Copying the tree “", "entries: Copying “",
                   "top/dangling” to “", "copy/dangling”: ");
  g_assert_true (files_is_there (files, "copy"));
  {
    g_autofree char *dangling = files_path (files, "top/dangling");
    g_assert_true (leash_remove (files->ctx, dangling, NULL));
  }
  g_assert_true (copy_tree (files, "top", "copy", LEASH_COPY_FOLLOW | LEASH_COPY_OVERWRITE, &error));
  g_assert_no_error (error);
  g_assert_cmpint (files_lstat (files, "copy/link").type, ==, G_FILE_TYPE_DIRECTORY);
  files_assert_content (files, "copy/link/file", "2");
  files_symlink (files, "..", "top/dir/up");
  g_assert_false (copy_tree (files, "top", "again", LEASH_COPY_FOLLOW, &error));
  assert_io_error (error, G_IO_ERROR_TOO_MANY_LINKS, "Copying the tree “", "a link leads back");
}

static void
test_into_itself (Files *files, gconstpointer kind)
{
  static const char *const targets[]
      = { "top", "top/copy", "top/dir/copy", "./top/copy", "top/dir/../copy", "other/copy", "top/link/copy" };
  g_autoptr (GError) error = NULL;

  make_tree (files);
  files_symlink (files, "top/dir", "other");
  for (guint i = 0; i < G_N_ELEMENTS (targets); i++)
    {
      g_assert_false (copy_tree (files, "top", targets[i], LEASH_COPY_OVERWRITE, &error));
      assert_io_error (error, G_IO_ERROR_WOULD_RECURSE, "Copying the tree “",
                       "the copy would be in the tree itself");
    }
  g_assert_false (copy_tree (files, "other/", "top/dir/copy", 0, &error));
  assert_io_error (error, G_IO_ERROR_WOULD_RECURSE, "");
  files_assert_list (files, "top", "dangling dir file link");
  g_assert_true (copy_tree (files, "top", "top2", 0, &error));
  g_assert_true (copy_tree (files, "top/dir", "top/dir2", 0, &error));
  g_assert_no_error (error);
}

static void
test_special (Files *files, gconstpointer kind)
{
  g_autofree char *fifo = path_of (&files->base, "top/dir/fifo");
  g_autoptr (GError) error = NULL;

  make_tree (files);
  g_assert_cmpint (mkfifo (fifo, 0600), ==, 0);
  g_assert_false (copy_tree (files, "top", "copy", 0, &error));
  assert_io_error (error, G_IO_ERROR_NOT_REGULAR_FILE, "Copying the tree “", "Copying “",
                   "top/dir/fifo” to “", "copy/dir/fifo”: it is neither a file nor a symbolic link");
}

static void
test_hard_links (Files *files, gconstpointer kind)
{
  g_autofree char *file = files_path (files, "top/file");
  g_autofree char *hard = files_path (files, "top/dir/hard");
  g_autoptr (GError) error = NULL;

  make_tree (files);
  g_assert_true (leash_link (files->ctx, file, hard, &error));
  g_assert_true (copy_tree (files, "top", "apart", 0, &error));
  g_assert_cmpuint (files_lstat (files, "apart/file").nlink, ==, 1);
  for (guint i = 0; i < 2; i++)
    {
      LeashStat one;
      LeashStat other;

      g_assert_true (copy_tree (files, "top", "one",
                                LEASH_COPY_HARD_LINKS | (i > 0 ? LEASH_COPY_OVERWRITE : 0), &error));
      g_assert_no_error (error);
      one = files_lstat (files, "one/file");
      other = files_lstat (files, "one/dir/hard");
      g_assert_cmpuint (one.nlink, ==, 2);
      g_assert_cmpuint (one.inode, ==, other.inode);
    }
}

static void
test_deep (Files *files, gconstpointer kind)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *source = path_of (&files->base, "top");
  g_autofree char *target = path_of (&files->base, "copy");

  files_make_deep (files, "top", "a-name-of-some-length-as-names-are", 1200);
  g_assert_true (copy_tree (files, "top", "copy", LEASH_COPY_TIMES, &error));
  g_assert_no_error (error);
  assert_same_tree (files, "top", "copy");
  g_assert_true (leash_remove_all (files->base.ctx, source, NULL));
  g_assert_true (leash_remove_all (files->base.ctx, target, NULL));
}

typedef struct
{
  LeashContext *cancel;
  guint64 n_entries;
  guint64 n_bytes;
} Told;

static void
tell (const LeashProgress *progress, gpointer user_data)
{
  Told *told = user_data;

  g_assert_cmpuint (progress->n_entries, >=, told->n_entries);
  g_assert_cmpuint (progress->n_bytes, >=, told->n_bytes);
  told->n_entries = progress->n_entries;
  told->n_bytes = progress->n_bytes;
  if (told->n_entries == 3 && told->cancel != NULL)
    leash_context_cancel (told->cancel, NULL);
}

static void
test_progress (Files *files, gconstpointer kind)
{
  g_autofree char *from = files_path (files, "top");
  g_autofree char *to = files_path (files, "copy");
  g_autoptr (LeashContext) ctx = leash_context_with_cancel (files->ctx);
  Told told = { .cancel = ctx };
  g_autoptr (GError) error = NULL;

  make_tree (files);
  g_assert_false (leash_copy_tree_full (ctx, NULL, from, NULL, to, 0, tell, &told, &error));
  assert_io_error (error, G_IO_ERROR_CANCELLED, "Copying the tree “", "copy”: after 3 entries: ");
  g_assert_true (files_is_there (files, "copy"));
  told = (Told){ 0 };
  g_assert_true (
      leash_copy_tree_full (files->ctx, NULL, from, NULL, to, LEASH_COPY_OVERWRITE, tell, &told, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (told.n_entries, ==, 8);
  g_assert_cmpuint (told.n_bytes, ==, 3);
}

static void
test_null_arguments (Files *files, gconstpointer kind)
{
  expect_critical ("leash_copy_tree", "ctx != NULL");
  g_assert_false (leash_copy_tree (NULL, "a", "b", 0, NULL));
  expect_critical ("leash_copy_tree", "source != NULL");
  g_assert_false (leash_copy_tree (files->ctx, NULL, "b", 0, NULL));
  expect_critical ("leash_copy_tree_full", "target != NULL");
  g_assert_false (leash_copy_tree_full (files->ctx, NULL, "a", NULL, NULL, 0, NULL, NULL, NULL));
  assert_expected ();
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  umask (022);
  files_add ("/fs/copy-tree", "copies-all", test_tree);
  files_add ("/fs/copy-tree", "attributes-by-the-flags", test_attributes);
  files_add ("/fs/copy-tree", "overwrites-if-told", test_overwrite);
  files_add ("/fs/copy-tree", "links-are-followed-if-told", test_follow);
  files_add ("/fs/copy-tree", "into-itself-is-refused-before-it-begins", test_into_itself);
  files_add_on_disk ("/fs/copy-tree", "special-file-is-refused-by-its-path", test_special);
  files_add ("/fs/copy-tree", "hard-links-if-told", test_hard_links);
  files_add_on_disk ("/fs/copy-tree", "deeper-than-paths-can-be", test_deep);
  files_add ("/fs/copy-tree", "progress-and-cancellation", test_progress);
  files_add ("/fs/copy-tree", "null-argument-is-named", test_null_arguments);
  return g_test_run ();
}
