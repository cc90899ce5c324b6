/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A module to unload between a capture and a report. */
#include <leash/leash.h>

LeashStackId plugin_capture (void);

LeashStackId
plugin_capture (void)
{
  LeashStackId stack = leash_stack_capture ();

  __asm__ volatile("" ::: "memory");
  return stack;
}
