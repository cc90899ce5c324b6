/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the tests of files need beside what all do: files made without Leash. */
#pragma once

#include "../fixture.h"

/* Makes a file with the C library's own means, and returns its path. */
G_GNUC_UNUSED static char *
make_file (Fixture *fixture, const char *name, const char *content)
{
  char *path = path_of (fixture, name);
  FILE *stream = fopen (path, "w");

  g_assert_nonnull (stream);
  g_assert_cmpint (fputs (content, stream), >=, 0);
  g_assert_cmpint (fclose (stream), ==, 0);
  return path;
}

G_GNUC_UNUSED static char *
make_directory (Fixture *fixture, const char *name)
{
  char *path = path_of (fixture, name);

  g_assert_cmpint (mkdir (path, 0755), ==, 0);
  return path;
}

G_GNUC_UNUSED static void
make_link (Fixture *fixture, const char *target, const char *name)
{
  g_autofree char *path = path_of (fixture, name);

  g_assert_cmpint (symlink (target, path), ==, 0);
}

G_GNUC_UNUSED static void
assert_content (const char *path, const char *content)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *found = NULL;

  g_file_get_contents (path, &found, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (found, ==, content);
}
