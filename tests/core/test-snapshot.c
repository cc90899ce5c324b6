/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Moments of a tracker, and what two of them differ in. */
#include "tracker-fixture.h"

static LeashSnapshot *
difference_to_now (LeashSnapshot *before, Tracked *tracked)
{
  g_autoptr (LeashSnapshot) after = leash_snapshot_new (tracked->tracker);

  return leash_snapshot_new_difference (before, after);
}

static void
test_never_changes (void)
{
  g_auto (Tracked) tracked = tracked_new ();
  g_autoptr (LeashSnapshot) snapshot = NULL;
  LeashTag *tag = leash_track_pointer (tracked.ctx, "thing", &tracked, "name");

  snapshot = leash_snapshot_new (tracked.tracker);
  leash_untrack (tag);
  leash_untrack (tag);
  tracked_clear (&tracked);
  g_assert_cmpuint (leash_snapshot_get_length (snapshot), ==, 1);
  g_assert_cmpuint (leash_snapshot_get_n_misuses (snapshot), ==, 0);
  g_assert_cmpstr (leash_snapshot_get_resource (snapshot, 0)->name, ==, "name");
  g_assert_true (leash_snapshot_get_resource (snapshot, 0)->key == &tracked);
}

static void
test_difference (void)
{
  g_auto (Tracked) tracked = tracked_new ();
  g_autoptr (LeashSnapshot) before = NULL, same = NULL, difference = NULL;
  LeashTag *stays = leash_track (tracked.ctx, "thing", "stays");
  LeashTag *goes = leash_track (tracked.ctx, "thing", "goes");
  LeashTag *parent, *comes;

  before = leash_snapshot_new (tracked.tracker);
  same = difference_to_now (before, &tracked);
  g_assert_cmpuint (leash_snapshot_get_length (same), ==, 0);
  leash_untrack (goes);
  leash_tag_set_name (stays, "renamed"); /* the same one still */
  parent = leash_track (tracked.ctx, "thing", "parent");
  comes = leash_track_child (tracked.ctx, parent, "thing", "comes");
  leash_untrack (parent);
  difference = difference_to_now (before, &tracked);
  leash_untrack (comes);
  leash_untrack (stays);
  tracked_clear (&tracked);
  g_assert_cmpuint (leash_snapshot_get_length (difference), ==, 1);
  g_assert_cmpstr (leash_snapshot_get_resource (difference, 0)->name, ==, "comes");
  g_assert_cmpstr (leash_snapshot_get_resource (difference, 0)->parent_name, ==, "parent");
}

/* Its own, and nobody else's: not those of another with the handle, nor grandchildren. */
static void
test_children (void)
{
  g_auto (Tracked) tracked = tracked_new ();
  LeashTag *parent = leash_track_pointer (tracked.ctx, "thing", &tracked, "parent");
  LeashTag *other = leash_track_pointer (tracked.ctx, "other", &tracked, "other");
  LeashTag *child = leash_track_child (tracked.ctx, parent, "thing", "child");
  LeashTag *others = leash_track_child (tracked.ctx, other, "thing", "other's");
  LeashTag *grandchild = leash_track_child (tracked.ctx, child, "thing", "grandchild");
  g_autoptr (LeashSnapshot) all = leash_snapshot_new (tracked.tracker);
  g_autoptr (LeashSnapshot) children = leash_snapshot_new_children (all, "thing", &tracked);
  g_autoptr (LeashSnapshot) none = leash_snapshot_new_children (all, "thing", parent);
  g_autofree char *text = leash_snapshot_report (children, LEASH_FORMAT_TEXT, LEASH_REPORT_NONE, 0);

  g_clear_pointer (&all, leash_snapshot_unref);
  g_assert_cmpuint (leash_snapshot_get_length (none), ==, 0);
  g_assert_cmpuint (leash_snapshot_get_length (children), ==, 1);
  g_assert_cmpstr (leash_snapshot_get_resource (children, 0)->name, ==, "child");
  g_assert_true (leash_snapshot_get_resource (children, 0)->parent_key == &tracked);
  g_assert_true (g_str_has_prefix (text, "leash: 1 resource still open, from 1 place\n1 x thing \"child\""));
  leash_untrack (grandchild);
  leash_untrack (others);
  leash_untrack (child);
  leash_untrack (other);
  leash_untrack (parent);
}

/* What was opened before its parent was handed on to another tracker is its child still. */
static void
test_children_of_adopted (void)
{
  g_auto (Tracked) tracked = tracked_new ();
  g_auto (Tracked) nested = tracked_from (leash_tracker_new_nested (tracked.tracker));
  LeashTag *parent = leash_track_pointer (tracked.ctx, "thing", &tracked, "parent");
  LeashTag *child = leash_track_child (tracked.ctx, parent, "thing", "child");
  g_autoptr (LeashSnapshot) all = NULL, children = NULL;

  parent = leash_tag_adopt (parent, nested.ctx);
  parent = leash_tag_adopt (parent, tracked.ctx);
  parent = leash_tag_adopt (parent, nested.ctx);
  all = leash_snapshot_new (tracked.tracker);
  children = leash_snapshot_new_children (all, "thing", &tracked);
  g_assert_cmpuint (leash_snapshot_get_length (children), ==, 1);
  g_assert_cmpstr (leash_snapshot_get_resource (children, 0)->parent_name, ==, "parent");
  leash_untrack (child);
  leash_untrack (parent);
  assert_clean (&tracked);
}

/* Slots are used again: one that holds another resource by now is not the same. */
static void
test_difference_where_slots_are_used_again (void)
{
  g_auto (Tracked) tracked = tracked_new ();
  g_autoptr (LeashSnapshot) before = NULL, difference = NULL;
  LeashTag *tags[200];

  for (int i = 0; i < 200; i++)
    tags[i] = leash_track (tracked.ctx, "thing", "old");
  before = leash_snapshot_new (tracked.tracker);
  for (int i = 0; i < 200; i++)
    leash_untrack (tags[i]);
  for (int i = 0; i < 200; i++)
    tags[i] = leash_track (tracked.ctx, "thing", "new");
  difference = difference_to_now (before, &tracked);
  g_assert_cmpuint (leash_snapshot_get_length (difference), ==, 200);
  for (int i = 0; i < 200; i++)
    leash_untrack (tags[i]);
}

G_NO_INLINE static void
misuse_here (Tracked *tracked)
{
  leash_untrack_pointer (tracked->ctx, "thing", tracked);
}

/* Regression: what was done wrong before and again was left out, and what nested trackers did was mixed up.
 */
static void
test_difference_of_misuses (void)
{
  g_auto (Tracked) outer = tracked_new ();
  g_auto (Tracked) inner = tracked_from (leash_tracker_new_nested (outer.tracker));
  g_autoptr (LeashSnapshot) before = NULL, difference = NULL, none = NULL;
  LeashTag *tag = leash_track (outer.ctx, "outer-thing", NULL);

  for (volatile int i = 0; i < 5; i++)
    {
      if (i == 2)
        before = leash_snapshot_new (outer.tracker);
      misuse_here (&inner);
    }
  leash_untrack (tag);
  leash_untrack (tag);
  difference = difference_to_now (before, &outer);
  g_assert_cmpuint (leash_snapshot_get_n_misuses (difference), ==, 2);
  for (gsize i = 0; i < 2; i++)
    {
      const LeashMisuse *misuse = leash_snapshot_get_misuse (difference, i);

      g_assert_cmpuint (misuse->count, ==, misuse->type == LEASH_MISUSE_NOT_TRACKED ? 3 : 1);
    }
  none = leash_snapshot_new_difference (difference, difference);
  g_assert_cmpuint (leash_snapshot_get_n_misuses (none), ==, 0);
}

static void
test_boxed (void)
{
  g_auto (Tracked) tracked = tracked_new ();
  LeashSnapshot *snapshot = leash_snapshot_new (tracked.tracker);
  LeashSnapshot *copy = g_boxed_copy (LEASH_TYPE_SNAPSHOT, snapshot);

  g_assert_true (copy == snapshot);
  g_boxed_free (LEASH_TYPE_SNAPSHOT, copy);
  leash_snapshot_unref (snapshot);
}

static void
test_wrong_arguments (void)
{
  g_auto (Tracked) tracked = tracked_new ();
  g_autoptr (LeashSnapshot) snapshot = leash_snapshot_new (tracked.tracker);

  EXPECT_CRITICAL ("*leash_snapshot_new*tracker*", g_assert_null (leash_snapshot_new (NULL)));
  EXPECT_CRITICAL ("*leash_snapshot_new_difference*before*",
                   g_assert_null (leash_snapshot_new_difference (NULL, snapshot)));
  EXPECT_CRITICAL ("*leash_snapshot_new_difference*after*",
                   g_assert_null (leash_snapshot_new_difference (snapshot, NULL)));
  EXPECT_CRITICAL ("*leash_snapshot_ref*snapshot*", leash_snapshot_ref (NULL));
  EXPECT_CRITICAL ("*leash_snapshot_unref*snapshot*", leash_snapshot_unref (NULL));
  EXPECT_CRITICAL ("*leash_snapshot_get_length*snapshot*", leash_snapshot_get_length (NULL));
  EXPECT_CRITICAL ("*leash_snapshot_get_resource*snapshot*", leash_snapshot_get_resource (NULL, 0));
  EXPECT_CRITICAL ("*leash_snapshot_get_resource*index*", leash_snapshot_get_resource (snapshot, 0));
  EXPECT_CRITICAL ("*leash_snapshot_get_n_misuses*snapshot*", leash_snapshot_get_n_misuses (NULL));
  EXPECT_CRITICAL ("*leash_snapshot_get_misuse*snapshot*", leash_snapshot_get_misuse (NULL, 0));
  EXPECT_CRITICAL ("*leash_snapshot_get_misuse*index*", leash_snapshot_get_misuse (snapshot, 0));
  EXPECT_CRITICAL ("*leash_snapshot_report*snapshot*",
                   g_free (leash_snapshot_report (NULL, LEASH_FORMAT_TEXT, LEASH_REPORT_NONE, 0)));
  EXPECT_CRITICAL ("*leash_snapshot_report*format*",
                   g_free (leash_snapshot_report (snapshot, (LeashFormat) 9, LEASH_REPORT_NONE, 0)));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/snapshot/never-changes", test_never_changes);
  g_test_add_func ("/snapshot/difference-is-what-came-and-stayed", test_difference);
  g_test_add_func ("/snapshot/children-of-one-resource", test_children);
  g_test_add_func ("/snapshot/children-of-what-was-handed-on", test_children_of_adopted);
  g_test_add_func ("/snapshot/difference-knows-slots-that-are-used-again",
                   test_difference_where_slots_are_used_again);
  g_test_add_func ("/snapshot/difference-counts-misuses-between", test_difference_of_misuses);
  g_test_add_func ("/snapshot/is-a-boxed-type", test_boxed);
  g_test_add_func ("/snapshot/wrong-arguments-are-named", test_wrong_arguments);
  return g_test_run ();
}
