/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One test's context, and the questions at its end, in this order:
 *
 *     cancel the context, wait for the threads of leash_test_go()
 *     give what closes asynchronously a moment (GRACE), and only if something is open
 *     ask the tracker; count descriptors and threads; remove the directory
 *
 * The tracker is the test's own, so tests that run at the same time in one process do not see each other's
 * resources. Descriptors and threads are the process's: where tests overlapped, a new one may belong to
 * either, so they are not counted then, and a note says so.
 */
#include <leash/leash-test.h>

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "leash-census-private.h"
#include "leash-error-private.h"
#include "leash-settings-private.h"
#include "leash-test-threads-private.h"

/* How long a test's end waits for what is being closed elsewhere, in microseconds. */
#define GRACE (G_USEC_PER_SEC / 4)
#define GRACE_STEP 2000

/* How long threads may take to end once the context is cancelled. */
#define THREADS_GRACE (5 * G_USEC_PER_SEC)

typedef struct
{
  LeashContext *ctx;
  LeashContext *cancel; /* what the end cancels: ctx is made from it */
  LeashTracker *tracker;
  LeashTestThreads *threads;
  LeashCensus *before;
  char *dir;           /* NULL when it could not be made */
  GError *setup_error; /* a bad setting, or no directory */
  guint64 number;      /* of the tests begun, this one's */
} TestState;

static guint64 n_begun;      /* atomic */
static guint64 n_ended;      /* atomic */
static guint64 last_overlap; /* atomic; every test up to this number ran beside another */

/* What is wrong, as it is found. */
typedef struct
{
  GString *summary; /* one line */
  GString *text;    /* all of it */
  GPtrArray *notes; /* what is worth a line although the test passes */
  gboolean color;   /* the text is for a terminal */
} Findings;

static void
add_finding (Findings *findings, const char *summary, const char *text)
{
  if (findings->summary->len > 0)
    g_string_append (findings->summary, "; ");
  g_string_append (findings->summary, summary);
  g_string_append (findings->text, text);
  if (!g_str_has_suffix (text, "\n"))
    g_string_append_c (findings->text, '\n');
}

static LeashContext *
make_cancellable (TestState *state)
{
  gint64 timeout = leash_settings_get ()->test_timeout_us;

  return timeout > 0 ? leash_context_with_timeout (leash_context_background (), timeout)
                     : leash_context_with_cancel (leash_context_background ());
}

/* Where another test is running, none of the two can count descriptors. */
static guint64
note_begin (void)
{
  guint64 number = __atomic_add_fetch (&n_begun, 1, __ATOMIC_ACQ_REL);

  if (number - __atomic_load_n (&n_ended, __ATOMIC_ACQUIRE) > 1)
    __atomic_store_n (&last_overlap, number, __ATOMIC_RELEASE);
  return number;
}

static void
note_end (void)
{
  __atomic_fetch_add (&n_ended, 1, __ATOMIC_ACQ_REL);
}

/**
 * leash_test_begin:
 *
 * Makes a context for one test: with a tracker of its own, a deadline of LEASH_TEST_TIMEOUT seconds (60 where
 * it is not set), and a directory of its own.
 *
 * With GTest, declare it so that its end runs whichever way the function is left:
 *
 * ```c
 * g_auto (LeashTest) test = leash_test_begin ();
 * ```
 *
 * A setting that cannot be right, or a directory that cannot be made, fails the test at its end, with the
 * reason.
 *
 * Returns: the test
 *
 * Since: 0.1
 */
LeashTest
leash_test_begin (void)
{
  TestState *state = g_new0 (TestState, 1);

  /* Made before the census, since they stay: the default main context brings an eventfd. */
  g_main_context_default ();
  state->number = note_begin ();
  leash_check_settings (&state->setup_error);
  state->tracker = leash_tracker_new ();
  leash_tracker_set_release_stacks (state->tracker, TRUE);
  state->cancel = make_cancellable (state);
  state->ctx = leash_context_with_tracker (state->cancel, state->tracker);
  state->threads = leash_test_threads_new ();
  state->dir = g_dir_make_tmp ("leash-test-XXXXXX", state->setup_error == NULL ? &state->setup_error : NULL);
  state->before = leash_census_new ();
  return (LeashTest){ .ctx = state->ctx, .tracker = state->tracker, .dir = state->dir, .priv = state };
}

/**
 * leash_test_go:
 * @test: a test that has begun
 * @func: (scope forever) (closure user_data): what to run
 * @user_data: what to run it with
 *
 * Runs a function in a thread of its own, with the test's context. The test's end waits for it; so does
 * leash_test_wait(). The thread is named `test-go-1` and so on.
 *
 * Since: 0.1
 */
void
leash_test_go (LeashTest *test, LeashTestFunc func, gpointer user_data)
{
  TestState *state;

  g_return_if_fail (test != NULL && test->priv != NULL);
  g_return_if_fail (func != NULL);

  state = test->priv;
  leash_test_threads_start (state->threads, state->ctx, func, user_data);
}

/**
 * leash_test_wait:
 * @test: a test that has begun
 *
 * Waits until all functions of leash_test_go() have returned. The test's end does so too, but cancels the
 * context before: wait here where they are to finish what they do.
 *
 * Since: 0.1
 */
void
leash_test_wait (LeashTest *test)
{
  TestState *state;

  g_return_if_fail (test != NULL && test->priv != NULL);

  state = test->priv;
  leash_test_threads_wait (state->threads, -1);
}

static int
remove_entry (const char *path, const struct stat *st, int type, struct FTW *position)
{
  return remove (path);
}

static void
remove_dir (TestState *state, Findings *findings)
{
  g_autofree char *text = NULL;

  if (state->dir == NULL || nftw (state->dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS) == 0)
    return;
  text = g_strdup_printf ("leash: removing the test's directory %s: %s", state->dir, g_strerror (errno));
  add_finding (findings, "the test's directory could not be removed", text);
}

static gboolean
overlapped (TestState *state)
{
  return __atomic_load_n (&last_overlap, __ATOMIC_ACQUIRE) >= state->number;
}

/* Nothing new, as far as can be said: then there is nothing to wait for. */
static gboolean
is_clean (TestState *state)
{
  g_autoptr (LeashCensus) now = NULL;
  g_autoptr (GPtrArray) fds = NULL;
  g_autoptr (GPtrArray) threads = NULL;

  if (leash_tracker_count_open (state->tracker) > 0)
    return FALSE;
  if (overlapped (state))
    return TRUE;
  now = leash_census_new ();
  fds = leash_census_list_new_fds (state->before, now);
  threads = leash_census_list_new_threads (state->before, now);
  return fds->len == 0 && threads->len == 0;
}

/* What is closed by an idle source or another thread gets its turn. */
static void
wait_for_closes (TestState *state)
{
  gint64 end = g_get_monotonic_time () + GRACE;

  while (!is_clean (state) && g_get_monotonic_time () < end)
    {
      while (g_main_context_iteration (NULL, FALSE))
        ;
      g_usleep (GRACE_STEP);
    }
}

static void
ask_threads (TestState *state, Findings *findings)
{
  guint n_left = leash_test_threads_wait (state->threads, g_get_monotonic_time () + THREADS_GRACE);
  g_autofree char *summary = NULL;

  if (n_left == 0)
    return;
  summary
      = g_strdup_printf ("%u function%s of leash_test_go() did not return", n_left, n_left == 1 ? "" : "s");
  add_finding (findings, summary,
               "leash: functions of leash_test_go() run on although the context is cancelled");
}

static void
ask_tracker (TestState *state, Findings *findings)
{
  const LeashSettings *settings = leash_settings_get ();
  g_autoptr (GError) error = NULL;
  g_autofree char *text = NULL;
  LeashReportFlags flags = settings->all_frames ? LEASH_REPORT_ALL_FRAMES : LEASH_REPORT_NONE;

  if (leash_tracker_check (state->tracker, &error))
    return;
  if (findings->color)
    text = leash_tracker_report_full (state->tracker, LEASH_FORMAT_TEXT, flags | LEASH_REPORT_COLOR,
                                      settings->places);
  add_finding (findings, error->message, text != NULL ? text : leash_error_get_report (error));
}

static void
add_list (Findings *findings, GPtrArray *list, const char *one, const char *many)
{
  g_autofree char *summary = NULL;
  g_autoptr (GString) text = NULL;

  if (list->len == 0)
    return;
  summary = g_strdup_printf ("%u %s", list->len, list->len == 1 ? one : many);
  text = g_string_new (NULL);
  g_string_append_printf (text, "leash: %s\n", summary);
  for (guint i = 0; i < list->len; i++)
    g_string_append_printf (text, "    %s\n", (const char *) g_ptr_array_index (list, i));
  add_finding (findings, summary, text->str);
}

static void
ask_census (TestState *state, Findings *findings)
{
  g_autoptr (LeashCensus) now = NULL;
  g_autoptr (GPtrArray) fds = NULL;
  g_autoptr (GPtrArray) threads = NULL;

  if (overlapped (state))
    {
      g_ptr_array_add (findings->notes,
                       (gpointer) "leash: another test ran at the same time: descriptors and "
                                  "threads that bypass Leash were not counted");
      return;
    }
  now = leash_census_new ();
  fds = leash_census_list_new_fds (state->before, now);
  threads = leash_census_list_new_threads (state->before, now);
  add_list (findings, fds, "descriptor bypassed Leash and is still open",
            "descriptors bypassed Leash and are still open");
  add_list (findings, threads, "thread outlived the test", "threads outlived the test");
}

static void
state_free (TestState *state)
{
  leash_test_threads_free (state->threads);
  leash_tracker_end (state->tracker);
  leash_context_unref (state->ctx);
  leash_context_unref (state->cancel);
  leash_tracker_unref (state->tracker);
  leash_census_free (state->before);
  g_clear_error (&state->setup_error);
  g_free (state->dir);
  g_free (state);
}

static void
ask_all (TestState *state, Findings *findings)
{
  if (state->setup_error != NULL)
    add_finding (findings, state->setup_error->message, state->setup_error->message);
  leash_context_cancel (state->cancel, NULL);
  ask_threads (state, findings);
  wait_for_closes (state);
  ask_tracker (state, findings);
  ask_census (state, findings);
  remove_dir (state, findings);
}

/* Where LEASH_OUTPUT names a file, programs read reports from there. */
static void
write_output (TestState *state, Findings *findings)
{
  g_autoptr (GError) error = NULL;

  if (leash_settings_get ()->output != NULL && !leash_tracker_write_report (state->tracker, &error))
    add_finding (findings, error->message, error->message);
}

static gboolean
finish (LeashTest *test, gboolean color, GPtrArray *notes, GError **error)
{
  TestState *state = g_steal_pointer (&test->priv);
  g_autoptr (GString) summary = g_string_new (NULL);
  g_autoptr (GString) text = g_string_new (NULL);
  Findings findings = { summary, text, notes, color };
  gboolean leaks;

  ask_all (state, &findings);
  leaks = leash_tracker_count_open (state->tracker) > 0;
  if (summary->len > 0)
    write_output (state, &findings);
  state_free (state);
  note_end ();
  *test = (LeashTest){ 0 };
  if (summary->len == 0)
    return TRUE;
  leash_set_error_with_report (error, leaks ? LEASH_ERROR_STILL_OPEN : LEASH_ERROR_MISUSE, summary->str,
                               text->str);
  return FALSE;
}

/**
 * leash_test_finish:
 * @test: (inout): a test that has begun; it is cleared
 * @error: (optional): what is wrong
 *
 * Ends a test as leash_test_end() does, but leaves it to the caller to print and fail: for other test
 * frameworks than GTest. leash_error_get_report() gives the whole text of the error.
 *
 * Returns: %TRUE when nothing is open or otherwise wrong
 *
 * Since: 0.1
 */
gboolean
leash_test_finish (LeashTest *test, GError **error)
{
  g_autoptr (GPtrArray) notes = g_ptr_array_new ();

  g_return_val_if_fail (test != NULL && test->priv != NULL, FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  return finish (test, FALSE, notes, error);
}

static gboolean
wants_color (void)
{
  LeashColor color = leash_settings_get ()->color;
  int fd = g_test_initialized () ? STDOUT_FILENO : STDERR_FILENO;

  return color == LEASH_COLOR_ALWAYS || (color == LEASH_COLOR_AUTO && isatty (fd));
}

static void
print_lines (const char *text)
{
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);

  for (guint i = 0; lines[i] != NULL; i++)
    if (lines[i][0] != '\0' || lines[i + 1] != NULL)
      {
        if (g_test_initialized ())
          g_test_message ("%s", lines[i]);
        else
          fprintf (stderr, "%s\n", lines[i]);
      }
}

/**
 * leash_test_end:
 * @test: (inout): a test; one that has ended already is fine
 *
 * Ends a test: cancels its context, waits for the functions of leash_test_go(), gives what is closed
 * elsewhere a quarter of a second, then asks whether anything is still open, was misused, bypassed Leash
 * (descriptors), or still runs (threads). What is wrong is printed as TAP diagnostics and fails the test,
 * through GTest.
 *
 * g_auto() calls this; it runs also after a failed assertion where g_test_set_nonfatal_assertions() was
 * called.
 *
 * Since: 0.1
 */
void
leash_test_end (LeashTest *test)
{
  g_autoptr (GPtrArray) notes = g_ptr_array_new ();
  g_autoptr (GError) error = NULL;

  g_return_if_fail (test != NULL);

  if (test->priv == NULL)
    return;
  if (!finish (test, wants_color (), notes, &error))
    {
      print_lines (leash_error_get_report (error));
      g_test_fail_printf ("%s", error->message);
    }
  for (guint i = 0; i < notes->len; i++)
    print_lines (g_ptr_array_index (notes, i));
}
