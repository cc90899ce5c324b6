/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What came between two snapshots. A resource's identity is its slot, the number of the slot's use, and the
 * time it was opened at. Of what is counted by place or by kind of misuse, the counts are subtracted.
 */
#include "leash-tracker-private.h"

#include "leash-report-parts-private.h"
#include "leash-snapshot-private.h"

static guint
hash_id (gconstpointer key)
{
  const LeashResource *resource = key;

  return (guint) ((resource->id[0] >> 3) * 31 + resource->id[1]);
}

static gboolean
equal_id (gconstpointer a, gconstpointer b)
{
  const LeashResource *x = a, *y = b;

  return x->id[0] == y->id[0] && x->id[1] == y->id[1];
}

/* Places are few. The longest of a difference may have been open before it began. */
static void
copy_new_returned (LeashSnapshot *to, LeashSnapshot *before, LeashSnapshot *after)
{
  for (guint i = 0; i < after->returned->len; i++)
    {
      LeashReturned copy = g_array_index (after->returned, LeashReturned, i);

      for (guint k = 0; k < before->returned->len; k++)
        {
          const LeashReturned *each = &g_array_index (before->returned, LeashReturned, k);

          if (each->stack == copy.stack && each->kind == copy.kind)
            copy.count -= MIN (each->count, copy.count);
        }
      if (copy.count > 0)
        g_array_append_val (to->returned, copy);
    }
}

/* How often the misuse is in a snapshot, at the indices below end: nested trackers may each have it. */
static guint
count_same (LeashSnapshot *snapshot, const LeashMisuse *misuse, guint end)
{
  guint n = 0;

  for (guint i = 0; i < end; i++)
    {
      const LeashMisuse *each = &g_array_index (snapshot->misuses, LeashMisuse, i);

      if (leash_misuse_is_same (each, misuse))
        n += each->count;
    }
  return n;
}

static void
copy_new_misuses (LeashSnapshot *to, LeashSnapshot *before, LeashSnapshot *after)
{
  for (guint i = 0; i < after->misuses->len; i++)
    {
      LeashMisuse copy = g_array_index (after->misuses, LeashMisuse, i);
      guint n_before = count_same (before, &copy, before->misuses->len);
      guint n_so_far = count_same (after, &copy, i);

      if (n_so_far + copy.count <= n_before)
        continue;
      copy.count = n_so_far + copy.count - MAX (n_before, n_so_far);
      copy.what = leash_snapshot_keep_string (to, copy.what);
      copy.kind = leash_snapshot_keep_string (to, copy.kind);
      copy.name = leash_snapshot_keep_string (to, copy.name);
      g_array_append_val (to->misuses, copy);
    }
}

static guint64
grown (guint64 before, guint64 after)
{
  return after - MIN (before, after);
}

static void
subtract_unseen (LeashSnapshot *difference, LeashSnapshot *before, LeashSnapshot *after)
{
  difference->n_misuses_dropped = grown (before->n_misuses_dropped, after->n_misuses_dropped);
  difference->n_returned_dropped = grown (before->n_returned_dropped, after->n_returned_dropped);
  difference->n_stacks_not_kept = grown (before->n_stacks_not_kept, after->n_stacks_not_kept);
  difference->n_stacks_after_fork = grown (before->n_stacks_after_fork, after->n_stacks_after_fork);
  difference->n_reentries = grown (before->n_reentries, after->n_reentries);
  difference->n_strays = grown (before->n_strays, after->n_strays);
}

/**
 * leash_snapshot_new_difference:
 * @before: a snapshot
 * @after: a later one of the same tracker
 *
 * What is open in @after and was not in @before: what was opened between the two, or handed on to another
 * tracker, and is open still; and how often something was misused between the two.
 *
 * Returns: (transfer full): a snapshot
 *
 * Since: 0.1
 */
LeashSnapshot *
leash_snapshot_new_difference (LeashSnapshot *before, LeashSnapshot *after)
{
  g_autoptr (GHashTable) known = NULL;
  LeashSnapshot *difference;

  g_return_val_if_fail (before != NULL, NULL);
  g_return_val_if_fail (after != NULL, NULL);

  known = g_hash_table_new (hash_id, equal_id);
  for (guint i = 0; i < before->resources->len; i++)
    g_hash_table_add (known, &g_array_index (before->resources, LeashResource, i));

  difference = leash_snapshot_new_empty ();
  difference->taken_at = after->taken_at;
  difference->taken_at_real = after->taken_at_real;
  difference->level = after->level;
  difference->sample_every = after->sample_every;
  difference->is_difference = TRUE;
  subtract_unseen (difference, before, after);
  for (guint i = 0; i < after->resources->len; i++)
    {
      const LeashResource *resource = &g_array_index (after->resources, LeashResource, i);

      if (!g_hash_table_contains (known, resource))
        leash_snapshot_add (difference, resource);
    }
  copy_new_misuses (difference, before, after);
  copy_new_returned (difference, before, after);
  return difference;
}
