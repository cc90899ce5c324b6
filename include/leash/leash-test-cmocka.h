/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * LeashTest for cmocka, header only: include it after <cmocka.h>.
 *
 *     cmocka_unit_test_setup_teardown (test_load, leash_cmocka_setup, leash_cmocka_teardown)
 *
 * The test's state is a LeashTest *; a test that leaves something open fails in its teardown, with the report.
 */
#pragma once

#include <leash/leash-test.h>

G_BEGIN_DECLS

/**
 * leash_cmocka_setup:
 * @state: (out): where cmocka keeps the test's state
 *
 * A setup function for cmocka: makes @state a `LeashTest *`.
 *
 * Returns: 0
 *
 * Since: 0.1
 */
G_GNUC_UNUSED static int
leash_cmocka_setup (void **state)
{
  LeashTest *test = g_new (LeashTest, 1);

  *test = leash_test_begin ();
  *state = test;
  return 0;
}

/**
 * leash_cmocka_teardown:
 * @state: (inout): what leash_cmocka_setup() made
 *
 * A teardown function for cmocka: prints the report and fails where anything is still open.
 *
 * Returns: 0 when nothing is, -1 otherwise, which cmocka counts as a failed teardown
 *
 * Since: 0.1
 */
G_GNUC_UNUSED static int
leash_cmocka_teardown (void **state)
{
  LeashTest *test = (LeashTest *) *state;
  GError *error = NULL;
  gboolean clean = leash_test_finish (test, &error);

  if (!clean)
    {
      /* A line each: cmocka cuts what is longer than 1,023 bytes. */
      char **lines = g_strsplit (leash_error_get_report (error), "\n", -1);

      for (guint i = 0; lines[i] != NULL; i++)
        if (lines[i][0] != '\0' || lines[i + 1] != NULL)
          print_error ("%s\n", lines[i]);
      g_strfreev (lines);
      g_error_free (error);
    }
  g_free (test);
  *state = NULL;
  return clean ? 0 : -1;
}

G_END_DECLS
