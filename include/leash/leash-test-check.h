/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * LeashTest for Check, header only: include it after <check.h>.
 *
 *     tcase_add_checked_fixture (tcase, leash_check_setup, leash_check_teardown);
 *
 * The test that runs is leash_check_test; one that leaves something open fails in its teardown, with the report.
 * Check runs each test in a forked child unless CK_FORK=no: the setup tells Leash that it may take stacks there.
 */
#pragma once

#include <leash/leash-stack.h>
#include <leash/leash-test.h>

G_BEGIN_DECLS

/* The test that is running. */
static LeashTest leash_check_test;

/* Of the last one that failed: ck_abort_msg() does not return, so it cannot be freed where it is shown. */
G_GNUC_UNUSED static GError *leash_check_error;

/**
 * leash_check_setup:
 *
 * A checked fixture's setup for Check: begins `leash_check_test`.
 *
 * Since: 0.1
 */
G_GNUC_UNUSED static void
leash_check_setup (void)
{
  leash_stack_resume_after_fork ();
  leash_check_test = leash_test_begin ();
}

/**
 * leash_check_teardown:
 *
 * A checked fixture's teardown for Check: fails with the report where anything is still open.
 *
 * Since: 0.1
 */
G_GNUC_UNUSED static void
leash_check_teardown (void)
{
  g_clear_error (&leash_check_error);
  if (!leash_test_finish (&leash_check_test, &leash_check_error))
    ck_abort_msg ("%s", leash_error_get_report (leash_check_error));
}

G_END_DECLS
