/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A LeashFs over what is compiled into the program or a bundle: GResource. */
#pragma once

#include <leash/leash-fs.h>

G_BEGIN_DECLS

LEASH_AVAILABLE_IN_0_1
LeashFs *leash_resource_fs_new (GResource *resource) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
