/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Peers made with the C library's own means, and much data of which each byte is known. */
#pragma once

#include "net-fixture.h"

#include <netinet/in.h>

G_GNUC_UNUSED static struct sockaddr_storage
get_native (LeashListener *listener, socklen_t *ret_length)
{
  struct sockaddr_storage native = { 0 };

  *ret_length = sizeof native;
  g_assert_cmpint (getsockname (leash_listener_get_fd (listener), (gpointer) &native, ret_length), ==, 0);
  return native;
}

G_GNUC_UNUSED static int
connect_plainly (LeashListener *listener)
{
  socklen_t length;
  struct sockaddr_storage native = get_native (listener, &length);
  int fd = socket (native.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

  g_assert_cmpint (connect (fd, (gconstpointer) &native, length), ==, 0);
  return fd;
}

/* Closes it so that the peer gets a reset. */
G_GNUC_UNUSED static void
reset_plainly (int fd)
{
  const struct linger at_once = { .l_onoff = 1 };

  g_assert_cmpint (setsockopt (fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once), ==, 0);
  close (fd);
}

/* A listener, a peer that has dialled it, and what was accepted. */
typedef struct
{
  LeashListener *listener;
  LeashConn *accepted;
  int peer;
} Plain;

G_GNUC_UNUSED static Plain
connect_plain (Fixture *fixture)
{
  Plain plain = { .listener = start_listening (fixture->ctx, TCP) };

  plain.peer = connect_plainly (plain.listener);
  plain.accepted = accept_one (plain.listener, fixture->ctx);
  return plain;
}

G_GNUC_UNUSED static void
plain_clear (Plain *plain)
{
  leash_conn_unref (plain->accepted);
  leash_listener_unref (plain->listener);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Plain, plain_clear)

#define MUCH (16u << 20)

G_GNUC_UNUSED static guint8
byte_at (gsize i)
{
  return (guint8) (i * 31 + i / 251);
}

G_GNUC_UNUSED static guint8 *
make_much (void)
{
  guint8 *bytes = g_malloc (MUCH);

  for (gsize i = 0; i < MUCH; i++)
    bytes[i] = byte_at (i);
  return bytes;
}

/* Reads all of it, in odd pieces; with a pause now and then when it is to be slow. */
G_GNUC_UNUSED static void
read_much (LeashConn *conn, LeashContext *ctx, gboolean is_slow)
{
  g_autofree guint8 *buffer = g_malloc (70001);
  gsize done = 0;
  guint n_reads = 0;

  while (done < MUCH)
    {
      gssize n = leash_conn_read (conn, ctx, buffer, 70001, NULL);

      g_assert_cmpint (n, >, 0);
      for (gssize i = 0; i < n; i++)
        g_assert_true (buffer[i] == byte_at (done + (gsize) i));
      done += (gsize) n;
      if (is_slow && n_reads++ % 16 == 0)
        g_usleep (1000);
    }
}
