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
  LeashFsOps op;      /* one bit */
  const char *path;   /* borrowed, as all here; what is acted on; for a symbolic link, where it is made */
  const char *target; /* the new path of renaming and linking, the text of a symbolic link, else NULL */
  guint flags;        /* LeashOpenFlags, LeashRenameFlags or LeashPathFlags */
  guint mode;         /* opening, mkdir, chmod */
  gint64 length;      /* truncate, file_truncate */
  gint64 uid, gid;    /* chown */
  gint64 atime_ns, mtime_ns; /* set_times */

  /* With what is open: only by leash-wrap-fs.c, whose handle stands before this one, and guards it */
  LeashFile *file;
  LeashDir *dir;
  void *buffer;      /* read, write; not changed by writing */
  gsize count;       /* likewise */
  gint64 offset;     /* likewise, -1 at the position; seek */
  GSeekType whence;  /* seek */

  /* From the outermost root, for messages and rules; set by leash-wrap-fs.c, before around() sees the call */
  const char *name;
  const char *target_name; /* of renaming and linking, else NULL */

  /* Results: set on success only */
  LeashStat *ret_stat;      /* stat, lstat, file_stat */
  LeashStatFs *ret_statfs;  /* statfs */
  LeashDirEntry *ret_entry; /* next; its name is NULL at the end */
  gpointer result;          /* owned by the caller: a LeashFile, LeashDir, LeashFs, or the text of a link */
  gint64 number;            /* of bytes, read or written; where a seek led */
} LeashFsCall;

/* Calls the implementation, if it has the operation. No tag is made, and the error is the bare reason. fs is
 * not looked at where the call is on what is open. */
gboolean     leash_fs_call_perform (LeashFs      *fs,
                                    LeashContext *ctx,
                                    LeashFsCall  *call,
                                    GError      **error);
/* leash-fs-call-open.c: likewise, where file or dir is set. */
gboolean     leash_fs_call_perform_open (LeashContext *ctx,
                                         LeashFsCall  *call,
                                         GError      **error);
/* Puts before the reason what was attempted, and on what. */
void         leash_fs_call_prefix  (const LeashFsCall *call,
                                    GError           **error);
/* The operation's name: "open_dir". op is one bit. */
const char  *leash_fs_op_to_string (LeashFsOps    op);

/*
 * leash-fs-call-text.c. The call with what it was given, and what came of one that succeeded: open ("a.ini",
 * READ) and ok, or as members of a JSON object, those of the result with a comma before each.
 */
void         leash_fs_call_append_text   (const LeashFsCall *call,
                                          GString           *to,
                                          gboolean           is_json);
void         leash_fs_call_append_result (const LeashFsCall *call,
                                          GString           *to,
                                          gboolean           is_json);
