/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A file whose content lies in memory and does not change: what file systems over others' libraries give out.
 * Reading copies from where the bytes lie and takes no lock; the position is one word, which threads that
 * share the file move on by compare and exchange.
 */
#include "leash-file-private.h"

#include <string.h>

typedef struct
{
  GBytes *bytes;   /* owned */
  LeashStat stat;  /* never changes */
  gint64 position; /* atomic */
} BytesFile;

static void
bytes_file_free (gpointer impl)
{
  BytesFile *self = impl;

  g_bytes_unref (self->bytes);
  g_free (self);
}

static gssize
bytes_file_pread (gpointer impl, LeashContext *ctx, void *buffer, gsize count, gint64 offset, GError **error)
{
  BytesFile *self = impl;
  gsize size;
  const guint8 *content = g_bytes_get_data (self->bytes, &size);
  gsize n = (guint64) offset < size ? MIN (count, size - (gsize) offset) : 0;

  if (n > 0)
    memcpy (buffer, content + offset, n);
  return (gssize) n;
}

static gssize
bytes_file_read (gpointer impl, LeashContext *ctx, void *buffer, gsize count, GError **error)
{
  BytesFile *self = impl;
  gint64 start = __atomic_load_n (&self->position, __ATOMIC_RELAXED);
  gint64 size = (gint64) g_bytes_get_size (self->bytes);
  gint64 n;

  do
    n = start < size ? MIN ((gint64) count, size - start) : 0;
  while (!__atomic_compare_exchange_n (&self->position, &start, start + n, TRUE, __ATOMIC_RELAXED,
                                       __ATOMIC_RELAXED));
  return bytes_file_pread (impl, ctx, buffer, (gsize) n, start, error);
}

static gint64
bytes_file_seek (gpointer impl, gint64 offset, GSeekType whence, GError **error)
{
  BytesFile *self = impl;
  gint64 position = __atomic_load_n (&self->position, __ATOMIC_RELAXED);
  gint64 base = whence == G_SEEK_SET ? 0 : position;

  if (whence == G_SEEK_END)
    base = (gint64) g_bytes_get_size (self->bytes);
  if (__builtin_add_overflow (base, offset, &position) || position < 0)
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                           offset < 0 ? "the position would be negative" : "the position would be too large");
      return -1;
    }
  __atomic_store_n (&self->position, position, __ATOMIC_RELAXED);
  return position;
}

static gboolean
bytes_file_stat (gpointer impl, LeashContext *ctx, LeashStat *ret_stat, GError **error)
{
  *ret_stat = ((BytesFile *) impl)->stat;
  return TRUE;
}

static gboolean
bytes_file_sync (gpointer impl, LeashContext *ctx, GError **error)
{
  return TRUE;
}

static gboolean
bytes_file_close (gpointer impl, GError **error)
{
  return TRUE;
}

static const LeashFileOps bytes_file_ops = {
  .size = sizeof (LeashFileOps),
  .read = bytes_file_read,
  .pread = bytes_file_pread,
  .seek = bytes_file_seek,
  .stat = bytes_file_stat,
  .sync = bytes_file_sync,
  .close = bytes_file_close,
};

/**
 * leash_file_new_from_bytes: (skip)
 * @bytes: the content
 * @stat: what leash_file_stat() tells of the file
 * @path: the path it was opened by, for messages
 *
 * Makes a file for reading that has its content in memory, for who implements a #LeashFs. The bytes are not
 * copied.
 *
 * Returns: (transfer full): the file, open
 *
 * Since: 0.1
 */
LeashFile *
leash_file_new_from_bytes (GBytes *bytes, const LeashStat *stat, const char *path)
{
  BytesFile *self;

  g_return_val_if_fail (bytes != NULL, NULL);
  g_return_val_if_fail (stat != NULL, NULL);
  g_return_val_if_fail (path != NULL, NULL);

  self = g_new0 (BytesFile, 1);
  self->bytes = g_bytes_ref (bytes);
  self->stat = *stat;
  return leash_file_new (&bytes_file_ops, self, bytes_file_free, path, LEASH_OPEN_READ);
}
