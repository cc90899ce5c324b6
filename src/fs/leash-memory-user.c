/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Who may do what in a memory file system: POSIX's rules, with Linux's answers where POSIX leaves a choice.
 * User 0 has what Linux calls the capabilities of root. What administrators of a system may forbid beyond
 * that (fs.protected_hardlinks and its like) is not here.
 */
#include "leash-memory-private.h"

#include <string.h>

LeashMemoryUser *
leash_memory_user_new (guint32 uid, guint32 gid, const guint32 *groups, gsize n_groups)
{
  LeashMemoryUser *user = g_malloc (sizeof *user + n_groups * sizeof *groups);

  *user = (LeashMemoryUser){ .refs = 1, .uid = uid, .gid = gid, .n_groups = n_groups };
  if (n_groups > 0)
    memcpy (user->groups, groups, n_groups * sizeof *groups);
  return user;
}

LeashMemoryUser *
leash_memory_user_ref (LeashMemoryUser *user)
{
  __atomic_fetch_add (&user->refs, 1, __ATOMIC_RELAXED);
  return user;
}

void
leash_memory_user_unref (LeashMemoryUser *user)
{
  if (__atomic_sub_fetch (&user->refs, 1, __ATOMIC_ACQ_REL) == 0)
    g_free (user);
}

gboolean
leash_memory_user_is_in (const LeashMemoryUser *user, guint32 gid)
{
  if (user->gid == gid)
    return TRUE;
  for (gsize i = 0; i < user->n_groups; i++)
    if (user->groups[i] == gid)
      return TRUE;
  return FALSE;
}

gboolean
leash_memory_user_may (const LeashMemoryUser *user, LeashMemoryNode *node, guint wanted)
{
  guint mode = leash_memory_get (node->mode);

  if (user->uid == 0)
    return TRUE;
  if (user->uid == node->uid)
    mode >>= 6;
  else if (leash_memory_user_is_in (user, node->gid))
    mode >>= 3;
  return (wanted & ~mode) == 0;
}

gboolean
leash_memory_user_owns (const LeashMemoryUser *user, LeashMemoryNode *node)
{
  return user->uid == 0 || user->uid == node->uid;
}

int
leash_memory_user_may_create (const LeashMemoryUser *user, LeashMemoryNode *dir)
{
  /* A directory that was removed, and is still open. */
  if (dir->nlink == 0)
    return ENOENT;
  return leash_memory_user_may (user, dir, 3) ? 0 : EACCES;
}

int
leash_memory_user_may_delete (const LeashMemoryUser *user, LeashMemoryNode *dir, LeashMemoryNode *node)
{
  gboolean is_sticky = (leash_memory_get (dir->mode) & S_ISVTX) != 0;

  if (!leash_memory_user_may (user, dir, 3))
    return EACCES;
  if (is_sticky && !leash_memory_user_owns (user, node) && !leash_memory_user_owns (user, dir))
    return EPERM;
  return 0;
}

guint
leash_memory_user_lost_bits (const LeashMemoryUser *user, LeashMemoryNode *node)
{
  guint mode = leash_memory_get (node->mode);
  guint lost = mode & S_ISUID;

  if (!S_ISREG (mode))
    return 0;
  /* Without the right to execute, the bit is no right at all to who is of the group. */
  if ((mode & S_IXGRP) != 0 || (user->uid != 0 && !leash_memory_user_is_in (user, node->gid)))
    lost |= mode & S_ISGID;
  return lost;
}
