/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where the debug information of a stripped file is. For leash-symbols-dw.c. */
#pragma once

#include <glib.h>
#include <libelf.h>

/* In hex; NULL when the file has none. */
char *leash_elf_get_build_id (Elf *elf);

/*
 * Opens the debug file of the module at path: by its build id, then by the name and checksum in its
 * .gnu_debuglink; either may be NULL. Returns a descriptor and sets *ret_path, or returns -1.
 */
int leash_debug_file_open (const char *path, const char *build_id, const char *link, guint32 checksum,
                           char **ret_path);
