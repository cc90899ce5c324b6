/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * LeashUse: lets a handle be used by several threads and closed by another, without a lock. Users enter and
 * leave; the closer marks the handle, so that nobody enters any more; whoever is last out closes it for good.
 * The word holds the number of users, and two marks: closing (no entry) and claimed (the last one out has
 * been found, so that the real close runs once).
 */
#pragma once

#include <glib.h>

#include "leash-atomic-private.h"
#include "leash-likely-private.h"

typedef struct
{
  guint word; /* atomic */
} LeashUse;

#define LEASH_USE_CLOSING (1u << 31)
#define LEASH_USE_CLAIMED (1u << 30)

/* Returns FALSE when the handle is closed or being closed. */
static inline gboolean
leash_use_enter (LeashUse *use)
{
  guint before = leash_atomic_fetch_add (&use->word, 1);

  if (LEASH_LIKELY ((before & LEASH_USE_CLOSING) == 0))
    return TRUE;
  leash_atomic_fetch_add (&use->word, -1u);
  return FALSE;
}

/* As leash_use_enter(), for who must be the only user: has entered, too, where FALSE comes with *ret_entered. */
static inline gboolean
leash_use_enter_alone (LeashUse *use, gboolean *ret_entered)
{
  guint before = leash_atomic_fetch_add (&use->word, 1);

  if (LEASH_LIKELY (before == 0))
    return TRUE;
  *ret_entered = (before & LEASH_USE_CLOSING) == 0;
  if (!*ret_entered)
    leash_atomic_fetch_add (&use->word, -1u);
  return FALSE;
}

/* Returns TRUE to exactly one caller once the handle is closing and nobody uses it: that one closes it. */
static inline gboolean
leash_use_claim (LeashUse *use)
{
  return leash_atomic_compare_set (&use->word, LEASH_USE_CLOSING, LEASH_USE_CLOSING | LEASH_USE_CLAIMED);
}

/* Returns TRUE when the caller is the last one out of a closing handle, and must close it. */
static inline gboolean
leash_use_leave (LeashUse *use)
{
  guint before = leash_atomic_fetch_add (&use->word, -1u);

  return LEASH_UNLIKELY (before == LEASH_USE_CLOSING + 1) && leash_use_claim (use);
}

/*
 * Returns TRUE to the one caller that marked the handle. Where it was alone, it has claimed the handle as
 * well, and closes it for good. Where there are others, it is a user until it leaves: what it does to wake
 * them happens before the handle is closed for good.
 */
static inline gboolean
leash_use_close (LeashUse *use, gboolean *ret_has_others)
{
  guint before = 0;
  guint after = LEASH_USE_CLOSING | LEASH_USE_CLAIMED;

  while (LEASH_UNLIKELY (!leash_atomic_compare_set (&use->word, before, after)))
    {
      before = __atomic_load_n (&use->word, __ATOMIC_RELAXED);
      if ((before & LEASH_USE_CLOSING) != 0)
        return FALSE;
      after = before != 0 ? (before | LEASH_USE_CLOSING) + 1 : LEASH_USE_CLOSING | LEASH_USE_CLAIMED;
    }
  *ret_has_others = before != 0;
  return TRUE;
}

static inline gboolean
leash_use_is_closed (LeashUse *use)
{
  return (__atomic_load_n (&use->word, __ATOMIC_ACQUIRE) & LEASH_USE_CLOSING) != 0;
}
