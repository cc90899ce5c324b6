/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A table that only grows, of what dl_iterate_phdr() told. The loader counts what it has ever loaded and
 * unloaded, and gives the counts with the first module: as long as their sum is what it was, nothing else is
 * looked at.
 *
 * The loader holds a lock of its own while it iterates, and a program's callback may open a tracked resource
 * under it. So ours is never held while the loader is asked: a look is written down first, and merged after,
 * unless a later one has been merged meanwhile.
 *
 * A module that comes again, the same file at the same address, is the same module: a program that opens and
 * closes a plugin for ever does not fill the table. In between another may have been there, so the times at
 * which two modules held an address may overlap; then the one that came last is the better guess, and marked
 * as uncertain. Past N_MODULES what comes is not remembered, and its addresses stay without a name.
 */
#include "leash-modules-private.h"

#include <elf.h>
#include <link.h>
#include <string.h>
#include <sys/auxv.h>

#include "leash-capture-private.h"

#define N_MODULES 65536
#define VDSO_SIZE_MAX 0x10000

/* What one look found. */
typedef struct
{
  guint64 changes;
  GPtrArray *modules; /* of LeashModule, owned; NULL when nothing changed */
} Look;

static LeashLock modules_lock = LEASH_LOCK_INIT; /* guards writing all of the below, and the table */
static GPtrArray *table;                         /* of LeashModule, in the order in which they came */
static guint64 seen_changes;                     /* atomic; loads and unloads until the last look */
static guint16 generation;                       /* atomic */

static void
module_free (gpointer module)
{
  g_free (((LeashModule *) module)->path);
  g_free (((LeashModule *) module)->build_id);
  g_free (module);
}

guint32
leash_modules_add_layout (guint32 layout, guint64 type, guint64 address, guint64 size)
{
  const guint64 k = G_GUINT64_CONSTANT (0x9e3779b97f4a7c15);

  return (guint32) ((((((layout + type) * k) ^ address) * k ^ size) * k) >> 32);
}

static char *
program_path (void)
{
  static const char deleted[] = " (deleted)";
  char *path = g_file_read_link ("/proc/self/exe", NULL);

  if (path == NULL)
    return g_strdup ("");
  if (g_str_has_suffix (path, deleted) && !g_file_test (path, G_FILE_TEST_EXISTS))
    path[strlen (path) - strlen (deleted)] = '\0';
  return path;
}

/* A path given to dlopen() may be relative, to what is the current directory now, not when a report is made.
 */
static char *
module_path (const LeashModule *module, const char *name)
{
  guintptr vdso = getauxval (AT_SYSINFO_EHDR);

  if (vdso != 0 && module->start - vdso < VDSO_SIZE_MAX)
    return g_strdup ("[vdso]");
  if (module->is_program)
    return program_path ();
  return strchr (name, '/') != NULL ? g_canonicalize_filename (name, NULL) : g_strdup (name);
}

const guint8 *
leash_modules_find_build_id (const char *note, const char *end, gsize align, gsize *ret_size)
{
  while (note + sizeof (ElfW (Nhdr)) <= end)
    {
      const ElfW (Nhdr) *header = (const void *) note;
      const char *name = note + sizeof *header;
      const char *content = note + ((sizeof *header + header->n_namesz + align - 1) & ~(align - 1));

      if (content + header->n_descsz > end)
        return NULL;
      if (header->n_type == NT_GNU_BUILD_ID && header->n_namesz == sizeof "GNU"
          && memcmp (name, "GNU", sizeof "GNU") == 0)
        {
          *ret_size = header->n_descsz;
          return (const guint8 *) content;
        }
      note = content + ((header->n_descsz + align - 1) & ~(align - 1));
    }
  return NULL;
}

/* NULL where there is none. */
static char *
read_build_id (const char *note, const char *end, gsize align)
{
  gsize size;
  const guint8 *id = leash_modules_find_build_id (note, end, align, &size);
  GString *hex;

  if (id == NULL)
    return NULL;
  hex = g_string_sized_new (2 * size);
  for (gsize i = 0; i < size; i++)
    g_string_append_printf (hex, "%02x", id[i]);
  return g_string_free (hex, FALSE);
}

/* Notes that are not part of what is loaded cannot be read. */
static gboolean
is_mapped (const struct dl_phdr_info *info, const ElfW (Phdr) * part)
{
  for (guint i = 0; i < info->dlpi_phnum; i++)
    {
      const ElfW (Phdr) *load = &info->dlpi_phdr[i];

      if (load->p_type == PT_LOAD && (load->p_flags & PF_R) != 0 && part->p_vaddr >= load->p_vaddr
          && part->p_vaddr + part->p_memsz <= load->p_vaddr + load->p_memsz)
        return TRUE;
    }
  return FALSE;
}

static LeashModule *
module_new (const struct dl_phdr_info *info, gboolean is_program)
{
  LeashModule *module = g_new0 (LeashModule, 1);

  module->bias = info->dlpi_addr;
  module->is_program = is_program;
  module->start = G_MAXSIZE;
  for (guint i = 0; i < info->dlpi_phnum; i++)
    {
      const ElfW (Phdr) *part = &info->dlpi_phdr[i];
      guintptr start = info->dlpi_addr + part->p_vaddr;

      module->layout = leash_modules_add_layout (module->layout, part->p_type, part->p_vaddr, part->p_memsz);
      if (part->p_type == PT_LOAD && (part->p_flags & PF_X) != 0)
        {
          module->start = MIN (module->start, start);
          module->end = MAX (module->end, start + part->p_memsz);
        }
      if (part->p_type == PT_NOTE && module->build_id == NULL && is_mapped (info, part))
        module->build_id = read_build_id ((const char *) start, (const char *) start + part->p_memsz,
                                          part->p_align == 8 ? 8 : 4);
    }
  module->path = module_path (module, info->dlpi_name);
  return module;
}

/* Called by the loader for each module, with the program first; the loader stops at what is not 0. */
static int
look_at (struct dl_phdr_info *info, size_t size, void *user_data)
{
  Look *look = user_data;
  gboolean is_first = look->modules == NULL;

  if (is_first)
    {
      look->changes = info->dlpi_adds + info->dlpi_subs;
      if (look->changes == __atomic_load_n (&seen_changes, __ATOMIC_ACQUIRE))
        return 1;
      look->modules = g_ptr_array_new_with_free_func (module_free);
    }
  g_ptr_array_add (look->modules, module_new (info, is_first));
  return 0;
}

static gboolean
module_equal (gconstpointer a, gconstpointer b)
{
  const LeashModule *x = a, *y = b;

  return x->bias == y->bias && x->start == y->start && x->end == y->end && x->layout == y->layout
         && g_strcmp0 (x->build_id, y->build_id) == 0 && strcmp (x->path, y->path) == 0;
}

static void
mark (LeashModule *module, guint16 last_seen)
{
  __atomic_store_n (&module->last_seen, last_seen, __ATOMIC_RELAXED);
}

static void
add (LeashModule *module, guint16 now)
{
  guint known;

  if (g_ptr_array_find_with_equal_func (table, module, module_equal, &known))
    {
      mark (g_ptr_array_index (table, known), LEASH_GENERATION_LOADED);
      module_free (module);
    }
  else if (table->len >= N_MODULES)
    module_free (module);
  else
    {
      module->first_seen = now;
      module->last_seen = LEASH_GENERATION_LOADED;
      g_ptr_array_add (table, module);
    }
}

/* With the lock held. Empties the look. */
static void
merge (Look *look)
{
  guint16 now = MIN (generation + 1, LEASH_GENERATION_LAST);

  if (table == NULL)
    table = g_ptr_array_new ();
  for (guint i = 0; i < table->len; i++)
    {
      LeashModule *module = g_ptr_array_index (table, i);

      if (leash_modules_is_loaded (module)
          && !g_ptr_array_find_with_equal_func (look->modules, module, module_equal, NULL))
        mark (module, generation);
    }
  while (look->modules->len > 0)
    add (g_ptr_array_steal_index (look->modules, 0), now);
  __atomic_store_n (&generation, now, __ATOMIC_RELAXED);
  __atomic_store_n (&seen_changes, look->changes, __ATOMIC_RELEASE);
}

guint16
leash_modules_refresh (void)
{
  Look look = { 0 };

  /* In the child of a fork the loader's lock may be held by a thread that is not there. */
  if (!__atomic_load_n (&leash_capture_is_stopped, __ATOMIC_RELAXED))
    dl_iterate_phdr (look_at, &look);
  if (look.modules != NULL)
    {
      leash_lock (&modules_lock);
      if (look.changes > seen_changes)
        merge (&look);
      leash_unlock (&modules_lock);
      g_ptr_array_unref (look.modules);
    }
  return __atomic_load_n (&generation, __ATOMIC_RELAXED);
}

/* With the lock held: the last that came of those that were there then, or else ever. */
static const LeashModule *
find (guintptr pc, guint16 then, gboolean *ret_uncertain)
{
  const LeashModule *found = NULL, *ever = NULL;
  gboolean others = FALSE;

  for (guint i = 0; table != NULL && i < table->len; i++)
    {
      const LeashModule *module = g_ptr_array_index (table, i);

      if (pc < module->start || pc >= module->end)
        continue;
      ever = module;
      if (module->last_seen < then)
        continue;
      others |= found != NULL || module->first_seen > then;
      if (module->first_seen <= then)
        found = module;
    }
  *ret_uncertain = found != NULL ? others : ever != NULL;
  return found != NULL ? found : ever;
}

const LeashModule *
leash_modules_find (guintptr pc, guint16 then, gboolean *ret_uncertain)
{
  const LeashModule *found;

  leash_lock (&modules_lock);
  found = find (pc, then, ret_uncertain);
  leash_unlock (&modules_lock);
  return found;
}

gboolean
leash_modules_is_loaded (const LeashModule *module)
{
  return __atomic_load_n (&module->last_seen, __ATOMIC_RELAXED) == LEASH_GENERATION_LOADED;
}

LeashLock *
leash_modules_get_fork_lock (void)
{
  return &modules_lock;
}
