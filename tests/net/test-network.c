/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * LeashNetwork: what holds for every network, shown on a tiny one that is implemented here as a user would,
 * with no line of code for tracking, checks or messages.
 */
#include "net-fixture.h"

/* The user's own network: every connection says "hello", and one address is silent about its failure. */

typedef struct
{
  GObject parent_instance;

  guint n_calls;
  LeashNetwork *below; /* dials for this one */
} TinyNetwork;

typedef GObjectClass TinyNetworkClass;

static void tiny_network_init_iface (LeashNetworkInterface *iface);
static GType tiny_network_get_type (void);

G_DEFINE_FINAL_TYPE_WITH_CODE (TinyNetwork, tiny_network, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (LEASH_TYPE_NETWORK, tiny_network_init_iface))

static void
tiny_network_class_init (TinyNetworkClass *klass)
{
}

static void
tiny_network_init (TinyNetwork *self)
{
}

static gssize
tiny_read (gpointer impl, LeashContext *ctx, void *buffer, gsize count, GError **error)
{
  memcpy (buffer, "hello", MIN (count, 5));
  return (gssize) MIN (count, 5);
}

static gboolean
tiny_close (gpointer impl, GError **error)
{
  return TRUE;
}

static const LeashConnOps tiny_conn_ops = {
  .size = sizeof (LeashConnOps),
  .read = tiny_read,
  .close = tiny_close,
};

static LeashConn *
tiny_accept (gpointer impl, LeashContext *ctx, GError **error)
{
  return leash_conn_new (&tiny_conn_ops, NULL, NULL, "tiny:here", "tiny:there");
}

static const LeashListenerOps tiny_listener_ops = {
  .size = sizeof (LeashListenerOps),
  .accept = tiny_accept,
  .close = tiny_close,
};

/* As what GIO has waits: all it knows of the context is a GCancellable. */
static LeashConn *
dial_until_cancelled (LeashContext *ctx, GError **error)
{
  leash_context_wait (ctx, -1);
  g_cancellable_set_error_if_cancelled (leash_context_get_cancellable (ctx), error);
  return NULL;
}

static LeashConn *
tiny_dial (LeashNetwork *network, LeashContext *ctx, const char *address, GError **error)
{
  TinyNetwork *self = (TinyNetwork *) network;

  self->n_calls++;
  if (self->below != NULL)
    return leash_network_dial (self->below, ctx, address, error);
  if (strcmp (address, "silent") == 0)
    return NULL;
  if (strcmp (address, "waits") == 0)
    return dial_until_cancelled (ctx, error);
  return leash_conn_new (&tiny_conn_ops, NULL, NULL, NULL, address);
}

static LeashListener *
tiny_listen (LeashNetwork *network, LeashContext *ctx, const char *address, GError **error)
{
  return leash_listener_new (&tiny_listener_ops, NULL, NULL, address);
}

static void
tiny_network_init_iface (LeashNetworkInterface *iface)
{
  iface->version = LEASH_NETWORK_INTERFACE_VERSION;
  iface->dial = tiny_dial;
  iface->listen = tiny_listen;
}

/* One that forgot to set its version. */

typedef TinyNetwork OldNetwork;
typedef GObjectClass OldNetworkClass;

static void old_network_init_iface (LeashNetworkInterface *iface);
static GType old_network_get_type (void);

G_DEFINE_FINAL_TYPE_WITH_CODE (OldNetwork, old_network, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (LEASH_TYPE_NETWORK, old_network_init_iface))

static void
old_network_class_init (OldNetworkClass *klass)
{
}

static void
old_network_init (OldNetwork *self)
{
}

static void
old_network_init_iface (LeashNetworkInterface *iface)
{
  iface->dial = tiny_dial;
}

static void
test_own_network_is_tracked (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (LeashNetwork) network = g_object_new (tiny_network_get_type (), NULL);
  g_autoptr (LeashContext) ctx = leash_context_with_network (fixture->ctx, network);
  g_autoptr (LeashListener) listener = NULL;
  g_autoptr (LeashConn) dialled = NULL;
  g_autoptr (LeashConn) accepted = NULL;
  g_autoptr (GError) error = NULL;
  char buffer[5];

  g_assert_true (leash_context_get_network (ctx) == network);
  listener = leash_listen (ctx, "anywhere", &error);
  g_assert_no_error (error);
  dialled = leash_dial (ctx, "anybody", &error);
  g_assert_no_error (error);
  accepted = leash_listener_accept (listener, ctx, &error);
  g_assert_no_error (error);
  if (leash_has_tracking ())
    g_assert_cmpuint (leash_tracker_count_open (fixture->tracker), ==, 3);
  g_assert_cmpint (leash_conn_read (dialled, ctx, buffer, sizeof buffer, &error), ==, 5);
  g_assert_cmpmem (buffer, 5, "hello", 5);
  g_assert_true (leash_conn_close (accepted, &error));
  g_assert_true (leash_listener_close (listener, &error));
  if (leash_has_tracking ())
    {
      g_assert_false (leash_tracker_check (fixture->tracker, NULL));
      assert_only_open (fixture->tracker, "conn", "anybody", test_own_network_is_tracked);
    }
  g_assert_true (leash_conn_close (dialled, &error));
  g_assert_true (leash_tracker_check (fixture->tracker, &error));
}

static __attribute__ ((noinline)) LeashConn *
dialled_in_this_function (LeashNetwork *network, LeashContext *ctx)
{
  LeashConn *conn = leash_network_dial (network, ctx, "anybody", NULL);

  g_assert_nonnull (conn);
  return conn;
}

static void
test_explicit_network (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (LeashNetwork) network = g_object_new (tiny_network_get_type (), NULL);
  g_autoptr (LeashConn) conn = dialled_in_this_function (network, fixture->ctx);
  g_autoptr (LeashListener) listener = NULL;

  if (leash_has_tracking ())
    assert_only_open (fixture->tracker, "conn", "anybody", dialled_in_this_function);
  listener = leash_network_listen (network, fixture->ctx, "anywhere", NULL);
  g_assert_cmpstr (leash_listener_get_address (listener), ==, "anywhere");
  if (leash_has_tracking ())
    g_assert_cmpuint (leash_tracker_count_open (fixture->tracker), ==, 2);
}

/* A network on top of another hands on what is tracked already: one entry. */
static void
test_stacked_networks (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (LeashNetwork) below = g_object_new (tiny_network_get_type (), NULL);
  g_autoptr (LeashNetwork) above = g_object_new (tiny_network_get_type (), NULL);
  g_autoptr (LeashConn) conn = NULL;

  ((TinyNetwork *) above)->below = below;
  conn = leash_network_dial (above, fixture->ctx, "anybody", NULL);
  g_assert_nonnull (conn);
  if (leash_has_tracking ())
    g_assert_cmpuint (leash_tracker_count_open (fixture->tracker), ==, 1);
}

static void
test_missing_operations (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (LeashNetwork) network = g_object_new (old_network_get_type (), NULL);
  g_autoptr (GError) error = NULL;

  g_assert_null (leash_network_dial (network, fixture->ctx, "x", &error));
  assert_io_error (error, G_IO_ERROR_NOT_SUPPORTED,
                   "Dialling “x”: the network OldNetwork has no operation “dial”");
  g_assert_null (leash_network_listen (network, fixture->ctx, "x", &error));
  assert_io_error (error, G_IO_ERROR_NOT_SUPPORTED, "Listening on “x”: ", "“listen”");
  g_assert_null (leash_network_dial (network, fixture->ctx, "x", NULL));
}

static void
test_failures (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (LeashNetwork) network = g_object_new (tiny_network_get_type (), NULL);
  g_autoptr (GError) error = NULL;

  g_assert_null (leash_network_dial (network, fixture->done, "x", &error));
  assert_io_error (error, G_IO_ERROR_CANCELLED, "Dialling “x”: ");
  g_assert_null (leash_network_listen (network, fixture->done, "x", &error));
  assert_io_error (error, G_IO_ERROR_CANCELLED, "Listening on “x”: ");
  g_assert_cmpuint (((TinyNetwork *) network)->n_calls, ==, 0);
  g_assert_null (leash_network_dial (network, fixture->ctx, "silent", &error));
  assert_io_error (error, G_IO_ERROR_FAILED, "Dialling “silent”: it failed without giving a reason");
}

static void
test_cancelled_at_the_deadline (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (LeashNetwork) network = g_object_new (tiny_network_get_type (), NULL);
  g_autoptr (LeashContext) ctx = leash_context_with_timeout (fixture->ctx, 20000);
  g_autoptr (GError) error = NULL;

  g_assert_null (leash_network_dial (network, ctx, "waits", &error));
  assert_io_error (error, G_IO_ERROR_TIMED_OUT, "Dialling “waits”: Context timed out after 0.02 s");
  g_assert_null (leash_network_dial (network, ctx, "waits", NULL));
}

static void
test_default (Fixture *fixture, gconstpointer unused)
{
  LeashNetwork *carried = leash_context_get_network (fixture->ctx);

  g_assert_true (LEASH_IS_NETWORK (carried));
  g_assert_true (leash_context_get_network (leash_context_background ()) == carried);
}

static void
test_bad_arguments (Fixture *fixture, gconstpointer unused)
{
  LeashNetwork *network = leash_context_get_network (fixture->ctx);

  expect_critical ("leash_dial", "ctx != NULL");
  g_assert_null (leash_dial (NULL, TCP, NULL));
  expect_critical ("leash_dial", "address != NULL");
  g_assert_null (leash_dial (fixture->ctx, NULL, NULL));
  expect_critical ("leash_listen", "ctx != NULL");
  g_assert_null (leash_listen (NULL, TCP, NULL));
  expect_critical ("leash_listen", "address != NULL");
  g_assert_null (leash_listen (fixture->ctx, NULL, NULL));
  expect_critical ("leash_network_dial", "LEASH_IS_NETWORK (network)");
  g_assert_null (leash_network_dial (NULL, fixture->ctx, TCP, NULL));
  expect_critical ("leash_network_listen", "address != NULL");
  g_assert_null (leash_network_listen (network, fixture->ctx, NULL, NULL));
  expect_critical ("leash_context_with_network", "parent != NULL");
  g_assert_null (leash_context_with_network (NULL, network));
  expect_critical ("leash_context_with_network", "LEASH_IS_NETWORK (network)");
  g_assert_null (leash_context_with_network (fixture->ctx, NULL));
  expect_critical ("leash_context_get_network", "ctx != NULL");
  g_assert_null (leash_context_get_network (NULL));
  assert_expected ();
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("/net/network/users-own-is-tracked", test_own_network_is_tracked);
  ADD ("/net/network/explicit-one-is-tracked", test_explicit_network);
  ADD ("/net/network/stacked-ones-make-one-entry", test_stacked_networks);
  ADD ("/net/network/missing-operations-are-not-supported", test_missing_operations);
  ADD ("/net/network/failures-name-the-address", test_failures);
  ADD ("/net/network/cancellable-of-a-timed-out-context-is-a-time-out", test_cancelled_at_the_deadline);
  ADD ("/net/network/host's-by-default", test_default);
  ADD ("/net/network/bad-arguments", test_bad_arguments);
  return g_test_run ();
}
