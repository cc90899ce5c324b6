/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Directories: reading their entries, making and removing them, and files in them. */
#include "leash-conform-private.h"

/* Enough that no implementation lists them at one go. */
#define MANY 1000

#define DEPTH 100

/* Reading entries */

static void
test_list (Conform *c)
{
  conform_list (c, ".", "d f");
  conform_list (c, "d", "a b sub");
  conform_list (c, "d/sub", "x");
}

static void
test_list_empty (Conform *c)
{
  conform_list (c, "d", "");
}

static void
check_entry (Conform *c, const LeashDirEntry *entry)
{
  g_autofree char *path = g_strconcat ("d/", entry->name, NULL);
  LeashStat found = (c->ops & LEASH_FS_OP_LSTAT) != 0 ? conform_lstat (c, path) : conform_stat (c, path);

  if (entry->type != G_FILE_TYPE_UNKNOWN)
    conform_same_number (c, "next", path, "type", found.type, entry->type);
  if (entry->inode != 0 && found.inode != 0)
    conform_same_number (c, "next", path, "inode", (gint64) found.inode, (gint64) entry->inode);
}

static void
test_entries (Conform *c)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (LeashDir) dir = leash_fs_open_dir (c->fs, c->ctx, "d", &error);
  const LeashDirEntry *entry;

  if (dir == NULL)
    conform_error (c, "open_dir", "d", 0, &error);
  while (dir != NULL && leash_dir_next (dir, c->ctx, &entry, &error))
    check_entry (c, entry);
  if (dir != NULL)
    leash_dir_close (dir, NULL);
}

static void
test_end_stays (Conform *c)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (LeashDir) dir = leash_fs_open_dir (c->fs, c->ctx, "d", &error);
  const LeashDirEntry *entry;
  guint n = 0;

  while (dir != NULL && leash_dir_next (dir, c->ctx, &entry, &error))
    n++;
  for (guint i = 0; dir != NULL && i < 3; i++)
    if (leash_dir_next (dir, c->ctx, &entry, &error) || error != NULL)
      conform_fault (c, "next in “d”: expected the end again, found something else");
  conform_same_number (c, "next in", "d", "entries", 3, n);
  if (dir != NULL)
    leash_dir_close (dir, NULL);
}

static void
test_two_readers (Conform *c)
{
  g_autoptr (LeashDir) one = leash_fs_open_dir (c->fs, c->ctx, "d", NULL);
  const LeashDirEntry *entry;
  guint n = 0;

  while (one != NULL && leash_dir_next (one, c->ctx, &entry, NULL))
    {
      conform_list (c, "d", "a b sub");
      n++;
    }
  conform_same_number (c, "next in", "d", "entries", 3, n);
  if (one != NULL)
    leash_dir_close (one, NULL);
}

static void
test_list_refused (Conform *c)
{
  conform_fails (c, ENOENT, OPEN_DIR ("missing"));
  conform_fails (c, ENOTDIR, OPEN_DIR ("f"));
  conform_fails (c, ENOTDIR, OPEN_DIR ("f/x"));
  conform_fails (c, ENOENT, OPEN_DIR ("missing/x"));
}

static void
test_list_links (Conform *c)
{
  conform_list (c, "link", "a b sub");
  conform_list (c, "link/sub/", "x");
  conform_fails (c, ENOTDIR, OPEN_DIR ("link-to-f"));
  conform_fails (c, ENOENT, OPEN_DIR ("dangling"));
  conform_fails (c, ELOOP, OPEN_DIR ("loop"));
}

/* The name of one of many, owned by the caller. */
static char *
numbered (const char *prefix, guint number)
{
  return g_strdup_printf ("%s%04u", prefix, number);
}

static void
make_many (Conform *c)
{
  for (guint i = 0; i < MANY && !conform_is_skipped (c); i++)
    {
      g_autofree char *path = numbered ("d/", i);

      conform_ok (c, OPEN (path, FLAGS_MAKE));
    }
}

static char *
many_names (void)
{
  GString *names = g_string_new ("0000");

  for (guint i = 1; i < MANY; i++)
    g_string_append_printf (names, " %04u", i);
  return g_string_free (names, FALSE);
}

static void
test_many (Conform *c)
{
  g_autofree char *expected = many_names ();

  make_many (c);
  conform_list (c, "d", expected);
}

static void
test_list_follows_changes (Conform *c)
{
  conform_list (c, "d", "");
  conform_write (c, "d/one", "");
  conform_list (c, "d", "one");
  conform_ok (c, MKDIR ("d/two"));
  conform_list (c, "d", "one two");
  conform_ok (c, RENAME ("d/one", "d/three"));
  conform_list (c, "d", "three two");
  conform_ok (c, REMOVE ("d/two"));
  conform_ok (c, REMOVE ("d/three"));
  conform_list (c, "d", "");
}

/* Those that are neither made nor removed meanwhile come once each. */
static void
test_change_while_listing (Conform *c)
{
  g_autoptr (LeashDir) dir = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree guint8 *seen = g_malloc0 (MANY);
  const LeashDirEntry *entry;

  make_many (c);
  dir = conform_is_skipped (c) ? NULL : leash_fs_open_dir (c->fs, c->ctx, "d", NULL);
  for (guint i = 0; dir != NULL && leash_dir_next (dir, c->ctx, &entry, &error); i++)
    {
      g_autofree char *made = numbered ("d/new", i);
      g_autofree char *removed = numbered ("d/", MANY - 1 - i);

      if (g_ascii_isdigit (entry->name[0]))
        seen[g_ascii_strtoull (entry->name, NULL, 10) % MANY]++;
      if (i < MANY / 2)
        {
          conform_ok (c, OPEN (made, FLAGS_MAKE));
          conform_ok (c, REMOVE (removed));
        }
    }
  for (guint i = 0; dir != NULL && i < MANY / 2; i++)
    if (seen[i] != 1)
      conform_fault (c, "next in “d”: expected entry %04u once, found it %u times", i, seen[i]);
  if (dir != NULL)
    leash_dir_close (dir, NULL);
}

/* What a tool that removes trees does. */
static void
test_remove_while_listing (Conform *c)
{
  g_autoptr (LeashDir) dir = NULL;
  const LeashDirEntry *entry;

  make_many (c);
  dir = conform_is_skipped (c) ? NULL : leash_fs_open_dir (c->fs, c->ctx, "d", NULL);
  while (dir != NULL && leash_dir_next (dir, c->ctx, &entry, NULL))
    {
      g_autofree char *path = g_strconcat ("d/", entry->name, NULL);

      conform_ok (c, REMOVE (path));
    }
  if (dir != NULL)
    leash_dir_close (dir, NULL);
  conform_list (c, "d", "");
  conform_ok (c, REMOVE ("d"));
}

static void
test_list_removed (Conform *c)
{
  g_autoptr (LeashDir) dir = leash_fs_open_dir (c->fs, c->ctx, "d", NULL);
  g_autoptr (GError) error = NULL;
  const LeashDirEntry *entry;

  conform_ok (c, REMOVE ("d"));
  if (dir != NULL && !conform_is_skipped (c) && leash_dir_next (dir, c->ctx, &entry, &error))
    conform_fault (c, "next in “d”, which was removed: expected the end, found “%s”", entry->name);
  if (dir != NULL)
    leash_dir_close (dir, NULL);
  conform_missing (c, "d");
  conform_fails (c, ENOENT, OPEN ("d/new", FLAGS_MAKE));
}

/* Making */

static void
test_mkdir (Conform *c)
{
  conform_ok (c, MKDIR ("new"));
  conform_type (c, "new", G_FILE_TYPE_DIRECTORY);
  conform_list (c, "new", "");
  conform_ok (c, MKDIR ("new/inner"));
  conform_ok (c, MKDIR ("slash/"));
  conform_ok (c, MKDIR ("slash/inner///"));
  conform_list (c, ".", "new slash");
  conform_list (c, "slash", "inner");
}

static void
test_mkdir_exists (Conform *c)
{
  const char *const there[]
      = { "f", "f/", "d", "d/", ".", "./", "d/.", "d/..", "link", "link-to-f", "dangling", "loop" };

  for (guint i = 0; i < G_N_ELEMENTS (there); i++)
    conform_fails (c, EEXIST, MKDIR (there[i]));
  conform_content (c, "d/f", "inner");
  conform_content (c, "f", "text");
  conform_missing (c, "nowhere");
}

static void
test_mkdir_parents (Conform *c)
{
  conform_fails (c, ENOENT, MKDIR ("missing/new"));
  conform_fails (c, ENOENT, MKDIR ("missing/deep/new"));
  conform_fails (c, ENOTDIR, MKDIR ("f/new"));
  conform_fails (c, ENOENT, MKDIR ("dangling/new"));
  conform_list (c, ".", "dangling f");
}

static void
test_deep (Conform *c)
{
  g_autoptr (GString) path = g_string_new ("0");
  g_autofree char *top = NULL;

  for (guint i = 1; i < DEPTH; i++)
    {
      conform_ok (c, MKDIR (path->str));
      g_string_append_printf (path, "/%u", i);
    }
  conform_write (c, path->str, "bottom");
  conform_ok (c, RENAME ("0", "top"));
  top = g_strconcat ("top", path->str + 1, NULL);
  conform_content (c, top, "bottom");
  conform_missing (c, path->str);
}

/* Removing */

static void
test_remove (Conform *c)
{
  conform_ok (c, REMOVE ("f"));
  conform_missing (c, "f");
  conform_ok (c, REMOVE ("d/f"));
  conform_ok (c, REMOVE ("d"));
  conform_missing (c, "d");
  conform_ok (c, REMOVE ("slash/"));
  conform_list (c, ".", "");
  conform_fails (c, ENOENT, REMOVE ("f"));
  conform_write (c, "d", "a file now");
  conform_content (c, "d", "a file now");
}

static void
test_remove_full (Conform *c)
{
  conform_fails_or (c, ENOTEMPTY, EEXIST, REMOVE ("d"));
  conform_fails_or (c, ENOTEMPTY, EEXIST, REMOVE ("d/"));
  conform_content (c, "d/f", "text");
  conform_ok (c, REMOVE ("d/f"));
  conform_ok (c, REMOVE ("d"));
}

static void
test_remove_refused (Conform *c)
{
  conform_fails (c, ENOENT, REMOVE ("missing"));
  conform_fails (c, ENOENT, REMOVE ("missing/f"));
  conform_fails (c, ENOTDIR, REMOVE ("f/"));
  conform_fails (c, ENOTDIR, REMOVE ("f/x"));
  conform_fails (c, EINVAL, REMOVE ("d/."));
  conform_content (c, "f", "text");
  conform_type (c, "d", G_FILE_TYPE_DIRECTORY);
}

static void
test_remove_link (Conform *c)
{
  conform_fails (c, ENOTDIR, REMOVE ("link/"));
  conform_ok (c, REMOVE ("link"));
  conform_ok (c, REMOVE ("link-to-f"));
  conform_ok (c, REMOVE ("dangling"));
  conform_list (c, ".", "d f");
  conform_list (c, "d", "inner");
  conform_content (c, "f", "text");
}

static void
test_remove_again (Conform *c)
{
  for (guint i = 0; i < 20; i++)
    {
      conform_ok (c, MKDIR ("name"));
      conform_write (c, "name/f", "text");
      conform_ok (c, REMOVE ("name/f"));
      conform_ok (c, REMOVE ("name"));
      conform_write (c, "name", "text");
      conform_ok (c, REMOVE ("name"));
    }
  conform_list (c, ".", "");
}

#define SUB "d/ d/a=1 d/b=2 d/sub/ d/sub/x=3 f=text"

const ConformTest conform_dirs_tests[] = {
  { "list/every-entry-once", test_list, SUB, 0 },
  { "list/empty-directory-has-none", test_list_empty, "d/", 0 },
  { "list/types-and-inodes-are-those-of-lstat", test_entries, SUB, 0 },
  { "list/end-stays-the-end", test_end_stays, SUB, 0 },
  { "list/two-readers-do-not-meet", test_two_readers, SUB, 0 },
  { "list/what-is-no-directory-is-refused", test_list_refused, "f=text", 0 },
  { "list/links-to-directories-are-followed", test_list_links,
    SUB " link>d link-to-f>f dangling>nowhere loop>loop", 0 },
  { "list/thousand-entries-once-each", test_many, "d/", 0 },
  { "list/changes-are-seen", test_list_follows_changes, "d/", 0 },
  { "list/changed-meanwhile-the-others-come-once", test_change_while_listing, "d/", 0 },
  { "list/removed-meanwhile-all-are-removed", test_remove_while_listing, "d/", 0 },
  { "list/directory-that-was-removed-is-empty", test_list_removed, "d/", LEASH_FS_FEATURE_OPEN_AFTER_REMOVE },
  { "mkdir/makes-an-empty-directory", test_mkdir, NULL, 0 },
  { "mkdir/what-is-there-is-refused", test_mkdir_exists,
    "f=text d/ d/f=inner link>d link-to-f>f dangling>nowhere loop>loop", 0 },
  { "mkdir/missing-parents-are-not-made", test_mkdir_parents, "f=text dangling>nowhere", 0 },
  { "mkdir/hundred-levels-deep", test_deep, NULL, 0 },
  { "remove/file-and-empty-directory", test_remove, "f=text d/ d/f=inner slash/", 0 },
  { "remove/directory-with-entries-is-refused", test_remove_full, "d/ d/f=text", 0 },
  { "remove/what-is-not-there-is-refused", test_remove_refused, "f=text d/", 0 },
  { "remove/link-and-not-what-it-leads-to", test_remove_link,
    "f=text d/ d/inner=x link>d link-to-f>f dangling>nowhere", 0 },
  { "remove/name-is-free-again", test_remove_again, NULL, 0 },
  { NULL, NULL, NULL, 0 },
};
