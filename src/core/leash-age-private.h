/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Resources that are open for longer than a tracker's limit. See leash-age.c. */
#pragma once

#include <leash/leash-snapshot.h>

#include "leash-lock-private.h"

/* Different places that are kept of what returned after all; more are counted. */
#define LEASH_N_RETURNED 256

typedef struct _LeashAgeWatch LeashAgeWatch;

/* What was overdue, and was closed or handed on after all: once for each kind and stack. */
typedef struct
{
  const char *kind; /* interned */
  LeashStackId stack;
  guint64 count;
  gint64 longest;   /* that one was open, us */
} LeashReturned;

/* What stands for the kinds that have no limit of their own: no string has this number. */
#define LEASH_KIND_ALL 0xffff

typedef struct
{
  guint16 kind;
  gint64 limit;           /* us, 0 for none */
} LeashKindLimit;

/* A tracker's part. Memory of zeros has no limit. */
typedef struct
{
  LeashLock lock;         /* guards the below */
  LeashAgeWatch *watch;   /* NULL without a limit */
  gint64 limit;           /* us, 0 for none; of kinds that have none of their own */
  gboolean writes;        /* what is newly overdue where LEASH_OUTPUT says */
  GArray *kinds;          /* of LeashKindLimit; NULL while there never were any */
  GArray *returned;       /* of LeashReturned; NULL while there are none */
  guint64 n_returned_dropped;
} LeashAge;

/* With no lock held. 0 for no limit; if writes, what is newly overdue is written where LEASH_OUTPUT says. */
void leash_age_set_limit     (LeashTracker        *tracker,
                              gint64               microseconds,
                              gboolean             writes);
/* With the last reference gone. */
void leash_age_clear         (LeashTracker        *tracker);
void leash_age_add_returned  (LeashTracker        *tracker,
                              const LeashReturned *returned);
/* Adds what another tracker, which is going, remembers. */
void leash_age_inherit       (LeashTracker        *tracker,
                              LeashTracker        *from);
/* Adds to an array of LeashReturned, and to what it does not keep, what the tracker remembers. */
void leash_age_copy_returned (LeashTracker        *tracker,
                              GArray              *into,
                              guint64             *n_dropped);
/* Adds to what there is of that kind and stack; FALSE where there is none, and as many others as are kept. */
gboolean leash_returned_add  (GArray              *array,
                              const LeashReturned *returned,
                              guint                max);
