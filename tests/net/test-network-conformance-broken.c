/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * That the conformance suite of networks finds what it is for: a network that is broken in one way each fails
 * a test that is named here, with a fault that says what is wrong.
 */
#include "../conformance-broken.h"
#include "conformance-networks.h"

#include <leash/leash-network-conformance.h>

#define OVERDUE "*at the end: something waited until the test's own time was over*"

static const Flaw flaws[] = {
  { "times-out-early", "deadline/comes", "*reading: it timed out before its deadline*",
    .is_missed_at_times = TRUE },
  { "end-is-an-error", "end/comes-behind-the-data",
    "*reading the end of the data: expected success*no more*" },
  { "swaps-bytes", "data/large-transfer", "*checksum of what was received: expected *" },
  { "writes-twice", "data/pieces-are-read-as-one-wishes", "*reading: expected *etw*found *" },
  { "loses-bytes", "data/many-writers", "*bytes of one of several writers: expected 20000, found *" },
  { "doubles-bytes", "data/many-writers", "*bytes of one of several writers: expected 20000, found *" },
  { "spoils-bytes", "data/many-writers", "*bytes that came out of order: expected 0, found *" },
  { "ignores-a-deadline", "deadline/is-set-meanwhile", OVERDUE, .seconds = "0.5",
    .is_missed_at_times = TRUE },
  { "ignores-a-context", "context/ends-at-its-deadline", OVERDUE, .seconds = "0.5" },
  { "leaks-descriptor", "dial/both-ways", "*descriptors: expected *" },
  { "wrong-address", "address/each-end-has-the-other's",
    "*the remote address of what was dialled: expected *" },
  { "wrong-code", "dial/where-nobody-listens-is-refused",
    "*dialling where nobody listens: expected the error ?connection-refused?, found g-io-error-quark*" },
  { "takes-the-taken", "listen/taken-address",
    "*listening where somebody listens: expected an error, found success*" },
};

int
main (int argc, char **argv)
{
  program = argv[0];
  g_test_init (&argc, &argv, NULL);
  leash_network_conformance_add_full ("/broken/subprocess/sound", make_users, (gpointer) "sound", NULL);
  for (guint i = 0; i < G_N_ELEMENTS (flaws); i++)
    {
      g_autofree char *path = get_suite_path (flaws[i].name);

      leash_network_conformance_add_full (path, make_users, (gpointer) flaws[i].name, NULL);
      add_flaw ("net", &flaws[i]);
    }
  return g_test_run ();
}
