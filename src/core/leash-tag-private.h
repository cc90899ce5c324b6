/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What opening (leash-tag.c) and closing (leash-untrack.c) share. */
#pragma once

#include "leash-depot-private.h"
#include "leash-tracker-private.h"

/* Frames of the stack of a misuse whose tracker may be gone, and with it its depth. */
#define LEASH_MISUSE_DEPTH 32

typedef struct _LeashWatched LeashWatched;

/* What a public function was asked to track. */
typedef struct
{
  LeashTag *parent;       /* may be NULL */
  const char *kind;
  const char *name;       /* may be NULL */
  gconstpointer caller;
  const LeashSite *site;  /* may be NULL */
  gboolean is_keyed;
  guintptr key;
  LeashWatched *watched;  /* may be NULL; not with a key */
} LeashOpening;

void         leash_tag_add_reentry   (void) __attribute__ ((cold));

/* Returns NULL, and counts, when the thread is inside the tracker already. */
static inline LeashThread *
leash_tag_enter_as (LeashThread *self)
{
  if (LEASH_UNLIKELY (self->busy))
    {
      leash_tag_add_reentry ();
      return NULL;
    }
  self->busy = TRUE;
  /* For a signal handler of this thread: the mark is set before anything else is done. */
  __atomic_signal_fence (__ATOMIC_SEQ_CST);
  return self;
}

static inline LeashThread *
leash_tag_enter (void)
{
  return leash_tag_enter_as (leash_thread_get ());
}

static inline void
leash_tag_leave (LeashThread *self)
{
  __atomic_signal_fence (__ATOMIC_SEQ_CST);
  self->busy = FALSE;
}

LeashTag    *leash_tag_store         (LeashTracker    *tracker,
                                      LeashThread     *self,
                                      const LeashSlot *from);
void         leash_tag_add_stray     (void);
guint64      leash_tag_count_reentry (void);

/* The tag's handle was tracked again, at stack: takes it off the list as closed and forgotten. */
void         leash_tag_replaced      (LeashTag        *tag,
                                      LeashStackId     stack);
/* Records a use of what the tag stands for, which should not have been used at that time. */
void         leash_tag_record_use    (LeashTag        *tag,
                                      const char      *what,
                                      LeashStackId     stack);

/* Closes what is open, and has nothing to say about what is not. */
void         leash_untrack_if_open   (LeashTag        *tag,
                                      gconstpointer    caller);

/* leash-watch-object.c */
LeashWatched *leash_watched_new      (void);
/* Takes watched; tag may be NULL. */
void         leash_watched_start     (LeashWatched    *watched,
                                      GObject         *object,
                                      LeashTag        *tag);
/* With the shard's locks held; NULL for a slot that no object closes, else a reference. */
LeashWatched *leash_watched_ref_of   (const LeashSlot *slot);
/* The resource has another tag now. Takes watched. */
void         leash_watched_move      (LeashWatched    *watched,
                                      LeashTag        *from,
                                      LeashTag        *to);

/* A resource as listeners are told of it, with a name of its own. */
typedef struct
{
  LeashResource resource;
  char *name;
} LeashTold;

/* With the locks of the slot's shard held. */
void         leash_told_fill_from    (LeashTold       *told,
                                      LeashTracker    *tracker,
                                      const LeashSlot *slot);
/* Returns FALSE when the tag's tracker is gone or the tag is stale. */
gboolean     leash_told_fill         (LeashTold       *told,
                                      LeashTag        *tag);
void         leash_told_clear        (LeashTold       *told);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (LeashTold, leash_told_clear)
