/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a report is written from. */
#pragma once

#include <leash/leash-snapshot.h>

#include "leash-age-private.h"

struct _LeashSnapshot
{
  gint ref_count;
  gint64 taken_at;       /* monotonic, us */
  gint64 taken_at_real;  /* since 1970, us */
  GArray *resources;     /* of LeashResource; strings in `strings` */
  GPtrArray *events;     /* owned arrays of LeashHistoryEvent, that resources lead to */
  GHashTable *crowds;    /* of LeashCrowd: what is counted and not in `resources`; NULL where all is */
  GArray *returned;      /* of LeashReturned */
  gint64 overdue_after;  /* us: what is in it is what became overdue at this limit; 0 for all that is open */
  GArray *misuses;       /* of LeashMisuse; likewise */
  GStringChunk *strings;
  LeashLevel level;      /* the tracker's, when taken */
  guint sample_every;
  gboolean is_difference;

  /* What was not seen, counted */
  guint64 n_misuses_dropped;    /* different misuses past the number that is kept */
  guint64 n_returned_dropped;   /* what was overdue and returned, from places past the number that is kept */
  guint64 n_stacks_not_kept;    /* process-wide: past the depot's limit */
  guint64 n_stacks_after_fork;  /* process-wide: not taken in a forked child */
  guint64 n_reentries;          /* process-wide: opens, closes and uses inside of Leash, as by a signal handler */
  guint64 n_strays;             /* process-wide: closes and uses of tags whose tracker was gone */
};

gsize leash_snapshot_count_all   (LeashSnapshot *snapshot);
/* Nothing yet: what becomes overdue at a limit is to be added. */
LeashSnapshot *leash_snapshot_new_overdue (LeashTracker *tracker, gint64 limit);
/* One with nothing in it. */
LeashSnapshot *leash_snapshot_new_empty   (void);
/* A copy that lives as long as the snapshot; NULL for NULL. */
const char    *leash_snapshot_keep_string (LeashSnapshot *snapshot,
                                           const char    *string);
/* As leash_snapshot_add(), or counts it where the snapshot is for a report and has many more of its place. */
void leash_snapshot_add_or_count (LeashSnapshot *snapshot, const LeashResource *resource);
gsize leash_snapshot_count_leaks (LeashSnapshot *snapshot); /* open, without those meant to stay open */
