/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * LeashTest: a context for one test, and the check when the test ends. With GTest:
 *
 *     g_auto (LeashTest) test = leash_test_begin ();
 *
 * leash-test-cmocka.h and leash-test-check.h do the same for cmocka and Check.
 */
#pragma once

#include <leash/leash-context.h>
#include <leash/leash-tracker.h>

G_BEGIN_DECLS

/**
 * LeashTest:
 * @ctx: the test's context: a tracker, a deadline (LEASH_TEST_TIMEOUT seconds, 60 by default)
 * @tracker: its tracker
 * @dir: a directory of the test's own, removed at its end
 *
 * What one test gets. It lives on the stack, in the test's function.
 */
typedef struct
{
  LeashContext *ctx;
  LeashTracker *tracker;
  const char *dir;
  /*< private >*/
  gpointer priv;
} LeashTest;

/**
 * LeashTestFunc:
 * @ctx: the test's context
 * @user_data: what was given with the function
 *
 * What leash_test_go() runs in a thread of its own.
 */
typedef void (*LeashTestFunc) (LeashContext *ctx,
                               gpointer      user_data);

LEASH_AVAILABLE_IN_0_1
LeashTest leash_test_begin  (void) G_GNUC_WARN_UNUSED_RESULT;
LEASH_AVAILABLE_IN_0_1
void      leash_test_go     (LeashTest      *test,
                             LeashTestFunc   func,
                             gpointer        user_data);
LEASH_AVAILABLE_IN_0_1
void      leash_test_wait   (LeashTest      *test);
LEASH_AVAILABLE_IN_0_1
gboolean  leash_test_finish (LeashTest      *test,
                             GError        **error);
LEASH_AVAILABLE_IN_0_1
void      leash_test_end    (LeashTest      *test);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (LeashTest, leash_test_end)

G_END_DECLS
