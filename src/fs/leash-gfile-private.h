/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the parts of the file system over a GFile share: its files are in leash-gfile-file.c. */
#pragma once

#include "leash-fs-private.h"
#include "leash-resolve-private.h"

#define LEASH_GFILE_ATTRIBUTES                                                                      \
  "standard::type,standard::size,unix::mode,unix::nlink,unix::uid,unix::gid,unix::inode,unix::device," \
  "time::access,time::access-nsec,time::modified,time::modified-nsec,time::changed,time::changed-nsec"

/* Takes GIO's error over, in POSIX's words where POSIX has some. Returns FALSE. ctx may be NULL. */
gboolean   leash_gfile_fail    (LeashContext  *ctx,
                                GError        *failure,
                                GError       **error);
/* What LEASH_GFILE_ATTRIBUTES tell. */
void       leash_gfile_to_stat (GFileInfo     *info,
                                LeashStat     *ret_stat);
/* Opens what is there, no directory. */
LeashFile *leash_gfile_open    (GFile         *gfile,
                                LeashContext  *ctx,
                                const char    *path,
                                LeashOpenFlags flags,
                                GError       **error);
/* Returns what a path leads to, also where nothing is there if mode allows that. */
GFile     *leash_gfile_resolve (LeashFs          *fs,
                                LeashContext     *ctx,
                                const char       *path,
                                LeashResolveMode  mode,
                                LeashResolved    *ret_resolved,
                                GError          **error);

/* leash-gfile-change.c */
LeashFile *leash_gfile_fs_open (LeashFs *fs, LeashContext *ctx, const char *path, LeashOpenFlags flags,
                                guint mode, GError **error);
gboolean leash_gfile_fs_mkdir (LeashFs *fs, LeashContext *ctx, const char *path, guint mode, GError **error);
gboolean leash_gfile_fs_remove (LeashFs *fs, LeashContext *ctx, const char *path, GError **error);
gboolean leash_gfile_fs_rename (LeashFs *fs, LeashContext *ctx, const char *old_path, const char *new_path,
                                LeashRenameFlags flags, GError **error);
gboolean leash_gfile_fs_symlink (LeashFs *fs, LeashContext *ctx, const char *target, const char *path,
                                 GError **error);
gboolean leash_gfile_fs_truncate (LeashFs *fs, LeashContext *ctx, const char *path, gint64 length,
                                  GError **error);
gboolean leash_gfile_fs_chmod (LeashFs *fs, LeashContext *ctx, const char *path, guint mode, GError **error);
gboolean leash_gfile_fs_chown (LeashFs *fs, LeashContext *ctx, const char *path, gint64 uid, gint64 gid,
                               LeashPathFlags flags, GError **error);
gboolean leash_gfile_fs_set_times (LeashFs *fs, LeashContext *ctx, const char *path, gint64 atime_ns,
                                   gint64 mtime_ns, LeashPathFlags flags, GError **error);
