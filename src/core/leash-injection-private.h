/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What injects faults: a list of rules that judge calls, whatever these are of. See leash-injection.c. */
#pragma once

#include <gio/gio.h>

#include "leash-lock-private.h"

#define LEASH_INJECTION_MAX_OPS 32

/* When a rule strikes. It is the first field of a kind's own rules. */
typedef struct
{
  guint id;         /* from 1 */
  guint ops;        /* bits of the operations that it is for */
  guint64 first;    /* of the calls that match it; from 1 */
  guint64 every;    /* 1 for each from there */
  guint64 times;    /* how often it strikes */
  double chance;    /* from 0 to 1 */
  guint64 seed;
  guint64 *counter; /* atomic; what numbers the calls that match, with those of others; NULL for none */
  guint64 n_matched;
  guint64 n_struck;
} LeashInjectionRule;

/* The same of a public rule, whose zeros are defaults. */
#define LEASH_INJECTION_RULE(of, possible_ops)               \
  ((LeashInjectionRule){                                     \
      .ops = (of)->ops != 0 ? (of)->ops : (possible_ops),    \
      .first = (of)->first != 0 ? (of)->first : 1,           \
      .every = (of)->every != 0 ? (of)->every : 1,           \
      .times = (of)->times != 0 ? (of)->times : G_MAXUINT64, \
      .chance = (of)->chance > 0 ? (of)->chance : 1,         \
      .seed = (of)->seed,                                    \
  })

/* What is to become of one call. It is the first field of a kind's own verdicts. */
typedef struct
{
  gint64 delay;
  gsize count;       /* of bytes: what was asked for, or less */
  gboolean fails;    /* with the code */
  gboolean is_errno; /* the code is */
  int code;
  guint rule;        /* the one to be told: that fails it, else the first that struck; 0 for none */
  guint64 nth;       /* the call's number among those that match the rule */
} LeashVerdict;

typedef struct _LeashInjections LeashInjections;

/* What calls and rules are like. Rules and the calls are the kind's own; all is called with the lock held. */
typedef struct
{
  gsize size;                              /* of the kind's own list, which begins with LeashInjections */
  void (*clear) (LeashInjections *list);   /* before the rules are freed, without the lock; may be NULL */
  void (*free_rule) (gpointer rule);
  gboolean (*matches) (gconstpointer rule, gconstpointer call); /* beside the operation */
  /* Applies a rule whose turn it is. Returns whether the call is any different for it. */
  gboolean (*strike) (gpointer rule, gconstpointer call, LeashVerdict *verdict);
} LeashInjectionKind;

struct _LeashInjections
{
  const LeashInjectionKind *kind;
  gint ref_count;   /* atomic */
  LeashLock lock;   /* guards what is below; never held while a call is made */
  GPtrArray *rules; /* in the order in which they were added */
  guint last_id;
  guint64 n_calls[LEASH_INJECTION_MAX_OPS];
  guint64 n_struck; /* by removed rules too */
  char *last;       /* the last call that was struck; NULL before the first */
};

gpointer  leash_injections_new          (const LeashInjectionKind *kind);
gpointer  leash_injections_ref          (gpointer                  list);
void      leash_injections_unref        (gpointer                  list);
/* Takes the rule over, and returns its number. */
guint     leash_injections_add          (gpointer                  list,
                                         gpointer                  rule);
gboolean  leash_injections_remove       (gpointer                  list,
                                         guint                     id);
/* With the lock held. Returns NULL where there is none. */
gpointer  leash_injections_find         (gpointer                  list,
                                         guint                     id);
/* Has a rule that was just added take the numbers of its calls from counter, which others take theirs from, too. */
void      leash_injections_count_by     (gpointer                  list,
                                         guint                     id,
                                         guint64                  *counter);
/* Counts a call of one operation, and has the rules judge it. verdict is what the call asks for. */
void      leash_injections_judge        (gpointer                  list,
                                         guint                     op,
                                         gconstpointer             call,
                                         gpointer                  verdict);
/* Whether the rule is for the call. With the lock held. */
gboolean  leash_injections_match        (gpointer                  list,
                                         gconstpointer             rule,
                                         guint                     op,
                                         gconstpointer             call);
/* Takes over the text of a call that was struck. */
void      leash_injections_note_last    (gpointer                  list,
                                         char                     *text);
guint64   leash_injections_count_calls  (gpointer                  list,
                                         guint                     ops);
guint64   leash_injections_count_struck (gpointer                  list,
                                         guint                     id);
char     *leash_injections_get_last     (gpointer                  list);

/* What rules do. Each returns whether the call is any different for it. */
gboolean  leash_verdict_shorten         (LeashVerdict             *verdict,
                                         guint64                   bytes);
gboolean  leash_verdict_delay           (LeashVerdict             *verdict,
                                         gint64                    delay);
/* The first one counts. */
gboolean  leash_verdict_fail            (LeashVerdict             *verdict,
                                         gboolean                  is_errno,
                                         int                       code);
/* call is the call's text. */
void      leash_verdict_set_error       (const LeashVerdict       *verdict,
                                         const char               *call,
                                         GError                  **error);
