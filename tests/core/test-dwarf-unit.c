/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The paths that are shown. The rest of the file is seen at work in test-symbols.c. */
#include "leash-dwarf-unit-private.h"

/* As libdw gives it, where it was compiled, and what is shown. */
static const char *const cases[][3] = {
  { "/home/me/project/build/../src/config.c", "/home/me/project/build", "src/config.c" },
  { "/home/me/project/build/deep/../../src/config.c", "/home/me/project/build/deep", "src/config.c" },
  { "/home/me/project/src/config.c", "/home/me/project", "src/config.c" },
  { "/home/me/project/./config.c", "/home/me/project", "config.c" },
  { "/home/me/project/src/config.c", "/home/me/project/build", "/home/me/project/src/config.c" },
  { "/usr/include/stdio.h", "/home/me/project", "/usr/include/stdio.h" },
  { "/home/me/project2/config.c", "/home/me/project", "/home/me/project2/config.c" },
  { "./csu/../sysdeps/start.c", "./csu", "sysdeps/start.c" },
  { "./stdio-common/printf.c", "./stdio-common", "stdio-common/printf.c" },
  { "../src/config.c", NULL, "src/config.c" },
  { "config.c", "", "config.c" },
  { "..", NULL, ".." },
  { "", NULL, "" },
};

static void
test_paths (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    g_assert_cmpstr (leash_dwarf_shorten_path (cases[i][0], cases[i][1]), ==, cases[i][2]);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/dwarf-unit/paths-as-the-compiler-was-given-them", test_paths);
  return g_test_run ();
}
