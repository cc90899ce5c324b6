/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* LeashFile from within: for leash-file.c, and for leash-fs.c, which puts what it opened on the leash. */
#pragma once

#include "leash-fd-private.h"
#include "leash-handle-private.h"

struct _LeashFile
{
  LeashHandle handle;      /* first */
  const LeashFileOps *ops; /* static in the implementation */
  LeashOpenFlags flags;    /* %LEASH_OPEN_APPEND includes %LEASH_OPEN_WRITE here */
  char path[];
};

/*
 * Calls one of the operations that leash-fd-private.h has inline. Whose file it is decides a compare that is
 * predicted, where a call through the table would be one more function to return from.
 */
#define LEASH_FILE_CALL(file, op, ...)                                                              \
  (G_LIKELY ((file)->ops == &leash_fd_file_ops) ? leash_fd_##op ((file)->handle.impl, __VA_ARGS__) \
                                                : (file)->ops->op ((file)->handle.impl, __VA_ARGS__))

/* Called once, on what an implementation returned, before anybody else sees it. */
static inline void
leash_file_track (LeashFile *file, LeashContext *ctx, const char *path, gconstpointer caller)
{
  leash_handle_track (&file->handle, ctx, "file", path, file->ops->get_fd, caller);
}

/* Gives a file that has just been opened another path to be named by in messages. Takes it over. */
LeashFile *leash_file_with_path (LeashFile  *file,
                                 const char *path);
