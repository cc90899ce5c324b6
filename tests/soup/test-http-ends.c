/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The end of a request's context, in each phase of the exchange: by a deadline and by a cancellation from
 * another thread, sent synchronously and asynchronously. A phase is a peer that goes no further.
 */
#include "../net/tls-fixture.h"
#include "raw-peer.h"

#include <leash/leash-http-client.h>

#define HEAD "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n"

typedef struct
{
  const char *name;
  RawPeer peer;
  const char *scheme;
  gboolean has_full_backlog; /* connections wait to be accepted */
  gboolean uploads;
  gboolean holds_place; /* another response is open */
  gboolean has_name;    /* which is looked up for ever */
  gboolean has_response;
} Phase;

static const Phase phases[] = {
  { "place", { .answer = HEAD "some", .holds = TRUE }, "http", .holds_place = TRUE },
  { "name", { .answer = "" }, "http", .has_name = TRUE },
  { "connecting", { .answer = "" }, "http", .has_full_backlog = TRUE },
  { "upload", { .is_deaf = TRUE }, "http", .uploads = TRUE },
  { "head", { .answer = "", .holds = TRUE }, "http" },
  { "middle-of-head", { .answer = "HTTP/1.1 200 OK\r\nContent-", .holds = TRUE }, "http" },
  { "body", { .answer = HEAD "some", .holds = TRUE }, "http", .has_response = TRUE },
  { "handshake", { .answer = "", .holds = TRUE }, "https" },
};

typedef struct
{
  const Phase *phase;
  gboolean is_async;
  gboolean is_cancelled;
} Case;

/* A resolver that finds no name, and looks for it until it is told to stop. */

typedef GResolver TestResolver;
typedef GResolverClass TestResolverClass;

static GType test_resolver_get_type (void);
G_DEFINE_TYPE (TestResolver, test_resolver, G_TYPE_RESOLVER)

static GList *
look_up (GResolver *resolver, const char *name, GResolverNameLookupFlags flags, GCancellable *cancellable,
         GError **error)
{
  GPollFD stop;

  g_assert_true (g_cancellable_make_pollfd (cancellable, &stop));
  g_poll (&stop, 1, -1);
  g_cancellable_release_fd (cancellable);
  g_cancellable_set_error_if_cancelled (cancellable, error);
  return NULL;
}

static GList *
look_up_any (GResolver *resolver, const char *name, GCancellable *cancellable, GError **error)
{
  return look_up (resolver, name, G_RESOLVER_NAME_LOOKUP_FLAGS_DEFAULT, cancellable, error);
}

static void
look_up_in_thread (GTask *task, gpointer resolver, gpointer unused, GCancellable *cancellable)
{
  GError *error = NULL;

  look_up (resolver, NULL, G_RESOLVER_NAME_LOOKUP_FLAGS_DEFAULT, cancellable, &error);
  g_task_return_error (task, error);
}

static void
look_up_async (GResolver *resolver, const char *name, GResolverNameLookupFlags flags,
               GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (resolver, cancellable, callback, user_data);

  g_task_run_in_thread (task, look_up_in_thread);
}

static void
look_up_any_async (GResolver *resolver, const char *name, GCancellable *cancellable,
                   GAsyncReadyCallback callback, gpointer user_data)
{
  look_up_async (resolver, name, G_RESOLVER_NAME_LOOKUP_FLAGS_DEFAULT, cancellable, callback, user_data);
}

static GList *
look_up_finish (GResolver *resolver, GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

static void
test_resolver_class_init (TestResolverClass *klass)
{
  klass->lookup_by_name = look_up_any;
  klass->lookup_by_name_async = look_up_any_async;
  klass->lookup_by_name_finish = look_up_finish;
  klass->lookup_by_name_with_flags = look_up;
  klass->lookup_by_name_with_flags_async = look_up_async;
  klass->lookup_by_name_with_flags_finish = look_up_finish;
}

static void
test_resolver_init (TestResolver *self)
{
}

/* An exchange, to its end. */
typedef struct
{
  LeashHttpClient *client;
  LeashContext *ctx;
  SoupMessage *message;
  GMainLoop *loop;
  LeashHttpResponse *response; /* NULL until its head is there */
  char buffer[100];
  GError *error;
} Exchange;

static void
exchange_sync (Exchange *exchange)
{
  GInputStream *body;

  exchange->response
      = leash_http_client_send (exchange->client, exchange->ctx, exchange->message, &exchange->error);
  if (exchange->response == NULL)
    return;
  body = leash_http_response_get_body (exchange->response);
  while (g_input_stream_read (body, exchange->buffer, sizeof exchange->buffer, NULL, &exchange->error) > 0)
    ;
}

static void
read_some (GObject *body, GAsyncResult *result, gpointer user_data)
{
  Exchange *exchange = user_data;

  if (result != NULL && g_input_stream_read_finish ((GInputStream *) body, result, &exchange->error) <= 0)
    g_main_loop_quit (exchange->loop);
  else
    g_input_stream_read_async ((GInputStream *) body, exchange->buffer, sizeof exchange->buffer,
                               G_PRIORITY_DEFAULT, NULL, read_some, exchange);
}

static void
have_head (GObject *nothing, GAsyncResult *result, gpointer user_data)
{
  Exchange *exchange = user_data;

  exchange->response = leash_http_client_send_finish (exchange->client, result, &exchange->error);
  if (exchange->response == NULL)
    g_main_loop_quit (exchange->loop);
  else
    read_some ((GObject *) leash_http_response_get_body (exchange->response), NULL, exchange);
}

static void
exchange_async (Exchange *exchange)
{
  exchange->loop = g_main_loop_new (NULL, FALSE);
  leash_http_client_send_async (exchange->client, exchange->ctx, exchange->message, have_head, exchange);
  g_main_loop_run (exchange->loop);
  g_main_loop_unref (exchange->loop);
}

/* Dials until nobody is let in any more. */
static GPtrArray *
fill_backlog (const char *address)
{
  GPtrArray *conns = g_ptr_array_new_with_free_func ((GDestroyNotify) leash_conn_unref);
  LeashConn *conn;

  do
    {
      g_autoptr (LeashContext) ctx = leash_context_with_timeout (leash_context_background (), 50000);

      conn = leash_dial (ctx, address, NULL);
      if (conn != NULL)
        g_ptr_array_add (conns, conn);
    }
  while (conn != NULL);
  return conns;
}

/* A listening socket with the shortest of backlogs, of which nobody accepts. */
static int
listen_only (char **ret_address)
{
  struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl (INADDR_LOOPBACK) };
  socklen_t length = sizeof address;
  int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

  g_assert_cmpint (bind (fd, (struct sockaddr *) &address, length), ==, 0);
  g_assert_cmpint (getsockname (fd, (struct sockaddr *) &address, &length), ==, 0);
  g_assert_cmpint (listen (fd, 0), ==, 0);
  *ret_address = g_strdup_printf ("tcp:127.0.0.1:%u", ntohs (address.sin_port));
  return fd;
}

typedef struct
{
  LeashContext *ctx;
  gint tid;
} Canceller;

/* Cancels once the other thread has been asleep for a while. */
static gpointer
cancel_sleeper (gpointer data)
{
  Canceller *canceller = data;

  for (guint n = 0; n < 5; n = is_asleep (canceller->tid) ? n + 1 : 0)
    g_usleep (2000);
  leash_context_cancel (canceller->ctx, NULL);
  return NULL;
}

static SoupMessage *
new_message (const Phase *phase, const char *uri)
{
  SoupMessage *message = soup_message_new (phase->uploads ? "PUT" : "GET", uri);
  gsize size = 32 << 20;

  if (phase->uploads)
    {
      g_autoptr (GBytes) bytes = g_bytes_new_take (g_malloc0 (size), size);

      soup_message_set_request_body_from_bytes (message, NULL, bytes);
    }
  return message;
}

/* Runs the exchange until its context ends, and checks how it ended. */
static void
run_exchange (Fixture *fixture, const Case *test, LeashHttpClient *client, const char *uri)
{
  g_autoptr (LeashContext) ctx = test->is_cancelled ? leash_context_with_cancel (fixture->ctx)
                                                    : leash_context_with_timeout (fixture->ctx, 30000);
  g_autoptr (SoupMessage) message = new_message (test->phase, uri);
  Exchange exchange = { client, ctx, message };
  Canceller canceller = { ctx, gettid () };
  GThread *thread = test->is_cancelled ? g_thread_new ("canceller", cancel_sleeper, &canceller) : NULL;

  if (test->is_async)
    exchange_async (&exchange);
  else
    exchange_sync (&exchange);
  if (thread != NULL)
    g_thread_join (thread);
  assert_io_error (exchange.error, test->is_cancelled ? G_IO_ERROR_CANCELLED : G_IO_ERROR_TIMED_OUT,
                   test->phase->uploads ? "PUT http" : "GET http",
                   test->phase->has_name ? "://slow.test/" : "://127.0.0.1:",
                   test->phase->holds_place ? "of at most 1 responses all are open: " : "");
  /* On a busy machine a deadline may come before its phase. */
  if (!test->phase->has_response)
    g_assert_null (exchange.response);
  if (exchange.response != NULL)
    g_assert_true (leash_http_response_close (exchange.response, NULL));
  g_clear_pointer (&exchange.response, leash_http_response_unref);
}

/* libsoup gives back in the main context what an asynchronous request had. */
static void
drain (void)
{
  while (g_main_context_iteration (NULL, FALSE))
    ;
}

/* After the end the place is free again, and what is asked next is answered. */
static void
assert_usable (Fixture *fixture, LeashHttpClient *client)
{
  g_auto (RawPeer) peer = { .answer = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nsome" };
  g_autofree char *uri = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) bytes = NULL;

  raw_peer_start (&peer);
  uri = raw_peer_uri (&peer, "http");
  bytes = leash_http_client_get_bytes (client, fixture->ctx, uri, 100, &error);
  g_assert_no_error (error);
}

static void
run_with_peer (Fixture *fixture, const Case *test, LeashHttpClient *client)
{
  g_auto (RawPeer) peer = test->phase->peer;
  g_autoptr (LeashHttpResponse) other = NULL;
  g_autofree char *uri = NULL;

  raw_peer_start (&peer);
  uri = raw_peer_uri (&peer, test->phase->scheme);
  if (test->phase->holds_place)
    other = leash_http_client_get (client, leash_context_background (), uri, NULL);
  run_exchange (fixture, test, client, uri);
}

static void
run_without_accept (Fixture *fixture, const Case *test, LeashHttpClient *client)
{
  g_autofree char *address = NULL;
  int fd = listen_only (&address);
  g_autoptr (GPtrArray) conns = fill_backlog (address);
  g_autofree char *uri = g_strdup_printf ("http://%s/", address + strlen ("tcp:"));

  run_exchange (fixture, test, client, uri);
  close (fd);
}

static void
test_end (Fixture *fixture, gconstpointer data)
{
  const Case *test = data;
  g_autoptr (LeashHttpClient) client = leash_http_client_new (1);

  if (test->phase->has_name)
    run_exchange (fixture, test, client, "http://slow.test/");
  else if (test->phase->has_full_backlog)
    run_without_accept (fixture, test, client);
  else
    run_with_peer (fixture, test, client);
  drain ();
  assert_usable (fixture, client);
}

/* A context that is done sends nothing. */
static void
test_done (Fixture *fixture, gconstpointer unused)
{
  g_auto (RawPeer) peer = { .answer = HEAD };
  g_autoptr (LeashHttpClient) client = leash_http_client_new (1);
  g_autofree char *uri = NULL;
  g_autoptr (SoupMessage) message = NULL;
  Exchange exchange = { client, fixture->done };

  raw_peer_start (&peer);
  uri = raw_peer_uri (&peer, "http");
  exchange.message = message = soup_message_new ("GET", uri);
  exchange_sync (&exchange);
  assert_io_error (exchange.error, G_IO_ERROR_CANCELLED, "GET http://");
  exchange_async (&exchange);
  assert_io_error (exchange.error, G_IO_ERROR_CANCELLED, "GET http://");
  g_assert_cmpint (g_atomic_int_get (&peer.n_requests), ==, 0);
}

/* A read's own cancellable ends that read, and not the response. */
static void
test_read_cancelled (Fixture *fixture, gconstpointer unused)
{
  g_auto (RawPeer) peer = { .answer = HEAD "some", .holds = TRUE };
  g_autoptr (LeashHttpClient) client = leash_http_client_new (1);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (LeashHttpResponse) response = NULL;
  g_autofree char *uri = NULL;
  g_autoptr (GError) error = NULL;
  GInputStream *body;
  char buffer[10];

  raw_peer_start (&peer);
  uri = raw_peer_uri (&peer, "http");
  response = leash_http_client_get (client, fixture->ctx, uri, &error);
  g_assert_no_error (error);
  body = leash_http_response_get_body (response);
  g_cancellable_cancel (cancellable);
  g_assert_cmpint (g_input_stream_read (body, buffer, sizeof buffer, cancellable, &error), ==, -1);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_clear_error (&error);
  g_assert_cmpint (g_input_stream_read (body, buffer, sizeof buffer, NULL, &error), ==, 4);
  g_assert_no_error (error);
}

/* Those that wait for places get them in the order of their coming, when a response is closed. */
static gint turns;

static void
note_turn (GObject *nothing, GAsyncResult *result, gpointer client)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (LeashHttpResponse) response = leash_http_client_send_finish (client, result, &error);
  SoupMessage *message = leash_http_response_get_message (response);

  g_assert_no_error (error);
  g_assert_cmpint (GPOINTER_TO_INT (g_object_get_data ((GObject *) message, "turn")), ==, turns++);
}

static void
test_turns (Fixture *fixture, gconstpointer unused)
{
  g_auto (RawPeer) peer = { .answer = HEAD "some" };
  g_autoptr (LeashHttpClient) client = leash_http_client_new (1);
  g_autofree char *uri = NULL;

  raw_peer_start (&peer);
  uri = raw_peer_uri (&peer, "http");
  turns = 0;
  for (gint i = 0; i < 10; i++)
    {
      g_autoptr (SoupMessage) message = soup_message_new ("GET", uri);

      g_object_set_data ((GObject *) message, "turn", GINT_TO_POINTER (i));
      leash_http_client_send_async (client, fixture->ctx, message, note_turn, client);
    }
  while (turns < 10)
    g_main_context_iteration (NULL, TRUE);
}

/* What is opened once and stays. */
static void
warm_up_http (void)
{
  g_auto (RawPeer) peer = { .answer = "" };
  g_autoptr (LeashHttpClient) client = leash_http_client_new (1);
  g_autofree char *uri = NULL;
  g_autoptr (SoupMessage) message = NULL;
  Exchange exchange = { client, leash_context_background () };

  raw_peer_start (&peer);
  uri = raw_peer_uri (&peer, "http");
  exchange.message = message = soup_message_new ("GET", uri);
  exchange_async (&exchange);
  g_assert_null (exchange.response);
  g_clear_error (&exchange.error);
}

static void
drain_and_tear_down (Fixture *fixture, gconstpointer data)
{
  drain ();
  tear_down (fixture, data);
}

#undef ADD
#define ADD(path, data, func) g_test_add (path, Fixture, data, set_up, func, drain_and_tear_down)

static Case cases[G_N_ELEMENTS (phases) * 4];

int
main (int argc, char **argv)
{
  g_autoptr (GResolver) resolver = NULL;

  g_test_init (&argc, &argv, NULL);
  resolver = g_object_new (test_resolver_get_type (), NULL);
  g_resolver_set_default (resolver);
  warm_up ();
  warm_up_http ();
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *path = NULL;

      cases[i] = (Case){ &phases[i / 4], (i & 1) != 0, (i & 2) != 0 };
      path = g_strdup_printf ("/http-ends/%s/%s/%s", cases[i].phase->name,
                              cases[i].is_cancelled ? "cancel" : "deadline",
                              cases[i].is_async ? "async" : "sync");
      /* With TLS, GIO has threads that keep their descriptors for a while: those are the last tests. */
      if (strcmp (cases[i].phase->scheme, "https") == 0)
        g_test_add (path, Fixture, &cases[i], set_up_tls, test_end, tear_down_tls);
      else
        ADD (path, &cases[i], test_end);
    }
  ADD ("/http-ends/done-before", NULL, test_done);
  ADD ("/http-ends/read-alone", NULL, test_read_cancelled);
  ADD ("/http-ends/turns", NULL, test_turns);
  return g_test_run ();
}
