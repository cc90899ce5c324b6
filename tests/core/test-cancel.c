/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The tree of cancellations: what its lists hold, and that threads which meet in it leave nothing behind. */
#include "leash-context-inner-private.h"

#define N_CHILDREN 1000
#define N_RACES 10000
#define N_THREADS 4

static LeashCancel *
node_of (LeashContext *ctx)
{
  return leash_context_full (ctx)->cancel;
}

static void
ran (gpointer unused)
{
}

/* Data of a function that is to run after the end: destroyed once for each node, so it counts them. */
static void
count_gone (gpointer counter)
{
  __atomic_fetch_add ((int *) counter, 1, __ATOMIC_RELEASE);
}

static void
await (const int *counter, int count)
{
  while (__atomic_load_n (counter, __ATOMIC_ACQUIRE) < count)
    g_usleep (100);
  g_assert_cmpint (__atomic_load_n (counter, __ATOMIC_ACQUIRE), ==, count);
}

static void
test_list_of_children (void)
{
  g_autoptr (LeashContext) parent = leash_context_with_cancel (leash_context_background ());
  LeashContext *children[4];

  for (int i = 0; i < 4; i++)
    children[i] = leash_context_with_cancel (parent);
  g_assert_cmpuint (leash_cancel_count_children (node_of (parent)), ==, 4);
  leash_context_cancel (children[1], NULL); /* done ones are off the list */
  g_assert_cmpuint (leash_cancel_count_children (node_of (parent)), ==, 3);
  leash_context_unref (children[3]); /* and so are those gone: the head */
  leash_context_unref (children[0]); /* and the tail */
  g_assert_cmpuint (leash_cancel_count_children (node_of (parent)), ==, 1);
  leash_context_unref (children[1]);
  leash_context_cancel (parent, NULL);
  g_assert_cmpuint (leash_cancel_count_children (node_of (parent)), ==, 0);
  g_assert_true (leash_context_is_done (children[2]));
  leash_context_unref (children[2]);
}

static void
test_deep_tree (void)
{
  g_autoptr (LeashContext) top = leash_context_with_cancel (leash_context_background ());
  LeashContext *ctx = leash_context_ref (top);

  for (int i = 0; i < 100000; i++)
    {
      LeashContext *child = leash_context_with_cancel (ctx);

      leash_context_unref (ctx);
      ctx = child;
    }
  leash_context_cancel (top, NULL);
  g_assert_true (leash_context_is_done (ctx));
  leash_context_unref (ctx);
}

/* What a handler sees: all below is done before any code of the program runs. */
static void
on_cancelled (GCancellable *cancellable, gpointer leaf)
{
  g_assert_true (leash_context_is_done (leaf));
}

static void
test_handler_sees_whole_tree_done (void)
{
  g_autoptr (LeashContext) top = leash_context_with_cancel (leash_context_background ());
  g_autoptr (LeashContext) middle = leash_context_with_cancel (top);
  g_autoptr (LeashContext) leaf = leash_context_with_cancel (middle);

  g_signal_connect (leash_context_get_cancellable (top), "cancelled", G_CALLBACK (on_cancelled), leaf);
  g_signal_connect (leash_context_get_cancellable (leaf), "cancelled", G_CALLBACK (on_cancelled), leaf);
  leash_context_cancel (top, NULL);
  g_assert_true (leash_context_is_done (leaf));
}

/* A handler may do anything: no lock is held. */
static void
drop_last_reference (GCancellable *cancellable, gpointer held)
{
  LeashContext **ctx = held;
  LeashContext *child = leash_context_with_cancel (*ctx);

  g_assert_true (leash_context_is_done (child));
  leash_context_cancel (*ctx, NULL);
  leash_context_unref (child);
  leash_context_unref (g_steal_pointer (ctx));
}

static void
test_handler_drops_the_context (void)
{
  LeashContext *ctx = leash_context_with_cancel (leash_context_background ());

  g_signal_connect (leash_context_get_cancellable (ctx), "cancelled", G_CALLBACK (drop_last_reference), &ctx);
  leash_context_cancel (ctx, NULL);
  g_assert_null (ctx);
}

static gpointer
cancel_it (gpointer ctx)
{
  leash_context_cancel (ctx, NULL);
  return NULL;
}

static void
test_thousand_children (void)
{
  LeashContext *parent = leash_context_with_cancel (leash_context_background ());
  LeashContext *children[N_CHILDREN];
  int gone = 0;
  GThread *thread;

  for (int i = 0; i < N_CHILDREN; i++)
    {
      children[i] = leash_context_with_timeout (parent, G_TIME_SPAN_HOUR);
      leash_context_after_func (children[i], ran, &gone, count_gone);
    }
  thread = g_thread_new ("canceller", cancel_it, parent);
  for (int i = 0; i < N_CHILDREN; i++)
    {
      g_assert_true (leash_context_wait (children[i], -1));
      leash_context_unref (children[i]);
    }
  g_thread_join (thread);
  g_assert_cmpuint (leash_cancel_count_children (node_of (parent)), ==, 0);
  g_assert_cmpuint (leash_timer_count (leash_clock_system ()), ==, 0);
  leash_context_unref (parent);
  await (&gone, N_CHILDREN);
}

typedef struct
{
  LeashContext *shared; /* parent of all that the threads make */

  /* Atomic, of functions that were to run after the end */
  int n_run;
  int n_stopped;
  int n_gone; /* their data destroyed */
} Races;

static void
count_run (gpointer races)
{
  __atomic_fetch_add (&((Races *) races)->n_run, 1, __ATOMIC_RELAXED);
}

static void
count_destroyed (gpointer races)
{
  __atomic_fetch_add (&((Races *) races)->n_gone, 1, __ATOMIC_RELEASE);
}

/* One of each kind of life that a context has. */
static void
race_once (Races *races, int kind)
{
  gint64 timeout = kind % 3 == 0 ? 100 : G_TIME_SPAN_HOUR;
  g_autoptr (LeashContext) ctx = leash_context_with_timeout (races->shared, timeout);
  g_autoptr (LeashContext) child = leash_context_with_cancel (ctx);
  guint64 id = leash_context_after_func (child, count_run, races, count_destroyed);

  if (kind % 64 != 0 && leash_context_stop_func (child, id))
    __atomic_fetch_add (&races->n_stopped, 1, __ATOMIC_RELAXED);
  leash_context_after_func (child, ran, races, count_destroyed);
  if (kind % 4 == 0)
    g_cancellable_is_cancelled (leash_context_get_cancellable (child));
  if (kind % 8 == 1)
    leash_context_cancel (ctx, NULL);
  if (kind % 8 == 2)
    leash_context_cancel (child, NULL);
}

static gpointer
run_races (gpointer user_data)
{
  for (int i = 0; i < N_RACES / N_THREADS; i++)
    race_once (user_data, i);
  return NULL;
}

static void
test_races (void)
{
  Races races = { .shared = leash_context_with_cancel (leash_context_background ()) };
  GThread *threads[N_THREADS];

  for (int i = 0; i < N_THREADS; i++)
    threads[i] = g_thread_new ("racer", run_races, &races);
  for (int i = 0; i < N_THREADS; i++)
    g_thread_join (threads[i]);
  await (&races.n_gone, 2 * N_RACES);
  g_assert_cmpint (races.n_run + races.n_stopped, <=, N_RACES);
  g_assert_cmpint (races.n_stopped, >, 0);
  g_assert_cmpuint (leash_cancel_count_children (node_of (races.shared)), ==, 0);
  g_assert_cmpuint (leash_timer_count (leash_clock_system ()), ==, 0);
  leash_context_unref (races.shared);
}

/* The parent is cancelled while children come, go and are cancelled themselves. */
static gpointer
have_children (gpointer parent)
{
  for (int i = 0; i < 50; i++)
    {
      g_autoptr (LeashContext) child = leash_context_with_timeout (parent, G_TIME_SPAN_HOUR);
      g_autoptr (LeashContext) grandchild = leash_context_with_cancel (child);

      if (i % 2 == 0)
        continue;
      leash_context_cancel (child, NULL); /* whoever was first, all below is done now */
      g_assert_nonnull (leash_context_get_error (child));
      g_assert_nonnull (leash_context_get_error (grandchild));
    }
  return NULL;
}

static void
test_cancel_while_children_come (void)
{
  for (int round = 0; round < 200; round++)
    {
      g_autoptr (LeashContext) parent = leash_context_with_cancel (leash_context_background ());
      g_autoptr (LeashContext) late = NULL;
      GThread *threads[2];

      threads[0] = g_thread_new ("children", have_children, parent);
      threads[1] = g_thread_new ("children", have_children, parent);
      leash_context_cancel (parent, NULL);
      late = leash_context_with_cancel (parent);
      g_assert_true (leash_context_is_done (late));
      g_thread_join (threads[0]);
      g_thread_join (threads[1]);
      g_assert_cmpuint (leash_cancel_count_children (node_of (parent)), ==, 0);
    }
  g_assert_cmpuint (leash_timer_count (leash_clock_system ()), ==, 0);
}

/* Two threads cancel overlapping trees: each node is done once, with one of the two causes. */
static void
test_overlapping_cancels (void)
{
  for (int round = 0; round < 300; round++)
    {
      g_autoptr (LeashContext) top = leash_context_with_cancel (leash_context_background ());
      g_autoptr (LeashContext) middle = leash_context_with_cancel (top);
      g_autoptr (LeashContext) leaf = leash_context_with_cancel (middle);
      int gone = 0;
      GThread *thread;

      leash_context_after_func (leaf, ran, &gone, count_gone);
      thread = g_thread_new ("canceller", cancel_it, top);
      leash_context_cancel (middle, NULL);
      g_thread_join (thread);
      g_assert_true (leash_context_is_done (leaf));
      await (&gone, 1);
    }
}

/* Sources are freed in one thread while what they wait for is cancelled in another. */
static void
test_source_races (void)
{
  for (int round = 0; round < 500; round++)
    {
      LeashContext *ctx = leash_context_with_cancel (leash_context_background ());
      GSource *source = leash_context_source_new (ctx);
      GThread *thread = g_thread_new ("canceller", cancel_it, ctx);

      g_source_unref (source);
      g_thread_join (thread);
      leash_context_unref (ctx);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/cancel/children/done-and-freed-ones-leave-the-list", test_list_of_children);
  g_test_add_func ("/cancel/children/chain-of-a-hundred-thousand", test_deep_tree);
  g_test_add_func ("/cancel/handler/sees-the-whole-tree-done", test_handler_sees_whole_tree_done);
  g_test_add_func ("/cancel/handler/may-drop-the-last-reference", test_handler_drops_the_context);
  g_test_add_func ("/cancel/threads/thousand-children-of-a-parent-cancelled-elsewhere",
                   test_thousand_children);
  g_test_add_func ("/cancel/threads/ten-thousand-lives-leave-nothing", test_races);
  g_test_add_func ("/cancel/threads/parent-cancelled-while-children-come", test_cancel_while_children_come);
  g_test_add_func ("/cancel/threads/overlapping-trees-cancelled-at-once", test_overlapping_cancels);
  g_test_add_func ("/cancel/threads/source-freed-while-cancelled", test_source_races);
  return g_test_run ();
}
