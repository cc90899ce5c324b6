/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The entries of one directory in several layers, the first that has a name winning. */
#pragma once

#include "leash-fs-private.h"

/* What the OCI image specification's layers are made of; see leash-overlay-lookup.c. */
#define LEASH_WHITEOUT ".wh."
#define LEASH_WHITEOUT_META LEASH_WHITEOUT LEASH_WHITEOUT
#define LEASH_WHITEOUT_OPAQUE LEASH_WHITEOUT_META ".opq"

typedef struct _LeashMergedDir LeashMergedDir;

LeashMergedDir      *leash_merged_dir_new       (void);
void                 leash_merged_dir_free      (LeashMergedDir  *dir);

/*
 * Reads the directory of one more layer, behind those before. With whiteouts, names of that kind are no
 * entries, and hide what the layers behind have.
 */
gboolean             leash_merged_dir_add       (LeashMergedDir  *dir,
                                                 LeashFs         *fs,
                                                 LeashContext    *ctx,
                                                 const char      *path,
                                                 gboolean         whiteouts,
                                                 GError         **error);
guint                leash_merged_dir_get_count (LeashMergedDir  *dir);
const LeashDirEntry *leash_merged_dir_get       (LeashMergedDir  *dir,
                                                 guint            i);
/* The entries as a directory that is open. Takes dir over. */
LeashDir            *leash_merged_dir_open      (LeashMergedDir  *dir,
                                                 const char      *path);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (LeashMergedDir, leash_merged_dir_free)
