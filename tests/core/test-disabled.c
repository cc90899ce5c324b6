/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A library built with -Dtracking=disabled, under a program that was compiled for one with tracking: the
 * headers' switch is off here, so that every call is made.
 */
#undef LEASH_DISABLE
#include <leash/leash.h>

#include <fcntl.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#define EXPECT_CRITICAL(pattern) g_test_expect_message ("Leash", G_LOG_LEVEL_CRITICAL, "*" pattern "*")

typedef struct
{
  LeashTracker *tracker;
  LeashContext *ctx;
} Fixture;

static void
set_up (Fixture *fixture, gconstpointer unused)
{
  fixture->tracker = leash_tracker_new ();
  fixture->ctx = leash_context_with_tracker (leash_context_background (), fixture->tracker);
}

static void
tear_down (Fixture *fixture, gconstpointer unused)
{
  leash_context_unref (fixture->ctx);
  leash_tracker_unref (fixture->tracker);
}

static void
test_says_so (Fixture *fixture, gconstpointer unused)
{
  g_assert_false (leash_has_tracking ());
  g_assert_cmpint (leash_tracker_get_level (fixture->tracker), ==, LEASH_LEVEL_OFF);
  leash_tracker_set_level (fixture->tracker, LEASH_LEVEL_FULL, 0);
  g_assert_cmpint (leash_tracker_get_level (fixture->tracker), ==, LEASH_LEVEL_OFF);
}

/* The word that the macros look at: with it, each of them would make a call for nothing. */
static void
test_context_costs_nothing (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (LeashContext) below = leash_context_with_cancel (fixture->ctx);

  g_assert_null (fixture->ctx->tracker);
  g_assert_null (below->tracker);
  g_assert_true (leash_context_get_tracker (below) == fixture->tracker);
  g_assert_null (leash_context_get_tracker (leash_context_background ()));
}

static void
test_files_work (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *path = g_build_filename (g_get_tmp_dir (), "leash-disabled-XXXXXX", NULL);
  g_autoptr (LeashFile) file = NULL;
  char text[8] = "";
  int fd = g_mkstemp (path);

  g_assert_cmpint (fd, >=, 0);
  close (fd);
  file = leash_open (fixture->ctx, path, LEASH_OPEN_READ | LEASH_OPEN_WRITE, 0, &error);
  g_assert_no_error (error);
  g_assert_cmpint (leash_file_pwrite (file, fixture->ctx, "leash", 5, 0, &error), ==, 5);
  g_assert_cmpint (leash_file_pread (file, fixture->ctx, text, sizeof text, 0, &error), ==, 5);
  g_assert_cmpstr (text, ==, "leash");
  g_assert_cmpuint (leash_tracker_count_open (fixture->tracker), ==, 0);
  g_assert_true (leash_file_close (file, &error));
  g_assert_cmpint (leash_file_read (file, fixture->ctx, text, 1, NULL), ==, -1);
  g_unlink (path);
}

static void
test_fault_points_go_on (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (GError) error = NULL;

  g_assert_true (leash_fault_point (fixture->ctx, "prepare", NULL, &error));
  g_assert_true (leash_fault_point_at (fixture->ctx, "prepare", NULL, &error));
  g_assert_no_error (error);
}

static void
test_nothing_is_tracked (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (GObject) object = g_object_new (G_TYPE_OBJECT, NULL);
  LeashContext *ctx = fixture->ctx;

  g_assert_null (leash_track (ctx, "thing", "macro"));
  g_assert_null (leash_track_at (ctx, "thing", "a", LEASH_SITE));
  g_assert_null (leash_track_child_at (ctx, NULL, "thing", "a", LEASH_SITE));
  g_assert_null (leash_track_caller_at (ctx, NULL, "thing", "a", LEASH_CALLER));
  g_assert_null (leash_track_pointer_at (ctx, "thing", object, NULL, LEASH_SITE));
  g_assert_null (leash_track_fd_at (ctx, "thing", 0, NULL, LEASH_SITE));
  g_assert_null (leash_watch_object_at (ctx, object, NULL, LEASH_SITE));
  g_assert_null (leash_find_pointer_at (ctx, "thing", object));
  leash_untrack_pointer_at (ctx, "thing", object, LEASH_SITE);
  leash_untrack_fd_at (ctx, "thing", 0, LEASH_SITE);
  g_assert_cmpuint (leash_tracker_count_open (fixture->tracker), ==, 0);
  g_assert_cmpuint (leash_tracker_count_kind (fixture->tracker, "thing"), ==, 0);
  g_assert_cmpuint (leash_tracker_count_misuses (fixture->tracker), ==, 0);
  g_assert_true (leash_tracker_check (fixture->tracker, NULL));
}

static void
test_reports_say_why_they_are_empty (Fixture *fixture, gconstpointer output)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *text = leash_tracker_report (fixture->tracker, LEASH_FORMAT_TEXT);
  g_autofree char *json = leash_tracker_report (fixture->tracker, LEASH_FORMAT_JSON);
  g_autofree char *written = NULL;

  g_assert_nonnull (strstr (text, "built without tracking"));
  g_assert_cmpstr (json, ==, "{\"schema\":1,\"tracking\":false}\n");
  g_assert_true (leash_tracker_write_report (fixture->tracker, &error));
  g_assert_no_error (error);
  g_assert_true (g_file_get_contents (output, &written, NULL, &error));
  g_assert_cmpstr (written, ==, text);
}

static void
test_snapshots_are_empty (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (LeashSnapshot) before = leash_snapshot_new (fixture->tracker);
  g_autoptr (LeashSnapshot) after = leash_snapshot_ref (before);
  g_autoptr (LeashSnapshot) difference = leash_snapshot_new_difference (before, after);
  g_autoptr (LeashSnapshot) children = leash_snapshot_new_children (before, "thing", before);

  g_assert_cmpuint (leash_snapshot_get_length (children), ==, 0);
  g_assert_cmpuint (leash_snapshot_get_length (difference), ==, 0);
  g_assert_cmpuint (leash_snapshot_get_n_misuses (difference), ==, 0);
  EXPECT_CRITICAL ("leash_snapshot_get_resource*index*");
  g_assert_null (leash_snapshot_get_resource (difference, 0));
  EXPECT_CRITICAL ("leash_snapshot_get_misuse*index*");
  g_assert_null (leash_snapshot_get_misuse (difference, 0));
  g_test_assert_expected_messages ();
}

static void
test_no_stacks (Fixture *fixture, gconstpointer unused)
{
  gconstpointer frames[4];
  g_autofree char *text = leash_stack_to_string (leash_stack_capture ());

  leash_stack_resume_after_fork ();
  g_assert_cmpuint (leash_stack_capture (), ==, 0);
  g_assert_cmpuint (leash_stack_get_frames (0, frames, G_N_ELEMENTS (frames)), ==, 0);
  g_assert_cmpstr (text, ==, "");
}

static void
never (LeashTracker *tracker, LeashEventType event, const LeashResource *resource, const LeashMisuse *misuse,
       gpointer user_data)
{
  g_assert_not_reached ();
}

static void
count_up (gpointer count)
{
  ++*(int *) count;
}

static void
test_listeners_are_freed (Fixture *fixture, gconstpointer unused)
{
  LeashTracker *tracker = leash_tracker_new ();
  int freed = 0;
  guint first = leash_tracker_add_listener (tracker, never, &freed, count_up);
  guint second = leash_tracker_add_listener (tracker, never, &freed, count_up);

  g_assert_cmpuint (first, !=, second);
  leash_tracker_add_listener (tracker, never, NULL, NULL);
  leash_tracker_remove_listener (tracker, first);
  g_assert_cmpint (freed, ==, 1);
  EXPECT_CRITICAL ("leash_tracker_remove_listener*number*");
  leash_tracker_remove_listener (tracker, first);
  g_test_assert_expected_messages ();
  leash_tracker_unref (tracker);
  g_assert_cmpint (freed, ==, 2);
}

static void
test_trackers_nest_and_end (Fixture *fixture, gconstpointer unused)
{
  LeashTracker *outer = leash_tracker_new ();
  g_autoptr (LeashTracker) inner = leash_tracker_new_nested (outer);

  leash_tracker_unref (outer);
  leash_tracker_set_depth (inner, 16);
  leash_tracker_set_release_stacks (inner, TRUE);
  leash_tracker_set_age_limit (inner, 1);
  leash_tracker_set_kind_age_limit (inner, "thing", 1);
  g_assert_false (leash_tracker_is_ended (inner));
  leash_tracker_end (inner);
  leash_tracker_end (inner);
  g_assert_true (leash_tracker_is_ended (inner));
}

static void
test_bad_arguments_are_named (Fixture *fixture, gconstpointer unused)
{
  EXPECT_CRITICAL ("leash_track_at*ctx*");
  leash_track_at (NULL, "thing", NULL, NULL);
  EXPECT_CRITICAL ("leash_track_fd_at*fd*");
  leash_track_fd_at (fixture->ctx, "thing", -1, NULL, NULL);
  EXPECT_CRITICAL ("leash_untrack_at*tag*");
  leash_untrack_at (NULL, NULL);
  EXPECT_CRITICAL ("leash_untrack_caller_at*tag*");
  leash_untrack_caller_at (NULL, LEASH_CALLER);
  EXPECT_CRITICAL ("leash_tag_adopt_at*tag*");
  leash_tag_adopt_at (NULL, fixture->ctx, NULL);
  EXPECT_CRITICAL ("leash_tag_keep_open_at*tag*");
  leash_tag_keep_open_at (NULL);
  EXPECT_CRITICAL ("leash_tag_set_name_at*tag*");
  leash_tag_set_name_at (NULL, "name");
  EXPECT_CRITICAL ("leash_tag_set_pointer_at*tag*");
  leash_tag_set_pointer_at (NULL, NULL);
  EXPECT_CRITICAL ("leash_tag_misused_at*tag*");
  leash_tag_misused_at (NULL, "what", LEASH_CALLER);
  EXPECT_CRITICAL ("leash_tracker_check*tracker*");
  leash_tracker_check (NULL, NULL);
  EXPECT_CRITICAL ("leash_tracker_set_depth*frames*");
  leash_tracker_set_depth (fixture->tracker, 0);
  EXPECT_CRITICAL ("leash_snapshot_new*tracker*");
  g_assert_null (leash_snapshot_new (NULL));
  g_test_assert_expected_messages ();
}

#define ADD(path, func) g_test_add (path, Fixture, output, set_up, func, tear_down)

static void
test_no_live_view (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (leash_tracker_serve (fixture->tracker, "/tmp/s", &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED);
  g_assert_nonnull (strstr (error->message, "built without tracking"));
  g_clear_error (&error);
  g_assert_false (leash_tracker_report_on_signal (fixture->tracker, SIGUSR2, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED);
  g_assert_true (leash_tracker_report_on_signal (fixture->tracker, 0, NULL));
  EXPECT_CRITICAL ("leash_tracker_serve*tracker != NULL");
  g_assert_null (leash_tracker_serve (NULL, NULL, NULL));
  EXPECT_CRITICAL ("leash_server_stop*server != NULL");
  leash_server_stop (NULL);
  g_test_assert_expected_messages ();
  g_assert_cmpstr (g_type_name (LEASH_TYPE_SERVER), ==, "LeashServer");
}

int
main (int argc, char **argv)
{
  g_autofree char *output = g_build_filename (g_get_tmp_dir (), "leash-disabled-report-XXXXXX", NULL);
  int fd = g_mkstemp (output);
  int status;

  g_assert_cmpint (fd, >=, 0);
  close (fd);
  g_setenv ("LEASH_OUTPUT", output, TRUE);
  g_test_init (&argc, &argv, NULL);
  ADD ("/disabled/library-says-that-it-tracks-nothing", test_says_so);
  ADD ("/disabled/context-shows-no-tracker-to-the-macros", test_context_costs_nothing);
  ADD ("/disabled/files-work", test_files_work);
  ADD ("/disabled/no-call-makes-a-tag", test_nothing_is_tracked);
  ADD ("/disabled/fault-points-go-on", test_fault_points_go_on);
  ADD ("/disabled/reports-say-why-they-are-empty", test_reports_say_why_they_are_empty);
  ADD ("/disabled/snapshots-are-empty", test_snapshots_are_empty);
  ADD ("/disabled/no-stack-is-taken", test_no_stacks);
  ADD ("/disabled/listeners-are-freed-never-called", test_listeners_are_freed);
  ADD ("/disabled/no-live-view", test_no_live_view);
  ADD ("/disabled/trackers-nest-and-end", test_trackers_nest_and_end);
  ADD ("/disabled/bad-arguments-are-named", test_bad_arguments_are_named);
  status = g_test_run ();
  g_unlink (output);
  return status;
}
