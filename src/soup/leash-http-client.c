/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Requests under a context, over a SoupSession.
 *
 * The session does all the work, in the thread that sends: libsoup allows that since 3.2. What is added is
 * around it: a place is waited for (leash-http-gate.c), the context's cancellable goes in, its error comes
 * out, and a tag goes from the request to its response. The tag is made before anything is sent, in
 * synchronous and asynchronous requests alike, as only there is the caller on the stack.
 *
 * The session is the client's own, because its limits are part of this: see the gate. There is none for a
 * single host, as libsoup removes no dead connections for that one's sake, and would wait for them.
 *
 * A place is given back when libsoup is done with the message ("finished"), which is when the connection is.
 * It belongs to the handler of that signal and goes with it, so that it is given back once, whatever happens.
 *
 * Whether a connection was reused is not libsoup's to tell. It tells of a message when a connection was
 * opened for it ("network-event"), and when it is sent once more ("restarted").
 */
#include <leash/leash-http-client.h>

#include <gio/gunixsocketaddress.h>
#include <pthread.h>
#include <string.h>
#include <sys/un.h>

#include "leash-http-private.h"

#define DEFAULT_MAX_OPEN 16

/**
 * LeashHttpClient:
 *
 * A client for HTTP over a #SoupSession. Requests may be sent from any thread; see the header for the rules.
 */
struct _LeashHttpClient
{
  gint ref_count; /* atomic */
  SoupSession *session;
  HttpGate *gate;

  pthread_mutex_t lock;
  LeashHttpStatistics statistics; /* under the lock */
};

/* One request, from the sending to the response. */
typedef struct
{
  LeashHttpClient *client;
  LeashContext *ctx;
  SoupMessage *message;
  char *name;
  LeashTag *tag;       /* given to the body */
  gboolean has_opened; /* a connection, since it was sent last */
} Exchange;

static LeashHttpClient *
make (guint max_open, GSocketConnectable *where)
{
  LeashHttpClient *client = g_new0 (LeashHttpClient, 1);
  guint max = max_open != 0 ? max_open : DEFAULT_MAX_OPEN;

  client->ref_count = 1;
  client->session = soup_session_new_with_options ("max-conns", max, "max-conns-per-host", G_MAXINT,
                                                   "remote-connectable", where, NULL);
  client->gate = http_gate_new (max);
  pthread_mutex_init (&client->lock, NULL);
  return client;
}

/**
 * leash_http_client_new:
 * @max_open: how many responses may be open at a time, at most %G_MAXINT; 0 for 16
 *
 * Makes a client. Further requests wait until one of the open responses is closed or read to its end, in the
 * order of their coming. That is also how many connections there are at most, idle ones among them.
 *
 * Returns: (transfer full): a client
 *
 * Since: 0.1
 */
LeashHttpClient *
leash_http_client_new (guint max_open)
{
  g_return_val_if_fail (max_open <= G_MAXINT, NULL);

  return make (max_open, NULL);
}

/**
 * leash_http_client_new_unix:
 * @path: the path of a listening socket
 * @max_open: as for leash_http_client_new()
 * @error: return location for an error
 *
 * Makes a client whose requests all go to one socket, whatever host their URIs name; that is what the server
 * is told. Nothing is connected yet. A path that is too long for a socket's address is
 * %G_IO_ERROR_FILENAME_TOO_LONG.
 *
 * Returns: (transfer full) (nullable): a client, %NULL on an error
 *
 * Since: 0.1
 */
LeashHttpClient *
leash_http_client_new_unix (const char *path, guint max_open, GError **error)
{
  g_autoptr (GSocketAddress) address = NULL;

  g_return_val_if_fail (path != NULL, NULL);
  g_return_val_if_fail (max_open <= G_MAXINT, NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  if (strlen (path) >= sizeof ((struct sockaddr_un *) NULL)->sun_path)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_FILENAME_TOO_LONG,
                   "“%s” is too long for the address of a socket", path);
      return NULL;
    }
  address = g_unix_socket_address_new (path);
  return make (max_open, (GSocketConnectable *) address);
}

/**
 * leash_http_client_ref:
 * @client: a client
 *
 * Returns: (transfer full): @client
 *
 * Since: 0.1
 */
LeashHttpClient *
leash_http_client_ref (LeashHttpClient *client)
{
  g_return_val_if_fail (client != NULL, NULL);

  __atomic_fetch_add (&client->ref_count, 1, __ATOMIC_RELAXED);
  return client;
}

/**
 * leash_http_client_unref:
 * @client: (transfer full) (nullable): a client
 *
 * Gives a reference back. The last one ends the session and closes its connections, in the thread that made
 * it. An open response has one too.
 *
 * Since: 0.1
 */
void
leash_http_client_unref (LeashHttpClient *client)
{
  if (client == NULL || __atomic_sub_fetch (&client->ref_count, 1, __ATOMIC_ACQ_REL) != 0)
    return;
  g_object_unref (client->session);
  http_gate_unref (client->gate);
  pthread_mutex_destroy (&client->lock);
  g_free (client);
}

/* Adds one to a number of the statistics. */
static void
count (LeashHttpClient *client, guint64 *number)
{
  pthread_mutex_lock (&client->lock);
  (*number)++;
  pthread_mutex_unlock (&client->lock);
}

static void
note_event (SoupMessage *message, GSocketClientEvent event, GIOStream *connection, gpointer user_data)
{
  Exchange *exchange = user_data;

  if (event != G_SOCKET_CLIENT_CONNECTED)
    return;
  exchange->has_opened = TRUE;
  count (exchange->client, &exchange->client->statistics.n_connections);
}

static void
note_restart (SoupMessage *message, gpointer user_data)
{
  Exchange *exchange = user_data;

  exchange->has_opened = FALSE;
}

static void
exchange_free (gpointer user_data)
{
  Exchange *exchange = user_data;

  g_signal_handlers_disconnect_by_data (exchange->message, exchange);
  leash_untrack (exchange->tag);
  g_free (exchange->name);
  g_object_unref (exchange->message);
  leash_context_unref (exchange->ctx);
  leash_http_client_unref (exchange->client);
  g_free (exchange);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Exchange, exchange_free)

static Exchange *
exchange_new (LeashHttpClient *client, LeashContext *ctx, SoupMessage *message, gconstpointer caller)
{
  Exchange *exchange = g_new0 (Exchange, 1);

  exchange->client = leash_http_client_ref (client);
  exchange->ctx = leash_context_ref (ctx);
  exchange->message = g_object_ref (message);
  exchange->name = http_name (soup_message_get_method (message), soup_message_get_uri (message));
  exchange->tag = leash_track_caller (ctx, NULL, "http response", exchange->name, caller);
  g_signal_connect (message, "network-event", G_CALLBACK (note_event), exchange);
  g_signal_connect (message, "restarted", G_CALLBACK (note_restart), exchange);
  count (client, &client->statistics.n_requests);
  return exchange;
}

/* Makes the response of libsoup's stream, or the error of its error; stream and found are consumed. */
static LeashHttpResponse *
exchange_finish (Exchange *exchange, GInputStream *stream, GError *found, GError **error)
{
  LeashHttpClient *client = exchange->client;
  GInputStream *body;

  if (stream == NULL)
    {
      count (client, &client->statistics.n_failed);
      http_propagate_error (error, found, exchange->ctx, exchange->name);
      return NULL;
    }
  if (!exchange->has_opened)
    count (client, &client->statistics.n_reused);
  body = http_body_new (stream, exchange->ctx, exchange->name, g_steal_pointer (&exchange->tag));
  g_object_unref (stream);
  return http_response_new (client, exchange->message, body, g_steal_pointer (&exchange->name),
                            !exchange->has_opened);
}

static void
give_back_place (gpointer gate, GClosure *closure)
{
  http_gate_leave (gate);
  http_gate_unref (gate);
}

static void
note_finished (SoupMessage *message, gpointer gate)
{
  g_signal_handlers_disconnect_by_data (message, gate);
}

/* Has the place that was got given back when libsoup is done with the message. */
static void
exchange_hold_place (Exchange *exchange)
{
  g_signal_connect_data (exchange->message, "finished", G_CALLBACK (note_finished),
                         http_gate_ref (exchange->client->gate), give_back_place, 0);
}

/* There was no place until the context's end. Returns why, and has the error say what was waited for. */
static GError *
exchange_turn_away (Exchange *exchange)
{
  g_autofree char *name = g_steal_pointer (&exchange->name);

  exchange->name = g_strdup_printf ("%s: of at most %u responses all are open", name,
                                    http_gate_get_max (exchange->client->gate));
  return g_error_copy (leash_context_get_error (exchange->ctx));
}

static LeashHttpResponse *
send (LeashHttpClient *client, LeashContext *ctx, SoupMessage *message, gconstpointer caller, GError **error)
{
  g_autoptr (Exchange) exchange = exchange_new (client, ctx, message, caller);
  GInputStream *stream = NULL;
  GError *found = NULL;

  if (!leash_context_check (ctx, &found))
    ;
  else if (!http_gate_enter (client->gate, ctx))
    found = exchange_turn_away (exchange);
  else
    {
      exchange_hold_place (exchange);
      stream = soup_session_send (client->session, message, leash_context_get_cancellable (ctx), &found);
    }
  return exchange_finish (exchange, stream, found, error);
}

/**
 * leash_http_client_send:
 * @client: a client
 * @ctx: a context, which governs the request and the reading of the response's body
 * @message: a request, which no other call has under way
 * @error: return location for an error
 *
 * Waits for one of the client's places, sends a request and waits for the head of its response. Whatever the
 * status is, it is a response; see leash_http_response_check(). Redirections are followed unless @message
 * says otherwise.
 *
 * Errors name method and URI, without what may be secret in it, and are GIO's, as %G_IO_ERROR_TIMED_OUT at
 * the context's deadline, %G_IO_ERROR_CANCELLED, %G_IO_ERROR_CONNECTION_REFUSED; those of the resolver, of
 * TLS, and %SOUP_SESSION_ERROR.
 *
 * May be called from any thread. A main context needs not be there.
 *
 * Returns: (transfer full) (nullable): the response, to be read to its end or closed, %NULL on an error
 *
 * Since: 0.1
 */
LeashHttpResponse *
leash_http_client_send (LeashHttpClient *client, LeashContext *ctx, SoupMessage *message, GError **error)
{
  g_return_val_if_fail (client != NULL, NULL);
  g_return_val_if_fail (ctx != NULL, NULL);
  g_return_val_if_fail (SOUP_IS_MESSAGE (message), NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  return send (client, ctx, message, LEASH_CALLER, error);
}

/* Answers the task by libsoup's answer. */
static void
answer (GTask *task, GInputStream *stream, GError *found)
{
  GError *error = NULL;
  LeashHttpResponse *response = exchange_finish (g_task_get_task_data (task), stream, found, &error);

  if (response != NULL)
    g_task_return_pointer (task, response, (GDestroyNotify) leash_http_response_unref);
  else
    g_task_return_error (task, error);
  g_object_unref (task);
}

static void
sent (GObject *session, GAsyncResult *result, gpointer task)
{
  GError *found = NULL;
  GInputStream *stream = soup_session_send_finish ((SoupSession *) session, result, &found);

  answer (task, stream, found);
}

static void
send_in_place (gboolean is_in, gpointer task)
{
  Exchange *exchange = g_task_get_task_data (task);

  if (!is_in)
    {
      answer (task, NULL, exchange_turn_away (exchange));
      return;
    }
  exchange_hold_place (exchange);
  soup_session_send_async (exchange->client->session, exchange->message, G_PRIORITY_DEFAULT,
                           leash_context_get_cancellable (exchange->ctx), sent, task);
}

/**
 * leash_http_client_send_async:
 * @client: a client
 * @ctx: a context, which governs the request and the reading of the response's body
 * @message: a request, which no other call has under way
 * @callback: called in the thread's default main context when the response's head is there; its source object
 * is %NULL
 * @user_data: for @callback
 *
 * As leash_http_client_send(), without waiting. The body is read with g_input_stream_read_async() and its
 * like, in the same thread. A request that is under way is tracked, as one that is open.
 *
 * Since: 0.1
 */
void
leash_http_client_send_async (LeashHttpClient *client, LeashContext *ctx, SoupMessage *message,
                              GAsyncReadyCallback callback, gpointer user_data)
{
  Exchange *exchange;
  GTask *task;

  g_return_if_fail (client != NULL);
  g_return_if_fail (ctx != NULL);
  g_return_if_fail (SOUP_IS_MESSAGE (message));

  exchange = exchange_new (client, ctx, message, LEASH_CALLER);
  task = g_task_new (NULL, NULL, callback, user_data);
  g_task_set_task_data (task, exchange, exchange_free);
  http_gate_enter_async (client->gate, ctx, send_in_place, task);
}

/**
 * leash_http_client_send_finish:
 * @client: the client
 * @result: what the callback was given
 * @error: return location for an error
 *
 * Returns: (transfer full) (nullable): the response, to be read to its end or closed, %NULL on an error
 *
 * Since: 0.1
 */
LeashHttpResponse *
leash_http_client_send_finish (LeashHttpClient *client, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (client != NULL, NULL);
  g_return_val_if_fail (g_task_is_valid (result, NULL), NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  return g_task_propagate_pointer (G_TASK (result), error);
}

/**
 * leash_http_client_get:
 * @client: a client
 * @ctx: a context, which governs the request and the reading of the response's body
 * @uri: a URI: `http://host/path`
 * @error: return location for an error
 *
 * Gets what is at @uri, as leash_http_client_send() does.
 *
 * Returns: (transfer full) (nullable): the response, to be read to its end or closed, %NULL on an error
 *
 * Since: 0.1
 */
LeashHttpResponse *
leash_http_client_get (LeashHttpClient *client, LeashContext *ctx, const char *uri, GError **error)
{
  g_autoptr (SoupMessage) message = NULL;

  g_return_val_if_fail (client != NULL, NULL);
  g_return_val_if_fail (ctx != NULL, NULL);
  g_return_val_if_fail (uri != NULL, NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  message = http_message_new ("GET", uri, error);
  return message != NULL ? send (client, ctx, message, LEASH_CALLER, error) : NULL;
}

/**
 * leash_http_client_get_bytes:
 * @client: a client
 * @ctx: a context
 * @uri: a URI: `http://host/path`
 * @max_size: how many bytes may come, at most %G_MAXUINT
 * @error: return location for an error
 *
 * Gets all of what is at @uri. A status of 400 or more is an error here, as in leash_http_response_check(),
 * and a longer body is %G_IO_ERROR_MESSAGE_TOO_LARGE.
 *
 * Returns: (transfer full) (nullable): the bytes, %NULL on an error
 *
 * Since: 0.1
 */
GBytes *
leash_http_client_get_bytes (LeashHttpClient *client, LeashContext *ctx, const char *uri, gsize max_size,
                             GError **error)
{
  g_autoptr (SoupMessage) message = NULL;
  g_autoptr (LeashHttpResponse) response = NULL;

  g_return_val_if_fail (client != NULL, NULL);
  g_return_val_if_fail (ctx != NULL, NULL);
  g_return_val_if_fail (uri != NULL, NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  message = http_message_new ("GET", uri, error);
  if (message != NULL)
    response = send (client, ctx, message, LEASH_CALLER, error);
  if (response == NULL || !leash_http_response_check (response, error))
    return NULL;
  return leash_http_response_read_bytes (response, max_size, error);
}

/**
 * leash_http_client_send_bytes:
 * @client: a client
 * @ctx: a context, which governs the request and the reading of the response's body
 * @method: a method: `"POST"`
 * @uri: a URI: `http://host/path`
 * @content_type: (nullable): what @body is: `"application/json"`
 * @body: (nullable): what is sent
 * @error: return location for an error
 *
 * Sends bytes, as leash_http_client_send() does.
 *
 * Returns: (transfer full) (nullable): the response, to be read to its end or closed, %NULL on an error
 *
 * Since: 0.1
 */
LeashHttpResponse *
leash_http_client_send_bytes (LeashHttpClient *client, LeashContext *ctx, const char *method, const char *uri,
                              const char *content_type, GBytes *body, GError **error)
{
  g_autoptr (SoupMessage) message = NULL;

  g_return_val_if_fail (client != NULL, NULL);
  g_return_val_if_fail (ctx != NULL, NULL);
  g_return_val_if_fail (method != NULL, NULL);
  g_return_val_if_fail (uri != NULL, NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  message = http_message_new (method, uri, error);
  if (message == NULL)
    return NULL;
  if (body != NULL)
    soup_message_set_request_body_from_bytes (message, content_type, body);
  return send (client, ctx, message, LEASH_CALLER, error);
}

/**
 * leash_http_client_send_stream:
 * @client: a client
 * @ctx: a context, which governs the request and the reading of the response's body
 * @method: a method: `"PUT"`
 * @uri: a URI: `http://host/path`
 * @content_type: (nullable): what @body is
 * @body: what is sent, read as the peer takes it
 * @length: how many bytes there are in @body, -1 when that is not known: it is sent in chunks then
 * @error: return location for an error
 *
 * Sends what a stream has, as leash_http_client_send() does. A stream that cannot seek cannot be sent again,
 * as after a redirection or a demand to log in.
 *
 * Returns: (transfer full) (nullable): the response, to be read to its end or closed, %NULL on an error
 *
 * Since: 0.1
 */
LeashHttpResponse *
leash_http_client_send_stream (LeashHttpClient *client, LeashContext *ctx, const char *method,
                               const char *uri, const char *content_type, GInputStream *body, gssize length,
                               GError **error)
{
  g_autoptr (SoupMessage) message = NULL;

  g_return_val_if_fail (client != NULL, NULL);
  g_return_val_if_fail (ctx != NULL, NULL);
  g_return_val_if_fail (method != NULL, NULL);
  g_return_val_if_fail (uri != NULL, NULL);
  g_return_val_if_fail (G_IS_INPUT_STREAM (body), NULL);
  g_return_val_if_fail (length >= -1, NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  message = http_message_new (method, uri, error);
  if (message == NULL)
    return NULL;
  soup_message_set_request_body (message, content_type, body, length);
  return send (client, ctx, message, LEASH_CALLER, error);
}

/**
 * leash_http_client_get_session:
 * @client: a client
 *
 * Gets the session that @client sends with, to be set up before the first request: TLS, proxies, cookies,
 * timeouts. It is sent with by @client alone; others would take its places.
 *
 * Returns: (transfer none): the session
 *
 * Since: 0.1
 */
SoupSession *
leash_http_client_get_session (LeashHttpClient *client)
{
  g_return_val_if_fail (client != NULL, NULL);

  return client->session;
}

/**
 * leash_http_client_get_statistics:
 * @client: a client
 * @ret_statistics: (out caller-allocates): what it has done
 *
 * Tells what @client has done so far. From any thread.
 *
 * Since: 0.1
 */
void
leash_http_client_get_statistics (LeashHttpClient *client, LeashHttpStatistics *ret_statistics)
{
  g_return_if_fail (client != NULL);
  g_return_if_fail (ret_statistics != NULL);

  pthread_mutex_lock (&client->lock);
  *ret_statistics = client->statistics;
  pthread_mutex_unlock (&client->lock);
}
