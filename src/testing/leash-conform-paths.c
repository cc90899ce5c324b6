/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Paths: what every operation says of one that leads nowhere, dots and slashes, and names of any bytes. */
#include "leash-conform-private.h"

static void
test_missing_parent (Conform *c)
{
  conform_each_fails (c, ENOENT, "missing/x");
  conform_each_fails (c, ENOENT, "missing/deep/x");
  conform_each_fails (c, ENOENT, "dangling/x");
}

static void
test_file_as_parent (Conform *c)
{
  conform_each_fails (c, ENOTDIR, "f/x");
  conform_each_fails (c, ENOTDIR, "f/x/y");
  conform_each_fails (c, ENOTDIR, "d/f/../x");
}

static void
test_loop (Conform *c)
{
  conform_each_fails (c, ELOOP, "loop/x");
  conform_each_fails (c, ELOOP, "two/x");
}

static void
test_long_name (Conform *c)
{
  conform_each_fails (c, ENAMETOOLONG, NAME_256);
  conform_each_fails (c, ENAMETOOLONG, "d/" NAME_256);
  conform_each_fails (c, ENAMETOOLONG, NAME_256 "/x");
}

static void
test_long_path (Conform *c)
{
  g_autofree char *path = g_strnfill (5000, 'x');

  for (guint i = 100; i < 5000; i += 100)
    path[i] = '/';
  conform_each_fails (c, ENAMETOOLONG, path);
}

static void
test_empty (Conform *c)
{
  conform_each_fails (c, ENOENT, "");
}

static void
test_dots (Conform *c)
{
  const char *const same[]
      = { "./d/f", "d/./f", "d/sub/../f", "././d/././f", "d/sub/../sub/../f", "d/../d/f" };

  for (guint i = 0; i < G_N_ELEMENTS (same); i++)
    conform_content (c, same[i], "text");
  conform_list (c, "d/.", "f sub");
  conform_list (c, "d/sub/..", "f sub");
  conform_list (c, "d/..", "d");
}

static void
test_dots_making (Conform *c)
{
  conform_write (c, "./d/../new", "text");
  conform_content (c, "new", "text");
  conform_ok (c, MKDIR ("d/sub/../other"));
  conform_ok (c, RENAME ("d/./f", "d/sub/../other/g"));
  conform_content (c, "d/other/g", "text");
  conform_ok (c, REMOVE ("d/other/../other/g"));
  conform_list (c, "d/other", "");
}

/* A name is not crossed out by the ".." behind it: it must be there, and may be a link. */
static void
test_dots_are_real (Conform *c)
{
  conform_fails (c, ENOENT, STAT ("missing/../f"));
  conform_fails (c, ENOTDIR, STAT ("f/../f"));
  conform_fails (c, ENOENT, OPEN ("missing/../f", LEASH_OPEN_READ));
  conform_content (c, "link/../f", "in-d");
  conform_list (c, "link/..", "f sub");
}

static void
test_slashes (Conform *c)
{
  conform_content (c, "d//f", "text");
  conform_content (c, "d///sub//..//f", "text");
  conform_content (c, ".//d/f", "text");
  conform_list (c, "d//", "f sub");
  conform_list (c, "d/sub///", "");
}

static void
test_slash_behind_directory (Conform *c)
{
  const Call calls[] = {
    STAT ("d/"),
    LSTAT ("d/"),
    OPEN_DIR ("d/"),
    CHMOD ("d/", 0755),
    CHOWN ("d/", -1, -1, 0),
    SET_TIMES ("d/", 0, 0, 0),
    STATFS ("d/"),
    OPEN_ROOT ("d/", 0),
    STAT ("link/"),
    LSTAT ("link/"),
    OPEN_DIR ("link/"),
  };

  for (guint i = 0; i < G_N_ELEMENTS (calls); i++)
    if (conform_can (c, &calls[i]))
      conform_ok (c, calls[i]);
  if ((c->ops & LEASH_FS_OP_LSTAT) != 0)
    conform_type (c, "link/", G_FILE_TYPE_DIRECTORY);
}

static void
test_slash_behind_file (Conform *c)
{
  const Call refused[] = {
    OPEN ("f/", LEASH_OPEN_READ),
    OPEN ("f/", LEASH_OPEN_WRITE),
    OPEN_DIR ("f/"),
    STAT ("f/"),
    LSTAT ("f/"),
    REMOVE ("f/"),
    RENAME ("f/", "g"),
    RENAME ("f", "g/"),
    LINK ("f/", "g"),
    READLINK ("f/"),
    TRUNCATE ("f/", 0),
    CHMOD ("f/", 0600),
    CHOWN ("f/", -1, -1, 0),
    SET_TIMES ("f/", 0, 0, 0),
    STATFS ("f/"),
    OPEN_ROOT ("f/", 0),
    STAT ("link-to-f/"),
    LSTAT ("link-to-f/"),
    OPEN ("link-to-f/", LEASH_OPEN_READ),
  };

  for (guint i = 0; i < G_N_ELEMENTS (refused); i++)
    if (conform_can (c, &refused[i]))
      conform_fails (c, ENOTDIR, refused[i]);
  conform_content (c, "f", "text");
}

static void
test_slash_behind_new (Conform *c)
{
  conform_fails (c, EISDIR, OPEN ("new/", FLAGS_MAKE));
  conform_fails (c, ENOENT, SYMLINK ("f", "new/"));
  conform_fails (c, ENOENT, LINK ("f", "new/"));
  conform_fails (c, EEXIST, SYMLINK ("f", "f/"));
  conform_ok (c, RENAME ("d", "moved/"));
  conform_list (c, ".", "f moved");
}

/* Names */

static void
check_name (Conform *c, const char *name)
{
  g_autofree char *deep = g_strconcat ("d/", name, "/", name, NULL);
  g_autofree char *dir = g_strconcat ("d/", name, NULL);

  conform_ok (c, MKDIR (dir));
  conform_list (c, "d", name);
  conform_write (c, deep, "text");
  conform_content (c, deep, "text");
  conform_list (c, dir, name);
  conform_ok (c, RENAME (deep, "elsewhere"));
  conform_ok (c, RENAME ("elsewhere", deep));
  conform_ok (c, REMOVE (deep));
  conform_ok (c, REMOVE (dir));
}

static void
test_odd_names (Conform *c)
{
  const char *const names[] = { "...",   " ",  "-rf", "~",    "*",     "a\\b",    "a:b", "new\nline",
                                "tab\t", "\"", "'",   "%s%n", "$HOME", ".hidden", "a.",  "|" };

  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    check_name (c, names[i]);
}

static void
test_any_bytes (Conform *c)
{
  for (guint byte = 1; byte < 256; byte++)
    {
      char name[] = { 'x', (char) byte, '\0' };

      if (byte != '/')
        check_name (c, name);
    }
  check_name (c, "\xff\xfe");
  check_name (c, "\xc3");
}

static void
test_bytes_shown (Conform *c)
{
  conform_content (c, "\xff\xfe/\x80", "text");
  conform_list (c, "\xff\xfe", "\x80");
  conform_fails (c, ENOENT, STAT ("\xff\xfe/\x81"));
}

/* Two ways to write one letter, and two cases of another, are names of their own. */
static void
test_exact_names (Conform *c)
{
  conform_write (c, "\xc3\xa9", "one");
  conform_write (c, "e\xcc\x81", "two");
  conform_write (c, "A", "upper");
  conform_write (c, "a", "lower");
  conform_list (c, ".", "A a e\xcc\x81 \xc3\xa9");
  conform_content (c, "A", "upper");
  conform_content (c, "\xc3\xa9", "one");
}

static void
test_longest_names (Conform *c)
{
  conform_ok (c, MKDIR (NAME_255));
  conform_write (c, NAME_255 "/" NAME_255, "text");
  conform_content (c, NAME_255 "/" NAME_255, "text");
  conform_list (c, NAME_255, NAME_255);
}

static void
test_longest_shown (Conform *c)
{
  conform_content (c, "d/" NAME_255, "text");
  conform_list (c, "d", NAME_255);
}

const ConformTest conform_paths_tests[] = {
  { "paths/missing-parent-is-not-found-by-any-operation", test_missing_parent, "f=text dangling>nowhere", 0 },
  { "paths/file-as-a-parent-is-refused-by-every-operation", test_file_as_parent, "f=text d/ d/f=text", 0 },
  { "paths/loop-of-links-is-refused-by-every-operation", test_loop, "f=text loop>loop two>one one>two", 0 },
  { "paths/name-of-256-bytes-is-refused-by-every-operation", test_long_name, "f=text d/ d/g=text", 0 },
  { "paths/endless-path-is-refused-by-every-operation", test_long_path, "f=text", 0 },
  { "paths/empty-path-is-refused-by-every-operation", test_empty, "f=text", 0 },
  { "paths/dots-are-directories", test_dots, "d/ d/f=text d/sub/ d/sub/x=1", 0 },
  { "paths/dots-are-directories-in-changes", test_dots_making, "d/ d/f=text d/sub/", 0 },
  { "paths/dots-cross-out-no-name", test_dots_are_real, "f=outer d/ d/f=in-d d/sub/ d/sub/x=1 link>d/sub",
    0 },
  { "paths/two-slashes-are-one", test_slashes, "d/ d/f=text d/sub/", 0 },
  { "paths/slash-behind-a-directory-changes-nothing", test_slash_behind_directory, "d/ d/f=text link>d", 0 },
  { "paths/slash-behind-a-file-is-refused", test_slash_behind_file, "f=text link-to-f>f", 0 },
  { "paths/slash-behind-a-new-name-asks-for-a-directory", test_slash_behind_new, "f=text d/", 0 },
  { "names/odd-ones-are-kept", test_odd_names, "d/", 0 },
  { "names/any-byte-is-kept", test_any_bytes, "d/", LEASH_FS_FEATURE_BYTE_NAMES },
  { "names/not-utf-8-are-shown", test_bytes_shown, "\xff\xfe/ \xff\xfe/\x80=text",
    LEASH_FS_FEATURE_BYTE_NAMES },
  { "names/case-and-form-are-kept", test_exact_names, NULL, LEASH_FS_FEATURE_BYTE_NAMES },
  { "names/255-bytes-are-kept", test_longest_names, NULL, 0 },
  { "names/255-bytes-are-shown", test_longest_shown, "d/ d/" NAME_255 "=text", 0 },
  { NULL, NULL, NULL, 0 },
};
