/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The rules of a fault network, what they make of a call, and what asks them. See leash-net-faults.c. */
#pragma once

#include <leash/leash-fault-network.h>

#include "leash-injection-private.h"
#include "leash-net-private.h"
#include "leash-patience-private.h"

#define LEASH_NET_BYTES_OPS (LEASH_NET_OP_READ | LEASH_NET_OP_WRITE)

typedef struct
{
  LeashInjectionRule when; /* first */
  LeashNetFaultRule rule;  /* its texts are owned */
  gint64 free_at;          /* of LEASH_NET_FAULT_BANDWIDTH: when more may be moved */
} LeashNetFaultEntry;

/* Shared by all parties of a fault network, and by what is open on it. */
typedef struct
{
  LeashInjections list;   /* first */
  LeashPatience patience; /* of who is stalled */
  GHashTable *diallers;   /* the list's lock's, as is the other: ends by the addresses that they have dialled from */
  GHashTable *listeners;  /* ends by the addresses that they listen at */
} LeashNetFaults;

/*
 * Who calls, and who is at the other end. Texts are owned by who has the end, but for peer, and do not change.
 * All may be NULL but address.
 */
typedef struct
{
  const char *party;
  const char *address; /* dialled, or listened at */
  const char *own;     /* what a connection's other end knows it by, once it is open */
  const char *other;   /* what it knows the other end by */
  gboolean is_accepted;
  char *peer;          /* owned, as is peer_address; the list's lock's: the other end's party, once it was found */
  char *peer_address;  /* the other end's address */
} LeashNetEnd;

static inline void
leash_net_end_clear (LeashNetEnd *end)
{
  g_free (end->peer);
  g_free (end->peer_address);
}

/* A call, as rules see it. */
typedef struct
{
  LeashNetOps op;
  LeashNetEnd *end;
  gsize count;    /* of bytes */
  guint64 n_read; /* by the connection, before */
  guint64 n_written;
} LeashNetCall;

/* What is to become of one call. */
typedef struct
{
  LeashVerdict verdict; /* first */
  gint64 now;           /* by the context's clock */
  gboolean is_reset;    /* it fails, and the connection with it */
  gboolean is_metered;  /* by LEASH_NET_FAULT_BANDWIDTH */
} LeashNetVerdict;

LeashNetFaults     *leash_net_faults_new    (void);
/* Has other ends find this one, which is open, until it is forgotten. */
void                leash_net_faults_enter  (LeashNetFaults       *faults,
                                             LeashNetEnd          *end,
                                             gboolean              is_listener);
void                leash_net_faults_forget (LeashNetFaults       *faults,
                                             const LeashNetEnd    *end);
/* Has a rule that was just added take the numbers of its calls from counter, which others take theirs from, too. */
void                leash_fault_network_count_by (LeashNetwork   *network,
                                            guint                 rule,
                                            guint64              *counter);
/*
 * Counts a call, lets the rules judge it, and waits as they say. Returns FALSE, with the error, when it is to fail; the
 * verdict then says whether its connection is reset. Else the verdict says how many bytes it may move.
 */
gboolean            leash_net_faults_begin (LeashNetFaults       *faults,
                                            LeashContext         *ctx,
                                            const LeashNetCall   *call,
                                            LeashNetVerdict      *ret_verdict,
                                            GError              **error);
gboolean            leash_net_faults_is_stalled (LeashNetFaults  *faults,
                                            const LeashNetCall   *call);
/* Waits while a rule stalls the call. */
gboolean            leash_net_faults_wait  (LeashNetFaults       *faults,
                                            LeashContext         *ctx,
                                            const LeashNetCall   *call,
                                            GError              **error);
/* Has the calls that follow wait for what was moved. */
void                leash_net_faults_meter (LeashNetFaults       *faults,
                                            LeashContext         *ctx,
                                            const LeashNetCall   *call,
                                            gsize                 bytes);

/* What stands before a connection, or a listener, of the inner network, which it takes over. */
LeashConn          *leash_fault_conn_new     (LeashNetFaults     *faults,
                                              LeashContext       *ctx,
                                              const char         *party,
                                              const char         *address,
                                              gboolean            is_accepted,
                                              LeashConn          *inner);
LeashListener      *leash_fault_listener_new (LeashNetFaults     *faults,
                                              LeashContext       *ctx,
                                              const char         *party,
                                              LeashListener      *inner);
