/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One test's context, from begin to end; leash-test-ask.c has the questions at the end.
 *
 * The tracker is the test's own, so tests that run at the same time in one process do not see each other's
 * resources. Descriptors and threads are the process's: where tests overlapped, a new one may belong to
 * either, so they are not counted then, and a note says so.
 */
#include "leash-test-private.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "leash-context-inner-private.h"
#include "leash-error-private.h"
#include "leash-lock-private.h"
#include "leash-report-parts-private.h"
#include "leash-settings-private.h"

static LeashLock running_lock = LEASH_LOCK_INIT; /* guards the below */
static guint64 n_begun;
static guint n_running;
static guint64 last_overlap; /* every test up to this number ran beside another, or has ended */

static LeashContext *
make_cancellable (void)
{
  gint64 timeout = leash_settings_get ()->test_timeout_us;

  return timeout > 0 ? leash_context_with_timeout (leash_context_background (), timeout)
                     : leash_context_with_cancel (leash_context_background ());
}

static guint64
note_begin (void)
{
  guint64 number;

  leash_lock (&running_lock);
  number = ++n_begun;
  if (n_running++ > 0)
    last_overlap = number;
  leash_unlock (&running_lock);
  return number;
}

static void
note_end (void)
{
  leash_lock (&running_lock);
  n_running--;
  leash_unlock (&running_lock);
}

gboolean
leash_test_overlapped (LeashTestState *state)
{
  gboolean overlapped;

  leash_lock (&running_lock);
  overlapped = last_overlap >= state->number;
  leash_unlock (&running_lock);
  return overlapped;
}

/**
 * leash_test_begin: (skip)
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
  LeashTestState *state = g_new0 (LeashTestState, 1);

  /* Made before the census, since they stay: the default main context brings an eventfd. */
  g_main_context_default ();
  state->number = note_begin ();
  state->tracker = leash_tracker_new ();
  leash_check_settings (&state->setup_error);
  leash_tracker_set_release_stacks (state->tracker, TRUE);
  state->cancel = make_cancellable ();
  state->ctx = leash_context_with_tracker (state->cancel, state->tracker);
  state->cancel_refs
      = __atomic_load_n (&leash_context_full (state->cancel)->cancel->ref_count, __ATOMIC_ACQUIRE);
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
  LeashTestState *state;

  g_return_if_fail (test != NULL && test->priv != NULL);
  g_return_if_fail (func != NULL);

  state = test->priv;
  leash_test_threads_start (state->threads, state->ctx, func, user_data, leash_stack_capture ());
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
  LeashTestState *state;

  g_return_if_fail (test != NULL && test->priv != NULL);

  state = test->priv;
  leash_test_threads_wait (state->threads, -1);
}

static void
state_free (LeashTestState *state)
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

/* The tracker's report, with a last key for what the tracker does not tell. */
static char *
complete_json (const LeashFindings *findings)
{
  GString *line = g_string_new (findings->json);

  g_string_truncate (line, line->len - strlen ("}\n"));
  g_string_append_printf (line, ",\"test\":[%s]}\n", findings->others->str);
  return g_string_free (line, FALSE);
}

/* Where LEASH_OUTPUT names a file, reports are read from there too. */
static void
write_output (LeashFindings *findings)
{
  g_autofree char *json = findings->json != NULL ? complete_json (findings) : NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *text = NULL;

  if (leash_settings_get ()->output == NULL
      || leash_report_write (json != NULL ? json : findings->plain->str, &error))
    return;
  text = g_strconcat ("leash: ", error->message, NULL);
  leash_test_add_finding (findings, LEASH_ERROR_BAD_SETTING, error->message, text);
}

const char *
leash_test_why_blind (LeashTracker *tracker)
{
  if (!leash_has_tracking ())
    return "leash: built without tracking: of leaks, only descriptors and threads that a test leaves behind "
           "are found";
  if (leash_tracker_get_level (tracker) == LEASH_LEVEL_OFF)
    return "leash: tracking is off: of what was opened meanwhile, only descriptors and threads that a test "
           "leaves behind are found";
  return NULL;
}

static gboolean
finish (LeashTest *test, gboolean color, GPtrArray *notes, GError **error)
{
  LeashTestState *state = g_steal_pointer (&test->priv);
  g_autoptr (GString) summary = g_string_new (NULL);
  g_autoptr (GString) text = g_string_new (NULL);
  g_autoptr (GString) plain = g_string_new (NULL);
  g_autoptr (GString) others = g_string_new (NULL);
  g_autofree char *json = NULL;
  LeashFindings findings = {
    .summary = summary, .text = text, .plain = plain, .others = others, .notes = notes, .color = color
  };
  const char *blind = leash_test_why_blind (test->tracker);

  if (blind != NULL)
    g_ptr_array_add (notes, (gpointer) blind);
  leash_test_ask (state, &findings);
  json = findings.json;
  if (summary->len > 0)
    write_output (&findings);
  state_free (state);
  note_end ();
  *test = (LeashTest){ 0 };
  if (summary->len == 0)
    return TRUE;
  leash_set_error_with_report (error, findings.code, summary->str, text->str);
  return FALSE;
}

/**
 * leash_test_finish:
 * @test: (inout): a test that has begun; it is cleared
 * @error: what is wrong
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

void
leash_test_print_lines (const char *text)
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
 * Functions of leash_test_go() have five seconds to return. LEASH_TEST_GRACE, in seconds, takes the place of
 * both times: more of it for a slow machine. Nothing is waited for that has closed or returned already.
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
      leash_test_print_lines (leash_error_get_report (error));
      g_test_fail_printf ("%s", error->message);
    }
  for (guint i = 0; i < notes->len; i++)
    leash_test_print_lines (g_ptr_array_index (notes, i));
}
