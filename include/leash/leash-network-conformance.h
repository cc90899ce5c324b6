/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Tests for who implements a LeashNetwork, in leash-testing-1; leash.h does not include them.
 *
 *     static LeashNetwork *
 *     make (char **ret_address, gpointer user_data, GError **error)
 *     {
 *       *ret_address = g_strdup ("my:somewhere");
 *       return my_network_new ();
 *     }
 *
 *     int
 *     main (int argc, char **argv)
 *     {
 *       g_test_init (&argc, &argv, NULL);
 *       leash_network_conformance_add ("/my-network", make);
 *       return g_test_run ();
 *     }
 */
#pragma once

#include <leash/leash-network.h>

G_BEGIN_DECLS

/**
 * LeashNetworkConformanceFactory:
 * @ret_address: (out): where the test may listen and nobody else does, by g_free() to be freed
 * @user_data: what was given with the function
 * @error: return location for an error
 *
 * Makes the network that one test is done on, of connections that are streams of bytes. It is freed at the test's end;
 * what must be cleaned up then hangs on it (g_object_set_data_full()).
 *
 * An address of which the network chooses a part, such as a port 0, is as good as any: tests dial what
 * leash_listener_get_address() tells. A test that the network is not made for is refused with
 * %G_IO_ERROR_NOT_SUPPORTED: it is then skipped, with the error's message as the reason.
 *
 * Returns: (transfer full): the network, %NULL with @error set
 */
typedef LeashNetwork *(*LeashNetworkConformanceFactory) (char     **ret_address,
                                                         gpointer   user_data,
                                                         GError   **error);

LEASH_AVAILABLE_IN_0_1
void leash_network_conformance_add      (const char                     *path,
                                         LeashNetworkConformanceFactory  factory);
LEASH_AVAILABLE_IN_0_1
void leash_network_conformance_add_full (const char                     *path,
                                         LeashNetworkConformanceFactory  factory,
                                         gpointer                        user_data,
                                         GDestroyNotify                  destroy);

G_END_DECLS
