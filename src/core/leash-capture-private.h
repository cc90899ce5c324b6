/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Takes the stack of the calling thread. */
#pragma once

#include "leash-depot-private.h"

/*
 * The stack from caller (LEASH_CALLER of the public function that was called) outwards, at most depth frames.
 * Where no stack can be taken, the caller alone. Hold no lock.
 */
LeashStackId leash_capture          (gconstpointer    caller,
                                     const LeashSite *site,
                                     guint            depth);

/* The caller alone, flagged so. */
LeashStackId leash_capture_place    (gconstpointer    caller,
                                     const LeashSite *site);

/* Makes the first capture of the thread, which costs some 100 us, before time matters. */
void         leash_capture_warm_up  (void);
guint64      leash_capture_count_after_fork (void);
/* In the child of a fork. */
void         leash_capture_stop_after_fork  (gboolean had_threads);
