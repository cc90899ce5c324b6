/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the tests of the replay cache share. They run with LEASH_CAPTURE=verify unless a test says otherwise: each
 * hit is counted in n_verified, compared with unwinding, and ends the test where the two differ.
 */
#pragma once

#include <leash/leash.h>

#include "leash-capture-private.h"
#include "leash-replay-private.h"
#include "leash-tag-private.h"

#define PATIENCE (60 * G_TIME_SPAN_SECOND)

/* Keeps a call before it from being a tail call, and two branches with other numbers from being made one. */
#define STAY_IN_FRAME() __asm__ volatile("" ::: "memory")
#define DIFFER(number) __asm__ volatile("# branch " #number ::: "memory")

typedef LeashStackId (*Capture) (void);

/* For the end of a loop, lest the compiler make one place of the call for each time. */
static inline guint
unknown (guint n)
{
  __asm__ volatile("" : "+r"(n));
  return n;
}

/* As a public function of the library does. */
G_NO_INLINE static LeashStackId
capture_at_depth (guint depth)
{
  LeashThread *self = leash_tag_enter ();
  LeashStackId id;

  if (self == NULL)
    return 0;
  id = leash_capture (LEASH_CALLER, NULL, depth);
  leash_tag_leave (self);
  return id;
}

G_NO_INLINE G_GNUC_UNUSED static LeashStackId
capture (void)
{
  LeashStackId id = capture_at_depth (LEASH_DEPTH_MAX);

  STAY_IN_FRAME ();
  return id;
}

/* The thread's cache: made when it has captured some stacks. */
G_NO_INLINE G_GNUC_UNUSED static LeashReplay *
get_replay (void)
{
  for (guint i = 0; i < 10; i++)
    capture ();
  g_assert_nonnull (leash_thread_self.replay);
  return leash_thread_self.replay;
}

/* So that a test of something else does not wait until it may record, or is looked at again. */
G_GNUC_UNUSED static void
give_credit (LeashReplay *replay)
{
  for (guint i = 0; i < LEASH_REPLAY_SITES; i++)
    replay->sites[i] = (LeashReplaySite){ .credit = 16384 };
  replay->resting = 0;
}

/* What a capture did, by the counters. */
typedef struct
{
  guint64 n_recorded, n_declined, n_flushed, n_hits;
} Counts;

G_GNUC_UNUSED static Counts
count_since (const LeashReplay *replay, Counts before)
{
  return (Counts){
    .n_recorded = replay->n_recorded - before.n_recorded,
    .n_declined = replay->n_declined - before.n_declined,
    .n_flushed = replay->n_flushed - before.n_flushed,
    .n_hits = replay->n_verified - before.n_hits,
  };
}

G_GNUC_UNUSED static Counts
count_now (const LeashReplay *replay)
{
  return count_since (replay, (Counts){ 0 });
}

/* Fails unless the function's stack is recorded when it comes again, and known from then on. */
#define assert_is_replayed(replay, call)                              \
  G_STMT_START                                                        \
  {                                                                   \
    Counts before_ = count_now (replay), done_;                       \
    LeashStackId ids_[4];                                             \
                                                                      \
    for (guint i_ = unknown (0); i_ < unknown (4); i_++)                        \
      ids_[i_] = call;                                                \
    for (guint i_ = 0; i_ < 4; i_++)                                  \
      g_assert_cmpuint (ids_[i_], ==, ids_[0]);                       \
    done_ = count_since (replay, before_);                            \
    g_assert_cmpuint (done_.n_recorded, ==, 1);                       \
    g_assert_cmpuint (done_.n_hits, ==, 2);                           \
  }                                                                   \
  G_STMT_END

/* Fails if anything of it is recorded, or known. */
#define assert_is_not_replayed(replay, call)                          \
  G_STMT_START                                                        \
  {                                                                   \
    Counts before_ = count_now (replay), done_;                       \
                                                                      \
    for (guint i_ = unknown (0); i_ < unknown (6); i_++)                                  \
      call;                                                           \
    done_ = count_since (replay, before_);                            \
    g_assert_cmpuint (done_.n_recorded, ==, 0);                       \
    g_assert_cmpuint (done_.n_hits, ==, 0);                           \
  }                                                                   \
  G_STMT_END

/* Runs the test in a process of its own, with LEASH_CAPTURE set so. Returns TRUE in that process. */
G_GNUC_UNUSED static gboolean
is_subprocess_with (const char *mode)
{
  if (g_test_subprocess ())
    return TRUE;
  g_setenv ("LEASH_CAPTURE", mode, TRUE);
  g_test_trap_subprocess (NULL, PATIENCE, 0);
  g_setenv ("LEASH_CAPTURE", "verify", TRUE);
  g_test_trap_assert_passed ();
  return FALSE;
}

/* Before anything is captured. */
G_GNUC_UNUSED static void
init (int *argc, char ***argv)
{
  g_setenv ("LEASH_CAPTURE", "verify", FALSE);
  g_test_init (argc, argv, NULL);
  leash_tracker_unref (leash_tracker_new ()); /* warms up */
}
