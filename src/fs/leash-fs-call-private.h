/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * LeashFsCall: one operation on a file system as a value, so that it can be checked, handed on, refused and
 * written down without a function of its own for each kind. The public functions make one and
 * leash_fs_call_perform() calls the implementation; file systems that stand before others do the same with
 * the call that they were asked for.
 *
 * Files are opened without one where time counts; see leash_fs_open().
 */
#pragma once

#include "leash-fs-private.h"

typedef struct
{
  LeashFsOps op;      /* one of %LEASH_FS_OPS_ON_PATHS */
  const char *path;   /* borrowed, as all here; what is acted on; for a symbolic link, where it is made */
  const char *target; /* the new path of renaming and linking, the text of a symbolic link, else NULL */
  guint flags;        /* LeashOpenFlags, LeashRenameFlags or LeashPathFlags */
  guint mode;         /* opening, mkdir, chmod */
  gint64 length;      /* truncate */
  gint64 uid, gid;    /* chown */
  gint64 atime_ns, mtime_ns; /* set_times */

  /* Results: set on success only */
  LeashStat *ret_stat;     /* stat, lstat */
  LeashStatFs *ret_statfs; /* statfs */
  gpointer result;         /* owned by the caller: a LeashFile, LeashDir, LeashFs, or the text of a link */
} LeashFsCall;

/* Calls the implementation, if it has the operation. No tag is made, and the error is the bare reason. */
gboolean     leash_fs_call_perform (LeashFs      *fs,
                                    LeashContext *ctx,
                                    LeashFsCall  *call,
                                    GError      **error);
/* Puts before the reason what was attempted, and on what. */
void         leash_fs_call_prefix  (const LeashFsCall *call,
                                    GError           **error);
/* The operation's name: "open_dir". op is one bit. */
const char  *leash_fs_op_to_string (LeashFsOps    op);
