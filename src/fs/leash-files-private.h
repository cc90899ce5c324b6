/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the functions for whole files and trees share. They use the public functions, as a program would. */
#pragma once

#include <leash/leash-files.h>

#include "leash-fs-private.h"

/* The directory that path's last name is in: "a" for "a/b", "." for "b", "/" for "/b". Owned by the caller. */
char      *leash_files_parent     (const char   *path);

/*
 * Makes a file under a name that nobody can guess, in the directory dir. prefix and suffix are parts of
 * the name.
 */
LeashFile *leash_files_make_temp  (LeashFs      *fs,
                                   LeashContext *ctx,
                                   const char   *dir,
                                   const char   *prefix,
                                   const char   *suffix,
                                   guint         mode,
                                   GError      **error);

/* A symbolic link that says text, likewise; returns its path, owned by the caller. */
char      *leash_files_make_temp_link (LeashFs      *fs,
                                       LeashContext *ctx,
                                       const char   *dir,
                                       const char   *text,
                                       GError      **error);

/* All of it, in as many writes as it takes. */
gboolean   leash_files_write_all  (LeashFile    *file,
                                   LeashContext *ctx,
                                   const void   *content,
                                   gsize         size,
                                   GError      **error);

/* Removes what was begun and failed, also when it failed because ctx is done. */
void       leash_files_discard    (LeashFs      *fs,
                                   LeashContext *ctx,
                                   const char   *path);

/* Waits until the names in a directory are on the device, where the file system can. */
gboolean   leash_files_sync_names (LeashFs      *fs,
                                   LeashContext *ctx,
                                   const char   *dir,
                                   GError      **error);

/* Whether both tell of one file. Devices that are known have different numbers, whichever file system tells. */
static inline gboolean
leash_files_is_same (const LeashStat *a, const LeashStat *b)
{
  return a->inode != 0 && a->device != 0 && a->inode == b->inode && a->device == b->device;
}
