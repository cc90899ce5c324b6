/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a report's names cost whoever writes the loop over libdw by hand: for each address the function, file and
 * line, and those of the functions that were inlined there; or, as far as that goes, the symbol's name, file and
 * line alone. Nothing is kept but a sum, so that nothing is left out; nothing is formatted.
 */
#pragma once

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <elfutils/libdwfl.h>
#include <glib.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static inline gsize
bench_add_string (const char *string)
{
  return string != NULL ? strlen (string) : 0;
}

/* Scopes come innermost first: those that were inlined, with where they were called, then the function. */
static inline gsize
bench_name_scopes (Dwarf_Die *unit, Dwarf_Addr address)
{
  Dwarf_Die *scopes = NULL;
  Dwarf_Files *files = NULL;
  gsize n_files = 0, sum = 0;
  int n_scopes = dwarf_getscopes (unit, address, &scopes);

  for (int i = 0; i < n_scopes; i++)
    {
      int tag = dwarf_tag (&scopes[i]);
      Dwarf_Attribute attribute;
      Dwarf_Word file, line;

      if (tag != DW_TAG_subprogram && tag != DW_TAG_inlined_subroutine)
        continue;
      sum += bench_add_string (dwarf_diename (&scopes[i]));
      if (tag == DW_TAG_subprogram)
        break;
      if (files == NULL && dwarf_getsrcfiles (unit, &files, &n_files) != 0)
        n_files = 0;
      if (dwarf_formudata (dwarf_attr (&scopes[i], DW_AT_call_file, &attribute), &file) == 0 && file < n_files
          && dwarf_formudata (dwarf_attr (&scopes[i], DW_AT_call_line, &attribute), &line) == 0)
        sum += bench_add_string (dwarf_filesrc (files, file, NULL, NULL)) + line;
    }
  free (scopes);
  return sum;
}

static inline gsize
bench_name_address (Dwfl *dwfl, Dwarf_Addr address, gboolean inlined)
{
  Dwfl_Module *module = dwfl_addrmodule (dwfl, address);
  Dwarf_Addr bias;
  Dwarf_Die *unit = inlined && module != NULL ? dwfl_module_addrdie (module, address, &bias) : NULL;
  Dwfl_Line *line = module != NULL ? dwfl_module_getsrc (module, address) : NULL;
  gsize sum = unit != NULL ? bench_name_scopes (unit, address - bias) : 0;
  int number;

  if (sum == 0 && module != NULL)
    sum += bench_add_string (dwfl_module_addrname (module, address));
  if (line != NULL)
    sum += bench_add_string (dwfl_lineinfo (line, NULL, &number, NULL, NULL, NULL)) + (gsize) number;
  return sum;
}

/* As Leash does, without what there may be for the C library: to unpack that takes longer than all the rest. */
static inline int
bench_find_debug_file (Dwfl_Module *module, void **user_data, const char *name, Dwarf_Addr base, const char *path,
                       const char *link, GElf_Word checksum, char **ret_path)
{
  return strstr (name, "/libc.so.") != NULL ? -1
                                            : dwfl_standard_find_debuginfo (module, user_data, name, base, path,
                                                                            link, checksum, ret_path);
}

/* Names all addresses, in a session of its own. */
static inline gsize
bench_name_by_libdw (const Dwarf_Addr *addresses, guint n_addresses, gboolean inlined)
{
  static const Dwfl_Callbacks callbacks
      = { .find_elf = dwfl_linux_proc_find_elf, .find_debuginfo = bench_find_debug_file };
  Dwfl *dwfl = dwfl_begin (&callbacks);
  gsize sum = 0;

  if (dwfl == NULL || dwfl_linux_proc_report (dwfl, getpid ()) != 0
      || dwfl_report_end (dwfl, NULL, NULL) != 0)
    g_error ("libdw: %s", dwfl_errmsg (-1));
  for (guint i = 0; i < n_addresses; i++)
    sum += bench_name_address (dwfl, addresses[i], inlined);
  dwfl_end (dwfl);
  return sum;
}
