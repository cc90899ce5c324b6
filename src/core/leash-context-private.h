/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What fs, net and test need of contexts beside the public functions. */
#pragma once

#include <leash/leash-clock.h>
#include <leash/leash-context.h>

/* What a context carries for other parts; core does not know what it is. */
typedef enum
{
  LEASH_SLOT_FS,
  LEASH_SLOT_NETWORK,
  LEASH_N_SLOTS
} LeashSlot;

/*
 * Something to wake when a context is done, for those who wait on descriptors. Lives in its user's frame.
 * func is called once, by whoever cancels, with the cancellation's lock held: it may only write to a
 * descriptor or set a source ready. After leash_context_unwatch() it is not running and will not run.
 */
typedef struct _LeashWatch LeashWatch;
struct _LeashWatch
{
  void (*func) (LeashWatch *watch);
  LeashWatch *next; /* guarded by the cancellation's lock, as is prev */
  LeashWatch *prev;
};

/* Takes a reference to object. */
LeashContext *leash_context_with_slot (LeashContext *parent,
                                       LeashSlot     slot,
                                       GObject      *object);
GObject      *leash_context_get_slot  (LeashContext *ctx,
                                       LeashSlot     slot);

/*
 * A child for as long as an operation waits, to be ended by leash_context_cancel(), and at a deadline, -1 for none. It
 * is not tracked: who makes it frees it.
 */
LeashContext *leash_context_for_wait  (LeashContext *parent,
                                       gint64        deadline) G_GNUC_WARN_UNUSED_RESULT;

/* The same for as long as a call runs that has a GCancellable: it ends the context. */
LeashContext *leash_context_for_call  (LeashContext *parent,
                                       GCancellable *cancellable) G_GNUC_WARN_UNUSED_RESULT;

/* Returns FALSE, and does not call func ever, when the context is done already. */
gboolean      leash_context_watch     (LeashContext *ctx,
                                       LeashWatch   *watch);
void          leash_context_unwatch   (LeashContext *ctx,
                                       LeashWatch   *watch);

/*
 * How long an operation may wait: -1 for ever (no deadline, or one on a fake clock, which wakes by the
 * watch), else microseconds from now, 0 when the deadline has passed.
 */
gint64        leash_context_get_remaining (LeashContext *ctx);
