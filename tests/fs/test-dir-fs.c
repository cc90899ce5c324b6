/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The rooted directory: what it makes of paths. Attacks on it are in test-dir-fs-attack.c. */
#include "rooted-fixture.h"

static void
test_inside (Rooted *rooted, gconstpointer walk)
{
  static const char *const paths[][2] = {
    { "file", "inside" },
    { "./file", "inside" },
    { "sub/../file", "inside" },
    { "sub//deep///bottom", "bottom" },
    { "in/bottom", "bottom" },
    { "indir/deep/bottom", "bottom" },
    { "sub/back", "inside" },
    { "in/../../file", "inside" },
    { "self/self/self/file", "inside" },
    { "slashed/deep/bottom", "bottom" },
    { "sub/around", "bottom" },
    { "sub/deep/../../indir/../file", "inside" },
  };

  if (!can_run (rooted, walk))
    return;
  for (guint i = 0; i < G_N_ELEMENTS (paths); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autofree char *content = read_path (rooted->ctx, paths[i][0], &error);

      g_assert_no_error (error);
      g_assert_cmpstr (content, ==, paths[i][1]);
    }
}

static void
test_ways_out (Rooted *rooted, gconstpointer walk)
{
  const LeashOpenFlags creating = LEASH_OPEN_WRITE | LEASH_OPEN_CREATE | LEASH_OPEN_TRUNCATE;
  LeashContext *ctx = rooted->ctx;

  if (!can_run (rooted, walk))
    return;
  for (guint i = 0; i < G_N_ELEMENTS (ways_out); i++)
    {
      const char *path = ways_out[i];
      g_autofree char *below = g_strconcat (path, "/below", NULL);
      g_autoptr (GError) error = NULL;
      LeashStat stat;

      g_test_message ("%s", path);
      g_assert_null (leash_open (ctx, path, LEASH_OPEN_READ, 0, &error));
      assert_outside (error);
      g_assert_null (leash_open (ctx, path, creating, 0644, &error));
      assert_outside (error);
      g_assert_null (leash_open_dir (ctx, path, &error));
      assert_outside (error);
      g_assert_false (leash_stat (ctx, path, &stat, &error));
      assert_outside (error);
      g_assert_false (leash_lstat (ctx, below, &stat, &error));
      assert_outside (error);
      g_assert_false (leash_mkdir (ctx, below, 0755, &error));
      assert_outside (error);
      g_assert_false (leash_remove (ctx, below, &error));
      assert_outside (error);
      g_assert_false (leash_rename (ctx, below, "new", &error));
      assert_outside (error);
      g_assert_false (leash_rename (ctx, "file", below, &error));
      assert_outside (error);
    }
}

static void
test_create_through_links (Rooted *rooted, gconstpointer walk)
{
  const LeashOpenFlags creating = LEASH_OPEN_WRITE | LEASH_OPEN_CREATE;
  g_autofree char *made = path_of (&rooted->base, "root/sub/made");
  g_autoptr (LeashFile) file = NULL;
  g_autoptr (GError) error = NULL;
  mode_t mask;
  struct stat real;

  if (!can_run (rooted, walk))
    return;
  g_assert_null (leash_open (rooted->ctx, "dangling-out", creating, 0644, &error));
  assert_outside (error);
  g_assert_null (leash_open (rooted->ctx, "dangling", creating | LEASH_OPEN_EXCLUSIVE, 0644, &error));
  assert_io_error (error, G_IO_ERROR_EXISTS, "Opening “dangling”: ");
  g_assert_cmpint (access (made, F_OK), ==, -1);
  mask = umask (027);
  file = leash_open (rooted->ctx, "dangling", creating, 0666, &error);
  umask (mask);
  g_assert_no_error (error);
  g_assert_cmpint (leash_file_write (file, rooted->ctx, "made", 4, &error), ==, 4);
  g_assert_true (leash_file_close (file, &error));
  assert_content (made, "made");
  g_assert_cmpint (stat (made, &real), ==, 0);
  g_assert_cmphex (real.st_mode & 07777, ==, 0640);
}

static void
test_loops (Rooted *rooted, gconstpointer walk)
{
  static const char *const loops[] = { "loop", "loop-a", "loop/x", "self/loop-b/x", "sub/../loop" };
  LeashStat stat;

  if (!can_run (rooted, walk))
    return;
  for (guint i = 0; i < G_N_ELEMENTS (loops); i++)
    {
      g_autoptr (GError) error = NULL;

      g_assert_null (leash_open (rooted->ctx, loops[i], LEASH_OPEN_READ, 0, &error));
      assert_io_error (error, G_IO_ERROR_TOO_MANY_LINKS, "Opening “", loops[i], "too many symbolic links");
      g_assert_false (leash_stat (rooted->ctx, loops[i], &stat, &error));
      assert_io_error (error, G_IO_ERROR_TOO_MANY_LINKS, "Looking up “", loops[i]);
    }
  g_assert_true (leash_lstat (rooted->ctx, "loop", &stat, NULL));
  g_assert_cmpint (stat.type, ==, G_FILE_TYPE_SYMBOLIC_LINK);
}

/* Forty links are followed, as by the kernel, and not one more. */
static void
test_long_chain (Rooted *rooted, gconstpointer walk)
{
  g_autofree char *content = NULL;
  g_autoptr (GError) error = NULL;

  if (!can_run (rooted, walk))
    return;
  make_link (&rooted->base, "file", "root/c0");
  for (guint i = 1; i < 41; i++)
    {
      g_autofree char *name = g_strdup_printf ("root/c%u", i);
      g_autofree char *target = g_strdup_printf ("c%u", i - 1);

      make_link (&rooted->base, target, name);
    }
  content = read_path (rooted->ctx, "c39", &error);
  g_assert_no_error (error);
  g_assert_cmpstr (content, ==, "inside");
  g_assert_null (read_path (rooted->ctx, "c40", &error));
  assert_io_error (error, G_IO_ERROR_TOO_MANY_LINKS, "Opening “c40”: ");
}

static void
test_slashes (Rooted *rooted, gconstpointer walk)
{
  const LeashOpenFlags creating = LEASH_OPEN_WRITE | LEASH_OPEN_CREATE;
  LeashContext *ctx = rooted->ctx;
  g_autoptr (GError) error = NULL;
  LeashStat stat;

  if (!can_run (rooted, walk))
    return;
  g_assert_null (leash_open (ctx, "file/", LEASH_OPEN_READ, 0, &error));
  assert_io_error (error, G_IO_ERROR_NOT_DIRECTORY, "Opening “file/”: ");
  g_assert_null (leash_open (ctx, "fresh/", creating, 0644, &error));
  assert_io_error (error, G_IO_ERROR_IS_DIRECTORY, "Opening “fresh/”: ");
  g_assert_true (leash_stat (ctx, "sub//", &stat, &error));
  g_assert_true (leash_lstat (ctx, "indir", &stat, &error));
  g_assert_cmpint (stat.type, ==, G_FILE_TYPE_SYMBOLIC_LINK);
  g_assert_true (leash_lstat (ctx, "indir/", &stat, &error));
  g_assert_cmpint (stat.type, ==, G_FILE_TYPE_DIRECTORY);
  g_assert_no_error (error);
  g_assert_false (leash_lstat (ctx, "updir/", &stat, &error));
  assert_outside (error);
  g_assert_false (leash_remove (ctx, "file/", &error));
  assert_io_error (error, G_IO_ERROR_NOT_DIRECTORY, "Removing “file/”: ");
  g_assert_false (leash_remove (ctx, "indir/", &error));
  assert_io_error (error, G_IO_ERROR_NOT_DIRECTORY, "Removing “indir/”: ");
  g_assert_false (leash_rename (ctx, "file/", "other", &error));
  assert_io_error (error, G_IO_ERROR_NOT_DIRECTORY, "Renaming “file/” to “other”: ");
  g_assert_false (leash_rename (ctx, "file", "other/", &error));
  assert_io_error (error, G_IO_ERROR_NOT_DIRECTORY, "Renaming “file” to “other/”: ");
  g_assert_true (leash_mkdir (ctx, "fresh/", 0755, &error));
  g_assert_true (leash_rename (ctx, "fresh/", "moved/", &error));
  g_assert_true (leash_remove (ctx, "moved/", &error));
  g_assert_no_error (error);
}

static void
test_dots (Rooted *rooted, gconstpointer walk)
{
  LeashContext *ctx = rooted->ctx;
  g_autoptr (LeashDir) dir = NULL;
  g_autoptr (GError) error = NULL;
  LeashStat dot;
  LeashStat up;

  if (!can_run (rooted, walk))
    return;
  g_assert_true (leash_stat (ctx, ".", &dot, &error));
  g_assert_true (leash_lstat (ctx, "sub/..", &up, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (dot.inode, ==, up.inode);
  dir = leash_open_dir (ctx, "./sub/deep/../..", &error);
  g_assert_no_error (error);
  g_assert_true (leash_dir_close (dir, NULL));
  g_assert_false (leash_lstat (ctx, "..", &up, &error));
  assert_outside (error);
  g_assert_false (leash_mkdir (ctx, "sub/.", 0755, &error));
  assert_io_error (error, G_IO_ERROR_EXISTS, "Making the directory “sub/.”: ");
  g_assert_false (leash_mkdir (ctx, "..", 0755, &error));
  assert_outside (error);
  g_assert_false (leash_remove (ctx, "sub/.", &error));
  assert_io_error (error, G_IO_ERROR_INVALID_ARGUMENT, "Removing “sub/.”: “.” is no name of its own");
  g_assert_false (leash_remove (ctx, "..", &error));
  assert_io_error (error, G_IO_ERROR_INVALID_ARGUMENT, "“..” is no name of its own");
  g_assert_false (leash_rename (ctx, "sub/..", "new", &error));
  assert_io_error (error, G_IO_ERROR_INVALID_ARGUMENT,
                   "Renaming “sub/..” to “new”: “..” is no name of its own");
  g_assert_false (leash_rename (ctx, "file", ".", &error));
  assert_io_error (error, G_IO_ERROR_INVALID_ARGUMENT, "“.” is no name of its own");
}

/* The operations on names act on a link, and not on what it leads to. */
static void
test_names_are_not_followed (Rooted *rooted, gconstpointer walk)
{
  LeashContext *ctx = rooted->ctx;
  g_autofree char *up = path_of (&rooted->base, "root/up");
  g_autofree char *abs = path_of (&rooted->base, "root/abs");
  g_autoptr (GError) error = NULL;
  LeashStat stat;

  if (!can_run (rooted, walk))
    return;
  g_assert_true (leash_lstat (ctx, "up", &stat, &error));
  g_assert_cmpint (stat.type, ==, G_FILE_TYPE_SYMBOLIC_LINK);
  g_assert_false (leash_mkdir (ctx, "dangling-out", 0755, &error));
  assert_io_error (error, G_IO_ERROR_EXISTS, "Making the directory “dangling-out”: ");
  g_assert_true (leash_rename (ctx, "abs", "sub/abs", &error));
  g_assert_true (leash_rename (ctx, "file", "up", &error));
  g_assert_true (leash_remove (ctx, "sub/abs", &error));
  g_assert_true (leash_remove (ctx, "updir", &error));
  g_assert_no_error (error);
  assert_content (up, "inside");
  g_assert_cmpint (access (abs, F_OK), ==, -1);
}

static void
test_everyday (Rooted *rooted, gconstpointer walk)
{
  LeashContext *ctx = rooted->ctx;
  g_autofree char *real = path_of (&rooted->base, "root/new/moved");
  g_autoptr (LeashFile) file = NULL;
  g_autoptr (LeashDir) dir = NULL;
  g_autoptr (GError) error = NULL;
  const LeashDirEntry *entry;

  if (!can_run (rooted, walk))
    return;
  g_assert_true (leash_mkdir (ctx, "new", 0755, &error));
  file = leash_open (ctx, "new/a", LEASH_OPEN_WRITE | LEASH_OPEN_CREATE, 0644, &error);
  g_assert_no_error (error);
  if (leash_has_tracking ())
    g_assert_cmpuint (leash_tracker_count_open (rooted->base.tracker), ==, 1);
  g_assert_cmpint (leash_file_write (file, ctx, "data", 4, &error), ==, 4);
  g_assert_true (leash_file_close (file, &error));
  g_assert_true (leash_rename (ctx, "new/a", "indir/../new/moved", &error));
  g_assert_no_error (error);
  assert_content (real, "data");
  dir = leash_open_dir (ctx, "new", &error);
  g_assert_true (leash_dir_next (dir, ctx, &entry, &error));
  g_assert_cmpstr (entry->name, ==, "moved");
  g_assert_true (leash_dir_close (dir, &error));
  g_assert_false (leash_remove (ctx, "new", &error));
  assert_io_error (error, G_IO_ERROR_NOT_EMPTY, "Removing “new”: ");
  g_assert_true (leash_remove (ctx, "new/moved", &error));
  g_assert_true (leash_remove (ctx, "new", &error));
  g_assert_null (leash_open (ctx, "new/a", LEASH_OPEN_READ, 0, &error));
  assert_io_error (error, G_IO_ERROR_NOT_FOUND, "Opening “new/a”: ");
  g_assert_null (leash_open (ctx, "file/a", LEASH_OPEN_READ, 0, &error));
  assert_io_error (error, G_IO_ERROR_NOT_DIRECTORY, "Opening “file/a”: ");
}

static void
test_names (Rooted *rooted, gconstpointer walk)
{
  g_autofree char *longest = g_strnfill (255, 'n');
  g_autofree char *too_long = g_strnfill (256, 'n');
  g_autofree char *inner = g_build_filename (longest, "\xff\xfe", NULL);
  g_autoptr (GError) error = NULL;
  LeashStat stat;

  if (!can_run (rooted, walk))
    return;
  g_assert_true (leash_mkdir (rooted->ctx, longest, 0755, &error));
  g_assert_true (leash_mkdir (rooted->ctx, inner, 0755, &error));
  g_assert_true (leash_stat (rooted->ctx, inner, &stat, &error));
  g_assert_true (leash_remove (rooted->ctx, inner, &error));
  g_assert_no_error (error);
  g_assert_false (leash_stat (rooted->ctx, inner, &stat, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
  g_assert_true (g_utf8_validate (error->message, -1, NULL));
  g_clear_error (&error);
  g_assert_false (leash_mkdir (rooted->ctx, too_long, 0755, &error));
  assert_io_error (error, G_IO_ERROR_FILENAME_TOO_LONG, "Making the directory “nnn");
  g_assert_null (leash_open (rooted->ctx, too_long, LEASH_OPEN_READ, 0, &error));
  assert_io_error (error, G_IO_ERROR_FILENAME_TOO_LONG, "Opening “nnn");
}

/* Links whose texts together are longer than any path. */
static void
test_long_links (Rooted *rooted, gconstpointer walk)
{
  g_autoptr (GString) path = g_string_new (NULL);
  g_autoptr (GError) error = NULL;

  if (!can_run (rooted, walk))
    return;
  for (guint i = 0; i < 1500; i++)
    g_string_append (path, "./");
  g_string_append (path, "missing");
  make_link (&rooted->base, path->str, "root/long");
  g_string_assign (path, "long/");
  for (guint i = 0; i < 1500; i++)
    g_string_append (path, "./");
  g_string_append (path, "x");
  g_assert_null (leash_open (rooted->ctx, path->str, LEASH_OPEN_READ, 0, &error));
  g_assert_error (error, G_IO_ERROR, (walk != NULL ? G_IO_ERROR_FILENAME_TOO_LONG : G_IO_ERROR_NOT_FOUND));
}

/* Down to the bottom, and up again to a file at the root. */
static void
test_deep (Rooted *rooted, gconstpointer walk)
{
  const guint n_levels = walk != NULL ? 200 : 700;
  g_autoptr (GString) path = g_string_new (NULL);
  g_autofree char *content = NULL;
  g_autoptr (GError) error = NULL;

  if (!can_run (rooted, walk))
    return;
  for (guint i = 0; i < n_levels; i++)
    {
      g_string_append (path, "d/");
      g_assert_true (leash_mkdir (rooted->ctx, path->str, 0755, &error));
      g_assert_no_error (error);
    }
  for (guint i = 0; i < n_levels; i++)
    g_string_append (path, "../");
  g_string_append (path, "file");
  content = read_path (rooted->ctx, path->str, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (content, ==, "inside");
}

/* The walk needs descriptors; without them it fails, and keeps none. */
static void
test_walk_without_descriptors (Rooted *rooted, gconstpointer walk)
{
  g_autoptr (GString) path = g_string_new ("d");
  g_autoptr (GError) error = NULL;
  struct rlimit before;
  struct rlimit limit;
  LeashStat stat;

  for (guint i = 0; i < 100; i++)
    {
      g_assert_true (leash_mkdir (rooted->ctx, path->str, 0755, &error));
      g_string_append (path, "/d");
    }
  g_string_append (path, "/d");
  g_assert_cmpint (getrlimit (RLIMIT_NOFILE, &before), ==, 0);
  limit = before;
  limit.rlim_cur = 50;
  g_assert_cmpint (setrlimit (RLIMIT_NOFILE, &limit), ==, 0);
  g_assert_false (leash_stat (rooted->ctx, path->str, &stat, &error));
  g_assert_cmpint (setrlimit (RLIMIT_NOFILE, &before), ==, 0);
  assert_io_error (error, G_IO_ERROR_TOO_MANY_OPEN_FILES, "Looking up “d/d");
}

/* Random paths */

static char *
random_path (GRand *random)
{
  static const char *const names[]
      = { "file",  "sub", "deep", "bottom",  "in",      "indir", "back", "loop", "abs",
          "updir", "up",  "self", "slashed", "missing", "..",    "..",   "." };
  guint n = (guint) g_rand_int_range (random, 1, 7);
  GString *path = g_string_new (NULL);

  for (guint i = 0; i < n; i++)
    {
      g_string_append (path, names[g_rand_int_range (random, 0, G_N_ELEMENTS (names))]);
      if (i + 1 < n || g_rand_int_range (random, 0, 4) == 0)
        g_string_append (path, g_rand_int_range (random, 0, 8) == 0 ? "//" : "/");
    }
  return g_string_free (path, FALSE);
}

/* What came of it: an error's code, or what was found. */
static guint64
outcome (gboolean done, const LeashStat *stat, GError **error)
{
  guint64 result = done ? stat->inode : (guint64) ((*error)->code + 1) << 32;

  g_clear_error (error);
  return result;
}

static guint64
open_outcome (LeashFs *fs, Rooted *rooted, const char *path, LeashOpenFlags flags)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (LeashFile) file = leash_fs_open (fs, rooted->ctx, path, flags, 0644, &error);
  LeashStat stat = { 0 };

  if (file != NULL)
    g_assert_true (leash_file_stat (file, rooted->ctx, &stat, NULL));
  return outcome (file != NULL, &stat, &error);
}

static void
assert_same (const char *what, const char *path, guint64 kernels, guint64 walks)
{
  if (kernels != walks)
    g_error ("%s of “%s”: %" G_GINT64_MODIFIER "x by the kernel, %" G_GINT64_MODIFIER "x by the walk", what,
             path, kernels, walks);
}

static guint64
stat_outcome (LeashFs *fs, Rooted *rooted, const char *path, gboolean follow)
{
  g_autoptr (GError) error = NULL;
  LeashStat stat = { 0 };
  gboolean done = follow ? leash_fs_stat (fs, rooted->ctx, path, &stat, &error)
                         : leash_fs_lstat (fs, rooted->ctx, path, &stat, &error);

  return outcome (done, &stat, &error);
}

static void
compare_path (Rooted *rooted, LeashFs *walking, const char *path)
{
  g_autofree char *joined = g_strconcat (rooted->base.dir, "/root/", path, NULL);
  guint64 found = stat_outcome (rooted->fs, rooted, path, TRUE);
  struct stat real;

  /* What is inside is what everybody finds there. */
  if (found >> 32 == 0)
    {
      g_assert_cmpint (stat (joined, &real), ==, 0);
      g_assert_cmpuint (found, ==, real.st_ino);
    }
  assert_same ("stat", path, found, stat_outcome (walking, rooted, path, TRUE));
  assert_same ("lstat", path, stat_outcome (rooted->fs, rooted, path, FALSE),
               stat_outcome (walking, rooted, path, FALSE));
  assert_same ("open for reading", path, open_outcome (rooted->fs, rooted, path, LEASH_OPEN_READ),
               open_outcome (walking, rooted, path, LEASH_OPEN_READ));
  assert_same ("open for writing", path, open_outcome (rooted->fs, rooted, path, LEASH_OPEN_WRITE),
               open_outcome (walking, rooted, path, LEASH_OPEN_WRITE));
}

static void
test_same_as_kernel (Rooted *rooted, gconstpointer walk)
{
  g_autofree char *root = path_of (&rooted->base, "root");
  g_autoptr (LeashFs) walking = new_fs (root, TRUE);
  g_autoptr (GRand) random = g_rand_new_with_seed ((guint32) g_test_rand_int ());

  if (!can_run (rooted, walk))
    return;
  for (guint i = 0; i < (g_test_slow () ? 20000u : 4000u); i++)
    {
      g_autofree char *path = random_path (random);

      compare_path (rooted, walking, path);
    }
}

/* The root itself */

static void
test_root_moves (Rooted *rooted, gconstpointer walk)
{
  g_autofree char *root = path_of (&rooted->base, "root");
  g_autofree char *moved = path_of (&rooted->base, "moved");
  g_autofree char *content = NULL;

  if (!can_run (rooted, walk))
    return;
  g_assert_cmpint (rename (root, moved), ==, 0);
  content = read_path (rooted->ctx, "file", NULL);
  g_assert_cmpstr (content, ==, "inside");
}

static void
test_no_root (Rooted *rooted, gconstpointer walk)
{
  g_autofree char *file = path_of (&rooted->base, "root/file");
  g_autofree char *missing = path_of (&rooted->base, "missing");
  g_autoptr (GError) error = NULL;

  g_assert_null (leash_dir_fs_new (missing, &error));
  assert_io_error (error, G_IO_ERROR_NOT_FOUND, "Opening the root “", "/missing”: ");
  g_assert_null (leash_dir_fs_new (file, &error));
  assert_io_error (error, G_IO_ERROR_NOT_DIRECTORY, "Opening the root “", "/file”: ");
  g_assert_null (leash_dir_fs_new ("", &error));
  assert_io_error (error, G_IO_ERROR_NOT_FOUND, "Opening the root “”: the path is empty");
  expect_critical ("leash_dir_fs_new", "path != NULL");
  g_assert_null (leash_dir_fs_new (NULL, &error));
  assert_expected ();
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  add ("paths-that-stay-inside-work", test_inside);
  add ("every-way-out-is-refused", test_ways_out);
  add ("files-are-made-through-links-that-stay-inside", test_create_through_links);
  add ("link-loops-end", test_loops);
  add ("forty-links-are-followed", test_long_chain);
  add ("trailing-slash-asks-for-a-directory", test_slashes);
  add ("dots-are-no-names", test_dots);
  add ("operations-on-names-do-not-follow", test_names_are_not_followed);
  add ("everyday-use", test_everyday);
  add ("names-of-255-bytes-and-of-no-charset", test_names);
  add ("links-longer-than-a-path", test_long_links);
  add ("deep-trees", test_deep);
  add ("root-may-be-renamed", test_root_moves);
  ADD_ONE ("/fs/rooted/walk/without-descriptors-fails-and-keeps-none", "walk", test_walk_without_descriptors);
  ADD_ONE ("/fs/rooted/walk/is-the-same-as-the-kernels", NULL, test_same_as_kernel);
  ADD_ONE ("/fs/rooted/what-is-no-directory-is-no-root", NULL, test_no_root);
  return g_test_run ();
}
