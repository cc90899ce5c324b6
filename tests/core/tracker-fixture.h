/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A tracker with a context on it, and functions whose frames a stack can be checked against. */
#pragma once

#include <leash/leash.h>

typedef struct
{
  LeashTracker *tracker;
  LeashContext *ctx;
} Tracked;

static inline Tracked
tracked_from (LeashTracker *tracker)
{
  return (Tracked){ tracker, leash_context_with_tracker (leash_context_background (), tracker) };
}

static inline Tracked
tracked_new (void)
{
  return tracked_from (leash_tracker_new ());
}

static inline void
tracked_clear (Tracked *tracked)
{
  g_clear_pointer (&tracked->ctx, leash_context_unref);
  g_clear_pointer (&tracked->tracker, leash_tracker_unref);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Tracked, tracked_clear)

/* Where open_here() and close_here() were called from: the second frame of the stacks they leave. */
static gconstpointer opened_from G_GNUC_UNUSED;
static gconstpointer closed_from G_GNUC_UNUSED;

G_NO_INLINE G_GNUC_UNUSED static LeashTag *
open_here (Tracked *tracked, LeashTag *parent, const char *name)
{
  LeashTag *tag = leash_track_child (tracked->ctx, parent, "thing", name);

  opened_from = LEASH_CALLER;
  return tag;
}

G_NO_INLINE G_GNUC_UNUSED static void
close_here (LeashTag *tag)
{
  leash_untrack (tag);
  closed_from = LEASH_CALLER;
}

static inline void
assert_stack_from (LeashStackId stack, gconstpointer caller)
{
  gconstpointer frames[2];

  g_assert_cmpuint (leash_stack_get_frames (stack, frames, 2), >=, 2);
  g_assert_true (frames[1] == caller);
}

/* The one misuse there is. It lives as long as *ret_snapshot. */
static inline const LeashMisuse *
only_misuse (Tracked *tracked, LeashMisuseType type, LeashSnapshot **ret_snapshot)
{
  const LeashMisuse *misuse;

  *ret_snapshot = leash_snapshot_new (tracked->tracker);
  g_assert_cmpuint (leash_snapshot_get_n_misuses (*ret_snapshot), ==, 1);
  misuse = leash_snapshot_get_misuse (*ret_snapshot, 0);
  g_assert_cmpint (misuse->type, ==, type);
  return misuse;
}

static inline void
assert_clean (Tracked *tracked)
{
  g_assert_cmpuint (leash_tracker_count_open (tracked->tracker), ==, 0);
  g_assert_cmpuint (leash_tracker_count_misuses (tracked->tracker), ==, 0);
}

/* Runs a call that is wrong, and sees that it is said which call, and what of it. */
#define EXPECT_CRITICAL(pattern, call)                              \
  G_STMT_START                                                      \
  {                                                                 \
    g_test_expect_message ("Leash", G_LOG_LEVEL_CRITICAL, pattern); \
    call;                                                           \
    g_test_assert_expected_messages ();                             \
  }                                                                 \
  G_STMT_END
