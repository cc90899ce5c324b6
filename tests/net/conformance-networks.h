/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Networks that the conformance suite runs on. */
#pragma once

#include "net-fixture.h"

G_GNUC_UNUSED static LeashNetwork *
make_tcp (char **ret_address, gpointer unused, GError **error)
{
  *ret_address = g_strdup ("tcp:127.0.0.1:0");
  return leash_host_network_new ();
}

/* Where there is no IPv6, as in some containers, it is not Leash's fault. */
G_GNUC_UNUSED static LeashNetwork *
make_tcp6 (char **ret_address, gpointer unused, GError **error)
{
  g_autoptr (LeashListener) listener = leash_listen (leash_context_background (), "tcp:[::1]:0", NULL);

  if (listener == NULL)
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED, "the system has no IPv6 on loopback");
      return NULL;
    }
  *ret_address = g_strdup ("tcp:[::1]:0");
  return leash_host_network_new ();
}

static void
remove_dir (gpointer path)
{
  remove_tree (path);
  g_free (path);
}

G_GNUC_UNUSED static LeashNetwork *
make_unix (char **ret_address, gpointer unused, GError **error)
{
  char *dir = g_dir_make_tmp ("leash-test-XXXXXX", error);
  LeashNetwork *network = leash_host_network_new ();

  g_assert_nonnull (dir);
  *ret_address = g_strconcat ("unix:", dir, "/socket", NULL);
  g_object_set_data_full (G_OBJECT (network), "dir", dir, remove_dir);
  return network;
}

G_GNUC_UNUSED static LeashNetwork *
make_memory (char **ret_address, gpointer unused, GError **error)
{
  *ret_address = g_strdup ("tcp:db.example:5432");
  return leash_memory_network_new ();
}

G_GNUC_UNUSED static LeashNetwork *
make_fault (char **ret_address, gpointer unused, GError **error)
{
  g_autoptr (LeashNetwork) host = make_tcp (ret_address, NULL, error);

  return leash_fault_network_new (host);
}

G_GNUC_UNUSED static LeashNetwork *
make_fault_memory (char **ret_address, gpointer unused, GError **error)
{
  g_autoptr (LeashNetwork) memory = make_memory (ret_address, NULL, error);

  return leash_fault_network_new (memory);
}

/*
 * A network in the user's own hands: the host's, behind connections that wait by themselves, because they have no
 * operation "wait". With a flaw it is broken in one way.
 */

typedef struct
{
  GObject parent_instance;
  LeashTracker *nobody; /* owned; tracks nothing: the connections behind are not the user's */
  const char *flaw;     /* the name of one; NULL for none */
  gboolean is_streamed; /* its connections are those of streams */
  gboolean is_waiting;  /* whose streams wait by themselves, instead of being polled */
} UserNetwork;

typedef GObjectClass UserNetworkClass;

static void user_network_init_iface (LeashNetworkInterface *iface);
static GType user_network_get_type (void);

G_DEFINE_FINAL_TYPE_WITH_CODE (UserNetwork, user_network, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (LEASH_TYPE_NETWORK, user_network_init_iface))

typedef struct
{
  LeashConn *inner;
  LeashContext *opened_in; /* owned */
  const char *flaw;
} UserConn;

typedef struct
{
  LeashListener *inner;
  UserNetwork *network; /* outlives it */
} UserListener;

static gboolean
has_flaw (const char *flaw, const char *name)
{
  return g_strcmp0 (flaw, name) == 0;
}

/* The error's reason alone: what was attempted is put before it again. */
static void
strip (GError **error)
{
  const char *reason = error != NULL && *error != NULL ? strstr ((*error)->message, "”: ") : NULL;

  if (reason != NULL)
    {
      char *rest = g_strdup (reason + strlen ("”: "));

      g_free ((*error)->message);
      (*error)->message = rest;
    }
}

static gssize
user_read (gpointer impl, LeashContext *ctx, void *buffer, gsize count, GError **error)
{
  UserConn *self = impl;
  gint64 deadline;
  gssize n;

  if (has_flaw (self->flaw, "times-out-early") && leash_context_get_deadline (ctx, &deadline)
      && deadline < g_get_monotonic_time () + G_TIME_SPAN_SECOND)
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT, "early");
      return -1;
    }
  if (has_flaw (self->flaw, "ignores-a-deadline") || has_flaw (self->flaw, "ignores-a-context"))
    ctx = self->opened_in;
  n = leash_conn_read (self->inner, ctx, buffer, count, error);
  strip (error);
  if (n == 0 && has_flaw (self->flaw, "end-is-an-error"))
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_FAILED, "no more");
      return -1;
    }
  if (n > 1 && has_flaw (self->flaw, "swaps-bytes"))
    {
      char *bytes = buffer, first = bytes[0];

      bytes[0] = bytes[1];
      bytes[1] = first;
    }
  return n;
}

/* As the flaw has it, of the last of several bytes. */
static gssize
write_flawed (UserConn *self, LeashContext *ctx, const char *bytes, gsize count, GError **error)
{
  g_autofree char *spoilt = g_memdup2 (bytes, count);
  gboolean loses = has_flaw (self->flaw, "loses-bytes");
  gssize n;

  if (has_flaw (self->flaw, "spoils-bytes"))
    spoilt[count - 1] ^= 1;
  n = leash_conn_write (self->inner, ctx, spoilt, loses ? count - 1 : count, error);
  if (n > 0 && has_flaw (self->flaw, "doubles-bytes"))
    leash_conn_write (self->inner, ctx, bytes + n - 1, 1, NULL);
  return n > 0 && loses ? n + 1 : n;
}

static gssize
user_write (gpointer impl, LeashContext *ctx, const void *buffer, gsize count, GError **error)
{
  UserConn *self = impl;
  gssize n;

  if (has_flaw (self->flaw, "writes-twice"))
    leash_conn_write (self->inner, ctx, buffer, count, NULL);
  if (self->flaw != NULL && count > 1)
    n = write_flawed (self, ctx, buffer, count, error);
  else
    n = leash_conn_write (self->inner, ctx, buffer, count, error);
  strip (error);
  return n;
}

static gboolean
user_shutdown (gpointer impl, gboolean reading, gboolean writing, GError **error)
{
  gboolean done = leash_conn_shutdown (((UserConn *) impl)->inner, reading, writing, error);

  strip (error);
  return done;
}

static gboolean
user_close (gpointer impl, GError **error)
{
  UserConn *self = impl;

  if (has_flaw (self->flaw, "leaks-descriptor"))
    dup (leash_conn_get_fd (self->inner));
  return leash_conn_close (self->inner, error);
}

static void
user_conn_free (gpointer impl)
{
  UserConn *self = impl;

  leash_conn_unref (self->inner);
  leash_context_unref (self->opened_in);
  g_free (self);
}

static const LeashConnOps user_conn_ops = {
  .size = sizeof (LeashConnOps),
  .read = user_read,
  .write = user_write,
  .shutdown = user_shutdown,
  .close = user_close,
};

/* A connection of a stream of the connection, which is taken over. */
static LeashConn *
streamed_new (LeashConn *inner)
{
  g_autoptr (GIOStream) stream = leash_conn_to_stream (inner, leash_context_background ());
  g_autoptr (GError) error = NULL;
  LeashConn *conn = leash_conn_new_from_stream (leash_context_background (), stream,
                                                leash_conn_get_remote_address (inner), &error);

  g_assert_no_error (error);
  leash_conn_unref (inner);
  return conn;
}

/* Takes the connection over. */
static LeashConn *
user_conn_new (UserNetwork *network, LeashContext *ctx, LeashConn *inner)
{
  gboolean lies = has_flaw (network->flaw, "wrong-address");
  UserConn *self;
  LeashConn *conn;

  if (inner == NULL)
    return NULL;
  if (network->is_streamed && !network->is_waiting)
    return streamed_new (inner);
  self = g_new (UserConn, 1);
  *self = (UserConn){ inner, leash_context_ref (ctx), network->flaw };
  conn = leash_conn_new (&user_conn_ops, self, user_conn_free, leash_conn_get_local_address (inner),
                         lies ? "tcp:elsewhere:1" : leash_conn_get_remote_address (inner));
  return network->is_streamed ? streamed_new (conn) : conn;
}

static LeashConn *
user_dial (LeashNetwork *network, LeashContext *ctx, const char *address, GError **error)
{
  UserNetwork *self = (UserNetwork *) network;
  g_autoptr (LeashContext) apart = leash_context_with_tracker (ctx, self->nobody);
  LeashConn *conn = user_conn_new (self, apart, leash_dial (apart, address, error));

  strip (error);
  if (conn == NULL && error != NULL && has_flaw (self->flaw, "wrong-code"))
    (*error)->code = G_IO_ERROR_FAILED;
  return conn;
}

static LeashConn *
user_accept (gpointer impl, LeashContext *ctx, GError **error)
{
  UserListener *self = impl;
  g_autoptr (LeashContext) apart = leash_context_with_tracker (ctx, self->network->nobody);
  LeashConn *conn = user_conn_new (self->network, apart, leash_listener_accept (self->inner, apart, error));

  strip (error);
  return conn;
}

static void
user_listener_shutdown (gpointer impl)
{
  leash_listener_close (((UserListener *) impl)->inner, NULL);
}

static gboolean
user_listener_close (gpointer impl, GError **error)
{
  UserListener *self = impl;

  return leash_listener_is_closed (self->inner) || leash_listener_close (self->inner, error);
}

static void
user_listener_free (gpointer impl)
{
  leash_listener_unref (((UserListener *) impl)->inner);
  g_free (impl);
}

static const LeashListenerOps user_listener_ops = {
  .size = sizeof (LeashListenerOps),
  .accept = user_accept,
  .shutdown = user_listener_shutdown,
  .close = user_listener_close,
};

static LeashListener *
user_listen (LeashNetwork *network, LeashContext *ctx, const char *address, GError **error)
{
  UserNetwork *self = (UserNetwork *) network;
  g_autoptr (LeashContext) apart = leash_context_with_tracker (ctx, self->nobody);
  const char *where = has_flaw (self->flaw, "takes-the-taken") ? TCP : address;
  LeashListener *inner = leash_listen (apart, where, error);
  UserListener *listener;

  strip (error);
  if (inner == NULL)
    return NULL;
  listener = g_new (UserListener, 1);
  *listener = (UserListener){ inner, self };
  return leash_listener_new (&user_listener_ops, listener, user_listener_free, leash_listener_get_address (inner));
}

static void
user_network_finalize (GObject *object)
{
  leash_tracker_unref (((UserNetwork *) object)->nobody);
  G_OBJECT_CLASS (user_network_parent_class)->finalize (object);
}

static void
user_network_class_init (UserNetworkClass *klass)
{
  klass->finalize = user_network_finalize;
}

static void
user_network_init (UserNetwork *self)
{
  self->nobody = leash_tracker_new ();
  leash_tracker_set_level (self->nobody, LEASH_LEVEL_OFF, 0);
}

static void
user_network_init_iface (LeashNetworkInterface *iface)
{
  iface->version = LEASH_NETWORK_INTERFACE_VERSION;
  iface->dial = user_dial;
  iface->listen = user_listen;
}

G_GNUC_UNUSED static LeashNetwork *
make_users (char **ret_address, gpointer flaw, GError **error)
{
  UserNetwork *network = g_object_new (user_network_get_type (), NULL);

  network->flaw = flaw;
  *ret_address = g_strdup (TCP);
  return LEASH_NETWORK (network);
}

G_GNUC_UNUSED static LeashNetwork *
make_streamed (char **ret_address, gpointer unused, GError **error)
{
  LeashNetwork *network = make_users (ret_address, NULL, error);

  ((UserNetwork *) network)->is_streamed = TRUE;
  return network;
}

G_GNUC_UNUSED static LeashNetwork *
make_streamed_waiting (char **ret_address, gpointer unused, GError **error)
{
  LeashNetwork *network = make_streamed (ret_address, NULL, error);

  ((UserNetwork *) network)->is_waiting = TRUE;
  return network;
}
