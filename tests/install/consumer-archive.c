/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A program outside the project that reads a file of an archive: consumer-archive ARCHIVE FILE prints it. */
#include <leash/leash-archive-fs.h>
#include <leash/leash.h>

#include <stdio.h>

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  LeashContext *ctx = leash_context_background ();
  g_autoptr (LeashFs) fs = leash_archive_fs_new (ctx, argc > 2 ? argv[1] : "", NULL, &error);
  g_autoptr (LeashFile) file = NULL;
  char text[100];
  gssize n = -1;

  if (fs != NULL)
    file = leash_fs_open (fs, ctx, argv[2], LEASH_OPEN_READ, 0, &error);
  if (file != NULL)
    n = leash_file_read (file, ctx, text, sizeof text, &error);
  if (n < 0)
    fprintf (stderr, "%s\n", error->message);
  else
    fwrite (text, 1, (size_t) n, stdout);
  return n < 0;
}
