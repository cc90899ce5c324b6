/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The modules (program and shared libraries) that were ever seen loaded, so that an address can be named after
 * its module is gone. A generation is a number for one set of loaded modules; it grows with each change seen.
 */
#pragma once

#include <glib.h>

typedef struct
{
  char *path;             /* as the loader has it; the program's is resolved */
  guintptr bias;          /* what the loader added to the addresses in the file */
  guintptr start;         /* the executable part, first byte */
  guintptr end;           /* past the last */
  char *build_id;         /* hex, or NULL */
  guint16 first_seen;     /* generation */
  guint16 last_seen;      /* generation; G_MAXUINT16 while loaded */
} LeashModule;

/* Looks at what is loaded now, cheaply when nothing changed. Any thread, no lock of ours held. */
guint16            leash_modules_refresh (void);

/*
 * The module that held pc at a generation, NULL when none. *ret_uncertain is set when another module has been
 * seen at that address since, or when the generations have run out. The result lives as long as the process.
 */
const LeashModule *leash_modules_find    (guintptr  pc,
                                          guint16   generation,
                                          gboolean *ret_uncertain);
gboolean           leash_modules_is_loaded (const LeashModule *module);
