/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Who holds what of a file. SQLite's protocol needs a handful of locks, each held by many readers or one
 * writer; there are two ways to have them:
 *
 * - by the kernel, where a file has a descriptor. They are locks of the open file (F_OFD_SETLK), not of the
 * process, on the bytes that SQLite's own VFS locks. So two connections of one process exclude each other,
 * other programs' SQLite is excluded as well, and a close gives up nothing of another connection's;
 * - by a table of the process, where there is none: nobody else can reach the file.
 *
 * A file is told from others by file system, device and number, so that several names of it are one; where
 * there are no numbers by its path. What wraps another file system is another one here, and its users do not
 * see the inner one's locks.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>

#include "leash-sqlite-vfs-private.h"

/* As in SQLite's own VFS. */
#define PENDING_BYTE 0x40000000
#define SHARED_SIZE 510
#define WAL_BASE 120

typedef struct
{
  guint n_readers;
  gboolean is_written;
} Part;

/* A file that is open in this process, and has no descriptor. All is nodes_lock's, but the contents of
 * regions. */
struct _LeashSqliteNode
{
  LeashFs *fs; /* borrowed: whoever has a file open has a reference */
  guint64 device, inode;
  char *path; /* NULL where there is a number */
  guint n_refs;
  Part parts[LEASH_SQLITE_N_PARTS];
  guint n_memory_users;
  GPtrArray *regions;
};

static pthread_mutex_t nodes_lock = PTHREAD_MUTEX_INITIALIZER;
static GHashTable *nodes; /* a set; NULL while it is empty; nodes_lock's */

static guint
node_hash (gconstpointer key)
{
  const LeashSqliteNode *self = key;

  return g_direct_hash (self->fs) ^ (guint) self->inode ^ (self->path != NULL ? g_str_hash (self->path) : 0);
}

static gboolean
node_equal (gconstpointer a, gconstpointer b)
{
  const LeashSqliteNode *one = a, *other = b;

  return one->fs == other->fs && one->device == other->device && one->inode == other->inode
         && g_strcmp0 (one->path, other->path) == 0;
}

static LeashSqliteNode *
get_node (const LeashSqliteNode *key)
{
  LeashSqliteNode *node;

  pthread_mutex_lock (&nodes_lock);
  if (nodes == NULL)
    nodes = g_hash_table_new (node_hash, node_equal);
  node = g_hash_table_lookup (nodes, key);
  if (node == NULL)
    {
      node = g_memdup2 (key, sizeof *key);
      node->path = g_strdup (key->path);
      node->regions = g_ptr_array_new_with_free_func (g_free);
      g_hash_table_add (nodes, node);
    }
  node->n_refs++;
  pthread_mutex_unlock (&nodes_lock);
  return node;
}

static void
node_unref (LeashSqliteNode *self)
{
  pthread_mutex_lock (&nodes_lock);
  if (--self->n_refs == 0)
    {
      g_hash_table_remove (nodes, self);
      if (g_hash_table_size (nodes) == 0)
        g_clear_pointer (&nodes, g_hash_table_unref);
      g_ptr_array_unref (self->regions);
      g_free (self->path);
      g_free (self);
    }
  pthread_mutex_unlock (&nodes_lock);
}

gboolean
leash_sqlite_holder_init (LeashSqliteHolder *self, LeashSqliteVfs *vfs, LeashFile *file, const char *path,
                          GError **error)
{
  LeashSqliteNode key = { .fs = vfs->fs };
  LeashStat stat;

  *self = (LeashSqliteHolder){ .fd = leash_file_get_fd (file) };
  if (self->fd >= 0)
    return TRUE;
  if ((leash_fs_get_features (vfs->fs) & LEASH_FS_FEATURE_INODES) != 0)
    {
      if (!leash_file_stat (file, vfs->ctx, &stat, error))
        return FALSE;
      key.device = stat.device;
      key.inode = stat.inode;
    }
  if (key.inode == 0)
    key.path = (char *) path;
  self->node = get_node (&key);
  return TRUE;
}

void
leash_sqlite_holder_clear (LeashSqliteHolder *self)
{
  if (self->node != NULL)
    node_unref (g_steal_pointer (&self->node));
}

/* The bytes of n parts that are neighbours. */
static struct flock
get_bytes (guint first, guint n)
{
  gboolean is_in_file = first < LEASH_SQLITE_WAL;
  off_t start = is_in_file ? PENDING_BYTE + (off_t) first : WAL_BASE + (off_t) (first - LEASH_SQLITE_WAL);
  off_t length = n + (is_in_file && first + n > LEASH_SQLITE_SHARED ? SHARED_SIZE - 1 : 0);

  return (struct flock){ .l_whence = SEEK_SET, .l_start = start, .l_len = length };
}

static int
hold_bytes (LeashSqliteHolder *self, guint first, guint n, LeashSqliteHold hold)
{
  static const short types[] = { F_UNLCK, F_RDLCK, F_WRLCK };
  struct flock bytes = get_bytes (first, n);

  bytes.l_type = types[hold];
  if (fcntl (self->fd, F_OFD_SETLK, &bytes) == 0)
    return SQLITE_OK;
  return errno == EAGAIN || errno == EACCES ? SQLITE_BUSY : SQLITE_IOERR;
}

/* Whether somebody else is in the way. */
static gboolean
is_taken (const Part *part, LeashSqliteHold held, LeashSqliteHold wanted)
{
  guint n_others = part->n_readers - (held == LEASH_SQLITE_READ ? 1 : 0);
  gboolean is_written = part->is_written && held != LEASH_SQLITE_WRITE;

  return wanted != LEASH_SQLITE_FREE && (is_written || (wanted == LEASH_SQLITE_WRITE && n_others > 0));
}

static int
hold_parts (LeashSqliteHolder *self, guint first, guint n, LeashSqliteHold hold)
{
  Part *parts = self->node->parts;

  for (guint i = first; i < first + n; i++)
    if (is_taken (&parts[i], self->held[i], hold))
      return SQLITE_BUSY;
  for (guint i = first; i < first + n; i++)
    {
      parts[i].n_readers += (hold == LEASH_SQLITE_READ) - (self->held[i] == LEASH_SQLITE_READ);
      if (hold == LEASH_SQLITE_WRITE || self->held[i] == LEASH_SQLITE_WRITE)
        parts[i].is_written = hold == LEASH_SQLITE_WRITE;
    }
  return SQLITE_OK;
}

int
leash_sqlite_hold (LeashSqliteHolder *self, guint first, guint n, LeashSqliteHold hold)
{
  int code;

  g_assert (n <= LEASH_SQLITE_N_PARTS && first <= LEASH_SQLITE_N_PARTS - n);

  if (self->node != NULL)
    {
      pthread_mutex_lock (&nodes_lock);
      code = hold_parts (self, first, n, hold);
      pthread_mutex_unlock (&nodes_lock);
    }
  else
    code = hold_bytes (self, first, n, hold);
  if (code == SQLITE_OK)
    memset (self->held + first, (int) hold, n);
  return code;
}

gboolean
leash_sqlite_is_held (LeashSqliteHolder *self, LeashSqlitePart part, gboolean *ret_is_held)
{
  struct flock bytes = get_bytes (part, 1);

  if (self->node == NULL)
    {
      bytes.l_type = F_WRLCK;
      if (fcntl (self->fd, F_OFD_GETLK, &bytes) != 0)
        return FALSE;
      *ret_is_held = bytes.l_type != F_UNLCK;
      return TRUE;
    }
  pthread_mutex_lock (&nodes_lock);
  *ret_is_held = is_taken (&self->node->parts[part], self->held[part], LEASH_SQLITE_WRITE);
  pthread_mutex_unlock (&nodes_lock);
  return TRUE;
}

void
leash_sqlite_node_use_memory (LeashSqliteNode *node)
{
  pthread_mutex_lock (&nodes_lock);
  node->n_memory_users++;
  pthread_mutex_unlock (&nodes_lock);
}

void
leash_sqlite_node_leave_memory (LeashSqliteNode *node)
{
  pthread_mutex_lock (&nodes_lock);
  if (--node->n_memory_users == 0)
    g_ptr_array_set_size (node->regions, 0);
  pthread_mutex_unlock (&nodes_lock);
}

void *
leash_sqlite_node_get_region (LeashSqliteNode *node, guint region, gsize size, gboolean make)
{
  void *memory;

  pthread_mutex_lock (&nodes_lock);
  while (make && node->regions->len <= region)
    g_ptr_array_add (node->regions, g_malloc0 (size));
  memory = region < node->regions->len ? g_ptr_array_index (node->regions, region) : NULL;
  pthread_mutex_unlock (&nodes_lock);
  return memory;
}
