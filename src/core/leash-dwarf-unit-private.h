/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One compilation unit of debug information, indexed by address. See leash-dwarf-unit.c. */
#pragma once

#include <elfutils/libdw.h>
#include <glib.h>

#include "leash-symbols-private.h"

typedef struct _LeashDwarfUnit LeashDwarfUnit;

LeashDwarfUnit *leash_dwarf_unit_new     (Dwarf_Die      *die);
void            leash_dwarf_unit_free    (gpointer        unit);
gboolean        leash_dwarf_unit_is_cpp  (LeashDwarfUnit *unit);

/*
 * Appends the frames at address (of the file), innermost first, as leash_namer_name() does. The last one is
 * without a function where the unit does not know it.
 */
void            leash_dwarf_unit_name    (LeashDwarfUnit *unit,
                                          Dwarf_Addr      address,
                                          GArray         *frames);

/* What is shown of a source file's path, when it was compiled in folder. */
const char     *leash_dwarf_shorten_path (const char     *path,
                                          const char     *folder);
