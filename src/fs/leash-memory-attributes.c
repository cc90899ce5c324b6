/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Modes, owners and times in a memory file system: who may change them, and which bits are lost with that.
 * The tree's lock is held for writing.
 */
#include "leash-memory-private.h"

/* Modes are also changed by those who write, without the tree's lock: see drop_rights(). */
static void
set_mode (LeashMemoryNode *node, guint mode)
{
  guint old = leash_memory_get (node->mode);

  leash_memory_put (node->mode, (old & ~07777u) | mode);
}

int
leash_memory_chmod (const LeashMemoryUser *user, LeashMemoryNode *node, guint mode, gint64 now_ns)
{
  if (!leash_memory_user_owns (user, node))
    return EPERM;
  /* Nobody makes a program run as a group that he is not in. */
  if (user->uid != 0 && !leash_memory_user_is_in (user, node->gid))
    mode &= ~(guint) S_ISGID;
  set_mode (node, mode);
  leash_memory_put (node->ctime_ns, now_ns);
  return 0;
}

/* -1 keeps. */
static gboolean
may_chown (const LeashMemoryUser *user, LeashMemoryNode *node, gint64 uid, gint64 gid)
{
  if (user->uid == 0)
    return TRUE;
  if (uid != -1 && (user->uid != node->uid || uid != node->uid))
    return FALSE;
  return gid == -1
         || (user->uid == node->uid && (gid == node->gid || leash_memory_user_is_in (user, (guint32) gid)));
}

int
leash_memory_chown (const LeashMemoryUser *user, LeashMemoryNode *node, gint64 uid, gint64 gid, gint64 now_ns)
{
  guint lost = leash_memory_user_lost_bits (user, node);

  if (!may_chown (user, node, uid, gid))
    return EPERM;
  /* The kernel changes the mode in the same step, which needs the right to do that. */
  if (lost != 0 && !leash_memory_user_owns (user, node))
    return EPERM;
  set_mode (node, leash_memory_get (node->mode) & 07777 & ~lost);
  node->uid = uid != -1 ? (guint32) uid : node->uid;
  node->gid = gid != -1 ? (guint32) gid : node->gid;
  leash_memory_put (node->ctime_ns, now_ns);
  return 0;
}

static void
set_time (gint64 *time, gint64 value, gint64 now_ns)
{
  if (value != LEASH_TIME_KEEP)
    leash_memory_put (*time, value == LEASH_TIME_NOW ? now_ns : value);
}

int
leash_memory_set_times (const LeashMemoryUser *user, LeashMemoryNode *node, gint64 atime_ns, gint64 mtime_ns,
                        gint64 now_ns)
{
  gboolean is_touch = atime_ns == LEASH_TIME_NOW && mtime_ns == LEASH_TIME_NOW;

  if (!leash_memory_user_owns (user, node))
    {
      if (!is_touch)
        return EPERM;
      /* What a write would do. */
      if (!leash_memory_user_may (user, node, 2))
        return EACCES;
    }
  set_time (&node->atime_ns, atime_ns, now_ns);
  set_time (&node->mtime_ns, mtime_ns, now_ns);
  leash_memory_put (node->ctime_ns, now_ns);
  return 0;
}
