/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The conformance suite on every network that comes with Leash, and on streams of GIO's; meson runs this
 * program once for each. */
#include "conformance-networks.h"
#include "gio-network.h"

#include <leash/leash-network-conformance.h>

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  leash_network_conformance_add ("/fault", make_fault);
  leash_network_conformance_add ("/fault-memory", make_fault_memory);
  leash_network_conformance_add ("/gio", make_gio);
  leash_network_conformance_add ("/memory", make_memory);
  leash_network_conformance_add ("/tcp", make_tcp);
  leash_network_conformance_add ("/tcp6", make_tcp6);
  leash_network_conformance_add ("/unix", make_unix);
  leash_network_conformance_add ("/users", make_users);
  leash_network_conformance_add ("/stream", make_streamed);
  leash_network_conformance_add ("/stream-waiting", make_streamed_waiting);
  return g_test_run ();
}
