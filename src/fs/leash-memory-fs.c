/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The memory file system: the interface's functions over views of a tree. Each takes the tree's lock, lets
 * the files beside this one do what Linux does, lets the lock go, and words the error.
 *
 * What takes long, a lazy content and cutting a file, is done without the tree's lock, on a node that is held
 * by a reference as an open file holds it.
 *
 * Limits beside those of leash_memory_fs_set_limits(): no devices, sockets and FIFOs; no extended attributes
 * and no access control lists; memory that the process cannot get ends it, as everywhere in GLib.
 */
#include "leash-memory-private.h"

#define FEATURES                                                                                             \
  (LEASH_FS_FEATURE_WRITE | LEASH_FS_FEATURE_NO_REPLACE | LEASH_FS_FEATURE_EXCHANGE | LEASH_FS_FEATURE_MODES \
   | LEASH_FS_FEATURE_PERMISSIONS | LEASH_FS_FEATURE_OWNERS | LEASH_FS_FEATURE_TIMES                         \
   | LEASH_FS_FEATURE_INODES | LEASH_FS_FEATURE_OPEN_AFTER_REMOVE | LEASH_FS_FEATURE_SPARSE                  \
   | LEASH_FS_FEATURE_BYTE_NAMES | LEASH_FS_FEATURE_ATOMIC_RENAME)

typedef struct
{
  GObject parent_instance;

  LeashMemoryView view;
} LeashMemoryFs;

typedef GObjectClass LeashMemoryFsClass;

static void leash_memory_fs_init_iface (LeashFsInterface *iface);
GType leash_memory_fs_get_type (void);

G_DEFINE_FINAL_TYPE_WITH_CODE (LeashMemoryFs, leash_memory_fs, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (LEASH_TYPE_FS, leash_memory_fs_init_iface))

static void
leash_memory_fs_finalize (GObject *object)
{
  LeashMemoryView *view = &((LeashMemoryFs *) object)->view;

  if (view->tree != NULL)
    {
      leash_memory_node_unref (view->tree, view->root);
      leash_memory_user_unref (view->user);
      leash_memory_tree_unref (view->tree);
    }
  G_OBJECT_CLASS (leash_memory_fs_parent_class)->finalize (object);
}

static void
leash_memory_fs_class_init (LeashMemoryFsClass *klass)
{
  klass->finalize = leash_memory_fs_finalize;
}

static void
leash_memory_fs_init (LeashMemoryFs *self)
{
}

gboolean
leash_memory_check (int code, GError **error)
{
  if (LEASH_LIKELY (code == 0))
    return TRUE;
  if (code == LEASH_MEMORY_OUTSIDE)
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED, "it leads outside of the root");
  else
    leash_attempt_set_errno (error, code);
  return FALSE;
}

static inline LeashMemoryView *
view_of (LeashFs *fs)
{
  return &((LeashMemoryFs *) fs)->view;
}

/* Both give the view, with its tree's lock held; unlock() lets it go. */
static LeashMemoryView *
lock_to_look (LeashFs *fs)
{
  pthread_rwlock_rdlock (&view_of (fs)->tree->lock);
  return view_of (fs);
}

static LeashMemoryView *
lock_to_change (LeashFs *fs)
{
  pthread_rwlock_wrlock (&view_of (fs)->tree->lock);
  return view_of (fs);
}

static void
unlock (const LeashMemoryView *view)
{
  pthread_rwlock_unlock (&view->tree->lock);
}

/* Finds what there is at a path. */
static int
find (const LeashMemoryView *view, const char *path, LeashPathFlags flags, LeashMemoryNode **ret_node)
{
  LeashMemoryPlace place;
  LeashMemoryHow how = (flags & LEASH_PATH_NO_FOLLOW) != 0 ? LEASH_MEMORY_NO_FOLLOW : LEASH_MEMORY_FOLLOW;
  int code = leash_memory_walk (view, path, how, &place);

  *ret_node = place.node;
  return code;
}

/* Opening */

/* Whether a node that is there may be opened. */
static int
check_open (const LeashMemoryView *view, LeashMemoryNode *node, LeashOpenFlags flags)
{
  gboolean is_dir = leash_memory_node_is (node, S_IFDIR);
  gboolean writes = (flags & LEASH_OPEN_WRITE) != 0;
  guint wanted = ((flags & LEASH_OPEN_READ) != 0 ? 4 : 0) | (writes ? 2 : 0);

  if ((flags & LEASH_OPEN_EXCLUSIVE) != 0)
    return EEXIST;
  if (is_dir && (writes || (flags & LEASH_OPEN_CREATE) != 0))
    return EISDIR;
  return leash_memory_user_may (view->user, node, wanted) ? 0 : EACCES;
}

/* Finds or makes the file, and takes a reference. One that was just made is not to be emptied. */
static int
open_node (const LeashMemoryView *view, const char *path, LeashOpenFlags flags, guint mode, gint64 now_ns,
           LeashMemoryNode **ret_node, gboolean *ret_empties)
{
  LeashMemoryHow how = LEASH_MEMORY_FOLLOW;
  LeashMemoryPlace place;
  int code;

  if ((flags & LEASH_OPEN_CREATE) != 0)
    how = (flags & LEASH_OPEN_EXCLUSIVE) != 0 ? LEASH_MEMORY_EXCLUSIVE : LEASH_MEMORY_CREATE;
  code = leash_memory_walk (view, path, how, &place);
  if (code != 0)
    return code;
  *ret_empties = place.node != NULL && (flags & LEASH_OPEN_TRUNCATE) != 0;
  if (place.node != NULL)
    code = check_open (view, place.node, flags);
  else
    code = leash_memory_make (view, &place, S_IFREG | (mode & ~view->umask), now_ns);
  if (code == 0)
    *ret_node = leash_memory_node_ref (place.node);
  return code;
}

/* What is done with a file that is open, before anybody has it: emptied, or filled. */
static gboolean
prepare (LeashMemoryTree *tree, LeashMemoryNode *node, LeashMemoryUser *user, gboolean empties,
         LeashContext *ctx, GError **error)
{
  if (!empties)
    return leash_memory_lazy_fill (tree, node, ctx, error);
  leash_memory_set_length (tree, node, user, 0, TRUE, ctx);
  return TRUE;
}

static LeashFile *
memory_open (LeashFs *fs, LeashContext *ctx, const char *path, LeashOpenFlags flags, guint mode,
             GError **error)
{
  gboolean may_make = (flags & LEASH_OPEN_CREATE) != 0;
  LeashMemoryView *view = may_make ? lock_to_change (fs) : lock_to_look (fs);
  LeashMemoryNode *node = NULL;
  LeashMemoryUser *user = leash_memory_user_ref (view->user);
  LeashFile *file = NULL;
  gboolean empties = FALSE;
  int code = open_node (view, path, flags, mode, may_make ? leash_memory_now (ctx) : 0, &node, &empties);

  unlock (view);
  if (leash_memory_check (code, error) && prepare (view->tree, node, user, empties, ctx, error))
    file = leash_memory_file_new (view->tree, node, user, path, flags);
  else if (node != NULL)
    leash_memory_node_unref (view->tree, node);
  leash_memory_user_unref (user);
  return file;
}

static LeashDir *
memory_open_dir (LeashFs *fs, LeashContext *ctx, const char *path, GError **error)
{
  LeashMemoryView *view = lock_to_look (fs);
  LeashMemoryNode *node;
  LeashDir *dir = NULL;
  int code = find (view, path, 0, &node);

  if (code == 0 && !leash_memory_node_is (node, S_IFDIR))
    code = ENOTDIR;
  if (code == 0 && !leash_memory_user_may (view->user, node, 4))
    code = EACCES;
  if (code == 0)
    dir = leash_memory_dir_new (view->tree, leash_memory_node_ref (node), path);
  unlock (view);
  leash_memory_check (code, error);
  return dir;
}

static LeashFs *
memory_open_root (LeashFs *fs, LeashContext *ctx, const char *path, LeashPathFlags flags, GError **error)
{
  LeashMemoryView *view = lock_to_look (fs);
  LeashMemoryNode *node;
  LeashFs *root = NULL;
  int code = find (view, path, flags, &node);

  if (code == 0 && !leash_memory_node_is (node, S_IFDIR))
    code = ENOTDIR;
  if (code == 0)
    root = leash_memory_fs_new_view (leash_memory_tree_ref (view->tree), leash_memory_node_ref (node), TRUE,
                                     leash_memory_user_ref (view->user), view->umask);
  unlock (view);
  leash_memory_check (code, error);
  return root;
}

/* Looking */

static gboolean
look (LeashFs *fs, const char *path, LeashPathFlags flags, LeashStat *ret_stat, GError **error)
{
  LeashMemoryView *view = lock_to_look (fs);
  LeashMemoryNode *node;
  int code = find (view, path, flags, &node);

  if (code == 0)
    leash_memory_node_stat (view->tree, node, ret_stat);
  unlock (view);
  return leash_memory_check (code, error);
}

static gboolean
memory_stat (LeashFs *fs, LeashContext *ctx, const char *path, LeashStat *ret_stat, GError **error)
{
  return look (fs, path, 0, ret_stat, error);
}

static gboolean
memory_lstat (LeashFs *fs, LeashContext *ctx, const char *path, LeashStat *ret_stat, GError **error)
{
  return look (fs, path, LEASH_PATH_NO_FOLLOW, ret_stat, error);
}

static char *
memory_readlink (LeashFs *fs, LeashContext *ctx, const char *path, GError **error)
{
  LeashMemoryView *view = lock_to_look (fs);
  LeashMemoryNode *node;
  char *text = NULL;
  int code = find (view, path, LEASH_PATH_NO_FOLLOW, &node);

  if (code == 0 && leash_memory_node_is (node, S_IFLNK))
    {
      text = g_strdup (node->text);
      leash_memory_touch_atime (node, ctx);
    }
  unlock (view);
  if (code == 0 && text == NULL)
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, "it is no symbolic link");
  else
    leash_memory_check (code, error);
  return text;
}

static void
count_files (LeashMemoryTree *tree, LeashStatFs *ret_stat)
{
  guint64 max;

  pthread_mutex_lock (&tree->pool_lock);
  max = tree->max_files;
  ret_stat->total_files = max == 0 ? G_MAXUINT64 : max;
  ret_stat->free_files = max == 0 ? G_MAXUINT64 : max - MIN (max, tree->n_files);
  pthread_mutex_unlock (&tree->pool_lock);
}

static gboolean
memory_statfs (LeashFs *fs, LeashContext *ctx, const char *path, LeashStatFs *ret_stat, GError **error)
{
  LeashMemoryView *view = lock_to_look (fs);
  LeashMemoryNode *node;
  int code = find (view, path, 0, &node);
  guint64 max = leash_memory_get (view->tree->max_pages);
  guint64 left = max - MIN (max, leash_memory_get (view->tree->n_pages));

  unlock (view);
  if (!leash_memory_check (code, error))
    return FALSE;
  count_files (view->tree, ret_stat);
  ret_stat->block_size = LEASH_MEMORY_PAGE;
  ret_stat->total_bytes = max == 0 ? G_MAXUINT64 : max * LEASH_MEMORY_PAGE;
  ret_stat->free_bytes = max == 0 ? G_MAXUINT64 : left * LEASH_MEMORY_PAGE;
  ret_stat->available_bytes = ret_stat->free_bytes;
  ret_stat->name_max = LEASH_MEMORY_NAME_MAX;
  ret_stat->is_read_only = FALSE;
  return TRUE;
}

static LeashFsFeatures
memory_get_features (LeashFs *fs)
{
  return FEATURES;
}

/* Changing names */

static gboolean
memory_mkdir (LeashFs *fs, LeashContext *ctx, const char *path, guint mode, GError **error)
{
  LeashMemoryView *view = lock_to_change (fs);
  int code = leash_memory_mkdir (view, path, mode, leash_memory_now (ctx));

  unlock (view);
  return leash_memory_check (code, error);
}

static gboolean
memory_remove (LeashFs *fs, LeashContext *ctx, const char *path, GError **error)
{
  LeashMemoryView *view = lock_to_change (fs);
  int code = leash_memory_remove (view, path, leash_memory_now (ctx));

  unlock (view);
  return leash_memory_check (code, error);
}

static gboolean
memory_rename (LeashFs *fs, LeashContext *ctx, const char *old_path, const char *new_path,
               LeashRenameFlags flags, GError **error)
{
  LeashMemoryView *view = lock_to_change (fs);
  int code = leash_memory_rename (view, old_path, new_path, flags, leash_memory_now (ctx));

  unlock (view);
  return leash_memory_check (code, error);
}

static gboolean
memory_link (LeashFs *fs, LeashContext *ctx, const char *path, const char *new_path, GError **error)
{
  LeashMemoryView *view = lock_to_change (fs);
  int code = leash_memory_link (view, path, new_path, leash_memory_now (ctx));

  unlock (view);
  return leash_memory_check (code, error);
}

static gboolean
memory_symlink (LeashFs *fs, LeashContext *ctx, const char *target, const char *path, GError **error)
{
  LeashMemoryView *view = lock_to_change (fs);
  int code = leash_memory_symlink (view, target, path, leash_memory_now (ctx));

  unlock (view);
  return leash_memory_check (code, error);
}

/* Changing files: see leash-memory-attributes.c */

static gboolean
memory_chmod (LeashFs *fs, LeashContext *ctx, const char *path, guint mode, GError **error)
{
  LeashMemoryView *view = lock_to_change (fs);
  LeashMemoryNode *node;
  int code = find (view, path, 0, &node);

  if (code == 0)
    code = leash_memory_chmod (view->user, node, mode, leash_memory_now (ctx));
  unlock (view);
  return leash_memory_check (code, error);
}

static gboolean
memory_chown (LeashFs *fs, LeashContext *ctx, const char *path, gint64 uid, gint64 gid, LeashPathFlags flags,
              GError **error)
{
  LeashMemoryView *view = lock_to_change (fs);
  LeashMemoryNode *node;
  int code = find (view, path, flags, &node);

  if (code == 0)
    code = leash_memory_chown (view->user, node, uid, gid, leash_memory_now (ctx));
  unlock (view);
  return leash_memory_check (code, error);
}

static gboolean
memory_set_times (LeashFs *fs, LeashContext *ctx, const char *path, gint64 atime_ns, gint64 mtime_ns,
                  LeashPathFlags flags, GError **error)
{
  LeashMemoryView *view;
  LeashMemoryNode *node;
  int code;

  /* The kernel does not even look whether it is there. */
  if (atime_ns == LEASH_TIME_KEEP && mtime_ns == LEASH_TIME_KEEP)
    return TRUE;
  view = lock_to_change (fs);
  code = find (view, path, flags, &node);
  if (code == 0)
    code = leash_memory_set_times (view->user, node, atime_ns, mtime_ns, leash_memory_now (ctx));
  unlock (view);
  return leash_memory_check (code, error);
}

static gboolean
memory_truncate (LeashFs *fs, LeashContext *ctx, const char *path, gint64 length, GError **error)
{
  LeashMemoryView *view = lock_to_look (fs);
  LeashMemoryTree *tree = view->tree;
  LeashMemoryUser *user = leash_memory_user_ref (view->user);
  LeashMemoryNode *node;
  gboolean done;
  int code = find (view, path, 0, &node);

  if (code == 0 && leash_memory_node_is (node, S_IFDIR))
    code = EISDIR;
  else if (code == 0 && !leash_memory_user_may (user, node, 2))
    code = EACCES;
  if (code == 0)
    leash_memory_node_ref (node);
  unlock (view);
  done = leash_memory_check (code, error) && (length == 0 || leash_memory_lazy_fill (tree, node, ctx, error));
  if (done)
    leash_memory_set_length (tree, node, user, (guint64) length, FALSE, ctx);
  if (code == 0)
    leash_memory_node_unref (tree, node);
  leash_memory_user_unref (user);
  return done;
}

static void
leash_memory_fs_init_iface (LeashFsInterface *iface)
{
  iface->version = LEASH_FS_INTERFACE_VERSION;
  iface->open = memory_open;
  iface->open_dir = memory_open_dir;
  iface->stat = memory_stat;
  iface->lstat = memory_lstat;
  iface->mkdir = memory_mkdir;
  iface->remove = memory_remove;
  iface->rename = memory_rename;
  iface->link = memory_link;
  iface->symlink = memory_symlink;
  iface->readlink = memory_readlink;
  iface->truncate = memory_truncate;
  iface->chmod = memory_chmod;
  iface->chown = memory_chown;
  iface->set_times = memory_set_times;
  iface->statfs = memory_statfs;
  iface->open_root = memory_open_root;
  iface->get_features = memory_get_features;
}

LeashMemoryView *
leash_memory_fs_get_view (LeashFs *fs)
{
  return G_TYPE_CHECK_INSTANCE_TYPE (fs, leash_memory_fs_get_type ()) ? view_of (fs) : NULL;
}

LeashFs *
leash_memory_fs_new_view (LeashMemoryTree *tree, LeashMemoryNode *root, gboolean rooted,
                          LeashMemoryUser *user, guint umask)
{
  LeashMemoryFs *self = g_object_new (leash_memory_fs_get_type (), NULL);

  self->view
      = (LeashMemoryView){ .tree = tree, .root = root, .rooted = rooted, .user = user, .umask = umask };
  return LEASH_FS (self);
}

/**
 * leash_memory_fs_new:
 *
 * Makes an empty file system in memory, for tests, and for what needs no disk.
 *
 * It behaves as Linux's file systems do, to the error: directories are made before what is in them,
 * permissions and sticky and set-id bits hold, a file that is open outlives its names, holes take no memory.
 * Paths are as in a chroot: "/" is the root, relative paths count from it, ".." stays in it.
 *
 * Who uses it is taken to be user and group 0, who may do everything, until
 * leash_memory_fs_set_credentials(); the umask is 022 until leash_memory_fs_set_umask(). Times are by the
 * context's clock if it is a fake one, else by the system's; reading a file changes its time of access as on
 * a disk that is mounted "relatime", Linux's default: if it is not after the last change, or a day old.
 *
 * All functions may be called from any thread.
 *
 * Returns: (transfer full): the file system
 *
 * Since: 0.1
 */
LeashFs *
leash_memory_fs_new (void)
{
  LeashMemoryTree *tree = leash_memory_tree_new ();

  return leash_memory_fs_new_view (tree, leash_memory_node_ref (tree->root), FALSE,
                                   leash_memory_user_new (0, 0, NULL, 0), 022);
}
