/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The threads of leash_test_go() by themselves; what a user sees of them is in test-test.c. */
#include "leash-test-threads-private.h"

#include <string.h>

#define N_THREADS 20

typedef struct
{
  gint n_running; /* atomic */
  gint n_ended;   /* atomic */
  gint stop;      /* atomic */
} Shared;

static void
count (LeashContext *ctx, gpointer shared)
{
  g_atomic_int_inc (&((Shared *) shared)->n_ended);
}

static void
run_till_stop (LeashContext *ctx, gpointer user_data)
{
  Shared *shared = user_data;

  g_atomic_int_inc (&shared->n_running);
  while (!g_atomic_int_get (&shared->stop))
    g_usleep (1000);
  g_assert_false (leash_context_is_done (ctx));
  g_atomic_int_inc (&shared->n_ended);
}

static void
wait_till (gint *number, gint value)
{
  while (g_atomic_int_get (number) < value)
    g_usleep (1000);
}

static void
test_waits_for_all (void)
{
  LeashTestThreads *threads = leash_test_threads_new ();
  Shared shared = { 0 };

  for (int i = 0; i < N_THREADS; i++)
    leash_test_threads_start (threads, leash_context_background (), count, &shared, 0);
  g_assert_cmpuint (leash_test_threads_wait (threads, -1), ==, 0);
  g_assert_cmpint (g_atomic_int_get (&shared.n_ended), ==, N_THREADS);
  g_assert_cmpuint (leash_test_threads_wait (threads, 0), ==, 0);
  leash_test_threads_free (threads);
}

static void
test_gives_up_in_time (void)
{
  LeashTestThreads *threads = leash_test_threads_new ();
  Shared shared = { 0 };
  g_autoptr (GString) text = g_string_new (NULL);

  for (int i = 0; i < 2; i++)
    leash_test_threads_start (threads, leash_context_background (), run_till_stop, &shared,
                              leash_stack_capture ());
  wait_till (&shared.n_running, 2);
  g_assert_cmpuint (leash_test_threads_wait (threads, g_get_monotonic_time () + 10000), ==, 2);
  leash_test_threads_describe (threads, text);
  g_assert_nonnull (strstr (text->str, ": \"test-go-1\", which runs\n"));
  g_assert_nonnull (strstr (text->str, ": \"test-go-2\", which runs\n"));

  g_atomic_int_set (&shared.stop, 1);
  g_assert_cmpuint (leash_test_threads_wait (threads, -1), ==, 0);
  g_assert_cmpint (g_atomic_int_get (&shared.n_ended), ==, 2);
  leash_test_threads_free (threads);
}

/* A thread that goes on when the test is over has what it needs: the context, and its place to say so. */
static void
test_outlives_its_test (void)
{
  LeashTestThreads *threads = leash_test_threads_new ();
  LeashContext *ctx = leash_context_with_cancel (leash_context_background ());
  Shared shared = { 0 };

  leash_test_threads_start (threads, ctx, run_till_stop, &shared, 0);
  wait_till (&shared.n_running, 1);
  leash_context_unref (ctx);
  leash_test_threads_free (threads);
  g_atomic_int_set (&shared.stop, 1);
  wait_till (&shared.n_ended, 1);
}

static void
test_freed_with_what_has_returned (void)
{
  for (int i = 0; i < 50; i++)
    {
      LeashTestThreads *threads = leash_test_threads_new ();
      Shared shared = { 0 };

      leash_test_threads_start (threads, leash_context_background (), count, &shared, 0);
      wait_till (&shared.n_ended, 1);
      leash_test_threads_free (threads);
    }
}

/* Also while others are waited for. */
static void
start_another (LeashContext *ctx, gpointer user_data)
{
  gpointer *arguments = user_data;

  leash_test_threads_start (arguments[0], ctx, count, arguments[1], 0);
}

static void
test_started_by_one_of_them (void)
{
  LeashTestThreads *threads = leash_test_threads_new ();
  Shared shared = { 0 };
  gpointer arguments[] = { threads, &shared };

  leash_test_threads_start (threads, leash_context_background (), start_another, arguments, 0);
  g_assert_cmpuint (leash_test_threads_wait (threads, -1), ==, 0);
  g_assert_cmpint (g_atomic_int_get (&shared.n_ended), ==, 1);
  leash_test_threads_free (threads);
}

static void
test_left_out_of_a_census (void)
{
  LeashTestThreads *threads = leash_test_threads_new ();
  g_autoptr (LeashCensus) before = leash_census_new ();
  g_autoptr (LeashCensus) after = NULL;
  g_autoptr (GPtrArray) seen = NULL;
  g_autoptr (GPtrArray) left = NULL;
  Shared shared = { 0 };

  leash_test_threads_start (threads, leash_context_background (), run_till_stop, &shared, 0);
  wait_till (&shared.n_running, 1);
  after = leash_census_new ();
  seen = leash_census_list_new_threads (before, after);
  leash_test_threads_forget (threads, after);
  left = leash_census_list_new_threads (before, after);
  g_assert_cmpuint (seen->len, ==, 1);
  g_assert_cmpuint (left->len, ==, 0);
  g_atomic_int_set (&shared.stop, 1);
  leash_test_threads_wait (threads, -1);
  leash_test_threads_free (threads);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/test-threads/waits-for-all", test_waits_for_all);
  g_test_add_func ("/test-threads/gives-up-in-time", test_gives_up_in_time);
  g_test_add_func ("/test-threads/outlives-its-test", test_outlives_its_test);
  g_test_add_func ("/test-threads/freed-with-what-has-returned", test_freed_with_what_has_returned);
  g_test_add_func ("/test-threads/started-by-one-of-them", test_started_by_one_of_them);
  g_test_add_func ("/test-threads/left-out-of-a-census", test_left_out_of_a_census);
  return g_test_run ();
}
