/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* LeashTest with cmocka. With an argument, the test that leaks is run too: its teardown fails. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <leash/leash.h>
#include <leash/leash-test-cmocka.h>

static void
test_closes (void **state)
{
  LeashTest *test = *state;
  g_autoptr (LeashFile) file = leash_open (test->ctx, "/dev/null", LEASH_OPEN_READ, 0, NULL);

  assert_non_null (file);
}

static void
test_leaks (void **state)
{
  LeashTest *test = *state;
  LeashFile *file = leash_open (test->ctx, "/dev/null", LEASH_OPEN_READ, 0, NULL);

  assert_non_null (file);
}

int
main (int argc, char **argv)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test_setup_teardown (test_closes, leash_cmocka_setup, leash_cmocka_teardown),
  };
  const struct CMUnitTest leaking[] = {
    cmocka_unit_test_setup_teardown (test_leaks, leash_cmocka_setup, leash_cmocka_teardown),
  };

  if (argc > 1)
    return cmocka_run_group_tests (leaking, NULL, NULL);
  return cmocka_run_group_tests (tests, NULL, NULL);
}
