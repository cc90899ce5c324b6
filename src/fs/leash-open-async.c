/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Opening in a thread of GIO's pool.
 *
 * The stack that a report needs is that of who called leash_open_async(): the thread's own says nothing. The
 * tag is therefore made at the call, and handed to the file when that is there. What is never finished shows
 * as open meanwhile, and that it is.
 */
#include <leash/leash-file-stream.h>

#include "leash-file-private.h"

/* Its address tells our results from others'. */
static char source_tag;

typedef struct
{
  LeashContext *ctx; /* owned */
  char *path;        /* owned */
  LeashOpenFlags flags;
  guint mode;
  LeashTag *tag; /* until the file has it; NULL when nothing tracks */
} Opening;

static void
opening_clear (Opening *opening)
{
  leash_untrack (opening->tag);
  g_clear_pointer (&opening->ctx, leash_context_unref);
  g_clear_pointer (&opening->path, g_free);
  opening->tag = NULL;
}

static void
opening_free (gpointer data)
{
  opening_clear (data);
  g_free (data);
}

static void
open_in_thread (GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  Opening *opening = data;
  GError *error = NULL;
  LeashFile *file = leash_fs_open_untracked (leash_context_get_fs (opening->ctx), opening->ctx, opening->path,
                                             opening->flags, opening->mode, &error);

  if (file != NULL)
    leash_handle_set_tag (&file->handle, g_steal_pointer (&opening->tag), file->ops->get_fd);
  /* The caller may find that nothing is left of it before this thread lets go of the task. */
  opening_clear (opening);
  if (file != NULL)
    g_task_return_pointer (task, file, (GDestroyNotify) leash_file_unref);
  else
    g_task_return_error (task, error);
}

/**
 * leash_open_async:
 * @ctx: a context
 * @path: (type filename): which file
 * @flags: how to open it, as for leash_open()
 * @mode: permissions for a file that is made
 * @io_priority: the priority of the callback, %G_PRIORITY_DEFAULT for none in particular
 * @callback: (scope async) (nullable): called when it is open or has failed
 * @user_data: for @callback
 *
 * Opens a file of the file system that @ctx carries, in a thread of GIO's pool: for what may take its time,
 * such as network mounts. When @ctx is done the opening fails, if it has not begun. The file is on the leash
 * from now on, with the stack of this call, until the opening fails or the file is closed.
 *
 * @callback runs in the thread-default main context of the calling thread.
 *
 * Since: 0.1
 */
void
leash_open_async (LeashContext *ctx, const char *path, LeashOpenFlags flags, guint mode, int io_priority,
                  GAsyncReadyCallback callback, gpointer user_data)
{
  GTask *task;
  Opening *opening;

  g_return_if_fail (ctx != NULL);
  g_return_if_fail (path != NULL);

  task = g_task_new (NULL, NULL, callback, user_data);
  opening = g_new (Opening, 1);
  *opening = (Opening){
    .ctx = leash_context_ref (ctx),
    .path = g_strdup (path),
    .flags = flags,
    .mode = mode,
    .tag = leash_track_caller (ctx, NULL, "file", path, LEASH_CALLER),
  };
  g_task_set_source_tag (task, &source_tag);
  g_task_set_priority (task, io_priority);
  g_task_set_task_data (task, opening, opening_free);
  g_task_run_in_thread (task, open_in_thread);
  g_object_unref (task);
}

/**
 * leash_open_finish:
 * @result: what the callback of leash_open_async() got
 * @error: return location for an error
 *
 * Takes what leash_open_async() opened. A file that nobody takes is closed.
 *
 * Returns: (transfer full): the file, %NULL with @error set
 *
 * Since: 0.1
 */
LeashFile *
leash_open_finish (GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_task_is_valid (result, NULL), NULL);
  g_return_val_if_fail (g_async_result_is_tagged (result, &source_tag), NULL);

  return g_task_propagate_pointer (G_TASK (result), error);
}
