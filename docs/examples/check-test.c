/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* LeashTest with Check. With an argument, the test that leaks is run too: its teardown fails. */
#include <check.h>
#include <leash/leash.h>
#include <leash/leash-test-check.h>
#include <stdlib.h>

START_TEST (test_closes)
{
  g_autoptr (LeashFile) file = leash_open (leash_check_test.ctx, "/dev/null", LEASH_OPEN_READ, 0, NULL);

  ck_assert_ptr_nonnull (file);
}
END_TEST

START_TEST (test_leaks)
{
  LeashFile *file = leash_open (leash_check_test.ctx, "/dev/null", LEASH_OPEN_READ, 0, NULL);

  ck_assert_ptr_nonnull (file);
}
END_TEST

int
main (int argc, char **argv)
{
  Suite *suite = suite_create ("leash");
  TCase *tcase = tcase_create ("files");
  SRunner *runner = srunner_create (suite);
  int n_failed;

  tcase_add_checked_fixture (tcase, leash_check_setup, leash_check_teardown);
  tcase_add_test (tcase, test_closes);
  if (argc > 1)
    tcase_add_test (tcase, test_leaks);
  suite_add_tcase (suite, tcase);
  srunner_run_all (runner, CK_NORMAL);
  n_failed = srunner_ntests_failed (runner);
  srunner_free (runner);
  return n_failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
