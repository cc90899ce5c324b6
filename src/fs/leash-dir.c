/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * LeashDir: a directory of any file system, open for reading its entries. Its life is LeashFile's, and so are
 * its checks; see there.
 *
 * Entries are handed out where they lie, in the implementation's buffer, and are gone with the next call. Two
 * threads in one directory would therefore read what the other overwrites: the second one is refused, as
 * GFileEnumerator does, and nothing has to be locked or copied.
 */
#include "leash-boxed-private.h"
#include "leash-context-inner-private.h"
#include "leash-dir-private.h"

#include <string.h>

/* The table as it was in version 0.1: every field up to here is in every program's. */
#define OPS_SIZE_0_1 (G_STRUCT_OFFSET (LeashDirOps, get_fd) + sizeof (gpointer))

/**
 * LeashDir:
 *
 * A directory of any #LeashFs, open for reading its entries.
 *
 * Reference-counted. leash_dir_close() closes it; the last leash_dir_unref() closes what is open still. A
 * closed directory refuses every use with %G_IO_ERROR_CLOSED, and the tracker it was opened under reports it.
 *
 * One thread at a time may read entries; closing, and everything else, may happen in any thread that holds a
 * reference.
 */

static const LeashAttempt reading = { "Reading the directory", "read after close", "read" };

LEASH_DEFINE_BOXED (LeashDir, leash_dir)

/**
 * leash_dir_new: (skip)
 * @ops: the operations; they must live as long as the directory
 * @impl: (nullable): what the operations are called with
 * @destroy: (nullable): frees @impl; called once, after the close operation
 * @path: the path it was opened by, for messages
 *
 * Makes a directory, for who implements a #LeashFs. Tag and errors are as in leash_file_new().
 *
 * Returns: (transfer full): the directory, open
 *
 * Since: 0.1
 */
LeashDir *
leash_dir_new (const LeashDirOps *ops, gpointer impl, GDestroyNotify destroy, const char *path)
{
  LeashDir *dir;
  gsize size;

  g_return_val_if_fail (ops != NULL, NULL);
  g_return_val_if_fail (ops->size >= OPS_SIZE_0_1, NULL);
  g_return_val_if_fail (ops->next != NULL, NULL);
  g_return_val_if_fail (ops->close != NULL, NULL);
  g_return_val_if_fail (path != NULL, NULL);

  size = strlen (path) + 1;
  dir = g_malloc0 (sizeof (LeashDir) + size);
  memcpy (dir->path, path, size);
  leash_handle_init (&dir->handle, impl, destroy, ops->close, "directory", dir->path);
  dir->ops = ops;
  return dir;
}

void
leash_dir_track (LeashDir *dir, LeashContext *ctx, const char *path, gconstpointer caller)
{
  leash_handle_track (&dir->handle, ctx, "dir", path, dir->ops->get_fd, caller);
}

/**
 * leash_dir_ref:
 * @dir: a directory
 *
 * Takes a reference.
 *
 * Returns: (transfer full): @dir
 *
 * Since: 0.1
 */
LeashDir *
leash_dir_ref (LeashDir *dir)
{
  g_return_val_if_fail (dir != NULL, NULL);

  leash_handle_ref (&dir->handle);
  return dir;
}

/**
 * leash_dir_unref:
 * @dir: (transfer full) (nullable): a directory
 *
 * Gives a reference back. With the last one a directory that is open still is closed.
 *
 * Since: 0.1
 */
void
leash_dir_unref (LeashDir *dir)
{
  if (dir != NULL && leash_handle_unref (&dir->handle, LEASH_CALLER))
    g_free (dir);
}

/**
 * leash_dir_next:
 * @dir: a directory
 * @ctx: a context
 * @ret_entry: (out) (transfer none): the entry, valid until the next call on @dir
 * @error: return location for an error
 *
 * Reads the next entry. "." and ".." are left out; the order is the file system's. Whether an entry that is
 * made or removed meanwhile comes is not said; every other one comes once.
 *
 * Returns: %TRUE with an entry; %FALSE at the end, and with @error set when it failed
 *
 * Since: 0.1
 */
gboolean
leash_dir_next (LeashDir *dir, LeashContext *ctx, const LeashDirEntry **ret_entry, GError **error)
{
  g_autoptr (GError) failure = NULL;
  gboolean found;

  g_return_val_if_fail (dir != NULL, FALSE);
  g_return_val_if_fail (ctx != NULL, FALSE);
  g_return_val_if_fail (ret_entry != NULL, FALSE);

  if (!leash_handle_enter_alone (&dir->handle, &reading, LEASH_CALLER, error))
    return FALSE;
  dir->entry = (LeashDirEntry){ 0 };
  found = leash_context_check_now (ctx, &failure)
          && dir->ops->next (dir->handle.impl, ctx, &dir->entry, &failure);
  if (LEASH_LIKELY (found))
    *ret_entry = &dir->entry;
  else if (failure != NULL)
    {
      leash_attempt_prefix (&failure, reading.doing, dir->path);
      g_propagate_error (error, g_steal_pointer (&failure));
    }
  leash_handle_leave (&dir->handle);
  return found;
}

/**
 * leash_dir_get_path:
 * @dir: a directory
 *
 * Gets the path that the directory was opened by. A closed directory has it still.
 *
 * Returns: (transfer none) (type filename): the path
 *
 * Since: 0.1
 */
const char *
leash_dir_get_path (LeashDir *dir)
{
  g_return_val_if_fail (dir != NULL, NULL);

  return dir->path;
}

/**
 * leash_dir_get_tag: (skip)
 * @dir: a directory
 *
 * Gets the tag that the directory is tracked by. It is the directory's to release.
 *
 * Returns: (transfer none) (nullable): the tag, %NULL when nothing tracks
 *
 * Since: 0.1
 */
LeashTag *
leash_dir_get_tag (LeashDir *dir)
{
  g_return_val_if_fail (dir != NULL, NULL);

  return dir->handle.tag;
}

/**
 * leash_dir_is_closed:
 * @dir: a directory
 *
 * Tells whether leash_dir_close() was called.
 *
 * Returns: %TRUE when it was
 *
 * Since: 0.1
 */
gboolean
leash_dir_is_closed (LeashDir *dir)
{
  g_return_val_if_fail (dir != NULL, TRUE);

  return leash_use_is_closed (&dir->handle.use);
}

/**
 * leash_dir_close:
 * @dir: a directory
 * @error: return location for an error
 *
 * Closes a directory. It is closed whatever this returns, and its references remain to be given back. A
 * second close fails with %G_IO_ERROR_CLOSED, and is reported as a misuse. When another thread reads an entry
 * at this moment, that one closes the directory, and this function returns %TRUE at once.
 *
 * Returns: %TRUE, or %FALSE with @error set
 *
 * Since: 0.1
 */
gboolean
leash_dir_close (LeashDir *dir, GError **error)
{
  g_return_val_if_fail (dir != NULL, FALSE);

  return leash_handle_close (&dir->handle, LEASH_CALLER, error);
}
