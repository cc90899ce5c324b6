/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Hash tables chained through the slots themselves, so that a keyed resource costs no memory of its own
 * beside its share of the chains' heads. Threads meet on a table's lock only by chance of the hash. A slot
 * that is in a table is open: its kind, key and generation do not change until it has left.
 */
#include "leash-keys-private.h"

#define FIRST_CHAINS 32

/* Slots for each chain, on average, before there are more chains: their heads cost 3 to 6 bytes a slot. */
#define FULL_CHAIN 3

static guint
hash_key (guint16 kind, guintptr key)
{
  guint64 hash = (key ^ ((guint64) kind << 48)) * G_GUINT64_CONSTANT (0x9e3779b97f4a7c15);

  return (guint) (hash >> 32);
}

/* The tables take the low bits of the hash, the chains the ones above. */
static LeashKeyTable *
choose_table (LeashKeyTable *tables, guint hash)
{
  return &tables[hash % LEASH_N_KEY_TABLES];
}

static LeashSlot **
choose_chain (LeashKeyTable *table, guint hash)
{
  return &table->chains[(hash / LEASH_N_KEY_TABLES) & (table->n_chains - 1)];
}

static guint
hash_slot (const LeashSlot *slot)
{
  return hash_key (slot->kind, ~slot->at.key);
}

static void
grow (LeashKeyTable *table)
{
  LeashSlot **old = table->chains;
  guint n_old = table->n_chains;

  table->n_chains = MAX (FIRST_CHAINS, 2 * n_old);
  table->chains = g_new0 (LeashSlot *, table->n_chains);
  for (guint i = 0; i < n_old; i++)
    for (LeashSlot *slot = old[i], *next; slot != NULL; slot = next)
      {
        LeashSlot **chain = choose_chain (table, hash_slot (slot));

        next = slot->next;
        slot->next = *chain;
        *chain = slot;
      }
  g_free (old);
}

/* Where the pointer to the slot is, or to the chain's end. */
static LeashSlot **
find_link (LeashKeyTable *table, guint hash, guint16 kind, guintptr key)
{
  LeashSlot **link = choose_chain (table, hash);

  while (*link != NULL && ((*link)->kind != kind || (*link)->at.key != ~key))
    link = &(*link)->next;
  return link;
}

LeashTag *
leash_keys_insert (LeashKeyTable *tables, LeashSlot *slot, guint16 kind, guintptr key)
{
  guint hash = hash_key (kind, key);
  LeashKeyTable *table = choose_table (tables, hash);
  LeashTag *before = NULL;
  LeashSlot **link;

  leash_lock (&table->lock);
  if (table->n_slots >= FULL_CHAIN * (gsize) table->n_chains)
    grow (table);
  link = find_link (table, hash, kind, key);
  if (*link != NULL)
    {
      before = leash_slot_get_tag (*link);
      slot->next = (*link)->next;
    }
  else
    {
      slot->next = NULL;
      table->n_slots++;
    }
  *link = slot;
  leash_unlock (&table->lock);
  return before;
}

void
leash_keys_remove (LeashKeyTable *tables, LeashSlot *slot)
{
  guint hash = hash_slot (slot);
  LeashKeyTable *table = choose_table (tables, hash);
  LeashSlot **link;

  leash_lock (&table->lock);
  for (link = choose_chain (table, hash); *link != NULL && *link != slot; link = &(*link)->next)
    ;
  if (*link != NULL)
    {
      *link = slot->next;
      table->n_slots--;
    }
  leash_unlock (&table->lock);
}

LeashTag *
leash_keys_find (LeashKeyTable *tables, guint16 kind, guintptr key)
{
  guint hash = hash_key (kind, key);
  LeashKeyTable *table = choose_table (tables, hash);
  LeashTag *tag = NULL;

  leash_lock (&table->lock);
  if (table->n_chains > 0)
    {
      LeashSlot *slot = *find_link (table, hash, kind, key);

      tag = slot != NULL ? leash_slot_get_tag (slot) : NULL;
    }
  leash_unlock (&table->lock);
  return tag;
}

void
leash_keys_clear (LeashKeyTable *tables)
{
  for (guint i = 0; i < LEASH_N_KEY_TABLES; i++)
    g_free (tables[i].chains);
}
