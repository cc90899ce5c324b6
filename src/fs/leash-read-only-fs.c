/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The read-only file system. What it answers is what Linux answers on a read-only mount: first what is wrong
 * with the path, as far as the kernel looks before it asks whether it may write, and then EROFS. So a program
 * that tells "not there" from "not allowed" by the error goes the same way.
 *
 * To look and then to refuse is no race that lets anything through: what is refused is refused whatever was
 * seen. Only devices and FIFOs are opened for writing, for they are no part of the file system, and what was
 * opened is looked at again.
 */
#include "leash-wrap-fs-private.h"

#include <leash/leash-read-only-fs.h>

#include <errno.h>
#include <string.h>

#define WRITING_OPS                                                                                     \
  (LEASH_FS_OP_MKDIR | LEASH_FS_OP_REMOVE | LEASH_FS_OP_RENAME | LEASH_FS_OP_LINK | LEASH_FS_OP_SYMLINK \
   | LEASH_FS_OP_TRUNCATE | LEASH_FS_OP_CHMOD | LEASH_FS_OP_CHOWN | LEASH_FS_OP_SET_TIMES)

#define WRITING_FEATURES                                                            \
  (LEASH_FS_FEATURE_WRITE | LEASH_FS_FEATURE_NO_REPLACE | LEASH_FS_FEATURE_EXCHANGE \
   | LEASH_FS_FEATURE_ATOMIC_RENAME)

typedef LeashWrapFs LeashReadOnlyFs;
typedef LeashWrapFsClass LeashReadOnlyFsClass;

static GType leash_read_only_fs_get_type (void);

G_DEFINE_FINAL_TYPE (LeashReadOnlyFs, leash_read_only_fs, LEASH_TYPE_WRAP_FS)

static gboolean
fail (int code, GError **error)
{
  leash_attempt_set_errno (error, code);
  return FALSE;
}

/* Where a file system cannot tell, nothing is known to be wrong: ret_stat stays as it is. */
static gboolean
look (LeashWrapFs *self, LeashContext *ctx, LeashFsOps op, const char *path, LeashStat *ret_stat,
      GError **error)
{
  LeashFsCall call = { .op = op, .path = path, .ret_stat = ret_stat };
  GError *failure = NULL;

  if (leash_fs_call_perform (self->inner, ctx, &call, &failure))
    return TRUE;
  if (g_error_matches (failure, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED))
    {
      g_error_free (failure);
      return TRUE;
    }
  g_propagate_error (error, failure);
  return FALSE;
}

/* The directory that the last name of path is in must be there. */
static gboolean
check_parent (LeashWrapFs *self, LeashContext *ctx, const char *path, GError **error)
{
  g_autofree char *parent = g_strdup (path);
  gsize length = strlen (parent);
  LeashStat found = { .type = G_FILE_TYPE_DIRECTORY };

  while (length > 1 && parent[length - 1] == '/')
    length--;
  while (length > 0 && parent[length - 1] != '/')
    length--;
  parent[length] = '\0';
  if (!look (self, ctx, LEASH_FS_OP_STAT, length > 0 ? parent : ".", &found, error))
    return FALSE;
  return found.type == G_FILE_TYPE_DIRECTORY || fail (ENOTDIR, error);
}

/* Refuses what would act on a name in a directory. */
static gboolean
refuse_in_parent (LeashWrapFs *self, LeashContext *ctx, const char *path, GError **error)
{
  return check_parent (self, ctx, path, error) && fail (EROFS, error);
}

static gboolean
has_slash (const char *path)
{
  return g_str_has_suffix (path, "/");
}

/* Refuses to make something: it may be there already, also where a slash asks for a directory. */
static gboolean
refuse_new (LeashWrapFs *self, LeashContext *ctx, const LeashFsCall *call, const char *path, GError **error)
{
  g_autofree char *bare = g_strdup (path);
  LeashStat found = { .type = G_FILE_TYPE_UNKNOWN };
  GError *missing = NULL;

  for (gsize length = strlen (bare); length > 1 && bare[length - 1] == '/'; length--)
    bare[length - 1] = '\0';
  if (look (self, ctx, LEASH_FS_OP_LSTAT, bare, &found, &missing))
    return fail (found.type == G_FILE_TYPE_UNKNOWN ? EROFS : EEXIST, error);
  if (!g_error_matches (missing, G_IO_ERROR, G_IO_ERROR_NOT_FOUND))
    {
      g_propagate_error (error, missing);
      return FALSE;
    }
  g_error_free (missing);
  if (call->op != LEASH_FS_OP_MKDIR && has_slash (path))
    return check_parent (self, ctx, path, error) && fail (ENOENT, error);
  return refuse_in_parent (self, ctx, path, error);
}

/* Refuses to change something, which must be there. */
static gboolean
refuse_change (LeashWrapFs *self, LeashContext *ctx, const LeashFsCall *call, GError **error)
{
  gboolean follows = (call->flags & LEASH_PATH_NO_FOLLOW) == 0;
  LeashStat found = { .type = G_FILE_TYPE_UNKNOWN };

  if (!look (self, ctx, follows ? LEASH_FS_OP_STAT : LEASH_FS_OP_LSTAT, call->path, &found, error))
    return FALSE;
  return fail (call->op == LEASH_FS_OP_TRUNCATE && found.type == G_FILE_TYPE_DIRECTORY ? EISDIR : EROFS,
               error);
}

static gboolean
is_special (LeashContext *ctx, LeashFile *file)
{
  LeashStat found = { .type = G_FILE_TYPE_UNKNOWN };
  LeashFsCall call = { .op = LEASH_FS_OP_FILE_STAT, .file = file, .ret_stat = &found };

  return leash_fs_call_perform (NULL, ctx, &call, NULL) && found.type == G_FILE_TYPE_SPECIAL;
}

/* Opens what is there already, in ways that do not change it. */
static gboolean
open_as_is (LeashWrapFs *self, LeashContext *ctx, LeashFsCall *call, gboolean writes, GError **error)
{
  LeashFsCall changed = *call;

  changed.flags &= ~(guint) (LEASH_OPEN_CREATE | LEASH_OPEN_TRUNCATE);
  if (!leash_fs_call_perform (self->inner, ctx, &changed, error))
    return FALSE;
  call->result = changed.result;
  if (!writes || is_special (ctx, call->result))
    return TRUE;
  leash_file_unref (call->result);
  return fail (EROFS, error);
}

static gboolean
open_file (LeashWrapFs *self, LeashContext *ctx, LeashFsCall *call, GError **error)
{
  gboolean creates = (call->flags & LEASH_OPEN_CREATE) != 0;
  gboolean writes = (call->flags & (LEASH_OPEN_WRITE | LEASH_OPEN_APPEND)) != 0;
  LeashStat found = { .type = G_FILE_TYPE_UNKNOWN };
  GError *missing = NULL;

  if (!creates && !writes)
    return leash_fs_call_perform (self->inner, ctx, call, error);
  if (creates && has_slash (call->path))
    return check_parent (self, ctx, call->path, error) && fail (EISDIR, error);
  if ((call->flags & LEASH_OPEN_EXCLUSIVE) != 0)
    return refuse_new (self, ctx, call, call->path, error);
  if (!look (self, ctx, LEASH_FS_OP_STAT, call->path, &found, &missing))
    {
      gboolean refuses = creates && g_error_matches (missing, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);

      if (!refuses)
        g_propagate_error (error, missing);
      else
        g_error_free (missing);
      return refuses && refuse_in_parent (self, ctx, call->path, error);
    }
  if (found.type == G_FILE_TYPE_DIRECTORY)
    return fail (EISDIR, error);
  if (writes && found.type != G_FILE_TYPE_SPECIAL)
    return fail (EROFS, error);
  return open_as_is (self, ctx, call, writes, error);
}

static gboolean
read_only_around (LeashWrapFs *self, LeashContext *ctx, LeashFsCall *call, GError **error)
{
  switch (call->op)
    {
    case LEASH_FS_OP_OPEN:
      return open_file (self, ctx, call, error);
    case LEASH_FS_OP_REMOVE:
      return refuse_in_parent (self, ctx, call->path, error);
    case LEASH_FS_OP_RENAME:
      return check_parent (self, ctx, call->path, error) && refuse_in_parent (self, ctx, call->target, error);
    case LEASH_FS_OP_MKDIR:
    case LEASH_FS_OP_SYMLINK:
      return refuse_new (self, ctx, call, call->path, error);
    case LEASH_FS_OP_LINK:
      return look (self, ctx, LEASH_FS_OP_LSTAT, call->path, &(LeashStat){ 0 }, error)
             && refuse_new (self, ctx, call, call->target, error);
    case LEASH_FS_OP_TRUNCATE:
    case LEASH_FS_OP_CHMOD:
    case LEASH_FS_OP_CHOWN:
    case LEASH_FS_OP_SET_TIMES:
      return refuse_change (self, ctx, call, error);
    case LEASH_FS_OP_STATFS:
      return leash_fs_call_perform (self->inner, ctx, call, error) && (call->ret_statfs->is_read_only = TRUE);
    default:
      return leash_fs_call_perform (self->inner, ctx, call, error);
    }
}

static void
leash_read_only_fs_class_init (LeashReadOnlyFsClass *klass)
{
  klass->around = read_only_around;
  klass->handles = LEASH_WRAP_NOTHING;
  klass->no_ops = WRITING_OPS;
  klass->no_features = WRITING_FEATURES;
}

static void
leash_read_only_fs_init (LeashReadOnlyFs *self)
{
}

/**
 * leash_read_only_fs_new:
 * @fs: a file system
 *
 * Makes a file system that shows another one and cannot change it. What would change something fails with
 * %G_IO_ERROR_READ_ONLY, as on a read-only mount of Linux; so does opening for writing, but for devices and
 * FIFOs, which are no part of it. leash_fs_statfs() tells that it is read-only, and what leash_fs_open_root()
 * returns is read-only too.
 *
 * Files keep their descriptors: they are open for reading, but the kernel lets who has one change the file's
 * mode. It is a guard against mistakes and not against somebody who means it.
 *
 * Returns: (transfer full): the file system, which holds a reference to @fs
 *
 * Since: 0.1
 */
LeashFs *
leash_read_only_fs_new (LeashFs *fs)
{
  g_return_val_if_fail (LEASH_IS_FS (fs), NULL);

  return leash_wrap_fs_set_up (g_object_new (leash_read_only_fs_get_type (), NULL), fs, NULL);
}
