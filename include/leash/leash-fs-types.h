/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is asked of a LeashFs, and what it answers: flags and structures without functions. */
#pragma once

#include <gio/gio.h>
#include <leash/leash-macros.h>

G_BEGIN_DECLS

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
 * What is known of a file without opening it. A time before 1677 or after 2262 is that one of the two that is nearer.
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

/**
 * LeashStatFs:
 * @block_size: what it allocates in, in bytes; 0 where that is not known
 * @total_bytes: the size of the file system, %G_MAXUINT64 where it has no limit
 * @free_bytes: how much of that is free
 * @available_bytes: how much of that the caller may use
 * @total_files: how many files it can hold, %G_MAXUINT64 where it has no limit
 * @free_files: how many more it can hold
 * @name_max: how long a name may be, in bytes; 0 where that is not known
 * @is_read_only: whether nothing can be changed
 *
 * What is known of a file system.
 */
typedef struct
{
  guint64 block_size;
  guint64 total_bytes;
  guint64 free_bytes;
  guint64 available_bytes;
  guint64 total_files;
  guint64 free_files;
  guint64 name_max;
  gboolean is_read_only;
  /*< private >*/
  guint64 reserved[4];
} LeashStatFs;

/**
 * LeashPathFlags:
 * @LEASH_PATH_NO_FOLLOW: act on the symbolic link that the path's last name is, and not on what it leads to
 *
 * How a path is taken.
 */
typedef enum
{
  LEASH_PATH_NO_FOLLOW = 1 << 0
} LeashPathFlags;

/**
 * LeashRenameFlags:
 * @LEASH_RENAME_NO_REPLACE: fail with %G_IO_ERROR_EXISTS when the new path is there already
 * @LEASH_RENAME_EXCHANGE: both are there, and change places
 *
 * How leash_fs_rename_full() renames. The two exclude each other.
 */
typedef enum
{
  LEASH_RENAME_NO_REPLACE = 1 << 0,
  LEASH_RENAME_EXCHANGE = 1 << 1
} LeashRenameFlags;

/**
 * LEASH_TIME_KEEP:
 *
 * For leash_fs_set_times(): the time stays as it is.
 */
#define LEASH_TIME_KEEP G_MININT64

/**
 * LEASH_TIME_NOW:
 *
 * For leash_fs_set_times(): the present time, by the file system's clock.
 */
#define LEASH_TIME_NOW (G_MININT64 + 1)

/**
 * LeashFsOps:
 * @LEASH_FS_OP_OPEN: leash_fs_open()
 * @LEASH_FS_OP_OPEN_DIR: leash_fs_open_dir()
 * @LEASH_FS_OP_STAT: leash_fs_stat()
 * @LEASH_FS_OP_LSTAT: leash_fs_lstat()
 * @LEASH_FS_OP_MKDIR: leash_fs_mkdir()
 * @LEASH_FS_OP_REMOVE: leash_fs_remove()
 * @LEASH_FS_OP_RENAME: leash_fs_rename() and leash_fs_rename_full()
 * @LEASH_FS_OP_LINK: leash_fs_link()
 * @LEASH_FS_OP_SYMLINK: leash_fs_symlink()
 * @LEASH_FS_OP_READLINK: leash_fs_readlink()
 * @LEASH_FS_OP_TRUNCATE: leash_fs_truncate()
 * @LEASH_FS_OP_CHMOD: leash_fs_chmod()
 * @LEASH_FS_OP_CHOWN: leash_fs_chown()
 * @LEASH_FS_OP_SET_TIMES: leash_fs_set_times()
 * @LEASH_FS_OP_STATFS: leash_fs_statfs()
 * @LEASH_FS_OP_OPEN_ROOT: leash_fs_open_root()
 * @LEASH_FS_OP_READ: leash_file_read() and leash_file_pread()
 * @LEASH_FS_OP_WRITE: leash_file_write() and leash_file_pwrite()
 * @LEASH_FS_OP_SEEK: leash_file_seek()
 * @LEASH_FS_OP_FILE_STAT: leash_file_stat()
 * @LEASH_FS_OP_FILE_TRUNCATE: leash_file_truncate()
 * @LEASH_FS_OP_SYNC: leash_file_sync()
 * @LEASH_FS_OP_CLOSE: leash_file_close()
 * @LEASH_FS_OP_NEXT: leash_dir_next()
 * @LEASH_FS_OP_CLOSE_DIR: leash_dir_close()
 * @LEASH_FS_OPS_ON_PATHS: all that take a path
 * @LEASH_FS_OPS_ALL: all
 *
 * What can be done with a file system, its files and directories.
 */
typedef enum
{
  LEASH_FS_OP_OPEN = 1 << 0,
  LEASH_FS_OP_OPEN_DIR = 1 << 1,
  LEASH_FS_OP_STAT = 1 << 2,
  LEASH_FS_OP_LSTAT = 1 << 3,
  LEASH_FS_OP_MKDIR = 1 << 4,
  LEASH_FS_OP_REMOVE = 1 << 5,
  LEASH_FS_OP_RENAME = 1 << 6,
  LEASH_FS_OP_LINK = 1 << 7,
  LEASH_FS_OP_SYMLINK = 1 << 8,
  LEASH_FS_OP_READLINK = 1 << 9,
  LEASH_FS_OP_TRUNCATE = 1 << 10,
  LEASH_FS_OP_CHMOD = 1 << 11,
  LEASH_FS_OP_CHOWN = 1 << 12,
  LEASH_FS_OP_SET_TIMES = 1 << 13,
  LEASH_FS_OP_STATFS = 1 << 14,
  LEASH_FS_OP_OPEN_ROOT = 1 << 15,
  LEASH_FS_OP_READ = 1 << 16,
  LEASH_FS_OP_WRITE = 1 << 17,
  LEASH_FS_OP_SEEK = 1 << 18,
  LEASH_FS_OP_FILE_STAT = 1 << 19,
  LEASH_FS_OP_FILE_TRUNCATE = 1 << 20,
  LEASH_FS_OP_SYNC = 1 << 21,
  LEASH_FS_OP_CLOSE = 1 << 22,
  LEASH_FS_OP_NEXT = 1 << 23,
  LEASH_FS_OP_CLOSE_DIR = 1 << 24,
  LEASH_FS_OPS_ON_PATHS = (1 << 16) - 1,
  LEASH_FS_OPS_ALL = (1 << 25) - 1
} LeashFsOps;

/**
 * LeashFsFeatures:
 * @LEASH_FS_FEATURE_WRITE: files can be made and written
 * @LEASH_FS_FEATURE_NO_REPLACE: %LEASH_RENAME_NO_REPLACE
 * @LEASH_FS_FEATURE_EXCHANGE: %LEASH_RENAME_EXCHANGE
 * @LEASH_FS_FEATURE_MODES: permission bits are kept
 * @LEASH_FS_FEATURE_PERMISSIONS: permission bits are enforced, for whom the file system takes the caller to be
 * @LEASH_FS_FEATURE_OWNERS: owners and groups are kept
 * @LEASH_FS_FEATURE_TIMES: times are kept to the nanosecond
 * @LEASH_FS_FEATURE_INODES: inode and device tell whether two paths are one file, and links are counted
 * @LEASH_FS_FEATURE_OPEN_AFTER_REMOVE: a file that is open can be used after it was removed or replaced
 * @LEASH_FS_FEATURE_SPARSE: what was never written takes no space
 * @LEASH_FS_FEATURE_BYTE_NAMES: names are any bytes but `/` and NUL
 * @LEASH_FS_FEATURE_ATOMIC_RENAME: renaming over a file replaces it in one step
 * @LEASH_FS_FEATURE_DESCRIPTORS: leash_file_get_fd() gives the kernel's descriptor
 *
 * What holds for a file system beside the operations that it has.
 */
typedef enum
{
  LEASH_FS_FEATURE_WRITE = 1 << 0,
  LEASH_FS_FEATURE_NO_REPLACE = 1 << 1,
  LEASH_FS_FEATURE_EXCHANGE = 1 << 2,
  LEASH_FS_FEATURE_MODES = 1 << 3,
  LEASH_FS_FEATURE_PERMISSIONS = 1 << 4,
  LEASH_FS_FEATURE_OWNERS = 1 << 5,
  LEASH_FS_FEATURE_TIMES = 1 << 6,
  LEASH_FS_FEATURE_INODES = 1 << 7,
  LEASH_FS_FEATURE_OPEN_AFTER_REMOVE = 1 << 8,
  LEASH_FS_FEATURE_SPARSE = 1 << 9,
  LEASH_FS_FEATURE_BYTE_NAMES = 1 << 10,
  LEASH_FS_FEATURE_ATOMIC_RENAME = 1 << 11,
  LEASH_FS_FEATURE_DESCRIPTORS = 1 << 12
} LeashFsFeatures;

G_END_DECLS
