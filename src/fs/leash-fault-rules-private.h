/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The rules of a fault file system, and what they make of a call. See leash-fault-rules.c. */
#pragma once

#include <leash/leash-fault-fs.h>

#include "leash-fs-call-private.h"
#include "leash-lock-private.h"

#define LEASH_FAULT_BYTES_OPS (LEASH_FS_OP_READ | LEASH_FS_OP_WRITE)

#define LEASH_FAULT_N_OPS 25
G_STATIC_ASSERT (LEASH_FS_OPS_ALL == (1 << LEASH_FAULT_N_OPS) - 1);

typedef struct
{
  guint id;
  LeashFaultRule rule; /* with the defaults put in; its path is owned */
  guint64 *counter; /* atomic; what numbers the calls that match, with those of others; NULL for none */
  guint64 n_matched;
  guint64 n_struck;
  guint64 bytes_left; /* of LEASH_FAULT_FULL: what may be written still */
} LeashFaultEntry;

typedef struct
{
  gint ref_count;     /* atomic */
  LeashLock lock;     /* guards what is below; never held while a call is made */
  GPtrArray *entries; /* of LeashFaultEntry, in the order in which they were added */
  guint last_id;
  guint64 n_calls[LEASH_FAULT_N_OPS];
  guint64 n_struck; /* by removed rules too */
  char *last;       /* the last call that was struck; NULL before the first */
} LeashFaultRules;

/* What is to become of one call. */
typedef struct
{
  gint64 delay;
  gsize count;    /* of bytes: what was asked for, or less */
  gboolean fails; /* with the code, which is of the effect's kind */
  LeashFaultEffect effect;
  int code;
  guint rule;    /* the one to be told: that fails it, else the first that struck; 0 for none */
  guint64 nth;   /* the call's number among those that match the rule */
  guint filling; /* the rule that bytes were taken from; 0 for none */
} LeashFaultVerdict;

LeashFaultRules *leash_fault_rules_new       (void);
void             leash_fault_rules_unref     (LeashFaultRules         *rules);
/* With the lock held. Returns NULL where there is none. */
LeashFaultEntry *leash_fault_rules_find      (LeashFaultRules         *rules,
                                              guint                    id);
/* Counts the call. verdict->count is what it asks for; the rest is 0. */
void             leash_fault_rules_judge     (LeashFaultRules         *rules,
                                              const LeashFsCall       *call,
                                              LeashFaultVerdict       *verdict);
/* What was not written after all may be written by others. */
void             leash_fault_rules_give_back (LeashFaultRules         *rules,
                                              guint                    filling,
                                              gsize                    bytes);
void             leash_fault_verdict_set_error (const LeashFaultVerdict *verdict,
                                                const char            *call,
                                                GError               **error);
/* Has a rule that was just added take the numbers of its calls from counter, which others take theirs from, too. */
void             leash_fault_fs_count_by     (LeashFs                 *fs,
                                              guint                    rule,
                                              guint64                 *counter);
