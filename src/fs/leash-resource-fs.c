/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Resources as files, for reading. They have names, sizes and contents; everything else that a stat has is
 * made up: modes 0444 and 0555, all times and numbers 0. A directory is there when something is in it, and
 * the root always.
 *
 * Contents are read from where GLib has them, in the program's own read-only pages unless they are
 * compressed: those are decompressed at each opening and held as long as the file.
 *
 * Without a resource given, the global ones are looked at, as they are registered at the moment of a call.
 */
#include <errno.h>
#include <string.h>

#include <leash/leash-resource-fs.h>

#include "leash-fs-private.h"
#include "leash-resolve-private.h"

typedef struct
{
  GObject parent_instance;
  GResource *resource; /* owned; NULL for the global ones */
} LeashResourceFs;

typedef GObjectClass LeashResourceFsClass;

static void leash_resource_fs_init_iface (LeashFsInterface *iface);
GType leash_resource_fs_get_type (void);

G_DEFINE_FINAL_TYPE_WITH_CODE (LeashResourceFs, leash_resource_fs, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (LEASH_TYPE_FS, leash_resource_fs_init_iface))

static void
leash_resource_fs_finalize (GObject *object)
{
  LeashResourceFs *self = (LeashResourceFs *) object;

  g_clear_pointer (&self->resource, g_resource_unref);
  G_OBJECT_CLASS (leash_resource_fs_parent_class)->finalize (object);
}

static void
leash_resource_fs_class_init (LeashResourceFsClass *klass)
{
  klass->finalize = leash_resource_fs_finalize;
}

static void
leash_resource_fs_init (LeashResourceFs *self)
{
}

/* The three questions that GLib answers, by names as leash-resolve.c has them: "." is the root. */

static char *
resource_path (const char *path)
{
  return strcmp (path, ".") == 0 ? g_strdup ("/") : g_strconcat ("/", path, NULL);
}

static gboolean
get_size (LeashResourceFs *self, const char *path, gsize *ret_size)
{
  g_autofree char *name = resource_path (path);

  return self->resource != NULL ? g_resource_get_info (self->resource, name, 0, ret_size, NULL, NULL)
                                : g_resources_get_info (name, 0, ret_size, NULL, NULL);
}

static GBytes *
look_up_bytes (LeashResourceFs *self, const char *path, GError **error)
{
  g_autofree char *name = resource_path (path);

  return self->resource != NULL ? g_resource_lookup_data (self->resource, name, 0, error)
                                : g_resources_lookup_data (name, 0, error);
}

static char **
list_children (LeashResourceFs *self, const char *path)
{
  g_autofree char *name = resource_path (path);

  return self->resource != NULL ? g_resource_enumerate_children (self->resource, name, 0, NULL)
                                : g_resources_enumerate_children (name, 0, NULL);
}

static gboolean
look_up (gpointer self, const char *path, LeashStat *ret_stat, GError **error)
{
  g_auto (GStrv) children = NULL;
  gsize size = 0;

  if (get_size (self, path, &size))
    {
      *ret_stat = (LeashStat){ .type = G_FILE_TYPE_REGULAR, .mode = 0444, .size = size, .nlink = 1 };
      return TRUE;
    }
  children = list_children (self, path);
  if ((children == NULL || children[0] == NULL) && strcmp (path, ".") != 0)
    {
      leash_attempt_set_errno (error, ENOENT);
      return FALSE;
    }
  *ret_stat = (LeashStat){ .type = G_FILE_TYPE_DIRECTORY, .mode = 0555, .nlink = 1 };
  return TRUE;
}

static gboolean
resolve (LeashFs *fs, const char *path, LeashResolveMode mode, LeashResolved *ret_resolved, GError **error)
{
  const LeashResolver resolver = { .lstat = look_up, .data = fs, .clamps = TRUE };

  return leash_resolve (&resolver, path, mode, ret_resolved, error);
}

/* The errno that opening fails with, 0 where nothing is wrong. */
static int
find_fault (const LeashResolved *found, LeashOpenFlags flags)
{
  if (!found->exists)
    return EROFS;
  if ((flags & LEASH_OPEN_EXCLUSIVE) != 0)
    return EEXIST;
  if (found->stat.type == G_FILE_TYPE_DIRECTORY)
    return EISDIR;
  return (flags & LEASH_OPEN_WRITE) != 0 ? EROFS : 0;
}

static LeashFile *
resource_fs_open (LeashFs *fs, LeashContext *ctx, const char *path, LeashOpenFlags flags, guint mode,
                  GError **error)
{
  gboolean makes = (flags & LEASH_OPEN_CREATE) != 0;
  LeashResolved found;
  g_autoptr (GBytes) bytes = NULL;
  int fault;

  if (!resolve (fs, path, makes ? LEASH_RESOLVE_CREATE : LEASH_RESOLVE_FOLLOW, &found, error))
    return NULL;
  fault = find_fault (&found, flags);
  if (fault != 0)
    {
      leash_attempt_set_errno (error, fault);
      return NULL;
    }
  bytes = look_up_bytes ((LeashResourceFs *) fs, found.path, error);
  return bytes != NULL ? leash_file_new_from_bytes (bytes, &found.stat, path) : NULL;
}

static gboolean
resource_fs_stat (LeashFs *fs, LeashContext *ctx, const char *path, LeashStat *ret_stat, GError **error)
{
  LeashResolved found;

  if (!resolve (fs, path, LEASH_RESOLVE_FOLLOW, &found, error))
    return FALSE;
  *ret_stat = found.stat;
  return TRUE;
}

static char *
resource_fs_readlink (LeashFs *fs, LeashContext *ctx, const char *path, GError **error)
{
  LeashResolved found;

  if (resolve (fs, path, LEASH_RESOLVE_NO_FOLLOW, &found, error))
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, "it is no symbolic link");
  return NULL;
}

static gboolean
resource_fs_statfs (LeashFs *fs, LeashContext *ctx, const char *path, LeashStatFs *ret_stat, GError **error)
{
  LeashResolved found;

  if (!resolve (fs, path, LEASH_RESOLVE_FOLLOW, &found, error))
    return FALSE;
  *ret_stat = (LeashStatFs){ .name_max = NAME_MAX, .is_read_only = TRUE };
  return TRUE;
}

/* A directory is the list of its names, as it was when it was opened. */
typedef struct
{
  char **names; /* owned; those of directories end with a slash */
  guint next;
} Listing;

static void
listing_free (gpointer impl)
{
  Listing *self = impl;

  g_strfreev (self->names);
  g_free (self);
}

static gboolean
listing_next (gpointer impl, LeashContext *ctx, LeashDirEntry *ret_entry, GError **error)
{
  Listing *self = impl;
  char *name = self->names[self->next];
  gsize length;

  if (name == NULL)
    return FALSE;
  self->next++;
  length = strlen (name);
  ret_entry->type = G_FILE_TYPE_REGULAR;
  if (length > 0 && name[length - 1] == '/')
    {
      name[length - 1] = '\0';
      ret_entry->type = G_FILE_TYPE_DIRECTORY;
    }
  ret_entry->name = name;
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
resource_fs_open_dir (LeashFs *fs, LeashContext *ctx, const char *path, GError **error)
{
  LeashResolved found;
  Listing *listing;

  if (!resolve (fs, path, LEASH_RESOLVE_FOLLOW, &found, error))
    return NULL;
  if (found.stat.type != G_FILE_TYPE_DIRECTORY)
    {
      leash_attempt_set_errno (error, ENOTDIR);
      return NULL;
    }
  listing = g_new0 (Listing, 1);
  listing->names = list_children ((LeashResourceFs *) fs, found.path);
  if (listing->names == NULL)
    listing->names = g_new0 (char *, 1);
  return leash_dir_new (&listing_ops, listing, listing_free, path);
}

static LeashFsFeatures
resource_fs_get_features (LeashFs *fs)
{
  return LEASH_FS_FEATURE_BYTE_NAMES;
}

static void
leash_resource_fs_init_iface (LeashFsInterface *iface)
{
  iface->version = LEASH_FS_INTERFACE_VERSION;
  iface->open = resource_fs_open;
  iface->open_dir = resource_fs_open_dir;
  iface->stat = resource_fs_stat;
  iface->lstat = resource_fs_stat;
  iface->readlink = resource_fs_readlink;
  iface->statfs = resource_fs_statfs;
  iface->get_features = resource_fs_get_features;
}

/**
 * leash_resource_fs_new:
 * @resource: (nullable): resources, %NULL for those that are registered globally
 *
 * Makes a file system for reading of resources: `/org/example/app/main.ui` is a path in it. It has no links,
 * times or owners; files have the mode 0444, directories 0555.
 *
 * Returns: (transfer full): the file system
 *
 * Since: 0.1
 */
LeashFs *
leash_resource_fs_new (GResource *resource)
{
  LeashResourceFs *self = g_object_new (leash_resource_fs_get_type (), NULL);

  if (resource != NULL)
    self->resource = g_resource_ref (resource);
  return (LeashFs *) self;
}
