/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* LeashFile: on real files for what it does, on operations made up here for what files seldom do. */
#include "fs-fixture.h"

#include <fcntl.h>
#include <signal.h>

static LeashFile *
open_file (Fixture *fixture, const char *path, LeashOpenFlags flags)
{
  g_autoptr (GError) error = NULL;
  LeashFile *file = leash_open (fixture->ctx, path, flags, 0644, &error);

  g_assert_no_error (error);
  g_assert_nonnull (file);
  return file;
}

static void
close_file (LeashFile *file)
{
  g_autoptr (GError) error = NULL;

  g_assert_true (leash_file_close (file, &error));
  g_assert_no_error (error);
}

static void
test_write_then_read (Fixture *fixture, gconstpointer unused)
{
  g_autofree char *path = path_of (fixture, "a");
  g_autoptr (LeashFile) file
      = open_file (fixture, path, LEASH_OPEN_READ | LEASH_OPEN_WRITE | LEASH_OPEN_CREATE);
  g_autoptr (GError) error = NULL;
  char buffer[16] = "";

  g_assert_cmpstr (leash_file_get_path (file), ==, path);
  g_assert_cmpint (leash_file_write (file, fixture->ctx, "hello ", 6, &error), ==, 6);
  g_assert_cmpint (leash_file_write (file, fixture->ctx, "world", 5, &error), ==, 5);
  g_assert_cmpint (leash_file_seek (file, 0, G_SEEK_SET, &error), ==, 0);
  g_assert_cmpint (leash_file_read (file, fixture->ctx, buffer, 4, &error), ==, 4);
  g_assert_cmpmem (buffer, 4, "hell", 4);
  g_assert_cmpint (leash_file_read (file, fixture->ctx, buffer, sizeof buffer, &error), ==, 7);
  g_assert_cmpmem (buffer, 7, "o world", 7);
  g_assert_cmpint (leash_file_read (file, fixture->ctx, buffer, sizeof buffer, &error), ==, 0);
  g_assert_no_error (error);
  close_file (file);
  assert_content (path, "hello world");
}

static const LeashResource *
only_resource (LeashSnapshot *snapshot)
{
  g_assert_cmpuint (leash_snapshot_get_length (snapshot), ==, 1);
  return leash_snapshot_get_resource (snapshot, 0);
}

static void
test_history (Fixture *fixture, gconstpointer unused)
{
  g_autofree char *path = make_file (fixture, "a", "text");
  g_autoptr (LeashSnapshot) before = NULL, after = NULL;
  g_autoptr (LeashFile) file = NULL;
  char buffer[4];

  if (!leash_has_tracking ())
    {
      g_test_skip ("built without tracking");
      return;
    }
  file = open_file (fixture, path, LEASH_OPEN_READ);
  leash_file_read (file, fixture->ctx, buffer, 1, NULL);
  before = leash_snapshot_new (fixture->tracker);
  g_assert_cmpuint (only_resource (before)->n_events, ==, 0);
  leash_tracker_set_history (fixture->tracker, 8);
  leash_file_read (file, fixture->ctx, buffer, 1, NULL);
  leash_file_seek (file, 0, G_SEEK_SET, NULL);
  after = leash_snapshot_new (fixture->tracker);
  g_assert_cmpuint (only_resource (after)->n_events, ==, 2);
  g_assert_cmpstr (only_resource (after)->events[0].what, ==, "read");
  g_assert_cmpstr (only_resource (after)->events[1].what, ==, "seek");
  close_file (file);
}

static void
test_append (Fixture *fixture, gconstpointer unused)
{
  g_autofree char *path = make_file (fixture, "log", "one ");
  g_autoptr (LeashFile) file = open_file (fixture, path, LEASH_OPEN_APPEND | LEASH_OPEN_READ);
  g_autoptr (GError) error = NULL;

  g_assert_cmpint (leash_file_seek (file, 0, G_SEEK_SET, &error), ==, 0);
  g_assert_cmpint (leash_file_write (file, fixture->ctx, "two", 3, &error), ==, 3);
  g_assert_no_error (error);
  g_assert_cmpint (leash_file_pwrite (file, fixture->ctx, "x", 1, 0, &error), ==, -1);
  assert_io_error (error, G_IO_ERROR_INVALID_ARGUMENT, "Writing to “", "/log”: ", "opened for appending");
  close_file (file);
  assert_content (path, "one two");
}

static void
test_positioned (Fixture *fixture, gconstpointer unused)
{
  g_autofree char *path = make_file (fixture, "a", "0123456789");
  g_autoptr (LeashFile) file = open_file (fixture, path, LEASH_OPEN_READ | LEASH_OPEN_WRITE);
  g_autoptr (GError) error = NULL;
  char buffer[4];

  g_assert_cmpint (leash_file_seek (file, 2, G_SEEK_SET, &error), ==, 2);
  g_assert_cmpint (leash_file_pread (file, fixture->ctx, buffer, 3, 7, &error), ==, 3);
  g_assert_cmpmem (buffer, 3, "789", 3);
  g_assert_cmpint (leash_file_pwrite (file, fixture->ctx, "AB", 2, 8, &error), ==, 2);
  g_assert_cmpint (leash_file_pread (file, fixture->ctx, buffer, 3, 100, &error), ==, 0);
  g_assert_cmpint (leash_file_seek (file, 0, G_SEEK_CUR, &error), ==, 2);
  g_assert_no_error (error);
  close_file (file);
  assert_content (path, "01234567AB");
}

static void
test_seek (Fixture *fixture, gconstpointer unused)
{
  g_autofree char *path = make_file (fixture, "a", "0123456789");
  g_autoptr (LeashFile) file = open_file (fixture, path, LEASH_OPEN_READ);
  g_autoptr (GError) error = NULL;

  g_assert_cmpint (leash_file_seek (file, 4, G_SEEK_SET, &error), ==, 4);
  g_assert_cmpint (leash_file_seek (file, -1, G_SEEK_CUR, &error), ==, 3);
  g_assert_cmpint (leash_file_seek (file, -2, G_SEEK_END, &error), ==, 8);
  g_assert_cmpint (leash_file_seek (file, 90, G_SEEK_END, &error), ==, 100);
  g_assert_no_error (error);
  g_assert_cmpint (leash_file_seek (file, -5, G_SEEK_SET, &error), ==, -1);
  assert_io_error (error, G_IO_ERROR_INVALID_ARGUMENT, "Seeking in “", "/a”: the offset -5 is negative");
  g_assert_cmpint (leash_file_seek (file, -11, G_SEEK_END, &error), ==, -1);
  assert_io_error (error, G_IO_ERROR_INVALID_ARGUMENT, "the position would be negative");
  g_assert_cmpint (leash_file_seek (file, 0, (GSeekType) 7, &error), ==, -1);
  assert_io_error (error, G_IO_ERROR_INVALID_ARGUMENT, "7 is no GSeekType");
  g_assert_cmpint (leash_file_seek (file, 0, G_SEEK_CUR, &error), ==, 100);
  close_file (file);
}

static void
test_no_positions (Fixture *fixture, gconstpointer unused)
{
  g_autofree char *path = path_of (fixture, "fifo");
  g_autoptr (LeashFile) file = NULL;
  g_autoptr (GError) error = NULL;

  g_assert_cmpint (mkfifo (path, 0600), ==, 0);
  file = open_file (fixture, path, LEASH_OPEN_READ | LEASH_OPEN_WRITE);
  g_assert_cmpint (leash_file_seek (file, 0, G_SEEK_CUR, &error), ==, -1);
  assert_io_error (error, G_IO_ERROR_NOT_SUPPORTED, "/fifo”: it has no positions");
  g_assert_false (leash_file_sync (file, fixture->ctx, &error));
  assert_io_error (error, G_IO_ERROR_NOT_SUPPORTED, "Syncing “", "/fifo”: ");
  close_file (file);
}

static void
test_stat (Fixture *fixture, gconstpointer unused)
{
  g_autofree char *path = make_file (fixture, "a", "0123456789");
  g_autoptr (LeashFile) file = open_file (fixture, path, LEASH_OPEN_READ);
  g_autoptr (GError) error = NULL;
  LeashStat stat;
  struct stat real;

  g_assert_cmpint (chmod (path, 04751), ==, 0);
  g_assert_cmpint (fstat (leash_file_get_fd (file), &real), ==, 0);
  g_assert_true (leash_file_stat (file, fixture->ctx, &stat, &error));
  g_assert_no_error (error);
  g_assert_cmpint (stat.type, ==, G_FILE_TYPE_REGULAR);
  g_assert_cmphex (stat.mode, ==, 04751);
  g_assert_cmpuint (stat.size, ==, 10);
  g_assert_cmpuint (stat.nlink, ==, real.st_nlink);
  g_assert_cmpuint (stat.uid, ==, real.st_uid);
  g_assert_cmpuint (stat.gid, ==, real.st_gid);
  g_assert_cmpuint (stat.inode, ==, real.st_ino);
  g_assert_cmpuint (stat.device, ==, real.st_dev);
  g_assert_cmpint (stat.atime_ns, ==,
                   real.st_atim.tv_sec * G_GINT64_CONSTANT (1000000000) + real.st_atim.tv_nsec);
  g_assert_cmpint (stat.mtime_ns, ==,
                   real.st_mtim.tv_sec * G_GINT64_CONSTANT (1000000000) + real.st_mtim.tv_nsec);
  g_assert_cmpint (stat.ctime_ns, ==,
                   real.st_ctim.tv_sec * G_GINT64_CONSTANT (1000000000) + real.st_ctim.tv_nsec);
  close_file (file);
}

static void
test_truncate (Fixture *fixture, gconstpointer unused)
{
  g_autofree char *path = make_file (fixture, "a", "0123456789");
  g_autoptr (LeashFile) file = open_file (fixture, path, LEASH_OPEN_WRITE);
  g_autoptr (GError) error = NULL;
  LeashStat stat;

  g_assert_true (leash_file_truncate (file, fixture->ctx, 4, &error));
  assert_content (path, "0123");
  g_assert_true (leash_file_truncate (file, fixture->ctx, 1000, &error));
  g_assert_true (leash_file_stat (file, fixture->ctx, &stat, &error));
  g_assert_cmpuint (stat.size, ==, 1000);
  g_assert_true (leash_file_sync (file, fixture->ctx, &error));
  g_assert_no_error (error);
  g_assert_false (leash_file_truncate (file, fixture->ctx, -1, &error));
  assert_io_error (error, G_IO_ERROR_INVALID_ARGUMENT, "Truncating “", "/a”: the length -1 is negative");
  close_file (file);
}

static void
test_fd (Fixture *fixture, gconstpointer unused)
{
  g_autofree char *path = make_file (fixture, "a", "x");
  g_autoptr (LeashFile) file = open_file (fixture, path, LEASH_OPEN_READ);
  g_autofree char *link = g_strdup_printf ("/proc/self/fd/%d", leash_file_get_fd (file));
  char target[PATH_MAX] = "";

  g_assert_cmpint (readlink (link, target, sizeof target - 1), >, 0);
  g_assert_cmpstr (target, ==, path);
  g_assert_cmpint (fcntl (leash_file_get_fd (file), F_GETFD) & FD_CLOEXEC, !=, 0);
  close_file (file);
}

static void
test_full_device (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (LeashFile) file = open_file (fixture, "/dev/full", LEASH_OPEN_WRITE);
  g_autoptr (GError) error = NULL;

  g_assert_cmpint (leash_file_write (file, fixture->ctx, "x", 1, &error), ==, -1);
  assert_io_error (error, G_IO_ERROR_NO_SPACE, "Writing to “/dev/full”: ", g_strerror (ENOSPC));
  close_file (file);
}

static void
test_wrong_mode (Fixture *fixture, gconstpointer unused)
{
  g_autofree char *path = make_file (fixture, "a", "x");
  g_autoptr (LeashFile) reader = open_file (fixture, path, LEASH_OPEN_READ);
  g_autoptr (LeashFile) writer = open_file (fixture, path, LEASH_OPEN_WRITE);
  g_autoptr (GError) error = NULL;
  char buffer[1];

  g_assert_cmpint (leash_file_read (writer, fixture->ctx, buffer, 1, &error), ==, -1);
  assert_io_error (error, G_IO_ERROR_INVALID_ARGUMENT, "Reading “", "/a”: it was opened for writing only");
  g_assert_cmpint (leash_file_pread (writer, fixture->ctx, buffer, 1, 0, &error), ==, -1);
  assert_io_error (error, G_IO_ERROR_INVALID_ARGUMENT, "it was opened for writing only");
  g_assert_cmpint (leash_file_write (reader, fixture->ctx, "x", 1, &error), ==, -1);
  assert_io_error (error, G_IO_ERROR_INVALID_ARGUMENT, "Writing to “", "/a”: it was opened for reading only");
  g_assert_cmpint (leash_file_pwrite (reader, fixture->ctx, "x", 1, 0, &error), ==, -1);
  assert_io_error (error, G_IO_ERROR_INVALID_ARGUMENT, "it was opened for reading only");
  g_assert_false (leash_file_truncate (reader, fixture->ctx, 0, &error));
  assert_io_error (error, G_IO_ERROR_INVALID_ARGUMENT, "it was opened for reading only");
  close_file (reader);
  close_file (writer);
}

static void
test_bad_counts (Fixture *fixture, gconstpointer unused)
{
  const gsize too_many = (gsize) G_MAXSSIZE + 1;
  g_autofree char *path = make_file (fixture, "a", "x");
  g_autoptr (LeashFile) file = open_file (fixture, path, LEASH_OPEN_READ | LEASH_OPEN_WRITE);
  g_autoptr (GError) error = NULL;
  char buffer[1];

  g_assert_cmpint (leash_file_read (file, fixture->ctx, buffer, too_many, &error), ==, -1);
  assert_io_error (error, G_IO_ERROR_INVALID_ARGUMENT, "Reading “", "bytes is more than one call can return");
  g_assert_cmpint (leash_file_write (file, fixture->ctx, buffer, too_many, &error), ==, -1);
  assert_io_error (error, G_IO_ERROR_INVALID_ARGUMENT, "bytes is more than one call can return");
  g_assert_cmpint (leash_file_pread (file, fixture->ctx, buffer, too_many, 0, &error), ==, -1);
  assert_io_error (error, G_IO_ERROR_INVALID_ARGUMENT, "bytes is more than one call can return");
  g_assert_cmpint (leash_file_pwrite (file, fixture->ctx, buffer, too_many, 0, &error), ==, -1);
  assert_io_error (error, G_IO_ERROR_INVALID_ARGUMENT, "bytes is more than one call can return");
  g_assert_cmpint (leash_file_pread (file, fixture->ctx, buffer, 1, -1, &error), ==, -1);
  assert_io_error (error, G_IO_ERROR_INVALID_ARGUMENT, "the offset -1 is negative");
  g_assert_cmpint (leash_file_pwrite (file, fixture->ctx, buffer, 1, G_MININT64, &error), ==, -1);
  assert_io_error (error, G_IO_ERROR_INVALID_ARGUMENT, "the offset -9223372036854775808 is negative");
  close_file (file);
}

static void
test_zero_count (Fixture *fixture, gconstpointer unused)
{
  g_autofree char *path = make_file (fixture, "a", "x");
  g_autoptr (LeashFile) file = open_file (fixture, path, LEASH_OPEN_READ | LEASH_OPEN_WRITE);
  g_autoptr (GError) error = NULL;

  g_assert_cmpint (leash_file_read (file, fixture->ctx, NULL, 0, &error), ==, 0);
  g_assert_cmpint (leash_file_write (file, fixture->ctx, NULL, 0, &error), ==, 0);
  g_assert_cmpint (leash_file_pread (file, fixture->ctx, NULL, 0, 0, &error), ==, 0);
  g_assert_cmpint (leash_file_pwrite (file, fixture->ctx, NULL, 0, 0, &error), ==, 0);
  g_assert_no_error (error);
  close_file (file);
  g_assert_cmpint (leash_file_read (file, fixture->ctx, NULL, 0, &error), ==, -1);
  assert_io_error (error, G_IO_ERROR_CLOSED, "Reading “");
  fixture->n_misuses = 1;
}

static void
test_done_context (Fixture *fixture, gconstpointer unused)
{
  g_autofree char *path = make_file (fixture, "a", "x");
  g_autoptr (LeashFile) file = open_file (fixture, path, LEASH_OPEN_READ | LEASH_OPEN_WRITE);
  g_autoptr (GError) error = NULL;
  LeashStat stat;
  char buffer[1];

  g_assert_cmpint (leash_file_read (file, fixture->done, buffer, 1, &error), ==, -1);
  assert_io_error (error, G_IO_ERROR_CANCELLED, "Reading “", "/a”: ");
  g_assert_cmpint (leash_file_write (file, fixture->done, "y", 1, &error), ==, -1);
  assert_io_error (error, G_IO_ERROR_CANCELLED, "Writing to “", "/a”: ");
  g_assert_cmpint (leash_file_pread (file, fixture->done, buffer, 1, 0, &error), ==, -1);
  assert_io_error (error, G_IO_ERROR_CANCELLED, "Reading “");
  g_assert_cmpint (leash_file_pwrite (file, fixture->done, "y", 1, 0, &error), ==, -1);
  assert_io_error (error, G_IO_ERROR_CANCELLED, "Writing to “");
  g_assert_false (leash_file_stat (file, fixture->done, &stat, &error));
  assert_io_error (error, G_IO_ERROR_CANCELLED, "Looking at “");
  g_assert_false (leash_file_truncate (file, fixture->done, 0, &error));
  assert_io_error (error, G_IO_ERROR_CANCELLED, "Truncating “");
  g_assert_false (leash_file_sync (file, fixture->done, &error));
  assert_io_error (error, G_IO_ERROR_CANCELLED, "Syncing “");
  close_file (file);
  assert_content (path, "x");
}

static void
test_use_after_close (Fixture *fixture, gconstpointer unused)
{
  g_autofree char *path = make_file (fixture, "a", "x");
  g_autoptr (LeashFile) file = open_file (fixture, path, LEASH_OPEN_READ | LEASH_OPEN_WRITE);
  g_autoptr (GError) error = NULL;
  LeashStat stat;
  char buffer[1];

  g_assert_false (leash_file_is_closed (file));
  close_file (file);
  g_assert_true (leash_file_is_closed (file));
  g_assert_cmpstr (leash_file_get_path (file), ==, path);
  g_assert_cmpint (leash_file_read (file, fixture->ctx, buffer, 1, &error), ==, -1);
  assert_io_error (error, G_IO_ERROR_CLOSED, "Reading “", "/a”: the file is closed");
  g_assert_cmpint (leash_file_write (file, fixture->ctx, "y", 1, &error), ==, -1);
  assert_io_error (error, G_IO_ERROR_CLOSED, "Writing to “", "/a”: the file is closed");
  g_assert_cmpint (leash_file_pread (file, fixture->ctx, buffer, 1, 0, &error), ==, -1);
  assert_io_error (error, G_IO_ERROR_CLOSED, "Reading “");
  g_assert_cmpint (leash_file_pwrite (file, fixture->ctx, "y", 1, 0, &error), ==, -1);
  assert_io_error (error, G_IO_ERROR_CLOSED, "Writing to “");
  g_assert_cmpint (leash_file_seek (file, 0, G_SEEK_SET, &error), ==, -1);
  assert_io_error (error, G_IO_ERROR_CLOSED, "Seeking in “");
  g_assert_false (leash_file_stat (file, fixture->ctx, &stat, &error));
  assert_io_error (error, G_IO_ERROR_CLOSED, "Looking at “");
  g_assert_false (leash_file_truncate (file, fixture->ctx, 0, &error));
  assert_io_error (error, G_IO_ERROR_CLOSED, "Truncating “");
  g_assert_false (leash_file_sync (file, fixture->ctx, &error));
  assert_io_error (error, G_IO_ERROR_CLOSED, "Syncing “");
  g_assert_cmpint (leash_file_get_fd (file), ==, -1);
  g_assert_false (leash_file_close (file, &error));
  assert_io_error (error, G_IO_ERROR_CLOSED, "Closing “", "/a”: the file is closed");
  fixture->n_misuses = leash_tracker_count_misuses (fixture->tracker);
  if (leash_has_tracking ())
    g_assert_cmpuint (fixture->n_misuses, ==, 10);
}

static __attribute__ ((noinline)) void
close_it_here (LeashFile *file)
{
  close_file (file);
  __asm__ volatile(""); /* no tail call: it would leave no frame */
}

static __attribute__ ((noinline)) void
read_it_here (Fixture *fixture, LeashFile *file)
{
  char buffer[1];

  g_assert_cmpint (leash_file_read (file, fixture->ctx, buffer, 1, NULL), ==, -1);
}

static void
test_misuse_report (Fixture *fixture, gconstpointer unused)
{
  g_autofree char *path = make_file (fixture, "misused.ini", "x");
  g_autoptr (LeashFile) file = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *report = NULL;

  if (!leash_has_tracking ())
    {
      g_test_skip ("built without tracking");
      return;
    }
  leash_tracker_set_release_stacks (fixture->tracker, TRUE);
  file = open_file (fixture, path, LEASH_OPEN_READ);
  close_it_here (file);
  g_assert_true (leash_tracker_check (fixture->tracker, &error));
  read_it_here (fixture, file);
  g_assert_false (leash_tracker_check (fixture->tracker, &error));
  g_assert_error (error, LEASH_ERROR, LEASH_ERROR_MISUSE);
  report = leash_tracker_report (fixture->tracker, LEASH_FORMAT_TEXT);
  g_assert_nonnull (strstr (report, "read after close"));
  g_assert_nonnull (strstr (report, "misused.ini"));
  g_assert_nonnull (strstr (report, "read_it_here"));
  g_assert_nonnull (strstr (report, "close_it_here"));
  g_assert_nonnull (strstr (report, "test_misuse_report"));
  fixture->n_misuses = 1;
}

/* Operations that count */

typedef struct
{
  gint n_closed;    /* atomic */
  gint n_destroyed; /* atomic */
  gint n_late;      /* atomic; reads that began after the close */
} Counts;

static gssize
counting_read (gpointer impl, LeashContext *ctx, void *buffer, gsize count, GError **error)
{
  Counts *counts = impl;

  if (__atomic_load_n (&counts->n_closed, __ATOMIC_ACQUIRE) > 0)
    __atomic_fetch_add (&counts->n_late, 1, __ATOMIC_RELAXED);
  return 0;
}

static gboolean
counting_close (gpointer impl, GError **error)
{
  __atomic_fetch_add (&((Counts *) impl)->n_closed, 1, __ATOMIC_ACQ_REL);
  return TRUE;
}

static void
counting_destroy (gpointer impl)
{
  __atomic_fetch_add (&((Counts *) impl)->n_destroyed, 1, __ATOMIC_ACQ_REL);
}

static const LeashFileOps counting_ops = {
  .size = sizeof (LeashFileOps),
  .read = counting_read,
  .close = counting_close,
};

static void
test_last_unref (Fixture *fixture, gconstpointer unused)
{
  Counts counts = { 0 };
  LeashFile *file = leash_file_new (&counting_ops, &counts, counting_destroy, "made-up", LEASH_OPEN_READ);

  g_assert_true (leash_file_ref (file) == file);
  leash_file_unref (file);
  g_assert_cmpint (counts.n_closed, ==, 0);
  leash_file_unref (file);
  g_assert_cmpint (counts.n_closed, ==, 1);
  g_assert_cmpint (counts.n_destroyed, ==, 1);
  leash_file_unref (NULL);
}

static void
test_unref_untracks (Fixture *fixture, gconstpointer unused)
{
  g_autofree char *path = make_file (fixture, "a", "x");
  LeashFile *file = open_file (fixture, path, LEASH_OPEN_READ);

  if (leash_has_tracking ())
    g_assert_cmpuint (leash_tracker_count_kind (fixture->tracker, "file"), ==, 1);
  leash_file_unref (file);
  g_assert_cmpuint (leash_tracker_count_kind (fixture->tracker, "file"), ==, 0);
}

static gboolean
failing_close (gpointer impl, GError **error)
{
  ++*(guint *) impl;
  g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_NO_SPACE, "the quota is used up");
  return FALSE;
}

static gssize
failing_silently (gpointer impl, LeashContext *ctx, void *buffer, gsize count, GError **error)
{
  return -1;
}

static const LeashFileOps failing_ops = {
  .size = sizeof (LeashFileOps),
  .read = failing_silently,
  .close = failing_close,
};

static void
test_failing_close (Fixture *fixture, gconstpointer unused)
{
  guint n_closed = 0;
  g_autoptr (LeashFile) file = leash_file_new (&failing_ops, &n_closed, NULL, "made/up", LEASH_OPEN_WRITE);
  g_autoptr (GError) error = NULL;

  g_assert_false (leash_file_close (file, &error));
  assert_io_error (error, G_IO_ERROR_NO_SPACE, "Closing “made/up”: the quota is used up");
  g_assert_true (leash_file_is_closed (file));
  g_assert_false (leash_file_close (file, NULL));
  g_assert_cmpuint (n_closed, ==, 1);
}

static void
test_no_reason (Fixture *fixture, gconstpointer unused)
{
  guint n_closed = 0;
  g_autoptr (LeashFile) file = leash_file_new (&failing_ops, &n_closed, NULL, "made/up", LEASH_OPEN_READ);
  g_autoptr (GError) error = NULL;
  char buffer[1];

  g_assert_cmpint (leash_file_read (file, fixture->ctx, buffer, 1, &error), ==, -1);
  assert_io_error (error, G_IO_ERROR_FAILED, "Reading “made/up”: it failed without giving a reason");
  g_assert_cmpint (leash_file_read (file, fixture->ctx, buffer, 1, NULL), ==, -1);
}

static void
test_missing_operations (Fixture *fixture, gconstpointer unused)
{
  static const LeashFileOps bare = { .size = sizeof (LeashFileOps), .close = counting_close };
  Counts counts = { 0 };
  g_autoptr (LeashFile) file
      = leash_file_new (&bare, &counts, NULL, "bare", LEASH_OPEN_READ | LEASH_OPEN_WRITE);
  g_autoptr (GError) error = NULL;
  LeashStat stat;
  char buffer[1];

  g_assert_cmpint (leash_file_read (file, fixture->ctx, buffer, 1, &error), ==, -1);
  assert_io_error (error, G_IO_ERROR_NOT_SUPPORTED, "Reading “bare”: its file system cannot do that");
  g_assert_cmpint (leash_file_write (file, fixture->ctx, buffer, 1, &error), ==, -1);
  assert_io_error (error, G_IO_ERROR_NOT_SUPPORTED, "Writing to “bare”: ");
  g_assert_cmpint (leash_file_pread (file, fixture->ctx, buffer, 1, 0, &error), ==, -1);
  assert_io_error (error, G_IO_ERROR_NOT_SUPPORTED, "Reading “bare”: ");
  g_assert_cmpint (leash_file_pwrite (file, fixture->ctx, buffer, 1, 0, &error), ==, -1);
  assert_io_error (error, G_IO_ERROR_NOT_SUPPORTED, "Writing to “bare”: ");
  g_assert_cmpint (leash_file_seek (file, 0, G_SEEK_SET, &error), ==, -1);
  assert_io_error (error, G_IO_ERROR_NOT_SUPPORTED, "Seeking in “bare”: ");
  g_assert_false (leash_file_stat (file, fixture->ctx, &stat, &error));
  assert_io_error (error, G_IO_ERROR_NOT_SUPPORTED, "Looking at “bare”: ");
  g_assert_false (leash_file_truncate (file, fixture->ctx, 0, &error));
  assert_io_error (error, G_IO_ERROR_NOT_SUPPORTED, "Truncating “bare”: ");
  g_assert_false (leash_file_sync (file, fixture->ctx, &error));
  assert_io_error (error, G_IO_ERROR_NOT_SUPPORTED, "Syncing “bare”: ");
  g_assert_cmpint (leash_file_get_fd (file), ==, -1);
}

/* Threads */

static gpointer
close_in_thread (gpointer file)
{
  close_file (file);
  return NULL;
}

static void
test_closed_by_another_thread (Fixture *fixture, gconstpointer unused)
{
  g_autofree char *path = make_file (fixture, "a", "x");
  g_autoptr (LeashFile) file = open_file (fixture, path, LEASH_OPEN_READ);

  g_thread_join (g_thread_new ("closer", close_in_thread, file));
  g_assert_true (leash_file_is_closed (file));
  g_assert_cmpuint (leash_tracker_count_open (fixture->tracker), ==, 0);
}

typedef struct
{
  LeashContext *ctx;
  LeashFile *file;
  gint tid; /* atomic; set when the thread is about to read */
  char byte;
  gssize n;
} Reader;

static gpointer
read_in_thread (gpointer data)
{
  Reader *reader = data;
  g_autoptr (GError) error = NULL;

  __atomic_store_n (&reader->tid, gettid (), __ATOMIC_RELEASE);
  reader->n = leash_file_read (reader->file, reader->ctx, &reader->byte, 1, &error);
  g_assert_no_error (error);
  leash_file_unref (reader->file);
  return NULL;
}

/* Waits until the kernel says that the thread sleeps in the system call; there is nothing else to wait for.
 */
static void
wait_until_blocked (Reader *reader)
{
  g_autofree char *path = NULL;

  while (__atomic_load_n (&reader->tid, __ATOMIC_ACQUIRE) == 0)
    g_usleep (100);
  path = g_strdup_printf ("/proc/self/task/%d/stat", reader->tid);
  for (;;)
    {
      g_autofree char *line = NULL;

      g_assert_true (g_file_get_contents (path, &line, NULL, NULL));
      if (strstr (line, ") S ") != NULL)
        return;
      g_usleep (100);
    }
}

/* A FIFO that is open for both, and a thread that waits for a byte in it. */
static GThread *
start_reader (Fixture *fixture, Reader *reader, int *ret_writer)
{
  g_autofree char *path = path_of (fixture, "fifo");
  GThread *thread;

  g_assert_cmpint (mkfifo (path, 0600), ==, 0);
  *ret_writer = open (path, O_RDWR | O_CLOEXEC);
  g_assert_cmpint (*ret_writer, >=, 0);
  reader->ctx = fixture->ctx;
  reader->file = leash_file_ref (open_file (fixture, path, LEASH_OPEN_READ));
  thread = g_thread_new ("reader", read_in_thread, reader);
  wait_until_blocked (reader);
  return thread;
}

static void
test_close_during_read (Fixture *fixture, gconstpointer unused)
{
  Reader reader = { 0 };
  int writer;
  GThread *thread = start_reader (fixture, &reader, &writer);
  LeashFile *file = reader.file;
  int fd = leash_file_get_fd (file);

  close_file (file);
  /* Off the leash, refused to everybody else, and yet the reader's descriptor is still there. */
  g_assert_cmpuint (leash_tracker_count_open (fixture->tracker), ==, 0);
  g_assert_true (leash_file_is_closed (file));
  g_assert_cmpint (fcntl (fd, F_GETFD), >=, 0);
  g_assert_cmpint (write (writer, "!", 1), ==, 1);
  g_thread_join (thread);
  g_assert_cmpint (reader.n, ==, 1);
  g_assert_cmpint (reader.byte, ==, '!');
  g_assert_cmpint (fcntl (fd, F_GETFD), ==, -1);
  leash_file_unref (file);
  close (writer);
}

static void
ignore_signal (int signal)
{
}

static void
test_signal_during_read (Fixture *fixture, gconstpointer unused)
{
  struct sigaction action = { .sa_handler = ignore_signal };
  Reader reader = { 0 };
  int writer;
  GThread *thread = start_reader (fixture, &reader, &writer);
  LeashFile *file = reader.file;

  g_assert_cmpint (sigaction (SIGUSR1, &action, NULL), ==, 0);
  for (guint i = 0; i < 10; i++)
    {
      g_assert_cmpint (tgkill (getpid (), reader.tid, SIGUSR1), ==, 0);
      wait_until_blocked (&reader);
    }
  g_assert_cmpint (write (writer, "!", 1), ==, 1);
  g_thread_join (thread);
  g_assert_cmpint (reader.n, ==, 1);
  close_file (file);
  leash_file_unref (file);
  close (writer);
}

#define N_ROUNDS 20000

/* What a reading thread and a closing one do at the same moment, again and again. */
typedef struct
{
  LeashFile *file;
  gint n_begun;    /* atomic; rounds that the closer began */
  gint n_finished; /* atomic; rounds that the reader finished */
} Race;

static void
wait_for (gint *number, gint value)
{
  while (__atomic_load_n (number, __ATOMIC_ACQUIRE) < value)
    ;
}

static gpointer
race_reading (gpointer data)
{
  Race *race = data;
  char buffer[1];

  for (gint round = 1; round <= N_ROUNDS; round++)
    {
      guint n_refused = 0;

      wait_for (&race->n_begun, round);
      /* Refused reads count as users for an instant: the closer must find out that it is alone even so. */
      while (n_refused < 50)
        n_refused += leash_file_read (race->file, leash_context_background (), buffer, 1, NULL) < 0;
      __atomic_store_n (&race->n_finished, round, __ATOMIC_RELEASE);
    }
  return NULL;
}

static void
test_close_race (Fixture *fixture, gconstpointer unused)
{
  Race race = { 0 };
  GThread *thread = g_thread_new ("reader", race_reading, &race);

  for (gint round = 1; round <= N_ROUNDS; round++)
    {
      Counts counts = { 0 };

      race.file = leash_file_new (&counting_ops, &counts, counting_destroy, "raced", LEASH_OPEN_READ);
      __atomic_store_n (&race.n_begun, round, __ATOMIC_RELEASE);
      for (volatile gint i = 0; i < round % 200; i++)
        ;
      close_file (race.file);
      wait_for (&race.n_finished, round);
      g_assert_cmpint (counts.n_closed, ==, 1);
      g_assert_cmpint (counts.n_destroyed, ==, 1);
      g_assert_cmpint (counts.n_late, ==, 0);
      leash_file_unref (race.file);
    }
  g_thread_join (thread);
}

static gpointer
close_quietly (gpointer file)
{
  return GINT_TO_POINTER (leash_file_close (file, NULL));
}

static void
test_two_closers (Fixture *fixture, gconstpointer unused)
{
  for (guint round = 0; round < 500; round++)
    {
      Counts counts = { 0 };
      LeashFile *file = leash_file_new (&counting_ops, &counts, counting_destroy, "raced", LEASH_OPEN_READ);
      GThread *thread = g_thread_new ("closer", close_quietly, file);
      gboolean here = leash_file_close (file, NULL);
      gboolean there = GPOINTER_TO_INT (g_thread_join (thread));

      g_assert_true (here != there);
      g_assert_cmpint (counts.n_closed, ==, 1);
      leash_file_unref (file);
    }
}

/* Misuse */

static void
test_null_arguments (Fixture *fixture, gconstpointer unused)
{
  g_autofree char *path = make_file (fixture, "a", "x");
  g_autoptr (LeashFile) file = open_file (fixture, path, LEASH_OPEN_READ);
  LeashStat stat;
  char buffer[1];

  expect_critical ("leash_file_read", "file != NULL");
  g_assert_cmpint (leash_file_read (NULL, fixture->ctx, buffer, 1, NULL), ==, -1);
  expect_critical ("leash_file_read", "ctx != NULL");
  g_assert_cmpint (leash_file_read (file, NULL, buffer, 1, NULL), ==, -1);
  expect_critical ("leash_file_read", "buffer != NULL");
  g_assert_cmpint (leash_file_read (file, fixture->ctx, NULL, 1, NULL), ==, -1);
  expect_critical ("leash_file_write", "buffer != NULL");
  g_assert_cmpint (leash_file_write (file, fixture->ctx, NULL, 1, NULL), ==, -1);
  expect_critical ("leash_file_pread", "ctx != NULL");
  g_assert_cmpint (leash_file_pread (file, NULL, buffer, 1, 0, NULL), ==, -1);
  expect_critical ("leash_file_pwrite", "file != NULL");
  g_assert_cmpint (leash_file_pwrite (NULL, fixture->ctx, buffer, 1, 0, NULL), ==, -1);
  expect_critical ("leash_file_seek", "file != NULL");
  g_assert_cmpint (leash_file_seek (NULL, 0, G_SEEK_SET, NULL), ==, -1);
  expect_critical ("leash_file_stat", "ret_stat != NULL");
  g_assert_false (leash_file_stat (file, fixture->ctx, NULL, NULL));
  expect_critical ("leash_file_stat", "ctx != NULL");
  g_assert_false (leash_file_stat (file, NULL, &stat, NULL));
  expect_critical ("leash_file_truncate", "file != NULL");
  g_assert_false (leash_file_truncate (NULL, fixture->ctx, 0, NULL));
  expect_critical ("leash_file_sync", "ctx != NULL");
  g_assert_false (leash_file_sync (file, NULL, NULL));
  expect_critical ("leash_file_close", "file != NULL");
  g_assert_false (leash_file_close (NULL, NULL));
  expect_critical ("leash_file_get_path", "file != NULL");
  g_assert_null (leash_file_get_path (NULL));
  expect_critical ("leash_file_get_tag", "file != NULL");
  g_assert_null (leash_file_get_tag (NULL));
  expect_critical ("leash_file_get_fd", "file != NULL");
  g_assert_cmpint (leash_file_get_fd (NULL), ==, -1);
  expect_critical ("leash_file_is_closed", "file != NULL");
  g_assert_true (leash_file_is_closed (NULL));
  expect_critical ("leash_file_ref", "file != NULL");
  g_assert_null (leash_file_ref (NULL));
  assert_expected ();
  close_file (file);
}

static void
test_bad_operations (Fixture *fixture, gconstpointer unused)
{
  static const LeashFileOps no_close = { .size = sizeof (LeashFileOps) };
  static const LeashFileOps no_size = { .close = counting_close };

  expect_critical ("leash_file_new", "ops != NULL");
  g_assert_null (leash_file_new (NULL, NULL, NULL, "a", LEASH_OPEN_READ));
  expect_critical ("leash_file_new", "ops->close != NULL");
  g_assert_null (leash_file_new (&no_close, NULL, NULL, "a", LEASH_OPEN_READ));
  expect_critical ("leash_file_new", "ops->size");
  g_assert_null (leash_file_new (&no_size, NULL, NULL, "a", LEASH_OPEN_READ));
  expect_critical ("leash_file_new", "path != NULL");
  g_assert_null (leash_file_new (&counting_ops, NULL, NULL, NULL, LEASH_OPEN_READ));
  assert_expected ();
}

static void
test_boxed (Fixture *fixture, gconstpointer unused)
{
  g_auto (GValue) value = G_VALUE_INIT;
  g_autofree char *path = make_file (fixture, "a", "x");
  g_autoptr (LeashFile) file = open_file (fixture, path, LEASH_OPEN_READ);

  g_value_init (&value, LEASH_TYPE_FILE);
  g_value_set_boxed (&value, file);
  g_assert_true (g_value_get_boxed (&value) == file);
  close_file (file);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("/fs/file/reads-what-was-written", test_write_then_read);
  ADD ("/fs/file/history-has-its-operations", test_history);
  ADD ("/fs/file/append-goes-to-the-end", test_append);
  ADD ("/fs/file/pread-and-pwrite-leave-the-position", test_positioned);
  ADD ("/fs/file/seek-from-start-position-and-end", test_seek);
  ADD ("/fs/file/fifo-has-no-positions-and-no-sync", test_no_positions);
  ADD ("/fs/file/stat-agrees-with-the-kernel", test_stat);
  ADD ("/fs/file/truncate-shortens-and-lengthens", test_truncate);
  ADD ("/fs/file/descriptor-is-the-files-and-closes-on-exec", test_fd);
  ADD ("/fs/file/write-to-full-device-says-so", test_full_device);
  ADD ("/fs/file/reading-what-is-open-for-writing-is-refused", test_wrong_mode);
  ADD ("/fs/file/impossible-counts-and-offsets-are-refused", test_bad_counts);
  ADD ("/fs/file/count-of-zero-succeeds", test_zero_count);
  ADD ("/fs/file/cancelled-context-stops-every-operation", test_done_context);
  ADD ("/fs/file/use-after-close-is-refused-and-counted", test_use_after_close);
  ADD ("/fs/file/use-after-close-is-reported-with-its-stacks", test_misuse_report);
  ADD ("/fs/file/last-unref-closes", test_last_unref);
  ADD ("/fs/file/last-unref-takes-it-off-the-leash", test_unref_untracks);
  ADD ("/fs/file/failing-close-says-why-and-closes", test_failing_close);
  ADD ("/fs/file/failure-without-a-reason-is-an-error-still", test_no_reason);
  ADD ("/fs/file/missing-operation-is-not-supported", test_missing_operations);
  ADD ("/fs/file/may-be-closed-by-another-thread", test_closed_by_another_thread);
  ADD ("/fs/file/close-lets-a-blocked-reader-finish", test_close_during_read);
  ADD ("/fs/file/signal-does-not-end-a-read", test_signal_during_read);
  ADD ("/fs/file/close-among-readers-closes-once", test_close_race);
  ADD ("/fs/file/two-closers-close-once", test_two_closers);
  ADD ("/fs/file/null-argument-is-named", test_null_arguments);
  ADD ("/fs/file/bad-operations-are-named", test_bad_operations);
  ADD ("/fs/file/is-a-boxed-type", test_boxed);
  return g_test_run ();
}
