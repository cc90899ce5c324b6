/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Snapshots of trackers that track nothing: see leash-tracker-disabled.c. */
#include <leash/leash-snapshot.h>

#include "leash-boxed-private.h"
#include "leash-report-parts-private.h"

struct _LeashSnapshot
{
  gint ref_count; /* atomic */
};

LEASH_DEFINE_BOXED (LeashSnapshot, leash_snapshot)

static LeashSnapshot *
snapshot_new (void)
{
  LeashSnapshot *snapshot = g_new0 (LeashSnapshot, 1);

  snapshot->ref_count = 1;
  return snapshot;
}

LeashSnapshot *
leash_snapshot_new (LeashTracker *tracker)
{
  g_return_val_if_fail (tracker != NULL, NULL);

  return snapshot_new ();
}

LeashSnapshot *
leash_snapshot_new_for_report (LeashTracker *tracker)
{
  return snapshot_new ();
}

LeashSnapshot *
leash_snapshot_new_difference (LeashSnapshot *before, LeashSnapshot *after)
{
  g_return_val_if_fail (before != NULL, NULL);
  g_return_val_if_fail (after != NULL, NULL);

  return snapshot_new ();
}

LeashSnapshot *
leash_snapshot_new_children (LeashSnapshot *snapshot, const char *kind, gconstpointer pointer)
{
  g_return_val_if_fail (snapshot != NULL, NULL);
  g_return_val_if_fail (kind != NULL, NULL);
  g_return_val_if_fail (pointer != NULL, NULL);

  return snapshot_new ();
}

LeashSnapshot *
leash_snapshot_ref (LeashSnapshot *snapshot)
{
  g_return_val_if_fail (snapshot != NULL, NULL);

  __atomic_fetch_add (&snapshot->ref_count, 1, __ATOMIC_RELAXED);
  return snapshot;
}

void
leash_snapshot_unref (LeashSnapshot *snapshot)
{
  g_return_if_fail (snapshot != NULL);

  if (__atomic_sub_fetch (&snapshot->ref_count, 1, __ATOMIC_ACQ_REL) == 0)
    g_free (snapshot);
}

char *
leash_snapshot_summarize (LeashSnapshot *snapshot, LeashError *ret_code)
{
  return NULL;
}

void
leash_snapshot_add (LeashSnapshot *snapshot, const LeashResource *resource)
{
}

gsize
leash_snapshot_get_length (LeashSnapshot *snapshot)
{
  g_return_val_if_fail (snapshot != NULL, 0);

  return 0;
}

const LeashResource *
leash_snapshot_get_resource (LeashSnapshot *snapshot, gsize index)
{
  g_return_val_if_fail (snapshot != NULL, NULL);
  g_return_val_if_fail (index < leash_snapshot_get_length (snapshot), NULL);

  return NULL;
}

gsize
leash_snapshot_get_n_misuses (LeashSnapshot *snapshot)
{
  g_return_val_if_fail (snapshot != NULL, 0);

  return 0;
}

const LeashMisuse *
leash_snapshot_get_misuse (LeashSnapshot *snapshot, gsize index)
{
  g_return_val_if_fail (snapshot != NULL, NULL);
  g_return_val_if_fail (index < leash_snapshot_get_n_misuses (snapshot), NULL);

  return NULL;
}

char *
leash_snapshot_report (LeashSnapshot *snapshot, LeashFormat format, LeashReportFlags flags, guint max_places)
{
  g_return_val_if_fail (snapshot != NULL, NULL);
  g_return_val_if_fail (format == LEASH_FORMAT_TEXT || format == LEASH_FORMAT_JSON, NULL);

  if (format == LEASH_FORMAT_JSON)
    return g_strdup ("{\"schema\":1,\"tracking\":false}\n");
  return g_strdup ("leash: nothing was tracked: this libleash-1 is built without tracking "
                   "(-Dtracking=disabled)\n");
}
