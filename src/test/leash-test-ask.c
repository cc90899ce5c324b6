/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The questions at a test's end, in this order:
 *
 *     note the cancellable contexts that are open; cancel the test's context, wait for leash_test_go()
 *     give what closes asynchronously a moment, and only if something is open
 *     count descriptors and threads; ask the tracker; remove the directory
 *
 * Descriptors are counted before the tracker is asked, because naming the frames of a report opens files.
 *
 * Contexts need two looks. One that was made cancellable and never cancelled is a leak, but the test's own
 * end cancels it with its parent, and it is off the leash before the tracker is asked. So those that are open
 * before are noted, and told if afterwards something made from the test's context is still there. (What a
 * worker holds until it sees the cancellation is gone by then, and is none.)
 */
#include "leash-test-private.h"

#include <string.h>

#include "leash-context-inner-private.h"
#include "leash-quote-private.h"
#include "leash-report-parts-private.h"
#include "leash-settings-private.h"

/* How long a test's end waits for what is being closed elsewhere, in microseconds; see LEASH_TEST_GRACE. */
#define CLOSE_GRACE (G_USEC_PER_SEC / 4)
#define CLOSE_STEP 2000

/* How long threads may take to end once the context is cancelled. */
#define THREADS_GRACE (5 * G_USEC_PER_SEC)

static void
append_lines (GString *to, const char *text)
{
  g_string_append (to, text);
  if (!g_str_has_suffix (text, "\n"))
    g_string_append_c (to, '\n');
}

static void
add_finding (LeashFindings *findings, LeashError code, const char *summary, const char *text,
             const char *plain)
{
  findings->code = findings->summary->len == 0 ? code : MIN (findings->code, code);
  if (findings->summary->len > 0)
    g_string_append (findings->summary, "; ");
  g_string_append (findings->summary, summary);
  append_lines (findings->text, text);
  append_lines (findings->plain, plain);
}

void
leash_test_add_finding (LeashFindings *findings, LeashError code, const char *summary, const char *text)
{
  add_finding (findings, code, summary, text, text);
  g_string_append (findings->others, findings->others->len > 0 ? ",{\"summary\":" : "{\"summary\":");
  leash_json_append_string (findings->others, summary);
  g_string_append (findings->others, ",\"text\":");
  leash_json_append_string (findings->others, text);
  g_string_append_c (findings->others, '}');
}

static void
add_list (LeashFindings *findings, GPtrArray *list, const char *one, const char *many)
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
  leash_test_add_finding (findings, LEASH_ERROR_STILL_OPEN, summary, text->str);
}

static gint64
get_end_of_grace (gint64 by_default)
{
  gint64 set = leash_settings_get ()->test_grace_us;

  return g_get_monotonic_time () + (set >= 0 ? set : by_default);
}

static gboolean
has_descendants (LeashTestState *state)
{
  LeashCancel *cancel = leash_context_full (state->cancel)->cancel;

  return __atomic_load_n (&cancel->ref_count, __ATOMIC_ACQUIRE) > state->cancel_refs;
}

/* What the tracker or leash_test_go() knows is told by them, and not a second time. */
static LeashCensus *
take_census (LeashTestState *state)
{
  LeashCensus *census = leash_census_new ();
  g_autoptr (LeashSnapshot) snapshot = leash_snapshot_new (state->tracker);

  for (gsize i = 0; i < leash_snapshot_get_length (snapshot); i++)
    {
      guintptr key = (guintptr) leash_snapshot_get_resource (snapshot, i)->key;

      /* Handles are pointers or descriptors: none is both, for no pointer is so low. */
      if (key > 0 && key <= G_MAXUINT16)
        leash_census_forget_fd (census, (int) key);
    }
  leash_test_threads_forget (state->threads, census);
  return census;
}

static gboolean
is_clean (LeashTestState *state, gboolean had_contexts)
{
  g_autoptr (LeashCensus) now = NULL;
  g_autoptr (GPtrArray) fds = NULL;
  g_autoptr (GPtrArray) threads = NULL;

  if (leash_tracker_count_open (state->tracker) > 0 || (had_contexts && has_descendants (state)))
    return FALSE;
  if (leash_test_overlapped (state))
    return TRUE;
  now = take_census (state);
  fds = leash_census_list_new_fds (state->before, now);
  threads = leash_census_list_new_threads (state->before, now);
  return fds->len == 0 && threads->len == 0;
}

/* What is closed by an idle source or another thread gets its turn. */
static void
wait_for_closes (LeashTestState *state, gboolean had_contexts)
{
  gint64 end = state->is_impatient ? 0 : get_end_of_grace (CLOSE_GRACE);
  g_autoptr (GMainContext) main_context = g_main_context_ref_thread_default ();

  while (!is_clean (state, had_contexts) && g_get_monotonic_time () < end)
    /* A source that is always ready must not keep the test from ending. */
    if (!g_main_context_iteration (main_context, FALSE))
      g_usleep (CLOSE_STEP);
}

static void
ask_threads (LeashTestState *state, LeashFindings *findings)
{
  guint n_left = leash_test_threads_wait (state->threads, get_end_of_grace (THREADS_GRACE));
  g_autoptr (GString) text = NULL;
  g_autofree char *summary = NULL;

  if (n_left == 0)
    return;
  summary = g_strdup_printf ("%u function%s of leash_test_go() did not return when cancelled", n_left,
                             n_left == 1 ? "" : "s");
  text = g_string_new (NULL);
  g_string_append_printf (text, "leash: %s\n", summary);
  leash_test_threads_describe (state->threads, text);
  leash_test_add_finding (findings, LEASH_ERROR_STILL_OPEN, summary, text->str);
}

static gboolean
is_context (const LeashResource *resource)
{
  return strcmp (resource->kind, "context") == 0;
}

/* Contexts that are made later than the end are made cancelled. */
static gboolean
has_contexts (LeashSnapshot *at_end)
{
  for (gsize i = 0; i < leash_snapshot_get_length (at_end); i++)
    if (is_context (leash_snapshot_get_resource (at_end, i)))
      return TRUE;
  return FALSE;
}

/* Adds the contexts that were open at the end, before it cancelled them. */
static void
add_contexts (LeashSnapshot *now, LeashSnapshot *at_end)
{
  g_autoptr (LeashSnapshot) gone = leash_snapshot_new_difference (now, at_end);

  for (gsize i = 0; i < leash_snapshot_get_length (gone); i++)
    if (is_context (leash_snapshot_get_resource (gone, i)))
      leash_snapshot_add (now, leash_snapshot_get_resource (gone, i));
}

static char *
report (LeashSnapshot *snapshot, LeashFormat format, LeashReportFlags flags)
{
  const LeashSettings *settings = leash_settings_get ();

  if (settings->all_frames)
    flags |= LEASH_REPORT_ALL_FRAMES;
  return leash_snapshot_report (snapshot, format, flags, settings->places);
}

/* JSON is what is shown only where there is no LEASH_OUTPUT to write it to. */
static void
add_report (LeashSnapshot *snapshot, LeashError code, const char *summary, LeashFindings *findings)
{
  g_autofree char *plain = report (snapshot, LEASH_FORMAT_TEXT, LEASH_REPORT_NONE);
  g_autofree char *colored = NULL;
  const char *shown = plain;

  if (findings->json != NULL && leash_settings_get ()->output == NULL)
    shown = findings->json;
  else if (findings->color)
    shown = colored = report (snapshot, LEASH_FORMAT_TEXT, LEASH_REPORT_COLOR);
  add_finding (findings, code, summary, shown, plain);
}

static void
ask_tracker (LeashTestState *state, LeashSnapshot *at_end, LeashFindings *findings)
{
  g_autoptr (LeashSnapshot) now = leash_snapshot_new (state->tracker);
  g_autofree char *summary = NULL;
  LeashError code;

  if (has_contexts (at_end) && has_descendants (state))
    add_contexts (now, at_end);
  /* Also where the tracker has nothing to say: the file's line tells of the rest too. */
  if (leash_settings_get ()->format == LEASH_FORMAT_JSON)
    findings->json = report (now, LEASH_FORMAT_JSON, LEASH_REPORT_NONE);
  summary = leash_snapshot_summarize (now, &code);
  if (summary != NULL)
    add_report (now, code, summary, findings);
}

static void
ask_census (LeashTestState *state, LeashCensus *now, LeashFindings *findings)
{
  g_autoptr (GPtrArray) fds = NULL;
  g_autoptr (GPtrArray) threads = NULL;

  /* Asked after the census was taken: what another test opens comes after its begin is noted. */
  if (leash_test_overlapped (state))
    {
      g_ptr_array_add (findings->notes,
                       (gpointer) "leash: another test ran at the same time: descriptors and "
                                  "threads that bypass Leash were not counted");
      return;
    }
  fds = leash_census_list_new_fds (state->before, now);
  threads = leash_census_list_new_threads (state->before, now);
  add_list (findings, fds, "descriptor bypassed Leash and is still open",
            "descriptors bypassed Leash and are still open");
  add_list (findings, threads, "thread outlived the test", "threads outlived the test");
}

static void
remove_dir (LeashTestState *state, LeashFindings *findings)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *text = NULL;

  if (state->dir == NULL || leash_test_remove_dir (state->dir, &error))
    return;
  text = g_strconcat ("leash: ", error->message, NULL);
  leash_test_add_finding (findings, LEASH_ERROR_STILL_OPEN, "the test's directory could not be removed",
                          text);
}

static void
ask_set_up (LeashTestState *state, LeashFindings *findings)
{
  g_autofree char *text = NULL;

  if (state->setup_error == NULL)
    return;
  text = g_strconcat ("leash: ", state->setup_error->message, NULL);
  leash_test_add_finding (findings, LEASH_ERROR_BAD_SETTING, state->setup_error->message, text);
}

void
leash_test_ask (LeashTestState *state, LeashFindings *findings)
{
  g_autoptr (LeashSnapshot) at_end = leash_snapshot_new (state->tracker);
  g_autoptr (LeashCensus) now = NULL;

  ask_set_up (state, findings);
  leash_context_cancel (state->cancel, NULL);
  ask_threads (state, findings);
  wait_for_closes (state, has_contexts (at_end));
  now = take_census (state);
  ask_tracker (state, at_end, findings);
  ask_census (state, now, findings);
  remove_dir (state, findings);
}
