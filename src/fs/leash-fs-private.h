/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of this part share. */
#pragma once

#include <leash/leash-dir.h>
#include <leash/leash-file.h>

#include "leash-attempt-private.h"

/* What a context without a file system uses: made at first need, never freed. */
LeashFs *leash_host_fs_get_default (void);

/* Refuses paths that no file system is ever asked for: empty ones, and those that no system call takes. */
gboolean leash_fs_check_path          (const char    *path,
                                       GError       **error);

/* leash_fs_open(), for public functions that open with a caller of their own. */
LeashFile *leash_fs_open_for          (LeashFs       *fs,
                                       LeashContext  *ctx,
                                       const char    *path,
                                       LeashOpenFlags flags,
                                       guint          mode,
                                       gconstpointer  caller,
                                       GError       **error);
/* leash_fs_open() without a tag, which the caller sees to. */
LeashFile *leash_fs_open_untracked    (LeashFs       *fs,
                                       LeashContext  *ctx,
                                       const char    *path,
                                       LeashOpenFlags flags,
                                       guint          mode,
                                       GError       **error);

gboolean leash_fs_check_mode          (guint          mode,
                                       GError       **error);

gboolean leash_fs_check_path_flags    (guint          flags,
                                       GError       **error);

/* Called once, on what an implementation returned, before anybody else sees it. */
void     leash_dir_track              (LeashDir      *dir,
                                       LeashContext  *ctx,
                                       const char    *path,
                                       gconstpointer  caller);

/* What is before 1677 or after 2262 is at that end. */
static inline gint64
leash_fs_join_time (gint64 seconds, gint64 nanoseconds)
{
  gint64 ns;

  if (!__builtin_mul_overflow (seconds, G_GINT64_CONSTANT (1000000000), &ns)
      && !__builtin_add_overflow (ns, nanoseconds, &ns))
    return MAX (ns, LEASH_TIME_NOW + 1);
  return seconds < 0 ? LEASH_TIME_NOW + 1 : G_MAXINT64;
}
