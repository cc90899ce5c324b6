/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What test-handover.c hands from thread to thread: batons, each a resource of some kind, and what their
 * holder does to them. Whoever does something that is a misuse counts it in its Self.
 */
#pragma once

#include "tracker-fixture.h"

#define FAMILY 3 /* siblings */

typedef enum
{
  PLAIN,
  PAIR,    /* a parent and its child, which may be closed in the wrong order */
  SIBLING, /* of those that share a parent: the last one closes it */
  POINTER,
  OBJECT,
  N_KINDS
} Kind;

static const char *const kind_names[N_KINDS]
    = { "handover-plain", "handover-child", "handover-sibling", "handover-pointer", "handover-object" };

/* Roots, and what is nested in the first of them. */
enum
{
  OUTER,
  NESTED,
  OTHER,
  N_TRACKERS
};

typedef struct
{
  LeashTag *parent; /* atomic */
  gint where;       /* atomic; of the parent */
  gint n_left;      /* atomic */
  gint moving;      /* atomic; somebody adopts the parent */
} Family;

typedef struct _Baton Baton;
struct _Baton
{
  Baton *next; /* in a mailbox */
  Kind kind;
  guint where;            /* of the tag: OUTER also for a tracker that was dropped */
  gboolean is_in_passing; /* in a tracker of its own below OUTER */
  gboolean is_kept;
  LeashTag *tag;    /* NULL once it is closed */
  LeashTag *closed; /* a tag that is to be released once more */
  LeashTag *parent; /* of a PAIR; NULL once it is closed */
  guint parent_where;
  gboolean is_parent_closed;
  Family *family;  /* of a SIBLING */
  GObject *object; /* of an OBJECT */
};

typedef struct
{
  Baton *first; /* atomic: pushed one by one, taken all at once */
} Mailbox;

typedef struct
{
  Tracked trackers[N_TRACKERS];
  guint n_threads;
  guint32 seed;
  Mailbox *mailboxes;
  gint n_batons; /* atomic */
  gint n_events; /* atomic; here, as a listener may be called once more behind the end of who removed it */
  gint stopped;  /* atomic */
} Arena;

typedef struct
{
  Arena *arena;
  guint32 random;
  guint64 n_misuses; /* that this thread committed */
  guint64 n_closed;
} Self;

static guint
pick (Self *self, guint n)
{
  self->random ^= self->random << 13;
  self->random ^= self->random >> 17;
  self->random ^= self->random << 5;
  return (guint) (((guint64) self->random * n) >> 32);
}

static LeashContext *
get_ctx (Self *self, guint where)
{
  return self->arena->trackers[where].ctx;
}

static void
post (Self *self, Baton *baton)
{
  Mailbox *mailbox = &self->arena->mailboxes[pick (self, self->arena->n_threads)];

  baton->next = __atomic_load_n (&mailbox->first, __ATOMIC_RELAXED);
  while (!__atomic_compare_exchange_n (&mailbox->first, &baton->next, baton, TRUE, __ATOMIC_RELEASE,
                                       __ATOMIC_RELAXED))
    ;
}

static Baton *
take_all (Mailbox *mailbox)
{
  return __atomic_exchange_n (&mailbox->first, NULL, __ATOMIC_ACQUIRE);
}

static Baton *
baton_new (Self *self, Kind kind, guint where)
{
  Baton *baton = g_new0 (Baton, 1);

  __atomic_add_fetch (&self->arena->n_batons, 1, __ATOMIC_RELAXED);
  baton->kind = kind;
  baton->where = baton->parent_where = where;
  return baton;
}

static void
baton_free (Self *self, Baton *baton)
{
  __atomic_sub_fetch (&self->arena->n_batons, 1, __ATOMIC_RELAXED);
  g_clear_object (&baton->object);
  g_free (baton);
}

/* Opening */

static void
open_pair (Self *self, Baton *baton, LeashContext *ctx)
{
  baton->parent = leash_track (ctx, "handover-parent", "parent");
  baton->tag = leash_track_child (get_ctx (self, baton->where), baton->parent, kind_names[PAIR], NULL);
}

static Baton *
open_baton (Self *self, Kind kind, guint where, LeashContext *ctx)
{
  Baton *baton = baton_new (self, kind, where);

  switch (kind)
    {
    case PAIR:
      open_pair (self, baton, ctx);
      break;
    case POINTER:
      baton->tag = leash_track_pointer (ctx, kind_names[kind], baton, "key");
      break;
    case OBJECT:
      baton->object = g_object_new (G_TYPE_OBJECT, NULL);
      baton->tag = leash_watch_object (ctx, baton->object, kind_names[kind]);
      break;
    default:
      baton->tag = leash_track (ctx, kind_names[kind], "named");
    }
  return baton;
}

/* All are open before one is handed on: the parent's first tag leads on only while it has children. */
static void
open_family (Self *self, guint where)
{
  Baton *batons[FAMILY];
  LeashTag *parent = leash_track (get_ctx (self, where), "handover-parent", NULL);
  Family *family;

  if (parent == NULL)
    return;
  family = g_new0 (Family, 1);
  family->parent = parent;
  family->where = (gint) where;
  family->n_left = FAMILY;
  for (gint i = 0; i < FAMILY; i++)
    {
      batons[i] = baton_new (self, SIBLING, pick (self, N_TRACKERS));
      batons[i]->family = family;
      batons[i]->tag
          = leash_track_child (get_ctx (self, batons[i]->where), parent, kind_names[SIBLING], NULL);
    }
  for (gint i = 0; i < FAMILY; i++)
    post (self, batons[i]);
}

/* Where a tracker is off there is no tag, and nothing to hand on. */
static void
open_one (Self *self)
{
  Kind kind = (Kind) pick (self, N_KINDS);
  guint where = pick (self, N_TRACKERS);

  if (kind == SIBLING)
    open_family (self, where);
  else
    post (self, open_baton (self, kind, where, get_ctx (self, where)));
}

/* Closing */

static void
close_pointer (Self *self, Baton *baton)
{
  guint where = baton->where;

  if (where != OTHER && !baton->is_in_passing)
    where = pick (self, 2); /* above and below are as good */
  if (pick (self, 8) == 0)
    {
      where = where == OTHER ? OUTER : OTHER;
      self->n_misuses++;
    }
  leash_untrack_pointer (get_ctx (self, where), kind_names[POINTER], baton);
}

static void
leave_family (Family *family)
{
  if (__atomic_sub_fetch (&family->n_left, 1, __ATOMIC_ACQ_REL) > 0)
    return;
  leash_untrack (family->parent);
  g_free (family);
}

static void
close_tag (Self *self, Baton *baton)
{
  LeashTag *tag = g_steal_pointer (&baton->tag);

  if (baton->kind == POINTER && tag != NULL)
    close_pointer (self, baton);
  else if (baton->kind == OBJECT && pick (self, 2) == 0)
    g_clear_object (&baton->object);
  else
    leash_untrack (tag);
  if (baton->is_parent_closed && tag != NULL)
    self->n_misuses++;
  if (baton->family != NULL)
    leave_family (g_steal_pointer (&baton->family));
  /* One in a tracker that may be gone would be nobody's. */
  if (!baton->is_in_passing && pick (self, 4) == 0)
    baton->closed = tag;
  self->n_closed++;
}

static void
close_parent (Self *self, Baton *baton)
{
  baton->is_parent_closed |= baton->parent != NULL;
  leash_untrack (g_steal_pointer (&baton->parent));
}

static void
release_again (Self *self, Baton *baton)
{
  LeashTag *tag = g_steal_pointer (&baton->closed);

  if (tag == NULL)
    return;
  self->n_misuses++;
  if (pick (self, 2) == 0)
    leash_untrack (tag);
  else
    g_assert_null (leash_tag_adopt (tag, get_ctx (self, NESTED)));
}

static void
close_all (Self *self, Baton *baton)
{
  if (baton->tag != NULL || baton->family != NULL)
    close_tag (self, baton);
  close_parent (self, baton);
  release_again (self, baton);
}

/* What a holder does to what is open */

static void
adopt (Self *self, Baton *baton)
{
  guint where = pick (self, N_TRACKERS);
  LeashTag *adopted = leash_tag_adopt (baton->tag, get_ctx (self, where));

  g_assert_nonnull (adopted);
  if (adopted == baton->tag)
    return; /* it was there, or that one is off */
  baton->tag = adopted;
  baton->where = where;
  baton->is_in_passing = FALSE;
}

static void
adopt_parent (Self *self, LeashTag **parent, guint *where)
{
  guint to = pick (self, N_TRACKERS);
  LeashTag *adopted = leash_tag_adopt (*parent, get_ctx (self, to));

  g_assert_nonnull (adopted);
  if (adopted != *parent)
    *where = to;
  __atomic_store_n (parent, adopted, __ATOMIC_RELEASE);
}

/* The tag that the parent had before leads on to the present one: for the other siblings' holders. */
static void
adopt_family (Self *self, Family *family)
{
  guint where;

  if (__atomic_exchange_n (&family->moving, TRUE, __ATOMIC_ACQ_REL))
    return;
  where = (guint) __atomic_load_n (&family->where, __ATOMIC_RELAXED);
  adopt_parent (self, &family->parent, &where);
  __atomic_store_n (&family->where, (gint) where, __ATOMIC_RELAXED);
  __atomic_store_n (&family->moving, FALSE, __ATOMIC_RELEASE);
}

static void
adopt_any_parent (Self *self, Baton *baton)
{
  if (baton->parent != NULL)
    adopt_parent (self, &baton->parent, &baton->parent_where);
  else if (baton->family != NULL && baton->tag != NULL)
    adopt_family (self, baton->family);
}

/* Of the tag itself, and of a parent that others adopt meanwhile. */
static void
open_child (Self *self, Baton *baton)
{
  LeashContext *ctx = get_ctx (self, pick (self, N_TRACKERS));

  leash_untrack (leash_track_child (ctx, baton->tag, "handover-grandchild", NULL));
  if (baton->family != NULL)
    leash_untrack (leash_track_child (ctx, __atomic_load_n (&baton->family->parent, __ATOMIC_ACQUIRE),
                                      "handover-grandchild", NULL));
}

static void
reuse_pointer (Self *self, Baton *baton)
{
  LeashTag *tag;

  if (baton->kind != POINTER || baton->is_in_passing)
    return;
  tag = leash_track_pointer (get_ctx (self, baton->where), kind_names[POINTER], baton, "again");
  if (tag == NULL)
    return;
  baton->tag = tag;
  baton->is_kept = FALSE;
  self->n_misuses++;
}

static void
misuse (Self *self, Baton *baton)
{
  leash_tag_misused (baton->tag, "touched with dirty hands", LEASH_CALLER);
  self->n_misuses++;
}

static void
keep (Self *self, Baton *baton)
{
  leash_tag_keep_open (baton->tag);
  baton->is_kept = TRUE;
}

static void
rename_tag (Self *self, Baton *baton)
{
  leash_tag_set_name (baton->tag, "renamed");
}

static void
touch (Self *self, Baton *baton)
{
  leash_tag_touch (baton->tag, "touched");
}

static void (*const deeds[]) (Self *self, Baton *baton)
    = { adopt, touch, adopt, adopt_any_parent, adopt_any_parent, open_child, rename_tag, misuse,
        reuse_pointer, keep,  close_tag,        close_tag,        close_all };

/* Does something to it, and hands it on while there is something to hand on. */
static void
handle (Self *self, Baton *baton)
{
  release_again (self, baton);
  if (baton->tag != NULL)
    deeds[pick (self, G_N_ELEMENTS (deeds))](self, baton);
  else
    close_all (self, baton);
  if (baton->kind == PAIR && pick (self, 8) == 0)
    close_parent (self, baton);
  if (baton->tag != NULL || baton->parent != NULL || baton->closed != NULL)
    post (self, baton);
  else
    baton_free (self, baton);
}
