/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Faults that are injected: the rules, when they strike, and how that is told. Which calls there are, and
 * what a rule does to one, is the kind's: of files, or of connections.
 *
 * Every rule counts the calls that match it, whatever the others do to them, so that what one says ("the
 * third write") does not depend on those before it. Of several that strike at once the delays add up, the
 * fewest bytes count, and the first error is the one told.
 *
 * Chance is a function of the rule's seed and the number of the call, and no generator's state: the same
 * calls meet the same faults, in whichever order rules are asked.
 */
#include "leash-injection-private.h"

#include <errno.h>

gpointer
leash_injections_new (const LeashInjectionKind *kind)
{
  LeashInjections *list = g_malloc0 (kind->size);

  list->kind = kind;
  list->ref_count = 1;
  list->lock = (LeashLock) LEASH_LOCK_INIT;
  list->rules = g_ptr_array_new_with_free_func (kind->free_rule);
  return list;
}

gpointer
leash_injections_ref (gpointer list)
{
  g_atomic_int_inc (&((LeashInjections *) list)->ref_count);
  return list;
}

void
leash_injections_unref (gpointer list)
{
  LeashInjections *self = list;

  if (!g_atomic_int_dec_and_test (&self->ref_count))
    return;
  if (self->kind->clear != NULL)
    self->kind->clear (self);
  g_ptr_array_unref (self->rules);
  pthread_mutex_destroy (&self->lock);
  g_free (self->last);
  g_free (self);
}

guint
leash_injections_add (gpointer list, gpointer rule)
{
  LeashInjections *self = list;
  guint id;

  leash_lock (&self->lock);
  id = ((LeashInjectionRule *) rule)->id = ++self->last_id;
  g_ptr_array_add (self->rules, rule);
  leash_unlock (&self->lock);
  return id;
}

gpointer
leash_injections_find (gpointer list, guint id)
{
  LeashInjections *self = list;

  for (guint i = 0; i < self->rules->len; i++)
    {
      LeashInjectionRule *rule = g_ptr_array_index (self->rules, i);

      if (rule->id == id)
        return rule;
    }
  return NULL;
}

gboolean
leash_injections_remove (gpointer list, guint id)
{
  LeashInjections *self = list;
  gpointer found;

  leash_lock (&self->lock);
  found = leash_injections_find (self, id);
  if (found != NULL)
    g_ptr_array_remove (self->rules, found);
  leash_unlock (&self->lock);
  return found != NULL;
}

void
leash_injections_count_by (gpointer list, guint id, guint64 *counter)
{
  LeashInjections *self = list;

  leash_lock (&self->lock);
  ((LeashInjectionRule *) leash_injections_find (self, id))->counter = counter;
  leash_unlock (&self->lock);
}

/* The nth of a seed's numbers, each from 0 to 1: splitmix64 of Steele, Lea and Flood. */
static double
draw (guint64 seed, guint64 nth)
{
  guint64 z = seed + nth * G_GUINT64_CONSTANT (0x9e3779b97f4a7c15);

  z = (z ^ (z >> 30)) * G_GUINT64_CONSTANT (0xbf58476d1ce4e5b9);
  z = (z ^ (z >> 27)) * G_GUINT64_CONSTANT (0x94d049bb133111eb);
  z ^= z >> 31;
  return (double) (z >> 11) * 0x1.0p-53;
}

/* Counts a call that matches, and tells whether it is the rule's turn. */
static gboolean
is_turn (LeashInjectionRule *rule)
{
  guint64 nth
      = rule->counter != NULL ? __atomic_add_fetch (rule->counter, 1, __ATOMIC_RELAXED) : rule->n_matched + 1;

  rule->n_matched = nth;
  return rule->n_struck < rule->times && nth >= rule->first && (nth - rule->first) % rule->every == 0
         && (rule->chance >= 1 || draw (rule->seed, nth) < rule->chance);
}

gboolean
leash_injections_match (gpointer list, gconstpointer rule, guint op, gconstpointer call)
{
  return (((const LeashInjectionRule *) rule)->ops & op) != 0
         && ((LeashInjections *) list)->kind->matches (rule, call);
}

void
leash_injections_judge (gpointer list, guint op, gconstpointer call, gpointer verdict)
{
  LeashInjections *self = list;
  LeashVerdict *judged = verdict;

  leash_lock (&self->lock);
  self->n_calls[__builtin_ctz (op)]++;
  for (guint i = 0; i < self->rules->len; i++)
    {
      LeashInjectionRule *rule = g_ptr_array_index (self->rules, i);
      gboolean failed = judged->fails;

      if (!leash_injections_match (self, rule, op, call) || !is_turn (rule)
          || !self->kind->strike (rule, call, judged))
        continue;
      rule->n_struck++;
      self->n_struck++;
      if (judged->rule == 0 || failed != judged->fails)
        {
          judged->rule = rule->id;
          judged->nth = rule->n_matched;
        }
    }
  leash_unlock (&self->lock);
}

void
leash_injections_note_last (gpointer list, char *text)
{
  LeashInjections *self = list;
  char *before;

  leash_lock (&self->lock);
  before = self->last;
  self->last = text;
  leash_unlock (&self->lock);
  g_free (before);
}

guint64
leash_injections_count_calls (gpointer list, guint ops)
{
  LeashInjections *self = list;
  guint64 n = 0;

  leash_lock (&self->lock);
  for (guint i = 0; i < LEASH_INJECTION_MAX_OPS; i++)
    n += (ops & 1u << i) != 0 ? self->n_calls[i] : 0;
  leash_unlock (&self->lock);
  return n;
}

guint64
leash_injections_count_struck (gpointer list, guint id)
{
  LeashInjections *self = list;
  const LeashInjectionRule *found;
  guint64 n;

  leash_lock (&self->lock);
  found = leash_injections_find (self, id);
  n = id == 0 ? self->n_struck : found != NULL ? found->n_struck : 0;
  leash_unlock (&self->lock);
  return n;
}

char *
leash_injections_get_last (gpointer list)
{
  LeashInjections *self = list;
  char *last;

  leash_lock (&self->lock);
  last = g_strdup (self->last);
  leash_unlock (&self->lock);
  return last;
}

gboolean
leash_verdict_shorten (LeashVerdict *verdict, guint64 bytes)
{
  if (bytes >= verdict->count)
    return FALSE;
  verdict->count = (gsize) bytes;
  return TRUE;
}

gboolean
leash_verdict_delay (LeashVerdict *verdict, gint64 delay)
{
  verdict->delay = delay > G_MAXINT64 - verdict->delay ? G_MAXINT64 : verdict->delay + delay;
  return TRUE;
}

gboolean
leash_verdict_fail (LeashVerdict *verdict, gboolean is_errno, int code)
{
  if (verdict->fails)
    return TRUE;
  verdict->fails = TRUE;
  verdict->is_errno = is_errno;
  verdict->code = code;
  return TRUE;
}

/* The host's words for a code of GIO's, where it has any. */
static const char *
get_words (int code)
{
  /* Of those that GIO has one code for, the one that files or sockets fail with. */
  static const int codes[]
      = { ENOENT, EEXIST,    EISDIR,       ENOTDIR,      ENOTEMPTY,   EACCES,     ENOSPC,
          EROFS,  EBUSY,     EMFILE,       EINVAL,       ELOOP,       ENOTSUP,    ENAMETOOLONG,
          EAGAIN, ETIMEDOUT, ECONNREFUSED, EHOSTUNREACH, ENETUNREACH, EADDRINUSE, ECONNRESET };

  for (guint i = 0; i < G_N_ELEMENTS (codes); i++)
    if (g_io_error_from_errno (codes[i]) == (GIOErrorEnum) code)
      return g_strerror (codes[i]);
  return "it failed";
}

void
leash_verdict_set_error (const LeashVerdict *verdict, const char *call, GError **error)
{
  int code = verdict->code;

  g_set_error (error, G_IO_ERROR, verdict->is_errno ? (int) g_io_error_from_errno (code) : code,
               "%s (injected by rule %u at call %" G_GUINT64_FORMAT " that matches it, %s)",
               verdict->is_errno ? g_strerror (code) : get_words (code), verdict->rule, verdict->nth, call);
}
