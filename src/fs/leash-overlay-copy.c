/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Copying up: what is only in lower is made in upper, the same in all that is seen, so that it can be
 * changed.
 *
 * A copy is made under a name that nobody sees, in the directory that it is for, is given its owner, mode and
 * times there, and is then renamed: no reader finds half of it, and what failed leaves nothing behind. The
 * directory's own times are put back, for nothing in it has changed.
 *
 * A tree is copied in place, from the top down. Whatever part of it has come up by the time that something
 * fails is a true copy, and stays.
 */
#include "leash-overlay-fs-private.h"

#include <errno.h>
#include <string.h>

#include "leash-context-private.h"

/* A leftover of a process that died is ignored by whoever reads layers, as every name that begins so. */
#define TEMPORARY LEASH_WHITEOUT_META "leash-"

#define BLOCK_SIZE 65536

static gboolean
is_zero (const guint8 *block, gsize size)
{
  return block[0] == 0 && memcmp (block, block + 1, size - 1) == 0;
}

/* A call on a file that nobody else has: its errors are bare, and do not name what nobody sees. */
static gboolean
perform (LeashOverlayView *view, LeashFsCall *call, GError **error)
{
  return leash_fs_call_perform (NULL, view->base.ctx, call, error);
}

static gboolean
write_all (LeashOverlayView *view, LeashFile *to, guint8 *block, gsize size, GError **error)
{
  gsize done = 0;

  while (done < size)
    {
      LeashFsCall call = {
        .op = LEASH_FS_OP_WRITE, .file = to, .buffer = block + done, .count = size - done, .offset = -1
      };

      if (!perform (view, &call, error))
        return FALSE;
      if (call.number == 0)
        {
          leash_attempt_set_errno (error, ENOSPC);
          return FALSE;
        }
      done += (gsize) call.number;
    }
  return TRUE;
}

/* Blocks of zeros become holes, where upper has any. The end may lie in one. */
static gboolean
copy_content (LeashOverlayView *view, LeashFile *from, LeashFile *to, GError **error)
{
  gboolean has_holes = (leash_fs_get_features (leash_overlay_upper (view)) & LEASH_FS_FEATURE_SPARSE) != 0;
  g_autofree guint8 *block = g_malloc (BLOCK_SIZE);
  LeashFsCall read
      = { .op = LEASH_FS_OP_READ, .file = from, .buffer = block, .count = BLOCK_SIZE, .offset = -1 };
  LeashFsCall seek = { .op = LEASH_FS_OP_SEEK, .file = to, .whence = G_SEEK_SET };
  LeashFsCall truncate = { .op = LEASH_FS_OP_FILE_TRUNCATE, .file = to };

  do
    {
      if (!leash_context_check (view->base.ctx, error) || !perform (view, &read, error))
        return FALSE;
      seek.offset += read.number;
      if (read.number == 0 || !has_holes || !is_zero (block, (gsize) read.number))
        {
          if (!write_all (view, to, block, (gsize) read.number, error))
            return FALSE;
        }
      else if (!perform (view, &seek, error))
        return FALSE;
    }
  while (read.number > 0);
  truncate.length = seek.offset;
  return !has_holes || perform (view, &truncate, error);
}

static gboolean
copy_file (LeashOverlayView *view, const char *path, const char *temp, GError **error)
{
  const LeashOpenFlags flags = LEASH_OPEN_WRITE | LEASH_OPEN_CREATE | LEASH_OPEN_EXCLUSIVE;
  g_autoptr (LeashFile) from
      = leash_layer_open (leash_overlay_lower (view), view->base.ctx, path, LEASH_OPEN_READ, 0, error);
  g_autoptr (LeashFile) to = NULL;
  LeashFsCall close = { .op = LEASH_FS_OP_CLOSE };

  if (from == NULL)
    return FALSE;
  to = leash_layer_open (leash_overlay_upper (view), view->base.ctx, temp, flags, 0600, error);
  close.file = to;
  return to != NULL && copy_content (view, from, to, error) && perform (view, &close, error);
}

static gboolean
copy_link (LeashOverlayView *view, const char *path, const char *temp, GError **error)
{
  g_autofree char *text = leash_layer_readlink (leash_overlay_lower (view), view->base.ctx, path, error);

  return text != NULL && leash_layer_symlink (leash_overlay_upper (view), view->base.ctx, text, temp, error);
}

static gboolean
make_copy (LeashOverlayView *view, const char *path, GFileType type, const char *temp, GError **error)
{
  switch (type)
    {
    case G_FILE_TYPE_REGULAR:
      return copy_file (view, path, temp, error);
    case G_FILE_TYPE_DIRECTORY:
      return leash_layer_mkdir (leash_overlay_upper (view), view->base.ctx, temp, 0700, error);
    case G_FILE_TYPE_SYMBOLIC_LINK:
      return copy_link (view, path, temp, error);
    default:
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
                           "what is neither file, directory nor symbolic link cannot be copied up");
      return FALSE;
    }
}

static gboolean
copy_owner (LeashOverlayView *view, const char *temp, const LeashStat *from, GError **error)
{
  LeashFsCall call = {
    .op = LEASH_FS_OP_CHOWN,
    .path = temp,
    .uid = from->uid,
    .gid = from->gid,
    .flags = LEASH_PATH_NO_FOLLOW,
  };

  if ((leash_fs_get_features (leash_overlay_lower (view)) & LEASH_FS_FEATURE_OWNERS) == 0
      || (leash_fs_get_ops (leash_overlay_upper (view)) & LEASH_FS_OP_CHOWN) == 0)
    return TRUE;
  return leash_fs_call_perform (leash_overlay_upper (view), view->base.ctx, &call, error);
}

/* Where lower keeps no modes, it shows those of what cannot be written: its owner may write the copy. */
static gboolean
copy_mode (LeashOverlayView *view, const char *temp, const LeashStat *from, GError **error)
{
  gboolean keeps = (leash_fs_get_features (leash_overlay_lower (view)) & LEASH_FS_FEATURE_MODES) != 0;
  LeashFsCall call = { .op = LEASH_FS_OP_CHMOD, .path = temp, .mode = from->mode | (keeps ? 0 : 0200u) };

  if (from->type == G_FILE_TYPE_SYMBOLIC_LINK
      || (leash_fs_get_ops (leash_overlay_upper (view)) & LEASH_FS_OP_CHMOD) == 0)
    return TRUE;
  return leash_fs_call_perform (leash_overlay_upper (view), view->base.ctx, &call, error);
}

gboolean
leash_overlay_copy_times (LeashOverlayView *view, const char *path, const LeashStat *from, GError **error)
{
  return (leash_fs_get_ops (leash_overlay_upper (view)) & LEASH_FS_OP_SET_TIMES) == 0
         || leash_layer_set_times (leash_overlay_upper (view), view->base.ctx, path, from, error);
}

/* The mode comes after the owner, a change of whom takes bits off it. */
static gboolean
copy_to (LeashOverlayView *view, const char *path, const char *temp, GError **error)
{
  LeashFs *upper = leash_overlay_upper (view);
  const LeashStat *from = &view->base.node.stat;
  g_autoptr (LeashContext) still_able = NULL;

  if (make_copy (view, path, from->type, temp, error) && copy_owner (view, temp, from, error)
      && copy_mode (view, temp, from, error) && leash_overlay_copy_times (view, temp, from, error)
      && leash_layer_rename (upper, view->base.ctx, temp, path, 0, error))
    return TRUE;
  still_able = leash_context_without_cancel (view->base.ctx);
  leash_layer_remove (upper, still_able, temp, NULL);
  return FALSE;
}

/* Copies what was found last, whose directory is in upper. */
static gboolean
copy_one (LeashOverlayView *view, const char *path, GError **error)
{
  g_autofree char *dir = g_path_get_dirname (path);
  g_autofree char *temp = g_strdup_printf ("%s/" TEMPORARY "%08x%08x", dir, g_random_int (), g_random_int ());
  LeashStat before;
  gboolean copied;

  if (!leash_layer_lstat (leash_overlay_upper (view), view->base.ctx, dir, &before, error))
    return FALSE;
  copied = leash_context_check (view->base.ctx, error) && copy_to (view, path, temp, error);
  leash_overlay_copy_times (view, dir, &before, NULL);
  if (!copied)
    return FALSE;
  /* It is what is seen now, and the directory that the view came through last, if it is one. */
  view->base.node.layers |= 1 << LEASH_UPPER;
  if (view->base.node.stat.type == G_FILE_TYPE_DIRECTORY)
    view->base.dir_node.layers |= 1 << LEASH_UPPER;
  return TRUE;
}

gboolean
leash_overlay_copy_up (LeashOverlayView *view, const char *path, GError **error)
{
  g_autofree char *part = g_strdup (path);

  if (!leash_overlay_look (view, path, error))
    return FALSE;
  if (leash_overlay_is_in (&view->base.node, LEASH_UPPER))
    return TRUE;
  /* From the directory that is known to be in upper, if it is not the root, or from there. */
  for (gsize end = leash_overlay_is_in (&view->base.dir_node, LEASH_UPPER) ? view->base.dir_length : 0;
       path[end] != '\0';)
    {
      end += path[end] == '/' ? 1 : 0;
      end += strcspn (path + end, "/");
      part[end] = '\0';
      if (!leash_overlay_look (view, part, error)
          || (!leash_overlay_is_in (&view->base.node, LEASH_UPPER) && !copy_one (view, part, error)))
        return FALSE;
      part[end] = path[end];
    }
  return TRUE;
}

gboolean
leash_overlay_copy_parent (LeashOverlayView *view, const char *path, GError **error)
{
  g_autofree char *dir = g_path_get_dirname (path);

  return leash_overlay_copy_up (view, dir, error);
}

/* Whether what was found last is a directory with entries of lower's. */
static gboolean
is_merged (const LeashOverlayView *view)
{
  return view->base.node.stat.type == G_FILE_TYPE_DIRECTORY
         && leash_overlay_is_in (&view->base.node, LEASH_LOWER);
}

/* What is in a directory that has come up; the children's own directories are left for later. */
static gboolean
copy_children (LeashOverlayView *view, const char *path, GQueue *dirs, GError **error)
{
  g_autoptr (LeashMergedDir) children = NULL;

  if (!leash_overlay_look (view, path, error))
    return FALSE;
  children = leash_overlay_list (view, path, error);
  if (children == NULL)
    return FALSE;
  for (guint i = 0; i < leash_merged_dir_get_count (children); i++)
    {
      g_autofree char *child = g_build_filename (path, leash_merged_dir_get (children, i)->name, NULL);

      if (!leash_overlay_copy_up (view, child, error))
        return FALSE;
      if (is_merged (view))
        g_queue_push_tail (dirs, g_steal_pointer (&child));
    }
  return TRUE;
}

gboolean
leash_overlay_copy_tree (LeashOverlayView *view, const char *path, GError **error)
{
  GQueue dirs = G_QUEUE_INIT;
  gboolean copied = leash_overlay_copy_up (view, path, error);

  if (copied && is_merged (view))
    g_queue_push_tail (&dirs, g_strdup (path));
  while (copied && !g_queue_is_empty (&dirs))
    {
      g_autofree char *dir = g_queue_pop_head (&dirs);

      copied = copy_children (view, dir, &dirs, error);
    }
  g_queue_clear_full (&dirs, g_free);
  return copied;
}
