/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Waiting on a descriptor for as long as a context lets one. See leash-wait.c. */
#pragma once

#include <poll.h>

#include <leash/leash-context.h>

/* events as for poll(). Returns TRUE when the call is worth another try, FALSE with the context's error. */
gboolean leash_wait_for_fd  (LeashContext *ctx,
                             int           fd,
                             short         events,
                             GError      **error);

/*
 * As that for several, and for limit microseconds at most, -1 for as long as it takes. fds[0] is left free for
 * what wakes. Returns how many of the others have revents, 0 when the limit has passed, -1 with the error set.
 */
int      leash_wait_for_fds (LeashContext  *ctx,
                             struct pollfd *fds,
                             guint          n_fds,
                             gint64         limit,
                             GError       **error);

/*
 * After a call on a non-blocking descriptor that failed with code: TRUE when it is to be made again (it was
 * interrupted, or had to wait, which is done here), FALSE with the error set.
 */
gboolean leash_wait_retries (LeashContext *ctx,
                             int           fd,
                             short         events,
                             int           code,
                             GError      **error);

/* Another number in a child by fork() than in its parent. */
guint    leash_wait_count_forks (void);
