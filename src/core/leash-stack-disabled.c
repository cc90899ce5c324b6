/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Stacks of a library that takes none, and needs no unwinder: see leash-tracker-disabled.c. */
#include "leash-report-parts-private.h"

LeashStackId
leash_stack_capture (void)
{
  return 0;
}

guint
leash_stack_get_frames (LeashStackId stack, gconstpointer *frames, guint max_frames)
{
  g_return_val_if_fail (frames != NULL || max_frames == 0, 0);

  return 0;
}

char *
leash_stack_to_string (LeashStackId stack)
{
  return g_strdup ("");
}

void
leash_stack_resume_after_fork (void)
{
}

LeashStackId
leash_stack_of_function (GCallback func)
{
  return 0;
}
