/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The memory file system: what a test has instead of a disk. It behaves as one does: directories must be made,
 * permissions hold, errors are the kernel's.
 *
 *     g_autoptr (LeashFs) fs = leash_memory_fs_new ();
 *     g_autoptr (LeashContext) ctx = leash_context_with_fs (test.ctx, fs);
 *
 *     leash_memory_fs_set_limits (fs, 1 << 20, 0);
 */
#pragma once

#include <leash/leash-fs.h>

G_BEGIN_DECLS

/**
 * LeashMemoryContentFunc:
 * @ctx: the context of the call that opened the file
 * @user_data: what was given with the function
 * @error: return location for an error, the reason only
 *
 * Gets the content of a file of leash_memory_fs_add_lazy(). It is called with no lock held, once at a time for
 * each file and never again once it succeeded; when it fails, so does the call that opened the file. It must not
 * open the file that it is called for.
 *
 * Returns: (transfer full): as many bytes as the file was said to have, %NULL with @error set
 *
 * Since: 0.1
 */
typedef GBytes *(*LeashMemoryContentFunc) (LeashContext *ctx, gpointer user_data, GError **error);

LEASH_AVAILABLE_IN_0_1
LeashFs *leash_memory_fs_new             (void) G_GNUC_WARN_UNUSED_RESULT;

/* Who uses it, and how much of it there is */
LEASH_AVAILABLE_IN_0_1
void     leash_memory_fs_set_credentials (LeashFs               *fs,
                                          guint32                uid,
                                          guint32                gid,
                                          const guint32         *groups,
                                          gsize                  n_groups);
LEASH_AVAILABLE_IN_0_1
void     leash_memory_fs_set_umask       (LeashFs               *fs,
                                          guint                  umask);
LEASH_AVAILABLE_IN_0_1
void     leash_memory_fs_set_limits      (LeashFs               *fs,
                                          guint64                n_bytes,
                                          guint64                n_files);

/* What is in it before a test begins */
LEASH_AVAILABLE_IN_0_1
gboolean leash_memory_fs_add_bytes       (LeashFs               *fs,
                                          const char            *path,
                                          GBytes                *content,
                                          guint                  mode,
                                          GError               **error);
LEASH_AVAILABLE_IN_0_1
gboolean leash_memory_fs_add_lazy        (LeashFs               *fs,
                                          const char            *path,
                                          guint64                size,
                                          guint                  mode,
                                          gint64                 mtime_ns,
                                          LeashMemoryContentFunc func,
                                          gpointer               user_data,
                                          GDestroyNotify         destroy,
                                          GError               **error);
LEASH_AVAILABLE_IN_0_1
LeashFs *leash_memory_fs_snapshot        (LeashFs               *fs) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
