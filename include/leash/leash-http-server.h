/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Requests that a SoupServer answers, each tracked until its response is finished. In leash-soup-1.
 *
 * Threads: a SoupServer lives in the main context in which it listens, and handlers are called there.
 */
#pragma once

#include <leash/leash-context.h>

#include <libsoup/soup.h>

G_BEGIN_DECLS

/**
 * LeashHttpHandler:
 * @ctx: the request's context: done when the response is finished, the peer is gone or the server has ended
 * @message: the request, and the response to be
 * @path: the path of the request
 * @query: (nullable): the parsed query
 * @user_data: what was given with the handler
 *
 * Answers a request: sets the response of @message. One that answers later pauses @message, keeps references
 * of it and of
 * @ctx, and unpauses it when the response is there.
 */
typedef void (*LeashHttpHandler) (LeashContext *ctx, SoupServerMessage *message, const char *path,
                                  GHashTable *query, gpointer user_data);

LEASH_AVAILABLE_IN_0_1
void leash_http_server_add_handler (SoupServer *server, LeashContext *ctx, const char *path,
                                    LeashHttpHandler handler, gpointer user_data, GDestroyNotify destroy);

G_END_DECLS
