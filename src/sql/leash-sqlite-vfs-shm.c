/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The memory that connections share in WAL mode, an index of the log, with its locks.
 *
 * Where the database's file has a descriptor, the memory is the file beside it that SQLite's own VFS has,
 * mapped by each connection for itself, and so shared with other processes too. What is left of a crash is
 * thrown away by who comes first: nobody else holds the last of the locks then. Where there is no descriptor
 * the memory is the process's, one for all connections to the file.
 *
 * Rejected: memory of the process for the host's files also. Another process would have an index of its own,
 * and damage the database.
 */
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "leash-sqlite-vfs-private.h"

typedef struct
{
  void *start; /* of the mapping */
  gsize length;
  void *memory; /* within it */
} Region;

struct _LeashSqliteShm
{
  LeashFile *file; /* NULL where the memory is the process's */
  char *path;
  GArray *regions;          /* of Region */
  LeashSqliteHolder holder; /* with file; else the database's own holder holds */
  LeashSqliteHolder *locks; /* whichever it is */
};

static void
shm_free (LeashSqliteShm *self, LeashSqliteNode *node)
{
  for (guint i = 0; i < self->regions->len; i++)
    munmap (g_array_index (self->regions, Region, i).start, g_array_index (self->regions, Region, i).length);
  g_array_unref (self->regions);
  if (self->locks != NULL)
    leash_sqlite_hold (self->locks, LEASH_SQLITE_WAL, SQLITE_SHM_NLOCK + 1, LEASH_SQLITE_FREE);
  if (node != NULL)
    leash_sqlite_node_leave_memory (node);
  leash_file_unref (self->file);
  g_free (self->path);
  g_free (self);
}

/* Who is first empties the file, to three bytes as SQLite's own VFS does. All stay as readers of the switch.
 */
static int
enter (LeashSqliteShm *self, LeashSqliteVfs *vfs)
{
  g_autoptr (GError) error = NULL;
  int code = leash_sqlite_hold (self->locks, LEASH_SQLITE_DMS, 1, LEASH_SQLITE_WRITE);

  if (code == SQLITE_OK && !leash_file_truncate (self->file, vfs->ctx, 3, &error))
    return leash_sqlite_fail (SQLITE_IOERR_SHMOPEN, g_steal_pointer (&error));
  if (code == SQLITE_OK || code == SQLITE_BUSY)
    code = leash_sqlite_hold (self->locks, LEASH_SQLITE_DMS, 1, LEASH_SQLITE_READ);
  return code == SQLITE_IOERR
             ? leash_sqlite_fail_plainly (SQLITE_IOERR_SHMLOCK, "Locking “%s” failed", self->path)
             : code;
}

static int
open_file (LeashSqliteShm *self, LeashSqliteFile *database)
{
  LeashSqliteVfs *vfs = database->vfs;
  GError *error = NULL;

  self->path = g_strconcat (database->path, "-shm", NULL);
  self->file
      = leash_fs_open (vfs->fs, vfs->ctx, self->path, LEASH_OPEN_READ | LEASH_OPEN_WRITE | LEASH_OPEN_CREATE,
                       leash_sqlite_get_mode (vfs, database->path), &error);
  if (self->file == NULL)
    return leash_sqlite_fail (SQLITE_CANTOPEN, error);
  self->holder.fd = leash_file_get_fd (self->file);
  if (self->holder.fd < 0)
    return leash_sqlite_fail_plainly (SQLITE_CANTOPEN, "“%s” has no descriptor, and the database has one",
                                      self->path);
  self->locks = &self->holder;
  return enter (self, vfs);
}

static int
open_shm (LeashSqliteFile *database)
{
  LeashSqliteShm *self = g_new0 (LeashSqliteShm, 1);
  int code = SQLITE_OK;

  self->regions = g_array_new (FALSE, FALSE, sizeof (Region));
  if (database->holder.node != NULL)
    {
      self->locks = &database->holder;
      leash_sqlite_node_use_memory (database->holder.node);
    }
  else
    code = open_file (self, database);
  if (code == SQLITE_OK)
    database->shm = self;
  else
    shm_free (self, database->holder.node);
  return code;
}

/* Writes what is missing, since a page without room on the disk would end the process when it is touched. */
static gboolean
extend_file (LeashSqliteShm *self, LeashSqliteVfs *vfs, guint64 from, guint64 to, GError **error)
{
  static const guint8 zeros[4096];

  while (from < to)
    {
      gsize count = MIN (sizeof zeros, to - from);
      gssize n = leash_file_pwrite (self->file, vfs->ctx, zeros, count, (gint64) from, error);

      if (n < 0)
        return FALSE;
      from += (guint64) n;
    }
  return TRUE;
}

/* A region need not begin where a page does: pages may be larger. */
static gboolean
map_region (LeashSqliteShm *self, guint64 offset, gsize size)
{
  gsize ahead = offset & ((gsize) sysconf (_SC_PAGESIZE) - 1);
  Region region = { .length = ahead + size };

  region.start = mmap (NULL, region.length, PROT_READ | PROT_WRITE, MAP_SHARED, self->holder.fd,
                       (off_t) (offset - ahead));
  if (region.start == MAP_FAILED)
    return FALSE;
  region.memory = (guint8 *) region.start + ahead;
  g_array_append_val (self->regions, region);
  return TRUE;
}

static int
map_file (LeashSqliteShm *self, LeashSqliteVfs *vfs, guint region, gsize size, gboolean extend)
{
  guint64 end = (guint64) (region + 1) * size;
  GError *error = NULL;
  LeashStat stat;

  if (region < self->regions->len)
    return SQLITE_OK;
  if (!leash_file_stat (self->file, vfs->ctx, &stat, &error))
    return leash_sqlite_fail (SQLITE_IOERR_SHMSIZE, error);
  if (stat.size < end && !extend)
    return SQLITE_OK;
  if (!extend_file (self, vfs, stat.size, end, &error))
    return leash_sqlite_fail (SQLITE_IOERR_SHMSIZE, error);
  while (self->regions->len <= region)
    if (!map_region (self, (guint64) self->regions->len * size, size))
      return leash_sqlite_fail_plainly (SQLITE_IOERR_SHMMAP, "Mapping “%s” failed", self->path);
  return SQLITE_OK;
}

int
leash_sqlite_shm_map (sqlite3_file *base, int region, int size, int extend, void volatile **ret_memory)
{
  LeashSqliteFile *database = (LeashSqliteFile *) base;
  LeashSqliteNode *node = database->holder.node;
  guint index = (guint) region;
  int code = SQLITE_OK;

  *ret_memory = NULL;
  if (database->shm == NULL)
    code = open_shm (database);
  if (code == SQLITE_OK && node != NULL)
    *ret_memory = leash_sqlite_node_get_region (node, index, (gsize) size, extend != 0);
  else if (code == SQLITE_OK)
    {
      code = map_file (database->shm, database->vfs, index, (gsize) size, extend != 0);
      if (code == SQLITE_OK && index < database->shm->regions->len)
        *ret_memory = g_array_index (database->shm->regions, Region, index).memory;
    }
  return code;
}

int
leash_sqlite_shm_lock (sqlite3_file *base, int first, int n, int flags)
{
  LeashSqliteShm *self = ((LeashSqliteFile *) base)->shm;
  LeashSqliteHold hold = (flags & SQLITE_SHM_UNLOCK) != 0   ? LEASH_SQLITE_FREE
                         : (flags & SQLITE_SHM_SHARED) != 0 ? LEASH_SQLITE_READ
                                                            : LEASH_SQLITE_WRITE;
  int code;

  if (self == NULL)
    return SQLITE_IOERR_SHMLOCK;
  code = leash_sqlite_hold (self->locks, LEASH_SQLITE_WAL + (guint) first, (guint) n, hold);
  return code == SQLITE_IOERR
             ? leash_sqlite_fail_plainly (SQLITE_IOERR_SHMLOCK, "Locking “%s” failed", self->path)
             : code;
}

void
leash_sqlite_shm_barrier (sqlite3_file *base)
{
  __sync_synchronize (); /* gcc refuses the newer builtin under ThreadSanitizer */
}

int
leash_sqlite_shm_unmap (sqlite3_file *base, int deletes)
{
  LeashSqliteFile *database = (LeashSqliteFile *) base;
  LeashSqliteShm *self = g_steal_pointer (&database->shm);

  if (self == NULL)
    return SQLITE_OK;
  /* What stays is of no harm: who comes next empties it. */
  if (deletes && self->file != NULL)
    leash_fs_remove (database->vfs->fs, database->vfs->ctx, self->path, NULL);
  shm_free (self, database->holder.node);
  return SQLITE_OK;
}
