/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Resolving a path name by name, over anything that can tell of one name and read one link: for file systems
 * whose links cannot be left to the kernel.
 */
#pragma once

#include <leash/leash-fs-types.h>

#include <limits.h>

/* Which of the kernel's ways to look at a path's last name. */
typedef enum
{
  LEASH_RESOLVE_FOLLOW,    /* it is there, and followed when it is a link: stat, opening, chmod */
  LEASH_RESOLVE_NO_FOLLOW, /* it is there; a link is followed only with a slash behind it: lstat, readlink */
  LEASH_RESOLVE_CREATE,    /* as FOLLOW, but may be missing, and no slash may stand behind it: opening to make */
  LEASH_RESOLVE_PLACE      /* may be missing, and is never followed: mkdir, remove, rename, link, symlink, and
                              exclusive opening. What a slash behind it means is for the caller to say */
} LeashResolveMode;

/* What the path ended with, after the links that were followed. */
typedef enum
{
  LEASH_LAST_NAME,
  LEASH_LAST_DOT,
  LEASH_LAST_DOT_DOT,
  LEASH_LAST_ROOT /* slashes alone */
} LeashLast;

/* Paths are as in LeashResolved, and none of their names but the last is a link. */
typedef struct
{
  /* G_IO_ERROR_NOT_FOUND says that the name is missing; any other error ends the walk. */
  gboolean (*lstat)    (gpointer data, const char *path, LeashStat *ret_stat, GError **error);
  /* Called right after lstat said that path is a link. The text is the caller's to free. */
  char    *(*readlink) (gpointer data, const char *path, GError **error);
  gpointer data;
  /* TRUE: a root of its own, as in a chroot: "/" is the root, ".." at the root stays there. FALSE: what leads
   * out of the root, an absolute path or link among it, fails with G_IO_ERROR_PERMISSION_DENIED. */
  gboolean clamps;
} LeashResolver;

typedef struct
{
  char path[PATH_MAX]; /* from the root, without a slash at the beginning; "." is the root */
  const char *name;    /* in path: the last name; "." for the root */
  LeashLast last;
  gboolean needs_dir; /* a slash stood behind the last name; then it is a directory, unless by PLACE */
  gboolean exists;
  LeashStat stat; /* where it exists */
} LeashResolved;

gboolean leash_resolve (const LeashResolver *resolver,
                        const char          *path,
                        LeashResolveMode     mode,
                        LeashResolved       *ret_resolved,
                        GError             **error);
