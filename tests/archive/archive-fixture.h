/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Archives of a test's own, made by libarchive's writer in memory. */
#pragma once

#include "../fixture.h"

#include <archive.h>
#include <archive_entry.h>

#include <leash/leash-archive-fs.h>

#define MTIME 1234567890
#define MAX_ARCHIVE (1 << 20)

typedef struct
{
  struct archive *archive;
  struct archive_entry *entry; /* what the next one is like */
  char *bytes;
  size_t *size; /* where libarchive writes it: of its own, as a Maker is copied */
  gboolean has_begun;
} Maker;

/* filter is NULL for none. */
G_GNUC_UNUSED static Maker
make_archive (const char *format, const char *filter)
{
  Maker maker = { archive_write_new (), archive_entry_new (), NULL, g_new0 (size_t, 1), FALSE };

  g_assert_cmpint (archive_write_set_format_by_name (maker.archive, format), ==, ARCHIVE_OK);
  if (filter != NULL)
    g_assert_cmpint (archive_write_add_filter_by_name (maker.archive, filter), ==, ARCHIVE_OK);
  return maker;
}

/* Where options are to be set: after them. Called by add_entry() otherwise. */
G_GNUC_UNUSED static void
begin_archive (Maker *maker, gsize max_size)
{
  maker->has_begun = TRUE;
  maker->bytes = g_malloc (max_size);
  archive_write_set_bytes_in_last_block (maker->archive, 1);
  g_assert_cmpint (archive_write_open_memory (maker->archive, maker->bytes, max_size, maker->size), ==,
                   ARCHIVE_OK);
}

/* Adds an entry as maker->entry is, whose name and type are set here. content may be NULL. */
G_GNUC_UNUSED static void
add_entry (Maker *maker, const char *name, guint type, const char *content, gsize size)
{
  if (!maker->has_begun)
    begin_archive (maker, MAX_ARCHIVE);
  archive_entry_set_pathname (maker->entry, name);
  archive_entry_set_filetype (maker->entry, type);
  if (archive_entry_perm (maker->entry) == 0)
    archive_entry_set_perm (maker->entry, type == AE_IFDIR ? 0755 : 0644);
  archive_entry_set_mtime (maker->entry, MTIME, 0);
  archive_entry_set_size (maker->entry, (la_int64_t) size);
  if (archive_write_header (maker->archive, maker->entry) < ARCHIVE_WARN)
    g_error ("%s: %s", name, archive_error_string (maker->archive));
  if (content != NULL)
    g_assert_cmpint (archive_write_data (maker->archive, content, size), ==, size);
  archive_entry_clear (maker->entry);
}

G_GNUC_UNUSED static void
add_file (Maker *maker, const char *name, const char *content)
{
  add_entry (maker, name, AE_IFREG, content, strlen (content));
}

G_GNUC_UNUSED static void
add_dir (Maker *maker, const char *name)
{
  add_entry (maker, name, AE_IFDIR, NULL, 0);
}

G_GNUC_UNUSED static void
add_symlink (Maker *maker, const char *target, const char *name)
{
  archive_entry_set_symlink (maker->entry, target);
  archive_entry_set_perm (maker->entry, 0777);
  add_entry (maker, name, AE_IFLNK, NULL, 0);
}

G_GNUC_UNUSED static void
add_hard_link (Maker *maker, const char *target, const char *name)
{
  archive_entry_set_hardlink (maker->entry, target);
  add_entry (maker, name, AE_IFREG, NULL, 0);
}

G_GNUC_UNUSED static GBytes *
finish_archive (Maker *maker)
{
  GBytes *bytes;

  g_assert_cmpint (archive_write_close (maker->archive), ==, ARCHIVE_OK);
  archive_entry_free (maker->entry);
  archive_write_free (maker->archive);
  bytes = g_bytes_new_take (maker->bytes, *maker->size);
  g_free (maker->size);
  return bytes;
}

/* Opens an archive that must be right. Takes the bytes. */
G_GNUC_UNUSED static LeashFs *
open_bytes (Fixture *fixture, GBytes *bytes, const LeashArchiveLimits *limits)
{
  g_autoptr (GError) error = NULL;
  LeashFs *fs = leash_archive_fs_new_from_bytes (fixture->ctx, bytes, limits, &error);

  g_assert_no_error (error);
  g_bytes_unref (bytes);
  return fs;
}

G_GNUC_UNUSED static LeashFs *
open_made (Fixture *fixture, Maker *maker, const LeashArchiveLimits *limits)
{
  return open_bytes (fixture, finish_archive (maker), limits);
}

/* Opens an archive that must be refused, and returns why. */
G_GNUC_UNUSED static GError *
refuse_made (Fixture *fixture, Maker *maker, const LeashArchiveLimits *limits)
{
  g_autoptr (GBytes) bytes = finish_archive (maker);
  GError *error = NULL;

  g_assert_null (leash_archive_fs_new_from_bytes (fixture->ctx, bytes, limits, &error));
  return error;
}

/* Reads a file; its content as text, or the error. */
G_GNUC_UNUSED static char *
read_text (LeashContext *ctx, LeashFs *fs, const char *path, GError **error)
{
  g_autoptr (LeashFile) file = leash_fs_open (fs, ctx, path, LEASH_OPEN_READ, 0, error);
  g_autoptr (GString) text = g_string_new (NULL);
  char buffer[4096];
  gssize n;

  if (file == NULL)
    return NULL;
  while ((n = leash_file_read (file, ctx, buffer, sizeof buffer, error)) > 0)
    g_string_append_len (text, buffer, n);
  g_assert_cmpint (n, ==, 0);
  return g_string_free (g_steal_pointer (&text), FALSE);
}

G_GNUC_UNUSED static void
assert_text (Fixture *fixture, LeashFs *fs, const char *path, const char *text)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *found = read_text (fixture->ctx, fs, path, &error);

  g_assert_no_error (error);
  g_assert_cmpstr (found, ==, text);
}

G_GNUC_UNUSED static GError *
refuse_text (Fixture *fixture, LeashFs *fs, const char *path)
{
  GError *error = NULL;

  g_assert_null (read_text (fixture->ctx, fs, path, &error));
  return error;
}

G_GNUC_UNUSED static LeashStat
lstat_of (Fixture *fixture, LeashFs *fs, const char *path)
{
  g_autoptr (GError) error = NULL;
  LeashStat stat = { 0 };

  leash_fs_lstat (fs, fixture->ctx, path, &stat, &error);
  g_assert_no_error (error);
  return stat;
}

G_GNUC_UNUSED static int
compare_names (gconstpointer a, gconstpointer b)
{
  return strcmp (*(char *const *) a, *(char *const *) b);
}

/* The names in a directory, sorted, with spaces between. */
G_GNUC_UNUSED static char *
list_names (Fixture *fixture, LeashFs *fs, const char *path)
{
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GError) error = NULL;
  g_autoptr (LeashDir) dir = leash_fs_open_dir (fs, fixture->ctx, path, &error);
  const LeashDirEntry *entry;

  g_assert_no_error (error);
  while (leash_dir_next (dir, fixture->ctx, &entry, &error))
    g_ptr_array_add (names, g_strdup (entry->name));
  g_assert_no_error (error);
  g_ptr_array_sort (names, compare_names);
  g_ptr_array_add (names, NULL);
  return g_strjoinv (" ", (char **) names->pdata);
}

G_GNUC_UNUSED static void
assert_names (Fixture *fixture, LeashFs *fs, const char *path, const char *names)
{
  g_autofree char *found = list_names (fixture, fs, path);

  g_assert_cmpstr (found, ==, names);
}
