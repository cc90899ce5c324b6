/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How requests are called in reports and errors, both of which end in logs: without what may be secret. */
#include "leash-http-private.h"

#include <string.h>

char *
http_name (const char *method, GUri *uri)
{
  g_autofree char *text
      = g_uri_to_string_partial (uri, G_URI_HIDE_USERINFO | G_URI_HIDE_QUERY | G_URI_HIDE_FRAGMENT);

  return g_strconcat (method, " ", text, g_uri_get_query (uri) != NULL ? "?…" : "", NULL);
}

char *
http_name_of_text (const char *method, const char *text)
{
  gsize length = strcspn (text, "?#");
  const char *at = memrchr (text, '@', length);
  const char *start = at != NULL ? at + 1 : text;

  return g_strdup_printf ("%s %.*s", method, (int) (text + length - start), start);
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
