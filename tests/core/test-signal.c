/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reports on a signal. Settings are read once: main() sends the reports to a file, as JSON, one on each line.
 */
#include "leash-lock-private.h"
#include "leash-tracker-private.h"

#include "../fixture.h"
#include "../under-sanitizer.h"
#include "ask.h"

#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>

#define N_SIGNALS 100
#define A_WHILE 20000 /* us */

static char *output;

static guint
count_reports (void)
{
  g_autofree char *text = NULL;
  guint n = 0;

  if (!g_file_get_contents (output, &text, NULL, NULL))
    return 0;
  for (const char *end = text; (end = strchr (end, '\n')) != NULL; end++)
    n++;
  return n;
}

/* Waits for the reports, and for what might come beside them. */
static char *
take_reports (guint n)
{
  char *text = NULL;

  while (count_reports () < n)
    g_usleep (1000);
  g_usleep (A_WHILE);
  g_assert_cmpuint (count_reports (), ==, n);
  if (n > 0)
    g_assert_true (g_file_get_contents (output, &text, NULL, NULL));
  unlink (output);
  return text;
}

static void
report_on (LeashTracker *tracker, int signum)
{
  g_autoptr (GError) error = NULL;

  leash_tracker_report_on_signal (tracker, signum, &error);
  g_assert_no_error (error);
}

static void
own_handler (int signum)
{
}

static void
other_handler (int signum)
{
}

/* Returns what was there. */
static void (*set_handler (int signum, void (*handler) (int))) (int)
{
  struct sigaction before, action = { .sa_handler = handler };

  g_assert_cmpint (sigaction (signum, &action, &before), ==, 0);
  return before.sa_handler;
}

static void (*get_handler (int signum)) (int)
{
  struct sigaction now;

  g_assert_cmpint (sigaction (signum, NULL, &now), ==, 0);
  return now.sa_handler;
}

static void
test_report_is_written (Fixture *self, gconstpointer unused)
{
  LeashTag *tag = leash_track (self->ctx, "thing", "one");
  g_autofree char *text = NULL;

  report_on (self->tracker, SIGUSR2);
  g_assert_cmpint (raise (SIGUSR2), ==, 0);
  text = take_reports (1);
  g_assert_true (g_str_has_prefix (text, "{\"schema\":1,"));
  g_assert_nonnull (strstr (text, "\"one\""));
  leash_untrack (tag);
  report_on (self->tracker, 0);
}

static void
test_real_time_signal (Fixture *self, gconstpointer unused)
{
  report_on (self->tracker, SIGRTMIN + 3);
  g_assert_cmpint (raise (SIGRTMIN + 3), ==, 0);
  g_free (take_reports (1));
  report_on (self->tracker, 0);
}

static void
test_programs_handler_is_left_alone (Fixture *self, gconstpointer unused)
{
  g_autoptr (GError) error = NULL;
  struct sigaction action = { .sa_handler = own_handler };

  g_assert_cmpint (sigaction (SIGUSR2, &action, NULL), ==, 0);
  g_assert_false (leash_tracker_report_on_signal (self->tracker, SIGUSR2, &error));
  assert_io_error (error, G_IO_ERROR_BUSY, "signal 12", "the program has a handler for it");
  g_assert_true (get_handler (SIGUSR2) == own_handler);
  set_handler (SIGUSR2, SIG_DFL);
}

static void
test_what_was_there_comes_back (Fixture *self, gconstpointer unused)
{
  report_on (self->tracker, SIGUSR2);
  g_assert_true (get_handler (SIGUSR2) != SIG_DFL);
  report_on (self->tracker, 0);
  g_assert_true (get_handler (SIGUSR2) == SIG_DFL);

  set_handler (SIGUSR2, SIG_IGN);
  report_on (self->tracker, SIGUSR2);
  report_on (self->tracker, 0);
  g_assert_true (get_handler (SIGUSR2) == SIG_IGN);
  set_handler (SIGUSR2, SIG_DFL);
}

static void
test_programs_later_handler_stays (Fixture *self, gconstpointer unused)
{
  report_on (self->tracker, SIGUSR2);
  set_handler (SIGUSR2, other_handler);
  report_on (self->tracker, 0);
  g_assert_true (get_handler (SIGUSR2) == other_handler);
  set_handler (SIGUSR2, SIG_DFL);
}

static void
test_another_signal_instead (Fixture *self, gconstpointer unused)
{
  report_on (self->tracker, SIGUSR2);
  report_on (self->tracker, SIGUSR1);
  g_assert_true (get_handler (SIGUSR2) == SIG_DFL);
  g_assert_cmpint (raise (SIGUSR1), ==, 0);
  g_free (take_reports (1));
  report_on (self->tracker, 0);
  g_assert_true (get_handler (SIGUSR1) == SIG_DFL);
}

static void
test_trackers_share_a_signal (Fixture *self, gconstpointer unused)
{
  g_autoptr (LeashTracker) other = leash_tracker_new ();

  report_on (self->tracker, SIGUSR2);
  report_on (other, SIGUSR2);
  report_on (other, SIGUSR2);
  g_assert_cmpint (raise (SIGUSR2), ==, 0);
  g_free (take_reports (2));
  report_on (self->tracker, 0);
  g_assert_cmpint (raise (SIGUSR2), ==, 0);
  g_free (take_reports (1));
  report_on (other, 0);
  g_assert_true (get_handler (SIGUSR2) == SIG_DFL);
}

static void
test_tracker_is_kept (Fixture *self, gconstpointer unused)
{
  LeashTracker *tracker = leash_tracker_new ();

  report_on (tracker, SIGUSR2);
  leash_tracker_end (tracker);
  leash_tracker_unref (tracker);
  g_assert_cmpint (raise (SIGUSR2), ==, 0);
  g_free (take_reports (1));
  report_on (tracker, 0);
}

static void
test_other_signals_are_refused (Fixture *self, gconstpointer unused)
{
  static const int signums[] = { SIGSEGV, SIGTERM, SIGHUP, SIGKILL, -1, 32, 65, 1000 };
  g_autoptr (GError) error = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (signums); i++)
    {
      g_assert_false (leash_tracker_report_on_signal (self->tracker, signums[i], &error));
      assert_io_error (error, G_IO_ERROR_INVALID_ARGUMENT, "none of USR1, USR2 and the real-time signals");
    }
  expect_critical ("leash_tracker_report_on_signal", "tracker != NULL");
  g_assert_false (leash_tracker_report_on_signal (NULL, SIGUSR2, NULL));
  assert_expected ();
}

/* A lock that a report needs is held: the first signal may make a report that waits, all others one more. */
static void
test_many_make_two (Fixture *self, gconstpointer unused)
{
  guint n;

  report_on (self->tracker, SIGUSR2);
  leash_lock (&self->tracker->misuse_lock);
  for (guint i = 0; i < N_SIGNALS; i++)
    g_assert_cmpint (raise (SIGUSR2), ==, 0);
  leash_unlock (&self->tracker->misuse_lock);
  while (count_reports () == 0)
    g_usleep (1000);
  report_on (self->tracker, 0);
  n = count_reports ();
  g_assert_cmpuint (n, >=, 1);
  g_assert_cmpuint (n, <=, 2);
  unlink (output);
}

static void
test_errno_is_kept (Fixture *self, gconstpointer unused)
{
  report_on (self->tracker, SIGUSR2);
  errno = ENOTTY;
  raise (SIGUSR2);
  g_assert_cmpint (errno, ==, ENOTTY);
  g_free (take_reports (1));
  report_on (self->tracker, 0);
}

typedef struct
{
  int fd;
  gint tid; /* atomic */
} Reader;

static gpointer
read_one (gpointer user_data)
{
  Reader *reader = user_data;
  char byte;

  g_atomic_int_set (&reader->tid, gettid ());
  return GINT_TO_POINTER (read (reader->fd, &byte, 1));
}

/* Whether the kernel has it asleep. */
static gboolean
sleeps (int tid)
{
  g_autofree char *path = g_strdup_printf ("/proc/self/task/%d/stat", tid);
  g_autofree char *stat = NULL;

  return g_file_get_contents (path, &stat, NULL, NULL) && strstr (stat, ") S ") != NULL;
}

static void
test_system_calls_go_on (Fixture *self, gconstpointer unused)
{
  Reader reader = { 0 };
  GThread *thread;
  int fds[2];

  if (UNDER_THREAD_SANITIZER)
    {
      g_test_skip ("ThreadSanitizer keeps a signal back for as long as its thread is in read()");
      return;
    }
  g_assert_cmpint (pipe (fds), ==, 0);
  reader.fd = fds[0];
  report_on (self->tracker, SIGUSR2);
  thread = g_thread_new ("reader", read_one, &reader);
  while (g_atomic_int_get (&reader.tid) == 0 || !sleeps (reader.tid))
    g_usleep (1000);
  g_assert_cmpint (tgkill (getpid (), reader.tid, SIGUSR2), ==, 0);
  g_free (take_reports (1));
  g_assert_cmpint (write (fds[1], "x", 1), ==, 1);
  g_assert_cmpint (GPOINTER_TO_INT (g_thread_join (thread)), ==, 1);
  close (fds[0]);
  close (fds[1]);
  report_on (self->tracker, 0);
}

/* The child goes on, with neither a report nor an end; then it asks for reports of its own. */
static int
get_signals_in_child (LeashTracker *tracker)
{
  if (raise (SIGUSR2) != 0)
    return 1;
  g_usleep (A_WHILE);
  if (count_reports () != 0)
    return 2;
  if (UNDER_THREAD_SANITIZER)
    return 0;
  report_on (tracker, SIGUSR2);
  g_usleep (A_WHILE);
  if (count_reports () != 0)
    return 3;
  raise (SIGUSR2);
  while (count_reports () != 1)
    g_usleep (1000);
  report_on (tracker, 0);
  return get_handler (SIGUSR2) == SIG_DFL ? 0 : 4;
}

static void
test_fork (Fixture *self, gconstpointer unused)
{
  int status;
  pid_t child;

  report_on (self->tracker, SIGUSR2);
  child = fork ();
  g_assert_cmpint (child, >=, 0);
  if (child == 0)
    {
      alarm (60);
      end_child (get_signals_in_child (self->tracker));
    }
  g_assert_cmpint (waitpid (child, &status, 0), ==, child);
  g_assert_true (WIFEXITED (status));
  g_assert_cmpint (WEXITSTATUS (status), ==, 0);
  unlink (output);
  g_assert_cmpint (raise (SIGUSR2), ==, 0);
  g_free (take_reports (1));
  report_on (self->tracker, 0);
}

static gpointer
switch_on_and_off (gpointer user_data)
{
  Fixture *self = user_data;

  for (guint i = 0; i < N_SIGNALS; i++)
    {
      g_autoptr (LeashTracker) tracker = leash_tracker_new ();
      LeashTag *tag = leash_track (self->ctx, "thing", "one");

      report_on (tracker, SIGUSR2);
      raise (SIGUSR2);
      report_on (tracker, 0);
      leash_untrack (tag);
    }
  return NULL;
}

static void
test_from_many_threads (Fixture *self, gconstpointer unused)
{
  GThread *threads[4];

  report_on (self->tracker, SIGUSR2);
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = g_thread_new ("switch", switch_on_and_off, self);
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    g_thread_join (threads[i]);
  /* This tracker wanted it all the time. */
  while (count_reports () == 0)
    g_usleep (1000);
  report_on (self->tracker, 0);
  g_assert_true (get_handler (SIGUSR2) == SIG_DFL);
  unlink (output);
}

typedef struct
{
  LeashTracker *tracker;
  gint stopped;   /* atomic */
  gboolean freed; /* the tracker */
} Wanted;

static gpointer
give_up (gpointer user_data)
{
  Wanted *wanted = user_data;

  while (!__atomic_load_n (&wanted->stopped, __ATOMIC_ACQUIRE))
    report_on (wanted->tracker, 0);
  return NULL;
}

static void
ignore (LeashTracker *tracker, LeashEventType event, const LeashResource *resource, const LeashMisuse *misuse,
        gpointer user_data)
{
}

static void
note_freed (gpointer user_data)
{
  ((Wanted *) user_data)->freed = TRUE;
}

/* Regression: who gave a signal up dropped a reference that who took it was yet to take. */
static void
test_taken_while_given_up (Fixture *self, gconstpointer unused)
{
  Wanted wanted = { .tracker = leash_tracker_new () };
  GThread *threads[2];
  guint n_rounds = g_test_slow () ? 500000 : 5000;

  leash_tracker_add_listener (wanted.tracker, ignore, &wanted, note_freed);
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = g_thread_new ("giver", give_up, &wanted);
  for (guint i = 0; i < n_rounds; i++)
    {
      report_on (wanted.tracker, SIGUSR2);
      g_assert_false (wanted.freed);
    }
  __atomic_store_n (&wanted.stopped, TRUE, __ATOMIC_RELEASE);
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    g_thread_join (threads[i]);
  report_on (wanted.tracker, 0);
  g_assert_false (wanted.freed);
  leash_tracker_unref (wanted.tracker);
  g_assert_true (wanted.freed);
}

int
main (int argc, char **argv)
{
  g_autofree char *dir = g_dir_make_tmp ("leash-test-XXXXXX", NULL);
  int result;

  output = g_build_filename (dir, "reports", NULL);
  g_setenv ("LEASH_OUTPUT", output, TRUE);
  g_setenv ("LEASH_FORMAT", "json", TRUE);
  g_test_init (&argc, &argv, NULL);
  ADD ("/signal/report-is-written", test_report_is_written);
  ADD ("/signal/real-time-signal", test_real_time_signal);
  ADD ("/signal/programs-handler-is-left-alone", test_programs_handler_is_left_alone);
  ADD ("/signal/what-was-there-comes-back", test_what_was_there_comes_back);
  ADD ("/signal/programs-later-handler-stays", test_programs_later_handler_stays);
  ADD ("/signal/another-signal-instead", test_another_signal_instead);
  ADD ("/signal/trackers-share-a-signal", test_trackers_share_a_signal);
  ADD ("/signal/tracker-is-kept", test_tracker_is_kept);
  ADD ("/signal/other-signals-are-refused", test_other_signals_are_refused);
  ADD ("/signal/many-make-two", test_many_make_two);
  ADD ("/signal/errno-is-kept", test_errno_is_kept);
  ADD ("/signal/system-calls-go-on", test_system_calls_go_on);
  ADD ("/signal/fork", test_fork);
  ADD ("/signal/from-many-threads", test_from_many_threads);
  ADD ("/signal/taken-while-another-thread-gives-it-up", test_taken_while_given_up);
  result = g_test_run ();
  remove_tree (dir);
  g_free (output);
  return result;
}
