/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Contents, unpacked when they are asked for.
 *
 * An archive is read from its beginning to the entry that is wanted. In a zip that is to go through its
 * directory; in a compressed tar it is to unpack all that comes before. So the reader that has come to an
 * entry is kept, and whoever wants a later one goes on with it: to read all files in the archive's order is
 * one pass. What was unpacked is kept for the next who opens it, up to a number of bytes, the last used
 * longest.
 *
 * The lock guards the kept reader, the cache and its numbers. Nothing is unpacked under it: two threads
 * unpack with a reader each.
 */
#include "leash-archive-content-private.h"

#include <pthread.h>

typedef struct
{
  GList link; /* in recent; its data is this */
  gint64 entry;
  GBytes *bytes; /* owned */
} Cached;

struct _ArchiveContents
{
  const ArchiveSource *source;
  char *zip_charset; /* owned; NULL for none */
  gsize max_bytes;

  pthread_mutex_t lock;
  ArchiveReader *reader; /* owned; NULL when there is none, or somebody uses it */
  GHashTable *cached;    /* by the number of the entry */
  GQueue recent;         /* of Cached, the last used first */
  gsize n_bytes;
};

static void
cached_free (gpointer data)
{
  Cached *cached = data;

  g_bytes_unref (cached->bytes);
  g_free (cached);
}

ArchiveContents *
archive_contents_new (const ArchiveSource *source, const char *zip_charset, guint64 cache_bytes)
{
  ArchiveContents *self = g_new0 (ArchiveContents, 1);

  self->source = source;
  self->zip_charset = g_strdup (zip_charset);
  self->max_bytes = MIN (cache_bytes, G_MAXSIZE);
  self->cached = g_hash_table_new_full (g_int64_hash, g_int64_equal, NULL, cached_free);
  pthread_mutex_init (&self->lock, NULL);
  return self;
}

void
archive_contents_free (ArchiveContents *self)
{
  g_clear_pointer (&self->reader, archive_reader_free);
  g_hash_table_unref (self->cached);
  pthread_mutex_destroy (&self->lock);
  g_free (self->zip_charset);
  g_free (self);
}

/* Returns the content if it is kept; else takes the kept reader, if that has not yet passed the entry. */
static GBytes *
look_up (ArchiveContents *self, gint64 entry, ArchiveReader **ret_reader)
{
  GBytes *bytes = NULL;
  Cached *cached;

  pthread_mutex_lock (&self->lock);
  cached = g_hash_table_lookup (self->cached, &entry);
  if (cached != NULL)
    {
      bytes = g_bytes_ref (cached->bytes);
      g_queue_unlink (&self->recent, &cached->link);
      g_queue_push_head_link (&self->recent, &cached->link);
    }
  else if (self->reader != NULL && archive_reader_get_position (self->reader) <= entry)
    *ret_reader = g_steal_pointer (&self->reader);
  pthread_mutex_unlock (&self->lock);
  return bytes;
}

/* With the lock. */
static void
forget_oldest (ArchiveContents *self)
{
  Cached *oldest = g_queue_peek_tail (&self->recent);

  g_queue_unlink (&self->recent, &oldest->link);
  self->n_bytes -= g_bytes_get_size (oldest->bytes);
  g_hash_table_remove (self->cached, &oldest->entry);
}

/* With the lock. */
static void
remember (ArchiveContents *self, gint64 entry, GBytes *bytes)
{
  gsize size = g_bytes_get_size (bytes);
  Cached *cached;

  if (size > self->max_bytes || g_hash_table_contains (self->cached, &entry))
    return;
  while (self->n_bytes > self->max_bytes - size)
    forget_oldest (self);
  cached = g_new0 (Cached, 1);
  cached->link.data = cached;
  cached->entry = entry;
  cached->bytes = g_bytes_ref (bytes);
  g_hash_table_insert (self->cached, &cached->entry, cached);
  g_queue_push_head_link (&self->recent, &cached->link);
  self->n_bytes += size;
}

/* Keeps the content, and the reader for who wants what comes after it. */
static void
keep (ArchiveContents *self, gint64 entry, GBytes *bytes, ArchiveReader *reader)
{
  ArchiveReader *other;

  pthread_mutex_lock (&self->lock);
  remember (self, entry, bytes);
  other = self->reader;
  self->reader = reader;
  pthread_mutex_unlock (&self->lock);
  g_clear_pointer (&other, archive_reader_free);
}

/* Brings a reader to an entry that it has not passed. */
static gboolean
go_to (ArchiveReader *reader, LeashContext *ctx, gint64 entry, guint64 size, GError **error)
{
  g_autoptr (GError) failure = NULL;
  ArchiveEntry found = { 0 };

  while (archive_reader_get_position (reader) <= entry)
    if (!archive_reader_next (reader, ctx, &found, &failure))
      break;
  if (failure == NULL && archive_reader_get_position (reader) == entry + 1
      && (!found.has_size || found.stat.size == size))
    return TRUE;
  if (failure == NULL)
    g_set_error_literal (&failure, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                         "the archive has changed since it was opened");
  g_propagate_error (error, g_steal_pointer (&failure));
  return FALSE;
}

GBytes *
archive_contents_get (ArchiveContents *self, LeashContext *ctx, gint64 entry, guint64 size, GError **error)
{
  g_autoptr (ArchiveReader) reader = NULL;
  GBytes *bytes = look_up (self, entry, &reader);

  if (bytes != NULL)
    return bytes;
  if (reader == NULL)
    reader = archive_reader_new (self->source, self->zip_charset, ctx, error);
  if (reader == NULL || !go_to (reader, ctx, entry, size, error))
    return NULL;
  bytes = archive_reader_read (reader, ctx, size, error);
  if (bytes != NULL)
    keep (self, entry, bytes, g_steal_pointer (&reader));
  return bytes;
}
