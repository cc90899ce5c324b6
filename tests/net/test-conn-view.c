/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* GIO's streams of connections, and their sources. */
#include "net-fixture.h"

static GIOStream *
stream_of (LeashConn *conn, LeashContext *ctx)
{
  return leash_conn_to_stream (conn, ctx);
}

static void
test_stream_closes (Fixture *fixture, gconstpointer unused)
{
  g_auto (Ends) ends = connect_ends (fixture->ctx, TCP);
  g_autoptr (GIOStream) stream = stream_of (ends.dialled, fixture->ctx);
  g_autoptr (GError) error = NULL;
  char byte;

  g_assert_true (g_io_stream_close (stream, NULL, &error));
  g_assert_no_error (error);
  g_assert_true (leash_conn_is_closed (ends.dialled));
  g_assert_cmpint (leash_conn_read (ends.accepted, fixture->ctx, &byte, 1, &error), ==, 0);
  g_assert_no_error (error);
}

static void
test_stream_last_reference_closes (Fixture *fixture, gconstpointer unused)
{
  g_auto (Ends) ends = connect_ends (fixture->ctx, TCP);

  g_object_unref (stream_of (ends.dialled, fixture->ctx));
  g_assert_true (leash_conn_is_closed (ends.dialled));
}

/* No second close, and nothing that the tracker would call a misuse. */
static void
test_stream_of_closed_conn (Fixture *fixture, gconstpointer unused)
{
  g_auto (Ends) ends = connect_ends (fixture->ctx, TCP);
  g_autoptr (GIOStream) stream = stream_of (ends.dialled, fixture->ctx);
  g_autoptr (GError) error = NULL;

  g_assert_true (leash_conn_close (ends.dialled, &error));
  g_assert_true (g_io_stream_close (stream, NULL, &error));
  g_assert_no_error (error);
}

static void
test_stream_half_closes (Fixture *fixture, gconstpointer unused)
{
  g_auto (Ends) ends = connect_ends (fixture->ctx, TCP);
  g_autoptr (GIOStream) stream = stream_of (ends.dialled, fixture->ctx);
  GInputStream *input = g_io_stream_get_input_stream (stream);
  GOutputStream *output = g_io_stream_get_output_stream (stream);
  g_autoptr (GError) error = NULL;
  char bytes[8];

  g_assert_true (g_output_stream_write_all (output, "ping", 4, NULL, NULL, &error));
  g_assert_true (g_output_stream_close (output, NULL, &error));
  g_assert_true (leash_conn_read_all (ends.accepted, fixture->ctx, bytes, 4, NULL, &error));
  g_assert_cmpint (leash_conn_read (ends.accepted, fixture->ctx, bytes, 1, &error), ==, 0);
  g_assert_true (leash_conn_write_all (ends.accepted, fixture->ctx, "pong", 4, NULL, &error));
  g_assert_true (g_input_stream_read_all (input, bytes, 4, NULL, NULL, &error));
  g_assert_no_error (error);
}

static void
test_stream_context (Fixture *fixture, gconstpointer unused)
{
  g_auto (Ends) ends = connect_ends (fixture->ctx, TCP);
  g_autoptr (LeashContext) ctx = leash_context_with_timeout (fixture->ctx, 20 * G_TIME_SPAN_MILLISECOND);
  g_autoptr (GIOStream) stream = stream_of (ends.dialled, ctx);
  g_autoptr (GError) error = NULL;
  char byte;

  g_assert_cmpint (g_input_stream_read (g_io_stream_get_input_stream (stream), &byte, 1, NULL, &error), ==,
                   -1);
  assert_io_error (error, G_IO_ERROR_TIMED_OUT, "Reading from “tcp:127.0.0.1:");
}

typedef struct
{
  GIOStream *stream;
  GCancellable *cancellable;
} CancelledRead;

static void
sleep_in_stream (Sleeper *sleeper)
{
  CancelledRead *self = sleeper->subject;
  char byte;

  sleeper->n = g_input_stream_read (g_io_stream_get_input_stream (self->stream), &byte, 1, self->cancellable,
                                    &sleeper->error);
}

static void
test_stream_cancellable (Fixture *fixture, gconstpointer unused)
{
  g_auto (Ends) ends = connect_ends (fixture->ctx, TCP);
  g_autoptr (GIOStream) stream = stream_of (ends.dialled, fixture->ctx);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  CancelledRead call = { stream, cancellable };
  Sleeper reader = { .func = sleep_in_stream, .subject = &call };

  sleeper_start (&reader);
  g_cancellable_cancel (cancellable);
  sleeper_join (&reader);
  g_assert_cmpint (reader.n, ==, -1);
  assert_io_error (reader.error, G_IO_ERROR_CANCELLED, "Reading from “tcp:127.0.0.1:");
}

static void
note_result (GObject *object, GAsyncResult *result, gpointer user_data)
{
  *(GAsyncResult **) user_data = g_object_ref (result);
}

static void
test_stream_async (Fixture *fixture, gconstpointer unused)
{
  g_auto (Ends) ends = connect_ends (fixture->ctx, TCP);
  g_autoptr (GIOStream) stream = stream_of (ends.dialled, fixture->ctx);
  GInputStream *input = g_io_stream_get_input_stream (stream);
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;
  char bytes[4];

  g_input_stream_read_async (input, bytes, sizeof bytes, G_PRIORITY_DEFAULT, NULL, note_result, &result);
  g_assert_false (g_main_context_iteration (NULL, FALSE) && result != NULL);
  g_assert_true (leash_conn_write_all (ends.accepted, fixture->ctx, "ping", 4, NULL, &error));
  while (result == NULL)
    g_main_context_iteration (NULL, TRUE);
  g_assert_cmpint (g_input_stream_read_finish (input, result, &error), ==, 4);
  g_assert_no_error (error);
}

/* A connection in memory: what another one does, without showing its descriptor. */

static gssize
hidden_read (gpointer impl, LeashContext *ctx, void *buffer, gsize count, GError **error)
{
  gssize n = recv (leash_conn_get_fd (impl), buffer, count, MSG_DONTWAIT);

  return n >= 0 ? n : LEASH_CONN_WOULD_BLOCK;
}

static gssize
hidden_write (gpointer impl, LeashContext *ctx, const void *buffer, gsize count, GError **error)
{
  return leash_conn_write (impl, ctx, buffer, count, error);
}

static gboolean
hidden_wait (gpointer impl, LeashContext *ctx, GIOCondition condition, GError **error)
{
  char byte;

  while (condition == G_IO_IN && recv (leash_conn_get_fd (impl), &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0)
    if (leash_context_wait (ctx, 1000) || leash_context_is_done (ctx))
      return leash_context_check (ctx, error);
  return TRUE;
}

static gboolean
hidden_close (gpointer impl, GError **error)
{
  return leash_conn_close (impl, error);
}

static const LeashConnOps hidden_ops = {
  .size = sizeof (LeashConnOps),
  .read = hidden_read,
  .write = hidden_write,
  .close = hidden_close,
  .wait = hidden_wait,
};

static Ends
connect_maybe_hidden (LeashContext *ctx, gconstpointer is_hidden)
{
  Ends ends = connect_ends (ctx, TCP);

  if (is_hidden != NULL)
    ends.dialled
        = leash_conn_new (&hidden_ops, ends.dialled, (GDestroyNotify) leash_conn_unref, NULL, "there");
  return ends;
}

/* A source that counts how often it was ready, and reads what there is. */
static gboolean
count_ready (GObject *stream, gpointer user_data)
{
  char bytes[8];

  ++*(guint *) user_data;
  g_pollable_input_stream_read_nonblocking (G_POLLABLE_INPUT_STREAM (stream), bytes, sizeof bytes, NULL,
                                            NULL);
  return G_SOURCE_CONTINUE;
}

static GSource *
start_source (GIOStream *stream, guint *n_ready)
{
  GPollableInputStream *input = G_POLLABLE_INPUT_STREAM (g_io_stream_get_input_stream (stream));
  GSource *source;

  g_assert_true (g_pollable_input_stream_can_poll (input));
  source = g_pollable_input_stream_create_source (input, NULL);
  g_source_set_callback (source, G_SOURCE_FUNC (count_ready), n_ready, NULL);
  g_source_attach (source, NULL);
  return source;
}

static void
stop_source (GSource *source)
{
  g_source_destroy (source);
  g_source_unref (source);
}

static void
iterate_until (const guint *n, guint expected)
{
  while (*n < expected)
    g_main_context_iteration (NULL, TRUE);
}

static void
test_source_is_ready_for_data (Fixture *fixture, gconstpointer is_hidden)
{
  g_auto (Ends) ends = connect_maybe_hidden (fixture->ctx, is_hidden);
  g_autoptr (GIOStream) stream = stream_of (ends.dialled, fixture->ctx);
  g_autoptr (GError) error = NULL;
  guint n_ready = 0, n_before;
  GSource *source = start_source (stream, &n_ready);

  g_main_context_iteration (NULL, FALSE);
  g_assert_cmpuint (n_ready, ==, 0);
  g_assert_true (leash_conn_write_all (ends.accepted, fixture->ctx, "x", 1, NULL, &error));
  iterate_until (&n_ready, 1);
  /* That there was something may be noticed once more, and not for ever. */
  do
    {
      n_before = n_ready;
      g_usleep (5000);
      g_main_context_iteration (NULL, FALSE);
    }
  while (n_ready != n_before);
  g_assert_true (leash_conn_write_all (ends.accepted, fixture->ctx, "x", 1, NULL, &error));
  iterate_until (&n_ready, n_before + 1);
  g_assert_no_error (error);
  stop_source (source);
}

static void
test_source_is_ready_when_done (Fixture *fixture, gconstpointer is_hidden)
{
  g_auto (Ends) ends = connect_maybe_hidden (fixture->ctx, is_hidden);
  g_autoptr (LeashContext) ctx = leash_context_with_cancel (fixture->ctx);
  g_autoptr (GIOStream) stream = stream_of (ends.dialled, ctx);
  guint n_ready = 0;
  GSource *source = start_source (stream, &n_ready);

  leash_context_cancel (ctx, NULL);
  iterate_until (&n_ready, 1);
  stop_source (source);
}

static void
test_source_is_ready_when_closed (Fixture *fixture, gconstpointer is_hidden)
{
  g_auto (Ends) ends = connect_maybe_hidden (fixture->ctx, is_hidden);
  g_autoptr (GIOStream) stream = stream_of (ends.dialled, fixture->ctx);
  g_autoptr (GError) error = NULL;
  guint n_ready = 0;
  GSource *source = start_source (stream, &n_ready);

  /* The read after it, and not the close. What is made up here is not tracked. */
  fixture->n_misuses = is_hidden == NULL;
  g_assert_true (leash_conn_close (ends.dialled, &error));
  g_assert_no_error (error);
  iterate_until (&n_ready, 1);
  stop_source (source);
}

/* One that has taken from its descriptor what it has not given out yet. */

static gssize
eager_read (gpointer impl, LeashContext *ctx, void *buffer, gsize count, GError **error)
{
  *(char *) buffer = 'x';
  return 1;
}

static gboolean
eager_wait (gpointer impl, LeashContext *ctx, GIOCondition condition, GError **error)
{
  return TRUE;
}

static int
eager_get_fd (gpointer impl)
{
  return leash_conn_get_fd (impl);
}

static const LeashConnOps eager_ops = {
  .size = sizeof (LeashConnOps),
  .read = eager_read,
  .write = hidden_write,
  .get_fd = eager_get_fd,
  .close = hidden_close,
  .wait = eager_wait,
};

static void
test_source_is_not_the_descriptors (Fixture *fixture, gconstpointer unused)
{
  g_auto (Ends) ends = connect_ends (fixture->ctx, TCP);
  g_autoptr (GIOStream) stream = NULL;
  guint n_ready = 0;
  GSource *source;

  ends.dialled = leash_conn_new (&eager_ops, ends.dialled, (GDestroyNotify) leash_conn_unref, NULL, "there");
  stream = stream_of (ends.dialled, fixture->ctx);
  source = start_source (stream, &n_ready);
  wait_until (g_main_context_iteration (NULL, FALSE) && n_ready > 0);
  stop_source (source);
}

static void
test_nonblocking (Fixture *fixture, gconstpointer is_hidden)
{
  g_auto (Ends) ends = connect_maybe_hidden (fixture->ctx, is_hidden);
  g_autoptr (GIOStream) stream = stream_of (ends.dialled, fixture->ctx);
  GPollableInputStream *input = G_POLLABLE_INPUT_STREAM (g_io_stream_get_input_stream (stream));
  GPollableOutputStream *output = G_POLLABLE_OUTPUT_STREAM (g_io_stream_get_output_stream (stream));
  g_autoptr (GError) error = NULL;
  char byte;

  g_assert_cmpint (g_pollable_input_stream_read_nonblocking (input, &byte, 1, NULL, &error), ==, -1);
  assert_io_error (error, G_IO_ERROR_WOULD_BLOCK, "Reading from “");
  g_assert_cmpint (g_pollable_output_stream_write_nonblocking (output, "x", 1, NULL, &error), ==, 1);
  leash_conn_set_read_deadline (ends.dialled, 0);
  g_assert_cmpint (g_pollable_input_stream_read_nonblocking (input, &byte, 1, NULL, &error), ==, -1);
  assert_io_error (error, G_IO_ERROR_TIMED_OUT, "deadline for reading");
}

typedef struct
{
  GPollableInputStream *input;
  gint stop; /* atomic */
} Looking;

static gpointer
keep_looking (gpointer data)
{
  Looking *self = data;

  while (!g_atomic_int_get (&self->stop))
    g_pollable_input_stream_is_readable (self->input);
  return NULL;
}

/* Regression: who only looked in at the close kept others from being the last, and did not close itself. */
static void
test_close_under_a_look (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (LeashContext) patient = leash_context_with_timeout (fixture->ctx, 20 * G_TIME_SPAN_SECOND);

  for (guint i = 0; i < 50; i++)
    {
      g_auto (Ends) ends = connect_ends (fixture->ctx, TCP);
      g_autoptr (GIOStream) stream = stream_of (ends.accepted, fixture->ctx);
      Looking looking = { .input = G_POLLABLE_INPUT_STREAM (g_io_stream_get_input_stream (stream)) };
      Sleeper reader = { .func = sleep_reading, .ctx = fixture->ctx, .subject = ends.accepted };
      GThread *thread;

      sleeper_start (&reader);
      thread = g_thread_new ("looks", keep_looking, &looking);
      g_usleep (300);
      g_assert_true (leash_conn_close (ends.accepted, NULL));
      sleeper_join (&reader);
      g_clear_error (&reader.error);
      g_atomic_int_set (&looking.stop, TRUE);
      g_thread_join (thread);
      g_assert_true (leash_listener_shutdown (ends.listener, patient, NULL));
    }
}

static void
add_tests (void)
{
  ADD ("/conn-view/stream/closes", test_stream_closes);
  ADD ("/conn-view/stream/last-reference-closes", test_stream_last_reference_closes);
  ADD ("/conn-view/stream/of-closed-conn", test_stream_of_closed_conn);
  ADD ("/conn-view/stream/half-closes", test_stream_half_closes);
  ADD ("/conn-view/stream/context", test_stream_context);
  ADD ("/conn-view/stream/cancellable", test_stream_cancellable);
  ADD ("/conn-view/stream/async", test_stream_async);
  ADD ("/conn-view/stream/close-under-a-look", test_close_under_a_look);
  ADD ("/conn-view/source/is-not-the-descriptor's", test_source_is_not_the_descriptors);
  for (int is_hidden = 0; is_hidden < 2; is_hidden++)
    {
      gconstpointer kind = GINT_TO_POINTER (is_hidden);
      const char *name = is_hidden ? "in-memory" : "descriptor";
      g_autofree char *data = g_strdup_printf ("/conn-view/source/ready-for-data/%s", name);
      g_autofree char *done = g_strdup_printf ("/conn-view/source/ready-when-done/%s", name);
      g_autofree char *closed = g_strdup_printf ("/conn-view/source/ready-when-closed/%s", name);
      g_autofree char *nonblocking = g_strdup_printf ("/conn-view/stream/nonblocking/%s", name);

      g_test_add (data, Fixture, kind, set_up, test_source_is_ready_for_data, tear_down);
      g_test_add (done, Fixture, kind, set_up, test_source_is_ready_when_done, tear_down);
      g_test_add (closed, Fixture, kind, set_up, test_source_is_ready_when_closed, tear_down);
      g_test_add (nonblocking, Fixture, kind, set_up, test_nonblocking, tear_down);
    }
}

/* GLib's main context and its worker keep a descriptor each for as long as the process runs. */
static void
warm_up_gio (void)
{
  warm_up ();
  g_main_context_iteration (NULL, FALSE);
  g_object_unref (g_task_new (NULL, NULL, NULL, NULL));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  warm_up_gio ();
  add_tests ();
  return g_test_run ();
}
