/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The life of open files, directories, connections and listeners.
 *
 * Closing is asked for once and happens once. leash_use_close() finds the one who asks first; that one takes
 * the tag off the leash, for from then on the resource is somebody's duty no more. The implementation's
 * close runs when nobody is in an operation: in the closer itself, or else in the last thread to leave. The
 * alternative, to wait in the closer, would block it for as long as a FIFO has nothing to read.
 *
 * Others are woken only when there are any: a connection that a child process has inherited is closed by the
 * child without being shut down for the parent.
 */
#include "leash-handle-private.h"

gboolean
leash_handle_finish (LeashHandle *handle, GError **error)
{
  return leash_handle_finish_by (handle, handle->close, error);
}

void
leash_handle_destroy (LeashHandle *handle)
{
  if (handle->destroy != NULL)
    handle->destroy (handle->impl);
}

gboolean
leash_handle_refuse (LeashHandle *handle, const LeashAttempt *attempt, gconstpointer caller, GError **error)
{
  /* Who is refused was a user for an instant, and may have kept the closer from finding itself alone. */
  if (leash_use_claim (&handle->use))
    leash_handle_finish (handle, NULL);
  leash_tag_misused (handle->tag, attempt->after_close, caller);
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_CLOSED, "the %s is closed", handle->noun);
  leash_attempt_prefix (error, attempt->doing, handle->name);
  return FALSE;
}

gboolean
leash_handle_refuse_second (LeashHandle *handle, const LeashAttempt *attempt, gboolean has_entered,
                            gconstpointer caller, GError **error)
{
  if (!has_entered)
    return leash_handle_refuse (handle, attempt, caller, error);
  g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_PENDING, "another thread does so");
  leash_attempt_prefix (error, attempt->doing, handle->name);
  leash_handle_leave (handle);
  return FALSE;
}

void
leash_handle_explain (LeashHandle *handle, const LeashAttempt *attempt, GError **error)
{
  if (leash_use_is_closed (&handle->use))
    {
      g_clear_error (error);
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_CLOSED, "it was closed in another thread");
    }
  leash_attempt_prefix (error, attempt->doing, handle->name);
}

int
leash_handle_get_fd (LeashHandle *handle, int (*get_fd) (gpointer impl), gconstpointer caller)
{
  static const LeashAttempt asking
      = { "Asking for the descriptor of", "descriptor asked for after close", "descriptor asked for" };
  int fd = -1;

  if (!leash_handle_enter (handle, &asking, caller, NULL))
    return -1;
  if (get_fd != NULL)
    fd = get_fd (handle->impl);
  leash_handle_leave (handle);
  return fd;
}

gboolean
leash_handle_refuse_close (LeashHandle *handle, gconstpointer caller, GError **error)
{
  static const LeashAttempt closing = { "Closing", "closed twice", NULL };

  return leash_handle_refuse (handle, &closing, caller, error);
}

gboolean
leash_handle_leave_to_others (LeashHandle *handle, GError **error)
{
  if (handle->wake != NULL)
    handle->wake (handle);
  return !leash_use_leave (&handle->use) || leash_handle_finish (handle, error);
}

gboolean
leash_handle_close (LeashHandle *handle, gconstpointer caller, GError **error)
{
  return leash_handle_close_by (handle, handle->close, caller, error);
}

void
leash_handle_stand_before (LeashHandle *handle, LeashHandle *inner, int (*inner_get_fd) (gpointer impl))
{
  handle->tag = g_steal_pointer (&inner->tag);
  handle->known_fd = inner->known_fd;
  inner->known_fd = -1;
  /* The inner one is not tracked itself, but a census sees its descriptor. */
  if (handle->known_fd < 0 && inner_get_fd != NULL)
    handle->known_fd = inner_get_fd (inner->impl);
}

gboolean
leash_handle_close_bare (LeashHandle *handle, GError **error)
{
  gboolean has_others;

  if (!leash_use_close (&handle->use, &has_others))
    return TRUE;
  return has_others ? leash_handle_leave_to_others (handle, error)
                    : leash_handle_finish_bare (handle, handle->close, error);
}
