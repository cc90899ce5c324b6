/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is beneath a GFile: the disk, a resource, what GVfs mounts.
 *
 * Links are resolved here, name by name, so that none leads outside of the root; GIO is then asked about a
 * path that has no links. It is asked after it was looked at: who changes the tree in between is not held
 * off. Where that matters there is leash_dir_fs_new().
 *
 * GIO has other errors, other words and fewer checks than POSIX. What it would do otherwise than the kernel
 * is found before it is asked: what kinds of things are there, and how the paths end.
 */
#include <errno.h>
#include <string.h>

#include <leash/leash-gfile-fs.h>

#include "leash-gfile-private.h"

typedef struct
{
  GObject parent_instance;
  GFile *root; /* owned */
} LeashGfileFs;

typedef GObjectClass LeashGfileFsClass;

static void leash_gfile_fs_init_iface (LeashFsInterface *iface);
static GType leash_gfile_fs_get_type (void);

G_DEFINE_FINAL_TYPE_WITH_CODE (LeashGfileFs, leash_gfile_fs, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (LEASH_TYPE_FS, leash_gfile_fs_init_iface))

static void
leash_gfile_fs_finalize (GObject *object)
{
  g_object_unref (((LeashGfileFs *) object)->root);
  G_OBJECT_CLASS (leash_gfile_fs_parent_class)->finalize (object);
}

static void
leash_gfile_fs_class_init (LeashGfileFsClass *klass)
{
  klass->finalize = leash_gfile_fs_finalize;
}

static void
leash_gfile_fs_init (LeashGfileFs *self)
{
}

/* Errors */

static gboolean
fail (GError **error, int code)
{
  leash_attempt_set_errno (error, code);
  return FALSE;
}

/* The errno that GIO had, 0 where it cannot be told. */
static int
errno_of (const GError *failure)
{
  static const int codes[] = { ENOENT, EEXIST, EISDIR, ENOTDIR, ENOTEMPTY, ENAMETOOLONG, EACCES,
                               ENOSPC, EROFS,  EINVAL, EBUSY,   EMFILE,    ELOOP };

  for (guint i = 0; i < G_N_ELEMENTS (codes); i++)
    if (g_error_matches (failure, G_IO_ERROR, (int) g_io_error_from_errno (codes[i])))
      return codes[i];
  return 0;
}

gboolean
leash_gfile_fail (LeashContext *ctx, GError *failure, GError **error)
{
  int code = errno_of (failure);

  /* A deadline is a cancellation for GIO. */
  if (ctx != NULL && g_error_matches (failure, G_IO_ERROR, G_IO_ERROR_CANCELLED)
      && !leash_context_check (ctx, error))
    g_error_free (failure);
  else if (code != 0)
    {
      g_error_free (failure);
      leash_attempt_set_errno (error, code);
    }
  else
    g_propagate_error (error, failure);
  return FALSE;
}

/* Looking */

static gint64
get_time (GFileInfo *info, const char *seconds, const char *nanoseconds)
{
  gint64 s = (gint64) g_file_info_get_attribute_uint64 (info, seconds);

  return leash_fs_join_time (s, g_file_info_get_attribute_uint32 (info, nanoseconds));
}

void
leash_gfile_to_stat (GFileInfo *info, LeashStat *ret_stat)
{
  gboolean is_dir = g_file_info_get_file_type (info) == G_FILE_TYPE_DIRECTORY;
  gboolean has_mode = g_file_info_has_attribute (info, G_FILE_ATTRIBUTE_UNIX_MODE);
  guint mode = g_file_info_get_attribute_uint32 (info, G_FILE_ATTRIBUTE_UNIX_MODE);
  guint nlink = g_file_info_get_attribute_uint32 (info, G_FILE_ATTRIBUTE_UNIX_NLINK);

  *ret_stat = (LeashStat){
    .type = g_file_info_get_file_type (info),
    .mode = has_mode ? mode & 07777
            : is_dir ? 0555
                     : 0444,
    .size = g_file_info_get_attribute_uint64 (info, G_FILE_ATTRIBUTE_STANDARD_SIZE),
    .nlink = MAX (nlink, 1),
    .uid = g_file_info_get_attribute_uint32 (info, G_FILE_ATTRIBUTE_UNIX_UID),
    .gid = g_file_info_get_attribute_uint32 (info, G_FILE_ATTRIBUTE_UNIX_GID),
    .inode = g_file_info_get_attribute_uint64 (info, G_FILE_ATTRIBUTE_UNIX_INODE),
    .device = g_file_info_get_attribute_uint32 (info, G_FILE_ATTRIBUTE_UNIX_DEVICE),
    .atime_ns = get_time (info, G_FILE_ATTRIBUTE_TIME_ACCESS, G_FILE_ATTRIBUTE_TIME_ACCESS_NSEC),
    .mtime_ns = get_time (info, G_FILE_ATTRIBUTE_TIME_MODIFIED, G_FILE_ATTRIBUTE_TIME_MODIFIED_NSEC),
    .ctime_ns = get_time (info, G_FILE_ATTRIBUTE_TIME_CHANGED, G_FILE_ATTRIBUTE_TIME_CHANGED_NSEC),
  };
}

/* For the walk over a path: paths are resolved ones. */
typedef struct
{
  GFile *root; /* borrowed, as the context */
  LeashContext *ctx;
} Look;

static GFile *
get_gfile (GFile *root, const char *path)
{
  return strcmp (path, ".") == 0 ? g_object_ref (root) : g_file_resolve_relative_path (root, path);
}

/* The root itself may be a link. */
static GFileInfo *
query (const Look *look, const char *path, const char *attributes, GError **error)
{
  gboolean is_root = strcmp (path, ".") == 0;
  g_autoptr (GFile) gfile = get_gfile (look->root, path);
  GError *failure = NULL;
  GFileInfo *info = g_file_query_info (gfile, attributes,
                                       is_root ? G_FILE_QUERY_INFO_NONE : G_FILE_QUERY_INFO_NOFOLLOW_SYMLINKS,
                                       leash_context_get_cancellable (look->ctx), &failure);

  if (info == NULL)
    leash_gfile_fail (look->ctx, failure, error);
  return info;
}

static gboolean
look_up (gpointer look, const char *path, LeashStat *ret_stat, GError **error)
{
  g_autoptr (GFileInfo) info = query (look, path, LEASH_GFILE_ATTRIBUTES, error);

  if (info == NULL)
    return FALSE;
  leash_gfile_to_stat (info, ret_stat);
  return TRUE;
}

static char *
read_link (gpointer look, const char *path, GError **error)
{
  g_autoptr (GFileInfo) info = query (look, path, G_FILE_ATTRIBUTE_STANDARD_SYMLINK_TARGET, error);
  const char *text = NULL;

  if (info == NULL)
    return NULL;
  text = g_file_info_get_attribute_byte_string (info, G_FILE_ATTRIBUTE_STANDARD_SYMLINK_TARGET);
  if (text == NULL)
    fail (error, EINVAL);
  return g_strdup (text);
}

GFile *
leash_gfile_resolve (LeashFs *fs, LeashContext *ctx, const char *path, LeashResolveMode mode,
                     LeashResolved *ret_resolved, GError **error)
{
  Look look = { ((LeashGfileFs *) fs)->root, ctx };
  const LeashResolver resolver = { .lstat = look_up, .readlink = read_link, .data = &look, .clamps = TRUE };

  if (!leash_resolve (&resolver, path, mode, ret_resolved, error))
    return NULL;
  return get_gfile (look.root, ret_resolved->path);
}

static gboolean
gfile_fs_stat (LeashFs *fs, LeashContext *ctx, const char *path, LeashStat *ret_stat, GError **error)
{
  LeashResolved found;
  g_autoptr (GFile) gfile = leash_gfile_resolve (fs, ctx, path, LEASH_RESOLVE_FOLLOW, &found, error);

  if (gfile != NULL)
    *ret_stat = found.stat;
  return gfile != NULL;
}

static gboolean
gfile_fs_lstat (LeashFs *fs, LeashContext *ctx, const char *path, LeashStat *ret_stat, GError **error)
{
  LeashResolved found;
  g_autoptr (GFile) gfile = leash_gfile_resolve (fs, ctx, path, LEASH_RESOLVE_NO_FOLLOW, &found, error);

  if (gfile != NULL)
    *ret_stat = found.stat;
  return gfile != NULL;
}

static char *
gfile_fs_readlink (LeashFs *fs, LeashContext *ctx, const char *path, GError **error)
{
  Look look = { ((LeashGfileFs *) fs)->root, ctx };
  LeashResolved found;
  g_autoptr (GFile) gfile = leash_gfile_resolve (fs, ctx, path, LEASH_RESOLVE_NO_FOLLOW, &found, error);

  if (gfile == NULL)
    return NULL;
  if (found.stat.type == G_FILE_TYPE_SYMBOLIC_LINK)
    return read_link (&look, found.path, error);
  fail (error, EINVAL);
  return NULL;
}

static guint64
get_number (GFileInfo *info, const char *attribute)
{
  return g_file_info_has_attribute (info, attribute) ? g_file_info_get_attribute_uint64 (info, attribute)
                                                     : G_MAXUINT64;
}

static gboolean
gfile_fs_statfs (LeashFs *fs, LeashContext *ctx, const char *path, LeashStatFs *ret_stat, GError **error)
{
  LeashResolved found;
  g_autoptr (GFile) gfile = leash_gfile_resolve (fs, ctx, path, LEASH_RESOLVE_FOLLOW, &found, error);
  g_autoptr (GFileInfo) info = NULL;
  GError *failure = NULL;

  if (gfile == NULL)
    return FALSE;
  info = g_file_query_filesystem_info (gfile, "filesystem::*", leash_context_get_cancellable (ctx), &failure);
  if (info == NULL)
    return leash_gfile_fail (ctx, failure, error);
  *ret_stat = (LeashStatFs){
    .total_bytes = get_number (info, G_FILE_ATTRIBUTE_FILESYSTEM_SIZE),
    .free_bytes = get_number (info, G_FILE_ATTRIBUTE_FILESYSTEM_FREE),
    .available_bytes = get_number (info, G_FILE_ATTRIBUTE_FILESYSTEM_FREE),
    .total_files = G_MAXUINT64,
    .free_files = G_MAXUINT64,
    .name_max = NAME_MAX,
    .is_read_only = g_file_info_get_attribute_boolean (info, G_FILE_ATTRIBUTE_FILESYSTEM_READONLY),
  };
  return TRUE;
}

/* Directories */

typedef struct
{
  GFileEnumerator *entries; /* owned, as the info */
  GFileInfo *info;          /* of the last entry, whose name is in it */
} Listing;

static void
listing_free (gpointer impl)
{
  Listing *self = impl;

  g_clear_object (&self->info);
  g_object_unref (self->entries);
  g_free (self);
}

static gboolean
listing_next (gpointer impl, LeashContext *ctx, LeashDirEntry *ret_entry, GError **error)
{
  Listing *self = impl;
  GError *failure = NULL;

  g_clear_object (&self->info);
  self->info = g_file_enumerator_next_file (self->entries, leash_context_get_cancellable (ctx), &failure);
  if (self->info == NULL)
    return failure != NULL ? leash_gfile_fail (ctx, failure, error) : FALSE;
  ret_entry->name = g_file_info_get_name (self->info);
  ret_entry->type = g_file_info_get_file_type (self->info);
  ret_entry->inode = g_file_info_get_attribute_uint64 (self->info, G_FILE_ATTRIBUTE_UNIX_INODE);
  return TRUE;
}

static gboolean
listing_close (gpointer impl, GError **error)
{
  Listing *self = impl;
  GError *failure = NULL;

  return g_file_enumerator_close (self->entries, NULL, &failure) || leash_gfile_fail (NULL, failure, error);
}

static const LeashDirOps listing_ops = {
  .size = sizeof (LeashDirOps),
  .next = listing_next,
  .close = listing_close,
};

static LeashDir *
gfile_fs_open_dir (LeashFs *fs, LeashContext *ctx, const char *path, GError **error)
{
  LeashResolved found;
  g_autoptr (GFile) gfile = leash_gfile_resolve (fs, ctx, path, LEASH_RESOLVE_FOLLOW, &found, error);
  GFileEnumerator *entries;
  GError *failure = NULL;
  Listing *listing;

  if (gfile == NULL || (found.stat.type != G_FILE_TYPE_DIRECTORY && !fail (error, ENOTDIR)))
    return NULL;
  entries = g_file_enumerate_children (gfile, "standard::name,standard::type,unix::inode",
                                       G_FILE_QUERY_INFO_NOFOLLOW_SYMLINKS,
                                       leash_context_get_cancellable (ctx), &failure);
  if (entries == NULL)
    {
      leash_gfile_fail (ctx, failure, error);
      return NULL;
    }
  listing = g_new0 (Listing, 1);
  listing->entries = entries;
  return leash_dir_new (&listing_ops, listing, listing_free, path);
}

/* What it can */

static LeashFsOps
gfile_fs_get_ops (LeashFs *fs)
{
  guint reads = LEASH_FS_OP_OPEN | LEASH_FS_OP_OPEN_DIR | LEASH_FS_OP_STAT | LEASH_FS_OP_LSTAT
                | LEASH_FS_OP_READLINK | LEASH_FS_OP_STATFS;

  return g_file_has_uri_scheme (((LeashGfileFs *) fs)->root, "resource") ? reads : LEASH_FS_OPS_ON_PATHS;
}

/* Of others than the disk only what GIO promises of all is told. */
static LeashFsFeatures
gfile_fs_get_features (LeashFs *fs)
{
  GFile *root = ((LeashGfileFs *) fs)->root;

  if (g_file_has_uri_scheme (root, "resource"))
    return 0;
  if (!g_file_is_native (root))
    return LEASH_FS_FEATURE_WRITE;
  return LEASH_FS_FEATURE_WRITE | LEASH_FS_FEATURE_NO_REPLACE | LEASH_FS_FEATURE_MODES
         | LEASH_FS_FEATURE_PERMISSIONS | LEASH_FS_FEATURE_OWNERS | LEASH_FS_FEATURE_TIMES
         | LEASH_FS_FEATURE_INODES | LEASH_FS_FEATURE_OPEN_AFTER_REMOVE | LEASH_FS_FEATURE_SPARSE
         | LEASH_FS_FEATURE_BYTE_NAMES | LEASH_FS_FEATURE_ATOMIC_RENAME | LEASH_FS_FEATURE_DESCRIPTORS;
}

static void
leash_gfile_fs_init_iface (LeashFsInterface *iface)
{
  iface->version = LEASH_FS_INTERFACE_VERSION;
  iface->open = leash_gfile_fs_open;
  iface->open_dir = gfile_fs_open_dir;
  iface->stat = gfile_fs_stat;
  iface->lstat = gfile_fs_lstat;
  iface->mkdir = leash_gfile_fs_mkdir;
  iface->remove = leash_gfile_fs_remove;
  iface->rename = leash_gfile_fs_rename;
  iface->symlink = leash_gfile_fs_symlink;
  iface->readlink = gfile_fs_readlink;
  iface->truncate = leash_gfile_fs_truncate;
  iface->chmod = leash_gfile_fs_chmod;
  iface->chown = leash_gfile_fs_chown;
  iface->set_times = leash_gfile_fs_set_times;
  iface->statfs = gfile_fs_statfs;
  iface->get_ops = gfile_fs_get_ops;
  iface->get_features = gfile_fs_get_features;
}

/**
 * leash_gfile_fs_new:
 * @root: a directory, of any kind that GIO reaches
 *
 * Makes a file system of what is beneath @root, which is its `/`. Paths count from it, and nothing leads
 * outside: symbolic links count from it too. What changes the tree meanwhile is not held off;
 * leash_dir_fs_new() is for that.
 *
 * It can what @root can; the rest fails with %G_IO_ERROR_NOT_SUPPORTED. GIO has no hard links, no exchange of
 * two names and no streams that read and append. Every writer needs the right to read. A new file or
 * directory has the mode that the umask leaves until it gets its own; %LEASH_RENAME_NO_REPLACE looks, and
 * then renames; and a directory that replaces an empty one does so in two steps.
 *
 * The cancellable of a call's context is given to GIO.
 *
 * Returns: (transfer full): the file system
 *
 * Since: 0.1
 */
LeashFs *
leash_gfile_fs_new (GFile *root)
{
  LeashGfileFs *self;

  g_return_val_if_fail (G_IS_FILE (root), NULL);

  self = g_object_new (leash_gfile_fs_get_type (), NULL);
  self->root = g_object_ref (root);
  return (LeashFs *) self;
}
