/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Layout: stacks lie one behind the other in chunks of 1 MiB, which never move and are never freed; a stack's
 * id is its chunk's number and its place in it, in units of 8 bytes:
 *
 *     id:     chunk << 17 | unit
 *     stack:  n_frames flags generation site hash next | frame | frame | ...
 *
 * The index is linear hashing: an array of buckets, each the id of the first stack of a chain that `next`
 * links, three buckets for two stacks. It grows by one bucket at a time, which takes its stacks from one
 * other, so that nothing is ever copied, and no old array kept. It does not move either: its address space is
 * taken at once, as much as LEASH_DEPOT_LIMIT may need, and its memory comes from the system as it is first
 * written to. So a stack of n frames costs 16 + 8 n bytes, and 6 in the index. Doubling tables, of which the
 * old ones have to be kept for those who still read them, cost up to 50.
 *
 * Looking up takes no lock. Whoever stores (with the lock) writes the stack, then its bucket with release
 * order; whoever looks reads the bucket with acquire order. A chain always leads to older stacks, that is to
 * smaller ids: new ones are put first, and a bucket's split keeps the order of both halves. Hence
 *
 *     - what a chain leads to was complete before its first stack was, so that `next` needs no order;
 *     - a walk ends, though chains are relinked meanwhile.
 *
 * A walk during a split may miss a stack that is there, never find a wrong one. So whoever finds nothing
 * takes the lock and looks again, unless nothing can be stored any more: then nothing is split any more.
 *
 * A stack's identity is its frames and the flags that were known when it was taken. The site is the one that
 * came with it first; it follows from the innermost frame. Sites lie among the stacks, each once.
 *
 * Bounded by LEASH_DEPOT_LIMIT bytes, index and sites included, as far as they are in use: the system's pages
 * make it up to two pages more. Past that every new stack gets the id of one empty stack that is marked as
 * not kept, and is counted; once that has happened no other is stored, though it were smaller, so that a
 * program with ever new stacks pays for a look-up only.
 */
#define UNW_LOCAL_ONLY
#include "leash-depot-private.h"

#include <libunwind.h>
#include <string.h>
#include <sys/mman.h>

#include "leash-lock-private.h"
#include "leash-modules-private.h"
#include "leash-settings-private.h"

#define CHUNK_UNITS (1u << LEASH_DEPOT_CHUNK_BITS)
#define UNIT sizeof (guint64)
#define FIRST_BUCKETS 256

/* What GLib's table takes for each site, at most. */
#define SITE_ENTRY 44

static LeashLock depot_lock = LEASH_LOCK_INIT;     /* guards writing all of the below */
guint64 *leash_depot_chunks[LEASH_DEPOT_N_CHUNKS]; /* atomic */
static guint32 next_unit = 1;                      /* atomic; id of the next stack: 0 is none */
static LeashStackId no_bucket;                     /* always 0 */
static LeashStackId *buckets = &no_bucket;         /* atomic, as is each; read after n_buckets */
static guint32 n_buckets = 1;                      /* atomic */
static guint32 max_buckets;
static guint n_stacks;        /* atomic */
static guint n_sites;         /* atomic */
static guint64 n_dropped;     /* atomic */
static gboolean is_full;      /* atomic; set once, when a stack found no room */
static LeashStackId not_kept; /* atomic */
static GHashTable *site_ids;  /* of LeashSite */

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

/* The bucket of a hash where there are n: as many of its low bits as that takes, or one less. */
static inline guint32
get_bucket (guint32 hash, guint32 n)
{
  guint32 mask = G_MAXUINT32 >> __builtin_clz (n);
  guint32 bucket = hash & mask;

  return bucket < n ? bucket : bucket & (mask >> 1);
}

static inline LeashStackId
get_first (guint32 hash)
{
  guint32 bucket = get_bucket (hash, __atomic_load_n (&n_buckets, __ATOMIC_ACQUIRE));
  LeashStackId *array = __atomic_load_n (&buckets, __ATOMIC_ACQUIRE);

  return __atomic_load_n (&array[bucket], __ATOMIC_ACQUIRE);
}

static inline LeashStackId
get_next (const LeashStack *stack)
{
  return __atomic_load_n (&stack->next, __ATOMIC_RELAXED);
}

static inline LeashStackId
find (guint32 hash, const guintptr *frames, guint n_frames, guint flags)
{
  LeashStackId id = get_first (hash);

  while (id != 0)
    {
      const LeashStack *stack = leash_depot_get_stack (id);

      if (stack->hash == hash && leash_depot_is_equal (stack, frames, n_frames, flags))
        return id;
      id = get_next (stack);
    }
  return 0;
}

static gpointer
map (gsize size)
{
  gpointer start
      = mmap (NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

  return start != MAP_FAILED ? start : NULL;
}

/* A fourth of the limit: stacks of one frame have six bytes in the index for 24 elsewhere. */
static void
map_buckets (void)
{
  gsize most = (gsize) LEASH_DEPOT_N_CHUNKS * CHUNK_UNITS / 4 * UNIT;
  gsize size = MAX (MIN (leash_settings_get ()->depot_limit / 4, most), FIRST_BUCKETS * sizeof *buckets);
  LeashStackId *array;

  while ((array = map (size)) == NULL)
    {
      size /= 2;
      if (size < FIRST_BUCKETS * sizeof *buckets)
        g_error ("%s: no memory for the index of stacks", G_STRLOC);
    }
  max_buckets = (guint32) (size / sizeof *buckets);
  __atomic_store_n (&buckets, array, __ATOMIC_RELEASE);
  __atomic_store_n (&n_buckets, FIRST_BUCKETS, __ATOMIC_RELEASE);
}

/* Adds a bucket, and gives it those of its stacks that are in another. */
static void
split_bucket (void)
{
  guint32 added = n_buckets;
  guint32 bit = 1u << (31 - __builtin_clz (added));
  LeashStackId heads[2] = { 0, 0 };
  LeashStackId *ends[2] = { &heads[0], &heads[1] };
  LeashStackId id = buckets[added - bit];

  while (id != 0)
    {
      LeashStack *stack = leash_depot_get_stack (id);
      guint half = (stack->hash & bit) != 0;

      __atomic_store_n (ends[half], id, __ATOMIC_RELAXED);
      ends[half] = &stack->next;
      id = get_next (stack);
    }
  __atomic_store_n (ends[0], 0, __ATOMIC_RELAXED);
  __atomic_store_n (ends[1], 0, __ATOMIC_RELAXED);
  __atomic_store_n (&buckets[added], heads[1], __ATOMIC_RELEASE);
  __atomic_store_n (&n_buckets, added + 1, __ATOMIC_RELEASE);
  __atomic_store_n (&buckets[added - bit], heads[0], __ATOMIC_RELEASE);
}

static gboolean
has_room (gsize n_bytes)
{
  return leash_depot_get_bytes () + n_bytes <= leash_settings_get ()->depot_limit;
}

/* Where the index may not grow any more chains become longer, by a little: nor may much else. */
static void
link_stack (LeashStackId id, LeashStack *stack)
{
  LeashStackId *first;

  if (n_buckets < FIRST_BUCKETS)
    map_buckets ();
  first = &buckets[get_bucket (stack->hash, n_buckets)];
  stack->next = *first;
  __atomic_store_n (first, id, __ATOMIC_RELEASE);
  __atomic_store_n (&n_stacks, n_stacks + 1, __ATOMIC_RELAXED);
  while (n_buckets / 3 < n_stacks / 2 && n_buckets < max_buckets && has_room (sizeof *buckets))
    split_bucket ();
}

/* The id of room for n_bytes, all 0, or 0 itself. There is always some for the first, which is what stands
 * for all that is not kept. */
static guint32
allocate (gsize n_bytes)
{
  guint32 units = (guint32) ((n_bytes + UNIT - 1) / UNIT);
  guint32 id = next_unit;
  guint64 **chunk;

  if ((id & (CHUNK_UNITS - 1)) + units > CHUNK_UNITS)
    id = (id | (CHUNK_UNITS - 1)) + 1;
  if (units > CHUNK_UNITS || id < next_unit || id > G_MAXUINT32 - units)
    return 0;
  if (!has_room ((id - next_unit + units) * UNIT) && n_stacks > 0)
    return 0;
  chunk = &leash_depot_chunks[id >> LEASH_DEPOT_CHUNK_BITS];
  if (*chunk == NULL)
    {
      gpointer start = map (CHUNK_UNITS * UNIT);

      if (start == NULL)
        return 0;
      __atomic_store_n (chunk, start, __ATOMIC_RELEASE);
    }
  __atomic_store_n (&next_unit, id + units, __ATOMIC_RELAXED);
  return id;
}

static gpointer
get_memory (guint32 id)
{
  return leash_depot_get_stack (id);
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

/* The id of a copy of site, whose strings lie behind it; 0 where there is no room. */
static guint32
intern_site (const LeashSite *site)
{
  gsize file_size = strlen (site->file) + 1, function_size = strlen (site->function) + 1;
  LeashSite *copy;
  char *strings;
  guint32 id;

  if (site_ids == NULL)
    site_ids = g_hash_table_new (site_hash, site_equal);
  id = GPOINTER_TO_UINT (g_hash_table_lookup (site_ids, site));
  if (id != 0)
    return id;
  __atomic_store_n (&n_sites, n_sites + 1, __ATOMIC_RELAXED); /* first, so that there must be room for it */
  id = allocate (sizeof (LeashSite) + file_size + function_size);
  if (id == 0)
    {
      __atomic_store_n (&n_sites, n_sites - 1, __ATOMIC_RELAXED);
      return 0;
    }
  copy = get_memory (id);
  strings = (char *) (copy + 1);
  *copy = (LeashSite){ .file = memcpy (strings, site->file, file_size),
                       .line = site->line,
                       .function = memcpy (strings + file_size, site->function, function_size) };
  g_hash_table_insert (site_ids, copy, GUINT_TO_POINTER (id));
  return id;
}

/* With the lock held: stores what was not found, or returns 0 when there is no room. */
static LeashStackId
store (guint32 hash, const guintptr *frames, guint n_frames, guint flags, guint16 generation,
       const LeashSite *site)
{
  guint32 site_id = site != NULL ? intern_site (site) : 0;
  LeashStackId id = site == NULL || site_id != 0 ? allocate (leash_depot_stack_size (n_frames)) : 0;
  LeashStack *stack;

  if (id == 0)
    return 0;
  stack = leash_depot_get_stack (id);
  stack->n_frames = (guint8) n_frames;
  stack->flags = (guint8) flags;
  stack->generation = generation;
  stack->site = site_id;
  stack->hash = hash;
  if (n_frames > 0)
    memcpy (stack->frames, frames, n_frames * sizeof (guintptr));
  link_stack (id, stack);
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

  if (n_frames > 0 && leash_depot_identity_flags (flags) == 0 && is_cut_short (frames[n_frames - 1]))
    flags |= LEASH_STACK_CUT_SHORT;
  generation = leash_modules_refresh ();

  leash_lock (&depot_lock);
  if (not_kept == 0)
    __atomic_store_n (&not_kept, store (0, NULL, 0, LEASH_STACK_NOT_KEPT | LEASH_STACK_PLACE_ONLY, 0, NULL),
                      __ATOMIC_RELAXED);
  id = find (hash, frames, n_frames, flags);
  if (id == 0 && !is_full)
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
  gboolean was_full = __atomic_load_n (&is_full, __ATOMIC_ACQUIRE); /* before looking: see above */
  LeashStackId id = find (hash, frames, n_frames, flags);

  g_assert (n_frames <= LEASH_DEPTH_MAX);

  if (LEASH_LIKELY (id != 0))
    return id;
  return was_full ? drop () : store_new (hash, frames, n_frames, flags, site);
}

static gboolean
is_linked (LeashStackId id, guint32 hash)
{
  LeashStackId each = get_first (hash);

  while (each > id)
    each = get_next (leash_depot_get_stack (each));
  return each == id;
}

/* An id from outside may be any number: what it leads to must be in the chain that it says it is in. */
const LeashStack *
leash_depot_get (LeashStackId id)
{
  guint unit = id & (CHUNK_UNITS - 1);
  const LeashStack *stack;
  gboolean found;

  if (id == 0 || id >= __atomic_load_n (&next_unit, __ATOMIC_RELAXED)
      || __atomic_load_n (&leash_depot_chunks[id >> LEASH_DEPOT_CHUNK_BITS], __ATOMIC_ACQUIRE) == NULL
      || unit + leash_depot_stack_size (0) / UNIT > CHUNK_UNITS)
    return NULL;
  stack = leash_depot_get_stack (id);
  found = is_linked (id, stack->hash);
  if (!found)
    {
      leash_lock (&depot_lock);
      found = is_linked (id, stack->hash);
      leash_unlock (&depot_lock);
    }
  return found ? stack : NULL;
}

const LeashSite *
leash_depot_get_site (guint32 site)
{
  return site > 0 && site < __atomic_load_n (&next_unit, __ATOMIC_RELAXED) ? get_memory (site) : NULL;
}

guint64
leash_depot_count_dropped (void)
{
  return __atomic_load_n (&n_dropped, __ATOMIC_RELAXED);
}

gsize
leash_depot_get_bytes (void)
{
  return __atomic_load_n (&next_unit, __ATOMIC_RELAXED) * UNIT
         + __atomic_load_n (&n_buckets, __ATOMIC_RELAXED) * sizeof *buckets
         + __atomic_load_n (&n_sites, __ATOMIC_RELAXED) * (gsize) SITE_ENTRY;
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
