/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Data that moves over TLS, or waits: what a deadline in the middle of it leaves, and streams of such
 * connections. */
#include "../under-sanitizer.h"
#include "tls-fixture.h"

#include "conformance-networks.h"

/* What is written when much is: the byte at each position of the stream tells the position. */
#define PERIOD 251u
#define MUCH 99000u

static const guint8 *
much_from (guint64 position)
{
  static guint8 block[MUCH + PERIOD];

  if (block[1] == 0)
    for (guint i = 0; i < sizeof block; i++)
      block[i] = (guint8) (i % PERIOD);
  return block + position % PERIOD;
}

/* Writes until the deadline, and goes on at *position, which it moves. */
static void
write_until_deadline (Tls *tls, guint64 *position)
{
  g_autoptr (GError) error = NULL;
  gssize n;

  leash_conn_set_write_deadline (tls->dialled, g_get_monotonic_time () + 30000);
  while ((n = leash_conn_write (tls->dialled, tls->client_ctx, much_from (*position), MUCH, &error)) > 0)
    *position += (guint64) n;
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
  leash_conn_set_write_deadline (tls->dialled, -1);
}

typedef struct
{
  Tls *tls;
  guint64 count;
  guint64 n_wrong;
  gssize end; /* what the last read returned */
  GError *error;
} Drain;

static gpointer
drain (gpointer data)
{
  g_autofree guint8 *buffer = g_malloc (5000);
  Drain *self = data;
  gssize n;

  while ((n = leash_conn_read (self->tls->accepted, self->tls->server_ctx, buffer, 5000, &self->error)) > 0)
    for (gssize i = 0; i < n; i++)
      self->n_wrong += buffer[i] != self->count++ % PERIOD;
  self->end = n;
  return NULL;
}

/* Behind a deadline in the middle of writing, every byte that counted as written arrives once, in order. */
static void
test_write_deadline_loses_nothing (Fixture *fixture, gconstpointer unused)
{
  g_auto (Tls) tls = { 0 };
  Drain drained = { .tls = &tls };
  g_autoptr (GError) error = NULL;
  guint64 position = 0;
  GThread *thread;
  gsize n;

  connect_well (&tls, fixture);
  for (guint round = 0; round < 2; round++)
    write_until_deadline (&tls, &position);
  thread = g_thread_new ("drain", drain, &drained);
  g_assert_true (leash_conn_write_all (tls.dialled, fixture->ctx, much_from (position), MUCH, &n, &error));
  g_assert_no_error (error);
  g_assert_true (leash_conn_close (tls.dialled, &error));
  g_thread_join (thread);
  g_assert_no_error (drained.error);
  g_assert_cmpuint (drained.count, ==, position + n);
  g_assert_cmpuint (drained.n_wrong, ==, 0);
}

static LeashNetwork *
make_behind_faults (LeashTlsConfig *config)
{
  g_autoptr (LeashNetwork) tls = make_tls_network (config);

  return leash_fault_network_new (tls);
}

/* Over connections that wait by themselves. */
static LeashNetwork *
make_over_users (LeashTlsConfig *config)
{
  g_autofree char *address = NULL;
  g_autoptr (LeashNetwork) users = make_users (&address, NULL, NULL);

  return leash_tls_network_new (users, config);
}

/* Ends in the middle of a record: on a busy machine a deadline may pass while there is room. */
static void
write_until_full (Tls *tls, guint64 *position)
{
  for (guint n_idle = 0; n_idle < 3;)
    {
      guint64 before = *position;

      write_until_deadline (tls, position);
      n_idle = *position == before ? n_idle + 1 : 0;
    }
}

typedef struct
{
  const char *name;
  LeashNetwork *(*make) (LeashTlsConfig *config);
} Kind;

static const Kind kinds[] = {
  { "over-tcp", make_tls_network },
  { "behind-faults", make_behind_faults },
  { "over-what-waits-itself", make_over_users },
};

/* The network is not the context's: what is behind it may dial by that. */
static void
connect_by (Tls *tls, Fixture *fixture, const Kind *kind)
{
  LeashTlsConfig *config = make_config (NULL);
  char greeting[sizeof GREETING];
  GThread *thread;

  begin (tls, fixture, make_config ("good"), make_config (NULL), TLS);
  g_object_unref (tls->client);
  leash_context_unref (tls->client_ctx);
  tls->client = kind->make (config);
  tls->client_ctx = leash_context_ref (fixture->ctx);
  leash_tls_config_unref (config);
  thread = g_thread_new ("server", serve, tls);
  tls->dialled = leash_network_dial (tls->client, fixture->ctx, leash_listener_get_address (tls->listener),
                                     &tls->error);
  g_assert_no_error (tls->error);
  g_assert_true (
      leash_conn_read_all (tls->dialled, fixture->ctx, greeting, sizeof greeting, NULL, &tls->error));
  g_thread_join (thread);
}

static void
assert_only_same_bytes (Tls *tls)
{
  g_autoptr (GError) error = NULL;

  g_assert_cmpint (leash_conn_write (tls->dialled, tls->client_ctx, "other", 5, &error), ==, -1);
  assert_io_error (error, G_IO_ERROR_PENDING, "Writing to “tls:127.0.0.1:", "the same bytes must be written");
  g_assert_false (leash_conn_shutdown (tls->dialled, FALSE, TRUE, &error));
  assert_io_error (error, G_IO_ERROR_PENDING, "Shutting down “tls:127.0.0.1:", "given up");
}

static gpointer
write_other (gpointer data)
{
  assert_only_same_bytes (data);
  return NULL;
}

/* A record cannot be taken back: what is begun is gone on with, or the connection is cut by its close. */
static void
test_write_deadline_within_a_record (Fixture *fixture, gconstpointer kind)
{
  g_auto (Tls) tls = { 0 };
  Drain drained = { .tls = &tls };
  g_autoptr (GError) error = NULL;
  guint64 position = 0;

  connect_by (&tls, fixture, kind);
  write_until_full (&tls, &position);
  assert_only_same_bytes (&tls);
  /* Nor by another thread, which does not wait for the one that gave up. */
  g_thread_join (g_thread_new ("other", write_other, &tls));
  g_assert_true (leash_conn_close (tls.dialled, &error));
  g_thread_join (g_thread_new ("drain", drain, &drained));
  g_assert_cmpuint (drained.count, ==, position);
  g_assert_cmpuint (drained.n_wrong, ==, 0);
  g_assert_cmpint (drained.end, ==, -1);
  g_assert_error (drained.error, G_TLS_ERROR, G_TLS_ERROR_EOF);
  g_clear_error (&drained.error);
}

/* More than the kernel keeps. */
#define PER_WRITER 6000000u

static void
write_letters (Sleeper *sleeper)
{
  g_autofree char *block = g_malloc (PER_WRITER);

  memset (block, sleeper->address[0], PER_WRITER);
  leash_conn_write_all (sleeper->subject, sleeper->ctx, block, PER_WRITER, (gsize *) &sleeper->n,
                        &sleeper->error);
}

/* Who finds another thread in the middle of a record waits for it. */
static void
test_writers_wait_for_each_other (Fixture *fixture, gconstpointer kind)
{
  g_auto (Tls) tls = { 0 };
  Sleeper writers[2]
      = { { .func = write_letters, .address = "a" }, { .func = write_letters, .address = "b" } };
  g_autofree char *found = g_malloc (2 * PER_WRITER);
  g_autoptr (GError) error = NULL;
  gsize n_a = 0;

  connect_by (&tls, fixture, kind);
  for (guint i = 0; i < 2; i++)
    {
      writers[i].subject = tls.dialled;
      writers[i].ctx = tls.client_ctx;
      sleeper_start (&writers[i]);
    }
  /* This wakes who waits, for no reason. */
  leash_conn_set_write_deadline (tls.dialled, -1);
  g_assert_true (leash_conn_read_all (tls.accepted, tls.server_ctx, found, 2 * PER_WRITER, NULL, &error));
  g_assert_no_error (error);
  for (guint i = 0; i < 2; i++)
    {
      sleeper_join (&writers[i]);
      g_assert_no_error (writers[i].error);
    }
  for (gsize i = 0; i < 2 * PER_WRITER; i++)
    n_a += found[i] == 'a';
  g_assert_cmpuint (n_a, ==, PER_WRITER);
}

/* Streams */

static gboolean
note_ready (GObject *stream, gpointer n_ready)
{
  ++*(guint *) n_ready;
  return G_SOURCE_CONTINUE;
}

static GSource *
start_source (GPollableOutputStream *output, guint *n_ready)
{
  GSource *source = g_pollable_output_stream_create_source (output, NULL);

  g_source_set_callback (source, G_SOURCE_FUNC (note_ready), n_ready, NULL);
  g_source_attach (source, NULL);
  return source;
}

static void
stop_source (GSource *source)
{
  g_source_destroy (source);
  g_source_unref (source);
}

/* Writes for as long as there is room, and goes on at *position. */
static void
write_while_there_is_room (GPollableOutputStream *output, guint64 *position, guint64 end)
{
  g_autoptr (GError) error = NULL;
  gssize n = 1;

  while (*position < end && n > 0)
    {
      n = g_pollable_output_stream_write_nonblocking (output, much_from (*position), MUCH, NULL, &error);
      *position += (guint64) MAX (n, 0);
    }
  if (n < 0)
    assert_io_error (error, G_IO_ERROR_WOULD_BLOCK, "Writing to “tls:");
}

static void
test_stream_tries_to_write (Fixture *fixture, gconstpointer unused)
{
  g_auto (Tls) tls = { 0 };
  Drain drained = { .tls = &tls };
  g_autoptr (GIOStream) stream = NULL;
  g_autoptr (GError) error = NULL;
  GPollableOutputStream *output;
  guint64 position = 0, end;
  GThread *thread;

  connect_well (&tls, fixture);
  stream = leash_conn_to_stream (tls.dialled, tls.client_ctx);
  output = G_POLLABLE_OUTPUT_STREAM (g_io_stream_get_output_stream (stream));
  write_while_there_is_room (output, &position, G_MAXUINT64);
  end = position + 10 * MUCH;
  thread = g_thread_new ("drain", drain, &drained);
  while (position < end)
    {
      guint n_ready = 0;
      GSource *source = start_source (output, &n_ready);

      wait_until (g_main_context_iteration (NULL, FALSE) && n_ready > 0);
      stop_source (source);
      write_while_there_is_room (output, &position, end);
    }
  g_assert_true (g_io_stream_close (stream, NULL, &error));
  g_assert_no_error (error);
  g_thread_join (thread);
  g_assert_no_error (drained.error);
  g_assert_cmpuint (drained.count, ==, position);
  g_assert_cmpuint (drained.n_wrong, ==, 0);
}

/* Its socket has room for what cannot be written yet: who polled that would find it ready for ever. */
static void
test_stream_before_the_handshake (Fixture *fixture, gconstpointer unused)
{
  g_auto (Tls) tls = { 0 };
  g_autoptr (LeashConn) silent = NULL;
  g_autoptr (GIOStream) stream = NULL;
  g_autofree char *address = NULL;
  g_autoptr (GError) error = NULL;
  GPollableOutputStream *output;
  guint n_ready = 0;
  GSource *source;

  begin (&tls, fixture, make_config ("good"), make_config (NULL), TLS);
  address = g_strconcat ("tcp", leash_listener_get_address (tls.listener) + 3, NULL);
  silent = dial (fixture->ctx, address);
  tls.accepted = accept_one (tls.listener, tls.server_ctx);
  stream = leash_conn_to_stream (tls.accepted, tls.server_ctx);
  output = G_POLLABLE_OUTPUT_STREAM (g_io_stream_get_output_stream (stream));
  source = start_source (output, &n_ready);
  for (guint i = 0; i < 100; i++)
    {
      g_main_context_iteration (NULL, FALSE);
      g_assert_cmpint (g_pollable_output_stream_write_nonblocking (output, "x", 1, NULL, &error), ==, -1);
      assert_io_error (error, G_IO_ERROR_WOULD_BLOCK, "Writing to “tls:");
    }
  g_assert_cmpuint (n_ready, ==, 0);
  g_clear_pointer (&silent, leash_conn_unref);
  wait_until (g_main_context_iteration (NULL, FALSE) && n_ready > 0);
  g_assert_cmpint (g_pollable_output_stream_write_nonblocking (output, "x", 1, NULL, &error), ==, -1);
  g_assert_error (error, G_TLS_ERROR, G_TLS_ERROR_EOF);
  stop_source (source);
}

static void
note_result (GObject *object, GAsyncResult *result, gpointer user_data)
{
  *(GAsyncResult **) user_data = g_object_ref (result);
}

static gpointer
dial_and_write (gpointer data)
{
  Tls *tls = data;

  tls->dialled = leash_dial (tls->client_ctx, leash_listener_get_address (tls->listener), &tls->error);
  if (tls->dialled != NULL)
    leash_conn_write_all (tls->dialled, tls->client_ctx, "ping", 4, NULL, &tls->error);
  return NULL;
}

/* The handshake goes by the way. */
static void
test_stream_shakes_hands (Fixture *fixture, gconstpointer unused)
{
  g_auto (Tls) tls = { 0 };
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GIOStream) stream = NULL;
  g_autoptr (GError) error = NULL;
  GInputStream *input;
  GThread *thread;
  char bytes[4];

  begin (&tls, fixture, make_config ("good"), make_config (NULL), TLS);
  thread = g_thread_new ("client", dial_and_write, &tls);
  tls.accepted = accept_one (tls.listener, tls.server_ctx);
  stream = leash_conn_to_stream (tls.accepted, tls.server_ctx);
  input = g_io_stream_get_input_stream (stream);
  g_input_stream_read_async (input, bytes, sizeof bytes, G_PRIORITY_DEFAULT, NULL, note_result, &result);
  while (result == NULL)
    g_main_context_iteration (NULL, TRUE);
  g_assert_cmpint (g_input_stream_read_finish (input, result, &error), ==, 4);
  g_assert_no_error (error);
  g_thread_join (thread);
  g_assert_no_error (tls.error);
  g_assert_cmpmem (bytes, 4, "ping", 4);
}

static void
test_close_wakes_reader_and_tells_the_end (Fixture *fixture, gconstpointer unused)
{
  g_auto (Tls) tls = { 0 };
  g_autoptr (GError) error = NULL;
  Sleeper sleeper = { .func = sleep_reading, .ctx = fixture->ctx };
  char byte;

  connect_well (&tls, fixture);
  sleeper.subject = tls.dialled;
  sleeper_start (&sleeper);
  g_assert_true (leash_conn_close (tls.dialled, &error));
  sleeper_join (&sleeper);
  g_assert_cmpint (sleeper.n, ==, -1);
  assert_io_error (sleeper.error, G_IO_ERROR_CLOSED, "closed");
  g_assert_cmpint (leash_conn_read (tls.accepted, fixture->ctx, &byte, 1, &error), ==, 0);
  g_assert_no_error (error);
}

static void
test_close_wakes_writer (Fixture *fixture, gconstpointer unused)
{
  g_auto (Tls) tls = { 0 };
  g_autoptr (GError) error = NULL;
  Sleeper sleeper = { .func = sleep_writing, .ctx = fixture->ctx };

  connect_well (&tls, fixture);
  sleeper.subject = tls.dialled;
  sleeper_start (&sleeper);
  g_assert_true (leash_conn_close (tls.dialled, &error));
  sleeper_join (&sleeper);
  g_assert_cmpint (sleeper.n, ==, -1);
  assert_io_error (sleeper.error, G_IO_ERROR_CLOSED, "closed");
}

static gboolean
accept_any (GTlsConnection *tls, GTlsCertificate *certificate, GTlsCertificateFlags errors, gpointer unused)
{
  return TRUE;
}

static void
write_much (Sleeper *sleeper)
{
  leash_conn_write_all (sleeper->subject, sleeper->ctx, much_from (0), MUCH, NULL, &sleeper->error);
}

/* Regression: who waited for the turn to write was not woken where it waited by a checkout. */
static void
test_writers_on_a_checkout (Fixture *fixture, gconstpointer unused)
{
  g_auto (Tls) tls = { 0 };
  g_autoptr (LeashClient) client = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *read = g_malloc (2 * MUCH);
  Sleeper writers[2];
  GThread *thread;

  begin (&tls, fixture, make_config ("good"), make_config (NULL), TLS);
  thread = g_thread_new ("server", serve, &tls);
  client = leash_client_new (tls.client_ctx, leash_listener_get_address (tls.listener), NULL);
  tls.dialled = leash_client_checkout (client, tls.client_ctx, &error);
  g_assert_no_error (error);
  g_thread_join (thread);
  g_assert_no_error (tls.accept_error);
  /* For what is written not to fit. */
  g_assert_cmpint (
      setsockopt (leash_conn_get_fd (tls.dialled), SOL_SOCKET, SO_SNDBUF, &(int){ 4096 }, sizeof (int)), ==,
      0);
  for (guint i = 0; i < G_N_ELEMENTS (writers); i++)
    {
      writers[i] = (Sleeper){ .func = write_much, .ctx = tls.client_ctx, .subject = tls.dialled };
      sleeper_start (&writers[i]);
    }
  g_assert_true (leash_conn_read_all (tls.accepted, tls.server_ctx, read, 2 * MUCH, NULL, &error));
  for (guint i = 0; i < G_N_ELEMENTS (writers); i++)
    {
      sleeper_join (&writers[i]);
      g_assert_no_error (writers[i].error);
    }
  g_clear_pointer (&tls.dialled, leash_conn_unref);
  g_assert_true (leash_client_close (client, NULL));
}

/* GIO's own TLS polls what it is over. */
static void
test_of_gio_over_a_fault_network (Fixture *fixture, gconstpointer unused)
{
  g_auto (Tls) tls = { 0 };
  g_autoptr (LeashNetwork) net = leash_fault_network_new (leash_context_get_network (fixture->ctx));
  g_autoptr (LeashContext) ctx = leash_context_with_network (fixture->ctx, net);
  g_autofree char *address = NULL;
  g_autoptr (LeashConn) conn = NULL;
  g_autoptr (GIOStream) below = NULL;
  g_autoptr (GIOStream) stream = NULL;
  g_autoptr (GError) error = NULL;
  char greeting[sizeof GREETING];
  GThread *thread;

  if (UNDER_THREAD_SANITIZER)
    {
      g_test_skip ("GIO hands the stream to a thread of its own, under locks that are not instrumented");
      return;
    }
  begin (&tls, fixture, make_config ("good"), make_config (NULL), TLS);
  address = g_strconcat ("tcp", strchr (leash_listener_get_address (tls.listener), ':'), NULL);
  thread = g_thread_new ("server", serve, &tls);
  leash_fault_network_add (
      net, &(LeashNetFaultRule){ .ops = LEASH_NET_OP_READ, .effect = LEASH_NET_FAULT_SHORT, .bytes = 100 });
  conn = dial (ctx, address);
  below = leash_conn_to_stream (conn, ctx);
  stream = g_tls_client_connection_new (below, NULL, &error);
  g_assert_no_error (error);
  g_signal_connect (stream, "accept-certificate", G_CALLBACK (accept_any), NULL);
  g_input_stream_read_all (g_io_stream_get_input_stream (stream), greeting, sizeof greeting, NULL, NULL,
                           &error);
  g_assert_no_error (error);
  g_assert_cmpstr (greeting, ==, GREETING);
  g_thread_join (thread);
  g_assert_no_error (tls.accept_error);
  /* The thread that GIO shook hands in may let go of the stream later than this one. */
  g_assert_true (g_io_stream_close (stream, NULL, &error));
  g_assert_no_error (error);
}

static void
add_tests (void)
{
  ADD_TLS ("/net/tls/write-deadline-loses-nothing", test_write_deadline_loses_nothing);
  ADD_TLS ("/net/tls/stream/of-gio-over-a-fault-network", test_of_gio_over_a_fault_network);
  ADD_TLS ("/net/tls/stream/tries-to-write", test_stream_tries_to_write);
  ADD_TLS ("/net/tls/stream/before-the-handshake", test_stream_before_the_handshake);
  ADD_TLS ("/net/tls/stream/shakes-hands", test_stream_shakes_hands);
  for (guint i = 0; i < G_N_ELEMENTS (kinds); i++)
    {
      g_autofree char *within = g_strconcat ("/net/tls/write-deadline-within-a-record/", kinds[i].name, NULL);
      g_autofree char *wait = g_strconcat ("/net/tls/writers-wait-for-each-other/", kinds[i].name, NULL);

      g_test_add (within, Fixture, &kinds[i], set_up_tls, test_write_deadline_within_a_record, tear_down_tls);
      g_test_add (wait, Fixture, &kinds[i], set_up_tls, test_writers_wait_for_each_other, tear_down_tls);
    }
  ADD_TLS ("/net/tls/writers-on-a-checkout", test_writers_on_a_checkout);
  ADD_TLS ("/net/tls/close-wakes-reader-and-tells-the-end", test_close_wakes_reader_and_tells_the_end);
  ADD_TLS ("/net/tls/close-wakes-writer", test_close_wakes_writer);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  return run_tls_tests (add_tests);
}
