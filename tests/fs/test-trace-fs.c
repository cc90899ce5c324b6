/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The trace file system: what is written of each call, and where to. */
#include "fs-fixture.h"

#define TEXT LEASH_TRACE_NO_TIMES
#define JSON (LEASH_TRACE_JSON | LEASH_TRACE_NO_TIMES)

static LeashFs *
make_dir_fs (Fixture *fixture)
{
  g_autoptr (GError) error = NULL;
  LeashFs *dir = leash_dir_fs_new (fixture->dir, &error);

  g_assert_no_error (error);
  return dir;
}

static LeashFs *
make_fs (Fixture *fixture, guint flags)
{
  g_autoptr (LeashFs) dir = make_dir_fs (fixture);

  return leash_trace_fs_new (dir, flags);
}

static void
assert_log (LeashFs *fs, const char *expected)
{
  g_autofree char *log = leash_trace_fs_get_log (fs);

  g_assert_cmpstr (log, ==, expected);
}

/* Every operation on paths. */
static void
call_all (LeashFs *fs, LeashContext *ctx)
{
  LeashStat found;
  LeashStatFs found_fs;

  g_assert_true (leash_fs_mkdir (fs, ctx, "d", 0755, NULL));
  g_assert_true (leash_fs_symlink (fs, ctx, "d", "l", NULL));
  g_free (leash_fs_readlink (fs, ctx, "l", NULL));
  g_assert_true (leash_fs_lstat (fs, ctx, "l", &found, NULL));
  g_assert_false (leash_fs_stat (fs, ctx, "none", &found, NULL));
  g_assert_true (leash_fs_link (fs, ctx, "l", "m", NULL));
  g_assert_true (leash_fs_rename (fs, ctx, "m", "n", NULL));
  g_assert_true (leash_fs_rename_full (fs, ctx, "n", "m", LEASH_RENAME_NO_REPLACE, NULL));
  g_assert_true (leash_fs_chmod (fs, ctx, "d", 0700, NULL));
  g_assert_true (leash_fs_chown (fs, ctx, "l", -1, -1, LEASH_PATH_NO_FOLLOW, NULL));
  g_assert_true (leash_fs_set_times (fs, ctx, "d", LEASH_TIME_NOW, 5, 0, NULL));
  g_assert_false (leash_fs_truncate (fs, ctx, "d", 7, NULL));
  g_assert_true (leash_fs_statfs (fs, ctx, "d", &found_fs, NULL));
  g_assert_true (leash_fs_remove (fs, ctx, "m", NULL));
}

static void
test_paths_as_text (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (LeashFs) fs = make_fs (fixture, TEXT);

  call_all (fs, fixture->ctx);
  assert_log (fs, "mkdir (\"d\", 0755) = ok\n"
                  "symlink (\"l\", \"d\") = ok\n"
                  "readlink (\"l\") = \"d\"\n"
                  "lstat (\"l\") = symlink, 0777, 1\n"
                  "stat (\"none\") = not-found: No such file or directory\n"
                  "link (\"l\", \"m\") = ok\n"
                  "rename (\"m\", \"n\") = ok\n"
                  "rename (\"n\", \"m\", NO_REPLACE) = ok\n"
                  "chmod (\"d\", 0700) = ok\n"
                  "chown (\"l\", -1, -1, NO_FOLLOW) = ok\n"
                  "set_times (\"d\", NOW, 5) = ok\n"
                  "truncate (\"d\", 7) = is-directory: Is a directory\n"
                  "statfs (\"d\") = ok\n"
                  "remove (\"m\") = ok\n");
}

static void
use_file (LeashFs *fs, LeashContext *ctx)
{
  const guint flags = LEASH_OPEN_READ | LEASH_OPEN_WRITE | LEASH_OPEN_CREATE;
  g_autoptr (LeashFile) file = leash_fs_open (fs, ctx, "a", flags, 0644, NULL);
  g_autoptr (LeashDir) dir = leash_fs_open_dir (fs, ctx, ".", NULL);
  const LeashDirEntry *entry;
  char buffer[16];
  LeashStat found;

  g_assert_cmpint (leash_file_write (file, ctx, "hello", 5, NULL), ==, 5);
  g_assert_cmpint (leash_file_pread (file, ctx, buffer, sizeof buffer, 1, NULL), ==, 4);
  g_assert_cmpint (leash_file_seek (file, -3, G_SEEK_END, NULL), ==, 2);
  g_assert_cmpint (leash_file_read (file, ctx, buffer, sizeof buffer, NULL), ==, 3);
  g_assert_true (leash_file_truncate (file, ctx, 1, NULL));
  g_assert_true (leash_file_stat (file, ctx, &found, NULL));
  g_assert_cmpint (leash_file_get_fd (file), ==, -1);
  g_assert_true (leash_file_close (file, NULL));
  g_assert_true (leash_dir_next (dir, ctx, &entry, NULL));
  g_assert_false (leash_dir_next (dir, ctx, &entry, NULL));
}

static void
test_open_files (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (LeashFs) fs = make_fs (fixture, TEXT);

  use_file (fs, fixture->ctx);
  assert_log (fs, "open (\"a\", READ|WRITE|CREATE, 0644) = ok\n"
                  "open_dir (\".\") = ok\n"
                  "write (\"a\", 5) = 5\n"
                  "pread (\"a\", 16, 1) = 4\n"
                  "seek (\"a\", -3, END) = 2\n"
                  "read (\"a\", 16) = 3\n"
                  "file_truncate (\"a\", 1) = ok\n"
                  "file_stat (\"a\") = regular, 0644, 1\n"
                  "close (\"a\") = ok\n"
                  "next (\".\") = \"a\"\n"
                  "next (\".\") = end\n"
                  "close_dir (\".\") = ok\n");
  leash_trace_fs_clear_log (fs);
  assert_log (fs, "");
}

static void
test_json (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (LeashFs) fs = make_fs (fixture, JSON);
  g_autoptr (GError) error = NULL;
  g_autoptr (LeashDir) dir = NULL;
  const LeashDirEntry *entry;
  LeashStat found;

  g_assert_true (leash_fs_mkdir (fs, fixture->ctx, "a\"\n", 0755, &error));
  g_assert_false (leash_fs_stat (fs, fixture->ctx, "b\xff", &found, &error));
  g_assert_true (leash_fs_symlink (fs, fixture->ctx, "t", "l", NULL));
  g_assert_true (leash_fs_lstat (fs, fixture->ctx, "l", &found, NULL));
  dir = leash_fs_open_dir (fs, fixture->ctx, "a\"\n", NULL);
  g_assert_false (leash_dir_next (dir, fixture->ctx, &entry, NULL));
  assert_log (fs,
              "{\"op\":\"mkdir\",\"path\":\"a\\\"\\u000a\",\"mode\":\"0755\",\"result\":\"ok\"}\n"
              "{\"op\":\"stat\",\"path\":\"b\357\277\275\",\"path_bytes\":\"62ff\",\"error\":\"not-found\","
              "\"message\":\"No such file or directory\"}\n"
              "{\"op\":\"symlink\",\"path\":\"l\",\"target\":\"t\",\"result\":\"ok\"}\n"
              "{\"op\":\"lstat\",\"path\":\"l\",\"type\":\"symlink\",\"result_mode\":\"0777\",\"size\":1}\n"
              "{\"op\":\"open_dir\",\"path\":\"a\\\"\\u000a\",\"result\":\"ok\"}\n"
              "{\"op\":\"next\",\"path\":\"a\\\"\\u000a\",\"result\":null}\n");
}

/* A name may hold what ends a line or moves a terminal's cursor, and is never cut. */
static void
test_hostile_names (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (LeashFs) fs = make_fs (fixture, TEXT);
  g_autofree char *name = g_strnfill (200, 'x');
  g_autofree char *expected = g_strdup_printf ("mkdir (\"%s\", 0755) = ok\n"
                                               "mkdir (\"\\n\\x1b[2J\\xff\\\"\", 0755) = ok\n",
                                               name);

  g_assert_true (leash_fs_mkdir (fs, fixture->ctx, name, 0755, NULL));
  g_assert_true (leash_fs_mkdir (fs, fixture->ctx, "\n\x1b[2J\xff\"", 0755, NULL));
  assert_log (fs, expected);
}

static void
test_times (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (LeashFs) text = make_fs (fixture, LEASH_TRACE_NONE);
  g_autoptr (LeashFs) json = make_fs (fixture, LEASH_TRACE_JSON);
  g_autofree char *text_log = NULL;
  g_autofree char *json_log = NULL;
  LeashStat found;

  g_assert_true (leash_fs_stat (text, fixture->ctx, ".", &found, NULL));
  g_assert_true (leash_fs_stat (json, fixture->ctx, ".", &found, NULL));
  text_log = leash_trace_fs_get_log (text);
  json_log = leash_trace_fs_get_log (json);
  g_assert_true (g_regex_match_simple ("^stat \\(\"\\.\"\\) = directory, 0700, \\d+ <\\d+\\.\\d{9}>\\n$",
                                       text_log, 0, 0));
  g_assert_true (g_regex_match_simple ("\"seconds\":\\d+\\.\\d{9}\\}\\n$", json_log, 0, 0));
}

static void
add_line (const char *line, gpointer user_data)
{
  g_ptr_array_add (user_data, g_strdup (line));
}

static void
test_to_a_function (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (LeashFs) dir = make_dir_fs (fixture);
  g_autoptr (GPtrArray) lines = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (LeashFs) fs = leash_trace_fs_new_for_func (dir, TEXT, add_line, g_ptr_array_ref (lines),
                                                        (GDestroyNotify) g_ptr_array_unref);

  g_assert_true (leash_fs_mkdir (fs, fixture->ctx, "a", 0755, NULL));
  g_assert_true (leash_fs_remove (fs, fixture->ctx, "a", NULL));
  g_assert_cmpuint (lines->len, ==, 2);
  g_assert_cmpstr (lines->pdata[0], ==, "mkdir (\"a\", 0755) = ok");
  g_assert_cmpstr (lines->pdata[1], ==, "remove (\"a\") = ok");
  assert_log (fs, "");
}

static void
test_to_a_stream (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (LeashFs) dir = make_dir_fs (fixture);
  g_autoptr (GOutputStream) stream = g_memory_output_stream_new_resizable ();
  g_autoptr (LeashFs) fs = leash_trace_fs_new_for_stream (dir, TEXT, stream);
  g_autoptr (GError) error = NULL;
  GMemoryOutputStream *memory = G_MEMORY_OUTPUT_STREAM (stream);

  g_assert_true (leash_fs_mkdir (fs, fixture->ctx, "a", 0755, NULL));
  g_assert_cmpmem (g_memory_output_stream_get_data (memory), g_memory_output_stream_get_data_size (memory),
                   "mkdir (\"a\", 0755) = ok\n", 23);
  g_assert_true (leash_trace_fs_check (fs, &error));
  g_assert_true (g_output_stream_close (stream, NULL, NULL));
  g_assert_true (leash_fs_remove (fs, fixture->ctx, "a", &error));
  g_assert_no_error (error);
  g_assert_false (leash_trace_fs_check (fs, &error));
  assert_io_error (error, G_IO_ERROR_CLOSED, "Writing a trace: ");
}

static void
test_root_within (Fixture *fixture, gconstpointer unused)
{
  g_autofree char *path = make_directory (fixture, "d");
  g_autoptr (LeashFs) fs = make_fs (fixture, TEXT);
  g_autoptr (LeashFs) root = leash_fs_open_root (fs, fixture->ctx, "d", LEASH_PATH_NO_FOLLOW, NULL);

  g_assert_true (leash_fs_mkdir (root, fixture->ctx, "a", 0755, NULL));
  g_assert_true (leash_fs_rename (root, fixture->ctx, "a", "b", NULL));
  assert_log (fs, "open_root (\"d\", NO_FOLLOW) = ok\n"
                  "mkdir (\"d/a\", 0755) = ok\n"
                  "rename (\"d/a\", \"d/b\") = ok\n");
}

/* A fault that is injected below shows as what it is. */
static void
test_before_a_fault_fs (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (LeashFs) dir = make_dir_fs (fixture);
  g_autoptr (LeashFs) faulty = leash_fault_fs_new (dir);
  g_autoptr (LeashFs) fs = leash_trace_fs_new (faulty, TEXT);
  g_autoptr (LeashFile) file = NULL;

  leash_fault_fs_fail_nth (faulty, LEASH_FS_OP_WRITE, 1, G_IO_ERROR_NO_SPACE);
  file = leash_fs_open (fs, fixture->ctx, "a", LEASH_OPEN_WRITE | LEASH_OPEN_CREATE, 0600, NULL);
  g_assert_cmpint (leash_file_write (file, fixture->ctx, "x", 1, NULL), ==, -1);
  assert_log (
      fs, "open (\"a\", WRITE|CREATE, 0600) = ok\n"
          "write (\"a\", 1) = no-space: No space left on device (injected by rule 1 at call 1 that matches "
          "it, write (\"a\", 1))\n");
}

/* Lines are whole, whoever calls meanwhile. */

#define N_THREADS 4
#define N_ROUNDS 200

typedef struct
{
  LeashFs *fs;
  LeashContext *ctx;
} Job;

static gpointer
look_up (gpointer user_data)
{
  Job *job = user_data;
  LeashStat found;

  for (guint i = 0; i < N_ROUNDS; i++)
    leash_fs_stat (job->fs, job->ctx, "none", &found, NULL);
  return NULL;
}

static void
test_threads (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (LeashFs) fs = make_fs (fixture, TEXT);
  Job job = { fs, fixture->ctx };
  GThread *threads[N_THREADS];
  g_autofree char *log = NULL;
  g_auto (GStrv) lines = NULL;

  for (guint i = 0; i < N_THREADS; i++)
    threads[i] = g_thread_new ("caller", look_up, &job);
  for (guint i = 0; i < N_THREADS; i++)
    g_thread_join (threads[i]);
  log = leash_trace_fs_get_log (fs);
  lines = g_strsplit (log, "\n", -1);
  g_assert_cmpuint (g_strv_length (lines), ==, N_THREADS * N_ROUNDS + 1);
  for (guint i = 0; i < N_THREADS * N_ROUNDS; i++)
    g_assert_cmpstr (lines[i], ==, "stat (\"none\") = not-found: No such file or directory");
}

int
main (int argc, char **argv)
{
  umask (022);
  g_test_init (&argc, &argv, NULL);
  ADD ("/fs/trace/paths-as-text", test_paths_as_text);
  ADD ("/fs/trace/open-files", test_open_files);
  ADD ("/fs/trace/json", test_json);
  ADD ("/fs/trace/hostile-names", test_hostile_names);
  ADD ("/fs/trace/times", test_times);
  ADD ("/fs/trace/to-a-function", test_to_a_function);
  ADD ("/fs/trace/to-a-stream", test_to_a_stream);
  ADD ("/fs/trace/root-within", test_root_within);
  ADD ("/fs/trace/before-a-fault-fs", test_before_a_fault_fs);
  ADD ("/fs/trace/threads", test_threads);
  return g_test_run ();
}
