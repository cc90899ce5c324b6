/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Patterns: as text, and on file systems. */
#include "files-fixture.h"

/* As text */

typedef struct
{
  const char *pattern;
  const char *path;
  gboolean matches;
  LeashGlobFlags flags;
} Match;

static const Match matches[] = {
  { "a", "a", TRUE, 0 },
  { "a", "b", FALSE, 0 },
  { "*", "abc", TRUE, 0 },
  { "*", "a/b", FALSE, 0 },
  { "*", ".a", FALSE, 0 },
  { "*", ".a", TRUE, LEASH_GLOB_HIDDEN },
  { "*", "..", FALSE, LEASH_GLOB_HIDDEN },
  { ".*", ".a", TRUE, 0 },
  { "\\.*", ".a", TRUE, 0 },
  { "[.]a", ".a", FALSE, 0 },
  { "a*c", "abbc", TRUE, 0 },
  { "a*c", "abbd", FALSE, 0 },
  { "*a*b*", "xaxbx", TRUE, 0 },
  { "?", "ä", TRUE, 0 },
  { "?", "\xff", TRUE, 0 },
  { "?", "\xff\xfe", FALSE, 0 },
  { "?", "", FALSE, 0 },
  { "[a-c]x", "bx", TRUE, 0 },
  { "[a-c]x", "dx", FALSE, 0 },
  { "[!a-c]", "d", TRUE, 0 },
  { "[^a-c]", "b", FALSE, 0 },
  { "[]]", "]", TRUE, 0 },
  { "[!]]", "]", FALSE, 0 },
  { "[a-]", "-", TRUE, 0 },
  { "[\\]-_]", "^", TRUE, 0 },
  { "[ä-ö]", "é", TRUE, 0 },
  { "\\*", "*", TRUE, 0 },
  { "\\*", "a", FALSE, 0 },
  { "\\[a]", "[a]", TRUE, 0 },
  { "{a,b}", "{a,b}", TRUE, 0 },
  { "a/*", "a/b", TRUE, 0 },
  { "a//*", "a/b", TRUE, 0 },
  { "a/*/", "a/b/", TRUE, 0 },
  { "a/*/", "a/b", FALSE, 0 },
  { "/a", "a", FALSE, 0 },
  { "/*", "/a", TRUE, 0 },
  { "**", "a/b/c", TRUE, 0 },
  { "**", "a/.b/c", FALSE, 0 },
  { "**", "a/.b/c", TRUE, LEASH_GLOB_HIDDEN },
  { "**/c", "c", TRUE, 0 },
  { "**/c", "a/b/c", TRUE, 0 },
  { "a/**", "a", TRUE, 0 },
  { "a/**/b", "a/b", TRUE, 0 },
  { "a/**/b", "a/x/y/b", TRUE, 0 },
  { "a/**/b/**/c", "a/b/x/b/y/c", TRUE, 0 },
  { "a/**/b", "a/x/y", FALSE, 0 },
  { "**/.b/**/c", "a/.b/x/c", TRUE, 0 },
  { "a**b", "axxb", TRUE, 0 },
  { "a**b", "ax/xb", FALSE, 0 },
};

static void
test_matches (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (matches); i++)
    {
      const Match *match = &matches[i];
      g_autoptr (GError) error = NULL;

      g_test_message ("case %u", i);
      g_assert_cmpint (leash_glob_match (match->pattern, match->path, match->flags, &error), ==,
                       match->matches);
      g_assert_no_error (error);
    }
}

static void
test_faults (void)
{
  static const char *const faults[][2] = {
    { "", "it is empty" },
    { "a[b", "not closed" },
    { "a[b/c]", "not closed" },
    { "[]", "not closed" },
    { "[z-a]", "ends before it begins" },
    { "[[:alpha:]]", "classes of characters" },
    { "a\\", "behind a backslash" },
    { "\\/a", "behind a backslash" },
  };
  g_autoptr (GError) error = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (faults); i++)
    {
      g_assert_false (leash_glob_match (faults[i][0], "x", 0, &error));
      assert_io_error (error, G_IO_ERROR_INVALID_ARGUMENT, "The pattern “", faults[i][1]);
      g_assert_null (leash_glob (leash_context_background (), faults[i][0], 0, &error));
      assert_io_error (error, G_IO_ERROR_INVALID_ARGUMENT, "Finding what matches “", faults[i][1]);
    }
  g_assert_false (leash_glob_match ("a", "a", 1 << 10, &error));
  assert_io_error (error, G_IO_ERROR_INVALID_ARGUMENT, "bits that are not known");
}

/* What would take longer than the universe, were each star tried with each of the others. */
static void
test_many_stars (void)
{
  g_autoptr (GString) stars = g_string_new (NULL);
  g_autoptr (GString) depths = g_string_new (NULL);
  g_autoptr (GString) name = g_string_new (NULL);
  g_autoptr (GString) path = g_string_new (NULL);

  for (guint i = 0; i < 60; i++)
    {
      g_string_append (stars, "*a");
      g_string_append (depths, "**/a/");
      g_string_append (name, "aa");
      g_string_append (path, "a/a/");
    }
  g_string_append (stars, "b");
  g_string_append (depths, "b");
  g_string_append (path, "c");
  g_assert_false (leash_glob_match (stars->str, name->str, 0, NULL));
  g_assert_false (leash_glob_match (depths->str, path->str, 0, NULL));
}

/* On file systems */

static void
build (Files *files)
{
  static const char *const dirs[] = { "src", "src/a", "src/a/deep", "src/.git", "empty" };
  static const char *const names[]
      = { "x.c", "x.h", ".hidden", "src/y.c", "src/a/z.c", "src/a/deep/w.c", "src/.git/config.c" };

  for (guint i = 0; i < G_N_ELEMENTS (dirs); i++)
    files_mkdir (files, dirs[i]);
  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    files_write (files, names[i], "");
  files_symlink (files, "src", "link");
  files_symlink (files, "nowhere", "dangling");
  files_symlink (files, "..", "src/a/up");
}

/* The paths beneath the test's directory, with spaces between. */
static char *
glob (Files *files, const char *pattern, LeashGlobFlags flags)
{
  g_autofree char *full = files->is_host ? path_of (&files->base, pattern) : g_strdup (pattern);
  gsize cut = files->is_host ? strlen (files->base.dir) + 1 : 0;
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) found = leash_glob (files->ctx, full, flags, &error);
  GString *all = g_string_new (NULL);

  g_assert_no_error (error);
  for (guint i = 0; found[i] != NULL; i++)
    g_string_append_printf (all, "%s%s", i > 0 ? " " : "", found[i] + cut);
  return g_string_free (all, FALSE);
}

static void
test_finds (Files *files, gconstpointer kind)
{
  static const struct
  {
    const char *pattern;
    const char *found;
    LeashGlobFlags flags;
  } cases[] = {
    { "*.c", "x.c", 0 },
    { "x.[ch]", "x.c x.h", 0 },
    { "x.c", "x.c", 0 },
    { "none", "", 0 },
    { "none/*", "", 0 },
    { "x.c/*", "", 0 },
    { "*/", "empty/ link/ src/", 0 },
    { "dangling", "dangling", 0 },
    { "dangling/", "", 0 },
    { "*/*.c", "link/y.c src/y.c", 0 },
    { "**/*.c", "src/a/deep/w.c src/a/z.c src/y.c x.c", 0 },
    { "src/**/*.c", "src/.git/config.c src/a/deep/w.c src/a/z.c src/y.c", LEASH_GLOB_HIDDEN },
    { "src/**/deep", "src/a/deep", 0 },
    { "src/**/**/w.c", "src/a/deep/w.c", 0 },
    { "link/**/w.c", "link/a/deep/w.c", 0 },
    { "**/up/*.c", "src/a/up/y.c", 0 },
    { "link/a/*.c", "link/a/z.c", 0 },
    { ".*", ".hidden", 0 },
    { "src/./../x.c", "src/./../x.c", 0 },
    { "empty/**", "empty", 0 },
  };

  build (files);
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *found = glob (files, cases[i].pattern, cases[i].flags);

      g_test_message ("%s", cases[i].pattern);
      g_assert_cmpstr (found, ==, cases[i].found);
    }
}

/* No part looks into a directory twice: else this would take longer than the universe, too. */
static void
test_chain (Files *files, gconstpointer kind)
{
  g_autoptr (GString) pattern = g_string_new ("chain");
  g_autoptr (GString) name = g_string_new ("chain");
  g_autofree char *found = NULL;

  files_mkdir (files, "chain");
  for (guint i = 0; i < 60; i++)
    {
      g_string_append (name, "/a");
      files_mkdir (files, name->str);
      g_string_append (pattern, i % 2 == 0 ? "/**" : "/a");
    }
  g_string_append (pattern, "/none");
  found = glob (files, pattern->str, 0);
  g_assert_cmpstr (found, ==, "");
}

/* Neither by what the pattern says, nor by a link that somebody put into the tree. */
static void
test_stays_beneath (Files *files, gconstpointer kind)
{
  g_autofree char *path = files_path (files, "src");
  g_autoptr (LeashFs) root = NULL;
  g_autoptr (LeashContext) ctx = NULL;
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) found = NULL;

  build (files);
  files_write (files, "empty/outside", "");
  files_symlink (files, "../empty", "src/out");
  root = leash_fs_open_root (leash_context_get_fs (files->ctx), files->ctx, path, 0, &error);
  g_assert_no_error (error);
  ctx = leash_context_with_fs (files->ctx, root);
  found = leash_glob (ctx, "../x.*", LEASH_GLOB_SKIP_ERRORS, &error);
  g_assert_no_error (error);
  g_assert_null (found[0]);
  g_strfreev (found);
  found = leash_glob (ctx, "*/outside", LEASH_GLOB_SKIP_ERRORS, &error);
  g_assert_no_error (error);
  g_assert_null (found[0]);
}

static void
test_cancelled (Files *files, gconstpointer kind)
{
  g_autoptr (LeashContext) ctx = leash_context_with_cancel (files->ctx);
  g_autoptr (GError) error = NULL;

  leash_context_cancel (ctx, NULL);
  g_assert_null (leash_glob (ctx, "*", LEASH_GLOB_SKIP_ERRORS, &error));
  assert_io_error (error, G_IO_ERROR_CANCELLED, "Finding what matches “*”: ");
}

/* A directory that cannot be read is told, or passed over; nothing of it stays open. */
static void
test_errors (Files *files, gconstpointer kind)
{
  g_autoptr (LeashFs) fault = leash_fault_fs_new (leash_context_get_fs (files->ctx));
  g_autoptr (LeashContext) ctx = leash_context_with_fs (files->ctx, fault);
  g_autofree char *pattern = files_path (files, "**/*.c");
  g_auto (GStrv) found = NULL;
  g_autoptr (GError) error = NULL;

  build (files);
  leash_fault_fs_fail_path (fault, LEASH_FS_OP_OPEN_DIR | LEASH_FS_OP_NEXT, "*a", G_IO_ERROR_FAILED);
  g_assert_null (leash_glob (ctx, pattern, 0, &error));
  assert_io_error (error, G_IO_ERROR_FAILED, "Finding what matches “");
  found = leash_glob (ctx, pattern, LEASH_GLOB_SKIP_ERRORS, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (g_strv_length (found), ==, 2);
}

static LeashFs *
sweep_set_up (LeashTest *test, gpointer unused)
{
  LeashFs *fs = leash_memory_fs_new ();
  g_autoptr (LeashContext) ctx = leash_context_with_fs (test->ctx, fs);

  g_assert_true (leash_mkdir_all (ctx, "a/b", 0755, NULL));
  g_assert_true (leash_write_file (ctx, "a/b/c", "", 0, 0644, NULL));
  return fs;
}

static void
glob_once (LeashContext *ctx, gpointer unused)
{
  g_auto (GStrv) found = leash_glob (ctx, "**/b/*", 0, NULL);
}

static void
test_sweep (void)
{
  leash_test_sweep_full (&(LeashSweep){ .func = glob_once, .set_up = sweep_set_up });
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/glob/text/matches", test_matches);
  g_test_add_func ("/glob/text/faults-are-told", test_faults);
  g_test_add_func ("/glob/text/many-stars-take-no-time", test_many_stars);
  files_add ("/glob", "finds", test_finds);
  files_add ("/glob", "no-directory-is-read-twice", test_chain);
  files_add ("/glob", "does-not-leave-a-root", test_stays_beneath);
  files_add ("/glob", "cancelled", test_cancelled);
  files_add ("/glob", "errors-are-told-or-passed-over", test_errors);
  g_test_add_func ("/glob/every-call-fails-once", test_sweep);
  return g_test_run ();
}
