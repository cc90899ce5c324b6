/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A caller's GCancellable and a context: one ends the other, not the other way round, and in any order. */
#include "leash-context-inner-private.h"

static void
assert_no_handler (GCancellable *cancellable)
{
  guint signal = g_signal_lookup ("cancelled", G_TYPE_CANCELLABLE);

  g_assert_false (g_signal_has_handler_pending (cancellable, signal, 0, TRUE));
}

static void
test_cancellable_ends_context (void)
{
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (LeashContext) ctx = leash_context_with_cancellable (leash_context_background (), cancellable);
  g_autoptr (LeashContext) child = leash_context_with_cancel (ctx);

  g_assert_false (leash_context_is_done (ctx));
  g_cancellable_cancel (cancellable);
  g_assert_true (leash_context_is_done (child));
  g_assert_error (leash_context_get_error (ctx), G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_assert_nonnull (strstr (leash_context_get_error (ctx)->message, "cancelled"));
  assert_no_handler (cancellable);
}

static void
test_context_leaves_cancellable (void)
{
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (LeashContext) parent = leash_context_with_cancel (leash_context_background ());
  g_autoptr (LeashContext) ctx = leash_context_with_cancellable (parent, cancellable);
  g_autoptr (LeashContext) child = leash_context_with_cancellable (parent, cancellable);

  g_assert_true (leash_context_get_cancellable (ctx) != cancellable);
  leash_context_cancel (ctx, NULL);
  leash_context_cancel (parent, NULL);
  g_assert_true (leash_context_is_done (child));
  g_assert_false (g_cancellable_is_cancelled (cancellable));
  assert_no_handler (cancellable);
  g_cancellable_cancel (cancellable);
}

static void
test_cancelled_already (void)
{
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (LeashContext) ctx = NULL;

  g_cancellable_cancel (cancellable);
  ctx = leash_context_with_cancellable (leash_context_background (), cancellable);
  g_assert_error (leash_context_get_error (ctx), G_IO_ERROR, G_IO_ERROR_CANCELLED);
  assert_no_handler (cancellable);
}

static void
test_no_cancellable (void)
{
  g_autoptr (LeashContext) ctx = leash_context_with_cancellable (leash_context_background (), NULL);

  g_assert_false (leash_context_is_done (ctx));
  leash_context_cancel (ctx, NULL);
  g_assert_true (leash_context_is_done (ctx));
}

static void
test_context_goes (void)
{
  GCancellable *cancellable = g_cancellable_new ();
  LeashContext *ctx = leash_context_with_cancellable (leash_context_background (), cancellable);

  leash_context_unref (ctx);
  assert_no_handler (cancellable);
  g_cancellable_cancel (cancellable);
  g_assert_finalize_object (cancellable);
}

static void
drop (GCancellable *cancellable, gpointer ctx)
{
  leash_context_unref (*(LeashContext **) ctx);
}

/* From the handler of the signal, which g_cancellable_disconnect() would wait for. */
static void
test_context_goes_in_handler (void)
{
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  LeashContext *before = NULL;
  LeashContext *after = NULL;

  g_signal_connect (cancellable, "cancelled", G_CALLBACK (drop), &before);
  before = leash_context_with_cancellable (leash_context_background (), cancellable);
  after = leash_context_with_cancellable (leash_context_background (), cancellable);
  g_signal_connect (cancellable, "cancelled", G_CALLBACK (drop), &after);
  g_cancellable_cancel (cancellable);
}

static gpointer
cancel_cancellable (gpointer cancellable)
{
  g_cancellable_cancel (cancellable);
  return NULL;
}

static gpointer
cancel_context (gpointer ctx)
{
  leash_context_cancel (ctx, NULL);
  leash_context_unref (ctx);
  return NULL;
}

static void
test_races (void)
{
  for (int round = 0; round < 500; round++)
    {
      GCancellable *cancellable = g_cancellable_new ();
      GThread *first = g_thread_new ("cancellable", cancel_cancellable, cancellable);
      LeashContext *ctx = leash_context_with_cancellable (leash_context_background (), cancellable);
      GThread *second = NULL;

      if (round % 2 == 0)
        second = g_thread_new ("context", cancel_context, leash_context_ref (ctx));
      leash_context_unref (ctx);
      g_thread_join (first);
      if (second != NULL)
        g_thread_join (second);
      assert_no_handler (cancellable);
      g_object_unref (cancellable);
    }
}

/* However the two meet, once the cancellable is cancelled the context is done. */
static void
test_never_missed (void)
{
  for (int round = 0; round < 500; round++)
    {
      GCancellable *cancellable = g_cancellable_new ();
      GThread *thread = g_thread_new ("cancellable", cancel_cancellable, cancellable);
      LeashContext *ctx = leash_context_with_cancellable (leash_context_background (), cancellable);

      g_thread_join (thread);
      g_assert_true (leash_context_is_done (ctx));
      leash_context_unref (ctx);
      g_object_unref (cancellable);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/adoption/cancellable-ends-the-context", test_cancellable_ends_context);
  g_test_add_func ("/adoption/context-does-not-cancel-the-cancellable", test_context_leaves_cancellable);
  g_test_add_func ("/adoption/cancelled-already-is-done-at-once", test_cancelled_already);
  g_test_add_func ("/adoption/none-is-as-with-cancel", test_no_cancellable);
  g_test_add_func ("/adoption/context-goes-first", test_context_goes);
  g_test_add_func ("/adoption/context-goes-in-a-handler", test_context_goes_in_handler);
  g_test_add_func ("/adoption/threads/leave-nothing", test_races);
  g_test_add_func ("/adoption/threads/no-cancel-is-missed", test_never_missed);
  return g_test_run ();
}
