/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* There is no live view of trackers that track nothing: see leash-tracker-disabled.c. No server is ever made.
 */
#include <gio/gio.h>
#include <leash/leash-server.h>

#include "leash-boxed-private.h"

LEASH_DEFINE_BOXED (LeashServer, leash_server)

static void
set_not_supported (GError **error, const char *what)
{
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
               "%s: this libleash-1 is built without tracking (-Dtracking=disabled)", what);
}

LeashServer *
leash_tracker_serve (LeashTracker *tracker, const char *path, GError **error)
{
  g_return_val_if_fail (tracker != NULL, NULL);
  g_return_val_if_fail (path == NULL || *path != '\0', NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  set_not_supported (error, "Serving a tracker");
  return NULL;
}

gboolean
leash_tracker_report_on_signal (LeashTracker *tracker, int signum, GError **error)
{
  g_return_val_if_fail (tracker != NULL, FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  if (signum == 0)
    return TRUE;
  set_not_supported (error, "Reporting on a signal");
  return FALSE;
}

LeashServer *
leash_server_ref (LeashServer *server)
{
  g_return_val_if_fail (server != NULL, NULL);

  return server;
}

void
leash_server_unref (LeashServer *server)
{
  g_return_if_fail (server != NULL);
}

void
leash_server_stop (LeashServer *server)
{
  g_return_if_fail (server != NULL);
}

const char *
leash_server_get_path (LeashServer *server)
{
  g_return_val_if_fail (server != NULL, NULL);

  return NULL;
}
