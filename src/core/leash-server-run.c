/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The thread of a server: one poll() over the listening socket and the clients, none of which is ever waited
 * for. A client has a place from its connection until its answer is sent; it loses it when it has sent no
 * request in time, or takes nothing of its answer for long. Where all places are taken, the kernel's queue
 * holds who comes next.
 *
 * A process that has run out of descriptors is one to look at: a spare one is kept, whose place a client can
 * take. (The report then lacks what is read from files, names of functions that are not exported above all.)
 * A second client has to wait, and is looked for again after a while, as the listening socket stays ready.
 */
#include "leash-server-private.h"

#include <errno.h>
#include <gio/gio.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "leash-own-fd-private.h"
#include "leash-worker-private.h"

#define PAUSE (100 * G_TIME_SPAN_MILLISECOND)

/* What a client sent after its request is taken up to here: closing with some left resets the connection. */
#define N_DRAINS 16

static void
client_close (LeashServer *server, LeashServerClient *client)
{
  for (guint i = 0; i < N_DRAINS; i++)
    if (recv (client->fd, client->request, LEASH_REQUEST_MAX, MSG_DONTWAIT) <= 0)
      break;
  leash_servers_lock ();
  leash_server_close_fd (&client->fd);
  if (server->spare < 0)
    server->spare = leash_server_open_spare ();
  leash_servers_unlock ();
  if (client->answer != NULL)
    g_string_free (g_steal_pointer (&client->answer), TRUE);
}

static gboolean
is_for_later (void)
{
  return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
}

static void
client_write (LeashServer *server, LeashServerClient *client)
{
  gssize n = send (client->fd, client->answer->str + client->n_written,
                   client->answer->len - client->n_written, MSG_DONTWAIT | MSG_NOSIGNAL);

  if (n < 0 && is_for_later ())
    return;
  if (n > 0)
    {
      client->n_written += (gsize) n;
      client->deadline
          = g_get_monotonic_time () + __atomic_load_n (&server->answer_patience, __ATOMIC_RELAXED);
    }
  if (n < 0 || client->n_written == client->answer->len)
    client_close (server, client);
}

static void
client_read (LeashServer *server, LeashServerClient *client)
{
  gssize n
      = recv (client->fd, client->request + client->n_read, LEASH_REQUEST_MAX - client->n_read, MSG_DONTWAIT);

  if (n < 0 && is_for_later ())
    return;
  if (n < 0)
    {
      client_close (server, client);
      return;
    }
  client->n_read += (gsize) n;
  client->request[client->n_read] = '\0';
  if (n > 0 && !leash_request_is_complete (client->request, client->n_read))
    return;
  client->answer = leash_request_answer (server->tracker, client->request, client->n_read);
  client_write (server, client);
}

/* The program's own user, or root. */
static gboolean
is_welcome (int fd)
{
  struct ucred peer;
  socklen_t length = sizeof peer;

  return getsockopt (fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0
         && (peer.uid == geteuid () || peer.uid == 0);
}

static LeashServerClient *
find_place (LeashServer *server)
{
  for (guint i = 0; i < LEASH_N_CLIENTS; i++)
    if (server->clients[i].fd < 0)
      return &server->clients[i];
  return NULL;
}

/* With the lock of all servers held. */
static int
accept_fd (LeashServer *server)
{
  int fd = accept4 (server->listener, NULL, NULL, SOCK_CLOEXEC);

  if (fd < 0 && errno == EMFILE && server->spare >= 0)
    {
      leash_server_close_fd (&server->spare);
      fd = accept4 (server->listener, NULL, NULL, SOCK_CLOEXEC);
    }
  leash_own_fd_add (fd);
  return fd;
}

static void
accept_client (LeashServer *server, gint64 now)
{
  LeashServerClient *client = find_place (server);

  leash_servers_lock ();
  client->fd = accept_fd (server);
  if (client->fd < 0 && !is_for_later ())
    server->no_accept_until = now + PAUSE;
  if (client->fd >= 0 && !is_welcome (client->fd))
    leash_server_close_fd (&client->fd);
  leash_servers_unlock ();
  client->n_read = client->n_written = 0;
  client->deadline = now + __atomic_load_n (&server->request_patience, __ATOMIC_RELAXED);
}

/* Returns until when to wait. */
static gint64
fill_polls (LeashServer *server, gint64 now, struct pollfd polls[LEASH_N_CLIENTS + 1])
{
  gint64 until = G_MAXINT64;

  for (guint i = 0; i < LEASH_N_CLIENTS; i++)
    {
      const LeashServerClient *client = &server->clients[i];

      polls[i] = (struct pollfd){ client->fd, client->answer != NULL ? POLLOUT : POLLIN, 0 };
      if (client->fd >= 0)
        until = MIN (until, client->deadline);
    }
  polls[LEASH_N_CLIENTS] = (struct pollfd){ server->listener, 0, 0 };
  if (server->no_accept_until > now)
    until = MIN (until, server->no_accept_until);
  else if (find_place (server) != NULL)
    polls[LEASH_N_CLIENTS].events = POLLIN;
  return until;
}

static int
to_milliseconds (gint64 now, gint64 until)
{
  return until == G_MAXINT64 ? -1 : (int) (MAX (until - now, 0) / 1000 + 1);
}

/* Who has gone altogether gets no answer made; who only sends no more has not. */
static void
client_step (LeashServer *server, LeashServerClient *client, int ready)
{
  if ((ready & (POLLHUP | POLLERR)) != 0)
    client_close (server, client);
  else if (client->answer != NULL)
    client_write (server, client);
  else
    client_read (server, client);
}

/* Somebody closed all descriptors of the process: the numbers may be another's by now. */
static void
forget_fds (LeashServer *server)
{
  leash_servers_lock ();
  leash_own_fd_remove (server->listener);
  leash_own_fd_remove (server->spare);
  server->listener = server->spare = -1;
  for (guint i = 0; i < LEASH_N_CLIENTS; i++)
    {
      leash_own_fd_remove (server->clients[i].fd);
      server->clients[i].fd = -1;
    }
  leash_servers_unlock ();
  __atomic_store_n (&server->stopping, TRUE, __ATOMIC_RELEASE);
}

static void
serve_once (LeashServer *server)
{
  struct pollfd polls[LEASH_N_CLIENTS + 1];
  gint64 now = g_get_monotonic_time ();
  gint64 until = fill_polls (server, now, polls);
  int n_ready = poll (polls, G_N_ELEMENTS (polls), to_milliseconds (now, until));

  /* A program that allows itself fewer descriptors than these may not even wait for them. */
  if (n_ready < 0)
    {
      g_usleep (PAUSE);
      return;
    }
  if ((polls[LEASH_N_CLIENTS].revents & POLLNVAL) != 0)
    {
      forget_fds (server);
      return;
    }
  now = g_get_monotonic_time ();
  for (guint i = 0; i < LEASH_N_CLIENTS; i++)
    {
      LeashServerClient *client = &server->clients[i];

      if (polls[i].fd >= 0 && polls[i].revents != 0)
        client_step (server, client, polls[i].revents);
      else if (polls[i].fd >= 0 && client->deadline <= now)
        client_close (server, client);
    }
  if ((polls[LEASH_N_CLIENTS].revents & POLLIN) != 0)
    accept_client (server, now);
}

void *
leash_server_run (void *data)
{
  LeashServer *server = data;

  leash_worker_set_name ("leash-serve");
  while (!__atomic_load_n (&server->stopping, __ATOMIC_ACQUIRE))
    serve_once (server);
  for (guint i = 0; i < LEASH_N_CLIENTS; i++)
    if (server->clients[i].fd >= 0)
      client_close (server, &server->clients[i]);
  leash_server_end (server);
  return NULL;
}
