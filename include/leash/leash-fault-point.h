/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Fault points: how calls that are neither on files nor on connections take part in leash_test_sweep(). A
 * library has one before each of its calls that may fail:
 *
 *     if (!leash_fault_point (ctx, "prepare", sql, error))
 *       return NULL;
 */
#pragma once

#include <leash/leash-track.h>

G_BEGIN_DECLS

LEASH_AVAILABLE_IN_0_1
gboolean leash_fault_point_at (LeashContext  *ctx,
                               const char    *operation,
                               const char    *name,
                               GError       **error);

/**
 * leash_fault_point:
 * @ctx: a context
 * @operation: what is about to be done, a word: "prepare"
 * @name: (nullable): with what it is done: its path, address or text
 * @error: where the failure is put, as for any call that fails
 *
 * Asks whether a sweep makes the call that stands here fail: see leash_test_sweep_full(). Nothing else ever
 * does. Costs one load and one branch when @ctx has no tracker, one more of each when it has one and no sweep
 * goes on, and nothing with `LEASH_DISABLE`; the other arguments are evaluated in a sweep only.
 *
 * Returns: %TRUE to go on; %FALSE, with @error set, to fail as if the call had
 */
#define leash_fault_point(ctx, operation, name, error)                                                       \
  LEASH_FAULT_CALL_ (ctx, leash_fault_point_at (leash_ctx_, operation, name, error))

G_END_DECLS
