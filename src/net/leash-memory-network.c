/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The memory network: who listens under which name, and who waits to be accepted.
 *
 * Each network is a world of its own, so that tests that run at the same time do not meet. The one that
 * `memory:` means on the host's network is the process's.
 *
 * Dialling is through when there is room in the listener's queue, as with TCP: to be accepted is another
 * matter. A queue that is full is waited for. There is one lock for all of a network's listeners; data never
 * passes by it.
 */
#include "leash-memory-network-private.h"

#include <leash/leash-memory-network.h>

#include "leash-attempt-private.h"
#include "leash-memory-link-private.h"

#include <string.h>

#define DEFAULT_BUFFER 65536
#define DEFAULT_BACKLOG 128
#define FIRST_PORT 49152u /* where the ports of those that do not care begin */
#define LAST_PORT 65535u

typedef struct
{
  GObject parent_instance;
  LeashLock lock;        /* guards the below, and the listeners' fields */
  GHashTable *listeners; /* of MemoryListener by address, without references; owns the addresses */
  gsize buffer;
  guint backlog;
  guint last_port;
  guint64 n_dialled; /* for addresses of who dials */
} LeashMemoryNetwork;

typedef GObjectClass LeashMemoryNetworkClass;

/* Lives as long as its LeashListener, or a thread that dials it. */
typedef struct
{
  gint ref_count;              /* the network's lock's, as all below */
  LeashMemoryNetwork *network; /* a reference */
  char *address;
  gboolean is_closed;
  GQueue waiting;       /* of LeashConn: to be accepted, owned */
  LeashBell acceptable; /* somebody waits, or it is closed */
  LeashBell has_room;   /* for one more, or it is closed */
} MemoryListener;

static void leash_memory_network_init_iface (LeashNetworkInterface *iface);
static GType leash_memory_network_get_type (void);

G_DEFINE_FINAL_TYPE_WITH_CODE (LeashMemoryNetwork, leash_memory_network, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (LEASH_TYPE_NETWORK, leash_memory_network_init_iface))

static void
leash_memory_network_finalize (GObject *object)
{
  LeashMemoryNetwork *self = (LeashMemoryNetwork *) object;

  g_hash_table_unref (self->listeners);
  pthread_mutex_destroy (&self->lock);
  G_OBJECT_CLASS (leash_memory_network_parent_class)->finalize (object);
}

static void
leash_memory_network_class_init (LeashMemoryNetworkClass *klass)
{
  klass->finalize = leash_memory_network_finalize;
}

static void
leash_memory_network_init (LeashMemoryNetwork *self)
{
  self->lock = (LeashLock) LEASH_LOCK_INIT;
  self->listeners = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  self->buffer = DEFAULT_BUFFER;
  self->backlog = DEFAULT_BACKLOG;
  self->last_port = FIRST_PORT - 1;
}

/* Addresses */

static gboolean
check_address (const char *address, GError **error)
{
  const char *colon = strchr (address, ':');

  if (colon != NULL && colon != address && colon[1] != '\0')
    return TRUE;
  g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                       "expected a scheme and a name, “memory:name” or “tcp:host:port”");
  return FALSE;
}

/* With the lock held: the address with a port for the 0 that it ends with; NULL when all are taken. */
static char *
choose_port (LeashMemoryNetwork *self, const char *address)
{
  gsize length = strlen (address) - strlen ("0");

  for (guint i = FIRST_PORT; i <= LAST_PORT; i++)
    {
      g_autofree char *chosen = NULL;

      self->last_port = self->last_port < LAST_PORT ? self->last_port + 1 : FIRST_PORT;
      chosen = g_strdup_printf ("%.*s%u", (int) length, address, self->last_port);
      if (!g_hash_table_contains (self->listeners, chosen))
        return g_steal_pointer (&chosen);
    }
  return NULL;
}

/* Listeners */

/* Takes the network's lock, which is free again on return. */
static void
listener_unref (MemoryListener *listener)
{
  LeashMemoryNetwork *network = listener->network;
  gboolean is_last;

  leash_lock (&network->lock);
  is_last = --listener->ref_count == 0;
  leash_unlock (&network->lock);
  if (!is_last)
    return;
  leash_bell_clear (&listener->acceptable);
  leash_bell_clear (&listener->has_room);
  g_free (listener->address);
  g_free (listener);
  g_object_unref (network);
}

static gboolean
is_acceptable (gpointer user_data)
{
  MemoryListener *listener = user_data;

  return listener->waiting.length > 0 || listener->is_closed;
}

static gboolean
has_room (gpointer user_data)
{
  MemoryListener *listener = user_data;

  return listener->waiting.length < listener->network->backlog || listener->is_closed;
}

static LeashConn *
memory_accept (gpointer impl, LeashContext *ctx, GError **error)
{
  MemoryListener *listener = impl;
  LeashLock *lock = &listener->network->lock;
  LeashConn *conn = NULL;

  leash_lock (lock);
  if (leash_bell_wait (&listener->acceptable, lock, ctx, is_acceptable, listener, error))
    {
      conn = g_queue_pop_head (&listener->waiting);
      if (conn == NULL)
        g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_CLOSED, "it is closed");
      leash_bell_ring (&listener->has_room);
    }
  leash_unlock (lock);
  return conn;
}

/* Also when it is closed already. */
static void
memory_listener_shutdown (gpointer impl)
{
  MemoryListener *listener = impl;
  LeashMemoryNetwork *network = listener->network;
  g_autoptr (GError) reason = g_error_new_literal (G_IO_ERROR, G_IO_ERROR_CLOSED, "the listener was closed");
  GQueue waiting;
  LeashConn *conn;

  leash_lock (&network->lock);
  if (!listener->is_closed)
    g_hash_table_remove (network->listeners, listener->address);
  listener->is_closed = TRUE;
  waiting = listener->waiting;
  g_queue_init (&listener->waiting);
  leash_bell_ring (&listener->acceptable);
  leash_bell_ring (&listener->has_room);
  leash_unlock (&network->lock);
  while ((conn = g_queue_pop_head (&waiting)) != NULL)
    {
      leash_conn_close_with_error (conn, reason, NULL);
      leash_conn_unref (conn);
    }
}

static gboolean
memory_listener_close (gpointer impl, GError **error)
{
  memory_listener_shutdown (impl);
  return TRUE;
}

static void
memory_listener_free (gpointer impl)
{
  listener_unref (impl);
}

static const LeashListenerOps memory_listener_ops = {
  .size = sizeof (LeashListenerOps),
  .accept = memory_accept,
  .shutdown = memory_listener_shutdown,
  .close = memory_listener_close,
};

/* Takes the address over, under which nobody listens yet. With the lock held. */
static MemoryListener *
add_listener (LeashMemoryNetwork *self, char *address)
{
  MemoryListener *listener = g_new0 (MemoryListener, 1);

  listener->ref_count = 1;
  listener->network = g_object_ref (self);
  listener->address = address;
  g_queue_init (&listener->waiting);
  leash_bell_init (&listener->acceptable);
  leash_bell_init (&listener->has_room);
  g_hash_table_insert (self->listeners, g_strdup (address), listener);
  return listener;
}

static LeashListener *
memory_listen (LeashNetwork *network, LeashContext *ctx, const char *address, GError **error)
{
  LeashMemoryNetwork *self = (LeashMemoryNetwork *) network;
  MemoryListener *listener = NULL;
  char *chosen;

  if (!check_address (address, error))
    return NULL;
  leash_lock (&self->lock);
  chosen = g_str_has_suffix (address, ":0") ? choose_port (self, address) : g_strdup (address);
  if (chosen != NULL && !g_hash_table_contains (self->listeners, chosen))
    listener = add_listener (self, g_steal_pointer (&chosen));
  leash_unlock (&self->lock);
  g_free (chosen);
  if (listener != NULL)
    return leash_listener_new (&memory_listener_ops, listener, memory_listener_free, listener->address);
  g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_ADDRESS_IN_USE, "somebody listens there");
  return NULL;
}

/* Dialling */

/* A reference, or NULL. */
static MemoryListener *
find_listener (LeashMemoryNetwork *self, const char *address)
{
  MemoryListener *listener;

  leash_lock (&self->lock);
  listener = g_hash_table_lookup (self->listeners, address);
  if (listener != NULL)
    listener->ref_count++;
  leash_unlock (&self->lock);
  return listener;
}

/* With the lock held, which is let go while it waits. Returns the dialled end, whose peer waits to be
 * accepted. */
static LeashConn *
join_queue (LeashMemoryNetwork *self, MemoryListener *listener, LeashContext *ctx, GError **error)
{
  LeashConn *dialled, *accepted;
  g_autofree char *own = NULL;

  if (!leash_bell_wait (&listener->has_room, &self->lock, ctx, has_room, listener, error))
    return NULL;
  if (listener->is_closed)
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_CONNECTION_REFUSED, "nobody listens there any more");
      return NULL;
    }
  own = g_strdup_printf ("memory:#%" G_GUINT64_FORMAT, ++self->n_dialled);
  leash_memory_link_new (self->buffer, own, listener->address, &dialled, &accepted);
  g_queue_push_tail (&listener->waiting, accepted);
  leash_bell_ring (&listener->acceptable);
  return dialled;
}

static LeashConn *
memory_dial (LeashNetwork *network, LeashContext *ctx, const char *address, GError **error)
{
  LeashMemoryNetwork *self = (LeashMemoryNetwork *) network;
  MemoryListener *listener;
  LeashConn *conn;

  if (!check_address (address, error))
    return NULL;
  listener = find_listener (self, address);
  if (listener == NULL)
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_CONNECTION_REFUSED, "nobody listens there");
      return NULL;
    }
  leash_lock (&self->lock);
  conn = join_queue (self, listener, ctx, error);
  leash_unlock (&self->lock);
  listener_unref (listener);
  return conn;
}

static void
leash_memory_network_init_iface (LeashNetworkInterface *iface)
{
  iface->version = LEASH_NETWORK_INTERFACE_VERSION;
  iface->dial = memory_dial;
  iface->listen = memory_listen;
}

/**
 * leash_memory_network_new:
 *
 * Makes a network in memory, with nobody in it. It is a world of its own: what listens in another one is not
 * there.
 *
 * An address is a scheme, a colon and any text: `memory:name`, but `tcp:db.example:5432` and `unix:/run/x` as
 * well, so that code need not know where it runs. It is compared byte by byte, and no name is looked up: who
 * dials `tcp:localhost:80` does not find `tcp:127.0.0.1:80`. To listen at what ends in `:0` takes a port that
 * is free, which leash_listener_get_address() tells. Who dials gets an address of its own, `memory:#1` and so
 * on.
 *
 * Connections behave as TCP's: a stream each way, with a buffer that may be full, half-closing, an end behind
 * the data. What is written to who has closed fails with %G_IO_ERROR_BROKEN_PIPE;
 * leash_conn_close_with_error() is found by the peer as %G_IO_ERROR_CONNECTION_CLOSED, with the message of
 * the cause. They have no descriptor. All that waits ends by the contexts' clocks, so that a fake clock moves
 * a whole network.
 *
 * On the host's network `memory:name` is in one such network that all of the process shares.
 *
 * Returns: (transfer full): the network
 *
 * Since: 0.1
 */
LeashNetwork *
leash_memory_network_new (void)
{
  return g_object_new (leash_memory_network_get_type (), NULL);
}

LeashNetwork *
leash_memory_network_get_default (void)
{
  static gsize the_default = 0; /* a LeashNetwork, never freed */

  if (g_once_init_enter (&the_default))
    g_once_init_leave (&the_default, (gsize) leash_memory_network_new ());
  return (LeashNetwork *) the_default;
}

/* NULL, and a critical message, for what is no memory network. */
static LeashMemoryNetwork *
check_memory (LeashNetwork *network)
{
  g_return_val_if_fail (G_TYPE_CHECK_INSTANCE_TYPE (network, leash_memory_network_get_type ()), NULL);

  return (LeashMemoryNetwork *) network;
}

/**
 * leash_memory_network_set_buffer:
 * @network: a network in memory
 * @bytes: how many, 1 at least; 65,536 at first
 *
 * Sets how much may be written, each way, before somebody reads it, on connections that are made from now on.
 *
 * Since: 0.1
 */
void
leash_memory_network_set_buffer (LeashNetwork *network, gsize bytes)
{
  LeashMemoryNetwork *self = check_memory (network);

  g_return_if_fail (bytes >= 1);
  g_return_if_fail (bytes <= G_MAXSSIZE);

  if (self == NULL)
    return;
  leash_lock (&self->lock);
  self->buffer = bytes;
  leash_unlock (&self->lock);
}

/**
 * leash_memory_network_set_backlog:
 * @network: a network in memory
 * @n_conns: how many, 1 at least; 128 at first
 *
 * Sets how many connections may wait for a listener to accept them. Who dials when there are so many waits,
 * too.
 *
 * Since: 0.1
 */
void
leash_memory_network_set_backlog (LeashNetwork *network, guint n_conns)
{
  LeashMemoryNetwork *self = check_memory (network);
  GHashTableIter iter;
  gpointer listener;

  g_return_if_fail (n_conns >= 1);

  if (self == NULL)
    return;
  leash_lock (&self->lock);
  self->backlog = n_conns;
  g_hash_table_iter_init (&iter, self->listeners);
  while (g_hash_table_iter_next (&iter, NULL, &listener))
    leash_bell_ring (&((MemoryListener *) listener)->has_room);
  leash_unlock (&self->lock);
}
