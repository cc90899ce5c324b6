/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The conformance suite of networks on TLS. Where nobody reads, each close waits 5 s to tell the end. */
#include "tls-fixture.h"

#include <leash/leash-network-conformance.h>

/* Takes the network over. */
static LeashNetwork *
make_over (LeashNetwork *inner)
{
  LeashTlsConfig *config = make_config ("good");
  LeashNetwork *network = leash_tls_network_new (inner, config);

  leash_tls_config_unref (config);
  g_object_unref (inner);
  return network;
}

static LeashNetwork *
make_tls (char **ret_address, gpointer unused, GError **error)
{
  *ret_address = g_strdup ("tls:127.0.0.1:0");
  return make_over (leash_host_network_new ());
}

int
main (int argc, char **argv)
{
  int failed;

  g_test_init (&argc, &argv, NULL);
  if (why_no_tls () != NULL)
    {
      g_print ("1..0 # SKIP %s\n", why_no_tls ());
      return 0;
    }
  make_certificates ();
  leash_network_conformance_add ("/tls", make_tls);
  failed = g_test_run ();
  remove_certificates ();
  return failed;
}
