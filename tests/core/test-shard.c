/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A slot's life: quarantine, children that hold it, and trackers that go. */
#include "tracker-fixture.h"

#include "leash-extra-private.h"
#include "leash-tracker-private.h"

typedef struct
{
  LeashTracker *tracker;
  LeashShard *shard;
} Fixture;

static void
set_up (Fixture *fixture, gconstpointer unused)
{
  fixture->tracker = leash_tracker_new ();
  fixture->shard = leash_tracker_get_shard (fixture->tracker, leash_thread_get ());
}

static void
tear_down (Fixture *fixture, gconstpointer unused)
{
  leash_tracker_unref (fixture->tracker);
}

static LeashSlot *
take (Fixture *fixture)
{
  LeashSlot *slot;

  leash_shard_lock (fixture->shard);
  slot = leash_shard_take_slot (fixture->shard);
  slot->generation++;
  slot->state = LEASH_SLOT_OPEN;
  leash_shard_unlock (fixture->shard);
  return slot;
}

static void
give (Fixture *fixture, LeashSlot *slot)
{
  leash_shard_lock (fixture->shard);
  slot->state = LEASH_SLOT_RELEASED;
  leash_shard_close_slot (fixture->shard, slot);
  leash_shard_unlock (fixture->shard);
}

static void
test_quarantine (Fixture *fixture, gconstpointer unused)
{
  LeashSlot *first = take (fixture);
  LeashTag *tag = leash_slot_get_tag (first);

  give (fixture, first);
  for (guint i = 0; i < LEASH_QUARANTINE; i++)
    {
      LeashSlot *slot = take (fixture);

      g_assert_true (slot != first);
      give (fixture, slot);
    }
  g_assert_true (leash_slot_is_tags (first, tag));
  for (guint i = 0; i < LEASH_FREE_SLOTS_AT_ONCE && leash_slot_is_tags (first, tag); i++)
    give (fixture, take (fixture));
  g_assert_false (leash_slot_is_tags (first, tag));
}

static void
test_held_by_children (Fixture *fixture, gconstpointer unused)
{
  LeashSlot *parent = take (fixture);
  LeashTag *tag = leash_slot_get_tag (parent);

  g_assert_true (leash_parent_attach (tag) == tag);
  g_assert_true (leash_parent_attach (tag) == tag);
  give (fixture, parent);
  g_assert_null (leash_parent_attach (tag));
  g_assert_cmpuint (fixture->shard->n_freed, ==, 0);
  leash_parent_detach (tag);
  g_assert_cmpuint (fixture->shard->n_freed, ==, 0);
  leash_parent_detach (tag);
  g_assert_cmpuint (fixture->shard->n_freed, ==, 1);
  leash_parent_detach (tag); /* by chance, of a stale tag: nothing is counted below none */
  g_assert_cmpuint (parent->children, ==, 0);
  g_assert_cmpuint (fixture->shard->n_freed, ==, 1);
}

/* Regression: a slot that was moved, and that its last child left, still led to where it had moved to. */
static void
test_moved (Fixture *fixture, gconstpointer unused)
{
  LeashSlot *old = take (fixture);
  LeashSlot *new = take (fixture);
  LeashTag *old_tag = leash_slot_get_tag (old);
  LeashTag *new_tag = leash_slot_get_tag (new);

  leash_parent_attach (old_tag);
  leash_parent_attach (new_tag); /* by the old one */
  leash_shard_lock (fixture->shard);
  old->state = LEASH_SLOT_MOVED;
  old->extra = leash_extra_new (FALSE);
  old->extra->parent = new_tag;
  leash_shard_close_slot (fixture->shard, old);
  leash_shard_unlock (fixture->shard);
  g_assert_true (leash_parent_attach (old_tag) == new_tag);
  leash_parent_detach (new_tag);
  g_assert_cmpuint (new->children, ==, 1);
  leash_parent_detach (old_tag);
  g_assert_cmpuint (new->children, ==, 0);
  g_assert_cmpint (old->state, ==, LEASH_SLOT_RELEASED);
  g_assert_null (old->extra->parent);
  give (fixture, new);
}

static void
test_tag_of_a_gone_tracker (Fixture *fixture, gconstpointer unused)
{
  LeashTag *tag = leash_slot_get_tag (take (fixture));
  LeashShard *shard = NULL;

  g_assert_nonnull (leash_shard_lock_tag (tag, &shard));
  leash_shard_unlock (shard);
  leash_tracker_unref (fixture->tracker);
  g_assert_null (leash_shard_lock_tag (tag, &shard));
  g_assert_null (leash_parent_attach (tag));
  leash_parent_detach (tag);
  set_up (fixture, NULL);
}

/* Children in one tracker whose parents are in another, which goes first; and the other way round. */
static void
test_trees_across_trackers (void)
{
  g_auto (Tracked) stays = tracked_new ();
  Tracked goes = tracked_new ();
  LeashTag *gone_parent = leash_track (goes.ctx, "parent", NULL);
  LeashTag *child = leash_track_child (stays.ctx, gone_parent, "child", NULL);
  LeashTag *parent = leash_track (stays.ctx, "parent", NULL);

  leash_track_child (goes.ctx, parent, "child", NULL);
  leash_untrack (leash_track_child (goes.ctx, parent, "child", NULL));
  tracked_clear (&goes);
  g_assert_cmpuint (leash_tag_get_slot (parent)->children, ==, 0);
  leash_untrack (parent);
  leash_untrack (child);
  assert_clean (&stays);
}

/* What was released before its parent was counted by the parent no more when its tracker went. */
static void
test_released_children_are_counted_once (void)
{
  g_auto (Tracked) stays = tracked_new ();
  LeashTag *parent = leash_track (stays.ctx, "parent", NULL);
  LeashTag *child = leash_track_child (stays.ctx, parent, "child", NULL);

  for (int i = 0; i < 100; i++)
    {
      g_auto (Tracked) goes = tracked_new ();

      leash_untrack (leash_track_child (goes.ctx, parent, "child", NULL));
    }
  g_assert_cmpuint (leash_tag_get_slot (parent)->children, ==, 1);
  leash_untrack (child);
  leash_untrack (parent);
  assert_clean (&stays);
}

static gpointer
close_one (gpointer tag)
{
  leash_untrack (tag);
  return NULL;
}

static LeashShard *
get_shard (Tracked *tracked)
{
  return leash_tracker_get_shard (tracked->tracker, leash_thread_get ());
}

/* Closing would wait for ever if it asked for the lock that this holds. */
static void
test_closing_waits_for_no_opening (void)
{
  g_auto (Tracked) tracked = tracked_new ();
  LeashTag *tag = leash_track (tracked.ctx, "thing", NULL);
  LeashShard *shard = get_shard (&tracked);

  leash_short_lock (&shard->open_lock);
  g_thread_join (g_thread_new ("closes", close_one, tag));
  g_assert_cmpuint (leash_tracker_count_open (tracked.tracker), ==, 0);
  leash_short_unlock (&shard->open_lock);
  assert_clean (&tracked);
}

static void
test_opening_waits_for_no_closing (void)
{
  g_auto (Tracked) tracked = tracked_new ();
  LeashShard *shard = get_shard (&tracked);
  LeashTag *tag;

  leash_short_lock (&shard->close_lock);
  tag = leash_track (tracked.ctx, "thing", NULL);
  g_assert_cmpuint (leash_tracker_count_open (tracked.tracker), ==, 1);
  leash_short_unlock (&shard->close_lock);
  leash_untrack (tag);
  assert_clean (&tracked);
}

static gpointer
close_all (gpointer tags)
{
  for (LeashTag **tag = tags; *tag != NULL; tag++)
    leash_untrack (*tag);
  return NULL;
}

static void
test_slots_closed_elsewhere_are_used_again (void)
{
  g_auto (Tracked) tracked = tracked_new ();
  LeashShard *shard = get_shard (&tracked);
  LeashTag *tags[100 + 1] = { NULL };

  for (guint i = 0; i < 20; i++)
    {
      for (guint k = 0; k < 100; k++)
        tags[k] = leash_track (tracked.ctx, "thing", NULL);
      g_thread_join (g_thread_new ("closes", close_all, tags));
    }
  g_assert_cmpuint (shard->n_opened, ==, 2000);
  g_assert_cmpuint (shard->n_new, <=, 100 + LEASH_QUARANTINE + LEASH_FREE_SLOTS_AT_ONCE);
  assert_clean (&tracked);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add ("/shard/released-slots-rest-before-they-are-used-again", Fixture, NULL, set_up, test_quarantine,
              tear_down);
  g_test_add ("/shard/children-hold-their-parent-s-slot", Fixture, NULL, set_up, test_held_by_children,
              tear_down);
  g_test_add ("/shard/moved-slot-leads-on-until-its-children-are-gone", Fixture, NULL, set_up, test_moved,
              tear_down);
  g_test_add ("/shard/tag-of-a-tracker-that-is-gone-leads-nowhere", Fixture, NULL, set_up,
              test_tag_of_a_gone_tracker, tear_down);
  g_test_add_func ("/shard/trees-across-trackers", test_trees_across_trackers);
  g_test_add_func ("/shard/released-children-are-counted-once", test_released_children_are_counted_once);
  g_test_add_func ("/shard/closing-waits-for-no-opening", test_closing_waits_for_no_opening);
  g_test_add_func ("/shard/opening-waits-for-no-closing", test_opening_waits_for_no_closing);
  g_test_add_func ("/shard/slots-that-another-thread-closes-are-used-again",
                   test_slots_closed_elsewhere_are_used_again);
  return g_test_run ();
}
