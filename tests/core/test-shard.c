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

  leash_short_lock (&fixture->shard->lock);
  slot = leash_shard_take_slot (fixture->shard);
  slot->state = LEASH_SLOT_OPEN;
  leash_short_unlock (&fixture->shard->lock);
  return slot;
}

static void
give (Fixture *fixture, LeashSlot *slot)
{
  leash_short_lock (&fixture->shard->lock);
  leash_shard_count_out (fixture->shard, slot);
  slot->state = LEASH_SLOT_RELEASED;
  if (slot->children == 0)
    leash_shard_free_slot (fixture->shard, slot);
  leash_short_unlock (&fixture->shard->lock);
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
  g_assert_true (take (fixture) == first);
  g_assert_false (leash_slot_is_tags (first, tag));
  give (fixture, first);
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
  g_assert_cmpuint (fixture->shard->n_free, ==, 0);
  leash_parent_detach (tag);
  g_assert_cmpuint (fixture->shard->n_free, ==, 0);
  leash_parent_detach (tag);
  g_assert_cmpuint (fixture->shard->n_free, ==, 1);
  leash_parent_detach (tag); /* by chance, of a stale tag: nothing is counted below none */
  g_assert_cmpuint (parent->children, ==, 0);
  g_assert_cmpuint (fixture->shard->n_free, ==, 1);
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
  leash_short_lock (&fixture->shard->lock);
  leash_shard_count_out (fixture->shard, old);
  old->state = LEASH_SLOT_MOVED;
  old->extra = leash_extra_new (FALSE);
  old->extra->parent = new_tag;
  leash_short_unlock (&fixture->shard->lock);
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
  leash_short_unlock (&shard->lock);
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
  return g_test_run ();
}
