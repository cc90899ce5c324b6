/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The conformance suite: some 150 tests that any LeashFs passes, to what it says it can do.
 *
 * After Go's testing/fstest: part of the product, written on the public interface alone, and a test tells all
 * that it found instead of the first. Each gets a fresh file system from the factory and a tracker of its
 * own; what must be so at its end is in leash-conform-suite.c.
 *
 * What a test begins with is made by the suite: first as a file system that the factory is shown, so that
 * those for reading take part; and where the new one can be written to and has not taken it over, in the new
 * one.
 */
#include "leash-conform-private.h"

#include <leash/leash-fs-conformance.h>

static const ConformTest *const all_tests[] = {
  conform_open_tests,     conform_read_write_tests, conform_dirs_tests,
  conform_paths_tests,    conform_rename_tests,     conform_links_tests,
  conform_metadata_tests, conform_handles_tests,    conform_threads_tests,
};

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
  conform_check_nothing_is_open (c);
}

static void
make_and_run (Conform *c, const ConformCase *self, LeashFs *content)
{
  LeashFsConformanceFactory factory = (LeashFsConformanceFactory) self->subject->factory;
  g_autoptr (GError) error = NULL;
  int n_descriptors = conform_count_descriptors (TRUE);
  LeashFs *fs = factory (content, self->subject->user_data, &error);

  if (fs != NULL)
    run_on (c, self->test, fs);
  else if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED))
    conform_skip (c, "%s", error->message);
  else
    conform_fault (c, "making the file system: expected success, found: %s",
                   error != NULL ? error->message : "nothing, without an error");
  conform_same_number (c, "at the end", "/proc/self/fd", "descriptors", n_descriptors,
                       conform_count_descriptors (TRUE));
}

static void
run_case (const ConformCase *self)
{
  const ConformTest *test = self->test;
  g_autoptr (GError) error = NULL;
  g_autoptr (LeashFs) content = conform_tree_new (test->tree, &error);
  Conform c;

  g_assert_no_error (error);
  /* A tracker comes before descriptors are counted: the first one opens some that stay. */
  conform_init (&c);
  make_and_run (&c, self, content);
  conform_tell (&c);
  conform_clear (&c);
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
  ConformSubject *subject;

  g_return_if_fail (path != NULL && path[0] == '/');
  g_return_if_fail (factory != NULL);

  subject = conform_subject_new (run_case, (ConformFactory) factory, user_data, destroy);
  for (guint i = 0; i < G_N_ELEMENTS (all_tests); i++)
    for (const ConformTest *test = all_tests[i]; test->name != NULL; test++)
      conform_subject_put (subject, test->name, test);
  conform_subject_add (subject, path);
}
