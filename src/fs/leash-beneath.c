/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Opening beneath a directory.
 *
 * Since 5.6 the kernel does it: openat2() with RESOLVE_BENEATH. Where it is missing, or where a filter of an
 * old container forbids it, the path is walked here, name by name:
 *
 * - a name is only ever opened in a directory that is held by a descriptor, and never through a symbolic
 *   link, so that what somebody puts there meanwhile is refused and not followed;
 * - a symbolic link is read and its text put before the rest of the path; an absolute one leads outside;
 * - the descriptors of the directories that the walk came through are kept on a stack, and ".." takes the one
 *   before. It never asks the kernel for a parent: a directory that is moved out of the tree during the walk
 *   would otherwise lead out with it.
 *
 * Cleaning the path first and checking it by realpath() was rejected: both look, and then use.
 *
 * Limits of the walk: one descriptor for each level, while it lasts; the path with its links expanded may be
 * no longer than PATH_MAX. A magic link of /proc ends with EXDEV or ENOENT, by its text, where openat2() says
 * ELOOP.
 */
#include "leash-beneath-private.h"
#include "leash-likely-private.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* As many as the kernel follows. */
#define MAX_LINKS 40

/* openat2() gives up when anything in the system is renamed while it is at a "..": it is asked again so often
 * before the walk, which cannot be disturbed, takes over. */
#define MAX_TRIES 32

#define O_STEP (O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

typedef struct
{
  int root;           /* borrowed */
  GArray *dirs;       /* of int, owned: the directories beneath root that the walk is in, nearest last */
  guint n_links;      /* followed so far */
  gboolean needs_dir; /* a slash stood behind the last name */
  char *rest;         /* points into one of buffers: what is still to be walked */
  char buffers[2][PATH_MAX];
  guint buffer; /* the one that rest points into */
} Walk;

static int
open_natively (int root, const char *path, int flags, mode_t mode)
{
  struct open_how how = {
    .flags = (guint64) flags,
    .mode = (flags & O_CREAT) != 0 ? mode : 0,
    .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
  };

  return (int) syscall (SYS_openat2, root, path, &how, sizeof how);
}

gboolean
leash_beneath_is_native (int root)
{
  int fd = open_natively (root, ".", O_PATH | O_DIRECTORY | O_CLOEXEC, 0);

  if (fd < 0)
    return FALSE;
  close (fd);
  return TRUE;
}

static int
fail (int code)
{
  errno = code;
  return -1;
}

static int
walk_top (Walk *walk)
{
  return walk->dirs->len == 0 ? walk->root : g_array_index (walk->dirs, int, walk->dirs->len - 1);
}

static void
walk_clear (Walk *walk)
{
  int code = errno;

  for (guint i = 0; i < walk->dirs->len; i++)
    close (g_array_index (walk->dirs, int, i));
  g_array_unref (walk->dirs);
  errno = code;
}

/* Takes the next name off the rest, which has one; ret_is_last tells whether only slashes follow it. */
static char *
walk_next_name (Walk *walk, gboolean *ret_is_last)
{
  char *name = walk->rest;
  char *end = name + strcspn (name, "/");
  char *next = end + strspn (end, "/");

  g_assert (end > name);
  *ret_is_last = *next == '\0';
  if (*ret_is_last)
    walk->needs_dir = walk->needs_dir || next != end;
  *end = '\0';
  walk->rest = next;
  return name;
}

static int
walk_up (Walk *walk)
{
  if (walk->dirs->len == 0)
    return fail (EXDEV);
  close (walk_top (walk));
  g_array_set_size (walk->dirs, walk->dirs->len - 1);
  return 0;
}

/* Puts a link's text before the rest of the path. Returns 1 when name is a link, 0 when it is none. */
static int
walk_expand (Walk *walk, const char *name)
{
  char *target = walk->buffers[!walk->buffer];
  gssize length = readlinkat (walk_top (walk), name, target, PATH_MAX);
  gsize rest = strlen (walk->rest);

  if (length < 0)
    return errno == EINVAL || errno == ENOENT ? 0 : -1;
  if (walk->n_links++ == MAX_LINKS)
    return fail (ELOOP);
  if (length == 0)
    return fail (ENOENT);
  if ((gsize) length + 1 + rest + 1 > PATH_MAX)
    return fail (ENAMETOOLONG);
  if (target[0] == '/')
    return fail (EXDEV);
  /* Where nothing follows, a slash would ask for a directory. */
  if (rest > 0)
    target[length++] = '/';
  memcpy (target + length, walk->rest, rest + 1);
  walk->buffer = !walk->buffer;
  walk->rest = target;
  return 1;
}

static int
walk_down (Walk *walk, const char *name)
{
  int fd = openat (walk_top (walk), name, O_STEP);
  int code = errno;
  int expanded;

  if (fd >= 0)
    {
      g_array_append_val (walk->dirs, fd);
      return 0;
    }
  if (code != ENOTDIR && code != ELOOP)
    return -1;
  expanded = walk_expand (walk, name);
  return expanded == 0 ? fail (ENOTDIR) : MIN (expanded, 0);
}

/* A link that was opened itself, which only O_PATH does, is as good as refused: ELOOP. */
static int
refuse_link (int fd)
{
  struct stat found;

  if (fstat (fd, &found) != 0 || !S_ISLNK (found.st_mode))
    return fd;
  close (fd);
  return fail (ELOOP);
}

/* Opens the last name. Returns -1 with ret_expanded set when it was a link, and the walk goes on. */
static int
walk_open_last (Walk *walk, const char *name, int flags, mode_t mode, gboolean *ret_expanded)
{
  gboolean follows = (flags & (O_CREAT | O_EXCL)) != (O_CREAT | O_EXCL);
  int last_flags = flags | O_NOFOLLOW | (walk->needs_dir ? O_DIRECTORY : 0);
  int fd;

  *ret_expanded = FALSE;
  if (walk->needs_dir && (flags & O_CREAT) != 0)
    return fail (EISDIR);
  do
    {
      int expanded = follows ? walk_expand (walk, name) : 0;

      *ret_expanded = expanded > 0;
      if (expanded != 0)
        return -1;
      fd = openat (walk_top (walk), name, last_flags, mode);
      if (fd >= 0 && (flags & O_PATH) != 0)
        fd = refuse_link (fd);
    }
  /* It has become a link since it was looked at. To look again counts as a link, and so has an end. */
  while (fd < 0 && errno == ELOOP && follows && walk->n_links++ < MAX_LINKS);
  return fd;
}

static int
walk_run (Walk *walk, int flags, mode_t mode)
{
  gboolean is_last = FALSE;
  gboolean expanded = TRUE;
  int fd = -1;

  while (expanded)
    {
      char *name = walk_next_name (walk, &is_last);
      gboolean is_up = strcmp (name, "..") == 0;
      gboolean is_here = is_up || strcmp (name, ".") == 0;

      if (is_up && walk_up (walk) != 0)
        return -1;
      if (is_last)
        fd = walk_open_last (walk, is_here ? "." : name, flags, mode, &expanded);
      else if (!is_here && walk_down (walk, name) != 0)
        return -1;
    }
  return fd;
}

static int
open_by_walk (int root, const char *path, int flags, mode_t mode)
{
  Walk walk = { .root = root };
  gsize size = strlen (path) + 1;
  int fd;

  if (size > PATH_MAX)
    return fail (ENAMETOOLONG);
  memcpy (walk.buffers[0], path, size);
  walk.rest = walk.buffers[0];
  walk.dirs = g_array_new (FALSE, FALSE, sizeof (int));
  fd = walk_run (&walk, flags, mode);
  walk_clear (&walk);
  return fd;
}

int
leash_beneath_open (int root, const char *path, int flags, mode_t mode, gboolean walk)
{
  if (path[0] == '/')
    return fail (EXDEV);
  for (guint i = 0; i < MAX_TRIES && !walk; i++)
    {
      int fd = open_natively (root, path, flags, mode);

      if (LEASH_LIKELY (fd >= 0) || (errno != EAGAIN && errno != ENOSYS))
        return fd;
      walk = errno == ENOSYS;
    }
  return open_by_walk (root, path, flags, mode);
}
