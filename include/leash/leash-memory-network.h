/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The memory network: what a test has instead of sockets. Listeners have names in it, whatever text they are, so that
 * code that dials `tcp:db.example:5432` does so here, and gets whom the test had listen there.
 *
 *     g_autoptr (LeashNetwork) network = leash_memory_network_new ();
 *     g_autoptr (LeashContext) ctx = leash_context_with_network (test.ctx, network);
 *     g_autoptr (LeashListener) listener = leash_listen (ctx, "tcp:db.example:5432", &error);
 */
#pragma once

#include <leash/leash-network.h>

G_BEGIN_DECLS

LEASH_AVAILABLE_IN_0_1
LeashNetwork *leash_memory_network_new         (void) G_GNUC_WARN_UNUSED_RESULT;
LEASH_AVAILABLE_IN_0_1
void          leash_memory_network_set_buffer  (LeashNetwork *network,
                                                gsize         bytes);
LEASH_AVAILABLE_IN_0_1
void          leash_memory_network_set_backlog (LeashNetwork *network,
                                                guint         n_conns);

G_END_DECLS
