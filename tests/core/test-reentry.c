/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A signal handler, or an allocator's hook, that opens something while its own thread is inside the tracker:
 * it must not wait for a lock that the thread holds. What is missed so is counted.
 *
 * The handler is made to run at a known moment: the name of a resource lies in a page that cannot be read, so
 * that copying it, which happens inside the tracker, raises SIGSEGV. The handler makes the page readable.
 * Likewise with the page of a tag, for those who look at nothing else.
 */
#include "tracker-fixture.h"

#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "leash-tag-private.h"

/* More than a page has room for. */
#define N_THINGS 200

static struct
{
  LeashContext *ctx;
  LeashTracker *tracker;
  LeashTag *open;
  char *page;
  guint n_runs;
  guint n_tracked;
} in_handler;

static void
handle (int number)
{
  in_handler.n_runs++;
  if (mprotect (in_handler.page, (gsize) sysconf (_SC_PAGESIZE), PROT_READ | PROT_WRITE) != 0)
    _exit (1);
  in_handler.n_tracked += leash_track_at (in_handler.ctx, "thing", "in a handler", NULL) != NULL;
  in_handler.n_tracked += leash_track_fd_at (in_handler.ctx, "thing", 3, NULL, NULL) != NULL;
  leash_untrack_at (in_handler.open, NULL);
  leash_untrack_fd_at (in_handler.ctx, "thing", 3, NULL);
  leash_tag_misused_at (in_handler.open, "read", in_handler.ctx);
  in_handler.n_tracked += leash_tag_adopt_at (in_handler.open, in_handler.ctx, NULL) != in_handler.open;
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

static void
keep_open (LeashTag *tag)
{
  leash_tag_keep_open (tag);
}

static void
rename_it (LeashTag *tag)
{
  leash_tag_set_name (tag, "other");
}

static void
count_them (LeashTag *tag)
{
  g_assert_cmpuint (leash_tracker_count_kind (in_handler.tracker, "thing"), ==, N_THINGS + 1);
}

static void
tell (LeashTag *tag)
{
  g_auto (LeashTold) told = { 0 };

  g_assert_true (leash_told_fill (&told, tag));
}

typedef struct
{
  const char *path;
  void (*func) (LeashTag *tag);
} Inside;

static const Inside insides[] = {
  { "/reentry/handler-inside/keep-open", keep_open },
  { "/reentry/handler-inside/set-name", rename_it },
  { "/reentry/handler-inside/count-kind", count_them },
  { "/reentry/handler-inside/tell-listeners", tell },
};

/* What holds a shard's lock without tracking anything itself. */
static void
test_handler_in (gconstpointer user_data)
{
  const Inside *inside = user_data;
  g_auto (Tracked) tracked = tracked_new ();
  gsize size = (gsize) sysconf (_SC_PAGESIZE);
  struct sigaction action = { .sa_handler = handle }, before;
  guint64 n_before = leash_tag_count_reentry ();
  LeashTag *tags[N_THINGS];

  in_handler.n_runs = in_handler.n_tracked = 0;
  in_handler.ctx = tracked.ctx;
  in_handler.tracker = tracked.tracker;
  in_handler.open = leash_track (tracked.ctx, "thing", "open");
  for (guint i = 0; i < N_THINGS; i++)
    tags[i] = leash_track (tracked.ctx, "thing", NULL);
  /* Not the slab's first page: its header is read before the lock is taken. */
  in_handler.page = (char *) ((guintptr) leash_tag_get_slot (tags[N_THINGS - 1]) & ~(size - 1));
  g_assert_true ((gpointer) in_handler.page != (gpointer) leash_tag_get_slab (tags[N_THINGS - 1]));
  g_assert_cmpint (sigaction (SIGSEGV, &action, &before), ==, 0);
  g_assert_cmpint (mprotect (in_handler.page, size, PROT_NONE), ==, 0);
  inside->func (tags[N_THINGS - 1]);
  g_assert_cmpint (sigaction (SIGSEGV, &before, NULL), ==, 0);

  g_assert_cmpuint (in_handler.n_runs, ==, 1);
  g_assert_cmpuint (in_handler.n_tracked, ==, 0);
  g_assert_cmpuint (leash_tag_count_reentry () - n_before, ==, 6);
  for (guint i = 0; i < N_THINGS; i++)
    leash_untrack (tags[i]);
  leash_untrack (in_handler.open);
  assert_clean (&tracked);
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
  for (guint i = 0; i < G_N_ELEMENTS (insides); i++)
    g_test_add_data_func (insides[i].path, &insides[i], test_handler_in);
  g_test_add_func ("/reentry/the-same-outside-is-tracked", test_outside);
  g_test_add_func ("/reentry/mark-is-put-back", test_mark_is_put_back);
  return g_test_run ();
}
