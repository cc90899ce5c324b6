/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* leash_path_clean() against the plainest way to do the same: a list of names. */
#include "fuzz.h"

static char *
clean_plainly (const char *path)
{
  g_auto (GStrv) names = g_strsplit (path, "/", -1);
  g_autoptr (GPtrArray) kept = g_ptr_array_new ();
  gboolean is_absolute = path[0] == '/';
  g_autofree char *joined = NULL;

  for (guint i = 0; names[i] != NULL; i++)
    if (names[i][0] == '\0' || strcmp (names[i], ".") == 0)
      continue;
    else if (strcmp (names[i], "..") != 0)
      g_ptr_array_add (kept, names[i]);
    else if (kept->len > 0 && strcmp (kept->pdata[kept->len - 1], "..") != 0)
      g_ptr_array_set_size (kept, (int) kept->len - 1);
    else if (!is_absolute)
      g_ptr_array_add (kept, names[i]);
  g_ptr_array_add (kept, NULL);
  joined = g_strjoinv ("/", (char **) kept->pdata);
  if (is_absolute)
    return g_strconcat ("/", joined, NULL);
  return g_strdup (joined[0] != '\0' ? joined : ".");
}

int
LLVMFuzzerTestOneInput (const guint8 *bytes, gsize size)
{
  g_autofree char *path = size > 0 ? g_strndup ((const char *) bytes, size) : g_strdup ("");
  g_autofree char *clean = leash_path_clean (path);
  g_autofree char *expected = clean_plainly (path);
  g_autofree char *again = leash_path_clean (clean);

  fuzz_assert (strcmp (clean, expected) == 0);
  fuzz_assert (strcmp (again, clean) == 0);
  return 0;
}
