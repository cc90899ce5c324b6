/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* LeashLineClient: one connection to one server that talks in lines: dial, request, reply, close. */
#pragma once

#include <leash/leash-conn.h>

G_BEGIN_DECLS

#define LEASH_TYPE_LINE_CLIENT (leash_line_client_get_type ())

typedef struct _LeashLineClient LeashLineClient;

LEASH_AVAILABLE_IN_0_1
GType            leash_line_client_get_type (void) G_GNUC_CONST;
LEASH_AVAILABLE_IN_0_1
LeashLineClient *leash_line_client_dial     (LeashContext     *ctx,
                                             const char       *address,
                                             GError          **error) G_GNUC_WARN_UNUSED_RESULT;
LEASH_AVAILABLE_IN_0_1
LeashLineClient *leash_line_client_new      (LeashConn        *conn) G_GNUC_WARN_UNUSED_RESULT;
LEASH_AVAILABLE_IN_0_1
LeashLineClient *leash_line_client_ref      (LeashLineClient  *client);
LEASH_AVAILABLE_IN_0_1
void             leash_line_client_unref    (LeashLineClient  *client);
LEASH_AVAILABLE_IN_0_1
gboolean         leash_line_client_send     (LeashLineClient  *client,
                                             LeashContext     *ctx,
                                             const char       *line,
                                             GError          **error);
LEASH_AVAILABLE_IN_0_1
char            *leash_line_client_receive  (LeashLineClient  *client,
                                             LeashContext     *ctx,
                                             GError          **error) G_GNUC_WARN_UNUSED_RESULT;
LEASH_AVAILABLE_IN_0_1
char            *leash_line_client_request  (LeashLineClient  *client,
                                             LeashContext     *ctx,
                                             const char       *line,
                                             GError          **error) G_GNUC_WARN_UNUSED_RESULT;
LEASH_AVAILABLE_IN_0_1
LeashConn       *leash_line_client_get_conn (LeashLineClient  *client);
LEASH_AVAILABLE_IN_0_1
gboolean         leash_line_client_close    (LeashLineClient  *client,
                                             GError          **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (LeashLineClient, leash_line_client_unref)

G_END_DECLS
