/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The sub-tree. Where a file system can open a root, it is that: a directory that is held. Where it cannot,
 * paths are resolved here, name by name (leash-resolve.c), and the inner file system is asked for a path
 * without links or ".." in it, below the directory.
 *
 * What that does not guard against: somebody who changes the inner tree between the look and the use, and
 * puts a link where a directory was. Nor does the sub-tree follow its directory when that is renamed.
 * Refusing such file systems was the alternative; but those without roots are mostly those that nobody
 * changes: archives, unions, resources.
 */
#include "leash-wrap-fs-private.h"

#include <leash/leash-sub-fs.h>

#include <errno.h>

#include "leash-resolve-private.h"

typedef struct
{
  LeashWrapFs parent_instance;
  char *base; /* the directory's path on the inner file system; never changes */
} LeashSubFs;

typedef LeashWrapFsClass LeashSubFsClass;

/* What resolving a path is done with. */
typedef struct
{
  LeashSubFs *self;
  LeashContext *ctx;
} Lookup;

static GType leash_sub_fs_get_type (void);

G_DEFINE_FINAL_TYPE (LeashSubFs, leash_sub_fs, LEASH_TYPE_WRAP_FS)

/* The inner path of one in the sub-tree. */
static char *
join (LeashSubFs *self, const char *path, gboolean needs_dir)
{
  return g_strconcat (self->base, g_str_has_suffix (self->base, "/") ? "" : "/", path, needs_dir ? "/" : "",
                      NULL);
}

static gboolean
lookup_lstat (gpointer data, const char *path, LeashStat *ret_stat, GError **error)
{
  Lookup *lookup = data;
  LeashFs *inner = lookup->self->parent_instance.inner;
  g_autofree char *inner_path = join (lookup->self, path, FALSE);
  /* A file system that has no lstat has no links. */
  LeashFsOps op = (leash_fs_get_ops (inner) & LEASH_FS_OP_LSTAT) != 0 ? LEASH_FS_OP_LSTAT : LEASH_FS_OP_STAT;
  LeashFsCall call = { .op = op, .path = inner_path, .ret_stat = ret_stat };

  return leash_fs_call_perform (inner, lookup->ctx, &call, error);
}

static char *
lookup_readlink (gpointer data, const char *path, GError **error)
{
  Lookup *lookup = data;
  g_autofree char *inner_path = join (lookup->self, path, FALSE);
  LeashFsCall call = { .op = LEASH_FS_OP_READLINK, .path = inner_path };

  return leash_fs_call_perform (lookup->self->parent_instance.inner, lookup->ctx, &call, error) ? call.result
                                                                                                : NULL;
}

static gboolean
refuse_dots (const LeashFsCall *call, GError **error)
{
  if (call->op != LEASH_FS_OP_REMOVE && call->op != LEASH_FS_OP_RENAME)
    leash_attempt_set_errno (error, EEXIST);
  else
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                         "its last part is no name of its own");
  return FALSE;
}

/* Returns the inner path, NULL with the error set. */
static char *
resolve (LeashSubFs *self, LeashContext *ctx, const LeashFsCall *call, const char *path,
         LeashResolveMode mode, GError **error)
{
  Lookup lookup = { self, ctx };
  LeashResolver resolver = { .lstat = lookup_lstat, .readlink = lookup_readlink, .data = &lookup };
  g_autofree LeashResolved *found = g_new0 (LeashResolved, 1);
  g_autofree char *inner_path = NULL;

  if (!leash_resolve (&resolver, path, mode, found, error))
    return NULL;
  if (mode == LEASH_RESOLVE_PLACE && found->last != LEASH_LAST_NAME && !refuse_dots (call, error))
    return NULL;
  inner_path = join (self, found->path, found->needs_dir);
  return leash_fs_check_path (inner_path, error) ? g_steal_pointer (&inner_path) : NULL;
}

static LeashResolveMode
get_mode (const LeashFsCall *call)
{
  switch ((guint) call->op)
    {
    case LEASH_FS_OP_OPEN:
      return (call->flags & LEASH_OPEN_EXCLUSIVE) != 0 ? LEASH_RESOLVE_PLACE
             : (call->flags & LEASH_OPEN_CREATE) != 0  ? LEASH_RESOLVE_CREATE
                                                       : LEASH_RESOLVE_FOLLOW;
    case LEASH_FS_OP_MKDIR:
    case LEASH_FS_OP_REMOVE:
    case LEASH_FS_OP_RENAME:
    case LEASH_FS_OP_SYMLINK:
      return LEASH_RESOLVE_PLACE;
    case LEASH_FS_OP_LSTAT:
    case LEASH_FS_OP_READLINK:
    case LEASH_FS_OP_LINK:
      return LEASH_RESOLVE_NO_FOLLOW;
    default:
      return (call->flags & LEASH_PATH_NO_FOLLOW) != 0 ? LEASH_RESOLVE_NO_FOLLOW : LEASH_RESOLVE_FOLLOW;
    }
}

static gboolean
sub_around (LeashWrapFs *wrap, LeashContext *ctx, LeashFsCall *call, GError **error)
{
  LeashSubFs *self = (LeashSubFs *) wrap;
  g_autofree char *path = NULL;
  g_autofree char *target = NULL;
  LeashFsCall inner = *call;

  if (call->file != NULL || call->dir != NULL)
    return leash_fs_call_perform (wrap->inner, ctx, call, error);
  inner.path = path = resolve (self, ctx, call, call->path, get_mode (call), error);
  if (path == NULL)
    return FALSE;
  if (call->op == LEASH_FS_OP_RENAME || call->op == LEASH_FS_OP_LINK)
    {
      inner.target = target = resolve (self, ctx, call, call->target, LEASH_RESOLVE_PLACE, error);
      if (target == NULL)
        return FALSE;
    }
  if (!leash_fs_call_perform (wrap->inner, ctx, &inner, error))
    return FALSE;
  call->result = inner.result;
  return TRUE;
}

static void
leash_sub_fs_finalize (GObject *object)
{
  g_free (((LeashSubFs *) object)->base);
  G_OBJECT_CLASS (leash_sub_fs_parent_class)->finalize (object);
}

static void
leash_sub_fs_class_init (LeashSubFsClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = leash_sub_fs_finalize;
  klass->around = sub_around;
  klass->handles = LEASH_WRAP_NAMES;
}

static void
leash_sub_fs_init (LeashSubFs *self)
{
}

/* For a file system that opens no roots: base must be a directory of it. */
static LeashFs *
sub_fs_new_by_names (LeashFs *fs, const char *base, GError **error)
{
  LeashStat found = { 0 };
  LeashFsCall call = { .op = LEASH_FS_OP_STAT, .path = base, .ret_stat = &found };
  LeashSubFs *self;

  if (!leash_fs_call_perform (fs, leash_context_background (), &call, error))
    return NULL;
  if (found.type != G_FILE_TYPE_DIRECTORY)
    {
      leash_attempt_set_errno (error, ENOTDIR);
      return NULL;
    }
  self = g_object_new (leash_sub_fs_get_type (), NULL);
  self->base = g_strdup (base);
  return leash_wrap_fs_set_up ((LeashWrapFs *) self, fs, NULL);
}

/**
 * leash_sub_fs_new:
 * @fs: a file system
 * @path: (type filename): a directory of it
 * @error: return location for an error
 *
 * Makes a file system of a directory of another one. It is rooted, as one of leash_dir_fs_new(): paths are
 * relative, and whatever leads outside, a link among it, fails with %G_IO_ERROR_PERMISSION_DENIED.
 *
 * Where @fs can open a root (%LEASH_FS_OP_OPEN_ROOT), the directory is held, and nobody who changes the tree
 * can lead out of it. Where it cannot, paths are resolved before @fs is asked: somebody who puts a link into
 * the tree between the two is not guarded against, nor is a directory that is renamed followed.
 *
 * It is not tracked: leash_fs_open_root() is the same with a tracker and a context.
 *
 * Returns: (transfer full): the file system, %NULL with @error set
 *
 * Since: 0.1
 */
LeashFs *
leash_sub_fs_new (LeashFs *fs, const char *path, GError **error)
{
  LeashFsCall call = { .op = LEASH_FS_OP_OPEN_ROOT, .path = path };
  LeashFs *sub = NULL;

  g_return_val_if_fail (LEASH_IS_FS (fs), NULL);
  g_return_val_if_fail (path != NULL, NULL);

  if (leash_fs_check_path (path, error))
    {
      if ((leash_fs_get_ops (fs) & LEASH_FS_OP_OPEN_ROOT) == 0)
        sub = sub_fs_new_by_names (fs, path, error);
      else if (leash_fs_call_perform (fs, leash_context_background (), &call, error))
        sub = call.result;
    }
  if (sub == NULL)
    leash_fs_call_prefix (&call, error);
  return sub;
}
