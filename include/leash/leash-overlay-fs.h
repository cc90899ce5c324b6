/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A file system over another that is not to change: what is written goes into a third. */
#pragma once

#include <leash/leash-fs.h>

G_BEGIN_DECLS

LEASH_AVAILABLE_IN_0_1
LeashFs *leash_overlay_fs_new (LeashFs *upper,
                               LeashFs *lower) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
