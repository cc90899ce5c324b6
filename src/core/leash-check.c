/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a test or a program asks at its end: is anything open? The error's message is the summary; the whole
 * report rides in the error.
 */
#include "leash-tracker-private.h"

#include "leash-error-private.h"
#include "leash-report-parts-private.h"
#include "leash-report-private.h"
#include "leash-settings-private.h"

static LeashReportFlags
settings_flags (void)
{
  return leash_settings_get ()->all_frames ? LEASH_REPORT_ALL_FRAMES : LEASH_REPORT_NONE;
}

char *
leash_snapshot_summarize (LeashSnapshot *snapshot, LeashError *ret_code)
{
  gsize n_leaks = leash_snapshot_count_leaks (snapshot);

  if (n_leaks == 0 && snapshot->misuses->len == 0)
    return NULL;
  *ret_code = n_leaks > 0 ? LEASH_ERROR_STILL_OPEN : LEASH_ERROR_MISUSE;
  return leash_report_summary (snapshot);
}

/**
 * leash_tracker_check:
 * @tracker: a tracker
 * @error: what is wrong
 *
 * Whether everything that was opened through @tracker was closed, once and properly.
 *
 * The error is %LEASH_ERROR_STILL_OPEN where something is open, else %LEASH_ERROR_MISUSE where something was
 * misused. Its message is one line; leash_error_get_report() gives the whole report.
 *
 * Returns: %TRUE when nothing is open and nothing was misused
 *
 * Since: 0.1
 */
gboolean
leash_tracker_check (LeashTracker *tracker, GError **error)
{
  g_autoptr (LeashSnapshot) snapshot = NULL;
  g_autofree char *summary = NULL;
  g_autofree char *report = NULL;
  LeashError code;

  g_return_val_if_fail (tracker != NULL, FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  if (leash_tracker_count_open (tracker) == 0 && leash_tracker_count_misuses (tracker) == 0)
    return TRUE;
  if (error == NULL)
    return FALSE;
  snapshot = leash_snapshot_new_for_report (tracker);
  summary = leash_snapshot_summarize (snapshot, &code);
  if (summary == NULL)
    return TRUE;
  report = leash_report_text (snapshot, settings_flags (), leash_settings_get ()->places);
  leash_set_error_with_report (error, code, summary, report);
  return FALSE;
}

/**
 * leash_tracker_report:
 * @tracker: a tracker
 * @format: for people or for programs
 *
 * Writes what is open, with the frames and the number of places that LEASH_FRAMES and LEASH_PLACES say.
 *
 * Returns: (transfer full): the report, without colours
 *
 * Since: 0.1
 */
char *
leash_tracker_report (LeashTracker *tracker, LeashFormat format)
{
  g_return_val_if_fail (tracker != NULL, NULL);

  return leash_tracker_report_full (tracker, format, settings_flags (), leash_settings_get ()->places);
}

/**
 * leash_tracker_report_full:
 * @tracker: a tracker
 * @format: for people or for programs
 * @flags: how it is written
 * @max_places: how many places a text shows before it says how many more there are; 0 for all
 *
 * Writes what is open.
 *
 * Returns: (transfer full): the report
 *
 * Since: 0.1
 */
char *
leash_tracker_report_full (LeashTracker *tracker, LeashFormat format, LeashReportFlags flags,
                           guint max_places)
{
  g_autoptr (LeashSnapshot) snapshot = NULL;

  g_return_val_if_fail (tracker != NULL, NULL);

  snapshot = leash_snapshot_new_for_report (tracker);
  return leash_snapshot_report (snapshot, format, flags, max_places);
}
