/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * dwarf_getscopes() walks the unit's tree of entries from the top for each address. Here the tree is walked
 * once for each unit, to list where its functions are, sorted; an address then costs a binary search, and a
 * walk of that one function for what was inlined into it.
 *
 * Functions are looked for in all that may hold one: namespaces, types (a member's body may be there),
 * functions and blocks (a lambda's). Bodies that were inlined are not searched: what is inside is part of the
 * function. No deeper than DEPTH_MAX, since a file may say that anything is inside of anything, for ever.
 *
 * Source files are shown as the compiler was given them, less leading "./" and "../", for these only tell
 * where the build folder was: ../src/config.c is src/config.c. A file below the build folder is shown
 * relative to it; what was given as an absolute path stays so.
 */
#include "leash-dwarf-unit-private.h"

#include <dwarf.h>
#include <string.h>

#include "leash-span-private.h"

/* Inlined into one another, at one address. */
#define INLINED_MAX 64

/* Namespaces, types, functions and blocks within one another; what is deeper is not looked for. */
#define DEPTH_MAX 64

/* Where a function's code is, or a part of it. */
typedef struct
{
  LeashSpan span;
  Dwarf_Die function;
} Range;

struct _LeashDwarfUnit
{
  Dwarf_Die die;      /* has the lines */
  Dwarf_Die code;     /* has the functions: the same, or its other half in a .dwo file */
  const char *folder; /* the compiler's current one; NULL when not known */
  GArray *ranges;     /* of Range, by start; they do not overlap */
  Dwarf_Files *files;
  gsize n_files;
};

static void
add_ranges (LeashDwarfUnit *unit, Dwarf_Die *function)
{
  Range range = { .function = *function };
  Dwarf_Addr base;
  ptrdiff_t next = 0;

  /* What the linker threw away is at 0. */
  while ((next = dwarf_ranges (function, next, &base, &range.span.start, &range.span.end)) > 0)
    if (range.span.start > 0)
      g_array_append_val (unit->ranges, range);
}

static void
find_functions (LeashDwarfUnit *unit, Dwarf_Die *parent, guint depth)
{
  Dwarf_Die die;

  if (depth == DEPTH_MAX || dwarf_child (parent, &die) != 0)
    return;
  do
    switch (dwarf_tag (&die))
      {
      case DW_TAG_subprogram:
        add_ranges (unit, &die);
        find_functions (unit, &die, depth + 1);
        break;
      case DW_TAG_namespace:
      case DW_TAG_module:
      case DW_TAG_class_type:
      case DW_TAG_structure_type:
      case DW_TAG_union_type:
      case DW_TAG_lexical_block:
        find_functions (unit, &die, depth + 1);
        break;
      }
  while (dwarf_siblingof (&die, &die) == 0);
}

/* With -gsplit-dwarf a unit has two halves. */
static void
find_other_half (LeashDwarfUnit *unit)
{
  Dwarf_Die half;

  if (dwarf_cu_info (unit->die.cu, NULL, NULL, NULL, &half, NULL, NULL, NULL) == 0
      && dwarf_tag (&half) == DW_TAG_compile_unit)
    unit->code = half;
}

LeashDwarfUnit *
leash_dwarf_unit_new (Dwarf_Die *die)
{
  LeashDwarfUnit *unit = g_new0 (LeashDwarfUnit, 1);
  Dwarf_Attribute folder;

  unit->die = unit->code = *die;
  find_other_half (unit);
  unit->folder = dwarf_formstring (dwarf_attr (die, DW_AT_comp_dir, &folder));
  unit->ranges = g_array_new (FALSE, FALSE, sizeof (Range));
  find_functions (unit, &unit->code, 0);
  g_array_sort (unit->ranges, leash_span_compare);
  if (dwarf_getsrcfiles (&unit->code, &unit->files, &unit->n_files) != 0)
    unit->n_files = 0;
  return unit;
}

void
leash_dwarf_unit_free (gpointer unit)
{
  g_array_unref (((LeashDwarfUnit *) unit)->ranges);
  g_free (unit);
}

gboolean
leash_dwarf_unit_is_cpp (LeashDwarfUnit *unit)
{
  switch (dwarf_srclang (&unit->code))
    {
    case DW_LANG_C_plus_plus:
    case DW_LANG_C_plus_plus_11:
    case DW_LANG_C_plus_plus_14:
      return TRUE;
    default:
      return FALSE;
    }
}

const char *
leash_dwarf_shorten_path (const char *path, const char *folder)
{
  gsize length = folder != NULL ? strlen (folder) : 0;
  const char *rest = path + length + 1;

  /* Debian's own are compiled in "./stdio-common": what is in there needs the folder's name, what is not does
   * not. */
  if (length > 0 && strncmp (path, folder, length) == 0 && path[length] == '/'
      && (folder[0] == '/' || g_str_has_prefix (rest, "../")))
    path = rest;
  while (g_str_has_prefix (path, "./") || g_str_has_prefix (path, "../"))
    path = strchr (path, '/') + 1;
  return path;
}

static Range *
find_range (LeashDwarfUnit *unit, Dwarf_Addr address)
{
  Range *range = leash_span_find_before (unit->ranges, address);

  return range != NULL && address < range->span.end ? range : NULL;
}

/* The child of parent that has code at address, an inlined function or a block. */
static gboolean
find_part (Dwarf_Die *parent, Dwarf_Addr address, Dwarf_Die *ret_part)
{
  Dwarf_Die die;

  if (dwarf_child (parent, &die) != 0)
    return FALSE;
  do
    if ((dwarf_tag (&die) == DW_TAG_inlined_subroutine || dwarf_tag (&die) == DW_TAG_lexical_block)
        && dwarf_haspc (&die, address) == 1)
      {
        *ret_part = die;
        return TRUE;
      }
  while (dwarf_siblingof (&die, &die) == 0);
  return FALSE;
}

/* What the linker calls it, if that is a C++ name: it tells of namespaces and arguments. */
static const char *
function_name (Dwarf_Die *function)
{
  static const guint names[] = { DW_AT_linkage_name, DW_AT_MIPS_linkage_name };
  Dwarf_Attribute attribute;

  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    {
      const char *mangled = dwarf_formstring (dwarf_attr_integrate (function, names[i], &attribute));

      if (mangled != NULL && g_str_has_prefix (mangled, "_Z"))
        return mangled;
    }
  return dwarf_diename (function);
}

static guint
get_number (Dwarf_Die *die, guint name)
{
  Dwarf_Attribute attribute;
  Dwarf_Word number;

  return dwarf_formudata (dwarf_attr (die, name, &attribute), &number) == 0 ? number : 0;
}

static void
set_place (LeashDwarfUnit *unit, LeashFrame *frame, const char *path, guint line)
{
  if (path == NULL)
    return;
  frame->file = leash_dwarf_shorten_path (path, unit->folder);
  frame->line = line;
}

static void
set_place_of_address (LeashDwarfUnit *unit, LeashFrame *frame, Dwarf_Addr address)
{
  Dwarf_Line *line = dwarf_getsrc_die (&unit->die, address);
  int number = 0;

  if (line == NULL)
    return;
  dwarf_lineno (line, &number);
  set_place (unit, frame, dwarf_linesrc (line, NULL, NULL), number);
}

static void
set_place_of_call (LeashDwarfUnit *unit, LeashFrame *frame, Dwarf_Die *inlined)
{
  guint file = get_number (inlined, DW_AT_call_file);

  if (file < unit->n_files)
    set_place (unit, frame, dwarf_filesrc (unit->files, file, NULL, NULL),
               get_number (inlined, DW_AT_call_line));
}

/* A wrapper that its writer wants nobody to see, by the attribute of that name: leash-adopt.h makes such. */
static gboolean
is_artificial (Dwarf_Die *die)
{
  Dwarf_Attribute attribute;
  bool is_set = false;

  return dwarf_formflag (dwarf_attr_integrate (die, DW_AT_artificial, &attribute), &is_set) == 0 && is_set;
}

void
leash_dwarf_unit_name (LeashDwarfUnit *unit, Dwarf_Addr address, GArray *frames)
{
  Dwarf_Die inlined[INLINED_MAX]; /* outermost first */
  guint n_inlined = 0;
  Range *range = find_range (unit, address);
  Dwarf_Die part;
  LeashFrame frame = { 0 };

  if (range != NULL)
    for (part = range->function; n_inlined < INLINED_MAX && find_part (&part, address, &part);)
      if (dwarf_tag (&part) == DW_TAG_inlined_subroutine)
        inlined[n_inlined++] = part;
  set_place_of_address (unit, &frame, address);
  while (n_inlined > 0)
    {
      if (!is_artificial (&inlined[--n_inlined]))
        {
          frame.function = function_name (&inlined[n_inlined]);
          frame.inlined = TRUE;
          g_array_append_val (frames, frame);
        }
      frame = (LeashFrame){ 0 };
      set_place_of_call (unit, &frame, &inlined[n_inlined]);
    }
  if (range != NULL)
    frame.function = function_name (&range->function);
  g_array_append_val (frames, frame);
}
