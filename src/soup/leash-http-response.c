/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What came back: libsoup's message, the body over it, and what the client noted of the connection. */
#include "leash-http-private.h"

/**
 * LeashHttpResponse:
 *
 * The response to a request of a #LeashHttpClient.
 *
 * It is open, and tracked as “http response” with the stack of who sent the request, until its body has been
 * read to its end, which is the read that finds nothing more, or is closed. While it is open it keeps its
 * connection and a place of its client's from others. Freeing it closes it. All functions belong to the
 * thread that sent.
 */
struct _LeashHttpResponse
{
  LeashHttpClient *client; /* its session's end would cut the body */
  SoupMessage *message;
  GInputStream *body;
  char *name;
  gboolean is_reused;
};

LeashHttpResponse *
http_response_new (LeashHttpClient *client, SoupMessage *message, GInputStream *body, char *name,
                   gboolean is_reused)
{
  LeashHttpResponse *response = g_atomic_rc_box_new (LeashHttpResponse);

  *response
      = (LeashHttpResponse){ leash_http_client_ref (client), g_object_ref (message), body, name, is_reused };
  return response;
}

/**
 * leash_http_response_ref:
 * @response: a response
 *
 * Returns: (transfer full): @response
 *
 * Since: 0.1
 */
LeashHttpResponse *
leash_http_response_ref (LeashHttpResponse *response)
{
  g_return_val_if_fail (response != NULL, NULL);

  return g_atomic_rc_box_acquire (response);
}

static void
clear (gpointer user_data)
{
  LeashHttpResponse *response = user_data;

  g_input_stream_close (response->body, NULL, NULL);
  g_object_unref (response->body);
  g_object_unref (response->message);
  leash_http_client_unref (response->client);
  g_free (response->name);
}

/**
 * leash_http_response_unref:
 * @response: (transfer full) (nullable): a response
 *
 * Gives a reference back. The last one closes the body, whoever else has it.
 *
 * Since: 0.1
 */
void
leash_http_response_unref (LeashHttpResponse *response)
{
  if (response != NULL)
    g_atomic_rc_box_release_full (response, clear);
}

/**
 * leash_http_response_close:
 * @response: a response
 * @error: return location for an error
 *
 * Closes the body. When it was not read to its end, the connection is closed too, as the rest would have to
 * be read before it could serve another request. Does not wait. A second time does nothing.
 *
 * Returns: %TRUE on success. The response is closed in any case
 *
 * Since: 0.1
 */
gboolean
leash_http_response_close (LeashHttpResponse *response, GError **error)
{
  g_return_val_if_fail (response != NULL, FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  if (g_input_stream_close (response->body, NULL, error))
    return TRUE;
  g_prefix_error (error, "%s: ", response->name);
  return FALSE;
}

/**
 * leash_http_response_get_status:
 * @response: a response
 *
 * Returns: the status: 200 to 599
 *
 * Since: 0.1
 */
guint
leash_http_response_get_status (LeashHttpResponse *response)
{
  g_return_val_if_fail (response != NULL, 0);

  return soup_message_get_status (response->message);
}

static GIOErrorEnum
code_of_status (guint status)
{
  switch (status)
    {
    case SOUP_STATUS_NOT_FOUND:
    case SOUP_STATUS_GONE:
      return G_IO_ERROR_NOT_FOUND;
    case SOUP_STATUS_UNAUTHORIZED:
    case SOUP_STATUS_FORBIDDEN:
      return G_IO_ERROR_PERMISSION_DENIED;
    case SOUP_STATUS_REQUEST_TIMEOUT:
    case SOUP_STATUS_GATEWAY_TIMEOUT:
      return G_IO_ERROR_TIMED_OUT;
    case 429: /* Too Many Requests */
    case SOUP_STATUS_SERVICE_UNAVAILABLE:
      return G_IO_ERROR_BUSY;
    default:
      return G_IO_ERROR_FAILED;
    }
}

/**
 * leash_http_response_check:
 * @response: a response
 * @error: return location for an error
 *
 * Makes a status of 400 or more an error: %G_IO_ERROR_NOT_FOUND for 404 and 410,
 * %G_IO_ERROR_PERMISSION_DENIED for 401 and 403, %G_IO_ERROR_TIMED_OUT for 408 and 504, %G_IO_ERROR_BUSY for
 * 429 and 503, %G_IO_ERROR_FAILED for all others. The body can still be read, and must still be closed.
 *
 * Returns: %TRUE when the status is less than 400
 *
 * Since: 0.1
 */
gboolean
leash_http_response_check (LeashHttpResponse *response, GError **error)
{
  guint status = leash_http_response_get_status (response);
  const char *phrase;

  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  if (status < 400)
    return status != 0;
  phrase = soup_message_get_reason_phrase (response->message);
  g_set_error (error, G_IO_ERROR, (int) code_of_status (status), "%s: %u %s", response->name, status,
               phrase != NULL ? phrase : "");
  return FALSE;
}

/**
 * leash_http_response_get_header:
 * @response: a response
 * @name: the name of a header, in upper or lower case
 *
 * Gets what a header says; the values of several of the name, with commas between them. For more see
 * soup_message_get_response_headers().
 *
 * Returns: (transfer none) (nullable): the value, %NULL when there is none of the name
 *
 * Since: 0.1
 */
const char *
leash_http_response_get_header (LeashHttpResponse *response, const char *name)
{
  g_return_val_if_fail (response != NULL, NULL);
  g_return_val_if_fail (name != NULL, NULL);

  return soup_message_headers_get_list (soup_message_get_response_headers (response->message), name);
}

/**
 * leash_http_response_get_message:
 * @response: a response
 *
 * Gets libsoup's message, which has all headers, the URI after redirections and the peer's certificate.
 *
 * Returns: (transfer none): the message
 *
 * Since: 0.1
 */
SoupMessage *
leash_http_response_get_message (LeashHttpResponse *response)
{
  g_return_val_if_fail (response != NULL, NULL);

  return response->message;
}

/**
 * leash_http_response_get_body:
 * @response: a response
 *
 * Gets the body, for any function that reads streams. Its reads end with the request's context, and their
 * errors name the request: %G_IO_ERROR_PARTIAL_INPUT when the peer sent less than it had promised. It is
 * closed with @response.
 *
 * Returns: (transfer none): the body
 *
 * Since: 0.1
 */
GInputStream *
leash_http_response_get_body (LeashHttpResponse *response)
{
  g_return_val_if_fail (response != NULL, NULL);

  return response->body;
}

/* Reads until there is no more, or more than max_size bytes. */
static gboolean
read_all (LeashHttpResponse *response, GByteArray *bytes, gsize max_size, GError **error)
{
  guint8 buffer[16384];
  gssize n;

  while ((n = g_input_stream_read (response->body, buffer, sizeof buffer, NULL, error)) > 0)
    {
      if ((gsize) n > max_size - bytes->len)
        {
          g_set_error (error, G_IO_ERROR, G_IO_ERROR_MESSAGE_TOO_LARGE,
                       "%s: the body is longer than %" G_GSIZE_FORMAT " bytes", response->name, max_size);
          return FALSE;
        }
      g_byte_array_append (bytes, buffer, (guint) n);
    }
  return n == 0;
}

/**
 * leash_http_response_read_bytes:
 * @response: a response
 * @max_size: how many bytes may come, at most %G_MAXUINT
 * @error: return location for an error
 *
 * Reads the rest of the body to its end. A longer one is %G_IO_ERROR_MESSAGE_TOO_LARGE; after an error
 * @response is still to be closed.
 *
 * Returns: (transfer full) (nullable): the bytes, %NULL on an error
 *
 * Since: 0.1
 */
GBytes *
leash_http_response_read_bytes (LeashHttpResponse *response, gsize max_size, GError **error)
{
  g_autoptr (GByteArray) bytes = NULL;

  g_return_val_if_fail (response != NULL, NULL);
  g_return_val_if_fail (max_size <= G_MAXUINT, NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  bytes = g_byte_array_new ();
  if (!read_all (response, bytes, max_size, error))
    return NULL;
  return g_byte_array_free_to_bytes (g_steal_pointer (&bytes));
}

/**
 * leash_http_response_get_connection_id:
 * @response: a response
 *
 * Returns: the number of the connection that the response came over, from 1, unique in its session
 *
 * Since: 0.1
 */
guint64
leash_http_response_get_connection_id (LeashHttpResponse *response)
{
  g_return_val_if_fail (response != NULL, 0);

  return soup_message_get_connection_id (response->message);
}

/**
 * leash_http_response_is_connection_reused:
 * @response: a response
 *
 * Returns: %TRUE when the connection was open before: the one of the last request, where there were
 * redirections
 *
 * Since: 0.1
 */
gboolean
leash_http_response_is_connection_reused (LeashHttpResponse *response)
{
  g_return_val_if_fail (response != NULL, FALSE);

  return response->is_reused;
}
