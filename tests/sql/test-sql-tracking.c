/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is tracked of a database of SQLite. */
#include "tracking-tests.h"

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  add_tracking_tests ("/sql/tracking/", "sqlite::memory:");
  return g_test_run ();
}
