/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * LeashClock: the time that deadlines are in. There are two: the system's monotonic clock, one for the
 * process and never freed, and fake ones that stand still until leash_clock_advance(). An interface for
 * clocks of the program's own was rejected: what a test wants is to decide when time passes, and a fake clock
 * does that.
 *
 * The timers of a clock are in leash-timer.c. All functions may be called from any thread; the functions that
 * leash_clock_advance() sets off run in its caller.
 */
#include "leash-timer-private.h"

#include "leash-boxed-private.h"

static LeashClock system_clock;

LEASH_DEFINE_BOXED (LeashClock, leash_clock)

/**
 * leash_clock_system:
 *
 * Gets the system's monotonic clock, that of g_get_monotonic_time(): the one that contexts have unless they
 * were given another. It is never freed; references to it are not counted.
 *
 * Returns: (transfer none): the clock
 *
 * Since: 0.1
 */
LeashClock *
leash_clock_system (void)
{
  return &system_clock;
}

/**
 * leash_clock_new_fake:
 * @start: the time that it begins at, in microseconds
 *
 * Makes a clock that stands still until leash_clock_advance() moves it, for tests of deadlines that neither
 * wait nor depend on the speed of the machine. Give it to the code under test by leash_context_with_clock().
 *
 * Returns: (transfer full): the clock
 *
 * Since: 0.1
 */
LeashClock *
leash_clock_new_fake (gint64 start)
{
  LeashClock *clock = g_new0 (LeashClock, 1);

  clock->ref_count = 1;
  clock->is_fake = TRUE;
  clock->now = start;
  clock->goal = start;
  return clock;
}

/**
 * leash_clock_ref:
 * @clock: a clock
 *
 * Adds a reference.
 *
 * Returns: (transfer full): @clock
 *
 * Since: 0.1
 */
LeashClock *
leash_clock_ref (LeashClock *clock)
{
  g_return_val_if_fail (clock != NULL, NULL);

  if (clock->is_fake)
    __atomic_fetch_add (&clock->ref_count, 1, __ATOMIC_RELAXED);
  return clock;
}

/**
 * leash_clock_unref:
 * @clock: (nullable) (transfer full): a clock
 *
 * Drops a reference; the last one frees the clock. A context with a deadline on it holds one.
 *
 * Since: 0.1
 */
void
leash_clock_unref (LeashClock *clock)
{
  if (clock == NULL || !clock->is_fake)
    return;
  if (__atomic_sub_fetch (&clock->ref_count, 1, __ATOMIC_ACQ_REL) > 0)
    return;
  g_clear_pointer (&clock->waiting, g_sequence_free);
  g_free (clock);
}

/**
 * leash_clock_get_time:
 * @clock: a clock
 *
 * Tells the time. Deadlines are in this time.
 *
 * Returns: microseconds since an unspecified start
 *
 * Since: 0.1
 */
gint64
leash_clock_get_time (LeashClock *clock)
{
  g_return_val_if_fail (clock != NULL, 0);

  if (!clock->is_fake)
    return g_get_monotonic_time ();
  return __atomic_load_n (&clock->now, __ATOMIC_ACQUIRE);
}

/**
 * leash_clock_is_fake:
 * @clock: a clock
 *
 * Tells whether the clock was made by leash_clock_new_fake().
 *
 * Returns: %TRUE if it moves only by leash_clock_advance()
 *
 * Since: 0.1
 */
gboolean
leash_clock_is_fake (LeashClock *clock)
{
  g_return_val_if_fail (clock != NULL, FALSE);

  return clock->is_fake;
}

/**
 * leash_clock_advance:
 * @clock: a fake clock
 * @microseconds: how far, 0 or more
 *
 * Moves a fake clock forward. Contexts whose deadlines come on the way are done when this returns: they are
 * ended one by one, in the order of their deadlines, in this thread, with the clock standing at the deadline
 * of each. What is set off by that may look at the clock, set deadlines and advance the clock further; in
 * the end it has moved by the sum of all advances.
 *
 * Since: 0.1
 */
void
leash_clock_advance (LeashClock *clock, gint64 microseconds)
{
  g_return_if_fail (clock != NULL);
  g_return_if_fail (clock->is_fake);
  g_return_if_fail (microseconds >= 0);

  leash_timer_advance (clock, microseconds);
}
