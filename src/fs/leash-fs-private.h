/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the files of this part share. Errors are put together in two steps: whoever fails, an operation of an
 * implementation included, says only the reason; the public function puts before it what was attempted, and
 * on which path. So no implementation has to carry paths about for its messages.
 */
#pragma once

#include <leash/leash-dir.h>
#include <leash/leash-file.h>

/* What a context without a file system uses: made at first need, never freed. */
LeashFs *leash_host_fs_get_default (void);

/* Refuses paths that no file system is ever asked for: empty ones, and those that no system call takes. */
gboolean leash_fs_check_path          (const char    *path,
                                       GError       **error);
void     leash_fs_set_errno           (GError       **error,
                                       int            code) G_GNUC_NO_INLINE;
/* Makes “doing “path”: reason” of “reason”; stands in for an implementation that failed without one. */
void     leash_fs_prefix_error        (GError       **error,
                                       const char    *doing,
                                       const char    *path) G_GNUC_NO_INLINE;
void     leash_fs_prefix_rename_error (GError       **error,
                                       const char    *old_path,
                                       const char    *new_path) G_GNUC_NO_INLINE;

/* Called once, on what an implementation returned, before anybody else sees it. */
void     leash_file_track             (LeashFile     *file,
                                       LeashContext  *ctx,
                                       const char    *path,
                                       gconstpointer  caller);
void     leash_dir_track              (LeashDir      *dir,
                                       LeashContext  *ctx,
                                       const char    *path,
                                       gconstpointer  caller);
