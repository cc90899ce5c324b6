/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * That the conformance suite of networks finds what it is for: a network that is broken in one way each fails
 * a test that is named here, with a fault that says what is wrong.
 */
#include "conformance-networks.h"

#include <leash/leash-network-conformance.h>

/* ? is a quotation mark, which not every locale has. */
static const struct
{
  const char *name;
  const char *test;
  const char *fault;
} flaws[] = {
  { "times-out-early", "deadline/comes", "*reading: it timed out before its deadline*" },
  { "end-is-an-error", "end/comes-behind-the-data",
    "*reading the end of the data: expected success*no more*" },
  { "swaps-bytes", "data/large-transfer", "*checksum of what was received: expected *" },
  { "writes-twice", "data/pieces-are-read-as-one-wishes", "*reading: expected *etw*found *" },
  { "leaks-descriptor", "dial/both-ways", "*descriptors: expected *" },
  { "wrong-address", "address/each-end-has-the-other's",
    "*the remote address of what was dialled: expected *" },
  { "wrong-code", "dial/where-nobody-listens-is-refused",
    "*dialling where nobody listens: expected the error ?connection-refused?, found g-io-error-quark*" },
  { "takes-the-taken", "listen/taken-address",
    "*listening where somebody listens: expected an error, found success*" },
};

static const char *program;

static char *
run_test (const char *flaw, const char *test, gboolean *ret_passed)
{
  g_autofree char *path = g_strdup_printf ("/broken/subprocess/%s/%s", flaw, test);
  const char *const argv[] = { program, "--tap", "-k", "-p", path, NULL };
  g_autoptr (GError) error = NULL;
  char *printed = NULL;
  int status;

  g_spawn_sync (NULL, (char **) argv, NULL, 0, NULL, NULL, &printed, NULL, &status, &error);
  g_assert_no_error (error);
  *ret_passed = g_spawn_check_wait_status (status, NULL);
  if (strstr (printed, path) == NULL)
    g_error ("there is no test %s", path);
  return printed;
}

static void
test_is_found (gconstpointer data)
{
  guint i = GPOINTER_TO_UINT (data);
  gboolean passed;
  g_autofree char *printed = run_test (flaws[i].name, flaws[i].test, &passed);

  g_assert_false (passed);
  if (!g_pattern_match_simple (flaws[i].fault, printed))
    g_error ("“%s” is not in “%s”", flaws[i].fault, printed);
}

static void
test_sound_passes (gconstpointer data)
{
  guint i = GPOINTER_TO_UINT (data);
  gboolean passed;
  g_autofree char *printed = run_test ("sound", flaws[i].test, &passed);

  if (!passed)
    g_error ("%s", printed);
}

int
main (int argc, char **argv)
{
  program = argv[0];
  g_test_init (&argc, &argv, NULL);
  leash_network_conformance_add_full ("/broken/subprocess/sound", make_users, NULL, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (flaws); i++)
    {
      g_autofree char *parts = g_strconcat ("/broken/subprocess/", flaws[i].name, NULL);
      g_autofree char *found = g_strconcat ("/net/conformance/finds/", flaws[i].name, NULL);
      g_autofree char *sound = g_strconcat ("/net/conformance/passes-without/", flaws[i].name, NULL);

      leash_network_conformance_add_full (parts, make_users, (gpointer) flaws[i].name, NULL);
      g_test_add_data_func (found, GUINT_TO_POINTER (i), test_is_found);
      g_test_add_data_func (sound, GUINT_TO_POINTER (i), test_sound_passes);
    }
  return g_test_run ();
}
