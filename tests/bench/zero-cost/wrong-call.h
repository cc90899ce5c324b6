/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A mistake that ./check must find: the decision is left to the function. */
#include <leash/leash.h>

#undef LEASH_HAS_TRACKER_
#define LEASH_HAS_TRACKER_(ctx) (1)
#undef LEASH_IS_ON_
#define LEASH_IS_ON_(ctx, which) (1)
