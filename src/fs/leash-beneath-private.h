/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Opening paths that must not leave a directory, whoever else changes the tree meanwhile. */
#pragma once

#include <glib.h>
#include <sys/types.h>

/* Whether the kernel has openat2(), and lets this process use it. */
gboolean leash_beneath_is_native (int root);

/*
 * As openat(), with every step of path, symbolic links included, beneath root; path is relative and not
 * empty. Returns a descriptor, or -1 with errno set: EXDEV where the path leads outside. walk says to go name
 * by name, as where the kernel cannot do it.
 */
int      leash_beneath_open      (int         root,
                                  const char *path,
                                  int         flags,
                                  mode_t      mode,
                                  gboolean    walk);
