/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * LeashConn as a GIOStream. The three types are views: a connection, and the context that its operations get,
 * together with the GCancellable of the call. Closing the stream closes the connection; closing its output
 * alone has the peer read the end of the data.
 *
 * Where the connection can say "not now", its streams can be polled. The source for that waits on the
 * descriptor, or, where there is none, has a thread wait as long as it takes: who polls a connection in
 * memory pays for it, and nobody else. As long as a source lives it counts as an operation of the connection:
 * a close meanwhile makes it ready, and the descriptor is closed when the source has gone.
 */
#include "leash-stream-private.h"

#include <poll.h>

#include "leash-socket-private.h"

static const LeashAttempt call_read = { "Reading from", "read after close", "read" };
static const LeashAttempt call_write = { "Writing to", "write after close", "write" };

typedef struct
{
  LeashConn *conn;           /* owned */
  LeashContext *ctx;         /* owned */
  gboolean is_whole_closing; /* the connection is about to be closed: a half of it need not be */
} View;

/* Views */

static void
view_clear (View *view)
{
  g_clear_pointer (&view->conn, leash_conn_unref);
  g_clear_pointer (&view->ctx, leash_context_unref);
}

static LeashContext *
view_get_context (View *view, GCancellable *cancellable)
{
  return cancellable == NULL ? leash_context_ref (view->ctx)
                             : leash_context_for_call (view->ctx, cancellable);
}

static gboolean
view_can_poll (View *view)
{
  return view->conn->polled != NULL;
}

/* What a call that does not wait came to. */
static gssize
view_tell (View *view, const LeashAttempt *attempt, gssize n, GError **error)
{
  if (n == LEASH_CONN_WOULD_BLOCK)
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK, "it would have to wait");
  leash_conn_end (view->conn, attempt, n >= 0, error);
  return MAX (n, -1);
}

static gboolean
view_may_try (View *view, LeashWay way, GError **error)
{
  return leash_context_check (view->ctx, error)
         && leash_patience_check (&view->conn->patience, way, view->ctx, error);
}

/*
 * Readiness. What makes a source ready from another thread (the context, the thread that waits) must be over
 * when the source is destroyed: its main context may be freed then. So it belongs to the source's callback,
 * which goes at that moment; or with the source, where that is never destroyed.
 */

typedef struct
{
  LeashWatch watch;  /* of the view's context */
  GSource *source;   /* NULL once it is over */
  LeashConn *conn;   /* owned, and entered; NULL when it was closed already */
  LeashContext *ctx; /* owned; the view's */
  gboolean is_watching;
  LeashContext *waiting_ctx; /* owned; what a thread waits by */
  LeashWay way;
  GThread *thread; /* NULL where the descriptor tells */
} Readiness;

typedef struct
{
  GSource source;
  Readiness *readiness; /* NULL once the source is destroyed */
} ReadySource;

static GIOCondition
get_condition (LeashWay way)
{
  return way == LEASH_WAY_IN ? G_IO_IN : G_IO_OUT;
}

static void
fire (LeashWatch *watch)
{
  g_source_set_ready_time (((Readiness *) (gpointer) watch)->source, 0);
}

static gpointer
wait_in_thread (gpointer user_data)
{
  Readiness *self = user_data;
  LeashWaiting waiting;

  leash_patience_enter (&self->conn->patience, self->way, self->waiting_ctx, &waiting);
  if (!leash_conn_is_closed (self->conn))
    self->conn->polled->wait (self->conn->handle.impl, waiting.ctx, get_condition (self->way), NULL);
  leash_patience_leave (&self->conn->patience, &waiting);
  g_source_set_ready_time (self->source, 0);
  return NULL;
}

static void
readiness_start (Readiness *self)
{
  LeashConn *conn = self->conn;

  if (conn != NULL && leash_socket_conn_has_ops (conn->ops))
    g_source_add_unix_fd (self->source, conn->ops->get_fd (conn->handle.impl),
                          get_condition (self->way) | G_IO_HUP | G_IO_ERR);
  else if (conn == NULL || conn->polled == NULL)
    g_source_set_ready_time (self->source, 0);
  else
    self->thread = g_thread_new ("leash-ready", wait_in_thread, self);
}

static void
readiness_stop (Readiness *self)
{
  if (self->is_watching)
    leash_context_unwatch (self->ctx, &self->watch);
  leash_context_cancel (self->waiting_ctx, NULL);
  if (self->thread != NULL)
    g_thread_join (self->thread);
  ((ReadySource *) self->source)->readiness = NULL;
  self->source = NULL;
}

static void
readiness_free (gpointer user_data)
{
  Readiness *self = user_data;

  if (self->source != NULL)
    readiness_stop (self);
  leash_context_unref (self->waiting_ctx);
  leash_context_unref (self->ctx);
  if (self->conn != NULL)
    {
      leash_handle_leave (&self->conn->handle);
      leash_conn_unref (self->conn);
    }
  g_free (self);
}

/* A source that is kept is ready again when there is something again. */
static gboolean
ready_source_dispatch (GSource *source, GSourceFunc callback, gpointer user_data)
{
  Readiness *self = user_data;

  if (self->thread != NULL && !leash_context_is_done (self->ctx))
    {
      g_thread_join (g_steal_pointer (&self->thread));
      g_source_set_ready_time (source, -1);
      readiness_start (self);
    }
  return G_SOURCE_CONTINUE;
}

static void
ready_source_finalize (GSource *source)
{
  ReadySource *self = (ReadySource *) source;

  if (self->readiness != NULL)
    readiness_stop (self->readiness);
}

static GSourceFuncs ready_source_funcs = {
  .dispatch = ready_source_dispatch,
  .finalize = ready_source_finalize,
};

static gboolean
keep (gpointer user_data)
{
  return G_SOURCE_CONTINUE;
}

static GSource *
ready_source_new (View *view, LeashWay way)
{
  GSource *source = g_source_new (&ready_source_funcs, sizeof (ReadySource));
  Readiness *self = g_new0 (Readiness, 1);

  g_source_set_static_name (source, "LeashConn");
  *self = (Readiness){
    .watch.func = fire,
    .source = source,
    .conn = leash_handle_try_enter (&view->conn->handle) ? leash_conn_ref (view->conn) : NULL,
    .ctx = leash_context_ref (view->ctx),
    .waiting_ctx = leash_context_for_wait (view->ctx, -1),
    .way = way,
  };
  ((ReadySource *) source)->readiness = self;
  g_source_set_callback (source, keep, self, readiness_free);
  readiness_start (self);
  /* The call that follows tells that the context is done. */
  self->is_watching = leash_context_watch (self->ctx, &self->watch);
  if (!self->is_watching)
    g_source_set_ready_time (source, 0);
  return source;
}

static GSource *
view_create_source (View *view, gpointer stream, LeashWay way, GCancellable *cancellable)
{
  g_autoptr (GSource) ready = ready_source_new (view, way);
  GSource *source = g_pollable_source_new_full (stream, NULL, cancellable);

  g_source_add_child_source (source, ready);
  return source;
}

/* Of others than the kernel's sockets nobody can tell without trying: it is worth a try. */
static gboolean
view_is_ready (View *view, LeashWay way)
{
  struct pollfd fds = { .events = way == LEASH_WAY_IN ? POLLIN : POLLOUT };
  gboolean is_ready;

  if (!leash_socket_conn_has_ops (view->conn->ops) || leash_context_is_done (view->ctx)
      || !leash_handle_try_enter (&view->conn->handle))
    return TRUE;
  fds.fd = view->conn->ops->get_fd (view->conn->handle.impl);
  is_ready = poll (&fds, 1, 0) != 0;
  leash_handle_leave (&view->conn->handle);
  return is_ready;
}

/* Reading */

typedef struct
{
  GInputStream parent_instance;

  View view;
} LeashConnInputStream;

typedef GInputStreamClass LeashConnInputStreamClass;

static GType leash_conn_input_stream_get_type (void);
static void leash_conn_input_stream_init_pollable (GPollableInputStreamInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (LeashConnInputStream, leash_conn_input_stream, G_TYPE_INPUT_STREAM,
                               G_IMPLEMENT_INTERFACE (G_TYPE_POLLABLE_INPUT_STREAM,
                                                      leash_conn_input_stream_init_pollable))

static View *
input_view (gpointer stream)
{
  return &((LeashConnInputStream *) stream)->view;
}

static gssize
leash_conn_input_stream_read (GInputStream *stream, void *buffer, gsize count, GCancellable *cancellable,
                              GError **error)
{
  View *view = input_view (stream);
  g_autoptr (LeashContext) ctx = view_get_context (view, cancellable);

  return leash_conn_read (view->conn, ctx, buffer, count, error);
}

static gboolean
leash_conn_input_stream_close (GInputStream *stream, GCancellable *cancellable, GError **error)
{
  return TRUE;
}

static gboolean
leash_conn_input_stream_can_poll (GPollableInputStream *stream)
{
  return view_can_poll (input_view (stream));
}

static gboolean
leash_conn_input_stream_is_readable (GPollableInputStream *stream)
{
  return view_is_ready (input_view (stream), LEASH_WAY_IN);
}

static GSource *
leash_conn_input_stream_create_source (GPollableInputStream *stream, GCancellable *cancellable)
{
  return view_create_source (input_view (stream), stream, LEASH_WAY_IN, cancellable);
}

static gssize
leash_conn_input_stream_read_nonblocking (GPollableInputStream *stream, void *buffer, gsize count,
                                          GError **error)
{
  View *view = input_view (stream);
  gssize n = -1;

  if (!leash_conn_begin (view->conn, &call_read, view_can_poll (view) && view->conn->polled->read != NULL,
                         LEASH_CALLER, error))
    return -1;
  if (view_may_try (view, LEASH_WAY_IN, error))
    n = view->conn->polled->read (view->conn->handle.impl, view->ctx, buffer, count, error);
  leash_conn_note_read (view->conn, n);
  return view_tell (view, &call_read, n, error);
}

static void
leash_conn_input_stream_init_pollable (GPollableInputStreamInterface *iface)
{
  iface->can_poll = leash_conn_input_stream_can_poll;
  iface->is_readable = leash_conn_input_stream_is_readable;
  iface->create_source = leash_conn_input_stream_create_source;
  iface->read_nonblocking = leash_conn_input_stream_read_nonblocking;
}

static void
leash_conn_input_stream_finalize (GObject *object)
{
  view_clear (input_view (object));
  G_OBJECT_CLASS (leash_conn_input_stream_parent_class)->finalize (object);
}

static void
leash_conn_input_stream_class_init (LeashConnInputStreamClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = leash_conn_input_stream_finalize;
  klass->read_fn = leash_conn_input_stream_read;
  klass->close_fn = leash_conn_input_stream_close;
}

static void
leash_conn_input_stream_init (LeashConnInputStream *self)
{
}

/* Writing */

typedef struct
{
  GOutputStream parent_instance;

  View view;
} LeashConnOutputStream;

typedef GOutputStreamClass LeashConnOutputStreamClass;

static GType leash_conn_output_stream_get_type (void);
static void leash_conn_output_stream_init_pollable (GPollableOutputStreamInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (LeashConnOutputStream, leash_conn_output_stream, G_TYPE_OUTPUT_STREAM,
                               G_IMPLEMENT_INTERFACE (G_TYPE_POLLABLE_OUTPUT_STREAM,
                                                      leash_conn_output_stream_init_pollable))

static View *
output_view (gpointer stream)
{
  return &((LeashConnOutputStream *) stream)->view;
}

static gssize
leash_conn_output_stream_write (GOutputStream *stream, const void *buffer, gsize count,
                                GCancellable *cancellable, GError **error)
{
  View *view = output_view (stream);
  g_autoptr (LeashContext) ctx = view_get_context (view, cancellable);

  return leash_conn_write (view->conn, ctx, buffer, count, error);
}

static gboolean
leash_conn_output_stream_close (GOutputStream *stream, GCancellable *cancellable, GError **error)
{
  View *view = output_view (stream);

  return view->is_whole_closing || leash_conn_is_closed (view->conn)
         || leash_conn_shutdown (view->conn, FALSE, TRUE, error);
}

static gboolean
leash_conn_output_stream_can_poll (GPollableOutputStream *stream)
{
  return view_can_poll (output_view (stream));
}

static gboolean
leash_conn_output_stream_is_writable (GPollableOutputStream *stream)
{
  return view_is_ready (output_view (stream), LEASH_WAY_OUT);
}

static GSource *
leash_conn_output_stream_create_source (GPollableOutputStream *stream, GCancellable *cancellable)
{
  return view_create_source (output_view (stream), stream, LEASH_WAY_OUT, cancellable);
}

static gssize
leash_conn_output_stream_write_nonblocking (GPollableOutputStream *stream, const void *buffer, gsize count,
                                            GError **error)
{
  View *view = output_view (stream);
  gssize n = -1;

  if (!leash_conn_begin (view->conn, &call_write, view_can_poll (view) && view->conn->polled->write != NULL,
                         LEASH_CALLER, error))
    return -1;
  if (view_may_try (view, LEASH_WAY_OUT, error))
    n = view->conn->polled->write (view->conn->handle.impl, view->ctx, buffer, count, error);
  if (n < 0)
    leash_conn_give_up (view->conn);
  return view_tell (view, &call_write, n, error);
}

static void
leash_conn_output_stream_init_pollable (GPollableOutputStreamInterface *iface)
{
  iface->can_poll = leash_conn_output_stream_can_poll;
  iface->is_writable = leash_conn_output_stream_is_writable;
  iface->create_source = leash_conn_output_stream_create_source;
  iface->write_nonblocking = leash_conn_output_stream_write_nonblocking;
}

static void
leash_conn_output_stream_finalize (GObject *object)
{
  view_clear (output_view (object));
  G_OBJECT_CLASS (leash_conn_output_stream_parent_class)->finalize (object);
}

static void
leash_conn_output_stream_class_init (LeashConnOutputStreamClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = leash_conn_output_stream_finalize;
  klass->write_fn = leash_conn_output_stream_write;
  klass->close_fn = leash_conn_output_stream_close;
}

static void
leash_conn_output_stream_init (LeashConnOutputStream *self)
{
}

/* Both */

typedef struct
{
  GIOStream parent_instance;

  LeashConn *conn;               /* owned */
  LeashConnInputStream *input;   /* owned */
  LeashConnOutputStream *output; /* owned */
} LeashConnIOStream;

typedef GIOStreamClass LeashConnIOStreamClass;

static GType leash_conn_io_stream_get_type (void);

G_DEFINE_FINAL_TYPE (LeashConnIOStream, leash_conn_io_stream, G_TYPE_IO_STREAM)

static GInputStream *
leash_conn_io_stream_get_input (GIOStream *stream)
{
  return (GInputStream *) ((LeashConnIOStream *) stream)->input;
}

static GOutputStream *
leash_conn_io_stream_get_output (GIOStream *stream)
{
  return (GOutputStream *) ((LeashConnIOStream *) stream)->output;
}

/* The program may have closed the connection itself, which is no second close then. */
static gboolean
leash_conn_io_stream_close (GIOStream *stream, GCancellable *cancellable, GError **error)
{
  LeashConnIOStream *self = (LeashConnIOStream *) stream;

  self->output->view.is_whole_closing = TRUE;
  G_IO_STREAM_CLASS (leash_conn_io_stream_parent_class)->close_fn (stream, NULL, NULL);
  return leash_conn_is_closed (self->conn) || leash_conn_close (self->conn, error);
}

static void
leash_conn_io_stream_finalize (GObject *object)
{
  LeashConnIOStream *self = (LeashConnIOStream *) object;

  g_clear_object (&self->input);
  g_clear_object (&self->output);
  g_clear_pointer (&self->conn, leash_conn_unref);
  G_OBJECT_CLASS (leash_conn_io_stream_parent_class)->finalize (object);
}

static void
leash_conn_io_stream_class_init (LeashConnIOStreamClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = leash_conn_io_stream_finalize;
  klass->get_input_stream = leash_conn_io_stream_get_input;
  klass->get_output_stream = leash_conn_io_stream_get_output;
  klass->close_fn = leash_conn_io_stream_close;
}

static void
leash_conn_io_stream_init (LeashConnIOStream *self)
{
}

static View
view_of (LeashConn *conn, LeashContext *ctx)
{
  return (View){ .conn = leash_conn_ref (conn), .ctx = leash_context_ref (ctx) };
}

LeashConn *
leash_conn_view_get_conn (GIOStream *stream)
{
  return G_TYPE_CHECK_INSTANCE_TYPE (stream, leash_conn_io_stream_get_type ())
             ? ((LeashConnIOStream *) stream)->conn
             : NULL;
}

/**
 * leash_conn_to_stream:
 * @conn: a connection
 * @ctx: a context, which each read and write gets
 *
 * Makes a stream of a connection, for what works with GIO's streams. The stream holds references to @conn and
 * @ctx. Its operations end when @ctx is done, at the connection's deadlines, and when the call's
 * #GCancellable is cancelled.
 *
 * Closing the stream, or giving back its last reference, closes @conn; where @conn was closed before, that is
 * well. Closing the output stream alone stops writing, as leash_conn_shutdown() does; closing the input
 * stream alone closes that stream and nothing else.
 *
 * The streams are #GPollableInputStream and #GPollableOutputStream, which can be polled unless the connection
 * is one of a user's own network that can only wait, or TLS over a fault network's. Where it has no
 * descriptor, each source that waits has a thread. A deadline of the connection makes no source of one with a
 * descriptor ready. While a source lives, the connection's descriptor stays open, though it is closed.
 *
 * Each stream is used by one thread at a time, as GIO has it; one may read while another writes.
 *
 * Returns: (transfer full): the stream
 *
 * Since: 0.1
 */
GIOStream *
leash_conn_to_stream (LeashConn *conn, LeashContext *ctx)
{
  LeashConnIOStream *self;

  g_return_val_if_fail (conn != NULL, NULL);
  g_return_val_if_fail (ctx != NULL, NULL);

  self = g_object_new (leash_conn_io_stream_get_type (), NULL);
  self->conn = leash_conn_ref (conn);
  self->input = g_object_new (leash_conn_input_stream_get_type (), NULL);
  self->input->view = view_of (conn, ctx);
  self->output = g_object_new (leash_conn_output_stream_get_type (), NULL);
  self->output->view = view_of (conn, ctx);
  return G_IO_STREAM (self);
}
