/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is in files: chunks of 16 KiB, in an array by number. A chunk that is not in the array is a hole, and
 * takes no memory. Each chunk is held in a block, which may be shorter: what is missing reads as zeros.
 *
 * Blocks are shared, by snapshots and with the GBytes that a file was made from, and copied when they are
 * written to. A block with one reference belongs to one file, whose lock the writer holds, and a reference is
 * only added under that lock; so whoever finds the count at one may write. A block that holds a GBytes is
 * that of all its chunks, and is never written to.
 *
 * A file is charged with the pages of 4 KiB that its blocks' lengths take, whether they are shared or not:
 * what fits does not depend on who else has it. Invariant: no block reaches behind the file's size.
 *
 * Rejected: a radix tree, which a file that is written from end to end does not need, and one buffer for a
 * file, which has no holes. A chunk that is put in between others costs a move of those behind it, 16 bytes
 * for each.
 */
#include "leash-memory-private.h"

#include <string.h>

#define CHUNK ((gsize) 16384)
/* A block's first allocation, with its header. */
#define SMALLEST ((gsize) 64)

typedef struct
{
  int refs;       /* atomic */
  guint32 length; /* of data that is there */
  gsize room;     /* for data; 0: bytes has it */
  GBytes *bytes;  /* owned */
  guint8 data[];
} Block;

static Block *
block_ref (Block *block)
{
  __atomic_fetch_add (&block->refs, 1, __ATOMIC_RELAXED);
  return block;
}

static void
block_unref (Block *block)
{
  if (__atomic_sub_fetch (&block->refs, 1, __ATOMIC_ACQ_REL) > 0)
    return;
  g_clear_pointer (&block->bytes, g_bytes_unref);
  g_free (block);
}

/* What a block holds of a chunk. */
static const guint8 *
block_peek (const Block *block, guint64 number, gsize *ret_length)
{
  const guint8 *data;
  gsize size;

  *ret_length = block->length;
  if (block->bytes == NULL)
    return block->data;
  data = g_bytes_get_data (block->bytes, &size);
  *ret_length = MIN (CHUNK, size - number * CHUNK);
  return data + number * CHUNK;
}

static gsize
room_for (guint64 number, gsize length)
{
  gsize size = SMALLEST;

  /* A file of more than one chunk will fill this one too. */
  if (number > 0)
    return CHUNK;
  while (size < sizeof (Block) + length)
    size *= 2;
  return MIN (size - sizeof (Block), CHUNK);
}

/* Makes a block of the file's own of at least length bytes' room from what block has, which is taken over. */
static Block *
block_own (Block *block, guint64 number, gsize length)
{
  gsize old_length = 0;
  const guint8 *old = block != NULL ? block_peek (block, number, &old_length) : NULL;
  gsize room = room_for (number, length);
  Block *made;

  if (block != NULL && block->room > 0 && __atomic_load_n (&block->refs, __ATOMIC_ACQUIRE) == 1)
    {
      if (block->room < length)
        block = g_realloc (block, sizeof (Block) + room);
      block->room = MAX (block->room, room);
      return block;
    }
  made = g_malloc (sizeof (Block) + room);
  *made = (Block){ .refs = 1, .length = (guint32) MIN (old_length, length), .room = room };
  if (block != NULL)
    {
      memcpy (made->data, old, made->length);
      block_unref (block);
    }
  return made;
}

/* The position of the first chunk whose number is not below this one. */
static guint
find_chunk (const LeashMemoryContent *content, guint64 number)
{
  guint low = 0;
  guint high = content->n_chunks;

  /* Without holes before it, a chunk's position is its number; and most are added at the end. */
  if (number < high && content->chunks[number].number == number)
    return (guint) number;
  if (high == 0 || content->chunks[high - 1].number < number)
    return high;
  while (low < high)
    {
      guint middle = low + (high - low) / 2;

      if (content->chunks[middle].number < number)
        low = middle + 1;
      else
        high = middle;
    }
  return low;
}

static gboolean
has_chunk (const LeashMemoryContent *content, guint position, guint64 number)
{
  return position < content->n_chunks && content->chunks[position].number == number;
}

static void
read_chunk (const LeashMemoryContent *content, guint64 number, guint8 *buffer, gsize within, gsize count)
{
  guint position = content != NULL ? find_chunk (content, number) : 0;
  const guint8 *data = NULL;
  gsize length = 0;

  if (content != NULL && has_chunk (content, position, number))
    data = block_peek (content->chunks[position].block, number, &length);
  length = length > within ? MIN (length - within, count) : 0;
  if (length > 0)
    memcpy (buffer, data + within, length);
  if (length < count)
    memset (buffer + length, 0, count - length);
}

gsize
leash_memory_content_read (LeashMemoryNode *node, void *buffer, gsize count, guint64 offset)
{
  guint64 size = leash_memory_get (node->size);
  gsize done = 0;

  if (offset >= size)
    return 0;
  count = (gsize) MIN (count, size - offset);
  while (done < count)
    {
      guint64 at = offset + done;
      gsize n = MIN (CHUNK - at % CHUNK, count - done);

      read_chunk (node->content, at / CHUNK, (guint8 *) buffer + done, at % CHUNK, n);
      done += n;
    }
  return count;
}

static gsize
content_size (guint capacity)
{
  return sizeof (LeashMemoryContent) + capacity * sizeof ((LeashMemoryContent *) NULL)->chunks[0];
}

/* Makes a place for a chunk that is not there, and returns it, without a block. */
static gpointer *
insert_chunk (LeashMemoryContent **content, guint position, guint64 number)
{
  LeashMemoryContent *c = *content;

  if (c->n_chunks == c->capacity)
    {
      c->capacity = MAX (c->capacity * 2, 1);
      c = *content = g_realloc (c, content_size (c->capacity));
    }
  memmove (&c->chunks[position + 1], &c->chunks[position], (c->n_chunks - position) * sizeof c->chunks[0]);
  c->n_chunks++;
  c->chunks[position].number = number;
  c->chunks[position].block = NULL;
  return &c->chunks[position].block;
}

static void
drop_pages (LeashMemoryTree *tree, LeashMemoryContent *content, guint64 n)
{
  content->n_pages -= n;
  leash_memory_give_pages (tree, n);
}

/* Takes the pages for a block of old_length to become new_length; returns how long it may become. */
static gsize
take_room (LeashMemoryTree *tree, LeashMemoryContent *content, gsize old_length, gsize new_length)
{
  guint64 has = leash_memory_pages_of (old_length);
  guint64 needs = leash_memory_pages_of (MAX (old_length, new_length)) - has;
  guint64 got = needs > 0 ? leash_memory_take_pages (tree, needs) : 0;

  content->n_pages += got;
  return got == needs ? new_length : (has + got) * LEASH_MEMORY_PAGE;
}

/* Returns how many bytes found room. */
static gsize
write_chunk (LeashMemoryTree *tree, LeashMemoryContent **content, guint64 number, const guint8 *buffer,
             gsize within, gsize count)
{
  guint position = find_chunk (*content, number);
  gboolean is_there = has_chunk (*content, position, number);
  gsize old_length = 0;
  gsize may_reach;
  gpointer *place;
  Block *block;

  if (is_there)
    block_peek ((*content)->chunks[position].block, number, &old_length);
  may_reach = take_room (tree, *content, old_length, within + count);
  if (may_reach <= within)
    {
      /* What was got does not reach where it would be needed. */
      drop_pages (tree, *content, leash_memory_pages_of (may_reach) - leash_memory_pages_of (old_length));
      return 0;
    }
  count = MIN (count, may_reach - within);
  place = is_there ? &(*content)->chunks[position].block : insert_chunk (content, position, number);
  block = *place = block_own (*place, number, MAX (old_length, within + count));
  if (within > block->length)
    memset (block->data + block->length, 0, within - block->length);
  memcpy (block->data + within, buffer, count);
  block->length = (guint32) MAX (block->length, within + count);
  return count;
}

gsize
leash_memory_content_write (LeashMemoryTree *tree, LeashMemoryNode *node, const void *buffer, gsize count,
                            guint64 offset)
{
  gsize done = 0;

  if (node->content == NULL)
    node->content = g_malloc0 (content_size (0));
  while (done < count)
    {
      guint64 at = offset + done;
      gsize wanted = MIN (CHUNK - at % CHUNK, count - done);
      gsize n = write_chunk (tree, &node->content, at / CHUNK, (const guint8 *) buffer + done, at % CHUNK,
                             wanted);

      done += n;
      if (n < wanted)
        break;
    }
  if (done > 0 && offset + done > leash_memory_get (node->size))
    leash_memory_put (node->size, offset + done);
  return done;
}

static void
cut_chunk (LeashMemoryTree *tree, LeashMemoryContent *content, guint position, gsize length)
{
  guint64 number = content->chunks[position].number;
  Block *block;
  gsize old_length;

  block_peek (content->chunks[position].block, number, &old_length);
  if (old_length <= length)
    return;
  block = block_own (content->chunks[position].block, number, length);
  block->length = (guint32) length;
  content->chunks[position].block = block;
  drop_pages (tree, content, leash_memory_pages_of (old_length) - leash_memory_pages_of (length));
}

/* Chunks are dropped from the end, so that the charge is that of what is left at any moment. */
static void
cut_content (LeashMemoryTree *tree, LeashMemoryContent *content, guint64 length)
{
  guint first_dropped = find_chunk (content, length / CHUNK + (length % CHUNK != 0));

  while (content->n_chunks > first_dropped)
    {
      guint last = --content->n_chunks;
      gsize old_length;

      block_peek (content->chunks[last].block, content->chunks[last].number, &old_length);
      block_unref (content->chunks[last].block);
      drop_pages (tree, content, leash_memory_pages_of (old_length));
    }
  if (length % CHUNK != 0 && has_chunk (content, content->n_chunks - 1, length / CHUNK))
    cut_chunk (tree, content, content->n_chunks - 1, length % CHUNK);
}

void
leash_memory_content_truncate (LeashMemoryTree *tree, LeashMemoryNode *node, guint64 length)
{
  /* What is lazy, and empty, too. */
  if (length == 0)
    leash_memory_content_free (tree, g_steal_pointer (&node->content));
  else if (node->content != NULL && length < leash_memory_get (node->size))
    cut_content (tree, node->content, length);
  leash_memory_put (node->size, length);
}

void
leash_memory_content_free (LeashMemoryTree *tree, LeashMemoryContent *content)
{
  if (content == NULL)
    return;
  for (guint i = 0; i < content->n_chunks; i++)
    block_unref (content->chunks[i].block);
  g_clear_pointer (&content->lazy, leash_memory_lazy_unref);
  leash_memory_give_pages (tree, content->n_pages);
  g_free (content);
}

LeashMemoryContent *
leash_memory_content_new (GBytes *bytes)
{
  gsize size = g_bytes_get_size (bytes);
  guint n = (guint) (size / CHUNK + (size % CHUNK != 0));
  LeashMemoryContent *content = g_malloc0 (content_size (n));
  Block *block;

  content->n_pages = leash_memory_pages_of (size);
  content->n_chunks = n;
  content->capacity = n;
  if (n == 0)
    return content;
  block = g_new0 (Block, 1);
  block->refs = (int) n;
  block->bytes = g_bytes_ref (bytes);
  for (guint i = 0; i < n; i++)
    {
      content->chunks[i].number = i;
      content->chunks[i].block = block;
    }
  return content;
}

LeashMemoryContent *
leash_memory_content_share (LeashMemoryContent *content)
{
  LeashMemoryContent *copy;

  if (content == NULL)
    return NULL;
  copy = g_memdup2 (content, content_size (content->capacity));
  for (guint i = 0; i < copy->n_chunks; i++)
    block_ref (copy->chunks[i].block);
  if (copy->lazy != NULL)
    leash_memory_lazy_ref (copy->lazy);
  return copy;
}
