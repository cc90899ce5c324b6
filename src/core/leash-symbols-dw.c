/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Names by libdw. Each module that is asked for is opened once, from its file, as a Dwfl session of its own:
 * modules that were unloaded may overlap with others, which one session does not allow. An address is looked
 * for in the debug information (leash-dwarf-unit.c), and what that does not know in the symbol table.
 *
 * The file must be the one that was loaded: its build id, or without one its program headers, must be the
 * same. Another is not used at all; a file without build id, of a module that is not loaded any more, is
 * used and marked as uncertain. A program whose file was replaced or removed is read through /proc/self/exe.
 *
 * The unit of an address comes from the index that gcc writes (.debug_aranges). clang writes none, so where
 * it has no answer the units themselves are asked once, and listed.
 */
#include "leash-namer-private.h"

#include <elfutils/libdw.h>
#include <elfutils/libdwfl.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "leash-debug-file-private.h"
#include "leash-dwarf-unit-private.h"
#include "leash-span-private.h"
#include "leash-symbol-table-private.h"

/* The code of a unit, or a part of it. */
typedef struct
{
  LeashSpan span;
  Dwarf_Die unit;
} Part;

typedef struct
{
  const LeashModule *module;
  Dwfl *dwfl; /* NULL when the file cannot be had */
  Dwfl_Module *file;
  gboolean is_uncertain;
  Dwarf *dwarf;              /* NULL without debug information */
  Dwarf_Addr bias;           /* from its addresses to those in memory */
  GHashTable *units;         /* of LeashDwarfUnit, by Dwarf_CU */
  GArray *parts;             /* of Part, by start; NULL until needed */
  LeashSymbolTable *symbols; /* NULL until needed */
} Binary;

struct _LeashNamer
{
  GHashTable *binaries; /* by LeashModule */
};

static int
find_no_elf (Dwfl_Module *file, void **user_data, const char *name, Dwarf_Addr base, char **ret_path,
             Elf **ret_elf)
{
  return -1;
}

/*
 * Also called for the file that dwz moves common entries to, with a name and no checksum: libdw finds that by
 * itself.
 */
static int
find_debug_file (Dwfl_Module *file, void **user_data, const char *name, Dwarf_Addr base, const char *path,
                 const char *link, GElf_Word checksum, char **ret_path)
{
  const Binary *binary = *user_data;

  if (link != NULL && checksum == 0)
    return -1;
  return leash_debug_file_open (binary->module->path, binary->module->build_id, link, checksum, ret_path);
}

static gboolean
has_same_layout (Elf *elf, const LeashModule *module)
{
  guint32 layout = 0;
  GElf_Phdr part;

  for (int i = 0; gelf_getphdr (elf, i, &part) != NULL; i++)
    layout = leash_modules_add_layout (layout, part.p_type, part.p_vaddr, part.p_memsz);
  return layout == module->layout;
}

/* Whether elf is what was loaded as binary's module. */
static gboolean
is_same (Binary *binary, Elf *elf)
{
  const LeashModule *module = binary->module;
  g_autofree char *build_id = leash_elf_get_build_id (elf);

  if (build_id != NULL || module->build_id != NULL)
    return g_strcmp0 (build_id, module->build_id) == 0;
  binary->is_uncertain = !leash_modules_is_loaded (module);
  return has_same_layout (elf, module);
}

/* Opens the file at path and starts a session with it. What is there now may be a FIFO: it is not waited for.
 */
static Dwfl_Module *
report (Binary *binary, const char *path)
{
  int fd = open (path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  Dwfl_Module *file;
  void **user_data;
  GElf_Addr bias;

  if (fd < 0)
    return NULL;
  dwfl_report_begin (binary->dwfl);
  file = dwfl_report_elf (binary->dwfl, path, path, fd, binary->module->bias, TRUE);
  dwfl_report_end (binary->dwfl, NULL, NULL);
  if (file == NULL)
    {
      close (fd);
      return NULL;
    }
  dwfl_module_info (file, &user_data, NULL, NULL, NULL, NULL, NULL, NULL);
  *user_data = binary;
  return is_same (binary, dwfl_module_getelf (file, &bias)) ? file : NULL;
}

/*
 * Every stack begins in the C library, and distributions compress its debug information: to unpack it takes
 * 50 ms for each report. Its functions are named by the symbol table, which is enough.
 */
static gboolean
is_libc (const LeashModule *module)
{
  const char *slash = strrchr (module->path, '/');

  return slash != NULL && g_str_has_prefix (slash, "/libc.so.");
}

static Binary *
binary_new (const LeashModule *module)
{
  static const Dwfl_Callbacks callbacks = { .find_elf = find_no_elf,
                                            .find_debuginfo = find_debug_file,
                                            .section_address = dwfl_offline_section_address };
  Binary *binary = g_new0 (Binary, 1);

  binary->module = module;
  binary->units = g_hash_table_new_full (NULL, NULL, NULL, leash_dwarf_unit_free);
  binary->dwfl = dwfl_begin (&callbacks);
  if (binary->dwfl != NULL)
    binary->file = report (binary, module->path);
  if (binary->dwfl != NULL && binary->file == NULL && module->is_program)
    binary->file = report (binary, "/proc/self/exe");
  if (binary->file != NULL && !is_libc (module))
    binary->dwarf = dwfl_module_getdwarf (binary->file, &binary->bias);
  return binary;
}

static void
binary_free (gpointer user_data)
{
  Binary *binary = user_data;

  g_hash_table_unref (binary->units);
  g_clear_pointer (&binary->parts, g_array_unref);
  g_clear_pointer (&binary->symbols, leash_symbol_table_free);
  dwfl_end (binary->dwfl);
  g_free (binary);
}

LeashNamer *
leash_namer_new (void)
{
  LeashNamer *namer = g_new0 (LeashNamer, 1);

  namer->binaries = g_hash_table_new_full (NULL, NULL, NULL, binary_free);
  return namer;
}

void
leash_namer_free (LeashNamer *namer)
{
  g_hash_table_unref (namer->binaries);
  g_free (namer);
}

static Binary *
get_binary (LeashNamer *namer, const LeashModule *module)
{
  Binary *binary = g_hash_table_lookup (namer->binaries, module);

  if (binary == NULL)
    {
      binary = binary_new (module);
      g_hash_table_insert (namer->binaries, (gpointer) module, binary);
    }
  return binary;
}

static GArray *
list_parts (Dwarf *dwarf)
{
  GArray *parts = g_array_new (FALSE, FALSE, sizeof (Part));
  Dwarf_CU *unit = NULL;
  Part part;

  while (dwarf_get_units (dwarf, unit, &unit, NULL, NULL, &part.unit, NULL) == 0)
    {
      Dwarf_Addr base;
      ptrdiff_t next = 0;

      while ((next = dwarf_ranges (&part.unit, next, &base, &part.span.start, &part.span.end)) > 0)
        if (part.span.start > 0)
          g_array_append_val (parts, part);
    }
  g_array_sort (parts, leash_span_compare);
  return parts;
}

static Dwarf_Die *
find_part (Binary *binary, Dwarf_Addr address)
{
  Part *part;

  if (binary->parts == NULL)
    binary->parts = list_parts (binary->dwarf);
  part = leash_span_find_before (binary->parts, address);
  return part != NULL && address < part->span.end ? &part->unit : NULL;
}

/* NULL when there is no debug information for address, of the file. */
static LeashDwarfUnit *
get_unit (Binary *binary, Dwarf_Addr address)
{
  Dwarf_Die indexed;
  Dwarf_Die *die = dwarf_addrdie (binary->dwarf, address, &indexed);
  LeashDwarfUnit *unit;

  if (die == NULL)
    die = find_part (binary, address);
  if (die == NULL)
    return NULL;
  unit = g_hash_table_lookup (binary->units, die->cu);
  if (unit == NULL)
    {
      unit = leash_dwarf_unit_new (die);
      g_hash_table_insert (binary->units, die->cu, unit);
    }
  return unit;
}

/*
 * gcc gives a lambda's function the plain name "operator()"; in the symbol table it has the name of the
 * function around it as well.
 */
static const char *
choose_name (Binary *binary, LeashDwarfUnit *unit, guintptr address, const char *name)
{
  gboolean is_plain
      = name != NULL && unit != NULL && leash_dwarf_unit_is_cpp (unit) && !g_str_has_prefix (name, "_Z");
  const char *linked;

  if (name != NULL && !is_plain)
    return name;
  if (binary->symbols == NULL)
    binary->symbols = leash_symbol_table_new (binary->file);
  linked = leash_symbol_table_find (binary->symbols, address);
  return linked != NULL && (name == NULL || g_str_has_prefix (linked, "_Z")) ? linked : name;
}

void
leash_namer_name (LeashNamer *namer, const LeashModule *module, guintptr address, GArray *frames,
                  gboolean *ret_uncertain)
{
  Binary *binary = get_binary (namer, module);
  LeashDwarfUnit *unit;
  LeashFrame *last;

  if (binary->file == NULL)
    return;
  *ret_uncertain |= binary->is_uncertain;
  unit = binary->dwarf != NULL ? get_unit (binary, address - binary->bias) : NULL;
  if (unit != NULL)
    leash_dwarf_unit_name (unit, address - binary->bias, frames);
  else
    g_array_set_size (frames, 1);
  last = &g_array_index (frames, LeashFrame, frames->len - 1);
  last->function = choose_name (binary, unit, address, last->function);
}
