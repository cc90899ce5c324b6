/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The memory of tags: where it comes from, and that it goes back. */
#include "../under-sanitizer.h"
#include "tracker-fixture.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "leash-tracker-private.h"

#define N_REGION_SLABS 64
#define N_TAGS 1000000

static gboolean
is_zero (LeashSlab *slab)
{
  const char *bytes = (const char *) leash_slab_get_slot (slab, 1);

  for (gsize i = 0; i < LEASH_SLAB_SIZE - sizeof (LeashSlot); i++)
    if (bytes[i] != 0)
      return FALSE;
  return TRUE;
}

static LeashSlab *
take_and_fill (LeashShard *shard, guint n_slots)
{
  LeashSlab *slab = leash_arena_take_slab (shard);

  g_assert_cmpuint ((guintptr) slab % LEASH_SLAB_SIZE, ==, 0);
  g_assert_true (is_zero (slab));
  slab->n_used = n_slots;
  for (guint i = 1; i < n_slots; i++)
    leash_slab_get_slot (slab, i)->state = LEASH_SLOT_OPEN;
  return slab;
}

static void
give_back (LeashSlab *slab)
{
  __atomic_store_n (&slab->shard, NULL, __ATOMIC_RELEASE);
  leash_arena_return_slab (slab);
}

/* However much of it was used, and where the system takes nothing back because the page is locked. */
static void
test_comes_empty (void)
{
  LeashShard *shard = leash_shard_take (NULL, 0);
  const guint n_slots[] = { 1, 2, 256, 257, LEASH_SLAB_SLOTS };

  for (guint round = 0; round < 2 * N_REGION_SLABS; round++)
    {
      LeashSlab *slab = take_and_fill (shard, n_slots[round % G_N_ELEMENTS (n_slots)]);
      gboolean is_locked = round % 2 == 0 && mlock (slab, LEASH_SLAB_SIZE) == 0;

      give_back (slab);
      g_assert_true (is_zero (slab));
      if (is_locked)
        munlock (slab, LEASH_SLAB_SIZE);
    }
  leash_shard_return (shard);
}

static void
test_oldest_first (void)
{
  LeashShard *shard = leash_shard_take (NULL, 0);
  LeashSlab *slab[3];
  LeashSlab *other;

  /* Uses up what is fresh, so that what is returned is all there is. */
  do
    {
      other = leash_arena_take_slab (shard);
      if (!other->is_reused)
        give_back (other);
    }
  while (!other->is_reused);
  give_back (other);
  for (int i = 0; i < 3; i++)
    slab[i] = leash_arena_take_slab (shard);
  for (int i = 0; i < 3; i++)
    give_back (slab[i]);
  for (guint n = 0; other != slab[0]; n++)
    {
      other = leash_arena_take_slab (shard);
      g_assert_true (other != slab[1] && other != slab[2]);
      g_assert_cmpuint (n, <, N_REGION_SLABS);
      if (other != slab[0])
        give_back (other);
    }
  g_assert_true (leash_arena_take_slab (shard) == slab[1]);
  g_assert_true (leash_arena_take_slab (shard) == slab[2]);
  for (int i = 0; i < 3; i++)
    give_back (slab[i]);
  leash_shard_return (shard);
}

/* The generation is kept in the bits that an address leaves: all of it comes back, and the address too. */
static void
test_tag_leads_back (void)
{
  LeashShard *shard = leash_shard_take (NULL, 0);
  LeashSlab *slab = leash_arena_take_slab (shard);

  for (guint i = 1; i < LEASH_SLAB_SLOTS; i++)
    {
      LeashSlot *slot = leash_slab_get_slot (slab, i);

      slot->generation = (guint16) (i * 65);
      g_assert_true (leash_tag_get_slot (leash_slot_get_tag (slot)) == slot);
      g_assert_true (leash_tag_get_slab (leash_slot_get_tag (slot)) == slab);
    }
  slab->n_used = LEASH_SLAB_SLOTS;
  give_back (slab);
  leash_shard_return (shard);
}

static void
test_stale_after_so_many_uses (void)
{
  LeashSlot *slot = g_aligned_alloc0 (1, sizeof (LeashSlot), G_ALIGNOF (LeashSlot));
  guint n_uses = GLIB_SIZEOF_VOID_P == 8 ? 65536 : 8;
  LeashTag *tag = leash_slot_get_tag (slot);

  slot->state = LEASH_SLOT_OPEN;
  for (guint i = 1; i < n_uses; i++)
    {
      slot->generation++;
      g_assert_false (leash_slot_is_tags (slot, tag));
    }
  slot->generation++;
  g_assert_true (leash_slot_is_tags (slot, tag)); /* the limit that is documented */
  g_aligned_free (slot);
}

static void
test_ages (void)
{
  const gint64 ages[]
      = { 0, 1, -1, G_MAXUINT32, (gint64) G_MAXUINT32 + 1, -((gint64) 1 << 39), ((gint64) 1 << 39) - 1 };
  LeashSlot slot = { 0 };

  for (guint i = 0; i < G_N_ELEMENTS (ages); i++)
    {
      slot.opened_by = leash_slot_pack (ages[i], 4194304);
      g_assert_cmpint (leash_slot_get_opened (&slot), ==, ages[i]);
      g_assert_cmpuint (leash_slot_get_tid (&slot), ==, 4194304);
    }
}

/* What slabs and tables of handles add up to. */
static gsize
count_bytes (LeashTracker *tracker)
{
  gsize bytes = 0;

  for (guint i = 0; i < LEASH_N_SHARDS; i++)
    if (tracker->shards[i] != NULL)
      for (LeashSlab *slab = tracker->shards[i]->slabs; slab != NULL; slab = slab->next)
        bytes += LEASH_SLAB_SIZE;
  for (guint i = 0; i < LEASH_N_KEY_TABLES; i++)
    bytes += tracker->keys[i].n_chains * sizeof (gpointer);
  return bytes;
}

/* With a handle or without. One slab is not full yet. */
static void
test_bytes_per_resource (gconstpointer by_handle)
{
  g_auto (Tracked) tracked = tracked_new ();

  for (guintptr i = 1; i <= N_TAGS / 4; i++)
    {
      if (by_handle != NULL)
        leash_track_pointer (tracked.ctx, "thing", (gconstpointer) i, NULL);
      else
        leash_track (tracked.ctx, "thing", NULL);
      if (i >= N_TAGS / 8 && i % 1024 == 0)
        g_assert_cmpuint (count_bytes (tracked.tracker), <=, 64 * i + LEASH_SLAB_SIZE);
    }
}

static gsize
resident_bytes (void)
{
  g_autofree char *text = NULL;
  g_auto (GStrv) fields = NULL;

  g_assert_true (g_file_get_contents ("/proc/self/statm", &text, NULL, NULL));
  fields = g_strsplit (text, " ", 3);
  return g_ascii_strtoull (fields[1], NULL, 10) * (gsize) sysconf (_SC_PAGESIZE);
}

/* Returns what was resident while they were open. */
static gsize
open_many (LeashTag **tags, guint n)
{
  g_auto (Tracked) tracked = tracked_new ();
  gsize resident;

  for (guint i = 0; i < n; i++)
    tags[i] = leash_track (tracked.ctx, "thing", NULL);
  g_assert_cmpuint (leash_tracker_count_open (tracked.tracker), ==, n);
  resident = resident_bytes ();
  for (guint i = 0; i < n; i += 2)
    leash_untrack (tags[i]);
  g_assert_cmpuint (leash_tracker_count_open (tracked.tracker), ==, n / 2);
  return resident;
}

static void
test_a_million (void)
{
  const guint n = N_TAGS;
  const gsize size = n * sizeof (LeashSlot);
  LeashTag **tags = g_new (LeashTag *, n);
  gsize before, during, after;

  memset (tags, 0, n * sizeof *tags); /* touched before it is measured */
  before = resident_bytes ();
  during = open_many (tags, n);
  for (int i = 0; g_test_slow () && i < 2; i++)
    open_many (tags, n);
  after = resident_bytes ();
  g_test_message ("resident KiB: %" G_GSIZE_FORMAT " before, %" G_GSIZE_FORMAT " while open, %" G_GSIZE_FORMAT
                  " after; %u tags of %" G_GSIZE_FORMAT " KiB together",
                  before / 1024, during / 1024, after / 1024, n, size / 1024);
  g_assert_cmpuint (during, >, before + size / 2); /* the measure measures */
  if (UNDER_THREAD_SANITIZER)
    g_test_skip ("ThreadSanitizer keeps memory of its own for what was touched: it does not come back");
  else
    g_assert_cmpuint (after, <, before + size / 4);
  g_free (tags);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/arena/slabs-come-empty", test_comes_empty);
  g_test_add_func ("/arena/oldest-are-used-again-first", test_oldest_first);
  g_test_add_func ("/arena/tag-leads-back-to-its-slot", test_tag_leads_back);
  g_test_add_func ("/arena/stale-tags-are-known-for-so-many-uses", test_stale_after_so_many_uses);
  g_test_add_func ("/arena/ages-before-and-after-the-tracker", test_ages);
  g_test_add_data_func ("/arena/bytes-per-resource", NULL, test_bytes_per_resource);
  g_test_add_data_func ("/arena/bytes-per-resource-with-a-handle", "", test_bytes_per_resource);
  g_test_add_func ("/arena/a-million-tags-give-their-memory-back", test_a_million);
  return g_test_run ();
}
