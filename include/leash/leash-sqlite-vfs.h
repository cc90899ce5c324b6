/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SQLite on any LeashFs: in memory, before a disk that fails, over one that is not to change.
 *
 *     g_autoptr (LeashFs) fs = leash_memory_fs_new ();
 *     const char *vfs = leash_sqlite_vfs_register (fs, test.ctx, &error);
 *
 *     sqlite3_open_v2 ("notes.db", &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, vfs);
 *     ...
 *     sqlite3_close (db);
 *     leash_sqlite_vfs_unregister (vfs, &error);
 */
#pragma once

#include <leash/leash-context.h>
#include <leash/leash-fs.h>

G_BEGIN_DECLS

LEASH_AVAILABLE_IN_0_1
const char *leash_sqlite_vfs_register       (LeashFs       *fs,
                                             LeashContext  *ctx,
                                             GError       **error) G_GNUC_WARN_UNUSED_RESULT;
LEASH_AVAILABLE_IN_0_1
gboolean    leash_sqlite_vfs_unregister     (const char    *name,
                                             GError       **error);
LEASH_AVAILABLE_IN_0_1
const char *leash_sqlite_vfs_get_last_error (void);

G_END_DECLS
