/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Waiting on a descriptor for as long as a context lets one.
 *
 * The system call is always tried first; who comes here has had EAGAIN. The thread then sleeps in ppoll() on
 * its descriptor and on an eventfd of its own, to which the context's watch writes when it is done, by
 * whatever clock. A deadline of the system's clock is ppoll()'s timeout too, so that it holds however late
 * the thread of the timers gets to run.
 *
 * The eventfd is made at a thread's first wait and kept until the thread ends: one for each wait would cost
 * two system calls more, and would fail just when descriptors run out and a server should go on serving the
 * connections it has. Should there be none left for the first wait, the thread looks at its context every
 * SLICE instead. A child of fork() makes its own: on a shared one, it would take its parent's wake-ups. The
 * one that it inherits it leaves alone: a child that has closed all descriptors, as daemons do, may have
 * given its number to something else.
 */
#include "leash-wait-private.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "leash-attempt-private.h"
#include "leash-context-private.h"
#include "leash-own-fd-private.h"

#define SLICE (20 * G_TIME_SPAN_MILLISECOND)
#define LONGEST G_TIME_SPAN_HOUR /* no time_t overflows that far from now */

/* A thread's own; only the watch's function of a wait in that thread writes to the descriptor. */
typedef struct
{
  int fd;      /* -1 when there was none to be had */
  guint forks; /* the_forks when it was made */
} Waker;

typedef struct
{
  LeashWatch watch;
  int fd;
  gboolean is_fired; /* atomic; written before fd is */
} Wait;

/* How many times fork() was called on the way to this process: to ask for its number would be a system call.
 */
static guint the_forks;
static pthread_once_t the_once = PTHREAD_ONCE_INIT;

static void
note_fork (void)
{
  the_forks++;
}

static void
watch_forks (void)
{
  pthread_atfork (NULL, NULL, note_fork);
}

guint
leash_wait_count_forks (void)
{
  pthread_once (&the_once, watch_forks);
  return the_forks;
}

static void
waker_free (gpointer user_data)
{
  Waker *waker = user_data;

  if (waker->fd >= 0 && waker->forks == the_forks)
    {
      leash_own_fd_remove (waker->fd);
      close (waker->fd);
    }
  g_free (waker);
}

static GPrivate the_waker = G_PRIVATE_INIT (waker_free);

static Waker *
get_waker (void)
{
  Waker *waker = g_private_get (&the_waker);

  if (waker == NULL)
    {
      pthread_once (&the_once, watch_forks);
      waker = g_new (Waker, 1);
      waker->fd = -1;
      g_private_set (&the_waker, waker);
    }
  if (G_UNLIKELY (waker->fd < 0 || waker->forks != the_forks))
    {
      waker->forks = the_forks;
      waker->fd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
      leash_own_fd_add (waker->fd);
    }
  return waker;
}

static void
fire (LeashWatch *watch)
{
  Wait *wait = (Wait *) (gpointer) watch;
  const guint64 one = 1;

  __atomic_store_n (&wait->is_fired, TRUE, __ATOMIC_RELEASE);
  if (wait->fd >= 0 && write (wait->fd, &one, sizeof one) < 0)
    g_assert (errno == EAGAIN); /* full of wake-ups, which is as good */
}

/* So that the thread's next wait does not take this one's wake-up for its own. */
static void
drain (Wait *wait)
{
  guint64 count;

  if (wait->fd >= 0 && __atomic_load_n (&wait->is_fired, __ATOMIC_ACQUIRE)
      && read (wait->fd, &count, sizeof count) < 0)
    g_assert (errno == EAGAIN);
}

/* Returns FALSE when time is up, the context's or until, in monotonic time, -1 for never. */
static gboolean
get_timeout (LeashContext *ctx, gboolean has_waker, gint64 until, struct timespec *ret_timeout)
{
  gint64 remaining = leash_context_get_remaining (ctx);
  gint64 longest = has_waker ? LONGEST : SLICE;

  if (until >= 0)
    longest = CLAMP (until - g_get_monotonic_time (), 0, longest);
  if (remaining < 0 || remaining > longest)
    remaining = longest;
  ret_timeout->tv_sec = remaining / G_USEC_PER_SEC;
  ret_timeout->tv_nsec = (remaining % G_USEC_PER_SEC) * 1000;
  return remaining > 0;
}

/* Returns 0 when time is up, and when the context is done, with its error then or without. */
static int
poll_until_ready (LeashContext *ctx, struct pollfd *fds, guint n_fds, gint64 until, GError **error)
{
  struct timespec timeout;
  int n;

  while (get_timeout (ctx, fds[0].fd >= 0, until, &timeout) && leash_context_check (ctx, error))
    {
      n = ppoll (fds, n_fds, &timeout, NULL);
      if (n < 0 && errno != EINTR)
        {
          leash_attempt_set_errno (error, errno);
          return -1;
        }
      if (n > 0 && fds[0].revents != 0)
        n--;
      if (n > 0)
        return n;
    }
  return 0;
}

int
leash_wait_for_fds (LeashContext *ctx, struct pollfd *fds, guint n_fds, gint64 limit, GError **error)
{
  gint64 until = limit < 0 ? -1 : g_get_monotonic_time () + limit;
  Wait wait = { .watch.func = fire, .fd = get_waker ()->fd };
  g_autoptr (GError) reason = NULL;
  int n = 0;

  fds[0] = (struct pollfd){ .fd = wait.fd, .events = POLLIN };
  if (leash_context_watch (ctx, &wait.watch))
    {
      n = poll_until_ready (ctx, fds, n_fds, until, &reason);
      leash_context_unwatch (ctx, &wait.watch);
      drain (&wait);
    }
  if (n > 0 || (n == 0 && reason == NULL && leash_context_check (ctx, &reason)))
    return n;
  g_propagate_error (error, g_steal_pointer (&reason));
  return -1;
}

gboolean
leash_wait_for_fd (LeashContext *ctx, int fd, short events, GError **error)
{
  struct pollfd fds[] = { { 0 }, { .fd = fd, .events = events } };

  return leash_wait_for_fds (ctx, fds, G_N_ELEMENTS (fds), -1, error) > 0;
}

gboolean
leash_wait_retries (LeashContext *ctx, int fd, short events, int code, GError **error)
{
  if (code == EAGAIN)
    return leash_wait_for_fd (ctx, fd, events, error);
  if (code == EINTR)
    return leash_context_check (ctx, error);
  leash_attempt_set_errno (error, code);
  return FALSE;
}
