/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The fault file system: one before another that fails where it is told to, to see what a program makes of it.
 *
 *     g_autoptr (LeashFs) fs = leash_fault_fs_new (disk);
 *
 *     leash_fault_fs_add (fs, &(LeashFaultRule){ .ops = LEASH_FS_OP_WRITE, .path = "*.log", .first = 3,
 *                                                .effect = LEASH_FAULT_ERRNO, .code = EIO });
 */
#pragma once

#include <leash/leash-fs.h>

G_BEGIN_DECLS

/**
 * LeashFaultEffect:
 * @LEASH_FAULT_ERROR: the call fails with the #GIOErrorEnum that is the rule's code, and does nothing
 * @LEASH_FAULT_ERRNO: likewise with the errno that is the rule's code, and with the host's words for it
 * @LEASH_FAULT_SHORT: reading or writing moves the rule's bytes at most; 0 reads as the end of the file
 * @LEASH_FAULT_DELAY: the call begins only after the rule's delay, on the clock of its context; it fails when
 *   the context is done before
 * @LEASH_FAULT_FULL: after the rule's bytes are written, writing fails with %G_IO_ERROR_NO_SPACE; the write
 *   that reaches the limit is short
 *
 * What a rule does to a call. A file or directory whose closing fails is closed all the same, as by the kernel.
 */
typedef enum
{
  LEASH_FAULT_ERROR,
  LEASH_FAULT_ERRNO,
  LEASH_FAULT_SHORT,
  LEASH_FAULT_DELAY,
  LEASH_FAULT_FULL
} LeashFaultEffect;

/**
 * LeashFaultRule:
 * @ops: operations that it is for; 0 for all that @effect can be of
 * @path: (nullable): a pattern for the path, as for fnmatch() without flags: `*` is anything, `/` too; of
 *   renaming and linking, either path. %NULL is any
 * @first: the first of the calls that match on which it strikes; 0 is as 1
 * @every: from there, it strikes on each @every-th of them; 0 is as 1
 * @times: how often it strikes before it lets everything pass; 0 for no limit
 * @chance: how probable it is that it strikes where it may, from 0 to 1; 0 is as 1
 * @seed: what chance is drawn from: the same seed strikes on the same ones of the calls that match
 * @effect: what it does
 * @code: of %LEASH_FAULT_ERROR and %LEASH_FAULT_ERRNO
 * @bytes: of %LEASH_FAULT_SHORT and %LEASH_FAULT_FULL
 * @delay: of %LEASH_FAULT_DELAY, in microseconds
 *
 * When a fault is injected, and which. All zeros is: every call fails with %G_IO_ERROR_FAILED.
 */
typedef struct
{
  LeashFsOps ops;
  const char *path;
  guint64 first;
  guint64 every;
  guint64 times;
  double chance;
  guint64 seed;
  LeashFaultEffect effect;
  int code;
  guint64 bytes;
  gint64 delay;
  /*< private >*/
  guint64 reserved[4];
} LeashFaultRule;

LEASH_AVAILABLE_IN_0_1
LeashFs  *leash_fault_fs_new          (LeashFs              *fs) G_GNUC_WARN_UNUSED_RESULT;

/* Rules */
LEASH_AVAILABLE_IN_0_1
guint     leash_fault_fs_add          (LeashFs              *fs,
                                       const LeashFaultRule *rule);
LEASH_AVAILABLE_IN_0_1
guint     leash_fault_fs_fail_nth     (LeashFs              *fs,
                                       LeashFsOps            ops,
                                       guint64               nth,
                                       GIOErrorEnum          code);
LEASH_AVAILABLE_IN_0_1
guint     leash_fault_fs_fail_path    (LeashFs              *fs,
                                       LeashFsOps            ops,
                                       const char           *path,
                                       GIOErrorEnum          code);
LEASH_AVAILABLE_IN_0_1
guint     leash_fault_fs_fill         (LeashFs              *fs,
                                       guint64               bytes);
LEASH_AVAILABLE_IN_0_1
gboolean  leash_fault_fs_remove       (LeashFs              *fs,
                                       guint                 rule);

/* What happened */
LEASH_AVAILABLE_IN_0_1
guint64   leash_fault_fs_count_calls  (LeashFs              *fs,
                                       LeashFsOps            ops);
LEASH_AVAILABLE_IN_0_1
guint64   leash_fault_fs_count_struck (LeashFs              *fs,
                                       guint                 rule);
LEASH_AVAILABLE_IN_0_1
char     *leash_fault_fs_get_last     (LeashFs              *fs) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
