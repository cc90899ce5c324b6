/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Tags of a library that makes none: see leash-tracker-disabled.c. Contexts of this library show no tracker
 * to the macros, so that a program which was compiled for tracking does not come here; one that calls these
 * functions itself gets no tag, and has none to give.
 */
#include <leash/leash-track.h>

#include "leash-history-private.h"

guint leash_history_n_trackers;

LeashTag *
leash_track_at (LeashContext *ctx, const char *kind, const char *name, const LeashSite *site)
{
  g_return_val_if_fail (ctx != NULL, NULL);
  g_return_val_if_fail (kind != NULL, NULL);

  return NULL;
}

LeashTag *
leash_track_child_at (LeashContext *ctx, LeashTag *parent, const char *kind, const char *name,
                      const LeashSite *site)
{
  g_return_val_if_fail (ctx != NULL, NULL);
  g_return_val_if_fail (kind != NULL, NULL);

  return NULL;
}

LeashTag *
leash_track_caller_at (LeashContext *ctx, LeashTag *parent, const char *kind, const char *name,
                       gconstpointer caller)
{
  g_return_val_if_fail (ctx != NULL, NULL);
  g_return_val_if_fail (kind != NULL, NULL);
  g_return_val_if_fail (caller != NULL, NULL);

  return NULL;
}

LeashTag *
leash_track_pointer_at (LeashContext *ctx, const char *kind, gconstpointer pointer, const char *name,
                        const LeashSite *site)
{
  g_return_val_if_fail (ctx != NULL, NULL);
  g_return_val_if_fail (kind != NULL, NULL);
  g_return_val_if_fail (pointer != NULL, NULL);

  return NULL;
}

LeashTag *
leash_track_fd_at (LeashContext *ctx, const char *kind, int fd, const char *name, const LeashSite *site)
{
  g_return_val_if_fail (ctx != NULL, NULL);
  g_return_val_if_fail (kind != NULL, NULL);
  g_return_val_if_fail (fd >= 0, NULL);

  return NULL;
}

LeashTag *
leash_find_pointer_at (LeashContext *ctx, const char *kind, gconstpointer pointer)
{
  g_return_val_if_fail (ctx != NULL, NULL);
  g_return_val_if_fail (kind != NULL, NULL);
  g_return_val_if_fail (pointer != NULL, NULL);

  return NULL;
}

LeashTag *
leash_watch_object_at (LeashContext *ctx, GObject *object, const char *kind, const LeashSite *site)
{
  g_return_val_if_fail (ctx != NULL, NULL);
  g_return_val_if_fail (G_IS_OBJECT (object), NULL);

  return NULL;
}

void
leash_untrack_at (LeashTag *tag, const LeashSite *site)
{
  g_return_if_fail (tag != NULL);
}

void
leash_untrack_caller_at (LeashTag *tag, gconstpointer caller)
{
  g_return_if_fail (tag != NULL);
  g_return_if_fail (caller != NULL);
}

void
leash_untrack_pointer_at (LeashContext *ctx, const char *kind, gconstpointer pointer, const LeashSite *site)
{
  g_return_if_fail (ctx != NULL);
  g_return_if_fail (kind != NULL);
  g_return_if_fail (pointer != NULL);
}

void
leash_untrack_fd_at (LeashContext *ctx, const char *kind, int fd, const LeashSite *site)
{
  g_return_if_fail (ctx != NULL);
  g_return_if_fail (kind != NULL);
  g_return_if_fail (fd >= 0);
}

LeashTag *
leash_tag_adopt_at (LeashTag *tag, LeashContext *ctx, const LeashSite *site)
{
  g_return_val_if_fail (tag != NULL, NULL);
  g_return_val_if_fail (ctx != NULL, NULL);

  return tag;
}

void
leash_tag_keep_open_at (LeashTag *tag)
{
  g_return_if_fail (tag != NULL);
}

void
leash_tag_set_name_at (LeashTag *tag, const char *name)
{
  g_return_if_fail (tag != NULL);
}

void
leash_tag_set_pointer_at (LeashTag *tag, gconstpointer pointer)
{
  g_return_if_fail (tag != NULL);
}

void
leash_tag_touch_at (LeashTag *tag, const char *what, const LeashSite *site)
{
  g_return_if_fail (tag != NULL);
}

void
leash_tag_touch_caller_at (LeashTag *tag, const char *what, gconstpointer caller)
{
  g_return_if_fail (tag != NULL);
  g_return_if_fail (caller != NULL);
}

void
leash_tag_misused_at (LeashTag *tag, const char *what, gconstpointer caller)
{
  g_return_if_fail (tag != NULL);
  g_return_if_fail (what != NULL);
  g_return_if_fail (caller != NULL);
}
