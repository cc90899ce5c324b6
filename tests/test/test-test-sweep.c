/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The sweep: functions with a bug on one of their ways out, which must be found, and the same ones mended,
 * which must pass. How it prints and fails a GTest is seen in docs/examples/sweep-config.c.
 */
#include <errno.h>
#include <string.h>

#include <leash/leash.h>

static char *
get_report (const LeashSweep *sweep, GError **error)
{
  g_assert_false (leash_test_sweep_check (sweep, error));
  return g_strdup (leash_error_get_report (*error));
}

#define assert_has(text, part)                         \
  G_STMT_START                                         \
  {                                                    \
    if (strstr ((text), (part)) == NULL)               \
      g_error ("“%s” is not in:\n%s", (part), (text)); \
  }                                                    \
  G_STMT_END

#define assert_has_not(text, part)                 \
  G_STMT_START                                     \
  {                                                \
    if (strstr ((text), (part)) != NULL)           \
      g_error ("“%s” is in:\n%s", (part), (text)); \
  }                                                \
  G_STMT_END

static guint
count (const char *text, const char *part)
{
  g_auto (GStrv) parts = g_strsplit (text, part, -1);

  return g_strv_length (parts) - 1;
}

static void
assert_passes (const LeashSweep *sweep)
{
  g_autoptr (GError) error = NULL;

  if (!leash_test_sweep_check (sweep, &error))
    g_error ("%s\n%s", error->message, leash_error_get_report (error));
}

/* Makes “a” and “b”, and the directory “d” with “x” and “y” in it. */
static LeashFs *
set_up (LeashTest *test, gpointer unused)
{
  LeashFs *fs = leash_dir_fs_new (test->dir, NULL);
  g_autoptr (LeashContext) ctx = leash_context_with_fs (test->ctx, fs);

  g_assert_true (leash_write_file (ctx, "a", "first", 5, 0644, NULL));
  g_assert_true (leash_write_file (ctx, "b", "second", 6, 0644, NULL));
  g_assert_true (leash_mkdir_all (ctx, "d/x", 0755, NULL));
  g_assert_true (leash_mkdir_all (ctx, "d/y", 0755, NULL));
  return fs;
}

/* What the functions below forget on purpose is closed when the test is over, for the sake of other tools. */
static GPtrArray *left_files;
static GPtrArray *left_dirs;

static void
forget_file (LeashFile *file)
{
  if (file != NULL)
    g_ptr_array_add (left_files, file);
}

/* The two bugs that such code has. */

static LeashFile *
open_for_reading (LeashContext *ctx, const char *path)
{
  return leash_open (ctx, path, LEASH_OPEN_READ, 0, NULL);
}

static void
leave_first_file (LeashContext *ctx, gpointer unused)
{
  LeashFile *a = open_for_reading (ctx, "a");
  LeashFile *b;

  if (a == NULL)
    return;
  b = open_for_reading (ctx, "b");
  if (b == NULL)
    {
      forget_file (a);
      return;
    }
  leash_file_unref (b);
  leash_file_unref (a);
}

static void
close_first_file (LeashContext *ctx, gpointer unused)
{
  g_autoptr (LeashFile) a = open_for_reading (ctx, "a");
  g_autoptr (LeashFile) b = a != NULL ? open_for_reading (ctx, "b") : NULL;

  (void) b;
}

static void
leave_directory (LeashContext *ctx, gpointer unused)
{
  LeashDir *dir = leash_open_dir (ctx, "d", NULL);
  const LeashDirEntry *entry;
  g_autoptr (GError) error = NULL;

  if (dir == NULL)
    return;
  while (leash_dir_next (dir, ctx, &entry, &error))
    continue;
  if (error == NULL)
    leash_dir_unref (dir);
  else
    g_ptr_array_add (left_dirs, dir);
}

static void
close_directory (LeashContext *ctx, gpointer unused)
{
  g_autoptr (LeashDir) dir = leash_open_dir (ctx, "d", NULL);
  const LeashDirEntry *entry;

  while (dir != NULL && leash_dir_next (dir, ctx, &entry, NULL))
    continue;
}

static gboolean
skip_without_tracking (void)
{
  if (leash_has_tracking ())
    return FALSE;
  g_test_skip ("this library is built without tracking");
  return TRUE;
}

static void
test_file_left_when_the_second_fails (void)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *report = NULL;

  if (skip_without_tracking ())
    return;
  report = get_report (&(LeashSweep){ .func = leave_first_file, .set_up = set_up }, &error);
  g_assert_error (error, LEASH_ERROR, LEASH_ERROR_STILL_OPEN);
  g_assert_cmpstr (
      error->message, ==,
      "1 of 5 runs left something behind, first when call 2 fails, open (\"b\", READ): 1 resource "
      "still open, from 1 place: 1 x file");
  assert_has (report, "leash: when call 2 fails, open (\"b\", READ):\nleash: 1 resource still open");
  assert_has (report, "1 x file \"a\", opened ");
  assert_has (report, "leave_first_file ");
  assert_has_not (report, "descriptor");
}

static void
test_directory_left_when_reading_fails (void)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *report = NULL;

  if (skip_without_tracking ())
    return;
  report = get_report (&(LeashSweep){ .func = leave_directory, .set_up = set_up }, &error);
  assert_has (report, "leash: when call 2 fails, next (\"d\"):\n");
  assert_has (report, "1 x dir \"d\", opened ");
  assert_has (report, "leave_directory ");
  g_assert_cmpuint (count (report, "\nleash: the same when call "), ==, 2);
  g_assert_cmpuint (count (report, "opened "), ==, 1);
}

static void
test_mended_ones_pass (void)
{
  assert_passes (&(LeashSweep){ .func = close_first_file, .set_up = set_up });
  assert_passes (&(LeashSweep){ .func = close_directory, .set_up = set_up });
}

/* Both are found, the second one too although the first is there. */
static void
leave_both (LeashContext *ctx, gpointer unused)
{
  leave_first_file (ctx, NULL);
  leave_directory (ctx, NULL);
}

static void
test_all_findings (void)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *report = NULL;

  if (skip_without_tracking ())
    return;
  report = get_report (&(LeashSweep){ .func = leave_both, .set_up = set_up }, &error);
  assert_has (report, "1 x file \"a\"");
  assert_has (report, "1 x dir \"d\"");
}

static void
leave_always (LeashContext *ctx, gpointer unused)
{
  leash_track (ctx, "gadget", "for ever");
}

static void
test_left_without_a_fault (void)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *report = NULL;

  if (skip_without_tracking ())
    return;
  report = get_report (&(LeashSweep){ .func = leave_always }, &error);
  assert_has (report, "leash: with no call failing:\nleash: 1 resource still open");
  assert_has (report, "1 x gadget \"for ever\"");
}

static void
close_twice_on_error (LeashContext *ctx, gpointer unused)
{
  g_autoptr (LeashFile) file = open_for_reading (ctx, "a");

  if (file != NULL && !leash_file_close (file, NULL))
    leash_file_close (file, NULL);
}

static void
test_misuse_on_error (void)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *report = NULL;

  if (skip_without_tracking ())
    return;
  report = get_report (&(LeashSweep){ .func = close_twice_on_error, .set_up = set_up }, &error);
  g_assert_error (error, LEASH_ERROR, LEASH_ERROR_MISUSE);
  assert_has (report, "leash: when call 2 fails, close (\"a\"):\n");
  assert_has (report, "closed twice");
}

/* A leak that many calls lead to is told once. */
static void
leave_before_many (LeashContext *ctx, gpointer unused)
{
  LeashFile *file = open_for_reading (ctx, "a");
  LeashStat found;
  guint n = 0;

  while (n < 30 && leash_stat (ctx, "a", &found, NULL))
    n++;
  if (n == 30)
    leash_file_unref (file);
  else
    forget_file (file);
}

static void
test_one_leak_of_many_calls (void)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *report = NULL;

  if (skip_without_tracking ())
    return;
  report = get_report (&(LeashSweep){ .func = leave_before_many, .set_up = set_up }, &error);
  g_assert_cmpuint (count (report, "1 x file "), ==, 1);
  g_assert_cmpuint (count (report, "leash: the same when call "), ==, 8);
  assert_has (report, "leash: and when 21 further calls fail\n");
}

/* What a run is. */

typedef struct
{
  guint n_runs;
  guint n_set_ups;
  guint n_failed[8]; /* by the number of the step */
  GError *last;
} Log;

static void
log_failure (Log *log, guint step, GError *error)
{
  if (error == NULL)
    return;
  log->n_failed[step]++;
  g_clear_error (&log->last);
  log->last = error;
}

/* Goes on whatever fails. */
static void
take_steps (LeashContext *ctx, gpointer user_data)
{
  Log *log = user_data;
  GError *errors[6] = { 0 };
  g_autoptr (LeashFile) file = NULL;

  log->n_runs++;
  leash_mkdir (ctx, "new", 0755, &errors[0]);
  file = leash_open (ctx, "file", LEASH_OPEN_WRITE | LEASH_OPEN_CREATE | LEASH_OPEN_EXCLUSIVE, 0644,
                     &errors[1]);
  if (file != NULL)
    {
      leash_file_write (file, ctx, "x", 1, &errors[2]);
      leash_file_seek (file, 0, G_SEEK_SET, &errors[3]);
      leash_file_close (file, &errors[4]);
    }
  if (errors[1] == NULL)
    leash_remove (ctx, "file", &errors[5]);
  for (guint i = 0; i < G_N_ELEMENTS (errors); i++)
    log_failure (log, i, errors[i]);
}

static void
log_clear (Log *log)
{
  g_clear_error (&log->last);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Log, log_clear)

/* Each call fails once; each run finds a tree that none has touched, or making things anew would fail. */
static void
test_each_call_fails_once (void)
{
  g_auto (Log) log = { 0 };

  assert_passes (&(LeashSweep){ .func = take_steps, .data = &log });
  g_assert_cmpuint (log.n_runs, ==, 7);
  for (guint i = 0; i < 6; i++)
    g_assert_cmpuint (log.n_failed[i], ==, 1);
  g_assert_cmpint (log.last->code, ==, (int) g_io_error_from_errno (EIO));
  assert_has (log.last->message, g_strerror (EIO));
}

static void
test_chosen_calls_and_errors (void)
{
  g_auto (Log) log = { 0 };

  assert_passes (&(LeashSweep){
      .func = take_steps, .data = &log, .ops = LEASH_FS_OP_WRITE | LEASH_FS_OP_CLOSE, .code = ENOSPC });
  g_assert_cmpuint (log.n_runs, ==, 3);
  g_assert_cmpuint (log.n_failed[2], ==, 1);
  g_assert_cmpuint (log.n_failed[4], ==, 1);
  g_assert_error (log.last, G_IO_ERROR, G_IO_ERROR_NO_SPACE);
}

static void
test_begins_where_told (void)
{
  g_auto (Log) log = { 0 };

  assert_passes (&(LeashSweep){ .func = take_steps, .data = &log, .first = 5 });
  g_assert_cmpuint (log.n_runs, ==, 3);
  g_assert_cmpuint (log.n_failed[0], ==, 0);
  g_assert_cmpuint (log.n_failed[4], ==, 1);
}

static LeashFs *
count_set_up (LeashTest *test, gpointer user_data)
{
  ((Log *) user_data)->n_set_ups++;
  return set_up (test, NULL);
}

static void
test_set_up_before_each (void)
{
  g_auto (Log) log = { 0 };

  assert_passes (&(LeashSweep){ .func = take_steps, .data = &log, .set_up = count_set_up });
  g_assert_cmpuint (log.n_set_ups, ==, 7);
}

static LeashFs *
make_nothing (LeashTest *test, gpointer unused)
{
  return NULL;
}

static void
test_set_up_that_makes_nothing (void)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *report = get_report (&(LeashSweep){ .func = take_steps, .set_up = make_nothing }, &error);

  assert_has (report, "leash: the sweep ended after 1 runs: there was no file system to run on\n");
}

/* A run makes one call more than the one before. */
static void
call_ever_more (LeashContext *ctx, gpointer user_data)
{
  guint *n = user_data;
  LeashStat found;

  (*n)++;
  for (guint i = 0; i < *n; i++)
    leash_stat (ctx, ".", &found, NULL);
}

static void
test_never_ends (void)
{
  g_autoptr (GError) error = NULL;
  guint n = 0;
  g_autofree char *report
      = get_report (&(LeashSweep){ .func = call_ever_more, .data = &n, .max_runs = 20 }, &error);

  g_assert_cmpuint (n, ==, 20);
  assert_has (error->message, "the sweep ended after 20 runs: it was not through");
  assert_has (report, "the sweep ended after 20 runs");
}

/* What closes late has not leaked. */
static gboolean
close_it (gpointer file)
{
  leash_file_unref (file);
  return G_SOURCE_REMOVE;
}

static void
close_later (LeashContext *ctx, gpointer unused)
{
  LeashFile *file = open_for_reading (ctx, "a");
  LeashStat found;

  leash_stat (ctx, "a", &found, NULL);
  if (file != NULL)
    g_idle_add (close_it, file);
}

static void
test_what_closes_late_passes (void)
{
  assert_passes (&(LeashSweep){ .func = close_later, .set_up = set_up });
}

/* The library's own helpers, swept. */

static LeashWalkAction
go_on (const LeashWalkEntry *entry, gpointer unused, GError **error)
{
  return LEASH_WALK_CONTINUE;
}

static void
use_helpers (LeashContext *ctx, gpointer unused)
{
  g_autoptr (GBytes) bytes = leash_read_file (ctx, "a", NULL);
  g_autofree char *dir = leash_temp_dir (ctx, "d", "t", NULL, NULL);
  g_autoptr (LeashFile) file = leash_temp_file (ctx, "d", "t", NULL, NULL);
  g_autoptr (GInputStream) stream = leash_open_input_stream (ctx, "a", NULL);
  char buffer[8];
  gboolean exists;

  (void) bytes;
  (void) file;
  if (stream != NULL)
    g_input_stream_read (stream, buffer, sizeof buffer, NULL, NULL);
  leash_write_file (ctx, "a", "other", 5, 0644, NULL);
  leash_append_file (ctx, "a", "more", 4, 0644, NULL);
  leash_exists (ctx, "d/x", &exists, NULL);
  leash_mkdir_all (ctx, "e/f/g", 0755, NULL);
  leash_copy_tree (ctx, "d", "e/copy", 0, NULL);
  leash_walk (ctx, "e", 0, go_on, NULL, NULL);
  leash_remove_all (ctx, "d", NULL);
}

static void
test_own_helpers_leave_nothing (void)
{
  assert_passes (&(LeashSweep){ .func = use_helpers, .set_up = set_up });
  assert_passes (&(LeashSweep){ .func = use_helpers, .set_up = set_up, .code = ENOENT });
}

int
main (int argc, char **argv)
{
  g_autoptr (GPtrArray) files = left_files
      = g_ptr_array_new_with_free_func ((GDestroyNotify) leash_file_unref);
  g_autoptr (GPtrArray) dirs = left_dirs = g_ptr_array_new_with_free_func ((GDestroyNotify) leash_dir_unref);

  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/sweep/file-left-when-the-second-fails", test_file_left_when_the_second_fails);
  g_test_add_func ("/sweep/directory-left-when-reading-fails", test_directory_left_when_reading_fails);
  g_test_add_func ("/sweep/mended-ones-pass", test_mended_ones_pass);
  g_test_add_func ("/sweep/all-findings", test_all_findings);
  g_test_add_func ("/sweep/left-without-a-fault", test_left_without_a_fault);
  g_test_add_func ("/sweep/misuse-on-error", test_misuse_on_error);
  g_test_add_func ("/sweep/one-leak-of-many-calls", test_one_leak_of_many_calls);
  g_test_add_func ("/sweep/each-call-fails-once", test_each_call_fails_once);
  g_test_add_func ("/sweep/chosen-calls-and-errors", test_chosen_calls_and_errors);
  g_test_add_func ("/sweep/begins-where-told", test_begins_where_told);
  g_test_add_func ("/sweep/set-up-before-each", test_set_up_before_each);
  g_test_add_func ("/sweep/set-up-that-makes-nothing", test_set_up_that_makes_nothing);
  g_test_add_func ("/sweep/never-ends", test_never_ends);
  g_test_add_func ("/sweep/what-closes-late-passes", test_what_closes_late_passes);
  g_test_add_func ("/sweep/own-helpers-leave-nothing", test_own_helpers_leave_nothing);
  return g_test_run ();
}
