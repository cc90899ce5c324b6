/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Compiled, disassembled and looked at by ./check, never run. Each pair of functions `x` and `x_bare` is to
 * be the same instructions with LEASH_DISABLE; the hot_ ones are looked at without it.
 */
#include <leash/leash.h>

void work (void);
void *make (void);
void unmake (void *thing);
const char *describe (void);

void all_tags (LeashContext *ctx, GObject *object);
void all_tags_bare (LeashContext *ctx, GObject *object);
void all_keys (LeashContext *ctx, gpointer handle, int fd);
void all_keys_bare (LeashContext *ctx, gpointer handle, int fd);
LeashTag *hot_track (LeashContext *ctx);
void hot_untrack (LeashTag *tag);
void hot_pair (LeashContext *ctx);
void hot_around_work (LeashContext *ctx);
void hot_pointer (LeashContext *ctx, gpointer handle);
void hot_untrack_pointer (LeashContext *ctx, gpointer handle);

void all_points (LeashContext *ctx);
void all_points_bare (LeashContext *ctx);
void hot_point (LeashContext *ctx);

void hot_adopted (LeashContext *ctx);
void hot_adopted_bare (LeashContext *ctx);

LEASH_ADOPT ("thing", void *, make, (LeashContext * ctx), (), describe (), unmake)

void
hot_adopted (LeashContext *ctx)
{
  void *thing = leash_make (ctx);

  work ();
  leash_unmake (ctx, thing);
}

void
hot_adopted_bare (LeashContext *ctx)
{
  void *thing = make ();

  work ();
  unmake (thing);
}

/* The arguments are calls, which must not be made either. */
void
all_tags (LeashContext *ctx, GObject *object)
{
  LeashTag *tag = leash_track (ctx, "thing", describe ());
  LeashTag *child = leash_track_child (ctx, tag, "thing", describe ());
  LeashTag *other = leash_track_caller (ctx, tag, "thing", describe (), LEASH_CALLER);

  work ();
  leash_watch_object (ctx, object, describe ());
  tag = leash_tag_adopt (tag, ctx);
  leash_tag_set_name (tag, describe ());
  leash_tag_keep_open (tag);
  leash_tag_misused (child, describe (), LEASH_CALLER);
  leash_untrack (child);
  leash_untrack_caller (other, LEASH_CALLER);
}

void
all_tags_bare (LeashContext *ctx, GObject *object)
{
  work ();
}

void
all_keys (LeashContext *ctx, gpointer handle, int fd)
{
  leash_track_pointer (ctx, "thing", handle, describe ());
  leash_track_fd (ctx, "thing", fd, describe ());
  work ();
  leash_untrack_pointer (ctx, "thing", handle);
  leash_untrack_fd (ctx, "thing", fd);
}

void
all_keys_bare (LeashContext *ctx, gpointer handle, int fd)
{
  work ();
}

LeashTag *
hot_track (LeashContext *ctx)
{
  return leash_track (ctx, "thing", NULL);
}

void
hot_untrack (LeashTag *tag)
{
  leash_untrack (tag);
}

void
hot_pair (LeashContext *ctx)
{
  leash_untrack (leash_track (ctx, "thing", NULL));
}

void
hot_around_work (LeashContext *ctx)
{
  LeashTag *tag = leash_track (ctx, "thing", NULL);

  work ();
  leash_untrack (tag);
}

void
hot_pointer (LeashContext *ctx, gpointer handle)
{
  leash_track_pointer (ctx, "thing", handle, NULL);
}

void
hot_untrack_pointer (LeashContext *ctx, gpointer handle)
{
  leash_untrack_pointer (ctx, "thing", handle);
}

void
all_points (LeashContext *ctx)
{
  if (leash_fault_point (ctx, describe (), describe (), NULL))
    work ();
}

void
all_points_bare (LeashContext *ctx)
{
  work ();
}

void
hot_point (LeashContext *ctx)
{
  if (leash_fault_point (ctx, "prepare", describe (), NULL))
    work ();
}
