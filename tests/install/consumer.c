/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A program outside the project, in C: forgets one resource of each sort and prints the report. Its exit
 * status is 0 when exactly those are reported, or, built against a library without tracking, none.
 */
#include <leash/leash.h>

#include <stdio.h>

LEASH_DEFINE_CONTEXT_VALUE (char, user)

#ifdef LEASH_DISABLE
  #define N_FORGOTTEN 0
#else
  #define N_FORGOTTEN 2
#endif

G_NO_INLINE static void
forget_thing (LeashContext *ctx)
{
  LeashTag *kept = leash_track (ctx, "thing", user_from_context (ctx));
  LeashTag *closed = leash_track (ctx, "thing", "closed");

  leash_tag_set_name (kept, "kept");
  leash_track_pointer (ctx, "handle", &kept, NULL);
  leash_untrack (closed);
}

G_NO_INLINE static LeashFile *
forget_file (LeashContext *ctx)
{
  g_autoptr (GError) error = NULL;
  LeashFile *file = leash_open (ctx, "/dev/null", LEASH_OPEN_READ, 0, &error);

  g_assert_no_error (error);
  return file;
}

/* The file is opened by the library, which has it on the list whether the program's own calls are compiled
 * out. */
int
main (void)
{
  g_autoptr (LeashTracker) tracker = leash_tracker_new ();
  g_autoptr (LeashContext) tracked = leash_context_with_tracker (leash_context_background (), tracker);
  g_autoptr (LeashContext) ctx = user_new_context (tracked, (char *) "ada", NULL);
  g_autoptr (LeashFile) file = NULL;
  g_autofree char *report = NULL;
  gsize wanted = leash_has_tracking () ? N_FORGOTTEN + 1 : 0;

  forget_thing (ctx);
  file = forget_file (ctx);
  report = leash_tracker_report (tracker, LEASH_FORMAT_TEXT);
  fputs (report, stdout);
  return leash_tracker_count_open (tracker) == wanted ? 0 : 1;
}
