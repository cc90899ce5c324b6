/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What each test of files and connections begins and ends with: a directory of its own, a context with a
 * tracker, and at the end the proof that nothing is open: by the tracker, and by the number of the process's
 * descriptors, which sees what the library itself forgets.
 */
#pragma once

#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <leash/leash.h>

typedef struct
{
  LeashTracker *tracker;
  LeashContext *ctx;
  LeashContext *done; /* cancelled */
  char *dir;
  guint n_fds;     /* at the beginning; 0 when they are not to be counted */
  gsize n_misuses; /* that the test causes; set by it */
} Fixture;

G_GNUC_UNUSED static guint
count_fds_once (void)
{
  DIR *stream = opendir ("/proc/self/fd");
  guint n = 0;

  g_assert_nonnull (stream);
  while (readdir (stream) != NULL)
    n++;
  closedir (stream);
  return n;
}

/*
 * Until it is twice the same: a thread that has just ended frees its memory, and the C library opens a file for a moment
 * to find out how.
 */
G_GNUC_UNUSED static guint
count_fds (void)
{
  guint n = count_fds_once (), before;

  do
    {
      before = n;
      g_usleep (500);
      n = count_fds_once ();
    }
  while (n != before);
  return n;
}

G_GNUC_UNUSED static int
remove_entry (const char *path, const struct stat *found, int type, struct FTW *where)
{
  return remove (path);
}

G_GNUC_UNUSED static void
remove_tree (const char *path)
{
  g_assert_cmpint (nftw (path, remove_entry, 32, FTW_DEPTH | FTW_PHYS), ==, 0);
}

G_GNUC_UNUSED static void
set_up (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *dir = g_dir_make_tmp ("leash-test-XXXXXX", &error);

  g_assert_no_error (error);
  fixture->dir = realpath (dir, NULL);
  fixture->tracker = leash_tracker_new ();
  fixture->ctx = leash_context_with_tracker (leash_context_background (), fixture->tracker);
  fixture->done = leash_context_with_cancel (leash_context_background ());
  leash_context_cancel (fixture->done, NULL);
  fixture->n_fds = count_fds ();
}

G_GNUC_UNUSED static void
tear_down (Fixture *fixture, gconstpointer unused)
{
  if (fixture->n_fds != 0)
    g_assert_cmpuint (count_fds (), ==, fixture->n_fds);
  /* The timers' thread may be about to put away a context whose deadline has just ended the test's wait. */
  for (guint i = 0; i < 10000 && leash_tracker_count_open (fixture->tracker) != 0; i++)
    g_usleep (1000);
  g_assert_cmpuint (leash_tracker_count_open (fixture->tracker), ==, 0);
  if (leash_has_tracking ())
    g_assert_cmpuint (leash_tracker_count_misuses (fixture->tracker), ==, fixture->n_misuses);
  leash_context_unref (fixture->done);
  leash_context_unref (fixture->ctx);
  leash_tracker_unref (fixture->tracker);
  remove_tree (fixture->dir);
  free (fixture->dir);
}

#define ADD(path, func) g_test_add (path, Fixture, NULL, set_up, func, tear_down)

/* The path of name in the test's directory. */
G_GNUC_UNUSED static char *
path_of (Fixture *fixture, const char *name)
{
  return g_build_filename (fixture->dir, name, NULL);
}

/* Fails unless the error has the code, and its message has every one of the pieces. Clears it. */
#define assert_io_error(error, code, ...)                               \
  G_STMT_START                                                          \
  {                                                                     \
    const char *const pieces_[] = { __VA_ARGS__, NULL };                \
                                                                        \
    g_assert_error ((error), G_IO_ERROR, (code));                       \
    for (guint i_ = 0; pieces_[i_] != NULL; i_++)                       \
      if (strstr ((error)->message, pieces_[i_]) == NULL)               \
        g_error ("“%s” is not in “%s”", pieces_[i_], (error)->message); \
    g_clear_error (&(error));                                           \
  }                                                                     \
  G_STMT_END

/* What the library says of a NULL argument. */
#define expect_critical(call, argument) \
  g_test_expect_message ("Leash", G_LOG_LEVEL_CRITICAL, "*" call "*" argument "*failed*")

#define assert_expected() g_test_assert_expected_messages ()
