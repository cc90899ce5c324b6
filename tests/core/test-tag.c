/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Opening: what a resource is known by, and what it was opened from. */
#include "tracker-fixture.h"

#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static void
test_what_is_known (void)
{
  g_auto (Tracked) tracked = tracked_new ();
  g_autoptr (LeashSnapshot) snapshot = NULL;
  gint64 before = g_get_monotonic_time ();
  LeashTag *tag = open_here (&tracked, NULL, "which one");
  const LeashResource *resource;

  snapshot = leash_snapshot_new (tracked.tracker);
  g_assert_cmpuint (leash_snapshot_get_length (snapshot), ==, 1);
  resource = leash_snapshot_get_resource (snapshot, 0);
  g_assert_cmpstr (resource->kind, ==, "thing");
  g_assert_cmpstr (resource->name, ==, "which one");
  g_assert_cmpstr (resource->thread, ==, "main");
  g_assert_cmpuint (resource->tid, ==, syscall (SYS_gettid));
  g_assert_cmpint (resource->flags, ==, LEASH_RESOURCE_NONE);
  g_assert_null (resource->key);
  g_assert_null (resource->parent_kind);
  /* The clock that is read is coarse: some milliseconds. */
  g_assert_cmpint (resource->opened_at, >=, before - 20000);
  g_assert_cmpint (resource->opened_at, <=, g_get_monotonic_time () + 20000);
  assert_stack_from (resource->stack, opened_from);
  leash_untrack (tag);
}

static void
test_name_set_later (void)
{
  g_auto (Tracked) tracked = tracked_new ();
  g_autoptr (LeashSnapshot) first = NULL, second = NULL, third = NULL;
  LeashTag *tag = leash_track (tracked.ctx, "thing", NULL);

  first = leash_snapshot_new (tracked.tracker);
  leash_tag_set_name (tag, "now known");
  second = leash_snapshot_new (tracked.tracker);
  leash_tag_set_name (tag, NULL);
  third = leash_snapshot_new (tracked.tracker);
  g_assert_null (leash_snapshot_get_resource (first, 0)->name);
  g_assert_cmpstr (leash_snapshot_get_resource (second, 0)->name, ==, "now known");
  g_assert_null (leash_snapshot_get_resource (third, 0)->name);
  leash_untrack (tag);
  leash_tag_set_name (tag, "too late");
  leash_tag_keep_open (tag);
  assert_clean (&tracked);
}

static void
test_kept_is_listed_apart (void)
{
  g_auto (Tracked) tracked = tracked_new ();
  g_autoptr (LeashSnapshot) snapshot = NULL;

  leash_tag_keep_open (leash_track (tracked.ctx, "thing", "for ever"));
  snapshot = leash_snapshot_new (tracked.tracker);
  g_assert_cmpuint (leash_snapshot_get_length (snapshot), ==, 1);
  g_assert_cmpint (leash_snapshot_get_resource (snapshot, 0)->flags, ==, LEASH_RESOURCE_KEPT);
  assert_clean (&tracked);
}

static gpointer
open_and_exit (gpointer tracked)
{
  return open_here (tracked, NULL, "of a thread");
}

static void
test_thread_that_ended (void)
{
  g_auto (Tracked) tracked = tracked_new ();
  g_autoptr (LeashSnapshot) snapshot = NULL;
  LeashTag *tag = g_thread_join (g_thread_new ("opener", open_and_exit, &tracked));
  const LeashResource *resource;

  snapshot = leash_snapshot_new (tracked.tracker);
  resource = leash_snapshot_get_resource (snapshot, 0);
  g_assert_cmpstr (resource->thread, ==, "opener");
  g_assert_cmpuint (resource->tid, !=, syscall (SYS_gettid));
  assert_stack_from (resource->stack, opened_from);
  leash_untrack (tag); /* in another thread than it was opened in */
  assert_clean (&tracked);
}

static void
test_child_of_open_parent (void)
{
  g_auto (Tracked) tracked = tracked_new ();
  g_autoptr (LeashSnapshot) snapshot = NULL;
  LeashTag *parent = open_here (&tracked, NULL, "parent");
  LeashTag *child = leash_track_child (tracked.ctx, parent, "child", NULL);
  const LeashResource *resource;

  snapshot = leash_snapshot_new (tracked.tracker);
  resource = leash_snapshot_get_resource (snapshot, 0);
  if (resource->parent_kind == NULL)
    resource = leash_snapshot_get_resource (snapshot, 1);
  g_assert_cmpstr (resource->kind, ==, "child");
  g_assert_cmpstr (resource->parent_kind, ==, "thing");
  g_assert_cmpstr (resource->parent_name, ==, "parent");
  g_assert_cmpint (resource->flags, ==, LEASH_RESOURCE_NONE);
  assert_stack_from (resource->parent_stack, opened_from);
  leash_untrack (child);
  leash_untrack (parent);
  assert_clean (&tracked);
}

static void
test_child_left_open (void)
{
  g_auto (Tracked) tracked = tracked_new ();
  g_autoptr (LeashSnapshot) snapshot = NULL;
  LeashTag *parent = open_here (&tracked, NULL, NULL);
  const LeashResource *resource;

  leash_track_child (tracked.ctx, parent, "child", NULL);
  close_here (parent);
  snapshot = leash_snapshot_new (tracked.tracker);
  g_assert_cmpuint (leash_snapshot_get_length (snapshot), ==, 1);
  resource = leash_snapshot_get_resource (snapshot, 0);
  g_assert_cmpint (resource->flags, ==, LEASH_RESOURCE_PARENT_CLOSED);
  assert_stack_from (resource->parent_stack, opened_from);
  assert_stack_from (resource->parent_close_stack, closed_from);
}

static void
test_opened_from_closed_parent (void)
{
  g_auto (Tracked) tracked = tracked_new ();
  g_autoptr (LeashSnapshot) snapshot = NULL;
  LeashTag *parent = open_here (&tracked, NULL, "parent");
  gconstpointer parent_from = opened_from;
  const LeashMisuse *misuse;

  leash_untrack (parent);
  leash_untrack (open_here (&tracked, parent, "child"));
  misuse = only_misuse (&tracked, LEASH_MISUSE_USE_AFTER_CLOSE, &snapshot);
  g_assert_cmpstr (misuse->name, ==, "parent");
  g_assert_cmpstr (misuse->what, ==, "opened something from it after close");
  assert_stack_from (misuse->stack, opened_from);
  assert_stack_from (misuse->opened_stack, parent_from);
  g_assert_cmpuint (misuse->closed_stack, !=, 0);
  g_assert_cmpuint (leash_tracker_count_open (tracked.tracker), ==, 0);
}

G_NO_INLINE static LeashTag *
wrapper (Tracked *tracked)
{
  LeashTag *tag = leash_track_caller (tracked->ctx, NULL, "thing", NULL, LEASH_CALLER);

  opened_from = LEASH_CALLER;
  return tag;
}

static void
test_wrapper_is_left_out (void)
{
  g_auto (Tracked) tracked = tracked_new ();
  g_autoptr (LeashSnapshot) snapshot = NULL;
  LeashTag *tag = wrapper (&tracked);
  gconstpointer frame;

  snapshot = leash_snapshot_new (tracked.tracker);
  leash_stack_get_frames (leash_snapshot_get_resource (snapshot, 0)->stack, &frame, 1);
  g_assert_true (frame == opened_from);
  leash_untrack_caller (tag, opened_from);
  assert_clean (&tracked);
}

/* A kind is known by what it says, not by where it lies. */
static void
test_kind_in_a_buffer (void)
{
  g_auto (Tracked) tracked = tracked_new ();
  char kind[] = "kind-a";

  leash_untrack (leash_track (tracked.ctx, kind, NULL));
  leash_tag_keep_open (leash_track (tracked.ctx, "kind-a", NULL));
  strcpy (kind, "kind-b");
  leash_track (tracked.ctx, kind, NULL);
  g_assert_cmpuint (leash_tracker_count_kind (tracked.tracker, "kind-b"), ==, 1);
  g_assert_cmpuint (leash_tracker_count_kind (tracked.tracker, "kind-a"), ==, 0);
}

static void
test_wrong_arguments (void)
{
  g_auto (Tracked) tracked = tracked_new ();
  LeashContext *ctx = tracked.ctx;

  EXPECT_CRITICAL ("*leash_track_at*ctx*", g_assert_null (leash_track_at (NULL, "thing", NULL, NULL)));
  EXPECT_CRITICAL ("*leash_track_at*kind*", g_assert_null (leash_track (ctx, NULL, NULL)));
  EXPECT_CRITICAL ("*leash_track_child_at*ctx*", leash_track_child_at (NULL, NULL, "thing", NULL, NULL));
  EXPECT_CRITICAL ("*leash_track_child_at*kind*", leash_track_child (ctx, NULL, NULL, NULL));
  EXPECT_CRITICAL ("*leash_track_caller_at*ctx*", leash_track_caller_at (NULL, NULL, "thing", NULL, ctx));
  EXPECT_CRITICAL ("*leash_track_caller_at*kind*", leash_track_caller (ctx, NULL, NULL, NULL, ctx));
  EXPECT_CRITICAL ("*leash_track_caller_at*caller*", leash_track_caller (ctx, NULL, "thing", NULL, NULL));
  EXPECT_CRITICAL ("*leash_track_pointer_at*ctx*", leash_track_pointer_at (NULL, "thing", ctx, NULL, NULL));
  EXPECT_CRITICAL ("*leash_track_pointer_at*kind*", leash_track_pointer (ctx, NULL, ctx, NULL));
  EXPECT_CRITICAL ("*leash_track_pointer_at*pointer*", leash_track_pointer (ctx, "thing", NULL, NULL));
  EXPECT_CRITICAL ("*leash_track_fd_at*ctx*", leash_track_fd_at (NULL, "fd", 0, NULL, NULL));
  EXPECT_CRITICAL ("*leash_track_fd_at*kind*", leash_track_fd (ctx, NULL, 0, NULL));
  EXPECT_CRITICAL ("*leash_track_fd_at*fd*", leash_track_fd (ctx, "fd", -1, NULL));
  EXPECT_CRITICAL ("*leash_tag_keep_open_at*tag*", leash_tag_keep_open_at (NULL));
  EXPECT_CRITICAL ("*leash_tag_set_name_at*tag*", leash_tag_set_name_at (NULL, "name"));
  EXPECT_CRITICAL ("*leash_track_at*ctx*", leash_track ((LeashContext *) NULL, "thing", NULL));
  assert_clean (&tracked);
}

static void
assert_name_in_snapshot (LeashTracker *tracker, const char *name)
{
  g_autoptr (LeashSnapshot) snapshot = leash_snapshot_new (tracker);

  g_assert_cmpuint (leash_snapshot_get_length (snapshot), ==, 1);
  g_assert_cmpstr (leash_snapshot_get_resource (snapshot, 0)->name, ==, name);
}

/* Slots are taken again after some 65 releases, and then their old names' memory. */
static gpointer
open_by_names_of_all_lengths (gpointer user_data)
{
  Tracked *tracked = user_data;

  for (guint i = 0; i < 400; i++)
    {
      g_autofree char *name = g_strnfill ((i * 37) % 101, (char) ('a' + i % 26));
      LeashTag *tag = leash_track (tracked->ctx, "thing", i % 7 == 0 ? NULL : name);

      assert_name_in_snapshot (tracked->tracker, i % 7 == 0 ? NULL : name);
      if (i % 5 == 0)
        leash_tag_set_name (tag, "another");
      leash_untrack (tag);
    }
  return NULL;
}

static void
test_names_memory_is_used_again (void)
{
  g_auto (Tracked) tracked = tracked_new ();

  open_by_names_of_all_lengths (&tracked);
  g_thread_join (g_thread_new ("names", open_by_names_of_all_lengths, &tracked));
  assert_clean (&tracked);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/tag/is-known-by-kind-name-thread-time-and-stack", test_what_is_known);
  g_test_add_func ("/tag/name-may-be-set-later", test_name_set_later);
  g_test_add_func ("/tag/names-stay-theirs-when-memory-is-used-again", test_names_memory_is_used_again);
  g_test_add_func ("/tag/meant-to-stay-open-is-no-leak", test_kept_is_listed_apart);
  g_test_add_func ("/tag/outlives-its-thread", test_thread_that_ended);
  g_test_add_func ("/tag/child-names-its-parent", test_child_of_open_parent);
  g_test_add_func ("/tag/child-left-open-shows-where-its-parent-was-closed", test_child_left_open);
  g_test_add_func ("/tag/opening-from-a-closed-parent-is-a-misuse", test_opened_from_closed_parent);
  g_test_add_func ("/tag/wrappers-are-left-out-of-the-stack", test_wrapper_is_left_out);
  g_test_add_func ("/tag/kind-may-lie-in-a-buffer", test_kind_in_a_buffer);
  g_test_add_func ("/tag/wrong-arguments-are-named", test_wrong_arguments);
  return g_test_run ();
}
