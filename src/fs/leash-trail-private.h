/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* LeashTrail: where a walk through a tree is, and how the file system is asked about it; see leash-trail.c. */
#pragma once

#include <string.h>

#include "leash-fs-private.h"

/* Never: the whole path is always asked for. */
#define LEASH_TRAIL_NO_ROOTS G_MAXSIZE
/* Paths stay well below what a system call takes. */
#define LEASH_TRAIL_LONG ((gsize) 1024)
/* Each directory is opened, and acted in by bare names. */
#define LEASH_TRAIL_ALL_ROOTS ((gsize) 0)

typedef struct
{
  LeashContext *ctx; /* borrowed */
  char *path;        /* owned; grows; all of it, as the user would write it */
  gsize length;
  gsize size;
  LeashFs *fs;      /* the last station's; borrowed from it */
  gsize base;       /* where, in path, begins what fs is asked for */
  gsize step;       /* from how many bytes behind base on a directory becomes a station */
  GArray *stations; /* of Station; not empty */
} LeashTrail;

/* Begins at path, which fs is asked about from base on. */
void     leash_trail_init    (LeashTrail    *trail,
                              LeashContext  *ctx,
                              LeashFs       *fs,
                              const char    *path,
                              gsize          base,
                              gsize          step);
void     leash_trail_clear   (LeashTrail    *trail);

/* The path is a directory whose names come next; leave() is its counterpart, before the path is cut. */
gboolean leash_trail_enter   (LeashTrail    *trail,
                              GError       **error);
gboolean leash_trail_leave   (LeashTrail    *trail,
                              GError       **error);

/* Puts where it was before an error that has a part of the path only. */
void     leash_trail_explain (const LeashTrail *trail,
                              GError       **error);
void     leash_trail_grow    (LeashTrail    *trail,
                              gsize          more) G_GNUC_NO_INLINE;

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (LeashTrail, leash_trail_clear)

/* What fs is asked for at this moment. */
static inline const char *
leash_trail_get (const LeashTrail *trail)
{
  return trail->base >= trail->length ? "." : trail->path + trail->base;
}

/* Goes on to a name in the directory. Returns the length to cut the path to. */
static inline gsize
leash_trail_push (LeashTrail *trail, const char *name)
{
  gsize before = trail->length;
  gsize length = strlen (name);

  if (LEASH_UNLIKELY (before + length + 2 > trail->size))
    leash_trail_grow (trail, length + 2);
  if (LEASH_LIKELY (trail->path[before - 1] != '/'))
    trail->path[trail->length++] = '/';
  memcpy (trail->path + trail->length, name, length + 1);
  trail->length += length;
  return before;
}

static inline void
leash_trail_cut (LeashTrail *trail, gsize length)
{
  trail->length = length;
  trail->path[length] = '\0';
}
