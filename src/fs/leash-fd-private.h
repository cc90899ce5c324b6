/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Files and directories over the kernel's descriptors, for the file systems that have them.
 *
 * What is done to files all the time is inlined into the public functions. The kernel leaves a processor with a
 * wrong idea of where returns lead to: a function costs four times as much when a system call is made from it
 * as when it is called before or after.
 */
#pragma once

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "leash-fs-private.h"

/* A file's implementation pointer is the descriptor itself. */
extern const LeashFileOps leash_fd_file_ops;

void       leash_fd_fill_stat      (LeashStat          *ret_stat,
                                    const struct stat  *from);
/* After a failed call: TRUE when a signal interrupted it and it is to be made again, else sets the error. */
gboolean   leash_fd_is_interrupted (LeashContext       *ctx,
                                    GError            **error) G_GNUC_NO_INLINE;

/* After a failed close: TRUE when the file is closed all the same, and no data lost, else sets the error. */
gboolean   leash_fd_is_closed      (GError            **error) G_GNUC_NO_INLINE;

/* Both take the descriptor over; so does the second when it fails. */
LeashFile *leash_fd_file_new       (int                 fd,
                                    const char         *path,
                                    LeashOpenFlags      flags);
LeashDir  *leash_fd_dir_new        (int                 fd,
                                    const char         *path,
                                    GError            **error);

/* unlink() and rmdir() in one: 0, or -1 with errno set. must_be_dir is what a trailing slash says. */
int        leash_fd_remove         (int                 dir_fd,
                                    const char         *name,
                                    gboolean            must_be_dir);

/* renameat2(): 0, or -1 with errno set. */
int        leash_fd_rename         (int                 old_dir,
                                    const char         *old_name,
                                    int                 new_dir,
                                    const char         *new_name,
                                    LeashRenameFlags    flags);
/* Returns the text, owned by the caller, or NULL with the error set. */
char      *leash_fd_readlink       (int                 dir_fd,
                                    const char         *name,
                                    GError            **error);
/* As utimensat() wants it; LEASH_TIME_KEEP and LEASH_TIME_NOW are understood. */
struct timespec leash_fd_timespec  (gint64              time_ns);
void       leash_fd_fill_statfs    (LeashStatFs        *ret_stat,
                                    const struct statvfs *from);

/* What holds wherever the kernel does the work. */
#define LEASH_FD_FEATURES                                                                            \
  (LEASH_FS_FEATURE_WRITE | LEASH_FS_FEATURE_NO_REPLACE | LEASH_FS_FEATURE_EXCHANGE                  \
   | LEASH_FS_FEATURE_MODES | LEASH_FS_FEATURE_PERMISSIONS | LEASH_FS_FEATURE_OWNERS                 \
   | LEASH_FS_FEATURE_TIMES | LEASH_FS_FEATURE_INODES | LEASH_FS_FEATURE_OPEN_AFTER_REMOVE           \
   | LEASH_FS_FEATURE_SPARSE | LEASH_FS_FEATURE_BYTE_NAMES | LEASH_FS_FEATURE_ATOMIC_RENAME          \
   | LEASH_FS_FEATURE_DESCRIPTORS)

/* What open() is to be called with for these flags. */
static inline int
leash_fd_open_flags (LeashOpenFlags flags)
{
  gboolean writes = (flags & (LEASH_OPEN_WRITE | LEASH_OPEN_APPEND)) != 0;
  int result = O_CLOEXEC | O_NOCTTY | O_LARGEFILE;

  if (!writes)
    result |= O_RDONLY;
  else
    result |= (flags & LEASH_OPEN_READ) != 0 ? O_RDWR : O_WRONLY;
  result |= (flags & LEASH_OPEN_CREATE) != 0 ? O_CREAT : 0;
  result |= (flags & LEASH_OPEN_EXCLUSIVE) != 0 ? O_EXCL : 0;
  result |= (flags & LEASH_OPEN_TRUNCATE) != 0 ? O_TRUNC : 0;
  result |= (flags & LEASH_OPEN_APPEND) != 0 ? O_APPEND : 0;
  return result;
}

/* From the working directory. A signal interrupts an open that waits: for a FIFO's other end, or a server. */
static inline int
leash_fd_open (LeashContext *ctx, const char *path, int flags, guint mode, GError **error)
{
  int fd;

  do
    fd = openat (AT_FDCWD, path, flags, (mode_t) mode);
  while (LEASH_UNLIKELY (fd < 0) && leash_fd_is_interrupted (ctx, error));
  return fd;
}

static inline gssize
leash_fd_read (gpointer impl, LeashContext *ctx, void *buffer, gsize count, GError **error)
{
  gssize n;

  do
    n = read (GPOINTER_TO_INT (impl), buffer, count);
  while (LEASH_UNLIKELY (n < 0) && leash_fd_is_interrupted (ctx, error));
  return n;
}

static inline gssize
leash_fd_write (gpointer impl, LeashContext *ctx, const void *buffer, gsize count, GError **error)
{
  gssize n;

  do
    n = write (GPOINTER_TO_INT (impl), buffer, count);
  while (LEASH_UNLIKELY (n < 0) && leash_fd_is_interrupted (ctx, error));
  return n;
}

static inline gssize
leash_fd_pread (gpointer impl, LeashContext *ctx, void *buffer, gsize count, gint64 offset, GError **error)
{
  gssize n;

  do
    n = pread (GPOINTER_TO_INT (impl), buffer, count, offset);
  while (LEASH_UNLIKELY (n < 0) && leash_fd_is_interrupted (ctx, error));
  return n;
}

static inline gssize
leash_fd_pwrite (gpointer impl, LeashContext *ctx, const void *buffer, gsize count, gint64 offset,
                 GError **error)
{
  gssize n;

  do
    n = pwrite (GPOINTER_TO_INT (impl), buffer, count, offset);
  while (LEASH_UNLIKELY (n < 0) && leash_fd_is_interrupted (ctx, error));
  return n;
}

static inline gboolean
leash_fd_close (gpointer impl, GError **error)
{
  return LEASH_LIKELY (close (GPOINTER_TO_INT (impl)) == 0) || leash_fd_is_closed (error);
}

static inline int
leash_fd_get_fd (gpointer impl)
{
  return GPOINTER_TO_INT (impl);
}
