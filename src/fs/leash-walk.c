/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Walking through a tree.
 *
 * A directory is read to its end before the walk goes into what is in it, and closed: one is open at a time,
 * however deep the tree, and none while the walk's function looks at a directory. What is no directory is
 * visited while it is read, from where its name lies; only the names of directories are kept, for later. So
 * for a file nothing is allocated, and nothing asked where the directory tells the type. With
 * LEASH_WALK_SORTED all names are kept.
 *
 * Names that are kept lie behind one another in one array, those of a directory in one piece: what is found
 * further down is put behind, and gone when the walk comes back. There is no recursion, and paths may be
 * longer than a system call takes (leash-trail.c). Links that are followed may lead anywhere, which roots
 * would not allow: there paths are as long as the system lets them be.
 */
#include "leash-walk-private.h"

/* A directory that the walk is in. */
typedef struct
{
  gsize length; /* of its path */
  gsize start;  /* where its names begin, among those that are kept */
  gsize next;   /* the one to visit next */
  guint64 device;
  guint64 inode; /* with device: known when links are followed only, 0 else */
} Level;

/* Kept names are a byte for the type each, the name, and a NUL. */
typedef struct
{
  LeashTrail *trail;
  LeashWalkFlags flags;
  LeashWalkFunc func;
  gpointer user_data;
  GArray *levels;   /* of Level */
  GByteArray *kept; /* names */
  gboolean stopped;
  GError *failure; /* ends the walk, with stopped */
} Walk;

static Level *
top_of (Walk *walk)
{
  return &g_array_index (walk->levels, Level, walk->levels->len - 1);
}

static LeashWalkAction
visit_full (Walk *walk, const char *name, GFileType type, gboolean is_after, const GError *error)
{
  const LeashWalkEntry entry = {
    .path = walk->trail->path,
    .name = name,
    .type = type,
    .depth = walk->levels->len,
    .is_after = is_after,
    .error = error,
    .fs = walk->trail->fs,
    .fs_path = leash_trail_get (walk->trail),
  };
  LeashWalkAction action = walk->func (&entry, walk->user_data, &walk->failure);

  if (LEASH_UNLIKELY (walk->failure != NULL))
    action = LEASH_WALK_STOP;
  walk->stopped = action == LEASH_WALK_STOP;
  return action;
}

/* The last name of the path; at depth 0 all of it. */
static const char *
last_name (Walk *walk)
{
  const char *path = walk->trail->path;

  return walk->levels->len == 0 ? path : strrchr (path, '/') + 1;
}

/* The context's end ends the walk; any other error is told, and the walk goes on. Takes error over. */
static void
fail (Walk *walk, GFileType type, GError *error)
{
  g_autoptr (GError) told = error;

  if (!leash_context_is_done (walk->trail->ctx))
    {
      visit_full (walk, last_name (walk), type, FALSE, told);
      return;
    }
  walk->failure = g_steal_pointer (&told);
  walk->stopped = TRUE;
}

/* Asks for the type. Returns FALSE when that failed, or the entry went away, and there is no more to do. */
static gboolean
look_up (Walk *walk, GFileType *type)
{
  LeashTrail *trail = walk->trail;
  g_autoptr (GError) error = NULL;
  LeashStat stat;
  gboolean found = FALSE;

  if ((walk->flags & LEASH_WALK_FOLLOW) != 0)
    found = leash_fs_stat (trail->fs, trail->ctx, leash_trail_get (trail), &stat, NULL);
  /* A link that leads nowhere is an entry of its own. */
  if (!found)
    found = leash_fs_lstat (trail->fs, trail->ctx, leash_trail_get (trail), &stat, &error);
  if (found)
    *type = stat.type;
  else if (walk->levels->len == 0)
    walk->failure = g_steal_pointer (&error);
  else if (!g_error_matches (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND))
    {
      leash_trail_explain (trail, &error);
      fail (walk, G_FILE_TYPE_UNKNOWN, g_steal_pointer (&error));
    }
  return found;
}

static inline gboolean
is_known (const Walk *walk, GFileType type)
{
  return LEASH_LIKELY (type != G_FILE_TYPE_UNKNOWN)
         && (type != G_FILE_TYPE_SYMBOLIC_LINK || (walk->flags & LEASH_WALK_FOLLOW) == 0);
}

static void
keep (Walk *walk, const char *name, GFileType type)
{
  guint8 byte = (guint8) type;

  g_byte_array_append (walk->kept, &byte, 1);
  g_byte_array_append (walk->kept, (const guint8 *) name, (guint) strlen (name) + 1);
}

/* Visits what was just read, or keeps it for later. */
static inline void
take (Walk *walk, const LeashDirEntry *found)
{
  gsize length;
  GFileType type = found->type;

  if ((walk->flags & LEASH_WALK_SORTED) != 0 || type == G_FILE_TYPE_DIRECTORY)
    {
      keep (walk, found->name, type);
      return;
    }
  length = leash_trail_push (walk->trail, found->name);
  if (is_known (walk, type) || look_up (walk, &type))
    {
      if (type == G_FILE_TYPE_DIRECTORY)
        keep (walk, found->name, type);
      else
        visit_full (walk, found->name, type, FALSE, NULL);
    }
  leash_trail_cut (walk->trail, length);
}

static int
compare_kept (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *) a + 1, *(const char *const *) b + 1);
}

static void
sort_kept (Walk *walk, gsize start)
{
  gsize size = walk->kept->len - start;
  g_autofree char *copy = g_memdup2 (walk->kept->data + start, size);
  g_autoptr (GPtrArray) names = g_ptr_array_new ();

  for (gsize i = 0; i < size; i += strlen (copy + i + 1) + 2)
    g_ptr_array_add (names, copy + i);
  g_ptr_array_sort (names, compare_kept);
  g_byte_array_set_size (walk->kept, (guint) start);
  for (guint i = 0; i < names->len; i++)
    {
      const char *name = names->pdata[i];

      g_byte_array_append (walk->kept, (const guint8 *) name, (guint) strlen (name + 1) + 2);
    }
}

/* Reads the directory that the path is. */
static gboolean
read_dir (Walk *walk, GError **error)
{
  LeashTrail *trail = walk->trail;
  g_autoptr (LeashDir) dir = leash_fs_open_dir (trail->fs, trail->ctx, leash_trail_get (trail), error);
  g_autoptr (GError) failure = NULL;
  const LeashDirEntry *found;

  if (dir == NULL)
    return FALSE;
  while (!walk->stopped && leash_dir_next (dir, trail->ctx, &found, &failure))
    take (walk, found);
  if (failure == NULL)
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&failure));
  return FALSE;
}

/* Whether the directory is not one that the walk is in already: links may lead back. */
static gboolean
check_no_loop (Walk *walk, Level *level, GError **error)
{
  LeashTrail *trail = walk->trail;
  LeashStat stat;

  if (!leash_fs_stat (trail->fs, trail->ctx, leash_trail_get (trail), &stat, error))
    return FALSE;
  level->device = stat.device;
  level->inode = stat.inode;
  for (guint i = 0; stat.inode != 0 && i < walk->levels->len; i++)
    {
      const Level *above = &g_array_index (walk->levels, Level, i);

      if (above->inode != stat.inode || above->device != stat.device)
        continue;
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_TOO_MANY_LINKS,
                           "a link leads back to a directory that it is in");
      leash_attempt_prefix (error, "Walking", trail->path);
      return FALSE;
    }
  return TRUE;
}

/* Comes out of the directory that the path is, which could not be read when there is an error: taken over. */
static void
ascend (Walk *walk, GError *error)
{
  g_byte_array_set_size (walk->kept, (guint) top_of (walk)->start);
  g_array_set_size (walk->levels, walk->levels->len - 1);
  if (!walk->stopped)
    walk->stopped = !leash_trail_leave (walk->trail, &walk->failure);
  if (error != NULL && !walk->stopped)
    fail (walk, G_FILE_TYPE_DIRECTORY, g_steal_pointer (&error));
  if ((walk->flags & LEASH_WALK_AFTER) != 0 && !walk->stopped)
    visit_full (walk, last_name (walk), G_FILE_TYPE_DIRECTORY, TRUE, NULL);
  g_clear_error (&error);
}

/* Goes into the directory that the path is. */
static void
descend (Walk *walk)
{
  Level level = { .length = walk->trail->length, .start = walk->kept->len, .next = walk->kept->len };
  g_autoptr (GError) error = NULL;
  gboolean entered = (walk->flags & LEASH_WALK_FOLLOW) == 0 || check_no_loop (walk, &level, &error);

  entered = entered && leash_trail_enter (walk->trail, &error);
  g_array_append_val (walk->levels, level);
  if (entered && read_dir (walk, &error))
    {
      if ((walk->flags & LEASH_WALK_SORTED) != 0)
        sort_kept (walk, level.start);
      return;
    }
  leash_trail_explain (walk->trail, &error);
  ascend (walk, g_steal_pointer (&error));
}

/* Visits what the path is, and goes into it. */
static void
visit (Walk *walk, GFileType type)
{
  LeashWalkAction action;

  if (!is_known (walk, type) && !look_up (walk, &type))
    return;
  action = visit_full (walk, last_name (walk), type, FALSE, NULL);
  if (type == G_FILE_TYPE_DIRECTORY && action == LEASH_WALK_CONTINUE)
    descend (walk);
}

/* Goes on in the directory that the walk is in. */
static void
go_on (Walk *walk)
{
  Level *level = top_of (walk);
  const char *kept;

  leash_trail_cut (walk->trail, level->length);
  if (level->next == walk->kept->len)
    {
      ascend (walk, NULL);
      return;
    }
  kept = (const char *) walk->kept->data + level->next;
  level->next += strlen (kept + 1) + 2;
  leash_trail_push (walk->trail, kept + 1);
  visit (walk, (GFileType) (guint8) kept[0]);
}

gboolean
leash_walk_run (LeashTrail *trail, LeashWalkFlags flags, LeashWalkFunc func, gpointer user_data,
                GError **error)
{
  g_autoptr (GArray) levels = g_array_new (FALSE, FALSE, sizeof (Level));
  g_autoptr (GByteArray) kept = g_byte_array_new ();
  Walk walk = {
    .trail = trail,
    .flags = flags,
    .func = func,
    .user_data = user_data,
    .levels = levels,
    .kept = kept,
  };

  visit (&walk, G_FILE_TYPE_UNKNOWN);
  while (walk.levels->len > 0 && !walk.stopped)
    if (leash_context_check (trail->ctx, &walk.failure))
      go_on (&walk);
    else
      walk.stopped = TRUE;
  if (walk.failure == NULL)
    return TRUE;
  g_propagate_error (error, walk.failure);
  return FALSE;
}

static gboolean
check_flags (LeashWalkFlags flags, GError **error)
{
  const guint known = LEASH_WALK_SORTED | LEASH_WALK_AFTER | LEASH_WALK_FOLLOW;

  if (((guint) flags & ~known) == 0)
    return TRUE;
  g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                       "the flags have bits that are not known");
  return FALSE;
}

/**
 * leash_walk:
 * @ctx: a context
 * @path: (type filename): where to begin; what is no directory is the only entry
 * @flags: how to go
 * @func: (scope call) (closure user_data): called for each entry
 * @user_data: passed to @func
 * @error: return location for an error
 *
 * Walks through a tree of the file system that @ctx carries: @path is visited first, and a directory before
 * what is in it. Without %LEASH_WALK_SORTED the order within a directory is not said.
 *
 * What cannot be read does not end the walk: @func is called with the entry and its error, for a directory
 * after it was called for the directory itself, and decides. Only that @path is not there, and the end of
 * @ctx, make the walk fail on their own. Entries that others make or remove meanwhile may come or not.
 *
 * A symbolic link is not followed, nor is @path itself if it is one; a slash behind it says otherwise. With
 * %LEASH_WALK_FOLLOW links are, and a directory that the walk is in already is not entered again: that is
 * told as an error, %G_IO_ERROR_TOO_MANY_LINKS. A link that leads nowhere is an entry of its own.
 *
 * Trees may be so deep that their paths are longer than any call takes, as long as links are not followed and
 * the file system has leash_fs_open_root(): see @fs_path of #LeashWalkEntry. Descriptors that are open at one
 * time do not depend on the depth, and none is when this returns. @func may change the tree.
 *
 * Returns: %TRUE at the end, also when @func stopped; %FALSE with @error set when @func failed, or the walk
 *
 * Since: 0.1
 */
gboolean
leash_walk (LeashContext *ctx, const char *path, LeashWalkFlags flags, LeashWalkFunc func, gpointer user_data,
            GError **error)
{
  gsize step = (flags & LEASH_WALK_FOLLOW) != 0 ? LEASH_TRAIL_NO_ROOTS : LEASH_TRAIL_LONG;
  g_auto (LeashTrail) trail = { 0 };

  g_return_val_if_fail (ctx != NULL, FALSE);
  g_return_val_if_fail (path != NULL, FALSE);
  g_return_val_if_fail (func != NULL, FALSE);

  if (!check_flags (flags, error) || !leash_fs_check_path (path, error))
    {
      leash_attempt_prefix (error, "Walking", path);
      return FALSE;
    }
  leash_trail_init (&trail, ctx, leash_context_get_fs (ctx), path, 0, step);
  return leash_walk_run (&trail, flags, func, user_data, error);
}
