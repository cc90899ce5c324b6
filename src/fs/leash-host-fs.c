/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The host's file system: the kernel's calls and nothing between. Relative paths count from the process's
 * working directory, symbolic links lead anywhere, and the permissions are the process's.
 *
 * As with open(), a directory can be opened for reading, and says so when it is read: to find out at once
 * would cost every file a system call.
 */
#include <errno.h>
#include <stdio.h>

#include "leash-dir-fs-private.h"
#include "leash-file-private.h"

typedef struct
{
  GObject parent_instance;
} LeashHostFs;

typedef GObjectClass LeashHostFsClass;

static void leash_host_fs_init_iface (LeashFsInterface *iface);
GType leash_host_fs_get_type (void);

G_DEFINE_FINAL_TYPE_WITH_CODE (LeashHostFs, leash_host_fs, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (LEASH_TYPE_FS, leash_host_fs_init_iface))

static void
leash_host_fs_class_init (LeashHostFsClass *klass)
{
}

static void
leash_host_fs_init (LeashHostFs *self)
{
}

/* TRUE for the result of a system call that succeeded, else sets the error. */
static inline gboolean
check (int result, GError **error)
{
  if (LEASH_LIKELY (result == 0))
    return TRUE;
  leash_attempt_set_errno (error, errno);
  return FALSE;
}

static LeashFile *
host_open (LeashFs *fs, LeashContext *ctx, const char *path, LeashOpenFlags flags, guint mode, GError **error)
{
  return leash_fd_open_file (ctx, path, strlen (path), flags, mode, error);
}

static LeashDir *
host_open_dir (LeashFs *fs, LeashContext *ctx, const char *path, GError **error)
{
  int fd = leash_fd_open (ctx, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_LARGEFILE, 0, error);

  return LEASH_LIKELY (fd >= 0) ? leash_fd_dir_new (fd, path, error) : NULL;
}

static gboolean
host_stat (LeashFs *fs, LeashContext *ctx, const char *path, LeashStat *ret_stat, GError **error)
{
  struct stat found;

  if (!check (fstatat (AT_FDCWD, path, &found, 0), error))
    return FALSE;
  leash_fd_fill_stat (ret_stat, &found);
  return TRUE;
}

static gboolean
host_lstat (LeashFs *fs, LeashContext *ctx, const char *path, LeashStat *ret_stat, GError **error)
{
  struct stat found;

  if (!check (fstatat (AT_FDCWD, path, &found, AT_SYMLINK_NOFOLLOW), error))
    return FALSE;
  leash_fd_fill_stat (ret_stat, &found);
  return TRUE;
}

static gboolean
host_mkdir (LeashFs *fs, LeashContext *ctx, const char *path, guint mode, GError **error)
{
  return check (mkdirat (AT_FDCWD, path, (mode_t) mode), error);
}

static gboolean
host_remove (LeashFs *fs, LeashContext *ctx, const char *path, GError **error)
{
  return check (leash_fd_remove (AT_FDCWD, path, FALSE), error);
}

static gboolean
host_rename (LeashFs *fs, LeashContext *ctx, const char *old_path, const char *new_path,
             LeashRenameFlags flags, GError **error)
{
  return check (leash_fd_rename (AT_FDCWD, old_path, AT_FDCWD, new_path, flags), error);
}

static gboolean
host_link (LeashFs *fs, LeashContext *ctx, const char *path, const char *new_path, GError **error)
{
  return check (linkat (AT_FDCWD, path, AT_FDCWD, new_path, 0), error);
}

static gboolean
host_symlink (LeashFs *fs, LeashContext *ctx, const char *target, const char *path, GError **error)
{
  return check (symlinkat (target, AT_FDCWD, path), error);
}

static char *
host_readlink (LeashFs *fs, LeashContext *ctx, const char *path, GError **error)
{
  return leash_fd_readlink (AT_FDCWD, path, error);
}

static gboolean
host_truncate (LeashFs *fs, LeashContext *ctx, const char *path, gint64 length, GError **error)
{
  int failed;

  do
    failed = truncate (path, length);
  while (LEASH_UNLIKELY (failed != 0) && leash_fd_is_interrupted (ctx, error));
  return failed == 0;
}

static gboolean
host_chmod (LeashFs *fs, LeashContext *ctx, const char *path, guint mode, GError **error)
{
  return check (fchmodat (AT_FDCWD, path, (mode_t) mode, 0), error);
}

/* The kernel's flags for these. */
static int
at_flags (LeashPathFlags flags)
{
  return (flags & LEASH_PATH_NO_FOLLOW) != 0 ? AT_SYMLINK_NOFOLLOW : 0;
}

static gboolean
host_chown (LeashFs *fs, LeashContext *ctx, const char *path, gint64 uid, gint64 gid, LeashPathFlags flags,
            GError **error)
{
  return check (fchownat (AT_FDCWD, path, (uid_t) uid, (gid_t) gid, at_flags (flags)), error);
}

static gboolean
host_set_times (LeashFs *fs, LeashContext *ctx, const char *path, gint64 atime_ns, gint64 mtime_ns,
                LeashPathFlags flags, GError **error)
{
  struct timespec times[] = { leash_fd_timespec (atime_ns), leash_fd_timespec (mtime_ns) };

  return check (utimensat (AT_FDCWD, path, times, at_flags (flags)), error);
}

static gboolean
host_statfs (LeashFs *fs, LeashContext *ctx, const char *path, LeashStatFs *ret_stat, GError **error)
{
  struct statvfs found;
  int failed;

  do
    failed = statvfs (path, &found);
  while (LEASH_UNLIKELY (failed != 0) && leash_fd_is_interrupted (ctx, error));
  if (failed == 0)
    leash_fd_fill_statfs (ret_stat, &found);
  return failed == 0;
}

static LeashFs *
host_open_root (LeashFs *fs, LeashContext *ctx, const char *path, LeashPathFlags flags, GError **error)
{
  int no_follow = (flags & LEASH_PATH_NO_FOLLOW) != 0 ? O_NOFOLLOW : 0;
  int fd = leash_fd_open (ctx, path, O_PATH | O_DIRECTORY | O_CLOEXEC | no_follow, 0, error);

  return fd >= 0 ? leash_dir_fs_new_for_fd (fd) : NULL;
}

static LeashFsFeatures
host_get_features (LeashFs *fs)
{
  return LEASH_FD_FEATURES;
}

static void
leash_host_fs_init_iface (LeashFsInterface *iface)
{
  iface->version = LEASH_FS_INTERFACE_VERSION;
  iface->open = host_open;
  iface->open_dir = host_open_dir;
  iface->stat = host_stat;
  iface->lstat = host_lstat;
  iface->mkdir = host_mkdir;
  iface->remove = host_remove;
  iface->rename = host_rename;
  iface->link = host_link;
  iface->symlink = host_symlink;
  iface->readlink = host_readlink;
  iface->truncate = host_truncate;
  iface->chmod = host_chmod;
  iface->chown = host_chown;
  iface->set_times = host_set_times;
  iface->statfs = host_statfs;
  iface->open_root = host_open_root;
  iface->get_features = host_get_features;
}

/**
 * leash_host_fs_new:
 *
 * Makes the host's file system: the one that contexts use which carry no other. Relative paths count from the
 * working directory; whatever the process may reach, it reaches.
 *
 * Returns: (transfer full): the file system
 *
 * Since: 0.1
 */
LeashFs *
leash_host_fs_new (void)
{
  return g_object_new (leash_host_fs_get_type (), NULL);
}

LeashFs *
leash_host_fs_get_default (void)
{
  static LeashFs *the_default = NULL; /* atomic; never freed */
  LeashFs *fs = __atomic_load_n (&the_default, __ATOMIC_ACQUIRE);
  LeashFs *made;

  if (LEASH_LIKELY (fs != NULL))
    return fs;
  made = leash_host_fs_new ();
  if (__atomic_compare_exchange_n (&the_default, &fs, made, FALSE, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
    return made;
  g_object_unref (made);
  return fs;
}
