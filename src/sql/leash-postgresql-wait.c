/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Waiting for a descriptor for as long as a context lets one, by public functions only.
 *
 * The end of a context that can have one is heard by the descriptor of its cancellable, which is made for the
 * wait. To poll the socket alone for a millisecond first, and make it only then, was slower: a timer, which
 * is never due, costs more than a descriptor, at least in virtual machines.
 *
 * When there is no descriptor to be had, the context is looked at every SLICE.
 */
#include "leash-postgresql-private.h"

#include <errno.h>
#include <poll.h>

#include <gio/gio.h>

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
  cancellable = leash_context_get_cancellable (ctx);
  if (cancellable != NULL)
    return wait_with (ctx, cancellable, &fds, error);
  while (poll_for (&fds, 1, -1) <= 0)
    continue;
  return TRUE;
}
