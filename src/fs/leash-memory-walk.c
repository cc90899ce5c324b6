/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Paths in a memory file system, walked as the kernel walks them: name by name from a root, a link's text in
 * the place of its name. Nothing is copied: names are looked up where they stand, in the path or in a link,
 * and what is behind a link waits on a stack.
 *
 * leash_resolve() was not used: it looks every name up from the root again, by a path that it makes, and
 * knows no permissions of directories. Here the tree's lock is held, so that a node is as good as a path.
 */
#include "leash-memory-private.h"

#include <string.h>

/* As many as the kernel follows. */
#define MAX_LINKS 40

typedef struct
{
  const LeashMemoryView *view;
  LeashMemoryNode *dir;         /* where the walk is */
  const char *rest;             /* what is still to be walked; begins with a name */
  const char *after[MAX_LINKS]; /* what is to be walked when rest is; never empty */
  guint depth;                  /* of after */
  guint n_links;
} Walk;

/* Begins with a path, or a link's text. */
static int
begin (Walk *walk, const char *text)
{
  walk->rest = text + strspn (text, "/");
  if (walk->rest == text)
    return 0;
  if (walk->view->rooted)
    return LEASH_MEMORY_OUTSIDE;
  walk->dir = walk->view->root;
  return 0;
}

/* Takes the next name off rest, which begins with one. */
static void
take_name (Walk *walk, LeashMemoryPlace *place)
{
  const char *name = walk->rest;
  const char *end = strchrnul (name, '/');

  walk->rest = end + strspn (end, "/");
  place->dir = walk->dir;
  place->name = name;
  place->length = (gsize) (end - name);
  place->last = LEASH_LAST_NAME;
  place->node = NULL;
  if (name[0] == '.' && place->length == 1)
    place->last = LEASH_LAST_DOT;
  else if (name[0] == '.' && name[1] == '.' && place->length == 2)
    place->last = LEASH_LAST_DOT_DOT;
}

int
leash_memory_walk_last (LeashMemoryPlace *place)
{
  LeashMemoryEntry *entry;

  if (place->length > LEASH_MEMORY_NAME_MAX)
    return ENAMETOOLONG;
  entry = leash_memory_names_find (place->dir->names, place->name, place->length);
  place->node = entry != NULL ? entry->node : NULL;
  return 0;
}

/* As that, for "." and ".." too. */
static int
look_up (Walk *walk, LeashMemoryPlace *place)
{
  if (place->last == LEASH_LAST_NAME)
    return leash_memory_walk_last (place);
  if (place->last == LEASH_LAST_DOT)
    place->node = walk->dir;
  else if (walk->view->rooted && walk->dir == walk->view->root)
    return LEASH_MEMORY_OUTSIDE;
  else
    place->node = walk->dir->names->parent;
  return 0;
}

static int
follow (Walk *walk, LeashMemoryNode *link)
{
  if (walk->n_links++ == MAX_LINKS)
    return ELOOP;
  if (*walk->rest != '\0')
    walk->after[walk->depth++] = walk->rest;
  return begin (walk, link->text);
}

/* Walks over a name behind which there is another. */
static int
walk_through (Walk *walk, LeashMemoryPlace *place)
{
  int code = look_up (walk, place);

  if (code != 0)
    return code;
  if (place->node == NULL)
    return ENOENT;
  if (leash_memory_node_is (place->node, S_IFLNK))
    return follow (walk, place->node);
  if (!leash_memory_node_is (place->node, S_IFDIR))
    return ENOTDIR;
  walk->dir = place->node;
  return 0;
}

/* Ends at the last name, unless it is a link that is followed: ret_done stays FALSE then. */
static int
walk_to (Walk *walk, LeashMemoryPlace *place, LeashMemoryHow how, gboolean *ret_done)
{
  gboolean may_be_missing = how == LEASH_MEMORY_CREATE || how == LEASH_MEMORY_EXCLUSIVE;
  gboolean follows = how != LEASH_MEMORY_EXCLUSIVE && (how != LEASH_MEMORY_NO_FOLLOW || place->needs_dir);
  int code;

  *ret_done = TRUE;
  if (how == LEASH_MEMORY_PARENT && place->last != LEASH_LAST_DOT_DOT)
    return 0;
  if (may_be_missing && place->needs_dir && place->last == LEASH_LAST_NAME)
    return EISDIR;
  code = look_up (walk, place);
  if (code != 0 || how == LEASH_MEMORY_PARENT)
    return code;
  if (place->node == NULL)
    return may_be_missing ? 0 : ENOENT;
  if (follows && leash_memory_node_is (place->node, S_IFLNK))
    {
      *ret_done = FALSE;
      return follow (walk, place->node);
    }
  return place->needs_dir && !leash_memory_node_is (place->node, S_IFDIR) ? ENOTDIR : 0;
}

int
leash_memory_walk (const LeashMemoryView *view, const char *path, LeashMemoryHow how,
                   LeashMemoryPlace *ret_place)
{
  Walk walk;
  gboolean done = FALSE;
  int code;

  *ret_place = (LeashMemoryPlace){ .last = LEASH_LAST_ROOT };
  walk.view = view;
  walk.dir = view->root;
  walk.depth = 0;
  walk.n_links = 0;
  code = begin (&walk, path);
  while (code == 0 && !done)
    {
      while (*walk.rest == '\0' && walk.depth > 0)
        walk.rest = walk.after[--walk.depth];
      if (*walk.rest == '\0')
        {
          ret_place->last = LEASH_LAST_ROOT;
          ret_place->dir = ret_place->node = walk.dir;
          return 0;
        }
      if (!leash_memory_user_may (view->user, walk.dir, 1))
        return EACCES;
      take_name (&walk, ret_place);
      if (*walk.rest != '\0' || walk.depth > 0)
        code = walk_through (&walk, ret_place);
      else
        {
          /* A slash behind a link is one behind what it leads to. */
          ret_place->needs_dir |= walk.rest[-1] == '/';
          code = walk_to (&walk, ret_place, how, &done);
        }
    }
  return code;
}
