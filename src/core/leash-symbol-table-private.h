/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The functions in a file's symbol table, sorted. For leash-symbols-dw.c. */
#pragma once

#include <elfutils/libdwfl.h>
#include <glib.h>

typedef struct _LeashSymbolTable LeashSymbolTable;

LeashSymbolTable *leash_symbol_table_new  (Dwfl_Module      *file);
void              leash_symbol_table_free (LeashSymbolTable *table);

/* The function at address, in memory, as the linker has it; NULL when none is. Lives as long as file. */
const char       *leash_symbol_table_find (LeashSymbolTable *table,
                                           guintptr          address);
