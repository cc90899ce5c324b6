/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* LeashDir from within: for leash-dir.c, and for what stands before the directory of another file system. */
#pragma once

#include "leash-fs-private.h"
#include "leash-handle-private.h"

struct _LeashDir
{
  LeashHandle handle;     /* first */
  const LeashDirOps *ops; /* static in the implementation */
  LeashDirEntry entry;    /* the last one; written by who has entered */
  char path[];
};
