/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The fault file system: each kind of fault, each way to choose the calls, and what is told of them. */
#include "fs-fixture.h"

#define READ LEASH_OPEN_READ
#define WRITE (LEASH_OPEN_WRITE | LEASH_OPEN_CREATE | LEASH_OPEN_TRUNCATE)

/* A fault file system before the test's directory. */
static LeashFs *
make_fs (Fixture *fixture)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (LeashFs) dir = leash_dir_fs_new (fixture->dir, &error);

  g_assert_no_error (error);
  return leash_fault_fs_new (dir);
}

static LeashFile *
open_file (LeashFs *fs, Fixture *fixture, const char *name, LeashOpenFlags flags)
{
  g_autoptr (GError) error = NULL;
  LeashFile *file = leash_fs_open (fs, fixture->ctx, name, flags, 0644, &error);

  g_assert_no_error (error);
  return file;
}

/* How many of n look-ups fail, as a string: "..x." */
static char *
try_stats (LeashFs *fs, Fixture *fixture, guint n)
{
  GString *marks = g_string_new (NULL);
  LeashStat found;

  for (guint i = 0; i < n; i++)
    g_string_append_c (marks, leash_fs_stat (fs, fixture->ctx, ".", &found, NULL) ? '.' : 'x');
  return g_string_free (marks, FALSE);
}

static void
assert_strikes (Fixture *fixture, const LeashFaultRule *rule, const char *expected)
{
  g_autoptr (LeashFs) fs = make_fs (fixture);
  guint id = leash_fault_fs_add (fs, rule);
  g_autofree char *marks = try_stats (fs, fixture, (guint) strlen (expected));
  g_auto (GStrv) parts = g_strsplit (expected, "x", -1);

  g_assert_cmpstr (marks, ==, expected);
  g_assert_cmpuint (leash_fault_fs_count_struck (fs, id), ==, g_strv_length (parts) - 1);
  g_assert_cmpuint (leash_fault_fs_count_calls (fs, LEASH_FS_OP_STAT), ==, strlen (expected));
}

static void
test_without_rules_all_passes (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (LeashFs) fs = make_fs (fixture);
  g_autoptr (LeashFile) file = open_file (fs, fixture, "a", WRITE | READ);
  g_autoptr (LeashDir) dir = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *last = NULL;
  const LeashDirEntry *entry;
  LeashStat found;
  char buffer[8];

  g_assert_cmpint (leash_file_write (file, fixture->ctx, "hello", 5, &error), ==, 5);
  g_assert_cmpint (leash_file_pread (file, fixture->ctx, buffer, sizeof buffer, 1, &error), ==, 4);
  g_assert_cmpint (leash_file_pwrite (file, fixture->ctx, "J", 1, 0, &error), ==, 1);
  g_assert_cmpint (leash_file_seek (file, -5, G_SEEK_END, &error), ==, 0);
  g_assert_cmpint (leash_file_read (file, fixture->ctx, buffer, sizeof buffer, &error), ==, 5);
  g_assert_cmpmem (buffer, 5, "Jello", 5);
  g_assert_true (leash_file_truncate (file, fixture->ctx, 2, &error));
  g_assert_true (leash_file_sync (file, fixture->ctx, &error));
  g_assert_true (leash_file_stat (file, fixture->ctx, &found, &error));
  g_assert_cmpuint (found.size, ==, 2);
  g_assert_true (leash_file_close (file, &error));
  dir = leash_fs_open_dir (fs, fixture->ctx, ".", &error);
  g_assert_true (leash_dir_next (dir, fixture->ctx, &entry, &error));
  g_assert_cmpstr (entry->name, ==, "a");
  g_assert_false (leash_dir_next (dir, fixture->ctx, &entry, &error));
  g_assert_true (leash_dir_close (dir, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (leash_fault_fs_count_calls (fs, LEASH_FS_OPS_ALL), ==, 14);
  g_assert_cmpuint (leash_fault_fs_count_calls (fs, LEASH_FS_OP_READ | LEASH_FS_OP_WRITE), ==, 4);
  g_assert_cmpuint (leash_fault_fs_count_struck (fs, 0), ==, 0);
  g_assert_null (last = leash_fault_fs_get_last (fs));
}

static void
test_nth (Fixture *fixture, gconstpointer unused)
{
  assert_strikes (fixture, &(LeashFaultRule){ .first = 3, .times = 1 }, "..x....");
}

static void
test_from_the_nth_on (Fixture *fixture, gconstpointer unused)
{
  assert_strikes (fixture, &(LeashFaultRule){ .first = 4 }, "...xxxx");
}

static void
test_every_nth (Fixture *fixture, gconstpointer unused)
{
  assert_strikes (fixture, &(LeashFaultRule){ .first = 3, .every = 3 }, "..x..x..x.");
}

static void
test_the_next_few (Fixture *fixture, gconstpointer unused)
{
  assert_strikes (fixture, &(LeashFaultRule){ .times = 2 }, "xx....");
}

static void
test_zeros_fail_all (Fixture *fixture, gconstpointer unused)
{
  assert_strikes (fixture, &(LeashFaultRule){ 0 }, "xxxx");
}

static void
test_chance_is_of_the_seed (Fixture *fixture, gconstpointer unused)
{
  g_autofree char *marks[4] = { 0 };
  static const guint64 seeds[] = { 1, 1, 2, 0 };
  guint n_struck = 0;

  for (guint i = 0; i < G_N_ELEMENTS (marks); i++)
    {
      g_autoptr (LeashFs) fs = make_fs (fixture);

      leash_fault_fs_add (fs, &(LeashFaultRule){ .chance = 0.25, .seed = seeds[i] });
      marks[i] = try_stats (fs, fixture, 400);
      n_struck += (guint) leash_fault_fs_count_struck (fs, 0);
    }
  g_assert_cmpstr (marks[0], ==, marks[1]);
  g_assert_cmpstr (marks[0], !=, marks[2]);
  g_assert_cmpstr (marks[2], !=, marks[3]);
  /* Of 1,600, a quarter: five standard deviations are 87. */
  g_assert_cmpuint (n_struck, >, 313);
  g_assert_cmpuint (n_struck, <, 487);
  for (guint i = 0; i < G_N_ELEMENTS (marks); i++)
    g_clear_pointer (&marks[i], g_free);
}

static void
test_by_operation (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (LeashFs) fs = make_fs (fixture);
  g_autoptr (GError) error = NULL;

  leash_fault_fs_fail_nth (fs, LEASH_FS_OP_MKDIR, 2, G_IO_ERROR_NO_SPACE);
  g_assert_true (leash_fs_mkdir (fs, fixture->ctx, "a", 0755, &error));
  g_assert_no_error (error);
  g_assert_true (leash_fs_symlink (fs, fixture->ctx, "a", "l", &error));
  g_assert_false (leash_fs_mkdir (fs, fixture->ctx, "b", 0755, &error));
  assert_io_error (error, G_IO_ERROR_NO_SPACE,
                   "Making the directory “b”: No space left on device (injected by rule 1 at call 2 that "
                   "matches it, mkdir (\"b\", 0755))");
  g_assert_true (leash_fs_mkdir (fs, fixture->ctx, "b", 0755, &error));
}

static void
test_by_path (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (LeashFs) fs = make_fs (fixture);
  g_autoptr (LeashFile) log = NULL;
  g_autoptr (LeashFile) text = NULL;
  g_autoptr (GError) error = NULL;

  g_assert_true (leash_fs_mkdir (fs, fixture->ctx, "d", 0755, &error));
  log = open_file (fs, fixture, "d/a.log", WRITE);
  text = open_file (fs, fixture, "d/a.txt", WRITE);
  leash_fault_fs_fail_path (fs, 0, "*.log", G_IO_ERROR_PERMISSION_DENIED);
  g_assert_cmpint (leash_file_write (log, fixture->ctx, "x", 1, &error), ==, -1);
  assert_io_error (error, G_IO_ERROR_PERMISSION_DENIED, "Writing to “d/a.log”: ", "write (\"d/a.log\", 1)");
  g_assert_cmpint (leash_file_write (text, fixture->ctx, "x", 1, &error), ==, 1);
  g_assert_false (leash_fs_rename (fs, fixture->ctx, "d/a.txt", "d/b.log", &error));
  assert_io_error (error, G_IO_ERROR_PERMISSION_DENIED, "rename (\"d/a.txt\", \"d/b.log\")");
  g_assert_false (leash_fs_rename (fs, fixture->ctx, "d/a.log", "d/b", &error));
  g_clear_error (&error);
  /* What a symbolic link says is no path. */
  g_assert_true (leash_fs_symlink (fs, fixture->ctx, "d/a.log", "link", &error));
  g_assert_false (leash_file_close (log, &error));
  assert_io_error (error, G_IO_ERROR_PERMISSION_DENIED, "Closing “d/a.log”: ");
}

static void
test_errno (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (LeashFs) fs = make_fs (fixture);
  g_autoptr (LeashFile) file = NULL;
  g_autoptr (GError) error = NULL;

  leash_fault_fs_add (
      fs, &(LeashFaultRule){ .ops = LEASH_FS_OP_OPEN, .effect = LEASH_FAULT_ERRNO, .code = EMFILE });
  g_assert_null (file = leash_fs_open (fs, fixture->ctx, "a", READ, 0, &error));
  assert_io_error (error, G_IO_ERROR_TOO_MANY_OPEN_FILES, g_strerror (EMFILE));
}

static void
test_short_read (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (LeashFs) fs = make_fs (fixture);
  g_autofree char *path = make_file (fixture, "a", "hello, world");
  g_autoptr (LeashFile) file = open_file (fs, fixture, "a", READ);
  g_autoptr (GError) error = NULL;
  guint rule
      = leash_fault_fs_add (fs, &(LeashFaultRule){ .effect = LEASH_FAULT_SHORT, .bytes = 3, .times = 2 });
  char buffer[32];

  g_assert_cmpint (leash_file_read (file, fixture->ctx, buffer, 2, &error), ==, 2);
  g_assert_cmpuint (leash_fault_fs_count_struck (fs, rule), ==, 0);
  g_assert_cmpint (leash_file_read (file, fixture->ctx, buffer, sizeof buffer, &error), ==, 3);
  g_assert_cmpmem (buffer, 3, "llo", 3);
  g_assert_cmpint (leash_file_pread (file, fixture->ctx, buffer, sizeof buffer, 0, &error), ==, 3);
  g_assert_cmpint (leash_file_read (file, fixture->ctx, buffer, sizeof buffer, &error), ==, 7);
  g_assert_no_error (error);
  g_assert_cmpuint (leash_fault_fs_count_struck (fs, rule), ==, 2);
}

static void
test_early_end (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (LeashFs) fs = make_fs (fixture);
  g_autofree char *path = make_file (fixture, "a", "hello");
  g_autoptr (LeashFile) file = open_file (fs, fixture, "a", READ);
  g_autoptr (GError) error = NULL;
  char buffer[32];

  leash_fault_fs_add (fs,
                      &(LeashFaultRule){ .ops = LEASH_FS_OP_READ, .effect = LEASH_FAULT_SHORT, .first = 2 });
  g_assert_cmpint (leash_file_read (file, fixture->ctx, buffer, 2, &error), ==, 2);
  g_assert_cmpint (leash_file_read (file, fixture->ctx, buffer, 2, &error), ==, 0);
  g_assert_no_error (error);
}

static void
test_full (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (LeashFs) fs = make_fs (fixture);
  g_autoptr (LeashFile) file = open_file (fs, fixture, "a", WRITE);
  g_autoptr (GError) error = NULL;
  guint rule = leash_fault_fs_fill (fs, 10);
  g_autofree char *path = path_of (fixture, "a");

  g_assert_cmpint (leash_file_write (file, fixture->ctx, "01234567", 8, &error), ==, 8);
  g_assert_cmpint (leash_file_write (file, fixture->ctx, "89abc", 5, &error), ==, 2);
  g_assert_cmpint (leash_file_write (file, fixture->ctx, "abc", 3, &error), ==, -1);
  assert_io_error (error, G_IO_ERROR_NO_SPACE, "Writing to “a”: No space left on device (injected by rule 1");
  g_assert_cmpuint (leash_fault_fs_count_struck (fs, rule), ==, 2);
  assert_content (path, "0123456789");
  g_assert_true (leash_fault_fs_remove (fs, rule));
  g_assert_cmpint (leash_file_write (file, fixture->ctx, "abc", 3, &error), ==, 3);
}

/* What another rule kept from being written takes no space. */
static void
test_full_counts_what_is_written (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (LeashFs) fs = make_fs (fixture);
  g_autoptr (LeashFile) file = open_file (fs, fixture, "a", WRITE);

  leash_fault_fs_fail_nth (fs, LEASH_FS_OP_WRITE, 1, G_IO_ERROR_FAILED);
  leash_fault_fs_fill (fs, 4);
  g_assert_cmpint (leash_file_write (file, fixture->ctx, "0123", 4, NULL), ==, -1);
  g_assert_cmpint (leash_file_write (file, fixture->ctx, "0123", 4, NULL), ==, 4);
  g_assert_cmpint (leash_file_write (file, fixture->ctx, "4", 1, NULL), ==, -1);
}

/* The kernel closes whatever close() returns. */
static void
test_failed_close_closes (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (LeashFs) fs = make_fs (fixture);
  g_autoptr (LeashFile) file = open_file (fs, fixture, "a", WRITE);
  g_autoptr (LeashDir) dir = leash_fs_open_dir (fs, fixture->ctx, ".", NULL);
  g_autoptr (GError) error = NULL;

  g_assert_cmpuint (count_fds (), ==, fixture->n_fds + 3);
  leash_fault_fs_fail_path (fs, LEASH_FS_OP_CLOSE | LEASH_FS_OP_CLOSE_DIR, "*", G_IO_ERROR_NO_SPACE);
  g_assert_false (leash_file_close (file, &error));
  assert_io_error (error, G_IO_ERROR_NO_SPACE, "Closing “a”: ", "close (\"a\")");
  g_assert_false (leash_dir_close (dir, &error));
  assert_io_error (error, G_IO_ERROR_NO_SPACE, "Closing “.”: ", "close_dir (\".\")");
  g_assert_cmpuint (count_fds (), ==, fixture->n_fds + 1);
  g_assert_cmpuint (leash_tracker_count_open (fixture->tracker), ==, 0);
}

static void
test_directory_read_fails (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (LeashFs) fs = make_fs (fixture);
  g_autofree char *path = make_file (fixture, "a", "");
  g_autoptr (LeashDir) dir = leash_fs_open_dir (fs, fixture->ctx, ".", NULL);
  g_autoptr (GError) error = NULL;
  const LeashDirEntry *entry;

  leash_fault_fs_fail_nth (fs, LEASH_FS_OP_NEXT, 2, G_IO_ERROR_FAILED);
  g_assert_true (leash_dir_next (dir, fixture->ctx, &entry, &error));
  g_assert_false (leash_dir_next (dir, fixture->ctx, &entry, &error));
  assert_io_error (error, G_IO_ERROR_FAILED, "Reading the directory “.”: it failed (injected");
}

/* A delay is on the context's clock, and nobody waits in real time for a fake one. */
typedef struct
{
  LeashFs *fs;
  LeashContext *ctx;
  gint done; /* atomic */
} Delayed;

static gpointer
look_up_delayed (gpointer user_data)
{
  Delayed *delayed = user_data;
  LeashStat found;
  gboolean done = leash_fs_stat (delayed->fs, delayed->ctx, ".", &found, NULL);

  g_atomic_int_set (&delayed->done, 1);
  return GINT_TO_POINTER (done);
}

static void
test_delay_is_on_the_context_s_clock (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (LeashFs) fs = make_fs (fixture);
  g_autoptr (LeashClock) clock = leash_clock_new_fake (0);
  g_autoptr (LeashContext) ctx = leash_context_with_clock (fixture->ctx, clock);
  Delayed delayed = { .fs = fs, .ctx = ctx };
  GThread *thread;

  leash_fault_fs_add (fs, &(LeashFaultRule){ .effect = LEASH_FAULT_DELAY, .delay = G_TIME_SPAN_HOUR });
  thread = g_thread_new ("delayed", look_up_delayed, &delayed);
  while (leash_fault_fs_count_struck (fs, 0) == 0)
    g_usleep (100);
  g_assert_false (g_atomic_int_get (&delayed.done));
  /* The delay may begin only now: until it has, the clock is where its hour begins. */
  while (!g_atomic_int_get (&delayed.done))
    {
      leash_clock_advance (clock, G_TIME_SPAN_HOUR);
      g_usleep (100);
    }
  g_assert_nonnull (g_thread_join (thread));
}

static void
test_delay_ends_with_the_context (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (LeashFs) fs = make_fs (fixture);
  g_autoptr (LeashContext) ctx = leash_context_with_timeout (fixture->ctx, 1000);
  g_autoptr (GError) error = NULL;
  LeashStat found;

  leash_fault_fs_add (fs, &(LeashFaultRule){ .effect = LEASH_FAULT_DELAY, .delay = G_TIME_SPAN_DAY });
  g_assert_false (leash_fs_stat (fs, ctx, ".", &found, &error));
  assert_io_error (error, G_IO_ERROR_TIMED_OUT, "Looking up “.”: ");
}

/* Each counts for itself; the first error is told. */
static void
test_several_rules (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (LeashFs) fs = make_fs (fixture);
  g_autoptr (GError) error = NULL;
  g_autofree char *last = NULL;
  LeashStat found;
  guint first = leash_fault_fs_fail_nth (fs, LEASH_FS_OP_STAT, 2, G_IO_ERROR_BUSY);
  guint second = leash_fault_fs_add (fs, &(LeashFaultRule){ .first = 2, .code = G_IO_ERROR_EXISTS });

  g_assert_true (leash_fs_stat (fs, fixture->ctx, ".", &found, &error));
  g_assert_false (leash_fs_stat (fs, fixture->ctx, ".", &found, &error));
  assert_io_error (error, G_IO_ERROR_BUSY, "rule 1 at call 2");
  g_assert_cmpuint (leash_fault_fs_count_struck (fs, first), ==, 1);
  g_assert_cmpuint (leash_fault_fs_count_struck (fs, second), ==, 1);
  g_assert_false (leash_fs_remove (fs, fixture->ctx, "a\n\xff", &error));
  assert_io_error (error, G_IO_ERROR_EXISTS, "rule 2 at call 3");
  g_assert_cmpstr (last = leash_fault_fs_get_last (fs), ==, "remove (\"a\\n\\xff\")");
  g_assert_true (leash_fault_fs_remove (fs, second));
  g_assert_false (leash_fault_fs_remove (fs, second));
  g_assert_cmpuint (leash_fault_fs_count_struck (fs, second), ==, 0);
  g_assert_cmpuint (leash_fault_fs_count_struck (fs, 0), ==, 3);
  g_assert_true (leash_fs_stat (fs, fixture->ctx, ".", &found, &error));
}

/* A root within obeys the same rules, by paths from the outer one. */
static void
test_root_within (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (LeashFs) fs = make_fs (fixture);
  g_autofree char *dir = make_directory (fixture, "d");
  g_autofree char *path = make_file (fixture, "d/a", "");
  g_autoptr (LeashFs) root = leash_fs_open_root (fs, fixture->ctx, "d", 0, NULL);
  g_autoptr (GError) error = NULL;
  LeashStat found;

  g_assert_nonnull (root);
  leash_fault_fs_fail_path (fs, LEASH_FS_OP_STAT, "d/a", G_IO_ERROR_BUSY);
  g_assert_false (leash_fs_stat (root, fixture->ctx, "a", &found, &error));
  assert_io_error (error, G_IO_ERROR_BUSY, "Looking up “a”: ", "stat (\"d/a\")");
  g_assert_true (leash_fs_stat (root, fixture->ctx, ".", &found, &error));
  g_assert_cmpuint (leash_fault_fs_count_calls (root, LEASH_FS_OP_STAT), ==, 2);
  g_assert_cmpuint (leash_fault_fs_count_calls (fs, LEASH_FS_OP_STAT), ==, 2);
}

/* A descriptor would go around the rules. */
static void
test_no_descriptor (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (LeashFs) fs = make_fs (fixture);
  g_autoptr (LeashFile) file = open_file (fs, fixture, "a", WRITE);

  g_assert_cmpint (leash_file_get_fd (file), ==, -1);
  g_assert_cmpint (leash_fs_get_features (fs) & LEASH_FS_FEATURE_DESCRIPTORS, ==, 0);
  g_assert_cmpint (leash_fs_get_ops (fs), ==, LEASH_FS_OPS_ON_PATHS);
}

static void
test_use_after_close (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (LeashFs) fs = make_fs (fixture);
  g_autoptr (LeashFile) file = open_file (fs, fixture, "a", WRITE);
  g_autoptr (GError) error = NULL;

  fixture->n_misuses = 2;
  g_assert_true (leash_file_close (file, &error));
  g_assert_cmpint (leash_file_write (file, fixture->ctx, "x", 1, &error), ==, -1);
  assert_io_error (error, G_IO_ERROR_CLOSED, "Writing to “a”: the file is closed");
  g_assert_false (leash_file_close (file, &error));
  assert_io_error (error, G_IO_ERROR_CLOSED, "Closing “a”: the file is closed");
}

/* Threads: what is struck is exactly what was to be struck, whoever calls. */

#define N_THREADS 4
#define N_ROUNDS 300

static gpointer
work (gpointer user_data)
{
  Delayed *job = user_data;
  guint n_failed = 0;

  for (guint i = 0; i < N_ROUNDS; i++)
    {
      g_autoptr (LeashFile) file = leash_fs_open (job->fs, job->ctx, "a", READ, 0, NULL);
      LeashStat found;
      char byte;

      n_failed += file == NULL;
      n_failed += file != NULL && leash_file_read (file, job->ctx, &byte, 1, NULL) < 0;
      n_failed += !leash_fs_stat (job->fs, job->ctx, "a", &found, NULL);
      if (i % 50 == 0)
        {
          guint rule = leash_fault_fs_fail_path (job->fs, 0, "nothing", G_IO_ERROR_FAILED);

          g_assert_true (leash_fault_fs_remove (job->fs, rule));
        }
      g_free (leash_fault_fs_get_last (job->fs));
    }
  return GUINT_TO_POINTER (n_failed);
}

static void
test_threads (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (LeashFs) fs = make_fs (fixture);
  g_autofree char *path = make_file (fixture, "a", "x");
  Delayed job = { .fs = fs, .ctx = fixture->ctx };
  GThread *threads[N_THREADS];
  guint n_failed = 0;

  leash_fault_fs_add (fs, &(LeashFaultRule){ .ops = LEASH_FS_OP_STAT, .first = 3, .every = 3 });
  leash_fault_fs_add (fs, &(LeashFaultRule){ .ops = LEASH_FS_OP_OPEN, .chance = 0.1, .seed = 7 });
  leash_fault_fs_add (fs, &(LeashFaultRule){ .ops = LEASH_FS_OP_READ, .times = 9 });
  for (guint i = 0; i < N_THREADS; i++)
    threads[i] = g_thread_new ("worker", work, &job);
  for (guint i = 0; i < N_THREADS; i++)
    n_failed += GPOINTER_TO_UINT (g_thread_join (threads[i]));
  g_assert_cmpuint (leash_fault_fs_count_struck (fs, 1), ==, N_THREADS * N_ROUNDS / 3);
  g_assert_cmpuint (leash_fault_fs_count_struck (fs, 2), >, 0);
  g_assert_cmpuint (leash_fault_fs_count_struck (fs, 3), ==, 9);
  g_assert_cmpuint (n_failed, ==, leash_fault_fs_count_struck (fs, 0));
}

static void
test_rules_that_make_no_sense (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (LeashFs) fs = make_fs (fixture);
  g_autoptr (LeashFs) host = leash_host_fs_new ();

  expect_critical ("leash_fault_fs_add", "is_fault_fs");
  g_assert_cmpuint (leash_fault_fs_add (host, &(LeashFaultRule){ 0 }), ==, 0);
  assert_expected ();
  expect_critical ("leash_fault_fs_add", "has_ops_for_its_effect");
  g_assert_cmpuint (
      leash_fault_fs_add (fs, &(LeashFaultRule){ .ops = LEASH_FS_OP_STAT, .effect = LEASH_FAULT_SHORT }), ==,
      0);
  assert_expected ();
  expect_critical ("leash_fault_fs_add", "has_code_for_its_effect");
  g_assert_cmpuint (leash_fault_fs_add (fs, &(LeashFaultRule){ .effect = LEASH_FAULT_ERRNO }), ==, 0);
  assert_expected ();
  expect_critical ("leash_fault_fs_add", "chance");
  g_assert_cmpuint (leash_fault_fs_add (fs, &(LeashFaultRule){ .chance = 1.5 }), ==, 0);
  assert_expected ();
  expect_critical ("leash_fault_fs_fail_nth", "nth");
  g_assert_cmpuint (leash_fault_fs_fail_nth (fs, 0, 0, G_IO_ERROR_FAILED), ==, 0);
  assert_expected ();
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("/fs/fault/without-rules-all-passes", test_without_rules_all_passes);
  ADD ("/fs/fault/nth", test_nth);
  ADD ("/fs/fault/from-the-nth-on", test_from_the_nth_on);
  ADD ("/fs/fault/every-nth", test_every_nth);
  ADD ("/fs/fault/the-next-few", test_the_next_few);
  ADD ("/fs/fault/zeros-fail-all", test_zeros_fail_all);
  ADD ("/fs/fault/chance-is-of-the-seed", test_chance_is_of_the_seed);
  ADD ("/fs/fault/by-operation", test_by_operation);
  ADD ("/fs/fault/by-path", test_by_path);
  ADD ("/fs/fault/errno", test_errno);
  ADD ("/fs/fault/short-read", test_short_read);
  ADD ("/fs/fault/early-end", test_early_end);
  ADD ("/fs/fault/full", test_full);
  ADD ("/fs/fault/full-counts-what-is-written", test_full_counts_what_is_written);
  ADD ("/fs/fault/failed-close-closes", test_failed_close_closes);
  ADD ("/fs/fault/directory-read-fails", test_directory_read_fails);
  ADD ("/fs/fault/delay-is-on-the-context-s-clock", test_delay_is_on_the_context_s_clock);
  ADD ("/fs/fault/delay-ends-with-the-context", test_delay_ends_with_the_context);
  ADD ("/fs/fault/several-rules", test_several_rules);
  ADD ("/fs/fault/root-within", test_root_within);
  ADD ("/fs/fault/no-descriptor", test_no_descriptor);
  ADD ("/fs/fault/use-after-close", test_use_after_close);
  ADD ("/fs/fault/threads", test_threads);
  ADD ("/fs/fault/rules-that-make-no-sense", test_rules_that_make_no_sense);
  return g_test_run ();
}
