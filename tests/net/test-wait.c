/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Waiting on a descriptor: signals, clocks, and what is left when descriptors run out. */
#include "net-fixture.h"

#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "leash-own-fd-private.h"
#include "leash-wait-private.h"

typedef struct
{
  int ends[2];
} Pipe;

static Pipe
make_pipe (void)
{
  Pipe made;

  g_assert_cmpint (pipe (made.ends), ==, 0);
  return made;
}

static void
pipe_clear (Pipe *made)
{
  close (made->ends[0]);
  close (made->ends[1]);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Pipe, pipe_clear)

static void
sleep_waiting (Sleeper *sleeper)
{
  sleeper->n = leash_wait_for_fd (sleeper->ctx, GPOINTER_TO_INT (sleeper->subject), POLLIN, &sleeper->error);
}

static void
test_ready (Fixture *fixture, gconstpointer unused)
{
  g_auto (Pipe) made = make_pipe ();
  g_autoptr (GError) error = NULL;

  g_assert_cmpint (write (made.ends[1], "x", 1), ==, 1);
  g_assert_true (leash_wait_for_fd (fixture->ctx, made.ends[0], POLLIN, &error));
  g_assert_no_error (error);
  g_assert_false (leash_wait_for_fd (fixture->done, made.ends[0], POLLIN, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_clear_error (&error);
}

static void
test_fake_clock (Fixture *fixture, gconstpointer unused)
{
  g_auto (Pipe) made = make_pipe ();
  g_autoptr (LeashClock) clock = leash_clock_new_fake (0);
  g_autoptr (LeashContext) fake = leash_context_with_clock (fixture->ctx, clock);
  g_autoptr (LeashContext) ctx = leash_context_with_timeout (fake, G_TIME_SPAN_DAY);
  Sleeper sleeper = { .func = sleep_waiting, .ctx = ctx, .subject = GINT_TO_POINTER (made.ends[0]) };

  sleeper_start (&sleeper);
  leash_clock_advance (clock, G_TIME_SPAN_DAY - 1);
  g_assert_false (leash_context_is_done (ctx));
  leash_clock_advance (clock, 1);
  sleeper_join (&sleeper);
  g_assert_error (sleeper.error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
  g_clear_error (&sleeper.error);
}

/* A wake-up that came too late for one wait is not taken for that of the next. */
static void
test_wake_up_is_used_up (Fixture *fixture, gconstpointer unused)
{
  g_auto (Pipe) made = make_pipe ();

  for (guint i = 0; i < 100; i++)
    {
      g_autoptr (LeashContext) ctx = leash_context_with_timeout (fixture->ctx, 300);
      g_autoptr (LeashContext) next = leash_context_with_timeout (fixture->ctx, 1000);
      g_autoptr (GError) error = NULL;

      g_assert_false (leash_wait_for_fd (ctx, made.ends[0], POLLIN, &error));
      g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
      g_clear_error (&error);
      g_assert_false (leash_wait_for_fd (next, made.ends[0], POLLIN, &error));
      g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
      g_clear_error (&error);
      g_assert_true (leash_context_is_done (next));
    }
}

static gint n_signals; /* atomic */

static void
count_signal (int number)
{
  g_atomic_int_inc (&n_signals);
}

static void
test_signals (Fixture *fixture, gconstpointer unused)
{
  g_auto (Pipe) made = make_pipe ();
  const struct sigaction action = { .sa_handler = count_signal };
  struct sigaction before;
  Sleeper sleeper = { .func = sleep_waiting, .ctx = fixture->ctx, .subject = GINT_TO_POINTER (made.ends[0]) };

  g_assert_cmpint (sigaction (SIGUSR1, &action, &before), ==, 0);
  sleeper_start (&sleeper);
  for (gint i = 1; i <= 20; i++)
    {
      g_assert_cmpint (tgkill (getpid (), sleeper.tid, SIGUSR1), ==, 0);
      wait_until (g_atomic_int_get (&n_signals) == i);
      wait_until (is_asleep (sleeper.tid));
    }
  g_assert_cmpint (write (made.ends[1], "x", 1), ==, 1);
  sleeper_join (&sleeper);
  g_assert_no_error (sleeper.error);
  g_assert_cmpint (sleeper.n, ==, TRUE);
  g_assert_cmpint (sigaction (SIGUSR1, &before, NULL), ==, 0);
}

/* A thread whose first wait finds no descriptor left. */
static void
test_no_descriptors (Fixture *fixture, gconstpointer unused)
{
  g_auto (Pipe) made = make_pipe ();
  g_autoptr (LeashContext) ctx = leash_context_with_cancel (fixture->ctx);
  rlim_t before = use_up_descriptors ();
  Sleeper sleeper = { .func = sleep_waiting, .ctx = ctx, .subject = GINT_TO_POINTER (made.ends[0]) };
  gint64 until = g_get_monotonic_time () + 30 * G_USEC_PER_SEC;

  /* Not sleeper_start(): there is no descriptor to read /proc with either. */
  sleeper.thread = g_thread_new ("sleeper", run_sleeper, &sleeper);
  while (g_atomic_int_get (&sleeper.tid) == 0 && g_get_monotonic_time () < until)
    g_usleep (500);
  g_usleep (1000); /* likely within the wait by now; the result is the same if not */
  leash_context_cancel (ctx, NULL);
  sleeper_join (&sleeper);
  give_descriptors_back (before);
  g_assert_error (sleeper.error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_clear_error (&sleeper.error);
}

static void
test_bad_descriptor (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (GError) error = NULL;

  /* poll() says that there is something, and the next call what it is. */
  g_assert_true (leash_wait_for_fd (fixture->ctx, 1 << 20, POLLIN, &error));
  g_assert_false (leash_wait_retries (fixture->ctx, 1 << 20, POLLIN, EBADF, &error));
  assert_io_error (error, G_IO_ERROR_FAILED, g_strerror (EBADF));
  g_assert_true (leash_wait_retries (fixture->ctx, 1 << 20, POLLIN, EINTR, &error));
  g_assert_false (leash_wait_retries (fixture->done, 1 << 20, POLLIN, EINTR, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_clear_error (&error);
}

/* A child has a wake-up of its own: its ends of waiting are not its parent's. */
static void
test_child_waits (Fixture *fixture, gconstpointer unused)
{
  g_auto (Pipe) made = make_pipe ();
  int status;
  pid_t child = fork ();

  if (child == 0)
    {
      g_autoptr (LeashContext) ctx = leash_context_with_cancel (leash_context_background ());
      g_autoptr (GError) error = NULL;
      Sleeper sleeper = { .ctx = ctx, .subject = GINT_TO_POINTER (made.ends[0]) };

      g_assert_cmpint (write (made.ends[1], "x", 1), ==, 1);
      sleep_waiting (&sleeper);
      _exit (sleeper.n ? 0 : 1);
    }
  g_assert_cmpint (waitpid (child, &status, 0), ==, child);
  g_assert_cmpint (status, ==, 0);
  g_assert_true (leash_wait_for_fd (fixture->ctx, made.ends[0], POLLIN, NULL));
}

/* The thread's own descriptor for waking up. */
static int
find_waker (void)
{
  for (int fd = 0; fd < 1024; fd++)
    {
      g_autofree char *link = g_strdup_printf ("/proc/self/fd/%d", fd);
      g_autofree char *target = leash_own_fd_contains (fd) ? g_file_read_link (link, NULL) : NULL;

      if (g_strcmp0 (target, "anon_inode:[eventfd]") == 0)
        return fd;
    }
  g_error ("the thread has waited, and has nothing to be woken by");
}

/* A regression: a daemon that has closed all it inherited lost what it opened then. */
static void
test_child_reuses_number (Fixture *fixture, gconstpointer unused)
{
  g_auto (Pipe) made = make_pipe ();
  int status;
  pid_t child;

  g_assert_cmpint (write (made.ends[1], "x", 1), ==, 1);
  g_assert_true (leash_wait_for_fd (fixture->ctx, made.ends[0], POLLIN, NULL));
  child = fork ();
  if (child == 0)
    {
      int reused = dup2 (made.ends[0], find_waker ());
      struct stat found;

      g_assert_true (leash_wait_for_fd (fixture->ctx, made.ends[0], POLLIN, NULL));
      _exit (fstat (reused, &found) == 0 && S_ISFIFO (found.st_mode) ? 0 : 1);
    }
  g_assert_cmpint (waitpid (child, &status, 0), ==, child);
  g_assert_cmpint (status, ==, 0);
}

/* What a tracker knows of is not counted as having bypassed it; what it does not know of is. */
static void
test_own_descriptors (Fixture *fixture, gconstpointer unused)
{
  g_auto (Ends) known = connect_ends (fixture->ctx, TCP);
  g_auto (Ends) unknown = connect_ends (leash_context_background (), TCP);
  int fd = leash_conn_get_fd (known.dialled);

  if (!leash_has_tracking ())
    {
      g_test_skip ("built without tracking");
      return;
    }
  g_assert_true (leash_own_fd_contains (fd));
  g_assert_true (leash_own_fd_contains (leash_conn_get_fd (known.accepted)));
  g_assert_true (leash_own_fd_contains (leash_listener_get_fd (known.listener)));
  g_assert_false (leash_own_fd_contains (leash_conn_get_fd (unknown.dialled)));
  g_assert_true (leash_conn_close (known.dialled, NULL));
  g_assert_false (leash_own_fd_contains (fd));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  warm_up ();
  ADD ("/net/wait/ready", test_ready);
  ADD ("/net/wait/fake-clock-ends-it", test_fake_clock);
  ADD ("/net/wait/wake-up-is-used-up", test_wake_up_is_used_up);
  ADD ("/net/wait/signals-do-not-end-it", test_signals);
  ADD ("/net/wait/out-of-descriptors-still-ends-with-the-context", test_no_descriptors);
  ADD ("/net/wait/bad-descriptor", test_bad_descriptor);
  ADD ("/net/wait/child-has-a-wake-up-of-its-own", test_child_waits);
  ADD ("/net/wait/child-closes-nothing-that-reuses-a-number", test_child_reuses_number);
  ADD ("/net/wait/tracked-descriptors-are-known-as-own", test_own_descriptors);
  return g_test_run ();
}
