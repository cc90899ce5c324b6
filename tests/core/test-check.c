/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a program asks at its end. Settings are read once in a process, so that what the environment says is
 * tried in one of its own.
 */
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>

#include "report-fixture.h"

static void
test_clean_passes (void)
{
  g_auto (Fixture) fixture = { 0 };
  g_autoptr (GError) error = NULL;

  fixture_init (&fixture);
  close_tag (load_config (&fixture, "a.ini"));
  leash_tag_keep_open (load_config (&fixture, "log"));
  g_assert_true (leash_tracker_check (fixture.tracker, &error));
  g_assert_no_error (error);
  g_assert_true (leash_tracker_check (fixture.tracker, NULL));
}

static void
test_leak_fails_with_summary_and_report (void)
{
  g_auto (Fixture) fixture = { 0 };
  g_autoptr (GError) error = NULL;
  g_autoptr (GError) copy = NULL;

  fixture_init (&fixture);
  load_two (&fixture, "a.ini", "b.ini");
  open_conn (&fixture, "db");
  g_assert_false (leash_tracker_check (fixture.tracker, NULL));
  g_assert_false (leash_tracker_check (fixture.tracker, &error));
  g_assert_error (error, LEASH_ERROR, LEASH_ERROR_STILL_OPEN);
  g_assert_cmpstr (error->message, ==, "3 resources still open, from 2 places: 2 x file, 1 x conn");
  g_assert_true (g_str_has_prefix (leash_error_get_report (error),
                                   "leash: 3 resources still open, from 2 places\n"
                                   "2 x file \"a.ini\", \"b.ini\", opened "));
  copy = g_error_copy (error);
  g_assert_cmpstr (leash_error_get_report (copy), ==, leash_error_get_report (error));
}

static void
test_misuse_alone_fails_too (void)
{
  g_auto (Fixture) fixture = { 0 };
  g_autoptr (GError) error = NULL;
  LeashTag *tag;

  fixture_init (&fixture);
  tag = load_config (&fixture, "a.ini");
  close_tag (tag);
  close_again (tag);
  g_assert_false (leash_tracker_check (fixture.tracker, &error));
  g_assert_error (error, LEASH_ERROR, LEASH_ERROR_MISUSE);
  g_assert_cmpstr (error->message, ==, "1 misuse: 1 x released twice");
  g_assert_nonnull (strstr (leash_error_get_report (error), "\n1 x released twice: file \"a.ini\"\n"));
}

static void
test_other_errors_have_no_report (void)
{
  g_autoptr (GError) foreign = g_error_new_literal (G_IO_ERROR, G_IO_ERROR_FAILED, "no");
  g_autoptr (GError) own = g_error_new_literal (LEASH_ERROR, LEASH_ERROR_MISUSE, "no");

  g_assert_null (leash_error_get_report (foreign));
  g_assert_null (leash_error_get_report (own));
}

static void
assert_critical (const char *message)
{
  g_test_expect_message ("Leash", G_LOG_LEVEL_CRITICAL, message);
}

static void
test_bad_arguments_are_named (void)
{
  g_auto (Fixture) fixture = { 0 };
  g_autoptr (LeashSnapshot) snapshot = NULL;

  fixture_init (&fixture);
  snapshot = leash_snapshot_new (fixture.tracker);
  assert_critical ("leash_tracker_check*tracker != NULL*");
  g_assert_false (leash_tracker_check (NULL, NULL));
  assert_critical ("*leash_tracker_report: *tracker != NULL*");
  g_assert_null (leash_tracker_report (NULL, LEASH_FORMAT_TEXT));
  assert_critical ("leash_tracker_report_full*tracker != NULL*");
  g_assert_null (leash_tracker_report_full (NULL, LEASH_FORMAT_TEXT, LEASH_REPORT_NONE, 0));
  assert_critical ("leash_tracker_write_report*tracker != NULL*");
  g_assert_false (leash_tracker_write_report (NULL, NULL));
  assert_critical ("leash_snapshot_report*snapshot != NULL*");
  g_assert_null (leash_snapshot_report (NULL, LEASH_FORMAT_TEXT, LEASH_REPORT_NONE, 0));
  assert_critical ("leash_snapshot_report*format == *");
  g_assert_null (leash_snapshot_report (snapshot, (LeashFormat) 7, LEASH_REPORT_NONE, 0));
  assert_critical ("leash_error_get_report*error != NULL*");
  g_assert_null (leash_error_get_report (NULL));
  g_test_assert_expected_messages ();
}

/* In a process of its own: leaks three, and writes the report of them n times. */
static void
leak_and_write (guint n)
{
  g_auto (Fixture) fixture = { 0 };
  g_autoptr (GError) error = NULL;

  fixture_init (&fixture);
  load_two (&fixture, "a.ini", "b.ini");
  open_conn (&fixture, "db");
  for (guint i = 0; i < n; i++)
    {
      leash_tracker_write_report (fixture.tracker, &error);
      g_assert_no_error (error);
    }
}

static void
child_writes_once (void)
{
  leak_and_write (1);
}

static void
child_writes_twice (void)
{
  leak_and_write (2);
}

/* More stacks than fit the smallest store, which is one chunk. */
static void
child_has_a_thousand_places (void)
{
  g_auto (Fixture) fixture = { 0 };

  fixture_init (&fixture);
  for (guint i = 0; i < 1000; i++)
    open_by_bits (&fixture, i, 12);
  g_assert_true (leash_tracker_write_report (fixture.tracker, NULL));
}

/* Prints the error, for the parent to see. */
static void
child_cannot_write (void)
{
  g_auto (Fixture) fixture = { 0 };
  g_autoptr (GError) error = NULL;

  fixture_init (&fixture);
  g_assert_false (leash_tracker_write_report (fixture.tracker, NULL));
  g_assert_false (leash_tracker_write_report (fixture.tracker, &error));
  g_assert_true (error->domain == G_IO_ERROR);
  g_printerr ("error: %s\n", error->message);
}

/* The lowest number that is free is that of standard input. */
static void
child_writes_without_standard_input (void)
{
  g_auto (Fixture) fixture = { 0 };

  fixture_init (&fixture);
  g_assert_cmpint (close (STDIN_FILENO), ==, 0);
  g_assert_true (leash_tracker_write_report (fixture.tracker, NULL));
  g_assert_cmpint (fcntl (STDIN_FILENO, F_GETFD), ==, -1);
}

static void
child_checks (void)
{
  g_auto (Fixture) fixture = { 0 };
  g_autoptr (GError) error = NULL;

  fixture_init (&fixture);
  load_two (&fixture, "a.ini", "b.ini");
  open_conn (&fixture, "db");
  g_assert_false (leash_tracker_check (fixture.tracker, &error));
  g_printerr ("%s", leash_error_get_report (error));
}

/* Runs one of the above with a variable set. */
static void
run (const char *child, const char *variable, const char *value)
{
  g_autofree char *path = g_strconcat ("/check/subprocess/", child, NULL);

  if (variable != NULL)
    g_setenv (variable, value, TRUE);
  g_test_trap_subprocess (path, 0, 0);
  if (variable != NULL)
    g_unsetenv (variable);
  g_test_trap_assert_passed ();
}

static void
test_writes_to_standard_error (void)
{
  run ("writes-once", NULL, NULL);
  g_test_trap_assert_stderr ("*leash: 3 resources still open, from 2 places\n2 x file \"a.ini\", \"b.ini\"*");
  g_test_trap_assert_stderr_unmatched ("*\033*");
  g_test_trap_assert_stderr_unmatched ("*g_test_run*");
}

static void
test_color_setting (void)
{
  run ("writes-once", "LEASH_COLOR", "always");
  g_test_trap_assert_stderr ("*\033[1m2\033[0m x \033[36mfile\033[0m*");
  run ("writes-once", "LEASH_COLOR", "never");
  g_test_trap_assert_stderr_unmatched ("*\033*");
}

static void
test_format_setting (void)
{
  run ("writes-once", "LEASH_FORMAT", "json");
  g_test_trap_assert_stderr ("*{\"schema\":1,*\"open\":3,*}\n*");
  g_test_trap_assert_stderr_unmatched ("*leash: 3*");
}

static void
test_frames_setting (void)
{
  run ("writes-once", "LEASH_FRAMES", "all");
  g_test_trap_assert_stderr ("*    g_test_run *    main *");
  run ("checks", "LEASH_FRAMES", "all");
  g_test_trap_assert_stderr ("*    g_test_run *    main *");
}

static void
test_places_setting (void)
{
  run ("writes-once", "LEASH_PLACES", "1");
  g_test_trap_assert_stderr ("*2 x file*\n... and 1 more resource from 1 place, not shown (LEASH_PLACES)\n*");
  g_test_trap_assert_stderr_unmatched ("*1 x conn*");
  run ("checks", "LEASH_PLACES", "1");
  g_test_trap_assert_stderr ("*... and 1 more resource*");
}

static void
test_depth_setting (void)
{
  run ("writes-once", "LEASH_DEPTH", "2");
  g_test_trap_assert_stderr ("*    open_file *    load_config *\n    ...\n*note: \"...\" marks stacks*");
  g_test_trap_assert_stderr_unmatched ("*load_each*");
}

static void
test_level_setting (void)
{
  run ("writes-once", "LEASH_LEVEL", "count");
  g_test_trap_assert_stderr ("*leash: 3 resources*    open_file *note: stacks are not taken at level count*");
  g_test_trap_assert_stderr_unmatched ("*load_config*");
}

static void
test_depot_limit_setting (void)
{
  run ("has-a-thousand-places", "LEASH_DEPOT_LIMIT", "0");
  g_test_trap_assert_stderr (
      "*leash: 1000 resources *    (stack not kept)\n*note: * times a stack was not kept*");
}

/* Appended, so that several processes may write to one file. */
static void
test_output_is_appended_to (void)
{
  g_autofree char *dir = g_dir_make_tmp ("leash-check-XXXXXX", NULL);
  g_autofree char *path = g_build_filename (dir, "report", NULL);
  g_autofree char *text = NULL;
  const char *second;

  g_assert_true (g_file_set_contents (path, "before\n", -1, NULL));
  run ("writes-twice", "LEASH_OUTPUT", path);
  g_test_trap_assert_stderr_unmatched ("*leash:*");
  g_assert_true (g_file_get_contents (path, &text, NULL, NULL));
  g_assert_true (g_str_has_prefix (text, "before\nleash: 3 resources"));
  second = strstr (text + strlen ("before\nleash"), "\nleash: 3 resources");
  g_assert_nonnull (second);
  g_assert_null (strstr (second + 1, "\nleash:"));
  g_assert_cmpint (g_unlink (path), ==, 0);
  g_assert_cmpint (g_rmdir (dir), ==, 0);
}

/* A regression: the file was left open where its number was 0, 1 or 2. */
static void
test_output_is_closed_again (void)
{
  run ("writes-without-standard-input", "LEASH_OUTPUT", "/dev/null");
}

static void
test_output_that_cannot_be_written (void)
{
  run ("cannot-write", "LEASH_OUTPUT", "/nowhere/report");
  g_test_trap_assert_stderr ("*error: Writing the report to /nowhere/report: No such file or directory\n*");
  run ("cannot-write", "LEASH_OUTPUT", "/dev/full");
  g_test_trap_assert_stderr ("*error: Writing the report to /dev/full: No space left on device\n*");
}

static const char *const variables[]
    = { "LEASH_LEVEL",  "LEASH_DEPTH",  "LEASH_COLOR",       "LEASH_FORMAT",      "LEASH_OUTPUT",
        "LEASH_FRAMES", "LEASH_PLACES", "LEASH_DEPOT_LIMIT", "LEASH_TEST_TIMEOUT" };

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  if (!g_test_subprocess ())
    for (guint i = 0; i < G_N_ELEMENTS (variables); i++)
      g_unsetenv (variables[i]);
  g_test_add_func ("/check/clean-passes", test_clean_passes);
  g_test_add_func ("/check/leak-fails-with-summary-and-report", test_leak_fails_with_summary_and_report);
  g_test_add_func ("/check/misuse-alone-fails-too", test_misuse_alone_fails_too);
  g_test_add_func ("/check/other-errors-have-no-report", test_other_errors_have_no_report);
  g_test_add_func ("/check/bad-arguments-are-named", test_bad_arguments_are_named);
  g_test_add_func ("/check/writes-to-standard-error", test_writes_to_standard_error);
  g_test_add_func ("/check/setting/color", test_color_setting);
  g_test_add_func ("/check/setting/format", test_format_setting);
  g_test_add_func ("/check/setting/frames", test_frames_setting);
  g_test_add_func ("/check/setting/places", test_places_setting);
  g_test_add_func ("/check/setting/depth", test_depth_setting);
  g_test_add_func ("/check/setting/level", test_level_setting);
  g_test_add_func ("/check/setting/depot-limit", test_depot_limit_setting);
  g_test_add_func ("/check/output-is-appended-to", test_output_is_appended_to);
  g_test_add_func ("/check/output-is-closed-again", test_output_is_closed_again);
  g_test_add_func ("/check/output-that-cannot-be-written", test_output_that_cannot_be_written);
  g_test_add_func ("/check/subprocess/writes-once", child_writes_once);
  g_test_add_func ("/check/subprocess/writes-twice", child_writes_twice);
  g_test_add_func ("/check/subprocess/has-a-thousand-places", child_has_a_thousand_places);
  g_test_add_func ("/check/subprocess/cannot-write", child_cannot_write);
  g_test_add_func ("/check/subprocess/writes-without-standard-input", child_writes_without_standard_input);
  g_test_add_func ("/check/subprocess/checks", child_checks);
  return g_test_run ();
}
