/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The fault file system: around() asks the rules (leash-fault-rules.c) what is to become of a call, waits,
 * fails or shortens it, and else hands it on. It shares them with the roots that are opened within it.
 */
#include "leash-wrap-fs-private.h"

#include <leash/leash-fault-fs.h>
#include <leash/leash-tracker.h>

#include "leash-fault-rules-private.h"

typedef struct
{
  LeashWrapFs parent_instance;
  LeashInjections *rules; /* a reference; shared with the roots within */
} LeashFaultFs;

typedef LeashWrapFsClass LeashFaultFsClass;

static GType leash_fault_fs_get_type (void);

G_DEFINE_FINAL_TYPE (LeashFaultFs, leash_fault_fs, LEASH_TYPE_WRAP_FS)

/* Waits on the context's clock. The child that ends then is no resource of the program's. */
static gboolean
wait_for (LeashContext *ctx, gint64 delay, GError **error)
{
  g_autoptr (LeashTracker) aside = leash_tracker_new ();
  g_autoptr (LeashContext) untracked = leash_context_with_tracker (ctx, aside);
  g_autoptr (LeashContext) child = leash_context_with_timeout (untracked, delay);

  leash_context_wait (child, -1);
  return leash_context_check (ctx, error);
}

static char *
note_last (LeashInjections *rules, const LeashFsCall *call)
{
  GString *text = g_string_new (NULL);

  leash_fs_call_append_text (call, text, FALSE);
  leash_injections_note_last (rules, g_strdup (text->str));
  return g_string_free (text, FALSE);
}

static gboolean
perform (LeashFaultFs *self, LeashContext *ctx, LeashFsCall *call, const LeashFaultVerdict *judged,
         GError **error)
{
  gsize count = judged->verdict.count;
  gsize written = 0;
  gboolean done;

  call->number = 0;
  call->count = count;
  /* What is shortened to nothing is not asked for: files never see a count of 0. */
  done = ((call->op & LEASH_FAULT_BYTES_OPS) != 0 && count == 0)
         || leash_fs_call_perform (self->parent_instance.inner, ctx, call, error);
  if (judged->filling == 0)
    return done;
  written = done ? (gsize) call->number : 0;
  if (written < count)
    leash_fault_rules_give_back (self->rules, judged->filling, count - written);
  return done;
}

static gboolean
fault_around (LeashWrapFs *wrap, LeashContext *ctx, LeashFsCall *call, GError **error)
{
  LeashFaultFs *self = (LeashFaultFs *) wrap;
  LeashFaultVerdict judged = { .verdict.count = call->count };
  const LeashVerdict *verdict = &judged.verdict;
  g_autofree char *text = NULL;
  gboolean fails;

  leash_injections_judge (self->rules, call->op, call, &judged);
  if (LEASH_LIKELY (verdict->rule == 0))
    return perform (self, ctx, call, &judged, error);
  text = note_last (self->rules, call);
  fails = verdict->delay > 0 && !wait_for (ctx, verdict->delay, error);
  if (!fails && verdict->fails)
    {
      leash_verdict_set_error (verdict, text, error);
      fails = TRUE;
    }
  if (!fails)
    return perform (self, ctx, call, &judged, error);
  if (judged.filling != 0)
    leash_fault_rules_give_back (self->rules, judged.filling, verdict->count);
  if ((call->op & (LEASH_FS_OP_CLOSE | LEASH_FS_OP_CLOSE_DIR)) != 0)
    leash_fs_call_perform (wrap->inner, ctx, call, NULL);
  return FALSE;
}

static LeashWrapFs *
fault_new_root (LeashWrapFs *wrap)
{
  LeashFaultFs *root = g_object_new (leash_fault_fs_get_type (), NULL);

  root->rules = leash_injections_ref (((LeashFaultFs *) wrap)->rules);
  return (LeashWrapFs *) root;
}

static void
leash_fault_fs_finalize (GObject *object)
{
  leash_injections_unref (((LeashFaultFs *) object)->rules);
  G_OBJECT_CLASS (leash_fault_fs_parent_class)->finalize (object);
}

static void
leash_fault_fs_class_init (LeashFaultFsClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = leash_fault_fs_finalize;
  klass->around = fault_around;
  klass->new_root = fault_new_root;
  klass->handles = LEASH_WRAP_HANDLES;
  klass->no_features = LEASH_FS_FEATURE_DESCRIPTORS;
}

static void
leash_fault_fs_init (LeashFaultFs *self)
{
}

/* Named for the message of a critical. */
static gboolean
is_fault_fs (LeashFs *fs)
{
  return G_TYPE_CHECK_INSTANCE_TYPE (fs, leash_fault_fs_get_type ());
}

static LeashInjections *
get_rules (LeashFs *fs)
{
  return ((LeashFaultFs *) fs)->rules;
}

/**
 * leash_fault_fs_new:
 * @fs: a file system
 *
 * Makes a file system that hands everything on to another one, but for what its rules say. It has none at
 * first. A message tells that its fault was injected, by which rule, and on which call.
 *
 * Files have no descriptor, which would go around the rules. What leash_fs_open_root() returns shares rules
 * and counters; its paths are matched, and told, from this file system's root.
 *
 * Rules may be added and removed at any time, from any thread.
 *
 * Returns: (transfer full): the file system, which holds a reference to @fs
 *
 * Since: 0.1
 */
LeashFs *
leash_fault_fs_new (LeashFs *fs)
{
  LeashFaultFs *self;

  g_return_val_if_fail (LEASH_IS_FS (fs), NULL);

  self = g_object_new (leash_fault_fs_get_type (), NULL);
  self->rules = leash_injections_new (&leash_fault_rules);
  return leash_wrap_fs_set_up ((LeashWrapFs *) self, fs, NULL);
}

/* What an effect can be of. */
static LeashFsOps
get_possible_ops (LeashFaultEffect effect)
{
  return effect == LEASH_FAULT_SHORT  ? LEASH_FAULT_BYTES_OPS
         : effect == LEASH_FAULT_FULL ? LEASH_FS_OP_WRITE
                                      : LEASH_FS_OPS_ALL;
}

/* Likewise named. */
static gboolean
has_ops_for_its_effect (const LeashFaultRule *rule)
{
  return rule->ops == 0 || (rule->ops & ~(guint) get_possible_ops (rule->effect)) == 0;
}

static gboolean
has_code_for_its_effect (const LeashFaultRule *rule)
{
  return rule->effect == LEASH_FAULT_ERRNO ? rule->code > 0 : rule->code >= 0;
}

/**
 * leash_fault_fs_add:
 * @fs: a file system of leash_fault_fs_new()
 * @rule: when a fault is injected, and which; copied
 *
 * Adds a rule. It counts calls from now on.
 *
 * Returns: the rule's number, from 1; 0 when @rule makes no sense
 *
 * Since: 0.1
 */
guint
leash_fault_fs_add (LeashFs *fs, const LeashFaultRule *rule)
{
  LeashFaultEntry *added;

  g_return_val_if_fail (is_fault_fs (fs), 0);
  g_return_val_if_fail (rule != NULL, 0);
  g_return_val_if_fail (rule->effect <= LEASH_FAULT_FULL, 0);
  g_return_val_if_fail (has_ops_for_its_effect (rule), 0);
  g_return_val_if_fail (has_code_for_its_effect (rule), 0);
  g_return_val_if_fail (rule->chance >= 0 && rule->chance <= 1, 0);
  g_return_val_if_fail (rule->delay >= 0, 0);

  added = g_new0 (LeashFaultEntry, 1);
  added->rule = *rule;
  added->rule.path = g_strdup (rule->path);
  added->when = LEASH_INJECTION_RULE (rule, get_possible_ops (rule->effect));
  added->bytes_left = rule->bytes;
  return leash_injections_add (get_rules (fs), added);
}

void
leash_fault_fs_count_by (LeashFs *fs, guint rule, guint64 *counter)
{
  leash_injections_count_by (get_rules (fs), rule, counter);
}

/**
 * leash_fault_fs_fail_nth:
 * @fs: a file system of leash_fault_fs_new()
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
leash_fault_fs_fail_nth (LeashFs *fs, LeashFsOps ops, guint64 nth, GIOErrorEnum code)
{
  g_return_val_if_fail (nth > 0, 0);

  return leash_fault_fs_add (fs,
                             &(LeashFaultRule){ .ops = ops, .first = nth, .times = 1, .code = (int) code });
}

/**
 * leash_fault_fs_fail_path:
 * @fs: a file system of leash_fault_fs_new()
 * @ops: which operations; 0 for all
 * @path: a pattern for paths; see #LeashFaultRule
 * @code: what they fail with
 *
 * Adds a rule by which all calls on some paths fail.
 *
 * Returns: the rule's number
 *
 * Since: 0.1
 */
guint
leash_fault_fs_fail_path (LeashFs *fs, LeashFsOps ops, const char *path, GIOErrorEnum code)
{
  g_return_val_if_fail (path != NULL, 0);

  return leash_fault_fs_add (fs, &(LeashFaultRule){ .ops = ops, .path = path, .code = (int) code });
}

/**
 * leash_fault_fs_fill:
 * @fs: a file system of leash_fault_fs_new()
 * @bytes: how many
 *
 * Adds a rule by which the disk is full after so many bytes more are written.
 *
 * Returns: the rule's number
 *
 * Since: 0.1
 */
guint
leash_fault_fs_fill (LeashFs *fs, guint64 bytes)
{
  return leash_fault_fs_add (fs, &(LeashFaultRule){ .effect = LEASH_FAULT_FULL, .bytes = bytes });
}

/**
 * leash_fault_fs_remove:
 * @fs: a file system of leash_fault_fs_new()
 * @rule: a rule's number
 *
 * Removes a rule. Calls that it has struck already, and that wait for it, go on as they began.
 *
 * Returns: %FALSE when there is no such rule
 *
 * Since: 0.1
 */
gboolean
leash_fault_fs_remove (LeashFs *fs, guint rule)
{
  g_return_val_if_fail (is_fault_fs (fs), FALSE);

  return leash_injections_remove (get_rules (fs), rule);
}

/**
 * leash_fault_fs_count_calls:
 * @fs: a file system of leash_fault_fs_new()
 * @ops: which operations
 *
 * Counts calls, those that were struck included.
 *
 * Returns: how many calls of @ops there were, all together
 *
 * Since: 0.1
 */
guint64
leash_fault_fs_count_calls (LeashFs *fs, LeashFsOps ops)
{
  g_return_val_if_fail (is_fault_fs (fs), 0);

  return leash_injections_count_calls (get_rules (fs), ops);
}

/**
 * leash_fault_fs_count_struck:
 * @fs: a file system of leash_fault_fs_new()
 * @rule: a rule's number; 0 for all together, those that were removed included
 *
 * Tells how often a rule struck. A rule that shortens strikes only where more was asked for.
 *
 * Returns: how often; 0 for a rule that is not there
 *
 * Since: 0.1
 */
guint64
leash_fault_fs_count_struck (LeashFs *fs, guint rule)
{
  g_return_val_if_fail (is_fault_fs (fs), 0);

  return leash_injections_count_struck (get_rules (fs), rule);
}

/**
 * leash_fault_fs_get_last:
 * @fs: a file system of leash_fault_fs_new()
 *
 * Tells which call was struck last: `open ("a.ini", READ)`.
 *
 * Returns: (transfer full) (nullable): the call, %NULL when none was struck
 *
 * Since: 0.1
 */
char *
leash_fault_fs_get_last (LeashFs *fs)
{
  g_return_val_if_fail (is_fault_fs (fs), NULL);

  return leash_injections_get_last (get_rules (fs));
}
