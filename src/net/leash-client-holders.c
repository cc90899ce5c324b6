/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Names where those checked out that have a client's connections, for the error of who waited for one. */
#include "leash-client-private.h"

#include "leash-modules-private.h"
#include "leash-symbols-private.h"

void
leash_client_append_holders (GString *text, const gconstpointer *callers, guint n_callers)
{
  g_autoptr (LeashSymbols) symbols = leash_symbols_new ();
  guint16 generation = leash_modules_refresh ();

  for (guint i = 0; i < n_callers; i++)
    {
      guint n_frames;
      const LeashFrame *frame = leash_symbols_lookup (symbols, (guintptr) callers[i], generation, &n_frames);

      g_string_append (text, i > 0 ? ", " : ", checked out in ");
      g_string_append (text, frame->function != NULL ? frame->function : "an unknown function");
      if (frame->file != NULL)
        g_string_append_printf (text, " (%s:%u)", frame->file, frame->line);
    }
}
