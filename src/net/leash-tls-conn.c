/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A connection with TLS over another one, by GIO's TLS, which is tried without blocking: the waiting is done
 * on the connection below, so that deadlines, contexts and a close end it as on any connection, and TLS is as
 * well behind it as before. GIO's blocking calls would lose the session with the first wait that is
 * cancelled.
 *
 * - The handshake blocks within GIO, under the context of who dials, or of the first that reads or writes
 * what was accepted: a peer that says nothing keeps nobody from accepting others. If it is given up, so is
 * the connection.
 * - Each direction has a turn, which one operation at a time takes. Who finds it taken waits until the one
 *   that has it wakes all waiters.
 * - A record is read whole, and what the caller has no room for is kept: GIO's TLS keeps none back that a
 *   second reader, who waits for the descriptor, could not see.
 * - A record that was begun must be written to its end before another one. So its writer keeps the turn
 *   until it is out, or the writer gives up. Then what it is made of is kept: a write that begins with the
 *   same bytes goes on with it, and is what counts them as written; any other is refused.
 *
 * Over a connection without an operation "wait" the same calls wait below, in their turn.
 */
#include "leash-tls-conn-private.h"

/* How long to wait for room for the last record, the one that tells the end: as with Go. */
#define LAST_WAIT (5 * G_TIME_SPAN_SECOND)

/* Turns */

gboolean
leash_tls_take_turn (LeashTlsConn *self, LeashWay way)
{
  gboolean is_free;

  leash_lock (&self->lock);
  is_free = self->owners[way] == NULL || self->owners[way] == g_thread_self ();
  if (is_free)
    self->owners[way] = g_thread_self ();
  else
    self->is_wanted[way] = TRUE;
  leash_unlock (&self->lock);
  return is_free;
}

void
leash_tls_give_turn (LeashTlsConn *self, LeashWay way)
{
  gboolean wakes;

  leash_lock (&self->lock);
  self->owners[way] = NULL;
  wakes = self->is_wanted[way] || (way == LEASH_WAY_IN && self->n_plain > 0);
  self->is_wanted[way] = FALSE;
  leash_unlock (&self->lock);
  if (wakes)
    leash_patience_wake_all (&self->patience);
}

static gboolean
is_taken_still (LeashTlsConn *self, LeashWay way)
{
  gboolean is_taken;

  leash_lock (&self->lock);
  is_taken = self->owners[way] != NULL;
  self->is_wanted[way] = self->is_wanted[way] || is_taken;
  leash_unlock (&self->lock);
  return is_taken;
}

gboolean
leash_tls_wait_for_turn (LeashTlsConn *self, LeashWay way, LeashContext *ctx, GError **error)
{
  LeashWaiting waiting;

  leash_patience_enter (&self->patience, way, ctx, &waiting);
  if (is_taken_still (self, way))
    leash_context_wait (waiting.ctx, -1);
  leash_patience_leave (&self->patience, &waiting);
  return leash_context_check (ctx, error);
}

gboolean
leash_tls_can_wait (LeashTlsConn *self)
{
  return LEASH_CONN_HAS (self->inner, wait);
}

/* Below, calls that do not wait need no context: the operation has looked at it. */
void
leash_tls_lend (LeashTlsConn *self, LeashWay way, LeashContext *ctx)
{
  leash_tls_base_lend (self->base, way, leash_tls_can_wait (self) ? leash_context_background () : ctx);
}

void
leash_tls_lend_both (LeashTlsConn *self, LeashContext *ctx)
{
  leash_tls_base_lend (self->base, LEASH_WAY_IN, ctx);
  leash_tls_base_lend (self->base, LEASH_WAY_OUT, ctx);
}

/* The end */

/* In the turn to write, and without others at the close. */
static gboolean
tell_end (LeashTlsConn *self, GError **error)
{
  g_autoptr (LeashContext) ctx = leash_context_with_timeout (leash_context_background (), LAST_WAIT);
  gboolean done;

  self->is_end_told = TRUE;
  leash_tls_base_lend (self->base, LEASH_WAY_OUT, ctx);
  done = g_output_stream_close (g_io_stream_get_output_stream (G_IO_STREAM (self->tls)), NULL, error);
  leash_tls_base_lend (self->base, LEASH_WAY_OUT, leash_context_background ());
  return done;
}

static gboolean
shut_writing (LeashTlsConn *self, GError **error)
{
  gboolean done = TRUE;

  if (g_atomic_int_get (&self->state) != LEASH_TLS_OPEN || !leash_tls_take_turn (self, LEASH_WAY_OUT))
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_PENDING,
                           g_atomic_int_get (&self->state) != LEASH_TLS_OPEN ? "there was no handshake yet"
                                                                             : "another thread is writing");
      return FALSE;
    }
  if (self->pending->len > 0)
    done = leash_tls_refuse_other (error);
  else if (!self->is_end_told)
    done = tell_end (self, error);
  leash_tls_give_turn (self, LEASH_WAY_OUT);
  return done;
}

static gboolean
tls_shutdown (gpointer impl, gboolean reading, gboolean writing, GError **error)
{
  LeashTlsConn *self = impl;

  /* Of a close in another thread: who waits is woken through its context. */
  if (leash_conn_is_closed (self->conn))
    return TRUE;
  if (reading)
    {
      g_atomic_int_set (&self->is_read_shut, TRUE);
      leash_patience_wake_all (&self->patience);
      leash_patience_wake_all (&self->conn->patience);
    }
  return !writing || shut_writing (self, error);
}

static void
tls_reset (gpointer impl, const GError *cause)
{
  LeashTlsConn *self = impl;

  g_atomic_int_set (&self->is_reset, TRUE);
  if (LEASH_CONN_HAS (self->inner, reset))
    self->inner->ops->reset (self->inner->handle.impl, cause);
}

static int
tls_get_fd (gpointer impl)
{
  LeashConn *inner = ((LeashTlsConn *) impl)->inner;

  return inner->ops->get_fd != NULL ? inner->ops->get_fd (inner->handle.impl) : -1;
}

static gboolean
tls_set_keepalive (gpointer impl, gint64 idle, GError **error)
{
  return leash_conn_set_keepalive_bare (((LeashTlsConn *) impl)->inner, idle, error);
}

/* Who closes while a record is half-written cuts the connection, and does not wait for the peer. */
static gboolean
tls_close (gpointer impl, GError **error)
{
  LeashTlsConn *self = impl;

  if (g_atomic_int_get (&self->state) == LEASH_TLS_OPEN && !g_atomic_int_get (&self->is_reset)
      && !self->is_end_told && self->pending->len == 0)
    tell_end (self, NULL);
  /* GIO closes what is below with its connection: nothing comes through any more. */
  leash_tls_lend_both (self, NULL);
  return leash_handle_close_bare (&self->inner->handle, error);
}

static void
tls_conn_free (gpointer impl)
{
  LeashTlsConn *self = impl;

  leash_tls_lend_both (self, NULL);
  g_clear_object (&self->tls);
  g_clear_object (&self->base);
  g_clear_object (&self->refused);
  g_clear_error (&self->failure);
  leash_conn_unref (self->inner);
  g_byte_array_unref (self->pending);
  pthread_mutex_destroy (&self->lock);
  g_free (self->server_name);
  g_free (self->plain);
  g_free (self);
}

#define TLS_OPS                                                                                              \
  .size = sizeof (LeashConnOps), .read = leash_tls_read, .write = leash_tls_write, .shutdown = tls_shutdown, \
  .get_fd = tls_get_fd, .close = tls_close, .reset = tls_reset, .give_up = leash_tls_give_up,                \
  .set_keepalive = tls_set_keepalive

static const LeashConnOps tls_ops = { TLS_OPS, .wait = leash_tls_wait };
static const LeashConnOps tls_ops_without_wait = { TLS_OPS };

/* Making it */

LeashConn *
leash_tls_conn_new (LeashConn *inner, LeashTlsConfig *config, const char *server_name,
                    const char *local_address, const char *remote_address, GError **error)
{
  LeashTlsConn *self = g_new0 (LeashTlsConn, 1);

  self->lock = (LeashLock) LEASH_LOCK_INIT;
  leash_patience_init (&self->patience);
  self->inner = inner;
  self->server_name = g_strdup (server_name);
  self->pending = g_byte_array_new ();
  self->base = leash_tls_base_new (inner);
  leash_tls_lend_both (self, leash_context_background ());
  self->tls = leash_tls_session_new (self, config, error);
  if (self->tls == NULL)
    {
      leash_handle_close_bare (&inner->handle, NULL);
      tls_conn_free (self);
      return NULL;
    }
  self->conn = leash_conn_new (leash_tls_can_wait (self) ? &tls_ops : &tls_ops_without_wait, self,
                               tls_conn_free, local_address, remote_address);
  leash_handle_stand_before (&self->conn->handle, &inner->handle, inner->ops->get_fd);
  return self->conn;
}

gboolean
leash_tls_conn_shake_hands (LeashConn *conn, LeashContext *ctx, GError **error)
{
  return leash_tls_shake_hands (conn->handle.impl, ctx, error);
}

/* Enters the connection, if it is one with TLS that is open. */
static LeashTlsConn *
enter (LeashConn *conn)
{
  if ((conn->ops != &tls_ops && conn->ops != &tls_ops_without_wait)
      || !leash_handle_try_enter (&conn->handle))
    return NULL;
  if (g_atomic_int_get (&((LeashTlsConn *) conn->handle.impl)->state) == LEASH_TLS_OPEN)
    return conn->handle.impl;
  leash_handle_leave (&conn->handle);
  return NULL;
}

/**
 * leash_conn_get_tls_protocol:
 * @conn: a connection
 *
 * Gets which of the protocols both ends have (ALPN), see leash_tls_config_set_protocols().
 *
 * Returns: (transfer full) (nullable): the protocol's name; %NULL when there is none in common, before the
 * handshake, and on a connection that is closed or has no TLS
 *
 * Since: 0.1
 */
char *
leash_conn_get_tls_protocol (LeashConn *conn)
{
  LeashTlsConn *self;
  char *protocol;

  g_return_val_if_fail (conn != NULL, NULL);

  self = enter (conn);
  if (self == NULL)
    return NULL;
  protocol = g_strdup (g_tls_connection_get_negotiated_protocol (self->tls));
  leash_handle_leave (&conn->handle);
  return protocol;
}

/**
 * leash_conn_get_tls_peer_certificate:
 * @conn: a connection
 *
 * Gets the certificate that the peer has shown, and that was accepted.
 *
 * Returns: (transfer full) (nullable): the certificate; %NULL when the peer has shown none, before the
 * handshake, and on a connection that is closed or has no TLS
 *
 * Since: 0.1
 */
GTlsCertificate *
leash_conn_get_tls_peer_certificate (LeashConn *conn)
{
  GTlsCertificate *certificate;
  LeashTlsConn *self;

  g_return_val_if_fail (conn != NULL, NULL);

  self = enter (conn);
  if (self == NULL)
    return NULL;
  certificate = g_tls_connection_get_peer_certificate (self->tls);
  if (certificate != NULL)
    g_object_ref (certificate);
  leash_handle_leave (&conn->handle);
  return certificate;
}
