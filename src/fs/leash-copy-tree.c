/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Copying a tree, also from one file system to another.
 *
 * The walk goes through the source, and a second trail follows it through the target, so that both may be
 * deeper than paths can be. Directories are made with permission to write, and get their own permissions and
 * times when the walk leaves them.
 *
 * A tree would be copied into itself for ever. Where inodes are told, each directory above the target is
 * compared with the source before anything is made; and where both ends are one file system, their paths are.
 */
#include <leash/leash-path.h>

#include "leash-copy-private.h"
#include "leash-walk-private.h"

/* A directory that the walk is in. */
typedef struct
{
  LeashStat stat; /* of the source */
  gsize length;   /* of the path of its parent, in the target */
  gboolean made;  /* else it was there */
} Level;

/* A file of the source that has more than one name, and its first copy. */
typedef struct
{
  guint64 device;
  guint64 inode;
  char *path; /* owned */
} Link;

typedef struct
{
  LeashCopy copy;
  LeashTrail source;
  LeashTrail target;
  LeashFs *target_fs; /* for links, whose ends may be beneath different roots */
  GArray *levels;     /* of Level */
  GHashTable *links;  /* of Link, by device and inode */
} TreeCopy;

static void
tree_copy_clear (TreeCopy *tree)
{
  leash_trail_clear (&tree->source);
  leash_trail_clear (&tree->target);
  g_clear_pointer (&tree->levels, g_array_unref);
  g_clear_pointer (&tree->links, g_hash_table_unref);
  g_free (tree->copy.buffer);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (TreeCopy, tree_copy_clear)

static guint
link_hash (gconstpointer data)
{
  const Link *link = data;

  return (guint) (link->inode * G_GUINT64_CONSTANT (0x9e3779b97f4a7c15) >> 32) ^ (guint) link->device;
}

static gboolean
link_equal (gconstpointer a, gconstpointer b)
{
  const Link *one = a;
  const Link *other = b;

  return one->inode == other->inode && one->device == other->device;
}

static void
link_free (gpointer data)
{
  Link *link = data;

  g_free (link->path);
  g_free (link);
}

static LeashCopyEnd
end_of (LeashTrail *trail)
{
  return (LeashCopyEnd){ trail->fs, leash_trail_get (trail) };
}

/* Makes a second name for what was copied before. */
static gboolean
link_again (TreeCopy *tree, const char *first, GError **error)
{
  LeashContext *ctx = tree->copy.ctx;
  const char *path = tree->target.path;
  g_autoptr (GError) failure = NULL;

  if (leash_fs_link (tree->target_fs, ctx, first, path, &failure))
    return TRUE;
  if ((tree->copy.flags & LEASH_COPY_OVERWRITE) != 0
      && g_error_matches (failure, G_IO_ERROR, G_IO_ERROR_EXISTS))
    return leash_fs_remove (tree->target_fs, ctx, path, error)
           && leash_fs_link (tree->target_fs, ctx, first, path, error);
  g_propagate_error (error, g_steal_pointer (&failure));
  return FALSE;
}

static gboolean
copy_file (TreeCopy *tree, const LeashStat *stat, GError **error)
{
  const LeashCopyEnd from = end_of (&tree->source);
  const LeashCopyEnd to = end_of (&tree->target);
  Link link = { .device = stat->device, .inode = stat->inode };
  gboolean is_shared = (tree->copy.flags & LEASH_COPY_HARD_LINKS) != 0 && stat->nlink > 1 && stat->inode != 0;
  const Link *known = is_shared ? g_hash_table_lookup (tree->links, &link) : NULL;

  if (known != NULL)
    return link_again (tree, known->path, error);
  if (!leash_copy_one (&tree->copy, &from, stat, &to, error))
    return FALSE;
  if (is_shared)
    {
      link.path = g_strdup (tree->target.path);
      g_hash_table_add (tree->links, g_memdup2 (&link, sizeof link));
    }
  return TRUE;
}

/* Makes the directory that the target's path is, and goes into it. */
static gboolean
enter (TreeCopy *tree, const LeashStat *stat, gsize length, GError **error)
{
  const LeashCopyEnd to = end_of (&tree->target);
  Level level = { .stat = *stat, .length = length };
  g_autoptr (GError) failure = NULL;
  LeashStat there;

  level.made = leash_fs_mkdir (to.fs, tree->copy.ctx, to.path, (stat->mode & 0777) | 0700, &failure);
  if (!level.made
      && ((tree->copy.flags & LEASH_COPY_OVERWRITE) == 0
          || !leash_fs_lstat (to.fs, tree->copy.ctx, to.path, &there, NULL)
          || there.type != G_FILE_TYPE_DIRECTORY))
    {
      g_propagate_error (error, g_steal_pointer (&failure));
      return FALSE;
    }
  g_array_append_val (tree->levels, level);
  return leash_trail_enter (&tree->target, error);
}

/* Takes from the owner what was given so that the directory could be filled; the umask is not known. */
static gboolean
restrict_owner (TreeCopy *tree, const Level *level, const LeashCopyEnd *to, GError **error)
{
  guint given = 0700 & ~level->stat.mode;
  LeashStat made;

  if (given == 0 || !level->made || (tree->copy.flags & LEASH_COPY_MODES) != 0)
    return TRUE;
  return leash_fs_stat (to->fs, tree->copy.ctx, to->path, &made, error)
         && leash_fs_chmod (to->fs, tree->copy.ctx, to->path, made.mode & ~given, error);
}

static gboolean
leave (TreeCopy *tree, GError **error)
{
  const Level level = g_array_index (tree->levels, Level, tree->levels->len - 1);
  LeashCopyEnd to;

  g_array_set_size (tree->levels, tree->levels->len - 1);
  if (!leash_trail_leave (&tree->target, error))
    return FALSE;
  to = end_of (&tree->target);
  if (!restrict_owner (tree, &level, &to, error)
      || !leash_copy_attributes (&tree->copy, &level.stat, &to, error))
    return FALSE;
  leash_trail_cut (&tree->target, level.length);
  return TRUE;
}

/* The target's path is that of the entry's directory, and is so again for what is no directory. */
static gboolean
copy_entry (TreeCopy *tree, const LeashWalkEntry *entry, GError **error)
{
  const LeashCopyEnd from = { entry->fs, entry->fs_path };
  gsize length = tree->target.length;
  LeashStat stat;
  gboolean copied;

  if (entry->is_after)
    return leave (tree, error);
  if (entry->depth > 0)
    leash_trail_push (&tree->target, entry->name);
  copied = leash_copy_look (&tree->copy, &from, &stat, error);
  if (copied && stat.type == G_FILE_TYPE_DIRECTORY)
    return enter (tree, &stat, length, error);
  copied = copied && copy_file (tree, &stat, error);
  if (copied)
    leash_trail_cut (&tree->target, length);
  return copied;
}

static LeashWalkAction
visit (const LeashWalkEntry *entry, gpointer user_data, GError **error)
{
  TreeCopy *tree = user_data;

  if (entry->error != NULL)
    g_propagate_error (error, g_error_copy (entry->error));
  else if (!copy_entry (tree, entry, error))
    {
      leash_trail_explain (&tree->target, error);
      leash_attempt_prefix_two (error, "Copying", entry->path, "to", tree->target.path);
    }
  else if (!entry->is_after)
    leash_copy_count (&tree->copy, entry->path);
  return LEASH_WALK_CONTINUE;
}

static gboolean
refuse (GError **error)
{
  g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_WOULD_RECURSE, "the copy would be in the tree itself");
  return FALSE;
}

/* Whether one path is the other, or beneath it. */
static gboolean
is_within (const char *path, const char *dir)
{
  g_autofree char *clean = leash_path_clean (path);
  g_autofree char *clean_dir = leash_path_clean (dir);
  gsize length = strlen (clean_dir);

  return g_str_has_prefix (clean, clean_dir) && (clean[length] == '\0' || clean[length] == '/');
}

/* Whether the copy is to be outside of the tree: looks at the directories above it, one by one. */
static gboolean
check_outside (LeashCopy *copy, const LeashCopyEnd *from, const LeashCopyEnd *to, GError **error)
{
  LeashContext *ctx = copy->ctx;
  g_autofree char *parent = leash_files_parent (to->path);
  g_autoptr (GString) above = g_string_new (parent);
  LeashStat source;
  LeashStat stat;
  LeashStat below = { 0 };

  if (!leash_copy_look (copy, from, &source, error))
    return FALSE;
  if (source.type != G_FILE_TYPE_DIRECTORY)
    return TRUE;
  if (from->fs == to->fs && is_within (to->path, from->path))
    return refuse (error);
  if (leash_fs_lstat (to->fs, ctx, to->path, &stat, NULL) && leash_files_is_same (&stat, &source))
    return refuse (error);
  /* The root is above itself, or not to be seen. */
  while (leash_fs_stat (to->fs, ctx, above->str, &stat, NULL) && !leash_files_is_same (&stat, &below))
    {
      if (leash_files_is_same (&stat, &source))
        return refuse (error);
      below = stat;
      g_string_append (above, "/..");
    }
  return TRUE;
}

static gboolean
copy_tree (TreeCopy *tree, const LeashCopyEnd *from, const LeashCopyEnd *to, GError **error)
{
  LeashContext *ctx = tree->copy.ctx;
  gboolean follow = (tree->copy.flags & LEASH_COPY_FOLLOW) != 0;
  LeashWalkFlags flags = LEASH_WALK_AFTER | (follow ? LEASH_WALK_FOLLOW : 0);

  if (!leash_copy_check_flags (tree->copy.flags, error) || !leash_fs_check_path (from->path, error)
      || !leash_fs_check_path (to->path, error) || !check_outside (&tree->copy, from, to, error))
    return FALSE;
  tree->target_fs = to->fs;
  tree->levels = g_array_new (FALSE, FALSE, sizeof (Level));
  tree->links = g_hash_table_new_full (link_hash, link_equal, link_free, NULL);
  leash_trail_init (&tree->source, ctx, from->fs, from->path, 0,
                    follow ? LEASH_TRAIL_NO_ROOTS : LEASH_TRAIL_LONG);
  leash_trail_init (&tree->target, ctx, to->fs, to->path, 0, LEASH_TRAIL_LONG);
  return leash_walk_run (&tree->source, flags, visit, tree, error);
}

/**
 * leash_copy_tree:
 * @ctx: a context
 * @source: (type filename): the tree
 * @target: (type filename): its copy
 * @flags: how to copy
 * @error: return location for an error
 *
 * Copies a tree of the file system that @ctx carries; see leash_copy_tree_full().
 *
 * Returns: %TRUE, or %FALSE with @error set
 *
 * Since: 0.1
 */
gboolean
leash_copy_tree (LeashContext *ctx, const char *source, const char *target, LeashCopyFlags flags,
                 GError **error)
{
  g_return_val_if_fail (ctx != NULL, FALSE);
  g_return_val_if_fail (source != NULL, FALSE);
  g_return_val_if_fail (target != NULL, FALSE);

  return leash_copy_tree_full (ctx, NULL, source, NULL, target, flags, NULL, NULL, error);
}

/**
 * leash_copy_tree_full:
 * @ctx: a context
 * @source_fs: (nullable): where the tree is; %NULL for the file system that @ctx carries
 * @source: (type filename): the tree
 * @target_fs: (nullable): where its copy is to be; %NULL likewise
 * @target: (type filename): its copy: the path of the tree itself, not of a directory for it
 * @flags: how to copy
 * @progress: (scope call) (nullable) (closure user_data): called after each piece of a file, and each entry
 * @user_data: passed to @progress
 * @error: return location for an error
 *
 * Copies a directory with all that is in it, each file as leash_copy_full() does; what is no directory is
 * copied alone. %LEASH_COPY_OVERWRITE mixes the copy with a directory that is there; without it, what is
 * there is refused with %G_IO_ERROR_EXISTS. A tree that the copy would be in is refused with
 * %G_IO_ERROR_WOULD_RECURSE, before anything is made; FIFOs, devices and sockets with
 * %G_IO_ERROR_NOT_REGULAR_FILE when they are come by. With %LEASH_COPY_FOLLOW, a link to a directory that it
 * is in fails with %G_IO_ERROR_TOO_MANY_LINKS.
 *
 * The first error ends it, and so does the end of @ctx. What was copied until then stays, and the message
 * says how many entries that are.
 *
 * Returns: %TRUE, or %FALSE with @error set
 *
 * Since: 0.1
 */
gboolean
leash_copy_tree_full (LeashContext *ctx, LeashFs *source_fs, const char *source, LeashFs *target_fs,
                      const char *target, LeashCopyFlags flags, LeashProgressFunc progress,
                      gpointer user_data, GError **error)
{
  g_auto (TreeCopy) tree
      = { .copy = { .ctx = ctx, .flags = flags, .func = progress, .user_data = user_data } };
  LeashCopyEnd from = { source_fs, source };
  LeashCopyEnd to = { target_fs, target };

  g_return_val_if_fail (ctx != NULL, FALSE);
  g_return_val_if_fail (source_fs == NULL || LEASH_IS_FS (source_fs), FALSE);
  g_return_val_if_fail (source != NULL, FALSE);
  g_return_val_if_fail (target_fs == NULL || LEASH_IS_FS (target_fs), FALSE);
  g_return_val_if_fail (target != NULL, FALSE);

  from.fs = source_fs != NULL ? source_fs : leash_context_get_fs (ctx);
  to.fs = target_fs != NULL ? target_fs : leash_context_get_fs (ctx);
  if (copy_tree (&tree, &from, &to, error))
    return TRUE;
  if (tree.copy.progress.n_entries > 0)
    g_prefix_error (error, "after %" G_GUINT64_FORMAT " entries: ", tree.copy.progress.n_entries);
  leash_attempt_prefix_two (error, "Copying the tree", source, "to", target);
  return FALSE;
}
