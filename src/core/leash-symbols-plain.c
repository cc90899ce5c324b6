/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Names without libdw: the function only, as libunwind finds it in the symbol table of the module's file. It
 * finds the file by what is mapped at the address, so it is asked only while the module is loaded; for each
 * address it maps the file anew, which is slow, but needs nothing but what Leash needs anyway.
 */
#define UNW_LOCAL_ONLY
#include "leash-namer-private.h"

#include <libunwind.h>

struct _LeashNamer
{
  GStringChunk *strings;
};

#define NAME_MAX_BYTES 4096

LeashNamer *
leash_namer_new (void)
{
  LeashNamer *namer = g_new0 (LeashNamer, 1);

  namer->strings = g_string_chunk_new (NAME_MAX_BYTES);
  return namer;
}

void
leash_namer_free (LeashNamer *namer)
{
  g_string_chunk_free (namer->strings);
  g_free (namer);
}

static gboolean
starts_at (guintptr start, guintptr address)
{
  unw_proc_info_t info;

  return unw_get_proc_info_by_ip (unw_local_addr_space, address, &info, NULL) == 0 && info.start_ip == start;
}

void
leash_namer_name (LeashNamer *namer, const LeashModule *module, guintptr address, GArray *frames,
                  gboolean *ret_uncertain)
{
  unw_accessors_t *accessors = unw_get_accessors (unw_local_addr_space);
  char function[NAME_MAX_BYTES];
  LeashFrame frame = { 0 };
  unw_word_t offset;

  if (!leash_modules_is_loaded (module)
      || accessors->get_proc_name (unw_local_addr_space, address, function, sizeof function, &offset, NULL)
             != 0
      || !starts_at (address - offset, address))
    return;
  frame.function = g_string_chunk_insert_const (namer->strings, function);
  g_array_append_val (frames, frame);
}
