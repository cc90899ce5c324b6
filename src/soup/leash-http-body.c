/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The body of a response: libsoup's stream, with the request's context over every read.
 *
 * The exchange is one piece of work, so the request's context governs it to the end, as in Go's net/http; a
 * read's own GCancellable ends that read besides.
 *
 * At the end of the body libsoup's stream is closed, and the tag released: only then is the connection given
 * back, and who has read to the end has done their part. What is open at the last unref is closed by
 * GInputStream.
 *
 * Asynchronous reads go to libsoup's stream in the caller's main context. GInputStream's own way of reading
 * asynchronously, in another thread, would break libsoup's rules; the same goes for closing, which does not
 * block. Skipping is GInputStream's, which reads.
 */
#include "leash-http-private.h"

typedef struct
{
  GInputStream parent_instance;

  GInputStream *base;
  LeashContext *ctx;
  char *name;
  LeashTag *tag; /* NULL once released */
  gboolean is_at_end;
} HttpBody;

typedef GInputStreamClass HttpBodyClass;

GType http_body_get_type (void);

G_DEFINE_FINAL_TYPE (HttpBody, http_body, G_TYPE_INPUT_STREAM)

/* Does not block: what was not read is not read now, the connection is closed. */
static gboolean
release (HttpBody *self, GError **error)
{
  leash_untrack (g_steal_pointer (&self->tag));
  return g_input_stream_close (self->base, NULL, error);
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
    {
      self->is_at_end = TRUE;
      release (self, NULL);
    }
  return n;
}

static gssize
http_body_read (GInputStream *stream, void *buffer, gsize count, GCancellable *cancellable, GError **error)
{
  HttpBody *self = (HttpBody *) stream;
  g_autoptr (LeashContext) ctx = NULL;
  GError *found = NULL;
  gssize n;

  if (self->is_at_end)
    return 0;
  ctx = join (self, cancellable);
  n = g_input_stream_read (self->base, buffer, count, leash_context_get_cancellable (ctx), &found);
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
  if (!self->is_at_end)
    g_input_stream_read_async (self->base, buffer, count, priority,
                               leash_context_get_cancellable (reading->ctx), read_done, task);
  else
    {
      g_task_return_int (task, 0);
      g_object_unref (task);
    }
}

static gssize
http_body_read_finish (GInputStream *stream, GAsyncResult *result, GError **error)
{
  return g_task_propagate_int (G_TASK (result), error);
}

static gboolean
http_body_close (GInputStream *stream, GCancellable *cancellable, GError **error)
{
  return release ((HttpBody *) stream, error);
}

static void
http_body_close_async (GInputStream *stream, int priority, GCancellable *cancellable,
                       GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (stream, NULL, callback, user_data);
  GError *error = NULL;

  if (release ((HttpBody *) stream, &error))
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

  g_object_unref (self->base);
  g_free (self->name);
  leash_context_unref (self->ctx);
  G_OBJECT_CLASS (http_body_parent_class)->finalize (object);
}

static void
http_body_class_init (HttpBodyClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = http_body_finalize;
  klass->read_fn = http_body_read;
  klass->read_async = http_body_read_async;
  klass->read_finish = http_body_read_finish;
  klass->close_fn = http_body_close;
  klass->close_async = http_body_close_async;
  klass->close_finish = http_body_close_finish;
}

static void
http_body_init (HttpBody *self)
{
}

GInputStream *
http_body_new (GInputStream *stream, LeashContext *ctx, const char *name, LeashTag *tag)
{
  HttpBody *self = g_object_new (http_body_get_type (), NULL);

  self->base = g_object_ref (stream);
  self->ctx = leash_context_ref (ctx);
  self->name = g_strdup (name);
  self->tag = tag;
  return (GInputStream *) self;
}
