/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A mistake that ./check must find: with LEASH_DISABLE, a fault point looks at its context still. */
#include <leash/leash.h>

#undef LEASH_FAULT_CALL_
#define LEASH_FAULT_CALL_(ctx, call) (*(LeashTracker *volatile *) &(ctx)->tracker, TRUE)
