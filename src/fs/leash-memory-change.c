/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Changes of names in a memory file system. What is checked, and in which order, is what Linux does, since
 * two reasons to fail at once are common in tests: a missing parent is told before a bad new name, what is
 * there already before a directory that may not be written to.
 *
 * The tree's lock is held for writing all along: a change is seen whole, or not at all.
 */
#include "leash-memory-private.h"

#include <string.h>

/* A directory's mode from mkdir(), and a file's from open(): what of it the kernel takes. */
#define MKDIR_BITS (S_IRWXU | S_IRWXG | S_IRWXO | S_ISVTX)

/* Finds where something is to be made that is not there. */
static int
find_free (const LeashMemoryView *view, const char *path, gboolean is_dir, LeashMemoryPlace *ret_place)
{
  int code = leash_memory_walk (view, path, LEASH_MEMORY_PARENT, ret_place);

  if (code != 0)
    return code;
  if (ret_place->last != LEASH_LAST_NAME)
    return EEXIST;
  code = leash_memory_walk_last (ret_place);
  if (code != 0)
    return code;
  if (ret_place->node != NULL)
    return EEXIST;
  return ret_place->needs_dir && !is_dir ? ENOENT : 0;
}

/* Whose a new node is, and what a set-gid directory hands on. */
static void
init_owner (const LeashMemoryUser *user, LeashMemoryNode *dir, LeashMemoryNode *node)
{
  gboolean inherits = (leash_memory_get (dir->mode) & S_ISGID) != 0;
  const guint runs_as_group = S_ISGID | S_IXGRP;

  node->uid = user->uid;
  node->gid = inherits ? dir->gid : user->gid;
  if (!inherits)
    return;
  if (S_ISDIR (node->mode))
    node->mode |= S_ISGID;
  else if ((node->mode & runs_as_group) == runs_as_group && user->uid != 0
           && !leash_memory_user_is_in (user, dir->gid))
    node->mode &= ~(guint) S_ISGID;
}

int
leash_memory_make (const LeashMemoryView *view, LeashMemoryPlace *place, guint mode, gint64 now_ns)
{
  int code = leash_memory_user_may_create (view->user, place->dir);
  LeashMemoryNode *node;

  if (code != 0)
    return code;
  node = leash_memory_node_new (view->tree, mode, now_ns);
  if (node == NULL)
    return ENOSPC;
  init_owner (view->user, place->dir, node);
  node->nlink = 1;
  if (S_ISDIR (mode))
    {
      node->nlink = 2;
      node->names = leash_memory_names_new (place->dir);
      place->dir->nlink++;
    }
  leash_memory_names_add (place->dir->names, place->name, place->length, node);
  leash_memory_touch (place->dir, now_ns);
  place->node = node;
  return 0;
}

int
leash_memory_mkdir (const LeashMemoryView *view, const char *path, guint mode, gint64 now_ns)
{
  LeashMemoryPlace place;
  int code = find_free (view, path, TRUE, &place);

  mode &= MKDIR_BITS & ~view->umask;
  return code != 0 ? code : leash_memory_make (view, &place, S_IFDIR | mode, now_ns);
}

int
leash_memory_symlink (const LeashMemoryView *view, const char *target, const char *path, gint64 now_ns)
{
  LeashMemoryPlace place;
  int code = find_free (view, path, FALSE, &place);

  if (code == 0)
    code = leash_memory_make (view, &place, S_IFLNK | 0777, now_ns);
  if (code != 0)
    return code;
  place.node->text = g_strdup (target);
  place.node->size = strlen (target);
  return 0;
}

int
leash_memory_link (const LeashMemoryView *view, const char *path, const char *new_path, gint64 now_ns)
{
  LeashMemoryPlace from, to;
  int code = leash_memory_walk (view, path, LEASH_MEMORY_NO_FOLLOW, &from);

  if (code == 0)
    code = find_free (view, new_path, FALSE, &to);
  if (code == 0)
    code = leash_memory_user_may_create (view->user, to.dir);
  if (code != 0)
    return code;
  if (leash_memory_node_is (from.node, S_IFDIR))
    return EPERM;
  from.node->nlink++;
  leash_memory_put (from.node->ctime_ns, now_ns);
  leash_memory_names_add (to.dir->names, to.name, to.length, from.node);
  leash_memory_touch (to.dir, now_ns);
  return 0;
}

static gboolean
is_empty (LeashMemoryNode *node)
{
  return !leash_memory_node_is (node, S_IFDIR) || node->names->n_live == 0;
}

/* A name of node in dir is gone, or another's. */
static void
drop_link (LeashMemoryTree *tree, LeashMemoryNode *dir, LeashMemoryNode *node, gint64 now_ns)
{
  leash_memory_put (node->ctime_ns, now_ns);
  node->nlink--;
  if (leash_memory_node_is (node, S_IFDIR))
    {
      node->nlink = 0;
      dir->nlink--;
    }
  if (node->nlink == 0)
    leash_memory_node_unref (tree, node);
}

/* Why a path that ends like this cannot be removed. */
static int
refuse_to_remove (LeashLast last)
{
  switch (last)
    {
    case LEASH_LAST_DOT:
      return EINVAL;
    case LEASH_LAST_DOT_DOT:
      return ENOTEMPTY;
    default:
      return EBUSY;
    }
}

int
leash_memory_remove (const LeashMemoryView *view, const char *path, gint64 now_ns)
{
  LeashMemoryPlace place;
  LeashMemoryNames *names;
  int code = leash_memory_walk (view, path, LEASH_MEMORY_PARENT, &place);

  if (code != 0)
    return code;
  if (place.last != LEASH_LAST_NAME)
    return refuse_to_remove (place.last);
  code = leash_memory_walk_last (&place);
  if (code != 0)
    return code;
  if (place.node == NULL)
    return ENOENT;
  if (place.needs_dir && !leash_memory_node_is (place.node, S_IFDIR))
    return ENOTDIR;
  code = leash_memory_user_may_delete (view->user, place.dir, place.node);
  if (code != 0)
    return code;
  if (!is_empty (place.node))
    return ENOTEMPTY;
  names = place.dir->names;
  leash_memory_names_remove (names, leash_memory_names_find (names, place.name, place.length));
  leash_memory_touch (place.dir, now_ns);
  drop_link (view->tree, place.dir, place.node, now_ns);
  return 0;
}

/* Whether dir is node, or somewhere in it. */
static gboolean
is_within (LeashMemoryNode *dir, LeashMemoryNode *node)
{
  while (dir != node && dir->names->parent != dir)
    dir = dir->names->parent;
  return dir == node;
}

static int
find_both (const LeashMemoryView *view, const char *old_path, const char *new_path, LeashRenameFlags flags,
           LeashMemoryPlace *from, LeashMemoryPlace *to)
{
  int code = leash_memory_walk (view, old_path, LEASH_MEMORY_PARENT, from);

  if (code == 0)
    code = leash_memory_walk (view, new_path, LEASH_MEMORY_PARENT, to);
  if (code != 0)
    return code;
  if (from->last != LEASH_LAST_NAME)
    return EBUSY;
  if (to->last != LEASH_LAST_NAME)
    return (flags & LEASH_RENAME_NO_REPLACE) != 0 ? EEXIST : EBUSY;
  code = leash_memory_walk_last (from);
  if (code == 0 && from->node == NULL)
    code = ENOENT;
  return code != 0 ? code : leash_memory_walk_last (to);
}

/* What the two are, and where, whoever asks. */
static int
check_kinds (const LeashMemoryPlace *from, const LeashMemoryPlace *to, LeashRenameFlags flags)
{
  gboolean exchanges = (flags & LEASH_RENAME_EXCHANGE) != 0;
  gboolean from_is_dir = leash_memory_node_is (from->node, S_IFDIR);
  gboolean to_is_dir = to->node != NULL && leash_memory_node_is (to->node, S_IFDIR);

  if ((flags & LEASH_RENAME_NO_REPLACE) != 0 && to->node != NULL)
    return EEXIST;
  if (exchanges && to->node == NULL)
    return ENOENT;
  if (exchanges && !to_is_dir && to->needs_dir)
    return ENOTDIR;
  if (!from_is_dir && (from->needs_dir || (!exchanges && to->needs_dir)))
    return ENOTDIR;
  if (from_is_dir && is_within (to->dir, from->node))
    return EINVAL;
  if (to_is_dir && is_within (from->dir, to->node))
    return exchanges ? EINVAL : ENOTEMPTY;
  return 0;
}

/* Whether who asks may do it. */
static int
check_rights (const LeashMemoryUser *user, const LeashMemoryPlace *from, const LeashMemoryPlace *to,
              LeashRenameFlags flags)
{
  gboolean exchanges = (flags & LEASH_RENAME_EXCHANGE) != 0;
  gboolean from_is_dir = leash_memory_node_is (from->node, S_IFDIR);
  gboolean to_is_dir = to->node != NULL && leash_memory_node_is (to->node, S_IFDIR);
  int code = leash_memory_user_may_delete (user, from->dir, from->node);

  if (code == 0)
    code = to->node == NULL ? leash_memory_user_may_create (user, to->dir)
                            : leash_memory_user_may_delete (user, to->dir, to->node);
  if (code != 0)
    return code;
  if (to->node != NULL && !exchanges && from_is_dir != to_is_dir)
    return from_is_dir ? ENOTDIR : EISDIR;
  /* A directory that moves gets another "..". */
  if (from->dir == to->dir)
    return 0;
  if (from_is_dir && !leash_memory_user_may (user, from->node, 2))
    return EACCES;
  if (exchanges && to_is_dir && !leash_memory_user_may (user, to->node, 2))
    return EACCES;
  return 0;
}

/* The node is in dir now, and was in old_dir. */
static void
settle (LeashMemoryNode *node, LeashMemoryNode *old_dir, LeashMemoryNode *dir, gint64 now_ns)
{
  leash_memory_put (node->ctime_ns, now_ns);
  leash_memory_touch (old_dir, now_ns);
  leash_memory_touch (dir, now_ns);
  if (!leash_memory_node_is (node, S_IFDIR))
    return;
  node->names->parent = dir;
  old_dir->nlink--;
  dir->nlink++;
}

static LeashMemoryEntry *
entry_of (const LeashMemoryPlace *place)
{
  return leash_memory_names_find (place->dir->names, place->name, place->length);
}

static void
move (LeashMemoryTree *tree, const LeashMemoryPlace *from, const LeashMemoryPlace *to, gint64 now_ns)
{
  settle (from->node, from->dir, to->dir, now_ns);
  if (to->node == NULL)
    leash_memory_names_add (to->dir->names, to->name, to->length, from->node);
  else
    entry_of (to)->node = from->node;
  leash_memory_names_remove (from->dir->names, entry_of (from));
  if (to->node != NULL)
    drop_link (tree, to->dir, to->node, now_ns);
}

int
leash_memory_rename (const LeashMemoryView *view, const char *old_path, const char *new_path,
                     LeashRenameFlags flags, gint64 now_ns)
{
  LeashMemoryPlace from, to;
  int code = find_both (view, old_path, new_path, flags, &from, &to);

  if (code == 0)
    code = check_kinds (&from, &to, flags);
  if (code != 0 || from.node == to.node)
    return code;
  code = check_rights (view->user, &from, &to, flags);
  if (code != 0)
    return code;
  if ((flags & LEASH_RENAME_EXCHANGE) != 0)
    {
      entry_of (&from)->node = to.node;
      entry_of (&to)->node = from.node;
      settle (from.node, from.dir, to.dir, now_ns);
      settle (to.node, to.dir, from.dir, now_ns);
      return 0;
    }
  if (to.node != NULL && !is_empty (to.node))
    return ENOTEMPTY;
  move (view->tree, &from, &to, now_ns);
  return 0;
}
