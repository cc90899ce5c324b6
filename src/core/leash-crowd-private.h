/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Places with more open resources than a report lists. See leash-crowd.c. */
#pragma once

#include <leash/leash-snapshot.h>

/* With more than so many resources open, not all are listed. */
#define LEASH_CROWD_ALL 100000
/* Of each place, then, this many, and one of each thread. */
#define LEASH_CROWD_LISTED 100

/* Resources that belong together in a report. */
typedef struct
{
  LeashResource key;   /* kind, stack and flags are those of all */
  guint n_listed;
  guint spare;         /* where one of them is that may be given up; G_MAXUINT while there is none */
  gint64 oldest_at;    /* of those listed */
  gint64 newest_at;    /* of all */
  gsize n_left_out;
  gpointer last_thread;
  GHashTable *threads; /* names of those listed */
} LeashCrowd;

GHashTable *leash_crowds_new  (void); /* of LeashCrowd */

/* Whether resource is listed, and where among n_resources: at the end, or in the place of another. */
gboolean    leash_crowds_list (GHashTable          *crowds,
                               const LeashResource *resource,
                               guint                n_resources,
                               guint               *ret_index);
