/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A test may leave anything in its directory: trees that it may not write to, links that lead out. The walk
 * is by fts, which shows a directory before it reads it, so that permissions can be mended first (nftw()
 * reads first), and physical, so that links are removed and never followed. It keeps the process's working
 * directory, which is not the test's alone.
 */
#include "leash-test-private.h"

#include <errno.h>
#include <fts.h>
#include <sys/stat.h>
#include <unistd.h>

/* Returns 0 or an errno. */
static int
remove_entry (FTSENT *entry)
{
  switch (entry->fts_info)
    {
    case FTS_D:
      return (entry->fts_statp->st_mode & S_IRWXU) == S_IRWXU || chmod (entry->fts_accpath, S_IRWXU) == 0
                 ? 0
                 : errno;
    case FTS_DP:
      return rmdir (entry->fts_accpath) == 0 ? 0 : errno;
    case FTS_DNR:
    case FTS_ERR:
    case FTS_NS:
      return entry->fts_errno;
    default:
      return unlink (entry->fts_accpath) == 0 ? 0 : errno;
    }
}

gboolean
leash_test_remove_dir (const char *path, GError **error)
{
  char *const roots[] = { (char *) path, NULL };
  FTS *walk = fts_open (roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
  FTSENT *entry;
  int failed = walk == NULL ? errno : 0;

  while (walk != NULL && (entry = fts_read (walk)) != NULL)
    {
      int failed_here = remove_entry (entry);

      /* What is gone already is as it should be; the first failure tells most. */
      if (failed == 0 && failed_here != ENOENT)
        failed = failed_here;
    }
  if (walk != NULL)
    fts_close (walk);
  if (failed != 0)
    g_set_error (error, G_FILE_ERROR, (gint) g_file_error_from_errno (failed),
                 "removing the test's directory %s: %s", path, g_strerror (failed));
  return failed == 0;
}
