/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Closing, by tag and by handle, and every way to do it wrong. */
#include "tracker-fixture.h"

#include <pthread.h>

#define N_MANY 100000

static void
test_released_twice (void)
{
  g_auto (Tracked) tracked = tracked_new ();
  g_autoptr (LeashSnapshot) snapshot = NULL;
  LeashTag *tag = open_here (&tracked, NULL, "twice");
  gconstpointer first, frame;
  const LeashMisuse *misuse;

  close_here (tag);
  first = closed_from;
  for (volatile int i = 0; i < 3; i++) /* one place in the code: not to be unrolled */
    close_here (tag);
  misuse = only_misuse (&tracked, LEASH_MISUSE_DOUBLE_RELEASE, &snapshot);
  g_assert_cmpstr (misuse->kind, ==, "thing");
  g_assert_cmpstr (misuse->name, ==, "twice");
  g_assert_null (misuse->what);
  g_assert_cmpuint (misuse->count, ==, 3);
  assert_stack_from (misuse->opened_stack, opened_from);
  assert_stack_from (misuse->stack, closed_from);
  g_assert_true (closed_from != first);
  g_assert_cmpuint (leash_stack_get_frames (misuse->closed_stack, &frame, 1), ==, 1); /* the place only */
  g_assert_cmpuint (leash_tracker_count_open (tracked.tracker), ==, 0);
}

static void
test_released_twice_with_stacks (void)
{
  g_auto (Tracked) tracked = tracked_new ();
  g_autoptr (LeashSnapshot) snapshot = NULL;
  LeashTag *tag = open_here (&tracked, NULL, NULL);
  gconstpointer first;

  leash_tracker_set_release_stacks (tracked.tracker, TRUE);
  close_here (tag);
  first = closed_from;
  close_here (tag);
  assert_stack_from (only_misuse (&tracked, LEASH_MISUSE_DOUBLE_RELEASE, &snapshot)->closed_stack, first);
  assert_stack_from (leash_snapshot_get_misuse (snapshot, 0)->stack, closed_from);
}

/* Its slot is another's by then: what it was is forgotten, but the other is not closed for it. */
static void
test_released_again_much_later (void)
{
  g_auto (Tracked) tracked = tracked_new ();
  g_autoptr (LeashSnapshot) snapshot = NULL;
  LeashTag *old = leash_track (tracked.ctx, "thing", "old");
  LeashTag *open[100];

  leash_untrack (old);
  for (int i = 0; i < 100; i++)
    leash_untrack (leash_track (tracked.ctx, "thing", "between"));
  for (int i = 0; i < 100; i++)
    open[i] = leash_track (tracked.ctx, "thing", "open");
  leash_untrack (old);
  g_assert_cmpuint (leash_tracker_count_open (tracked.tracker), ==, 100);
  g_assert_cmpstr (only_misuse (&tracked, LEASH_MISUSE_DOUBLE_RELEASE, &snapshot)->kind, ==, "(forgotten)");
  for (int i = 0; i < 100; i++)
    leash_untrack (open[i]);
}

static void
test_child_after_parent (void)
{
  g_auto (Tracked) tracked = tracked_new ();
  g_autoptr (LeashSnapshot) snapshot = NULL;
  LeashTag *parent = open_here (&tracked, NULL, "parent");
  gconstpointer parent_from = opened_from, parent_closed_from;
  LeashTag *child = open_here (&tracked, parent, "child");
  const LeashMisuse *misuse;

  close_here (parent);
  parent_closed_from = closed_from;
  g_assert_cmpuint (leash_tracker_count_misuses (tracked.tracker), ==, 0); /* the child may go with it */
  close_here (child);
  misuse = only_misuse (&tracked, LEASH_MISUSE_CLOSED_AFTER_PARENT, &snapshot);
  g_assert_cmpstr (misuse->name, ==, "child");
  assert_stack_from (misuse->opened_stack, opened_from);
  assert_stack_from (misuse->stack, closed_from);
  assert_stack_from (misuse->parent_stack, parent_from);
  assert_stack_from (misuse->closed_stack, parent_closed_from);
}

/* A parent stays recognisable as long as it has children, however much happens meanwhile. */
static void
test_child_long_after_parent (void)
{
  g_auto (Tracked) tracked = tracked_new ();
  g_autoptr (LeashSnapshot) snapshot = NULL;
  LeashTag *parent = open_here (&tracked, NULL, NULL);
  gconstpointer parent_from = opened_from;
  LeashTag *child = leash_track_child (tracked.ctx, parent, "child", NULL);

  leash_untrack (parent);
  for (int i = 0; i < 1000; i++)
    leash_untrack (leash_track (tracked.ctx, "thing", NULL));
  leash_untrack (child);
  assert_stack_from (only_misuse (&tracked, LEASH_MISUSE_CLOSED_AFTER_PARENT, &snapshot)->parent_stack,
                     parent_from);
}

static void
test_children_before_parents (void)
{
  g_auto (Tracked) tracked = tracked_new ();
  LeashTag *chain[16] = { NULL };

  for (int i = 1; i < 16; i++)
    chain[i] = leash_track_child (tracked.ctx, chain[i - 1], "link", NULL);
  for (int i = 15; i > 0; i--)
    leash_untrack (chain[i]);
  assert_clean (&tracked);
}

static void
test_handles (void)
{
  g_auto (Tracked) tracked = tracked_new ();
  g_autoptr (LeashSnapshot) snapshot = NULL;

  leash_track_pointer (tracked.ctx, "pointer", &tracked, NULL);
  leash_track_fd (tracked.ctx, "fd", 0, "standard input");
  leash_track_fd (tracked.ctx, "other-fd", 0, NULL); /* another kind is another thing */
  snapshot = leash_snapshot_new (tracked.tracker);
  for (gsize i = 0; i < leash_snapshot_get_length (snapshot); i++)
    {
      const LeashResource *resource = leash_snapshot_get_resource (snapshot, i);

      g_assert_true (resource->key == (g_str_equal (resource->kind, "pointer") ? (gpointer) &tracked : NULL));
    }
  leash_untrack_fd (tracked.ctx, "fd", 0);
  leash_untrack_fd (tracked.ctx, "other-fd", 0);
  leash_untrack_pointer (tracked.ctx, "pointer", &tracked);
  assert_clean (&tracked);
}

static void
test_unknown_handle (void)
{
  g_auto (Tracked) tracked = tracked_new ();
  g_autoptr (LeashSnapshot) snapshot = NULL;

  leash_track_pointer (tracked.ctx, "thing", &tracked, NULL);
  leash_untrack_pointer (tracked.ctx, "thing", &tracked);
  leash_untrack_pointer (tracked.ctx, "thing", &tracked);
  g_assert_cmpstr (only_misuse (&tracked, LEASH_MISUSE_NOT_TRACKED, &snapshot)->kind, ==, "thing");
  g_assert_cmpuint (leash_stack_get_frames (leash_snapshot_get_misuse (snapshot, 0)->stack, NULL, 0), >, 1);
}

static void
test_wrong_tracker (void)
{
  g_auto (Tracked) right = tracked_new ();
  g_auto (Tracked) wrong = tracked_new ();
  g_autoptr (LeashSnapshot) snapshot = NULL;
  const LeashMisuse *misuse;

  leash_track_pointer (right.ctx, "thing", &right, "mine");
  leash_untrack_pointer (wrong.ctx, "thing", &right);
  misuse = only_misuse (&wrong, LEASH_MISUSE_WRONG_TRACKER, &snapshot);
  g_assert_cmpstr (misuse->name, ==, "mine");
  g_assert_cmpuint (misuse->opened_stack, !=, 0);
  assert_clean (&right); /* it is closed, after all */
}

static void
test_handle_given_out_again (void)
{
  g_auto (Tracked) tracked = tracked_new ();
  g_autoptr (LeashSnapshot) snapshot = NULL;
  LeashTag *parent = leash_track (tracked.ctx, "thing", NULL);
  LeashTag *first = leash_track_pointer (tracked.ctx, "thing", &tracked, "first");
  LeashTag *second = leash_track_pointer (tracked.ctx, "thing", &tracked, "second");
  const LeashMisuse *misuse;

  g_assert_cmpuint (leash_tracker_count_open (tracked.tracker), ==, 2);
  misuse = only_misuse (&tracked, LEASH_MISUSE_KEY_REUSED, &snapshot);
  g_assert_cmpstr (misuse->name, ==, "first");
  g_assert_cmpuint (misuse->opened_stack, !=, misuse->stack);
  leash_untrack_pointer (tracked.ctx, "thing", &tracked); /* the second */
  leash_untrack (parent);
  g_assert_cmpuint (leash_tracker_count_misuses (tracked.tracker), ==, 1);
  leash_untrack (first);
  leash_untrack (second);
  g_assert_cmpuint (leash_tracker_count_misuses (tracked.tracker), ==, 3);
}

/* By kind and handle, in the context's tracker and in those above and below, as closing does. */
static void
test_found (void)
{
  g_auto (Tracked) outer = tracked_new ();
  g_auto (Tracked) inner = tracked_from (leash_tracker_new_nested (outer.tracker));
  g_auto (Tracked) other = tracked_new ();
  LeashTag *above = leash_track_pointer (outer.ctx, "thing", &outer, NULL);
  LeashTag *below = leash_track_pointer (inner.ctx, "thing", &inner, NULL);

  g_assert_true (leash_find_pointer (inner.ctx, "thing", &outer) == above);
  g_assert_true (leash_find_pointer (outer.ctx, "thing", &inner) == below);
  g_assert_null (leash_find_pointer (outer.ctx, "other", &inner));
  g_assert_null (leash_find_pointer (other.ctx, "thing", &inner));
  g_assert_null (leash_find_pointer (leash_context_background (), "thing", &inner));
  leash_untrack (above);
  leash_untrack (below);
  g_assert_null (leash_find_pointer (inner.ctx, "thing", &outer));
  assert_clean (&outer);
}

/* A handle comes, changes and goes: what is found by it is the one that has it. */
static void
test_handle_set (void)
{
  g_auto (Tracked) tracked = tracked_new ();
  LeashTag *parent = leash_track (tracked.ctx, "thing", NULL);
  LeashTag *child = leash_track_child (tracked.ctx, parent, "child", NULL);
  int first, second;

  leash_tag_set_pointer (child, &first);
  g_assert_true (leash_find_pointer (tracked.ctx, "child", &first) == child);
  leash_tag_set_pointer (child, &first);
  leash_tag_set_pointer (child, &second);
  g_assert_null (leash_find_pointer (tracked.ctx, "child", &first));
  g_assert_true (leash_find_pointer (tracked.ctx, "child", &second) == child);
  leash_tag_set_pointer (child, NULL);
  leash_tag_set_pointer (child, NULL);
  g_assert_null (leash_find_pointer (tracked.ctx, "child", &second));
  leash_tag_set_pointer (child, &second);
  leash_untrack_pointer (tracked.ctx, "child", &second);
  leash_tag_set_pointer (child, &first); /* which is closed */
  g_assert_null (leash_find_pointer (tracked.ctx, "child", &first));
  leash_untrack (parent);
  assert_clean (&tracked);
}

/* An object that is watched is closed by its end, whatever handle it is given. */
static void
test_handle_set_of_an_object (void)
{
  g_auto (Tracked) tracked = tracked_new ();
  GObject *object = g_object_new (G_TYPE_OBJECT, NULL);
  LeashTag *tag = leash_watch_object (tracked.ctx, object, "object");

  leash_tag_set_pointer (tag, object);
  g_assert_null (leash_find_pointer (tracked.ctx, "object", object));
  g_object_unref (object);
  assert_clean (&tracked);
}

/* As by opening: whoever had the handle has been freed. */
static void
test_handle_set_that_is_taken (void)
{
  g_auto (Tracked) tracked = tracked_new ();
  g_autoptr (LeashSnapshot) snapshot = NULL;
  LeashTag *second = open_here (&tracked, NULL, "second");
  const LeashMisuse *misuse;

  leash_track_pointer (tracked.ctx, "thing", &tracked, "first");
  leash_tag_set_pointer (second, &tracked);
  misuse = only_misuse (&tracked, LEASH_MISUSE_KEY_REUSED, &snapshot);
  g_assert_cmpstr (misuse->name, ==, "first");
  assert_stack_from (misuse->stack, opened_from);
  g_assert_true (leash_find_pointer (tracked.ctx, "thing", &tracked) == second);
  g_assert_cmpuint (leash_tracker_count_open (tracked.tracker), ==, 1);
  leash_untrack (second);
}

/* Threads change the handles of what others find and close. */
static gpointer
change_handles (gpointer data)
{
  Tracked *tracked = data;

  for (guint i = 0; i < 2000; i++)
    {
      LeashTag *tag = leash_track (tracked->ctx, "thing", NULL);

      leash_tag_set_pointer (tag, &tag);
      g_assert_true (leash_find_pointer (tracked->ctx, "thing", &tag) == tag);
      g_assert_null (leash_find_pointer (tracked->ctx, "thing", tracked));
      leash_tag_set_pointer (tag, i % 2 == 0 ? (gpointer) &i : NULL);
      leash_untrack (tag);
    }
  return NULL;
}

static void
test_handles_in_threads (void)
{
  g_auto (Tracked) tracked = tracked_new ();
  GThread *threads[3];

  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = g_thread_new ("handles", change_handles, &tracked);
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    g_thread_join (threads[i]);
  assert_clean (&tracked);
}

static void
test_tracker_gone (void)
{
  LeashTag *tags[3];

  for (int i = 0; i < 3; i++)
    {
      g_auto (Tracked) tracked = tracked_new ();

      tags[i] = leash_track_pointer (tracked.ctx, "thing", &tags[i], "left");
      leash_track_child (tracked.ctx, tags[i], "child", NULL);
    }
  for (int i = 0; i < 3; i++)
    {
      g_auto (Tracked) tracked = tracked_new ();
      LeashTag *mine = leash_track (tracked.ctx, "thing", NULL);

      leash_untrack (tags[i]);
      leash_untrack (tags[i]);
      leash_tag_set_name (tags[i], "nobody's");
      leash_tag_set_pointer (tags[i], &tracked);
      leash_tag_keep_open (tags[i]);
      leash_tag_misused (tags[i], "read", LEASH_CALLER);
      g_assert_null (leash_tag_adopt (tags[i], tracked.ctx));
      g_assert_cmpuint (leash_tracker_count_open (tracked.tracker), ==, 1);
      leash_untrack (mine);
      assert_clean (&tracked);
    }
}

static void
test_tracker_gone_is_told (void)
{
  g_auto (Tracked) tracked = tracked_new ();
  g_autoptr (LeashSnapshot) before = NULL;
  g_autoptr (LeashSnapshot) after = NULL;
  g_autoptr (LeashSnapshot) between = NULL;
  g_autoptr (LeashSnapshot) nothing = NULL;
  Tracked gone = tracked_new ();
  LeashTag *tag = leash_track (gone.ctx, "thing", NULL);
  g_autofree char *text = NULL;
  g_autofree char *json = NULL;
  g_autofree char *text_between = NULL;
  g_autofree char *text_nothing = NULL;

  tracked_clear (&gone);
  before = leash_snapshot_new (tracked.tracker);
  leash_untrack (tag);
  after = leash_snapshot_new (tracked.tracker);
  between = leash_snapshot_new_difference (before, after);
  text_between = leash_snapshot_report (between, LEASH_FORMAT_TEXT, LEASH_REPORT_NONE, 0);
  g_assert_true (
      g_pattern_match_simple ("*note: 1 time something was * whose tracker was gone*", text_between));
  nothing = leash_snapshot_new_difference (after, after);
  text_nothing = leash_snapshot_report (nothing, LEASH_FORMAT_TEXT, LEASH_REPORT_NONE, 0);
  g_assert_cmpstr (text_nothing, ==, "leash: nothing is open\n");
  text = leash_tracker_report (tracked.tracker, LEASH_FORMAT_TEXT);
  g_assert_true (g_pattern_match_simple ("*note: * whose tracker was gone*", text));
  json = leash_tracker_report (tracked.tracker, LEASH_FORMAT_JSON);
  g_assert_true (g_pattern_match_simple ("*\"strays\":*", json));
  g_assert_false (g_pattern_match_simple ("*\"strays\":0*", json));
}

/* Stale tags of every age: with 16 bits of generation none may hit, whatever the slot has become. */
static void
test_stale_tags_hit_nobody (void)
{
  g_auto (Tracked) tracked = tracked_new ();
  LeashTag **stale = g_new (LeashTag *, N_MANY);
  LeashTag *open[100];
  gsize n_open;

  for (int i = 0; i < N_MANY; i++)
    leash_untrack (stale[i] = leash_track (tracked.ctx, "thing", NULL));
  for (int i = 0; i < 100; i++)
    open[i] = leash_track (tracked.ctx, "thing", NULL);
  for (int i = 0; i < N_MANY; i++)
    leash_untrack (stale[i]);
  n_open = leash_tracker_count_open (tracked.tracker);
  g_test_message ("%" G_GSIZE_FORMAT " of 100 left open by %d stale tags", n_open, N_MANY);
  if (GLIB_SIZEOF_VOID_P == 8) /* elsewhere a tag has 6 bits only, and one in 64 hits */
    g_assert_cmpuint (n_open, ==, 100);
  for (int i = 0; i < 100; i++)
    leash_untrack (open[i]);
  g_free (stale);
}

#define N_ROUNDS 20

/* Tags that two threads release at once. */
typedef struct
{
  pthread_barrier_t barrier;
  guint n_arrived; /* atomic; of both, at all tags of all rounds */
  LeashTag *tags[1000];
} Contested;

/* Returns when the other one is there too, and within some ten nanoseconds of it as often as not. */
static void
meet (Contested *contested, guint nth)
{
  __atomic_fetch_add (&contested->n_arrived, 1, __ATOMIC_ACQ_REL);
  for (guint i = 1; __atomic_load_n (&contested->n_arrived, __ATOMIC_ACQUIRE) < 2 * nth; i++)
    if (i % 1000 == 0)
      g_thread_yield ();
}

static gpointer
release_contested (gpointer data)
{
  Contested *contested = data;

  for (guint round = 0; round < N_ROUNDS; round++)
    {
      pthread_barrier_wait (&contested->barrier); /* all are open */
      for (guint i = 0; i < G_N_ELEMENTS (contested->tags); i++)
        {
          meet (contested, round * G_N_ELEMENTS (contested->tags) + i + 1);
          leash_untrack (contested->tags[i]);
        }
      pthread_barrier_wait (&contested->barrier); /* all are closed */
    }
  return NULL;
}

/* While the one who opened them goes on, in whose shard they are, and whose slots theirs become. */
static void
test_released_by_two_at_once (void)
{
  g_auto (Tracked) tracked = tracked_new ();
  Contested contested = { .n_arrived = 0 };
  GThread *threads[2];

  pthread_barrier_init (&contested.barrier, NULL, 3);
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = g_thread_new ("releases", release_contested, &contested);
  for (guint round = 0; round < N_ROUNDS; round++)
    {
      for (guint i = 0; i < G_N_ELEMENTS (contested.tags); i++)
        contested.tags[i] = leash_track (tracked.ctx, "thing", NULL);
      pthread_barrier_wait (&contested.barrier);
      for (guint i = 0; i < G_N_ELEMENTS (contested.tags); i++)
        leash_untrack (leash_track (tracked.ctx, "another", NULL));
      pthread_barrier_wait (&contested.barrier);
      g_assert_cmpuint (leash_tracker_count_open (tracked.tracker), ==, 0);
    }
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    g_thread_join (threads[i]);
  g_assert_cmpuint (leash_tracker_count_misuses (tracked.tracker), ==,
                    N_ROUNDS * G_N_ELEMENTS (contested.tags));
  pthread_barrier_destroy (&contested.barrier);
}

static void
test_wrong_arguments (void)
{
  g_auto (Tracked) tracked = tracked_new ();
  LeashContext *ctx = tracked.ctx;
  LeashTag *tag = leash_track (ctx, "thing", NULL);

  EXPECT_CRITICAL ("*leash_untrack_at*tag*", leash_untrack_at (NULL, NULL));
  EXPECT_CRITICAL ("*leash_untrack_caller_at*tag*", leash_untrack_caller_at (NULL, ctx));
  EXPECT_CRITICAL ("*leash_untrack_caller_at*caller*", leash_untrack_caller (tag, NULL));
  EXPECT_CRITICAL ("*leash_untrack_pointer_at*ctx*", leash_untrack_pointer_at (NULL, "thing", ctx, NULL));
  EXPECT_CRITICAL ("*leash_untrack_pointer_at*kind*", leash_untrack_pointer (ctx, NULL, ctx));
  EXPECT_CRITICAL ("*leash_untrack_pointer_at*pointer*", leash_untrack_pointer (ctx, "thing", NULL));
  EXPECT_CRITICAL ("*leash_find_pointer_at*ctx*", g_assert_null (leash_find_pointer_at (NULL, "thing", ctx)));
  EXPECT_CRITICAL ("*leash_find_pointer_at*kind*", g_assert_null (leash_find_pointer (ctx, NULL, ctx)));
  EXPECT_CRITICAL ("*leash_find_pointer_at*pointer*",
                   g_assert_null (leash_find_pointer (ctx, "thing", NULL)));
  EXPECT_CRITICAL ("*leash_tag_set_pointer_at*tag*", leash_tag_set_pointer_at (NULL, ctx));
  EXPECT_CRITICAL ("*leash_untrack_fd_at*ctx*", leash_untrack_fd_at (NULL, "fd", 0, NULL));
  EXPECT_CRITICAL ("*leash_untrack_fd_at*kind*", leash_untrack_fd (ctx, NULL, 0));
  EXPECT_CRITICAL ("*leash_untrack_fd_at*fd*", leash_untrack_fd (ctx, "fd", -1));
  leash_untrack (tag);
  assert_clean (&tracked);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/untrack/twice-is-a-misuse-with-every-stack", test_released_twice);
  g_test_add_func ("/untrack/twice-shows-the-whole-first-release-on-demand", test_released_twice_with_stacks);
  g_test_add_func ("/untrack/twice-long-after-closes-nobody-else", test_released_again_much_later);
  g_test_add_func ("/untrack/child-after-parent-shows-both-stacks", test_child_after_parent);
  g_test_add_func ("/untrack/child-long-after-parent-still-knows-it", test_child_long_after_parent);
  g_test_add_func ("/untrack/children-before-parents-is-no-misuse", test_children_before_parents);
  g_test_add_func ("/untrack/by-pointer-and-descriptor", test_handles);
  g_test_add_func ("/untrack/unknown-handle-is-a-misuse", test_unknown_handle);
  g_test_add_func ("/untrack/handle-of-another-tracker-is-a-misuse", test_wrong_tracker);
  g_test_add_func ("/untrack/handle-given-out-again-is-a-misuse", test_handle_given_out_again);
  g_test_add_func ("/untrack/handle-finds-the-tag", test_found);
  g_test_add_func ("/untrack/handle-set-later", test_handle_set);
  g_test_add_func ("/untrack/handle-set-of-an-object-is-none", test_handle_set_of_an_object);
  g_test_add_func ("/untrack/handle-set-that-is-taken-is-a-misuse", test_handle_set_that_is_taken);
  g_test_add_func ("/untrack/handles-set-in-threads", test_handles_in_threads);
  g_test_add_func ("/untrack/after-the-tracker-is-gone-does-no-harm", test_tracker_gone);
  g_test_add_func ("/untrack/after-the-tracker-is-gone-is-told-in-reports", test_tracker_gone_is_told);
  g_test_add_func ("/untrack/stale-tags-hit-nobody", test_stale_tags_hit_nobody);
  g_test_add_func ("/untrack/twice-at-once-in-two-threads-is-told-once-each", test_released_by_two_at_once);
  g_test_add_func ("/untrack/wrong-arguments-are-named", test_wrong_arguments);
  return g_test_run ();
}
