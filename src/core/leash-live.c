/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the environment asks of a running program. Whoever sets LEASH_SERVE or LEASH_SIGNAL has no tracker to
 * name, so both show all trackers of the process. They start with the first tracker: a program that merely
 * links the library, and has none, gets no thread and no socket.
 */
#include "leash-live-private.h"

#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "leash-report-parts-private.h"
#include "leash-server-private.h"
#include "leash-settings-private.h"

char *
leash_live_report (LeashTracker *tracker, LeashFormat format, gboolean all)
{
  const LeashSettings *settings = leash_settings_get ();
  gboolean all_frames = all || settings->all_frames;
  g_autoptr (LeashSnapshot) snapshot = leash_snapshot_new_for_report (tracker);
  g_autofree char *report = leash_snapshot_report (
      snapshot, format, all_frames ? LEASH_REPORT_ALL_FRAMES : LEASH_REPORT_NONE, all ? 0 : settings->places);

  return g_str_has_suffix (report, "\n") ? g_steal_pointer (&report) : g_strconcat (report, "\n", NULL);
}

/* "%p" is the process's number: children inherit the environment. */
static gboolean
serve (const char *setting, GError **error)
{
  g_auto (GStrv) pieces = g_strsplit (setting, "%p", -1);
  g_autofree char *pid = g_strdup_printf ("%d", getpid ());
  g_autofree char *path = g_strjoinv (pid, pieces);

  /* It stays until the process ends, so there is nobody to keep it for. */
  return leash_server_new (NULL, strcmp (setting, LEASH_SERVE_AUTO) == 0 ? NULL : path, error) != NULL;
}

static void
start (void)
{
  const LeashSettings *settings = leash_settings_get ();
  g_autoptr (GError) not_served = NULL, no_signal = NULL;
  g_autofree char *first = NULL, *second = NULL;

  if (settings->serve != NULL && !serve (settings->serve, &not_served))
    first = g_strdup_printf ("LEASH_SERVE: %s", not_served->message);
  if (settings->signum != 0 && !leash_signal_set (NULL, settings->signum, &no_signal))
    second = g_strdup_printf ("LEASH_SIGNAL: %s", no_signal->message);
  if (first != NULL && second != NULL)
    leash_settings_take_failures (g_strconcat (first, "; ", second, NULL));
  else
    leash_settings_take_failures (first != NULL ? g_steal_pointer (&first) : g_steal_pointer (&second));
}

void
leash_live_start (void)
{
  static pthread_once_t once = PTHREAD_ONCE_INIT;

  pthread_once (&once, start);
}
