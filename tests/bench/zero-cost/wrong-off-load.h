/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A mistake that ./check must find: the level is one load further away. */
#include <leash/leash.h>

#undef LEASH_GET_NUMBER_
#define LEASH_GET_NUMBER_(ctx, which) (**(guint *volatile *) (ctx)->tracker)
