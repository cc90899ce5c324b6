/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where the processor is not known, or libunwind's library for other processes is not there: nothing is
 * recorded. */
#include "leash-replay-private.h"

void
leash_replay_warm_up (void)
{
}

gboolean
leash_replay_record (LeashRecording *recording, const LeashRegisters *start, guintptr stack_high,
                     guintptr caller, guint depth)
{
  return FALSE;
}
