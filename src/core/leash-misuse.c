/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a tracker remembers of misuses: each different one once, with a count, so that a loop that does the
 * same wrong thing a million times costs one entry. Different ones past LEASH_N_MISUSES are counted only.
 */
#include "leash-tracker-private.h"

#include <string.h>

static void
misuse_clear (gpointer data)
{
  LeashMisuse *misuse = data;

  g_free ((char *) misuse->what);
  g_free ((char *) misuse->kind);
  g_free ((char *) misuse->name);
}

GArray *
leash_misuse_array_new (void)
{
  GArray *misuses = g_array_new (FALSE, FALSE, sizeof (LeashMisuse));

  g_array_set_clear_func (misuses, misuse_clear);
  return misuses;
}

/* The name does not count: the same line of code does the same thing to differently named resources. */
gboolean
leash_misuse_is_same (const LeashMisuse *a, const LeashMisuse *b)
{
  return a->type == b->type && a->stack == b->stack && a->opened_stack == b->opened_stack
         && a->closed_stack == b->closed_stack && strcmp (a->kind, b->kind) == 0
         && g_strcmp0 (a->what, b->what) == 0;
}

static LeashMisuse *
find_same (LeashTracker *tracker, const LeashMisuse *misuse)
{
  for (guint i = 0; i < tracker->misuses->len; i++)
    {
      LeashMisuse *each = &g_array_index (tracker->misuses, LeashMisuse, i);

      if (leash_misuse_is_same (each, misuse))
        return each;
    }
  return NULL;
}

static LeashMisuse *
append_copy (LeashTracker *tracker, const LeashMisuse *misuse)
{
  LeashMisuse copy = *misuse;

  copy.what = g_strdup (misuse->what);
  copy.kind = g_strdup (misuse->kind);
  copy.name = g_strdup (misuse->name);
  copy.count = 0;
  g_array_append_val (tracker->misuses, copy);
  return &g_array_index (tracker->misuses, LeashMisuse, tracker->misuses->len - 1);
}

/* Returns how often it was done so by now. */
static guint
add (LeashTracker *tracker, const LeashMisuse *misuse, guint count)
{
  gboolean was_busy = leash_thread_set_busy (TRUE);
  LeashMisuse *same;

  leash_lock (&tracker->misuse_lock);
  same = find_same (tracker, misuse);
  if (same == NULL && tracker->misuses->len < LEASH_N_MISUSES)
    same = append_copy (tracker, misuse);
  if (same != NULL)
    count = same->count += count;
  else
    tracker->n_misuses_dropped += count;
  leash_unlock (&tracker->misuse_lock);
  leash_thread_set_busy (was_busy);
  return count;
}

void
leash_tracker_add_misuse (LeashTracker *tracker, const LeashMisuse *misuse)
{
  LeashMisuse told = *misuse;

  told.count = add (tracker, misuse, 1);
  if (leash_tracker_has_listeners (tracker))
    leash_tracker_emit (tracker, LEASH_EVENT_MISUSED, NULL, &told);
}

/* Listeners were told when it happened, where they wanted to know. */
void
leash_tracker_inherit_misuses (LeashTracker *tracker, LeashTracker *from)
{
  GArray *none = leash_misuse_array_new ();
  g_autoptr (GArray) misuses = NULL;
  guint64 n_dropped;

  leash_lock (&from->misuse_lock);
  misuses = from->misuses;
  from->misuses = none;
  n_dropped = from->n_misuses_dropped;
  from->n_misuses_dropped = 0;
  leash_unlock (&from->misuse_lock);

  for (guint i = 0; i < misuses->len; i++)
    {
      const LeashMisuse *misuse = &g_array_index (misuses, LeashMisuse, i);

      add (tracker, misuse, misuse->count);
    }
  leash_lock (&tracker->misuse_lock);
  tracker->n_misuses_dropped += n_dropped;
  leash_unlock (&tracker->misuse_lock);
  leash_age_inherit (tracker, from);
}

static gsize
count_own (LeashTracker *tracker)
{
  gboolean was_busy = leash_thread_set_busy (TRUE); /* a signal handler's misuse would wait for the lock */
  gsize n;

  leash_lock (&tracker->misuse_lock);
  n = tracker->n_misuses_dropped;
  for (guint i = 0; i < tracker->misuses->len; i++)
    n += g_array_index (tracker->misuses, LeashMisuse, i).count;
  leash_unlock (&tracker->misuse_lock);
  leash_thread_set_busy (was_busy);
  return n;
}

/**
 * leash_tracker_count_misuses:
 * @tracker: a tracker
 *
 * How often resources were misused (see [enum@Leash.MisuseType]), in trackers nested in this one too.
 *
 * Returns: the number
 *
 * Since: 0.1
 */
gsize
leash_tracker_count_misuses (LeashTracker *tracker)
{
  g_autoptr (GPtrArray) list = NULL;
  gsize n = 0;

  g_return_val_if_fail (tracker != NULL, 0);

  list = leash_tracker_list (tracker);
  for (guint i = 0; i < list->len; i++)
    n += count_own (g_ptr_array_index (list, i));
  return n;
}
