/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The tree of cancellations. A child holds a reference to its parent; a parent lists its children without
 * references, and each takes itself off the list. So a tree goes from the leaves up, whoever goes last, and
 * a list never holds more than what is still to be cancelled.
 *
 * Becoming done, leash_cancel_finish(), has two phases. First every node of the tree below is marked: its
 * reason is set, its children are taken off it and its watches are woken, each with its own lock held and no
 * other. Then, with no lock held, each is settled: timer stopped, tag released, GCancellable cancelled,
 * functions started. So whatever code of the program runs in the second phase finds the whole tree done. It
 * is a loop over a list threaded through the nodes, for trees of any depth.
 *
 * Whoever sets the reason settles: threads that cancel overlapping trees share the work, and each node's
 * first reason stays. Who comes second waits for the first phase of who came first, so that all below is done
 * when any of them returns. That wait is short, for no code of the program runs in it, and ends: who is
 * waited for began further down in the tree, and waits in turn only for others yet further down.
 *
 * Locks: nodes share a fixed set, chosen by address. This makes nodes small, and lets a fork take them all,
 * so that contexts can be used in the child. A lock in each node was rejected for the fork: another thread
 * may hold any of them. Nothing here takes a second of these locks, nor a timers' lock, with one held. The
 * watches' functions are the only foreign code that runs under one.
 *
 * Not covered: a child that was forked while another thread was making nodes done has them as that thread had
 * left them: some marked, some not, their GCancellables and functions untouched.
 *
 * All functions may be called from any thread.
 */
#include "leash-cancel-private.h"

#define N_LOCKS 32
#define CACHE_LINE 64

typedef union
{
  LeashLock lock;
  char padding[CACHE_LINE];
} PaddedLock;

/* Zeros are unlocked locks. */
static PaddedLock locks[N_LOCKS] __attribute__ ((aligned (CACHE_LINE)));
static pthread_once_t locks_once = PTHREAD_ONCE_INIT;

/* Differs between a process and those it forks. Changes only in a new one, while it has one thread. */
static gint process_number = 1;

static void
before_fork (void)
{
  for (guint i = 0; i < N_LOCKS; i++)
    leash_lock (&locks[i].lock);
}

static void
after_fork_in_parent (void)
{
  for (guint i = 0; i < N_LOCKS; i++)
    leash_unlock (&locks[i].lock);
}

/* Nobody is left to finish what was being marked: nobody shall wait for it. */
static void
after_fork_in_child (void)
{
  process_number++;
  after_fork_in_parent ();
}

static void
init_locks (void)
{
  pthread_atfork (before_fork, after_fork_in_parent, after_fork_in_child);
}

/* Before the program's own handlers of forks, which may use contexts, and after those of leash-fork.c. */
__attribute__ ((constructor (102))) static void
init_locks_early (void)
{
  pthread_once (&locks_once, init_locks);
}

LeashLock *
leash_cancel_lock_of (gconstpointer address)
{
  guint64 mixed = (guint64) (guintptr) address * G_GUINT64_CONSTANT (0x9e3779b97f4a7c15);

  return &locks[mixed >> 59].lock;
}

static LeashReason *
leash_reason_new (int code, const char *message, const GError *cause)
{
  LeashReason *reason = g_new0 (LeashReason, 1);

  reason->ref_count = 1;
  if (cause != NULL)
    {
      reason->error = g_error_new (G_IO_ERROR, code, "%s: %s", message, cause->message);
      reason->cause = g_error_copy (cause);
    }
  else
    reason->error = g_error_new_literal (G_IO_ERROR, code, message);
  return reason;
}

static LeashReason *
leash_reason_ref (LeashReason *reason)
{
  __atomic_fetch_add (&reason->ref_count, 1, __ATOMIC_RELAXED);
  return reason;
}

static void
leash_reason_unref (LeashReason *reason)
{
  if (reason == NULL || __atomic_sub_fetch (&reason->ref_count, 1, __ATOMIC_ACQ_REL) > 0)
    return;
  g_error_free (reason->error);
  g_clear_error (&reason->cause);
  g_free (reason);
}

/* Takes cancel off its parent's list, if it is still on it. */
static void
unlink_from_parent (LeashCancel *cancel)
{
  LeashCancel *parent = cancel->parent;
  LeashLock *lock;

  if (parent == NULL)
    return;
  lock = leash_cancel_lock_of (parent);
  leash_lock (lock);
  if (cancel->is_linked)
    {
      if (cancel->prev != NULL)
        cancel->prev->next = cancel->next;
      else
        parent->children = cancel->next;
      if (cancel->next != NULL)
        cancel->next->prev = cancel->prev;
      cancel->is_linked = FALSE;
    }
  leash_unlock (lock);
}

/* Puts cancel on its parent's list. Returns the parent's reason, with a reference, when that is done. */
static LeashReason *
link_to_parent (LeashCancel *cancel)
{
  LeashCancel *parent = cancel->parent;
  LeashReason *reason = NULL;
  LeashLock *lock;

  if (parent == NULL)
    return NULL;
  lock = leash_cancel_lock_of (parent);
  leash_lock (lock);
  if (parent->reason != NULL)
    reason = leash_reason_ref (parent->reason);
  else
    {
      cancel->prev = NULL;
      cancel->next = parent->children;
      if (cancel->next != NULL)
        cancel->next->prev = cancel;
      parent->children = cancel;
      cancel->is_linked = TRUE;
    }
  leash_unlock (lock);
  return reason;
}

static void
push (LeashCancel **list, LeashCancel *cancel)
{
  cancel->next = *list;
  *list = cancel;
}

static LeashCancel *
pop (LeashCancel **list)
{
  LeashCancel *first = *list;

  if (first != NULL)
    *list = first->next;
  return first;
}

/* Moves cancel's children to a list, with a reference to each. Those going already need no end. Lock held. */
static void
take_children (LeashCancel *cancel, LeashCancel **ret_list)
{
  LeashCancel *child;

  while ((child = pop (&cancel->children)) != NULL)
    {
      child->is_linked = FALSE;
      if (leash_cancel_try_ref (child))
        push (ret_list, child);
    }
}

/* Lock held. */
static void
wake_watches (LeashCancel *cancel)
{
  while (cancel->watches != NULL)
    {
      LeashWatch *watch = cancel->watches;

      cancel->watches = watch->next;
      watch->next = watch->prev = NULL;
      watch->func (watch);
    }
}

/* First phase, for one node. Returns FALSE when it was done already. */
static gboolean
mark_done (LeashCancel *cancel, LeashReason *reason, LeashCancel **pending)
{
  LeashLock *lock = leash_cancel_lock_of (cancel);
  gboolean is_first;

  leash_lock (lock);
  is_first = cancel->reason == NULL;
  if (is_first)
    {
      __atomic_store_n (&cancel->marking, process_number, __ATOMIC_RELAXED);
      __atomic_store_n (&cancel->reason, leash_reason_ref (reason), __ATOMIC_RELEASE);
      take_children (cancel, pending);
      wake_watches (cancel);
    }
  leash_unlock (lock);
  return is_first;
}

/* Waits until all below cancel, which is done, is marked. No lock held. */
static void
await_marking (LeashCancel *cancel)
{
  while (__atomic_load_n (&cancel->marking, __ATOMIC_ACQUIRE) == process_number)
    g_usleep (1);
}

/* First phase, for cancel and all below it. Returns those below that were marked here, with a reference to
 * each. */
static gboolean
mark_tree (LeashCancel *cancel, LeashReason *reason, LeashCancel **ret_marked)
{
  LeashCancel *pending = NULL;
  LeashCancel *marked = NULL;
  LeashCancel *lost = NULL; /* others came first */
  LeashCancel *child;

  if (!mark_done (cancel, reason, &pending))
    return FALSE;
  while ((child = pop (&pending)) != NULL)
    push (mark_done (child, reason, &pending) ? &marked : &lost, child);

  for (child = lost; child != NULL; child = child->next)
    await_marking (child);
  __atomic_store_n (&cancel->marking, 0, __ATOMIC_RELEASE);
  for (child = marked; child != NULL; child = child->next)
    __atomic_store_n (&child->marking, 0, __ATOMIC_RELEASE);
  while ((child = pop (&lost)) != NULL)
    leash_cancel_unref (child);
  *ret_marked = marked;
  return TRUE;
}

static void
release_tag (LeashTag *tag, LeashTracker *tracker, gconstpointer caller)
{
  if (tag == NULL)
    return;
  leash_untrack_caller (tag, caller);
  leash_tracker_unref (tracker);
}

/* Second phase, for one node. */
static void
settle (LeashCancel *cancel, gconstpointer caller)
{
  LeashLock *lock = leash_cancel_lock_of (cancel);
  GHashTable *after_funcs;
  GCancellable *cancellable;
  LeashAdoption *adoption;
  LeashTag *tag;
  LeashTracker *tracker;

  unlink_from_parent (cancel);
  if (cancel->timer.clock != NULL)
    leash_timer_stop (&cancel->timer);

  leash_lock (lock);
  after_funcs = g_steal_pointer (&cancel->after_funcs);
  adoption = g_steal_pointer (&cancel->adoption);
  tag = g_steal_pointer (&cancel->tag);
  tracker = g_steal_pointer (&cancel->tracker);
  cancellable = cancel->cancellable;
  leash_unlock (lock);

  release_tag (tag, tracker, caller);
  leash_adoption_end (adoption);
  if (cancellable != NULL)
    g_cancellable_cancel (cancellable);
  leash_after_run_all (after_funcs);
}

/* Makes cancel and all below it done. Uses up the reference to reason. */
static void
leash_cancel_finish (LeashCancel *cancel, LeashReason *reason, gconstpointer caller)
{
  LeashCancel *marked;
  LeashCancel *child;

  leash_cancel_ref (cancel); /* what runs in the second phase may drop the caller's */
  if (mark_tree (cancel, reason, &marked))
    {
      settle (cancel, caller);
      while ((child = pop (&marked)) != NULL)
        {
          settle (child, caller);
          leash_cancel_unref (child);
        }
    }
  else
    await_marking (cancel);
  leash_reason_unref (reason);
  leash_cancel_unref (cancel);
}

void
leash_cancel_cancel (LeashCancel *cancel, const GError *cause, gconstpointer caller)
{
  if (leash_cancel_get_reason (cancel) != NULL)
    await_marking (cancel);
  else
    leash_cancel_finish (cancel, leash_reason_new (G_IO_ERROR_CANCELLED, "Context was cancelled", cause),
                         caller);
}

static LeashReason *
new_timed_out (LeashCancel *cancel)
{
  g_autofree char *message = NULL;

  if (cancel->timeout == G_MININT64)
    return leash_reason_new (G_IO_ERROR_TIMED_OUT, "Context passed its deadline", cancel->timeout_cause);
  message = g_strdup_printf ("Context timed out after %g s", (double) cancel->timeout / G_USEC_PER_SEC);
  return leash_reason_new (G_IO_ERROR_TIMED_OUT, message, cancel->timeout_cause);
}

void
leash_cancel_expire (LeashCancel *cancel)
{
  if (leash_cancel_get_reason (cancel) != NULL)
    await_marking (cancel);
  else
    leash_cancel_finish (cancel, new_timed_out (cancel), LEASH_CALLER);
}

/* The last line is for a forked child, where who made deadline done may not have come to cancel. */
void
leash_cancel_expire_now (LeashCancel *cancel, LeashCancel *deadline)
{
  leash_cancel_expire (deadline);
  if (leash_cancel_get_reason (cancel) == NULL)
    leash_cancel_finish (cancel, leash_reason_ref (leash_cancel_get_reason (deadline)), LEASH_CALLER);
}

static LeashCancel *
cancel_of_timer (LeashTimer *timer)
{
  return (LeashCancel *) (gpointer) ((char *) timer - G_STRUCT_OFFSET (LeashCancel, timer));
}

static gboolean
hold_for_timer (LeashTimer *timer)
{
  return leash_cancel_try_ref (cancel_of_timer (timer));
}

static void
expire_by_timer (LeashTimer *timer)
{
  LeashCancel *cancel = cancel_of_timer (timer);

  leash_cancel_expire (cancel);
  leash_cancel_unref (cancel);
}

LeashCancel *
leash_cancel_new (LeashCancel *parent)
{
  LeashCancel *cancel = g_new0 (LeashCancel, 1);

  pthread_once (&locks_once, init_locks);
  cancel->ref_count = 1;
  if (parent != NULL)
    {
      cancel->parent = leash_cancel_ref (parent);
      cancel->deadline = parent->deadline;
    }
  return cancel;
}

/* timeout is for the message. Before start only. */
void
leash_cancel_set_deadline (LeashCancel *cancel, LeashClock *clock, gint64 due, gint64 timeout,
                           const GError *cause)
{
  cancel->deadline = cancel;
  cancel->timer.clock = leash_clock_ref (clock);
  cancel->timer.due = due;
  cancel->timer.hold = hold_for_timer;
  cancel->timer.fire = expire_by_timer;
  cancel->timeout = timeout;
  cancel->timeout_cause = cause != NULL ? g_error_copy (cause) : NULL;
}

/* Before start only. */
void
leash_cancel_set_tag (LeashCancel *cancel, LeashTracker *tracker, LeashTag *tag)
{
  if (tag == NULL)
    return;
  cancel->tag = tag;
  cancel->tracker = leash_tracker_ref (tracker);
}

void
leash_cancel_start (LeashCancel *cancel)
{
  LeashReason *reason = link_to_parent (cancel);

  if (reason != NULL)
    leash_cancel_finish (cancel, reason, LEASH_CALLER);
  else if (cancel->timer.clock != NULL && !leash_timer_start (&cancel->timer))
    leash_cancel_expire (cancel);
  else if (cancel->timer.clock != NULL && leash_cancel_get_reason (cancel) != NULL)
    leash_timer_stop (&cancel->timer); /* the parent's end came between, and found no timer to stop */
}

LeashCancel *
leash_cancel_ref (LeashCancel *cancel)
{
  __atomic_fetch_add (&cancel->ref_count, 1, __ATOMIC_RELAXED);
  return cancel;
}

/* Nobody else has it, nor finds it in a list, once it is unlinked and its timer stopped. */
static void
leash_cancel_free (LeashCancel *cancel)
{
  g_assert (cancel->children == NULL && cancel->watches == NULL);

  unlink_from_parent (cancel);
  if (cancel->timer.clock != NULL)
    leash_timer_stop (&cancel->timer);
  leash_adoption_end (cancel->adoption);
  release_tag (cancel->tag, cancel->tracker, LEASH_CALLER);
  g_clear_pointer (&cancel->after_funcs, g_hash_table_unref);
  g_clear_object (&cancel->cancellable);
  g_clear_error (&cancel->timeout_cause);
  leash_reason_unref (cancel->reason);
  leash_clock_unref (cancel->timer.clock);
  g_free (cancel);
}

/* A loop, for chains of any length. */
void
leash_cancel_unref (LeashCancel *cancel)
{
  while (cancel != NULL && __atomic_sub_fetch (&cancel->ref_count, 1, __ATOMIC_ACQ_REL) == 0)
    {
      LeashCancel *parent = cancel->parent;

      leash_cancel_free (cancel);
      cancel = parent;
    }
}

/*
 * One step while the deadlines are on one clock, because a later deadline than the parent's is not set.
 * With several clocks, as many as there are deadlines on other clocks in between.
 */
LeashCancel *
leash_cancel_find_deadline (LeashCancel *cancel, LeashClock *clock)
{
  while (cancel != NULL && (cancel = cancel->deadline) != NULL && cancel->timer.clock != clock)
    cancel = cancel->parent;
  return cancel;
}

GCancellable *
leash_cancel_get_cancellable (LeashCancel *cancel)
{
  LeashLock *lock = leash_cancel_lock_of (cancel);
  g_autoptr (GCancellable) fresh
      = __atomic_load_n (&cancel->cancellable, __ATOMIC_RELAXED) == NULL ? g_cancellable_new () : NULL;
  GCancellable *cancellable;
  gboolean is_done;

  leash_lock (lock);
  if (cancel->cancellable == NULL)
    __atomic_store_n (&cancel->cancellable, g_steal_pointer (&fresh), __ATOMIC_RELAXED);
  cancellable = cancel->cancellable;
  is_done = cancel->reason != NULL;
  leash_unlock (lock);

  if (is_done)
    g_cancellable_cancel (cancellable);
  return cancellable;
}

gboolean
leash_cancel_watch (LeashCancel *cancel, LeashWatch *watch)
{
  LeashLock *lock = leash_cancel_lock_of (cancel);
  gboolean is_done;

  watch->prev = watch->next = NULL;
  leash_lock (lock);
  is_done = cancel->reason != NULL;
  if (!is_done)
    {
      watch->next = cancel->watches;
      if (watch->next != NULL)
        watch->next->prev = watch;
      cancel->watches = watch;
    }
  leash_unlock (lock);
  return !is_done;
}

void
leash_cancel_unwatch (LeashCancel *cancel, LeashWatch *watch)
{
  LeashLock *lock = leash_cancel_lock_of (cancel);

  leash_lock (lock);
  if (watch->prev != NULL)
    watch->prev->next = watch->next;
  else if (cancel->watches == watch)
    cancel->watches = watch->next;
  if (watch->next != NULL)
    watch->next->prev = watch->prev;
  watch->prev = watch->next = NULL;
  leash_unlock (lock);
}

guint
leash_cancel_count_children (LeashCancel *cancel)
{
  LeashLock *lock = leash_cancel_lock_of (cancel);
  guint count = 0;

  leash_lock (lock);
  for (LeashCancel *child = cancel->children; child != NULL; child = child->next)
    count++;
  leash_unlock (lock);
  return count;
}
