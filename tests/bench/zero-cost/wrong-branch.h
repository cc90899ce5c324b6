/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A mistake that ./check must find: the tracked case is laid out as the usual one, so that the other
 * branches. */
#include <leash/leash.h>

#undef LEASH_UNLIKELY_
#define LEASH_UNLIKELY_(condition) (__builtin_expect ((condition), 1))
