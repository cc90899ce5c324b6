/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the replay cache has to know of modules: that the unwind tables by which a stack was recorded are
 * those that hold when it is replayed. Nobody tells when a module is unloaded, and to ask the loader's
 * counters takes its lock. So there are two sorts:
 *
 * - the program, and what it needs, directly or not: the loader never unloads those. They are found once, by
 *   the names that each module's dynamic section says it needs, as the loader did: of two with one name the
 *   first. What was preloaded is not among them;
 * - others, by the loader's own look-up of addresses, which takes no lock: a recorded stack in such a module
 * holds as long as the same file, by its build id, is mapped at the same place. The build id must lie in the
 *   module's first page, which is mapped if anything is. A module without is in no recorded stack.
 *
 * Only segments that are never written to count as a module's tables.
 */
#include "leash-replay-private.h"

#include <dlfcn.h>
#include <link.h>
#include <sys/auxv.h>

#include "leash-find-object-private.h"
#include "leash-lock-private.h"
#include "leash-modules-private.h"

#define SEGMENTS_MAX 6
#define MODULES_MAX 256
#define PAGE 4096
#define BUILD_ID_SIZE 16

typedef struct
{
  guintptr start, end;
} Segment;

struct _LeashReplayModule
{
  Segment constant[SEGMENTS_MAX]; /* that are not written to */
  guint n_constant;
  /* The below is for modules that may be unloaded. */
  LeashObject object;        /* what the loader said of it */
  guintptr pc;               /* an address in it, to ask for */
  guintptr build_id_address; /* 0 where there is none, or not in the first page */
  guint8 build_id[BUILD_ID_SIZE];
};

/* While the closure of what the program needs is found. */
typedef struct
{
  LeashReplayModule module;
  const char *name; /* the file's, without its folder */
  const char *soname;
  GPtrArray *needed; /* names, in the module's own memory */
  gboolean stays;
} Loaded;

static GArray *permanent; /* atomic; of LeashReplayModule; never changes once made */

static LeashLock others_lock = LEASH_LOCK_INIT; /* guards adding; what is there never changes */
static LeashReplayModule others[MODULES_MAX];
static guint n_others; /* atomic */

static void
add_segments (LeashReplayModule *module, const ElfW (Phdr) * headers, guint n_headers, guintptr bias)
{
  for (guint i = 0; i < n_headers && module->n_constant < SEGMENTS_MAX; i++)
    if (headers[i].p_type == PT_LOAD && (headers[i].p_flags & PF_W) == 0)
      module->constant[module->n_constant++]
          = (Segment){ bias + headers[i].p_vaddr, bias + headers[i].p_vaddr + headers[i].p_memsz };
}

static gboolean
is_constant_in (const LeashReplayModule *module, guintptr address)
{
  for (guint i = 0; i < module->n_constant; i++)
    if (address >= module->constant[i].start && address < module->constant[i].end)
      return TRUE;
  return FALSE;
}

static const char *
without_folder (const char *path)
{
  const char *slash = strrchr (path, '/');

  return slash != NULL ? slash + 1 : path;
}

/* The loader has made addresses of what the section holds, but for modules that it may not write to. */
static const char *
find_strings (const ElfW (Dyn) * dynamic, guintptr bias)
{
  for (; dynamic->d_tag != DT_NULL; dynamic++)
    if (dynamic->d_tag == DT_STRTAB)
      return (const char *) (dynamic->d_un.d_ptr < bias ? dynamic->d_un.d_ptr + bias : dynamic->d_un.d_ptr);
  return NULL;
}

static void
read_dynamic (Loaded *loaded, const ElfW (Dyn) * dynamic, guintptr bias)
{
  const char *strings = find_strings (dynamic, bias);

  for (; strings != NULL && dynamic->d_tag != DT_NULL; dynamic++)
    {
      if (dynamic->d_tag == DT_NEEDED)
        g_ptr_array_add (loaded->needed, (gpointer) (strings + dynamic->d_un.d_val));
      if (dynamic->d_tag == DT_SONAME)
        loaded->soname = strings + dynamic->d_un.d_val;
    }
}

/* Called by the loader for each module of the namespace that Leash is in: the program is in one only. */
static int
look_at (struct dl_phdr_info *info, size_t size, void *user_data)
{
  GArray *all = user_data;
  Loaded loaded = { .name = without_folder (info->dlpi_name), .needed = g_ptr_array_new () };

  add_segments (&loaded.module, info->dlpi_phdr, info->dlpi_phnum, info->dlpi_addr);
  for (guint i = 0; i < info->dlpi_phnum; i++)
    if (info->dlpi_phdr[i].p_type == PT_DYNAMIC)
      read_dynamic (&loaded, (const void *) (info->dlpi_addr + info->dlpi_phdr[i].p_vaddr), info->dlpi_addr);
  loaded.stays = (gulong) info->dlpi_phdr == getauxval (AT_PHDR);
  g_array_append_val (all, loaded);
  return 0;
}

static gboolean
is_called (const Loaded *loaded, const char *name)
{
  return g_strcmp0 (loaded->soname, name) == 0 || strcmp (loaded->name, without_folder (name)) == 0;
}

/* A file of that name that was loaded later is another one, and may be unloaded. */
static Loaded *
find_called (GArray *all, const char *name)
{
  for (guint i = 0; i < all->len; i++)
    if (is_called (&g_array_index (all, Loaded, i), name))
      return &g_array_index (all, Loaded, i);
  return NULL;
}

/* Marks what the module needs. Returns whether anything is new. */
static gboolean
mark_needed (GArray *all, const Loaded *by)
{
  gboolean is_new = FALSE;

  for (guint n = 0; n < by->needed->len; n++)
    {
      Loaded *loaded = find_called (all, g_ptr_array_index (by->needed, n));

      if (loaded == NULL || loaded->stays)
        continue;
      loaded->stays = is_new = TRUE;
    }
  return is_new;
}

static GArray *
find_permanent (void)
{
  g_autoptr (GArray) all = g_array_new (FALSE, FALSE, sizeof (Loaded));
  GArray *found = g_array_new (FALSE, FALSE, sizeof (LeashReplayModule));
  gboolean is_new = TRUE;

  dl_iterate_phdr (look_at, all);
  while (is_new)
    {
      is_new = FALSE;
      for (guint i = 0; i < all->len; i++)
        if (g_array_index (all, Loaded, i).stays)
          is_new |= mark_needed (all, &g_array_index (all, Loaded, i));
    }
  for (guint i = 0; i < all->len; i++)
    {
      Loaded *loaded = &g_array_index (all, Loaded, i);

      if (loaded->stays)
        g_array_append_val (found, loaded->module);
      g_ptr_array_unref (loaded->needed);
    }
  return found;
}

/*
 * Finding takes the loader's lock, which a thread that is called back by the loader holds already: it must
 * not wait here for another thread that waits for that lock. So several may look at once, and one tells.
 */
static const GArray *
get_permanent (void)
{
  GArray *found = __atomic_load_n (&permanent, __ATOMIC_ACQUIRE), *told = NULL;

  if (LEASH_LIKELY (found != NULL))
    return found;
  found = find_permanent ();
  if (__atomic_compare_exchange_n (&permanent, &told, found, FALSE, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
    return found;
  g_array_unref (found);
  return told;
}

static gboolean
is_permanent (guintptr address)
{
  const GArray *modules = get_permanent ();

  for (guint i = 0; i < modules->len; i++)
    if (is_constant_in (&g_array_index (modules, LeashReplayModule, i), address))
      return TRUE;
  return FALSE;
}

/* The build id among the notes, if they are in the first page of the module as far as that; else 0. */
static guintptr
find_build_id (const ElfW (Phdr) * header, guintptr bias, guintptr first_page)
{
  guintptr notes = bias + header->p_vaddr, end = MIN (notes + header->p_memsz, first_page + PAGE);
  const guint8 *id;
  gsize size;

  if (notes < first_page)
    return 0;
  id = leash_modules_find_build_id ((const char *) notes, (const char *) end, header->p_align == 8 ? 8 : 4,
                                    &size);
  return id != NULL && size >= BUILD_ID_SIZE ? (guintptr) id : 0;
}

/* Of a module that the loader has found; it has no segments where its first page is not as usual. */
static void
module_init (LeashReplayModule *module, const LeashObject *object, guintptr pc)
{
  const ElfW (Ehdr) *elf = (const void *) object->start;
  const ElfW (Phdr) *headers = (const void *) (object->start + sizeof *elf);
  guintptr bias = object->start;

  module->object = *object;
  module->pc = pc;
  if (memcmp (elf->e_ident, ELFMAG, SELFMAG) != 0 || elf->e_phoff != sizeof *elf
      || sizeof *elf + elf->e_phnum * sizeof *headers > PAGE)
    return;
  for (guint i = 0; i < elf->e_phnum; i++)
    if (headers[i].p_type == PT_LOAD && headers[i].p_offset == 0)
      bias = object->start - headers[i].p_vaddr;
  for (guint i = 0; i < elf->e_phnum && module->build_id_address == 0; i++)
    if (headers[i].p_type == PT_NOTE)
      module->build_id_address = find_build_id (&headers[i], bias, object->start);
  if (module->build_id_address == 0)
    return;
  add_segments (module, headers, elf->e_phnum, bias);
  memcpy (module->build_id, (gconstpointer) module->build_id_address, BUILD_ID_SIZE);
}

static gboolean
is_of (const LeashReplayModule *module, const LeashObject *object)
{
  return leash_object_is_equal (&module->object, object)
         && (module->build_id_address == 0
             || memcmp ((gconstpointer) module->build_id_address, module->build_id, BUILD_ID_SIZE) == 0);
}

/* With the lock held. */
static int
find_other (const LeashObject *object)
{
  for (guint i = 0; i < n_others; i++)
    if (is_of (&others[i], object))
      return (int) i;
  return -1;
}

/* The number of the module that may be unloaded and has that address; -1 for none, or one too many. */
static int
get_other (guintptr address)
{
  LeashObject object;
  int number;

  if (!leash_object_find (address, &object))
    return -1;
  leash_lock (&others_lock);
  number = find_other (&object);
  if (number < 0 && n_others < MODULES_MAX)
    {
      number = (int) n_others;
      module_init (&others[number], &object, address);
      __atomic_store_n (&n_others, n_others + 1, __ATOMIC_RELEASE);
    }
  leash_unlock (&others_lock);
  return number;
}

gboolean
leash_replay_module_find (guintptr address, int *ret_number)
{
  int number;

  *ret_number = LEASH_REPLAY_MODULE_STAYS;
  if (is_permanent (address))
    return TRUE;
  number = get_other (address);
  if (number < 0 || !is_constant_in (&others[number], address))
    return FALSE;
  *ret_number = number;
  return TRUE;
}

gboolean
leash_replay_module_stays (gconstpointer address)
{
  return is_permanent ((guintptr) address);
}

gboolean
leash_replay_module_is_there (guint number)
{
  const LeashReplayModule *module = &others[number];
  LeashObject object;

  return leash_object_find (module->pc, &object) && is_of (module, &object);
}

LeashLock *
leash_replay_get_fork_lock (void)
{
  return &others_lock;
}
