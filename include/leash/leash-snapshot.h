/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* LeashSnapshot: what a tracker held open at one moment, and what two moments differ in. */
#pragma once

#include <leash/leash-tracker.h>

G_BEGIN_DECLS

#define LEASH_TYPE_SNAPSHOT (leash_snapshot_get_type ())

LEASH_AVAILABLE_IN_0_1
GType                leash_snapshot_get_type      (void) G_GNUC_CONST;
LEASH_AVAILABLE_IN_0_1
LeashSnapshot       *leash_snapshot_new           (LeashTracker     *tracker) G_GNUC_WARN_UNUSED_RESULT;
LEASH_AVAILABLE_IN_0_1
LeashSnapshot       *leash_snapshot_new_difference (LeashSnapshot   *before,
                                                    LeashSnapshot   *after) G_GNUC_WARN_UNUSED_RESULT;
LEASH_AVAILABLE_IN_0_1
LeashSnapshot       *leash_snapshot_new_children  (LeashSnapshot    *snapshot,
                                                   const char       *kind,
                                                   gconstpointer     pointer) G_GNUC_WARN_UNUSED_RESULT;
LEASH_AVAILABLE_IN_0_1
LeashSnapshot       *leash_snapshot_ref           (LeashSnapshot    *snapshot);
LEASH_AVAILABLE_IN_0_1
void                 leash_snapshot_unref         (LeashSnapshot    *snapshot);
LEASH_AVAILABLE_IN_0_1
gsize                leash_snapshot_get_length    (LeashSnapshot    *snapshot);
LEASH_AVAILABLE_IN_0_1
const LeashResource *leash_snapshot_get_resource  (LeashSnapshot    *snapshot,
                                                   gsize             index);
LEASH_AVAILABLE_IN_0_1
gsize                leash_snapshot_get_n_misuses (LeashSnapshot    *snapshot);
LEASH_AVAILABLE_IN_0_1
const LeashMisuse   *leash_snapshot_get_misuse    (LeashSnapshot    *snapshot,
                                                   gsize             index);
LEASH_AVAILABLE_IN_0_1
char                *leash_snapshot_report        (LeashSnapshot    *snapshot,
                                                   LeashFormat       format,
                                                   LeashReportFlags  flags,
                                                   guint             max_places) G_GNUC_WARN_UNUSED_RESULT;

G_DEFINE_AUTOPTR_CLEANUP_FUNC (LeashSnapshot, leash_snapshot_unref)

G_END_DECLS
