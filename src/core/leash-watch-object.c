/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Objects that close themselves. An object's weak reference cannot lead to the tag itself: the resource has
 * another one once it is adopted by another tracker, and the first tracker may be gone before the object is.
 * So it leads to a LeashWatched, which holds the present tag, and the slot leads there too, while it is open.
 *
 * The object may go while its resource is on its way to another tracker. Both sides change the tag
 * atomically: who moves the resource finds that the object is gone, and closes it.
 */
#include "leash-tag-private.h"

struct _LeashWatched
{
  gint ref_count; /* atomic; the object's weak reference, and whoever moves the resource */
  LeashTag *tag;  /* atomic; NULL once the object is gone */
};

LeashWatched *
leash_watched_new (void)
{
  LeashWatched *watched = g_new0 (LeashWatched, 1);

  watched->ref_count = 1;
  return watched;
}

static void
watched_unref (LeashWatched *watched)
{
  if (__atomic_sub_fetch (&watched->ref_count, 1, __ATOMIC_ACQ_REL) == 0)
    g_free (watched);
}

static void
object_gone (gpointer data, GObject *where_it_was)
{
  LeashWatched *watched = data;

  leash_untrack_if_open (__atomic_exchange_n (&watched->tag, NULL, __ATOMIC_ACQ_REL), LEASH_CALLER);
  watched_unref (watched);
}

void
leash_watched_start (LeashWatched *watched, GObject *object, LeashTag *tag)
{
  if (tag == NULL)
    {
      watched_unref (watched);
      return;
    }
  __atomic_store_n (&watched->tag, tag, __ATOMIC_RELEASE);
  g_object_weak_ref (object, object_gone, watched);
}

/* An open slot was not closed by object_gone() yet, which needs the shard's lock for that: watched is alive.
 */
LeashWatched *
leash_watched_ref_of (const LeashSlot *slot)
{
  LeashWatched *watched;

  if ((slot->flags & LEASH_SLOT_WATCHED) == 0)
    return NULL;
  watched = (LeashWatched *) ~slot->at.watch;
  __atomic_fetch_add (&watched->ref_count, 1, __ATOMIC_RELAXED);
  return watched;
}

void
leash_watched_move (LeashWatched *watched, LeashTag *from, LeashTag *to)
{
  LeashTag *expected = from;

  if (!__atomic_compare_exchange_n (&watched->tag, &expected, to, FALSE, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
    {
      /* No lock is held: a release may be made although the thread is inside the tracker. */
      gboolean was_busy = leash_thread_set_busy (FALSE);

      leash_untrack_if_open (to, LEASH_CALLER);
      leash_thread_set_busy (was_busy);
    }
  watched_unref (watched);
}
