/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * LeashLineClient: one connection to one server that talks in lines.
 *
 * It is not tracked beside its connection but is its connection's entry, under the kind "line-client": who
 * forgets a client reads of one thing that was left open, not of two. So everything about being closed is
 * left to the connection, misuses included.
 *
 * The state is guarded by `busy`, a mark for each direction: the thread that finds its marks set is refused,
 * as is one that reads a LeashDir which another one reads. A lock would have it wait, deaf to its context,
 * for as long as the server takes. One thread may send while another receives; a request takes both marks.
 *
 * A request that fails half way leaves an answer on the way that belongs to nobody. Rather than give it to
 * the next request, the client then refuses all further use: dial again.
 */
#include "leash-boxed-private.h"
#include "leash-net-private.h"
#include <leash/leash-line-client.h>
#include <leash/leash-track.h>

#include <string.h>

/* A server that never ends its line must not fill the memory. */
#define LINE_MAX_BYTES ((gsize) 1024 * 1024)
#define CHUNK ((gsize) 4096)

enum
{
  SENDING = 1 << 0,
  RECEIVING = 1 << 1
};

/**
 * LeashLineClient:
 *
 * A connection to a server that talks in lines: each ends in "\n", which is added to what is sent and taken
 * off what is received, as is a "\r" before it.
 *
 * Reports have it as one resource of kind "line-client". Its connection is its own: leash_line_client_close()
 * closes it.
 *
 * Reference-counted. One thread at a time may send, and one may receive; a second one fails with
 * %G_IO_ERROR_PENDING. It may be closed in any thread, which ends what waits in others.
 */
struct _LeashLineClient
{
  gint ref_count;      /* atomic */
  guint busy;          /* atomic; SENDING, RECEIVING: which threads are in */
  gint is_out_of_step; /* atomic; an answer went missing */
  LeashConn *conn;     /* never changes */
  GString *received;   /* what is not handed out yet; whoever is RECEIVING has it */
};

static const LeashAttempt call_send = { "Sending to", "send after close", "send" };
static const LeashAttempt call_receive = { "Receiving from", "receive after close", "receive" };
static const LeashAttempt call_request = { "Requesting from", "request after close", "request" };

LEASH_DEFINE_BOXED (LeashLineClient, leash_line_client)

/* Takes the reference. */
static LeashLineClient *
make (LeashConn *conn)
{
  LeashLineClient *client = g_new0 (LeashLineClient, 1);

  client->ref_count = 1;
  client->conn = conn;
  client->received = g_string_new (NULL);
  return client;
}

/**
 * leash_line_client_dial:
 * @ctx: a context
 * @address: the server's, as for leash_dial()
 * @error: return location for an error
 *
 * Connects to a server, and puts the client on the leash of @ctx's tracker until it is closed.
 *
 * Returns: (transfer full): the client, %NULL with @error set
 *
 * Since: 0.1
 */
LeashLineClient *
leash_line_client_dial (LeashContext *ctx, const char *address, GError **error)
{
  LeashConn *conn;

  g_return_val_if_fail (ctx != NULL, NULL);
  g_return_val_if_fail (address != NULL, NULL);

  conn = leash_dial_as (ctx, address, "line-client", LEASH_CALLER, error);
  return conn != NULL ? make (conn) : NULL;
}

/**
 * leash_line_client_new:
 * @conn: a connection
 *
 * Makes a client of a connection that is there already: that was accepted, or checked out from a
 * #LeashClient. It is tracked as what it was before. The client takes a reference; leash_line_client_close()
 * closes @conn, and the last leash_line_client_unref() leaves it as it is for whoever has another reference.
 *
 * What was received and not handed out is lost with the client: free it when no answer is under way.
 *
 * Returns: (transfer full): the client
 *
 * Since: 0.1
 */
LeashLineClient *
leash_line_client_new (LeashConn *conn)
{
  g_return_val_if_fail (conn != NULL, NULL);

  return make (leash_conn_ref (conn));
}

/**
 * leash_line_client_ref:
 * @client: a client
 *
 * Takes a reference.
 *
 * Returns: (transfer full): @client
 *
 * Since: 0.1
 */
LeashLineClient *
leash_line_client_ref (LeashLineClient *client)
{
  g_return_val_if_fail (client != NULL, NULL);

  __atomic_fetch_add (&client->ref_count, 1, __ATOMIC_RELAXED);
  return client;
}

/**
 * leash_line_client_unref:
 * @client: (transfer full) (nullable): a client
 *
 * Gives a reference back. With the last one a client that is open still is closed.
 *
 * Since: 0.1
 */
void
leash_line_client_unref (LeashLineClient *client)
{
  if (client == NULL || __atomic_sub_fetch (&client->ref_count, 1, __ATOMIC_ACQ_REL) != 0)
    return;
  leash_conn_unref (client->conn);
  g_string_free (client->received, TRUE);
  g_free (client);
}

static gboolean
enter (LeashLineClient *client, guint marks, const LeashAttempt *attempt, GError **error)
{
  guint before = __atomic_load_n (&client->busy, __ATOMIC_RELAXED);

  do
    if ((before & marks) != 0)
      {
        g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_PENDING, "another thread does so");
        leash_attempt_prefix (error, attempt->doing, leash_conn_get_name (client->conn));
        return FALSE;
      }
  while (!__atomic_compare_exchange_n (&client->busy, &before, before | marks, FALSE, __ATOMIC_ACQUIRE,
                                       __ATOMIC_RELAXED));
  return TRUE;
}

static void
leave (LeashLineClient *client, guint marks)
{
  __atomic_fetch_and (&client->busy, ~marks, __ATOMIC_RELEASE);
}

/* A closed one says that it is closed, whatever else is wrong with it: the connection does. */
static gboolean
check_in_step (LeashLineClient *client, GError **error)
{
  if (G_LIKELY (!__atomic_load_n (&client->is_out_of_step, __ATOMIC_RELAXED))
      || leash_conn_is_closed (client->conn))
    return TRUE;
  g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_FAILED,
                       "an earlier request was cut short, and answers would be taken for those of others");
  return FALSE;
}

static gboolean
check_line (const char *line, GError **error)
{
  if (G_LIKELY (strchr (line, '\n') == NULL))
    return TRUE;
  g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, "the line has a line's end in it");
  return FALSE;
}

/* In one piece, so that a line is one segment, and marks the client when only a part of it went out. */
static gboolean
send_line (LeashLineClient *client, LeashContext *ctx, const char *line, const LeashAttempt *attempt,
           gconstpointer caller, GError **error)
{
  gsize length = strlen (line) + 1;
  g_autofree char *whole = NULL;
  gsize n_sent;

  if (!check_line (line, error) || !check_in_step (client, error))
    {
      leash_attempt_prefix (error, attempt->doing, leash_conn_get_name (client->conn));
      return FALSE;
    }
  whole = g_strconcat (line, "\n", NULL);
  if (leash_conn_write_all_as (client->conn, ctx, whole, length, &n_sent, attempt, caller, error))
    return TRUE;
  if (n_sent > 0)
    __atomic_store_n (&client->is_out_of_step, TRUE, __ATOMIC_RELAXED);
  return FALSE;
}

/* Says how the connection has ended. */
static void
explain_end (LeashLineClient *client, const LeashAttempt *attempt, GError **error)
{
  gsize length = client->received->len;

  if (length == 0)
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_CONNECTION_CLOSED,
                         "the server has ended the connection");
  else
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_PARTIAL_INPUT,
                 "the server has ended the connection after %" G_GSIZE_FORMAT " bytes of a line", length);
  leash_attempt_prefix (error, attempt->doing, leash_conn_get_name (client->conn));
}

static gboolean
check_length (LeashLineClient *client, gsize length, const LeashAttempt *attempt, GError **error)
{
  if (G_LIKELY (length <= LINE_MAX_BYTES))
    return TRUE;
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_MESSAGE_TOO_LARGE,
               "a line is longer than %" G_GSIZE_FORMAT " bytes", LINE_MAX_BYTES);
  leash_attempt_prefix (error, attempt->doing, leash_conn_get_name (client->conn));
  return FALSE;
}

/* Reads until a line's end has come, and tells where it is. */
static gboolean
fill (LeashLineClient *client, LeashContext *ctx, const LeashAttempt *attempt, gconstpointer caller,
      gsize *ret_length, GError **error)
{
  GString *received = client->received;
  gsize n_seen = 0;
  const char *end;

  while ((end = memchr (received->str + n_seen, '\n', received->len - n_seen)) == NULL)
    {
      gssize n;

      n_seen = received->len;
      if (!check_length (client, n_seen, attempt, error))
        return FALSE;
      g_string_set_size (received, n_seen + CHUNK);
      n = leash_conn_read_as (client->conn, ctx, received->str + n_seen, CHUNK, attempt, caller, error);
      g_string_set_size (received, n_seen + (gsize) MAX (n, 0));
      if (n == 0)
        explain_end (client, attempt, error);
      if (n <= 0)
        return FALSE;
    }
  *ret_length = (gsize) (end - received->str);
  return check_length (client, *ret_length, attempt, error);
}

static char *
take_line (LeashLineClient *client, gsize length, const LeashAttempt *attempt, GError **error)
{
  char *start = client->received->str;
  gboolean has_nul = memchr (start, '\0', length) != NULL;
  gsize shown = length > 0 && start[length - 1] == '\r' ? length - 1 : length;
  char *line = has_nul ? NULL : g_strndup (start, shown);

  g_string_erase (client->received, 0, (gssize) length + 1);
  if (!has_nul)
    return line;
  g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, "a line has a NUL byte in it");
  leash_attempt_prefix (error, attempt->doing, leash_conn_get_name (client->conn));
  return NULL;
}

static char *
receive_line (LeashLineClient *client, LeashContext *ctx, const LeashAttempt *attempt, gconstpointer caller,
              GError **error)
{
  gsize length;

  if (!check_in_step (client, error))
    {
      leash_attempt_prefix (error, attempt->doing, leash_conn_get_name (client->conn));
      return NULL;
    }
  return fill (client, ctx, attempt, caller, &length, error) ? take_line (client, length, attempt, error)
                                                             : NULL;
}

/**
 * leash_line_client_send:
 * @client: a client
 * @ctx: a context
 * @line: a line without its end
 * @error: return location for an error
 *
 * Sends a line, waiting for as long as @ctx lets it.
 *
 * Returns: %TRUE, or %FALSE with @error set
 *
 * Since: 0.1
 */
gboolean
leash_line_client_send (LeashLineClient *client, LeashContext *ctx, const char *line, GError **error)
{
  gboolean sent;

  g_return_val_if_fail (client != NULL, FALSE);
  g_return_val_if_fail (ctx != NULL, FALSE);
  g_return_val_if_fail (line != NULL, FALSE);

  if (!enter (client, SENDING, &call_send, error))
    return FALSE;
  sent = send_line (client, ctx, line, &call_send, LEASH_CALLER, error);
  leave (client, SENDING);
  return sent;
}

/**
 * leash_line_client_receive:
 * @client: a client
 * @ctx: a context
 * @error: return location for an error
 *
 * Waits for a line, as long as @ctx lets it; what has come of one by then is kept for the next call. A server
 * that ends the connection is %G_IO_ERROR_CONNECTION_CLOSED, or %G_IO_ERROR_PARTIAL_INPUT within a line; a
 * line of more than 1 MiB is %G_IO_ERROR_MESSAGE_TOO_LARGE; one with a NUL byte is %G_IO_ERROR_INVALID_DATA.
 *
 * Returns: (transfer full): the line without its end, %NULL with @error set
 *
 * Since: 0.1
 */
char *
leash_line_client_receive (LeashLineClient *client, LeashContext *ctx, GError **error)
{
  char *line;

  g_return_val_if_fail (client != NULL, NULL);
  g_return_val_if_fail (ctx != NULL, NULL);

  if (!enter (client, RECEIVING, &call_receive, error))
    return NULL;
  line = receive_line (client, ctx, &call_receive, LEASH_CALLER, error);
  leave (client, RECEIVING);
  return line;
}

/**
 * leash_line_client_request:
 * @client: a client
 * @ctx: a context
 * @line: a line without its end
 * @error: return location for an error
 *
 * Sends a line and waits for the one that answers it. When no answer came, because @ctx was done or for
 * another reason, the client is of no further use: the answer may come yet, and would be taken for that of
 * another request. All that is left is to close it.
 *
 * Returns: (transfer full): the answer without its end, %NULL with @error set
 *
 * Since: 0.1
 */
char *
leash_line_client_request (LeashLineClient *client, LeashContext *ctx, const char *line, GError **error)
{
  char *answer = NULL;

  g_return_val_if_fail (client != NULL, NULL);
  g_return_val_if_fail (ctx != NULL, NULL);
  g_return_val_if_fail (line != NULL, NULL);

  if (!enter (client, SENDING | RECEIVING, &call_request, error))
    return NULL;
  if (send_line (client, ctx, line, &call_request, LEASH_CALLER, error))
    {
      answer = receive_line (client, ctx, &call_request, LEASH_CALLER, error);
      if (answer == NULL)
        __atomic_store_n (&client->is_out_of_step, TRUE, __ATOMIC_RELAXED);
    }
  leave (client, SENDING | RECEIVING);
  return answer;
}

/**
 * leash_line_client_get_conn:
 * @client: a client
 *
 * Gets the connection, for its addresses and its tag. Bytes that were read from it are missing from the
 * lines.
 *
 * Returns: (transfer none): the connection, valid as long as @client is
 *
 * Since: 0.1
 */
LeashConn *
leash_line_client_get_conn (LeashLineClient *client)
{
  g_return_val_if_fail (client != NULL, NULL);

  return client->conn;
}

/**
 * leash_line_client_close:
 * @client: a client
 * @error: return location for an error
 *
 * Closes a client, as leash_conn_close() does a connection.
 *
 * Returns: %TRUE, or %FALSE with @error set when closing failed
 *
 * Since: 0.1
 */
gboolean
leash_line_client_close (LeashLineClient *client, GError **error)
{
  g_return_val_if_fail (client != NULL, FALSE);

  return leash_conn_close_as (client->conn, LEASH_CALLER, error);
}
