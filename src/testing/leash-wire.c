/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is found wrong with a network, and what its tests do most. */
#include "leash-wire-private.h"

#include <unistd.h>

#define CHUNK ((gsize) 16384)

gint64
wire_now (void)
{
  return leash_clock_get_time (leash_clock_system ());
}

gboolean
wire_ok (Wire *wire, const char *what, gboolean done, GError **error)
{
  if (!done)
    conform_fault (&wire->c, "%s: expected success, found: %s", what,
                   *error != NULL ? (*error)->message : "failure without an error");
  else if (*error != NULL)
    conform_fault (&wire->c, "%s: success, with an error: %s", what, (*error)->message);
  g_clear_error (error);
  return done;
}

void
wire_fails_or (Wire *wire, const char *what, gboolean done, int code, int other, GError **error)
{
  if (done)
    conform_fault (&wire->c, "%s: expected an error, found success", what);
  else if (*error == NULL)
    conform_fault (&wire->c, "%s: expected an error, found failure without one", what);
  else if (!g_error_matches (*error, G_IO_ERROR, code) && !g_error_matches (*error, G_IO_ERROR, other))
    {
      g_autoptr (GEnumClass) codes = g_type_class_ref (G_TYPE_IO_ERROR_ENUM);
      const GEnumValue *value = g_enum_get_value (codes, code);

      conform_fault (&wire->c, "%s: expected the error “%s”, found %s %d: %s", what,
                     value != NULL ? value->value_nick : "?", g_quark_to_string ((*error)->domain),
                     (*error)->code, (*error)->message);
    }
  g_clear_error (error);
}

void
wire_fails (Wire *wire, const char *what, gboolean done, int code, GError **error)
{
  wire_fails_or (wire, what, done, code, code, error);
}

void
wire_same (Wire *wire, const char *what, gint64 expected, gint64 found)
{
  if (expected != found)
    conform_fault (&wire->c, "%s: expected %" G_GINT64_FORMAT ", found %" G_GINT64_FORMAT, what, expected,
                   found);
}

gboolean
wire_is_not_supported (Wire *wire, GError **error)
{
  if (!g_error_matches (*error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED))
    return FALSE;
  conform_skip (&wire->c, "%s", (*error)->message);
  g_clear_error (error);
  return TRUE;
}

/* Opening */

LeashListener *
wire_listen (Wire *wire, const char *address)
{
  g_autoptr (GError) error = NULL;
  LeashListener *listener = leash_network_listen (wire->network, wire->ctx, address, &error);

  wire_ok (wire, "listening", listener != NULL, &error);
  return listener;
}

/*
 * Who accepts greets who dials. Where a connection begins with a handshake, dialling ends with it, and that
 * of the accepting end is made by its first operation.
 */

static LeashConn *
dial (Wire *wire, LeashContext *ctx, const char *address, GError **error)
{
  g_autoptr (LeashConn) conn = leash_network_dial (wire->network, ctx, address, error);
  char greeting;

  if (conn == NULL || !leash_conn_read_all (conn, ctx, &greeting, 1, NULL, error))
    return NULL;
  return g_steal_pointer (&conn);
}

static LeashConn *
accept_one (LeashListener *listener, LeashContext *ctx, GError **error)
{
  g_autoptr (LeashConn) conn = leash_listener_accept (listener, ctx, error);

  if (conn == NULL || !leash_conn_write_all (conn, ctx, "!", 1, NULL, error))
    return NULL;
  return g_steal_pointer (&conn);
}

LeashConn *
wire_accept (Wire *wire, LeashListener *listener)
{
  g_autoptr (GError) error = NULL;
  LeashConn *conn = accept_one (listener, wire->ctx, &error);

  wire_ok (wire, "accepting", conn != NULL, &error);
  return conn;
}

gboolean
wire_connect (Wire *wire, LeashConn **ret_one, LeashConn **ret_other)
{
  WireJob dialler = { .func = wire_do_dial, .wire = wire };

  wire_start (&dialler);
  *ret_other = wire_accept (wire, wire->listener);
  wire_join (&dialler);
  *ret_one = dialler.result;
  return wire_ok (wire, "dialling", *ret_one != NULL, &dialler.error) && *ret_other != NULL;
}

void
wire_close (Wire *wire, LeashConn *conn)
{
  g_autoptr (GError) error = NULL;
  gboolean closed = leash_conn_close (conn, &error);

  wire_ok (wire, "closing", closed, &error);
}

/* Moving data */

void
wire_write (Wire *wire, LeashConn *conn, const char *text)
{
  g_autoptr (GError) error = NULL;
  gboolean done = leash_conn_write_all (conn, wire->ctx, text, strlen (text), NULL, &error);

  wire_ok (wire, "writing", done, &error);
}

void
wire_read (Wire *wire, LeashConn *conn, const char *text)
{
  gsize length = strlen (text);
  g_autofree char *found = g_malloc0 (length + 1);
  g_autoptr (GError) error = NULL;
  gboolean done = leash_conn_read_all (conn, wire->ctx, found, length, NULL, &error);

  if (wire_ok (wire, "reading", done, &error) && strcmp (found, text) != 0)
    conform_fault (&wire->c, "reading: expected “%s”, found “%s”", text, found);
}

void
wire_read_end (Wire *wire, LeashConn *conn)
{
  g_autoptr (GError) error = NULL;
  char byte;
  gssize n = leash_conn_read (conn, wire->ctx, &byte, 1, &error);

  if (wire_ok (wire, "reading the end of the data", n >= 0, &error))
    wire_same (wire, "bytes read at the end of the data", 0, n);
}

gboolean
wire_half_close (Wire *wire, LeashConn *conn)
{
  g_autoptr (GError) error = NULL;
  gboolean done = leash_conn_shutdown (conn, FALSE, TRUE, &error);

  if (!done && wire_is_not_supported (wire, &error))
    return FALSE;
  return wire_ok (wire, "stopping to write", done, &error);
}

/* Threads */

static gpointer
run_job (gpointer data)
{
  WireJob *job = data;

  if (job->ctx == NULL)
    job->ctx = job->wire->ctx;
  job->func (job);
  return NULL;
}

void
wire_start (WireJob *job)
{
  job->thread = g_thread_new ("conform", run_job, job);
}

/* Whether it waits by then does not matter to any test that calls it, only to what it tests. */
void
wire_start_waiting (WireJob *job)
{
  wire_start (job);
  g_usleep (5 * G_TIME_SPAN_MILLISECOND);
}

void
wire_join (WireJob *job)
{
  g_thread_join (g_steal_pointer (&job->thread));
}

void
wire_do_read (WireJob *job)
{
  char bytes[16];

  job->n = leash_conn_read (job->conn, job->ctx, bytes, sizeof bytes, &job->error);
}

void
wire_do_write (WireJob *job)
{
  g_autofree char *bytes = g_malloc0 (CHUNK);

  do
    {
      job->n = leash_conn_write (job->conn, job->ctx, bytes, CHUNK, &job->error);
      job->total += (gsize) MAX (job->n, 0);
    }
  while (job->n > 0);
}

void
wire_do_accept (WireJob *job)
{
  job->result = accept_one (job->wire->listener, job->ctx, &job->error);
}

void
wire_do_dial (WireJob *job)
{
  job->result = dial (job->wire, job->ctx, leash_listener_get_address (job->wire->listener), &job->error);
}

/* Adler-32 without its reductions at the end of each byte's sum; any sum that depends on the order does. */
static guint32
add_to_checksum (guint32 checksum, const guint8 *bytes, gsize count)
{
  for (gsize i = 0; i < count; i++)
    checksum = checksum * 31 + bytes[i];
  return checksum;
}

void
wire_do_send (WireJob *job)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (job->seed);
  g_autofree guint8 *bytes = g_malloc (CHUNK);

  for (job->n = 1; job->n > 0 && job->total < job->count; job->total += (gsize) MAX (job->n, 0))
    {
      gsize count = 1 + g_rand_int (rand) % CHUNK;

      count = MIN (count, job->count - job->total);
      for (gsize i = 0; i < count; i++)
        bytes[i] = (guint8) ((job->total + i) * 7 + job->seed);
      job->n = leash_conn_write (job->conn, job->ctx, bytes, count, &job->error);
      job->checksum = add_to_checksum (job->checksum, bytes, (gsize) MAX (job->n, 0));
    }
}

void
wire_do_receive (WireJob *job)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (job->seed);
  g_autofree guint8 *bytes = g_malloc (CHUNK);

  for (job->n = 1; job->n > 0 && (job->count == 0 || job->total < job->count);
       job->total += (gsize) MAX (job->n, 0))
    {
      gsize count = 1 + g_rand_int (rand) % CHUNK;

      if (job->count > 0)
        count = MIN (count, job->count - job->total);
      job->n = leash_conn_read (job->conn, job->ctx, bytes, count, &job->error);
      job->checksum = add_to_checksum (job->checksum, bytes, (gsize) MAX (job->n, 0));
    }
}

void
wire_do_echo (WireJob *job)
{
  char bytes[512];

  while ((job->n = leash_conn_read (job->conn, job->ctx, bytes, sizeof bytes, &job->error)) > 0)
    {
      if (!leash_conn_write_all (job->conn, job->ctx, bytes, (gsize) job->n, NULL, &job->error))
        return;
      job->total += (gsize) job->n;
    }
  if (job->n == 0)
    leash_conn_shutdown (job->conn, FALSE, TRUE, NULL);
}
