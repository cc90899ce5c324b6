/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Files as GIO's streams: read by GIO itself and by others' loaders, closed as the streams are, tracked as
 * the files are.
 */
#include "fs-fixture.h"

#include <gio/gfiledescriptorbased.h>
#include <gdk-pixbuf/gdk-pixbuf.h>
#include <json-glib/json-glib.h>

static LeashContext *
confine (Fixture *fixture)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (LeashFs) fs = leash_dir_fs_new (fixture->dir, &error);

  g_assert_no_error (error);
  return leash_context_with_fs (fixture->ctx, fs);
}

static void
write_text (Fixture *fixture, const char *name, const char *text)
{
  g_autofree char *path = make_file (fixture, name, text);
}

/* Reading */

static void
test_read_lines (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (LeashContext) ctx = confine (fixture);
  g_autoptr (GInputStream) stream = NULL;
  g_autoptr (GDataInputStream) lines = NULL;
  g_autofree char *first = NULL;
  g_autofree char *second = NULL;

  write_text (fixture, "a", "one\ntwo\n");
  stream = leash_open_input_stream (ctx, "a", &error);
  g_assert_no_error (error);
  g_assert_cmpuint (leash_tracker_count_open (fixture->tracker), ==, leash_has_tracking () ? 1 : 0);
  lines = g_data_input_stream_new (stream);
  first = g_data_input_stream_read_line (lines, NULL, NULL, &error);
  second = g_data_input_stream_read_line (lines, NULL, NULL, &error);
  g_assert_cmpstr (first, ==, "one");
  g_assert_cmpstr (second, ==, "two");
  g_assert_null (g_data_input_stream_read_line (lines, NULL, NULL, &error));
  g_assert_no_error (error);
  g_assert_true (g_input_stream_close (G_INPUT_STREAM (lines), NULL, &error));
  g_assert_cmpuint (leash_tracker_count_open (fixture->tracker), ==, 0);
}

static void
test_missing_file_names_the_path (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (LeashContext) ctx = confine (fixture);

  g_assert_null (leash_open_input_stream (ctx, "none", &error));
  assert_io_error (error, G_IO_ERROR_NOT_FOUND, "Opening “none”: ");
  g_assert_null (leash_open_output_stream (ctx, "no/where", LEASH_OPEN_CREATE, 0600, &error));
  assert_io_error (error, G_IO_ERROR_NOT_FOUND, "Opening “no/where”: ");
  g_assert_null (leash_open_io_stream (ctx, "none", 0, 0, &error));
  assert_io_error (error, G_IO_ERROR_NOT_FOUND, "Opening “none”: ");
}

static void
test_key_file (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (LeashContext) ctx = confine (fixture);
  g_autoptr (GInputStream) stream = NULL;
  g_autoptr (GOutputStream) memory = g_memory_output_stream_new_resizable ();
  g_autoptr (GKeyFile) keys = g_key_file_new ();
  g_autoptr (GBytes) bytes = NULL;
  g_autofree char *value = NULL;

  write_text (fixture, "a.ini", "[net]\nhost=example.org\n");
  stream = leash_open_input_stream (ctx, "a.ini", &error);
  g_assert_no_error (error);
  g_output_stream_splice (memory, stream,
                          G_OUTPUT_STREAM_SPLICE_CLOSE_SOURCE | G_OUTPUT_STREAM_SPLICE_CLOSE_TARGET, NULL,
                          &error);
  g_assert_no_error (error);
  bytes = g_memory_output_stream_steal_as_bytes (G_MEMORY_OUTPUT_STREAM (memory));
  g_assert_true (g_key_file_load_from_bytes (keys, bytes, G_KEY_FILE_NONE, &error));
  value = g_key_file_get_string (keys, "net", "host", &error);
  g_assert_cmpstr (value, ==, "example.org");
}

static void
test_json (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (LeashContext) ctx = confine (fixture);
  g_autoptr (GInputStream) stream = NULL;
  g_autoptr (JsonParser) parser = json_parser_new ();
  JsonObject *root;

  write_text (fixture, "a.json", "{ \"answer\": 42 }");
  stream = leash_open_input_stream (ctx, "a.json", &error);
  g_assert_no_error (error);
  g_assert_true (json_parser_load_from_stream (parser, stream, NULL, &error));
  root = json_node_get_object (json_parser_get_root (parser));
  g_assert_cmpint (json_object_get_int_member (root, "answer"), ==, 42);
}

static void
test_picture (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (LeashContext) ctx = confine (fixture);
  g_autoptr (GdkPixbuf) drawn = gdk_pixbuf_new (GDK_COLORSPACE_RGB, FALSE, 8, 3, 5);
  g_autoptr (GdkPixbuf) loaded = NULL;
  g_autoptr (GOutputStream) output = NULL;
  g_autoptr (GInputStream) input = NULL;

  gdk_pixbuf_fill (drawn, 0x336699ff);
  output = leash_open_output_stream (ctx, "a.png", LEASH_OPEN_CREATE, 0600, &error);
  g_assert_no_error (error);
  g_assert_true (gdk_pixbuf_save_to_stream (drawn, output, "png", NULL, &error, NULL));
  g_assert_true (g_output_stream_close (output, NULL, &error));
  input = leash_open_input_stream (ctx, "a.png", &error);
  loaded = gdk_pixbuf_new_from_stream (input, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpint (gdk_pixbuf_get_width (loaded), ==, 3);
  g_assert_cmpint (gdk_pixbuf_get_height (loaded), ==, 5);
  g_assert_cmpint (gdk_pixbuf_get_pixels (loaded)[0], ==, 0x33);
}

static void
test_seek_and_tell (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (LeashContext) ctx = confine (fixture);
  g_autoptr (GInputStream) stream = NULL;
  char found[3] = "";

  write_text (fixture, "a", "0123456789");
  stream = leash_open_input_stream (ctx, "a", &error);
  g_assert_true (g_seekable_can_seek (G_SEEKABLE (stream)));
  g_assert_false (g_seekable_can_truncate (G_SEEKABLE (stream)));
  g_assert_true (g_seekable_seek (G_SEEKABLE (stream), -4, G_SEEK_END, NULL, &error));
  g_assert_cmpint (g_seekable_tell (G_SEEKABLE (stream)), ==, 6);
  g_assert_cmpint (g_input_stream_read (stream, found, 2, NULL, &error), ==, 2);
  g_assert_cmpstr (found, ==, "67");
  g_assert_cmpint (g_input_stream_skip (stream, 100, NULL, &error), ==, 2);
  g_assert_false (g_seekable_seek (G_SEEKABLE (stream), -1, G_SEEK_SET, NULL, &error));
  assert_io_error (error, G_IO_ERROR_INVALID_ARGUMENT, "Seeking in “a”: ");
  g_assert_true (g_input_stream_close (stream, NULL, &error));
  /* GIO's functions ask closed streams too; that is no misuse. */
  g_assert_cmpint (g_seekable_tell (G_SEEKABLE (stream)), ==, 0);
  g_assert_false (g_seekable_can_seek (G_SEEKABLE (stream)));
}

static void
test_descriptor (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (LeashContext) ctx = confine (fixture);
  g_autoptr (GInputStream) stream = NULL;
  char found[4] = "";

  write_text (fixture, "a", "abc");
  stream = leash_open_input_stream (ctx, "a", &error);
  g_assert_true (G_IS_FILE_DESCRIPTOR_BASED (stream));
  g_assert_cmpint (pread (g_file_descriptor_based_get_fd (G_FILE_DESCRIPTOR_BASED (stream)), found, 3, 0), ==,
                   3);
  g_assert_cmpstr (found, ==, "abc");
  g_assert_true (g_input_stream_close (stream, NULL, &error));
  g_assert_cmpint (g_file_descriptor_based_get_fd (G_FILE_DESCRIPTOR_BASED (stream)), ==, -1);
}

/* Writing */

static void
test_write_and_truncate (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (LeashContext) ctx = confine (fixture);
  g_autofree char *path = path_of (fixture, "a");
  g_autoptr (GOutputStream) stream = NULL;

  stream = leash_open_output_stream (ctx, "a", LEASH_OPEN_CREATE, 0600, &error);
  g_assert_no_error (error);
  g_assert_true (g_output_stream_write_all (stream, "hello world", 11, NULL, NULL, &error));
  g_assert_true (g_seekable_can_truncate (G_SEEKABLE (stream)));
  g_assert_true (g_seekable_truncate (G_SEEKABLE (stream), 5, NULL, &error));
  g_assert_true (g_output_stream_close (stream, NULL, &error));
  assert_content (path, "hello");
}

static void
test_both_ways (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (LeashContext) ctx = confine (fixture);
  g_autoptr (GIOStream) stream = leash_open_io_stream (ctx, "a", LEASH_OPEN_CREATE, 0600, &error);
  char found[4] = "";

  g_assert_no_error (error);
  g_assert_true (
      g_output_stream_write_all (g_io_stream_get_output_stream (stream), "abc", 3, NULL, NULL, &error));
  g_assert_true (g_seekable_seek (G_SEEKABLE (stream), 0, G_SEEK_SET, NULL, &error));
  g_assert_cmpint (g_input_stream_read (g_io_stream_get_input_stream (stream), found, 3, NULL, &error), ==,
                   3);
  g_assert_cmpstr (found, ==, "abc");
  g_assert_cmpint (g_seekable_tell (G_SEEKABLE (stream)), ==, 3);
  g_assert_true (g_output_stream_close (g_io_stream_get_output_stream (stream), NULL, &error));
  g_assert_cmpuint (leash_tracker_count_open (fixture->tracker), ==, leash_has_tracking () ? 1 : 0);
  g_assert_true (g_io_stream_close (stream, NULL, &error));
  g_assert_cmpuint (leash_tracker_count_open (fixture->tracker), ==, 0);
}

/* Closing */

static void
test_leaked_stream_is_found (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (LeashContext) ctx = confine (fixture);
  GInputStream *stream;
  g_autofree char *report = NULL;

  if (!leash_has_tracking ())
    {
      g_test_skip ("built without tracking");
      return;
    }
  write_text (fixture, "a", "abc");
  stream = leash_open_input_stream (ctx, "a", &error);
  g_assert_false (leash_tracker_check (fixture->tracker, NULL));
  report = leash_tracker_report (fixture->tracker, LEASH_FORMAT_TEXT);
  g_assert_nonnull (strstr (report, "file \"a\""));
  g_assert_nonnull (strstr (report, "test_leaked_stream_is_found"));
  g_assert_null (strstr (report, "leash_open_input_stream"));
  g_object_unref (stream);
}

static void
test_view_leaves_the_file_open (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (LeashContext) ctx = confine (fixture);
  g_autoptr (LeashFile) file = NULL;
  GInputStream *input;
  GOutputStream *output;
  GIOStream *both;
  char found[4] = "";

  file = leash_open (ctx, "a", LEASH_OPEN_READ | LEASH_OPEN_WRITE | LEASH_OPEN_CREATE, 0600, &error);
  g_assert_no_error (error);
  output = leash_file_get_output_stream (file, ctx);
  g_assert_true (g_output_stream_write_all (output, "abc", 3, NULL, NULL, &error));
  g_assert_true (g_output_stream_close (output, NULL, &error));
  g_object_unref (output);
  input = leash_file_get_input_stream (file, ctx);
  g_object_unref (input);
  both = leash_file_get_io_stream (file, ctx);
  g_object_unref (both);
  g_assert_cmpint (leash_file_pread (file, ctx, found, 3, 0, &error), ==, 3);
  g_assert_cmpstr (found, ==, "abc");
  g_assert_true (leash_file_close (file, &error));
}

static void
test_cancellation (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (LeashContext) confined = confine (fixture);
  g_autoptr (LeashContext) ctx = leash_context_with_cancel (confined);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GInputStream) stream = NULL;
  char found[4];

  write_text (fixture, "a", "abc");
  stream = leash_open_input_stream (ctx, "a", &error);
  g_cancellable_cancel (cancellable);
  g_assert_cmpint (g_input_stream_read (stream, found, 3, cancellable, &error), ==, -1);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_clear_error (&error);
  leash_context_cancel (ctx, NULL);
  g_assert_cmpint (g_input_stream_read (stream, found, 3, NULL, &error), ==, -1);
  assert_io_error (error, G_IO_ERROR_CANCELLED, "Reading “a”: ");
}

/* Asynchronously */

static void
keep_result (GObject *source, GAsyncResult *result, gpointer user_data)
{
  *(GAsyncResult **) user_data = g_object_ref (result);
}

static GAsyncResult *
await (GAsyncResult **result)
{
  while (*result == NULL)
    g_main_context_iteration (NULL, TRUE);
  return *result;
}

static void
test_read_async (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *path = make_file (fixture, "a", "abc");
  g_autoptr (GAsyncResult) read = NULL;
  g_autoptr (GAsyncResult) closed = NULL;
  g_autoptr (GInputStream) stream = NULL;
  char found[4] = "";

  /* On the host: GIO's thread may hold the stream, and with it a root, longer than this test takes. */
  stream = leash_open_input_stream (fixture->ctx, path, &error);
  g_input_stream_read_async (stream, found, 3, G_PRIORITY_DEFAULT, NULL, keep_result, &read);
  g_assert_cmpint (g_input_stream_read_finish (stream, await (&read), &error), ==, 3);
  g_assert_cmpstr (found, ==, "abc");
  g_input_stream_close_async (stream, G_PRIORITY_DEFAULT, NULL, keep_result, &closed);
  g_assert_true (g_input_stream_close_finish (stream, await (&closed), &error));
  g_assert_cmpuint (leash_tracker_count_open (fixture->tracker), ==, 0);
}

static void
test_open_async (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (LeashContext) ctx = confine (fixture);
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (LeashFile) file = NULL;
  g_autofree char *report = NULL;
  char found[4] = "";

  write_text (fixture, "a", "abc");
  leash_open_async (ctx, "a", LEASH_OPEN_READ, 0, G_PRIORITY_DEFAULT, keep_result, &result);
  file = leash_open_finish (await (&result), &error);
  g_assert_no_error (error);
  g_assert_cmpint (leash_file_read (file, ctx, found, 3, &error), ==, 3);
  report = leash_tracker_report (fixture->tracker, LEASH_FORMAT_TEXT);
  if (leash_has_tracking ())
    g_assert_nonnull (strstr (report, "test_open_async"));
}

static void
test_open_async_of_a_missing_file (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (LeashContext) ctx = confine (fixture);
  g_autoptr (GAsyncResult) result = NULL;

  leash_open_async (ctx, "none", LEASH_OPEN_READ, 0, G_PRIORITY_DEFAULT, keep_result, &result);
  g_assert_null (leash_open_finish (await (&result), &error));
  assert_io_error (error, G_IO_ERROR_NOT_FOUND, "Opening “none”: ");
}

static void
test_open_async_that_nobody_finishes_is_closed (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (LeashContext) ctx = confine (fixture);
  GAsyncResult *result = NULL;

  write_text (fixture, "a", "abc");
  leash_open_async (ctx, "a", LEASH_OPEN_READ, 0, G_PRIORITY_DEFAULT, keep_result, &result);
  g_clear_pointer (&ctx, leash_context_unref);
  g_object_unref (await (&result));
  /* The thread may be the last to let go of it. */
  while (count_fds () != fixture->n_fds)
    g_usleep (1000);
}

/* GIO's threads have descriptors of their own, from their first use on. */
static void
warm_up (void)
{
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (LeashFile) file = NULL;

  leash_open_async (leash_context_background (), "/dev/null", LEASH_OPEN_READ, 0, G_PRIORITY_DEFAULT,
                    keep_result, &result);
  file = leash_open_finish (await (&result), NULL);
  g_assert_nonnull (file);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  warm_up ();

  ADD ("/file-stream/read-lines", test_read_lines);
  ADD ("/file-stream/missing-file-names-the-path", test_missing_file_names_the_path);
  ADD ("/file-stream/key-file", test_key_file);
  ADD ("/file-stream/json", test_json);
  ADD ("/file-stream/picture", test_picture);
  ADD ("/file-stream/seek-and-tell", test_seek_and_tell);
  ADD ("/file-stream/descriptor", test_descriptor);
  ADD ("/file-stream/write-and-truncate", test_write_and_truncate);
  ADD ("/file-stream/both-ways", test_both_ways);
  ADD ("/file-stream/leaked-stream-is-found", test_leaked_stream_is_found);
  ADD ("/file-stream/view-leaves-the-file-open", test_view_leaves_the_file_open);
  ADD ("/file-stream/cancellation", test_cancellation);
  ADD ("/file-stream/read-async", test_read_async);
  ADD ("/file-stream/open-async", test_open_async);
  ADD ("/file-stream/open-async-of-a-missing-file", test_open_async_of_a_missing_file);
  ADD ("/file-stream/open-async-that-nobody-finishes-is-closed",
       test_open_async_that_nobody_finishes_is_closed);
  return g_test_run ();
}
