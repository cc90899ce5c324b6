/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A program that compiles tracking out: every call has the type that it has otherwise, evaluates nothing, and
 * leaves no variable unused. Warnings are errors here, whatever the rest is built with.
 */
#undef LEASH_DISABLE /* a library without tracking brings it along */
#define LEASH_DISABLE
#include <leash/leash.h>

#pragma GCC diagnostic error "-Wall"
#pragma GCC diagnostic error "-Wextra"

static guint n_evaluated;

static LeashContext *
get_context (LeashContext *ctx)
{
  n_evaluated++;
  return ctx;
}

static LeashTag *
get_tag (void)
{
  n_evaluated++;
  return NULL;
}

static const char *
get_text (void)
{
  n_evaluated++;
  return "text";
}

static void
test_evaluates_nothing (void)
{
  g_autoptr (LeashTracker) tracker = leash_tracker_new ();
  g_autoptr (LeashContext) ctx = leash_context_with_tracker (leash_context_background (), tracker);
  GObject *object = NULL;
  int fd = -1;

  g_assert_null (leash_track (get_context (ctx), get_text (), get_text ()));
  g_assert_null (leash_track_child (get_context (ctx), get_tag (), get_text (), get_text ()));
  g_assert_null (leash_track_caller (get_context (ctx), get_tag (), get_text (), get_text (), LEASH_CALLER));
  g_assert_null (leash_track_pointer (get_context (ctx), get_text (), get_text (), NULL));
  g_assert_null (leash_track_fd (get_context (ctx), get_text (), fd++, NULL));
  g_assert_null (leash_watch_object (get_context (ctx), object++, NULL));
  leash_untrack (get_tag ());
  leash_untrack_caller (get_tag (), LEASH_CALLER);
  leash_untrack_pointer (get_context (ctx), get_text (), get_text ());
  leash_untrack_fd (get_context (ctx), get_text (), fd++);
  g_assert_null (leash_find_pointer (get_context (ctx), get_text (), get_text ()));
  g_assert_null (leash_tag_adopt (get_tag (), get_context (ctx)));
  leash_tag_keep_open (get_tag ());
  leash_tag_set_name (get_tag (), get_text ());
  leash_tag_set_pointer (get_tag (), get_text ());
  leash_tag_touch (get_tag (), get_text ());
  leash_tag_touch_caller (get_tag (), get_text (), LEASH_CALLER);
  leash_tag_misused (get_tag (), get_text (), LEASH_CALLER);
  g_assert_true (leash_fault_point (get_context (ctx), get_text (), get_text (), NULL));
  g_assert_cmpuint (n_evaluated, ==, 0);
  g_assert_cmpint (fd, ==, -1);
  g_assert_null (object);
  g_assert_cmpuint (leash_tracker_count_open (tracker), ==, 0);
}

/* What is used by tracking calls only is no unused variable or parameter. */
static void
open_something (LeashContext *ctx, const char *name)
{
  LeashTag *tag = leash_track (ctx, "thing", name);

  leash_tag_set_name (tag, name);
  leash_untrack (tag);
}

/* An expression of the right type wherever one may stand. */
static LeashTag *
pass_on (LeashContext *ctx)
{
  LeashTag *tag = NULL;

  if ((tag = leash_track (ctx, "thing", NULL)) != NULL)
    return leash_tag_adopt (tag, ctx);
  else
    leash_untrack_pointer (ctx, "thing", &tag);
  return leash_track_child (ctx, tag, "thing", NULL);
}

static void
test_types (void)
{
  LeashTag *tag = leash_track (leash_context_background (), "thing", NULL);

  open_something (leash_context_background (), "name");
  g_assert_null (pass_on (leash_context_background ()));
  g_assert_null (tag);
  G_STATIC_ASSERT (__builtin_types_compatible_p (__typeof__ (leash_track (NULL, NULL, NULL)), LeashTag *));
  G_STATIC_ASSERT (__builtin_types_compatible_p (__typeof__ (leash_tag_adopt (NULL, NULL)), LeashTag *));
  G_STATIC_ASSERT (__builtin_types_compatible_p (__typeof__ (leash_untrack_fd (NULL, NULL, 0)), void));
}

/* The library itself still tracks: contexts made here are resources. */
static void
test_library_still_tracks (void)
{
  g_autoptr (LeashTracker) tracker = leash_tracker_new ();
  g_autoptr (LeashContext) ctx = leash_context_with_tracker (leash_context_background (), tracker);
  LeashContext *cancellable = leash_context_with_cancel (ctx);

  g_assert_cmpuint (leash_tracker_count_open (tracker), ==, leash_has_tracking () ? 1 : 0);
  leash_context_unref (cancellable);
  g_assert_cmpuint (leash_tracker_count_open (tracker), ==, 0);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/disable/evaluates-nothing", test_evaluates_nothing);
  g_test_add_func ("/disable/has-the-same-types", test_types);
  g_test_add_func ("/disable/library-still-tracks", test_library_still_tracks);
  return g_test_run ();
}
