/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * LeashHttpClient: HTTP requests under a context, over libsoup. It is in a library of its own, leash-soup-1,
 * so that nobody needs libsoup who speaks no HTTP.
 *
 * Threads. Since libsoup 3.2 a session sends from any thread, and all that belongs to a request happens in
 * the thread that sends it. Leash adds no thread: the functions that send may be called from any thread, at
 * the same time; a response, its body and the SoupMessage belong to the thread that sent the request.
 * Asynchronous requests run in the thread's default main context, which must be one that this thread
 * iterates. Everything else that is done to the SoupSession (setting it up, before the first request; its
 * end) belongs to the thread that made it: keep the client there until the others have finished.
 */
#pragma once

#include <leash/leash-context.h>
#include <leash/leash-http-response.h>

#include <libsoup/soup.h>

G_BEGIN_DECLS

typedef struct _LeashHttpClient LeashHttpClient;

/**
 * LeashHttpStatistics:
 * @n_requests: requests that were begun
 * @n_failed: those of them that ended without a response. One whose body breaks off is not among them
 * @n_connections: connections that were opened, redirections and second attempts included
 * @n_reused: responses that came over a connection that was open before
 *
 * What a client has done so far.
 */
typedef struct
{
  guint64 n_requests;
  guint64 n_failed;
  guint64 n_connections;
  guint64 n_reused;
  /*< private >*/
  guint64 reserved[4];
} LeashHttpStatistics;

/* Making */
LEASH_AVAILABLE_IN_0_1
LeashHttpClient *leash_http_client_new (guint max_open) G_GNUC_WARN_UNUSED_RESULT;
LEASH_AVAILABLE_IN_0_1
LeashHttpClient *leash_http_client_new_unix (const char *path, guint max_open, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
LEASH_AVAILABLE_IN_0_1
LeashHttpClient *leash_http_client_ref (LeashHttpClient *client);
LEASH_AVAILABLE_IN_0_1
void leash_http_client_unref (LeashHttpClient *client);

/* Requests */
LEASH_AVAILABLE_IN_0_1
LeashHttpResponse *leash_http_client_get (LeashHttpClient *client, LeashContext *ctx, const char *uri,
                                          GError **error) G_GNUC_WARN_UNUSED_RESULT;
LEASH_AVAILABLE_IN_0_1
GBytes *leash_http_client_get_bytes (LeashHttpClient *client, LeashContext *ctx, const char *uri,
                                     gsize max_size, GError **error) G_GNUC_WARN_UNUSED_RESULT;
LEASH_AVAILABLE_IN_0_1
LeashHttpResponse *leash_http_client_send_bytes (LeashHttpClient *client, LeashContext *ctx,
                                                 const char *method, const char *uri,
                                                 const char *content_type, GBytes *body, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
LEASH_AVAILABLE_IN_0_1
LeashHttpResponse *leash_http_client_send_stream (LeashHttpClient *client, LeashContext *ctx,
                                                  const char *method, const char *uri,
                                                  const char *content_type, GInputStream *body, gssize length,
                                                  GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Requests of any kind */
LEASH_AVAILABLE_IN_0_1
LeashHttpResponse *leash_http_client_send (LeashHttpClient *client, LeashContext *ctx, SoupMessage *message,
                                           GError **error) G_GNUC_WARN_UNUSED_RESULT;
LEASH_AVAILABLE_IN_0_1
void leash_http_client_send_async (LeashHttpClient *client, LeashContext *ctx, SoupMessage *message,
                                   GAsyncReadyCallback callback, gpointer user_data);
LEASH_AVAILABLE_IN_0_1
LeashHttpResponse *leash_http_client_send_finish (LeashHttpClient *client, GAsyncResult *result,
                                                  GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Looking */
LEASH_AVAILABLE_IN_0_1
SoupSession *leash_http_client_get_session (LeashHttpClient *client);
LEASH_AVAILABLE_IN_0_1
void leash_http_client_get_statistics (LeashHttpClient *client, LeashHttpStatistics *ret_statistics);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (LeashHttpClient, leash_http_client_unref)

G_END_DECLS
