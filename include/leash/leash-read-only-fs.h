/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A file system that cannot be changed through it. */
#pragma once

#include <leash/leash-fs.h>

G_BEGIN_DECLS

LEASH_AVAILABLE_IN_0_1
LeashFs *leash_read_only_fs_new (LeashFs *fs) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
