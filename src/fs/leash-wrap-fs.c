/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The base of file systems that stand before one other: each function of the interface makes a call of what
 * it was asked, and run() gives it to around(). What comes back is made to lead through around() as well:
 * open files and directories get a handle that stands before the inner one (leash-wrap-handle.c), and a root
 * within gets a file system of the same kind.
 *
 * A root within has paths of its own. So that rules and messages speak of one tree, each knows the path that
 * it was opened by, and a call carries its path from the outermost root beside the one that the inner file
 * system is asked for.
 *
 * A table of function pointers for each kind, one for each operation, was the alternative: 25 functions in
 * each of four files, for what is the same in all.
 */
#include "leash-wrap-fs-private.h"

static void leash_wrap_fs_init_iface (LeashFsInterface *iface);

G_DEFINE_ABSTRACT_TYPE_WITH_CODE (LeashWrapFs, leash_wrap_fs, G_TYPE_OBJECT,
                                  G_IMPLEMENT_INTERFACE (LEASH_TYPE_FS, leash_wrap_fs_init_iface))

static LeashWrapFsClass *
get_class (gpointer self)
{
  return G_TYPE_INSTANCE_GET_CLASS (self, LEASH_TYPE_WRAP_FS, LeashWrapFsClass);
}

static void
leash_wrap_fs_finalize (GObject *object)
{
  LeashWrapFs *self = (LeashWrapFs *) object;

  g_clear_object (&self->inner);
  g_free (self->prefix);
  G_OBJECT_CLASS (leash_wrap_fs_parent_class)->finalize (object);
}

static void
leash_wrap_fs_class_init (LeashWrapFsClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = leash_wrap_fs_finalize;
}

static void
leash_wrap_fs_init (LeashWrapFs *self)
{
}

LeashFs *
leash_wrap_fs_set_up (LeashWrapFs *self, LeashFs *inner, const char *prefix)
{
  self->inner = g_object_ref (inner);
  self->prefix = g_strdup (prefix);
  return (LeashFs *) self;
}

static LeashFs *
wrap_root (LeashWrapFs *self, const LeashFsCall *call, LeashFs *inner)
{
  LeashWrapFsClass *klass = get_class (self);
  LeashWrapFs *root
      = klass->new_root != NULL ? klass->new_root (self) : g_object_new (G_OBJECT_TYPE (self), NULL);

  leash_wrap_fs_set_up (root, inner, call->name);
  g_object_unref (inner);
  return (LeashFs *) root;
}

/* Puts what the inner file system opened behind a handle of ours. */
static gpointer
wrap_result (LeashWrapFs *self, LeashContext *ctx, const LeashFsCall *call)
{
  gboolean wraps = get_class (self)->handles != LEASH_WRAP_NOTHING;

  if (call->op == LEASH_FS_OP_OPEN_ROOT)
    return wrap_root (self, call, call->result);
  if (call->op == LEASH_FS_OP_OPEN && wraps)
    return leash_wrap_file_new (self, ctx, call, call->result);
  if (call->op == LEASH_FS_OP_OPEN_DIR && wraps)
    return leash_wrap_dir_new (self, ctx, call, call->result);
  return call->result;
}

static char *
name_of (LeashWrapFs *self, const char *path)
{
  return self->prefix != NULL ? g_build_path ("/", self->prefix, path, NULL) : NULL;
}

static gboolean
run (LeashFs *fs, LeashContext *ctx, LeashFsCall *call, GError **error)
{
  LeashWrapFs *self = (LeashWrapFs *) fs;
  gboolean names_two = call->op == LEASH_FS_OP_RENAME || call->op == LEASH_FS_OP_LINK;
  g_autofree char *name = name_of (self, call->path);
  g_autofree char *target_name = names_two ? name_of (self, call->target) : NULL;

  call->name = name != NULL ? name : call->path;
  call->target_name = target_name != NULL ? target_name : names_two ? call->target : NULL;
  if (!get_class (self)->around (self, ctx, call, error))
    return FALSE;
  call->result = wrap_result (self, ctx, call);
  return TRUE;
}

static LeashFile *
wrap_fs_open (LeashFs *fs, LeashContext *ctx, const char *path, LeashOpenFlags flags, guint mode,
              GError **error)
{
  LeashFsCall call = { .op = LEASH_FS_OP_OPEN, .path = path, .flags = flags, .mode = mode };

  return run (fs, ctx, &call, error) ? call.result : NULL;
}

static LeashDir *
wrap_fs_open_dir (LeashFs *fs, LeashContext *ctx, const char *path, GError **error)
{
  LeashFsCall call = { .op = LEASH_FS_OP_OPEN_DIR, .path = path };

  return run (fs, ctx, &call, error) ? call.result : NULL;
}

static gboolean
wrap_fs_stat (LeashFs *fs, LeashContext *ctx, const char *path, LeashStat *ret_stat, GError **error)
{
  LeashFsCall call = { .op = LEASH_FS_OP_STAT, .path = path, .ret_stat = ret_stat };

  return run (fs, ctx, &call, error);
}

static gboolean
wrap_fs_lstat (LeashFs *fs, LeashContext *ctx, const char *path, LeashStat *ret_stat, GError **error)
{
  LeashFsCall call = { .op = LEASH_FS_OP_LSTAT, .path = path, .ret_stat = ret_stat };

  return run (fs, ctx, &call, error);
}

static gboolean
wrap_fs_mkdir (LeashFs *fs, LeashContext *ctx, const char *path, guint mode, GError **error)
{
  LeashFsCall call = { .op = LEASH_FS_OP_MKDIR, .path = path, .mode = mode };

  return run (fs, ctx, &call, error);
}

static gboolean
wrap_fs_remove (LeashFs *fs, LeashContext *ctx, const char *path, GError **error)
{
  LeashFsCall call = { .op = LEASH_FS_OP_REMOVE, .path = path };

  return run (fs, ctx, &call, error);
}

static gboolean
wrap_fs_rename (LeashFs *fs, LeashContext *ctx, const char *old_path, const char *new_path,
                LeashRenameFlags flags, GError **error)
{
  LeashFsCall call = { .op = LEASH_FS_OP_RENAME, .path = old_path, .target = new_path, .flags = flags };

  return run (fs, ctx, &call, error);
}

static gboolean
wrap_fs_link (LeashFs *fs, LeashContext *ctx, const char *path, const char *new_path, GError **error)
{
  LeashFsCall call = { .op = LEASH_FS_OP_LINK, .path = path, .target = new_path };

  return run (fs, ctx, &call, error);
}

static gboolean
wrap_fs_symlink (LeashFs *fs, LeashContext *ctx, const char *target, const char *path, GError **error)
{
  LeashFsCall call = { .op = LEASH_FS_OP_SYMLINK, .path = path, .target = target };

  return run (fs, ctx, &call, error);
}

static char *
wrap_fs_readlink (LeashFs *fs, LeashContext *ctx, const char *path, GError **error)
{
  LeashFsCall call = { .op = LEASH_FS_OP_READLINK, .path = path };

  return run (fs, ctx, &call, error) ? call.result : NULL;
}

static gboolean
wrap_fs_truncate (LeashFs *fs, LeashContext *ctx, const char *path, gint64 length, GError **error)
{
  LeashFsCall call = { .op = LEASH_FS_OP_TRUNCATE, .path = path, .length = length };

  return run (fs, ctx, &call, error);
}

static gboolean
wrap_fs_chmod (LeashFs *fs, LeashContext *ctx, const char *path, guint mode, GError **error)
{
  LeashFsCall call = { .op = LEASH_FS_OP_CHMOD, .path = path, .mode = mode };

  return run (fs, ctx, &call, error);
}

static gboolean
wrap_fs_chown (LeashFs *fs, LeashContext *ctx, const char *path, gint64 uid, gint64 gid, LeashPathFlags flags,
               GError **error)
{
  LeashFsCall call = { .op = LEASH_FS_OP_CHOWN, .path = path, .uid = uid, .gid = gid, .flags = flags };

  return run (fs, ctx, &call, error);
}

static gboolean
wrap_fs_set_times (LeashFs *fs, LeashContext *ctx, const char *path, gint64 atime_ns, gint64 mtime_ns,
                   LeashPathFlags flags, GError **error)
{
  LeashFsCall call = {
    .op = LEASH_FS_OP_SET_TIMES, .path = path, .atime_ns = atime_ns, .mtime_ns = mtime_ns, .flags = flags
  };

  return run (fs, ctx, &call, error);
}

static gboolean
wrap_fs_statfs (LeashFs *fs, LeashContext *ctx, const char *path, LeashStatFs *ret_stat, GError **error)
{
  LeashFsCall call = { .op = LEASH_FS_OP_STATFS, .path = path, .ret_statfs = ret_stat };

  return run (fs, ctx, &call, error);
}

static LeashFs *
wrap_fs_open_root (LeashFs *fs, LeashContext *ctx, const char *path, LeashPathFlags flags, GError **error)
{
  LeashFsCall call = { .op = LEASH_FS_OP_OPEN_ROOT, .path = path, .flags = flags };

  return run (fs, ctx, &call, error) ? call.result : NULL;
}

static LeashFsOps
wrap_fs_get_ops (LeashFs *fs)
{
  return leash_fs_get_ops (((LeashWrapFs *) fs)->inner) & ~get_class (fs)->no_ops;
}

static LeashFsFeatures
wrap_fs_get_features (LeashFs *fs)
{
  return leash_fs_get_features (((LeashWrapFs *) fs)->inner) & ~get_class (fs)->no_features;
}

static void
leash_wrap_fs_init_iface (LeashFsInterface *iface)
{
  iface->version = LEASH_FS_INTERFACE_VERSION;
  iface->open = wrap_fs_open;
  iface->open_dir = wrap_fs_open_dir;
  iface->stat = wrap_fs_stat;
  iface->lstat = wrap_fs_lstat;
  iface->mkdir = wrap_fs_mkdir;
  iface->remove = wrap_fs_remove;
  iface->rename = wrap_fs_rename;
  iface->link = wrap_fs_link;
  iface->symlink = wrap_fs_symlink;
  iface->readlink = wrap_fs_readlink;
  iface->truncate = wrap_fs_truncate;
  iface->chmod = wrap_fs_chmod;
  iface->chown = wrap_fs_chown;
  iface->set_times = wrap_fs_set_times;
  iface->statfs = wrap_fs_statfs;
  iface->open_root = wrap_fs_open_root;
  iface->get_ops = wrap_fs_get_ops;
  iface->get_features = wrap_fs_get_features;
}
