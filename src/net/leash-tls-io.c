/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What moves data through a connection with TLS, and waits for it. */
#include "leash-tls-conn-private.h"

#include <string.h>

/* Whether it has the turn; else *ret_n is what the operation returns. */
static gboolean
get_turn (LeashTlsConn *self, LeashWay way, LeashContext *ctx, gssize *ret_n, GError **error)
{
  while (!leash_tls_take_turn (self, way))
    {
      *ret_n = leash_tls_can_wait (self) ? LEASH_CONN_WOULD_BLOCK : -1;
      if (*ret_n == LEASH_CONN_WOULD_BLOCK || !leash_tls_wait_for_turn (self, way, ctx, error))
        return FALSE;
      if (way == LEASH_WAY_IN && g_atomic_int_get (&self->is_read_shut))
        return *ret_n = 0, FALSE;
    }
  return TRUE;
}

static gssize
try_write (LeashTlsConn *self, const void *buffer, gsize count, GError **error)
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

gboolean
leash_tls_refuse_other (GError **error)
{
  g_set_error_literal (
      error, G_IO_ERROR, G_IO_ERROR_PENDING,
      "a write was given up in the middle of a record of TLS: the same bytes must be written "
      "before anything else");
  return FALSE;
}

/* Writes one record: a new one, or the rest of the one that was begun. */
static gssize
write_record (LeashTlsConn *self, const void *buffer, gsize count, GError **error)
{
  gsize begun = self->pending->len;
  gssize n;

  if (self->is_end_told)
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_CONNECTION_CLOSED, "its writing side is shut down");
      return -1;
    }
  if (begun > 0 && (count < begun || memcmp (buffer, self->pending->data, begun) != 0))
    return leash_tls_refuse_other (error), -1;
  if (begun == 0)
    count = MIN (count, LEASH_TLS_RECORD);
  n = try_write (self, buffer, begun > 0 ? begun : count, error);
  if (n != LEASH_CONN_WOULD_BLOCK)
    g_byte_array_set_size (self->pending, 0);
  else if (begun == 0)
    g_byte_array_append (self->pending, buffer, (guint) count);
  return n;
}

/* Who would block keeps the turn, for the record's sake. */
gssize
leash_tls_write (gpointer impl, LeashContext *ctx, const void *buffer, gsize count, GError **error)
{
  LeashTlsConn *self = impl;
  gssize n;

  if (!leash_tls_is_open (self, ctx, &n, error))
    return n;
  if (!get_turn (self, LEASH_WAY_OUT, ctx, &n, error))
    return n;
  leash_tls_lend (self, LEASH_WAY_OUT, ctx);
  n = write_record (self, buffer, count, error);
  leash_tls_lend (self, LEASH_WAY_OUT, leash_context_background ());
  if (n != LEASH_CONN_WOULD_BLOCK)
    leash_tls_give_turn (self, LEASH_WAY_OUT);
  /* Without an operation to wait with, time is up. */
  else if (!leash_tls_can_wait (self))
    return leash_context_check (ctx, error), -1;
  return n;
}

void
leash_tls_give_up (gpointer impl)
{
  LeashTlsConn *self = impl;
  gboolean has_turn;

  leash_lock (&self->lock);
  has_turn = self->owners[LEASH_WAY_OUT] == g_thread_self ();
  leash_unlock (&self->lock);
  leash_conn_give_up (self->inner);
  if (has_turn)
    leash_tls_give_turn (self, LEASH_WAY_OUT);
}

static gssize
try_read (LeashTlsConn *self, void *buffer, gsize count, GError **error)
{
  GInputStream *input = g_io_stream_get_input_stream (G_IO_STREAM (self->tls));
  GError *reason = NULL;
  gssize n = g_pollable_input_stream_read_nonblocking (G_POLLABLE_INPUT_STREAM (input), buffer, count, NULL,
                                                       &reason);

  if (n >= 0)
    return n;
  if (g_error_matches (reason, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK))
    n = LEASH_CONN_WOULD_BLOCK;
  else if (g_error_matches (reason, G_TLS_ERROR, G_TLS_ERROR_EOF) || leash_tls_base_is_over (self->base))
    g_set_error_literal (error, G_TLS_ERROR, G_TLS_ERROR_EOF,
                         "the connection was cut: it ended without the end that TLS tells (close_notify)");
  else
    g_propagate_error (error, g_steal_pointer (&reason));
  g_clear_error (&reason);
  return n;
}

static void
keep_plain (LeashTlsConn *self, gsize n)
{
  leash_lock (&self->lock);
  self->n_plain = n;
  leash_unlock (&self->lock);
}

/* In the turn to read. */
static gssize
read_some (LeashTlsConn *self, void *buffer, gsize count, GError **error)
{
  gssize n;

  if (self->n_plain == 0 && count >= LEASH_TLS_RECORD)
    return try_read (self, buffer, count, error);
  if (self->n_plain == 0)
    {
      if (self->plain == NULL)
        self->plain = g_malloc (LEASH_TLS_RECORD);
      n = try_read (self, self->plain, LEASH_TLS_RECORD, error);
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

gssize
leash_tls_read (gpointer impl, LeashContext *ctx, void *buffer, gsize count, GError **error)
{
  LeashTlsConn *self = impl;
  gssize n;

  if (g_atomic_int_get (&self->is_read_shut))
    return 0;
  if (!leash_tls_is_open (self, ctx, &n, error))
    return n;
  if (!get_turn (self, LEASH_WAY_IN, ctx, &n, error))
    return n;
  leash_tls_lend (self, LEASH_WAY_IN, ctx);
  n = read_some (self, buffer, count, error);
  leash_tls_lend (self, LEASH_WAY_IN, leash_context_background ());
  leash_tls_give_turn (self, LEASH_WAY_IN);
  if (n == LEASH_CONN_WOULD_BLOCK && !leash_tls_can_wait (self))
    return leash_context_check (ctx, error), -1;
  return n;
}

/* Of who has the way's turn, or finds it free. Returns TRUE too when another reader has kept some. */
static gboolean
wait_below (LeashTlsConn *self, LeashWay way, LeashContext *ctx, GIOCondition condition, GError **error)
{
  gboolean has_plain, is_ready = TRUE, was_woken;
  GError *reason = NULL;
  LeashWaiting waiting;

  leash_patience_enter (&self->patience, way, ctx, &waiting);
  leash_lock (&self->lock);
  has_plain = way == LEASH_WAY_IN && self->n_plain > 0;
  leash_unlock (&self->lock);
  if (!has_plain)
    is_ready = self->inner->ops->wait (self->inner->handle.impl, waiting.ctx, condition, &reason);
  was_woken = leash_patience_leave (&self->patience, &waiting);
  if (is_ready)
    return TRUE;
  if (was_woken)
    {
      g_clear_error (&reason);
      return leash_context_check (ctx, error);
    }
  if (reason != NULL)
    g_propagate_error (error, reason);
  return FALSE;
}

gboolean
leash_tls_wait (gpointer impl, LeashContext *ctx, GIOCondition condition, GError **error)
{
  LeashWay way = condition == G_IO_IN ? LEASH_WAY_IN : LEASH_WAY_OUT;
  LeashTlsConn *self = impl;
  gboolean is_taken;

  if (g_atomic_int_get (&self->state) == LEASH_TLS_NEW)
    return leash_tls_shake_hands (self, ctx, error);
  leash_lock (&self->lock);
  is_taken = self->owners[way] != NULL && self->owners[way] != g_thread_self ();
  leash_unlock (&self->lock);
  return is_taken ? leash_tls_wait_for_turn (self, way, ctx, error)
                  : wait_below (self, way, ctx, condition, error);
}
