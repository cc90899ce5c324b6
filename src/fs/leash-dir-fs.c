/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The rooted directory: a file system that ends where a directory does.
 *
 * The root is held by a descriptor, so that it stays the same directory whatever it is renamed to. Opening
 * and looking up resolve the whole path beneath it. What acts on a name (lstat, mkdir, remove, rename)
 * resolves the directory that the name is in, and then acts on the bare name in that directory, which the
 * kernel does not follow if it is a link. The name is split off the path's text, slashes behind it cut and
 * remembered: "link/" would be followed.
 *
 * An absolute path is refused and not taken to begin at the root, as after chroot(): a program that hands one
 * in has mixed up two worlds, and is better told. All that leads outside fails with one code,
 * %G_IO_ERROR_PERMISSION_DENIED.
 *
 * Not guarded against: what is mounted within the root, and hard links made by somebody who may make them.
 */
#include "leash-dir-fs-private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "leash-beneath-private.h"
#include "leash-fd-private.h"

#define O_DIR_PATH (O_PATH | O_DIRECTORY | O_CLOEXEC)

typedef struct
{
  GObject parent_instance;

  int root;      /* owned; an O_PATH descriptor */
  gboolean walk; /* no openat2(); set before the object is given out */
} LeashDirFs;

typedef GObjectClass LeashDirFsClass;

/* A path's last name, and the directory that it is in. */
typedef struct
{
  int dir;            /* owned, unless it is the root's */
  int root;           /* borrowed */
  char *name;         /* owned; without slashes; empty, "." and ".." are possible */
  gboolean needs_dir; /* a slash stood behind it */
} Place;

static void leash_dir_fs_init_iface (LeashFsInterface *iface);
GType leash_dir_fs_get_type (void);

G_DEFINE_FINAL_TYPE_WITH_CODE (LeashDirFs, leash_dir_fs, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (LEASH_TYPE_FS, leash_dir_fs_init_iface))

static void
leash_dir_fs_finalize (GObject *object)
{
  LeashDirFs *self = (LeashDirFs *) object;

  if (self->root >= 0)
    close (self->root);
  G_OBJECT_CLASS (leash_dir_fs_parent_class)->finalize (object);
}

static void
leash_dir_fs_class_init (LeashDirFsClass *klass)
{
  klass->finalize = leash_dir_fs_finalize;
}

static void
leash_dir_fs_init (LeashDirFs *self)
{
  self->root = -1;
}

/* Sets the error of a path that could not be resolved. */
static void
set_resolve_error (GError **error, int code)
{
  if (code == EXDEV)
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED, "it leads outside of the root");
  else if (code == ELOOP)
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_TOO_MANY_LINKS,
                         "too many symbolic links, or one that is not followed beneath a root");
  else
    leash_attempt_set_errno (error, code);
}

/* Resolves and opens, as long as only signals interrupt it. Returns -1 with the error set. */
static int
open_beneath (LeashDirFs *self, LeashContext *ctx, const char *path, int flags, guint mode, GError **error)
{
  for (;;)
    {
      int fd = leash_beneath_open (self->root, path, flags, (mode_t) mode, self->walk);

      if (LEASH_LIKELY (fd >= 0))
        return fd;
      if (errno == EINTR && leash_fd_is_interrupted (ctx, error))
        continue;
      if (errno != EINTR)
        set_resolve_error (error, errno);
      return -1;
    }
}

static void
place_clear (Place *place)
{
  if (place->dir >= 0 && place->dir != place->root)
    close (place->dir);
  g_free (place->name);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Place, place_clear)

/* Splits the last name off path, and opens the directory that it is in. */
static gboolean
find_place (LeashDirFs *self, LeashContext *ctx, const char *path, Place *ret_place, GError **error)
{
  gsize end = strlen (path);
  gsize start;
  g_autofree char *dir = NULL;

  while (end > 0 && path[end - 1] == '/')
    end--;
  start = end;
  while (start > 0 && path[start - 1] != '/')
    start--;
  ret_place->root = self->root;
  ret_place->needs_dir = path[end] == '/';
  ret_place->name = g_strndup (path + start, end - start);
  dir = g_strndup (path, start);
  if (dir[0] == '\0' && path[0] != '/')
    ret_place->dir = self->root;
  else
    ret_place->dir = open_beneath (self, ctx, path[0] == '/' ? path : dir, O_DIR_PATH, 0, error);
  return ret_place->dir >= 0;
}

static gboolean
is_dots (const char *name)
{
  return strcmp (name, ".") == 0 || strcmp (name, "..") == 0;
}

static gboolean
check (int result, GError **error)
{
  if (LEASH_LIKELY (result == 0))
    return TRUE;
  leash_attempt_set_errno (error, errno);
  return FALSE;
}

static LeashFile *
dir_fs_open (LeashFs *fs, LeashContext *ctx, const char *path, LeashOpenFlags flags, guint mode,
             GError **error)
{
  int fd = open_beneath ((LeashDirFs *) fs, ctx, path, leash_fd_open_flags (flags), mode, error);

  return fd >= 0 ? leash_fd_file_new (fd, path, flags) : NULL;
}

static LeashDir *
dir_fs_open_dir (LeashFs *fs, LeashContext *ctx, const char *path, GError **error)
{
  int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_LARGEFILE;
  int fd = open_beneath ((LeashDirFs *) fs, ctx, path, flags, 0, error);

  return fd >= 0 ? leash_fd_dir_new (fd, path, error) : NULL;
}

static gboolean
dir_fs_stat (LeashFs *fs, LeashContext *ctx, const char *path, LeashStat *ret_stat, GError **error)
{
  int fd = open_beneath ((LeashDirFs *) fs, ctx, path, O_PATH | O_CLOEXEC, 0, error);
  struct stat found;
  gboolean done;

  if (fd < 0)
    return FALSE;
  done = check (fstat (fd, &found), error);
  close (fd);
  if (done)
    leash_fd_fill_stat (ret_stat, &found);
  return done;
}

static gboolean
dir_fs_lstat (LeashFs *fs, LeashContext *ctx, const char *path, LeashStat *ret_stat, GError **error)
{
  g_auto (Place) place = { .dir = -1 };
  struct stat found;

  if (!find_place ((LeashDirFs *) fs, ctx, path, &place, error))
    return FALSE;
  /* A link with a slash behind it is followed, and ".." may leave the root: the whole path is resolved. */
  if (place.needs_dir || is_dots (place.name))
    return dir_fs_stat (fs, ctx, path, ret_stat, error);
  if (!check (fstatat (place.dir, place.name, &found, AT_SYMLINK_NOFOLLOW), error))
    return FALSE;
  leash_fd_fill_stat (ret_stat, &found);
  return TRUE;
}

static gboolean
dir_fs_mkdir (LeashFs *fs, LeashContext *ctx, const char *path, guint mode, GError **error)
{
  g_auto (Place) place = { .dir = -1 };
  LeashStat found;

  if (!find_place ((LeashDirFs *) fs, ctx, path, &place, error))
    return FALSE;
  /* What they name is there, unless they lead outside. */
  if (is_dots (place.name))
    return dir_fs_stat (fs, ctx, path, &found, error) && check ((errno = EEXIST), error);
  return check (mkdirat (place.dir, place.name, (mode_t) mode), error);
}

static gboolean
refuse_dots (const char *name, GError **error)
{
  if (!is_dots (name))
    return TRUE;
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, "“%s” is no name of its own", name);
  return FALSE;
}

static gboolean
dir_fs_remove (LeashFs *fs, LeashContext *ctx, const char *path, GError **error)
{
  g_auto (Place) place = { .dir = -1 };

  return find_place ((LeashDirFs *) fs, ctx, path, &place, error) && refuse_dots (place.name, error)
         && check (leash_fd_remove (place.dir, place.name, place.needs_dir), error);
}

/* Puts a slash that was cut back: renaming follows no last name, and the kernel knows when the slash matters.
 */
static char *
name_with_slash (const Place *place)
{
  return g_strconcat (place->name, place->needs_dir ? "/" : NULL, NULL);
}

static gboolean
dir_fs_rename (LeashFs *fs, LeashContext *ctx, const char *old_path, const char *new_path,
               LeashRenameFlags flags, GError **error)
{
  LeashDirFs *self = (LeashDirFs *) fs;
  g_auto (Place) from = { .dir = -1 };
  g_auto (Place) to = { .dir = -1 };
  g_autofree char *old_name = NULL;
  g_autofree char *new_name = NULL;

  if (!find_place (self, ctx, old_path, &from, error) || !find_place (self, ctx, new_path, &to, error))
    return FALSE;
  if (!refuse_dots (from.name, error) || !refuse_dots (to.name, error))
    return FALSE;
  old_name = name_with_slash (&from);
  new_name = name_with_slash (&to);
  return check (leash_fd_rename (from.dir, old_name, to.dir, new_name, flags), error);
}

/* A place for something that is no directory and is not there yet. */
static gboolean
find_free_place (LeashDirFs *self, LeashContext *ctx, const char *path, Place *ret_place, GError **error)
{
  struct stat found;

  if (!find_place (self, ctx, path, ret_place, error))
    return FALSE;
  if (is_dots (ret_place->name))
    return check ((errno = EEXIST), error);
  if (!ret_place->needs_dir)
    return TRUE;
  if (fstatat (ret_place->dir, ret_place->name, &found, AT_SYMLINK_NOFOLLOW) == 0)
    errno = EEXIST;
  return check (-1, error);
}

static gboolean
dir_fs_link (LeashFs *fs, LeashContext *ctx, const char *path, const char *new_path, GError **error)
{
  LeashDirFs *self = (LeashDirFs *) fs;
  g_auto (Place) from = { .dir = -1 };
  g_auto (Place) to = { .dir = -1 };
  LeashStat found;
  struct stat unused;

  /* In the kernel's order: the old path, the new one, and then that directories are not linked. */
  if (!dir_fs_lstat (fs, ctx, path, &found, error) || !find_place (self, ctx, path, &from, error)
      || !find_free_place (self, ctx, new_path, &to, error))
    return FALSE;
  if (!from.needs_dir && !is_dots (from.name))
    return check (linkat (from.dir, from.name, to.dir, to.name, 0), error);
  /* What is behind a slash or ".." is a directory; the bare name would be another thing, or outside. */
  errno = fstatat (to.dir, to.name, &unused, AT_SYMLINK_NOFOLLOW) == 0 ? EEXIST : EPERM;
  return check (-1, error);
}

static gboolean
dir_fs_symlink (LeashFs *fs, LeashContext *ctx, const char *target, const char *path, GError **error)
{
  g_auto (Place) place = { .dir = -1 };

  return find_free_place ((LeashDirFs *) fs, ctx, path, &place, error)
         && check (symlinkat (target, place.dir, place.name), error);
}

static char *
dir_fs_readlink (LeashFs *fs, LeashContext *ctx, const char *path, GError **error)
{
  g_auto (Place) place = { .dir = -1 };
  LeashStat found;

  if (!find_place ((LeashDirFs *) fs, ctx, path, &place, error))
    return NULL;
  /* With a slash behind it, a link is followed: what it leads to is none. */
  if ((place.needs_dir || is_dots (place.name)) && !dir_fs_stat (fs, ctx, path, &found, error))
    return NULL;
  return leash_fd_readlink (place.dir, place.needs_dir || is_dots (place.name) ? "." : place.name, error);
}

/* For what the kernel does to a path only: a path of /proc that leads to the open file, whatever its name is.
 */
typedef struct
{
  int fd; /* owned; O_PATH */
  char path[sizeof "/proc/self/fd/" + 3 * sizeof (int)];
} Held;

static gboolean
hold (LeashFs *fs, LeashContext *ctx, const char *path, Held *ret_held, GError **error)
{
  ret_held->fd = open_beneath ((LeashDirFs *) fs, ctx, path, O_PATH | O_CLOEXEC, 0, error);
  g_snprintf (ret_held->path, sizeof ret_held->path, "/proc/self/fd/%d", ret_held->fd);
  return ret_held->fd >= 0;
}

static gboolean
let_go (Held *held, int result, GError **error)
{
  int code = errno;

  close (held->fd);
  if (result == 0)
    return TRUE;
  if (code == ENOENT && access ("/proc/self/fd", F_OK) != 0)
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED, "beneath a root it needs /proc");
  else
    leash_attempt_set_errno (error, code);
  return FALSE;
}

static gboolean
dir_fs_truncate (LeashFs *fs, LeashContext *ctx, const char *path, gint64 length, GError **error)
{
  Held held;

  return hold (fs, ctx, path, &held, error) && let_go (&held, truncate (held.path, length), error);
}

static gboolean
dir_fs_chmod (LeashFs *fs, LeashContext *ctx, const char *path, guint mode, GError **error)
{
  Held held;

  return hold (fs, ctx, path, &held, error) && let_go (&held, chmod (held.path, (mode_t) mode), error);
}

/* Whether a call with LEASH_PATH_NO_FOLLOW can act on a bare name; else it must resolve the whole path. */
static gboolean
is_bare (LeashPathFlags flags, const Place *place)
{
  return (flags & LEASH_PATH_NO_FOLLOW) != 0 && !place->needs_dir && !is_dots (place->name);
}

static gboolean
dir_fs_chown (LeashFs *fs, LeashContext *ctx, const char *path, gint64 uid, gint64 gid, LeashPathFlags flags,
              GError **error)
{
  g_auto (Place) place = { .dir = -1 };
  Held held;

  if (!find_place ((LeashDirFs *) fs, ctx, path, &place, error))
    return FALSE;
  if (is_bare (flags, &place))
    return check (fchownat (place.dir, place.name, (uid_t) uid, (gid_t) gid, AT_SYMLINK_NOFOLLOW), error);
  return hold (fs, ctx, path, &held, error)
         && let_go (&held, fchownat (held.fd, "", (uid_t) uid, (gid_t) gid, AT_EMPTY_PATH), error);
}

static gboolean
dir_fs_set_times (LeashFs *fs, LeashContext *ctx, const char *path, gint64 atime_ns, gint64 mtime_ns,
                  LeashPathFlags flags, GError **error)
{
  struct timespec times[] = { leash_fd_timespec (atime_ns), leash_fd_timespec (mtime_ns) };
  g_auto (Place) place = { .dir = -1 };
  Held held;

  if (!find_place ((LeashDirFs *) fs, ctx, path, &place, error))
    return FALSE;
  if (is_bare (flags, &place))
    return check (utimensat (place.dir, place.name, times, AT_SYMLINK_NOFOLLOW), error);
  return hold (fs, ctx, path, &held, error)
         && let_go (&held, utimensat (AT_FDCWD, held.path, times, 0), error);
}

static gboolean
dir_fs_statfs (LeashFs *fs, LeashContext *ctx, const char *path, LeashStatFs *ret_stat, GError **error)
{
  struct statvfs found;
  Held held;

  if (!hold (fs, ctx, path, &held, error) || !let_go (&held, fstatvfs (held.fd, &found), error))
    return FALSE;
  leash_fd_fill_statfs (ret_stat, &found);
  return TRUE;
}

static LeashFs *
dir_fs_open_root (LeashFs *fs, LeashContext *ctx, const char *path, LeashPathFlags flags, GError **error)
{
  g_auto (Place) place = { .dir = -1 };
  LeashFs *root;
  int fd;

  if (!find_place ((LeashDirFs *) fs, ctx, path, &place, error))
    return NULL;
  if (is_bare (flags, &place))
    {
      fd = openat (place.dir, place.name, O_DIR_PATH | O_NOFOLLOW);
      check (fd < 0 ? -1 : 0, error);
    }
  else
    fd = open_beneath ((LeashDirFs *) fs, ctx, path, O_DIR_PATH, 0, error);
  if (fd < 0)
    return NULL;
  root = leash_dir_fs_new_for_fd (fd);
  leash_dir_fs_set_walk (root, leash_dir_fs_get_walk (fs));
  return root;
}

static LeashFsFeatures
dir_fs_get_features (LeashFs *fs)
{
  return LEASH_FD_FEATURES;
}

static void
leash_dir_fs_init_iface (LeashFsInterface *iface)
{
  iface->version = LEASH_FS_INTERFACE_VERSION;
  iface->open = dir_fs_open;
  iface->open_dir = dir_fs_open_dir;
  iface->stat = dir_fs_stat;
  iface->lstat = dir_fs_lstat;
  iface->mkdir = dir_fs_mkdir;
  iface->remove = dir_fs_remove;
  iface->rename = dir_fs_rename;
  iface->link = dir_fs_link;
  iface->symlink = dir_fs_symlink;
  iface->readlink = dir_fs_readlink;
  iface->truncate = dir_fs_truncate;
  iface->chmod = dir_fs_chmod;
  iface->chown = dir_fs_chown;
  iface->set_times = dir_fs_set_times;
  iface->statfs = dir_fs_statfs;
  iface->open_root = dir_fs_open_root;
  iface->get_features = dir_fs_get_features;
}

LeashFs *
leash_dir_fs_new_for_fd (int fd)
{
  LeashDirFs *self = g_object_new (leash_dir_fs_get_type (), NULL);

  self->root = fd;
  self->walk = !leash_beneath_is_native (fd);
  return LEASH_FS (self);
}

/**
 * leash_dir_fs_new:
 * @path: (type filename): the directory that is to be the root
 * @error: return location for an error
 *
 * Makes a file system of what is beneath a directory. Paths are relative to it. Symbolic links are followed,
 * and ".." goes up, as long as they stay beneath it; a path that leads outside, an absolute one among them,
 * fails with %G_IO_ERROR_PERMISSION_DENIED. That holds too while other processes rename and link in the tree.
 *
 * Where the kernel has no openat2() (before 5.6), an operation needs for a moment as many descriptors as its
 * path has levels.
 *
 * Returns: (transfer full): the file system, %NULL with @error set
 *
 * Since: 0.1
 */
LeashFs *
leash_dir_fs_new (const char *path, GError **error)
{
  int root = -1;

  g_return_val_if_fail (path != NULL, NULL);

  if (leash_fs_check_path (path, error))
    {
      root = open (path, O_DIR_PATH);
      if (root < 0)
        leash_attempt_set_errno (error, errno);
    }
  if (root < 0)
    {
      leash_attempt_prefix (error, "Opening the root", path);
      return NULL;
    }
  return leash_dir_fs_new_for_fd (root);
}

void
leash_dir_fs_set_walk (LeashFs *fs, gboolean walk)
{
  ((LeashDirFs *) fs)->walk = walk;
}

gboolean
leash_dir_fs_get_walk (LeashFs *fs)
{
  return ((LeashDirFs *) fs)->walk;
}
