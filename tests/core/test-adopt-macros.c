/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* leash-adopt.h: pairs of functions for a library made up here, of each shape that libraries have. */
#include "../fixture.h"

#include <fcntl.h>

/* The library: pointers and numbers are given out and taken back. */

typedef struct
{
  int number;
} Thing;

static guint n_acquired, n_released;
static gboolean fails;

static Thing *
thing_new (void)
{
  n_acquired++;
  return fails ? NULL : g_new0 (Thing, 1);
}

static Thing *
thing_new_named (const char *name, int number)
{
  Thing *thing = g_new0 (Thing, 1);

  g_assert_nonnull (name);
  n_acquired++;
  thing->number = number;
  return thing;
}

static void
thing_free (Thing *thing)
{
  n_released++;
  g_free (thing);
}

static Thing *
part_new (Thing *whole)
{
  return thing_new_named ("part", whole->number + 1);
}

static int
part_free (Thing *part)
{
  int number = part->number;

  thing_free (part);
  return number;
}

static guint
id_add (void)
{
  return fails ? 0 : ++n_acquired;
}

static gboolean
id_remove (Thing *thing, guint id)
{
  n_released++;
  return id <= n_acquired;
}

LEASH_ADOPT ("thing", Thing *, thing_new, (LeashContext * ctx), (), NULL, thing_free)
LEASH_ADOPT_ACQUIRE ("thing", Thing *, thing_new_named, (LeashContext * ctx, const char *name, int number),
                     (name, number), name)
LEASH_ADOPT_RESULT ("part", Thing *, part_new, (LeashContext * ctx, Thing *whole), (whole), "of a thing", int,
                    part_free)
LEASH_ADOPT_ACQUIRE ("id", guint, id_add, (LeashContext * ctx), (), NULL)
LEASH_ADOPT_RELEASE_RESULT ("id", gboolean, id_remove, (LeashContext * ctx, Thing *thing, guint id),
                            (thing, id), id)
LEASH_ADOPT_FD ("log", open, (LeashContext * ctx, const char *path, int flags), (path, flags), path, log)

/* Whether so many are open, the newest of them of that kind and name. */
static void
check_open (Fixture *fixture, gsize n, const char *kind, const char *name)
{
  g_autoptr (LeashSnapshot) snapshot = leash_snapshot_new (fixture->tracker);
  const LeashResource *resource;

  if (!leash_has_tracking ())
    return;
  g_assert_cmpuint (leash_snapshot_get_length (snapshot), ==, n);
  if (n == 0)
    return;
  resource = leash_snapshot_get_resource (snapshot, n - 1);
  g_assert_cmpstr (resource->kind, ==, kind);
  g_assert_cmpstr (resource->name, ==, name);
}

static void
test_pointer (Fixture *fixture, gconstpointer unused)
{
  Thing *thing = leash_thing_new (fixture->ctx);

  check_open (fixture, 1, "thing", NULL);
  leash_thing_free (fixture->ctx, thing);
  check_open (fixture, 0, NULL, NULL);
}

static void
test_named (Fixture *fixture, gconstpointer unused)
{
  Thing *thing = leash_thing_new_named (fixture->ctx, "this one", 7);

  g_assert_cmpint (thing->number, ==, 7);
  check_open (fixture, 1, "thing", "this one");
  leash_thing_free (fixture->ctx, thing);
}

static void
test_result (Fixture *fixture, gconstpointer unused)
{
  Thing *thing = leash_thing_new_named (fixture->ctx, "the whole", 1);
  Thing *part = leash_part_new (fixture->ctx, thing);

  check_open (fixture, 2, "part", "of a thing");
  g_assert_cmpint (leash_part_free (fixture->ctx, part), ==, 2);
  check_open (fixture, 1, "thing", "the whole");
  leash_thing_free (fixture->ctx, thing);
}

static void
test_id (Fixture *fixture, gconstpointer unused)
{
  Thing *thing = leash_thing_new (fixture->ctx);
  guint first = leash_id_add (fixture->ctx), second = leash_id_add (fixture->ctx);

  g_assert_cmpuint (first, !=, second);
  check_open (fixture, 3, "id", NULL);
  g_assert_true (leash_id_remove (fixture->ctx, thing, first));
  g_assert_true (leash_id_remove (fixture->ctx, thing, second));
  leash_thing_free (fixture->ctx, thing);
}

static void
test_fd (Fixture *fixture, gconstpointer unused)
{
  int fd = leash_log_open (fixture->ctx, "/dev/null", O_RDONLY | O_CLOEXEC);

  g_assert_cmpint (fd, >=, 0);
  check_open (fixture, 1, "log", "/dev/null");
  g_assert_cmpint (leash_log_close (fixture->ctx, fd), ==, 0);
  g_assert_cmpint (leash_log_open (fixture->ctx, "/missing", O_RDONLY | O_CLOEXEC), ==, -1);
  g_assert_cmpint (errno, ==, ENOENT);
  check_open (fixture, 0, NULL, NULL);
  g_assert_cmpint (leash_log_close (fixture->ctx, -1), ==, -1);
}

static void
test_failed (Fixture *fixture, gconstpointer unused)
{
  fails = TRUE;
  g_assert_null (leash_thing_new (fixture->ctx));
  g_assert_cmpuint (leash_id_add (fixture->ctx), ==, 0);
  fails = FALSE;
  check_open (fixture, 0, NULL, NULL);
  n_released = 0;
  leash_thing_free (fixture->ctx, NULL);
  g_assert_cmpuint (n_released, ==, 1);
}

static void
test_foreign (Fixture *fixture, gconstpointer unused)
{
  n_released = 0;
  leash_thing_free (fixture->ctx, thing_new ());
  g_assert_cmpuint (n_released, ==, 1);
  fixture->n_misuses = 1;
}

static void
test_untracked (Fixture *fixture, gconstpointer unused)
{
  LeashContext *background = leash_context_background ();
  Thing *thing = leash_thing_new (background);

  leash_thing_free (background, thing);
  check_open (fixture, 0, NULL, NULL);
}

static G_NO_INLINE Thing *
acquire_here (LeashContext *ctx)
{
  Thing *thing = leash_thing_new (ctx);

  n_acquired++; /* a tail call would leave no frame */
  return thing;
}

/* No frame is the pair's: the first one lies in this function, inlined or not. */
static void
test_place (Fixture *fixture, gconstpointer unused)
{
  Thing *thing = acquire_here (fixture->ctx);
  g_autoptr (LeashSnapshot) snapshot = leash_snapshot_new (fixture->tracker);
  gconstpointer frame = NULL;

  if (leash_has_tracking ())
    {
      const LeashResource *resource = leash_snapshot_get_resource (snapshot, 0);

      g_assert_cmpuint (leash_stack_get_frames (resource->stack, &frame, 1), >=, 1);
      g_assert_cmpuint ((guintptr) frame - (guintptr) acquire_here, <, 4096);
    }
  leash_thing_free (fixture->ctx, thing);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("/adopt/pointer", test_pointer);
  ADD ("/adopt/name", test_named);
  ADD ("/adopt/release-with-a-result", test_result);
  ADD ("/adopt/id", test_id);
  ADD ("/adopt/descriptor", test_fd);
  ADD ("/adopt/what-failed-is-not-tracked", test_failed);
  ADD ("/adopt/foreign-handle-is-released-and-reported", test_foreign);
  ADD ("/adopt/without-a-tracker", test_untracked);
  ADD ("/adopt/stack-begins-at-the-caller", test_place);
  return g_test_run ();
}
