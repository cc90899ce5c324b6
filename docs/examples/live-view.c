/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A program that can be asked, while it runs, what it has open: live-view [SOCKET] */
#include <leash/leash.h>
#include <stdio.h>

int
main (int argc, char **argv)
{
  g_autoptr (LeashTracker) tracker = leash_tracker_new ();
  g_autoptr (LeashContext) ctx = leash_context_with_tracker (leash_context_background (), tracker);
  g_autoptr (GError) error = NULL;
  g_autoptr (LeashServer) server = leash_tracker_serve (tracker, argc > 1 ? argv[1] : NULL, &error);
  g_autoptr (LeashFile) file = leash_open (ctx, "/dev/null", LEASH_OPEN_READ, 0, NULL);

  if (server == NULL)
    {
      g_printerr ("%s\n", error->message);
      return 1;
    }
  g_print ("ask at %s; the end of my input ends me\n", leash_server_get_path (server));
  while (getchar () != EOF)
    ;
  return 0;
}
