/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * LeashFs: what holds for every file system, shown on a tiny one that is implemented here as a user would,
 * with no line of code for tracking, checks or messages.
 */
#include "fs-fixture.h"

/* The user's own file system: one file, "greeting", and what it was last asked. */

typedef struct
{
  GObject parent_instance;

  LeashOpenFlags flags; /* of the last open */
  guint n_calls;
  LeashFs *below; /* opens for this one */
} TinyFs;

typedef GObjectClass TinyFsClass;

static void tiny_fs_init_iface (LeashFsInterface *iface);
static GType tiny_fs_get_type (void);

G_DEFINE_FINAL_TYPE_WITH_CODE (TinyFs, tiny_fs, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (LEASH_TYPE_FS, tiny_fs_init_iface))

static void
tiny_fs_class_init (TinyFsClass *klass)
{
}

static void
tiny_fs_init (TinyFs *self)
{
}

static gssize
tiny_read (gpointer impl, LeashContext *ctx, void *buffer, gsize count, GError **error)
{
  memcpy (buffer, "hello", MIN (count, 5));
  return (gssize) MIN (count, 5);
}

static gboolean
tiny_close (gpointer impl, GError **error)
{
  return TRUE;
}

static gboolean
tiny_next (gpointer impl, LeashContext *ctx, LeashDirEntry *ret_entry, GError **error)
{
  return FALSE;
}

static const LeashFileOps tiny_file_ops = {
  .size = sizeof (LeashFileOps),
  .read = tiny_read,
  .close = tiny_close,
};

static const LeashDirOps tiny_dir_ops = {
  .size = sizeof (LeashDirOps),
  .next = tiny_next,
  .close = tiny_close,
};

static LeashFile *
tiny_fs_open (LeashFs *fs, LeashContext *ctx, const char *path, LeashOpenFlags flags, guint mode,
              GError **error)
{
  TinyFs *self = (TinyFs *) fs;

  self->n_calls++;
  self->flags = flags;
  if (self->below != NULL)
    return leash_fs_open (self->below, ctx, path, flags, mode, error);
  if (strcmp (path, "silent") == 0)
    return NULL;
  if (strcmp (path, "greeting") == 0)
    return leash_file_new (&tiny_file_ops, NULL, NULL, path, flags);
  g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND, "there is only “greeting”");
  return NULL;
}

static LeashDir *
tiny_fs_open_dir (LeashFs *fs, LeashContext *ctx, const char *path, GError **error)
{
  return leash_dir_new (&tiny_dir_ops, NULL, NULL, path);
}

static gboolean
tiny_fs_stat (LeashFs *fs, LeashContext *ctx, const char *path, LeashStat *ret_stat, GError **error)
{
  ret_stat->size = 5;
  return strcmp (path, "greeting") == 0;
}

static void
tiny_fs_init_iface (LeashFsInterface *iface)
{
  iface->version = LEASH_FS_INTERFACE_VERSION;
  iface->open = tiny_fs_open;
  iface->open_dir = tiny_fs_open_dir;
  iface->stat = tiny_fs_stat;
}

/* One that forgot to set its version. */

typedef TinyFs OldFs;
typedef GObjectClass OldFsClass;

static void old_fs_init_iface (LeashFsInterface *iface);
static GType old_fs_get_type (void);

G_DEFINE_FINAL_TYPE_WITH_CODE (OldFs, old_fs, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (LEASH_TYPE_FS, old_fs_init_iface))

static void
old_fs_class_init (OldFsClass *klass)
{
}

static void
old_fs_init (OldFs *self)
{
}

static void
old_fs_init_iface (LeashFsInterface *iface)
{
  iface->open = tiny_fs_open;
}

/* Tracking */

static void
test_own_fs_is_tracked (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (LeashFs) fs = g_object_new (tiny_fs_get_type (), NULL);
  g_autoptr (LeashFile) file = NULL;
  g_autoptr (LeashDir) dir = NULL;
  g_autoptr (GError) error = NULL;
  char buffer[5];

  file = leash_fs_open (fs, fixture->ctx, "greeting", LEASH_OPEN_READ, 0, &error);
  g_assert_no_error (error);
  dir = leash_fs_open_dir (fs, fixture->ctx, "anything", &error);
  g_assert_no_error (error);
  if (leash_has_tracking ())
    {
      g_assert_nonnull (leash_file_get_tag (file));
      g_assert_cmpuint (leash_tracker_count_open (fixture->tracker), ==, 2);
    }
  g_assert_cmpint (leash_file_read (file, fixture->ctx, buffer, sizeof buffer, &error), ==, 5);
  g_assert_cmpmem (buffer, 5, "hello", 5);
  g_assert_true (leash_file_close (file, &error));
  g_assert_true (leash_dir_close (dir, &error));
  g_assert_cmpuint (leash_tracker_count_open (fixture->tracker), ==, 0);
}

static __attribute__ ((noinline)) LeashFile *
opened_in_this_function (LeashContext *ctx, const char *path)
{
  LeashFile *file = leash_open (ctx, path, LEASH_OPEN_READ, 0, NULL);

  g_assert_nonnull (file);
  return file;
}

static void
test_leak_is_reported (Fixture *fixture, gconstpointer unused)
{
  g_autofree char *path = make_file (fixture, "leaked.ini", "");
  g_autoptr (LeashFile) file = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *report = NULL;

  if (!leash_has_tracking ())
    {
      g_test_skip ("built without tracking");
      return;
    }
  file = opened_in_this_function (fixture->ctx, path);
  g_assert_false (leash_tracker_check (fixture->tracker, &error));
  g_assert_error (error, LEASH_ERROR, LEASH_ERROR_STILL_OPEN);
  report = leash_tracker_report (fixture->tracker, LEASH_FORMAT_TEXT);
  g_assert_nonnull (strstr (report, "leaked.ini"));
  g_assert_nonnull (strstr (report, "opened_in_this_function"));
  g_assert_null (strstr (report, "leash_open"));
  g_clear_error (&error);
  g_assert_true (leash_file_close (file, &error));
  /* The negative control: the same tracker, and nothing left. */
  g_assert_true (leash_tracker_check (fixture->tracker, &error));
  g_assert_no_error (error);
}

static void
test_untracked_context (Fixture *fixture, gconstpointer unused)
{
  g_autofree char *path = make_file (fixture, "a", "");
  g_autoptr (LeashFile) file = opened_in_this_function (leash_context_background (), path);
  g_autoptr (GError) error = NULL;

  g_assert_null (leash_file_get_tag (file));
  g_assert_true (leash_file_close (file, &error));
  g_assert_false (leash_file_close (file, &error));
  assert_io_error (error, G_IO_ERROR_CLOSED, "the file is closed");
}

static void
test_failed_open_is_not_tracked (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (LeashFs) fs = g_object_new (tiny_fs_get_type (), NULL);

  g_assert_null (leash_fs_open (fs, fixture->ctx, "other", LEASH_OPEN_READ, 0, NULL));
  g_assert_cmpuint (leash_tracker_count_open (fixture->tracker), ==, 0);
}

/* A file system on top of another returns what that one opened: one file, one tag. */
static void
test_layers_make_one_tag (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (LeashFs) below = g_object_new (tiny_fs_get_type (), NULL);
  g_autoptr (LeashFs) fs = g_object_new (tiny_fs_get_type (), NULL);
  g_autoptr (LeashFile) file = NULL;

  ((TinyFs *) fs)->below = below;
  file = leash_fs_open (fs, fixture->ctx, "greeting", LEASH_OPEN_READ, 0, NULL);
  g_assert_nonnull (file);
  if (leash_has_tracking ())
    g_assert_cmpuint (leash_tracker_count_open (fixture->tracker), ==, 1);
  g_assert_true (leash_file_close (file, NULL));
}

/* In a context */

static void
test_carried_by_context (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (LeashFs) fs = g_object_new (tiny_fs_get_type (), NULL);
  g_autoptr (LeashContext) ctx = leash_context_with_fs (fixture->ctx, fs);
  g_autoptr (LeashContext) child = leash_context_with_cancel (ctx);
  g_autoptr (LeashFile) file = NULL;
  g_autoptr (LeashDir) dir = NULL;
  g_autoptr (GError) error = NULL;
  LeashStat stat;

  g_assert_true (leash_context_get_fs (ctx) == fs);
  g_assert_true (leash_context_get_fs (child) == fs);
  file = leash_open (child, "greeting", LEASH_OPEN_READ, 0, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (((TinyFs *) fs)->n_calls, ==, 1);
  dir = leash_open_dir (child, "anything", &error);
  g_assert_no_error (error);
  g_assert_true (leash_stat (child, "greeting", &stat, &error));
  g_assert_cmpuint (stat.size, ==, 5);
  g_assert_true (leash_file_close (file, &error));
  g_assert_true (leash_dir_close (dir, &error));
  leash_context_cancel (child, NULL);
}

static void
test_default_is_the_hosts (Fixture *fixture, gconstpointer unused)
{
  LeashFs *fs = leash_context_get_fs (leash_context_background ());

  g_assert_true (LEASH_IS_FS (fs));
  g_assert_true (leash_context_get_fs (fixture->ctx) == fs);
  g_assert_cmpstr (G_OBJECT_TYPE_NAME (fs), ==, "LeashHostFs");
}

static void
test_done_context (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (LeashFs) fs = g_object_new (tiny_fs_get_type (), NULL);
  g_autoptr (GError) error = NULL;
  LeashStat stat;

  g_assert_null (leash_fs_open (fs, fixture->done, "greeting", LEASH_OPEN_READ, 0, &error));
  assert_io_error (error, G_IO_ERROR_CANCELLED, "Opening “greeting”: ");
  g_assert_cmpuint (((TinyFs *) fs)->n_calls, ==, 0);
  g_assert_false (leash_fs_stat (fs, fixture->done, "greeting", &stat, &error));
  assert_io_error (error, G_IO_ERROR_CANCELLED, "Looking up “greeting”: ");
  g_assert_false (leash_lstat (fixture->done, "a", &stat, &error));
  assert_io_error (error, G_IO_ERROR_CANCELLED, "Looking up “a”: ");
  g_assert_false (leash_mkdir (fixture->done, "a", 0, &error));
  assert_io_error (error, G_IO_ERROR_CANCELLED, "Making the directory “a”: ");
  g_assert_false (leash_remove (fixture->done, "a", &error));
  assert_io_error (error, G_IO_ERROR_CANCELLED, "Removing “a”: ");
  g_assert_false (leash_rename (fixture->done, "a", "b", &error));
  assert_io_error (error, G_IO_ERROR_CANCELLED, "Renaming “a” to “b”: ");
}

/* Checks */

static void
test_flags (Fixture *fixture, gconstpointer unused)
{
  static const struct
  {
    guint flags;
    const char *reason;
  } faults[] = {
    { 0, "neither reading nor writing nor appending" },
    { LEASH_OPEN_CREATE, "neither reading nor writing nor appending" },
    { LEASH_OPEN_READ | LEASH_OPEN_EXCLUSIVE, "LEASH_OPEN_EXCLUSIVE needs LEASH_OPEN_CREATE" },
    { LEASH_OPEN_READ | LEASH_OPEN_TRUNCATE, "LEASH_OPEN_TRUNCATE needs LEASH_OPEN_WRITE" },
    { LEASH_OPEN_READ | 1 << 6, "bits that are not known" },
    { LEASH_OPEN_READ | 1u << 31, "bits that are not known" },
  };
  g_autoptr (LeashFs) fs = g_object_new (tiny_fs_get_type (), NULL);
  g_autoptr (GError) error = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (faults); i++)
    {
      g_assert_null (
          leash_fs_open (fs, fixture->ctx, "greeting", (LeashOpenFlags) faults[i].flags, 0, &error));
      assert_io_error (error, G_IO_ERROR_INVALID_ARGUMENT, "Opening “greeting”: ", faults[i].reason);
    }
  g_assert_cmpuint (((TinyFs *) fs)->n_calls, ==, 0);
}

static void
test_append_is_writing (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (LeashFs) fs = g_object_new (tiny_fs_get_type (), NULL);
  g_autoptr (LeashFile) file = NULL;

  file = leash_fs_open (fs, fixture->ctx, "greeting", LEASH_OPEN_APPEND | LEASH_OPEN_TRUNCATE, 0, NULL);
  g_assert_nonnull (file);
  g_assert_cmpint (((TinyFs *) fs)->flags, ==, LEASH_OPEN_APPEND | LEASH_OPEN_TRUNCATE | LEASH_OPEN_WRITE);
}

static void
test_mode (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *path = path_of (fixture, "a");

  g_assert_null (leash_open (fixture->ctx, path, LEASH_OPEN_WRITE | LEASH_OPEN_CREATE, 010000, &error));
  assert_io_error (error, G_IO_ERROR_INVALID_ARGUMENT, "Opening “", "the mode 010000 has bits beyond 07777");
  g_assert_false (leash_mkdir (fixture->ctx, path, 0100755, &error));
  assert_io_error (error, G_IO_ERROR_INVALID_ARGUMENT, "the mode 0100755 has bits beyond 07777");
  g_assert_cmpint (access (path, F_OK), ==, -1);
}

static void
test_paths (Fixture *fixture, gconstpointer unused)
{
  g_autofree char *longest = g_strnfill (PATH_MAX - 1, 'x');
  g_autofree char *too_long = g_strnfill (PATH_MAX, 'x');
  g_autoptr (LeashFs) fs = g_object_new (tiny_fs_get_type (), NULL);
  g_autoptr (GError) error = NULL;
  LeashStat stat;

  g_assert_null (leash_fs_open (fs, fixture->ctx, "", LEASH_OPEN_READ, 0, &error));
  assert_io_error (error, G_IO_ERROR_NOT_FOUND, "Opening “”: the path is empty");
  g_assert_null (leash_fs_open (fs, fixture->ctx, too_long, LEASH_OPEN_READ, 0, &error));
  g_assert_cmpuint (strlen (error->message), <, 200);
  assert_io_error (error, G_IO_ERROR_FILENAME_TOO_LONG, "Opening “xxxx", "x…”: the path is 4096 bytes long",
                   "4095 at most");
  g_assert_cmpuint (((TinyFs *) fs)->n_calls, ==, 0);
  g_assert_null (leash_fs_open (fs, fixture->ctx, longest, LEASH_OPEN_READ, 0, &error));
  assert_io_error (error, G_IO_ERROR_NOT_FOUND, "there is only “greeting”");
  g_assert_cmpuint (((TinyFs *) fs)->n_calls, ==, 1);
  g_assert_false (leash_stat (fixture->ctx, "", &stat, &error));
  assert_io_error (error, G_IO_ERROR_NOT_FOUND, "Looking up “”: the path is empty");
  g_assert_false (leash_rename (fixture->ctx, "a", "", &error));
  assert_io_error (error, G_IO_ERROR_NOT_FOUND, "Renaming “a” to “”: the path is empty");
  g_assert_false (leash_remove (fixture->ctx, too_long, &error));
  assert_io_error (error, G_IO_ERROR_FILENAME_TOO_LONG, "Removing “xxx");
}

static void
test_errors_are_worded_for_the_implementation (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (LeashFs) fs = g_object_new (tiny_fs_get_type (), NULL);
  g_autoptr (GError) error = NULL;
  LeashStat stat = { .size = 77 };

  g_assert_null (leash_fs_open (fs, fixture->ctx, "other", LEASH_OPEN_READ, 0, &error));
  g_assert_cmpstr (error->message, ==, "Opening “other”: there is only “greeting”");
  g_clear_error (&error);
  g_assert_null (leash_fs_open (fs, fixture->ctx, "silent", LEASH_OPEN_READ, 0, &error));
  assert_io_error (error, G_IO_ERROR_FAILED, "Opening “silent”: it failed without giving a reason");
  g_assert_false (leash_fs_stat (fs, fixture->ctx, "other", &stat, &error));
  assert_io_error (error, G_IO_ERROR_FAILED, "Looking up “other”: ");
  g_assert_cmpuint (stat.size, ==, 77);
  g_assert_null (leash_fs_open (fs, fixture->ctx, "\xff/name", LEASH_OPEN_READ, 0, &error));
  g_assert_true (g_utf8_validate (error->message, -1, NULL));
}

static void
test_missing_operations (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (LeashFs) fs = g_object_new (tiny_fs_get_type (), NULL);
  g_autoptr (LeashFs) old = g_object_new (old_fs_get_type (), NULL);
  g_autoptr (GError) error = NULL;
  LeashStat stat;

  g_assert_false (leash_fs_lstat (fs, fixture->ctx, "a", &stat, &error));
  assert_io_error (error, G_IO_ERROR_NOT_SUPPORTED, "Looking up “a”: ", "TinyFs has no operation “lstat”");
  g_assert_false (leash_fs_mkdir (fs, fixture->ctx, "a", 0755, &error));
  assert_io_error (error, G_IO_ERROR_NOT_SUPPORTED, "Making the directory “a”: ", "TinyFs", "“mkdir”");
  g_assert_false (leash_fs_remove (fs, fixture->ctx, "a", &error));
  assert_io_error (error, G_IO_ERROR_NOT_SUPPORTED, "Removing “a”: ", "TinyFs", "“remove”");
  g_assert_false (leash_fs_rename (fs, fixture->ctx, "a", "b", &error));
  assert_io_error (error, G_IO_ERROR_NOT_SUPPORTED, "Renaming “a” to “b”: ", "TinyFs", "“rename”");
  g_assert_false (leash_fs_stat (old, fixture->ctx, "a", &stat, &error));
  assert_io_error (error, G_IO_ERROR_NOT_SUPPORTED, "OldFs has no operation “stat”");
  g_assert_null (leash_fs_open_dir (old, fixture->ctx, "a", &error));
  assert_io_error (error, G_IO_ERROR_NOT_SUPPORTED, "OldFs has no operation “open_dir”");
  /* It has an open, but says that it was compiled before there was one. */
  g_assert_null (leash_fs_open (old, fixture->ctx, "greeting", LEASH_OPEN_READ, 0, &error));
  assert_io_error (error, G_IO_ERROR_NOT_SUPPORTED, "OldFs has no operation “open”");
  g_assert_cmpuint (((TinyFs *) old)->n_calls, ==, 0);
}

/* Misuse */

static void
test_null_on_a_file_system (Fixture *fixture, gconstpointer unused)
{
  LeashFs *fs = leash_context_get_fs (fixture->ctx);
  LeashStat stat;

  expect_critical ("leash_fs_open", "LEASH_IS_FS (fs)");
  g_assert_null (leash_fs_open (NULL, fixture->ctx, "a", LEASH_OPEN_READ, 0, NULL));
  expect_critical ("leash_fs_open", "ctx != NULL");
  g_assert_null (leash_fs_open (fs, NULL, "a", LEASH_OPEN_READ, 0, NULL));
  expect_critical ("leash_fs_open", "path != NULL");
  g_assert_null (leash_fs_open (fs, fixture->ctx, NULL, LEASH_OPEN_READ, 0, NULL));
  expect_critical ("leash_fs_open_dir", "LEASH_IS_FS (fs)");
  g_assert_null (leash_fs_open_dir (NULL, fixture->ctx, "a", NULL));
  expect_critical ("leash_fs_stat", "ret_stat != NULL");
  g_assert_false (leash_fs_stat (fs, fixture->ctx, "a", NULL, NULL));
  expect_critical ("leash_fs_lstat", "path != NULL");
  g_assert_false (leash_fs_lstat (fs, fixture->ctx, NULL, &stat, NULL));
  expect_critical ("leash_fs_mkdir", "ctx != NULL");
  g_assert_false (leash_fs_mkdir (fs, NULL, "a", 0, NULL));
  expect_critical ("leash_fs_remove", "path != NULL");
  g_assert_false (leash_fs_remove (fs, fixture->ctx, NULL, NULL));
  expect_critical ("leash_fs_rename", "new_path != NULL");
  g_assert_false (leash_fs_rename (fs, fixture->ctx, "a", NULL, NULL));
  assert_expected ();
}

static void
test_null_in_a_context (Fixture *fixture, gconstpointer unused)
{
  LeashStat stat;

  expect_critical ("leash_open", "ctx != NULL");
  g_assert_null (leash_open (NULL, "a", LEASH_OPEN_READ, 0, NULL));
  expect_critical ("leash_open", "path != NULL");
  g_assert_null (leash_open (fixture->ctx, NULL, LEASH_OPEN_READ, 0, NULL));
  expect_critical ("leash_open_dir", "ctx != NULL");
  g_assert_null (leash_open_dir (NULL, "a", NULL));
  expect_critical ("leash_stat", "ctx != NULL");
  g_assert_false (leash_stat (NULL, "a", &stat, NULL));
  expect_critical ("leash_lstat", "ret_stat != NULL");
  g_assert_false (leash_lstat (fixture->ctx, "a", NULL, NULL));
  expect_critical ("leash_mkdir", "path != NULL");
  g_assert_false (leash_mkdir (fixture->ctx, NULL, 0, NULL));
  expect_critical ("leash_remove", "ctx != NULL");
  g_assert_false (leash_remove (NULL, "a", NULL));
  expect_critical ("leash_rename", "old_path != NULL");
  g_assert_false (leash_rename (fixture->ctx, NULL, "b", NULL));
  expect_critical ("leash_context_with_fs", "parent != NULL");
  g_assert_null (leash_context_with_fs (NULL, leash_context_get_fs (fixture->ctx)));
  expect_critical ("leash_context_with_fs", "LEASH_IS_FS (fs)");
  g_assert_null (leash_context_with_fs (fixture->ctx, NULL));
  expect_critical ("leash_context_get_fs", "ctx != NULL");
  g_assert_null (leash_context_get_fs (NULL));
  assert_expected ();
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("/fs/interface/own-file-system-is-tracked-for-nothing", test_own_fs_is_tracked);
  ADD ("/fs/interface/leak-is-reported-with-path-and-place", test_leak_is_reported);
  ADD ("/fs/interface/context-without-tracker-works", test_untracked_context);
  ADD ("/fs/interface/failed-open-is-not-tracked", test_failed_open_is_not_tracked);
  ADD ("/fs/interface/layers-make-one-tag", test_layers_make_one_tag);
  ADD ("/fs/interface/context-carries-it-to-its-children", test_carried_by_context);
  ADD ("/fs/interface/default-is-the-hosts", test_default_is_the_hosts);
  ADD ("/fs/interface/cancelled-context-reaches-no-implementation", test_done_context);
  ADD ("/fs/interface/senseless-flags-are-refused", test_flags);
  ADD ("/fs/interface/appending-is-writing", test_append_is_writing);
  ADD ("/fs/interface/mode-beyond-permissions-is-refused", test_mode);
  ADD ("/fs/interface/empty-and-endless-paths-are-refused", test_paths);
  ADD ("/fs/interface/errors-say-operation-path-and-reason", test_errors_are_worded_for_the_implementation);
  ADD ("/fs/interface/missing-operation-names-the-type", test_missing_operations);
  ADD ("/fs/interface/null-argument-is-named", test_null_on_a_file_system);
  ADD ("/fs/interface/null-argument-is-named-in-a-context", test_null_in_a_context);
  return g_test_run ();
}
