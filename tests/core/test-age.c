/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Limits of age: what is told, how often, and what is not. Nothing is asserted of time: tests wait until they
 * are told, for as long as PATIENCE. That nothing is told is seen when something later was.
 */
#include "../under-sanitizer.h"
#include "tracker-fixture.h"

#include <glib/gstdio.h>
#include <pthread.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "leash-timer-private.h"
#include "leash-tracker-private.h"

#define PATIENCE (60 * G_USEC_PER_SEC)
#define SHORT (5 * G_TIME_SPAN_MILLISECOND)

typedef struct
{
  Tracked tracked;
  pthread_mutex_t lock;
  GString *events;    /* guarded by the lock: "overdue a, returned a, " */
  LeashStackId stack; /* likewise; of the last event */
} Heard;

static void
hear (LeashTracker *tracker, LeashEventType event, const LeashResource *resource, const LeashMisuse *misuse,
      gpointer user_data)
{
  static const char *const names[] = { "opened", "closed", "adopted", "misused", "overdue", "returned" };
  Heard *heard = user_data;

  if (event == LEASH_EVENT_OPENED)
    return;
  pthread_mutex_lock (&heard->lock);
  g_string_append_printf (heard->events, "%s %s, ", names[event], resource != NULL ? resource->name : "");
  heard->stack = resource != NULL ? resource->stack : 0;
  pthread_mutex_unlock (&heard->lock);
}

static void
set_up (Heard *heard, gconstpointer unused)
{
  heard->tracked = tracked_new ();
  heard->events = g_string_new (NULL);
  pthread_mutex_init (&heard->lock, NULL);
  leash_tracker_add_listener (heard->tracked.tracker, hear, heard, NULL);
}

static gboolean
is_idle (void)
{
  return leash_timer_count (leash_clock_system ()) == 0;
}

static void
wait_until_idle (void)
{
  gint64 until = g_get_monotonic_time () + PATIENCE;

  while (!is_idle ())
    {
      g_assert_cmpint (g_get_monotonic_time (), <, until);
      g_usleep (1000);
    }
}

/* A thread that still looks holds the tracker, as the context does, and may call hear(). */
static void
tear_down (Heard *heard, gconstpointer unused)
{
  leash_tracker_set_age_limit (heard->tracked.tracker, 0);
  while (__atomic_load_n (&heard->tracked.tracker->ref_count, __ATOMIC_ACQUIRE) > 2)
    g_usleep (1000);
  tracked_clear (&heard->tracked);
  g_string_free (heard->events, TRUE);
}

static gboolean
has_heard (Heard *heard, const char *what)
{
  gboolean has;

  pthread_mutex_lock (&heard->lock);
  has = strstr (heard->events->str, what) != NULL;
  pthread_mutex_unlock (&heard->lock);
  return has;
}

static void
wait_for (Heard *heard, const char *what)
{
  gint64 until = g_get_monotonic_time () + PATIENCE;

  while (!has_heard (heard, what))
    {
      if (g_get_monotonic_time () > until)
        g_error ("\"%s\" was not told, but: %s", what, heard->events->str);
      g_usleep (1000);
    }
}

static void
assert_heard (Heard *heard, const char *all)
{
  pthread_mutex_lock (&heard->lock);
  g_assert_cmpstr (heard->events->str, ==, all);
  pthread_mutex_unlock (&heard->lock);
}

static void
test_told_once (Heard *heard, gconstpointer unused)
{
  LeashTag *a, *b;

  leash_tracker_set_age_limit (heard->tracked.tracker, SHORT);
  a = open_here (&heard->tracked, NULL, "a");
  wait_for (heard, "overdue a");
  assert_stack_from (heard->stack, opened_from);
  b = open_here (&heard->tracked, NULL, "b");
  wait_for (heard, "overdue b");
  assert_heard (heard, "overdue a, overdue b, ");
  leash_untrack (b);
  leash_untrack (a);
  assert_heard (heard, "overdue a, overdue b, returned b, closed b, returned a, closed a, ");
}

/* What was open before the limit was set counts too; another limit does not tell again. */
static void
test_set_later (Heard *heard, gconstpointer unused)
{
  LeashTag *a = open_here (&heard->tracked, NULL, "a"), *b;

  leash_tracker_set_age_limit (heard->tracked.tracker, G_MAXINT64);
  leash_tracker_set_age_limit (heard->tracked.tracker, 1);
  wait_for (heard, "overdue a");
  leash_tracker_set_age_limit (heard->tracked.tracker, SHORT);
  b = open_here (&heard->tracked, NULL, "b");
  wait_for (heard, "overdue b");
  assert_heard (heard, "overdue a, overdue b, ");
  leash_untrack (a);
  leash_untrack (b);
}

static void
test_no_limit (Heard *heard, gconstpointer unused)
{
  Heard other;
  LeashTag *tag = open_here (&heard->tracked, NULL, "mine"), *a;

  set_up (&other, NULL);
  leash_tracker_set_age_limit (heard->tracked.tracker, G_TIME_SPAN_HOUR);
  leash_tracker_set_age_limit (heard->tracked.tracker, 0);
  leash_tracker_set_age_limit (other.tracked.tracker, SHORT);
  a = open_here (&other.tracked, NULL, "a");
  wait_for (&other, "overdue a");
  leash_untrack (a);
  leash_untrack (tag);
  tear_down (&other, NULL);
  assert_heard (heard, "closed mine, ");
  g_assert_true (is_idle ());
}

/* A thing of another kind. */
static LeashTag *
open_other (Heard *heard, const char *kind, const char *name)
{
  return leash_track (heard->tracked.ctx, kind, name);
}

/* Only of that kind, whatever else is open, and longer; each by its own where there are several. */
static void
test_kind (Heard *heard, gconstpointer unused)
{
  LeashTag *a = open_here (&heard->tracked, NULL, "a"), *tx = open_other (heard, "tx", "t");
  LeashTag *conn = open_other (heard, "conn", "c");

  leash_tracker_set_kind_age_limit (heard->tracked.tracker, "tx", SHORT);
  leash_tracker_set_kind_age_limit (heard->tracked.tracker, "conn", G_TIME_SPAN_HOUR);
  wait_for (heard, "overdue t");
  leash_untrack (tx);
  tx = open_other (heard, "tx", "later");
  wait_for (heard, "overdue later");
  leash_untrack (tx);
  leash_untrack (a);
  leash_untrack (conn);
  assert_heard (heard, "overdue t, returned t, closed t, overdue later, returned later, closed later, "
                       "closed a, closed c, ");
}

/* The kind's own may be longer than that of all, or none. */
static void
test_kind_is_spared (Heard *heard, gconstpointer unused)
{
  LeashTag *tx = open_other (heard, "tx", "t"), *conn = open_other (heard, "conn", "c"), *a;

  leash_tracker_set_kind_age_limit (heard->tracked.tracker, "tx", G_TIME_SPAN_HOUR);
  leash_tracker_set_kind_age_limit (heard->tracked.tracker, "conn", 0);
  leash_tracker_set_age_limit (heard->tracked.tracker, SHORT);
  a = open_here (&heard->tracked, NULL, "a");
  wait_for (heard, "overdue a");
  assert_heard (heard, "overdue a, ");
  leash_tracker_set_kind_age_limit (heard->tracked.tracker, "tx", -1); /* as all others */
  wait_for (heard, "overdue t");
  leash_tracker_set_kind_age_limit (heard->tracked.tracker, "conn", 1);
  wait_for (heard, "overdue c");
  leash_untrack (a);
  leash_untrack (conn);
  leash_untrack (tx);
}

/* Nothing is looked at where no limit is left; one that is there survives that of all being taken away. */
static void
test_kind_comes_and_goes (Heard *heard, gconstpointer unused)
{
  LeashTracker *tracker = heard->tracked.tracker;
  LeashTag *tx;

  leash_tracker_set_kind_age_limit (tracker, "tx", G_TIME_SPAN_HOUR);
  leash_tracker_set_kind_age_limit (tracker, "tx", 0);
  g_assert_true (is_idle ());
  leash_tracker_set_kind_age_limit (tracker, "tx", SHORT);
  leash_tracker_set_age_limit (tracker, G_TIME_SPAN_HOUR);
  leash_tracker_set_age_limit (tracker, 0);
  tx = open_other (heard, "tx", "t");
  wait_for (heard, "overdue t");
  leash_tracker_set_kind_age_limit (tracker, "tx", -1);
  wait_until_idle ();
  leash_untrack (tx);
  assert_heard (heard, "overdue t, returned t, closed t, ");
}

static void
test_kept_open (Heard *heard, gconstpointer unused)
{
  LeashTag *kept = open_here (&heard->tracked, NULL, "kept"), *a = open_here (&heard->tracked, NULL, "a");

  leash_tag_keep_open (kept);
  leash_tracker_set_age_limit (heard->tracked.tracker, SHORT);
  wait_for (heard, "overdue a");
  leash_tag_keep_open (a);
  leash_untrack (kept);
  leash_untrack (a);
  assert_heard (heard, "overdue a, closed kept, closed a, ");
}

static void
test_adopted (Heard *heard, gconstpointer unused)
{
  g_auto (Tracked) other = tracked_new ();
  LeashTag *a = open_here (&heard->tracked, NULL, "a"), *b = open_here (&heard->tracked, NULL, "b"), *c;

  leash_tracker_set_age_limit (heard->tracked.tracker, SHORT);
  wait_for (heard, "overdue b");
  wait_for (heard, "overdue a");
  pthread_mutex_lock (&heard->lock);
  g_string_truncate (heard->events, 0);
  pthread_mutex_unlock (&heard->lock);
  g_assert_true (leash_tag_adopt (a, heard->tracked.ctx) == a);
  b = leash_tag_adopt (b, other.ctx);
  c = open_here (&heard->tracked, NULL, "c");
  wait_for (heard, "overdue c");
  assert_heard (heard, "returned a, adopted a, returned b, adopted b, overdue c, ");
  leash_untrack (a);
  leash_untrack (b);
  leash_untrack (c);
  assert_heard (heard,
                "returned a, adopted a, returned b, adopted b, overdue c, closed a, returned c, closed c, ");
}

/* It was freed, for its handle was given out again: told by events and reports alike. */
static void
test_handle_given_out_again (Heard *heard, gconstpointer unused)
{
  g_autoptr (GArray) returned = g_array_new (FALSE, FALSE, sizeof (LeashReturned));
  guint64 n_dropped = 0;

  leash_tracker_set_age_limit (heard->tracked.tracker, SHORT);
  leash_track_fd (heard->tracked.ctx, "fd", 1000, "a");
  wait_for (heard, "overdue a");
  leash_tracker_set_age_limit (heard->tracked.tracker, 0);
  leash_track_fd (heard->tracked.ctx, "fd", 1000, "b");
  assert_heard (heard, "overdue a, misused , returned a, closed a, ");
  leash_age_copy_returned (heard->tracked.tracker, returned, &n_dropped);
  g_assert_cmpuint (returned->len, ==, 1);
  leash_untrack_fd (heard->tracked.ctx, "fd", 1000);
}

static void
assert_has (const char *text, const char *part)
{
  if (strstr (text, part) == NULL)
    g_error ("\"%s\" is not in this:\n%s", part, text);
}

/* Also without a listener, with the place; and after a nested tracker that it was in has gone. */
static void
test_report (void)
{
  g_auto (Tracked) outer = tracked_new ();
  Tracked inner = tracked_from (leash_tracker_new_nested (outer.tracker));
  LeashTag *tag = open_here (&inner, NULL, "a");
  g_autofree char *during = NULL, *after = NULL, *json = NULL, *both = NULL;
  g_autoptr (LeashSnapshot) before = NULL, later = NULL, difference = NULL;
  gboolean is_overdue = FALSE;

  leash_tracker_set_age_limit (inner.tracker, SHORT);
  for (gint64 until = g_get_monotonic_time () + PATIENCE; !is_overdue && g_get_monotonic_time () < until;)
    {
      g_clear_pointer (&before, leash_snapshot_unref);
      before = leash_snapshot_new (outer.tracker);
      is_overdue = (leash_snapshot_get_resource (before, 0)->flags & LEASH_RESOURCE_OVERDUE) != 0;
    }
  during = leash_tracker_report (outer.tracker, LEASH_FORMAT_TEXT);
  assert_has (during, ", overdue\n");
  leash_untrack (tag);
  later = leash_snapshot_new (outer.tracker);
  difference = leash_snapshot_new_difference (before, later);
  both = leash_snapshot_report (difference, LEASH_FORMAT_TEXT, LEASH_REPORT_NONE, 0);
  assert_has (both, "1 x thing, overdue and returned after all, open for up to ");
  tracked_clear (&inner);
  after = leash_tracker_report (outer.tracker, LEASH_FORMAT_TEXT);
  assert_has (after, "1 x thing, overdue and returned after all, open for up to ");
  assert_has (after, "\n    open_here ");
  json = leash_tracker_report (outer.tracker, LEASH_FORMAT_JSON);
  assert_has (json, "\"returned\":[{\"kind\":\"thing\",\"count\":1,\"longest_us\":");
}

/* One frame is kept, so that two calls are one place. */
static void
test_some_of_a_place (Heard *heard, gconstpointer unused)
{
  g_autofree char *text = NULL;
  LeashTag *first, *second;

  leash_tracker_set_depth (heard->tracked.tracker, 1);
  first = open_here (&heard->tracked, NULL, "first");
  leash_tracker_set_age_limit (heard->tracked.tracker, SHORT);
  wait_for (heard, "overdue first");
  leash_tracker_set_age_limit (heard->tracked.tracker, G_TIME_SPAN_HOUR);
  second = open_here (&heard->tracked, NULL, "second");
  text = leash_tracker_report (heard->tracked.tracker, LEASH_FORMAT_TEXT);
  assert_has (text, "2 x thing \"first\", \"second\"");
  assert_has (text, ", 1 of them overdue\n");
  leash_untrack (first);
  leash_untrack (second);
}

static void
test_ended (Heard *heard, gconstpointer unused)
{
  LeashTag *a = open_here (&heard->tracked, NULL, "a");

  leash_tracker_set_age_limit (heard->tracked.tracker, SHORT);
  wait_for (heard, "overdue a");
  leash_tracker_end (heard->tracked.tracker);
  wait_until_idle ();
  leash_untrack (a);
  assert_heard (heard, "overdue a, returned a, closed a, ");
}

/* The tracker goes while its timer waits, and while a thread looks. */
static void
test_tracker_goes (void)
{
  for (int i = 0; i < 200; i++)
    {
      g_auto (Tracked) tracked = tracked_new ();

      leash_track (tracked.ctx, "thing", NULL);
      leash_tracker_set_age_limit (tracked.tracker, i % 2 == 0 ? 1 : G_TIME_SPAN_HOUR);
      if (i % 20 == 0)
        g_usleep (12000);
    }
  wait_until_idle ();
}

typedef struct
{
  Tracked *tracked;
  guint n_rounds;
} Race;

static gpointer
open_and_close (gpointer data)
{
  Race *race = data;

  for (guint i = 0; i < race->n_rounds; i++)
    {
      LeashTag *tag = leash_track (race->tracked->ctx, "thing", "race");

      if (i % 64 == 0)
        {
          g_usleep (1000);
          leash_tracker_set_age_limit (race->tracked->tracker, 1 + i % 3);
          leash_tracker_set_kind_age_limit (race->tracked->tracker, "thing", (gint64) (i % 5) - 1);
        }
      tag = leash_tag_adopt (tag, race->tracked->ctx);
      if (i % 8 == 0)
        leash_tag_touch (tag, "race");
      leash_untrack (tag);
    }
  return NULL;
}

static void
test_threads (Heard *heard, gconstpointer unused)
{
  Race race = { &heard->tracked, g_test_slow () ? 50000 : 1000 };
  GThread *threads[3];

  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = g_thread_new ("race", open_and_close, &race);
  for (guint i = 0; i < 50; i++)
    {
      g_autofree char *text = leash_tracker_report (heard->tracked.tracker, LEASH_FORMAT_JSON);

      g_assert_nonnull (strstr (text, "\"returned\":["));
    }
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    g_thread_join (threads[i]);
  assert_clean (&heard->tracked);
}

/* The child has no timers' thread, and no thread that looks: it sets its limit again. */
static void
test_fork (Heard *heard, gconstpointer unused)
{
  LeashTag *a = open_here (&heard->tracked, NULL, "a");
  int status;
  pid_t child;

  if (UNDER_THREAD_SANITIZER)
    {
      g_test_skip ("ThreadSanitizer lets a child of a process with threads start none");
      leash_untrack (a);
      return;
    }
  leash_tracker_set_age_limit (heard->tracked.tracker, G_TIME_SPAN_HOUR);
  child = fork ();
  if (child == 0)
    {
      leash_tracker_set_age_limit (heard->tracked.tracker, SHORT);
      wait_for (heard, "overdue a");
      leash_untrack (a);
      _exit (has_heard (heard, "returned a") ? 0 : 1);
    }
  g_assert_cmpint (waitpid (child, &status, 0), ==, child);
  g_assert_cmpint (status, ==, 0);
  leash_untrack (a);
  assert_heard (heard, "closed a, ");
}

/* Different places are kept up to a number, of which each counts up. */
static void
test_bounded (void)
{
  g_autoptr (GArray) array = g_array_new (FALSE, FALSE, sizeof (LeashReturned));

  for (guint i = 0; i < 10; i++)
    g_assert_true (leash_returned_add (array, &(LeashReturned){ "file", i % 5, 1, i }, 5));
  g_assert_false (leash_returned_add (array, &(LeashReturned){ "file", 5, 1, 1 }, 5));
  g_assert_false (leash_returned_add (array, &(LeashReturned){ "conn", 1, 1, 1 }, 5));
  g_assert_cmpuint (array->len, ==, 5);
  g_assert_cmpuint (g_array_index (array, LeashReturned, 2).count, ==, 2);
  g_assert_cmpint (g_array_index (array, LeashReturned, 2).longest, ==, 7);
}

static char *
wait_for_file (const char *path, const char *part)
{
  char *text = NULL;

  for (gint64 until = g_get_monotonic_time () + PATIENCE; g_get_monotonic_time () < until; g_usleep (1000))
    {
      g_free (text);
      text = NULL;
      if (g_file_get_contents (path, &text, NULL, NULL) && strstr (text, part) != NULL)
        return text;
    }
  g_error ("\"%s\" was not written, but: %s", part, text != NULL ? text : "nothing");
}

/* What is newly overdue is written, each once; a limit that the program sets writes nothing. */
static void
test_environment (void)
{
  g_autofree char *path = g_build_filename (g_get_tmp_dir (), "leash-age-XXXXXX", NULL);
  g_autofree char *first = NULL, *second = NULL;
  int fd;

  if (g_test_subprocess ())
    {
      g_auto (Tracked) tracked = tracked_new ();
      const char *output = g_getenv ("LEASH_OUTPUT");

      leash_tracker_set_kind_age_limit (tracked.tracker, "spared", 0);
      leash_track (tracked.ctx, "spared", "spared");
      leash_track (tracked.ctx, "thing", "a");
      first = wait_for_file (output, "\"a\"");
      assert_has (first,
                  "leash: 1 resource open for longer than 10 ms, from 1 place\n1 x thing \"a\", opened ");
      leash_track (tracked.ctx, "thing", "b");
      second = wait_for_file (output, "\"b\"");
      g_assert_null (strstr (strstr (second, "\"a\"") + 1, "\"a\""));
      g_assert_null (strstr (second, "spared"));
      leash_tracker_set_age_limit (tracked.tracker, 1);
      return;
    }
  fd = g_mkstemp (path);
  g_assert_cmpint (fd, >=, 0);
  close (fd);
  g_setenv ("LEASH_AGE_LIMIT", "0.01", TRUE);
  g_setenv ("LEASH_OUTPUT", path, TRUE);
  g_test_trap_subprocess (NULL, 0, G_TEST_SUBPROCESS_INHERIT_STDERR);
  g_unsetenv ("LEASH_AGE_LIMIT");
  g_unsetenv ("LEASH_OUTPUT");
  g_unlink (path);
  g_test_trap_assert_passed ();
}

static void
test_bad_arguments (void)
{
  g_auto (Tracked) tracked = tracked_new ();

  EXPECT_CRITICAL ("*leash_tracker_set_age_limit*tracker*", leash_tracker_set_age_limit (NULL, 1));
  EXPECT_CRITICAL ("*leash_tracker_set_age_limit*microseconds*",
                   leash_tracker_set_age_limit (tracked.tracker, -1));
  EXPECT_CRITICAL ("*leash_tracker_set_kind_age_limit*tracker*",
                   leash_tracker_set_kind_age_limit (NULL, "thing", 1));
  EXPECT_CRITICAL ("*leash_tracker_set_kind_age_limit*kind*",
                   leash_tracker_set_kind_age_limit (tracked.tracker, NULL, 1));
  EXPECT_CRITICAL ("*leash_tracker_set_kind_age_limit*microseconds*",
                   leash_tracker_set_kind_age_limit (tracked.tracker, "thing", -2));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define ADD(path, func) g_test_add ("/age/" path, Heard, NULL, set_up, func, tear_down)
  ADD ("told-once-with-its-stack", test_told_once);
  ADD ("limit-set-later-and-changed", test_set_later);
  ADD ("nothing-is-told-without-a-limit", test_no_limit);
  ADD ("kind/has-a-limit-of-its-own", test_kind);
  ADD ("kind/may-be-spared", test_kind_is_spared);
  ADD ("kind/limit-comes-and-goes", test_kind_comes_and_goes);
  ADD ("kept-open-is-never-overdue", test_kept_open);
  ADD ("adopted-has-returned", test_adopted);
  ADD ("handle-given-out-again-has-returned", test_handle_given_out_again);
  ADD ("some-of-a-place", test_some_of_a_place);
  ADD ("ended-tracker-is-not-looked-at", test_ended);
  ADD ("threads", test_threads);
  ADD ("fork", test_fork);
  g_test_add_func ("/age/report-without-listeners", test_report);
  g_test_add_func ("/age/tracker-goes-at-any-time", test_tracker_goes);
  g_test_add_func ("/age/places-are-bounded", test_bounded);
  g_test_add_func ("/age/environment-has-them-written", test_environment);
  g_test_add_func ("/age/bad-arguments", test_bad_arguments);
  return g_test_run ();
}
