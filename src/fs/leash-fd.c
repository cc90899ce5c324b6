/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Files and directories over descriptors: what the host's file system and the rooted one have in common.
 *
 * A file's implementation pointer is the descriptor itself, so that opening allocates nothing beside the
 * LeashFile; a directory's is the C library's DIR. Everything is closed on exec, and no terminal that is
 * opened becomes the process's own.
 *
 * Offsets are 64 bits everywhere: the build defines _FILE_OFFSET_BITS.
 */
#include "leash-fd-private.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

G_STATIC_ASSERT (sizeof (off_t) == sizeof (gint64));

static GFileType
type_from_mode (mode_t mode)
{
  if (S_ISREG (mode))
    return G_FILE_TYPE_REGULAR;
  if (S_ISDIR (mode))
    return G_FILE_TYPE_DIRECTORY;
  return S_ISLNK (mode) ? G_FILE_TYPE_SYMBOLIC_LINK : G_FILE_TYPE_SPECIAL;
}

static gint64
nanoseconds (struct timespec time)
{
  return leash_fs_join_time (time.tv_sec, time.tv_nsec);
}

void
leash_fd_fill_stat (LeashStat *ret_stat, const struct stat *from)
{
  ret_stat->type = type_from_mode (from->st_mode);
  ret_stat->mode = from->st_mode & 07777;
  ret_stat->size = (guint64) from->st_size;
  ret_stat->nlink = from->st_nlink;
  ret_stat->uid = from->st_uid;
  ret_stat->gid = from->st_gid;
  ret_stat->inode = from->st_ino;
  ret_stat->device = from->st_dev;
  ret_stat->atime_ns = nanoseconds (from->st_atim);
  ret_stat->mtime_ns = nanoseconds (from->st_mtim);
  ret_stat->ctime_ns = nanoseconds (from->st_ctim);
}

int
leash_fd_remove (int dir_fd, const char *name, gboolean must_be_dir)
{
  int code = EISDIR;

  if (!must_be_dir)
    {
      if (unlinkat (dir_fd, name, 0) == 0)
        return 0;
      code = errno;
    }
  /* POSIX lets unlink() of a directory fail with either. */
  if (code != EISDIR && code != EPERM)
    return -1;
  if (unlinkat (dir_fd, name, AT_REMOVEDIR) == 0)
    return 0;
  /* EPERM was meant for a file after all. */
  if (code == EPERM && errno == ENOTDIR)
    errno = EPERM;
  return -1;
}

int
leash_fd_rename (int old_dir, const char *old_name, int new_dir, const char *new_name, LeashRenameFlags flags)
{
  guint kernel_flags = 0;

  if (flags == 0)
    return renameat (old_dir, old_name, new_dir, new_name);
  kernel_flags |= (flags & LEASH_RENAME_NO_REPLACE) != 0 ? RENAME_NOREPLACE : 0;
  kernel_flags |= (flags & LEASH_RENAME_EXCHANGE) != 0 ? RENAME_EXCHANGE : 0;
  return renameat2 (old_dir, old_name, new_dir, new_name, kernel_flags);
}

char *
leash_fd_readlink (int dir_fd, const char *name, GError **error)
{
  char text[PATH_MAX];
  gssize length = readlinkat (dir_fd, name, text, sizeof text);

  if (length >= 0)
    return g_strndup (text, (gsize) length);
  /* The kernel's word for it, "Invalid argument", says nothing to a user. */
  if (errno == EINVAL)
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, "it is no symbolic link");
  else
    leash_attempt_set_errno (error, errno);
  return NULL;
}

struct timespec
leash_fd_timespec (gint64 time_ns)
{
  gint64 seconds = time_ns / 1000000000 - (time_ns % 1000000000 < 0);

  if (time_ns == LEASH_TIME_KEEP)
    return (struct timespec){ .tv_nsec = UTIME_OMIT };
  if (time_ns == LEASH_TIME_NOW)
    return (struct timespec){ .tv_nsec = UTIME_NOW };
  return (struct timespec){ .tv_sec = seconds, .tv_nsec = time_ns - seconds * 1000000000 };
}

void
leash_fd_fill_statfs (LeashStatFs *ret_stat, const struct statvfs *from)
{
  ret_stat->block_size = from->f_frsize;
  ret_stat->total_bytes = from->f_blocks * from->f_frsize;
  ret_stat->free_bytes = from->f_bfree * from->f_frsize;
  ret_stat->available_bytes = from->f_bavail * from->f_frsize;
  ret_stat->total_files = from->f_files;
  ret_stat->free_files = from->f_ffree;
  ret_stat->name_max = from->f_namemax;
  ret_stat->is_read_only = (from->f_flag & ST_RDONLY) != 0;
}

gboolean
leash_fd_is_interrupted (LeashContext *ctx, GError **error)
{
  if (errno == EINTR)
    return leash_context_check (ctx, error);
  leash_attempt_set_errno (error, errno);
  return FALSE;
}

static gint64
fd_seek (gpointer impl, gint64 offset, GSeekType whence, GError **error)
{
  static const int whences[] = { [G_SEEK_CUR] = SEEK_CUR, [G_SEEK_SET] = SEEK_SET, [G_SEEK_END] = SEEK_END };
  off_t position = lseek (GPOINTER_TO_INT (impl), offset, whences[whence]);

  /* The kernel's words for these two, "Invalid argument" and "Illegal seek", say nothing to a user. */
  if (position < 0 && errno == EINVAL)
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, "the position would be negative");
  else if (position < 0 && errno == ESPIPE)
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED, "it has no positions");
  else if (position < 0)
    leash_attempt_set_errno (error, errno);
  return position;
}

static gboolean
fd_stat (gpointer impl, LeashContext *ctx, LeashStat *ret_stat, GError **error)
{
  struct stat found;

  if (fstat (GPOINTER_TO_INT (impl), &found) != 0)
    {
      leash_attempt_set_errno (error, errno);
      return FALSE;
    }
  leash_fd_fill_stat (ret_stat, &found);
  return TRUE;
}

static gboolean
fd_truncate (gpointer impl, LeashContext *ctx, gint64 length, GError **error)
{
  int failed;

  do
    failed = ftruncate (GPOINTER_TO_INT (impl), length);
  while (LEASH_UNLIKELY (failed != 0) && leash_fd_is_interrupted (ctx, error));
  return failed == 0;
}

static gboolean
fd_sync (gpointer impl, LeashContext *ctx, GError **error)
{
  int failed;

  do
    {
      failed = fsync (GPOINTER_TO_INT (impl));
      if (failed != 0 && errno == EINVAL)
        errno = ENOTSUP;
    }
  while (LEASH_UNLIKELY (failed != 0) && leash_fd_is_interrupted (ctx, error));
  return failed == 0;
}

/* On Linux the descriptor is gone after EINTR as well: to try again could close somebody else's. */
gboolean
leash_fd_is_closed (GError **error)
{
  if (errno == EINTR)
    return TRUE;
  leash_attempt_set_errno (error, errno);
  return FALSE;
}

const LeashFileOps leash_fd_file_ops = {
  .size = sizeof (LeashFileOps),
  .read = leash_fd_read,
  .write = leash_fd_write,
  .pread = leash_fd_pread,
  .pwrite = leash_fd_pwrite,
  .seek = fd_seek,
  .stat = fd_stat,
  .truncate = fd_truncate,
  .sync = fd_sync,
  .get_fd = leash_fd_get_fd,
  .close = leash_fd_close,
};

LeashFile *
leash_fd_file_new (int fd, const char *path, LeashOpenFlags flags)
{
  return leash_file_new (&leash_fd_file_ops, GINT_TO_POINTER (fd), NULL, path, flags);
}

static GFileType
type_from_entry (unsigned char type)
{
  switch (type)
    {
    case DT_UNKNOWN:
      return G_FILE_TYPE_UNKNOWN;
    case DT_REG:
      return G_FILE_TYPE_REGULAR;
    case DT_DIR:
      return G_FILE_TYPE_DIRECTORY;
    case DT_LNK:
      return G_FILE_TYPE_SYMBOLIC_LINK;
    default:
      return G_FILE_TYPE_SPECIAL;
    }
}

static gboolean
is_dots (const char *name)
{
  return name[0] == '.' && (name[1] == '\0' || (name[1] == '.' && name[2] == '\0'));
}

static gboolean
fd_dir_next (gpointer impl, LeashContext *ctx, LeashDirEntry *ret_entry, GError **error)
{
  struct dirent *entry;

  errno = 0;
  do
    entry = readdir (impl);
  while (LEASH_LIKELY (entry != NULL) && is_dots (entry->d_name));
  if (LEASH_UNLIKELY (entry == NULL))
    {
      if (errno != 0)
        leash_attempt_set_errno (error, errno);
      return FALSE;
    }
  ret_entry->name = entry->d_name;
  ret_entry->type = type_from_entry (entry->d_type);
  ret_entry->inode = entry->d_ino;
  return TRUE;
}

static gboolean
fd_dir_close (gpointer impl, GError **error)
{
  if (LEASH_LIKELY (closedir (impl) == 0) || errno == EINTR)
    return TRUE;
  leash_attempt_set_errno (error, errno);
  return FALSE;
}

static int
fd_dir_get_fd (gpointer impl)
{
  return dirfd (impl);
}

static const LeashDirOps fd_dir_ops = {
  .size = sizeof (LeashDirOps),
  .next = fd_dir_next,
  .close = fd_dir_close,
  .get_fd = fd_dir_get_fd,
};

LeashDir *
leash_fd_dir_new (int fd, const char *path, GError **error)
{
  DIR *stream = fdopendir (fd);

  if (LEASH_LIKELY (stream != NULL))
    return leash_dir_new (&fd_dir_ops, stream, NULL, path);
  leash_attempt_set_errno (error, errno);
  close (fd);
  return NULL;
}
