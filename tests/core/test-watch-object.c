/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Objects that are closed by their end. */
#include "tracker-fixture.h"

static GObject *
new_object (void)
{
  return g_object_new (G_TYPE_OBJECT, NULL);
}

static void
test_finalized (void)
{
  g_auto (Tracked) tracked = tracked_new ();
  GObject *object = new_object ();

  leash_watch_object (tracked.ctx, object, "watched");
  g_object_ref (object);
  g_object_unref (object);
  g_assert_cmpuint (leash_tracker_count_kind (tracked.tracker, "watched"), ==, 1);
  g_object_unref (object);
  assert_clean (&tracked);
}

static void
test_kind_is_the_type (void)
{
  g_auto (Tracked) tracked = tracked_new ();
  g_autoptr (GObject) object = G_OBJECT (g_cancellable_new ());

  leash_watch_object (tracked.ctx, object, NULL);
  g_assert_cmpuint (leash_tracker_count_kind (tracked.tracker, "GCancellable"), ==, 1);
}

static gpointer
unref_in_thread (gpointer object)
{
  g_object_unref (object);
  return NULL;
}

static void
test_finalized_in_thread (void)
{
  g_auto (Tracked) tracked = tracked_new ();
  GObject *object = new_object ();

  leash_watch_object (tracked.ctx, object, "watched");
  g_thread_join (g_thread_new ("finalizer", unref_in_thread, object));
  assert_clean (&tracked);
}

static void
test_tracker_gone_first (void)
{
  g_auto (Tracked) other = tracked_new ();
  Tracked tracked = tracked_new ();
  GObject *object = new_object ();
  g_autofree char *text = NULL;

  leash_watch_object (tracked.ctx, object, "watched");
  tracked_clear (&tracked);
  g_object_unref (object);
  /* A regression: it was counted as if the program had closed something too late. */
  text = leash_tracker_report (other.tracker, LEASH_FORMAT_TEXT);
  g_assert_cmpstr (text, ==, "leash: nothing is open\n");
}

static void
test_tracker_ended (void)
{
  g_auto (Tracked) tracked = tracked_new ();
  g_autoptr (GObject) late = new_object ();
  GObject *early = new_object ();

  leash_watch_object (tracked.ctx, early, "watched");
  leash_tracker_end (tracked.tracker);
  g_object_unref (early);
  assert_clean (&tracked);
  g_assert_null (leash_watch_object (tracked.ctx, late, "watched"));
  g_assert_cmpuint (leash_tracker_count_misuses (tracked.tracker), ==, 1);
}

static void
test_released_by_hand (void)
{
  g_auto (Tracked) tracked = tracked_new ();
  GObject *object = new_object ();

  leash_untrack (leash_watch_object (tracked.ctx, object, "watched"));
  g_object_unref (object);
  assert_clean (&tracked);
}

/* Regression: the object's end released the old tag, a misuse, and left the new one open. */
static void
test_adopted_by_another_tracker (void)
{
  g_auto (Tracked) to = tracked_new ();
  g_auto (Tracked) last = tracked_new ();
  Tracked from = tracked_new ();
  GObject *object = new_object ();
  LeashTag *tag = leash_watch_object (from.ctx, object, "watched");

  tag = leash_tag_adopt (tag, to.ctx);
  assert_clean (&from);
  tracked_clear (&from);
  leash_tag_adopt (tag, last.ctx);
  g_assert_cmpuint (leash_tracker_count_open (last.tracker), ==, 1);
  g_object_unref (object);
  assert_clean (&to);
  assert_clean (&last);
}

/* The object goes while its resource is on its way. */
static void
test_adopted_while_finalized (void)
{
  g_auto (Tracked) from = tracked_new ();
  g_auto (Tracked) to = tracked_new ();

  for (int i = 0; i < 300; i++)
    {
      GObject *object = new_object ();
      LeashTag *tag = leash_watch_object (from.ctx, object, "watched");
      GThread *thread = g_thread_new ("finalizer", unref_in_thread, object);

      leash_tag_adopt (tag, to.ctx);
      g_thread_join (thread);
    }
  assert_clean (&to);
  g_assert_cmpuint (leash_tracker_count_open (from.tracker), ==, 0);
}

static void
test_wrong_arguments (void)
{
  g_auto (Tracked) tracked = tracked_new ();
  g_autoptr (GObject) object = new_object ();

  EXPECT_CRITICAL ("*leash_watch_object_at*ctx*", leash_watch_object_at (NULL, object, "watched", NULL));
  EXPECT_CRITICAL ("*leash_watch_object_at*G_IS_OBJECT (object)*",
                   leash_watch_object (tracked.ctx, NULL, NULL));
  assert_clean (&tracked);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/watch-object/closed-when-finalized", test_finalized);
  g_test_add_func ("/watch-object/kind-is-the-type-s-name", test_kind_is_the_type);
  g_test_add_func ("/watch-object/finalized-in-another-thread", test_finalized_in_thread);
  g_test_add_func ("/watch-object/tracker-may-go-first", test_tracker_gone_first);
  g_test_add_func ("/watch-object/tracker-may-have-ended", test_tracker_ended);
  g_test_add_func ("/watch-object/released-by-hand-is-no-misuse", test_released_by_hand);
  g_test_add_func ("/watch-object/adopted-by-another-tracker-closes-there", test_adopted_by_another_tracker);
  g_test_add_func ("/watch-object/adopted-while-finalized-in-another-thread", test_adopted_while_finalized);
  g_test_add_func ("/watch-object/wrong-arguments-are-named", test_wrong_arguments);
  return g_test_run ();
}
