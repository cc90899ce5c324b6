/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The fault network: one before another that fails where it is told to, to see what a program makes of it.
 *
 *     g_autoptr (LeashNetwork) net = leash_fault_network_new (memory);
 *
 *     leash_fault_network_refuse (net, "tcp:cache.*");
 *     leash_fault_network_add (net, &(LeashNetFaultRule){ .ops = LEASH_NET_OP_READ, .address = "tcp:db.*",
 *                                                         .first = 3, .effect = LEASH_NET_FAULT_RESET });
 */
#pragma once

#include <leash/leash-network.h>

G_BEGIN_DECLS

/**
 * LeashNetOps:
 * @LEASH_NET_OP_DIAL: leash_dial()
 * @LEASH_NET_OP_LISTEN: leash_listen()
 * @LEASH_NET_OP_ACCEPT: leash_listener_accept()
 * @LEASH_NET_OP_READ: reading from a connection
 * @LEASH_NET_OP_WRITE: writing to one
 * @LEASH_NET_OP_SHUTDOWN: leash_conn_shutdown()
 * @LEASH_NET_OP_CLOSE: closing a connection
 * @LEASH_NET_OP_CLOSE_LISTENER: closing a listener
 * @LEASH_NET_OPS_ALL: all of these
 *
 * Operations of a network and of what is open on it.
 */
typedef enum
{
  LEASH_NET_OP_DIAL = 1 << 0,
  LEASH_NET_OP_LISTEN = 1 << 1,
  LEASH_NET_OP_ACCEPT = 1 << 2,
  LEASH_NET_OP_READ = 1 << 3,
  LEASH_NET_OP_WRITE = 1 << 4,
  LEASH_NET_OP_SHUTDOWN = 1 << 5,
  LEASH_NET_OP_CLOSE = 1 << 6,
  LEASH_NET_OP_CLOSE_LISTENER = 1 << 7,
  LEASH_NET_OPS_ALL = (1 << 8) - 1
} LeashNetOps;

/**
 * LeashNetFaultEffect:
 * @LEASH_NET_FAULT_ERROR: the call fails with the #GIOErrorEnum that is the rule's code, and does nothing
 * @LEASH_NET_FAULT_ERRNO: likewise with the errno that is the rule's code, and with the host's words for it
 * @LEASH_NET_FAULT_SHORT: reading or writing moves the rule's bytes at most
 * @LEASH_NET_FAULT_DELAY: the call begins only after the rule's delay, on the clock of its context; it fails
 *   when the context is done before
 * @LEASH_NET_FAULT_RESET: reading, writing or shutting down finds the connection reset, as does all that
 *   follows on it, and as does the peer; over local sockets, which cannot be reset, the peer finds the end
 * @LEASH_NET_FAULT_CUT: likewise behind so many bytes, the rule's, of each connection; those before pass
 * @LEASH_NET_FAULT_BANDWIDTH: all reads and writes that match move so many bytes a second together, on the
 * clock of their contexts; a call moves a tenth of that at most, and a byte at least
 * @LEASH_NET_FAULT_STALL: dialling, reading and writing wait until the rule is removed, or their context is
 * done. At the other end dialling and reading do
 *
 * What a rule does to a call. What fails to close is closed all the same, as by the kernel.
 */
typedef enum
{
  LEASH_NET_FAULT_ERROR,
  LEASH_NET_FAULT_ERRNO,
  LEASH_NET_FAULT_SHORT,
  LEASH_NET_FAULT_DELAY,
  LEASH_NET_FAULT_RESET,
  LEASH_NET_FAULT_CUT,
  LEASH_NET_FAULT_BANDWIDTH,
  LEASH_NET_FAULT_STALL
} LeashNetFaultEffect;

/**
 * LeashNetFaultRule:
 * @ops: operations that it is for; 0 for all that @effect can be of
 * @address: (nullable): a pattern, as for fnmatch() without flags, for the address that was dialled, or
 * listened at; for an accepted connection it is the listener's. %NULL is any
 * @party: (nullable): a pattern for who calls; see leash_fault_network_new_party(). %NULL is anybody
 * @peer: (nullable): a pattern for the party at the other end: who listens at the address, or has dialled from
 *   it. Over local sockets, who has dialled is not known. %NULL is anybody
 * @first: the first of the calls that match on which it strikes; 0 is as 1
 * @every: from there, it strikes on each @every-th of them; 0 is as 1
 * @times: how often it strikes before it lets everything pass; 0 for no limit
 * @chance: how probable it is that it strikes where it may, from 0 to 1; 0 is as 1
 * @seed: what chance is drawn from: the same seed strikes on the same ones of the calls that match
 * @effect: what it does
 * @code: of %LEASH_NET_FAULT_ERROR and %LEASH_NET_FAULT_ERRNO
 * @bytes: of %LEASH_NET_FAULT_SHORT, %LEASH_NET_FAULT_CUT and %LEASH_NET_FAULT_BANDWIDTH
 * @delay: of %LEASH_NET_FAULT_DELAY, in microseconds
 *
 * When a fault is injected, and which. All zeros is: every call fails with %G_IO_ERROR_FAILED.
 *
 * %LEASH_NET_FAULT_BANDWIDTH and %LEASH_NET_FAULT_STALL are of all calls that match: they have no @first,
 * @every,
 * @times or @chance.
 */
typedef struct
{
  LeashNetOps ops;
  const char *address;
  const char *party;
  const char *peer;
  guint64 first;
  guint64 every;
  guint64 times;
  double chance;
  guint64 seed;
  LeashNetFaultEffect effect;
  int code;
  guint64 bytes;
  gint64 delay;
  /*< private >*/
  guint64 reserved[4];
} LeashNetFaultRule;

LEASH_AVAILABLE_IN_0_1
LeashNetwork *leash_fault_network_new          (LeashNetwork            *network) G_GNUC_WARN_UNUSED_RESULT;
LEASH_AVAILABLE_IN_0_1
LeashNetwork *leash_fault_network_new_party    (LeashNetwork            *network,
                                                const char              *name) G_GNUC_WARN_UNUSED_RESULT;

/* Rules */
LEASH_AVAILABLE_IN_0_1
guint         leash_fault_network_add          (LeashNetwork            *network,
                                                const LeashNetFaultRule *rule);
LEASH_AVAILABLE_IN_0_1
guint         leash_fault_network_fail_nth     (LeashNetwork            *network,
                                                LeashNetOps              ops,
                                                guint64                  nth,
                                                GIOErrorEnum             code);
LEASH_AVAILABLE_IN_0_1
guint         leash_fault_network_refuse       (LeashNetwork            *network,
                                                const char              *address);
LEASH_AVAILABLE_IN_0_1
guint         leash_fault_network_part         (LeashNetwork            *network,
                                                const char              *party,
                                                const char              *address);
LEASH_AVAILABLE_IN_0_1
guint         leash_fault_network_part_parties (LeashNetwork            *network,
                                                const char              *party,
                                                const char              *other);
LEASH_AVAILABLE_IN_0_1
gboolean      leash_fault_network_remove       (LeashNetwork            *network,
                                                guint                    rule);

/* What happened */
LEASH_AVAILABLE_IN_0_1
guint64       leash_fault_network_count_calls  (LeashNetwork            *network,
                                                LeashNetOps              ops);
LEASH_AVAILABLE_IN_0_1
guint64       leash_fault_network_count_struck (LeashNetwork            *network,
                                                guint                    rule);
LEASH_AVAILABLE_IN_0_1
char         *leash_fault_network_get_last     (LeashNetwork            *network) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
