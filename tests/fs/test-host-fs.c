/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The host's file system: each operation on real files, beside what the C library says of them. */
#include "fs-fixture.h"

#include <fcntl.h>
#include <sys/resource.h>

/* Opens and closes, and returns the error there was. */
static GError *
try_open (Fixture *fixture, const char *path, LeashOpenFlags flags, guint mode)
{
  GError *error = NULL;
  g_autoptr (LeashFile) file = leash_open (fixture->ctx, path, flags, mode, &error);

  g_assert_true ((file == NULL) == (error != NULL));
  if (file != NULL)
    g_assert_true (leash_file_close (file, NULL));
  return error;
}

static void
test_missing (Fixture *fixture, gconstpointer unused)
{
  g_autofree char *path = path_of (fixture, "conf/a.ini");
  g_autofree char *message = g_strdup_printf ("Opening “%s”: %s", path, g_strerror (ENOENT));
  g_autoptr (GError) error = try_open (fixture, path, LEASH_OPEN_READ, 0);

  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
  g_assert_cmpstr (error->message, ==, message);
}

/* Regression: it was in another century. */
static void
test_far_times (Fixture *fixture, gconstpointer unused)
{
  static const gint64 seconds[] = { 10413792000 /* 2300 */, 9223372036, -9223372037 };
  g_autofree char *path = path_of (fixture, "far");

  g_assert_true (g_file_set_contents (path, "", 0, NULL));
  for (guint i = 0; i < G_N_ELEMENTS (seconds); i++)
    {
      const struct timespec times[] = { { .tv_sec = seconds[i] }, { .tv_sec = seconds[i] } };
      struct stat real;
      LeashStat found;

      g_assert_cmpint (utimensat (AT_FDCWD, path, times, 0), ==, 0);
      g_assert_cmpint (stat (path, &real), ==, 0);
      g_assert_true (leash_stat (fixture->ctx, path, &found, NULL));
      /* File systems have limits, too. */
      if (real.st_mtim.tv_sec > 9223372036)
        g_assert_cmpint (found.mtime_ns, ==, G_MAXINT64);
      else if (real.st_mtim.tv_sec < -9223372036)
        g_assert_cmpint (found.mtime_ns, ==, G_MININT64 + 2);
      else
        g_assert_cmpint (found.mtime_ns, ==, real.st_mtim.tv_sec * 1000000000);
    }
}

static void
test_create (Fixture *fixture, gconstpointer unused)
{
  g_autofree char *path = path_of (fixture, "new");
  g_autoptr (GError) error = NULL;
  mode_t mask = umask (027);
  struct stat real;

  error = try_open (fixture, path, LEASH_OPEN_WRITE, 0666);
  assert_io_error (error, G_IO_ERROR_NOT_FOUND, "Opening “");
  error = try_open (fixture, path, LEASH_OPEN_WRITE | LEASH_OPEN_CREATE, 0666);
  umask (mask);
  g_assert_no_error (error);
  g_assert_cmpint (stat (path, &real), ==, 0);
  g_assert_cmphex (real.st_mode & 07777, ==, 0640);
}

static void
test_exclusive (Fixture *fixture, gconstpointer unused)
{
  const LeashOpenFlags flags = LEASH_OPEN_WRITE | LEASH_OPEN_CREATE | LEASH_OPEN_EXCLUSIVE;
  g_autofree char *path = path_of (fixture, "new");
  g_autofree char *link = path_of (fixture, "link");
  g_autoptr (GError) error = try_open (fixture, path, flags, 0644);

  g_assert_no_error (error);
  error = try_open (fixture, path, flags, 0644);
  assert_io_error (error, G_IO_ERROR_EXISTS, "Opening “", "/new”: ");
  make_link (fixture, "elsewhere", "link");
  error = try_open (fixture, link, flags, 0644);
  assert_io_error (error, G_IO_ERROR_EXISTS, "Opening “", "/link”: ");
}

static void
test_truncate (Fixture *fixture, gconstpointer unused)
{
  g_autofree char *path = make_file (fixture, "a", "old content");
  g_autoptr (GError) error = NULL;

  error = try_open (fixture, path, LEASH_OPEN_WRITE, 0);
  assert_content (path, "old content");
  g_assert_no_error (error);
  error = try_open (fixture, path, LEASH_OPEN_WRITE | LEASH_OPEN_TRUNCATE, 0);
  g_assert_no_error (error);
  assert_content (path, "");
}

static void
test_directory_as_file (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (LeashFile) file = NULL;
  g_autoptr (GError) error = NULL;
  LeashStat stat;
  char buffer[1];

  file = leash_open (fixture->ctx, fixture->dir, LEASH_OPEN_READ, 0, &error);
  g_assert_no_error (error);
  g_assert_cmpint (leash_file_read (file, fixture->ctx, buffer, 1, &error), ==, -1);
  assert_io_error (error, G_IO_ERROR_IS_DIRECTORY, "Reading “", fixture->dir);
  g_assert_true (leash_file_stat (file, fixture->ctx, &stat, &error));
  g_assert_cmpint (stat.type, ==, G_FILE_TYPE_DIRECTORY);
  g_assert_true (leash_file_close (file, &error));
  error = try_open (fixture, fixture->dir, LEASH_OPEN_WRITE, 0);
  assert_io_error (error, G_IO_ERROR_IS_DIRECTORY, "Opening “");
}

static void
test_names (Fixture *fixture, gconstpointer unused)
{
  g_autofree char *longest = g_strnfill (255, 'n');
  g_autofree char *too_long = g_strnfill (256, 'n');
  g_autofree char *longest_path = path_of (fixture, longest);
  g_autofree char *too_long_path = path_of (fixture, too_long);
  g_autofree char *odd_path = path_of (fixture, "\xff\xfe\n");
  g_autoptr (GError) error = NULL;

  error = try_open (fixture, longest_path, LEASH_OPEN_WRITE | LEASH_OPEN_CREATE, 0644);
  g_assert_no_error (error);
  g_assert_cmpint (access (longest_path, F_OK), ==, 0);
  error = try_open (fixture, too_long_path, LEASH_OPEN_WRITE | LEASH_OPEN_CREATE, 0644);
  assert_io_error (error, G_IO_ERROR_FILENAME_TOO_LONG, "Opening “");
  error = try_open (fixture, odd_path, LEASH_OPEN_READ, 0);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
  g_assert_true (g_utf8_validate (error->message, -1, NULL));
  g_clear_error (&error);
  error = try_open (fixture, odd_path, LEASH_OPEN_WRITE | LEASH_OPEN_CREATE, 0644);
  g_assert_no_error (error);
  g_assert_cmpint (access (odd_path, F_OK), ==, 0);
}

static void
test_relative (Fixture *fixture, gconstpointer unused)
{
  g_autofree char *before = g_get_current_dir ();
  g_autofree char *path = make_file (fixture, "here", "");
  g_autoptr (GError) error = NULL;

  g_assert_cmpint (chdir (fixture->dir), ==, 0);
  error = try_open (fixture, "here", LEASH_OPEN_READ, 0);
  g_assert_cmpint (chdir (before), ==, 0);
  g_assert_no_error (error);
}

static void
test_stat (Fixture *fixture, gconstpointer unused)
{
  g_autofree char *path = make_file (fixture, "file", "12345");
  g_autofree char *link = path_of (fixture, "link");
  g_autofree char *dangling = path_of (fixture, "dangling");
  g_autofree char *loop = path_of (fixture, "loop");
  g_autoptr (GError) error = NULL;
  LeashStat stat;
  struct stat real;

  make_link (fixture, "file", "link");
  make_link (fixture, "nowhere", "dangling");
  make_link (fixture, "loop", "loop");
  g_assert_cmpint (lstat (link, &real), ==, 0);
  g_assert_true (leash_stat (fixture->ctx, link, &stat, &error));
  g_assert_cmpint (stat.type, ==, G_FILE_TYPE_REGULAR);
  g_assert_cmpuint (stat.size, ==, 5);
  g_assert_true (leash_lstat (fixture->ctx, link, &stat, &error));
  g_assert_cmpint (stat.type, ==, G_FILE_TYPE_SYMBOLIC_LINK);
  g_assert_cmpuint (stat.inode, ==, real.st_ino);
  g_assert_no_error (error);
  g_assert_false (leash_stat (fixture->ctx, dangling, &stat, &error));
  assert_io_error (error, G_IO_ERROR_NOT_FOUND, "Looking up “", "/dangling”: ");
  g_assert_true (leash_lstat (fixture->ctx, dangling, &stat, &error));
  g_assert_false (leash_stat (fixture->ctx, loop, &stat, &error));
  assert_io_error (error, G_IO_ERROR_TOO_MANY_LINKS, "Looking up “", "/loop”: ");
  g_assert_true (leash_stat (fixture->ctx, "/dev/null", &stat, &error));
  g_assert_cmpint (stat.type, ==, G_FILE_TYPE_SPECIAL);
}

static void
test_mkdir (Fixture *fixture, gconstpointer unused)
{
  g_autofree char *path = path_of (fixture, "dir");
  g_autofree char *orphan = path_of (fixture, "no/parent");
  g_autoptr (GError) error = NULL;
  struct stat real;

  g_assert_true (leash_mkdir (fixture->ctx, path, 0700, &error));
  g_assert_no_error (error);
  g_assert_cmpint (stat (path, &real), ==, 0);
  g_assert_cmphex (real.st_mode, ==, S_IFDIR | 0700);
  g_assert_false (leash_mkdir (fixture->ctx, path, 0700, &error));
  assert_io_error (error, G_IO_ERROR_EXISTS, "Making the directory “", "/dir”: ");
  g_assert_false (leash_mkdir (fixture->ctx, orphan, 0700, &error));
  assert_io_error (error, G_IO_ERROR_NOT_FOUND, "Making the directory “", "/no/parent”: ");
}

static void
test_remove (Fixture *fixture, gconstpointer unused)
{
  g_autofree char *file = make_file (fixture, "file", "");
  g_autofree char *dir = make_directory (fixture, "dir");
  g_autofree char *inner = make_file (fixture, "dir/inner", "");
  g_autofree char *link = path_of (fixture, "link");
  g_autofree char *slashed = path_of (fixture, "dir/inner/");
  g_autoptr (GError) error = NULL;

  make_link (fixture, "dir", "link");
  g_assert_true (leash_remove (fixture->ctx, link, &error));
  g_assert_true (leash_remove (fixture->ctx, file, &error));
  g_assert_no_error (error);
  g_assert_cmpint (access (file, F_OK), ==, -1);
  g_assert_cmpint (access (inner, F_OK), ==, 0);
  g_assert_false (leash_remove (fixture->ctx, file, &error));
  assert_io_error (error, G_IO_ERROR_NOT_FOUND, "Removing “", "/file”: ");
  g_assert_false (leash_remove (fixture->ctx, dir, &error));
  assert_io_error (error, G_IO_ERROR_NOT_EMPTY, "Removing “", "/dir”: ");
  g_assert_false (leash_remove (fixture->ctx, slashed, &error));
  assert_io_error (error, G_IO_ERROR_NOT_DIRECTORY, "Removing “");
  g_assert_true (leash_remove (fixture->ctx, inner, &error));
  g_assert_true (leash_remove (fixture->ctx, dir, &error));
  g_assert_no_error (error);
  g_assert_cmpint (access (dir, F_OK), ==, -1);
}

static void
test_rename (Fixture *fixture, gconstpointer unused)
{
  g_autofree char *from = make_file (fixture, "from", "new");
  g_autofree char *to = make_file (fixture, "to", "old");
  g_autofree char *dir = make_directory (fixture, "dir");
  g_autofree char *empty = make_directory (fixture, "empty");
  g_autoptr (GError) error = NULL;

  g_assert_true (leash_rename (fixture->ctx, from, to, &error));
  g_assert_true (leash_rename (fixture->ctx, dir, empty, &error));
  g_assert_no_error (error);
  assert_content (to, "new");
  g_assert_cmpint (access (from, F_OK), ==, -1);
  g_assert_false (leash_rename (fixture->ctx, from, to, &error));
  assert_io_error (error, G_IO_ERROR_NOT_FOUND, "Renaming “", "/from” to “", "/to”: ");
  g_assert_false (leash_rename (fixture->ctx, empty, to, &error));
  assert_io_error (error, G_IO_ERROR_NOT_DIRECTORY, "Renaming “", "/empty” to “", "/to”: ");
}

/* Opens the file "a" again and again, until that fails, with a limit that makes it fail soon. */
static void
exhaust_descriptors (Fixture *fixture)
{
  struct rlimit limit = { 64, 64 };
  g_autofree char *path = make_file (fixture, "a", "");
  g_autoptr (GPtrArray) files = g_ptr_array_new_with_free_func ((GDestroyNotify) leash_file_unref);
  g_autoptr (GError) error = NULL;
  LeashFile *file;

  g_assert_cmpint (setrlimit (RLIMIT_NOFILE, &limit), ==, 0);
  while ((file = leash_open (fixture->ctx, path, LEASH_OPEN_READ, 0, &error)) != NULL)
    g_ptr_array_add (files, file);
  assert_io_error (error, G_IO_ERROR_TOO_MANY_OPEN_FILES, "Opening “", "/a”: ");
  g_assert_null (leash_open_dir (fixture->ctx, fixture->dir, &error));
  assert_io_error (error, G_IO_ERROR_TOO_MANY_OPEN_FILES, "Opening the directory “");
  g_assert_cmpuint (files->len, >, 10);
}

static void
test_too_many_files (Fixture *fixture, gconstpointer unused)
{
  if (g_test_subprocess ())
    {
      exhaust_descriptors (fixture);
      return;
    }
  g_test_trap_subprocess (NULL, 0, 0);
  g_test_trap_assert_passed ();
}

static void
test_permission (Fixture *fixture, gconstpointer unused)
{
  g_autofree char *path = make_file (fixture, "private", "");
  g_autoptr (GError) error = NULL;

  if (!g_test_subprocess ())
    {
      g_test_trap_subprocess (NULL, 0, 0);
      g_test_trap_assert_passed ();
      return;
    }
  g_assert_cmpint (chmod (path, 0), ==, 0);
  g_assert_cmpint (chmod (fixture->dir, 0755), ==, 0);
  if (geteuid () == 0)
    g_assert_cmpint (seteuid (65534), ==, 0);
  error = try_open (fixture, path, LEASH_OPEN_READ, 0);
  if (getuid () == 0)
    g_assert_cmpint (seteuid (0), ==, 0);
  assert_io_error (error, G_IO_ERROR_PERMISSION_DENIED, "Opening “", "/private”: ");
}

static gboolean
is_open_on (int fd, const char *path)
{
  g_autofree char *link = g_strdup_printf ("/proc/self/fd/%d", fd);
  char target[PATH_MAX] = "";

  return readlink (link, target, sizeof target - 1) > 0 && strcmp (target, path) == 0;
}

static void
test_directory_closes_on_exec (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (LeashDir) dir = leash_open_dir (fixture->ctx, fixture->dir, NULL);
  guint n = 0;

  for (int fd = 0; fd < 256; fd++)
    if (is_open_on (fd, fixture->dir))
      {
        g_assert_cmpint (fcntl (fd, F_GETFD) & FD_CLOEXEC, !=, 0);
        n++;
      }
  g_assert_cmpuint (n, ==, 1);
  g_assert_true (leash_dir_close (dir, NULL));
}

static void
test_own_object (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (LeashFs) fs = leash_host_fs_new ();
  g_autoptr (LeashContext) ctx = leash_context_with_fs (fixture->ctx, fs);
  g_autofree char *path = make_file (fixture, "a", "abc");
  LeashStat stat;

  g_assert_true (leash_context_get_fs (ctx) == fs);
  g_assert_true (leash_stat (ctx, path, &stat, NULL));
  g_assert_cmpuint (stat.size, ==, 3);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("/fs/host/open-missing-file-names-the-path", test_missing);
  ADD ("/fs/host/times-of-other-centuries", test_far_times);
  ADD ("/fs/host/create-makes-a-file-with-mode-less-umask", test_create);
  ADD ("/fs/host/exclusive-refuses-what-is-there", test_exclusive);
  ADD ("/fs/host/truncate-empties-only-when-asked", test_truncate);
  ADD ("/fs/host/directory-opened-as-file-says-so-when-read", test_directory_as_file);
  ADD ("/fs/host/names-of-255-bytes-and-of-no-charset", test_names);
  ADD ("/fs/host/relative-paths-count-from-working-directory", test_relative);
  ADD ("/fs/host/stat-follows-and-lstat-does-not", test_stat);
  ADD ("/fs/host/mkdir-needs-a-parent-and-a-free-name", test_mkdir);
  ADD ("/fs/host/remove-takes-files-links-and-empty-directories", test_remove);
  ADD ("/fs/host/rename-replaces", test_rename);
  ADD ("/fs/host/too-many-open-files-says-so", test_too_many_files);
  ADD ("/fs/host/permission-denied-names-the-path", test_permission);
  ADD ("/fs/host/directories-close-on-exec", test_directory_closes_on_exec);
  ADD ("/fs/host/own-object-works-in-a-context", test_own_object);
  return g_test_run ();
}
