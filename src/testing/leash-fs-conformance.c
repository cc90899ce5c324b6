/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The conformance suite: some 150 tests that any LeashFs passes, to what it says it can do.
 *
 * After Go's testing/fstest: part of the product, written on the public interface alone, and a test tells all
 * that it found instead of the first. Each gets a fresh file system from the factory and a tracker of its
 * own. At its end nothing may be open, by the tracker and by the number of the process's descriptors, and
 * nothing may have been misused but what the test misuses on purpose.
 *
 * What a test begins with is made by the suite: first as a file system that the factory is shown, so that
 * those for reading take part; and where the new one can be written to and has not taken it over, in the new
 * one.
 */
#include "leash-conform-private.h"

#include <leash/leash-fs-conformance.h>

#include <dirent.h>

typedef struct _Subject Subject;

typedef struct
{
  Subject *subject;
  const ConformTest *test;
} Case;

/* What is added under one path. */
struct _Subject
{
  gint n_left; /* of its tests, which were not run yet */
  LeashFsConformanceFactory factory;
  gpointer user_data;
  GDestroyNotify destroy;
  GArray *cases; /* of Case, owned */
};

/* GLib frees what a test was added with only when it has run: what belongs to others is found here by those
 * who look for leaked memory. */
static GSList *subjects;

static const ConformTest *const all_tests[] = {
  conform_open_tests,     conform_read_write_tests, conform_dirs_tests,
  conform_paths_tests,    conform_rename_tests,     conform_links_tests,
  conform_metadata_tests, conform_handles_tests,    conform_threads_tests,
};

static void
case_free (gpointer data)
{
  Subject *subject = ((Case *) data)->subject;

  if (--subject->n_left > 0)
    return;
  if (subject->destroy != NULL)
    subject->destroy (subject->user_data);
  subjects = g_slist_remove (subjects, subject);
  g_array_unref (subject->cases);
  g_free (subject);
}

/* -1 where the system does not tell. */
static int
count_descriptors (void)
{
  DIR *stream = opendir ("/proc/self/fd");
  int n = -1;

  if (stream == NULL)
    return -1;
  while (readdir (stream) != NULL)
    n++;
  closedir (stream);
  return n;
}

static void
conform_init (Conform *c)
{
  *c = (Conform){ .tracker = leash_tracker_new () };
  c->ctx = leash_context_with_tracker (leash_context_background (), c->tracker);
  pthread_mutex_init (&c->lock, NULL);
  c->faults = g_ptr_array_new_with_free_func (g_free);
}

static void
conform_clear (Conform *c)
{
  leash_context_unref (c->ctx);
  leash_tracker_unref (c->tracker);
  pthread_mutex_destroy (&c->lock);
  g_ptr_array_unref (c->faults);
  g_free (c->skipped);
}

/* Puts into the file system what the test begins with, unless it shows it already. */
static void
put_tree (Conform *c, const char *tree)
{
  g_autoptr (GError) error = NULL;

  if (tree == NULL || conform_tree_is_there (c->fs, c->ctx, tree)
      || !conform_needs (c, LEASH_FS_FEATURE_WRITE))
    return;
  if (conform_tree_build (c->fs, c->ctx, tree, &error))
    return;
  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED))
    conform_skip (c, "it cannot hold what the test begins with: %s", error->message);
  else
    conform_fault (c, "making what the test begins with: %s", error->message);
}

static void
check_nothing_is_open (Conform *c)
{
  g_autoptr (GError) error = NULL;
  gsize n_misuses = leash_tracker_count_misuses (c->tracker);

  if (leash_has_tracking () && n_misuses != c->n_misuses)
    {
      g_autofree char *report = leash_tracker_report (c->tracker, LEASH_FORMAT_TEXT);

      conform_fault (c, "at the end: expected %" G_GSIZE_FORMAT " misuses, found %" G_GSIZE_FORMAT ":\n%s",
                     c->n_misuses, n_misuses, report);
    }
  if (leash_tracker_count_open (c->tracker) == 0)
    return;
  leash_tracker_check (c->tracker, &error);
  conform_fault (c, "at the end: expected nothing to be open, found:\n%s",
                 error != NULL ? leash_error_get_report (error) : "something");
}

static void
tell (Conform *c)
{
  const char *first = c->faults->len > 0 ? g_ptr_array_index (c->faults, 0) : NULL;
  guint n = 0;

  while (n < c->faults->len && g_ptr_array_index (c->faults, n) != NULL)
    g_test_message ("%s", (char *) g_ptr_array_index (c->faults, n++));
  if (n < c->faults->len)
    g_test_message ("and %u more", c->faults->len - n);
  if (first != NULL)
    g_test_fail_printf ("%u faults, the first: %.*s", c->faults->len, (int) strcspn (first, "\n"), first);
  else if (c->skipped != NULL)
    g_test_skip (c->skipped);
}

/* Takes the file system over. */
static void
run_on (Conform *c, const ConformTest *test, LeashFs *fs)
{
  c->fs = fs;
  c->ops = leash_fs_get_ops (fs);
  c->features = leash_fs_get_features (fs);
  if (conform_needs (c, test->features))
    put_tree (c, test->tree);
  if (!conform_is_skipped (c))
    test->run (c);
  g_object_unref (fs);
  check_nothing_is_open (c);
}

static void
make_and_run (Conform *c, const Case *self, LeashFs *content)
{
  g_autoptr (GError) error = NULL;
  int n_descriptors = count_descriptors ();
  LeashFs *fs = self->subject->factory (content, self->subject->user_data, &error);

  if (fs != NULL)
    run_on (c, self->test, fs);
  else if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED))
    conform_skip (c, "%s", error->message);
  else
    conform_fault (c, "making the file system: expected success, found: %s",
                   error != NULL ? error->message : "nothing, without an error");
  conform_same_number (c, "at the end", "/proc/self/fd", "descriptors", n_descriptors, count_descriptors ());
}

static void
run_case (gconstpointer data)
{
  const Case *self = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (LeashFs) content = conform_tree_new (self->test->tree, &error);
  Conform c;

  g_assert_no_error (error);
  /* A tracker comes before descriptors are counted: the first one opens some that stay. */
  conform_init (&c);
  make_and_run (&c, self, content);
  tell (&c);
  conform_clear (&c);
}

static void
add_case (const char *path, Case *self)
{
  g_autofree char *name = g_strconcat (path, "/", self->test->name, NULL);

  self->subject->n_left++;
  g_test_add_data_func_full (name, self, run_case, case_free);
}

/**
 * leash_fs_conformance_add:
 * @path: where the tests are, in the tree of GLib's tests: "/my-fs"
 * @factory: makes the file system for one test
 *
 * Adds the tests that every #LeashFs passes to those that g_test_run() runs, as `PATH/rename/file-over-file`
 * and the like. What a file system says it does not have (leash_fs_get_ops(), leash_fs_get_features()) is
 * skipped.
 *
 * Since: 0.1
 */
void
leash_fs_conformance_add (const char *path, LeashFsConformanceFactory factory)
{
  leash_fs_conformance_add_full (path, factory, NULL, NULL);
}

/**
 * leash_fs_conformance_add_full:
 * @path: where the tests are, in the tree of GLib's tests
 * @factory: makes the file system for one test
 * @user_data: what @factory is called with
 * @destroy: (nullable): frees @user_data, after the tests
 *
 * As leash_fs_conformance_add(), with something for the factory to work with.
 *
 * Since: 0.1
 */
void
leash_fs_conformance_add_full (const char *path, LeashFsConformanceFactory factory, gpointer user_data,
                               GDestroyNotify destroy)
{
  Subject *subject;

  g_return_if_fail (path != NULL && path[0] == '/');
  g_return_if_fail (factory != NULL);

  subject = g_new (Subject, 1);
  *subject = (Subject){ 0, factory, user_data, destroy, g_array_new (FALSE, FALSE, sizeof (Case)) };
  subjects = g_slist_prepend (subjects, subject);
  for (guint i = 0; i < G_N_ELEMENTS (all_tests); i++)
    for (const ConformTest *test = all_tests[i]; test->name != NULL; test++)
      g_array_append_val (subject->cases, ((Case){ subject, test }));
  for (guint i = 0; i < subject->cases->len; i++)
    add_case (path, &g_array_index (subject->cases, Case, i));
}
