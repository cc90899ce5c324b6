/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Open files over GIO: a stream for reading, one for both, or one that appends. Streams may be used by one
 * thread at a time and have no reading at an offset, so each file has a lock, and goes there and back under
 * it.
 */
#include "leash-gfile-private.h"

#include <errno.h>
#include <gio/gfiledescriptorbased.h>
#include <pthread.h>
#include <unistd.h>

typedef struct
{
  pthread_mutex_t lock; /* guards the streams, and the position in them */
  GObject *stream;      /* owned: a GFileInputStream, GFileIOStream or GFileOutputStream */
  GInputStream *in;     /* in stream; NULL where it appends */
  GOutputStream *out;   /* in stream; NULL where it reads */
} Open;

static void
open_free (gpointer impl)
{
  Open *self = impl;

  g_object_unref (self->stream);
  pthread_mutex_destroy (&self->lock);
  g_free (self);
}

static gssize
read_in (Open *self, LeashContext *ctx, void *buffer, gsize count, GError **failure)
{
  return g_input_stream_read (self->in, buffer, count, leash_context_get_cancellable (ctx), failure);
}

static gssize
write_out (Open *self, LeashContext *ctx, const void *buffer, gsize count, GError **failure)
{
  return g_output_stream_write (self->out, buffer, count, leash_context_get_cancellable (ctx), failure);
}

static gssize
open_read (gpointer impl, LeashContext *ctx, void *buffer, gsize count, GError **error)
{
  Open *self = impl;
  GError *failure = NULL;
  gssize n;

  pthread_mutex_lock (&self->lock);
  n = read_in (self, ctx, buffer, count, &failure);
  pthread_mutex_unlock (&self->lock);
  if (n < 0)
    leash_gfile_fail (ctx, failure, error);
  return n;
}

static gssize
open_write (gpointer impl, LeashContext *ctx, const void *buffer, gsize count, GError **error)
{
  Open *self = impl;
  GError *failure = NULL;
  gssize n;

  pthread_mutex_lock (&self->lock);
  n = write_out (self, ctx, buffer, count, &failure);
  pthread_mutex_unlock (&self->lock);
  if (n < 0)
    leash_gfile_fail (ctx, failure, error);
  return n;
}

static gboolean
go_to (Open *self, LeashContext *ctx, gint64 offset, GSeekType whence, GError **failure)
{
  GSeekable *seekable = G_SEEKABLE (self->stream);

  if (g_seekable_can_seek (seekable))
    return g_seekable_seek (seekable, offset, whence,
                            ctx != NULL ? leash_context_get_cancellable (ctx) : NULL, failure);
  g_set_error_literal (failure, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED, "it has no positions");
  return FALSE;
}

/* Goes to an offset for reading. Streams in memory have none beyond their end, where there is nothing to
 * read. */
static gboolean
go_to_read (Open *self, LeashContext *ctx, gint64 offset, gboolean *ret_is_end, GError **failure)
{
  *ret_is_end = FALSE;
  if (go_to (self, ctx, offset, G_SEEK_SET, failure))
    return TRUE;
  if (!g_error_matches (*failure, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT))
    return FALSE;
  g_clear_error (failure);
  *ret_is_end = TRUE;
  return go_to (self, ctx, 0, G_SEEK_END, failure);
}

static gssize
open_pread (gpointer impl, LeashContext *ctx, void *buffer, gsize count, gint64 offset, GError **error)
{
  Open *self = impl;
  GError *failure = NULL;
  gssize n = -1;
  gboolean is_end;
  gint64 before;

  pthread_mutex_lock (&self->lock);
  before = g_seekable_tell (G_SEEKABLE (self->stream));
  if (go_to_read (self, ctx, offset, &is_end, &failure))
    {
      n = is_end ? 0 : read_in (self, ctx, buffer, count, &failure);
      if (!go_to (self, NULL, before, G_SEEK_SET, n >= 0 ? &failure : NULL))
        n = -1;
    }
  pthread_mutex_unlock (&self->lock);
  if (n < 0)
    leash_gfile_fail (ctx, failure, error);
  return n;
}

static gssize
open_pwrite (gpointer impl, LeashContext *ctx, const void *buffer, gsize count, gint64 offset, GError **error)
{
  Open *self = impl;
  GError *failure = NULL;
  gssize n = -1;
  gint64 before;

  pthread_mutex_lock (&self->lock);
  before = g_seekable_tell (G_SEEKABLE (self->stream));
  if (go_to (self, ctx, offset, G_SEEK_SET, &failure))
    {
      n = write_out (self, ctx, buffer, count, &failure);
      if (!go_to (self, NULL, before, G_SEEK_SET, n >= 0 ? &failure : NULL))
        n = -1;
    }
  pthread_mutex_unlock (&self->lock);
  if (n < 0)
    leash_gfile_fail (ctx, failure, error);
  return n;
}

static gint64
open_seek (gpointer impl, gint64 offset, GSeekType whence, GError **error)
{
  Open *self = impl;
  GError *failure = NULL;
  gint64 position = -1;

  pthread_mutex_lock (&self->lock);
  if (go_to (self, NULL, offset, whence, &failure))
    position = g_seekable_tell (G_SEEKABLE (self->stream));
  pthread_mutex_unlock (&self->lock);
  if (position < 0)
    leash_gfile_fail (NULL, failure, error);
  return position;
}

static gboolean
open_stat (gpointer impl, LeashContext *ctx, LeashStat *ret_stat, GError **error)
{
  Open *self = impl;
  GCancellable *cancellable = leash_context_get_cancellable (ctx);
  const char *attributes = LEASH_GFILE_ATTRIBUTES;
  g_autoptr (GFileInfo) info = NULL;
  GError *failure = NULL;

  pthread_mutex_lock (&self->lock);
  if (self->out == NULL)
    info = g_file_input_stream_query_info (G_FILE_INPUT_STREAM (self->in), attributes, cancellable, &failure);
  else if (self->in == NULL)
    info = g_file_output_stream_query_info (G_FILE_OUTPUT_STREAM (self->out), attributes, cancellable,
                                            &failure);
  else
    info = g_file_io_stream_query_info (G_FILE_IO_STREAM (self->stream), attributes, cancellable, &failure);
  pthread_mutex_unlock (&self->lock);
  if (info == NULL)
    return leash_gfile_fail (ctx, failure, error);
  leash_gfile_to_stat (info, ret_stat);
  return TRUE;
}

static gboolean
open_truncate (gpointer impl, LeashContext *ctx, gint64 length, GError **error)
{
  Open *self = impl;
  GSeekable *seekable = G_SEEKABLE (self->stream);
  GError *failure = NULL;
  gboolean done = FALSE;

  pthread_mutex_lock (&self->lock);
  if (g_seekable_can_truncate (seekable))
    done = g_seekable_truncate (seekable, length, leash_context_get_cancellable (ctx), &failure);
  else
    g_set_error_literal (&failure, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED, "its length cannot be set");
  pthread_mutex_unlock (&self->lock);
  return done || leash_gfile_fail (ctx, failure, error);
}

static int
open_get_fd (gpointer impl)
{
  Open *self = impl;
  GObject *streams[] = { self->stream, (GObject *) self->in, (GObject *) self->out };

  for (guint i = 0; i < G_N_ELEMENTS (streams); i++)
    if (streams[i] != NULL && G_IS_FILE_DESCRIPTOR_BASED (streams[i]))
      return g_file_descriptor_based_get_fd (G_FILE_DESCRIPTOR_BASED (streams[i]));
  return -1;
}

/* GIO has no such operation: it takes the descriptor. */
static gboolean
open_sync (gpointer impl, LeashContext *ctx, GError **error)
{
  int fd = open_get_fd (impl);

  if (fd < 0)
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED, "GIO cannot sync what is not local");
  else if (fsync (fd) == 0)
    return TRUE;
  else
    leash_attempt_set_errno (error, errno);
  return FALSE;
}

static gboolean
open_close (gpointer impl, GError **error)
{
  Open *self = impl;
  GError *failure = NULL;
  gboolean done;

  if (G_IS_IO_STREAM (self->stream))
    done = g_io_stream_close (G_IO_STREAM (self->stream), NULL, &failure);
  else if (self->out != NULL)
    done = g_output_stream_close (self->out, NULL, &failure);
  else
    done = g_input_stream_close (self->in, NULL, &failure);
  return done || leash_gfile_fail (NULL, failure, error);
}

static const LeashFileOps open_ops = {
  .size = sizeof (LeashFileOps),
  .read = open_read,
  .write = open_write,
  .pread = open_pread,
  .pwrite = open_pwrite,
  .seek = open_seek,
  .stat = open_stat,
  .truncate = open_truncate,
  .sync = open_sync,
  .get_fd = open_get_fd,
  .close = open_close,
};

static Open *
open_stream (GFile *gfile, LeashContext *ctx, LeashOpenFlags flags, GError **failure)
{
  GCancellable *cancellable = leash_context_get_cancellable (ctx);
  Open *self = g_new0 (Open, 1);

  if ((flags & LEASH_OPEN_APPEND) != 0)
    {
      self->out = (GOutputStream *) g_file_append_to (gfile, G_FILE_CREATE_NONE, cancellable, failure);
      self->stream = (GObject *) self->out;
    }
  else if ((flags & LEASH_OPEN_WRITE) != 0)
    {
      GFileIOStream *both = g_file_open_readwrite (gfile, cancellable, failure);

      self->stream = (GObject *) both;
      self->in = both != NULL ? g_io_stream_get_input_stream (G_IO_STREAM (both)) : NULL;
      self->out = both != NULL ? g_io_stream_get_output_stream (G_IO_STREAM (both)) : NULL;
    }
  else
    {
      self->in = (GInputStream *) g_file_read (gfile, cancellable, failure);
      self->stream = (GObject *) self->in;
    }
  if (self->stream == NULL)
    g_clear_pointer (&self, g_free);
  else
    pthread_mutex_init (&self->lock, NULL);
  return self;
}

LeashFile *
leash_gfile_open (GFile *gfile, LeashContext *ctx, const char *path, LeashOpenFlags flags, GError **error)
{
  GError *failure = NULL;
  Open *self = open_stream (gfile, ctx, flags, &failure);

  if (self == NULL)
    {
      leash_gfile_fail (ctx, failure, error);
      return NULL;
    }
  if ((flags & LEASH_OPEN_TRUNCATE) == 0 || open_truncate (self, ctx, 0, error))
    return leash_file_new (&open_ops, self, open_free, path, flags);
  open_free (self);
  return NULL;
}
