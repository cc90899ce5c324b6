/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Archives as file systems: each format, as libarchive and other programs write it, read back. */
#include "archive-fixture.h"

#include <locale.h>

#define N_THREADS 4

/* What a format can hold beside files and directories. */
typedef struct
{
  const char *name;
  const char *format;
  const char *filter;
  gboolean has_hard_links;
  gboolean has_modes;
} Kind;

static const Kind kinds[] = {
  { "zip", "zip", NULL, FALSE, TRUE },       { "tar", "ustar", NULL, TRUE, TRUE },
  { "pax", "pax", NULL, TRUE, TRUE },        { "gnutar", "gnutar", NULL, TRUE, TRUE },
  { "tar-gz", "ustar", "gzip", TRUE, TRUE }, { "tar-bz2", "ustar", "bzip2", TRUE, TRUE },
  { "tar-xz", "pax", "xz", TRUE, TRUE },     { "tar-zst", "ustar", "zstd", TRUE, TRUE },
  { "tar-lz4", "ustar", "lz4", TRUE, TRUE }, { "cpio", "newc", NULL, FALSE, TRUE },
  { "7z", "7zip", NULL, FALSE, TRUE },       { "iso", "iso9660", NULL, FALSE, FALSE },
};

static Maker
make_sample (const Kind *kind)
{
  Maker maker = make_archive (kind->format, kind->filter);

  add_dir (&maker, "dir");
  add_file (&maker, "dir/file", "some text");
  archive_entry_set_perm (maker.entry, 0750);
  add_file (&maker, "program", "#!");
  add_file (&maker, "empty", "");
  add_file (&maker, "a/deep/one", "bottom");
  add_symlink (&maker, "dir/file", "link");
  add_symlink (&maker, "../a/deep", "dir/up");
  if (kind->has_hard_links)
    add_hard_link (&maker, "dir/file", "hard");
  return maker;
}

static void
test_contents (Fixture *fixture, gconstpointer data)
{
  const Kind *kind = data;
  Maker maker = make_sample (kind);
  g_autoptr (LeashFs) fs = open_made (fixture, &maker, NULL);

  assert_text (fixture, fs, "dir/file", "some text");
  assert_text (fixture, fs, "/program", "#!");
  assert_text (fixture, fs, "empty", "");
  assert_text (fixture, fs, "a/deep/one", "bottom");
  assert_text (fixture, fs, "link", "some text");
  assert_text (fixture, fs, "dir/up/one", "bottom");
  /* What comes before what was read. */
  assert_text (fixture, fs, "dir/file", "some text");
  assert_names (fixture, fs, "/",
                kind->has_hard_links ? "a dir empty hard link program" : "a dir empty link program");
  assert_names (fixture, fs, "dir", "file up");
}

static void
test_stat (Fixture *fixture, gconstpointer data)
{
  const Kind *kind = data;
  Maker maker = make_sample (kind);
  g_autoptr (LeashFs) fs = open_made (fixture, &maker, NULL);
  LeashStat file = lstat_of (fixture, fs, "dir/file");
  LeashStat link = lstat_of (fixture, fs, "link");
  g_autofree char *target = leash_fs_readlink (fs, fixture->ctx, "dir/up", NULL);
  LeashStat hard;

  g_assert_cmpint (file.type, ==, G_FILE_TYPE_REGULAR);
  g_assert_cmpuint (file.size, ==, strlen ("some text"));
  g_assert_cmpint (file.mtime_ns, ==, (gint64) MTIME * 1000000000);
  g_assert_cmpint (lstat_of (fixture, fs, "a/deep").type, ==, G_FILE_TYPE_DIRECTORY);
  g_assert_cmpint (link.type, ==, G_FILE_TYPE_SYMBOLIC_LINK);
  g_assert_cmpuint (link.size, ==, strlen ("dir/file"));
  g_assert_cmpstr (target, ==, "../a/deep");
  if (kind->has_modes)
    g_assert_cmphex (lstat_of (fixture, fs, "program").mode, ==, 0750);
  if (!kind->has_hard_links)
    return;
  hard = lstat_of (fixture, fs, "hard");
  g_assert_cmpuint (hard.inode, ==, file.inode);
  g_assert_cmpuint (hard.device, ==, file.device);
  g_assert_cmpuint (hard.nlink, ==, 2);
  assert_text (fixture, fs, "hard", "some text");
}

static void
test_paths (Fixture *fixture, gconstpointer unused)
{
  Maker maker = make_sample (&kinds[1]);
  g_autoptr (LeashFs) fs = open_made (fixture, &maker, NULL);
  g_autoptr (GError) error = NULL;

  assert_text (fixture, fs, "/../..//dir/./file", "some text");
  assert_text (fixture, fs, "dir/up/../../program", "#!");
  error = refuse_text (fixture, fs, "dir/file/");
  assert_io_error (error, G_IO_ERROR_NOT_DIRECTORY, "Opening “dir/file/”: ", g_strerror (ENOTDIR));
  error = refuse_text (fixture, fs, "program/../empty");
  assert_io_error (error, G_IO_ERROR_NOT_DIRECTORY, g_strerror (ENOTDIR));
  error = refuse_text (fixture, fs, "missing/../empty");
  assert_io_error (error, G_IO_ERROR_NOT_FOUND, g_strerror (ENOENT));
  error = refuse_text (fixture, fs, "dir");
  assert_io_error (error, G_IO_ERROR_IS_DIRECTORY, g_strerror (EISDIR));
  g_assert_null (leash_fs_open_dir (fs, fixture->ctx, "empty", &error));
  assert_io_error (error, G_IO_ERROR_NOT_DIRECTORY, g_strerror (ENOTDIR));
  g_assert_null (leash_fs_readlink (fs, fixture->ctx, "empty", &error));
  assert_io_error (error, G_IO_ERROR_INVALID_ARGUMENT, "no symbolic link");
}

static GError *
try_open (Fixture *fixture, LeashFs *fs, const char *path, LeashOpenFlags flags)
{
  GError *error = NULL;
  g_autoptr (LeashFile) file = leash_fs_open (fs, fixture->ctx, path, flags, 0644, &error);

  g_assert_true ((file == NULL) == (error != NULL));
  return error;
}

static void
test_read_only (Fixture *fixture, gconstpointer unused)
{
  const LeashOpenFlags create = LEASH_OPEN_READ | LEASH_OPEN_CREATE;
  Maker maker = make_sample (&kinds[0]);
  g_autoptr (LeashFs) fs = open_made (fixture, &maker, NULL);
  g_autoptr (GError) error = try_open (fixture, fs, "program", LEASH_OPEN_WRITE);
  LeashStatFs stat;

  assert_io_error (error, G_IO_ERROR_READ_ONLY, g_strerror (EROFS));
  error = try_open (fixture, fs, "new", create);
  assert_io_error (error, G_IO_ERROR_READ_ONLY, g_strerror (EROFS));
  error = try_open (fixture, fs, "missing/new", create);
  assert_io_error (error, G_IO_ERROR_NOT_FOUND, g_strerror (ENOENT));
  error = try_open (fixture, fs, "new/", create);
  assert_io_error (error, G_IO_ERROR_IS_DIRECTORY, g_strerror (EISDIR));
  error = try_open (fixture, fs, "link", create | LEASH_OPEN_EXCLUSIVE);
  assert_io_error (error, G_IO_ERROR_EXISTS, g_strerror (EEXIST));
  error = try_open (fixture, fs, "link", create);
  g_assert_no_error (error);
  g_assert_false (leash_fs_mkdir (fs, fixture->ctx, "new", 0755, &error));
  assert_io_error (error, G_IO_ERROR_NOT_SUPPORTED, "mkdir");
  g_assert_true (leash_fs_statfs (fs, fixture->ctx, "dir", &stat, &error));
  g_assert_true (stat.is_read_only);
  g_assert_cmpuint (stat.total_bytes, ==, strlen ("some text#!bottom"));
}

/* In the "C" locale, which the test's is. */
static void
test_names (Fixture *fixture, gconstpointer unused)
{
  Maker tar = make_archive ("ustar", NULL);
  Maker zip = make_archive ("zip", NULL);
  g_autoptr (LeashFs) tar_fs = NULL;
  g_autoptr (LeashFs) zip_fs = NULL;
  g_autoptr (LeashFs) converted = NULL;
  g_autoptr (GBytes) bytes = NULL;
  const LeashArchiveLimits cp437 = { .zip_charset = "CP437" };

  g_assert_cmpstr (setlocale (LC_CTYPE, NULL), ==, "C");
  add_file (&tar, "caf\xe9", "latin");
  add_file (&tar, "caf\xc3\xa9", "utf-8");
  add_file (&tar, "e\xcc\x81", "decomposed");
  tar_fs = open_made (fixture, &tar, NULL);
  assert_text (fixture, tar_fs, "caf\xe9", "latin");
  assert_text (fixture, tar_fs, "caf\xc3\xa9", "utf-8");
  assert_text (fixture, tar_fs, "e\xcc\x81", "decomposed");
  add_file (&zip, "caf\x82", "of DOS");
  bytes = finish_archive (&zip);
  zip_fs = open_bytes (fixture, g_bytes_ref (bytes), NULL);
  assert_text (fixture, zip_fs, "caf\x82", "of DOS");
  converted = open_bytes (fixture, g_bytes_ref (bytes), &cp437);
  assert_text (fixture, converted, "caf\xc3\xa9", "of DOS");
}

/* As zip marks names: by a bit, in the file's header and in the directory at the end. */
static void
test_names_marked_as_utf8 (Fixture *fixture, gconstpointer unused)
{
  Maker maker = make_archive ("zip", NULL);
  g_autoptr (GBytes) bytes = NULL;
  g_autofree char *marked = NULL;
  g_autoptr (LeashFs) fs = NULL;
  gsize size;

  add_file (&maker, "caf\xc3\xa9", "utf-8");
  bytes = finish_archive (&maker);
  marked = g_memdup2 (g_bytes_get_data (bytes, NULL), size = g_bytes_get_size (bytes));
  for (gsize i = 0; i + 12 < size; i++)
    {
      if (memcmp (marked + i, "PK\3\4", 4) == 0)
        marked[i + 7] |= 8;
      if (memcmp (marked + i, "PK\1\2", 4) == 0)
        marked[i + 9] |= 8;
    }
  fs = open_bytes (fixture, g_bytes_new (marked, size), NULL);
  assert_text (fixture, fs, "caf\xc3\xa9", "utf-8");
}

/* Writes an archive to the test's directory, and returns its path. */
static char *
write_sample (Fixture *fixture, const Kind *kind)
{
  Maker maker = make_sample (kind);
  g_autoptr (GBytes) bytes = finish_archive (&maker);
  g_autoptr (GError) error = NULL;
  char *path = path_of (fixture, "archive");

  g_file_set_contents (path, g_bytes_get_data (bytes, NULL), (gssize) g_bytes_get_size (bytes), &error);
  g_assert_no_error (error);
  return path;
}

static void
test_file (Fixture *fixture, gconstpointer data)
{
  g_autofree char *path = write_sample (fixture, data);
  g_autoptr (GError) error = NULL;
  g_autoptr (LeashFs) fs = leash_archive_fs_new (fixture->ctx, path, NULL, &error);
  g_autofree char *report = NULL;

  g_assert_no_error (error);
  g_assert_cmpint (g_unlink (path), ==, 0);
  assert_text (fixture, fs, "dir/up/one", "bottom");
  assert_text (fixture, fs, "dir/file", "some text");
  /* The archive is open as long as its file system. */
  report = leash_tracker_report (fixture->tracker, LEASH_FORMAT_TEXT);
  if (leash_has_tracking ())
    g_assert_nonnull (strstr (report, "1 x file"));
}

static void
test_no_file (Fixture *fixture, gconstpointer unused)
{
  g_autofree char *path = path_of (fixture, "archive");
  g_autoptr (GError) error = NULL;

  g_assert_null (leash_archive_fs_new (fixture->ctx, path, NULL, &error));
  assert_io_error (error, G_IO_ERROR_NOT_FOUND, "Opening “", "archive”: ");
  g_file_set_contents (path, "This is none.", -1, NULL);
  g_assert_null (leash_archive_fs_new (fixture->ctx, path, NULL, &error));
  assert_io_error (error, G_IO_ERROR_INVALID_DATA, "Reading the archive “", "archive”: ", "Unrecognized");
  g_file_set_contents (path, "", -1, NULL);
  g_assert_null (leash_archive_fs_new (fixture->ctx, path, NULL, &error));
  assert_io_error (error, G_IO_ERROR_INVALID_DATA, "archive”: ");
  g_assert_null (leash_archive_fs_new (fixture->ctx, fixture->dir, NULL, &error));
  assert_io_error (error, G_IO_ERROR_IS_DIRECTORY, g_strerror (EISDIR));
}

static void
test_within_an_archive (Fixture *fixture, gconstpointer unused)
{
  Maker inner = make_sample (&kinds[0]);
  Maker outer = make_archive ("ustar", "gzip");
  g_autoptr (GBytes) bytes = finish_archive (&inner);
  g_autoptr (LeashFs) outer_fs = NULL;
  g_autoptr (LeashContext) ctx = NULL;
  g_autoptr (LeashFs) fs = NULL;
  g_autoptr (GError) error = NULL;

  add_entry (&outer, "in.zip", AE_IFREG, g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes));
  outer_fs = open_made (fixture, &outer, NULL);
  ctx = leash_context_with_fs (fixture->ctx, outer_fs);
  fs = leash_archive_fs_new (ctx, "in.zip", NULL, &error);
  g_assert_no_error (error);
  assert_text (fixture, fs, "a/deep/one", "bottom");
}

static void
test_outlives (Fixture *fixture, gconstpointer unused)
{
  Maker maker = make_sample (&kinds[0]);
  g_autoptr (LeashFs) fs = open_made (fixture, &maker, NULL);
  g_autoptr (LeashFile) file = leash_fs_open (fs, fixture->ctx, "dir/file", LEASH_OPEN_READ, 0, NULL);
  g_autoptr (LeashDir) dir = leash_fs_open_dir (fs, fixture->ctx, "dir", NULL);
  const LeashDirEntry *entry;
  char buffer[5] = "";
  guint n = 0;

  g_clear_object (&fs);
  g_assert_cmpint (leash_file_pread (file, fixture->ctx, buffer, 4, 5, NULL), ==, 4);
  g_assert_cmpstr (buffer, ==, "text");
  while (leash_dir_next (dir, fixture->ctx, &entry, NULL))
    n++;
  g_assert_cmpuint (n, ==, 2);
}

static void
test_done (Fixture *fixture, gconstpointer unused)
{
  Maker maker = make_sample (&kinds[4]);
  g_autoptr (GBytes) bytes = finish_archive (&maker);
  g_autoptr (LeashFs) fs = open_bytes (fixture, g_bytes_ref (bytes), NULL);
  g_autoptr (GError) error = NULL;

  g_assert_null (leash_archive_fs_new_from_bytes (fixture->done, bytes, NULL, &error));
  assert_io_error (error, G_IO_ERROR_CANCELLED, "Reading the archive: ");
  g_assert_null (read_text (fixture->done, fs, "dir/file", &error));
  assert_io_error (error, G_IO_ERROR_CANCELLED, "Opening “dir/file”: ");
  assert_text (fixture, fs, "dir/file", "some text");
}

/* Many files, more than the cache has room for, each by its number. */
#define N_FILES 200
#define FILE_SIZE 2000

static LeashFs *
open_many (Fixture *fixture, const char *format, const char *filter, guint64 cache_bytes)
{
  Maker maker = make_archive (format, filter);
  const LeashArchiveLimits limits = { .cache_bytes = cache_bytes, .max_ratio = 10000 };

  for (guint i = 0; i < N_FILES; i++)
    {
      g_autofree char *name = g_strdup_printf ("%u", i);
      g_autofree char *content = g_strdup_printf ("%0*u", FILE_SIZE, i);

      add_file (&maker, name, content);
    }
  return open_made (fixture, &maker, &limits);
}

static void
check_one (LeashFs *fs, guint i)
{
  g_autofree char *name = g_strdup_printf ("%u", i);
  g_autofree char *content = g_strdup_printf ("%0*u", FILE_SIZE, i);
  g_autoptr (GError) error = NULL;
  g_autofree char *found = read_text (leash_context_background (), fs, name, &error);

  g_assert_no_error (error);
  g_assert_cmpstr (found, ==, content);
}

static gpointer
read_at_random (gpointer fs)
{
  g_autoptr (GRand) random = g_rand_new_with_seed (GPOINTER_TO_UINT (g_thread_self ()));

  for (guint n = 0; n < 300; n++)
    check_one (fs, (guint) g_rand_int_range (random, 0, N_FILES));
  return NULL;
}

static void
test_threads (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (LeashFs) fs = open_many (fixture, "ustar", "gzip", FILE_SIZE * 10);
  GThread *threads[N_THREADS];

  for (guint i = 0; i < N_THREADS; i++)
    threads[i] = g_thread_new ("reader", read_at_random, fs);
  for (guint i = 0; i < N_THREADS; i++)
    g_thread_join (threads[i]);
}

/* Without any cache, forwards and backwards. */
static void
test_without_cache (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (LeashFs) fs = open_many (fixture, "zip", NULL, 1);

  for (guint i = 0; i < N_FILES; i++)
    check_one (fs, i);
  for (guint i = N_FILES; i-- > 0;)
    check_one (fs, i);
}

/* A tree of the host's, packed by a program, against itself. */

static void
build_tree (Fixture *fixture)
{
  static const char *const names[] = { "tree", "tree/dir", "tree/dir/dir", "tree/caf\xe9", NULL };

  for (guint i = 0; names[i] != NULL; i++)
    {
      g_autofree char *dir = path_of (fixture, names[i]);
      g_autofree char *file = g_build_filename (dir, "a file", NULL);
      g_autofree char *link = g_build_filename (dir, "link", NULL);

      g_assert_cmpint (g_mkdir (dir, 0755), ==, 0);
      g_assert_true (g_file_set_contents (file, names[i], -1, NULL));
      g_assert_cmpint (symlink ("a file", link), ==, 0);
    }
}

static void
compare_trees (Fixture *fixture, LeashFs *fs, LeashFs *host, const char *path)
{
  g_autofree char *names = list_names (fixture, host, path);
  g_auto (GStrv) split = g_strsplit (names, " ", -1);

  assert_names (fixture, fs, path, names);
  for (guint i = 0; split[i] != NULL; i++)
    {
      /* "a file" is split too: what is left of it is not there. */
      g_autofree char *name
          = g_build_filename (path, strcmp (split[i], "file") == 0 ? "a file" : split[i], NULL);
      LeashStat theirs = { 0 };
      LeashStat ours = { 0 };

      if (!leash_fs_lstat (host, fixture->ctx, name, &theirs, NULL))
        continue;
      ours = lstat_of (fixture, fs, name);
      g_assert_cmpint (ours.type, ==, theirs.type);
      g_assert_cmphex (ours.mode, ==, theirs.mode);
      g_assert_cmpint (ours.mtime_ns / 1000000000, ==, theirs.mtime_ns / 1000000000);
      if (ours.type == G_FILE_TYPE_DIRECTORY)
        compare_trees (fixture, fs, host, name);
      else
        {
          g_autofree char *text = read_text (fixture->ctx, host, name, NULL);

          g_assert_cmpuint (ours.size, ==, theirs.size);
          assert_text (fixture, fs, name, text);
        }
    }
}

static void
test_program (Fixture *fixture, gconstpointer data)
{
  const char *const *command = data;
  g_autofree char *program = g_find_program_in_path (command[0]);
  g_autofree char *path = path_of (fixture, "packed");
  g_autofree char *script = NULL;
  g_autoptr (LeashFs) host = NULL;
  g_autoptr (LeashFs) fs = NULL;
  g_autoptr (GError) error = NULL;

  if (program == NULL)
    {
      g_test_skip_printf ("%s is not installed", command[0]);
      return;
    }
  build_tree (fixture);
  script = g_strdup_printf ("cd '%s' && %s", fixture->dir, command[1]);
  g_assert_cmpint (system (script), ==, 0);
  host = leash_dir_fs_new (fixture->dir, &error);
  fs = leash_archive_fs_new (fixture->ctx, path, NULL, &error);
  g_assert_no_error (error);
  compare_trees (fixture, fs, host, "tree");
}

static const char *const commands[][2] = {
  { "tar", "tar -cf packed tree" },
  { "tar", "tar -c --format=pax -f packed tree" },
  { "gzip", "tar -czf packed tree" },
  { "bzip2", "tar -cjf packed tree" },
  { "xz", "tar -cJf packed tree" },
  { "zstd", "tar -c --zstd -f packed tree" },
  { "zip", "zip -qry packed.zip tree && mv packed.zip packed" },
  { "bsdtar", "bsdtar -c --format=7zip -f packed tree" },
};

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (kinds); i++)
    {
      g_autofree char *contents = g_strconcat ("/archive/", kinds[i].name, "/contents", NULL);
      g_autofree char *stat = g_strconcat ("/archive/", kinds[i].name, "/stat", NULL);
      g_autofree char *file = g_strconcat ("/archive/", kinds[i].name, "/from-a-file", NULL);

      g_test_add (contents, Fixture, &kinds[i], set_up, test_contents, tear_down);
      g_test_add (stat, Fixture, &kinds[i], set_up, test_stat, tear_down);
      g_test_add (file, Fixture, &kinds[i], set_up, test_file, tear_down);
    }
  for (guint i = 0; i < G_N_ELEMENTS (commands); i++)
    {
      g_autofree char *name = g_strdup_printf ("/archive/made-by/%u-%s", i, commands[i][0]);

      g_test_add (name, Fixture, commands[i], set_up, test_program, tear_down);
    }
  ADD ("/archive/paths-count-from-the-root", test_paths);
  ADD ("/archive/nothing-can-be-changed", test_read_only);
  ADD ("/archive/names-are-bytes-in-any-locale", test_names);
  ADD ("/archive/names-marked-as-utf-8", test_names_marked_as_utf8);
  ADD ("/archive/no-archive", test_no_file);
  ADD ("/archive/within-an-archive", test_within_an_archive);
  ADD ("/archive/open-files-outlive-it", test_outlives);
  ADD ("/archive/done-context", test_done);
  ADD ("/archive/threads", test_threads);
  ADD ("/archive/without-cache", test_without_cache);
  return g_test_run ();
}
