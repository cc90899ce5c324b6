/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Handing resources on, between threads and between trackers. */
#include "tracker-fixture.h"

static gconstpointer adopted_from;

G_NO_INLINE static LeashTag *
adopt_here (LeashTag *tag, Tracked *to)
{
  LeashTag *adopted = leash_tag_adopt (tag, to->ctx);

  adopted_from = LEASH_CALLER;
  return adopted;
}

static void
assert_adopted (Tracked *tracked, const char *thread)
{
  g_autoptr (LeashSnapshot) snapshot = leash_snapshot_new (tracked->tracker);
  const LeashResource *resource = leash_snapshot_get_resource (snapshot, 0);

  g_assert_cmpuint (leash_snapshot_get_length (snapshot), ==, 1);
  g_assert_cmpint (resource->flags, ==, LEASH_RESOURCE_ADOPTED);
  g_assert_cmpstr (resource->name, ==, "heirloom");
  g_assert_cmpstr (resource->adopter_thread, ==, thread);
  assert_stack_from (resource->stack, opened_from);
  assert_stack_from (resource->adopter_stack, adopted_from);
}

static void
test_same_tracker (void)
{
  g_auto (Tracked) tracked = tracked_new ();
  LeashTag *tag = open_here (&tracked, NULL, "heirloom");

  g_assert_true (adopt_here (tag, &tracked) == tag);
  assert_adopted (&tracked, "main");
  leash_untrack (tag);
  assert_clean (&tracked);
}

typedef struct
{
  LeashTag *tag;
  Tracked *to;
} Handover;

static gpointer
adopt_in_thread (gpointer data)
{
  Handover *handover = data;

  return adopt_here (handover->tag, handover->to);
}

static void
test_other_thread (void)
{
  g_auto (Tracked) tracked = tracked_new ();
  Handover handover = { open_here (&tracked, NULL, "heirloom"), &tracked };

  g_assert_true (g_thread_join (g_thread_new ("adopter", adopt_in_thread, &handover)) == handover.tag);
  assert_adopted (&tracked, "adopter");
  leash_untrack (handover.tag);
  assert_clean (&tracked);
}

static void
test_other_tracker (void)
{
  g_auto (Tracked) from = tracked_new ();
  g_auto (Tracked) to = tracked_new ();
  g_autoptr (LeashSnapshot) snapshot = NULL;
  LeashTag *old = open_here (&from, NULL, "heirloom");
  LeashTag *new = adopt_here (old, &to);
  const LeashMisuse *misuse;

  g_assert_true (new != old);
  assert_clean (&from);
  assert_adopted (&to, "main");
  leash_untrack (old); /* the wrong tag: it does not close what has another owner */
  g_assert_cmpuint (leash_tracker_count_open (to.tracker), ==, 1);
  misuse = only_misuse (&from, LEASH_MISUSE_DOUBLE_RELEASE, &snapshot);
  g_assert_cmpstr (misuse->name, ==, "heirloom");
  g_assert_nonnull (misuse->what);
  assert_stack_from (misuse->closed_stack, adopted_from);
  leash_untrack (new);
  assert_clean (&to);
}

/* Regression: what was opened before its new tracker was made looked as old as that. */
static void
test_age_is_kept (void)
{
  g_auto (Tracked) from = tracked_new ();
  g_autoptr (LeashSnapshot) before = NULL, after = NULL;
  LeashTag *tag = leash_track (from.ctx, "thing", NULL);
  g_auto (Tracked) to = { 0 };

  before = leash_snapshot_new (from.tracker);
  g_usleep (20000); /* the clock must go on; nothing is waited for */
  to = tracked_new ();
  tag = leash_tag_adopt (tag, to.ctx);
  after = leash_snapshot_new (to.tracker);
  g_assert_cmpint (leash_snapshot_get_resource (after, 0)->opened_at, ==,
                   leash_snapshot_get_resource (before, 0)->opened_at);
  leash_untrack (tag);
}

static void
test_handle_moves_along (void)
{
  g_auto (Tracked) from = tracked_new ();
  g_auto (Tracked) to = tracked_new ();

  leash_tag_adopt (leash_track_pointer (from.ctx, "thing", &from, NULL), to.ctx);
  leash_untrack_pointer (to.ctx, "thing", &from);
  assert_clean (&to);
  leash_untrack_pointer (from.ctx, "thing", &from);
  g_assert_cmpuint (leash_tracker_count_misuses (from.tracker), ==, 1);
}

static void
test_kept_stays_kept (void)
{
  g_auto (Tracked) from = tracked_new ();
  g_auto (Tracked) to = tracked_new ();
  LeashTag *tag = leash_track (from.ctx, "thing", NULL);

  leash_tag_keep_open (tag);
  tag = leash_tag_adopt (tag, to.ctx);
  assert_clean (&to);
  leash_untrack (tag);
  assert_clean (&to);
}

/* Children follow their parent wherever it went, and are opened from it by its old tag too. */
static void
test_children_follow (void)
{
  g_auto (Tracked) a = tracked_new ();
  g_auto (Tracked) b = tracked_new ();
  g_auto (Tracked) c = tracked_new ();
  LeashTag *in_a = leash_track (a.ctx, "parent", NULL);
  LeashTag *first = leash_track_child (a.ctx, in_a, "child", NULL);
  LeashTag *in_b = leash_tag_adopt (in_a, b.ctx);
  LeashTag *second = leash_track_child (a.ctx, in_a, "child", NULL);
  LeashTag *in_c = leash_tag_adopt (in_b, c.ctx);
  LeashTag *third = leash_track_child (a.ctx, in_a, "child", NULL);

  leash_untrack (first);
  leash_untrack (third);
  g_assert_cmpuint (leash_tracker_count_misuses (a.tracker), ==, 0);
  leash_untrack (in_c);
  leash_untrack (second);
  g_assert_cmpuint (leash_tracker_count_misuses (a.tracker), ==, 1); /* closed after its parent */
  assert_clean (&b);
  assert_clean (&c);
}

/* Regression: an old slot that its children had left was counted by the new one twice. */
static void
test_old_tracker_goes (void)
{
  g_auto (Tracked) to = tracked_new ();
  g_autoptr (LeashSnapshot) snapshot = NULL;
  Tracked from = tracked_new ();
  LeashTag *old = leash_track (from.ctx, "parent", NULL);
  LeashTag *child = leash_track_child (to.ctx, old, "child", NULL);
  LeashTag *new = leash_tag_adopt (old, to.ctx);
  LeashTag *new_child = leash_track_child (to.ctx, new, "child", NULL);

  leash_untrack (child);
  tracked_clear (&from);
  leash_untrack (new);
  /* Still known as closed only if the new slot is kept for its child. */
  for (int i = 0; i < 1000; i++)
    leash_untrack (leash_track (to.ctx, "thing", NULL));
  leash_untrack (new_child);
  only_misuse (&to, LEASH_MISUSE_CLOSED_AFTER_PARENT, &snapshot);
}

static void
test_stays_where_it_cannot_go (void)
{
  g_auto (Tracked) from = tracked_new ();
  g_auto (Tracked) to = tracked_new ();
  LeashTag *tag = leash_track (from.ctx, "thing", NULL);

  g_assert_true (leash_tag_adopt (tag, leash_context_background ()) == tag);
  leash_tracker_set_level (to.tracker, LEASH_LEVEL_OFF, 0);
  g_assert_true (leash_tag_adopt (tag, to.ctx) == tag);
  leash_tracker_set_level (to.tracker, LEASH_LEVEL_FULL, 0);
  leash_tracker_end (to.tracker);
  g_assert_true (leash_tag_adopt (tag, to.ctx) == tag);
  leash_untrack (tag);
  assert_clean (&from);
}

static void
test_after_close (void)
{
  g_auto (Tracked) from = tracked_new ();
  g_auto (Tracked) to = tracked_new ();
  g_autoptr (LeashSnapshot) snapshot = NULL;
  LeashTag *tag = open_here (&from, NULL, NULL);
  const LeashMisuse *misuse;

  leash_untrack (tag);
  g_assert_null (adopt_here (tag, &to));
  misuse = only_misuse (&from, LEASH_MISUSE_USE_AFTER_CLOSE, &snapshot);
  g_assert_cmpstr (misuse->what, ==, "adopted after close");
  assert_stack_from (misuse->stack, adopted_from);
  assert_clean (&to);
}

static void
test_wrong_arguments (void)
{
  g_auto (Tracked) tracked = tracked_new ();
  LeashTag *tag = leash_track (tracked.ctx, "thing", NULL);

  g_assert_null (leash_tag_adopt (NULL, tracked.ctx));
  EXPECT_CRITICAL ("*leash_tag_adopt_at*tag*", leash_tag_adopt_at (NULL, tracked.ctx, NULL));
  EXPECT_CRITICAL ("*leash_tag_adopt_at*ctx*", g_assert_null (leash_tag_adopt (tag, NULL)));
  leash_untrack (tag);
  assert_clean (&tracked);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/adopt/same-tracker-keeps-opener-and-adopter", test_same_tracker);
  g_test_add_func ("/adopt/other-thread-is-named", test_other_thread);
  g_test_add_func ("/adopt/other-tracker-has-it-and-the-old-tag-is-recognised", test_other_tracker);
  g_test_add_func ("/adopt/age-is-kept", test_age_is_kept);
  g_test_add_func ("/adopt/handle-moves-along", test_handle_moves_along);
  g_test_add_func ("/adopt/meant-to-stay-open-stays-so", test_kept_stays_kept);
  g_test_add_func ("/adopt/children-follow-their-parent", test_children_follow);
  g_test_add_func ("/adopt/old-tracker-may-go", test_old_tracker_goes);
  g_test_add_func ("/adopt/stays-where-the-new-owner-tracks-nothing", test_stays_where_it_cannot_go);
  g_test_add_func ("/adopt/after-close-is-a-misuse", test_after_close);
  g_test_add_func ("/adopt/wrong-arguments-are-named", test_wrong_arguments);
  return g_test_run ();
}
