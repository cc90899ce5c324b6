/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Connections of the memory network: two streams of bytes, one each way, under one lock.
 *
 * A stream's bytes lie in a ring that begins small and grows to the capacity when it is needed, so that ten
 * thousand idle connections are small. What moves wakes only who waits for it, and only at the first byte and
 * at the first room, for who is awake looks for itself.
 *
 * Errors are those of sockets: writing to who reads no more is a broken pipe, a reset is a closed connection,
 * with the cause's message, since nothing here has to be left out as on a wire.
 */
#include "leash-memory-link-private.h"

#include "leash-likely-private.h"

#include <sched.h>
#include <string.h>

#define FIRST_SIZE ((gsize) 512)

/* Before who waits goes to sleep: they take about as long as to sleep and be woken does. */
#define N_YIELDS 32

/* One way. All of it is the link's lock's. */
typedef struct
{
  guint8 *bytes;      /* size of them; NULL before the first */
  gsize size;         /* a power of two, or the capacity */
  gsize first;        /* where the oldest lies */
  gsize length;       /* how many there are */
  gboolean is_ended;  /* nothing more will be written */
  gboolean is_unread; /* nothing more will be read */
  LeashBell readable;
  LeashBell writable;
} Stream;

typedef struct
{
  gint ref_count; /* atomic; of the two ends */
  gsize capacity;
  LeashLock lock;
  char *cause;       /* the lock's: of a reset, NULL while there was none */
  Stream streams[2]; /* by who writes them */
} Link;

/* An end's implementation. */
typedef struct
{
  Link *link;
  guint number; /* 0 or 1: of the stream that it writes */
} End;

static void
link_unref (Link *link)
{
  if (__atomic_sub_fetch (&link->ref_count, 1, __ATOMIC_ACQ_REL) > 0)
    return;
  for (guint i = 0; i < G_N_ELEMENTS (link->streams); i++)
    {
      leash_bell_clear (&link->streams[i].readable);
      leash_bell_clear (&link->streams[i].writable);
      g_free (link->streams[i].bytes);
    }
  pthread_mutex_destroy (&link->lock);
  g_free (link->cause);
  g_free (link);
}

static Stream *
written_by (End *end)
{
  return &end->link->streams[end->number];
}

static Stream *
read_by (End *end)
{
  return &end->link->streams[1 - end->number];
}

/* The ring */

static void
grow (Stream *stream, gsize size)
{
  guint8 *bytes = g_malloc (size);
  gsize at_end = MIN (stream->length, stream->size - stream->first);

  if (stream->length > 0)
    {
      memcpy (bytes, stream->bytes + stream->first, at_end);
      memcpy (bytes + at_end, stream->bytes, stream->length - at_end);
    }
  g_free (stream->bytes);
  stream->bytes = bytes;
  stream->size = size;
  stream->first = 0;
}

static void
make_room (Stream *stream, gsize count, gsize capacity)
{
  gsize size = MAX (stream->size, MIN (FIRST_SIZE, capacity));

  while (size < stream->length + count && size < capacity)
    size = MIN (size * 2, capacity);
  if (size > stream->size)
    grow (stream, size);
}

/* Returns how many went in. */
static gsize
put (Stream *stream, gsize capacity, const void *buffer, gsize count)
{
  gsize at, piece;

  count = MIN (count, capacity - stream->length);
  if (LEASH_UNLIKELY (stream->length + count > stream->size))
    make_room (stream, count, capacity);
  at = stream->first + stream->length;
  at -= at >= stream->size ? stream->size : 0;
  piece = MIN (count, stream->size - at);
  if (count > 0)
    {
      memcpy (stream->bytes + at, buffer, piece);
      memcpy (stream->bytes, (const guint8 *) buffer + piece, count - piece);
    }
  stream->length += count;
  return count;
}

static gsize
take (Stream *stream, void *buffer, gsize count)
{
  gsize piece;

  count = MIN (count, stream->length);
  piece = MIN (count, stream->size - stream->first);
  memcpy (buffer, stream->bytes + stream->first, piece);
  memcpy ((guint8 *) buffer + piece, stream->bytes, count - piece);
  stream->first += count;
  stream->first -= stream->first >= stream->size ? stream->size : 0;
  stream->length -= count;
  return count;
}

/* Operations */

static void
tell_reset (const Link *link, GError **error)
{
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_CONNECTION_CLOSED, "Connection reset by peer: %s", link->cause);
}

static gssize
link_read (gpointer impl, LeashContext *ctx, void *buffer, gsize count, GError **error)
{
  End *end = impl;
  Stream *stream = read_by (end);
  gssize n = -1;

  leash_lock (&end->link->lock);
  if (LEASH_LIKELY (stream->length > 0 && !stream->is_unread))
    {
      if (stream->length == end->link->capacity)
        leash_bell_ring (&stream->writable);
      n = (gssize) take (stream, buffer, count);
    }
  else if (end->link->cause != NULL)
    tell_reset (end->link, error);
  else
    n = stream->is_ended || stream->is_unread ? 0 : LEASH_CONN_WOULD_BLOCK;
  leash_unlock (&end->link->lock);
  return n;
}

/* With the lock held: whether the stream takes bytes. */
static gboolean
check_taken (const Link *link, const Stream *stream, GError **error)
{
  if (LEASH_LIKELY (link->cause == NULL && !stream->is_ended && !stream->is_unread))
    return TRUE;
  if (link->cause != NULL)
    tell_reset (link, error);
  else
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_BROKEN_PIPE,
                         stream->is_ended ? "this end is done writing" : "the peer reads no more");
  return FALSE;
}

static gssize
link_writev (gpointer impl, LeashContext *ctx, const GOutputVector *vectors, gsize n_vectors, GError **error)
{
  End *end = impl;
  Stream *stream = written_by (end);
  gsize capacity = end->link->capacity;
  gssize n = -1;

  leash_lock (&end->link->lock);
  if (LEASH_LIKELY (check_taken (end->link, stream, error)))
    {
      if (stream->length == 0)
        leash_bell_ring (&stream->readable);
      n = 0;
      for (gsize i = 0; i < n_vectors && stream->length < capacity; i++)
        n += (gssize) put (stream, capacity, vectors[i].buffer, vectors[i].size);
      if (n == 0)
        n = LEASH_CONN_WOULD_BLOCK;
    }
  leash_unlock (&end->link->lock);
  return n;
}

static gssize
link_write (gpointer impl, LeashContext *ctx, const void *buffer, gsize count, GError **error)
{
  return link_writev (impl, ctx, &(GOutputVector){ buffer, count }, 1, error);
}

static gboolean
is_readable (gpointer user_data)
{
  End *end = user_data;
  const Stream *stream = read_by (end);

  return stream->length > 0 || stream->is_ended || stream->is_unread || end->link->cause != NULL;
}

static gboolean
is_writable (gpointer user_data)
{
  End *end = user_data;
  const Stream *stream = written_by (end);

  return stream->length < end->link->capacity || stream->is_ended || stream->is_unread
         || end->link->cause != NULL;
}

/* Who answers at once does so before this one would be asleep. */
static gboolean
comes_soon (End *end, LeashContext *ctx, gboolean (*is_so) (gpointer user_data))
{
  gboolean found = FALSE;

  for (guint i = 0; i < N_YIELDS && !found && !leash_context_is_done (ctx); i++)
    {
      sched_yield ();
      leash_lock (&end->link->lock);
      found = is_so (end);
      leash_unlock (&end->link->lock);
    }
  return found;
}

static gboolean
link_wait (gpointer impl, LeashContext *ctx, GIOCondition condition, GError **error)
{
  End *end = impl;
  gboolean reads = condition == G_IO_IN;
  gboolean (*is_so) (gpointer user_data) = reads ? is_readable : is_writable;
  gboolean found;

  if (comes_soon (end, ctx, is_so))
    return TRUE;
  leash_lock (&end->link->lock);
  found = leash_bell_wait (reads ? &read_by (end)->readable : &written_by (end)->writable, &end->link->lock,
                           ctx, is_so, end, error);
  leash_unlock (&end->link->lock);
  return found;
}

/* With the lock held. */
static void
ring_both (Stream *stream)
{
  leash_bell_ring (&stream->readable);
  leash_bell_ring (&stream->writable);
}

static gboolean
link_shutdown (gpointer impl, gboolean reading, gboolean writing, GError **error)
{
  End *end = impl;

  leash_lock (&end->link->lock);
  if (reading)
    {
      read_by (end)->is_unread = TRUE;
      read_by (end)->length = 0;
      ring_both (read_by (end));
    }
  if (writing)
    {
      written_by (end)->is_ended = TRUE;
      ring_both (written_by (end));
    }
  leash_unlock (&end->link->lock);
  return TRUE;
}

static void
link_reset (gpointer impl, const GError *cause)
{
  End *end = impl;

  leash_lock (&end->link->lock);
  if (end->link->cause == NULL)
    end->link->cause = g_strdup (cause->message);
  for (guint i = 0; i < G_N_ELEMENTS (end->link->streams); i++)
    {
      end->link->streams[i].length = 0;
      ring_both (&end->link->streams[i]);
    }
  leash_unlock (&end->link->lock);
}

static gboolean
link_close (gpointer impl, GError **error)
{
  return link_shutdown (impl, TRUE, TRUE, error);
}

static void
end_free (gpointer impl)
{
  link_unref (((End *) impl)->link);
  g_free (impl);
}

static const LeashConnOps link_ops = {
  .size = sizeof (LeashConnOps),
  .read = link_read,
  .write = link_write,
  .shutdown = link_shutdown,
  .close = link_close,
  .wait = link_wait,
  .writev = link_writev,
  .reset = link_reset,
};

static LeashConn *
end_new (Link *link, guint number, const char *local_address, const char *remote_address)
{
  End *end = g_new (End, 1);

  *end = (End){ link, number };
  return leash_conn_new (&link_ops, end, end_free, local_address, remote_address);
}

void
leash_memory_link_new (gsize capacity, const char *dialler_address, const char *listener_address,
                       LeashConn **ret_dialled, LeashConn **ret_accepted)
{
  Link *link = g_new0 (Link, 1);

  link->ref_count = 2;
  link->capacity = capacity;
  link->lock = (LeashLock) LEASH_LOCK_INIT;
  for (guint i = 0; i < G_N_ELEMENTS (link->streams); i++)
    {
      leash_bell_init (&link->streams[i].readable);
      leash_bell_init (&link->streams[i].writable);
    }
  *ret_dialled = end_new (link, 0, dialler_address, listener_address);
  *ret_accepted = end_new (link, 1, listener_address, dialler_address);
}
