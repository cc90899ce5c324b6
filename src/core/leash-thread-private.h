/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What Leash knows of each thread. Lives in the thread's own storage, so it needs no lock. */
#pragma once

#include <glib.h>

#include "leash-likely-private.h"

/* Of each tracker. Threads beyond this number share them. */
#define LEASH_N_SHARDS 64

#define LEASH_KIND_CACHE 16
#define LEASH_RECENT_STACKS 32

typedef struct _LeashReplay LeashReplay;

typedef struct
{
  LeashReplay *replay;    /* what is known of the thread's stacks, see leash-replay.c; NULL until there is need */
  char *old_name;         /* room for the next resource's, see leash-name.c; NULL while there is none */
  gboolean keeps_old_name; /* FALSE until there was one */
  guint32 captures_until_replay; /* counts up; G_MAXUINT32 where there will be none */
  guint32 tid;            /* the kernel's; 0 until leash_thread_get() is called in the thread */
  guint16 name;           /* interned when first seen; "main" for the main thread */
  guint16 shard;          /* its number in each tracker */
  guint32 random;         /* state of a small generator, for sampling */
  guint32 until_sample;   /* opens until the next one that is sampled; past what a tracker allows, drawn anew */
  gboolean busy;          /* inside the tracker: what a signal handler or a hook opens now is not tracked */
  gboolean in_listener;   /* listeners are not told of what listeners do */
  guint32 recent[LEASH_RECENT_STACKS]; /* ids of stacks that were taken last, by their callers' addresses */
  struct
  {
    const char *pointer;  /* to what never changes: a string in the program's code */
    gsize id;
  } constant_kinds[LEASH_KIND_CACHE];
  struct
  {
    const char *pointer;  /* where the string was: its content is compared */
    const char *text;     /* the interned string of that number */
    guint16 id;
  } kinds[LEASH_KIND_CACHE];
} LeashThread;

extern __thread LeashThread leash_thread_self __attribute__ ((tls_model ("initial-exec"), visibility ("hidden")));

void    leash_thread_fill (LeashThread *self) __attribute__ ((cold));
guint16 leash_thread_find_kind (LeashThread *self,
                                const char  *kind,
                                guint        slot);
guint32 leash_thread_random (LeashThread *self);

static inline LeashThread *
leash_thread_get (void)
{
  LeashThread *self = &leash_thread_self;

  if (LEASH_UNLIKELY (self->tid == 0))
    leash_thread_fill (self);
  return self;
}

/*
 * For what allocates with a lock of trackers held: an allocator's hook that opens something meanwhile would wait
 * for that lock. Returns what the mark was, to be put back. FALSE for calls into the program, which may open.
 */
static inline gboolean
leash_thread_set_busy (gboolean busy)
{
  LeashThread *self = &leash_thread_self;
  gboolean was_busy = self->busy;

  __atomic_signal_fence (__ATOMIC_SEQ_CST);
  self->busy = busy;
  __atomic_signal_fence (__ATOMIC_SEQ_CST);
  return was_busy;
}

/* The interned number of a kind. */
static inline guint16
leash_thread_kind (LeashThread *self, const char *kind)
{
  guint slot = ((guintptr) kind >> 3) % LEASH_KIND_CACHE;

  if (LEASH_UNLIKELY (self->constant_kinds[slot].pointer != kind))
    return leash_thread_find_kind (self, kind, slot);
  return self->constant_kinds[slot].id;
}
