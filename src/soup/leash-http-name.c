/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How requests are called in reports and errors, both of which end in logs: without what may be secret; and
 * the requests that are made of text, whose errors need that, too.
 */
#include "leash-http-private.h"

#include <string.h>

char *
http_name (const char *method, GUri *uri)
{
  g_autofree char *text
      = g_uri_to_string_partial (uri, G_URI_HIDE_USERINFO | G_URI_HIDE_QUERY | G_URI_HIDE_FRAGMENT);

  return g_strconcat (method, " ", text, g_uri_get_query (uri) != NULL ? "?…" : "", NULL);
}

/* The same for what is no URI: up to its first '?' or '#', and without what stands before an '@'. */
static char *
name_of_text (const char *method, const char *text)
{
  gsize length = strcspn (text, "?#");
  const char *at = memrchr (text, '@', length);
  const char *start = at != NULL ? at + 1 : text;

  return g_strdup_printf ("%s %.*s", method, (int) (text + length - start), start);
}

/* What libsoup takes; on anything else it would be critical. */
static gboolean
is_http (GUri *uri)
{
  const char *scheme = g_uri_get_scheme (uri), *host = g_uri_get_host (uri);

  return (strcmp (scheme, "http") == 0 || strcmp (scheme, "https") == 0) && host != NULL && *host != '\0';
}

SoupMessage *
http_message_new (const char *method, const char *text, GError **error)
{
  g_autoptr (GUri) uri = g_uri_parse (text, SOUP_HTTP_URI_FLAGS, NULL);
  g_autofree char *name = NULL;

  if (uri != NULL && is_http (uri))
    return soup_message_new_from_uri (method, uri);
  name = name_of_text (method, text);
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, "%s: it is no URI of HTTP with a host", name);
  return NULL;
}

void
http_propagate_error (GError **error, GError *found, LeashContext *ctx, const char *name)
{
  if (g_error_matches (found, G_IO_ERROR, G_IO_ERROR_CANCELLED) && leash_context_is_done (ctx))
    {
      g_error_free (found);
      found = g_error_copy (leash_context_get_error (ctx));
    }
  g_propagate_prefixed_error (error, found, "%s: ", name);
}
