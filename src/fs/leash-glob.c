/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Finding the paths that match a pattern.
 *
 * The pattern is gone through part by part, with the set of paths that match as far as that. A name that is
 * written is put behind each of them, and looked up at the end only, so that it needs no permission to read
 * the directory; a wildcard reads each directory, and "**" walks through each tree. There a directory that
 * came up already, since the tree that it is in was walked through before, is not entered again: no part of a
 * pattern looks into a directory twice, and none costs more for those before it.
 *
 * "**" does not follow symbolic links, which may lead back; what is written, and what one star matches, is
 * followed.
 */
#include <leash/leash-walk.h>

#include "leash-fs-private.h"
#include "leash-glob-private.h"

#include <string.h>

typedef struct
{
  LeashContext *ctx;
  LeashFs *fs;
  LeashGlobFlags flags;
  LeashGlobPattern pattern;
  guint part;       /* the one that is worked on */
  GPtrArray *paths; /* owned; match the parts before; "" is the working directory */
  GPtrArray *found; /* owned; match this one too */
  GHashTable *seen; /* the strings of found, borrowed, while a LEASH_GLOB_DEPTH is worked on */
  const char *top;  /* what it is walked from, borrowed from paths */
} Glob;

static void
glob_clear (Glob *glob)
{
  leash_glob_pattern_clear (&glob->pattern);
  g_clear_pointer (&glob->paths, g_ptr_array_unref);
  g_clear_pointer (&glob->found, g_ptr_array_unref);
  g_clear_pointer (&glob->seen, g_hash_table_unref);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Glob, glob_clear)

static const LeashGlobPart *
part_of (const Glob *glob)
{
  return leash_glob_part (&glob->pattern, glob->part);
}

static gboolean
is_last (const Glob *glob)
{
  return glob->part == glob->pattern.parts->len - 1 && !glob->pattern.needs_dir;
}

static char *
join (const char *dir, const char *name)
{
  gsize length = strlen (dir);

  return g_strconcat (dir, length > 0 && dir[length - 1] != '/' ? "/" : "", name, NULL);
}

/* Whether a failure only means that nothing matches there, or is passed over. Takes failure over if not. */
static gboolean
is_no_match (Glob *glob, GError *failure, GError **error)
{
  static const int absent[] = { G_IO_ERROR_NOT_FOUND, G_IO_ERROR_NOT_DIRECTORY, G_IO_ERROR_TOO_MANY_LINKS };
  gboolean is_done = leash_context_is_done (glob->ctx);
  gboolean passes = !is_done && (glob->flags & LEASH_GLOB_SKIP_ERRORS) != 0;

  for (guint i = 0; i < G_N_ELEMENTS (absent) && !is_done; i++)
    passes |= g_error_matches (failure, G_IO_ERROR, absent[i]);
  if (passes)
    g_error_free (failure);
  else
    g_propagate_error (error, failure);
  return passes;
}

static gboolean
add_literal (Glob *glob, const char *path, GError **error)
{
  g_autofree char *found = join (path, part_of (glob)->text);
  GError *failure = NULL;
  LeashStat stat;

  if (is_last (glob) && !leash_fs_lstat (glob->fs, glob->ctx, found, &stat, &failure))
    return is_no_match (glob, failure, error);
  g_ptr_array_add (glob->found, g_steal_pointer (&found));
  return TRUE;
}

static gboolean
may_be_dir (GFileType type)
{
  return type == G_FILE_TYPE_DIRECTORY || type == G_FILE_TYPE_SYMBOLIC_LINK || type == G_FILE_TYPE_UNKNOWN;
}

static gboolean
add_wild (Glob *glob, const char *path, GError **error)
{
  GError *failure = NULL;
  const LeashDirEntry *entry;
  g_autoptr (LeashDir) dir = leash_fs_open_dir (glob->fs, glob->ctx, path[0] != '\0' ? path : ".", &failure);

  while (dir != NULL && leash_dir_next (dir, glob->ctx, &entry, &failure))
    if ((is_last (glob) || may_be_dir (entry->type))
        && leash_glob_part_matches (part_of (glob), entry->name, glob->flags))
      g_ptr_array_add (glob->found, join (path, entry->name));
  return failure == NULL || is_no_match (glob, failure, error);
}

/* The path as a result: without the "./" or the slash that were put to the top for walking. */
static char *
result_of (const Glob *glob, const LeashWalkEntry *entry)
{
  if (entry->depth == 0)
    return g_strdup (glob->top);
  return g_strdup (entry->path + (glob->top[0] == '\0' ? 2 : 0));
}

static LeashWalkAction
visit (const LeashWalkEntry *entry, gpointer user_data, GError **error)
{
  Glob *glob = user_data;
  g_autofree char *path = NULL;

  if (entry->error != NULL)
    {
      is_no_match (glob, g_error_copy (entry->error), error);
      return LEASH_WALK_CONTINUE;
    }
  if (entry->depth > 0 && !leash_glob_passes (entry->name, glob->flags))
    return LEASH_WALK_SKIP;
  if (!is_last (glob) && entry->type != G_FILE_TYPE_DIRECTORY)
    return LEASH_WALK_CONTINUE;
  path = result_of (glob, entry);
  if (g_hash_table_contains (glob->seen, path))
    return LEASH_WALK_SKIP;
  g_hash_table_add (glob->seen, path);
  g_ptr_array_add (glob->found, g_steal_pointer (&path));
  return LEASH_WALK_CONTINUE;
}

static gboolean
add_depth (Glob *glob, const char *path, GError **error)
{
  g_autofree char *top = path[0] != '\0' ? join (path, "") : g_strdup (".");
  GError *failure = NULL;

  glob->top = path;
  return leash_walk (glob->ctx, top, 0, visit, glob, &failure) || is_no_match (glob, failure, error);
}

static int
compare_paths (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *) a, *(const char *const *) b);
}

/* Goes on by one part. */
static gboolean
advance (Glob *glob, GError **error)
{
  static gboolean (*const add[]) (Glob *, const char *, GError **) = {
    [LEASH_GLOB_LITERAL] = add_literal,
    [LEASH_GLOB_WILD] = add_wild,
    [LEASH_GLOB_DEPTH] = add_depth,
  };

  glob->found = g_ptr_array_new_with_free_func (g_free);
  glob->seen = g_hash_table_new (g_str_hash, g_str_equal);
  /* What is above comes before what is beneath it. */
  g_ptr_array_sort (glob->paths, compare_paths);
  for (guint i = 0; i < glob->paths->len; i++)
    if (!add[part_of (glob)->kind](glob, glob->paths->pdata[i], error))
      return FALSE;
  g_clear_pointer (&glob->seen, g_hash_table_unref);
  g_ptr_array_unref (glob->paths);
  glob->paths = g_steal_pointer (&glob->found);
  return TRUE;
}

/* Keeps directories only, with a slash behind each. */
static gboolean
keep_dirs (Glob *glob, GError **error)
{
  glob->found = g_ptr_array_new_with_free_func (g_free);
  for (guint i = 0; i < glob->paths->len; i++)
    {
      const char *path = glob->paths->pdata[i];
      GError *failure = NULL;
      LeashStat stat;

      if (path[0] == '\0')
        continue;
      if (leash_fs_stat (glob->fs, glob->ctx, path, &stat, &failure))
        {
          if (stat.type == G_FILE_TYPE_DIRECTORY)
            g_ptr_array_add (glob->found, join (path, ""));
        }
      else if (!is_no_match (glob, failure, error))
        return FALSE;
    }
  g_ptr_array_unref (glob->paths);
  glob->paths = g_steal_pointer (&glob->found);
  return TRUE;
}

/* The paths, but for the working directory itself, which "**" finds. */
static char **
take_paths (Glob *glob)
{
  g_autoptr (GPtrArray) paths = g_steal_pointer (&glob->paths);

  g_ptr_array_sort (paths, compare_paths);
  if (paths->len > 0 && *(const char *) paths->pdata[0] == '\0')
    g_ptr_array_remove_index (paths, 0);
  g_ptr_array_add (paths, NULL);
  return (char **) g_ptr_array_steal (paths, NULL);
}

static gboolean
find (Glob *glob, const char *pattern, GError **error)
{
  if (!leash_context_check (glob->ctx, error)
      || !leash_glob_pattern_init (&glob->pattern, pattern, glob->flags, error))
    return FALSE;
  glob->paths = g_ptr_array_new_with_free_func (g_free);
  g_ptr_array_add (glob->paths, g_strdup (glob->pattern.is_absolute ? "/" : ""));
  for (glob->part = 0; glob->part < glob->pattern.parts->len; glob->part++)
    if (!advance (glob, error))
      return FALSE;
  return !glob->pattern.needs_dir || keep_dirs (glob, error);
}

/**
 * leash_glob:
 * @ctx: a context
 * @pattern: (type filename): a pattern; see the top of leash-glob.h
 * @flags: how to match
 * @error: return location for an error
 *
 * Finds what matches a pattern on the file system that @ctx carries. Paths come sorted by their bytes, and as
 * the pattern begins: absolute, relative, or with "./". A slash at the end of the pattern asks for
 * directories, and is at the end of their paths. A path that nothing is at is not found, also when the
 * pattern has no wildcards; that nothing is found is no error.
 *
 * `**` does not follow symbolic links; what is written, and what a star matches, is followed. Nothing but
 * ".." in the pattern goes up. A directory that cannot be read is an error, unless %LEASH_GLOB_SKIP_ERRORS is
 * given. Each part of the pattern reads each directory once at most.
 *
 * Returns: (transfer full) (array zero-terminated=1): the paths, none at all is an empty array; %NULL with
 *   @error set, %G_IO_ERROR_INVALID_ARGUMENT for what is wrong with @pattern
 *
 * Since: 0.1
 */
char **
leash_glob (LeashContext *ctx, const char *pattern, LeashGlobFlags flags, GError **error)
{
  g_auto (Glob) glob = { .ctx = ctx, .flags = flags };

  g_return_val_if_fail (ctx != NULL, NULL);
  g_return_val_if_fail (pattern != NULL, NULL);

  glob.fs = leash_context_get_fs (ctx);
  if (find (&glob, pattern, error))
    return take_paths (&glob);
  leash_attempt_prefix (error, "Finding what matches", pattern);
  return NULL;
}
