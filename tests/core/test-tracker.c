/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Trackers: their life, their nesting, their levels, what they count. */
#include "tracker-fixture.h"

static void
test_counts_what_is_open (void)
{
  g_auto (Tracked) tracked = tracked_new ();
  LeashTag *file = leash_track (tracked.ctx, "tracker-file", "a");
  LeashTag *conn = leash_track (tracked.ctx, "tracker-conn", NULL);

  g_assert_cmpuint (leash_tracker_count_open (tracked.tracker), ==, 2);
  g_assert_cmpuint (leash_tracker_count_kind (tracked.tracker, "tracker-file"), ==, 1);
  g_assert_cmpuint (leash_tracker_count_kind (tracked.tracker, "never seen by anybody"), ==, 0);
  leash_untrack (file);
  g_assert_cmpuint (leash_tracker_count_kind (tracked.tracker, "tracker-file"), ==, 0);
  leash_tag_keep_open (conn);
  leash_tag_keep_open (conn); /* once is enough, twice no harm */
  g_assert_cmpuint (leash_tracker_count_kind (tracked.tracker, "tracker-conn"), ==, 0);
  assert_clean (&tracked);
  g_assert_true (leash_tracker_check (tracked.tracker, NULL));
  leash_untrack (conn);
  assert_clean (&tracked);
}

static void
test_context_without_tracker (void)
{
  g_assert_null (leash_track (leash_context_background (), "thing", NULL));
  leash_untrack (NULL);
  leash_untrack_pointer (leash_context_background (), "thing", &opened_from);
  leash_untrack_pointer_at (leash_context_background (), "thing", &opened_from, NULL);
  g_assert_null (leash_track_at (leash_context_background (), "thing", NULL, NULL));
}

static void
test_ended_tracker (void)
{
  g_auto (Tracked) tracked = tracked_new ();
  g_autoptr (LeashSnapshot) snapshot = NULL;
  LeashTag *before = leash_track (tracked.ctx, "thing", "before");

  g_assert_false (leash_tracker_is_ended (tracked.tracker));
  leash_tracker_end (tracked.tracker);
  leash_tracker_end (tracked.tracker);
  g_assert_true (leash_tracker_is_ended (tracked.tracker));
  leash_untrack (before); /* closing goes on */
  assert_clean (&tracked);
  g_assert_null (open_here (&tracked, NULL, "after"));
  g_assert_cmpuint (leash_tracker_count_open (tracked.tracker), ==, 0);
  g_assert_cmpstr (only_misuse (&tracked, LEASH_MISUSE_ENDED_TRACKER, &snapshot)->name, ==, "after");
  assert_stack_from (leash_snapshot_get_misuse (snapshot, 0)->stack, opened_from);
  g_assert_false (leash_tracker_check (tracked.tracker, NULL));
}

static void
test_nested_counts_for_parent (void)
{
  g_auto (Tracked) outer = tracked_new ();
  g_auto (Tracked) inner = tracked_from (leash_tracker_new_nested (outer.tracker));
  g_autoptr (LeashSnapshot) snapshot = NULL;
  LeashTag *tag = leash_track (inner.ctx, "nested-thing", NULL);

  g_assert_cmpuint (leash_tracker_count_open (outer.tracker), ==, 1);
  g_assert_cmpuint (leash_tracker_count_kind (outer.tracker, "nested-thing"), ==, 1);
  snapshot = leash_snapshot_new (outer.tracker);
  g_assert_cmpuint (leash_snapshot_get_length (snapshot), ==, 1);
  leash_untrack (tag);
  leash_untrack (tag);
  g_assert_cmpuint (leash_tracker_count_open (outer.tracker), ==, 0);
  g_assert_cmpuint (leash_tracker_count_misuses (outer.tracker), ==, 1);
}

static void
test_end_order (void)
{
  g_auto (Tracked) outer = tracked_new ();
  g_auto (Tracked) inner = tracked_from (leash_tracker_new_nested (outer.tracker));
  g_autoptr (LeashSnapshot) snapshot = NULL;

  leash_tracker_end (outer.tracker);
  g_assert_cmpstr (only_misuse (&outer, LEASH_MISUSE_END_ORDER, &snapshot)->kind, ==, "tracker");
  g_assert_cmpuint (leash_stack_get_frames (leash_snapshot_get_misuse (snapshot, 0)->stack, NULL, 0), >, 1);
}

static void
test_end_in_order (void)
{
  g_auto (Tracked) outer = tracked_new ();
  g_auto (Tracked) inner = tracked_from (leash_tracker_new_nested (outer.tracker));
  g_auto (Tracked) gone = tracked_from (leash_tracker_new_nested (outer.tracker));

  leash_tracker_end (inner.tracker);
  tracked_clear (&gone);
  leash_tracker_end (outer.tracker);
  assert_clean (&outer);
}

/* A nested tracker that goes leaves its leaks to its parent, until they are closed. */
static void
test_dropped_nested_leaks (void)
{
  g_auto (Tracked) outer = tracked_new ();
  Tracked inner = tracked_from (leash_tracker_new_nested (outer.tracker));
  LeashTag *tag = leash_track (inner.ctx, "thing", "left");

  tracked_clear (&inner);
  g_assert_cmpuint (leash_tracker_count_open (outer.tracker), ==, 1);
  leash_tracker_end (outer.tracker); /* nobody could end it any more */
  leash_untrack (tag);
  assert_clean (&outer);
}

/* Regression: an orphan that was collected dropped a reference to its parent that it had not. */
static void
test_orphans_are_collected (void)
{
  g_auto (Tracked) outer = tracked_new ();
  LeashTag *tags[8];

  for (int i = 0; i < 8; i++)
    {
      Tracked inner = tracked_from (leash_tracker_new_nested (outer.tracker));

      tags[i] = leash_track (inner.ctx, "thing", NULL);
      tracked_clear (&inner);
      if (i > 0)
        leash_untrack (tags[i - 1]);
    }
  g_assert_cmpuint (leash_tracker_count_open (outer.tracker), ==, 1);
  leash_untrack (tags[7]);
  for (int i = 0; i < 8; i++)
    leash_tracker_unref (leash_tracker_new_nested (outer.tracker));
  assert_clean (&outer);
}

/* Regression: the same with an orphan that holds nothing but an orphan. */
static void
test_orphans_of_orphans (void)
{
  g_auto (Tracked) outer = tracked_new ();
  Tracked middle = tracked_from (leash_tracker_new_nested (outer.tracker));
  Tracked inner = tracked_from (leash_tracker_new_nested (middle.tracker));
  LeashTag *in_middle = leash_track (middle.ctx, "thing", NULL);
  LeashTag *in_inner = leash_track (inner.ctx, "thing", NULL);

  tracked_clear (&inner);
  tracked_clear (&middle);
  g_assert_cmpuint (leash_tracker_count_open (outer.tracker), ==, 2);
  leash_untrack (in_middle);
  leash_tracker_unref (leash_tracker_new_nested (outer.tracker));
  g_assert_cmpuint (leash_tracker_count_open (outer.tracker), ==, 1);
  leash_untrack (in_inner);
  leash_tracker_unref (leash_tracker_new_nested (outer.tracker));
  assert_clean (&outer);
}

static void
test_parent_goes_with_orphans (void)
{
  Tracked outer = tracked_new ();
  Tracked middle = tracked_from (leash_tracker_new_nested (outer.tracker));
  Tracked inner = tracked_from (leash_tracker_new_nested (middle.tracker));
  LeashTag *tag = leash_track (inner.ctx, "thing", NULL);

  tracked_clear (&inner);
  tracked_clear (&middle);
  tracked_clear (&outer);
  leash_untrack (tag); /* nobody is left to care */
}

/* Regression: what was closed in a nested tracker was nobody's closed parent once that tracker was gone. */
static void
test_dropped_nested_parent (void)
{
  g_auto (Tracked) outer = tracked_new ();
  Tracked inner = tracked_from (leash_tracker_new_nested (outer.tracker));
  LeashTag *parent = leash_track (inner.ctx, "parent", NULL);
  LeashTag *child = leash_track_child (outer.ctx, parent, "child", NULL);

  leash_untrack (parent);
  tracked_clear (&inner);
  leash_untrack (child);
  g_assert_cmpuint (leash_tracker_count_open (outer.tracker), ==, 0);
  g_assert_cmpuint (leash_tracker_count_misuses (outer.tracker), ==, 1);
}

/* Regression: the same where it was closed after its tracker was dropped, which then went with another. */
static void
test_dropped_nested_parent_closed_later (void)
{
  g_auto (Tracked) outer = tracked_new ();
  g_auto (Tracked) other = tracked_from (leash_tracker_new_nested (outer.tracker));
  Tracked inner = tracked_from (leash_tracker_new_nested (outer.tracker));
  LeashTag *parent = leash_track (inner.ctx, "parent", NULL);
  LeashTag *child = leash_track_child (other.ctx, parent, "child", NULL);

  tracked_clear (&inner);
  leash_untrack (parent);
  leash_tracker_unref (leash_tracker_new_nested (outer.tracker));
  leash_untrack (child);
  g_assert_cmpuint (leash_tracker_count_open (outer.tracker), ==, 0);
  g_assert_cmpuint (leash_tracker_count_misuses (outer.tracker), ==, 1);
}

/* Regression: what was done wrong in a request was forgotten with the request. */
static void
test_dropped_nested_misuses (void)
{
  g_auto (Tracked) outer = tracked_new ();

  for (int i = 0; i < 3; i++)
    {
      g_auto (Tracked) inner = tracked_from (leash_tracker_new_nested (outer.tracker));
      LeashTag *tag = leash_track (inner.ctx, "thing", NULL);

      leash_untrack (tag);
      leash_untrack (tag);
    }
  g_assert_cmpuint (leash_tracker_count_misuses (outer.tracker), ==, 3);
}

static void
test_released_by_key_across_nesting (void)
{
  g_auto (Tracked) outer = tracked_new ();
  g_auto (Tracked) inner = tracked_from (leash_tracker_new_nested (outer.tracker));

  leash_track_pointer (outer.ctx, "thing", &outer, NULL);
  leash_untrack_pointer (inner.ctx, "thing", &outer);
  /* Regression: from above it was taken for a wrong tracker. */
  leash_track_pointer (inner.ctx, "thing", &inner, NULL);
  leash_untrack_pointer (outer.ctx, "thing", &inner);
  leash_track_pointer (inner.ctx, "thing", &inner, NULL);
  tracked_clear (&inner);
  leash_untrack_pointer (outer.ctx, "thing", &inner);
  assert_clean (&outer);
}

static guint
count_frames (Tracked *tracked)
{
  g_autoptr (LeashSnapshot) snapshot = NULL;
  LeashTag *tag = leash_track (tracked->ctx, "thing", NULL);
  guint n;

  snapshot = leash_snapshot_new (tracked->tracker);
  n = leash_stack_get_frames (leash_snapshot_get_resource (snapshot, 0)->stack, NULL, 0);
  leash_untrack (tag);
  return n;
}

static void
test_levels (void)
{
  g_auto (Tracked) tracked = tracked_new ();
  LeashTag *tag;

  leash_tracker_set_level (tracked.tracker, LEASH_LEVEL_FULL, 0);
  g_assert_cmpuint (count_frames (&tracked), >, 2);
  leash_tracker_set_level (tracked.tracker, LEASH_LEVEL_COUNT, 0);
  g_assert_cmpint (leash_tracker_get_level (tracked.tracker), ==, LEASH_LEVEL_COUNT);
  g_assert_cmpuint (count_frames (&tracked), ==, 1);
  tag = leash_track_pointer (tracked.ctx, "thing", &tag, NULL);
  leash_tracker_set_level (tracked.tracker, LEASH_LEVEL_OFF, 0);
  g_assert_null (leash_track (tracked.ctx, "thing", NULL));
  g_assert_null (leash_track_pointer (tracked.ctx, "thing", &tracked, NULL));
  g_assert_cmpuint (leash_tracker_count_open (tracked.tracker), ==, 1); /* what is open stays */
  leash_untrack (tag);
  leash_tracker_set_level (tracked.tracker, LEASH_LEVEL_FULL, 0);
  leash_untrack_pointer (tracked.ctx, "thing", &tracked); /* opened while it was off: no misuse */
  assert_clean (&tracked);
}

/* In a process where trackers begin at level off, and no handle was tracked before. */
static void
close_handles_when_off (void)
{
  g_auto (Tracked) outer = tracked_new ();
  g_auto (Tracked) inner = tracked_from (leash_tracker_new_nested (outer.tracker));

  leash_untrack_pointer (outer.ctx, "thing", &outer);
  leash_tracker_set_level (inner.tracker, LEASH_LEVEL_FULL, 0);
  leash_track_pointer (inner.ctx, "thing", &inner, NULL);
  leash_untrack_pointer (outer.ctx, "thing", &inner);
  assert_clean (&outer);
  leash_tracker_set_level (outer.tracker, LEASH_LEVEL_FULL, 0);
  leash_track_pointer (outer.ctx, "thing", &outer, NULL);
  leash_tracker_set_level (outer.tracker, LEASH_LEVEL_OFF, 0);
  leash_untrack_pointer (outer.ctx, "thing", &outer);
  assert_clean (&outer);
}

static void
test_off_closes_handles (void)
{
  if (g_test_subprocess ())
    {
      close_handles_when_off ();
      return;
    }
  g_setenv ("LEASH_LEVEL", "off", TRUE);
  g_test_trap_subprocess (NULL, 0, G_TEST_SUBPROCESS_INHERIT_STDERR);
  g_unsetenv ("LEASH_LEVEL");
  g_test_trap_assert_passed ();
}

static guint
count_sampled (Tracked *tracked, guint n)
{
  guint sampled = 0;

  for (guint i = 0; i < n; i++)
    sampled += count_frames (tracked) > 1;
  return sampled;
}

static void
test_samples (void)
{
  g_auto (Tracked) tracked = tracked_new ();
  guint sampled;

  leash_tracker_set_level (tracked.tracker, LEASH_LEVEL_SAMPLE, 10);
  sampled = count_sampled (&tracked, 1000);
  g_assert_cmpuint (sampled, >, 60);
  g_assert_cmpuint (sampled, <, 160);
  /* Regression: what was left to the next sample was what another rate had drawn. */
  leash_tracker_set_level (tracked.tracker, LEASH_LEVEL_SAMPLE, G_MAXUINT);
  g_assert_cmpuint (count_sampled (&tracked, 50), <=, 1);
  leash_tracker_set_level (tracked.tracker, LEASH_LEVEL_SAMPLE, 1);
  g_assert_cmpuint (count_sampled (&tracked, 50), ==, 50);
}

static gpointer
count_first_sampled (gpointer tracked)
{
  return GUINT_TO_POINTER (count_frames (tracked) > 1);
}

/* Regression: each thread's first open was sampled, so that short threads were extrapolated far too high. */
static void
test_samples_of_short_threads (void)
{
  g_auto (Tracked) tracked = tracked_new ();
  guint sampled = 0;

  leash_tracker_set_level (tracked.tracker, LEASH_LEVEL_SAMPLE, 1000000);
  for (int i = 0; i < 20; i++)
    sampled += GPOINTER_TO_UINT (g_thread_join (g_thread_new ("short", count_first_sampled, &tracked)));
  g_assert_cmpuint (sampled, <=, 1);
}

static void
test_depth (void)
{
  g_auto (Tracked) tracked = tracked_new ();

  leash_tracker_set_depth (tracked.tracker, 2);
  g_assert_cmpuint (count_frames (&tracked), ==, 2);
  leash_tracker_set_depth (tracked.tracker, 1);
  g_assert_cmpuint (count_frames (&tracked), ==, 1);
  leash_tracker_set_depth (tracked.tracker, 128);
  g_assert_cmpuint (count_frames (&tracked), >, 2);
}

static guint
frames_of_close (Tracked *tracked)
{
  g_autoptr (LeashSnapshot) snapshot = NULL;
  LeashTag *tag = leash_track (tracked->ctx, "thing", NULL);

  leash_untrack (tag);
  leash_untrack (tag);
  snapshot = leash_snapshot_new (tracked->tracker);
  return leash_stack_get_frames (
      leash_snapshot_get_misuse (snapshot, leash_snapshot_get_n_misuses (snapshot) - 1)->closed_stack, NULL,
      0);
}

static void
test_release_stacks (void)
{
  g_auto (Tracked) tracked = tracked_new ();

  g_assert_cmpuint (frames_of_close (&tracked), ==, 1);
  leash_tracker_set_release_stacks (tracked.tracker, TRUE);
  g_assert_cmpuint (frames_of_close (&tracked), >, 2);
  leash_tracker_set_depth (tracked.tracker,
                           2); /* Regression: kept the depth of the time it was switched on. */
  g_assert_cmpuint (frames_of_close (&tracked), ==, 2);
  leash_tracker_set_release_stacks (tracked.tracker, FALSE);
  leash_tracker_set_depth (tracked.tracker, 3);
  g_assert_cmpuint (frames_of_close (&tracked), ==, 1);
}

static void
test_boxed (void)
{
  LeashTracker *tracker = leash_tracker_new ();
  LeashTracker *copy = g_boxed_copy (LEASH_TYPE_TRACKER, tracker);

  g_assert_true (copy == tracker);
  g_boxed_free (LEASH_TYPE_TRACKER, copy);
  leash_tracker_unref (tracker);
}

/* A context that can be cancelled is a resource: it holds a place in its parent's list until it ends. */
static void
test_context_is_a_resource (void)
{
  g_auto (Tracked) tracked = tracked_new ();
  g_autoptr (LeashSnapshot) snapshot = NULL;
  g_autoptr (LeashClock) clock = leash_clock_new_fake (0);
  g_autoptr (LeashContext) on_clock = leash_context_with_clock (tracked.ctx, clock);
  g_autoptr (LeashContext) by_cancel = leash_context_with_cancel (tracked.ctx);
  g_autoptr (LeashContext) by_timeout = leash_context_with_timeout (on_clock, 1000);
  LeashContext *by_unref = leash_context_with_cancel (tracked.ctx);

  g_assert_cmpuint (leash_tracker_count_kind (tracked.tracker, "context"), ==, 3);
  snapshot = leash_snapshot_new (tracked.tracker);
  g_assert_cmpuint (leash_stack_get_frames (leash_snapshot_get_resource (snapshot, 0)->stack, NULL, 0), >, 1);
  leash_context_cancel (by_cancel, NULL);
  g_assert_cmpuint (leash_tracker_count_kind (tracked.tracker, "context"), ==, 2);
  leash_clock_advance (clock, 1000);
  g_assert_true (leash_context_is_done (by_timeout));
  g_assert_cmpuint (leash_tracker_count_kind (tracked.tracker, "context"), ==, 1);
  leash_context_unref (by_unref);
  assert_clean (&tracked);
}

static void
test_wrong_arguments (void)
{
  g_autoptr (LeashTracker) tracker = leash_tracker_new ();

  EXPECT_CRITICAL ("*leash_tracker_new_nested*parent*", g_assert_null (leash_tracker_new_nested (NULL)));
  EXPECT_CRITICAL ("*leash_tracker_ref*tracker*", leash_tracker_ref (NULL));
  EXPECT_CRITICAL ("*leash_tracker_unref*tracker*", leash_tracker_unref (NULL));
  EXPECT_CRITICAL ("*leash_tracker_end*tracker*", leash_tracker_end (NULL));
  EXPECT_CRITICAL ("*leash_tracker_is_ended*tracker*", leash_tracker_is_ended (NULL));
  EXPECT_CRITICAL ("*leash_tracker_get_level*tracker*", leash_tracker_get_level (NULL));
  EXPECT_CRITICAL ("*leash_tracker_set_level*tracker*", leash_tracker_set_level (NULL, LEASH_LEVEL_FULL, 0));
  EXPECT_CRITICAL ("*leash_tracker_set_level*level*", leash_tracker_set_level (tracker, (LeashLevel) 9, 0));
  EXPECT_CRITICAL ("*leash_tracker_set_level*sample_every*",
                   leash_tracker_set_level (tracker, LEASH_LEVEL_SAMPLE, 0));
  EXPECT_CRITICAL ("*leash_tracker_set_depth*tracker*", leash_tracker_set_depth (NULL, 1));
  EXPECT_CRITICAL ("*leash_tracker_set_depth*frames*", leash_tracker_set_depth (tracker, 0));
  EXPECT_CRITICAL ("*leash_tracker_set_depth*frames*", leash_tracker_set_depth (tracker, 129));
  EXPECT_CRITICAL ("*leash_tracker_set_release_stacks*tracker*",
                   leash_tracker_set_release_stacks (NULL, TRUE));
  EXPECT_CRITICAL ("*leash_tracker_count_open*tracker*", leash_tracker_count_open (NULL));
  EXPECT_CRITICAL ("*leash_tracker_count_kind*tracker*", leash_tracker_count_kind (NULL, "thing"));
  EXPECT_CRITICAL ("*leash_tracker_count_kind*kind*", leash_tracker_count_kind (tracker, NULL));
  EXPECT_CRITICAL ("*leash_tracker_count_misuses*tracker*", leash_tracker_count_misuses (NULL));
  g_assert_cmpint (leash_tracker_get_level (tracker), ==, LEASH_LEVEL_FULL);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/tracker/counts-what-is-open-by-kind", test_counts_what_is_open);
  g_test_add_func ("/tracker/context-without-tracker-tracks-nothing", test_context_without_tracker);
  g_test_add_func ("/tracker/opening-on-an-ended-one-is-a-misuse", test_ended_tracker);
  g_test_add_func ("/tracker/nested/counts-for-its-parent", test_nested_counts_for_parent);
  g_test_add_func ("/tracker/nested/ended-after-its-parent-is-a-misuse", test_end_order);
  g_test_add_func ("/tracker/nested/ended-before-its-parent-is-none", test_end_in_order);
  g_test_add_func ("/tracker/nested/dropped-leaves-its-leaks-to-its-parent", test_dropped_nested_leaks);
  g_test_add_func ("/tracker/nested/dropped-goes-when-its-leaks-are-closed", test_orphans_are_collected);
  g_test_add_func ("/tracker/nested/dropped-with-nested-ones-of-its-own", test_orphans_of_orphans);
  g_test_add_func ("/tracker/nested/parent-goes-first-with-everything", test_parent_goes_with_orphans);
  g_test_add_func ("/tracker/nested/dropped-leaves-its-misuses-to-its-parent", test_dropped_nested_misuses);
  g_test_add_func ("/tracker/nested/dropped-with-a-closed-parent", test_dropped_nested_parent);
  g_test_add_func ("/tracker/nested/dropped-with-a-parent-that-is-closed-later",
                   test_dropped_nested_parent_closed_later);
  g_test_add_func ("/tracker/nested/handles-are-found-above-and-below", test_released_by_key_across_nesting);
  g_test_add_func ("/tracker/levels-change-while-it-runs", test_levels);
  g_test_add_func ("/tracker/off-closes-by-handle-what-another-opened", test_off_closes_handles);
  g_test_add_func ("/tracker/samples-one-in-so-many", test_samples);
  g_test_add_func ("/tracker/samples-short-threads-no-more-than-others", test_samples_of_short_threads);
  g_test_add_func ("/tracker/depth-limits-stacks", test_depth);
  g_test_add_func ("/tracker/release-stacks-on-and-off", test_release_stacks);
  g_test_add_func ("/tracker/is-a-boxed-type", test_boxed);
  g_test_add_func ("/tracker/context-never-cancelled-is-a-leak", test_context_is_a_resource);
  g_test_add_func ("/tracker/wrong-arguments-are-named", test_wrong_arguments);
  return g_test_run ();
}
