/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * LeashHandle: what open files, directories, connections and listeners have in common: references, the guard
 * that makes a close in another thread safe, the tag, and the name for messages. It is the first field of
 * each. Nothing is locked: every field but the two atomic ones is set before the handle is given out, and
 * never changes.
 */
#pragma once

#include <leash/leash-track.h>

#include "leash-attempt-private.h"
#include "leash-history-private.h"
#include "leash-use-private.h"

typedef struct _LeashHandle LeashHandle;
struct _LeashHandle
{
  gint ref_count;         /* atomic */
  LeashUse use;           /* who is in an operation; see there */
  LeashTag *tag;          /* kept after the close, so that a misuse can be told with its stacks */
  gpointer impl;          /* not to be touched by who has not entered */
  GDestroyNotify destroy; /* called behind close */
  gboolean (*close) (gpointer impl, GError **error);
  void (*wake) (LeashHandle *handle); /* ends the operations that wait in other threads; NULL: they end alone */
  const char *noun; /* "file", for messages */
  const char *name; /* the path or address; in the same allocation, behind the handle */
  int known_fd;     /* the descriptor that censuses leave out, because the tag tells of it; -1 for none */
};

void     leash_handle_init   (LeashHandle        *handle,
                              gpointer            impl,
                              GDestroyNotify      destroy,
                              gboolean          (*close) (gpointer impl, GError **error),
                              const char         *noun,
                              const char         *name);
/* Called once, before anybody else sees it. get_fd may be NULL. */
void     leash_handle_track  (LeashHandle        *handle,
                              LeashContext       *ctx,
                              const char         *kind,
                              const char         *name,
                              int               (*get_fd) (gpointer impl),
                              gconstpointer       caller);
gboolean leash_handle_close  (LeashHandle        *handle,
                              gconstpointer       caller,
                              GError            **error);
/* Returns TRUE when the last reference went, and the memory is the caller's to free. */
gboolean leash_handle_unref  (LeashHandle        *handle,
                              gconstpointer       caller);
/* Records the misuse; always returns FALSE. */
gboolean leash_handle_refuse (LeashHandle        *handle,
                              const LeashAttempt *attempt,
                              gconstpointer       caller,
                              GError            **error) G_GNUC_NO_INLINE;
/* Says why an operation failed: that it was closed meanwhile, if it was, else what the operation said. */
void     leash_handle_explain (LeashHandle        *handle,
                              const LeashAttempt *attempt,
                              GError            **error) G_GNUC_NO_INLINE;
/* -1 when get_fd is NULL, and when the handle is closed, which is a misuse. */
int      leash_handle_get_fd  (LeashHandle        *handle,
                              int               (*get_fd) (gpointer impl),
                              gconstpointer       caller);
gboolean leash_handle_finish (LeashHandle        *handle,
                              GError            **error) G_GNUC_NO_INLINE;

static inline void
leash_handle_ref (LeashHandle *handle)
{
  __atomic_fetch_add (&handle->ref_count, 1, __ATOMIC_RELAXED);
}

static inline gboolean
leash_handle_enter (LeashHandle *handle, const LeashAttempt *attempt, gconstpointer caller, GError **error)
{
  if (G_UNLIKELY (!leash_use_enter (&handle->use)))
    return leash_handle_refuse (handle, attempt, caller, error);
  if (leash_history_is_on ())
    leash_tag_touch_caller (handle->tag, attempt->what, caller);
  return TRUE;
}

static inline void
leash_handle_leave (LeashHandle *handle)
{
  if (leash_use_leave (&handle->use))
    leash_handle_finish (handle, NULL);
}
