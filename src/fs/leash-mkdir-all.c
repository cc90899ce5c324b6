/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Directories with what is missing above them, and the question whether something is there.
 *
 * From the end of the path it is tried to make each directory, up to the first that can be made or is there,
 * and from there down again: a directory whose parent is there costs one call. Whether a failure matters is
 * asked of what is there then, so that it does not matter who else makes the same directories meanwhile, or
 * which error a file system prefers where there are several.
 */
#include "leash-files-private.h"

#include <string.h>

typedef struct
{
  LeashFs *fs;
  LeashContext *ctx;
  char *path; /* owned; cut and restored at its slashes */
  guint mode;
  guint mode_above; /* as mkdir -p: the owner gets in, or the next one could not be made */
} Making;

static gboolean
is_dir (const Making *making)
{
  LeashStat stat;

  return leash_fs_stat (making->fs, making->ctx, making->path, &stat, NULL)
         && stat.type == G_FILE_TYPE_DIRECTORY;
}

/* Makes what the path says at this moment, unless it is there. */
static gboolean
make_one (const Making *making, gboolean is_last, GError **error)
{
  g_autoptr (GError) failure = NULL;
  guint mode = is_last ? making->mode : making->mode_above;

  if (leash_fs_mkdir (making->fs, making->ctx, making->path, mode, &failure) || is_dir (making))
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&failure));
  return FALSE;
}

/* The end of the path above the one that ends at end, 0 when there is none. */
static gsize
end_above (const char *path, gsize end)
{
  while (end > 0 && path[end - 1] != '/')
    end--;
  while (end > 0 && path[end - 1] == '/')
    end--;
  return end;
}

static gsize
end_below (const char *path, gsize end)
{
  end += strspn (path + end, "/");
  return end + strcspn (path + end, "/");
}

static gboolean
make_until (Making *making, gsize end, gsize length, GError **error)
{
  char cut = making->path[end];
  gboolean made;

  making->path[end] = '\0';
  made = make_one (making, end == length, error);
  making->path[end] = cut;
  return made;
}

static gboolean
make_all (Making *making, GError **error)
{
  gsize length = strlen (making->path);
  gsize end = length;
  g_autoptr (GError) failure = NULL;

  while (length > 1 && making->path[length - 1] == '/')
    length--;
  end = length;
  while (!make_until (making, end, length, &failure))
    {
      gsize above = end_above (making->path, end);

      if (above == 0 || !g_error_matches (failure, G_IO_ERROR, G_IO_ERROR_NOT_FOUND))
        {
          g_propagate_error (error, g_steal_pointer (&failure));
          return FALSE;
        }
      g_clear_error (&failure);
      end = above;
    }
  while (end < length)
    {
      end = end_below (making->path, end);
      if (!make_until (making, end, length, error))
        return FALSE;
    }
  return TRUE;
}

/**
 * leash_mkdir_all:
 * @ctx: a context
 * @path: (type filename): what to make
 * @mode: its permissions, 07777 at most; the process's umask is taken off
 * @error: return location for an error
 *
 * Makes a directory of the file system that @ctx carries, with those above it that are missing. Those get
 * @mode too, with the owner's permission to write and search. What is there already, also by a symbolic
 * link, is left as it is; when it is no directory, this fails with %G_IO_ERROR_EXISTS or
 * %G_IO_ERROR_NOT_DIRECTORY. When this fails, some of the directories may have been made.
 *
 * Returns: %TRUE, or %FALSE with @error set
 *
 * Since: 0.1
 */
gboolean
leash_mkdir_all (LeashContext *ctx, const char *path, guint mode, GError **error)
{
  g_autofree char *copy = g_strdup (path);
  Making making = { .ctx = ctx, .path = copy, .mode = mode, .mode_above = mode | 0300 };

  g_return_val_if_fail (ctx != NULL, FALSE);
  g_return_val_if_fail (path != NULL, FALSE);

  making.fs = leash_context_get_fs (ctx);
  if (leash_fs_check_path (path, error) && make_all (&making, error))
    return TRUE;
  leash_attempt_prefix (error, "Making all of", path);
  return FALSE;
}

/**
 * leash_exists:
 * @ctx: a context
 * @path: (type filename): which file
 * @ret_exists: (out): whether it is there
 * @error: return location for an error
 *
 * Tells whether something is at a path of the file system that @ctx carries, following symbolic links, and
 * tells that nothing is there from not being able to know. What would have to be in a file is not there.
 *
 * Returns: %TRUE when that is known, or %FALSE with @error set
 *
 * Since: 0.1
 */
gboolean
leash_exists (LeashContext *ctx, const char *path, gboolean *ret_exists, GError **error)
{
  g_autoptr (GError) failure = NULL;
  LeashStat stat;
  gboolean found;

  g_return_val_if_fail (ctx != NULL, FALSE);
  g_return_val_if_fail (path != NULL, FALSE);
  g_return_val_if_fail (ret_exists != NULL, FALSE);

  found = leash_stat (ctx, path, &stat, &failure);
  if (!found && !g_error_matches (failure, G_IO_ERROR, G_IO_ERROR_NOT_FOUND)
      && !g_error_matches (failure, G_IO_ERROR, G_IO_ERROR_NOT_DIRECTORY))
    {
      g_propagate_error (error, g_steal_pointer (&failure));
      return FALSE;
    }
  *ret_exists = found;
  return TRUE;
}
