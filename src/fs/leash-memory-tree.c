/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The tree of a memory file system: its nodes, what is counted of them, and their times.
 *
 * Nodes lie in slabs, which are freed with the tree. All names of a node are one reference together, so that
 * the last of names and open files frees it, whichever that is; a node without names never gets one again.
 */
#include "leash-memory-private.h"

#include <time.h>

#define NODES_PER_SLAB 128
#define NS_PER_DAY (G_GINT64_CONSTANT (86400) * 1000000000)

G_STATIC_ASSERT (sizeof (LeashMemoryNode) <= 72);

typedef struct Slab
{
  struct Slab *next;
  LeashMemoryNode nodes[NODES_PER_SLAB];
} Slab;

static void
init_locks (LeashMemoryTree *tree)
{
  pthread_rwlockattr_t attributes;

  pthread_rwlockattr_init (&attributes);
  /* Who changes names must not wait for ever because others look some up. */
  pthread_rwlockattr_setkind_np (&attributes, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
  pthread_rwlock_init (&tree->lock, &attributes);
  for (guint i = 0; i < LEASH_MEMORY_N_CONTENT_LOCKS; i++)
    pthread_rwlock_init (&tree->content_locks[i].lock, &attributes);
  pthread_rwlockattr_destroy (&attributes);
  pthread_mutex_init (&tree->pool_lock, NULL);
}

static void
clear_locks (LeashMemoryTree *tree)
{
  pthread_rwlock_destroy (&tree->lock);
  for (guint i = 0; i < LEASH_MEMORY_N_CONTENT_LOCKS; i++)
    pthread_rwlock_destroy (&tree->content_locks[i].lock);
  pthread_mutex_destroy (&tree->pool_lock);
}

LeashMemoryTree *
leash_memory_tree_new (void)
{
  static guint64 last_device = 0; /* atomic */
  LeashMemoryTree *tree = g_new0 (LeashMemoryTree, 1);

  tree->refs = 1;
  tree->device = __atomic_add_fetch (&last_device, 1, __ATOMIC_RELAXED);
  init_locks (tree);
  tree->root = leash_memory_node_new (tree, S_IFDIR | 0755, leash_memory_now (NULL));
  tree->root->nlink = 2;
  tree->root->names = leash_memory_names_new (tree->root);
  return tree;
}

LeashMemoryTree *
leash_memory_tree_ref (LeashMemoryTree *tree)
{
  __atomic_fetch_add (&tree->refs, 1, __ATOMIC_RELAXED);
  return tree;
}

/* What a node has beside itself. */
static void
clear_node (LeashMemoryTree *tree, LeashMemoryNode *node)
{
  switch (node->mode & S_IFMT)
    {
    case S_IFREG:
      leash_memory_content_free (tree, node->content);
      break;
    case S_IFDIR:
      leash_memory_names_free (node->names);
      break;
    case S_IFLNK:
      g_free (node->text);
      break;
    default:
      break;
    }
  node->mode = 0;
}

void
leash_memory_tree_unref (LeashMemoryTree *tree)
{
  if (__atomic_sub_fetch (&tree->refs, 1, __ATOMIC_ACQ_REL) > 0)
    return;
  for (Slab *slab = tree->slabs; slab != NULL;)
    {
      Slab *next = slab->next;

      for (guint i = 0; i < NODES_PER_SLAB; i++)
        clear_node (tree, &slab->nodes[i]);
      g_free (slab);
      slab = next;
    }
  clear_locks (tree);
  g_free (tree);
}

/* With the pool's lock held. */
static void
add_slab (LeashMemoryTree *tree)
{
  Slab *slab = g_new0 (Slab, 1);

  slab->next = tree->slabs;
  tree->slabs = slab;
  for (guint i = NODES_PER_SLAB; i > 0; i--)
    {
      slab->nodes[i - 1].next_free = tree->free;
      tree->free = &slab->nodes[i - 1];
    }
}

static LeashMemoryNode *
take_node (LeashMemoryTree *tree)
{
  LeashMemoryNode *node = NULL;

  pthread_mutex_lock (&tree->pool_lock);
  if (tree->max_files == 0 || tree->n_files < tree->max_files)
    {
      if (tree->free == NULL)
        add_slab (tree);
      node = tree->free;
      tree->free = node->next_free;
      node->number = ++tree->last_number;
      tree->n_files++;
    }
  pthread_mutex_unlock (&tree->pool_lock);
  return node;
}

LeashMemoryNode *
leash_memory_node_new (LeashMemoryTree *tree, guint mode, gint64 now_ns)
{
  LeashMemoryNode *node = take_node (tree);

  if (node != NULL)
    *node = (LeashMemoryNode){ .number = node->number,
                               .atime_ns = now_ns,
                               .mtime_ns = now_ns,
                               .ctime_ns = now_ns,
                               .mode = mode,
                               .refs = 1 };
  return node;
}

LeashMemoryNode *
leash_memory_node_ref (LeashMemoryNode *node)
{
  __atomic_fetch_add (&node->refs, 1, __ATOMIC_RELAXED);
  return node;
}

void
leash_memory_node_unref (LeashMemoryTree *tree, LeashMemoryNode *node)
{
  if (__atomic_sub_fetch (&node->refs, 1, __ATOMIC_ACQ_REL) > 0)
    return;
  clear_node (tree, node);
  pthread_mutex_lock (&tree->pool_lock);
  node->next_free = tree->free;
  tree->free = node;
  tree->n_files--;
  pthread_mutex_unlock (&tree->pool_lock);
}

static GFileType
type_of (guint mode)
{
  if (S_ISDIR (mode))
    return G_FILE_TYPE_DIRECTORY;
  return S_ISLNK (mode) ? G_FILE_TYPE_SYMBOLIC_LINK : G_FILE_TYPE_REGULAR;
}

/* With the tree's lock held. */
void
leash_memory_node_stat (LeashMemoryTree *tree, LeashMemoryNode *node, LeashStat *ret_stat)
{
  guint mode = leash_memory_get (node->mode);

  ret_stat->type = type_of (mode);
  ret_stat->mode = mode & 07777;
  ret_stat->size = leash_memory_get (node->size);
  ret_stat->nlink = node->nlink;
  ret_stat->uid = node->uid;
  ret_stat->gid = node->gid;
  ret_stat->inode = node->number;
  ret_stat->device = tree->device;
  ret_stat->atime_ns = leash_memory_get (node->atime_ns);
  ret_stat->mtime_ns = leash_memory_get (node->mtime_ns);
  ret_stat->ctime_ns = leash_memory_get (node->ctime_ns);
}

guint64
leash_memory_take_pages (LeashMemoryTree *tree, guint64 n)
{
  guint64 has = leash_memory_get (tree->n_pages);

  for (;;)
    {
      guint64 max = leash_memory_get (tree->max_pages);
      guint64 left = max > has ? max - has : 0;
      guint64 got = max == 0 ? n : MIN (n, left);

      if (__atomic_compare_exchange_n (&tree->n_pages, &has, has + got, TRUE, __ATOMIC_RELAXED,
                                       __ATOMIC_RELAXED))
        return got;
    }
}

void
leash_memory_give_pages (LeashMemoryTree *tree, guint64 n)
{
  __atomic_fetch_sub (&tree->n_pages, n, __ATOMIC_RELAXED);
}

static gint64
read_clock (LeashContext *ctx, clockid_t which)
{
  LeashClock *clock = ctx != NULL ? leash_context_get_clock (ctx) : NULL;
  struct timespec now;

  if (clock != NULL && leash_clock_is_fake (clock))
    return leash_clock_get_time (clock) * 1000;
  clock_gettime (which, &now);
  return (gint64) now.tv_sec * 1000000000 + now.tv_nsec;
}

gint64
leash_memory_now (LeashContext *ctx)
{
  return read_clock (ctx, CLOCK_REALTIME);
}

void
leash_memory_touch_atime (LeashMemoryNode *node, LeashContext *ctx)
{
  gint64 atime = leash_memory_get (node->atime_ns);

  if (atime <= leash_memory_get (node->mtime_ns) || atime <= leash_memory_get (node->ctime_ns)
      || read_clock (ctx, CLOCK_REALTIME_COARSE) - atime >= NS_PER_DAY)
    leash_memory_put (node->atime_ns, leash_memory_now (ctx));
}
