/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What resources keep of what happened to them, how little that is at most, and that it is nothing when off.
 */
#include "tracker-fixture.h"

#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static Tracked
tracked_with_history (guint max_events)
{
  Tracked tracked = tracked_new ();

  leash_tracker_set_history (tracked.tracker, max_events);
  return tracked;
}

static gconstpointer touched_from;

G_NO_INLINE static void
touch_here (LeashTag *tag, const char *what)
{
  leash_tag_touch (tag, what);
  touched_from = LEASH_CALLER;
}

/* The one resource there is. It lives as long as *ret_snapshot. */
static const LeashResource *
only_resource (Tracked *tracked, LeashSnapshot **ret_snapshot)
{
  g_clear_pointer (ret_snapshot, leash_snapshot_unref);
  *ret_snapshot = leash_snapshot_new (tracked->tracker);
  g_assert_cmpuint (leash_snapshot_get_length (*ret_snapshot), ==, 1);
  return leash_snapshot_get_resource (*ret_snapshot, 0);
}

static void
test_off (void)
{
  g_auto (Tracked) on = tracked_with_history (8);
  g_auto (Tracked) off = tracked_new ();
  g_autoptr (LeashSnapshot) snapshot = NULL;
  LeashTag *tag = leash_track (off.ctx, "thing", NULL);
  const LeashResource *resource;

  leash_tag_touch (tag, "read");
  g_assert_true (leash_tag_adopt (tag, off.ctx) == tag);
  resource = only_resource (&off, &snapshot);
  g_assert_cmpuint (resource->n_events, ==, 0);
  g_assert_null (resource->events);
  g_assert_cmpuint (resource->n_events_not_kept, ==, 0);
  leash_untrack (tag);
}

static void
test_touched (void)
{
  g_auto (Tracked) tracked = tracked_with_history (8);
  g_autoptr (LeashSnapshot) snapshot = NULL;
  LeashTag *tag = open_here (&tracked, NULL, "a");
  char what[] = "read";
  const LeashResource *resource;

  touch_here (tag, what);
  strcpy (what, "gone");
  leash_tag_touch (tag, NULL);
  leash_tag_touch (NULL, "nothing");
  resource = only_resource (&tracked, &snapshot);
  leash_untrack (tag);
  tracked_clear (&tracked);
  g_assert_cmpuint (resource->n_events, ==, 2);
  g_assert_cmpint (resource->events[0].type, ==, LEASH_HISTORY_TOUCHED);
  g_assert_cmpstr (resource->events[0].what, ==, "read");
  g_assert_cmpstr (resource->events[0].thread, ==, "main");
  g_assert_cmpuint (resource->events[0].tid, ==, syscall (SYS_gettid));
  assert_stack_from (resource->events[0].stack, touched_from);
  g_assert_null (resource->events[1].what);
  g_assert_cmpint (resource->events[0].at, >=, resource->opened_at);
  g_assert_cmpint (resource->events[1].at, >=, resource->events[0].at);
}

static void
test_backs_off (void)
{
  g_auto (Tracked) tracked = tracked_with_history (100);
  g_autoptr (LeashSnapshot) snapshot = NULL;
  LeashTag *tag = leash_track (tracked.ctx, "thing", NULL);
  const LeashResource *resource;

  for (int i = 0; i < 100000; i++)
    leash_tag_touch (tag, "again");
  resource = only_resource (&tracked, &snapshot);
  g_assert_cmpuint (resource->n_events, ==, 17); /* 2^0 to 2^16 */
  g_assert_cmpuint (resource->n_events_not_kept, ==, 100000 - 17);
  leash_untrack (tag);
}

static void
test_first_and_newest (void)
{
  g_auto (Tracked) tracked = tracked_with_history (3);
  g_autoptr (LeashSnapshot) snapshot = NULL;
  LeashTag *tag = leash_track (tracked.ctx, "thing", NULL);
  const LeashResource *resource;

  for (int i = 1; i <= 64; i++)
    {
      g_autofree char *what = g_strdup_printf ("%d", i);

      leash_tag_touch (tag, what);
    }
  resource = only_resource (&tracked, &snapshot);
  g_assert_cmpuint (resource->n_events, ==, 3);
  g_assert_cmpstr (resource->events[0].what, ==, "1");
  g_assert_cmpstr (resource->events[1].what, ==, "32");
  g_assert_cmpstr (resource->events[2].what, ==, "64");
  g_assert_cmpuint (resource->n_events_not_kept, ==, 61);
  leash_untrack (tag);
}

/* A lower limit holds from the next event on; with one of 1 it is the newest that stays. None stops it. */
static void
test_changed_while_running (void)
{
  g_auto (Tracked) tracked = tracked_with_history (8);
  g_autoptr (LeashSnapshot) snapshot = NULL;
  LeashTag *tag = leash_track (tracked.ctx, "thing", NULL);
  const LeashResource *resource;

  for (int i = 0; i < 5; i++)
    g_assert_true (leash_tag_adopt (tag, tracked.ctx) == tag);
  leash_tracker_set_history (tracked.tracker, 1);
  leash_tag_touch (tag, "last");
  leash_tracker_set_history (tracked.tracker, 0);
  leash_tag_touch (tag, "unseen");
  resource = only_resource (&tracked, &snapshot);
  g_assert_cmpuint (resource->n_events, ==, 1);
  g_assert_cmpstr (resource->events[0].what, ==, "last");
  g_assert_cmpuint (resource->n_events_not_kept, ==, 5);
  leash_untrack (tag);
}

static gpointer
touch_in_thread (gpointer tag)
{
  leash_tag_touch (tag, "elsewhere");
  return NULL;
}

static void
test_handed_over (void)
{
  g_auto (Tracked) tracked = tracked_with_history (100);
  g_autoptr (LeashSnapshot) snapshot = NULL;
  LeashTag *tag = leash_track (tracked.ctx, "thing", NULL);
  const LeashResource *resource;

  leash_tag_touch (tag, "here");
  g_thread_join (g_thread_new ("worker", touch_in_thread, tag));
  leash_tag_touch (tag, "back");
  leash_tag_touch (tag, "here");
  resource = only_resource (&tracked, &snapshot);
  g_assert_cmpuint (resource->n_events, ==, 4);
  g_assert_cmpint (resource->events[0].type, ==, LEASH_HISTORY_TOUCHED);
  g_assert_cmpint (resource->events[1].type, ==, LEASH_HISTORY_HANDED_OVER);
  g_assert_cmpstr (resource->events[1].thread, ==, "worker");
  g_assert_cmpint (resource->events[2].type, ==, LEASH_HISTORY_HANDED_OVER);
  g_assert_cmpstr (resource->events[2].thread, ==, "main");
  g_assert_cmpint (resource->events[3].type, ==, LEASH_HISTORY_TOUCHED);
  leash_untrack (tag);
}

/* The first touch may come from another thread than the one that opened. */
static void
test_handed_over_at_once (void)
{
  g_auto (Tracked) tracked = tracked_with_history (100);
  g_autoptr (LeashSnapshot) snapshot = NULL;
  LeashTag *tag = leash_track (tracked.ctx, "thing", NULL);

  for (int i = 0; i < 64; i++)
    {
      g_thread_join (g_thread_new ("worker", touch_in_thread, tag));
      leash_tag_touch (tag, "back");
    }
  g_assert_cmpint (only_resource (&tracked, &snapshot)->events[0].type, ==, LEASH_HISTORY_HANDED_OVER);
  g_assert_cmpuint (only_resource (&tracked, &snapshot)->n_events, ==, 8); /* of 128 */
  g_assert_cmpuint (only_resource (&tracked, &snapshot)->n_events_not_kept, ==, 120);
  leash_untrack (tag);
}

static void
test_each_adoption (void)
{
  g_auto (Tracked) tracked = tracked_with_history (4);
  g_autoptr (LeashSnapshot) snapshot = NULL;
  LeashTag *tag = leash_track (tracked.ctx, "thing", NULL);
  const LeashResource *resource;

  for (int i = 0; i < 1000; i++)
    g_assert_true (leash_tag_adopt (tag, tracked.ctx) == tag);
  resource = only_resource (&tracked, &snapshot);
  g_assert_cmpuint (resource->n_events, ==, 4);
  g_assert_cmpuint (resource->n_events_not_kept, ==, 996);
  for (guint i = 0; i < 4; i++)
    g_assert_cmpint (resource->events[i].type, ==, LEASH_HISTORY_ADOPTED);
  g_assert_cmpuint (resource->events[3].stack, ==, resource->adopter_stack);
  leash_untrack (tag);
}

/* Also to one that keeps none itself. */
static void
test_goes_along (void)
{
  g_auto (Tracked) tracked = tracked_with_history (8);
  g_auto (Tracked) other = tracked_new ();
  g_autoptr (LeashSnapshot) snapshot = NULL;
  LeashTag *tag = leash_track (tracked.ctx, "thing", NULL);
  LeashTag *child = leash_track_child (other.ctx, tag, "child", NULL);
  const LeashResource *resource;

  leash_tag_touch (tag, "before");
  leash_untrack (child);
  tag = leash_tag_adopt (tag, other.ctx);
  leash_tag_touch (tag, "unseen");
  tracked_clear (&tracked);
  resource = only_resource (&other, &snapshot);
  g_assert_cmpuint (resource->n_events, ==, 2);
  g_assert_cmpstr (resource->events[0].what, ==, "before");
  g_assert_cmpint (resource->events[1].type, ==, LEASH_HISTORY_ADOPTED);
  leash_tracker_set_history (other.tracker, 8);
  leash_tag_touch (tag, "after");
  g_assert_cmpuint (only_resource (&other, &snapshot)->n_events, ==, 3);
  leash_untrack (tag);
  assert_clean (&other);
}

/* What is released keeps nothing, and to touch it is no misuse: it may be told elsewhere, and always. */
static void
test_released (void)
{
  g_auto (Tracked) tracked = tracked_with_history (8);
  LeashTag *parent = leash_track (tracked.ctx, "thing", NULL);
  LeashTag *tag = leash_track_child (tracked.ctx, parent, "thing", NULL);

  leash_tag_touch (tag, "read");
  leash_tag_touch (parent, "read");
  leash_untrack (parent);
  leash_tag_touch (parent, "read");
  leash_untrack (tag);
  leash_tag_touch (tag, "read");
  g_assert_cmpuint (leash_tracker_count_open (tracked.tracker), ==, 0);
  g_assert_cmpuint (leash_tracker_count_misuses (tracked.tracker), ==, 1); /* closed after its parent */
  tracked_clear (&tracked);
  leash_tag_touch (tag, "read");
}

static void
test_in_a_difference (void)
{
  g_auto (Tracked) tracked = tracked_with_history (8);
  g_autoptr (LeashSnapshot) before = leash_snapshot_new (tracked.tracker), after = NULL, difference = NULL;
  LeashTag *tag = leash_track (tracked.ctx, "thing", NULL);

  leash_tag_touch (tag, "read");
  after = leash_snapshot_new (tracked.tracker);
  difference = leash_snapshot_new_difference (before, after);
  g_clear_pointer (&after, leash_snapshot_unref);
  g_assert_cmpstr (leash_snapshot_get_resource (difference, 0)->events[0].what, ==, "read");
  leash_untrack (tag);
}

static void
assert_has (const char *text, const char *part)
{
  if (strstr (text, part) == NULL)
    g_error ("\"%s\" is not in this:\n%s", part, text);
}

static void
test_text (void)
{
  g_auto (Tracked) tracked = tracked_with_history (2);
  g_autofree char *text = NULL;
  LeashTag *tag[2];

  for (int i = 0; i < 2; i++)
    tag[i] = leash_track (tracked.ctx, "thing", i == 0 ? "first" : "second");
  for (int i = 0; i < 5; i++)
    touch_here (tag[0], "read");
  g_thread_join (g_thread_new ("worker", touch_in_thread, tag[0]));
  g_assert_true (leash_tag_adopt (tag[1], tracked.ctx) == tag[1]);
  g_assert_true (leash_tag_adopt (tag[0], tracked.ctx) == tag[0]);
  text = leash_tracker_report (tracked.tracker, LEASH_FORMAT_TEXT);
  g_test_message ("%s", text);
  assert_has (text, "\n  touched ");
  assert_has (text, "\n  adopted ");
  assert_has (text, " ago by thread \"main\" (\"read\")\n    touch_here");
  assert_has (text, " ago by thread \"main\"\n    test_text");
  assert_has (text, "\n  5 more events not kept\n");
  for (int i = 0; i < 2; i++)
    leash_untrack (tag[i]);
}

/* Of several that were opened by one stack it is said whose history it is. */
static void
test_text_of_several (void)
{
  g_auto (Tracked) tracked = tracked_with_history (2);
  g_autofree char *text = NULL;
  volatile int n = 3; /* lest the loop become three calls */

  for (int i = 0; i < n; i++)
    {
      g_autofree char *name = g_strdup_printf ("%d", i);
      LeashTag *tag = leash_track (tracked.ctx, "thing", name);

      if (i > 0)
        leash_tag_touch (tag, name);
    }
  text = leash_tracker_report (tracked.tracker, LEASH_FORMAT_TEXT);
  assert_has (text, "\n  of one of them, \"1\":\n  touched ");
  assert_has (text, "(\"1\")");
  g_assert_null (strstr (text, "(\"2\")"));
  g_assert_null (strstr (text, "not kept"));
}

/* What several threads do to one resource at once is counted, each touch once. */
typedef struct
{
  Tracked tracked;
  LeashTag *tag;
  guint n_rounds;
} Shared;

static gpointer
touch_often (gpointer data)
{
  Shared *shared = data;

  for (guint i = 0; i < shared->n_rounds; i++)
    leash_tag_touch (shared->tag, "race");
  return NULL;
}

static void
test_threads (void)
{
  Shared shared = { .tracked = tracked_with_history (5), .n_rounds = g_test_slow () ? 100000 : 2000 };
  g_autoptr (LeashSnapshot) snapshot = NULL;
  GThread *threads[4];
  const LeashResource *resource;

  shared.tag = leash_track (shared.tracked.ctx, "thing", NULL);
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = g_thread_new ("race", touch_often, &shared);
  for (guint i = 0; i < 50; i++)
    g_assert_cmpuint (only_resource (&shared.tracked, &snapshot)->n_events, <=, 5);
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    g_thread_join (threads[i]);
  resource = only_resource (&shared.tracked, &snapshot);
  g_assert_cmpuint (resource->n_events + resource->n_events_not_kept, ==,
                    G_N_ELEMENTS (threads) * shared.n_rounds);
  leash_untrack (shared.tag);
  tracked_clear (&shared.tracked);
}

/* One thread hands it on, another opens and closes, another turns histories on and off. */
static gpointer
open_touch_close (gpointer data)
{
  Shared *shared = data;

  for (guint i = 0; i < shared->n_rounds / 10; i++)
    {
      LeashTag *tag = leash_track (shared->tracked.ctx, "thing", "mine");

      leash_tag_touch (tag, "mine");
      leash_tag_touch (shared->tag, "shared");
      tag = leash_tag_adopt (tag, shared->tracked.ctx);
      leash_tracker_set_history (shared->tracked.tracker, i % 4);
      leash_untrack (tag);
    }
  return NULL;
}

static void
test_everything_at_once (void)
{
  g_auto (Tracked) other = tracked_with_history (3);
  Shared shared = { .tracked = tracked_with_history (5), .n_rounds = g_test_slow () ? 100000 : 2000 };
  GThread *threads[3];
  LeashTag *tag;

  shared.tag = tag = leash_track (shared.tracked.ctx, "thing", NULL);
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = g_thread_new ("race", open_touch_close, &shared);
  for (guint i = 0; i < shared.n_rounds / 10; i++)
    {
      g_autofree char *text = i % 50 == 0 ? leash_tracker_report (other.tracker, LEASH_FORMAT_JSON) : NULL;

      tag = leash_tag_adopt (tag, i % 2 == 0 ? other.ctx : shared.tracked.ctx);
    }
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    g_thread_join (threads[i]);
  leash_untrack (tag);
  assert_clean (&shared.tracked);
  assert_clean (&other);
  tracked_clear (&shared.tracked);
}

static void
test_environment (void)
{
  if (g_test_subprocess ())
    {
      g_auto (Tracked) tracked = tracked_new ();
      g_autoptr (LeashSnapshot) snapshot = NULL;
      LeashTag *tag = leash_track (tracked.ctx, "thing", NULL);

      leash_tag_touch (tag, "read");
      g_assert_cmpuint (only_resource (&tracked, &snapshot)->n_events, ==, 1);
      return;
    }
  g_setenv ("LEASH_HISTORY", "2", TRUE);
  g_test_trap_subprocess (NULL, 0, G_TEST_SUBPROCESS_INHERIT_STDERR);
  g_unsetenv ("LEASH_HISTORY");
  g_test_trap_assert_passed ();
}

static void
test_bad_arguments (void)
{
  g_auto (Tracked) tracked = tracked_new ();
  LeashTag *tag = leash_track (tracked.ctx, "thing", NULL);

  EXPECT_CRITICAL ("*leash_tracker_set_history*tracker*", leash_tracker_set_history (NULL, 1));
  EXPECT_CRITICAL ("*leash_tracker_set_history*max_events*",
                   leash_tracker_set_history (tracked.tracker, 1001));
  EXPECT_CRITICAL ("*leash_tag_touch_at*tag*", leash_tag_touch_at (NULL, NULL, NULL));
  EXPECT_CRITICAL ("*leash_tag_touch_caller_at*tag*", leash_tag_touch_caller_at (NULL, NULL, LEASH_CALLER));
  EXPECT_CRITICAL ("*leash_tag_touch_caller_at*caller*", leash_tag_touch_caller_at (tag, NULL, NULL));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/history/off-keeps-nothing", test_off);
  g_test_add_func ("/history/touched", test_touched);
  g_test_add_func ("/history/backs-off", test_backs_off);
  g_test_add_func ("/history/first-and-newest-stay", test_first_and_newest);
  g_test_add_func ("/history/changed-while-running", test_changed_while_running);
  g_test_add_func ("/history/handed-over-to-another-thread", test_handed_over);
  g_test_add_func ("/history/handed-over-at-once-and-often", test_handed_over_at_once);
  g_test_add_func ("/history/each-adoption-within-the-limit", test_each_adoption);
  g_test_add_func ("/history/goes-along-to-another-tracker", test_goes_along);
  g_test_add_func ("/history/released-is-not-touched", test_released);
  g_test_add_func ("/history/in-a-difference-of-snapshots", test_in_a_difference);
  g_test_add_func ("/history/text", test_text);
  g_test_add_func ("/history/text-of-several", test_text_of_several);
  g_test_add_func ("/history/threads", test_threads);
  g_test_add_func ("/history/everything-at-once", test_everything_at_once);
  g_test_add_func ("/history/environment", test_environment);
  g_test_add_func ("/history/bad-arguments", test_bad_arguments);
  return g_test_run ();
}
