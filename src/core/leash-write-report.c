/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Puts a report where the environment says. The same with and without tracking: only the report differs. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "leash-report-parts-private.h"
#include "leash-settings-private.h"

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
gboolean
leash_report_write (const char *report, GError **error)
{
  const char *path = leash_settings_get ()->output;
  g_autofree char *lines = g_strconcat (report, g_str_has_suffix (report, "\n") ? "" : "\n", NULL);
  int fd = path != NULL ? open (path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666) : STDERR_FILENO;
  gboolean written = fd >= 0 && write_all (fd, lines, strlen (lines));
  int saved_errno = errno;

  /* In a process whose standard input is closed the file's number is 0. */
  if (path != NULL && fd >= 0)
    close (fd);
  if (!written)
    g_set_error (error, G_IO_ERROR, (gint) g_io_error_from_errno (saved_errno),
                 "Writing the report to %s: %s", path != NULL ? path : "standard error",
                 g_strerror (saved_errno));
  return written;
}

gboolean
leash_snapshot_write (LeashSnapshot *snapshot, GError **error)
{
  const LeashSettings *settings = leash_settings_get ();
  LeashReportFlags flags = settings->all_frames ? LEASH_REPORT_ALL_FRAMES : LEASH_REPORT_NONE;
  g_autofree char *report = NULL;

  if (settings->color == LEASH_COLOR_ALWAYS
      || (settings->color == LEASH_COLOR_AUTO && settings->output == NULL && isatty (STDERR_FILENO)))
    flags |= LEASH_REPORT_COLOR;
  report = leash_snapshot_report (snapshot, settings->format, flags, settings->places);
  return leash_report_write (report, error);
}

void
leash_snapshot_write_unasked (LeashSnapshot *snapshot)
{
  g_autoptr (GError) error = NULL;

  if (!leash_snapshot_write (snapshot, &error))
    leash_settings_take_lost (g_strconcat ("LEASH_OUTPUT: ", error->message, NULL));
}

/**
 * leash_tracker_write_report:
 * @tracker: a tracker
 * @error: why the report could not be written
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
  g_autoptr (LeashSnapshot) snapshot = NULL;

  g_return_val_if_fail (tracker != NULL, FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  snapshot = leash_snapshot_new_for_report (tracker);
  return leash_snapshot_write (snapshot, error);
}
