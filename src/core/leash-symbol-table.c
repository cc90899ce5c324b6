/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * dwfl_module_addrinfo() goes through the whole table for each address: 40 us in GLib, for every frame of a
 * library without debug information. Sorting it once costs as much as some fifteen such searches.
 *
 * Of several names of one function the exported is taken, then the weak, then the local; of those, the first
 * in the table. Symbols without a size, as assembly has them, reach up to the next.
 */
#include "leash-symbol-table-private.h"

#include "leash-span-private.h"

typedef struct
{
  LeashSpan span; /* its end is its start when there is no size */
  const char *name;
  guint rank; /* smaller is better */
} Symbol;

struct _LeashSymbolTable
{
  GArray *symbols; /* of Symbol, by start, then from worst to best */
};

static guint
get_rank (const GElf_Sym *symbol, guint index)
{
  static const guint ranks[] = { [STB_GLOBAL] = 0, [STB_WEAK] = 1, [STB_LOCAL] = 2 };
  guint binding = GELF_ST_BIND (symbol->st_info);

  return (binding < G_N_ELEMENTS (ranks) ? ranks[binding] : 0) << 29 | MIN (index, (1u << 29) - 1);
}

static gboolean
is_function (const GElf_Sym *symbol, const char *name)
{
  guint type = GELF_ST_TYPE (symbol->st_info);

  return name != NULL && name[0] != '\0' && symbol->st_shndx != SHN_UNDEF && symbol->st_shndx != SHN_ABS
         && (type == STT_FUNC || type == STT_GNU_IFUNC || type == STT_NOTYPE);
}

static int
symbol_compare (gconstpointer a, gconstpointer b)
{
  const Symbol *x = a, *y = b;

  if (x->span.start != y->span.start)
    return leash_span_compare (x, y);
  return x->rank > y->rank ? -1 : x->rank < y->rank;
}

LeashSymbolTable *
leash_symbol_table_new (Dwfl_Module *file)
{
  LeashSymbolTable *table = g_new0 (LeashSymbolTable, 1);
  int n_symbols = dwfl_module_getsymtab (file);

  table->symbols = g_array_new (FALSE, FALSE, sizeof (Symbol));
  for (int i = 0; i < n_symbols; i++)
    {
      GElf_Addr start;
      GElf_Sym symbol;
      const char *name = dwfl_module_getsym_info (file, i, &symbol, &start, NULL, NULL, NULL);
      Symbol made;

      if (!is_function (&symbol, name))
        continue;
      made = (Symbol){ { start, start + symbol.st_size }, name, get_rank (&symbol, (guint) i) };
      g_array_append_val (table->symbols, made);
    }
  g_array_sort (table->symbols, symbol_compare);
  return table;
}

void
leash_symbol_table_free (LeashSymbolTable *table)
{
  g_array_unref (table->symbols);
  g_free (table);
}

const char *
leash_symbol_table_find (LeashSymbolTable *table, guintptr address)
{
  const Symbol *found = leash_span_find_before (table->symbols, address);

  if (found == NULL)
    return NULL;
  return address < found->span.end || found->span.end == found->span.start ? found->name : NULL;
}
