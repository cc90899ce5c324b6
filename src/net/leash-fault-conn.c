/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Connections and listeners of the fault network, each before one of the inner network, whose operations are
 * called without its guard, and whose errors come without a prefix.
 *
 * A read or write is judged once, however often the inner one has to wait. It waits here, and not in the
 * inner connection's own functions, so that what arrives while a rule stalls the call stays where it is.
 *
 * A connection that is reset has its inner one closed at once, for the peer to see it; the outer one is open
 * until it is closed, as with a socket. What has no context gets one that nothing ends, on the clock that the
 * connection was opened under.
 */
#include "leash-conn-private.h"
#include "leash-net-faults-private.h"

/* What both kinds have for their implementation. */
typedef struct
{
  LeashNetFaults *faults;  /* a reference */
  LeashContext *ctx;       /* for what comes without one */
  LeashNetEnd end;         /* its texts are owned, but for the addresses of the inner connection */
  LeashConn *conn;         /* owned; NULL for a listener */
  LeashListener *listener; /* owned; NULL for a connection */
  LeashUse *use;           /* of the outer connection */
  LeashPatience patience;  /* of a listener: of who waits for the rules to accept */
  gboolean is_shut;        /* atomic; of a listener */
  GError *reset;           /* atomic; why the connection is reset, then never changes; NULL when it is not */
  guint64 n_read;          /* atomic, as is n_written */
  guint64 n_written;
} Front;

static Front *
front_new (LeashNetFaults *faults, LeashContext *ctx, const char *party, const char *address)
{
  Front *self = g_new0 (Front, 1);

  self->faults = leash_injections_ref (faults);
  self->ctx = leash_context_with_clock (leash_context_background (), leash_context_get_clock (ctx));
  self->end.party = g_strdup (party);
  self->end.address = g_strdup (address);
  return self;
}

static void
front_free (gpointer impl)
{
  Front *self = impl;

  leash_conn_unref (self->conn);
  leash_listener_unref (self->listener);
  leash_injections_unref (self->faults);
  leash_context_unref (self->ctx);
  g_clear_error (&self->reset);
  g_free ((char *) self->end.party);
  g_free ((char *) self->end.address);
  leash_net_end_clear (&self->end);
  g_free (self);
}

static LeashNetCall
get_call (Front *self, LeashNetOps op, gsize count)
{
  return (LeashNetCall){
    .op = op,
    .end = &self->end,
    .count = count,
    .n_read = __atomic_load_n (&self->n_read, __ATOMIC_RELAXED),
    .n_written = __atomic_load_n (&self->n_written, __ATOMIC_RELAXED),
  };
}

/* Resets */

static void
reset_with (Front *self, const GError *cause)
{
  GError *none = NULL, *copy = g_error_copy (cause);

  if (__atomic_compare_exchange_n (&self->reset, &none, copy, FALSE, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
    leash_conn_close_with_error (self->conn, copy, NULL);
  else
    g_error_free (copy);
}

/* Says so, in place of whatever came of it, when the connection is reset. */
static gboolean
is_reset (Front *self, GError **error)
{
  const GError *reset = __atomic_load_n (&self->reset, __ATOMIC_ACQUIRE);

  if (G_LIKELY (reset == NULL))
    return FALSE;
  g_clear_error (error);
  if (error != NULL)
    *error = g_error_copy (reset);
  return TRUE;
}

/* Has the rules judge a call on the connection, which they may reset. */
static gboolean
begin (Front *self, LeashContext *ctx, const LeashNetCall *call, LeashNetVerdict *ret_verdict, GError **error)
{
  GError *reason = NULL;

  if (is_reset (self, error))
    return FALSE;
  if (leash_net_faults_begin (self->faults, ctx, call, ret_verdict, &reason))
    return TRUE;
  if (ret_verdict->is_reset)
    reset_with (self, reason);
  g_propagate_error (error, reason);
  return FALSE;
}

static gboolean
refuse (GError **error)
{
  g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED, "its network cannot do that");
  return FALSE;
}

/* Reading and writing */

/* One without a wait operation waits by itself, in a context that its close ends. */
static gssize
try_inner (LeashConn *inner, LeashContext *ctx, const LeashMove *move, GError **error)
{
  return LEASH_CONN_HAS (inner, wait) || move->only_tries ? move->run (inner, ctx, move, error)
                                                          : leash_conn_move_bare (inner, ctx, move, error);
}

/* Within the inner connection, which a reset closes only when all have left. */
static gssize
move_inner (Front *self, LeashContext *ctx, const LeashNetCall *call, const LeashMove *move, GError **error)
{
  gssize n;

  if (!leash_handle_try_enter (&self->conn->handle))
    return -1;
  do
    n = try_inner (self->conn, ctx, move, error);
  while (n == LEASH_CONN_WOULD_BLOCK && !move->only_tries
         && leash_conn_wait_bare (self->conn, ctx, move->way, error)
         && leash_net_faults_wait (self->faults, ctx, call, error));
  leash_handle_leave (&self->conn->handle);
  return n;
}

/* Not whenever a write comes back from the inner connection: it may have been woken only to look again. */
static void
fault_give_up (gpointer impl)
{
  Front *self = impl;

  if (!leash_handle_try_enter (&self->conn->handle))
    return;
  leash_conn_give_up (self->conn);
  leash_handle_leave (&self->conn->handle);
}

/* has_op: the inner connection can do it. */
static gssize
move (Front *self, LeashContext *ctx, LeashMove *move, gboolean has_op, GError **error)
{
  LeashNetOps op = move->way == LEASH_WAY_IN ? LEASH_NET_OP_READ : LEASH_NET_OP_WRITE;
  LeashNetCall call = get_call (self, op, move->count);
  LeashNetVerdict judged;
  gssize n;

  if (move->only_tries && !is_reset (self, NULL) && leash_net_faults_is_stalled (self->faults, &call))
    return LEASH_CONN_WOULD_BLOCK;
  if (!begin (self, ctx, &call, &judged, error) || (!has_op && !refuse (error)))
    return -1;
  move->count = judged.verdict.count;
  n = move_inner (self, ctx, &call, move, error);
  /* The end of the data, when it was a reset here that made it, is a failure. */
  if (n <= 0)
    return is_reset (self, error) || (n < 0 && !move->only_tries) ? -1 : n;
  __atomic_fetch_add (op == LEASH_NET_OP_READ ? &self->n_read : &self->n_written, (guint64) n,
                      __ATOMIC_RELAXED);
  if (judged.is_metered)
    leash_net_faults_meter (self->faults, ctx, &call, (gsize) n);
  return n;
}

static gssize
fault_read (gpointer impl, LeashContext *ctx, void *buffer, gsize count, GError **error)
{
  Front *self = impl;
  LeashMove read = { .run = leash_conn_run_read, .way = LEASH_WAY_IN, .buffer = buffer, .count = count };

  return move (self, ctx, &read, self->conn->ops->read != NULL, error);
}

static gssize
fault_write (gpointer impl, LeashContext *ctx, const void *buffer, gsize count, GError **error)
{
  Front *self = impl;
  LeashMove write
      = { .run = leash_conn_run_write, .way = LEASH_WAY_OUT, .buffer = (char *) buffer, .count = count };

  return move (self, ctx, &write, self->conn->ops->write != NULL, error);
}

static gssize
fault_send_fds (gpointer impl, LeashContext *ctx, const void *buffer, gsize count, const int *fds,
                guint n_fds, GError **error)
{
  Front *self = impl;
  LeashMove send = {
    .run = leash_conn_run_send,
    .way = LEASH_WAY_OUT,
    .buffer = (char *) buffer,
    .count = count,
    .fds = fds,
    .n_fds = n_fds,
  };

  return move (self, ctx, &send, LEASH_CONN_HAS (self->conn, send_fds), error);
}

static gssize
fault_receive_fds (gpointer impl, LeashContext *ctx, void *buffer, gsize count, int *ret_fds, guint max_fds,
                   guint *ret_n_fds, GError **error)
{
  Front *self = impl;
  LeashMove receive = {
    .run = leash_conn_run_receive,
    .way = LEASH_WAY_IN,
    .buffer = buffer,
    .count = count,
    .ret_fds = ret_fds,
    .n_fds = max_fds,
    .ret_n_fds = ret_n_fds,
  };

  return move (self, ctx, &receive, LEASH_CONN_HAS (self->conn, receive_fds), error);
}

/* What a judged write may move of the vectors, as one vector or as more. */
static gssize
run_writev (LeashConn *inner, LeashContext *ctx, const LeashMove *move, GError **error)
{
  g_autofree GOutputVector *some = g_memdup2 (move->vectors, move->n_vectors * sizeof *some);
  gsize left = move->count, n = 0;

  for (; n < move->n_vectors && left > 0; left -= some[n++].size)
    some[n].size = MIN (some[n].size, left);
  return inner->ops->writev (inner->handle.impl, ctx, some, n, error);
}

/* Where the inner one has no such operation, this one writes the first vector, as if it had none, too. */
static gssize
fault_writev (gpointer impl, LeashContext *ctx, const GOutputVector *vectors, gsize n_vectors, GError **error)
{
  Front *self = impl;
  LeashMove write = { .run = run_writev, .way = LEASH_WAY_OUT, .vectors = vectors, .n_vectors = n_vectors };

  if (!LEASH_CONN_HAS (self->conn, writev))
    return fault_write (impl, ctx, vectors->buffer, vectors->size, error);
  for (gsize i = 0; i < n_vectors; i++)
    write.count += vectors[i].size;
  return move (self, ctx, &write, TRUE, error);
}

/*
 * What streams and pools use, who do not want to wait: a try is a call, and judged as one, also when it finds
 * that it would have to wait; a rule's delay it waits out nevertheless. While a rule stalls the connection
 * nothing is tried, and waiting goes on. The other operations wait by themselves, so that what the program
 * calls once is judged once.
 */

static gssize
run_polled_read (LeashConn *inner, LeashContext *ctx, const LeashMove *move, GError **error)
{
  return inner->polled->read (inner->handle.impl, ctx, move->buffer, move->count, error);
}

static gssize
run_polled_write (LeashConn *inner, LeashContext *ctx, const LeashMove *move, GError **error)
{
  return inner->polled->write (inner->handle.impl, ctx, move->buffer, move->count, error);
}

static gssize
try_read (gpointer impl, LeashContext *ctx, void *buffer, gsize count, GError **error)
{
  Front *self = impl;
  LeashMove read = {
    .run = run_polled_read,
    .way = LEASH_WAY_IN,
    .buffer = buffer,
    .count = count,
    .only_tries = TRUE,
  };

  return move (self, ctx, &read, self->conn->polled->read != NULL, error);
}

static gssize
try_write (gpointer impl, LeashContext *ctx, const void *buffer, gsize count, GError **error)
{
  Front *self = impl;
  LeashMove write = {
    .run = run_polled_write,
    .way = LEASH_WAY_OUT,
    .buffer = (char *) buffer,
    .count = count,
    .only_tries = TRUE,
  };

  return move (self, ctx, &write, self->conn->polled->write != NULL, error);
}

/* One that is reset is ready, to say so. */
static gboolean
fault_wait (gpointer impl, LeashContext *ctx, GIOCondition condition, GError **error)
{
  Front *self = impl;
  gboolean reads = condition == G_IO_IN, is_ready;
  LeashNetCall call = get_call (self, reads ? LEASH_NET_OP_READ : LEASH_NET_OP_WRITE, 0);

  if (!leash_handle_try_enter (&self->conn->handle))
    return TRUE;
  do
    is_ready = leash_net_faults_wait (self->faults, ctx, &call, error)
               && leash_conn_wait_bare (self->conn, ctx, reads ? LEASH_WAY_IN : LEASH_WAY_OUT, error);
  while (is_ready && leash_net_faults_is_stalled (self->faults, &call));
  leash_handle_leave (&self->conn->handle);
  if (is_ready || !is_reset (self, NULL))
    return is_ready;
  g_clear_error (error);
  return TRUE;
}

/* The rest */

/* Hands it on, unless a reset has closed the inner connection. */
static gboolean
shut_down_inner (Front *self, gboolean reading, gboolean writing, GError **error)
{
  LeashConn *inner = self->conn;
  gboolean done;

  if (!leash_handle_try_enter (&inner->handle))
    return !is_reset (self, error);
  done = inner->ops->shutdown != NULL ? inner->ops->shutdown (inner->handle.impl, reading, writing, error)
                                      : refuse (error);
  leash_handle_leave (&inner->handle);
  return done;
}

static gboolean
fault_shutdown (gpointer impl, gboolean reading, gboolean writing, GError **error)
{
  Front *self = impl;
  LeashNetCall call = get_call (self, LEASH_NET_OP_SHUTDOWN, 0);
  LeashNetVerdict verdict;

  /* What ends other threads' operations is no call of the program's. */
  if (!leash_use_is_closed (self->use) && !begin (self, self->ctx, &call, &verdict, error))
    return FALSE;
  return shut_down_inner (self, reading, writing, error);
}

static void
fault_reset (gpointer impl, const GError *cause)
{
  reset_with (impl, cause);
}

static GCredentials *
fault_get_credentials (gpointer impl, GError **error)
{
  Front *self = impl;
  LeashConn *inner = self->conn;
  GCredentials *credentials = NULL;

  if (!leash_handle_try_enter (&inner->handle))
    is_reset (self, error);
  else
    {
      if (LEASH_CONN_HAS (inner, get_credentials))
        credentials = inner->ops->get_credentials (inner->handle.impl, error);
      else
        refuse (error);
      leash_handle_leave (&inner->handle);
    }
  return credentials;
}

static gboolean
fault_set_keepalive (gpointer impl, gint64 idle, GError **error)
{
  Front *self = impl;
  gboolean done;

  if (!leash_handle_try_enter (&self->conn->handle))
    {
      is_reset (self, error);
      return FALSE;
    }
  done = leash_conn_set_keepalive_bare (self->conn, idle, error);
  leash_handle_leave (&self->conn->handle);
  return done;
}

static gboolean
fault_close (gpointer impl, GError **error)
{
  Front *self = impl;
  LeashNetCall call = get_call (self, LEASH_NET_OP_CLOSE, 0);
  LeashNetVerdict verdict;
  gboolean may = leash_net_faults_begin (self->faults, self->ctx, &call, &verdict, error);

  leash_net_faults_forget (self->faults, &self->end);
  return leash_handle_close_bare (&self->conn->handle, may ? error : NULL) && may;
}

static const LeashConnOps polled_ops = {
  .size = sizeof (LeashConnOps),
  .read = try_read,
  .write = try_write,
  .wait = fault_wait,
};

static const LeashConnOps conn_ops = {
  .size = sizeof (LeashConnOps),
  .read = fault_read,
  .write = fault_write,
  .shutdown = fault_shutdown,
  .close = fault_close,
  .writev = fault_writev,
  .give_up = fault_give_up,
  .reset = fault_reset,
  .get_credentials = fault_get_credentials,
  .send_fds = fault_send_fds,
  .receive_fds = fault_receive_fds,
  .set_keepalive = fault_set_keepalive,
};

LeashConn *
leash_fault_conn_new (LeashNetFaults *faults, LeashContext *ctx, const char *party, const char *address,
                      gboolean is_accepted, LeashConn *inner)
{
  Front *self = front_new (faults, ctx, party, address);
  LeashConn *conn = leash_conn_new (&conn_ops, self, front_free, leash_conn_get_local_address (inner),
                                    leash_conn_get_remote_address (inner));

  self->conn = inner;
  conn->polled = inner->polled != NULL ? &polled_ops : NULL;
  self->use = &conn->handle.use;
  self->end.own = leash_conn_get_local_address (inner);
  self->end.other = leash_conn_get_remote_address (inner);
  self->end.is_accepted = is_accepted;
  if (!is_accepted)
    leash_net_faults_enter (faults, &self->end, FALSE);
  leash_handle_stand_before (&conn->handle, &inner->handle, inner->ops->get_fd);
  return conn;
}

/* Listeners */

static LeashConn *
fault_accept (gpointer impl, LeashContext *ctx, GError **error)
{
  Front *self = impl;
  LeashNetCall call = get_call (self, LEASH_NET_OP_ACCEPT, 0);
  LeashNetVerdict verdict;
  LeashWaiting waiting;
  LeashConn *inner;
  gboolean may = FALSE;

  leash_patience_enter (&self->patience, LEASH_WAY_IN, ctx, &waiting);
  if (__atomic_load_n (&self->is_shut, __ATOMIC_ACQUIRE))
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_CLOSED, "it is closed");
  else
    may = leash_net_faults_begin (self->faults, waiting.ctx, &call, &verdict, error);
  leash_patience_leave (&self->patience, &waiting);
  if (!may)
    return NULL;
  inner = leash_listener_accept_bare (self->listener, ctx, error);
  return inner != NULL
             ? leash_fault_conn_new (self->faults, ctx, self->end.party, self->end.address, TRUE, inner)
             : NULL;
}

static void
fault_wake (gpointer impl)
{
  Front *self = impl;

  __atomic_store_n (&self->is_shut, TRUE, __ATOMIC_RELEASE);
  leash_patience_wake_all (&self->patience);
  leash_listener_wake_bare (self->listener);
}

static gboolean
fault_close_listener (gpointer impl, GError **error)
{
  Front *self = impl;
  LeashNetCall call = get_call (self, LEASH_NET_OP_CLOSE_LISTENER, 0);
  LeashNetVerdict verdict;
  gboolean may = leash_net_faults_begin (self->faults, self->ctx, &call, &verdict, error);

  leash_net_faults_forget (self->faults, &self->end);
  return leash_listener_close_bare (self->listener, may ? error : NULL) && may;
}

static const LeashListenerOps listener_ops = {
  .size = sizeof (LeashListenerOps),
  .accept = fault_accept,
  .shutdown = fault_wake,
  .close = fault_close_listener,
};

LeashListener *
leash_fault_listener_new (LeashNetFaults *faults, LeashContext *ctx, const char *party, LeashListener *inner)
{
  const char *address = leash_listener_get_address (inner);
  Front *self = front_new (faults, ctx, party, address);
  LeashListener *listener = leash_listener_new (&listener_ops, self, front_free, address);

  leash_patience_init (&self->patience);
  self->listener = inner;
  self->end.own = self->end.address;
  leash_net_faults_enter (faults, &self->end, TRUE);
  leash_listener_stand_before (listener, inner);
  return listener;
}
