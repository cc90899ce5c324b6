/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Content that a function brings at the first opening. The file has its size and its pages from the
 * beginning.
 *
 * A lazy content is shared by a file and its copies in snapshots, and brings its bytes once. Who comes while
 * another thread is at it waits; when that one fails, the next one tries. The function is called with no lock
 * held, so it may be slow, and use any file system.
 */
#include "leash-memory-private.h"

struct _LeashMemoryLazy
{
  int refs; /* atomic */
  guint64 size;
  LeashMemoryContentFunc func;
  gpointer user_data;
  GDestroyNotify destroy;
  gboolean busy; /* the lock's */
  GBytes *bytes; /* owned; the lock's; NULL: not here yet */
};

/* One lock for all: it is held for a moment, once for each file. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t done = PTHREAD_COND_INITIALIZER;

LeashMemoryLazy *
leash_memory_lazy_new (guint64 size, LeashMemoryContentFunc func, gpointer user_data, GDestroyNotify destroy)
{
  LeashMemoryLazy *lazy = g_new0 (LeashMemoryLazy, 1);

  lazy->refs = 1;
  lazy->size = size;
  lazy->func = func;
  lazy->user_data = user_data;
  lazy->destroy = destroy;
  return lazy;
}

LeashMemoryLazy *
leash_memory_lazy_ref (LeashMemoryLazy *lazy)
{
  __atomic_fetch_add (&lazy->refs, 1, __ATOMIC_RELAXED);
  return lazy;
}

void
leash_memory_lazy_unref (LeashMemoryLazy *lazy)
{
  if (__atomic_sub_fetch (&lazy->refs, 1, __ATOMIC_ACQ_REL) > 0)
    return;
  if (lazy->destroy != NULL)
    lazy->destroy (lazy->user_data);
  g_clear_pointer (&lazy->bytes, g_bytes_unref);
  g_free (lazy);
}

static GBytes *
bring (LeashMemoryLazy *lazy, LeashContext *ctx, GError **error)
{
  g_autoptr (GBytes) bytes = lazy->func (ctx, lazy->user_data, error);

  if (bytes == NULL || g_bytes_get_size (bytes) == lazy->size)
    return g_steal_pointer (&bytes);
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
               "the content has %" G_GSIZE_FORMAT " bytes, and was to have %" G_GUINT64_FORMAT,
               g_bytes_get_size (bytes), lazy->size);
  return NULL;
}

static GBytes *
get_bytes (LeashMemoryLazy *lazy, LeashContext *ctx, GError **error)
{
  GBytes *bytes = NULL;

  pthread_mutex_lock (&lock);
  while (lazy->busy)
    pthread_cond_wait (&done, &lock);
  if (lazy->bytes == NULL)
    {
      lazy->busy = TRUE;
      pthread_mutex_unlock (&lock);
      bytes = bring (lazy, ctx, error);
      pthread_mutex_lock (&lock);
      lazy->busy = FALSE;
      lazy->bytes = bytes;
      pthread_cond_broadcast (&done);
    }
  if (lazy->bytes != NULL)
    bytes = g_bytes_ref (lazy->bytes);
  pthread_mutex_unlock (&lock);
  return bytes;
}

/* The file's lazy content, with a reference; NULL when it has none any more. */
static LeashMemoryLazy *
get_lazy (LeashMemoryTree *tree, LeashMemoryNode *node)
{
  pthread_rwlock_t *content_lock = leash_memory_content_lock (tree, node);
  LeashMemoryLazy *lazy = NULL;

  pthread_rwlock_rdlock (content_lock);
  if (node->content != NULL && node->content->lazy != NULL)
    lazy = leash_memory_lazy_ref (node->content->lazy);
  pthread_rwlock_unlock (content_lock);
  return lazy;
}

/* Unless another thread was faster, or has emptied the file meanwhile. */
static void
put_bytes (LeashMemoryTree *tree, LeashMemoryNode *node, LeashMemoryLazy *lazy, GBytes *bytes)
{
  pthread_rwlock_t *content_lock = leash_memory_content_lock (tree, node);
  LeashMemoryContent *old = NULL;

  pthread_rwlock_wrlock (content_lock);
  if (node->content != NULL && node->content->lazy == lazy)
    {
      old = node->content;
      node->content = leash_memory_content_new (bytes);
      /* They are the new one's. */
      old->n_pages = 0;
    }
  pthread_rwlock_unlock (content_lock);
  leash_memory_content_free (tree, old);
}

gboolean
leash_memory_lazy_fill (LeashMemoryTree *tree, LeashMemoryNode *node, LeashContext *ctx, GError **error)
{
  LeashMemoryLazy *lazy;
  GBytes *bytes;

  if (LEASH_LIKELY ((leash_memory_get (node->mode) & LEASH_MEMORY_LAZY) == 0))
    return TRUE;
  lazy = get_lazy (tree, node);
  bytes = lazy != NULL ? get_bytes (lazy, ctx, error) : NULL;
  if (bytes != NULL)
    put_bytes (tree, node, lazy, bytes);
  if (lazy != NULL)
    leash_memory_lazy_unref (lazy);
  if (lazy != NULL && bytes == NULL)
    return FALSE;
  __atomic_fetch_and (&node->mode, ~LEASH_MEMORY_LAZY, __ATOMIC_RELAXED);
  g_clear_pointer (&bytes, g_bytes_unref);
  return TRUE;
}
