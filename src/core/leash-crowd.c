/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A report of millions of open resources is read for its places, and nobody reads a million names. So a
 * snapshot that is only taken for a report keeps some resources of each place, and counts the others: its
 * size goes by the places, where a copy of ten million resources takes more than a gigabyte.
 *
 * Those kept are the first ones that come along, the oldest, and the first of each thread, so that what a
 * report says of ages and threads is true of all. Resources with a history of their own (events, a parent,
 * another tracker before) are not treated so.
 */
#include "leash-crowd-private.h"

static guint
crowd_hash (gconstpointer key)
{
  const LeashResource *resource = key;

  return (resource->stack * 31 + (guint) ((guintptr) resource->kind >> 3)) * 31 + resource->flags;
}

/* Kinds are interned. */
static gboolean
crowd_equal (gconstpointer a, gconstpointer b)
{
  const LeashResource *x = a, *y = b;

  return x->stack == y->stack && x->kind == y->kind && x->flags == y->flags;
}

static void
crowd_free (gpointer crowd)
{
  g_hash_table_unref (((LeashCrowd *) crowd)->threads);
  g_free (crowd);
}

GHashTable *
leash_crowds_new (void)
{
  return g_hash_table_new_full (crowd_hash, crowd_equal, NULL, crowd_free);
}

static LeashCrowd *
get_crowd (GHashTable *crowds, const LeashResource *resource)
{
  LeashCrowd *crowd = g_hash_table_lookup (crowds, resource);

  if (crowd != NULL)
    return crowd;
  crowd = g_new0 (LeashCrowd, 1);
  crowd->key = (LeashResource){ .kind = resource->kind, .stack = resource->stack, .flags = resource->flags };
  crowd->spare = G_MAXUINT;
  crowd->oldest_at = crowd->newest_at = resource->opened_at;
  crowd->threads = g_hash_table_new (NULL, NULL);
  g_hash_table_insert (crowds, &crowd->key, crowd);
  return crowd;
}

/* Whether it is the first of its thread. */
static gboolean
add_thread (LeashCrowd *crowd, const char *thread)
{
  if (crowd->last_thread == (gpointer) thread && crowd->n_listed > 0)
    return FALSE;
  crowd->last_thread = (gpointer) thread;
  return g_hash_table_add (crowd->threads, (gpointer) thread);
}

gboolean
leash_crowds_list (GHashTable *crowds, const LeashResource *resource, guint n_resources, guint *ret_index)
{
  LeashCrowd *crowd = get_crowd (crowds, resource);
  gboolean is_first = add_thread (crowd, resource->thread);
  gboolean is_oldest = resource->opened_at < crowd->oldest_at;

  crowd->newest_at = MAX (crowd->newest_at, resource->opened_at);
  crowd->oldest_at = MIN (crowd->oldest_at, resource->opened_at);
  if (crowd->n_listed < LEASH_CROWD_LISTED || is_first || crowd->spare == G_MAXUINT)
    {
      crowd->n_listed++;
      if (!is_first)
        crowd->spare = n_resources;
      *ret_index = n_resources;
      return TRUE;
    }
  crowd->n_left_out++;
  *ret_index = crowd->spare;
  return is_oldest;
}
