/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Grouping: resources belong together when whoever reads the report would mend them in one go, that is when
 * they are of one kind, were opened by the same stack, and went the same way since (handed on, parent
 * closed). Names, threads and ages may differ; they are listed with the group.
 *
 * One pass over a table, one sort: a million resources from a thousand places cost no more than looking at
 * each.
 */
#include "leash-crowd-private.h"
#include "leash-quote-private.h"
#include "leash-report-private.h"

#include <string.h>

/* Kinds that the summary names before it says how many more there are. */
#define SUMMARY_KINDS 6

static void
place_free (gpointer place)
{
  g_ptr_array_unref (((LeashPlace *) place)->resources);
  g_free (place);
}

static guint
hash_place (gconstpointer key)
{
  const LeashResource *resource = key;

  return (resource->stack * 31 + resource->adopter_stack) * 31 + resource->parent_close_stack
         + g_str_hash (resource->kind);
}

static gboolean
equal_place (gconstpointer a, gconstpointer b)
{
  const LeashResource *x = a, *y = b;

  return x->stack == y->stack && x->adopter_stack == y->adopter_stack && x->parent_stack == y->parent_stack
         && x->parent_close_stack == y->parent_close_stack
         && ((x->flags ^ y->flags) & ~LEASH_RESOURCE_OVERDUE) == 0 && strcmp (x->kind, y->kind) == 0;
}

/* The clock is coarse: of those opened in one tick, slots tell mostly which came first. */
static gint
compare_age (const LeashResource *a, const LeashResource *b)
{
  if (a->opened_at != b->opened_at)
    return a->opened_at < b->opened_at ? -1 : 1;
  return a->id[0] < b->id[0] ? -1 : a->id[0] > b->id[0];
}

static gint
compare_resources (gconstpointer a, gconstpointer b)
{
  return compare_age (*(const LeashResource *const *) a, *(const LeashResource *const *) b);
}

static gint
compare_places (gconstpointer a, gconstpointer b)
{
  const LeashPlace *x = *(const LeashPlace *const *) a, *y = *(const LeashPlace *const *) b;

  if (leash_place_count (x) != leash_place_count (y))
    return leash_place_count (x) > leash_place_count (y) ? -1 : 1;
  return compare_age (x->first, y->first);
}

/*
 * Sampling: whoever has the same kind and innermost frame was opened by one of the stacks sampled there. Each
 * of those stands for its share. What was opened while every stack was taken stands for itself.
 */
typedef struct
{
  gsize n_sampled, n_all;
} Share;

static guint
hash_share (gconstpointer key)
{
  const LeashPlace *place = key;
  const LeashStack *stack = leash_depot_get (place->first->stack);

  return g_str_hash (place->first->kind) ^ (guint) stack->frames[0];
}

static gboolean
equal_share (gconstpointer a, gconstpointer b)
{
  const LeashResource *x = ((const LeashPlace *) a)->first, *y = ((const LeashPlace *) b)->first;

  return leash_depot_get (x->stack)->frames[0] == leash_depot_get (y->stack)->frames[0]
         && strcmp (x->kind, y->kind) == 0;
}

static gboolean
is_place_only (const LeashPlace *place)
{
  return (leash_depot_get (place->first->stack)->flags & LEASH_STACK_PLACE_ONLY) != 0;
}

static gboolean
is_sampled (const LeashPlace *place)
{
  return (place->first->flags & LEASH_RESOURCE_SAMPLED) != 0 && !is_place_only (place);
}

static gboolean
has_share (const LeashPlace *place)
{
  const LeashStack *stack = leash_depot_get (place->first->stack);

  return stack != NULL && stack->n_frames > 0 && (is_place_only (place) || is_sampled (place));
}

static Share *
get_share (GHashTable *shares, LeashPlace *place)
{
  Share *share = g_hash_table_lookup (shares, place);

  if (share == NULL)
    {
      share = g_new0 (Share, 1);
      g_hash_table_insert (shares, place, share);
    }
  return share;
}

static void
estimate (GPtrArray *places)
{
  g_autoptr (GHashTable) shares = g_hash_table_new_full (hash_share, equal_share, NULL, g_free);

  for (guint i = 0; i < places->len; i++)
    {
      LeashPlace *place = g_ptr_array_index (places, i);
      Share *share = has_share (place) ? get_share (shares, place) : NULL;

      if (share == NULL)
        continue;
      share->n_all += leash_place_count (place);
      share->n_sampled += is_sampled (place) ? leash_place_count (place) : 0;
    }
  for (guint i = 0; i < places->len; i++)
    {
      LeashPlace *place = g_ptr_array_index (places, i);
      const Share *share = has_share (place) && is_sampled (place) ? get_share (shares, place) : NULL;

      if (share != NULL)
        place->estimate
            = (gsize) ((double) leash_place_count (place) * (double) share->n_all / (double) share->n_sampled
                       + 0.5);
    }
}

static void
add_to_place (GHashTable *by_place, GPtrArray *places, const LeashResource *resource)
{
  LeashPlace *place = g_hash_table_lookup (by_place, resource);

  if (place == NULL)
    {
      place = g_new0 (LeashPlace, 1);
      place->resources = g_ptr_array_new ();
      g_hash_table_insert (by_place, (gpointer) resource, place);
      g_ptr_array_add (places, place);
    }
  g_ptr_array_add (place->resources, (gpointer) resource);
}

static void
add_left_out (GHashTable *by_place, GHashTable *crowds)
{
  GHashTableIter iter;
  gpointer value;

  g_hash_table_iter_init (&iter, crowds);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    {
      const LeashCrowd *crowd = value;
      LeashPlace *place = g_hash_table_lookup (by_place, &crowd->key);

      if (place == NULL)
        continue;
      /* Those that are overdue are a crowd of their own. */
      place->n_left_out += crowd->n_left_out;
      place->newest_at = MAX (place->newest_at, crowd->newest_at);
      if ((crowd->key.flags & LEASH_RESOURCE_OVERDUE) != 0)
        place->n_overdue_left_out = crowd->n_left_out;
    }
}

GPtrArray *
leash_report_group (LeashSnapshot *snapshot, gboolean kept)
{
  g_autoptr (GHashTable) by_place = g_hash_table_new (hash_place, equal_place);
  GPtrArray *places = g_ptr_array_new_with_free_func (place_free);

  for (guint i = 0; i < snapshot->resources->len; i++)
    {
      const LeashResource *resource = &g_array_index (snapshot->resources, LeashResource, i);

      if (((resource->flags & LEASH_RESOURCE_KEPT) != 0) == kept)
        add_to_place (by_place, places, resource);
    }
  if (snapshot->crowds != NULL)
    add_left_out (by_place, snapshot->crowds);
  for (guint i = 0; i < places->len; i++)
    {
      LeashPlace *place = g_ptr_array_index (places, i);
      const LeashResource *last;

      g_ptr_array_sort (place->resources, compare_resources);
      place->first = g_ptr_array_index (place->resources, 0);
      last = g_ptr_array_index (place->resources, place->resources->len - 1);
      place->newest_at = place->n_left_out > 0 ? MAX (place->newest_at, last->opened_at) : last->opened_at;
    }
  g_ptr_array_sort (places, compare_places);
  if (snapshot->level == LEASH_LEVEL_SAMPLE)
    estimate (places);
  return places;
}

/* Something that was counted, under its name. */
typedef struct
{
  const char *name;
  guint64 count;
} Tally;

static void
tally_add (GHashTable *tallies, const char *name, guint64 count)
{
  Tally *tally = g_hash_table_lookup (tallies, name);

  if (tally == NULL)
    {
      tally = g_new0 (Tally, 1);
      tally->name = name;
      g_hash_table_insert (tallies, (gpointer) name, tally);
    }
  tally->count += count;
}

static gint
compare_tallies (gconstpointer a, gconstpointer b)
{
  const Tally *x = *(const Tally *const *) a, *y = *(const Tally *const *) b;

  return x->count == y->count ? strcmp (x->name, y->name) : x->count > y->count ? -1 : 1;
}

/* ": 2 x file, 1 x conn" */
static void
append_tallies (GString *text, GHashTable *tallies)
{
  g_autoptr (GPtrArray) sorted = g_ptr_array_new ();
  GHashTableIter iter;
  gpointer value;

  g_hash_table_iter_init (&iter, tallies);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    g_ptr_array_add (sorted, value);
  g_ptr_array_sort (sorted, compare_tallies);
  for (guint i = 0; i < MIN (sorted->len, SUMMARY_KINDS); i++)
    {
      const Tally *tally = g_ptr_array_index (sorted, i);

      g_string_append_printf (text, "%s%" G_GUINT64_FORMAT " x ", i == 0 ? ": " : ", ", tally->count);
      leash_escape_append (text, tally->name);
    }
  if (sorted->len > SUMMARY_KINDS)
    g_string_append_printf (text, " and %u more kinds", sorted->len - SUMMARY_KINDS);
}

guint64
leash_report_count_misuses (LeashSnapshot *snapshot)
{
  guint64 n = snapshot->n_misuses_dropped;

  for (guint i = 0; i < snapshot->misuses->len; i++)
    n += g_array_index (snapshot->misuses, LeashMisuse, i).count;
  return n;
}

static void
append_kinds (GString *text, GPtrArray *places)
{
  g_autoptr (GHashTable) tallies = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, g_free);

  for (guint i = 0; i < places->len; i++)
    {
      const LeashPlace *place = g_ptr_array_index (places, i);

      tally_add (tallies, place->first->kind, leash_place_count (place));
    }
  append_tallies (text, tallies);
}

static void
append_misuse_types (GString *text, LeashSnapshot *snapshot)
{
  g_autoptr (GHashTable) tallies = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, g_free);

  for (guint i = 0; i < snapshot->misuses->len; i++)
    {
      const LeashMisuse *misuse = &g_array_index (snapshot->misuses, LeashMisuse, i);

      tally_add (tallies, leash_report_misuse_title (misuse->type), misuse->count);
    }
  append_tallies (text, tallies);
}

/* "3 resources still open, from 2 places: 2 x file, 1 x conn, 1 misuse"; kinds of misuse only if nothing is
 * open. */
char *
leash_report_summary (LeashSnapshot *snapshot)
{
  g_autoptr (GPtrArray) places = leash_report_group (snapshot, FALSE);
  gsize n_leaks = leash_snapshot_count_leaks (snapshot);
  guint64 n_misuses = leash_report_count_misuses (snapshot);
  GString *text = g_string_new (NULL);

  if (n_leaks > 0)
    {
      g_string_append_printf (text, "%" G_GSIZE_FORMAT " resource%s still open, from %u place%s", n_leaks,
                              n_leaks == 1 ? "" : "s", places->len, places->len == 1 ? "" : "s");
      append_kinds (text, places);
    }
  if (n_misuses > 0)
    g_string_append_printf (text, "%s%" G_GUINT64_FORMAT " misuse%s", n_leaks > 0 ? ", " : "", n_misuses,
                            n_misuses == 1 ? "" : "s");
  if (n_misuses > 0 && n_leaks == 0)
    append_misuse_types (text, snapshot);
  if (text->len == 0)
    g_string_append (text, "nothing is open");
  return g_string_free (text, FALSE);
}
