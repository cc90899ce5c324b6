/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Listening, dialling and accepting, and what is known of a connection then. */
#include "leash-wire-private.h"

#define MANY 32

static LeashContext *
cancelled (Wire *wire)
{
  LeashContext *ctx = leash_context_with_cancel (wire->ctx);

  leash_context_cancel (ctx, NULL);
  return ctx;
}

static void
test_both_ways (Wire *wire)
{
  wire_write (wire, wire->one, "a question");
  wire_read (wire, wire->other, "a question");
  wire_write (wire, wire->other, "an answer");
  wire_read (wire, wire->one, "an answer");
}

static void
test_refused (Wire *wire)
{
  g_autofree char *address = g_strdup (leash_listener_get_address (wire->listener));
  g_autoptr (GError) error = NULL;
  LeashConn *conn;

  leash_listener_close (wire->listener, NULL);
  conn = leash_network_dial (wire->network, wire->ctx, address, &error);
  /* A local socket's name went with its listener. */
  wire_fails_or (wire, "dialling where nobody listens", conn != NULL, G_IO_ERROR_CONNECTION_REFUSED,
                 G_IO_ERROR_NOT_FOUND, &error);
  g_clear_pointer (&conn, leash_conn_unref);
}

static void
test_done_context (Wire *wire)
{
  g_autoptr (LeashContext) done = cancelled (wire);
  g_autoptr (GError) error = NULL;
  LeashConn *conn
      = leash_network_dial (wire->network, done, leash_listener_get_address (wire->listener), &error);
  LeashListener *listener;

  wire_fails (wire, "dialling in a cancelled context", conn != NULL, G_IO_ERROR_CANCELLED, &error);
  conn = leash_listener_accept (wire->listener, done, &error);
  wire_fails (wire, "accepting in a cancelled context", conn != NULL, G_IO_ERROR_CANCELLED, &error);
  listener = leash_network_listen (wire->network, done, wire->address, &error);
  wire_fails (wire, "listening in a cancelled context", listener != NULL, G_IO_ERROR_CANCELLED, &error);
}

static void
test_messages (Wire *wire)
{
  g_autoptr (GError) error = NULL;
  LeashConn *conn = leash_network_dial (wire->network, wire->ctx, "no such scheme", &error);

  if (conn != NULL)
    {
      conform_skip (&wire->c, "it takes any address");
      leash_conn_unref (conn);
    }
  else if (strstr (error->message, "no such scheme") == NULL)
    conform_fault (&wire->c, "dialling “no such scheme”: the address is not in the message: %s",
                   error->message);
}

static void
test_many (Wire *wire)
{
  WireJob diallers[MANY] = { 0 };
  LeashConn *accepted[MANY];

  for (guint i = 0; i < MANY; i++)
    {
      diallers[i] = (WireJob){ .func = wire_do_dial, .wire = wire };
      wire_start (&diallers[i]);
    }
  for (guint i = 0; i < MANY; i++)
    accepted[i] = wire_accept (wire, wire->listener);
  for (guint i = 0; i < MANY; i++)
    {
      wire_join (&diallers[i]);
      wire_ok (wire, "dialling among many", diallers[i].result != NULL, &diallers[i].error);
      g_clear_pointer (&diallers[i].result, leash_conn_unref);
      g_clear_pointer (&accepted[i], leash_conn_unref);
    }
}

/* Each acceptor gets connections of its own, and each connection comes to one. */
static void
test_acceptors (Wire *wire)
{
  WireJob acceptors[4], dialler = { .func = wire_do_dial, .wire = wire };

  for (guint i = 0; i < G_N_ELEMENTS (acceptors); i++)
    {
      acceptors[i] = (WireJob){ .func = wire_do_accept, .wire = wire };
      wire_start (&acceptors[i]);
    }
  for (guint i = 0; i < G_N_ELEMENTS (acceptors); i++)
    {
      wire_start (&dialler);
      wire_join (&dialler);
      wire_ok (wire, "dialling", dialler.result != NULL, &dialler.error);
      g_clear_pointer (&dialler.result, leash_conn_unref);
    }
  for (guint i = 0; i < G_N_ELEMENTS (acceptors); i++)
    {
      wire_join (&acceptors[i]);
      wire_ok (wire, "accepting beside others", acceptors[i].result != NULL, &acceptors[i].error);
      g_clear_pointer (&acceptors[i].result, leash_conn_unref);
    }
}

static void
test_taken (Wire *wire)
{
  g_autoptr (GError) error = NULL;
  LeashListener *second
      = leash_network_listen (wire->network, wire->ctx, leash_listener_get_address (wire->listener), &error);

  wire_fails (wire, "listening where somebody listens", second != NULL, G_IO_ERROR_ADDRESS_IN_USE, &error);
  g_clear_pointer (&second, leash_listener_unref);
}

static void
test_taken_again (Wire *wire)
{
  g_autofree char *address = g_strdup (leash_listener_get_address (wire->listener));
  LeashListener *again;

  leash_listener_close (wire->listener, NULL);
  again = wire_listen (wire, address);
  if (again == NULL)
    return;
  if (strcmp (leash_listener_get_address (again), address) != 0)
    conform_fault (&wire->c, "listening on “%s” again: it is “%s” now", address,
                   leash_listener_get_address (again));
  g_clear_pointer (&wire->listener, leash_listener_unref);
  wire->listener = again;
  if (wire_connect (wire, &wire->one, &wire->other))
    test_both_ways (wire);
}

static void
test_accept_cancelled (Wire *wire)
{
  g_autoptr (LeashContext) ctx = leash_context_with_cancel (wire->ctx);
  WireJob acceptor = { .func = wire_do_accept, .wire = wire, .ctx = ctx };

  wire_start_waiting (&acceptor);
  leash_context_cancel (ctx, NULL);
  wire_join (&acceptor);
  wire_fails (wire, "accepting until cancelled", acceptor.result != NULL, G_IO_ERROR_CANCELLED,
              &acceptor.error);
}

static void
test_accept_timed_out (Wire *wire)
{
  g_autoptr (LeashContext) ctx = leash_context_with_timeout (wire->ctx, WIRE_SOON);
  g_autoptr (GError) error = NULL;
  LeashConn *conn = leash_listener_accept (wire->listener, ctx, &error);

  wire_fails (wire, "accepting until the deadline", conn != NULL, G_IO_ERROR_TIMED_OUT, &error);
  g_clear_pointer (&conn, leash_conn_unref);
  if (wire_connect (wire, &wire->one, &wire->other))
    test_both_ways (wire);
}

static void
test_accept_closed (Wire *wire)
{
  WireJob acceptors[2];
  g_autoptr (GError) error = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (acceptors); i++)
    {
      acceptors[i] = (WireJob){ .func = wire_do_accept, .wire = wire };
      wire_start_waiting (&acceptors[i]);
    }
  wire_ok (wire, "closing the listener", leash_listener_close (wire->listener, &error), &error);
  for (guint i = 0; i < G_N_ELEMENTS (acceptors); i++)
    {
      wire_join (&acceptors[i]);
      wire_fails (wire, "accepting until closed", acceptors[i].result != NULL, G_IO_ERROR_CLOSED,
                  &acceptors[i].error);
    }
  /* On a busy machine one may have come too late, which is a misuse. */
  wire->c.n_misuses = leash_tracker_count_misuses (wire->c.tracker);
}

static void
test_closed_listener (Wire *wire)
{
  g_autoptr (GError) error = NULL;

  leash_listener_close (wire->listener, NULL);
  wire_fails (wire, "accepting after close",
              leash_listener_accept (wire->listener, wire->ctx, &error) != NULL, G_IO_ERROR_CLOSED, &error);
  wire_fails (wire, "closing the listener twice", leash_listener_close (wire->listener, &error),
              G_IO_ERROR_CLOSED, &error);
  wire->c.n_misuses = 2;
}

static void
test_outlives_listener (Wire *wire)
{
  leash_listener_close (wire->listener, NULL);
  test_both_ways (wire);
}

static void
test_addresses (Wire *wire)
{
  const char *address = leash_listener_get_address (wire->listener);
  const char *local = leash_conn_get_local_address (wire->one);
  const char *remote = leash_conn_get_remote_address (wire->one);

  if (g_strcmp0 (remote, address) != 0)
    conform_fault (&wire->c, "the remote address of what was dialled: expected “%s”, found “%s”", address,
                   remote);
  /* Who dials may have no address of its own. */
  if (g_strcmp0 (local, leash_conn_get_remote_address (wire->other)) != 0)
    conform_fault (&wire->c, "the dialled end is at “%s”, and the accepted one's peer at “%s”", local,
                   leash_conn_get_remote_address (wire->other));
  if (g_strcmp0 (leash_conn_get_local_address (wire->other), address) != 0)
    conform_fault (&wire->c, "the local address of what was accepted: expected “%s”, found “%s”", address,
                   leash_conn_get_local_address (wire->other));
}

static void
test_addresses_stay (Wire *wire)
{
  g_autofree char *remote = g_strdup (leash_conn_get_remote_address (wire->one));
  g_autofree char *local = g_strdup (leash_conn_get_local_address (wire->other));

  wire_close (wire, wire->one);
  wire_close (wire, wire->other);
  if (g_strcmp0 (remote, leash_conn_get_remote_address (wire->one)) != 0
      || g_strcmp0 (local, leash_conn_get_local_address (wire->other)) != 0)
    conform_fault (&wire->c, "a closed connection has other addresses than when it was open");
}

static void
test_tracked (Wire *wire)
{
  gsize n_open = leash_tracker_count_open (wire->c.tracker);

  if (!leash_has_tracking ())
    {
      conform_skip (&wire->c, "built without tracking");
      return;
    }
  /* Of these tests' own are the context that ends what hangs, and the listener. */
  wire_same (wire, "resources that both ends are", 2, (gint64) n_open - 2);
  if (leash_conn_get_tag (wire->one) == NULL || leash_conn_get_tag (wire->other) == NULL)
    conform_fault (&wire->c, "a connection has no tag");
  wire_close (wire, wire->one);
  wire_close (wire, wire->other);
  wire_same (wire, "resources that both ends are when closed", 0,
             (gint64) leash_tracker_count_open (wire->c.tracker) - 2);
}

const WireTest wire_dial_tests[] = {
  { "dial/both-ways", test_both_ways, TRUE },
  { "dial/where-nobody-listens-is-refused", test_refused },
  { "dial/nothing-is-opened-in-a-done-context", test_done_context },
  { "dial/message-has-the-address", test_messages },
  { "dial/many-at-once", test_many },
  { "dial/both-ends-are-tracked-until-closed", test_tracked, TRUE },
  { "listen/taken-address", test_taken },
  { "listen/address-is-free-after-the-close", test_taken_again },
  { "accept/beside-others", test_acceptors },
  { "accept/ends-when-cancelled", test_accept_cancelled },
  { "accept/ends-at-the-deadline-and-goes-on", test_accept_timed_out },
  { "accept/ends-when-the-listener-is-closed", test_accept_closed },
  { "accept/closed-listener-refuses-and-is-reported", test_closed_listener },
  { "accept/connection-outlives-its-listener", test_outlives_listener, TRUE },
  { "address/each-end-has-the-other's", test_addresses, TRUE },
  { "address/stays-after-the-close", test_addresses_stay, TRUE },
  { NULL },
};
