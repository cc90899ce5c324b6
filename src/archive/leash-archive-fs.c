/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An archive as a file system for reading. The tree is made when the archive is opened
 * (leash-archive-scan.c), and never changes; a content is unpacked when its file is opened
 * (leash-archive-content.c), and lies in memory as long as the file is open.
 *
 * Everything that is changed by a lie of the archive's is found in these two places: here is no more than
 * looking up.
 */
#include <leash/leash-archive-fs.h>

#include <errno.h>
#include <limits.h>
#include <string.h>

#include <leash/leash-dir.h>

#include "leash-archive-content-private.h"
#include "leash-archive-scan-private.h"

typedef struct
{
  GObject parent_instance;

  /* Set before the object is given out. */
  ArchiveSource source; /* owned */
  ArchiveTree *tree;
  ArchiveContents *contents;
  guint64 total_bytes;
} LeashArchiveFs;

typedef GObjectClass LeashArchiveFsClass;

static void leash_archive_fs_init_iface (LeashFsInterface *iface);
GType leash_archive_fs_get_type (void);

G_DEFINE_FINAL_TYPE_WITH_CODE (LeashArchiveFs, leash_archive_fs, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (LEASH_TYPE_FS, leash_archive_fs_init_iface))

static void
leash_archive_fs_finalize (GObject *object)
{
  LeashArchiveFs *self = (LeashArchiveFs *) object;

  g_clear_pointer (&self->contents, archive_contents_free);
  g_clear_pointer (&self->tree, archive_tree_free);
  g_clear_pointer (&self->source.bytes, g_bytes_unref);
  g_clear_pointer (&self->source.file, leash_file_unref);
  G_OBJECT_CLASS (leash_archive_fs_parent_class)->finalize (object);
}

static void
leash_archive_fs_class_init (LeashArchiveFsClass *klass)
{
  klass->finalize = leash_archive_fs_finalize;
}

static void
leash_archive_fs_init (LeashArchiveFs *self)
{
}

static ArchiveNode *
find (LeashFs *fs, const char *path, ArchiveFind how, GError **error)
{
  return archive_tree_find (((LeashArchiveFs *) fs)->tree, path, how, error);
}

/* The errno that opening what is there fails with, 0 where nothing is wrong. */
static int
find_fault (const ArchiveNode *node, LeashOpenFlags flags)
{
  if ((flags & LEASH_OPEN_EXCLUSIVE) != 0)
    return EEXIST;
  if (node->target != NULL)
    return ELOOP;
  if (node->children != NULL)
    return EISDIR;
  return (flags & LEASH_OPEN_WRITE) != 0 ? EROFS : 0;
}

static GBytes *
get_content (LeashArchiveFs *self, LeashContext *ctx, const ArchiveNode *node, GError **error)
{
  if (node->stat.type == G_FILE_TYPE_SPECIAL)
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_NOT_REGULAR_FILE,
                         "it is a device, a FIFO or a socket, and an archive has only its name");
  else if (node->is_encrypted)
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED, "it is encrypted");
  else if (node->stat.size == 0)
    return g_bytes_new (NULL, 0);
  else
    return archive_contents_get (self->contents, ctx, node->entry, node->stat.size, error);
  return NULL;
}

static LeashFile *
archive_fs_open (LeashFs *fs, LeashContext *ctx, const char *path, LeashOpenFlags flags, guint mode,
                 GError **error)
{
  ArchiveFind how = (flags & LEASH_OPEN_EXCLUSIVE) != 0 ? 0 : ARCHIVE_FOLLOW;
  ArchiveNode *node;
  g_autoptr (GBytes) content = NULL;
  int fault;

  node = find (fs, path, (flags & LEASH_OPEN_CREATE) != 0 ? how | ARCHIVE_MAKE : how, error);
  if (node == NULL)
    return NULL;
  fault = find_fault (node, flags);
  if (fault != 0)
    {
      archive_set_errno (error, fault);
      return NULL;
    }
  content = get_content ((LeashArchiveFs *) fs, ctx, node, error);
  return content != NULL ? leash_file_new_from_bytes (content, &node->stat, path) : NULL;
}

static gboolean
archive_fs_stat (LeashFs *fs, LeashContext *ctx, const char *path, LeashStat *ret_stat, GError **error)
{
  ArchiveNode *node = find (fs, path, ARCHIVE_FOLLOW, error);

  if (node != NULL)
    *ret_stat = node->stat;
  return node != NULL;
}

static gboolean
archive_fs_lstat (LeashFs *fs, LeashContext *ctx, const char *path, LeashStat *ret_stat, GError **error)
{
  ArchiveNode *node = find (fs, path, 0, error);

  if (node != NULL)
    *ret_stat = node->stat;
  return node != NULL;
}

static char *
archive_fs_readlink (LeashFs *fs, LeashContext *ctx, const char *path, GError **error)
{
  ArchiveNode *node = find (fs, path, 0, error);

  if (node != NULL && node->target == NULL)
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, "it is no symbolic link");
  return node != NULL ? g_strdup (node->target) : NULL;
}

static gboolean
archive_fs_statfs (LeashFs *fs, LeashContext *ctx, const char *path, LeashStatFs *ret_stat, GError **error)
{
  LeashArchiveFs *self = (LeashArchiveFs *) fs;

  if (find (fs, path, ARCHIVE_FOLLOW, error) == NULL)
    return FALSE;
  *ret_stat = (LeashStatFs){
    .total_bytes = self->total_bytes,
    .total_files = self->tree->nodes->len,
    .name_max = NAME_MAX,
    .is_read_only = TRUE,
  };
  return TRUE;
}

typedef struct
{
  LeashFs *fs; /* owned */
  GHashTableIter iter;
  gboolean is_over; /* the iterator may not be asked again then */
} Listing;

static void
listing_free (gpointer impl)
{
  Listing *self = impl;

  g_object_unref (self->fs);
  g_free (self);
}

static gboolean
listing_next (gpointer impl, LeashContext *ctx, LeashDirEntry *ret_entry, GError **error)
{
  Listing *self = impl;
  gpointer name;
  gpointer node;

  self->is_over = self->is_over || !g_hash_table_iter_next (&self->iter, &name, &node);
  if (self->is_over)
    return FALSE;
  ret_entry->name = name;
  ret_entry->type = ((ArchiveNode *) node)->stat.type;
  ret_entry->inode = ((ArchiveNode *) node)->stat.inode;
  return TRUE;
}

static gboolean
listing_close (gpointer impl, GError **error)
{
  return TRUE;
}

static const LeashDirOps listing_ops = {
  .size = sizeof (LeashDirOps),
  .next = listing_next,
  .close = listing_close,
};

static LeashDir *
archive_fs_open_dir (LeashFs *fs, LeashContext *ctx, const char *path, GError **error)
{
  ArchiveNode *node = find (fs, path, ARCHIVE_FOLLOW, error);
  Listing *listing;

  if (node != NULL && node->children == NULL)
    archive_set_errno (error, ENOTDIR);
  if (node == NULL || node->children == NULL)
    return NULL;
  listing = g_new0 (Listing, 1);
  listing->fs = g_object_ref (fs);
  g_hash_table_iter_init (&listing->iter, node->children);
  return leash_dir_new (&listing_ops, listing, listing_free, path);
}

static LeashFsFeatures
archive_fs_get_features (LeashFs *fs)
{
  return LEASH_FS_FEATURE_INODES | LEASH_FS_FEATURE_BYTE_NAMES;
}

static void
leash_archive_fs_init_iface (LeashFsInterface *iface)
{
  iface->version = LEASH_FS_INTERFACE_VERSION;
  iface->open = archive_fs_open;
  iface->open_dir = archive_fs_open_dir;
  iface->stat = archive_fs_stat;
  iface->lstat = archive_fs_lstat;
  iface->readlink = archive_fs_readlink;
  iface->statfs = archive_fs_statfs;
  iface->get_features = archive_fs_get_features;
}

/* Makes the file system of a source that is set. */
static gboolean
read_tree (LeashArchiveFs *self, LeashContext *ctx, const LeashArchiveLimits *limits, GError **error)
{
  LeashArchiveLimits complete = archive_limits_complete (limits);

  self->tree = archive_scan (&self->source, &complete, ctx, &self->total_bytes, error);
  self->contents = archive_contents_new (&self->source, complete.zip_charset, complete.cache_bytes);
  return self->tree != NULL;
}

/**
 * leash_archive_fs_new_from_bytes:
 * @ctx: a context
 * @bytes: an archive
 * @limits: (nullable): what is accepted of it, %NULL for the defaults
 * @error: return location for an error
 *
 * As leash_archive_fs_new(), of an archive that is in memory.
 *
 * Returns: (transfer full): the file system, %NULL with @error set
 *
 * Since: 0.1
 */
LeashFs *
leash_archive_fs_new_from_bytes (LeashContext *ctx, GBytes *bytes, const LeashArchiveLimits *limits,
                                 GError **error)
{
  g_autoptr (LeashFs) fs = NULL;
  LeashArchiveFs *self;

  g_return_val_if_fail (ctx != NULL, NULL);
  g_return_val_if_fail (bytes != NULL, NULL);

  self = g_object_new (leash_archive_fs_get_type (), NULL);
  fs = (LeashFs *) self;
  self->source.bytes = g_bytes_ref (bytes);
  self->source.size = g_bytes_get_size (bytes);
  if (read_tree (self, ctx, limits, error))
    return g_steal_pointer (&fs);
  g_prefix_error (error, "Reading the archive: ");
  return NULL;
}

/**
 * leash_archive_fs_new:
 * @ctx: a context
 * @path: (type filename): an archive, on the file system that @ctx carries
 * @limits: (nullable): what is accepted of it, %NULL for the defaults
 * @error: return location for an error
 *
 * Makes a file system for reading of an archive: zip, tar, compressed tar, 7z, cpio or an ISO image, whatever
 * its name is. Paths count from the archive's root, which nothing leads out of.
 *
 * Nothing is believed of the archive. It is refused as a whole, naming the entry, when an entry's name is
 * absolute or has a `..`, goes through what is no directory, or when a hard link leads nowhere (or only such
 * an entry is left out, by @limits); and when it has more than @limits allow, with
 * %G_IO_ERROR_MESSAGE_TOO_LARGE. A damaged one fails with %G_IO_ERROR_INVALID_DATA: here, or when the file
 * whose content is damaged is opened.
 *
 * The archive's file is open, and on the leash of @ctx's tracker, until the last reference to the file system
 * is given back. Opening a file unpacks it to memory: with the context of that call, in the thread that
 * calls.
 *
 * Returns: (transfer full): the file system, %NULL with @error set
 *
 * Since: 0.1
 */
LeashFs *
leash_archive_fs_new (LeashContext *ctx, const char *path, const LeashArchiveLimits *limits, GError **error)
{
  g_autoptr (LeashFs) fs = NULL;
  g_autofree char *shown = NULL;
  LeashArchiveFs *self;
  LeashStat stat;

  g_return_val_if_fail (ctx != NULL, NULL);
  g_return_val_if_fail (path != NULL, NULL);

  self = g_object_new (leash_archive_fs_get_type (), NULL);
  fs = (LeashFs *) self;
  self->source.file = leash_open (ctx, path, LEASH_OPEN_READ, 0, error);
  if (self->source.file == NULL || !leash_file_stat (self->source.file, ctx, &stat, error))
    return NULL;
  self->source.size = stat.size;
  if (read_tree (self, ctx, limits, error))
    return g_steal_pointer (&fs);
  shown = g_filename_display_name (path);
  g_prefix_error (error, "Reading the archive “%s”: ", shown);
  return NULL;
}
