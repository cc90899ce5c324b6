/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Several file systems seen as one, for reading. */
#pragma once

#include <leash/leash-fs.h>

G_BEGIN_DECLS

LEASH_AVAILABLE_IN_0_1
LeashFs *leash_union_fs_new (LeashFs *const *layers,
                             gsize           n_layers) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
