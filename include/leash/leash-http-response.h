/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * LeashHttpResponse: what came back from a LeashHttpClient's request: status, headers, and a body that is
 * tracked from the request on until it is read to its end or closed. It belongs to the thread that sent the
 * request.
 */
#pragma once

#include <leash/leash-macros.h>

#include <libsoup/soup.h>

G_BEGIN_DECLS

typedef struct _LeashHttpResponse LeashHttpResponse;

LEASH_AVAILABLE_IN_0_1
LeashHttpResponse *leash_http_response_ref (LeashHttpResponse *response);
LEASH_AVAILABLE_IN_0_1
void leash_http_response_unref (LeashHttpResponse *response);
LEASH_AVAILABLE_IN_0_1
gboolean leash_http_response_close (LeashHttpResponse *response, GError **error);

/* The head */
LEASH_AVAILABLE_IN_0_1
guint leash_http_response_get_status (LeashHttpResponse *response);
LEASH_AVAILABLE_IN_0_1
gboolean leash_http_response_check (LeashHttpResponse *response, GError **error);
LEASH_AVAILABLE_IN_0_1
const char *leash_http_response_get_header (LeashHttpResponse *response, const char *name);
LEASH_AVAILABLE_IN_0_1
SoupMessage *leash_http_response_get_message (LeashHttpResponse *response);

/* The body */
LEASH_AVAILABLE_IN_0_1
GInputStream *leash_http_response_get_body (LeashHttpResponse *response);
LEASH_AVAILABLE_IN_0_1
GBytes *leash_http_response_read_bytes (LeashHttpResponse *response, gsize max_size, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* The connection */
LEASH_AVAILABLE_IN_0_1
guint64 leash_http_response_get_connection_id (LeashHttpResponse *response);
LEASH_AVAILABLE_IN_0_1
gboolean leash_http_response_is_connection_reused (LeashHttpResponse *response);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (LeashHttpResponse, leash_http_response_unref)

G_END_DECLS
