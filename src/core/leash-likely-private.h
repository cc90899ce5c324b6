/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What G_LIKELY() and G_UNLIKELY() are for. They declare a variable that is set in two branches (until GLib 2.76 at
 * least), which gcc threads into one branch before it has looked at what is expected: nothing is then.
 */
#pragma once

#include <glib.h>

#define LEASH_LIKELY(condition)   (__builtin_expect (!!(condition), 1))
#define LEASH_UNLIKELY(condition) (__builtin_expect (!!(condition), 0))
