/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* LeashFile from within: for leash-file.c, and for leash-fs.c, which puts what it opened on the leash. */
#pragma once

#include <string.h>

#include "leash-fd-private.h"
#include "leash-handle-private.h"
#include "leash-spare-private.h"

struct _LeashFile
{
  LeashHandle handle;      /* first */
  const LeashFileOps *ops; /* static in the implementation */
  LeashOpenFlags flags;    /* %LEASH_OPEN_APPEND includes %LEASH_OPEN_WRITE here */
  guint32 size;            /* of the memory that it is in */
  char path[];
};

/*
 * Calls one of the operations that leash-fd-private.h has inline. Whose file it is decides a compare that is
 * predicted, where a call through the table would be one more function to return from.
 */
#define LEASH_FILE_CALL(file, op, ...)                                                                 \
  (LEASH_LIKELY ((file)->ops == &leash_fd_file_ops) ? leash_fd_##op ((file)->handle.impl, __VA_ARGS__) \
                                                    : (file)->ops->op ((file)->handle.impl, __VA_ARGS__))

/* Of a path with length bytes, which are checked. */
static inline LeashFile *
leash_file_make (const LeashFileOps *ops, gpointer impl, GDestroyNotify destroy, const char *path,
                 gsize length, LeashOpenFlags flags)
{
  gsize size;
  LeashFile *file = leash_spare_take (sizeof (LeashFile) + length + 1, &size);

  leash_handle_init (&file->handle, impl, destroy, ops->close, "file", file->path);
  file->ops = ops;
  file->flags = flags;
  file->size = size;
  memcpy (file->path, path, length + 1);
  return file;
}

/* leash_open() on the host's file system. */
static inline LeashFile *
leash_fd_open_file (LeashContext *ctx, const char *path, gsize length, LeashOpenFlags flags, guint mode,
                    GError **error)
{
  int fd = leash_fd_open (ctx, path, leash_fd_open_flags (flags), mode, error);

  return LEASH_LIKELY (fd >= 0)
             ? leash_file_make (&leash_fd_file_ops, GINT_TO_POINTER (fd), NULL, path, length, flags)
             : NULL;
}

/* Called once, on what an implementation returned, before anybody else sees it. */
static inline void
leash_file_track (LeashFile *file, LeashContext *ctx, const char *path, gconstpointer caller)
{
  if (LEASH_LIKELY (file->ops == &leash_fd_file_ops))
    leash_handle_track (&file->handle, ctx, "file", path, leash_fd_get_fd, caller);
  else
    leash_handle_track (&file->handle, ctx, "file", path, file->ops->get_fd, caller);
}

/* Gives a file that has just been opened another path to be named by in messages. Takes it over. */
LeashFile *leash_file_with_path (LeashFile  *file,
                                 const char *path);
