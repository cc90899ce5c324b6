/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Renaming in an overlay. What is renamed is copied up, a directory with all that is in it, so that one
 * rename in upper moves it; overlayfs of Linux redirects to lower instead, by an attribute that layers do not
 * have.
 *
 * The steps, of which only the rename changes what is seen:
 * - a directory that goes to where lower has something is made opaque, which its own content does not need;
 * - a whiteout is put beside the old name, if lower has it: what upper has by it is seen still;
 * - an empty directory that is replaced gets a whiteout beside it, and then loses the marks in it;
 * - the rename;
 * - the new name's whiteout goes.
 */
#include "leash-overlay-fs-private.h"

#include <errno.h>
#include <string.h>

/* One of the two names. */
typedef struct
{
  LeashResolved at;
  LeashLayersNode node; /* where it exists */
  gboolean in_lower;    /* see leash_overlay_find_lower() */
} Side;

static gboolean
is_dir (const Side *side)
{
  return side->at.exists && side->at.stat.type == G_FILE_TYPE_DIRECTORY;
}

static gboolean
find_side (LeashOverlayView *view, const char *path, Side *ret_side, GError **error)
{
  if (!leash_overlay_resolve (view, path, LEASH_RESOLVE_PLACE, &ret_side->at, error))
    return FALSE;
  ret_side->node = view->base.node;
  return TRUE;
}

/* Whether path is, or is in, the directory at dir. */
static gboolean
is_within (const char *path, const char *dir)
{
  gsize length = strlen (dir);

  return strncmp (path, dir, length) == 0 && (path[length] == '/' || path[length] == '\0');
}

/* Two names of one file: nothing is to be done. */
static gboolean
is_same (const Side *from, const Side *to)
{
  if (!to->at.exists)
    return FALSE;
  if (strcmp (from->at.path, to->at.path) == 0)
    return TRUE;
  return leash_overlay_is_in (&from->node, LEASH_UPPER) == leash_overlay_is_in (&to->node, LEASH_UPPER)
         && from->at.stat.inode != 0 && from->at.stat.inode == to->at.stat.inode
         && from->at.stat.device == to->at.stat.device;
}

/* In the order in which the kernel looks. Returns 0 when nothing is wrong. */
static int
find_fault (const Side *from, const Side *to, guint flags)
{
  gboolean exchanges = (flags & LEASH_RENAME_EXCHANGE) != 0;

  if (from->at.last != LEASH_LAST_NAME)
    return EBUSY;
  if (to->at.last != LEASH_LAST_NAME)
    return (flags & LEASH_RENAME_NO_REPLACE) != 0 ? EEXIST : EBUSY;
  if (!from->at.exists || (exchanges && !to->at.exists))
    return ENOENT;
  if ((flags & LEASH_RENAME_NO_REPLACE) != 0 && to->at.exists)
    return EEXIST;
  if (exchanges && to->at.needs_dir && !is_dir (to))
    return ENOTDIR;
  if (!is_dir (from) && (from->at.needs_dir || (!exchanges && to->at.needs_dir)))
    return ENOTDIR;
  if (is_same (from, to))
    return 0;
  if (is_dir (from) && is_within (to->at.path, from->at.path))
    return EINVAL;
  if (is_dir (to) && is_within (from->at.path, to->at.path))
    return exchanges ? EINVAL : ENOTEMPTY;
  if (exchanges || !to->at.exists || is_dir (from) == is_dir (to))
    return 0;
  return is_dir (from) ? ENOTDIR : EISDIR;
}

/* Everything that takes long, or may fail without being a step. */
static gboolean
prepare (LeashOverlayView *view, Side *from, Side *to, gboolean exchanges, GError **error)
{
  if (!to->at.exists && !leash_overlay_check_free (&to->at, TRUE, error))
    return FALSE;
  if (is_dir (to) && !exchanges)
    {
      if (!leash_overlay_look (view, to->at.path, error)
          || !leash_overlay_check_empty (view, to->at.path, error))
        return FALSE;
    }
  return leash_overlay_find_lower (view, from->at.path, &from->in_lower, error)
         && leash_overlay_find_lower (view, to->at.path, &to->in_lower, error)
         && leash_overlay_copy_tree (view, from->at.path, error)
         && (exchanges ? leash_overlay_copy_tree (view, to->at.path, error)
                       : leash_overlay_copy_parent (view, to->at.path, error));
}

/* Makes an empty directory that upper has at path one that upper can replace. */
static gboolean
strip (LeashOverlayView *view, const Side *side, GError **error)
{
  return (!side->in_lower || leash_overlay_make_whiteout (view, side->at.path, error))
         && leash_overlay_remove_marks (view, side->at.path, error);
}

/* Readies what is at side to stand where other is. A directory's own times are not changed by that. */
static gboolean
make_movable (LeashOverlayView *view, const Side *side, const Side *other, GError **error)
{
  if (!is_dir (side) || !other->in_lower)
    return TRUE;
  if (!leash_overlay_make_opaque (view, side->at.path, error))
    return FALSE;
  leash_overlay_copy_times (view, side->at.path, &side->at.stat, NULL);
  return TRUE;
}

static gboolean
exchange (LeashOverlayView *view, const Side *from, const Side *to, GError **error)
{
  return make_movable (view, from, to, error) && make_movable (view, to, from, error)
         && leash_layer_rename (leash_overlay_upper (view), view->base.ctx, from->at.path, to->at.path,
                                LEASH_RENAME_EXCHANGE, error);
}

static gboolean
move (LeashOverlayView *view, const Side *from, const Side *to, GError **error)
{
  if (!make_movable (view, from, to, error)
      || (from->in_lower && !leash_overlay_make_whiteout (view, from->at.path, error)))
    return FALSE;
  if ((is_dir (to) && leash_overlay_is_in (&to->node, LEASH_UPPER) && !strip (view, to, error))
      || !leash_layer_rename (leash_overlay_upper (view), view->base.ctx, from->at.path, to->at.path, 0,
                              error))
    {
      /* A directory may need it: it may have been there before. */
      if (!is_dir (from) && from->in_lower)
        leash_overlay_drop_whiteout (view, from->at.path);
      return FALSE;
    }
  if (to->in_lower)
    leash_overlay_drop_whiteout (view, to->at.path);
  return TRUE;
}

gboolean
leash_overlay_rename (LeashOverlayView *view, const LeashFsCall *call, GError **error)
{
  gboolean exchanges = (call->flags & LEASH_RENAME_EXCHANGE) != 0;
  Side from;
  Side to;
  int fault;

  if (!find_side (view, call->path, &from, error) || !find_side (view, call->target, &to, error))
    return FALSE;
  fault = find_fault (&from, &to, call->flags);
  if (fault != 0)
    {
      leash_attempt_set_errno (error, fault);
      return FALSE;
    }
  if (is_same (&from, &to))
    return TRUE;
  if (!prepare (view, &from, &to, exchanges, error))
    return FALSE;
  leash_overlay_publish (view);
  return exchanges ? exchange (view, &from, &to, error) : move (view, &from, &to, error);
}
