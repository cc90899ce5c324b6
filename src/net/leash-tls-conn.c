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
 * - A record that was begun must be written to its end before another one. The writer waits for that. When
 *   its time is up, what was taken counts as written, as with what a kernel buffers, and whoever reads or
 *   writes next goes on with it.
 *
 * Over a connection without an operation "wait" the same calls wait below, in their turn.
 */
#include "leash-tls-base-private.h"
#include "leash-tls-private.h"

#include <string.h>

/* What a record holds at most. */
#define RECORD 16384u
/* How long to wait for room for the last record, the one that tells the end: as with Go. */
#define LAST_WAIT (5 * G_TIME_SPAN_SECOND)

typedef enum
{
  STATE_NEW,
  STATE_OPEN,
  STATE_FAILED
} State;

typedef struct
{
  LeashConn *conn;     /* the connection itself, which outlives this */
  LeashConn *inner;    /* owned */
  GIOStream *base;     /* owned; what tls is over */
  GTlsConnection *tls; /* owned */
  char *server_name;   /* NULL on a server */

  LeashLock lock;
  GThread *owners[LEASH_N_WAYS];    /* the lock's; who has the turn */
  gboolean is_wanted[LEASH_N_WAYS]; /* the lock's; somebody else wants it */
  gint state;                       /* atomic */
  GError *failure;                  /* of the handshake; does not change behind STATE_FAILED */
  GTlsCertificate *refused;         /* the handshake's, as is flaws */
  GTlsCertificateFlags flaws;

  char *plain; /* the turn to read's, as is all of it; RECORD bytes, NULL until needed */
  gsize plain_at;
  gsize n_plain;        /* the lock's, too */
  GByteArray *pending;  /* the turn to write's; what a record that is half-written was made of */
  gboolean is_end_told; /* likewise; nothing is written any more */
  gint is_read_shut;    /* atomic */
  gint is_reset;        /* atomic */
} TlsConn;

/* Turns */

static gboolean
take_turn (TlsConn *self, LeashWay way)
{
  gboolean is_free;

  leash_lock (&self->lock);
  is_free = self->owners[way] == NULL;
  if (is_free)
    self->owners[way] = g_thread_self ();
  else
    self->is_wanted[way] = TRUE;
  leash_unlock (&self->lock);
  return is_free;
}

static void
give_turn (TlsConn *self, LeashWay way)
{
  gboolean wakes;

  leash_lock (&self->lock);
  self->owners[way] = NULL;
  wakes = self->is_wanted[way] || (way == LEASH_WAY_IN && self->n_plain > 0);
  self->is_wanted[way] = FALSE;
  leash_unlock (&self->lock);
  if (wakes)
    leash_patience_wake_all (&self->conn->patience);
}

/* Of a context that waits: who gives the turn wakes it. */
static gboolean
wait_for_turn (LeashContext *ctx, GError **error)
{
  leash_context_wait (ctx, -1);
  leash_context_check (ctx, error);
  return FALSE;
}

static gboolean
can_wait (TlsConn *self)
{
  return LEASH_CONN_HAS (self->inner, wait);
}

/* What an operation returns that did not get its turn. */
static gssize
miss_turn (TlsConn *self, LeashContext *ctx, GError **error)
{
  if (can_wait (self))
    return LEASH_CONN_WOULD_BLOCK;
  wait_for_turn (ctx, error);
  return -1;
}

/* Below, calls that do not wait need no context: the operation has looked at it. */
static void
lend (TlsConn *self, LeashWay way, LeashContext *ctx)
{
  leash_tls_base_lend (self->base, way, can_wait (self) ? leash_context_background () : ctx);
}

static void
lend_both (TlsConn *self, LeashContext *ctx)
{
  leash_tls_base_lend (self->base, LEASH_WAY_IN, ctx);
  leash_tls_base_lend (self->base, LEASH_WAY_OUT, ctx);
}

/* The handshake */

static gboolean
judge_certificate (GTlsConnection *tls, GTlsCertificate *certificate, GTlsCertificateFlags flaws,
                   gpointer user_data)
{
  TlsConn *self = user_data;

  /* A server is asked about every certificate, the good ones too. */
  g_set_object (&self->refused, certificate);
  self->flaws = flaws;
  return flaws == 0;
}

/* Replaces GIO's words by plainer ones, where there are. */
static void
word_failure (TlsConn *self, GError **reason)
{
  g_autofree char *flaws = NULL;

  if (self->flaws != 0)
    {
      flaws = leash_tls_describe_flaws (self->refused, self->flaws, self->server_name);
      g_clear_error (reason);
      g_set_error (reason, G_TLS_ERROR, G_TLS_ERROR_BAD_CERTIFICATE,
                   "the peer's certificate is not accepted: %s", flaws);
    }
  else if (g_error_matches (*reason, G_TLS_ERROR, G_TLS_ERROR_EOF))
    {
      g_clear_error (reason);
      g_set_error_literal (reason, G_TLS_ERROR, G_TLS_ERROR_EOF,
                           "the peer closed the connection during the handshake");
    }
}

static gboolean
shake_hands_now (TlsConn *self, LeashContext *ctx, GError **error)
{
  GError *reason = NULL;
  gboolean done;

  lend_both (self, ctx);
  done = g_tls_connection_handshake (self->tls, NULL, &reason);
  lend_both (self, leash_context_background ());
  if (!done)
    {
      if (leash_context_is_done (ctx))
        {
          g_clear_error (&reason);
          leash_context_check (ctx, &reason);
          g_prefix_error (&reason, "the TLS handshake was given up: ");
        }
      else
        word_failure (self, &reason);
      self->failure = g_error_copy (reason);
      /* The peer may not have been told by GIO. */
      if (self->inner->ops->shutdown != NULL)
        self->inner->ops->shutdown (self->inner->handle.impl, TRUE, TRUE, NULL);
      g_propagate_error (error, reason);
    }
  g_atomic_int_set (&self->state, done ? STATE_OPEN : STATE_FAILED);
  return done;
}

/* The one that comes second waits for the first. */
static gboolean
shake_hands (TlsConn *self, LeashContext *ctx, GError **error)
{
  gboolean done;

  if (!take_turn (self, LEASH_WAY_OUT))
    return wait_for_turn (ctx, error);
  if (!take_turn (self, LEASH_WAY_IN))
    {
      give_turn (self, LEASH_WAY_OUT);
      return wait_for_turn (ctx, error);
    }
  if (g_atomic_int_get (&self->state) == STATE_NEW)
    done = shake_hands_now (self, ctx, error);
  else
    done = TRUE; /* meanwhile: the operation will see */
  give_turn (self, LEASH_WAY_IN);
  give_turn (self, LEASH_WAY_OUT);
  return done;
}

/* Whether an operation can go on; else *ret_n is what it returns. */
static gboolean
is_open (TlsConn *self, LeashContext *ctx, gssize *ret_n, GError **error)
{
  gint state = g_atomic_int_get (&self->state);

  *ret_n = -1;
  if (state == STATE_NEW && can_wait (self))
    *ret_n = LEASH_CONN_WOULD_BLOCK;
  else if (state == STATE_NEW)
    return shake_hands (self, ctx, error) && is_open (self, ctx, ret_n, error);
  else if (state == STATE_FAILED)
    g_propagate_error (error, g_error_copy (self->failure));
  return state == STATE_OPEN;
}

/* Moving data */

static gssize
try_write (TlsConn *self, const void *buffer, gsize count, GError **error)
{
  GOutputStream *output = g_io_stream_get_output_stream (G_IO_STREAM (self->tls));
  GError *reason = NULL;
  gssize n = g_pollable_output_stream_write_nonblocking (G_POLLABLE_OUTPUT_STREAM (output), buffer, count,
                                                         NULL, &reason);

  if (n >= 0)
    return n;
  if (g_error_matches (reason, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK))
    {
      g_error_free (reason);
      return LEASH_CONN_WOULD_BLOCK;
    }
  g_propagate_error (error, reason);
  return -1;
}

/* Goes on with a record that was left half-written: 0 when there is none any more. */
static gssize
flush_pending (TlsConn *self, GError **error)
{
  gssize n;

  if (self->pending->len == 0)
    return 0;
  n = try_write (self, self->pending->data, self->pending->len, error);
  if (n < 0)
    return n;
  g_byte_array_set_size (self->pending, 0);
  return 0;
}

/* In passing, for who reads: what fails will fail again. */
static void
flush_for_reader (TlsConn *self)
{
  if (!can_wait (self) || !take_turn (self, LEASH_WAY_OUT))
    return;
  flush_pending (self, NULL);
  give_turn (self, LEASH_WAY_OUT);
}

/* Writes one record, as a rule to its end. */
static gssize
write_record (TlsConn *self, LeashContext *ctx, const void *buffer, gsize count, GError **error)
{
  gssize n = flush_pending (self, error);

  if (n < 0)
    return n;
  do
    n = try_write (self, buffer, count, error);
  while (n == LEASH_CONN_WOULD_BLOCK && can_wait (self)
         && leash_conn_wait_bare (self->conn, ctx, LEASH_WAY_OUT, error));
  if (n != LEASH_CONN_WOULD_BLOCK)
    return n;
  if (leash_conn_is_closed (self->conn))
    return -1;
  /* Time is up: the record is begun, and will be written. */
  g_clear_error (error);
  g_byte_array_append (self->pending, buffer, (guint) count);
  return (gssize) count;
}

static gssize
tls_write (gpointer impl, LeashContext *ctx, const void *buffer, gsize count, GError **error)
{
  TlsConn *self = impl;
  GError *reason = NULL;
  gssize n;

  if (!is_open (self, ctx, &n, error))
    return n;
  if (!take_turn (self, LEASH_WAY_OUT))
    return miss_turn (self, ctx, error);
  if (self->is_end_told)
    {
      g_set_error_literal (&reason, G_IO_ERROR, G_IO_ERROR_CONNECTION_CLOSED,
                           "its writing side is shut down");
      n = -1;
    }
  else
    {
      lend (self, LEASH_WAY_OUT, ctx);
      n = write_record (self, ctx, buffer, MIN (count, RECORD), &reason);
      lend (self, LEASH_WAY_OUT, leash_context_background ());
    }
  give_turn (self, LEASH_WAY_OUT);
  if (reason != NULL)
    g_propagate_error (error, reason);
  /* Without an operation to wait with, its time was up before it began. */
  if (n == LEASH_CONN_WOULD_BLOCK && !can_wait (self))
    return leash_context_check (ctx, error), -1;
  return n;
}

static gssize
try_read (TlsConn *self, void *buffer, gsize count, GError **error)
{
  GInputStream *input = g_io_stream_get_input_stream (G_IO_STREAM (self->tls));
  GError *reason = NULL;
  gssize n = g_pollable_input_stream_read_nonblocking (G_POLLABLE_INPUT_STREAM (input), buffer, count, NULL,
                                                       &reason);

  if (n >= 0)
    return n;
  if (g_error_matches (reason, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK))
    n = LEASH_CONN_WOULD_BLOCK;
  else if (g_error_matches (reason, G_TLS_ERROR, G_TLS_ERROR_EOF))
    g_set_error_literal (error, G_TLS_ERROR, G_TLS_ERROR_EOF,
                         "the connection was cut: it ended without the end that TLS tells (close_notify)");
  else
    g_propagate_error (error, g_steal_pointer (&reason));
  g_clear_error (&reason);
  return n;
}

static void
keep_plain (TlsConn *self, gsize n)
{
  leash_lock (&self->lock);
  self->n_plain = n;
  leash_unlock (&self->lock);
}

/* In the turn to read. */
static gssize
read_some (TlsConn *self, void *buffer, gsize count, GError **error)
{
  gssize n;

  if (self->n_plain == 0 && count >= RECORD)
    return try_read (self, buffer, count, error);
  if (self->n_plain == 0)
    {
      if (self->plain == NULL)
        self->plain = g_malloc (RECORD);
      n = try_read (self, self->plain, RECORD, error);
      if (n <= 0)
        return n;
      self->plain_at = 0;
      keep_plain (self, (gsize) n);
    }
  count = MIN (count, self->n_plain);
  memcpy (buffer, self->plain + self->plain_at, count);
  self->plain_at += count;
  keep_plain (self, self->n_plain - count);
  return (gssize) count;
}

static gssize
tls_read (gpointer impl, LeashContext *ctx, void *buffer, gsize count, GError **error)
{
  TlsConn *self = impl;
  gssize n;

  if (g_atomic_int_get (&self->is_read_shut))
    return 0;
  if (!is_open (self, ctx, &n, error))
    return n;
  flush_for_reader (self);
  if (!take_turn (self, LEASH_WAY_IN))
    return miss_turn (self, ctx, error);
  lend (self, LEASH_WAY_IN, ctx);
  n = read_some (self, buffer, count, error);
  lend (self, LEASH_WAY_IN, leash_context_background ());
  give_turn (self, LEASH_WAY_IN);
  if (n == LEASH_CONN_WOULD_BLOCK && !can_wait (self))
    return leash_context_check (ctx, error), -1;
  return n;
}

static gboolean
tls_wait (gpointer impl, LeashContext *ctx, GIOCondition condition, GError **error)
{
  LeashWay way = condition == G_IO_IN ? LEASH_WAY_IN : LEASH_WAY_OUT;
  TlsConn *self = impl;
  gboolean is_taken, has_plain;

  if (g_atomic_int_get (&self->state) == STATE_NEW)
    return shake_hands (self, ctx, error);
  leash_lock (&self->lock);
  has_plain = way == LEASH_WAY_IN && self->n_plain > 0;
  is_taken = self->owners[way] != NULL && self->owners[way] != g_thread_self ();
  self->is_wanted[way] = self->is_wanted[way] || is_taken;
  leash_unlock (&self->lock);
  if (is_taken)
    return wait_for_turn (ctx, error);
  return has_plain || self->inner->ops->wait (self->inner->handle.impl, ctx, condition, error);
}

/* The end */

/* In the turn to write, and without others at the close. */
static gboolean
tell_end (TlsConn *self, GError **error)
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
shut_writing (TlsConn *self, GError **error)
{
  gboolean done = TRUE;

  if (g_atomic_int_get (&self->state) != STATE_OPEN || !take_turn (self, LEASH_WAY_OUT))
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_PENDING,
                           g_atomic_int_get (&self->state) != STATE_OPEN ? "there was no handshake yet"
                                                                         : "another thread is writing");
      return FALSE;
    }
  if (!self->is_end_told)
    done = tell_end (self, error);
  give_turn (self, LEASH_WAY_OUT);
  return done;
}

static gboolean
tls_shutdown (gpointer impl, gboolean reading, gboolean writing, GError **error)
{
  TlsConn *self = impl;

  /* Of a close in another thread: who waits is woken through its context. */
  if (leash_conn_is_closed (self->conn))
    return TRUE;
  if (reading)
    {
      g_atomic_int_set (&self->is_read_shut, TRUE);
      leash_patience_wake_all (&self->conn->patience);
    }
  return !writing || shut_writing (self, error);
}

static void
tls_reset (gpointer impl, const GError *cause)
{
  TlsConn *self = impl;

  g_atomic_int_set (&self->is_reset, TRUE);
  if (LEASH_CONN_HAS (self->inner, reset))
    self->inner->ops->reset (self->inner->handle.impl, cause);
}

static int
tls_get_fd (gpointer impl)
{
  LeashConn *inner = ((TlsConn *) impl)->inner;

  return inner->ops->get_fd != NULL ? inner->ops->get_fd (inner->handle.impl) : -1;
}

/* Who closes while a record is half-written cuts the connection, and does not wait for the peer. */
static gboolean
tls_close (gpointer impl, GError **error)
{
  TlsConn *self = impl;

  if (g_atomic_int_get (&self->state) == STATE_OPEN && !g_atomic_int_get (&self->is_reset)
      && !self->is_end_told && self->pending->len == 0)
    tell_end (self, NULL);
  /* GIO closes what is below with its connection: nothing comes through any more. */
  lend_both (self, NULL);
  return leash_handle_close_bare (&self->inner->handle, error);
}

static void
tls_conn_free (gpointer impl)
{
  TlsConn *self = impl;

  lend_both (self, NULL);
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

#define TLS_OPS                                                                                  \
  .size = sizeof (LeashConnOps), .read = tls_read, .write = tls_write, .shutdown = tls_shutdown, \
  .get_fd = tls_get_fd, .close = tls_close, .reset = tls_reset

static const LeashConnOps tls_ops = { TLS_OPS, .wait = tls_wait };
static const LeashConnOps tls_ops_without_wait = { TLS_OPS };

/* Making it */

static GTlsConnection *
make_client (GIOStream *base, LeashTlsConfig *config, const char *server_name, GError **error)
{
  g_autoptr (GSocketConnectable) identity = g_network_address_new (server_name, 0);
  GTlsConnection *tls = (GTlsConnection *) g_tls_client_connection_new (base, identity, error);

  if (tls != NULL && config->certificate != NULL)
    g_tls_connection_set_certificate (tls, config->certificate);
  return tls;
}

static GTlsConnection *
make_server (GIOStream *base, LeashTlsConfig *config, GError **error)
{
  GTlsConnection *tls = (GTlsConnection *) g_tls_server_connection_new (base, config->certificate, error);

  if (tls != NULL && config->requires_client_certificate)
    g_object_set (tls, "authentication-mode", G_TLS_AUTHENTICATION_REQUIRED, NULL);
  return tls;
}

LeashConn *
leash_tls_conn_new (LeashConn *inner, LeashTlsConfig *config, const char *server_name,
                    const char *local_address, const char *remote_address, GError **error)
{
  TlsConn *self = g_new0 (TlsConn, 1);

  self->lock = (LeashLock) LEASH_LOCK_INIT;
  self->inner = inner;
  self->server_name = g_strdup (server_name);
  self->pending = g_byte_array_new ();
  self->base = leash_tls_base_new (inner);
  lend_both (self, leash_context_background ());
  self->tls = server_name != NULL ? make_client (self->base, config, server_name, error)
                                  : make_server (self->base, config, error);
  if (self->tls == NULL)
    {
      leash_handle_close_bare (&inner->handle, NULL);
      tls_conn_free (self);
      return NULL;
    }
  if (config->database != NULL)
    g_tls_connection_set_database (self->tls, config->database);
  if (config->protocols != NULL)
    g_tls_connection_set_advertised_protocols (self->tls, (const char *const *) config->protocols);
  g_signal_connect (self->tls, "accept-certificate", G_CALLBACK (judge_certificate), self);
  self->conn = leash_conn_new (can_wait (self) ? &tls_ops : &tls_ops_without_wait, self, tls_conn_free,
                               local_address, remote_address);
  leash_handle_stand_before (&self->conn->handle, &inner->handle, inner->ops->get_fd);
  return self->conn;
}

gboolean
leash_tls_conn_shake_hands (LeashConn *conn, LeashContext *ctx, GError **error)
{
  return shake_hands (conn->handle.impl, ctx, error);
}

/* Enters the connection, if it is one with TLS that is open. */
static TlsConn *
enter (LeashConn *conn)
{
  if ((conn->ops != &tls_ops && conn->ops != &tls_ops_without_wait) || !leash_use_enter (&conn->handle.use))
    return NULL;
  if (g_atomic_int_get (&((TlsConn *) conn->handle.impl)->state) == STATE_OPEN)
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
  TlsConn *self;
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
  TlsConn *self;

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
