/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A mistake that ./check must find: the tracker is one load further away. */
#include <leash/leash.h>

#undef LEASH_HAS_TRACKER_
#define LEASH_HAS_TRACKER_(ctx) LEASH_UNLIKELY_ (*(gpointer *) (ctx)->tracker != NULL)
