/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is remembered of misuses, and how much of it. */
#include "tracker-fixture.h"

#include "leash-tracker-private.h"

G_NO_INLINE static void
use_here (LeashTag *tag, const char *what)
{
  leash_tag_misused (tag, what, LEASH_CALLER);
  closed_from = LEASH_CALLER;
}

static void
test_used_after_close (void)
{
  g_auto (Tracked) tracked = tracked_new ();
  g_autoptr (LeashSnapshot) snapshot = NULL;
  LeashTag *tag = open_here (&tracked, NULL, "gone");
  const LeashMisuse *misuse;
  gconstpointer frame;

  leash_untrack (tag);
  use_here (tag, "read after close");
  misuse = only_misuse (&tracked, LEASH_MISUSE_USE_AFTER_CLOSE, &snapshot);
  g_assert_cmpstr (misuse->what, ==, "read after close");
  g_assert_cmpstr (misuse->name, ==, "gone");
  leash_stack_get_frames (misuse->stack, &frame, 1);
  g_assert_true (frame == closed_from);
  assert_stack_from (misuse->opened_stack, opened_from);
  g_assert_cmpuint (misuse->closed_stack, !=, 0);
}

static void
test_used_wrongly_while_open (void)
{
  g_auto (Tracked) tracked = tracked_new ();
  g_autoptr (LeashSnapshot) snapshot = NULL;
  LeashTag *tag = leash_track (tracked.ctx, "thing", NULL);

  use_here (tag, "read by two threads at once");
  g_assert_cmpuint (only_misuse (&tracked, LEASH_MISUSE_USE_AFTER_CLOSE, &snapshot)->closed_stack, ==, 0);
  leash_untrack (tag);
}

static void
test_used_much_later (void)
{
  g_auto (Tracked) tracked = tracked_new ();
  g_autoptr (LeashSnapshot) snapshot = NULL;
  LeashTag *tag = leash_track (tracked.ctx, "thing", NULL);

  leash_untrack (tag);
  for (int i = 0; i < 1000; i++)
    leash_untrack (leash_track (tracked.ctx, "thing", NULL));
  use_here (tag, "read");
  g_assert_cmpstr (only_misuse (&tracked, LEASH_MISUSE_USE_AFTER_CLOSE, &snapshot)->kind, ==, "(forgotten)");
}

static void
test_same_ones_are_counted (void)
{
  g_auto (Tracked) tracked = tracked_new ();
  g_autoptr (LeashSnapshot) snapshot = NULL;

  for (volatile int i = 0; i < 1000; i++)
    leash_untrack_pointer (tracked.ctx, "thing", &tracked);
  g_assert_cmpuint (only_misuse (&tracked, LEASH_MISUSE_NOT_TRACKED, &snapshot)->count, ==, 1000);
  g_assert_cmpuint (leash_tracker_count_misuses (tracked.tracker), ==, 1000);
}

static void
test_different_ones_are_bounded (void)
{
  g_auto (Tracked) outer = tracked_new ();
  g_auto (Tracked) tracked = tracked_from (leash_tracker_new_nested (outer.tracker));
  g_autoptr (LeashSnapshot) snapshot = NULL;

  for (guint i = 0; i < LEASH_N_MISUSES + 10; i++)
    {
      g_autofree char *kind = g_strdup_printf ("misused-%u", i);

      leash_untrack_pointer (tracked.ctx, kind, &tracked);
    }
  snapshot = leash_snapshot_new (tracked.tracker);
  g_assert_cmpuint (leash_snapshot_get_n_misuses (snapshot), ==, LEASH_N_MISUSES);
  g_assert_cmpuint (leash_tracker_count_misuses (tracked.tracker), ==, LEASH_N_MISUSES + 10);
  tracked_clear (&tracked);
  g_assert_cmpuint (leash_tracker_count_misuses (outer.tracker), ==, LEASH_N_MISUSES + 10);
}

static void
test_wrong_arguments (void)
{
  g_auto (Tracked) tracked = tracked_new ();
  LeashTag *tag = leash_track (tracked.ctx, "thing", NULL);

  EXPECT_CRITICAL ("*leash_tag_misused_at*tag*", leash_tag_misused_at (NULL, "read", tag));
  EXPECT_CRITICAL ("*leash_tag_misused_at*what*", leash_tag_misused (tag, NULL, tag));
  EXPECT_CRITICAL ("*leash_tag_misused_at*caller*", leash_tag_misused (tag, "read", NULL));
  leash_untrack (tag);
  assert_clean (&tracked);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/misuse/use-after-close-shows-every-stack", test_used_after_close);
  g_test_add_func ("/misuse/of-what-is-open-has-no-close", test_used_wrongly_while_open);
  g_test_add_func ("/misuse/of-what-is-long-forgotten-is-still-one", test_used_much_later);
  g_test_add_func ("/misuse/same-ones-are-one-with-a-count", test_same_ones_are_counted);
  g_test_add_func ("/misuse/different-ones-are-bounded-and-counted", test_different_ones_are_bounded);
  g_test_add_func ("/misuse/wrong-arguments-are-named", test_wrong_arguments);
  return g_test_run ();
}
