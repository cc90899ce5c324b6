/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copying one file, for leash_copy() and for trees. */
#pragma once

#include "leash-files-private.h"

/* A file on its file system. */
typedef struct
{
  LeashFs *fs;
  const char *path;
} LeashCopyEnd;

typedef struct
{
  LeashContext *ctx;
  LeashCopyFlags flags;
  LeashProgress progress;
  LeashProgressFunc func; /* may be NULL */
  gpointer user_data;
  guint8 *buffer; /* owned; made at first need */
} LeashCopy;

gboolean leash_copy_check_flags (LeashCopyFlags       flags,
                                 GError             **error);
/* What source is, by the flags. */
gboolean leash_copy_look        (LeashCopy           *copy,
                                 const LeashCopyEnd  *source,
                                 LeashStat           *ret_stat,
                                 GError             **error);
/* Copies a file or a link, which stat tells of. No directory. */
gboolean leash_copy_one         (LeashCopy           *copy,
                                 const LeashCopyEnd  *source,
                                 const LeashStat     *stat,
                                 const LeashCopyEnd  *target,
                                 GError             **error);
/* Gives target what the flags say of stat. */
gboolean leash_copy_attributes  (LeashCopy           *copy,
                                 const LeashStat     *stat,
                                 const LeashCopyEnd  *target,
                                 GError             **error);
/* One entry is done. */
void     leash_copy_count       (LeashCopy           *copy,
                                 const char          *path);
