/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The first capture happens once in a process, so each test has one of its own. */
#include <leash/leash.h>

#include "leash-capture-private.h"
#include "leash-own-fd-private.h"

#include <fcntl.h>
#include <unistd.h>

#define N_FDS 64

static gboolean
is_open (int fd)
{
  return fcntl (fd, F_GETFD) >= 0;
}

/* Runs func in a process where nothing has unwound yet. */
static void
in_fresh_process (void (*func) (void))
{
  if (g_test_subprocess ())
    {
      func ();
      return;
    }
  g_test_trap_subprocess (NULL, 0, G_TEST_SUBPROCESS_INHERIT_STDERR);
  g_test_trap_assert_passed ();
}

static void
make_tracker (void)
{
  leash_tracker_unref (leash_tracker_new ());
}

static void
capture (void)
{
  g_assert_cmpuint (leash_stack_capture (), !=, 0);
}

/* The recorder of the replay cache is in another library of libunwind's, with a pipe of its own. */
static guint
count_pipes (void)
{
  return LEASH_CAN_REPLAY && leash_settings_get ()->capture != LEASH_CAPTURE_UNWIND ? 2 : 1;
}

/* Two ends of each pipe are all that is new after func, and both are noted. */
static void
look_at_pipe (void (*func) (void))
{
  gboolean was_open[N_FDS];
  guint n_new = 0;

  for (int fd = 0; fd < N_FDS; fd++)
    was_open[fd] = is_open (fd);
  func ();
  for (int fd = 0; fd < N_FDS; fd++)
    {
      g_assert_cmpint (leash_own_fd_contains (fd), ==, is_open (fd) && !was_open[fd]);
      n_new += leash_own_fd_contains (fd);
    }
  g_assert_cmpuint (n_new, ==, 2 * count_pipes ());
}

static void
look_after_tracker (void)
{
  look_at_pipe (make_tracker);
}

static void
look_after_capture (void)
{
  look_at_pipe (capture);
}

static void
test_pipe_is_noted (void)
{
  in_fresh_process (look_after_tracker);
}

/* A thread that opens such pipes at any moment, also just then; none of its own is ever full of a byte. */
static gint stop;     /* atomic */
static gint n_opened; /* atomic */
static int own_pipe[2] = { -1, -1 };

static gpointer
open_pipes (gpointer unused)
{
  while (!g_atomic_int_get (&stop))
    {
      if (own_pipe[0] >= 0)
        {
          close (own_pipe[0]);
          close (own_pipe[1]);
        }
      g_assert_cmpint (pipe2 (own_pipe, O_NONBLOCK | O_CLOEXEC), ==, 0);
      g_atomic_int_inc (&n_opened);
    }
  return NULL;
}

static void
look_at_others_pipe (void)
{
  GThread *thread = g_thread_new ("opens", open_pipes, NULL);
  g_autoptr (LeashTracker) tracker = NULL;

  while (g_atomic_int_get (&n_opened) == 0)
    g_thread_yield ();
  tracker = leash_tracker_new ();
  g_atomic_int_set (&stop, TRUE);
  g_thread_join (thread);
  g_assert_false (leash_own_fd_contains (own_pipe[0]));
  g_assert_false (leash_own_fd_contains (own_pipe[1]));
}

static void
test_others_pipe_is_not (void)
{
  in_fresh_process (look_at_others_pipe);
}

static void
test_capture_without_tracker (void)
{
  in_fresh_process (look_after_capture);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/warm-up/pipe-is-noted", test_pipe_is_noted);
  g_test_add_func ("/warm-up/anothers-pipe-is-not", test_others_pipe_is_not);
  g_test_add_func ("/warm-up/capture-without-tracker", test_capture_without_tracker);
  return g_test_run ();
}
