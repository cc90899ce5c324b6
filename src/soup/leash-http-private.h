/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of leash-soup-1 share: names, errors, and the body of a response. */
#pragma once

#include <leash/leash-http-response.h>
#include <leash/leash-track.h>

/* "GET https://host/path?…": user, password, query and fragment may be secrets, and are left out. */
char *http_name (const char *method, GUri *uri) G_GNUC_WARN_UNUSED_RESULT;
/* The same for what is no URI: up to its first '?' or '#', and without what stands before an '@'. */
char *http_name_of_text (const char *method, const char *text) G_GNUC_WARN_UNUSED_RESULT;

/* Hands found on to error with the request's name before it. A cancellation that was the context's end has
 * its words. */
void http_propagate_error (GError **error, GError *found, LeashContext *ctx, const char *name);

/* Takes over the tag, which is released at the end of the body or when the stream is closed. */
GInputStream *http_body_new (GInputStream *stream, LeashContext *ctx, const char *name, LeashTag *tag)
    G_GNUC_WARN_UNUSED_RESULT;

/* Takes over body and name. */
LeashHttpResponse *http_response_new (SoupMessage *message, GInputStream *body, char *name,
                                      gboolean is_reused) G_GNUC_WARN_UNUSED_RESULT;
