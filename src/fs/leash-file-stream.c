/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * LeashFile as GIO's streams. The three types are views: a file, the context that its operations get, and
 * whether the view closes the file. What is asynchronous GIO makes of what is synchronous, in its threads; a
 * GCancellable is looked at before a call begins, the context by the file itself.
 *
 * Where the file has a descriptor, the streams are GFileDescriptorBased. That is an interface, so it takes
 * types of their own; GIOStream has no use for it.
 *
 * A view never touches a file that it has closed: GIO asks for the position of closed streams too, and would
 * be reported for it.
 */
#include <leash/leash-file-stream.h>

#include <gio/gfiledescriptorbased.h>

#include <leash/leash-track.h>

#include "leash-fs-private.h"

typedef struct
{
  LeashFile *file;   /* owned */
  LeashContext *ctx; /* owned */
  gboolean owns;     /* closes the file with the stream */
} View;

/* Views */

static void
view_clear (View *view)
{
  g_clear_pointer (&view->file, leash_file_unref);
  g_clear_pointer (&view->ctx, leash_context_unref);
}

static gboolean
view_close (View *view, GError **error)
{
  return !view->owns || leash_file_close (view->file, error);
}

static goffset
view_tell (View *view)
{
  return leash_file_is_closed (view->file) ? 0 : MAX (leash_file_seek (view->file, 0, G_SEEK_CUR, NULL), 0);
}

static gboolean
view_can_seek (View *view)
{
  return !leash_file_is_closed (view->file) && leash_file_seek (view->file, 0, G_SEEK_CUR, NULL) >= 0;
}

static gboolean
view_seek (View *view, goffset offset, GSeekType whence, GCancellable *cancellable, GError **error)
{
  return !g_cancellable_set_error_if_cancelled (cancellable, error)
         && leash_file_seek (view->file, offset, whence, error) >= 0;
}

static gboolean
view_can_truncate (View *view)
{
  return !leash_file_is_closed (view->file) && (leash_file_get_flags (view->file) & LEASH_OPEN_WRITE) != 0;
}

static gboolean
view_truncate (View *view, goffset length, GCancellable *cancellable, GError **error)
{
  return !g_cancellable_set_error_if_cancelled (cancellable, error)
         && leash_file_truncate (view->file, view->ctx, length, error);
}

static int
view_get_fd (View *view)
{
  return leash_file_is_closed (view->file) ? -1 : leash_file_get_fd (view->file);
}

/* GSeekable, for each of the types: their functions differ in nothing but where the view is. */
#define DEFINE_SEEKABLE(Type, prefix, can_truncate_it)                                                  \
  static goffset prefix##_tell (GSeekable *seekable) { return view_tell (&((Type *) seekable)->view); } \
                                                                                                        \
  static gboolean prefix##_can_seek (GSeekable *seekable)                                               \
  {                                                                                                     \
    return view_can_seek (&((Type *) seekable)->view);                                                  \
  }                                                                                                     \
                                                                                                        \
  static gboolean prefix##_seek (GSeekable *seekable, goffset offset, GSeekType whence,                 \
                                 GCancellable *cancellable, GError **error)                             \
  {                                                                                                     \
    return view_seek (&((Type *) seekable)->view, offset, whence, cancellable, error);                  \
  }                                                                                                     \
                                                                                                        \
  static gboolean prefix##_can_truncate (GSeekable *seekable)                                           \
  {                                                                                                     \
    return can_truncate_it && view_can_truncate (&((Type *) seekable)->view);                           \
  }                                                                                                     \
                                                                                                        \
  static gboolean prefix##_truncate (GSeekable *seekable, goffset length, GCancellable *cancellable,    \
                                     GError **error)                                                    \
  {                                                                                                     \
    return view_truncate (&((Type *) seekable)->view, length, cancellable, error);                      \
  }                                                                                                     \
                                                                                                        \
  static void prefix##_init_seekable (GSeekableIface *iface)                                            \
  {                                                                                                     \
    iface->tell = prefix##_tell;                                                                        \
    iface->can_seek = prefix##_can_seek;                                                                \
    iface->seek = prefix##_seek;                                                                        \
    iface->can_truncate = prefix##_can_truncate;                                                        \
    iface->truncate_fn = prefix##_truncate;                                                             \
  }

/* The type of streams with a descriptor, derived from the plain one. */
#define DEFINE_WITH_FD(TypeName, prefix, Parent, PARENT_TYPE)                       \
  typedef Parent TypeName;                                                          \
  typedef Parent##Class TypeName##Class;                                            \
                                                                                    \
  static void prefix##_init_fd_based (GFileDescriptorBasedIface *iface);            \
  static GType prefix##_get_type (void);                                            \
                                                                                    \
  G_DEFINE_FINAL_TYPE_WITH_CODE (                                                   \
      TypeName, prefix, PARENT_TYPE,                                                \
      G_IMPLEMENT_INTERFACE (G_TYPE_FILE_DESCRIPTOR_BASED, prefix##_init_fd_based)) \
                                                                                    \
  static void prefix##_class_init (TypeName##Class *klass) {}                       \
                                                                                    \
  static void prefix##_init (TypeName *self) {}                                     \
                                                                                    \
  static int prefix##_get_fd (GFileDescriptorBased *stream)                         \
  {                                                                                 \
    return view_get_fd (&((TypeName *) stream)->view);                              \
  }                                                                                 \
                                                                                    \
  static void prefix##_init_fd_based (GFileDescriptorBasedIface *iface) { iface->get_fd = prefix##_get_fd; }

/* Reading */

typedef struct
{
  GInputStream parent_instance;

  View view;
} LeashFileInputStream;

typedef GInputStreamClass LeashFileInputStreamClass;

static GType leash_file_input_stream_get_type (void);
static void leash_file_input_stream_init_seekable (GSeekableIface *iface);

G_DEFINE_TYPE_WITH_CODE (LeashFileInputStream, leash_file_input_stream, G_TYPE_INPUT_STREAM,
                         G_IMPLEMENT_INTERFACE (G_TYPE_SEEKABLE, leash_file_input_stream_init_seekable))

static gssize
leash_file_input_stream_read (GInputStream *stream, void *buffer, gsize count, GCancellable *cancellable,
                              GError **error)
{
  View *view = &((LeashFileInputStream *) stream)->view;

  if (g_cancellable_set_error_if_cancelled (cancellable, error))
    return -1;
  return leash_file_read (view->file, view->ctx, buffer, count, error);
}

static gboolean
leash_file_input_stream_close (GInputStream *stream, GCancellable *cancellable, GError **error)
{
  return view_close (&((LeashFileInputStream *) stream)->view, error);
}

static void
leash_file_input_stream_finalize (GObject *object)
{
  view_clear (&((LeashFileInputStream *) object)->view);
  G_OBJECT_CLASS (leash_file_input_stream_parent_class)->finalize (object);
}

static void
leash_file_input_stream_class_init (LeashFileInputStreamClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = leash_file_input_stream_finalize;
  klass->read_fn = leash_file_input_stream_read;
  klass->close_fn = leash_file_input_stream_close;
}

static void
leash_file_input_stream_init (LeashFileInputStream *self)
{
}

DEFINE_SEEKABLE (LeashFileInputStream, leash_file_input_stream, FALSE)
DEFINE_WITH_FD (LeashFdInputStream, leash_fd_input_stream, LeashFileInputStream,
                leash_file_input_stream_get_type ())

/* Writing */

typedef struct
{
  GOutputStream parent_instance;

  View view;
} LeashFileOutputStream;

typedef GOutputStreamClass LeashFileOutputStreamClass;

static GType leash_file_output_stream_get_type (void);
static void leash_file_output_stream_init_seekable (GSeekableIface *iface);

G_DEFINE_TYPE_WITH_CODE (LeashFileOutputStream, leash_file_output_stream, G_TYPE_OUTPUT_STREAM,
                         G_IMPLEMENT_INTERFACE (G_TYPE_SEEKABLE, leash_file_output_stream_init_seekable))

static gssize
leash_file_output_stream_write (GOutputStream *stream, const void *buffer, gsize count,
                                GCancellable *cancellable, GError **error)
{
  View *view = &((LeashFileOutputStream *) stream)->view;

  if (g_cancellable_set_error_if_cancelled (cancellable, error))
    return -1;
  return leash_file_write (view->file, view->ctx, buffer, count, error);
}

static gboolean
leash_file_output_stream_close (GOutputStream *stream, GCancellable *cancellable, GError **error)
{
  return view_close (&((LeashFileOutputStream *) stream)->view, error);
}

static void
leash_file_output_stream_finalize (GObject *object)
{
  view_clear (&((LeashFileOutputStream *) object)->view);
  G_OBJECT_CLASS (leash_file_output_stream_parent_class)->finalize (object);
}

static void
leash_file_output_stream_class_init (LeashFileOutputStreamClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = leash_file_output_stream_finalize;
  klass->write_fn = leash_file_output_stream_write;
  klass->close_fn = leash_file_output_stream_close;
}

static void
leash_file_output_stream_init (LeashFileOutputStream *self)
{
}

DEFINE_SEEKABLE (LeashFileOutputStream, leash_file_output_stream, TRUE)
DEFINE_WITH_FD (LeashFdOutputStream, leash_fd_output_stream, LeashFileOutputStream,
                leash_file_output_stream_get_type ())

/* Both */

typedef struct
{
  GIOStream parent_instance;

  View view;
  GInputStream *input;   /* owned; a view that leaves the file open */
  GOutputStream *output; /* likewise */
} LeashFileIOStream;

typedef GIOStreamClass LeashFileIOStreamClass;

static GType leash_file_io_stream_get_type (void);
static void leash_file_io_stream_init_seekable (GSeekableIface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (LeashFileIOStream, leash_file_io_stream, G_TYPE_IO_STREAM,
                               G_IMPLEMENT_INTERFACE (G_TYPE_SEEKABLE, leash_file_io_stream_init_seekable))

static GInputStream *
leash_file_io_stream_get_input (GIOStream *stream)
{
  return ((LeashFileIOStream *) stream)->input;
}

static GOutputStream *
leash_file_io_stream_get_output (GIOStream *stream)
{
  return ((LeashFileIOStream *) stream)->output;
}

static gboolean
leash_file_io_stream_close (GIOStream *stream, GCancellable *cancellable, GError **error)
{
  gboolean done
      = G_IO_STREAM_CLASS (leash_file_io_stream_parent_class)->close_fn (stream, cancellable, error);

  /* The file is closed whatever the views say; only the first error can be told. */
  return view_close (&((LeashFileIOStream *) stream)->view, done ? error : NULL) && done;
}

static void
leash_file_io_stream_finalize (GObject *object)
{
  LeashFileIOStream *self = (LeashFileIOStream *) object;

  g_clear_object (&self->input);
  g_clear_object (&self->output);
  view_clear (&self->view);
  G_OBJECT_CLASS (leash_file_io_stream_parent_class)->finalize (object);
}

static void
leash_file_io_stream_class_init (LeashFileIOStreamClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = leash_file_io_stream_finalize;
  klass->get_input_stream = leash_file_io_stream_get_input;
  klass->get_output_stream = leash_file_io_stream_get_output;
  klass->close_fn = leash_file_io_stream_close;
}

static void
leash_file_io_stream_init (LeashFileIOStream *self)
{
}

DEFINE_SEEKABLE (LeashFileIOStream, leash_file_io_stream, TRUE)

/* Making them: each takes the file over */

static View
view_of (LeashFile *file, LeashContext *ctx, gboolean owns)
{
  return (View){ .file = file, .ctx = leash_context_ref (ctx), .owns = owns };
}

static GInputStream *
make_input (LeashFile *file, LeashContext *ctx, gboolean owns)
{
  gboolean has_fd = leash_file_get_fd (file) >= 0;
  LeashFileInputStream *self
      = g_object_new (has_fd ? leash_fd_input_stream_get_type () : leash_file_input_stream_get_type (), NULL);

  self->view = view_of (file, ctx, owns);
  return G_INPUT_STREAM (self);
}

static GOutputStream *
make_output (LeashFile *file, LeashContext *ctx, gboolean owns)
{
  gboolean has_fd = leash_file_get_fd (file) >= 0;
  LeashFileOutputStream *self = g_object_new (
      has_fd ? leash_fd_output_stream_get_type () : leash_file_output_stream_get_type (), NULL);

  self->view = view_of (file, ctx, owns);
  return G_OUTPUT_STREAM (self);
}

static GIOStream *
make_both (LeashFile *file, LeashContext *ctx, gboolean owns)
{
  LeashFileIOStream *self = g_object_new (leash_file_io_stream_get_type (), NULL);

  self->view = view_of (file, ctx, owns);
  self->input = make_input (leash_file_ref (file), ctx, FALSE);
  self->output = make_output (leash_file_ref (file), ctx, FALSE);
  return G_IO_STREAM (self);
}

static LeashFile *
open_for_stream (LeashContext *ctx, const char *path, LeashOpenFlags flags, guint mode, gconstpointer caller,
                 GError **error)
{
  return leash_fs_open_for (leash_context_get_fs (ctx), ctx, path, flags, mode, caller, error);
}

/**
 * leash_open_input_stream:
 * @ctx: a context; it is looked at by every read too
 * @path: (type filename): which file
 * @error: return location for an error
 *
 * Opens a file of the file system that @ctx carries for reading, as a stream. The stream can be sought in
 * where the file can, and is a #GFileDescriptorBased where there is a descriptor. Closing it, or giving back
 * its last reference, closes the file.
 *
 * Streams are used by one thread at a time, as GIO has it.
 *
 * Returns: (transfer full): the stream, %NULL with @error set
 *
 * Since: 0.1
 */
GInputStream *
leash_open_input_stream (LeashContext *ctx, const char *path, GError **error)
{
  LeashFile *file;

  g_return_val_if_fail (ctx != NULL, NULL);
  g_return_val_if_fail (path != NULL, NULL);

  file = open_for_stream (ctx, path, LEASH_OPEN_READ, 0, LEASH_CALLER, error);
  return file != NULL ? make_input (file, ctx, TRUE) : NULL;
}

/**
 * leash_open_output_stream:
 * @ctx: a context; it is looked at by every write too
 * @path: (type filename): which file
 * @flags: how to open it, as for leash_open(); %LEASH_OPEN_WRITE is implied
 * @mode: permissions for a file that is made
 * @error: return location for an error
 *
 * Opens a file of the file system that @ctx carries for writing, as a stream. Closing it, or giving back its
 * last reference, closes the file; only g_output_stream_close() tells how that went. Nothing is flushed to
 * the device: leash_file_sync() does that.
 *
 * Returns: (transfer full): the stream, %NULL with @error set
 *
 * Since: 0.1
 */
GOutputStream *
leash_open_output_stream (LeashContext *ctx, const char *path, LeashOpenFlags flags, guint mode,
                          GError **error)
{
  LeashFile *file;

  g_return_val_if_fail (ctx != NULL, NULL);
  g_return_val_if_fail (path != NULL, NULL);

  file = open_for_stream (ctx, path, flags | LEASH_OPEN_WRITE, mode, LEASH_CALLER, error);
  return file != NULL ? make_output (file, ctx, TRUE) : NULL;
}

/**
 * leash_open_io_stream:
 * @ctx: a context; it is looked at by every read and write too
 * @path: (type filename): which file
 * @flags: how to open it, as for leash_open(); %LEASH_OPEN_READ and %LEASH_OPEN_WRITE are implied
 * @mode: permissions for a file that is made
 * @error: return location for an error
 *
 * Opens a file of the file system that @ctx carries for both, as a stream with one position, like
 * g_file_open_readwrite(). Its two halves may be closed before it; closing it closes the file.
 *
 * Returns: (transfer full): the stream, %NULL with @error set
 *
 * Since: 0.1
 */
GIOStream *
leash_open_io_stream (LeashContext *ctx, const char *path, LeashOpenFlags flags, guint mode, GError **error)
{
  LeashFile *file;

  g_return_val_if_fail (ctx != NULL, NULL);
  g_return_val_if_fail (path != NULL, NULL);

  file = open_for_stream (ctx, path, flags | LEASH_OPEN_READ | LEASH_OPEN_WRITE, mode, LEASH_CALLER, error);
  return file != NULL ? make_both (file, ctx, TRUE) : NULL;
}

/**
 * leash_file_get_input_stream:
 * @file: a file that was opened for reading
 * @ctx: a context, which each read gets
 *
 * Makes a stream that reads @file at its position. Closing the stream leaves @file open; the stream holds a
 * reference.
 *
 * Returns: (transfer full): the stream
 *
 * Since: 0.1
 */
GInputStream *
leash_file_get_input_stream (LeashFile *file, LeashContext *ctx)
{
  g_return_val_if_fail (file != NULL, NULL);
  g_return_val_if_fail (ctx != NULL, NULL);

  return make_input (leash_file_ref (file), ctx, FALSE);
}

/**
 * leash_file_get_output_stream:
 * @file: a file that was opened for writing
 * @ctx: a context, which each write gets
 *
 * Makes a stream that writes to @file at its position. Closing the stream leaves @file open; the stream holds
 * a reference.
 *
 * Returns: (transfer full): the stream
 *
 * Since: 0.1
 */
GOutputStream *
leash_file_get_output_stream (LeashFile *file, LeashContext *ctx)
{
  g_return_val_if_fail (file != NULL, NULL);
  g_return_val_if_fail (ctx != NULL, NULL);

  return make_output (leash_file_ref (file), ctx, FALSE);
}

/**
 * leash_file_get_io_stream:
 * @file: a file that was opened for reading and writing
 * @ctx: a context, which each read and write gets
 *
 * Makes a stream that reads and writes @file at its position. Closing the stream leaves @file open; the
 * stream holds a reference.
 *
 * Returns: (transfer full): the stream
 *
 * Since: 0.1
 */
GIOStream *
leash_file_get_io_stream (LeashFile *file, LeashContext *ctx)
{
  g_return_val_if_fail (file != NULL, NULL);
  g_return_val_if_fail (ctx != NULL, NULL);

  return make_both (leash_file_ref (file), ctx, FALSE);
}
