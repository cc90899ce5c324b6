/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A directory of any file system as a file system of its own. */
#pragma once

#include <leash/leash-fs.h>

G_BEGIN_DECLS

LEASH_AVAILABLE_IN_0_1
LeashFs *leash_sub_fs_new (LeashFs     *fs,
                           const char  *path,
                           GError     **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
