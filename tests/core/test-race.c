/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Threads that do everything to the same trackers at once. What is asserted is little: the counts agree at
 * the end, nothing was misused. The point is to be run under ThreadSanitizer and valgrind.
 */
#include "tracker-fixture.h"

#define N_THREADS 8

typedef struct
{
  Tracked outer, inner, other;
  guint n_rounds;
  gint next_key; /* atomic */
  gint stopped;  /* atomic */
} Arena;

static void
arena_set_up (Arena *arena)
{
  arena->outer = tracked_new ();
  arena->inner = tracked_from (leash_tracker_new_nested (arena->outer.tracker));
  arena->other = tracked_new ();
  arena->n_rounds = g_test_slow () ? 20000 : 300;
}

static void
open_and_close_tree (Arena *arena)
{
  LeashTag *parent = leash_track (arena->inner.ctx, "race-parent", "parent");
  LeashTag *child = leash_track_child (arena->outer.ctx, parent, "race-child", "child");
  gpointer key = GINT_TO_POINTER (__atomic_add_fetch (&arena->next_key, 1, __ATOMIC_RELAXED));

  leash_track_pointer (arena->inner.ctx, "race-key", key, "key");
  leash_tag_set_name (child, "renamed");
  parent = leash_tag_adopt (parent, arena->other.ctx);
  leash_untrack_pointer (arena->outer.ctx, "race-key", key);
  leash_untrack (child);
  parent = leash_tag_adopt (parent, arena->inner.ctx);
  leash_untrack (parent);
}

static gpointer
work (gpointer data)
{
  Arena *arena = data;

  for (guint i = 0; i < arena->n_rounds; i++)
    open_and_close_tree (arena);
  return NULL;
}

static void
look (LeashTracker *tracker)
{
  g_autoptr (LeashSnapshot) before = leash_snapshot_new (tracker);
  g_autoptr (LeashSnapshot) after = leash_snapshot_new (tracker);
  g_autoptr (LeashSnapshot) difference = leash_snapshot_new_difference (before, after);

  leash_tracker_count_open (tracker);
  leash_tracker_count_kind (tracker, "race-child");
  leash_tracker_count_misuses (tracker);
}

static gpointer
look_and_set (gpointer data)
{
  Arena *arena = data;

  for (guint i = 0; !__atomic_load_n (&arena->stopped, __ATOMIC_ACQUIRE); i++)
    {
      g_auto (Tracked) passing = tracked_from (leash_tracker_new_nested (arena->inner.tracker));

      look (arena->outer.tracker);
      leash_tracker_set_level (arena->outer.tracker, i % 2 == 0 ? LEASH_LEVEL_SAMPLE : LEASH_LEVEL_FULL, 3);
      leash_tracker_set_depth (arena->inner.tracker, 1 + i % 8);
      leash_tracker_set_release_stacks (arena->inner.tracker, i % 3 == 0);
      leash_untrack (leash_track (passing.ctx, "race-passing", NULL));
      leash_tracker_end (passing.tracker);
    }
  return NULL;
}

static gpointer
report (gpointer data)
{
  Arena *arena = data;

  while (!__atomic_load_n (&arena->stopped, __ATOMIC_ACQUIRE))
    g_free (leash_tracker_report (arena->outer.tracker, LEASH_FORMAT_JSON));
  return NULL;
}

static void
test_everything_at_once (void)
{
  Arena arena = { 0 };
  GThread *threads[N_THREADS];

  arena_set_up (&arena);
  for (int i = 0; i < N_THREADS - 2; i++)
    threads[i] = g_thread_new ("worker", work, &arena);
  threads[N_THREADS - 2] = g_thread_new ("looker", look_and_set, &arena);
  threads[N_THREADS - 1] = g_thread_new ("reporter", report, &arena);
  for (int i = 0; i < N_THREADS - 2; i++)
    g_thread_join (threads[i]);
  __atomic_store_n (&arena.stopped, TRUE, __ATOMIC_RELEASE);
  g_thread_join (threads[N_THREADS - 2]);
  g_thread_join (threads[N_THREADS - 1]);
  assert_clean (&arena.outer);
  assert_clean (&arena.other);
  tracked_clear (&arena.inner);
  tracked_clear (&arena.outer);
  tracked_clear (&arena.other);
}

typedef struct
{
  LeashTag *tags[64];
  gint n_ready; /* atomic */
} Left;

/* Half of these releases are second ones, which record a misuse in a tracker that is about to go. */
static gpointer
release_twice (gpointer data)
{
  Left *left = data;

  __atomic_add_fetch (&left->n_ready, 1, __ATOMIC_ACQ_REL);
  for (guint i = 0; i < G_N_ELEMENTS (left->tags); i++)
    leash_untrack (left->tags[i]);
  return NULL;
}

/* Regression: a misuse took a reference to a tracker that was being freed, and freed it again. */
static void
test_tracker_freed_while_released (void)
{
  guint n_rounds = g_test_slow () ? 5000 : 100;

  for (guint round = 0; round < n_rounds; round++)
    {
      Tracked tracked = tracked_new ();
      Left left = { 0 };
      GThread *threads[2];

      for (guint i = 0; i < G_N_ELEMENTS (left.tags); i++)
        left.tags[i] = leash_track (tracked.ctx, "thing", "left");
      for (guint i = 0; i < 2; i++)
        threads[i] = g_thread_new ("releaser", release_twice, &left);
      while (__atomic_load_n (&left.n_ready, __ATOMIC_ACQUIRE) == 0)
        g_thread_yield ();
      tracked_clear (&tracked);
      for (guint i = 0; i < 2; i++)
        g_thread_join (threads[i]);
    }
}

/* The same with a parent to inherit what is left. */
static void
test_nested_dropped_while_released (void)
{
  g_auto (Tracked) outer = tracked_new ();
  guint n_rounds = g_test_slow () ? 5000 : 100;

  for (guint round = 0; round < n_rounds; round++)
    {
      Tracked tracked = tracked_from (leash_tracker_new_nested (outer.tracker));
      Left left = { 0 };
      GThread *thread;

      for (guint i = 0; i < G_N_ELEMENTS (left.tags); i++)
        left.tags[i] = leash_track (tracked.ctx, "thing", "left");
      thread = g_thread_new ("releaser", release_twice, &left);
      tracked_clear (&tracked);
      look (outer.tracker);
      g_thread_join (thread);
    }
  assert_clean (&outer);
}

typedef struct
{
  Tracked *tracked;
  LeashTag *parent;
  gint stopped; /* atomic */
} Family;

static gpointer
open_children (gpointer data)
{
  Family *family = data;

  while (!__atomic_load_n (&family->stopped, __ATOMIC_ACQUIRE))
    {
      LeashTag *child = leash_track_child (family->tracked->ctx, family->parent, "child", NULL);

      leash_untrack (child);
    }
  return NULL;
}

/* Regression: a parent looked closed while it was on its way to another tracker. */
static void
test_children_while_parent_moves (void)
{
  g_auto (Tracked) a = tracked_new ();
  g_auto (Tracked) b = tracked_new ();
  guint n_rounds = g_test_slow () ? 2000 : 50;

  for (guint round = 0; round < n_rounds; round++)
    {
      LeashTag *parent = leash_track (a.ctx, "parent", NULL);
      LeashTag *anchor = leash_track_child (a.ctx, parent, "anchor", NULL); /* so that the old tag leads on */
      Family family = { &a, parent, FALSE };
      GThread *thread = g_thread_new ("opener", open_children, &family);

      parent = leash_tag_adopt (parent, b.ctx);
      parent = leash_tag_adopt (parent, a.ctx);
      __atomic_store_n (&family.stopped, TRUE, __ATOMIC_RELEASE);
      g_thread_join (thread);
      leash_untrack (anchor);
      leash_untrack (parent);
    }
  assert_clean (&a);
  assert_clean (&b);
}

typedef struct
{
  void (*func) (LeashTag *tag, LeashContext *ctx);
  LeashContext *ctx;
  LeashTag *tag; /* atomic; NULL once it is done with, the helper itself to end */
  GThread *thread;
} Helper;

static gpointer
help (gpointer data)
{
  Helper *helper = data;
  LeashTag *tag;

  while ((tag = __atomic_load_n (&helper->tag, __ATOMIC_ACQUIRE)) != (LeashTag *) helper)
    if (tag != NULL)
      {
        helper->func (tag, helper->ctx);
        __atomic_store_n (&helper->tag, NULL, __ATOMIC_RELEASE);
      }
    else
      g_thread_yield (); /* where threads run one by one, as under valgrind */
  return NULL;
}

static void
helper_start (Helper *helper)
{
  helper->thread = g_thread_new ("helper", help, helper);
}

static void
helper_stop (Helper *helper)
{
  __atomic_store_n (&helper->tag, (LeashTag *) helper, __ATOMIC_RELEASE);
  g_thread_join (helper->thread);
}

static void
release (LeashTag *tag, LeashContext *ctx)
{
  leash_untrack (tag);
}

static void
move_out (LeashTag *tag, LeashContext *ctx)
{
  tag = leash_tag_adopt (tag, ctx);
  leash_untrack (tag);
}

/* Each round drops a tracker with something open, which the helper closes while dropped ones are looked
 * through. */
static void
drop_many (Tracked *outer, guint n_rounds, void (*round) (Tracked *outer, Helper *helper), Helper *helper)
{
  helper->ctx = outer->ctx;
  helper_start (helper);
  for (guint i = 0; i < n_rounds; i++)
    {
      round (outer, helper);
      while (__atomic_load_n (&helper->tag, __ATOMIC_ACQUIRE) != NULL)
        leash_tracker_unref (leash_tracker_new_nested (outer->tracker));
    }
  helper_stop (helper);
  g_assert_cmpuint (leash_tracker_count_open (outer->tracker), ==, 0);
}

/* Each round leaves one misuse, in a tracker that was dropped. */
static void
check_misuses_come_up (void (*round) (Tracked *outer, Helper *helper), Helper *helper)
{
  g_auto (Tracked) outer = tracked_new ();
  guint n_rounds = g_test_slow () ? 100000 : 1000;

  drop_many (&outer, n_rounds, round, helper);
  g_assert_cmpuint (leash_tracker_count_misuses (outer.tracker), ==, n_rounds);
}

static void
release_last_after_parent (Tracked *outer, Helper *helper)
{
  Tracked inner = tracked_from (leash_tracker_new_nested (outer->tracker));
  LeashTag *parent = leash_track (outer->ctx, "parent", NULL);
  LeashTag *child = leash_track_child (inner.ctx, parent, "child", NULL);

  leash_untrack (parent);
  tracked_clear (&inner);
  __atomic_store_n (&helper->tag, child, __ATOMIC_RELEASE);
}

/* Regression: a misuse was lost when the release that it was found by left its tracker empty. */
static void
test_misuse_of_the_last_release (void)
{
  check_misuses_come_up (release_last_after_parent, &(Helper){ .func = release });
}

static void
move_last_out (Tracked *outer, Helper *helper)
{
  Tracked middle = tracked_from (leash_tracker_new_nested (outer->tracker));
  Tracked inner = tracked_from (leash_tracker_new_nested (middle.tracker));
  LeashTag *tag = leash_track (inner.ctx, "thing", NULL);

  leash_tag_misused (tag, "touched with dirty hands", LEASH_CALLER);
  tracked_clear (&inner);
  __atomic_store_n (&helper->tag, tag, __ATOMIC_RELEASE);
  tracked_clear (&middle);
}

/* Regression: what moves to another tracker is open for a moment longer, and so kept misuses from the top. */
static void
test_misuses_while_the_last_moves_out (void)
{
  check_misuses_come_up (move_last_out, &(Helper){ .func = move_out });
}

static guint n_closed; /* atomic */

static void
hear (LeashTracker *tracker, LeashEventType event, const LeashResource *resource, const LeashMisuse *misuse,
      gpointer user_data)
{
  if (event == LEASH_EVENT_CLOSED)
    __atomic_fetch_add (&n_closed, 1, __ATOMIC_RELAXED);
}

static void
release_last_heard (Tracked *outer, Helper *helper)
{
  Tracked inner = tracked_from (leash_tracker_new_nested (outer->tracker));
  LeashTag *tag;

  leash_tracker_add_listener (inner.tracker, hear, NULL, NULL);
  tag = leash_track (inner.ctx, "thing", NULL);
  tracked_clear (&inner);
  __atomic_store_n (&helper->tag, tag, __ATOMIC_RELEASE);
}

/* Regression: nobody was told of a release that left its tracker empty, when that was freed at once. */
static void
test_event_of_the_last_release (void)
{
  g_auto (Tracked) outer = tracked_new ();
  guint n_rounds = g_test_slow () ? 100000 : 1000;

  n_closed = 0;
  drop_many (&outer, n_rounds, release_last_heard, &(Helper){ .func = release });
  g_assert_cmpuint (n_closed, ==, n_rounds);
}

/* Regression: a tracker was found clean after the last release, and before the misuse that it was. */
static void
test_misuse_is_there_once_all_is_closed (void)
{
  Helper helper = { .func = release };
  guint n_rounds = g_test_slow () ? 100000 : 1000;

  helper_start (&helper);
  for (guint i = 0; i < n_rounds; i++)
    {
      g_auto (Tracked) tracked = tracked_new ();
      LeashTag *parent = leash_track (tracked.ctx, "parent", NULL);
      LeashTag *child = leash_track_child (tracked.ctx, parent, "child", NULL);

      leash_untrack (parent);
      __atomic_store_n (&helper.tag, child, __ATOMIC_RELEASE);
      while (leash_tracker_count_open (tracked.tracker) > 0)
        ;
      g_assert_cmpuint (leash_tracker_count_misuses (tracked.tracker), ==, 1);
      while (__atomic_load_n (&helper.tag, __ATOMIC_ACQUIRE) != NULL)
        g_thread_yield ();
    }
  helper_stop (&helper);
}

typedef struct
{
  Tracked outer, inner;
  LeashTag *tag;
  gint stopped; /* atomic */
} Ring;

static gpointer
hand_round (gpointer data)
{
  Ring *ring = data;

  while (!__atomic_load_n (&ring->stopped, __ATOMIC_ACQUIRE))
    {
      ring->tag = leash_tag_adopt (ring->tag, ring->outer.ctx);
      ring->tag = leash_tag_adopt (ring->tag, ring->inner.ctx);
    }
  return NULL;
}

/* Regression: what was on its way from one tracker to another was counted in neither. */
static void
test_open_while_it_moves (void)
{
  Ring ring = { tracked_new () };
  GThread *thread;
  guint n_rounds = g_test_slow () ? 1000000 : 5000;

  ring.inner = tracked_from (leash_tracker_new_nested (ring.outer.tracker));
  ring.tag = leash_track (ring.inner.ctx, "thing", NULL);
  thread = g_thread_new ("hander", hand_round, &ring);
  for (guint i = 0; i < n_rounds; i++)
    g_assert_cmpuint (leash_tracker_count_open (ring.outer.tracker), >=, 1);
  __atomic_store_n (&ring.stopped, TRUE, __ATOMIC_RELEASE);
  g_thread_join (thread);
  g_assert_cmpuint (leash_tracker_count_open (ring.outer.tracker), ==, 1);
  leash_untrack (ring.tag);
  assert_clean (&ring.outer);
  tracked_clear (&ring.inner);
  tracked_clear (&ring.outer);
}

static gpointer
end_it (gpointer tracker)
{
  leash_tracker_end (tracker);
  return NULL;
}

/* What was opened before the end is closed; what came after was refused, and counted. */
static void
test_ended_while_opened (void)
{
  g_auto (Tracked) tracked = tracked_new ();
  GThread *thread = g_thread_new ("ender", end_it, tracked.tracker);
  guint n_refused = 0;

  for (int i = 0; i < 1000; i++)
    {
      LeashTag *tag = leash_track (tracked.ctx, "thing", NULL);

      n_refused += tag == NULL;
      leash_untrack (tag);
    }
  g_thread_join (thread);
  g_assert_cmpuint (leash_tracker_count_open (tracked.tracker), ==, 0);
  g_assert_cmpuint (leash_tracker_count_misuses (tracked.tracker), ==, n_refused);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/race/everything-at-once-in-eight-threads", test_everything_at_once);
  g_test_add_func ("/race/tracker-freed-while-another-thread-releases", test_tracker_freed_while_released);
  g_test_add_func ("/race/nested-tracker-dropped-while-another-thread-releases",
                   test_nested_dropped_while_released);
  g_test_add_func ("/race/parent-adopted-while-children-come-and-go", test_children_while_parent_moves);
  g_test_add_func ("/race/misuse-of-the-last-release-comes-up", test_misuse_of_the_last_release);
  g_test_add_func ("/race/misuses-come-up-while-the-last-moves-out", test_misuses_while_the_last_moves_out);
  g_test_add_func ("/race/event-of-the-last-release-is-told", test_event_of_the_last_release);
  g_test_add_func ("/race/misuse-is-there-once-all-is-closed", test_misuse_is_there_once_all_is_closed);
  g_test_add_func ("/race/open-while-it-moves", test_open_while_it_moves);
  g_test_add_func ("/race/tracker-ended-while-another-thread-opens", test_ended_while_opened);
  return g_test_run ();
}
