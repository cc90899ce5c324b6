/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a test or a program asks at its end: is anything open? The error's message is the summary; the whole
 * report rides in the error.
 */
#include "leash-tracker-private.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "leash-error-private.h"
#include "leash-report-private.h"
#include "leash-settings-private.h"

/**
 * leash_has_tracking:
 *
 * Whether the library was built with tracking. One built with `-Dtracking=disabled` has all functions, and
 * tracks nothing.
 *
 * Returns: %TRUE if so
 *
 * Since: 0.1
 */
gboolean
leash_has_tracking (void)
{
  return TRUE;
}

static LeashReportFlags
settings_flags (void)
{
  return leash_settings_get ()->all_frames ? LEASH_REPORT_ALL_FRAMES : LEASH_REPORT_NONE;
}

/**
 * leash_tracker_check:
 * @tracker: a tracker
 * @error: (optional): what is wrong
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
  gsize n_leaks;

  g_return_val_if_fail (tracker != NULL, FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  if (leash_tracker_count_open (tracker) == 0 && leash_tracker_count_misuses (tracker) == 0)
    return TRUE;
  if (error == NULL)
    return FALSE;
  snapshot = leash_snapshot_new (tracker);
  n_leaks = leash_snapshot_count_leaks (snapshot);
  if (n_leaks == 0 && snapshot->misuses->len == 0)
    return TRUE;
  summary = leash_report_summary (snapshot);
  report = leash_report_text (snapshot, settings_flags (), leash_settings_get ()->places);
  leash_set_error_with_report (error, n_leaks > 0 ? LEASH_ERROR_STILL_OPEN : LEASH_ERROR_MISUSE, summary,
                               report);
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

  snapshot = leash_snapshot_new (tracker);
  return leash_snapshot_report (snapshot, format, flags, max_places);
}

static gboolean
write_all (int fd, const char *text, gsize length)
{
  while (length > 0)
    {
      gssize n = write (fd, text, length);

      if (n < 0 && errno != EINTR)
        return FALSE;
      if (n > 0)
        {
          text += n;
          length -= (gsize) n;
        }
    }
  return TRUE;
}

/* Appends to the file that LEASH_OUTPUT names, or to standard error. */
static gboolean
write_output (const char *path, const char *report, GError **error)
{
  int fd = path != NULL ? open (path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666) : STDERR_FILENO;
  gboolean written = fd >= 0 && write_all (fd, report, strlen (report));
  int saved_errno = errno;

  if (fd > STDERR_FILENO)
    close (fd);
  if (!written)
    g_set_error (error, G_IO_ERROR, (gint) g_io_error_from_errno (saved_errno),
                 "Writing the report to %s: %s", path != NULL ? path : "standard error",
                 g_strerror (saved_errno));
  return written;
}

/**
 * leash_tracker_write_report:
 * @tracker: a tracker
 * @error: (optional): why the report could not be written
 *
 * Writes what is open where the environment says: appended to the file LEASH_OUTPUT, or to standard error, in
 * the form LEASH_FORMAT, with colours as LEASH_COLOR says.
 *
 * Returns: %TRUE if it was written, also where nothing is open
 *
 * Since: 0.1
 */
gboolean
leash_tracker_write_report (LeashTracker *tracker, GError **error)
{
  const LeashSettings *settings = leash_settings_get ();
  LeashReportFlags flags = settings_flags ();
  g_autofree char *report = NULL;
  g_autofree char *line = NULL;

  g_return_val_if_fail (tracker != NULL, FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  if (settings->color == LEASH_COLOR_ALWAYS
      || (settings->color == LEASH_COLOR_AUTO && settings->output == NULL && isatty (STDERR_FILENO)))
    flags |= LEASH_REPORT_COLOR;
  report = leash_tracker_report_full (tracker, settings->format, flags, settings->places);
  line = g_str_has_suffix (report, "\n") ? g_strdup (report) : g_strconcat (report, "\n", NULL);
  return write_output (settings->output, line, error);
}
