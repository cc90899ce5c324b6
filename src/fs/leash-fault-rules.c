/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The rules of a fault file system.
 *
 * Every rule counts the calls that match it, whatever the others do to them, so that what one says ("the
 * third write") does not depend on those before it. Of several that strike at once the delays add up, the
 * fewest bytes count, and the first error is the one told. When a rule strikes, and its words: see
 * leash-injection.c.
 */
#include "leash-fault-rules-private.h"

#include <errno.h>
#include <fnmatch.h>

#include "leash-injection-private.h"

static void
entry_free (gpointer entry)
{
  g_free ((char *) ((LeashFaultEntry *) entry)->rule.path);
  g_free (entry);
}

LeashFaultRules *
leash_fault_rules_new (void)
{
  LeashFaultRules *rules = g_new0 (LeashFaultRules, 1);

  rules->ref_count = 1;
  pthread_mutex_init (&rules->lock, NULL);
  rules->entries = g_ptr_array_new_with_free_func (entry_free);
  return rules;
}

void
leash_fault_rules_unref (LeashFaultRules *rules)
{
  if (!g_atomic_int_dec_and_test (&rules->ref_count))
    return;
  g_ptr_array_unref (rules->entries);
  pthread_mutex_destroy (&rules->lock);
  g_free (rules->last);
  g_free (rules);
}

LeashFaultEntry *
leash_fault_rules_find (LeashFaultRules *rules, guint id)
{
  for (guint i = 0; i < rules->entries->len; i++)
    {
      LeashFaultEntry *entry = g_ptr_array_index (rules->entries, i);

      if (entry->id == id)
        return entry;
    }
  return NULL;
}

static gboolean
path_matches (const char *pattern, const char *path)
{
  return path != NULL && fnmatch (pattern, path, 0) == 0;
}

static gboolean
rule_matches (const LeashFaultEntry *entry, const LeashFsCall *call)
{
  const char *pattern = entry->rule.path;

  return (entry->rule.ops & call->op) != 0
         && (pattern == NULL || path_matches (pattern, call->name)
             || path_matches (pattern, call->target_name));
}

/* Whether it is a rule's turn at the nth of the calls that match it. */
static gboolean
is_due (const LeashFaultEntry *entry, guint64 nth)
{
  const LeashFaultRule *r = &entry->rule;

  return entry->n_struck < r->times
         && leash_injection_is_due (&(LeashInjectionTurn){ r->first, r->every, r->chance, r->seed }, nth);
}

static gboolean
shorten (LeashFaultVerdict *verdict, guint64 bytes)
{
  if (bytes >= verdict->count)
    return FALSE;
  verdict->count = (gsize) bytes;
  return TRUE;
}

static gboolean
set_failure (LeashFaultVerdict *verdict, LeashFaultEffect effect, int code)
{
  if (verdict->fails)
    return TRUE;
  verdict->fails = TRUE;
  verdict->effect = effect;
  verdict->code = code;
  return TRUE;
}

/* Lets what fits pass. Bytes are taken now, so that threads that write at once do not write more together. */
static gboolean
fill (LeashFaultEntry *entry, LeashFaultVerdict *verdict)
{
  gboolean is_cut = entry->bytes_left < verdict->count;

  if (entry->bytes_left == 0)
    return set_failure (verdict, LEASH_FAULT_ERRNO, ENOSPC);
  shorten (verdict, entry->bytes_left);
  entry->bytes_left -= verdict->count;
  verdict->filling = entry->id;
  return is_cut;
}

/* Applies a rule whose turn it is. Returns whether the call is any different for it. */
static gboolean
strike (LeashFaultEntry *entry, LeashFaultVerdict *verdict)
{
  switch (entry->rule.effect)
    {
    case LEASH_FAULT_SHORT:
      return shorten (verdict, entry->rule.bytes);
    case LEASH_FAULT_DELAY:
      verdict->delay += entry->rule.delay;
      return TRUE;
    case LEASH_FAULT_FULL:
      return fill (entry, verdict);
    case LEASH_FAULT_ERROR:
    case LEASH_FAULT_ERRNO:
    default:
      return set_failure (verdict, entry->rule.effect, entry->rule.code);
    }
}

/* Returns the number of a call that matches. */
static guint64
count (LeashFaultEntry *entry)
{
  entry->n_matched = entry->counter != NULL ? __atomic_add_fetch (entry->counter, 1, __ATOMIC_RELAXED)
                                            : entry->n_matched + 1;
  return entry->n_matched;
}

void
leash_fault_rules_judge (LeashFaultRules *rules, const LeashFsCall *call, LeashFaultVerdict *verdict)
{
  leash_lock (&rules->lock);
  rules->n_calls[__builtin_ctz ((guint) call->op)]++;
  for (guint i = 0; i < rules->entries->len; i++)
    {
      LeashFaultEntry *entry = g_ptr_array_index (rules->entries, i);
      gboolean failed = verdict->fails;

      if (!rule_matches (entry, call) || !is_due (entry, count (entry)) || !strike (entry, verdict))
        continue;
      entry->n_struck++;
      rules->n_struck++;
      if (verdict->rule == 0 || failed != verdict->fails)
        {
          verdict->rule = entry->id;
          verdict->nth = entry->n_matched;
        }
    }
  leash_unlock (&rules->lock);
}

void
leash_fault_rules_give_back (LeashFaultRules *rules, guint filling, gsize bytes)
{
  LeashFaultEntry *entry;

  leash_lock (&rules->lock);
  entry = leash_fault_rules_find (rules, filling);
  if (entry != NULL)
    entry->bytes_left += bytes;
  leash_unlock (&rules->lock);
}

void
leash_fault_verdict_set_error (const LeashFaultVerdict *verdict, const char *call, GError **error)
{
  leash_injection_set_error (verdict->effect == LEASH_FAULT_ERRNO, verdict->code, verdict->rule, verdict->nth,
                             call, error);
}
