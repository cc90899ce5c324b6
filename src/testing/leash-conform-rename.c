/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Renaming: each kind of thing over each, and what becomes of what is open, linked, or the directory itself.
 */
#include "leash-conform-private.h"

/* One of each kind, and a second. */
#define TREE "f=1 g=2 e/ e2/ d/ d/x=3 d2/ d2/y=4 l>f l2>g ld>d gone>nowhere"

/* What a path of the tree is to rename(). */
static gboolean
is_dir (const char *path)
{
  return path[0] == 'e' || path[0] == 'd';
}

/* What rename() does, by POSIX: 0 or an errno. new_path is NULL for what is not there. */
static int
expect_rename (const char *path, const char *new_path)
{
  if (new_path == NULL)
    return 0;
  if (is_dir (path) && !is_dir (new_path))
    return ENOTDIR;
  if (!is_dir (path) && is_dir (new_path))
    return EISDIR;
  return new_path[0] == 'd' ? ENOTEMPTY : 0;
}

static const char *const matrix[][2] = {
  { "f", "g" },  { "f", "e" },   { "f", "d" },   { "f", "l2" },   { "f", "ld" },   { "f", "gone" },
  { "e", "g" },  { "e", "e2" },  { "e", "d" },   { "e", "l2" },   { "e", "ld" },   { "e", "gone" },
  { "d", "g" },  { "d", "e" },   { "d", "d2" },  { "d", "l2" },   { "d", "gone" }, { "l", "g" },
  { "l", "e" },  { "l", "d" },   { "l", "l2" },  { "l", "ld" },   { "l", "gone" }, { "ld", "g" },
  { "ld", "e" }, { "ld", "d2" }, { "ld", "l2" }, { "gone", "g" }, { "gone", "e" }, { "gone", "l2" },
};

/* Each pair in a directory of its own. */
static void
test_matrix (Conform *c)
{
  for (guint i = 0; i < G_N_ELEMENTS (matrix) && !conform_is_skipped (c); i++)
    {
      g_autofree char *dir = g_strdup_printf ("m%u", i);
      g_autofree char *path = g_strconcat (dir, "/", matrix[i][0], NULL);
      g_autofree char *new_path = g_strconcat (dir, "/", matrix[i][1], NULL);
      int expected = expect_rename (matrix[i][0], matrix[i][1]);
      LeashStat before;
      GFileType type;

      conform_ok (c, MKDIR (dir));
      conform_tree_build_in (c, dir, TREE);
      before = conform_lstat (c, path);
      type = conform_lstat (c, new_path).type;
      if (expected == 0)
        conform_ok (c, RENAME (path, new_path));
      else
        conform_fails_or (c, expected, expected == ENOTEMPTY ? EEXIST : expected, RENAME (path, new_path));
      conform_type (c, expected == 0 ? new_path : path, before.type);
      if (expected == 0)
        conform_missing (c, path);
      else
        conform_type (c, new_path, type);
    }
}

static void
test_free_name (Conform *c)
{
  conform_ok (c, RENAME ("f", "new"));
  conform_content (c, "new", "1");
  conform_ok (c, RENAME ("d", "moved"));
  conform_content (c, "moved/x", "3");
  conform_ok (c, RENAME ("l", "link"));
  conform_target (c, "link", "f");
  conform_ok (c, RENAME ("gone", "e/gone"));
  conform_target (c, "e/gone", "nowhere");
  conform_ok (c, RENAME ("new", "e/deep"));
  conform_content (c, "e/deep", "1");
  conform_missing (c, "new");
}

static void
test_same (Conform *c)
{
  const char *const paths[] = { "f", "e", "d", "l", "gone" };

  for (guint i = 0; i < G_N_ELEMENTS (paths); i++)
    conform_ok (c, RENAME (paths[i], paths[i]));
  conform_content (c, "f", "1");
  conform_content (c, "d/x", "3");
}

static void
test_same_file (Conform *c)
{
  conform_ok (c, LINK ("f", "again"));
  conform_ok (c, RENAME ("f", "again"));
  conform_content (c, "f", "1");
  conform_content (c, "again", "1");
}

static void
test_into_itself (Conform *c)
{
  conform_fails (c, EINVAL, RENAME ("d", "d/x2"));
  conform_fails (c, EINVAL, RENAME ("d", "d/s/x2"));
  conform_fails_or (c, ENOTEMPTY, EEXIST, RENAME ("d/s", "d"));
  conform_list (c, "d", "s x");
}

static void
test_missing (Conform *c)
{
  conform_fails (c, ENOENT, RENAME ("missing", "f"));
  conform_fails (c, ENOENT, RENAME ("missing", "new"));
  conform_fails (c, ENOENT, RENAME ("f", "missing/new"));
  conform_fails (c, ENOENT, RENAME ("missing/f", "new"));
  conform_fails (c, ENOTDIR, RENAME ("f", "g/new"));
  conform_content (c, "f", "1");
  conform_missing (c, "missing");
}

static void
test_open_file (Conform *c)
{
  g_autoptr (LeashFile) moved = conform_open (c, "f", LEASH_OPEN_READ | LEASH_OPEN_WRITE);

  conform_ok (c, RENAME ("f", "d/new"));
  conform_file_rest (c, moved, "1");
  conform_file_write (c, moved, "more");
  conform_file_close (c, moved);
  conform_content (c, "d/new", "1more");
  conform_missing (c, "f");
}

static void
test_replaced_file (Conform *c)
{
  g_autoptr (LeashFile) replaced = conform_open (c, "g", LEASH_OPEN_READ);

  conform_ok (c, RENAME ("f", "g"));
  conform_file_rest (c, replaced, "2");
  conform_file_close (c, replaced);
  conform_content (c, "g", "1");
}

static void
test_no_replace (Conform *c)
{
  const char *const there[] = { "g", "e", "d", "l", "gone" };

  for (guint i = 0; i < G_N_ELEMENTS (there); i++)
    {
      conform_fails (c, EEXIST, RENAME_FULL ("f", there[i], LEASH_RENAME_NO_REPLACE));
      conform_fails (c, EEXIST, RENAME_FULL ("e2", there[i], LEASH_RENAME_NO_REPLACE));
    }
  conform_ok (c, RENAME_FULL ("f", "new", LEASH_RENAME_NO_REPLACE));
  conform_content (c, "new", "1");
  conform_missing (c, "f");
}

static void
test_exchange (Conform *c)
{
  conform_ok (c, RENAME_FULL ("f", "g", LEASH_RENAME_EXCHANGE));
  conform_content (c, "f", "2");
  conform_content (c, "g", "1");
  conform_ok (c, RENAME_FULL ("f", "d", LEASH_RENAME_EXCHANGE));
  conform_content (c, "d", "2");
  conform_content (c, "f/x", "3");
  conform_ok (c, RENAME_FULL ("l", "f", LEASH_RENAME_EXCHANGE));
  conform_target (c, "f", "f");
  conform_content (c, "l/x", "3");
}

static void
test_exchange_refused (Conform *c)
{
  conform_fails (c, ENOENT, RENAME_FULL ("f", "missing", LEASH_RENAME_EXCHANGE));
  conform_fails (c, ENOENT, RENAME_FULL ("missing", "f", LEASH_RENAME_EXCHANGE));
  conform_fails (c, EINVAL, RENAME_FULL ("d", "d/x", LEASH_RENAME_EXCHANGE));
  conform_fails (c, EINVAL, RENAME_FULL ("f", "g", LEASH_RENAME_EXCHANGE | LEASH_RENAME_NO_REPLACE));
  conform_content (c, "f", "1");
}

const ConformTest conform_rename_tests[] = {
  { "rename/each-kind-over-each", test_matrix, NULL, 0 },
  { "rename/to-a-free-name", test_free_name, TREE, 0 },
  { "rename/to-itself-changes-nothing", test_same, TREE, 0 },
  { "rename/to-another-link-of-it-changes-nothing", test_same_file, "f=1", 0 },
  { "rename/directory-into-itself-is-refused", test_into_itself, "d/ d/x=1 d/s/ d/s/y=1", 0 },
  { "rename/what-is-missing-is-not-found", test_missing, "f=1 g=2", 0 },
  { "rename/open-file-stays-itself", test_open_file, "f=1 d/", 0 },
  { "rename/replaced-file-can-be-read-on", test_replaced_file, "f=1 g=2",
    LEASH_FS_FEATURE_OPEN_AFTER_REMOVE },
  { "rename/no-replace-refuses-what-is-there", test_no_replace, TREE, LEASH_FS_FEATURE_NO_REPLACE },
  { "rename/exchange-changes-places", test_exchange, TREE, LEASH_FS_FEATURE_EXCHANGE },
  { "rename/exchange-needs-both", test_exchange_refused, TREE, LEASH_FS_FEATURE_EXCHANGE },
  { NULL, NULL, NULL, 0 },
};
