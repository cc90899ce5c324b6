/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The clock that a context's deadlines run on: the system's monotonic one, or a fake one that a test moves. */
#pragma once

#include <leash/leash-macros.h>

G_BEGIN_DECLS

#define LEASH_TYPE_CLOCK (leash_clock_get_type ())

LEASH_AVAILABLE_IN_0_1
GType       leash_clock_get_type (void) G_GNUC_CONST;
LEASH_AVAILABLE_IN_0_1
LeashClock *leash_clock_system   (void);
LEASH_AVAILABLE_IN_0_1
LeashClock *leash_clock_new_fake (gint64      start) G_GNUC_WARN_UNUSED_RESULT;
LEASH_AVAILABLE_IN_0_1
LeashClock *leash_clock_ref      (LeashClock *clock);
LEASH_AVAILABLE_IN_0_1
void        leash_clock_unref    (LeashClock *clock);
LEASH_AVAILABLE_IN_0_1
gint64      leash_clock_get_time (LeashClock *clock);
LEASH_AVAILABLE_IN_0_1
gboolean    leash_clock_is_fake  (LeashClock *clock);
LEASH_AVAILABLE_IN_0_1
void        leash_clock_advance  (LeashClock *clock,
                                  gint64      microseconds);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (LeashClock, leash_clock_unref)

G_END_DECLS
