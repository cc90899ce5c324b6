/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Fault points, asked by a hook as a sweep sets one. */
#include <string.h>

#include <leash/leash.h>

#include "leash-fault-hook-private.h"

typedef struct
{
  LeashTracker *tracker;
  LeashContext *ctx;
  guint n_asked;  /* of the hook */
  gboolean fails; /* what the hook says */
  LeashFaultHook hook;
} Fixture;

static gboolean
ask (const char *operation, const char *name, gpointer user_data, GError **error)
{
  Fixture *fixture = user_data;

  fixture->n_asked++;
  if (fixture->fails)
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_FAILED, "%s %s", operation, name);
  return !fixture->fails;
}

static void
set_up (Fixture *fixture, gconstpointer unused)
{
  fixture->tracker = leash_tracker_new ();
  fixture->ctx = leash_context_with_tracker (leash_context_background (), fixture->tracker);
  fixture->hook = (LeashFaultHook){ ask, fixture };
}

static void
tear_down (Fixture *fixture, gconstpointer unused)
{
  leash_context_unref (fixture->ctx);
  leash_tracker_unref (fixture->tracker);
}

static guint n_evaluated;

static const char *
get_name (void)
{
  n_evaluated++;
  return "name";
}

static void
test_goes_on_without_a_sweep (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (GError) error = NULL;

  n_evaluated = 0;
  g_assert_true (leash_fault_point (leash_context_background (), "do", get_name (), &error));
  g_assert_true (leash_fault_point (fixture->ctx, "do", get_name (), &error));
  g_assert_cmpuint (n_evaluated, ==, 0);
  g_assert_true (leash_fault_point_at (leash_context_background (), "do", "name", &error));
  g_assert_true (leash_fault_point_at (fixture->ctx, "do", "name", &error));
  g_assert_no_error (error);
}

static void
test_asks_while_it_is_set (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (GError) error = NULL;

  n_evaluated = 0;
  leash_tracker_set_fault_hook (fixture->tracker, &fixture->hook);
  g_assert_true (leash_fault_point (fixture->ctx, "do", get_name (), &error));
  g_assert_no_error (error);
  fixture->fails = TRUE;
  g_assert_false (leash_fault_point (fixture->ctx, "do", get_name (), &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_FAILED);
  g_assert_cmpstr (error->message, ==, "do name");
  g_assert_false (leash_fault_point (fixture->ctx, "do", NULL, NULL));
  leash_tracker_set_fault_hook (fixture->tracker, NULL);
  g_assert_true (leash_fault_point (fixture->ctx, "do", get_name (), NULL));
  g_assert_cmpuint (fixture->n_asked, ==, 3);
  g_assert_cmpuint (n_evaluated, ==, 2);
}

static void
test_asks_whatever_the_level (Fixture *fixture, gconstpointer unused)
{
  leash_tracker_set_level (fixture->tracker, LEASH_LEVEL_OFF, 0);
  fixture->fails = TRUE;
  leash_tracker_set_fault_hook (fixture->tracker, &fixture->hook);
  g_assert_false (leash_fault_point (fixture->ctx, "do", NULL, NULL));
  leash_tracker_set_fault_hook (fixture->tracker, NULL);
}

/* Those made before and those made after, at any depth; and no other. */
static void
test_nested_trackers_ask_too (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (LeashTracker) before = leash_tracker_new_nested (fixture->tracker);
  g_autoptr (LeashTracker) other = leash_tracker_new ();
  g_autoptr (LeashContext) with_before = leash_context_with_tracker (fixture->ctx, before);
  g_autoptr (LeashContext) with_other = leash_context_with_tracker (fixture->ctx, other);
  g_autoptr (LeashTracker) after = NULL;
  g_autoptr (LeashContext) with_after = NULL;

  fixture->fails = TRUE;
  leash_tracker_set_fault_hook (fixture->tracker, &fixture->hook);
  after = leash_tracker_new_nested (before);
  with_after = leash_context_with_tracker (leash_context_background (), after);
  g_assert_false (leash_fault_point (with_before, "do", NULL, NULL));
  g_assert_false (leash_fault_point (with_after, "do", NULL, NULL));
  g_assert_true (leash_fault_point (with_other, "do", NULL, NULL));
  leash_tracker_set_fault_hook (fixture->tracker, NULL);
  g_assert_true (leash_fault_point (with_before, "do", NULL, NULL));
  g_assert_true (leash_fault_point (with_after, "do", NULL, NULL));
}

static gpointer
ask_often (gpointer ctx)
{
  for (guint i = 0; i < 2000; i++)
    (void) leash_fault_point (ctx, "do", NULL, NULL);
  return NULL;
}

/* The hook is not in use any more when it has been taken away: its memory is overwritten then. */
static void
test_threads (Fixture *fixture, gconstpointer unused)
{
  GThread *threads[3];

  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = g_thread_new ("asking", ask_often, fixture->ctx);
  for (guint i = 0; i < 200; i++)
    {
      LeashFaultHook hook = { ask, fixture };

      leash_tracker_set_fault_hook (fixture->tracker, &hook);
      leash_tracker_set_fault_hook (fixture->tracker, NULL);
      memset (&hook, 0, sizeof hook);
    }
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    g_thread_join (threads[i]);
}

#define EXPECT_CRITICAL(pattern) g_test_expect_message ("Leash", G_LOG_LEVEL_CRITICAL, "*" pattern "*")

static void
test_bad_arguments_go_on (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (GError) error = g_error_new_literal (G_IO_ERROR, G_IO_ERROR_FAILED, "before");

  EXPECT_CRITICAL ("ctx != NULL");
  g_assert_true (leash_fault_point_at (NULL, "do", NULL, NULL));
  EXPECT_CRITICAL ("operation != NULL");
  g_assert_true (leash_fault_point_at (fixture->ctx, NULL, NULL, NULL));
  EXPECT_CRITICAL ("*error == NULL");
  g_assert_true (leash_fault_point_at (fixture->ctx, "do", NULL, &error));
  g_test_assert_expected_messages ();
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define ADD(name, func) g_test_add ("/fault-point/" name, Fixture, NULL, set_up, func, tear_down)
  ADD ("goes-on-without-a-sweep", test_goes_on_without_a_sweep);
  ADD ("asks-while-it-is-set", test_asks_while_it_is_set);
  ADD ("asks-whatever-the-level", test_asks_whatever_the_level);
  ADD ("nested-trackers-ask-too", test_nested_trackers_ask_too);
  ADD ("threads", test_threads);
  ADD ("bad-arguments-go-on", test_bad_arguments_go_on);
  return g_test_run ();
}
