/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The overlay over two real directories, looked at from outside as well: what is in upper must be a layer by
 * the OCI image specification, and lower must never change. The tree, in the test's directory:
 *
 *     upper/               empty
 *     lower/file           "lower"
 *     lower/dir/a          "a"
 *     lower/dir/sub/b      "b"
 *     lower/empty/
 *     lower/link           -> dir/a
 *     lower/up             -> ../../file, which ends at the root
 *     lower/abs            -> /dir
 */
#include "fs-fixture.h"

#include <fcntl.h>

typedef struct
{
  Fixture base;
  LeashFs *upper;
  LeashFs *lower;
  LeashContext *ctx; /* carries the overlay */
  char *before;      /* what was in lower */
} Overlay;

/* All that there is to know of a tree, for comparing. */
static GString *listing;

static int
list_entry (const char *path, const struct stat *found, int type, struct FTW *where)
{
  g_autofree char *content = NULL;

  if (S_ISREG (found->st_mode))
    g_file_get_contents (path, &content, NULL, NULL);
  else if (S_ISLNK (found->st_mode))
    content = g_file_read_link (path, NULL);
  g_string_append_printf (listing, "%s %o %u %u %ld.%ld %lu %s\n", path + where->base, found->st_mode,
                          found->st_uid, found->st_gid, (long) found->st_mtim.tv_sec, found->st_mtim.tv_nsec,
                          (gulong) found->st_ino, content);
  return 0;
}

static char *
list_tree (Overlay *overlay, const char *name)
{
  g_autofree char *path = path_of (&overlay->base, name);

  listing = g_string_new (NULL);
  g_assert_cmpint (nftw (path, list_entry, 32, FTW_PHYS), ==, 0);
  return g_string_free (listing, FALSE);
}

static LeashFs *
new_root (Overlay *overlay, const char *name)
{
  g_autofree char *path = path_of (&overlay->base, name);
  g_autoptr (GError) error = NULL;
  LeashFs *fs = leash_dir_fs_new (path, &error);

  g_assert_no_error (error);
  return fs;
}

static void
overlay_set_up (Overlay *overlay, gconstpointer unused)
{
  static const char *const dirs[] = { "upper", "lower", "lower/dir", "lower/dir/sub", "lower/empty" };
  static const char *const files[][2]
      = { { "lower/file", "lower" }, { "lower/dir/a", "a" }, { "lower/dir/sub/b", "b" } };
  g_autoptr (LeashFs) fs = NULL;

  set_up (&overlay->base, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (dirs); i++)
    g_free (make_directory (&overlay->base, dirs[i]));
  for (guint i = 0; i < G_N_ELEMENTS (files); i++)
    g_free (make_file (&overlay->base, files[i][0], files[i][1]));
  make_link (&overlay->base, "dir/a", "lower/link");
  make_link (&overlay->base, "../../file", "lower/up");
  make_link (&overlay->base, "/dir", "lower/abs");
  overlay->before = list_tree (overlay, "lower");
  overlay->upper = new_root (overlay, "upper");
  overlay->lower = new_root (overlay, "lower");
  fs = leash_overlay_fs_new (overlay->upper, overlay->lower);
  overlay->ctx = leash_context_with_fs (overlay->base.ctx, fs);
}

static void
overlay_tear_down (Overlay *overlay, gconstpointer unused)
{
  g_autofree char *after = list_tree (overlay, "lower");

  g_assert_cmpstr (after, ==, overlay->before);
  g_free (overlay->before);
  leash_context_unref (overlay->ctx);
  g_object_unref (overlay->upper);
  g_object_unref (overlay->lower);
  tear_down (&overlay->base, NULL);
}

#define ADD_OVERLAY(path, func) g_test_add (path, Overlay, NULL, overlay_set_up, func, overlay_tear_down)

static int
compare_names (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *) a, *(const char *const *) b);
}

/* The names in a directory of any file system, sorted, with a slash behind those of directories. */
static char *
names_in (LeashFs *fs, LeashContext *ctx, const char *path)
{
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GError) error = NULL;
  g_autoptr (LeashDir) dir = leash_fs_open_dir (fs, ctx, path, &error);
  const LeashDirEntry *entry;

  g_assert_no_error (error);
  while (leash_dir_next (dir, ctx, &entry, &error))
    g_ptr_array_add (names,
                     g_strconcat (entry->name, entry->type == G_FILE_TYPE_DIRECTORY ? "/" : NULL, NULL));
  g_assert_no_error (error);
  g_assert_true (leash_dir_close (dir, NULL));
  g_ptr_array_sort (names, compare_names);
  g_ptr_array_add (names, NULL);
  return g_strjoinv (" ", (char **) names->pdata);
}

static void
assert_names (LeashFs *fs, LeashContext *ctx, const char *path, const char *expected)
{
  g_autofree char *names = names_in (fs, ctx, path);

  g_assert_cmpstr (names, ==, expected);
}

/* What the overlay shows, and what is in upper to make it so. */
#define assert_seen(path, expected) assert_names (leash_context_get_fs (ctx), ctx, path, expected)
#define assert_upper(path, expected) assert_names (overlay->upper, ctx, path, expected)

static void
assert_read (LeashContext *ctx, const char *path, const char *expected)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (LeashFile) file = leash_open (ctx, path, LEASH_OPEN_READ, 0, &error);
  char buffer[64] = "";

  g_assert_no_error (error);
  g_assert_cmpint (leash_file_read (file, ctx, buffer, sizeof buffer - 1, &error), >=, 0);
  g_assert_no_error (error);
  g_assert_cmpstr (buffer, ==, expected);
  g_assert_true (leash_file_close (file, NULL));
}

static void
write_to (LeashContext *ctx, const char *path, LeashOpenFlags flags, const char *content)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (LeashFile) file = leash_open (ctx, path, flags | LEASH_OPEN_WRITE, 0644, &error);
  gssize length = (gssize) strlen (content);

  g_assert_no_error (error);
  g_assert_cmpint (leash_file_write (file, ctx, content, (gsize) length, &error), ==, length);
  g_assert_true (leash_file_close (file, &error));
}

#define succeed(call)          \
  G_STMT_START                 \
  {                            \
    GError *error = NULL;      \
    gboolean done_ = (call);   \
                               \
    g_assert_no_error (error); \
    g_assert_true (done_);     \
  }                            \
  G_STMT_END

#define fail_with(code, call)                   \
  G_STMT_START                                  \
  {                                             \
    GError *error = NULL;                       \
                                                \
    g_assert_false (call);                      \
    g_assert_error (error, G_IO_ERROR, (code)); \
    g_error_free (error);                       \
  }                                             \
  G_STMT_END

static void
test_looking_changes_nothing (Overlay *overlay, gconstpointer unused)
{
  LeashContext *ctx = overlay->ctx;
  LeashStat found;

  assert_seen ("/", "abs dir/ empty/ file link up");
  assert_seen ("abs", "a sub/");
  assert_read (ctx, "file", "lower");
  assert_read (ctx, "link", "a");
  assert_read (ctx, "up", "lower");
  assert_read (ctx, "/abs/sub/../a", "a");
  succeed (leash_lstat (ctx, "link", &found, &error));
  g_assert_cmpint (found.type, ==, G_FILE_TYPE_SYMBOLIC_LINK);
  succeed (leash_stat (ctx, "abs/", &found, &error));
  g_assert_cmpint (found.type, ==, G_FILE_TYPE_DIRECTORY);
  fail_with (G_IO_ERROR_NOT_FOUND, leash_stat (ctx, "dir/none", &found, &error));
  fail_with (G_IO_ERROR_NOT_DIRECTORY, leash_stat (ctx, "file/x", &found, &error));
  assert_upper (".", "");
}

static void
test_writing_copies_up (Overlay *overlay, gconstpointer unused)
{
  LeashContext *ctx = overlay->ctx;

  write_to (ctx, "dir/sub/b", LEASH_OPEN_APPEND, "+");
  assert_read (ctx, "dir/sub/b", "b+");
  assert_seen ("dir", "a sub/");
  assert_seen ("dir/sub", "b");
  assert_upper (".", "dir/");
  assert_upper ("dir", "sub/");
  assert_upper ("dir/sub", "b");
  write_to (ctx, "link", LEASH_OPEN_TRUNCATE, "through");
  assert_read (ctx, "dir/a", "through");
  assert_upper ("dir", "a sub/");
}

static void
test_copies_keep_what_they_were (Overlay *overlay, gconstpointer unused)
{
  static const char *const paths[] = { "dir", "dir/sub", "dir/sub/b", "link" };
  g_autofree char *b = path_of (&overlay->base, "lower/dir/sub/b");
  g_autofree char *sub = path_of (&overlay->base, "lower/dir/sub");
  LeashContext *ctx = overlay->ctx;
  LeashStat before[G_N_ELEMENTS (paths)];
  LeashStat after;

  if (geteuid () == 0)
    {
      g_assert_cmpint (chown (b, 12, 34), ==, 0);
      g_assert_cmpint (chown (sub, 56, 78), ==, 0);
    }
  g_assert_cmpint (chmod (b, 04751), ==, 0);
  g_assert_cmpint (chmod (sub, 02770), ==, 0);
  g_free (overlay->before);
  overlay->before = list_tree (overlay, "lower");
  for (guint i = 0; i < G_N_ELEMENTS (paths); i++)
    succeed (leash_lstat (ctx, paths[i], &before[i], &error));
  succeed (leash_chown (ctx, "link", -1, -1, LEASH_PATH_NO_FOLLOW, &error));
  leash_file_unref (leash_open (ctx, "dir/sub/b", LEASH_OPEN_WRITE, 0, NULL));
  assert_upper ("dir/sub", "b");
  for (guint i = 0; i < G_N_ELEMENTS (paths); i++)
    {
      succeed (leash_lstat (ctx, paths[i], &after, &error));
      g_assert_cmpint (after.type, ==, before[i].type);
      g_assert_cmphex (after.mode, ==, before[i].mode);
      g_assert_cmpuint (after.uid, ==, before[i].uid);
      g_assert_cmpuint (after.gid, ==, before[i].gid);
      g_assert_cmpint (after.mtime_ns, ==, before[i].mtime_ns);
    }
  assert_upper (".", "dir/ link");
}

static void
test_metadata_copies_up (Overlay *overlay, gconstpointer unused)
{
  LeashContext *ctx = overlay->ctx;
  LeashStat found;

  succeed (leash_truncate (ctx, "file", 3, &error));
  assert_read (ctx, "file", "low");
  succeed (leash_chmod (ctx, "dir/a", 0600, &error));
  succeed (leash_stat (ctx, "dir/a", &found, &error));
  g_assert_cmphex (found.mode, ==, 0600);
  succeed (leash_set_times (ctx, "abs", 1000, 2000, 0, &error));
  succeed (leash_stat (ctx, "dir", &found, &error));
  g_assert_cmpint (found.mtime_ns, ==, 2000);
  succeed (leash_set_times (ctx, "abs", 1000, 3000, LEASH_PATH_NO_FOLLOW, &error));
  succeed (leash_lstat (ctx, "abs", &found, &error));
  g_assert_cmpint (found.mtime_ns, ==, 3000);
  succeed (leash_chmod (ctx, "/", 0700, &error));
  fail_with (G_IO_ERROR_IS_DIRECTORY, leash_truncate (ctx, "dir", 0, &error));
  assert_upper (".", "abs dir/ file");
  assert_upper ("dir", "a");
}

static void
test_removing_leaves_whiteouts (Overlay *overlay, gconstpointer unused)
{
  LeashContext *ctx = overlay->ctx;
  LeashStat found;

  succeed (leash_remove (ctx, "file", &error));
  assert_upper (".", ".wh.file");
  assert_seen (".", "abs dir/ empty/ link up");
  fail_with (G_IO_ERROR_NOT_FOUND, leash_lstat (ctx, "file", &found, &error));
  fail_with (G_IO_ERROR_NOT_FOUND, leash_remove (ctx, "file", &error));
  succeed (leash_stat (ctx, "abs", &found, &error));
  succeed (leash_remove (ctx, "abs", &error));
  succeed (leash_remove (ctx, "empty/", &error));
  fail_with (G_IO_ERROR_NOT_EMPTY, leash_remove (ctx, "dir", &error));
  succeed (leash_remove (ctx, "dir/a", &error));
  succeed (leash_remove (ctx, "dir/sub/b", &error));
  assert_upper ("dir", ".wh.a sub/");
  assert_upper ("dir/sub", ".wh.b");
  succeed (leash_remove (ctx, "dir/sub", &error));
  succeed (leash_remove (ctx, "dir", &error));
  assert_upper (".", ".wh.abs .wh.dir .wh.empty .wh.file");
  assert_seen (".", "link up");
}

static void
test_making_over_whiteouts (Overlay *overlay, gconstpointer unused)
{
  LeashContext *ctx = overlay->ctx;

  succeed (leash_remove (ctx, "file", &error));
  write_to (ctx, "file", LEASH_OPEN_CREATE | LEASH_OPEN_EXCLUSIVE, "new");
  assert_upper (".", "file");
  assert_read (ctx, "file", "new");
  succeed (leash_remove (ctx, "dir/a", &error));
  succeed (leash_remove (ctx, "dir/sub/b", &error));
  succeed (leash_remove (ctx, "dir/sub", &error));
  succeed (leash_remove (ctx, "dir", &error));
  succeed (leash_mkdir (ctx, "dir", 0755, &error));
  assert_upper (".", "dir/ file");
  assert_upper ("dir", ".wh..wh..opq");
  assert_seen ("dir", "");
  write_to (ctx, "dir/new", LEASH_OPEN_CREATE, "");
  assert_seen ("dir", "new");
  succeed (leash_remove (ctx, "dir/new", &error));
  succeed (leash_remove (ctx, "dir", &error));
  assert_upper (".", ".wh.dir file");
  succeed (leash_symlink (ctx, "file", "dir", &error));
  assert_read (ctx, "dir", "new");
  assert_upper (".", "dir file");
  succeed (leash_remove (ctx, "dir", &error));
  succeed (leash_link (ctx, "file", "dir", &error));
  assert_upper (".", "dir file");
}

static void
test_renaming_files (Overlay *overlay, gconstpointer unused)
{
  LeashContext *ctx = overlay->ctx;

  succeed (leash_rename (ctx, "file", "dir/moved", &error));
  assert_upper (".", ".wh.file dir/");
  assert_read (ctx, "dir/moved", "lower");
  succeed (leash_rename (ctx, "dir/moved", "dir/a", &error));
  assert_upper ("dir", "a");
  assert_read (ctx, "link", "lower");
  succeed (leash_rename (ctx, "link", "file", &error));
  assert_upper (".", ".wh.link dir/ file");
  assert_read (ctx, "file", "lower");
  fail_with (G_IO_ERROR_EXISTS, leash_rename_full (ctx, "file", "up", LEASH_RENAME_NO_REPLACE, &error));
  succeed (leash_rename_full (ctx, "file", "link", LEASH_RENAME_NO_REPLACE, &error));
  assert_upper (".", ".wh.file dir/ link");
  fail_with (G_IO_ERROR_IS_DIRECTORY, leash_rename (ctx, "link", "empty", &error));
  fail_with (G_IO_ERROR_NOT_DIRECTORY, leash_rename (ctx, "empty", "link", &error));
  fail_with (G_IO_ERROR_NOT_FOUND, leash_rename (ctx, "file", "x", &error));
}

static void
test_renaming_directories (Overlay *overlay, gconstpointer unused)
{
  LeashContext *ctx = overlay->ctx;

  succeed (leash_rename (ctx, "dir", "moved", &error));
  assert_upper (".", ".wh.dir moved/");
  assert_seen ("moved", "a sub/");
  assert_read (ctx, "moved/sub/b", "b");
  fail_with (G_IO_ERROR_NOT_FOUND, leash_open_dir (ctx, "dir", &error) != NULL);
  succeed (leash_remove (ctx, "moved/a", &error));
  succeed (leash_rename (ctx, "moved", "dir", &error));
  assert_upper (".", "dir/");
  assert_upper ("dir", ".wh..wh..opq sub/");
  assert_seen ("dir", "sub/");
  succeed (leash_rename (ctx, "dir", "empty", &error));
  assert_upper (".", ".wh.dir empty/");
  assert_seen ("empty", "sub/");
  fail_with (G_IO_ERROR_INVALID_ARGUMENT, leash_rename (ctx, "empty", "empty/sub/x", &error));
  fail_with (G_IO_ERROR_NOT_EMPTY, leash_rename (ctx, "empty/sub", "empty", &error));
  succeed (leash_mkdir (ctx, "dir", 0755, &error));
  succeed (leash_rename (ctx, "empty/", "dir/", &error));
  assert_upper (".", ".wh.empty dir/");
  assert_read (ctx, "dir/sub/b", "b");
}

static void
test_exchanging (Overlay *overlay, gconstpointer unused)
{
  LeashContext *ctx = overlay->ctx;

  succeed (leash_rename_full (ctx, "dir", "file", LEASH_RENAME_EXCHANGE, &error));
  assert_read (ctx, "dir", "lower");
  assert_seen ("file", "a sub/");
  assert_upper (".", "dir file/");
  succeed (leash_rename_full (ctx, "file", "empty", LEASH_RENAME_EXCHANGE, &error));
  assert_seen ("file", "");
  assert_seen ("empty", "a sub/");
  assert_read (ctx, "empty/sub/b", "b");
  fail_with (G_IO_ERROR_NOT_FOUND, leash_rename_full (ctx, "file", "x", LEASH_RENAME_EXCHANGE, &error));
}

static void
test_whiteout_names_are_nobodys (Overlay *overlay, gconstpointer unused)
{
  LeashContext *ctx = overlay->ctx;
  LeashStat found;
  GError *failure = NULL;

  g_free (make_file (&overlay->base, "lower/empty/.wh.x", ""));
  g_free (overlay->before);
  overlay->before = list_tree (overlay, "lower");
  assert_seen ("empty", "");
  fail_with (G_IO_ERROR_NOT_FOUND, leash_lstat (ctx, "empty/.wh.x", &found, &error));
  g_assert_false (leash_mkdir (ctx, "dir/.wh.a", 0755, &failure));
  assert_io_error (failure, G_IO_ERROR_INVALID_FILENAME,
                   "Making the directory “dir/.wh.a”: names that begin with");
  fail_with (G_IO_ERROR_INVALID_FILENAME,
             leash_open (ctx, ".wh..wh..opq", LEASH_OPEN_CREATE | LEASH_OPEN_WRITE, 0644, &error) != NULL);
  fail_with (G_IO_ERROR_INVALID_FILENAME, leash_symlink (ctx, "x", ".wh.file", &error));
  fail_with (G_IO_ERROR_INVALID_FILENAME, leash_rename (ctx, "file", ".wh.dir", &error));
  fail_with (G_IO_ERROR_INVALID_FILENAME, leash_link (ctx, "file", ".wh.dir", &error));
  succeed (leash_remove (ctx, "file", &error));
  fail_with (G_IO_ERROR_NOT_FOUND, leash_remove (ctx, ".wh.file", &error));
  succeed (leash_remove (ctx, "empty", &error));
}

/* As overlayfs of Linux. */
static void
test_open_files_keep_the_old_content (Overlay *overlay, gconstpointer unused)
{
  LeashContext *ctx = overlay->ctx;
  g_autoptr (GError) error = NULL;
  g_autoptr (LeashFile) file = leash_open (ctx, "up", LEASH_OPEN_READ, 0, &error);
  char buffer[16] = "";

  g_assert_no_error (error);
  g_assert_cmpstr (leash_file_get_path (file), ==, "up");
  write_to (ctx, "file", LEASH_OPEN_TRUNCATE, "new");
  g_assert_cmpint (leash_file_read (file, ctx, buffer, sizeof buffer, &error), ==, 5);
  g_assert_cmpstr (buffer, ==, "lower");
  g_assert_true (leash_file_close (file, NULL));
  assert_read (ctx, "file", "new");
}

static void
test_hard_links_break (Overlay *overlay, gconstpointer unused)
{
  g_autofree char *file = path_of (&overlay->base, "lower/file");
  g_autofree char *other = path_of (&overlay->base, "lower/other");
  LeashContext *ctx = overlay->ctx;

  g_assert_cmpint (link (file, other), ==, 0);
  g_free (overlay->before);
  overlay->before = list_tree (overlay, "lower");
  write_to (ctx, "file", LEASH_OPEN_TRUNCATE, "new");
  assert_read (ctx, "other", "lower");
  succeed (leash_link (ctx, "other", "dir/third", &error));
  write_to (ctx, "dir/third", LEASH_OPEN_TRUNCATE, "third");
  assert_read (ctx, "other", "third");
}

static void
test_holes_stay_holes (Overlay *overlay, gconstpointer unused)
{
  g_autofree char *path = path_of (&overlay->base, "lower/sparse");
  g_autofree char *copy = path_of (&overlay->base, "upper/sparse");
  LeashContext *ctx = overlay->ctx;
  g_autoptr (GBytes) bytes = NULL;
  int fd = open (path, O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
  struct stat found;

  g_assert_cmpint (pwrite (fd, "x", 1, 8 << 20), ==, 1);
  g_assert_cmpint (ftruncate (fd, 16 << 20), ==, 0);
  g_assert_cmpint (close (fd), ==, 0);
  g_free (overlay->before);
  overlay->before = list_tree (overlay, "lower");
  succeed (leash_chmod (ctx, "sparse", 0600, &error));
  g_assert_cmpint (stat (copy, &found), ==, 0);
  g_assert_cmpint (found.st_size, ==, 16 << 20);
  g_assert_cmpint (found.st_blocks * 512, <=, 1 << 20);
  fd = open (copy, O_RDONLY | O_CLOEXEC);
  g_assert_cmpint (pread (fd, &(char){ 0 }, 1, 8 << 20), ==, 1);
  g_assert_cmpint (lseek (fd, 0, SEEK_DATA), >, 0);
  close (fd);
}

/* What another overlay left is taken up by the next. */
static void
test_upper_is_a_layer (Overlay *overlay, gconstpointer unused)
{
  g_autoptr (LeashFs) second = leash_overlay_fs_new (overlay->upper, overlay->lower);
  g_autofree char *opaque = make_directory (&overlay->base, "upper/dir");
  g_autofree char *mark = make_file (&overlay->base, "upper/dir/.wh..wh..opq", "");
  g_autofree char *new = make_file (&overlay->base, "upper/dir/new", "");
  g_autofree char *gone = make_file (&overlay->base, "upper/.wh.file", "");
  g_autofree char *both = make_directory (&overlay->base, "upper/empty");
  g_autofree char *beside = make_file (&overlay->base, "upper/.wh.empty", "");
  g_autofree char *ignored = make_file (&overlay->base, "upper/.wh..wh.plnk", "");
  LeashContext *ctx = overlay->ctx;

  assert_seen (".", "abs dir/ empty/ link up");
  assert_seen ("dir", "new");
  assert_names (second, ctx, "dir", "new");
  succeed (leash_rename (ctx, "empty", "file", &error));
  assert_seen (".", "abs dir/ file/ link up");
  assert_upper (".", ".wh..wh.plnk .wh.empty dir/ file/");
}

static void
test_paths_without_a_name (Overlay *overlay, gconstpointer unused)
{
  LeashContext *ctx = overlay->ctx;

  fail_with (G_IO_ERROR_BUSY, leash_remove (ctx, "/", &error));
  fail_with (G_IO_ERROR_INVALID_ARGUMENT, leash_remove (ctx, "dir/.", &error));
  fail_with (G_IO_ERROR_NOT_EMPTY, leash_remove (ctx, "dir/..", &error));
  fail_with (G_IO_ERROR_BUSY, leash_rename (ctx, ".", "x", &error));
  fail_with (G_IO_ERROR_BUSY, leash_rename (ctx, "dir", "..", &error));
  fail_with (G_IO_ERROR_EXISTS, leash_mkdir (ctx, "/", 0755, &error));
  fail_with (G_IO_ERROR_NOT_DIRECTORY, leash_remove (ctx, "file/", &error));
  fail_with (G_IO_ERROR_NOT_FOUND, leash_symlink (ctx, "x", "new/", &error));
  fail_with (G_IO_ERROR_IS_DIRECTORY,
             leash_open (ctx, "new/", LEASH_OPEN_CREATE | LEASH_OPEN_WRITE, 0644, &error) != NULL);
  fail_with (G_IO_ERROR_IS_DIRECTORY, leash_open (ctx, "dir", LEASH_OPEN_WRITE, 0, &error) != NULL);
  assert_upper (".", "");
}

static void
test_what_cannot_be_copied (Overlay *overlay, gconstpointer unused)
{
  g_autofree char *path = path_of (&overlay->base, "lower/dir/fifo");
  LeashContext *ctx = overlay->ctx;
  LeashStat found;

  g_assert_cmpint (mkfifo (path, 0644), ==, 0);
  g_free (overlay->before);
  overlay->before = list_tree (overlay, "lower");
  succeed (leash_stat (ctx, "dir/fifo", &found, &error));
  g_assert_cmpint (found.type, ==, G_FILE_TYPE_SPECIAL);
  fail_with (G_IO_ERROR_NOT_SUPPORTED, leash_chmod (ctx, "dir/fifo", 0600, &error));
  fail_with (G_IO_ERROR_NOT_SUPPORTED, leash_rename (ctx, "dir", "moved", &error));
  assert_seen ("dir", "a fifo sub/");
  succeed (leash_remove (ctx, "dir/fifo", &error));
  assert_seen ("dir", "a sub/");
}

/* A whiteout's name is four bytes longer. */
static void
test_long_names (Overlay *overlay, gconstpointer unused)
{
  g_autofree char *longest = g_strnfill (255, 'n');
  g_autofree char *whited = g_strnfill (251, 'w');
  LeashContext *ctx = overlay->ctx;

  for (guint i = 0; i < 2; i++)
    {
      g_autofree char *name = g_build_filename ("lower", i == 0 ? longest : whited, NULL);

      g_free (make_file (&overlay->base, name, "long"));
    }
  g_free (overlay->before);
  overlay->before = list_tree (overlay, "lower");
  assert_read (ctx, longest, "long");
  succeed (leash_chmod (ctx, longest, 0600, &error));
  fail_with (G_IO_ERROR_FILENAME_TOO_LONG, leash_remove (ctx, longest, &error));
  fail_with (G_IO_ERROR_FILENAME_TOO_LONG, leash_rename (ctx, longest, "short", &error));
  assert_read (ctx, longest, "long");
  succeed (leash_remove (ctx, whited, &error));
}

static void
test_what_it_can (Overlay *overlay, gconstpointer unused)
{
  LeashFs *fs = leash_context_get_fs (overlay->ctx);

  g_assert_cmphex (leash_fs_get_ops (fs), ==, LEASH_FS_OPS_ON_PATHS & ~LEASH_FS_OP_OPEN_ROOT);
  g_assert_cmphex (leash_fs_get_features (fs), ==, leash_fs_get_features (overlay->upper));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD_OVERLAY ("/overlay/looking-changes-nothing", test_looking_changes_nothing);
  ADD_OVERLAY ("/overlay/writing-copies-up", test_writing_copies_up);
  ADD_OVERLAY ("/overlay/copies-keep-what-they-were", test_copies_keep_what_they_were);
  ADD_OVERLAY ("/overlay/metadata-copies-up", test_metadata_copies_up);
  ADD_OVERLAY ("/overlay/removing-leaves-whiteouts", test_removing_leaves_whiteouts);
  ADD_OVERLAY ("/overlay/making-over-whiteouts", test_making_over_whiteouts);
  ADD_OVERLAY ("/overlay/renaming-files", test_renaming_files);
  ADD_OVERLAY ("/overlay/renaming-directories", test_renaming_directories);
  ADD_OVERLAY ("/overlay/exchanging", test_exchanging);
  ADD_OVERLAY ("/overlay/whiteout-names-are-nobodys", test_whiteout_names_are_nobodys);
  ADD_OVERLAY ("/overlay/open-files-keep-the-old-content", test_open_files_keep_the_old_content);
  ADD_OVERLAY ("/overlay/hard-links-break", test_hard_links_break);
  ADD_OVERLAY ("/overlay/holes-stay-holes", test_holes_stay_holes);
  ADD_OVERLAY ("/overlay/upper-is-a-layer", test_upper_is_a_layer);
  ADD_OVERLAY ("/overlay/paths-without-a-name", test_paths_without_a_name);
  ADD_OVERLAY ("/overlay/what-cannot-be-copied", test_what_cannot_be_copied);
  ADD_OVERLAY ("/overlay/long-names", test_long_names);
  ADD_OVERLAY ("/overlay/what-it-can", test_what_it_can);
  return g_test_run ();
}
