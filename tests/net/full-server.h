/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Servers that have no room, and do not answer: made with the C library's own means, since Leash's have much. */
#pragma once

#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <glib.h>

typedef struct
{
  int listening;
  int waiting[64]; /* connections that fill the queue */
  guint n_waiting;
} FullServer;

G_GNUC_UNUSED static FullServer
start_full_server (const struct sockaddr *native, socklen_t length)
{
  FullServer server = { .listening = socket (native->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0) };
  struct sockaddr_storage bound = { 0 };
  socklen_t bound_length = sizeof bound;
  int failed = 0;

  g_assert_cmpint (bind (server.listening, native, length), ==, 0);
  g_assert_cmpint (listen (server.listening, 0), ==, 0);
  g_assert_cmpint (getsockname (server.listening, (struct sockaddr *) &bound, &bound_length), ==, 0);
  /* A TCP server's queue has room for one more than was asked for, the handshakes that are under way for
   * some. */
  while (failed == 0 && server.n_waiting < (native->sa_family == AF_UNIX ? 64 : 4))
    {
      int fd = socket (native->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

      failed = connect (fd, (struct sockaddr *) &bound, bound_length) != 0 && errno == EAGAIN;
      server.waiting[server.n_waiting++] = fd;
    }
  return server;
}

G_GNUC_UNUSED static void
full_server_clear (FullServer *server)
{
  for (guint i = 0; i < server->n_waiting; i++)
    close (server->waiting[i]);
  close (server->listening);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (FullServer, full_server_clear)

/* Lets those that fill the queue go. Who dials meanwhile gets in with the kernel's next try. */
G_GNUC_UNUSED static void
full_server_make_room (FullServer *server)
{
  int fd;

  for (guint i = 0; i < server->n_waiting; i++)
    close (server->waiting[i]);
  server->n_waiting = 0;
  while ((fd = accept4 (server->listening, NULL, NULL, SOCK_CLOEXEC)) >= 0)
    close (fd);
}

/* On an address of the loopback network, and a port of its own when that is 0. */
G_GNUC_UNUSED static FullServer
start_full_tcp_server_at (guint32 host, guint16 port, char **ret_address)
{
  const struct sockaddr_in native
      = { .sin_family = AF_INET, .sin_addr.s_addr = g_htonl (host), .sin_port = g_htons (port) };
  FullServer server = start_full_server ((gconstpointer) &native, sizeof native);
  struct sockaddr_in bound;
  socklen_t length = sizeof bound;

  g_assert_cmpint (getsockname (server.listening, (struct sockaddr *) &bound, &length), ==, 0);
  if (ret_address != NULL)
    *ret_address = g_strdup_printf ("tcp:127.0.0.%u:%u", host & 0xff, g_ntohs (bound.sin_port));
  return server;
}

G_GNUC_UNUSED static FullServer
start_full_tcp_server (char **ret_address)
{
  return start_full_tcp_server_at (INADDR_LOOPBACK, 0, ret_address);
}
