/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The rooted directory for who has it open, and both of its ways to resolve a path, which tests need on any kernel. */
#pragma once

#include <leash/leash-fs.h>

/* Takes the descriptor of a directory over; O_PATH is enough. */
LeashFs *leash_dir_fs_new_for_fd (int    fd);
/* Not for a file system that another thread uses already. */
void     leash_dir_fs_set_walk (LeashFs *fs,
                                gboolean walk);
gboolean leash_dir_fs_get_walk (LeashFs *fs);
