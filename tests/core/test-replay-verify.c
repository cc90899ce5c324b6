/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* That LEASH_CAPTURE=verify sees a cache that is wrong, and none in one that is right. */
#include "replay-fixture.h"

static LeashReplayEntry *
get_newest (LeashReplay *replay)
{
  return &replay->entries[(replay->oldest + replay->n_entries - 1) % LEASH_REPLAY_ENTRIES];
}

static G_NO_INLINE LeashStackId
capture_one_of (guint which)
{
  LeashStackId id;

  if (which == 0)
    {
      DIFFER (1);
      id = capture ();
      DIFFER (1);
    }
  else
    {
      DIFFER (2);
      id = capture ();
      DIFFER (2);
    }
  return id;
}

static void
expect_difference (void)
{
  g_test_expect_message ("Leash", G_LOG_LEVEL_CRITICAL, "*replay cache*different stacks*");
}

static LeashStackId other_id;

static void
spoil_id (LeashReplayEntry *entry)
{
  entry->id = other_id;
}

/* An entry that believes less than it read, as a recorder would have it that missed all words but the last.
 */
static void
spoil_words (LeashReplayEntry *entry)
{
  guint n = (guint) (entry->values_end - entry->values);

  for (guint i = 0; i < n; i++)
    {
      entry->offsets[i] = entry->offsets[n - 1];
      entry->values[i] = entry->values[n - 1];
    }
}

static LeashReplayEntry *spoiled;

/* Before the last of four times. */
static G_NO_INLINE void
spoil_at_last (LeashReplay *replay, guint time, void (*spoil) (LeashReplayEntry *entry))
{
  if (time == 0)
    give_credit (replay);
  if (time != 3)
    return;
  spoiled = get_newest (replay);
  spoil (spoiled);
}

/* So that it is no answer for the tests that follow. */
static void
put_away_spoiled (void)
{
  g_test_assert_expected_messages ();
  spoiled->depth = 0;
}

static void
test_wrong_stack (void)
{
  LeashReplay *replay = get_replay ();
  guint64 before = leash_replay_count_different ();
  LeashStackId id = 0;

  other_id = capture_one_of (0);
  expect_difference ();
  for (guint i = unknown (0); i < unknown (4); i++)
    {
      spoil_at_last (replay, i, spoil_id);
      id = capture ();
    }
  put_away_spoiled ();
  g_assert_cmpuint (id, ==, other_id);
  g_assert_cmpuint (leash_replay_count_different (), ==, before + 1);
}

static void
test_missing_words (void)
{
  static const guint places[] = { 0, 0, 0, 1 };
  LeashReplay *replay = get_replay ();
  guint64 before = leash_replay_count_different ();
  LeashStackId ids[G_N_ELEMENTS (places)];

  expect_difference ();
  for (guint i = unknown (0); i < unknown (4); i++)
    {
      spoil_at_last (replay, i, spoil_words);
      ids[i] = capture_one_of (places[i]);
    }
  put_away_spoiled ();
  g_assert_cmpuint (ids[3], ==, ids[0]); /* which is wrong: it came from the other place */
  g_assert_cmpuint (leash_replay_count_different (), ==, before + 1);
}

static void
test_right_ones (void)
{
  LeashReplay *replay = get_replay ();
  guint64 before = leash_replay_count_different (), n_verified = replay->n_verified;

  for (guint i = unknown (0); i < unknown (2000); i++)
    capture ();
  g_assert_cmpuint (leash_replay_count_different (), ==, before);
  g_assert_cmpuint (replay->n_verified - n_verified, >=, 1990);
}

/* It ends a program whose criticals do, as a test's. */
static void
test_ends_a_test (void)
{
  if (!g_test_subprocess ())
    {
      g_test_trap_subprocess (NULL, PATIENCE, 0);
      g_test_trap_assert_failed ();
      g_test_trap_assert_stderr ("*replay cache*different stacks*");
      return;
    }
  get_replay ();
  other_id = capture_one_of (0);
  for (guint i = unknown (0); i < unknown (4); i++)
    {
      spoil_at_last (leash_thread_self.replay, i, spoil_id);
      capture ();
    }
}

/* As many wrappers around the public function as a caller may be looked for behind. */
static G_NO_INLINE LeashStackId
capture_behind (guint n_wrappers, gconstpointer caller)
{
  LeashStackId id;

  if (n_wrappers > 0)
    id = capture_behind (n_wrappers - 1, caller);
  else
    {
      LeashThread *self = leash_tag_enter ();

      id = leash_capture (caller, NULL, LEASH_DEPTH_MAX);
      leash_tag_leave (self);
    }
  STAY_IN_FRAME ();
  return id;
}

static G_NO_INLINE LeashStackId
capture_for_caller (guint n_wrappers)
{
  LeashStackId id = capture_behind (n_wrappers, LEASH_CALLER);

  STAY_IN_FRAME ();
  return id;
}

static void
test_wrappers (void)
{
  LeashReplay *replay = get_replay ();
  guint64 before = leash_replay_count_different ();

  for (guint n = 0; n <= LEASH_OWN_FRAMES_MAX; n++)
    {
      give_credit (replay);
      for (guint i = unknown (0); i < unknown (5); i++)
        capture_for_caller (n);
    }
  g_assert_cmpuint (leash_replay_count_different (), ==, before);
}

int
main (int argc, char **argv)
{
  init (&argc, &argv);
  g_test_add_func ("/replay/verify/wrong-stack-is-told", test_wrong_stack);
  g_test_add_func ("/replay/verify/missing-words-are-told", test_missing_words);
  g_test_add_func ("/replay/verify/right-ones-are-not", test_right_ones);
  g_test_add_func ("/replay/verify/ends-a-test", test_ends_a_test);
  g_test_add_func ("/replay/verify/behind-wrappers", test_wrappers);
  return g_test_run ();
}
