/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A LeashFs over whatever GIO reaches: beneath a GFile. */
#pragma once

#include <leash/leash-fs.h>

G_BEGIN_DECLS

LEASH_AVAILABLE_IN_0_1
LeashFs *leash_gfile_fs_new (GFile *root) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
