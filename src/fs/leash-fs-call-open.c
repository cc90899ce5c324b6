/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Calls on what is open. The handle is one that another stands before: it has no user but the caller, which
 * has checked the arguments, so that its operations are called directly.
 */
#include "leash-fs-call-private.h"

#include "leash-dir-private.h"
#include "leash-file-private.h"

static gboolean
refuse (GError **error)
{
  g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED, "its file system cannot do that");
  return FALSE;
}

static gboolean
perform_read (const LeashFileOps *ops, gpointer impl, LeashContext *ctx, LeashFsCall *c, GError **error)
{
  if (c->offset >= 0)
    return ops->pread == NULL
               ? refuse (error)
               : (c->number = ops->pread (impl, ctx, c->buffer, c->count, c->offset, error)) >= 0;
  return ops->read == NULL ? refuse (error)
                           : (c->number = ops->read (impl, ctx, c->buffer, c->count, error)) >= 0;
}

static gboolean
perform_write (const LeashFileOps *ops, gpointer impl, LeashContext *ctx, LeashFsCall *c, GError **error)
{
  if (c->offset >= 0)
    return ops->pwrite == NULL
               ? refuse (error)
               : (c->number = ops->pwrite (impl, ctx, c->buffer, c->count, c->offset, error)) >= 0;
  return ops->write == NULL ? refuse (error)
                            : (c->number = ops->write (impl, ctx, c->buffer, c->count, error)) >= 0;
}

static gboolean
perform_on_file (LeashContext *ctx, LeashFsCall *c, GError **error)
{
  const LeashFileOps *ops = c->file->ops;
  gpointer impl = c->file->handle.impl;

  switch (c->op)
    {
    case LEASH_FS_OP_READ:
      return perform_read (ops, impl, ctx, c, error);
    case LEASH_FS_OP_WRITE:
      return perform_write (ops, impl, ctx, c, error);
    case LEASH_FS_OP_SEEK:
      return ops->seek == NULL ? refuse (error)
                               : (c->number = ops->seek (impl, c->offset, c->whence, error)) >= 0;
    case LEASH_FS_OP_FILE_STAT:
      return ops->stat == NULL ? refuse (error) : ops->stat (impl, ctx, c->ret_stat, error);
    case LEASH_FS_OP_FILE_TRUNCATE:
      return ops->truncate == NULL ? refuse (error) : ops->truncate (impl, ctx, c->length, error);
    case LEASH_FS_OP_SYNC:
      return ops->sync == NULL ? refuse (error) : ops->sync (impl, ctx, error);
    case LEASH_FS_OP_CLOSE:
      return leash_handle_close_bare (&c->file->handle, error);
    default:
      g_assert_not_reached ();
    }
}

static gboolean
perform_on_dir (LeashContext *ctx, LeashFsCall *c, GError **error)
{
  g_autoptr (GError) failure = NULL;

  if (c->op == LEASH_FS_OP_CLOSE_DIR)
    return leash_handle_close_bare (&c->dir->handle, error);
  *c->ret_entry = (LeashDirEntry){ 0 };
  if (c->dir->ops->next (c->dir->handle.impl, ctx, c->ret_entry, &failure))
    return TRUE;
  /* The end is no failure. */
  c->ret_entry->name = NULL;
  if (failure == NULL)
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&failure));
  return FALSE;
}

gboolean
leash_fs_call_perform_open (LeashContext *ctx, LeashFsCall *call, GError **error)
{
  return call->file != NULL ? perform_on_file (ctx, call, error) : perform_on_dir (ctx, call, error);
}
