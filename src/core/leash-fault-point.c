/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Fault points find who makes them fail in the tracker, and not in a slot of the context: programs that run
 * without any sweep look at the tracker anyway, and need no load more where there is none.
 *
 * Speed counts while no sweep goes on, which the macro sees by itself. In one, a single lock holds the hook
 * where it is for as long as it is asked, so that it may lie on the stack of whoever set it.
 */
#include "leash-tracker-private.h"

#include <leash/leash-fault-point.h>

/* With the lock of all trackers held. */
static void
set_hook (LeashTracker *tracker, const LeashFaultHook *hook)
{
  __atomic_store_n (&tracker->fault_hook, hook, __ATOMIC_RELAXED);
  for (guint i = 0; i < tracker->nested->len; i++)
    set_hook (g_ptr_array_index (tracker->nested, i), hook);
}

void
leash_tracker_set_fault_hook (LeashTracker *tracker, const LeashFaultHook *hook)
{
  gboolean was_busy = leash_trackers_enter ();

  set_hook (tracker, hook);
  leash_trackers_leave (was_busy);
}

/**
 * leash_fault_point_at:
 * @ctx: a context
 * @operation: what is about to be done
 * @name: (nullable): with what it is done
 * @error: the failure
 *
 * What leash_fault_point() calls, in a sweep. May be called from any thread.
 *
 * Returns: %TRUE to go on; %FALSE, with @error set, to fail
 *
 * Since: 0.1
 */
gboolean
leash_fault_point_at (LeashContext *ctx, const char *operation, const char *name, GError **error)
{
  const LeashFaultHook *hook;
  gboolean was_busy, goes_on;

  g_return_val_if_fail (ctx != NULL, TRUE);
  g_return_val_if_fail (operation != NULL, TRUE);
  g_return_val_if_fail (error == NULL || *error == NULL, TRUE);

  if (ctx->tracker == NULL)
    return TRUE;
  was_busy = leash_trackers_enter ();
  hook = ctx->tracker->fault_hook;
  goes_on = hook == NULL || hook->func (operation, name, hook->data, error);
  leash_trackers_leave (was_busy);
  return goes_on;
}
