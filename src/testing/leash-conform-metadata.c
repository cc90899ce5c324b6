/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is known of files: types, sizes, modes, owners and times, and whom modes keep out. */
#include "leash-conform-private.h"

#define SECOND G_GINT64_CONSTANT (1000000000)

static void
test_stat (Conform *c)
{
  conform_same_number (c, "stat", "f", "type", G_FILE_TYPE_REGULAR, conform_stat (c, "f").type);
  conform_same_number (c, "stat", "d", "type", G_FILE_TYPE_DIRECTORY, conform_stat (c, "d").type);
  conform_same_number (c, "stat", ".", "type", G_FILE_TYPE_DIRECTORY, conform_stat (c, ".").type);
  conform_size (c, "f", 4);
  conform_size (c, "big", 100000);
  conform_size (c, "d/empty", 0);
}

static void
test_inodes (Conform *c)
{
  LeashStat f = conform_stat (c, "f");
  LeashStat g = conform_stat (c, "g");

  if (f.inode == 0 || (f.inode == g.inode && f.device == g.device))
    conform_fault (c,
                   "stat “f”, “g”: expected two inodes, found %" G_GUINT64_FORMAT " and %" G_GUINT64_FORMAT,
                   f.inode, g.inode);
  conform_same_number (c, "stat", "d/../f", "inode", (gint64) f.inode,
                       (gint64) conform_stat (c, "d/../f").inode);
}

static void
test_chmod (Conform *c)
{
  const guint modes[] = { 0600, 0644, 0400, 0777, 0, 0755, 01755 };

  for (guint i = 0; i < G_N_ELEMENTS (modes); i++)
    {
      conform_ok (c, CHMOD ("d", modes[i]));
      conform_same_number (c, "chmod", "d", "mode", modes[i], conform_stat (c, "d").mode);
      conform_ok (c, CHMOD ("f", modes[i] & 0777));
      conform_same_number (c, "chmod", "f", "mode", modes[i] & 0777, conform_stat (c, "f").mode);
    }
  conform_fails (c, ENOENT, CHMOD ("missing", 0600));
  conform_fails (c, EINVAL, CHMOD ("f", 010000));
}

/* The umask is found out, and must hold for all that is made. */
static void
test_umask (Conform *c)
{
  guint mask;
  const guint modes[] = { 0600, 0666, 0444, 0740 };

  conform_ok (c, (Call){ .op = LEASH_FS_OP_OPEN, .path = "all", .flags = FLAGS_MAKE, .mode = 0777 });
  mask = ~conform_stat (c, "all").mode & 0777;
  for (guint i = 0; i < G_N_ELEMENTS (modes); i++)
    {
      conform_ok (c, (Call){ .op = LEASH_FS_OP_OPEN, .path = "f", .flags = FLAGS_MAKE, .mode = modes[i] });
      conform_same_number (c, "open", "f", "mode", modes[i] & ~mask, conform_stat (c, "f").mode);
      conform_ok (c, REMOVE ("f"));
      conform_ok (c, (Call){ .op = LEASH_FS_OP_MKDIR, .path = "d", .mode = modes[i] });
      conform_same_number (c, "mkdir", "d", "mode", modes[i] & ~mask, conform_stat (c, "d").mode & 0777);
      conform_ok (c, REMOVE ("d"));
    }
}

static void
test_owner (Conform *c)
{
  LeashStat before = conform_stat (c, "f");

  conform_ok (c, CHOWN ("f", -1, -1, 0));
  conform_ok (c, CHOWN ("f", before.uid, before.gid, 0));
  conform_same_number (c, "chown", "f", "uid", before.uid, conform_stat (c, "f").uid);
  conform_same_number (c, "chown", "f", "gid", before.gid, conform_stat (c, "f").gid);
  if (before.uid == 0)
    {
      conform_ok (c, CHOWN ("f", 123, 456, 0));
      conform_same_number (c, "chown", "f", "uid", 123, conform_stat (c, "f").uid);
      conform_same_number (c, "chown", "f", "gid", 456, conform_stat (c, "f").gid);
    }
  else
    conform_fails (c, EPERM, CHOWN ("f", 0, -1, 0));
}

/* Times */

static void
test_set_times (Conform *c)
{
  const gint64 times[] = { 0, 1, 123456789 * SECOND + 987654321, -5 * SECOND + 1, 3000000000 * SECOND };

  for (guint i = 0; i < G_N_ELEMENTS (times); i++)
    {
      conform_ok (c, SET_TIMES ("f", times[i], times[i] + 7, 0));
      conform_same_number (c, "set_times", "f", "atime", times[i], conform_stat (c, "f").atime_ns);
      conform_same_number (c, "set_times", "f", "mtime", times[i] + 7, conform_stat (c, "f").mtime_ns);
    }
  conform_ok (c, SET_TIMES ("f", LEASH_TIME_KEEP, 5, 0));
  conform_same_number (c, "set_times", "f", "atime kept", times[4], conform_stat (c, "f").atime_ns);
  conform_ok (c, SET_TIMES ("f", 6, LEASH_TIME_KEEP, 0));
  conform_same_number (c, "set_times", "f", "mtime kept", 5, conform_stat (c, "f").mtime_ns);
}

/* Sets the time of path to long ago, does the call, and tells whether the time is of now. */
static void
check_touched (Conform *c, const char *path, gboolean touched, Call call)
{
  conform_ok (c, SET_TIMES (path, SECOND, SECOND, 0));
  conform_ok (c, call);
  if ((conform_stat (c, path).mtime_ns != SECOND) != touched)
    conform_fault (c, "stat “%s”: expected mtime to be %s by operation 0x%x on “%s”", path,
                   touched ? "set" : "left alone", call.op, call.path);
}

static void
test_directory_times (Conform *c)
{
  check_touched (c, "d", TRUE, OPEN ("d/f", FLAGS_MAKE));
  check_touched (c, "d", FALSE, OPEN ("d/f", FLAGS_MAKE));
  check_touched (c, "d", TRUE, MKDIR ("d/s"));
  check_touched (c, "d", TRUE, RENAME ("d/f", "d/g"));
  check_touched (c, "d", TRUE, REMOVE ("d/g"));
  check_touched (c, "d", FALSE, MKDIR ("d/s/inner"));
}

static void
test_file_times (Conform *c)
{
  check_touched (c, "f", TRUE, TRUNCATE ("f", 2));
  check_touched (c, "f", FALSE, CHMOD ("f", 0600));
  check_touched (c, "f", FALSE, RENAME ("f", "f"));
  check_touched (c, "f", FALSE, OPEN ("f", LEASH_OPEN_READ | LEASH_OPEN_WRITE));
  conform_ok (c, SET_TIMES ("f", SECOND, SECOND, 0));
  conform_write (c, "f", "new");
  if (conform_stat (c, "f").mtime_ns == SECOND)
    conform_fault (c, "write “f”: expected mtime to be set");
}

static void
test_link_times (Conform *c)
{
  const Call call = SET_TIMES ("l", 1000, 2000, LEASH_PATH_NO_FOLLOW);
  g_autoptr (GError) error = NULL;

  if (!conform_call (c, &call, &error) && g_error_matches (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED))
    {
      conform_skip (c, "it sets no times of links");
      return;
    }
  conform_ok (c, call);
  conform_same_number (c, "set_times", "l", "mtime", 2000, conform_lstat (c, "l").mtime_ns);
  if (conform_stat (c, "f").mtime_ns == 2000)
    conform_fault (c, "set_times “l”: expected “f” to be left alone");
}

/* Permissions */

/* Whether modes keep the caller out at all: a file that it makes tells who it is. */
static gboolean
is_ordinary (Conform *c)
{
  if (conform_stat (c, "f").uid != 0)
    return TRUE;
  conform_skip (c, "the file system takes the caller for root, whom modes do not keep out");
  return FALSE;
}

static void
test_unreadable (Conform *c)
{
  if (!is_ordinary (c))
    return;
  conform_ok (c, CHMOD ("f", 0200));
  conform_fails (c, EACCES, OPEN ("f", LEASH_OPEN_READ));
  conform_ok (c, OPEN ("f", LEASH_OPEN_WRITE));
  conform_ok (c, CHMOD ("f", 0400));
  conform_fails (c, EACCES, OPEN ("f", LEASH_OPEN_WRITE));
  conform_fails (c, EACCES, TRUNCATE ("f", 0));
  conform_content (c, "f", "text");
  conform_ok (c, CHMOD ("f", 0077));
  conform_fails (c, EACCES, OPEN ("f", LEASH_OPEN_READ));
  conform_ok (c, REMOVE ("f"));
}

static void
test_closed_directory (Conform *c)
{
  if (!is_ordinary (c))
    return;
  conform_ok (c, CHMOD ("d", 0500));
  conform_fails (c, EACCES, OPEN ("d/new", FLAGS_MAKE));
  conform_fails (c, EACCES, MKDIR ("d/new"));
  conform_fails (c, EACCES, REMOVE ("d/f"));
  conform_fails (c, EACCES, RENAME ("d/f", "new"));
  conform_fails (c, EACCES, RENAME ("f", "d/new"));
  conform_ok (c, CHMOD ("d", 0600));
  conform_fails (c, EACCES, STAT ("d/f"));
  conform_fails (c, EACCES, OPEN ("d/f", LEASH_OPEN_READ));
  conform_ok (c, CHMOD ("d", 0300));
  conform_fails (c, EACCES, OPEN_DIR ("d"));
  conform_content (c, "d/f", "text");
  conform_ok (c, CHMOD ("d", 0700));
}

static void
test_statfs (Conform *c)
{
  LeashStatFs found = { 0 };

  conform_ok (c, STATFS ("f"));
  conform_fails (c, ENOENT, STATFS ("missing"));
  if (conform_is_skipped (c) || !leash_fs_statfs (c->fs, c->ctx, ".", &found, NULL))
    return;
  if (found.free_bytes > found.total_bytes || found.available_bytes > found.free_bytes)
    conform_fault (c, "statfs “.”: expected no more to be free than there is");
}

const ConformTest conform_metadata_tests[] = {
  { "stat/types-and-sizes", test_stat, "f=text d/ d/empty= big*100000", 0 },
  { "stat/inodes-tell-files-apart", test_inodes, "f=text g=text d/ d/x=1", LEASH_FS_FEATURE_INODES },
  { "stat/file-system-is-plausible", test_statfs, "f=text", 0 },
  { "modes/are-kept", test_chmod, "f=text d/", LEASH_FS_FEATURE_MODES },
  { "modes/of-new-files-by-one-umask", test_umask, NULL, LEASH_FS_FEATURE_MODES },
  { "owners/are-kept", test_owner, "f=text", LEASH_FS_FEATURE_OWNERS },
  { "times/are-set-to-the-nanosecond", test_set_times, "f=text", LEASH_FS_FEATURE_TIMES },
  { "times/of-a-directory-follow-its-entries", test_directory_times, "d/", LEASH_FS_FEATURE_TIMES },
  { "times/of-a-file-follow-its-content", test_file_times, "f=text", LEASH_FS_FEATURE_TIMES },
  { "times/of-a-link-are-its-own", test_link_times, "f=text l>f", LEASH_FS_FEATURE_TIMES },
  { "permissions/of-a-file-keep-out", test_unreadable, "f=text", LEASH_FS_FEATURE_PERMISSIONS },
  { "permissions/of-a-directory-keep-out", test_closed_directory, "f=text d/ d/f=text",
    LEASH_FS_FEATURE_PERMISSIONS },
  { NULL, NULL, NULL, 0 },
};
