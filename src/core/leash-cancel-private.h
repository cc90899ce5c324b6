/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * LeashCancel: what makes contexts done. One is made by each leash_context_with_cancel(), _deadline(),
 * _timeout() and _cancellable(), and shared by all contexts below until the next one. See leash-cancel.c.
 */
#pragma once

#include "leash-context-private.h"
#include "leash-lock-private.h"
#include "leash-timer-private.h"

#include <leash/leash-track.h>
#include <leash/leash-tracker.h>

/* Why contexts are done: made once, then shared by all that end for that reason. Never changes. */
typedef struct
{
  gint ref_count; /* atomic */
  GError *error;  /* G_IO_ERROR_CANCELLED or G_IO_ERROR_TIMED_OUT */
  GError *cause;  /* NULL when none was given */
} LeashReason;

typedef struct _LeashAdoption LeashAdoption;
typedef struct _LeashCancel LeashCancel;
struct _LeashCancel
{
  gint ref_count;      /* atomic; may be tried by those who find it in a list, see leash_cancel_try_ref() */
  LeashReason *reason; /* atomic; NULL until done, then never changes; written with its own lock held */
  gint marking;        /* atomic; while what is below it is being marked: the number of the process */

  /* Set before others see it, never change */
  LeashCancel *parent;   /* a reference; NULL at the top */
  LeashCancel *deadline; /* itself or the nearest above that has a timer; NULL if none has */
  LeashTimer timer;      /* timer.clock is NULL if it has no deadline of its own */
  gint64 timeout;        /* what leash_context_with_timeout() was given; G_MININT64 for a point in time */
  GError *timeout_cause; /* NULL if none was given */

  /* Guarded by the parent's lock; once taken off the list, next belongs to who did that */
  LeashCancel *next;
  LeashCancel *prev;
  gboolean is_linked;

  /* Guarded by its own lock */
  LeashCancel *children;     /* those not done, newest first; without references */
  LeashWatch *watches;
  GHashTable *after_funcs;   /* of LeashAfter by id; NULL until needed; when done, taken by who did that */
  GCancellable *cancellable; /* NULL until asked for, then never changes; atomic to read without the lock */
  LeashAdoption *adoption;   /* of a caller's GCancellable; NULL if none or over */
  LeashTag *tag;             /* NULL when done */
  LeashTracker *tracker;     /* the tag's, a reference; goes with it */
};

/* Life. The new one governs nothing until it is started; with a parent that is done, starting makes it done. */
LeashCancel  *leash_cancel_new             (LeashCancel  *parent);
void          leash_cancel_set_deadline    (LeashCancel  *cancel,
                                            LeashClock   *clock,
                                            gint64        due,
                                            gint64        timeout,
                                            const GError *cause);
void          leash_cancel_set_tag         (LeashCancel  *cancel,
                                            LeashTracker *tracker,
                                            LeashTag     *tag);
void          leash_cancel_start           (LeashCancel  *cancel);
void          leash_cancel_adopt           (LeashCancel  *cancel,
                                            GCancellable *cancellable);
LeashCancel  *leash_cancel_ref             (LeashCancel  *cancel);
void          leash_cancel_unref           (LeashCancel  *cancel);

/* Makes it done, and all below it. Does nothing when it is done already. */
void          leash_cancel_cancel          (LeashCancel  *cancel,
                                            const GError *cause,
                                            gconstpointer caller);
void          leash_cancel_expire          (LeashCancel  *cancel);

/* For who finds the deadline passed before its timer fires: cancel, which it governs, is done on return. */
void          leash_cancel_expire_now      (LeashCancel  *cancel,
                                            LeashCancel  *deadline);

/* The soonest deadline on clock that ends it: the node with the timer, or NULL. */
LeashCancel  *leash_cancel_find_deadline   (LeashCancel  *cancel,
                                            LeashClock   *clock);
GCancellable *leash_cancel_get_cancellable (LeashCancel  *cancel);
gboolean      leash_cancel_watch           (LeashCancel  *cancel,
                                            LeashWatch   *watch);
void          leash_cancel_unwatch         (LeashCancel  *cancel,
                                            LeashWatch   *watch);
guint         leash_cancel_count_children  (LeashCancel  *cancel);

/* The lock of one. Two are never held at once. */
LeashLock    *leash_cancel_lock_of         (gconstpointer address);

/* Functions to run when it is done, in leash-after.c. Ids are never 0, and used once in a process. */
guint64       leash_after_add              (LeashCancel      *cancel,
                                            LeashContextFunc  func,
                                            gpointer          user_data,
                                            GDestroyNotify    destroy);
gboolean      leash_after_stop             (LeashCancel      *cancel,
                                            guint64           id);
void          leash_after_run_all          (GHashTable       *after_funcs);

/* Adoption of a caller's GCancellable, in leash-adoption.c. */
void          leash_adoption_end           (LeashAdoption    *adoption);

/* What finds a node without having a reference takes one so; FALSE when it is going already. */
static inline gboolean
leash_cancel_try_ref (LeashCancel *cancel)
{
  gint count = __atomic_load_n (&cancel->ref_count, __ATOMIC_RELAXED);

  while (count > 0)
    if (__atomic_compare_exchange_n (&cancel->ref_count, &count, count + 1, TRUE, __ATOMIC_ACQ_REL,
                                     __ATOMIC_RELAXED))
      return TRUE;
  return FALSE;
}

/* NULL while it is not done. */
static inline LeashReason *
leash_cancel_get_reason (LeashCancel *cancel)
{
  return __atomic_load_n (&cancel->reason, __ATOMIC_ACQUIRE);
}
