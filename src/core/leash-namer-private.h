/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the file of a module tells of an address. meson picks leash-symbols-dw.c, which reads it by libdw, or
 * leash-symbols-plain.c, which asks libunwind. Used by leash-symbols.c, once for each address.
 */
#pragma once

#include "leash-modules-private.h"
#include "leash-symbols-private.h"

typedef struct _LeashNamer LeashNamer;

LeashNamer *leash_namer_new (void);
void leash_namer_free (LeashNamer *namer);

/*
 * Appends a frame for each function at address, innermost first, with function (as the linker has it), file,
 * line and inlined set; nothing when nothing is known. Strings live as long as namer. Sets *ret_uncertain
 * when the file may be another than the one that was loaded, and leaves it else.
 */
void leash_namer_name (LeashNamer *namer, const LeashModule *module, guintptr address, GArray *frames,
                       gboolean *ret_uncertain);
