/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The replay cache: what is known again and what must not be; that it stays small, cheap and goes with its
 * thread. What a walk depends on is in test-replay-record.c, modules are in test-replay-modules.c.
 */
#include "replay-fixture.h"

#include <pthread.h>

#include "../under-sanitizer.h"

static G_NO_INLINE LeashStackId
call_twice (Capture func)
{
  LeashStackId id = func ();

  STAY_IN_FRAME ();
  return id;
}

static void
test_third_time_is_a_hit (void)
{
  LeashReplay *replay = get_replay ();
  Counts before = count_now (replay);
  LeashStackId ids[4];

  for (guint i = unknown (0); i < unknown (G_N_ELEMENTS (ids)); i++)
    {
      static const guint n_recorded[] = { 0, 1, 1, 1 }, n_hits[] = { 0, 0, 1, 2 };
      Counts done;

      ids[i] = capture ();
      done = count_since (replay, before);
      g_assert_cmpuint (ids[i], ==, ids[0]);
      g_assert_cmpuint (done.n_recorded, ==, n_recorded[i]);
      g_assert_cmpuint (done.n_hits, ==, n_hits[i]);
    }
}

static LeashReplayEntry *
get_newest (LeashReplay *replay)
{
  g_assert_cmpuint (replay->n_entries, >, 0);
  return &replay->entries[(replay->oldest + replay->n_entries - 1) % LEASH_REPLAY_ENTRIES];
}

/* After the recording, and one hit. */
static G_NO_INLINE void
spoil_after_hit (LeashReplay *replay, guint time)
{
  if (time == 3)
    get_newest (replay)->id = G_MAXUINT32;
}

/* A hit gives what was noted, whatever the stack is: nothing is unwound for it. */
static void
test_hit_unwinds_nothing (void)
{
  LeashReplay *replay;
  LeashStackId ids[4];

  if (!is_subprocess_with ("auto"))
    return;
  replay = get_replay ();
  for (guint i = unknown (0); i < unknown (G_N_ELEMENTS (ids)); i++)
    {
      spoil_after_hit (replay, i);
      ids[i] = capture ();
    }
  g_assert_cmpuint (ids[2], ==, ids[0]);
  g_assert_cmphex (ids[3], ==, G_MAXUINT32);
  g_assert_cmpuint (replay->n_verified, ==, 0);
}

static void
test_off_makes_no_cache (void)
{
  if (!is_subprocess_with ("unwind"))
    return;
  for (guint i = 0; i < 1000; i++)
    capture ();
  g_assert_null (leash_thread_self.replay);
}

/* Two places in one frame: pc and sp of whoever captures are the same, two frames further out is another
 * word. */
static G_NO_INLINE LeashStackId
call_from_either (Capture func, gboolean other)
{
  LeashStackId id;

  if (other)
    {
      DIFFER (1);
      id = call_twice (func);
      DIFFER (1);
    }
  else
    {
      DIFFER (2);
      id = call_twice (func);
      DIFFER (2);
    }
  return id;
}

/* The same frame, but for its caller, and that is somewhere else. */
static G_NO_INLINE LeashStackId
call_by_one (Capture func)
{
  LeashStackId id = call_twice (func);

  DIFFER (3);
  return id;
}

static G_NO_INLINE LeashStackId
call_by_other (Capture func)
{
  LeashStackId id = call_twice (func);

  DIFFER (4);
  return id;
}

static LeashStackId
call_by (Capture func, guint which)
{
  LeashStackId (*const callers[]) (Capture) = { call_by_one, call_by_other };
  LeashStackId id = callers[which](func);

  STAY_IN_FRAME ();
  return id;
}

static guint
count_differences (LeashStackId a, LeashStackId b)
{
  gconstpointer of_a[LEASH_DEPTH_MAX], of_b[LEASH_DEPTH_MAX];
  gsize n = leash_stack_get_frames (a, of_a, LEASH_DEPTH_MAX), n_different = 0;

  g_assert_cmpuint (leash_stack_get_frames (b, of_b, LEASH_DEPTH_MAX), ==, n);
  for (gsize i = 0; i < n; i++)
    n_different += of_a[i] != of_b[i];
  return n_different;
}

static void
test_other_caller_is_no_hit (void)
{
  LeashReplay *replay = get_replay ();
  LeashStackId ids[2][2][4];
  Counts before = count_now (replay), done;

  /* In turns, so that each finds what the other has left. */
  for (guint i = unknown (0); i < unknown (4); i++)
    for (guint which = unknown (0); which < unknown (2); which++)
      {
        ids[0][which][i] = call_from_either (capture, which);
        ids[1][which][i] = call_by (capture, which);
      }
  for (guint how = 0; how < 2; how++)
    {
      for (guint i = unknown (0); i < unknown (4); i++)
        for (guint which = unknown (0); which < unknown (2); which++)
          g_assert_cmpuint (ids[how][which][i], ==, ids[how][which][0]);
      g_assert_cmpuint (ids[how][0][0], !=, ids[how][1][0]);
    }
  g_assert_cmpuint (count_differences (ids[0][0][0], ids[0][1][0]), ==, 1);
  done = count_since (replay, before);
  g_assert_cmpuint (done.n_recorded, ==, 4);
  g_assert_cmpuint (done.n_hits, ==, 8);
}

static void
test_depths_are_apart (void)
{
  LeashReplay *replay = get_replay ();
  LeashStackId ids[3][4];
  Counts before = count_now (replay), done;

  for (guint i = unknown (0); i < unknown (4); i++)
    for (guint depth = unknown (1); depth <= unknown (3); depth++)
      ids[depth - 1][i] = capture_at_depth (depth);
  for (guint depth = unknown (1); depth <= unknown (3); depth++)
    for (guint i = unknown (0); i < unknown (4); i++)
      {
        g_assert_cmpuint (ids[depth - 1][i], ==, ids[depth - 1][0]);
        g_assert_cmpuint (leash_stack_get_frames (ids[depth - 1][i], NULL, 0), ==, depth);
      }
  done = count_since (replay, before);
  g_assert_cmpuint (done.n_recorded, ==, 3);
  g_assert_cmpuint (done.n_hits, ==, 6);
}

static void
test_tracker_changes_depth (void)
{
  g_autoptr (LeashTracker) tracker = leash_tracker_new ();
  g_autoptr (LeashContext) ctx = leash_context_with_tracker (leash_context_background (), tracker);
  LeashReplay *replay = get_replay ();
  Counts before = count_now (replay);

  for (guint i = unknown (0); i < unknown (24); i++)
    {
      g_autoptr (LeashSnapshot) snapshot = NULL;
      guint depth = i % 2 != 0 ? 2 : 1;
      LeashTag *tag;

      leash_tracker_set_depth (tracker, depth);
      tag = leash_track (ctx, "thing", NULL);
      snapshot = leash_snapshot_new (tracker);
      g_assert_cmpuint (leash_stack_get_frames (leash_snapshot_get_resource (snapshot, 0)->stack, NULL, 0),
                        ==, depth);
      leash_untrack (tag);
    }
  g_assert_cmpuint (count_since (replay, before).n_hits, >=, 20);
}

/* A stack of its own for each number, by the side that each level is called from. */
static G_NO_INLINE LeashStackId
capture_by_bits (guint bits, guint n_levels)
{
  LeashStackId id;

  if (n_levels == 0)
    return capture ();
  if ((bits & 1) != 0)
    {
      DIFFER (5);
      id = capture_by_bits (bits >> 1, n_levels - 1);
      DIFFER (5);
    }
  else
    {
      DIFFER (6);
      id = capture_by_bits (bits >> 1, n_levels - 1);
      DIFFER (6);
    }
  return id;
}

static gboolean
is_found (const LeashReplay *replay, guint index)
{
  const LeashReplayEntry *entry = &replay->entries[index];
  guint n = 0;

  for (const LeashReplayEntry *each = replay->heads[leash_replay_bucket (entry->pc, entry->sp)]; each != NULL;
       each = each->next)
    n += each == entry;
  g_assert_cmpuint (n, <=, 1);
  return n == 1;
}

/* Entries that are of use are each found once, and no two of them have a word in common. */
static void
assert_rings_are_sound (const LeashReplay *replay)
{
  static guint16 owner[LEASH_REPLAY_WORDS];

  memset (owner, 0, sizeof owner);
  g_assert_cmpuint (replay->n_entries, <=, LEASH_REPLAY_ENTRIES);
  for (guint i = 0; i < replay->n_entries; i++)
    {
      guint index = (replay->oldest + i) % LEASH_REPLAY_ENTRIES;
      const LeashReplayEntry *entry = &replay->entries[index];

      g_assert_true (entry->values_end <= replay->values + LEASH_REPLAY_WORDS);
      g_assert_cmpint (entry->offsets - replay->offsets, ==, entry->values - replay->values);
      for (guint16 *word = owner + (entry->values - replay->values);
           word < owner + (entry->values_end - replay->values); word++)
        {
          g_assert_cmpuint (*word, ==, 0);
          *word = (guint16) (index + 1);
        }
      g_assert_true (entry->pc == 0 || is_found (replay, index));
    }
}

/* Stacks of all sizes, so that each ring goes round several times, at other places than the other. */
static void
test_rings_stay_sound (void)
{
  LeashReplay *replay = get_replay ();
  guint64 n_recorded = replay->n_recorded;
  guint n_stacks = g_test_thorough () ? 20000 : 2000;

  for (guint i = 0; i < n_stacks; i++)
    {
      guint bits = g_test_rand_int_range (0, 1 << 16),
            n_levels = g_test_rand_int_range (1, i % 16 == 0 ? 110 : 16);
      LeashStackId ids[3];

      give_credit (replay);
      for (guint again = unknown (0); again < unknown (3); again++)
        ids[again] = capture_by_bits (bits, n_levels);
      g_assert_cmpuint (ids[1], ==, ids[0]);
      g_assert_cmpuint (ids[2], ==, ids[0]);
      if (i % 16 == 0)
        assert_rings_are_sound (replay);
    }
  g_assert_cmpuint (replay->n_recorded - n_recorded, >, n_stacks / 2);
}

static gpointer
capture_many (gpointer ret_replay)
{
  LeashReplay *replay = get_replay ();
  guint n_stacks
      = UNDER_THREAD_SANITIZER || UNDER_ADDRESS_SANITIZER || g_getenv ("UNDER_VALGRIND") ? 10000 : 100000;
  Counts before = count_now (replay), done;

  for (guint i = 0; i < n_stacks; i++)
    for (guint again = unknown (0); again < unknown (2); again++)
      capture_by_bits (i, 17);
  done = count_since (replay, before);
  g_assert_cmpuint (replay->n_entries, <=, LEASH_REPLAY_ENTRIES);
  g_assert_cmpuint (sizeof (LeashReplay), <, 160 * 1024);
  assert_rings_are_sound (replay);
  /* Each came twice and never again: what it costs to record them is bounded. */
  g_assert_cmpuint (done.n_hits, ==, 0);
  g_assert_cmpuint (done.n_recorded, >=, 8);
  g_assert_cmpuint (done.n_recorded, <=, 24 + 2 * n_stacks / 2048);
  return NULL;
}

/* In a thread of its own, whose credit nobody has spent. */
static void
test_twice_and_never_again_costs_little (void)
{
  g_thread_join (g_thread_new ("many", capture_many, NULL));
}

static pthread_key_t late_key;
static gboolean late_has_cache;
static guint n_late;

static void
capture_late (void *round)
{
  n_late += capture () != 0;
  late_has_cache = leash_thread_self.replay != NULL;
  if (GPOINTER_TO_UINT (round) < 3)
    pthread_setspecific (late_key, GUINT_TO_POINTER (GPOINTER_TO_UINT (round) + 1));
}

static gpointer
capture_and_exit (gpointer with_late)
{
  get_replay ();
  if (with_late != NULL)
    pthread_setspecific (late_key, GUINT_TO_POINTER (1));
  return NULL;
}

static void
test_goes_with_its_thread (void)
{
  g_assert_cmpint (pthread_key_create (&late_key, capture_late), ==, 0);
  for (guint i = 0; i < 64; i++)
    g_thread_join (g_thread_new ("goes", capture_and_exit, GINT_TO_POINTER (i % 2)));
  pthread_key_delete (late_key);
  g_assert_cmpuint (n_late, ==, 32 * 3);
  g_assert_false (late_has_cache);
}

/* What a depot that is full gives stands for all stacks that it has no room for. */
static void
test_full_depot_is_not_replayed (void)
{
  LeashReplay *replay;

  if (!g_test_subprocess ())
    {
      g_setenv ("LEASH_DEPOT_LIMIT", "64K", TRUE);
      g_test_trap_subprocess (NULL, PATIENCE, 0);
      g_unsetenv ("LEASH_DEPOT_LIMIT");
      g_test_trap_assert_passed ();
      return;
    }
  replay = get_replay ();
  for (guint i = 0; leash_depot_count_dropped () == 0; i++)
    capture_by_bits (i, 20);
  give_credit (replay);
  assert_is_not_replayed (replay, capture_by_bits (1 << 19, 20));
  g_assert_cmpuint (replay->n_declined, ==, 0);
}

int
main (int argc, char **argv)
{
  init (&argc, &argv);
  g_test_add_func ("/replay/third-time-is-a-hit", test_third_time_is_a_hit);
  g_test_add_func ("/replay/hit-unwinds-nothing", test_hit_unwinds_nothing);
  g_test_add_func ("/replay/off-makes-no-cache", test_off_makes_no_cache);
  g_test_add_func ("/replay/other-caller-is-no-hit", test_other_caller_is_no_hit);
  g_test_add_func ("/replay/depths-are-apart", test_depths_are_apart);
  g_test_add_func ("/replay/tracker-changes-depth", test_tracker_changes_depth);
  g_test_add_func ("/replay/rings-stay-sound", test_rings_stay_sound);
  g_test_add_func ("/replay/twice-and-never-again-costs-little", test_twice_and_never_again_costs_little);
  g_test_add_func ("/replay/goes-with-its-thread", test_goes_with_its_thread);
  g_test_add_func ("/replay/full-depot-is-not-replayed", test_full_depot_is_not_replayed);
  return g_test_run ();
}
