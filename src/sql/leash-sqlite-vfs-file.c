/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An open file, as SQLite uses one. Nothing is promised of the device: a write may tear, in sectors of 4,096
 * bytes, and what was not synced may be lost in any order. SQLite then takes the care that is right on any
 * file system.
 *
 * Locks and memory that is shared are of the database's own file alone; SQLite asks for none of another.
 */
#include <string.h>

#include "leash-sqlite-vfs-private.h"

#define SECTOR_SIZE 4096

static LeashSqliteFile *
get_file (sqlite3_file *base)
{
  return (LeashSqliteFile *) base;
}

guint
leash_sqlite_get_mode (LeashSqliteVfs *vfs, const char *database)
{
  LeashStat stat;

  if (database != NULL && leash_fs_stat (vfs->fs, vfs->ctx, database, &stat, NULL))
    return stat.mode & 0777;
  return 0644;
}

gboolean
leash_sqlite_sync_names (LeashSqliteVfs *vfs, const char *path, GError **error)
{
  g_autofree char *dir = g_path_get_dirname (path);
  g_autoptr (LeashFile) file = leash_fs_open (vfs->fs, vfs->ctx, dir, LEASH_OPEN_READ, 0, NULL);
  g_autoptr (GError) failure = NULL;

  if (file == NULL || leash_file_sync (file, vfs->ctx, &failure)
      || g_error_matches (failure, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED)
      || g_error_matches (failure, G_IO_ERROR, G_IO_ERROR_IS_DIRECTORY))
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&failure));
  return FALSE;
}

static int
file_close (sqlite3_file *base)
{
  LeashSqliteFile *self = get_file (base);
  GError *error = NULL;
  int code = SQLITE_OK;

  leash_sqlite_shm_unmap (base, FALSE);
  if (self->holder.fd >= 0 || self->holder.node != NULL)
    leash_sqlite_hold (&self->holder, 0, LEASH_SQLITE_WAL, LEASH_SQLITE_FREE);
  if (!leash_file_close (self->file, &error))
    code = leash_sqlite_fail (SQLITE_IOERR_CLOSE, error);
  leash_sqlite_holder_clear (&self->holder);
  leash_file_unref (self->file);
  if (self->removes)
    leash_fs_remove (self->vfs->fs, self->vfs->ctx, self->path, NULL);
  g_free (self->path);
  g_atomic_int_add (&self->vfs->n_files, -1);
  return code;
}

static int
file_read (sqlite3_file *base, void *buffer, int count, sqlite3_int64 offset)
{
  LeashSqliteFile *self = get_file (base);
  GError *error = NULL;
  gsize done = 0;

  while (done < (gsize) count)
    {
      gssize n = leash_file_pread (self->file, self->vfs->ctx, (guint8 *) buffer + done, (gsize) count - done,
                                   offset + (gint64) done, &error);

      if (n < 0)
        return leash_sqlite_fail (SQLITE_IOERR_READ, error);
      if (n == 0)
        break;
      done += (gsize) n;
    }
  if (done == (gsize) count)
    return SQLITE_OK;
  memset ((guint8 *) buffer + done, 0, (gsize) count - done);
  return SQLITE_IOERR_SHORT_READ;
}

static int
file_write (sqlite3_file *base, const void *buffer, int count, sqlite3_int64 offset)
{
  LeashSqliteFile *self = get_file (base);
  GError *error = NULL;
  gsize done = 0;

  while (done < (gsize) count)
    {
      gssize n = leash_file_pwrite (self->file, self->vfs->ctx, (const guint8 *) buffer + done,
                                    (gsize) count - done, offset + (gint64) done, &error);

      if (n < 0)
        return leash_sqlite_fail (SQLITE_IOERR_WRITE, error);
      if (n == 0)
        return leash_sqlite_fail_plainly (SQLITE_FULL, "“%s” takes no more bytes", self->path);
      done += (gsize) n;
    }
  return SQLITE_OK;
}

static int
file_truncate (sqlite3_file *base, sqlite3_int64 length)
{
  LeashSqliteFile *self = get_file (base);
  GError *error = NULL;

  if (leash_file_truncate (self->file, self->vfs->ctx, length, &error))
    return SQLITE_OK;
  return leash_sqlite_fail (SQLITE_IOERR_TRUNCATE, error);
}

/* What cannot be synced has nothing that would outlast the process. */
static int
file_sync (sqlite3_file *base, int flags)
{
  LeashSqliteFile *self = get_file (base);
  GError *error = NULL;

  if (!leash_file_sync (self->file, self->vfs->ctx, &error)
      && !g_error_matches (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED))
    return leash_sqlite_fail (SQLITE_IOERR_FSYNC, error);
  g_clear_error (&error);
  if (self->is_new_name && !leash_sqlite_sync_names (self->vfs, self->path, &error))
    return leash_sqlite_fail (SQLITE_IOERR_DIR_FSYNC, error);
  self->is_new_name = FALSE;
  return SQLITE_OK;
}

static int
file_size (sqlite3_file *base, sqlite3_int64 *ret_size)
{
  LeashSqliteFile *self = get_file (base);
  GError *error = NULL;
  LeashStat stat;

  if (!leash_file_stat (self->file, self->vfs->ctx, &stat, &error))
    return leash_sqlite_fail (SQLITE_IOERR_FSTAT, error);
  *ret_size = (sqlite3_int64) stat.size;
  return SQLITE_OK;
}

/* Says in words what cannot be locked. */
static int
hold (LeashSqliteFile *self, LeashSqlitePart part, LeashSqliteHold wanted)
{
  int code = leash_sqlite_hold (&self->holder, part, 1, wanted);

  return code == SQLITE_IOERR
             ? leash_sqlite_fail_plainly (SQLITE_IOERR_LOCK, "Locking “%s” failed", self->path)
             : code;
}

/* Whoever wants to write alone has PENDING first, which keeps new readers out: a reader passes through it. */
static int
lock_shared (LeashSqliteFile *self)
{
  int code = hold (self, LEASH_SQLITE_PENDING, LEASH_SQLITE_READ);
  int code_of_end;

  if (code != SQLITE_OK)
    return code;
  code = hold (self, LEASH_SQLITE_SHARED, LEASH_SQLITE_READ);
  code_of_end = hold (self, LEASH_SQLITE_PENDING, LEASH_SQLITE_FREE);
  return code != SQLITE_OK ? code : code_of_end;
}

static int
lock_exclusive (LeashSqliteFile *self)
{
  int code = hold (self, LEASH_SQLITE_PENDING, LEASH_SQLITE_WRITE);

  if (code != SQLITE_OK)
    return code;
  self->level = SQLITE_LOCK_PENDING; /* stays, while readers leave and this is tried again */
  return hold (self, LEASH_SQLITE_SHARED, LEASH_SQLITE_WRITE);
}

static int
file_lock (sqlite3_file *base, int level)
{
  LeashSqliteFile *self = get_file (base);
  int code;

  if (self->level >= level)
    return SQLITE_OK;
  if (level == SQLITE_LOCK_SHARED)
    code = lock_shared (self);
  else if (level == SQLITE_LOCK_RESERVED)
    code = hold (self, LEASH_SQLITE_RESERVED, LEASH_SQLITE_WRITE);
  else
    code = lock_exclusive (self);
  if (code == SQLITE_OK)
    self->level = level;
  return code;
}

static int
file_unlock (sqlite3_file *base, int level)
{
  LeashSqliteFile *self = get_file (base);
  int code = SQLITE_OK;

  if (self->level <= level)
    return SQLITE_OK;
  if (self->level > SQLITE_LOCK_SHARED)
    code = hold (self, LEASH_SQLITE_SHARED, LEASH_SQLITE_READ);
  if (code == SQLITE_OK && level == SQLITE_LOCK_NONE)
    code = hold (self, LEASH_SQLITE_SHARED, LEASH_SQLITE_FREE);
  if (code == SQLITE_OK)
    code = leash_sqlite_hold (&self->holder, LEASH_SQLITE_PENDING, 2, LEASH_SQLITE_FREE);
  if (code != SQLITE_OK)
    return leash_sqlite_fail_plainly (SQLITE_IOERR_UNLOCK, "Unlocking “%s” failed", self->path);
  self->level = level;
  return SQLITE_OK;
}

static int
file_is_reserved (sqlite3_file *base, int *ret_is_reserved)
{
  LeashSqliteFile *self = get_file (base);
  gboolean is_held = self->level >= SQLITE_LOCK_RESERVED;

  if (!is_held && !leash_sqlite_is_held (&self->holder, LEASH_SQLITE_RESERVED, &is_held))
    return leash_sqlite_fail_plainly (SQLITE_IOERR_CHECKRESERVEDLOCK, "The locks of “%s” cannot be read",
                                      self->path);
  *ret_is_reserved = is_held;
  return SQLITE_OK;
}

/* Whether the path names another file by now, or none. */
static gboolean
has_moved (LeashSqliteFile *self)
{
  LeashStat open_one, named;

  if ((leash_fs_get_features (self->vfs->fs) & LEASH_FS_FEATURE_INODES) == 0
      || !leash_file_stat (self->file, self->vfs->ctx, &open_one, NULL))
    return FALSE;
  return !leash_fs_stat (self->vfs->fs, self->vfs->ctx, self->path, &named, NULL)
         || named.inode != open_one.inode || named.device != open_one.device;
}

static int
file_control (sqlite3_file *base, int op, void *argument)
{
  LeashSqliteFile *self = get_file (base);

  switch (op)
    {
    case SQLITE_FCNTL_LOCKSTATE:
      *(int *) argument = self->level;
      return SQLITE_OK;
    case SQLITE_FCNTL_LAST_ERRNO:
      *(int *) argument = leash_sqlite_get_errno ();
      return SQLITE_OK;
    case SQLITE_FCNTL_HAS_MOVED:
      *(int *) argument = has_moved (self);
      return SQLITE_OK;
    case SQLITE_FCNTL_VFSNAME:
      *(char **) argument = sqlite3_mprintf ("%s", self->vfs->name);
      return SQLITE_OK;
    default:
      return SQLITE_NOTFOUND;
    }
}

static int
file_sector_size (sqlite3_file *base)
{
  return SECTOR_SIZE;
}

static int
file_characteristics (sqlite3_file *base)
{
  LeashFsFeatures features = leash_fs_get_features (get_file (base)->vfs->fs);

  return (features & LEASH_FS_FEATURE_OPEN_AFTER_REMOVE) != 0 ? 0 : SQLITE_IOCAP_UNDELETABLE_WHEN_OPEN;
}

const sqlite3_io_methods leash_sqlite_io_methods = {
  .iVersion = 2,
  .xClose = file_close,
  .xRead = file_read,
  .xWrite = file_write,
  .xTruncate = file_truncate,
  .xSync = file_sync,
  .xFileSize = file_size,
  .xLock = file_lock,
  .xUnlock = file_unlock,
  .xCheckReservedLock = file_is_reserved,
  .xFileControl = file_control,
  .xSectorSize = file_sector_size,
  .xDeviceCharacteristics = file_characteristics,
  .xShmMap = leash_sqlite_shm_map,
  .xShmLock = leash_sqlite_shm_lock,
  .xShmBarrier = leash_sqlite_shm_barrier,
  .xShmUnmap = leash_sqlite_shm_unmap,
};
