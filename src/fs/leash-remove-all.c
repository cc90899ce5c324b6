/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Removing a whole tree.
 *
 * Somebody else may write to the tree meanwhile, and put a link to somewhere else where a directory was a
 * moment ago. So nothing is done by paths: the directory that the tree is in is opened, each directory from
 * the one above it without following links, and what is in it is removed by its bare name. What is opened is
 * a directory of the tree or nothing. A file system that cannot open roots has to be believed.
 *
 * What cannot be removed does not end it, so that as much as possible goes, and the first error is told, as
 * by Go's os.RemoveAll() and by rm.
 */
#include "leash-files-private.h"
#include "leash-walk-private.h"

typedef struct
{
  LeashContext *ctx;
  LeashProgress progress;
  LeashProgressFunc func; /* may be NULL */
  gpointer user_data;
  LeashTrail *trail;
  GError *first; /* owned; the first that failed */
} Removal;

static void
count (Removal *removal, const char *path)
{
  removal->progress.n_entries++;
  removal->progress.path = path;
  if (removal->func != NULL)
    removal->func (&removal->progress, removal->user_data);
}

/* Takes error over. */
static void
remember (Removal *removal, GError *error)
{
  if (removal->first == NULL)
    removal->first = error;
  else
    g_error_free (error);
}

static LeashWalkAction
remove_entry (const LeashWalkEntry *entry, gpointer user_data, GError **error)
{
  Removal *removal = user_data;
  g_autoptr (GError) failure = NULL;

  if (entry->type == G_FILE_TYPE_DIRECTORY && !entry->is_after && entry->error == NULL)
    return LEASH_WALK_CONTINUE;
  /* A directory that cannot be read may be empty, or somebody put a link in its place. */
  if (leash_fs_remove (entry->fs, removal->ctx, entry->fs_path, &failure))
    count (removal, entry->path);
  else if (leash_context_check (removal->ctx, error)
           && !g_error_matches (failure, G_IO_ERROR, G_IO_ERROR_NOT_FOUND))
    {
      leash_trail_explain (removal->trail, &failure);
      remember (removal, entry->error != NULL ? g_error_copy (entry->error) : g_steal_pointer (&failure));
    }
  return LEASH_WALK_CONTINUE;
}

/* The tree is not empty: removes what is in it, and it. */
static gboolean
remove_tree (Removal *removal, LeashFs *fs, const char *path, GError **error)
{
  g_autofree char *parent = leash_files_parent (path);
  g_autofree char *tree = g_strdup (path);
  gsize length = strlen (tree);
  g_autoptr (LeashFs) root = NULL;
  g_auto (LeashTrail) trail = { 0 };

  while (tree[length - 1] == '/')
    tree[--length] = '\0';
  if ((leash_fs_get_ops (fs) & LEASH_FS_OP_OPEN_ROOT) != 0)
    {
      const char *slash = strrchr (tree, '/');

      root = leash_fs_open_root (fs, removal->ctx, parent, 0, error);
      if (root == NULL)
        return FALSE;
      leash_trail_init (&trail, removal->ctx, root, tree, slash != NULL ? (gsize) (slash - tree) + 1 : 0,
                        LEASH_TRAIL_ALL_ROOTS);
    }
  else
    leash_trail_init (&trail, removal->ctx, fs, tree, 0, LEASH_TRAIL_NO_ROOTS);
  removal->trail = &trail;
  return leash_walk_run (&trail, LEASH_WALK_AFTER, remove_entry, removal, error);
}

/* "/", and what ends in "." or "..", is no name that could be removed, and much is lost by a mistake. */
static gboolean
check_name (const char *path, GError **error)
{
  g_autofree char *name = g_path_get_basename (path);

  if (strcmp (name, "/") != 0 && strcmp (name, ".") != 0 && strcmp (name, "..") != 0)
    return TRUE;
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, "“%s” is no name of its own", name);
  return FALSE;
}

static gboolean
remove_all (Removal *removal, const char *path, GError **error)
{
  LeashFs *fs = leash_context_get_fs (removal->ctx);
  g_autoptr (GError) failure = NULL;

  if (!leash_fs_check_path (path, error) || !check_name (path, error))
    return FALSE;
  if (leash_fs_remove (fs, removal->ctx, path, &failure))
    {
      count (removal, path);
      return TRUE;
    }
  /* Where the tree itself may not be removed, what is in it may. */
  if (g_error_matches (failure, G_IO_ERROR, G_IO_ERROR_NOT_EMPTY)
      || g_error_matches (failure, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED))
    {
      g_clear_error (&failure);
      if (remove_tree (removal, fs, path, &failure))
        failure = g_steal_pointer (&removal->first);
    }
  if (failure == NULL || g_error_matches (failure, G_IO_ERROR, G_IO_ERROR_NOT_FOUND))
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&failure));
  return FALSE;
}

/**
 * leash_remove_all:
 * @ctx: a context
 * @path: (type filename): what to remove
 * @error: return location for an error
 *
 * Removes a file, or a directory with all that is in it: as leash_remove_all_full() without a function for
 * the progress.
 *
 * Returns: %TRUE, also when it is not there; or %FALSE with @error set
 *
 * Since: 0.1
 */
gboolean
leash_remove_all (LeashContext *ctx, const char *path, GError **error)
{
  g_return_val_if_fail (ctx != NULL, FALSE);
  g_return_val_if_fail (path != NULL, FALSE);

  return leash_remove_all_full (ctx, path, NULL, NULL, error);
}

/**
 * leash_remove_all_full:
 * @ctx: a context
 * @path: (type filename): what to remove
 * @progress: (scope call) (nullable) (closure user_data): called after each entry that was removed
 * @user_data: passed to @progress
 * @error: return location for an error
 *
 * Removes a file of the file system that @ctx carries, or a directory with all that is in it. Symbolic links
 * are removed themselves, @path too if it is one. What is not there is no error.
 *
 * Nothing outside of the tree is removed, whatever others put into it meanwhile, on a file system that has
 * leash_fs_open_root(); on others nothing can be said of that. Entries that are added meanwhile may make it
 * fail with %G_IO_ERROR_NOT_EMPTY. Trees may be of any depth, and few descriptors are needed for them.
 *
 * What cannot be removed does not keep the rest from being removed; the first error is told. When @ctx ends,
 * what is not removed yet stays, and the message says how many entries went.
 *
 * Returns: %TRUE, also when it is not there; or %FALSE with @error set
 *
 * Since: 0.1
 */
gboolean
leash_remove_all_full (LeashContext *ctx, const char *path, LeashProgressFunc progress, gpointer user_data,
                       GError **error)
{
  Removal removal = { .ctx = ctx, .func = progress, .user_data = user_data };
  gboolean removed;

  g_return_val_if_fail (ctx != NULL, FALSE);
  g_return_val_if_fail (path != NULL, FALSE);

  removed = remove_all (&removal, path, error);
  g_clear_error (&removal.first);
  if (removed)
    return TRUE;
  if (removal.progress.n_entries > 0)
    g_prefix_error (error, "after %" G_GUINT64_FORMAT " entries: ", removal.progress.n_entries);
  leash_attempt_prefix (error, "Removing all of", path);
  return FALSE;
}
