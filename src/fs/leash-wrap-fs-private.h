/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * LeashWrapFs: what file systems that stand before one other have in common. Every operation, on paths and on
 * what is open, becomes a LeashFsCall and goes to one function, around(), which hands it on by
 * leash_fs_call_perform (self->inner, …), or does not. See leash-wrap-fs.c.
 */
#pragma once

#include "leash-fs-call-private.h"

#define LEASH_TYPE_WRAP_FS (leash_wrap_fs_get_type ())

typedef enum
{
  LEASH_WRAP_NOTHING, /* files and directories are handed on as they are */
  LEASH_WRAP_HANDLES, /* theirs are calls too; no descriptor, which would go around them */
  LEASH_WRAP_NAMES    /* likewise, with the descriptor: what is done to paths only concerns no open file */
} LeashWrapHandles;

/* Nothing in it changes once it is made. */
typedef struct
{
  GObject parent_instance;
  LeashFs *inner; /* a reference */
  char *prefix;   /* of a root within: its path from the outermost root; NULL for that one */
} LeashWrapFs;

typedef struct
{
  GObjectClass parent_class;

  gboolean (*around) (LeashWrapFs *self, LeashContext *ctx, LeashFsCall *call, GError **error);
  /* Makes another one for a root within, which shares what self has beside LeashWrapFs; NULL where that is
   * nothing. */
  LeashWrapFs *(*new_root) (LeashWrapFs *self);

  LeashWrapHandles handles;
  LeashFsOps no_ops;           /* operations that cannot succeed */
  LeashFsFeatures no_features; /* what the inner one has and this one has not */
} LeashWrapFsClass;

GType        leash_wrap_fs_get_type (void);
/* Sets what LeashWrapFs has, of one that has just been made. Returns self. */
LeashFs     *leash_wrap_fs_set_up   (LeashWrapFs    *self,
                                     LeashFs        *inner,
                                     const char     *prefix);

/* leash-wrap-handle.c: take over what the inner file system opened, and stand before it. */
LeashFile   *leash_wrap_file_new    (LeashWrapFs    *fs,
                                     LeashContext   *ctx,
                                     const LeashFsCall *call,
                                     LeashFile      *inner);
LeashDir    *leash_wrap_dir_new     (LeashWrapFs    *fs,
                                     LeashContext   *ctx,
                                     const LeashFsCall *call,
                                     LeashDir       *inner);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (LeashWrapFs, g_object_unref)
