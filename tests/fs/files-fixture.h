/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the tests of functions for whole files and trees need: each test runs on several file systems, and
 * looks at what became of the files by the simplest functions alone.
 */
#pragma once

#include <fcntl.h>

#include "fs-fixture.h"

typedef struct
{
  Fixture base;      /* first; its context is of the host */
  LeashContext *ctx; /* that of the file system which is tested */
  gboolean is_host;  /* paths are absolute */
} Files;

/* A file system, made in a test's directory. */
typedef struct
{
  const char *name;
  LeashFs *(*make) (const char *dir);
} FilesKind;

static LeashFs *
files_make_host (const char *dir)
{
  return leash_host_fs_new ();
}

static LeashFs *
files_make_dir (const char *dir)
{
  return leash_dir_fs_new (dir, NULL);
}

static LeashFs *
files_make_memory (const char *dir)
{
  return leash_memory_fs_new ();
}

static const FilesKind files_kinds[] = {
  { "host", files_make_host },
  { "dir", files_make_dir },
  { "memory", files_make_memory },
};

static void
files_set_up (Files *files, gconstpointer data)
{
  const FilesKind *kind = data;
  g_autoptr (LeashFs) fs = NULL;

  set_up (&files->base, NULL);
  fs = kind->make (files->base.dir);
  g_assert_nonnull (fs);
  files->ctx = leash_context_with_fs (files->base.ctx, fs);
  files->is_host = kind->make == files_make_host;
  files->base.n_fds = count_fds ();
}

static void
files_tear_down (Files *files, gconstpointer kind)
{
  g_assert_cmpuint (count_fds (), ==, files->base.n_fds);
  leash_context_unref (files->ctx);
  files->base.n_fds = count_fds ();
  tear_down (&files->base, NULL);
}

/* Adds a test once for each of the first n file systems, as PREFIX/KIND/NAME. */
static void
files_add_first (guint n, const char *prefix, const char *name,
                 void (*func) (Files *files, gconstpointer kind))
{
  for (guint i = 0; i < n; i++)
    {
      g_autofree char *path = g_strdup_printf ("%s/%s/%s", prefix, files_kinds[i].name, name);

      g_test_add (path, Files, &files_kinds[i], files_set_up, func, files_tear_down);
    }
}

G_GNUC_UNUSED static void
files_add (const char *prefix, const char *name, void (*func) (Files *files, gconstpointer kind))
{
  files_add_first (G_N_ELEMENTS (files_kinds), prefix, name, func);
}

/* Of tests that do by system calls what no LeashFs does. */
G_GNUC_UNUSED static void
files_add_on_disk (const char *prefix, const char *name, void (*func) (Files *files, gconstpointer kind))
{
  files_add_first (2, prefix, name, func);
}

/* The path of name on the file system that is tested. */
G_GNUC_UNUSED static char *
files_path (Files *files, const char *name)
{
  if (files->is_host)
    return name[0] == '\0' ? g_strdup (files->base.dir) : path_of (&files->base, name);
  return g_strdup (name[0] == '\0' ? "." : name);
}

G_GNUC_UNUSED static void
files_mkdir (Files *files, const char *name)
{
  g_autofree char *path = files_path (files, name);
  g_autoptr (GError) error = NULL;

  leash_mkdir (files->ctx, path, 0755, &error);
  g_assert_no_error (error);
}

G_GNUC_UNUSED static void
files_symlink (Files *files, const char *target, const char *name)
{
  g_autofree char *path = files_path (files, name);
  g_autoptr (GError) error = NULL;

  leash_symlink (files->ctx, target, path, &error);
  g_assert_no_error (error);
}

/* Makes a file of the text, and the other way round. */
G_GNUC_UNUSED static void
files_write (Files *files, const char *name, const char *text)
{
  g_autofree char *path = files_path (files, name);
  g_autoptr (LeashFile) file = NULL;
  g_autoptr (GError) error = NULL;

  file = leash_open (files->ctx, path, LEASH_OPEN_WRITE | LEASH_OPEN_CREATE | LEASH_OPEN_TRUNCATE, 0644,
                     &error);
  g_assert_no_error (error);
  g_assert_cmpint (leash_file_write (file, files->ctx, text, strlen (text), &error), ==,
                   (gssize) strlen (text));
  g_assert_true (leash_file_close (file, &error));
}

G_GNUC_UNUSED static char *
files_read (Files *files, const char *name)
{
  g_autofree char *path = files_path (files, name);
  g_autoptr (LeashFile) file = NULL;
  g_autoptr (GError) error = NULL;
  char text[4096];
  gssize n;

  file = leash_open (files->ctx, path, LEASH_OPEN_READ, 0, &error);
  g_assert_no_error (error);
  n = leash_file_read (file, files->ctx, text, sizeof text, &error);
  g_assert_no_error (error);
  g_assert_cmpint (n, <, sizeof text);
  return g_strndup (text, (gsize) n);
}

#define files_assert_content(files, name, text)               \
  G_STMT_START                                                \
  {                                                           \
    g_autofree char *content_ = files_read ((files), (name)); \
    g_assert_cmpstr (content_, ==, (text));                   \
  }                                                           \
  G_STMT_END

G_GNUC_UNUSED static LeashStat
files_lstat (Files *files, const char *name)
{
  g_autofree char *path = files_path (files, name);
  g_autoptr (GError) error = NULL;
  LeashStat stat;

  leash_lstat (files->ctx, path, &stat, &error);
  g_assert_no_error (error);
  return stat;
}

G_GNUC_UNUSED static gboolean
files_is_there (Files *files, const char *name)
{
  g_autofree char *path = files_path (files, name);
  LeashStat stat;

  return leash_lstat (files->ctx, path, &stat, NULL);
}

G_GNUC_UNUSED static int
compare_names (gconstpointer a, gconstpointer b)
{
  return strcmp (*(char *const *) a, *(char *const *) b);
}

/* The names in a directory, sorted, with spaces between. */
G_GNUC_UNUSED static char *
files_list (Files *files, const char *name)
{
  g_autofree char *path = files_path (files, name);
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (LeashDir) dir = NULL;
  g_autoptr (GError) error = NULL;
  const LeashDirEntry *entry;

  dir = leash_open_dir (files->ctx, path, &error);
  g_assert_no_error (error);
  while (leash_dir_next (dir, files->ctx, &entry, &error))
    g_ptr_array_add (names, g_strdup (entry->name));
  g_assert_no_error (error);
  g_ptr_array_sort (names, compare_names);
  g_ptr_array_add (names, NULL);
  return g_strjoinv (" ", (char **) names->pdata);
}

#define files_assert_list(files, name, list)               \
  G_STMT_START                                             \
  {                                                        \
    g_autofree char *list_ = files_list ((files), (name)); \
    g_assert_cmpstr (list_, ==, (list));                   \
  }                                                        \
  G_STMT_END

/* Makes directories within one another, without paths that would become too long, and a file in the last. */
G_GNUC_UNUSED static void
files_make_deep (Files *files, const char *top, const char *name, guint depth)
{
  g_autofree char *path = path_of (&files->base, top);
  int at;

  g_assert_cmpint (mkdir (path, 0755), ==, 0);
  at = open (path, O_RDONLY | O_DIRECTORY);
  for (guint i = 0; i < depth; i++)
    {
      int next;

      g_assert_cmpint (mkdirat (at, name, 0755), ==, 0);
      next = openat (at, name, O_RDONLY | O_DIRECTORY);
      g_assert_cmpint (next, >=, 0);
      close (at);
      at = next;
    }
  close (openat (at, "file", O_WRONLY | O_CREAT, 0644));
  close (at);
}

/* Gives up what root may do, so that permissions count, and takes it back. */
G_GNUC_UNUSED static void
files_set_root (gboolean root)
{
  if (getuid () == 0)
    g_assert_cmpint (seteuid (root ? 0 : 65534), ==, 0);
}
