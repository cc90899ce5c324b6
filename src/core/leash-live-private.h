/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reports of a running program, of one tracker, or of all of the process where tracker is NULL. */
#pragma once

#include <leash/leash-tracker.h>

/* As leash_tracker_report(); with all frames and places, if all. Ends with the end of a line. */
char    *leash_live_report (LeashTracker *tracker,
                            LeashFormat   format,
                            gboolean      all);
/* Starts what LEASH_SERVE and LEASH_SIGNAL ask for, once; leash_check_settings() tells what failed. */
void     leash_live_start  (void);

/* leash-signal.c. The report is written on each signal, until signum is 0. */
gboolean leash_signal_set  (LeashTracker *tracker,
                            int           signum,
                            GError      **error);
