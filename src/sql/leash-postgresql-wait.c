/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Waiting for a descriptor for as long as a context lets one, by public functions only.
 *
 * Most answers come within a fraction of a millisecond. So a wait begins with a SHORT one of the descriptor
 * alone, which costs the one system call that libpq's own wait is. Only then is the context asked for a
 * cancellable, which makes a descriptor for the time of the wait. A context's end is thereby noticed up to a
 * millisecond late; to have a descriptor for each session, and a handler connected for each wait, would tax
 * all queries for that.
 *
 * When there is no descriptor to be had, the context is looked at every SLICE.
 */
#include "leash-postgresql-private.h"

#include <errno.h>
#include <poll.h>

#include <gio/gio.h>

#define SHORT 1  /* ms */
#define SLICE 20 /* ms */

/* Returns how many are ready; after an error all, so that whoever uses them next meets it. */
static int
poll_for (struct pollfd *fds, nfds_t n_fds, int milliseconds)
{
  int n = poll (fds, n_fds, milliseconds);

  if (n >= 0)
    return n;
  return errno == EINTR ? 0 : 1;
}

static gboolean
wait_with (LeashContext *ctx, GCancellable *cancellable, struct pollfd *fd, GError **error)
{
  GPollFD done = { .fd = -1 };
  gboolean has_fd = g_cancellable_make_pollfd (cancellable, &done);
  struct pollfd fds[] = { *fd, { .fd = done.fd, .events = POLLIN } };
  gboolean is_ready = FALSE, is_done = FALSE;

  while (!is_ready && !is_done)
    {
      is_ready = poll_for (fds, has_fd ? 2 : 1, has_fd ? -1 : SLICE) > 0 && fds[1].revents == 0;
      is_done = !leash_context_check (ctx, error);
    }
  if (has_fd)
    g_cancellable_release_fd (cancellable);
  return !is_done;
}

gboolean
leash_pg_wait (LeashContext *ctx, int fd, short events, GError **error)
{
  struct pollfd fds = { .fd = fd, .events = events };
  GCancellable *cancellable;

  if (!leash_context_check (ctx, error))
    return FALSE;
  if (poll_for (&fds, 1, SHORT) > 0)
    return TRUE;
  cancellable = leash_context_get_cancellable (ctx);
  if (cancellable != NULL)
    return wait_with (ctx, cancellable, &fds, error);
  while (poll_for (&fds, 1, -1) <= 0)
    continue;
  return TRUE;
}
