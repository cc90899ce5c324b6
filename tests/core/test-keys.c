/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The table of handles: each finds its own, however many there are and whatever they look like. */
#include "tracker-fixture.h"

#include "leash-keys-private.h"

#define N_KEYS 20000

typedef struct
{
  LeashKeyTable tables[LEASH_N_KEY_TABLES];
  LeashSlot *slots;
} Table;

static void
table_set_up (Table *table, gconstpointer unused)
{
  for (guint i = 0; i < LEASH_N_KEY_TABLES; i++)
    pthread_mutex_init (&table->tables[i].lock, NULL);
  table->slots = g_aligned_alloc0 (N_KEYS, sizeof (LeashSlot), G_ALIGNOF (LeashSlot));
}

static void
table_tear_down (Table *table, gconstpointer unused)
{
  leash_keys_clear (table->tables);
  g_aligned_free (table->slots);
}

static LeashTag *
insert (Table *table, guint number, guint16 kind, guintptr key)
{
  LeashSlot *slot = &table->slots[number];

  slot->kind = kind;
  slot->at.key = ~key;
  return leash_keys_insert (table->tables, slot, kind, key);
}

static void
test_many (Table *table, gconstpointer step)
{
  gsize size = GPOINTER_TO_SIZE (step);

  for (guint i = 0; i < N_KEYS; i++)
    g_assert_null (insert (table, i, i % 3, i / 3 * size));
  for (guint i = 0; i < N_KEYS; i += 2)
    leash_keys_remove (table->tables, &table->slots[i]);
  for (guint i = 0; i < N_KEYS; i++)
    {
      LeashTag *found = leash_keys_find (table->tables, i % 3, i / 3 * size);

      g_assert_true (found == (i % 2 == 0 ? NULL : leash_slot_get_tag (&table->slots[i])));
    }
}

static void
test_replaced (Table *table, gconstpointer unused)
{
  g_assert_null (leash_keys_find (table->tables, 1, 7));
  g_assert_null (insert (table, 0, 1, 7));
  g_assert_true (insert (table, 1, 1, 7) == leash_slot_get_tag (&table->slots[0]));
  leash_keys_remove (table->tables, &table->slots[0]); /* not in it any more */
  g_assert_true (leash_keys_find (table->tables, 1, 7) == leash_slot_get_tag (&table->slots[1]));
  leash_keys_remove (table->tables, &table->slots[1]);
  g_assert_null (leash_keys_find (table->tables, 1, 7));
}

/* A key is kept complemented: leak checkers must not take it for a reference to what it stands for. */
static void
test_no_reference (Table *table, gconstpointer unused)
{
  insert (table, 0, 1, (guintptr) table);
  g_assert_true (table->slots[0].at.key != (guintptr) table);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add ("/keys/small-numbers", Table, GSIZE_TO_POINTER (1), table_set_up, test_many, table_tear_down);
  g_test_add ("/keys/aligned-pointers", Table, GSIZE_TO_POINTER (16), table_set_up, test_many,
              table_tear_down);
  g_test_add ("/keys/pages", Table, GSIZE_TO_POINTER (4096), table_set_up, test_many, table_tear_down);
  g_test_add ("/keys/replaced-one-is-returned", Table, NULL, table_set_up, test_replaced, table_tear_down);
  g_test_add ("/keys/are-no-references", Table, NULL, table_set_up, test_no_reference, table_tear_down);
  return g_test_run ();
}
