/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SQLite on a LeashFs: a sqlite3_vfs whose files are LeashFiles. So what a test does to a file system it does
 * to SQLite: put it into memory, fill its disk, fail its nth write, and find the handle that nobody closed by
 * the file that is open still.
 *
 * - A VFS has one context, with nothing that ends it. A deadline would strike between the two halves of a
 * commit, and SQLite would have to roll back with calls that fail as well; sqlite3_interrupt() stops a
 * statement where it can be stopped.
 * - Time is that of the context's clock where that is a fake one, as in the memory file system; else SQLite's
 * own.
 * - An error that is none of SQLite's numbers is told in words: leash-sqlite-vfs-error.c.
 * - A file that cannot be looked at is an error and not missing: to miss a hot journal damages the database.
 *
 * Files are leash-sqlite-vfs-file.c, locks leash-sqlite-vfs-lock.c, WAL's memory leash-sqlite-vfs-shm.c.
 */
#include <leash/leash-clock.h>
#include <leash/leash-files.h>
#include <leash/leash-sql-error.h>
#include <leash/leash-sqlite-vfs.h>
#include <pthread.h>
#include <string.h>

#include "leash-sqlite-vfs-private.h"

/* The kernel's limits, which LeashFs has too: of a path, with its NUL, and of links in a row. */
#define PATH_SIZE 4096
#define MAX_LINKS 40

/* From 24 November 4714 BC, where SQLite's days begin, to 1970. */
#define EPOCH_MS G_GINT64_CONSTANT (210866760000000)

static pthread_mutex_t registered_lock = PTHREAD_MUTEX_INITIALIZER;
static GHashTable *registered; /* of name to LeashSqliteVfs; NULL while it is empty; the lock's */
static guint64 last_number;    /* the lock's */

static LeashSqliteVfs *
get_vfs (sqlite3_vfs *base)
{
  return (LeashSqliteVfs *) base;
}

/* Without a name, on the file system's disk and not in memory: what SQLite needs room for may fill that too.
 */
static LeashFile *
open_temporary (LeashSqliteVfs *vfs, GError **error)
{
  LeashFile *file = leash_temp_file (vfs->ctx, g_get_tmp_dir (), "leash-sqlite-", "", NULL);

  return file != NULL ? file : leash_temp_file (vfs->ctx, ".", "leash-sqlite-", "", error);
}

static gboolean
is_refusal (const GError *error)
{
  return g_error_matches (error, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED)
         || g_error_matches (error, G_IO_ERROR, G_IO_ERROR_READ_ONLY)
         || g_error_matches (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED);
}

/* What may not be written is opened for reading, if it is there. */
static LeashFile *
open_named (LeashSqliteVfs *vfs, const char *path, int flags, GError **error)
{
  gboolean writes = (flags & SQLITE_OPEN_READWRITE) != 0;
  LeashOpenFlags how = LEASH_OPEN_READ | (writes ? LEASH_OPEN_WRITE : 0)
                       | (flags & SQLITE_OPEN_CREATE ? LEASH_OPEN_CREATE : 0)
                       | (flags & SQLITE_OPEN_EXCLUSIVE ? LEASH_OPEN_CREATE | LEASH_OPEN_EXCLUSIVE : 0);
  gboolean is_beside = (flags & (SQLITE_OPEN_MAIN_JOURNAL | SQLITE_OPEN_WAL)) != 0;
  guint mode = leash_sqlite_get_mode (vfs, is_beside ? sqlite3_filename_database (path) : NULL);
  g_autoptr (GError) failure = NULL;
  LeashFile *file = leash_fs_open (vfs->fs, vfs->ctx, path, how, mode, &failure);

  if (file == NULL && writes && (how & LEASH_OPEN_EXCLUSIVE) == 0 && is_refusal (failure))
    file = leash_fs_open (vfs->fs, vfs->ctx, path, LEASH_OPEN_READ, 0, NULL);
  if (file == NULL)
    g_propagate_error (error, g_steal_pointer (&failure));
  return file;
}

/* A file that is to go is without a name from the start, where it can be. */
static void
remove_name (LeashSqliteFile *self)
{
  gboolean now = (leash_fs_get_features (self->vfs->fs) & LEASH_FS_FEATURE_OPEN_AFTER_REMOVE) != 0;

  self->removes = !now || !leash_fs_remove (self->vfs->fs, self->vfs->ctx, self->path, NULL);
}

static gboolean
open_file (LeashSqliteFile *self, const char *path, int flags, GError **error)
{
  LeashSqliteVfs *vfs = self->vfs;

  self->file = path != NULL ? open_named (vfs, path, flags, error) : open_temporary (vfs, error);
  if (self->file == NULL)
    return FALSE;
  self->holder.fd = -1;
  if ((flags & SQLITE_OPEN_MAIN_DB) != 0
      && !leash_sqlite_holder_init (&self->holder, vfs, self->file, path, error))
    {
      g_clear_pointer (&self->file, leash_file_unref);
      return FALSE;
    }
  self->path = g_strdup (path != NULL ? path : leash_file_get_path (self->file));
  self->is_new_name
      = (flags & SQLITE_OPEN_CREATE) != 0
        && (flags & (SQLITE_OPEN_MAIN_JOURNAL | SQLITE_OPEN_SUPER_JOURNAL | SQLITE_OPEN_WAL)) != 0;
  if (path == NULL || (flags & SQLITE_OPEN_DELETEONCLOSE) != 0)
    remove_name (self);
  return TRUE;
}

static int
vfs_open (sqlite3_vfs *base, const char *path, sqlite3_file *file, int flags, int *ret_flags)
{
  LeashSqliteFile *self = (LeashSqliteFile *) file;
  GError *error = NULL;

  *self = (LeashSqliteFile){ .vfs = get_vfs (base) };
  if (!open_file (self, path, flags, &error))
    return leash_sqlite_fail (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_IS_DIRECTORY)
                                  ? SQLITE_CANTOPEN_ISDIR
                                  : SQLITE_CANTOPEN,
                              error);
  self->base.pMethods = &leash_sqlite_io_methods;
  g_atomic_int_inc (&self->vfs->n_files);
  if ((leash_file_get_flags (self->file) & LEASH_OPEN_WRITE) == 0)
    flags = (flags & ~(SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE)) | SQLITE_OPEN_READONLY;
  if (ret_flags != NULL)
    *ret_flags = flags;
  return SQLITE_OK;
}

static int
vfs_delete (sqlite3_vfs *base, const char *path, int syncs)
{
  LeashSqliteVfs *vfs = get_vfs (base);
  GError *error = NULL;

  if (!leash_fs_remove (vfs->fs, vfs->ctx, path, &error))
    {
      if (!g_error_matches (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND))
        return leash_sqlite_fail (SQLITE_IOERR_DELETE, error);
      g_error_free (error);
      return SQLITE_IOERR_DELETE_NOENT;
    }
  if (syncs && !leash_sqlite_sync_names (vfs, path, &error))
    return leash_sqlite_fail (SQLITE_IOERR_DIR_FSYNC, error);
  return SQLITE_OK;
}

/* An empty file is as good as none, as for SQLite's own VFS: a journal that was not begun. */
static int
vfs_access (sqlite3_vfs *base, const char *path, int what, int *ret_is_so)
{
  LeashSqliteVfs *vfs = get_vfs (base);
  GError *error = NULL;
  LeashStat stat;

  *ret_is_so = FALSE;
  if (leash_fs_stat (vfs->fs, vfs->ctx, path, &stat, &error))
    *ret_is_so = what == SQLITE_ACCESS_EXISTS
                     ? stat.type != G_FILE_TYPE_REGULAR || stat.size > 0
                     : (leash_fs_get_features (vfs->fs) & LEASH_FS_FEATURE_WRITE) != 0;
  else if (!g_error_matches (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND)
           && !g_error_matches (error, G_IO_ERROR, G_IO_ERROR_NOT_DIRECTORY))
    return leash_sqlite_fail (SQLITE_IOERR_ACCESS, error);
  g_clear_error (&error);
  return SQLITE_OK;
}

/* A relative path means another file after a chdir(), where it counts from the process's directory. Whether
 * it does is seen by whether that directory, by its full name, is the one that paths count from. */
static char *
make_absolute (LeashSqliteVfs *vfs, const char *path)
{
  g_autofree char *dir = g_get_current_dir ();
  LeashStat here, there;

  if (path[0] != '/' && (leash_fs_get_features (vfs->fs) & LEASH_FS_FEATURE_INODES) != 0
      && leash_fs_stat (vfs->fs, vfs->ctx, ".", &here, NULL)
      && leash_fs_stat (vfs->fs, vfs->ctx, dir, &there, NULL) && here.inode == there.inode
      && here.device == there.device)
    return g_build_filename (dir, path, NULL);
  return g_strdup (path);
}

/* What a symbolic link at path leads to, a step further; NULL when it is none. */
static char *
read_link (LeashSqliteVfs *vfs, const char *path)
{
  g_autofree char *dir = g_path_get_dirname (path);
  g_autofree char *target = NULL;
  LeashStat stat;

  if (!leash_fs_lstat (vfs->fs, vfs->ctx, path, &stat, NULL) || stat.type != G_FILE_TYPE_SYMBOLIC_LINK)
    return NULL;
  target = leash_fs_readlink (vfs->fs, vfs->ctx, path, NULL);
  if (target == NULL || target[0] == '/' || strcmp (dir, ".") == 0)
    return g_steal_pointer (&target);
  return g_build_filename (dir, target, NULL);
}

/* All who open a database must find the same journal beside it, by whichever link they came. */
static int
vfs_full_path (sqlite3_vfs *base, const char *path, int size, char *ret_path)
{
  LeashSqliteVfs *vfs = get_vfs (base);
  g_autofree char *full = make_absolute (vfs, path);
  char *next = read_link (vfs, full);
  gboolean is_link = next != NULL;

  for (guint i = 0; i < MAX_LINKS && next != NULL; i++)
    {
      g_free (full);
      full = next;
      next = read_link (vfs, full);
    }
  if (next != NULL)
    {
      g_free (next);
      return leash_sqlite_fail_plainly (SQLITE_CANTOPEN, "“%s” has too many levels of symbolic links", path);
    }
  if (g_strlcpy (ret_path, full, (gsize) size) >= (gsize) size)
    return leash_sqlite_fail_plainly (SQLITE_CANTOPEN, "The path of “%s” is too long", path);
  return is_link ? SQLITE_OK_SYMLINK : SQLITE_OK;
}

static void *
vfs_load (sqlite3_vfs *base, const char *path)
{
  return get_vfs (base)->host->xDlOpen (get_vfs (base)->host, path);
}

static void
vfs_load_error (sqlite3_vfs *base, int size, char *ret_message)
{
  get_vfs (base)->host->xDlError (get_vfs (base)->host, size, ret_message);
}

static void (*vfs_find_symbol (sqlite3_vfs *base, void *module, const char *name)) (void)
{
  return get_vfs (base)->host->xDlSym (get_vfs (base)->host, module, name);
}

static void
vfs_unload (sqlite3_vfs *base, void *module)
{
  get_vfs (base)->host->xDlClose (get_vfs (base)->host, module);
}

static int
vfs_randomness (sqlite3_vfs *base, int size, char *ret_bytes)
{
  return get_vfs (base)->host->xRandomness (get_vfs (base)->host, size, ret_bytes);
}

/* On a fake clock as long as a test lets it be: what waits for a lock does not wait in real time either. */
static int
vfs_sleep (sqlite3_vfs *base, int microseconds)
{
  LeashSqliteVfs *vfs = get_vfs (base);
  LeashClock *clock = leash_context_get_clock (vfs->ctx);

  if (leash_clock_is_fake (clock))
    {
      g_autoptr (LeashContext) timed = leash_context_with_clock (leash_context_background (), clock);
      g_autoptr (LeashContext) child = leash_context_with_timeout (timed, microseconds);

      leash_context_wait (child, -1);
      return microseconds;
    }
  return vfs->host->xSleep (vfs->host, microseconds);
}

static int
vfs_current_time_ms (sqlite3_vfs *base, sqlite3_int64 *ret_time)
{
  LeashSqliteVfs *vfs = get_vfs (base);
  LeashClock *clock = leash_context_get_clock (vfs->ctx);

  if (!leash_clock_is_fake (clock))
    *ret_time = EPOCH_MS + g_get_real_time () / 1000;
  else
    *ret_time = EPOCH_MS + leash_clock_get_time (clock) / 1000;
  return SQLITE_OK;
}

static int
vfs_current_time (sqlite3_vfs *base, double *ret_days)
{
  sqlite3_int64 time = 0;
  int code = vfs_current_time_ms (base, &time);

  *ret_days = (double) time / 86400000.0;
  return code;
}

static int
vfs_last_error (sqlite3_vfs *base, int size, char *ret_text)
{
  if (size > 0 && ret_text != NULL)
    g_strlcpy (ret_text, leash_sqlite_vfs_get_last_error (), (gsize) size);
  return leash_sqlite_get_errno ();
}

static const sqlite3_vfs vfs_methods = {
  .iVersion = 2,
  .szOsFile = sizeof (LeashSqliteFile),
  .mxPathname = PATH_SIZE,
  .xOpen = vfs_open,
  .xDelete = vfs_delete,
  .xAccess = vfs_access,
  .xFullPathname = vfs_full_path,
  .xDlOpen = vfs_load,
  .xDlError = vfs_load_error,
  .xDlSym = vfs_find_symbol,
  .xDlClose = vfs_unload,
  .xRandomness = vfs_randomness,
  .xSleep = vfs_sleep,
  .xCurrentTime = vfs_current_time,
  .xGetLastError = vfs_last_error,
  .xCurrentTimeInt64 = vfs_current_time_ms,
};

static LeashSqliteVfs *
vfs_new (LeashFs *fs, LeashContext *ctx, sqlite3_vfs *host)
{
  g_autoptr (LeashContext) endless = leash_context_without_cancel (ctx);
  LeashSqliteVfs *self = g_new0 (LeashSqliteVfs, 1);

  self->base = vfs_methods;
  self->base.zName = self->name;
  self->host = host;
  self->fs = g_object_ref (fs);
  self->ctx = leash_context_with_fs (endless, fs);
  return self;
}

static void
vfs_free (LeashSqliteVfs *self)
{
  leash_untrack (self->tag);
  leash_context_unref (self->ctx);
  g_object_unref (self->fs);
  g_free (self);
}

/**
 * leash_sqlite_vfs_register:
 * @fs: a file system
 * @ctx: a context, whose tracker tracks the files that SQLite opens, and whose clock tells the time where it
 * is a fake one. What ends it ends nothing of SQLite's: no commit is cut in two
 * @error: return location for an error
 *
 * Makes @fs a VFS of SQLite's: give its name to sqlite3_open_v2(), or write `file:notes.db?vfs=NAME`. It is
 * not the default. Paths are those of @fs.
 *
 * Each database, journal and log that SQLite opens is a file of @ctx's tracker, with the stack of whoever
 * called SQLite; so a sqlite3 handle that nobody closes is a leak. The VFS itself is a resource too, until
 * leash_sqlite_vfs_unregister().
 *
 * Where files have a descriptor, as on the host, the kernel locks them, just as it does for SQLite's own VFS:
 * other programs may have the same database open, in WAL mode too. In one process a database must not be open
 * by SQLite's own VFS at the same time: the kernel gives up a process's locks when it closes any descriptor
 * of the file. Where files have no descriptor, locks and WAL's memory hold for all that is opened by @fs in
 * this process, and not for what reaches the same file by another file system.
 *
 * What SQLite wants to do with a full disk ends with `SQLITE_FULL`. What has gone wrong otherwise SQLite
 * tells by its numbers, and leash_sqlite_vfs_get_last_error() in words. A symbolic link to a database is
 * followed, so that its journal lies beside the file; for `SQLITE_OPEN_NOFOLLOW` only the path's last name
 * counts. Without syncing (%G_IO_ERROR_NOT_SUPPORTED) SQLite does without.
 *
 * May be called from any thread; what is opened by the VFS is used as SQLite says.
 *
 * Returns: (transfer none): the VFS's name, which lives until it is unregistered; %NULL with @error set when
 * SQLite refuses
 *
 * Since: 0.1
 */
const char *
leash_sqlite_vfs_register (LeashFs *fs, LeashContext *ctx, GError **error)
{
  sqlite3_vfs *host;
  LeashSqliteVfs *self;
  int code;

  g_return_val_if_fail (LEASH_IS_FS (fs), NULL);
  g_return_val_if_fail (ctx != NULL, NULL);

  host = sqlite3_vfs_find (NULL);
  if (host == NULL)
    {
      leash_sql_error_set (error, LEASH_SQL_ERROR_FAILED, NULL,
                           "Registering a VFS: SQLite cannot be initialized, or has no VFS of its own");
      return NULL;
    }
  self = vfs_new (fs, ctx, host);
  pthread_mutex_lock (&registered_lock);
  g_snprintf (self->name, sizeof self->name, "leash-%" G_GUINT64_FORMAT, ++last_number);
  if (registered == NULL)
    registered = g_hash_table_new (g_str_hash, g_str_equal);
  g_hash_table_insert (registered, self->name, self);
  pthread_mutex_unlock (&registered_lock);
  code = sqlite3_vfs_register (&self->base, FALSE);
  g_assert (code == SQLITE_OK);
  self->tag = leash_track (ctx, "SQLite VFS", self->name);
  return self->name;
}

/* Takes it out of the table, unless a file is open. */
static LeashSqliteVfs *
steal_registered (const char *name, GError **error)
{
  LeashSqliteVfs *self;
  gint n_files;

  pthread_mutex_lock (&registered_lock);
  self = registered != NULL ? g_hash_table_lookup (registered, name) : NULL;
  n_files = self != NULL ? g_atomic_int_get (&self->n_files) : 0;
  if (self == NULL)
    leash_sql_error_set (error, LEASH_SQL_ERROR_FAILED, NULL, "Unregistering “%s”: there is no such VFS",
                         name);
  else if (n_files > 0)
    leash_sql_error_set (error, LEASH_SQL_ERROR_CHILDREN_OPEN, NULL,
                         "Unregistering “%s”: SQLite has %d file%s open by it", name, n_files,
                         n_files > 1 ? "s" : "");
  else
    g_hash_table_remove (registered, name);
  if (registered != NULL && g_hash_table_size (registered) == 0)
    g_clear_pointer (&registered, g_hash_table_unref);
  pthread_mutex_unlock (&registered_lock);
  return n_files == 0 ? self : NULL;
}

/**
 * leash_sqlite_vfs_unregister:
 * @name: what leash_sqlite_vfs_register() returned
 * @error: return location for an error
 *
 * Takes a VFS away from SQLite and frees it, with @name. All that was opened by it must be closed before. A
 * database that has a file open refuses that; one in memory (":memory:") has none, and must not be used any
 * more.
 *
 * Returns: %TRUE, or %FALSE with %LEASH_SQL_ERROR_CHILDREN_OPEN while a file is open, or
 * %LEASH_SQL_ERROR_FAILED when there is no such VFS
 *
 * Since: 0.1
 */
gboolean
leash_sqlite_vfs_unregister (const char *name, GError **error)
{
  LeashSqliteVfs *self;

  g_return_val_if_fail (name != NULL, FALSE);

  self = steal_registered (name, error);
  if (self == NULL)
    return FALSE;
  sqlite3_vfs_unregister (&self->base);
  vfs_free (self);
  return TRUE;
}
