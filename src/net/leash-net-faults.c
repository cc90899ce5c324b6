/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The rules of a fault network.
 *
 * They count and strike as those of a fault file system do: every rule counts the calls that match it,
 * whatever the others do to them; delays add up, the fewest bytes count, and the first error is the one told.
 *
 * Two kinds are states and count nothing. A stall holds what matches for as long as the rule is there: who is
 * stalled waits as a reader does, and looks again when rules are removed. A bandwidth is kept as a debt: what
 * a call has moved sets the time at which the next may move something, so that no byte that was read has to
 * be held back, and lost should the context end meanwhile.
 */
#include "leash-net-faults-private.h"

#include <errno.h>
#include <fnmatch.h>

#include "leash-injection-private.h"

/* A call moves the bytes of a tenth of a second at most, lest a long one is through at once. */
#define CHUNKS_A_SECOND 10

static void
entry_free (gpointer user_data)
{
  LeashNetFaultEntry *entry = user_data;

  g_free ((char *) entry->rule.address);
  g_free ((char *) entry->rule.party);
  g_free (entry);
}

LeashNetFaults *
leash_net_faults_new (void)
{
  LeashNetFaults *faults = g_new0 (LeashNetFaults, 1);

  faults->ref_count = 1;
  leash_patience_init (&faults->patience);
  faults->lock = (LeashLock) LEASH_LOCK_INIT;
  faults->entries = g_ptr_array_new_with_free_func (entry_free);
  return faults;
}

LeashNetFaults *
leash_net_faults_ref (LeashNetFaults *faults)
{
  g_atomic_int_inc (&faults->ref_count);
  return faults;
}

void
leash_net_faults_unref (LeashNetFaults *faults)
{
  if (!g_atomic_int_dec_and_test (&faults->ref_count))
    return;
  g_ptr_array_unref (faults->entries);
  pthread_mutex_destroy (&faults->lock);
  g_free (faults->last);
  g_free (faults);
}

LeashNetFaultEntry *
leash_net_faults_find (LeashNetFaults *faults, guint id)
{
  for (guint i = 0; i < faults->entries->len; i++)
    {
      LeashNetFaultEntry *entry = g_ptr_array_index (faults->entries, i);

      if (entry->id == id)
        return entry;
    }
  return NULL;
}

static gboolean
text_matches (const char *pattern, const char *text)
{
  return pattern == NULL || (text != NULL && fnmatch (pattern, text, 0) == 0);
}

static gboolean
rule_matches (const LeashNetFaultEntry *entry, const LeashNetCall *call)
{
  return (entry->rule.ops & call->op) != 0 && text_matches (entry->rule.address, call->address)
         && text_matches (entry->rule.party, call->party);
}

/* Whether it is a rule's turn at the nth of the calls that match it. */
static gboolean
is_due (const LeashNetFaultEntry *entry, guint64 nth)
{
  const LeashNetFaultRule *r = &entry->rule;

  return entry->n_struck < r->times
         && leash_injection_is_due (&(LeashInjectionTurn){ r->first, r->every, r->chance, r->seed }, nth);
}

static gboolean
shorten (LeashNetVerdict *verdict, guint64 bytes)
{
  if (bytes >= verdict->count)
    return FALSE;
  verdict->count = (gsize) bytes;
  return TRUE;
}

static gboolean
set_failure (LeashNetVerdict *verdict, gboolean is_errno, int code)
{
  if (verdict->fails)
    return TRUE;
  verdict->fails = TRUE;
  verdict->is_errno = is_errno;
  verdict->code = code;
  return TRUE;
}

static gboolean
reset (LeashNetVerdict *verdict)
{
  verdict->is_reset = TRUE;
  return set_failure (verdict, TRUE, ECONNRESET);
}

static gboolean
cut (const LeashNetFaultEntry *entry, const LeashNetCall *call, LeashNetVerdict *verdict)
{
  guint64 moved = ((entry->rule.ops & LEASH_NET_OP_READ) != 0 ? call->n_read : 0)
                  + ((entry->rule.ops & LEASH_NET_OP_WRITE) != 0 ? call->n_written : 0);

  return moved >= entry->rule.bytes ? reset (verdict) : shorten (verdict, entry->rule.bytes - moved);
}

static gboolean
slow_down (const LeashNetFaultEntry *entry, gint64 now, LeashNetVerdict *verdict)
{
  shorten (verdict, MAX (entry->rule.bytes / CHUNKS_A_SECOND, 1));
  verdict->is_metered = TRUE;
  if (entry->free_at <= now)
    return FALSE;
  verdict->delay = MAX (verdict->delay, entry->free_at - now);
  return TRUE;
}

/* Applies a rule whose turn it is. Returns whether the call is any different for it. */
static gboolean
strike (LeashNetFaultEntry *entry, const LeashNetCall *call, gint64 now, LeashNetVerdict *verdict)
{
  switch (entry->rule.effect)
    {
    case LEASH_NET_FAULT_SHORT:
      return shorten (verdict, entry->rule.bytes);
    case LEASH_NET_FAULT_DELAY:
      verdict->delay
          = entry->rule.delay > G_MAXINT64 - verdict->delay ? G_MAXINT64 : verdict->delay + entry->rule.delay;
      return TRUE;
    case LEASH_NET_FAULT_RESET:
      return reset (verdict);
    case LEASH_NET_FAULT_CUT:
      return cut (entry, call, verdict);
    case LEASH_NET_FAULT_BANDWIDTH:
      return slow_down (entry, now, verdict);
    case LEASH_NET_FAULT_STALL:
      return TRUE;
    case LEASH_NET_FAULT_ERROR:
    case LEASH_NET_FAULT_ERRNO:
    default:
      return set_failure (verdict, entry->rule.effect == LEASH_NET_FAULT_ERRNO, entry->rule.code);
    }
}

/* Returns the number of a call that matches. */
static guint64
count (LeashNetFaultEntry *entry)
{
  entry->n_matched = entry->counter != NULL ? __atomic_add_fetch (entry->counter, 1, __ATOMIC_RELAXED)
                                            : entry->n_matched + 1;
  return entry->n_matched;
}

static void
judge (LeashNetFaults *faults, const LeashNetCall *call, gint64 now, LeashNetVerdict *verdict)
{
  faults->n_calls[__builtin_ctz ((guint) call->op)]++;
  for (guint i = 0; i < faults->entries->len; i++)
    {
      LeashNetFaultEntry *entry = g_ptr_array_index (faults->entries, i);
      gboolean failed = verdict->fails;

      if (!rule_matches (entry, call) || !is_due (entry, count (entry))
          || !strike (entry, call, now, verdict))
        continue;
      entry->n_struck++;
      faults->n_struck++;
      if (verdict->rule == 0 || failed != verdict->fails)
        {
          verdict->rule = entry->id;
          verdict->nth = entry->n_matched;
        }
    }
}

/* `read ("tcp:db:1", 64)` */
static char *
describe (const LeashNetCall *call)
{
  static const char *const names[]
      = { "dial", "listen", "accept", "read", "write", "shutdown", "close", "close listener" };
  const char *name = names[__builtin_ctz ((guint) call->op)];

  if ((call->op & LEASH_NET_BYTES_OPS) != 0)
    return g_strdup_printf ("%s (\"%s\", %" G_GSIZE_FORMAT ")", name, call->address, call->count);
  return g_strdup_printf ("%s (\"%s\")", name, call->address);
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
  gint64 now = leash_clock_get_time (leash_context_get_clock (ctx));
  g_autofree char *text = NULL;

  *ret_verdict = (LeashNetVerdict){ .count = call->count };
  leash_lock (&faults->lock);
  judge (faults, call, now, ret_verdict);
  if (G_UNLIKELY (ret_verdict->rule != 0))
    {
      text = describe (call);
      g_free (faults->last);
      faults->last = g_strdup (text);
    }
  leash_unlock (&faults->lock);
  if (ret_verdict->delay > 0 && !wait_for (ctx, now, ret_verdict->delay, error))
    {
      ret_verdict->is_reset = FALSE;
      return FALSE;
    }
  if (ret_verdict->fails)
    leash_injection_set_error (ret_verdict->is_errno, ret_verdict->code, ret_verdict->rule, ret_verdict->nth,
                               text, error);
  return !ret_verdict->fails && leash_net_faults_wait (faults, ctx, call, error);
}

static gboolean
is_stalled (LeashNetFaults *faults, const LeashNetCall *call)
{
  gboolean found = FALSE;

  leash_lock (&faults->lock);
  for (guint i = 0; i < faults->entries->len && !found; i++)
    {
      LeashNetFaultEntry *entry = g_ptr_array_index (faults->entries, i);

      found = entry->rule.effect == LEASH_NET_FAULT_STALL && rule_matches (entry, call);
    }
  leash_unlock (&faults->lock);
  return found;
}

gboolean
leash_net_faults_wait (LeashNetFaults *faults, LeashContext *ctx, const LeashNetCall *call, GError **error)
{
  LeashWaiting waiting;

  while (G_UNLIKELY (is_stalled (faults, call)))
    {
      if (!leash_context_check (ctx, error))
        return FALSE;
      /* On the list of those who are woken before it looks. */
      leash_patience_enter (&faults->patience, LEASH_WAY_IN, ctx, &waiting);
      if (is_stalled (faults, call))
        leash_context_wait (waiting.ctx, -1);
      leash_patience_leave (&faults->patience, &waiting);
    }
  return TRUE;
}

void
leash_net_faults_meter (LeashNetFaults *faults, LeashContext *ctx, const LeashNetCall *call, gsize bytes)
{
  gint64 now = leash_clock_get_time (leash_context_get_clock (ctx));

  leash_lock (&faults->lock);
  for (guint i = 0; i < faults->entries->len; i++)
    {
      LeashNetFaultEntry *entry = g_ptr_array_index (faults->entries, i);

      if (entry->rule.effect == LEASH_NET_FAULT_BANDWIDTH && rule_matches (entry, call))
        entry->free_at = MAX (entry->free_at, now)
                         + (gint64) ((double) bytes * G_USEC_PER_SEC / (double) entry->rule.bytes);
    }
  leash_unlock (&faults->lock);
}
