/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * LeashFile: an open file of any file system.
 *
 * A plain structure with a table of operations, and the path in the same allocation: a GObject would cost as
 * much as the system call behind it. Everything that holds for all implementations is checked here, once: the
 * file is open, it was opened for what is attempted, the context is not done, counts and offsets are sane.
 * An implementation therefore sees good arguments only, and words its errors without the path.
 *
 * The ways through are built for success: a guard in, one compare each, the operation, a guard out. Whatever
 * ends in an error goes through functions of its own that are never inlined.
 */
#include "leash-boxed-private.h"
#include "leash-context-inner-private.h"
#include "leash-file-private.h"

#include <string.h>

/**
 * LeashFile:
 *
 * An open file of any #LeashFs.
 *
 * Reference-counted. leash_file_close() closes it and tells how that went; the last leash_file_unref() closes
 * what is open still, but nobody hears of its errors. A closed file refuses every use with
 * %G_IO_ERROR_CLOSED, and the tracker it was opened under reports it.
 *
 * All functions may be called from any thread that holds a reference. Threads that read or write at the
 * position at the same time share it, as they would share a descriptor's. The context of an operation is
 * looked at before the operation begins, and when a signal interrupts it: a read from a pipe that has begun
 * waits for as long as the pipe is empty.
 */

/* The table as it was in version 0.1: every field up to here is in every program's. */
#define OPS_SIZE_0_1 (G_STRUCT_OFFSET (LeashFileOps, close) + sizeof (gpointer))

/* What is attempted, and what the file must have been opened for. */
typedef struct
{
  LeashAttempt attempt;
  LeashOpenFlags needs;
} FileCall;

static const FileCall call_read = { { "Reading", "read after close", "read" }, LEASH_OPEN_READ };
static const FileCall call_write = { { "Writing to", "write after close", "write" }, LEASH_OPEN_WRITE };
static const FileCall call_seek = { { "Seeking in", "seek after close", "seek" }, 0 };
static const FileCall call_stat = { { "Looking at", "stat after close", "stat" }, 0 };
static const FileCall call_truncate
    = { { "Truncating", "truncate after close", "truncate" }, LEASH_OPEN_WRITE };
static const FileCall call_sync = { { "Syncing", "sync after close", "sync" }, 0 };

LEASH_DEFINE_BOXED (LeashFile, leash_file)

/* Finds out again, at leisure, why an operation cannot begin. */
static void G_GNUC_NO_INLINE
explain (LeashFile *file, LeashContext *ctx, const FileCall *call, gboolean has_op, GError **error)
{
  LeashOpenFlags lacks = call->needs & ~file->flags;

  if ((lacks & LEASH_OPEN_READ) != 0)
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, "it was opened for writing only");
  else if (lacks != 0)
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, "it was opened for reading only");
  else if (!has_op)
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED, "its file system cannot do that");
  else
    leash_context_check (ctx, error);
  leash_attempt_prefix (error, call->attempt.doing, file->path);
}

/* Enters the file, if the operation can begin at all; end() leaves it. ctx may be NULL. */
static inline gboolean
begin (LeashFile *file, LeashContext *ctx, const FileCall *call, gboolean has_op, gconstpointer caller,
       GError **error)
{
  if (LEASH_UNLIKELY (!leash_handle_enter (&file->handle, &call->attempt, caller, error)))
    return FALSE;
  if (LEASH_LIKELY (has_op && (call->needs & ~file->flags) == 0
                    && (ctx == NULL || !leash_context_is_done_now (ctx))))
    return TRUE;
  explain (file, ctx, call, has_op, error);
  leash_handle_leave (&file->handle);
  return FALSE;
}

static inline void
end (LeashFile *file, const FileCall *call, gboolean done, GError **error)
{
  if (LEASH_UNLIKELY (!done))
    leash_attempt_prefix (error, call->attempt.doing, file->path);
  leash_handle_leave (&file->handle);
}

static inline gboolean
check_offset (gint64 offset, const char *what, GError **error)
{
  if (LEASH_LIKELY (offset >= 0))
    return TRUE;
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, "the %s %" G_GINT64_FORMAT " is negative",
               what, offset);
  return FALSE;
}

/* On Linux a pwrite() to a file in append mode goes to the end, whatever the offset. */
static inline gboolean
check_not_append (LeashFile *file, GError **error)
{
  if (LEASH_LIKELY ((file->flags & LEASH_OPEN_APPEND) == 0))
    return TRUE;
  g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                       "it was opened for appending, where every write goes to the end");
  return FALSE;
}

/**
 * leash_file_new: (skip)
 * @ops: the operations; they must live as long as the file
 * @impl: (nullable): what the operations are called with
 * @destroy: (nullable): frees @impl; called once, after the close operation
 * @path: the path it was opened by, for messages
 * @flags: what it was opened for: operations that do not fit are refused before they reach @ops
 *
 * Makes a file, for who implements a #LeashFs. The tag is made by leash_fs_open(), which called the
 * implementation.
 *
 * An operation's error gives the reason only, such as "No space left on device": what was attempted and the
 * path are put before it.
 *
 * Returns: (transfer full): the file, open
 *
 * Since: 0.1
 */
LeashFile *
leash_file_new (const LeashFileOps *ops, gpointer impl, GDestroyNotify destroy, const char *path,
                LeashOpenFlags flags)
{
  g_return_val_if_fail (ops != NULL, NULL);
  g_return_val_if_fail (ops->size >= OPS_SIZE_0_1, NULL);
  g_return_val_if_fail (ops->close != NULL, NULL);
  g_return_val_if_fail (path != NULL, NULL);

  if ((flags & LEASH_OPEN_APPEND) != 0)
    flags |= LEASH_OPEN_WRITE;
  return leash_file_make (ops, impl, destroy, path, strlen (path), flags);
}

LeashFile *
leash_file_with_path (LeashFile *file, const char *path)
{
  LeashFile *named;

  /* Somebody else has it too. */
  if (strcmp (file->path, path) == 0 || __atomic_load_n (&file->handle.ref_count, __ATOMIC_ACQUIRE) != 1)
    return file;
  named = leash_file_new (file->ops, file->handle.impl, file->handle.destroy, path, file->flags);
  named->handle.tag = file->handle.tag;
  named->handle.known_fd = file->handle.known_fd;
  g_free (file);
  return named;
}

/**
 * leash_file_ref:
 * @file: a file
 *
 * Takes a reference.
 *
 * Returns: (transfer full): @file
 *
 * Since: 0.1
 */
LeashFile *
leash_file_ref (LeashFile *file)
{
  g_return_val_if_fail (file != NULL, NULL);

  leash_handle_ref (&file->handle);
  return file;
}

/**
 * leash_file_unref:
 * @file: (transfer full) (nullable): a file
 *
 * Gives a reference back. With the last one a file that is open still is closed, and what that says is lost:
 * who writes calls leash_file_close() before.
 *
 * Since: 0.1
 */
void
leash_file_unref (LeashFile *file)
{
  if (file != NULL && leash_handle_unref (&file->handle, LEASH_CALLER))
    leash_spare_give (file, file->size);
}

/**
 * leash_file_read:
 * @file: a file that was opened for reading
 * @ctx: a context
 * @buffer: (out caller-allocates) (array length=count) (element-type guint8): where the bytes go
 * @count: how many bytes to read at most; 0 reads nothing and succeeds
 * @error: return location for an error
 *
 * Reads at the position, which moves on. Fewer bytes than @count may come, before the end too.
 *
 * What is opened by leash_open() may be a directory, as with open(): reading it fails with
 * %G_IO_ERROR_IS_DIRECTORY.
 *
 * Returns: the number of bytes that were read, 0 at the end, -1 with @error set
 *
 * Since: 0.1
 */
gssize
leash_file_read (LeashFile *file, LeashContext *ctx, void *buffer, gsize count, GError **error)
{
  gssize n = -1;

  g_return_val_if_fail (file != NULL, -1);
  g_return_val_if_fail (ctx != NULL, -1);
  g_return_val_if_fail (buffer != NULL || count == 0, -1);

  if (!begin (file, ctx, &call_read, file->ops->read != NULL, LEASH_CALLER, error))
    return -1;
  if (leash_attempt_check_count (count, error))
    n = count == 0 ? 0 : LEASH_FILE_CALL (file, read, ctx, buffer, count, error);
  end (file, &call_read, n >= 0, error);
  return n;
}

/**
 * leash_file_write:
 * @file: a file that was opened for writing or appending
 * @ctx: a context
 * @buffer: (array length=count) (element-type guint8): the bytes
 * @count: how many bytes to write; 0 writes nothing and succeeds
 * @error: return location for an error
 *
 * Writes at the position, which moves on; to the end when the file was opened for appending. Fewer bytes than
 * @count may be taken: call again with the rest.
 *
 * Returns: the number of bytes that were written, -1 with @error set
 *
 * Since: 0.1
 */
gssize
leash_file_write (LeashFile *file, LeashContext *ctx, const void *buffer, gsize count, GError **error)
{
  gssize n = -1;

  g_return_val_if_fail (file != NULL, -1);
  g_return_val_if_fail (ctx != NULL, -1);
  g_return_val_if_fail (buffer != NULL || count == 0, -1);

  if (!begin (file, ctx, &call_write, file->ops->write != NULL, LEASH_CALLER, error))
    return -1;
  if (leash_attempt_check_count (count, error))
    n = count == 0 ? 0 : LEASH_FILE_CALL (file, write, ctx, buffer, count, error);
  end (file, &call_write, n >= 0, error);
  return n;
}

/**
 * leash_file_pread:
 * @file: a file that was opened for reading
 * @ctx: a context
 * @buffer: (out caller-allocates) (array length=count) (element-type guint8): where the bytes go
 * @count: how many bytes to read at most
 * @offset: where to read, in bytes from the start
 * @error: return location for an error
 *
 * Reads at @offset, and leaves the position where it is.
 *
 * Returns: the number of bytes that were read, 0 at the end, -1 with @error set
 *
 * Since: 0.1
 */
gssize
leash_file_pread (LeashFile *file, LeashContext *ctx, void *buffer, gsize count, gint64 offset,
                  GError **error)
{
  gssize n = -1;

  g_return_val_if_fail (file != NULL, -1);
  g_return_val_if_fail (ctx != NULL, -1);
  g_return_val_if_fail (buffer != NULL || count == 0, -1);

  if (!begin (file, ctx, &call_read, file->ops->pread != NULL, LEASH_CALLER, error))
    return -1;
  if (leash_attempt_check_count (count, error) && check_offset (offset, "offset", error))
    n = count == 0 ? 0 : LEASH_FILE_CALL (file, pread, ctx, buffer, count, offset, error);
  end (file, &call_read, n >= 0, error);
  return n;
}

/**
 * leash_file_pwrite:
 * @file: a file that was opened for writing, and not for appending
 * @ctx: a context
 * @buffer: (array length=count) (element-type guint8): the bytes
 * @count: how many bytes to write
 * @offset: where to write, in bytes from the start
 * @error: return location for an error
 *
 * Writes at @offset, and leaves the position where it is. Fewer bytes than @count may be taken. A file that
 * was opened for appending refuses with %G_IO_ERROR_INVALID_ARGUMENT, for it would disregard @offset.
 *
 * Returns: the number of bytes that were written, -1 with @error set
 *
 * Since: 0.1
 */
gssize
leash_file_pwrite (LeashFile *file, LeashContext *ctx, const void *buffer, gsize count, gint64 offset,
                   GError **error)
{
  gssize n = -1;

  g_return_val_if_fail (file != NULL, -1);
  g_return_val_if_fail (ctx != NULL, -1);
  g_return_val_if_fail (buffer != NULL || count == 0, -1);

  if (!begin (file, ctx, &call_write, file->ops->pwrite != NULL, LEASH_CALLER, error))
    return -1;
  if (leash_attempt_check_count (count, error) && check_offset (offset, "offset", error)
      && check_not_append (file, error))
    n = count == 0 ? 0 : LEASH_FILE_CALL (file, pwrite, ctx, buffer, count, offset, error);
  end (file, &call_write, n >= 0, error);
  return n;
}

/**
 * leash_file_seek:
 * @file: a file
 * @offset: in bytes; negative ones go back from the position or the end
 * @whence: what @offset counts from
 * @error: return location for an error
 *
 * Moves the position. It may lie behind the end: a write there leaves a hole.
 *
 * Returns: the new position, in bytes from the start, -1 with @error set
 *
 * Since: 0.1
 */
gint64
leash_file_seek (LeashFile *file, gint64 offset, GSeekType whence, GError **error)
{
  gint64 position = -1;

  g_return_val_if_fail (file != NULL, -1);

  if (!begin (file, NULL, &call_seek, file->ops->seek != NULL, LEASH_CALLER, error))
    return -1;
  if (whence != G_SEEK_SET && whence != G_SEEK_CUR && whence != G_SEEK_END)
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, "%d is no GSeekType", (int) whence);
  else if (whence != G_SEEK_SET || check_offset (offset, "offset", error))
    position = file->ops->seek (file->handle.impl, offset, whence, error);
  end (file, &call_seek, position >= 0, error);
  return position;
}

/**
 * leash_file_stat:
 * @file: a file
 * @ctx: a context
 * @ret_stat: (out caller-allocates): what is known of the file
 * @error: return location for an error
 *
 * Tells of an open file, whatever its path names by now.
 *
 * Returns: %TRUE, or %FALSE with @error set
 *
 * Since: 0.1
 */
gboolean
leash_file_stat (LeashFile *file, LeashContext *ctx, LeashStat *ret_stat, GError **error)
{
  LeashStat stat = { 0 };
  gboolean done;

  g_return_val_if_fail (file != NULL, FALSE);
  g_return_val_if_fail (ctx != NULL, FALSE);
  g_return_val_if_fail (ret_stat != NULL, FALSE);

  if (!begin (file, ctx, &call_stat, file->ops->stat != NULL, LEASH_CALLER, error))
    return FALSE;
  done = file->ops->stat (file->handle.impl, ctx, &stat, error);
  end (file, &call_stat, done, error);
  if (done)
    *ret_stat = stat;
  return done;
}

/**
 * leash_file_truncate:
 * @file: a file that was opened for writing
 * @ctx: a context
 * @length: the new length, in bytes
 * @error: return location for an error
 *
 * Cuts a file off at @length, or lengthens it with zeros. The position stays where it is.
 *
 * Returns: %TRUE, or %FALSE with @error set
 *
 * Since: 0.1
 */
gboolean
leash_file_truncate (LeashFile *file, LeashContext *ctx, gint64 length, GError **error)
{
  gboolean done;

  g_return_val_if_fail (file != NULL, FALSE);
  g_return_val_if_fail (ctx != NULL, FALSE);

  if (!begin (file, ctx, &call_truncate, file->ops->truncate != NULL, LEASH_CALLER, error))
    return FALSE;
  done
      = check_offset (length, "length", error) && file->ops->truncate (file->handle.impl, ctx, length, error);
  end (file, &call_truncate, done, error);
  return done;
}

/**
 * leash_file_sync:
 * @file: a file
 * @ctx: a context
 * @error: return location for an error
 *
 * Waits until what was written is on the device. What has no device, a pipe, fails with
 * %G_IO_ERROR_NOT_SUPPORTED.
 *
 * Returns: %TRUE, or %FALSE with @error set
 *
 * Since: 0.1
 */
gboolean
leash_file_sync (LeashFile *file, LeashContext *ctx, GError **error)
{
  gboolean done;

  g_return_val_if_fail (file != NULL, FALSE);
  g_return_val_if_fail (ctx != NULL, FALSE);

  if (!begin (file, ctx, &call_sync, file->ops->sync != NULL, LEASH_CALLER, error))
    return FALSE;
  done = file->ops->sync (file->handle.impl, ctx, error);
  end (file, &call_sync, done, error);
  return done;
}

/**
 * leash_file_get_fd:
 * @file: a file
 *
 * Gets the file descriptor, for calls that Leash does not have. It stays the file's: do not close it, and do
 * not use it after leash_file_close().
 *
 * Returns: the descriptor, -1 when the file has none or is closed
 *
 * Since: 0.1
 */
int
leash_file_get_fd (LeashFile *file)
{
  g_return_val_if_fail (file != NULL, -1);

  return leash_handle_get_fd (&file->handle, file->ops->get_fd, LEASH_CALLER);
}

/**
 * leash_file_get_path:
 * @file: a file
 *
 * Gets the path that the file was opened by. A closed file has it still.
 *
 * Returns: (transfer none) (type filename): the path
 *
 * Since: 0.1
 */
const char *
leash_file_get_path (LeashFile *file)
{
  g_return_val_if_fail (file != NULL, NULL);

  return file->path;
}

/**
 * leash_file_get_flags:
 * @file: a file
 *
 * Tells what the file was opened for. A closed file tells it still.
 *
 * Returns: the flags; %LEASH_OPEN_APPEND comes with %LEASH_OPEN_WRITE
 *
 * Since: 0.1
 */
LeashOpenFlags
leash_file_get_flags (LeashFile *file)
{
  g_return_val_if_fail (file != NULL, 0);

  return file->flags;
}

/**
 * leash_file_get_tag: (skip)
 * @file: a file
 *
 * Gets the tag that the file is tracked by, to name it, to mark it as meant to stay open, or to track what
 * depends on it as its child. It is the file's to release.
 *
 * Returns: (transfer none) (nullable): the tag, %NULL when nothing tracks
 *
 * Since: 0.1
 */
LeashTag *
leash_file_get_tag (LeashFile *file)
{
  g_return_val_if_fail (file != NULL, NULL);

  return file->handle.tag;
}

/**
 * leash_file_is_closed:
 * @file: a file
 *
 * Tells whether leash_file_close() was called.
 *
 * Returns: %TRUE when it was
 *
 * Since: 0.1
 */
gboolean
leash_file_is_closed (LeashFile *file)
{
  g_return_val_if_fail (file != NULL, TRUE);

  return leash_use_is_closed (&file->handle.use);
}

/**
 * leash_file_close:
 * @file: a file
 * @error: return location for an error
 *
 * Closes a file. It is closed whatever this returns, and its references remain to be given back. A second
 * close fails with %G_IO_ERROR_CLOSED, and is reported as a misuse.
 *
 * May be called while other threads are in operations on the file: no further operation begins, those that
 * run go on to their end, and the last of them closes. This function does not wait for that and returns
 * %TRUE; what the close would have said is then lost. Who must know that the data arrived ends the writing
 * first, or calls leash_file_sync().
 *
 * Returns: %TRUE, or %FALSE with @error set when closing failed, and data may be lost
 *
 * Since: 0.1
 */
gboolean
leash_file_close (LeashFile *file, GError **error)
{
  g_return_val_if_fail (file != NULL, FALSE);

  if (LEASH_LIKELY (file->ops == &leash_fd_file_ops))
    return leash_handle_close_by (&file->handle, leash_fd_close, LEASH_CALLER, error);
  return leash_handle_close (&file->handle, LEASH_CALLER, error);
}
