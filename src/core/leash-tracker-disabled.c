/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The tracker of a library that was built with -Dtracking=disabled, in place of all that keeps tags and
 * stacks. Programs that were written and compiled for tracking link and run unchanged: every function is
 * here, checks its arguments as the other one does, and tracks nothing. Nothing is ever open, so checks pass;
 * reports say that tracking is not built in, lest an empty one be taken for good news.
 *
 * The reference is written from the comments of the other files, so there are none here.
 */
#include <leash/leash-snapshot.h>

#include "leash-boxed-private.h"
#include "leash-fork-private.h"
#include "leash-lock-private.h"
#include "leash-settings-private.h"

/* Nobody is told anything; what was given for the call is freed when the other tracker would free it. */
typedef struct
{
  guint id;
  gpointer user_data;
  GDestroyNotify destroy; /* NULL for none */
} Listener;

struct _LeashTracker
{
  gint ref_count;       /* atomic */
  gboolean ended;       /* atomic */
  LeashTracker *parent; /* owned; never changes; NULL for none */

  LeashLock lock;    /* guards the below */
  GArray *listeners; /* of Listener */
  guint last_listener;
};

LEASH_DEFINE_BOXED (LeashTracker, leash_tracker)

gboolean
leash_has_tracking (void)
{
  return FALSE;
}

static LeashTracker *
tracker_new (LeashTracker *parent)
{
  LeashTracker *tracker = g_new0 (LeashTracker, 1);

  tracker->ref_count = 1;
  tracker->parent = parent != NULL ? leash_tracker_ref (parent) : NULL;
  tracker->listeners = g_array_new (FALSE, FALSE, sizeof (Listener));
  pthread_mutex_init (&tracker->lock, NULL);
  return tracker;
}

void
leash_fork_set_up (void)
{
}

LeashTracker *
leash_tracker_new (void)
{
  return tracker_new (NULL);
}

LeashTracker *
leash_tracker_new_nested (LeashTracker *parent)
{
  g_return_val_if_fail (parent != NULL, NULL);

  return tracker_new (parent);
}

LeashTracker *
leash_tracker_ref (LeashTracker *tracker)
{
  g_return_val_if_fail (tracker != NULL, NULL);

  __atomic_fetch_add (&tracker->ref_count, 1, __ATOMIC_RELAXED);
  return tracker;
}

static void
listener_destroy (const Listener *listener)
{
  if (listener->destroy != NULL)
    listener->destroy (listener->user_data);
}

void
leash_tracker_unref (LeashTracker *tracker)
{
  g_return_if_fail (tracker != NULL);

  if (__atomic_sub_fetch (&tracker->ref_count, 1, __ATOMIC_ACQ_REL) > 0)
    return;
  for (guint i = 0; i < tracker->listeners->len; i++)
    listener_destroy (&g_array_index (tracker->listeners, Listener, i));
  g_array_unref (tracker->listeners);
  g_clear_pointer (&tracker->parent, leash_tracker_unref);
  g_free (tracker);
}

void
leash_tracker_end (LeashTracker *tracker)
{
  g_return_if_fail (tracker != NULL);

  __atomic_store_n (&tracker->ended, TRUE, __ATOMIC_RELEASE);
}

gboolean
leash_tracker_is_ended (LeashTracker *tracker)
{
  g_return_val_if_fail (tracker != NULL, TRUE);

  return __atomic_load_n (&tracker->ended, __ATOMIC_ACQUIRE);
}

LeashLevel
leash_tracker_get_level (LeashTracker *tracker)
{
  g_return_val_if_fail (tracker != NULL, LEASH_LEVEL_OFF);

  return LEASH_LEVEL_OFF;
}

void
leash_tracker_set_level (LeashTracker *tracker, LeashLevel level, guint sample_every)
{
  g_return_if_fail (tracker != NULL);
  g_return_if_fail (level <= LEASH_LEVEL_FULL);
  g_return_if_fail (level != LEASH_LEVEL_SAMPLE || sample_every > 0);
}

void
leash_tracker_set_depth (LeashTracker *tracker, guint frames)
{
  g_return_if_fail (tracker != NULL);
  g_return_if_fail (frames >= 1 && frames <= LEASH_DEPTH_MAX);
}

void
leash_tracker_set_age_limit (LeashTracker *tracker, gint64 microseconds)
{
  g_return_if_fail (tracker != NULL);
  g_return_if_fail (microseconds >= 0);
}

void
leash_tracker_set_kind_age_limit (LeashTracker *tracker, const char *kind, gint64 microseconds)
{
  g_return_if_fail (tracker != NULL);
  g_return_if_fail (kind != NULL);
  g_return_if_fail (microseconds >= -1);
}

void
leash_tracker_set_history (LeashTracker *tracker, guint max_events)
{
  g_return_if_fail (tracker != NULL);
  g_return_if_fail (max_events <= LEASH_HISTORY_MAX);
}

void
leash_tracker_set_release_stacks (LeashTracker *tracker, gboolean keep)
{
  g_return_if_fail (tracker != NULL);
}

guint
leash_tracker_add_listener (LeashTracker *tracker, LeashTrackerFunc func, gpointer user_data,
                            GDestroyNotify destroy)
{
  Listener listener = { .user_data = user_data, .destroy = destroy };

  g_return_val_if_fail (tracker != NULL, 0);
  g_return_val_if_fail (func != NULL, 0);

  leash_lock (&tracker->lock);
  listener.id = ++tracker->last_listener;
  g_array_append_val (tracker->listeners, listener);
  leash_unlock (&tracker->lock);
  return listener.id;
}

/* Returns FALSE when there is none of that id. */
static gboolean
take_listener (LeashTracker *tracker, guint id, Listener *ret_listener)
{
  gboolean found = FALSE;

  leash_lock (&tracker->lock);
  for (guint i = 0; i < tracker->listeners->len && !found; i++)
    if (g_array_index (tracker->listeners, Listener, i).id == id)
      {
        *ret_listener = g_array_index (tracker->listeners, Listener, i);
        g_array_remove_index (tracker->listeners, i);
        found = TRUE;
      }
  leash_unlock (&tracker->lock);
  return found;
}

void
leash_tracker_remove_listener (LeashTracker *tracker, guint id)
{
  Listener listener;

  g_return_if_fail (tracker != NULL);
  g_return_if_fail (id > 0);

  if (take_listener (tracker, id, &listener))
    listener_destroy (&listener);
  else
    g_critical ("%s: no listener has the number %u", G_STRFUNC, id);
}

gsize
leash_tracker_count_open (LeashTracker *tracker)
{
  g_return_val_if_fail (tracker != NULL, 0);

  return 0;
}

gsize
leash_tracker_count_kind (LeashTracker *tracker, const char *kind)
{
  g_return_val_if_fail (tracker != NULL, 0);
  g_return_val_if_fail (kind != NULL, 0);

  return 0;
}

gsize
leash_tracker_count_misuses (LeashTracker *tracker)
{
  g_return_val_if_fail (tracker != NULL, 0);

  return 0;
}

gboolean
leash_tracker_check (LeashTracker *tracker, GError **error)
{
  g_return_val_if_fail (tracker != NULL, FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  return TRUE;
}

char *
leash_tracker_report (LeashTracker *tracker, LeashFormat format)
{
  g_return_val_if_fail (tracker != NULL, NULL);

  return leash_tracker_report_full (tracker, format, LEASH_REPORT_NONE, 0);
}

char *
leash_tracker_report_full (LeashTracker *tracker, LeashFormat format, LeashReportFlags flags,
                           guint max_places)
{
  g_autoptr (LeashSnapshot) snapshot = NULL;

  g_return_val_if_fail (tracker != NULL, NULL);

  snapshot = leash_snapshot_new (tracker);
  return leash_snapshot_report (snapshot, format, flags, max_places);
}
