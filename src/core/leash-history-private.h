/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What happened to a resource since it was opened. See leash-history.c. */
#pragma once

#include <leash/leash-tracker.h>

#include "leash-likely-private.h"

/* Events that a resource can be made to keep. */
#define LEASH_HISTORY_MAX 1000

/* Guarded by the lock of the shard of the slot that it belongs to. */
typedef struct
{
  LeashHistoryEvent *events; /* oldest first; their `what` is owned */
  guint n_events;
  guint n_room;
  guint32 last_tid;          /* who touched or adopted it last, or opened it */
  guint64 n_touches;
  guint64 n_hand_overs;
  guint64 n_not_kept;        /* events */
} LeashHistory;

LeashHistory *leash_history_new  (void);
void          leash_history_free (LeashHistory      *history);
/* Adds an event, whose `what` it takes, and drops what is more than max, which is never the first. */
void          leash_history_add  (LeashHistory      *history,
                                  LeashHistoryEvent *event,
                                  guint              max);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (LeashHistory, leash_history_free)

/* Trackers that keep histories; atomic. Handles look here before they look for their tracker. */
extern guint leash_history_n_trackers __attribute__ ((visibility ("hidden")));

static inline gboolean
leash_history_is_on (void)
{
  return LEASH_UNLIKELY (__atomic_load_n (&leash_history_n_trackers, __ATOMIC_RELAXED) > 0);
}
