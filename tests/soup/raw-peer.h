/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A peer on loopback that answers whatever is asked with bytes that were written down, or with nothing; for
 * what a proper server does not do.
 */
#pragma once

#include "../net/net-fixture.h"

#include <arpa/inet.h>

typedef struct
{
  const char *answer; /* after each request's head */
  gboolean holds;     /* then waits for the other side to close, instead of closing */
  gboolean is_deaf;   /* does not read */
  LeashContext *ctx;
  LeashListener *listener;
  GThread *thread;
  gint n_requests; /* atomic: heads that were read */
} RawPeer;

#define TLS_HANDSHAKE 0x16

/* Or the beginning of a handshake. FALSE when the other side has closed. */
static gboolean
read_head (RawPeer *peer, LeashConn *conn)
{
  g_autoptr (GString) head = g_string_new (NULL);
  char buffer[4096];

  while (strstr (head->str, "\r\n\r\n") == NULL && head->str[0] != TLS_HANDSHAKE)
    {
      gssize n = leash_conn_read (conn, peer->ctx, buffer, sizeof buffer, NULL);

      if (n <= 0)
        return FALSE;
      g_string_append_len (head, buffer, n);
    }
  g_atomic_int_inc (&peer->n_requests);
  return TRUE;
}

static void
answer_requests (RawPeer *peer, LeashConn *conn)
{
  char buffer[4096];

  if (peer->is_deaf)
    leash_context_wait (peer->ctx, -1);
  else if (read_head (peer, conn)
           && leash_conn_write_all (conn, peer->ctx, peer->answer, strlen (peer->answer), NULL, NULL))
    while (peer->holds && leash_conn_read (conn, peer->ctx, buffer, sizeof buffer, NULL) > 0)
      ;
}

static gpointer
run_raw_peer (gpointer data)
{
  RawPeer *peer = data;
  LeashConn *conn;

  while ((conn = leash_listener_accept (peer->listener, peer->ctx, NULL)) != NULL)
    {
      answer_requests (peer, conn);
      leash_conn_unref (conn);
    }
  return NULL;
}

G_GNUC_UNUSED static void
raw_peer_start (RawPeer *peer)
{
  peer->ctx = leash_context_with_cancel (leash_context_background ());
  peer->listener = start_listening (peer->ctx, TCP);
  peer->thread = g_thread_new ("raw peer", run_raw_peer, peer);
}

G_GNUC_UNUSED static void
raw_peer_stop (RawPeer *peer)
{
  leash_context_cancel (peer->ctx, NULL);
  g_thread_join (peer->thread);
  leash_listener_unref (peer->listener);
  leash_context_unref (peer->ctx);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (RawPeer, raw_peer_stop)

G_GNUC_UNUSED static char *
raw_peer_uri (RawPeer *peer, const char *scheme)
{
  return g_strdup_printf ("%s://%s/", scheme, leash_listener_get_address (peer->listener) + strlen ("tcp:"));
}
