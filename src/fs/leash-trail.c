/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * LeashTrail: where a walk through a tree is.
 *
 * The path lies in one buffer, to whose end names are put and cut off again. It may be longer than any that
 * a system call takes: some of the directories on it are stations, opened as roots, and the file system is
 * asked from the last of them on. With a step of 0 every directory is one, and all is done by bare names:
 * then no link that somebody puts into the tree meanwhile leads out of it.
 *
 * A station costs a descriptor on the host. Only the first two and the last N_OPEN are open; an older one
 * is opened again when the walk comes back to it, from the second on, which is the tree itself: whatever
 * others made of the names between, what is opened again lies within. N_OPEN are opened at once, the way to
 * them in long pieces, so that a tree of any depth costs few more calls than directories.
 */
#include "leash-trail-private.h"

#define N_OPEN 32
#define N_ALWAYS_OPEN 2

typedef struct
{
  LeashFs *fs; /* owned; NULL while it is closed */
  gsize base;
} Station;

static Station *
station_at (const LeashTrail *trail, guint i)
{
  return &g_array_index (trail->stations, Station, i);
}

static void
station_clear (gpointer station)
{
  g_clear_object (&((Station *) station)->fs);
}

/* The last station is the one to ask. */
static void
settle (LeashTrail *trail)
{
  const Station *last = station_at (trail, trail->stations->len - 1);

  trail->fs = last->fs;
  trail->base = last->base;
}

/* Takes fs over. */
static void
add_station (LeashTrail *trail, LeashFs *fs, gsize base)
{
  Station station = { .fs = fs, .base = base };
  guint n = trail->stations->len;

  g_array_append_val (trail->stations, station);
  if (n >= N_ALWAYS_OPEN + N_OPEN)
    station_clear (station_at (trail, n - N_OPEN));
  settle (trail);
}

void
leash_trail_init (LeashTrail *trail, LeashContext *ctx, LeashFs *fs, const char *path, gsize base, gsize step)
{
  *trail = (LeashTrail){ .ctx = ctx, .step = step };
  trail->stations = g_array_new (FALSE, FALSE, sizeof (Station));
  g_array_set_clear_func (trail->stations, station_clear);
  trail->length = strlen (path);
  trail->path = g_strdup (path);
  trail->size = trail->length + 1;
  if ((leash_fs_get_ops (fs) & LEASH_FS_OP_OPEN_ROOT) == 0)
    trail->step = LEASH_TRAIL_NO_ROOTS;
  add_station (trail, g_object_ref (fs), base);
}

void
leash_trail_clear (LeashTrail *trail)
{
  g_clear_pointer (&trail->stations, g_array_unref);
  g_clear_pointer (&trail->path, g_free);
}

void
leash_trail_grow (LeashTrail *trail, gsize more)
{
  trail->size = 2 * trail->size + more;
  trail->path = g_realloc (trail->path, trail->size);
}

void
leash_trail_explain (const LeashTrail *trail, GError **error)
{
  g_autofree char *where = NULL;

  if (trail->stations->len == 1)
    return;
  where = g_strndup (trail->path, MIN (trail->base, trail->length));
  leash_attempt_prefix (error, "In", where);
}

gboolean
leash_trail_enter (LeashTrail *trail, GError **error)
{
  LeashFs *root;

  if (trail->step == LEASH_TRAIL_NO_ROOTS || trail->length < trail->base + trail->step)
    return TRUE;
  root = leash_fs_open_root (trail->fs, trail->ctx, leash_trail_get (trail), LEASH_PATH_NO_FOLLOW, error);
  if (root == NULL)
    return FALSE;
  add_station (trail, root, trail->length + (trail->path[trail->length - 1] != '/'));
  return TRUE;
}

/* Opens station number to, with fs as station number from. */
static LeashFs *
open_between (LeashTrail *trail, LeashFs *fs, guint from, guint to, GError **error)
{
  gsize start = station_at (trail, from)->base;
  gsize end = station_at (trail, to)->base - 1; /* a slash is there */
  g_autofree char *path = g_strndup (trail->path + start, end - start);

  return leash_fs_open_root (fs, trail->ctx, path, LEASH_PATH_NO_FOLLOW, error);
}

/* How far one can get in one piece. */
static guint
end_of_piece (const LeashTrail *trail, guint from, guint last)
{
  guint to = from + 1;

  while (to < last && station_at (trail, to + 1)->base - station_at (trail, from)->base < LEASH_TRAIL_LONG)
    to++;
  return to;
}

/* Opens the last station, and those before it, again. */
static gboolean
reopen (LeashTrail *trail, GError **error)
{
  guint last = trail->stations->len - 1;
  guint first = last >= N_ALWAYS_OPEN + N_OPEN ? last - N_OPEN + 1 : N_ALWAYS_OPEN;
  guint at = N_ALWAYS_OPEN - 1;
  g_autoptr (LeashFs) fs = g_object_ref (station_at (trail, at)->fs);

  while (at < last)
    {
      guint to = end_of_piece (trail, at, MAX (first, at + 1));
      LeashFs *root = open_between (trail, fs, at, to, error);

      if (root == NULL)
        return FALSE;
      g_set_object (&fs, root);
      if (to >= first)
        station_at (trail, to)->fs = root;
      else
        g_object_unref (root);
      at = to;
    }
  return TRUE;
}

gboolean
leash_trail_leave (LeashTrail *trail, GError **error)
{
  gboolean open;

  if (trail->stations->len == 1 || trail->base < trail->length)
    return TRUE;
  g_array_set_size (trail->stations, trail->stations->len - 1);
  open = station_at (trail, trail->stations->len - 1)->fs != NULL || reopen (trail, error);
  settle (trail);
  return open;
}
