/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Listeners: what they are told, and what they may do. */
#include "tracker-fixture.h"

typedef struct
{
  Tracked *tracked;
  guint n[4]; /* by event */
  guint id;
  guint n_destroyed;
  guint misuse_count;
  LeashMisuseType misuse_type;
  char *name; /* of the last resource */
} Heard;

static void
listen (LeashTracker *tracker, LeashEventType event, const LeashResource *resource, const LeashMisuse *misuse,
        gpointer user_data)
{
  Heard *heard = user_data;

  heard->n[event]++;
  g_assert_true ((resource == NULL) == (event == LEASH_EVENT_MISUSED));
  g_assert_true ((misuse == NULL) == (event != LEASH_EVENT_MISUSED));
  if (misuse != NULL)
    {
      heard->misuse_type = misuse->type;
      heard->misuse_count = misuse->count;
      return;
    }
  g_assert_cmpstr (resource->kind, ==, "thing");
  g_free (heard->name);
  heard->name = g_strdup (resource->name);
}

static void
destroyed (gpointer user_data)
{
  ((Heard *) user_data)->n_destroyed++;
}

static void
assert_heard (const Heard *heard, guint opened, guint closed, guint adopted, guint misused)
{
  g_assert_cmpuint (heard->n[LEASH_EVENT_OPENED], ==, opened);
  g_assert_cmpuint (heard->n[LEASH_EVENT_CLOSED], ==, closed);
  g_assert_cmpuint (heard->n[LEASH_EVENT_ADOPTED], ==, adopted);
  g_assert_cmpuint (heard->n[LEASH_EVENT_MISUSED], ==, misused);
}

static void
test_every_event (void)
{
  g_auto (Tracked) tracked = tracked_new ();
  Heard heard = { 0 };
  guint id = leash_tracker_add_listener (tracked.tracker, listen, &heard, destroyed);
  LeashTag *tag = leash_track (tracked.ctx, "thing", "heard of");

  assert_heard (&heard, 1, 0, 0, 0);
  g_assert_cmpstr (heard.name, ==, "heard of");
  tag = leash_tag_adopt (tag, tracked.ctx);
  assert_heard (&heard, 1, 0, 1, 0);
  leash_untrack (tag);
  assert_heard (&heard, 1, 1, 1, 0);
  g_assert_cmpstr (heard.name, ==, "heard of");
  for (volatile int i = 0; i < 2; i++)
    leash_untrack (tag);
  assert_heard (&heard, 1, 1, 1, 2);
  g_assert_cmpint (heard.misuse_type, ==, LEASH_MISUSE_DOUBLE_RELEASE);
  g_assert_cmpuint (heard.misuse_count, ==, 2); /* Regression: was 0. */
  g_assert_cmpuint (heard.n_destroyed, ==, 0);
  leash_tracker_remove_listener (tracked.tracker, id);
  g_assert_cmpuint (heard.n_destroyed, ==, 1);
  leash_untrack (leash_track (tracked.ctx, "thing", NULL));
  assert_heard (&heard, 1, 1, 1, 2);
  g_free (heard.name);
}

static void
test_many (void)
{
  g_auto (Tracked) tracked = tracked_new ();
  Heard first = { 0 }, second = { 0 };
  guint id = leash_tracker_add_listener (tracked.tracker, listen, &first, destroyed);

  leash_tracker_add_listener (tracked.tracker, listen, &second, destroyed);
  leash_tag_keep_open (leash_track (tracked.ctx, "thing", NULL));
  leash_tracker_remove_listener (tracked.tracker, id);
  leash_tag_keep_open (leash_track (tracked.ctx, "thing", NULL));
  assert_heard (&first, 1, 0, 0, 0);
  assert_heard (&second, 2, 0, 0, 0);
  tracked_clear (&tracked);
  g_assert_cmpuint (second.n_destroyed, ==, 1);
}

/* Regression: whoever keeps a list by what it is told had what left for another tracker, or by its handle's
 * being given out again, on it for ever. */
static void
test_told_of_all_that_leaves (void)
{
  g_auto (Tracked) from = tracked_new ();
  g_auto (Tracked) to = tracked_new ();
  Heard heard = { 0 }, heard_there = { 0 };
  LeashTag *tag;

  leash_tracker_add_listener (from.tracker, listen, &heard, NULL);
  leash_tracker_add_listener (to.tracker, listen, &heard_there, NULL);
  tag = leash_tag_adopt (leash_track (from.ctx, "thing", NULL), to.ctx);
  leash_untrack (tag);
  assert_heard (&heard, 1, 0, 1, 0);
  assert_heard (&heard_there, 0, 1, 1, 0);
  leash_track_pointer (from.ctx, "thing", &from, NULL);
  leash_track_pointer (from.ctx, "thing", &from, NULL);
  assert_heard (&heard, 3, 1, 1, 1);
  leash_untrack_pointer (from.ctx, "thing", &from);
  assert_heard (&heard, 3, 2, 1, 1);
}

static void
open_in_listener (LeashTracker *tracker, LeashEventType event, const LeashResource *resource,
                  const LeashMisuse *misuse, gpointer user_data)
{
  Heard *heard = user_data;
  LeashTag *tag = leash_track (heard->tracked->ctx, "thing", NULL);

  heard->n[event]++;
  g_assert_nonnull (tag);
  leash_untrack (tag);
  leash_tag_keep_open (leash_track (heard->tracked->ctx, "thing", "log"));
  g_assert_cmpuint (leash_tracker_count_open (tracker), <=, 1);
}

/* Misuses are told of in the middle of a release, with the thread marked as inside the tracker. */
static void
test_listener_opens (void)
{
  g_auto (Tracked) tracked = tracked_new ();
  g_autoptr (LeashSnapshot) snapshot = NULL;
  Heard heard = { .tracked = &tracked };
  LeashTag *tag;

  leash_tracker_add_listener (tracked.tracker, open_in_listener, &heard, NULL);
  tag = leash_track (tracked.ctx, "thing", NULL);
  leash_untrack (tag);
  leash_untrack (tag);
  assert_heard (&heard, 1, 1, 0, 1);
  snapshot = leash_snapshot_new (tracked.tracker);
  g_assert_cmpuint (leash_snapshot_get_length (snapshot), ==, 3);
}

static void
remove_in_listener (LeashTracker *tracker, LeashEventType event, const LeashResource *resource,
                    const LeashMisuse *misuse, gpointer user_data)
{
  Heard *heard = user_data;

  heard->n[event]++;
  leash_tracker_remove_listener (tracker, heard->id);
  g_assert_cmpuint (heard->n_destroyed, ==, 0); /* it is in use */
}

static void
test_listener_removes_itself (void)
{
  g_auto (Tracked) tracked = tracked_new ();
  Heard heard = { 0 };

  heard.id = leash_tracker_add_listener (tracked.tracker, remove_in_listener, &heard, destroyed);
  leash_untrack (leash_track (tracked.ctx, "thing", NULL));
  assert_heard (&heard, 1, 0, 0, 0);
  g_assert_cmpuint (heard.n_destroyed, ==, 1);
}

static void
close_in_destroy (gpointer tag)
{
  leash_untrack (tag);
}

static void
ignore (LeashTracker *tracker, LeashEventType event, const LeashResource *resource, const LeashMisuse *misuse,
        gpointer user_data)
{
}

/* Regression: what a listener's data held open was not seen to be closed with it. */
static void
test_destroy_closes (void)
{
  g_auto (Tracked) tracked = tracked_new ();
  Tracked other = tracked_new ();

  leash_tracker_add_listener (other.tracker, ignore, leash_track (tracked.ctx, "thing", NULL),
                              close_in_destroy);
  tracked_clear (&other);
  assert_clean (&tracked);
}

static void
open_many (LeashTracker *tracker, LeashEventType event, const LeashResource *resource,
           const LeashMisuse *misuse, gpointer user_data)
{
  listen (tracker, event, resource, misuse, user_data);
  for (int i = 0; event == LEASH_EVENT_MISUSED && i < 1000; i++)
    leash_untrack (leash_track (((Heard *) user_data)->tracked->ctx, "thing", "one of many"));
}

/* Regression: nobody was told of a release whose place in the tracker was taken again before. */
static void
test_told_of_what_is_forgotten (void)
{
  g_auto (Tracked) tracked = tracked_new ();
  Heard heard = { .tracked = &tracked };
  LeashTag *parent = leash_track (tracked.ctx, "thing", "parent");
  LeashTag *child = leash_track_child (tracked.ctx, parent, "thing", "child");

  leash_untrack (parent);
  leash_tracker_add_listener (tracked.tracker, open_many, &heard, NULL);
  leash_untrack (child);
  assert_heard (&heard, 0, 1, 0, 1);
  g_assert_cmpstr (heard.name, ==, "child");
  g_free (heard.name);
}

static void
count_atomically (LeashTracker *tracker, LeashEventType event, const LeashResource *resource,
                  const LeashMisuse *misuse, gpointer user_data)
{
  __atomic_fetch_add (&((Heard *) user_data)->n[event], 1, __ATOMIC_RELAXED);
}

static gpointer
open_and_close (gpointer tracked)
{
  for (int i = 0; i < 1000; i++)
    leash_untrack (leash_track (((Tracked *) tracked)->ctx, "thing", "raced"));
  return NULL;
}

static void
test_race (void)
{
  g_auto (Tracked) tracked = tracked_new ();
  Heard all = { 0 }, some = { 0 };
  GThread *threads[4];

  leash_tracker_add_listener (tracked.tracker, count_atomically, &all, NULL);
  for (int i = 0; i < 4; i++)
    threads[i] = g_thread_new ("opener", open_and_close, &tracked);
  for (int i = 0; i < 200; i++)
    leash_tracker_remove_listener (
        tracked.tracker, leash_tracker_add_listener (tracked.tracker, count_atomically, &some, NULL));
  for (int i = 0; i < 4; i++)
    g_thread_join (threads[i]);
  assert_heard (&all, 4000, 4000, 0, 0);
}

static void
test_wrong_arguments (void)
{
  g_autoptr (LeashTracker) tracker = leash_tracker_new ();

  EXPECT_CRITICAL ("*leash_tracker_add_listener*tracker*",
                   leash_tracker_add_listener (NULL, ignore, NULL, NULL));
  EXPECT_CRITICAL ("*leash_tracker_add_listener*func*",
                   leash_tracker_add_listener (tracker, NULL, NULL, NULL));
  EXPECT_CRITICAL ("*leash_tracker_remove_listener*tracker*", leash_tracker_remove_listener (NULL, 1));
  EXPECT_CRITICAL ("*leash_tracker_remove_listener*id*", leash_tracker_remove_listener (tracker, 0));
  EXPECT_CRITICAL ("*leash_tracker_remove_listener*no listener*7*",
                   leash_tracker_remove_listener (tracker, 7));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/events/opened-adopted-closed-misused", test_every_event);
  g_test_add_func ("/events/several-listeners-each-removed-alone", test_many);
  g_test_add_func ("/events/told-of-all-that-leaves", test_told_of_all_that_leaves);
  g_test_add_func ("/events/listener-may-open-and-close", test_listener_opens);
  g_test_add_func ("/events/told-of-what-is-forgotten-meanwhile", test_told_of_what_is_forgotten);
  g_test_add_func ("/events/listener-may-remove-itself", test_listener_removes_itself);
  g_test_add_func ("/events/listener-s-data-may-close-resources", test_destroy_closes);
  g_test_add_func ("/events/listeners-come-and-go-while-threads-open", test_race);
  g_test_add_func ("/events/wrong-arguments-are-named", test_wrong_arguments);
  return g_test_run ();
}
