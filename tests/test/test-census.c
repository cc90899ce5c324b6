/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The census itself; what a user sees of it is in test-test.c. */
#include "leash-census-private.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "leash-own-fd-private.h"

static guint
count_new_fds (LeashCensus *before)
{
  g_autoptr (LeashCensus) after = leash_census_new ();
  g_autoptr (GPtrArray) list = leash_census_list_new_fds (before, after);

  return list->len;
}

static void
test_nothing_new (void)
{
  g_autoptr (LeashCensus) before = leash_census_new ();
  g_autoptr (LeashCensus) after = leash_census_new ();
  g_autoptr (GPtrArray) fds = leash_census_list_new_fds (before, after);
  g_autoptr (GPtrArray) threads = leash_census_list_new_threads (before, after);

  g_assert_cmpuint (fds->len, ==, 0);
  g_assert_cmpuint (threads->len, ==, 0);
}

static void
test_closed_is_not_new (void)
{
  int fd = open ("/dev/null", O_RDONLY);
  g_autoptr (LeashCensus) before = leash_census_new ();

  close (fd);
  g_assert_cmpuint (count_new_fds (before), ==, 0);
}

static void
test_words (void)
{
  g_autoptr (LeashCensus) before = leash_census_new ();
  int fd = open ("/dev/null", O_RDONLY);
  g_autoptr (LeashCensus) after = leash_census_new ();
  g_autoptr (GPtrArray) list = NULL;
  g_autofree char *expected = g_strdup_printf ("fd %d: device /dev/null", fd);

  /* What is listed is what was there when it was counted. */
  close (fd);
  list = leash_census_list_new_fds (before, after);
  g_assert_cmpuint (list->len, ==, 1);
  g_assert_cmpstr (g_ptr_array_index (list, 0), ==, expected);
}

static void
test_own_fd (void)
{
  g_autoptr (LeashCensus) before = leash_census_new ();
  int fd = open ("/dev/null", O_RDONLY);

  leash_own_fd_add (fd);
  g_assert_cmpuint (count_new_fds (before), ==, 0);
  leash_own_fd_remove (fd);
  g_assert_cmpuint (count_new_fds (before), ==, 1);
  close (fd);
}

static void
test_forgotten_fd (void)
{
  g_autoptr (LeashCensus) before = leash_census_new ();
  int fd = open ("/dev/null", O_RDONLY);
  g_autoptr (LeashCensus) after = leash_census_new ();
  g_autoptr (GPtrArray) list = NULL;

  leash_census_forget_fd (after, fd);
  list = leash_census_list_new_fds (before, after);
  g_assert_cmpuint (list->len, ==, 0);
  close (fd);
}

/* As Check has it, and nearly so. */
static int
open_deleted (const char *dir, const char *name)
{
  g_autofree char *path = g_build_filename (dir, name, NULL);
  int fd = open (path, O_RDWR | O_CREAT, 0600);

  g_assert_cmpint (fd, >=, 0);
  g_assert_cmpint (unlink (path), ==, 0);
  return fd;
}

static void
test_file_of_check (void)
{
  g_autofree char *dir = g_dir_make_tmp ("leash-census-XXXXXX", NULL);
  g_autoptr (LeashCensus) before = leash_census_new ();
  int fd = open_deleted (dir, "check_a1B2c3");
  int other;

  g_assert_cmpuint (count_new_fds (before), ==, 0);
  other = open_deleted (dir, "check_up");
  g_assert_cmpuint (count_new_fds (before), ==, 1);
  close (fd);
  close (other);
  g_assert_cmpint (rmdir (dir), ==, 0);
}

/* A regression: such a name could write lines of its own into a test's output. */
static void
test_odd_names (void)
{
  g_autofree char *dir = g_dir_make_tmp ("leash-census-XXXXXX", NULL);
  g_autoptr (LeashCensus) before = leash_census_new ();
  int fd = open_deleted (dir, "a\nok 1 \033[2J\xff");
  g_autoptr (LeashCensus) after = leash_census_new ();
  g_autoptr (GPtrArray) list = leash_census_list_new_fds (before, after);
  g_autofree char *expected = g_strdup_printf ("fd %d: file %s/a\\nok 1 \\x1b[2J\\xff (deleted)", fd, dir);

  g_assert_cmpuint (list->len, ==, 1);
  g_assert_cmpstr (g_ptr_array_index (list, 0), ==, expected);
  close (fd);
  g_assert_cmpint (rmdir (dir), ==, 0);
}

static gpointer
wait_for_lock (gpointer lock)
{
  g_mutex_lock (lock);
  g_mutex_unlock (lock);
  return NULL;
}

/* The thread names itself, a moment after it has started. A sanitizer may have started one of its own beside
 * it. */
static const char *
wait_for_thread (LeashCensus *before, LeashCensus **after, GPtrArray **list, const char *name)
{
  for (guint tries = 0; tries < 10000; tries++)
    {
      g_clear_pointer (after, leash_census_free);
      g_clear_pointer (list, g_ptr_array_unref);
      *after = leash_census_new ();
      *list = leash_census_list_new_threads (before, *after);
      for (guint i = 0; i < (*list)->len; i++)
        if (strstr (g_ptr_array_index (*list, i), name) != NULL)
          return g_ptr_array_index (*list, i);
      g_usleep (1000);
    }
  g_error ("no thread is named %s", name);
}

static void
test_thread (void)
{
  g_autoptr (LeashCensus) before = leash_census_new ();
  g_autoptr (LeashCensus) after = NULL;
  g_autoptr (GPtrArray) list = NULL;
  g_autoptr (GPtrArray) none = NULL;
  g_autoptr (GPtrArray) forgotten = NULL;
  const char *line;
  guint n_listed;
  int tid;
  GMutex lock;
  GThread *thread;

  g_mutex_init (&lock);
  g_mutex_lock (&lock);
  thread = g_thread_new ("weaver", wait_for_lock, &lock);
  line = wait_for_thread (before, &after, &list, "\"weaver\"");
  g_assert_cmpint (sscanf (line, "thread %d: \"weaver\"", &tid), ==, 1);

  none = leash_census_list_new_threads (after, after);
  g_assert_cmpuint (none->len, ==, 0);
  n_listed = list->len;
  leash_census_forget_thread (after, tid);
  forgotten = leash_census_list_new_threads (before, after);
  g_assert_cmpuint (forgotten->len, ==, n_listed - 1);

  g_mutex_unlock (&lock);
  g_thread_join (thread);
  g_mutex_clear (&lock);
}

static void
test_free_of_nothing (void)
{
  leash_census_free (NULL);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/census/nothing-new", test_nothing_new);
  g_test_add_func ("/census/closed-is-not-new", test_closed_is_not_new);
  g_test_add_func ("/census/words-are-of-when-it-was-taken", test_words);
  g_test_add_func ("/census/own-descriptors-are-left-out", test_own_fd);
  g_test_add_func ("/census/forgotten-descriptors-are-left-out", test_forgotten_fd);
  g_test_add_func ("/census/file-of-check-is-left-out", test_file_of_check);
  g_test_add_func ("/census/odd-names-stay-on-their-line", test_odd_names);
  g_test_add_func ("/census/thread-is-named-until-forgotten", test_thread);
  g_test_add_func ("/census/free-of-nothing", test_free_of_nothing);
  return g_test_run ();
}
