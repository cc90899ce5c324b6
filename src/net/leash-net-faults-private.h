/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The rules of a fault network, what they make of a call, and what asks them. See leash-net-faults.c. */
#pragma once

#include <leash/leash-fault-network.h>

#include "leash-net-private.h"
#include "leash-patience-private.h"

#define LEASH_NET_BYTES_OPS (LEASH_NET_OP_READ | LEASH_NET_OP_WRITE)
#define LEASH_NET_N_OPS 8
G_STATIC_ASSERT (LEASH_NET_OPS_ALL == (1 << LEASH_NET_N_OPS) - 1);

typedef struct
{
  guint id;
  LeashNetFaultRule rule; /* with the defaults put in; its texts are owned */
  guint64 *counter;       /* atomic; what numbers the calls that match, with those of others; NULL for none */
  guint64 n_matched;
  guint64 n_struck;
  gint64 free_at; /* of LEASH_NET_FAULT_BANDWIDTH: when more may be moved */
} LeashNetFaultEntry;

/* Shared by all parties of a fault network, and by what is open on it. */
typedef struct
{
  gint ref_count;         /* atomic */
  LeashPatience patience; /* of who is stalled */
  LeashLock lock;         /* guards what is below; never held while a call is made */
  GPtrArray *entries;     /* of LeashNetFaultEntry, in the order in which they were added */
  guint last_id;
  guint64 n_calls[LEASH_NET_N_OPS];
  guint64 n_struck; /* by removed rules too */
  char *last;       /* the last call that was struck; NULL before the first */
} LeashNetFaults;

/* A call, as rules see it. */
typedef struct
{
  LeashNetOps op;
  const char *party;   /* NULL for none */
  const char *address; /* dialled, or listened at */
  gsize count;         /* of bytes */
  guint64 n_read;      /* by the connection, before */
  guint64 n_written;
} LeashNetCall;

/* What is to become of one call. */
typedef struct
{
  gint64 delay;
  gsize count;         /* of bytes: what was asked for, or less */
  gboolean fails;      /* with the code */
  gboolean is_errno;   /* the code is */
  gboolean is_reset;   /* it fails, and the connection with it */
  gboolean is_metered; /* by LEASH_NET_FAULT_BANDWIDTH */
  int code;
  guint rule;  /* the one to be told: that fails it, else the first that struck; 0 for none */
  guint64 nth; /* the call's number among those that match the rule */
} LeashNetVerdict;

LeashNetFaults     *leash_net_faults_new   (void);
LeashNetFaults     *leash_net_faults_ref   (LeashNetFaults       *faults);
void                leash_net_faults_unref (LeashNetFaults       *faults);
/* With the lock held. Returns NULL where there is none. */
LeashNetFaultEntry *leash_net_faults_find  (LeashNetFaults       *faults,
                                            guint                 id);
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
                                              LeashConn          *inner);
LeashListener      *leash_fault_listener_new (LeashNetFaults     *faults,
                                              LeashContext       *ctx,
                                              const char         *party,
                                              LeashListener      *inner);
