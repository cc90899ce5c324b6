/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Runs a fuzz target over the files of the directory that is given, one TAP test each. */
#include "fuzz.h"

static gboolean
run_file (const char *path)
{
  g_autofree char *content = NULL;
  gsize size;

  if (!g_file_get_contents (path, &content, &size, NULL))
    return FALSE;
  /* A copy of its size, so that a sanitizer sees who reads behind it. */
  {
    g_autofree guint8 *bytes = g_memdup2 (content, size);

    LLVMFuzzerTestOneInput (bytes, size);
  }
  return TRUE;
}

int
main (int argc, char **argv)
{
  g_autoptr (GDir) dir = g_dir_open (argv[argc - 1], 0, NULL);
  const char *name;
  guint n = 0;

  g_assert_nonnull (dir);
  while ((name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *path = g_build_filename (argv[argc - 1], name, NULL);

      g_print ("%sok %u %s\n", run_file (path) ? "" : "not ", ++n, name);
    }
  g_print ("1..%u\n", n);
  return n == 0;
}
