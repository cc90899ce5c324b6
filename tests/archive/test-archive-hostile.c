/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Archives that lie: of where they unpack to, of how much that is, and damaged ones. */
#include "archive-fixture.h"

#include <stdlib.h>

/* Of names */

/* An archive with one entry between two that are right. */
static GError *
refuse_name (Fixture *fixture, const char *format, const char *name)
{
  Maker maker = make_archive (format, NULL);

  add_file (&maker, "first", "1");
  add_file (&maker, name, "evil");
  add_file (&maker, "last", "2");
  return refuse_made (fixture, &maker, NULL);
}

static void
test_absolute (Fixture *fixture, gconstpointer format)
{
  g_autoptr (GError) error = refuse_name (fixture, format, "/etc/passwd");

  assert_io_error (error, G_IO_ERROR_PERMISSION_DENIED, "entry “/etc/passwd”: ", "absolute");
}

static void
test_dots (Fixture *fixture, gconstpointer format)
{
  static const char *const names[] = { "../evil", "a/../../evil", "a/..", "first/../b", "./../evil" };

  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autoptr (GError) error = refuse_name (fixture, format, names[i]);

      assert_io_error (error, G_IO_ERROR_PERMISSION_DENIED, names[i], "there is a “..” in its name");
    }
}

static void
test_skipped (Fixture *fixture, gconstpointer format)
{
  const LeashArchiveLimits limits = { .skip_refused = TRUE };
  Maker maker = make_archive (format, NULL);
  g_autoptr (LeashFs) fs = NULL;

  add_file (&maker, "first", "1");
  add_file (&maker, "/absolute", "evil");
  add_file (&maker, "../up", "evil");
  add_file (&maker, "first/beneath-a-file", "evil");
  add_file (&maker, "last", "2");
  fs = open_made (fixture, &maker, &limits);
  assert_names (fixture, fs, "/", "first last");
  assert_text (fixture, fs, "last", "2");
}

static void
test_harmless (Fixture *fixture, gconstpointer unused)
{
  Maker maker = make_archive ("ustar", NULL);
  g_autoptr (LeashFs) fs = NULL;

  archive_entry_set_perm (maker.entry, 0711);
  add_dir (&maker, "./");
  add_file (&maker, "./a//b/./..c", "1");
  add_file (&maker, "...", "2");
  fs = open_made (fixture, &maker, NULL);
  assert_names (fixture, fs, "/", "... a");
  assert_text (fixture, fs, "a/b/..c", "1");
  g_assert_cmphex (lstat_of (fixture, fs, "/").mode, ==, 0711);
}

static void
test_duplicates (Fixture *fixture, gconstpointer unused)
{
  Maker maker = make_archive ("ustar", NULL);
  g_autoptr (LeashFs) fs = NULL;

  add_file (&maker, "a", "old");
  add_file (&maker, "link-or-file", "file");
  add_dir (&maker, "dir");
  add_file (&maker, "dir/file", "1");
  add_file (&maker, "a", "new one");
  add_symlink (&maker, "a", "link-or-file");
  archive_entry_set_perm (maker.entry, 0700);
  add_dir (&maker, "dir");
  fs = open_made (fixture, &maker, NULL);
  assert_text (fixture, fs, "a", "new one");
  assert_text (fixture, fs, "link-or-file", "new one");
  assert_text (fixture, fs, "dir/file", "1");
  g_assert_cmphex (lstat_of (fixture, fs, "dir").mode, ==, 0700);
  assert_names (fixture, fs, "/", "a dir link-or-file");
}

static void
test_file_as_directory (Fixture *fixture, gconstpointer unused)
{
  Maker beneath = make_archive ("ustar", NULL);
  Maker replaced = make_archive ("ustar", NULL);
  Maker root = make_archive ("ustar", NULL);
  g_autoptr (GError) error = NULL;

  add_file (&beneath, "a", "file");
  add_file (&beneath, "a/b", "beneath it");
  error = refuse_made (fixture, &beneath, NULL);
  assert_io_error (error, G_IO_ERROR_INVALID_DATA, "entry “a/b”: ", "“a” in its path is no directory");
  add_file (&replaced, "a/b", "first");
  add_file (&replaced, "a", "in place of a directory");
  error = refuse_made (fixture, &replaced, NULL);
  assert_io_error (error, G_IO_ERROR_INVALID_DATA, "entry “a”: ", "replace a directory");
  add_file (&root, ".", "as the root");
  error = refuse_made (fixture, &root, NULL);
  assert_io_error (error, G_IO_ERROR_INVALID_DATA, "entry “.”: the root is no directory");
}

/* Of links */

static void
test_links_out (Fixture *fixture, gconstpointer unused)
{
  Maker maker = make_archive ("ustar", NULL);
  g_autoptr (LeashFs) fs = NULL;
  g_autoptr (GError) error = NULL;

  add_symlink (&maker, "/etc/hostname", "absolute");
  add_symlink (&maker, "../../../../../../etc/passwd", "up");
  add_symlink (&maker, "..", "parent");
  add_symlink (&maker, "loop", "loop");
  add_file (&maker, "etc/passwd", "the archive's");
  fs = open_made (fixture, &maker, NULL);
  assert_text (fixture, fs, "up", "the archive's");
  assert_text (fixture, fs, "parent/parent/etc/passwd", "the archive's");
  error = refuse_text (fixture, fs, "absolute");
  assert_io_error (error, G_IO_ERROR_NOT_FOUND, g_strerror (ENOENT));
  error = refuse_text (fixture, fs, "loop");
  assert_io_error (error, G_IO_ERROR_TOO_MANY_LINKS, g_strerror (ELOOP));
}

static void
test_through_a_link (Fixture *fixture, gconstpointer unused)
{
  Maker maker = make_archive ("ustar", NULL);
  g_autoptr (GError) error = NULL;

  add_dir (&maker, "dir");
  add_symlink (&maker, "/tmp", "out");
  add_file (&maker, "out/evil", "evil");
  error = refuse_made (fixture, &maker, NULL);
  assert_io_error (error, G_IO_ERROR_INVALID_DATA, "entry “out/evil”: ", "“out” in its path is no directory");
}

static void
test_hard_links (Fixture *fixture, gconstpointer unused)
{
  static const struct
  {
    const char *target;
    int code;
  } bad[] = {
    { "/etc/passwd", G_IO_ERROR_PERMISSION_DENIED }, { "../evil", G_IO_ERROR_PERMISSION_DENIED },
    { "missing", G_IO_ERROR_INVALID_DATA },          { "dir", G_IO_ERROR_INVALID_DATA },
    { "out/passwd", G_IO_ERROR_INVALID_DATA },       { ".", G_IO_ERROR_INVALID_DATA },
  };

  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      Maker maker = make_archive ("ustar", NULL);
      g_autoptr (GError) error = NULL;

      add_dir (&maker, "dir");
      add_symlink (&maker, "/etc", "out");
      add_hard_link (&maker, bad[i].target, "hard");
      error = refuse_made (fixture, &maker, NULL);
      assert_io_error (error, bad[i].code, "entry “hard”: ");
    }
}

static void
test_hard_link_stays (Fixture *fixture, gconstpointer unused)
{
  Maker maker = make_archive ("ustar", NULL);
  g_autoptr (LeashFs) fs = NULL;

  add_file (&maker, "a", "first");
  add_hard_link (&maker, "a", "b");
  add_hard_link (&maker, "a", "a");
  add_file (&maker, "a", "second");
  fs = open_made (fixture, &maker, NULL);
  assert_text (fixture, fs, "a", "second");
  assert_text (fixture, fs, "b", "first");
  g_assert_cmpuint (lstat_of (fixture, fs, "b").nlink, ==, 1);
}

static void
test_special (Fixture *fixture, gconstpointer unused)
{
  static const guint types[] = { AE_IFCHR, AE_IFBLK, AE_IFIFO };
  Maker maker = make_archive ("ustar", NULL);
  g_autoptr (LeashFs) fs = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (types); i++)
    add_entry (&maker, (const char *[]){ "char", "block", "fifo" }[i], types[i], NULL, 0);
  fs = open_made (fixture, &maker, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (types); i++)
    {
      const char *name = (const char *[]){ "char", "block", "fifo" }[i];
      g_autoptr (GError) error = refuse_text (fixture, fs, name);

      assert_io_error (error, G_IO_ERROR_NOT_REGULAR_FILE, name);
      g_assert_cmpint (lstat_of (fixture, fs, name).type, ==, G_FILE_TYPE_SPECIAL);
    }
}

/* Of sizes */

/* Opens an archive of five files by limits that it does not keep to. */
static void
assert_limited (Fixture *fixture, const LeashArchiveLimits *limits, const char *entry, const char *what)
{
  Maker maker = make_archive ("ustar", NULL);
  g_autoptr (GBytes) bytes = NULL;
  g_autoptr (LeashFs) fs = NULL;
  g_autoptr (GError) error = NULL;

  for (guint i = 1; i < 6; i++)
    {
      g_autofree char *name = g_strdup_printf ("%.*s", (int) (2 * i - 1), "1/2/3/4/5");

      add_dir (&maker, name);
      g_free (name);
      name = g_strdup_printf ("%.*sfile", (int) (2 * i), "1/2/3/4/5/");
      add_entry (&maker, name, AE_IFREG, "123456789", i);
    }
  bytes = finish_archive (&maker);
  fs = open_bytes (fixture, g_bytes_ref (bytes), NULL);
  g_assert_null (leash_archive_fs_new_from_bytes (fixture->ctx, bytes, limits, &error));
  assert_io_error (error, G_IO_ERROR_MESSAGE_TOO_LARGE, entry, what, ", and the limit is ");
}

static void
test_limits (Fixture *fixture, gconstpointer unused)
{
  const LeashArchiveLimits entries = { .max_entries = 4 };
  const LeashArchiveLimits total = { .max_total_bytes = 5 };
  const LeashArchiveLimits file = { .max_file_bytes = 4, .skip_refused = TRUE };
  const LeashArchiveLimits path = { .max_path_bytes = 8, .skip_refused = TRUE };
  const LeashArchiveLimits depth = { .max_depth = 4 };

  assert_limited (fixture, &entries, "entry “1/2/3", "the number of entries so far: ");
  assert_limited (fixture, &total, "entry “1/2/3/file”: ", "the bytes of all contents so far: 6");
  assert_limited (fixture, &file, "entry “1/2/3/4/5/file”: ", "the bytes of the content: 5");
  assert_limited (fixture, &path, "entry “1/2/3/file”: ", "the bytes of its path: 10");
  assert_limited (fixture, &depth, "entry “1/2/3/4/", "the names in its path: 5");
}

static void
test_long_name (Fixture *fixture, gconstpointer unused)
{
  g_autofree char *name = g_strnfill (256, 'x');
  g_autoptr (GError) error = refuse_name (fixture, "pax", name);
  Maker maker = make_archive ("pax", NULL);
  g_autoptr (LeashFs) fs = NULL;

  assert_io_error (error, G_IO_ERROR_MESSAGE_TOO_LARGE, "the bytes of one of its names: 256");
  name[255] = '\0';
  add_file (&maker, name, "of 255 bytes");
  fs = open_made (fixture, &maker, NULL);
  assert_text (fixture, fs, name, "of 255 bytes");
}

/* Directories that no entry made count too: a short archive could have very many. */
static void
test_implied_directories (Fixture *fixture, gconstpointer unused)
{
  const LeashArchiveLimits limits = { .max_entries = 50 };
  Maker maker = make_archive ("ustar", NULL);
  g_autoptr (GError) error = NULL;

  for (guint i = 0; i < 10; i++)
    {
      g_autofree char *name = g_strdup_printf ("%u/a/b/c/d/e/f/g/h/i/file", i);

      add_file (&maker, name, "");
    }
  error = refuse_made (fixture, &maker, &limits);
  assert_io_error (error, G_IO_ERROR_MESSAGE_TOO_LARGE, "the number of entries so far: ");
}

/* An archive of a file of zeros, compressed. */
static GBytes *
make_bomb (const char *format, const char *filter, gsize size)
{
  Maker maker = make_archive (format, filter);
  g_autofree char *zeros = g_malloc0 (size);

  add_file (&maker, "small", "harmless");
  add_entry (&maker, "bomb", AE_IFREG, zeros, size);
  return finish_archive (&maker);
}

static const char *const bombs[][2]
    = { { "zip", NULL }, { "ustar", "gzip" }, { "ustar", "bzip2" }, { "pax", "xz" }, { "ustar", "zstd" } };

static void
test_bomb (Fixture *fixture, gconstpointer data)
{
  const char *const *bomb = data;
  g_autoptr (GBytes) bytes = make_bomb (bomb[0], bomb[1], 32 << 20);
  const LeashArchiveLimits limits = { .max_ratio = G_MAXUINT64 };
  g_autoptr (LeashFs) fs = NULL;
  g_autoptr (GError) error = NULL;

  g_assert_null (leash_archive_fs_new_from_bytes (fixture->ctx, bytes, NULL, &error));
  assert_io_error (error, G_IO_ERROR_MESSAGE_TOO_LARGE, "entry “bomb”: ", "unpacks to ",
                   "limit is 200 times");
  fs = open_bytes (fixture, g_bytes_ref (bytes), &limits);
  g_assert_cmpuint (lstat_of (fixture, fs, "bomb").size, ==, 32 << 20);
}

/* What is announced is all that is unpacked: the sizes of a zip, in the file's header and at the end. */
static void
test_lying_size (Fixture *fixture, gconstpointer unused)
{
  static const guint32 lies[] = { 1, 7, 9, 1000, 100 << 20 };
  Maker maker = make_archive ("zip", NULL);
  g_autoptr (GBytes) bytes = NULL;
  gsize size;

  archive_write_set_format_option (maker.archive, "zip", "compression", "deflate");
  add_file (&maker, "liar", "12345678");
  bytes = finish_archive (&maker);
  for (guint i = 0; i < G_N_ELEMENTS (lies); i++)
    {
      g_autofree char *lying = g_memdup2 (g_bytes_get_data (bytes, NULL), size = g_bytes_get_size (bytes));
      const LeashArchiveLimits limits = { .max_ratio = G_MAXUINT64 };
      guint32 lie = GUINT32_TO_LE (lies[i]);
      g_autoptr (LeashFs) fs = NULL;
      g_autoptr (GError) error = NULL;

      for (gsize at = 0; at + 28 < size; at++)
        {
          if (memcmp (lying + at, "PK\1\2", 4) == 0)
            memcpy (lying + at + 24, &lie, sizeof lie);
          if (memcmp (lying + at, "PK\3\4", 4) == 0)
            memcpy (lying + at + 22, &lie, sizeof lie);
        }
      fs = open_bytes (fixture, g_bytes_new (lying, size), &limits);
      g_assert_cmpuint (lstat_of (fixture, fs, "liar").size, ==, lies[i]);
      error = refuse_text (fixture, fs, "liar");
      assert_io_error (error, G_IO_ERROR_INVALID_DATA, "Opening “liar”: ", "size");
    }
}

/* A tar may announce what it does not have. */
static void
test_absurd_size (Fixture *fixture, gconstpointer unused)
{
  Maker maker = make_archive ("ustar", NULL);
  const LeashArchiveLimits none
      = { .max_file_bytes = G_MAXUINT64, .max_total_bytes = G_MAXUINT64, .max_ratio = G_MAXUINT64 };
  g_autoptr (GBytes) bytes = NULL;
  g_autofree char *lying = NULL;
  g_autoptr (GError) error = NULL;
  guint sum = 0;

  add_file (&maker, "absurd", "");
  bytes = finish_archive (&maker);
  lying = g_memdup2 (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes));
  memcpy (lying + 124, "\x80\0\0\0\x3f\xff\xff\xff\xff\xff\xff\xff", 12);
  memset (lying + 148, ' ', 8);
  for (guint i = 0; i < 512; i++)
    sum += (guint8) lying[i];
  g_snprintf (lying + 148, 8, "%06o", sum);
  g_clear_pointer (&bytes, g_bytes_unref);
  bytes = g_bytes_new (lying, 1536);
  g_assert_null (leash_archive_fs_new_from_bytes (fixture->ctx, bytes, NULL, &error));
  assert_io_error (error, G_IO_ERROR_MESSAGE_TOO_LARGE, "entry “absurd”: ", "the bytes of the content");
  g_assert_null (leash_archive_fs_new_from_bytes (fixture->ctx, bytes, &none, &error));
  assert_io_error (error, G_IO_ERROR_INVALID_DATA, "Reading the archive: ");
}

/* Encrypted, damaged */

static void
test_encrypted (Fixture *fixture, gconstpointer unused)
{
  Maker maker = make_archive ("zip", NULL);
  g_autoptr (LeashFs) fs = NULL;
  g_autoptr (GError) error = NULL;

  if (archive_write_set_format_option (maker.archive, "zip", "encryption", "traditional") != ARCHIVE_OK)
    g_test_skip ("this libarchive cannot encrypt");
  archive_write_set_passphrase (maker.archive, "secret");
  add_file (&maker, "locked", "nobody reads this");
  fs = open_made (fixture, &maker, NULL);
  g_assert_cmpuint (lstat_of (fixture, fs, "locked").size, ==, strlen ("nobody reads this"));
  error = refuse_text (fixture, fs, "locked");
  assert_io_error (error, G_IO_ERROR_NOT_SUPPORTED, "Opening “locked”: ", "encrypted");
}

static void
test_bad_checksum (Fixture *fixture, gconstpointer unused)
{
  Maker maker = make_archive ("zip", NULL);
  g_autoptr (GBytes) bytes = NULL;
  g_autofree char *damaged = NULL;
  g_autoptr (LeashFs) fs = NULL;
  g_autoptr (GError) error = NULL;
  char *at;

  archive_write_set_format_option (maker.archive, "zip", "compression", "store");
  add_file (&maker, "a", "the content");
  bytes = finish_archive (&maker);
  damaged = g_memdup2 (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes));
  at = memmem (damaged, g_bytes_get_size (bytes), "the content", 11);
  g_assert_nonnull (at);
  at[0] = 'T';
  fs = open_bytes (fixture, g_bytes_new (damaged, g_bytes_get_size (bytes)), NULL);
  error = refuse_text (fixture, fs, "a");
  assert_io_error (error, G_IO_ERROR_INVALID_DATA, "Opening “a”: ", "CRC");
}

/* Looks at everything: whatever the archive is, there is an answer or an error. */
static void
look_at (LeashFs *fs, const char *path, guint *n_files)
{
  LeashContext *ctx = leash_context_background ();
  g_autoptr (LeashDir) dir = leash_fs_open_dir (fs, ctx, path, NULL);
  const LeashDirEntry *entry;

  while (dir != NULL && leash_dir_next (dir, ctx, &entry, NULL))
    {
      g_autofree char *inner = g_build_filename (path, entry->name, NULL);
      g_autofree char *text = read_text (ctx, fs, inner, NULL);
      LeashStat stat;

      leash_fs_stat (fs, ctx, inner, &stat, NULL);
      *n_files += text != NULL ? 1 : 0;
      look_at (fs, inner, n_files);
    }
}

static guint
try_bytes (const void *data, gsize size)
{
  g_autoptr (GBytes) bytes = g_bytes_new (data, size);
  g_autoptr (GError) error = NULL;
  g_autoptr (LeashFs) fs = leash_archive_fs_new_from_bytes (leash_context_background (), bytes, NULL, &error);
  guint n = 0;

  g_assert_true ((fs == NULL) == (error != NULL));
  if (fs != NULL)
    look_at (fs, "/", &n);
  return n;
}

static GBytes *
make_small (const char *format, const char *filter)
{
  Maker maker = make_archive (format, filter);

  add_dir (&maker, "dir");
  add_file (&maker, "dir/a", "the first of two files, the first of two files, the first of two files");
  add_file (&maker, "b", "the second");
  add_symlink (&maker, "dir/a", "c");
  return finish_archive (&maker);
}

static const char *const small[][2]
    = { { "zip", NULL },    { "ustar", NULL },   { "pax", "gzip" }, { "ustar", "bzip2" },
        { "gnutar", "xz" }, { "ustar", "zstd" }, { "newc", NULL },  { "7zip", NULL } };

static void
test_truncated (Fixture *fixture, gconstpointer data)
{
  const char *const *kind = data;
  g_autoptr (GBytes) bytes = make_small (kind[0], kind[1]);
  gsize size;
  const char *content = g_bytes_get_data (bytes, &size);

  g_assert_cmpuint (try_bytes (content, size), ==, 3);
  for (gsize length = 0; length < size; length += 1 + length / 200)
    g_assert_cmpuint (try_bytes (content, length), <=, 3);
  /* Cut in the middle of a content, it is an error and no shorter file. */
  g_assert_cmpuint (try_bytes (content, size / 4), <, 3);
}

static void
test_flipped (Fixture *fixture, gconstpointer data)
{
  const char *const *kind = data;
  g_autoptr (GBytes) bytes = make_small (kind[0], kind[1]);
  gsize size;
  g_autofree char *content = g_memdup2 (g_bytes_get_data (bytes, NULL), size = g_bytes_get_size (bytes));

  for (guint n = 0; n < 500; n++)
    {
      gsize at = (gsize) g_test_rand_int_range (0, (gint) size);
      char before = content[at];

      content[at] = (char) g_test_rand_int ();
      try_bytes (content, size);
      content[at] = before;
    }
}

int
main (int argc, char **argv)
{
  static const char *const formats[] = { "ustar", "zip", "newc" };

  g_test_init (&argc, &argv, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (formats); i++)
    {
      g_autofree char *absolute = g_strconcat ("/archive/hostile/", formats[i], "/absolute-name", NULL);
      g_autofree char *dots = g_strconcat ("/archive/hostile/", formats[i], "/dots-in-a-name", NULL);
      g_autofree char *skipped
          = g_strconcat ("/archive/hostile/", formats[i], "/refused-can-be-skipped", NULL);

      g_test_add (absolute, Fixture, formats[i], set_up, test_absolute, tear_down);
      g_test_add (dots, Fixture, formats[i], set_up, test_dots, tear_down);
      g_test_add (skipped, Fixture, formats[i], set_up, test_skipped, tear_down);
    }
  ADD ("/archive/hostile/harmless-names", test_harmless);
  ADD ("/archive/hostile/last-of-duplicates-holds", test_duplicates);
  ADD ("/archive/hostile/file-as-directory", test_file_as_directory);
  ADD ("/archive/hostile/links-stay-within", test_links_out);
  ADD ("/archive/hostile/entry-through-a-link", test_through_a_link);
  ADD ("/archive/hostile/hard-links-out", test_hard_links);
  ADD ("/archive/hostile/hard-link-keeps-what-is-replaced", test_hard_link_stays);
  ADD ("/archive/hostile/devices-cannot-be-opened", test_special);
  ADD ("/archive/hostile/limits", test_limits);
  ADD ("/archive/hostile/long-name", test_long_name);
  ADD ("/archive/hostile/implied-directories-count", test_implied_directories);
  for (guint i = 0; i < G_N_ELEMENTS (bombs); i++)
    {
      g_autofree char *name = g_strdup_printf ("/archive/hostile/bomb/%s-%s", bombs[i][0],
                                               bombs[i][1] != NULL ? bombs[i][1] : "plain");

      g_test_add (name, Fixture, bombs[i], set_up, test_bomb, tear_down);
    }
  ADD ("/archive/hostile/lying-size", test_lying_size);
  ADD ("/archive/hostile/absurd-size", test_absurd_size);
  ADD ("/archive/hostile/encrypted", test_encrypted);
  ADD ("/archive/hostile/bad-checksum", test_bad_checksum);
  for (guint i = 0; i < G_N_ELEMENTS (small); i++)
    {
      const char *filter = small[i][1] != NULL ? small[i][1] : "plain";
      g_autofree char *truncated = g_strdup_printf ("/archive/hostile/truncated/%s-%s", small[i][0], filter);
      g_autofree char *flipped = g_strdup_printf ("/archive/hostile/flipped/%s-%s", small[i][0], filter);

      g_test_add (truncated, Fixture, small[i], set_up, test_truncated, tear_down);
      g_test_add (flipped, Fixture, small[i], set_up, test_flipped, tear_down);
    }
  return g_test_run ();
}
