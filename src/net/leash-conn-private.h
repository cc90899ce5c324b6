/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* LeashConn from within: for leash-conn.c and what moves its data, and for what stands before another
 * connection. */
#pragma once

#include "leash-context-inner-private.h"
#include "leash-handle-private.h"
#include "leash-net-private.h"
#include "leash-patience-private.h"
#include "leash-roster-private.h"

typedef struct _LeashPooled LeashPooled;

struct _LeashConn
{
  LeashHandle handle;      /* first */
  const LeashConnOps *ops; /* static in the implementation */
  const LeashConnOps *polled; /* what tries, and waits: ops, or others beside; NULL where nothing does */
  LeashPatience patience;
  LeashRoster
      *roster; /* a reference; NULL when no listener has accepted it; does not change while it is open */
  LeashConn *next_open; /* the rosters' lock's, as is prev_open */
  LeashConn *prev_open;
  GError *cause; /* atomic; what leash_conn_close_with_error() was given, then never changes */
  gpointer
      client; /* of a checkout: the LeashClient, to compare with; NULL in others; never changes, as pooled */
  LeashPooled *pooled;       /* of a checkout that is open */
  gboolean was_used;         /* of a checkout: the connection had another one before */
  gboolean has_read;         /* atomic; some data came */
  const char *local_address; /* NULL when it has none; lies in addresses, as does the other */
  const char *remote_address;
  char addresses[];
};

/* Whether the table has an operation: those behind close came later. */
#define LEASH_CONN_HAS(conn, operation)                                               \
  ((conn)->ops->size >= G_STRUCT_OFFSET (LeashConnOps, operation) + sizeof (gpointer) \
   && (conn)->ops->operation != NULL)

/* Enters the connection, if the operation can begin at all; leash_conn_end() leaves it. */
gboolean leash_conn_refuse (LeashConn *conn, const LeashAttempt *attempt, GError **error) G_GNUC_NO_INLINE;
void leash_conn_explain (LeashConn *conn, const LeashAttempt *attempt, GError **error) G_GNUC_NO_INLINE;

/* What is moved: one of the operations, with its arguments. */
typedef struct _LeashMove LeashMove;
struct _LeashMove
{
  /* Tries: may return LEASH_CONN_WOULD_BLOCK. */
  gssize (*run) (LeashConn *conn, LeashContext *ctx, const LeashMove *move, GError **error);
  LeashWay way;
  char *buffer; /* not written to by what writes */
  gsize count;
  const GOutputVector *vectors;
  gsize n_vectors;
  const int *fds;
  int *ret_fds;
  guint n_fds;
  guint *ret_n_fds;
  gboolean only_tries; /* does not wait */
};

gssize leash_conn_run_read (LeashConn *conn, LeashContext *ctx, const LeashMove *move, GError **error);
gssize leash_conn_run_write (LeashConn *conn, LeashContext *ctx, const LeashMove *move, GError **error);
gssize leash_conn_run_send (LeashConn *conn, LeashContext *ctx, const LeashMove *move, GError **error);
gssize leash_conn_run_receive (LeashConn *conn, LeashContext *ctx, const LeashMove *move, GError **error);
/* Moves some, and waits for it, without the guard of the handle; returns -1 with the bare reason for an error. */
gssize leash_conn_move_bare (LeashConn *conn, LeashContext *ctx, const LeashMove *move, GError **error);

/*
 * Waits until an operation that would block may be tried again. The error is the bare reason, or none where the
 * connection was closed meanwhile.
 */
gboolean leash_conn_wait_bare (LeashConn         *conn,
                               LeashContext      *ctx,
                               LeashWay           way,
                               GError           **error) G_GNUC_NO_INLINE;

/* Of a read that brought n bytes. */
static inline void
leash_conn_note_read (LeashConn *conn, gssize n)
{
  if (n > 0 && LEASH_UNLIKELY (!__atomic_load_n (&conn->has_read, __ATOMIC_RELAXED)))
    __atomic_store_n (&conn->has_read, TRUE, __ATOMIC_RELAXED);
}

/* Of a write that failed, or that would block and is not made again. */
static inline void
leash_conn_give_up (LeashConn *conn)
{
  if (LEASH_CONN_HAS (conn, give_up))
    conn->ops->give_up (conn->handle.impl);
}

static inline gboolean
leash_conn_begin (LeashConn *conn, const LeashAttempt *attempt, gboolean has_op, gconstpointer caller,
                  GError **error)
{
  if (LEASH_UNLIKELY (!leash_handle_enter (&conn->handle, attempt, caller, error)))
    return FALSE;
  return LEASH_LIKELY (has_op) || leash_conn_refuse (conn, attempt, error);
}

static inline void
leash_conn_end (LeashConn *conn, const LeashAttempt *attempt, gboolean done, GError **error)
{
  if (LEASH_UNLIKELY (!done))
    leash_conn_explain (conn, attempt, error);
  leash_handle_leave (&conn->handle);
}
