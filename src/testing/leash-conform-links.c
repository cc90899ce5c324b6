/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Symbolic links, which operations follow them, and hard links. */
#include "leash-conform-private.h"

static void
test_text (Conform *c)
{
  const char *const texts[]
      = { "f", "/", "..", "../..", "a//b", "a/", " ", "\xff", "\n", "nowhere/" NAME_255 "/" NAME_255 };

  for (guint i = 0; i < G_N_ELEMENTS (texts); i++)
    {
      conform_ok (c, SYMLINK (texts[i], "l"));
      conform_target (c, "l", texts[i]);
      conform_type (c, "l", G_FILE_TYPE_SYMBOLIC_LINK);
      conform_same_number (c, "lstat", "l", "size", (gint64) strlen (texts[i]),
                           (gint64) conform_lstat (c, "l").size);
      conform_ok (c, REMOVE ("l"));
    }
}

static void
test_shown (Conform *c)
{
  conform_target (c, "l", "d/f");
  conform_target (c, "d/up", "../f");
  conform_type (c, "l", G_FILE_TYPE_SYMBOLIC_LINK);
  conform_same_number (c, "stat", "l", "type", G_FILE_TYPE_REGULAR, conform_stat (c, "l").type);
  conform_same_number (c, "stat", "ld", "type", G_FILE_TYPE_DIRECTORY, conform_stat (c, "ld").type);
  conform_fails (c, ENOENT, STAT ("gone"));
  conform_type (c, "gone", G_FILE_TYPE_SYMBOLIC_LINK);
}

static void
test_readlink_refused (Conform *c)
{
  conform_fails (c, EINVAL, READLINK ("f"));
  conform_fails (c, EINVAL, READLINK ("d"));
  conform_fails (c, EINVAL, READLINK ("."));
  conform_fails (c, ENOENT, READLINK ("missing"));
}

static void
test_symlink_exists (Conform *c)
{
  const char *const there[] = { "f", "d", "l", "gone", "." };

  for (guint i = 0; i < G_N_ELEMENTS (there); i++)
    conform_fails (c, EEXIST, SYMLINK ("x", there[i]));
  conform_fails (c, ENOENT, SYMLINK ("", "new"));
  conform_missing (c, "new");
  conform_target (c, "l", "f");
}

/* Linux follows forty. */
static void
test_chain (Conform *c)
{
  conform_ok (c, SYMLINK ("f", "l1"));
  for (guint i = 2; i <= 41; i++)
    {
      g_autofree char *text = g_strdup_printf ("l%u", i - 1);
      g_autofree char *path = g_strdup_printf ("l%u", i);

      conform_ok (c, SYMLINK (text, path));
    }
  conform_content (c, "l40", "text");
  conform_fails (c, ELOOP, OPEN ("l41", LEASH_OPEN_READ));
}

static void
test_followed (Conform *c)
{
  conform_ok (c, TRUNCATE ("l", 2));
  conform_content (c, "f", "te");
  conform_ok (c, SET_TIMES ("l", 1000, 2000, 0));
  conform_same_number (c, "set_times", "l", "mtime of what it leads to", 2000,
                       conform_stat (c, "f").mtime_ns);
  conform_ok (c, MKDIR ("ld/new"));
  conform_type (c, "d/new", G_FILE_TYPE_DIRECTORY);
  conform_type (c, "l", G_FILE_TYPE_SYMBOLIC_LINK);
}

static void
test_chmod_followed (Conform *c)
{
  conform_ok (c, CHMOD ("l", 0640));
  conform_same_number (c, "chmod", "l", "mode of what it leads to", 0640, conform_stat (c, "f").mode);
}

static void
test_hard (Conform *c)
{
  conform_ok (c, LINK ("f", "d/g"));
  conform_content (c, "d/g", "text");
  conform_write (c, "d/g", "other");
  conform_content (c, "f", "other");
  conform_ok (c, REMOVE ("f"));
  conform_content (c, "d/g", "other");
}

static void
test_nlink (Conform *c)
{
  conform_same_number (c, "stat", "f", "nlink", 1, (gint64) conform_stat (c, "f").nlink);
  conform_ok (c, LINK ("f", "g"));
  conform_same_number (c, "link", "f", "nlink", 2, (gint64) conform_stat (c, "f").nlink);
  conform_same_number (c, "link", "g", "inode", (gint64) conform_stat (c, "f").inode,
                       (gint64) conform_stat (c, "g").inode);
  conform_ok (c, RENAME ("other", "g"));
  conform_same_number (c, "rename over", "g", "nlink of the other", 1, (gint64) conform_stat (c, "f").nlink);
}

static void
test_hard_refused (Conform *c)
{
  conform_fails (c, EPERM, LINK ("d", "new"));
  conform_fails (c, EEXIST, LINK ("f", "d"));
  conform_fails (c, EEXIST, LINK ("f", "f"));
  conform_fails (c, EEXIST, LINK ("f", "gone"));
  conform_fails (c, ENOENT, LINK ("missing", "new"));
  conform_fails (c, ENOENT, LINK ("f", "missing/new"));
  conform_missing (c, "new");
}

static void
test_hard_to_link (Conform *c)
{
  conform_ok (c, LINK ("gone", "new"));
  conform_target (c, "new", "nowhere");
}

const ConformTest conform_links_tests[] = {
  { "links/text-is-kept", test_text, NULL, LEASH_FS_FEATURE_BYTE_NAMES },
  { "links/lstat-shows-them-and-stat-what-they-lead-to", test_shown,
    "f=1 d/ d/f=2 l>d/f ld>d d/up>../f gone>nowhere", 0 },
  { "links/readlink-of-anything-else-is-refused", test_readlink_refused, "f=1 d/", 0 },
  { "links/what-is-there-is-not-replaced", test_symlink_exists, "f=1 d/ l>f gone>nowhere", 0 },
  { "links/chain-of-forty-is-followed", test_chain, "f=text", 0 },
  { "links/operations-follow-them", test_followed, "f=text d/ l>f ld>d", LEASH_FS_FEATURE_TIMES },
  { "links/chmod-follows-them", test_chmod_followed, "f=text l>f", LEASH_FS_FEATURE_MODES },
  { "links/hard-ones-share-the-content", test_hard, "f=text d/", 0 },
  { "links/hard-ones-are-counted", test_nlink, "f=text other=x", LEASH_FS_FEATURE_INODES },
  { "links/hard-ones-of-what-cannot-be-linked-are-refused", test_hard_refused, "f=text d/ gone>nowhere", 0 },
  { "links/hard-one-of-a-symbolic-one-is-one-too", test_hard_to_link, "gone>nowhere", 0 },
  { NULL, NULL, NULL, 0 },
};
