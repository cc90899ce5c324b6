/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The rules of a fault file system: which calls they match, and what they do. When: see leash-injection.c. */
#include "leash-fault-rules-private.h"

#include <errno.h>
#include <fnmatch.h>

static void
entry_free (gpointer entry)
{
  g_free ((char *) ((LeashFaultEntry *) entry)->rule.path);
  g_free (entry);
}

static gboolean
path_matches (const char *pattern, const char *path)
{
  return path != NULL && fnmatch (pattern, path, 0) == 0;
}

static gboolean
rule_matches (gconstpointer rule, gconstpointer call)
{
  const char *pattern = ((const LeashFaultEntry *) rule)->rule.path;
  const LeashFsCall *made = call;

  return pattern == NULL || path_matches (pattern, made->name) || path_matches (pattern, made->target_name);
}

/* Lets what fits pass. Bytes are taken now, so that threads that write at once do not write more together. */
static gboolean
fill (LeashFaultEntry *entry, LeashFaultVerdict *judged)
{
  LeashVerdict *verdict = &judged->verdict;
  gboolean is_cut;

  if (entry->bytes_left == 0)
    return leash_verdict_fail (verdict, TRUE, ENOSPC);
  is_cut = leash_verdict_shorten (verdict, entry->bytes_left);
  entry->bytes_left -= verdict->count;
  judged->filling = entry->when.id;
  return is_cut;
}

static gboolean
strike (gpointer rule, gconstpointer call, LeashVerdict *verdict)
{
  LeashFaultEntry *entry = rule;

  switch (entry->rule.effect)
    {
    case LEASH_FAULT_SHORT:
      return leash_verdict_shorten (verdict, entry->rule.bytes);
    case LEASH_FAULT_DELAY:
      return leash_verdict_delay (verdict, entry->rule.delay);
    case LEASH_FAULT_FULL:
      return fill (entry, (LeashFaultVerdict *) verdict);
    case LEASH_FAULT_ERROR:
    case LEASH_FAULT_ERRNO:
    default:
      return leash_verdict_fail (verdict, entry->rule.effect == LEASH_FAULT_ERRNO, entry->rule.code);
    }
}

const LeashInjectionKind leash_fault_rules = {
  .size = sizeof (LeashInjections),
  .free_rule = entry_free,
  .matches = rule_matches,
  .strike = strike,
};

void
leash_fault_rules_give_back (LeashInjections *rules, guint filling, gsize bytes)
{
  LeashFaultEntry *entry;

  leash_lock (&rules->lock);
  entry = leash_injections_find (rules, filling);
  if (entry != NULL)
    entry->bytes_left += bytes;
  leash_unlock (&rules->lock);
}
