/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Files and directories over the kernel's descriptors, for the file systems that have them. */
#pragma once

#include <sys/stat.h>

#include "leash-fs-private.h"

/* What open() is to be called with for these flags. */
int        leash_fd_open_flags     (LeashOpenFlags      flags);
void       leash_fd_fill_stat      (LeashStat          *ret_stat,
                                    const struct stat  *from);
/* After a failed call: TRUE when a signal interrupted it and it is to be made again, else sets the error. */
gboolean   leash_fd_is_interrupted (LeashContext       *ctx,
                                    GError            **error) G_GNUC_NO_INLINE;

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
