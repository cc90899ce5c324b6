/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a user of LeashTest sees. Each test runs one of the tests of planted.c in a process of its own and
 * looks at what it prints and how it ends. As each of those has one thing wrong, of a kind that one detector
 * sees, a detector that is taken away makes a test here fail; and those with nothing wrong show that none
 * cries wolf.
 */
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include <leash/leash.h>

/* What is said of a test that passes although nothing tracks. */
#define BUILT_WITHOUT "leash: built without tracking"

typedef struct
{
  char *out; /* both outputs */
  int status;
} Outcome;

static void
outcome_clear (Outcome *outcome)
{
  g_free (outcome->out);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Outcome, outcome_clear)

static char *
get_program (void)
{
  g_autofree char *self = g_file_read_link ("/proc/self/exe", NULL);
  g_autofree char *dir = g_path_get_dirname (self);

  return g_build_filename (dir, "planted", NULL);
}

static char **
append_option (char **env, const char *variable, const char *option)
{
  const char *before = g_environ_getenv (env, variable);
  g_autofree char *options
      = g_strconcat (before != NULL ? before : "", before != NULL ? ":" : "", option, NULL);

  return g_environ_setenv (env, variable, options, TRUE);
}

/* The environment of a user who has set nothing, but for what is given: "NAME=value", each on a line. */
static char **
make_environment (const char *settings)
{
  g_auto (GStrv) lines = settings != NULL ? g_strsplit (settings, "\n", -1) : NULL;
  char **env = g_get_environ ();

  for (guint i = 0; env[i] != NULL;)
    if (g_str_has_prefix (env[i], "LEASH_"))
      {
        g_autofree char *name = g_strndup (env[i], strcspn (env[i], "="));

        env = g_environ_unsetenv (env, name);
      }
    else
      i++;
  /* Leaks and threads left behind are what the programs are for. */
  env = append_option (env, "ASAN_OPTIONS", "detect_leaks=0");
  env = append_option (env, "TSAN_OPTIONS", "report_thread_leaks=0");
  env = g_environ_setenv (env, "LEASH_TEST_GRACE", "0.05", TRUE);
  for (guint i = 0; lines != NULL && lines[i] != NULL; i++)
    {
      g_auto (GStrv) parts = g_strsplit (lines[i], "=", 2);

      env = g_environ_setenv (env, parts[0], parts[1], TRUE);
    }
  return env;
}

static void
run (Outcome *outcome, const char *path, const char *setting)
{
  g_autofree char *program = get_program ();
  g_auto (GStrv) env = make_environment (setting);
  const char *argv[] = { program, "--tap", "-k", "-p", path, NULL };
  g_autofree char *err = NULL;
  g_autofree char *out = NULL;
  g_autoptr (GError) error = NULL;

  g_spawn_sync (NULL, (char **) argv, env, G_SPAWN_DEFAULT, NULL, NULL, &out, &err, &outcome->status, &error);
  g_assert_no_error (error);
  outcome->out = g_strconcat (out, err, NULL);
}

static gboolean
has (const Outcome *outcome, const char *text)
{
  return strstr (outcome->out, text) != NULL;
}

static guint
count (const Outcome *outcome, const char *text)
{
  g_auto (GStrv) parts = g_strsplit (outcome->out, text, -1);

  return g_strv_length (parts) - 1;
}

#define assert_has(outcome, text)                              \
  G_STMT_START                                                 \
  {                                                            \
    if (!has ((outcome), (text)))                              \
      g_error ("“%s” is not in:\n%s", (text), (outcome)->out); \
  }                                                            \
  G_STMT_END

#define assert_has_not(outcome, text)                      \
  G_STMT_START                                             \
  {                                                        \
    if (has ((outcome), (text)))                           \
      g_error ("“%s” is in:\n%s", (text), (outcome)->out); \
  }                                                        \
  G_STMT_END

/* Runs a test that must fail, with this at the end of its line. */
static void
run_failing (Outcome *outcome, const char *path, const char *setting, const char *reason)
{
  g_autofree char *line = g_strdup_printf ("%s - %s", path, reason);

  run (outcome, path, setting);
  assert_has (outcome, "not ok ");
  assert_has (outcome, line);
  if (outcome->status == 0)
    g_error ("%s ends with success", path);
}

/* Runs a test that must pass, and say nothing. */
static void
run_passing (Outcome *outcome, const char *path, const char *setting)
{
  run (outcome, path, setting);
  assert_has_not (outcome, "not ok ");
  g_assert_cmpuint (count (outcome, "leash:"), ==, count (outcome, BUILT_WITHOUT));
  assert_has_not (outcome, "WARNING");
  assert_has_not (outcome, "CRITICAL");
  assert_has (outcome, path);
  if (outcome->status != 0)
    g_error ("%s fails:\n%s", path, outcome->out);
}

static void
test_passes (gconstpointer path)
{
  g_auto (Outcome) outcome = { 0 };

  run_passing (&outcome, path, NULL);
}

/* A test that passes because nothing was looked at must not look like one that found nothing. */
static void
test_says_whether_it_tracks (void)
{
  g_auto (Outcome) outcome = { 0 };

  run_passing (&outcome, "/nothing", NULL);
  g_assert_cmpint (has (&outcome, "# " BUILT_WITHOUT), ==, !leash_has_tracking ());
}

/* For what closes late: with time for it, also on a slow machine. */
static void
test_passes_in_time (gconstpointer path)
{
  g_auto (Outcome) outcome = { 0 };

  run_passing (&outcome, path, "LEASH_TEST_GRACE=20");
}

/* Tests of what only a library with tracking can tell. */
static gboolean
skip_without_tracking (void)
{
  if (leash_has_tracking ())
    return FALSE;
  g_test_skip ("this library is built without tracking");
  return TRUE;
}

static void
test_resource (void)
{
  g_auto (Outcome) outcome = { 0 };

  if (skip_without_tracking ())
    return;
  run_failing (&outcome, "/resource", NULL, "1 resource still open, from 1 place: 1 x gadget\n");
  assert_has (&outcome, "# leash: 1 resource still open, from 1 place\n");
  assert_has (&outcome, "# 1 x gadget \"the one\", opened ");
  assert_has (&outcome, " by thread \"main\"\n#     open_gadget ");
  assert_has (&outcome, "#     test_resource ");
  assert_has_not (&outcome, "leash_test_");
  assert_has_not (&outcome, "g_test_run");
}

static void
test_misuse (void)
{
  g_auto (Outcome) outcome = { 0 };

  if (skip_without_tracking ())
    return;
  run_failing (&outcome, "/misuse", NULL, "1 misuse: 1 x released twice\n");
  assert_has (&outcome, "# 1 x released twice: gadget \"twice\"\n");
  assert_has (&outcome, "#     test_misuse ");
}

static void
test_misuse_beside_kept_open (void)
{
  g_auto (Outcome) outcome = { 0 };
  g_autofree char *code = g_strdup_printf ("# code %d\n", LEASH_ERROR_MISUSE);

  if (skip_without_tracking ())
    return;
  run (&outcome, "/misuse-beside-kept-open", NULL);
  assert_has (&outcome, code);
}

/* Descriptors */

#define ONE_DESCRIPTOR "1 descriptor bypassed Leash and is still open\n"

static void
assert_descriptor (const char *path, const char *words)
{
  g_auto (Outcome) outcome = { 0 };
  g_autofree char *end = g_strconcat (": ", words, "\n", NULL);

  run_failing (&outcome, path, NULL, ONE_DESCRIPTOR);
  assert_has (&outcome, "# leash: " ONE_DESCRIPTOR "#     fd ");
  assert_has (&outcome, end);
}

static void
test_fd_file (void)
{
  g_auto (Outcome) outcome = { 0 };

  run_failing (&outcome, "/fd/file", NULL, "3 descriptors bypassed Leash and are still open\n");
  assert_has (&outcome, ": device /dev/null\n");
  assert_has (&outcome, ": file /etc/passwd\n");
  assert_has (&outcome, ": directory /etc\n");
}

static void
test_fd_pipe (void)
{
  g_auto (Outcome) outcome = { 0 };

  run_failing (&outcome, "/fd/pipe", NULL, ONE_DESCRIPTOR);
  assert_has (&outcome, ": pipe, number ");
}

static void
test_fd_fifo (void)
{
  g_auto (Outcome) outcome = { 0 };

  run_failing (&outcome, "/fd/fifo", NULL, ONE_DESCRIPTOR);
  assert_has (&outcome, ": fifo /");
}

static void
test_fd_tcp (void)
{
  g_auto (Outcome) outcome = { 0 };
  g_autofree char *port = NULL;
  g_autofree char *listening = NULL;
  g_autofree char *to = NULL;
  g_autofree char *from = NULL;

  run_failing (&outcome, "/fd/tcp", NULL, "3 descriptors");
  assert_has (&outcome, "# port ");
  port = g_strdup (strstr (outcome.out, "# port ") + strlen ("# port "));
  *strchr (port, '\n') = '\0';
  listening = g_strdup_printf (": tcp socket, listening at 127.0.0.1:%s\n", port);
  to = g_strdup_printf (" to 127.0.0.1:%s\n", port);
  from = g_strdup_printf (": tcp socket, 127.0.0.1:%s to 127.0.0.1:", port);
  assert_has (&outcome, listening);
  assert_has (&outcome, to);
  assert_has (&outcome, from);
}

static void
test_fd_other_sockets (void)
{
  g_auto (Outcome) outcome = { 0 };

  run_failing (&outcome, "/fd/other-sockets", NULL, "3 descriptors");
  assert_has (&outcome, ": unix socket, listening at /");
  assert_has (&outcome, ": unix socket, unnamed\n");
  assert_has (&outcome, ": udp socket, 0.0.0.0\n");
}

static void
test_fd_eventfd (void)
{
  assert_descriptor ("/fd/eventfd", "[eventfd]");
}

static void
test_fd_memfd (void)
{
  assert_descriptor ("/fd/memfd", "memfd pages (deleted)");
}

static void
test_fd_reopened (void)
{
  assert_descriptor ("/fd/reopened", "device /dev/zero");
}

static void
test_fd_after_leash_file (void)
{
  assert_descriptor ("/fd/after-leash-file", "device /dev/null");
}

static void
test_fd_of_untracked_file (void)
{
  assert_descriptor ("/fd/of-untracked-file", "device /dev/null");
}

static void
test_fd_told_once (gconstpointer path)
{
  g_auto (Outcome) outcome = { 0 };

  if (skip_without_tracking ())
    return;
  run_failing (&outcome, path, NULL, "1 resource");
  assert_has_not (&outcome, "bypassed");
}

/* Threads */

#define ONE_THREAD "1 thread outlived the test\n"

static void
assert_thread (const char *path, const char *name)
{
  g_auto (Outcome) outcome = { 0 };
  g_autofree char *end = g_strdup_printf (": \"%s\"\n", name);

  run_failing (&outcome, path, NULL, ONE_THREAD);
  assert_has (&outcome, "# leash: " ONE_THREAD "#     thread ");
  assert_has (&outcome, end);
}

static void
test_thread (void)
{
  assert_thread ("/thread/straggler", "straggler");
  assert_thread ("/thread/like-pool", "pool-of-cars");
  assert_thread ("/thread/like-leash", "leash-walker");
}

static void
test_workers_and_eventfd (void)
{
  assert_descriptor ("/thread/workers-and-eventfd", "[eventfd]");
}

static void
test_go_deaf (void)
{
  g_auto (Outcome) outcome = { 0 };

  run_failing (&outcome, "/go/deaf", NULL, "1 function of leash_test_go() did not return when cancelled\n");
  assert_has (&outcome, "# leash: 1 function of leash_test_go() did not return when cancelled\n");
  assert_has (&outcome, ": \"test-go-1\", which runs\n");
  if (leash_has_tracking ())
    {
      assert_has (&outcome, "#         be_deaf ");
      assert_has (&outcome, "#       was started at\n#         test_go_deaf ");
    }
  assert_has_not (&outcome, "outlived");
}

/* Contexts */

static void
test_context (gconstpointer path)
{
  g_auto (Outcome) outcome = { 0 };

  if (skip_without_tracking ())
    return;
  run_failing (&outcome, path, NULL, "1 resource still open, from 1 place: 1 x context\n");
  assert_has (&outcome, "# 1 x context \"with_cancel\", opened ");
  assert_has (&outcome, "#     forget_context ");
}

/* Closing late */

static void
test_late_idle_without_time (void)
{
  g_auto (Outcome) outcome = { 0 };

  if (skip_without_tracking ())
    return;
  run_failing (&outcome, "/late/thread", "LEASH_TEST_GRACE=0", "1 resource");
}

static void
test_busy_main_loop (void)
{
  g_auto (Outcome) outcome = { 0 };

  if (skip_without_tracking ())
    return;
  run_failing (&outcome, "/busy-main-loop", NULL, "1 resource");
}

/* Ways out of a test */

static void
test_nonfatal (void)
{
  g_auto (Outcome) outcome = { 0 };

  run (&outcome, "/nonfatal", NULL);
  assert_has (&outcome, "not ok ");
  assert_has (&outcome, "1 == 2");
  if (leash_has_tracking ())
    assert_has (&outcome, "# leash: ");
}

static void
test_skip (void)
{
  g_auto (Outcome) outcome = { 0 };
  g_auto (Outcome) clean = { 0 };

  run (&clean, "/skip-clean", NULL);
  assert_has (&clean, "# SKIP not today");
  assert_has_not (&clean, "not ok");
  if (!leash_has_tracking ())
    return;
  run_failing (&outcome, "/skip", NULL, "1 resource");
}

/* The directory */

static char *
get_dir (const Outcome *outcome)
{
  char *dir;

  assert_has (outcome, "# dir ");
  dir = g_strdup (strstr (outcome->out, "# dir ") + strlen ("# dir "));
  *strchr (dir, '\n') = '\0';
  g_assert_true (g_path_is_absolute (dir));
  return dir;
}

static void
test_dir_full (void)
{
  g_auto (Outcome) outcome = { 0 };
  g_autofree char *dir = NULL;

  run_passing (&outcome, "/dir/full", NULL);
  dir = get_dir (&outcome);
  g_assert_cmpint (g_access (dir, F_OK), !=, 0);
}

static void
test_dir_links (void)
{
  g_auto (Outcome) outcome = { 0 };
  g_autofree char *outside = g_dir_make_tmp ("leash-outside-XXXXXX", NULL);
  g_autofree char *precious = g_build_filename (outside, "precious", NULL);
  g_autofree char *setting = g_strconcat ("OUTSIDE=", outside, NULL);
  g_autofree char *dir = NULL;

  g_assert_true (g_file_set_contents (precious, "gold", -1, NULL));
  run_passing (&outcome, "/dir/links", setting);
  dir = get_dir (&outcome);
  g_assert_cmpint (g_access (dir, F_OK), !=, 0);
  g_assert_cmpint (g_access (precious, R_OK), ==, 0);
  g_assert_cmpint (g_unlink (precious), ==, 0);
  g_assert_cmpint (g_rmdir (outside), ==, 0);
}

/* Runs what makes its directory in one of its own, and takes that away again. */
static void
run_in_dir (Outcome *outcome, const char *path, const char *reason)
{
  g_autofree char *dir = g_dir_make_tmp ("leash-dir-XXXXXX", NULL);
  g_autofree char *setting = g_strconcat ("TMPDIR=", dir, NULL);
  const char *remove[] = { "rm", "-rf", dir, NULL };

  run_failing (outcome, path, setting, reason);
  g_assert_cmpint (g_chmod (dir, 0700), ==, 0);
  g_assert_true (
      g_spawn_sync (NULL, (char **) remove, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL, NULL, NULL));
}

static void
test_dir_stuck (void)
{
  g_auto (Outcome) outcome = { 0 };

  run_in_dir (&outcome, "/dir/stuck", "the test's directory could not be removed\n");
  assert_has (&outcome, "# leash: removing the test's directory /");
  assert_has (&outcome, "Permission denied");
}

static void
test_dir_not_made (void)
{
  g_auto (Outcome) outcome = { 0 };

  run_failing (&outcome, "/set-up", "TMPDIR=/nowhere/at/all", "");
  assert_has (&outcome, "# dir none\n");
  assert_has (&outcome, "# leash: ");
  assert_has (&outcome, "/nowhere/at/all");
}

/* Settings */

static void
test_timeout (void)
{
  g_auto (Outcome) by_default = { 0 };
  g_auto (Outcome) set = { 0 };
  g_auto (Outcome) none = { 0 };
  g_auto (Outcome) bad = { 0 };

  run (&by_default, "/set-up", NULL);
  assert_has (&by_default, "# deadline 60 s\n");
  run (&set, "/set-up", "LEASH_TEST_TIMEOUT=700");
  assert_has (&set, "# deadline 700 s\n");
  run (&none, "/set-up", "LEASH_TEST_TIMEOUT=0");
  assert_has (&none, "# no deadline\n");
  run_failing (&bad, "/set-up", "LEASH_TEST_TIMEOUT=soon",
               "LEASH_TEST_TIMEOUT is \"soon\": expected a number of seconds, or 0 for none\n");
  assert_has (&bad, "# leash: LEASH_TEST_TIMEOUT is \"soon\"");
  assert_has (&bad, "# deadline 60 s\n");
}

static void
test_color (void)
{
  g_auto (Outcome) by_default = { 0 };
  g_auto (Outcome) always = { 0 };
  g_auto (Outcome) never = { 0 };

  if (skip_without_tracking ())
    return;
  run (&by_default, "/resource", NULL);
  assert_has_not (&by_default, "\033[");
  run (&always, "/resource", "LEASH_COLOR=always");
  assert_has (&always, "\033[");
  run (&never, "/resource", "LEASH_COLOR=never");
  assert_has_not (&never, "\033[");
}

static void
test_format (void)
{
  g_auto (Outcome) outcome = { 0 };

  if (skip_without_tracking ())
    return;
  run_failing (&outcome, "/resource", "LEASH_FORMAT=json", "1 resource");
  assert_has (&outcome, "# {");
}

/* Regression: a test that tracks nothing passed without a word. */
static void
test_level_off (void)
{
  g_auto (Outcome) outcome = { 0 };

  if (skip_without_tracking ())
    return;
  run (&outcome, "/resource", "LEASH_LEVEL=off");
  g_assert_cmpint (outcome.status, ==, 0);
  assert_has (&outcome,
              "# leash: tracking is off: of what was opened meanwhile, only descriptors and threads that "
              "a test leaves behind are found\n");
}

static void
test_output (void)
{
  g_auto (Outcome) outcome = { 0 };
  g_auto (Outcome) clean = { 0 };
  g_autofree char *dir = g_dir_make_tmp ("leash-output-XXXXXX", NULL);
  g_autofree char *path = g_build_filename (dir, "report", NULL);
  g_autofree char *setting = g_strconcat ("LEASH_OUTPUT=", path, NULL);
  g_autofree char *report = NULL;

  run_passing (&clean, "/nothing", setting);
  g_assert_cmpint (g_access (path, F_OK), !=, 0);
  run_failing (&outcome, "/thread/straggler", setting, ONE_THREAD);
  g_assert_true (g_file_get_contents (path, &report, NULL, NULL));
  g_assert_true (g_str_has_prefix (report, "leash: " ONE_THREAD "    thread "));
  g_assert_cmpint (g_unlink (path), ==, 0);
  g_assert_cmpint (g_rmdir (dir), ==, 0);
}

/* A regression: the file had what the tracker knows, and nothing of the thread. */
static void
test_json_output (void)
{
  g_auto (Outcome) outcome = { 0 };
  g_auto (Outcome) leaking = { 0 };
  g_autofree char *dir = g_dir_make_tmp ("leash-output-XXXXXX", NULL);
  g_autofree char *path = g_build_filename (dir, "report", NULL);
  g_autofree char *settings = g_strdup_printf ("LEASH_FORMAT=json\nLEASH_OUTPUT=%s", path);
  g_autofree char *report = NULL;
  g_auto (GStrv) lines = NULL;

  run_failing (&outcome, "/thread/straggler", settings, ONE_THREAD);
  run_failing (&leaking, "/fd/pipe", settings, ONE_DESCRIPTOR);
  g_assert_true (g_file_get_contents (path, &report, NULL, NULL));
  lines = g_strsplit (report, "\n", -1);
  g_assert_cmpuint (g_strv_length (lines), ==, 3);
  g_assert_true (
      g_pattern_match_simple ("{\"schema\":1,*,\"test\":[{\"summary\":\"1 thread outlived the test\","
                              "\"text\":\"*\\\"straggler\\\"*\"}]}",
                              lines[0]));
  g_assert_true (g_pattern_match_simple ("{\"schema\":1,*,\"test\":[{*: pipe, number *}]}", lines[1]));
  g_assert_cmpint (g_unlink (path), ==, 0);
  g_assert_cmpint (g_rmdir (dir), ==, 0);
}

static void
test_output_that_cannot_be_written (void)
{
  g_auto (Outcome) outcome = { 0 };

  run_failing (&outcome, "/thread/straggler", "LEASH_OUTPUT=/nowhere/at/all", "");
  assert_has (&outcome, "# leash: Writing the report to /nowhere/at/all: No such file or directory\n");
}

/* More than one test */

static void
test_parallel (void)
{
  g_auto (Outcome) outcome = { 0 };
  g_auto (Outcome) after = { 0 };

  if (skip_without_tracking ())
    return;
  run (&outcome, "/parallel", NULL);
  assert_has_not (&outcome, "not ok");
  assert_has (&outcome, "# leash: another test ran at the same time: ");
  run_failing (&after, "/one-after-another", NULL, ONE_DESCRIPTOR);
}

static void
test_everything (void)
{
  g_auto (Outcome) outcome = { 0 };

  if (skip_without_tracking ())
    return;
  run_failing (&outcome, "/everything", NULL, "");
  assert_has (&outcome, "1 resource");
  assert_has (&outcome, "the one");
  assert_has (&outcome, "twice");
  assert_has (&outcome, "; " ONE_THREAD);
  assert_has (&outcome, "; 1 descriptor bypassed Leash and is still open; ");
  assert_has (&outcome, "did not return");
  g_assert_cmpuint (count (&outcome, "the one"), ==, 1);
}

/* In this process */

static void
test_error (void)
{
  LeashTest test = leash_test_begin ();
  g_autoptr (GError) error = NULL;
  LeashTag *tag = leash_track (test.ctx, "gadget", "the one");

  if (skip_without_tracking ())
    {
      g_assert_true (leash_test_finish (&test, &error));
      return;
    }
  g_assert_nonnull (tag);
  g_assert_false (leash_test_finish (&test, &error));
  g_assert_error (error, LEASH_ERROR, LEASH_ERROR_STILL_OPEN);
  g_assert_null (strchr (error->message, '\n'));
  g_assert_nonnull (strstr (leash_error_get_report (error), "the one"));
  g_assert_null (test.ctx);
  g_assert_null (test.tracker);
  g_assert_null (test.dir);
}

static void
test_error_that_nobody_wants (void)
{
  LeashTest test = leash_test_begin ();

  g_assert_true (leash_test_finish (&test, NULL));
}

static void
add_passing (void)
{
  static const char *const paths[]
      = { "/nothing",     "/kept-open",     "/fd/was-open-before", "/fd/of-libunwind",   "/thread/workers",
          "/go/obeys",    "/go/wait",       "/context/of-thread",  "/context/cancelled", "/dir/gone",
          "/ended-twice", "/used-after-end" };
  static const char *const in_time[] = { "/late/idle", "/late/thread", "/late/fd" };
  static const char *const once[] = { "/fd/of-leash-file", "/fd/of-leash-dir", "/fd/tracked" };

  for (guint i = 0; i < G_N_ELEMENTS (paths); i++)
    {
      g_autofree char *path = g_strdup_printf ("/test/passes%s", paths[i]);

      g_test_add_data_func (path, paths[i], test_passes);
    }
  for (guint i = 0; i < G_N_ELEMENTS (in_time); i++)
    {
      g_autofree char *path = g_strdup_printf ("/test/passes%s", in_time[i]);

      g_test_add_data_func (path, in_time[i], test_passes_in_time);
    }
  for (guint i = 0; i < G_N_ELEMENTS (once); i++)
    {
      g_autofree char *path = g_strdup_printf ("/test/told-once%s", once[i]);

      g_test_add_data_func (path, once[i], test_fd_told_once);
    }
}

static void
add_descriptors (void)
{
  g_test_add_func ("/test/says-whether-it-tracks", test_says_whether_it_tracks);
  g_test_add_func ("/test/fd/file-device-and-directory-are-named", test_fd_file);
  g_test_add_func ("/test/fd/pipe-is-named", test_fd_pipe);
  g_test_add_func ("/test/fd/fifo-is-named", test_fd_fifo);
  g_test_add_func ("/test/fd/tcp-socket-is-named-with-its-addresses", test_fd_tcp);
  g_test_add_func ("/test/fd/other-sockets-are-named", test_fd_other_sockets);
  g_test_add_func ("/test/fd/eventfd-is-named", test_fd_eventfd);
  g_test_add_func ("/test/fd/memfd-is-named", test_fd_memfd);
  g_test_add_func ("/test/fd/reopened-as-something-else-is-named", test_fd_reopened);
  g_test_add_func ("/test/fd/after-a-file-of-leash-is-named", test_fd_after_leash_file);
  g_test_add_func ("/test/fd/of-a-file-without-tracker-is-named", test_fd_of_untracked_file);
  g_test_add_func ("/test/fd/own-eventfd-beside-those-of-glib-is-named", test_workers_and_eventfd);
}

static void
add_settings (void)
{
  g_test_add_func ("/test/settings/timeout", test_timeout);
  g_test_add_func ("/test/settings/color", test_color);
  g_test_add_func ("/test/settings/format", test_format);
  g_test_add_func ("/test/settings/level-off-is-told", test_level_off);
  g_test_add_func ("/test/settings/output", test_output);
  g_test_add_func ("/test/settings/output-as-json-has-all", test_json_output);
  g_test_add_func ("/test/settings/output-that-cannot-be-written", test_output_that_cannot_be_written);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  add_passing ();
  add_descriptors ();
  add_settings ();
  g_test_add_func ("/test/open-resource-fails-with-its-name", test_resource);
  g_test_add_func ("/test/misuse-fails", test_misuse);
  g_test_add_func ("/test/misuse-beside-what-is-kept-open-is-a-misuse", test_misuse_beside_kept_open);
  g_test_add_func ("/test/thread-that-outlives-is-named", test_thread);
  g_test_add_func ("/test/function-that-ignores-cancellation-is-named", test_go_deaf);
  g_test_add_data_func ("/test/context-never-cancelled", "/context/forgotten", test_context);
  g_test_add_data_func ("/test/context-never-cancelled-beside-threads", "/context/forgotten-beside-threads",
                        test_context);
  g_test_add_func ("/test/late-close-without-grace-fails", test_late_idle_without_time);
  g_test_add_func ("/test/busy-main-loop-does-not-keep-it", test_busy_main_loop);
  g_test_add_func ("/test/ends-after-a-failed-assertion", test_nonfatal);
  g_test_add_func ("/test/ends-after-a-skip", test_skip);
  g_test_add_func ("/test/dir/read-only-trees-are-removed", test_dir_full);
  g_test_add_func ("/test/dir/links-are-not-followed", test_dir_links);
  g_test_add_func ("/test/dir/that-cannot-be-removed-fails", test_dir_stuck);
  g_test_add_func ("/test/dir/that-cannot-be-made-fails", test_dir_not_made);
  g_test_add_func ("/test/parallel-tests-do-not-see-each-other", test_parallel);
  g_test_add_func ("/test/everything-at-once-is-told", test_everything);
  g_test_add_func ("/test/error-has-the-report", test_error);
  g_test_add_func ("/test/error-that-nobody-wants", test_error_that_nobody_wants);
  return g_test_run ();
}
