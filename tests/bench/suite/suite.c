/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A program as a suite of tests runs: it opens, reads and closes a file again and again, parses what it read,
 * and leaks one. `suite leash N` opens through Leash, in a LeashTest; `suite plain N` by the system's calls.
 * `against` runs the one as it is and the other under what finds leaked descriptors today.
 */
#include <fcntl.h>
#include <leash/leash.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char path[] = "/etc/passwd";

/* What a test does beside opening: some work on what it read.
 */
static guint
parse (const char *text, gsize length)
{
  guint hash = 5381;

  for (gsize i = 0; i < length; i++)
    hash = hash * 33 + (guchar) text[i];
  return hash;
}

static guint
read_plain (guint n)
{
  char text[4096];
  guint sum = 0;

  for (guint i = 0; i < n; i++)
    {
      int fd = open (path, O_RDONLY | O_CLOEXEC);
      gssize length = read (fd, text, sizeof text);

      sum += parse (text, length > 0 ? (gsize) length : 0);
      if (i > 0)
        close (fd);
    }
  return sum;
}

static guint
read_through_leash (LeashContext *ctx, guint n)
{
  char text[4096];
  guint sum = 0;

  for (guint i = 0; i < n; i++)
    {
      LeashFile *file = leash_open (ctx, path, LEASH_OPEN_READ, 0, NULL);
      gssize length = leash_file_read (file, ctx, text, sizeof text, NULL);

      sum += parse (text, length > 0 ? (gsize) length : 0);
      if (i > 0)
        leash_file_unref (file);
    }
  return sum;
}

int
main (int argc, char **argv)
{
  guint n = argc > 2 ? (guint) atoi (argv[2]) : 1000;
  LeashTest test;
  GError *error = NULL;

  if (argc > 1 && strcmp (argv[1], "plain") == 0)
    return read_plain (n) == 0;
  test = leash_test_begin ();
  if (read_through_leash (test.ctx, n) == 0) /* or what is read would not be parsed */
    return EXIT_FAILURE;
  if (leash_test_finish (&test, &error))
    return EXIT_FAILURE;
  g_printerr ("%s", leash_error_get_report (error));
  g_error_free (error);
  return EXIT_SUCCESS;
}
