/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A mistake that ./check must find: the tracker is one load further away. */
#include <leash/leash.h>

#undef LEASH_IS_TRACKED
#define LEASH_IS_TRACKED(ctx) LEASH_UNLIKELY_ (*(gpointer *) (ctx)->tracker != NULL)
