/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is done with whole files and trees, on the file system that a context carries: written on the
 * interface alone, so that it works on any. Reading a tree is leash-walk.h, patterns are leash-glob.h.
 */
#pragma once

#include <leash/leash-file.h>

G_BEGIN_DECLS

/**
 * LEASH_READ_FILE_LIMIT:
 *
 * How many bytes leash_read_file() reads at most: one GiB.
 */
#define LEASH_READ_FILE_LIMIT ((gsize) 1 << 30)

/**
 * LeashProgress:
 * @n_entries: how many files, directories and links are done
 * @n_bytes: how many bytes of content are done
 * @total_bytes: how many bytes there will have been; 0 where that is not known
 * @path: the last one that something was done with
 *
 * How far something has come that takes long.
 */
typedef struct
{
  guint64 n_entries;
  guint64 n_bytes;
  guint64 total_bytes;
  const char *path;
} LeashProgress;

/**
 * LeashProgressFunc:
 * @progress: how far it has come; valid until the function returns
 * @user_data: what was passed along with the function
 *
 * Is told of progress, in the thread that does the work, which waits meanwhile.
 */
typedef void (*LeashProgressFunc) (const LeashProgress *progress, gpointer user_data);

/**
 * LeashCopyFlags:
 * @LEASH_COPY_OVERWRITE: a file or link that is there is replaced, in one step where the file system can; in
 *   a directory that is there the copy is mixed with what it has
 * @LEASH_COPY_FOLLOW: of a symbolic link, what it leads to is copied; else a link with the same text is made
 * @LEASH_COPY_MODES: permission bits are the same; else those of 0777, with the umask taken off
 * @LEASH_COPY_OWNERS: owner and group are the same
 * @LEASH_COPY_TIMES: the times of access and of change are the same
 * @LEASH_COPY_HARD_LINKS: in a tree, files that are one are one in the copy
 *
 * How files are copied.
 */
typedef enum
{
  LEASH_COPY_OVERWRITE = 1 << 0,
  LEASH_COPY_FOLLOW = 1 << 1,
  LEASH_COPY_MODES = 1 << 2,
  LEASH_COPY_OWNERS = 1 << 3,
  LEASH_COPY_TIMES = 1 << 4,
  LEASH_COPY_HARD_LINKS = 1 << 5
} LeashCopyFlags;

LEASH_AVAILABLE_IN_0_1
GBytes    *leash_read_file       (LeashContext      *ctx,
                                  const char        *path,
                                  GError           **error) G_GNUC_WARN_UNUSED_RESULT;
LEASH_AVAILABLE_IN_0_1
GBytes    *leash_read_file_full  (LeashContext      *ctx,
                                  const char        *path,
                                  gsize              limit,
                                  GError           **error) G_GNUC_WARN_UNUSED_RESULT;
LEASH_AVAILABLE_IN_0_1
gboolean   leash_write_file      (LeashContext      *ctx,
                                  const char        *path,
                                  const void        *content,
                                  gsize              size,
                                  guint              mode,
                                  GError           **error);
LEASH_AVAILABLE_IN_0_1
gboolean   leash_append_file     (LeashContext      *ctx,
                                  const char        *path,
                                  const void        *content,
                                  gsize              size,
                                  guint              mode,
                                  GError           **error);
LEASH_AVAILABLE_IN_0_1
gboolean   leash_copy            (LeashContext      *ctx,
                                  const char        *source,
                                  const char        *target,
                                  LeashCopyFlags     flags,
                                  GError           **error);
LEASH_AVAILABLE_IN_0_1
gboolean   leash_copy_full       (LeashContext      *ctx,
                                  LeashFs           *source_fs,
                                  const char        *source,
                                  LeashFs           *target_fs,
                                  const char        *target,
                                  LeashCopyFlags     flags,
                                  LeashProgressFunc  progress,
                                  gpointer           user_data,
                                  GError           **error);
LEASH_AVAILABLE_IN_0_1
gboolean   leash_copy_tree       (LeashContext      *ctx,
                                  const char        *source,
                                  const char        *target,
                                  LeashCopyFlags     flags,
                                  GError           **error);
LEASH_AVAILABLE_IN_0_1
gboolean   leash_copy_tree_full  (LeashContext      *ctx,
                                  LeashFs           *source_fs,
                                  const char        *source,
                                  LeashFs           *target_fs,
                                  const char        *target,
                                  LeashCopyFlags     flags,
                                  LeashProgressFunc  progress,
                                  gpointer           user_data,
                                  GError           **error);
LEASH_AVAILABLE_IN_0_1
gboolean   leash_exists          (LeashContext      *ctx,
                                  const char        *path,
                                  gboolean          *ret_exists,
                                  GError           **error);
LEASH_AVAILABLE_IN_0_1
gboolean   leash_mkdir_all       (LeashContext      *ctx,
                                  const char        *path,
                                  guint              mode,
                                  GError           **error);

LEASH_AVAILABLE_IN_0_1
gboolean   leash_remove_all      (LeashContext      *ctx,
                                  const char        *path,
                                  GError           **error);
LEASH_AVAILABLE_IN_0_1
gboolean   leash_remove_all_full (LeashContext      *ctx,
                                  const char        *path,
                                  LeashProgressFunc  progress,
                                  gpointer           user_data,
                                  GError           **error);

/* Names that nobody can guess */
LEASH_AVAILABLE_IN_0_1
LeashFile *leash_temp_file       (LeashContext      *ctx,
                                  const char        *dir,
                                  const char        *prefix,
                                  const char        *suffix,
                                  GError           **error) G_GNUC_WARN_UNUSED_RESULT;
LEASH_AVAILABLE_IN_0_1
char      *leash_temp_dir        (LeashContext      *ctx,
                                  const char        *dir,
                                  const char        *prefix,
                                  const char        *suffix,
                                  GError           **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
