/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The overlay from within; leash-overlay-fs.c has the design. */
#pragma once

#include <pthread.h>

#include "leash-layers-private.h"

typedef enum
{
  LEASH_UPPER,
  LEASH_LOWER
} LeashOverlayLayer;

typedef struct
{
  GObject parent_instance;

  LeashFs *layers[2]; /* references, by LeashOverlayLayer; lower is never written to */

  /* Held by who changes something, from the first look to the last step. */
  pthread_mutex_t changing;
  /* Read while a path is looked up and acted on; written while what is seen changes. Taken after changing. */
  pthread_rwlock_t view;
} LeashOverlayFs;

/* One operation, under one of the locks or both. */
typedef struct
{
  LeashLayersView base; /* first */
  LeashOverlayFs *fs;
  gboolean has_changing; /* fs->changing is held */
  gboolean has_view;     /* fs->view is held: for writing with fs->changing, else for reading */
} LeashOverlayView;

static inline LeashFs *
leash_overlay_upper (const LeashOverlayView *view)
{
  return view->fs->layers[LEASH_UPPER];
}

static inline LeashFs *
leash_overlay_lower (const LeashOverlayView *view)
{
  return view->fs->layers[LEASH_LOWER];
}

/* For lower and a directory: whether what lower has in it is seen. */
static inline gboolean
leash_overlay_is_in (const LeashLayersNode *node, LeashOverlayLayer layer)
{
  return (node->layers & 1u << layer) != 0;
}

static inline gboolean
leash_overlay_look (LeashOverlayView *view, const char *path, GError **error)
{
  return leash_layers_look (&view->base, path, error);
}

static inline gboolean
leash_overlay_resolve (LeashOverlayView *view, const char *path, LeashResolveMode mode,
                       LeashResolved *ret_resolved, GError **error)
{
  return leash_layers_resolve (&view->base, path, mode, TRUE, ret_resolved, error);
}

static inline LeashMergedDir *
leash_overlay_list (LeashOverlayView *view, const char *path, GError **error)
{
  return leash_layers_list (&view->base, path, TRUE, error);
}

/* A change: call->path as it was given. */
typedef gboolean (*LeashOverlayChange) (LeashOverlayView *view, const LeashFsCall *call, GError **error);

/* leash-overlay-fs.c */

/* From here to the end of the change nobody else looks: what is seen changes. */
void     leash_overlay_publish     (LeashOverlayView  *view);
/* Whether what was resolved by LEASH_RESOLVE_PLACE can be made; a slash behind it is only for directories. */
gboolean leash_overlay_check_free  (const LeashResolved *place,
                                    gboolean           is_dir,
                                    GError           **error);

/* leash-overlay-remove.c and leash-overlay-rename.c: LeashOverlayChange */

gboolean leash_overlay_remove      (LeashOverlayView  *view,
                                    const LeashFsCall *call,
                                    GError           **error);
/* Of the directory that was found last, which is at path. */
gboolean leash_overlay_check_empty (LeashOverlayView  *view,
                                    const char        *path,
                                    GError           **error);
gboolean leash_overlay_rename      (LeashOverlayView  *view,
                                    const LeashFsCall *call,
                                    GError           **error);

/* leash-overlay-lookup.c */

/* For LeashLayersView. */
gboolean leash_overlay_look_in     (LeashLayersView       *view,
                                    const LeashLayersNode *dir,
                                    const char            *path,
                                    const char            *name,
                                    LeashLayersNode       *ret_node,
                                    GError               **error);
/* Whether lower has something at path that is seen, or would be if upper had nothing there, no whiteout
 * either. The directory that it would be in exists. That is what was found last then. */
gboolean leash_overlay_find_lower  (LeashOverlayView  *view,
                                    const char        *path,
                                    gboolean          *ret_found,
                                    GError           **error);
/* leash-overlay-copy.c: with fs->changing held */

/* Makes sure that upper has the directory that path is in, and that path's last name may be made there. */
gboolean leash_overlay_copy_parent (LeashOverlayView  *view,
                                    const char        *path,
                                    GError           **error);
/* Makes sure that upper has what is at path. What is seen does not change. */
gboolean leash_overlay_copy_up     (LeashOverlayView  *view,
                                    const char        *path,
                                    GError           **error);
/* As that, with everything in it. */
gboolean leash_overlay_copy_tree   (LeashOverlayView  *view,
                                    const char        *path,
                                    GError           **error);

/* Gives what upper has at path the times that something had. */
gboolean leash_overlay_copy_times  (LeashOverlayView  *view,
                                    const char        *path,
                                    const LeashStat   *from,
                                    GError           **error);

/* leash-overlay-whiteout.c: with fs->changing held, and fs->view written */

/* The name that is put before, in the same directory as path: owned by the caller. */
char    *leash_overlay_get_whiteout    (const char        *path);
gboolean leash_overlay_make_whiteout   (LeashOverlayView  *view,
                                        const char        *path,
                                        GError           **error);
/* Something else hides lower's by now: one that cannot be removed does no harm. */
void     leash_overlay_drop_whiteout   (LeashOverlayView  *view,
                                        const char        *path);
gboolean leash_overlay_make_opaque     (LeashOverlayView  *view,
                                        const char        *path,
                                        GError           **error);
/* Removes all marks in a directory of upper's in which nothing is seen. */
gboolean leash_overlay_remove_marks    (LeashOverlayView  *view,
                                        const char        *path,
                                        GError           **error);
