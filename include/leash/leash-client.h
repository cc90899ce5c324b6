/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* LeashClient: one connection to one server: dial, request, reply, close. */
#pragma once

#include <leash/leash-conn.h>

G_BEGIN_DECLS

#define LEASH_TYPE_CLIENT (leash_client_get_type ())

typedef struct _LeashClient LeashClient;

LEASH_AVAILABLE_IN_0_1
GType        leash_client_get_type (void) G_GNUC_CONST;
LEASH_AVAILABLE_IN_0_1
LeashClient *leash_client_dial     (LeashContext  *ctx,
                                    const char    *address,
                                    GError       **error) G_GNUC_WARN_UNUSED_RESULT;
LEASH_AVAILABLE_IN_0_1
LeashClient *leash_client_ref      (LeashClient   *client);
LEASH_AVAILABLE_IN_0_1
void         leash_client_unref    (LeashClient   *client);
LEASH_AVAILABLE_IN_0_1
gboolean     leash_client_send     (LeashClient   *client,
                                    LeashContext  *ctx,
                                    const char    *line,
                                    GError       **error);
LEASH_AVAILABLE_IN_0_1
char        *leash_client_receive  (LeashClient   *client,
                                    LeashContext  *ctx,
                                    GError       **error) G_GNUC_WARN_UNUSED_RESULT;
LEASH_AVAILABLE_IN_0_1
char        *leash_client_request  (LeashClient   *client,
                                    LeashContext  *ctx,
                                    const char    *line,
                                    GError       **error) G_GNUC_WARN_UNUSED_RESULT;
LEASH_AVAILABLE_IN_0_1
LeashConn   *leash_client_get_conn (LeashClient   *client);
LEASH_AVAILABLE_IN_0_1
gboolean     leash_client_close    (LeashClient   *client,
                                    GError       **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (LeashClient, leash_client_unref)

G_END_DECLS
