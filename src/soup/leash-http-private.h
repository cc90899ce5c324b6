/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of leash-soup-1 share: names, errors, and the body of a response. */
#pragma once

#include <leash/leash-http-client.h>
#include <leash/leash-track.h>

/* "GET https://host/path?…": user, password, query and fragment may be secrets, and are left out. */
char *http_name (const char *method, GUri *uri) G_GNUC_WARN_UNUSED_RESULT;

/* A request of which a program has the URI as text. */
SoupMessage *http_message_new (const char *method, const char *text, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Hands found on to error with the request's name before it. A cancellation that was the context's end has
 * its words. */
void http_propagate_error (GError **error, GError *found, LeashContext *ctx, const char *name);

/* Limits how many requests are under way: places. In any thread. */
typedef struct _HttpGate HttpGate;
typedef void (*HttpGateFunc) (gboolean is_in, gpointer user_data);

HttpGate *http_gate_new (guint max) G_GNUC_WARN_UNUSED_RESULT;
HttpGate *http_gate_ref (HttpGate *gate);
void http_gate_unref (HttpGate *gate);
guint http_gate_get_max (HttpGate *gate);
/* Waits for a place. FALSE when the context is done before. */
gboolean http_gate_enter (HttpGate *gate, LeashContext *ctx) G_GNUC_WARN_UNUSED_RESULT;
/* The same in the thread's default main context, unless there is room: then func is called at once. */
void http_gate_enter_async (HttpGate *gate, LeashContext *ctx, HttpGateFunc func, gpointer user_data);
void http_gate_leave (HttpGate *gate);

/* Takes over the tag, which is released at the end of the body or when the stream is closed. */
GInputStream *http_body_new (GInputStream *stream, LeashContext *ctx, const char *name, LeashTag *tag)
    G_GNUC_WARN_UNUSED_RESULT;

/* Takes over body and name. */
LeashHttpResponse *http_response_new (LeashHttpClient *client, SoupMessage *message, GInputStream *body, char *name,
                                      gboolean is_reused) G_GNUC_WARN_UNUSED_RESULT;
