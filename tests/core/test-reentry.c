/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A signal handler, or an allocator's hook, that opens something while its own thread is inside the tracker:
 * it must not wait for a lock that the thread holds. What is missed so is counted.
 *
 * The handler is made to run at a known moment: the name of a resource lies in a page that cannot be read, so
 * that copying it, which happens inside the tracker, raises SIGSEGV. The handler makes the page readable.
 */
#include "tracker-fixture.h"

#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "leash-tag-private.h"

static struct
{
  LeashContext *ctx;
  LeashTag *open;
  char *page;
  guint n_runs;
  guint n_tracked;
} in_handler;

static void
handle (int number)
{
  in_handler.n_runs++;
  in_handler.n_tracked += leash_track_at (in_handler.ctx, "thing", "in a handler", NULL) != NULL;
  in_handler.n_tracked += leash_track_fd_at (in_handler.ctx, "thing", 3, NULL, NULL) != NULL;
  leash_untrack_at (in_handler.open, NULL);
  leash_untrack_fd_at (in_handler.ctx, "thing", 3, NULL);
  leash_tag_misused_at (in_handler.open, "read", in_handler.ctx);
  in_handler.n_tracked += leash_tag_adopt_at (in_handler.open, in_handler.ctx, NULL) != in_handler.open;
  if (mprotect (in_handler.page, (gsize) sysconf (_SC_PAGESIZE), PROT_READ) != 0)
    _exit (1);
}

static void
test_handler_inside (void)
{
  g_auto (Tracked) tracked = tracked_new ();
  gsize size = (gsize) sysconf (_SC_PAGESIZE);
  struct sigaction action = { .sa_handler = handle }, before;
  guint64 n_before = leash_tag_count_reentry ();
  g_autofree char *text = NULL;
  LeashTag *tag;

  in_handler.ctx = tracked.ctx;
  in_handler.open = leash_track (tracked.ctx, "thing", "open");
  in_handler.page = mmap (NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  g_assert_true (in_handler.page != MAP_FAILED);
  strcpy (in_handler.page, "unreadable");
  g_assert_cmpint (sigaction (SIGSEGV, &action, &before), ==, 0);
  g_assert_cmpint (mprotect (in_handler.page, size, PROT_NONE), ==, 0);
  tag = leash_track (tracked.ctx, "thing", in_handler.page);
  g_assert_cmpint (sigaction (SIGSEGV, &before, NULL), ==, 0);

  g_assert_cmpuint (in_handler.n_runs, ==, 1);
  g_assert_cmpuint (in_handler.n_tracked, ==, 0);
  g_assert_cmpuint (leash_tag_count_reentry () - n_before, ==, 6);
  g_assert_cmpuint (leash_tracker_count_open (tracked.tracker), ==, 2);
  leash_untrack (tag);
  leash_untrack (in_handler.open);
  assert_clean (&tracked);
  text = leash_tracker_report (tracked.tracker, LEASH_FORMAT_TEXT);
  g_assert_true (g_pattern_match_simple ("*note: 6 times something was * inside of Leash itself*", text));
  munmap (in_handler.page, size);
}

/* The negative control: the same calls outside the tracker are seen. */
static void
test_outside (void)
{
  g_auto (Tracked) tracked = tracked_new ();
  guint64 n_before = leash_tag_count_reentry ();

  leash_track_fd (tracked.ctx, "thing", 3, NULL);
  g_assert_cmpuint (leash_tracker_count_open (tracked.tracker), ==, 1);
  leash_untrack_fd (tracked.ctx, "thing", 3);
  g_assert_cmpuint (leash_tag_count_reentry (), ==, n_before);
  assert_clean (&tracked);
}

/* Snapshots, new trackers and listeners allocate with locks held; the mark is as it was afterwards. */
static void
test_mark_is_put_back (void)
{
  LeashThread *self = leash_thread_get ();

  for (int busy = FALSE; busy <= TRUE; busy++)
    {
      g_auto (Tracked) tracked = { 0 };
      Tracked nested;
      guint64 n_before = leash_tag_count_reentry ();

      self->busy = busy;
      tracked = tracked_new ();
      nested = tracked_from (leash_tracker_new_nested (tracked.tracker));
      leash_snapshot_unref (leash_snapshot_new (tracked.tracker));
      leash_tracker_end (tracked.tracker);
      tracked_clear (&nested);
      leash_tracker_count_open (tracked.tracker);
      g_assert_cmpint (self->busy, ==, busy);
      g_assert_cmpuint (leash_tracker_count_misuses (tracked.tracker), ==, 1);
      g_assert_cmpuint (leash_tag_count_reentry (), ==, n_before);
      self->busy = FALSE;
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/reentry/signal-handler-inside-the-tracker-is-counted", test_handler_inside);
  g_test_add_func ("/reentry/the-same-outside-is-tracked", test_outside);
  g_test_add_func ("/reentry/mark-is-put-back", test_mark_is_put_back);
  return g_test_run ();
}
