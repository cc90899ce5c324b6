/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The rules of a fault network: which calls they match, and what they do. When: see leash-injection.c.
 *
 * Two kinds are states and count nothing. A stall holds what matches for as long as the rule is there: who is
 * stalled waits as a reader does, and looks again when rules are removed. A bandwidth is kept as a debt: what
 * a call has moved sets the time at which the next may move something, so that no byte that was read has to
 * be held back, and lost should the context end meanwhile.
 *
 * The two ends of a connection find each other by the addresses that the inner network gives them: who has
 * dialled is entered under its own one, which the accepted end has as that of its peer. That end looks for it
 * with each call until it is there, since a connection may be accepted before the dial has returned; nothing
 * can have come from the dialler before. Local sockets have no such addresses.
 */
#include "leash-net-faults-private.h"

#include <errno.h>
#include <fnmatch.h>

/* A call moves the bytes of a tenth of a second at most, lest a long one is through at once. */
#define CHUNKS_A_SECOND 10

static void
entry_free (gpointer user_data)
{
  LeashNetFaultEntry *entry = user_data;

  g_free ((char *) entry->rule.address);
  g_free ((char *) entry->rule.party);
  g_free ((char *) entry->rule.peer);
  g_free (entry);
}

static void
clear (LeashInjections *list)
{
  LeashNetFaults *faults = (LeashNetFaults *) list;

  g_hash_table_unref (faults->diallers);
  g_hash_table_unref (faults->listeners);
}

static gboolean
text_matches (const char *pattern, const char *text)
{
  return pattern == NULL || (text != NULL && fnmatch (pattern, text, 0) == 0);
}

/* Whether a stall is to hold an end that its parties, the other way around, match: all but its writes. */
static gboolean
is_other_side (const LeashNetFaultRule *rule, const LeashNetCall *call)
{
  const LeashNetEnd *end = call->end;

  return rule->effect == LEASH_NET_FAULT_STALL && call->op != LEASH_NET_OP_WRITE
         && text_matches (rule->party, end->peer) && text_matches (rule->peer, end->party)
         && (text_matches (rule->address, end->address) || text_matches (rule->address, end->peer_address));
}

static gboolean
rule_matches (gconstpointer entry, gconstpointer call)
{
  const LeashNetFaultRule *rule = &((const LeashNetFaultEntry *) entry)->rule;
  const LeashNetEnd *end = ((const LeashNetCall *) call)->end;

  return (text_matches (rule->address, end->address) && text_matches (rule->party, end->party)
          && text_matches (rule->peer, end->peer))
         || is_other_side (rule, call);
}

static gboolean
reset (LeashNetVerdict *judged)
{
  judged->is_reset = TRUE;
  return leash_verdict_fail (&judged->verdict, TRUE, ECONNRESET);
}

static gboolean
cut (const LeashNetFaultEntry *entry, const LeashNetCall *call, LeashNetVerdict *judged)
{
  guint64 moved = ((entry->when.ops & LEASH_NET_OP_READ) != 0 ? call->n_read : 0)
                  + ((entry->when.ops & LEASH_NET_OP_WRITE) != 0 ? call->n_written : 0);

  return moved >= entry->rule.bytes ? reset (judged)
                                    : leash_verdict_shorten (&judged->verdict, entry->rule.bytes - moved);
}

static gboolean
slow_down (const LeashNetFaultEntry *entry, LeashNetVerdict *judged)
{
  LeashVerdict *verdict = &judged->verdict;

  leash_verdict_shorten (verdict, MAX (entry->rule.bytes / CHUNKS_A_SECOND, 1));
  judged->is_metered = TRUE;
  if (entry->free_at <= judged->now)
    return FALSE;
  verdict->delay = MAX (verdict->delay, entry->free_at - judged->now);
  return TRUE;
}

static gboolean
strike (gpointer rule, gconstpointer call, LeashVerdict *verdict)
{
  const LeashNetFaultEntry *entry = rule;
  LeashNetVerdict *judged = (LeashNetVerdict *) verdict;

  switch (entry->rule.effect)
    {
    case LEASH_NET_FAULT_SHORT:
      return leash_verdict_shorten (verdict, entry->rule.bytes);
    case LEASH_NET_FAULT_DELAY:
      return leash_verdict_delay (verdict, entry->rule.delay);
    case LEASH_NET_FAULT_RESET:
      return reset (judged);
    case LEASH_NET_FAULT_CUT:
      return cut (entry, call, judged);
    case LEASH_NET_FAULT_BANDWIDTH:
      return slow_down (entry, judged);
    case LEASH_NET_FAULT_STALL:
      return TRUE;
    case LEASH_NET_FAULT_ERROR:
    case LEASH_NET_FAULT_ERRNO:
    default:
      return leash_verdict_fail (verdict, entry->rule.effect == LEASH_NET_FAULT_ERRNO, entry->rule.code);
    }
}

static const LeashInjectionKind net_faults = {
  .size = sizeof (LeashNetFaults),
  .clear = clear,
  .free_rule = entry_free,
  .matches = rule_matches,
  .strike = strike,
};

LeashNetFaults *
leash_net_faults_new (void)
{
  LeashNetFaults *faults = leash_injections_new (&net_faults);

  leash_patience_init (&faults->patience);
  faults->diallers = g_hash_table_new (g_str_hash, g_str_equal);
  faults->listeners = g_hash_table_new (g_str_hash, g_str_equal);
  return faults;
}

/* Ends */

/* Addresses are used again: one that was closed by a reset may be another end's by now. */
void
leash_net_faults_enter (LeashNetFaults *faults, LeashNetEnd *end, gboolean is_listener)
{
  if (end->party == NULL || end->own == NULL)
    return;
  leash_lock (&faults->list.lock);
  g_hash_table_replace (is_listener ? faults->listeners : faults->diallers, (char *) end->own, end);
  leash_unlock (&faults->list.lock);
}

static void
remove_from (GHashTable *table, const LeashNetEnd *end)
{
  if (end->own != NULL && g_hash_table_lookup (table, end->own) == end)
    g_hash_table_remove (table, end->own);
}

void
leash_net_faults_forget (LeashNetFaults *faults, const LeashNetEnd *end)
{
  leash_lock (&faults->list.lock);
  remove_from (faults->diallers, end);
  remove_from (faults->listeners, end);
  leash_unlock (&faults->list.lock);
}

static const LeashNetEnd *
look_up (GHashTable *table, const char *address)
{
  return address != NULL ? g_hash_table_lookup (table, address) : NULL;
}

/* With the lock held. */
static void
find_peer (LeashNetFaults *faults, LeashNetEnd *end)
{
  const LeashNetEnd *peer;

  if (end->peer != NULL)
    return;
  if (end->is_accepted)
    peer = look_up (faults->diallers, end->other);
  else if ((peer = look_up (faults->listeners, end->address)) == NULL)
    peer = look_up (faults->listeners, end->other);
  if (peer == NULL)
    return;
  end->peer = g_strdup (peer->party);
  end->peer_address = g_strdup (peer->address);
}

/* `read ("tcp:db:1", 64)` */
static char *
describe (const LeashNetCall *call)
{
  static const char *const names[]
      = { "dial", "listen", "accept", "read", "write", "shutdown", "close", "close listener" };
  const char *name = names[__builtin_ctz ((guint) call->op)];

  if ((call->op & LEASH_NET_BYTES_OPS) != 0)
    return g_strdup_printf ("%s (\"%s\", %" G_GSIZE_FORMAT ")", name, call->end->address, call->count);
  return g_strdup_printf ("%s (\"%s\")", name, call->end->address);
}

/* Waits on the context's clock. */
static gboolean
wait_for (LeashContext *ctx, gint64 now, gint64 delay, GError **error)
{
  gint64 until = delay > G_MAXINT64 - now ? G_MAXINT64 : now + delay;
  LeashContext *child = leash_context_for_wait (ctx, until);

  leash_context_wait (child, -1);
  leash_context_unref (child);
  return leash_context_check (ctx, error);
}

gboolean
leash_net_faults_begin (LeashNetFaults *faults, LeashContext *ctx, const LeashNetCall *call,
                        LeashNetVerdict *ret_verdict, GError **error)
{
  LeashVerdict *verdict = &ret_verdict->verdict;
  g_autofree char *text = NULL;

  *ret_verdict = (LeashNetVerdict){
    .verdict.count = call->count,
    .now = leash_clock_get_time (leash_context_get_clock (ctx)),
  };
  leash_lock (&faults->list.lock);
  find_peer (faults, call->end);
  leash_unlock (&faults->list.lock);
  leash_injections_judge (faults, call->op, call, ret_verdict);
  if (G_LIKELY (verdict->rule == 0))
    return TRUE;
  text = describe (call);
  leash_injections_note_last (faults, g_strdup (text));
  if (verdict->delay > 0 && !wait_for (ctx, ret_verdict->now, verdict->delay, error))
    {
      ret_verdict->is_reset = FALSE;
      return FALSE;
    }
  if (verdict->fails)
    leash_verdict_set_error (verdict, text, error);
  return !verdict->fails && leash_net_faults_wait (faults, ctx, call, error);
}

gboolean
leash_net_faults_is_stalled (LeashNetFaults *faults, const LeashNetCall *call)
{
  const GPtrArray *rules = faults->list.rules;
  gboolean found = FALSE;

  leash_lock (&faults->list.lock);
  find_peer (faults, call->end);
  for (guint i = 0; i < rules->len && !found; i++)
    {
      const LeashNetFaultEntry *entry = g_ptr_array_index (rules, i);

      found = entry->rule.effect == LEASH_NET_FAULT_STALL
              && leash_injections_match (faults, entry, call->op, call);
    }
  leash_unlock (&faults->list.lock);
  return found;
}

gboolean
leash_net_faults_wait (LeashNetFaults *faults, LeashContext *ctx, const LeashNetCall *call, GError **error)
{
  LeashWaiting waiting;

  while (G_UNLIKELY (leash_net_faults_is_stalled (faults, call)))
    {
      if (!leash_context_check (ctx, error))
        return FALSE;
      /* On the list of those who are woken before it looks. */
      leash_patience_enter (&faults->patience, LEASH_WAY_IN, ctx, &waiting);
      if (leash_net_faults_is_stalled (faults, call))
        leash_context_wait (waiting.ctx, -1);
      leash_patience_leave (&faults->patience, &waiting);
    }
  return TRUE;
}

void
leash_net_faults_meter (LeashNetFaults *faults, LeashContext *ctx, const LeashNetCall *call, gsize bytes)
{
  gint64 now = leash_clock_get_time (leash_context_get_clock (ctx));

  leash_lock (&faults->list.lock);
  for (guint i = 0; i < faults->list.rules->len; i++)
    {
      LeashNetFaultEntry *entry = g_ptr_array_index (faults->list.rules, i);

      if (entry->rule.effect == LEASH_NET_FAULT_BANDWIDTH
          && leash_injections_match (faults, entry, call->op, call))
        entry->free_at = MAX (entry->free_at, now)
                         + (gint64) ((double) bytes * G_USEC_PER_SEC / (double) entry->rule.bytes);
    }
  leash_unlock (&faults->list.lock);
}
