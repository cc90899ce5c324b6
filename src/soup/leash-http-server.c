/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Requests under way at a SoupServer.
 *
 * Each has a tag and a context, from the handler's call until libsoup says that the message is finished:
 * answered, or given up; or that its connection is closed, which is all that it says when the server is gone.
 * They belong to the handler of the first signal.
 *
 * libsoup does not look at the socket of a message that is paused, which is when it matters most; we do, for
 * a peer that has closed its side.
 *
 * The request's context would be tracked as one that nobody cancels, next to the request that nobody answers.
 * It is made under a tracker that is off, and has the caller's put on top.
 */
#include <leash/leash-http-server.h>

#include <glib-unix.h>
#include <leash/leash-tracker.h>
#include <poll.h>

#include "leash-http-private.h"

typedef struct
{
  LeashContext *ctx;
  LeashContext *quiet; /* ctx, where contexts are not tracked */
  LeashHttpHandler func;
  gpointer user_data;
  GDestroyNotify destroy;
} Handler;

typedef struct
{
  LeashContext *cancel;
  LeashContext *ctx; /* cancel, with the tracker */
  LeashTag *tag;
  GSource *watch; /* of the socket; NULL when there is none */
} Request;

static void
handler_free (gpointer user_data)
{
  Handler *handler = user_data;

  if (handler->destroy != NULL)
    handler->destroy (handler->user_data);
  leash_context_unref (handler->quiet);
  leash_context_unref (handler->ctx);
  g_free (handler);
}

static Handler *
handler_new (LeashContext *ctx, LeashHttpHandler func, gpointer user_data, GDestroyNotify destroy)
{
  Handler *handler = g_new0 (Handler, 1);
  g_autoptr (LeashTracker) off = leash_tracker_new ();

  leash_tracker_set_level (off, LEASH_LEVEL_OFF, 0);
  *handler
      = (Handler){ leash_context_ref (ctx), leash_context_with_tracker (ctx, off), func, user_data, destroy };
  return handler;
}

static gboolean
peer_has_gone (int fd, GIOCondition condition, gpointer user_data)
{
  Request *request = user_data;

  leash_context_cancel (request->cancel, NULL);
  return G_SOURCE_REMOVE;
}

/* POLLRDHUP is the kernel's, and not among GLib's conditions, which are handed on to poll() as they are. */
static GSource *
watch_peer (Request *request, GSocket *socket)
{
  GSource *source;

  if (socket == NULL)
    return NULL;
  source = g_unix_fd_source_new (g_socket_get_fd (socket), (GIOCondition) (G_IO_HUP | G_IO_ERR | POLLRDHUP));
  g_source_set_callback (source, G_SOURCE_FUNC (peer_has_gone), request, NULL);
  g_source_attach (source, g_main_context_get_thread_default ());
  return source;
}

/* With the handler of "finished". */
static void
request_end (gpointer user_data, GClosure *closure)
{
  Request *request = user_data;

  if (request->watch != NULL)
    g_source_destroy (request->watch);
  g_clear_pointer (&request->watch, g_source_unref);
  leash_untrack (request->tag);
  leash_context_cancel (request->cancel, NULL);
  leash_context_unref (request->ctx);
  leash_context_unref (request->cancel);
  g_free (request);
}

static void
note_end (SoupServerMessage *message, gpointer request)
{
  g_signal_handlers_disconnect_by_data (message, request);
}

static Request *
request_begin (Handler *handler, SoupServerMessage *message, const char *path, gconstpointer caller)
{
  Request *request = g_new0 (Request, 1);
  LeashTracker *tracker = leash_context_get_tracker (handler->ctx);
  g_autofree char *name = g_strconcat (soup_server_message_get_method (message), " ", path, NULL);

  request->cancel = leash_context_with_cancel (handler->quiet);
  request->ctx = tracker != NULL ? leash_context_with_tracker (request->cancel, tracker)
                                 : leash_context_ref (request->cancel);
  request->tag = leash_track_caller (handler->ctx, NULL, "http request", name, caller);
  request->watch = watch_peer (request, soup_server_message_get_socket (message));
  g_signal_connect (message, "disconnected", G_CALLBACK (note_end), request);
  g_signal_connect_data (message, "finished", G_CALLBACK (note_end), request, request_end, 0);
  return request;
}

static void
handle (SoupServer *server, SoupServerMessage *message, const char *path, GHashTable *query,
        gpointer user_data)
{
  Handler *handler = user_data;
  Request *request = request_begin (handler, message, path, LEASH_CALLER);
  /* Its own, as the handler may end the server, and the request with it. */
  g_autoptr (LeashContext) ctx = leash_context_ref (request->ctx);

  handler->func (ctx, message, path, query, handler->user_data);
}

/**
 * leash_http_server_add_handler:
 * @server: a server
 * @ctx: a context: what the requests' contexts are made of, and whose tracker tracks them
 * @path: (nullable): the path, beneath which requests go to @handler, %NULL for all
 * @handler: what answers them
 * @user_data: for @handler
 * @destroy: (nullable): what frees @user_data when the handler is removed
 *
 * As soup_server_add_handler(), with each request tracked as “http request”, with method and path and without
 * the query, until its response is finished: a message that was paused and forgotten is reported. The stack
 * is that of the main loop that called @handler. A request's context is done when its response is finished,
 * when the peer has closed its side, when @ctx is done and when @server disconnects. It does not answer in
 * the handler's place.
 *
 * Called in the thread in whose main context @server listens.
 *
 * Since: 0.1
 */
void
leash_http_server_add_handler (SoupServer *server, LeashContext *ctx, const char *path,
                               LeashHttpHandler handler, gpointer user_data, GDestroyNotify destroy)
{
  g_return_if_fail (SOUP_IS_SERVER (server));
  g_return_if_fail (ctx != NULL);
  g_return_if_fail (handler != NULL);

  soup_server_add_handler (server, path, handle, handler_new (ctx, handler, user_data, destroy),
                           handler_free);
}
