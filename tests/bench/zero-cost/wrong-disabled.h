/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A mistake that ./check must find: with LEASH_DISABLE, the context is evaluated still. */
#include <leash/leash.h>

#undef LEASH_TRACKED_CALL_
#define LEASH_TRACKED_CALL_(ctx, call) (*(LeashTracker *volatile *) &(ctx)->tracker, (LeashTag *) NULL)
