/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The tracker, as its own files see it. */
#pragma once

#include <time.h>

#include <leash/leash-snapshot.h>
#include <leash/leash-track.h>

#include "leash-age-private.h"
#include "leash-fault-hook-private.h"
#include "leash-keys-private.h"
#include "leash-shard-private.h"
#include "leash-thread-private.h"

/* Different misuses that are kept; more are counted. */
#define LEASH_N_MISUSES 256

struct _LeashTracker
{
  /* These three first, and 0 for what is off: the macros of leash-track.h look at them. */
  guint level;             /* atomic; LeashLevel */
  guint hears_handles;     /* atomic; FALSE while it was always off, and no handle was ever tracked anywhere */
  const LeashFaultHook *fault_hook; /* atomic, its use guarded by the lock of all trackers; NULL for none */
  gint ref_count;          /* atomic */
  guint sample_every;      /* atomic */
  guint depth;             /* atomic; frames */
  gboolean ended;          /* atomic */
  gboolean was_off;        /* atomic; was ever at a level where releases come without a tag */
  gint64 made_at;          /* coarse monotonic milliseconds; never changes */

  LeashShard *shards[LEASH_N_SHARDS]; /* atomic; made at first need, with the lock of all trackers held */
  LeashKeyTable keys[LEASH_N_KEY_TABLES];

  /* Guarded by the lock of all trackers */
  guint release_depth;     /* see LeashShard */
  guint history;           /* atomic for readers without the lock; events that a resource keeps, 0 for none */
  LeashTracker *parent;    /* owned, but by one that is an orphan of it; NULL when that one has gone */
  GPtrArray *nested;       /* not owned; trackers take themselves off */
  GPtrArray *orphans;      /* owned: nested ones that nobody else has, with resources still open */

  LeashLock misuse_lock;   /* guards the below */
  GArray *misuses;         /* of LeashMisuse, strings owned */
  guint64 n_misuses_dropped;

  LeashAge age;

  LeashLock listener_lock; /* guards the below */
  GPtrArray *listeners;    /* replaced, never changed; NULL when there are none */
  guint last_listener;
};

G_STATIC_ASSERT (G_STRUCT_OFFSET (LeashTracker, level) == 0 && LEASH_LEVEL_OFF == 0);
G_STATIC_ASSERT (G_STRUCT_OFFSET (LeashTracker, hears_handles) == sizeof (guint));
G_STATIC_ASSERT (G_STRUCT_OFFSET (LeashTracker, fault_hook) == 2 * sizeof (guint));

/* Guards the list of all trackers and the links between them; taken before any other. */
extern LeashLock leash_trackers_lock __attribute__ ((visibility ("hidden")));

/* Takes it, so that a signal's handler that opens something meanwhile does not wait for it. Returns what
 * leash_trackers_leave() is to be given. */
static inline gboolean
leash_trackers_enter (void)
{
  gboolean was_busy = leash_thread_set_busy (TRUE);

  leash_lock (&leash_trackers_lock);
  return was_busy;
}

static inline void
leash_trackers_leave (gboolean was_busy)
{
  leash_unlock (&leash_trackers_lock);
  leash_thread_set_busy (was_busy);
}

/* Time in coarse milliseconds: a third of the cost of the exact clock, and enough for an age. */
static inline gint64
leash_tracker_now (void)
{
  struct timespec now;

  clock_gettime (CLOCK_MONOTONIC_COARSE, &now);
  return (gint64) now.tv_sec * 1000 + (guint32) now.tv_nsec / 1000000;
}

/* leash-tracker-settings.c. With the lock of all trackers held, or the only reference. */
void        leash_tracker_apply_history (LeashTracker   *tracker,
                                        guint            max_events);
/* Before a handle is tracked: makes all trackers hear of handles. */
void        leash_tracker_use_handles  (void);
/* Makes the shard of that number, unless another thread has. */
LeashShard *leash_tracker_add_shard    (LeashTracker    *tracker,
                                        guint            number) __attribute__ ((cold));
/* The tracker and all that are nested in it, each referenced. */
GPtrArray  *leash_tracker_list         (LeashTracker    *tracker);
/* Every tracker of the process, each referenced. */
GPtrArray  *leash_tracker_list_all     (void);

/* For leash-fork.c: takes all locks of trackers and notes them in held. */
void        leash_tracker_fork_lock    (GPtrArray       *held);

/* leash-count.c. What is open in the tracker itself, not in those nested in it. */
gsize       leash_tracker_count_own    (LeashTracker    *tracker,
                                        gboolean         kept_too);
/* For who finds a tracker without having a reference: FALSE when another thread is about to free it. */
gboolean    leash_tracker_try_ref      (LeashTracker    *tracker);
/* The tag of that kind and key in one of those that this one is nested in, or NULL. */
LeashTag   *leash_tracker_find_above   (LeashTracker    *tracker,
                                        guint16          kind,
                                        guintptr         key);

/* The thread's shard in a tracker. */
static inline LeashShard *
leash_tracker_get_shard (LeashTracker *tracker, LeashThread *self)
{
  LeashShard *shard = __atomic_load_n (&tracker->shards[self->shard], __ATOMIC_ACQUIRE);

  return LEASH_LIKELY (shard != NULL) ? shard : leash_tracker_add_shard (tracker, self->shard);
}

/* leash-misuse.c. Takes the strings as they are and copies them; count is ignored. */
void        leash_tracker_add_misuse   (LeashTracker      *tracker,
                                        const LeashMisuse *misuse);
/* Adds the misuses of one that is going to those of the one it is nested in. */
void        leash_tracker_inherit_misuses (LeashTracker   *tracker,
                                        LeashTracker      *from);
gboolean    leash_misuse_is_same       (const LeashMisuse *a,
                                        const LeashMisuse *b);
GArray     *leash_misuse_array_new     (void);

/* leash-events.c */
static inline gboolean
leash_tracker_has_listeners (LeashTracker *tracker)
{
  return __atomic_load_n (&tracker->listeners, __ATOMIC_RELAXED) != NULL;
}

void        leash_tracker_emit         (LeashTracker        *tracker,
                                        LeashEventType       event,
                                        const LeashResource *resource,
                                        const LeashMisuse   *misuse);

/* leash-snapshot.c. With the shard's locks held, for as long as the name is used: it is the slot's own. */
void        leash_resource_fill        (LeashResource   *resource,
                                        LeashTracker    *tracker,
                                        const LeashSlot *slot);

/* With the locks of the slot's shard held: an overdue one, as what returned after all. */
LeashReturned leash_slot_get_returned  (LeashTracker    *tracker,
                                        const LeashSlot *slot);

/* leash-untrack.c. Where a parent was opened and, if so, closed; FALSE while it is open. No shard's lock held. */
gboolean    leash_parent_is_closed     (LeashTag        *parent,
                                        LeashStackId    *ret_opened,
                                        LeashStackId    *ret_closed);

/* leash-tag.c: releases and uses of tags whose tracker is gone, process-wide. */
guint64     leash_tag_count_stray      (void);
