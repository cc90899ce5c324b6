/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The stream below GIO's TLS: a connection, without the guard of the handle, whose calls get the context that
 * was lent to their direction last. That is what a stream of leash_conn_to_stream(), with its one context,
 * cannot: each operation of the connection above has its own.
 *
 * GIO shakes hands in a thread of its own, which uses what was lent. That it is through by the time that the
 * caller goes on is GIO's to see to; here it is said once more by atomic operations, for those who watch
 * threads and do not see GIO's locks.
 *
 * It can be tried without blocking whatever connection it is over: one without an operation "wait" then
 * blocks for as long as the lent context lets it. Nobody waits for it by a source, and it closes nothing.
 */
#include "leash-tls-base-private.h"

typedef struct
{
  LeashConn *conn;   /* outlives it */
  LeashContext *ctx; /* atomic; lent; NULL for none */
  guint n_done;      /* atomic; calls that are over */
  gboolean is_over;  /* atomic; there is no more to read */
} Below;

/* What was lent, NULL with the error set. A call that begins so ends with give_back(). */
static LeashContext *
borrow (Below *below, GError **error)
{
  LeashContext *ctx = __atomic_load_n (&below->ctx, __ATOMIC_ACQUIRE);

  if (ctx == NULL)
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_CLOSED, "it is closed");
  return ctx;
}

static gssize
give_back (Below *below, LeashWay way, gssize n)
{
  if (way == LEASH_WAY_IN && n == 0)
    __atomic_store_n (&below->is_over, TRUE, __ATOMIC_RELAXED);
  __atomic_fetch_add (&below->n_done, 1, __ATOMIC_RELEASE);
  return n;
}

static void
lend (Below *below, LeashContext *ctx)
{
  __atomic_load_n (&below->n_done, __ATOMIC_ACQUIRE);
  __atomic_store_n (&below->ctx, ctx, __ATOMIC_RELEASE);
}

/* Waits for it. */
static gssize
move_in (Below *below, LeashContext *ctx, LeashWay way, void *buffer, gsize count, GError **error)
{
  GError *reason = NULL;
  gssize n = way == LEASH_WAY_IN ? leash_conn_read_bare (below->conn, ctx, buffer, count, &reason)
                                 : leash_conn_write_bare (below->conn, ctx, buffer, count, &reason);

  if (reason != NULL)
    g_propagate_error (error, reason);
  else if (n < 0)
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_CLOSED, "it is closed");
  return n;
}

static gssize
move (Below *below, LeashWay way, void *buffer, gsize count, GError **error)
{
  LeashContext *ctx = borrow (below, error);

  return ctx != NULL ? give_back (below, way, move_in (below, ctx, way, buffer, count, error)) : -1;
}

static gssize
refuse_to_block (GError **error)
{
  g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK, "it would have to wait");
  return -1;
}

/* Moves nothing but what is there, or there is room for. */
static gssize
try_move_in (Below *below, LeashContext *ctx, LeashWay way, void *buffer, gsize count, GError **error)
{
  LeashConn *conn = below->conn;
  GError *reason = NULL;
  gssize n;

  if (LEASH_CONN_HAS (conn, wait))
    {
      n = way == LEASH_WAY_IN ? conn->ops->read (conn->handle.impl, ctx, buffer, count, error)
                              : conn->ops->write (conn->handle.impl, ctx, buffer, count, error);
      return n == LEASH_CONN_WOULD_BLOCK ? refuse_to_block (error) : n;
    }
  n = move_in (below, ctx, way, buffer, count, &reason);
  /* When time is up, the connection is as well as before. */
  if (n < 0 && leash_context_is_done (ctx))
    {
      g_clear_error (&reason);
      return refuse_to_block (error);
    }
  if (reason != NULL)
    g_propagate_error (error, reason);
  return n;
}

static gssize
try_move (Below *below, LeashWay way, void *buffer, gsize count, GError **error)
{
  LeashContext *ctx = borrow (below, error);

  return ctx != NULL ? give_back (below, way, try_move_in (below, ctx, way, buffer, count, error)) : -1;
}

/* Reading */

typedef struct
{
  GInputStream parent_instance;

  Below below;
} LeashTlsInput;

typedef GInputStreamClass LeashTlsInputClass;

static GType leash_tls_input_get_type (void);
static void leash_tls_input_init_pollable (GPollableInputStreamInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (LeashTlsInput, leash_tls_input, G_TYPE_INPUT_STREAM,
                               G_IMPLEMENT_INTERFACE (G_TYPE_POLLABLE_INPUT_STREAM,
                                                      leash_tls_input_init_pollable))

static gssize
leash_tls_input_read (GInputStream *stream, void *buffer, gsize count, GCancellable *cancellable,
                      GError **error)
{
  return move (&((LeashTlsInput *) stream)->below, LEASH_WAY_IN, buffer, count, error);
}

static gboolean
leash_tls_input_close (GInputStream *stream, GCancellable *cancellable, GError **error)
{
  return TRUE;
}

static void
leash_tls_input_class_init (LeashTlsInputClass *klass)
{
  klass->read_fn = leash_tls_input_read;
  klass->close_fn = leash_tls_input_close;
}

static void
leash_tls_input_init (LeashTlsInput *self)
{
}

static gboolean
input_is_readable (GPollableInputStream *stream)
{
  return TRUE;
}

static gssize
input_read_nonblocking (GPollableInputStream *stream, void *buffer, gsize count, GError **error)
{
  return try_move (&((LeashTlsInput *) stream)->below, LEASH_WAY_IN, buffer, count, error);
}

static void
leash_tls_input_init_pollable (GPollableInputStreamInterface *iface)
{
  iface->is_readable = input_is_readable;
  iface->read_nonblocking = input_read_nonblocking;
}

/* Writing */

typedef struct
{
  GOutputStream parent_instance;

  Below below;
} LeashTlsOutput;

typedef GOutputStreamClass LeashTlsOutputClass;

static GType leash_tls_output_get_type (void);
static void leash_tls_output_init_pollable (GPollableOutputStreamInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (LeashTlsOutput, leash_tls_output, G_TYPE_OUTPUT_STREAM,
                               G_IMPLEMENT_INTERFACE (G_TYPE_POLLABLE_OUTPUT_STREAM,
                                                      leash_tls_output_init_pollable))

static gssize
leash_tls_output_write (GOutputStream *stream, const void *buffer, gsize count, GCancellable *cancellable,
                        GError **error)
{
  return move (&((LeashTlsOutput *) stream)->below, LEASH_WAY_OUT, (void *) buffer, count, error);
}

static gboolean
leash_tls_output_close (GOutputStream *stream, GCancellable *cancellable, GError **error)
{
  return TRUE;
}

static void
leash_tls_output_class_init (LeashTlsOutputClass *klass)
{
  klass->write_fn = leash_tls_output_write;
  klass->close_fn = leash_tls_output_close;
}

static void
leash_tls_output_init (LeashTlsOutput *self)
{
}

static gboolean
output_is_writable (GPollableOutputStream *stream)
{
  return TRUE;
}

static gssize
output_write_nonblocking (GPollableOutputStream *stream, const void *buffer, gsize count, GError **error)
{
  return try_move (&((LeashTlsOutput *) stream)->below, LEASH_WAY_OUT, (void *) buffer, count, error);
}

static void
leash_tls_output_init_pollable (GPollableOutputStreamInterface *iface)
{
  iface->is_writable = output_is_writable;
  iface->write_nonblocking = output_write_nonblocking;
}

/* Both */

GIOStream *
leash_tls_base_new (LeashConn *conn)
{
  LeashTlsInput *input = g_object_new (leash_tls_input_get_type (), NULL);
  LeashTlsOutput *output = g_object_new (leash_tls_output_get_type (), NULL);
  GIOStream *base;

  input->below.conn = conn;
  output->below.conn = conn;
  base = g_simple_io_stream_new (G_INPUT_STREAM (input), G_OUTPUT_STREAM (output));
  g_object_unref (input);
  g_object_unref (output);
  return base;
}

void
leash_tls_base_lend (GIOStream *base, LeashWay way, LeashContext *ctx)
{
  if (way == LEASH_WAY_IN)
    lend (&((LeashTlsInput *) g_io_stream_get_input_stream (base))->below, ctx);
  else
    lend (&((LeashTlsOutput *) g_io_stream_get_output_stream (base))->below, ctx);
}

gboolean
leash_tls_base_is_over (GIOStream *base)
{
  Below *below = &((LeashTlsInput *) g_io_stream_get_input_stream (base))->below;

  return __atomic_load_n (&below->is_over, __ATOMIC_RELAXED);
}
