/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The overlay from within; leash-overlay-fs.c has the design. */
#pragma once

#include <pthread.h>

#include "leash-merged-dir-private.h"
#include "leash-resolve-private.h"

typedef struct
{
  GObject parent_instance;

  LeashFs *upper; /* a reference */
  LeashFs *lower; /* a reference; never written to */

  /* Held by who changes something, from the first look to the last step. */
  pthread_mutex_t changing;
  /* Read while a path is looked up and acted on; written while what is seen changes. Taken after changing. */
  pthread_rwlock_t view;
} LeashOverlayFs;

/* What is known of a path. */
typedef struct
{
  LeashStat stat;       /* of what is seen */
  gboolean in_upper;    /* what is seen is upper's; else lower's */
  gboolean shows_lower; /* it is a directory in which lower's entries are seen */
} LeashOverlayNode;

/*
 * Lookups of one operation, under one of the locks. Paths are resolved ones: without links but for the last
 * name, "." for the root. It remembers the directory that it came through last.
 */
typedef struct
{
  LeashOverlayFs *fs;
  LeashContext *ctx;
  LeashOverlayNode node; /* of the last path that was found */
  LeashOverlayNode dir_node;
  gsize dir_length;   /* of dir; 0 for the root, and at the beginning */
  gboolean knows_dir; /* dir_node is that of dir */
  gboolean has_changing; /* fs->changing is held */
  gboolean has_view;     /* fs->view is held: for writing with fs->changing, else for reading */
  char dir[PATH_MAX];
} LeashOverlayView;

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

/* Sets view->node. What is missing is an error, of the code that the kernel has for it. */
gboolean leash_overlay_look        (LeashOverlayView  *view,
                                    const char        *path,
                                    GError           **error);
/* Resolves, and sets view->node if the path exists. */
gboolean leash_overlay_resolve     (LeashOverlayView  *view,
                                    const char        *path,
                                    LeashResolveMode   mode,
                                    LeashResolved     *ret_resolved,
                                    GError           **error);
/* Whether lower has something at path that is seen, or would be if upper had nothing there, no whiteout
 * either. The directory that it would be in exists. Sets view->node to that. */
gboolean leash_overlay_find_lower  (LeashOverlayView  *view,
                                    const char        *path,
                                    gboolean          *ret_found,
                                    GError           **error);
/* The entries of the directory that was found last, which is at path. */
LeashMergedDir *leash_overlay_list (LeashOverlayView  *view,
                                    const char        *path,
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
