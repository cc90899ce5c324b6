/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Tags lie in slabs of 64 KiB, aligned to their size, so that a tag's address leads to its slab's header, and
 * that to the shard and the tracker it belongs to. Slabs are cut from regions of 4 MiB:
 *
 *     region | slab: header, slot, slot, ... | slab: header, slot, slot, ... | ...
 *
 * Regions are never unmapped: a tag that outlives its tracker can then be recognised as such (its slab
 * belongs to nobody, or its generation differs) where freed memory would crash. What they hold is given back
 * to the system instead: a slab that was in use for more than a few pages is emptied by MADV_DONTNEED when it
 * is returned. Returned slabs are used again oldest first, which keeps old tags recognisable for longest.
 *
 * malloc() would do for memory alone; it could not promise that a stale tag's address stays readable.
 */
#include "leash-arena-private.h"

#include <string.h>
#include <sys/mman.h>

#define REGION_SIZE ((gsize) 4 * 1024 * 1024)

/* Up to here zeroing costs less than giving the pages back. */
#define SMALL_SLAB_SLOTS 256

static LeashLock arena_lock = LEASH_LOCK_INIT; /* guards the below */
static GQueue free_slabs
    = G_QUEUE_INIT;   /* oldest first; links lie elsewhere, so that free pages stay untouched */
static guint n_taken; /* slabs, ever */
static char *region_next, *region_end; /* what was never used of the newest region */

/* LeakSanitizer does not look for pointers in mapped memory unless it is told to: names would seem lost. */
extern void __lsan_register_root_region (const void *start, gsize size) __attribute__ ((weak));

static void
map_region (void)
{
  gsize size = REGION_SIZE + LEASH_SLAB_SIZE;
  char *start = mmap (NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  gsize lead;

  if (start == MAP_FAILED)
    g_error ("%s: no memory for %" G_GSIZE_FORMAT " bytes of tags", G_STRLOC, size);
  g_assert (((guintptr) (start + size) & ~LEASH_TAG_ADDRESSES) == 0);
  lead = -(guintptr) start & (LEASH_SLAB_SIZE - 1);
  if (lead > 0)
    munmap (start, lead);
  munmap (start + lead + REGION_SIZE, LEASH_SLAB_SIZE - lead);
  start += lead;
  if (__lsan_register_root_region != NULL)
    __lsan_register_root_region (start, REGION_SIZE);
  region_next = start;
  region_end = start + REGION_SIZE;
}

/* Fresh slabs before returned ones, for the same reason as the oldest of those first. */
static LeashSlab *
pop_slab (gboolean *ret_is_reused)
{
  LeashSlab *slab;

  if (region_next == region_end && g_queue_is_empty (&free_slabs))
    map_region ();
  *ret_is_reused = region_next == region_end;
  if (*ret_is_reused)
    return g_queue_pop_head (&free_slabs);
  slab = (LeashSlab *) (gpointer) region_next;
  region_next += LEASH_SLAB_SIZE;
  return slab;
}

LeashSlab *
leash_arena_take_slab (LeashShard *shard)
{
  LeashSlab *slab;
  guint number;
  gboolean is_reused;

  leash_lock (&arena_lock);
  slab = pop_slab (&is_reused);
  number = n_taken++;
  leash_unlock (&arena_lock);

  slab->next = NULL;
  slab->n_used = 1;
  slab->is_reused = is_reused;
  slab->first_generation = (guint16) ((number * 2654435761u) >> 16);
  __atomic_store_n (&slab->shard, shard, __ATOMIC_RELEASE);
  return slab;
}

void
leash_arena_return_slab (LeashSlab *slab)
{
  g_assert (__atomic_load_n (&slab->shard, __ATOMIC_RELAXED) == NULL);

  /* Locked memory is not given back: mlockall(). */
  if (slab->n_used <= SMALL_SLAB_SLOTS || madvise (slab, LEASH_SLAB_SIZE, MADV_DONTNEED) != 0)
    memset (leash_slab_get_slot (slab, 1), 0, (slab->n_used - 1) * sizeof (LeashSlot));
  leash_lock (&arena_lock);
  g_queue_push_tail (&free_slabs, slab);
  leash_unlock (&arena_lock);
}

LeashLock *
leash_arena_get_fork_lock (void)
{
  return &arena_lock;
}
