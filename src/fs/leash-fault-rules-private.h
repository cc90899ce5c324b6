/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The rules of a fault file system, and what they make of a call. See leash-fault-rules.c. */
#pragma once

#include <leash/leash-fault-fs.h>

#include "leash-fs-call-private.h"
#include "leash-injection-private.h"

#define LEASH_FAULT_BYTES_OPS (LEASH_FS_OP_READ | LEASH_FS_OP_WRITE)

typedef struct
{
  LeashInjectionRule when; /* first */
  LeashFaultRule rule;     /* its path is owned */
  guint64 bytes_left;      /* of LEASH_FAULT_FULL: what may be written still */
} LeashFaultEntry;

typedef struct
{
  LeashVerdict verdict; /* first */
  guint filling;        /* the rule that bytes were taken from; 0 for none */
} LeashFaultVerdict;

extern const LeashInjectionKind leash_fault_rules;

/* What was not written after all may be written by others. */
void leash_fault_rules_give_back (LeashInjections *rules, guint filling, gsize bytes);
/* Has a rule that was just added take the numbers of its calls from counter, which others take theirs from, too. */
void leash_fault_fs_count_by (LeashFs *fs, guint rule, guint64 *counter);
