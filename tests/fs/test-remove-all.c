/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* leash_remove_all(), also against somebody who puts links into the tree meanwhile. */
#include <pthread.h>
#include <sys/resource.h>

#include "files-fixture.h"

static gboolean
remove_all (Files *files, const char *name, GError **error)
{
  g_autofree char *path = files_path (files, name);

  return leash_remove_all (files->ctx, path, error);
}

static void
make_tree (Files *files)
{
  files_mkdir (files, "top");
  files_mkdir (files, "top/a");
  files_mkdir (files, "top/a/b");
  files_mkdir (files, "outside");
  files_write (files, "top/a/b/file", "");
  files_write (files, "top/a/\xff\n", "");
  files_write (files, "top/.hidden", "");
  files_write (files, "outside/file", "kept");
  files_symlink (files, "../outside", "top/link");
  files_symlink (files, "nowhere", "top/dangling");
}

static void
test_tree (Files *files, gconstpointer kind)
{
  g_autoptr (GError) error = NULL;

  make_tree (files);
  g_assert_true (remove_all (files, "top", &error));
  g_assert_no_error (error);
  files_assert_list (files, "", "outside");
  files_assert_content (files, "outside/file", "kept");
  /* It is not there any more, and that is no error; nor is a directory above that is missing. */
  g_assert_true (remove_all (files, "top", &error));
  g_assert_true (remove_all (files, "top/a/b", &error));
  g_assert_no_error (error);
}

static void
test_other_than_trees (Files *files, gconstpointer kind)
{
  g_autoptr (GError) error = NULL;

  make_tree (files);
  files_write (files, "file", "");
  files_symlink (files, "outside", "link");
  files_mkdir (files, "empty");
  g_assert_true (remove_all (files, "file", &error));
  g_assert_true (remove_all (files, "empty", &error));
  g_assert_false (remove_all (files, "link/", &error));
  assert_io_error (error, G_IO_ERROR_NOT_DIRECTORY, "Removing all of “", "link/”: Removing “");
  g_assert_true (remove_all (files, "link", &error));
  g_assert_true (remove_all (files, "top///", &error));
  g_assert_no_error (error);
  files_assert_list (files, "", "outside");
  files_assert_content (files, "outside/file", "kept");
}

static void
test_refuses (Files *files, gconstpointer kind)
{
  static const char *const names[] = { ".", "..", "top/.", "top/..", "top/a/../", "top/a/..//" };
  g_autoptr (GError) error = NULL;

  make_tree (files);
  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_assert_false (remove_all (files, names[i], &error));
      assert_io_error (error, G_IO_ERROR_INVALID_ARGUMENT, "Removing all of “", "is no name of its own");
    }
  g_assert_false (leash_remove_all (files->ctx, "//", &error));
  assert_io_error (error, G_IO_ERROR_INVALID_ARGUMENT, "Removing all of “//”: “/” is no name");
  g_assert_false (leash_remove_all (files->ctx, "", &error));
  assert_io_error (error, G_IO_ERROR_NOT_FOUND, "Removing all of “”: the path is empty");
  files_write (files, "file", "");
  g_assert_false (remove_all (files, "file/x", &error));
  assert_io_error (error, G_IO_ERROR_NOT_DIRECTORY, "Removing all of “");
  files_assert_list (files, "", "file outside top");
  files_assert_list (files, "top", ".hidden a dangling link");
}

static void
test_not_permitted (Files *files, gconstpointer kind)
{
  static const char *const names[]
      = { "top", "top/closed", "top/closed/in", "top/open", "top/open/in", "top/empty" };
  g_autofree char *closed = path_of (&files->base, "top/closed");
  g_autofree char *empty = path_of (&files->base, "top/empty");
  g_autoptr (GError) error = NULL;

  g_assert_cmpint (chmod (files->base.dir, 0755), ==, 0);
  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autofree char *path = path_of (&files->base, names[i]);

      files_mkdir (files, names[i]);
      if (getuid () == 0)
        g_assert_cmpint (chown (path, 65534, 65534), ==, 0);
    }
  g_assert_cmpint (chmod (closed, 0), ==, 0);
  g_assert_cmpint (chmod (empty, 0), ==, 0);
  files_set_root (FALSE);
  g_assert_false (remove_all (files, "top", &error));
  files_set_root (TRUE);
  assert_io_error (error, G_IO_ERROR_PERMISSION_DENIED, "Removing all of “",
                   "after 3 entries: ", "Opening the directory “");
  files_assert_list (files, "top", "closed");
  g_assert_cmpint (chmod (closed, 0755), ==, 0);
}

static void
test_deep (Files *files, gconstpointer kind)
{
  g_autoptr (GError) error = NULL;
  struct rlimit limit;
  struct rlimit few;

  /* Of one letter: the longest way for the number of directories. */
  files_make_deep (files, "deep", "d", 2500);
  g_assert_cmpint (getrlimit (RLIMIT_NOFILE, &limit), ==, 0);
  few = (struct rlimit){ files->base.n_fds + 50, limit.rlim_max };
  g_assert_cmpint (setrlimit (RLIMIT_NOFILE, &few), ==, 0);
  remove_all (files, "deep", &error);
  g_assert_cmpint (setrlimit (RLIMIT_NOFILE, &limit), ==, 0);
  g_assert_no_error (error);
  files_assert_list (files, "", "");
}

typedef struct
{
  LeashContext *cancel;
  guint64 n;
  guint64 at;
} Told;

static void
tell (const LeashProgress *progress, gpointer user_data)
{
  Told *told = user_data;

  g_assert_cmpuint (progress->n_entries, ==, ++told->n);
  g_assert_nonnull (progress->path);
  if (told->n == told->at)
    leash_context_cancel (told->cancel, NULL);
}

static void
test_progress (Files *files, gconstpointer kind)
{
  g_autofree char *top = files_path (files, "top");
  g_autoptr (LeashContext) ctx = leash_context_with_cancel (files->ctx);
  Told told = { .cancel = ctx, .at = 3 };
  g_autoptr (GError) error = NULL;

  make_tree (files);
  g_assert_false (leash_remove_all_full (ctx, top, tell, &told, &error));
  assert_io_error (error, G_IO_ERROR_CANCELLED, "Removing all of “", "top”: after 3 entries: ");
  g_assert_cmpuint (told.n, ==, 3);
  g_assert_true (files_is_there (files, "top"));
  told = (Told){ 0 };
  g_assert_true (leash_remove_all_full (files->ctx, top, tell, &told, &error));
  g_assert_cmpuint (told.n, ==, 8 - 3);
  g_assert_false (files_is_there (files, "top"));
}

/* Somebody who makes “top/dir”, a directory, a link to “outside” and back, as fast as can be. */

typedef struct
{
  char *dir;            /* of the tree */
  char *link;           /* beside it, a link to outside */
  pthread_mutex_t lock; /* held while the two change places, or are made */
  gint ended;           /* atomic */
} Swapper;

static gpointer
swap (gpointer data)
{
  Swapper *swapper = data;

  while (!g_atomic_int_get (&swapper->ended))
    {
      pthread_mutex_lock (&swapper->lock);
      renameat2 (AT_FDCWD, swapper->dir, AT_FDCWD, swapper->link, RENAME_EXCHANGE);
      pthread_mutex_unlock (&swapper->lock);
    }
  return NULL;
}

/* As one would write it: what is a directory is read by its path, and what is in it removed by path. */
static void
remove_naively (const char *path)
{
  struct stat found;
  DIR *dir;
  struct dirent *entry;

  if (lstat (path, &found) != 0)
    return;
  dir = S_ISDIR (found.st_mode) ? opendir (path) : NULL;
  while (dir != NULL && (entry = readdir (dir)) != NULL)
    if (strcmp (entry->d_name, ".") != 0 && strcmp (entry->d_name, "..") != 0)
      {
        g_autofree char *below = g_build_filename (path, entry->d_name, NULL);

        remove_naively (below);
      }
  if (dir != NULL)
    closedir (dir);
  remove (path);
}

static void
remove_well (Files *files, const char *path)
{
  g_autofree char *name = files_path (files, "top");

  /* It may find the directory not empty, because the swapper put something there. */
  leash_remove_all (files->ctx, name, NULL);
}

/* One of the two may be left, under the other's name. */
static void
clear_race (Swapper *swapper, const char *top)
{
  if (unlink (swapper->link) != 0 && access (swapper->link, F_OK) == 0)
    remove_tree (swapper->link);
  if (access (top, F_OK) == 0)
    remove_tree (top);
}

static void
make_race (Files *files, Swapper *swapper, const char *top)
{
  g_autofree char *outside = path_of (&files->base, "outside");

  g_assert_cmpint (mkdir (top, 0755), ==, 0);
  g_assert_cmpint (mkdir (swapper->dir, 0755), ==, 0);
  for (guint i = 0; i < 4; i++)
    {
      g_autofree char *below = g_strdup_printf ("%s/%u", swapper->dir, i);

      close (open (below, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0644));
    }
  g_assert_cmpint (symlink (outside, swapper->link), ==, 0);
}

static guint
count_lost (Files *files)
{
  guint lost = 0;

  for (guint i = 0; i < 4; i++)
    {
      g_autofree char *name = g_strdup_printf ("outside/%u", i);

      lost += !files_is_there (files, name);
    }
  return lost;
}

/* Returns how many files outside of the tree were removed, in n tries or until the first. */
static guint
race (Files *files, guint n, gboolean naive)
{
  Swapper swapper = { .lock = PTHREAD_MUTEX_INITIALIZER };
  g_autofree char *top = path_of (&files->base, "top");
  g_autofree char *dir = swapper.dir = path_of (&files->base, "top/dir");
  g_autofree char *link = swapper.link = path_of (&files->base, "link");
  GThread *thread;

  files_mkdir (files, "outside");
  for (guint i = 0; i < 4; i++)
    {
      g_autofree char *name = g_strdup_printf ("outside/%u", i);

      files_write (files, name, "kept");
    }
  thread = g_thread_new ("swapper", swap, &swapper);
  for (guint i = 0; i < n && count_lost (files) == 0; i++)
    {
      pthread_mutex_lock (&swapper.lock);
      clear_race (&swapper, top);
      make_race (files, &swapper, top);
      pthread_mutex_unlock (&swapper.lock);
      if (naive)
        remove_naively (top);
      else
        remove_well (files, top);
    }
  g_atomic_int_set (&swapper.ended, 1);
  g_thread_join (thread);
  return count_lost (files);
}

static void
test_race (Files *files, gconstpointer kind)
{
  g_assert_cmpuint (race (files, 500, FALSE), ==, 0);
}

/* The race is one: who removes by path is caught. */
static void
test_naive_is_caught (Files *files, gconstpointer kind)
{
  g_assert_cmpuint (race (files, 100000, TRUE), >, 0);
}

static void
test_null_arguments (Files *files, gconstpointer kind)
{
  expect_critical ("leash_remove_all", "ctx != NULL");
  g_assert_false (leash_remove_all (NULL, "a", NULL));
  expect_critical ("leash_remove_all", "path != NULL");
  g_assert_false (leash_remove_all (files->ctx, NULL, NULL));
  expect_critical ("leash_remove_all_full", "path != NULL");
  g_assert_false (leash_remove_all_full (files->ctx, NULL, NULL, NULL, NULL));
  assert_expected ();
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  files_add ("/fs/remove-all", "tree-goes-and-what-links-lead-to-stays", test_tree);
  files_add ("/fs/remove-all", "file-link-and-empty-directory", test_other_than_trees);
  files_add ("/fs/remove-all", "refuses-dots-and-roots", test_refuses);
  files_add_on_disk ("/fs/remove-all", "goes-on-behind-what-is-not-permitted", test_not_permitted);
  files_add_on_disk ("/fs/remove-all", "deep-with-few-descriptors", test_deep);
  files_add ("/fs/remove-all", "progress-and-cancellation", test_progress);
  files_add ("/fs/remove-all", "link-swapped-in-leads-nowhere", test_race);
  g_test_add ("/fs/remove-all/naive-is-caught-by-the-race", Files, &files_kinds[0], files_set_up,
              test_naive_is_caught, files_tear_down);
  files_add ("/fs/remove-all", "null-argument-is-named", test_null_arguments);
  return g_test_run ();
}
