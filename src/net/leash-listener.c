/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * LeashListener: waits for connections on an address of any network. Its life and its checks are LeashConn's;
 * see there. What it accepts is tracked by the context of the accept, not by the one that it listens under: a
 * server's connections belong to whoever serves them.
 *
 * An accept that fails for want of descriptors or memory fails again at once, since the connection stays
 * where it is, and a server that just goes on would do nothing else. So the first such failure is told, and
 * the accepts that follow try again by themselves, in ever longer pauses by their contexts' clocks, until one
 * succeeds.
 */
#include "leash-boxed-private.h"
#include "leash-handle-private.h"
#include "leash-net-private.h"
#include "leash-roster-private.h"

#include <string.h>

/* Between accepts that fail, at first and at most. */
#define FIRST_PAUSE (5 * G_TIME_SPAN_MILLISECOND)
#define LAST_PAUSE (1 * G_TIME_SPAN_SECOND)

/**
 * LeashListener:
 *
 * Waits for connections on an address of any #LeashNetwork.
 *
 * Reference-counted. leash_listener_close() closes it; the last leash_listener_unref() closes what is open
 * still. A closed listener refuses every use with %G_IO_ERROR_CLOSED, and the tracker it was opened under
 * reports it.
 *
 * All functions may be called from any thread that holds a reference. Several threads may accept at once.
 */
struct _LeashListener
{
  LeashHandle handle;          /* first */
  const LeashListenerOps *ops; /* static in the implementation */
  LeashRoster *roster;         /* a reference */
  gint64 pause;                /* atomic; before the next accept; 0 unless the last one has failed */
  gboolean is_shut;            /* atomic; leash_listener_shutdown() was called */
  char address[];
};

/* The table as it was in version 0.1: every field up to here is in every program's. */
#define OPS_SIZE_0_1 (G_STRUCT_OFFSET (LeashListenerOps, close) + sizeof (gpointer))

static const LeashAttempt call_accept = { "Accepting on", "accept after close", "accept" };

LEASH_DEFINE_BOXED (LeashListener, leash_listener)

/* Ends the accepts that wait in other threads. */
static void
wake (LeashHandle *handle)
{
  LeashListener *listener = (LeashListener *) handle;

  leash_listener_wake_bare (listener);
  leash_roster_close (listener->roster);
}

/**
 * leash_listener_new: (skip)
 * @ops: the operations; they must live as long as the listener
 * @impl: (nullable): what the operations are called with
 * @destroy: (nullable): frees @impl; called once, after the close operation
 * @address: where it listens, with what was left open (a port) filled in
 *
 * Makes a listener, for who implements a #LeashNetwork. The tag is made by leash_network_listen(), which
 * called the implementation. Errors are as in leash_conn_new().
 *
 * Returns: (transfer full): the listener, open
 *
 * Since: 0.1
 */
LeashListener *
leash_listener_new (const LeashListenerOps *ops, gpointer impl, GDestroyNotify destroy, const char *address)
{
  LeashListener *listener;
  gsize size;

  g_return_val_if_fail (ops != NULL, NULL);
  g_return_val_if_fail (ops->size >= OPS_SIZE_0_1, NULL);
  g_return_val_if_fail (ops->accept != NULL, NULL);
  g_return_val_if_fail (ops->close != NULL, NULL);
  g_return_val_if_fail (address != NULL, NULL);

  size = strlen (address) + 1;
  listener = g_malloc0 (sizeof (LeashListener) + size);
  memcpy (listener->address, address, size);
  leash_handle_init (&listener->handle, impl, destroy, ops->close, "listener", listener->address);
  listener->handle.wake = wake;
  listener->roster = leash_roster_new ();
  listener->ops = ops;
  return listener;
}

void
leash_listener_track (LeashListener *listener, LeashContext *ctx, gconstpointer caller)
{
  leash_handle_track (&listener->handle, ctx, "listener", listener->address, listener->ops->get_fd, caller);
}

LeashConn *
leash_listener_accept_bare (LeashListener *listener, LeashContext *ctx, GError **error)
{
  return listener->ops->accept (listener->handle.impl, ctx, error);
}

void
leash_listener_wake_bare (LeashListener *listener)
{
  if (listener->ops->shutdown != NULL)
    listener->ops->shutdown (listener->handle.impl);
}

gboolean
leash_listener_close_bare (LeashListener *listener, GError **error)
{
  return leash_handle_close_bare (&listener->handle, error);
}

void
leash_listener_stand_before (LeashListener *listener, LeashListener *inner)
{
  leash_handle_stand_before (&listener->handle, &inner->handle, inner->ops->get_fd);
}

/**
 * leash_listener_ref:
 * @listener: a listener
 *
 * Takes a reference.
 *
 * Returns: (transfer full): @listener
 *
 * Since: 0.1
 */
LeashListener *
leash_listener_ref (LeashListener *listener)
{
  g_return_val_if_fail (listener != NULL, NULL);

  leash_handle_ref (&listener->handle);
  return listener;
}

/**
 * leash_listener_unref:
 * @listener: (transfer full) (nullable): a listener
 *
 * Gives a reference back. With the last one a listener that is open still is closed.
 *
 * Since: 0.1
 */
void
leash_listener_unref (LeashListener *listener)
{
  if (listener == NULL || !leash_handle_unref (&listener->handle, LEASH_CALLER))
    return;
  leash_roster_unref (listener->roster);
  g_free (listener);
}

static gboolean
is_shortage (const GError *reason)
{
  return g_error_matches (reason, G_IO_ERROR, G_IO_ERROR_TOO_MANY_OPEN_FILES)
         || g_error_matches (reason, G_IO_ERROR, G_IO_ERROR_NO_SPACE);
}

/* Whether a failure is the first since an accept has succeeded; sets how long to pause before the next one.
 */
static gboolean
note_failure (LeashListener *listener, gint64 pause)
{
  gint64 none = 0;

  if (pause == 0)
    return __atomic_compare_exchange_n (&listener->pause, &none, FIRST_PAUSE, FALSE, __ATOMIC_RELAXED,
                                        __ATOMIC_RELAXED);
  __atomic_store_n (&listener->pause, MIN (2 * pause, LAST_PAUSE), __ATOMIC_RELAXED);
  return FALSE;
}

/* Says what kept it from accepting, where it was that as well. */
static LeashConn *
give_up (const GError *shortage, GError *reason, GError **error)
{
  if (reason != NULL && shortage != NULL)
    g_prefix_error (&reason, "%s; ", shortage->message);
  if (reason != NULL)
    g_propagate_error (error, reason);
  return NULL;
}

static LeashConn *
accept_patiently (LeashListener *listener, LeashContext *ctx, GError **error)
{
  g_autoptr (GError) shortage = NULL;

  for (;;)
    {
      gint64 pause = __atomic_load_n (&listener->pause, __ATOMIC_RELAXED);
      GError *reason = NULL;
      LeashConn *conn;

      if (G_UNLIKELY (pause > 0) && !leash_roster_pause (listener->roster, ctx, pause, &reason))
        return give_up (shortage, reason, error);
      conn = listener->ops->accept (listener->handle.impl, ctx, &reason);
      if (conn != NULL)
        {
          if (G_UNLIKELY (pause > 0))
            __atomic_store_n (&listener->pause, 0, __ATOMIC_RELAXED);
          return conn;
        }
      if (leash_context_is_done (ctx) || leash_use_is_closed (&listener->handle.use))
        return give_up (shortage, reason, error);
      if (note_failure (listener, pause) || !is_shortage (reason))
        return give_up (NULL, reason, error);
      g_clear_error (&shortage);
      shortage = reason;
    }
}

static LeashConn *
accept_conn (LeashListener *listener, LeashContext *ctx, GError **error)
{
  LeashConn *conn = NULL;

  if (leash_context_check (ctx, error) && leash_roster_reserve (listener->roster, ctx, error))
    {
      conn = accept_patiently (listener, ctx, error);
      leash_roster_enter (listener->roster, conn);
    }
  if (G_UNLIKELY (conn == NULL))
    {
      leash_net_say_why_done (ctx, error);
      leash_handle_explain (&listener->handle, &call_accept, error);
    }
  return conn;
}

/**
 * leash_listener_accept:
 * @listener: a listener
 * @ctx: a context
 * @error: return location for an error
 *
 * Waits for a connection, and puts it on the leash of @ctx's tracker until it is closed; reports name it by
 * the peer's address, or by the listener's where the peer has none. It stops waiting when @ctx is done, with
 * the context's error, and when the listener is closed in another thread, with %G_IO_ERROR_CLOSED.
 *
 * While there are as many connections as leash_listener_set_max_connections() allows, it waits for one of
 * them to be closed.
 *
 * After another error the listener goes on working, and who accepts again may do so at once: accepts that
 * follow a failure wait a while before they try, 5 ms at first and 1 s at most, by @ctx's clock. Where
 * descriptors or memory have run out, %G_IO_ERROR_TOO_MANY_OPEN_FILES or %G_IO_ERROR_NO_SPACE is told by the
 * first accept that fails, and those behind a failure try until they succeed, while the connection waits to
 * be accepted.
 *
 * Returns: (transfer full): the connection, %NULL with @error set
 *
 * Since: 0.1
 */
LeashConn *
leash_listener_accept (LeashListener *listener, LeashContext *ctx, GError **error)
{
  LeashConn *conn;

  g_return_val_if_fail (listener != NULL, NULL);
  g_return_val_if_fail (ctx != NULL, NULL);

  if (!leash_handle_enter (&listener->handle, &call_accept, LEASH_CALLER, error))
    return NULL;
  conn = accept_conn (listener, ctx, error);
  if (conn != NULL)
    leash_conn_track (conn, ctx, "conn", leash_conn_get_name (conn), LEASH_CALLER);
  leash_handle_leave (&listener->handle);
  return conn;
}

/**
 * leash_listener_set_max_connections:
 * @listener: a listener
 * @max: how many connections may be open, of those that it has accepted; 0 for any number, as at first
 *
 * Limits the connections that are open at a time: while there are as many, leash_listener_accept() waits.
 * Those that are open already stay so when the limit is lower.
 *
 * May be called from any thread, at any time.
 *
 * Since: 0.1
 */
void
leash_listener_set_max_connections (LeashListener *listener, guint max)
{
  g_return_if_fail (listener != NULL);

  leash_roster_set_max (listener->roster, max);
}

/**
 * leash_listener_get_address:
 * @listener: a listener
 *
 * Gets where it listens, to be dialled: `tcp:127.0.0.1:0` has become the port that was taken. A closed
 * listener has it still.
 *
 * Returns: (transfer none): the address
 *
 * Since: 0.1
 */
const char *
leash_listener_get_address (LeashListener *listener)
{
  g_return_val_if_fail (listener != NULL, NULL);

  return listener->address;
}

/**
 * leash_listener_get_fd:
 * @listener: a listener
 *
 * Gets the socket, for calls that Leash does not have. It never blocks, and stays the listener's: do not
 * close it, and do not use it after leash_listener_close().
 *
 * Returns: the descriptor, -1 when the listener has none or is closed
 *
 * Since: 0.1
 */
int
leash_listener_get_fd (LeashListener *listener)
{
  g_return_val_if_fail (listener != NULL, -1);

  return leash_handle_get_fd (&listener->handle, listener->ops->get_fd, LEASH_CALLER);
}

/**
 * leash_listener_get_tag: (skip)
 * @listener: a listener
 *
 * Gets the tag that the listener is tracked by. It is the listener's to release.
 *
 * Returns: (transfer none) (nullable): the tag, %NULL when nothing tracks
 *
 * Since: 0.1
 */
LeashTag *
leash_listener_get_tag (LeashListener *listener)
{
  g_return_val_if_fail (listener != NULL, NULL);

  return listener->handle.tag;
}

/**
 * leash_listener_is_closed:
 * @listener: a listener
 *
 * Tells whether leash_listener_close() was called.
 *
 * Returns: %TRUE when it was
 *
 * Since: 0.1
 */
gboolean
leash_listener_is_closed (LeashListener *listener)
{
  g_return_val_if_fail (listener != NULL, TRUE);

  return leash_use_is_closed (&listener->handle.use);
}

/**
 * leash_listener_close:
 * @listener: a listener
 * @error: return location for an error
 *
 * Closes a listener. Connections that nobody has accepted yet are refused; those that were accepted stay. A
 * second close fails with %G_IO_ERROR_CLOSED, and is reported as a misuse. A socket that other processes
 * have, too, listens on for them.
 *
 * May be called while other threads accept: they fail with %G_IO_ERROR_CLOSED, and the last of them closes
 * the socket. This function does not wait for that, and returns %TRUE.
 *
 * Returns: %TRUE, or %FALSE with @error set when closing failed
 *
 * Since: 0.1
 */
gboolean
leash_listener_close (LeashListener *listener, GError **error)
{
  g_return_val_if_fail (listener != NULL, FALSE);

  return leash_handle_close (&listener->handle, LEASH_CALLER, error);
}

/**
 * leash_listener_shutdown:
 * @listener: a listener
 * @ctx: a context
 * @error: return location for an error
 *
 * Closes a listener, as leash_listener_close() does, and waits until all connections that it has accepted are
 * closed, for as long as @ctx lets it. When @ctx is done before, it fails with the context's error, which
 * says how many are open and names the first of them. They stay open, and it may be called again, to wait on.
 * A listener that is closed already is only waited for.
 *
 * Connections are not told: who serves them closes them when it has answered, and at the end leaves none
 * behind that waits for a request.
 *
 * Returns: %TRUE when none is open, or %FALSE with @error set
 *
 * Since: 0.1
 */
gboolean
leash_listener_shutdown (LeashListener *listener, LeashContext *ctx, GError **error)
{
  gboolean closed = TRUE;
  GError *reason = NULL;

  g_return_val_if_fail (listener != NULL, FALSE);
  g_return_val_if_fail (ctx != NULL, FALSE);

  if (!__atomic_exchange_n (&listener->is_shut, TRUE, __ATOMIC_ACQ_REL)
      && !leash_use_is_closed (&listener->handle.use))
    closed = leash_handle_close (&listener->handle, LEASH_CALLER, &reason);
  if (!leash_roster_wait_empty (listener->roster, ctx, error))
    {
      g_clear_error (&reason);
      leash_attempt_prefix (error, "Shutting down", listener->address);
      return FALSE;
    }
  if (!closed)
    g_propagate_error (error, reason);
  return closed;
}
