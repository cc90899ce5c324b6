/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Paths as text. */
#pragma once

#include <glib.h>
#include <leash/leash-macros.h>

G_BEGIN_DECLS

LEASH_AVAILABLE_IN_0_1
char *leash_path_clean (const char *path) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
