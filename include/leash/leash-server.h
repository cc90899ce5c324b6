/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* LeashServer: a running program's reports, over a socket or by a signal. Nothing listens unless asked. */
#pragma once

#include <leash/leash-tracker.h>

G_BEGIN_DECLS

#define LEASH_TYPE_SERVER (leash_server_get_type ())

typedef struct _LeashServer LeashServer;

/* Life */
LEASH_AVAILABLE_IN_0_1
GType        leash_server_get_type          (void) G_GNUC_CONST;
LEASH_AVAILABLE_IN_0_1
LeashServer *leash_tracker_serve            (LeashTracker *tracker,
                                             const char   *path,
                                             GError      **error) G_GNUC_WARN_UNUSED_RESULT;
LEASH_AVAILABLE_IN_0_1
LeashServer *leash_server_ref               (LeashServer  *server);
LEASH_AVAILABLE_IN_0_1
void         leash_server_unref             (LeashServer  *server);
LEASH_AVAILABLE_IN_0_1
void         leash_server_stop              (LeashServer  *server);

LEASH_AVAILABLE_IN_0_1
const char  *leash_server_get_path          (LeashServer  *server);

/* Without a socket */
LEASH_AVAILABLE_IN_0_1
gboolean     leash_tracker_report_on_signal (LeashTracker *tracker,
                                             int           signum,
                                             GError      **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (LeashServer, leash_server_unref)

G_END_DECLS
