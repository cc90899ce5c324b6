/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reports are written from snapshots. leash-report.c groups and writes text, leash-report-json.c JSON. */
#pragma once

#include "leash-depot-private.h"
#include "leash-snapshot-private.h"
#include "leash-symbols-private.h"

/* Resources that were opened at the same place, with the same history. */
typedef struct
{
  LeashStackId stack;
  GPtrArray *resources; /* of const LeashResource, oldest first */
} LeashPlace;

/* Groups of the open resources (or, if kept, of those meant to stay open), most resources first. */
GPtrArray *leash_report_group     (LeashSnapshot     *snapshot,
                                   gboolean           kept);

/* The frames of a stack that a reader wants: none of Leash's, the harness's or the C library's, unless all. */
GArray    *leash_report_frames    (LeashSymbols      *symbols,
                                   const LeashStack  *stack,
                                   gboolean           all); /* of LeashFrame */

char      *leash_report_summary   (LeashSnapshot     *snapshot);
char      *leash_report_text      (LeashSnapshot     *snapshot,
                                   LeashReportFlags   flags,
                                   guint              max_places);
char      *leash_report_json      (LeashSnapshot     *snapshot,
                                   LeashReportFlags   flags);
