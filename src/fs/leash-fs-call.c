/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Operations as values: how each is called, and what its errors begin with. */
#include "leash-fs-call-private.h"

/* By the number of the operation's bit. What is done with open files and directories has a name only. */
static const struct
{
  const char *name;
  gsize offset;      /* of the function in LeashFsInterface */
  const char *doing; /* begins the error */
  const char *joint; /* stands before the target */
} ops[] = {
  { "open", G_STRUCT_OFFSET (LeashFsInterface, open), "Opening", NULL },
  { "open_dir", G_STRUCT_OFFSET (LeashFsInterface, open_dir), "Opening the directory", NULL },
  { "stat", G_STRUCT_OFFSET (LeashFsInterface, stat), "Looking up", NULL },
  { "lstat", G_STRUCT_OFFSET (LeashFsInterface, lstat), "Looking up", NULL },
  { "mkdir", G_STRUCT_OFFSET (LeashFsInterface, mkdir), "Making the directory", NULL },
  { "remove", G_STRUCT_OFFSET (LeashFsInterface, remove), "Removing", NULL },
  { "rename", G_STRUCT_OFFSET (LeashFsInterface, rename), "Renaming", "to" },
  { "link", G_STRUCT_OFFSET (LeashFsInterface, link), "Linking", "as" },
  { "symlink", G_STRUCT_OFFSET (LeashFsInterface, symlink), "Making the symbolic link", "to" },
  { "readlink", G_STRUCT_OFFSET (LeashFsInterface, readlink), "Reading the symbolic link", NULL },
  { "truncate", G_STRUCT_OFFSET (LeashFsInterface, truncate), "Truncating", NULL },
  { "chmod", G_STRUCT_OFFSET (LeashFsInterface, chmod), "Changing the mode of", NULL },
  { "chown", G_STRUCT_OFFSET (LeashFsInterface, chown), "Changing the owner of", NULL },
  { "set_times", G_STRUCT_OFFSET (LeashFsInterface, set_times), "Setting the times of", NULL },
  { "statfs", G_STRUCT_OFFSET (LeashFsInterface, statfs), "Looking up the file system of", NULL },
  { "open_root", G_STRUCT_OFFSET (LeashFsInterface, open_root), "Opening the root", NULL },
  { .name = "read" },
  { .name = "write" },
  { .name = "seek" },
  { .name = "file_stat" },
  { .name = "file_truncate" },
  { .name = "sync" },
  { .name = "close" },
  { .name = "next" },
  { .name = "close_dir" },
};

G_STATIC_ASSERT (LEASH_FS_OPS_ALL == (1 << G_N_ELEMENTS (ops)) - 1);

static guint
index_of (LeashFsOps op)
{
  g_assert (op != 0 && ((guint) op & ((guint) op - 1)) == 0 && op <= LEASH_FS_OP_CLOSE_DIR);
  return (guint) __builtin_ctz ((guint) op);
}

const char *
leash_fs_op_to_string (LeashFsOps op)
{
  return ops[index_of (op)].name;
}

void
leash_fs_call_prefix (const LeashFsCall *call, GError **error)
{
  guint i = index_of (call->op);

  if (call->target != NULL)
    leash_attempt_prefix_two (error, ops[i].doing, call->path, ops[i].joint, call->target);
  else
    leash_attempt_prefix (error, ops[i].doing, call->path);
}

static gboolean
has_op (const LeashFsInterface *iface, guint i)
{
  return iface->version >= 1 && G_STRUCT_MEMBER (gpointer, iface, ops[i].offset) != NULL;
}

static gboolean
refuse (LeashFs *fs, LeashFsOps op, GError **error)
{
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED, "the file system %s has no operation “%s”",
               G_OBJECT_TYPE_NAME (fs), leash_fs_op_to_string (op));
  return FALSE;
}

/* The operations that tell no more than whether they succeeded. */
static gboolean
perform_change (LeashFs *fs, const LeashFsInterface *iface, LeashContext *ctx, LeashFsCall *c, GError **error)
{
  switch (c->op)
    {
    case LEASH_FS_OP_MKDIR:
      return iface->mkdir (fs, ctx, c->path, c->mode, error);
    case LEASH_FS_OP_REMOVE:
      return iface->remove (fs, ctx, c->path, error);
    case LEASH_FS_OP_RENAME:
      return iface->rename (fs, ctx, c->path, c->target, c->flags, error);
    case LEASH_FS_OP_LINK:
      return iface->link (fs, ctx, c->path, c->target, error);
    case LEASH_FS_OP_SYMLINK:
      return iface->symlink (fs, ctx, c->target, c->path, error);
    case LEASH_FS_OP_TRUNCATE:
      return iface->truncate (fs, ctx, c->path, c->length, error);
    case LEASH_FS_OP_CHMOD:
      return iface->chmod (fs, ctx, c->path, c->mode, error);
    case LEASH_FS_OP_CHOWN:
      return iface->chown (fs, ctx, c->path, c->uid, c->gid, c->flags, error);
    case LEASH_FS_OP_SET_TIMES:
      return iface->set_times (fs, ctx, c->path, c->atime_ns, c->mtime_ns, c->flags, error);
    default:
      g_assert_not_reached ();
    }
}

gboolean
leash_fs_call_perform (LeashFs *fs, LeashContext *ctx, LeashFsCall *c, GError **error)
{
  const LeashFsInterface *iface;

  if (c->file != NULL || c->dir != NULL)
    return leash_fs_call_perform_open (ctx, c, error);
  iface = LEASH_FS_GET_IFACE (fs);
  if (!has_op (iface, index_of (c->op)))
    return refuse (fs, c->op, error);
  switch (c->op)
    {
    case LEASH_FS_OP_OPEN:
      return (c->result = iface->open (fs, ctx, c->path, c->flags, c->mode, error)) != NULL;
    case LEASH_FS_OP_OPEN_DIR:
      return (c->result = iface->open_dir (fs, ctx, c->path, error)) != NULL;
    case LEASH_FS_OP_OPEN_ROOT:
      return (c->result = iface->open_root (fs, ctx, c->path, c->flags, error)) != NULL;
    case LEASH_FS_OP_READLINK:
      return (c->result = iface->readlink (fs, ctx, c->path, error)) != NULL;
    case LEASH_FS_OP_STAT:
      return iface->stat (fs, ctx, c->path, c->ret_stat, error);
    case LEASH_FS_OP_LSTAT:
      return iface->lstat (fs, ctx, c->path, c->ret_stat, error);
    case LEASH_FS_OP_STATFS:
      return iface->statfs (fs, ctx, c->path, c->ret_statfs, error);
    default:
      return perform_change (fs, iface, ctx, c, error);
    }
}

/**
 * leash_fs_get_ops:
 * @fs: a file system
 *
 * Tells which operations on paths a file system has. The others fail with %G_IO_ERROR_NOT_SUPPORTED. Whether
 * one that it has succeeds depends on the path, and on who calls.
 *
 * Returns: a subset of %LEASH_FS_OPS_ON_PATHS
 *
 * Since: 0.1
 */
LeashFsOps
leash_fs_get_ops (LeashFs *fs)
{
  const LeashFsInterface *iface;
  guint has = 0;

  g_return_val_if_fail (LEASH_IS_FS (fs), 0);

  iface = LEASH_FS_GET_IFACE (fs);
  for (guint i = 0; 1 << i < LEASH_FS_OPS_ON_PATHS; i++)
    has |= has_op (iface, i) ? 1u << i : 0;
  if (iface->version >= 1 && iface->get_ops != NULL)
    has &= iface->get_ops (fs);
  return has;
}

/**
 * leash_fs_get_features:
 * @fs: a file system
 *
 * Tells what holds for a file system beside the operations that it has.
 *
 * Returns: its features
 *
 * Since: 0.1
 */
LeashFsFeatures
leash_fs_get_features (LeashFs *fs)
{
  const LeashFsInterface *iface;

  g_return_val_if_fail (LEASH_IS_FS (fs), 0);

  iface = LEASH_FS_GET_IFACE (fs);
  return iface->version >= 1 && iface->get_features != NULL ? iface->get_features (fs) : 0;
}
