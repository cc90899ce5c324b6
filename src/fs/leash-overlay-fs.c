/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The overlay: what is seen is lower, which never changes, with upper over it, which has all changes.
 *
 * What upper has in its place is a layer by the image specification of the Open Container Initiative
 * (layer.md, "Whiteouts"), so that tools for container images can read and apply it:
 * - an empty file ".wh.NAME" is a whiteout: lower's NAME is not seen;
 * - an empty file ".wh..wh..opq" in a directory makes it opaque: nothing of lower's is seen in it;
 * - a name in upper wins over lower's; two directories of one name merge, unless upper's is opaque or has a
 *   whiteout beside it. A name and its whiteout side by side are right, and mean that what lower has is gone.
 *
 * Every change is therefore a row of steps of which each leaves what is seen as it was but for one, which is
 * a single operation of upper's: a whiteout comes before what it uncovers is removed, and goes, if at all,
 * after something has come to hide lower's. To fail between two leaves nothing that anybody sees.
 *
 * Whoever looks holds the view for reading, and so never sees a step between two others; whoever changes
 * something holds a second lock all the while, copies up first, which takes long and changes nothing that is
 * seen, and takes the view for writing only for the steps.
 *
 * As in overlayfs of Linux: a file that is open for reading when it is copied up goes on showing the old
 * content; copying gives a file another inode; hard links within lower are files of their own once one is
 * changed. Other than there, nothing is remembered of where a copy came from, and nothing is synced.
 */
#include "leash-overlay-fs-private.h"

#include <errno.h>
#include <leash/leash-overlay-fs.h>

#include "leash-file-private.h"

typedef GObjectClass LeashOverlayFsClass;

static void leash_overlay_fs_init_iface (LeashFsInterface *iface);
static GType leash_overlay_fs_get_type (void);

G_DEFINE_FINAL_TYPE_WITH_CODE (LeashOverlayFs, leash_overlay_fs, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (LEASH_TYPE_FS, leash_overlay_fs_init_iface))

static void
leash_overlay_fs_finalize (GObject *object)
{
  LeashOverlayFs *self = (LeashOverlayFs *) object;

  pthread_mutex_destroy (&self->changing);
  pthread_rwlock_destroy (&self->view);
  g_clear_object (&self->layers[LEASH_UPPER]);
  g_clear_object (&self->layers[LEASH_LOWER]);
  G_OBJECT_CLASS (leash_overlay_fs_parent_class)->finalize (object);
}

static void
leash_overlay_fs_class_init (LeashOverlayFsClass *klass)
{
  klass->finalize = leash_overlay_fs_finalize;
}

static void
leash_overlay_fs_init (LeashOverlayFs *self)
{
  pthread_rwlockattr_t attributes;

  pthread_mutex_init (&self->changing, NULL);
  /* Else threads that look all the time would keep one that changes something waiting for ever. */
  pthread_rwlockattr_init (&attributes);
  pthread_rwlockattr_setkind_np (&attributes, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
  pthread_rwlock_init (&self->view, &attributes);
  pthread_rwlockattr_destroy (&attributes);
}

static gboolean
fail (GError **error, int code)
{
  leash_attempt_set_errno (error, code);
  return FALSE;
}

/* Looking and changing */

static void
begin (LeashOverlayView *view, LeashFs *fs, LeashContext *ctx, gboolean changes)
{
  view->fs = (LeashOverlayFs *) fs;
  leash_layers_view_init (&view->base, view->fs->layers, 2, ctx, leash_overlay_look_in);
  view->has_changing = changes;
  view->has_view = !changes;
  if (changes)
    pthread_mutex_lock (&view->fs->changing);
  else
    pthread_rwlock_rdlock (&view->fs->view);
}

void
leash_overlay_publish (LeashOverlayView *view)
{
  pthread_rwlock_wrlock (&view->fs->view);
  view->has_view = TRUE;
}

static void
end (LeashOverlayView *view)
{
  if (view->has_view)
    pthread_rwlock_unlock (&view->fs->view);
  if (view->has_changing)
    pthread_mutex_unlock (&view->fs->changing);
  view->has_view = view->has_changing = FALSE;
}

static gboolean
change (LeashFs *fs, LeashContext *ctx, LeashOverlayChange func, const LeashFsCall *call, GError **error)
{
  LeashOverlayView view;
  gboolean done;

  begin (&view, fs, ctx, TRUE);
  done = func (&view, call, error);
  end (&view);
  return done;
}

static LeashResolveMode
mode_for (LeashPathFlags flags)
{
  return (flags & LEASH_PATH_NO_FOLLOW) != 0 ? LEASH_RESOLVE_NO_FOLLOW : LEASH_RESOLVE_FOLLOW;
}

/* Making something new */

gboolean
leash_overlay_check_free (const LeashResolved *place, gboolean is_dir, GError **error)
{
  if (place->exists)
    return fail (error, EEXIST);
  if (g_str_has_prefix (place->name, LEASH_WHITEOUT))
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_INVALID_FILENAME,
                           "names that begin with “" LEASH_WHITEOUT "” are those of whiteouts");
      return FALSE;
    }
  return is_dir || !place->needs_dir || fail (error, ENOENT);
}

/* Makes in upper what was missing at path, by call. */
static gboolean
make (LeashOverlayView *view, const char *path, LeashFsCall *call, GError **error)
{
  gboolean had_whiteout;

  if (!leash_overlay_find_lower (view, path, &had_whiteout, error)
      || !leash_overlay_copy_parent (view, path, error))
    return FALSE;
  leash_overlay_publish (view);
  if (!leash_fs_call_perform (leash_overlay_upper (view), view->base.ctx, call, error))
    return FALSE;
  /* With its whiteout beside it, a directory is as good as opaque. */
  if (had_whiteout && (call->op != LEASH_FS_OP_MKDIR || leash_overlay_make_opaque (view, path, NULL)))
    leash_overlay_drop_whiteout (view, path);
  return TRUE;
}

static gboolean
change_new (LeashOverlayView *view, const LeashFsCall *call, GError **error)
{
  LeashFsCall changed = *call;
  LeashResolved place;

  changed.path = place.path;
  return leash_overlay_resolve (view, call->path, LEASH_RESOLVE_PLACE, &place, error)
         && leash_overlay_check_free (&place, call->op == LEASH_FS_OP_MKDIR, error)
         && make (view, place.path, &changed, error);
}

static gboolean
change_link (LeashOverlayView *view, const LeashFsCall *call, GError **error)
{
  LeashFsCall changed = *call;
  LeashResolved found;
  LeashResolved place;

  changed.path = found.path;
  changed.target = place.path;
  if (!leash_overlay_resolve (view, call->path, LEASH_RESOLVE_NO_FOLLOW, &found, error)
      || !leash_overlay_resolve (view, call->target, LEASH_RESOLVE_PLACE, &place, error)
      || !leash_overlay_check_free (&place, FALSE, error))
    return FALSE;
  if (found.stat.type == G_FILE_TYPE_DIRECTORY)
    return fail (error, EPERM);
  return leash_overlay_copy_up (view, found.path, error) && make (view, place.path, &changed, error);
}

/* Opening */

/* Opens what was found. What it may wait for, as a FIFO does, is not waited for with a lock. */
static gboolean
open_found (LeashOverlayView *view, LeashFsCall *call, GError **error)
{
  LeashFs *layer = leash_layers_owner (&view->base);

  if (view->base.node.stat.type == G_FILE_TYPE_SPECIAL)
    end (view);
  call->flags &= ~(guint) (LEASH_OPEN_CREATE | LEASH_OPEN_EXCLUSIVE);
  return leash_fs_call_perform (layer, view->base.ctx, call, error);
}

static gboolean
open_to_change (LeashOverlayView *view, LeashFsCall *call, const LeashResolved *found, GError **error)
{
  if ((call->flags & LEASH_OPEN_EXCLUSIVE) != 0 && found->last == LEASH_LAST_NAME && found->needs_dir)
    return fail (error, EISDIR);
  if (!found->exists || (call->flags & LEASH_OPEN_EXCLUSIVE) != 0)
    return leash_overlay_check_free (found, FALSE, error) && make (view, found->path, call, error);
  if (found->stat.type == G_FILE_TYPE_DIRECTORY)
    return fail (error, EISDIR);
  if (found->stat.type == G_FILE_TYPE_REGULAR && (call->flags & LEASH_OPEN_WRITE) != 0
      && !leash_overlay_copy_up (view, found->path, error))
    return FALSE;
  return open_found (view, call, error);
}

static LeashResolveMode
mode_to_open (LeashOpenFlags flags)
{
  if ((flags & LEASH_OPEN_EXCLUSIVE) != 0)
    return LEASH_RESOLVE_PLACE;
  return (flags & LEASH_OPEN_CREATE) != 0 ? LEASH_RESOLVE_CREATE : LEASH_RESOLVE_FOLLOW;
}

static LeashFile *
overlay_open (LeashFs *fs, LeashContext *ctx, const char *path, LeashOpenFlags flags, guint mode,
              GError **error)
{
  gboolean changes = (flags & (LEASH_OPEN_WRITE | LEASH_OPEN_CREATE)) != 0;
  LeashResolved found;
  LeashFsCall call = { .op = LEASH_FS_OP_OPEN, .path = found.path, .flags = flags, .mode = mode };
  LeashOverlayView view;
  gboolean opened;

  begin (&view, fs, ctx, changes);
  opened = leash_overlay_resolve (&view, path, mode_to_open (flags), &found, error)
           && (changes ? open_to_change (&view, &call, &found, error) : open_found (&view, &call, error));
  end (&view);
  /* What it was opened by is what its messages name. */
  return opened ? leash_file_with_path (call.result, path) : NULL;
}

static LeashDir *
overlay_open_dir (LeashFs *fs, LeashContext *ctx, const char *path, GError **error)
{
  LeashMergedDir *entries = NULL;
  LeashOverlayView view;
  LeashResolved found;

  begin (&view, fs, ctx, FALSE);
  if (leash_overlay_resolve (&view, path, LEASH_RESOLVE_FOLLOW, &found, error))
    {
      if (found.stat.type == G_FILE_TYPE_DIRECTORY)
        entries = leash_overlay_list (&view, found.path, error);
      else
        fail (error, ENOTDIR);
    }
  end (&view);
  return entries != NULL ? leash_merged_dir_open (entries, path) : NULL;
}

/* Looking */

static gboolean
look_up (LeashFs *fs, LeashContext *ctx, const char *path, LeashResolveMode mode, LeashStat *ret_stat,
         GError **error)
{
  LeashOverlayView view;
  LeashResolved found;
  gboolean done;

  begin (&view, fs, ctx, FALSE);
  done = leash_overlay_resolve (&view, path, mode, &found, error);
  end (&view);
  if (done)
    *ret_stat = found.stat;
  return done;
}

static gboolean
overlay_stat (LeashFs *fs, LeashContext *ctx, const char *path, LeashStat *ret_stat, GError **error)
{
  return look_up (fs, ctx, path, LEASH_RESOLVE_FOLLOW, ret_stat, error);
}

static gboolean
overlay_lstat (LeashFs *fs, LeashContext *ctx, const char *path, LeashStat *ret_stat, GError **error)
{
  return look_up (fs, ctx, path, LEASH_RESOLVE_NO_FOLLOW, ret_stat, error);
}

static char *
overlay_readlink (LeashFs *fs, LeashContext *ctx, const char *path, GError **error)
{
  LeashOverlayView view;
  LeashResolved found;
  char *text = NULL;

  begin (&view, fs, ctx, FALSE);
  if (leash_overlay_resolve (&view, path, LEASH_RESOLVE_NO_FOLLOW, &found, error))
    text = leash_layer_readlink (leash_layers_owner (&view.base), ctx, found.path, error);
  end (&view);
  return text;
}

static gboolean
overlay_statfs (LeashFs *fs, LeashContext *ctx, const char *path, LeashStatFs *ret_stat, GError **error)
{
  LeashStat unused;

  return overlay_stat (fs, ctx, path, &unused, error)
         && leash_layer_statfs (((LeashOverlayFs *) fs)->layers[LEASH_UPPER], ctx, ".", ret_stat, error);
}

/* Changing */

static gboolean
overlay_mkdir (LeashFs *fs, LeashContext *ctx, const char *path, guint mode, GError **error)
{
  const LeashFsCall call = { .op = LEASH_FS_OP_MKDIR, .path = path, .mode = mode };

  return change (fs, ctx, change_new, &call, error);
}

static gboolean
overlay_symlink (LeashFs *fs, LeashContext *ctx, const char *target, const char *path, GError **error)
{
  const LeashFsCall call = { .op = LEASH_FS_OP_SYMLINK, .path = path, .target = target };

  return change (fs, ctx, change_new, &call, error);
}

static gboolean
overlay_link (LeashFs *fs, LeashContext *ctx, const char *path, const char *new_path, GError **error)
{
  const LeashFsCall call = { .op = LEASH_FS_OP_LINK, .path = path, .target = new_path };

  return change (fs, ctx, change_link, &call, error);
}

static gboolean
overlay_rename (LeashFs *fs, LeashContext *ctx, const char *old_path, const char *new_path,
                LeashRenameFlags flags, GError **error)
{
  const LeashFsCall call = { .op = LEASH_FS_OP_RENAME, .path = old_path, .target = new_path, .flags = flags };

  return change (fs, ctx, leash_overlay_rename, &call, error);
}

static gboolean
overlay_remove (LeashFs *fs, LeashContext *ctx, const char *path, GError **error)
{
  const LeashFsCall call = { .op = LEASH_FS_OP_REMOVE, .path = path };

  return change (fs, ctx, leash_overlay_remove, &call, error);
}

/* What changes a file that is there. */
static gboolean
change_found (LeashOverlayView *view, const LeashFsCall *call, GError **error)
{
  LeashFsCall changed = *call;
  LeashResolved found;

  if (!leash_overlay_resolve (view, call->path, mode_for (call->flags), &found, error))
    return FALSE;
  if (call->op == LEASH_FS_OP_TRUNCATE && found.stat.type == G_FILE_TYPE_DIRECTORY)
    return fail (error, EISDIR);
  changed.path = found.path;
  return leash_overlay_copy_up (view, found.path, error)
         && leash_fs_call_perform (leash_overlay_upper (view), view->base.ctx, &changed, error);
}

static gboolean
overlay_truncate (LeashFs *fs, LeashContext *ctx, const char *path, gint64 length, GError **error)
{
  const LeashFsCall call = { .op = LEASH_FS_OP_TRUNCATE, .path = path, .length = length };

  return change (fs, ctx, change_found, &call, error);
}

static gboolean
overlay_chmod (LeashFs *fs, LeashContext *ctx, const char *path, guint mode, GError **error)
{
  const LeashFsCall call = { .op = LEASH_FS_OP_CHMOD, .path = path, .mode = mode };

  return change (fs, ctx, change_found, &call, error);
}

static gboolean
overlay_chown (LeashFs *fs, LeashContext *ctx, const char *path, gint64 uid, gint64 gid, LeashPathFlags flags,
               GError **error)
{
  const LeashFsCall call = { .op = LEASH_FS_OP_CHOWN, .path = path, .uid = uid, .gid = gid, .flags = flags };

  return change (fs, ctx, change_found, &call, error);
}

static gboolean
overlay_set_times (LeashFs *fs, LeashContext *ctx, const char *path, gint64 atime_ns, gint64 mtime_ns,
                   LeashPathFlags flags, GError **error)
{
  const LeashFsCall call = {
    .op = LEASH_FS_OP_SET_TIMES, .path = path, .atime_ns = atime_ns, .mtime_ns = mtime_ns, .flags = flags
  };

  return change (fs, ctx, change_found, &call, error);
}

/* What it can */

/* What looks is done in both, what changes in upper only. */
static LeashFsOps
overlay_get_ops (LeashFs *fs)
{
  LeashOverlayFs *self = (LeashOverlayFs *) fs;
  const guint in_both = LEASH_FS_OP_OPEN | LEASH_FS_OP_OPEN_DIR | LEASH_FS_OP_LSTAT | LEASH_FS_OP_READLINK;
  guint upper = leash_fs_get_ops (self->layers[LEASH_UPPER]);
  guint both = upper & leash_fs_get_ops (self->layers[LEASH_LOWER]);

  return (upper & ~in_both) | (both & in_both) | ((both & LEASH_FS_OP_LSTAT) != 0 ? LEASH_FS_OP_STAT : 0);
}

static LeashFsFeatures
overlay_get_features (LeashFs *fs)
{
  LeashOverlayFs *self = (LeashOverlayFs *) fs;
  const guint of_upper = LEASH_FS_FEATURE_WRITE | LEASH_FS_FEATURE_EXCHANGE | LEASH_FS_FEATURE_SPARSE
                         | LEASH_FS_FEATURE_ATOMIC_RENAME;
  guint upper = leash_fs_get_features (self->layers[LEASH_UPPER]);
  guint lower = leash_fs_get_features (self->layers[LEASH_LOWER]);

  return (upper & (lower | of_upper)) | LEASH_FS_FEATURE_NO_REPLACE;
}

static void
leash_overlay_fs_init_iface (LeashFsInterface *iface)
{
  iface->version = LEASH_FS_INTERFACE_VERSION;
  iface->open = overlay_open;
  iface->open_dir = overlay_open_dir;
  iface->stat = overlay_stat;
  iface->lstat = overlay_lstat;
  iface->mkdir = overlay_mkdir;
  iface->remove = overlay_remove;
  iface->rename = overlay_rename;
  iface->link = overlay_link;
  iface->symlink = overlay_symlink;
  iface->readlink = overlay_readlink;
  iface->truncate = overlay_truncate;
  iface->chmod = overlay_chmod;
  iface->chown = overlay_chown;
  iface->set_times = overlay_set_times;
  iface->statfs = overlay_statfs;
  iface->get_ops = overlay_get_ops;
  iface->get_features = overlay_get_features;
}

/**
 * leash_overlay_fs_new:
 * @upper: a file system that can be written to; all changes go there
 * @lower: a file system, which is never written to
 *
 * Makes a file system that shows @lower as it is changed by what is in @upper, a layer by the OCI image
 * specification: an empty one to begin with, or what an overlay left there. What is opened for writing or
 * changed is copied to @upper first, with its owner, mode and times; what is removed is hidden by whiteouts.
 * A directory is renamed by copying all of it.
 *
 * Its root is both's: their ".", which should be directories of their own, as leash_dir_fs_new() and
 * leash_memory_fs_new() have. "/" is that root, ".." stays in it, absolute links count from it. Names that
 * begin with ".wh." are not there, and cannot be made.
 *
 * A file that is open for reading when it is copied shows what it did; the copy has another inode, and is no
 * hard link any more. What is no file, directory nor symbolic link can be removed but not copied. Nobody else
 * may change @upper or @lower meanwhile.
 *
 * May be used from any thread. One changes something at a time; who only looks waits for no copying.
 *
 * Returns: (transfer full): the file system, which holds references to both
 *
 * Since: 0.1
 */
LeashFs *
leash_overlay_fs_new (LeashFs *upper, LeashFs *lower)
{
  LeashOverlayFs *self;

  g_return_val_if_fail (LEASH_IS_FS (upper), NULL);
  g_return_val_if_fail (LEASH_IS_FS (lower), NULL);

  self = g_object_new (leash_overlay_fs_get_type (), NULL);
  self->layers[LEASH_UPPER] = g_object_ref (upper);
  self->layers[LEASH_LOWER] = g_object_ref (lower);
  return LEASH_FS (self);
}
