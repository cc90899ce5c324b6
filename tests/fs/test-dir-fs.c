/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The rooted directory, attacked. Each test runs twice: with the kernel's openat2(), and with the walk that
 * stands in for it. The tree, in the test's directory:
 *
 *     secret                       outside; its content must never be seen, nor change
 *     root/file                    "inside"
 *     root/sub/deep/bottom         "bottom"
 *     root/...                     links that stay inside, and links that try to get out; see build_tree()
 */
#include "fs-fixture.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "leash-dir-fs-private.h"

typedef struct
{
  Fixture base;
  LeashFs *fs;
  LeashContext *ctx; /* carries fs */
} Rooted;

/* Name and target of each link; the first half stays inside. */
static const char *const good_links[][2] = {
  { "root/in", "sub/deep" },
  { "root/indir", "sub" },
  { "root/sub/back", "../file" },
  { "root/self", "." },
  { "root/dangling", "sub/made" },
  { "root/slashed", "sub/" },
  { "root/sub/around", "../sub/../indir/deep/bottom" },
};

static const char *const bad_links[][2] = {
  { "root/up", "../secret" },
  { "root/sub/up2", "../../secret" },
  { "root/chain1", "chain2" },
  { "root/chain2", "sub/up2" },
  { "root/updir", ".." },
  { "root/sub/updir2", "../../." },
  { "root/reenter", "../root/file" },
  { "root/dangling-out", "../made-outside" },
};

static void
build_tree (Rooted *rooted)
{
  Fixture *base = &rooted->base;
  g_autofree char *root = make_directory (base, "root");
  g_autofree char *sub = make_directory (base, "root/sub");
  g_autofree char *deep = make_directory (base, "root/sub/deep");
  g_autofree char *secret = make_file (base, "secret", "secret!");
  g_autofree char *file = make_file (base, "root/file", "inside");
  g_autofree char *bottom = make_file (base, "root/sub/deep/bottom", "bottom");

  for (guint i = 0; i < G_N_ELEMENTS (good_links); i++)
    make_link (base, good_links[i][1], good_links[i][0]);
  for (guint i = 0; i < G_N_ELEMENTS (bad_links); i++)
    make_link (base, bad_links[i][1], bad_links[i][0]);
  make_link (base, secret, "root/abs");
  make_link (base, root, "root/absroot");
  make_link (base, base->dir, "root/sub/absdir");
  make_link (base, "loop", "root/loop");
  make_link (base, "loop-b", "root/loop-a");
  make_link (base, "loop-a", "root/loop-b");
}

static LeashFs *
new_fs (const char *path, gboolean walk)
{
  g_autoptr (GError) error = NULL;
  LeashFs *fs = leash_dir_fs_new (path, &error);

  g_assert_no_error (error);
  if (walk)
    leash_dir_fs_set_walk (fs, TRUE);
  return fs;
}

static void
rooted_set_up (Rooted *rooted, gconstpointer walk)
{
  g_autofree char *root = NULL;

  set_up (&rooted->base, NULL);
  build_tree (rooted);
  root = path_of (&rooted->base, "root");
  rooted->fs = new_fs (root, walk != NULL);
  rooted->ctx = leash_context_with_fs (rooted->base.ctx, rooted->fs);
}

static void
rooted_tear_down (Rooted *rooted, gconstpointer walk)
{
  g_autofree char *secret = path_of (&rooted->base, "secret");
  g_autofree char *outside = path_of (&rooted->base, "made-outside");

  assert_content (secret, "secret!");
  g_assert_cmpint (access (outside, F_OK), ==, -1);
  leash_context_unref (rooted->ctx);
  g_object_unref (rooted->fs);
  tear_down (&rooted->base, NULL);
}

/* Whether the kernel's way is there to be tested; the walk always is. */
static gboolean
can_run (Rooted *rooted, gconstpointer walk)
{
  if (walk != NULL || !leash_dir_fs_get_walk (rooted->fs))
    return TRUE;
  g_test_skip ("this kernel has no openat2(), or does not let us use it");
  return FALSE;
}

static char *
read_path (LeashContext *ctx, const char *path, GError **error)
{
  g_autoptr (LeashFile) file = leash_open (ctx, path, LEASH_OPEN_READ, 0, error);
  char buffer[64] = "";
  gssize n;

  if (file == NULL)
    return NULL;
  n = leash_file_read (file, ctx, buffer, sizeof buffer - 1, error);
  leash_file_close (file, NULL);
  return n >= 0 ? g_strdup (buffer) : NULL;
}

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

/* Every way out that there is in the tree, as a path of a file. */
static const char *const ways_out[] = {
  "..",
  "../secret",
  "../root/file",
  "sub/../../secret",
  "sub/deep/../../../secret",
  "up",
  "sub/up2",
  "indir/up2",
  "chain1",
  "chain2",
  "updir",
  "updir/secret",
  "updir/root/file",
  "sub/updir2/secret",
  "in/../../../secret",
  "reenter",
  "abs",
  "absroot/file",
  "sub/absdir/secret",
  "self/../secret",
  "/",
  "/etc/passwd",
  "//file",
};

#define assert_outside(error) \
  assert_io_error (error, G_IO_ERROR_PERMISSION_DENIED, "leads outside of the root")

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

static void
test_magic_links (Rooted *rooted, gconstpointer walk)
{
  static const char *const paths[]
      = { "root/etc/passwd", "root", "cwd", "exe", "cwd/.", "fd/0", "task/../root/etc" };
  g_autoptr (LeashFs) fs = new_fs ("/proc/self", walk != NULL);
  g_autofree char *content = NULL;
  LeashStat stat;

  if (!can_run (rooted, walk))
    return;
  for (guint i = 0; i < G_N_ELEMENTS (paths); i++)
    {
      g_autoptr (GError) error = NULL;

      g_assert_null (leash_fs_open (fs, rooted->ctx, paths[i], LEASH_OPEN_READ, 0, &error));
      g_assert_nonnull (error);
      /* The kernel names the links, the walk reads where they say they lead. */
      if (!g_error_matches (error, G_IO_ERROR, G_IO_ERROR_TOO_MANY_LINKS))
        g_assert_true (
            g_error_matches (error, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED)
            || (strcmp (paths[i], "fd/0") == 0 && g_error_matches (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND)));
    }
  /* The negative control: what is no magic link can be looked at. */
  g_assert_true (leash_fs_stat (fs, rooted->ctx, "status", &stat, NULL));
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

/* Races */

typedef struct
{
  char *a;      /* owned; exchanged with b, again and again */
  char *b;      /* owned */
  gint stopped; /* atomic */
  GThread *thread;
} Swapper;

static gpointer
swap (gpointer data)
{
  Swapper *swapper = data;

  while (!__atomic_load_n (&swapper->stopped, __ATOMIC_RELAXED))
    g_assert_cmpint (renameat2 (AT_FDCWD, swapper->a, AT_FDCWD, swapper->b, RENAME_EXCHANGE), ==, 0);
  return NULL;
}

static void
swapper_start (Swapper *swapper, Rooted *rooted, const char *a, const char *b)
{
  swapper->a = path_of (&rooted->base, a);
  swapper->b = path_of (&rooted->base, b);
  swapper->thread = g_thread_new ("swapper", swap, swapper);
}

static void
swapper_stop (Swapper *swapper)
{
  __atomic_store_n (&swapper->stopped, 1, __ATOMIC_RELAXED);
  g_thread_join (swapper->thread);
  g_free (swapper->a);
  g_free (swapper->b);
}

/* Reads path so often; each time it is refused or says "inside". Returns how often it said so. */
static guint
read_under_attack (Rooted *rooted, const char *path, guint n_tries)
{
  guint n_read = 0;

  for (guint i = 0; i < n_tries; i++)
    {
      g_autofree char *content = read_path (rooted->ctx, path, NULL);

      if (content == NULL)
        continue;
      g_assert_cmpstr (content, ==, "inside");
      n_read++;
    }
  return n_read;
}

/* Whether somebody who does not look out is led outside by the same attack. */
static gboolean
naive_is_fooled (Rooted *rooted, const char *path, guint n_tries)
{
  g_autofree char *joined = g_strconcat (rooted->base.dir, "/root/", path, NULL);

  for (guint i = 0; i < n_tries; i++)
    {
      g_autofree char *content = NULL;

      g_file_get_contents (joined, &content, NULL, NULL);
      if (g_strcmp0 (content, "secret!") == 0)
        return TRUE;
    }
  return FALSE;
}

static void
attack (Rooted *rooted, const char *a, const char *b, const char *path)
{
  Swapper swapper = { 0 };

  swapper_start (&swapper, rooted, a, b);
  g_assert_true (naive_is_fooled (rooted, path, 1000000));
  g_assert_cmpuint (read_under_attack (rooted, path, g_test_slow () ? 100000 : 20000), >, 0);
  swapper_stop (&swapper);
}

/* A directory on the way, and a link to one outside, change places. */
static void
test_race_on_the_way (Rooted *rooted, gconstpointer walk)
{
  g_autofree char *victim = make_directory (&rooted->base, "root/victim");
  g_autofree char *inner = make_file (&rooted->base, "root/victim/secret", "inside");

  if (!can_run (rooted, walk))
    return;
  make_link (&rooted->base, "..", "root/bait");
  attack (rooted, "root/victim", "root/bait", "victim/secret");
}

/* A file, and a link to one outside, change places. */
static void
test_race_at_the_end (Rooted *rooted, gconstpointer walk)
{
  g_autofree char *victim = make_file (&rooted->base, "root/victim", "inside");

  if (!can_run (rooted, walk))
    return;
  make_link (&rooted->base, "../secret", "root/bait");
  attack (rooted, "root/victim", "root/bait", "victim");
}

/* A directory is moved out of the root while somebody is in it and goes up. */
static void
test_race_on_the_way_up (Rooted *rooted, gconstpointer walk)
{
  g_autofree char *a = make_directory (&rooted->base, "root/a");
  g_autofree char *b = make_directory (&rooted->base, "root/a/b");
  g_autofree char *outside = make_directory (&rooted->base, "outside");
  g_autofree char *place = make_directory (&rooted->base, "outside/b");
  g_autofree char *inner = make_file (&rooted->base, "root/secret", "inside");
  Swapper swapper = { 0 };

  if (!can_run (rooted, walk))
    return;
  /* The same bytes lie at "b/../../secret" of both places, once inside and once not. */
  swapper_start (&swapper, rooted, "root/a/b", "outside/b");
  g_assert_cmpuint (read_under_attack (rooted, "a/b/../../secret", g_test_slow () ? 100000 : 20000), >, 0);
  swapper_stop (&swapper);
}

static void
act_under_attack (Rooted *rooted)
{
  LeashStat stat;

  if (leash_stat (rooted->ctx, "victim/secret", &stat, NULL))
    g_assert_cmpuint (stat.size, ==, strlen ("inside"));
  if (leash_lstat (rooted->ctx, "victim/secret", &stat, NULL))
    g_assert_cmpuint (stat.size, ==, strlen ("inside"));
  if (leash_mkdir (rooted->ctx, "victim/made-outside", 0755, NULL))
    while (!leash_remove (rooted->ctx, "victim/made-outside", NULL))
      ;
  if (leash_rename (rooted->ctx, "victim/secret", "victim/made-outside", NULL))
    while (!leash_rename (rooted->ctx, "victim/made-outside", "victim/secret", NULL))
      ;
}

/* The other operations, against the same attack: nothing outside is seen, made, removed or renamed. */
static void
test_race_of_names (Rooted *rooted, gconstpointer walk)
{
  g_autofree char *victim = make_directory (&rooted->base, "root/victim");
  g_autofree char *inner = make_file (&rooted->base, "root/victim/secret", "inside");
  g_autofree char *made = path_of (&rooted->base, "made-outside");
  g_autofree char *secret = path_of (&rooted->base, "secret");
  Swapper swapper = { 0 };

  if (!can_run (rooted, walk))
    return;
  make_link (&rooted->base, "..", "root/bait");
  swapper_start (&swapper, rooted, "root/victim", "root/bait");
  for (guint i = 0; i < (g_test_slow () ? 20000u : 4000u); i++)
    {
      act_under_attack (rooted);
      g_assert_cmpint (access (made, F_OK), ==, -1);
      g_assert_cmpint (access (secret, F_OK), ==, 0);
    }
  swapper_stop (&swapper);
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

static void
add (const char *name, void (*test) (Rooted *, gconstpointer))
{
  g_autofree char *native = g_strconcat ("/fs/rooted/openat2/", name, NULL);
  g_autofree char *walking = g_strconcat ("/fs/rooted/walk/", name, NULL);

  g_test_add (native, Rooted, NULL, rooted_set_up, test, rooted_tear_down);
  g_test_add (walking, Rooted, "walk", rooted_set_up, test, rooted_tear_down);
}

#define ADD_ONE(path, walk, test) g_test_add (path, Rooted, walk, rooted_set_up, test, rooted_tear_down)

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
  add ("magic-links-are-refused", test_magic_links);
  add ("race-on-the-way-stays-inside", test_race_on_the_way);
  add ("race-at-the-end-stays-inside", test_race_at_the_end);
  add ("race-on-the-way-up-stays-inside", test_race_on_the_way_up);
  add ("race-of-names-stays-inside", test_race_of_names);
  add ("root-may-be-renamed", test_root_moves);
  ADD_ONE ("/fs/rooted/walk/without-descriptors-fails-and-keeps-none", "walk", test_walk_without_descriptors);
  ADD_ONE ("/fs/rooted/walk/is-the-same-as-the-kernels", NULL, test_same_as_kernel);
  ADD_ONE ("/fs/rooted/what-is-no-directory-is-no-root", NULL, test_no_root);
  return g_test_run ();
}
