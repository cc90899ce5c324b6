/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * LeashFs: a file system. Whoever implements the interface gets tracking for nothing: the functions below
 * check the arguments and the context, call the implementation, and make the tag.
 */
#pragma once

#include <leash/leash-context.h>

G_BEGIN_DECLS

#define LEASH_TYPE_FS (leash_fs_get_type ())
#define LEASH_FS(obj) (G_TYPE_CHECK_INSTANCE_CAST ((obj), LEASH_TYPE_FS, LeashFs))
#define LEASH_IS_FS(obj) (G_TYPE_CHECK_INSTANCE_TYPE ((obj), LEASH_TYPE_FS))
#define LEASH_FS_GET_IFACE(obj) (G_TYPE_INSTANCE_GET_INTERFACE ((obj), LEASH_TYPE_FS, LeashFsInterface))

/* The version of LeashFsInterface that this header declares; see its field of that name. */
#define LEASH_FS_INTERFACE_VERSION 1

/**
 * LeashOpenFlags:
 * @LEASH_OPEN_READ: for reading
 * @LEASH_OPEN_WRITE: for writing
 * @LEASH_OPEN_CREATE: make it if it is missing
 * @LEASH_OPEN_EXCLUSIVE: with %LEASH_OPEN_CREATE, fail if it exists
 * @LEASH_OPEN_TRUNCATE: with %LEASH_OPEN_WRITE, empty it
 * @LEASH_OPEN_APPEND: every write goes to the end; implies %LEASH_OPEN_WRITE
 *
 * How a file is opened. One of reading, writing and appending must be asked for.
 */
typedef enum
{
  LEASH_OPEN_READ = 1 << 0,
  LEASH_OPEN_WRITE = 1 << 1,
  LEASH_OPEN_CREATE = 1 << 2,
  LEASH_OPEN_EXCLUSIVE = 1 << 3,
  LEASH_OPEN_TRUNCATE = 1 << 4,
  LEASH_OPEN_APPEND = 1 << 5
} LeashOpenFlags;

/**
 * LeashStat:
 * @type: what it is
 * @mode: permission bits, 07777 at most
 * @size: in bytes
 * @nlink: the number of hard links
 * @uid: the owner
 * @gid: the group
 * @inode: unique in the device, 0 where there is none
 * @device: the device's number, 0 where there is none
 * @atime_ns: last access, nanoseconds since 1970
 * @mtime_ns: last change of the content, nanoseconds since 1970
 * @ctime_ns: last change of the metadata, nanoseconds since 1970
 *
 * What is known of a file without opening it.
 */
typedef struct
{
  GFileType type;
  guint32 mode;
  guint64 size;
  guint64 nlink;
  guint32 uid;
  guint32 gid;
  guint64 inode;
  guint64 device;
  gint64 atime_ns;
  gint64 mtime_ns;
  gint64 ctime_ns;
  /*< private >*/
  guint64 reserved[4];
} LeashStat;

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
 * @rename: renames, replacing what the new name held
 *
 * What a file system implements. All but @open may be %NULL: the call then fails with
 * %G_IO_ERROR_NOT_SUPPORTED. Paths are bytes, not empty, with `/` between names; arguments have been checked
 * and the context is not done. Every function may be called from any thread.
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
                          GError **error);
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
LeashFile    *leash_fs_open          (LeashFs         *fs,
                                      LeashContext    *ctx,
                                      const char      *path,
                                      LeashOpenFlags   flags,
                                      guint            mode,
                                      GError         **error) G_GNUC_WARN_UNUSED_RESULT;
LEASH_AVAILABLE_IN_0_1
LeashDir     *leash_fs_open_dir      (LeashFs         *fs,
                                      LeashContext    *ctx,
                                      const char      *path,
                                      GError         **error) G_GNUC_WARN_UNUSED_RESULT;
LEASH_AVAILABLE_IN_0_1
gboolean      leash_fs_stat          (LeashFs         *fs,
                                      LeashContext    *ctx,
                                      const char      *path,
                                      LeashStat       *ret_stat,
                                      GError         **error);
LEASH_AVAILABLE_IN_0_1
gboolean      leash_fs_lstat         (LeashFs         *fs,
                                      LeashContext    *ctx,
                                      const char      *path,
                                      LeashStat       *ret_stat,
                                      GError         **error);
LEASH_AVAILABLE_IN_0_1
gboolean      leash_fs_mkdir         (LeashFs         *fs,
                                      LeashContext    *ctx,
                                      const char      *path,
                                      guint            mode,
                                      GError         **error);
LEASH_AVAILABLE_IN_0_1
gboolean      leash_fs_remove        (LeashFs         *fs,
                                      LeashContext    *ctx,
                                      const char      *path,
                                      GError         **error);
LEASH_AVAILABLE_IN_0_1
gboolean      leash_fs_rename        (LeashFs         *fs,
                                      LeashContext    *ctx,
                                      const char      *old_path,
                                      const char      *new_path,
                                      GError         **error);

/* On the one that the context carries, the host's by default */
LEASH_AVAILABLE_IN_0_1
LeashFile    *leash_open             (LeashContext    *ctx,
                                      const char      *path,
                                      LeashOpenFlags   flags,
                                      guint            mode,
                                      GError         **error) G_GNUC_WARN_UNUSED_RESULT;
LEASH_AVAILABLE_IN_0_1
LeashDir     *leash_open_dir         (LeashContext    *ctx,
                                      const char      *path,
                                      GError         **error) G_GNUC_WARN_UNUSED_RESULT;
LEASH_AVAILABLE_IN_0_1
gboolean      leash_stat             (LeashContext    *ctx,
                                      const char      *path,
                                      LeashStat       *ret_stat,
                                      GError         **error);
LEASH_AVAILABLE_IN_0_1
gboolean      leash_lstat            (LeashContext    *ctx,
                                      const char      *path,
                                      LeashStat       *ret_stat,
                                      GError         **error);
LEASH_AVAILABLE_IN_0_1
gboolean      leash_mkdir            (LeashContext    *ctx,
                                      const char      *path,
                                      guint            mode,
                                      GError         **error);
LEASH_AVAILABLE_IN_0_1
gboolean      leash_remove           (LeashContext    *ctx,
                                      const char      *path,
                                      GError         **error);
LEASH_AVAILABLE_IN_0_1
gboolean      leash_rename           (LeashContext    *ctx,
                                      const char      *old_path,
                                      const char      *new_path,
                                      GError         **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (LeashFs, g_object_unref)

G_END_DECLS
