/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the environment asks for. It is read once in a process, so each test has one of its own. */
#include <leash/leash.h>

#include "ask.h"

#include <glib/gstdio.h>
#include <signal.h>

#define ENV_DIR "LEASH_TEST_LIVE_DIR"

/* What it leaves: at the end no socket is there, although nobody stopped the server. */
static void
remove_what_may_stay (const char *dir)
{
  g_autofree char *output = g_build_filename (dir, "output", NULL);
  g_autofree char *usual = g_build_filename (dir, "leash", NULL);

  g_unlink (output);
  g_rmdir (usual);
  g_assert_cmpint (g_rmdir (dir), ==, 0);
}

static void
set_or_not (const char *name, const char *value)
{
  if (value != NULL)
    g_setenv (name, value, TRUE);
  else
    g_unsetenv (name);
}

/* Runs the test again in a process with these variables. Returns whether this is that process. */
static gboolean
in_process_with (const char *serve, const char *signum)
{
  g_autofree char *dir = g_test_subprocess () ? NULL : g_dir_make_tmp ("leash-test-XXXXXX", NULL);
  g_autofree char *path = NULL;
  g_autofree char *output = NULL;

  if (dir == NULL)
    return TRUE;
  path = serve != NULL ? g_strconcat (*serve == '/' ? dir : "", serve, NULL) : NULL;
  output = g_build_filename (dir, "output", NULL);
  set_or_not (ENV_DIR, dir);
  set_or_not ("XDG_RUNTIME_DIR", dir);
  set_or_not ("LEASH_OUTPUT", output);
  set_or_not ("LEASH_SERVE", path);
  set_or_not ("LEASH_SIGNAL", signum);
  g_test_trap_subprocess (NULL, 0, G_TEST_SUBPROCESS_INHERIT_STDERR);
  g_test_trap_assert_passed ();
  remove_what_may_stay (dir);
  return FALSE;
}

static char *
path_in_dir (const char *name)
{
  return g_build_filename (g_getenv (ENV_DIR), name, NULL);
}

static char *
path_with_pid (const char *before, const char *after)
{
  g_autofree char *name = g_strdup_printf ("%s%d%s", before, getpid (), after);

  return path_in_dir (name);
}

/* Two trackers, the second nested, each with something open. */
typedef struct
{
  LeashTracker *trackers[2];
  LeashTag *tags[2];
} Pair;

static Pair
pair_new (void)
{
  Pair pair = { { leash_tracker_new (), NULL }, { NULL, NULL } };
  static const char *const names[] = { "one", "two" };

  pair.trackers[1] = leash_tracker_new_nested (pair.trackers[0]);
  for (guint i = 0; i < 2; i++)
    {
      g_autoptr (LeashContext) ctx
          = leash_context_with_tracker (leash_context_background (), pair.trackers[i]);

      pair.tags[i] = leash_track (ctx, "thing", names[i]);
    }
  return pair;
}

static void
pair_clear (Pair *pair)
{
  for (guint i = 2; i-- > 0;)
    {
      leash_untrack (pair->tags[i]);
      leash_tracker_unref (pair->trackers[i]);
    }
}

static void
assert_served (const char *path)
{
  Pair pair = pair_new ();
  g_autofree char *answer = ask (path, "text\n");

  g_assert_true (leash_check_settings (NULL));
  g_assert_true (g_str_has_prefix (answer, "leash: 2 resources still open"));
  assert_has (answer, "\"one\"");
  assert_has (answer, "\"two\"");
  pair_clear (&pair);
}

static void
test_serve (void)
{
  if (in_process_with ("/all.%p", NULL))
    {
      g_autofree char *path = path_with_pid ("all.", "");

      assert_served (path);
    }
}

static void
test_serve_auto (void)
{
  if (in_process_with ("auto", NULL))
    {
      g_autofree char *path = path_with_pid ("leash/test-live-", ".sock");

      assert_served (path);
    }
}

static guint
count_own_threads (void)
{
  g_autoptr (GDir) tasks = g_dir_open ("/proc/self/task", 0, NULL);
  const char *task;
  guint n = 0;

  while ((task = g_dir_read_name (tasks)) != NULL)
    {
      g_autofree char *path = g_build_filename ("/proc/self/task", task, "comm", NULL);
      g_autofree char *name = NULL;

      n += g_file_get_contents (path, &name, NULL, NULL) && g_str_has_prefix (name, "leash-");
    }
  return n;
}

static void
test_nothing_unless_asked (void)
{
  if (in_process_with (NULL, NULL))
    {
      g_autoptr (LeashTracker) tracker = leash_tracker_new ();
      struct sigaction now;

      g_assert_cmpint (sigaction (SIGUSR2, NULL, &now), ==, 0);
      g_assert_true (now.sa_handler == SIG_DFL);
      g_assert_cmpuint (count_own_threads (), ==, 0);
    }
}

static void
test_nothing_without_tracker (void)
{
  if (in_process_with ("/all", "USR2"))
    {
      g_autoptr (LeashTracker) tracker = NULL;
      g_autofree char *path = path_in_dir ("all");

      g_assert_true (leash_check_settings (NULL));
      g_assert_cmpuint (count_own_threads (), ==, 0);
      g_assert_cmpint (try_dial (path), ==, -1);
      /* The control */
      tracker = leash_tracker_new ();
      close (dial (path));
    }
}

static void
test_signal (void)
{
  if (in_process_with (NULL, "USR2"))
    {
      Pair pair = pair_new ();
      g_autofree char *output = path_in_dir ("output");
      g_autofree char *text = NULL;

      g_assert_true (leash_check_settings (NULL));
      g_assert_cmpint (raise (SIGUSR2), ==, 0);
      while (text == NULL || !g_str_has_suffix (text, "\n") || strstr (text, "\"two\"") == NULL)
        {
          g_usleep (1000);
          g_clear_pointer (&text, g_free);
          g_file_get_contents (output, &text, NULL, NULL);
        }
      assert_has (text, "leash: 2 resources still open");
      pair_clear (&pair);
    }
}

static volatile sig_atomic_t n_signals;

static void
note_signal (int signum)
{
  n_signals++;
}

static void
assert_told (const char *expected)
{
  g_autoptr (LeashTracker) tracker = leash_tracker_new ();
  g_autoptr (GError) error = NULL;

  g_assert_false (leash_check_settings (NULL));
  g_assert_false (leash_check_settings (&error));
  g_assert_error (error, LEASH_ERROR, LEASH_ERROR_BAD_SETTING);
  g_assert_cmpstr (error->message, ==, expected);
}

static void
test_failure_is_told (void)
{
  if (in_process_with ("/missing/s", NULL))
    {
      g_autofree char *path = path_in_dir ("missing/s");
      g_autofree char *expected
          = g_strdup_printf ("LEASH_SERVE: Serving at %s: No such file or directory", path);

      assert_told (expected);
    }
}

static void
test_handler_is_told (void)
{
  if (in_process_with (NULL, "12"))
    {
      signal (SIGUSR2, note_signal);
      assert_told ("LEASH_SIGNAL: Reporting on signal 12 (User defined signal 2): the program has a handler"
                   " for it");
      raise (SIGUSR2);
      g_assert_cmpint (n_signals, ==, 1);
    }
}

/* Regression: reports on a signal were lost without a word. */
static void
test_output_that_cannot_be_written_is_told (void)
{
  g_autoptr (LeashTracker) tracker = NULL;
  g_autofree char *output = NULL;
  g_autofree char *expected = NULL;

  if (!in_process_with (NULL, "USR2"))
    return;
  output = path_in_dir ("output");
  expected = g_strdup_printf ("LEASH_OUTPUT: Writing the report to %s: Is a directory", output);
  g_assert_cmpint (g_mkdir (output, 0700), ==, 0);
  tracker = leash_tracker_new ();
  g_assert_true (leash_check_settings (NULL));
  for (guint i = 0; i < 3; i++)
    {
      raise (SIGUSR2);
      while (leash_check_settings (NULL))
        g_usleep (1000);
    }
  assert_told (expected);
  g_assert_cmpint (g_rmdir (output), ==, 0);
}

static void
test_bad_values_are_told (void)
{
  if (in_process_with ("relative", "TERM"))
    assert_told (
        "LEASH_SERVE is \"relative\": expected an absolute path, in which %p is the process's number,"
        " or auto; LEASH_SIGNAL is \"TERM\": expected USR1, USR2, RTMIN+N, or the number of one of"
        " these");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/live/serve", test_serve);
  g_test_add_func ("/live/serve-auto", test_serve_auto);
  g_test_add_func ("/live/nothing-unless-asked", test_nothing_unless_asked);
  g_test_add_func ("/live/nothing-without-tracker", test_nothing_without_tracker);
  g_test_add_func ("/live/signal", test_signal);
  g_test_add_func ("/live/failure-is-told", test_failure_is_told);
  g_test_add_func ("/live/handler-is-told", test_handler_is_told);
  g_test_add_func ("/live/output-that-cannot-be-written-is-told", test_output_that_cannot_be_written_is_told);
  g_test_add_func ("/live/bad-values-are-told", test_bad_values_are_told);
  return g_test_run ();
}
