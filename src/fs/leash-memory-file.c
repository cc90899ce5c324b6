/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Open files and directories of a memory file system.
 *
 * An open file is a node, a position, and who opened it. Reading takes the lock of the position and that of
 * the content, and no more: names and owners are not looked at again, as in a descriptor. A write is whole
 * for all who read, and one in append mode finds the end and writes there under one lock.
 *
 * An open directory reads as many names as its buffer holds at a time, as getdents() does, and remembers the
 * sequence of the last one. It reads none that were made after it was opened: who renames what he reads would
 * otherwise never come to an end.
 */
#include "leash-memory-private.h"

#include <string.h>

typedef struct
{
  LeashMemoryTree *tree; /* owned, as the two below */
  LeashMemoryNode *node;
  LeashMemoryUser *user;
  gboolean appends;
  pthread_mutex_t lock;
  gint64 position; /* the lock's */
} OpenFile;

/* As long as any entry, with its NUL: 13 names of 255 bytes, about 200 usual ones. */
#define BATCH_SIZE 4096

/* An entry in the buffer, the name behind it. */
typedef struct
{
  guint64 inode;
  GFileType type;
  guint32 size; /* of all */
  char name[];
} BatchEntry;

typedef struct
{
  LeashMemoryTree *tree; /* owned, as the one below */
  LeashMemoryNode *node;
  guint64 last;    /* sequence that was read */
  guint64 limit;   /* the last sequence when it was opened */
  gsize next, end; /* in the batch */
  guint8 batch[BATCH_SIZE] __attribute__ ((aligned (8)));
} OpenDir;

/* What a write by somebody else than user 0 does to a program's rights. */
static void
drop_rights (LeashMemoryNode *node, const LeashMemoryUser *user)
{
  guint lost = 0;

  if ((leash_memory_get (node->mode) & (S_ISUID | S_ISGID)) != 0 && user->uid != 0)
    lost = leash_memory_user_lost_bits (user, node);
  if (lost != 0)
    __atomic_fetch_and (&node->mode, ~lost, __ATOMIC_RELAXED);
}

static gssize
fail (int code, GError **error)
{
  leash_attempt_set_errno (error, code);
  return -1;
}

static gssize
read_at (OpenFile *self, LeashContext *ctx, void *buffer, gsize count, gint64 offset, GError **error)
{
  pthread_rwlock_t *lock = leash_memory_content_lock (self->tree, self->node);
  gsize n;

  if (leash_memory_node_is (self->node, S_IFDIR))
    return fail (EISDIR, error);
  if (count > (guint64) (G_MAXINT64 - offset))
    return fail (EINVAL, error);
  pthread_rwlock_rdlock (lock);
  n = leash_memory_content_read (self->node, buffer, count, (guint64) offset);
  pthread_rwlock_unlock (lock);
  leash_memory_touch_atime (self->node, ctx);
  return (gssize) n;
}

/* offset is where it was written, when the file is in append mode. */
static gssize
write_at (OpenFile *self, LeashContext *ctx, const void *buffer, gsize count, gint64 *offset, GError **error)
{
  pthread_rwlock_t *lock = leash_memory_content_lock (self->tree, self->node);
  gint64 now_ns = leash_memory_now (ctx);
  gsize n;

  if (count > (guint64) (G_MAXINT64 - *offset))
    return fail (EINVAL, error);
  drop_rights (self->node, self->user);
  pthread_rwlock_wrlock (lock);
  if (self->appends)
    *offset = (gint64) leash_memory_get (self->node->size);
  count = MIN (count, (gsize) (G_MAXINT64 - *offset));
  n = leash_memory_content_write (self->tree, self->node, buffer, count, (guint64) *offset);
  if (n > 0)
    leash_memory_touch (self->node, now_ns);
  pthread_rwlock_unlock (lock);
  if (n == 0)
    return fail (count == 0 ? EFBIG : ENOSPC, error);
  return (gssize) n;
}

static gssize
memory_read (gpointer impl, LeashContext *ctx, void *buffer, gsize count, GError **error)
{
  OpenFile *self = impl;
  gssize n;

  pthread_mutex_lock (&self->lock);
  n = read_at (self, ctx, buffer, count, self->position, error);
  self->position += MAX (n, 0);
  pthread_mutex_unlock (&self->lock);
  return n;
}

static gssize
memory_write (gpointer impl, LeashContext *ctx, const void *buffer, gsize count, GError **error)
{
  OpenFile *self = impl;
  gint64 offset;
  gssize n;

  pthread_mutex_lock (&self->lock);
  offset = self->position;
  n = write_at (self, ctx, buffer, count, &offset, error);
  if (n > 0)
    self->position = offset + n;
  pthread_mutex_unlock (&self->lock);
  return n;
}

static gssize
memory_pread (gpointer impl, LeashContext *ctx, void *buffer, gsize count, gint64 offset, GError **error)
{
  return read_at (impl, ctx, buffer, count, offset, error);
}

static gssize
memory_pwrite (gpointer impl, LeashContext *ctx, const void *buffer, gsize count, gint64 offset,
               GError **error)
{
  return write_at (impl, ctx, buffer, count, &offset, error);
}

static gint64
memory_seek (gpointer impl, gint64 offset, GSeekType whence, GError **error)
{
  OpenFile *self = impl;
  gint64 base = 0;
  gint64 position = -1;

  pthread_mutex_lock (&self->lock);
  if (whence == G_SEEK_CUR)
    base = self->position;
  else if (whence == G_SEEK_END)
    base = (gint64) leash_memory_get (self->node->size);
  if (offset > G_MAXINT64 - base)
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, "no file reaches as far");
  else if (base + offset < 0)
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, "the position would be negative");
  else
    position = self->position = base + offset;
  pthread_mutex_unlock (&self->lock);
  return position;
}

static gboolean
memory_stat (gpointer impl, LeashContext *ctx, LeashStat *ret_stat, GError **error)
{
  OpenFile *self = impl;

  pthread_rwlock_rdlock (&self->tree->lock);
  leash_memory_node_stat (self->tree, self->node, ret_stat);
  pthread_rwlock_unlock (&self->tree->lock);
  return TRUE;
}

void
leash_memory_set_length (LeashMemoryTree *tree, LeashMemoryNode *node, const LeashMemoryUser *user,
                         guint64 length, gboolean always_touch, LeashContext *ctx)
{
  pthread_rwlock_t *lock = leash_memory_content_lock (tree, node);
  gint64 now_ns = leash_memory_now (ctx);

  drop_rights (node, user);
  pthread_rwlock_wrlock (lock);
  if (always_touch || length != leash_memory_get (node->size))
    leash_memory_touch (node, now_ns);
  leash_memory_content_truncate (tree, node, length);
  pthread_rwlock_unlock (lock);
}

static gboolean
memory_truncate (gpointer impl, LeashContext *ctx, gint64 length, GError **error)
{
  OpenFile *self = impl;

  leash_memory_set_length (self->tree, self->node, self->user, (guint64) length, TRUE, ctx);
  return TRUE;
}

static gboolean
memory_sync (gpointer impl, LeashContext *ctx, GError **error)
{
  return TRUE;
}

static gboolean
memory_close (gpointer impl, GError **error)
{
  OpenFile *self = impl;

  leash_memory_node_unref (self->tree, self->node);
  return TRUE;
}

static void
free_file (gpointer impl)
{
  OpenFile *self = impl;

  leash_memory_user_unref (self->user);
  leash_memory_tree_unref (self->tree);
  pthread_mutex_destroy (&self->lock);
  g_free (self);
}

static const LeashFileOps memory_file_ops = {
  .size = sizeof (LeashFileOps),
  .read = memory_read,
  .write = memory_write,
  .pread = memory_pread,
  .pwrite = memory_pwrite,
  .seek = memory_seek,
  .stat = memory_stat,
  .truncate = memory_truncate,
  .sync = memory_sync,
  .close = memory_close,
};

LeashFile *
leash_memory_file_new (LeashMemoryTree *tree, LeashMemoryNode *node, LeashMemoryUser *user, const char *path,
                       LeashOpenFlags flags)
{
  OpenFile *self = g_new (OpenFile, 1);

  self->tree = leash_memory_tree_ref (tree);
  self->node = node;
  self->user = leash_memory_user_ref (user);
  self->appends = (flags & LEASH_OPEN_APPEND) != 0;
  self->position = 0;
  pthread_mutex_init (&self->lock, NULL);
  return leash_file_new (&memory_file_ops, self, free_file, path, flags);
}

static GFileType
type_of (LeashMemoryNode *node)
{
  if (leash_memory_node_is (node, S_IFDIR))
    return G_FILE_TYPE_DIRECTORY;
  return leash_memory_node_is (node, S_IFLNK) ? G_FILE_TYPE_SYMBOLIC_LINK : G_FILE_TYPE_REGULAR;
}

/* Returns FALSE when the batch is full. */
static gboolean
add_to_batch (OpenDir *self, const LeashMemoryEntry *entry)
{
  gsize size = (sizeof (BatchEntry) + entry->length + 1 + 7) & ~(gsize) 7;
  BatchEntry *made = (BatchEntry *) (void *) (self->batch + self->end);

  if (size > BATCH_SIZE - self->end)
    return FALSE;
  made->inode = entry->node->number;
  made->type = type_of (entry->node);
  made->size = (guint32) size;
  memcpy (made->name, leash_memory_entry_name (entry), entry->length);
  made->name[entry->length] = '\0';
  self->end += size;
  self->last = entry->sequence;
  return TRUE;
}

/* With the tree's lock held. */
static void
read_batch (OpenDir *self)
{
  LeashMemoryNames *names = self->node->names;
  LeashMemoryEntry *entry = leash_memory_names_after (names, self->last);
  const LeashMemoryEntry *end;

  self->next = self->end = 0;
  if (entry == NULL)
    return;
  for (end = names->entries + names->n_used; entry < end && entry->sequence <= self->limit; entry++)
    if (entry->node != NULL && !add_to_batch (self, entry))
      break;
}

static gboolean
memory_dir_next (gpointer impl, LeashContext *ctx, LeashDirEntry *ret_entry, GError **error)
{
  OpenDir *self = impl;
  const BatchEntry *entry;

  if (self->next == self->end)
    {
      pthread_rwlock_rdlock (&self->tree->lock);
      read_batch (self);
      pthread_rwlock_unlock (&self->tree->lock);
      leash_memory_touch_atime (self->node, ctx);
    }
  if (self->next == self->end)
    return FALSE;
  entry = (const BatchEntry *) (const void *) (self->batch + self->next);
  self->next += entry->size;
  ret_entry->name = entry->name;
  ret_entry->type = entry->type;
  ret_entry->inode = entry->inode;
  return TRUE;
}

static gboolean
memory_dir_close (gpointer impl, GError **error)
{
  OpenDir *self = impl;

  leash_memory_node_unref (self->tree, self->node);
  return TRUE;
}

static void
free_dir (gpointer impl)
{
  OpenDir *self = impl;

  leash_memory_tree_unref (self->tree);
  g_free (self);
}

static const LeashDirOps memory_dir_ops = {
  .size = sizeof (LeashDirOps),
  .next = memory_dir_next,
  .close = memory_dir_close,
};

/* With the tree's lock held. */
LeashDir *
leash_memory_dir_new (LeashMemoryTree *tree, LeashMemoryNode *node, const char *path)
{
  OpenDir *self = g_malloc (sizeof *self);

  self->tree = leash_memory_tree_ref (tree);
  self->node = node;
  self->last = 0;
  self->limit = node->names->last_sequence;
  self->next = self->end = 0;
  return leash_dir_new (&memory_dir_ops, self, free_dir, path);
}
