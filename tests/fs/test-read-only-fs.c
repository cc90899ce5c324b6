/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The read-only file system: that nothing changes through it, and that its errors are those of a read-only
 * mount of Linux, where there is more than one to choose from.
 */
#include "fs-fixture.h"

typedef struct
{
  LeashFs *fs;
  LeashContext *ctx;
} Subject;

/* d/, d/a with a text, l -> d/a, lost -> nowhere */
static LeashFs *
make_fs (Fixture *fixture)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *dir = make_directory (fixture, "d");
  g_autofree char *file = make_file (fixture, "d/a", "text");
  g_autoptr (LeashFs) inner = leash_dir_fs_new (fixture->dir, &error);

  make_link (fixture, "d/a", "l");
  make_link (fixture, "nowhere", "lost");
  g_assert_no_error (error);
  return leash_read_only_fs_new (inner);
}

#define assert_refused(call, errno_)                                                     \
  G_STMT_START                                                                           \
  {                                                                                      \
    g_autoptr (GError) error_ = NULL;                                                    \
    GError **at = &error_;                                                               \
                                                                                         \
    g_assert_false (call);                                                               \
    assert_io_error (error_, (int) g_io_error_from_errno (errno_), g_strerror (errno_)); \
  }                                                                                      \
  G_STMT_END

static void
test_refuses_changes (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (LeashFs) fs = make_fs (fixture);
  LeashContext *ctx = fixture->ctx;
  g_autofree char *path = path_of (fixture, "d/a");

  assert_refused (leash_fs_mkdir (fs, ctx, "new", 0755, at), EROFS);
  assert_refused (leash_fs_remove (fs, ctx, "d/a", at), EROFS);
  assert_refused (leash_fs_rename (fs, ctx, "d/a", "d/b", at), EROFS);
  assert_refused (leash_fs_rename_full (fs, ctx, "d/a", "l", LEASH_RENAME_EXCHANGE, at), EROFS);
  assert_refused (leash_fs_link (fs, ctx, "d/a", "new", at), EROFS);
  assert_refused (leash_fs_symlink (fs, ctx, "d/a", "new", at), EROFS);
  assert_refused (leash_fs_truncate (fs, ctx, "d/a", 0, at), EROFS);
  assert_refused (leash_fs_chmod (fs, ctx, "d/a", 0600, at), EROFS);
  assert_refused (leash_fs_chown (fs, ctx, "d/a", -1, -1, 0, at), EROFS);
  assert_refused (leash_fs_set_times (fs, ctx, "d/a", 0, 0, 0, at), EROFS);
  assert_content (path, "text");
}

/* What the kernel looks at before it asks whether it may write. */
static void
test_errors_in_the_kernel_s_order (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (LeashFs) fs = make_fs (fixture);
  LeashContext *ctx = fixture->ctx;

  assert_refused (leash_fs_mkdir (fs, ctx, "d", 0755, at), EEXIST);
  assert_refused (leash_fs_mkdir (fs, ctx, "no/new", 0755, at), ENOENT);
  assert_refused (leash_fs_mkdir (fs, ctx, "d/a/new", 0755, at), ENOTDIR);
  assert_refused (leash_fs_mkdir (fs, ctx, "d/a/", 0755, at), EEXIST);
  assert_refused (leash_fs_symlink (fs, ctx, "x", "none/", at), ENOENT);
  assert_refused (leash_fs_truncate (fs, ctx, "d", 0, at), EISDIR);
  assert_refused (leash_fs_remove (fs, ctx, "none", at), EROFS);
  assert_refused (leash_fs_remove (fs, ctx, "no/none", at), ENOENT);
  assert_refused (leash_fs_remove (fs, ctx, "d/", at), EROFS);
  assert_refused (leash_fs_rename (fs, ctx, "none", "new", at), EROFS);
  assert_refused (leash_fs_rename (fs, ctx, "d/a", "no/new", at), ENOENT);
  assert_refused (leash_fs_link (fs, ctx, "none", "new", at), ENOENT);
  assert_refused (leash_fs_link (fs, ctx, "d/a", "l", at), EEXIST);
  assert_refused (leash_fs_symlink (fs, ctx, "x", "lost", at), EEXIST);
  assert_refused (leash_fs_truncate (fs, ctx, "none", 0, at), ENOENT);
  assert_refused (leash_fs_chmod (fs, ctx, "lost", 0600, at), ENOENT);
  assert_refused (leash_fs_chown (fs, ctx, "lost", 0, 0, LEASH_PATH_NO_FOLLOW, at), EROFS);
}

static gboolean
opens (LeashFs *fs, LeashContext *ctx, const char *path, LeashOpenFlags flags, GError **error)
{
  g_autoptr (LeashFile) file = leash_fs_open (fs, ctx, path, flags, 0644, error);

  return file != NULL;
}

static void
test_opening (Fixture *fixture, gconstpointer unused)
{
  const guint READ = LEASH_OPEN_READ, WRITE = LEASH_OPEN_WRITE, CREATE = LEASH_OPEN_CREATE;
  g_autoptr (LeashFs) fs = make_fs (fixture);
  LeashContext *ctx = fixture->ctx;

  g_assert_true (opens (fs, ctx, "d/a", READ, NULL));
  g_assert_true (opens (fs, ctx, "l", READ | CREATE, NULL));
  assert_refused (opens (fs, ctx, "d/a", WRITE, at), EROFS);
  assert_refused (opens (fs, ctx, "l", READ | WRITE, at), EROFS);
  assert_refused (opens (fs, ctx, "d/a", LEASH_OPEN_APPEND, at), EROFS);
  assert_refused (opens (fs, ctx, "d/a", WRITE | LEASH_OPEN_TRUNCATE, at), EROFS);
  assert_refused (opens (fs, ctx, "new", READ | CREATE, at), EROFS);
  assert_refused (opens (fs, ctx, "lost", WRITE | CREATE, at), EROFS);
  assert_refused (opens (fs, ctx, "d/a", READ | CREATE | LEASH_OPEN_EXCLUSIVE, at), EEXIST);
  assert_refused (opens (fs, ctx, "lost", WRITE | CREATE | LEASH_OPEN_EXCLUSIVE, at), EEXIST);
  assert_refused (opens (fs, ctx, "new", WRITE | CREATE | LEASH_OPEN_EXCLUSIVE, at), EROFS);
  assert_refused (opens (fs, ctx, "none", WRITE, at), ENOENT);
  assert_refused (opens (fs, ctx, "no/new", WRITE | CREATE, at), ENOENT);
  assert_refused (opens (fs, ctx, "d", WRITE, at), EISDIR);
  assert_refused (opens (fs, ctx, "d", READ | CREATE, at), EISDIR);
  assert_refused (opens (fs, ctx, "new/", READ | CREATE, at), EISDIR);
}

/* A device is no part of the file system that its name is in. */
static void
test_devices_are_written_to (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (LeashFs) host = leash_host_fs_new ();
  g_autoptr (LeashFs) fs = leash_read_only_fs_new (host);
  g_autoptr (LeashFile) file = NULL;
  g_autoptr (GError) error = NULL;

  file = leash_fs_open (fs, fixture->ctx, "/dev/null",
                        LEASH_OPEN_WRITE | LEASH_OPEN_CREATE | LEASH_OPEN_TRUNCATE, 0644, &error);
  g_assert_no_error (error);
  g_assert_cmpint (leash_file_write (file, fixture->ctx, "x", 1, &error), ==, 1);
}

static void
test_reads_as_the_inner_one (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (LeashFs) fs = make_fs (fixture);
  g_autoptr (LeashFile) file = leash_fs_open (fs, fixture->ctx, "d/a", LEASH_OPEN_READ, 0, NULL);
  g_autoptr (LeashDir) dir = leash_fs_open_dir (fs, fixture->ctx, "d", NULL);
  g_autofree char *target = leash_fs_readlink (fs, fixture->ctx, "l", NULL);
  const LeashDirEntry *entry;
  char buffer[8];
  LeashStat found;

  g_assert_cmpint (leash_file_read (file, fixture->ctx, buffer, sizeof buffer, NULL), ==, 4);
  g_assert_cmpint (leash_file_get_fd (file), >=, 0);
  g_assert_true (leash_dir_next (dir, fixture->ctx, &entry, NULL));
  g_assert_cmpstr (entry->name, ==, "a");
  g_assert_cmpstr (target, ==, "d/a");
  g_assert_true (leash_fs_stat (fs, fixture->ctx, "l", &found, NULL));
  g_assert_cmpuint (found.size, ==, 4);
}

static void
test_says_so (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (LeashFs) fs = make_fs (fixture);
  g_autoptr (GError) error = NULL;
  LeashStatFs found;

  g_assert_true (leash_fs_statfs (fs, fixture->ctx, ".", &found, &error));
  g_assert_true (found.is_read_only);
  g_assert_cmpint (leash_fs_get_ops (fs) & (LEASH_FS_OP_MKDIR | LEASH_FS_OP_RENAME), ==, 0);
  g_assert_cmpint (leash_fs_get_ops (fs) & LEASH_FS_OP_STAT, !=, 0);
  g_assert_cmpint (leash_fs_get_features (fs) & LEASH_FS_FEATURE_WRITE, ==, 0);
}

static void
test_root_within_is_read_only (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (LeashFs) fs = make_fs (fixture);
  g_autoptr (LeashFs) root = leash_fs_open_root (fs, fixture->ctx, "d", 0, NULL);
  g_autoptr (GError) error = NULL;

  g_assert_true (opens (root, fixture->ctx, "a", LEASH_OPEN_READ, NULL));
  assert_refused (leash_fs_remove (root, fixture->ctx, "a", at), EROFS);
  assert_refused (opens (root, fixture->ctx, "a", LEASH_OPEN_WRITE, at), EROFS);
  g_assert_false (opens (root, fixture->ctx, "../l", LEASH_OPEN_READ, &error));
  assert_io_error (error, G_IO_ERROR_PERMISSION_DENIED, "outside");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("/fs/read-only/refuses-changes", test_refuses_changes);
  ADD ("/fs/read-only/errors-in-the-kernel-s-order", test_errors_in_the_kernel_s_order);
  ADD ("/fs/read-only/opening", test_opening);
  ADD ("/fs/read-only/devices-are-written-to", test_devices_are_written_to);
  ADD ("/fs/read-only/reads-as-the-inner-one", test_reads_as_the_inner_one);
  ADD ("/fs/read-only/says-so", test_says_so);
  ADD ("/fs/read-only/root-within-is-read-only", test_root_within_is_read_only);
  return g_test_run ();
}
