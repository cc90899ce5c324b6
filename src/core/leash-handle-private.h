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
#include "leash-likely-private.h"
#include "leash-own-fd-private.h"
#include "leash-use-private.h"

typedef struct _LeashHandle LeashHandle;
struct _LeashHandle
{
  gint ref_count;         /* atomic */
  LeashUse use;           /* who is in an operation; see there */
  LeashTag *tag;          /* kept after the close, so that a misuse can be told with its stacks */
  gpointer impl;          /* not to be touched by who has not entered */
  GDestroyNotify destroy; /* of impl; called by end */
  void (*end) (LeashHandle *handle); /* called behind close; NULL for nothing to do */
  gboolean (*close) (gpointer impl, GError **error);
  void (*wake) (LeashHandle *handle); /* ends the operations that wait in other threads; NULL: they end alone */
  const char *noun; /* "file", for messages */
  const char *name; /* the path or address; in the same allocation, behind the handle */
  int known_fd;     /* the descriptor that censuses leave out, because the tag tells of it; -1 for none */
};

gboolean leash_handle_close   (LeashHandle        *handle,
                               gconstpointer       caller,
                               GError            **error) G_GNUC_NO_INLINE;
/* What the second to close gets; always returns FALSE. */
gboolean leash_handle_refuse_close    (LeashHandle *handle,
                                       gconstpointer caller,
                                       GError      **error) G_GNUC_NO_INLINE;
/* Closing, with others in an operation: wakes them; the last to leave closes for good. */
gboolean leash_handle_leave_to_others (LeashHandle *handle,
                                       GError     **error) G_GNUC_NO_INLINE;
/* Records the misuse; always returns FALSE. */
gboolean leash_handle_refuse (LeashHandle        *handle,
                              const LeashAttempt *attempt,
                              gconstpointer       caller,
                              GError            **error) G_GNUC_NO_INLINE;
/* For who would not be the only user, and has entered or not; always returns FALSE. */
gboolean leash_handle_refuse_second   (LeashHandle        *handle,
                                       const LeashAttempt *attempt,
                                       gboolean            has_entered,
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
/* The end of most: destroys impl, if it is to be. */
void     leash_handle_destroy (LeashHandle        *handle);

/*
 * For a handle that stands before another one of its kind, and is the only one to use it. The first takes what
 * is known of the inner one over, its tag and its descriptor, when it is made; the second closes the inner one,
 * with the bare reason for an error.
 */
void     leash_handle_stand_before (LeashHandle    *handle,
                                   LeashHandle     *inner,
                                   int            (*inner_get_fd) (gpointer impl));
gboolean leash_handle_close_bare (LeashHandle      *handle,
                                  GError          **error);

static inline void
leash_handle_init (LeashHandle *handle, gpointer impl, GDestroyNotify destroy,
                   gboolean (*close) (gpointer impl, GError **error), const char *noun, const char *name)
{
  *handle = (LeashHandle){
    .ref_count = 1,
    .impl = impl,
    .destroy = destroy,
    .end = destroy != NULL ? leash_handle_destroy : NULL,
    .close = close,
    .noun = noun,
    .name = name,
    .known_fd = -1,
  };
}

/* Takes the tag over, if there is one. get_fd may be NULL. */
static inline void
leash_handle_set_tag (LeashHandle *handle, LeashTag *tag, int (*get_fd) (gpointer impl))
{
  handle->tag = tag;
  if (tag == NULL)
    return;
  if (get_fd != NULL)
    handle->known_fd = get_fd (handle->impl);
  leash_own_fd_add (handle->known_fd);
}

/* Called once, before anybody else sees it. get_fd may be NULL. */
static inline void
leash_handle_track (LeashHandle *handle, LeashContext *ctx, const char *kind, const char *name,
                    int (*get_fd) (gpointer impl), gconstpointer caller)
{
  /* An implementation that hands on what another one opened returns a handle that is tracked already. */
  if (LEASH_LIKELY (handle->tag == NULL))
    leash_handle_set_tag (handle, leash_track_caller (ctx, NULL, kind, name, caller), get_fd);
}

/* Closes for good, by close, which is the handle's. The error is the bare reason. */
static inline gboolean
leash_handle_finish_bare (LeashHandle *handle, gboolean (*close) (gpointer impl, GError **error),
                          GError **error)
{
  gboolean closed;

  /* Before the close, after which the number may be another thread's already. */
  if (handle->known_fd >= 0)
    leash_own_fd_remove (handle->known_fd);
  closed = close (handle->impl, error);
  if (LEASH_UNLIKELY (handle->end != NULL))
    handle->end (handle);
  return closed;
}

static inline gboolean
leash_handle_finish_by (LeashHandle *handle, gboolean (*close) (gpointer impl, GError **error),
                        GError **error)
{
  gboolean closed = leash_handle_finish_bare (handle, close, error);

  if (LEASH_UNLIKELY (!closed))
    leash_attempt_prefix (error, "Closing", handle->name);
  return closed;
}

/* leash_handle_close(), for who knows the handle's close and can have it inlined. */
static inline gboolean
leash_handle_close_by (LeashHandle *handle, gboolean (*close) (gpointer impl, GError **error),
                       gconstpointer caller, GError **error)
{
  gboolean has_others;

  if (LEASH_UNLIKELY (!leash_use_close (&handle->use, &has_others)))
    return leash_handle_refuse_close (handle, caller, error);
  leash_untrack_caller (handle->tag, caller);
  if (LEASH_UNLIKELY (has_others))
    return leash_handle_leave_to_others (handle, error);
  return leash_handle_finish_by (handle, close, error);
}

static inline void
leash_handle_ref (LeashHandle *handle)
{
  __atomic_fetch_add (&handle->ref_count, 1, __ATOMIC_RELAXED);
}

/* Returns TRUE when the last reference went, and the memory is the caller's to free. */
static inline gboolean
leash_handle_unref (LeashHandle *handle, gconstpointer caller)
{
  /* Who finds one reference has it: nobody else can be counting. */
  if (__atomic_load_n (&handle->ref_count, __ATOMIC_ACQUIRE) != 1
      && __atomic_sub_fetch (&handle->ref_count, 1, __ATOMIC_ACQ_REL) != 0)
    return FALSE;
  if (!leash_use_is_closed (&handle->use))
    leash_handle_close (handle, caller, NULL);
  return TRUE;
}

static inline void
leash_handle_touch (LeashHandle *handle, const LeashAttempt *attempt, gconstpointer caller)
{
  if (LEASH_UNLIKELY (leash_history_is_on ()))
    leash_tag_touch_caller (handle->tag, attempt->what, caller);
}

static inline gboolean
leash_handle_enter (LeashHandle *handle, const LeashAttempt *attempt, gconstpointer caller, GError **error)
{
  if (LEASH_UNLIKELY (!leash_use_enter (&handle->use)))
    return leash_handle_refuse (handle, attempt, caller, error);
  leash_handle_touch (handle, attempt, caller);
  return TRUE;
}

/* For who says nothing of it, and records no misuse, when it is refused. */
static inline gboolean
leash_handle_try_enter (LeashHandle *handle)
{
  if (LEASH_LIKELY (leash_use_enter (&handle->use)))
    return TRUE;
  /* As in leash_handle_refuse(). */
  if (leash_use_claim (&handle->use))
    leash_handle_finish (handle, NULL);
  return FALSE;
}

/* Refuses who would not be the only one that is in an operation. */
static inline gboolean
leash_handle_enter_alone (LeashHandle *handle, const LeashAttempt *attempt, gconstpointer caller,
                          GError **error)
{
  gboolean has_entered;

  if (LEASH_UNLIKELY (!leash_use_enter_alone (&handle->use, &has_entered)))
    return leash_handle_refuse_second (handle, attempt, has_entered, caller, error);
  leash_handle_touch (handle, attempt, caller);
  return TRUE;
}

static inline void
leash_handle_leave (LeashHandle *handle)
{
  if (leash_use_leave (&handle->use))
    leash_handle_finish (handle, NULL);
}
