/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Open files and directories that stand before those of an inner file system. The outer handle is what the
 * program has: it is tracked, checks arguments, and is guarded against use after close. The inner one is ours
 * alone, so its operations are called without its guard, and its errors come without a prefix.
 *
 * Closing and seeking have no context. They get one that nothing ends, on the clock that the file was opened
 * under, so that a delay is in the time of who tests it.
 */
#include "leash-wrap-fs-private.h"

#include "leash-context-private.h"
#include "leash-dir-private.h"
#include "leash-file-private.h"

/* What both kinds of handles have for their implementation. Never changes. */
typedef struct
{
  LeashWrapFs *fs;   /* a reference */
  LeashContext *ctx; /* for what comes without one */
  char *name;        /* from the outermost root */
  LeashFile *file;   /* owned; NULL for a directory */
  LeashDir *dir;     /* owned; NULL for a file */
} Wrapped;

static Wrapped *
wrapped_new (LeashWrapFs *fs, LeashContext *ctx, const LeashFsCall *call, LeashFile *file, LeashDir *dir)
{
  Wrapped *self = g_new (Wrapped, 1);

  self->fs = g_object_ref (fs);
  self->ctx = leash_context_with_clock (leash_context_background (), leash_context_get_clock (ctx));
  self->name = g_strdup (call->name);
  self->file = file;
  self->dir = dir;
  return self;
}

static void
wrapped_free (gpointer impl)
{
  Wrapped *self = impl;

  leash_file_unref (self->file);
  leash_dir_unref (self->dir);
  leash_context_unref (self->ctx);
  g_object_unref (self->fs);
  g_free (self->name);
  g_free (self);
}

static gboolean
run (Wrapped *self, LeashContext *ctx, LeashFsCall *call, GError **error)
{
  LeashWrapFsClass *klass = G_TYPE_INSTANCE_GET_CLASS (self->fs, LEASH_TYPE_WRAP_FS, LeashWrapFsClass);

  call->path = self->name;
  call->name = self->name;
  call->file = self->file;
  call->dir = self->dir;
  return klass->around (self->fs, ctx != NULL ? ctx : self->ctx, call, error);
}

static gssize
transfer (Wrapped *self, LeashContext *ctx, LeashFsOps op, void *buffer, gsize count, gint64 offset,
          GError **error)
{
  LeashFsCall call = { .op = op, .buffer = buffer, .count = count, .offset = offset };

  return run (self, ctx, &call, error) ? (gssize) call.number : -1;
}

static gssize
wrapped_read (gpointer impl, LeashContext *ctx, void *buffer, gsize count, GError **error)
{
  return transfer (impl, ctx, LEASH_FS_OP_READ, buffer, count, -1, error);
}

static gssize
wrapped_write (gpointer impl, LeashContext *ctx, const void *buffer, gsize count, GError **error)
{
  return transfer (impl, ctx, LEASH_FS_OP_WRITE, (void *) buffer, count, -1, error);
}

static gssize
wrapped_pread (gpointer impl, LeashContext *ctx, void *buffer, gsize count, gint64 offset, GError **error)
{
  return transfer (impl, ctx, LEASH_FS_OP_READ, buffer, count, offset, error);
}

static gssize
wrapped_pwrite (gpointer impl, LeashContext *ctx, const void *buffer, gsize count, gint64 offset,
                GError **error)
{
  return transfer (impl, ctx, LEASH_FS_OP_WRITE, (void *) buffer, count, offset, error);
}

static gint64
wrapped_seek (gpointer impl, gint64 offset, GSeekType whence, GError **error)
{
  LeashFsCall call = { .op = LEASH_FS_OP_SEEK, .offset = offset, .whence = whence };

  return run (impl, NULL, &call, error) ? call.number : -1;
}

static gboolean
wrapped_stat (gpointer impl, LeashContext *ctx, LeashStat *ret_stat, GError **error)
{
  LeashFsCall call = { .op = LEASH_FS_OP_FILE_STAT, .ret_stat = ret_stat };

  return run (impl, ctx, &call, error);
}

static gboolean
wrapped_truncate (gpointer impl, LeashContext *ctx, gint64 length, GError **error)
{
  LeashFsCall call = { .op = LEASH_FS_OP_FILE_TRUNCATE, .length = length };

  return run (impl, ctx, &call, error);
}

static gboolean
wrapped_sync (gpointer impl, LeashContext *ctx, GError **error)
{
  LeashFsCall call = { .op = LEASH_FS_OP_SYNC };

  return run (impl, ctx, &call, error);
}

static gboolean
wrapped_close (gpointer impl, GError **error)
{
  LeashFsCall call = { .op = LEASH_FS_OP_CLOSE };

  return run (impl, NULL, &call, error);
}

static int
wrapped_get_fd (gpointer impl)
{
  LeashFile *inner = ((Wrapped *) impl)->file;

  return inner->ops->get_fd != NULL ? inner->ops->get_fd (inner->handle.impl) : -1;
}

#define FILE_OPS                                                                                       \
  .size = sizeof (LeashFileOps), .read = wrapped_read, .write = wrapped_write, .pread = wrapped_pread, \
  .pwrite = wrapped_pwrite, .seek = wrapped_seek, .stat = wrapped_stat, .truncate = wrapped_truncate,  \
  .sync = wrapped_sync, .close = wrapped_close

static const LeashFileOps file_ops = { FILE_OPS };
static const LeashFileOps file_ops_with_fd = { FILE_OPS, .get_fd = wrapped_get_fd };

static gboolean
wrapped_next (gpointer impl, LeashContext *ctx, LeashDirEntry *ret_entry, GError **error)
{
  LeashFsCall call = { .op = LEASH_FS_OP_NEXT, .ret_entry = ret_entry };

  return run (impl, ctx, &call, error) && ret_entry->name != NULL;
}

static gboolean
wrapped_close_dir (gpointer impl, GError **error)
{
  LeashFsCall call = { .op = LEASH_FS_OP_CLOSE_DIR };

  return run (impl, NULL, &call, error);
}

static int
wrapped_get_dir_fd (gpointer impl)
{
  LeashDir *inner = ((Wrapped *) impl)->dir;

  return inner->ops->get_fd != NULL ? inner->ops->get_fd (inner->handle.impl) : -1;
}

#define DIR_OPS .size = sizeof (LeashDirOps), .next = wrapped_next, .close = wrapped_close_dir

static const LeashDirOps dir_ops = { DIR_OPS };
static const LeashDirOps dir_ops_with_fd = { DIR_OPS, .get_fd = wrapped_get_dir_fd };

static gboolean
has_fd (LeashWrapFs *fs)
{
  return G_TYPE_INSTANCE_GET_CLASS (fs, LEASH_TYPE_WRAP_FS, LeashWrapFsClass)->handles == LEASH_WRAP_NAMES;
}

LeashFile *
leash_wrap_file_new (LeashWrapFs *fs, LeashContext *ctx, const LeashFsCall *call, LeashFile *inner)
{
  const LeashFileOps *ops = has_fd (fs) ? &file_ops_with_fd : &file_ops;
  LeashFile *file = leash_file_new (ops, wrapped_new (fs, ctx, call, inner, NULL), wrapped_free, call->path,
                                    inner->flags);

  leash_handle_stand_before (&file->handle, &inner->handle, inner->ops->get_fd);
  return file;
}

LeashDir *
leash_wrap_dir_new (LeashWrapFs *fs, LeashContext *ctx, const LeashFsCall *call, LeashDir *inner)
{
  const LeashDirOps *ops = has_fd (fs) ? &dir_ops_with_fd : &dir_ops;
  LeashDir *dir = leash_dir_new (ops, wrapped_new (fs, ctx, call, NULL, inner), wrapped_free, call->path);

  leash_handle_stand_before (&dir->handle, &inner->handle, inner->ops->get_fd);
  return dir;
}
