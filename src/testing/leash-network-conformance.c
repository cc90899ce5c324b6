/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The conformance suite of networks: some 60 tests that any LeashNetwork of byte streams passes.
 *
 * After Go's golang.org/x/net/nettest, and the sister of leash-fs-conformance.c. A test that begins with both
 * ends of a connection is given them. Every operation runs in a context that ends after LONGEST, so that what
 * hangs is a fault with a name, and not the program's end by its runner. That it has ended is always a fault:
 * it fails what waits as a deadline does that a test looks for.
 */
#include "leash-wire-private.h"

#include <leash/leash-network-conformance.h>

#define LONGEST (60 * G_TIME_SPAN_SECOND)

static const WireTest *const all_tests[]
    = { wire_dial_tests, wire_data_tests, wire_deadline_tests, wire_close_tests };

static void
run_on (Wire *wire, const WireTest *test)
{
  wire->listener = wire_listen (wire, wire->address);
  if (wire->listener != NULL && (!test->is_connected || wire_connect (wire, &wire->one, &wire->other)))
    test->run (wire);
  g_clear_pointer (&wire->one, leash_conn_unref);
  g_clear_pointer (&wire->other, leash_conn_unref);
  g_clear_pointer (&wire->listener, leash_listener_unref);
}

static void
make_and_run (Wire *wire, const ConformCase *self)
{
  LeashNetworkConformanceFactory factory = (LeashNetworkConformanceFactory) self->subject->factory;
  g_autoptr (GError) error = NULL;
  int n_descriptors = conform_count_descriptors (FALSE);

  wire->network = factory (&wire->address, self->subject->user_data, &error);
  if (wire->network != NULL)
    run_on (wire, self->test);
  else if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED))
    conform_skip (&wire->c, "%s", error->message);
  else
    conform_fault (&wire->c, "making the network: expected success, found: %s",
                   error != NULL ? error->message : "nothing, without an error");
  g_clear_object (&wire->network);
  g_free (wire->address);
  conform_same_number (&wire->c, "at the end", "/proc/self/fd", "descriptors", n_descriptors,
                       conform_count_descriptors (FALSE));
}

static gint64
get_longest (void)
{
  const char *seconds = g_getenv ("LEASH_CONFORMANCE_SECONDS");

  return seconds != NULL ? (gint64) (g_ascii_strtod (seconds, NULL) * G_TIME_SPAN_SECOND) : LONGEST;
}

static void
run_case (const ConformCase *self)
{
  Wire wire = { 0 };

  conform_init (&wire.c);
  wire.ctx = leash_context_with_timeout (wire.c.ctx, get_longest ());
  make_and_run (&wire, self);
  if (leash_context_is_done (wire.ctx))
    conform_fault (&wire.c, "at the end: something waited until the test's own time was over");
  leash_context_unref (wire.ctx);
  conform_check_nothing_is_open (&wire.c);
  conform_tell (&wire.c);
  conform_clear (&wire.c);
}

/**
 * leash_network_conformance_add:
 * @path: where the tests are, in the tree of GLib's tests: "/my-network"
 * @factory: makes the network for one test
 *
 * Adds the tests that every #LeashNetwork of byte streams passes to those that g_test_run() runs, as
 * `PATH/data/ping-pong` and the like. What it refuses with %G_IO_ERROR_NOT_SUPPORTED, of what not every
 * network can do, is skipped.
 *
 * A test has a minute, or as many seconds as the environment's `LEASH_CONFORMANCE_SECONDS` says: what waits
 * is ended then, and the test fails.
 *
 * Since: 0.1
 */
void
leash_network_conformance_add (const char *path, LeashNetworkConformanceFactory factory)
{
  leash_network_conformance_add_full (path, factory, NULL, NULL);
}

/**
 * leash_network_conformance_add_full:
 * @path: where the tests are, in the tree of GLib's tests
 * @factory: makes the network for one test
 * @user_data: what @factory is called with
 * @destroy: (nullable): frees @user_data, after the tests
 *
 * As leash_network_conformance_add(), with something for the factory to work with.
 *
 * Since: 0.1
 */
void
leash_network_conformance_add_full (const char *path, LeashNetworkConformanceFactory factory,
                                    gpointer user_data, GDestroyNotify destroy)
{
  ConformSubject *subject;

  g_return_if_fail (path != NULL && path[0] == '/');
  g_return_if_fail (factory != NULL);

  subject = conform_subject_new (run_case, (ConformFactory) factory, user_data, destroy);
  for (guint i = 0; i < G_N_ELEMENTS (all_tests); i++)
    for (const WireTest *test = all_tests[i]; test->name != NULL; test++)
      conform_subject_put (subject, test->name, test);
  conform_subject_add (subject, path);
}
