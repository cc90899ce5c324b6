/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* LeashDir: an open directory of any LeashFs, read entry by entry. Its life is that of a LeashFile. */
#pragma once

#include <leash/leash-fs.h>

G_BEGIN_DECLS

#define LEASH_TYPE_DIR (leash_dir_get_type ())

/**
 * LeashDirEntry:
 * @name: the name, without the path: bytes, never "." or ".."
 * @type: what it is; %G_FILE_TYPE_UNKNOWN where only leash_fs_lstat() tells
 * @inode: unique in the device, 0 where there is none
 *
 * An entry of a directory. It is valid until the next call on the directory.
 */
typedef struct
{
  const char *name;
  GFileType type;
  guint64 inode;
} LeashDirEntry;

/**
 * LeashDirOps:
 * @size: `sizeof (LeashDirOps)`
 * @next: sets the entry and returns %TRUE; returns %FALSE at the end, or with an error
 * @close: closes; called once; the directory is closed whatever it returns
 * @get_fd: (nullable): the descriptor, -1 where there is none; %NULL is as that
 *
 * What a directory of a LeashFs implementation does.
 */
typedef struct
{
  gsize size;
  gboolean (*next)  (gpointer impl, LeashContext *ctx, LeashDirEntry *ret_entry, GError **error);
  gboolean (*close) (gpointer impl, GError **error);
  int      (*get_fd) (gpointer impl);
} LeashDirOps;

LEASH_AVAILABLE_IN_0_1
GType       leash_dir_get_type  (void) G_GNUC_CONST;

/* For who implements a LeashFs */
LEASH_AVAILABLE_IN_0_1
LeashDir   *leash_dir_new       (const LeashDirOps    *ops,
                                 gpointer              impl,
                                 GDestroyNotify        destroy,
                                 const char           *path) G_GNUC_WARN_UNUSED_RESULT;

/* For who uses it */
LEASH_AVAILABLE_IN_0_1
LeashDir   *leash_dir_ref       (LeashDir             *dir);
LEASH_AVAILABLE_IN_0_1
void        leash_dir_unref     (LeashDir             *dir);
LEASH_AVAILABLE_IN_0_1
gboolean    leash_dir_next      (LeashDir             *dir,
                                 LeashContext         *ctx,
                                 const LeashDirEntry **ret_entry,
                                 GError              **error);
LEASH_AVAILABLE_IN_0_1
const char *leash_dir_get_path  (LeashDir             *dir);
LEASH_AVAILABLE_IN_0_1
LeashTag   *leash_dir_get_tag   (LeashDir             *dir);
LEASH_AVAILABLE_IN_0_1
gboolean    leash_dir_is_closed (LeashDir             *dir);
LEASH_AVAILABLE_IN_0_1
gboolean    leash_dir_close     (LeashDir             *dir,
                                 GError              **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (LeashDir, leash_dir_unref)

G_END_DECLS
