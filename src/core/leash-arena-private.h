/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Memory for tags. See leash-arena.c for why it is never unmapped. */
#pragma once

#include <glib.h>
#include <leash/leash-stack.h>
#include <leash/leash-track.h>

#include "leash-lock-private.h"

typedef struct _LeashShard LeashShard;
typedef struct _LeashExtra LeashExtra;
typedef struct _LeashSlab LeashSlab;
typedef struct _LeashSlot LeashSlot;

typedef enum
{
  LEASH_SLOT_FREE,     /* never used, or its tracker is gone */
  LEASH_SLOT_OPEN,
  LEASH_SLOT_RELEASED, /* in quarantine, or kept by its children */
  LEASH_SLOT_MOVING,   /* on its way to another tracker; a parent still, but not to be released by this tag */
  LEASH_SLOT_MOVED     /* adopted by another tracker; `parent` is where to */
} LeashSlotState;

typedef enum
{
  LEASH_SLOT_KEYED = 1 << 0,      /* in its tracker's table of keys */
  LEASH_SLOT_KEPT = 1 << 1,       /* meant to stay open */
  LEASH_SLOT_ADOPTED = 1 << 2,
  LEASH_SLOT_SAMPLED = 1 << 3,    /* its stack was taken, at a level that takes few */
  LEASH_SLOT_CLOSE_STACK = 1 << 4, /* at.stack is set, not at.pc */
  LEASH_SLOT_WATCHED = 1 << 5,     /* closed by an object's end: at.watch is set while open */
  LEASH_SLOT_OVERDUE = 1 << 6,     /* open for longer than the age limit */
  LEASH_SLOT_WAS_OVERDUE = 1 << 7  /* until it was adopted: is not told again */
} LeashSlotFlags;

/*
 * What a tag refers to. All of it is guarded by the locks of the shard that its slab belongs to (which of them,
 * see leash-shard-private.h), but for next while it is in the table of keys, which guards it then.
 */
struct _LeashSlot
{
  char *name;         /* owned; kept in quarantine, so that a misuse can name what it was */
  union
  {
    guintptr key;     /* complemented, so that leak checkers do not take it for a reference */
    guintptr watch;   /* complemented; see leash-watch-object.c */
    guintptr pc;      /* of a released one: where it was closed */
    LeashStackId stack; /* likewise; of one that has moved: where it was adopted */
  } at;
  LeashSlot *next;    /* in the table of keys while open, in the list of free ones after */
  LeashExtra *extra;  /* owned; NULL for most */
  gint64 opened_by;   /* when << LEASH_SLOT_TID_BITS | thread's id: see leash_slot_get_opened() */
  guint32 stack;
  guint16 thread;     /* interned names */
  guint16 kind;
  union
  {
    struct
    {
      guint32 children;   /* open ones; a released slot is not used again before they are closed */
      guint16 generation; /* counts the slot's uses; part of the tag's pointer */
      guint8 state;       /* LeashSlotState */
      guint8 flags;       /* LeashSlotFlags */
    };
    guint64 life; /* atomic; all of them: see leash_slot_pack_life() */
  };
} __attribute__ ((aligned (8)));

G_STATIC_ASSERT (sizeof (LeashSlot) <= 56);

/* The kernel counts threads up to 4194304. What is left of the word lasts 17 years each way. */
#define LEASH_SLOT_TID_BITS 24

#define LEASH_SLAB_SIZE ((gsize) 64 * 1024)
#define LEASH_SLAB_SLOTS (LEASH_SLAB_SIZE / sizeof (LeashSlot))

/* A slot's life, all in one, for a slot without children. */
static inline guint64
leash_slot_pack_life (guint16 generation, LeashSlotState state, guint flags)
{
  guint64 life = generation;

  if (G_BYTE_ORDER == G_LITTLE_ENDIAN)
    return life << 32 | (guint64) state << 48 | (guint64) flags << 56;
  return life << 16 | (guint64) state << 8 | flags;
}

/* In the first slot's place of each slab. */
struct _LeashSlab
{
  LeashShard *shard; /* atomic; NULL while the slab is free. Changed under the shard's locks */
  LeashSlab *next;   /* in the shard's list */
  guint32 n_used;    /* slots that were ever taken, the header's among them */
  guint16 first_generation; /* of its slots: differs from what it was for another tracker */
  gboolean is_reused;       /* was another tracker's before */
};

G_STATIC_ASSERT (sizeof (LeashSlab) <= sizeof (LeashSlot));

/* Zeroed but for the header. */
LeashSlab *leash_arena_take_slab   (LeashShard *shard);
void       leash_arena_return_slab (LeashSlab  *slab);
/* For leash-fork.c */
LeashLock *leash_arena_get_fork_lock (void);

static inline LeashSlot *
leash_slab_get_slot (LeashSlab *slab, guint index)
{
  return (LeashSlot *) slab + index;
}

/*
 * A tag's pointer is its slot's address with the slot's generation in the bits that addresses leave: where the
 * system gives out no address above 48 bits unless asked to, the 16 above, and elsewhere the 3 low ones. A stale
 * tag is taken for its slot's present one once in 65536 times there, once in 8 times elsewhere.
 */
#if defined(__x86_64__) && defined(__LP64__) || defined(__aarch64__) && defined(__LP64__)
#define LEASH_TAG_SHIFT 48
#define LEASH_TAG_GENERATIONS ((guintptr) G_MAXUINT16 << LEASH_TAG_SHIFT)
#else
#define LEASH_TAG_SHIFT 0
#define LEASH_TAG_GENERATIONS ((guintptr) 7)
#endif
#define LEASH_TAG_ADDRESSES (~LEASH_TAG_GENERATIONS)

static inline LeashTag *
leash_slot_get_tag_of (const LeashSlot *slot, guint16 generation)
{
  return (LeashTag *) ((guintptr) slot
                       | (((guintptr) generation << LEASH_TAG_SHIFT) & LEASH_TAG_GENERATIONS));
}

static inline LeashTag *
leash_slot_get_tag (const LeashSlot *slot)
{
  return leash_slot_get_tag_of (slot, slot->generation);
}

/* Whether it is the life of the tag's slot while that is open, without children and flags. */
static inline gboolean
leash_tag_is_plain_life (const LeashTag *tag, guint64 life)
{
  guint64 plain = leash_slot_pack_life ((guint16) ((guintptr) tag >> LEASH_TAG_SHIFT), LEASH_SLOT_OPEN, 0);
  guint64 ignored = leash_slot_pack_life ((guint16) ~(LEASH_TAG_GENERATIONS >> LEASH_TAG_SHIFT), 0, 0);

  return ((life ^ plain) & ~ignored) == 0;
}

static inline LeashSlot *
leash_tag_get_slot (const LeashTag *tag)
{
  return (LeashSlot *) ((guintptr) tag & LEASH_TAG_ADDRESSES);
}

/* Milliseconds since the tracker was made, before it if negative. */
static inline gint64
leash_slot_get_opened (const LeashSlot *slot)
{
  return slot->opened_by >> LEASH_SLOT_TID_BITS;
}

static inline guint32
leash_slot_get_tid (const LeashSlot *slot)
{
  return slot->opened_by & ((1 << LEASH_SLOT_TID_BITS) - 1);
}

static inline gint64
leash_slot_pack (gint64 opened, guint32 tid)
{
  return (gint64) ((guint64) opened << LEASH_SLOT_TID_BITS) | tid;
}

static inline LeashSlab *
leash_tag_get_slab (const LeashTag *tag)
{
  return (LeashSlab *) ((guintptr) tag & LEASH_TAG_ADDRESSES & ~(LEASH_SLAB_SIZE - 1));
}
