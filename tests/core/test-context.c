/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What contexts carry, and that a child differs from its parent in one thing only. */
#include "leash-context-inner-private.h"

#define EXPECT_CRITICAL(pattern) g_test_expect_message ("Leash", G_LOG_LEVEL_CRITICAL, "*" pattern "*")

typedef struct
{
  const char *name;
} User;

LEASH_DEFINE_CONTEXT_VALUE (User, user)

static const LeashContextKey first_key = { "same name" };
static const LeashContextKey second_key = { "same name" };

static void
count_up (gpointer counter)
{
  (*(int *) counter)++;
}

static void
test_background (void)
{
  LeashContext *background = leash_context_background ();
  gint64 deadline = 42;

  g_assert_true (background == leash_context_background ());
  g_assert_false (leash_context_can_be_done (background));
  g_assert_false (leash_context_is_done (background));
  g_assert_true (leash_context_check (background, NULL));
  g_assert_null (leash_context_get_error (background));
  g_assert_null (leash_context_get_cause (background));
  g_assert_null (leash_context_get_tracker (background));
  g_assert_null (leash_context_get_cancellable (background));
  g_assert_null (leash_context_get_value (background, &first_key));
  g_assert_true (leash_context_get_clock (background) == leash_clock_system ());
  g_assert_false (leash_context_get_deadline (background, &deadline));
  g_assert_cmpint (deadline, ==, 42);
}

static void
test_background_is_never_freed (void)
{
  g_autoptr (LeashContext) background = leash_context_background ();

  for (int i = 0; i < 3; i++)
    leash_context_unref (background);
  g_assert_true (leash_context_ref (background) == background);
  g_assert_false (leash_context_is_done (background));
}

static void
test_value_of_parent (void)
{
  g_autoptr (LeashContext) parent
      = leash_context_with_value (leash_context_background (), &first_key, (gpointer) "one", NULL);
  g_autoptr (LeashContext) child = leash_context_with_cancel (parent);

  g_assert_cmpstr (leash_context_get_value (child, &first_key), ==, "one");
  g_assert_null (leash_context_get_value (leash_context_background (), &first_key));
}

static void
test_value_shadows (void)
{
  g_autoptr (LeashContext) parent
      = leash_context_with_value (leash_context_background (), &first_key, (gpointer) "one", NULL);
  g_autoptr (LeashContext) child = leash_context_with_value (parent, &first_key, (gpointer) "two", NULL);
  g_autoptr (LeashContext) hidden = leash_context_with_value (child, &first_key, NULL, NULL);

  g_assert_cmpstr (leash_context_get_value (parent, &first_key), ==, "one");
  g_assert_cmpstr (leash_context_get_value (child, &first_key), ==, "two");
  g_assert_null (leash_context_get_value (hidden, &first_key));
}

static void
test_keys_are_known_by_address (void)
{
  g_autoptr (LeashContext) ctx
      = leash_context_with_value (leash_context_background (), &first_key, (gpointer) "one", NULL);

  g_assert_null (leash_context_get_value (ctx, &second_key));
}

static void
test_typed_value (void)
{
  User ada = { "Ada" };
  g_autoptr (LeashContext) ctx = user_new_context (leash_context_background (), &ada, NULL);

  g_assert_true (user_from_context (ctx) == &ada);
  g_assert_null (user_from_context (leash_context_background ()));
}

static void
test_value_is_freed_with_last_who_sees_it (void)
{
  int freed = 0;
  LeashContext *parent = leash_context_with_value (leash_context_background (), &first_key, &freed, count_up);
  LeashContext *child = leash_context_with_value (parent, &second_key, NULL, NULL);
  LeashContext *grandchild = leash_context_without_cancel (child);

  leash_context_unref (parent);
  leash_context_unref (child);
  g_assert_cmpint (freed, ==, 0);
  g_assert_true (leash_context_get_value (grandchild, &first_key) == &freed);
  leash_context_unref (grandchild);
  g_assert_cmpint (freed, ==, 1);
}

/* With recursion in the release, or a walk over all contexts, this would not end well. */
static void
test_deep_chains (void)
{
  LeashContext *ctx
      = leash_context_with_value (leash_context_background (), &first_key, (gpointer) "top", NULL);
  int freed = 0;

  for (int i = 0; i < 10000; i++)
    {
      LeashContext *value = leash_context_with_value (ctx, &second_key, &freed, count_up);
      LeashContext *cancel = leash_context_with_cancel (value);

      leash_context_unref (ctx);
      leash_context_unref (value);
      ctx = cancel;
    }
  g_assert_cmpstr (leash_context_get_value (ctx, &first_key), ==, "top");
  g_assert_cmpint (freed, ==, 0);
  leash_context_unref (ctx);
  g_assert_cmpint (freed, ==, 10000);
}

/* The walk must not see contexts that have no value of their own. */
static void
test_value_passes_over_other_contexts (void)
{
  LeashContext *ctx
      = leash_context_with_value (leash_context_background (), &first_key, (gpointer) "top", NULL);
  LeashValue *link = leash_context_full (ctx)->value;

  for (int i = 0; i < 1000; i++)
    {
      LeashContext *child = leash_context_without_cancel (ctx);

      leash_context_unref (ctx);
      ctx = child;
    }
  g_assert_true (leash_context_full (ctx)->value == link);
  leash_context_unref (ctx);
}

static void
test_without_cancel_keeps_the_rest (void)
{
  g_autoptr (GObject) fs = g_object_new (G_TYPE_OBJECT, NULL);
  g_autoptr (LeashClock) clock = leash_clock_new_fake (0);
  g_autoptr (LeashContext) clocked = leash_context_with_clock (leash_context_background (), clock);
  g_autoptr (LeashContext) slotted = leash_context_with_slot (clocked, LEASH_SLOT_FS, fs);
  g_autoptr (LeashContext) valued = leash_context_with_value (slotted, &first_key, (gpointer) "one", NULL);
  g_autoptr (LeashContext) timed = leash_context_with_timeout (valued, 10);
  g_autoptr (LeashContext) kept = leash_context_without_cancel (timed);

  leash_clock_advance (clock, 10);
  g_assert_true (leash_context_is_done (timed));
  g_assert_true (leash_context_can_be_done (timed));
  g_assert_false (leash_context_is_done (kept));
  g_assert_false (leash_context_can_be_done (kept));
  g_assert_false (leash_context_get_deadline (kept, NULL));
  g_assert_null (leash_context_get_cancellable (kept));
  g_assert_cmpstr (leash_context_get_value (kept, &first_key), ==, "one");
  g_assert_true (leash_context_get_clock (kept) == clock);
  g_assert_true (leash_context_get_slot (kept, LEASH_SLOT_FS) == fs);
}

/* Otherwise a background job would keep the timer of the request that started it. */
static void
test_without_cancel_lets_go (void)
{
  g_autoptr (LeashClock) clock = leash_clock_new_fake (0);
  g_autoptr (LeashContext) clocked = leash_context_with_clock (leash_context_background (), clock);
  LeashContext *timed = leash_context_with_timeout (clocked, 10);
  g_autoptr (LeashContext) kept = leash_context_without_cancel (timed);

  g_assert_cmpuint (leash_timer_count (clock), ==, 1);
  leash_context_unref (timed);
  g_assert_cmpuint (leash_timer_count (clock), ==, 0);
  g_assert_false (leash_context_is_done (kept));
}

static void
test_slots (void)
{
  GObject *fs = g_object_new (G_TYPE_OBJECT, NULL);
  GObject *network = g_object_new (G_TYPE_OBJECT, NULL);
  GObject *other = g_object_new (G_TYPE_OBJECT, NULL);
  LeashContext *first = leash_context_with_slot (leash_context_background (), LEASH_SLOT_FS, fs);
  LeashContext *second = leash_context_with_slot (first, LEASH_SLOT_NETWORK, network);
  LeashContext *third = leash_context_with_slot (second, LEASH_SLOT_FS, other);

  g_assert_null (leash_context_get_slot (leash_context_background (), LEASH_SLOT_FS));
  g_assert_true (leash_context_get_slot (first, LEASH_SLOT_FS) == fs);
  g_assert_null (leash_context_get_slot (first, LEASH_SLOT_NETWORK));
  g_assert_true (leash_context_get_slot (second, LEASH_SLOT_FS) == fs);
  g_assert_true (leash_context_get_slot (third, LEASH_SLOT_FS) == other);
  g_assert_true (leash_context_get_slot (third, LEASH_SLOT_NETWORK) == network);

  leash_context_unref (first);
  leash_context_unref (second);
  leash_context_unref (third);
  g_assert_finalize_object (fs);
  g_assert_finalize_object (network);
  g_assert_finalize_object (other);
}

static void
test_clock (void)
{
  g_autoptr (LeashClock) outer = leash_clock_new_fake (0);
  g_autoptr (LeashClock) inner = leash_clock_new_fake (0);
  g_autoptr (LeashContext) first = leash_context_with_clock (leash_context_background (), outer);
  g_autoptr (LeashContext) second = leash_context_with_clock (first, inner);
  g_autoptr (LeashContext) child = leash_context_with_cancel (second);

  g_assert_true (leash_context_get_clock (first) == outer);
  g_assert_true (leash_context_get_clock (second) == inner);
  g_assert_true (leash_context_get_clock (child) == inner);
}

static void
test_boxed (void)
{
  g_autoptr (LeashContext) ctx = leash_context_with_cancel (leash_context_background ());
  g_auto (GValue) value = G_VALUE_INIT;

  g_value_init (&value, LEASH_TYPE_CONTEXT);
  g_value_set_boxed (&value, ctx);
  g_assert_true (g_value_get_boxed (&value) == ctx);
  g_assert_cmpstr (g_type_name (LEASH_TYPE_CONTEXT), ==, "LeashContext");
}

static void
test_null_parent (void)
{
  g_autoptr (LeashClock) clock = leash_clock_new_fake (0);

  EXPECT_CRITICAL ("leash_context_with_tracker*parent != NULL");
  g_assert_null (leash_context_with_tracker (NULL, NULL));
  EXPECT_CRITICAL ("leash_context_with_clock*parent != NULL");
  g_assert_null (leash_context_with_clock (NULL, clock));
  EXPECT_CRITICAL ("leash_context_with_cancel*parent != NULL");
  g_assert_null (leash_context_with_cancel (NULL));
  EXPECT_CRITICAL ("leash_context_with_cancellable*parent != NULL");
  g_assert_null (leash_context_with_cancellable (NULL, NULL));
  EXPECT_CRITICAL ("leash_context_with_deadline*parent != NULL");
  g_assert_null (leash_context_with_deadline (NULL, 0));
  EXPECT_CRITICAL ("leash_context_with_deadline_cause*parent != NULL");
  g_assert_null (leash_context_with_deadline_cause (NULL, 0, NULL));
  EXPECT_CRITICAL ("leash_context_with_timeout*parent != NULL");
  g_assert_null (leash_context_with_timeout (NULL, 0));
  EXPECT_CRITICAL ("leash_context_with_timeout_cause*parent != NULL");
  g_assert_null (leash_context_with_timeout_cause (NULL, 0, NULL));
  EXPECT_CRITICAL ("leash_context_without_cancel*parent != NULL");
  g_assert_null (leash_context_without_cancel (NULL));
  EXPECT_CRITICAL ("leash_context_with_value*parent != NULL");
  g_assert_null (leash_context_with_value (NULL, &first_key, NULL, NULL));
  g_test_assert_expected_messages ();
}

static void
test_null_argument (void)
{
  LeashContext *ctx = leash_context_background ();
  GObject *not_a_cancellable = g_object_new (G_TYPE_OBJECT, NULL);

  EXPECT_CRITICAL ("leash_context_with_tracker*tracker != NULL");
  g_assert_null (leash_context_with_tracker (ctx, NULL));
  EXPECT_CRITICAL ("leash_context_with_clock*clock != NULL");
  g_assert_null (leash_context_with_clock (ctx, NULL));
  EXPECT_CRITICAL ("leash_context_with_value*key != NULL");
  g_assert_null (leash_context_with_value (ctx, NULL, NULL, NULL));
  EXPECT_CRITICAL ("leash_context_get_value*key != NULL");
  g_assert_null (leash_context_get_value (ctx, NULL));
  EXPECT_CRITICAL ("leash_context_with_cancellable*G_IS_CANCELLABLE*");
  g_assert_null (leash_context_with_cancellable (ctx, (GCancellable *) not_a_cancellable));
  g_test_assert_expected_messages ();
  g_object_unref (not_a_cancellable);
}

static void
test_null_context (void)
{
  EXPECT_CRITICAL ("leash_context_ref*ctx != NULL");
  g_assert_null (leash_context_ref (NULL));
  EXPECT_CRITICAL ("leash_context_get_tracker*ctx != NULL");
  g_assert_null (leash_context_get_tracker (NULL));
  EXPECT_CRITICAL ("leash_context_get_clock*ctx != NULL");
  g_assert_true (leash_context_get_clock (NULL) == leash_clock_system ());
  EXPECT_CRITICAL ("leash_context_get_value*ctx != NULL");
  g_assert_null (leash_context_get_value (NULL, &first_key));
  EXPECT_CRITICAL ("leash_context_get_deadline*ctx != NULL");
  g_assert_false (leash_context_get_deadline (NULL, NULL));
  EXPECT_CRITICAL ("leash_context_get_cancellable*ctx != NULL");
  g_assert_null (leash_context_get_cancellable (NULL));
  EXPECT_CRITICAL ("leash_context_can_be_done*ctx != NULL");
  g_assert_false (leash_context_can_be_done (NULL));
  EXPECT_CRITICAL ("leash_context_is_done*ctx != NULL");
  g_assert_false (leash_context_is_done (NULL));
  EXPECT_CRITICAL ("leash_context_check*ctx != NULL");
  g_assert_false (leash_context_check (NULL, NULL));
  EXPECT_CRITICAL ("leash_context_get_error*ctx != NULL");
  g_assert_null (leash_context_get_error (NULL));
  EXPECT_CRITICAL ("leash_context_get_cause*ctx != NULL");
  g_assert_null (leash_context_get_cause (NULL));
  g_test_assert_expected_messages ();
  leash_context_unref (NULL);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/context/background/carries-nothing-and-is-never-done", test_background);
  g_test_add_func ("/context/background/is-never-freed", test_background_is_never_freed);
  g_test_add_func ("/context/value/is-seen-by-children-only", test_value_of_parent);
  g_test_add_func ("/context/value/nearest-hides-those-above", test_value_shadows);
  g_test_add_func ("/context/value/keys-of-one-name-are-two-keys", test_keys_are_known_by_address);
  g_test_add_func ("/context/value/macro-defines-typed-accessors", test_typed_value);
  g_test_add_func ("/context/value/freed-with-the-last-context-that-sees-it",
                   test_value_is_freed_with_last_who_sees_it);
  g_test_add_func ("/context/value/through-ten-thousand-levels", test_deep_chains);
  g_test_add_func ("/context/value/found-in-one-step-past-contexts-without",
                   test_value_passes_over_other_contexts);
  g_test_add_func ("/context/without-cancel/keeps-all-else", test_without_cancel_keeps_the_rest);
  g_test_add_func ("/context/without-cancel/does-not-keep-the-timer-running", test_without_cancel_lets_go);
  g_test_add_func ("/context/slots/are-inherited-and-replaced-one-by-one", test_slots);
  g_test_add_func ("/context/clock/nearest-counts", test_clock);
  g_test_add_func ("/context/boxed/travels-in-a-value", test_boxed);
  g_test_add_func ("/context/misuse/null-parent-names-the-call", test_null_parent);
  g_test_add_func ("/context/misuse/null-argument-names-the-call", test_null_argument);
  g_test_add_func ("/context/misuse/null-context-names-the-call", test_null_context);
  return g_test_run ();
}
