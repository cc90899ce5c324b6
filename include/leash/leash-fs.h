/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * LeashFs: a file system. Whoever implements the interface gets tracking for nothing: the functions below
 * check the arguments and the context, call the implementation, and make the tag.
 */
#pragma once

#include <leash/leash-context.h>
#include <leash/leash-fs-types.h>

G_BEGIN_DECLS

#define LEASH_TYPE_FS (leash_fs_get_type ())
#define LEASH_FS(obj) (G_TYPE_CHECK_INSTANCE_CAST ((obj), LEASH_TYPE_FS, LeashFs))
#define LEASH_IS_FS(obj) (G_TYPE_CHECK_INSTANCE_TYPE ((obj), LEASH_TYPE_FS))
#define LEASH_FS_GET_IFACE(obj) (G_TYPE_INSTANCE_GET_INTERFACE ((obj), LEASH_TYPE_FS, LeashFsInterface))

/* The version of LeashFsInterface that this header declares; see its field of that name. */
#define LEASH_FS_INTERFACE_VERSION 1

typedef struct _LeashFsInterface LeashFsInterface;

/**
 * LeashFsInterface:
 * @g_iface: the parent
 * @version: %LEASH_FS_INTERFACE_VERSION of the header that the implementation was compiled with; fields
 *   that came later are not looked at
 * @open: opens a file
 * @open_dir: opens a directory for iteration
 * @stat: tells of a file, following symbolic links
 * @lstat: tells of a file, not following the last symbolic link
 * @mkdir: makes a directory
 * @remove: removes a file or an empty directory
 * @rename: renames, replacing what the new name held unless @flags say otherwise
 * @link: makes a hard link; a symbolic link at the end of @path is linked itself
 * @symlink: makes a symbolic link at @path that holds the text @target
 * @readlink: returns a symbolic link's text
 * @truncate: sets a file's length
 * @chmod: sets the permission bits, following symbolic links
 * @chown: sets owner and group; -1 keeps the one that is
 * @set_times: sets the times of access and of change, in nanoseconds since 1970
 * @statfs: tells of the file system that a path is in
 * @open_root: opens a directory as a file system of its own, which stays that directory whatever it is renamed to
 * @get_ops: tells which operations on paths can succeed at all; %NULL: those that are not %NULL here
 * @get_features: tells what else holds; %NULL: nothing
 *
 * What a file system implements. All but @open may be %NULL: the call then fails with
 * %G_IO_ERROR_NOT_SUPPORTED. Paths are bytes, not empty, with `/` between names; arguments have been checked
 * and the context is not done. An error gives the reason only. Every function may be called from any thread.
 */
struct _LeashFsInterface
{
  GTypeInterface g_iface;
  guint version;

  LeashFile *(*open)     (LeashFs *fs, LeashContext *ctx, const char *path, LeashOpenFlags flags, guint mode,
                          GError **error);
  LeashDir  *(*open_dir) (LeashFs *fs, LeashContext *ctx, const char *path, GError **error);
  gboolean   (*stat)     (LeashFs *fs, LeashContext *ctx, const char *path, LeashStat *ret_stat, GError **error);
  gboolean   (*lstat)    (LeashFs *fs, LeashContext *ctx, const char *path, LeashStat *ret_stat, GError **error);
  gboolean   (*mkdir)    (LeashFs *fs, LeashContext *ctx, const char *path, guint mode, GError **error);
  gboolean   (*remove)   (LeashFs *fs, LeashContext *ctx, const char *path, GError **error);
  gboolean   (*rename)   (LeashFs *fs, LeashContext *ctx, const char *old_path, const char *new_path,
                          LeashRenameFlags flags, GError **error);
  gboolean   (*link)     (LeashFs *fs, LeashContext *ctx, const char *path, const char *new_path, GError **error);
  gboolean   (*symlink)  (LeashFs *fs, LeashContext *ctx, const char *target, const char *path, GError **error);
  char      *(*readlink) (LeashFs *fs, LeashContext *ctx, const char *path, GError **error);
  gboolean   (*truncate) (LeashFs *fs, LeashContext *ctx, const char *path, gint64 length, GError **error);
  gboolean   (*chmod)    (LeashFs *fs, LeashContext *ctx, const char *path, guint mode, GError **error);
  gboolean   (*chown)    (LeashFs *fs, LeashContext *ctx, const char *path, gint64 uid, gint64 gid,
                          LeashPathFlags flags, GError **error);
  gboolean   (*set_times) (LeashFs *fs, LeashContext *ctx, const char *path, gint64 atime_ns, gint64 mtime_ns,
                           LeashPathFlags flags, GError **error);
  gboolean   (*statfs)   (LeashFs *fs, LeashContext *ctx, const char *path, LeashStatFs *ret_stat, GError **error);
  LeashFs   *(*open_root) (LeashFs *fs, LeashContext *ctx, const char *path, LeashPathFlags flags, GError **error);

  LeashFsOps      (*get_ops)      (LeashFs *fs);
  LeashFsFeatures (*get_features) (LeashFs *fs);
};

LEASH_AVAILABLE_IN_0_1
GType         leash_fs_get_type      (void) G_GNUC_CONST;

/* Implementations */
LEASH_AVAILABLE_IN_0_1
LeashFs      *leash_host_fs_new      (void) G_GNUC_WARN_UNUSED_RESULT;
LEASH_AVAILABLE_IN_0_1
LeashFs      *leash_dir_fs_new       (const char      *path,
                                      GError         **error) G_GNUC_WARN_UNUSED_RESULT;

/* In a context */
LEASH_AVAILABLE_IN_0_1
LeashContext *leash_context_with_fs  (LeashContext    *parent,
                                      LeashFs         *fs) G_GNUC_WARN_UNUSED_RESULT;
LEASH_AVAILABLE_IN_0_1
LeashFs      *leash_context_get_fs   (LeashContext    *ctx);

/* On a given file system */
LEASH_AVAILABLE_IN_0_1
LeashFsOps    leash_fs_get_ops        (LeashFs          *fs);
LEASH_AVAILABLE_IN_0_1
LeashFsFeatures leash_fs_get_features (LeashFs          *fs);
LEASH_AVAILABLE_IN_0_1
LeashFile    *leash_fs_open           (LeashFs          *fs,
                                       LeashContext     *ctx,
                                       const char       *path,
                                       LeashOpenFlags    flags,
                                       guint             mode,
                                       GError          **error) G_GNUC_WARN_UNUSED_RESULT;
LEASH_AVAILABLE_IN_0_1
LeashDir     *leash_fs_open_dir       (LeashFs          *fs,
                                       LeashContext     *ctx,
                                       const char       *path,
                                       GError          **error) G_GNUC_WARN_UNUSED_RESULT;
LEASH_AVAILABLE_IN_0_1
gboolean      leash_fs_stat           (LeashFs          *fs,
                                       LeashContext     *ctx,
                                       const char       *path,
                                       LeashStat        *ret_stat,
                                       GError          **error);
LEASH_AVAILABLE_IN_0_1
gboolean      leash_fs_lstat          (LeashFs          *fs,
                                       LeashContext     *ctx,
                                       const char       *path,
                                       LeashStat        *ret_stat,
                                       GError          **error);
LEASH_AVAILABLE_IN_0_1
gboolean      leash_fs_mkdir          (LeashFs          *fs,
                                       LeashContext     *ctx,
                                       const char       *path,
                                       guint             mode,
                                       GError          **error);
LEASH_AVAILABLE_IN_0_1
gboolean      leash_fs_remove         (LeashFs          *fs,
                                       LeashContext     *ctx,
                                       const char       *path,
                                       GError          **error);
LEASH_AVAILABLE_IN_0_1
gboolean      leash_fs_rename         (LeashFs          *fs,
                                       LeashContext     *ctx,
                                       const char       *old_path,
                                       const char       *new_path,
                                       GError          **error);
LEASH_AVAILABLE_IN_0_1
gboolean      leash_fs_rename_full    (LeashFs          *fs,
                                       LeashContext     *ctx,
                                       const char       *old_path,
                                       const char       *new_path,
                                       LeashRenameFlags  flags,
                                       GError          **error);
LEASH_AVAILABLE_IN_0_1
gboolean      leash_fs_link           (LeashFs          *fs,
                                       LeashContext     *ctx,
                                       const char       *path,
                                       const char       *new_path,
                                       GError          **error);
LEASH_AVAILABLE_IN_0_1
gboolean      leash_fs_symlink        (LeashFs          *fs,
                                       LeashContext     *ctx,
                                       const char       *target,
                                       const char       *path,
                                       GError          **error);
LEASH_AVAILABLE_IN_0_1
char         *leash_fs_readlink       (LeashFs          *fs,
                                       LeashContext     *ctx,
                                       const char       *path,
                                       GError          **error) G_GNUC_WARN_UNUSED_RESULT;
LEASH_AVAILABLE_IN_0_1
gboolean      leash_fs_truncate       (LeashFs          *fs,
                                       LeashContext     *ctx,
                                       const char       *path,
                                       gint64            length,
                                       GError          **error);
LEASH_AVAILABLE_IN_0_1
gboolean      leash_fs_chmod          (LeashFs          *fs,
                                       LeashContext     *ctx,
                                       const char       *path,
                                       guint             mode,
                                       GError          **error);
LEASH_AVAILABLE_IN_0_1
gboolean      leash_fs_chown          (LeashFs          *fs,
                                       LeashContext     *ctx,
                                       const char       *path,
                                       gint64            uid,
                                       gint64            gid,
                                       LeashPathFlags    flags,
                                       GError          **error);
LEASH_AVAILABLE_IN_0_1
gboolean      leash_fs_set_times      (LeashFs          *fs,
                                       LeashContext     *ctx,
                                       const char       *path,
                                       gint64            atime_ns,
                                       gint64            mtime_ns,
                                       LeashPathFlags    flags,
                                       GError          **error);
LEASH_AVAILABLE_IN_0_1
gboolean      leash_fs_statfs         (LeashFs          *fs,
                                       LeashContext     *ctx,
                                       const char       *path,
                                       LeashStatFs      *ret_stat,
                                       GError          **error);
LEASH_AVAILABLE_IN_0_1
LeashFs      *leash_fs_open_root      (LeashFs          *fs,
                                       LeashContext     *ctx,
                                       const char       *path,
                                       LeashPathFlags    flags,
                                       GError          **error) G_GNUC_WARN_UNUSED_RESULT;

/* On the one that the context carries, the host's by default */
LEASH_AVAILABLE_IN_0_1
LeashFile    *leash_open              (LeashContext     *ctx,
                                       const char       *path,
                                       LeashOpenFlags    flags,
                                       guint             mode,
                                       GError          **error) G_GNUC_WARN_UNUSED_RESULT;
LEASH_AVAILABLE_IN_0_1
LeashDir     *leash_open_dir          (LeashContext     *ctx,
                                       const char       *path,
                                       GError          **error) G_GNUC_WARN_UNUSED_RESULT;
LEASH_AVAILABLE_IN_0_1
gboolean      leash_stat              (LeashContext     *ctx,
                                       const char       *path,
                                       LeashStat        *ret_stat,
                                       GError          **error);
LEASH_AVAILABLE_IN_0_1
gboolean      leash_lstat             (LeashContext     *ctx,
                                       const char       *path,
                                       LeashStat        *ret_stat,
                                       GError          **error);
LEASH_AVAILABLE_IN_0_1
gboolean      leash_mkdir             (LeashContext     *ctx,
                                       const char       *path,
                                       guint             mode,
                                       GError          **error);
LEASH_AVAILABLE_IN_0_1
gboolean      leash_remove            (LeashContext     *ctx,
                                       const char       *path,
                                       GError          **error);
LEASH_AVAILABLE_IN_0_1
gboolean      leash_rename            (LeashContext     *ctx,
                                       const char       *old_path,
                                       const char       *new_path,
                                       GError          **error);
LEASH_AVAILABLE_IN_0_1
gboolean      leash_rename_full       (LeashContext     *ctx,
                                       const char       *old_path,
                                       const char       *new_path,
                                       LeashRenameFlags  flags,
                                       GError          **error);
LEASH_AVAILABLE_IN_0_1
gboolean      leash_link              (LeashContext     *ctx,
                                       const char       *path,
                                       const char       *new_path,
                                       GError          **error);
LEASH_AVAILABLE_IN_0_1
gboolean      leash_symlink           (LeashContext     *ctx,
                                       const char       *target,
                                       const char       *path,
                                       GError          **error);
LEASH_AVAILABLE_IN_0_1
char         *leash_readlink          (LeashContext     *ctx,
                                       const char       *path,
                                       GError          **error) G_GNUC_WARN_UNUSED_RESULT;
LEASH_AVAILABLE_IN_0_1
gboolean      leash_truncate          (LeashContext     *ctx,
                                       const char       *path,
                                       gint64            length,
                                       GError          **error);
LEASH_AVAILABLE_IN_0_1
gboolean      leash_chmod             (LeashContext     *ctx,
                                       const char       *path,
                                       guint             mode,
                                       GError          **error);
LEASH_AVAILABLE_IN_0_1
gboolean      leash_chown             (LeashContext     *ctx,
                                       const char       *path,
                                       gint64            uid,
                                       gint64            gid,
                                       LeashPathFlags    flags,
                                       GError          **error);
LEASH_AVAILABLE_IN_0_1
gboolean      leash_set_times         (LeashContext     *ctx,
                                       const char       *path,
                                       gint64            atime_ns,
                                       gint64            mtime_ns,
                                       LeashPathFlags    flags,
                                       GError          **error);
LEASH_AVAILABLE_IN_0_1
gboolean      leash_statfs            (LeashContext     *ctx,
                                       const char       *path,
                                       LeashStatFs      *ret_stat,
                                       GError          **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (LeashFs, g_object_unref)

G_END_DECLS
