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

#include "leash-fd-private.h"

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
  if (G_LIKELY (result == 0))
    return TRUE;
  leash_attempt_set_errno (error, errno);
  return FALSE;
}

static LeashFile *
host_open (LeashFs *fs, LeashContext *ctx, const char *path, LeashOpenFlags flags, guint mode, GError **error)
{
  return leash_fd_open_file (ctx, path, flags, mode, error);
}

static LeashDir *
host_open_dir (LeashFs *fs, LeashContext *ctx, const char *path, GError **error)
{
  int fd = leash_fd_open (ctx, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_LARGEFILE, 0, error);

  return G_LIKELY (fd >= 0) ? leash_fd_dir_new (fd, path, error) : NULL;
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
host_rename (LeashFs *fs, LeashContext *ctx, const char *old_path, const char *new_path, GError **error)
{
  return check (renameat (AT_FDCWD, old_path, AT_FDCWD, new_path), error);
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

  if (G_LIKELY (fs != NULL))
    return fs;
  made = leash_host_fs_new ();
  if (__atomic_compare_exchange_n (&the_default, &fs, made, FALSE, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
    return made;
  g_object_unref (made);
  return fs;
}
