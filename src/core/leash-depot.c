/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Layout: stacks lie one behind the other in chunks of 64 KiB, which never move and are never freed; a
 * stack's id is its chunk's number and its place in it, in units of 8 bytes:
 *
 *     id:     chunk << 13 | unit
 *     stack:  n_frames flags generation site | frame | frame | ...
 *
 * An open-addressing table maps hashes to ids, 8 bytes a slot (hash and id, written and read as one word).
 * Looking up takes no lock: a stack is complete before its slot is set with release order, a table is
 * complete before it takes the place of a smaller one. Whoever finds nothing takes the lock and looks again,
 * so that reading an old table costs time only. Old tables are kept: together they are no larger than the
 * current one.
 *
 * A stack's identity is its frames and the flags that were known when it was taken. The site is the one that
 * came with it first; it follows from the innermost frame.
 *
 * Bounded by LEASH_DEPOT_LIMIT bytes, tables included. Past that every new stack gets the id of one empty
 * stack that is marked as not kept, and is counted; once that has happened no other is stored, though it were
 * smaller, so that a program with ever new stacks pays for a look-up only.
 */
#define UNW_LOCAL_ONLY
#include "leash-depot-private.h"

#include <libunwind.h>
#include <string.h>

#include "leash-lock-private.h"
#include "leash-modules-private.h"
#include "leash-settings-private.h"

#define CHUNK_UNITS (1u << LEASH_DEPOT_CHUNK_BITS)
#define UNIT sizeof (guint64)
#define FIRST_SLOTS 1024

typedef struct
{
  guint32 mask;
  guint64 slots[]; /* atomic; hash << 32 | id, 0 while empty */
} Table;

static LeashLock depot_lock = LEASH_LOCK_INIT;     /* guards writing all of the below */
guint64 *leash_depot_chunks[LEASH_DEPOT_N_CHUNKS]; /* atomic */
static guint32 next_unit = 1;                      /* atomic; id of the next stack: 0 is none */
static Table *table;                               /* atomic */
static guint n_stacks;                             /* atomic */
static gsize n_bytes;                              /* atomic */
static guint64 n_dropped;                          /* atomic */
static gboolean is_full;                           /* atomic; set once, when a stack found no room */
static LeashStackId not_kept;                      /* atomic */
static GPtrArray *old_tables;                      /* so that leak checkers see them referenced */
static GPtrArray *sites;                           /* of LeashSite, at index id - 1 */
static GHashTable *site_ids;

/* Multiply and add in four lanes, which a processor does at the same time; the multiplier is 2^64 / phi. */
static inline guint32
hash_frames (const guintptr *frames, guint n_frames, guint flags)
{
  const guint64 k = G_GUINT64_CONSTANT (0x9e3779b97f4a7c15);
  guint64 a = n_frames, b = leash_depot_identity_flags (flags), c = 1, d = 2;
  guint i;

  for (i = 0; i + 3 < n_frames; i += 4)
    {
      a = (a + frames[i]) * k;
      b = (b + frames[i + 1]) * k;
      c = (c + frames[i + 2]) * k;
      d = (d + frames[i + 3]) * k;
    }
  for (; i < n_frames; i++)
    a = (a + frames[i]) * k;
  a ^= (b >> 29 | b << 35) + (c >> 43 | c << 21) + (d >> 17 | d << 47);
  return (guint32) ((a * k) >> 32);
}

static inline LeashStackId
find (guint32 hash, const guintptr *frames, guint n_frames, guint flags)
{
  Table *t = __atomic_load_n (&table, __ATOMIC_ACQUIRE);

  if (t == NULL)
    return 0;
  for (guint32 i = hash & t->mask;; i = (i + 1) & t->mask)
    {
      guint64 slot = __atomic_load_n (&t->slots[i], __ATOMIC_ACQUIRE);

      if (slot == 0)
        return 0;
      if ((guint32) (slot >> 32) == hash
          && leash_depot_is_equal (leash_depot_get_stack ((guint32) slot), frames, n_frames, flags))
        return (guint32) slot;
    }
}

static void
set_slot (Table *t, guint64 slot)
{
  guint32 i = (guint32) (slot >> 32) & t->mask;

  while (t->slots[i] != 0)
    i = (i + 1) & t->mask;
  __atomic_store_n (&t->slots[i], slot, __ATOMIC_RELEASE);
}

static gsize
table_size (guint32 n_slots)
{
  return sizeof (Table) + n_slots * sizeof (guint64);
}

/* Makes a table of n_slots, a power of two, with all that is in the current one, and puts it in its place. */
static void
replace_table (guint32 n_slots)
{
  Table *new_table = g_malloc0 (table_size (n_slots));

  new_table->mask = n_slots - 1;
  for (guint32 i = 0; table != NULL && i <= table->mask; i++)
    if (table->slots[i] != 0)
      set_slot (new_table, table->slots[i]);
  if (old_tables == NULL)
    old_tables = g_ptr_array_new ();
  if (table != NULL)
    g_ptr_array_add (old_tables, table);
  __atomic_store_n (&table, new_table, __ATOMIC_RELEASE);
  __atomic_fetch_add (&n_bytes, table_size (n_slots), __ATOMIC_RELAXED);
}

/* Returns FALSE when the table may not grow any more, and is as full as lets look-ups end soon. */
static gboolean
make_room_in_table (void)
{
  gsize n_slots = table != NULL ? (gsize) table->mask + 1 : 0;

  if (n_slots == 0)
    replace_table (FIRST_SLOTS);
  else if (n_stacks >= n_slots * 3 / 4)
    {
      if (n_bytes + table_size (2 * n_slots) > leash_settings_get ()->depot_limit
          || n_slots > G_MAXUINT32 / 4)
        return n_stacks < n_slots * 15 / 16;
      replace_table (2 * n_slots);
    }
  return TRUE;
}

/* Room for n_frames; its id, or 0. */
static LeashStackId
allocate (guint n_frames)
{
  guint units = (guint) ((sizeof (LeashStack) + n_frames * sizeof (guintptr) + UNIT - 1) / UNIT);
  guint32 id = next_unit;

  if ((id & (CHUNK_UNITS - 1)) + units > CHUNK_UNITS)
    id = (id | (CHUNK_UNITS - 1)) + 1;
  if (id >> LEASH_DEPOT_CHUNK_BITS >= LEASH_DEPOT_N_CHUNKS)
    return 0;
  if (leash_depot_chunks[id >> LEASH_DEPOT_CHUNK_BITS] == NULL)
    {
      if (n_bytes + CHUNK_UNITS * UNIT > leash_settings_get ()->depot_limit && n_stacks > 0)
        return 0;
      __atomic_store_n (&leash_depot_chunks[id >> LEASH_DEPOT_CHUNK_BITS], g_malloc0 (CHUNK_UNITS * UNIT),
                        __ATOMIC_RELEASE);
      __atomic_fetch_add (&n_bytes, CHUNK_UNITS * UNIT, __ATOMIC_RELAXED);
    }
  __atomic_store_n (&next_unit, id + units, __ATOMIC_RELAXED);
  return id;
}

static guint
site_hash (gconstpointer key)
{
  const LeashSite *site = key;

  return g_str_hash (site->file) * 31 + site->line;
}

static gboolean
site_equal (gconstpointer a, gconstpointer b)
{
  const LeashSite *x = a, *y = b;

  return x->line == y->line && strcmp (x->file, y->file) == 0 && strcmp (x->function, y->function) == 0;
}

/* The number of a copy of site, from 1. */
static guint32
intern_site (const LeashSite *site)
{
  LeashSite *copy;
  guint32 id;

  if (sites == NULL)
    {
      sites = g_ptr_array_new ();
      site_ids = g_hash_table_new (site_hash, site_equal);
    }
  id = GPOINTER_TO_UINT (g_hash_table_lookup (site_ids, site));
  if (id != 0)
    return id;
  copy = g_new0 (LeashSite, 1);
  *copy = (LeashSite){ .file = g_strdup (site->file),
                       .line = site->line,
                       .function = g_strdup (site->function) };
  g_ptr_array_add (sites, copy);
  g_hash_table_insert (site_ids, copy, GUINT_TO_POINTER (sites->len));
  return sites->len;
}

/* With the lock held: stores what was not found, or returns 0 when there is no room. */
static LeashStackId
store (guint32 hash, const guintptr *frames, guint n_frames, guint flags, guint16 generation,
       const LeashSite *site)
{
  LeashStackId id = make_room_in_table () ? allocate (n_frames) : 0;
  LeashStack *stack;

  if (id == 0)
    return 0;
  stack = leash_depot_get_stack (id);
  stack->n_frames = (guint8) n_frames;
  stack->flags = (guint8) flags;
  stack->generation = generation;
  stack->site = site != NULL ? intern_site (site) : 0;
  if (n_frames > 0)
    memcpy (stack->frames, frames, n_frames * sizeof (guintptr));
  set_slot (table, (guint64) hash << 32 | id);
  __atomic_fetch_add (&n_stacks, 1, __ATOMIC_RELAXED);
  return id;
}

/* The last frame of a whole stack is a thread's first function, which has unwind information that says so. */
static gboolean
is_cut_short (guintptr outermost)
{
  unw_proc_info_t info;

  return unw_get_proc_info_by_ip (unw_local_addr_space, outermost - 1, &info, NULL) < 0;
}

static LeashStackId
drop (void)
{
  __atomic_fetch_add (&n_dropped, 1, __ATOMIC_RELAXED);
  return __atomic_load_n (&not_kept, __ATOMIC_RELAXED);
}

static LeashStackId
store_new (guint32 hash, const guintptr *frames, guint n_frames, guint flags, const LeashSite *site)
{
  LeashStackId id;
  guint16 generation;

  if (__atomic_load_n (&is_full, __ATOMIC_ACQUIRE))
    return drop ();
  if (n_frames > 0 && leash_depot_identity_flags (flags) == 0 && is_cut_short (frames[n_frames - 1]))
    flags |= LEASH_STACK_CUT_SHORT;
  generation = leash_modules_refresh ();

  leash_lock (&depot_lock);
  if (not_kept == 0)
    __atomic_store_n (&not_kept, store (0, NULL, 0, LEASH_STACK_NOT_KEPT | LEASH_STACK_PLACE_ONLY, 0, NULL),
                      __ATOMIC_RELAXED);
  id = find (hash, frames, n_frames, flags);
  if (id == 0)
    id = store (hash, frames, n_frames, flags, generation, site);
  if (id == 0)
    __atomic_store_n (&is_full, TRUE, __ATOMIC_RELEASE);
  leash_unlock (&depot_lock);
  return id != 0 ? id : drop ();
}

LeashStackId
leash_depot_put (const guintptr *frames, guint n_frames, guint flags, const LeashSite *site)
{
  guint32 hash = hash_frames (frames, n_frames, flags);
  LeashStackId id = find (hash, frames, n_frames, flags);

  g_assert (n_frames <= LEASH_DEPTH_MAX);

  return G_LIKELY (id != 0) ? id : store_new (hash, frames, n_frames, flags, site);
}

/* An id from outside may be any number: what it leads to must be found again by its content. */
const LeashStack *
leash_depot_get (LeashStackId id)
{
  const LeashStack *stack;
  guint unit = id & (CHUNK_UNITS - 1);

  if (id == 0 || id >= __atomic_load_n (&next_unit, __ATOMIC_RELAXED)
      || __atomic_load_n (&leash_depot_chunks[id >> LEASH_DEPOT_CHUNK_BITS], __ATOMIC_ACQUIRE) == NULL)
    return NULL;
  stack = leash_depot_get_stack (id);
  if (stack->n_frames > LEASH_DEPTH_MAX
      || unit + 1 + stack->n_frames * sizeof (guintptr) / UNIT > CHUNK_UNITS)
    return NULL;
  if (id == __atomic_load_n (&not_kept, __ATOMIC_RELAXED))
    return stack;
  return find (hash_frames (stack->frames, stack->n_frames, stack->flags), stack->frames, stack->n_frames,
               stack->flags)
                 == id
             ? stack
             : NULL;
}

const LeashSite *
leash_depot_get_site (guint32 site)
{
  const LeashSite *found = NULL;

  leash_lock (&depot_lock);
  if (site > 0 && sites != NULL && site <= sites->len)
    found = g_ptr_array_index (sites, site - 1);
  leash_unlock (&depot_lock);
  return found;
}

guint64
leash_depot_count_dropped (void)
{
  return __atomic_load_n (&n_dropped, __ATOMIC_RELAXED);
}

gsize
leash_depot_get_bytes (void)
{
  return __atomic_load_n (&n_bytes, __ATOMIC_RELAXED);
}

guint
leash_depot_count (void)
{
  return __atomic_load_n (&n_stacks, __ATOMIC_RELAXED);
}

LeashLock *
leash_depot_get_fork_lock (void)
{
  return &depot_lock;
}
