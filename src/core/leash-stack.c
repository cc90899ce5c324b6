/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Stacks, as programs see them: a number, and what it stands for. */
#include <leash/leash-stack.h>

#include "leash-capture-private.h"
#include "leash-report-private.h"
#include "leash-settings-private.h"

/**
 * leash_stack_capture:
 *
 * Takes the stack of the calling thread, from the caller outwards, LEASH_DEPTH frames at most.
 *
 * Costs a tenth of a microsecond; names are looked up only by leash_stack_to_string(). Not for signal
 * handlers.
 *
 * Returns: the stack; the same number for the same stack
 *
 * Since: 0.1
 */
LeashStackId
leash_stack_capture (void)
{
  return leash_capture (LEASH_CALLER, NULL, leash_settings_get ()->depth);
}

/**
 * leash_stack_get_frames:
 * @stack: a stack
 * @frames: (array length=max_frames) (out caller-allocates): where to put the return addresses, innermost
 * first
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

static void
append_frame (GString *text, const LeashFrame *frame)
{
  g_string_append_printf (text, "%s  ", frame->function != NULL ? frame->function : "?");
  if (frame->file != NULL)
    g_string_append_printf (text, "%s:%u\n", frame->file, frame->line);
  else
    g_string_append_printf (text, "%s+0x%" G_GINTPTR_MODIFIER "x\n",
                            frame->module != NULL ? frame->module : "?", frame->offset);
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
  const LeashStack *stored = leash_depot_get (stack);
  g_autoptr (LeashSymbols) symbols = NULL;
  g_autoptr (GArray) frames = NULL;
  GString *text = g_string_new (NULL);

  if (stored == NULL)
    return g_string_free (text, FALSE);
  symbols = leash_symbols_new ();
  frames = leash_report_frames (symbols, stored, leash_settings_get ()->all_frames);
  for (guint i = 0; i < frames->len; i++)
    append_frame (text, &g_array_index (frames, LeashFrame, i));
  return g_string_free (text, FALSE);
}
