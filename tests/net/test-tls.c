/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* TLS over other networks: who is accepted, what is said of who is not, and how connections end. */
#include "tls-fixture.h"

#define TLS "tls:127.0.0.1:0"
/* What servers begin with; long enough to be seen not to be TLS. */
#define GREETING "welcome to the server"

/* Both ends, and their networks. */
typedef struct
{
  LeashNetwork *server;
  LeashNetwork *client;
  LeashContext *server_ctx;
  LeashContext *client_ctx;
  LeashListener *listener;
  LeashConn *accepted;
  LeashConn *dialled;
  GError *error;        /* of the dialling */
  GError *accept_error; /* of the server's first operation */
} Tls;

static void
tls_clear (Tls *tls)
{
  g_clear_pointer (&tls->dialled, leash_conn_unref);
  g_clear_pointer (&tls->accepted, leash_conn_unref);
  g_clear_pointer (&tls->listener, leash_listener_unref);
  g_clear_pointer (&tls->client_ctx, leash_context_unref);
  g_clear_pointer (&tls->server_ctx, leash_context_unref);
  g_clear_object (&tls->client);
  g_clear_object (&tls->server);
  g_clear_error (&tls->error);
  g_clear_error (&tls->accept_error);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Tls, tls_clear)

/* Accepts, and greets: with that the handshake is done. */
static gpointer
serve (gpointer data)
{
  Tls *tls = data;

  tls->accepted = accept_one (tls->listener, tls->server_ctx);
  leash_conn_write_all (tls->accepted, tls->server_ctx, GREETING, sizeof GREETING, NULL, &tls->accept_error);
  return NULL;
}

/* Takes the configurations over. */
static void
begin (Tls *tls, Fixture *fixture, LeashTlsConfig *server, LeashTlsConfig *client, const char *address)
{
  tls->server = make_tls_network (server);
  tls->client = make_tls_network (client);
  leash_tls_config_unref (server);
  leash_tls_config_unref (client);
  tls->server_ctx = leash_context_with_network (fixture->ctx, tls->server);
  tls->client_ctx = leash_context_with_network (fixture->ctx, tls->client);
  tls->listener = start_listening (tls->server_ctx, address);
}

static void
dial_as (Tls *tls, const char *address)
{
  GThread *thread = g_thread_new ("server", serve, tls);
  char greeting[sizeof GREETING];

  tls->dialled = leash_dial (tls->client_ctx, address, &tls->error);
  /* A refusal of the client's certificate comes with the first read. */
  if (tls->dialled != NULL)
    leash_conn_read_all (tls->dialled, tls->client_ctx, greeting, sizeof greeting, NULL, &tls->error);
  g_thread_join (thread);
}

static void
connect_as (Tls *tls, Fixture *fixture, LeashTlsConfig *server, LeashTlsConfig *client, const char *address)
{
  begin (tls, fixture, server, client, address);
  dial_as (tls, leash_listener_get_address (tls->listener));
}

static void
connect_well (Tls *tls, Fixture *fixture)
{
  connect_as (tls, fixture, make_config ("good"), make_config (NULL), TLS);
  g_assert_no_error (tls->error);
  g_assert_no_error (tls->accept_error);
  if (leash_has_tracking ())
    g_assert_cmpuint (leash_tracker_count_open (fixture->tracker), ==, 3);
}

/* The dialling failed with a code of G_TLS_ERROR, and its message has every piece; nothing is left of it. */
static void
assert_refused (Tls *tls, Fixture *fixture, int code, const char *const *pieces)
{
  g_assert_error (tls->error, G_TLS_ERROR, code);
  for (; *pieces != NULL; pieces++)
    if (strstr (tls->error->message, *pieces) == NULL)
      g_error ("“%s” is not in “%s”", *pieces, tls->error->message);
  g_clear_pointer (&tls->accepted, leash_conn_unref);
  g_clear_pointer (&tls->dialled, leash_conn_unref);
  g_clear_pointer (&tls->listener, leash_listener_unref);
  g_assert_cmpuint (leash_tracker_count_open (fixture->tracker), ==, 0);
}

#define PIECES(...) ((const char *const[]){ __VA_ARGS__, NULL })

static void
echo_once (Tls *tls)
{
  g_autoptr (GError) error = NULL;
  char buffer[4];

  g_assert_true (leash_conn_write_all (tls->dialled, tls->client_ctx, "ping", 4, NULL, &error));
  g_assert_no_error (error);
  g_assert_true (leash_conn_read_all (tls->accepted, tls->server_ctx, buffer, 4, NULL, &error));
  g_assert_no_error (error);
  g_assert_cmpmem (buffer, 4, "ping", 4);
  g_assert_true (leash_conn_write_all (tls->accepted, tls->server_ctx, "pong", 4, NULL, &error));
  g_assert_true (leash_conn_read_all (tls->dialled, tls->client_ctx, buffer, 4, NULL, &error));
  g_assert_cmpmem (buffer, 4, "pong", 4);
}

static void
test_moves_data (Fixture *fixture, gconstpointer unused)
{
  g_auto (Tls) tls = { 0 };
  g_autoptr (GTlsCertificate) certificate = NULL;

  connect_well (&tls, fixture);
  g_assert_true (g_str_has_prefix (leash_listener_get_address (tls.listener), "tls:127.0.0.1:"));
  g_assert_cmpstr (leash_conn_get_remote_address (tls.dialled), ==,
                   leash_listener_get_address (tls.listener));
  g_assert_cmpint (leash_conn_get_fd (tls.dialled), >=, 0);
  echo_once (&tls);
  certificate = leash_conn_get_tls_peer_certificate (tls.dialled);
  g_assert_nonnull (certificate);
  g_assert_null (leash_conn_get_tls_peer_certificate (tls.accepted));
}

static void
test_over_unix (Fixture *fixture, gconstpointer unused)
{
  LeashTlsConfig *client = make_config (NULL);
  g_autofree char *path = path_of (fixture, "socket");
  g_autofree char *address = g_strconcat ("tls+unix:", path, NULL);
  g_auto (Tls) tls = { 0 };

  leash_tls_config_set_server_name (client, "localhost");
  connect_as (&tls, fixture, make_config ("good"), client, address);
  g_assert_no_error (tls.error);
  g_assert_cmpstr (leash_listener_get_address (tls.listener), ==, address);
  echo_once (&tls);
}

static void
test_over_memory (Fixture *fixture, gconstpointer unused)
{
  LeashTlsConfig *client = make_config (NULL);
  g_auto (Tls) tls = { 0 };

  leash_tls_config_set_server_name (client, "localhost");
  connect_as (&tls, fixture, make_config ("good"), client, "tls+memory:secret");
  g_assert_no_error (tls.error);
  echo_once (&tls);
}

static void
test_wants_a_name (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (leash_dial (fixture->ctx, "tls+unix:/nowhere", &error));
  assert_io_error (error, G_IO_ERROR_INVALID_ARGUMENT, "Dialling “tls+unix:/nowhere”: ", "names no host");
}

static void
test_server_wants_a_certificate (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (leash_listen (fixture->ctx, TLS, &error));
  assert_io_error (error, G_IO_ERROR_INVALID_ARGUMENT, "Listening on “" TLS "”: ", "needs a certificate");
}

static void
test_unknown_ca (Fixture *fixture, gconstpointer unused)
{
  g_auto (Tls) tls = { 0 };

  connect_as (&tls, fixture, make_config ("good"), leash_tls_config_new (), TLS);
  assert_refused (&tls, fixture, G_TLS_ERROR_BAD_CERTIFICATE,
                  PIECES ("Dialling “tls:127.0.0.1:", "its authority is unknown: “CN=Test authority”"));
}

/* The system's authorities do not know the test's, by the host's own network either. */
static void
test_default_network_verifies (Fixture *fixture, gconstpointer unused)
{
  g_auto (Tls) tls = { 0 };

  begin (&tls, fixture, make_config ("good"), make_config (NULL), TLS);
  leash_context_unref (tls.client_ctx);
  tls.client_ctx = leash_context_ref (fixture->ctx);
  dial_as (&tls, leash_listener_get_address (tls.listener));
  assert_refused (&tls, fixture, G_TLS_ERROR_BAD_CERTIFICATE, PIECES ("its authority is unknown"));
}

static void
test_bad_identity (Fixture *fixture, gconstpointer unused)
{
  LeashTlsConfig *client = make_config (NULL);
  g_auto (Tls) tls = { 0 };

  leash_tls_config_set_server_name (client, "other.example");
  connect_as (&tls, fixture, make_config ("good"), client, TLS);
  assert_refused (&tls, fixture, G_TLS_ERROR_BAD_CERTIFICATE,
                  PIECES ("it is for “localhost”, “127.0.0.1”, not for “other.example”"));
}

static void
test_expired (Fixture *fixture, gconstpointer unused)
{
  g_auto (Tls) tls = { 0 };

  make_certificate (
      "expired", TRUE,
      "cn = \"expired\"\ndns_name = \"localhost\"\nip_address = \"127.0.0.1\"\n"
      "activation_date = \"2020-01-01 00:00:00\"\nexpiration_date = \"2020-02-01 00:00:00\"\n" SERVER);
  connect_as (&tls, fixture, make_config ("expired"), make_config (NULL), TLS);
  assert_refused (&tls, fixture, G_TLS_ERROR_BAD_CERTIFICATE, PIECES ("it has expired: 2020-02-01T"));
}

static void
test_not_yet_valid (Fixture *fixture, gconstpointer unused)
{
  g_auto (Tls) tls = { 0 };

  make_certificate (
      "early", TRUE,
      "cn = \"early\"\ndns_name = \"localhost\"\nip_address = \"127.0.0.1\"\n"
      "activation_date = \"2090-01-01 00:00:00\"\nexpiration_date = \"2091-01-01 00:00:00\"\n" SERVER);
  connect_as (&tls, fixture, make_config ("early"), make_config (NULL), TLS);
  assert_refused (&tls, fixture, G_TLS_ERROR_BAD_CERTIFICATE, PIECES ("it is not valid before 2090-01-01T"));
}

static void
test_client_certificate (Fixture *fixture, gconstpointer unused)
{
  LeashTlsConfig *server = make_config ("good");
  g_autoptr (GTlsCertificate) certificate = NULL;
  g_auto (Tls) tls = { 0 };

  leash_tls_config_set_requires_client_certificate (server, TRUE);
  connect_as (&tls, fixture, server, make_config ("good"), TLS);
  g_assert_no_error (tls.accept_error);
  g_assert_no_error (tls.error);
  certificate = leash_conn_get_tls_peer_certificate (tls.accepted);
  g_assert_nonnull (certificate);
}

static void
test_no_client_certificate (Fixture *fixture, gconstpointer unused)
{
  LeashTlsConfig *server = make_config ("good");
  g_auto (Tls) tls = { 0 };

  leash_tls_config_set_requires_client_certificate (server, TRUE);
  connect_as (&tls, fixture, server, make_config (NULL), TLS);
  g_assert_error (tls.accept_error, G_TLS_ERROR, G_TLS_ERROR_CERTIFICATE_REQUIRED);
  /* GIO's server closes without a word, so that all the client can tell is that. */
  g_assert_nonnull (tls.error);
}

static void
test_alpn (Fixture *fixture, gconstpointer unused)
{
  LeashTlsConfig *server = make_config ("good"), *client = make_config (NULL);
  g_autofree char *of_client = NULL, *of_server = NULL;
  g_auto (Tls) tls = { 0 };

  leash_tls_config_set_protocols (server, PIECES ("h2", "http/1.1"));
  leash_tls_config_set_protocols (client, PIECES ("http/1.1"));
  connect_as (&tls, fixture, server, client, TLS);
  g_assert_no_error (tls.error);
  of_client = leash_conn_get_tls_protocol (tls.dialled);
  of_server = leash_conn_get_tls_protocol (tls.accepted);
  g_assert_cmpstr (of_client, ==, "http/1.1");
  g_assert_cmpstr (of_server, ==, "http/1.1");
}

static void
test_close_tells_the_end (Fixture *fixture, gconstpointer unused)
{
  g_auto (Tls) tls = { 0 };
  g_autoptr (GError) error = NULL;
  char byte;

  connect_well (&tls, fixture);
  g_assert_true (leash_conn_close (tls.dialled, &error));
  g_assert_no_error (error);
  g_assert_cmpint (leash_conn_read (tls.accepted, fixture->ctx, &byte, 1, &error), ==, 0);
  g_assert_no_error (error);
}

static void
test_cut_is_no_end (Fixture *fixture, gconstpointer unused)
{
  g_auto (Tls) tls = { 0 };
  g_autoptr (GError) error = NULL;
  char byte;

  connect_well (&tls, fixture);
  shutdown (leash_conn_get_fd (tls.dialled), SHUT_WR);
  g_assert_cmpint (leash_conn_read (tls.accepted, fixture->ctx, &byte, 1, &error), ==, -1);
  g_assert_error (error, G_TLS_ERROR, G_TLS_ERROR_EOF);
  g_assert_nonnull (strstr (error->message, "the connection was cut"));
}

static void
test_half_close (Fixture *fixture, gconstpointer unused)
{
  g_auto (Tls) tls = { 0 };
  g_autoptr (GError) error = NULL;
  char buffer[4];

  connect_well (&tls, fixture);
  g_assert_true (leash_conn_shutdown (tls.dialled, FALSE, TRUE, &error));
  g_assert_no_error (error);
  g_assert_cmpint (leash_conn_read (tls.accepted, fixture->ctx, buffer, 1, &error), ==, 0);
  g_assert_true (leash_conn_write_all (tls.accepted, fixture->ctx, "late", 4, NULL, &error));
  g_assert_true (leash_conn_read_all (tls.dialled, fixture->ctx, buffer, 4, NULL, &error));
  g_assert_no_error (error);
  g_assert_cmpmem (buffer, 4, "late", 4);
  g_assert_cmpint (leash_conn_write (tls.dialled, fixture->ctx, "x", 1, &error), ==, -1);
  assert_io_error (error, G_IO_ERROR_CONNECTION_CLOSED, "shut down");
}

static void
test_silent_server (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (LeashListener) listener = start_listening (fixture->ctx, TCP);
  g_autoptr (LeashContext) ctx = leash_context_with_timeout (fixture->ctx, 50 * G_TIME_SPAN_MILLISECOND);
  g_autofree char *address = g_strconcat ("tls", leash_listener_get_address (listener) + 3, NULL);
  g_autoptr (GError) error = NULL;

  g_assert_null (leash_dial (ctx, address, &error));
  assert_io_error (error, G_IO_ERROR_TIMED_OUT, "Dialling “tls:127.0.0.1:", "handshake was given up");
}

static void
test_server_without_tls (Fixture *fixture, gconstpointer unused)
{
  g_auto (Tls) tls = { 0 };
  g_autoptr (LeashContext) plain = leash_context_ref (fixture->ctx);
  g_autofree char *address = NULL;

  begin (&tls, fixture, make_config ("good"), make_config (NULL), TCP);
  address = g_strconcat ("tls", leash_listener_get_address (tls.listener) + 3, NULL);
  dial_as (&tls, address);
  g_assert_nonnull (tls.error);
  g_clear_pointer (&tls.accepted, leash_conn_unref);
  g_clear_pointer (&tls.listener, leash_listener_unref);
  g_assert_cmpuint (leash_tracker_count_open (fixture->tracker), ==, 0);
}

/* A client that says nothing keeps nobody from being accepted, and is given up by the deadline of who serves
 * it. */
static void
test_silent_client (Fixture *fixture, gconstpointer unused)
{
  g_auto (Tls) tls = { 0 };
  g_autoptr (LeashConn) silent = NULL;
  g_autoptr (LeashConn) served = NULL;
  g_autofree char *address = NULL;
  g_autoptr (GError) error = NULL;
  char byte;

  begin (&tls, fixture, make_config ("good"), make_config (NULL), TLS);
  address = g_strconcat ("tcp", leash_listener_get_address (tls.listener) + 3, NULL);
  silent = dial (fixture->ctx, address);
  served = accept_one (tls.listener, tls.server_ctx);
  dial_as (&tls, leash_listener_get_address (tls.listener));
  g_assert_no_error (tls.error);
  echo_once (&tls);
  leash_conn_set_read_deadline (served, g_get_monotonic_time () + 20000);
  g_assert_cmpint (leash_conn_read (served, tls.server_ctx, &byte, 1, &error), ==, -1);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
  g_clear_error (&error);
  leash_conn_set_read_deadline (served, -1);
  g_assert_cmpint (leash_conn_read (served, tls.server_ctx, &byte, 1, &error), ==, -1);
  g_assert_nonnull (strstr (error->message, "handshake was given up"));
}

static void
test_deadlines (Fixture *fixture, gconstpointer unused)
{
  g_auto (Tls) tls = { 0 };
  g_autoptr (GError) error = NULL;
  char byte;

  connect_well (&tls, fixture);
  leash_conn_set_read_deadline (tls.dialled, g_get_monotonic_time () + 10000);
  g_assert_cmpint (leash_conn_read (tls.dialled, fixture->ctx, &byte, 1, &error), ==, -1);
  assert_io_error (error, G_IO_ERROR_TIMED_OUT, "deadline for reading");
  leash_conn_set_read_deadline (tls.dialled, -1);
  echo_once (&tls);
}

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

  leash_conn_set_write_deadline (tls->dialled, g_get_monotonic_time () + 50000);
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
test_write_deadline_within_a_record (Fixture *fixture, gconstpointer unused)
{
  g_auto (Tls) tls = { 0 };
  Drain drained = { .tls = &tls };
  g_autoptr (GError) error = NULL;
  guint64 position = 0;
  GThread *thread;

  connect_well (&tls, fixture);
  write_until_deadline (&tls, &position);
  assert_only_same_bytes (&tls);
  g_thread_join (g_thread_new ("other", write_other, &tls));
  g_assert_true (leash_conn_close (tls.dialled, &error));
  thread = g_thread_new ("drain", drain, &drained);
  g_thread_join (thread);
  g_assert_cmpuint (drained.count, ==, position);
  g_assert_cmpuint (drained.n_wrong, ==, 0);
  g_assert_cmpint (drained.end, ==, -1);
  g_assert_error (drained.error, G_TLS_ERROR, G_TLS_ERROR_EOF);
  g_clear_error (&drained.error);
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

static void
test_without_backend (void)
{
  if (g_test_subprocess ())
    {
      g_autoptr (GError) error = NULL;

      g_assert_null (leash_dial (leash_context_background (), "tls:127.0.0.1:1", &error));
      assert_io_error (error, G_IO_ERROR_NOT_SUPPORTED, "Dialling “tls:127.0.0.1:1”: ", "glib-networking");
      return;
    }
  g_setenv ("GIO_USE_TLS", "dummy", TRUE);
  g_test_trap_subprocess (NULL, 0, G_TEST_SUBPROCESS_INHERIT_STDERR);
  g_unsetenv ("GIO_USE_TLS");
  g_test_trap_assert_passed ();
}

static void
skip_all (void)
{
  g_test_skip (why_no_tls ());
}

/* GLib's tasks and GnuTLS's random numbers keep descriptors and threads once they were needed. */
static void
warm_up_tls (void)
{
  Fixture fixture = { 0 };
  g_auto (Tls) tls = { 0 };

  fixture.ctx = leash_context_background ();
  connect_as (&tls, &fixture, make_config ("good"), make_config (NULL), TLS);
}

/*
 * GIO shakes hands in threads of its own, which keep their wake-up for as long as GLib keeps them: what of
 * the process's descriptors must be as before are the sockets.
 */
static guint
count_sockets (void)
{
  g_autoptr (GDir) dir = g_dir_open ("/proc/self/fd", 0, NULL);
  const char *name;
  guint n = 0;

  while ((name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *path = g_build_filename ("/proc/self/fd", name, NULL);
      g_autofree char *target = g_file_read_link (path, NULL);

      if (target != NULL && g_str_has_prefix (target, "socket:"))
        n++;
    }
  return n;
}

static guint n_sockets; /* at the test's beginning */

static void
set_up_tls (Fixture *fixture, gconstpointer unused)
{
  set_up (fixture, unused);
  n_sockets = count_sockets ();
}

static void
tear_down_tls (Fixture *fixture, gconstpointer unused)
{
  g_assert_cmpuint (count_sockets (), ==, n_sockets);
  fixture->n_fds = count_fds ();
  tear_down (fixture, unused);
}

#define ADD_TLS(path, func) g_test_add (path, Fixture, NULL, set_up_tls, func, tear_down_tls)

static void
add_tests (void)
{
  ADD_TLS ("/net/tls/moves-data", test_moves_data);
  ADD_TLS ("/net/tls/over-a-local-socket", test_over_unix);
  ADD_TLS ("/net/tls/over-memory", test_over_memory);
  ADD_TLS ("/net/tls/wants-a-name", test_wants_a_name);
  ADD_TLS ("/net/tls/server-wants-a-certificate", test_server_wants_a_certificate);
  ADD_TLS ("/net/tls/unknown-authority", test_unknown_ca);
  ADD_TLS ("/net/tls/default-network-verifies", test_default_network_verifies);
  ADD_TLS ("/net/tls/wrong-name", test_bad_identity);
  ADD_TLS ("/net/tls/expired", test_expired);
  ADD_TLS ("/net/tls/not-yet-valid", test_not_yet_valid);
  ADD_TLS ("/net/tls/client-certificate", test_client_certificate);
  ADD_TLS ("/net/tls/no-client-certificate", test_no_client_certificate);
  ADD_TLS ("/net/tls/alpn", test_alpn);
  ADD_TLS ("/net/tls/close-tells-the-end", test_close_tells_the_end);
  ADD_TLS ("/net/tls/cut-is-no-end", test_cut_is_no_end);
  ADD_TLS ("/net/tls/half-close", test_half_close);
  ADD_TLS ("/net/tls/silent-server", test_silent_server);
  ADD_TLS ("/net/tls/server-without-tls", test_server_without_tls);
  ADD_TLS ("/net/tls/silent-client", test_silent_client);
  ADD_TLS ("/net/tls/deadlines", test_deadlines);
  ADD_TLS ("/net/tls/write-deadline-loses-nothing", test_write_deadline_loses_nothing);
  ADD_TLS ("/net/tls/write-deadline-within-a-record", test_write_deadline_within_a_record);
  ADD_TLS ("/net/tls/close-wakes-reader-and-tells-the-end", test_close_wakes_reader_and_tells_the_end);
  ADD_TLS ("/net/tls/close-wakes-writer", test_close_wakes_writer);
}

int
main (int argc, char **argv)
{
  int result;

  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/net/tls/without-backend-names-the-package", test_without_backend);
  if (g_test_subprocess () || why_no_tls () != NULL)
    {
      if (why_no_tls () != NULL && !g_test_subprocess ())
        g_test_add_func ("/net/tls/all", skip_all);
      return g_test_run ();
    }
  make_certificates ();
  warm_up ();
  warm_up_tls ();
  add_tests ();
  result = g_test_run ();
  remove_certificates ();
  return result;
}
