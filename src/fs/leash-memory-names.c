/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The names in a directory: an array of entries in the order that they were made in, and over it a hash table
 * of positions with open addressing. A small directory is the array alone.
 *
 *     entries  | a 1 | b 2 | -   | d 4 | e 6 |      name and sequence; "-" was removed
 *     index    | 4 | . | 1 | . | 5 | . | . | 2 | …  position + 1; 0 is free
 *
 * Sequences only rise and entries never change places, also when what was removed is dropped. A reader that
 * remembers the last sequence it has seen therefore goes on behind it, whatever was added and removed
 * meanwhile, and meets every name that stays once. A name that is given to another node keeps its entry.
 *
 * An entry that was removed stays in the index until the table is made again: it is passed over, as one with
 * another name. The table is made again when the array is full, with room for a quarter more than what is
 * left at least, and a power of two. So a name that has always been there takes 80 bytes at most, and 40 in a
 * full table. To keep hashes in the entries was rejected: they are only needed when a table is made, which
 * reads all entries anyway.
 */
#include "leash-memory-private.h"

#include <string.h>

/* Up to this many are looked through one by one. */
#define SMALL 8

#define MIX G_GUINT64_CONSTANT (0x9e3779b97f4a7c15)

G_STATIC_ASSERT (sizeof (LeashMemoryEntry) == 32);

static guint32
hash_of (const char *name, gsize length)
{
  guint64 hash = length * MIX;
  guint64 word = 0;

  for (; length >= sizeof word; name += sizeof word, length -= sizeof word)
    {
      memcpy (&word, name, sizeof word);
      hash = (hash ^ word) * MIX;
      hash ^= hash >> 32;
    }
  word = 0;
  memcpy (&word, name, length);
  hash = (hash ^ word) * MIX;
  return (guint32) (hash >> 32);
}

static gboolean
has_name (const LeashMemoryEntry *entry, const char *name, gsize length)
{
  return entry->length == length && entry->node != NULL
         && memcmp (leash_memory_entry_name (entry), name, length) == 0;
}

/* Follows the chain of name's hash in the index to its end, or to the name. */
static LeashMemoryEntry *
find_in_index (LeashMemoryNames *names, const char *name, gsize length)
{
  guint32 mask = names->capacity * 2 - 1;

  for (guint32 i = hash_of (name, length) & mask; names->index[i] != 0; i = (i + 1) & mask)
    {
      LeashMemoryEntry *entry = &names->entries[names->index[i] - 1];

      if (has_name (entry, name, length))
        return entry;
    }
  return NULL;
}

static void
add_to_index (LeashMemoryNames *names, guint32 position)
{
  const LeashMemoryEntry *entry = &names->entries[position];
  guint32 mask = names->capacity * 2 - 1;
  guint32 i = hash_of (leash_memory_entry_name (entry), entry->length) & mask;

  while (names->index[i] != 0)
    i = (i + 1) & mask;
  names->index[i] = position + 1;
}

/* Drops what was removed, and makes room for more than what is left. */
static void
make_room (LeashMemoryNames *names)
{
  guint32 n = 0;

  for (guint32 i = 0; i < names->n_used; i++)
    if (names->entries[i].node != NULL)
      names->entries[n++] = names->entries[i];
  names->n_used = n;
  names->capacity = 2;
  while (names->capacity < n + n / 4 + 1)
    names->capacity *= 2;
  names->entries = g_renew (LeashMemoryEntry, names->entries, names->capacity);
  g_clear_pointer (&names->index, g_free);
  if (names->capacity <= SMALL)
    return;
  names->index = g_new0 (guint32, (gsize) names->capacity * 2);
  for (guint32 i = 0; i < n; i++)
    add_to_index (names, i);
}

LeashMemoryNames *
leash_memory_names_new (LeashMemoryNode *parent)
{
  LeashMemoryNames *names = g_new0 (LeashMemoryNames, 1);

  names->parent = parent;
  return names;
}

static void
clear_entry (LeashMemoryEntry *entry)
{
  if (entry->node != NULL && entry->length > sizeof entry->here)
    g_free (entry->there);
  entry->node = NULL;
}

void
leash_memory_names_free (LeashMemoryNames *names)
{
  for (guint32 i = 0; i < names->n_used; i++)
    clear_entry (&names->entries[i]);
  g_free (names->entries);
  g_free (names->index);
  g_free (names);
}

LeashMemoryEntry *
leash_memory_names_find (LeashMemoryNames *names, const char *name, gsize length)
{
  if (names->index != NULL)
    return find_in_index (names, name, length);
  for (guint32 i = 0; i < names->n_used; i++)
    if (has_name (&names->entries[i], name, length))
      return &names->entries[i];
  return NULL;
}

void
leash_memory_names_add (LeashMemoryNames *names, const char *name, gsize length, LeashMemoryNode *node)
{
  LeashMemoryEntry *entry;

  if (names->n_used == names->capacity)
    make_room (names);
  entry = &names->entries[names->n_used];
  entry->node = node;
  entry->sequence = ++names->last_sequence;
  entry->length = length;
  if (length > sizeof entry->here)
    entry->there = g_memdup2 (name, length);
  else
    memcpy (entry->here, name, length);
  if (names->index != NULL)
    add_to_index (names, names->n_used);
  names->n_used++;
  names->n_live++;
}

void
leash_memory_names_remove (LeashMemoryNames *names, LeashMemoryEntry *entry)
{
  clear_entry (entry);
  names->n_live--;
  if (names->n_live > 0)
    return;
  g_clear_pointer (&names->entries, g_free);
  g_clear_pointer (&names->index, g_free);
  names->n_used = 0;
  names->capacity = 0;
}

LeashMemoryEntry *
leash_memory_names_after (LeashMemoryNames *names, guint64 sequence)
{
  guint32 low = 0;
  guint32 high = names->n_used;

  while (low < high)
    {
      guint32 middle = low + (high - low) / 2;

      if (names->entries[middle].sequence <= sequence)
        low = middle + 1;
      else
        high = middle;
    }
  for (; low < names->n_used; low++)
    if (names->entries[low].node != NULL)
      return &names->entries[low];
  return NULL;
}
