/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Functions that run after a context is done: when, where, how often, and when they are stopped. */
#include "leash-context-inner-private.h"

#define EXPECT_CRITICAL(pattern) g_test_expect_message ("Leash", G_LOG_LEVEL_CRITICAL, "*" pattern "*")

typedef struct
{
  LeashLock lock;
  pthread_cond_t changed;

  /* Guarded by lock */
  int n_runs;
  int n_destroyed;
  gboolean may_return;
  gboolean is_other_thread;
  char thread_name[16];
  pthread_t maker;
} Witness;

static void
witness_init (Witness *witness)
{
  *witness = (Witness){ .lock = LEASH_LOCK_INIT, .changed = PTHREAD_COND_INITIALIZER, .may_return = TRUE };
  witness->maker = pthread_self ();
}

static void
witness_run (gpointer user_data)
{
  Witness *witness = user_data;

  leash_lock (&witness->lock);
  witness->n_runs++;
  witness->is_other_thread = !pthread_equal (witness->maker, pthread_self ());
  pthread_getname_np (pthread_self (), witness->thread_name, sizeof witness->thread_name);
  pthread_cond_broadcast (&witness->changed);
  while (!witness->may_return)
    pthread_cond_wait (&witness->changed, &witness->lock);
  leash_unlock (&witness->lock);
}

static void
witness_destroyed (gpointer user_data)
{
  Witness *witness = user_data;

  leash_lock (&witness->lock);
  witness->n_destroyed++;
  pthread_cond_broadcast (&witness->changed);
  leash_unlock (&witness->lock);
}

static void
await (Witness *witness, const int *count)
{
  leash_lock (&witness->lock);
  while (*count == 0)
    pthread_cond_wait (&witness->changed, &witness->lock);
  leash_unlock (&witness->lock);
}

static void
allow_return (Witness *witness)
{
  leash_lock (&witness->lock);
  witness->may_return = TRUE;
  pthread_cond_broadcast (&witness->changed);
  leash_unlock (&witness->lock);
}

static void
assert_seen (Witness *witness, int n_runs, int n_destroyed)
{
  leash_lock (&witness->lock);
  g_assert_cmpint (witness->n_runs, ==, n_runs);
  g_assert_cmpint (witness->n_destroyed, ==, n_destroyed);
  leash_unlock (&witness->lock);
}

static void
test_runs_in_other_thread (void)
{
  g_autoptr (LeashContext) ctx = leash_context_with_cancel (leash_context_background ());
  Witness witness;

  witness_init (&witness);
  g_assert_cmpuint (leash_context_after_func (ctx, witness_run, &witness, witness_destroyed), !=, 0);
  assert_seen (&witness, 0, 0);
  leash_context_cancel (ctx, NULL);
  await (&witness, &witness.n_destroyed);
  assert_seen (&witness, 1, 1);
  g_assert_true (witness.is_other_thread);
  g_assert_cmpstr (witness.thread_name, ==, "leash-after");
}

static void
test_runs_for_value_child (void)
{
  static const LeashContextKey key = { "key" };
  g_autoptr (LeashContext) ctx = leash_context_with_cancel (leash_context_background ());
  LeashContext *child = leash_context_with_value (ctx, &key, NULL, NULL);
  Witness witness;

  witness_init (&witness);
  leash_context_after_func (child, witness_run, &witness, witness_destroyed);
  leash_context_unref (child); /* what ends it is still there */
  assert_seen (&witness, 0, 0);
  leash_context_cancel (ctx, NULL);
  await (&witness, &witness.n_destroyed);
  assert_seen (&witness, 1, 1);
}

static void
test_runs_on_deadline (void)
{
  g_autoptr (LeashClock) clock = leash_clock_new_fake (0);
  g_autoptr (LeashContext) root = leash_context_with_clock (leash_context_background (), clock);
  g_autoptr (LeashContext) ctx = leash_context_with_timeout (root, 10);
  Witness witness;

  witness_init (&witness);
  leash_context_after_func (ctx, witness_run, &witness, witness_destroyed);
  leash_clock_advance (clock, 10);
  await (&witness, &witness.n_destroyed);
  assert_seen (&witness, 1, 1);
}

static void
test_done_already (void)
{
  g_autoptr (LeashContext) ctx = leash_context_with_timeout (leash_context_background (), 0);
  Witness witness;
  guint64 id;

  witness_init (&witness);
  id = leash_context_after_func (ctx, witness_run, &witness, witness_destroyed);
  g_assert_cmpuint (id, !=, 0);
  g_assert_false (leash_context_stop_func (ctx, id));
  await (&witness, &witness.n_destroyed);
  assert_seen (&witness, 1, 1);
  g_assert_true (witness.is_other_thread);
}

static void
test_stop (void)
{
  g_autoptr (LeashContext) ctx = leash_context_with_cancel (leash_context_background ());
  Witness stopped, running;
  guint64 stopped_id, running_id;

  witness_init (&stopped);
  witness_init (&running);
  stopped_id = leash_context_after_func (ctx, witness_run, &stopped, witness_destroyed);
  running_id = leash_context_after_func (ctx, witness_run, &running, witness_destroyed);
  g_assert_cmpuint (stopped_id, !=, running_id);
  g_assert_true (leash_context_stop_func (ctx, stopped_id));
  assert_seen (&stopped, 0, 1);
  g_assert_false (leash_context_stop_func (ctx, stopped_id));
  leash_context_cancel (ctx, NULL);
  await (&running, &running.n_destroyed);
  g_assert_false (leash_context_stop_func (ctx, stopped_id));
  g_assert_false (leash_context_stop_func (ctx, running_id));
  assert_seen (&stopped, 0, 1);
  assert_seen (&running, 1, 1);
}

static void
test_stop_never_waits (void)
{
  g_autoptr (LeashContext) ctx = leash_context_with_cancel (leash_context_background ());
  Witness witness;
  guint64 id;

  witness_init (&witness);
  witness.may_return = FALSE;
  id = leash_context_after_func (ctx, witness_run, &witness, witness_destroyed);
  leash_context_cancel (ctx, NULL);
  await (&witness, &witness.n_runs);
  g_assert_false (leash_context_stop_func (ctx, id)); /* returns, although the function cannot */
  assert_seen (&witness, 1, 0);
  allow_return (&witness);
  await (&witness, &witness.n_destroyed);
}

static void
test_context_goes (void)
{
  LeashContext *ctx = leash_context_with_cancel (leash_context_background ());
  Witness witness;

  witness_init (&witness);
  leash_context_after_func (ctx, witness_run, &witness, witness_destroyed);
  leash_context_after_func (ctx, witness_run, NULL, NULL);
  leash_context_unref (ctx);
  assert_seen (&witness, 0, 1);
}

static void
test_never_done (void)
{
  LeashContext *ctx = leash_context_background ();
  Witness witness;
  guint64 id;

  witness_init (&witness);
  id = leash_context_after_func (ctx, witness_run, &witness, witness_destroyed);
  g_assert_cmpuint (id, !=, 0);
  assert_seen (&witness, 0, 1);
  g_assert_true (leash_context_stop_func (ctx, id)); /* or whoever waits for it to have run waits for ever */
  g_assert_cmpuint (leash_context_after_func (ctx, witness_run, &witness, NULL), !=, 0);
  g_assert_false (leash_context_stop_func (ctx, 1));
  assert_seen (&witness, 0, 1);
}

typedef struct
{
  LeashContext *ctx;
  Witness *witness;
} Holder;

static void
drop_and_witness (gpointer user_data)
{
  Holder *holder = user_data;

  leash_context_unref (g_steal_pointer (&holder->ctx));
  witness_run (holder->witness);
}

static void
test_drops_last_reference (void)
{
  Witness witness;
  Holder holder = { leash_context_with_cancel (leash_context_background ()), &witness };
  LeashContext *ctx = leash_context_ref (holder.ctx);

  witness_init (&witness);
  leash_context_after_func (ctx, drop_and_witness, &holder, NULL);
  leash_context_cancel (ctx, NULL);
  leash_context_unref (ctx);
  await (&witness, &witness.n_runs);
  leash_lock (&witness.lock); /* the thread is through with the witness */
  leash_unlock (&witness.lock);
}

static void
test_misuse (void)
{
  LeashContext *ctx = leash_context_background ();

  EXPECT_CRITICAL ("leash_context_after_func*ctx != NULL*");
  g_assert_cmpuint (leash_context_after_func (NULL, witness_run, NULL, NULL), ==, 0);
  EXPECT_CRITICAL ("leash_context_after_func*func != NULL*");
  g_assert_cmpuint (leash_context_after_func (ctx, NULL, NULL, NULL), ==, 0);
  EXPECT_CRITICAL ("leash_context_stop_func*ctx != NULL*");
  g_assert_false (leash_context_stop_func (NULL, 1));
  EXPECT_CRITICAL ("leash_context_stop_func*id != 0*");
  g_assert_false (leash_context_stop_func (ctx, 0));
  g_test_assert_expected_messages ();
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/after/runs/once-in-a-thread-of-its-own", test_runs_in_other_thread);
  g_test_add_func ("/after/runs/for-a-child-that-is-gone", test_runs_for_value_child);
  g_test_add_func ("/after/runs/on-a-deadline", test_runs_on_deadline);
  g_test_add_func ("/after/runs/at-once-when-done-already", test_done_already);
  g_test_add_func ("/after/runs/and-may-drop-the-last-reference", test_drops_last_reference);
  g_test_add_func ("/after/stop/before-after-and-twice", test_stop);
  g_test_add_func ("/after/stop/never-waits", test_stop_never_waits);
  g_test_add_func ("/after/never/context-goes-without-being-done", test_context_goes);
  g_test_add_func ("/after/never/context-that-nothing-can-end", test_never_done);
  g_test_add_func ("/after/misuse/names-the-call", test_misuse);
  return g_test_run ();
}
