/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Paths as text. */
#include "fs-fixture.h"

static void
test_clean (void)
{
  /* Go's own examples, and more. */
  static const char *const pairs[][2] = {
    { "", "." },
    { "abc", "abc" },
    { "abc/def", "abc/def" },
    { "a/b/c", "a/b/c" },
    { ".", "." },
    { "..", ".." },
    { "../..", "../.." },
    { "../../abc", "../../abc" },
    { "/abc", "/abc" },
    { "/", "/" },
    { "abc/", "abc" },
    { "abc/def/", "abc/def" },
    { "./", "." },
    { "../", ".." },
    { "../../", "../.." },
    { "/abc/", "/abc" },
    { "abc//def//ghi", "abc/def/ghi" },
    { "//abc", "/abc" },
    { "///abc", "/abc" },
    { "//abc//", "/abc" },
    { "abc/./def", "abc/def" },
    { "/./abc/def", "/abc/def" },
    { "abc/.", "abc" },
    { "abc/def/ghi/../jkl", "abc/def/jkl" },
    { "abc/def/../ghi/../jkl", "abc/jkl" },
    { "abc/def/..", "abc" },
    { "abc/def/../..", "." },
    { "/abc/def/../..", "/" },
    { "abc/def/../../..", ".." },
    { "/abc/def/../../..", "/" },
    { "abc/def/../../../ghi/jkl/../../../mno", "../../mno" },
    { "/../abc", "/abc" },
    { "abc/./../def", "def" },
    { "abc//./../def", "def" },
    { "abc/../../././../def", "../../def" },
    { "..a/b", "..a/b" },
    { "a../..", "." },
    { "a/..b/..", "a" },
    { ".../x", ".../x" },
    { "\xff/../\xfe", "\xfe" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (pairs); i++)
    {
      g_autofree char *clean = leash_path_clean (pairs[i][0]);
      g_autofree char *again = leash_path_clean (clean);

      g_assert_cmpstr (clean, ==, pairs[i][1]);
      g_assert_cmpstr (again, ==, clean);
    }
}

static void
test_null (void)
{
  expect_critical ("leash_path_clean", "path != NULL");
  g_assert_null (leash_path_clean (NULL));
  assert_expected ();
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/fs/path/clean", test_clean);
  g_test_add_func ("/fs/path/null-argument-is-named", test_null);
  return g_test_run ();
}
