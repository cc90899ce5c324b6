/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Timers on a LeashClock: what deadlines are made of. See leash-timer.c. */
#pragma once

#include <leash/leash-clock.h>

struct _LeashClock
{
  gint ref_count;     /* atomic; not used by the system's clock, which is never freed */
  gboolean is_fake;   /* never changes */
  gint64 now;         /* atomic; of a fake clock, written with the timers' lock held */
  gint64 goal;        /* of a fake clock: where all advances together lead; guarded by the timers' lock */
  GSequence *waiting; /* of LeashTimer, soonest first; guarded by the timers' lock; NULL until needed */
};

/*
 * Embedded in what it ends. The owner stops it before it goes, so the clock needs no reference to the owner,
 * except while it fires: hold takes one, with the timers' lock held (so it only tries, by an atomic, and
 * returns FALSE when the owner is going already); fire uses that one up, with no lock held.
 */
typedef struct _LeashTimer LeashTimer;
struct _LeashTimer
{
  LeashClock *clock; /* a reference; NULL for no timer */
  gint64 due;        /* in the clock's time; never changes once started, as are the functions */
  gboolean (*hold) (LeashTimer *timer);
  void (*fire) (LeashTimer *timer);
  guint64 serial;       /* of two with the same due, the first started fires first; guarded by the lock */
  GSequenceIter *place; /* in clock->waiting, NULL when not in it; guarded by the lock */
};

/* Returns FALSE, and never calls fire, when the timer is due already. */
gboolean leash_timer_start   (LeashTimer *timer);

/* It will not start to fire any more; it may be firing. May be called for one that never started. Returns whether it
 * waited. */
gboolean leash_timer_stop    (LeashTimer *timer);

/* Moves a fake clock, firing what comes due on the way, in this thread. */
void     leash_timer_advance (LeashClock *clock,
                              gint64      microseconds);

guint    leash_timer_count   (LeashClock *clock);
