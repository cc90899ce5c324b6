/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The body of a response: libsoup's stream, with the request's context over every read.
 *
 * The exchange is one piece of work, so the request's context governs it to the end, as in Go's net/http; a
 * read's own GCancellable ends that read besides. The tag is released at the first read that finds the end,
 * or by closing.
 *
 * Asynchronous reads go to libsoup's stream in the caller's main context. GInputStream's own way of reading
 * asynchronously, in another thread, would break libsoup's rules; the same goes for closing, which does not
 * block.
 */
#include "leash-http-private.h"

typedef struct
{
  GFilterInputStream parent_instance;

  LeashContext *ctx;
  char *name;
  LeashTag *tag; /* NULL once released */
} HttpBody;

typedef GFilterInputStreamClass HttpBodyClass;

GType http_body_get_type (void);

G_DEFINE_FINAL_TYPE (HttpBody, http_body, G_TYPE_FILTER_INPUT_STREAM)

static GInputStream *
get_base (HttpBody *self)
{
  return g_filter_input_stream_get_base_stream ((GFilterInputStream *) self);
}

static void
release (HttpBody *self)
{
  leash_untrack (g_steal_pointer (&self->tag));
}

/* What a read is done under: the request's context, and the read's own cancellable. */
static LeashContext *
join (HttpBody *self, GCancellable *cancellable)
{
  return cancellable == NULL ? leash_context_ref (self->ctx)
                             : leash_context_with_cancellable (self->ctx, cancellable);
}

/* What libsoup's read found, in our words. */
static gssize
note_read (HttpBody *self, gsize count, gssize n, LeashContext *ctx, GError *found, GError **error)
{
  if (n < 0)
    http_propagate_error (error, found, ctx, self->name);
  else if (n == 0 && count > 0)
    release (self);
  return n;
}

static gssize
http_body_read (GInputStream *stream, void *buffer, gsize count, GCancellable *cancellable, GError **error)
{
  HttpBody *self = (HttpBody *) stream;
  g_autoptr (LeashContext) ctx = join (self, cancellable);
  GError *found = NULL;
  gssize n
      = g_input_stream_read (get_base (self), buffer, count, leash_context_get_cancellable (ctx), &found);

  return note_read (self, count, n, ctx, found, error);
}

/* A read that goes on: the task's data. */
typedef struct
{
  LeashContext *ctx;
  gsize count;
} Reading;

static void
reading_free (gpointer user_data)
{
  Reading *reading = user_data;

  leash_context_unref (reading->ctx);
  g_free (reading);
}

static void
read_done (GObject *base, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  HttpBody *self = g_task_get_source_object (task);
  Reading *reading = g_task_get_task_data (task);
  GError *found = NULL, *error = NULL;
  gssize n = g_input_stream_read_finish ((GInputStream *) base, result, &found);

  n = note_read (self, reading->count, n, reading->ctx, found, &error);
  if (error != NULL)
    g_task_return_error (task, error);
  else
    g_task_return_int (task, n);
}

static void
http_body_read_async (GInputStream *stream, void *buffer, gsize count, int priority,
                      GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  HttpBody *self = (HttpBody *) stream;
  GTask *task = g_task_new (stream, NULL, callback, user_data);
  Reading *reading = g_new (Reading, 1);

  *reading = (Reading){ join (self, cancellable), count };
  g_task_set_task_data (task, reading, reading_free);
  g_input_stream_read_async (get_base (self), buffer, count, priority,
                             leash_context_get_cancellable (reading->ctx), read_done, task);
}

static gssize
http_body_read_finish (GInputStream *stream, GAsyncResult *result, GError **error)
{
  return g_task_propagate_int (G_TASK (result), error);
}

static gboolean
http_body_close (GInputStream *stream, GCancellable *cancellable, GError **error)
{
  HttpBody *self = (HttpBody *) stream;

  release (self);
  return g_input_stream_close (get_base (self), NULL, error);
}

static void
http_body_close_async (GInputStream *stream, int priority, GCancellable *cancellable,
                       GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (stream, NULL, callback, user_data);
  GError *error = NULL;

  if (http_body_close (stream, NULL, &error))
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

static gboolean
http_body_close_finish (GInputStream *stream, GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

static void
http_body_finalize (GObject *object)
{
  HttpBody *self = (HttpBody *) object;

  g_free (self->name);
  leash_context_unref (self->ctx);
  G_OBJECT_CLASS (http_body_parent_class)->finalize (object);
}

static void
http_body_class_init (HttpBodyClass *klass)
{
  GInputStreamClass *stream_class = G_INPUT_STREAM_CLASS (klass);

  G_OBJECT_CLASS (klass)->finalize = http_body_finalize;
  stream_class->read_fn = http_body_read;
  stream_class->read_async = http_body_read_async;
  stream_class->read_finish = http_body_read_finish;
  stream_class->close_fn = http_body_close;
  stream_class->close_async = http_body_close_async;
  stream_class->close_finish = http_body_close_finish;
  /* By reading, so that a skip that finds the end is noticed too. */
  stream_class->skip = NULL;
}

static void
http_body_init (HttpBody *self)
{
}

GInputStream *
http_body_new (GInputStream *stream, LeashContext *ctx, const char *name, LeashTag *tag)
{
  HttpBody *self = g_object_new (http_body_get_type (), "base-stream", stream, NULL);

  self->ctx = leash_context_ref (ctx);
  self->name = g_strdup (name);
  self->tag = tag;
  return (GInputStream *) self;
}
