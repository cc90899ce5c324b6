/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a forked child can do, whatever the parent's other threads were at when it was made. */
#include <leash/leash.h>

#include "../under-sanitizer.h"
#include "leash-capture-private.h"
#include "leash-tag-private.h"

#include <pthread.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define N_FORKS (g_test_slow () ? 1000 : 40)
#define PATIENCE_SECONDS 30

typedef struct
{
  LeashTracker *tracker;
  LeashContext *ctx;
  GThread *busy;
  gint stop;     /* atomic */
  gint n_rounds; /* atomic; of the busy thread */
} Fixture;

static guint
get_flags (LeashTracker *tracker)
{
  g_autoptr (LeashSnapshot) snapshot = leash_snapshot_new (tracker);

  return leash_depot_get (leash_snapshot_get_resource (snapshot, 0)->stack)->flags;
}

/* Goes through the tracker, its table of keys, new threads' numbers, the depot and reports. */
static gpointer
open_and_close (gpointer user_data)
{
  Fixture *self = user_data;

  while (!g_atomic_int_get (&self->stop))
    {
      LeashTag *tag = leash_track (self->ctx, "busy", "with a name");
      g_autofree char *report = NULL;

      leash_track_pointer (self->ctx, "busy", self, NULL);
      if (g_atomic_int_get (&self->n_rounds) % 64 == 0)
        report = leash_tracker_report (self->tracker, LEASH_FORMAT_JSON);
      leash_untrack_pointer (self->ctx, "busy", self);
      leash_untrack (tag);
      g_atomic_int_inc (&self->n_rounds);
    }
  return NULL;
}

static void
set_up (Fixture *self, gconstpointer with_thread)
{
  self->tracker = leash_tracker_new ();
  self->ctx = leash_context_with_tracker (leash_context_background (), self->tracker);
  if (GPOINTER_TO_INT (with_thread))
    self->busy = g_thread_new ("busy", open_and_close, self);
  while (self->busy != NULL && g_atomic_int_get (&self->n_rounds) == 0)
    g_thread_yield ();
}

static void
tear_down (Fixture *self, gconstpointer unused)
{
  g_atomic_int_set (&self->stop, TRUE);
  if (self->busy != NULL)
    g_thread_join (self->busy);
  g_assert_cmpuint (leash_tracker_count_open (self->tracker), ==, 0);
  leash_context_unref (self->ctx);
  leash_tracker_unref (self->tracker);
}

/* Runs func in a child, which ends by a signal if it hangs. Returns what func returned. */
static int
run_in_child (Fixture *self, int (*func) (Fixture *self))
{
  pid_t child = fork ();
  int status;

  g_assert_cmpint (child, >=, 0);
  if (child == 0)
    {
      int result;

      alarm (PATIENCE_SECONDS);
      result = func (self);
      /* Not _exit(): a leak checker would blame the child for what only the parent's other threads had. */
      if (result == 0)
        execl ("/bin/true", "true", NULL);
      _exit (result);
    }
  g_assert_cmpint (waitpid (child, &status, 0), ==, child);
  g_assert_true (WIFEXITED (status));
  return WEXITSTATUS (status);
}

/* Each returns 0, or the number of what was wrong: a child's assertions would be lost. */
static int
use_everything (Fixture *self)
{
  g_autoptr (LeashTracker) own = leash_tracker_new ();
  g_autoptr (LeashContext) ctx = leash_context_with_tracker (leash_context_background (), own);
  LeashTag *tag = leash_track (ctx, "thing", "in the child");
  g_autofree char *report = NULL;

  if (leash_tracker_count_open (own) != 1)
    return 1;
  report = leash_tracker_report (own, LEASH_FORMAT_JSON);
  leash_untrack (tag);
  if (leash_tracker_count_open (own) != 0)
    return 2;
  tag = leash_track_pointer (self->ctx, "thing", own, NULL);
  if (leash_tracker_count_kind (self->tracker, "thing") != 1)
    return 3;
  leash_untrack (tag);
  return leash_tracker_count_kind (self->tracker, "thing") == 0 ? 0 : 4;
}

static void
test_many_children (Fixture *self, gconstpointer unused)
{
  if (UNDER_ADDRESS_SANITIZER)
    {
      g_test_skip ("AddressSanitizer's own lock may be held by the other thread when this one forks");
      return;
    }
  for (guint i = 0; i < N_FORKS; i++)
    g_assert_cmpint (run_in_child (self, use_everything), ==, 0);
}

static int
look_at_stacks (Fixture *self)
{
  LeashTracker *own = leash_tracker_new ();
  LeashContext *ctx = leash_context_with_tracker (leash_context_background (), own);
  LeashTag *tag = leash_track (ctx, "thing", NULL);
  guint64 n = leash_capture_count_after_fork ();

  if (get_flags (own) != LEASH_STACK_AFTER_FORK)
    return 1;
  if (n == 0)
    return 2;
  leash_untrack (tag);
  tag = leash_track (ctx, "thing", NULL);
  if (leash_capture_count_after_fork () != n + 1)
    return 3;
  leash_untrack (tag);
  leash_stack_resume_after_fork ();
  tag = leash_track (ctx, "thing", NULL);
  if ((get_flags (own) & LEASH_STACK_AFTER_FORK) != 0 || leash_capture_count_after_fork () != n + 1)
    return 4;
  leash_untrack (tag);
  return 0;
}

static gpointer
wait_for_stop (gpointer user_data)
{
  while (!g_atomic_int_get (&((Fixture *) user_data)->stop))
    g_usleep (1000);
  return NULL;
}

/* A busy thread may hold libunwind's lock at the fork: a child that resumes would break its word then. */
static void
make_idle (Fixture *self)
{
  g_atomic_int_set (&self->stop, TRUE);
  g_thread_join (self->busy);
  g_atomic_int_set (&self->stop, FALSE);
  self->busy = g_thread_new ("idle", wait_for_stop, self);
}

static void
test_child_of_threads_takes_none (Fixture *self, gconstpointer unused)
{
  make_idle (self);
  g_assert_cmpint (run_in_child (self, look_at_stacks), ==, 0);
}

static int
fork_once_more (Fixture *self)
{
  return run_in_child (self, look_at_stacks);
}

static void
test_grandchild_takes_none (Fixture *self, gconstpointer unused)
{
  make_idle (self);
  g_assert_cmpint (run_in_child (self, fork_once_more), ==, 0);
}

/* In processes that never had another thread; the test's own may have. */

static int
expect_stacks (Fixture *self)
{
  LeashTag *tag = leash_track (self->ctx, "thing", NULL);
  guint flags = get_flags (self->tracker);

  leash_untrack (tag);
  return flags == LEASH_STACK_COMPLETE ? 0 : 1;
}

static void
in_own_process (void (*func) (Fixture *self, gconstpointer unused))
{
  Fixture self = { 0 };

  if (!g_test_subprocess ())
    {
      g_test_trap_subprocess (NULL, 0, 0);
      g_test_trap_assert_passed ();
      return;
    }
  set_up (&self, NULL);
  func (&self, NULL);
  tear_down (&self, NULL);
}

static void
fork_alone (Fixture *self, gconstpointer unused)
{
  g_assert_cmpint (run_in_child (self, expect_stacks), ==, 0);
}

static void
test_single_thread_goes_on (void)
{
  in_own_process (fork_alone);
}

/* In a child of who has no tracker. */
static int
expect_stacks_of_own (Fixture *unused)
{
  Fixture own = { 0 };
  int result;

  set_up (&own, NULL);
  result = expect_stacks (&own);
  tear_down (&own, NULL);
  return result;
}

/* Of a process with threads, none of which can be in the unwinder for Leash. */
static void
test_first_tracker_in_child (void)
{
  Fixture self = { 0 };

  if (!g_test_subprocess ())
    {
      g_test_trap_subprocess (NULL, 0, 0);
      g_test_trap_assert_passed ();
      return;
    }
  self.busy = g_thread_new ("idle", wait_for_stop, &self);
  g_assert_cmpint (run_in_child (&self, expect_stacks_of_own), ==, 0);
  g_atomic_int_set (&self.stop, TRUE);
  g_thread_join (self.busy);
}

/* The program's own handlers of forks: those that main() registers. */
static Fixture *used_in_handlers;
static guint n_handlers;

static void
use_in_handler (void)
{
  LeashContext *ctx;

  if (used_in_handlers == NULL)
    return;
  alarm (PATIENCE_SECONDS);
  leash_untrack (leash_track (used_in_handlers->ctx, "thing", "in a handler"));
  ctx = leash_context_with_timeout (used_in_handlers->ctx, G_TIME_SPAN_HOUR);
  leash_context_cancel (ctx, NULL);
  leash_context_unref (ctx);
  alarm (0);
  n_handlers++;
}

static int
count_handlers (Fixture *self)
{
  return (int) n_handlers;
}

/* Regression: handlers that were registered before there was any tracker waited for ever for its locks. */
static void
test_handlers_of_the_program (Fixture *self, gconstpointer unused)
{
  g_autoptr (LeashClock) clock = leash_clock_new_fake (0); /* needs no thread in the child */
  g_autoptr (LeashContext) with_clock = leash_context_with_clock (self->ctx, clock);
  Fixture faked = { self->tracker, with_clock };

  n_handlers = 0;
  used_in_handlers = &faked;
  g_assert_cmpint (run_in_child (self, count_handlers), ==, 2);
  used_in_handlers = NULL;
  g_assert_cmpuint (n_handlers, ==, 2);
}

/* As if a signal came while the locks are held: these are registered before Leash's own. */
static LeashContext *used_inside;

static void
use_inside (void)
{
  if (used_inside == NULL)
    return;
  alarm (PATIENCE_SECONDS);
  leash_untrack (leash_track (used_inside, "thing", NULL));
  alarm (0);
}

__attribute__ ((constructor (101))) static void
register_early (void)
{
  pthread_atfork (use_inside, use_inside, use_inside);
}

static int
count_reentries (Fixture *self)
{
  return (int) leash_tag_count_reentry ();
}

/* Regression: a signal handler that opened something waited for ever for a lock that the fork had taken. */
static void
test_signal_while_forking (Fixture *self, gconstpointer unused)
{
  guint64 n_before = leash_tag_count_reentry ();

  g_assert_cmpuint (n_before, <, 100);
  used_inside = self->ctx;
  g_assert_cmpint (run_in_child (self, count_reentries), ==, n_before + 2);
  used_inside = NULL;
  g_assert_cmpuint (leash_tag_count_reentry (), ==, n_before + 2);
  leash_untrack (leash_track (self->ctx, "thing", NULL));
  g_assert_cmpuint (leash_tag_count_reentry (), ==, n_before + 2);
}

#define ENV_AFTER_EXEC "LEASH_TEST_AFTER_EXEC"

static int
exec_self (Fixture *self)
{
  g_autofree char *program = g_file_read_link ("/proc/self/exe", NULL);

  g_setenv (ENV_AFTER_EXEC, "1", TRUE);
  execl (program, program, NULL);
  return 9;
}

static void
test_exec_goes_on (Fixture *self, gconstpointer unused)
{
  g_assert_cmpint (run_in_child (self, exec_self), ==, 0);
}

/* What main() does in the program that exec_self() starts. */
static int
after_exec (void)
{
  Fixture self = { 0 };
  int result;

  set_up (&self, NULL);
  result = expect_stacks (&self);
  tear_down (&self, NULL);
  return result;
}

/* posix_spawn() and vfork() run no handlers, and share all memory until exec: the parent goes on as before.
 */
static void
test_spawning_changes_nothing (void)
{
  Fixture self = { 0 };
  char *argv[] = { (char *) "/bin/true", NULL };

  set_up (&self, NULL);
  g_assert_true (g_spawn_sync (NULL, argv, NULL, G_SPAWN_DEFAULT, NULL, NULL, NULL, NULL, NULL, NULL));
  g_assert_cmpint (expect_stacks (&self), ==, 0);
  tear_down (&self, NULL);
}

int
main (int argc, char **argv)
{
  if (g_getenv (ENV_AFTER_EXEC) != NULL)
    return after_exec ();
  pthread_atfork (use_in_handler, use_in_handler, use_in_handler);
  g_test_init (&argc, &argv, NULL);
  g_test_add ("/fork/many-children-of-a-busy-process", Fixture, GINT_TO_POINTER (TRUE), set_up,
              test_many_children, tear_down);
  g_test_add ("/fork/child-of-threads-takes-no-stacks", Fixture, GINT_TO_POINTER (TRUE), set_up,
              test_child_of_threads_takes_none, tear_down);
  g_test_add ("/fork/grandchild-takes-no-stacks", Fixture, GINT_TO_POINTER (TRUE), set_up,
              test_grandchild_takes_none, tear_down);
  g_test_add ("/fork/exec-goes-on", Fixture, GINT_TO_POINTER (TRUE), set_up, test_exec_goes_on, tear_down);
  g_test_add_func ("/fork/single-thread-goes-on", test_single_thread_goes_on);
  g_test_add_func ("/fork/first-tracker-in-the-child", test_first_tracker_in_child);
  g_test_add ("/fork/handlers-of-the-program", Fixture, NULL, set_up, test_handlers_of_the_program,
              tear_down);
  g_test_add ("/fork/signal-while-forking", Fixture, NULL, set_up, test_signal_while_forking, tear_down);
  g_test_add_func ("/fork/spawning-changes-nothing", test_spawning_changes_nothing);
  return g_test_run ();
}
