/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A program that names its own functions: once position independent, once not. */
#include <stdio.h>

#include "leash-modules-private.h"
#include "leash-symbols-private.h"
#include "places.h"

static __attribute__ ((noinline)) void *
capture (void)
{
  return __builtin_return_address (0);
}

static __attribute__ ((noinline)) void *
of_program (PlacesCapture func)
{
  PLACES_RETURN (func ()); /* at: program */
}

int
main (void)
{
  LeashSymbols *symbols = leash_symbols_new ();
  guint16 generation = leash_modules_refresh ();
  guint n_frames;
  const LeashFrame *frames
      = leash_symbols_lookup (symbols, (guintptr) of_program (capture), generation, &n_frames);

  for (guint i = 0; i < n_frames; i++)
    printf ("%s %s:%u %s\n", frames[i].function, frames[i].file != NULL ? frames[i].file : "?",
            frames[i].line, frames[i].module);
  leash_symbols_free (symbols);
  return 0;
}
