/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Stacks, as programs see them: a number, and what it stands for. */
#include "leash-report-parts-private.h"

#include "leash-capture-private.h"
#include "leash-report-private.h"
#include "leash-settings-private.h"
#include "leash-tag-private.h"

/**
 * leash_stack_capture:
 *
 * Takes the stack of the calling thread, from the caller outwards, LEASH_DEPTH frames at most.
 *
 * Costs a tenth of a microsecond; names are looked up only by leash_stack_to_string(). Not for signal
 * handlers.
 *
 * Returns: the stack; the same number for the same stack. 0 where the call came from inside Leash's own work:
 *   from an allocator's hook, say.
 *
 * Since: 0.1
 */
LeashStackId
leash_stack_capture (void)
{
  LeashThread *self = leash_tag_enter ();
  LeashStackId stack;

  if (self == NULL)
    return 0;
  leash_capture_warm_up ();
  stack = leash_capture (LEASH_CALLER, NULL, leash_settings_get ()->depth);
  leash_tag_leave (self);
  return stack;
}

/**
 * leash_stack_get_frames: (skip)
 * @stack: a stack
 * @frames: where to put the return addresses, innermost first
 * @max_frames: how many there is room for
 *
 * Gives the addresses of a stack.
 *
 * Returns: how many frames the stack has, which may be more than @max_frames; 0 for what is no stack
 *
 * Since: 0.1
 */
guint
leash_stack_get_frames (LeashStackId stack, gconstpointer *frames, guint max_frames)
{
  const LeashStack *stored = leash_depot_get (stack);

  g_return_val_if_fail (frames != NULL || max_frames == 0, 0);

  for (guint i = 0; stored != NULL && i < MIN (stored->n_frames, max_frames); i++)
    frames[i] = (gconstpointer) stored->frames[i];
  return stored != NULL ? stored->n_frames : 0;
}

/**
 * leash_stack_to_string:
 * @stack: a stack
 *
 * Names the frames of a stack, one in a line, innermost first: function, and file and line or module and
 * offset.
 *
 * Returns: (transfer full): the text, empty for what is no stack
 *
 * Since: 0.1
 */
char *
leash_stack_to_string (LeashStackId stack)
{
  g_autoptr (LeashSymbols) symbols = leash_symbols_new ();
  LeashReportFlags flags = leash_settings_get ()->all_frames ? LEASH_REPORT_ALL_FRAMES : LEASH_REPORT_NONE;
  g_auto (LeashPrinter) printer = { .text = g_string_new (NULL), .symbols = symbols, .flags = flags };

  leash_printer_stack (&printer, stack, 0);
  return g_string_free (printer.text, FALSE);
}

LeashStackId
leash_stack_of_function (GCallback func)
{
  guintptr pc = (guintptr) func + 1; /* frames are return addresses: what is named is the byte before */

  return leash_depot_put (&pc, 1, LEASH_STACK_COMPLETE, NULL);
}
