/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What tests need of the rooted directory: both of its ways to resolve a path, on any kernel. */
#pragma once

#include <leash/leash-fs.h>

/* Not for a file system that another thread uses already. */
void     leash_dir_fs_set_walk (LeashFs *fs,
                                gboolean walk);
gboolean leash_dir_fs_get_walk (LeashFs *fs);
