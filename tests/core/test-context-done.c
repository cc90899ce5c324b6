/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Being done, as users see it: Go's documented behaviours one by one, and GLib's ways of waiting. */
#include "leash-context-inner-private.h"

#include <sys/socket.h>

#define EXPECT_CRITICAL(pattern) g_test_expect_message ("Leash", G_LOG_LEVEL_CRITICAL, "*" pattern "*")

/* Longer than any machine takes for what is waited for, short enough for a test that fails. */
#define LONG (30 * G_TIME_SPAN_SECOND)

static GError *
new_cause (const char *message)
{
  return g_error_new_literal (G_IO_ERROR, G_IO_ERROR_BUSY, message);
}

static void
assert_ended (LeashContext *ctx, int code, const char *message)
{
  g_autoptr (GError) error = NULL;

  g_assert_true (leash_context_is_done (ctx));
  g_assert_false (leash_context_check (ctx, &error));
  g_assert_error (error, G_IO_ERROR, code);
  g_assert_cmpstr (error->message, ==, message);
  g_assert_error (leash_context_get_error (ctx), G_IO_ERROR, code);
}

static void
assert_cause (LeashContext *ctx, const char *message)
{
  g_assert_nonnull (leash_context_get_cause (ctx));
  g_assert_cmpstr (leash_context_get_cause (ctx)->message, ==, message);
}

static void
test_cancel (void)
{
  g_autoptr (LeashContext) ctx = leash_context_with_cancel (leash_context_background ());

  g_assert_false (leash_context_is_done (ctx));
  g_assert_true (leash_context_check (ctx, NULL));
  g_assert_null (leash_context_get_cause (ctx));
  leash_context_cancel (ctx, NULL);
  assert_ended (ctx, G_IO_ERROR_CANCELLED, "Context was cancelled");
  g_assert_true (leash_context_get_cause (ctx) == leash_context_get_error (ctx));
}

static void
test_cancel_cause (void)
{
  g_autoptr (LeashContext) ctx = leash_context_with_cancel (leash_context_background ());
  g_autoptr (GError) cause = new_cause ("the disk is on fire");

  leash_context_cancel (ctx, cause);
  assert_ended (ctx, G_IO_ERROR_CANCELLED, "Context was cancelled: the disk is on fire");
  assert_cause (ctx, "the disk is on fire");
  g_assert_error (leash_context_get_cause (ctx), G_IO_ERROR, G_IO_ERROR_BUSY);
}

static void
test_cancel_twice (void)
{
  g_autoptr (LeashContext) ctx = leash_context_with_cancel (leash_context_background ());
  g_autoptr (GError) first = new_cause ("first");
  g_autoptr (GError) second = new_cause ("second");
  const GError *error;

  leash_context_cancel (ctx, first);
  error = leash_context_get_error (ctx);
  leash_context_cancel (ctx, second);
  leash_context_cancel (ctx, NULL);
  assert_cause (ctx, "first");
  g_assert_true (leash_context_get_error (ctx) == error);
}

static void
test_children (void)
{
  g_autoptr (LeashContext) parent = leash_context_with_cancel (leash_context_background ());
  g_autoptr (LeashContext) child = leash_context_with_timeout (parent, LONG);
  g_autoptr (LeashContext) grandchild
      = leash_context_with_value (child, &(LeashContextKey){ "key" }, NULL, NULL);
  g_autoptr (GError) cause = new_cause ("enough");

  leash_context_cancel (parent, cause);
  assert_ended (child, G_IO_ERROR_CANCELLED, "Context was cancelled: enough");
  assert_ended (grandchild, G_IO_ERROR_CANCELLED, "Context was cancelled: enough");
  assert_cause (grandchild, "enough");
}

static void
test_siblings (void)
{
  g_autoptr (LeashContext) parent = leash_context_with_cancel (leash_context_background ());
  g_autoptr (LeashContext) child = leash_context_with_cancel (parent);
  g_autoptr (LeashContext) sibling = leash_context_with_cancel (parent);

  leash_context_cancel (child, NULL);
  g_assert_false (leash_context_is_done (parent));
  g_assert_false (leash_context_is_done (sibling));
}

static void
test_child_keeps_own_cause (void)
{
  g_autoptr (LeashContext) parent = leash_context_with_cancel (leash_context_background ());
  g_autoptr (LeashContext) child = leash_context_with_cancel (parent);
  g_autoptr (GError) first = new_cause ("child's");
  g_autoptr (GError) second = new_cause ("parent's");

  leash_context_cancel (child, first);
  leash_context_cancel (parent, second);
  assert_cause (child, "child's");
  assert_cause (parent, "parent's");
}

static void
test_parent_done (void)
{
  g_autoptr (LeashContext) parent = leash_context_with_cancel (leash_context_background ());
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) cause = new_cause ("too late");
  g_autoptr (LeashContext) cancel = NULL;
  g_autoptr (LeashContext) timeout = NULL;
  g_autoptr (LeashContext) expired = NULL;
  g_autoptr (LeashContext) adopted = NULL;

  leash_context_cancel (parent, cause);
  cancel = leash_context_with_cancel (parent);
  timeout = leash_context_with_timeout (parent, LONG);
  expired = leash_context_with_timeout (parent, 0);
  adopted = leash_context_with_cancellable (parent, cancellable);
  assert_ended (cancel, G_IO_ERROR_CANCELLED, "Context was cancelled: too late");
  assert_ended (timeout, G_IO_ERROR_CANCELLED, "Context was cancelled: too late");
  assert_ended (expired, G_IO_ERROR_CANCELLED, "Context was cancelled: too late");
  assert_ended (adopted, G_IO_ERROR_CANCELLED, "Context was cancelled: too late");
  assert_cause (timeout, "too late");
  g_assert_false (g_cancellable_is_cancelled (cancellable));
}

static void
test_unref_does_not_cancel (void)
{
  LeashContext *parent = leash_context_with_cancel (leash_context_background ());
  g_autoptr (LeashContext) child = leash_context_with_cancel (parent);

  leash_context_unref (parent);
  g_assert_false (leash_context_is_done (child));
}

static void
test_timeout_real (void)
{
  g_autoptr (LeashContext) ctx = leash_context_with_timeout (leash_context_background (), 20000);

  g_assert_true (leash_context_wait (ctx, LONG));
  assert_ended (ctx, G_IO_ERROR_TIMED_OUT, "Context timed out after 0.02 s");
}

/* Nobody asks, no main loop runs: the thread of the deadlines does it. */
static void
test_timeout_fires_by_itself (void)
{
  g_autoptr (LeashContext) ctx = leash_context_with_timeout (leash_context_background (), 1000);
  gint64 give_up = g_get_monotonic_time () + LONG;

  while (!leash_context_is_done (ctx) && g_get_monotonic_time () < give_up)
    g_usleep (1000);
  assert_ended (ctx, G_IO_ERROR_TIMED_OUT, "Context timed out after 0.001 s");
}

static void
test_timeout_zero_and_negative (void)
{
  g_autoptr (GError) cause = new_cause ("no time at all");
  g_autoptr (LeashContext) zero = leash_context_with_timeout (leash_context_background (), 0);
  g_autoptr (LeashContext) negative
      = leash_context_with_timeout_cause (leash_context_background (), -G_USEC_PER_SEC, cause);
  g_autoptr (LeashContext) past = leash_context_with_deadline (leash_context_background (), 1);

  assert_ended (zero, G_IO_ERROR_TIMED_OUT, "Context timed out after 0 s");
  assert_ended (negative, G_IO_ERROR_TIMED_OUT, "Context timed out after -1 s: no time at all");
  assert_cause (negative, "no time at all");
  assert_ended (past, G_IO_ERROR_TIMED_OUT, "Context passed its deadline");
  g_assert_true (leash_context_get_deadline (zero, NULL));
}

static void
test_timeout_past_the_end_of_time (void)
{
  g_autoptr (LeashClock) clock = leash_clock_new_fake (1000);
  g_autoptr (LeashClock) early = leash_clock_new_fake (-1000);
  g_autoptr (LeashContext) parent = leash_context_with_clock (leash_context_background (), clock);
  g_autoptr (LeashContext) early_parent = leash_context_with_clock (leash_context_background (), early);
  g_autoptr (LeashContext) forever = leash_context_with_timeout (parent, G_MAXINT64);
  g_autoptr (LeashContext) never = leash_context_with_timeout (early_parent, G_MININT64);
  g_autoptr (LeashContext) real = leash_context_with_timeout (leash_context_background (), G_MAXINT64);
  gint64 deadline = 0;

  g_assert_true (leash_context_get_deadline (forever, &deadline));
  g_assert_cmpint (deadline, ==, G_MAXINT64);
  g_assert_false (leash_context_is_done (forever));
  g_assert_true (leash_context_get_deadline (never, &deadline));
  g_assert_cmpint (deadline, ==, G_MININT64);
  g_assert_true (leash_context_is_done (never));
  g_assert_false (leash_context_wait (real, 1000));
  g_assert_cmpint (leash_context_get_remaining (real), >, LONG);
}

static void
test_earlier_parent_deadline (void)
{
  g_autoptr (LeashClock) clock = leash_clock_new_fake (0);
  g_autoptr (LeashContext) clocked = leash_context_with_clock (leash_context_background (), clock);
  g_autoptr (GError) parents = new_cause ("parent's");
  g_autoptr (GError) childs = new_cause ("child's");
  g_autoptr (LeashContext) parent = leash_context_with_deadline_cause (clocked, 10, parents);
  g_autoptr (LeashContext) child = leash_context_with_deadline_cause (parent, 20, childs);
  gint64 deadline = 0;

  g_assert_true (leash_context_get_deadline (child, &deadline));
  g_assert_cmpint (deadline, ==, 10);
  g_assert_cmpuint (leash_timer_count (clock), ==, 1);
  leash_clock_advance (clock, 10);
  assert_ended (child, G_IO_ERROR_TIMED_OUT, "Context passed its deadline: parent's");
  assert_cause (child, "parent's");
}

static void
test_earlier_child_deadline (void)
{
  g_autoptr (LeashClock) clock = leash_clock_new_fake (0);
  g_autoptr (LeashContext) clocked = leash_context_with_clock (leash_context_background (), clock);
  g_autoptr (LeashContext) parent = leash_context_with_deadline (clocked, 20);
  g_autoptr (LeashContext) child = leash_context_with_deadline (parent, 10);
  gint64 deadline = 0;

  g_assert_true (leash_context_get_deadline (child, &deadline));
  g_assert_cmpint (deadline, ==, 10);
  leash_clock_advance (clock, 10);
  g_assert_true (leash_context_is_done (child));
  g_assert_false (leash_context_is_done (parent));
  g_assert_true (leash_context_get_deadline (parent, &deadline));
  g_assert_cmpint (deadline, ==, 20);
}

static void
test_timeout_cause_unused (void)
{
  g_autoptr (LeashClock) clock = leash_clock_new_fake (0);
  g_autoptr (LeashContext) clocked = leash_context_with_clock (leash_context_background (), clock);
  g_autoptr (GError) cause = new_cause ("took too long");
  g_autoptr (LeashContext) cancelled = leash_context_with_timeout_cause (clocked, 10, cause);
  g_autoptr (LeashContext) timed_out = leash_context_with_timeout_cause (clocked, 10, cause);

  leash_context_cancel (cancelled, NULL);
  leash_clock_advance (clock, 10);
  assert_ended (cancelled, G_IO_ERROR_CANCELLED, "Context was cancelled");
  assert_cause (cancelled, "Context was cancelled");
  assert_ended (timed_out, G_IO_ERROR_TIMED_OUT, "Context timed out after 1e-05 s: took too long");
  assert_cause (timed_out, "took too long");
}

/* Deadlines on two clocks: each ends the context, each on its own; the reported one is in the context's time.
 */
static void
test_deadlines_on_two_clocks (void)
{
  g_autoptr (LeashClock) outer = leash_clock_new_fake (0);
  g_autoptr (LeashClock) inner = leash_clock_new_fake (1000000);
  g_autoptr (LeashContext) on_outer = leash_context_with_clock (leash_context_background (), outer);
  g_autoptr (LeashContext) parent = leash_context_with_deadline (on_outer, 10);
  g_autoptr (LeashContext) moved = leash_context_with_clock (parent, inner);
  g_autoptr (LeashContext) child = leash_context_with_timeout (moved, 5);
  g_autoptr (LeashContext) back = leash_context_with_clock (child, outer);
  g_autoptr (LeashContext) second = leash_context_with_timeout (moved, 5);
  gint64 deadline = 0;

  g_assert_false (leash_context_get_deadline (moved, NULL));
  g_assert_true (leash_context_get_deadline (child, &deadline));
  g_assert_cmpint (deadline, ==, 1000005);
  g_assert_true (leash_context_get_deadline (back, &deadline));
  g_assert_cmpint (deadline, ==, 10);

  leash_context_cancel (second, NULL);
  leash_clock_advance (inner, 5);
  g_assert_true (leash_context_is_done (child));
  g_assert_false (leash_context_is_done (moved));
  leash_clock_advance (outer, 10);
  g_assert_true (leash_context_is_done (moved));
}

static void
test_remaining (void)
{
  g_autoptr (LeashClock) clock = leash_clock_new_fake (0);
  g_autoptr (LeashContext) real = leash_context_with_timeout (leash_context_background (), LONG);
  g_autoptr (LeashContext) real_below_fake = leash_context_with_clock (real, clock);
  g_autoptr (LeashContext) faked = leash_context_with_clock (leash_context_background (), clock);
  g_autoptr (LeashContext) fake = leash_context_with_timeout (faked, 10);
  gint64 remaining = leash_context_get_remaining (real_below_fake);

  g_assert_cmpint (leash_context_get_remaining (leash_context_background ()), ==, -1);
  g_assert_cmpint (leash_context_get_remaining (fake), ==, -1);
  g_assert_cmpint (remaining, >, 0);
  g_assert_cmpint (remaining, <=, LONG);
  leash_clock_advance (clock, 10);
  g_assert_cmpint (leash_context_get_remaining (fake), ==, 0);
}

/* Who is told that no time remains and then asks why must get an answer. */
static void
test_remaining_zero_is_done (void)
{
  for (int i = 0; i < 100; i++)
    {
      g_autoptr (LeashContext) parent = leash_context_with_timeout (leash_context_background (), 50);
      g_autoptr (LeashContext) ctx = leash_context_with_cancel (parent);

      while (leash_context_get_remaining (ctx) != 0)
        ;
      g_assert_error (leash_context_get_error (ctx), G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
    }
}

static gpointer
cancel_soon (gpointer ctx)
{
  g_usleep (5000);
  leash_context_cancel (ctx, NULL);
  leash_context_unref (ctx);
  return NULL;
}

static void
test_wait (void)
{
  g_autoptr (LeashContext) ctx = leash_context_with_cancel (leash_context_background ());
  GThread *thread = g_thread_new ("canceller", cancel_soon, leash_context_ref (ctx));

  g_assert_true (leash_context_wait (ctx, -1));
  g_assert_true (leash_context_wait (ctx, -1));
  g_assert_true (leash_context_wait (ctx, 0));
  g_thread_join (thread);
}

static void
test_wait_runs_out (void)
{
  g_autoptr (LeashContext) ctx = leash_context_with_cancel (leash_context_background ());
  gint64 before = g_get_monotonic_time ();

  g_assert_false (leash_context_wait (ctx, 0));
  g_assert_false (leash_context_wait (ctx, 10000));
  g_assert_false (leash_context_wait (leash_context_background (), 10000));
  g_assert_cmpint (g_get_monotonic_time () - before, >=, 20000);
}

static void
test_wait_misuse (void)
{
  EXPECT_CRITICAL ("leash_context_wait*can_be_done*");
  g_assert_false (leash_context_wait (leash_context_background (), -1));
  EXPECT_CRITICAL ("leash_context_wait*microseconds >= -1*");
  g_assert_false (leash_context_wait (leash_context_background (), -2));
  EXPECT_CRITICAL ("leash_context_wait*ctx != NULL*");
  g_assert_false (leash_context_wait (NULL, 0));
  g_test_assert_expected_messages ();
}

static gboolean
quit (LeashContext *ctx, gpointer loop)
{
  g_assert_true (leash_context_is_done (ctx));
  g_main_loop_quit (loop);
  return G_SOURCE_REMOVE;
}

static void
run_until_done (LeashContext *ctx)
{
  g_autoptr (GMainLoop) loop = g_main_loop_new (NULL, FALSE);
  g_autoptr (GSource) source = leash_context_source_new (ctx);

  g_source_set_callback (source, G_SOURCE_FUNC (quit), loop, NULL);
  g_source_attach (source, NULL);
  g_main_loop_run (loop);
  g_assert_true (g_source_is_destroyed (source));
}

static void
test_source (void)
{
  g_autoptr (LeashContext) ctx = leash_context_with_timeout (leash_context_background (), 5000);
  g_autoptr (LeashContext) other = leash_context_with_cancel (leash_context_background ());
  GThread *thread = g_thread_new ("canceller", cancel_soon, leash_context_ref (other));

  run_until_done (ctx);
  run_until_done (other);
  run_until_done (other);
  g_thread_join (thread);
}

static gboolean
must_not_run (LeashContext *ctx, gpointer unused)
{
  g_assert_not_reached ();
}

static void
test_source_not_ready (void)
{
  g_autoptr (LeashContext) ctx = leash_context_with_cancel (leash_context_background ());
  GSource *sources[2]
      = { leash_context_source_new (ctx), leash_context_source_new (leash_context_background ()) };

  for (int i = 0; i < 2; i++)
    {
      g_source_set_callback (sources[i], G_SOURCE_FUNC (must_not_run), NULL, NULL);
      g_source_attach (sources[i], NULL);
    }
  g_assert_false (g_main_context_iteration (NULL, FALSE));
  for (int i = 0; i < 2; i++)
    {
      g_source_destroy (sources[i]);
      g_source_unref (sources[i]);
    }
  leash_context_cancel (ctx, NULL);
  g_assert_false (g_main_context_iteration (NULL, FALSE));
}

static void
test_source_keeps_context (void)
{
  LeashContext *ctx = leash_context_with_cancel (leash_context_background ());
  GSource *source = leash_context_source_new (ctx);

  leash_context_unref (ctx);
  leash_context_cancel (ctx, NULL);
  g_source_unref (source);
}

static void
test_cancellable (void)
{
  g_autoptr (LeashContext) ctx = leash_context_with_cancel (leash_context_background ());
  g_autoptr (LeashContext) child = leash_context_with_cancel (ctx);
  GCancellable *cancellable = leash_context_get_cancellable (child);

  g_assert_false (g_cancellable_is_cancelled (cancellable));
  g_assert_true (leash_context_get_cancellable (child) == cancellable);
  leash_context_cancel (ctx, NULL);
  g_assert_true (g_cancellable_is_cancelled (cancellable));
  g_assert_true (g_cancellable_is_cancelled (leash_context_get_cancellable (ctx)));
}

static void
test_cancellable_ends_io (void)
{
  g_autoptr (LeashContext) ctx = leash_context_with_timeout (leash_context_background (), 10000);
  g_autoptr (GSocket) socket = NULL;
  g_autoptr (GError) error = NULL;
  char buffer[1];
  int fds[2];

  g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
  socket = g_socket_new_from_fd (fds[0], NULL);
  g_assert_nonnull (socket);
  g_assert_cmpint (
      g_socket_receive (socket, buffer, sizeof buffer, leash_context_get_cancellable (ctx), &error), ==, -1);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_assert_error (leash_context_get_error (ctx), G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
  close (fds[1]);
}

typedef struct
{
  LeashWatch watch;
  int woken;
} CountingWatch;

static void
count_wake (LeashWatch *watch)
{
  ((CountingWatch *) (gpointer) watch)->woken++;
}

static void
test_watch (void)
{
  g_autoptr (LeashContext) ctx = leash_context_with_cancel (leash_context_background ());
  CountingWatch watches[4] = { 0 };

  for (int i = 0; i < 4; i++)
    {
      watches[i].watch.func = count_wake;
      g_assert_true (leash_context_watch (ctx, &watches[i].watch));
    }
  leash_context_unwatch (ctx, &watches[1].watch); /* in the middle */
  leash_context_unwatch (ctx, &watches[3].watch); /* the head */
  leash_context_unwatch (ctx, &watches[3].watch);
  leash_context_cancel (ctx, NULL);
  g_assert_cmpint (watches[0].woken, ==, 1);
  g_assert_cmpint (watches[1].woken, ==, 0);
  g_assert_cmpint (watches[2].woken, ==, 1);
  g_assert_cmpint (watches[3].woken, ==, 0);
  leash_context_unwatch (ctx, &watches[0].watch);
  g_assert_false (leash_context_watch (ctx, &watches[1].watch));
  leash_context_unwatch (ctx, &watches[1].watch);
  g_assert_cmpint (watches[1].woken, ==, 0);
  g_assert_true (leash_context_watch (leash_context_background (), &watches[1].watch));
  leash_context_unwatch (leash_context_background (), &watches[1].watch);
}

static void
test_cancel_misuse (void)
{
  g_autoptr (LeashContext) parent = leash_context_with_cancel (leash_context_background ());
  g_autoptr (LeashContext) child = leash_context_with_value (parent, &(LeashContextKey){ "key" }, NULL, NULL);

  EXPECT_CRITICAL ("leash_context_cancel*ctx != NULL*");
  leash_context_cancel (NULL, NULL);
  EXPECT_CRITICAL ("leash_context_cancel*was_made_with_cancel_or_deadline*");
  leash_context_cancel (leash_context_background (), NULL);
  EXPECT_CRITICAL ("leash_context_cancel*was_made_with_cancel_or_deadline*");
  leash_context_cancel (child, NULL);
  EXPECT_CRITICAL ("leash_context_source_new*ctx != NULL*");
  g_assert_null (leash_context_source_new (NULL));
  g_test_assert_expected_messages ();
  g_assert_false (leash_context_is_done (parent));
}

static void
test_leaked_context (void)
{
  g_autoptr (LeashTracker) tracker = leash_tracker_new ();
  g_autoptr (LeashClock) clock = leash_clock_new_fake (0);
  g_autoptr (LeashContext) tracked = leash_context_with_tracker (leash_context_background (), tracker);
  g_autoptr (LeashContext) root = leash_context_with_clock (tracked, clock);
  g_autoptr (LeashContext) cancelled = leash_context_with_cancel (root);
  g_autoptr (LeashContext) timed_out = leash_context_with_timeout (root, 10);
  g_autoptr (LeashContext) parent_cancelled = leash_context_with_cancellable (cancelled, NULL);
  LeashContext *dropped = leash_context_with_deadline (root, 20);
  g_autoptr (LeashContext) done_at_once = leash_context_with_timeout (root, 0);
  g_autoptr (GError) error = NULL;

  g_assert_true (leash_context_get_tracker (parent_cancelled) == tracker);
  g_assert_true (leash_context_is_done (done_at_once));
  if (!leash_has_tracking ())
    {
      g_test_skip ("Built without tracking");
      leash_context_unref (dropped);
      return;
    }
  g_assert_cmpuint (leash_tracker_count_kind (tracker, "context"), ==, 4);
  g_assert_false (leash_tracker_check (tracker, &error));
  g_assert_error (error, LEASH_ERROR, LEASH_ERROR_STILL_OPEN);
  leash_context_cancel (cancelled, NULL);
  g_assert_cmpuint (leash_tracker_count_kind (tracker, "context"), ==, 2);
  leash_clock_advance (clock, 10);
  g_assert_true (leash_context_is_done (timed_out));
  g_assert_cmpuint (leash_tracker_count_kind (tracker, "context"), ==, 1);
  leash_context_unref (dropped);
  g_assert_true (leash_tracker_check (tracker, NULL));
}

/* The node has a tag of a tracker that its context has no reference to any more. */
static void
test_tag_outlives_tracked_context (void)
{
  LeashTracker *outer = leash_tracker_new ();
  LeashTracker *inner = leash_tracker_new ();
  LeashContext *tracked = leash_context_with_tracker (leash_context_background (), outer);
  LeashContext *cancel = leash_context_with_cancel (tracked);
  LeashContext *other = leash_context_with_tracker (cancel, inner);

  leash_context_unref (tracked);
  leash_context_unref (cancel);
  leash_tracker_unref (outer);
  g_assert_true (leash_context_get_tracker (other) == inner);
  leash_tracker_unref (inner);
  leash_context_unref (other);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/context-done/cancel/makes-it-done-with-cancelled", test_cancel);
  g_test_add_func ("/context-done/cancel/cause-is-kept-and-in-the-message", test_cancel_cause);
  g_test_add_func ("/context-done/cancel/twice-keeps-the-first-cause", test_cancel_twice);
  g_test_add_func ("/context-done/cancel/takes-all-below-along", test_children);
  g_test_add_func ("/context-done/cancel/leaves-parent-and-siblings", test_siblings);
  g_test_add_func ("/context-done/cancel/child-done-before-keeps-its-cause", test_child_keeps_own_cause);
  g_test_add_func ("/context-done/cancel/child-of-done-parent-is-done-likewise", test_parent_done);
  g_test_add_func ("/context-done/cancel/freeing-the-parent-does-not", test_unref_does_not_cancel);
  g_test_add_func ("/context-done/cancel/wrong-context-names-the-call", test_cancel_misuse);
  g_test_add_func ("/context-done/timeout/ends-it-with-timed-out", test_timeout_real);
  g_test_add_func ("/context-done/timeout/fires-without-main-loop", test_timeout_fires_by_itself);
  g_test_add_func ("/context-done/timeout/zero-and-negative-are-done-at-once",
                   test_timeout_zero_and_negative);
  g_test_add_func ("/context-done/timeout/past-the-end-of-time-stays-there",
                   test_timeout_past_the_end_of_time);
  g_test_add_func ("/context-done/timeout/cause-only-when-it-is-what-ended-it", test_timeout_cause_unused);
  g_test_add_func ("/context-done/deadline/sooner-parent-wins", test_earlier_parent_deadline);
  g_test_add_func ("/context-done/deadline/sooner-child-ends-only-the-child", test_earlier_child_deadline);
  g_test_add_func ("/context-done/deadline/two-clocks-each-end-it", test_deadlines_on_two_clocks);
  g_test_add_func ("/context-done/remaining/counts-real-time-only", test_remaining);
  g_test_add_func ("/context-done/remaining/zero-means-done", test_remaining_zero_is_done);
  g_test_add_func ("/context-done/wait/until-cancelled-by-another-thread", test_wait);
  g_test_add_func ("/context-done/wait/no-longer-than-told", test_wait_runs_out);
  g_test_add_func ("/context-done/wait/for-ever-on-what-never-ends-is-a-critical", test_wait_misuse);
  g_test_add_func ("/context-done/source/ready-when-done", test_source);
  g_test_add_func ("/context-done/source/not-ready-before", test_source_not_ready);
  g_test_add_func ("/context-done/source/keeps-the-context", test_source_keeps_context);
  g_test_add_func ("/context-done/cancellable/cancelled-with-the-context", test_cancellable);
  g_test_add_func ("/context-done/cancellable/ends-a-blocked-receive", test_cancellable_ends_io);
  g_test_add_func ("/context-done/watch/called-once-unless-taken-off", test_watch);
  g_test_add_func ("/context-done/tracker/context-neither-cancelled-nor-freed-is-open", test_leaked_context);
  g_test_add_func ("/context-done/tracker/outlives-its-context-for-the-tag",
                   test_tag_outlives_tracked_context);
  return g_test_run ();
}
