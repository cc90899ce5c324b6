/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An address is named in three steps: which module held it when the stack was taken, what the module's file
 * tells of it (leash-namer-private.h), and, where that is nothing and the module is still there, what the
 * loader tells. What remains is module and offset.
 *
 * C++ names are demangled by the program's own __cxa_demangle(). A program that has mangled names has loaded
 * the C++ run-time library, for it needs it; linking that to Leash would load it into every C program. Where
 * it is not found (linked statically into a module that does not export it) names stay as the linker has
 * them.
 */
#include "leash-symbols-private.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include "leash-namer-private.h"

typedef char *(*Demangle) (const char *mangled, char *buffer, size_t *length, int *ret_status);

/* The frames of one address in one module. */
typedef struct
{
  guintptr address;
  const LeashModule *module;
  gboolean uncertain; /* part of what it is known by: the same address may be certain in another generation */
  guint n_frames;
  LeashFrame frames[];
} Known;

struct _LeashSymbols
{
  LeashNamer *namer;
  GHashTable *known;     /* of Known, each its own key */
  GStringChunk *strings; /* demangled names, each once */
  gboolean sought;       /* whether the next has been looked for: at the first mangled name */
  Demangle demangle;     /* NULL when there is none */
};

static guint
known_hash (gconstpointer key)
{
  const Known *known = key;

  return (guint) (known->address ^ (guint64) known->address >> 32);
}

static gboolean
known_equal (gconstpointer a, gconstpointer b)
{
  const Known *x = a, *y = b;

  return x->address == y->address && x->module == y->module && x->uncertain == y->uncertain;
}

/* The library may have been loaded for a plugin only, out of sight of the program. None is loaded here. */
static Demangle
find_demangle (void)
{
  static const char *const libraries[] = { "libstdc++.so.6", "libc++abi.so.1" };
  void *symbol = dlsym (RTLD_DEFAULT, "__cxa_demangle");
  Demangle demangle;

  for (guint i = 0; symbol == NULL && i < G_N_ELEMENTS (libraries); i++)
    {
      void *library = dlopen (libraries[i], RTLD_LAZY | RTLD_NOLOAD);

      if (library == NULL)
        continue;
      symbol = dlsym (library, "__cxa_demangle");
      dlclose (library);
    }
  /* ISO C has no conversion from an object's address to a function's. */
  memcpy (&demangle, &symbol, sizeof demangle);
  return demangle;
}

LeashSymbols *
leash_symbols_new (void)
{
  LeashSymbols *symbols = g_new0 (LeashSymbols, 1);

  leash_modules_refresh ();
  symbols->namer = leash_namer_new ();
  symbols->known = g_hash_table_new_full (known_hash, known_equal, g_free, NULL);
  symbols->strings = g_string_chunk_new (4096);
  return symbols;
}

void
leash_symbols_free (LeashSymbols *symbols)
{
  if (symbols == NULL)
    return;
  g_hash_table_unref (symbols->known);
  g_string_chunk_free (symbols->strings);
  leash_namer_free (symbols->namer);
  g_free (symbols);
}

static const char *
demangle (LeashSymbols *symbols, const char *function)
{
  char *readable;

  if (function == NULL || !g_str_has_prefix (function, "_Z"))
    return function;
  if (!symbols->sought)
    symbols->demangle = find_demangle ();
  symbols->sought = TRUE;
  if (symbols->demangle == NULL)
    return function;
  readable = symbols->demangle (function, NULL, NULL, NULL);
  if (readable != NULL)
    function = g_string_chunk_insert_const (symbols->strings, readable);
  free (readable);
  return function;
}

/* What is exported is known to the loader, whatever became of the file. */
static void
ask_loader (LeashSymbols *symbols, guintptr address, LeashFrame *frame)
{
  Dl_info found;

  if (dladdr ((void *) address, &found) != 0 && found.dli_sname != NULL)
    frame->function = g_string_chunk_insert_const (symbols->strings, found.dli_sname);
}

static void
name (LeashSymbols *symbols, const LeashModule *module, guintptr address, gboolean uncertain, GArray *frames)
{
  gboolean is_loaded = module != NULL && leash_modules_is_loaded (module);

  if (module != NULL)
    leash_namer_name (symbols->namer, module, address, frames, &uncertain);
  if (frames->len == 0)
    g_array_set_size (frames, 1);
  for (guint i = 0; i < frames->len; i++)
    {
      LeashFrame *frame = &g_array_index (frames, LeashFrame, i);

      if (frame->function == NULL && is_loaded && i == frames->len - 1)
        ask_loader (symbols, address, frame);
      frame->function = demangle (symbols, frame->function);
      frame->module = module != NULL ? module->path : NULL;
      frame->build_id = module != NULL ? module->build_id : NULL;
      frame->offset = module != NULL ? address - module->bias : address;
      frame->unloaded = module != NULL && !is_loaded;
      frame->uncertain = uncertain;
    }
}

static Known *
known_new (LeashSymbols *symbols, const Known *key)
{
  g_autoptr (GArray) frames = g_array_new (FALSE, TRUE, sizeof (LeashFrame));
  Known *known;

  name (symbols, key->module, key->address, key->uncertain, frames);
  known = g_malloc (sizeof (Known) + frames->len * sizeof (LeashFrame));
  *known = *key;
  known->n_frames = frames->len;
  memcpy (known->frames, frames->data, frames->len * sizeof (LeashFrame));
  return known;
}

const LeashFrame *
leash_symbols_lookup (LeashSymbols *symbols, guintptr pc, guint16 generation, guint *ret_n_frames)
{
  Known key = { .address = pc - 1 };
  Known *known;

  key.module = leash_modules_find (key.address, generation, &key.uncertain);
  known = g_hash_table_lookup (symbols->known, &key);
  if (known == NULL)
    {
      known = known_new (symbols, &key);
      g_hash_table_add (symbols->known, known);
    }
  *ret_n_frames = known->n_frames;
  return known->frames;
}
