/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The fault network: it asks the rules (leash-net-faults.c) what is to become of dialling and listening, and
 * puts what the inner network opens behind connections and listeners that ask them, too (leash-fault-conn.c).
 *
 * A partition has two sides, and a network does not know who dials. So whoever is to be told apart gets a
 * network object of a name of its own, a party, and all parties share the rules.
 */
#include "leash-net-faults-private.h"

typedef struct
{
  GObject parent_instance;
  LeashNetwork *inner;    /* a reference */
  LeashNetFaults *faults; /* a reference; shared by the parties */
  char *party;            /* NULL for none */
} LeashFaultNetwork;

typedef GObjectClass LeashFaultNetworkClass;

static void leash_fault_network_init_iface (LeashNetworkInterface *iface);
static GType leash_fault_network_get_type (void);

G_DEFINE_FINAL_TYPE_WITH_CODE (LeashFaultNetwork, leash_fault_network, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (LEASH_TYPE_NETWORK, leash_fault_network_init_iface))

static void
leash_fault_network_finalize (GObject *object)
{
  LeashFaultNetwork *self = (LeashFaultNetwork *) object;

  g_object_unref (self->inner);
  leash_injections_unref (self->faults);
  g_free (self->party);
  G_OBJECT_CLASS (leash_fault_network_parent_class)->finalize (object);
}

static void
leash_fault_network_class_init (LeashFaultNetworkClass *klass)
{
  klass->finalize = leash_fault_network_finalize;
}

static void
leash_fault_network_init (LeashFaultNetwork *self)
{
}

/* Has the rules judge a call that opens something. */
static gboolean
may (LeashFaultNetwork *self, LeashContext *ctx, LeashNetOps op, const char *address, GError **error)
{
  LeashNetEnd end = { .party = self->party, .address = address };
  const LeashNetCall call = { .op = op, .end = &end };
  LeashNetVerdict verdict;
  gboolean done = leash_net_faults_begin (self->faults, ctx, &call, &verdict, error);

  leash_net_end_clear (&end);
  return done;
}

static LeashConn *
fault_dial (LeashNetwork *network, LeashContext *ctx, const char *address, GError **error)
{
  LeashFaultNetwork *self = (LeashFaultNetwork *) network;
  LeashConn *inner;

  if (!may (self, ctx, LEASH_NET_OP_DIAL, address, error))
    return NULL;
  inner = leash_network_dial_bare (self->inner, ctx, address, error);
  return inner != NULL ? leash_fault_conn_new (self->faults, ctx, self->party, address, FALSE, inner) : NULL;
}

static LeashListener *
fault_listen (LeashNetwork *network, LeashContext *ctx, const char *address, GError **error)
{
  LeashFaultNetwork *self = (LeashFaultNetwork *) network;
  LeashListener *inner;

  if (!may (self, ctx, LEASH_NET_OP_LISTEN, address, error))
    return NULL;
  inner = leash_network_listen_bare (self->inner, ctx, address, error);
  return inner != NULL ? leash_fault_listener_new (self->faults, ctx, self->party, inner) : NULL;
}

static void
leash_fault_network_init_iface (LeashNetworkInterface *iface)
{
  iface->version = LEASH_NETWORK_INTERFACE_VERSION;
  iface->dial = fault_dial;
  iface->listen = fault_listen;
}

/* Named for the message of a critical. */
static gboolean
is_fault_network (LeashNetwork *network)
{
  return G_TYPE_CHECK_INSTANCE_TYPE (network, leash_fault_network_get_type ());
}

static LeashNetFaults *
get_faults (LeashNetwork *network)
{
  return ((LeashFaultNetwork *) network)->faults;
}

/* Takes the faults over. */
static LeashNetwork *
make (LeashNetwork *inner, LeashNetFaults *faults, const char *party)
{
  LeashFaultNetwork *self = g_object_new (leash_fault_network_get_type (), NULL);

  self->inner = g_object_ref (inner);
  self->faults = faults;
  self->party = g_strdup (party);
  return (LeashNetwork *) self;
}

/**
 * leash_fault_network_new:
 * @network: a network
 *
 * Makes a network that hands everything on to another one, but for what its rules say. It has none at first.
 * A message tells that its fault was injected, by which rule, and on which call.
 *
 * Connections and listeners have no descriptor, which would go around the rules. Descriptors that are sent
 * with bytes are passed on, where the inner network can.
 *
 * Rules may be added and removed at any time, from any thread, and are for what is open already, too.
 *
 * Returns: (transfer full): the network, which holds a reference to @network
 *
 * Since: 0.1
 */
LeashNetwork *
leash_fault_network_new (LeashNetwork *network)
{
  g_return_val_if_fail (LEASH_IS_NETWORK (network), NULL);

  return make (network, leash_net_faults_new (), NULL);
}

/**
 * leash_fault_network_new_party:
 * @network: a network of leash_fault_network_new()
 * @name: a name
 *
 * Makes the same network as one party sees it: rules and counters are shared, and rules can be for what is
 * called through it alone; see leash_fault_network_part().
 *
 * Returns: (transfer full): the network
 *
 * Since: 0.1
 */
LeashNetwork *
leash_fault_network_new_party (LeashNetwork *network, const char *name)
{
  g_return_val_if_fail (is_fault_network (network), NULL);
  g_return_val_if_fail (name != NULL, NULL);

  return make (((LeashFaultNetwork *) network)->inner, leash_injections_ref (get_faults (network)), name);
}

/* What an effect can be of. */
static LeashNetOps
get_possible_ops (LeashNetFaultEffect effect)
{
  switch (effect)
    {
    case LEASH_NET_FAULT_SHORT:
    case LEASH_NET_FAULT_CUT:
    case LEASH_NET_FAULT_BANDWIDTH:
      return LEASH_NET_BYTES_OPS;
    case LEASH_NET_FAULT_RESET:
      return LEASH_NET_BYTES_OPS | LEASH_NET_OP_SHUTDOWN;
    case LEASH_NET_FAULT_STALL:
      return LEASH_NET_BYTES_OPS | LEASH_NET_OP_DIAL;
    case LEASH_NET_FAULT_ERROR:
    case LEASH_NET_FAULT_ERRNO:
    case LEASH_NET_FAULT_DELAY:
    default:
      return LEASH_NET_OPS_ALL;
    }
}

/* Likewise named. */
static gboolean
has_ops_for_its_effect (const LeashNetFaultRule *rule)
{
  return rule->ops == 0 || (rule->ops & ~(guint) get_possible_ops (rule->effect)) == 0;
}

static gboolean
has_code_for_its_effect (const LeashNetFaultRule *rule)
{
  return rule->effect == LEASH_NET_FAULT_ERRNO ? rule->code > 0 : rule->code >= 0;
}

static gboolean
has_bytes_for_its_effect (const LeashNetFaultRule *rule)
{
  return rule->bytes > 0
         || (rule->effect != LEASH_NET_FAULT_SHORT && rule->effect != LEASH_NET_FAULT_BANDWIDTH);
}

static gboolean
is_of_all_calls_if_a_state (const LeashNetFaultRule *rule)
{
  return rule->effect < LEASH_NET_FAULT_BANDWIDTH
         || (rule->first == 0 && rule->every == 0 && rule->times == 0 && rule->chance == 0);
}

/**
 * leash_fault_network_add:
 * @network: a network of leash_fault_network_new()
 * @rule: when a fault is injected, and which; copied
 *
 * Adds a rule. It counts calls from now on.
 *
 * Returns: the rule's number, from 1; 0 when @rule makes no sense
 *
 * Since: 0.1
 */
guint
leash_fault_network_add (LeashNetwork *network, const LeashNetFaultRule *rule)
{
  LeashNetFaultEntry *added;

  g_return_val_if_fail (is_fault_network (network), 0);
  g_return_val_if_fail (rule != NULL, 0);
  g_return_val_if_fail (rule->effect <= LEASH_NET_FAULT_STALL, 0);
  g_return_val_if_fail (has_ops_for_its_effect (rule), 0);
  g_return_val_if_fail (has_code_for_its_effect (rule), 0);
  g_return_val_if_fail (has_bytes_for_its_effect (rule), 0);
  g_return_val_if_fail (is_of_all_calls_if_a_state (rule), 0);
  g_return_val_if_fail (rule->chance >= 0 && rule->chance <= 1, 0);
  g_return_val_if_fail (rule->delay >= 0, 0);

  added = g_new0 (LeashNetFaultEntry, 1);
  added->rule = *rule;
  added->rule.address = g_strdup (rule->address);
  added->rule.party = g_strdup (rule->party);
  added->rule.peer = g_strdup (rule->peer);
  added->when = LEASH_INJECTION_RULE (rule, get_possible_ops (rule->effect));
  return leash_injections_add (get_faults (network), added);
}

void
leash_fault_network_count_by (LeashNetwork *network, guint rule, guint64 *counter)
{
  leash_injections_count_by (get_faults (network), rule, counter);
}

/**
 * leash_fault_network_fail_nth:
 * @network: a network of leash_fault_network_new()
 * @ops: which operations; 0 for all
 * @nth: which of their calls, from 1
 * @code: what it fails with
 *
 * Adds a rule by which one call fails: the @nth from now on.
 *
 * Returns: the rule's number
 *
 * Since: 0.1
 */
guint
leash_fault_network_fail_nth (LeashNetwork *network, LeashNetOps ops, guint64 nth, GIOErrorEnum code)
{
  g_return_val_if_fail (nth > 0, 0);

  return leash_fault_network_add (
      network, &(LeashNetFaultRule){ .ops = ops, .first = nth, .times = 1, .code = (int) code });
}

/**
 * leash_fault_network_refuse:
 * @network: a network of leash_fault_network_new()
 * @address: (nullable): a pattern for addresses; see #LeashNetFaultRule
 *
 * Adds a rule by which who dials is refused.
 *
 * Returns: the rule's number
 *
 * Since: 0.1
 */
guint
leash_fault_network_refuse (LeashNetwork *network, const char *address)
{
  return leash_fault_network_add (network, &(LeashNetFaultRule){ .ops = LEASH_NET_OP_DIAL,
                                                                 .address = address,
                                                                 .code = G_IO_ERROR_CONNECTION_REFUSED });
}

/**
 * leash_fault_network_part:
 * @network: a network of leash_fault_network_new()
 * @party: (nullable): a pattern for who dials: a name of leash_fault_network_new_party(); %NULL is anybody
 * @address: (nullable): a pattern for whom; see #LeashNetFaultRule
 *
 * Adds a rule by which nothing gets through between the two: dialling waits for an answer, until the context
 * is done, and connections that are open go silent, both ways. leash_fault_network_remove() heals it, and
 * what has waited goes on.
 *
 * The party's reads and writes wait. At the other end reads do, so that neither what was on its way comes nor
 * an end; what is written there is buffered, as far as there is room, and comes when it is healed. That end
 * is told by the address of who dials: over a local socket, where there is none, only the party's end waits.
 *
 * Where the network is to say that it is parted, add a rule of %LEASH_NET_FAULT_ERRNO with `EHOSTUNREACH` for
 * dialling, and one of %LEASH_NET_FAULT_RESET for what is open.
 *
 * Returns: the rule's number
 *
 * Since: 0.1
 */
guint
leash_fault_network_part (LeashNetwork *network, const char *party, const char *address)
{
  return leash_fault_network_add (
      network, &(LeashNetFaultRule){ .party = party, .address = address, .effect = LEASH_NET_FAULT_STALL });
}

/**
 * leash_fault_network_part_parties:
 * @network: a network of leash_fault_network_new()
 * @party: a pattern for names of leash_fault_network_new_party()
 * @other: likewise for the other side
 *
 * As leash_fault_network_part(), between two parties, whichever of them dials and whichever listens.
 *
 * Returns: the rule's number
 *
 * Since: 0.1
 */
guint
leash_fault_network_part_parties (LeashNetwork *network, const char *party, const char *other)
{
  g_return_val_if_fail (party != NULL, 0);
  g_return_val_if_fail (other != NULL, 0);

  return leash_fault_network_add (
      network, &(LeashNetFaultRule){ .party = party, .peer = other, .effect = LEASH_NET_FAULT_STALL });
}

/**
 * leash_fault_network_remove:
 * @network: a network of leash_fault_network_new()
 * @rule: a rule's number
 *
 * Removes a rule. Calls that it has struck already, and that wait for its delay, go on as they began; those
 * that it stalls go on at once.
 *
 * Returns: %FALSE when there is no such rule
 *
 * Since: 0.1
 */
gboolean
leash_fault_network_remove (LeashNetwork *network, guint rule)
{
  gboolean was_there;

  g_return_val_if_fail (is_fault_network (network), FALSE);

  was_there = leash_injections_remove (get_faults (network), rule);
  leash_patience_wake_all (&get_faults (network)->patience);
  return was_there;
}

/**
 * leash_fault_network_count_calls:
 * @network: a network of leash_fault_network_new()
 * @ops: which operations
 *
 * Counts calls, those that were struck included.
 *
 * Returns: how many calls of @ops there were, all together
 *
 * Since: 0.1
 */
guint64
leash_fault_network_count_calls (LeashNetwork *network, LeashNetOps ops)
{
  g_return_val_if_fail (is_fault_network (network), 0);

  return leash_injections_count_calls (get_faults (network), ops);
}

/**
 * leash_fault_network_count_struck:
 * @network: a network of leash_fault_network_new()
 * @rule: a rule's number; 0 for all together, those that were removed included
 *
 * Tells how often a rule struck. A rule that shortens strikes only where more was asked for, one of a
 * bandwidth only where a call had to wait.
 *
 * Returns: how often; 0 for a rule that is not there
 *
 * Since: 0.1
 */
guint64
leash_fault_network_count_struck (LeashNetwork *network, guint rule)
{
  g_return_val_if_fail (is_fault_network (network), 0);

  return leash_injections_count_struck (get_faults (network), rule);
}

/**
 * leash_fault_network_get_last:
 * @network: a network of leash_fault_network_new()
 *
 * Tells which call was struck last: `read ("tcp:db.example:5432", 64)`.
 *
 * Returns: (transfer full) (nullable): the call, %NULL when none was struck
 *
 * Since: 0.1
 */
char *
leash_fault_network_get_last (LeashNetwork *network)
{
  g_return_val_if_fail (is_fault_network (network), NULL);

  return leash_injections_get_last (get_faults (network));
}
