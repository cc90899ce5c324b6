/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Clocks: the system's, and fake ones that a test moves. */
#include <leash/leash.h>

#define EXPECT_CRITICAL(pattern) g_test_expect_message ("Leash", G_LOG_LEVEL_CRITICAL, "*" pattern "*")

static void
test_system (void)
{
  LeashClock *clock = leash_clock_system ();
  gint64 before = g_get_monotonic_time ();
  gint64 now = leash_clock_get_time (clock);

  g_assert_cmpint (before, <=, now);
  g_assert_cmpint (now, <=, g_get_monotonic_time ());
  g_assert_false (leash_clock_is_fake (clock));
}

static void
test_system_is_never_freed (void)
{
  g_autoptr (LeashClock) clock = leash_clock_system ();

  leash_clock_unref (clock);
  leash_clock_unref (clock);
  g_assert_true (leash_clock_ref (clock) == leash_clock_system ());
}

static void
test_fake_stands_still (void)
{
  g_autoptr (LeashClock) clock = leash_clock_new_fake (1000);

  g_assert_true (leash_clock_is_fake (clock));
  g_usleep (2000);
  g_assert_cmpint (leash_clock_get_time (clock), ==, 1000);
  leash_clock_advance (clock, 0);
  g_assert_cmpint (leash_clock_get_time (clock), ==, 1000);
  leash_clock_advance (clock, 234);
  g_assert_cmpint (leash_clock_get_time (clock), ==, 1234);
}

static void
test_advance_ends_contexts_due (void)
{
  g_autoptr (LeashClock) clock = leash_clock_new_fake (0);
  g_autoptr (LeashContext) root = leash_context_with_clock (leash_context_background (), clock);
  g_autoptr (LeashContext) ctx = leash_context_with_timeout (root, G_TIME_SPAN_DAY);

  leash_clock_advance (clock, G_TIME_SPAN_DAY - 1);
  g_assert_false (leash_context_is_done (ctx));
  leash_clock_advance (clock, 1);
  g_assert_true (leash_context_is_done (ctx));
}

typedef struct
{
  LeashClock *clock;
  GArray *times;
  LeashContext *spawned; /* made by spawn() */
} Log;

static void
note_time (GCancellable *cancellable, gpointer user_data)
{
  Log *log = user_data;
  gint64 now = leash_clock_get_time (log->clock);

  g_array_append_val (log->times, now);
}

static LeashContext *
note_end (Log *log, LeashContext *root, gint64 deadline)
{
  LeashContext *ctx = leash_context_with_deadline (root, deadline);

  g_signal_connect (leash_context_get_cancellable (ctx), "cancelled", G_CALLBACK (note_time), log);
  return ctx;
}

static void
test_advance_in_order (void)
{
  static const gint64 deadlines[] = { 30, 10, 20, 40, 10 };
  static const gint64 expected[] = { 10, 10, 20, 30 };
  g_autoptr (LeashClock) clock = leash_clock_new_fake (0);
  g_autoptr (LeashContext) root = leash_context_with_clock (leash_context_background (), clock);
  Log log = { clock, g_array_new (FALSE, FALSE, sizeof (gint64)), NULL };
  LeashContext *contexts[G_N_ELEMENTS (deadlines)];

  for (guint i = 0; i < G_N_ELEMENTS (deadlines); i++)
    contexts[i] = note_end (&log, root, deadlines[i]);
  leash_clock_advance (clock, 35);
  g_assert_cmpint (leash_clock_get_time (clock), ==, 35);
  g_assert_cmpmem (log.times->data, log.times->len * sizeof (gint64), expected, sizeof expected);
  g_assert_false (leash_context_is_done (contexts[3]));
  for (guint i = 0; i < G_N_ELEMENTS (deadlines); i++)
    leash_context_unref (contexts[i]);
  g_array_unref (log.times);
}

static void
spawn (GCancellable *cancellable, gpointer user_data)
{
  Log *log = user_data;
  g_autoptr (LeashContext) root = leash_context_with_clock (leash_context_background (), log->clock);

  log->spawned = note_end (log, root, leash_clock_get_time (log->clock) + 5);
}

/* What was set off sets a deadline that is also on the way. */
static void
test_advance_meets_new_deadlines (void)
{
  static const gint64 expected[] = { 15 };
  g_autoptr (LeashClock) clock = leash_clock_new_fake (0);
  g_autoptr (LeashContext) root = leash_context_with_clock (leash_context_background (), clock);
  g_autoptr (LeashContext) ctx = leash_context_with_deadline (root, 10);
  Log log = { clock, g_array_new (FALSE, FALSE, sizeof (gint64)), NULL };

  g_signal_connect (leash_context_get_cancellable (ctx), "cancelled", G_CALLBACK (spawn), &log);
  leash_clock_advance (clock, 100);
  g_assert_cmpmem (log.times->data, log.times->len * sizeof (gint64), expected, sizeof expected);
  leash_context_unref (log.spawned);
  g_array_unref (log.times);
}

static void
advance_more (GCancellable *cancellable, gpointer clock)
{
  g_assert_cmpint (leash_clock_get_time (clock), ==, 10);
  leash_clock_advance (clock, 50);
}

static void
test_advances_add_up (void)
{
  g_autoptr (LeashClock) clock = leash_clock_new_fake (0);
  g_autoptr (LeashContext) root = leash_context_with_clock (leash_context_background (), clock);
  g_autoptr (LeashContext) ctx = leash_context_with_deadline (root, 10);

  g_signal_connect (leash_context_get_cancellable (ctx), "cancelled", G_CALLBACK (advance_more), clock);
  leash_clock_advance (clock, 100);
  g_assert_cmpint (leash_clock_get_time (clock), ==, 150);
}

static gpointer
advance_often (gpointer clock)
{
  for (int i = 0; i < 1000; i++)
    leash_clock_advance (clock, 1);
  return NULL;
}

static void
test_advance_in_two_threads (void)
{
  g_autoptr (LeashClock) clock = leash_clock_new_fake (0);
  g_autoptr (LeashContext) root = leash_context_with_clock (leash_context_background (), clock);
  GThread *thread = g_thread_new ("mover", advance_often, clock);
  LeashContext *contexts[1000];

  for (int i = 0; i < 1000; i++)
    contexts[i] = leash_context_with_deadline (root, i);
  advance_often (clock);
  g_thread_join (thread);
  g_assert_cmpint (leash_clock_get_time (clock), ==, 2000);
  for (int i = 0; i < 1000; i++)
    {
      g_assert_true (leash_context_is_done (contexts[i]));
      leash_context_unref (contexts[i]);
    }
}

static void
test_advance_to_the_end_of_time (void)
{
  g_autoptr (LeashClock) clock = leash_clock_new_fake (G_MAXINT64 - 10);

  leash_clock_advance (clock, G_MAXINT64);
  g_assert_cmpint (leash_clock_get_time (clock), ==, G_MAXINT64);
}

static void
test_lives_as_long_as_deadlines (void)
{
  LeashClock *clock = leash_clock_new_fake (0);
  LeashContext *root = leash_context_with_clock (leash_context_background (), clock);
  LeashContext *timed = leash_context_with_timeout (root, 10);
  LeashContext *moved = leash_context_with_clock (timed, leash_clock_system ());

  leash_clock_unref (clock);
  leash_context_unref (root);
  leash_context_unref (timed);
  g_assert_false (leash_context_is_done (moved));
  leash_context_unref (moved);
}

static void
test_boxed (void)
{
  g_autoptr (LeashClock) clock = leash_clock_new_fake (0);
  g_auto (GValue) value = G_VALUE_INIT;

  g_value_init (&value, LEASH_TYPE_CLOCK);
  g_value_set_boxed (&value, clock);
  g_assert_true (g_value_get_boxed (&value) == clock);
}

static void
test_misuse (void)
{
  g_autoptr (LeashClock) clock = leash_clock_new_fake (5);

  EXPECT_CRITICAL ("leash_clock_advance*microseconds >= 0*");
  leash_clock_advance (clock, -1);
  g_assert_cmpint (leash_clock_get_time (clock), ==, 5);
  EXPECT_CRITICAL ("leash_clock_advance*is_fake*");
  leash_clock_advance (leash_clock_system (), 1);
  EXPECT_CRITICAL ("leash_clock_advance*clock != NULL*");
  leash_clock_advance (NULL, 1);
  EXPECT_CRITICAL ("leash_clock_ref*clock != NULL*");
  g_assert_null (leash_clock_ref (NULL));
  EXPECT_CRITICAL ("leash_clock_get_time*clock != NULL*");
  g_assert_cmpint (leash_clock_get_time (NULL), ==, 0);
  EXPECT_CRITICAL ("leash_clock_is_fake*clock != NULL*");
  g_assert_false (leash_clock_is_fake (NULL));
  g_test_assert_expected_messages ();
  leash_clock_unref (NULL);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/clock/system/tells-monotonic-time", test_system);
  g_test_add_func ("/clock/system/is-never-freed", test_system_is_never_freed);
  g_test_add_func ("/clock/fake/stands-still-until-moved", test_fake_stands_still);
  g_test_add_func ("/clock/fake/ends-what-is-due-and-nothing-else", test_advance_ends_contexts_due);
  g_test_add_func ("/clock/fake/ends-in-order-at-the-time-of-each", test_advance_in_order);
  g_test_add_func ("/clock/fake/meets-deadlines-set-on-the-way", test_advance_meets_new_deadlines);
  g_test_add_func ("/clock/fake/advances-within-advances-add-up", test_advances_add_up);
  g_test_add_func ("/clock/fake/moved-by-two-threads", test_advance_in_two_threads);
  g_test_add_func ("/clock/fake/stops-at-the-end-of-time", test_advance_to_the_end_of_time);
  g_test_add_func ("/clock/fake/lives-as-long-as-deadlines-on-it", test_lives_as_long_as_deadlines);
  g_test_add_func ("/clock/boxed/travels-in-a-value", test_boxed);
  g_test_add_func ("/clock/misuse/names-the-call", test_misuse);
  return g_test_run ();
}
