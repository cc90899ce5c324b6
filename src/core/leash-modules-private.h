/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The modules (program and shared libraries) that were ever seen loaded, so that an address can be named
 * after its module is gone. A generation is a number for one set of loaded modules; it grows with each change
 * seen.
 */
#pragma once

#include <glib.h>

#include "leash-lock-private.h"

/* After this many changes the generation stays the same. */
#define LEASH_GENERATION_LAST (G_MAXUINT16 - 1)
#define LEASH_GENERATION_LOADED G_MAXUINT16

typedef struct
{
  char *path;     /* absolute, links kept; "[vdso]" for the kernel's */
  guintptr bias;  /* what the loader added to the addresses in the file */
  guintptr start; /* the executable part, first byte */
  guintptr end;   /* past the last */
  char *build_id; /* hex, or NULL */
  guint32 layout; /* hash of the program headers: tells another file from this one without build id */
  gboolean is_program;
  guint16 first_seen; /* generation */
  guint16 last_seen;  /* atomic; generation; LEASH_GENERATION_LOADED while loaded */
} LeashModule;

/* Looks at what is loaded now, cheaply when nothing changed. Any thread, no lock of ours held. */
guint16 leash_modules_refresh (void);

/*
 * The module that held pc at a generation, NULL when none. *ret_uncertain is set when another module has been
 * seen at that address in that generation or since. The result lives as long as the process.
 */
const LeashModule *leash_modules_find      (guintptr           pc,
                                            guint16            generation,
                                            gboolean          *ret_uncertain);
gboolean           leash_modules_is_loaded (const LeashModule *module);
/* The build id among the notes at [note, end), which are aligned as their segment is; NULL where there is none. */
const guint8 *leash_modules_find_build_id (const char *note, const char *end, gsize align, gsize *ret_size);
/* What LeashModule.layout is made of: start with 0, add each program header in turn. */
guint32 leash_modules_add_layout (guint32 layout, guint64 type, guint64 address, guint64 size);

/* For leash-fork.c */
LeashLock *leash_modules_get_fork_lock (void);
