/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Resolving in user space, compared with the kernel: the same paths in the same trees, by openat2() with
 * RESOLVE_IN_ROOT for roots of their own, and with RESOLVE_BENEATH for rooted ones.
 */
#include "fs-fixture.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>

#include "leash-resolve-private.h"

typedef struct
{
  Fixture base;
  LeashFs *fs;
} Tree;

static void
tree_set_up (Tree *tree, gconstpointer unused)
{
  set_up (&tree->base, NULL);
  tree->fs = leash_dir_fs_new (tree->base.dir, NULL);
}

static void
tree_tear_down (Tree *tree, gconstpointer unused)
{
  g_object_unref (tree->fs);
  tear_down (&tree->base, NULL);
}

#define ADD_TREE(path, func) g_test_add (path, Tree, NULL, tree_set_up, func, tree_tear_down)

static gboolean
tree_lstat (gpointer data, const char *path, LeashStat *ret_stat, GError **error)
{
  Tree *tree = data;

  g_assert_cmpint (path[0], !=, '/');
  return leash_fs_lstat (tree->fs, tree->base.ctx, path, ret_stat, error);
}

static char *
tree_readlink (gpointer data, const char *path, GError **error)
{
  Tree *tree = data;

  return leash_fs_readlink (tree->fs, tree->base.ctx, path, error);
}

static gboolean
resolve (Tree *tree, const char *path, LeashResolveMode mode, gboolean clamps, LeashResolved *ret_resolved,
         GError **error)
{
  LeashResolver resolver = { tree_lstat, tree_readlink, tree, clamps };

  return leash_resolve (&resolver, path, mode, ret_resolved, error);
}

static void
build_tree (Tree *tree)
{
  g_autofree char *a = make_directory (&tree->base, "a");
  g_autofree char *b = make_directory (&tree->base, "a/b");
  g_autofree char *file = make_file (&tree->base, "a/file", "x");

  make_link (&tree->base, "a/b", "link");
  make_link (&tree->base, "/a/", "abs");
  make_link (&tree->base, "missing", "dangling");
  make_link (&tree->base, "../file", "a/b/up");
  make_link (&tree->base, "a/..", "dots");
}

/* What comes out, by path and way. A path of NULL: the error. */
typedef struct
{
  const char *path;
  LeashResolveMode mode;
  const char *result;
  LeashLast last;
  gboolean needs_dir;
  gboolean exists;
  int code;
} Case;

static const Case cases[] = {
  { "a/file", LEASH_RESOLVE_FOLLOW, "a/file", LEASH_LAST_NAME, FALSE, TRUE, 0 },
  { "./a//b/../file", LEASH_RESOLVE_FOLLOW, "a/file", LEASH_LAST_NAME, FALSE, TRUE, 0 },
  { "link/up", LEASH_RESOLVE_FOLLOW, "a/file", LEASH_LAST_NAME, FALSE, TRUE, 0 },
  { "link/up", LEASH_RESOLVE_NO_FOLLOW, "a/b/up", LEASH_LAST_NAME, FALSE, TRUE, 0 },
  { "link", LEASH_RESOLVE_NO_FOLLOW, "link", LEASH_LAST_NAME, FALSE, TRUE, 0 },
  { "link/", LEASH_RESOLVE_NO_FOLLOW, "a/b", LEASH_LAST_NAME, TRUE, TRUE, 0 },
  { "link/", LEASH_RESOLVE_PLACE, "link", LEASH_LAST_NAME, TRUE, TRUE, 0 },
  { "abs", LEASH_RESOLVE_FOLLOW, "a", LEASH_LAST_NAME, TRUE, TRUE, 0 },
  { "abs/file", LEASH_RESOLVE_CREATE, "a/file", LEASH_LAST_NAME, FALSE, TRUE, 0 },
  { "dots", LEASH_RESOLVE_FOLLOW, ".", LEASH_LAST_DOT_DOT, TRUE, TRUE, 0 },
  { "/", LEASH_RESOLVE_PLACE, ".", LEASH_LAST_ROOT, TRUE, TRUE, 0 },
  { "../..", LEASH_RESOLVE_PLACE, ".", LEASH_LAST_DOT_DOT, TRUE, TRUE, 0 },
  { "a/.", LEASH_RESOLVE_PLACE, "a", LEASH_LAST_DOT, TRUE, TRUE, 0 },
  { "a/new", LEASH_RESOLVE_PLACE, "a/new", LEASH_LAST_NAME, FALSE, FALSE, 0 },
  { "a/new/", LEASH_RESOLVE_PLACE, "a/new", LEASH_LAST_NAME, TRUE, FALSE, 0 },
  { "dangling", LEASH_RESOLVE_CREATE, "missing", LEASH_LAST_NAME, FALSE, FALSE, 0 },
  { "dangling", LEASH_RESOLVE_PLACE, "dangling", LEASH_LAST_NAME, FALSE, TRUE, 0 },
  { "dangling", LEASH_RESOLVE_FOLLOW, NULL, .code = G_IO_ERROR_NOT_FOUND },
  { "a/new", LEASH_RESOLVE_FOLLOW, NULL, .code = G_IO_ERROR_NOT_FOUND },
  { "new/new", LEASH_RESOLVE_PLACE, NULL, .code = G_IO_ERROR_NOT_FOUND },
  { "a/file/", LEASH_RESOLVE_FOLLOW, NULL, .code = G_IO_ERROR_NOT_DIRECTORY },
  { "a/file/..", LEASH_RESOLVE_FOLLOW, NULL, .code = G_IO_ERROR_NOT_DIRECTORY },
  { "a/new/", LEASH_RESOLVE_CREATE, NULL, .code = G_IO_ERROR_IS_DIRECTORY },
};

static void
test_ways (Tree *tree, gconstpointer unused)
{
  build_tree (tree);
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      const Case *c = &cases[i];
      g_autoptr (GError) error = NULL;
      LeashResolved found;

      if (!resolve (tree, c->path, c->mode, TRUE, &found, &error))
        {
          g_assert_null (c->result);
          g_assert_error (error, G_IO_ERROR, c->code);
          continue;
        }
      g_assert_cmpstr (found.path, ==, c->result);
      g_assert_cmpint (found.last, ==, c->last);
      g_assert_cmpint (found.needs_dir, ==, c->needs_dir);
      g_assert_cmpint (found.exists, ==, c->exists);
    }
}

static void
test_names_too_long (Tree *tree, gconstpointer unused)
{
  g_autofree char *name = g_strnfill (NAME_MAX + 1, 'n');
  g_autofree char *longest = g_strnfill (NAME_MAX, 'n');
  g_autofree char *target = g_strnfill (PATH_MAX - 1, '/');
  g_autoptr (GError) error = NULL;
  LeashResolved found;

  g_assert_true (resolve (tree, longest, LEASH_RESOLVE_PLACE, TRUE, &found, &error));
  g_assert_no_error (error);
  g_assert_false (resolve (tree, name, LEASH_RESOLVE_PLACE, TRUE, &found, &error));
  assert_io_error (error, G_IO_ERROR_FILENAME_TOO_LONG, g_strerror (ENAMETOOLONG));
  target[0] = '.';
  make_link (&tree->base, target, "link");
  g_assert_true (resolve (tree, "link", LEASH_RESOLVE_FOLLOW, TRUE, &found, &error));
  g_assert_false (resolve (tree, "link/x", LEASH_RESOLVE_FOLLOW, TRUE, &found, &error));
  assert_io_error (error, G_IO_ERROR_FILENAME_TOO_LONG, g_strerror (ENAMETOOLONG));
}

/* Against the kernel */

static const char *const names[] = { "a", "b", "c", "d" };
static const char *const pieces[] = { "a", "b", "c", "d", "..", ".", "/", "a/", "//", "x" };

static const char *
pick (GRand *rand, const char *const *from, guint n)
{
  return from[g_rand_int_range (rand, 0, (gint32) n)];
}

static char *
random_path (GRand *rand)
{
  GString *path = g_string_new (NULL);
  int n = g_rand_int_range (rand, 1, 6);

  for (int i = 0; i < n; i++)
    {
      if (i > 0 || g_rand_int_range (rand, 0, 6) == 0)
        g_string_append_c (path, '/');
      g_string_append (path, pick (rand, pieces, G_N_ELEMENTS (pieces)));
    }
  return g_string_free (path, FALSE);
}

/* Directories, files and links of any kind, loops among them; what cannot be made is left out. */
static void
grow_tree (Tree *tree, GRand *rand)
{
  for (guint i = 0; i < 40; i++)
    {
      g_autofree char *deep = g_build_filename (pick (rand, names, 4), pick (rand, names, 4), NULL);
      g_autofree char *path = path_of (&tree->base, g_rand_boolean (rand) ? deep : pick (rand, names, 4));
      g_autofree char *target = random_path (rand);
      int kind = g_rand_int_range (rand, 0, 4);

      if (access (path, F_OK) == 0 || kind == 0)
        continue;
      if (kind == 1)
        mkdir (path, 0755);
      else if (kind == 2)
        g_file_set_contents (path, "", 0, NULL);
      else if (symlink (target, path) != 0)
        g_assert_cmpint (errno, !=, EINVAL);
    }
}

/* Returns the inode, or GIO's code for the error as a negative number, less one: the first is 0. */
static gint64
ask_kernel (int root, const char *path, gboolean follow, gboolean clamps)
{
  struct open_how how = {
    .flags = O_PATH | O_CLOEXEC | (follow ? 0u : O_NOFOLLOW),
    .resolve = clamps ? RESOLVE_IN_ROOT : RESOLVE_BENEATH,
  };
  struct stat found;
  int fd;

  /* It gives up when anything in the system is renamed while it is at a "..". */
  do
    fd = (int) syscall (SYS_openat2, root, path, &how, sizeof how);
  while (fd < 0 && errno == EAGAIN);
  if (fd < 0)
    return -1 - (gint64) (errno == EXDEV ? G_IO_ERROR_PERMISSION_DENIED : g_io_error_from_errno (errno));
  g_assert_cmpint (fstat (fd, &found), ==, 0);
  close (fd);
  return (gint64) found.st_ino;
}

/* The same of leash_resolve(). */
static gint64
ask_resolver (Tree *tree, const char *path, gboolean follow, gboolean clamps, char **ret_resolved)
{
  g_autoptr (GError) error = NULL;
  LeashResolved found;

  if (!resolve (tree, path, follow ? LEASH_RESOLVE_FOLLOW : LEASH_RESOLVE_NO_FOLLOW, clamps, &found, &error))
    return -1 - (gint64) error->code;
  *ret_resolved = g_strdup (found.path);
  return (gint64) found.stat.inode;
}

static gboolean
compare (Tree *tree, int root, const char *path, gboolean follow, gboolean clamps)
{
  g_autofree char *resolved = NULL;
  gint64 expected = ask_kernel (root, path, follow, clamps);
  gint64 got = ask_resolver (tree, path, follow, clamps, &resolved);

  if (got != expected)
    g_error ("“%s” is %" G_GINT64_FORMAT " and not %" G_GINT64_FORMAT, path, got, expected);
  if (resolved != NULL && ask_kernel (root, resolved, FALSE, FALSE) != expected)
    g_error ("“%s” is not “%s”", path, resolved);
  return resolved != NULL;
}

static void
test_as_the_kernel (Tree *tree, gconstpointer unused)
{
  int root = open (tree->base.dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
  GRand *rand = g_rand_new_with_seed ((guint32) g_test_rand_int ());
  guint n_found = 0;

  if (ask_kernel (root, ".", TRUE, TRUE) < 0)
    {
      g_test_skip ("this kernel has no openat2(), or does not let us use it");
      close (root);
      g_rand_free (rand);
      return;
    }
  for (guint t = 0; t < 100; t++)
    {
      grow_tree (tree, rand);
      for (guint i = 0; i < 100; i++)
        {
          g_autofree char *path = random_path (rand);

          n_found += compare (tree, root, path, i % 2 == 0, i % 4 < 2) ? 1 : 0;
        }
      for (guint i = 0; i < 4; i++)
        {
          g_autofree char *path = path_of (&tree->base, names[i]);

          nftw (path, remove_entry, 32, FTW_DEPTH | FTW_PHYS);
        }
    }
  /* Both outcomes must have come often, or nothing was compared. */
  g_assert_cmpuint (n_found, >, 1000);
  g_assert_cmpuint (n_found, <, 9000);
  g_rand_free (rand);
  close (root);
}

/* Forty links are followed, and not one more. */
static void
test_forty_links (Tree *tree, gconstpointer unused)
{
  g_autofree char *file = make_file (&tree->base, "l0", "");
  g_autoptr (GError) error = NULL;
  LeashResolved found;

  for (guint i = 1; i <= 41; i++)
    {
      g_autofree char *name = g_strdup_printf ("l%u", i);
      g_autofree char *target = g_strdup_printf ("l%u", i - 1);

      make_link (&tree->base, target, name);
    }
  g_assert_true (resolve (tree, "l40", LEASH_RESOLVE_FOLLOW, TRUE, &found, &error));
  g_assert_cmpstr (found.path, ==, "l0");
  g_assert_false (resolve (tree, "l41", LEASH_RESOLVE_FOLLOW, TRUE, &found, &error));
  assert_io_error (error, G_IO_ERROR_TOO_MANY_LINKS, g_strerror (ELOOP));
}

/* What the file system beneath fails with is told, and not taken for a missing name. */
static gboolean
fail_lstat (gpointer data, const char *path, LeashStat *ret_stat, GError **error)
{
  g_set_error_literal (error, G_IO_ERROR, *(int *) data, "planted");
  return FALSE;
}

static void
test_errors_are_told (void)
{
  int code = G_IO_ERROR_PERMISSION_DENIED;
  LeashResolver resolver = { fail_lstat, NULL, &code, TRUE };
  g_autoptr (GError) error = NULL;
  LeashResolved found;

  g_assert_false (leash_resolve (&resolver, "new", LEASH_RESOLVE_PLACE, &found, &error));
  assert_io_error (error, G_IO_ERROR_PERMISSION_DENIED, "planted");
  code = G_IO_ERROR_NOT_FOUND;
  g_assert_true (leash_resolve (&resolver, "new", LEASH_RESOLVE_PLACE, &found, &error));
  g_assert_false (leash_resolve (&resolver, "/", LEASH_RESOLVE_PLACE, &found, &error));
  assert_io_error (error, G_IO_ERROR_NOT_FOUND, g_strerror (ENOENT));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD_TREE ("/resolve/ways", test_ways);
  ADD_TREE ("/resolve/names-too-long", test_names_too_long);
  ADD_TREE ("/resolve/forty-links", test_forty_links);
  ADD_TREE ("/resolve/as-the-kernel", test_as_the_kernel);
  g_test_add_func ("/resolve/errors-are-told", test_errors_are_told);
  return g_test_run ();
}
