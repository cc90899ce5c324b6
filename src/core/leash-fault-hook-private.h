/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who makes fault points fail. See leash-fault-point.c. */
#pragma once

#include <leash/leash-tracker.h>

typedef struct
{
  /* Returns FALSE, with the error set, for a call that is to fail. Runs with the lock of all trackers held. */
  gboolean (*func) (const char *operation, const char *name, gpointer data, GError **error);
  gpointer data;
} LeashFaultHook;

/*
 * Asks hook at each fault point of the tracker's contexts, and of those nested in it now or later, until it is
 * called with NULL: from then on the hook is not in use.
 */
void leash_tracker_set_fault_hook (LeashTracker         *tracker,
                                   const LeashFaultHook *hook);
