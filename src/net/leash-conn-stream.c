/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A LeashConn of any GIOStream.
 *
 * Streams that can be polled are tried, and waited for by a source in a main context that exists for as long
 * as the wait does; a socket is waited for by its descriptor. Other streams wait within their calls, for
 * which they get the GCancellable of the context; one that does not heed it cannot be stopped.
 *
 * A stream is used by one thread at a time, a connection by several. So each way is a turn that threads take,
 * and wait for by their contexts, as the thread before may wait for the peer.
 *
 * Others than sockets write with write(), which sends SIGPIPE when nobody reads any more. As a library must
 * not change what that signal does to its program, the thread blocks it meanwhile, and takes what came of its
 * own call. A stream that writes in threads of its own is on its own in this.
 */
#include "leash-stream-private.h"

#include <gio/gfiledescriptorbased.h>

#include <errno.h>
#include <signal.h>

#include "leash-socket-private.h"
#include "leash-wait-private.h"

typedef struct
{
  gboolean is_taken;      /* atomic */
  LeashPatience patience; /* who waits for it */
} Turn;

typedef struct
{
  GIOStream *stream;   /* owned, as it is told to be by the connection's maker */
  GInputStream *input; /* the stream's, as is output */
  GOutputStream *output;
  GSocket *socket; /* of a socket's own stream; NULL otherwise */
  LeashConn *conn; /* whose implementation this is; set before anybody uses it */
  gboolean can_poll;
  gboolean is_reading_shut; /* atomic */
  Turn turns[LEASH_N_WAYS];
} StreamConn;

/* Turns */

static gboolean
try_turn (Turn *turn)
{
  return !__atomic_exchange_n (&turn->is_taken, TRUE, __ATOMIC_ACQ_REL);
}

static gboolean
take_turn (Turn *turn, LeashContext *ctx, GError **error)
{
  while (!try_turn (turn))
    {
      LeashWaiting waiting;

      if (!leash_context_check (ctx, error))
        return FALSE;
      leash_patience_enter (&turn->patience, LEASH_WAY_IN, ctx, &waiting);
      if (__atomic_load_n (&turn->is_taken, __ATOMIC_ACQUIRE))
        leash_context_wait (waiting.ctx, -1);
      leash_patience_leave (&turn->patience, &waiting);
    }
  return TRUE;
}

static void
leave_turn (Turn *turn)
{
  __atomic_store_n (&turn->is_taken, FALSE, __ATOMIC_RELEASE);
  leash_patience_wake_all (&turn->patience);
}

/* SIGPIPE */

typedef struct
{
  sigset_t mask; /* before */
  gboolean was_pending;
} Quiet;

static sigset_t
get_sigpipe (void)
{
  sigset_t set;

  sigemptyset (&set);
  sigaddset (&set, SIGPIPE);
  return set;
}

/* One that the thread has blocked itself, and that waits already, is the program's. */
static void
begin_quiet (const StreamConn *self, Quiet *quiet)
{
  const sigset_t sigpipe = get_sigpipe ();
  sigset_t pending;

  if (self->socket != NULL)
    return;
  pthread_sigmask (SIG_BLOCK, &sigpipe, &quiet->mask);
  sigpending (&pending);
  quiet->was_pending = sigismember (&pending, SIGPIPE) == 1;
}

static void
end_quiet (const StreamConn *self, const Quiet *quiet)
{
  const struct timespec at_once = { 0 };
  const sigset_t sigpipe = get_sigpipe ();

  if (self->socket != NULL)
    return;
  if (!quiet->was_pending)
    while (sigtimedwait (&sigpipe, NULL, &at_once) < 0 && errno == EINTR)
      ;
  pthread_sigmask (SIG_SETMASK, &quiet->mask, NULL);
}

/* What is polled does not look at whether it is closed: its descriptor's number may be another's by then. */
static gboolean
begin_writing (StreamConn *self, LeashContext *ctx, Quiet *quiet, GError **error)
{
  if (!take_turn (&self->turns[LEASH_WAY_OUT], ctx, error))
    return FALSE;
  if (g_output_stream_is_closed (self->output))
    {
      leave_turn (&self->turns[LEASH_WAY_OUT]);
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_BROKEN_PIPE, "writing was shut down");
      return FALSE;
    }
  begin_quiet (self, quiet);
  return TRUE;
}

static void
end_writing (StreamConn *self, const Quiet *quiet)
{
  end_quiet (self, quiet);
  leave_turn (&self->turns[LEASH_WAY_OUT]);
}

/* What both kinds do */

static int
get_fd_of (gpointer stream)
{
  return G_IS_FILE_DESCRIPTOR_BASED (stream) ? g_file_descriptor_based_get_fd (stream) : -1;
}

/* Two descriptors, as of a pair of pipes, are not the connection's one. */
static int
stream_get_fd (gpointer impl)
{
  StreamConn *self = impl;
  int fd = get_fd_of (self->input);

  if (self->socket != NULL)
    return g_socket_get_fd (self->socket);
  return fd == get_fd_of (self->output) ? fd : -1;
}

static gboolean
shut_reading (StreamConn *self)
{
  __atomic_store_n (&self->is_reading_shut, TRUE, __ATOMIC_RELEASE);
  leash_patience_wake_all (&self->conn->patience);
  return TRUE;
}

/*
 * Who writes to a stream that can be polled is soon done with it. Of another one a thread that writes keeps
 * hold: what it waits for may never come.
 */
static gboolean
shut_writing (StreamConn *self, GError **error)
{
  Turn *turn = &self->turns[LEASH_WAY_OUT];
  gboolean done;
  Quiet quiet;

  if (self->can_poll)
    take_turn (turn, leash_context_background (), NULL);
  else if (!try_turn (turn))
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_PENDING, "another thread writes");
      return FALSE;
    }
  begin_quiet (self, &quiet);
  done = g_output_stream_close (self->output, NULL, error);
  end_writing (self, &quiet);
  return done;
}

static gboolean
stream_shutdown (gpointer impl, gboolean reading, gboolean writing, GError **error)
{
  StreamConn *self = impl;

  if (self->socket != NULL)
    return g_socket_shutdown (self->socket, reading, writing, error);
  return (!reading || shut_reading (self)) && (!writing || shut_writing (self, error));
}

static gboolean
stream_close (gpointer impl, GError **error)
{
  StreamConn *self = impl;
  gboolean done;
  Quiet quiet;

  /* It may write what a stream between has held back. */
  begin_quiet (self, &quiet);
  done = g_io_stream_close (self->stream, NULL, error);
  end_quiet (self, &quiet);
  return done;
}

static void
stream_conn_free (gpointer impl)
{
  StreamConn *self = impl;

  g_object_unref (self->stream);
  g_free (self);
}

/* Streams that can be polled */

static gssize
tell_would_block (gssize n, GError **reason, GError **error)
{
  if (n >= 0)
    return n;
  if (g_error_matches (*reason, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK))
    return LEASH_CONN_WOULD_BLOCK;
  g_propagate_error (error, g_steal_pointer (reason));
  return -1;
}

static gssize
polled_read (gpointer impl, LeashContext *ctx, void *buffer, gsize count, GError **error)
{
  StreamConn *self = impl;
  Turn *turn = &self->turns[LEASH_WAY_IN];
  g_autoptr (GError) reason = NULL;
  gssize n;

  if (__atomic_load_n (&self->is_reading_shut, __ATOMIC_ACQUIRE))
    return 0;
  if (!take_turn (turn, ctx, error))
    return -1;
  n = g_pollable_input_stream_read_nonblocking (G_POLLABLE_INPUT_STREAM (self->input), buffer, count, NULL,
                                                &reason);
  leave_turn (turn);
  return tell_would_block (n, &reason, error);
}

static gssize
polled_write (gpointer impl, LeashContext *ctx, const void *buffer, gsize count, GError **error)
{
  StreamConn *self = impl;
  Quiet quiet;
  g_autoptr (GError) reason = NULL;
  gssize n;

  if (!begin_writing (self, ctx, &quiet, error))
    return -1;
  n = g_pollable_output_stream_write_nonblocking (G_POLLABLE_OUTPUT_STREAM (self->output), buffer, count,
                                                  NULL, &reason);
  end_writing (self, &quiet);
  return tell_would_block (n, &reason, error);
}

/*
 * By the interface's own function: where a GUnixOutputStream's fails, it says that as much as can be was
 * written, and g_pollable_output_stream_writev_nonblocking() prints a warning of that.
 */
static gssize
polled_writev (gpointer impl, LeashContext *ctx, const GOutputVector *vectors, gsize n_vectors,
               GError **error)
{
  StreamConn *self = impl;
  GPollableOutputStream *output = G_POLLABLE_OUTPUT_STREAM (self->output);
  GPollableReturn result;
  Quiet quiet;
  gsize n = 0;

  if (!begin_writing (self, ctx, &quiet, error))
    return -1;
  result = G_POLLABLE_OUTPUT_STREAM_GET_INTERFACE (output)->writev_nonblocking (output, vectors, n_vectors,
                                                                                &n, error);
  end_writing (self, &quiet);
  if (result == G_POLLABLE_RETURN_WOULD_BLOCK)
    return LEASH_CONN_WOULD_BLOCK;
  return result == G_POLLABLE_RETURN_OK ? (gssize) n : -1;
}

static gboolean
note_ready (gpointer stream, gpointer user_data)
{
  *(gboolean *) user_data = TRUE;
  return G_SOURCE_REMOVE;
}

typedef struct
{
  LeashWatch watch;
  GMainContext *loop;
} LoopWait;

static void
wake_loop (LeashWatch *watch)
{
  g_main_context_wakeup (((LoopWait *) (gpointer) watch)->loop);
}

/*
 * A watch, and no source for the context: a GCancellable that is being cancelled may touch the main context
 * of a source that was just destroyed, which this one does not outlive.
 */
static gboolean
wait_for_source (GSource *ready, LeashContext *ctx)
{
  LoopWait wait = { .watch.func = wake_loop, .loop = g_main_context_new () };
  gboolean is_ready = FALSE;

  g_source_set_callback (ready, G_SOURCE_FUNC (note_ready), &is_ready, NULL);
  g_source_attach (ready, wait.loop);
  if (leash_context_watch (ctx, &wait.watch))
    {
      while (!is_ready && !leash_context_is_done (ctx))
        g_main_context_iteration (wait.loop, TRUE);
      leash_context_unwatch (ctx, &wait.watch);
    }
  g_source_destroy (ready);
  g_main_context_unref (wait.loop);
  return is_ready;
}

static gboolean
polled_wait (gpointer impl, LeashContext *ctx, GIOCondition condition, GError **error)
{
  StreamConn *self = impl;
  g_autoptr (GSource) ready = NULL;

  if (self->socket != NULL)
    return leash_wait_for_fd (ctx, g_socket_get_fd (self->socket), condition == G_IO_IN ? POLLIN : POLLOUT,
                              error);
  if (condition == G_IO_IN)
    ready = g_pollable_input_stream_create_source (G_POLLABLE_INPUT_STREAM (self->input), NULL);
  else
    ready = g_pollable_output_stream_create_source (G_POLLABLE_OUTPUT_STREAM (self->output), NULL);
  return wait_for_source (ready, ctx) || leash_context_check (ctx, error);
}

#define POLLED_OPS                                                                                        \
  .size = sizeof (LeashConnOps), .read = polled_read, .write = polled_write, .shutdown = stream_shutdown, \
  .get_fd = stream_get_fd, .close = stream_close, .wait = polled_wait, .writev = polled_writev

static const LeashConnOps polled_ops = { POLLED_OPS };

/* Sockets' own streams, which hold nothing back that goes by the descriptor */

static gssize
local_send_fds (gpointer impl, LeashContext *ctx, const void *buffer, gsize count, const int *fds,
                guint n_fds, GError **error)
{
  return leash_socket_send_fds (stream_get_fd (impl), ctx, buffer, count, fds, n_fds, error);
}

static gssize
local_receive_fds (gpointer impl, LeashContext *ctx, void *buffer, gsize count, int *ret_fds, guint max_fds,
                   guint *ret_n_fds, GError **error)
{
  return leash_socket_receive_fds (stream_get_fd (impl), ctx, buffer, count, ret_fds, max_fds, ret_n_fds,
                                   error);
}

static GCredentials *
local_get_credentials (gpointer impl, GError **error)
{
  return leash_socket_get_credentials (stream_get_fd (impl), error);
}

static void
socket_reset (gpointer impl, const GError *cause)
{
  leash_socket_make_reset (stream_get_fd (impl));
}

static gboolean
tcp_set_keepalive (gpointer impl, gint64 idle, GError **error)
{
  return leash_socket_set_keepalive (stream_get_fd (impl), idle, error);
}

static const LeashConnOps socket_ops = { POLLED_OPS, .reset = socket_reset };
static const LeashConnOps tcp_ops = { POLLED_OPS, .reset = socket_reset, .set_keepalive = tcp_set_keepalive };
static const LeashConnOps local_ops = {
  POLLED_OPS,
  .reset = socket_reset,
  .get_credentials = local_get_credentials,
  .send_fds = local_send_fds,
  .receive_fds = local_receive_fds,
};

/* Streams that wait by themselves */

static gssize
waiting_read (gpointer impl, LeashContext *ctx, void *buffer, gsize count, GError **error)
{
  StreamConn *self = impl;
  Turn *turn = &self->turns[LEASH_WAY_IN];
  gssize n = -1;

  if (__atomic_load_n (&self->is_reading_shut, __ATOMIC_ACQUIRE))
    return 0;
  if (take_turn (turn, ctx, error))
    {
      n = g_input_stream_read (self->input, buffer, count, leash_context_get_cancellable (ctx), error);
      leave_turn (turn);
    }
  return n;
}

static gssize
waiting_write (gpointer impl, LeashContext *ctx, const void *buffer, gsize count, GError **error)
{
  StreamConn *self = impl;
  Quiet quiet;
  gssize n = -1;

  if (begin_writing (self, ctx, &quiet, error))
    {
      n = g_output_stream_write (self->output, buffer, count, leash_context_get_cancellable (ctx), error);
      end_writing (self, &quiet);
    }
  return n;
}

/* Without writev: see polled_writev(); and g_output_stream_writev() is more than its class's function. */
static const LeashConnOps waiting_ops = {
  .size = sizeof (LeashConnOps),
  .read = waiting_read,
  .write = waiting_write,
  .shutdown = stream_shutdown,
  .get_fd = stream_get_fd,
  .close = stream_close,
};

/* Making one */

static gboolean
can_poll (StreamConn *self)
{
  return G_IS_POLLABLE_INPUT_STREAM (self->input) && G_IS_POLLABLE_OUTPUT_STREAM (self->output)
         && g_pollable_input_stream_can_poll (G_POLLABLE_INPUT_STREAM (self->input))
         && g_pollable_output_stream_can_poll (G_POLLABLE_OUTPUT_STREAM (self->output));
}

static const LeashConnOps *
get_ops (StreamConn *self)
{
  if (!self->can_poll)
    return &waiting_ops;
  if (self->socket == NULL)
    return &polled_ops;
  if (g_socket_get_family (self->socket) == G_SOCKET_FAMILY_UNIX)
    return &local_ops;
  return g_socket_get_socket_type (self->socket) == G_SOCKET_TYPE_STREAM ? &tcp_ops : &socket_ops;
}

/* Behind a wrapper, such as TLS before a socket, what the socket has is not what the stream has. */
static GSocket *
get_own_socket (GIOStream *stream)
{
  return G_IS_SOCKET_CONNECTION (stream) && !G_IS_TCP_WRAPPER_CONNECTION (stream)
             ? g_socket_connection_get_socket (G_SOCKET_CONNECTION (stream))
             : NULL;
}

static char *
get_socket_address (GSocket *socket)
{
  g_autoptr (GSocketAddress) address = g_socket_get_local_address (socket, NULL);
  int type = g_socket_get_socket_type (socket) == G_SOCKET_TYPE_DATAGRAM ? SOCK_DGRAM : SOCK_STREAM;
  LeashNative native = { 0 };

  if (address == NULL || !g_socket_address_to_native (address, &native.native, sizeof native.native, NULL))
    return NULL;
  native.length = (socklen_t) g_socket_address_get_native_size (address);
  return leash_native_to_string (&native, type);
}

static char *
get_local_address (StreamConn *self)
{
  LeashConn *within = leash_conn_view_get_conn (self->stream);

  if (within != NULL)
    return g_strdup (within->local_address);
  return self->socket != NULL ? get_socket_address (self->socket) : NULL;
}

static LeashConn *
stream_conn_new (GIOStream *stream, const char *address)
{
  StreamConn *self = g_new0 (StreamConn, 1);
  g_autofree char *local_address = NULL;

  self->stream = g_object_ref (stream);
  self->input = g_io_stream_get_input_stream (stream);
  self->output = g_io_stream_get_output_stream (stream);
  self->socket = get_own_socket (stream);
  self->can_poll = can_poll (self);
  leash_patience_init (&self->turns[LEASH_WAY_IN].patience);
  leash_patience_init (&self->turns[LEASH_WAY_OUT].patience);
  local_address = get_local_address (self);
  self->conn = leash_conn_new (get_ops (self), self, stream_conn_free, local_address, address);
  return self->conn;
}

/**
 * leash_conn_new_from_stream:
 * @ctx: a context
 * @stream: a stream, open
 * @address: what the peer is called in messages and reports, such as `tcp:127.0.0.1:80`
 * @error: return location for an error
 *
 * Makes a connection of a stream that something else connected, and puts it on the leash of @ctx's tracker
 * until it is closed. The connection holds a reference to @stream and closes it; from now on @stream is used
 * through the connection only. A stream that is closed already is refused with %G_IO_ERROR_CLOSED, and where
 * this fails @stream is left as it is.
 *
 * Of a stream whose halves can be polled, all that leash_conn_read() says is true. Another one is stopped by
 * the #GCancellable that its calls get: if it does not heed that, neither a context nor a deadline nor a
 * close ends an operation that waits. On such a stream leash_conn_shutdown() fails with %G_IO_ERROR_PENDING
 * while another thread writes.
 *
 * leash_conn_shutdown() shuts a #GSocketConnection down. Of other streams it closes the output stream; to
 * stop reading is between the connection and its user.
 *
 * Of a #GSocketConnection, leash_conn_close_with_error() resets it, and of one over a local socket
 * (#GUnixConnection) descriptors and credentials go by the socket. leash_conn_set_keepalive() is for those
 * over TCP, to which nothing is set otherwise. On other streams these fail with %G_IO_ERROR_NOT_SUPPORTED,
 * and a close with an error is a close.
 *
 * Returns: (transfer full): the connection, %NULL with @error set
 *
 * Since: 0.1
 */
LeashConn *
leash_conn_new_from_stream (LeashContext *ctx, GIOStream *stream, const char *address, GError **error)
{
  LeashConn *conn;

  g_return_val_if_fail (ctx != NULL, NULL);
  g_return_val_if_fail (G_IS_IO_STREAM (stream), NULL);
  g_return_val_if_fail (address != NULL, NULL);

  if (g_io_stream_is_closed (stream))
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_CLOSED, "the stream is closed");
      leash_attempt_prefix (error, "Making a connection of", address);
      return NULL;
    }
  conn = stream_conn_new (stream, address);
  leash_conn_track (conn, ctx, "conn", address, LEASH_CALLER);
  return conn;
}
